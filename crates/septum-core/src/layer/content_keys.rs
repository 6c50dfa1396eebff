//! Keys that an overlay of `content` adds and that are more likely mistyped than new.
//!
//! Nothing declares the keys of a structure, so a new one is legitimate. But a key that resembles an operator and is
//! not one, or that nearly equals an existing key, would be added beside the key that it was meant to change.

use super::tree::{self, Tree, TreeKind, join_path};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, nearest_slip};
use crate::map::IndexMap;

/// Characters that other tools, or a typing error, put around the name of a list.
const SIGNS: [char; 10] = ['+', '-', '~', '=', '?', '!', '&', '<', '>', ' '];

/// A mapping of content that an overlay changes.
#[derive(Clone, Copy)]
struct ChangedMapping<'a> {
    /// Layer that changes it.
    layer: &'a str,
    known: &'a IndexMap<String, Tree>,
    changes: &'a IndexMap<String, Tree>,
    path: &'a str,
}

/// Reports keys of `changes` that `known` does not have and that are hardly meant as new ones.
///
/// Errors: `not-a-list`, and `unknown-key`, which is a warning where the key may be new.
pub(super) fn report_mistyped_keys(known: &Tree, changes: &Tree, path: &str, layer: &str, problems: &mut Diagnostics) {
    let (TreeKind::Map(known), TreeKind::Map(changes)) = (&known.kind, &changes.kind) else { return };
    let mapping = ChangedMapping { layer, known, changes, path };
    for (key, change) in changes {
        match known.get(key) {
            Some(below) => report_mistyped_keys(below, change, &join_path(path, key), layer, problems),
            None => problems.extend(mapping.mistyped_key(key, change)),
        }
    }
}

impl ChangedMapping<'_> {
    fn mistyped_key(self, key: &str, change: &Tree) -> Option<Diagnostic> {
        let adds_to = tree::list_name(key, change);
        match adds_to {
            // a value that is not a list is reported when merging
            Some(name) if self.known.contains_key(name) => None,
            Some(name) => self.no_operator(key, change).or_else(|| self.near_miss(name, change)),
            // so is a value added to a list that is not a list
            None if tree::stem_of_list(key, self.known).is_some() => None,
            None => self
                .no_operator(key, change)
                .or_else(|| self.dotted(key, change))
                .or_else(|| self.near_miss(key, change)),
        }
    }

    /// Reports `hosts++`, `-hosts` or `hosts[0]`, where `hosts` exists.
    fn no_operator(self, key: &str, change: &Tree) -> Option<Diagnostic> {
        let name = without_index(key.trim_matches(SIGNS)).trim_matches(SIGNS);
        let (name, old) = self.known.get_key_value(name).filter(|_| name != key)?;
        let path = join_path(self.path, name);
        let message = format!("`{key}` is not an operator, and would be a new key beside `{path}`");
        let error = Diagnostic::error(Rule::UnknownKey, message)
            .at(change.place.clone())
            .at_masked_with(old.place.clone(), format!("`{name}`"));
        Some(match &old.kind {
            TreeKind::List(_) => error
                .hint(format!("`{name}+: [ … ]` appends, `+{name}: [ … ]` prepends, `{name}: [ … ]` replaces"))
                .hint("single items of a list cannot be changed or removed"),
            TreeKind::Map(_) => error.hint(format!("`{name}:` merges by key, and `{name}: null` removes it")),
            TreeKind::Leaf(_) => error.hint(format!("`{name}:` replaces it, and `{name}: null` removes it")),
        })
    }

    /// Reports `server.port`, where `server: { port: … }` exists.
    fn dotted(self, key: &str, change: &Tree) -> Option<Diagnostic> {
        let mut parts = key.split('.');
        let first = self.known.get(parts.next()?)?;
        let mut old = first;
        for part in parts {
            let TreeKind::Map(map) = &old.kind else { return None };
            old = map.get(part)?;
        }
        let nested = key.replace('.', ": { ");
        let ends = " }".repeat(key.matches('.').count());
        Some(self.warning(key, change).hint(format!("to change the existing key, write `{nested}: …{ends}`")))
    }

    /// Reports a key that nearly equals an existing one that the overlay does not set.
    fn near_miss(self, name: &str, change: &Tree) -> Option<Diagnostic> {
        let is_left = |key: &str| !self.changes.contains_key(key) && self.is_alike(key, change);
        let near = nearest_slip(name, self.known.keys().map(String::as_str), is_left)?;
        Some(self.warning(name, change).hint(format!("did you mean `{near}`?")))
    }

    /// Whether a change has the kind of the existing value; a removal fits every kind.
    fn is_alike(self, key: &str, change: &Tree) -> bool {
        let is_same = |old: &Tree| std::mem::discriminant(&old.kind) == std::mem::discriminant(&change.kind);
        change.is_null() || self.known.get(key).is_some_and(|old| is_same(old) || old.is_null())
    }

    fn warning(self, key: &str, change: &Tree) -> Diagnostic {
        let (path, layer) = (join_path(self.path, key), self.layer);
        let message = if change.is_null() {
            format!("`{path}` is removed in `{layer}`, but no lower layer defines it")
        } else {
            format!("`{path}` is new in `{layer}`: no lower layer defines it")
        };
        Diagnostic::warning(Rule::UnknownKey, message).at(change.place.clone())
    }
}

