//! Tags: those of the core schema are recorded, all others refused.

use granit_parser::{Span as Mark, Tag};

use crate::diagnostic::{Diagnostic, Rule};
use crate::span::Location;
use crate::template_tokens::is_template;
use crate::time::Timestamp;
use crate::yaml::kubectl::{JsonScalar, is_integer, is_signed_integer, json_scalar};
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

impl TagShape {
    fn noun(self) -> &'static str {
        match self {
            Self::Scalar => "a single value",
            Self::List => "a list",
            Self::Map => "a mapping",
        }
    }
}

/// A tag that cannot precede a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum InvalidTag {
    Unknown,
    /// It fits another shape.
    Misplaced(&'static str, TagShape),
}

/// The name of a tag that fits the shape, if the name is more specific than the shape. `!!merge` is no more specific
/// than the `<<` after it.
pub(super) fn core_tag_name(tag: &Tag, shape: TagShape) -> Result<Option<&'static str>, InvalidTag> {
    if tag.handle().is_empty() && tag.suffix() == "!" {
        // a lone `!` disables type detection: a text, or the collection after it
        return Ok((shape == TagShape::Scalar).then_some("str"));
    }
    let suffix = tag.suffix_in_namespace(CORE).ok_or(InvalidTag::Unknown)?;
    match (shape, &*suffix) {
        (TagShape::Scalar, name) if SCALARS.contains(&name) => Ok(SCALARS.into_iter().find(|known| *known == name)),
        (TagShape::Scalar, "merge") | (TagShape::List, "seq") | (TagShape::Map, "map") => Ok(None),
        (TagShape::Scalar | TagShape::List | TagShape::Map, name) => {
            let mut known = SCALARS.into_iter().chain(["seq", "map"]);
            Err(known
                .find(|known| *known == name)
                .map_or(InvalidTag::Unknown, |name| InvalidTag::Misplaced(name, shape)))
        }
    }
}

/// Whether a tag may be before a text: as for go-yaml, with which sops and kubectl read. `!!int 08` is no number with
/// digits of base 8, and `!!null abc` would lose the text. What a template gives is not known here.
pub(super) fn fits_source(name: &str, text: &str) -> bool {
    (name != "null" && is_template(text)) || fits_tag(name, text)
}

/// Whether a text is a value of the type that the name of a tag says.
pub fn fits_tag(name: &str, text: &str) -> bool {
    match name {
        "null" => plain_type(text) == CoreType::Null,
        "bool" => plain_type(text) == CoreType::Bool,
        "int" => is_integer(text),
        "float" => is_float(text),
        "binary" => is_base64(text),
        "timestamp" => Timestamp::parse_yaml(text).is_some(),
        _ => true,
    }
}

/// Whether a text is a number for go-yaml: with digits as only YAML 1.1 has them, too. A whole number that needs all 64
/// bits is no float to it.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_word = matches!(text, ".nan" | ".NaN" | ".NAN") || matches!(unsigned, ".inf" | ".Inf" | ".INF");
    let is_number = matches!(json_scalar(text), JsonScalar::Number(_));
    is_word || is_number && (!is_integer(text) || is_signed_integer(text))
}

/// Whether a text is standard base64 with padding. Line breaks in it do not count.
fn is_base64(text: &str) -> bool {
    let packed: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let padding = packed.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = packed.get(..packed.len() - padding).unwrap_or_default();
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    packed.len().is_multiple_of(4) && padding <= 2 && digits.iter().all(is_digit)
}

/// The finding about a tag that does not fit the text behind it.
pub(super) fn contradiction(name: &str, place: Location) -> Diagnostic {
    Diagnostic::error(Rule::UnknownTag, format!("the tag `!!{name}` contradicts the value behind it"))
        .at(place)
        .note(tag_expectation(name))
        .hint("remove the tag, or correct the value")
}

/// The finding about a tag of another shape than that of the node behind it.
pub(super) fn misplaced_tag(name: &str, shape: TagShape, place: Location) -> Diagnostic {
    let expected = match name {
        "seq" => "a list",
        "map" => "a mapping",
        _ => "a single value",
    };
    Diagnostic::error(Rule::UnknownTag, format!("the tag `!!{name}` contradicts the value behind it"))
        .at(place)
        .note(format!("expected {expected}, found {}", shape.noun()))
        .hint("remove the tag, or correct the value")
}

/// Description of the values that a tag allows.
pub fn tag_expectation(name: &str) -> &'static str {
    match name {
        "null" => "expected nothing, `~` or `null`",
        "bool" => "expected `true` or `false`",
        "int" => "expected a whole number of at most 64 bits; a leading 0 means base 8",
        "float" => "expected a number",
        "binary" => "expected standard base64 with padding",
        "timestamp" => "expected a date, such as `2024-01-31`, or a time, such as `2024-01-31T10:00:00Z`",
        _ => "expected a text",
    }
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

/// The finding about an unknown tag.
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
