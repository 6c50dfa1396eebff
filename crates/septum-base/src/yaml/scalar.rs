//! Resolution of a scalar by a YAML 1.2 reader, and the location in the file of a part of its text.

mod align;

use std::borrow::Cow;

use self::align::ScalarAligner;
use super::node::{Scalar, YamlStyle};
use crate::span::Span;
use crate::value::OutputValue;

/// The type of a scalar in the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoreType {
    /// `~`, `null`, or an empty text.
    Null,
    /// `true` or `false`; not `yes`, which is a text since YAML 1.2.
    Bool,
    /// `12`, `-1`, `0644`, `0x1F`, `0o17`.
    Int,
    /// `1.5`, `1e6`, `.inf`, `.nan`.
    Float,
    /// Any other text, and every quoted one.
    String,
}

/// The type of a scalar: that of its tag, else that of its plain text.
pub fn core_type(scalar: &Scalar) -> CoreType {
    match scalar.tag_name() {
        Some("null") => CoreType::Null,
        Some("bool") => CoreType::Bool,
        Some("int") => CoreType::Int,
        Some("float") => CoreType::Float,
        None if scalar.blank => CoreType::Null,
        None if scalar.style == YamlStyle::Plain => plain_type(scalar.text()),
        Some(_) | None => CoreType::String,
    }
}

impl Scalar {
    /// The scalar as it is written again: plain scalars stay plain, so that `8080` is a number and `1.10` keeps its
    /// zero.
    pub fn to_value(&self) -> OutputValue<'_> {
        let text = self.text();
        let kind = core_type(self);
        // without its tag, `!!binary ~` would be null
        let keeps_type = match self.tag_name() {
            None => true,
            Some("str" | "binary") => false,
            Some(_) => kind == plain_type(text),
        };
        match kind {
            CoreType::Null => OutputValue::Null,
            CoreType::Bool if text.eq_ignore_ascii_case("true") => OutputValue::Bool(true),
            CoreType::Bool => OutputValue::Bool(false),
            // a tag may say that nothing is a number
            _ if text.is_empty() => OutputValue::text(text),
            _ if self.style == YamlStyle::Plain && keeps_type => OutputValue::Literal(Cow::from(text)),
            CoreType::Int | CoreType::Float => OutputValue::Literal(Cow::from(text)),
            CoreType::String => OutputValue::text(text),
        }
    }
}

/// The type of a plain text in a file.
pub fn plain_type(text: &str) -> CoreType {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => CoreType::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => CoreType::Bool,
        ".nan" | ".NaN" | ".NAN" => CoreType::Float,
        _ if is_int(text) => CoreType::Int,
        _ if is_float(text) => CoreType::Float,
        _ => CoreType::String,
    }
}

fn is_int(text: &str) -> bool {
    let all = |digits: &str, accepted: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(accepted);
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |digit| matches!(digit, b'0'..=b'7'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit);
    }
    all(strip_sign(text), u8::is_ascii_digit)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, or an infinity
fn is_float(text: &str) -> bool {
    let text = strip_sign(text);
    if matches!(text, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(strip_sign(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    !(whole.is_empty() && fraction.is_empty())
        && digits(whole)
        && digits(fraction)
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

fn strip_sign(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// Location in the file of `len` bytes of a scalar's text, from `offset` on.
///
/// The text of a scalar differs from the file: by escapes, folded lines and stripped indentation. The result is
/// always within `node`, the span of the scalar; it is `node` itself where the text is not from there, as with a
/// decrypted value.
pub fn locate_in_scalar(source: &str, node: Span, scalar: &Scalar, offset: usize, len: usize) -> Span {
    let Some(raw) = source.get(node.start..node.end) else { return node };
    let text = scalar.text();
    let wanted = offset.min(text.len())..offset.saturating_add(len).min(text.len());
    let Some(mut align) = ScalarAligner::new(raw, text, scalar.style) else { return node };
    let mut found = None;
    while let Some(piece) = align.next_piece() {
        if piece.text_end > wanted.start {
            let start = found.map_or(piece.raw.start, |(start, _)| start);
            found = Some((start, piece.raw.end));
            if piece.text_end >= wanted.end {
                break;
            }
        }
    }
    if align.is_misaligned() {
        return node;
    }
    let (start, end) = found.unwrap_or((align.raw_end(), align.raw_end()));
    let end = if wanted.is_empty() { start } else { end };
    Span::locate(source, node.start + start, node.start + end)
}

#[cfg(test)]
mod tests;
