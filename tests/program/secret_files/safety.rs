//! What holds for all commands on secrets: nothing half written, nothing shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[cfg(debug_assertions)]
use septum::test_hook::StopPoint;

use crate::secret_files::FILES;
use crate::support::sandbox::{CANARY, Sandbox};
#[cfg(debug_assertions)]
use crate::support::sandbox::{Run, give};

/// Whoever is killed while he writes, at any point that a write passes, leaves the old file or the new one, and
/// the next run is as if nothing had been.
#[test]
#[cfg(debug_assertions)]
fn a_killed_rewrite_leaves_the_old_file_or_the_new_one() {
    let (old, new) = ("a".repeat(200_000), "b".repeat(200_000));
    for point in StopPoint::ALL {
        let is_new = match point {
            StopPoint::FilesRead
            | StopPoint::FilesLocked
            | StopPoint::AtomicHalfWritten
            | StopPoint::AtomicComplete
            | StopPoint::AtomicLinked => false,
            StopPoint::AtomicNamed => true,
            // of output trees and of Git, which have tests of their own
            StopPoint::TreeStep | StopPoint::GitPrepared => continue,
        };
        let desk = Sandbox::with_identities();
        desk.encrypted("x.enc.yaml", format!("value: {old}\n"));
        let set = || desk.command(&["set", "x.enc.yaml", "value"]);
        let mut killed = set();
        killed.env("SEPTUM_TEST_STOP_AT", format!("{}:1", point.name()));
        let killed: Run = give(killed, new.as_bytes()).into();
        assert_eq!((killed.code, killed.stderr.as_str()), (-1, ""), "{point:?} was passed");
        let found = desk.run(&["get", "x.enc.yaml", "value"]).succeeds();
        assert_eq!(found == new, is_new, "{point:?}");
        assert!(is_new || found == old, "{point:?}: half a file");
        for (name, bytes) in desk.all() {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(&old[..100]) && !text.contains(&new[..100]), "{point:?}: plaintext in {name}");
        }
        let again: Run = give(set(), new.as_bytes()).into();
        assert_eq!(again.code, 0, "{point:?}: {}", again.stderr);
        assert_eq!(desk.run(&["get", "x.enc.yaml", "value"]).succeeds(), new, "{point:?}");
    }
}

/// Commands that fail, in many ways, on files full of a secret.
#[test]
fn no_message_shows_a_value() {
    let desk = Sandbox::with_identities();
    let secrets = [CANARY.to_owned(), STANDARD.encode(CANARY), STANDARD.encode(format!("{CANARY}\n"))];
    for (name, content) in FILES {
        desk.encrypted(name, content);
    }
    desk.write("plain.enc.yaml", "key: [hunter2-canary\n");
    desk.write("dup.enc.yaml", "a: hunter2-canary\na: hunter2-canary\n");
    desk.write("open.enc.json", "{\"a\": \"hunter2-canary\"");
    desk.write("line.enc.env", "hunter2-canary\n");
    desk.write("line.enc.ini", "hunter2-canary\n");
    let half = desk.read("app.enc.yaml");
    desk.write(
        "half.enc.yaml",
        half.replace("user: ENC[", "user: ENC[hunter2-canary,").replace("\nlist:\n", "\nlist: hunter2-canary\nx:\n"),
    );
    desk.write("mac.enc.yaml", half.replace("lastmodified: \"20", "lastmodified: \"19"));
    let mut printed = String::new();
    for name in [
        "plain.enc.yaml",
        "dup.enc.yaml",
        "open.enc.json",
        "line.enc.env",
        "line.enc.ini",
        "half.enc.yaml",
        "mac.enc.yaml",
    ] {
        for command in ["encrypt", "decrypt", "rekey", "rotate", "unset", "get"] {
            let mut arguments = vec![command, name];
            if matches!(command, "unset" | "get") {
                arguments.push("user");
            }
            let run = desk.run(&arguments);
            // without anything to do, `rekey` opens no file
            assert!(run.code != 0 || command == "rekey", "{arguments:?}");
            printed += &run.stderr;
            printed += &String::from_utf8_lossy(&run.bytes);
        }
        printed += &desk.give(CANARY, &["set", name, "user"]).stderr;
    }
    for (name, _) in FILES {
        for arguments in [
            &["set", name, "hunter2.x[9]"][..],
            &["set", name, "user.deep"],
            &["set", name, "new", "--json"],
            &["set", name, "sops"],
        ] {
            printed += &desk.give(format!("{{{CANARY}"), arguments).stderr;
        }
        printed += &desk.run_as_bob(&["decrypt", name]).stderr;
        printed += &desk.run_as_bob(&["rotate", name]).stderr;
        printed += &desk.run(&["unset", name, "none"]).stderr;
    }
    for secret in &secrets {
        let line = printed.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
    }
    assert!(printed.len() > 10_000, "there was much to say");
}

