//! State that all renders of a target share: their inputs, and the problems found in them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::consequences::{FailedTemplate, independent_failures, named_subjects};
use super::engine::{self, Engine};
use super::frame::{self, RenderSubject};
use super::literal;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest_name};
use crate::files::FileKind;
use crate::layer::{Definition, EntrySource, ManifestSeal};
use crate::map::{HashMap, HashSet};

/// State that all renders of a target share.
pub(super) struct ResolveContext {
    pub(super) engine: Arc<Engine>,
    pub(super) definition: Arc<Definition>,
    /// Whether an entry is a `ref`.
    pub(super) has_store_refs: bool,
    problems: Mutex<Diagnostics>,
    /// Problems of variables that were so far read only by templates that had read secrets.
    withheld: Mutex<HashMap<String, Diagnostics>>,
    mentioned: Mutex<BTreeSet<String>>,
    /// Whether there are manifests of which nothing is known.
    has_unknown_manifests: AtomicBool,
    /// Whether there are patches of which nothing is known.
    has_unknown_patches: AtomicBool,
    /// Subjects of the problems.
    reported: Mutex<HashSet<RenderSubject>>,
    /// Templates that failed without a problem of their own, as far as known.
    failed: Mutex<Vec<FailedTemplate>>,
    /// Encryption of the manifests that were read.
    seals: Mutex<Vec<Arc<ManifestSeal>>>,
}

/// Marker of a failure that was already reported.
pub(super) struct ErrorReported;

impl ResolveContext {
    pub(super) fn new(engine: Arc<Engine>, definition: Definition) -> Self {
        let has_store_refs = definition
            .entries()
            .filter_map(|(_, _, entry)| entry.source.as_ref())
            .any(|source| matches!(source.value, EntrySource::Ref(_)));
        Self {
            engine,
            definition: Arc::new(definition),
            has_store_refs,
            problems: Mutex::default(),
            withheld: Mutex::default(),
            mentioned: Mutex::default(),
            has_unknown_manifests: AtomicBool::new(false),
            has_unknown_patches: AtomicBool::new(false),
            reported: Mutex::default(),
            failed: Mutex::default(),
            seals: Mutex::default(),
        }
    }

    pub(super) fn take_problems(&self) -> Diagnostics {
        let mut problems = std::mem::take(&mut *lock_mutex(&self.problems));
        let failed = std::mem::take(&mut *lock_mutex(&self.failed));
        problems.extend(independent_failures(failed, &lock_mutex(&self.reported), &self.definition));
        problems
    }

    pub(super) fn take_mentioned(&self) -> BTreeSet<String> {
        std::mem::take(&mut *lock_mutex(&self.mentioned))
    }

    pub(super) fn take_seals(&self) -> Vec<Arc<ManifestSeal>> {
        std::mem::take(&mut *lock_mutex(&self.seals))
    }

    pub(super) fn add_seals(&self, seals: &[Arc<ManifestSeal>]) {
        lock_mutex(&self.seals).extend(seals.iter().cloned());
    }

    pub(super) fn has_unknown_manifests(&self) -> bool {
        self.has_unknown_manifests.load(Ordering::Relaxed)
    }

