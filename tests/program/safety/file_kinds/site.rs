//! A repository in which every kind of file is there, and what lies beside it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::messages::note_command;
use septum::files::FileKind;
use tempfile::TempDir;

/// What nobody may see of what is outside.
pub(crate) const CANARIES: [&str; 5] =
    ["canary-outside", "AGE-SECRET-KEY-1QQ", "canary-netrc", "ghp_canary", "canary-environ"];

/// Lines that are worth stealing, in no format that is asked for.
pub(crate) const LOOT: &str = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ\n\
    machine example.com login me password canary-netrc\nghp_canary0123456789abcdefghijklmnopqrs\n";

/// A run that takes this long hangs: no run of a sound project takes a hundredth of it.
const WATCHDOG: Duration = Duration::from_secs(120);

/// A file of a kind, and the commands that read it.
pub(crate) struct Spot {
    /// Where it is in the repository.
    pub(crate) path: &'static str,
    pub(crate) commands: &'static [&'static [&'static str]],
    pub(crate) must: Must,
    /// The file that names it, and how; none if its place is fixed.
    pub(crate) named: Option<(&'static str, &'static str)>,
    /// A content that would be taken, and would show itself.
    pub(crate) valid: &'static str,
}

/// What becomes of a file that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Must {
    /// An error names it.
    Refuse,
    /// It is left out: nothing names it, and it is looked for among all files.
    Skip,
}

/// Commands that read everything that a project names.
const ALL: &[&[&str]] =
    &[&["check"], &["check", "--keyless"], &["render", "dev"], &["render", "--all", "--out", "rendered", "--check"]];
const CHECK: &[&[&str]] = &[&["check"], &["check", "--keyless"]];
const TREE: &[&[&str]] = &[
    &["render", "--all", "--out", "rendered", "--check"],
    &["render", "--all", "--out"],
    &["check", "--rendered", "rendered"],
];

/// The file of a kind. The compiler asks for each.
pub(crate) fn spot(kind: FileKind) -> Spot {
    let (path, commands, named, valid): (_, &[&[&str]], _, _) = match kind {
        FileKind::ProjectFile => ("septum.yaml", ALL, None, "apps: [app, canary-outside]\n"),
        FileKind::Layer => {
            ("app/mixins/eu.yaml", ALL, Some(("app/dev.yaml", "mixins/eu")), "data: { REGION: canary-outside }\n")
        }
        FileKind::EntryFile => {
            ("app/files/app.conf", ALL, Some(("app/base.yaml", "files/app.conf")), "canary-outside\n")
        }
        FileKind::Template => ("app/files/app.j2", ALL, Some(("app/base.yaml", "files/app.j2")), "canary-outside\n"),
        FileKind::Include => {
            ("app/files/parts/one.j2", ALL, Some(("app/files/app.j2", "parts/one.j2")), "canary-outside\n")
        }
        FileKind::Manifest => (
            "app/workloads/one.yaml",
            ALL,
            Some(("app/base.yaml", "workloads/one.yaml")),
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {A: canary-outside}}\n",
        ),
        FileKind::Certificate => {
            ("app/files/cert.pem", ALL, Some(("app/base.yaml", "files/cert.pem")), "canary-outside\n")
        }
        FileKind::SopsConfig => (
            ".sops.yaml",
            &[
                &["rekey", "--check"],
                &["encrypt", "plain.yaml", "--output", "/dev/null"],
                &["rotate", "vault/db.enc.yaml"],
                &["unset", "vault/db.enc.yaml", "password"],
                &["check", "--keyless"],
                &["check"],
            ],
            None,
            "creation_rules: [{path_regex: canary-outside, wrong: canary-outside}]\n",
        ),
        FileKind::Baseline => (".septum-baseline.yaml", CHECK, None, "canary-outside: x\n"),
        FileKind::CustomRules => {
            ("rules.toml", &[&["check", "--rules", "rules.toml"]], None, "[[rules]]\nid = 'canary-outside'\nx = 1\n")
        }
        FileKind::SecretFile => (
            "vault/db.enc.yaml",
            &[
                &["decrypt", "vault/db.enc.yaml"],
                &["get", "vault/db.enc.yaml", "password"],
                &["rotate", "vault/db.enc.yaml"],
                &["rekey", "vault/db.enc.yaml"],
                &["unset", "vault/db.enc.yaml", "password"],
                &["git-textconv", "vault/db.enc.yaml"],
            ],
            None,
            "password: canary-outside\n",
        ),
        FileKind::Inventory => {
            ("rendered/.septum/inventory.json", TREE, None, "{\"version\": 1, \"targets\": \"canary-outside\"}")
        }
        FileKind::Output => ("rendered/dev/app/configmap-app.yaml", TREE, None, "canary-outside: x\n"),
        FileKind::Kustomization => (
            "flux/apps.yaml",
            CHECK,
            None,
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: { postBuild: { substitute: { a: canary-outside } } }\n",
        ),
        FileKind::IgnoreRules => {
            (".gitignore", &[&["rekey", "--check"], &["check"], &["check", "--keyless"]], None, "canary-outside\n")
        }
    };
    let must = if kind == FileKind::Kustomization { Must::Skip } else { Must::Refuse };
    Spot { path, commands, must, named, valid }
}

