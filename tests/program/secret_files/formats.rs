//! What single formats say otherwise: line ends, adjacent comments, text behind the end.

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Run, Sandbox};

/// Every message of a run that must succeed.
#[track_caller]
fn warned(run: Run) -> String {
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains(CANARY), "{}", run.stderr);
    run.stderr
}

/// Comments of INI in all places, and what becomes of their blank lines.
const INI: &[(&str, &str)] = &[
    ("; one\n; two\n[s]\na=b\n", "; one\n; two\n[s]\na=b\n"),
    ("# one\n; two\na=b\n", "# one\n; two\na=b\n"),
    ("; one\n\n; two\na=b\n[s]\n; c\nc=d\n", "; one\n; two\na=b\n[s]\n; c\nc=d\n"),
    ("[s]\na=b\n; end\n; end2\n", "[s]\na=b\n; end\n; end2\n"),
    ("; top\n\n[s]\na=b\n\n; b1\n\n; b2\n[t]\nx=y\n", "; top\n\n[s]\na=b\n\n; b1\n; b2\n[t]\nx=y\n"),
    ("[s]\n;\n; x\na=b\n", "[s]\n;\n; x\na=b\n"),
    ("[s]\n;x\n#y\n;   z\na=b\n", "[s]\n; x\n#y\n;   z\na=b\n"),
    (";; odd\n; ; q\n[s]\na=b\n", ";; odd\n; ; q\n[s]\na=b\n"),
    ("; one\r\n; two\r\n[s]\r\na=b\r\n", "; one\r\n; two\r\n[s]\r\na=b\r\n"),
];

#[test]
fn adjacent_comments_of_ini_are_one_and_none_is_lost() {
    let desk = Sandbox::with_identities();
    for (text, expected) in INI {
        desk.encrypted("x.enc.ini", text);
        assert_eq!(desk.run(&["decrypt", "x.enc.ini"]).succeeds(), *expected, "{text:?}");
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.enc.ini"]) {
            let printed = sops.succeeds();
            let lines =
                |text: &str| text.lines().map(|line| line.split_whitespace().collect::<String>()).collect::<Vec<_>>();
            // sops itself keeps none behind the last key, and writes `;;` as `; ;`
            for line in lines(text).iter().filter(|line| !line.is_empty() && !line.contains("end")) {
                assert!(lines(&printed).contains(line), "`{line}` of {text:?}:\n{printed}");
            }
        }
        for arguments in [&["rotate", "x.enc.ini"][..], &["decrypt", "-i", "x.enc.ini"]] {
            desk.run(arguments).succeeds();
        }
        assert_eq!(desk.read("x.enc.ini"), *expected, "{text:?}");
    }
}

#[test]
fn a_key_of_ini_is_set_in_its_section_wherever_that_is() {
    for (text, key, expected) in [
        ("[DEFAULT]\na = x\n\n[b]\nc = d\n", "DEFAULT.a", "[DEFAULT]\na = new\n\n[b]\nc = d\n"),
        ("[b]\nc = d\n\n[DEFAULT]\na = x\n", "DEFAULT.a", "[b]\nc = d\n\n[DEFAULT]\na = new\n"),
        ("[b]\nc = d\n\n[DEFAULT]\na = x\n", "DEFAULT.e", "[b]\nc = d\n\n[DEFAULT]\na = x\ne = new\n"),
        ("[a]\n[b]\nc = d\n", "a.e", "[a]\ne = new\n[b]\nc = d\n"),
        ("[b]\nc = d\n[a]\n; x\n\n[e]\n", "a.e", "[b]\nc = d\n[a]\ne = new\n; x\n\n[e]\n"),
        ("; x\n[b]\nc = d\n", "DEFAULT.a", "a = new\n\n; x\n[b]\nc = d\n"),
        ("[b]\nc = d\n", "e.f", "[b]\nc = d\n\n[e]\nf = new\n"),
    ] {
        let desk = Sandbox::with_identities();
        desk.encrypted("x.enc.ini", text);
        desk.give("new\n", &["set", "x.enc.ini", key]).succeeds();
        assert_eq!(desk.run(&["decrypt", "x.enc.ini"]).succeeds(), expected, "{text:?}");
        assert_eq!(desk.run(&["get", "x.enc.ini", key]).succeeds(), "new", "{text:?}");
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.enc.ini"]) {
            let lines =
                |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            let expected = lines(expected.trim_start_matches("[DEFAULT]\n"));
            let printed = sops.succeeds();
            assert_eq!(lines(printed.trim_start_matches("[DEFAULT]\n")), expected, "{text:?}");
        }
        desk.run(&["unset", "x.enc.ini", key]).succeeds();
    }
}

