//! Resolution of one target: every entry and variable once, in whatever order they refer to each other.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::circle::blocked_render;
use super::context::{ErrorReported, ResolveContext, lock_mutex};
use super::engine::Engine;
use super::failure::{self, TemplateOrigin};
use super::frame::{self, RenderBlocked, RenderFrame, RenderSubject};
use super::lookup::Lookup;
use super::pointed::{MarkedTemplate, mark_template};
use super::renderer::TemplateRenderer;
use super::scope::root_scope;
use super::store_text::StoreText;
use super::{EntryOutcome, Lineage, ResolvedBytes, ResolvedTarget, ResolvedValue, TemplateRead, registries, tagged};
use crate::budget::{BudgetExhausted, VALUE_BYTES, VALUE_COST};
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::files::{FileKind, MAX_FILE_SIZE};
use crate::layer::{Definition, Entry, EntrySource, TreeKind};
use crate::map::{HashMap, IndexMap};
use crate::name::EntryId;
use crate::secret::Secret;
use crate::sops;
use crate::sort::sort_keys;
use crate::span::Location;
use crate::template_tokens::{is_of_go, is_template};
use crate::yaml::node::Scalar;

/// State of resolving a target.
pub(super) struct ResolveSession {
    context: Arc<ResolveContext>,
    entries: Mutex<HashMap<EntryId, ResolvedValue>>,
    variables: Mutex<IndexMap<String, ResolvedValue>>,
}

impl Lookup for ResolveSession {
    fn definition(&self) -> &Definition {
        &self.context.definition
    }

    fn entry(self: Arc<Self>, id: &EntryId) -> ResolvedValue {
        if let Some(known) = lock_mutex(&self.entries).get(id) {
            return known.clone();
        }
        let definition = Arc::clone(&self.context.definition);
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

    fn variable_value(self: Arc<Self>, path: &str, scalar: &Arc<Scalar>, place: &Location) -> ResolvedValue {
        let known = lock_mutex(&self.variables).get(path).cloned();
        if let Some(known) = known {
            if !frame::follows_secret() {
                self.release(path);
            }
            return known;
        }
        let frame = RenderFrame::new(RenderSubject::Variable(path.to_owned()), self.context.definition.own_bundle());
        let entered = frame::enter_frame(&frame, || self.resolve_scalar(scalar, place, true, &frame));
        let Some(resolved) = self.conclude(entered, &frame, place) else { return failed_value(place.clone()) };
        lock_mutex(&self.variables).insert(path.to_owned(), resolved.clone());
        resolved
    }
}

impl ResolveSession {
    pub(super) fn new(engine: Arc<Engine>, definition: Definition) -> Arc<Self> {
        let context = Arc::new(ResolveContext::new(engine, definition));
        Arc::new(Self { context, entries: Mutex::default(), variables: Mutex::default() })
    }

    /// Resolves everything; manifests only if requested.
    pub(super) fn finish(self: &Arc<Self>, with_manifests: bool, problems: &mut Diagnostics) -> ResolvedTarget {
        let definition = Arc::clone(&self.context.definition);
        let files = Arc::clone(&self.context.engine.files);
        let entries = definition.entries().map(|(id, _, _)| (id.clone(), Arc::clone(self).entry(&id))).collect();
        let recorded_queries = files.recorded_queries();
        let manifests = if with_manifests { self.renderer().read_manifests() } else { Vec::new() };
        let patches = if with_manifests { self.renderer().read_patches() } else { Vec::new() };
        definition.add_manifest_seals(&self.context.take_seals());
        problems.extend(self.context.take_problems());
        let mut variables = std::mem::take(&mut *lock_mutex(&self.variables));
        sort_keys(&mut variables);
        ResolvedTarget {
            definition,
            entries,
            variables,
            mentioned: self.context.take_mentioned(),
            manifests,
            patches,
            has_unknown_manifests: self.context.has_unknown_manifests(),
            has_unknown_patches: self.context.has_unknown_patches(),
            recorded_queries,
            files,
        }
    }

    /// Resolves one variable alone.
    pub(super) fn finish_variable(self: &Arc<Self>, path: &str, problems: &mut Diagnostics) -> Option<ResolvedValue> {
        let definition = Arc::clone(&self.context.definition);
        let tree = definition.variable(path)?;
        let TreeKind::Leaf(scalar) = &tree.kind else { return None };
        let value = Arc::clone(self).variable_value(path, scalar, &tree.place);
        problems.extend(self.context.take_problems());
        Some(value)
    }

    /// Creates a renderer of templates over the values of this session.
    fn renderer(self: &Arc<Self>) -> TemplateRenderer {
        TemplateRenderer { context: Arc::clone(&self.context), scope: root_scope(self.lookup()) }
    }

    fn lookup(self: &Arc<Self>) -> Arc<dyn Lookup> {
        Arc::<Self>::clone(self)
    }

