//! Several people who change a file at the same time: what commutes is kept, and the rest is refused.

#![cfg(all(unix, debug_assertions))]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use septum::test_hook::StopPoint;

use crate::secret_files::paused::Paused;
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Run, Sandbox};

/// Starts a program with something on its standard input.
fn start(mut command: Command, input: &[u8]) -> Child {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    child
}

/// The program, stopped where it has made its change and locked nothing yet.
fn waiting(desk: &Sandbox, input: &str, arguments: &[&str]) -> Paused {
    Paused::at(desk.command(arguments), input.as_bytes(), StopPoint::FilesRead, 1).unwrap_or_else(|output| {
        panic!("{arguments:?} wrote nothing: {}", Run::from(output).stderr);
    })
}

#[test]
fn forty_parallel_sets_keep_forty_values() {
    let desk = Sandbox::with_identities();
    for (name, content) in [("x.enc.yaml", "a: 1\n"), ("x.enc.json", "{\"a\": 1}\n"), ("x.enc.env", "a=1\n")] {
        desk.encrypted(name, content);
        let all: Vec<_> = (0..40)
            .map(|index| {
                start(desk.command(&["set", name, &format!("k{index}")]), format!("value-{index}\n").as_bytes())
            })
            .collect();
        for child in all {
            let run: Run = child.wait_with_output().unwrap().into();
            assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        }
        let plaintext = desk.run(&["decrypt", name]).succeeds();
        let lost: Vec<_> = (0..40).filter(|index| !plaintext.contains(&format!("value-{index}"))).collect();
        assert!(lost.is_empty(), "{name}: {lost:?}");
        assert_eq!(desk.all().len(), desk.all().keys().filter(|name| !name.contains(".septum-")).count());
    }
}

/// What waits, what somebody else does meanwhile, and what comes of it: the exit code, and the plaintext.
type Case<'a> = (&'a [&'a str], &'a str, &'a [&'a str], &'a str, i32, &'a str);

#[test]
fn what_others_did_while_a_command_waited_is_kept_or_the_command_is_refused() {
    const BEFORE: &str = "a: 1\nb: 2\nm:\n    x: 1\n    y: 2\n";
    let set = |path: &'static str| ["set", "x.enc.yaml", path];
    let unset = |path: &'static str| ["unset", "x.enc.yaml", path];
    let cases: &[Case<'_>] = &[
        (&set("c"), "3", &set("d"), "4", 0, "a: 1\nb: 2\nm:\n    x: 1\n    y: 2\nd: \"4\"\nc: \"3\"\n"),
        (&set("a"), "3", &set("b"), "4", 0, "a: 3\nb: 4\nm:\n    x: 1\n    y: 2\n"),
        (&set("m.x"), "3", &set("m.y"), "4", 0, "a: 1\nb: 2\nm:\n    x: 3\n    y: 4\n"),
        (&set("a"), CANARY, &set("a"), "4", 2, "a: 4\n"),
        (&set("c"), CANARY, &set("c"), "4", 2, "c: \"4\"\n"),
        (&set("a"), "4", &set("a"), "4", 0, "a: 4\n"),
        (&set("a"), CANARY, &unset("a"), "", 2, "b: 2\nm:\n"),
        (&set("m.x"), CANARY, &unset("m"), "", 2, "a: 1\nb: 2\n"),
        (&unset("a"), "", &set("a"), "4", 2, "a: 4\n"),
        (&unset("a"), "", &unset("a"), "", 0, "b: 2\n"),
        (&unset("m"), "", &set("m.x"), "4", 2, "x: 4\n"),
        (&unset("a"), "", &set("b"), "4", 0, "b: 4\nm:\n    x: 1\n    y: 2\n"),
        (&set("a"), "3", &["rotate", "x.enc.yaml"], "", 0, "a: 3\nb: 2\n"),
        (&["rotate", "x.enc.yaml"], "", &set("a"), "3", 0, "a: 3\nb: 2\n"),
        (&["rotate", "x.enc.yaml"], "", &["rotate", "x.enc.yaml"], "", 0, BEFORE),
        (&["decrypt", "-i", "x.enc.yaml"], "", &set("a"), "3", 0, "a: 3\nb: 2\n"),
        (&set("a"), "3", &["decrypt", "-i", "x.enc.yaml"], "", 2, BEFORE),
        (&["decrypt", "-i", "x.enc.yaml"], "", &["decrypt", "-i", "x.enc.yaml"], "", 2, BEFORE),
    ];
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", BEFORE);
    let encrypted = desk.bytes("x.enc.yaml");
    for (mine, my_input, theirs, their_input, code, plaintext) in cases {
        desk.write("x.enc.yaml", &encrypted);
        let paused = waiting(&desk, my_input, mine);
        desk.give(their_input, theirs).succeeds();
        let run = paused.finish();
        assert_eq!(run.code, *code, "{mine:?} beside {theirs:?}: {}", run.stderr);
        run.record();
        let found = if desk.read("x.enc.yaml").contains("ENC[") {
            desk.run(&["decrypt", "x.enc.yaml"]).succeeds()
        } else {
            desk.read("x.enc.yaml")
        };
        assert!(found.contains(plaintext), "{mine:?} beside {theirs:?}: {found}");
    }
}

