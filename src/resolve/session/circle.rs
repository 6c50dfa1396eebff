//! Reports of templates that refer to each other in a cycle.

use super::super::frame::{RenderBlocked, RenderSubject};
use super::ResolveSession;
use crate::diagnostic::{Diagnostic, Rule};
use crate::span::Location;

impl ResolveSession {
    pub(in crate::resolve) fn blocked_render(&self, refusal: &RenderBlocked) -> Diagnostic {
        let subjects = match refusal {
            RenderBlocked::TooDeep => {
                return Diagnostic::error(
                    Rule::TemplateCycle,
                    "a chain of templates that refer to each other is too long",
                )
                .hint("give the value in fewer steps");
            }
            RenderBlocked::Cycle(subjects) => subjects,
        };
        let names: Vec<_> = subjects.iter().map(|subject| self.subject_name(subject)).collect();
        let first = names.first().map(String::as_str).unwrap_or_default();
        let mut problem = Diagnostic::error(
            Rule::TemplateCycle,
            format!("templates refer to each other in a circle: {} → {first}", names.join(" → ")),
        );
        for (index, subject) in subjects.iter().enumerate() {
            let next = names.get(index + 1).map_or(first, String::as_str);
            if let Some(place) = self.subject_place(subject) {
                let label = format!("`{}` uses `{next}`", names.get(index).map(String::as_str).unwrap_or_default());
                problem = problem.at_masked_with(place, label);
            }
        }
        problem.hint("give one of them a value that does not refer to the others")
    }

    pub(in crate::resolve) fn subject_name(&self, subject: &RenderSubject) -> String {
        match subject {
            RenderSubject::Entry(id) => self.definition.label(id),
            RenderSubject::Variable(path) => format!("vars.{path}"),
            RenderSubject::Manifest(name) => name.clone(),
        }
    }

    fn subject_place(&self, subject: &RenderSubject) -> Option<Location> {
        match subject {
            RenderSubject::Entry(id) => {
                self.definition.entry(id).and_then(|entry| entry.source.as_ref()).map(|source| source.place.clone())
            }
            RenderSubject::Variable(path) => {
                let mut place = None;
                self.definition.vars.as_ref()?.leaves("", &mut |found, tree, _| {
                    if found == path {
                        place = Some(tree.place.clone());
                    }
                });
                place
            }
            // nothing can refer to a manifest
            RenderSubject::Manifest(_) => None,
        }
    }
}
