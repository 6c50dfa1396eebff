//! Templates, each with two sets of secrets.

use std::fmt::Write as _;
use std::sync::LazyLock;

use septum::diagnostic::Diagnostics;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::route::Sensitivity;
use septum::visibility::OnMissingKey;
use septum::{Delivered, ManifestFormat, Reveal, write_objects};
use serde_json::Value as Json;

use crate::input::parts;
use crate::project::{Files, MemoryRoot, assert_placed, demo_identities};

/// Pairs of secrets, of which templates make different things.
const SECRETS: [[&str; 2]; 8] = [
    ["", "s3cr3t"],
    ["0", "7"],
    ["true", "false"],
    ["plain", "alpha"],
    ["P1", "S2"],
    ["[1]", "a: {b: c}"],
    ["x y", "zz\nzz"],
    ["{{ data.P1 }}", "-----BEGIN PRIVATE KEY-----"],
];

const BASE: &str = r#"
vars:
  p: alpha
  n: 3
  which: P1
  map: { a: 1, s: "{{ data.S2 }}" }
  list: [x, "{{ data.S1 }}"]
  chain: "{{ vars.map.s }}"
  plain: "{{ vars.p }}"
bundles: { more: { data: { M: "{{ bundles.app.S1 }}", Q: q } } }
data:
  D1: "{{ data.S1 | upper }}"
  P1: plain
  P2: 8080
  P3: "{{ vars.p }}"
  MISSING: { description: never set }
"#;

static ROOT: LazyLock<MemoryRoot> = LazyLock::new(|| MemoryRoot::new("templates/app", &[""]));

/// Input: a byte that chooses the secrets, then templates.
pub(crate) fn check(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let templates = parts(data);
    // what it lifts is public by the user's word
    if data.len() > 8192 || templates.iter().any(|template| template.contains("declassify")) {
        return;
    }
    let (one, other) = (usize::from(choice & 7), usize::from(choice >> 3 & 7));
    let secrets = |which: usize| [SECRETS[one][which], SECRETS[other][which]];
    let (Some(first), Some(second)) = (survey(secrets(0), &templates), survey(secrets(1), &templates)) else { return };
    assert_eq!(first.entries.len(), second.entries.len());
    for (one, other) in first.entries.iter().zip(&second.entries) {
        assert_eq!((&one.name, one.side), (&other.name, other.side), "an entry changes sides with the secret");
        if let (Some(a), Some(b)) = (&one.value, &other.value)
            && a != b
        {
            assert_eq!(one.side, Sensitivity::Sensitive, "{} shows a secret", one.name);
        }
    }
    if let (Some(one), Some(other)) = (first.objects, second.objects) {
        assert_eq!(one, other, "what is public differs");
    }
}

/// What became of an entry.
struct Entry {
    name: String,
    side: Sensitivity,
    value: Option<Vec<u8>>,
}

struct Surveyed {
    entries: Vec<Entry>,
    /// The objects without the values of Secrets, if there are no errors.
    objects: Option<String>,
}

fn survey(secrets: [&str; 2], templates: &[String]) -> Option<Surveyed> {
    let quoted = |text: &str| Json::from(text).to_string();
    let mut base = BASE.to_owned();
    for (index, secret) in secrets.iter().enumerate() {
        let secret = quoted(secret);
        writeln!(base, "  S{}: {{ value: {secret}, sensitive: true, template: false }}", index + 1).expect("a text");
    }
    for (index, template) in templates.iter().take(4).enumerate() {
        writeln!(base, "  T{index}: {}", quoted(template)).expect("a text");
    }
    let content = templates.first().map_or_else(|| quoted(""), |template| quoted(template));
    writeln!(base, "  c.json: {{ content: {{ leaf: {content}, other: 1 }} }}").expect("a text");
    let included = templates.get(4).map_or("{% if env.name == 'prod' %}{{ data.P1 }}{% endif %}", String::as_str);
    let files: [(&str, &str); 5] = [
        ("base.yaml", &base),
        ("dev.yaml", ""),
        ("prod.yaml", "vars: { which: S1 }\ndata: { P1: other }\n"),
        ("m.j2", "{% macro p(x, y) %}{{ y.a }}{% endmacro %}"),
        ("i.j2", included),
    ];
    let files: Files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    let project = match ROOT.open(files) {
        Ok(project) => project,
        Err(problems) => panic!("no project: {problems:?}"),
    };
    let pipeline = Pipeline::new(&project, demo_identities());
    let app = &project.apps[0];
    let mut problems = Diagnostics::new();
    let survey = pipeline.survey(app, SurveyOptions::decrypting(&app.environments), &mut problems);
    let found = survey.map(|survey| {
        let of_all = survey.environments.iter().flat_map(|resolved| &resolved.entries);
        let entries = of_all.map(|(id, value)| Entry {
            name: format!("{}/{}", id.bundle, id.key),
            side: survey.routing.sensitivity(id),
            value: value.outcome.known().map(|known| known.bytes().to_vec()),
        });
        let entries = entries.collect();
        let mut objects = String::new();
        for environment in &app.environments {
            let built = pipeline.objects(&survey, environment, OnMissingKey::Fail, &mut problems);
            let built: Vec<_> = built.whole.into_iter().map(Delivered::plain).collect();
            objects += &write_objects(&built, ManifestFormat::Yaml, Reveal::Nothing).to_string();
        }
        Surveyed { entries, objects: (!problems.has_errors()).then_some(objects) }
    });
    assert_placed(&problems);
    found
}
