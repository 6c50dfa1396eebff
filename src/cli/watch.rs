//! Progress of a run, for a user at a terminal.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::output::OutputStreams;
use septum::meter::{Meter, Progress, ProgressUnit};

/// Time for which a run shows no progress.
const PATIENCE: Duration = Duration::from_millis(500);

/// Interval of updates.
const PERIOD: Duration = Duration::from_millis(100);

/// The progress bar; there is one terminal.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Runs long work, and shows its progress on a terminal.
///
/// Nothing is shown until the run, which began at `start`, has taken a while.
pub(super) fn with_progress<T>(meter: &Meter, output: &OutputStreams, start: Instant, work: impl FnOnce() -> T) -> T {
    if !is_watched(output) {
        return work();
    }
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        // without a thread, nothing is shown
        let watcher = thread::Builder::new().spawn_scoped(scope, || show_progress(meter, start, &is_done));
        let result = work();
        is_done.store(true, Relaxed);
        if let Ok(watcher) = watcher {
            watcher.thread().unpark();
        }
        result
    })
}

/// Hides the progress bar as long as the guard lives: a prompt needs the line.
pub(super) fn pause_progress() -> MutexGuard<'static, Option<ProgressBar>> {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bar) = &*shown {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    shown
}

/// Whether a user watches the progress: not in CI, where it would fill the log, even if there is something like a
/// terminal.
fn is_watched(output: &OutputStreams) -> bool {
    io::stderr().is_terminal() && !output.is_quiet() && std::env::var_os("CI").is_none_or(|value| value.is_empty())
}

fn show_progress(meter: &Meter, start: Instant, is_done: &AtomicBool) {
    // it measures the rate before it is shown
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(bar_style());
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    while !is_done.load(Relaxed) {
        thread::park_timeout(PERIOD);
        let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(bar), Some(progress)) = (&*shown, meter.progress()) {
            update_bar(bar, progress);
            if start.elapsed() >= PATIENCE && bar.is_hidden() && !is_done.load(Relaxed) {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
        }
    }
    if let Some(bar) = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bar.finish_and_clear();
    }
}

fn update_bar(bar: &ProgressBar, Progress { unit, total, done }: Progress) {
    let message = match unit {
        ProgressUnit::Targets => "targets rendered",
        ProgressUnit::Files => "files written",
    };
    if bar.message() != message {
        bar.reset();
        bar.set_message(message);
    }
    bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
}

fn bar_style() -> ProgressStyle {
    let style = ProgressStyle::with_template("septum: {pos} of {len} {msg}, {rate}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", write_rate)
}

/// Average rate since the start, and the estimate of the remaining time. The estimate of the library gives weight to
/// the last moments only, and is far off in a run of seconds.
fn write_rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    let (done, total) = (state.pos(), state.len().unwrap_or_default());
    let spent = state.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "it is shown without decimals")]
    let (rate, rest) = (done as f64 / spent.max(0.001), total.saturating_sub(done) as f64);
    let _ = if done == 0 { write!(out, "0/s") } else { write!(out, "{rate:.0}/s, {:.0} s left", (rest / rate).ceil()) };
}
