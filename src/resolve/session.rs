//! Resolving one target: every entry and variable once, in whatever order they refer to each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use minijinja::{Error, Value};

use super::content::Leaves;
use super::engine::Engine;
use super::failure::{self, Origin};
use super::frame::{self, Frame, Refusal, Subject};
use super::pointed::{Marked, Pointed};
use super::prepare::prepare;
use super::scope::{self, StepRef};
use super::{Final, Lineage, Outcome, Resolved, ResolvedValue, content, registries};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::files::MAX_FILE_SIZE;
use crate::format::Format;
use crate::layer::{Definition, Entry, EntrySource, Tree, TreeKind};
use crate::name::EntryId;
use crate::parallel;
use crate::secret::Secret;
use crate::span::Place;
use crate::yaml::node::Scalar;
use crate::yaml::scalar::CoreType;

/// The state of resolving a target.
pub(super) struct Session {
    pub(super) engine: Arc<Engine>,
    pub(super) definition: Arc<Definition>,
    entries: Mutex<HashMap<EntryId, ResolvedValue>>,
    variables: Mutex<IndexMap<String, ResolvedValue>>,
    problems: Mutex<Diagnostics>,
    /// There are manifests of which nothing is known.
    dark: AtomicBool,
    /// Whether an entry is a `ref`, once somebody asked.
    pub(super) pointers: OnceLock<bool>,
}

/// That something failed, and was reported.
pub(super) struct Reported;

impl Session {
    pub(super) fn new(engine: Arc<Engine>, definition: Definition) -> Arc<Self> {
        Arc::new(Self {
            engine,
            definition: Arc::new(definition),
            entries: Mutex::default(),
            variables: Mutex::default(),
            problems: Mutex::default(),
            dark: AtomicBool::new(false),
            pointers: OnceLock::new(),
        })
    }

    /// Resolves everything; manifests only if they are asked for.
    pub(super) fn finish(self: &Arc<Self>, with_manifests: bool, problems: &mut Diagnostics) -> Resolved {
        let definition = Arc::clone(&self.definition);
        let entries = definition.entries().map(|(id, _, _)| (id.clone(), self.entry(&id))).collect();
        let asked = self.engine.files.seen();
        let manifests = if with_manifests { self.manifests() } else { Vec::new() };
        problems.extend(std::mem::take(&mut *lock(&self.problems)));
        let mut variables = std::mem::take(&mut *lock(&self.variables));
        variables.sort_unstable_keys();
        let dark = self.dark.load(Ordering::Relaxed);
        let files = Arc::clone(&self.engine.files);
        Resolved { definition, entries, variables, manifests, dark, asked, files }
    }

    /// Notes that there are manifests of which nothing is known.
    pub(super) fn darken(&self) {
        self.dark.store(true, Ordering::Relaxed);
    }

    pub(super) fn report(&self, problem: Diagnostic) -> Reported {
        lock(&self.problems).push(problem);
        Reported
    }

    /// An entry, resolved now if it was not yet.
    pub(super) fn entry(self: &Arc<Self>, id: &EntryId) -> ResolvedValue {
        if let Some(known) = lock(&self.entries).get(id) {
            return known.clone();
        }
        let definition = Arc::clone(&self.definition);
        let Some(entry) = definition.entry(id) else { return failed(Place::nowhere()) };
        // a bundle of logins has no entries of its own that they could be made of
        let is_login = matches!(entry.source.as_ref().map(|source| &source.value), Some(EntrySource::Registries(_)));
        let bundle = if is_login { definition.own_bundle() } else { id.bundle.clone() };
        let frame = Frame::new(Subject::Entry(id.clone()), bundle);
        let entered = frame::enter(&frame, || self.resolve_entry(id, entry, &frame));
        let place = entry.place();
        let Some(resolved) = self.conclude(entered, &frame, place) else { return failed(place.clone()) };
        lock(&self.entries).insert(id.clone(), resolved.clone());
        resolved
    }

