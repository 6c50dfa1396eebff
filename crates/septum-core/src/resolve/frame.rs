//! The read log of a render, and the stack of renders in progress.
//!
//! Rendering is synchronous, so the frame of the current render is at the top of its thread's stack. Functions and
//! filters find it there: minijinja's own scope does not reach into macros.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Error;

use super::fault::OwnError;
use super::{DeclassifiedRead, Lineage, TemplateRead};
use crate::layer::Definition;
use crate::map::{HashSet, IndexSet};
use crate::name::{BundleName, EntryId};
use crate::parallel;
use crate::visibility::{Placeholder, Visibility};

/// Subject of a render.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum RenderSubject {
    /// An entry.
    Entry(EntryId),
    /// A variable, by its path below `vars`.
    Variable(String),
    /// A part of a manifest, by its file and the path in it.
    Manifest(String),
}

impl RenderSubject {
    /// Its name in messages.
    pub(super) fn label(&self, definition: &Definition) -> String {
        match self {
            Self::Entry(id) => definition.label(id),
            Self::Variable(path) => format!("vars.{path}"),
            Self::Manifest(name) => name.clone(),
        }
    }
}

/// State of one render.
#[derive(Debug)]
pub(super) struct RenderFrame {
    /// Subject that is rendered.
    pub(super) subject: RenderSubject,
    /// Bundle that `data` refers to.
    pub(super) bundle: BundleName,
    /// Placeholder for secrets, if the render must not use them.
    mask: Option<RenderMask>,
    log: Mutex<ReadLog>,
}

/// Rendering of a template without its secrets.
#[derive(Debug)]
pub(super) struct RenderMask {
    pub(super) placeholder: &'static str,
    /// Reads that are not secret.
    pub(super) plain: Arc<BTreeSet<TemplateRead>>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct ReadLog {
    reads: Vec<TemplateRead>,
    /// Lengths of `reads` at the start of the current calls of `declassify`.
    marks: Vec<usize>,
    /// Lengths of `reads` at the start of the current masked expressions.
    masks: Vec<usize>,
    /// Whether a secret was read since the first of them.
    masks_secret: bool,
    /// Names of variables and macros with a masked value.
    hidden: BTreeSet<String>,
    declassified: Vec<DeclassifiedRead>,
    encrypted: bool,
    /// Whether a sensitive value was handed out.
    secret: bool,
    /// Whether one was handed out in the current template. Anything later may depend on it, declassified or not.
    after_secret: bool,
    visibility: Visibility,
    namespace: bool,
    /// Name of the current template, and the names of other templates in it.
    template: (String, Vec<String>),
    /// Last error that was handed out as a value.
    raised: Option<OwnError>,
}

/// Position in a log.
#[derive(Debug)]
pub(super) struct LogState {
    reads: usize,
    marks: usize,
    masks: usize,
    declassified: usize,
    secret: bool,
    after_secret: bool,
    visibility: Visibility,
    namespace: bool,
}

thread_local! {
    static STACK: RefCell<Vec<Arc<RenderFrame>>> = const { RefCell::new(Vec::new()) };
}

/// Maximum length of a chain of entries that refer to each other. A longer one is a mistake, and would overflow the
/// stack at a few thousand.
const MAX_DEPTH: usize = 64;

impl RenderFrame {
    pub(super) fn new(subject: RenderSubject, bundle: BundleName) -> Arc<Self> {
        Arc::new(Self { subject, bundle, mask: None, log: Mutex::default() })
    }

    /// Creates the frame of a render without secrets.
    pub(super) fn masked(subject: RenderSubject, bundle: BundleName, mask: RenderMask) -> Arc<Self> {
        Arc::new(Self { subject, bundle, mask: Some(mask), log: Mutex::default() })
    }

    fn log(&self) -> std::sync::MutexGuard<'_, ReadLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a read of the template.
    pub(super) fn record(&self, read: TemplateRead) {
        self.log().reads.push(read);
    }

    /// Records that a part of the source itself was decrypted.
    pub(super) fn record_encrypted(&self) {
        let mut log = self.log();
        log.encrypted = true;
        log.after_secret = true;
    }

    /// Starts another template: no other template can pass its reads to it.
    pub(super) fn start_template(&self) {
        self.log().after_secret = false;
    }

    /// Records the name of a template, and the names of the templates that it includes.
    pub(super) fn name_template(&self, name: &str, included: Vec<String>) {
        self.log().template = (name.to_owned(), included);
    }

