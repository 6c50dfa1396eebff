//! All environments of an app, resolved and routed.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use super::{PartialTarget, Pipeline, panic_diagnostic};
use crate::budget::VALUE_BYTES;
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, Severity};
use crate::layer::{Definition, ManifestSeal};
use crate::map::HashSet;
use crate::meter::RunStage;
use crate::name::{AppName, EnvironmentName};
use crate::parallel;
use crate::project::App;
use crate::resolve::{self, DocumentCache, ManifestMode, ResolvedTarget};
use crate::route::{self, Contradiction, Routing};
use crate::sops::{SopsFormat, policy};
use crate::sort::{CollectSorted, sort_by};
use crate::test_hook;
use crate::visibility::{KeyAccess, OnMissingKey};

/// An app with all its environments resolved and routed.
#[derive(Debug)]
pub struct Survey {
    /// Its name.
    pub app: AppName,
    /// One for each environment, in the order of their names.
    pub environments: Vec<ResolvedTarget>,
    /// Those that lack a layer that could not be read, if such environments are wanted.
    pub partial: Vec<PartialTarget>,
    /// Files that could not be read or decrypted, or that name a layer that does not exist, as far as that is allowed.
    pub unread: BTreeSet<String>,
    /// Classification of entries as sensitive, across all environments.
    pub routing: Routing,
    /// Errors in environments that were not requested. Environments that could not be read are left out.
    pub beside: Diagnostics,
    /// Entries that are declared plain and cannot be, if they are no errors of the whole survey.
    pub contradictions: Vec<Contradiction>,
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
    /// Whether environments without a layer that cannot be read are wanted.
    is_partial: bool,
    /// Whether an entry that is declared plain and cannot be is an error of the whole survey.
    on_contradiction: OnContradiction,
}

/// Treatment of an entry that is declared plain and cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnContradiction {
    /// It is an error of the whole survey.
    Fail,
    /// It is recorded with the survey.
    Keep,
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
        let (on_missing_key, on_contradiction) = (OnMissingKey::Fail, OnContradiction::Fail);
        Self { asked, access, needs_all: false, manifests, on_missing_key, is_partial: false, on_contradiction }
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

    /// The same as far as there are keys, and as far as layers can be read: one that cannot be read hides nothing of the
    /// others.
    #[must_use]
    pub fn as_far_as_readable(self, locked: &'a mut BTreeMap<EnvironmentName, Diagnostics>) -> Self {
        Self { is_partial: true, ..self.as_far_as_known(locked) }
    }

    /// The same, to show single entries: one that is declared plain and cannot be does not affect the others.
    #[must_use]
    pub fn of_single_entries(self) -> Self {
        Self { on_contradiction: OnContradiction::Keep, ..self }
    }

    /// Access to the values of an environment, which may be resolved without its keys.
    fn access_to(&self, environment: &EnvironmentName) -> KeyAccess {
        match &self.on_missing_key {
            OnMissingKey::Keep(locked) if locked.contains_key(environment) => KeyAccess::PublicView,
            OnMissingKey::Keep(_) | OnMissingKey::Fail => self.access,
        }
    }
}

impl Survey {
    /// All environments of which layers could be read, some of them in part.
    pub fn readable(&self) -> impl Iterator<Item = &ResolvedTarget> {
        self.environments.iter().chain(self.partial.iter().map(|target| &target.resolved))
    }

    /// Those of them that are wanted.
    pub fn readable_among(&self, wanted: &[EnvironmentName]) -> impl Iterator<Item = &ResolvedTarget> {
        let wanted: HashSet<_> = wanted.iter().cloned().collect();
        self.readable().filter(move |resolved| {
            test_hook::count_work(1);
            wanted.contains(&resolved.definition.environment)
        })
    }

    /// The values of an environment.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&ResolvedTarget> {
        let order = |resolved: &ResolvedTarget| {
            test_hook::count_work(1);
            resolved.definition.environment.cmp(name)
        };
        self.environments.binary_search_by(order).ok().and_then(|index| self.environments.get(index))
    }
}

