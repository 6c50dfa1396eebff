//! Pipeline of an app: layers → resolve → route → objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::budget::VALUE_BYTES;
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, Severity};
use crate::layer::{Definition, LayerCache, ManifestSeal, SecretForm};
use crate::manifest::references;
use crate::map::HashSet;
use crate::meter::{Meter, RunStage};
use crate::name::{AppName, EntryId, EnvironmentName};
use crate::object::{self, BuildInput, Constraints, ConsumerIndex, Day, KnownNames, RenderedObject, TargetObjects};
use crate::parallel::{self, CaughtPanic};
use crate::project::{App, Project};
use crate::resolve::{self, DocumentCache, Engine, ManifestKeys, ManifestMode, ResolvedTarget, ResolvedValue};
use crate::route::{self, Routing};
use crate::sops::{Identities, SopsFormat, policy};
use crate::sort::{sort_by, sort_by_key};
use crate::visibility::{KeyAccess, OnMissingKey};

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

/// An app with all its environments resolved and routed.
#[derive(Debug)]
pub struct Survey {
    /// Its name.
    pub app: AppName,
    /// One for each environment, in the order of the app's.
    pub environments: Vec<ResolvedTarget>,
    /// Classification of entries as sensitive, across all environments.
    pub routing: Routing,
    /// Errors in environments that were not requested. Environments that could not be read are left out.
    pub beside: Diagnostics,
}

/// Purpose of a survey.
#[derive(Debug)]
pub struct SurveyOptions<'a> {
    asked: &'a [EnvironmentName],
    access: KeyAccess,
    /// Whether errors in the layers of other environments count too.
    needs_all: bool,
    /// Whether the manifests of the requested environments are rendered.
    manifests: ManifestMode,
    /// Record of the environments that cannot be decrypted.
    on_missing_key: OnMissingKey<&'a mut BTreeMap<EnvironmentName, Diagnostics>>,
}

impl<'a> SurveyOptions<'a> {
    /// Survey to render environments, with their values decrypted. The layers of all environments of the app must be
    /// valid, since the output depends on each of them.
    pub fn decrypting(asked: &'a [EnvironmentName]) -> Self {
        Self { needs_all: true, ..Self::showing(asked, KeyAccess::Decrypt) }
    }

    /// Survey to show parts of environments: errors in others are kept apart.
    pub fn showing(asked: &'a [EnvironmentName], access: KeyAccess) -> Self {
        let manifests = ManifestMode::Rendered;
        Self { asked, access, needs_all: false, manifests, on_missing_key: OnMissingKey::Fail }
    }

    /// Survey for the decrypted values alone: manifests are not rendered, and errors in other environments are kept
    /// apart.
    pub fn values(asked: &'a [EnvironmentName]) -> Self {
        Self { manifests: ManifestMode::Skipped, ..Self::showing(asked, KeyAccess::Decrypt) }
    }

    /// The same as far as there are keys. A requested environment that cannot be decrypted is recorded in `locked`, and
    /// resolved in its public view.
    #[must_use]
    pub fn as_far_as_known(self, locked: &'a mut BTreeMap<EnvironmentName, Diagnostics>) -> Self {
        Self { on_missing_key: OnMissingKey::Keep(locked), ..self }
    }
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

