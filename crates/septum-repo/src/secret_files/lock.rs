//! Locks of files that are changed, from the comparison with the content that was read until they are written.
//!
//! The file itself is locked: that leaves nothing behind, is the same for all users and ends with the process. The
//! file is replaced while it is locked, so the holder of a lock checks whether it is still that of the file. A file
//! that does not exist yet is locked by its directory. Locks are advisory: septum respects them, other programs do
//! not. Where a file system has no locks, there is no waiting. Windows lets nobody replace a file that is open, so there the
//! lock is a file of its own: see [`try_lock`](crate::atomic).

use std::io;
use std::path::{Path, PathBuf};

use super::file::FileContent;
use crate::map::HashMap;
use crate::sort::sort;

/// Callback that reports, by its name in messages, a file that is locked.
pub type WaitCallback<'a> = &'a (dyn Fn(&str) + Sync);

/// Locks that are held until they are dropped.
pub(super) struct FileLocks {
    held: system::Held,
}

impl FileLocks {
    /// Whether a file that is locked has this content.
    pub(super) fn has_content(&self, path: &Path, content: &FileContent) -> bool {
        self.held.file(path).is_some_and(|file| content.is_of(file).unwrap_or(false))
    }
}

/// Rank of a file in the order in which locks are taken, which is the same for all processes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct LockTarget<'a> {
    path: PathBuf,
    /// Whether it is a directory, in place of a file that does not exist.
    is_directory: bool,
    /// The file, as it is named and in messages.
    named: &'a Path,
    name: &'a str,
}

impl<'a> LockTarget<'a> {
    fn of(named: &'a Path, name: &'a str, directories: &mut HashMap<PathBuf, PathBuf>) -> io::Result<Self> {
        let directory = named.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = match directories.get(directory) {
            Some(real) => real,
            None => directories.entry(directory.to_owned()).or_insert(std::fs::canonicalize(directory)?),
        };
        let file = directory.join(named.file_name().unwrap_or_default());
        let is_directory = !file.exists();
        Ok(Self { path: if is_directory { directory.clone() } else { file }, is_directory, named, name })
    }
}

/// Locks files, each a path without links and its name in messages, and waits for those that are locked.
pub(super) fn lock_files(files: &[(&Path, &str)], waiting: WaitCallback<'_>) -> io::Result<FileLocks> {
    loop {
        let directories = &mut HashMap::default();
        let wanted = files.iter().map(|(path, name)| LockTarget::of(path, name, directories));
        let mut wanted = wanted.collect::<io::Result<Vec<_>>>()?;
        sort(&mut wanted);
        let mut held = system::Held::default();
        let mut is_as_wanted = true;
        for LockTarget { path, is_directory, named, name } in &wanted {
            let is_there = held.add(path, named, &|| waiting(name))?;
            is_as_wanted &= is_there && !(*is_directory && named.exists());
        }
        // another user may have created or removed one meanwhile, and the order is another one then
        if is_as_wanted {
            return Ok(FileLocks { held });
        }
    }
}

/// Allows the process this many open files, and some more. The error is the number that it can have.
pub(super) fn make_room(files: usize) -> Result<(), u64> {
    system::make_room(u64::try_from(files).unwrap_or(u64::MAX).saturating_add(64))
}

#[cfg(unix)]
mod system {
    use crate::map::HashMap;
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::thread;
    use std::time::Duration;

    use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
    use rustix::io::Errno;
    use rustix::process::{Resource, Rlimit, setrlimit};

    use crate::process_limits::{LimitedResource, ProcessLimit};
    use crate::test_hook;

    /// Time of waiting for a file before it is reported.
    const MOMENT: Duration = Duration::from_secs(1);

    /// Locked files by device and inode: a lock excludes its own process too.
    #[derive(Default)]
    pub(super) struct Held {
        files: HashMap<(u64, u64), File>,
        paths: HashMap<PathBuf, (u64, u64)>,
    }

