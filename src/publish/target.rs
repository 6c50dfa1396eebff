//! One target: its objects as files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::duplicates::ObjectSite;
use super::inputs::{Answers, layers_in};
use super::{Intent, Standing, Unverified, Wish};
use crate::deliver::{Delivered, Form, ObjectName, Way};
use crate::diagnostic::Diagnostics;
use crate::emit;
use crate::emit::tree::{Content, FileName, ObjectId, Outcome, OutputFile, OutputTree, TargetName, file_names};
use crate::files::Probe;
use crate::layer::SecretForm;
use crate::manifest;
use crate::meter::Stage;
use crate::name::EnvironmentName;
use crate::object::{Fingerprint, Object, Rendered, Unknown};
use crate::pipeline::{Pipeline, Survey};
use crate::project::{App, PROJECT_FILE};
use crate::resolve::Resolved;
use crate::route::Sensitivity;
use crate::secret::Wiping;

/// What became of a target.
pub(super) struct Target {
    pub(super) name: TargetName,
    pub(super) outcome: Outcome,
    /// Sources of its objects, if it was rendered.
    pub(super) sites: Vec<ObjectSite>,
}

impl Target {
    pub(super) fn unchanged(name: TargetName, inputs: Option<BTreeMap<String, String>>) -> Self {
        Self { name, outcome: Outcome::Unchanged { inputs }, sites: Vec::new() }
    }

    pub(super) fn rendered(
        name: TargetName,
        inputs: BTreeMap<String, String>,
        state: Option<String>,
        files: Files,
    ) -> Self {
        let Files { all: files, sites, .. } = files;
        Self { name, outcome: Outcome::Rendered { inputs, state, files }, sites }
    }

    /// The files with a Secret in plaintext in them.
    pub(super) fn plain_secrets(&self) -> impl Iterator<Item = &FileName> {
        let files = match &self.outcome {
            Outcome::Rendered { files, .. } => files.as_slice(),
            Outcome::Unchanged { .. } => &[],
        };
        files.iter().filter(|file| file.sensitivity == Sensitivity::Sensitive).map(|file| &file.name)
    }
}

/// What a target is rendered from.
pub(super) struct Rendering<'a> {
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) wish: &'a Wish<'a>,
    pub(super) dir: &'a Path,
    pub(super) tree: &'a OutputTree,
    pub(super) app: &'a App,
    pub(super) survey: &'a Survey,
    pub(super) environment: &'a EnvironmentName,
    pub(super) target: &'a TargetName,
    /// Whether its layers were decrypted.
    pub(super) is_open: bool,
}

/// The files of a target, and those that require a key to be verified or made.
pub(super) struct Files {
    pub(super) all: Vec<OutputFile>,
    pub(super) unverified: Vec<Unverified>,
    /// Their sources.
    sites: Vec<ObjectSite>,
}

