//! Metadata as single lines, for formats without nesting (format, section 1.11): names on the path are joined by
//! `__map_`, positions by `__list_`.

use std::collections::BTreeMap;

use crate::document::scalar::TypedValue;
use crate::document::tree::{SopsMap, SopsTree};
use septum_base::sort::sort;

/// The fields as sorted lines of names and texts.
pub(super) fn flatten_fields(fields: &SopsMap) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (key, value) in fields.values() {
        flatten_into(&mut lines, key.text.clone(), value);
    }
    sort(&mut lines);
    lines
}

fn flatten_into(lines: &mut Vec<(String, String)>, name: String, tree: &SopsTree) {
    match tree {
        SopsTree::Leaf(leaf) => {
            let text = match &leaf.value {
                TypedValue::Null | TypedValue::Comment => return,
                TypedValue::Bool(bool) => bool.to_string(),
                other => String::from_utf8_lossy(&other.bytes().unwrap_or_default()).into_owned(),
            };
            lines.push((name, text));
        }
        SopsTree::List(list) => {
            for (index, value) in list.values().enumerate() {
                flatten_into(lines, format!("{name}__list_{index}"), value);
            }
        }
        SopsTree::Map(map) => {
            for (key, value) in map.values() {
                flatten_into(lines, format!("{name}__map_{}", key.text), value);
            }
        }
    }
}

/// A step of a flat name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum FlatStep<'a> {
    Key(&'a str),
    Index(usize),
}

enum FlatBranch {
    Leaf(SopsTree),
    Keys(Vec<(String, Self)>),
    Positions(BTreeMap<usize, Self>),
}

/// The fields of lines of names and values; none if two of them contradict each other, or a list has gaps.
pub(super) fn unflatten_lines(lines: Vec<(String, SopsTree)>) -> Option<SopsMap> {
    let mut root = FlatBranch::Keys(Vec::new());
    for (name, leaf) in lines {
        let steps = split_steps(&name)?;
        root.insert_leaf(&steps, leaf)?;
    }
    match root.into_tree()? {
        SopsTree::Map(map) => Some(map),
        SopsTree::Leaf(_) | SopsTree::List(_) => None,
    }
}

fn split_steps(name: &str) -> Option<Vec<FlatStep<'_>>> {
    let mut steps = Vec::new();
    let mut rest = name;
    let mut is_index = false;
    loop {
        let next = [(rest.find("__map_"), "__map_".len(), false), (rest.find("__list_"), "__list_".len(), true)];
        let next = next.into_iter().filter_map(|(at, length, index)| Some((at?, length, index))).min();
        let word = next.map_or(Some(rest), |(at, _, _)| rest.get(..at))?;
        steps.push(if is_index { FlatStep::Index(word.parse().ok()?) } else { FlatStep::Key(word) });
        let Some((at, length, index)) = next else { return Some(steps) };
        (rest, is_index) = (rest.get(at + length..)?, index);
    }
}

impl FlatBranch {
    fn insert_leaf(&mut self, steps: &[FlatStep<'_>], leaf: SopsTree) -> Option<()> {
        let (first, rest) = steps.split_first()?;
        let below = match (self, first) {
            (Self::Keys(keys), FlatStep::Key(key)) => {
                let at = keys.iter().position(|(known, _)| known == key);
                let at = at.unwrap_or_else(|| {
                    keys.push(((*key).to_owned(), Self::new(rest)));
                    keys.len() - 1
                });
                &mut keys.get_mut(at)?.1
            }
            (Self::Positions(positions), FlatStep::Index(index)) => {
                positions.entry(*index).or_insert_with(|| Self::new(rest))
            }
            _ => return None,
        };
        if rest.is_empty() {
            let free = matches!(below, Self::Positions(positions) if positions.is_empty());
            *below = Self::Leaf(leaf);
            return free.then_some(());
        }
        below.insert_leaf(rest, leaf)
    }

    /// Creates the container that the next step requires; a leaf is an empty list until it is set.
    fn new(rest: &[FlatStep<'_>]) -> Self {
        match rest.first() {
            Some(FlatStep::Key(_)) => Self::Keys(Vec::new()),
            Some(FlatStep::Index(_)) | None => Self::Positions(BTreeMap::new()),
        }
    }

    fn into_tree(self) -> Option<SopsTree> {
        Some(match self {
            Self::Leaf(tree) => tree,
            Self::Keys(keys) => {
                let mut map = SopsMap::default();
                for (key, branch) in keys {
                    map.put_value(&key, branch.into_tree()?);
                }
                SopsTree::Map(map)
            }
            Self::Positions(positions) => {
                let dense = positions.keys().copied().eq(0..positions.len());
                let values: Option<Vec<SopsTree>> = positions.into_values().map(Self::into_tree).collect();
                dense.then(|| values.map(SopsTree::from_list)).flatten()?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(names: &[&str]) -> Vec<(String, SopsTree)> {
        names.iter().map(|name| ((*name).to_owned(), SopsTree::from_text(*name))).collect()
    }

    #[test]
    fn lines_give_back_the_fields_they_came_from() {
        let names = ["age__list_0__map_enc", "age__list_0__map_recipient", "age__list_1__map_enc", "mac"];
        let fields = unflatten_lines(lines(&names)).expect("fits");
        let flat: Vec<String> = flatten_fields(&fields).into_iter().map(|(name, _)| name).collect();
        assert_eq!(flat, names);
    }

    #[test]
    fn lines_that_contradict_each_other_are_refused() {
        for names in [
            &["a", "a"][..],
            &["a", "a__map_b"],
            &["a__map_b", "a"],
            &["a__map_b", "a__list_0"],
            &["a__list_1"],
            &["a__list_x"],
            &["a__list_0", "a__list_2"],
        ] {
            assert!(unflatten_lines(lines(names)).is_none(), "{names:?}");
        }
    }
}
