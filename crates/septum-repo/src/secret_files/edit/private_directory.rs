//! A directory for plaintext: in memory, for this user alone, and removed with the program.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::system;
use crate::diagnostic::{Diagnostic, Rule};
use crate::signals;
use crate::sort::sort;

/// Prefix of the names of private directories; the process number follows.
const PREFIX: &str = "septum-private-";

/// Prefix of directories with an edited text that is in no file.
const KEPT: &str = "septum-kept-";

/// The file in a private directory that identifies the text that the user was given: its digest, and its name.
const GIVEN: &str = ".septum-given";

/// Temporary location of plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaintextStorage {
    /// In memory only.
    Memory,
    /// On a disk, if there is no directory in memory: deleted data can be found there later.
    Disk,
}

/// The directories in which a private one can be made, the best first.
#[derive(Debug, Clone)]
pub struct TempDirs(Vec<PathBuf>);

/// A private directory. It is removed, and its content overwritten, when this is dropped and when a signal ends the
/// program; leftovers of a killed program are removed by the next one. A text that the user edited is not lost:
/// unless it was saved or discarded, the directory stays under another name.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    is_left: bool,
    /// Locked as long as the process lives, however it ends.
    _lock: Option<File>,
}

impl TempDirs {
    /// The directories of the system and those named by the variables of a process.
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

/// Directories with plaintext that former runs left.
#[derive(Debug, Clone, Default)]
pub struct LeftoverDirectories {
    /// Those of killed runs, which the next run removes.
    pub killed: Vec<PathBuf>,
    /// Those with an edited text that was not saved.
    pub kept: Vec<PathBuf>,
}

impl TempDirs {
    /// Finds the directories that former runs of this user left.
    pub fn find_leftovers(&self) -> LeftoverDirectories {
        let Self(places) = self;
        let entries = places.iter().flat_map(|place| fs::read_dir(place).into_iter().flatten().flatten());
        let mut found = LeftoverDirectories::default();
        for path in entries.map(|entry| entry.path()) {
            if is_kept(&path) {
                found.kept.push(path);
            } else if is_leftover(&path) {
                found.killed.push(path);
            }
        }
        sort(&mut found.killed);
        sort(&mut found.kept);
        found
    }
}

/// Whether a directory has an edited text of this user.
fn is_kept(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(KEPT)) && system::is_ours(path)
}

impl PrivateDirectory {
    /// Creates one, and removes leftovers of programs that were killed.
    pub fn new(temporary: &TempDirs, storage: PlaintextStorage) -> Result<Self, Diagnostic> {
        let TempDirs(places) = temporary;
        sweep_leftovers(places);
        let mut searched = Vec::new();
        for place in places {
            if !system::is_in_memory(place) {
                let what = if place.is_dir() { "is not in memory" } else { "does not exist" };
                searched.push(format!("`{}` {what}", place.display()));
                continue;
            }
            match Self::create_in(place) {
                Ok(directory) => return Ok(directory),
                Err(error) => searched.push(format!("`{}`: {error}", place.display())),
            }
        }
        match places.last() {
            Some(place) if storage == PlaintextStorage::Disk => Self::create_in(place).map_err(|error| {
                Diagnostic::error(
                    Rule::NoPrivateDirectory,
                    format!("could not create a directory in `{}`: {error}", place.display()),
                )
            }),
            _ => Err(none_in_memory(searched)),
        }
    }

    fn create_in(place: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        let prefix = format!("{PREFIX}{}-", std::process::id());
        builder.prefix(&prefix);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let path = signals::guarded(|| {
            let path = builder.tempdir_in(place)?.keep();
            let directory = path.clone();
            let cleanup = move || leave_text(&directory).map(|kept| format!("septum: {}", kept_note(&kept)));
            Ok((path.clone(), Box::new(cleanup) as signals::Cleanup, path))
        })?;
        let lock = system::lock(&path);
        Ok(Self { path, is_left: false, _lock: lock })
    }

