//! Rules of variables: `varRules` of a layer, beside `vars`, whose mappings are values.

use std::sync::Arc;

use super::entry::EntrySchema;
use super::fields::LayerFields;
use super::schema::{self, SCHEMA_KEYWORDS};
use super::unexpected::unexpected_value;
use super::variable_path::part_at;
use super::{Layer, Tree, TreeKind};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::IndexMap;
use crate::span::{Located, Source};
use crate::yaml::node::{Mapping, Scalar, YamlKind, YamlStyle};

/// Rules of variables by path.
pub type VariableRules = IndexMap<String, Located<Arc<EntrySchema>>>;

/// Rules that apply to variables; routing is not one of them, since a variable is in no object.
const RULES: [&str; 4] = ["required", "description", "deprecated", "format"];

/// All rules of a variable.
pub(super) fn known_fields() -> impl Iterator<Item = &'static str> {
    RULES.into_iter().chain(SCHEMA_KEYWORDS)
}

/// Reads `varRules`.
pub(super) fn read_variable_rules(map: Mapping, source: &Source, problems: &mut Diagnostics) -> VariableRules {
    let known: Vec<&str> = known_fields().collect();
    let mut rules = VariableRules::default();
    for (key, node) in map {
        let place = source.place(key.span);
        let YamlKind::Map(map) = node.kind else {
            let error =
                unexpected_value(&format!("varRules.{}", key.text), "a mapping of rules", &node, &place, source);
            problems.push(error.hint("values of variables are under `vars`"));
            continue;
        };
        let of = format!("the rules of the variable `{}`", key.text);
        let mut fields = LayerFields::new(map, &known, &of, source, problems);
        let mut found = EntrySchema::take_from(&mut fields, problems);
        found.deprecated.take_if(|word| word.value == "false");
        found.schema = schema::read_schema(fields.into_rest(), source, problems);
        rules.insert(key.text, Located { value: Arc::new(found), place });
    }
    rules
}

/// Merges the rules of a layer over those of the layers below it. A layer that defines variables defines those with
/// rules too; other layers may only change the rules of defined ones.
pub(super) fn overlay_rules(
    rules: &mut VariableRules,
    defined: &mut Option<Tree>,
    layer: &Layer,
    problems: &mut Diagnostics,
) {
    for (path, change) in &layer.variable_rules {
        let is_known = rules.contains_key(path) || defined.as_ref().is_some_and(|vars| part_at(vars, path).is_some());
        if !is_known && !layer.role.defines() {
            let message = format!("`varRules.{path}` is set in `{}`, but the variable is not defined", layer.name);
            problems.push(
                Diagnostic::error(Rule::UnknownKey, message)
                    .at(change.place.clone())
                    .hint("define the variable, or its rules, in `base.yaml`"),
            );
            continue;
        }
        if !is_known {
            define_path(defined, path, change);
        }
        match rules.get_mut(path) {
            Some(known) => EntrySchema::overlay(&mut known.value, &change.value),
            None => drop(rules.insert(path.clone(), change.clone())),
        }
    }
}

/// Defines a variable that has rules and no value. A mapping that accepts any key still does.
fn define_path(defined: &mut Option<Tree>, path: &str, rules: &Located<Arc<EntrySchema>>) {
    let part = |kind| Tree { place: rules.place.clone(), kind };
    let null = || part(TreeKind::Leaf(Arc::new(Scalar::new("null", YamlStyle::Plain))));
    let is_new = defined.is_none();
    let mut tree = defined.get_or_insert_with(|| part(TreeKind::Map(IndexMap::default())));
    let mut is_open = !is_new && tree.is_empty_map();
    for key in path.split('.') {
        let TreeKind::Map(map) = &mut tree.kind else { return };
        if is_open {
            return;
        }
        let is_there = map.contains_key(key);
        tree = map.entry(key.to_owned()).or_insert_with(|| part(TreeKind::Map(IndexMap::default())));
        is_open = is_there && tree.is_empty_map();
    }
    *tree = null();
}
