//! Machine-local cache of a tree, which saves a run from repeating work.
//!
//! It is outside of every work tree, in the cache directory of the user, so that no committed file is trusted. To
//! lose it, or to find it damaged, costs time only. It holds
//!
//! * the inputs and the outcome of each target: where neither changed, it is not rendered again;
//! * the stat data of files when they were read. This is the method of Git's index: a file is unchanged if its size,
//!   its inode and both its times are the same, since each change of its content sets the time of change, which no
//!   program can set to another. Only within the tick of a clock would a change not be seen, so a file that was
//!   changed a moment ago is not noted;
//! * digests of Secrets in plaintext that were written, or were about to be when a run was stopped: they distinguish
//!   an edited one from one that may be removed. They are keyed, and the key never leaves the machine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::digest_bytes;
use super::inventory::OwnedFile;
use super::name::{FileName, TargetName};
use super::{TreeEntry, TreeRoot, lock, read_entry};
use crate::secret::{Secret, Wiping};

/// File systems and kernels have a clock resolution of two seconds at most (FAT).
const SETTLED: Duration = Duration::from_secs(2);

/// The length of the key of digests, in bytes.
const KEY: usize = 32;

/// Location of the cache, and the current time.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// The directory. It is not used if others than the user can write to it, or if it is in a work tree.
    pub dir: PathBuf,
    /// The time.
    pub now: SystemTime,
}

impl CacheOptions {
    /// The directory that the environment names: `SEPTUM_CACHE_DIR`, else `septum` in the cache directory of the
    /// user.
    pub fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let usual = || {
            let home = || absolute("HOME");
            let cache = if cfg!(windows) {
                absolute("LOCALAPPDATA")
            } else if cfg!(target_os = "macos") {
                absolute("XDG_CACHE_HOME").or_else(|| Some(home()?.join("Library/Caches")))
            } else {
                absolute("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))
            };
            Some(cache?.join("septum"))
        };
        absolute("SEPTUM_CACHE_DIR").or_else(usual)
    }
}

/// Stat data of a file, by which a change is noticed without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileStamp {
    size: u64,
    inode: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// Nanoseconds since 1970 of the last change of content, name or permissions.
    changed: i64,
}

/// A target as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MadeTarget<Inputs = Vec<usize>> {
    /// Digest of everything it was made of besides its inputs.
    pub(super) state: String,
    /// Its inputs with their digests; in a file by their numbers in a table that all targets share.
    pub(super) inputs: Inputs,
    /// Its files.
    pub(super) files: BTreeMap<FileName, MadeFile>,
    /// Stat data of its directory when it held no other files.
    pub(super) directory: Option<FileStamp>,
}

/// A file as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MadeFile {
    /// Its record in an inventory.
    #[serde(with = "owned_pair")]
    pub(super) owned: OwnedFile,
    /// Digest of its bytes, keyed if it is a Secret in plaintext.
    pub(super) digest: String,
}

/// A record in the form of the cache: a field that an inventory may omit cannot be omitted here.
mod owned_pair {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::OwnedFile;

    pub(super) fn serialize<S: Serializer>(owned: &OwnedFile, serializer: S) -> Result<S::Ok, S::Error> {
        (&owned.digest, &owned.inputs).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OwnedFile, D::Error> {
        let (digest, inputs) = <_>::deserialize(deserializer)?;
        Ok(OwnedFile { digest, inputs })
    }
}

/// Digests of the Secrets in plaintext that a target may have.
pub(super) type SecretDigests = BTreeMap<FileName, BTreeSet<String>>;

/// The layout of a file of the cache. It changes with every type that is written to one.
const LAYOUT: u32 = 3;

/// Header of a file of the cache.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct CacheHeader {
    layout: u32,
    /// Program that made it, with the digest of the key. Another program may generate different output from the same
    /// sources.
    program: String,
}

/// Content of the cache, as it is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct CacheContent {
    secrets: BTreeMap<TargetName, SecretDigests>,
    // by their text: paths are compared part by part, which takes longer than reading the stat data of a file
    stamps: HashMap<String, (FileStamp, String)>,
    inputs: Vec<(String, String)>,
    targets: BTreeMap<TargetName, MadeTarget>,
}

