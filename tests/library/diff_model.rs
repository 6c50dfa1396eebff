//! The differences between two states, applied to the left one, give the right one; and no output has a secret.
//!
//! The projects are random; a model of a few lines says which value each key has in each environment.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use septum::diff::{
    self, Change, ChangeKind, ChangeSubject, DiffReport, DiffScope, DiffSide, MarkdownOptions, ProjectPair,
};
use septum::disk::{Disk, Snapshot, SnapshotEntry, SnapshotEntryKind};
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::sops::{Identities, IdentitySources};

/// How many pairs of projects are tried, unless `SEPTUM_DIFF_CASES` says.
const CASES: u64 = 300;

const ENVIRONMENTS: [&str; 3] = ["dev", "prod", "staging"];
const KEYS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// Texts that are plain, with what a format could trip over.
const TEXTS: [&str; 9] =
    ["x", "", "two\nlines\n", "``` `code` ```", "a | b", "</details>", "<!-- x -->", "+ plus\n- minus", "ü → 😀"];

/// State of one key: its value, and whether it is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ModelValue {
    text: String,
    is_secret: bool,
}

/// Values by environment and key.
type Model = BTreeMap<(String, String), ModelValue>;

/// A project as its layers.
#[derive(Debug, Clone, Default)]
struct Layers {
    secrets: BTreeSet<&'static str>,
    base: BTreeMap<&'static str, Option<String>>,
    own: BTreeMap<(&'static str, &'static str), String>,
    environments: BTreeSet<&'static str>,
}

fn text(random: &mut StdRng, is_secret: bool) -> String {
    if is_secret {
        return format!("canary-{}", random.gen_range(0..4_u8) + 10);
    }
    TEXTS.get(random.gen_range(0..TEXTS.len())).unwrap().to_string()
}

fn layers(random: &mut StdRng) -> Layers {
    let mut layers = Layers::default();
    for key in KEYS {
        let is_secret = random.gen_bool(0.3);
        if is_secret {
            layers.secrets.insert(key);
        }
        if random.gen_bool(0.8) {
            let value = random.gen_bool(0.7).then(|| text(random, is_secret));
            layers.base.insert(key, value);
        }
    }
    layers.environments = ENVIRONMENTS.into_iter().filter(|_| random.gen_bool(0.9)).collect();
    if layers.environments.is_empty() {
        layers.environments.insert("dev");
    }
    for environment in layers.environments.clone() {
        for key in layers.base.keys().copied().collect::<Vec<_>>() {
            if random.gen_bool(0.3) {
                let value = text(random, layers.secrets.contains(key));
                layers.own.insert((environment, key), value);
            }
        }
    }
    layers
}

/// Another state of the same project, which often differs little.
fn changed(layers: &Layers, random: &mut StdRng) -> Layers {
    let mut other = layers.clone();
    for _ in 0..random.gen_range(0..4_u8) {
        let fresh = self::layers(random);
        let key = *KEYS.get(random.gen_range(0..KEYS.len())).unwrap();
        match random.gen_range(0..4_u8) {
            0 => match fresh.base.get(key) {
                Some(value) => {
                    let value = value.as_ref().map(|_| text(random, other.secrets.contains(key)));
                    other.base.insert(key, value);
                }
                None => {
                    other.base.remove(key);
                    other.own.retain(|(_, of), _| *of != key);
                }
            },
            1 => {
                // a value that becomes a secret may stay the same
                if other.secrets.remove(key) {
                    other.base.entry(key).and_modify(|value| *value = value.as_ref().map(|_| text(random, false)));
                    let own = other.own.iter_mut().filter(|((_, of), _)| *of == key);
                    own.for_each(|(_, value)| *value = text(random, false));
                } else {
                    other.secrets.insert(key);
                }
            }
            2 => other.environments = fresh.environments,
            _ => {
                let environment = *ENVIRONMENTS.get(random.gen_range(0..ENVIRONMENTS.len())).unwrap();
                if other.base.contains_key(key) {
                    let value = text(random, other.secrets.contains(key));
                    other.own.insert((environment, key), value);
                }
            }
        }
    }
    let environments = other.environments.clone();
    other.own.retain(|(environment, key), _| environments.contains(environment) && layers_has(&other.base, key));
    other
}

