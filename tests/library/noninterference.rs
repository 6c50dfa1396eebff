//! What is public follows from no secret: the same project with two sets of secrets gives the same plain objects,
//! names and keys of Secrets, messages, findings, views, and inputs.
//!
//! Whether a template fails may follow from a secret, and so be told; what is told of it then does not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use crate::support::sandbox::DEMO_KEY;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use septum::check::{CheckScope, check_apps, sarif_log};
use septum::diagnostic::{Diagnostic, Diagnostics, render_diagnostic, styled_with_rule};
use septum::name::EnvironmentName;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::{App, Project};
use septum::report::{ReportContent, write_page};
use septum::secret_files::{RecipientOptions, SecretFile, encrypt_secret_file, plan_encryption};
use septum::sops::{HostSystem, Identities, IdentitySources, Recipient, SopsConfigCache, SopsFormat, Timestamp};
use septum::view::explain::explain_key;
use septum::view::key_docs::{document_keys, write_env_example, write_html, write_markdown};
use septum::view::list::{ListedValues, list_rows};
use septum::view::variable::{VARIABLES, explain_variable, variable_rows};
use septum::visibility::{KeyAccess, OnMissingKey};
use septum::{Delivered, ManifestFormat, Reveal};

/// How many pairs are tried, unless `SEPTUM_INTERFERENCE_PAIRS` says.
const PAIRS: u32 = 40;

/// Sets of secrets: a token, digits, a truth value, a text that may be a document of its own, one of `vars`.
/// Each differs from the others in what a template could do with it.
const SETS: &[[&str; 5]] = &[
    ["hZ8fQ2mX7vKp4TnR", "7391", "true", "{\"a\": {\"password\": \"hZ8fQ2mX7vKp\"}}", "x1"],
    ["k3", "0000000012", "false", "plain", "aQ9zL0wB7yCk2e"],
    // an empty text is not encrypted by sops, and so is no secret
    [" ", "0", "true", "\n", " "],
    ["Bäume 😀 \u{202e}x", "42", "false", "a: b\nc: [d]\n", "P"],
    ["P", "1", "true", "[1, 2", "none"],
    ["{{ data.P }}", "9", "maybe", "postgres://u:hunter2hunter2@h/db", "plain"],
    ["::stop-commands::x", "-5", "true", "-----BEGIN PRIVATE KEY-----", "\u{1b}[2J"],
    // not so large that a list as long as this is larger than objects may be: lengths are not hidden
    ["a b\tc\r\nd", "4096", "false", "files/macros.j2", "files/part.j2"],
];

fn secrets(set: &[&str; 5]) -> String {
    let [token, pin, flag, text, variable] = set.map(|value| serde_json::to_string(value).unwrap());
    format!(
        "vars:\n  s: {variable}\ndata:\n  S: {{value: {token}}}\n  PIN: {{value: {pin}}}\n  FLAG: {{value: {flag}}}\n  DOC: {{value: {text}}}\n"
    )
}

const BASE: &str = r#"
namespace: shop
labels: { team: "pay" }
vars:
  plain: p
  which: P
  list: [a, b, c]
  digits: ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9"]
  map: { a: x, b: y }
  unused: u
  link: "{{ vars.plain }}-{{ env.name }}"
  broken1: "{{ vars.nothing }}"
  broken2: "{{ 1 / 0 }}"
  s: { }
bundles:
  more: { data: { FAR: "{{ bundles.app.S }}", NEAR: near } }
  typed: { type: example.com/x, data: { T: t } }
manifests: ["manifests/*.yaml"]
data:
  S: { sensitive: true, template: false }
  PIN: { sensitive: true, template: false }
  FLAG: { template: false }
  DOC: { template: false, description: "a \u001b[31mtext" }
  P: plain
  Q: quiet
  N: { value: 3, type: integer }
"#;

