//! A Secret that a template makes carries secrets in the values under `data` and `stringData`, and nowhere else.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::cell::Cell;

use crate::support::sandbox::Sandbox;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value as Json;

fn base(password: &str, other: &str) -> String {
    let json = |text: &str| Json::from(text).to_string();
    format!(
        "app: app\nnamespace: shop\nvars: {{ tier: web, names: [a, b], list: [x, '{{{{ data.PW }}}}'] }}\ndata:\n  PW: {{ sensitive: true, value: {} }}\n  OTHER: {{ sensitive: true, value: {} }}\n  PLAIN: plain\nmanifests: [\"w/*\"]\n",
        json(password),
        json(other),
    )
}

fn project(file: &str, manifest: &str) -> Sandbox {
    Sandbox::of(&base("dummy-dummy", "other-dummy"), "").file(&format!("w/{file}"), manifest)
}

const HEAD: &str = "apiVersion: v1\nkind: Secret\n";

#[test]
fn a_text_template_puts_secrets_into_values_alone() {
    for (name, rest, is_refused) in [
        ("a value", "metadata: { name: a }\nstringData: { A: '{{ data.PW }}' }", false),
        ("a value through filters", "metadata: { name: a }\ndata: { A: {{ data.PW | b64encode }} }", false),
        (
            "within a text",
            "metadata: { name: a }\nstringData:\n  A: |\n    x={{ data.PW }}\n    y={{ data.PLAIN }}",
            false,
        ),
        ("quoted", "metadata: { name: a }\nstringData: { A: {{ data.PW | quote }} }", false),
        ("a variable", "{% set p = data.PW %}metadata: { name: a }\nstringData: { A: '{{ p }}' }", false),
        (
            "a macro",
            "{% macro m(x) %}{% if x %}y{{ x }}{% endif %}{% endmacro %}metadata: { name: a }\nstringData: { A: '{{ m(data.PW) }}' }",
            false,
        ),
        (
            "plain conditions",
            "metadata: { name: a }\nstringData:\n{% if vars.tier == 'web' %}  A: '{{ data.PW }}'\n{% endif %}{% for n in vars.names %}  B{{ n }}: '{{ data.OTHER }}'\n{% endfor %}",
            false,
        ),
        ("a plain name", "metadata: { name: '{{ data.PLAIN }}' }\nstringData: { A: '{{ data.PW }}' }", false),
        (
            "declassified",
            "metadata: { name: a, labels: { n: 'l{{ declassify(data.PW | length, \"says little\") }}' } }\nstringData: { A: '{{ data.PW }}' }",
            false,
        ),
        ("the name", "metadata: { name: '{{ data.PW | sha256 }}' }", true),
        ("an annotation", "metadata: { name: a, annotations: { x: '{{ data.PW | reverse }}' } }", true),
        ("a label by a variable", "{% set p = data.PW %}metadata: { name: a, labels: { x: '{{ p }}' } }", true),
        ("the type", "metadata: { name: a }\ntype: '{{ data.PW }}'", true),
        ("a key", "metadata: { name: a }\nstringData: { 'K{{ data.PW }}': x }", true),
        (
            "owners",
            "metadata: { name: a, ownerReferences: [{ apiVersion: v1, kind: Pod, name: x, uid: '{{ data.PW }}' }] }",
            true,
        ),
        ("immutable", "metadata: { name: a }\nimmutable: {{ data.PW == 'x' }}", true),
        (
            "the kind",
            "metadata: { name: a }\n---\napiVersion: v1\nkind: '{{ 'Secret' if data.PW else 'Pod' }}'\nmetadata: { name: b }",
            true,
        ),
        (
            "the number of documents",
            "metadata: { name: a }\nstringData: { A: '{{ data.PW }}' }\n{{ '\\n---\\napiVersion: v1\\nkind: Secret\\nmetadata: {name: b}' if data.PW == 'dummy-dummy' }}",
            true,
        ),
        ("a condition", "metadata: { name: a }\n{% if data.PW == 'x' %}type: Opaque\n{% endif %}", true),
        (
            "a condition that shows nothing",
            "metadata: { name: a }\n{% if data.PW == 'x' %}{% endif %}stringData: { A: b }",
            true,
        ),
        (
            "a loop",
            "metadata: { name: a }\nstringData:\n{% for c in data.PW %}  K{{ loop.index }}: x\n{% endfor %}",
            true,
        ),
        (
            "a secret in a list",
            "metadata: { name: a }\nstringData:\n{% for c in vars.list %}  K{{ loop.index }}: x\n{% endfor %}",
            true,
        ),
        ("with", "{% with p = data.PW %}metadata: { name: a }\n{% endwith %}", true),
        ("a value that is a list", "metadata: { name: a }\nstringData: { A: ['{{ data.PW }}'] }", true),
        ("deeper data", "metadata: { name: a }\nspec: { data: { A: '{{ data.PW }}' } }", true),
        ("brackets", "{{ {'a':{'b':1}} and '' }}metadata: { name: '{{ data.PW }}' }", true),
    ] {
        assert_use(name, rest, is_refused);
    }
}

