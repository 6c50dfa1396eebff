//! Resolution of one target: every entry and variable once, in whatever order they refer to each other.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use minijinja::Value;

use super::engine::Engine;
use super::failure::{self, TemplateOrigin};
use super::frame::{self, RenderBlocked, RenderFrame, RenderSubject};
use super::pointed::{MarkedTemplate, StoreText};
use super::scope::{self, VariableStepRef};
use super::{EntryOutcome, Lineage, ResolvedBytes, ResolvedTarget, ResolvedValue, TemplateRead, registries};
use crate::budget::{BudgetExhausted, VALUE_BYTES, VALUE_COST};
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::files::{FileKind, MAX_FILE_SIZE};
use crate::layer::{Definition, Entry, EntrySource, Tree, TreeKind};
use crate::name::{BundleName, EntryId};
use crate::secret::Secret;
use crate::sops;
use crate::span::Location;
use crate::template_tokens::{is_of_go, is_template};
use crate::yaml::node::Scalar;
use crate::yaml::scalar::CoreType;

mod circle;
mod content_text;
mod running;

/// State of resolving a target.
pub(super) struct ResolveSession {
    pub(super) engine: Arc<Engine>,
    pub(super) definition: Arc<Definition>,
    entries: Mutex<HashMap<EntryId, ResolvedValue>>,
    variables: Mutex<IndexMap<String, ResolvedValue>>,
    problems: Mutex<Diagnostics>,
    /// Problems of variables that were so far read only by templates that had read secrets.
    withheld: Mutex<HashMap<String, Diagnostics>>,
    mentioned: Mutex<BTreeSet<String>>,
    /// Whether there are manifests of which nothing is known.
    has_unknown_manifests: AtomicBool,
    /// Whether an entry is a `ref`, computed on first use.
    pub(super) has_store_refs: OnceLock<bool>,
}

/// Marker of a failure that was already reported.
pub(super) struct ErrorReported;

impl ResolveSession {
    pub(super) fn new(engine: Arc<Engine>, definition: Definition) -> Arc<Self> {
        Arc::new(Self {
            engine,
            definition: Arc::new(definition),
            entries: Mutex::default(),
            variables: Mutex::default(),
            problems: Mutex::default(),
            withheld: Mutex::default(),
            mentioned: Mutex::default(),
            has_unknown_manifests: AtomicBool::new(false),
            has_store_refs: OnceLock::new(),
        })
    }

    /// Resolves everything; manifests only if requested.
    pub(super) fn finish(self: &Arc<Self>, with_manifests: bool, problems: &mut Diagnostics) -> ResolvedTarget {
        let definition = Arc::clone(&self.definition);
        let entries = definition.entries().map(|(id, _, _)| (id.clone(), self.entry(&id))).collect();
        let asked = self.engine.files.recorded_queries();
        let manifests = if with_manifests { self.read_manifests() } else { Vec::new() };
        problems.extend(std::mem::take(&mut *lock_mutex(&self.problems)));
        let mut variables = std::mem::take(&mut *lock_mutex(&self.variables));
        variables.sort_unstable_keys();
        let dark = self.has_unknown_manifests.load(Ordering::Relaxed);
        let files = Arc::clone(&self.engine.files);
        let mentioned = std::mem::take(&mut *lock_mutex(&self.mentioned));
        ResolvedTarget {
            definition,
            entries,
            variables,
            mentioned,
            manifests,
            has_unknown_manifests: dark,
            recorded_queries: asked,
            files,
        }
    }

    /// Records that there are manifests of which nothing is known.
    pub(super) fn mark_unknown_manifests(&self) {
        self.has_unknown_manifests.store(true, Ordering::Relaxed);
    }

    pub(super) fn report(&self, problem: Diagnostic) -> ErrorReported {
        match frame::variable_after_secret() {
            Some(path) => self.withhold(&path, problem),
            None => lock_mutex(&self.problems).push(problem),
        }
        ErrorReported
    }

