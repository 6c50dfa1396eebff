//! Where there are no signals, a folder is removed when it is dropped, and by the next run.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

use super::private_folder::wipe;

static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Makes a folder that is known as one of this process.
pub(super) fn guarded(make: impl FnOnce() -> io::Result<PathBuf>) -> io::Result<PathBuf> {
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = make()?;
    folders.push(folder.clone());
    Ok(folder)
}

/// Removes a folder with all that is in it.
pub(super) fn remove(folder: &Path) {
    wipe(folder);
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != folder);
}

/// Looks at the folders of this process, while none is added.
pub(super) fn with_folders(look: impl FnOnce(&[PathBuf])) {
    look(&FOLDERS.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Runs an editor.
pub(super) fn run_editor(command: &mut Command) -> io::Result<ExitStatus> {
    command.status()
}

/// Does something that must put the terminal in order again.
pub fn prompting<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    ask()
}