/// A repository with what lies beside it.
pub(crate) struct Site {
    directory: TempDir,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// What it shows of what is outside.
    pub(crate) fn leak(&self) -> Option<&'static str> {
        CANARIES.into_iter().find(|canary| self.stdout.contains(canary) || self.stderr.contains(canary))
    }

    /// Whether an error is about a file.
    pub(crate) fn says(&self, path: &str) -> bool {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        self.stdout.contains(name) || self.stderr.contains(name)
    }
}

impl Site {
    /// Without files.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["repo/.git", "outside", "home"] {
            fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        Self { directory }
    }

    /// A project that passes all commands, with a tree that is up to date.
    pub(crate) fn sound() -> Self {
        let site = Self::empty();
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let certificate = fs::read_to_string(vectors.join("sealed/cert.pem")).unwrap();
        let key = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo-age-key.txt")).unwrap();
        let recipient = key.split("public key: ").nth(1).unwrap().lines().next().unwrap();
        for (path, text) in [
            ("septum.yaml", "apps: [app]\noutput: rendered\n"),
            (
                ".sops.yaml",
                &format!(
                    "creation_rules: [{{path_regex: '\\.(enc|secrets)\\.', age: {recipient}}}, {{age: {recipient}}}]\n"
                ),
            ),
            (".septum-baseline.yaml", "key: \"00112233445566778899aabbccddeeff\"\nfindings: []\n"),
            (".gitignore", "*.log\n"),
            ("rules.toml", "[[rules]]\nid = 'team'\nregex = 'TEAM-[0-9]{20}'\n"),
            (
                "app/base.yaml",
                "app: app\nnamespace: shop\ndata:\n  LOG: 'to ${VAR}'\n  REGION: none\n  CONF: { file: files/app.conf }\n  \
                TEXT: { template: files/app.j2 }\n  PASSWORD: { sensitive: true }\n\
                delivery: { secrets: sealed-secret, certificate: files/cert.pem }\nmanifests: [workloads/one.yaml]\n",
            ),
            ("app/dev.yaml", "extends: [mixins/eu]\n"),
            ("app/dev.secrets.yaml", "data: { PASSWORD: correct-horse-battery }\n"),
            ("app/mixins/eu.yaml", "data: { REGION: eu }\n"),
            ("app/files/app.conf", "a = 1\n"),
            ("app/files/app.j2", "{% include \"parts/one.j2\" %}\n"),
            ("app/files/parts/one.j2", "part of {{ data.REGION }}\n"),
            ("app/files/cert.pem", &certificate),
            ("app/workloads/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\ndata: { A: b }\n"),
            ("flux/apps.yaml", "kind: Kustomization\n"),
            ("vault/db.enc.yaml", "password: correct-horse-battery\n"),
            ("plain.yaml", "password: correct-horse-battery\n"),
        ] {
            site.write(path, text);
        }
        site.done(&["encrypt", "app/dev.secrets.yaml", "vault/db.enc.yaml"]);
        site.done(&["render", "--all", "--out"]);
        site
    }

    /// Runs what has to succeed.
    fn done(&self, command: &[&str]) {
        let run = self.run(command);
        assert_eq!(run.code, 0, "septum {}\n{}{}", command.join(" "), run.stdout, run.stderr);
    }

    /// The same files in another directory.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::empty();
        copy_files(&self.root(), &copy.root());
        copy
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("repo")
    }

    /// A path beside the repository.
    pub(crate) fn beside(&self, path: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("outside").join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// All that is beside the repository, with its content.
    pub(crate) fn outside(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        let mut directories = vec![self.beside("")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let (path, kind) = entry.map(|it| (it.path(), it.file_type().unwrap())).unwrap();
                if kind.is_dir() {
                    directories.push(path.clone());
                }
                let content = kind.is_file().then(|| fs::read(&path).unwrap());
                found.insert(path, content);
            }
        }
        found
    }

    /// Runs the program in the repository, with the key at hand. Panics if it does not end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
        command.args(arguments).current_dir(self.root()).env_clear();
        command.env("HOME", self.directory.path().join("home")).env("NO_COLOR", "1").env("RAYON_NUM_THREADS", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("SECRET_OF_THE_SHELL", "canary-environ");
        command.env("SOPS_AGE_KEY_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-age-key.txt"));
        note_command(&command);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || done.send(child.wait_with_output().unwrap()));
        let Ok(output) = ended.recv_timeout(WATCHDOG) else {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            panic!("septum {} does not end", arguments.join(" "));
        };
        let text = |bytes: &[u8]| {
            let directory = self.directory.path().canonicalize().unwrap();
            String::from_utf8_lossy(bytes).replace(&directory.display().to_string(), "FOLDER")
        };
        Run { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, path) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy_files(&entry.path(), &path);
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), path).unwrap();
        } else {
            fs::copy(entry.path(), path).unwrap();
        }
    }
}
