//! Checks of a changed layer against related layers.

use std::path::Path;

use super::SecretEntry;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, Severity};
use crate::disk::Disk;
use crate::layer::PlaintextLayer;
use crate::name::EntryId;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::{App, Project};
use crate::sops::{Identities, IdentitySources, Selector};
use crate::span::Source;
use crate::yaml::node::YamlNode;
use crate::yaml::read::{MergeKeys, read_document, read_stream};

/// Maximum number of apps that are checked for all that share a layer: `septum check` checks all of them, and takes
/// its time.
const MOST_APPS: usize = 20;

/// A file in plaintext, before and after a user changed it.
pub struct ChangedLayer<'a> {
    /// Its path, absolute and without links.
    pub path: &'a Path,
    /// Name of the file in messages.
    pub name: &'a str,
    /// Its values that are encrypted.
    pub selector: &'a Selector,
    /// Its text before; empty if the file is new.
    pub before: &'a [u8],
    /// Its text after.
    pub after: &'a [u8],
}

impl ChangedLayer<'_> {
    /// Refuses new problems of a layer: unknown fields, keys that the base does not define, and changed values that
    /// it does not accept. Returns warnings about parts that could not be checked.
    ///
    /// A file that is not a layer is accepted as it is, and so is one that is not YAML: encrypting it reports more.
    /// No other layer is decrypted.
    pub fn check_layer(&self) -> Result<Diagnostics, Diagnostics> {
        let (Ok(before), Ok(after)) = (std::str::from_utf8(self.before), std::str::from_utf8(self.after)) else {
            return Ok(Diagnostics::new());
        };
        let is_yaml = self.path.extension().is_some_and(|extension| extension == "yaml");
        if !is_yaml || read_stream(&Source::new(self.name, after), MergeKeys::Keep).is_err() {
            return Ok(Diagnostics::new());
        }
        let directory = self.path.parent().unwrap_or(self.path);
        let Some(root) = Project::locate(&Disk::default(), directory) else { return Ok(Diagnostics::new()) };
        let project = match Project::open(&Disk::default(), &root) {
            Ok(project) => project,
            Err(problems) => return Ok(self.unchecked_warning(problems)),
        };
        let old = LayerVersion::survey_version(&project, self, before);
        let new = LayerVersion::survey_version(&project, self, after);
        if !new.is_layer {
            return Ok(Diagnostics::new());
        }
        let mut known = old.errors;
        let mut found = Diagnostics::new();
        for error in new.errors {
            let same = |other: &Diagnostic| (other.rule, &other.message) == (error.rule, &error.message);
            match known.iter().position(same) {
                Some(at) => drop(known.swap_remove(at)),
                None => found.push(error),
            }
        }
        let changed = changed_entries(before, after);
        for (app, survey) in &new.surveys {
            for finding in self.find_rule_violations(&new.pipeline, app, survey, &changed) {
                let is_known = found.iter().any(|known| known.message == finding.message);
                found.extend((!is_known).then_some(finding));
            }
        }
        match found.is_empty() {
            false => Err(found),
            true if new.is_whole => Ok(Diagnostics::new()),
            true => Ok(self.unchecked_warning(known.into_iter().collect())),
        }
    }

    /// Errors in changed values, by the rules of the layers.
    fn find_rule_violations(
        &self,
        pipeline: &Pipeline<'_>,
        app: &App,
        survey: &Survey,
        changed: &[ChangedEntry],
    ) -> Diagnostics {
        let name = pipeline.library.project.files.name(self.path);
        let mut found = Diagnostics::new();
        for resolved in &survey.environments {
            let definition = &resolved.definition;
            if !definition.files.iter().any(|file| file.name() == name) {
                continue;
            }
            for ChangedEntry { bundle, key, text } in changed {
                let bundle = bundle.as_ref().map_or_else(|| definition.own_bundle(), |name| name.as_str().into());
                let id = EntryId { bundle, key: key.as_str().into() };
                let slot = SecretEntry::locate_entry(pipeline, app, survey, &definition.environment, &id);
                found.extend(slot.check_value(text.as_bytes(), true).err().into_iter().flatten());
            }
        }
        found
    }

    /// Warning that a change was not compared with the base.
    fn unchecked_warning(&self, problems: Diagnostics) -> Diagnostics {
        let first = problems.into_iter().find(|problem| problem.severity == Severity::Error);
        let message = format!("`{}` was not checked against the base, because the project cannot be read", self.name);
        let found = Diagnostic::warning(Rule::UncheckedLayer, message);
        let found = match first {
            Some(first) => found.note(first.message),
            None => found,
        };
        found.hint("run `septum check`, which reports the problem; once it is fixed, it also checks this file").into()
    }
}

