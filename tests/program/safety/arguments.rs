//! An argument may be a secret that was typed in the wrong place, and CI keeps what is printed: no command repeats
//! one that is not a known name, nearly one, or a path.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;

use crate::support::help::{Shape, commands, shape};
use crate::support::sandbox::Sandbox;

/// A secret, as people would type it. The first are tried by default, all with `SEPTUM_ARGUMENT_CANARIES=5`.
const CANARIES: [&str; 5] = [
    "PW=hunter2canary",
    "hunter2canary",
    "dir/hunter2canary/y",
    "-hunter2canary",
    "https://x:hunter2canary@y.z/a.json",
];

fn canaries() -> &'static [&'static str] {
    let count = std::env::var("SEPTUM_ARGUMENT_CANARIES").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    &CANARIES[..count]
}

/// Options of all commands, tried with one of them.
const GLOBAL: [&str; 5] = ["-C", "--color", "--quiet", "--verbose", "--help"];

/// Valid arguments of a command: those without a name.
fn valid(command: &str) -> Vec<&'static [&'static str]> {
    match command {
        "init" => vec![&["fresh"]],
        // kinds of `import`, forms of `eject` and commands of `helm` have tests of their own
        "argocd" | "docs" | "doctor" | "eject" | "git-setup" | "helm" | "import" | "krm" | "lsp" | "report"
        | "schema" => {
            vec![&[]]
        }
        "exposure" => vec![&["age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqs3290gq"]],
        "render" | "check" | "diff" | "export" | "list" | "gc" => vec![&["dev"]],
        "promote" => vec![&["dev", "prod", "A"]],
        "exec" => vec![&["dev", "true"]],
        "explain" => vec![&["dev", "A"]],
        "rename" => vec![&["A", "B"]],
        "get" => vec![&["dev", "P"], &["x.enc.yaml", "a"]],
        "set" | "unset" => vec![&["dev", "P"], &["y.enc.yaml", "a"]],
        "encrypt" => vec![&["plain.enc.yaml"]],
        "decrypt" | "rekey" | "rotate" | "git-textconv" => vec![&["x.enc.yaml"]],
        "edit" => vec![&["x.enc.yaml"], &["dev"]],
        "keygen" => vec![&["alice.txt"]],
        "git-merge" => vec![&["x.enc.yaml", "x.enc.yaml", "x.enc.yaml", "x.enc.yaml"]],
        "completions" => vec![&["bash"]],
        "man" | "help" => vec![&["render"]],
        other => panic!("`{other}`: what are valid arguments?"),
    }
}

/// Options that others are of no use without.
fn required(command: &str, flag: &str) -> &'static [&'static str] {
    match (command, flag) {
        ("render", "--shard") => &["--out", "out", "--allow-plaintext"],
        ("diff", "--context") => &["--cluster"],
        ("diff", "--max-chars") => &["--format", "markdown"],
        ("gc", "--at") => &["--older", "1d"],
        ("decrypt", "--document") => &["--extract", "a"],
        ("keygen", _) => &["-y"],
        ("docs", "--check") => &["--out", "page.md"],
        ("schema", "--check") => &["--out", "page.json"],
        ("report", flag) if flag != "--out" => &["--out", "page.html"],
        _ => &[],
    }
}

fn site() -> Sandbox {
    let desk = Sandbox::with_identities();
    desk.write(".git/HEAD", "ref: refs/heads/main\n");
    desk.write("environments/base.yaml", "app: shop\ndata: { A: a, P: { sensitive: true } }\n");
    desk.write("environments/dev.yaml", "");
    desk.write("environments/prod.yaml", "");
    desk.encrypted("environments/dev.secrets.yaml", "data: { P: some-secret }\n");
    for name in ["x.enc.yaml", "y.enc.yaml"] {
        desk.encrypted(name, "a: 1\n");
    }
    desk.write("plain.enc.yaml", "a: 1\n");
    desk
}

/// All that a command can be called with, a canary in one place.
fn calls(shape: &Shape, canary: &str) -> Vec<Vec<String>> {
    let command = shape.command.as_str();
    let owned = |arguments: &[&str]| arguments.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let mut calls = vec![owned(&[canary, command]), owned(&[&format!("--{canary}"), command])];
    for valid in valid(command) {
        assert_eq!(valid.len(), shape.positions.max(usize::from(command == "help")), "{command}");
        for index in 0..=valid.len() {
            let mut positions = valid.to_vec();
            if index < valid.len() {
                positions[index] = canary;
            } else {
                positions.push(canary);
            }
            // the directory of a new project gives it its public name
            if command == "init" && index == 0 && !canary.contains(['=', ':']) {
                continue;
            }
            calls.push(owned(&[&[command][..], required(command, ""), &positions].concat()));
            // also where nothing begins an option any more
            calls.push(owned(&[&[command, "--"][..], &positions].concat()));
        }
        for flag in &shape.flags {
            let name = flag.name.as_str();
            let joined = format!("{name}={canary}");
            if GLOBAL.contains(&name) && command != "list" {
                continue;
            }
            let given: &[&[&str]] = if flag.has_value { &[&[&joined], &[name, canary]] } else { &[&[&joined]] };
            for given in given {
                let before = required(command, name);
                calls.push(owned(&[&[command][..], before, *given, valid].concat()));
                // files and standard input are not read together
                if valid.len() == 1 {
                    calls.push(owned(&[&[command][..], before, *given].concat()));
                }
            }
        }
        for option in [format!("--{canary}"), format!("--{canary}=1"), format!("--app={canary}"), format!("-z{canary}")]
        {
            calls.push(owned(&[&[command, &option][..], valid].concat()));
        }
    }
    calls
}

#[test]
fn no_command_repeats_an_argument_that_may_be_a_secret() {
    let desk = site();
    let mut wrong = Vec::new();
    let mut count = 0;
    for command in commands() {
        let shape = shape(&command);
        for mut call in canaries().iter().flat_map(|canary| calls(&shape, canary)) {
            // a key that has the name now is known to all commands after it
            if call.first().is_some_and(|first| first == "rename") {
                call.insert(1, "--dry-run".to_owned());
            }
            let arguments: Vec<_> = call.iter().map(String::as_str).collect();
            let run = desk.give("b: 2\n", &arguments);
            let printed = format!("{}{}", run.stderr, String::from_utf8_lossy(&run.bytes));
            if printed.contains("hunter2canary") {
                let line = printed.lines().find(|line| line.contains("hunter2canary")).unwrap();
                wrong.push(format!("{}: {line}", arguments.join(" ")));
            }
            count += 1;
            // what was made where the canary was a path
            for entry in fs::read_dir(desk.root()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if name.contains("hunter2canary") || ["fresh", "out", "dir", "https:"].contains(&name) {
                    if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
                }
            }
        }
        desk.write("plain.enc.yaml", "a: 1\n");
        desk.encrypted("x.enc.yaml", "a: 1\n");
        desk.encrypted("y.enc.yaml", "a: 1\n");
    }
    assert!(count > 200, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
