//! Findings as results of a KRM function.
//! Source: kustomize, `cmd/config/docs/api-conventions/functions-spec.md`, "results".

use super::item::{INPUT, ItemIdentity};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::value::OutputValue;

/// A finding, and the item that it is about.
#[derive(Debug, Clone)]
pub struct FunctionResult {
    /// The finding.
    pub diagnostic: Diagnostic,
    /// Item that it is about, if it is about one.
    pub item: Option<ItemIdentity>,
}

impl FunctionResult {
    /// Findings about one item, or about none.
    pub fn about(problems: Diagnostics, item: Option<&ItemIdentity>) -> Vec<Self> {
        let sorted = problems.into_sorted().into_iter();
        sorted.map(|diagnostic| Self { diagnostic, item: item.cloned() }).collect()
    }

    /// Adds the name of the functionConfig to a finding in it, since its place is one in a stream that nobody sees.
    pub fn name_function(&mut self, name: &str) {
        let is_of_input = self.diagnostic.labels.first().is_some_and(|label| label.place.source.name() == INPUT);
        if is_of_input && self.item.is_none() {
            self.diagnostic.notes.push(format!("in the functionConfig `{name}`"));
        }
    }

    /// The result as a structure. Its file is one of layers: a place in the input is of no use to people.
    pub fn to_value(&self) -> OutputValue<'_> {
        let Diagnostic { rule, severity, message, notes, hints, labels, .. } = &self.diagnostic;
        let hints = hints.iter().map(|hint| format!("hint: {hint}"));
        let parts: Vec<_> = std::iter::once(message.clone()).chain(notes.iter().cloned()).chain(hints).collect();
        let severity = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut fields =
            vec![("message", OutputValue::text(parts.join("; "))), ("severity", OutputValue::text(severity))];
        if let Some(item) = self.item.as_ref().filter(|item| !item.kind.is_empty()) {
            fields.push(("resourceRef", reference(item)));
        }
        let mut tags = vec![("rule", OutputValue::text(rule.id()))];
        let place = labels.first().map(|label| &label.place).filter(|place| !place.source.name().is_empty());
        if let Some(place) = place.filter(|place| place.source.name() != INPUT) {
            fields.push(("file", OutputValue::map([("path", OutputValue::text(place.source.name()))])));
            if place.span.line > 0 {
                tags.push(("line", OutputValue::text(place.span.line.to_string())));
                tags.push(("column", OutputValue::text(place.span.column.to_string())));
            }
        }
        fields.push(("tags", OutputValue::map(tags)));
        OutputValue::map(fields)
    }
}

fn reference(item: &ItemIdentity) -> OutputValue<'_> {
    let mut fields = vec![
        ("apiVersion", OutputValue::text(item.api_version.as_str())),
        ("kind", OutputValue::text(item.kind.as_str())),
    ];
    fields.extend(item.namespace.as_deref().map(|namespace| ("namespace", OutputValue::text(namespace))));
    fields.push(("name", OutputValue::text(item.name.as_str())));
    OutputValue::map(fields)
}
