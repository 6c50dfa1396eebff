//! Variables as text, read back by those that read them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::json;

use super::project;
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox, give};
use crate::support::terminal::{driver, session};

/// Texts that quoting gets wrong.
const ODD: [&str; 16] = [
    "",
    "plain",
    "it's",
    "'",
    "''\\''",
    "a \"b\" c",
    "$HOME `id` $(id) ${X}",
    "back\\slash",
    "a\\\\b",
    "# no comment",
    "a=b",
    " blanks ",
    "two\nlines\n",
    "tab\tä€😀",
    "!history *glob? ~",
    "%s %n",
];

fn odd_project() -> Sandbox {
    let entries: serde_json::Map<_, _> = ODD
        .iter()
        .enumerate()
        .map(|(index, text)| (format!("V{index}"), json!({ "value": text, "template": false })))
        .collect();
    Sandbox::of(&json!({ "app": "a", "data": entries }).to_string(), "").env("PATH", std::env::var_os("PATH").unwrap())
}

/// The variables after a shell has run a text.
fn after(text: &str) -> BTreeMap<String, String> {
    let mut shell = Command::new("sh");
    shell.args(["-euc", "set -a; eval \"$(cat; echo :)\"; env -0"]).env_clear();
    let output = give(shell, text.as_bytes());
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let pairs = printed.split_terminator('\0').filter_map(|line| line.split_once('='));
    pairs.filter(|(name, _)| name.starts_with('V')).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn a_shell_reads_every_text_back() {
    let site = odd_project();
    let expected: BTreeMap<_, _> =
        ODD.iter().enumerate().map(|(index, text)| (format!("V{index}"), (*text).to_owned())).collect();
    assert_eq!(after(&site.run(&["export", "dev", "--format", "shell"]).ok()), expected);
    assert_eq!(after(&site.run(&["export", "dev", "--format", "dotenv"]).ok()), expected);
    let found: BTreeMap<String, String> =
        serde_json::from_str(&site.run(&["export", "dev", "--format", "json"]).ok()).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn formats_are_written_as_their_readers_expect() {
    let site = project().file("files/nginx.conf", "server {}\nlocation {}\n");
    for format in ["dotenv", "shell", "json", "docker"] {
        record(site.run(&["export", "dev", "--no-secrets", "--format", format]).ok());
    }
    assert_eq!(
        site.run(&["export", "dev", "--no-secrets"]).ok(),
        site.run(&["export", "dev", "--no-secrets", "--format=dotenv"]).ok()
    );
    let json = site.run(&["export", "dev", "--format", "json"]).json();
    assert_eq!(json["PASSWORD"], format!("{CANARY} Z9/+"));
}

#[test]
fn what_a_format_cannot_represent_is_refused_with_all_keys() {
    let site = odd_project();
    site.run(&["export", "dev", "--format", "docker"]).refused();
    let base = json!({ "app": "a", "data": { "A": "a\\", "B": "b\r", "GITHUB_TOKEN": "c", "D": "ok" } }).to_string();
    let site = Sandbox::of(&base, "");
    for format in ["dotenv", "docker", "github"] {
        site.run(&["export", "dev", "--format", format]).refused();
    }
}

#[test]
fn a_job_of_github_gets_random_delimiters_and_masks() {
    let site = project().edited("base.yaml", "LEVEL: info", "LEVEL: \"a\\nb<<c\"").edited(
        "dev.yaml",
        "{ LEVEL: debug }",
        "{}",
    );
    let quiet = site.run(&["export", "dev", "--format", "github"]);
    assert_eq!(quiet.stderr, "", "outside of a job, nothing is masked");
    let site = site.env("GITHUB_ACTIONS", "true");
    let (one, two) = (site.run(&["export", "dev", "--format=github"]), site.run(&["export", "dev", "--format=github"]));
    assert_ne!(one.stdout, two.stdout);
    let mut lines = one.stdout.lines();
    let mut found = BTreeMap::new();
    while let Some((key, delimiter)) = lines.next().and_then(|line| line.split_once("<<")) {
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        assert!(delimiter.len() > 30, "{delimiter}");
        found.insert(key, value.join("\n"));
    }
    assert_eq!(found["LEVEL"], "a\nb<<c");
    assert_eq!(found["PASSWORD"], format!("{CANARY} Z9/+"));
    assert!(one.stderr.lines().all(|line| line.starts_with("::add-mask::")), "{}", one.stderr);
    assert!(one.stderr.contains(&format!("::add-mask::{CANARY} Z9/+\n")), "{}", one.stderr);
    assert!(one.stderr.contains("%2520Z9"), "a percent sign is escaped: {}", one.stderr);
    // `--redact` masks too
    let run = site.run(&["exec", "dev", "--redact", "--", "sh", "-c", "echo $PASSWORD"]);
    assert_eq!(run.stdout, "[secret]\n");
    assert!(run.stderr.contains("::add-mask::"), "{}", run.stderr);
}

#[test]
fn a_terminal_shows_secrets_only_on_request() {
    let Some(driver) = driver() else { return };
    let site = project();
    let key = site.path("alice.txt").display().to_string();
    let shown = |options: &str| {
        let command = format!("\"$SEPTUM\" export dev {options}");
        session(&driver, &site.root(), &[("SOPS_AGE_KEY_FILE", &key), ("NO_COLOR", "1")], &command, &[])
    };
    let refused = shown("");
    assert_eq!(refused.code, 2, "{}", refused.shown);
    assert!(!refused.shown.contains(CANARY));
    record(&refused.shown);
    assert!(shown("--reveal").shown.contains(CANARY));
    assert_eq!(shown("--no-secrets").code, 0);
}
