//! What a team accepts: with a reason, until a day, or because it was there before.

use std::fs;

use super::{check, findings};
use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::sandbox::Sandbox;
use serde_json::Value as Json;

const LEAK: &str = "data:\n  API_TOKEN: { value: k3x9Lq2mVb7, sensitive: true }\n";

fn allowing(allow: &str) -> Sandbox {
    Sandbox::of(&format!("{LEAK}allow:\n- {allow}\n"), "")
}

#[test]
fn a_finding_is_accepted_for_a_reason_until_a_day() {
    for (name, allow, expected) in [
        ("by rule and key", "{ rule: plaintext-secret, key: API_TOKEN, reason: of the mock server }", &[][..]),
        (
            "another key",
            "{ rule: plaintext-secret, key: OTHER, reason: x }",
            &["plaintext-secret base.yaml:2 API_TOKEN", "unused-allow base.yaml:4"],
        ),
        (
            "another rule",
            "{ rule: missing-environment, key: API_TOKEN, reason: x }",
            &["plaintext-secret base.yaml:2 API_TOKEN", "unused-allow base.yaml:4"],
        ),
        ("for ever after", "{ rule: plaintext-secret, key: API_TOKEN, reason: x, until: 2099-01-01 }", &[]),
        (
            "no more",
            "{ rule: plaintext-secret, key: API_TOKEN, reason: x, until: 2020-01-01 }",
            &["plaintext-secret base.yaml:2 API_TOKEN", "expired-allow base.yaml:4"],
        ),
    ] {
        assert_eq!(check(&allowing(allow)), expected, "{name}");
    }
    let project = allowing("{ rule: plaintext-secret, key: API_TOKEN, reason: x, until: 2026-11-30 }");
    for (day, code) in [("2026-11-30", 0), ("2026-12-01", 1)] {
        assert_eq!(project.run(&["check", "--at", day]).code, code, "{day}");
    }
}

#[test]
fn a_finding_is_that_of_its_own_key_though_others_are_on_its_line() {
    let base = "data: { A: 1, B_PASSWORD: { required: true }, C: { type: integer, value: x }, D: { deprecated: true, value: 1 }, E: {} }
bundles: { x: { data: { A: 1, Z_PASSWORD: { value: changeme } }, labels: { a: 'no label' } } }
";
    let dev = "data: { E: 1, B_PASSWORD: '' }\n";
    let other = "data: { A: 3, B_PASSWORD: changeme, C: { minimum: 3 } }\n";
    let expected = [
        "undeclared-secret base.yaml:1 B_PASSWORD",
        "invalid-value base.yaml:1 C",
        "deprecated-key base.yaml:1 D",
        "missing-environment base.yaml:1 E",
        "undeclared-secret base.yaml:2 Z_PASSWORD",
        "invalid-name base.yaml:2",
        "empty-value dev.yaml:1 B_PASSWORD",
    ];
    let project = |allow: &str| Sandbox::of(&format!("{base}{allow}"), dev).file("prod.yaml", other);
    assert_eq!(check(&project("")), expected);
    // accepted by that key, and by no other
    let allow = |key: &dyn Fn(&str) -> String| {
        let items = expected.iter().filter_map(|finding| {
            let (rule, rest) = finding.split_once(' ')?;
            let (_, own) = rest.split_once(' ')?;
            Some(format!("- {{ rule: {rule}, key: {}, reason: x }}\n", key(own)))
        });
        format!("allow:\n{}", items.collect::<String>())
    };
    assert_eq!(check(&project(&allow(&str::to_owned))), ["invalid-name base.yaml:2"]);
    let left = check(&project(&allow(&|_| "A".to_owned())));
    assert_eq!(left.iter().filter(|finding| !finding.starts_with("unused-allow")).count(), expected.len());
}

#[test]
fn a_rule_that_does_not_exist_is_named_with_the_nearest_one() {
    let run = allowing("{ rule: plain-text-secret, key: API_TOKEN, reason: x }").run(&["check"]);
    assert_eq!(run.code, 1);
    record(&run.stdout);
}

