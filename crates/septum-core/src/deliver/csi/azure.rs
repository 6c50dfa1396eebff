//! Azure Key Vault (`pkg/provider/types` of secrets-store-csi-driver-provider-azure): each object is a text of its own,
//! in a list in a text. A key may begin with `secret/`, `key/` or `cert/`, as in an ExternalSecret.

use super::{MountedFile, ProviderOptions};
use crate::diagnostic::Diagnostics;
use crate::value::OutputValue;
use crate::yaml;

const KINDS: [&str; 3] = ["secret", "key", "cert"];

pub(super) fn objects(
    given: &ProviderOptions<'_>,
    files: &[MountedFile<'_>],
    problems: &mut Diagnostics,
) -> Option<String> {
    let has_vault = given.has_parameter(&["keyvaultName"], problems);
    // the provider accepts both
    let has_tenant = given.has_parameter(&["tenantID", "tenantId"], problems);
    let parts = files.iter().filter(|file| file.store_ref.property.is_some());
    problems.extend(parts.map(|file| {
        file.error(format!("the `ref` of `{}` has a property, which the provider `azure` does not support", file.file))
            .hint("store each value under its own name in the vault")
    }));
    let objects = files.iter().map(|file| OutputValue::text(yaml::write::write_document(&object(file))));
    let objects = OutputValue::map([("array", OutputValue::List(objects.collect()))]);
    (has_vault && has_tenant).then(|| yaml::write::write_document(&objects))
}

fn object<'p>(file: &MountedFile<'p>) -> OutputValue<'p> {
    let key = file.store_ref.key.as_str();
    let split = key.split_once('/').filter(|(kind, _)| KINDS.contains(kind));
    let (kind, name) = split.unwrap_or(("secret", key));
    let mut fields = vec![
        ("objectName", OutputValue::text(name)),
        ("objectType", OutputValue::text(kind)),
        ("objectAlias", OutputValue::text(file.file)),
    ];
    fields.extend(file.store_ref.version.as_deref().map(|version| ("objectVersion", OutputValue::text(version))));
    OutputValue::map(fields)
}
