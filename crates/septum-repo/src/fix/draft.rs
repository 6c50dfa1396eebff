//! A layer that is edited as text, at the locations of the changes.
//!
//! After edits the text is read again and compared with its expected content: whatever the YAML syntax, either only the
//! intended parts change, or nothing does.

mod plan;

use std::ops::Range;

use zeroize::Zeroizing;

use self::plan::TreeChange;
pub(super) use self::plan::{EntryChange, EntryChangeKind};
use super::entry_path;
use super::refusal::FixError;
use crate::check::EntryLocation;
use crate::diagnostic::Diagnostics;
use crate::sops;
use crate::span::Source;
use crate::yaml;
use crate::yaml::node::{Scalar, YamlKey, YamlKind, YamlNode};
use crate::yaml::splice::{TextSplice, splice_text};

/// A layer that is being edited.
#[derive(Clone)]
pub(super) struct LayerDraft {
    name: String,
    text: Zeroizing<String>,
    root: YamlNode,
    newline: &'static str,
    /// The file as it is on disk.
    on_disk: Zeroizing<String>,
}

/// The value that a change took out of the layer, or the reason why the layer is as before.
pub(super) type ChangeResult = Result<Option<Zeroizing<String>>, FixError>;

impl LayerDraft {
    /// Reads a layer, which must not be encrypted.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, FixError> {
        let root =
            yaml::read::read_document(&Source::new(name, text)).map_err(|_: Diagnostics| FixError::Unreadable)?;
        if sops::is_encrypted(&root) {
            return Err(FixError::InPart(name.to_owned()));
        }
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let text = Zeroizing::new(text.to_owned());
        Ok(Self { name: name.to_owned(), on_disk: text.clone(), text, root, newline })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The file as it is on disk, if the draft differs.
    pub(super) fn changed_from(&self) -> Option<&str> {
        (self.on_disk != self.text).then_some(self.on_disk.as_str())
    }

    /// Notes that the draft was written to the file.
    pub(super) fn note_written(&mut self) {
        self.on_disk = self.text.clone();
    }

    /// The keys that lead to an entry.
    pub(super) fn find(&self, spot: &EntryLocation) -> Result<Vec<String>, FixError> {
        entry_path::find_entry_path(&self.root, spot)
    }

    /// Makes changes of entries, each as a whole or not at all: all at once if that gives exactly these changes, else
    /// half of them at a time, because each edit requires parsing the file. Returns the values that were taken out.
    pub(super) fn change_all(&mut self, changes: &[EntryChange<'_>]) -> Vec<ChangeResult> {
        let mut results = Vec::with_capacity(changes.len());
        self.change_part(changes, &mut results);
        results
    }

    fn change_part(&mut self, changes: &[EntryChange<'_>], results: &mut Vec<ChangeResult>) {
        let planned: Vec<_> = changes.iter().map(|change| self.plan_change(change)).collect();
        let (mut edits, mut expected, mut part) = (Vec::new(), Vec::new(), Vec::new());
        for plan in planned {
            part.push(plan.map(|plan| {
                edits.push(plan.edit);
                expected.push(plan.expected);
                plan.taken
            }));
        }
        match self.apply_edits(&edits, expected) {
            Ok(()) => results.extend(part),
            Err(_) if edits.len() > 1 => {
                let (first, second) = changes.split_at(changes.len() / 2);
                self.change_part(first, results);
                self.change_part(second, results);
            }
            Err(failure) => results.extend(part.into_iter().map(|one| one.and(Err(failure.clone())))),
        }
    }

    /// Edits the text, if its new tree is the result of `expected` on its current one.
    fn apply_edits(&mut self, edits: &[TextSplice], expected: Vec<TreeChange<'_>>) -> Result<(), FixError> {
        if edits.is_empty() {
            return Ok(());
        }
        let mut wanted = self.root.clone();
        for change in expected {
            change(&mut wanted).ok_or(FixError::Lost)?;
        }
        let text = splice_text(&self.text, edits).ok_or(FixError::Entangled)?;
        let root = yaml::read::read_document(&Source::new(self.name.as_str(), text.as_str()));
        let root = root.ok().filter(|root| is_same(root, &wanted)).ok_or(FixError::Entangled)?;
        self.text = text;
        self.root = root;
        Ok(())
    }

    fn slice(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }
}

/// Whether two trees have the same content, whatever the locations.
fn is_same(one: &YamlNode, other: &YamlNode) -> bool {
    match (&one.kind, &other.kind) {
        (YamlKind::Scalar(one), YamlKind::Scalar(other)) => {
            let what = |scalar: &Scalar| (scalar.style, scalar.blank, scalar.tag.clone());
            one.text() == other.text() && what(one) == what(other)
        }
        (YamlKind::List(one), YamlKind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (YamlKind::Map(one), YamlKind::Map(other)) => {
            let has = |(key, one): (&YamlKey, &YamlNode)| other.get(key).is_some_and(|other| is_same(one, other));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