    /// Withholds a problem of a variable that, as far as known, is read only because of the value of a secret. Its
    /// readers fail, and report that.
    fn withhold(&self, path: &str, problem: Diagnostic) {
        lock_mutex(&self.withheld).entry(path.to_owned()).or_default().push(problem);
    }

    /// Reports the withheld problems of a variable, and of the variables that it is derived from.
    fn release(&self, path: &str) {
        if lock_mutex(&self.withheld).is_empty() {
            return;
        }
        let problems = lock_mutex(&self.withheld).remove(path);
        lock_mutex(&self.problems).extend(problems.into_iter().flatten());
        let reads = lock_mutex(&self.variables).get(path).map(|known| known.lineage.reads.clone());
        // this ends: members of a cycle were never cached
        for read in reads.into_iter().flatten() {
            if let TemplateRead::Variable(path) = read {
                self.release(&path);
            }
        }
    }

    /// Entry, resolved now if it was not yet.
    pub(super) fn entry(self: &Arc<Self>, id: &EntryId) -> ResolvedValue {
        if let Some(known) = lock_mutex(&self.entries).get(id) {
            return known.clone();
        }
        let definition = Arc::clone(&self.definition);
        let Some(entry) = definition.entry(id) else { return failed_value(Location::synthetic()) };
        // a bundle of logins has no entries of its own to derive them from
        let is_login = matches!(entry.source.as_ref().map(|source| &source.value), Some(EntrySource::Registries(_)));
        let bundle = if is_login { definition.own_bundle() } else { id.bundle.clone() };
        let frame = RenderFrame::new(RenderSubject::Entry(id.clone()), bundle);
        let entered = frame::enter_frame(&frame, || self.resolve_entry(id, entry, &frame));
        let place = entry.place();
        let Some(resolved) = self.conclude(entered, &frame, place) else { return failed_value(place.clone()) };
        lock_mutex(&self.entries).insert(id.clone(), resolved.clone());
        resolved
    }

    /// Value of a variable, rendered if it is a template.
    pub(super) fn variable_value(
        self: &Arc<Self>,
        path: &str,
        scalar: &Arc<Scalar>,
        place: &Location,
    ) -> ResolvedValue {
        let known = lock_mutex(&self.variables).get(path).cloned();
        if let Some(known) = known {
            if !frame::follows_secret() {
                self.release(path);
            }
            return known;
        }
        let frame = RenderFrame::new(RenderSubject::Variable(path.to_owned()), self.definition.own_bundle());
        let entered = frame::enter_frame(&frame, || self.resolve_scalar(scalar, place, true, &frame));
        let Some(resolved) = self.conclude(entered, &frame, place) else { return failed_value(place.clone()) };
        lock_mutex(&self.variables).insert(path.to_owned(), resolved.clone());
        resolved
    }

    /// Outcome of a render; `None` if it was not started because it is already in progress: its result is cached when
    /// that ends.
    fn conclude(
        &self,
        entered: Result<Result<EntryOutcome, ErrorReported>, RenderBlocked>,
        frame: &RenderFrame,
        place: &Location,
    ) -> Option<ResolvedValue> {
        let outcome = match entered {
            Err(refusal) => {
                if !frame::follows_secret() {
                    self.report(self.blocked_render(&refusal));
                }
                return None;
            }
            Ok(Ok(EntryOutcome::Known(value))) if frame.is_locked() => {
                EntryOutcome::Locked(frame.placeholder_for(value.text()))
            }
            Ok(Err(ErrorReported) | Ok(EntryOutcome::Pointed(_))) if frame.is_locked() => {
                EntryOutcome::Locked(frame.placeholder_for(None))
            }
            Ok(Err(ErrorReported)) => EntryOutcome::Failed,
            Ok(Ok(EntryOutcome::Known(value))) if sops::holds_ciphertext(value.bytes()) => {
                let name = self.subject_name(&frame.subject);
                let problem = sops::ciphertext_as_value(&format!("the value of `{name}`"));
                self.report(problem.at_masked(place.clone()));
                EntryOutcome::Failed
            }
            // values that double each other would exhaust memory
            Ok(Ok(EntryOutcome::Known(value))) if value.bytes().len() as u64 > MAX_FILE_SIZE => {
                let name = self.subject_name(&frame.subject);
                let problem =
                    Diagnostic::error(Rule::OversizedValue, format!("the value of `{name}` is larger than 1 MiB"))
                        .at_masked(place.clone())
                        .note("a ConfigMap or Secret holds at most 1 MiB")
                        .hint("compute less, or keep large data in an image, a volume or an object store");
                match &frame.subject {
                    RenderSubject::Variable(path) if frame::follows_secret() => self.withhold(path, problem),
                    // its length may depend on a secret
                    _ if frame.is_secret() => drop(self.report(failure::withheld_error(&name, place, "template"))),
                    _ => drop(self.report(problem)),
                }
                EntryOutcome::Failed
            }
            Ok(Ok(outcome)) => outcome,
        };
        let outcome = if self.is_affordable(&outcome, place) { outcome } else { EntryOutcome::Failed };
        Some(ResolvedValue { outcome, lineage: frame.lineage(), place: place.clone() })
    }

