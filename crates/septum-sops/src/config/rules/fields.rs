//! The fields of `.sops.yaml`, as serde reads them.

use serde::Deserialize;
use serde_yaml::Value;

use septum_base::yaml::node::{Scalar, YamlKind, YamlNode, YamlStyle};

/// The names of the fields at the root.
pub(super) const ROOT: [&str; 3] = ["creation_rules", "destination_rules", "stores"];

/// The fields of a creation rule (format, section 2.1).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleFields {
    pub(super) path_regex: Option<String>,
    pub(super) age: Option<NameList>,
    pub(super) pgp: Option<NameList>,
    pub(super) kms: Option<NameList>,
    /// Account with which a key is used, not the identity of the key.
    #[serde(rename = "aws_profile")]
    _aws_profile: Option<String>,
    pub(super) gcp_kms: Option<NameList>,
    pub(super) hckms: Option<NameList>,
    pub(super) azure_keyvault: Option<NameList>,
    pub(super) hc_vault_transit_uri: Option<NameList>,
    pub(super) key_groups: Option<Vec<GroupFields>>,
    pub(super) shamir_threshold: Option<usize>,
    pub(super) unencrypted_suffix: Option<String>,
    pub(super) encrypted_suffix: Option<String>,
    pub(super) unencrypted_regex: Option<String>,
    pub(super) encrypted_regex: Option<String>,
    pub(super) unencrypted_comment_regex: Option<String>,
    pub(super) encrypted_comment_regex: Option<String>,
    pub(super) mac_only_encrypted: Option<bool>,
}

/// The names of the fields of a creation rule, for hints.
pub(super) const RULE: [&str; 18] = [
    "path_regex",
    "age",
    "pgp",
    "kms",
    "aws_profile",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "key_groups",
    "shamir_threshold",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
    "mac_only_encrypted",
];

/// A list, or one text with commas.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum NameList {
    One(String),
    Many(Vec<String>),
}

impl NameList {
    /// The single names, without blanks around them. A comma at the end is one too many, as in sops.
    pub(super) fn split_names(&self) -> Vec<String> {
        let texts = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        };
        let names = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

/// The fields of a key group.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GroupFields {
    pub(super) merge: Vec<Self>,
    pub(super) age: Vec<String>,
    pub(super) pgp: Vec<String>,
    pub(super) kms: Vec<KmsFields>,
    pub(super) gcp_kms: Vec<GcpKms>,
    pub(super) hckms: Vec<HcKms>,
    pub(super) azure_keyvault: Vec<AzureFields>,
    pub(super) hc_vault: Vec<String>,
}

/// The names of the fields of a key group and of its entries, for hints.
pub(super) const GROUP: [&str; 17] = [
    "merge",
    "age",
    "pgp",
    "kms",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault",
    "arn",
    "role",
    "context",
    "aws_profile",
    "resource_id",
    "key_id",
    "vaultUrl",
    "key",
    "version",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KmsFields {
    pub(super) arn: String,
    #[serde(default)]
    pub(super) role: String,
    #[serde(default, rename = "context")]
    _context: Value,
    #[serde(default, rename = "aws_profile")]
    _aws_profile: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GcpKms {
    pub(super) resource_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HcKms {
    pub(super) key_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AzureFields {
    #[serde(rename = "vaultUrl")]
    pub(super) vault_url: String,
    pub(super) key: String,
    #[serde(default)]
    pub(super) version: String,
}

/// Layout of files.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StoreFields {
    pub(super) yaml: IndentFields,
    pub(super) json: IndentFields,
    pub(super) json_binary: IndentFields,
    #[serde(rename = "dotenv")]
    _dotenv: Option<NoFields>,
    #[serde(rename = "ini")]
    _ini: Option<NoFields>,
}

/// The names of the fields of `stores`, for hints.
pub(super) const STORES: [&str; 6] = ["yaml", "json", "json_binary", "dotenv", "ini", "indent"];

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IndentFields {
    pub(super) indent: Option<i8>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// The node in the form that serde accepts. Anchors and merge keys are resolved already.
pub(super) fn to_serde_value(node: &YamlNode) -> Value {
    match &node.kind {
        YamlKind::Scalar(scalar) => scalar_value(scalar),
        YamlKind::List(items) => Value::Sequence(items.iter().map(to_serde_value).collect()),
        YamlKind::Map(map) => {
            let entries = map.iter().map(|(key, node)| (key.text.as_str(), to_serde_value(node)));
            // to sops a known field without a value is one that is not there
            let written = entries.filter(|(key, value)| !value.is_null() || !is_known(key));
            Value::Mapping(written.map(|(key, value)| (key.into(), value)).collect())
        }
    }
}

fn is_known(field: &str) -> bool {
    [&ROOT[..], &RULE, &GROUP, &STORES].iter().any(|names| names.contains(&field))
}

fn scalar_value(scalar: &Scalar) -> Value {
    let text = scalar.text();
    if scalar.blank || scalar.is_null() {
        return Value::Null;
    }
    if scalar.style != YamlStyle::Plain || scalar.tag.is_some() {
        return text.into();
    }
    match text {
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    }
}
