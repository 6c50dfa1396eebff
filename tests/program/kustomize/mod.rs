//! What kustomize builds, Septum builds: whole kustomizations, and what kustomize printed for them.
//!
//! Each case of the vectors (kustomize v5.5.0) that consists of generators, their options and other
//! objects becomes a project, and the objects that are rendered from it have to be those of
//! kustomize: the same names, values, types, labels and references. Neither `immutable` nor labels nor
//! annotations are part of the hash in a name, so those that Septum adds change no name.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod compare;
mod convert;
mod kustomization;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::objects::{Objects, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::kustomize::compare::{differences, known};
use crate::kustomize::kustomization::Layer;

/// Files, what was built of them and what came out.
struct Case {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
    target: String,
    built: bool,
    stdout: String,
    error: String,
}

fn cases() -> Vec<Case> {
    let bytes = |file: &Json| match file["b64"].as_str() {
        Some(encoded) => STANDARD.decode(encoded).unwrap(),
        None => text(file).as_bytes().to_vec(),
    };
    let lines = include_str!("../../vectors/kustomize/cases.jsonl").lines();
    lines
        .map(|line| {
            let case: Json = serde_json::from_str(line).unwrap();
            let files = case["files"].as_object().unwrap().iter();
            Case {
                name: text(&case["name"]).to_owned(),
                files: files.map(|(path, file)| (path.clone(), bytes(file))).collect(),
                target: text(&case["target"]).to_owned(),
                built: case["exit"] == 0,
                stdout: text(&case["stdout"]).to_owned(),
                error: text(&case["error"]).to_owned(),
            }
        })
        .collect()
}

/// Why the objects of a case are not compared.
enum Unlike {
    /// The kustomization says something that a project has no word for.
    Field(&'static str),
    /// Septum refuses it, with the message that is recorded.
    Refused,
    /// Septum renders something else, for this reason: these values at these places.
    Other(&'static str, &'static [(&'static str, &'static str)]),
}

const UNLIKE: &[(&str, Unlike)] = &[
    ("origin", Unlike::Field("buildMetadata")),
    ("patch to add string with int key data", Unlike::Field("patches")),
    ("patch delete generated", Unlike::Field("patches")),
    // what the API server refuses is refused here
    ("env export", Unlike::Refused),
    ("literal bad key2", Unlike::Refused),
    ("literal key 300", Unlike::Refused),
    ("bad name", Unlike::Refused),
    ("tls missing key", Unlike::Refused),
    // what would differ between environments, or have two definitions
    ("replace secret other type", Unlike::Refused),
    ("merge over plain resource", Unlike::Refused),
    ("empty cm", Unlike::Other("an object without entries is not written", &[])),
    ("empty secret", Unlike::Other("an object without entries is not written", &[])),
    (
        "merge text->binary",
        Unlike::Other(
            "a new value replaces the old one; a key in both maps is refused by the API server",
            &[("binaryData.A", "/w=="), ("data.B", "2")],
        ),
    ),
];

/// How many cases kustomize builds, how many of them are compared, and how many it refuses.
const COUNTS: (usize, usize, usize) = (28, 15, 20);

#[test]
fn what_kustomize_builds_septum_builds() {
    let cases = cases();
    let built: Vec<_> = cases.iter().filter(|case| case.built).collect();
    let unlike: BTreeMap<_, _> = UNLIKE.iter().map(|(name, unlike)| (*name, unlike)).collect();
    let mut compared = 0;
    for case in &built {
        match unlike.get(case.name.as_str()) {
            Some(unlike) => check_unlike(case, unlike),
            None => {
                check_same(case);
                compared += 1;
            }
        }
    }
    let names: BTreeSet<_> = built.iter().map(|case| case.name.as_str()).collect();
    assert!(unlike.keys().all(|name| names.contains(name)), "a case that is told to be unlike is not there");
    assert_eq!((built.len(), compared, cases.len() - built.len()), COUNTS);
}

/// The objects that kustomize printed, and those that are rendered from the same input.
fn both(case: &Case) -> (Objects, Objects) {
    let layers = Layer::read(&case.files, &case.target).unwrap_or_else(|why| panic!("{}: {why}", case.name));
    let run = convert::project(&layers).run(&["render", "dev"]);
    assert_eq!(run.code, 0, "{}: {}", case.name, run.stderr);
    (Objects::read(&case.stdout), Objects::read(&run.stdout))
}

fn check_same(case: &Case) {
    let (expected, found) = both(case);
    let rows = known(&case.name);
    let mut seen = BTreeSet::new();
    for difference in differences(&expected, &found) {
        let row = rows.iter().find(|(place, sort, _)| difference.is(place, sort));
        seen.insert(row.unwrap_or_else(|| panic!("{}: {difference:?}", case.name)).0);
    }
    for (place, _, reason) in rows {
        assert!(seen.contains(place), "{}: `{place}` is the same now, and was not: {reason}", case.name);
    }
}

fn check_unlike(case: &Case, unlike: &Unlike) {
    let name = &case.name;
    match unlike {
        Unlike::Field(field) => {
            let why = Layer::read(&case.files, &case.target).err();
            assert_eq!(why, Some(format!("`{field}` is not converted")), "{name}");
        }
        Unlike::Refused => {
            let layers = Layer::read(&case.files, &case.target).unwrap_or_else(|why| panic!("{name}: {why}"));
            convert::project(&layers).run(&["render", "dev"]).refused();
        }
        Unlike::Other(reason, values) => {
            let (_, found) = both(case);
            let found: Vec<_> = found.0.iter().flat_map(compare::values).collect();
            let values: Vec<_> = values.iter().map(|(at, value)| ((*at).to_owned(), (*value).to_owned())).collect();
            assert_eq!(found, values, "{name}: {reason}");
        }
    }
}

/// What kustomize makes a name for and then cannot print: its YAML takes the keys for a number, a date,
/// nothing. Septum renders it under that name.
const UNPRINTABLE: &[(&str, Option<&str>)] = &[
    ("key 1", None),
    ("key date", None),
    ("secret key 1", None),
    ("key null", Some("kustomize loses the entry before it makes the hash, which is the one of an empty map")),
];

#[test]
fn what_kustomize_names_and_cannot_print_is_rendered_under_that_name() {
    let cases = cases();
    let of_error = |case: &Case| {
        let (_, rest) = case.error.split_once("\"metadata\":map[string]interface {}{\"name\":\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    assert_eq!(cases.iter().filter(|case| of_error(case).is_some()).count(), UNPRINTABLE.len());
    for (name, unlike) in UNPRINTABLE {
        let case = cases.iter().find(|case| case.name == *name).unwrap();
        let layers = Layer::read(&case.files, &case.target).unwrap();
        let found = convert::project(&layers).run(&["render", "dev"]).objects();
        let is_same = found.0[0]["metadata"]["name"] == of_error(case).unwrap();
        assert_eq!(is_same, unlike.is_none(), "{name}: {found:?} {unlike:?}");
    }
}