    /// The value of a variable, rendered if it is a template.
    pub(super) fn variable_value(self: &Arc<Self>, path: &str, scalar: &Arc<Scalar>, place: &Place) -> ResolvedValue {
        if let Some(known) = lock(&self.variables).get(path) {
            return known.clone();
        }
        let frame = Frame::new(Subject::Variable(path.to_owned()), self.definition.own_bundle());
        let entered = frame::enter(&frame, || self.scalar(scalar, place, true, &frame));
        let Some(resolved) = self.conclude(entered, &frame, place) else { return failed(place.clone()) };
        lock(&self.variables).insert(path.to_owned(), resolved.clone());
        resolved
    }

    /// What became of a render; none if it was not started, because it is under way already: its
    /// result is remembered when that ends.
    fn conclude(
        &self,
        entered: Result<Result<Outcome, Reported>, Refusal>,
        frame: &Frame,
        place: &Place,
    ) -> Option<ResolvedValue> {
        let outcome = match entered {
            Err(refusal) => {
                self.report(self.refused(&refusal));
                return None;
            }
            Ok(Ok(Outcome::Known(value))) if frame.is_locked() => Outcome::Locked(frame.shadow(value.text())),
            Ok(Err(Reported) | Ok(Outcome::Pointed(_))) if frame.is_locked() => Outcome::Locked(frame.shadow(None)),
            Ok(Err(Reported)) => Outcome::Failed,
            // values that double each other would fill the memory
            Ok(Ok(Outcome::Known(value))) if value.bytes().len() as u64 > MAX_FILE_SIZE => {
                let name = self.subject_name(&frame.subject);
                self.report(
                    Diagnostic::error("oversized-value", format!("the value of `{name}` is larger than 1 MiB"))
                        .at_hidden(place.clone())
                        .note("a ConfigMap or Secret holds at most 1 MiB")
                        .hint("compute less, or keep large data in an image, a volume or an object store"),
                );
                Outcome::Failed
            }
            Ok(Ok(outcome)) => outcome,
        };
        Some(ResolvedValue { outcome, lineage: frame.lineage(), place: place.clone() })
    }

    fn resolve_entry(self: &Arc<Self>, id: &EntryId, entry: &Entry, frame: &Frame) -> Result<Outcome, Reported> {
        if entry.broken {
            return Err(Reported);
        }
        let Some(source) = &entry.source else { return Ok(Outcome::Missing) };
        let may_render = entry.rules.template.as_ref().is_none_or(|rule| rule.value);
        let at_source = |problem: Diagnostic| self.report(problem.at(source.place.clone()));
        match &source.value {
            EntrySource::Value(scalar) => self.scalar(scalar, &source.place, may_render, frame),
            EntrySource::File(path) => {
                Ok(Outcome::Known(Final::File(self.engine.files.bytes(path).map_err(at_source)?)))
            }
            EntrySource::Template(path) => {
                let file = self.engine.files.text(path).map_err(at_source)?;
                let marked = self.mark(file.text(), frame, &source.place)?;
                let text = self.render(file.name(), &marked.text, &Origin::File(&file))?;
                Ok(rendered(&marked, text))
            }
            EntrySource::Content(tree) => self.content(id, entry, tree, may_render, frame),
            EntrySource::Registries(tree) => registries::resolve(self, frame, id.key.as_str(), tree),
            EntrySource::Ref(pointer) => Ok(Outcome::Pointed(Arc::new(Pointed::value(id, pointer)))),
        }
    }