/// Additions of a run to the cache.
#[derive(Debug, Default)]
pub(super) struct CacheUpdate {
    /// Outcomes of targets; none for a target that has to be rendered again.
    pub(super) targets: BTreeMap<TargetName, Option<MadeTarget<BTreeMap<String, String>>>>,
    /// Stat data of directories that contain no other files.
    pub(super) directories: BTreeMap<TargetName, FileStamp>,
    /// The Secrets in plaintext of targets.
    pub(super) secrets: BTreeMap<TargetName, SecretDigests>,
}

/// Machine-local cache of a tree.
#[derive(Debug)]
pub struct TreeCache {
    file: Option<CacheFile>,
    memory: CacheContent,
    read: Mutex<HashMap<String, (FileStamp, String)>>,
    /// Changes later than this time are not settled.
    settled: i64,
    program: String,
}

/// File of the cache.
#[derive(Debug)]
struct CacheFile {
    path: PathBuf,
    key: Secret<[u8; KEY]>,
    /// Stat data of the file when it was read.
    stamp: Option<FileStamp>,
}

impl TreeCache {
    /// An empty cache, for a run that must check everything.
    pub fn none() -> Self {
        let (memory, program) = (CacheContent::default(), String::new());
        Self { file: None, memory, read: Mutex::default(), settled: 0, program }
    }

    /// Opens the cache of a tree of a project.
    pub(super) fn open(options: &CacheOptions, root: &TreeRoot, project: &Path) -> Self {
        let none = Self::none();
        let Some(directory) = usable_directory(&options.dir, &[&root.dir, project]) else { return none };
        let Some(key) = machine_key(&directory) else { return none };
        let name = format!("{}.cache", digest_bytes(super::place::real_path(&root.dir).as_os_str().as_encoded_bytes()));
        let path = directory.join(name);
        let file = CacheFile { stamp: FileStamp::of(&path), path, key };
        let settled = options.now.checked_sub(SETTLED).map(to_nanoseconds).unwrap_or_default();
        let program = format!("{} {}", program_version(), digest_bytes(file.key.expose()));
        let memory = file.read(&program);
        Self { file: Some(file), memory, settled, program, ..none }
    }

    /// Whether the cache is used for the next run.
    pub fn is_used(&self) -> bool {
        self.file.is_some()
    }

    /// Keyed digest of bytes, which reveals nothing without the key.
    pub fn digest(&self, bytes: &[u8]) -> String {
        let key = self.file.as_ref().map(|file| file.key.expose().as_slice()).unwrap_or_default();
        digest_bytes(&[key, Sha256::digest(bytes).as_slice()].concat())
    }

    /// Digest of a file, which is read if necessary.
    pub fn digest_of<B: AsRef<[u8]>>(&self, path: &Path, read: impl FnOnce() -> Option<B>) -> Option<String> {
        self.remembered_digest(path, || read().map(|bytes| self.digest(bytes.as_ref())))
    }

    /// A digest of a file, which is recomputed if the stat data of the file changed.
    pub(super) fn remembered_digest(&self, path: &Path, make: impl FnOnce() -> Option<String>) -> Option<String> {
        let Some(text) = path.to_str().filter(|_| self.is_used()) else { return make() };
        if let Some((_, digest)) = self.memory.stamps.get(text).filter(|(stamp, _)| FileStamp::of(path) == Some(*stamp))
        {
            return Some(digest.clone());
        }
        let digest = make()?;
        // stat data that is taken after reading, and that did not change since before this run, belongs to the bytes
        // that were read
        if let Some(stamp) = FileStamp::of(path).filter(|stamp| self.is_settled(stamp)) {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.insert(text.to_owned(), (stamp, digest.clone()));
        }
        Some(digest)
    }

    pub(super) fn is_settled(&self, stamp: &FileStamp) -> bool {
        self.is_used() && stamp.modified < self.settled && stamp.changed < self.settled
    }

    /// The targets that were made here.
    pub(super) fn targets(&self) -> &BTreeMap<TargetName, MadeTarget> {
        &self.memory.targets
    }

