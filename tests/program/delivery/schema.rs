//! The structure of custom resources, as their definitions have it. The schemas are those of
//! `../shared/vectors/crds`, or of the directory in `SEPTUM_CRDS`; without them a test says so.

use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::Value as Json;

/// Objects of a kind are as its definition says.
#[track_caller]
pub(crate) fn assert_valid(objects: &[Json], kind: &str) {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    let Some(schema) = schema(kind) else { return };
    for object in found {
        let wrong: Vec<_> =
            schema.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{object:#}");
    }
}

#[allow(clippy::print_stderr, reason = "a skipped check must say so")]
fn schema(kind: &str) -> Option<Validator> {
    let directory = std::env::var_os("SEPTUM_CRDS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/crds"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(directory.join(format!("{kind}.json"))) else {
        eprintln!("SKIPPED: there is no schema of {kind} in {}", directory.display());
        return None;
    };
    let schema: Json = serde_json::from_str(&text).expect("JSON");
    Some(jsonschema::validator_for(&schema).expect("a schema"))
}