    /// Records that there are manifests of which nothing is known.
    pub(super) fn mark_unknown_manifests(&self) {
        self.has_unknown_manifests.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_unknown_patches(&self) -> bool {
        self.has_unknown_patches.load(Ordering::Relaxed)
    }

    /// Records that there are patches of which nothing is known.
    pub(super) fn mark_unknown_patches(&self) {
        self.has_unknown_patches.store(true, Ordering::Relaxed);
    }

    pub(super) fn report(&self, problem: Diagnostic) -> ErrorReported {
        match frame::variable_after_secret() {
            Some(path) => self.withhold(&path, problem),
            None => {
                let failed = frame::current_frame().filter(|_| problem.severity == Severity::Error);
                lock_mutex(&self.reported).extend(failed.map(|frame| frame.subject.clone()));
                lock_mutex(&self.problems).push(problem);
            }
        }
        ErrorReported
    }

    /// Reports several problems.
    pub(super) fn report_all(&self, problems: Diagnostics) -> ErrorReported {
        for problem in problems {
            self.report(problem);
        }
        ErrorReported
    }

    /// Records that a subject has no value because a part of its file is not valid, which was reported.
    pub(super) fn follow_reported(&self, subject: &RenderSubject) -> ErrorReported {
        lock_mutex(&self.reported).insert(subject.clone());
        ErrorReported
    }

    /// Records that a template failed with an error without details, or because of something that was reported.
    pub(super) fn report_failed(&self, text: &str, withheld: Option<Diagnostic>) {
        let frame = frame::current_frame().filter(|_| frame::variable_after_secret().is_none());
        match (frame, withheld) {
            (Some(frame), withheld) => {
                let named = named_subjects(&frame, literal::named_paths(self.engine.environment(), text));
                let subject = frame.subject.clone();
                lock_mutex(&self.failed).push(FailedTemplate { subject, named, withheld });
            }
            (None, Some(problem)) => drop(self.report(problem)),
            (None, None) => {}
        }
    }

    /// Withholds a problem of a variable that, as far as known, is read only because of the value of a secret. Its
    /// readers fail, and report that.
    pub(super) fn withhold(&self, path: &str, problem: Diagnostic) {
        lock_mutex(&self.withheld).entry(path.to_owned()).or_default().push(problem);
    }

    /// Whether any problem is withheld.
    pub(super) fn has_withheld(&self) -> bool {
        !lock_mutex(&self.withheld).is_empty()
    }

    /// Reports the withheld problems of a variable.
    pub(super) fn release(&self, path: &str) {
        let Some(problems) = lock_mutex(&self.withheld).remove(path) else { return };
        lock_mutex(&self.reported).insert(RenderSubject::Variable(path.to_owned()));
        lock_mutex(&self.problems).extend(problems);
    }

    /// Records that a template of a file may read all the parts of `vars` that it and its includes name: it failed, and
    /// its further reads are unknown.
    /// [`mention`](Self::mention) does so for a template that has read a secret, since whether it fails may depend on
    /// the secret.
    pub(super) fn mention_all(&self, text: &str, file: &str) {
        if is_always_rendered() {
            let named = self.possible_variables(text, file);
            let meant: Vec<_> = named.iter().filter_map(|path| nearest_variable(&self.definition, path)).collect();
            lock_mutex(&self.mentioned).extend(named.into_iter().chain(meant));
        }
    }

    /// Parts of `vars` that a template of a file may read, by its text and those that it includes.
    fn possible_variables(&self, text: &str, file: &str) -> Vec<String> {
        let read = |name: &str, parent: &str| {
            let path = self.engine.files.root().join(engine::join(name, parent));
            self.engine.files.read_text(FileKind::Include, &path).ok()
        };
        literal::possible_variables(text, file, &read).unwrap_or_else(|| vec![String::new()])
    }

    /// Records that something that could not be read may read any part of `vars`.
    pub(super) fn mention_any(&self) {
        lock_mutex(&self.mentioned).insert(String::new());
    }

    /// Records the parts of `vars` that a template of a file names, if it has read a secret, or may use a whole list or mapping
    /// without reading its parts: with a filter, an index or a loop.
    pub(super) fn mention(&self, text: &str, file: &str) {
        let may_use_whole = || text.contains(['|', '[', '%', '(']) || text.contains(" in ");
        let is_secret = || frame::current_frame().is_some_and(|frame| frame.is_secret());
        if text.contains("vars") && (is_secret() || is_always_rendered() && may_use_whole()) {
            let named = literal::named_variables(self.engine.environment(), text);
            lock_mutex(&self.mentioned).extend(named.unwrap_or_else(|| self.possible_variables(text, file)));
        }
    }
}

/// Variable that a path probably means which leads to none.
fn nearest_variable(definition: &Definition, path: &str) -> Option<String> {
    if path.is_empty() || definition.variable(path).is_some() {
        return None;
    }
    let mut known = Vec::new();
    definition.vars.as_ref()?.leaves("", &mut |path, _, _| known.push(path.to_owned()));
    nearest_name(path, known.iter().map(String::as_str)).map(str::to_owned)
}

/// Whether the current subject is rendered in every run, whatever the secrets are: variables are only rendered on
/// request, and the requester may have read a secret.
fn is_always_rendered() -> bool {
    frame::current_frame()
        .is_some_and(|frame| !frame.is_secret() && !matches!(frame.subject, RenderSubject::Variable(_)))
}

pub(super) fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
