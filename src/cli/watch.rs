//! How far a run is, for somebody who waits before a terminal.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::output::OutputStreams;
use crate::meter::{Meter, Progress, ProgressUnit};

/// What is done sooner needs no words.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often it is looked.
const PERIOD: Duration = Duration::from_millis(100);

/// What is shown; there is one terminal.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Does a long piece of work, and shows how far it is as long as somebody looks.
///
/// Nothing is shown before the run, which began at `start`, takes a while.
pub(super) fn with_progress<T>(meter: &Meter, output: &OutputStreams, start: Instant, work: impl FnOnce() -> T) -> T {
    if !is_watched(output) {
        return work();
    }
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| show_progress(meter, start, &is_done));
        let result = work();
        is_done.store(true, Relaxed);
        watcher.thread().unpark();
        result
    })
}

/// Takes what is shown away, as long as the guard lives: a question needs the line.
pub(super) fn pause_progress() -> MutexGuard<'static, Option<ProgressBar>> {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bar) = &*shown {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    shown
}

/// In CI a log would be full of it, even where there is something like a terminal.
fn is_watched(output: &OutputStreams) -> bool {
    io::stderr().is_terminal() && !output.is_quiet() && std::env::var_os("CI").is_none_or(|value| value.is_empty())
}

fn show_progress(meter: &Meter, start: Instant, is_done: &AtomicBool) {
    // it learns how fast things go before anybody sees it
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

/// How fast things go since they began, and how long the rest takes at that. What the library estimates gives
/// weight to the last moments only, and is far off in a run of seconds.
fn write_rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    let (done, total) = (state.pos(), state.len().unwrap_or_default());
    let spent = state.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "it is shown without decimals")]
    let (rate, rest) = (done as f64 / spent.max(0.001), total.saturating_sub(done) as f64);
    let _ = if done == 0 { write!(out, "0/s") } else { write!(out, "{rate:.0}/s, {:.0} s left", (rest / rate).ceil()) };
}
