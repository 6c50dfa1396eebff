//! Fields that people expect entries to have, and their equivalents in Septum.

use crate::yaml::node::{YamlKey, YamlKind, YamlNode};

/// Field names of other tools, and the equivalent in entries.
const FIELDS: [(&[&str], &str); 20] = [
    (
        &["default", "defaults", "defaultValue", "default_value", "fallback"],
        "the value in `base.yaml` is the default: `value: …` there, and what differs in the layer of each environment",
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
        "write `sensitive: true`; its value goes into an encrypted layer: `septum set ENV KEY`",
    ),
    (
        &["plain", "plaintext", "public", "nonsensitive", "insecure", "unencrypted"],
        "write `sensitive: false`, with a `reason`",
    ),
    (
        &["text", "val", "string", "literal", "data", "stringValue", "string_value", "is", "set", "to", "const_value"],
        "a text goes to `value`",
    ),
    (
        &["path", "filename", "fileName", "fromFile", "from_file", "filePath", "source", "src", "include", "load"],
        "the bytes of a file are `file: PATH`, a rendered one is `template: PATH`",
    ),
    (
        &["from", "alias", "copy", "same", "inherit", "fromKey"],
        "the value of another key is a template: `value: \"{{ data.KEY }}\"`",
    ),
    (
        &["env", "envVar", "env_var", "environment", "fromEnv", "from_env", "variable"],
        "variables of the machine are not read; a value that differs by environment goes into the layer of each, such as `prod.yaml`",
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
        "a value of the project is `value: …`, one that stays in a store is `ref: { key: …, property: … }`; a pod names an object of another tool in its own manifest",
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
        "a value that stays in a store is `ref: { key: …, property: …, store: … }`",
    ),
    (
        &["base64", "b64", "binary", "binaryData", "encoded", "hex"],
        "write the value itself (`value: …`), or its bytes in a file (`file: PATH`); Secrets are encoded when they are written",
    ),
    (&["desc", "doc", "docs", "help", "comment", "note", "about", "title", "summary"], "write `description: …`"),
    (&["deprecation", "obsolete", "legacy", "removed"], "write `deprecated: …`"),
    (&["min", "gte", "least"], "write `minimum` for a number, `minLength` for a text"),
    (&["max", "lte", "most"], "write `maximum` for a number, `maxLength` for a text"),
    (&["length", "len", "size"], "write `minLength` and `maxLength`"),
    (&["regex", "regexp", "match", "matches", "re"], "write `pattern: …`"),
    (&["choices", "options", "oneOf", "anyOf", "allowed", "values", "in", "one_of"], "write `enum: [ … ]`"),
    (&["json", "yaml", "structure", "object", "tree", "toml", "map"], "a structure goes to `content`"),
    (
        &["prod", "production", "dev", "development", "staging", "stage", "qa", "uat", "preprod", "prd", "stg"],
        "a value that differs by environment goes into the layer of each, such as `prod.yaml`",
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
