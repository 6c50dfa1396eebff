//! What killed runs left.

use super::{check, findings};
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

#[test]
fn drafts_of_killed_runs_are_found_whether_git_ignores_them_or_not() {
    let project = Sandbox::new([
        ("base.yaml", "data: {}\n"),
        ("dev.yaml", ""),
        (".gitignore", ".septum-*\n/ignored/\n"),
        (".septum-a1B2c3", "password: x\n"),
        ("files/.septum-ZZZZZZ", ""),
        ("ignored/.septum-aaaaaa", "not looked at: nobody keeps secrets there"),
        // other names
        (".septum-baseline.yaml", "findings: []\n"),
        (".septum-a1B2c", ""),
        (".septum-a1B2c3d", ""),
        (".septum-a1-2c3", ""),
        ("septum-a1B2c3", ""),
    ]);
    std::fs::create_dir(project.root().join(".git")).unwrap();
    std::fs::remove_file(project.root().join(".septum-baseline.yaml")).unwrap();
    let expected = ["leftover-draft .septum-a1B2c3:1", "leftover-draft files/.septum-ZZZZZZ:1"];
    assert_eq!(check(&project), expected);
    let run = project.run(&["check"]);
    assert_eq!(run.code, 1);
    record(&run.stdout);
    assert!(
        findings(&project.run(&["check", "--format", "json", "dev"])).is_empty(),
        "a part of the project was asked for"
    );
}

/// What a run that lives is writing is none of anybody's business.
#[cfg(unix)]
#[test]
fn a_draft_that_is_in_use_is_not_reported() {
    use rustix::fs::{FlockOperation, flock};
    let project = Sandbox::of("data: {}\n", "").file(".septum-a1B2c3", "");
    let file = std::fs::File::open(project.root().join(".septum-a1B2c3")).unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(check(&project), [""; 0]);
    // not by closing it: a program that another test starts may have a copy until it runs
    flock(&file, FlockOperation::Unlock).unwrap();
    assert_eq!(check(&project), ["leftover-draft .septum-a1B2c3:1"]);
}
