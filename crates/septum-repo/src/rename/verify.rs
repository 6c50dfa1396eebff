//! Comparison of a project before and after a renaming.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::layer::Entry;
use crate::name::{EntryId, KeyName};
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::{App, Project};
use crate::resolve::EntryOutcome;
use crate::sort::CollectSorted;
use crate::span::Location;
use crate::visibility::OnMissingKey;

/// An app, resolved in all environments as far as there are keys.
pub(super) struct AppState<'p> {
    pub(super) survey: Survey,
    pub(super) app: &'p App,
    /// Errors in it.
    pub(super) errors: Vec<Diagnostic>,
}

/// Bundle of the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyBundle {
    /// Its name; empty for the own bundles of several apps.
    pub(super) name: String,
    /// Whether it is the app's own.
    pub(super) is_own: bool,
}

impl KeyBundle {
    /// The same for all apps: the own bundle of each has the name of the app.
    pub(super) fn shared(self) -> Self {
        if self.is_own { Self { name: String::new(), ..self } } else { self }
    }

    /// Its name in an app.
    pub(super) fn name_in<'s>(&'s self, state: &'s AppState<'_>) -> &'s str {
        if self.is_own { state.survey.app.as_str() } else { &self.name }
    }
}

/// The project with other contents of some files.
pub(super) fn project_with(project: &Project, contents: BTreeMap<PathBuf, Vec<u8>>) -> Result<Project, Diagnostics> {
    let root = project.files.root();
    let inside = |(path, bytes): (PathBuf, Vec<u8>)| {
        Some((project.files.bounds().resolve(&path).ok()?.as_path().to_path_buf(), bytes))
    };
    let disk = project.files.disk().with_more_files(contents.into_iter().filter_map(inside).collect_map());
    let directory = project.apps.first().map_or(root, |app| app.directory.as_path());
    let root = Project::locate(&disk, directory)
        .ok_or_else(|| Diagnostic::error(Rule::NoProject, "the project was removed in the meantime"))?;
    Project::open(&disk, &root)
}

impl<'p> AppState<'p> {
    /// Resolves an app; none if its layers cannot be read, which is reported.
    pub(super) fn of_app(pipeline: &Pipeline<'_>, app: &'p App, problems: &mut Diagnostics) -> Option<Self> {
        let (mut locked, mut found) = (BTreeMap::new(), Diagnostics::new());
        let options = SurveyOptions::decrypting(&app.environments).as_far_as_known(&mut locked);
        let Some(survey) = pipeline.survey(app, options, &mut found) else {
            problems.extend(found.into_iter().filter(Diagnostic::is_error));
            return None;
        };
        for environment in &app.environments {
            pipeline.objects(&survey, environment, OnMissingKey::Keep(&|_| None), &mut found);
        }
        let errors = found.into_iter().filter(|it| it.is_error() && it.failure != FailureKind::Key).collect();
        Some(Self { survey, app, errors })
    }

    fn entries(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        let definitions = self.survey.environments.iter().map(|resolved| &resolved.definition);
        definitions.flat_map(|definition| definition.entries().map(|(id, _, entry)| (id, entry)))
    }

