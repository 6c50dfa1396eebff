//! What is shown to people and programs: nothing of a repository acts on a terminal or begins a line of a log,
//! nothing that was typed in the wrong place is echoed, and an excerpt shows a value only where the code says why.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;

use crate::support::messages::record;
use crate::support::sandbox::Sandbox;
use crate::support::sources::{SourceFile, rust_sources};
use regex::Regex;

/// Text that would act: a sequence of a terminal, a line break before a command of GitHub, a change of direction,
/// controls of C1, and line breaks of other kinds.
const HOSTILE: &str =
    "x\u{1b}[2J\r\n::stop-commands::y\n::set-output name=a::b\u{202e}\u{2066}\u{200b}\u{9b}31m\u{85}\u{2028}\u{7f}z";

/// The same as a text of YAML in double quotes.
fn quoted() -> String {
    let escaped = HOSTILE.chars().map(|char| match char {
        char if char.is_ascii_graphic() || char == ' ' => char.to_string(),
        char => format!("\\U{:08x}", u32::from(char)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// A project that has it everywhere.
fn hostile(broken: bool) -> Sandbox {
    let q = quoted();
    let mut base = format!(
        "labels: {{ team: {q} }}\nannotations: {{ {q}: {q} }}\nvars: {{ {q}: {q}, v: {q} }}\nallow: [{{ rule: plaintext-secret, key: {q}, reason: {q} }}]\n\
         bundles: {{ {q}: {{ data: {{ A: {q} }} }} }}\ndata:\n  PLAIN: {{ value: {q}, description: {q}, deprecated: {q}, owner: {q} }}\n\
         \x20 OPEN_TOKEN: {{ value: abcdefghijklmnop, sensitive: false, reason: {q} }}\n  {q}: {{ value: 1, description: {q} }}\n\
         \x20 API_PASSWORD: {q}\n  DOC.yaml: {{ content: {{ {q}: {q} }} }}\n"
    );
    if broken {
        let inner = q.replace(['"', '\''], "");
        let wrong = format!(
            "  R: \"{{{{ none | required('{inner}') }}}}\"\n  N: {{ value: x, pattern: {q} }}\n  E: {{ value: x, enum: [{q}] }}\n\
             \x20 F: {{ file: {q} }}\n  G.toml: {{ content: {{ a: {{ {q}: null }} }} }}\n  H.ini: {{ content: {{ {q}: {{ b: {{ c: 1 }} }} }} }}\n\
             \x20 I: {{ value: 1, {q}: 2 }}\n  J: {{ value: x, format: {q} }}\n  K: {{ ref: {q} }}\n"
        );
        base.push_str(&wrong);
    }
    Sandbox::new([
        ("base.yaml", base.as_str()),
        ("dev.yaml", ""),
        ("prod.yaml", format!("data: {{ {q}: {q} }}\n").as_str()),
    ])
}

/// Whether a character does something to a terminal.
fn acts(char: char) -> bool {
    char.is_control() && !matches!(char, '\n' | '\t')
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn is_inert(what: &str, text: &str, commands: &[&str]) {
    if let Some(found) = text.chars().find(|char| acts(*char)) {
        panic!("{what}: {found:?} in {text}");
    }
    for line in text.lines() {
        let is_own = commands.iter().any(|command| line.starts_with(command));
        assert!(is_own || !line.starts_with("::"), "{what}: {line}");
    }
}

#[test]
fn nothing_of_a_repository_acts_on_a_terminal_or_begins_a_line() {
    for broken in [false, true] {
        let project = hostile(broken);
        let runs: &[&[&str]] = &[
            &["check"],
            &["check", "--format", "json"],
            &["check", "--format", "sarif"],
            &["check", "--format", "github"],
            &["check", "--format", "gitlab"],
            &["check", "--format", "junit"],
            &["check", "--format", "rdjson"],
            &["check", "--fix"],
            &["list"],
            &["list", "--format", "json"],
            &["list", "--values"],
            &["list", "--key", HOSTILE],
            &["docs"],
            &["argocd", "generate"],
            &["argocd", "parameters"],
            &["schema"],
            &["krm"],
            &["helm", "post-render", HOSTILE],
            &["helm", "plugin", "--out", HOSTILE],
            &["docs", "--format", "html"],
            &["docs", "--format", "env-example"],
            &["report"],
            &["exposure", HOSTILE],
            &["explain", "PLAIN"],
            &["explain", "dev", "vars.v"],
            &["explain", "vars.v", "--format", "json"],
            &["explain", "dev", "PLAIN"],
            &["explain", "dev", "OPEN_TOKEN"],
            &["explain", "dev", "OPEN_TOKEN", "--format", "json"],
            &["explain", "dev", HOSTILE],
            &["explain", HOSTILE, HOSTILE],
            &["get", "dev", HOSTILE, "--app", HOSTILE],
            &["set", "dev", HOSTILE],
            &["render", "dev", "-v"],
            &["render", HOSTILE, "--app", HOSTILE],
            &["render", "--all", "--out", "out"],
            &["encrypt", HOSTILE],
            &["decrypt", HOSTILE],
            &["edit", HOSTILE],
            &["rekey", HOSTILE],
            &["check", "--rules", HOSTILE],
            &["-C", HOSTILE, "list"],
            &[HOSTILE],
            &["completions", HOSTILE],
        ];
        for arguments in runs {
            let run = project.run(arguments);
            is_inert(&format!("stderr of {arguments:?}"), &run.stderr, &[]);
            // manifests are data, which the writers of YAML hold to what its readers take
            if arguments[0] != "render" {
                is_inert(&format!("stdout of {arguments:?}"), &run.stdout, &["::error ", "::warning ", "::notice "]);
            }
        }
    }
}

#[test]
fn names_of_files_do_not_act_either() {
    let name = "files/a\u{1b}[31m\n::error::x\u{202e}.yaml";
    let base = "manifests: [\"files/*\"]\ndata: { A: 1 }\n";
    let project = Sandbox::of(base, "").file(name, "kind: [\n");
    for arguments in
        [&["render", "dev"][..], &["check"], &["check", "--format", "github"], &["check", "--format", "sarif"]]
    {
        let run = project.run(arguments);
        is_inert("stderr", &run.stderr, &[]);
        is_inert("stdout", &run.stdout, &["::error ", "::warning "]);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(run.code != 0 && (told.contains("u{1b}") || told.contains("%1B")), "{told}");
    }
}

/// A name with a line break, after which a line of a message would begin.
const BROKEN_NAME: &str = "a\nINJECTED\u{1b}[31m\u{202e}\u{9b}b";

#[track_caller]
fn is_one_block(what: &str, text: &str) {
    is_inert(what, text, &["::error ", "::warning "]);
    let injected = text.lines().find(|line| line.trim_start_matches([' ', '|', '=', '-', '>']).starts_with("INJECTED"));
    assert_eq!(injected, None, "{what}: {text}");
}

/// Names of directories, apps, environments, layers, files and arguments, in whatever a command says of them.
#[test]
fn a_line_break_in_a_name_begins_no_line() {
    let name = BROKEN_NAME;
    let q = name.chars().fold("\"".to_owned(), |text, char| format!("{text}\\U{:08x}", u32::from(char))) + "\"";
    let base = format!(
        "app: {q}\nextends: []\ndata: {{ A: 1, {q}: 2, F: {{ file: {q} }}, T: {{ template: {q} }} }}\nmanifests: [{q}]\n"
    );
    let projects = [
        Sandbox::new([]),
        Sandbox::new([("base.yaml", "data: [\n"), ("dev.yaml", "")]),
        Sandbox::new([("base.yaml", "data: { A: x }\n"), ("dev.yaml", "data: { B: 1 }\n")])
            .file(&format!("{name}.yaml"), ""),
        Sandbox::new([("base.yaml", "data: { A: x }\n"), ("dev.yaml", "extends: [none]\n")])
            .file(&format!("{name}/x.yaml"), "a: 1\n"),
        Sandbox::new([("base.yaml", base.as_str()), ("dev.yaml", "")]),
        Sandbox::new([("septum.yaml", "apps: ['*']\noutput: out\n")])
            .file(&format!("{name}/base.yaml"), "data: { A: x, P: { required: true } }\n")
            .file(&format!("{name}/dev.yaml"), "data: { B: 1 }\n")
            .file("other/base.yaml", "data: { A: x }\n")
            .file("other/dev.yaml", ""),
        Sandbox::new([("septum.yaml", format!("apps: [{q}]\noutput: {q}\nshared: {q}\n").as_str())]),
        Sandbox::new([("septum.yaml", format!("{q}: 1\n").as_str())]),
        Sandbox::new([(".sops.yaml", format!("creation_rules: [{{ path_regex: {q}, {q}: 1, age: {q} }}]\n").as_str())])
            .file(&format!("{name}.yaml"), "a: 1\n"),
    ];
    let runs: &[&[&str]] = &[
        &["check"],
        &["check", "--format", "github"],
        &["check", "--fix"],
        &["check", name],
        &["check", "--rendered", name],
        &["check", "--app", name],
        &["render", "--all"],
        &["render", "dev", "--out", name],
        &["render", "dev", "--out", "out", "--check"],
        &["render", name],
        &["list"],
        &["explain", "A"],
        &["explain", "dev", name],
        &["get", "dev", "A"],
        &["get", "dev", name, "--app", name],
        &["get", &format!("{name}.yaml"), "a"],
        &["set", "dev", "A"],
        &["set", "dev", "P"],
        &["unset", "dev", name],
        &["edit", name],
        &["diff", "dev", name],
        &["diff", "--files", name, name],
        &["diff", "--rev", name],
        &["promote", "dev", name],
        &["rename", "A", name],
        &["rename", name, "B", "--app", name],
        &["gc", "dev", "--app", name],
        &["docs", "--out", name, "--check"],
        &["report", "--out", &format!("{name}/x.html")],
        &["exposure", name],
        &["export", "dev"],
        &["exec", "dev", "--", name],
        &["encrypt", name],
        &["encrypt", &format!("{name}.yaml")],
        &["decrypt", &format!("{name}.yaml")],
        &["rekey", name],
        &["rotate", &format!("{name}.yaml")],
        &["keygen", "-o", &format!("{name}/key.txt")],
        &["doctor"],
        &["init", name],
        &["import", "dotenv", name],
        &["import", "kustomize", name],
        &["import", "manifests", name],
        &["import", "helm-values", name],
        &["import", "sops", name],
        &["eject", "dev", "--out", name],
        &["schema", "--app", name],
        &["argocd", "generate"],
        &["-C", name, "check"],
        &["-C", name, "set", "dev", "P"],
    ];
    let mut found = 0;
    for project in projects {
        std::fs::create_dir_all(project.path(name)).unwrap();
        for arguments in runs {
            for directory in [".", name] {
                let run = project.run_in(directory, arguments);
                is_one_block(&format!("stderr of {arguments:?} in {directory:?}"), &run.stderr);
                if arguments[0] != "render" {
                    is_one_block(&format!("stdout of {arguments:?} in {directory:?}"), &run.stdout);
                }
                found += run.stderr.matches("INJECTED").count();
            }
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn a_file_whose_name_is_no_dns_label_is_no_environment() {
    let long = format!("{}.yaml", "a".repeat(64));
    for name in
        ["e$(touch x).yaml", "Prod.yaml", "a_b.yaml", "-a.yaml", "a.b.yaml", "a b.yaml", "ä.secrets.yaml", &long]
    {
        let project = Sandbox::of("data: { A: 1 }\n", "").file(name, "");
        for arguments in [&["list"][..], &["render", "dev"], &["check"]] {
            let run = project.run(arguments);
            // to check is to report it as a finding
            let is_check = arguments == ["check"];
            assert_eq!((run.code, run.stdout.is_empty()), if is_check { (1, false) } else { (2, true) }, "{name}");
            let told = if is_check { run.stdout } else { run.stderr };
            record(&told);
        }
    }
}

#[test]
fn completion_offers_inert_words_alone() {
    let base = "data: { \"K$(touch x)\": 1, KEY: 2, \"a b\": 3, \"-x\": 4, \"`id`\": 5 }\nbundles: { }\n";
    let project = Sandbox::of(base, "");
    let complete = |words: &[&str]| {
        let index = (words.len() - 1).to_string();
        let mut command = crate::support::sandbox::septum(
            &project.root(),
            &[("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", &index), ("_CLAP_IFS", "\n")],
        );
        let output = command.arg("--").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let keys = complete(&["septum", "get", "dev", ""]);
    assert!(keys.lines().any(|line| line == "KEY"), "{keys}");
    assert!(!keys.contains(['$', '`', ' ', '(']) && !keys.contains("-x"), "{keys}");
    let environments = complete(&["septum", "render", ""]);
    assert!(environments.lines().any(|line| line == "dev"), "{environments}");
    let hostile = Sandbox::of("data: { A: 1 }\n", "").file("e$(touch x).yaml", "");
    let mut command = crate::support::sandbox::septum(
        &hostile.root(),
        &[("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", "2"), ("_CLAP_IFS", "\n")],
    );
    let output = command.args(["--", "septum", "render", ""]).output().unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains("touch"));
}

/// Names of files are those of a repository too, wherever a path may stand.
#[test]
fn no_path_is_completed_that_means_something_to_a_shell() {
    let hostile =
        Sandbox::of("data: { A: 1 }\n", "").file("x$(touch y).yaml", "").file("xplain.yaml", "").file("x`id`/f", "");
    let mut plain = 0;
    for command in crate::support::help::commands() {
        let shape = crate::support::help::shape(&command);
        let flags = shape.flags.iter().filter(|flag| flag.has_value).map(|flag| vec![flag.name.clone()]);
        let positions = (0..shape.positions).map(|before| vec!["a".to_owned(); before]);
        for before in flags.chain(positions) {
            let mut words = vec!["septum".to_owned(), command.clone()];
            words.extend(before);
            words.push("x".to_owned());
            let index = (words.len() - 1).to_string();
            let mut run = crate::support::sandbox::septum(
                &hostile.root(),
                &[("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", &index), ("_CLAP_IFS", "\n")],
            );
            let offered = run.arg("--").args(&words).output().unwrap();
            let offered = String::from_utf8(offered.stdout).unwrap();
            assert!(!offered.contains(['$', '`', '(']), "{words:?}: {offered}");
            plain += usize::from(offered.contains("xplain.yaml"));
        }
    }
    assert!(plain > 10, "paths are completed");
}

/// What a value is typed as, in places where it does not belong.
#[test]
fn a_value_on_the_command_line_is_not_echoed() {
    const VALUE: &str = "hunter2-Tr0ub4dor";
    const IDENTITY: &str = "AGE-SECRET-KEY-1QQPQY8GQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ";
    let project = Sandbox::of("data: { PASSWORD: { sensitive: true } }\n", "").file("prod.yaml", "");
    let assignment = format!("PASSWORD={VALUE}");
    let spaced = format!("--value={VALUE}");
    let runs: &[&[&str]] = &[
        &["set", "prod", "PASSWORD", VALUE],
        &["set", "prod", &assignment],
        &["set", &assignment],
        &["set", &assignment, &assignment],
        &["set", "prod", VALUE],
        &["set", VALUE, "PASSWORD"],
        &["set", "prod", "PASSWORD", &spaced],
        &["set", "prod", "PASSWORD", "--value", VALUE],
        &["set", "prod", "PASSWORD", "--json", VALUE],
        &["set", "prod", "PASSWORD", "--document", VALUE],
        &["set", "x.yaml", &assignment],
        &["unset", "prod", &assignment],
        &["unset", "prod", "PASSWORD", VALUE],
        &["get", "prod", "PASSWORD", VALUE],
        &["get", "prod", VALUE],
        &["edit", "prod", VALUE],
        &["edit", VALUE],
        &["encrypt", &assignment],
        &["encrypt", "--value", VALUE],
        &["encrypt", "--age", VALUE, "base.yaml"],
        &["encrypt", "--input-type", VALUE],
        &["decrypt", &spaced],
        &["decrypt", "--extract", &format!("\"{VALUE}"), "base.yaml"],
        &["render", "--password", VALUE],
        &["render", &spaced],
        &["check", "--at", VALUE],
        &["--password", VALUE, "list"],
        &[&spaced, "list"],
        &[VALUE],
        &["keygen", VALUE, VALUE],
        &["init", "a", VALUE],
    ];
    for arguments in runs {
        let run = project.run(arguments);
        assert_ne!(run.code, 0, "{arguments:?}");
        assert!(!run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"), "{arguments:?}: {}", run.stderr);
        run.record();
    }
    for arguments in [
        &["encrypt", "--age", IDENTITY, "base.yaml"][..],
        &["encrypt", IDENTITY],
        &["decrypt", IDENTITY],
        &["set", "prod", IDENTITY],
        &["set", "prod", "PASSWORD", IDENTITY],
        &["edit", IDENTITY],
        &["get", IDENTITY, "x"],
        &["rekey", IDENTITY],
        &["render", IDENTITY],
        &["list", "--app", IDENTITY],
    ] {
        let run = project.run(arguments);
        assert_ne!(run.code, 0, "{arguments:?}");
        assert!(!run.stderr.contains(IDENTITY), "{arguments:?}: {}", run.stderr);
    }
    let told = project.run(&["set", "prod", "PASSWORD", VALUE]).stderr;
    record(&told);
    let told = project.run(&["set", "prod", &assignment]).stderr;
    record(&told);
}

/// Files that anybody could have put there, one line each that is no structure.
#[test]
fn a_file_that_is_not_what_it_is_read_as_is_not_shown() {
    let lines = [
        "AGE-SECRET-KEY-1QQPQY8GHUNTER2QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
        "machine example.com login me password hunter2",
        "TOKEN=hunter2",
        "hunter2",
        "- hunter2",
        "[hunter2",
        "\"hunter2",
        "{hunter2}",
        "!hunter2",
        "&hunter2 x",
        "*hunter2",
        "%hunter2",
        "@hunter2",
        "creation_rules: hunter2",
        "creation_rules: [hunter2]",
        "creation_rules: [{ path_regex: 'x', age: hunter2 }]",
        "apps: hunter2",
        "apps: { hunter2 }",
        "key: hunter2",
        "findings: hunter2",
        "data: hunter2",
        "data: [hunter2]",
        "vars: hunter2",
        "delivery: hunter2",
        "delivery: { secrets: hunter2 }",
        "delivery: { recipients: [hunter2] }",
        "names: hunter2",
        "namespace: [hunter2]",
        "bundles: hunter2",
        "allow: [hunter2]",
        "open: hunter2",
        "references: [{ kind: hunter2, target: hunter2 }]",
    ];
    let files = [
        ".sops.yaml",
        "septum.yaml",
        ".septum-baseline.yaml",
        "base.yaml",
        "dev.yaml",
        "dev.secrets.yaml",
        "rules.toml",
    ];
    let hidden = |text: &str| !text.to_lowercase().contains("hunter2");
    for line in lines {
        for file in files {
            let project = Sandbox::of("data: { A: 1 }\n", "").file(file, format!("{line}\n"));
            let runs: &[&[&str]] = match file {
                "rules.toml" => &[&["check", "--rules", "rules.toml"]],
                ".sops.yaml" => &[&["check"], &["rekey", "--check"], &["encrypt", "base.yaml"]],
                "dev.secrets.yaml" => &[&["check"], &["encrypt", "dev.secrets.yaml"]],
                _ => &[&["check"]],
            };
            for arguments in runs {
                let run = project.run(arguments);
                assert!(
                    hidden(&run.stderr) && hidden(&run.stdout),
                    "{file}: {line}: {arguments:?}\n{}{}",
                    run.stdout,
                    run.stderr
                );
            }
        }
    }
}

/// Where an excerpt shows a range that could be a value, and how often. Whoever adds one says here that somebody
/// looked at what it may be.
const PUBLIC: [(&str, &str, usize); 27] = [
    // a file that a kustomization names, never its literals
    ("check/flux/decryption.rs", "Path", 1),
    // without the login that a URL may have
    ("import/kustomize/graph.rs", "Path", 1),
    ("secret_files/entry.rs", "Rule", 1),
    ("layer/entries.rs", "Path", 1),
    ("layer/read.rs", "Name", 2),
    ("layer/stack.rs", "Name", 3),
    ("object/build.rs", "Key", 1),
    ("object/build.rs", "Name", 1),
    ("object/build.rs", "PlainValue", 1),
    ("object/build.rs", "Rule", 1),
    ("object/jobs.rs", "Name", 1),
    ("object/link.rs", "Name", 6),
    ("object/metadata.rs", "Name", 1),
    ("object/naming.rs", "Name", 1),
    ("object/pod.rs", "Name", 1),
    ("object/typed/bootstrap.rs", "Name", 1),
    ("object/typed/mod.rs", "Name", 2),
    ("object/variables.rs", "Rule", 1),
    ("object/written_rules.rs", "Rule", 1),
    ("project/discover.rs", "Path", 4),
    ("rename/plan.rs", "Name", 1),
    ("resolve/failure.rs", "Expression", 1),
    ("resolve/failure/missing.rs", "Expression", 1),
    ("resolve/failure/syntax.rs", "Expression", 1),
    ("resolve/manifest.rs", "Path", 2),
    ("resolve/manifest_files.rs", "Path", 1),
    ("resolve/session.rs", "Path", 1),
];

#[test]
fn every_value_that_an_excerpt_shows_was_looked_at() {
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    let uses = Regex::new(r"\bPublicReason::(\w+)").unwrap();
    for SourceFile { name, text, .. } in rust_sources() {
        let name = name.to_str().unwrap().to_owned();
        let program = text.split("#[cfg(test)]").next().unwrap();
        for found_use in uses.captures_iter(program).filter(|_| !name.starts_with("diagnostic/")) {
            *found.entry((name.clone(), found_use[1].to_owned())).or_default() += 1;
        }
        // and no other way
        assert!(name.starts_with("diagnostic/") || !program.contains("ExcerptDetail::All"), "{name}");
    }
    let listed = PUBLIC.iter().map(|(file, why, count)| (((*file).to_owned(), (*why).to_owned()), *count)).collect();
    assert_eq!(found, listed);
}

/// The places that write to people: whatever goes there is escaped.
#[test]
fn only_a_few_places_write_to_people() {
    let writes = Regex::new(r"io::stderr\(\)|io::stdout\(\)|e?println!|eprint!").unwrap();
    for SourceFile { name, text, .. } in rust_sources() {
        let name = name.to_str().unwrap().to_owned();
        let program = text.split("#[cfg(test)]").next().unwrap();
        for line in program.lines().filter(|line| !line.trim_start().starts_with("//") && writes.is_match(line)) {
            let asks = ["is_terminal()", "fstat(", "tcgetwinsize("].iter().any(|question| line.contains(question));
            // what a signal leaves to be said, escaped on the spot
            let is_escaped = name == "signals.rs" && line.contains("StyledText::from_line(");
            // what the program of `exec` prints is its own
            let is_copied = name == "exec/supervisor.rs" && line.contains("self.copy(");
            assert!(
                is_copied || name == "cli/output.rs" || asks || is_escaped || name.ends_with("tests.rs"),
                "{name}: {line}"
            );
        }
    }
}

/// Another process, or another branch, may have removed it.
#[cfg(unix)]
#[test]
fn a_current_directory_that_is_gone_is_named_as_such() {
    let project = Sandbox::of("data: { A: 1 }\n", "");
    let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" render dev";
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", script, env!("CARGO_BIN_EXE_septum")]).current_dir(project.root()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    record(String::from_utf8(output.stderr).unwrap());
}
