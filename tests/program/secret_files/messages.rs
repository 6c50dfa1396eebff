//! What messages say where a file, a rule or a value is not as it should be, and the way out that they name.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;
#[cfg(unix)]
use std::path::PathBuf;

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Run, Sandbox};

/// What a run said that must succeed.
#[track_caller]
fn told(run: Run) -> String {
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains(CANARY), "{}", run.stderr);
    run.stderr
}

#[test]
fn conflicts_of_git_are_called_so_in_every_format() {
    let desk = Sandbox::with_identities();
    for (name, text) in [
        ("x.enc.yaml", "a: hunter2-canary\n"),
        ("x.enc.json", "{\"a\": \"hunter2-canary\"}\n"),
        ("x.enc.env", "A=hunter2-canary\n"),
        ("x.enc.ini", "[s]\na=hunter2-canary\n"),
        ("x.enc.bin", "hunter2-canary\n"),
    ] {
        desk.encrypted(name, text);
        let encrypted = desk.read(name);
        let conflict = |line: usize| {
            let lines: Vec<&str> = encrypted.lines().collect();
            let (before, at, after) = (&lines[..line - 1], lines[line - 1], &lines[line..]);
            let middle = format!("<<<<<<< HEAD\n{at}\n=======\n{at}\n>>>>>>> topic");
            format!("{}\n{middle}\n{}\n", before.join("\n"), after.join("\n")).trim_start().to_owned()
        };
        for line in [1, 2, encrypted.lines().count() - 1] {
            desk.write(name, conflict(line));
            for arguments in [&["decrypt", name][..], &["rotate", name], &["encrypt", name], &["edit", name]] {
                let message = desk.run(arguments).fails(2);
                assert!(message.contains(&format!("{name}:{line}:1")), "{arguments:?}: {message}");
            }
        }
    }
    desk.write("plain.enc.yaml", "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> topic\n");
    desk.run(&["encrypt", "plain.enc.yaml"]).fails(2);
}

#[test]
fn plaintext_typed_into_an_encrypted_file_is_encrypted_on_request() {
    let desk = Sandbox::with_identities();
    for (name, text, line, path) in [
        ("x.enc.yaml", "# c\na: one\nb: two\n", "a: hunter2-canary", "a"),
        ("y.enc.yaml", "# c\na: one\nb: two\n", "a: 5", "a"),
        ("x.enc.json", "{\n\"a\": \"one\",\n\"b\": \"two\"\n}\n", "\"a\": \"hunter2-canary\",", "a"),
        ("x.enc.env", "a=one\nb=two\n", "a=hunter2-canary", "a"),
        ("x.enc.ini", "[s]\na=one\nb=two\n", "a=hunter2-canary", "s.a"),
    ] {
        desk.encrypted(name, text);
        let is_line = |at: &str| at.trim_start_matches('"').starts_with('a');
        let typed: Vec<_> = desk
            .read(name)
            .lines()
            .map(|at| if is_line(at) && at.contains("ENC[") { line.to_owned() } else { at.to_owned() })
            .collect();
        desk.write(name, typed.join("\n") + "\n");
        for arguments in [&["decrypt", name][..], &["rotate", name]] {
            desk.run(arguments).fails(2);
        }
        let before = desk.bytes(name);
        desk.run_without_key(&["encrypt", name]).fails(3);

        assert_eq!(desk.bytes(name), before);
        let message = told(desk.run(&["encrypt", name]));
        record(&message);
        let after = desk.run(&["decrypt", name]).succeeds();
        assert!(!desk.read(name).contains(CANARY) && after.contains(line), "{name}: {after}");
        assert_eq!(desk.run(&["decrypt", "--extract", &path.replace('a', "b"), name]).succeeds().trim(), "two");
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            sops.succeeds();
        }
    }
}

