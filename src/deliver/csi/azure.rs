//! Azure Key Vault (`pkg/provider/types` of secrets-store-csi-driver-provider-azure): each object is a text of
//! its own, in a list in a text. A key may begin with `secret/`, `key/` or `cert/`, as in an ExternalSecret.

use super::{Given, Mounted};
use crate::diagnostic::Diagnostics;
use crate::value::Value;
use crate::yaml;

const KINDS: [&str; 3] = ["secret", "key", "cert"];

pub(super) fn objects(given: &Given<'_>, files: &[Mounted<'_>], problems: &mut Diagnostics) -> Option<String> {
    let has_vault = given.needs(&["keyvaultName"], problems);
    // the provider knows both
    let has_tenant = given.needs(&["tenantID", "tenantId"], problems);
    let parts = files.iter().filter(|file| file.pointer.property.is_some());
    problems.extend(parts.map(|file| {
        file.error(format!("`{}` has a property, which the provider `azure` does not know", file.file))
            .hint("keep each value under a name of its own in the vault")
    }));
    let objects = files.iter().map(|file| Value::text(yaml::write::write(&object(file))));
    let objects = Value::map([("array", Value::List(objects.collect()))]);
    (has_vault && has_tenant).then(|| yaml::write::write(&objects))
}

fn object<'p>(file: &Mounted<'p>) -> Value<'p> {
    let key = file.pointer.key.as_str();
    let split = key.split_once('/').filter(|(kind, _)| KINDS.contains(kind));
    let (kind, name) = split.unwrap_or(("secret", key));
    let mut fields = vec![
        ("objectName", Value::text(name)),
        ("objectType", Value::text(kind)),
        ("objectAlias", Value::text(file.file)),
    ];
    fields.extend(file.pointer.version.as_deref().map(|version| ("objectVersion", Value::text(version))));
    Value::map(fields)
}
