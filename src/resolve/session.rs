//! Resolving one target: every entry and variable once, in whatever order they refer to each other.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use minijinja::{Environment, Error, Value};

use super::content::Leaves;
use super::engine::{self, Engine};
use super::failure::{self, Origin};
use super::frame::{self, Frame, Refusal, Subject};
use super::pointed::{Marked, Pointed};
use super::prepare::prepare;
use super::scope::{self, StepRef};
use super::steps::StepError;
use super::{Final, Lineage, Outcome, Read, Resolved, ResolvedValue, content, literal, registries};
use crate::budget::{Exhausted, TEMPLATE_STEPS, VALUE_BYTES, VALUE_COST};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure, Public};
use crate::files::{FileKind, MAX_FILE_SIZE};
use crate::format::{Format, FormatError};
use crate::layer::{Definition, Entry, EntrySource, Tree, TreeKind};
use crate::name::{BundleName, EntryId};
use crate::parallel;
use crate::secret::Secret;
use crate::sops;
use crate::span::Place;
use crate::template_tokens::{is_of_go, is_template};
use crate::yaml::node::Scalar;
use crate::yaml::scalar::CoreType;

/// The state of resolving a target.
pub(super) struct Session {
    pub(super) engine: Arc<Engine>,
    pub(super) definition: Arc<Definition>,
    entries: Mutex<HashMap<EntryId, ResolvedValue>>,
    variables: Mutex<IndexMap<String, ResolvedValue>>,
    problems: Mutex<Diagnostics>,
    /// What is wrong with variables that nobody read yet but templates that had read secrets.
    withheld: Mutex<HashMap<String, Diagnostics>>,
    mentioned: Mutex<BTreeSet<String>>,
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
            withheld: Mutex::default(),
            mentioned: Mutex::default(),
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
        let mentioned = std::mem::take(&mut *lock(&self.mentioned));
        Resolved { definition, entries, variables, mentioned, manifests, dark, asked, files }
    }

    /// Notes that there are manifests of which nothing is known.
    pub(super) fn darken(&self) {
        self.dark.store(true, Ordering::Relaxed);
    }

    pub(super) fn report(&self, problem: Diagnostic) -> Reported {
        match frame::variable_after_secret() {
            Some(path) => self.withhold(&path, problem),
            None => lock(&self.problems).push(problem),
        }
        Reported
    }

    /// Keeps back what is wrong with a variable that, as far as is known, is read only since a secret is what it is.
    /// Who reads it fails, and says so.
    fn withhold(&self, path: &str, problem: Diagnostic) {
        lock(&self.withheld).entry(path.to_owned()).or_default().push(problem);
    }

    /// Reports what was kept back of a variable, and of those that it is made of.
    fn release(&self, path: &str) {
        if lock(&self.withheld).is_empty() {
            return;
        }
        let problems = lock(&self.withheld).remove(path);
        lock(&self.problems).extend(problems.into_iter().flatten());
        let reads = lock(&self.variables).get(path).map(|known| known.lineage.reads.clone());
        // a circle is none of those: who is in one was never remembered
        for read in reads.into_iter().flatten() {
            if let Read::Variable(path) = read {
                self.release(&path);
            }
        }
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
        let known = lock(&self.variables).get(path).cloned();
        if let Some(known) = known {
            if !frame::follows_secret() {
                self.release(path);
            }
            return known;
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
                if !frame::follows_secret() {
                    self.report(self.refused(&refusal));
                }
                return None;
            }
            Ok(Ok(Outcome::Known(value))) if frame.is_locked() => Outcome::Locked(frame.shadow(value.text())),
            Ok(Err(Reported) | Ok(Outcome::Pointed(_))) if frame.is_locked() => Outcome::Locked(frame.shadow(None)),
            Ok(Err(Reported)) => Outcome::Failed,
            Ok(Ok(Outcome::Known(value))) if sops::holds_ciphertext(value.bytes()) => {
                let name = self.subject_name(&frame.subject);
                let problem = sops::ciphertext_as_value(&format!("the value of `{name}`"));
                self.report(problem.at_hidden(place.clone()));
                Outcome::Failed
            }
            // values that double each other would fill the memory
            Ok(Ok(Outcome::Known(value))) if value.bytes().len() as u64 > MAX_FILE_SIZE => {
                let name = self.subject_name(&frame.subject);
                let problem =
                    Diagnostic::error("oversized-value", format!("the value of `{name}` is larger than 1 MiB"))
                        .at_hidden(place.clone())
                        .note("a ConfigMap or Secret holds at most 1 MiB")
                        .hint("compute less, or keep large data in an image, a volume or an object store");
                match &frame.subject {
                    Subject::Variable(path) if frame::follows_secret() => self.withhold(path, problem),
                    // how long it is may follow from a secret
                    _ if frame.is_secret() => drop(self.report(failure::withheld(&name, place, "template"))),
                    _ => drop(self.report(problem)),
                }
                Outcome::Failed
            }
            Ok(Ok(outcome)) => outcome,
        };
        let outcome = if self.is_affordable(&outcome, place) { outcome } else { Outcome::Failed };
        Some(ResolvedValue { outcome, lineage: frame.lineage(), place: place.clone() })
    }

    /// Whether the run may hold one more value. Many environments of many keys, or one file in many keys, add up.
    fn is_affordable(&self, outcome: &Outcome, place: &Place) -> bool {
        let bytes = if let Outcome::Known(value) = outcome { value.bytes().len() } else { 0 };
        let spent = VALUE_BYTES.spend((bytes + VALUE_COST) as u64);
        if let Err(Exhausted) = spent {
            self.report(
                VALUE_BYTES
                    .exceeded()
                    .at_hidden(place.clone())
                    .hint("render fewer environments or apps at once, and use a file in fewer keys"),
            );
        }
        spent.is_ok()
    }

    fn resolve_entry(self: &Arc<Self>, id: &EntryId, entry: &Entry, frame: &Frame) -> Result<Outcome, Reported> {
        if entry.broken {
            return Err(Reported);
        }
        let Some(source) = &entry.source else { return Ok(Outcome::Missing) };
        let declared = entry.rules.template.as_ref().map(|rule| rule.value);
        let may_render = declared.unwrap_or(true);
        let at_source = |problem: Diagnostic| self.report(problem.at_public(source.place.clone(), Public::Path));
        match &source.value {
            EntrySource::Value(scalar) => {
                let may_render = declared.unwrap_or_else(|| !is_of_go(id.key.as_str(), scalar.text()));
                self.scalar(scalar, &source.place, may_render, frame)
            }
            EntrySource::File(path) => {
                Ok(Outcome::Known(Final::File(self.engine.files.bytes(FileKind::EntryFile, path).map_err(at_source)?)))
            }
            EntrySource::Template(path) => {
                let file = self.engine.files.text(FileKind::Template, path).map_err(at_source)?;
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
            Err(_) if frame.has_secret() && !is_locked => {
                Err(self.report(failure::withheld(id.key.as_str(), &tree.place, "content")))
            }
            Ok(text) if is_locked => Ok(Outcome::Locked(frame.shadow(Some(&text)))),
            Err(_) if is_locked => Ok(Outcome::Locked(frame.shadow(None))),
            Ok(text) => Ok(Outcome::Known(Final::Rendered(Arc::new(Secret::new(text))))),
            Err(error) => {
                // a part that a template made is called by what the layer has of it
                let (place, error) = written_part(tree, error);
                let message = format!("the content of `{}` cannot be written: {error}", id.key);
                Err(self
                    .report(Diagnostic::error("invalid-content", message).at_hidden(place.clone()).hint(error.hint())))
            }
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
        let source = prepare(text).map_err(|fault| {
            self.mention_all(text);
            self.failed(&fault.into_error(), origin)
        })?;
        if let Some(frame) = frame::current() {
            frame.name_template(name, literal::included(text));
        }
        let rendered =
            self.run(origin, |environment| environment.render_named_str(name, &source.text, scope::root(self)));
        self.mention(text);
        if rendered.is_err() {
            self.mention_all(text);
        }
        if frame::current().is_some_and(|frame| frame.is_secret()) {
            self.ask_included(text, name, &mut BTreeSet::new());
        }
        rendered.map(|text| Arc::new(Secret::new(text)))
    }

    /// Runs the engine, with as many steps as that takes. If it panics, that is reported, and what else there is to
    /// render goes on.
    pub(super) fn run<T>(
        &self,
        origin: &Origin<'_>,
        run: impl Fn(&Environment<'static>) -> Result<T, Error>,
    ) -> Result<T, Reported> {
        let frame = frame::current();
        let done = parallel::catch(|| self.engine.run(run));
        let line = match done {
            Ok(Ok(value)) if !frame.as_ref().is_some_and(|frame| frame.is_spoiled()) => return Ok(value),
            Ok(Err(StepError::Failed(error))) => return Err(self.failed(&error, origin)),
            Ok(Err(StepError::Exhausted)) => return Err(self.exhausted(origin)),
            Ok(Ok(_)) => None,
            Err(panic) => Some(panic.line),
        };
        // a value that is an error was compared: the engine takes none for that
        if let Some(raised) = frame.as_ref().and_then(|frame| frame.raised()) {
            return Err(self.failed(&raised, origin));
        }
        // where it gave up may follow from a secret
        let line = line.filter(|_| !frame.is_some_and(|frame| frame.is_secret()));
        let at = line.map(|line| format!(", at {line}")).unwrap_or_default();
        let bug = Diagnostic::error("bug", format!("this template makes septum panic{at}: that is a bug in septum"));
        Err(self.report(bug.at_hidden(origin.place()).failing(Failure::Bug).hint("report it, with the template")))
    }

    /// Reports that the templates of the run take too many steps together.
    pub(super) fn exhausted(&self, origin: &Origin<'_>) -> Reported {
        if frame::current().is_some_and(|frame| frame.is_locked()) {
            return Reported;
        }
        let hint = "compute less: thousands of loop turns are more than a configuration needs";
        self.report(TEMPLATE_STEPS.exceeded().at_hidden(origin.place()).hint(hint))
    }

    /// Asks for all files that a template names which has read a secret, whether or not it took them: what was asked
    /// for is written down, and may not follow from the secret.
    fn ask_included(&self, text: &str, name: &str, seen: &mut BTreeSet<String>) {
        for included in literal::included(text) {
            let path = engine::join(&included, name);
            if !seen.insert(path.clone()) {
                continue;
            }
            if let Ok(source) = self.engine.files.text(FileKind::Include, &self.engine.files.root().join(&path)) {
                self.ask_included(source.text(), &path, seen);
            }
        }
    }

    /// Notes that a template may read any part of `vars`: it failed, and what it would have read is not known. Of one that
    /// has read a secret, [`mention`](Self::mention) says it, since whether it fails may follow from the secret.
    pub(super) fn mention_all(&self, text: &str) {
        if !frame::current().is_some_and(|frame| frame.is_secret()) && text.contains("vars") {
            lock(&self.mentioned).insert(String::new());
        }
    }

    /// Notes which parts of `vars` a template names, if it has read a secret.
    pub(super) fn mention(&self, text: &str) {
        if frame::current().is_some_and(|frame| frame.is_secret()) && text.contains("vars") {
            lock(&self.mentioned).extend(literal::variables(&self.engine, text));
        }
    }

    /// Whether an entry is sensitive by what layers declare, or by what it was made of.
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

    /// Whether nothing defines what a path of a template leads to, or gives it a value: as far as layers tell.
    pub(super) fn is_missing(&self, path: &str) -> bool {
        let steps: Vec<&str> = path.split('.').collect();
        let entry = |bundle: &BundleName, key: &str| {
            self.definition.bundles.get(bundle).and_then(|bundle| bundle.entries.get(key))
        };
        let lacks = |bundle: &BundleName, key: &str| entry(bundle, key).is_none_or(|entry| entry.source.is_none());
        match steps.as_slice() {
            ["data", key] => {
                let bundle =
                    frame::current().map_or_else(|| self.definition.own_bundle(), |frame| frame.bundle.clone());
                lacks(&bundle, key)
            }
            ["bundles", bundle, key] => lacks(&BundleName::from(*bundle), key),
            ["vars", rest @ ..] if !rest.is_empty() => {
                let steps: Vec<_> = rest.iter().map(|key| StepRef::Key(key)).collect();
                self.variable(&steps).is_none()
            }
            ["env", "namespace"] => self.definition.namespace.is_none(),
            ["env" | "app", name] => *name != "name",
            _ => false,
        }
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

    pub(super) fn subject_name(&self, subject: &Subject) -> String {
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

fn failed(place: Place) -> ResolvedValue {
    ResolvedValue { outcome: Outcome::Failed, lineage: Lineage::default(), place }
}

/// The part of a structure that a writer complains about, as far as a layer has it: what a template makes
/// below that has names of its own, which are no text of any source.
fn written_part(tree: &Tree, error: FormatError) -> (&Place, FormatError) {
    let path = error.path();
    let (mut part, mut depth) = (tree, 0);
    for step in path.steps() {
        let below = match (&part.kind, step) {
            (TreeKind::Map(map), crate::format::Step::Key(key)) => map.get(key),
            (TreeKind::List(items), crate::format::Step::Index(index)) => items.get(*index),
            _ => None,
        };
        let Some(below) = below else { break };
        (part, depth) = (below, depth + 1);
    }
    let error = if depth == path.steps().len() { error } else { error.within(depth) };
    (&part.place, error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
