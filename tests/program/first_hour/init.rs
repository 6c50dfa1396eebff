//! `septum init` in directories and repositories that have files already.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Machine, next_commands};
use crate::support::messages::record;
use crate::support::peers::peer;

/// A rule for the files of a new project, for somebody else.
const RULE: &str = "creation_rules:\n  - path_regex: \\.secrets\\.yaml$\n    age: age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7\n";

/// Recipient in [`RULE`].
const BOB: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";

/// Runs the printed commands as a user pastes them, with a value for each prompt.
fn paste(machine: &Machine, directory: &str, output: &str) {
    for command in next_commands(output) {
        let command = if command.contains(" set ") { format!("echo dummy-for-prod | {command}") } else { command };
        let run = machine.run_in(directory, "sh", &["-c", &command]);
        assert_eq!(run.code, 0, "{command}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn a_new_repository_gets_everything_and_its_commands_work_as_printed() {
    let machine = Machine::with_repository();
    let said = machine.septum(&["init"]).ok();
    assert_eq!(next_commands(&said).len(), 4);
    let key = fs::read_to_string(machine.keys()).unwrap();
    let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    assert!(machine.read(".sops.yaml").contains(recipient));
    assert_eq!(fs::metadata(machine.keys()).unwrap().permissions().mode() & 0o777, 0o600);
    // an environment without its secret is refused, and the message says what to run
    machine.septum(&["render", "prod"]).fails(2);
    machine.septum(&["check", "--keyless"]).fails(1);
    paste(&machine, "", &said);
    machine.septum(&["check"]).ok();
    machine.septum(&["rekey", "--check"]).ok();
    machine.commit();
}

#[test]
fn a_second_run_changes_nothing() {
    let machine = Machine::with_repository();
    machine.septum(&["init"]).ok();
    let files = || crate::support::sandbox::files(machine.directory.path());
    let before = files();
    let said = machine.septum(&["init"]).ok();
    assert!(said.lines().take_while(|line| !line.is_empty()).all(|line| line.starts_with("kept")), "{said}");
    assert!(files() == before);
}

#[test]
fn existing_files_are_kept_or_get_lines() {
    let machine = Machine::with_repository();
    machine.write(".gitattributes", "*.png binary");
    machine.write(".sops.yaml", &format!("# ours\ncreation_rules:\n- path_regex: \\.enc\\.json$\n  age: {BOB}"));
    machine.write(".gitignore", "target/\r\n");
    machine.write(".github/workflows/septum.yaml", "name: mine\n");
    machine.septum(&["init", "--key-file", "key.txt"]).ok();
    assert!(machine.read(".gitattributes").starts_with("*.png binary\n# "));
    assert!(machine.read(".sops.yaml").starts_with("# ours\ncreation_rules:\n- path_regex: \\.enc\\.json$\n  age: "));
    assert_eq!(machine.read(".gitignore"), "target/\r\n/key.txt\r\n");
    assert_eq!(machine.read(".github/workflows/septum.yaml"), "name: mine\n");
    let status = machine.git(&["status", "--porcelain", "--untracked-files=all"]);
    assert!(status.contains(".sops.yaml") && !status.contains("key.txt"), "{status}");
    if peer("sops").is_some() {
        machine.septum(&["rekey", "--check"]).ok();
    }
}

#[test]
fn a_project_below_the_root_of_a_repository_shares_its_files() {
    let machine = Machine::with_repository();
    let said = machine.septum(&["init", "services/web shop"]).ok();
    for file in
        [".sops.yaml", ".gitattributes", ".github/workflows/septum.yaml", "services/web shop/environments/base.yaml"]
    {
        assert!(machine.work().join(file).is_file(), "{file}");
    }
    assert!(machine.read(".github/workflows/septum.yaml").contains("-C 'services/web shop'"));
    paste(&machine, "", &said);
    // from another directory, the commands are others
    fs::create_dir(machine.work().join("tools")).unwrap();
    let run = machine.run_in("tools", env!("CARGO_BIN_EXE_septum"), &["-C", "..", "init", "services/api", "--no-ci"]);
    paste(&machine, "tools", &run.ok());
}

#[test]
fn an_app_beside_the_settings_of_a_repository_is_listed_by_them() {
    let machine = Machine::with_repository();
    machine.write("septum.yaml", "apps: [services/*]\n");
    machine.septum(&["init", "services/shop"]).ok();
    machine.septum(&["render", "dev"]).ok();
    // nothing lists this one
    machine.septum(&["init", "other/shop"]).ok();
}

#[test]
fn an_identity_that_is_there_is_used() {
    for in_variable in [false, true] {
        let machine = Machine::with_repository();
        let file = if in_variable { machine.home().join("mine.txt") } else { machine.keys() };
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        machine.run_in("", env!("CARGO_BIN_EXE_septum"), &["keygen", "-o", file.to_str().unwrap()]);
        let key = fs::read_to_string(&file).unwrap();
        let machine = if in_variable { machine.set("SOPS_AGE_KEY_FILE", file.to_str().unwrap()) } else { machine };
        machine.septum(&["init"]).ok();
        assert_eq!(fs::read_to_string(&file).unwrap(), key);
        assert_eq!(machine.keys().exists(), !in_variable);
        let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        assert!(machine.read(".sops.yaml").contains(recipient));
    }
}

#[test]
fn recipients_of_the_repository_are_used_without_a_new_key() {
    for rules in [RULE.to_owned(), RULE.replace("secrets", "enc")] {
        let machine = Machine::with_repository();
        machine.write(".sops.yaml", &rules);
        // nothing here decrypts what is encrypted for someone else
        record(machine.septum(&["init"]).ok());
        assert!(!machine.keys().exists());
        assert_eq!(
            machine.read(".sops.yaml").matches(BOB).count(),
            machine.read(".sops.yaml").matches("age: ").count()
        );
        let set = machine.run_in("", "sh", &["-c", "echo dummy-for-prod | septum set prod DATABASE_PASSWORD"]);
        assert_eq!(set.code, 0, "{}", set.stderr);
        assert!(machine.read("environments/prod.secrets.yaml").contains(BOB));
    }
}

#[test]
fn rules_that_cannot_be_extended_are_kept_with_the_rule_to_add() {
    for rules in [
        format!("creation_rules: [{{ path_regex: '\\.enc\\.', age: {BOB} }}]\n"),
        format!("creation_rules:\n  - path_regex: \\.enc\\.\n    age: {BOB}\nstores:\n  yaml: {{ indent: 2 }}\n"),
        "creation_rules:\n  - path_regex: \\.yaml$\n".to_owned(),
    ] {
        let machine = Machine::with_repository();
        machine.write(".sops.yaml", &rules);
        machine.septum(&["init"]).ok();
        assert_eq!(machine.read(".sops.yaml"), rules);
    }
}

#[test]
fn invalid_rules_stop_it_before_anything_is_written() {
    for rules in ["mine\n", "creation_rules: [{ path_regex: '[', age: x }]\n"] {
        let machine = Machine::with_repository();
        machine.write(".sops.yaml", rules);
        machine.septum(&["init"]).fails(2);
        assert!(!machine.work().join("environments").exists() && !machine.keys().exists());
    }
}

#[test]
fn layers_of_others_are_not_taken_for_ours() {
    let machine = Machine::with_repository();
    machine.write("environments/prod.yaml", "replicas: 3\n");
    machine.septum(&["init"]).fails(2);
    assert!(!machine.keys().exists() && !machine.work().join(".sops.yaml").exists());
}

#[test]
fn a_project_that_is_there_is_kept() {
    for base in ["base.yaml", "environments/base.yaml"] {
        let machine = Machine::with_repository();
        machine.write(base, "app: shop\ndata: { A: a }\n");
        machine.septum(&["init", "--no-ci"]).ok();
        assert_eq!(machine.read(base), "app: shop\ndata: { A: a }\n");
        assert!(!machine.work().join(".github").exists());
    }
}

#[test]
fn a_key_file_that_cannot_get_another_key_is_refused() {
    let machine = Machine::new();
    fs::create_dir_all(machine.keys().parent().unwrap()).unwrap();
    for content in ["-----BEGIN AGE ENCRYPTED FILE-----\n", "no identity\n"] {
        fs::write(machine.keys(), content).unwrap();
        machine.septum(&["init"]).fails(2);
        assert_eq!(fs::read_to_string(machine.keys()).unwrap(), content);
        assert!(fs::read_dir(machine.work()).unwrap().next().is_none());
    }
    // a last line without an end stays one
    fs::write(machine.keys(), "# mine").unwrap();
    machine.septum(&["init"]).ok();
    assert!(fs::read_to_string(machine.keys()).unwrap().starts_with("# mine\n"));
}

#[test]
fn links_and_directories_without_access_are_refused() {
    let machine = Machine::with_repository();
    machine.write("attributes", "");
    std::os::unix::fs::symlink("attributes", machine.work().join(".gitattributes")).unwrap();
    machine.septum(&["init"]).fails(2);
    assert!(machine.read("attributes").is_empty());
    fs::remove_file(machine.work().join(".gitattributes")).unwrap();
    std::os::unix::fs::symlink(machine.home(), machine.work().join(".github")).unwrap();
    machine.septum(&["init"]).fails(2);
    assert!(!machine.home().join("workflows").exists() && !machine.work().join("environments").exists());
    fs::remove_file(machine.work().join(".github")).unwrap();
    fs::write(machine.work().join("environments"), "").unwrap();
    machine.septum(&["init"]).fails(4);
}

#[test]
fn names_that_are_no_paths_are_not_repeated() {
    let machine = Machine::new();
    let said = machine.septum(&["init", "user=hunter2"]).ok();
    assert!(!said.contains("hunter2"), "{said}");
    paste(&machine, "user=hunter2", &said);
}

/// Values as of a project that runs already.
const ENV: &str = "LOG_LEVEL=info\nPORT=8080\nDB_HOST=localhost\nDB_PASSWORD=canary-hunter2-a\nDATABASE_URL=postgres://app:${DB_PASSWORD}@${DB_HOST}/app\n";

/// Proof of [`ENV`].
const PROOF: &str = "5 of 5 values equal in prod";

#[test]
fn a_project_from_a_dotenv_file_renders_to_its_values() {
    for existing in [None, Some(RULE.replace("secrets", "enc"))] {
        let machine = Machine::with_repository();
        machine.write(".env", ENV);
        machine.write(".gitignore", ".env\n");
        let is_new = existing.is_none();
        if let Some(rules) = &existing {
            machine.write(".sops.yaml", rules);
        }
        let said = machine.septum(&["init", "shop", "--no-ci", "--from", ".env"]).ok();
        assert!(said.contains(PROOF) && !said.contains("canary"), "{said}");
        assert!(!machine.work().join(".github").exists());
        let base = machine.read("shop/environments/base.yaml");
        assert!(base.contains("DB_PASSWORD:\n    sensitive: true\n") && !base.contains("canary"), "{base}");
        assert!(machine.read("shop/environments/prod.secrets.yaml").contains("DB_PASSWORD: ENC["));
        machine.septum(&["rekey", "--check"]).ok();
        machine.septum(&["-C", "shop", "check", "--keyless"]).ok();
        machine.commit();
        if !is_new {
            // encrypted for the recipient of the repository, whose key is not here
            machine.septum(&["-C", "shop", "render", "prod"]).fails(3);
            continue;
        }
        paste(&machine, "", &said);
        let password = machine.septum(&["-C", "shop", "get", "prod", "DATABASE_URL"]).ok();
        assert_eq!(password.trim(), "postgres://app:canary-hunter2-a@localhost/app");
    }
}

#[test]
fn dotenv_files_may_lie_where_the_layers_do_and_be_of_several_environments() {
    let machine = Machine::with_repository();
    machine.write("septum.yaml", "apps: [services/*]\n");
    machine.write("services/shop/.env", ENV);
    machine.write("services/shop/.env.staging", "PORT=9090\nDB_PASSWORD=canary-hunter2-b\n");
    let files = ["--from", "services/shop/.env", "--from", "services/shop/.env.staging"];
    let said = machine.septum(&[&["init", "services/shop", "--dialect", "node"][..], &files].concat()).ok();
    paste(&machine, "", &said);
    assert!(machine.read("services/shop/staging.secrets.yaml").contains("ENC["));
}

#[test]
fn a_project_that_cannot_be_made_from_a_dotenv_file_is_not_begun() {
    let layout = format!("creation_rules: [{{ path_regex: '\\.enc\\.', age: {BOB} }}]\n");
    for (file, text, arguments) in [
        (".env", "not a variable\n", &["--from", ".env"][..]),
        (".env", "", &["--from", ".env"]),
        (".env", ENV, &["--from", "none.env"]),
        (".env", ENV, &["--from", "base=.env"]),
        (".env", ENV, &["--dialect", "node"]),
        // there is a project
        ("environments/base.yaml", "app: shop\n", &["--from", ".env"]),
        ("environments/prod.yaml", "app: shop\n", &["--from", ".env"]),
        // secrets, but no rule for them, and none can be added
        (".sops.yaml", &layout, &["--from", ".env"]),
    ] {
        let machine = Machine::with_repository();
        machine.write(".env", ENV);
        machine.write(file, text);
        let before = crate::support::sandbox::files(machine.directory.path());
        let run = machine.septum(&[&["init"][..], arguments].concat());
        assert!(!run.stderr.contains("canary"), "{}", run.stderr);
        run.fails(2);
        assert!(crate::support::sandbox::files(machine.directory.path()) == before, "{file}");
    }
}

#[test]
fn lines_of_a_dotenv_file_that_readers_disagree_on_are_named() {
    let machine = Machine::with_repository();
    machine.write(".env", "GREETING='hello' # world\n");
    let run = machine.septum(&["init", "--from", ".env"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stderr);
}
