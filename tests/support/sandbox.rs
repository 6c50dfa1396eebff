//! A temporary directory with the files of a test, and the program run in it as users run it.

#![allow(dead_code, clippy::expect_used, clippy::unwrap_used, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::messages::{note_command, record};
use super::objects::Objects;
use super::peers::{peer, skip_optional};

/// The published test key, which decrypts the demo and the examples.
pub(crate) const DEMO_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-age-key.txt");

/// A value that no message may show, in any test.
pub(crate) const CANARY: &str = "hunter2-canary";

/// Files in a temporary directory, and the variables of runs in it.
pub(crate) struct Sandbox {
    directory: TempDir,
    root: PathBuf,
    /// Variables of the runs; all others are unset.
    variables: Vec<(String, OsString)>,
    /// Recipient of Alice, whose identity the runs use; empty without identities.
    pub(crate) alice: String,
    /// Recipient of Bob.
    pub(crate) bob: String,
    /// Whether a run must not change a file; directories in its output are then shortened to `PROJECT`, `HOME`,
    /// `OUTSIDE` and `TESTS`.
    is_read_only: bool,
}

impl Sandbox {
    /// Files in a directory `app`, which names the app. The runs have no key, and nothing on their path.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let (root, home) = (directory.path().join("app"), directory.path().to_path_buf());
        fs::create_dir(&root).expect("a directory");
        files.into_iter().fold(Self::at(directory, root, home), |sandbox, (path, text)| sandbox.file(path, text))
    }

    /// A base and one environment, `dev`.
    pub(crate) fn of(base: &str, dev: &str) -> Self {
        Self::new([("base.yaml", base), ("dev.yaml", dev)])
    }

    /// A directory `project` beside an empty home and a directory for what is outside. A run panics if it changed a
    /// file.
    pub(crate) fn read_only() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        for name in ["project", "home", "outside"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let (root, home) = (directory.path().join("project"), directory.path().join("home"));
        Self { is_read_only: true, ..Self::at(directory, root, home) }.with_path()
    }

    /// A read-only copy of the demo in `environments/`, with its key.
    pub(crate) fn demo() -> Self {
        let environments = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("environments"));
        let sandbox = Self::read_only().env("SOPS_AGE_KEY_FILE", DEMO_KEY);
        environments.iter().fold(sandbox, |sandbox, (name, bytes)| sandbox.file(&format!("environments/{name}"), bytes))
    }

    /// Identities of Alice and Bob, of which runs use Alice's, and a rule that encrypts all values of `*.enc.*` and
    /// `*.secrets.yaml` for her.
    pub(crate) fn with_identities() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let (root, home) = (directory.path().to_path_buf(), directory.path().join("home"));
        let mut sandbox = Self::at(directory, root, home).with_path();
        sandbox = {
            let key = sandbox.path("alice.txt");
            sandbox.env("SOPS_AGE_KEY_FILE", key)
        };
        sandbox.alice = sandbox.make_identity("alice.txt");
        sandbox.bob = sandbox.make_identity("bob.txt");
        sandbox.rules(r"creation_rules: [{path_regex: '\.(enc|secrets)\.', age: ALICE}]");
        sandbox
    }

    fn at(directory: TempDir, root: PathBuf, home: PathBuf) -> Self {
        let variables = vec![("HOME".to_owned(), home.into_os_string())];
        Self { directory, root, variables, alice: String::new(), bob: String::new(), is_read_only: false }
    }

    fn with_path(self) -> Self {
        self.env("PATH", std::env::var_os("PATH").unwrap_or_default())
    }

    /// Makes an identity, and returns its recipient.
    fn make_identity(&self, file: &str) -> String {
        let made = self.run(&["keygen", "-o", file]);
        made.stderr.trim_end().rsplit(' ').next().unwrap().to_owned()
    }

    /// Its directory.
    pub(crate) fn root(&self) -> PathBuf {
        self.root.clone()
    }

    /// A directory that is no part of a read-only project.
    pub(crate) fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The sandbox with a file.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// The sandbox with more at the end of a file.
    pub(crate) fn append(self, name: &str, text: &str) -> Self {
        let before = self.read(name);
        self.file(name, before + text)
    }

    /// The sandbox with another text in the place of one that a file must contain.
    #[track_caller]
    pub(crate) fn edited(self, name: &str, from: &str, to: &str) -> Self {
        self.replace(name, from, to);
        self
    }

    /// The sandbox with a symbolic link to a file outside of the project.
    #[cfg(unix)]
    pub(crate) fn link_outside(self, name: &str, text: &str) -> Self {
        let target = self.outside().join("file");
        fs::write(&target, text).expect("a file");
        std::os::unix::fs::symlink(target, self.path(name)).expect("a link");
        self
    }

    /// The sandbox with a variable for its runs.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content).expect("a file");
    }

    /// Writes `.sops.yaml`; `ALICE` and `BOB` are replaced by their recipients.
    pub(crate) fn rules(&self, text: &str) {
        self.write(".sops.yaml", text.replace("ALICE", &self.alice).replace("BOB", &self.bob));
    }

    /// Writes an encrypted file of this content.
    #[track_caller]
    pub(crate) fn encrypted(&self, name: &str, content: impl AsRef<[u8]>) {
        self.write(name, content);
        self.run(&["encrypt", name]).succeeds();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file")
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("a text")
    }

    /// Replaces a text in a file, which must contain it.
    #[track_caller]
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let before = self.read(name);
        assert!(before.contains(from), "`{name}` contains `{from}`:\n{before}");
        self.write(name, before.replacen(from, to, 1));
    }

    /// All files, to compare them before and after a run.
    pub(crate) fn all(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.root)
    }

    /// The program with the variables of the sandbox, in its directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = septum(&self.root, &[]);
        command.args(arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        note_command(&command);
        command
    }

    /// Runs the program.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_in("", arguments)
    }

    /// Runs the program in a directory of the sandbox.
    #[track_caller]
    pub(crate) fn run_in(&self, directory: &str, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.current_dir(if directory.is_empty() { self.root() } else { self.path(directory) });
        if !self.is_read_only {
            return Run::of(&mut command);
        }
        let before = files(self.directory.path());
        let run = Run::of(&mut command);
        let after = files(self.directory.path());
        assert!(before == after, "`{}` changed files: {:?}", run.command, difference(&before, &after));
        Run { stdout: self.shorten(&run.stdout), stderr: self.shorten(&run.stderr), ..run }
    }

    /// Runs the program with something on its standard input.
    pub(crate) fn give(&self, input: impl AsRef<[u8]>, arguments: &[&str]) -> Run {
        give(self.command(arguments), input.as_ref()).into()
    }

    /// Runs a shell script as the root of a namespace with mounts of its own, where `$SEPTUM` is the program, if the
    /// system allows that: the script ends with 99 where it cannot mount.
    pub(crate) fn run_in_namespace(&self, script: &str) -> Option<Run> {
        let program = self.command(&[]);
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).current_dir(&self.root).env_clear();
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let run: Run = command.env("SEPTUM", program.get_program()).output().expect("unshare starts").into();
        if run.code == 99 || run.stderr.contains("unshare:") {
            skip_optional("a namespace", &format!("with mounts of its own is not allowed here: {}", run.stderr));
            return None;
        }
        Some(run)
    }

    /// Runs the program with the demo key.
    pub(crate) fn run_with_key(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).env("SOPS_AGE_KEY_FILE", DEMO_KEY))
    }

    /// Runs the program without any identity.
    pub(crate) fn run_without_key(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).env_remove("SOPS_AGE_KEY_FILE"))
    }

    /// Runs the program as Bob.
    pub(crate) fn run_as_bob(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).env("SOPS_AGE_KEY_FILE", self.path("bob.txt")))
    }

    /// The objects of `dev`.
    #[track_caller]
    pub(crate) fn dev(&self) -> Objects {
        self.run(&["render", "dev"]).objects()
    }

    /// The real sops with somebody's identity (`alice.txt`, `bob.txt`), if it is installed.
    pub(crate) fn sops(&self, keys: &str, arguments: &[&str]) -> Option<Run> {
        let mut command = Command::new(peer("sops")?);
        command.args(arguments).current_dir(&self.root).env_clear().env("HOME", self.path("home"));
        command.env("SOPS_AGE_KEY_FILE", self.path(keys)).stdin(Stdio::null());
        Some(command.output().expect("sops starts").into())
    }

    fn shorten(&self, text: &str) -> String {
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

/// The program in a directory, with an environment that contains nothing of the user's, and its home above the
/// directory.
pub(crate) fn septum(directory: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
    command.current_dir(directory).env_clear().env("HOME", directory.parent().unwrap()).env("NO_COLOR", "1");
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs the program in a directory, with these variables.
#[track_caller]
pub(crate) fn run(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = septum(directory, environment);
    note_command(command.args(arguments));
    Run::of(&mut command)
}

/// Whether SIGHUP is ignored in the tests and in all that they run, as under `nohup`.
pub(crate) fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Runs a command with something on its standard input.
pub(crate) fn give(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // a program need not read all of it
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    command: String,
    /// The exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    /// Standard output as text.
    pub(crate) stdout: String,
    /// Standard output as it is.
    pub(crate) bytes: Vec<u8>,
    pub(crate) stderr: String,
}

/// Warning where Secrets on standard output are encrypted.
const CIPHERTEXT_ON_STDOUT: &str = "warning: the Secrets on standard output are encrypted";

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            command: String::new(),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            bytes: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }
}

