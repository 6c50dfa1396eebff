//! `septum list --age` and `check --at`: how old values are, and when they have to be replaced.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

const BASE: &str = "app: shop
data:
  LOG: { value: info, owner: 'team, log' }
  OLD: { sensitive: true, rotateEvery: 90d, rotation: 'https://wiki.example.com/a;b' }
  NEW: { sensitive: true, rotateEvery: 90d, expires: 2026-12-31, owner: team-payments }
";

/// Commits all files on a day.
fn commit(project: &Sandbox, day: &str) {
    let init: &[&str] = if project.path(".git").exists() { &["status", "-s"] } else { &["init", "-q", "-b", "main"] };
    for arguments in [init, &["add", "-A"], &["commit", "-q", "-m", day]] {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]).args(arguments);
        git.current_dir(project.root()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let date = format!("{day}T12:00:00Z");
        assert!(git.env("GIT_COMMITTER_DATE", &date).env("GIT_AUTHOR_DATE", &date).status().unwrap().success());
    }
}

fn project() -> Sandbox {
    let project = Sandbox::with_identities().file("base.yaml", BASE).file("dev.yaml", "").file(".gitignore", "*.txt\n");
    project.encrypted("dev.secrets.yaml", format!("data:\n  OLD: {CANARY}\n  NEW: {CANARY}-2\n"));
    project
}

/// A history: three values in January, one changed in February, all encrypted again in March.
fn with_history() -> Sandbox {
    let project = project();
    commit(&project, "2026-01-10");
    project.give(format!("{CANARY}-3"), &["set", "dev", "NEW"]).succeeds();
    project.replace("base.yaml", "value: info", "value: debug");
    commit(&project, "2026-02-10");
    project.run(&["rotate", "dev.secrets.yaml"]).succeeds();
    project.replace("base.yaml", "app: shop", "app: shop # the shop");
    commit(&project, "2026-03-10");
    project
}

fn ages(run: crate::support::sandbox::Run) -> Vec<(String, Json, Json, Json)> {
    assert!(!run.stdout.contains(CANARY));
    let found = run.json();
    let values = found["values"].as_array().unwrap().iter();
    values
        .map(|it| {
            (it["key"].as_str().unwrap().to_owned(), it["basis"].clone(), it["changed"].clone(), it["age"].clone())
        })
        .collect()
}

const JSON: [&str; 6] = ["list", "--age", "--at", "2026-04-10", "--format", "json"];

#[test]
fn the_age_is_that_of_the_value_and_not_of_its_file() {
    let project = with_history();
    let row = |key: &str, basis: &str, day: &str, age: u32| (key.to_owned(), json!(basis), json!(day), json!(age));
    assert_eq!(
        ages(project.run(&JSON)),
        [
            row("LOG", "changed", "2026-02-10", 59),
            row("NEW", "changed", "2026-02-10", 59),
            row("OLD", "changed", "2026-01-10", 90)
        ]
    );
    // without a key, it may be the value or the encryption that changed
    let unknown = "changed-or-re-encrypted";
    assert_eq!(
        ages(project.run_without_key(&JSON)),
        [
            row("LOG", "changed", "2026-02-10", 59),
            row("NEW", unknown, "2026-03-10", 31),
            row("OLD", unknown, "2026-03-10", 31)
        ]
    );
    record(project.run(&["list", "--age", "--at", "2026-04-10"]).ok());
    record(project.run_without_key(&["list", "--age", "--at", "2026-04-10", "--expiring", "300d"]).ok());
}

#[test]
fn what_is_not_committed_has_no_age() {
    let project = with_history();
    project.give("another", &["set", "dev", "OLD"]).succeeds();
    let found = ages(project.run(&JSON));
    assert_eq!((&found[2].1, &found[2].2), (&json!("not-committed"), &Json::Null));
    assert_eq!(found[1].1, "changed");
    // without a repository, the file says when it was last changed
    let alone = ages(self::project().run(&JSON));
    assert_eq!((&alone[0].1, &alone[1].1), (&json!("unknown"), &json!("last-modified")));
}

#[test]
fn a_shallow_clone_knows_a_least_age() {
    let project = with_history();
    let clone = project.path("clone");
    let source = format!("file://{}", project.root().display());
    let made = Command::new("git").args(["clone", "-q", "--depth", "1", &source]).arg(&clone).status().unwrap();
    assert!(made.success());
    let found = ages(project.run_in("clone", &JSON));
    assert!(found.iter().all(|(_, basis, day, _)| *basis == "at-least" && *day == "2026-03-10"), "{found:?}");
}

