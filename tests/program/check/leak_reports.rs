//! The last gate: its messages name the place, the secret and the fix, and never show a value.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::note_case;
use crate::support::sandbox::Sandbox;

const RULE: &str = "contains the value of";

const ONE: &str = "a1b2c3d4e5";
const TWO: &str = "v9w8x7y6z5";
const PHRASE: &str = "correct-horse-battery";

/// Refuses to render with this many findings, and records the message, which shows no value.
#[track_caller]
fn reports(base: &str, manifest: &str, count: usize) -> String {
    let base = base.replace("ONE", ONE).replace("TWO", TWO).replace("PHRASE", PHRASE);
    let manifest = manifest.replace("ONE", ONE).replace("TWO", TWO).replace("PHRASE", PHRASE);
    let project = Sandbox::of(&base, "").file("m/x.yaml", manifest);
    let run = project.run(&["render", "dev"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{base}\n{}", run.stderr);
    note_case(&base.lines().last().unwrap().replace(ONE, "ONE").replace(TWO, "TWO").replace(PHRASE, "PHRASE"));
    run.record();
    for value in [ONE, TWO, PHRASE] {
        assert!(!run.stderr.contains(value), "{value} is shown:\n{}", run.stderr);
    }
    assert_eq!(run.stderr.matches(RULE).count(), count, "{}", run.stderr);
    run.stderr
}

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\n";

#[test]
fn names_that_contain_a_secret_are_not_shown() {
    let base = "manifests: [m]\ndata: { A_PASSWORD: { value: ONE, sensitive: true }, B_PASSWORD: { value: PHRASE, sensitive: true } }\n";
    for manifest in [
        "apiVersion: v1\nkind: KONE\nmetadata: { name: web }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web-ONE }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ONE: x }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { \"a%31b2c3d4e5\": x }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { PHRASE: x }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: x-PHRASE, annotations: { a: ONE } }\n",
    ] {
        reports(base, manifest, 1);
    }
    for manifest in [
        "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ONE: { PHRASE: [x, ONE] } }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { x: [ONE, { y: PHRASE }, \"ONE and PHRASE\"] }\n",
    ] {
        let expected = if manifest.contains("and") { 4 } else { 3 };
        reports(base, manifest, expected);
    }
    // names of secrets that contain another one
    for base in [
        "data:\n  A_PASSWORD: { value: ONE, sensitive: true }\n  B_ONE: { value: TWO, sensitive: true }\n  NOTE: TWO\n",
        "data:\n  A_PASSWORD: { value: ONE, sensitive: true }\n  b.json:\n    content:\n      ONE: { password: TWO }\n  NOTE: TWO\n",
        "data:\n  A_PASSWORD: { value: ONE, sensitive: true }\n  B: { value: TWO, sensitive: true }\n  N_ONE: TWO\n",
    ] {
        reports(base, SERVICE, 1 + base.matches("N_ONE").count());
    }
}

#[test]
fn the_location_is_that_of_the_layer() {
    let base = "data: { A_PASSWORD: { value: ONE, sensitive: true } }\n";
    for more in [
        "bundles: { x: { data: { A: b }, annotations: { note: ONE } } }",
        "bundles: { x: { data: { A: b }, labels: { note: ONE } } }",
        "bundles: { x-ONE: { data: { A: b } } }",
        "bundles: { x: { data: { A: b, NOTE: ONE } } }",
        "bundles: { x: { data: { A: b, ONE: c } } }",
    ] {
        let expected = if more.contains("x-ONE") { 2 } else { 1 };
        let message = reports(&format!("{base}{more}\n"), SERVICE, 1.max(expected - 1));
        assert!(message.contains("base.yaml:2:"), "{message}");
    }
    for more in ["annotations: { note: ONE }", "labels: { note: ONE }", "namespace: ONE"] {
        let message = reports(&format!("{base}{more}\n"), SERVICE, 1);
        assert!(message.contains("base.yaml:2:"), "{message}");
    }
    // a label that the program adds
    reports(&format!("{base}manifests: [m]\napp: shop-ONE\n"), SERVICE, 4);
}

#[test]
fn the_fix_depends_on_what_the_secret_is() {
    for entries in [
        "PASSWORD: { value: ONE, sensitive: true }, NOTE: ONE",
        "PASSWORD_2: { value: ONE, sensitive: true }, NOTE: ONE",
        // which no template can name
        "a-password: { value: ONE, sensitive: true }, NOTE: ONE",
        "a.password: { value: ONE, sensitive: true }, NOTE: ONE",
        "a.json: { content: { password: ONE } }, NOTE: ONE",
        "A: { content: { password: ONE }, format: json }, NOTE: ONE",
        "PASSWORD: { value: ONE, sensitive: true }, ONE: x",
    ] {
        reports(&format!("data: {{ {entries} }}\n"), SERVICE, 1);
    }
    reports("data: { USE: \"x{{ vars.db.password }}\", NOTE: ONE }\nvars: { db: { password: ONE } }\n", SERVICE, 1);
}

#[test]
fn all_that_have_the_value_are_counted() {
    for (more, name) in [
        ("A_PASSWORD: { value: ONE, sensitive: true }", "`data.A_PASSWORD`,"),
        (
            "A_PASSWORD: { value: ONE, sensitive: true }, B_PASSWORD: { value: ONE, sensitive: true }",
            "`data.A_PASSWORD` (and of 1 more),",
        ),
        (
            "A_PASSWORD: { value: ONE, sensitive: true }, B_PASSWORD: { value: TWO, sensitive: true }, C_PASSWORD: { value: ONE, sensitive: true }, a.json: { content: { a: { password: ONE }, b: { password: ONE } } }",
            "`data.A_PASSWORD` (and of 3 more),",
        ),
        ("a.json: { content: { password: ONE } }", "`password` in `data.a.json`,"),
    ] {
        let message = reports(
            &format!("data: {{ {more} }}\nmanifests: [m]\n"),
            &SERVICE.replace("name: web", "name: web, annotations: { a: ONE }"),
            1,
        );
        assert!(message.contains(&format!("{RULE} {name}")), "{name}\n{message}");
    }
}

#[test]
fn a_secret_in_another_is_reported_with_it() {
    let base = "manifests: [m]\ndata: { A_PASSWORD: { value: ONE, sensitive: true }, B_PASSWORD: { value: TWO, sensitive: true }, URL: { value: \"postgres://app:ONE@db/x\", sensitive: true }, ALL: { value: \"ONE-TWO\", sensitive: true } }\n";
    for (text, count) in [
        ("is postgres://app:ONE@db/x", 1),
        ("is ONE-TWO", 1),
        // by itself elsewhere: the first is within, so the place is told
        ("ONE, TWO", 2),
        ("is postgres://app:ONE@db/x, TWO", 2),
        ("is TWO, postgres://app:ONE@db/x", 2),
        ("is postgres%3A//app%3AONE@db/x", 2),
    ] {
        reports(base, &SERVICE.replace("name: web", &format!("name: web, annotations: {{ a: \"{text}\" }}")), count);
    }
}

#[test]
fn a_secret_beside_another_is_reported_however_they_are_encoded() {
    let base = "manifests: [m]\ndata: { A_PASSWORD: { value: ONE, sensitive: true }, B_PASSWORD: { value: 'TWO\"TWO-TWO-TWO', sensitive: true }, URL: { value: \"postgres://app:ONE@db/x\", sensitive: true } }\n";
    for (text, count) in [
        (r#"TWO\\\"TWO-TWO-TWO ONE"#.to_owned(), 2),
        (r#"ONE TWO\\\"TWO-TWO-TWO"#.to_owned(), 2),
        (r"\\/".repeat(20) + r#"postgres://app:ONE@db/x TWO\\\"TWO-TWO-TWO"#, 2),
    ] {
        reports(base, &SERVICE.replace("name: web", &format!("name: web, annotations: {{ a: \"{text}\" }}")), count);
    }
    // in base64, the last bits of a value depend on what comes after it
    let alike = "manifests: [m]\ndata: { A_PASSWORD: { value: a1b2c3d4, sensitive: true }, B_PASSWORD: { value: a1b2c3d5, sensitive: true } }\n";
    reports(alike, &SERVICE.replace("name: web", "name: web, annotations: { a: YTFiMmMzZDQ= }"), 2);
}
