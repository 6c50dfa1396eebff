//! `septum set`, `unset` and `get`

use crate::secret_files::FILES;
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Run, Sandbox, give};
use crate::support::texts::changed_lines;

/// Values that `set` puts into each of the files, and the path of one.
const PATHS: [(&str, &str); 4] = [
    ("app.enc.yaml", "password"),
    ("app.enc.json", "password"),
    ("app.enc.env", "password"),
    ("app.enc.ini", "main.password"),
];

#[test]
fn only_the_value_the_time_and_the_checksum_change() {
    let desk = Sandbox::with_identities();
    for (name, path) in PATHS {
        let content = FILES.iter().find(|(file, _)| *file == name).unwrap().1;
        desk.encrypted(name, content);
        let before = desk.read(name);
        let mut later = desk.command(&["set", name, path]);
        // another time than that of the first encryption
        later.env("SEPTUM_TEST_NOW", "4000000000");
        let run: Run = give(later, b"new value\n").into();
        run.record();
        assert_eq!(desk.run(&["get", name, path]).succeeds(), "new value");
        let (gone, came) = changed_lines(&before, &desk.read(name));
        assert_eq!(gone, came, "{name}");
        let leaf = if name.ends_with("json") { "user" } else { "password" };
        let mut expected: Vec<_> = [leaf, "lastmodified", "mac"].map(str::to_owned).to_vec();
        if name.ends_with("env") {
            expected = ["password", "sops_lastmodified", "sops_mac"].map(str::to_owned).to_vec();
        }
        assert_eq!(gone, expected, "{name}");
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            let printed = sops.succeeds();
            assert!(printed.contains("new value") && !printed.contains(CANARY), "{name}: {printed}");
        }
        // JSON has quotes around it, and all else is as it was
        let expected = content.replace(CANARY, "new value");
        assert_eq!(desk.run(&["decrypt", name]).succeeds(), expected, "{name}");
    }
}

#[test]
fn a_value_that_is_there_already_leaves_the_file_untouched() {
    let desk = Sandbox::with_identities();
    desk.encrypted("app.enc.yaml", FILES[0].1);
    let time = || std::fs::metadata(desk.path("app.enc.yaml")).unwrap().modified().unwrap();
    let before = (desk.bytes("app.enc.yaml"), time());
    let run = desk.give(CANARY, &["set", "app.enc.yaml", "password"]);
    run.record();
    assert_eq!((desk.bytes("app.enc.yaml"), time()), before);
}

#[test]
fn numbers_stay_numbers_and_texts_stay_texts() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.json", "{\"n\": 1, \"f\": 1.5, \"b\": true, \"s\": \"1\", \"z\": null}\n");
    for (path, value, expected) in [
        ("n", "9007199254740993", "9007199254740993"),
        ("n", "0644", "\"0644\""),
        ("f", "2.25", "2.25"),
        ("f", "2", "2"),
        ("b", "false", "false"),
        ("b", "yes", "\"yes\""),
        ("s", "2", "\"2\""),
        ("z", "2", "\"2\""),
        ("new", "2", "\"2\""),
    ] {
        desk.give(value, &["set", "x.enc.json", path]).succeeds();
        let all: serde_json::Value = serde_json::from_str(&desk.run(&["decrypt", "x.enc.json"]).succeeds()).unwrap();
        assert_eq!(all[path].to_string(), expected, "{path} {value}");
    }
    for (value, expected) in [
        ("{\"a\": [1, 2.5, \"x\", null, true, {}], \"b\": 9007199254740993}", None),
        ("[", Some(())),
        ("18446744073709551615", Some(())),
    ] {
        let run = desk.give(value, &["set", "x.enc.json", "deep.er", "--json"]);
        match expected {
            Some(()) => drop(run.fails(2)),
            None => {
                run.succeeds();
                let found: serde_json::Value =
                    serde_json::from_str(&desk.run(&["get", "x.enc.json", "deep.er"]).succeeds()).unwrap();
                assert_eq!(found, serde_json::from_str::<serde_json::Value>(value).unwrap());
            }
        }
    }
    if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.enc.json"]) {
        assert!(sops.succeeds().contains("9007199254740993"));
    }
}

#[test]
fn a_line_break_that_ends_a_line_is_no_part_of_a_value() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: x\n");
    for (given, kept) in [
        ("one\n", "one"),
        ("one\r\n", "one"),
        ("one", "one"),
        ("one\n\n", "one\n\n"),
        ("-----BEGIN X-----\nAA\n-----END X-----\n", "-----BEGIN X-----\nAA\n-----END X-----\n"),
        (" lead and trail ", " lead and trail "),
    ] {
        desk.give(given, &["set", "x.enc.yaml", "a"]).succeeds();
        assert_eq!(desk.run(&["get", "x.enc.yaml", "a"]).succeeds(), kept, "{given:?}");
    }
    // what was to print the value may have failed
    for given in ["", "\n"] {
        desk.give(given, &["set", "x.enc.yaml", "a"]).fails(2);
    }
    desk.run(&["set", "x.enc.yaml", "a", "--empty"]).succeeds();
    assert_eq!(desk.run(&["get", "x.enc.yaml", "a"]).succeeds(), "");
}