    impl Held {
        /// The locked file of that name.
        pub(super) fn file(&self, named: &Path) -> Option<&File> {
            self.files.get(self.paths.get(named)?)
        }

        /// Locks the file at a path. Returns whether it exists.
        pub(super) fn add(&mut self, path: &Path, named: &Path, waiting: &(dyn Fn() + Sync)) -> io::Result<bool> {
            loop {
                // a pipe would be waited for
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let file = match open(path, flags, Mode::empty()) {
                    Ok(file) => File::from(file),
                    Err(Errno::NOENT) => return Ok(false),
                    Err(error @ (Errno::MFILE | Errno::NFILE)) => return Err(error.into()),
                    // a file that cannot be read is written as a whole
                    Err(_) => return Ok(true),
                };
                let key = file_key(&file.metadata()?);
                if self.files.contains_key(&key) {
                    self.paths.insert(named.to_owned(), key);
                    return Ok(true);
                }
                if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
                    wait_for_lock(&file, waiting);
                }
                if fs::metadata(path).is_ok_and(|there| file_key(&there) == key) {
                    self.paths.insert(named.to_owned(), key);
                    self.files.insert(key, file);
                    return Ok(true);
                }
            }
        }
    }

    fn file_key(file: &fs::Metadata) -> (u64, u64) {
        (file.dev(), file.ino())
    }

    /// Waits for a lock, and reports it if that takes more than a moment.
    fn wait_for_lock(file: &File, waiting: &(dyn Fn() + Sync)) {
        thread::scope(|scope| {
            let (done, is_done) = channel::<()>();
            let moment = test_hook::wait_time(MOMENT);
            let say = move || {
                if is_done.recv_timeout(moment) == Err(RecvTimeoutError::Timeout) {
                    waiting();
                }
            };
            // without a thread, nothing is reported
            let _ = thread::Builder::new().spawn_scoped(scope, say);
            while flock(file, FlockOperation::LockExclusive) == Err(Errno::INTR) {}
            drop(done);
        });
    }

    pub(super) fn make_room(files: u64) -> Result<(), u64> {
        let Some(ProcessLimit { current, maximum }) = ProcessLimit::of(LimitedResource::OpenFiles) else {
            return Ok(());
        };
        match (current, maximum) {
            (None, _) => Ok(()),
            (Some(current), _) if current >= files => Ok(()),
            (_, Some(maximum)) if maximum < files => Err(maximum),
            (Some(current), _) => {
                setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum }).map_err(|_| current)
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::collections::HashMap;
    use std::fs::File;
    use std::io;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use crate::atomic::wait_for_lock;
    use crate::test_hook;

    /// Time of waiting for a file before it is reported.
    const MOMENT: Duration = Duration::from_secs(1);

    /// Locks by the path that is locked.
    #[derive(Default)]
    pub(super) struct Held {
        paths: HashMap<PathBuf, File>,
    }

    impl Held {
        /// No file: what is locked is another one, so the content is read again.
        #[expect(clippy::unused_self, reason = "other systems hold files")]
        pub(super) fn file(&self, _: &Path) -> Option<&File> {
            None
        }

        /// Locks the file at a path. Returns whether it exists.
        pub(super) fn add(&mut self, path: &Path, _: &Path, waiting: &(dyn Fn() + Sync)) -> io::Result<bool> {
            if self.paths.contains_key(path) {
                return Ok(true);
            }
            let (moment, mut is_reported) = (test_hook::wait_time(MOMENT), false);
            let locked = wait_for_lock(path, |waited| {
                if waited >= moment && !is_reported {
                    waiting();
                    is_reported = true;
                }
            });
            match locked {
                Ok(file) => {
                    self.paths.insert(path.to_owned(), file);
                    Ok(true)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        }
    }

    /// This system has no such limit.
    #[expect(clippy::unnecessary_wraps, reason = "others have one")]
    pub(super) fn make_room(_: u64) -> Result<(), u64> {
        Ok(())
    }
}
