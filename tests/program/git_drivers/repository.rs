//! A repository in a directory of its own, and encrypted files to put there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use septum::sops::{
    DecryptedFile, EncryptionPlan, Identities, IdentitySources, Recipient, Recipients, Selector, SopsFormat, Timestamp,
    ValuePath, ValuePathStep, encrypt_file,
};

use crate::support::messages::{note_command, record};

/// The published key.
pub(crate) const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-age-key.txt");

/// Its recipient.
pub(crate) const ALICE: &str = "age1alice";

/// Somebody whose identity is nowhere.
pub(crate) const BOB: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";

/// A repository that uses the program for `*.secrets.*`, on the branch `main`.
pub(crate) struct Repository {
    directory: tempfile::TempDir,
    key: bool,
}

/// What a program gave.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Records its message.
    #[track_caller]
    pub(crate) fn record(&self) {
        record(&self.stderr);
    }
}

impl Repository {
    pub(crate) fn new() -> Self {
        let repository = Self { directory: tempfile::tempdir().unwrap(), key: true };
        fs::create_dir(repository.root()).unwrap();
        repository.ok(&["init", "-q", "-b", "main"]);
        for (name, value) in [
            ("user.name", "A"),
            ("user.email", "a@example.org"),
            ("diff.septum.textconv", "septum git-textconv"),
            ("merge.septum.name", "encrypted files"),
            ("merge.septum.driver", "septum git-merge %O %A %B %P"),
        ] {
            repository.ok(&["config", name, value]);
        }
        repository.write(".gitattributes", b"*.secrets.* diff=septum merge=septum\n");
        repository.commit();
        repository
    }

    /// The same without any key.
    pub(crate) fn without_key(mut self) -> Self {
        self.key = false;
        self
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("repository")
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.root().join(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.root().join(name)).unwrap()
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Run {
        let own = Path::new(env!("CARGO_BIN_EXE_septum")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.root()).env_clear().stdin(Stdio::null());
        command.env("PATH", format!("{}:{path}", own.display())).env("HOME", self.directory.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_EDITOR", "true").env("NO_COLOR", "1");
        if self.key {
            command.env("SOPS_AGE_KEY_FILE", KEY_FILE);
        }
        note_command(&command);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run {
            code: output.status.code().expect("it ends by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs git, which must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run("git", arguments);
        assert_eq!(run.code, 0, "git {arguments:?}: {}{}", run.stdout, run.stderr);
        run.stdout
    }

    pub(crate) fn commit(&self) {
        self.ok(&["add", "-A"]);
        self.ok(&["commit", "-q", "-m", "x"]);
    }
}

pub(crate) fn identities() -> Identities {
    Identities::new(IdentitySources { age_key_file: Some(KEY_FILE.into()), ..IdentitySources::default() })
}

/// `ALICE` stands for the recipient of the published key.
pub(crate) fn recipient(name: &str) -> String {
    let keys = fs::read_to_string(KEY_FILE).unwrap();
    let alice = keys.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    if name == ALICE { alice.to_owned() } else { name.to_owned() }
}

pub(crate) fn encrypted(plaintext: &str, format: SopsFormat) -> Vec<u8> {
    encrypted_for(&[ALICE], Selector::default(), plaintext.as_bytes(), format)
}

pub(crate) fn encrypted_for(recipients: &[&str], selector: Selector, plaintext: &[u8], format: SopsFormat) -> Vec<u8> {
    let recipients = recipients.iter().map(|name| Recipient::parse(&recipient(name)).expect("valid")).collect();
    let recipients = Recipients::from_age(recipients);
    let plan = EncryptionPlan { selector, ..EncryptionPlan::new(recipients) };
    let bytes = encrypt_file("file", plaintext.to_vec(), format, &plan, now());
    bytes.unwrap_or_else(|error| panic!("{:?}", error.into_diagnostics())).bytes
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_system_time(SystemTime::now())
}

/// Opens a file, which must be sound.
#[track_caller]
pub(crate) fn open(bytes: &[u8], format: SopsFormat) -> DecryptedFile {
    let opened = DecryptedFile::decrypt_bytes("file", bytes.to_vec(), format, &identities());
    opened.unwrap_or_else(|error| {
        panic!("{:?}\n{}", error.into_diagnostics(), String::from_utf8_lossy(bytes));
    })
}

#[track_caller]
pub(crate) fn plaintext(bytes: &[u8], format: SopsFormat) -> String {
    String::from_utf8(open(bytes, format).plaintext().unwrap().to_vec()).unwrap()
}

/// The file after somebody edited its plaintext.
#[track_caller]
pub(crate) fn edited(bytes: &[u8], format: SopsFormat, edits: &[(&str, &str)]) -> Vec<u8> {
    changed(bytes, format, |sealed| {
        let mut text = String::from_utf8(sealed.plaintext().unwrap().to_vec()).unwrap();
        for (from, to) in edits {
            assert!(text.contains(from), "{from:?} in {text}");
            text = text.replacen(from, to, 1);
        }
        sealed.replace_plaintext(text.as_bytes()).unwrap();
    })
}

#[track_caller]
pub(crate) fn changed(bytes: &[u8], format: SopsFormat, change: impl FnOnce(&mut DecryptedFile)) -> Vec<u8> {
    let mut sealed = open(bytes, format);
    change(&mut sealed);
    sealed.write_bytes(now()).unwrap_or_else(|error| panic!("{:?}", error.into_diagnostics()))
}

/// `a/b/0`
pub(crate) fn path(steps: &str) -> ValuePath {
    let step = |step: &str| step.parse().map_or_else(|_| ValuePathStep::Key(step.to_owned()), ValuePathStep::Index);
    steps.split('/').map(step).collect()
}
