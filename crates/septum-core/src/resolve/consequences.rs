//! Failures of templates that follow from other failures, which are reported.
//!
//! A template that has read a secret fails without details, also if it fails because of an entry that was reported. The
//! names in its text, which do not depend on a secret, distinguish such a failure from one of its own.

use super::frame::{RenderFrame, RenderSubject};
use crate::diagnostic::{Cause, Diagnostic};
use crate::layer::Definition;
use crate::map::{HashMap, HashSet};
use crate::name::EntryId;
use crate::span::Location;

/// A template that failed, and what it names.
#[derive(Debug)]
pub(super) struct FailedTemplate {
    pub(super) subject: RenderSubject,
    pub(super) named: Vec<RenderSubject>,
    /// The error without details; none if it was reported where it arose.
    pub(super) withheld: Option<Diagnostic>,
}

/// Entries and variables that the paths in a template name.
pub(super) fn named_subjects(frame: &RenderFrame, paths: impl IntoIterator<Item = String>) -> Vec<RenderSubject> {
    let subject = |path: String| {
        let steps: Vec<&str> = path.split('.').collect();
        match steps[..] {
            ["data", key, ..] => Some(RenderSubject::Entry(EntryId { bundle: frame.bundle.clone(), key: key.into() })),
            ["bundles", bundle, key, ..] => {
                Some(RenderSubject::Entry(EntryId { bundle: bundle.into(), key: key.into() }))
            }
            ["vars", ..] => path.strip_prefix("vars.").map(|path| RenderSubject::Variable(path.to_owned())),
            _ => None,
        }
    };
    paths.into_iter().filter_map(subject).collect()
}

/// The errors of templates that failed, except those that follow from something that is reported.
pub(super) fn independent_failures(
    failed: Vec<FailedTemplate>,
    reported: &HashSet<RenderSubject>,
    definition: &Definition,
) -> Vec<Diagnostic> {
    let broken = definition.entries().filter(|(_, _, entry)| entry.broken);
    let broken = broken.map(|(id, _, _)| RenderSubject::Entry(id));
    let mut readers: HashMap<RenderSubject, Vec<RenderSubject>> = HashMap::default();
    for template in &failed {
        for named in &template.named {
            readers.entry(named.clone()).or_default().push(template.subject.clone());
        }
    }
    let mut followers = Followers { readers, found: HashSet::default() };
    followers.add_of(reported.iter().cloned().chain(broken).collect());
    let mut own = Vec::new();
    // what a template reads failed before it
    for FailedTemplate { subject, named, withheld } in failed {
        let Some(withheld) = withheld.filter(|_| !followers.found.contains(&subject)) else { continue };
        followers.add_of(vec![subject]);
        let places: Vec<_> = named.iter().filter_map(|subject| entry_place(definition, subject)).collect();
        // values that break a rule are reported later
        own.push(withheld.with_cause((!places.is_empty()).then_some(Cause::FollowsFrom(places))));
    }
    own
}

/// Templates whose failures follow from what is reported.
struct Followers {
    /// Templates that failed, by what they name.
    readers: HashMap<RenderSubject, Vec<RenderSubject>>,
    found: HashSet<RenderSubject>,
}

impl Followers {
    /// Adds the templates that read something that is reported, and those that read them.
    fn add_of(&mut self, reported: Vec<RenderSubject>) {
        let mut open = reported;
        while let Some(cause) = open.pop() {
            for reader in self.readers.remove(&cause).unwrap_or_default() {
                if self.found.insert(reader.clone()) {
                    open.push(reader);
                }
            }
        }
    }
}

fn entry_place(definition: &Definition, subject: &RenderSubject) -> Option<Location> {
    let RenderSubject::Entry(id) = subject else { return None };
    definition.entry(id).map(|entry| entry.place().clone())
}