    /// Names of all keys.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        self.entries().map(|(id, _)| id.key.as_str().to_owned()).collect_set()
    }

    /// Bundles with a key, each once: where it is defined, and whether it is a former name only.
    pub(super) fn find_entries(&self, bundle: Option<&str>, key: &str) -> Vec<(KeyBundle, Location, bool)> {
        let own = self.survey.app.as_str();
        let bundle_of =
            |id: &EntryId| KeyBundle { name: id.bundle.as_str().to_owned(), is_own: id.bundle.as_str() == own };
        let is_asked = |id: &EntryId| bundle.is_none_or(|bundle| id.bundle.as_str() == bundle);
        let mut found: BTreeMap<KeyBundle, (Location, bool)> = BTreeMap::new();
        for (id, entry) in self.entries().filter(|(id, _)| id.key.as_str() == key && is_asked(id)) {
            found.entry(bundle_of(&id)).or_insert_with(|| (entry.defined.clone(), false));
        }
        let definitions = self.survey.environments.iter().map(|resolved| &resolved.definition);
        for former in definitions.flat_map(|definition| &definition.former_uses) {
            if former.old.as_str() == key && is_asked(&former.id) {
                let defined = self.entries().find(|(id, _)| *id == former.id);
                let place = defined.map_or_else(|| former.place.clone(), |(_, entry)| entry.defined.clone());
                found.entry(bundle_of(&former.id)).or_insert((place, true));
            }
        }
        found.into_iter().map(|(bundle, (place, is_former))| (bundle, place, is_former)).collect()
    }

    /// Whether another bundle has a key of that name.
    pub(super) fn has_in_other_bundle(&self, key: &str, bundle: &str) -> bool {
        self.entries().any(|(id, _)| id.key.as_str() == key && id.bundle.as_str() != bundle)
    }

    /// Workloads that read an entry without naming its key.
    pub(super) fn find_readers(&self, pipeline: &Pipeline<'_>, id: &EntryId) -> Vec<String> {
        let names_key = |consumer: &String| ["KeyRef", "items"].iter().any(|part| consumer.contains(part));
        let environments = self.survey.environments.iter();
        let consumers = environments.flat_map(|resolved| pipeline.consumers(&self.survey, resolved).consumers(id));
        let consumers = consumers.filter(|consumer| !names_key(consumer));
        consumers.map(|consumer| consumer.split(" (").next().unwrap_or_default().to_owned()).collect()
    }
}

/// Differences of an app after a renaming, other than the name.
pub(super) fn compare_states(before: &AppState<'_>, after: &AppState<'_>, from: &EntryId, to: &KeyName) -> Diagnostics {
    let key = |error: &Diagnostic| {
        let place = error.labels.first().map(|label| (label.place.source.name().to_owned(), label.place.span.line));
        (error.rule, place)
    };
    let known: Vec<_> = before.errors.iter().map(key).collect();
    let mut found: Diagnostics = after.errors.iter().filter(|error| !known.contains(&key(error))).cloned().collect();
    if !found.is_empty() {
        return found;
    }
    for resolved in &before.survey.environments {
        let environment = &resolved.definition.environment;
        let Some(twin) = after.survey.environment(environment) else { continue };
        for (id, value) in &resolved.entries {
            let new = if id == from { EntryId { bundle: id.bundle.clone(), key: to.clone() } } else { id.clone() };
            let label = resolved.definition.label(id);
            let routing = (before.survey.routing.sensitivity(id), after.survey.routing.sensitivity(&new));
            let same = twin.entries.get(&new).is_some_and(|other| is_same(&value.outcome, &other.outcome));
            if same && routing.0 == routing.1 {
                continue;
            }
            let (message, hint) = if same {
                (
                    format!("`{label}` would move to another object: its name decides whether it is a secret"),
                    "declare `sensitive: true`, or `false` with a `reason`, in `base.yaml` first",
                )
            } else {
                (
                    format!("the value of `{label}` would change in `{environment}`"),
                    "write the name of the key in its template, then run the command again",
                )
            };
            found.push(Diagnostic::error(Rule::NotRenamed, message).at_masked(value.place.clone()).hint(hint));
        }
    }
    found
}

fn is_same(one: &EntryOutcome, other: &EntryOutcome) -> bool {
    match (one, other) {
        (EntryOutcome::Known(one), EntryOutcome::Known(other)) => one.bytes() == other.bytes(),
        (EntryOutcome::Missing, EntryOutcome::Missing)
        | (EntryOutcome::Pointed(_), EntryOutcome::Pointed(_))
        | (EntryOutcome::Locked(_), EntryOutcome::Locked(_))
        // reported without the renaming too
        | (EntryOutcome::Failed, EntryOutcome::Failed) => true,
        _ => false,
    }
}