#[test]
fn a_file_with_another_fault_beside_plaintext_stays_refused() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: one\nb: two\n");
    let text = desk.read("x.enc.yaml");
    let lines: Vec<_> = text.lines().collect();
    let (a, b) = (lines[0].strip_prefix("a: ").unwrap(), lines[1].strip_prefix("b: ").unwrap());
    desk.write("x.enc.yaml", text.replace(a, "typed").replace(b, a));
    let before = desk.all();
    desk.run(&["encrypt", "x.enc.yaml"]).fails(2);

    // what is left of a ciphertext is no value
    desk.write("x.enc.yaml", text.replace("a: ENC[", "a: "));
    desk.run(&["encrypt", "x.enc.yaml"]).fails(2);

    desk.write("x.enc.yaml", &before["x.enc.yaml"]);
    desk.encrypted("y.enc.yaml", "a: one\n");
    desk.run(&["encrypt", "y.enc.yaml"]).fails(2);
    assert_eq!(desk.all()["x.enc.yaml"], before["x.enc.yaml"]);
}

#[test]
fn set_keeps_a_value_from_where_it_would_stay_readable() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{path_regex: '\\.enc\\.', age: ALICE, encrypted_regex: ^hidden$}]");
    desk.encrypted("x.enc.yaml", "hidden:\n  a: one\nopen: two\n");
    let before = desk.bytes("x.enc.yaml");
    for path in ["open", "new", "more.below"] {
        let message = desk.give(CANARY, &["set", "x.enc.yaml", path]).fails(2);
        assert!(message.contains("`--plain`"), "{message}");
    }
    assert_eq!(desk.bytes("x.enc.yaml"), before);
    desk.give("three", &["set", "--plain", "x.enc.yaml", "open"]).succeeds();
    desk.give(CANARY, &["set", "x.enc.yaml", "hidden.new"]).succeeds();
    assert!(desk.read("x.enc.yaml").contains("open: three") && !desk.read("x.enc.yaml").contains(CANARY));
}

#[test]
fn set_refuses_what_sops_could_not_read() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: {b: c}\n");
    let before = desk.bytes("x.enc.yaml");
    for (path, value) in [("<<", "{}"), ("a[\"<<\"]", "\"x\""), ("a", "{\"k\": [{\"<<\": \"x\"}]}")] {
        desk.give(value, &["set", "--json", "x.enc.yaml", path]).fails(2);
    }
    for value in ["{\"k\": \"hunter2-canary\", \"k\": 2}", "[{\"a\": {\"b\": 1, \"b\": 1}}]"] {
        desk.give(value, &["set", "--json", "x.enc.yaml", "a"]).fails(2);
    }
    assert_eq!(desk.bytes("x.enc.yaml"), before);
    for path in ["ports.8080", "a.true", "a.null", "a[\"1.5\"]", "a[\"2024-01-01\"]", "a[\"~\"]", "a[\"# c\"]"] {
        desk.give("value", &["set", "x.enc.yaml", path]).succeeds();
        assert_eq!(desk.run(&["get", "x.enc.yaml", path]).succeeds(), "value", "{path}");
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.enc.yaml"]) {
            sops.succeeds();
        }
    }
}

#[test]
fn hints_about_rules_name_options_that_the_command_has() {
    let desk = Sandbox::with_identities();
    fs::remove_file(desk.path(".sops.yaml")).unwrap();
    desk.write("x.secrets.yaml", "a: b\n");
    desk.write("empty/x.secrets.yaml", "a: b\n");
    desk.write("empty/.sops.yaml", "creation_rules: [{path_regex: x}]\n");
    for directory in [".", "empty"] {
        let path = format!("{directory}/x.secrets.yaml");
        let message = desk.run(&["encrypt", &path]).fails(2);
        assert!(message.contains("--age"), "{message}");
        let message = desk.run(&["edit", &format!("{directory}/new.x.yaml")]).fails(2);
        assert!(!message.contains("--age"), "{message}");
        desk.run(&["encrypt", "--age", &desk.alice, &path]).succeeds();
        let message = desk.run(&["rekey", &path]).fails(2);
        assert!(!message.contains("--age"), "{message}");
        desk.run(&["rotate", &path]).succeeds();
    }
    // the rule of the hint works
    let message = desk.run(&["rekey", "x.secrets.yaml"]).fails(2);
    let rule = message.split("`creation_rules").nth(1).unwrap().split('`').next().unwrap();
    desk.rules(&format!("creation_rules{}", rule.replace("age1…", "ALICE")));
    desk.run(&["rekey", "x.secrets.yaml"]).succeeds();
}