    /// Whether the run's memory budget allows one more value. Many environments of many keys, or one file in many keys,
    /// add up.
    fn is_affordable(&self, outcome: &EntryOutcome, place: &Location) -> bool {
        let bytes = if let EntryOutcome::Known(value) = outcome { value.bytes().len() } else { 0 };
        let spent = VALUE_BYTES.spend((bytes + VALUE_COST) as u64);
        if let Err(BudgetExhausted) = spent {
            self.report(
                VALUE_BYTES
                    .budget_diagnostic()
                    .at_masked(place.clone())
                    .hint("render fewer environments or apps at once, and use a file in fewer keys"),
            );
        }
        spent.is_ok()
    }

    fn resolve_entry(
        self: &Arc<Self>,
        id: &EntryId,
        entry: &Entry,
        frame: &RenderFrame,
    ) -> Result<EntryOutcome, ErrorReported> {
        if entry.broken {
            return Err(ErrorReported);
        }
        let Some(source) = &entry.source else { return Ok(EntryOutcome::Missing) };
        let declared = entry.rules.template.as_ref().map(|rule| rule.value);
        let may_render = declared.unwrap_or(true);
        let at_source = |problem: Diagnostic| self.report(problem.at_public(source.place.clone(), PublicReason::Path));
        match &source.value {
            EntrySource::Value(scalar) => {
                let may_render = declared.unwrap_or_else(|| !is_of_go(id.key.as_str(), scalar.text()));
                self.resolve_scalar(scalar, &source.place, may_render, frame)
            }
            EntrySource::File(path) => Ok(EntryOutcome::Known(ResolvedBytes::File(
                self.engine.files.read_bytes(FileKind::EntryFile, path).map_err(at_source)?,
            ))),
            EntrySource::Template(path) => {
                let file = self.engine.files.read_text(FileKind::Template, path).map_err(at_source)?;
                let marked = self.mark_template(file.text(), frame, &source.place)?;
                let text = self.render(file.name(), &marked.text, &TemplateOrigin::File(&file))?;
                Ok(rendered_outcome(&marked, text))
            }
            EntrySource::Content(tree) => self.content_outcome(id, entry, tree, may_render, frame),
            EntrySource::Registries(tree) => registries::resolve_registries(self, frame, id.key.as_str(), tree),
            EntrySource::Ref(pointer) => Ok(EntryOutcome::Pointed(Arc::new(StoreText::value(id, pointer)))),
        }
    }