fn layers_has(base: &BTreeMap<&'static str, Option<String>>, key: &str) -> bool {
    base.contains_key(key)
}

impl Layers {
    fn model(&self) -> Model {
        let mut model = Model::new();
        for environment in &self.environments {
            for (key, value) in &self.base {
                let own = self.own.get(&(*environment, *key)).or(value.as_ref());
                if let Some(text) = own {
                    let value = ModelValue { text: text.clone(), is_secret: self.secrets.contains(key) };
                    model.insert(((*environment).to_owned(), (*key).to_owned()), value);
                }
            }
        }
        model
    }

    fn files(&self) -> BTreeMap<PathBuf, String> {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let mut base = "app: app\ndata:\n".to_owned();
        for (key, value) in &self.base {
            let value = value.as_ref().map(|text| format!("value: {}, ", quoted(text))).unwrap_or_default();
            let is_secret = self.secrets.contains(key);
            writeln!(base, "  {key}: {{ {value}sensitive: {is_secret}, reason: model }}").unwrap();
        }
        if self.base.is_empty() {
            "app: app\n".clone_into(&mut base);
        }
        let mut files = BTreeMap::from([(PathBuf::from("base.yaml"), base)]);
        for environment in &self.environments {
            let own = self.own.iter().filter(|((of, _), _)| of == environment);
            let lines: Vec<_> = own.map(|((_, key), text)| format!("  {key}: {}\n", quoted(text))).collect();
            let layer = if lines.is_empty() { String::new() } else { format!("data:\n{}", lines.concat()) };
            files.insert(format!("{environment}.yaml").into(), layer);
        }
        files
    }

    /// The project, in memory.
    fn project(&self) -> Project {
        let root = PathBuf::from("/septum-diff-model");
        let files = self.files();
        let entry = |path: &PathBuf| {
            // equal content has an equal name
            let blob = files[path].clone();
            (path.clone(), SnapshotEntry { kind: SnapshotEntryKind::File, blob })
        };
        let entries = files.keys().map(entry).collect();
        let read = move |_: &str, path: &std::path::Path, _: u64| Ok(files[path].clone().into_bytes());
        let disk = Disk::with_snapshot(Snapshot::new(root.clone(), entries, read));
        let root = Project::locate(&disk, &root).expect("a project");
        Project::open(&disk, &root).expect("a sound project")
    }
}

fn identities() -> Identities {
    Identities::new(IdentitySources::default())
}

/// Applies differences to a model. A secret is not in them, so it is taken from the right side, where the difference
/// must be one.
fn apply(mut model: Model, changes: &[Change], right: &Model, secret_keys: &BTreeSet<&str>) -> Model {
    let known = model.values().chain(right.values()).filter(|value| value.is_secret);
    let secrets: BTreeSet<String> = known.map(|value| value.text.clone()).collect();
    // whatever a key ever held that may be a secret on one side
    let known = model.iter().chain(right).filter(|((_, key), _)| secret_keys.contains(key.as_str()));
    let former: BTreeSet<String> = known.map(|(_, value)| value.text.clone()).collect();
    for change in changes {
        let ChangeSubject::Entry { key, .. } = &change.subject else { continue };
        for environment in &change.environments {
            let id = (environment.clone(), key.clone());
            match change.kind {
                ChangeKind::Removed => {
                    assert!(model.remove(&id).is_some(), "{change:?} of nothing");
                }
                ChangeKind::Added | ChangeKind::Changed | ChangeKind::Moved => {
                    let is = right.get(&id).expect("a value");
                    let was = model.get(&id);
                    assert_eq!(change.kind == ChangeKind::Added, was.is_none(), "{change:?}");
                    assert_ne!(was, Some(is), "{change:?}");
                    let is_moved = was.is_some_and(|was| was.is_secret != is.is_secret);
                    assert_eq!(change.kind == ChangeKind::Moved, is_moved, "{change:?}");
                    if let Some(routing) = &change.routing {
                        assert_eq!(routing.is_same_value, was.map(|was| was.text == is.text), "{change:?}");
                    }
                    let shown = change.to.as_ref().and_then(|value| value.text());
                    let is_hidden = is.is_secret || was.is_some_and(|was| was.is_secret);
                    // a plain text that contains the secret of another key is not shown either
                    let has = |known: &BTreeSet<String>| {
                        known.iter().any(|secret| secret.len() >= 8 && is.text.contains(secret.as_str()))
                    };
                    match shown {
                        Some(shown) => {
                            assert_eq!(
                                (shown, is_hidden, has(&secrets)),
                                (is.text.as_str(), false, false),
                                "{change:?}"
                            );
                        }
                        None => assert!(is_hidden || has(&former), "{change:?}"),
                    }
                    model.insert(id, is.clone());
                }
                ChangeKind::Rules | ChangeKind::Source | ChangeKind::Renamed | ChangeKind::Invalid => {}
            }
        }
    }
    model
}

