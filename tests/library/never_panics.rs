//! Whatever stands in the files of a project: no panic, no hang, and every finding has a place
//! within its file. In this process, since a new one for each case would be slow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use septum::diagnostic::{Diagnostic, Diagnostics, render_diagnostic};
use septum::emit::{self, ManifestFormat};
use septum::object::Reveal;
use septum::output_tree;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::report::{ReportContent, write_page};
use septum::sops::{Identities, IdentitySources, Timestamp};
use septum::view::explain::explain_key;
use septum::view::key_docs::{document_keys, write_env_example, write_html, write_markdown};
use septum::view::list::{ListedValues, list_rows};
use septum::view::variable::{VARIABLES, explain_variable, variable_rows};
use septum::visibility::OnMissingKey;

type Files = BTreeMap<String, Vec<u8>>;

/// Runs every stage and every view on a project, and gives what was found.
fn run(files: &Files) -> Vec<Diagnostic> {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let mut problems = Diagnostics::new();
    match Project::discover(directory.path()) {
        Ok(project) => all_stages(&project, &mut problems),
        Err(found) => problems.extend(found),
    }
    let found = problems.into_sorted();
    found.iter().for_each(assert_placed);
    found
}

fn all_stages(project: &Project, problems: &mut Diagnostics) {
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo-age-key.txt");
    let places = IdentitySources { age_key_file: Some(key), ..IdentitySources::default() };
    let pipeline = Pipeline::new(project, Identities::new(places)).on_day("2030-01-31".parse().ok());
    for app in &project.apps {
        let Some(survey) = pipeline.survey(app, SurveyOptions::decrypting(&app.environments), problems) else {
            continue;
        };
        list_rows(&survey, &app.environments, ListedValues::Included);
        for row in variable_rows(&survey, &app.environments, ListedValues::Included) {
            let path = row.key.strip_prefix(VARIABLES).expect("a variable");
            app.environments.iter().for_each(|environment| drop(explain_variable(&survey, path, environment)));
        }
        let docs = [document_keys(&survey)];
        let _ = (write_markdown(&docs), write_html(&docs), write_env_example(&docs));
        for environment in &app.environments {
            let objects = pipeline.objects(&survey, environment, OnMissingKey::Fail, problems);
            let now = Timestamp::from_system_time(SystemTime::UNIX_EPOCH);
            let objects = output_tree::deliver_objects(&pipeline, app, &survey, environment, objects, now, problems);
            for format in [ManifestFormat::Yaml, ManifestFormat::Json, ManifestFormat::Kyaml] {
                emit::write_objects(&objects, format, Reveal::Values);
            }
            let resolved = survey.environment(environment).expect("surveyed");
            let consumers = pipeline.consumers(&survey, resolved);
            for id in resolved.entries.keys() {
                explain_key(&survey, id, environment, consumers.consumers(id));
            }
        }
        let (surveys, environments) = ([survey], &app.environments);
        write_page(&ReportContent { surveys: &surveys, environments, findings: &[], unseen: &[], readers: &[] });
    }
}

/// A finding can be shown, and points into the file that it names.
fn assert_placed(finding: &Diagnostic) {
    assert!(!finding.message.is_empty());
    for label in &finding.labels {
        let (text, span) = (label.place.source.text(), label.place.span);
        assert!(span.start <= span.end && text.get(span.start..span.end).is_some(), "{finding:?}");
        let line = text[..span.start].matches('\n').count() + 1;
        assert_eq!(line, span.line, "{finding:?}");
    }
    assert!(render_diagnostic(finding, true).contains(&*septum::diagnostic::escape_line(&finding.message)));
}

