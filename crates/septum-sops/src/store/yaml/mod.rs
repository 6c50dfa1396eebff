//! YAML (format, section 1.9).

mod comments;
mod emit;
mod read;

use zeroize::Zeroizing;

use crate::document::scalar::{TypedValue, print_float};
use crate::document::tree::{SopsMap, ValueSite};
use crate::store::layout::Indent;
use septum_base::yaml::write::{fits_block, needs_quotes, push_quoted};

pub(super) use emit::{emit_document, emit_lines, emit_list, emit_open, emit_with};
pub(super) use read::parse;

/// A value in the place of another one: in the usual spelling, so that the same type is read again.
pub(super) fn write_leaf(value: &TypedValue, site: ValueSite) -> Zeroizing<String> {
    let text = match value {
        TypedValue::Null | TypedValue::Comment => "null".to_owned(),
        TypedValue::Bool(bool) => bool.to_string(),
        TypedValue::Int(int) => int.to_string(),
        TypedValue::Float(float) => format_decimal(*float),
        TypedValue::Time(time) => time.to_string(),
        TypedValue::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => return quote_text(text, site),
            Err(_) => format!("!!binary {}", encode_base64(bytes)),
        },
    };
    Zeroizing::new(text)
}

fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A number that is read as one with a fraction, whether it has one or not.
pub(super) fn format_decimal(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = print_float(float);
    if text.contains('.') { text } else { text + ".0" }
}

/// A text: plain if no reader has another meaning for it, as a block if it has lines and there is room, else in
/// double quotes.
fn quote_text(text: &str, site: ValueSite) -> Zeroizing<String> {
    // of its full length at once, so that growing leaves no part of it behind
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 2 + 16));
    match site.indent {
        _ if !(needs_quotes(text) || site.flow && text.contains(':')) => out.push_str(text),
        Some(indent) if fits_block(text) && !text.ends_with("\n\n") => {
            out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
            let indent = usize::try_from(indent).unwrap_or_default();
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                out.push('\n');
                if !line.is_empty() {
                    out.extend(std::iter::repeat_n(' ', indent));
                    out.push_str(line);
                }
            }
        }
        _ => push_quoted(&mut out, text),
    }
    out
}

/// The metadata, to be inserted between two texts.
pub(super) fn write_block(fields: &SopsMap, (before, after): (&str, &str), indent: Indent) -> String {
    let mut out = String::new();
    if !before.is_empty() && !before.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(&emit::emit_block(fields, indent));
    // the line breaks of the file
    if before.contains("\r\n") || after.contains("\r\n") { out.replace('\n', "\r\n") } else { out }
}