impl Rendering<'_> {
    /// All questions that it asks, those of other environments included by which routing is decided over
    /// all of them. The same, whatever else is rendered in a run.
    pub(super) fn probes(&self) -> BTreeSet<Probe> {
        let mut probes = BTreeSet::new();
        for resolved in &self.survey.environments {
            if resolved.definition.environment == *self.environment {
                probes.extend(self.asked(resolved));
            } else {
                probes.extend(layers(resolved).chain(resolved.asked.iter().cloned()));
            }
        }
        let root = self.pipeline.library.project.files.root();
        probes.insert(Probe::File(root.join(PROJECT_FILE)));
        probes.insert(layers_in(&self.app.folder));
        probes
    }

    /// The questions of its own.
    fn asked(&self, resolved: &Resolved) -> BTreeSet<Probe> {
        let folder = self.dir.join(self.target.as_str());
        let delivery = crate::deliver::asks(&resolved.definition, &folder, &self.secrets(), &resolved.files);
        layers(resolved).chain(resolved.files.seen()).chain(delivery).collect()
    }

    /// What it is made of itself, and what was decided over all environments, in one digest. As long as
    /// that stays the same, so does the target, whatever happens to others.
    pub(super) fn state(&self, answers: &Answers<'_>) -> Option<String> {
        let resolved = self.survey.environment(self.environment)?;
        let mut parts = vec![self.target.as_str().to_owned()];
        parts.extend(self.survey.environments.iter().map(|other| other.definition.environment.as_str().to_owned()));
        parts.extend(answers.inputs(self.asked(resolved)).into_iter().flat_map(|(name, answer)| [name, answer]));
        for id in resolved.entries.keys() {
            let sensitivity = self.survey.routing.sensitivity(id);
            parts.push(format!("{}/{} {sensitivity:?}", id.bundle, id.key));
        }
        Some(self.tree.cache().digest(parts.join("\n").as_bytes()))
    }

    /// The file of the environment's secrets.
    fn secrets(&self) -> PathBuf {
        self.app.folder.join(format!("{}.secrets.yaml", self.environment))
    }

    /// Renders it; none if something is wrong, which is reported.
    pub(super) fn render(&self, problems: &mut Diagnostics) -> Option<Files> {
        let resolved = self.survey.environment(self.environment)?;
        let form = resolved.definition.delivery.secrets();
        let named = |object: &Object| self.committed_name(&crate::deliver::name_of(object, form));
        let unknown = if self.is_open { Unknown::Refused } else { Unknown::Left(&named) };
        let before = problems.len();
        let objects = self.pipeline.objects_with(self.survey, self.environment, unknown, problems);
        let had_errors = problems.iter().skip(before).any(crate::diagnostic::Diagnostic::is_error);
        if had_errors {
            return None;
        }
        let ids: Vec<_> = objects.whole.iter().map(|object| crate::deliver::name_as(object, form)).collect();
        let names = file_names(&ids.iter().map(object_id).collect::<Vec<_>>());
        let names: HashMap<_, _> = ids.iter().zip(names).collect();
        let file = |id: &ObjectName| names.get(&without_name(id)).cloned().or_else(|| FileName::of(&file_of(id)));
        let folder = self.dir.join(self.target.as_str());
        let (secrets, path) = (self.secrets(), |id: &ObjectName| folder.join(file_of(id)));
        let committed = |id: &ObjectName| self.tree.committed(self.target, &file(id)?);
        let way = Way {
            definition: &resolved.definition,
            secrets: &secrets,
            rules: self.pipeline.library.rules(),
            identities: self.pipeline.library.identities(),
            // what is read here is asked for by name
            files: &self.pipeline.library.project.files,
            path: &path,
            committed: &committed,
            now: self.wish.now,
            day: super::day(self.pipeline, self.wish.now),
        };
        let meter = &self.pipeline.meter;
        let deliver = || super::delivered(resolved, &self.survey.routing, objects, &way, problems);
        let delivered = meter.time(Stage::Deliver, deliver);
        let seals = self.fingerprints(resolved, &way);
        Some(meter.time(Stage::Emit, || self.files(&delivered, &seals, &way, resolved)))
    }

    /// The name of an object that follows from values nobody at hand knows: the one that its file has, if it can be
    /// one. Whether all else in the file is right is seen when it is compared.
    fn committed_name(&self, id: &ObjectName) -> Option<String> {
        let bytes = self.tree.committed(self.target, &FileName::of(&file_of(id))?)?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let is_suffix =
            |suffix: &str| suffix.len() == SUFFIX && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let suffix = |line: &str| {
            let suffix = line.strip_prefix("  name: ")?.strip_prefix(&id.base_name)?.strip_prefix('-')?.to_owned();
            is_suffix(&suffix).then_some(suffix)
        };
        text.lines().find_map(suffix).map(|suffix| format!("{}-{suffix}", id.base_name))
    }

    /// The fingerprints of the inputs of those objects that require a key.
    fn fingerprints(&self, resolved: &Resolved, way: &Way<'_>) -> HashMap<ObjectName, String> {
        // who checks a tree writes none
        if !self.is_open || resolved.definition.wrappings.is_empty() || self.wish.intent == Intent::Check {
            return HashMap::new();
        }
        let veiled = self.pipeline.veiled(self.app, self.survey, self.environment);
        let form = resolved.definition.delivery.secrets();
        let of = |object: &Rendered| {
            let name = crate::deliver::name_as(object, form);
            Some((name.clone(), within(&object.fingerprint()?, way, &name)))
        };
        veiled.iter().filter_map(of).collect()
    }

    fn files(
        &self,
        delivered: &[Delivered],
        seals: &HashMap<ObjectName, String>,
        way: &Way<'_>,
        resolved: &Resolved,
    ) -> Files {
        let ids: Vec<_> = delivered.iter().map(|object| object_id(&object.id)).collect();
        let names = file_names(&ids);
        let sites = ObjectSite::all_of(self.app, &resolved.definition, delivered);
        let mut found = Files { all: Vec::with_capacity(delivered.len()), unverified: Vec::new(), sites };
        for (object, name) in delivered.iter().zip(names) {
            let is_comparable = object.outline.is_none() || self.wish.intent == Intent::Apply;
            match &object.form {
                Form::Plain(_) | Form::Encrypted(_) if is_comparable => {
                    let seal = seals.get(&without_name(&object.id));
                    found.all.push(known(object, name, seal));
                }
                Form::Plain(_) | Form::Encrypted(_) | Form::Unknown => self.unverified(object, name, way, &mut found),
            }
        }
        if !self.is_open && manifest::has_nameless(resolved) {
            self.keep_all(&mut found);
        }
        found
    }

    /// A file that nobody at hand can make, or compare in all of its parts.
    fn unverified(&self, object: &Delivered, name: FileName, way: &Way<'_>, found: &mut Files) {
        let committed = self.tree.committed(self.target, &name);
        let fingerprint = object.fingerprint.as_ref().map(|print| within(print, way, &without_name(&object.id)));
        let is_covered = || fingerprint.is_some_and(|print| self.tree.has_inputs(self.target, &name, &print));
        let standing = match (&committed, &object.outline) {
            (None, _) => Standing::Missing,
            (Some(bytes), Some(outline)) if !outline.matches(bytes) => Standing::Different,
            _ if is_covered() => Standing::Covered,
            _ => Standing::Uncovered,
        };
        let is_different = matches!(standing, Standing::Missing | Standing::Different);
        let content = match (self.wish.intent, is_different) {
            (Intent::Check, true) => Some(Content::Outline(
                object.outline.as_ref().map(|outline| outline.text().to_owned()).unwrap_or_default(),
            )),
            (Intent::Apply, true) if committed.is_none() => None,
            _ => Some(Content::Kept),
        };
        if !(is_different && self.wish.intent == Intent::Check) {
            let file = Some(name.as_str().to_owned());
            found.unverified.push(Unverified { standing, target: self.target.clone(), file });
        }
        let is_plaintext = way.definition.delivery.secrets() == SecretForm::Manifest && object.id.kind == "Secret";
        let sensitivity = if is_plaintext { Sensitivity::Sensitive } else { Sensitivity::Plain };
        found.all.extend(content.map(|content| OutputFile { name, content, sensitivity, fingerprint: None }));
    }

    /// Keeps what is listed and was not made: nobody can say whether it still would be.
    fn keep_all(&self, found: &mut Files) {
        let made: BTreeSet<_> = found.all.iter().map(|file| file.name.clone()).collect();
        let left = self.tree.listed(self.target).into_iter();
        let left = left.filter(|name| !made.contains(name) && self.tree.committed(self.target, name).is_some());
        let target = || self.target.clone();
        found.unverified.push(Unverified { standing: Standing::Uncovered, target: target(), file: None });
        for name in left {
            let file = Some(name.as_str().to_owned());
            found.unverified.push(Unverified { standing: Standing::Uncovered, target: target(), file });
            let (content, sensitivity) = (Content::Kept, Sensitivity::Plain);
            found.all.push(OutputFile { name, content, sensitivity, fingerprint: None });
        }
    }
}

