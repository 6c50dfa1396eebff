//! The lifecycle rules of a key.

use serde::Serialize;

use crate::layer::{EntrySchema, LayerWord as _};
use crate::span::Located;

/// Lifecycle rules of a key, as layers write them. Serialised in `explain --format json`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleView {
    /// Last day on which its value is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Period after which its value must be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_every: Option<String>,
    /// Person or team in charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Instructions for the replacement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<String>,
    /// Its former name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// Whether a promotion to another environment copies it: `never` or `always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promote: Option<&'static str>,
    /// The rules by their names in layers, each with its location, for users.
    #[serde(skip)]
    pub rules: Vec<(&'static str, String, String)>,
}

impl LifecycleView {
    /// The rules of an entry.
    pub fn of_rules(rules: &EntrySchema) -> Self {
        let mut view = Self::default();
        view.expires = view.note("expires", rules.expires.as_ref(), ToString::to_string);
        view.rotate_every = view.note("rotateEvery", rules.rotate_every.as_ref(), ToString::to_string);
        view.owner = view.note("owner", rules.owner.as_ref(), Clone::clone);
        view.rotation = view.note("rotation", rules.rotation.as_ref(), Clone::clone);
        view.renamed_from = view.note("renamedFrom", rules.renamed_from.as_ref(), Clone::clone);
        let promote = rules.promote.as_ref();
        view.note("promote", promote, |rule| rule.word().to_owned());
        view.promote = promote.map(|rule| rule.value.word());
        view
    }

    /// Adds a rule to the list for users, and returns its text.
    fn note<T>(
        &mut self,
        name: &'static str,
        rule: Option<&Located<T>>,
        text: impl Fn(&T) -> String,
    ) -> Option<String> {
        let Located { value, place } = rule?;
        let text = text(value);
        self.rules.push((name, text.clone(), place.to_string()));
        Some(text)
    }
}
