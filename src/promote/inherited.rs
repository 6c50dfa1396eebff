//! Values that an environment has from layers which the other environment lacks: a promotion copies those of its own
//! layer alone.

use super::item::PromotedItem;
use super::request::PromotionRequest;
use crate::map::HashSet;
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedValue};

/// Value of an environment that is in a layer which the other one lacks, and differs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InheritedValue {
    /// The entry.
    pub item: PromotedItem,
    /// File of the layer.
    pub file: String,
}

/// The values of `from` that are neither in the files of its own layer nor in layers of `to`, in the order of the entries.
pub(super) fn find_inherited(survey: &Survey, own: Vec<String>, request: &PromotionRequest<'_>) -> Vec<InheritedValue> {
    let (Some(from), Some(to)) = (survey.environment(request.from), survey.environment(request.to)) else {
        return Vec::new();
    };
    let mut known: HashSet<String> = own.into_iter().collect();
    known.extend(to.definition.files.iter().map(|source| source.name().to_owned()));
    let mut found = Vec::new();
    for (id, value) in &from.entries {
        let step = from.definition.entry(id).and_then(|entry| entry.last_source());
        let Some(file) = step.map(|step| step.place.source.name()).filter(|file| !known.contains(*file)) else {
            continue;
        };
        if !to.entries.get(id).is_some_and(|other| is_equal(value, other)) {
            found.push(InheritedValue { item: PromotedItem::Entry(id.clone()), file: file.to_owned() });
        }
    }
    found
}

fn is_equal(ours: &ResolvedValue, theirs: &ResolvedValue) -> bool {
    match (&ours.outcome, &theirs.outcome) {
        (EntryOutcome::Known(ours), EntryOutcome::Known(theirs)) => ours.bytes() == theirs.bytes(),
        _ => false,
    }
}
