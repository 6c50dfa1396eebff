//! Values of an environment as variables of a program: which entries, under which names, and in which formats.
//!
//! The values are those of the rendered objects, of ConfigMaps and Secrets alike.

mod export;
mod limits;
mod names;
mod patterns;
mod redactor;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Definition;
use crate::name::{BundleName, EntryId, is_variable_name};
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget};
use crate::route::{Routing, Sensitivity};
use crate::sort::sort_by;
use crate::span::Location;

pub use export::{ExportFormat, export_variables, mask_commands};
pub use limits::ArgumentLimits;
pub use names::{DangerousNames, check_names};
pub use patterns::SecretPatterns;
pub use redactor::StreamRedactor;

/// Treatment of values in an external store, which are not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreValues {
    /// An error.
    Refuse,
    /// Left out.
    Skip,
}

/// Treatment of entries that cannot be variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusableEntries {
    /// An error.
    Refuse,
    /// Left out, and counted.
    Skip,
}

/// Entries that a command asks for.
pub struct EntrySelection<'a> {
    /// The bundle; all if none is given.
    pub bundle: Option<&'a BundleName>,
    /// Whether a key is wanted.
    pub accepts: &'a dyn Fn(&str) -> bool,
    /// Whether sensitive entries are wanted. Without them, no key is needed.
    pub secrets: Sensitivity,
    /// Treatment of values in an external store.
    pub store_values: StoreValues,
}

/// A selected entry, with its value.
#[derive(Debug, Clone)]
pub struct SelectedEntry {
    /// Its key.
    pub key: String,
    /// Its label in messages.
    pub label: String,
    /// Its value.
    pub value: ResolvedBytes,
    /// Object that it belongs to.
    pub sensitivity: Sensitivity,
    /// Location of the value.
    pub place: Location,
}

/// The selected entries of an environment, sorted by key.
#[derive(Debug, Default)]
pub struct SelectedEntries {
    /// Entries with a value; each key occurs once.
    pub entries: Vec<SelectedEntry>,
    /// Number of sensitive entries that were not wanted, and of plain ones that are not known without them.
    pub without_secrets: usize,
    /// Number of entries whose value is in a store.
    pub in_store: usize,
}

impl EntrySelection<'_> {
    /// Whether an entry is selected.
    pub fn selects(&self, routing: &Routing, id: &EntryId) -> bool {
        self.is_named(id) && (self.secrets == Sensitivity::Sensitive || !is_sensitive(routing, id))
    }

    fn is_named(&self, id: &EntryId) -> bool {
        self.bundle.is_none_or(|bundle| *bundle == id.bundle) && (self.accepts)(id.key.as_str())
    }

    /// The selected entries of a target. Errors: values in a store, keys of several bundles.
    pub fn select(&self, resolved: &ResolvedTarget, routing: &Routing) -> Result<SelectedEntries, Diagnostics> {
        let definition = &*resolved.definition;
        let mut selected = SelectedEntries::default();
        let (mut in_store, mut by_key) = (Vec::new(), BTreeMap::<&str, Vec<&EntryId>>::new());
        for (id, value) in resolved.entries.iter().filter(|(id, _)| self.is_named(id)) {
            if !self.selects(routing, id) {
                selected.without_secrets += 1;
                continue;
            }
            let known = match &value.outcome {
                EntryOutcome::Known(known) => known,
                EntryOutcome::Pointed(_) => {
                    in_store.push((id, &value.place));
                    continue;
                }
                EntryOutcome::Locked(_) => {
                    selected.without_secrets += 1;
                    continue;
                }
                // an optional entry, or one whose problem was reported
                EntryOutcome::Missing | EntryOutcome::Failed => continue,
            };
            by_key.entry(id.key.as_str()).or_default().push(id);
            selected.entries.push(SelectedEntry {
                key: id.key.as_str().to_owned(),
                label: definition.label(id),
                value: known.clone(),
                sensitivity: routing.sensitivity(id),
                place: value.place.clone(),
            });
        }
        let mut problems: Diagnostics = by_key.values().filter_map(|ids| ambiguous_key(definition, ids)).collect();
        if self.store_values == StoreValues::Refuse {
            problems.extend(in_store.iter().map(|(id, place)| in_store_error(definition, id, place)));
        }
        selected.in_store = in_store.len();
        sort_by(&mut selected.entries, |a, b| a.key.cmp(&b.key));
        if problems.has_errors() { Err(problems) } else { Ok(selected) }
    }
}