    /// The inputs that a target was made of, with their digests.
    pub(super) fn inputs<'a>(&'a self, made: &'a MadeTarget) -> impl Iterator<Item = (&'a str, &'a str)> {
        let input = |index: &usize| self.memory.inputs.get(*index);
        made.inputs.iter().filter_map(input).map(|(name, digest)| (name.as_str(), digest.as_str()))
    }

    /// The digests of the Secrets in plaintext that a target may have.
    pub(super) fn secrets(&self, target: &TargetName) -> Option<&SecretDigests> {
        self.memory.secrets.get(target)
    }

    /// Whether this machine wrote, or was about to write, these bytes to a file.
    pub(super) fn has_written(&self, target: &TargetName, file: &FileName, bytes: &[u8]) -> bool {
        let has_digest = |digests: &BTreeSet<String>| digests.contains(&self.digest(bytes));
        let made = || self.memory.targets.get(target)?.files.get(file)?.owned.digest.clone();
        self.is_used()
            && (self.secrets(target).and_then(|secrets| secrets.get(file)).is_some_and(has_digest)
                || made() == Some(digest_bytes(bytes)))
    }

    /// Saves the additions of a run. Runs at the same time save theirs too: each changes only its own targets.
    pub(super) fn save(&self, update: CacheUpdate) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let changes_secrets = update
            .secrets
            .iter()
            .any(|(target, new)| self.secrets(target).map_or(!new.is_empty(), |known| known != new));
        if read.is_empty() && update.targets.is_empty() && update.directories.is_empty() && !changes_secrets {
            return Ok(());
        }
        let _lock = lock::exclusive(&file.path.with_extension("lock"))?;
        let is_same = FileStamp::of(&file.path) == file.stamp;
        let mut memory = if is_same { self.memory.clone() } else { file.read(&self.program) };
        memory.add(update);
        memory.stamps.extend(read.iter().map(|(path, stamp)| (path.clone(), stamp.clone())));
        memory.stamps.retain(|path, _| read.contains_key(path) || Path::new(path).exists());
        file.write(&self.program, &memory)
    }
}

impl CacheContent {
    fn add(&mut self, CacheUpdate { targets, directories, secrets }: CacheUpdate) {
        let table = std::mem::take(&mut self.inputs);
        let mut numbers: HashMap<(String, String), usize> = HashMap::new();
        let mut number = |input: (String, String), inputs: &mut Vec<(String, String)>| {
            *numbers.entry(input.clone()).or_insert_with(|| {
                inputs.push(input);
                inputs.len() - 1
            })
        };
        // numbered anew: inputs that no target uses are dropped
        let mut kept = std::mem::take(&mut self.targets);
        kept.retain(|target, _| !targets.contains_key(target));
        for made in kept.values_mut() {
            let old = std::mem::take(&mut made.inputs);
            let old = old.into_iter().filter_map(|index| table.get(index).cloned());
            made.inputs = old.map(|input| number(input, &mut self.inputs)).collect();
        }
        for (target, made) in targets {
            let Some(MadeTarget { state, inputs, files, directory }) = made else { continue };
            let inputs = inputs.into_iter().map(|input| number(input, &mut self.inputs)).collect();
            kept.insert(target, MadeTarget { state, inputs, files, directory });
        }
        for (target, stamp) in directories {
            if let Some(made) = kept.get_mut(&target) {
                made.directory = Some(stamp);
            }
        }
        self.targets = kept;
        for (target, digests) in secrets {
            if digests.is_empty() {
                self.secrets.remove(&target);
            } else {
                self.secrets.insert(target, digests);
            }
        }
    }
}

impl CacheFile {
    /// Reads the content; empty if it cannot be read. The content of another program is not trusted, except for the
    /// record of written Secrets.
    fn read(&self, program: &str) -> CacheContent {
        let decode = |bytes: &[u8]| {
            let (header, rest) = postcard::take_from_bytes::<CacheHeader>(bytes).ok()?;
            let memory: CacheContent = (header.layout == LAYOUT).then(|| postcard::from_bytes(rest).ok())??;
            let is_ours = header.program == program;
            Some(if is_ours { memory } else { CacheContent { secrets: memory.secrets, ..CacheContent::default() } })
        };
        read_own(&self.path).and_then(|bytes| decode(&bytes)).unwrap_or_default()
    }