const FILES: [(&str, &str); 4] = [
    ("files/part.j2", "part {{ data.P }}"),
    ("files/secret.j2", "{{ data.S }}{{ data.Q }}"),
    ("files/macros.j2", "{% macro pick(x) %}{% if x %}{{ x }}{% else %}{{ vars.plain }}{% endif %}{% endmacro %}"),
    (
        "manifests/objects.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: own }\nstringData:\n  A: \"{{ data.S }}\"\n  B: \"{{ vars.plain }}\"\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: { name: open }\ndata:\n  A: \"{{ vars.plain }}\"\n",
    ),
];

/// Expressions, the most of which can be computed whatever the secrets are.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => prop::sample::select(&["data.S", "data.PIN", "data.FLAG", "data.DOC", "vars.s", "bundles.more.FAR"][..]),
        4 => prop::sample::select(&["data.P", "data.Q", "vars.plain", "vars.link", "vars.map.a", "env.name", "'t'", "data[\"P\"]"][..]),
        1 => prop::sample::select(&["bundles.typed.T", "app.name", "data.N", "vars.list[1]", "bundles.more.NEAR"][..]),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let unary = prop::sample::select(
            &[
                "| string | upper",
                "| string | length",
                "| string | b64encode",
                "| string | urlencode",
                "| string | sha256",
                "| string | quote",
                "| tojson",
                "| string | reverse",
                "| default('d')",
                "| string | replace('a', 'b')",
                "| string | indent(2)",
                "| string | trim",
                "| required('it is needed')",
                "| string | title",
            ][..],
        );
        prop_oneof![
            6 => (inner.clone(), unary).prop_map(|(of, filter)| format!("({of}) {filter}")),
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) ~ ({b})")),
            2 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(({a}) if ({b}) else ({c}))")),
            2 => inner.clone().prop_map(|of| format!("vars.list[({of}) | string | length % 3]")),
            2 => inner.clone().prop_map(|of| format!("data[['P', 'Q', 'PIN'][({of}) | string | length % 3]]")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("(({a}) | string == ({b}) | string)")),
        ]
    })
}

/// Expressions that fail, for some secrets or for all.
fn failing() -> impl Strategy<Value = String> {
    let known = [
        "data.NOPE",
        "1 / 0",
        "data.S | int",
        "vars.digits[data.PIN | int]",
        "vars.nope[data.S]",
        "none | required(data.S[:1])",
        "data[data.S]",
        "vars[data.S]",
        "bundles[data.DOC].X",
        "data.S.foo",
        "data.S | nofilter",
        "data.S is notest",
        "data.S()",
        "nofunction(data.PIN)",
        "data.S + 1",
        "data.PIN | int // (data.PIN | int)",
        "[data.S] | map(data.S) | list",
        "data.S | fromjson",
        "data.DOC | b64decode",
        "vars.broken1",
        "vars.broken2",
        "(vars.broken1 if data.FLAG == 'true' else vars.broken2)",
        "(data.NOPE if data.S else 1 / 0)",
        "range(data.PIN | int)",
        "data.S | round",
        "data.PIN | int | string | replace('0', none)",
        "[data.S, 1] | sum",
        "data.S * 3",
        "-data.S",
        "{data.S: 1}[data.P]",
        "(vars.nope1 if data.FLAG == 'true' else vars.nope2)",
        "'' | required('is it ' ~ data.S)",
        "data.S | default(data.NOPE)",
    ];
    prop::sample::select(known.to_vec()).prop_map(str::to_owned)
}

