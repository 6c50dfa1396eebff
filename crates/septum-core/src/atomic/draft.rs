//! Bytes that are to become a file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};

use crate::signals;
#[cfg(target_os = "linux")]
use crate::test_hook::{StopPoint, pass_point};

/// Prefix of the names of drafts; [`RANDOM`] letters and digits follow.
const PREFIX: &str = ".septum-";

/// Number of random characters at the end of the name of a draft.
const RANDOM: usize = 6;

/// A file in the directory of another one.
pub(super) enum DraftFile {
    /// A file without a name, which leaves nothing behind in any case.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// It has a name, where the file system does not support unnamed files.
    Named(NamedDraft),
}

/// A draft with a name, which is removed with it.
pub(super) struct NamedDraft {
    file: File,
    path: Option<TempPath>,
}

impl DraftFile {
    /// Creates a draft with these permissions at most.
    pub(super) fn new(directory: &Path, mode: u32) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = create_unnamed(directory, mode) {
            return Ok(Self::Unnamed(file));
        }
        let mut builder = Builder::new();
        builder.prefix(PREFIX).rand_bytes(RANDOM);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        #[cfg(not(unix))]
        let _ = mode;
        signals::guarded(|| {
            let (file, path) = builder.tempfile_in(directory)?.into_parts();
            hold(&file);
            let name = path.to_path_buf();
            let removed = name.clone();
            let cleanup = move || {
                let _ = std::fs::remove_file(&removed);
                None
            };
            Ok((name, Box::new(cleanup) as signals::Cleanup, Self::Named(NamedDraft { file, path: Some(path) })))
        })
    }

    pub(super) fn file(&mut self) -> &mut File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(draft) => &mut draft.file,
        }
    }

    /// Its name, if it has one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(_) => None,
            Self::Named(draft) => draft.path.as_ref().map(|path| path.to_path_buf()),
        }
    }

    /// Renames it to its file. No signal may interrupt this.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(unused_variables, reason = "a draft with a name is renamed in any case")
    )]
    pub(super) fn name_as(self, target: &Path, is_new: bool) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => {
                if is_new && link_file(&file, target).is_ok() {
                    return Ok(());
                }
                // a file replaces another one only by a rename
                let mut builder = Builder::new();
                let linked = builder
                    .prefix(PREFIX)
                    .rand_bytes(RANDOM)
                    .make_in(super::parent_directory(target), |path| link_file(&file, path))?;
                pass_point(StopPoint::AtomicLinked);
                linked.into_temp_path().persist(target).map_err(|error| error.error)
            }
            Self::Named(mut draft) => match draft.path.take() {
                Some(path) => path.persist(target).map_err(|error| error.error),
                None => Ok(()),
            },
        }
    }
}

impl Drop for NamedDraft {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            let name = path.to_path_buf();
            signals::settle(&name, || drop(path));
        }
    }
}

/// A file without a name, if the file system supports such files and a name can be given to it later.
#[cfg(target_os = "linux")]
fn create_unnamed(directory: &Path, mode: u32) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    use std::sync::OnceLock;
    static CAN_BE_NAMED: OnceLock<bool> = OnceLock::new();
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(open(directory, flags, Mode::from_raw_mode(mode)).ok()?);
    hold(&file);
    CAN_BE_NAMED.get_or_init(|| std::fs::metadata(by_number(&file)).is_ok()).then_some(file)
}

/// The path of an open file in `/proc`.
#[cfg(target_os = "linux")]
fn by_number(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(target_os = "linux")]
fn link_file(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    Ok(linkat(CWD, by_number(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Marks a draft as in use for other processes, as long as it is open.
#[cfg(unix)]
fn hold(file: &File) {
    use rustix::fs::{FlockOperation, flock};
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

#[cfg(not(unix))]
fn hold(_: &File) {}

/// Whether a name is that of a draft.
pub fn is_draft(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).unwrap_or_default();
    random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a live process is writing a draft.
#[cfg(unix)]
pub fn is_in_use(path: &Path) -> bool {
    use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(file) = open(path, flags, Mode::empty()) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

/// Whether a live process is writing a draft: unknown on other systems.
#[cfg(not(unix))]
pub fn is_in_use(_: &Path) -> bool {
    false
}