#[test]
fn metadata_of_ini_are_in_quotes_where_sops_needs_them() {
    for pattern in ["#|a", "a|x;y", "a|x\\\\", " a|a", "a| ", "\"a|\"|a", "'x'|a", "`a|a", "a|\"\"\""] {
        let desk = Sandbox::with_identities();
        let rule = |age: &str| {
            let pattern = pattern.replace('\'', "''");
            desk.rules(&format!("creation_rules: [{{age: {age}, encrypted_regex: '{pattern}'}}]"));
        };
        rule("ALICE");
        desk.encrypted("x.enc.ini", "[s]\na = hunter2-canary\n");
        let opens = || {
            assert_eq!(desk.run(&["get", "x.enc.ini", "s.a"]).succeeds(), CANARY, "{pattern}");
            assert!(!desk.read("x.enc.ini").contains(CANARY), "{pattern}");
            if let Some(run) = desk.sops("alice.txt", &["-d", "--extract", "[\"s\"][\"a\"]", "x.enc.ini"]) {
                assert_eq!(run.succeeds(), CANARY, "{pattern}");
            }
        };
        opens();
        rule("[ALICE, BOB]");
        for command in ["rekey", "rotate"] {
            desk.run(&[command, "x.enc.ini"]).succeeds();
            opens();
        }
    }
}

/// Comments of INI, and whether `^ ?c` selects the value behind their key, as in sops, which drops their signs.
const SIGNS: &[(&str, bool)] = &[
    ("# c", true),
    ("#c", true),
    ("## c", true),
    ("; c", true),
    (";; c", true),
    ("# c\n; x", true),
    ("; # c", false),
    ("# ; c", false),
    ("; x\n# c", false),
    ("# x c", false),
];

#[test]
fn the_sign_of_a_comment_of_ini_selects_nothing() {
    for (selector, is_inverted) in [("encrypted_comment_regex", false), ("unencrypted_comment_regex", true)] {
        for (comment, is_selected) in SIGNS {
            let desk = Sandbox::with_identities();
            desk.rules(&format!("creation_rules: [{{age: ALICE, {selector}: '^ ?c'}}]"));
            let text = format!("[s]\n; c\na = x\nb = x\n[t]\n{comment}\na = x\nb = hunter2-canary\nc = x\n");
            desk.encrypted("x.enc.ini", &text);
            assert_eq!(!desk.read("x.enc.ini").contains(CANARY), is_selected ^ is_inverted, "{selector}: {comment}");
            if let Some(run) = desk.sops("alice.txt", &["-d", "x.enc.ini"]) {
                run.succeeds();
                desk.write("y.enc.ini", &text);
                desk.sops("alice.txt", &["-e", "-i", "y.enc.ini"]).expect("sops").succeeds();
                assert_eq!(
                    !desk.read("y.enc.ini").contains(CANARY),
                    is_selected ^ is_inverted,
                    "{selector}: {comment}"
                );
            }
            desk.run(&["rotate", "x.enc.ini"]).succeeds();
            assert_eq!(desk.run(&["decrypt", "x.enc.ini"]).succeeds(), text, "{selector}: {comment}");
        }
    }
}

#[test]
fn ini_is_printed_as_sops_reads_it_or_not_at_all() {
    let desk = Sandbox::with_identities();
    for (text, expected) in [
        ("b: {c: d}\nDEFAULT: {a: x}\n", Some("[b]\nc = d\n\n[DEFAULT]\na = x\n")),
        ("DEFAULT: {a: x}\nb: {c: 1.5}\n", Some("a = x\n\n[b]\nc = 1.5\n")),
        ("DEFAULT: {}\nb: {c: true}\nd: {}\n", Some("[b]\nc = true\n\n[d]\n")),
        ("b: {c: ~}\nDEFAULT: {}\n", Some("[b]\nc = \n\n[DEFAULT]\n")),
        ("b: {\" c\": d}\n", None),
        ("b: {\";c\": d}\n", None),
        ("b: {\"[c\": d}\n", None),
        ("b: {\"c=d\": e}\n", None),
        ("b: {\"\": e}\n", None),
        ("\" b\": {c: d}\n", None),
        ("\"b\\nc\": {c: d}\n", None),
    ] {
        desk.encrypted("x.enc.yaml", text);
        let run = desk.run(&["decrypt", "--output-type", "ini", "x.enc.yaml"]);
        match expected {
            Some(expected) => assert_eq!(run.succeeds(), expected, "{text}"),
            None => drop(run.fails(2)),
        }
    }
}