/// Pieces of layers and templates, whole and broken.
const TOKENS: &[&str] = &[
    "data:",
    "vars:",
    "bundles:",
    "registries:",
    "annotations:",
    "type: kubernetes.io/tls",
    "type: kubernetes.io/dockercfg",
    "username",
    "extends:",
    "labels:",
    "allow:",
    "app:",
    "namespace:",
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "\t",
    " ",
    ": ",
    "A",
    "B",
    "KEY",
    "app.yaml",
    "x.env",
    "value",
    "file",
    "template",
    "content",
    "sensitive",
    "required",
    "type",
    "minimum",
    "enum",
    "pattern",
    "format",
    "integer",
    "true",
    "false",
    "null",
    "~",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "|",
    ">-",
    "|2",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!x ",
    "---",
    "# ",
    "ß",
    "\u{1f600}",
    "\u{feff}",
    "\r\n",
    "\u{85}",
    "\0",
    "\\",
    "\\u00e9",
    "0x1F",
    "1.10",
    "-1",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{# ",
    " #}",
    "data.A",
    "data.KEY",
    "vars.x",
    "bundles",
    "env.name",
    "data",
    "| urlencode",
    "| tojson",
    "| b64decode",
    "| int",
    "| round(99)",
    "for a in vars",
    "endfor",
    "if data.B",
    "else",
    "endif",
    "include 'x.j2'",
    "include 'base.yaml'",
    "macro m(a)",
    "endmacro",
    "m(1)",
    "declassify(",
    "'why')",
    "set a = data.KEY",
    "range(99999)",
    "'x' * 99999",
    "**",
    "//",
    "loop(",
    "recursive",
    "caller()",
    "import 'x.j2' as y",
    "extends 'x.j2'",
    "block b",
    "endblock",
    "dev",
    "base",
    "m/x",
    "list+:",
    "+list:",
    "sops:",
    "mac: ENC[",
    "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",
    "password",
    "-----BEGIN RSA PRIVATE KEY-----",
    "://u:p@h",
];

fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![8 => prop::sample::select(TOKENS).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// A layer that is right in its outline, so that random text reaches the later stages.
fn layer() -> impl Strategy<Value = String> {
    let value = prop::collection::vec(prop::sample::select(TOKENS), 0..12).prop_map(|tokens| tokens.concat());
    prop::collection::vec(
        (0..3_usize, prop::sample::select(&["A", "B", "KEY", "app.yaml", "x.env", "x.ini"][..]), value),
        0..6,
    )
    .prop_map(|entries| {
        let mut sections = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
        for (section, key, value) in entries {
            sections[section].insert(key, serde_json::to_string(&value).unwrap());
        }
        let [texts, contents, vars] = sections;
        let texts = texts.iter().map(|(key, value)| format!("  {key}: {value}\n"));
        let contents = contents.iter().map(|(key, value)| format!("  c-{key}: {{ content: {{ x: [{value}] }} }}\n"));
        let vars = vars.iter().map(|(key, value)| format!("  {key}: {value}\n"));
        let (data, vars) = (texts.chain(contents).collect::<String>(), vars.collect::<String>());
        let section = |name, text: String| if text.is_empty() { text } else { format!("{name}:\n{text}") };
        section("data", data) + &section("vars", vars)
    })
}

/// The files of the demo.
fn demo() -> Files {
    files_of("environments", Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The files of a directory of this repository, named from `root`.
fn files_of(directory: &str, root: &Path) -> Files {
    let mut files = Files::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A change to a file.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Insert(usize, &'static str),
    Double(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<usize>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Flip(at, byte)),
        at().prop_map(Mutation::Cut),
        (at(), 1..40_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (at(), prop::sample::select(TOKENS)).prop_map(|(at, token)| Mutation::Insert(at, token)),
        (at(), 1..200_usize).prop_map(|(at, length)| Mutation::Double(at, length)),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: usize| at % (bytes.len() + 1);
        let range = |at, length: usize| place(at)..(place(at) + length).min(bytes.len());
        match *self {
            Self::Flip(at, byte) => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            Self::Cut(at) => bytes.truncate(place(at)),
            Self::Remove(at, length) => drop(bytes.drain(range(at, length))),
            Self::Insert(at, token) => {
                let at = place(at);
                bytes.splice(at..at, token.bytes());
            }
            Self::Double(at, length) => {
                let range = range(at, length);
                let (end, copy) = (range.end, bytes[range].to_vec());
                bytes.splice(end..end, copy);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_files_are_read_or_refused(base in text(), dev in text(), mixin in text(), included in text()) {
        run(&Files::from([
            ("environments/base.yaml".to_owned(), base.into_bytes()),
            ("environments/dev.yaml".to_owned(), dev.into_bytes()),
            ("environments/m/x.yaml".to_owned(), mixin.into_bytes()),
            ("environments/x.j2".to_owned(), included.into_bytes()),
        ]));
    }

    #[test]
    fn random_templates_render_or_fail(base in layer(), dev in layer(), included in text()) {
        run(&Files::from([
            ("environments/base.yaml".to_owned(), base.into_bytes()),
            ("environments/dev.yaml".to_owned(), dev.into_bytes()),
            ("environments/x.j2".to_owned(), included.into_bytes()),
        ]));
    }

    #[test]
    fn random_project_files_are_read_or_refused(settings in text()) {
        run(&Files::from([
            ("septum.yaml".to_owned(), settings.into_bytes()),
            ("A/base.yaml".to_owned(), Vec::new()),
        ]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_demo_is_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), mutation()), 1..6)) {
        let mut files = demo();
        for (file, change) in &changes {
            let index = file.index(files.len());
            change.apply(files.values_mut().nth(index).unwrap());
        }
        run(&files);
    }
}

/// A certificate and its key in DER, the throwaway ones of the tests.
fn tls() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let bytes = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tls").join(name);
        let text = fs::read_to_string(path).unwrap();
        let packed: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(packed).unwrap()
    };
    let pairs = [
        ("rsa.crt", "rsa.key"),
        ("rsa.crt", "rsa.pkcs1.key"),
        ("p256.crt", "p256.key"),
        ("p256.crt", "p256.bare.key"),
        ("p384.crt", "p384.sec1.key"),
        ("ed25519.crt", "ed25519.key"),
        ("ed448.crt", "ed448.key"),
    ];
    prop::sample::select(pairs.to_vec()).prop_map(move |(certificate, key)| (bytes(certificate), bytes(key)))
}

fn pem(label: &str, bytes: &[u8]) -> Vec<u8> {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes)).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_typed_secrets_are_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), mutation()), 1..6)) {
        let mut files = files_of("examples/typed-secrets", &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/typed-secrets"));
        for (file, change) in &changes {
            let index = file.index(files.len());
            change.apply(files.values_mut().nth(index).unwrap());
        }
        run(&files);
    }

    #[test]
    fn damaged_certificates_and_keys_are_read_or_refused(
        (mut certificate, mut key) in tls(),
        of_certificate in prop::collection::vec(mutation(), 0..3),
        of_key in prop::collection::vec(mutation(), 0..3),
    ) {
        for change in of_certificate {
            change.apply(&mut certificate);
        }
        for change in of_key {
            change.apply(&mut key);
        }
        let text = "bundles:\n  b:\n    type: kubernetes.io/tls\n    data: { tls.crt: { file: crt }, tls.key: { file: key } }\n";
        let mut files = base(text.to_owned());
        files.insert("environments/crt".to_owned(), pem("CERTIFICATE", &certificate));
        files.insert("environments/key".to_owned(), pem("PRIVATE KEY", &key));
        run(&files);
    }
}