#[test]
fn an_allow_is_about_one_entry_though_several_bundles_have_its_key() {
    const SECRET: &str = "{ value: k3x9Lq2mVb7, sensitive: true }";
    let bundles = |data: &str, own: &str, other: &str, allow: &str| {
        let bundle = |name: &str, keys: &str| format!("  {name}: {{ data: {{ {keys} }} }}\n");
        let bundles = format!("{}{}", bundle("mail", own), bundle("shop", other));
        Sandbox::of(&format!("data: {{ {data} }}\nbundles:\n{bundles}allow:\n- {{ rule: {allow}, reason: x }}\n"), "")
    };
    let leak = |line: usize| format!("plaintext-secret base.yaml:{line} T");
    let unused = || "unused-allow base.yaml:6".to_owned();
    let key = format!("T: {SECRET}");
    for (case, data, mail, shop, allow, expected) in [
        ("of data", "A: 1", "A: 1", &*key, "plaintext-secret, key: T", vec![]),
        ("named", "A: 1", "A: 1", &key, "plaintext-secret, bundle: shop, key: T", vec![]),
        ("data comes first", &key, "A: 1", &key, "plaintext-secret, key: T", vec![leak(4)]),
        ("data of two others", &key, &key, &key, "plaintext-secret, key: T", vec![leak(3), leak(4)]),
        ("another is named", &key, "A: 1", &key, "plaintext-secret, bundle: shop, key: T", vec![leak(1)]),
        ("the own is named", &key, "A: 1", &key, "plaintext-secret, bundle: app, key: T", vec![leak(4)]),
        ("of either", "A: 1", &key, &key, "plaintext-secret, key: T", vec![leak(3), leak(4), unused()]),
        ("of none", "A: 1", "A: 1", &key, "plaintext-secret, bundle: mail, key: T", vec![leak(4), unused()]),
    ] {
        assert_eq!(check(&bundles(data, mail, shop, allow)), expected, "{case}");
    }
    record(&bundles("A: 1", &key, &key, "plaintext-secret, key: T").run(&["check"]).stdout);
}

#[test]
fn what_routing_and_the_leak_scan_accept_is_of_one_bundle_too() {
    const PLAIN: &str = "{ value: 'postgres://a:x9Lq2mV@db', sensitive: false, reason: local }";
    const OTHER: &str = "{ value: 'postgres://a:y8Kp3nW@db', sensitive: false, reason: local }";
    let routed = format!(
        "data: {{ URL: {PLAIN} }}\nbundles: {{ other: {{ data: {{ URL: {OTHER} }} }} }}\nallow: [{{ rule: url-password, key: URL, reason: x }}]\n"
    );
    record(&Sandbox::of(&routed, "").run(&["check"]).stdout);
    let copied = "data:\n  TOKEN: { value: k3x9Lq2mVb7, sensitive: true }\n  NOTE: with k3x9Lq2mVb7\nbundles:\n  other: { data: { NOTE: also k3x9Lq2mVb7 } }\n\
                  allow: [{ rule: secret-in-plain-output, key: NOTE, reason: x }]\n";
    Sandbox::of(copied, "").run(&["render", "dev"]).fails(2);
}

#[test]
fn a_detector_may_be_accepted_by_its_name() {
    let base = "data:\n  URL: { value: 'postgres://a:x9Lq2mV@db', sensitive: true }\nallow:\n- { rule: url-password, key: URL, reason: local }\n";
    assert!(check(&Sandbox::of(base, "")).is_empty());
}

#[test]
fn one_environment_alone_does_not_tell_what_is_unused() {
    let project = Sandbox::new([
        (
            "base.yaml",
            "vars: { a: 1 }\ndata: { API_TOKEN: { sensitive: true } }\nallow: [{ rule: plaintext-secret, key: API_TOKEN, reason: x }]",
        ),
        ("dev.yaml", "data: { API_TOKEN: k3x9Lq2mVb7 }"),
        ("prod.yaml", "data: { API_TOKEN: '{{ vars.a }}' }"),
    ]);
    assert!(check(&project).is_empty());
    assert_eq!(project.run(&["check", "prod"]).code, 0);
}