fn template() -> impl Strategy<Value = String> {
    let some = || prop_oneof![9 => expression().boxed(), 1 => failing().boxed()];
    prop_oneof![
        6 => some().prop_map(|e| format!("{{{{ {e} }}}}")),
        4 => (some(), some()).prop_map(|(a, b)| format!("a {{{{ {a} }}}} b {{{{ {b} }}}}")),
        3 => (some(), some(), some()).prop_map(|(a, b, c)| {
            format!("{{% if {a} %}}{{{{ {b} }}}}{{% else %}}{{{{ {c} }}}}{{% endif %}}")
        }),
        2 => (expression(), some()).prop_map(|(a, b)| {
            format!("{{% for x in ({a}) | string %}}{{{{ x }}}}{{{{ {b} }}}}{{% endfor %}}")
        }),
        2 => some().prop_map(|e| format!("{{% set v = {e} %}}{{{{ v }}}}{{{{ v | default('') | string | length }}}}")),
        1 => some().prop_map(|e| {
            format!("{{% from 'files/macros.j2' import pick %}}{{{{ pick({e}) }}}}")
        }),
        1 => expression().prop_map(|e| format!("{{% if {e} %}}{{% include 'files/part.j2' %}}{{% endif %}}")),
        1 => Just("{% include 'files/secret.j2' %}".to_owned()),
        1 => expression().prop_map(|e| format!("{{% macro m(x) %}}{{{{ x }}}}{{{{ vars.map.b }}}}{{% endmacro %}}{{{{ m({e}) }}}}")),
        1 => prop::sample::select(&[
            "{% include data.S %}", "{% include 'files/' ~ data.S %}", "{% include vars.s %}", "{% for k in data %}{{ k }}{{ data.S }}{% endfor %}",
            "{% for d in vars.digits %}{% if d == data.S %}{{ vars.nope }}{% endif %}{% endfor %}",
        ][..]).prop_map(str::to_owned),
    ]
}

/// The source of an entry, by its key.
fn entry() -> impl Strategy<Value = (&'static str, String)> {
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let content = (template(), template(), expression(), any::<bool>()).prop_map(move |(a, b, e, computed)| {
        let made = if computed { format!("{{{{ {{({e}) | string: data.P}} }}}}") } else { b };
        format!("{{ content: {{ a: {}, b: {{ c: {}, d: 1 }} }} }}", json(&a), json(&made))
    });
    let content = content.boxed();
    let flat = template().prop_map(move |a| format!("{{ content: {{ a: {}, b: 1 }} }}", json(&a))).boxed();
    prop_oneof![
        6 => template().prop_map(move |text| ("E", json(&text))),
        1 => template().prop_map(move |text| ("E", format!("{{ value: {}, required: true, description: d }}", json(&text)))),
        1 => Just(("E", "{ template: files/secret.j2 }".to_owned())),
        2 => content.clone().prop_map(|entry| ("e.yaml", entry)),
        1 => content.clone().prop_map(|entry| ("e.json", entry)),
        1 => content.clone().prop_map(|entry| ("e.toml", entry)),
        1 => content.prop_map(|entry| ("e.properties", entry)),
        1 => flat.clone().prop_map(|entry| ("e.env", entry)),
        1 => flat.prop_map(|entry| ("e.ini", entry)),
    ]
}

fn project() -> impl Strategy<Value = String> {
    (prop::collection::vec(entry(), 1..4), template(), 0..20_u8).prop_map(|(entries, manifest, with)| {
        let mut base = BASE.to_owned();
        for (index, (key, entry)) in entries.into_iter().enumerate() {
            let _ = writeln!(base, "  {}: {entry}", key.replacen(['E', 'e'], &format!("K{index}"), 1));
        }
        if with == 0 {
            let _ = writeln!(base, "  M: {}", serde_json::to_string(&manifest).unwrap());
        }
        base
    })
}

/// The files of each set of secrets, encrypted once.
fn encrypted(directory: &Path) -> Vec<Vec<u8>> {
    let recipient = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";
    let wish = RecipientOptions {
        named: vec![Recipient::parse(recipient).ok().unwrap()],
        usual: Vec::new(),
        has_option: false,
    };
    let now = Timestamp::from_system_time(std::time::UNIX_EPOCH);
    let encrypt = |set| {
        let name = "dev.secrets.yaml".to_owned();
        let file = SecretFile {
            path: directory.join(&name),
            name,
            format: SopsFormat::Yaml,
            bytes: secrets(set).into_bytes(),
        };
        let Ok(plan) = plan_encryption(&SopsConfigCache::default(), &file.path, &file.name, &wish) else {
            panic!("a plan")
        };
        let Ok((staged, _)) = encrypt_secret_file(file, &plan, now) else { panic!("encrypted") };
        staged.bytes
    };
    SETS.iter().map(encrypt).collect()
}

