//! Current and former names of the keys of a bundle, and conflicts between them.

use super::entry::{Entry, EntryHistoryStep, LayerChange};
use super::renames::{FormerKeyUse, is_same};
use super::{Bundle, Definition};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::HashMap;
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
}

/// Former names of the keys of a bundle, before a layer is merged.
pub(super) struct FormerNames(HashMap<String, KeyName>);

impl FormerNames {
    /// The former names that entries have so far.
    pub(super) fn of_bundle(bundle: Option<&Bundle>) -> Self {
        let mut names = HashMap::default();
        for (key, entry) in bundle.into_iter().flat_map(|bundle| &bundle.entries) {
            if let Some(old) = &entry.rules.renamed_from {
                names.entry(old.value.clone()).or_insert_with(|| key.clone());
            }
        }
        Self(names)
    }

    /// Current name of a key for a layer that sets its former name, unless that is the file which renames the key.
    pub(super) fn current_name<'n>(&'n self, bundle: &Bundle, old: &KeyName, place: &Location) -> Option<&'n KeyName> {
        let key = self.0.get(old.as_str())?;
        // the layer itself may have changed the rule
        let renamed = bundle.entries.get(key)?.rules.renamed_from.as_ref()?;
        let is_other_file = renamed.place.source.name() != place.source.name();
        (is_other_file && renamed.value == old.as_str() && !bundle.entries.contains_key(old)).then_some(key)
    }
}

/// Reports keys whose names conflict, once all layers are merged.
pub(super) fn report_conflicts(definition: &Definition, problems: &mut Diagnostics) {
    let mut uses: HashMap<&EntryId, Vec<&Location>> = HashMap::default();
    for FormerKeyUse { id, value, .. } in &definition.former_uses {
        uses.entry(id).or_default().extend(value);
    }
    for FormerKeyUse { id, old, place, .. } in definition.former_uses.iter().filter(|former| former.value.is_some()) {
        let Some(entry) = definition.entry(id) else { continue };
        if let Some(current) = set_by_name(entry, uses.get(id).map(Vec::as_slice).unwrap_or_default()) {
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
        let mut known: HashMap<&str, (&KeyName, &Location)> = HashMap::default();
        for (key, old) in renamed {
            let twin = known.get(old.value.as_str());
            let twin = twin.map(|(other, place)| (format!("`{other}` has the same former name"), (*place).clone()));
            known.entry(&old.value).or_insert((key, &old.place));
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

/// Location at which an overlay sets an entry under its current name, and not at one of these, under its former one.
fn set_by_name(entry: &Entry, former: &[&Location]) -> Option<Location> {
    let by_name = |step: &&EntryHistoryStep| {
        let is_default = step.layer.as_str() == BASE || step.place.source.name() == entry.defined.source.name();
        let sets = !matches!(step.change, LayerChange::Rules);
        sets && !is_default && !former.iter().any(|place| is_same(place, &step.place))
    };
    entry.history.iter().find(by_name).map(|step| step.place.clone())
}
