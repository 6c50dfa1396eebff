//! What a project says of references in objects that the program does not know.

use serde::Deserialize;

use crate::pattern::{PathPattern, PatternSegment};

/// What a reference is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum RefKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl RefKind {
    /// The kind in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// What the object that holds a name does with what is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceRole {
    /// It reads it, so it must be there.
    #[default]
    Reference,
    /// A controller makes it under that name, which is therefore left as it is.
    Output,
}

/// A rule under `references` of the project file.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct UserRule {
    /// The kind of the objects that hold the name.
    pub kind: String,
    /// Their API group (`""` for the core); of any group without it.
    pub group: Option<String>,
    /// Where the name stands.
    pub path: PathPattern,
    /// What is named.
    pub target: RefKind,
    /// Where the key that is needed stands, in the same items of lists as the name.
    pub key: Option<PathPattern>,
    /// Whether the object reads what is named, or a controller makes it.
    pub role: ReferenceRole,
}

/// The rule as it stands in the file.
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
    /// The fields, for hints.
    pub(super) const FIELDS: [&'static str; 6] = ["kind", "group", "path", "target", "key", "role"];
}

impl TryFrom<Written> for UserRule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let path = parse(&written.path)?;
        if path.segments().last() == Some(&PatternSegment::Below) {
            return Err(format!("`{}` is no path of a name: `**` stands before a key", written.path));
        }
        let key = written.key.as_deref().map(|text| parse_key_path(text, &path)).transpose()?;
        let Written { kind, group, target, role, .. } = written;
        Ok(Self { kind, group, path, target, key, role })
    }
}

fn parse(text: &str) -> Result<PathPattern, String> {
    PathPattern::parse(text).map_err(|why| format!("`{text}` is no path: {why}"))
}

/// The path of a key that can be found from the name at `path`.
fn parse_key_path(text: &str, path: &PathPattern) -> Result<PathPattern, String> {
    let key = parse(text)?;
    let (shared, name, rest) = path.fork(&key);
    if !rest.segments().iter().all(|segment| matches!(segment, PatternSegment::Key(_) | PatternSegment::Items)) {
        return Err(format!("`{text}` is no path of a key: stars stand only where `path` has the same"));
    }
    if !name.is_countable() && !shared.is_countable() {
        return Err(format!("`{text}` is no path of a key: it starts as `path` does, up to its last `**`"));
    }
    Ok(key)
}
