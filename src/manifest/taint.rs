//! Secrets in manifests: they belong into Secrets, and nowhere else.

use super::identity::Manifest;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::Definition;
use crate::resolve::{Part, Read};
use crate::route::{Routing, Sensitivity};

/// Reports every part of an object that a template made of something sensitive, with the way it came.
pub fn check(
    manifest: &Manifest,
    parts: &[Part],
    definition: &Definition,
    routing: &Routing,
    problems: &mut Diagnostics,
) {
    if manifest.kind == "Secret" && manifest.group().is_empty() {
        return;
    }
    for part in parts {
        let environment = &definition.environment;
        let is_sensitive = |read: &&Read| routing.of_read(environment, read) == Sensitivity::Sensitive;
        let Some(read) = part.lineage.reads.iter().find(is_sensitive) else { continue };
        problems.push(leak(manifest, part, read, definition, routing));
    }
}

fn leak(manifest: &Manifest, part: &Part, read: &Read, definition: &Definition, routing: &Routing) -> Diagnostic {
    let label = match read {
        Read::Entry(id) => definition.label(id),
        Read::Variable(path) => format!("vars.{path}"),
    };
    let what = if part.path.is_empty() { manifest.label() } else { format!("`{}` of {}", part.path, manifest.label()) };
    let error = Diagnostic::error("secret-in-manifest", format!("{what} uses `{label}`, which is sensitive"))
        .at_hidden(part.place.clone())
        .note("whoever may read the object could read the secret");
    let Read::Entry(id) = read else {
        return error.hint("put the value in an entry of a bundle, and refer to the Secret");
    };
    let reason = routing.verdict(id).and_then(|verdict| verdict.reasons.first());
    let error = match reason {
        Some(reason) => error.note(format!("`{label}` is sensitive: {} ({})", reason.detail, reason.place)),
        None => error,
    };
    error.hint(format!(
        "refer to it: `valueFrom: {{ secretKeyRef: {{ name: {}, key: {} }} }}`, or `septum.dev/env-from: \"{}\"` on the pod template",
        id.bundle, id.key, id.bundle
    ))
}
