//! The log of one render, and the stack of renders under way.
//!
//! Rendering is synchronous, so the frame of the render under way is at the top of a stack of its
//! thread. Functions and filters find it there: minijinja's own scope does not reach into macros.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{Error, ErrorKind};

use super::{Declassified, Lineage, Read, Shadow};
use crate::name::BundleName;
use crate::parallel;

/// What is being rendered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// An entry.
    Entry(crate::name::EntryId),
    /// A variable, by its path below `vars`.
    Variable(String),
    /// A part of a manifest, by its file and the path in it.
    Manifest(String),
}

/// One render.
#[derive(Debug)]
pub(super) struct Frame {
    /// What is rendered.
    pub(super) subject: Subject,
    /// The bundle that `data` stands for.
    pub(super) bundle: BundleName,
    /// What stands for secrets, if the render is to be without them.
    mask: Option<Mask>,
    log: Mutex<Log>,
}

/// How a template is rendered without its secrets.
#[derive(Debug)]
pub(super) struct Mask {
    pub(super) placeholder: &'static str,
    /// What is no secret.
    pub(super) plain: Arc<BTreeSet<Read>>,
}

/// How much of what was read is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Light {
    /// All.
    #[default]
    Known,
    /// What stands for it.
    Locked,
    /// Not even that.
    Dark,
}

#[derive(Debug, Default)]
struct Log {
    reads: Vec<Read>,
    /// Lengths of `reads` at the start of the calls of `declassify` under way.
    marks: Vec<usize>,
    /// The same for what is masked.
    masks: Vec<usize>,
    declassified: Vec<Declassified>,
    encrypted: bool,
    light: Light,
    namespace: bool,
    /// Parts of structures that were looked at because a variable was set.
    parts: usize,
    /// The last error that was handed out as a value.
    raised: Option<(ErrorKind, String)>,
    /// Such a value was compared.
    spoiled: bool,
}

thread_local! {
    static STACK: RefCell<Vec<Arc<Frame>>> = const { RefCell::new(Vec::new()) };
}

/// Deepest chain of entries that refer to each other. A longer one is a mistake, and would
/// overflow the stack at a few thousand.
const MAX_DEPTH: usize = 64;

impl Frame {
    pub(super) fn new(subject: Subject, bundle: BundleName) -> Arc<Self> {
        Arc::new(Self { subject, bundle, mask: None, log: Mutex::default() })
    }