#[test]
fn values_are_taken_out() {
    let desk = Sandbox::with_identities();
    for (name, path) in PATHS {
        desk.encrypted(name, FILES.iter().find(|(file, _)| *file == name).unwrap().1);
        desk.run(&["unset", name, path]).record();
        assert!(!desk.run(&["decrypt", name]).succeeds().contains(CANARY), "{name}");
        desk.run(&["unset", name, path]).fails(2);
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            sops.succeeds();
        }
    }
}

#[test]
fn a_document_of_several_is_named() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\nboth: x\n---\nb: 2\nboth: y\n");
    desk.give("3", &["set", "x.enc.yaml", "b"]).succeeds();
    desk.give("z", &["set", "x.enc.yaml", "both"]).fails(2);
    desk.give("z", &["set", "x.enc.yaml", "new"]).fails(2);
    desk.give("z", &["set", "x.enc.yaml", "both", "--document", "2"]).succeeds();
    desk.give("w", &["set", "x.enc.yaml", "new", "--document", "1"]).succeeds();
    assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), "a: 1\nboth: x\nnew: w\n---\nb: 3\nboth: z\n");
}

/// The base of the app of the tests below.
const BASE: &str = "app: shop
data:
  PASSWORD: { sensitive: true, minLength: 12 }
  PORT: { type: integer, minimum: 1, value: 80 }
  LEVEL: { enum: [debug, info], value: info }
  SECRET_LEVEL: { enum: [debug, info], sensitive: true }
  LITERAL: { template: false, sensitive: true }
  URL: \"x://{{ data.PASSWORD | urlencode }}@h\"
bundles:
  tls: { type: example.com/pair, data: { tls.crt: { }, tls.key: { } } }
  more: { open: true, data: { PASSWORD: {} } }
";

fn shop() -> Sandbox {
    let desk = Sandbox::with_identities();
    desk.write("environments/base.yaml", BASE);
    desk.write("environments/prod.yaml", "data: { LEVEL: debug }\n");
    desk.write("environments/dev.yaml", "");
    desk
}

#[test]
fn a_key_of_an_environment_goes_to_its_secrets() {
    let desk = shop();
    let run = desk.give("correct horse battery\n", &["set", "prod", "PASSWORD", "--bundle", "shop"]);
    run.record();
    desk.give("8080\n", &["set", "prod", "PORT"]).succeeds();
    desk.give("key\n", &["set", "prod", "tls.key"]).succeeds();
    desk.give("v\n", &["set", "prod", "NEW", "--bundle", "more"]).succeeds();
    let plaintext = desk.run(&["decrypt", "environments/prod.secrets.yaml"]).succeeds();
    assert_eq!(
        plaintext,
        "data:\n    PASSWORD: correct horse battery\n    PORT: 8080\nbundles:\n    tls:\n        data:\n            tls.key: key\n    more:\n        data:\n            NEW: v\n"
    );
    assert!(desk.read("environments/prod.secrets.yaml").contains(",type:int]"), "an integer stays one");
    assert_eq!(desk.run(&["get", "prod", "URL"]).succeeds(), "x://correct%20horse%20battery@h");
    assert_eq!(desk.run(&["get", "prod", "LEVEL"]).succeeds(), "debug");
    desk.run(&["get", "dev", "LITERAL"]).fails(2);
    desk.run(&["unset", "prod", "tls.key"]).succeeds();
    desk.run(&["unset", "prod", "LEVEL"]).fails(2);
    // what others wrote in the long form keeps its form
    desk.write("environments/dev.secrets.yaml", "data:\n  LITERAL: {value: old}\n");
    desk.run(&["encrypt", "environments/dev.secrets.yaml"]).succeeds();
    desk.give("{{ new }}", &["set", "dev", "LITERAL"]).succeeds();
    assert_eq!(
        desk.run(&["decrypt", "environments/dev.secrets.yaml"]).succeeds(),
        "data:\n  LITERAL: {value: \"{{ new }}\"}\n"
    );
}

#[test]
fn what_the_base_says_is_checked_before_anything_is_written() {
    let desk = shop();
    let before = desk.all();
    for (arguments, value) in [
        (&["prod", "PASWORD"][..], "x"),
        (&["prod", "PASSWORD"], "x"),
        (&["prod", "PASSWORD", "--bundle", "shop"], "short"),
        (&["prod", "PORT"], "eighty"),
        (&["prod", "PORT"], "0"),
        (&["prod", "SECRET_LEVEL"], "hunter2-canary"),
        (&["prod", "PASSWORD", "--bundle", "shop"], "hunter2-canary {{ x }}"),
        (&["prod", "PORT", "--json"], "1"),
        (&["prd", "PORT"], "1"),
        (&["environments/none.yaml", "PORT"], "1"),
        (&["environments/base.yaml", "data.PORT"], "1"),
    ] {
        let code = if arguments[0].ends_with("none.yaml") { 4 } else { 2 };
        desk.give(value, &[&["set"], arguments].concat()).fails(code);
    }
    desk.give(b"\xff\xfe", &["set", "prod", "LITERAL"]).fails(2);

    assert_eq!(desk.all(), before);
    desk.rules("creation_rules: [{path_regex: none, age: ALICE}]");
    desk.give("x", &["set", "prod", "LITERAL"]).fails(2);
}