fn is_sensitive(routing: &Routing, id: &EntryId) -> bool {
    routing.sensitivity(id) == Sensitivity::Sensitive
}

/// Error: several bundles have the key, and a program has one variable of each name.
fn ambiguous_key(definition: &Definition, ids: &[&EntryId]) -> Option<Diagnostic> {
    let [first, _, ..] = ids else { return None };
    let message = format!("`{}` is a key of several bundles, but a program has one variable of that name", first.key);
    let error = ids.iter().fold(Diagnostic::error(Rule::Usage, message), |error, id| {
        error.note(format!("it is a key of the bundle `{}`", id.bundle))
    });
    let own = ids.iter().find(|id| id.bundle == definition.own_bundle()).unwrap_or(first);
    Some(error.hint(format!("choose a bundle: `--bundle {}`", own.bundle)).hint("or leave the key out with `--except`"))
}

fn in_store_error(definition: &Definition, id: &EntryId, place: &Location) -> Diagnostic {
    let message = format!("the value of `{}` is in an external store, so it is not known here", definition.label(id));
    Diagnostic::error(Rule::StoreValue, message)
        .at_masked(place.clone())
        .hint(format!("set `{}` in the shell if the program needs it, and use `--refs=skip`", id.key))
}

/// Entries as variables of a program.
#[derive(Debug, Default)]
pub struct VariableEntries<'a> {
    /// Entries that can be variables.
    pub variables: Vec<&'a SelectedEntry>,
    /// Entries that cannot, because of the key.
    pub unnamed: Vec<&'a SelectedEntry>,
    /// Entries that cannot, because the value is not text.
    pub binary: Vec<&'a SelectedEntry>,
}

impl SelectedEntries {
    /// The entries whose value is text, whatever their keys. Errors: with [`UnusableEntries::Refuse`] those that are not.
    pub fn to_texts(&self, unusable: UnusableEntries) -> Result<Vec<&SelectedEntry>, Diagnostics> {
        let (texts, binary): (Vec<_>, Vec<_>) = self.entries.iter().partition(|entry| entry.value.text().is_some());
        if unusable == UnusableEntries::Refuse && !binary.is_empty() {
            return Err(binary.iter().map(|entry| entry.not_wanted("is not text")).collect());
        }
        Ok(texts)
    }

    /// Sorts the entries into those that can be variables and those that cannot.
    ///
    /// Errors: a null character in a value; with [`UnusableEntries::Refuse`] also every entry that cannot be a variable.
    pub fn to_variables(&self, unusable: UnusableEntries) -> Result<VariableEntries<'_>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut sorted = VariableEntries::default();
        for entry in &self.entries {
            match entry.value.text() {
                _ if !is_variable_name(&entry.key) => sorted.unnamed.push(entry),
                None => sorted.binary.push(entry),
                Some(text) if text.contains('\0') => problems.push(
                    entry
                        .unusable("contains a null character, which ends a variable")
                        .hint(format!("leave it out with `--except {}`, or store it in base64", entry.key)),
                ),
                Some(_) => sorted.variables.push(entry),
            }
        }
        if unusable == UnusableEntries::Refuse {
            let of_key = "is not the name of a variable: letters, digits and `_`, not beginning with a digit";
            problems.extend(sorted.unnamed.iter().map(|entry| entry.not_wanted(of_key)));
            problems.extend(sorted.binary.iter().map(|entry| entry.not_wanted("is not text, but a variable must be")));
        }
        if problems.has_errors() { Err(problems) } else { Ok(sorted) }
    }
}

impl SelectedEntry {
    /// Error: this entry cannot be a variable, or cannot be written.
    fn unusable(&self, why: &str) -> Diagnostic {
        Diagnostic::error(Rule::UnusableVariable, format!("`{}` {why}", self.label)).at_masked(self.place.clone())
    }

    fn not_wanted(&self, why: &str) -> Diagnostic {
        self.unusable(why).hint(format!("leave it out: `--except '{}'`", self.key))
    }
}
