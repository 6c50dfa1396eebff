//! `septum git-setup` in clones, with the real git.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use super::Machine;

const ATTRIBUTES: &str = "*.secrets.yaml diff=septum merge=septum\n";

/// A project in a repository, with its drivers in `.gitattributes`.
fn project() -> Machine {
    let machine = Machine::with_repository();
    machine.run_in("", env!("CARGO_BIN_EXE_septum"), &["init", "--no-ci"]);
    machine.commit();
    machine
}

#[test]
fn the_drivers_are_configured_once_and_removed() {
    let machine = project();
    let config = machine.read(".git/config");
    machine.septum(&["git-setup"]).ok();
    let configured = machine.read(".git/config");
    machine.septum(&["git-setup"]).ok();
    assert_eq!(machine.read(".git/config"), configured);
    // git uses them
    let set =
        |value: &str| machine.run_in("", "sh", &["-c", &format!("echo {value} | septum set prod DATABASE_PASSWORD")]);
    set("dummy-before-it");
    machine.commit();
    set("dummy-after-it");
    let diff = machine.git(&["diff"]);
    assert!(
        diff.contains("-    DATABASE_PASSWORD: dummy-before-it")
            && diff.contains("+    DATABASE_PASSWORD: dummy-after-it"),
        "{diff}"
    );
    machine.septum(&["git-setup", "--undo"]).ok();
    assert_eq!(machine.read(".git/config"), config);
    machine.septum(&["git-setup", "--undo"]).ok();
}

