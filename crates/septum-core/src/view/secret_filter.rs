//! Plain values that repeat a secret: views do not show them.

use super::explain::Explanation;
use super::list::KeyRow;
use crate::leak_scan::SecretFinder;
use crate::pipeline::Survey;

/// Mark in place of a plain value that repeats a secret.
const HIDDEN: &str = "[secret]";

/// Hides the values of rows and explanations that repeat a secret of an app, as far as secrets are known.
pub struct SecretFilter(SecretFinder);

impl SecretFilter {
    /// A filter for the secrets of an app.
    pub fn of(survey: &Survey) -> Self {
        Self(SecretFinder::of(survey.environments.iter().map(|resolved| (resolved, &survey.routing))))
    }

    /// Hides values of a row.
    pub fn hide_row(&self, row: &mut KeyRow) {
        for cell in row.environments.values_mut() {
            let is_hidden = [&cell.shown, &cell.value].into_iter().flatten().any(|text| self.repeats(text));
            if is_hidden {
                cell.shown = Some(HIDDEN.to_owned());
            }
            self.hide(&mut cell.value);
        }
    }

    /// Hides values of an explanation.
    pub fn hide_explanation(&self, explanation: &mut Explanation) {
        self.hide_row(&mut explanation.row);
        self.hide(&mut explanation.value);
        self.hide(&mut explanation.description);
        explanation.history.iter_mut().for_each(|step| self.hide(&mut step.value));
    }

    /// Hides a text that may be absent.
    pub fn hide(&self, value: &mut Option<String>) {
        if let Some(text) = value {
            self.hide_text(text);
        }
    }

    /// Hides a text.
    pub fn hide_text(&self, text: &mut String) {
        if self.repeats(text) {
            HIDDEN.clone_into(text);
        }
    }

    /// Whether a text contains a secret.
    pub fn repeats(&self, text: &str) -> bool {
        self.0.finds(text.as_bytes())
    }
}