fn outputs(report: &DiffReport) -> Vec<String> {
    let options = MarkdownOptions { max_chars: 65_000, command: "septum diff" };
    vec![
        diff::to_text(report).render_text(false),
        diff::stat_text(report).render_text(false),
        diff::to_markdown(report, options),
        diff::to_github_diff(report),
        serde_json::to_string(&diff::to_json_rows(&report.changes)).unwrap(),
    ]
}

/// Blocks and fences are balanced, whatever is in them.
fn assert_balanced(markdown: &str, limit: usize) {
    assert!(markdown.chars().count() <= limit, "{} of {limit} characters", markdown.chars().count());
    let mut fence: Option<&str> = None;
    let (mut opened, mut closed) = (0, 0);
    for line in markdown.lines() {
        match fence {
            Some(known) if line == known => fence = None,
            Some(_) => {}
            None => {
                let run = line.len() - line.trim_start_matches('`').len();
                if run >= 3 {
                    assert_eq!(line.get(run..), Some("diff"), "{line}");
                    fence = line.get(..run);
                }
                opened += usize::from(line.starts_with("<details>"));
                closed += usize::from(line == "</details>");
                assert!(!line.contains("<!-- x -->") || line.contains('`'), "{line}");
            }
        }
    }
    assert_eq!((fence, opened), (None, closed), "{markdown}");
}

#[test]
fn applied_to_the_left_the_differences_give_the_right() {
    let cases = std::env::var("SEPTUM_DIFF_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let mut different = 0;
    for case in 0..cases {
        let mut random = StdRng::seed_from_u64(case);
        let old = layers(&mut random);
        let new = changed(&old, &mut random);
        let projects = [old.project(), new.project()];
        let [left, right] = projects.each_ref().map(|project| Pipeline::new(project, identities()));
        let pair = ProjectPair {
            left: DiffSide { label: "old", pipeline: Some(&left), upward: None },
            right: DiffSide { label: "new", pipeline: Some(&right), upward: None },
            changed: None,
        };
        let mut report =
            diff::compare_projects(&pair, DiffScope { environments: &[], apps: &[] }).expect("sound layers");
        let model = new.model();
        let secret_keys: BTreeSet<&str> = old.secrets.union(&new.secrets).copied().collect();
        assert_eq!(apply(old.model(), &report.changes, &model, &secret_keys), model, "case {case}: {old:?} {new:?}");
        diff::fold_changes(&mut report);
        assert_eq!(apply(old.model(), &report.changes, &model, &secret_keys), model, "case {case}, folded");
        different += usize::from(!report.changes.is_empty());
        for output in outputs(&report) {
            assert!(!output.contains("canary"), "case {case}: {output}");
        }
        let whole = diff::to_markdown(&report, MarkdownOptions { max_chars: usize::MAX, command: "septum diff" });
        assert_balanced(&whole, usize::MAX);
        for _ in 0..4 {
            let limit = random.gen_range(diff::SMALLEST..whole.chars().count().max(diff::SMALLEST) + 2);
            let command = "`septum` ".repeat(40);
            assert_balanced(
                &diff::to_markdown(&report, MarkdownOptions { max_chars: limit, command: &command }),
                limit,
            );
        }
    }
    assert!(different * 2 > usize::try_from(cases).unwrap(), "{different} of {cases} pairs differ");
}