#[test]
fn comments_that_sops_joined_survive_every_change() {
    let desk = Sandbox::with_identities();
    for (text, _) in INI.iter().filter(|(text, _)| !text.contains("end") && !text.contains(";\n")) {
        desk.write("x.enc.ini", text);
        let Some(sops) = desk.sops("alice.txt", &["encrypt", "-i", "x.enc.ini"]) else { return };
        sops.succeeds();
        let before = desk.run(&["decrypt", "x.enc.ini"]).succeeds();
        assert!(!before.contains("ENC["), "{text:?}:\n{before}");
        assert_eq!(before.matches([';', '#']).count(), text.replace(";;", ";").matches([';', '#']).count(), "{before}");
        let section = if text.starts_with("# one") || text.contains("two\na=b") { "DEFAULT" } else { "s" };
        desk.give("new", &["set", "x.enc.ini", &format!("{section}.a")]).succeeds();
        desk.run(&["rotate", "x.enc.ini"]).succeeds();
        let after = desk.run(&["decrypt", "x.enc.ini"]).succeeds();
        let changed =
            |text: &str| text.lines().filter(|line| !line.starts_with('a')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(changed(&after), changed(&before), "{text:?}");
        let sops = desk.sops("alice.txt", &["decrypt", "x.enc.ini"]).expect("sops").succeeds();
        assert!(!sops.contains("ENC["), "{text:?}:\n{sops}");
    }
}

#[test]
fn a_key_of_ini_is_removed_without_the_comments_around_it() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.ini", "[s]\n; one\na=1\n; two\n; three\nb=2\n");
    desk.run(&["unset", "x.enc.ini", "s.a"]).succeeds();
    assert_eq!(desk.run(&["decrypt", "x.enc.ini"]).succeeds(), "[s]\n; one\n; two\n; three\nb=2\n");
}

#[test]
fn a_cr_of_dotenv_is_a_line_end_where_all_lines_have_it() {
    let desk = Sandbox::with_identities();
    desk.write("x.enc.env", "# c\r\nA=b\r\n\r\nC=d\r\n");
    let told = warned(desk.run(&["encrypt", "x.enc.env"]));
    record(&told);
    assert!(!desk.read("x.enc.env").contains('\r'));
    assert_eq!(desk.run(&["decrypt", "x.enc.env"]).succeeds(), "# c\nA=b\n\nC=d\n");
    if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.enc.env"]) {
        assert_eq!(sops.succeeds(), "# c\nA=b\nC=d\n");
    }
    // as Git converts it
    let text = desk.read("x.enc.env").replace('\n', "\r\n");
    desk.write("x.enc.env", text);
    assert_eq!(desk.run(&["decrypt", "--extract", "A", "x.enc.env"]).succeeds(), "b");
    desk.give("e", &["set", "x.enc.env", "A"]).succeeds();
    assert_eq!(desk.run(&["decrypt", "--extract", "C", "x.enc.env"]).succeeds(), "d");
}

#[test]
fn a_cr_that_sops_has_in_a_value_of_dotenv_stays_there() {
    let desk = Sandbox::with_identities();
    desk.write("x.enc.env", "# c\r\nA=b\r\nC=d\r\n");
    let Some(sops) = desk.sops("alice.txt", &["encrypt", "-i", "x.enc.env"]) else { return };
    sops.succeeds();
    assert_eq!(desk.run(&["decrypt", "x.enc.env"]).succeeds(), "# c\r\nA=b\r\nC=d\r\n");
    desk.give("new", &["set", "x.enc.env", "A"]).succeeds();
    desk.run(&["rotate", "x.enc.env"]).succeeds();
    assert_eq!(desk.run(&["decrypt", "x.enc.env"]).succeeds(), "# c\r\nA=new\nC=d\r\n");
    assert_eq!(desk.sops("alice.txt", &["decrypt", "x.enc.env"]).expect("sops").succeeds(), "# c\r\nA=new\nC=d\r\n");
}

#[test]
fn a_dotenv_key_that_sops_takes_for_a_value_is_refused_with_the_reason() {
    let desk = Sandbox::with_identities();
    desk.write("x.enc.env", "A=hunter2-canary\nsops=hunter2-canary\n");
    if desk.sops("alice.txt", &["encrypt", "-i", "x.enc.env"]).is_none() {
        return;
    }
    for command in [&["decrypt", "x.enc.env"][..], &["rotate", "x.enc.env"], &["set", "x.enc.env", "A"]] {
        let printed = desk.give("new", command).refused();
        assert!(!printed.contains(CANARY), "{printed}");
    }
}