#[test]
fn an_allow_is_about_the_environments_of_its_layer() {
    const ALLOW: &str = "allow: [{ rule: plaintext-secret, key: API_TOKEN, reason: sandbox }]\n";
    let base = "data: { API_TOKEN: { sensitive: true } }\n";
    let leaking = "data: { API_TOKEN: k3x9Lq2mVb7 }\n";
    let other = "data: { API_TOKEN: m4y8Kp3nWc6 }\n";
    let mixin = format!("{leaking}{ALLOW}");
    let in_base = "data: { API_TOKEN: { sensitive: true, value: k3x9Lq2mVb7 } }\n";
    let leak = |file: &str| vec![format!("plaintext-secret {file}:1 API_TOKEN")];
    for (case, base, dev, prod, expected) in [
        ("of dev, and prod has another", base, format!("{leaking}{ALLOW}"), other, leak("prod.yaml")),
        ("of dev, and all have it from the base", in_base, ALLOW.to_owned(), "{}", leak("base.yaml")),
        ("of both", in_base, ALLOW.to_owned(), ALLOW, Vec::new()),
        ("of a mixin that both extend", base, "extends: [m/x]\n".to_owned(), "extends: [m/x]\n", Vec::new()),
        ("of a mixin, and prod has its own", base, "extends: [m/x]\n".to_owned(), other, leak("prod.yaml")),
    ] {
        let project = Sandbox::of(base, &dev).file("prod.yaml", prod);
        let project = if dev.contains("m/x") { project.file("m/x.yaml", &mixin) } else { project };
        assert_eq!(check(&project), expected, "{case}");
    }
    let partly = Sandbox::of(in_base, ALLOW).file("prod.yaml", "{}").file("qa.yaml", "{}");
    record(&partly.run(&["check"]).stdout);
}

