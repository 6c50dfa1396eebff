//! One target: its objects as files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::RenderRun;
use super::inputs::{InputDigests, layers_in};
use crate::deliver::{Delivered, DeliveredForm, DeliveryContext, DeliverySources, ObjectName};
use crate::diagnostic::Diagnostics;
use crate::emit;
use crate::files::InputQuery;
use crate::layer::{Definition, SecretForm};
use crate::manifest;
use crate::map::HashMap;
use crate::meter::RunStage;
use crate::name::EnvironmentName;
use crate::object::{Fingerprint, KnownNames, Object, RenderedObject};
use crate::output_tree::OutputTree;
use crate::output_tree::cache::TargetInputs;
use crate::output_tree::delivery::{certificate_day, deliver_target};
use crate::output_tree::duplicates::ObjectSite;
use crate::output_tree::name::{FileName, TargetName, file_name, file_names};
use crate::output_tree::output::{OutputContent, OutputFile, UnverifiedFile, VerificationState};
use crate::output_tree::request::{PublishIntent, RenderRequest};
use crate::pipeline::{Pipeline, Survey};
use crate::project::{App, PROJECT_FILE};
use crate::resolve::ResolvedTarget;
use crate::route::Sensitivity;
use crate::secret::Wiping;
use crate::sort::CollectSorted;
use crate::visibility::OnMissingKey;

/// Inputs of rendering a target.
pub(super) struct TargetRender<'a> {
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) request: &'a RenderRequest<'a>,
    pub(super) dir: &'a Path,
    pub(super) tree: &'a OutputTree,
    pub(super) app: &'a App,
    pub(super) survey: &'a Survey,
    pub(super) shared: &'a SharedInputs,
    pub(super) environment: &'a EnvironmentName,
    pub(super) target: &'a TargetName,
    /// Whether its layers were decrypted.
    pub(super) is_open: bool,
}

/// Inputs that all targets of an app have: routing is decided over all environments, so each reads the layers of all.
#[derive(Default)]
pub(super) struct SharedInputs {
    queries: BTreeSet<InputQuery>,
    digests: Arc<BTreeMap<String, String>>,
    /// Digest of the names of the environments.
    environments: String,
}

impl SharedInputs {
    pub(super) fn find(run: &RenderRun<'_>, app: &App, survey: &Survey) -> Self {
        let of_environment =
            |resolved: &ResolvedTarget| layer_queries(resolved).chain(resolved.recorded_queries.clone()).collect_set();
        let mut queries: BTreeSet<_> = survey.environments.iter().flat_map(of_environment).collect_set();
        let root = run.pipeline.library.project.files.root();
        queries.insert(InputQuery::File(root.join(PROJECT_FILE)));
        queries.insert(layers_in(&app.directory));
        let environments: Vec<_> = survey.environments.iter().map(|it| it.definition.environment.as_str()).collect();
        Self {
            digests: Arc::new(run.answers.input_digests(queries.clone())),
            environments: run.tree.cache().digest(environments.join("\n").as_bytes()),
            queries,
        }
    }
}

/// The files of a target, and those that require a key to be verified or generated.
pub(super) struct TargetFiles {
    pub(super) all: Vec<OutputFile>,
    pub(super) unverified: Vec<UnverifiedFile>,
    /// Their sources.
    pub(super) sites: Vec<ObjectSite>,
}