    /// Whether a template includes another one by name; `None` if it is not the current template.
    pub(super) fn names(&self, template: &str, included: &str) -> Option<bool> {
        let log = self.log();
        (log.template.0 == template).then(|| log.template.1.iter().any(|name| name == included))
    }

    /// Records that a sensitive value was handed out.
    pub(super) fn record_secret(&self) {
        let mut log = self.log();
        log.secret = true;
        log.after_secret = true;
    }

    /// Whether anything that the value is derived from is a secret.
    pub(super) fn has_secret(&self) -> bool {
        let log = self.log();
        log.secret || log.encrypted
    }

    /// Whether anything from here on may depend on a secret: messages must then not describe it.
    pub(super) fn is_secret(&self) -> bool {
        self.log().after_secret
    }

    /// Records how much is known of something that was read: no more is then of the result.
    pub(super) fn limit_visibility(&self, visibility: Visibility) {
        let mut log = self.log();
        log.visibility = log.visibility.max(visibility);
    }

    /// Known part of the result.
    pub(super) fn visibility(&self) -> Visibility {
        self.log().visibility
    }

    /// Whether the result is unknown.
    pub(super) fn is_locked(&self) -> bool {
        self.visibility() != Visibility::Known
    }

    /// Placeholder for the result.
    pub(super) fn placeholder_for(&self, text: Option<&str>) -> Placeholder {
        text.filter(|_| self.visibility() != Visibility::Unknown).map(Placeholder::of).unwrap_or_default()
    }

    /// Records that the template created a namespace.
    pub(super) fn record_namespace(&self) {
        self.log().namespace = true;
    }

    /// Whether the template created a namespace.
    pub(super) fn has_namespace(&self) -> bool {
        self.log().namespace
    }

    /// Position in the log, before a template is tried.
    pub(super) fn log_state(&self) -> LogState {
        let log = self.log();
        LogState {
            reads: log.reads.len(),
            marks: log.marks.len(),
            masks: log.masks.len(),
            declassified: log.declassified.len(),
            secret: log.secret,
            after_secret: log.after_secret,
            visibility: log.visibility,
            namespace: log.namespace,
        }
    }

    /// Resets the log to that position: the template did not finish, and is tried again.
    pub(super) fn reset_log(&self, state: &LogState) {
        let mut log = self.log();
        // nothing that began since then drained older entries
        log.reads.truncate(state.reads);
        log.marks.truncate(state.marks);
        log.masks.truncate(state.masks);
        log.masks_secret = false;
        log.declassified.truncate(state.declassified);
        log.secret = state.secret;
        log.after_secret = state.after_secret;
        log.visibility = state.visibility;
        log.namespace = state.namespace;
        log.raised = None;
    }

    /// Records that a value was handed out that is an error: the template fails, also where the engine takes it for a
    /// value.
    pub(super) fn record_raised(&self, error: OwnError) {
        self.log().raised = Some(error);
    }

    /// Last such error.
    pub(super) fn raised(&self) -> Option<Error> {
        self.log().raised.clone().map(OwnError::into_error)
    }

    /// Inspects values for the template, which does not use them yet: errors among them are not its own.
    pub(super) fn inspect<T>(&self, inspect: impl FnOnce() -> T) -> T {
        let before = self.log().raised.clone();
        let result = inspect();
        self.log().raised = before;
        result
    }

    /// Drops the errors of a template that was rendered before.
    pub(super) fn forget_raised(&self) {
        self.log().raised = None;
    }

    /// Whether `declassify` was called.
    pub(super) fn has_declassified(&self) -> bool {
        let log = self.log();
        !log.marks.is_empty() || !log.declassified.is_empty()
    }

    /// Starts a call of `declassify`; returns a ticket for its end.
    pub(super) fn begin_declassify(&self) -> usize {
        let mut log = self.log();
        let mark = log.reads.len();
        log.marks.push(mark);
        mark
    }

    /// Ends a call of `declassify`: reads since `ticket` do not count. Returns false if the ticket is not from the
    /// innermost call.
    pub(super) fn end_declassify(&self, ticket: usize, reason: &str) -> bool {
        let mut log = self.log();
        if log.marks.pop() != Some(ticket) || ticket > log.reads.len() {
            return false;
        }
        let lifted: Vec<_> = log.reads.drain(ticket..).collect();
        log.declassified.extend(lifted.into_iter().map(|read| DeclassifiedRead { read, reason: reason.to_owned() }));
        true
    }

    /// Starts an expression that may need masking; returns a ticket for its end.
    pub(super) fn begin_masked(&self) -> usize {
        let mut log = self.log();
        let mark = log.reads.len();
        log.masks.push(mark);
        mark
    }