    /// Resolves a scalar.
    fn resolve_scalar(
        self: &Arc<Self>,
        scalar: &Arc<Scalar>,
        place: &Location,
        may_render: bool,
        frame: &RenderFrame,
    ) -> Result<EntryOutcome, ErrorReported> {
        if scalar.encrypted {
            frame.record_encrypted();
        }
        if scalar.locked {
            return Ok(EntryOutcome::Locked(frame.placeholder_for(Some(scalar.text()))));
        }
        if scalar.tag.as_deref() == Some("binary") {
            let packed: String = scalar.text().split_whitespace().collect();
            let bytes = STANDARD.decode(packed).map_err(|_| {
                let message = "`!!binary` wants standard base64 with padding";
                self.report(Diagnostic::error(Rule::InvalidValue, message).at_masked(place.clone()))
            })?;
            return Ok(EntryOutcome::Known(ResolvedBytes::File(bytes.into())));
        }
        if !may_render || !is_template(scalar.text()) {
            return Ok(EntryOutcome::Known(ResolvedBytes::Written(Arc::clone(scalar))));
        }
        let origin = TemplateOrigin::Scalar { scalar, place, shift: 0 };
        let marked = self.mark_template(scalar.text(), frame, place)?;
        let text = self.render(place.source.name(), &marked.text, &origin)?;
        Ok(rendered_outcome(&marked, text))
    }

    /// Whether an entry is sensitive by the declarations of layers, or by its lineage.
    pub(super) fn is_sensitive(&self, id: &EntryId, lineage: &Lineage) -> bool {
        let Some(entry) = self.definition.entry(id) else { return false };
        match &entry.rules.sensitive {
            Some(declared) => declared.value,
            None => {
                let bundle = self.definition.bundles.get(&id.bundle);
                lineage.secret || bundle.is_some_and(|bundle| bundle.secret_type.is_some())
            }
        }
    }

    /// Whether nothing defines the path of a template or gives it a value, as far as layers show.
    pub(super) fn is_missing(&self, path: &str) -> bool {
        let steps: Vec<&str> = path.split('.').collect();
        let entry = |bundle: &BundleName, key: &str| {
            self.definition.bundles.get(bundle).and_then(|bundle| bundle.entries.get(key))
        };
        let lacks = |bundle: &BundleName, key: &str| entry(bundle, key).is_none_or(|entry| entry.source.is_none());
        match steps.as_slice() {
            ["data", key] => {
                let bundle =
                    frame::current_frame().map_or_else(|| self.definition.own_bundle(), |frame| frame.bundle.clone());
                lacks(&bundle, key)
            }
            ["bundles", bundle, key] => lacks(&BundleName::from(*bundle), key),
            ["vars", rest @ ..] if !rest.is_empty() => {
                let steps: Vec<_> = rest.iter().map(|key| VariableStepRef::Key(key)).collect();
                self.variable(&steps).is_none()
            }
            ["env", "namespace"] => self.definition.namespace.is_none(),
            ["env" | "app", name] => *name != "name",
            _ => false,
        }
    }

    /// Part of `vars` that the steps lead to.
    pub(super) fn variable(&self, steps: &[VariableStepRef<'_>]) -> Option<&Tree> {
        steps.iter().try_fold(self.definition.vars.as_ref()?, |tree, step| match (&tree.kind, step) {
            (TreeKind::Map(map), VariableStepRef::Key(key)) => map.get(*key),
            (TreeKind::List(items), VariableStepRef::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// Entry's value as a template sees it: of the type that its rules declare, otherwise of the type that it was
    /// written with.
    pub(super) fn typed_value(&self, id: &EntryId, value: &ResolvedBytes) -> Value {
        let declared = self.definition.entry(id).and_then(|entry| entry.rules.schema.get("type"));
        let kind = match declared.and_then(|declared| declared.value.as_str()) {
            Some("integer") => CoreType::Int,
            Some("number") => CoreType::Float,
            Some("boolean") => CoreType::Bool,
            Some(_) => CoreType::String,
            None => return scope::final_value(value),
        };
        match value.text() {
            Some(text) => scope::typed_text(text, kind),
            None => scope::final_value(value),
        }
    }
}

/// Outcome of a rendered template.
fn rendered_outcome(marked: &MarkedTemplate<'_>, text: Arc<Secret<String>>) -> EntryOutcome {
    match marked.split_at_marks(text.expose()) {
        Some(pointed) => EntryOutcome::Pointed(Arc::new(pointed)),
        None => EntryOutcome::Known(ResolvedBytes::Rendered(text)),
    }
}

fn failed_value(place: Location) -> ResolvedValue {
    ResolvedValue { outcome: EntryOutcome::Failed, lineage: Lineage::default(), place }
}

fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
