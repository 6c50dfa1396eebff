//! Builds of this library and of kustomize, of the same objects, patches, images and replica counts.

use std::fs;
use std::path::Path;
use std::process::Command;

use septum::layer::{PatchSelector, Tree, TreeKind};
use septum::manifest::patch::{
    ImageOverride, PatchDocument, PatchObject, PatchOptions, PatchSettings, PatchedObjects, ReplicaOverride,
    ResolvedPatch, UnappliedDirectives, override_images, override_replicas,
};
use septum::span::{Located, Location, Source};
use septum::yaml::kubectl::{JsonScalar, json_scalar};
use septum::yaml::node::{Scalar, YamlStyle};
use septum::yaml::read::{MergeKeys, read_stream};
use serde_json::{Value, json};

/// Result of a build: the objects, or the reason why there are none.
pub(super) type BuildResult = Result<Vec<Value>, String>;

/// Parses the documents of a text.
pub(super) fn parse(name: &str, text: &str) -> Vec<Tree> {
    let source = Source::new(name, text);
    let stream = read_stream(&source, MergeKeys::Apply).expect("valid YAML");
    stream.documents.into_iter().map(|document| Tree::from_node(document, &source)).collect()
}

/// Builds objects with the `patches`, `images` and `replicas` of a kustomization.
pub(super) fn build(objects: &[Value], kustomization: &Value) -> BuildResult {
    let of = |object: &Value| parse("objects.yaml", &object.to_string()).into_iter();
    let objects: Vec<_> = objects.iter().flat_map(of).map(|tree| PatchObject::new(tree, Vec::new())).collect();
    let list = |field: &str| kustomization[field].as_array().cloned().unwrap_or_default();
    let patches: Vec<_> = list("patches").iter().map(resolve_patch).collect();
    let settings = PatchSettings { unapplied: UnappliedDirectives::Keep, is_complete: &|_| true };
    let mut patched = PatchedObjects::new(objects);
    let mut problems: Vec<_> = patches.iter().flat_map(|patch| patched.apply(patch, settings).problems).collect();
    let mut objects = patched.into_objects();
    let replicas: Vec<_> = list("replicas")
        .iter()
        .map(|replica| ReplicaOverride {
            name: text(&replica["name"]).unwrap(),
            count: u32::try_from(replica["count"].as_u64().unwrap()).unwrap(),
            place: Location::synthetic(),
        })
        .collect();
    // kustomize refuses a count that matches nothing
    problems.extend(override_replicas(&mut objects, &replicas, true));
    let images: Vec<_> = list("images")
        .iter()
        .map(|image| ImageOverride {
            name: text(&image["name"]).unwrap(),
            new_name: text(&image["newName"]),
            new_tag: text(&image["newTag"]),
            digest: text(&image["digest"]),
            place: Location::synthetic(),
        })
        .collect();
    override_images(&mut objects, &images, true);
    match problems.first() {
        Some(problem) => Err(format!("{}: {}", problem.rule, problem.message)),
        None => Ok(objects.iter().map(|object| to_json(&object.tree)).collect()),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn resolve_patch(patch: &Value) -> ResolvedPatch {
    let located = |field: &Value| text(field).map(|value| Located { value, place: Location::synthetic() });
    let target = patch["target"].is_object().then(|| {
        let field = |name: &str| located(&patch["target"][name]);
        PatchSelector {
            group: field("group"),
            version: field("version"),
            kind: field("kind"),
            name: field("name"),
            namespace: field("namespace"),
            label_selector: field("labelSelector"),
            annotation_selector: field("annotationSelector"),
            place: Location::synthetic(),
        }
    });
    let option = |name: &str| patch["options"][name].as_bool().unwrap_or(false);
    ResolvedPatch {
        target,
        documents: parse("patch.yaml", patch["patch"].as_str().unwrap())
            .into_iter()
            .map(|tree| PatchDocument { tree, parts: Vec::new() })
            .collect(),
        options: PatchOptions {
            allow_name_change: option("allowNameChange"),
            allow_kind_change: option("allowKindChange"),
        },
        place: Location::synthetic(),
    }
}

/// JSON of a tree, as kubectl reads it.
pub(super) fn to_json(tree: &Tree) -> Value {
    match &tree.kind {
        TreeKind::Leaf(scalar) => scalar_to_json(scalar),
        TreeKind::List(items) => items.iter().map(to_json).collect(),
        TreeKind::Map(map) => {
            map.iter().map(|(key, value)| (key.clone(), to_json(value))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

fn scalar_to_json(scalar: &Scalar) -> Value {
    if scalar.style != YamlStyle::Plain {
        return json!(scalar.text());
    }
    match json_scalar(scalar.text()) {
        JsonScalar::Null => Value::Null,
        JsonScalar::Bool(bool) => json!(bool),
        JsonScalar::Number(number) => json!(number.parse::<f64>().unwrap()),
        JsonScalar::Text(text) => json!(text),
    }
}

/// Builds with kustomize.
pub(super) fn build_with_kustomize(
    program: &Path,
    directory: &Path,
    objects: &[Value],
    kustomization: &Value,
) -> BuildResult {
    let documents: Vec<_> = objects.iter().map(Value::to_string).collect();
    fs::write(directory.join("objects.yaml"), documents.join("\n---\n")).unwrap();
    let mut file = kustomization.clone();
    file["resources"] = json!(["objects.yaml"]);
    fs::write(directory.join("kustomization.yaml"), file.to_string()).unwrap();
    let output = Command::new(program).arg("build").arg(directory).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let stdout = String::from_utf8(output.stdout).unwrap();
    Ok(parse("built.yaml", &stdout).iter().map(to_json).filter(|object| !object.is_null()).collect())
}

/// Objects in an order that both builds have, with all numbers alike.
pub(super) fn sorted(objects: Vec<Value>) -> Vec<Value> {
    let mut objects: Vec<_> = objects.into_iter().map(normal).collect();
    objects.sort_by_key(|object| {
        let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        [&object["apiVersion"], &object["kind"], &object["metadata"]["namespace"], &object["metadata"]["name"]]
            .map(field)
    });
    objects
}

fn normal(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(normal).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(key, value)| (key, normal(value))).collect::<serde_json::Map<_, _>>().into()
        }
        other => other,
    }
}

/// First difference of two builds, for a message.
pub(super) fn first_difference(ours: BuildResult, theirs: Option<&Vec<Value>>) -> String {
    let (ours, theirs) = match (ours, theirs) {
        (Err(error), _) => return format!("refused: {error}"),
        (Ok(_), None) => return "built what kustomize refuses".to_owned(),
        (Ok(ours), Some(theirs)) => (sorted(ours), sorted(theirs.clone())),
    };
    let mut found = String::new();
    compare("", &Value::Array(ours), &Value::Array(theirs), &mut found);
    found
}

fn compare(path: &str, ours: &Value, theirs: &Value, found: &mut String) {
    if !found.is_empty() || ours == theirs {
        return;
    }
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(index, (a, b))| compare(&format!("{path}/{index}"), a, b, found));
        }
        (Value::Object(a), Value::Object(b)) if a.keys().all(|key| b.contains_key(key)) && a.len() == b.len() => {
            a.iter().for_each(|(key, a)| compare(&format!("{path}/{key}"), a, &b[key], found));
        }
        _ => *found = format!("{path}: ours {ours}, theirs {theirs}"),
    }
}