#[test]
fn findings_need_a_day() {
    let project = with_history();
    let rules = |arguments: &[&str]| {
        let found: Json = serde_json::from_str(&project.run(arguments).stdout).unwrap();
        let of_life = ["expired-secret", "expiring-secret", "overdue-rotation"];
        let found = found["findings"].as_array().unwrap().iter();
        let found = found
            .map(|it| (it["rule"].as_str().unwrap().to_owned(), it["key"].as_str().unwrap_or_default().to_owned()));
        found.filter(|(rule, _)| of_life.contains(&rule.as_str())).collect::<Vec<_>>()
    };
    let pair = |rule: &str, key: &str| (rule.to_owned(), key.to_owned());
    assert_eq!(rules(&["check", "--format", "json"]), []);
    let at = |day: &'static str| rules(&["check", "--at", day, "--format", "json"]);
    assert_eq!(at("2026-04-10"), []);
    assert_eq!(at("2026-04-11"), [pair("overdue-rotation", "OLD")]);
    assert_eq!(
        at("2026-12-01"),
        [pair("overdue-rotation", "OLD"), pair("overdue-rotation", "NEW"), pair("expiring-secret", "NEW")]
    );
    assert!(at("2026-12-31").contains(&pair("expiring-secret", "NEW")));
    assert!(at("2027-01-01").contains(&pair("expired-secret", "NEW")));
    record(&project.run(&["check", "--at", "2027-01-01"]).stdout);
    let without = project.run(&["render", "dev"]).ok();
    assert!(without.contains("kind: Secret"), "rendering never reads the clock");
}

