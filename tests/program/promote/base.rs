//! Promotions that continue a former one: what changed since, what both changed, what was removed.

use super::{git, prod, project};
use crate::support::sandbox::{CANARY, Sandbox};

const STAGING: &str = "data:\n  LOG_LEVEL: debug\n  TEXT: one\nbundles:\n  extra:\n    data:\n      X: 2\n";

/// A repository in which `staging` was promoted to `prod`, and the commit says so.
fn promoted() -> Sandbox {
    let desk = project(STAGING, "");
    git(&desk, &["init", "-q"]);
    git(&desk, &["add", "environments", ".sops.yaml"]);
    git(&desk, &["commit", "-q", "-m", "start"]);
    promote_and_commit(&desk, &[]);
    desk
}

/// Promotes, and commits with the line that the program prints.
#[track_caller]
fn promote_and_commit(desk: &Sandbox, arguments: &[&str]) {
    let run = desk.run(&[&["promote", "staging", "prod", "--yes"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let line = run.stderr.lines().find(|line| line.starts_with("Septum-Promoted: ")).expect("a line").to_owned();
    commit(desk, &format!("promote\n\n{line}\n"));
}

#[track_caller]
fn commit(desk: &Sandbox, message: &str) {
    git(desk, &["add", "-u", "environments"]);
    git(desk, &["commit", "-q", "-m", message]);
}

#[test]
fn only_what_changed_since_the_last_promotion_is_copied() {
    let desk = promoted();
    let first = prod(&desk);
    assert_eq!(first, STAGING);
    // its own change of a value that does not change in staging is kept
    desk.replace("environments/prod.yaml", "X: 2", "X: 20");
    desk.replace("environments/staging.yaml", "one", "two");
    commit(&desk, "changes");
    promote_and_commit(&desk, &[]);
    assert_eq!(prod(&desk), STAGING.replace("X: 2", "X: 20").replace("one", "two"));
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    // unless it is asked for
    desk.run(&["promote", "staging", "prod", "--theirs", "X", "--yes"]).succeeds();
    assert_eq!(prod(&desk), STAGING.replace("one", "two"));
}

#[test]
fn what_both_changed_is_a_conflict() {
    let desk = promoted();
    desk.replace("environments/staging.yaml", "debug", "trace");
    desk.replace("environments/staging.yaml", "one", "two");
    desk.replace("environments/prod.yaml", "debug", "warn");
    commit(&desk, "changes");
    let before = desk.all();
    desk.run(&["promote", "staging", "prod", "--yes"]).fails(1);
    let run = desk.run(&["promote", "staging", "prod", "--yes", "--json"]);
    let view: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, view["keys"][0]["outcome"].as_str()), (1, Some("conflict")), "{view}");
    assert_eq!(desk.all(), before);
    for (choice, expected) in [("--ours", "warn"), ("--theirs", "trace")] {
        let copy = promoted_copy(&desk);
        promote_and_commit(&copy, &[choice, "LOG_*"]);
        assert!(prod(&copy).contains(&format!("LOG_LEVEL: {expected}\n  TEXT: two")), "{}", prod(&copy));
        // it was decided
        let run = copy.run(&["promote", "staging", "prod", "--yes"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    }
}

/// A copy of a repository, with the same identities.
fn promoted_copy(desk: &Sandbox) -> Sandbox {
    let copy = Sandbox::new([])
        .env("SOPS_AGE_KEY_FILE", desk.path("alice.txt"))
        .env("PATH", std::env::var_os("PATH").unwrap());
    std::fs::remove_dir(copy.root()).unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(desk.root()).arg(copy.root()).status().unwrap();
    assert!(status.success());
    copy
}

#[test]
fn secrets_take_part() {
    let desk = promoted();
    desk.give(format!("{CANARY}-new"), &["set", "staging", "API_KEY"]).succeeds();
    commit(&desk, "rotate");
    promote_and_commit(&desk, &[]);
    assert_eq!(desk.run(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-new"));
    for (environment, value) in [("staging", "a"), ("prod", "b")] {
        desk.give(format!("{CANARY}-{value}"), &["set", environment, "API_KEY"]).succeeds();
    }
    commit(&desk, "both");
    let message = desk.run(&["promote", "staging", "prod", "--yes"]).fails(1);
    assert!(!message.contains(CANARY), "{message}");
}

/// Such as the commit of a branch that was squashed.
#[test]
fn a_promotion_of_an_unknown_commit_leaves_the_one_before_it() {
    let desk = promoted();
    desk.replace("environments/prod.yaml", "X: 2", "X: 20");
    let unknown =
        "Septum-Promoted: staging@0123456789abcdef0123456789abcdef01234567 prod APP=shop KEYS=LOG_LEVEL,extra/X";
    commit(&desk, &format!("promote\n\n{unknown}\n"));
    let run = desk.run(&["promote", "staging", "prod", "--dry-run"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    run.record();
}

#[test]
fn what_was_removed_is_removed_if_asked() {
    let desk = promoted();
    desk.replace("environments/staging.yaml", "  TEXT: one\n", "");
    desk.replace("environments/staging.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: null");
    desk.run(&["unset", "staging", "API_KEY"]).succeeds();
    commit(&desk, "remove");
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    assert_eq!(prod(&desk), STAGING);
    desk.run(&["promote", "staging", "prod", "--yes", "--deletions"]).succeeds();
    assert_eq!(prod(&desk), STAGING.replace("  TEXT: one\n", "").replace("debug", "null"));
    assert_eq!(desk.run(&["list", "prod", "--format", "json"]).succeeds().matches("\"removed\"").count(), 1);
    let run = desk.run(&["promote", "staging", "prod", "--yes", "--deletions"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
}

#[test]
fn a_promotion_of_some_keys_is_the_base_of_these_alone() {
    let desk = project(STAGING, "");
    git(&desk, &["init", "-q"]);
    git(&desk, &["add", "environments", ".sops.yaml"]);
    git(&desk, &["commit", "-q", "-m", "start"]);
    promote_and_commit(&desk, &["TEXT"]);
    promote_and_commit(&desk, &["LOG_LEVEL", "API_KEY"]);
    assert_eq!(prod(&desk), "data:\n  TEXT: one\n  LOG_LEVEL: debug\n");
    desk.replace("environments/prod.yaml", "one", "own");
    commit(&desk, "own");
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();
    assert_eq!(prod(&desk), "data:\n  TEXT: own\n  LOG_LEVEL: debug\nbundles:\n  extra:\n    data:\n      X: 2\n");
}

#[test]
fn a_revision_can_be_the_base_of_everything() {
    let desk = project(STAGING, STAGING);
    git(&desk, &["init", "-q"]);
    git(&desk, &["add", "environments", ".sops.yaml"]);
    git(&desk, &["commit", "-q", "-m", "start"]);
    git(&desk, &["tag", "v1"]);
    desk.replace("environments/staging.yaml", "one", "two");
    desk.replace("environments/prod.yaml", "debug", "warn");
    desk.run(&["promote", "staging", "prod", "--base", "v1", "--yes", "TEXT", "LOG_LEVEL"]).succeeds();
    assert_eq!(prod(&desk), STAGING.replace("one", "two").replace("debug", "warn"));
    for revision in ["--all", CANARY] {
        desk.run(&["promote", "staging", "prod", &format!("--base={revision}"), "--yes"]).fails(2);
    }
}

#[test]
fn a_source_that_is_not_committed_is_not_recorded() {
    let desk = promoted();
    desk.replace("environments/staging.yaml", "one", "two");
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert!(run.code == 0 && !run.stderr.contains("Septum-Promoted"), "{}", run.stderr);
    run.record();
}

#[test]
fn a_repository_cannot_choose_what_git_runs() {
    let desk = promoted();
    let marker = desk.path("ran");
    let script = format!("touch {}", marker.display());
    for setting in ["core.fsmonitor", "core.pager", "gpg.program", "log.showSignature", "diff.external"] {
        git(&desk, &["config", setting, if setting.starts_with("log") { "true" } else { &script }]);
    }
    desk.replace("environments/staging.yaml", "one", "two");
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();
    assert!(!marker.exists());
}

#[test]
fn apps_have_bases_of_their_own() {
    let desk = Sandbox::with_identities();
    desk.write("septum.yaml", "apps: [\"services/*\"]\n");
    for app in ["a", "b"] {
        desk.write(&format!("services/{app}/base.yaml"), "data: { K: 1, L: 1 }\n");
        desk.write(&format!("services/{app}/staging.yaml"), "data: { K: 2 }\n");
        desk.write(&format!("services/{app}/prod.yaml"), "");
    }
    desk.write("services/c/base.yaml", "data: { K: 1 }\n");
    desk.write("services/c/prod.yaml", "");
    git(&desk, &["init", "-q"]);
    git(&desk, &["add", "services", "septum.yaml"]);
    git(&desk, &["commit", "-q", "-m", "start"]);
    desk.run(&["promote", "staging", "prod", "--app", "c", "--yes"]).fails(2);
    let run = desk.run(&["promote", "staging", "prod", "--app", "a", "--yes"]);
    assert_eq!(desk.read("services/a/prod.yaml"), "data:\n  K: 2\n");
    assert_eq!(desk.read("services/b/prod.yaml"), "");
    let line = run.stderr.lines().find(|line| line.starts_with("Septum-Promoted: ")).unwrap();
    assert!(line.ends_with(" prod APP=a KEYS=K"), "{line}");
    git(&desk, &["commit", "-qam", &format!("promote\n\n{line}")]);
    desk.replace("services/a/prod.yaml", "2", "3");
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();
    assert_eq!(desk.read("services/a/prod.yaml"), "data:\n  K: 3\n");
    assert_eq!(desk.read("services/b/prod.yaml"), "data:\n  K: 2\n");
}

/// An index that does not follow the branch would take the promotion back with the next commit.
#[test]
fn without_its_index_nothing_is_committed() {
    let start = || {
        let desk = project(STAGING, "").env("GIT_AUTHOR_NAME", "B").env("GIT_AUTHOR_EMAIL", "b@example.org");
        git(&desk, &["init", "-q"]);
        git(&desk, &["add", "environments", ".sops.yaml"]);
        git(&desk, &["commit", "-q", "-m", "start"]);
        desk
    };
    let split = start();
    git(&split, &["update-index", "--split-index"]);
    let before = (git(&split, &["rev-parse", "HEAD"]), prod(&split));
    let run = split.run(&["promote", "staging", "prod", "--yes", "--commit"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert_eq!((git(&split, &["rev-parse", "HEAD"]), prod(&split)), before, "nothing was written");

    let locked = start();
    let before = git(&locked, &["rev-parse", "HEAD"]);
    locked.write(".git/index.lock", "");
    let run = locked.run(&["promote", "staging", "prod", "--yes", "--commit"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    std::fs::remove_file(locked.path(".git/index.lock")).unwrap();
    assert_eq!(git(&locked, &["rev-parse", "HEAD"]), before, "the branch did not move");
    assert_eq!(git(&locked, &["diff", "--cached", "--name-only"]), "", "and nothing is staged that takes it back");
    assert!(prod(&locked).contains("debug"), "the files were written");
}

#[test]
fn a_commit_has_the_changed_files_alone() {
    let desk = project(STAGING, "").env("GIT_AUTHOR_NAME", "B").env("GIT_AUTHOR_EMAIL", "b@example.org");
    git(&desk, &["init", "-q"]);
    git(&desk, &["add", "environments", ".sops.yaml"]);
    git(&desk, &["commit", "-q", "-m", "start"]);
    let ran = desk.path("ran");
    for hook in ["pre-commit", "commit-msg", "post-commit", "reference-transaction"] {
        let hook = format!(".git/hooks/{hook}");
        desk.write(&hook, format!("#!/bin/sh\ntouch {}\nexit 1\n", ran.display()));
        git(&desk, &["update-index", "--refresh"]);
        std::process::Command::new("chmod").args(["+x", &hook]).current_dir(desk.root()).status().unwrap();
    }
    desk.write("staged.txt", "staged\n");
    git(&desk, &["add", "staged.txt"]);
    desk.write("environments/workloads/other.txt", "untracked\n");
    let run = desk.run(&["promote", "staging", "prod", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!ran.exists());
    let author = git(&desk, &["log", "-1", "--format=%an %ae"]);
    assert_eq!(author, "B b@example.org\n");
    let line = git(&desk, &["log", "-1", "--format=%(trailers:key=Septum-Promoted,valueonly)"]);
    assert!(line.starts_with("staging@") && line.contains("KEYS=LOG_LEVEL,TEXT,"), "{line}");
    let files = git(&desk, &["show", "--name-only", "--format=", "HEAD"]);
    assert_eq!(files, "environments/prod.secrets.yaml\nenvironments/prod.yaml\n");
    assert_eq!(git(&desk, &["show", "HEAD:environments/prod.yaml"]), prod(&desk));
    assert_eq!(git(&desk, &["diff", "--cached", "--name-only"]), "staged.txt\n");
    assert_eq!(git(&desk, &["diff", "--name-only"]), "");
    assert_eq!(git(&desk, &["symbolic-ref", "--short", "HEAD"]), "main\n");
    git(&desk, &["fsck", "--strict"]);
    // the next one starts from it
    desk.replace("environments/prod.yaml", "debug", "own");
    desk.replace("environments/staging.yaml", "one", "two");
    let before = (git(&desk, &["rev-parse", "HEAD"]), prod(&desk));
    desk.run(&["promote", "staging", "prod", "--yes", "--commit"]);
    assert_eq!((git(&desk, &["rev-parse", "HEAD"]), prod(&desk)), before, "staging is not committed");
    git(&desk, &["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "staging", "environments/staging.yaml"]);
    desk.run(&["promote", "staging", "prod", "--yes", "--commit"])
        .code
        .eq(&2)
        .then_some(())
        .expect("prod is not committed");
    git(&desk, &["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "prod", "environments/prod.yaml"]);
    let run = desk.run(&["promote", "staging", "prod", "--yes", "--commit", "--branch", "promote/one"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(git(&desk, &["symbolic-ref", "--short", "HEAD"]), "promote/one\n");
    assert_eq!(git(&desk, &["diff", "--stat", "main", "promote/one", "--name-only"]), "environments/prod.yaml\n");
    assert_eq!(git(&desk, &["status", "--porcelain", "-uno"]), "A  staged.txt\n");
    assert_eq!(prod(&desk), STAGING.replace("debug", "own").replace("one", "two"));
}

#[test]
fn a_commit_has_the_line_ends_that_git_stores() {
    let start = |staging: &str| {
        let desk = project(staging, "").env("GIT_AUTHOR_NAME", "B").env("GIT_AUTHOR_EMAIL", "b@example.org");
        git(&desk, &["init", "-q"]);
        git(&desk, &["add", "environments", ".sops.yaml"]);
        git(&desk, &["commit", "-q", "-m", "start"]);
        desk
    };
    let settings: [&dyn Fn(&Sandbox); 3] = [
        &|desk| drop(git(desk, &["config", "core.autocrlf", "true"])),
        &|desk| desk.write(".gitattributes", "*.yaml text eol=crlf\n"),
        &|desk| desk.write(".git/info/attributes", "*.yaml text eol=crlf\n"),
    ];
    for (index, set) in settings.iter().enumerate() {
        let desk = start(STAGING);
        set(&desk);
        std::fs::remove_file(desk.path("environments/staging.yaml")).unwrap();
        std::fs::remove_file(desk.path("environments/prod.yaml")).unwrap();
        git(&desk, &["checkout", "-q", "--", "environments"]);
        assert!(desk.read("environments/staging.yaml").contains("\r\n"), "{index}");
        let run = desk.run(&["promote", "staging", "prod", "--yes", "--commit"]);
        assert_eq!(run.code, 0, "{index}: {}", run.stderr);
        assert_eq!(git(&desk, &["show", "HEAD:environments/prod.yaml"]), STAGING, "{index}");
        assert_eq!(git(&desk, &["status", "--porcelain", "-uno"]), "", "{index}");
        // the next one starts from it
        let changed = desk.read("environments/staging.yaml").replace("one", "two");
        desk.write("environments/staging.yaml", &changed);
        assert_eq!(desk.run(&["promote", "staging", "prod", "--yes", "--commit"]).code, 2, "{index}");
        git(&desk, &["commit", "-q", "-m", "staging", "environments/staging.yaml"]);
        desk.run(&["promote", "staging", "prod", "--yes", "--commit"]).succeeds();
        assert_eq!(git(&desk, &["show", "HEAD:environments/prod.yaml"]), STAGING.replace("one", "two"), "{index}");
        assert_eq!(git(&desk, &["status", "--porcelain", "-uno"]), "", "{index}");
    }
    // CRLF that is committed stays, as Git leaves it
    let desk = start(&STAGING.replace('\n', "\r\n"));
    desk.write("environments/prod.yaml", "data:\r\n  LOG_LEVEL: info\r\n");
    commit(&desk, "prod");
    git(&desk, &["config", "core.autocrlf", "true"]);
    desk.run(&["promote", "staging", "prod", "--yes", "--commit"]).succeeds();
    let committed = git(&desk, &["show", "HEAD:environments/prod.yaml"]);
    assert_eq!(committed, desk.read("environments/prod.yaml"));
    assert!(committed.starts_with("data:\r\n  LOG_LEVEL: debug\r\n"), "{committed}");
    assert_eq!(git(&desk, &["status", "--porcelain", "-uno"]), "");
}

#[test]
fn a_branch_that_cannot_be_made_stops_before_a_byte_is_written() {
    let desk = project(STAGING, "").env("GIT_AUTHOR_NAME", "B").env("GIT_AUTHOR_EMAIL", "b@example.org");
    desk.run(&["promote", "staging", "prod", "--yes", "--commit"]).code.eq(&4).then_some(()).expect("no repository");
    git(&desk, &["init", "-q"]);
    git(&desk, &["add", "environments", ".sops.yaml"]);
    git(&desk, &["commit", "-q", "-m", "start"]);
    for branch in ["main", "main/x", "../x", "a..b", "a b", ".x", "x.lock", "-x", "x/", "@{x"] {
        let branch = format!("--branch={branch}");
        let run = desk.run(&["promote", "staging", "prod", "--yes", "--commit", &branch]);
        assert_eq!((run.code, prod(&desk).as_str()), (4, ""), "{branch} {}", run.stderr);
        run.record();
    }
    git(&desk, &["checkout", "-q", "--detach"]);
    let run = desk.run(&["promote", "staging", "prod", "--yes", "--commit"]);
    assert_eq!((run.code, prod(&desk).as_str()), (4, ""));
    run.record();
}

/// Git refuses a commit of some files then, too.
#[test]
fn no_commit_is_made_in_the_middle_of_a_merge() {
    let desk = promoted();
    let desk = desk.env("GIT_AUTHOR_NAME", "A").env("GIT_AUTHOR_EMAIL", "a@example.org");
    desk.replace("environments/staging.yaml", "one", "two");
    commit(&desk, "changes");
    let head = git(&desk, &["rev-parse", "HEAD"]);
    let before = desk.read("environments/prod.yaml");
    for (name, branch) in [("MERGE_HEAD", &[][..]), ("CHERRY_PICK_HEAD", &[]), ("rebase-merge", &["--branch", "new"])] {
        desk.write(&format!(".git/{name}"), &head);
        let run = desk.run(&[&["promote", "staging", "prod", "--yes", "--commit"], branch].concat());
        run.record();
        assert_eq!(
            (run.code, git(&desk, &["rev-parse", "HEAD"]), prod(&desk)),
            (4, head.clone(), before.clone()),
            "{name}"
        );
        std::fs::remove_file(desk.path(&format!(".git/{name}"))).unwrap();
    }
    desk.run(&["promote", "staging", "prod", "--yes", "--commit"]).succeeds();
}

/// Such as after a revert of the promotion.
#[test]
fn a_value_of_the_target_that_stays_is_named() {
    let desk = promoted();
    desk.replace("environments/prod.yaml", "debug", "warn");
    desk.replace("environments/prod.yaml", "X: 2", "X: 20");
    commit(&desk, "undo");
    for names in [&[][..], &["LOG_LEVEL"], &["TEXT"]] {
        let run = desk.run(&[&["promote", "staging", "prod", "--dry-run"], names].concat());
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
        run.record();
    }
    desk.run(&["promote", "staging", "prod", "LOG_LEVEL", "--theirs", "LOG_LEVEL", "--yes"]).succeeds();
    assert_eq!(prod(&desk), STAGING.replace("X: 2", "X: 20"));
}
