//! A project in a directory of its own, and the program run on it as users run it.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use serde_json::Value as Json;

use super::messages::{note_command, record};

/// The published key that decrypts the demo, the examples and [`ENCRYPTED`].
pub(crate) fn demo_key() -> String {
    repository().join("examples/demo-age-key.txt").display().to_string()
}

/// `prod.secrets.yaml` of the demo: `DATABASE_PASSWORD` and `STRIPE_WEBHOOK_SECRET` under `data`.
pub(crate) const ENCRYPTED: &str = include_str!("../../environments/prod.secrets.yaml");

/// The same of the monorepo: `broker.password` under `vars`.
pub(crate) const ENCRYPTED_VARS: &str = include_str!("../../examples/monorepo/environments/prod.secrets.yaml");

/// The demo and the examples that render objects of Kubernetes alone, in plaintext: the name of the case, the
/// directory, and its environments.
pub(crate) const PROJECTS: &[(&str, &str, &[&str])] = &[
    ("demo", ".", &["dev", "prod", "staging"]),
    ("mastodon", "examples/mastodon", &["dev", "prod", "staging"]),
    ("minimal", "examples/minimal", &["dev", "prod"]),
    ("monorepo", "examples/monorepo", &["dev", "prod"]),
    ("typed-secrets", "examples/typed-secrets", &["dev", "prod"]),
];

/// The examples whose tree is committed, in `rendered`, with secrets in some other form: the directory, and its
/// environments.
pub(crate) const TREES: &[(&str, &[&str])] = &[
    ("examples/csi", &["aws", "azure", "gcp", "vault"]),
    ("examples/external-secrets", &["dev", "dr", "prod", "qa", "staging"]),
    ("examples/fleet-job", &["dev", "prod"]),
    ("examples/gitops-flux", &["prod", "staging"]),
    ("examples/sealed-secrets", &["dev", "prod"]),
];

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files in a temporary directory. The name of the directory, and so of the app, is `app`.
pub(crate) struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let project = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(project.root()).unwrap();
        files.into_iter().fold(project, |project, (path, text)| project.file(path, text))
    }

    /// A base and one environment, `dev`.
    pub(crate) fn of(base: &str, dev: &str) -> Self {
        Self::new([("base.yaml", base), ("dev.yaml", dev)])
    }

    pub(crate) fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("app")
    }

    /// Runs the program in the project, without any key.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(&self.root(), arguments, &[])
    }

    /// Runs the program in the project with the demo key.
    pub(crate) fn run_with_key(&self, arguments: &[&str]) -> Run {
        run(&self.root(), arguments, &[("SOPS_AGE_KEY_FILE", &demo_key())])
    }

    /// The objects of `dev`.
    pub(crate) fn dev(&self) -> Objects {
        self.run(&["render", "dev"]).objects()
    }
}

/// The program with an environment that holds nothing of the user's, and its home where the
/// directory's parent is.
pub(crate) fn septum(directory: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
    command.current_dir(directory).env_clear().env("HOME", directory.parent().unwrap()).env("NO_COLOR", "1");
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

pub(crate) fn run(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = septum(directory, environment);
    note_command(command.args(arguments));
    let output = command.output().unwrap();
    Run {
        command: format!("septum {}", arguments.join(" ")),
        code: output.status.code().expect("the program ends by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a run gave.
pub(crate) struct Run {
    command: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What is said where Secrets on standard output are encrypted.
const CIPHERTEXT_ON_STDOUT: &str = "warning: the Secrets on standard output are encrypted";

impl Run {
    /// The result of a run that must succeed without a word, but that its ciphertext is none for `kubectl apply`.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        let is_warned = self.stdout.contains("ENC[AES256_GCM,") && self.stderr.starts_with(CIPHERTEXT_ON_STDOUT);
        let stderr = if is_warned { self.stderr.split_once("\n\n").map_or("", |(_, rest)| rest) } else { &self.stderr };
        assert_eq!((self.code, stderr), (0, ""), "`{}`", self.command);
        self.stdout
    }

    /// Records its message.
    #[track_caller]
    pub(crate) fn record(&self) {
        record(&self.stderr);
    }

    /// The message, which is recorded, of a run that must find its input wrong, and write nothing.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "`{}`: {}", self.command, self.stderr);
        self.record();
        self.stderr
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

/// Rendered objects, read back.
#[derive(Debug, PartialEq)]
pub(crate) struct Objects(pub(crate) Vec<Json>);

impl Objects {
    pub(crate) fn read(text: &str) -> Self {
        let documents = serde_yaml::Deserializer::from_str(text);
        Self(documents.map(|document| Json::deserialize(document).unwrap()).collect())
    }

    /// The values of the object `KIND/NAME`, decoded; empty if there is none.
    pub(crate) fn bytes(&self, object: &str) -> BTreeMap<String, Vec<u8>> {
        let named = |json: &&Json| object == format!("{}/{}", text(&json["kind"]), text(&json["metadata"]["name"]));
        let Some(json) = self.0.iter().find(named) else { return BTreeMap::new() };
        let is_secret = json["kind"] == "Secret";
        let decode = |value: &Json| STANDARD.decode(text(value)).unwrap();
        let plain = |value: &Json| if is_secret { decode(value) } else { text(value).as_bytes().to_vec() };
        let part = |field: &str| json[field].as_object().cloned().unwrap_or_default();
        let texts = part("data").into_iter().map(|(key, value)| (key, plain(&value)));
        texts.chain(part("binaryData").into_iter().map(|(key, value)| (key, decode(&value)))).collect()
    }

    /// The same as texts.
    pub(crate) fn texts(&self, object: &str) -> BTreeMap<String, String> {
        self.bytes(object).into_iter().map(|(key, value)| (key, String::from_utf8(value).unwrap())).collect()
    }

    /// A value of the app's own bundle, from whichever side of the wall.
    #[track_caller]
    pub(crate) fn value(&self, key: &str) -> String {
        let mut both = self.texts("ConfigMap/app");
        both.extend(self.texts("Secret/app"));
        both.remove(key).unwrap_or_else(|| panic!("`{key}` is not among {:?}", both.keys()))
    }
}

#[track_caller]
pub(crate) fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text"))
}

/// A mapping of texts, for comparison.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
