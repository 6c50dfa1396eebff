//! Rules of a project for references in objects that Septum does not know.

use serde::Deserialize;

use crate::pattern::{PathPattern, PatternSegment};

/// Kind of a reference's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum RefKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl RefKind {
    /// Kind in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// Role of a name in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceRole {
    /// The object reads the target, so it must exist.
    #[default]
    Reference,
    /// A controller creates the target under that name, which is therefore not changed.
    Output,
}

impl ReferenceRole {
    /// Words of the roles, as the project file has them.
    pub const WORDS: [&str; 2] = ["reference", "output"];
}

/// Rule under `references` of the project file.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct UserRule {
    /// Kind of the objects that contain the name.
    pub kind: String,
    /// Their API group (`""` for the core group); any group without it.
    pub group: Option<String>,
    /// Path of the name.
    pub path: PathPattern,
    /// Kind of the target.
    pub target: RefKind,
    /// Path of the required key, in the same items of lists as the name.
    pub key: Option<PathPattern>,
    /// Whether the object reads the target, or a controller creates it.
    pub role: ReferenceRole,
}

/// Rule as written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: String,
    group: Option<String>,
    path: String,
    target: RefKind,
    key: Option<String>,
    #[serde(default)]
    role: ReferenceRole,
}

impl UserRule {
    /// Names of the fields, for hints.
    pub(super) const FIELDS: [&'static str; 6] = ["kind", "group", "path", "target", "key", "role"];
}

impl TryFrom<Written> for UserRule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let path = parse(&written.path)?;
        if path.segments().last() == Some(&PatternSegment::Below) {
            return Err(format!("`{}` is not a valid path: a key must follow `**`", written.path));
        }
        let key = written.key.as_deref().map(|text| parse_key_path(text, &path)).transpose()?;
        let Written { kind, group, target, role, .. } = written;
        if kind.is_empty() || kind.contains('/') {
            return Err(format!("`{kind}` is not a valid kind: write `Widget`, and its API group under `group`"));
        }
        Ok(Self { kind, group, path, target, key, role })
    }
}

fn parse(text: &str) -> Result<PathPattern, String> {
    if text.starts_with('$') {
        return Err(format!("`{text}` is not a valid path: it begins with the name of a field, without `$`"));
    }
    PathPattern::parse(text).map_err(|why| format!("`{text}` is not a valid path: {why}"))
}

/// Path of a key that can be found from the name at `path`.
fn parse_key_path(text: &str, path: &PathPattern) -> Result<PathPattern, String> {
    let key = parse(text)?;
    let (shared, name, rest) = path.fork(&key);
    if !rest.segments().iter().all(|segment| matches!(segment, PatternSegment::Key(_) | PatternSegment::Items)) {
        return Err(format!(
            "`{text}` is not a valid key path: wildcards are only allowed where `path` has the same ones"
        ));
    }
    if !name.is_countable() && !shared.is_countable() {
        return Err(format!("`{text}` is not a valid key path: it must start like `path`, up to its last `**`"));
    }
    Ok(key)
}