#[test]
fn the_hook_checks_commits_and_is_removed() {
    let machine = project();
    machine.septum(&["git-setup", "--hook"]).ok();
    machine.septum(&["git-setup", "--hook"]).ok();
    machine.write("environments/prod.yaml", "data: { DATABASE_HOST: sk_live_4eC39HqLyjWDarjtT1zdp7dcA }\n");
    machine.git(&["add", "-A"]);
    let commit = |machine: &Machine| {
        machine.run_in("", "git", &["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "x"]).code
    };
    assert_ne!(commit(&machine), 0, "a leak is not committed");
    // without the permission, Git ignores it
    let hook = machine.work().join(".git/hooks/pre-commit");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    machine.septum(&["git-setup", "--hook"]).ok();
    assert_ne!(commit(&machine), 0);
    machine.septum(&["git-setup", "--undo"]).ok();
    assert!(!hook.exists());
    assert_eq!(commit(&machine), 0);
}

#[test]
fn a_hook_of_others_is_never_overwritten() {
    let machine = project();
    let hook = machine.work().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    for (text, code) in [
        ("#!/bin/sh\nmake lint\n", 2),
        ("#!/bin/sh\n# septum check --staged\n", 2),
        ("#!/bin/sh\nmake lint\nseptum check --staged || exit 1\n", 0),
    ] {
        fs::write(&hook, text).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        let run = machine.septum(&["git-setup", "--hook"]).record();
        assert_eq!(run.code, code, "{}", run.stderr);
        let undone = machine.septum(&["git-setup", "--undo"]).record();
        assert_eq!(undone.code, 0);
        assert_eq!(fs::read_to_string(&hook).unwrap(), text);
    }
    fs::remove_file(&hook).unwrap();
    symlink("/bin/true", &hook).unwrap();
    machine.septum(&["git-setup", "--hook"]).fails(2);
    assert!(hook.is_symlink());
}

#[test]
fn other_values_are_replaced_and_values_of_the_user_are_kept() {
    let machine = project();
    machine.git(&["config", "diff.septum.textconv", "cat"]);
    machine.git(&["config", "--add", "diff.septum.textconv", "less"]);
    machine.git(&["config", "merge.septum.driver", "./septum git-merge %O %A %B %P"]);
    machine.septum(&["git-setup"]).ok();
    assert_eq!(machine.git(&["config", "--get-all", "diff.septum.textconv"]), "septum git-textconv\n");
    assert_eq!(machine.git(&["config", "merge.septum.driver"]), "septum git-merge %O %A %B %P\n");
    let machine = project();
    let before = machine.read(".git/config");
    machine.git(&["config", "--global", "diff.septum.textconv", "/opt/septum git-textconv"]);
    machine.git(&["config", "--global", "merge.septum.name", "mine"]);
    machine.git(&["config", "--global", "merge.septum.driver", "septum git-merge %O %A %B %P"]);
    machine.septum(&["git-setup"]).ok();
    assert_eq!(machine.read(".git/config"), before);
}

#[test]
fn a_work_tree_shares_the_settings_and_hooks_of_its_repository() {
    let machine = project();
    machine.git(&["worktree", "add", "-q", "../tree"]);
    let run = machine.run_in("../tree/environments", env!("CARGO_BIN_EXE_septum"), &["git-setup", "--hook"]);
    run.ok();
    assert!(machine.work().join(".git/hooks/pre-commit").is_file());
    assert_eq!(machine.git(&["config", "diff.septum.textconv"]), "septum git-textconv\n");
    machine.septum(&["git-setup", "--hook"]).ok();
}

#[test]
fn a_directory_of_hooks_is_used_inside_of_the_repository_alone() {
    let machine = project();
    machine.git(&["config", "core.hooksPath", ".githooks"]);
    machine.septum(&["git-setup", "--hook"]).ok();
    assert!(
        machine.work().join(".githooks/pre-commit").is_file() && !machine.work().join(".git/hooks/pre-commit").exists()
    );
    symlink(machine.home(), machine.work().join("out")).unwrap();
    let outside = machine.home().join("hooks").display().to_string();
    for path in ["../hooks", "out/hooks", "~/hooks", "", ".githooks/../../x", &outside] {
        machine.git(&["config", "core.hooksPath", path]);
        machine.septum(&["git-setup", "--hook"]).fails(2);
        assert!(!machine.home().join("hooks").exists() && !machine.directory.path().join("hooks").exists());
    }
    // the hooks of all repositories of the user
    machine.git(&["config", "--unset", "core.hooksPath"]);
    machine.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
    machine.septum(&["git-setup", "--hook"]).fails(2);
}

#[test]
fn attributes_that_name_no_file_are_reported() {
    let machine = Machine::with_repository();
    machine.septum(&["git-setup"]).ok();
    machine.write(".gitattributes", "# *.secrets.yaml diff=septum\n");
    machine.septum(&["git-setup"]).ok();
    machine.write("attributes", ATTRIBUTES);
    fs::remove_file(machine.work().join(".gitattributes")).unwrap();
    symlink("attributes", machine.work().join(".gitattributes")).unwrap();
    machine.septum(&["git-setup"]).ok();
    // where Git ignores everything
    machine.write("rendered/.gitattributes", ATTRIBUTES);
    machine.write("rendered/.gitignore", "*\n");
    machine.septum(&["git-setup"]).ok();
}

#[test]
fn attributes_below_the_root_and_those_of_the_clone_count() {
    for file in ["environments/.gitattributes", "services/shop/.gitattributes", ".git/info/attributes"] {
        let machine = Machine::with_repository();
        machine.write(file, ATTRIBUTES);
        let run = machine.septum(&["git-setup"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{file}");
    }
}

#[test]
fn places_without_a_work_tree_and_without_git_are_refused() {
    let machine = Machine::new();
    machine.septum(&["git-setup"]).fails(4);
    machine.git(&["init", "-q", "--bare", "bare.git"]);
    machine.run_in("bare.git", env!("CARGO_BIN_EXE_septum"), &["git-setup"]).fails(4);
    let machine = project();
    let mut command = machine.command("", env!("CARGO_BIN_EXE_septum"), &["git-setup"]);
    command.env("PATH", "");
    machine.finish(command).fails(4);
}

#[test]
fn a_configuration_that_cannot_be_written_is_left_as_it_is() {
    let machine = project();
    let config = machine.work().join(".git/config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(machine.home().join("config"), &text).unwrap();
    fs::remove_file(&config).unwrap();
    symlink(machine.home().join("config"), &config).unwrap();
    machine.septum(&["git-setup"]).fails(4);
    assert_eq!(fs::read_to_string(machine.home().join("config")).unwrap(), text);
    fs::remove_file(&config).unwrap();
    fs::write(&config, "[core\n").unwrap();
    machine.septum(&["git-setup"]).fails(4);
    fs::write(&config, &text).unwrap();
    // as another process of Git holds it
    fs::write(machine.work().join(".git/config.lock"), "").unwrap();
    machine.septum(&["git-setup"]).fails(4);
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
}

#[test]
fn nothing_of_the_configuration_is_run() {
    let machine = project();
    let ran = machine.directory.path().join("ran");
    let canary = machine.home().join("canary");
    let script = format!("printf '#!/bin/sh\\n: > {}\\n' > \"$0\"; chmod 755 \"$0\"", ran.display());
    assert!(Command::new("sh").args(["-c", &script]).arg(&canary).status().unwrap().success());
    fs::copy(&canary, machine.work().join("git")).unwrap();
    let canary = canary.display().to_string();
    for name in ["core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "alias.config"] {
        machine.git(&["config", name, &if name.starts_with("alias") { format!("!{canary}") } else { canary.clone() }]);
    }
    machine.git(&["status"]);
    assert!(fs::remove_file(&ran).is_ok(), "Git itself runs it");
    let path = format!(".:{}:{}", machine.work().display(), std::env::var("PATH").unwrap());
    for arguments in [&["git-setup", "--hook"][..], &["doctor"], &["git-setup", "--undo"]] {
        let mut command = machine.command("", env!("CARGO_BIN_EXE_septum"), arguments);
        command.env("PATH", &path);
        let run = machine.finish(command);
        assert!(run.code < 2, "{}{}", run.stdout, run.stderr);
        assert!(!ran.exists(), "{arguments:?} ran it");
    }
}
