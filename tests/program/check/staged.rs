//! `septum check --staged`: what the index of Git holds is judged, and nothing else.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::messages::{note_command, record};
use crate::support::samples::ENCRYPTED;
use serde_json::Value as Json;
use tempfile::TempDir;

const BASE: &str = "app: shop\ndata:\n  LOG_LEVEL: info\n  URL: http://localhost\n";

/// A credential as nobody else has it.
const LEAK: &str = "data:\n  URL: sk_live_4eC39HqLyjWDarjtT1zdp7dcA\n";

const RULES: &str = "creation_rules:\n  - path_regex: '\\.secrets\\.|^vault/'\n    age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms\n";

/// A repository of its own, with nothing of the user's configuration.
struct Repository {
    directory: TempDir,
}

impl Repository {
    /// Without a commit.
    fn new() -> Self {
        let repository = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(repository.root()).unwrap();
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// With a sound project, committed.
    fn sound() -> Self {
        let repository = Self::new();
        repository.file("base.yaml", BASE).file("dev.yaml", "").file("prod.yaml", "data:\n  URL: https://shop\n");
        repository.stage().commit();
        repository
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("my shop")
    }

    fn file(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn prepared(&self, program: &str, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory).env_clear().stdin(Stdio::null()).env("HOME", self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("NO_COLOR", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Somebody").env(format!("GIT_{role}_EMAIL"), "some@body.invalid");
        }
        command
    }

    fn try_git(&self, arguments: &[&str]) -> Output {
        self.prepared("git", &self.root()).args(arguments).output().unwrap()
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> &Self {
        let output = self.try_git(arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        self
    }

    fn stage(&self) -> &Self {
        self.git(&["add", "-A"])
    }

    fn commit(&self) -> &Self {
        self.git(&["commit", "-q", "-m", "x", "--no-verify"])
    }

    fn septum(&self) -> Command {
        self.prepared(env!("CARGO_BIN_EXE_septum"), &self.root())
    }

    fn check(&self) -> Run {
        Run::of(self.septum().args(["check", "--staged", "--format", "json"]))
    }

    /// The hook that the documentation shows.
    fn hook(&self) -> &Self {
        let program = Path::new(env!("CARGO_BIN_EXE_septum")).parent().unwrap();
        let hook = self.root().join(".git/hooks/pre-commit");
        let text = documented_hook().replace("exec ", &format!("PATH=\"{}:$PATH\" exec ", program.display()));
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, text).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }
}

/// The first block of the page that is a script.
fn documented_hook() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md")).unwrap();
    let start = page.find("#!/bin/sh").expect("a hook");
    page[start..].split("```").next().unwrap().to_owned()
}

struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(command: &mut Command) -> Self {
        note_command(command);
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Records its message.
    #[track_caller]
    fn record(&self) {
        record(&self.stderr);
    }

    /// The rule and the file of each finding.
    #[track_caller]
    fn findings(&self) -> Vec<(String, String)> {
        let json: Json =
            serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}{}", self.stdout, self.stderr));
        let text = |finding: &Json, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let file = |finding: &Json| match finding["project"].as_str() {
            Some(project) => format!("{project}/{}", text(finding, "file")),
            None => text(finding, "file"),
        };
        json["findings"].as_array().unwrap().iter().map(|it| (text(it, "rule"), file(it))).collect()
    }

    /// The only finding, and that the run failed because of it.
    #[track_caller]
    fn finds(&self, rule: &str, file: &str) {
        assert_eq!((self.code, self.findings()), (1, vec![(rule.to_owned(), file.to_owned())]), "{}", self.stdout);
    }

    #[track_caller]
    fn is_clean(&self) {
        assert_eq!((self.code, self.findings(), &*self.stderr), (0, vec![], ""), "{}", self.stdout);
    }
}

#[test]
fn nothing_staged_is_clean_and_quiet() {
    let repository = Repository::sound();
    let run = Run::of(repository.septum().args(["check", "--staged"]));
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (0, "", ""));
}

