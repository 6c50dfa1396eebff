//! `HashiCorp` Vault (`internal/config/config.go` and `internal/client/client.go` of vault-csi-provider).

use super::{MountedFile, ProviderOptions, format_list};
use crate::diagnostic::Diagnostics;
use crate::value::OutputValue;

/// Parameter with the mount of a KV engine of version 2. With it a key is a path below that mount, as in an
/// ExternalSecret; without it a key is a path of the API, `secret/data/app`.
pub(super) const OWN: &str = "mount";

pub(super) fn objects(
    given: &ProviderOptions<'_>,
    files: &[MountedFile<'_>],
    problems: &mut Diagnostics,
) -> Option<String> {
    let is_complete = given.has_parameter(&["roleName"], problems);
    let whole = files.iter().filter(|file| file.store_ref.property.is_none());
    problems.extend(whole.map(|file| {
        file.error(format!("the `ref` of `{}` has no property, which `refs: csi` requires for Vault", file.file))
            .note("the provider would mount the whole response of Vault, which differs on every read")
            .hint(format!("write `{}#PROPERTY`", file.store_ref.key))
    }));
    let mount = given.parameter(OWN).map(|mount| mount.trim_matches('/'));
    is_complete.then(|| format_list(files.iter().map(|file| object(file, mount)).collect()))
}

fn object<'p>(file: &MountedFile<'p>, mount: Option<&str>) -> OutputValue<'p> {
    let MountedFile { store_ref: pointer, .. } = file;
    let mut path = match mount {
        Some(mount) => format!("{mount}/data/{}", pointer.key.trim_start_matches('/')),
        None => pointer.key.clone(),
    };
    if let Some(version) = &pointer.version {
        // `secretArgs` would be the body of the request, which Vault ignores on reads
        path.push(if path.contains('?') { '&' } else { '?' });
        path.extend(["version=", version]);
    }
    let mut fields = vec![("objectName", OutputValue::text(file.file)), ("secretPath", OutputValue::text(path))];
    fields.extend(pointer.property.as_deref().map(|property| ("secretKey", OutputValue::text(property))));
    OutputValue::map(fields)
}
