//! Tags of YAML before values that only a run knows: what a template gives, and what other formats can hold.

use std::borrow::Cow;

use super::context::{ErrorReported, ResolveContext};
use super::frame::RenderFrame;
use crate::diagnostic::{Diagnostic, Rule};
use crate::format::ConfigFormat;
use crate::layer::{Tree, TreeKind};
use crate::span::Location;
use crate::value::OutputValue;
use crate::yaml::node::Scalar;
use crate::yaml::read::{fits_tag, tag_expectation};

/// Refuses a text that a template gave, if the tag before the template says that it is something else.
pub(super) fn check_rendered(
    context: &ResolveContext,
    frame: &RenderFrame,
    scalar: &Scalar,
    rendered: &str,
    place: &Location,
) -> Result<(), ErrorReported> {
    match scalar.tag_name() {
        // what a placeholder stands for is not known
        Some(name) if !frame.is_locked() && !fits_tag(name, rendered) => {
            let message = format!("the tag `!!{name}` contradicts what the template gives");
            Err(context.report(
                Diagnostic::error(Rule::UnknownTag, message)
                    .at_masked(place.clone())
                    .note(tag_expectation(name))
                    .hint("remove the tag, or correct the template"),
            ))
        }
        Some(_) | None => Ok(()),
    }
}

/// The value of a text that a template with a tag gave.
pub(super) fn value(scalar: &Scalar, rendered: &str) -> OutputValue<'static> {
    match scalar.tag_name() {
        Some(name @ ("int" | "float")) if fits_tag(name, rendered) => {
            OutputValue::Literal(Cow::from(rendered.to_owned()))
        }
        Some("bool") if fits_tag("bool", rendered) => OutputValue::Bool(rendered.eq_ignore_ascii_case("true")),
        Some(_) | None => OutputValue::text(rendered.to_owned()),
    }
}

/// Errors for numbers of a structure that a format can only hold as texts, although a tag says that they are numbers.
pub(super) fn number_as_text(format: ConfigFormat, tree: &Tree) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut open = vec![tree];
    while let Some(tree) = open.pop() {
        match &tree.kind {
            TreeKind::List(items) => open.extend(items.iter().rev()),
            TreeKind::Map(map) => open.extend(map.values().rev()),
            TreeKind::Leaf(scalar) => {
                let text = scalar.text();
                if let Some(name @ ("int" | "float")) = scalar.tag_name()
                    && fits_tag(name, text)
                    && !format.has_number(text)
                {
                    let message = format!("`!!{name}` before a number that {format} can only hold as a text");
                    found.push(
                        Diagnostic::error(Rule::InvalidContent, message)
                            .at_masked(tree.place.clone())
                            .hint("write it in decimal, or remove the tag to write it as a text"),
                    );
                }
            }
        }
    }
    found
}

/// Error for bytes within a structure.
pub(super) fn binary_in_structure(place: &Location) -> Diagnostic {
    Diagnostic::error(Rule::InvalidContent, "a structure has the tag `!!binary`, and cannot contain bytes")
        .at_masked(place.clone())
        .hint("remove the tag to write the base64 as a text, or use an entry of its own")
}