#[test]
fn what_is_staged_is_judged_and_not_what_is_on_the_disk() {
    let repository = Repository::sound();
    // on the disk only
    repository.file("dev.yaml", LEAK).check().is_clean();
    // in the index, and mended on the disk
    repository.stage().file("dev.yaml", "");
    repository.check().finds("plaintext-secret", "dev.yaml");
    // taken out of the index, and still on the disk
    repository.git(&["reset", "-q"]).check().is_clean();
    // gone from the disk, and still in the index
    repository.file("dev.yaml", LEAK).stage();
    fs::remove_file(repository.root().join("dev.yaml")).unwrap();
    repository.check().finds("plaintext-secret", "dev.yaml");
}

#[test]
fn an_environment_that_git_does_not_know_is_not_there() {
    let repository = Repository::sound();
    // this one would lack what is required
    repository.file("base.yaml", format!("{BASE}  REGION: {{ required: true }}\n"));
    repository.file("dev.yaml", "data: { REGION: a }\n").file("prod.yaml", "data: { REGION: b }\n").stage();
    repository.file("qa.yaml", "").check().is_clean();
    let run = repository.stage().check();
    assert_eq!(run.code, 1);
    assert!(run.findings().iter().any(|(rule, _)| rule == "missing-required"), "{}", run.stdout);
}

#[test]
fn the_first_commit_is_checked() {
    let repository = Repository::new();
    repository.file("base.yaml", BASE).file("dev.yaml", LEAK).stage();
    let found = repository.check();
    assert!(found.findings().contains(&("plaintext-secret".to_owned(), "dev.yaml".to_owned())), "{}", found.stdout);
    repository.file("dev.yaml", "").stage().check().is_clean();
}

#[test]
fn mistakes_of_files_that_are_not_staged_are_not_told() {
    let repository = Repository::sound();
    repository.file("dev.yaml", LEAK).stage().commit();
    repository.file("prod.yaml", "data:\n  URL: https://shop.example\n").stage().check().is_clean();
    let whole = Run::of(repository.septum().args(["check", "--format", "json"]));
    assert_eq!(whole.code, 1);
    assert!(whole.stdout.contains("plaintext-secret"));
}

#[test]
fn an_app_that_cannot_be_read_is_never_clean() {
    let repository = Repository::sound();
    repository.file("base.yaml", "data: [\n").stage().commit();
    repository.file("dev.yaml", LEAK).stage();
    let run = repository.check();
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    // and what is staged is checked all the same
    let expected = [("yaml-syntax", "base.yaml"), ("plaintext-secret", "dev.yaml")];
    assert_eq!(run.findings(), expected.map(|(rule, file)| (rule.to_owned(), file.to_owned())));
}

/// The base is read as far as it is understood, and what is wrong with it is told although it is not staged.
#[test]
fn an_error_of_yaml_hides_nothing_of_what_is_staged() {
    let repository = Repository::sound();
    repository.file("base.yaml", format!("{BASE}  PORT: !port 8080\nunknown: 1\n")).stage().commit();
    repository.file("dev.yaml", format!("{LEAK}  URK: x\n  LOG_LEVEL: debug\n  LOG_LEVEL: *b\n")).stage();
    let run = repository.check();
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    let expected = [
        ("unknown-tag", "base.yaml"),
        ("plaintext-secret", "dev.yaml"),
        ("unknown-key", "dev.yaml"),
        ("duplicate-key", "dev.yaml"),
        ("undefined-alias", "dev.yaml"),
    ];
    assert_eq!(run.findings(), expected.map(|(rule, file)| (rule.to_owned(), file.to_owned())));
}