    /// The value of a scalar.
    fn scalar(
        self: &Arc<Self>,
        scalar: &Arc<Scalar>,
        place: &Place,
        may_render: bool,
        frame: &Frame,
    ) -> Result<Outcome, Reported> {
        if scalar.encrypted {
            frame.record_encrypted();
        }
        if scalar.locked {
            return Ok(Outcome::Locked(frame.shadow(Some(scalar.text()))));
        }
        if scalar.tag.as_deref() == Some("binary") {
            let packed: String = scalar.text().split_whitespace().collect();
            let bytes = STANDARD.decode(packed).map_err(|_| {
                let message = "`!!binary` wants standard base64 with padding";
                self.report(Diagnostic::error("invalid-value", message).at_hidden(place.clone()))
            })?;
            return Ok(Outcome::Known(Final::File(bytes.into())));
        }
        if !may_render || !is_template(scalar.text()) {
            return Ok(Outcome::Known(Final::Written(Arc::clone(scalar))));
        }
        let origin = Origin::Scalar { scalar, place, shift: 0 };
        let marked = self.mark(scalar.text(), frame, place)?;
        let text = self.render(place.source.name(), &marked.text, &origin)?;
        Ok(rendered(&marked, text))
    }

    fn content(
        self: &Arc<Self>,
        id: &EntryId,
        entry: &Entry,
        tree: &Tree,
        may_render: bool,
        frame: &Frame,
    ) -> Result<Outcome, Reported> {
        let format = self.format_of(id, entry)?;
        let mut builder = content::Builder { session: self, frame, may_render, leaves: Leaves::Typed, locked: false };
        let structure = builder.build(tree)?;
        let is_locked = builder.locked || frame.is_locked();
        match crate::format::write(format, &structure) {
            Ok(text) if is_locked => Ok(Outcome::Locked(frame.shadow(Some(&text)))),
            Err(_) if is_locked => Ok(Outcome::Locked(frame.shadow(None))),
            Ok(text) => Ok(Outcome::Known(Final::Rendered(Arc::new(Secret::new(text))))),
            Err(error) => Err(self.report(
                Diagnostic::error("invalid-content", format!("the content of `{}` cannot be written: {error}", id.key))
                    .at_hidden(place_of(tree, &error.path()).unwrap_or(&tree.place).clone())
                    .hint(error.hint()),
            )),
        }
    }

    fn format_of(&self, id: &EntryId, entry: &Entry) -> Result<Format, Reported> {
        let key = id.key.as_str();
        match &entry.rules.format {
            Some(named) => named.value.parse().map_err(|error: crate::format::UnknownFormat| {
                self.report(
                    Diagnostic::error("invalid-field", error.to_string())
                        .at(named.place.clone())
                        .maybe_hint(error.hint()),
                )
            }),
            None => Format::from_extension(key).ok_or_else(|| {
                let message = format!("`{key}` does not say in which format its content is to be written");
                self.report(
                    Diagnostic::error("invalid-content", message)
                        .at(entry.defined.clone())
                        .hint("add `format: yaml` (or json, toml, properties, env, ini), or an extension to the key"),
                )
            }),
        }
    }

    /// Renders a template.
    pub(super) fn render(
        self: &Arc<Self>,
        name: &str,
        text: &str,
        origin: &Origin<'_>,
    ) -> Result<Arc<Secret<String>>, Reported> {
        let source = prepare(text).map_err(|fault| self.failed(&fault.into_error(), origin))?;
        let render = || self.engine.environment.render_named_str(name, &source.text, scope::root(self));
        self.guard(origin, render).map(|text| Arc::new(Secret::new(text)))
    }

    /// Runs the engine. If it panics, that is reported, and what else there is to render goes on.
    pub(super) fn guard<T>(&self, origin: &Origin<'_>, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Reported> {
        let done = parallel::catch(run);
        let frame = frame::current();
        let line = match done {
            Ok(Ok(value)) if !frame.as_ref().is_some_and(|frame| frame.is_spoiled()) => return Ok(value),
            Ok(Err(error)) => return Err(self.failed(&error, origin)),
            Ok(Ok(_)) => String::new(),
            Err(panic) => panic.line,
        };
        // a value that is an error was compared: the engine takes none for that
        if let Some(raised) = frame.and_then(|frame| frame.raised()) {
            return Err(self.failed(&raised, origin));
        }
        let bug =
            Diagnostic::error("bug", format!("this template makes septum panic, at {line}: that is a bug in septum"));
        Err(self.report(bug.at_hidden(origin.place()).failing(Failure::Bug).hint("report it, with the template")))
    }

