//! The log of one render, and the stack of renders under way.
//!
//! Rendering is synchronous, so the frame of the render under way is at the top of a stack of its
//! thread. Functions and filters find it there: minijinja's own scope does not reach into macros.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexSet;
use minijinja::{Error, ErrorKind};

use super::{DeclassifiedRead, Lineage, Placeholder, TemplateRead};
use crate::name::BundleName;
use crate::parallel;

/// What is being rendered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum RenderSubject {
    /// An entry.
    Entry(crate::name::EntryId),
    /// A variable, by its path below `vars`.
    Variable(String),
    /// A part of a manifest, by its file and the path in it.
    Manifest(String),
}

/// One render.
#[derive(Debug)]
pub(super) struct RenderFrame {
    /// What is rendered.
    pub(super) subject: RenderSubject,
    /// The bundle that `data` stands for.
    pub(super) bundle: BundleName,
    /// What stands for secrets, if the render is to be without them.
    mask: Option<RenderMask>,
    log: Mutex<ReadLog>,
}

/// How a template is rendered without its secrets.
#[derive(Debug)]
pub(super) struct RenderMask {
    pub(super) placeholder: &'static str,
    /// What is no secret.
    pub(super) plain: Arc<BTreeSet<TemplateRead>>,
}

/// How much of what was read is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum FrameVisibility {
    /// All.
    #[default]
    Known,
    /// What stands for it.
    Placeholder,
    /// Not even that.
    Unknown,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct ReadLog {
    reads: Vec<TemplateRead>,
    /// Lengths of `reads` at the start of the calls of `declassify` under way.
    marks: Vec<usize>,
    /// The same for what is masked.
    masks: Vec<usize>,
    /// A secret was read since the first of them.
    masks_secret: bool,
    /// The names of variables and macros that hold what was masked.
    hidden: BTreeSet<String>,
    declassified: Vec<DeclassifiedRead>,
    encrypted: bool,
    /// The value of something sensitive was handed out.
    secret: bool,
    /// That was so in the template that is rendered. What happens after that may follow from it, lifted or not.
    after_secret: bool,
    visibility: FrameVisibility,
    namespace: bool,
    /// What the template that is rendered is called, and the names of others that stand in it.
    template: (String, Vec<String>),
    /// The last error that was handed out as a value.
    raised: Option<(ErrorKind, String)>,
    /// Such a value was compared.
    spoiled: bool,
}

/// How far a log is.
#[derive(Debug)]
pub(super) struct LogState {
    reads: usize,
    marks: usize,
    masks: usize,
    declassified: usize,
    secret: bool,
    after_secret: bool,
    visibility: FrameVisibility,
    namespace: bool,
}

thread_local! {
    static STACK: RefCell<Vec<Arc<RenderFrame>>> = const { RefCell::new(Vec::new()) };
}

/// Deepest chain of entries that refer to each other. A longer one is a mistake, and would
/// overflow the stack at a few thousand.
const MAX_DEPTH: usize = 64;

impl RenderFrame {
    pub(super) fn new(subject: RenderSubject, bundle: BundleName) -> Arc<Self> {
        Arc::new(Self { subject, bundle, mask: None, log: Mutex::default() })
    }

    /// A render without secrets.
    pub(super) fn masked(subject: RenderSubject, bundle: BundleName, mask: RenderMask) -> Arc<Self> {
        Arc::new(Self { subject, bundle, mask: Some(mask), log: Mutex::default() })
    }

    fn log(&self) -> std::sync::MutexGuard<'_, ReadLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the template read something.
    pub(super) fn record(&self, read: TemplateRead) {
        self.log().reads.push(read);
    }

    /// Records that a part of the source itself was decrypted.
    pub(super) fn record_encrypted(&self) {
        let mut log = self.log();
        log.encrypted = true;
        log.after_secret = true;
    }

    /// Starts another template: no other one can tell it what it read.
    pub(super) fn start_template(&self) {
        self.log().after_secret = false;
    }

    /// Records what a template is called, and which others it names.
    pub(super) fn name_template(&self, name: &str, included: Vec<String>) {
        self.log().template = (name.to_owned(), included);
    }

    /// Whether a template names another one; none if it is not the one that is rendered.
    pub(super) fn names(&self, template: &str, included: &str) -> Option<bool> {
        let log = self.log();
        (log.template.0 == template).then(|| log.template.1.iter().any(|name| name == included))
    }

    /// Records that the value of something sensitive was handed out.
    pub(super) fn record_secret(&self) {
        let mut log = self.log();
        log.secret = true;
        log.after_secret = true;
    }

    /// Whether anything that it was made of is a secret.
    pub(super) fn has_secret(&self) -> bool {
        let log = self.log();
        log.secret || log.encrypted
    }

    /// Whether what happens from here on may follow from a secret: no message may tell of it then.
    pub(super) fn is_secret(&self) -> bool {
        self.log().after_secret
    }

    /// Records that something was read whose value is not known: nor is then the result.
    pub(super) fn record_locked(&self) {
        self.lower_visibility(FrameVisibility::Placeholder);
    }

    fn lower_visibility(&self, light: FrameVisibility) {
        let mut log = self.log();
        log.visibility = log.visibility.max(light);
    }

    /// Records that not even what stands for something is known.
    pub(super) fn record_unknown(&self) {
        self.lower_visibility(FrameVisibility::Unknown);
    }