    /// Writes the text to be edited to a file in the directory, readable by its owner alone, and returns its path.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        write_new(&path, bytes)?;
        write_new(&self.path.join(GIVEN), format!("{}\n{name}", digest(bytes)).as_bytes())?;
        Ok(path)
    }

    /// Whether a path is that of a private directory, by its name.
    pub fn is_name(path: &Path) -> bool {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX))
    }

    /// Its path, for a program that reads several files.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file below the directory that is only read, with the directories of its path.
    pub fn write_input(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path.join(path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        write_new(&path, bytes)
    }

    /// Removes the directory, whatever the edits: the text was saved, or discarded.
    pub fn discard(mut self) {
        self.is_left = true;
        signals::settle(&self.path, || wipe_directory(&self.path));
    }

    /// Keeps the edited text, and removes the directory if it was not edited. Returns the path of the text.
    pub fn keep_text(mut self) -> Option<PathBuf> {
        self.is_left = true;
        signals::settle(&self.path, || leave_text(&self.path))
    }

    /// Directories of this user beside it, with texts that former runs kept.
    pub fn keep_path(&self) -> Vec<PathBuf> {
        let entries = self.path.parent().and_then(|place| fs::read_dir(place).ok()).into_iter().flatten().flatten();
        let mut kept: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_kept(path)).collect();
        sort(&mut kept);
        kept
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // a bug ends here, without losing an edited text
        if !self.is_left {
            signals::settle(&self.path, || leave_text(&self.path));
        }
    }
}

/// Removes a directory, or renames it to be kept if its text was edited: returns the path of the text.
fn leave_text(directory: &Path) -> Option<PathBuf> {
    let Some(name) = typed_text(directory) else {
        wipe_directory(directory);
        return None;
    };
    let own = directory.file_name().unwrap_or_default().to_string_lossy();
    let kept = directory.with_file_name(format!("{KEPT}{}", own.strip_prefix(PREFIX).unwrap_or(&own)));
    let kept = fs::rename(directory, &kept).map_or_else(|_| directory.to_path_buf(), |()| kept);
    let _ = fs::remove_file(kept.join(GIVEN));
    Some(kept.join(name))
}

/// The name of the text in a directory, if it differs from the given one.
fn typed_text(directory: &Path) -> Option<String> {
    let given = fs::read_to_string(directory.join(GIVEN)).ok()?;
    let (before, name) = given.split_once('\n')?;
    let is_name = Path::new(name).components().count() == 1;
    let text = read_text(&directory.join(name)).ok().filter(|_| is_name)?;
    (digest(&text) != before).then(|| name.to_owned())
}

fn digest(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

/// Writes a new file that only its owner can read.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// Note with the path of a kept text.
pub(super) fn kept_note(text: &Path) -> String {
    let directory = text.parent().unwrap_or(text);
    let place = if system::is_in_memory(directory) { "in memory" } else { "on disk" };
    format!("your text is kept {place}, readable only by you: `{}`", text.display())
}

fn none_in_memory(searched: Vec<String>) -> Diagnostic {
    let message =
        "no in-memory directory is available for the plaintext, and deleted files can be recovered from a disk";
    let mut error = Diagnostic::error(Rule::NoPrivateDirectory, message);
    for place in searched {
        error = error.note(place);
    }
    error
        .hint("on Linux, set `XDG_RUNTIME_DIR` to a directory of a `tmpfs`")
        .hint("or use `--allow-disk`, if the disk is encrypted or the secret is of little value")
}

/// Reads a file into one buffer that is wiped, and never moved while it grows.
pub(super) fn read_text(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(1)));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a directory, after all files in it were overwritten. Links are removed, not followed.
pub(super) fn wipe_directory(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => wipe_directory(&entry.path()),
            Ok(kind) if kind.is_file() => {
                let _ = overwrite_file(&entry.path());
            }
            _ => {}
        }
    }
    let _ = fs::remove_dir_all(directory);
}

fn overwrite_file(path: &Path) -> io::Result<()> {
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

/// Removes the private directories of processes that have ended, except edited texts.
fn sweep_leftovers(places: &[PathBuf]) {
    signals::with_guarded(|ours| {
        for place in places {
            let entries = fs::read_dir(place).into_iter().flatten().flatten();
            let paths = entries.map(|entry| entry.path()).filter(|path| !ours.contains(&path.as_path()));
            paths.filter(|path| is_leftover(path)).for_each(|path| drop(leave_text(&path)));
        }
    });
}

fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let process = name.and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok());
    process.is_some_and(|process| system::is_dead(process) && system::is_ours(path) && system::is_free(path))
}
