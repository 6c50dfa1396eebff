//! Keys, groups and rules against the real age and sops; skipped, with a line that says so, where
//! they are missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use septum::sops::{
    Identities, IdentitySources, Recipient, RecipientGroup, SopsConfigCache, decrypt_document, read_metadata,
    unlock_data_key, wrap_data_key,
};
use septum::span::Source;
use zeroize::Zeroizing;

use crate::sops_read::keys::{ONE, TWO};
use crate::sops_read::messages;
use crate::sops_read::tree::{document, meaning};
use crate::sops_read::vectors::{directory, text};
use crate::support::peers::peer;

/// Runs a program; what it prints, if it ends well.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Pairs of a recipient and the file with its identity.
fn pairs() -> Vec<(String, PathBuf)> {
    let ssh = text("ssh_ed25519.key.pub").trim().to_owned();
    let hybrid = Source::new("x.yaml", text("hybrid_pq_recipient.enc.yaml"));
    let hybrid = read_metadata(&document(hybrid.text()), &hybrid).expect("reads").groups[0].age[0].recipient.clone();
    vec![
        (TWO.to_owned(), directory().join("keys.txt")),
        (ssh, directory().join("ssh_ed25519.key")),
        (hybrid, directory().join("keys_pq.txt")),
    ]
}

#[test]
fn what_is_wrapped_here_real_age_unwraps() {
    let Some(age) = peer("age") else { return };
    let temporary = tempfile::tempdir().expect("a directory");
    for (recipient, identity) in pairs() {
        for length in [32, 33] {
            let secret: String = "0123456789abcdef".chars().cycle().take(length).collect();
            let wrapped = Recipient::parse(&recipient).expect("valid").wrap_secret(secret.as_bytes()).expect("wraps");
            let file = temporary.path().join("key.age");
            fs::write(&file, wrapped).expect("writes");
            let found = run(Command::new(&age).arg("-d").arg("-i").arg(&identity).arg(&file));
            assert_eq!(found, Ok(secret), "{recipient}");
        }
    }
}

#[test]
fn what_real_age_wraps_is_unwrapped_here() {
    let Some(age) = peer("age") else { return };
    let temporary = tempfile::tempdir().expect("a directory");
    let key = temporary.path().join("key");
    let secret: [u8; 32] = std::array::from_fn(|index| b'A' + u8::try_from(index).expect("small"));
    fs::write(&key, secret).expect("writes");
    for (recipient, identity) in pairs() {
        let wrapped = run(Command::new(&age).args(["-e", "-a", "-r", &recipient]).arg(&key)).expect("wraps");
        let source = Source::new("x.yaml", text("simple.enc.yaml"));
        let mut metadata = read_metadata(&document(source.text()), &source).expect("reads");
        metadata.groups[0].age.truncate(1);
        metadata.groups[0].age[0].recipient = recipient.clone();
        metadata.groups[0].age[0].wrapped.text = wrapped;
        let is_ssh = recipient.starts_with("ssh");
        let places = IdentitySources {
            age_key_file: (!is_ssh).then(|| identity.clone()),
            ssh_key_file: is_ssh.then(|| identity.clone()),
            ..IdentitySources::default()
        };
        let unlocked = unlock_data_key(&metadata, &Identities::new(places));
        let unlocked = unlocked.unwrap_or_else(|error| panic!("{recipient}: {:?}", messages(error)));
        assert_eq!(*unlocked.data_key(), secret);
    }
}

/// sops in a directory with nothing of the user's.
fn sops(program: &Path, at: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(at).env_clear().env("HOME", at).env("SOPS_AGE_KEY_FILE", directory().join("keys.txt"));
    command.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", directory().join("ssh_ed25519.key"));
    command
}