    /// What stands for the result.
    pub(super) fn placeholder_for(&self, text: Option<&str>) -> Placeholder {
        text.filter(|_| !self.is_unknown()).map(Placeholder::of).unwrap_or_default()
    }

    /// Whether not even what stands for the result is known.
    pub(super) fn is_unknown(&self) -> bool {
        self.log().visibility == FrameVisibility::Unknown
    }

    /// Whether the result is not known.
    pub(super) fn is_locked(&self) -> bool {
        self.log().visibility != FrameVisibility::Known
    }

    /// Records that the template made a namespace.
    pub(super) fn record_namespace(&self) {
        self.log().namespace = true;
    }

    /// Whether the template made a namespace.
    pub(super) fn has_namespace(&self) -> bool {
        self.log().namespace
    }

    /// How far the log is, before a template is tried.
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

    /// Forgets what a template did since then: it did not come to its end, and is tried anew.
    pub(super) fn reset_log(&self, state: &LogState) {
        let mut log = self.log();
        // what began since then drained nothing that is older
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
        log.spoiled = false;
    }

    /// Records that a value was handed out that is an error wherever it is used.
    pub(super) fn record_raised(&self, kind: ErrorKind, detail: &str) {
        self.log().raised = Some((kind, detail.to_owned()));
    }

    /// The last such error.
    pub(super) fn raised(&self) -> Option<Error> {
        let log = self.log();
        log.raised.as_ref().map(|(kind, detail)| Error::new(*kind, detail.clone()))
    }

    /// Records that such a value was compared, which gives no error by itself.
    pub(super) fn record_comparison(&self) {
        self.log().spoiled = true;
    }

    /// Whether such a value was compared.
    pub(super) fn is_spoiled(&self) -> bool {
        self.log().spoiled
    }

    /// Whether a call of `declassify` began.
    pub(super) fn has_declassified(&self) -> bool {
        let log = self.log();
        !log.marks.is_empty() || !log.declassified.is_empty()
    }

    /// Starts a call of `declassify`; gives a ticket for its end.
    pub(super) fn begin_declassify(&self) -> usize {
        let mut log = self.log();
        let mark = log.reads.len();
        log.marks.push(mark);
        mark
    }

    /// Ends a call of `declassify`: what was read since `ticket` does not count. False if the
    /// ticket is not of the innermost call.
    pub(super) fn end_declassify(&self, ticket: usize, reason: &str) -> bool {
        let mut log = self.log();
        if log.marks.pop() != Some(ticket) || ticket > log.reads.len() {
            return false;
        }
        let lifted: Vec<_> = log.reads.drain(ticket..).collect();
        log.declassified.extend(lifted.into_iter().map(|read| DeclassifiedRead { read, reason: reason.to_owned() }));
        true
    }

    /// Starts an expression that may have to be masked; gives a ticket for its end.
    pub(super) fn begin_masked(&self) -> usize {
        let mut log = self.log();
        let mark = log.reads.len();
        log.masks.push(mark);
        mark
    }

    /// Ends such an expression: what it read does not count. Gives what stands for its value, if it read a secret
    /// or is within an expression that did, and an error if the ticket is not of the innermost one.
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

    /// Hides names; gives what stands for their value.
    pub(super) fn hide(&self, names: &str) -> Option<&'static str> {
        let names = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned);
        self.log().hidden.extend(names);
        self.mask.as_ref().map(|mask| mask.placeholder)
    }

    /// The names that were hidden.
    pub(super) fn hidden(&self) -> BTreeSet<String> {
        self.log().hidden.clone()
    }

    /// Whether something in a text was masked.
    pub(super) fn is_masked_in(&self, text: &str) -> bool {
        self.mask.as_ref().is_none_or(|mask| text.contains(mask.placeholder))
    }

    /// What the value was made of, once rendering is over.
    pub(super) fn lineage(&self) -> Lineage {
        let log = self.log();
        // in the order of reading: what comes before the first secret follows from none
        let reads: IndexSet<TemplateRead> = log.reads.iter().cloned().collect();
        let reads = reads.into_iter().collect();
        let mut declassified: Vec<DeclassifiedRead> = Vec::with_capacity(log.declassified.len());
        let mut seen = HashSet::new();
        for lifted in &log.declassified {
            if seen.insert((&lifted.read, &lifted.reason)) {
                declassified.push(lifted.clone());
            }
        }
        Lineage { encrypted: log.encrypted, secret: log.secret || log.encrypted, reads, declassified }
    }
}

/// The frame of the innermost render of this thread.
pub(super) fn current_frame() -> Option<Arc<RenderFrame>> {
    STACK.with_borrow(|stack| stack.last().cloned())
}

/// Whether what the innermost render asks for may follow from a secret: it, or a variable or entry on whose
/// behalf it runs, has read one. All entries are resolved anyway, so it ends at the first of them.
pub(super) fn follows_secret() -> bool {
    STACK.with_borrow(|stack| any_secret(stack))
}

/// The variable that is rendered, if it may be rendered only since a secret is what it is.
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

/// Takes the frame off the stack, also if the engine panics, so that a thread can go on.
struct FrameGuard;

impl Drop for FrameGuard {
    fn drop(&mut self) {
        STACK.with_borrow_mut(Vec::pop);
    }
}

/// Why a render cannot start.
pub(super) enum RenderBlocked {
    /// It is under way already: the subjects from its first appearance on.
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
