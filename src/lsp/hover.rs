//! Hover: what `explain` prints of a key or a variable.

use std::path::Path;

use super::focus::DocumentFocus;
use super::position::PositionMap;
use super::protocol::{HoverAnswer, MarkedText, Position};
use super::subject::{NamedSubject, find_subject};
use super::workspace::EditorWorkspace;
use crate::name::EnvironmentName;
use crate::view::explain::explain_key;
use crate::view::explain_text::{KeyExplanations, fold_explanations};
use crate::view::secret_filter::SecretFilter;
use crate::view::stack_order;
use crate::view::variable::explain_variable;

/// The explanation of what a position names, in the environment of the document, or in all.
pub(super) fn answer_hover(workspace: &EditorWorkspace, path: &Path, position: Position) -> Option<HoverAnswer> {
    let document = workspace.documents.get(path)?;
    let map = PositionMap::new(&document.text, workspace.unit);
    let offset = map.offset(position);
    workspace.focus(path, None, |focus| {
        let (subject, range) = find_subject(focus, &document.text, offset)?;
        let value = explain_subject(focus, &subject)?;
        Some(HoverAnswer { contents: MarkedText::markdown(value), range: map.range(range) })
    })
}

fn explain_subject(focus: &DocumentFocus<'_>, subject: &NamedSubject) -> Option<String> {
    let survey = focus.survey;
    let order = stack_order(&focus.environments(), [survey]);
    let explain = |environment: &EnvironmentName| match subject {
        NamedSubject::Entry(id) => {
            let consumers = focus.pipeline.consumers(survey, survey.environment(environment)?);
            explain_key(survey, id, environment, consumers.consumers(id))
        }
        NamedSubject::Variable(path) => explain_variable(survey, path, environment),
    };
    let explained = order.iter().filter_map(|environment| Some((environment.clone(), explain(environment)?)));
    let mut explained: KeyExplanations = explained.collect();
    let secrets = SecretFilter::of(survey);
    for (_, explanation) in &mut explained {
        secrets.hide_explanation(explanation);
    }
    let texts = fold_explanations(&explained).into_iter().map(|text| code_block(&text.render_text(false)));
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// A text as a block of Markdown, whatever it contains.
fn code_block(text: &str) -> String {
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}