#[test]
fn blocks_of_a_file_with_crlf_have_crlf_again() {
    const TEXT: &str = "a: |\r\n  one\r\n  two\r\nb: x # c\r\nk:\r\n  c: |-\r\n    three\r\n    four\r\n";
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", TEXT);
    assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), TEXT);
    desk.give("five\nsix\n", &["set", "x.enc.yaml", "k.c"]).succeeds();
    let text = desk.run(&["decrypt", "x.enc.yaml"]).succeeds();
    assert_eq!(text.matches("\r\n").count(), text.matches('\n').count(), "{text:?}");
    assert_eq!(desk.run(&["get", "x.enc.yaml", "k.c"]).succeeds(), "five\nsix\n");
}

#[test]
fn a_block_that_the_end_of_a_file_cuts_off_gets_no_line_break() {
    for block in ["|\n  x", ">\n  x\n  y", "|+\n  x", "|\n  x\n  ", "|-\n  x", ">+\n  x\n\n  y\n  "] {
        for text in ["a: z\nb_unencrypted: BLOCK", "a: z\nb: BLOCK", "a: z\nb_unencrypted:\n- c: BLOCK"] {
            let desk = Sandbox::with_identities();
            desk.rules("creation_rules: [{age: ALICE}]");
            let text = text.replace("BLOCK", &block.replace('\n', if text.contains("- c") { "\n  " } else { "\n" }));
            desk.encrypted("x.enc.yaml", &text);
            let ours = desk.run(&["decrypt", "--output-type", "json", "x.enc.yaml"]).succeeds();
            desk.write("plain.yaml", &text);
            if let Some(run) = desk.sops("alice.txt", &["-d", "--output-type", "json", "x.enc.yaml"]) {
                assert_eq!(ours, run.succeeds(), "{text}");
                let theirs = desk.sops("alice.txt", &["-e", "-i", "plain.yaml"]).expect("sops");
                theirs.succeeds();
                let theirs = desk.sops("alice.txt", &["-d", "--output-type", "json", "plain.yaml"]).expect("sops");
                assert_eq!(ours, theirs.succeeds(), "{text}");
            }
        }
    }
}

#[test]
fn what_stands_behind_the_end_of_yaml_is_encrypted_or_refused() {
    let desk = Sandbox::with_identities();
    for text in ["a: x\n...\n# password was hunter2-canary\n", "a: x\n--- # first\nb: z\n... # hunter2-canary\n"] {
        desk.encrypted("x.enc.yaml", text);
        assert!(!desk.read("x.enc.yaml").contains("hunter2"), "{}", desk.read("x.enc.yaml"));
        assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), text);
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.enc.yaml"]) {
            sops.succeeds();
        }
    }
    desk.write("x.enc.yaml", "a: x\n...\nb: hunter2-canary\n");
    let told = desk.run(&["encrypt", "x.enc.yaml"]).fails(2);

    assert!(told.contains("x.enc.yaml:3:1"), "{told}");
}

#[test]
fn a_comment_that_nobody_encrypted_is_reported() {
    let desk = Sandbox::with_identities();
    for (name, text, added, line) in [
        ("x.enc.yaml", "a: x\n", "# added\n", "plaintext"),
        ("y.enc.yaml", "a: x\n", "...\n# added\n", "plaintext"),
        ("x.enc.env", "A=x\n", "# added\n", "plaintext"),
    ] {
        desk.encrypted(name, text);
        let encrypted = desk.read(name);
        desk.write(name, format!("{encrypted}{added}"));
        let told = warned(desk.run(&["decrypt", name]));
        let at = encrypted.lines().count() + added.lines().count();
        assert!(told.contains(line) && told.contains(&format!("{name}:{at}:1")), "{name}: {told}");
        assert!(told.starts_with("warning: "), "{name}: {told}");
    }
}

#[test]
fn text_behind_the_metadata_is_refused() {
    let desk = Sandbox::with_identities();
    for (name, text, added) in [
        ("x.enc.ini", "[s]\na=x\n", "b = hunter2-canary\n"),
        ("x.enc.ini", "[s]\na=x\n", "; hunter2-canary\n"),
        ("x.enc.env", "A=x\n", "B=hunter2-canary\n"),
        ("x.enc.yaml", "a: x\n", "b: hunter2-canary\n"),
        ("x.enc.yaml", "a: x\n", "...\n---\nb: hunter2-canary\n"),
        ("x.enc.json", "{\"a\": \"x\"}", "{\"b\": \"hunter2-canary\"}\n"),
        ("x.enc.bin", "binary", "{\"b\": \"hunter2-canary\"}\n"),
    ] {
        desk.encrypted(name, text);
        let encrypted = desk.read(name);
        desk.write(name, format!("{encrypted}{added}"));
        let told = desk.run(&["decrypt", name]).fails(2);
        assert!(told.starts_with("error: "), "{name}: {told}");
    }
}