#[test]
fn a_baseline_is_about_the_environments_in_which_it_was_found() {
    const WORKLOAD: &str = "apiVersion: v1
kind: Pod
metadata: { name: web }
spec: { containers: [{ name: web, image: x, env: [{ name: A, valueFrom: { configMapKeyRef: { name: app, key: A } } }] }] }
";
    let found = |project: &Sandbox| {
        let run = project.run(&["check", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let of =
            |finding: &serde_json::Value| format!("{} {}", finding["rule"], finding["environment"]).replace('"', "");
        report["findings"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let base =
        "app: app\nvars: { a: x }\ndata: { A: { required: false }, B: '{{ vars.a }}' }\nmanifests: [w/pod.yaml]\n";
    let set = "data: { A: a }\n";
    let project = Sandbox::of(base, "{}").file("prod.yaml", set).file("w/pod.yaml", WORKLOAD);
    let start = ["missing-environment null".to_owned(), "dangling-reference dev".to_owned()];
    assert_eq!(found(&project), start);
    assert_eq!(project.run(&["check", "--write-baseline"]).code, 0);
    assert!(found(&project).is_empty());
    // the same in prod, where pods would not start either
    let project = project.file("prod.yaml", "{}").file("qa.yaml", set);
    assert_eq!(found(&project), ["unused-allow null", "missing-environment null", "dangling-reference prod"]);
    // one of two that was fixed is reported
    assert_eq!(project.run(&["check", "--write-baseline"]).code, 0);
    assert!(found(&project).is_empty());
    let project = project.file("prod.yaml", set);
    let run = project.run(&["check"]);
    assert_eq!(run.code, 1);
    record(&run.stdout);
}

/// A file that should be encrypted is one finding, whatever is in it, and so is a Secret in plaintext.
#[test]
fn a_baseline_accepts_the_values_of_a_file_and_no_others() {
    let base =
        "app: app\ndata: { A: { sensitive: true }, B: { sensitive: true, required: true } }\nmanifests: [w/own.yaml]\n";
    let secrets = "data:\n  A: m4y8Kp3nWc6\n  B: dummy\n";
    let own =
        "apiVersion: v1\nkind: Secret\nmetadata: { name: own }\nstringData:\n  K: just-a-word\n  L: another-word\n";
    let open = ("dev.secrets.yaml", secrets, "not-encrypted dev.secrets.yaml:1");
    let manifest = ("w/own.yaml", own, "plaintext-manifest w/own.yaml:5");
    let rule = "creation_rules: [{ path_regex: ^conf/, age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms }]\n";
    let conf = ("conf/x.ini", "[a]\nk = one\nl = two\n", "not-encrypted conf/x.ini:1");
    for (file, text, finding) in [open, manifest, conf] {
        let project =
            Sandbox::of(base, "").file("dev.secrets.yaml", secrets).file("w/own.yaml", own).file(".sops.yaml", rule);
        let project = project.file("conf/x.ini", conf.1);
        assert_eq!(project.run(&["check", "--write-baseline"]).code, 0);
        assert!(check(&project).is_empty());
        // other lines may move
        let (first, last) = text.trim_end().rsplit_once('\n').unwrap();
        let (first, before) = first.rsplit_once('\n').unwrap();
        let project = project.file(file, format!("# note\n{first}\n{last}\n\n{before}\n"));
        assert!(check(&project).is_empty(), "{file}");
        let other = if text.contains('=') { "z = new" } else { "  Z: new" };
        let added = project.file(file, format!("{text}{other}\n"));
        assert_eq!(check(&added).iter().filter(|it| *it == finding).count(), 1, "{file}: {:?}", check(&added));
        let changed = text.replace("another-word", "new").replace("dummy", "new").replace("two", "new");
        let changed = added.file(file, changed);
        assert_eq!(check(&changed).iter().filter(|it| *it == finding).count(), 1, "{file}: {:?}", check(&changed));
    }
}

#[test]
fn a_baseline_accepts_what_was_there_and_nothing_new() {
    let project = Sandbox::of(LEAK, "data: { UNKNOWN: 1 }");
    let before = project.run(&["check"]);
    assert_eq!(before.code, 1, "{}", before.stderr);
    let written = project.run(&["check", "--write-baseline"]);
    written.record();
    assert_eq!(written.code, 0);
    let file = project.root().join(".septum-baseline.yaml");
    let baseline = fs::read_to_string(&file).unwrap();
    assert!(!baseline.contains("k3x9Lq2mVb7"), "{baseline}");
    assert_eq!(project.run(&["check"]).code, 0);

    // lines may move, and it is written alike
    let project = project.file("base.yaml", format!("# a comment\n{LEAK}"));
    assert_eq!(project.run(&["check"]).code, 0);
    project.run(&["check", "--write-baseline"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), baseline);

    // another credential in its place is another finding, and the old one is gone
    let project = project.file("base.yaml", LEAK.replace("k3x9", "k4x9"));
    assert_eq!(check(&project), ["unused-allow .septum-baseline.yaml:1", "plaintext-secret base.yaml:2 API_TOKEN"]);

    // a part of the project does not tell what is gone
    let project = project.file("base.yaml", "data: {}");
    assert_eq!(check(&project), ["unused-allow .septum-baseline.yaml:1"]);
    assert_eq!(project.run(&["check", "dev"]).code, 0);
}

#[test]
fn a_baseline_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    for text in [
        "findings: []",
        "key: 12\nfindings: []",
        "key: \"00\"\nfindings: []",
        "key: \"00000000000000000000000000000000\"\nfindings: [{ rule: x }]",
        "key: \"00\"\nfindings:\n- { rule: x }\n- { file: a, rule: x, tag: t }\n- { file: a, rule: x, tag: t, line: 3 }\n- { file: a, rule: [x], tag: t }\n- x\n",
        "{",
    ] {
        let project = Sandbox::of("", "").file(".septum-baseline.yaml", text);
        project.run(&["check"]).refused();
    }
}

#[test]
fn what_cannot_be_read_is_never_known() {
    let project = Sandbox::of("data: { A: 1, A: 2 }", "");
    let run = project.run(&["check", "--write-baseline"]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert_eq!(findings(&project.run(&["check", "--format", "json"])), ["duplicate-key base.yaml:1"]);
}

#[test]
fn what_is_accepted_is_in_sarif_with_its_reason() {
    let run = allowing("{ rule: plaintext-secret, key: API_TOKEN, reason: of the mock server }")
        .run(&["check", "--format", "sarif"]);
    let log: Json = serde_json::from_str(&run.stdout).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(text(&result["suppressions"][0]["justification"]), "of the mock server");
    assert_eq!(run.code, 0);
}