#[test]
fn files_that_should_be_encrypted_are_found_wherever_they_lie() {
    let repository = Repository::new();
    // no project at all
    repository.file("README.md", "x").stage().check().is_clean();
    repository.file("deep/er/db.secrets.yaml", "password: x\n").stage();
    repository.check().finds("not-encrypted", "deep/er/db.secrets.yaml");
    repository.file("deep/er/db.secrets.yaml", ENCRYPTED).stage().check().is_clean();
    // by a rule, in any format
    repository.file(".sops.yaml", RULES).file("vault/token.json", "{\"a\": \"b\"}").file("vault/raw", [0, 159, 146]);
    repository.file("other.json", "{}").stage();
    let found = repository.check().findings();
    let expected = ["vault/raw", "vault/token.json"].map(|file| ("not-encrypted".to_owned(), file.to_owned()));
    assert_eq!(found, expected);
    // a rule for everything is one for what somebody encrypts
    repository.git(&["rm", "-rqf", "vault"]).file(".sops.yaml", RULES.replace("\\.secrets\\.|^vault/", ".*")).stage();
    repository.check().is_clean();
    // rules that cannot be read say nothing of any file
    repository.file(".sops.yaml", "creation_rules: {").stage();
    assert_eq!(repository.check().code, 2);
}

#[test]
fn an_encrypted_layer_needs_no_key_and_one_in_plaintext_is_found_once() {
    let repository = Repository::sound();
    let with_keys =
        format!("{BASE}  DATABASE_PASSWORD: {{ sensitive: true }}\n  STRIPE_WEBHOOK_SECRET: {{ sensitive: true }}\n");
    repository
        .file("base.yaml", with_keys)
        .file("dev.yaml", "data: { DATABASE_PASSWORD: null, STRIPE_WEBHOOK_SECRET: null }\n");
    repository.file("prod.secrets.yaml", ENCRYPTED).stage();
    repository.check().is_clean();
    let told = Run::of(repository.septum().args(["check", "--staged", "-v"]));
    assert_eq!(told.code, 0);
    told.record();
    repository.file("prod.secrets.yaml", "data:\n  DATABASE_PASSWORD: changeme-long-enough\n").stage();
    let found = repository.check().findings();
    assert_eq!(found.iter().filter(|(rule, _)| rule == "not-encrypted").count(), 1, "{found:?}");
}

#[test]
fn only_the_apps_of_staged_files_are_checked() {
    let repository = Repository::new();
    repository.file("deploy/septum.yaml", "apps: [\"services/*\"]\nshared: shared\n");
    repository.file("deploy/shared/base.yaml", "data:\n  LOG_LEVEL: info\n");
    for app in ["a", "b"] {
        repository.file(&format!("deploy/services/{app}/base.yaml"), "data:\n  URL: http://localhost\n");
        repository.file(&format!("deploy/services/{app}/prod.yaml"), "");
    }
    repository.stage().check().is_clean();
    repository.commit().file("deploy/services/b/base.yaml", "data: [\n").stage().commit();
    // the other app is broken, which concerns nobody but those who change it, or what it shares
    repository.file("deploy/services/a/prod.yaml", LEAK).stage();
    let found = repository.check();
    assert!(found.findings().iter().all(|(_, file)| file == "deploy/services/a/prod.yaml"), "{}", found.stdout);
    assert_eq!(found.code, 1);
    let text = Run::of(repository.septum().args(["check", "--staged"]));
    assert!(text.stdout.contains("deploy/services/a/prod.yaml:2:"), "{}", text.stdout);
    repository.file("deploy/services/a/prod.yaml", "").file("deploy/shared/base.yaml", "data: {}\n").stage();
    assert_eq!(repository.check().code, 2);
    // and so is nothing that no app knows of
    repository.git(&["reset", "-q", "--hard"]).file("deploy/main.go", "x").file("src/main.rs", "x").stage();
    repository.check().is_clean();
}

#[test]
fn a_file_that_is_a_value_is_told_where_it_is_named() {
    let repository = Repository::new();
    repository.file(
        "environments/base.yaml",
        "app: shop\nbundles:\n  shop:\n    data:\n      token.txt: { file: ../files/token.txt }\n",
    );
    repository.file("environments/prod.yaml", "").file("files/token.txt", "nothing yet").file("main.rs", "x").stage();
    repository.check();
    repository.commit().file("files/token.txt", "sk_live_4eC39HqLyjWDarjtT1zdp7dcA\n").stage();
    let found = repository.check();
    assert_eq!(found.code, 1, "{}", found.stderr);
    assert!(found.findings().contains(&("plaintext-secret".to_owned(), "environments/base.yaml".to_owned())));
}

