//! `septum decrypt`

use crate::secret_files::FILES;
use crate::support::sandbox::Sandbox;

#[test]
fn one_value_is_extracted_by_its_path() {
    let desk = Sandbox::with_identities();
    desk.encrypted(
        "x.enc.yaml",
        "a: {b: [1, 'two'], \"c.d\": null, on: true}\n\"[x]\": odd\ntext: |\n  l1\n  l2\nf: 1.5\n---\nonly: second\na: other\n",
    );
    for (arguments, expected) in [
        (&["a.b[1]", "--document", "1"][..], "two"),
        (&[r#"["a"]["b"][0]"#, "--document", "1"], "1\n"),
        (&["only"], "second"),
        (&["a", "--document", "2"], "other"),
        (&["a.\"c.d\""], "null\n"),
        (&["a.on"], "true\n"),
        (&["f"], "1.5\n"),
        (&[r#"["[x]"]"#], "odd"),
        (&["text"], "l1\nl2\n"),
        (&["a.b"], "- 1\n- two\n"),
        (&["a.b", "--output-type", "json"], "[\n\t1,\n\t\"two\"\n]\n"),
    ] {
        let run = desk.run(&[&["decrypt", "x.enc.yaml", "--extract"], arguments].concat());
        assert_eq!(run.succeeds(), expected, "{arguments:?}");
    }
    for arguments in [&["a"][..], &["a.b[7]"], &["a.bb"], &["only", "--document", "3"], &["a["]] {
        desk.run(&[&["decrypt", "x.enc.yaml", "--extract"], arguments].concat()).fails(2);
    }
}

#[test]
fn what_is_extracted_is_what_sops_extracts() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a:\n  b: [1, 2.5, 'x', {y: z}]\n  c: 'text'\n  d: 2024-01-01\n");
    for path in [r#"["a"]"#, r#"["a"]["b"]"#, r#"["a"]["b"][1]"#, r#"["a"]["c"]"#, r#"["a"]["b"][3]"#] {
        let Some(sops) = desk.sops("alice.txt", &["decrypt", "--extract", path, "x.enc.yaml"]) else { return };
        assert_eq!(desk.run(&["decrypt", "--extract", path, "x.enc.yaml"]).succeeds(), sops.succeeds(), "{path}");
    }
}

#[test]
fn several_files_are_printed_one_after_the_other() {
    let desk = Sandbox::with_identities();
    desk.encrypted("a.enc.yaml", "a: 1\n");
    desk.encrypted("b.enc.yaml", "b: 2\n");
    assert_eq!(desk.run(&["decrypt", "b.enc.yaml", "a.enc.yaml"]).succeeds(), "b: 2\n---\na: 1\n");
}

#[test]
fn lines_between_the_metadata_of_dotenv_are_not_lost() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.env", "A=1\nB=2\n");
    let text = desk.read("x.enc.env");
    let (first, rest) = text.split_once('\n').unwrap();
    let (second, metadata) = rest.split_once('\n').unwrap();
    let (version, others) = metadata.rsplit_once("sops_version").unwrap();
    let moved = format!("{first}\n{version}{second}\n# why\nsops_version{others}");
    desk.write("x.enc.env", &moved);
    assert_eq!(desk.run(&["decrypt", "x.enc.env"]).succeeds(), "A=1\nB=2\n# why\n");
    desk.give("3", &["set", "x.enc.env", "C"]).succeeds();
    assert_eq!(desk.run(&["decrypt", "x.enc.env"]).succeeds(), "A=1\nB=2\nC=3\n# why\n");
}

#[test]
fn plaintext_goes_where_it_is_wanted() {
    let desk = Sandbox::with_identities();
    for (name, content) in FILES {
        desk.encrypted(name, content);
        let encrypted = desk.bytes(name);
        desk.run(&["decrypt", name, "--output", "out"]).succeeds();
        assert_eq!((desk.read("out"), desk.bytes(name)), (content.to_owned(), encrypted));
        let run = desk.run(&["decrypt", "-i", name]);
        run.record();
        assert_eq!(desk.read(name), content);
    }
    desk.encrypted("x.enc.json", "{\"a\": [1, \"b\"]}\n");
    if cfg!(target_os = "linux") {
        // a pipe is no file to be replaced
        let run = desk.run(&["decrypt", "x.enc.json", "--output", "/dev/stdout"]);
        assert_eq!(run.succeeds(), "{\"a\": [1, \"b\"]}\n");
    }
    assert_eq!(desk.run(&["decrypt", "x.enc.json", "--output-type", "yaml"]).succeeds(), "a:\n    - 1\n    - b\n");
    desk.run(&["decrypt", "x.enc.json", "--output-type", "dotenv"]).fails(2);
}

#[test]
fn a_tampered_file_prints_nothing_and_stays() {
    let desk = Sandbox::with_identities();
    for (name, content) in FILES {
        desk.encrypted(name, content);
        let text = desk.read(name);
        // a digit of a ciphertext that is no comment: those are not covered
        let end = text.find(",type:str]").unwrap();
        let at = text[..end].rfind("data:").unwrap() + "data:".len();
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        desk.write(name, format!("{}{other}{}", &text[..at], &text[at + 1..]));
        let before = desk.bytes(name);
        for arguments in [&["decrypt", name][..], &["decrypt", "-i", name]] {
            desk.run(arguments).fails(2);
        }
        assert_eq!(desk.bytes(name), before);
    }
}

#[test]
fn without_an_identity_it_is_said_who_could_and_where_was_looked() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    let stderr = desk.run_without_key(&["decrypt", "x.enc.yaml"]).fails(3);
    assert!(stderr.contains(&desk.alice), "{stderr}");
}

#[test]
fn no_rule_is_needed_to_read_and_a_difference_is_told() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    for (rules, is_told) in [
        ("creation_rules: []", false),
        ("creation_rules: [{path_regex: other, age: BOB}]", false),
        ("creation_rules: [{age: 'ALICE,BOB'}]", true),
        ("creation_rules: [{age: ALICE, encrypted_regex: ^b}]", true),
        ("creation_rules: [{age: ALICE, agee: x}]", true),
    ] {
        desk.rules(rules);
        let run = desk.run(&["decrypt", "x.enc.yaml"]);
        run.record();
        assert!(run.stderr.is_empty() != is_told, "{rules}: {}", run.stderr);
        assert_eq!(run.succeeds(), "a: 1\n", "{rules}");
    }
}

#[test]
fn what_is_not_encrypted_is_no_secret_to_decrypt() {
    let desk = Sandbox::with_identities();
    for (name, content) in FILES {
        desk.write(name, content);
        desk.run(&["decrypt", name]).fails(2);
    }
    desk.run(&["decrypt", "none.yaml"]).fails(4);
    desk.run(&["decrypt", "."]).fails(2);
}