#[test]
fn a_calendar_has_the_days_and_no_secret() {
    let project = with_history();
    let arguments = ["list", "--age", "--at", "2026-04-10", "--format", "ical"];
    let calendar = project.run(&arguments).ok();
    assert!(!calendar.contains(CANARY));
    assert_eq!(calendar.matches("\r\n").count(), calendar.matches('\n').count());
    assert!(calendar.lines().all(|line| line.trim_end().len() <= 75));
    record(calendar.replace("\r\n", "\n"));
    let ids = |calendar: &str| {
        calendar.lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = ids(&calendar);
    assert_eq!(before.len(), 3);
    project.replace("base.yaml", "2026-12-31", "2027-12-31");
    assert_eq!(ids(&project.run(&arguments).ok()), before, "an event that moves is the same one");
    project.run(&["list", "--format", "ical"]).refused();
}

#[test]
fn a_certificate_expires_by_itself() {
    let certificate =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/tls/leaf.crt")).unwrap();
    let project = Sandbox::of("data: { ca.crt: { file: ca.crt } }\n", "").file("ca.crt", certificate);
    let found = project.run(&["list", "--age", "--at", "2026-04-10", "--format", "json"]).json();
    let end = found["values"][0]["expires"].as_str().unwrap().to_owned();
    let at = |day: &str| project.run(&["check", "--at", day, "--format", "json"]).stdout;
    assert!(at(&end).contains("expiring-secret") && !at(&end).contains("expired-secret"));
    let after = format!("{}-12-31", &end[..4].parse::<u32>().unwrap() + 1);
    assert!(at(&after).contains("expired-secret"));
}

/// A move of a file, or of its directory, changes no value.
#[test]
fn a_file_that_moves_keeps_the_days_of_its_values() {
    let project = with_history();
    let before = ages(project.run(&JSON));
    let rename = |from: &str, to: &str| std::fs::rename(project.path(from), project.path(to)).unwrap();
    rename("dev.yaml", "qa.yaml");
    rename("dev.secrets.yaml", "qa.secrets.yaml");
    commit(&project, "2026-03-20");
    assert_eq!(ages(project.run(&JSON)), before);
    std::fs::create_dir(project.path("environments")).unwrap();
    for name in ["base.yaml", "qa.yaml", "qa.secrets.yaml"] {
        rename(name, &format!("environments/{name}"));
    }
    commit(&project, "2026-03-25");
    // another file gets the former name
    project.write("base.yaml", "data: { LOG: other }\n");
    commit(&project, "2026-03-30");
    std::fs::remove_file(project.path("base.yaml")).unwrap();
    commit(&project, "2026-03-31");
    assert_eq!(ages(project.run(&JSON)), before);
    project.give(format!("{CANARY}-4"), &["set", "qa", "NEW"]).succeeds();
    commit(&project, "2026-04-01");
    let after = ages(project.run(&JSON));
    assert_eq!((&after[1].1, &after[1].2), (&json!("changed"), &json!("2026-04-01")));
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
}

/// A partial clone has no versions but those of the work tree.
#[test]
fn a_version_that_is_not_here_makes_a_least_age() {
    let project = with_history();
    let source = format!("file://{}", project.root().display());
    let git = |arguments: &[&str]| {
        assert!(Command::new("git").args(arguments).current_dir(project.root()).status().unwrap().success());
    };
    git(&["config", "uploadpack.allowFilter", "true"]);
    git(&["clone", "-q", "--filter=blob:none", &source, "clone"]);
    let found = ages(project.run_in("clone", &JSON));
    assert!(found.iter().all(|(_, basis, day, _)| *basis == "at-least" && *day == "2026-03-10"), "{found:?}");
}

/// A merge has the lines of both sides, and each value the day of the side that it is from.
#[test]
fn values_of_merged_branches_have_the_days_of_their_changes() {
    let days = |project: &Sandbox| {
        let found = ages(project.run(&["list", "--age", "--at", "2026-09-10", "--format", "json"]));
        found.into_iter().map(|(key, basis, day, _)| (key, basis, day)).collect::<Vec<_>>()
    };
    let changed = |key: &str, day: &str| (key.to_owned(), json!("changed"), json!(day));
    let lines = |sides: [&str; 2]| format!("{}\n\n\n\n\n{}\n", sides[0], sides[1]);
    let layer = |sides: [&str; 2]| format!("data:\n  A: {}\n\n\n\n\n  B: {}\n", sides[0], sides[1]);
    let base =
        "app: shop\ndata: { A: a, B: b, C: { sensitive: true }, D: { sensitive: true }, F: { file: files/f } }\n";
    let project = Sandbox::with_identities().file("base.yaml", base).file("dev.yaml", layer(["a1", "b1"]));
    project.write("files/f", lines(["one", "two"]));
    project.write(".gitignore", "*.txt\n");
    project.encrypted("dev.secrets.yaml", format!("data:\n  C: {CANARY}\n  D: {CANARY}-2\n"));
    commit(&project, "2026-01-10");
    let git = |day: &str, arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]).args(arguments);
        let driver = format!("{} git-merge %O %A %B %P", env!("CARGO_BIN_EXE_septum"));
        git.current_dir(project.root()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_COUNT", "1");
        git.env("GIT_CONFIG_KEY_0", "merge.septum.driver").env("GIT_CONFIG_VALUE_0", driver);
        let date = format!("{day}T12:00:00Z");
        git.env("SOPS_AGE_KEY_FILE", project.path("alice.txt"))
            .env("GIT_COMMITTER_DATE", &date)
            .env("GIT_AUTHOR_DATE", &date);
        assert!(git.status().unwrap().success(), "{arguments:?}");
    };
    project.write(".git/info/attributes", "*.secrets.yaml merge=septum\n");
    git("2026-01-10", &["checkout", "-q", "-b", "topic"]);
    project.write("dev.yaml", layer(["a2", "b1"]));
    project.write("files/f", lines(["one of topic", "two"]));
    project.give(format!("{CANARY}-3"), &["set", "dev", "C"]).succeeds();
    commit(&project, "2026-02-10");
    git("2026-02-10", &["checkout", "-q", "main"]);
    project.write("dev.yaml", layer(["a1", "b2"]));
    project.write("files/f", lines(["one", "two of main"]));
    project.run(&["rotate", "dev.secrets.yaml"]).succeeds();
    commit(&project, "2026-03-10");
    git("2026-04-10", &["merge", "-q", "--no-edit", "topic"]);
    let merged = [
        changed("A", "2026-02-10"),
        changed("B", "2026-03-10"),
        changed("C", "2026-02-10"),
        changed("D", "2026-01-10"),
        changed("F", "2026-04-10"),
    ];
    assert_eq!(days(&project), merged);
    // what a merge does not take has no effect, however late it is
    git("2026-04-10", &["checkout", "-q", "-b", "other"]);
    project.write("dev.yaml", layer(["a9", "b9"]));
    commit(&project, "2026-05-10");
    git("2026-05-10", &["checkout", "-q", "main"]);
    git("2026-06-10", &["merge", "-q", "--no-edit", "--no-ff", "-s", "ours", "other"]);
    assert_eq!(days(&project), merged);
    // a value that the merge itself makes
    git("2026-06-10", &["checkout", "-q", "-b", "third", "HEAD^"]);
    project.write("dev.yaml", layer(["a3", "b2"]));
    commit(&project, "2026-07-10");
    git("2026-07-10", &["checkout", "-q", "main"]);
    git("2026-08-10", &["merge", "-q", "--no-commit", "--no-ff", "third"]);
    project.write("dev.yaml", layer(["a4", "b2"]));
    commit(&project, "2026-08-10");
    assert_eq!(days(&project)[..2], [changed("A", "2026-08-10"), changed("B", "2026-03-10")]);
}

/// The history of a linked layer is that of the file.
#[cfg(unix)]
#[test]
fn a_linked_layer_has_the_days_of_its_file() {
    let project =
        Sandbox::of("data: { LOG: info, TXT: { file: f.txt } }\n", "").file("shared/dev.yaml", "data: { LOG: warn }\n");
    project.write("shared/f.txt", "text\n");
    std::fs::remove_file(project.path("dev.yaml")).unwrap();
    for name in ["dev.yaml", "f.txt"] {
        std::os::unix::fs::symlink(format!("shared/{name}"), project.path(name)).unwrap();
    }
    commit(&project, "2026-01-10");
    let days = || ages(project.run(&JSON)).into_iter().map(|(_, basis, day, _)| (basis, day)).collect::<Vec<_>>();
    assert_eq!(days(), [(json!("changed"), json!("2026-01-10")), (json!("changed"), json!("2026-01-10"))]);
    project.write("shared/dev.yaml", "data: { LOG: error }\n");
    project.write("shared/f.txt", "other\n");
    commit(&project, "2026-02-10");
    assert_eq!(days(), [(json!("changed"), json!("2026-02-10")), (json!("changed"), json!("2026-02-10"))]);
}
