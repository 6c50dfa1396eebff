//! A project in a directory of its own, and the program run on it as a user would run it.

#![allow(dead_code, clippy::expect_used, reason = "each test uses a part of it, and a failure here fails the test")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::messages::{note_command, record};

/// The published test key, which decrypts the demo and the examples.
pub(crate) const DEMO_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-age-key.txt");

/// A project that is built file by file. Beside its directory lie an empty home and what is outside.
pub(crate) struct Project {
    directory: TempDir,
    variables: Vec<(String, OsString)>,
}

/// What a run gave. Directories that differ from run to run are shortened to `PROJECT`, `HOME`,
/// `OUTSIDE` and `TESTS`.
#[derive(Debug)]
pub(crate) struct Run {
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// The exit code.
    pub(crate) code: i32,
}

impl Run {
    /// Records its message.
    #[track_caller]
    pub(crate) fn record(&self) {
        record(&self.stderr);
    }
}

impl Project {
    /// A project without files.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["project", "home", "outside"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        Self { directory, variables: Vec::new() }
    }

    /// A copy of the demo in `environments/`, with its key at hand.
    pub(crate) fn demo() -> Self {
        let mut project = Self::new().env("SOPS_AGE_KEY_FILE", DEMO_KEY);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, bytes) in files(&root.join("environments")) {
            project = project.bytes(&format!("environments/{name}"), &bytes);
        }
        project
    }

    /// Its directory.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// A directory that is no part of the project.
    pub(crate) fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    /// Writes a file.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.bytes(name, text.as_bytes())
    }

    /// Writes a file that need not be text.
    pub(crate) fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, bytes).expect("a file");
        self
    }

    /// Adds to a file.
    pub(crate) fn append(self, name: &str, text: &str) -> Self {
        let before = fs::read_to_string(self.root().join(name)).expect("a text");
        self.file(name, &(before + text))
    }

    /// Replaces a text in a file, which must be there.
    pub(crate) fn replace(self, name: &str, from: &str, to: &str) -> Self {
        let before = fs::read_to_string(self.root().join(name)).expect("a text");
        assert!(before.contains(from), "`{name}` holds `{from}`");
        self.file(name, &before.replacen(from, to, 1))
    }

    /// Makes a symbolic link to a file outside of the project.
    #[cfg(unix)]
    pub(crate) fn link_outside(self, name: &str, text: &str) -> Self {
        let target = self.outside().join("file");
        fs::write(&target, text).expect("a file");
        std::os::unix::fs::symlink(target, self.root().join(name)).expect("a link");
        self
    }

    /// Sets a variable of the runs. All others but `HOME` and `PATH` are unset.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Runs the program in the project. Panics if it changed a file.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_in("", arguments)
    }

    /// The same in a directory of the project.
    #[track_caller]
    pub(crate) fn run_in(&self, directory: &str, arguments: &[&str]) -> Run {
        let before = files(self.directory.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
        note_command(command.args(arguments));
        let output = command
            .current_dir(self.root().join(directory))
            .env_clear()
            .env("HOME", self.directory.path().join("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NO_COLOR", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let after = files(self.directory.path());
        assert!(before == after, "septum {} changed files: {:?}", arguments.join(" "), difference(&before, &after));
        Run {
            stdout: self.shortened(&output.stdout),
            stderr: self.shortened(&output.stderr),
            code: output.status.code().unwrap_or(-1),
        }
    }

    fn shortened(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).expect("the output is UTF-8");
        let text = text.replace(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"), "TESTS");
        let real = fs::canonicalize(self.directory.path()).expect("a directory");
        [real.as_path(), self.directory.path()].iter().fold(text, |text, directory| {
            let directory = directory.to_string_lossy();
            [("project", "PROJECT"), ("home", "HOME"), ("outside", "OUTSIDE")]
                .iter()
                .fold(text, |text, (name, short)| text.replace(&format!("{directory}/{name}"), short))
        })
    }
}

/// The files below a directory with their bytes, by path. Of a link it is where it leads to.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(directory, "", &mut found);
    found
}

fn collect(directory: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found);
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link");
            found.insert(name, target.to_string_lossy().into_owned().into_bytes());
        } else {
            // one that nobody may read cannot be compared
            found.insert(name, fs::read(entry.path()).unwrap_or_default());
        }
    }
}

fn difference<'a>(before: &'a BTreeMap<String, Vec<u8>>, after: &'a BTreeMap<String, Vec<u8>>) -> Vec<&'a str> {
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).map(String::as_str).collect()
}

/// Panics if two texts differ, and shows both, with the first line that differs.
#[track_caller]
pub(crate) fn assert_text(case: &str, expected: &str, actual: &str) {
    let (expected, actual) = (expected.trim_end(), actual.trim_end());
    if expected == actual {
        return;
    }
    let same = expected.lines().zip(actual.lines()).take_while(|(expected, actual)| expected == actual).count();
    panic!(
        "{case}: differs in line {}\n=== expected\n{expected}\n=== actual\n{actual}\n=== first difference\n- {}\n+ {}",
        same + 1,
        expected.lines().nth(same).unwrap_or("(nothing)"),
        actual.lines().nth(same).unwrap_or("(nothing)"),
    );
}
