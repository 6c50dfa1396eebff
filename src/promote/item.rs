//! Items of a promotion by name: entries, images, replicas, patches and variables.

use super::tree_edit::{DraftStep, node_at};
use crate::name::EntryId;
use crate::yaml::node::{Mapping, YamlKind, YamlNode};

/// A part of a layer that is promoted as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PromotedItem {
    /// An entry.
    Entry(EntryId),
    /// Change of an image, by its name.
    Image(String),
    /// Number of replicas of a workload, by its name.
    Replicas(String),
    /// Patch, by its file or by what it selects.
    Patch(String),
    /// Variable of the first level.
    Variable(String),
}

impl PromotedItem {
    /// Its kind: a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Entry(_) => "entry",
            Self::Image(_) => "image",
            Self::Replicas(_) => "replicas",
            Self::Patch(_) => "patch",
            Self::Variable(_) => "variable",
        }
    }

    /// Whether it is promoted without being named.
    pub(super) fn is_usual(&self) -> bool {
        match self {
            Self::Entry(_) | Self::Image(_) | Self::Patch(_) => true,
            // they belong to an environment
            Self::Replicas(_) | Self::Variable(_) => false,
        }
    }

    /// Name in arguments and messages: `KEY`, or `BUNDLE/KEY` in another bundle than the app's own.
    pub fn name(&self, app: &str) -> String {
        match self {
            Self::Entry(id) if id.bundle.as_str() == app => id.key.to_string(),
            Self::Entry(id) => format!("{}/{}", id.bundle, id.key),
            Self::Image(name) => format!("images.{name}"),
            Self::Replicas(name) => format!("replicas.{name}"),
            Self::Patch(name) => format!("patches.{name}"),
            Self::Variable(name) => format!("vars.{name}"),
        }
    }

    /// Whether a name or glob of the command line means it.
    pub fn is_meant_by(&self, pattern: &str, app: &str) -> bool {
        match self {
            Self::Entry(id) => {
                let names = [id.key.to_string(), format!("{}/{}", id.bundle, id.key), self.name(app)];
                names.iter().any(|name| is_match(pattern, name))
            }
            // `*` means entries alone
            other => {
                let name = other.name(app);
                let field = name.split_inclusive('.').next().unwrap_or_default();
                pattern.starts_with(field) && is_match(pattern, &name)
            }
        }
    }
}

/// Whether a text matches a glob of `*` and `?`.
fn is_match(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // position of the last star, and of the text that it has taken so far
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&char) if char == '?' || text.get(seen) == Some(&char) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                at = back + 1;
                seen = taken + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|char| *char == '*')
}

/// The items of a layer of `app`, in the order of the file.
pub(super) fn list_items(root: &YamlNode, app: &str) -> Vec<PromotedItem> {
    let mut found = Vec::new();
    let Some(fields) = root.as_map() else { return found };
    let map = |name: &str| fields.get(name).and_then(YamlNode::as_map);
    push_entries(&mut found, map("data"), app);
    for (bundle, node) in map("bundles").into_iter().flatten() {
        push_entries(&mut found, node.as_map().and_then(|fields| fields.get("data")?.as_map()), &bundle.text);
    }
    let names =
        |name: &str| map(name).into_iter().flat_map(Mapping::keys).map(|key| key.text.clone()).collect::<Vec<_>>();
    found.extend(names("images").into_iter().map(PromotedItem::Image));
    found.extend(names("replicas").into_iter().map(PromotedItem::Replicas));
    found.extend(patch_names(fields.get("patches")).into_iter().map(PromotedItem::Patch));
    found.extend(names("vars").into_iter().map(PromotedItem::Variable));
    let mut seen = crate::map::HashSet::default();
    found.retain(|item| seen.insert(item.clone()));
    found
}

fn push_entries(found: &mut Vec<PromotedItem>, data: Option<&Mapping>, bundle: &str) {
    for key in data.into_iter().flat_map(Mapping::keys) {
        found.push(PromotedItem::Entry(EntryId { bundle: bundle.into(), key: key.text.as_str().into() }));
    }
}

/// Path of an item in a layer that has it.
pub(super) fn find_item(root: &YamlNode, item: &PromotedItem, app: &str) -> Option<Vec<DraftStep>> {
    match item {
        PromotedItem::Patch(name) => {
            let index = patch_names(root.as_map()?.get("patches")).iter().position(|known| known == name)?;
            Some(vec![key("patches"), DraftStep::Item(index)])
        }
        item => spellings(item, app).into_iter().find(|path| node_at(root, path).is_some()),
    }
}

/// Path of an item in a layer, which may lack it.
pub(super) fn place_item(root: &YamlNode, item: &PromotedItem, app: &str) -> Vec<DraftStep> {
    if let Some(path) = find_item(root, item, app) {
        return path;
    }
    match item {
        PromotedItem::Patch(_) => {
            let count = patch_names(root.as_map().and_then(|fields| fields.get("patches"))).len();
            vec![key("patches"), DraftStep::Item(count)]
        }
        item => spellings(item, app).into_iter().next().unwrap_or_default(),
    }
}