#[test]
fn nothing_that_holds_a_secret_decides_anything() {
    for (name, rest, is_refused) in [
        (
            "a condition on a variable",
            "{% set p = data.PW %}metadata: { name: a }\n{% if p == 'x' %}immutable: true\n{% endif %}",
            true,
        ),
        (
            "a comparison of a variable",
            "{% set p = data.PW %}metadata: { name: \"n{{ 'a' if p == 'x' else 'b' }}\" }",
            true,
        ),
        (
            "a variable made of another",
            "{% set p = data.PW %}{% set q = p == 'x' %}metadata: { name: a }\n{% if q %}immutable: true\n{% endif %}",
            true,
        ),
        (
            "a text in a variable",
            "{% set p %}{{ data.PW }}{% endset %}metadata: { name: a }\n{% if p == 'x' %}immutable: true\n{% endif %}",
            true,
        ),
        (
            "a filtered text in a variable",
            "{% set p %}{% filter upper %}{{ data.PW }}{% endfilter %}{% endset %}metadata: { name: a }\n{% if p == 'x' %}{% endif %}",
            true,
        ),
        (
            "the result of a macro",
            "{% macro m() %}{{ data.PW }}{% endmacro %}metadata: { name: a }\n{% if m() == 'x' %}immutable: true\n{% endif %}",
            true,
        ),
        (
            "a namespace field",
            "{% set n = namespace(v='') %}{% set n.v = data.PW %}metadata: { name: 'n{{ n.v }}' }",
            true,
        ),
        (
            "a field that a macro sets",
            "{% set n = namespace(v='') %}{% macro m(o, x) %}{% set o.v = x %}{% endmacro %}{{ m(n, data.PW) }}metadata: { name: 'n{{ n.v }}' }",
            true,
        ),
        (
            "what a loop remembers",
            "{% for i in [1] %}{{ loop.changed(data.PW) | string | replace('true', '') }}metadata: { name: 'n{{ loop.changed('x') }}' }{% endfor %}",
            true,
        ),
        (
            "a plain namespace field",
            "{% set n = namespace(v=0) %}{% for x in vars.names %}{% set n.v = n.v + 1 %}{% endfor %}metadata: { name: 'n{{ n.v }}' }\nstringData: { A: '{{ data.PW }}' }",
            false,
        ),
        (
            "a plain variable",
            "{% set t = vars.tier %}{% set p = data.PW %}metadata: { name: '{{ t }}' }\n{% if t == 'web' %}stringData: { A: '{{ p | b64encode | b64decode }}' }{% endif %}",
            false,
        ),
        (
            "many steps",
            "{% for i in range(9000) %}{% endfor %}metadata: { name: a }\nstringData: { A: '{% for i in range(5000) %}{{ data.PW[:0] }}{% endfor %}{{ data.PW }}' }",
            false,
        ),
    ] {
        assert_use(name, rest, is_refused);
    }
}

#[track_caller]
fn assert_use(name: &str, rest: &str, is_refused: bool) {
    let run = project("a.yaml.j2", &format!("{HEAD}{rest}\n")).run(&["render", "dev"]);
    if is_refused {
        let stderr = run.refused();
        assert!(stderr.contains("w/a.yaml.j2:"), "{name}: {stderr}");
        assert!(!stderr.contains("dummy-dummy") && !stderr.contains("ymmud"), "{name}: {stderr}");
    } else {
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
    }
}