#[test]
fn a_template_is_one_if_it_is_meant() {
    let desk = shop();
    desk.give("{{ data.PORT }}-and-more", &["set", "prod", "PASSWORD", "--bundle", "shop", "--template"]).succeeds();
    assert_eq!(desk.run(&["get", "prod", "PASSWORD", "--bundle", "shop"]).succeeds(), "80-and-more");
}

#[test]
fn it_is_told_what_follows_from_an_encrypted_value() {
    let desk = shop();
    let stderr = desk.give("info", &["set", "prod", "LEVEL"]).stderr;
    record(&stderr);
}

#[test]
fn the_app_is_named_if_several_have_the_key() {
    let desk = Sandbox::with_identities();
    desk.write("septum.yaml", "apps: ['apps/*']\n");
    for app in ["a", "b"] {
        desk.write(&format!("apps/{app}/base.yaml"), "data: { TOKEN: { sensitive: true } }\n");
        desk.write(&format!("apps/{app}/prod.yaml"), "");
    }
    desk.give("x", &["set", "prod", "TOKEN"]).fails(2);

    desk.give("x", &["set", "prod", "TOKEN", "--app", "b"]).succeeds();
    assert!(desk.path("apps/b/prod.secrets.yaml").exists() && !desk.path("apps/a/prod.secrets.yaml").exists());
}

/// What the metadata say is not authenticated: whoever narrows the selector makes the next value lie
/// open.
#[test]
fn a_file_that_differs_from_its_rule_is_not_changed() {
    let desk = Sandbox::with_identities();
    for (file, from, to, is_refused) in [
        ("x.enc.yaml", "unencrypted_suffix: _unencrypted", "encrypted_regex: ^a$", true),
        ("y.enc.yaml", "unencrypted_suffix: _unencrypted", "mac_only_encrypted: false", false),
    ] {
        desk.encrypted(file, "a: 1\n");
        desk.replace(file, from, to);
        let before = desk.bytes(file);
        let run = desk.give("hunter2-canary", &["set", file, "b"]);
        if !is_refused {
            run.succeeds();
            continue;
        }
        run.fails(2);
        desk.run(&["unset", file, "a"]).fails(2);
        assert_eq!(desk.bytes(file), before);
    }
    desk.encrypted("z.enc.yaml", "a: 1\n");
    desk.rules("creation_rules: [{age: 'ALICE,BOB'}]");
    let stderr = desk.give("x", &["set", "z.enc.yaml", "a"]).fails(2);
    assert!(stderr.contains(&format!("+ {}", desk.bob)), "{stderr}");
    let edited = desk.command(&["edit", "z.enc.yaml"]).env("EDITOR", "touch edited").output().unwrap();
    assert!(edited.status.code() == Some(2) && !desk.path("edited").exists());
}

#[test]
fn an_environment_that_the_app_lacks_is_called_so_and_what_looks_like_it_is_named() {
    let desk = Sandbox::with_identities();
    desk.write("septum.yaml", "apps: ['apps/*']\n");
    for app in ["web", "cart"] {
        desk.write(&format!("apps/{app}/base.yaml"), format!("app: {app}\ndata: {{ KEY: {{ sensitive: true }} }}\n"));
        desk.write(&format!("apps/{app}/prod.yaml"), "");
    }
    desk.write("apps/cart/dev.yaml", "");
    let runs: [&[&str]; 4] = [
        &["get", "dev", "KEY", "--app", "web"],
        &["set", "dev", "KEY", "--app", "web"],
        &["unset", "dev", "KEY", "--app", "web"],
        &["exec", "dev", "--app", "web", "--", "true"],
    ];
    for arguments in runs {
        desk.run(arguments).refused();
    }
    std::fs::create_dir(desk.path("apps/web/dev.yaml")).unwrap();
    for arguments in runs {
        desk.run(arguments).refused();
    }
}

#[test]
fn a_mark_of_redaction_within_a_structure_is_refused_too() {
    let desk = Sandbox::with_identities();
    desk.encrypted("app.enc.yaml", "list: [a]\n");
    let before = desk.read("app.enc.yaml");
    for text in ["[\"[secret]\"]", "{\"a\": {\"b\": \"***\"}}", "\"REDACTED\""] {
        desk.give(text, &["set", "--json", "app.enc.yaml", "list"]).refused();
    }
    assert_eq!(desk.read("app.enc.yaml"), before);
    desk.give("[\"plain\"]", &["set", "--json", "app.enc.yaml", "list"]).succeeds();
}
