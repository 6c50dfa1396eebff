//! No signal leaves plaintext behind.
//!
//! From the first private folder or hidden prompt on, one thread gets the signals that would end
//! the program. It ends the editor, removes what lies in private folders, and exits as shells expect.
//! What Ctrl-C means while an editor runs is the editor's business, as with git.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::private_folder::wipe;

/// How long an editor has to end after it was told to.
const PATIENCE: Duration = Duration::from_secs(2);

/// What has to go, or to be left alone, when a signal comes.
struct State {
    watched: bool,
    folders: Vec<PathBuf>,
    editor: Option<Pid>,
    /// Somebody is typing what is not shown.
    prompting: bool,
    ending: bool,
}

static STATE: Mutex<State> =
    Mutex::new(State { watched: false, folders: Vec::new(), editor: None, prompting: false, ending: false });

static EDITOR_ENDED: Condvar = Condvar::new();

/// Makes a folder that no signal leaves behind. None comes between, so that it is known once it is there.
pub(super) fn guarded(make: impl FnOnce() -> io::Result<PathBuf>) -> io::Result<PathBuf> {
    let mut state = watched()?;
    let folder = make()?;
    state.folders.push(folder.clone());
    Ok(folder)
}

/// Removes a folder with all that is in it.
pub(super) fn remove(folder: &Path) {
    let mut state = state();
    wipe(folder);
    state.folders.retain(|known| known != folder);
}

/// Looks at the folders of this process, while none is added.
pub(super) fn with_folders(look: impl FnOnce(&[PathBuf])) {
    look(&state().folders);
}

/// Runs an editor. Signals from the keyboard are left to it; others end it and the program.
pub(super) fn run_editor(command: &mut Command) -> io::Result<ExitStatus> {
    let mut state = watched()?;
    let mut editor = command.spawn()?;
    state.editor = i32::try_from(editor.id()).ok().and_then(Pid::from_raw);
    drop(state);
    let status = editor.wait();
    self::state().editor = None;
    EDITOR_ENDED.notify_all();
    wait_for_the_end();
    status
}

/// Does something that must put the terminal in order again: Ctrl-C ends the program only after it.
pub fn prompting<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    watched()?.prompting = true;
    let answer = ask();
    let mut state = state();
    state.prompting = false;
    if answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
        end(state, SIGINT);
    }
    answer
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state, with a thread that waits for signals.
fn watched() -> io::Result<MutexGuard<'static, State>> {
    let mut state = state();
    if !state.watched {
        let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP])?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(received))?;
        state.watched = true;
    }
    Ok(state)
}

fn received(signal: i32) {
    let state = state();
    let is_of_keyboard = matches!(signal, SIGINT | SIGQUIT);
    if !(is_of_keyboard && (state.editor.is_some() || state.prompting)) {
        end(state, signal);
    }
}

/// Ends the program as a signal does, with nothing left of private folders.
fn end(mut state: MutexGuard<'_, State>, signal: i32) {
    state.ending = true;
    let how = if signal == SIGHUP { Signal::HUP } else { Signal::TERM };
    for how in [how, Signal::KILL] {
        if let Some(editor) = state.editor {
            let _ = kill_process(editor, how);
            let waited = EDITOR_ENDED.wait_timeout_while(state, PATIENCE, |state| state.editor.is_some());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    for folder in &state.folders {
        wipe(folder);
    }
    // the state stays locked: no folder is made any more
    #[expect(clippy::exit, reason = "what else a signal would do")]
    std::process::exit(128 + signal);
}

/// If a signal ended the editor, the rest is for the thread that got it.
fn wait_for_the_end() {
    while state().ending {
        thread::park();
    }
}