    /// Reports why a template failed, unless that was reported where the fault lies.
    pub(super) fn failed(&self, error: &Error, origin: &Origin<'_>) -> Reported {
        // what does not fit ciphertext may fit the plaintext
        if frame::current().is_some_and(|frame| frame.is_locked()) {
            return Reported;
        }
        if let Some(problem) = failure::diagnose(self, error, origin) {
            self.report(problem);
        }
        Reported
    }

    /// The part of `vars` that the steps lead to.
    pub(super) fn variable(&self, steps: &[StepRef<'_>]) -> Option<&Tree> {
        steps.iter().try_fold(self.definition.vars.as_ref()?, |tree, step| match (&tree.kind, step) {
            (TreeKind::Map(map), StepRef::Key(key)) => map.get(*key),
            (TreeKind::List(items), StepRef::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// An entry's value as a template sees it: of the type that its rules declare, else of the
    /// type that it was written with.
    pub(super) fn typed(&self, id: &EntryId, value: &Final) -> Value {
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

    pub(super) fn refused(&self, refusal: &Refusal) -> Diagnostic {
        let subjects = match refusal {
            Refusal::TooDeep => {
                return Diagnostic::error(
                    "template-cycle",
                    "a chain of templates that refer to each other is too long",
                )
                .hint("give the value in fewer steps");
            }
            Refusal::Cycle(subjects) => subjects,
        };
        let names: Vec<_> = subjects.iter().map(|subject| self.subject_name(subject)).collect();
        let first = names.first().map(String::as_str).unwrap_or_default();
        let mut problem = Diagnostic::error(
            "template-cycle",
            format!("templates refer to each other in a circle: {} → {first}", names.join(" → ")),
        );
        for (index, subject) in subjects.iter().enumerate() {
            let next = names.get(index + 1).map_or(first, String::as_str);
            if let Some(place) = self.subject_place(subject) {
                let label = format!("`{}` uses `{next}`", names.get(index).map(String::as_str).unwrap_or_default());
                problem = problem.at_hidden_with(place, label);
            }
        }
        problem.hint("give one of them a value that does not refer to the others")
    }

    fn subject_name(&self, subject: &Subject) -> String {
        match subject {
            Subject::Entry(id) => self.definition.label(id),
            Subject::Variable(path) => format!("vars.{path}"),
            Subject::Manifest(name) => name.clone(),
        }
    }

    fn subject_place(&self, subject: &Subject) -> Option<Place> {
        match subject {
            Subject::Entry(id) => {
                self.definition.entry(id).and_then(|entry| entry.source.as_ref()).map(|source| source.place.clone())
            }
            Subject::Variable(path) => {
                let mut place = None;
                self.definition.vars.as_ref()?.leaves("", &mut |found, tree, _| {
                    if found == path {
                        place = Some(tree.place.clone());
                    }
                });
                place
            }
            // nothing can refer to a manifest
            Subject::Manifest(_) => None,
        }
    }
}

/// What a rendered template gives.
fn rendered(marked: &Marked<'_>, text: Arc<Secret<String>>) -> Outcome {
    match marked.part(text.expose()) {
        Some(pointed) => Outcome::Pointed(Arc::new(pointed)),
        None => Outcome::Known(Final::Rendered(text)),
    }
}

/// Whether a text asks to be rendered.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn failed(place: Place) -> ResolvedValue {
    ResolvedValue { outcome: Outcome::Failed, lineage: Lineage::default(), place }
}

/// The place of the part of a structure that a writer complains about.
fn place_of<'t>(tree: &'t Tree, path: &crate::format::KeyPath) -> Option<&'t Place> {
    let found = path.steps().iter().try_fold(tree, |tree, step| match (&tree.kind, step) {
        (TreeKind::Map(map), crate::format::Step::Key(key)) => map.get(key),
        (TreeKind::List(items), crate::format::Step::Index(index)) => items.get(*index),
        _ => None,
    });
    found.map(|tree| &tree.place)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