/// Content of the layers, with one text of the file.
struct LayerVersion<'p> {
    pipeline: Pipeline<'p>,
    errors: Vec<Diagnostic>,
    surveys: Vec<(&'p App, Survey)>,
    /// Whether any app reads the file as a layer.
    is_layer: bool,
    /// Whether all apps that may read it could be surveyed.
    is_whole: bool,
}

impl<'p> LayerVersion<'p> {
    fn survey_version(project: &'p Project, change: &ChangedLayer<'_>, text: &str) -> Self {
        let mut pipeline = Pipeline::new(project, Identities::new(IdentitySources::default()));
        pipeline.library.put_plaintext(PlaintextLayer::new(change.path.to_owned(), text, change.selector.clone()));
        let (mut problems, mut surveys, mut is_whole) = (Diagnostics::new(), Vec::new(), true);
        for app in project.apps.iter().filter(|app| may_read(project, app, change.path)).take(MOST_APPS) {
            match pipeline.survey(app, SurveyOptions::decrypting(&[]), &mut problems) {
                Some(survey) => surveys.push((app, survey)),
                None => is_whole = false,
            }
        }
        let is_layer = pipeline.library.has_read(change.path);
        let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
        Self { pipeline, errors, surveys, is_layer, is_whole }
    }
}

/// Whether a file is where an app looks for its layers.
fn may_read(project: &Project, app: &App, path: &Path) -> bool {
    path.starts_with(&app.directory) || project.shared.as_ref().is_some_and(|shared| path.starts_with(shared))
}

/// Entry with a text that was not there before.
#[derive(PartialEq, Eq)]
struct ChangedEntry {
    bundle: Option<String>,
    key: String,
    text: zeroize::Zeroizing<String>,
}

fn changed_entries(before: &str, after: &str) -> Vec<ChangedEntry> {
    let before = list_entries(before);
    list_entries(after).into_iter().filter(|entry| !before.contains(entry)).collect()
}

/// The entries of a layer in plaintext that have scalar values.
fn list_entries(text: &str) -> Vec<ChangedEntry> {
    let mut found = Vec::new();
    let root = read_document(&Source::new("", text)).ok();
    let Some(fields) = root.as_ref().and_then(YamlNode::as_map) else { return found };
    collect_entries(fields.get("data"), None, &mut found);
    for (name, bundle) in fields.get("bundles").and_then(YamlNode::as_map).into_iter().flatten() {
        collect_entries(bundle.as_map().and_then(|bundle| bundle.get("data")), Some(&name.text), &mut found);
    }
    found
}

fn collect_entries(data: Option<&YamlNode>, bundle: Option<&str>, found: &mut Vec<ChangedEntry>) {
    for (key, value) in data.and_then(YamlNode::as_map).into_iter().flatten() {
        let value = value.as_map().map_or(Some(value), |long| long.get("value"));
        let scalar = value.and_then(YamlNode::as_scalar).filter(|scalar| !scalar.blank && !scalar.is_null());
        if let Some(scalar) = scalar {
            let text = zeroize::Zeroizing::new(scalar.text().to_owned());
            found.push(ChangedEntry { bundle: bundle.map(str::to_owned), key: key.text.clone(), text });
        }
    }
}
