//! One target: its objects as files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::inputs::{Answers, layers_in};
use super::{Intent, Unseen, Wish};
use crate::deliver::{Delivered, Form, ObjectName, Way};
use crate::diagnostic::Diagnostics;
use crate::emit;
use crate::emit::tree::{
    Content, FileName, KUSTOMIZATION, ObjectId, Outcome, OutputFile, OutputRecord, OutputTree, TargetName,
    TargetRecord, digest, file_names,
};
use crate::files::Probe;
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
}

impl Target {
    pub(super) fn unchanged(name: TargetName) -> Self {
        Self { name, outcome: Outcome::Unchanged }
    }

    pub(super) fn rendered(
        name: TargetName,
        inputs: BTreeMap<String, String>,
        state: Option<String>,
        files: Vec<OutputFile>,
    ) -> Self {
        Self { name, outcome: Outcome::Rendered { inputs, state, files } }
    }

    /// The files with a Secret in plaintext in them.
    pub(super) fn plain_secrets(&self) -> impl Iterator<Item = &FileName> {
        let files = match &self.outcome {
            Outcome::Rendered { files, .. } => files.as_slice(),
            Outcome::Unchanged => &[],
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

/// The files of a target, and those that nobody at hand can tell to be current.
pub(super) struct Files {
    pub(super) files: Vec<OutputFile>,
    pub(super) unseen: Vec<Unseen>,
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
        Some(digest(parts.join("\n").as_bytes()))
    }

    /// The file of the environment's secrets.
    fn secrets(&self) -> PathBuf {
        self.app.folder.join(format!("{}.secrets.yaml", self.environment))
    }

    /// Renders it; none if something is wrong, which is told.
    pub(super) fn render(&self, problems: &mut Diagnostics) -> Option<Files> {
        let resolved = self.survey.environment(self.environment)?;
        let record = self.tree.inventory().targets.get(self.target).map(Arc::as_ref);
        let (secrets, path) = (self.secrets(), |id: &ObjectName| self.path(id));
        let committed = |id: &ObjectName| self.tree.committed(self.target, &FileName::of(&file_of(id))?);
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
        let form = resolved.definition.delivery.secrets();
        let named = |object: &Object| {
            let print = within(&object.fingerprint()?, &way, &crate::deliver::name_of(object, form));
            recorded_name(record?, &print)
        };
        let unknown = if self.is_open { Unknown::Refused } else { Unknown::Left(&named) };
        let before = problems.len();
        let objects = self.pipeline.objects_with(self.survey, self.environment, unknown, problems);
        let had_errors = problems.iter().skip(before).any(crate::diagnostic::Diagnostic::is_error);
        if had_errors {
            return None;
        }
        let meter = &self.pipeline.meter;
        let deliver = || super::delivered(resolved, &self.survey.routing, objects, &way, problems);
        let delivered = meter.time(Stage::Deliver, deliver);
        let seals = self.fingerprints(resolved, &way);
        Some(meter.time(Stage::Emit, || self.files(&delivered, record, &seals, &way, resolved)))
    }

    /// The file that an object is written to.
    fn path(&self, id: &ObjectName) -> PathBuf {
        self.dir.join(self.target.as_str()).join(file_of(id))
    }

    /// What those objects are told by that nobody sees without a key.
    fn fingerprints(&self, resolved: &Resolved, way: &Way<'_>) -> HashMap<ObjectName, String> {
        if !self.is_open || resolved.definition.wrappings.is_empty() {
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
        record: Option<&TargetRecord>,
        seals: &HashMap<ObjectName, String>,
        way: &Way<'_>,
        resolved: &Resolved,
    ) -> Files {
        let ids: Vec<_> = delivered.iter().map(|object| object_id(&object.id)).collect();
        let names = file_names(&ids);
        let mut found = Files { files: Vec::with_capacity(delivered.len()), unseen: Vec::new() };
        for (object, name) in delivered.iter().zip(names) {
            let is_there = || self.tree.committed(self.target, &name).is_some();
            match &object.form {
                // that it would be another one says nothing of what is in it
                _ if self.wish.intent == Intent::Check && object.is_unstable && is_there() => {
                    self.unknown(&name, None, record, &mut found);
                }
                Form::Unknown => {
                    let name_alone = without_name(&object.id);
                    let fingerprint = object.fingerprint.as_ref().map(|print| within(print, way, &name_alone));
                    self.unknown(&name, fingerprint.as_ref(), record, &mut found);
                }
                Form::Plain(_) | Form::Encrypted(_) => {
                    let seal = seals.get(&without_name(&object.id));
                    found.files.push(known(object, name, seal));
                }
            }
        }
        if !self.is_open && manifest::has_nameless(resolved) {
            self.keep_all(record, &mut found);
        }
        found
    }

    /// A file that takes a key to be made: it stays if what stands for it did.
    fn unknown(&self, name: &FileName, fingerprint: Option<&String>, record: Option<&TargetRecord>, found: &mut Files) {
        let output = record.and_then(|record| record.outputs.get(name)).filter(|output| !output.stale);
        let on_disk = self.tree.committed(self.target, name);
        let is_there = on_disk.is_some();
        let is_intact = output.is_some_and(|output| {
            output.digest.is_some() && output.digest == on_disk.as_deref().map(|bytes| digest(bytes))
        });
        let is_same = output.is_some_and(|output| fingerprint.is_some() && output.fingerprint.as_ref() == fingerprint);
        if !(is_intact && is_same) {
            let file = Some(name.as_str().to_owned());
            found.unseen.push(Unseen { target: self.target.clone(), file });
        }
        if let Some(output) = output.filter(|_| is_there) {
            found.files.push(keep(name, output));
        }
    }

    /// Keeps what is recorded and was not made: nobody can tell whether it still would be.
    fn keep_all(&self, record: Option<&TargetRecord>, found: &mut Files) {
        found.unseen.push(Unseen { target: self.target.clone(), file: None });
        let made: BTreeSet<_> = found.files.iter().map(|file| file.name.clone()).collect();
        let mut left = record.map(kept).unwrap_or_default();
        left.retain(|file| !made.contains(&file.name) && self.tree.committed(self.target, &file.name).is_some());
        found.files.append(&mut left);
    }
}

/// Where the layers of an environment are looked for.
fn layers(resolved: &Resolved) -> impl Iterator<Item = Probe> {
    resolved.definition.candidates.iter().cloned().map(Probe::File)
}

/// The files that are recorded, as they are.
pub(super) fn kept(record: &TargetRecord) -> Vec<OutputFile> {
    let outputs = record.outputs.iter().filter(|(name, output)| !output.stale && name.as_str() != KUSTOMIZATION);
    outputs.map(|(name, output)| keep(name, output)).collect()
}

/// A file that stays as it is.
fn keep(name: &FileName, output: &OutputRecord) -> OutputFile {
    OutputFile {
        name: name.clone(),
        content: Content::Kept,
        sensitivity: if output.digest.is_some() { Sensitivity::Plain } else { Sensitivity::Sensitive },
        fingerprint: output.fingerprint.clone(),
        object: output.object.clone(),
    }
}

/// The file of an object.
fn known(object: &Delivered, name: FileName, fingerprint: Option<&String>) -> OutputFile {
    let mut text = emit::document(object);
    OutputFile {
        name,
        content: Content::Bytes(Wiping::new(std::mem::take(&mut *text).into_bytes())),
        sensitivity: if object.is_plain_secret() { Sensitivity::Sensitive } else { Sensitivity::Plain },
        fingerprint: fingerprint.cloned(),
        // only who cannot make the name has to be told it
        object: fingerprint.filter(|_| object.id.name != object.id.base_name).map(|_| object.id.name.clone()),
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

/// The final name that an object with this fingerprint was given.
fn recorded_name(record: &TargetRecord, fingerprint: &str) -> Option<String> {
    let output = record.outputs.values().find(|output| output.fingerprint.as_deref() == Some(fingerprint))?;
    output.object.clone()
}
