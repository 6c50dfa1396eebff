//! The last gate: what a layer accepts, and nothing else with it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use super::findings;
use crate::support::sandbox::Sandbox;

const RULE: &str = "contains the value of";

const REASON: &str = "shown";

const ONE: &str = "a1b2c3d4e5";
const TWO: &str = "v9w8x7y6z5";

fn project(entries: &str, more: &str) -> Sandbox {
    let base = format!(
        "data:\n  ONE_PASSWORD: {{ value: {ONE}, sensitive: true }}\n  TWO_PASSWORD: {{ value: {TWO}, sensitive: true }}\n{entries}{more}"
    );
    Sandbox::of(&base, "")
}

fn allow(key: &str) -> String {
    format!("allow: [{{ rule: secret-in-plain-output, key: {key}, reason: {REASON} }}]\n")
}

#[track_caller]
fn passes(project: &Sandbox) {
    let run = project.run(&["render", "dev"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
}

/// Refuses to render as one text contains one secret.
#[track_caller]
fn finds(project: &Sandbox, path: &str, secret: &str) {
    let message = project.run(&["render", "dev"]).refused();
    assert_eq!(message.matches(RULE).count(), 1, "{message}");
    assert!(message.starts_with(&format!("error: `{path}`")), "{path}\n{message}");
    assert!(message.contains(&format!("{RULE} `{secret}`")), "{secret}\n{message}");
}

#[test]
fn each_secret_of_a_text_is_accepted_by_itself() {
    let note = |text: &str| format!("  NOTE: {{ value: {text}, sensitive: false, reason: none }}\n");
    let both = [note(&format!("{ONE} {TWO}")), note(&format!("{TWO} {ONE}"))];
    for entry in &both {
        finds(&project(entry, &allow("ONE_PASSWORD")), "data.NOTE", "data.TWO_PASSWORD");
        finds(&project(entry, &allow("TWO_PASSWORD")), "data.NOTE", "data.ONE_PASSWORD");
        passes(&project(entry, &allow("NOTE")));
    }
    // in the entry that is allowed, and not in another
    let other = format!("{}  OTHER: {{ value: {ONE}, sensitive: false, reason: none }}\n", note(ONE));
    finds(&project(&other, &allow("NOTE")), "data.OTHER", "data.ONE_PASSWORD");
    for text in [format!("{{{{ declassify(data.ONE_PASSWORD, 'a demo') }}}} {TWO}"), "NONE".to_owned()] {
        let entry = format!("  NOTE: \"{text}\"\n");
        if text == "NONE" {
            passes(&project(&entry, ""));
        } else {
            finds(&project(&entry, ""), "data.NOTE", "data.TWO_PASSWORD");
        }
    }
}

#[test]
fn a_value_that_several_entries_have_is_accepted_with_one_of_them() {
    let same = format!("  SAME_PASSWORD: {{ value: {ONE}, sensitive: true }}\n");
    let note = format!("  NOTE: {{ value: {ONE}, sensitive: false, reason: none }}\n");
    for key in ["ONE_PASSWORD", "SAME_PASSWORD"] {
        passes(&project(&format!("{same}{note}"), &allow(key)));
        passes(&project(&format!("{same}  NOTE: \"{{{{ declassify(data.{key}, 'a demo') }}}}\"\n"), ""));
    }
    finds(&project(&format!("{same}{note}"), &allow("TWO_PASSWORD")), "data.NOTE", "data.ONE_PASSWORD");
}

#[test]
fn what_is_declassified_may_be_in_all_that_is_made_of_it() {
    for (entries, more) in [
        // an object whose name is not that of its bundle
        ("  NOTE: \"{{ declassify(data.ONE_PASSWORD, 'a demo') }}\"\n", "prefix: p-\n"),
        // by a variable, and by a variable of a variable
        (
            "  NOTE: \"{{ declassify(vars.url, 'a demo') }}\"\n",
            "vars: { url: \"x:{{ data.ONE_PASSWORD }}@{{ vars.two }}\", two: \"{{ data.TWO_PASSWORD }}\" }\n",
        ),
        // twice
        (
            "  PART: \"{{ declassify(data.ONE_PASSWORD, 'a demo') }}\"\n  WHOLE: \"{{ data.PART }}{{ data.TWO_PASSWORD }}\"\n  NOTE: \"{{ declassify(data.WHOLE, 'a demo') }}\"\n",
            "",
        ),
    ] {
        passes(&project(entries, more));
    }
}

#[test]
fn what_is_declassified_in_a_text_of_a_manifest_is_a_leak_in_the_next() {
    let lifted = "\"{{ declassify(data.ONE_PASSWORD, 'a demo') }}\"";
    let service = |annotations: &str| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: web, annotations: {{ {annotations} }} }}\n")
    };
    let with = |object: &str, more: &str| {
        project("", &format!("manifests: [\"m/*.yaml\"]\n{more}")).file("m/web.yaml", object)
    };
    passes(&with(&service(&format!("a: {lifted}")), ""));
    finds(&with(&service(&format!("a: {lifted}, b: {ONE}")), ""), "metadata.annotations.b", "data.ONE_PASSWORD");
    let list = |text: &str| {
        format!("apiVersion: v1\nkind: List\nitems:\n- {}", service(text).trim_end().replace('\n', "\n  ")) + "\n"
    };
    passes(&with(&list(&format!("a: {lifted}")), ""));
    finds(&with(&list(&format!("a: {lifted}, b: {ONE}")), ""), "metadata.annotations.b", "data.ONE_PASSWORD");
    let patch = |annotations: &str| {
        format!(
            "patches:\n- {{ target: {{ name: web }}, patch: {{ apiVersion: v1, kind: Service, metadata: {{ name: web, annotations: {{ {annotations} }} }} }} }}\n"
        )
    };
    passes(&with(&service(""), &patch(&format!("a: {lifted}"))));
    finds(
        &with(&service(""), &patch(&format!("a: {lifted}, b: {ONE}"))),
        "metadata.annotations.b",
        "data.ONE_PASSWORD",
    );
}