/// Key without the index of an item: `hosts[0]`, `hosts[]`, `hosts.0`, `hosts/0`.
fn without_index(key: &str) -> &str {
    let bracketed = key.strip_suffix(']').and_then(|rest| rest.split_once('['));
    let numbered = key.rsplit_once(['.', '/']).filter(|(_, end)| end.bytes().all(|byte| byte.is_ascii_digit()));
    match (bracketed, numbered) {
        (Some((name, _)), _) => name,
        (None, Some((name, end))) if !end.is_empty() => name,
        (None, _) => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Source;
    use crate::yaml;

    fn tree(text: &str) -> Tree {
        let source = Source::new("x.yaml", text);
        Tree::from_node(yaml::read::read_document(&source).expect("valid"), &source)
    }

    fn found(base: &str, overlay: &str) -> Vec<(bool, String, String)> {
        let mut problems = Diagnostics::new();
        report_mistyped_keys(&tree(base), &tree(overlay), "", "dev", &mut problems);
        let parts =
            |it: &Diagnostic| (it.is_error(), it.message.clone(), it.hints.first().cloned().unwrap_or_default());
        problems.iter().map(parts).collect()
    }

    const BASE: &str =
        "{ server: { port: 80, timeout: 5 }, hosts: [a], tls: { cert: x }, host1: x, http: 1, \"*.a\": 1 }";

    #[test]
    fn a_key_that_looks_like_an_operator_and_is_none_is_an_error() {
        for (key, value) in [
            ("hosts++", "[b]"),
            ("hosts-", "[a]"),
            ("-hosts", "[a]"),
            ("~hosts", "x"),
            ("hosts+=", "[b]"),
            ("hosts[0]", "b"),
            ("hosts[]", "b"),
            ("hosts.0", "b"),
            ("hosts/0", "b"),
            ("hosts[+]", "b"),
            ("++hosts", "[b]"),
            ("tls+", "{ key: y }"),
            ("+tls", "{ key: y }"),
            ("http+", "2"),
            ("tls-", "null"),
        ] {
            let found = found(BASE, &format!("{{ \"{key}\": {value} }}"));
            let is_reported =
                matches!(found.as_slice(), [(true, message, _)] if message.contains("is not an operator"));
            assert!(is_reported, "{key}: {found:?}");
        }
    }

    #[test]
    fn a_key_that_is_nearly_another_is_a_warning() {
        for (overlay, path, hint) in [
            ("server: { prot: 81 }", "server.prot", "did you mean `port`?"),
            ("server: { Port: 81 }", "server.Port", "did you mean `port`?"),
            ("sevrer: { port: 81 }", "sevrer", "did you mean `server`?"),
            ("hsots+: [b]", "hsots", "did you mean `hosts`?"),
            ("server: { timeuot: null }", "server.timeuot", "did you mean `timeout`?"),
            ("server.port: 81", "server.port", "to change the existing key, write `server: { port: … }`"),
        ] {
            let found = found(BASE, overlay);
            let is_reported =
                matches!(found.as_slice(), [(false, message, told)] if message.contains(path) && told == hint);
            assert!(is_reported, "{overlay}: {found:?}");
        }
    }

    #[test]
    fn a_key_that_may_be_new_is_left_alone() {
        for overlay in [
            "server: { host: x, ports: [1] }",
            "host2: y",
            "https: 2",
            "a: 1",
            "\"b.a\": 1",
            "server: { port: 81, prot: 82 }",
            "new+: [c]",
            "server: [prot]",
            "cors: { hosts-: 1 }",
        ] {
            assert_eq!(found(BASE, overlay), [], "{overlay}");
        }
    }
}