/// An app below a directory, without its base, and the files of each set of secrets.
fn app_with_secrets(root: &Path) -> (PathBuf, Vec<Vec<u8>>) {
    let directory = root.join("app");
    for (path, text) in FILES {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(directory.join("dev.yaml"), "").unwrap();
    let sets = encrypted(&directory);
    (directory, sets)
}

/// All that is public of a project with these secrets, in a run of its own.
fn look_with(directory: &Path, secrets: &[u8]) -> Public {
    septum::budget::reset_budgets();
    fs::write(directory.join("dev.secrets.yaml"), secrets).unwrap();
    look(directory)
}

fn identities() -> Identities {
    Identities::new(IdentitySources::of(HostSystem::current(), |name| {
        (name == "SOPS_AGE_KEY_FILE").then(|| DEMO_KEY.into())
    }))
}

/// All that is public of a project.
struct Public {
    parts: BTreeMap<&'static str, String>,
    errors: BTreeSet<String>,
}

fn look(directory: &Path) -> Public {
    let project = Project::discover(directory).unwrap_or_else(|found| panic!("{}", shown(found)));
    let pipeline = Pipeline::new(&project, identities());
    let (app, dev) = (&project.apps[0], project.environment("dev").ok().unwrap());
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    let mut problems = Diagnostics::new();
    let survey = pipeline.survey(app, SurveyOptions::decrypting(std::slice::from_ref(&dev)), &mut problems);
    if let Some(survey) = &survey {
        let objects = pipeline.objects(survey, &dev, OnMissingKey::Fail, &mut problems);
        let objects: Vec<_> = objects.whole.into_iter().map(Delivered::plain).collect();
        for (name, format) in [("yaml", ManifestFormat::Yaml), ("json", ManifestFormat::Json)] {
            parts.insert(name, septum::write_objects(&objects, format, Reveal::Nothing).to_string());
        }
        let all = std::slice::from_ref(&dev);
        parts.insert("list", serde_json::to_string_pretty(&list_rows(survey, all, ListedValues::Included)).unwrap());
        let resolved = survey.environment(&dev).unwrap();
        let consumers = pipeline.consumers(survey, resolved);
        let explained = resolved.entries.keys().filter_map(|id| explain_key(survey, id, &dev, consumers.consumers(id)));
        parts.insert("explain", serde_json::to_string_pretty(&explained.collect::<Vec<_>>()).unwrap());
        parts.insert("inputs", format!("{:?}", resolved.recorded_queries));
    }
    // whoever has no key sees the same, though this run has decrypted the layer
    let without_keys = Pipeline::new(&project, Identities::new(IdentitySources::default()));
    assert_eq!(view_without_keys(&pipeline, app, &dev), view_without_keys(&without_keys, app, &dev));
    let errors = problems.iter().filter(|problem| problem.is_error());
    let place = |problem: &Diagnostic| problem.labels.first().map(|label| label.place.to_string());
    let errors = errors.map(|it| format!("{}: {} {:?}", it.rule, it.message, place(it))).collect();
    parts.insert("messages", shown(problems));
    let scope = CheckScope {
        apps: &[app],
        environments: &[dev],
        is_whole: true,
        rendered: None,
        rules: &[],
        baseline: None,
        today: None,
        now: Timestamp::from_system_time(std::time::UNIX_EPOCH),
        only: None,
    };
    let report = check_apps(&pipeline, &scope);
    let findings: String =
        report.findings.iter().map(|it| styled_with_rule(&it.diagnostic).render_text(true) + "\n").collect();
    parts.insert("check", findings);
    parts.insert("sarif", serde_json::to_string_pretty(&sarif_log(&report)).unwrap());
    Public { parts, errors }
}

/// Views of variables and whole projects. They follow from the files, ciphertexts and their lengths among them, and from
/// no key.
fn view_without_keys(pipeline: &Pipeline<'_>, app: &App, dev: &EnvironmentName) -> BTreeMap<&'static str, String> {
    let mut parts = BTreeMap::new();
    let all = std::slice::from_ref(dev);
    let options = SurveyOptions::showing(all, KeyAccess::PublicView);
    let Some(survey) = pipeline.survey(app, options, &mut Diagnostics::new()) else { return parts };
    let variables = variable_rows(&survey, all, ListedValues::Included);
    let explained = variables.iter().filter_map(|row| explain_variable(&survey, row.key.strip_prefix(VARIABLES)?, dev));
    parts.insert("explained variables", serde_json::to_string_pretty(&explained.collect::<Vec<_>>()).unwrap());
    parts.insert("variables", serde_json::to_string_pretty(&variables).unwrap());
    let docs = [document_keys(&survey)];
    parts.insert("docs", write_markdown(&docs) + &write_html(&docs) + &write_env_example(&docs));
    let surveys = [survey];
    let content = ReportContent { surveys: &surveys, environments: all, findings: &[], unseen: &[], readers: &[] };
    parts.insert("page", write_page(&content));
    parts
}

fn shown(problems: Diagnostics) -> String {
    problems.into_sorted().iter().map(|problem| render_diagnostic(problem, false) + "\n").collect()
}

/// The columns of ciphertexts are those of their lines, and nothing is told of what they hold.
fn compare(one: &Public, other: &Public, base: &str) {
    let only = |a: &Public, b: &Public| a.errors.difference(&b.errors).cloned().collect::<Vec<_>>();
    let differing = [only(one, other), only(other, one)].concat();
    if !differing.is_empty() {
        // that it fails at all may follow from a secret, and nothing else may: what it then says is what no secret
        // decides, or what the text of the template lacks
        let is_required = |error: &str| {
            let message = error.split_once(": ").and_then(|(_, rest)| rest.split_once(" Some("));
            message.is_some_and(|(message, _)| base.contains(&format!("required('{message}')")))
        };
        let allowed = |error: &String| {
            ["template-failed: the ", "undefined: `"].iter().any(|start| error.starts_with(start)) || is_required(error)
        };
        assert!(differing.iter().all(allowed), "{base}\n{differing:#?}");
        return;
    }
    for (name, part) in &one.parts {
        if *part != other.parts[name] {
            let diff = similar::TextDiff::from_lines(part.as_str(), other.parts[name].as_str());
            panic!("{name} differs:\n{}\n{base}", diff.unified_diff().context_radius(8));
        }
    }
}

#[test]
fn what_is_public_follows_from_no_secret() {
    let pairs = std::env::var("SEPTUM_INTERFERENCE_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS);
    let threads = std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap());
    let (tried, succeeded) = std::thread::scope(|scope| {
        let share = |index: u32| pairs / threads + u32::from(index < pairs % threads);
        let start = |index| scope.spawn(move || try_pairs(index, share(index)));
        let started: Vec<_> = (0..threads).map(start).collect();
        let results = started.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        results.fold((0, 0), |sum, (tried, succeeded)| (sum.0 + tried, sum.1 + succeeded))
    });
    println!("{pairs} pairs; {succeeded} of {tried} projects could be rendered");
    assert!(succeeded * 100 >= tried * 60, "templates that fail show little: {succeeded} of {tried}");
}

/// Which variables a template reads may follow from a secret. A view without keys does not know, even if the same run has
/// decrypted the layer before.
#[test]
fn who_reads_a_variable_is_told_alike_with_and_without_keys() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, sets) = app_with_secrets(dir.path());
    for (then, otherwise) in [("vars.plain", "vars.which"), ("vars.link", "'x'"), ("vars.broken1", "vars.broken2")] {
        let template = format!("{{{{ {then} if data.FLAG == 'true' else {otherwise} }}}}");
        fs::write(directory.join("base.yaml"), format!("{BASE}  K: \"{template}\"\n")).unwrap();
        for set in [0, 7] {
            look_with(&directory, &sets[set]);
        }
    }
}