#[test]
fn a_template_that_makes_nothing_because_of_a_secret_is_refused() {
    // and with the same words where it makes something, of whatever kind
    let mut told = Vec::new();
    for (kind, guess) in [("Secret", "x"), ("Secret", "dummy-dummy"), ("ConfigMap", "x"), ("ConfigMap", "dummy-dummy")]
    {
        let document = format!(
            "{{% if data.PW == '{guess}' %}}apiVersion: v1\nkind: {kind}\nmetadata: {{ name: a }}\n{{% endif %}}"
        );
        let stderr = project("a.yaml.j2", &document).run(&["render", "dev"]).refused();

        told.push(stderr);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_manifest_of_yaml_puts_secrets_into_values_alone() {
    let secret = format!("{HEAD}metadata: {{ name: a }}\n");
    for (name, manifest, is_refused) in [
        ("a value", format!("{secret}data: {{ tls.crt: '{{{{ data.PW | b64encode }}}}' }}\n"), false),
        ("computed keys", format!("{secret}stringData: \"{{{{ {{data.PW: 'x'}} }}}}\"\n"), true),
        ("a computed value", format!("{secret}stringData: {{ A: \"{{{{ {{data.PW: 'x'}} }}}}\" }}\n"), true),
        ("an item of a value", format!("{secret}stringData: {{ A: ['{{{{ data.PW }}}}'] }}\n"), true),
        ("the whole object", "\"{{ {'apiVersion':'v1','kind':'Secret','metadata':{'name':data.PW}} }}\"\n".to_owned(), true),
        ("the items of a list", "apiVersion: v1\nkind: List\nitems: \"{{ [{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'a'},'data':{'x':data.PW}}] }}\"\n".to_owned(), true),
        ("what makes a list", "apiVersion: v1\nkind: \"{{ 'List' if data.PW else 'Pod' }}\"\nitems:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: a } }\n".to_owned(), true),
    ] {
        let run = project("a.yaml", &manifest).run(&["render", "dev"]);
        if is_refused {
let stderr = run.refused();
                assert!(!stderr.contains("dummy-dummy"), "{name}: {stderr}");
} else {
assert_eq!(run.code, 0, "{name}: {}", run.stderr);
}
    }
}

/// All but the values of Secrets.
fn public(run: crate::support::sandbox::Run) -> Vec<String> {
    let mut objects = run.objects().0;
    for object in objects.iter_mut().filter(|object| object["kind"] == "Secret") {
        for field in ["data", "stringData"] {
            let values = object.get_mut(field).and_then(Json::as_object_mut);
            values.into_iter().flatten().for_each(|(_, value)| *value = Json::Null);
        }
    }
    objects.iter().map(Json::to_string).collect()
}

fn manifest() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        "plain",
        "{{ data.PLAIN }}",
        "{{ data.PW }}",
        "{{ data.PW | reverse }}",
        "{{ p }}",
        "{{ vars.list[1] | sha256 }}",
        "{{ data.PW | length }}",
        "{{ 'a' if data.PW == 'alpha-one' else 'b' }}",
        "{{ data.OTHER ~ vars.tier }}",
        "{{ {'a':{'b':1}} and data.PW }}",
        "{{ declassify(vars.tier, 'plain') }}",
        "{{ '}}' | length }}",
        "{{ 'a' if p == 'alpha-one' else 'b' }}",
        "{% set q = p == 'alpha-one' %}{% if q %}a{% endif %}",
        "{% set q %}{{ data.PW }}{% endset %}{{ q == 'alpha-one' }}",
        "{% macro m() %}{{ data.PW }}{% endmacro %}{{ 'a' if m() == 'alpha-one' else 'b' }}",
        "{% macro m() %}{{ p }}{% endmacro %}{% if m() == 'alpha-one' %}a{% endif %}",
        "{% set n = namespace(v='') %}{% set n.v = p %}{{ n.v == 'alpha-one' }}",
        "{% set n = namespace(v='') %}{% macro m(o, x) %}{% set o.v = x %}{% endmacro %}{{ m(n, data.PW) }}{{ n.v }}",
        "{% set n = namespace(v='') %}{% set n.v = vars.tier %}{{ n.v }}",
        "{% raw %}{{ x }}{% endraw %}",
        "{# {{ #}x",
        "{{ vars.list | join('') | sha256 }}",
    ]);
    let plain = prop::sample::select(vec!["plain", "{{ data.PLAIN }}", "{{ vars.tier }}", "x"]);
    let mostly = move |odd: u32| prop_oneof![12 => plain.clone(), odd => text.clone()];
    let value = prop::sample::select(vec![
        "{{ data.PW }}",
        "{{ data.PW | b64encode }}",
        "{{ p }}{{ data.OTHER }}",
        "{{ data.PLAIN }}",
        "{{ 'a' if data.PW == 'alpha-one' else 'b' }}",
        "{{ vars.list | join('') }}",
    ]);
    let around = prop::sample::select(vec![
        ("", ""),
        ("", ""),
        ("", ""),
        ("{% if data.PW == 'alpha-one' %}", "{% endif %}"),
        ("{% if vars.tier %}", "{% endif %}"),
        ("{% for c in data.OTHER[:2] %}", "{% endfor %}"),
        ("{% filter trim %}", "{% endfilter %}"),
        ("{% if p %}", "{% endif %}"),
        ("{% if p == 'alpha-one' %}", "{% endif %}"),
        ("{% set q = p | length %}{% for c in range(q) %}", "{% endfor %}"),
        ("{% set q %}{{ p }}{% endset %}{% if q == 'alpha-one' %}", "{% endif %}"),
    ]);
    (mostly(1), mostly(1), mostly(1), value, around).prop_map(|(name, label, key, value, (open, close))| {
        format!(
            "{{% set p = data.PW %}}{HEAD}metadata:\n  name: \"n-{name}\"\n  annotations: {{ a: \"{label}\" }}\nstringData:\n  \"k{key}\": \"{value}\"\n{open}  \"more\": \"x\"\n{close}"
        )
    })
}

