//! Pipeline of an app: layers → resolve → route → objects.

mod partial;
mod survey;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::layer::{LayerCache, SecretForm};
use crate::manifest::references;
use crate::meter::{Meter, RunStage};
use crate::name::{EntryId, EnvironmentName};
use crate::object::{self, BuildInput, Constraints, ConsumerIndex, Day, KnownNames, RenderedObject, TargetObjects};
use crate::parallel::{self, CaughtPanic};
use crate::project::{App, Project};
use crate::resolve::{self, DocumentCache, Engine, ManifestKeys, ManifestMode, ResolvedTarget, ResolvedValue};
use crate::sops::Identities;
use crate::visibility::{KeyAccess, OnMissingKey};

pub use partial::PartialTarget;
pub use survey::{Survey, SurveyOptions};

/// State shared across apps in one run: layers, templates and rules, each read once.
#[derive(Debug)]
pub struct Pipeline<'p> {
    /// The layers of the project.
    pub library: LayerCache<'p>,
    /// Progress of the run.
    pub meter: Meter,
    constraints: Constraints,
    references: references::ReferenceRules,
    /// Day at which certificates must be valid; none to skip the check.
    at: Option<Day>,
    /// Delivery form of Secrets that overrides the layers; none for that of the layers.
    form: Option<SecretForm>,
}

impl<'p> Pipeline<'p> {
    /// A pipeline for the apps of `project`, decrypting with `identities` where necessary.
    pub fn new(project: &'p Project, identities: Identities) -> Self {
        Self {
            library: LayerCache::new(project, identities),
            meter: Meter::default(),
            constraints: Constraints::default(),
            references: references::ReferenceRules::with_user(&project.references),
            at: None,
            form: None,
        }
    }

    /// Fields that are references.
    pub fn references(&self) -> &references::ReferenceRules {
        &self.references
    }

    /// Sets the day at which certificates must be valid; others cause a warning.
    #[must_use]
    pub fn on_day(mut self, day: Option<Day>) -> Self {
        self.at = day;
        self
    }

    /// Sets a delivery form of Secrets chosen on the command line.
    #[must_use]
    pub fn with_delivery(mut self, form: Option<SecretForm>) -> Self {
        self.form = form;
        self
    }

    /// The day at which certificates must be valid, if one is set.
    pub fn day(&self) -> Option<Day> {
        self.at
    }

    /// Final value of a scalar of `vars` in an environment, decrypted; none if its layers cannot be read, or the path is
    /// not that of a scalar.
    pub fn variable(
        &self,
        app: &App,
        environment: &EnvironmentName,
        path: &str,
        problems: &mut Diagnostics,
    ) -> Option<ResolvedValue> {
        let definition = self.library.merge_definition(app, environment, KeyAccess::Decrypt, problems)?;
        resolve::resolve_variable(&self.create_engine(&Arc::default(), KeyAccess::Decrypt), definition, path, problems)
    }

    /// The objects of an environment as seen without keys, by which it is checked without a key whether its output is
    /// current. Problems were reported with the objects themselves.
    pub fn public_view(&self, app: &App, survey: &Survey, environment: &EnvironmentName) -> Vec<RenderedObject> {
        let mut nothing = Diagnostics::new();
        let Some(mut definition) = self.library.merge_definition(app, environment, KeyAccess::PublicView, &mut nothing)
        else {
            return Vec::new();
        };
        definition.delivery.replace_secrets(self.form);
        let resolved = resolve::resolve(
            &self.create_engine(&Arc::default(), KeyAccess::PublicView),
            definition,
            ManifestMode::Rendered,
            &mut nothing,
        );
        let target = self.build_target(survey, &resolved, OnMissingKey::Keep(&|_| None));
        object::render(target, &mut nothing).whole
    }

    /// The objects of an environment that was surveyed without keys, with placeholders in the place of secrets.
    pub fn placeholder_objects(
        &self,
        survey: &Survey,
        environment: &EnvironmentName,
        problems: &mut Diagnostics,
    ) -> TargetObjects {
        let Some(resolved) = survey.environment(environment) else { return TargetObjects::default() };
        let source = object::PlaceholderSource::of(resolved, &survey.routing, &self.constraints);
        let name_of = |object: &object::Object| Some(source.name_of(object));
        let mut found = Diagnostics::new();
        let mut objects = self.objects(survey, environment, OnMissingKey::Keep(&name_of), &mut found);
        // a name without a hash is as good here
        problems.extend(found.into_iter().filter(|problem| problem.rule != Rule::NoNamingKey));
        source.fill(&mut objects);
        objects
    }