impl Run {
    fn of(command: &mut Command) -> Self {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let shown = format!("septum {}", words.join(" "));
        Self { command: shown, ..command.output().expect("the program starts").into() }
    }

    /// Standard output of a run that must succeed.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        assert_eq!(self.code, 0, "`{}`: {}", self.command, self.stderr);
        String::from_utf8(self.bytes).expect("UTF-8")
    }

    /// Standard output of a run that must succeed without a message, except that its ciphertext is not for
    /// `kubectl apply`.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        let is_warned = self.stdout.contains("ENC[AES256_GCM,") && self.stderr.starts_with(CIPHERTEXT_ON_STDOUT);
        let stderr = if is_warned { self.stderr.split_once("\n\n").map_or("", |(_, rest)| rest) } else { &self.stderr };
        assert_eq!((self.code, stderr), (0, ""), "`{}`", self.command);
        self.succeeds()
    }

    /// Records its message.
    #[track_caller]
    pub(crate) fn record(&self) {
        assert!(!self.stderr.contains(CANARY), "{}", self.stderr);
        record(&self.stderr);
    }

    /// The message, which is recorded, of a run that must fail with a code and print nothing.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "`{}`: {}", self.command, self.stderr);
        self.record();
        self.stderr
    }

    /// The message, which is recorded, of a run that must find its input invalid, and write nothing.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        self.fails(2)
    }

    #[track_caller]
    pub(crate) fn objects(self) -> Objects {
        Objects::read(&self.ok())
    }

    #[track_caller]
    pub(crate) fn json(self) -> Json {
        serde_json::from_str(&self.ok()).unwrap()
    }
}

/// The files below a directory with their bytes, by path. The bytes of a link are the path of its target.
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
