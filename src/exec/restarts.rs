//! Changes of the files from which the values of an environment are computed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::sort::CollectSorted;

/// Time between two looks at the files.
const PERIOD: Duration = Duration::from_millis(300);

/// State of a file: when and how long it was written, and which one it is; none if it does not exist.
type FileStamp = Option<(i64, i64, u64, u64)>;

/// Watcher of files, present or not.
pub struct SourceWatcher {
    paths: Arc<Mutex<BTreeMap<PathBuf, FileStamp>>>,
}

impl SourceWatcher {
    /// Watches the files from now on, and calls `report` some time after each change, when no more follow. They are
    /// looked at regularly: notifications of the system do not cover shared directories of containers.
    pub fn start(paths: impl IntoIterator<Item = PathBuf>, report: impl Fn() + Send + 'static) -> io::Result<Self> {
        let watcher = Self { paths: Arc::default() };
        watcher.replace(paths);
        let paths = Arc::clone(&watcher.paths);
        thread::Builder::new().name("sources".to_owned()).spawn(move || {
            let mut is_pending = false;
            loop {
                thread::sleep(PERIOD);
                let has_changed = update_stamps(&paths);
                if is_pending && !has_changed {
                    report();
                }
                is_pending = has_changed;
            }
        })?;
        Ok(watcher)
    }

    /// Watches other files instead.
    pub fn replace(&self, paths: impl IntoIterator<Item = PathBuf>) {
        let mut known = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        // a file that is watched already may have changed in the meantime
        let new = paths.into_iter().map(|path| {
            let stamp = known.get(&path).copied().unwrap_or_else(|| stamp_of(&path));
            (path, stamp)
        });
        *known = new.collect_map();
    }
}

/// Looks at all files, and returns whether any has changed.
fn update_stamps(paths: &Mutex<BTreeMap<PathBuf, FileStamp>>) -> bool {
    let mut has_changed = false;
    for (path, known) in paths.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
        let now = stamp_of(path);
        has_changed |= now != *known;
        *known = now;
    }
    has_changed
}

fn stamp_of(path: &PathBuf) -> FileStamp {
    let file = fs::metadata(path).ok()?;
    Some((file.mtime(), file.mtime_nsec(), file.size(), file.ino()))
}