    /// Reports the withheld problems of a variable, and of the variables that it is derived from.
    fn release(&self, path: &str) {
        if !self.context.has_withheld() {
            return;
        }
        self.context.release(path);
        let reads = lock_mutex(&self.variables).get(path).map(|known| known.lineage.reads.clone());
        // this ends: members of a cycle were never cached
        for read in reads.into_iter().flatten() {
            if let TemplateRead::Variable(path) = read {
                self.release(&path);
            }
        }
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
                    self.context.report(blocked_render(&self.context.definition, &refusal));
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
                let name = frame.subject.label(&self.context.definition);
                let problem = sops::ciphertext_as_value(&format!("the value of `{name}`"));
                self.context.report(problem.at_masked(place.clone()));
                EntryOutcome::Failed
            }
            // values that double each other would exhaust memory
            Ok(Ok(EntryOutcome::Known(value))) if value.bytes().len() as u64 > MAX_FILE_SIZE => {
                let name = frame.subject.label(&self.context.definition);
                let problem =
                    Diagnostic::error(Rule::OversizedValue, format!("the value of `{name}` is larger than 1 MiB"))
                        .at_masked(place.clone())
                        .note("a ConfigMap or Secret is limited to 1 MiB")
                        .hint("compute less, or keep large data in an image, a volume or an object store");
                match &frame.subject {
                    RenderSubject::Variable(path) if frame::follows_secret() => self.context.withhold(path, problem),
                    // its length may depend on a secret
                    _ if frame.is_secret() => {
                        self.context.report(failure::withheld_error(&name, place, "template"));
                    }
                    _ => {
                        self.context.report(problem);
                    }
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
            self.context.report(
                VALUE_BYTES
                    .budget_diagnostic()
                    .at_masked(place.clone())
                    .hint("render fewer environments or apps at once, or use a file in fewer keys"),
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
        let at_source =
            |problem: Diagnostic| self.context.report(problem.at_public(source.place.clone(), PublicReason::Path));
        match &source.value {
            EntrySource::Value(scalar) => {
                let may_render = declared.unwrap_or_else(|| !is_of_go(id.key.as_str(), scalar.text()));
                self.resolve_scalar(scalar, &source.place, may_render, frame)
            }
            EntrySource::File(path) => Ok(EntryOutcome::Known(ResolvedBytes::File(
                self.context.engine.files.read_bytes(FileKind::EntryFile, path).map_err(at_source)?,
            ))),
            EntrySource::Template(path) => {
                let file = self.context.engine.files.read_text(FileKind::Template, path).map_err(|problem| {
                    self.context.mention_any();
                    at_source(problem)
                })?;
                let marked = self.mark_template(file.text(), frame, &source.place)?;
                let text = self.renderer().render(file.name(), &marked.text, &TemplateOrigin::File(&file))?;
                Ok(rendered_outcome(&marked, text))
            }
            EntrySource::Content(tree) => self.renderer().content_outcome(id, entry, tree, may_render, frame),
            EntrySource::Registries(tree) => {
                registries::resolve_registries(&self.renderer(), frame, id.key.as_str(), tree)
            }
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
        if scalar.broken {
            return Err(self.context.follow_reported(&frame.subject));
        }
        if scalar.encrypted {
            frame.record_encrypted();
        }
        if scalar.locked {
            return Ok(EntryOutcome::Locked(frame.placeholder_for(Some(scalar.text()))));
        }
        if scalar.tag_name() == Some("binary") {
            let packed: String = scalar.text().split_whitespace().collect();
            let bytes = STANDARD.decode(packed).map_err(|_| {
                let message = "`!!binary` requires standard base64 with padding";
                self.context.report(Diagnostic::error(Rule::InvalidValue, message).at_masked(place.clone()))
            })?;
            return Ok(EntryOutcome::Known(ResolvedBytes::File(bytes.into())));
        }
        if !may_render || !is_template(scalar.text()) {
            return Ok(EntryOutcome::Known(ResolvedBytes::Written(Arc::clone(scalar))));
        }
        let origin = TemplateOrigin::Scalar { scalar, place, shift: 0 };
        let marked = self.mark_template(scalar.text(), frame, place)?;
        let text = self.renderer().render(place.source.name(), &marked.text, &origin)?;
        let outcome = rendered_outcome(&marked, text);
        if let EntryOutcome::Known(ResolvedBytes::Rendered(text)) = &outcome {
            tagged::check_rendered(&self.context, frame, scalar, text.expose(), place)?;
        }
        Ok(outcome)
    }

    /// Replaces references to values of stores with marks.
    fn mark_template<'t>(
        self: &Arc<Self>,
        template: &'t str,
        frame: &RenderFrame,
        place: &Location,
    ) -> Result<MarkedTemplate<'t>, ErrorReported> {
        if !self.context.has_store_refs || !is_template(template) {
            return Ok(MarkedTemplate::unmarked(template));
        }
        mark_template(&self.lookup(), template, frame, place).map_err(|problem| self.context.report(problem))
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