/// Compares so many pairs, which follow from `seed`: how many projects were tried, and how many had no error.
fn try_pairs(seed: u32, pairs: u32) -> (u32, u32) {
    let dir = tempfile::tempdir().unwrap();
    let (directory, sets) = app_with_secrets(dir.path());
    let (tried, succeeded) = (Cell::new(0_u32), Cell::new(0_u32));
    let config = Config { cases: pairs, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let two = (0..SETS.len(), 1..SETS.len()).prop_map(|(one, by)| (one, (one + by) % SETS.len()));
    let result = runner.run(&(project(), two), |(base, (one, other))| {
        fs::write(directory.join("base.yaml"), &base).unwrap();
        let seen = [one, other].map(|set| {
            let seen = look_with(&directory, &sets[set]);
            tried.set(tried.get() + 1);
            succeeded.set(succeeded.get() + u32::from(seen.errors.is_empty()));
            seen
        });
        let [one, other] = &seen;
        compare(one, other, &base);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    (tried.get(), succeeded.get())
}

/// The same through the program, with the tree that it writes: all of it but ciphertext, and what hashes stand for.
#[test]
fn what_the_program_writes_follows_from_no_secret() {
    let extra = "  URL: \"postgres://app:{{ data.S | string | urlencode }}@{{ data.P }}/db\"\n  C: \"{% if data.PIN | string | length > 2 %}{{ data.P }}{% else %}{{ vars.list[0] }}{% endif %}\"\n\
                 \x20 e.toml: { content: { a: '{{ data.S }}', b: { c: '{{ vars.list[data.S | string | length % 3] }}' } } }\n  I: \"{% if data.S == 'P' %}{% include 'files/part.j2' %}{% endif %}\"\n";
    let failing = "  X: \"{{ 1 / 0 if data.S else data.NOPE }}\"\n  e.ini: { content: { '{{ data.P }}': '{{ {data.S: {data.S: [1]}} }}' } }\n";
    for (base, one, other) in [(extra, 0, 1), (extra, 4, 7), (failing, 0, 1), (failing, 2, 6)] {
        let project = crate::support::sandbox::Sandbox::new(FILES)
            .file(
                "base.yaml",
                format!("{BASE}{base}").replacen("namespace: shop", "namespace: shop\ndelivery: { secrets: sops }", 1),
            )
            .file("dev.yaml", "")
            .file(
                ".sops.yaml",
                "creation_rules: [{ age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms }]\n",
            );
        let sets = encrypted(&project.root());
        let seen = [one, other].map(|set| {
            fs::write(project.root().join("dev.secrets.yaml"), &sets[set]).unwrap();
            let _ = fs::remove_dir_all(project.root().join("out"));
            seen_of_program(&project)
        });
        let [one, other] = &seen;
        if one != other {
            let diff = similar::TextDiff::from_lines(one.as_str(), other.as_str());
            panic!("{}\n{base}", diff.unified_diff().context_radius(8));
        }
    }
}

fn seen_of_program(project: &crate::support::sandbox::Sandbox) -> String {
    let mut out = String::new();
    let runs: &[&[&str]] = &[
        &["render", "--all", "--out", "out", "-q"],
        &["check"],
        &["check", "--format", "json"],
        &["check", "--format", "sarif"],
        &["check", "--format", "github"],
        &["list"],
        &["list", "--format", "json"],
        &["explain", "dev", "URL"],
        &["explain", "dev", "C", "--format", "json"],
        &["explain", "dev", "X"],
        &["explain", "dev", "S"],
    ];
    for arguments in runs {
        let run = project.run_with_key(arguments);
        let _ = writeln!(out, "$ {arguments:?}: {}\n{}{}", run.code, run.stdout, run.stderr);
    }
    let mut files = Vec::new();
    let mut directories = vec![project.root().join("out")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let unlike = regex::Regex::new(r"ENC\[[^\]]*\]|[0-9a-f]{16,}|[A-Za-z0-9_-]{22,}").unwrap();
    for path in files.iter().filter(|path| !path.ends_with("stamps") && !path.ends_with("local.json")) {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("\nsops:\n").next().unwrap_or_default();
        // sops encrypts no empty text: that a value is empty can be seen in every file of its format
        let text = unlike.replace_all(text, "…").replace(": \"\"\n", ": …\n");
        let _ = writeln!(out, "== {}\n{text}", path.display());
    }
    out
}
