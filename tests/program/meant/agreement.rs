//! `check` reports whatever `render`, `render --check`, and `check --staged` refuse, by the same rule.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::objects::text;
use crate::support::sandbox::Sandbox;

/// Adds a mistake to a project.
type Mistake = fn(Sandbox) -> Sandbox;

/// The recipient of a key that nobody has.
const RULES: &str = "creation_rules:\n  - path_regex: '\\.secrets\\.|^vault/|^notes/'\n    age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms\n";

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: {}\n";
const BASE: &str = "app: shop\ndata:\n  LEVEL: info\n  PORT: { value: 80, type: integer }\n  PASSWORD: { sensitive: true }\nmanifests: [\"workloads/*.yaml\"]\n";

/// Mistakes of all kinds. What each is called is shown when it is not agreed on.
const MISTAKES: &[(&str, Mistake)] = &[
    ("none", |it| it),
    ("an object twice in a file", |it| it.file("apps/shop/workloads/a.yaml", format!("{SERVICE}---\n{SERVICE}"))),
    ("an object in two files", |it| it.file("apps/shop/workloads/b.yaml", SERVICE)),
    ("an object of a bundle and a manifest", |it| {
        it.file("apps/shop/workloads/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shop }\n")
    }),
    ("an object of two apps", |it| {
        it.file("apps/mail/base.yaml", "bundles: { shop: { data: { A: x } } }\n").file("apps/mail/dev.yaml", "")
    }),
    ("two apps of one name", |it| {
        it.file("apps/mail/base.yaml", "app: shop\nbundles: { mail: { data: { A: x } } }\n")
            .file("apps/mail/dev.yaml", "")
    }),
    ("an object twice beside another mistake", |it| {
        it.file("apps/shop/workloads/b.yaml", SERVICE).file("apps/shop/dev.yaml", "data: { PORT: x }\n")
    }),
    ("an unknown key", |it| it.file("apps/shop/dev.yaml", "data: { LEVLE: x }\n")),
    ("an unknown variable", |it| it.file("apps/shop/dev.yaml", "vars: { x: 1 }\n")),
    ("an unknown field", |it| it.file("apps/shop/dev.yaml", "nonsense: 1\n")),
    ("an invalid value", |it| it.file("apps/shop/dev.yaml", "data: { PORT: x }\n")),
    ("no YAML", |it| it.file("apps/shop/dev.yaml", "data: [\n")),
    ("a template that fails", |it| it.file("apps/shop/dev.yaml", "data: { LEVEL: \"{{ nothing }}\" }\n")),
    ("a missing file", |it| it.file("apps/shop/dev.yaml", "data: { LEVEL: { file: none } }\n")),
    ("a missing layer", |it| it.file("apps/shop/dev.yaml", "extends: [none]\n")),
    ("a circle", |it| it.file("apps/shop/dev.yaml", "extends: [x/a]\n").file("apps/shop/x/a.yaml", "extends: [x/a]\n")),
    ("a misnamed environment", |it| it.file("apps/shop/prod.yml", "")),
    ("an encrypted half alone", |it| it.file("apps/shop/prod.secrets.yaml", "{}\n")),
    ("a misnamed base", |it| it.file("apps/mail/base.yml", "")),
    ("an app without environment", |it| it.file("apps/mail/base.yaml", "")),
    ("a credential", |it| it.file("apps/shop/dev.yaml", "data: { LEVEL: sk_live_4eC39HqLyjWDarjtT1zdp7dcA }\n")),
    ("a plain half", |it| it.file("apps/shop/dev.secrets.yaml", "data: { PASSWORD: correct-horse }\n")),
    ("a plain file of a rule", |it| it.file("vault/any.env", "A=b\n")),
    ("a plain text of a rule", |it| it.file("notes/any", "text\n")),
    ("a plain file by its name", |it| it.file("elsewhere/x.secrets.yaml", "a: b\n")),
    ("a dangling reference", |it| {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: c, envFrom: [{ configMapRef: { name: none } }] }] }\n";
        it.file("apps/shop/workloads/b.yaml", pod)
    }),
    ("an invalid manifest", |it| {
        it.file("apps/shop/workloads/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: X_Y }\n")
    }),
    ("no manifest", |it| it.file("apps/shop/workloads/b.yaml", "a: b\n")),
    ("an invalid name", |it| {
        it.file("apps/mail/base.yaml", "app: mail\nbundles: { Shop_X: { data: { A: x } } }\n")
            .file("apps/mail/dev.yaml", "")
    }),
    ("an invalid key", |it| it.file("apps/mail/base.yaml", "data: { \"a b\": x }\n").file("apps/mail/dev.yaml", "")),
    ("a delivery without recipients", |it| {
        it.file("apps/shop/dev.yaml", "delivery: { secrets: sealed-secret }\ndata: { PASSWORD: changeme }\n")
    }),
    ("a reference without a store", |it| it.file("apps/shop/dev.yaml", "data: { PASSWORD: { ref: a/b } }\n")),
    ("a missing required value", |it| {
        it.file("apps/mail/base.yaml", "data: { A: { required: true } }\n").file("apps/mail/dev.yaml", "")
    }),
    ("invalid rules", |it| it.file(".sops.yaml", "creation_rules:\n  - path_regx: x\n")),
    ("ciphertext as a value", |it| {
        it.file("apps/shop/dev.yaml", "data: { LEVEL: \"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\" }\n")
    }),
];