    /// A render without secrets.
    pub(super) fn masked(subject: Subject, bundle: BundleName, mask: Mask) -> Arc<Self> {
        Arc::new(Self { subject, bundle, mask: Some(mask), log: Mutex::default() })
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the template read something.
    pub(super) fn record(&self, read: Read) {
        self.log().reads.push(read);
    }

    /// Records that a part of the source itself was decrypted.
    pub(super) fn record_encrypted(&self) {
        self.log().encrypted = true;
    }

    /// Records that something was read whose value is not known: nor is then the result.
    pub(super) fn record_locked(&self) {
        self.darken(Light::Locked);
    }

    fn darken(&self, light: Light) {
        let mut log = self.log();
        log.light = log.light.max(light);
    }

    /// Records that not even what stands for something is known.
    pub(super) fn record_dark(&self) {
        self.darken(Light::Dark);
    }

    /// What stands for the result.
    pub(super) fn shadow(&self, text: Option<&str>) -> Shadow {
        text.filter(|_| !self.is_dark()).map(Shadow::of).unwrap_or_default()
    }

    /// Whether not even what stands for the result is known.
    pub(super) fn is_dark(&self) -> bool {
        self.log().light == Light::Dark
    }

    /// Whether the result is not known.
    pub(super) fn is_locked(&self) -> bool {
        self.log().light != Light::Known
    }

    /// Records that the template made a namespace.
    pub(super) fn record_namespace(&self) {
        self.log().namespace = true;
    }

    /// Whether the template made a namespace.
    pub(super) fn has_namespace(&self) -> bool {
        self.log().namespace
    }

    /// Counts a part of a structure that a variable is set to; gives how many there were.
    pub(super) fn count_part(&self) -> usize {
        let mut log = self.log();
        log.parts += 1;
        log.parts
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
    pub(super) fn spoil(&self) {
        self.log().spoiled = true;
    }

    /// Whether such a value was compared.
    pub(super) fn is_spoiled(&self) -> bool {
        self.log().spoiled
    }

    /// Whether a call of `declassify` began.
    pub(super) fn has_lifted(&self) -> bool {
        let log = self.log();
        !log.marks.is_empty() || !log.declassified.is_empty()
    }

    /// Starts a call of `declassify`; gives a ticket for its end.
    pub(super) fn mark(&self) -> usize {
        let mut log = self.log();
        let mark = log.reads.len();
        log.marks.push(mark);
        mark
    }

    /// Ends a call of `declassify`: what was read since `ticket` does not count. False if the
    /// ticket is not of the innermost call.
    pub(super) fn declassify(&self, ticket: usize, reason: &str) -> bool {
        let mut log = self.log();
        if log.marks.pop() != Some(ticket) || ticket > log.reads.len() {
            return false;
        }
        let lifted: Vec<_> = log.reads.drain(ticket..).collect();
        log.declassified.extend(lifted.into_iter().map(|read| Declassified { read, reason: reason.to_owned() }));
        true
    }

    /// Starts an expression that may have to be masked; gives a ticket for its end.
    pub(super) fn begin_masked(&self) -> usize {
        let mut log = self.log();
        let mark = log.reads.len();
        log.masks.push(mark);
        mark
    }

    /// Ends such an expression: what it read does not count. Gives what stands for its value, if it read a secret,
    /// and an error if the ticket is not of the innermost one.
    pub(super) fn end_masked(&self, ticket: usize) -> Result<Option<&'static str>, ()> {
        let mut log = self.log();
        let mask = self.mask.as_ref().ok_or(())?;
        if log.masks.pop() != Some(ticket) || ticket > log.reads.len() {
            return Err(());
        }
        let is_secret = log.reads.drain(ticket..).fold(false, |found, read| found || !mask.plain.contains(&read));
        Ok(is_secret.then_some(mask.placeholder))
    }

    /// What the value was made of, once rendering is over.
    pub(super) fn lineage(&self) -> Lineage {
        let log = self.log();
        let mut reads = log.reads.clone();
        reads.sort();
        reads.dedup();
        let mut declassified = log.declassified.clone();
        declassified.sort_by(|a, b| (&a.read, &a.reason).cmp(&(&b.read, &b.reason)));
        declassified.dedup();
        Lineage { encrypted: log.encrypted, reads, declassified }
    }
}

/// The frame of the innermost render of this thread.
pub(super) fn current() -> Option<Arc<Frame>> {
    STACK.with_borrow(|stack| stack.last().cloned())
}

/// Takes the frame off the stack, also if the engine panics, so that a thread can go on.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        STACK.with_borrow_mut(Vec::pop);
    }
}

/// Why a render cannot start.
pub(super) enum Refusal {
    /// It is under way already: the subjects from its first appearance on.
    Cycle(Vec<Subject>),
    /// The chain is too long.
    TooDeep,
}

/// Runs `render` with `frame` at the top of the stack.
pub(super) fn enter<T>(frame: &Arc<Frame>, render: impl FnOnce() -> T) -> Result<T, Refusal> {
    STACK.with_borrow_mut(|stack| {
        if let Some(start) = stack.iter().position(|under_way| under_way.subject == frame.subject) {
            return Err(Refusal::Cycle(stack.iter().skip(start).map(|frame| frame.subject.clone()).collect()));
        }
        if stack.len() >= MAX_DEPTH || parallel::is_stack_short() {
            return Err(Refusal::TooDeep);
        }
        stack.push(Arc::clone(frame));
        Ok(())
    })?;
    let _leave = Leave;
    Ok(render())
}
