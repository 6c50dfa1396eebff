//! Handling of signals, so that none leaves plaintext behind, or half of a change.
//!
//! From the first draft, private directory or hidden prompt on, one thread gets the signals that would end the
//! program. It passes them on to the program that `exec` runs. Otherwise it ends the editor, runs the registered cleanups
//! (removes drafts, keeps or removes private directories), and lets the signal end the program, so that its exit status
//! is that of the signal. The meaning of Ctrl-C while an editor runs is up to the editor, as with git.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ};
use signal_hook::iterator::{Handle, Signals};

use crate::diagnostic::StyledText;

/// Time that an editor has to end after its signal.
const PATIENCE: Duration = Duration::from_secs(2);

/// Cleanup of a path when a signal ends the program; its result is shown to the user.
pub type Cleanup = Box<dyn Fn() -> Option<String> + Send>;

/// Receiver of signals that are not for this program but for one that it runs.
pub type SignalForwarder = Box<dyn Fn(i32) + Send>;

/// Cleanups that are due on a signal.
struct SignalState {
    /// Registration of the signals; none before the first is watched for.
    watched: Option<Handle>,
    forward: Option<SignalForwarder>,
    /// Whether SIGHUP is left alone.
    ignores_hangup: bool,
    cleanups: Vec<(PathBuf, Cleanup)>,
    editor: Option<Pid>,
    /// Whether a hidden prompt is open.
    prompting: bool,
    ending: bool,
    /// Text for the user if a signal ends the program now.
    report: Option<String>,
}

static STATE: Mutex<SignalState> = Mutex::new(SignalState {
    watched: None,
    forward: None,
    ignores_hangup: false,
    cleanups: Vec::new(),
    editor: None,
    prompting: false,
    ending: false,
    report: None,
});

static EDITOR_ENDED: Condvar = Condvar::new();

/// Creates an object with a path for which a cleanup is registered. No signal comes between, so that the path is
/// known once it exists.
pub fn guarded<T>(make: impl FnOnce() -> io::Result<(PathBuf, Cleanup, T)>) -> io::Result<T> {
    let mut state = watch_signals()?;
    let (path, cleanup, made) = make()?;
    state.cleanups.push((path, cleanup));
    Ok(made)
}

/// Runs a function that makes the cleanup of a path unnecessary, without interruption by a signal.
pub fn settle<T>(path: &Path, work: impl FnOnce() -> T) -> T {
    let mut state = lock_state();
    let done = work();
    state.cleanups.retain(|(known, _)| known != path);
    done
}

/// Calls a function with the paths with cleanups of this process, while none is added.
pub fn with_guarded(look: impl FnOnce(&[&Path])) {
    let state = lock_state();
    let paths: Vec<&Path> = state.cleanups.iter().map(|(path, _)| path.as_path()).collect();
    look(&paths);
}

/// Runs work that a signal interrupts only afterwards. The work returns the paths whose cleanups are now unnecessary,
/// and the message for the user if a signal waited.
pub fn uninterrupted<T>(work: impl FnOnce() -> (T, Vec<PathBuf>, Option<String>)) -> T {
    // without a watching thread, the process is no worse off than before
    let mut state = watch_signals().unwrap_or_else(|_| lock_state());
    let (done, settled, report) = work();
    state.cleanups.retain(|(known, _)| !settled.contains(known));
    state.report = report;
    done
}

/// Sets the message for the user if a signal ends the program from now on.
pub fn report_if_ended(report: Option<String>) {
    if let Ok(mut state) = watch_signals() {
        state.report = report;
    }
}

/// Runs an editor. It handles signals from the keyboard itself; others end it and the program.
pub fn run_editor(command: &mut Command) -> io::Result<ExitStatus> {
    let mut state = watch_signals()?;
    let mut editor = command.spawn()?;
    state.editor = i32::try_from(editor.id()).ok().and_then(Pid::from_raw);
    drop(state);
    let status = editor.wait();
    lock_state().editor = None;
    EDITOR_ENDED.notify_all();
    wait_for_the_end();
    status
}

/// Leaves SIGHUP alone if the process was started with it ignored, as by `nohup`: so does a program that `exec` runs.
/// To be called before anything that cleans up after itself.
pub fn keep_ignored_hangup() {
    lock_state().ignores_hangup = is_ignored(SIGHUP);
}

/// Passes all signals on to `forward` from now on; none ends this program any more, and cleanups are up to the caller.
///
/// The handlers are there before a program is started, so that it inherits no ignored signal, but perhaps SIGHUP: see
/// [`keep_ignored_hangup`].
pub fn forward_signals(forward: SignalForwarder) -> io::Result<()> {
    let mut state = watch_signals()?;
    if let Some(handle) = &state.watched {
        for signal in [SIGUSR1, SIGUSR2, SIGWINCH] {
            handle.add_signal(signal)?;
        }
    }
    state.forward = Some(forward);
    Ok(())
}

/// Whether the process was started with a signal ignored, as far as the system says so.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Runs a prompt that must restore the terminal: Ctrl-C ends the program only after it.
pub fn prompting<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    watch_signals()?.prompting = true;
    let answer = ask();
    let mut state = lock_state();
    state.prompting = false;
    if answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
        end_program(state, SIGINT);
    }
    answer
}

fn lock_state() -> MutexGuard<'static, SignalState> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state, with a thread that waits for signals.
fn watch_signals() -> io::Result<MutexGuard<'static, SignalState>> {
    let mut state = lock_state();
    if state.watched.is_none() {
        // a file larger than a limit allows is an error of the write then, and not the end
        signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
        let usual = [SIGINT, SIGQUIT, SIGTERM, SIGHUP];
        let mut signals = Signals::new(usual.iter().filter(|signal| **signal != SIGHUP || !state.ignores_hangup))?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(on_signal))?;
        state.watched = Some(handle);
    }
    Ok(state)
}

fn on_signal(signal: i32) {
    let state = lock_state();
    if let Some(forward) = &state.forward {
        return forward(signal);
    }
    let is_of_keyboard = matches!(signal, SIGINT | SIGQUIT);
    if !(is_of_keyboard && (state.editor.is_some() || state.prompting)) {
        end_program(state, signal);
    }
}

/// Ends the program as a signal does, with no cleanup left.
fn end_program(mut state: MutexGuard<'_, SignalState>, signal: i32) {
    state.ending = true;
    let how = if signal == SIGHUP { Signal::HUP } else { Signal::TERM };
    for how in [how, Signal::KILL] {
        if let Some(editor) = state.editor {
            let _ = kill_process(editor, how);
            let waited = EDITOR_ENDED.wait_timeout_while(state, PATIENCE, |state| state.editor.is_some());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    let said: Vec<String> = state.cleanups.iter().filter_map(|(_, cleanup)| cleanup()).collect();
    for line in said.iter().chain(&state.report) {
        // after a hangup, the message would not be read
        let _ = writeln!(io::stderr(), "{}", StyledText::from_line(line).render_text(false));
    }
    if signal == SIGQUIT {
        without_core();
    }
    // the state stays locked: nothing is created any more
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    #[expect(clippy::exit, reason = "what else a signal would do")]
    std::process::exit(128 + signal);
}

/// Disables core dumps: one would contain the secrets of the process.
fn without_core() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// If a signal ended the editor, the thread that got it does the rest.
fn wait_for_the_end() {
    while lock_state().ending {
        thread::park();
    }
}
