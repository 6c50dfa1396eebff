//! Reports of templates that refer to each other in a cycle.

use super::frame::{RenderBlocked, RenderSubject};
use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::Definition;
use crate::span::Location;

/// Diagnostic for a render that cannot start.
pub(super) fn blocked_render(definition: &Definition, refusal: &RenderBlocked) -> Diagnostic {
    let subjects = match refusal {
        RenderBlocked::TooDeep => {
            return Diagnostic::error(Rule::TemplateCycle, "the chain of references between templates is too long")
                .hint("shorten the chain of references");
        }
        RenderBlocked::Cycle(subjects) => subjects,
    };
    let names: Vec<_> = subjects.iter().map(|subject| subject.label(definition)).collect();
    let first = names.first().map(String::as_str).unwrap_or_default();
    let mut problem = Diagnostic::error(
        Rule::TemplateCycle,
        format!("templates refer to each other in a cycle: {} → {first}", names.join(" → ")),
    );
    for (index, subject) in subjects.iter().enumerate() {
        let next = names.get(index + 1).map_or(first, String::as_str);
        if let Some(place) = subject_place(definition, subject) {
            let label = format!("`{}` uses `{next}`", names.get(index).map(String::as_str).unwrap_or_default());
            problem = problem.at_masked_with(place, label);
        }
    }
    problem.hint("set one of them to a value that does not refer to the others")
}

fn subject_place(definition: &Definition, subject: &RenderSubject) -> Option<Location> {
    match subject {
        RenderSubject::Entry(id) => {
            definition.entry(id).and_then(|entry| entry.source.as_ref()).map(|source| source.place.clone())
        }
        RenderSubject::Variable(path) => {
            let mut place = None;
            definition.vars.as_ref()?.leaves("", &mut |found, tree, _| {
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
