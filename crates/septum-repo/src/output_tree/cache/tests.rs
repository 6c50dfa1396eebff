//! Evidence that a cache accepts, on real files.

use std::fs::{self, File};
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