#[test]
fn key_groups_that_sops_writes_are_read_and_ours_by_sops() {
    let Some(program) = peer("sops") else { return };
    let temporary = tempfile::tempdir().expect("a directory");
    let at = temporary.path();
    let ssh = text("ssh_ed25519.key.pub").trim().to_owned();
    fs::write(at.join("x.yaml"), "a: hunter2\nb: [1, true]\n").expect("writes");
    let identities = Identities::new(IdentitySources {
        age_key: Some(Zeroizing::new(text("keys.txt"))),
        ssh_key_file: Some(directory().join("ssh_ed25519.key")),
        ..IdentitySources::default()
    });
    for (groups, threshold) in [
        (vec![vec![ONE], vec![TWO]], 2),
        (vec![vec![ONE, TWO], vec![TWO], vec![&ssh]], 2),
        (vec![vec![ONE], vec![TWO], vec![&ssh]], 3),
        (vec![vec![&ssh, ONE]], 0),
    ] {
        let list: Vec<_> = groups.iter().map(|group| format!("{{age: ['{}']}}", group.join("', '"))).collect();
        let rule = format!("creation_rules:\n- key_groups: [{}]\n  shamir_threshold: {threshold}\n", list.join(", "));
        fs::write(at.join(".sops.yaml"), &rule).expect("writes");
        let written = run(sops(&program, at).args(["encrypt", "x.yaml"])).expect("encrypts");
        let source = Source::new("x.yaml", written.clone());
        let found = decrypt_document(document(source.text()), &source, &identities)
            .unwrap_or_else(|error| panic!("{rule}: {:?}", messages(error)));
        assert_eq!(meaning(&found.tree), meaning(&document("a: hunter2\nb: [1, true]\n")));
        let rule = SopsConfigCache::default().find_rule(&at.join("x.yaml")).expect("reads").expect("a rule");
        assert!(septum::sops::compute_drift(&rule, &found.metadata).is_none(), "{written}");
        // the other way: the same data key, wrapped here
        let key = *unlock_data_key(&found.metadata, &identities).expect("opens").data_key();
        let wanted: Vec<RecipientGroup> = rule.groups.clone();
        let sealed = wrap_data_key(&key, &wanted, rule.threshold).expect("seals");
        let mut text = written;
        for (old, new) in found.metadata.age_recipients().zip(sealed.iter().flat_map(|group| &group.age)) {
            let indented = |armor: &str, indent: &str| armor.trim().replace('\n', &format!("\n{indent}"));
            let indent = if groups.len() > 1 { " ".repeat(16) } else { " ".repeat(12) };
            let changed =
                text.replacen(&indented(&old.wrapped.text, &indent), &indented(&new.wrapped.text, &indent), 1);
            assert_ne!(changed, text);
            text = changed;
        }
        fs::write(at.join("ours.yaml"), text).expect("writes");
        let printed = run(sops(&program, at).args(["decrypt", "ours.yaml"])).expect("decrypts");
        assert_eq!(printed, "a: hunter2\nb:\n    - 1\n    - true\n");
    }
}

#[test]
fn rules_match_the_files_that_they_match_for_sops() {
    let Some(program) = peer("sops") else { return };
    let temporary = tempfile::tempdir().expect("a directory");
    let at = temporary.path();
    let paths =
        ["prod/a.yaml", "prod/sub/a.yaml", "dev/a.yaml", "dev/prod.yaml", "a b/ü.yaml", "top.yaml", "x.prod.yaml"];
    for path in paths {
        let path = at.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("creates");
        fs::write(path, "a: 1\n").expect("writes");
    }
    for pattern in [
        "^prod/",
        "prod",
        r"^prod/.*\.yaml$",
        r"^[^/]+\.yaml$",
        r"\.prod\.",
        "a b",
        "^[[:alpha:]]+/",
        r"\w\.yaml$",
        "(?i)PROD",
        r"^\./prod",
        "^/",
        r"^dev/\Qprod.\E",
        "ü",
        "",
        "$",
        r"^(dev|top)(/|\.)",
    ] {
        let rules =
            format!("creation_rules:\n- path_regex: '{pattern}'\n  age: {ONE}\n- path_regex: ^dev/\n  age: {TWO}\n");
        fs::write(at.join(".sops.yaml"), rules).expect("writes");
        for path in paths {
            let real = run(sops(&program, at).args(["encrypt", path]));
            let real = match &real {
                Ok(text) if text.contains(ONE) => Some(ONE),
                Ok(_) => Some(TWO),
                Err(error) => {
                    assert!(error.contains("no matching creation rules"), "{error}");
                    None
                }
            };
            let ours = SopsConfigCache::default().find_rule(&at.join(path)).expect("reads");
            let ours = ours.as_ref().map(|rule| rule.groups[0].age[0].as_str());
            assert_eq!(ours, real, "`{pattern}` on `{path}`");
        }
    }
}
