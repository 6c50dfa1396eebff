//! Values that read the variable that they set: `PATH=$PATH:/bin`, `PORT=${PORT:-80}`.

use super::dialect::DotenvPart;
use super::{DotenvValue, LARGEST};
use crate::import::plan::ImportPlan;
use crate::span::Location;

/// Number of parts of a value that reads what its key had before, from which it is refused: each may double it.
const MANY_OWN: usize = 1000;

/// The parts of a value with the value that its key had before in the place of its own variable: `PATH=$PATH:/bin`.
/// None if they are too many.
pub(super) fn without_own(
    key: &str,
    parts: Vec<DotenvPart>,
    before: Option<&DotenvValue>,
    place: &Location,
    plan: &mut ImportPlan,
) -> Option<Vec<DotenvPart>> {
    if !parts.iter().any(|part| matches!(part, DotenvPart::Variable { name, .. } if name == key)) {
        return Some(parts);
    }
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        match (part, before) {
            (DotenvPart::Variable { name, .. }, Some(before)) if name == key => {
                found.extend(before.parts.iter().cloned());
            }
            (DotenvPart::Variable { name, default, text }, None) if name == key => {
                let (kept, how) = match default {
                    Some(default) => (default, "its default was taken"),
                    None => (text, "it is kept as text"),
                };
                plan.note(place, format!("`{key}` refers to itself and is not set before, so {how}"));
                found.push(DotenvPart::Text(kept));
            }
            (part, _) => found.push(part),
        }
    }
    let size: usize = found.iter().map(DotenvPart::written_len).sum();
    (found.len() <= MANY_OWN && size <= LARGEST).then_some(found)
}