#[test]
fn nothing_but_values_of_secrets_changes_with_a_secret() {
    let cases = std::env::var("SEPTUM_TEXT_SECRET_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let rendered = Cell::new(0_u32);
    let result = runner.run(&manifest(), |manifest| {
        let of = |password, other| {
            Sandbox::of(&base(password, other), "").file("w/a.yaml.j2", &manifest).run(&["render", "dev"])
        };
        let (one, two) = (of("alpha-one", "beta-one"), of("gamma-two-longer", "delta"));
        prop_assert_eq!(one.code, two.code, "{}", manifest);
        if one.code == 0 {
            rendered.set(rendered.get() + 1);
            prop_assert_eq!(public(one), public(two), "{}", manifest);
        }
        Ok(())
    });
    result.unwrap();
    assert!(rendered.get() > cases / 10, "only {} were rendered", rendered.get());
}

#[test]
fn a_failure_that_follows_from_a_reported_one_is_not_reported_itself() {
    let errors = |base: &str| {
        let run = Sandbox::of(base, "{}\n").run(&["check"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        let text = run.stdout + &run.stderr;
        let errors = text.lines().filter(|line| line.starts_with("error[") && !line.contains("plaintext-secret"));
        errors.map(str::to_owned).collect::<Vec<_>>()
    };
    let base = |entries: &str| format!("app: shop\ndata:\n  SECRET: {{ sensitive: true, value: ab12 }}\n{entries}");
    let failed = |key: &str| format!("error[template-failed]: the template of `data.{key}` failed");
    // what is reported is the cause, wherever it is
    for (entries, expected) in [
        ("  A: { sensitive: true, value: '{{ data.NONE }}' }\n", "error[undefined]: `data.NONE` is not defined"),
        ("  A: { sensitive: true, file: none.txt }\n", "error[missing-file]: `none.txt` does not exist"),
        ("  A: { sensitive: true, value: x, typ: y }\n", "error[unknown-field]: unknown field `typ` in the entry `A`"),
        ("  A: { sensitive: true, value: x, type: integer }\n", "error[invalid-value]: `data.A` must be an integer"),
        ("  A: '{{ data.SECRET + 1 }}'\n", failed("A").as_str()),
    ] {
        let readers =
            "  B: '{{ data.A + 1 }}'\n  C: '{{ data.SECRET }}{{ data.B }}'\n  D: '{{ data.SECRET }}{{ data.C }}'\n";
        assert_eq!(errors(&base(&(entries.to_owned() + readers))), [expected]);
    }
    // a failure of its own is reported, and one of a variable that only it reads
    let own = "  A: '{{ data.SECRET + 1 }}'\n  B: '{{ data.SECRET + 2 }}'\n  C: '{{ data.SECRET }}{{ vars.x }}'\nvars: { x: '{{ 1 + \"a\" }}' }\n";
    assert_eq!(errors(&base(own)), [failed("A"), failed("B"), failed("C")]);
    // each of a cycle reads the other
    let cycle = errors(&base("  A: '{{ data.SECRET }}{{ data.B }}'\n  B: '{{ data.A }}'\n"));
    assert!(!cycle.is_empty(), "{cycle:?}");
}