    /// Checks the values of selected entries of an environment of a surveyed app, as for its objects.
    pub fn check_values(
        &self,
        survey: &Survey,
        resolved: &ResolvedTarget,
        on_missing_key: OnMissingKey<KnownNames<'_>>,
        is_selected: &dyn Fn(&EntryId) -> bool,
        problems: &mut Diagnostics,
    ) {
        object::check_values(self.build_target(survey, resolved, on_missing_key), is_selected, problems);
    }

    /// Checks the values that an environment sets and no missing layer affects.
    pub fn check_partial(&self, survey: &Survey, target: &PartialTarget, problems: &mut Diagnostics) {
        let is_selected = |id: &EntryId| target.has_known_value(id);
        let mut found = Diagnostics::new();
        self.check_values(survey, &target.resolved, OnMissingKey::Keep(&|_| None), &is_selected, &mut found);
        // a required value may be in the missing layer
        problems.extend(found.into_iter().filter(|it| it.rule != Rule::MissingRequired && target.is_known(it)));
    }

    /// An engine for one environment, so that its queries are recorded separately.
    fn create_engine(&self, documents: &Arc<DocumentCache>, access: KeyAccess) -> Arc<Engine> {
        let files = Arc::new(self.library.project.files.with_own_record());
        let reads_partial = self.library.reads_partial();
        let keys = ManifestKeys { identities: Some(Arc::clone(self.library.identities())), access, reads_partial };
        Engine::with_documents(files, Arc::clone(documents), keys)
    }

    fn build_target<'t>(
        &'t self,
        survey: &'t Survey,
        resolved: &'t ResolvedTarget,
        on_missing_key: OnMissingKey<KnownNames<'t>>,
    ) -> BuildInput<'t> {
        let Survey { environments, routing, .. } = survey;
        let (constraints, references) = (&self.constraints, &self.references);
        BuildInput { resolved, routing, siblings: environments, constraints, references, at: self.at, on_missing_key }
    }

    /// The workloads of an environment that use its entries, each with the place of the reference.
    pub fn consumers(&self, survey: &Survey, resolved: &ResolvedTarget) -> ConsumerIndex {
        ConsumerIndex::of(resolved, &survey.routing, &self.references)
    }

    /// The objects of an environment of a surveyed app.
    pub fn objects(
        &self,
        survey: &Survey,
        environment: &EnvironmentName,
        on_missing_key: OnMissingKey<KnownNames<'_>>,
        problems: &mut Diagnostics,
    ) -> TargetObjects {
        let Some(resolved) = survey.environment(environment) else { return TargetObjects::default() };
        let render = || {
            self.meter.time(RunStage::Objects, || {
                object::render(self.build_target(survey, resolved, on_missing_key), problems)
            })
        };
        parallel::catch_panic(render).unwrap_or_else(|panic| {
            problems.push(panic_diagnostic(&panic, environment));
            TargetObjects::default()
        })
    }
}