    /// Resolves and routes an app. Values are decrypted in the requested environments, if at all; for the others the
    /// encrypted leaves alone are known, since routing is decided over all.
    ///
    /// Problems of layers are reported for all environments, problems of values for the decrypted ones. Returns `None`
    /// where there is nothing to route by.
    pub fn survey(&self, app: &App, options: SurveyOptions<'_>, problems: &mut Diagnostics) -> Option<Survey> {
        let SurveyOptions { asked, access, needs_all, manifests, mut on_missing_key } = options;
        let mut environments = Vec::with_capacity(app.environments.len());
        let mut whole = true;
        let (mut of_asked, mut of_others) = (Diagnostics::new(), Diagnostics::new());
        let documents = Arc::<DocumentCache>::default();
        // those that are asked for come first, so that a layer that is shared is decrypted once
        let mut order: Vec<_> = app.environments.iter().collect();
        sort_by_key(&mut order, |environment| !asked.contains(environment));
        for environment in order {
            if VALUE_BYTES.left() == 0 {
                problems.push(VALUE_BYTES.budget_diagnostic().hint("render fewer environments or apps at once"));
                return None;
            }
            let is_asked = asked.contains(environment);
            let mut found = Diagnostics::new();
            let definition = self.meter.time(RunStage::Layers, || match &mut on_missing_key {
                _ if !is_asked => self.library.merge_definition(app, environment, KeyAccess::StructureOnly, &mut found),
                OnMissingKey::Fail => self.library.merge_definition(app, environment, access, &mut found),
                OnMissingKey::Keep(locked) => self.merge_as_far_as_known(app, environment, locked, &mut found),
            });
            if is_asked {
                of_asked.extend(found);
            } else {
                of_others.extend(found);
            }
            let Some(mut definition) = definition else {
                whole &= !(needs_all || is_asked);
                continue;
            };
            definition.delivery.replace_secrets(self.form);
            let mut found = Diagnostics::new();
            let with = if is_asked { manifests } else { ManifestMode::Skipped };
            let sight = if locked_before(&on_missing_key, environment) { KeyAccess::PublicView } else { access };
            let engine = self.create_engine(&documents, sight);
            let resolve = || resolve::resolve(&engine, definition, with, &mut found);
            let mut resolved = parallel::catch_panic(|| self.meter.time(RunStage::Resolve, resolve));
            if let OnMissingKey::Keep(locked) = &mut on_missing_key
                && is_asked
                && lacks_key(&found)
                && let Some(public) = self.resolve_public(app, environment)
            {
                locked.insert(environment.clone(), std::mem::take(&mut found));
                resolved = parallel::catch_panic(|| self.meter.time(RunStage::Resolve, public));
            }
            match resolved {
                Ok(resolved) => {
                    found.extend(self.manifest_drift(&resolved));
                    environments.push(resolved);
                }
                Err(panic) => {
                    problems.push(panic_diagnostic(&panic, environment));
                    whole = false;
                }
            }
            if is_asked && access == KeyAccess::Decrypt {
                of_asked.extend(found);
            }
        }
        let mut beside = without_asked(of_others, &of_asked);
        if needs_all {
            let is_sound = !asked.is_empty() && !of_asked.has_errors();
            let others = std::mem::take(&mut beside).into_iter();
            problems.extend(others.map(|problem| if is_sound { beside_sound(problem, asked) } else { problem }));
        }
        problems.extend(of_asked);
        // an app that cannot be read at all has nothing to show
        if !whole || (environments.is_empty() && beside.has_errors()) {
            problems.extend(beside);
            return None;
        }
        let app = self.library.app_name(app).map_err(|found| problems.extend(found)).ok()?;
        sort_by(&mut environments, |a, b| a.definition.environment.cmp(&b.definition.environment));
        let routing =
            parallel::catch_panic(|| self.meter.time(RunStage::Route, || route::route(&environments, problems)));
        let routing = match routing {
            Ok(routing) => routing,
            Err(panic) => {
                problems.push(
                    Diagnostic::error(
                        Rule::Bug,
                        format!("`{app}` makes septum panic at {}: this is a bug in septum", panic.line),
                    )
                    .with_failure(FailureKind::Bug),
                );
                return None;
            }
        };
        Some(Survey { app, environments, routing, beside })
    }

    /// Encrypted manifests that differ from their rules, which is known without a key. Layers are compared when they
    /// are read.
    fn manifest_drift(&self, resolved: &ResolvedTarget) -> Diagnostics {
        let root = self.library.project.files.root();
        let drift = |seal: &Arc<ManifestSeal>| {
            let (name, path) = (seal.source.name(), root.join(seal.source.name()));
            policy::report_drift(self.library.rules(), &path, name, &seal.metadata, SopsFormat::of_path(&path))
        };
        resolved.definition.seals().iter().flat_map(drift).collect()
    }

