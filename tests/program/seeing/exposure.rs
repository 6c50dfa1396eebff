//! `septum exposure`: what a recipient could ever decrypt, from the history of a repository.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

/// Runs Git as Alice at a fixed time.
pub(super) fn git(site: &Sandbox, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]).args(arguments);
    git.current_dir(site.root()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    git.env("GIT_COMMITTER_DATE", "2026-01-02T00:00:00Z").env("GIT_AUTHOR_DATE", "2026-01-02T00:00:00Z");
    let output = git.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn commit(site: &Sandbox, message: &str) {
    git(site, &["add", "-A"]);
    git(site, &["commit", "-q", "--allow-empty", "-m", message]);
}

const PROD: &str = "environments/prod.secrets.yaml";

/// Bob could read `prod`, lost access, and then one value was changed.
fn site() -> Sandbox {
    let site = Sandbox::with_identities();
    site.write(".gitignore", "alice.txt\nbob.txt\nhome\n");
    git(&site, &["init", "-q"]);
    site.rules(r"creation_rules: [{path_regex: '\.secrets\.', age: 'ALICE,BOB'}]");
    site.write(
        "environments/base.yaml",
        "app: shop\ndata: { A: { sensitive: true }, B: { sensitive: true }, C: { sensitive: true } }\n",
    );
    site.write("environments/dev.yaml", "");
    site.write("environments/prod.yaml", "");
    site.encrypted(PROD, format!("data:\n  A: {CANARY}\n  B: {CANARY}\n  C: {CANARY}\n"));
    commit(&site, "both");
    git(&site, &["tag", "both"]);
    site
}

fn states(site: &Sandbox, arguments: &[&str]) -> Vec<(String, String, String)> {
    let run = site.run(&[&["exposure", &site.bob, "--format", "json"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found: Json = serde_json::from_str(&run.stdout).unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let row = |value: &Json| (text(&value["file"]), text(&value["key"]), text(&value["state"]));
    found["values"].as_array().unwrap().iter().map(row).collect()
}

fn keys_with(found: &[(String, String, String)], state: &str) -> Vec<String> {
    found.iter().filter(|(_, _, found)| found == state).map(|(_, key, _)| key.clone()).collect()
}

#[test]
fn every_value_has_its_state_at_each_step() {
    let site = site();
    assert_eq!(keys_with(&states(&site, &[]), "current"), ["data.A", "data.B", "data.C"]);
    // without Bob, and with a new data key
    site.rules(r"creation_rules: [{path_regex: '\.secrets\.', age: 'ALICE'}]");
    site.run(&["rekey", PROD]).succeeds();
    assert_eq!(keys_with(&states(&site, &[]), "changed-or-reencrypted").len(), 3, "not committed yet");
    commit(&site, "without bob");
    assert_eq!(keys_with(&states(&site, &[]), "changed-or-reencrypted").len(), 3);
    site.give("new", &["set", "prod", "A"]).succeeds();
    site.run(&["unset", "prod", "C"]).succeeds();
    commit(&site, "changed");
    let found = states(&site, &[]);
    assert_eq!(keys_with(&found, "changed"), ["data.A"]);
    assert_eq!(keys_with(&found, "changed-or-reencrypted"), ["data.B"]);
    assert_eq!(keys_with(&found, "removed"), ["data.C"]);
    let text = site.run(&["exposure", &site.bob]).ok();
    assert!(!text.contains(CANARY));
    let text = regex::Regex::new(r"\b[0-9a-f]{10}\b").unwrap().replace_all(&text, "COMMIT").into_owned();
    record(text);
    // the alias of an SSH key, and others, are not looked up by their comments
    assert_eq!(states(&site, &["--since", "HEAD~1"]), []);
    assert_eq!(states(&site, &["--since", "both"]).len(), 3);
    fs::remove_file(site.path(PROD)).unwrap();
    assert_eq!(keys_with(&states(&site, &[]), "removed").len(), 3);
}

#[cfg(unix)]
#[test]
fn files_that_no_commit_has_yet_count_in_any_repository() {
    for project in ["", "apps: [environments]\n"] {
        let site = site();
        if project.is_empty() {
            fs::remove_dir_all(site.path("environments")).unwrap();
            commit(&site, "no project");
        } else {
            site.write("septum.yaml", project);
        }
        site.rules(r"creation_rules: [{age: 'ALICE,BOB'}]");
        site.write("vault/plain.yaml", format!("k: {CANARY}\n"));
        commit(&site, "in plaintext");
        site.write("vault/new.yaml", format!("k: {CANARY}\n"));
        site.write("vault/added.yaml", format!("k: {CANARY}\n"));
        site.run(&["encrypt", "vault/plain.yaml", "vault/new.yaml", "vault/added.yaml"]).succeeds();
        git(&site, &["add", "vault/added.yaml"]);
        site.write("vault/notes.yaml", "k: v\n");
        std::os::unix::fs::symlink("/dev/zero", site.path("vault/link.yaml")).unwrap();
        let current = |name: &str| (format!("vault/{name}.yaml"), "k".to_owned(), "current".to_owned());
        let found = states(&site, &[]).into_iter().filter(|(file, ..)| file.starts_with("vault")).collect::<Vec<_>>();
        assert_eq!(found, ["added", "new", "plain"].map(current), "{project}");
    }
}

#[test]
fn a_layer_that_git_ignores_counts_as_what_is_not_committed() {
    let site = site();
    site.write(".gitignore", "*.txt\nhome\n*.secrets.yaml\n");
    site.encrypted("environments/dev.secrets.yaml", format!("data:\n  A: {CANARY}\n"));
    commit(&site, "ignored");
    let found = rows(&site).into_iter().find(|(file, ..)| file == "environments/dev.secrets.yaml");
    let row = ["environments/dev.secrets.yaml", "data.A", "current"].map(str::to_owned);
    let [file, key, state] = row;
    assert_eq!(found, Some((file, key, state, false)));
}

#[test]
fn a_project_that_cannot_be_read_is_an_error() {
    let site = site();
    site.write("septum.yaml", "apps: [");
    let run = site.run(&["exposure", &site.bob]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("septum.yaml:1:"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn what_is_in_the_place_of_an_encrypted_file_is_named() {
    let site = site();
    fs::remove_file(site.path(PROD)).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", site.path(PROD)).unwrap();
    let run = site.run(&["exposure", &site.bob]);
    assert!(run.stderr.contains(PROD), "{}", run.stderr);
}

#[test]
fn a_recipient_that_was_only_taken_from_the_list_still_knows_the_values() {
    let site = site();
    // sops itself keeps the data key: the ciphertexts stay
    let text = site.read(PROD);
    let start = text.find(&format!("recipient: {}", site.bob)).unwrap();
    let start = text[..start].rfind("- ").unwrap_or(start);
    let entry = &text[start..];
    let end = entry[2..].find("\n        - ").or_else(|| entry.find("\n    lastmodified")).unwrap() + start;
    let without = format!("{}{}", text[..start].trim_end(), &text[end.min(text.len())..]);
    site.write(PROD, without);
    if site.run(&["get", PROD, "data.A"]).code == 0 {
        commit(&site, "label removed");
        assert_eq!(keys_with(&states(&site, &[]), "unchanged").len(), 3);
    }
}

#[test]
fn versions_on_merged_branches_and_of_removed_files_count() {
    let site = site();
    git(&site, &["checkout", "-q", "-b", "side"]);
    site.rules(r"creation_rules: [{path_regex: '\.secrets\.|vault', age: 'ALICE,BOB'}]");
    site.write("old/vault.json", format!("{{\"k\": \"{CANARY}\"}}"));
    site.run(&["encrypt", "old/vault.json"]).succeeds();
    commit(&site, "side");
    fs::remove_file(site.path("old/vault.json")).unwrap();
    commit(&site, "gone");
    git(&site, &["checkout", "-q", "-"]);
    commit(&site, "main");
    git(&site, &["merge", "-q", "--no-edit", "side"]);
    let found = states(&site, &[]);
    assert!(found.contains(&("old/vault.json".to_owned(), "k".to_owned(), "removed".to_owned())), "{found:?}");
    assert_eq!(keys_with(&found, "current").len(), 3);
}

/// A change on one side says nothing about a merge that takes the value of the other side.
#[test]
fn a_merge_has_the_value_of_the_side_that_it_takes() {
    for (option, state) in [("theirs", "changed-or-reencrypted"), ("ours", "changed")] {
        let site = site();
        site.rules(r"creation_rules: [{path_regex: '\.secrets\.', age: 'ALICE'}]");
        site.write(".git/info/attributes", "*.yaml binary\n");
        commit(&site, "the rule");
        git(&site, &["checkout", "-q", "-b", "side"]);
        site.run(&["rekey", PROD]).succeeds();
        commit(&site, "encrypted again on the side");
        git(&site, &["checkout", "-q", "-"]);
        site.run(&["rekey", PROD]).succeeds();
        commit(&site, "encrypted again");
        site.give("new", &["set", "prod", "A"]).succeeds();
        commit(&site, "changed");
        git(&site, &["merge", "-q", "--no-edit", "-X", option, "side"]);
        let found = states(&site, &[]);
        assert_eq!(keys_with(&found, state)[0], "data.A", "{option}: {found:?}");
        // a merge of values, and a later encryption
        site.give("newer", &["set", "prod", "B"]).succeeds();
        site.run(&["rotate", PROD]).succeeds();
        commit(&site, "rotated");
        let found = states(&site, &[]);
        assert!(keys_with(&found, state).contains(&"data.A".to_owned()), "{option}: {found:?}");
        assert!(keys_with(&found, "changed-or-reencrypted").contains(&"data.C".to_owned()), "{option}: {found:?}");
    }
}

#[test]
fn a_recipient_of_nothing_is_answered_and_a_wrong_one_refused() {
    let site = site();
    let other = site.run(&["keygen", "-o", "other.txt"]).stderr;
    let other = other.trim_end().rsplit(' ').next().unwrap().to_owned();
    record(site.run(&["exposure", &other]).ok());
    let key = site.read("alice.txt");
    let secret = key.lines().find(|line| line.starts_with("AGE-SECRET")).unwrap();
    for wrong in [&["exposure", "bob"][..], &["exposure", secret], &["exposure", &site.bob, "--since", "nothing"]] {
        let message = site.run(wrong).refused();
        assert!(!message.contains(secret), "{message}");
    }
    let bare = Sandbox::with_identities();
    bare.run(&["exposure", &bare.bob]).fails(4);
}

#[test]
fn no_program_of_the_repository_runs() {
    let site = site();
    let ran = site.path("ran");
    let command = format!("touch {}", ran.display());
    for name in ["core.fsmonitor", "core.pager", "diff.external", "core.sshCommand", "filter.x.smudge", "alias.log"] {
        git(&site, &["config", name, &format!("!{command}")]);
    }
    site.write(".gitattributes", "* filter=x diff=x\n");
    git(&site, &["config", "diff.x.textconv", &command]);
    assert_eq!(states(&site, &[]).len(), 3);
    assert!(!ran.exists());
}

/// Values with their files and states, and whether the first commit is that of `both`.
fn rows(site: &Sandbox) -> Vec<(String, String, String, bool)> {
    let run = site.run(&["exposure", &site.bob, "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let first = git(site, &["rev-parse", "both"]);
    let found: Json = serde_json::from_str(&run.stdout).unwrap();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let row = |value: &Json| {
        let is_first = text(&value["since"]["commit"]) == first.trim();
        (text(&value["file"]), text(&value["key"]), text(&value["state"]), is_first)
    };
    found["values"].as_array().unwrap().iter().map(row).collect()
}

/// A change of the files that moves one to a path, with its name.
type MoveStep<'a> = (&'a str, &'a dyn Fn(&Sandbox, &str));

#[test]
fn a_file_that_moves_stays_one_file_with_all_its_values() {
    let moved = "environments/live.secrets.yaml";
    let other = "apps/shop/environments/prod.secrets.yaml";
    let git_mv = |site: &Sandbox, to: &str| {
        let parent = site.path(to);
        fs::create_dir_all(parent.parent().unwrap()).unwrap();
        git(site, &["mv", PROD, to]);
    };
    let unset = |site: &Sandbox, to: &str| {
        git_mv(site, to);
        site.run(&["unset", to, "data.C"]).succeeds();
    };
    let rekey = |site: &Sandbox, to: &str| {
        git_mv(site, to);
        site.rules(r"creation_rules: [{path_regex: '\.secrets\.', age: 'ALICE'}]");
        site.run(&["rekey", to]).succeeds();
    };
    let steps: [MoveStep<'_>; 3] = [("moved", &git_mv), ("moved and edited", &unset), ("moved without Bob", &rekey)];
    for (name, step) in steps {
        for to in [moved, other] {
            let site = site();
            step(&site, to);
            // also before it is committed
            for committed in [false, true] {
                if committed {
                    commit(&site, name);
                }
                let found = rows(&site);
                let state = |key: &str| match name {
                    "moved and edited" if key == "data.C" => "removed",
                    "moved without Bob" => "changed-or-reencrypted",
                    _ => "current",
                };
                let expected = ["data.A", "data.B", "data.C"]
                    .map(|key| (to.to_owned(), key.to_owned(), state(key).to_owned(), true));
                assert_eq!(found, expected, "{name} to {to}, committed: {committed}");
            }
        }
    }
}

#[test]
fn a_file_that_moves_on_a_branch_and_changes_on_another_is_one_file() {
    let site = site();
    let moved = "environments/live.secrets.yaml";
    git(&site, &["checkout", "-q", "-b", "side"]);
    git(&site, &["mv", PROD, moved]);
    commit(&site, "moved");
    git(&site, &["checkout", "-q", "-"]);
    site.give("new", &["set", PROD, "data.A"]).succeeds();
    commit(&site, "changed");
    git(&site, &["merge", "-q", "--no-edit", "side"]);
    let files: Vec<_> = rows(&site).into_iter().map(|(file, key, state, _)| (file, key, state)).collect();
    let row = |key: &str| (moved.to_owned(), key.to_owned(), "current".to_owned());
    assert_eq!(files, [row("data.A"), row("data.B"), row("data.C")]);
}

#[test]
fn values_that_are_in_plaintext_now_are_not_called_removed() {
    let site = site();
    site.run(&["unset", PROD, "data.C"]).succeeds();
    let key = site.path("alice.txt");
    let run = site.run(&["decrypt", PROD]);
    assert_eq!(run.code, 0, "{} {}", key.display(), run.stderr);
    site.write(PROD, run.stdout);
    for committed in [false, true] {
        if committed {
            commit(&site, "in plaintext");
        }
        let found = states(&site, &[]);
        assert_eq!(keys_with(&found, "plaintext"), ["data.A", "data.B"]);
        assert_eq!(keys_with(&found, "removed"), ["data.C"], "it is in neither");
    }
    let text = site.run(&["exposure", &site.bob]).ok();
    assert!(!text.contains(CANARY));
    let text = regex::Regex::new(r"\b[0-9a-f]{10}\b").unwrap().replace_all(&text, "COMMIT").into_owned();
    record(text);
}

/// Whatever its name says of its format, a file that was encrypted is one.
#[test]
fn files_of_every_format_and_name_count() {
    let site = site();
    site.rules(r"creation_rules: [{age: 'ALICE,BOB'}]");
    for (name, text) in [
        ("vault/.env", "A=x\n"),
        ("vault/x.ini", "[s]\na=b\n"),
        ("vault/tls.key", "key\n"),
        ("vault/noname", "text"),
        ("vault/x.json", "{\"a\": 1}\n"),
    ] {
        site.write(name, text);
        site.run(&["encrypt", name]).succeeds();
    }
    // as by `sops encrypt --input-type yaml --output-type yaml`
    site.write("vault/typed.yaml", "a: b\n");
    site.run(&["encrypt", "vault/typed.yaml"]).succeeds();
    fs::rename(site.path("vault/typed.yaml"), site.path("vault/typed.enc")).unwrap();
    // a text about encrypted files is none
    let example = format!("# How to\n\n```yaml\n{}```\n", site.read("vault/typed.enc"));
    site.write("vault/README.md", example);
    commit(&site, "vault");
    let of_vault = |state: &str| {
        let found = states(&site, &[]).into_iter().filter(|(file, ..)| file.starts_with("vault"));
        found.filter(|(_, _, found)| found == state).map(|(file, key, _)| format!("{file} {key}")).collect::<Vec<_>>()
    };
    let all = [
        "vault/.env A",
        "vault/noname data",
        "vault/tls.key data",
        "vault/typed.enc a",
        "vault/x.ini s.a",
        "vault/x.json a",
    ];
    assert_eq!(of_vault("current"), all);
    assert_eq!(site.run(&["exposure", &site.bob, "--format", "json"]).json()["unread"], serde_json::json!([]));
    for (name, text) in [("vault/tls.key", "key\n"), ("vault/typed.enc", "a: b\n")] {
        site.write(name, text);
    }
    assert_eq!(of_vault("plaintext"), ["vault/tls.key data", "vault/typed.enc a"]);
}