/// The length of the suffix of a name that follows from values.
const SUFFIX: usize = 10;

/// Where the layers of an environment are looked for.
fn layers(resolved: &Resolved) -> impl Iterator<Item = Probe> {
    resolved.definition.candidates.iter().cloned().map(Probe::File)
}

/// The file of an object.
fn known(object: &Delivered, name: FileName, fingerprint: Option<&String>) -> OutputFile {
    let mut text = emit::document(object);
    OutputFile {
        name,
        content: Content::Bytes(Wiping::new(std::mem::take(&mut *text).into_bytes())),
        sensitivity: if object.is_plain_secret() { Sensitivity::Sensitive } else { Sensitivity::Plain },
        fingerprint: fingerprint.cloned(),
    }
}

/// The name without the suffix that follows from values, by which a file is called: it stays the same when
/// they change.
fn object_id(id: &ObjectName) -> ObjectId<'_> {
    ObjectId { kind: &id.kind, name: &id.base_name, namespace: &id.namespace, group: &id.group }
}

/// The name of the file that an object is written to.
pub(super) fn file_of(id: &ObjectName) -> String {
    file_names(&[object_id(id)]).first().map(|file| file.as_str().to_owned()).unwrap_or_default()
}

fn without_name(id: &ObjectName) -> ObjectName {
    ObjectName { name: id.base_name.clone(), ..id.clone() }
}

fn within(fingerprint: &Fingerprint, way: &Way<'_>, id: &ObjectName) -> String {
    fingerprint.within(&crate::deliver::context(way, id)).to_string()
}
