//! `HashiCorp` Vault (`internal/config/config.go` and `internal/client/client.go` of vault-csi-provider).

use super::{Given, Mounted, list};
use crate::diagnostic::Diagnostics;
use crate::value::Value;

/// The mount of a KV engine of the second version. With it a key is a path below that mount, as in an
/// ExternalSecret; without it a key is a path of the API, `secret/data/app`.
pub(super) const OWN: &str = "mount";

pub(super) fn objects(given: &Given<'_>, files: &[Mounted<'_>], problems: &mut Diagnostics) -> Option<String> {
    let is_complete = given.needs(&["roleName"], problems);
    let whole = files.iter().filter(|file| file.pointer.property.is_none());
    problems.extend(whole.map(|file| {
        file.error(format!("`{}` has no property, and with Vault `refs: csi` needs one", file.file))
            .note("the provider would mount the whole answer of Vault, which is another one each time")
            .hint(format!("write `{}#PROPERTY`", file.pointer.key))
    }));
    let mount = given.parameter(OWN).map(|mount| mount.trim_matches('/'));
    is_complete.then(|| list(files.iter().map(|file| object(file, mount)).collect()))
}

fn object<'p>(file: &Mounted<'p>, mount: Option<&str>) -> Value<'p> {
    let Mounted { pointer, .. } = file;
    let mut path = match mount {
        Some(mount) => format!("{mount}/data/{}", pointer.key.trim_start_matches('/')),
        None => pointer.key.clone(),
    };
    if let Some(version) = &pointer.version {
        // `secretArgs` would be the body of the request, which Vault does not look at when it reads
        path.push(if path.contains('?') { '&' } else { '?' });
        path.extend(["version=", version]);
    }
    let mut fields = vec![("objectName", Value::text(file.file)), ("secretPath", Value::text(path))];
    fields.extend(pointer.property.as_deref().map(|property| ("secretKey", Value::text(property))));
    Value::map(fields)
}
