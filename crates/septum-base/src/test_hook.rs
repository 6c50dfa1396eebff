//! Hooks for tests: named points at which the program can be killed, a clock that can be set, and a count of work.
//!
//! A test that kills a process after some milliseconds, or that asserts seconds, passes on one machine and fails on
//! another. So a debug build can be told to exit at the N-th pass of a named point
//! (`SEPTUM_TEST_STOP_AT=atomic-complete:1`), or to pause there until it is continued (`SEPTUM_TEST_PAUSE_AT`: the
//! process stops itself as `kill -STOP` does), takes its time from `SEPTUM_TEST_NOW` (seconds since 1970), and counts
//! the bytes and steps that loops over untrusted input cost. A release build has none of it: it reads none of these
//! variables, and the functions are empty.

use std::time::{Duration, Instant, SystemTime};

/// A point that the program passes, at which a test can kill it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopPoint {
    /// A command has read its files and generated their new bytes, in memory.
    FilesRead,
    /// A command holds the locks of the files that it changes.
    FilesLocked,
    /// Half of a file's new bytes are written, under the name of a draft.
    AtomicHalfWritten,
    /// All new bytes are on the disk, under the name of a draft.
    AtomicComplete,
    /// All new bytes have a name in addition to that of their file.
    AtomicLinked,
    /// The new bytes have the name of the file.
    AtomicNamed,
    /// An entry of an output tree is about to be created, replaced or removed.
    TreeStep,
    /// Git has a directory of its own.
    GitPrepared,
}

impl StopPoint {
    /// All points: a test that runs each of them cannot forget one.
    pub const ALL: [Self; 8] = [
        Self::FilesRead,
        Self::FilesLocked,
        Self::AtomicHalfWritten,
        Self::AtomicComplete,
        Self::AtomicLinked,
        Self::AtomicNamed,
        Self::TreeStep,
        Self::GitPrepared,
    ];

    /// Its name in `SEPTUM_TEST_STOP_AT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FilesRead => "files-read",
            Self::FilesLocked => "files-locked",
            Self::AtomicHalfWritten => "atomic-half-written",
            Self::AtomicComplete => "atomic-complete",
            Self::AtomicLinked => "atomic-linked",
            Self::AtomicNamed => "atomic-named",
            Self::TreeStep => "tree-step",
            Self::GitPrepared => "git-prepared",
        }
    }
}

/// Marks a point. If a test named it, and this is the pass it named, the process dies here without cleaning up, as
/// with `kill -9`. If the test pauses it, it stops until it gets `SIGCONT`.
#[inline]
pub fn pass_point(point: StopPoint) {
    #[cfg(debug_assertions)]
    debug::pass(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

/// The current time, by the clock of the machine or of a test.
pub fn current_time() -> SystemTime {
    #[cfg(debug_assertions)]
    if let Some(now) = debug::now() {
        return now;
    }
    SystemTime::now()
}

/// Time elapsed since `start`; zero by the clock of a test, which does not advance.
pub fn elapsed_since(start: Instant) -> Duration {
    #[cfg(debug_assertions)]
    if debug::now().is_some() {
        return Duration::ZERO;
    }
    start.elapsed()
}

/// Time of waiting before it is reported; none by the clock of a test.
pub fn wait_time(usual: Duration) -> Duration {
    #[cfg(debug_assertions)]
    if debug::now().is_some() {
        return Duration::ZERO;
    }
    usual
}

/// Counts work of this thread: bytes scanned, or steps made.
#[inline]
pub fn count_work(amount: usize) {
    #[cfg(debug_assertions)]
    debug::WORK.with(|sum| sum.set(sum.get().saturating_add(amount)));
    #[cfg(not(debug_assertions))]
    let _ = amount;
}

/// The work that this thread has counted so far; nothing in a release build.
pub fn counted_work() -> usize {
    #[cfg(debug_assertions)]
    return debug::WORK.with(std::cell::Cell::get);
    #[cfg(not(debug_assertions))]
    0
}

/// Divisor of the budgets of a run (`SEPTUM_TEST_BUDGETS`), so that a test reaches their limits with little work;
/// 1 in a release build.
#[inline]
pub fn budget_divisor() -> u64 {
    #[cfg(debug_assertions)]
    return debug::budget_divisor();
    #[cfg(not(debug_assertions))]
    1
}

#[cfg(debug_assertions)]
mod debug {
    use std::cell::Cell;
    use std::env;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::{Duration, SystemTime};

    use crate::test_hook::StopPoint;

    thread_local! {
        pub(super) static WORK: Cell<usize> = const { Cell::new(0) };
    }

    /// A point named by a variable, and the number of passes.
    struct NamedPoint {
        variable: &'static str,
        point: OnceLock<Option<(String, usize)>>,
        passes: AtomicUsize,
    }

    static STOP: NamedPoint = NamedPoint::new("SEPTUM_TEST_STOP_AT");
    static PAUSE: NamedPoint = NamedPoint::new("SEPTUM_TEST_PAUSE_AT");

    impl NamedPoint {
        const fn new(variable: &'static str) -> Self {
            Self { variable, point: OnceLock::new(), passes: AtomicUsize::new(0) }
        }

        fn is_at(&self, point: StopPoint) -> bool {
            let named = self.point.get_or_init(|| {
                let named = env::var(self.variable).ok()?;
                let (name, pass) = named.split_once(':')?;
                Some((name.to_owned(), pass.parse().ok()?))
            });
            named
                .as_ref()
                .is_some_and(|(name, pass)| name == point.name() && self.passes.fetch_add(1, SeqCst) + 1 == *pass)
        }
    }

    pub(super) fn pass(point: StopPoint) {
        if STOP.is_at(point) {
            std::process::abort();
        }
        if PAUSE.is_at(point) {
            pause();
        }
    }

    #[cfg(unix)]
    fn pause() {
        // to this thread: another one would stop the process only after this one did some more
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGSTOP);
    }

    #[cfg(not(unix))]
    fn pause() {}

    pub(super) fn budget_divisor() -> u64 {
        static DIVISOR: OnceLock<u64> = OnceLock::new();
        let read = || env::var("SEPTUM_TEST_BUDGETS").ok()?.parse().ok().filter(|divisor| *divisor > 0);
        *DIVISOR.get_or_init(|| read().unwrap_or(1))
    }

    pub(super) fn now() -> Option<SystemTime> {
        let seconds = env::var("SEPTUM_TEST_NOW").ok()?.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_names_of_their_own() {
        let mut names: Vec<_> = StopPoint::ALL.iter().map(|point| point.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), StopPoint::ALL.len());
    }
}
