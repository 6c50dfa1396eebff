//! Threads: parallel work, on stacks of known size, and the handling of panics.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::thread;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::diagnostic::Diagnostics;

/// The stack of every thread that renders. It is reserved, not used: a page of it takes memory once it is written.
///
/// The largest use is a value that a template nests as deep as it can, and that is compared, printed and dropped by
/// recursion: some 16,000 levels (`resolve::nesting`, and the nesting of frames that the engine allows) of 1.5 KiB
/// each in a debug build, and less than half of that in a release.
const STACK: usize = 128 << 20;

thread_local! {
    /// Approximate start of the stack of this thread, if its size is known.
    static BASE: Cell<Option<usize>> = const { Cell::new(None) };
    /// Number of active panic catches, and the location of the last panic.
    static CATCHES: Cell<usize> = const { Cell::new(0) };
    static PANICKED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Applies a function to each item, on all cores if there are more than `few`: a pool of threads costs more than a
/// few items take. The results have the order of the items.
pub fn par_map<T: Send, R: Send>(things: Vec<T>, few: usize, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    let pool = if things.len() > few { pool() } else { None };
    map_in(pool, things, work)
}

fn map_in<T: Send, R: Send>(pool: Option<&ThreadPool>, things: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    match pool {
        Some(pool) => pool.install(|| things.into_par_iter().map(work).collect()),
        None => things.into_iter().map(work).collect(),
    }
}

/// Maps files on all cores as [`par_map`] does. Where some fail, all that is wrong with any of them is reported, and
/// there are no results.
pub fn try_par_map<T: Send, R: Send>(
    things: Vec<T>,
    work: impl Fn(T) -> Result<R, Diagnostics> + Sync + Send,
) -> Result<Vec<R>, Diagnostics> {
    let (mut done, mut found) = (Vec::with_capacity(things.len()), Diagnostics::new());
    for result in par_map(things, 1, work) {
        match result {
            Ok(result) => done.push(result),
            Err(problems) => found.extend(problems),
        }
    }
    if found.is_empty() { Ok(done) } else { Err(found) }
}

/// Does two things, side by side if they are `much`.
pub fn par_join<A: Send, B: Send>(much: bool, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    match if much { pool() } else { None } {
        Some(pool) => pool.install(|| rayon::join(a, b)),
        None => (a(), b()),
    }
}

/// The pool of threads, started once. None if the system starts no more threads: in a container with a limit, all work
/// is done on the thread that has it.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let start = || ThreadPoolBuilder::new().stack_size(STACK).start_handler(|_| note_base()).build().ok();
    POOL.get_or_init(start).as_ref()
}

fn note_base() {
    BASE.set(Some(stack_address()));
}

/// Approximate end of the stack of this thread at present.
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

/// Runs a function on a stack of known size: on this one if it is, else on a thread of its own.
pub fn on_known_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if BASE.get().is_some() {
        return work();
    }
    // taken by the thread that runs it
    let work = std::sync::Mutex::new(Some(work));
    let take = || work.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let done = thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || {
            note_base();
            take().map(|work| work())
        });
        thread.ok().and_then(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    match (done, take()) {
        (Some(done), _) => done,
        // the system has no thread left, so this one has to be used
        (None, Some(work)) => work(),
        (None, None) => unreachable!("what was taken was done"),
    }
}

/// Whether a quarter of the stack is used. The rest is enough for any code that does not check again.
pub fn is_stack_short() -> bool {
    BASE.get().is_some_and(|base| base.abs_diff(stack_address()) > STACK / 4)
}

/// Error: the code panicked, which is a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaughtPanic {
    /// The line of the program.
    pub line: String,
}

/// Runs a function, and catches the panic that ends it.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, CaughtPanic> {
    CATCHES.set(CATCHES.get() + 1);
    // the data of the work is dropped, and mutexes are locked whether they are poisoned or not
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(CATCHES.get() - 1);
    done.map_err(|_: Box<dyn Any + Send>| CaughtPanic { line: PANICKED.take() })
}

/// Makes panics report their location and nothing else: their messages may contain a value. Those that are caught
/// report nothing; `report` gets the line of the others.
pub fn hide_panics(report: impl Fn(&str) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        let line = panic.location().map(ToString::to_string).unwrap_or_default();
        if CATCHES.get() == 0 {
            report(&line);
        }
        PANICKED.set(line);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostic, Rule};

    #[test]
    fn results_are_in_order_however_many_there_are() {
        let all: Vec<usize> = (0..100).collect();
        for few in [0, 99, 100] {
            assert_eq!(par_map(all.clone(), few, |number| number), all, "{few}");
        }
    }

    #[test]
    fn work_is_done_where_no_thread_can_be_started() {
        assert_eq!(map_in(None, vec![1, 2, 3], |number| number + 1), [2, 3, 4]);
    }

    #[test]
    fn failures_are_reported_together() {
        let all: Vec<usize> = (0..100).collect();
        assert_eq!(try_par_map(all.clone(), Ok).expect("no failure"), all);
        assert_eq!(try_par_map(vec![7], Ok).expect("no failure"), [7]);
        let odd = |index: usize| match index % 2 {
            0 => Ok(()),
            _ => Err(Diagnostic::error(Rule::Bug, index.to_string()).into()),
        };
        assert_eq!(try_par_map(all, odd).expect_err("odd ones").len(), 50);
    }

    #[test]
    fn two_results_are_in_order_too() {
        for much in [false, true] {
            assert_eq!(par_join(much, || 1, || "b"), (1, "b"));
        }
    }

    fn recurse_until_short(depth: u32) -> u32 {
        let taken = [depth; 256];
        if is_stack_short() { depth } else { recurse_until_short(depth + 1).max(*taken.last().unwrap_or(&0)) }
    }

    #[test]
    fn a_known_stack_is_measured_and_larger_than_that_of_a_thread() {
        let depth = on_known_stack(|| on_known_stack(|| recurse_until_short(0)));
        assert!(depth > 8 * 1024, "{depth} KiB");
        assert!(par_map(vec![0; 20], 1, recurse_until_short).into_iter().all(|depth| depth > 8 * 1024));
    }

    #[test]
    fn a_panic_is_caught_and_what_follows_goes_on() {
        let done = par_map((0..20).collect(), 1, |number| catch_panic(|| assert_ne!(number, 7)).is_ok());
        assert_eq!(done.iter().filter(|done| **done).count(), 19);
    }
}