#[test]
fn what_breaks_by_a_removal_is_found() {
    let repository = Repository::sound();
    repository
        .file("common.yaml", "data:\n  LOG_LEVEL: warn\n")
        .file("prod.yaml", "extends: [common]\n")
        .stage()
        .commit();
    repository.git(&["mv", "common.yaml", "usual.yaml"]);
    assert_eq!(repository.check().code, 2);
    repository.file("prod.yaml", "extends: [usual]\n").stage().check().is_clean();
}

#[test]
fn names_of_any_kind_are_taken() {
    let repository = Repository::sound();
    repository.file("a b/c\n\"d\".secrets.yaml", "x: y\n");
    // beside `base.yaml` it would be an environment
    let odd = repository.root().join("x").join(OsStr::from_bytes(b"\xff\xfe.secrets.yaml"));
    fs::create_dir_all(odd.parent().unwrap()).unwrap();
    fs::write(odd, "x: y\n").unwrap();
    let run = repository.stage().check();
    assert_eq!(run.code, 1, "{}", run.stderr);
    let files: Vec<_> = run.findings().into_iter().map(|(_, file)| file).collect();
    assert_eq!(files, ["a b/c\n\"d\".secrets.yaml", "x/\u{fffd}\u{fffd}.secrets.yaml"]);
}

#[test]
fn a_layer_that_is_renamed_is_checked() {
    let repository = Repository::sound();
    repository.file("plain.txt", LEAK).stage().commit();
    repository.git(&["mv", "plain.txt", "qa.yaml"]).check().finds("plaintext-secret", "qa.yaml");
}

#[cfg(unix)]
#[test]
fn links_are_read_as_git_has_them() {
    let repository = Repository::sound();
    repository.file("elsewhere/dev.yaml", LEAK);
    fs::remove_file(repository.root().join("dev.yaml")).unwrap();
    std::os::unix::fs::symlink("elsewhere/dev.yaml", repository.root().join("dev.yaml")).unwrap();
    repository.stage().check().finds("plaintext-secret", "dev.yaml");
    std::os::unix::fs::symlink("../../outside.yaml", repository.root().join("qa.yaml")).unwrap();
    repository.git(&["reset", "-q", "--hard"]).git(&["add", "qa.yaml"]);
    fs::write(repository.directory.path().join("outside.yaml"), "").unwrap();
    let run = repository.check();
    assert_ne!(run.code, 101, "{}", run.stderr);
}

#[test]
fn a_conflict_is_not_judged_and_its_resolution_is() {
    let repository = Repository::sound();
    repository.git(&["switch", "-qc", "topic"]).file("dev.yaml", "data: { URL: a }\n").stage().commit();
    repository.git(&["switch", "-q", "main"]).file("dev.yaml", "data: { URL: b }\n").stage().commit();
    assert!(!repository.try_git(&["merge", "-q", "topic"]).status.success());
    let run = repository.check();
    assert_eq!((run.code, &*run.stdout), (2, ""));
    run.record();
    repository.file("dev.yaml", LEAK).stage().check().finds("plaintext-secret", "dev.yaml");
    repository.file("dev.yaml", "data: { URL: c }\n").stage().check().is_clean();
}

#[test]
fn the_hook_stops_a_commit_however_it_is_made() {
    let repository = Repository::sound();
    repository.hook().file("dev.yaml", LEAK).file("note.txt", "x");
    // `-a` and a path make an index of their own, which is named in the environment
    for arguments in
        [&["commit", "-qam", "x"][..], &["commit", "-qm", "x", "dev.yaml"], &["commit", "-qm", "x", "-i", "dev.yaml"]]
    {
        let output = repository.try_git(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("plaintext-secret"), "{arguments:?}: {told}");
    }
    repository.git(&["reset", "-q"]);
    // and one that leaves it out is made, though the layer lies there
    repository.git(&["add", "note.txt"]).git(&["commit", "-qm", "x"]);
    repository.file("dev.yaml", "").git(&["commit", "-qam", "x", "--allow-empty"]);
}