#[test]
fn what_is_wrong_in_one_rule_stops_only_its_files() {
    let desk = Sandbox::with_identities();
    desk.rules(
        "keys:\n  - plain\ncreation_rules:\n  - {path_regex: ^bad/, age: ALICE, encrypted_regx: x}\n  - {path_regex: ^worse/, age: age1nobody}\n  - {path_regex: '\\.enc\\.', age: ALICE}\n",
    );
    for name in ["x.enc.yaml", "bad/x.enc.yaml", "worse/x.enc.yaml"] {
        desk.write(name, "a: b\n");
    }
    let message = told(desk.run(&["encrypt", "x.enc.yaml"]));
    record(&message);
    let message = desk.run(&["encrypt", "bad/x.enc.yaml"]).fails(2);
    assert!(message.contains("`encrypted_regex`"), "{message}");
    desk.run(&["encrypt", "worse/x.enc.yaml"]).fails(2);

    record(told(desk.run(&["decrypt", "x.enc.yaml"])));
}

#[test]
fn a_glob_in_the_place_of_a_regular_expression_is_called_one() {
    let desk = Sandbox::with_identities();
    desk.write("a.secrets.yaml", "a: b\n");
    desk.rules("creation_rules: [{path_regex: '*.secrets.yaml', age: ALICE}]");
    let message = desk.run(&["encrypt", "a.secrets.yaml"]).fails(2);
    assert!(message.contains(r"`(^|/)[^/]*\.secrets\.yaml$`"), "{message}");
    desk.rules(r"creation_rules: [{path_regex: '(^|/)[^/]*\.secrets\.yaml$', age: ALICE}]");
    desk.run(&["encrypt", "a.secrets.yaml"]).succeeds();
    // one that compiles and means something else
    desk.rules("creation_rules: [{path_regex: 'secrets/*.yaml', age: ALICE}]");
    let message = desk.run(&["encrypt", "a.secrets.yaml"]);
    assert!(message.stderr.contains("already"), "{}", message.stderr);
    desk.run(&["decrypt", "a.secrets.yaml"]).record();
}

const BASE: &str = "app: shop\ndata:\n  PORT: { value: 8080, type: integer }\n  PASSWORD: { sensitive: true, required: true, minLength: 12 }\n";

#[test]
fn check_reports_encrypted_files_that_no_rule_is_for() {
    let desk = Sandbox::with_identities();
    desk.write("base.yaml", BASE);
    desk.write("prod.yaml", "");
    desk.encrypted("prod.secrets.yaml", "data:\n  PASSWORD: hunter2-canary-long\n");
    desk.run_without_key(&["check"]).record();
    desk.rules("creation_rules: [{path_regex: other, age: ALICE}]");
    let run = desk.run_without_key(&["check"]);
    let all = format!("{}{}", run.stderr, String::from_utf8_lossy(&run.bytes));
    record(&all);
    assert!(all.contains("unruled-file"), "{all}");
}

