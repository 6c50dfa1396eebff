//! Rules of a project for references in objects that Septum does not know.

use super::settings_reader::SettingsReader;
use crate::pattern::{PathPattern, PatternSegment};
use crate::span::{Location, Span};
use crate::yaml::node::Mapping;

/// Kind of a reference's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
    const MEANINGS: [(&str, Self); 2] = [(Self::WORDS[0], Self::Reference), (Self::WORDS[1], Self::Output)];
}

/// Rule under `references` of the project file.
#[derive(Debug, Clone)]
pub struct UserRule {
    /// Location of the rule.
    pub place: Location,
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

impl UserRule {
    /// Names of the fields, for hints.
    pub(super) const FIELDS: [&'static str; 6] = ["kind", "group", "path", "target", "key", "role"];
    pub(super) const REQUIRED: [&'static str; 3] = ["kind", "path", "target"];

    /// Reads a rule, and reports all that is wrong with it.
    pub(super) fn read(name: &str, (span, map): (Span, &Mapping), reader: &mut SettingsReader<'_>) -> Option<Self> {
        let named = |field: &str| Some((format!("{name}.{field}"), map.get(field)?));
        let kind = named("kind").and_then(|(name, node)| reader.text(&name, node));
        let kind = kind.and_then(|kind| reader.take(&kind.place, check_kind(&kind.value)));
        let path = named("path").and_then(|(name, node)| reader.text(&name, node));
        let path = path.and_then(|path| reader.take(&path.place, parse_name_path(&path.value)));
        let target = [("ConfigMap", RefKind::ConfigMap), ("Secret", RefKind::Secret)];
        let target = named("target").and_then(|(name, node)| reader.word(&name, node, &target));
        let group = named("group").and_then(|(name, node)| reader.optional_text(&name, node));
        let role = named("role").map(|(name, node)| reader.word(&name, node, &ReferenceRole::MEANINGS));
        let key = named("key").and_then(|(name, node)| reader.optional_text(&name, node));
        let (kind, path, target) = (kind?, path?, target?);
        let key = match key {
            Some(key) => Some(reader.take(&key.place, parse_key_path(&key.value, &path))?),
            None => None,
        };
        let role = role.unwrap_or(Some(ReferenceRole::default()))?;
        let place = reader.source.place(span);
        Some(Self { place, kind, group: group.map(|group| group.value), path, target, key, role })
    }
}

fn check_kind(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('/') {
        return Err(format!("`{text}` is not a valid kind: write `Widget`, and its API group under `group`"));
    }
    Ok(text.to_owned())
}

/// Path of a name.
fn parse_name_path(text: &str) -> Result<PathPattern, String> {
    let path = parse(text)?;
    if path.segments().last() == Some(&PatternSegment::Below) {
        return Err(format!("`{text}` is not a valid path: a key must follow `**`"));
    }
    Ok(path)
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

#[cfg(test)]
impl UserRule {
    /// Rule of a text in flow style.
    pub(crate) fn of_text(text: &str) -> Self {
        let source = crate::span::Source::new("septum.yaml", text);
        let root = crate::yaml::read::read_document(&source).expect("YAML");
        let mut problems = crate::diagnostic::Diagnostics::new();
        let mut reader = SettingsReader { source: &source, problems: &mut problems };
        Self::read("rule", (root.span, root.as_map().expect("a mapping")), &mut reader).expect("a rule")
    }
}