impl TargetRender<'_> {
    /// All inputs of the target. They are the same, whatever else is rendered in a run.
    pub(super) fn inputs(&self, answers: &InputDigests<'_>) -> TargetInputs {
        let own = self.survey.environment(self.environment).map(|resolved| self.own_queries(resolved));
        let own =
            own.unwrap_or_default().into_iter().filter(|query| !self.shared.queries.contains(query)).collect_set();
        TargetInputs { shared: Arc::clone(&self.shared.digests), own: answers.input_digests(own) }
    }

    /// Its own queries.
    fn own_queries(&self, resolved: &ResolvedTarget) -> BTreeSet<InputQuery> {
        let directory = self.dir.join(self.target.as_str());
        let delivery = DeliverySources {
            definition: &resolved.definition,
            directory: &directory,
            secrets: &self.app.secrets_file(self.environment),
            files: &resolved.files,
        };
        layer_queries(resolved).chain(resolved.files.recorded_queries()).chain(delivery.input_queries()).collect_set()
    }

    /// Digest of its own inputs, and of the decisions over all environments. As long as it stays the same, so does
    /// the target, whatever changes in others.
    pub(super) fn state(&self, answers: &InputDigests<'_>) -> Option<String> {
        let resolved = self.survey.environment(self.environment)?;
        let mut parts = vec![self.target.as_str().to_owned(), self.shared.environments.clone()];
        parts.extend(
            answers.input_digests(self.own_queries(resolved)).into_iter().flat_map(|(name, answer)| [name, answer]),
        );
        let mut text = parts.join("\n");
        for id in resolved.entries.keys() {
            let sensitivity = match self.survey.routing.sensitivity(id) {
                Sensitivity::Plain => " Plain",
                Sensitivity::Sensitive => " Sensitive",
            };
            text.extend(["\n", id.bundle.as_str(), "/", id.key.as_str(), sensitivity]);
        }
        Some(self.tree.cache().digest(text.as_bytes()))
    }

    /// Renders the target; none on errors, which are reported.
    pub(super) fn render(&self, problems: &mut Diagnostics) -> Option<TargetFiles> {
        let resolved = self.survey.environment(self.environment)?;
        let form = resolved.definition.delivery.secrets();
        let named = |object: &Object| self.committed_name(&resolved.definition, &crate::deliver::name_of(object, form));
        let on_missing_key =
            if self.is_open { OnMissingKey::Fail } else { OnMissingKey::Keep(&named as KnownNames<'_>) };
        let before = problems.len();
        let objects = self.pipeline.objects(self.survey, self.environment, on_missing_key, problems);
        let had_errors = problems.iter().skip(before).any(crate::diagnostic::Diagnostic::is_error);
        if had_errors {
            return None;
        }
        let ids: Vec<_> = objects.whole.iter().map(|object| crate::deliver::name_as(object, form)).collect();
        let names = file_names(&ids);
        let names: HashMap<_, _> = ids.iter().zip(names).collect();
        let file = |id: &ObjectName| names.get(&without_name(id)).cloned().unwrap_or_else(|| file_name(id));
        let directory = self.dir.join(self.target.as_str());
        let (secrets, path) =
            (self.app.secrets_file(self.environment), |id: &ObjectName| directory.join(file_name(id).as_str()));
        let committed = |id: &ObjectName| self.tree.committed_bytes(self.target, &file(id));
        let way = DeliveryContext {
            definition: &resolved.definition,
            secrets: &secrets,
            rules: self.pipeline.library.rules(),
            identities: self.pipeline.library.identities(),
            // a read here is a query by name
            files: &self.pipeline.library.project.files,
            path: &path,
            committed: &committed,
            now: self.request.now,
            day: certificate_day(self.pipeline, self.request.now),
        };
        let meter = &self.pipeline.meter;
        let deliver = || deliver_target(resolved, &self.survey.routing, objects, &way, problems);
        let delivered = meter.time(RunStage::Deliver, deliver);
        let seals = self.fingerprints(resolved, &way);
        Some(meter.time(RunStage::Emit, || self.output_files(&delivered, &seals, &way, resolved)))
    }

    /// The name of an object that depends on values that are not available: the one of its committed file, if that is
    /// a possible one. The rest of the file is verified when it is compared.
    fn committed_name(&self, definition: &Definition, id: &ObjectName) -> Option<String> {
        let base_name = definition.affixes.apply(&id.base_name);
        let bytes = self.tree.committed_bytes(self.target, &file_name(id))?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let is_suffix =
            |suffix: &str| suffix.len() == SUFFIX && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let suffix = |line: &str| {
            let suffix = line.strip_prefix("  name: ")?.strip_prefix(&base_name)?.strip_prefix('-')?.to_owned();
            is_suffix(&suffix).then_some(suffix)
        };
        text.lines().find_map(suffix).map(|suffix| format!("{base_name}-{suffix}"))
    }

    /// The fingerprints of the inputs of those objects that require a key.
    fn fingerprints(&self, resolved: &ResolvedTarget, way: &DeliveryContext<'_>) -> HashMap<ObjectName, String> {
        // a check writes no file
        if !self.is_open
            || resolved.definition.all_wrappings().next().is_none()
            || self.request.intent == PublishIntent::Check
        {
            return HashMap::default();
        }
        let public = self.pipeline.public_view(self.app, self.survey, self.environment);
        let form = resolved.definition.delivery.secrets();
        let of = |object: &RenderedObject| {
            let name = crate::deliver::name_as(object, form);
            Some((name.clone(), scoped_fingerprint(&object.fingerprint()?, way, &name)))
        };
        public.iter().filter_map(of).collect()
    }

    fn output_files(
        &self,
        delivered: &[Delivered],
        seals: &HashMap<ObjectName, String>,
        way: &DeliveryContext<'_>,
        resolved: &ResolvedTarget,
    ) -> TargetFiles {
        let names = file_names(delivered.iter().map(|object| &object.id));
        let sites = ObjectSite::all_of(self.app, &resolved.definition, delivered);
        let mut found = TargetFiles { all: Vec::with_capacity(delivered.len()), unverified: Vec::new(), sites };
        for (object, name) in delivered.iter().zip(names) {
            let is_comparable = object.outline.is_none() || self.request.intent == PublishIntent::Apply;
            match &object.form {
                DeliveredForm::Plain(_) | DeliveredForm::Encrypted(_) if is_comparable => {
                    let seal = seals.get(&without_name(&object.id));
                    found.all.push(known_file(object, name, seal));
                }
                DeliveredForm::Plain(_) | DeliveredForm::Encrypted(_) | DeliveredForm::Unknown(_) => {
                    self.add_unverified(object, name, way, &mut found);
                }
            }
        }
        if !self.is_open && manifest::has_nameless(resolved) {
            self.keep_all(&mut found);
        }
        found
    }

    /// Adds a file that cannot be generated, or not compared completely, with the available identities.
    fn add_unverified(&self, object: &Delivered, name: FileName, way: &DeliveryContext<'_>, found: &mut TargetFiles) {
        let committed = self.tree.committed_bytes(self.target, &name);
        let fingerprint =
            object.fingerprint.as_ref().map(|print| scoped_fingerprint(print, way, &without_name(&object.id)));
        let has_inputs = |print: &String| self.tree.has_inputs(self.target, &name, print);
        let standing = match (&committed, &object.outline) {
            (None, _) => VerificationState::Missing,
            (Some(bytes), Some(outline)) if !outline.matches(bytes) => VerificationState::Different,
            _ => match fingerprint.as_ref().map(has_inputs) {
                Some(true) => VerificationState::Covered,
                Some(false) => VerificationState::Uncovered,
                None => VerificationState::Unknown,
            },
        };
        let is_different = matches!(standing, VerificationState::Missing | VerificationState::Different);
        let content = match (self.request.intent, is_different) {
            (PublishIntent::Check, true) => Some(OutputContent::Outline(
                object.outline.as_ref().map(|outline| outline.text().to_owned()).unwrap_or_default(),
            )),
            (PublishIntent::Apply, true) if committed.is_none() => None,
            _ => Some(OutputContent::Kept),
        };
        if !(is_different && self.request.intent == PublishIntent::Check) {
            let file = Some(name.as_str().to_owned());
            found.unverified.push(UnverifiedFile { state: standing, target: self.target.clone(), file });
        }
        let is_plaintext = way.definition.delivery.secrets() == SecretForm::Manifest && object.id.kind == "Secret";
        let sensitivity = if is_plaintext { Sensitivity::Sensitive } else { Sensitivity::Plain };
        found.all.extend(content.map(|content| OutputFile { name, content, sensitivity, fingerprint: None }));
    }

    /// Keeps files that are listed and were not generated: without a key it is unknown whether they still would be.
    fn keep_all(&self, found: &mut TargetFiles) {
        let made = found.all.iter().map(|file| file.name.clone()).collect_set();
        let left = self.tree.listed_files(self.target).into_iter();
        let left = left.filter(|name| !made.contains(name) && self.tree.committed_bytes(self.target, name).is_some());
        let target = || self.target.clone();
        found.unverified.push(UnverifiedFile { state: VerificationState::Unknown, target: target(), file: None });
        for name in left {
            let file = Some(name.as_str().to_owned());
            found.unverified.push(UnverifiedFile { state: VerificationState::Unknown, target: target(), file });
            let (content, sensitivity) = (OutputContent::Kept, Sensitivity::Plain);
            found.all.push(OutputFile { name, content, sensitivity, fingerprint: None });
        }
    }
}

/// The length of the suffix of a name that depends on values.
const SUFFIX: usize = 10;

/// Queries for the layers of an environment.
fn layer_queries(resolved: &ResolvedTarget) -> impl Iterator<Item = InputQuery> {
    resolved.definition.candidates.iter().cloned().map(InputQuery::File)
}

/// The file of an object.
fn known_file(object: &Delivered, name: FileName, fingerprint: Option<&String>) -> OutputFile {
    let mut text = emit::object_document(object);
    OutputFile {
        name,
        content: OutputContent::Bytes(Wiping::new(std::mem::take(&mut *text).into_bytes())),
        sensitivity: if object.is_plain_secret() { Sensitivity::Sensitive } else { Sensitivity::Plain },
        fingerprint: fingerprint.cloned(),
    }
}

fn without_name(id: &ObjectName) -> ObjectName {
    ObjectName { name: id.base_name.clone(), ..id.clone() }
}

fn scoped_fingerprint(fingerprint: &Fingerprint, way: &DeliveryContext<'_>, id: &ObjectName) -> String {
    fingerprint.within(&crate::deliver::delivery_context(way, id)).to_string()
}