#[cfg(unix)]
#[test]
fn edit_checks_a_layer_as_set_does() {
    let desk = Sandbox::with_identities();
    desk.write("base.yaml", BASE);
    desk.write("prod.yaml", "");
    desk.encrypted("prod.secrets.yaml", "data:\n  PASSWORD: hunter2-canary-long\n");
    let before = desk.bytes("prod.secrets.yaml");
    // where nobody else finds what was typed and refused
    let memory =
        tempfile::tempdir_in(if cfg!(target_os = "linux") { PathBuf::from("/dev/shm") } else { std::env::temp_dir() });
    let memory = memory.unwrap();
    let edit = |target: &str, text: &str| {
        desk.write("content", text);
        desk.write("editor", "#!/bin/sh\ncat content > \"$1\"\n");
        fs::set_permissions(desk.path("editor"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = desk.command(&["edit", "--allow-disk", target]);
        command.env("EDITOR", desk.path("editor")).env("XDG_RUNTIME_DIR", memory.path());
        Run::from(command.output().unwrap())
    };
    for target in ["prod", "prod.secrets.yaml", "./prod.secrets.yaml"] {
        for text in [
            "data:\n  PASSWORD: hunter2-canary-long\n  PORT: eighty\n",
            "data:\n  PASSWORD: hunter2-canary-long\n  PASSWROD: x\n",
            "data:\n  PASSWORD: short\n",
            "data:\n  PASSWORD: { value: short }\n",
        ] {
            edit(target, text).fails(2);

            assert_eq!(desk.bytes("prod.secrets.yaml"), before, "{text}");
        }
    }
    let run = edit("prod", "data:\n  PASSWORD: hunter2-canary-other\n  PORT: 80\n");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(desk.run(&["get", "prod", "PORT"]).succeeds(), "80");
}

/// A repository of Git at a desk.
fn git(desk: &Sandbox, arguments: &[&str]) -> bool {
    let mut command = std::process::Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@b.invalid"]).args(arguments).current_dir(desk.root());
    command.env("HOME", desk.path("home")).env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap().status.success()
}

#[test]
fn a_staged_conflict_is_found_without_a_key() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{age: ALICE}]");
    desk.write("base.yaml", BASE);
    desk.write("prod.yaml", "");
    for (name, text) in
        [("x.yaml", "a: hunter2-canary\n"), ("x.json", "{\"a\": \"x\"}\n"), ("x.env", "A=x\n"), ("x.ini", "[s]\na=x\n")]
    {
        desk.encrypted(&format!("conf/{name}"), text);
    }
    assert!(git(&desk, &["init", "-q"]) && git(&desk, &["add", "conf", "base.yaml", "prod.yaml", ".sops.yaml"]));
    let check = || {
        let run = desk.run_without_key(&["check", "--staged"]);
        format!("{}{}", run.stderr, String::from_utf8_lossy(&run.bytes))
    };
    assert!(!check().contains("merge-conflict"), "{}", check());
    for name in ["conf/x.yaml", "conf/x.json", "conf/x.env", "conf/x.ini"] {
        let before = desk.read(name);
        desk.write(name, format!("<<<<<<< HEAD\n{before}=======\n{before}>>>>>>> topic\n"));
        assert!(git(&desk, &["add", name]));
        let found = check();
        assert!(found.contains("merge-conflict") && found.contains(&format!("{name}:1")), "{name}: {found}");
        desk.write(name, &before);
        assert!(git(&desk, &["add", name]));
    }
    // what `septum git-merge` leaves
    for (name, key) in [("conf/x.yaml", "a"), ("conf/x.json", "a"), ("conf/x.env", "A"), ("conf/x.ini", "s.a")] {
        for side in ["base", "theirs"] {
            desk.write(side, desk.bytes(name));
        }
        let set = |value: &str| desk.give(value, &["set", name, key]).succeeds();
        set("theirs-canary");
        desk.write("theirs", desk.bytes(name));
        desk.write(name, desk.bytes("base"));
        set("ours-canary");
        let run = desk.run(&["git-merge", "base", name, "theirs", name]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(git(&desk, &["add", name]));
        let found = check();
        record(&found);
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            assert!(sops.succeeds().contains("theirs-canary"));
        }
        // one mark that is gone resolves nothing
        set("<<<<<<< ours\nleft-canary\n>>>>>>> theirs");
        assert!(desk.read(name).contains("septum_conflict"), "{}", desk.read(name));
        set("resolved");
        assert!(!desk.read(name).contains("septum_conflict"), "{}", desk.read(name));
        assert!(git(&desk, &["add", name]));
        assert!(!check().contains("merge-conflict"), "{}", check());
    }
}

/// Without a key, once for each file, in a project and outside of one.
#[test]
fn plaintext_typed_into_an_encrypted_file_is_found_before_it_is_committed() {
    let desk = Sandbox::with_identities();
    assert!(git(&desk, &["init", "-q"]));
    desk.write("base.yaml", BASE);
    desk.write("prod.yaml", "");
    desk.encrypted("prod.secrets.yaml", "data:\n  PASSWORD: hunter2-canary-long\n");
    let typed = desk.read("prod.secrets.yaml").replacen("PASSWORD: ENC", "PASSWORD: typed-canary # ENC", 1);
    desk.write("prod.secrets.yaml", typed);
    fs::create_dir(desk.path("conf")).unwrap();
    for (name, text) in [("conf/x.enc.env", "A=one\n"), ("conf/x.enc.json", "{\"A\": \"one\"}\n")] {
        desk.encrypted(name, text);
        let encrypted = desk.read(name);
        let start = encrypted.find("ENC[").unwrap();
        let end = start + encrypted[start..].find(']').unwrap() + 1;
        desk.write(name, format!("{}typed-canary{}", &encrypted[..start], &encrypted[end..]));
    }
    assert!(git(&desk, &["add", "-A"]));
    for arguments in [&["check", "--staged"][..], &["check", "--keyless"]] {
        let run = desk.run_without_key(arguments);
        let all = format!("{}{}", run.stderr, String::from_utf8_lossy(&run.bytes));
        assert!(!all.contains("canary"), "{all}");
        record(&all);
    }
}