#[test]
fn a_file_that_is_encrypted_is_the_one_that_is_there() {
    let desk = Sandbox::with_identities();
    desk.write("x.enc.yaml", "a: 1\n");
    let paused = waiting(&desk, "", &["encrypt", "x.enc.yaml"]);
    desk.write("x.enc.yaml", "a: 1\nb: 2\n");
    assert_eq!(paused.finish().code, 0);
    assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), "a: 1\nb: 2\n");
    desk.write("y.enc.yaml", "a: 1\n");
    let paused = waiting(&desk, "", &["encrypt", "y.enc.yaml"]);
    desk.run(&["encrypt", "y.enc.yaml"]).succeeds();
    paused.finish().record();
    let paused = waiting(&desk, "2", &["set", "y.enc.yaml", "a"]);
    std::fs::remove_file(desk.path("y.enc.yaml")).unwrap();
    paused.finish().fails(2);

    assert!(!desk.path("y.enc.yaml").exists());
}

/// The worst of all: who was removed must not read what is set after it.
#[test]
fn a_waiting_command_does_not_undo_a_rekey() {
    for (mine, input) in
        [(&["set", "x.enc.yaml", "b"][..], "new"), (&["unset", "x.enc.yaml", "c"], ""), (&["rotate"], "")]
    {
        let desk = Sandbox::with_identities();
        desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB'}]");
        desk.encrypted("x.enc.yaml", "a: 1\nc: 3\n");
        assert_eq!(desk.run_as_bob(&["decrypt", "x.enc.yaml"]).code, 0);
        let paused = waiting(&desk, input, mine);
        desk.rules("creation_rules: [{path_regex: enc, age: ALICE}]");
        desk.run(&["rekey"]).succeeds();
        let rekeyed = desk.read("x.enc.yaml");
        let run = paused.finish();
        assert_eq!(run.code, 0, "{mine:?}: {}", run.stderr);
        assert_ne!(desk.read("x.enc.yaml"), rekeyed, "{mine:?}");
        assert!(!desk.read("x.enc.yaml").contains(&desk.bob), "{mine:?}");
        assert_eq!(desk.run_as_bob(&["decrypt", "x.enc.yaml"]).code, 3, "{mine:?}");
        let expected = match mine[0] {
            "set" => "a: 1\nc: 3\nb: new\n",
            "unset" => "a: 1\n",
            _ => "a: 1\nc: 3\n",
        };
        assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), expected);
        // a rule that changed while somebody waited, and was not followed yet
        let paused = waiting(&desk, "x", &["set", "x.enc.yaml", "d"]);
        desk.give("y", &["set", "x.enc.yaml", "e"]).succeeds();
        desk.rules("creation_rules: [{path_regex: enc, age: BOB}]");
        paused.finish().fails(2);
    }
}

#[test]
fn two_values_go_to_a_file_that_was_not_there() {
    let desk = Sandbox::with_identities();
    desk.write("base.yaml", "app: shop\ndata: { A: { sensitive: true }, B: { sensitive: true } }\n");
    desk.write("prod.yaml", "");
    for (key, code, plaintext) in [("B", 0, "data:\n    B: theirs\n    A: mine\n"), ("A", 2, "data:\n    A: theirs\n")]
    {
        let paused = waiting(&desk, "mine", &["set", "prod", "A"]);
        desk.give("theirs", &["set", "prod", key]).succeeds();
        let run = paused.finish();
        assert_eq!(run.code, code, "{}", run.stderr);
        assert_eq!(desk.run(&["decrypt", "prod.secrets.yaml"]).succeeds(), plaintext);
        std::fs::remove_file(desk.path("prod.secrets.yaml")).unwrap();
    }
}

/// Who comes while another writes waits, says so, and finds what was written.
#[test]
fn who_has_to_wait_says_so() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    let first = Paused::at(desk.command(&["set", "x.enc.yaml", "b"]), b"2", StopPoint::FilesLocked, 1).ok().unwrap();
    let mut second = desk.command(&["set", "x.enc.yaml", "c"]);
    // a clock that stands still: the moment without a word is none
    second.env("SEPTUM_TEST_NOW", "4000000000");
    let mut second = start(second, b"3");
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    record(&line);
    assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), "a: 1\n", "who only reads does not wait");
    assert_eq!(first.finish().code, 0);
    assert!(second.wait().unwrap().success());
    assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), "a: 1\nb: \"2\"\nc: \"3\"\n");
}

