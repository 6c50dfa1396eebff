//! A folder for plaintext: in memory, for this user alone, and gone when the program is.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{signals, system};
use crate::diagnostic::{Diagnostic, Failure};

/// How names of private folders begin; the number of the process follows.
const PREFIX: &str = "septum-private-";

/// Where plaintext may lie for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In memory only.
    Memory,
    /// On a disk, if there is no folder in memory: deleted data can be found there later.
    Disk,
}

/// The folders in which a private one can be made, the best first.
#[derive(Debug, Clone)]
pub struct Temporary(Vec<PathBuf>);

/// A private folder. It is removed, and what was in it overwritten, when this is dropped and when a
/// signal ends the program; what a killed program left is removed by the next one.
#[derive(Debug)]
pub struct PrivateFolder {
    path: PathBuf,
    /// Locked as long as the process lives, however it ends.
    _lock: Option<File>,
}

impl Temporary {
    /// The folders of the system and those that the variables of a process name.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let named = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let last = named("TMPDIR").unwrap_or_else(std::env::temp_dir);
        let mut places: Vec<PathBuf> = named("XDG_RUNTIME_DIR").into_iter().collect();
        places.extend(system::memory());
        places.push(last);
        let mut seen = Vec::new();
        places.retain(|place| {
            !seen.contains(place) && {
                seen.push(place.clone());
                true
            }
        });
        Self(places)
    }
}

impl PrivateFolder {
    /// Makes one, and removes what programs that were killed have left.
    pub fn new(temporary: &Temporary, storage: Storage) -> Result<Self, Diagnostic> {
        let Temporary(places) = temporary;
        sweep(places);
        let mut searched = Vec::new();
        for place in places {
            if !system::is_in_memory(place) {
                let what = if place.is_dir() { "is not in memory" } else { "does not exist" };
                searched.push(format!("`{}` {what}", place.display()));
                continue;
            }
            match Self::make(place) {
                Ok(folder) => return Ok(folder),
                Err(error) => searched.push(format!("`{}`: {error}", place.display())),
            }
        }
        match places.last() {
            Some(place) if storage == Storage::Disk => Self::make(place).map_err(|error| {
                Diagnostic::error(
                    "no-private-folder",
                    format!("no folder could be made in `{}`: {error}", place.display()),
                )
                .failing(Failure::Io)
            }),
            _ => Err(none_in_memory(searched)),
        }
    }

    fn make(place: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        let prefix = format!("{PREFIX}{}-", std::process::id());
        builder.prefix(&prefix);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let path = signals::guarded(|| Ok(builder.tempdir_in(place)?.keep()))?;
        let lock = system::lock(&path);
        Ok(Self { path, _lock: lock })
    }

    /// Writes a file in the folder, which nobody else can read, and tells its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?.write_all(bytes)?;
        Ok(path)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        signals::remove(&self.path);
    }
}

fn none_in_memory(searched: Vec<String>) -> Diagnostic {
    let message = "there is no folder in memory for the plaintext, and what lay on a disk can be found there later";
    let mut error = Diagnostic::error("no-private-folder", message).failing(Failure::Io);
    for place in searched {
        error = error.note(place);
    }
    error
        .hint("on Linux, set `XDG_RUNTIME_DIR` to a folder of a `tmpfs`")
        .hint("or say `--allow-disk`, if the disk is encrypted or the secret worth little")
}

/// Reads a file into one buffer that is wiped, and never moved while it grows.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(1)));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a folder, after all files in it were overwritten. Links are removed, not followed.
pub(super) fn wipe(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => wipe(&entry.path()),
            Ok(kind) if kind.is_file() => {
                let _ = overwrite(&entry.path());
            }
            _ => {}
        }
    }
    let _ = fs::remove_dir_all(folder);
}

fn overwrite(path: &Path) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut rest = file.seek(io::SeekFrom::End(0))?;
    file.rewind()?;
    while rest > 0 {
        let length = rest.min(ZEROS.len() as u64);
        file.write_all(ZEROS.get(..usize::try_from(length).unwrap_or_default()).unwrap_or(&ZEROS))?;
        rest -= length;
    }
    file.sync_data()
}

/// Removes the private folders of processes that are no more.
fn sweep(places: &[PathBuf]) {
    signals::with_folders(|ours| {
        for place in places {
            let entries = fs::read_dir(place).into_iter().flatten().flatten();
            let paths = entries.map(|entry| entry.path()).filter(|path| !ours.contains(path));
            paths.filter(|path| is_leftover(path)).for_each(|path| wipe(&path));
        }
    });
}

fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let process = name.and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok());
    process.is_some_and(|process| system::is_dead(process) && system::is_ours(path) && system::is_free(path))
}
