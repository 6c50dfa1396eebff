//! Layers with other objects, through every stage.

use std::sync::LazyLock;

use septum::deliver::Delivered;
use septum::diagnostic::Diagnostics;
use septum::emit::{ManifestFormat, write_objects};
use septum::object::Reveal;
use septum::output_tree::deliver_objects;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::sops::Timestamp;
use septum::span::Source;
use septum::view::explain::explain_key;
use septum::view::list::{ListedValues, list_rows};
use septum::visibility::OnMissingKey;
use septum::yaml::kubectl::{JsonScalar, json_scalar};
use septum::yaml::node::{YamlKind, YamlNode, YamlStyle};
use septum::yaml::read::{MergeKeys, read_stream};
use serde_json::Value as Json;

use crate::input::first_parts;
use crate::project::{Files, MemoryRoot, assert_placed, demo_identities};

static ROOT: LazyLock<MemoryRoot> = LazyLock::new(|| MemoryRoot::new("manifests", &["environments/w"]));

/// Input: a base, a layer, manifests, and a template of manifests.
pub(crate) fn check(data: &[u8]) {
    let [base, dev, manifests, template] = first_parts::<4>(data);
    let files = [
        ("environments/base.yaml", base),
        ("environments/dev.yaml", dev),
        ("environments/w/all.yaml", manifests),
        ("environments/w/some.yaml.j2", template),
    ];
    let files: Files = files.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect();
    let mut problems = Diagnostics::new();
    match ROOT.open(files) {
        Ok(project) => run_stages(&project, &mut problems),
        Err(found) => problems.extend(found),
    }
    assert_placed(&problems);
}

fn run_stages(project: &Project, problems: &mut Diagnostics) {
    let pipeline = Pipeline::new(project, demo_identities()).on_day("2030-01-31".parse().ok());
    let now = Timestamp::parse_rfc3339("2030-01-31T00:00:00Z").expect("a time");
    for app in &project.apps {
        let Some(survey) = pipeline.survey(app, SurveyOptions::decrypting(&app.environments), problems) else {
            continue;
        };
        list_rows(&survey, &app.environments, ListedValues::Included);
        for environment in &app.environments {
            let objects = pipeline.objects(&survey, environment, OnMissingKey::Fail, problems);
            let objects = deliver_objects(&pipeline, app, &survey, environment, objects, now, problems);
            check_formats(&objects);
            let resolved = survey.environment(environment).expect("surveyed");
            let consumers = pipeline.consumers(&survey, resolved);
            for id in resolved.entries.keys() {
                explain_key(&survey, id, environment, consumers.consumers(id));
            }
        }
    }
}

/// Holds that the formats hold the same objects, as kubectl reads them, and that another reader sees the same texts.
fn check_formats(objects: &[Delivered]) {
    let written = |format| write_objects(objects, format, Reveal::Values).to_string();
    let [yaml, json, kyaml] = [ManifestFormat::Yaml, ManifestFormat::Json, ManifestFormat::Kyaml].map(written);
    if objects.is_empty() {
        return;
    }
    let list: Json = serde_json::from_str(&json).expect("JSON");
    let list = list["items"].as_array().cloned().unwrap_or_default();
    let list: Vec<Json> = list.into_iter().map(normal).collect();
    for (name, text) in [("YAML", yaml), ("KYAML", kyaml)] {
        let stream = read_stream(&Source::new(name, text.as_str()), MergeKeys::Keep);
        let stream = stream.unwrap_or_else(|problems| panic!("{name}: {problems:?}\n{text}"));
        let documents: Vec<Json> = stream.documents.iter().map(as_kubectl_reads).filter(|it| !it.is_null()).collect();
        assert_eq!(documents, list, "{name} and JSON differ\n{text}\n{json}");
        let others: Result<Vec<Json>, _> =
            serde_yaml::Deserializer::from_str(&text).map(<Json as serde::Deserialize>::deserialize).collect();
        match others {
            Ok(others) => {
                let others: Vec<Json> = others.into_iter().filter(|document| !document.is_null()).collect();
                let is_same = others.len() == documents.len();
                assert!(
                    is_same && others.iter().zip(&stream.documents).all(|(other, node)| agrees(other, node)),
                    "{text}"
                );
            }
            // an integer of more than 64 bits, which the other reader cannot hold
            Err(error) if error.to_string().contains("number out of range") => {}
            Err(error) => panic!("{name}: {error}\n{text}"),
        }
    }
}

/// The value of a node for kubectl, to which a plain `n` is false and `0400` is 256.
fn as_kubectl_reads(node: &YamlNode) -> Json {
    match &node.kind {
        YamlKind::Scalar(scalar) if scalar.style != YamlStyle::Plain => Json::from(scalar.text()),
        YamlKind::Scalar(scalar) => match json_scalar(scalar.text()) {
            JsonScalar::Null => Json::Null,
            JsonScalar::Bool(truth) => Json::from(truth),
            JsonScalar::Number(number) => Json::from(number.parse::<f64>().ok()),
            JsonScalar::Text(text) => Json::from(text),
        },
        YamlKind::List(items) => items.iter().map(as_kubectl_reads).collect(),
        YamlKind::Map(map) => map
            .iter()
            .map(|(key, value)| (key.text.clone(), as_kubectl_reads(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// Whether another reader sees the same structure and texts. Readers differ in the types of plain scalars.
fn agrees(other: &Json, node: &YamlNode) -> bool {
    match (&node.kind, other) {
        (YamlKind::Scalar(scalar), Json::String(text)) => scalar.text() == text,
        (YamlKind::Scalar(scalar), Json::Null | Json::Bool(_) | Json::Number(_)) => scalar.style == YamlStyle::Plain,
        (YamlKind::List(items), Json::Array(others)) => {
            items.len() == others.len() && others.iter().zip(items).all(|(other, item)| agrees(other, item))
        }
        (YamlKind::Map(map), Json::Object(others)) => {
            map.len() == others.len()
                && map.iter().all(|(key, value)| others.get(&key.text).is_some_and(|other| agrees(other, value)))
        }
        _ => false,
    }
}

/// A value with all numbers alike.
fn normal(value: Json) -> Json {
    match value {
        Json::Number(number) => Json::from(number.as_f64()),
        Json::Array(items) => items.into_iter().map(normal).collect(),
        Json::Object(map) => {
            map.into_iter().map(|(key, value)| (key, normal(value))).collect::<serde_json::Map<_, _>>().into()
        }
        other => other,
    }
}