    /// Merges the definition of an environment, or its public view if nothing but a key is missing.
    fn merge_as_far_as_known(
        &self,
        app: &App,
        environment: &EnvironmentName,
        locked: &mut BTreeMap<EnvironmentName, Diagnostics>,
        problems: &mut Diagnostics,
    ) -> Option<Definition> {
        let mut found = Diagnostics::new();
        let definition = self.library.merge_definition(app, environment, KeyAccess::Decrypt, &mut found);
        if definition.is_some() || !lacks_key(&found) {
            problems.extend(found);
            return definition;
        }
        locked.insert(environment.clone(), found);
        self.library.merge_definition(app, environment, KeyAccess::PublicView, problems)
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

    /// Resolves an environment as seen without keys: its manifests cannot be decrypted.
    fn resolve_public<'a>(
        &'a self,
        app: &'a App,
        environment: &'a EnvironmentName,
    ) -> Option<impl FnOnce() -> ResolvedTarget + 'a> {
        let mut nothing = Diagnostics::new();
        let mut definition = self.library.merge_definition(app, environment, KeyAccess::PublicView, &mut nothing)?;
        definition.delivery.replace_secrets(self.form);
        let engine = self.create_engine(&Arc::default(), KeyAccess::PublicView);
        Some(move || resolve::resolve(&engine, definition, ManifestMode::Rendered, &mut nothing))
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

    /// An engine for one environment, so that its queries are recorded separately.
    fn create_engine(&self, documents: &Arc<DocumentCache>, access: KeyAccess) -> Arc<Engine> {
        let files = Arc::new(self.library.project.files.with_own_record());
        let keys = ManifestKeys { identities: Some(Arc::clone(self.library.identities())), access };
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

/// Whether nothing but a key is missing.
fn lacks_key(problems: &Diagnostics) -> bool {
    let mut errors = problems.iter().filter(|problem| problem.severity == Severity::Error).peekable();
    errors.peek().is_some() && errors.all(|problem| problem.failure == FailureKind::Key)
}

/// Whether an environment is resolved without its keys.
fn locked_before(
    on_missing_key: &OnMissingKey<&mut BTreeMap<EnvironmentName, Diagnostics>>,
    environment: &EnvironmentName,
) -> bool {
    match on_missing_key {
        OnMissingKey::Keep(locked) => locked.contains_key(environment),
        OnMissingKey::Fail => false,
    }
}

/// Errors in other environments alone, without those of the requested ones.
fn without_asked(others: Diagnostics, asked: &Diagnostics) -> Diagnostics {
    let key = |problem: &Diagnostic| {
        let place = problem.labels.first().map(|label| label.place.to_string());
        (problem.rule, place, problem.message.clone())
    };
    let known: HashSet<_> = asked.iter().map(key).collect();
    others.into_iter().filter(|problem| !known.contains(&key(problem))).collect()
}

/// An error in an environment that is not rendered, if the rendered ones have none.
fn beside_sound(problem: Diagnostic, wanted: &[EnvironmentName]) -> Diagnostic {
    if !problem.is_error() {
        return problem;
    }
    let names: Vec<_> = wanted.iter().map(|name| format!("`{name}`")).collect();
    let sound = match names.as_slice() {
        [name] => format!("{name} itself has no errors, but is not rendered"),
        names => format!("{} have no errors, but are not rendered", names.join(", ")),
    };
    problem.note(format!("{sound}: keys are routed using all environments"))
}

/// Diagnostic for a target that made septum panic. Other targets are not affected.
fn panic_diagnostic(panic: &CaughtPanic, environment: &EnvironmentName) -> Diagnostic {
    let message = format!("`{environment}` makes septum panic at {}: this is a bug in septum", panic.line);
    Diagnostic::error(Rule::Bug, message).with_failure(FailureKind::Bug).hint("report it together with the layers")
}

impl Survey {
    /// The values of an environment.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&ResolvedTarget> {
        self.environments.iter().find(|resolved| resolved.definition.environment == *name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::diagnostic::Diagnostic;
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
