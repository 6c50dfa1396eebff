//! Tags: those of the core schema are recorded, all others refused.

use granit_parser::{Span as Mark, Tag};

use crate::diagnostic::{Diagnostic, Rule};
use crate::span::Location;
use crate::template_tokens::is_template;
use crate::yaml::kubectl::{JsonScalar, json_scalar};
use crate::yaml::scalar::{CoreType, plain_type};

/// Tags of the core schema that a scalar may have.
const SCALARS: [&str; 7] = ["str", "int", "float", "bool", "null", "binary", "timestamp"];

const CORE: &str = "tag:yaml.org,2002:";

/// Node shapes that a tag may precede.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagShape {
    Scalar,
    List,
    Map,
}

/// A tag that is unknown, or fits another shape.
pub(super) struct InvalidTag;

/// The name of a tag that fits the shape, if the name is more specific than the shape. `!!merge` is no more specific
/// than the `<<` after it.
pub(super) fn core_tag_name(tag: &Tag, shape: TagShape) -> Result<Option<&'static str>, InvalidTag> {
    if tag.handle().is_empty() && tag.suffix() == "!" {
        // a lone `!` disables type detection: a text, or the collection after it
        return Ok((shape == TagShape::Scalar).then_some("str"));
    }
    let suffix = tag.suffix_in_namespace(CORE).ok_or(InvalidTag)?;
    match (shape, &*suffix) {
        (TagShape::Scalar, name) if SCALARS.contains(&name) => Ok(SCALARS.into_iter().find(|known| *known == name)),
        (TagShape::Scalar, "merge") | (TagShape::List, "seq") | (TagShape::Map, "map") => Ok(None),
        (TagShape::Scalar | TagShape::List | TagShape::Map, _) => Err(InvalidTag),
    }
}

/// Whether a tag may be before a text: sops and kubectl refuse `!!int abc`, and `!!null abc` would lose the text. What a
/// template gives is not known here.
pub(super) fn fits_text(name: &str, text: &str) -> bool {
    if name != "null" && is_template(text) {
        return true;
    }
    let found = plain_type(text);
    let number = || match json_scalar(text) {
        JsonScalar::Number(number) => Some(number),
        JsonScalar::Null | JsonScalar::Bool(_) | JsonScalar::Text(_) => None,
    };
    match name {
        "null" => found == CoreType::Null,
        "bool" => found == CoreType::Bool,
        // with digits as only YAML 1.1 has them, too
        "int" => found == CoreType::Int || number().is_some_and(|number| plain_type(&number) == CoreType::Int),
        "float" => matches!(found, CoreType::Int | CoreType::Float) || number().is_some(),
        _ => true,
    }
}

/// The finding about a tag that does not fit the text behind it.
pub(super) fn contradiction(name: &str, place: Location) -> Diagnostic {
    Diagnostic::error(Rule::UnknownTag, format!("the tag `!!{name}` contradicts the value behind it"))
        .at(place)
        .hint("remove the tag, or correct the value")
}

/// The byte range of the tag, or of the node where the parser does not report it.
pub(super) fn tag_range(mark: &Mark) -> (usize, usize) {
    let range = mark.tag_span().as_ref().unwrap_or(mark).byte_range().unwrap_or_default();
    (range.start, range.end)
}

/// Whether a value follows a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagPlacement {
    BeforeValue,
    /// Nothing follows, so this may be a password that starts with `!`: it must not be shown.
    Alone,
}

/// The finding about a tag that [`core_tag_name`] does not know.
pub(super) fn tag_diagnostic(place: Location, standing: TagPlacement) -> Diagnostic {
    let diagnostic = match standing {
        TagPlacement::BeforeValue => {
            // a password that begins with `!` and wants quotes is a tag too
            Diagnostic::error(Rule::UnknownTag, "unknown tag").at(place)
        }
        TagPlacement::Alone => {
            Diagnostic::error(Rule::UnknownTag, "unknown tag: a leading `!` starts a tag").at_masked(place)
        }
    };
    diagnostic
        .note(
            "the known tags are `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!binary`, `!!timestamp`, `!!seq` and `!!map`",
        )
        .hint("remove the tag, or quote a value that starts with `!`")
}