#[test]
fn a_lock_goes_with_its_process_and_hinders_no_other_file() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    desk.encrypted("y.enc.yaml", "a: 1\n");
    let first = Paused::at(desk.command(&["set", "x.enc.yaml", "b"]), b"2", StopPoint::FilesLocked, 1).ok().unwrap();
    desk.give("2", &["set", "y.enc.yaml", "b"]).succeeds();
    first.send(Signal::KILL);
    assert_eq!(Run::from(first.end()).code, -1);
    desk.give("2", &["set", "x.enc.yaml", "b"]).succeeds();
}

/// Whatever order files are named in, nobody waits for ever.
#[test]
fn files_are_locked_in_one_order() {
    let desk = Sandbox::with_identities();
    let names: Vec<_> = (0..6).map(|index| format!("f{index}.enc.yaml")).collect();
    for name in &names {
        desk.encrypted(name, "a: 1\n");
    }
    let forwards: Vec<&str> = ["rotate"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let backwards: Vec<&str> = ["rotate"].into_iter().chain(names.iter().rev().map(String::as_str)).collect();
    let all: Vec<_> =
        (0..8).map(|index| start(desk.command(if index % 2 == 0 { &forwards } else { &backwards }), b"")).collect();
    for child in all {
        let run: Run = child.wait_with_output().unwrap().into();
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}

/// Rounds of a mix of changes that commute: 20 in CI (`SEPTUM_RACES`).
fn rounds() -> usize {
    std::env::var("SEPTUM_RACES").ok().and_then(|number| number.parse().ok()).unwrap_or(2)
}

/// A model: whatever the order in which the system runs them, all changes are there at the end.
#[test]
fn all_changes_of_a_mix_are_there_at_the_end() {
    for round in 0..rounds() {
        let desk = Sandbox::with_identities();
        desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB'}]");
        let before: Vec<_> = (0..12).map(|index| format!("# c{index}\nk{index}: old\n")).collect();
        desk.encrypted("x.enc.yaml", before.concat());
        let mut expected = std::collections::BTreeMap::new();
        let mut all = Vec::new();
        for index in 0..12 {
            let (key, value) = (format!("k{index}"), format!("new-{round}-{index}"));
            let kind = (index * 7 + round * 5) % 4;
            let child = match kind {
                0 => start(desk.command(&["set", "x.enc.yaml", &key]), value.as_bytes()),
                1 => start(desk.command(&["unset", "x.enc.yaml", &key]), b""),
                2 if cfg!(target_os = "linux") => {
                    let mut edit = desk.command(&["edit", "x.enc.yaml"]);
                    edit.env("EDITOR", format!("sed -i 's/^{key}: old/{key}: {value}/'"));
                    start(edit, b"")
                }
                _ => start(desk.command(&["rotate", "x.enc.yaml"]), b""),
            };
            let is_changed = matches!(kind, 0 | 2) && (kind == 0 || cfg!(target_os = "linux"));
            if kind != 1 {
                expected.insert(key, if is_changed { value } else { "old".to_owned() });
            }
            all.push(child);
        }
        for child in all {
            let run: Run = child.wait_with_output().unwrap().into();
            assert_eq!(run.code, 0, "round {round}: {}", run.stderr);
        }
        let plaintext = desk.run(&["decrypt", "x.enc.yaml"]).succeeds();
        let lines = plaintext.lines().filter(|line| !line.starts_with('#'));
        let found: std::collections::BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(found, expected, "round {round}");
        assert_eq!(desk.run_as_bob(&["decrypt", "x.enc.yaml"]).succeeds(), plaintext);
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_other_names_is_refused_before_anything_is_typed() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    desk.write("plain.enc.yaml", "a: 1\n");
    std::fs::hard_link(desk.path("x.enc.yaml"), desk.path("other.enc.yaml")).unwrap();
    std::fs::hard_link(desk.path("plain.enc.yaml"), desk.path("other2.enc.yaml")).unwrap();
    let before = desk.all();
    for arguments in [
        &["set", "x.enc.yaml", "a"][..],
        &["unset", "x.enc.yaml", "a"],
        &["edit", "x.enc.yaml"],
        &["rotate", "x.enc.yaml", "other.enc.yaml"],
        &["decrypt", "-i", "x.enc.yaml"],
        &["decrypt", "x.enc.yaml", "-o", "other2.enc.yaml"],
        &["encrypt", "plain.enc.yaml"],
    ] {
        let mut command = desk.command(arguments);
        let child = start(
            {
                command.env("EDITOR", "touch typed");
                command
            },
            b"2",
        );
        Run::from(child.wait_with_output().unwrap()).fails(2);

        assert_eq!(desk.all(), before, "{arguments:?}");
    }
    // the hint works as it stands
    let hint = "cp -p x.enc.yaml x.enc.yaml.new && mv x.enc.yaml.new x.enc.yaml";
    assert!(Command::new("sh").args(["-c", hint]).current_dir(desk.root()).status().unwrap().success());
    desk.give("2", &["set", "x.enc.yaml", "a"]).succeeds();
}