fn project() -> Sandbox {
    Sandbox::new([
        ("septum.yaml", "apps: [\"apps/*\"]\n"),
        (".sops.yaml", RULES),
        (".gitignore", "/out/\n"),
        ("apps/shop/base.yaml", BASE),
        ("apps/shop/dev.yaml", "data: { PASSWORD: changeme }\n"),
        ("apps/shop/workloads/web.yaml", SERVICE),
    ])
}

fn git(project: &Sandbox, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(arguments).current_dir(project.root()).env("HOME", project.root()).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The messages of errors on standard error.
fn errors(stderr: &str) -> BTreeSet<String> {
    stderr.lines().filter_map(|line| line.strip_prefix("error: ")).map(str::to_owned).collect()
}

/// The findings of `check` with a severity: the rule and the message.
fn findings(project: &Sandbox, arguments: &[&str]) -> (i32, Vec<(String, String, bool)>) {
    let run = project.run(&[&["check", "--format", "json"], arguments].concat());
    let report: Json =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {}{}", run.stdout, run.stderr));
    let finding =
        |it: &Json| (text(&it["rule"]).to_owned(), text(&it["message"]).to_owned(), text(&it["severity"]) == "error");
    (run.code, report["findings"].as_array().unwrap().iter().map(finding).collect())
}

#[test]
fn check_reports_whatever_another_command_refuses() {
    let mut agreed = 0;
    for (name, mistake) in MISTAKES {
        let compared = agree(name, &mistake(project()));
        assert_eq!(compared > 0, *name != "none", "{name}");
        agreed += compared;
    }
    assert!(agreed > 100, "{agreed} refusals were compared");
}

/// As many pairs of mistakes as `SEPTUM_AGREEMENT_CASES` says: one may hide the other, or undo it.
#[test]
fn check_reports_whatever_another_command_refuses_of_two_mistakes_at_once() {
    let cases = std::env::var("SEPTUM_AGREEMENT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8);
    let mut seed = 0x5eed_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(seed >> 33).unwrap() % (MISTAKES.len() - 1);
        &MISTAKES[index + 1]
    };
    for _ in 0..cases {
        let ((one, first), (two, second)) = (random(), random());
        agree(&format!("{one}, {two}"), &second(first(project())));
    }
}

/// Compares what commands refuse with what `check` reports, and gives how much there was.
#[track_caller]
fn agree(name: &str, project: &Sandbox) -> usize {
    let mut agreed = 0;
    git(project, &["init", "-q"]);
    git(project, &["add", "-A"]);
    let (code, found) = findings(project, &[]);
    let messages: BTreeSet<_> = found.iter().map(|(_, message, _)| message.clone()).collect();
    let has_errors = found.iter().any(|(.., is_error)| *is_error);
    for command in [
        &["render", "--all"][..],
        &["render", "--all", "--out", "out"],
        &["render", "--all", "--out", "out", "--check"],
    ] {
        fs::create_dir_all(project.root().join("out")).unwrap();
        let run = project.run(command);
        let is_stale = |message: &str| message.starts_with("`out` ");
        let refused: BTreeSet<_> = errors(&run.stderr).into_iter().filter(|it| !is_stale(it)).collect();
        assert_eq!(run.code == 0, refused.is_empty() && !run.stderr.contains("error: "), "{name}: {command:?}");
        let unknown: Vec<_> = refused.difference(&messages).collect();
        assert!(unknown.is_empty(), "{name}: {command:?} refuses {unknown:?}, and check finds {found:?}");
        agreed += refused.len();
    }
    let (_, staged) = findings(project, &["--staged"]);
    let rules: BTreeSet<_> = found.iter().map(|(rule, ..)| rule).collect();
    let missed: Vec<_> = staged.iter().filter(|(rule, _, is_error)| *is_error && !rules.contains(rule)).collect();
    assert!(missed.is_empty(), "{name}: --staged finds {missed:?}, and check {found:?}");
    assert_eq!(code != 0, !found.is_empty(), "{name}: {found:?}");
    assert!(agreed == 0 || has_errors, "{name}: {found:?}");
    agreed + staged.len()
}

#[test]
fn an_object_that_is_made_twice_is_reported_with_both_places() {
    for (name, first, second) in [
        ("an object twice in a file", "apps/shop/workloads/a.yaml:1:", "apps/shop/workloads/a.yaml:6:"),
        ("an object in two files", "apps/shop/workloads/b.yaml:1:", "apps/shop/workloads/web.yaml:1:"),
        ("an object of a bundle and a manifest", "apps/shop/workloads/b.yaml:1:", "apps/shop/base.yaml:"),
        ("an object of two apps", "apps/mail/base.yaml:1:", "apps/shop/base.yaml:"),
    ] {
        let (_, mistake) = MISTAKES.iter().find(|(known, _)| *known == name).unwrap();
        let project = mistake(project());
        for command in [&["check"][..], &["render", "--all"], &["render", "--all", "--out", "out"]] {
            let run = project.run(command);
            let all = run.stdout + &run.stderr;
            assert!(all.contains(first) && all.contains(second), "{name}: {command:?}: {all}");
        }
    }
}

#[test]
fn the_exit_code_says_whether_there_is_a_finding_and_two_that_nothing_could_be_judged() {
    for (name, mistake) in MISTAKES {
        let (code, found) = findings(&mistake(project()), &[]);
        let expected = match *name {
            "none" => 0,
            // a layer that cannot be read, or lined up
            // nor does anybody know then what should be encrypted
            "no YAML" | "a missing layer" | "a circle" | "ciphertext as a value" | "invalid rules" => 2,
            _ => 1,
        };
        assert_eq!(code, expected, "{name}: {found:?}");
    }
}

#[test]
fn warnings_fail_a_check_unless_errors_alone_are_to() {
    let warned = Sandbox::of("app: app\nvars: { unread: 1 }\ndata:\n  A: x\n", "");
    let wrong = Sandbox::of("app: app\ndata:\n  A: x\n", "data: { B: x }\n");
    for (project, fail_on, code) in [
        (&warned, None, 1),
        (&warned, Some("warning"), 1),
        (&warned, Some("error"), 0),
        (&wrong, Some("error"), 1),
        (&wrong, Some("warning"), 1),
    ] {
        let fail_on: Vec<_> = fail_on.map(|it| format!("--fail-on={it}")).into_iter().collect();
        let arguments: Vec<_> = ["check"].into_iter().chain(fail_on.iter().map(String::as_str)).collect();
        let run = project.run(&arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stdout);
        assert!(!run.stdout.is_empty(), "what does not fail is shown all the same");
    }
}

#[test]
fn secrets_in_plaintext_where_git_takes_them_are_reported_of_a_tree() {
    let project = Sandbox::of("app: app\ndata:\n  PASSWORD: { value: changeme, sensitive: true }\n", "");
    git(&project, &["init", "-q"]);
    project.run(&["render", "--all", "--out", "out", "--allow-plaintext", "-q"]).ok();
    for (allowed, code) in [(false, 1), (true, 0)] {
        let flag = if allowed { &["--allow-plaintext"][..] } else { &[] };
        let render = project.run(&[&["render", "--all", "--out", "out", "--check"], flag].concat());
        assert_eq!(render.code == 0, allowed, "{}", render.stderr);
        let (found_code, found) = findings(&project, &[&["--rendered", "out"], flag].concat());
        assert_eq!(
            (found_code, found.iter().any(|(rule, ..)| rule == "plaintext-output")),
            (code, !allowed),
            "{found:?}"
        );
    }
}

#[test]
fn a_tree_is_judged_alike_by_both_commands() {
    for (name, change) in [
        ("nothing", (|_| {}) as fn(&Sandbox)),
        ("a changed file", |it| fs::write(it.root().join("out/dev/shop/service-web.yaml"), "a: b\n").unwrap()),
        ("a missing file", |it| fs::remove_file(it.root().join("out/dev/shop/service-web.yaml")).unwrap()),
        ("a stray file", |it| fs::write(it.root().join("out/dev/shop/other.yaml"), "a: b\n").unwrap()),
        ("a stray directory", |it| fs::create_dir_all(it.root().join("out/prod/shop")).unwrap()),
        ("a new value", |it| fs::write(it.root().join("apps/shop/dev.yaml"), "data: { LEVEL: warn }\n").unwrap()),
    ] {
        let project = project();
        project.run(&["render", "--all", "--out", "out", "-q"]).ok();
        change(&project);
        let render = project.run(&["render", "--all", "--out", "out", "--check"]);
        let (_, found) = findings(&project, &["--rendered", "out"]);
        let stale = found.iter().filter(|(rule, ..)| rule == "stale-output").count();
        assert_eq!(render.code, i32::from(stale > 0), "{name}: {} {found:?}", render.stderr);
    }
}
