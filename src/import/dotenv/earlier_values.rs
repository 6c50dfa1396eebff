//! Variables with the values that they have where they are read: `PATH=$PATH:/bin`, or `A=1`, `B=$A`, `A=2`.
//!
//! A reader goes through the file once, and a template reads the last value. So a variable that is set again at or after
//! the line that reads it is replaced by its value from before.

use super::frozen::ValuesBefore;
use super::lines::{DialectLine, DotenvEntry};
use super::value::{DotenvPart, VariableDefault};
use super::{DotenvValue, DotenvValues, LARGEST};
use crate::diagnostic::{Diagnostic, Rule};
use crate::import::plan::ImportPlan;
use crate::map::HashMap;
use crate::span::Location;

/// Number of parts of a value with those of earlier ones, from which it is refused: each may double it.
const MANY_EARLIER: usize = 1000;

/// Size of all values with earlier ones in a file, from which it is refused, in bytes.
const LARGEST_EARLIER: usize = 8 * LARGEST;

/// The last line of each key of a file.
pub(super) struct ReferenceOrder(HashMap<String, usize>);

impl ReferenceOrder {
    pub(super) fn of(lines: &[DialectLine]) -> Self {
        let keys = lines.iter().filter_map(|line| match line {
            DialectLine::Entry(DotenvEntry { key, span, .. }) => Some((key.clone(), span.start)),
            DialectLine::Skipped(_) | DialectLine::Invalid(..) => None,
        });
        Self(keys.collect())
    }

    /// Whether a key is set in the file.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Whether a key is set at an offset or after it.
    fn is_set_from(&self, key: &str, offset: usize) -> bool {
        self.0.get(key).is_some_and(|last| *last >= offset)
    }
}

/// Values before the lines of a file that read them.
pub(super) struct EarlierValues<'b> {
    order: &'b ReferenceOrder,
    /// Values from before the file.
    before: ValuesBefore<'b>,
    /// Size of earlier values that may still be copied, in bytes.
    rest: usize,
}

impl<'b> EarlierValues<'b> {
    pub(super) fn new(order: &'b ReferenceOrder, before: ValuesBefore<'b>) -> Self {
        Self { order, before, rest: LARGEST_EARLIER }
    }

    /// Whether no more earlier values may be copied.
    pub(super) fn is_exhausted(&self) -> bool {
        self.rest == 0
    }

    /// The parts of a value with earlier values in the place of variables that are set again at its line or after it.
    /// `own` are the values of the file so far. None if they are too many.
    pub(super) fn replace(
        &mut self,
        key: &str,
        parts: Vec<DotenvPart>,
        own: &DotenvValues,
        place: &Location,
        plan: &mut ImportPlan,
    ) -> Option<Vec<DotenvPart>> {
        let is_replaced = |part: &DotenvPart| match part {
            DotenvPart::Variable { name, .. } => self.order.is_set_from(name, place.span.start),
            DotenvPart::Text(_) | DotenvPart::Substitution(_) => false,
        };
        if !parts.iter().any(is_replaced) {
            return Some(parts);
        }
        let mut found = Vec::with_capacity(parts.len());
        for part in parts {
            if !is_replaced(&part) {
                found.push(part);
                continue;
            }
            let DotenvPart::Variable { name, default, text } = part else { continue };
            let before = own.get(&name).cloned().map(Ok).or_else(|| self.before.value(&name));
            match before.transpose().ok()? {
                Some(before) => found.extend(earlier_parts(&before, default, text)),
                None => found.extend(unset_part(key, &name, default, text, place, plan)),
            }
        }
        let size: usize = found.iter().map(DotenvPart::written_len).sum();
        let rest = self.rest.checked_sub(size);
        self.rest = rest.unwrap_or(0);
        rest?;
        (found.len() <= MANY_EARLIER && size <= LARGEST).then_some(found)
    }
}

/// Knowledge of whether the text of an earlier value is empty.
enum Emptiness<'v> {
    Empty,
    Filled,
    /// It is that of a variable.
    OfVariable(&'v str),
    Unknown,
}

impl<'v> Emptiness<'v> {
    fn of(parts: &'v [DotenvPart]) -> Self {
        let is_text = |part: &DotenvPart| match part {
            DotenvPart::Text(text) | DotenvPart::Substitution(text) => !text.is_empty(),
            DotenvPart::Variable { default, .. } => {
                default.as_ref().is_some_and(|default| default.is_for_empty && !default.text.is_empty())
            }
        };
        match parts {
            parts if parts.iter().any(is_text) => Self::Filled,
            [] | [DotenvPart::Text(_)] => Self::Empty,
            [DotenvPart::Variable { name, default, .. }]
                if default.as_ref().is_none_or(|default| default.text.is_empty()) =>
            {
                Self::OfVariable(name)
            }
            _ => Self::Unknown,
        }
    }
}

/// The parts of an earlier value, or the default in their place.
fn earlier_parts(before: &DotenvValue, default: Option<VariableDefault>, text: String) -> Vec<DotenvPart> {
    let default = default.filter(|default| default.is_for_empty && !default.text.is_empty());
    match (default, Emptiness::of(&before.parts)) {
        (None, _) | (Some(_), Emptiness::Filled) => before.parts.clone(),
        (Some(default), Emptiness::Empty) => vec![DotenvPart::Text(default.text)],
        (Some(default), Emptiness::OfVariable(name)) => {
            vec![DotenvPart::Variable { name: name.to_owned(), default: Some(default), text }]
        }
        // no template says so without a second variable
        (Some(_), Emptiness::Unknown) => vec![DotenvPart::Substitution(text)],
    }
}

/// The part in the place of a variable that is not set before the line.
fn unset_part(
    key: &str,
    name: &str,
    default: Option<VariableDefault>,
    text: String,
    place: &Location,
    plan: &mut ImportPlan,
) -> Option<DotenvPart> {
    if name == key {
        let (kept, how) = match default {
            Some(default) => (default.text, "its default was taken"),
            None => (text, "it is kept as text"),
        };
        plan.note(place, format!("`{key}` refers to itself and is not set before, so {how}"));
        return Some(DotenvPart::Text(kept));
    }
    let (kept, how) = match default {
        Some(default) => (default.text, "its default was taken"),
        None => (String::new(), "it is empty there"),
    };
    plan.findings.push(
        Diagnostic::warning(Rule::ImportDialect, format!("`{key}` reads `{name}`, which is set only below, so {how}"))
            .at_masked(place.clone())
            .note("readers of dotenv files go through them once, from top to bottom")
            .hint(format!("set `{name}` above `{key}` in the file, if it is meant, and import again")),
    );
    (!kept.is_empty()).then_some(DotenvPart::Text(kept))
}
