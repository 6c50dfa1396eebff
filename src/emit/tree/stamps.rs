//! What files looked like when they were read: one that still does need not be read again.
//!
//! This is what Git does with its index. A file is the one that was read if its size, its inode and both its
//! times are the same: each change of its content sets the time of change, which no program can set to
//! another. Only within the tick of a clock would a change not be seen, so of a file that was changed a
//! moment ago nothing is noted. Nothing follows from what is noted but that a file is not read.
//!
//! Digests of Secrets in plaintext are among it, so that it stays on this machine, as those of
//! [`local`](super::local) do.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use super::inventory::digest;
use super::{Found, Part, Place, look};
use crate::test_hook;

/// File systems and kernels tick at most every two seconds (FAT).
const SETTLED: Duration = Duration::from_secs(2);

/// The first line: what is written otherwise is not read.
const VERSION: &str = "septum stamps 1";

/// What a file looks like without being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    inode: u64,
    /// Nanoseconds since 1970.
    modified: i128,
    /// The same, of the last change of content, name or permissions.
    changed: i128,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    stamp: Stamp,
    digest: String,
}

/// The files that this machine has read.
#[derive(Debug, Default)]
pub struct Stamps {
    pub(super) name: String,
    // by their text: paths are compared part by part, which takes longer than to look at a file
    known: HashMap<OsString, Known>,
    read: Mutex<HashMap<OsString, Known>>,
    /// What changed later than this is not settled.
    settled: i128,
}

impl Stamps {
    /// Reads what an earlier run noted; what cannot be read is not known.
    pub(super) fn read(place: &Place, part: Part) -> Self {
        let name = match part {
            Part::Whole => "stamps".to_owned(),
            Part::Shard { index, count } => format!("stamps.{index}-of-{count}"),
        };
        let known = match look(&place.own().join(&name)) {
            Ok(Found::File(bytes)) => std::str::from_utf8(&bytes).ok().and_then(parse).unwrap_or_default(),
            _ => HashMap::new(),
        };
        let now = test_hook::now().checked_sub(SETTLED).and_then(|then| then.duration_since(UNIX_EPOCH).ok());
        let settled = now.and_then(|now| i128::try_from(now.as_nanos()).ok()).unwrap_or_default();
        Self { name, known, read: Mutex::default(), settled }
    }

    /// The digest of a file, which is read if it has to be.
    pub fn digest<B: AsRef<[u8]>>(&self, path: &Path, read: impl FnOnce() -> Option<B>) -> Option<String> {
        if let Some(known) = self.known.get(path.as_os_str()).filter(|known| Stamp::of(path) == Some(known.stamp)) {
            return Some(known.digest.clone());
        }
        let digest = digest(read()?.as_ref());
        // what is looked at after it was read, and did not change since before this run, is what was read
        let settled = |stamp: &Stamp| stamp.modified < self.settled && stamp.changed < self.settled;
        if let Some(stamp) = Stamp::of(path).filter(settled) {
            let known = Known { stamp, digest: digest.clone() };
            self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(path.as_os_str().to_owned(), known);
        }
        Some(digest)
    }

    /// What the file is to hold, if anything was read that was not known: without what is no more.
    pub(super) fn text(&self) -> Option<String> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_empty() {
            return None;
        }
        let others = self.known.iter().filter(|(path, _)| !read.contains_key(*path) && Path::new(path).exists());
        let mut all: Vec<_> = read.iter().chain(others).collect();
        all.sort_by_key(|(path, _)| *path);
        let mut text = format!("{VERSION}\n");
        for (path, Known { stamp, digest }) in all {
            let Some(path) = path.to_str().filter(|path| !path.contains('\n')) else { continue };
            let Stamp { size, inode, modified, changed } = stamp;
            // writing to a String cannot fail
            let _ = writeln!(text, "{size} {inode} {modified} {changed} {digest} {path}");
        }
        Some(text)
    }
}

fn parse(text: &str) -> Option<HashMap<OsString, Known>> {
    let lines = text.strip_prefix(VERSION)?.strip_prefix('\n')?.lines();
    lines.map(known).collect()
}

fn known(line: &str) -> Option<(OsString, Known)> {
    let mut fields = line.splitn(6, ' ');
    let mut field = || fields.next();
    let stamp = Stamp {
        size: field()?.parse().ok()?,
        inode: field()?.parse().ok()?,
        modified: field()?.parse().ok()?,
        changed: field()?.parse().ok()?,
    };
    let digest = field()?.to_owned();
    Some((OsString::from(field()?), Known { stamp, digest }))
}

impl Stamp {
    /// What a file looks like; nothing of what is no file, such as a link.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Some(Self {
            size: metadata.size(),
            inode: metadata.ino(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Other systems tell too little.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        None
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;

    use super::*;

    struct Site {
        folder: tempfile::TempDir,
    }

    impl Site {
        fn place(&self) -> Place {
            Place { dir: self.folder.path().to_path_buf(), shown: "rendered".to_owned() }
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("a file")
        }

        /// A file that was changed long ago, by what a program may set.
        fn write(&self, text: &str) {
            fs::write(self.file(), text).unwrap();
            File::options().append(true).open(self.file()).unwrap().set_modified(UNIX_EPOCH).unwrap();
        }

        /// A run, and whether the file was read in it. Its clock is ahead by an hour if all is to be settled.
        fn run(&self, is_settled: bool) -> (String, bool) {
            let mut stamps = Stamps::read(&self.place(), Part::Whole);
            stamps.settled += if is_settled { 3_600_000_000_000 } else { 0 };
            let mut was_read = false;
            let digest = stamps.digest(&self.file(), || {
                was_read = true;
                fs::read(self.file()).ok()
            });
            if let Some(text) = stamps.text() {
                fs::create_dir_all(self.place().own()).unwrap();
                fs::write(self.place().own().join(&stamps.name), text).unwrap();
            }
            (digest.unwrap(), was_read)
        }
    }

    #[test]
    fn what_looks_as_it_did_is_not_read_again() {
        let site = Site { folder: tempfile::tempdir().unwrap() };
        site.write("one");
        let one = digest(b"one");
        assert_eq!(site.run(false), (one.clone(), true));
        assert_eq!(site.run(true), (one.clone(), true), "of what just changed nothing was noted");
        assert_eq!(site.run(true), (one, false));
        // as long, with a time of modification that somebody set
        site.write("two");
        assert_eq!(site.run(true), (digest(b"two"), true));
        fs::remove_file(site.file()).unwrap();
        site.write("six");
        assert_eq!(site.run(true), (digest(b"six"), true), "another file");
    }

    #[test]
    fn what_is_no_list_of_files_is_not_believed() {
        let site = Site { folder: tempfile::tempdir().unwrap() };
        site.write("one");
        site.run(true);
        let stamps = site.place().own().join("stamps");
        let text = fs::read_to_string(&stamps).unwrap();
        for broken in
            [String::new(), text.replace(VERSION, "stamps"), text.replacen(' ', "", 3), "\n".to_owned() + &text]
        {
            fs::write(&stamps, &broken).unwrap();
            assert_eq!(site.run(true), (digest(b"one"), true), "{broken}");
        }
    }

    #[test]
    fn a_link_is_read_each_time() {
        let site = Site { folder: tempfile::tempdir().unwrap() };
        fs::write(site.folder.path().join("there"), "one").unwrap();
        std::os::unix::fs::symlink("there", site.file()).unwrap();
        for _ in 0..2 {
            assert_eq!(site.run(true), (digest(b"one"), true));
        }
    }
}
