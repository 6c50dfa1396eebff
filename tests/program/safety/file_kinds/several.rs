//! Commands that take several files name each that they cannot read, and not the first.

use std::fs;
use std::path::Path;

use crate::support::sandbox::Sandbox;

type Damage = (&'static str, fn(&Path));

const DAMAGES: &[Damage] = &[
    ("missing", |path| fs::remove_file(path).unwrap()),
    ("a directory", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    ("no text", |path| fs::write(path, b"\xff\xfe\0").unwrap()),
    ("syntax", |path| fs::write(path, "a: [b\n\"c\nsops: {\n").unwrap()),
];

/// Commands with two files, and the damages that they cannot notice, or that make another kind of input.
const COMMANDS: &[(&[&str], &[&str])] = &[
    (&["decrypt", "one.enc.yaml", "two.enc.yaml"], &[]),
    (&["encrypt", "one.enc.yaml", "two.enc.yaml"], &[]),
    (&["rekey", "one.enc.yaml", "two.enc.yaml"], &[]),
    (&["rekey", "--check", "one.enc.yaml", "two.enc.yaml"], &[]),
    (&["rotate", "one.enc.yaml", "two.enc.yaml"], &[]),
    (&["import", "sops", "dev=one.enc.yaml", "prod=two.enc.yaml"], &["a directory"]),
    (&["import", "manifests", "one.enc.yaml", "two.enc.yaml"], &["a directory"]),
    (&["import", "helm-values", "values.yaml", "dev=one.enc.yaml", "prod=two.enc.yaml"], &["a directory"]),
    (&["import", "dotenv", "dev=one.enc.yaml", "prod=two.enc.yaml"], &["a directory", "syntax"]),
    (&["check", "--rules", "one.enc.yaml", "--rules", "two.enc.yaml"], &[]),
    (&["diff", "--files", "one.enc.yaml", "two.enc.yaml"], &["a directory"]),
];

#[test]
fn each_file_that_cannot_be_read_is_named() {
    let mut wrong = Vec::new();
    for (command, but) in COMMANDS {
        for (damage, make) in DAMAGES.iter().filter(|(damage, _)| !but.contains(damage)) {
            let desk = Sandbox::with_identities();
            desk.rules("creation_rules: [{path_regex: enc, age: ALICE}]");
            desk.write("values.yaml", "a: b\n");
            desk.write("base.yaml", "");
            desk.write("m/dev.yaml", "");
            for name in ["one.enc.yaml", "two.enc.yaml"] {
                desk.encrypted(name, "a: 1\n");
                make(&desk.path(name));
            }
            let before = desk.all();
            let run = desk.run(command);
            let is_named = ["one.enc.yaml", "two.enc.yaml"].iter().all(|name| run.stderr.contains(name));
            if run.code == 0 || !is_named || desk.all() != before {
                wrong.push(format!("{} ({damage}): {}\n{}{}", command.join(" "), run.code, run.stdout, run.stderr));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
