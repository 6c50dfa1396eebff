//! Variables set by layers: as strict as entries.

use super::{Layer, Tree, TreeKind, VariableRules, tree, variable_rules};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::map::IndexMap;
use crate::span::{Location, Span};

/// Variables of an environment.
#[derive(Default)]
pub(super) struct MergedVariables {
    /// Variables as base and mixins define them.
    defined: Option<Tree>,
    /// Variables as all layers set them.
    merged: Option<Tree>,
    /// Rules as all layers set them.
    rules: VariableRules,
}

impl MergedVariables {
    /// Merges the variables of a layer over those of the layers below it.
    ///
    /// Base and mixins define variables; environments set defined ones, at every depth. A mapping that is defined empty
    /// accepts any key. Unknown variables are reported and left out.
    pub(super) fn overlay(&mut self, layer: &Layer, problems: &mut Diagnostics) {
        self.overlay_values(layer, problems);
        variable_rules::overlay_rules(&mut self.rules, &mut self.defined, layer, problems);
    }

    fn overlay_values(&mut self, layer: &Layer, problems: &mut Diagnostics) {
        let Some(changes) = &layer.vars else { return };
        if layer.role.defines() {
            match &mut self.defined {
                Some(defined) if !defined.is_empty_map() => define(defined, changes),
                Some(_) | None => self.defined = Some(tree::first_layer(changes)),
            }
            merge_over(&mut self.merged, changes, problems);
            return;
        }
        let mut changes = changes.clone();
        let nothing = Tree { place: changes.place.clone(), kind: TreeKind::Map(IndexMap::default()) };
        let defined = self.defined.as_ref().unwrap_or(&nothing);
        remove_unknown(&mut changes, defined, "vars", layer, problems);
        merge_over(&mut self.merged, &changes, problems);
    }

    /// Merged variables, as templates see them, and their rules.
    pub(super) fn into_parts(self) -> (Option<Tree>, VariableRules) {
        (self.merged, self.rules)
    }
}

fn merge_over(known: &mut Option<Tree>, changes: &Tree, problems: &mut Diagnostics) {
    match known {
        Some(known) => tree::merge_trees(known, changes, problems),
        None => *known = Some(tree::first_layer(changes)),
    }
}

/// Adds the definitions of a layer. A mapping that accepts any key still does, and a removed variable may be set again.
fn define(defined: &mut Tree, changes: &Tree) {
    if defined.is_empty_map() || defined.is_broken() {
        return;
    }
    let (TreeKind::Map(known), TreeKind::Map(changes)) = (&mut defined.kind, &changes.kind) else {
        *defined = changes.clone();
        return;
    };
    for (key, change) in changes {
        let name = tree::list_name(key, change).unwrap_or(key);
        match known.get_mut(name) {
            Some(below) => define(below, change),
            None => drop(known.insert(name.to_owned(), tree::first_layer(change))),
        }
    }
}

/// Removes undefined variables from a mapping of changes.
fn remove_unknown(changes: &mut Tree, known: &Tree, path: &str, layer: &Layer, problems: &mut Diagnostics) {
    let (TreeKind::Map(changes), TreeKind::Map(defined)) = (&mut changes.kind, &known.kind) else { return };
    changes.retain(|key, change| {
        let list = tree::list_name(key, change).or_else(|| tree::stem_of_list(key, defined));
        let name = list.unwrap_or(key);
        match defined.get(name) {
            // an empty mapping does not define its keys
            Some(below) if below.is_empty_map() => true,
            Some(below) => {
                remove_unknown(change, below, &format!("{path}.{name}"), layer, problems);
                true
            }
            None => {
                problems.push(unknown_variable(name, change, defined.keys(), path, layer));
                false
            }
        }
    });
}

/// Location of the key of a part of a structure, or of its value if the key is not found.
fn place_of_key(name: &str, part: &Tree) -> Location {
    let Location { source, span } = &part.place;
    let before = source.text().get(..span.start).unwrap_or_default().trim_end();
    let found = before.strip_suffix(':').map(str::trim_end).and_then(|before| {
        let key = before.strip_suffix(['"', '\'']).unwrap_or(before);
        let start = key.strip_suffix(name)?.len();
        Some(Span::locate(source.text(), start, key.len()))
    });
    found.map_or_else(|| part.place.clone(), |span| source.place(span))
}

fn unknown_variable<'a>(
    name: &str,
    change: &Tree,
    known: impl Iterator<Item = &'a String>,
    path: &str,
    layer: &Layer,
) -> Diagnostic {
    let verb = if change.is_null() { "removed" } else { "set" };
    let near = did_you_mean(name, known.map(String::as_str));
    let or = if near.is_some() { "or " } else { "" };
    let message = format!("`{path}.{name}` is {verb} in `{}`, but it is not defined", layer.name);
    let has_near = near.is_some();
    let error = Diagnostic::error(Rule::UnknownKey, message).at(place_of_key(name, change)).maybe_hint(near);
    if change.is_null() {
        return if has_near { error } else { error.hint("remove the line: there is nothing to remove") };
    }
    error.hint(format!("{or}define it in `base.yaml`; an empty mapping `{{}}` there accepts any key"))
}