impl Pipeline<'_> {
    /// Resolves and routes an app. Values are decrypted in the requested environments, if at all; for the others the
    /// encrypted leaves alone are known, since routing is decided over all.
    ///
    /// Problems of layers are reported for all environments, problems of values for the decrypted ones. Returns `None`
    /// where there is nothing to route by.
    pub fn survey(&self, app: &App, options: SurveyOptions<'_>, problems: &mut Diagnostics) -> Option<Survey> {
        // those that are asked for come first, so that a layer that is shared is decrypted once
        let asked: HashSet<_> = options.asked.iter().collect();
        let (mut order, others): (Vec<_>, Vec<_>) =
            app.environments.iter().partition(|environment| asked.contains(environment));
        order.extend(others);
        let mut builder = SurveyBuilder {
            pipeline: self,
            app,
            asked,
            options,
            documents: Arc::default(),
            environments: Vec::with_capacity(app.environments.len()),
            partial: Vec::new(),
            unread: BTreeSet::new(),
            is_whole: true,
            panics: Diagnostics::new(),
            of_asked: Diagnostics::new(),
            of_others: Diagnostics::new(),
        };
        for environment in order {
            if VALUE_BYTES.left() == 0 {
                problems.extend(builder.panics);
                problems.push(VALUE_BYTES.budget_diagnostic().hint("render fewer environments or apps at once"));
                return None;
            }
            builder.add_environment(environment);
        }
        builder.finish(problems)
    }

    /// Reads layers that no environment has, each on top of the base, as seen without keys: mixins that no layer extends,
    /// or the base of an app without environments. Each stands in the place of an environment of its name.
    ///
    /// Reports what is wrong with the layers themselves, and with the files that they name.
    pub fn survey_unused_layers(&self, app: &App, layers: &[EnvironmentName], problems: &mut Diagnostics) -> Survey {
        let (documents, access) = (Arc::default(), KeyAccess::PublicView);
        let mut partial = Vec::with_capacity(layers.len());
        for layer in layers {
            let definition = self.library.merge_definition(app, layer, access, problems);
            let definition = definition
                .unwrap_or_else(|| self.library.merge_readable(app, layer, access, &mut Diagnostics::new()).definition);
            let known = definition.files.iter().map(|source| source.name().to_owned()).collect_set();
            match self.resolve_partial(definition, &documents, problems) {
                Ok(resolved) => partial.push(PartialTarget::new(resolved, BTreeSet::new(), known)),
                Err(panic) => problems.push(panic_diagnostic(&panic, layer)),
            }
        }
        Survey {
            app: self.library.app_name(app).unwrap_or_else(|_| app.directory_name().as_str().into()),
            environments: Vec::new(),
            routing: route::route(partial.iter().map(|target| &target.resolved), &mut Vec::new()),
            partial,
            unread: BTreeSet::new(),
            beside: Diagnostics::new(),
            contradictions: Vec::new(),
        }
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
}

/// A survey of some of the environments.
struct SurveyBuilder<'a, 'p> {
    pipeline: &'a Pipeline<'p>,
    app: &'a App,
    /// The requested environments.
    asked: HashSet<&'a EnvironmentName>,
    options: SurveyOptions<'a>,
    documents: Arc<DocumentCache>,
    environments: Vec<ResolvedTarget>,
    partial: Vec<PartialTarget>,
    unread: BTreeSet<String>,
    /// Whether no environment is missing that is needed.
    is_whole: bool,
    panics: Diagnostics,
    of_asked: Diagnostics,
    of_others: Diagnostics,
}

impl SurveyBuilder<'_, '_> {
    fn add_environment(&mut self, environment: &EnvironmentName) {
        let is_asked = self.asked.contains(environment);
        let mut found = Diagnostics::new();
        let merged = self.merge_layers(environment, &mut found);
        let merged = match merged {
            None if self.options.is_partial => self.merge_readable(environment, &mut found),
            None => {
                self.is_whole &= !(self.options.needs_all || is_asked);
                None
            }
            merged => merged,
        };
        if is_asked {
            self.of_asked.extend(found);
        } else {
            self.of_others.extend(found);
        }
        if let Some(definition) = merged {
            self.resolve_environment(environment, definition);
        }
    }

    /// Merges the definition of an environment, or its public view if nothing but a key is missing.
    fn merge_layers(&mut self, environment: &EnvironmentName, problems: &mut Diagnostics) -> Option<Definition> {
        let Self { pipeline, app, asked, options: SurveyOptions { access, on_missing_key, .. }, .. } = self;
        let is_asked = asked.contains(environment);
        let merge = |access, found: &mut Diagnostics| {
            pipeline.meter.time(RunStage::Layers, || pipeline.library.merge_definition(app, environment, access, found))
        };
        if !is_asked {
            return merge(KeyAccess::StructureOnly, problems);
        }
        let OnMissingKey::Keep(locked) = on_missing_key else { return merge(*access, problems) };
        let mut found = Diagnostics::new();
        let definition = merge(KeyAccess::Decrypt, &mut found);
        if definition.is_some() || !lacks_key(&found) {
            problems.extend(found);
            return definition;
        }
        locked.insert(environment.clone(), found);
        merge(KeyAccess::PublicView, problems)
    }

