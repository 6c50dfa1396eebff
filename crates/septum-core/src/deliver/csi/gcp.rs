//! Google Secret Manager (`config/config.go` of secrets-store-csi-driver-provider-gcp).

use super::{MountedFile, ProviderOptions, format_list};
use crate::diagnostic::Diagnostics;
use crate::value::OutputValue;

/// Parameter with the project of secrets that are referenced by name alone. Others are referenced by the resource name,
/// `projects/P/secrets/S`.
pub(super) const OWN: &str = "projectID";

const RESOURCE: &str = "projects/";
const VERSION: &str = "/versions/";

pub(super) fn objects(
    given: &ProviderOptions<'_>,
    files: &[MountedFile<'_>],
    problems: &mut Diagnostics,
) -> Option<String> {
    let needs_project = files.iter().any(|file| !file.store_ref.key.starts_with(RESOURCE));
    if needs_project && !given.has_parameter(&[OWN], problems) {
        return None;
    }
    let twice = files.iter().filter(|file| file.store_ref.version.is_some() && file.store_ref.key.contains(VERSION));
    problems.extend(twice.map(|file| {
        file.error(format!("the `ref` of `{}` has two versions, one of them in its key", file.file))
            .hint("remove one of them")
    }));
    let project = given.parameter(OWN).unwrap_or_default();
    Some(format_list(files.iter().map(|file| object(file, project)).collect()))
}

fn object<'p>(file: &MountedFile<'p>, project: &str) -> OutputValue<'p> {
    let MountedFile { store_ref: pointer, .. } = file;
    let mut resource = match pointer.key.as_str() {
        key if key.starts_with(RESOURCE) => key.to_owned(),
        name => format!("{RESOURCE}{project}/secrets/{name}"),
    };
    if !resource.contains(VERSION) {
        resource.extend([VERSION, pointer.version.as_deref().unwrap_or("latest")]);
    }
    let mut fields = vec![("resourceName", OutputValue::text(resource)), ("path", OutputValue::text(file.file))];
    fields.extend(pointer.property.as_deref().map(|property| ("extractJSONKey", OutputValue::text(property))));
    OutputValue::map(fields)
}