/// A base and an empty `dev`.
fn base(text: String) -> Files {
    Files::from([
        ("environments/base.yaml".to_owned(), text.into_bytes()),
        ("environments/dev.yaml".to_owned(), Vec::new()),
    ])
}

/// Runs on a thread with the stack that `main` has: 8 MiB, of which a build without optimisation
/// takes several times what a release takes.
fn on_stack_of_main(files: Files) -> Vec<String> {
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    let found = thread.spawn(move || run(&files)).unwrap().join().expect("the stack is enough");
    found.into_iter().map(|finding| finding.message).collect()
}

/// The work that a run counts: bytes that were looked at, each time that they were. All of it is done by one
/// thread.
fn work_of(files: &Files) -> usize {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(32 << 20).build().unwrap();
    one.install(|| {
        let before = septum::test_hook::counted_work();
        run(files);
        septum::test_hook::counted_work() - before
    })
}

#[test]
fn long_chains_fit_the_stack_or_are_refused() {
    let chain = |length: usize, link: &dyn Fn(usize) -> String| {
        let links = (0..length).map(|index| format!("  K{index:04}: {}\n", link(index + 1)));
        base(format!("data:\n{}  K{length:04}: end\n", links.collect::<String>()))
    };
    let plain = |next: usize| format!("\"{{{{ data.K{next:04} }}}}\"");
    let in_macro = |next: usize| {
        format!(
            "\"{{% macro m() %}}{{% for x in [1] %}}{{{{ data.K{next:04} | upper }}}}{{% endfor %}}{{% endmacro %}}{{{{ m() }}}}\""
        )
    };
    let in_content =
        |next: usize| format!("{{ content: {{ x: [\"{{{{ data.K{next:04} | length }}}}\"] }}, format: json }}");
    for (name, link) in [("plain", &plain as &dyn Fn(usize) -> String), ("macro", &in_macro), ("content", &in_content)]
    {
        assert_eq!(on_stack_of_main(chain(63, link)), Vec::<String>::new(), "{name}");
        let found = on_stack_of_main(chain(2000, link));
        assert_eq!(found, ["the chain of references between templates is too long"], "{name}");
    }
}