#[test]
fn another_work_tree_and_a_submodule_are_checked() {
    let repository = Repository::sound();
    let other = repository.directory.path().join("other");
    repository.hook().git(&["worktree", "add", "-q", other.to_str().unwrap()]);
    fs::write(other.join("dev.yaml"), LEAK).unwrap();
    let commit = repository.prepared("git", &other).args(["commit", "-qam", "x"]).output().unwrap();
    let told = String::from_utf8_lossy(&commit.stderr).into_owned() + &String::from_utf8_lossy(&commit.stdout);
    assert!(!commit.status.success() && told.contains("dev.yaml:2:"), "{told}");

    let outer = Repository::new();
    let inner = repository.root();
    outer.file("a.secrets.yaml", ENCRYPTED).stage();
    outer.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.to_str().unwrap(), "shop"]);
    // of the submodule nothing is staged but that it is there
    outer.check().is_clean();
    let shop = outer.root().join("shop");
    fs::write(shop.join("dev.yaml"), LEAK).unwrap();
    assert!(outer.prepared("git", &shop).args(["add", "-A"]).status().unwrap().success());
    let mut septum = outer.prepared(env!("CARGO_BIN_EXE_septum"), &shop);
    Run::of(septum.args(["check", "--staged", "--format", "json"])).finds("plaintext-secret", "dev.yaml");
    outer.check().is_clean();
}

#[test]
fn from_any_directory_the_whole_index_is_checked() {
    let repository = Repository::sound();
    repository.file("docs/a.md", "x").file("dev.yaml", LEAK).stage();
    let mut septum = repository.prepared(env!("CARGO_BIN_EXE_septum"), &repository.root().join("docs"));
    Run::of(septum.args(["check", "--staged", "--format", "json"])).finds("plaintext-secret", "dev.yaml");
    let run = Run::of(repository.septum().args(["-C", "docs", "check", "--staged", "--format", "json"]));
    run.finds("plaintext-secret", "dev.yaml");
}

#[test]
fn a_command_in_a_hint_works_from_the_directory_of_the_commit() {
    let repository = Repository::new();
    repository.file("deploy/environments/base.yaml", BASE).file("deploy/environments/dev.yaml", LEAK).stage();
    let run = Run::of(repository.septum().args(["check", "--staged"]));
    record(&run.stdout);
    let directory = repository.root().join("deploy");
    let run = Run::of(repository.prepared(env!("CARGO_BIN_EXE_septum"), &directory).args(["check", "--staged"]));
    record(&run.stdout);
}

#[test]
fn without_git_or_a_repository_nothing_is_clean() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::sound();
    let outside =
        Run::of(repository.prepared(env!("CARGO_BIN_EXE_septum"), directory.path()).args(["check", "--staged"]));
    assert_eq!((outside.code, &*outside.stdout), (4, ""));
    outside.record();
    let missing = Run::of(repository.septum().env("PATH", directory.path()).args(["check", "--staged"]));
    assert_eq!((missing.code, &*missing.stdout), (4, ""));
    missing.record();
    // a repository whose objects are gone
    repository.file("dev.yaml", LEAK).stage();
    fs::remove_dir_all(repository.root().join(".git/objects")).unwrap();
    fs::create_dir(repository.root().join(".git/objects")).unwrap();
    assert_ne!(repository.check().code, 0);
}