    /// Merges the layers that can be read. Gives the public view if only values could not be read, and adds the
    /// environment as a partial one otherwise.
    fn merge_readable(&mut self, environment: &EnvironmentName, found: &mut Diagnostics) -> Option<Definition> {
        let Self { pipeline, app, asked, options: SurveyOptions { access, on_missing_key, .. }, .. } = self;
        let access = if asked.contains(environment) { *access } else { KeyAccess::StructureOnly };
        let mut readable = pipeline.library.merge_readable(app, environment, access, found);
        if let OnMissingKey::Keep(locked) = on_missing_key {
            // a key that is missing, too, is no error
            let all = mem::take(found).into_iter();
            let (of_keys, others): (Vec<_>, Vec<_>) = all.partition(|problem| problem.failure == FailureKind::Key);
            let files = of_keys.iter().filter_map(|problem| Some(problem.labels.first()?.place.source.name()));
            for file in files {
                readable.unread.remove(file);
            }
            found.extend(others);
            if readable.known.is_none() || !of_keys.is_empty() {
                locked.insert(environment.clone(), of_keys.into_iter().collect());
            }
        }
        self.unread.extend(readable.unread);
        let Some(known) = readable.known else { return Some(readable.definition) };
        match pipeline.resolve_partial(readable.definition, &self.documents, found) {
            Ok(resolved) => self.partial.push(PartialTarget::new(resolved, readable.missing, known)),
            Err(panic) => self.panics.push(panic_diagnostic(&panic, environment)),
        }
        None
    }

    fn resolve_environment(&mut self, environment: &EnvironmentName, mut definition: Definition) {
        let Self { pipeline, app, asked, options, .. } = self;
        let is_asked = asked.contains(environment);
        definition.delivery.replace_secrets(pipeline.form);
        let mut found = Diagnostics::new();
        let manifests = if is_asked { options.manifests } else { ManifestMode::Skipped };
        let engine = pipeline.create_engine(&self.documents, options.access_to(environment));
        let resolve = || resolve::resolve(&engine, definition, manifests, &mut found);
        let mut resolved = parallel::catch_panic(|| pipeline.meter.time(RunStage::Resolve, resolve));
        if let OnMissingKey::Keep(locked) = &mut options.on_missing_key
            && is_asked
            && lacks_key(&found)
            && let Some(public) = pipeline.resolve_public(app, environment)
        {
            locked.insert(environment.clone(), mem::take(&mut found));
            resolved = parallel::catch_panic(|| pipeline.meter.time(RunStage::Resolve, public));
        }
        match resolved {
            Ok(resolved) => {
                found.extend(pipeline.manifest_drift(&resolved));
                self.environments.push(resolved);
            }
            Err(panic) => {
                self.panics.push(panic_diagnostic(&panic, environment));
                self.is_whole = false;
            }
        }
        if is_asked && options.access == KeyAccess::Decrypt {
            self.of_asked.extend(found);
        }
    }

    fn finish(self, problems: &mut Diagnostics) -> Option<Survey> {
        let Self { pipeline, app, options, mut environments, partial, unread, of_asked, .. } = self;
        problems.extend(self.panics);
        let mut beside = without_asked(self.of_others, &of_asked);
        if options.needs_all {
            let is_sound = !options.asked.is_empty() && !of_asked.has_errors();
            let others = mem::take(&mut beside).into_iter();
            let told = |problem| if is_sound { beside_sound(problem, options.asked) } else { problem };
            problems.extend(others.map(told));
        }
        problems.extend(of_asked);
        // an app that cannot be read at all has nothing to show
        if !self.is_whole || (environments.is_empty() && partial.is_empty() && beside.has_errors()) {
            problems.extend(beside);
            return None;
        }
        let app = match pipeline.library.app_name(app) {
            Ok(name) => name,
            // which was reported
            Err(_) if !partial.is_empty() => app.directory_name().as_str().into(),
            Err(found) => {
                problems.extend(found);
                return None;
            }
        };
        sort_by(&mut environments, |a, b| a.definition.environment.cmp(&b.definition.environment));
        let mut contradictions = Vec::new();
        let route = || pipeline.meter.time(RunStage::Route, || route_all(&environments, &partial, &mut contradictions));
        let routed = parallel::catch_panic(route);
        if options.on_contradiction == OnContradiction::Fail {
            problems.extend(mem::take(&mut contradictions).into_iter().map(|contradiction| contradiction.diagnostic));
        }
        match routed {
            Ok(routing) => Some(Survey { app, environments, partial, unread, routing, beside, contradictions }),
            Err(panic) => {
                let message = format!("`{app}` makes septum panic at {}: this is a bug in septum", panic.line);
                problems.push(Diagnostic::error(Rule::Bug, message).with_failure(FailureKind::Bug));
                None
            }
        }
    }
}

/// Routes the entries of an app over all environments, and reports the contradictions in those that are whole.
fn route_all(
    environments: &[ResolvedTarget],
    partial: &[PartialTarget],
    contradictions: &mut Vec<Contradiction>,
) -> Routing {
    let routing = route::route(environments, contradictions);
    if partial.is_empty() {
        return routing;
    }
    let all = environments.iter().chain(partial.iter().map(|target| &target.resolved));
    route::route(all, &mut Vec::new())
}

/// Whether nothing but a key is missing.
fn lacks_key(problems: &Diagnostics) -> bool {
    let mut errors = problems.iter().filter(|problem| problem.severity == Severity::Error).peekable();
    errors.peek().is_some() && errors.all(|problem| problem.failure == FailureKind::Key)
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