const COPIES: &str = "app: app
data:
  SIGNING_SECRET: { sensitive: true, required: true }
  COPY: b7Xk29vQz77mRt4
";

/// A project whose secret is encrypted, with a plain copy of it.
fn copied(allow: &str) -> Sandbox {
    let project = Sandbox::with_identities().file("base.yaml", format!("{COPIES}{allow}")).file("dev.yaml", "");
    project.rules("creation_rules: [{ age: ALICE }]\n");
    project.encrypted("dev.secrets.yaml", "data: { SIGNING_SECRET: b7Xk29vQz77mRt4 }\n");
    project
}

#[test]
fn an_allow_that_lets_a_leak_through_is_used() {
    for key in ["SIGNING_SECRET", "COPY"] {
        let project = copied(&allow(key));
        project.run(&["render", "dev"]).ok();
        let run = project.run(&["check", "--format", "json"]);
        assert_eq!(findings(&run), Vec::<String>::new(), "{key}");
        let sarif = project.run(&["check", "--format", "sarif"]).json();
        let accepted = &sarif["runs"][0]["results"][0]["suppressions"][0]["justification"];
        assert_eq!(accepted, REASON, "the accepted finding has its reason");
        // without a key, nobody knows
        for arguments in [&["check", "--format", "json"][..], &["check", "--keyless", "--format", "json"]] {
            assert_eq!(findings(&project.run_without_key(arguments)), Vec::<String>::new(), "{key}");
        }
    }
    // of two, the one that is not needed; with a key it is known
    let both = "allow:\n- { rule: secret-in-plain-output, key: COPY, reason: a demo }\n- { rule: secret-in-plain-output, key: OTHER, reason: a demo }\n";
    let project = copied(both);
    assert_eq!(findings(&project.run(&["check", "--format", "json"])), ["unused-allow base.yaml:7"]);
    assert!(findings(&project.run_without_key(&["check", "--format", "json"])).is_empty());
    // what is in plaintext is known without a key
    let project = copied("allow: [{ rule: plaintext-secret, key: COPY, reason: a demo }]\n");
    assert_eq!(findings(&project.run_without_key(&["check", "--format", "json"])), ["unused-allow base.yaml:5"]);
}

#[test]
fn a_leak_is_reported_again_after_its_allow() {
    for key in ["SIGNING_SECRET", "COPY"] {
        let project = copied(&allow(key).replace(REASON, "x, until: 2027-01-31"));
        for (day, expected) in [
            ("2027-01-31", &[][..]),
            ("2027-02-01", &["secret-in-plain-output base.yaml:4 COPY", "expired-allow base.yaml:5"]),
        ] {
            let run = project.run(&["check", "--at", day, "--format", "json"]);
            assert_eq!(findings(&run), expected, "{key} {day}");
            project.run(&["render", "dev", "--at", day]).ok();
        }
    }
}

#[test]
fn what_follows_from_a_wrong_declaration_is_not_reported_beside_it() {
    let note = "  NOTE: { value: \"{{ data.ONE_PASSWORD }}\", sensitive: false }\n  MORE: \"x {{ data.NOTE }}\"\n";
    let message = project(note, "").run(&["render", "dev"]).refused();
    assert_eq!(message.matches("error: ").count(), 1, "{message}");
    assert!(message.starts_with("error: `data.NOTE` uses `data.ONE_PASSWORD`"), "{message}");
    // a copy beside it is another mistake
    let message = project(&format!("{note}  COPY: {ONE}\n"), "").run(&["render", "dev"]).refused();
    assert_eq!(message.matches(RULE).count(), 1, "{message}");
}
