//! Structures (`vars`, `content`): nodes with the location of their source, and how they merge.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::map::Entry;

use super::unexpected::known_cause;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::IndexMap;
use crate::span::{Location, Source};
use crate::value::OutputValue;
use crate::yaml::node::{MERGE_KEY, Scalar, YamlKind, YamlNode, is_gap};

/// Structure merged from several files; every part has its location.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Location of the layer that last wrote this part.
    pub place: Location,
    /// Kind of this part, with its content.
    pub kind: TreeKind,
}

/// Kind of a part of a structure. Scalars are shared, not copied, between environments.
#[derive(Debug, Clone)]
pub enum TreeKind {
    /// A scalar.
    Leaf(Arc<Scalar>),
    /// A list.
    List(Vec<Tree>),
    /// A mapping.
    Map(IndexMap<String, Tree>),
}

impl Tree {
    /// Converts a node read from `source`.
    pub fn from_node(node: YamlNode, source: &Source) -> Self {
        let place = source.place(node.span);
        let kind = match node.kind {
            YamlKind::Scalar(scalar) if scalar.broken => return Self::broken(place),
            YamlKind::Scalar(scalar) => TreeKind::Leaf(Arc::new(scalar)),
            YamlKind::List(items) => {
                TreeKind::List(items.into_iter().map(|item| Self::from_node(item, source)).collect())
            }
            YamlKind::Map(map) => {
                let mut has_gap = false;
                let parts = map.into_iter().map(|(key, value)| {
                    has_gap |= is_gap(&key, &value);
                    (key.text, Self::from_node(value, source))
                });
                let parts = parts.collect();
                if has_gap {
                    return Self::without_gaps(place, parts);
                }
                TreeKind::Map(parts)
            }
        };
        Self { place, kind }
    }

    /// A mapping of which keys are not valid. If any others may be missing, nothing of it is certain.
    fn without_gaps(place: Location, mut parts: IndexMap<String, Self>) -> Self {
        if parts.get(MERGE_KEY).is_some_and(Self::is_broken) {
            return Self::broken(place);
        }
        parts.shift_remove("");
        Self { place, kind: TreeKind::Map(parts) }
    }

    /// A part that is not valid YAML: it exists, and is not known.
    fn broken(place: Location) -> Self {
        let mut scalar = Scalar::broken();
        (scalar.blank, scalar.locked) = (false, true);
        Self { place, kind: TreeKind::Leaf(Arc::new(scalar)) }
    }

    /// Whether it is not valid YAML, which was reported.
    pub fn is_broken(&self) -> bool {
        matches!(&self.kind, TreeKind::Leaf(scalar) if scalar.broken)
    }

    /// Whether a part of it is not valid YAML.
    pub fn has_broken(&self) -> bool {
        match &self.kind {
            TreeKind::Leaf(scalar) => scalar.broken,
            TreeKind::List(items) => items.iter().any(Self::has_broken),
            TreeKind::Map(map) => map.values().any(Self::has_broken),
        }
    }

    /// Output value of the structure, as written.
    pub fn to_value(&self) -> OutputValue<'_> {
        match &self.kind {
            TreeKind::Leaf(scalar) => scalar.to_value(),
            TreeKind::List(items) => OutputValue::List(items.iter().map(Self::to_value).collect()),
            TreeKind::Map(map) => {
                OutputValue::Map(map.iter().map(|(key, value)| (Cow::from(key.as_str()), value.to_value())).collect())
            }
        }
    }

    /// Noun for this kind of value, with its article.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            TreeKind::Leaf(scalar) if scalar.is_null() => "null",
            TreeKind::Leaf(_) => "a scalar",
            TreeKind::List(_) => "a list",
            TreeKind::Map(_) => "a mapping",
        }
    }

    /// Whether it is a mapping without keys.
    pub(super) fn is_empty_map(&self) -> bool {
        matches!(&self.kind, TreeKind::Map(map) if map.is_empty())
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, TreeKind::Leaf(scalar) if scalar.is_null())
    }

    /// Calls `visit` with every scalar and its path (`server.port`, `hosts[0]`).
    pub fn leaves<'a>(&'a self, path: &str, visit: &mut impl FnMut(&str, &'a Self, &'a Scalar)) {
        match &self.kind {
            TreeKind::Leaf(scalar) => visit(path, self, scalar),
            TreeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.leaves(&format!("{path}[{index}]"), visit);
                }
            }
            TreeKind::Map(map) => {
                for (key, value) in map {
                    value.leaves(&join_path(path, key), visit);
                }
            }
        }
    }
}

