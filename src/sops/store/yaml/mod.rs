//! YAML (format, section 1.9).

mod comments;
mod emit;
mod read;

use zeroize::Zeroizing;

use crate::sops::document::{Map, Site};
use crate::sops::layout::Indent;
use crate::sops::scalar::{Value, print_float};
use crate::yaml::write::{fits_block, needs_quotes, push_quoted};

pub(super) use emit::{emit, emit_open, emit_with, lines, list};
pub(super) use read::parse;

/// A value at the place of another one: as people write it, so that the same type is read again.
pub(super) fn leaf(value: &Value, site: Site) -> Zeroizing<String> {
    let text = match value {
        Value::Null | Value::Comment => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => decimal(*float),
        Value::Time(time) => time.to_string(),
        Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => return quoted(text, site),
            Err(_) => format!("!!binary {}", base64(bytes)),
        },
    };
    Zeroizing::new(text)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A number that is read as one with a fraction, whether it has one or not.
pub(super) fn decimal(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = print_float(float);
    if text.contains('.') { text } else { text + ".0" }
}

/// A text: bare if no reader has another meaning for it, as a block if it has lines and there is
/// room, else in double quotes.
fn quoted(text: &str, site: Site) -> Zeroizing<String> {
    // of its full length at once, so that no part of it is left behind by growing
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 2 + 16));
    match site.indent {
        _ if !(needs_quotes(text) || site.flow && text.contains(':')) => out.push_str(text),
        Some(indent) if fits_block(text) && !text.ends_with("\n\n") => {
            out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
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

/// The metadata, to be put at `end`.
pub(super) fn block(fields: &Map, text: &str, end: usize, indent: Indent) -> String {
    let before = text.get(..end).unwrap_or_default();
    let mut out = String::new();
    if !before.is_empty() && !before.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(&emit::block(fields, indent));
    // the line breaks of the file
    if text.contains("\r\n") { out.replace('\n', "\r\n") } else { out }
}