#[test]
fn a_comment_that_does_not_decrypt_is_reported_and_kept_from_a_new_data_key() {
    let desk = Sandbox::with_identities();
    for (name, text) in [
        ("x.enc.yaml", "# hello there\na: x\n"),
        ("x.enc.env", "# hello there\nA=x\n"),
        ("x.enc.ini", "; hello there\n[s]\na=x\n"),
    ] {
        desk.encrypted(name, text);
        let encrypted = desk.read(name);
        let at = encrypted.find("data:").unwrap() + 5;
        let other = if encrypted[at..].starts_with('A') { "B" } else { "A" };
        desk.write(name, format!("{}{other}{}", &encrypted[..at], &encrypted[at + 1..]));
        let told = warned(desk.run(&["decrypt", name]));
        record(&told);
        assert!(told.contains(&format!("{name}:1:1")), "{name}: {told}");
        let before = desk.all();
        for arguments in [&["rotate", name][..], &["decrypt", "-i", name]] {
            desk.run(arguments).fails(2);
        }
        assert_eq!(desk.all(), before, "{name}");
        let key = if name.ends_with("ini") {
            "s.a"
        } else if name.ends_with("env") {
            "A"
        } else {
            "a"
        };
        let told = warned(desk.give("new", &["set", name, key]));
        record(&told);
        // the way out works
        let text = desk.read(name).split_inclusive('\n').skip(1).collect::<String>();
        desk.write(name, text);
        assert_eq!(warned(desk.run(&["rotate", name])), "", "{name}");
    }
}

#[test]
fn files_whose_values_are_all_empty_are_encrypted_with_a_word_about_it() {
    let desk = Sandbox::with_identities();
    for (name, text) in [("x.enc.yaml", "a: \"\"\nb:\n"), ("x.enc.json", "{\"a\": \"\"}"), ("x.enc.env", "A=\n")] {
        desk.write(name, text);
        let told = warned(desk.run(&["encrypt", name]));
        record(&told);
        assert_eq!(desk.run(&["decrypt", name]).code, 0);
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            sops.succeeds();
        }
        desk.give(CANARY, &["set", name, if name.ends_with("env") { "A" } else { "a" }]).succeeds();
        assert!(!desk.read(name).contains(CANARY), "{name}");
    }
}

#[test]
fn encrypt_counts_what_it_encrypted_and_names_what_stays_readable() {
    const TEXT: &str =
        "# c\nhidden: # d\n  a: one\n  b: 2\n  c: \"\"\nopen:\n  password: hunter2-canary-Kx93kd0\n  host: localhost\n";
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{path_regex: '\\.enc\\.', age: ALICE, encrypted_regex: ^hidden$}]");
    desk.write("x.enc.yaml", TEXT);
    let told = warned(desk.run(&["encrypt", "x.enc.yaml"]));
    record(&told);
    assert!(told.contains("x.enc.yaml:7:13"), "{told}");
    assert_eq!(told.matches("warning").count(), 1, "{told}");
}

/// The end of a name decides, as for sops, also where it is the whole name.
#[test]
fn a_file_that_is_called_like_a_format_has_it() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{age: ALICE}]");
    for (name, text, key) in [
        (".env", "A=one\nB=two\n", "A"),
        (".yaml", "A: one\n", "A"),
        (".json", "{\"A\": \"one\"}\n", "A"),
        (".ini", "[s]\nA=one\n", "s.A"),
    ] {
        let name = format!("vault/{name}");
        desk.write(&name, text);
        desk.run(&["encrypt", &name]).succeeds();
        assert!(desk.read(&name).contains('A'), "its keys are readable");
        assert_eq!(desk.run(&["decrypt", &name]).succeeds(), text);
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", &name]) {
            assert!(sops.succeeds().contains("one"), "{name}");
            desk.write(&name, text);
            desk.sops("alice.txt", &["encrypt", "-i", &name]).unwrap().succeeds();
            assert_eq!(desk.run(&["get", &name, key]).succeeds(), "one", "{name}");
        }
        desk.give("three", &["set", &name, key]).succeeds();
        assert_eq!(desk.run(&["get", &name, key]).succeeds(), "three");
    }
    desk.rules("creation_rules: [{age: BOB}]");
    let drifted = desk.run(&["rekey", "--check"]);
    assert_eq!((drifted.code, drifted.stdout.matches("vault/").count()), (1, 4), "{}", drifted.stdout);
}