    fn write(&self, program: &str, memory: &CacheContent) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        // its owner's alone, as `tempfile` makes them
        let mut file = tempfile::NamedTempFile::with_prefix_in(".septum-", directory)?;
        let header = CacheHeader { layout: LAYOUT, program: program.to_owned() };
        let bytes = postcard::to_stdvec(&header).and_then(|header| postcard::to_extend(memory, header));
        file.write_all(&bytes.map_err(io::Error::other)?)?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// The cache directory, created if it does not exist; none if it cannot be trusted: it is in a work tree, or others
/// than the user can write to it.
fn usable_directory(dir: &Path, roots: &[&Path]) -> Option<PathBuf> {
    let outside = |dir: &Path| {
        let in_work_tree = |root: &Path| {
            // a repository may be inside the work tree of another one
            let work_trees = root.ancestors().filter(|directory| directory.join(".git").exists());
            work_trees.chain([root]).any(|root| dir.starts_with(root))
        };
        !roots.iter().any(|root| in_work_tree(root) || in_work_tree(&super::place::real_path(root)))
    };
    if !outside(dir) || !outside(&super::place::real_path(dir)) {
        return None;
    }
    make(dir).ok()?;
    let dir = dir.canonicalize().ok()?;
    let is_own = fs::symlink_metadata(&dir).is_ok_and(|found| found.is_dir() && is_own(&found));
    (outside(&dir) && is_own).then_some(dir)
}

/// A file of the cache; none if others than the user can write to it, or could do so while they had access to the
/// directory.
fn read_own(path: &Path) -> Option<Wiping<Vec<u8>>> {
    let is_own = fs::symlink_metadata(path).is_ok_and(|found| is_own(&found));
    match read_entry(path).ok().filter(|_| is_own)? {
        TreeEntry::File(bytes) => Some(bytes),
        _ => None,
    }
}

#[cfg(unix)]
fn make(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Whether only the user owns and can write to a file or directory.
#[cfg(unix)]
fn is_own(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_own(_: &fs::Metadata) -> bool {
    true
}

/// The key of this machine, created if it does not exist.
fn machine_key(directory: &Path) -> Option<Secret<[u8; KEY]>> {
    let path = directory.join("key");
    let known = || <[u8; KEY]>::try_from(read_own(&path)?.as_slice()).ok().map(Secret::new);
    if let Some(key) = known() {
        return Some(key);
    }
    let mut bytes = [0; KEY];
    getrandom::getrandom(&mut bytes).ok()?;
    let mut file = tempfile::NamedTempFile::with_prefix_in(".septum-", directory).ok()?;
    file.write_all(&bytes).ok()?;
    let _lock = lock::exclusive(&directory.join("key.lock")).ok()?;
    // another run may have made one meanwhile
    if let Some(key) = known() {
        return Some(key);
    }
    file.persist(&path).ok()?;
    known()
}

/// The running program: its version, and its stat data.
fn program_version() -> String {
    let stamp = std::env::current_exe().ok().and_then(|path| FileStamp::of(&path));
    let (size, modified) = stamp.map(|stamp| (stamp.size, stamp.modified)).unwrap_or_default();
    format!("septum {} {size} {modified}", env!("CARGO_PKG_VERSION"))
}

fn to_nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map(|since| since.as_nanos()).unwrap_or_default();
    i64::try_from(since).unwrap_or(i64::MAX)
}

impl FileStamp {
    /// Stat data of a file or a directory; none for anything else, such as a link.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::symlink_metadata(path).ok().filter(|found| found.is_file() || found.is_dir())?;
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Some(Self {
            size: metadata.size(),
            inode: metadata.ino(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Other systems report too little.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> Option<Self> {
        None
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct CacheSite {
        directory: tempfile::TempDir,
    }

    impl CacheSite {
        fn new() -> Self {
            let site = Self { directory: tempfile::tempdir().unwrap() };
            fs::create_dir(site.at("project")).unwrap();
            site
        }

        fn at(&self, path: &str) -> PathBuf {
            self.directory.path().join(path)
        }

        fn root(&self) -> TreeRoot {
            TreeRoot { dir: self.at("project/rendered"), shown: "rendered".to_owned() }
        }

        fn open(&self, dir: &str, hours: u64) -> TreeCache {
            let now = crate::test_hook::current_time() + Duration::from_secs(3600 * hours);
            TreeCache::open(&CacheOptions { dir: self.at(dir), now }, &self.root(), &self.at("project"))
        }

        fn file(&self) -> PathBuf {
            self.at("project/a file")
        }

        /// Changes the file with a time of modification long ago, as a program can set it.
        fn write(&self, text: &str) {
            fs::write(self.file(), text).unwrap();
            File::options().append(true).open(self.file()).unwrap().set_modified(UNIX_EPOCH).unwrap();
        }

        /// A run. Returns whether the digest is right, and whether the file was read. Its clock is ahead if
        /// everything is to be settled.
        fn run(&self, hours: u64) -> (bool, bool) {
            let cache = self.open("cache", hours);
            let mut was_read = false;
            let found = cache.digest_of(&self.file(), || {
                was_read = true;
                fs::read(self.file()).ok()
            });
            cache.save(CacheUpdate::default()).unwrap();
            (found == Some(cache.digest(&fs::read(self.file()).unwrap())), was_read)
        }
    }

    #[test]
    fn what_looks_as_it_did_is_not_read_again() {
        let site = CacheSite::new();
        site.write("one");
        assert_eq!(site.run(0), (true, true));
        assert_eq!(site.run(1), (true, true), "of what just changed nothing was noted");
        assert_eq!(site.run(1), (true, false));
        // of the same length, with a time of modification that was set
        site.write("two");
        assert_eq!(site.run(1), (true, true));
        fs::remove_file(site.file()).unwrap();
        site.write("six");
        assert_eq!(site.run(1), (true, true), "another file");
        assert_eq!(site.run(1), (true, false));
        // damaged, or another key: the cache is empty, and no error occurs
        let files = fs::read_dir(site.at("cache")).unwrap().map(|entry| entry.unwrap().path());
        for path in files.filter(|path| path.extension().is_none_or(|ending| ending != "lock")).collect::<Vec<_>>() {
            fs::write(&path, "damaged").unwrap();
            assert_eq!(site.run(1), (true, true), "{}", path.display());
            assert_eq!(site.run(1), (true, false), "{}", path.display());
        }
    }

    #[test]
    fn a_link_is_read_each_time() {
        let site = CacheSite::new();
        fs::write(site.at("project/there"), "one").unwrap();
        std::os::unix::fs::symlink("there", site.file()).unwrap();
        for _ in 0..2 {
            assert_eq!(site.run(1), (true, true));
        }
    }

    #[test]
    fn nothing_in_a_work_tree_or_that_others_may_write_is_believed() {
        let site = CacheSite::new();
        fs::create_dir(site.at(".git")).unwrap();
        assert!(!site.open("cache", 0).is_used(), "in the work tree of the project");
        fs::create_dir(site.at("project/.git")).unwrap();
        assert!(!site.open("cache", 0).is_used(), "in the work tree around the one of the project");
        for git in [".git", "project/.git"] {
            fs::remove_dir(site.at(git)).unwrap();
        }
        for dir in ["project/cache", "project/rendered/.septum"] {
            assert!(!site.open(dir, 0).is_used() && !site.at(dir).exists(), "{dir}");
        }
        fs::create_dir(site.at("project/inside")).unwrap();
        std::os::unix::fs::symlink("project/inside", site.at("link")).unwrap();
        assert!(!site.open("link", 0).is_used(), "through a link");
        assert!(site.open("cache", 0).is_used());
        let mode = |path: &str| fs::metadata(site.at(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("cache"), mode("cache/key")), (0o700, 0o600));
        fs::set_permissions(site.at("cache"), fs::Permissions::from_mode(0o770)).unwrap();
        assert!(!site.open("cache", 0).is_used(), "others may write to it");
        fs::write(site.at("file"), "").unwrap();
        assert!(!site.open("file", 0).is_used(), "not a directory");
    }

    #[test]
    fn a_file_that_others_may_write_is_not_believed() {
        let site = CacheSite::new();
        site.write("one");
        site.run(1);
        assert_eq!(site.run(1), (true, false));
        let files = fs::read_dir(site.at("cache")).unwrap().map(|entry| entry.unwrap().path());
        for path in files.filter(|path| path.extension().is_none_or(|ending| ending != "lock")).collect::<Vec<_>>() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            assert_eq!(site.run(1), (true, true), "{}", path.display());
            assert_eq!(site.run(1), (true, false), "{}", path.display());
        }
    }

    #[test]
    fn the_directory_is_the_one_of_the_user() {
        let directory = |variables: &[(&str, &str)]| {
            let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
            CacheOptions::directory(|name| find(name).map(|(_, value)| OsString::from(value)))
        };
        let home = if cfg!(target_os = "macos") { "/home/me/Library/Caches/septum" } else { "/home/me/.cache/septum" };
        for (variables, expected) in [
            (&[][..], None),
            (&[("HOME", "/home/me")], Some(home)),
            (&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/c")], Some("/c/septum")),
            (&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "relative")], Some(home)),
            (&[("HOME", "/home/me"), ("SEPTUM_CACHE_DIR", "/mine")], Some("/mine")),
        ] {
            assert_eq!(directory(variables), expected.map(PathBuf::from), "{variables:?}");
        }
    }
}