    /// Ends such an expression: its reads do not count. Returns the placeholder for its value, if it read a secret or
    /// is within an expression that did, and an error if the ticket is not from the innermost one.
    pub(super) fn end_masked(&self, ticket: usize) -> Result<Option<&'static str>, ()> {
        let mut log = self.log();
        let mask = self.mask.as_ref().ok_or(())?;
        let outermost = log.masks.first().copied().ok_or(())?;
        if log.masks.pop() != Some(ticket) || ticket > log.reads.len() {
            return Err(());
        }
        let is_secret = log.masks_secret || log.reads.iter().skip(outermost).any(|read| !mask.plain.contains(read));
        log.reads.truncate(ticket);
        log.masks_secret = is_secret && !log.masks.is_empty();
        Ok(is_secret.then_some(mask.placeholder))
    }

    /// Hides names; returns the placeholder for their value.
    pub(super) fn hide(&self, names: &str) -> Option<&'static str> {
        let names = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned);
        self.log().hidden.extend(names);
        self.mask.as_ref().map(|mask| mask.placeholder)
    }

    /// Hidden names.
    pub(super) fn hidden(&self) -> BTreeSet<String> {
        self.log().hidden.clone()
    }

    /// Whether a text contains a placeholder.
    pub(super) fn is_masked_in(&self, text: &str) -> bool {
        self.mask.as_ref().is_none_or(|mask| text.contains(mask.placeholder))
    }

    /// Lineage of the value, once rendering is complete.
    pub(super) fn lineage(&self) -> Lineage {
        let log = self.log();
        // in the order of reading: reads before the first secret do not depend on one
        let reads: IndexSet<TemplateRead> = log.reads.iter().cloned().collect();
        let reads = reads.into_iter().collect();
        let mut declassified: Vec<DeclassifiedRead> = Vec::with_capacity(log.declassified.len());
        let mut seen = HashSet::default();
        for lifted in &log.declassified {
            if seen.insert((&lifted.read, &lifted.reason)) {
                declassified.push(lifted.clone());
            }
        }
        Lineage { encrypted: log.encrypted, secret: log.secret || log.encrypted, reads, declassified }
    }
}

/// Frame of the innermost render of this thread.
pub(super) fn current_frame() -> Option<Arc<RenderFrame>> {
    STACK.with_borrow(|stack| stack.last().cloned())
}

/// Whether the requests of the innermost render may depend on a secret: it, or a variable or entry on whose behalf it
/// runs, has read one. All entries are resolved anyway, so the search ends at the first of them.
pub(super) fn follows_secret() -> bool {
    STACK.with_borrow(|stack| any_secret(stack))
}

/// Variable being rendered, if it may be rendered only because of the value of a secret.
pub(super) fn variable_after_secret() -> Option<String> {
    STACK.with_borrow(|stack| match stack.split_last() {
        Some((frame, below)) if any_secret(below) => match &frame.subject {
            RenderSubject::Variable(path) => Some(path.clone()),
            RenderSubject::Entry(_) | RenderSubject::Manifest(_) => None,
        },
        _ => None,
    })
}

fn any_secret(stack: &[Arc<RenderFrame>]) -> bool {
    for frame in stack.iter().rev() {
        if frame.is_secret() {
            return true;
        }
        if !matches!(frame.subject, RenderSubject::Variable(_)) {
            break;
        }
    }
    false
}

/// Pops the frame from the stack, even if the engine panics, so that the thread can continue.
struct FrameGuard;

impl Drop for FrameGuard {
    fn drop(&mut self) {
        STACK.with_borrow_mut(Vec::pop);
    }
}

/// Reason why a render cannot start.
pub(super) enum RenderBlocked {
    /// It is in progress already: the subjects from its first occurrence on.
    Cycle(Vec<RenderSubject>),
    /// The chain is too long.
    TooDeep,
}

/// Runs `render` with `frame` at the top of the stack.
pub(super) fn enter_frame<T>(frame: &Arc<RenderFrame>, render: impl FnOnce() -> T) -> Result<T, RenderBlocked> {
    STACK.with_borrow_mut(|stack| {
        if let Some(start) = stack.iter().position(|under_way| under_way.subject == frame.subject) {
            return Err(RenderBlocked::Cycle(stack.iter().skip(start).map(|frame| frame.subject.clone()).collect()));
        }
        if stack.len() >= MAX_DEPTH || parallel::is_stack_short() {
            return Err(RenderBlocked::TooDeep);
        }
        stack.push(Arc::clone(frame));
        Ok(())
    })?;
    let _leave = FrameGuard;
    Ok(render())
}
