//! A disk that takes nothing more.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::messages::record;
use crate::support::sandbox::{DEMO_KEY, septum};
use crate::tree::world::shop;

#[test]
fn a_directory_that_cannot_be_written_is_told_and_nothing_is_lost() {
    // root writes everywhere
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let project = shop();
    project.render();
    let before = project.tree();
    project.edit("base.yaml", "GREETING: hello", "GREETING: hi");
    let directory = project.rendered().join("prod/shop");
    if is_root {
        // a file in the place of the directory of drafts
        fs::remove_dir_all(project.rendered().join(".septum/tmp")).ok();
        fs::write(project.rendered().join(".septum/tmp"), "").unwrap();
    } else {
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let run = project.render_with(&["--all"]);
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    if is_root {
        fs::remove_file(project.rendered().join(".septum/tmp")).ok();
    }
    assert_eq!(run.code, 4, "{}", run.stderr);
    run.record();
    assert!(project.tree().len() >= before.len(), "nothing was lost");
    project.render();
    assert!(fs::read_to_string(project.rendered().join("prod/shop/configmap-shop.yaml")).unwrap().contains("hi"));
}

/// A file may not grow beyond some bytes: what a full disk looks like to a program.
#[test]
fn a_full_disk_leaves_every_file_old_or_new() {
    let project = shop();
    project.render();
    let old = project.tree();
    project.edit("base.yaml", "GREETING: hello", &format!("GREETING: {}", "x".repeat(20_000)));
    let limited = |blocks: &str| {
        let program = septum(&project.root(), &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]);
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" render --all --out rendered");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(program.get_program()).current_dir(project.root());
        command.env_clear().env("SOPS_AGE_KEY_FILE", DEMO_KEY).env("PATH", "/usr/bin:/bin");
        command.output().unwrap()
    };
    let output = limited("8");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    record(&stderr);
    let between = project.tree();
    project.render();
    let new = project.tree();
    for (path, bytes) in between.iter().filter(|(path, _)| !path.starts_with(".septum")) {
        assert!(old.get(path) == Some(bytes) || new.get(path) == Some(bytes), "{path} is half written");
    }
    assert!(old.keys().filter(|path| !path.starts_with(".septum")).all(|path| between.contains_key(path)));
}

/// Targets are written by several threads, and the message must not depend on them.
#[test]
fn a_full_disk_is_told_once_and_other_obstacles_each() {
    let project = shop().env("SOPS_AGE_KEY_FILE", DEMO_KEY);
    project.render();
    let long = format!("GREETING: {}", "x".repeat(20_000));
    project.write("long.txt", project.read("base.yaml").replace("GREETING: hello", &long));
    for directory in ["full", "closed"] {
        fs::create_dir(project.path(directory)).unwrap();
    }
    let script = r#"
        mount -t tmpfs -o size=100k tmpfs full || exit 99
        cp -r rendered full/; cp -r rendered closed/
        for target in dev prod; do
            mount --bind closed/rendered/$target/shop closed/rendered/$target/shop || exit 99
            mount -o remount,ro,bind closed/rendered/$target/shop || exit 99
        done
        sed -i 's/GREETING: hello/GREETING: hi/' base.yaml
        for threads in 1 2 8; do
            RAYON_NUM_THREADS=$threads "$SEPTUM" render --all --out closed/rendered; echo $?
        done
        cp long.txt base.yaml
        for threads in 1 2 8; do
            RAYON_NUM_THREADS=$threads "$SEPTUM" render --all --out full/rendered; echo $?
        done
    "#;
    let Some(run) = project.run_in_namespace(script) else { return };
    assert_eq!(run.stdout, "4\n".repeat(6), "{}", run.stderr);
    run.record();
    let is_new =
        |target: &str| project.read(&format!("closed/rendered/{target}/shop/configmap-shop.yaml")).contains("hi");
    assert_eq!(["dev", "prod", "staging"].map(is_new), [false, false, true]);
}