#[test]
fn deep_nesting_fits_the_stack_or_is_refused() {
    for (name, text, expected) in [
        ("lists", format!("vars: {{ x: {}{} }}\n", "[".repeat(5000), "]".repeat(5000)), "more than 64 levels"),
        ("blocks", (0..900).map(|depth| format!("{}x:\n", " ".repeat(depth))).collect(), "more than 64 levels"),
        ("dashes", format!("vars:\n  {}x\n", "- ".repeat(5000)), "more than 64 levels"),
        (
            "brackets of a template",
            format!("data:\n  A: \"{{{{ {}1{} }}}}\"\n", "(".repeat(5000), ")".repeat(5000)),
            "the template",
        ),
        (
            "operators behind brackets",
            format!("data:\n  A: '{{{{ {{\"a\":{{\"b\":1}}}} and (1{}) }}}}'\n", "~1".repeat(60_000)),
            "the template",
        ),
        ("negations", format!("data:\n  A: \"{{{{ {}1 }}}}\"\n", "- ".repeat(60_000)), "the template"),
        ("alternatives", format!("data:\n  A: \"{{{{ 1{} }}}}\"\n", " if 1 else 1".repeat(5000)), "the template"),
        ("targets", format!("data:\n  A: \"{{% for {}a{} in b %}}\"\n", "(".repeat(5000), ")".repeat(5000)), "the template"),
        (
            "variables within themselves",
            format!("data:\n  A: \"{{% set x = 1 %}}{}{{{{ x | length }}}}\"\n", "{% set x = [x] %}".repeat(20_000)),
            "the template",
        ),
        (
            "a namespace within itself",
            "data:\n  A: \"{% set a = namespace() %}{% set b = namespace() %}{% set a.x = b %}{% set b.x = a %}{{ a == b }}\"\n".to_owned(),
            "cannot contain a namespace",
        ),
        (
            "a namespace that grows",
            "data:\n  A: \"{% set a = namespace(x=1) %}{% for i in range(90000) %}{% set a.x = [a.x] %}{% endfor %}{{ a.x | tojson }}\"\n".to_owned(),
            "more than 64 levels deep",
        ),
        ("operators", format!("data:\n  A: \"{{{{ {}1 }}}}\"\n", "not ".repeat(5000)), "the template"),
        ("sums", format!("data:\n  A: \"{{{{ 1{} }}}}\"\n", " ~ 1".repeat(5000)), "the template"),
        ("sum that fits", format!("data:\n  A: \"{{{{ 1{} }}}}\"\n", " ~ 1".repeat(499)), ""),
        ("filters", format!("data:\n  A: \"{{{{ 'x'{} }}}}\"\n", " | upper".repeat(5000)), "the template"),
        ("attributes", format!("data:\n  A: \"{{{{ 1{} }}}}\"\n", ".a".repeat(5000)), "the template"),
        (
            "conditions",
            format!("data:\n  A: \"{{% if 1 %}}{}{{% endif %}}\"\n", "{% elif 1 %}".repeat(5000)),
            "the template",
        ),
        (
            "statements",
            format!("data:\n  A: \"{}{}\"\n", "{% if 1 %}".repeat(2000), "{% endif %}".repeat(2000)),
            "the template",
        ),
        ("include of itself", "data:\n  A: \"{% include 'base.yaml' %}\"\n".to_owned(), "the template"),
        (
            "macro of itself",
            "data:\n  A: \"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\"\n".to_owned(),
            "the template",
        ),
        (
            "loop of itself",
            "data:\n  A: \"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}\"\n".to_owned(),
            "the template",
        ),
    ] {
        let found = on_stack_of_main(base(text));
        let fits =
            if expected.is_empty() { found.is_empty() } else { found.iter().any(|found| found.contains(expected)) };
        assert!(fits, "{name}: {found:?}");
    }
}

