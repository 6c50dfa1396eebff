//! Whether two programs made equal objects.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize as _;
use serde_yaml::Value;

/// Objects by kind, namespace and name. Names carry the hash of the content.
type Objects = BTreeMap<[String; 3], Value>;

/// How many objects there are in each of two directories, which must be equal but for labels and annotations.
pub(super) fn assert_equal(ours: &Path, theirs: &Path) -> usize {
    let (mut ours, mut theirs) = (objects(ours), objects(theirs));
    let count = ours.len();
    assert!(count > 0, "there are no objects");
    ours.retain(|id, object| {
        let is_equal = theirs.get(id) == Some(object);
        if is_equal {
            theirs.remove(id);
        }
        !is_equal
    });
    let names = |objects: &Objects| objects.keys().map(|id| id.join(" ")).take(3).collect::<Vec<_>>().join(", ");
    assert!(ours.is_empty() && theirs.is_empty(), "different: {} / {}", names(&ours), names(&theirs));
    count
}

fn objects(directory: &Path) -> Objects {
    let mut found = Objects::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(objects(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && path.file_name().is_some_and(|name| name != "kustomization.yaml")
        {
            let text = fs::read_to_string(&path).expect("a manifest");
            for document in serde_yaml::Deserializer::from_str(&text) {
                let mut object = Value::deserialize(document).expect("YAML");
                let id = ["kind", "metadata/namespace", "metadata/name"].map(|path| text_at(&object, path));
                neutral(&mut object);
                assert!(found.insert(id, object).is_none(), "an object twice in {}", path.display());
            }
        }
    }
    found
}

fn text_at(object: &Value, path: &str) -> String {
    let value = path.split('/').try_fold(object, |value, key| value.get(key));
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Without what differs for no reason: labels, and line breaks in base64.
fn neutral(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_mapping_mut) {
        metadata.remove("labels");
        metadata.remove("annotations");
    }
    if text_at(object, "kind") != "Secret" {
        return;
    }
    if let Some(data) = object.get_mut("data").and_then(Value::as_mapping_mut) {
        for (_, value) in data.iter_mut() {
            *value = Value::String(value.as_str().unwrap_or_default().replace('\n', ""));
        }
    }
    if let Some(object) = object.as_mapping_mut() {
        object.entry("type".into()).or_insert_with(|| "Opaque".into());
    }
}
