//! Keys that layers set under their former names: `renamedFrom`.

use super::entry::EntryPatch;
use super::{Layer, LayerRole};
use crate::diagnostic::{Diagnostic, Rule, shell_option};
use crate::name::{AppName, EntryId, KeyName};
use crate::span::Location;

/// Use of the former name of a key in a layer.
#[derive(Debug, Clone)]
pub struct FormerKeyUse {
    /// The entry, by its current name.
    pub id: EntryId,
    /// Its former name.
    pub old: KeyName,
    /// Location of the former name.
    pub place: Location,
    /// Location in the history of the entry, if the layer gives or removes its value.
    pub(super) value: Option<Location>,
    /// Command that renames it everywhere.
    pub command: String,
}

impl FormerKeyUse {
    /// The use by the change of a layer.
    pub(super) fn of_change(id: EntryId, old: &KeyName, change: &EntryPatch, command: String) -> Self {
        let removed = change.removed.then(|| change.key_place.clone());
        let value = change.source.as_ref().map(|source| source.place.clone()).or(removed);
        Self { id, old: old.clone(), place: change.key_place.clone(), value, command }
    }

    /// Warning: the layer uses the former name.
    pub(super) fn warning(&self, layer: &Layer) -> Diagnostic {
        let Self { id, old, place, command, .. } = self;
        let warning = Diagnostic::warning(
            Rule::RenamedKey,
            format!("`{}` sets `{old}`, which was renamed to `{}`", layer.name, id.key),
        )
        .at(place.clone());
        // the ciphertext of a value is bound to its key
        if layer.wrapping.is_some() {
            return warning.hint(format!("run `{command}`, which requires a key"));
        }
        warning.hint(format!("run `septum check --fix`, or write `{}`", id.key))
    }
}

/// Command that renames a key of a bundle, and no other one of its name. `app` is given if the project has others.
pub(super) fn rename_command(app: Option<&AppName>, old: &KeyName, id: &EntryId, has_namesake: bool) -> String {
    let app = app.map(|app| shell_option("--app", app.as_str())).unwrap_or_default();
    let bundle = if has_namesake { shell_option("--bundle", id.bundle.as_str()) } else { String::new() };
    format!("septum rename {old} {}{app}{bundle}", id.key)
}

/// Error: an environment renames a key, which has the same name in all of them.
pub(super) fn misplaced_rename(key: &KeyName, change: &EntryPatch, layer: &Layer) -> Option<Diagnostic> {
    let old = change.rules.renamed_from.as_ref().filter(|_| layer.role == LayerRole::Environment)?;
    let message = format!("an environment cannot rename `{key}`, because a key has the same name in all environments");
    Some(Diagnostic::error(Rule::InvalidField, message).at(old.place.clone()).hint("set `renamedFrom` in `base.yaml`"))
}

/// Whether two locations begin at the same place.
pub(super) fn is_same(one: &Location, other: &Location) -> bool {
    (one.source.name(), one.span.start) == (other.source.name(), other.span.start)
}

/// A key as it is written in place of another one, whose quotes it keeps.
pub fn key_text(old: &str, new: &str) -> String {
    let is_word = new.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && !KEYWORDS.iter().any(|word| new.eq_ignore_ascii_case(word));
    match old.chars().next() {
        Some(quote @ ('"' | '\'')) => format!("{quote}{new}{quote}"),
        _ if is_word => new.to_owned(),
        _ => format!("\"{new}\""),
    }
}

/// Words that some YAML parsers read as something else than a text.
const KEYWORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