#[test]
fn what_grows_without_bound_is_stopped() {
    let bomb = |level: usize| format!("  l{level}: &l{level} [{}]\n", vec![format!("*l{}", level - 1); 10].join(","));
    let bomb = format!("vars:\n  l0: &l0 [x, x]\n{}", (1..12).map(bomb).collect::<String>());
    let doubling = format!("{{% set a = 'x' %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(60));
    for (name, text) in [
        ("aliases", bomb),
        (
            "loops",
            "data:\n  A: \"{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}\"\n"
                .to_owned(),
        ),
        ("long loop", "data:\n  A: \"{{ range(99999999999) | list | length }}\"\n".to_owned()),
        ("repeated text", "data:\n  A: \"{{ 'x' * 9999999999 }}\"\n".to_owned()),
        ("doubled text", format!("data:\n  A: \"{doubling}\"\n")),
        (
            "doubled entries",
            (0..60)
                .map(|i| format!("  K{i}: \"{{{{ data.K{} }}}}{{{{ data.K{} }}}}\"\n", i + 1, i + 1))
                .fold("data:\n".to_owned(), |a, b| a + &b)
                + "  K60: xx\n",
        ),
        (
            "escapes of escapes",
            (0..60)
                .map(|i| format!("  K{i}: {{ content: [\"{{{{ data.K{} }}}}\"], format: json }}\n", i + 1))
                .fold("data:\n".to_owned(), |a, b| a + &b)
                + "  K60: xx\n",
        ),
        ("width", "data:\n  A: \"{{ 'x' | indent(9999999999) }}\"\n".to_owned()),
        ("format", "data:\n  A: \"{{ '%9999999999d' | format(1) }}\"\n".to_owned()),
        ("power", "data:\n  A: \"{{ 9 ** 99999999 }}\"\n".to_owned()),
    ] {
        // what nothing stops would not end
        let found = on_stack_of_main(base(text));
        assert!(!found.is_empty(), "{name}: nothing stopped it");
    }
}

#[test]
fn a_line_of_one_mebibyte_costs_no_more_than_many() {
    let size = 1024 * 1024 - 100;
    for (name, text) in [
        ("text", format!("data:\n  A: {}\n", "x".repeat(size))),
        ("quoted", format!("data:\n  A: \"{}\"\n", "\\n".repeat(size / 2))),
        ("list", format!("vars: {{ x: [{}] }}\n", "a,".repeat(size / 2))),
        ("keys", format!("data: {{ {} }}\n", (0..40_000).map(|index| format!("K{index}: v, ")).collect::<String>())),
        (
            "unknown fields",
            format!("data: {{ A: {{ {} }} }}\n", (0..20_000).map(|index| format!("k{index}: v, ")).collect::<String>()),
        ),
        ("template", format!("data:\n  A: \"{}\"\n", "{{ 1 }}".repeat(20_000))),
        ("undefined", format!("data:\n  A: \"{}{{{{ vars.x }}}}\"\n", "x".repeat(size))),
        ("duplicates", format!("data: {{ {} }}\n", "A: 1, ".repeat(20_000))),
    ] {
        let work = work_of(&base(text));
        // what looks back to the start of its line for each of many things is thousands of times as much
        assert!(work <= 200 * size, "{name}: {work}");
    }
}

/// Environments are found by their names, not by looking at each for each.
#[test]
fn work_grows_with_the_number_of_environments() {
    let work = |count: usize| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("base.yaml"), "data: { A: a, B: '{{ data.A }}' }\nvars: { v: 1 }\n").unwrap();
        for index in 0..count {
            let path = directory.path().join(format!("e{index:04}.yaml"));
            fs::write(path, format!("data: {{ A: '{index:04}' }}\n")).unwrap();
        }
        let project = Project::discover(directory.path()).unwrap();
        let (app, before) = (&project.apps[0], septum::test_hook::counted_work());
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        let mut problems = Diagnostics::new();
        let survey = pipeline.survey(app, SurveyOptions::decrypting(&app.environments), &mut problems).unwrap();
        assert!(app.environments.iter().all(|environment| survey.environment(environment).is_some()));
        assert_eq!(survey.readable_among(&app.environments).count(), count);
        list_rows(&survey, &app.environments, ListedValues::Included);
        septum::test_hook::counted_work() - before
    };
    let (few, many) = (work(100), work(400));
    assert!(many < few * 5, "{few} for 100, {many} for 400");
}

