//! Rules about the life of a value, which an entry has, or its bundle for all entries without their own.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use super::entry::EntrySchema;
use super::fields::LayerFields;
use super::words::Promotion;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::span::Located;
use crate::time::{Day, DayCount};

/// Lifecycle rules of a bundle, for its entries without their own.
#[derive(Debug, Clone, Default)]
pub struct LifecycleDefaults {
    expires: Option<Located<Day>>,
    rotate_every: Option<Located<DayCount>>,
    owner: Option<Located<String>>,
    rotation: Option<Located<String>>,
}

impl LifecycleDefaults {
    /// Takes the rules from the fields of a bundle.
    pub(super) fn take_from(fields: &mut LayerFields<'_>, problems: &mut Diagnostics) -> Self {
        Self {
            expires: fields.day("expires", problems),
            rotate_every: fields.day_count("rotateEvery", problems),
            owner: fields.text("owner", problems),
            rotation: fields.text("rotation", problems),
        }
    }

    /// Replaces rules by those of a later layer, each by itself.
    pub(super) fn overlay(&mut self, later: &Self) {
        replace(&mut self.expires, later.expires.as_ref());
        replace(&mut self.rotate_every, later.rotate_every.as_ref());
        replace(&mut self.owner, later.owner.as_ref());
        replace(&mut self.rotation, later.rotation.as_ref());
    }

    /// Gives an entry the rules that it does not have itself.
    pub(super) fn complete_rules(&self, rules: &mut Arc<EntrySchema>) {
        let Self { expires, rotate_every, owner, rotation } = self;
        let lacks = expires.is_some() && rules.expires.is_none()
            || rotate_every.is_some() && rules.rotate_every.is_none()
            || owner.is_some() && rules.owner.is_none()
            || rotation.is_some() && rules.rotation.is_none();
        if !lacks {
            return;
        }
        let rules = Arc::make_mut(rules);
        complete(&mut rules.expires, expires.as_ref());
        complete(&mut rules.rotate_every, rotate_every.as_ref());
        complete(&mut rules.owner, owner.as_ref());
        complete(&mut rules.rotation, rotation.as_ref());
    }
}

fn replace<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
    if let Some(new) = new {
        *old = Some(new.clone());
    }
}

fn complete<T: Clone>(own: &mut Option<T>, default: Option<&T>) {
    if own.is_none() {
        *own = default.cloned();
    }
}

impl LayerFields<'_> {
    /// Takes a field that contains a day.
    pub(super) fn day(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<Day>> {
        self.parsed(name, problems)
    }

    /// Takes a field that contains a period of days.
    pub(super) fn day_count(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<DayCount>> {
        self.parsed(name, problems)
    }

    /// Takes the field that says whether a value is promoted.
    pub(super) fn promotion(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<Promotion>> {
        self.word(name, "", problems)
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<T>> {
        let Located { value, place } = self.text(name, problems)?;
        match value.parse() {
            Ok(value) => Some(Located { value, place }),
            Err(expected) => {
                let error = Diagnostic::error(Rule::InvalidField, format!("{expected} for `{name}`"));
                problems.push(error.at_masked(place));
                None
            }
        }
    }
}