/// Path of a key below `path`.
pub fn join_path(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Merges `patch` over `target` by RFC 7386 (JSON Merge Patch): maps merge by key, `null` removes
/// a key, everything else replaces. Beyond the RFC, a key `list+` with a list appends to `list`,
/// and `+list` prepends.
pub fn merge_trees(target: &mut Tree, patch: &Tree, problems: &mut Diagnostics) {
    let TreeKind::Map(changes) = &patch.kind else {
        *target = patch.clone();
        return;
    };
    if target.is_broken() {
        return;
    }
    if !matches!(target.kind, TreeKind::Map(_)) {
        *target = Tree { place: patch.place.clone(), kind: TreeKind::Map(IndexMap::default()) };
    }
    let TreeKind::Map(map) = &mut target.kind else { return };
    for (key, change) in changes {
        let operator = list_operator(key);
        if let (TreeKind::List(items), Some((name, end))) = (&change.kind, operator) {
            problems.extend(extend_list(map, name, end, items, change).err());
        } else if let Some((name, list)) = operator.and_then(|(name, _)| Some((name, list_under(map, name)?))) {
            problems.push(adds_no_list(name, list, change));
        } else if change.is_null() {
            map.shift_remove(key);
        } else {
            match map.entry(key.clone()) {
                Entry::Occupied(mut old) => merge_trees(old.get_mut(), change, problems),
                Entry::Vacant(new) => merge_trees(new.insert(empty_map(change)), change, problems),
            }
        }
    }
}

/// List that a key would add to, if its value were a list.
pub fn stem_of_list<'k>(key: &'k str, map: &IndexMap<String, Tree>) -> Option<&'k str> {
    list_operator(key).map(|(name, _)| name).filter(|name| list_under(map, name).is_some())
}

/// List under a key.
fn list_under<'t>(map: &'t IndexMap<String, Tree>, name: &str) -> Option<&'t Tree> {
    map.get(name).filter(|value| matches!(value.kind, TreeKind::List(_)))
}

/// Error: a value other than a list is added to a list.
fn adds_no_list(name: &str, list: &Tree, change: &Tree) -> Diagnostic {
    let noun = change.noun();
    Diagnostic::error(Rule::NotAList, format!("cannot add {noun} to the list `{name}`: expected a list"))
        .with_cause(known_cause(change.is_broken()))
        .at_masked(change.place.clone())
        .at_masked_with(list.place.clone(), "the list")
        .hint(format!("write `{name}+: [ … ]`, or `{name}:` to replace it"))
}

/// Reports mistakes in the keys that add to lists, within one layer.
pub fn misused_list_operators(tree: &Tree, problems: &mut Diagnostics) {
    match &tree.kind {
        TreeKind::Leaf(_) => {}
        TreeKind::List(items) => items.iter().for_each(|item| misused_list_operators(item, problems)),
        TreeKind::Map(map) => {
            for (key, value) in map {
                if let (TreeKind::List(_), Some((name, end))) = (&value.kind, list_operator(key)) {
                    let both = matches!(end, ListEnd::Back) && name.len() > 1 && name.starts_with('+');
                    let at =
                        |message: String| Diagnostic::error(Rule::NotAList, message).at_masked(value.place.clone());
                    if both {
                        let message = format!("`{key}` adds to both ends of a list");
                        let name = name.trim_start_matches('+');
                        problems.push(at(message).hint(format!("write `{name}+:` to append, `+{name}:` to prepend")));
                    } else if let Some(other) = map.get(name) {
                        let message =
                            format!("`{name}` and `{key}` are in the same mapping, but only one of them can apply");
                        let problem = at(message).at_masked_with(other.place.clone(), format!("`{name}`"));
                        problems.push(problem.hint(format!("write all items under `{name}:`")));
                    }
                }
                misused_list_operators(value, problems);
            }
        }
    }
}

/// Structure as the first layer gives it: nulls are values, and `list+` is just a list.
pub fn first_layer(tree: &Tree) -> Tree {
    let kind = match &tree.kind {
        TreeKind::Map(map) => TreeKind::Map(
            map.iter()
                .map(|(key, value)| match (&value.kind, list_operator(key)) {
                    (TreeKind::List(_), Some((name, _))) => (name.to_owned(), value.clone()),
                    _ => (key.clone(), first_layer(value)),
                })
                .collect(),
        ),
        other => other.clone(),
    };
    Tree { place: tree.place.clone(), kind }
}

/// Empty mapping to merge into. RFC 7386 applies a new object to an empty one, so that its nulls vanish.
fn empty_map(at: &Tree) -> Tree {
    Tree { place: at.place.clone(), kind: TreeKind::Map(IndexMap::default()) }
}

/// End of a list that new items are added to.
#[derive(Clone, Copy)]
enum ListEnd {
    Front,
    Back,
}

/// List that a key adds to, if it has a list operator and a list.
pub(super) fn list_name<'k>(key: &'k str, change: &Tree) -> Option<&'k str> {
    matches!(change.kind, TreeKind::List(_)).then(|| list_operator(key)).flatten().map(|(name, _)| name)
}