/// Diagnostic for a target that made septum panic. Other targets are not affected.
fn panic_diagnostic(panic: &CaughtPanic, environment: &EnvironmentName) -> Diagnostic {
    let message = format!("`{environment}` makes septum panic at {}: this is a bug in septum", panic.line);
    Diagnostic::error(Rule::Bug, message).with_failure(FailureKind::Bug).hint("report it together with the layers")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::diagnostic::{Diagnostic, Severity};
    use crate::manifest::references::RefKind;
    use crate::manifest::references::tests::samples::{NAMESPACE, Sample, samples};
    use crate::sops::IdentitySources;

    /// Dangling references of these objects, as messages report them.
    fn dangling(objects: &[Value]) -> Vec<String> {
        let directory = tempfile::tempdir().expect("a directory");
        // existing objects: one of each kind, with a key
        let entry = |sensitive: bool| json!({ "value": "x", "sensitive": sensitive });
        let data = json!({ "there": entry(false), "here": entry(true) });
        let base = json!({ "app": "app", "namespace": NAMESPACE, "bundles": { "known": { "data": data } },
            "manifests": [{ "path": "manifests/*.json", "template": false }] });
        let list = |objects: &[Value]| json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
        // of several files, as people have them
        let lists = objects.chunks(1000).map(list).enumerate();
        let lists = lists.map(|(index, text)| (format!("manifests/{index}.json"), text));
        fs::create_dir(directory.path().join("manifests")).expect("a directory");
        for (name, text) in [("base.yaml".to_owned(), base.to_string()), ("dev.yaml".to_owned(), String::new())]
            .into_iter()
            .chain(lists)
        {
            fs::write(directory.path().join(name), text).expect("a file");
        }
        let project = Project::discover(directory.path()).expect("a project");
        let dev = project.environment("dev").expect("an environment");
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        let mut problems = Diagnostics::new();
        let survey = pipeline
            .survey(&project.apps[0], SurveyOptions::decrypting(std::slice::from_ref(&dev)), &mut problems)
            .expect("layers");
        pipeline.objects(&survey, &dev, OnMissingKey::Fail, &mut problems);
        // a sample has the fields that a rule reads, whatever their types, in any version of the group
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let errors = errors.filter(|problem| !matches!(problem.rule, Rule::InvalidValue | Rule::InvalidManifest));
        let told = |problem: &Diagnostic| {
            assert_eq!(problem.rule, RULE, "{problem:?}");
            problem.message.clone()
        };
        errors.map(told).collect()
    }

    const RULE: Rule = Rule::DanglingReference;

    /// Renders an object for each sample, named `o0`, `o1` …, and compares the findings with the expected ones.
    #[track_caller]
    fn assert_told(
        object: impl Fn(&Sample, &str, usize) -> Option<Value>,
        expected: impl Fn(&Sample, &str, usize) -> Option<String>,
    ) {
        let (mut objects, mut lines) = (Vec::new(), Vec::new());
        for (index, sample) in samples().iter().enumerate() {
            let own = format!("o{index}");
            if let Some(object) = object(sample, &own, index) {
                objects.push(object);
                lines.extend(expected(sample, &own, index));
            }
        }
        assert!(objects.len() > 100, "only {} objects", objects.len());
        let mut found = dangling(&objects);
        lines.sort_unstable();
        found.sort_unstable();
        let unlike = lines.iter().zip(&found).find(|(expected, found)| expected != found);
        assert_eq!((unlike, lines.len()), (None, found.len()));
    }

    /// Kind of the object that a sample names, if the object must exist.
    fn needed(sample: &Sample) -> Option<&'static str> {
        sample.target.filter(|_| !sample.is_output && !sample.is_optional).map(RefKind::as_str)
    }

    #[test]
    fn every_reference_to_what_is_not_there_is_told() {
        assert_told(
            |sample, own, index| Some(sample.object(own, &format!("none-{index}"))),
            |sample, own, index| {
                let (kind, path, label) = (needed(sample)?, sample.path(), sample.label(own));
                Some(format!("`{path}` of {label} refers to the {kind} `none-{index}`, which is not defined"))
            },
        );
    }

    #[test]
    fn every_reference_that_is_optional_may_lead_nowhere() {
        assert_told(|sample, own, index| sample.optional(own, &format!("none-{index}")), |_, _, _| None);
    }

    #[test]
    fn every_reference_to_what_is_there_is_answered() {
        let key = |sample: &Sample| if sample.target == Some(RefKind::Secret) { "here" } else { "there" };
        assert_told(
            |sample, own, _| sample.keyed(own, "known", key(sample)).or_else(|| Some(sample.object(own, "known"))),
            |_, _, _| None,
        );
    }

    #[test]
    fn every_key_that_is_not_there_is_told() {
        assert_told(
            |sample, own, _| sample.keyed(own, "known", "none"),
            |sample, own, _| {
                let (kind, label) = (needed(sample)?, sample.label(own));
                Some(format!("{label} uses the key `none` of the {kind} `known`, which does not exist"))
            },
        );
    }
}
