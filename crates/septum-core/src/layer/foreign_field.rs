//! Fields that people expect entries to have, and their equivalents in Septum.

use crate::yaml::node::{YamlKey, YamlKind, YamlNode};

/// Field names of other tools, and the equivalent in entries.
const FIELDS: [(&[&str], &str); 23] = [
    (
        &["default", "defaults", "defaultValue", "default_value", "fallback"],
        "the value in `base.yaml` is the default: write `value: …` there, and override it in the layer of each environment that differs",
    ),
    (
        &["optional", "nullable", "omitEmpty", "omitempty", "allowEmpty", "mandatory", "require", "must"],
        "a key is optional unless it has `required: true`",
    ),
    (
        &[
            "secret",
            "secrets",
            "isSecret",
            "is_secret",
            "encrypted",
            "encrypt",
            "confidential",
            "private",
            "hidden",
            "masked",
            "mask",
            "secure",
            "protected",
            "sealed",
            "sops",
            "credential",
        ],
        "write `sensitive: true`, and store the value in an encrypted layer: `septum set ENV KEY`",
    ),
    (
        &["plain", "plaintext", "public", "nonsensitive", "insecure", "unencrypted"],
        "write `sensitive: false`, with a `reason`",
    ),
    (
        &["text", "val", "string", "literal", "data", "stringValue", "string_value", "is", "set", "to", "const_value"],
        "for a string, use `value`",
    ),
    (
        &["path", "filename", "fileName", "fromFile", "from_file", "filePath", "source", "src", "include", "load"],
        "for the bytes of a file, use `file: PATH`; for a rendered file, `template: PATH`",
    ),
    (
        &["from", "alias", "copy", "same", "inherit", "fromKey"],
        "to use the value of another key, write a template: `value: \"{{ data.KEY }}\"`",
    ),
    (
        &["env", "envVar", "env_var", "environment", "fromEnv", "from_env", "variable"],
        "environment variables of the machine are not read; set values that differ by environment in its layer, such as `prod.yaml`",
    ),
    (
        &[
            "valueFrom",
            "secretKeyRef",
            "configMapKeyRef",
            "fieldRef",
            "secretRef",
            "configMapRef",
            "fromSecret",
            "secretName",
            "configMap",
            "externalSecret",
        ],
        "for a value of the project, use `value: …`; for a value in an external store, `ref: { key: …, property: … }`; refer to objects of other tools in the manifest of the pod",
    ),
    (
        &[
            "vault",
            "ssm",
            "secretsManager",
            "secretmanager",
            "store",
            "remoteRef",
            "remote",
            "keyvault",
            "pointer",
            "uri",
        ],
        "for a value in an external store, use `ref: { key: …, property: …, store: … }`",
    ),
    (
        &["base64", "b64", "binary", "binaryData", "encoded", "hex"],
        "write the value itself (`value: …`), or use a file (`file: PATH`); Secrets are base64-encoded on output",
    ),
    (&["desc", "doc", "docs", "help", "comment", "note", "about", "title", "summary"], "write `description: …`"),
    (&["deprecation", "obsolete", "legacy", "removed"], "write `deprecated: …`"),
    (&["expiry", "expiration", "expiresAt", "expiresOn", "validUntil"], "write `expires: 2027-01-31`"),
    (&["rotate", "rotationPeriod", "rotateAfter", "rotation_period"], "write `rotateEvery: 90d`"),
    (&["oldName", "formerly", "renamed", "previousName", "renamed_from"], "write `renamedFrom: OLD`"),
    (&["min", "gte", "least"], "use `minimum` for a number, `minLength` for a string"),
    (&["max", "lte", "most"], "use `maximum` for a number, `maxLength` for a string"),
    (&["length", "len", "size"], "write `minLength` and `maxLength`"),
    (&["regex", "regexp", "match", "matches", "re"], "write `pattern: …`"),
    (&["choices", "options", "oneOf", "anyOf", "allowed", "values", "in", "one_of"], "write `enum: [ … ]`"),
    (&["json", "yaml", "structure", "object", "tree", "toml", "map"], "for a structure, use `content`"),
    (
        &["prod", "production", "dev", "development", "staging", "stage", "qa", "uat", "preprod", "prd", "stg"],
        "set values that differ by environment in its layer, such as `prod.yaml`",
    ),
];

/// Hint at the entry field that a name probably means.
pub(super) fn entry_field_hint(name: &str) -> Option<&'static str> {
    FIELDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, hint)| *hint)
}

/// Field names whose value is a mapping, even when they are meant as fields of an entry.
const WITH_MAPPING: [&str; 7] =
    ["valueFrom", "secretKeyRef", "configMapKeyRef", "fieldRef", "secretRef", "configMapRef", "remoteRef"];

/// Whether a key is meant as a field of an entry, and not as a part of a structure.
pub(super) fn is_meant_as_field(key: &YamlKey, node: &YamlNode) -> bool {
    let is_flat = !matches!(node.kind, YamlKind::Map(_)) || WITH_MAPPING.contains(&key.text.as_str());
    is_flat && entry_field_hint(&key.text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::entries;

    #[test]
    fn no_field_that_there_is_is_called_foreign() {
        for (names, _) in FIELDS {
            for name in names {
                assert!(!entries::known_fields().any(|known| known == *name), "{name}");
            }
        }
    }
}