#[test]
fn what_a_team_accepts_or_knows_is_accepted() {
    let repository = Repository::sound();
    let allow = "allow:\n  - { rule: plaintext-secret, key: URL, reason: of the mock server }\n";
    repository.file("dev.yaml", format!("{LEAK}{allow}")).stage().check().is_clean();
    // the baseline is the one that would be committed
    repository.file("dev.yaml", LEAK);
    Run::of(repository.septum().args(["check", "--write-baseline"]));
    repository.git(&["add", "dev.yaml"]).check().finds("plaintext-secret", "dev.yaml");
    repository.stage().check().is_clean();
    // another credential in the same place is another finding
    repository.file("dev.yaml", LEAK.replace("dcA", "dcB")).stage().check().finds("plaintext-secret", "dev.yaml");
    // and what is mended is left to the check of the whole project
    repository.file("dev.yaml", "").stage().check().is_clean();
    repository.file(".septum-baseline.yaml", "key: x\n").file("dev.yaml", LEAK).stage();
    let run = repository.check();
    assert_eq!(run.code, 2, "{}", run.stdout);
    run.record();
}

#[test]
fn credentials_in_manifests_are_found() {
    let repository = Repository::sound();
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata:\n  api-token: k3x9Lq2mVb7zT\n";
    repository.file("base.yaml", format!("{BASE}manifests: [w/*.yaml]\n")).file("w/a.yaml", manifest).stage();
    repository.check().finds("plaintext-secret", "w/a.yaml");
    // on the disk only
    let harmless = manifest.replace("k3x9Lq2mVb7zT", "changeme");
    repository.file("w/a.yaml", harmless).stage().file("w/b.yaml", manifest.replace("name: x", "name: y"));
    repository.check().is_clean();
}

#[test]
fn what_flux_substitutes_is_asked_of_what_is_staged() {
    let repository = Repository::sound();
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  postBuild: { substitute: { a: b } }\n";
    repository.file("flux/shop.yaml", flux).file("prod.yaml", "data:\n  URL: https://${HOST}\n");
    repository.git(&["add", "prod.yaml"]).check().is_clean();
    repository.stage().check().finds("substitution", "prod.yaml");
}

#[test]
fn rules_of_a_team_find_what_is_staged() {
    let repository = Repository::sound();
    repository.file("rules.toml", "[[rules]]\nid = 'acme'\nregex = 'acmedt-[a-z0-9]{12}'\n");
    repository.file("prod.yaml", "data:\n  URL: acmedt-1234567890ab\n").git(&["add", "prod.yaml"]);
    repository.check().is_clean();
    let mut septum = repository.septum();
    Run::of(septum.args(["check", "--staged", "--format", "json", "--rules", "rules.toml"]))
        .finds("plaintext-secret", "prod.yaml");
}

#[test]
fn a_rule_for_every_file_of_a_format_tells_nothing_of_one() {
    let repository = Repository::sound();
    // as Flux shows it
    let age = "age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";
    let rules =
        format!("creation_rules:\n  - path_regex: .*.yaml\n    encrypted_regex: ^(data|stringData)$\n    {age}\n");
    repository.file(".sops.yaml", rules).file("k8s/deploy.yaml", "kind: Deployment\n").file("prod.yaml", "").stage();
    repository.check().is_clean();
}

#[test]
fn wrong_rules_are_told_once_and_by_their_path_from_the_repository() {
    let repository = Repository::sound();
    repository.file("deploy/.sops.yaml", "creation_rules: {\n").file("deploy/a.txt", "x").file("deploy/b.txt", "x");
    repository.stage();
    for directory in [".", "deploy"] {
        let mut septum = repository.prepared(env!("CARGO_BIN_EXE_septum"), &repository.root().join(directory));
        let run = Run::of(septum.args(["check", "--staged"]));
        assert_eq!((run.code, run.stdout.matches("--> deploy/.sops.yaml:").count()), (2, 1), "{}", run.stdout);
    }
}

#[test]
fn environments_and_apps_are_not_named_beside_it() {
    let repository = Repository::sound();
    for arguments in [&["prod"][..], &["--app", "shop"], &["--rendered", "x"], &["--write-baseline"]] {
        let run = Run::of(repository.septum().args(["check", "--staged"]).args(arguments));
        assert_eq!(run.code, 2, "{}", run.stderr);
    }
}