#[test]
fn recipients_with_blanks_between_them_are_named_as_that() {
    let desk = Sandbox::with_identities();
    desk.write("x.enc.yaml", "a: hunter2-canary\n");
    for rules in [
        "creation_rules: [{age: ALICE BOB}]",
        "creation_rules: [{age: [ALICE BOB]}]",
        "creation_rules:\n- age: >-\n    ALICE\n    BOB\n",
        "creation_rules: [{age: 'BOB,ALICE BOB'}]",
        "creation_rules: [{key_groups: [{age: [ALICE BOB]}]}]",
    ] {
        desk.rules(rules);
        desk.run(&["encrypt", "x.enc.yaml"]).fails(2);
    }
    desk.write(".sops.yaml", "");
    let both = format!("{} {}", desk.alice, desk.bob);
    desk.run(&["encrypt", "--age", &both, "x.enc.yaml"]).fails(2);

    // the comment of an SSH key may begin like one
    desk.rules("creation_rules: [{age: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN ssh-laptop'}]");
    desk.run(&["encrypt", "x.enc.yaml"]).succeeds();
}

#[test]
fn a_misspelt_list_of_rules_is_named_whatever_asks_for_a_rule() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: hunter2-canary\n");
    desk.write("y.enc.yaml", "a: hunter2-canary\n");
    desk.rules("creation_rule:\n- age: ALICE\n");
    for command in [&["encrypt", "y.enc.yaml"][..], &["rekey", "x.enc.yaml"], &["rekey", "--check"], &["rekey"]] {
        let run = desk.run(command);
        run.record();
    }
    let run = desk.give("x", &["set", "x.enc.yaml", "a"]);
    run.record();
}

#[test]
fn a_program_that_is_missing_is_called_missing() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: hunter2-canary\n");
    for (variable, editor) in [("EDITOR", "nosuched"), ("VISUAL", "nosuched --wait"), ("SOPS_EDITOR", "nosuched")] {
        let run =
            Run::from(desk.command(&["edit", "--allow-disk", "x.enc.yaml"]).env(variable, editor).output().unwrap());
        run.record();
        assert_eq!(run.code, 4);
    }
    let mut command = desk.command(&["decrypt", "x.enc.yaml"]);
    command.env_remove("SOPS_AGE_KEY_FILE").env("SOPS_AGE_KEY_CMD", "nosuchcmd x");
    let run = Run::from(command.output().unwrap());
    run.record();
}

#[test]
fn help_has_help() {
    let desk = Sandbox::with_identities();
    let plain = desk.run(&["help"]).succeeds();
    for command in [&["help", "--help"][..], &["help", "-h"], &["--help"]] {
        assert_eq!(desk.run(command).succeeds(), plain, "{command:?}");
    }
    assert_eq!(desk.run(&["help", "set", "--help"]).succeeds(), desk.run(&["help", "set"]).succeeds());
}

#[test]
fn what_only_sops_or_an_editor_can_do_is_named() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{ path_regex: x, age: ALICE, kms: 'arn:aws:kms:eu-central-1:111122223333:key/a' }, { age: ALICE }]\n");
    desk.write("x.yaml", "a: b\n");
    desk.run(&["encrypt", "x.yaml"]).fails(2);
    assert_eq!(desk.read("x.yaml"), "a: b\n");
    desk.encrypted("key.bin", "dummy");
    desk.give("other", &["set", "key.bin", "data"]).fails(2);
    let desk = desk.env("EDITOR", "cp x.yaml");
    desk.run(&["edit", "key.bin", "--allow-disk"]).succeeds();
    assert_eq!(desk.run(&["decrypt", "key.bin"]).ok(), "a: b\n");
}
