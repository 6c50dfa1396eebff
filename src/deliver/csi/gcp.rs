//! Google Secret Manager (`config/config.go` of secrets-store-csi-driver-provider-gcp).

use super::{Given, Mounted, list};
use crate::diagnostic::Diagnostics;
use crate::value::Value;

/// The project of secrets that go by their names alone. Others go by that of the resource, `projects/P/secrets/S`.
pub(super) const OWN: &str = "projectID";

const RESOURCE: &str = "projects/";
const VERSION: &str = "/versions/";

pub(super) fn objects(given: &Given<'_>, files: &[Mounted<'_>], problems: &mut Diagnostics) -> Option<String> {
    let needs_project = files.iter().any(|file| !file.pointer.key.starts_with(RESOURCE));
    if needs_project && !given.needs(&[OWN], problems) {
        return None;
    }
    let twice = files.iter().filter(|file| file.pointer.version.is_some() && file.pointer.key.contains(VERSION));
    problems.extend(twice.map(|file| {
        file.error(format!("the pointer of `{}` has two versions, one in its key", file.file))
            .hint("leave one of them out")
    }));
    let project = given.parameter(OWN).unwrap_or_default();
    Some(list(files.iter().map(|file| object(file, project)).collect()))
}

fn object<'p>(file: &Mounted<'p>, project: &str) -> Value<'p> {
    let Mounted { pointer, .. } = file;
    let mut resource = match pointer.key.as_str() {
        key if key.starts_with(RESOURCE) => key.to_owned(),
        name => format!("{RESOURCE}{project}/secrets/{name}"),
    };
    if !resource.contains(VERSION) {
        resource.extend([VERSION, pointer.version.as_deref().unwrap_or("latest")]);
    }
    let mut fields = vec![("resourceName", Value::text(resource)), ("path", Value::text(file.file))];
    fields.extend(pointer.property.as_deref().map(|property| ("extractJSONKey", Value::text(property))));
    Value::map(fields)
}
