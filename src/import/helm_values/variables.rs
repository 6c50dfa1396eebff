//! Maps of values that charts turn into environment variables.

use std::collections::{BTreeMap, BTreeSet};

use super::super::plan::ImportPlan;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::tree::{Tree, TreeKind, join_path};
use crate::map::IndexMap;
use crate::span::Source;
use crate::yaml::kubectl::{JsonScalar, json_scalar, json_type};
use crate::yaml::node::Scalar;
use crate::yaml::scalar::CoreType;

/// Names of maps that charts turn into environment variables.
const VARIABLE_MAPS: [&str; 8] =
    ["config", "env", "envVars", "environment", "extraEnv", "extraEnvVars", "extraEnvs", "environmentVariables"];

/// Hint about the option.
pub(super) const DATA_HINT: &str = "`--data` takes the path of a map of scalars, or of a list of `name` and `value`";

/// The value at a path of keys.
pub(super) fn value_at<'t>(tree: &'t Tree, path: &str) -> Option<&'t Tree> {
    path.split('.').try_fold(tree, |tree, key| tree.get(key))
}

/// Environment variables at a path: a map of scalars, or a list of `name` and `value`.
pub(super) fn variables_at<'t>(tree: &'t Tree, path: &str) -> Option<IndexMap<String, &'t Tree>> {
    variables_of(value_at(tree, path)?)
}

/// Whether a value is null, by which values of a chart are removed.
pub(super) fn is_unset(tree: &Tree) -> bool {
    matches!(&tree.kind, TreeKind::Leaf(scalar) if scalar.is_null() || scalar.blank)
}

/// Text of a variable, unless it is null.
pub(super) fn variable_text(tree: &Tree) -> Option<&str> {
    tree.as_text().filter(|_| !is_unset(tree))
}

/// Whether a text is a name of a variable, as an entry has it.
fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Errors: parts of a value that keep it from being a map of variables or a list of them.
pub(super) fn check_variables(tree: &Tree, file: &str) -> Diagnostics {
    let wrong = |part: &Tree, what: String| {
        let error = Diagnostic::error(Rule::Usage, format!("{what}, so it cannot be an entry of `data`"));
        error.at_masked(part.place.clone()).hint(DATA_HINT)
    };
    match &tree.kind {
        TreeKind::Leaf(_) => wrong(tree, format!("the value at the path of `--data` in `{file}` is a scalar")).into(),
        TreeKind::Map(map) => {
            let of_value = |(key, value): (&String, &Tree)| match value.kind {
                _ if !is_variable_name(key) => Some(wrong(value, format!("`{key}` is not a valid key of a ConfigMap"))),
                TreeKind::Leaf(_) => None,
                _ => Some(wrong(value, format!("`{key}` is {}", value.noun()))),
            };
            map.iter().filter_map(of_value).collect()
        }
        TreeKind::List(items) => {
            let of_item = |item: &Tree| {
                let is_pair = item.as_map().is_some_and(|map| map.len() == 2);
                let name = item.get("name").and_then(Tree::as_text).filter(|name| is_pair && is_variable_name(name));
                let is_valid = name.is_some() && item.get("value").and_then(Tree::as_text).is_some();
                (!is_valid).then(|| wrong(item, "an item is not a pair of `name` and `value`".to_owned()))
            };
            items.iter().filter_map(of_item).collect()
        }
    }
}

fn variables_of(tree: &Tree) -> Option<IndexMap<String, &Tree>> {
    let is_name = is_variable_name;
    let found: Option<IndexMap<String, &Tree>> = match &tree.kind {
        TreeKind::Map(map) => {
            let pair = |(key, value): (&String, &'_ Tree)| {
                (is_name(key) && matches!(&value.kind, TreeKind::Leaf(_))).then(|| key.clone())
            };
            let keys: Option<Vec<String>> = map.iter().map(pair).collect();
            keys.map(|keys| keys.into_iter().zip(map.values()).collect())
        }
        TreeKind::List(items) => items
            .iter()
            .map(|item| {
                let is_pair = item.as_map().is_some_and(|map| map.len() == 2);
                let name = item.get("name").and_then(Tree::as_text).filter(|name| is_pair && is_name(name))?;
                let value = item.get("value").filter(|value| value.as_text().is_some())?;
                Some((name.to_owned(), value))
            })
            .collect(),
        TreeKind::Leaf(_) => None,
    };
    found.filter(|found| !found.is_empty())
}

/// Notes the maps that look like environment variables.
pub(super) fn offer_variables(source: &Source, merged: &[Tree], chosen: &[String], plan: &mut ImportPlan) {
    let mut paths = BTreeMap::new();
    for tree in merged {
        find_variables(tree, "", &mut paths);
    }
    for (path, count) in paths.into_iter().filter(|(path, _)| !chosen.contains(path)) {
        let noun = if count == 1 { "value" } else { "values" };
        plan.note(
            source.name(),
            format!("`{path}` looks like environment variables ({count} {noun}): `--data {path}` makes them entries of `data`"),
        );
    }
}

fn find_variables(tree: &Tree, path: &str, found: &mut BTreeMap<String, usize>) {
    for (key, value) in tree.as_map().into_iter().flatten() {
        let path = join_path(path, key);
        match variables_of(value).filter(|_| VARIABLE_MAPS.contains(&key.as_str())) {
            Some(variables) => drop(found.insert(path, variables.len())),
            None => find_variables(value, &path, found),
        }
    }
}

/// Notes the variables that Helm passes to templates as another text than that of their entry.
pub(super) fn note_other_texts(source: &Source, merged: &[Tree], data: &[String], plan: &mut ImportPlan) {
    let mut names = BTreeSet::new();
    for (tree, path) in merged.iter().flat_map(|tree| data.iter().map(move |path| (tree, path))) {
        let variables = variables_at(tree, path).unwrap_or_default();
        let is_other = |tree: &Tree| matches!(&tree.kind, TreeKind::Leaf(scalar) if has_other_text(scalar));
        names.extend(variables.iter().filter(|(_, tree)| is_other(tree)).map(|(key, _)| format!("`{path}.{key}`")));
    }
    if names.is_empty() {
        return;
    }
    let names: Vec<_> = names.into_iter().collect();
    let text = "Helm prints `1.10` as `1.1`, and `yes` as `true`: the entries have the text as written, not as printed";
    plan.note(source.name(), format!("{}: {text}", names.join(", ")));
}

/// Whether a template of Helm writes a scalar as another text than it has. Numbers are those of 64 bits for it, and
/// Go writes those from a million on with an exponent.
fn has_other_text(scalar: &Scalar) -> bool {
    let text = scalar.text();
    match json_type(scalar) {
        CoreType::String | CoreType::Null => false,
        CoreType::Bool => !matches!(text, "true" | "false"),
        CoreType::Int | CoreType::Float => {
            let value = match json_scalar(text) {
                JsonScalar::Number(number) => number.parse::<f64>().ok(),
                JsonScalar::Null | JsonScalar::Bool(_) | JsonScalar::Text(_) => None,
            };
            let is_plain = |value: &f64| *value == 0.0 || (1e-4..1e6).contains(&value.abs());
            value.filter(is_plain).is_none_or(|value| value.to_string() != text)
        }
    }
}