#[test]
fn many_files_are_worked_on_in_one_run() {
    let desk = Sandbox::with_identities();
    let names: Vec<_> = (0..60).map(|index| format!("many/{index:02}.enc.yaml")).collect();
    for (index, name) in names.iter().enumerate() {
        desk.write(name, format!("number: {index}\n"));
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    desk.run(&[&["encrypt"][..], &names].concat()).succeeds();
    let all = desk.run(&[&["decrypt"][..], &names].concat()).succeeds();
    let expected: Vec<_> = (0..60).map(|index| format!("number: {index}\n")).collect();
    assert_eq!(all, expected.join("---\n"), "in the order in which they were named");
    // named twice, a file is changed once
    desk.run(&["rotate", names[0], names[0], "./many/00.enc.yaml"]).succeeds();
    desk.run(&["decrypt", names[0]]).succeeds();
}

#[cfg(unix)]
#[test]
fn modes_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let desk = Sandbox::with_identities();
    desk.encrypted("real.enc.yaml", "a: 1\n");
    std::fs::set_permissions(desk.path("real.enc.yaml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.enc.yaml", desk.path("link.enc.yaml")).unwrap();
    desk.give("2", &["set", "link.enc.yaml", "a"]).succeeds();
    assert!(std::fs::symlink_metadata(desk.path("link.enc.yaml")).unwrap().is_symlink());
    let mode = std::fs::metadata(desk.path("real.enc.yaml")).unwrap().permissions().mode();
    assert_eq!((desk.run(&["get", "real.enc.yaml", "a"]).succeeds(), mode & 0o777), ("2".to_owned(), 0o640));
}

/// The type of a ciphertext is not authenticated: whoever can write the file can make a truth value a
/// text, and `true` comes out as `True`. The base knows better.
#[test]
fn a_swapped_type_is_found_by_what_the_base_says() {
    let desk = Sandbox::with_identities();
    desk.write(
        "base.yaml",
        "app: shop\ndata:\n  DEBUG: { type: boolean, sensitive: true }\n  PORT: { type: integer }\n",
    );
    desk.write("prod.yaml", "");
    desk.encrypted("prod.secrets.yaml", "data: {DEBUG: true, PORT: 80}\n");
    desk.run(&["render", "prod"]).succeeds();
    desk.replace("prod.secrets.yaml", "type:bool]", "type:str]");
    desk.run(&["render", "prod"]).fails(2);

    // where the text is the same, so is the value
    desk.replace("prod.secrets.yaml", "type:str]", "type:bool]");
    desk.replace("prod.secrets.yaml", "type:int]", "type:str]");
    desk.run(&["render", "prod"]).succeeds();
}

#[test]
fn a_comment_that_somebody_changed_without_the_key_puts_no_value_in_plaintext() {
    for (selector, name, text, from, to) in [
        ("unencrypted_comment_regex: keep", "x.enc.yaml", "a: x\npass: CANARY\n", "\npass", "\n# keep\npass"),
        ("unencrypted_comment_regex: keep", "x.enc.yaml", "a: x\nl: [x, CANARY]\n", "\nl:", "\n# keep\nl:"),
        ("unencrypted_comment_regex: keep", "x.enc.yaml", "a: x\nb:\n- p: CANARY\n", "- p", "# keep\n    - p"),
        ("encrypted_comment_regex: enc", "x.enc.yaml", "# enc\na: x\n# enc\nb: CANARY\n", "# enc\nb", "b"),
        ("encrypted_comment_regex: enc", "x.enc.yaml", "# enc\na: x\n---\n# enc\nb: CANARY\n", "# enc\nb", "# en\nb"),
        ("unencrypted_comment_regex: keep", "x.enc.env", "a=x\npass=CANARY\n", "\npass", "\n# keep\npass"),
        ("unencrypted_comment_regex: keep", "x.enc.ini", "[s]\na=x\n[t]\nb=CANARY\n", "[t]", "; keep\n[t]"),
    ] {
        let desk = Sandbox::with_identities();
        let rule = |age: &str, selector: &str| desk.rules(&format!("creation_rules: [{{age: {age}, {selector}}}]"));
        for selector in [selector.to_owned(), format!("{selector}, mac_only_encrypted: true")] {
            rule("ALICE", &selector);
            desk.encrypted(name, text.replace("CANARY", CANARY));
            let original = desk.read(name);
            desk.replace(name, from, to);
            let changed = desk.read(name);
            assert_ne!(changed, original, "{text}");
            desk.run(&["decrypt", name]).record();
            let key = if name.ends_with("ini") { "s.a" } else { "a" };
            desk.give("new\n", &["set", name, key]).fails(2);
            desk.run(&["rotate", name]).fails(2);
            rule("[ALICE, BOB]", &selector);
            desk.run(&["rekey", name]).fails(2);
            rule("ALICE", &selector);
            assert_eq!(desk.read(name), changed, "{text}");
            if let Some(run) = desk.sops("alice.txt", &["decrypt", name]) {
                assert_eq!(run.code, 51, "{text}");
            }
            // who has the key may put the comment right
            desk.write("content", text.replace("CANARY", CANARY).replace("a: x", "a: y"));
            let mut command = desk.command(&["edit", "--allow-disk", name]);
            let run = command.env("EDITOR", "cp content").output().unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            assert!(!desk.read(name).contains(CANARY), "{text}");
        }
    }
}

#[test]
fn a_value_whose_comment_was_removed_stays_encrypted_where_it_moves_to() {
    let list = "l:\n# enc\n- x\n- y\n# enc\n- CANARY\n";
    let memory = if cfg!(target_os = "linux") { "/dev/shm".into() } else { std::env::temp_dir() };
    let memory = tempfile::tempdir_in(memory).unwrap();
    let map = "a: x\n# enc\nb: CANARY\n";
    for (text, edited) in [
        (list, None),
        (list, Some("l:\n# enc\n- x\n- CANARY\n")),
        (map, Some("a: x\nc: CANARY\n")),
        (map, Some("n:\n  b: CANARY\n")),
    ] {
        let desk = Sandbox::with_identities();
        desk.rules("creation_rules: [{age: ALICE, encrypted_comment_regex: enc}]");
        desk.encrypted("x.enc.yaml", text.replace("CANARY", CANARY));
        let written = desk.read("x.enc.yaml");
        let (before, after) = written.rsplit_once("# enc\n").unwrap();
        let changed = [before, after].concat();
        desk.write("x.enc.yaml", &changed);
        desk.write("content", edited.unwrap_or_default().replace("CANARY", CANARY));
        let mut command = match edited {
            Some(_) => desk.command(&["edit", "--allow-disk", "x.enc.yaml"]),
            None => desk.command(&["unset", "x.enc.yaml", "l[0]"]),
        };
        // the text of an edit that fails is kept there
        let run = command.env("EDITOR", "cp content").env("XDG_RUNTIME_DIR", memory.path()).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{text} {edited:?}: {}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(desk.read("x.enc.yaml"), changed, "{text} {edited:?}");
    }
}

#[test]
fn a_layer_that_differs_from_its_rule_is_told_when_it_is_rendered() {
    let desk = Sandbox::with_identities();
    desk.write("base.yaml", "app: shop\ndata: { TOKEN: { sensitive: true } }\n");
    desk.write("prod.yaml", "");
    desk.encrypted("prod.secrets.yaml", "data: {TOKEN: x}\n");
    assert_eq!(desk.run(&["render", "prod"]).stderr, "");
    desk.rules("creation_rules: [{age: 'ALICE,BOB'}]");
    let run = desk.run(&["render", "prod"]);
    run.record();
    assert!(run.succeeds().contains("TOKEN"));
    assert_eq!(desk.run_without_key(&["explain", "prod", "TOKEN"]).stderr, "", "nothing was decrypted");
}