fn list_operator(key: &str) -> Option<(&str, ListEnd)> {
    match (key.strip_suffix('+'), key.strip_prefix('+')) {
        (Some(name), _) if !name.is_empty() => Some((name, ListEnd::Back)),
        (_, Some(name)) if !name.is_empty() => Some((name, ListEnd::Front)),
        _ => None,
    }
}

fn extend_list(
    map: &mut IndexMap<String, Tree>,
    name: &str,
    end: ListEnd,
    items: &[Tree],
    change: &Tree,
) -> Result<(), Diagnostic> {
    let old = map
        .entry(name.to_owned())
        .or_insert_with(|| Tree { place: change.place.clone(), kind: TreeKind::List(Vec::new()) });
    if old.is_broken() {
        return Ok(());
    }
    let noun = old.noun();
    let TreeKind::List(list) = &mut old.kind else {
        return Err(Diagnostic::error(
            Rule::NotAList,
            format!("cannot add items to `{name}`: it is {noun}, not a list"),
        )
        .at_masked(change.place.clone())
        .at_masked_with(old.place.clone(), format!("{noun} here"))
        .hint(format!("write `{name}:` to replace it")));
    };
    let at = match end {
        ListEnd::Front => 0,
        ListEnd::Back => list.len(),
    };
    list.splice(at..at, items.iter().cloned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn tree(text: &str) -> Tree {
        let source = Source::new("x.yaml", text);
        Tree::from_node(yaml::read::read_document(&source).expect("valid"), &source)
    }

    fn show(tree: &Tree) -> String {
        match &tree.kind {
            TreeKind::Leaf(scalar) if scalar.is_null() => "null".to_owned(),
            TreeKind::Leaf(scalar) => format!("{:?}", scalar.text()),
            TreeKind::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
            TreeKind::Map(map) => {
                let pairs: Vec<_> = map.iter().map(|(key, value)| format!("{key:?}:{}", show(value))).collect();
                format!("{{{}}}", pairs.join(","))
            }
        }
    }

    fn merged(base: &str, patch: &str) -> String {
        let mut problems = Diagnostics::new();
        let mut base = tree(base);
        merge_trees(&mut base, &tree(patch), &mut problems);
        problems.into_sorted().first().map_or_else(|| show(&base), |problem| problem.message.clone())
    }

    #[test]
    fn structures_merge_as_rfc_7386_appendix_a_says() {
        let rows: Vec<[serde_json::Value; 3]> =
            serde_json::from_str(include_str!("../../../../tests/vectors/rfc7386.json")).expect("the table is JSON");
        assert_eq!(rows.len(), 15);
        for [original, patch, expected] in rows {
            let expected = show(&tree(&expected.to_string()));
            assert_eq!(merged(&original.to_string(), &patch.to_string()), expected, "{original} {patch}");
        }
    }

    #[test]
    fn lists_grow_only_where_asked() {
        for (patch, expected) in [
            ("l: [c]", r#"{"l":["c"]}"#),
            ("l+: [c]", r#"{"l":["a","b","c"]}"#),
            ("+l: [c]", r#"{"l":["c","a","b"]}"#),
            ("new+: [c]", r#"{"l":["a","b"],"new":["c"]}"#),
            ("c++: 1", r#"{"l":["a","b"],"c++":"1"}"#),
            ("c+: 1", r#"{"l":["a","b"],"c+":"1"}"#),
            ("l+: c", "cannot add a scalar to the list `l`: expected a list"),
            ("+l: {c: 1}", "cannot add a mapping to the list `l`: expected a list"),
            ("l+: null", "cannot add null to the list `l`: expected a list"),
        ] {
            assert_eq!(merged("l: [a, b]", patch), expected, "{patch}");
        }
        assert_eq!(merged("l: {a: 1}", "l+: [b]"), "cannot add items to `l`: it is a mapping, not a list");
    }

    #[test]
    fn a_list_is_added_to_at_one_end_and_not_replaced_beside_it() {
        for (text, expected) in [
            ("+l+: [c]", Some("`+l+` adds to both ends of a list")),
            ("a: { l+: [1], l: [2] }", Some("`l` and `l+` are in the same mapping, but only one of them can apply")),
            ("a: [{ +l: [1], l: [2] }]", Some("`l` and `+l` are in the same mapping, but only one of them can apply")),
            ("{ l+: [1], +l: [2] }", None),
            ("{ c++: 1, l+: x, '+': [1] }", None),
        ] {
            let mut problems = Diagnostics::new();
            misused_list_operators(&tree(text), &mut problems);
            let found = problems.into_sorted();
            assert_eq!(found.first().map(|problem| problem.message.as_str()), expected, "{text}");
        }
    }

    #[test]
    fn every_leaf_has_a_path() {
        let tree = tree("server: {port: 1, hosts: [a, b]}");
        let mut paths = Vec::new();
        tree.leaves("", &mut |path, _, _| paths.push(path.to_owned()));
        assert_eq!(paths, ["server.port", "server.hosts[0]", "server.hosts[1]"]);
    }
}
