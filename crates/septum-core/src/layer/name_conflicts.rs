//! Current and former names of the keys of a bundle, and conflicts between them.

use super::entry::{Entry, EntryHistoryStep, LayerChange};
use super::renames::{FormerKeyUse, is_same};
use super::{Bundle, Definition};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::name::{EntryId, KeyName};
use crate::project::BASE;
use crate::span::Location;

impl Bundle {
    /// Current name of a key that no longer exists under its former name.
    pub fn renamed_key(&self, old: &str) -> Option<&KeyName> {
        let is_of = |entry: &Entry| entry.rules.renamed_from.as_ref().is_some_and(|former| former.value == old);
        if self.entries.contains_key(&KeyName::from(old)) {
            return None;
        }
        self.entries.iter().find(|(_, entry)| is_of(entry)).map(|(key, _)| key)
    }

    /// The same for a layer that sets the former name, unless that is the file which renames the key.
    pub(super) fn renamed_key_for(&self, old: &str, place: &Location) -> Option<&KeyName> {
        let key = self.renamed_key(old)?;
        let renamed = self.entries.get(key)?.rules.renamed_from.as_ref()?;
        (renamed.place.source.name() != place.source.name()).then_some(key)
    }
}

/// Reports keys whose names conflict, once all layers are merged.
pub(super) fn report_conflicts(definition: &Definition, problems: &mut Diagnostics) {
    for FormerKeyUse { id, old, place, .. } in definition.former_uses.iter().filter(|former| former.value.is_some()) {
        let Some(entry) = definition.entry(id) else { continue };
        if let Some(current) = set_by_name(entry, definition, id) {
            problems.push(
                Diagnostic::error(
                    Rule::ConflictingNames,
                    format!("`{}` is set under its current name and as `{old}`, its former one", id.key),
                )
                .at(place.clone())
                .at_masked_with(current, "set here as well")
                .hint("keep the current name, and remove the other"),
            );
        }
    }
    for bundle in definition.bundles.values() {
        let renamed = bundle.entries.iter().filter_map(|(key, entry)| Some((key, entry.rules.renamed_from.as_ref()?)));
        let renamed: Vec<_> = renamed.collect();
        for (index, (key, old)) in renamed.iter().enumerate() {
            let twin = renamed.iter().take(index).find(|(_, other)| other.value == old.value);
            let twin = twin.map(|(other, place)| (format!("`{other}` has the same former name"), place.place.clone()));
            let defined = bundle.entries.get(&KeyName::from(old.value.as_str()));
            let defined = defined.map(|entry| (format!("`{}` is defined as well", old.value), entry.defined.clone()));
            if let Some((why, other)) = twin.or(defined) {
                problems.push(
                    Diagnostic::error(
                        Rule::ConflictingNames,
                        format!("`{key}` is renamed from `{}`, but {why}", old.value),
                    )
                    .at(old.place.clone())
                    .at_with(other, "other key")
                    .hint("remove one of them, or `renamedFrom`"),
                );
            }
        }
    }
}

/// Location at which an overlay sets an entry under its current name.
fn set_by_name(entry: &Entry, definition: &Definition, id: &EntryId) -> Option<Location> {
    let former = definition.former_uses.iter().filter(|former| former.id == *id);
    let former: Vec<_> = former.filter_map(|former| former.value.as_ref()).collect();
    let by_name = |step: &&EntryHistoryStep| {
        let is_default = step.layer.as_str() == BASE || step.place.source.name() == entry.defined.source.name();
        let sets = !matches!(step.change, LayerChange::Rules);
        sets && !is_default && !former.iter().any(|place| is_same(place, &step.place))
    };
    entry.history.iter().find(by_name).map(|step| step.place.clone())
}
