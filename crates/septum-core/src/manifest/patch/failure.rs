//! Reasons why a patch cannot be applied.

use crate::diagnostic::{Diagnostic, Rule};
use crate::span::Location;

/// Reason why a patch cannot be applied to an object, at a place of the patch.
#[derive(Debug)]
pub(super) struct PatchFailure {
    message: String,
    place: Location,
    /// Place in the object, with its role.
    object: Option<Box<(Location, String)>>,
    hint: Option<String>,
}

impl PatchFailure {
    pub(super) fn new(place: &Location, message: impl Into<String>) -> Self {
        Self { message: message.into(), place: place.clone(), object: None, hint: None }
    }

    /// Adds the place in the object.
    pub(super) fn beside(mut self, place: &Location, role: impl Into<String>) -> Self {
        self.object = Some(Box::new((place.clone(), role.into())));
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Diagnostic, with the place of the object if the failure has none of its own.
    pub(super) fn into_diagnostic(self, object: Option<(&Location, String)>) -> Diagnostic {
        let error = Diagnostic::error(Rule::InvalidPatch, self.message).at_masked(self.place).maybe_hint(self.hint);
        match (self.object.map(|object| *object), object) {
            (Some((place, role)), _) => error.at_masked_with(place, role),
            (None, Some((place, role))) => error.at_masked_with(place.clone(), role),
            (None, None) => error,
        }
    }
}