/// Paths at which an item may be, the usual one first.
fn spellings(item: &PromotedItem, app: &str) -> Vec<Vec<DraftStep>> {
    let field = |name: &str, of: &str| vec![vec![key(name), key(of)]];
    match item {
        PromotedItem::Entry(id) => {
            let long = vec![key("bundles"), key(id.bundle.as_str()), key("data"), key(id.key.as_str())];
            let short = vec![key("data"), key(id.key.as_str())];
            if id.bundle.as_str() == app { vec![short, long] } else { vec![long] }
        }
        PromotedItem::Image(name) => field("images", name),
        PromotedItem::Replicas(name) => field("replicas", name),
        PromotedItem::Variable(name) => field("vars", name),
        PromotedItem::Patch(_) => Vec::new(),
    }
}

fn key(text: &str) -> DraftStep {
    DraftStep::Key(text.to_owned())
}

/// Names of the patches of a layer: those of their files, or of what they select. Later ones of the same name are
/// numbered.
fn patch_names(patches: Option<&YamlNode>) -> Vec<String> {
    let Some(YamlKind::List(items)) = patches.map(|node| &node.kind) else { return Vec::new() };
    let mut names: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        let name = patch_name(item);
        let count = names.iter().filter(|known| known.split('#').next() == Some(name.as_str())).count();
        names.push(if count == 0 { name } else { format!("{name}#{}", count + 1) });
    }
    names
}

fn patch_name(item: &YamlNode) -> String {
    let text = |node: &YamlNode| node.as_scalar().map(|scalar| scalar.text().to_owned());
    if let Some(path) = text(item) {
        return path;
    }
    let Some(fields) = item.as_map() else { return "patch".to_owned() };
    if let Some(path) = fields.get("path").and_then(text) {
        return path;
    }
    if let Some(target) = fields.get("target").and_then(YamlNode::as_map) {
        let words: Vec<_> = target.values().filter_map(text).collect();
        return if words.is_empty() { "patch".to_owned() } else { words.join("/") };
    }
    match fields.get("patch").map(|patch| (patch, &patch.kind)) {
        Some((patch, YamlKind::Map(_))) => object_name(patch),
        Some((_, YamlKind::Scalar(scalar))) => {
            let source = crate::span::Source::new("patch", scalar.text());
            crate::yaml::read::read_document(&source).ok().as_ref().and_then(object_name)
        }
        _ => None,
    }
    .unwrap_or_else(|| "patch".to_owned())
}

/// `KIND/NAME` of an object.
fn object_name(node: &YamlNode) -> Option<String> {
    let fields = node.as_map()?;
    let kind = fields.get("kind")?.as_scalar()?.text();
    let name = fields.get("metadata")?.as_map()?.get("name")?.as_scalar()?.text();
    Some(format!("{kind}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Source;

    #[test]
    fn a_glob_matches_whole_names() {
        for (pattern, text, expected) in [
            ("A", "A", true),
            ("A", "AB", false),
            ("A*", "AB", true),
            ("*B", "AB", true),
            ("*", "", true),
            ("A*C*E", "ABCDE", true),
            ("A*C*E", "ABCD", false),
            ("?", "é", true),
            ("??", "a", false),
            ("*a*b", "aaab", true),
            ("*aab", "aaab", true),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!is_match(&"*a".repeat(50), &"a".repeat(2000).replace("aaa", "aab")[..1999].replace('a', "b")));
    }

    #[test]
    fn items_are_named_by_what_they_are() {
        let text = "data: { A: 1 }\nbundles: { app: { data: { A: 2, B: 1 } }, tls: { type: x, data: { K: 1 } } }\nimages: { nginx: {} }\nreplicas: { web: 1 }\nvars: { x: 1 }\n\
                    patches:\n  - a.yaml\n  - { path: b.yaml }\n  - { target: { kind: Deployment, name: web }, patch: [] }\n  - { target: { kind: Deployment, name: web }, patch: [] }\n  - patch: |\n      kind: Service\n      metadata: { name: web }\n  - { patch: [] }\n";
        let root = crate::yaml::read::read_document(&Source::new("x", text)).unwrap();
        let items = list_items(&root, "app");
        let names: Vec<_> = items.iter().map(|item| item.name("app")).collect();
        assert_eq!(
            names,
            [
                "A",
                "B",
                "tls/K",
                "images.nginx",
                "replicas.web",
                "patches.a.yaml",
                "patches.b.yaml",
                "patches.Deployment/web",
                "patches.Deployment/web#2",
                "patches.Service/web",
                "patches.patch",
                "vars.x"
            ]
        );
        for item in &items {
            assert!(find_item(&root, item, "app").is_some(), "{item:?}");
        }
        let meant = |pattern: &str| {
            items
                .iter()
                .filter(|item| item.is_meant_by(pattern, "app"))
                .map(|item| item.name("app"))
                .collect::<Vec<_>>()
        };
        assert_eq!(meant("*"), ["A", "B", "tls/K"]);
        assert_eq!(meant("K"), ["tls/K"]);
        assert_eq!(meant("app/*"), ["A", "B"]);
        assert_eq!(meant("patches.*.yaml"), ["patches.a.yaml", "patches.b.yaml"]);
        assert_eq!(meant("vars.x"), ["vars.x"]);
    }
}