/// An app with other objects, which refer to it in every way.
const WITH_OBJECTS: &str = r#"app: app
namespace: shop
names: kustomize
labels: { team: a }
vars: { x: 1 }
data: { A: a, S: { value: b, sensitive: true } }
bundles:
  other: { data: { KEY: { value: c, sensitive: true } }, rbac: { serviceAccount: web } }
  pull: { registries: { ghcr.io: { username: robot, password: p } } }
external: [{ kind: Secret, name: theirs }]
manifests: ["w/*"]
"#;

const OBJECTS: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: web, annotations: { septum.dev/reload: "true" } }
spec:
  replicas: "{{ vars.x }}"
  selector: { matchLabels: { app: web } }
  template:
    metadata: { annotations: { septum.dev/env-from: "app, other", septum.dev/mount: "other:/etc/other", septum.dev/image-pull-secrets: pull } }
    spec:
      volumes: [{ name: a, projected: { sources: [{ secret: { name: app, items: [{ key: S, path: s }] } }] } }]
      initContainers: [{ name: i, env: [{ name: A, valueFrom: { configMapKeyRef: { name: app, key: A, optional: true } } }] }]
      containers:
      - name: web
        envFrom: [{ secretRef: { name: theirs } }]
---
apiVersion: v1
kind: List
items:
- { apiVersion: v1, kind: Secret, metadata: { name: more }, stringData: { x: "{{ data.S }}" } }
- { apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: { name: r }, rules: [{ apiGroups: [""], resources: [secrets, configmaps], resourceNames: [app], verbs: [get] }] }
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: c, namespace: other }
spec: { secretName: made, keystores: { jks: { passwordSecretRef: { name: app, key: S } } } }
"#;

const OBJECT_TEMPLATE: &str = "{% for x in [1, 2] %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: m{{ x }} }\ndata: { a: {{ data.A }} }\n{% endfor %}\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_objects_are_read_or_refused(changes in prop::collection::vec((0..3_usize, mutation()), 0..6)) {
        let mut texts = [WITH_OBJECTS, OBJECTS, OBJECT_TEMPLATE].map(|text| text.as_bytes().to_vec());
        for (file, change) in &changes {
            change.apply(&mut texts[*file]);
        }
        let names = ["base.yaml", "w/all.yaml", "w/some.yaml.j2"].map(|name| format!("environments/{name}"));
        let mut files: Files = names.into_iter().zip(texts).collect();
        files.insert("environments/dev.yaml".to_owned(), Vec::new());
        let found = run(&files);
        // a project in which nothing was looked at would prove nothing
        prop_assert!(!changes.is_empty() || found.is_empty(), "{found:?}");
    }

    #[test]
    fn random_objects_are_read_or_refused(object in text(), template in text()) {
        run(&Files::from([
            ("environments/base.yaml".to_owned(), WITH_OBJECTS.as_bytes().to_vec()),
            ("environments/dev.yaml".to_owned(), Vec::new()),
            ("environments/w/a.yaml".to_owned(), format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: a }}\nspec:\n  {object}").into_bytes()),
            ("environments/w/b.yaml.j2".to_owned(), template.into_bytes()),
        ]));
    }
}
