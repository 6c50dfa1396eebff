//! JSON (format, section 1.10), and the envelope of binary files (1.13).

mod read;

use zeroize::Zeroizing;

use super::go::{json_float, push_json};
use super::{UnrepresentableValue, yaml};
use crate::BLOCK;
use crate::document::scalar::TypedValue;
use crate::document::tree::{SopsDocument, SopsItem, SopsList, SopsMap, SopsTree};
use crate::store::layout::Indent;

pub(super) use read::{parse, parse_envelope};

/// A value in the place of another one: a number with a fraction keeps one.
pub(super) fn write_leaf(value: &TypedValue) -> Result<Zeroizing<String>, UnrepresentableValue> {
    match value {
        TypedValue::Float(float) if float.is_finite() => Ok(Zeroizing::new(yaml::format_decimal(*float))),
        _ => write_single(value),
    }
}

/// A single value as sops writes it.
fn write_single(value: &TypedValue) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let mut out: Zeroizing<String> = Zeroizing::default();
    match value {
        TypedValue::Null | TypedValue::Comment => out.push_str("null"),
        TypedValue::Bool(bool) => out.push_str(&bool.to_string()),
        TypedValue::Int(int) => out.push_str(&int.to_string()),
        TypedValue::Float(float) if float.is_finite() => out.push_str(&json_float(*float)),
        TypedValue::Float(_) => return Err(UnrepresentableValue::NotFinite),
        TypedValue::Time(time) => push_json(&mut out, &time.to_string()),
        TypedValue::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| UnrepresentableValue::NotUtf8)?;
            out.reserve(text.len() * 2 + 2);
            push_json(&mut out, text);
        }
    }
    Ok(out)
}

/// Any value, its lines after the first one indented by a number of tabs.
pub(super) fn write_value(tree: &SopsTree, indent: usize) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let mut out: Zeroizing<String> = Zeroizing::default();
    push_tree(&mut out, tree, indent, JsonStyle { single: write_leaf, indent: Indent::Tab })?;
    Ok(out)
}

/// The only document.
pub(super) fn emit_document(
    document: &SopsDocument,
    indent: Indent,
) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let [branch] = document.branches.as_slice() else { return Err(UnrepresentableValue::Documents) };
    let mut out: Zeroizing<String> = Zeroizing::default();
    push_map(&mut out, branch, 0, JsonStyle { single: write_single, indent })?;
    out.push('\n');
    Ok(out)
}

/// Offset after the last value of a text that [`emit`] wrote.
pub(super) fn end_of_content(text: &str) -> usize {
    let inner = text.trim_end().strip_suffix('}').unwrap_or_default();
    inner.trim_end().len()
}

/// The metadata, to be inserted between two texts, after the last value or the opening bracket.
pub(super) fn write_block(fields: &SopsMap, (before, after): (&str, &str), indent: Indent) -> String {
    let comma = if before.trim_end().ends_with('{') { "" } else { "," };
    let mut out = String::new();
    // a text of the metadata is always valid: one that is not UTF-8 has not been read
    let _ = push_map(&mut out, fields, 1, JsonStyle { single: write_single, indent });
    // keys follow where the metadata were first
    let close = if after.starts_with('"') { ",\n" } else { "" };
    let blanks = indent.first_level();
    let behind = if close.is_empty() { "" } else { &blanks };
    format!("{comma}\n{blanks}\"{BLOCK}\": {out}{close}{behind}")
}

/// Output style of values.
#[derive(Clone, Copy)]
struct JsonStyle {
    single: fn(&TypedValue) -> Result<Zeroizing<String>, UnrepresentableValue>,
    indent: Indent,
}

fn push_tree(out: &mut String, tree: &SopsTree, indent: usize, style: JsonStyle) -> Result<(), UnrepresentableValue> {
    match tree {
        SopsTree::Leaf(leaf) => out.push_str(&(style.single)(&leaf.value)?),
        SopsTree::List(list) => push_list(out, list, indent, style)?,
        SopsTree::Map(map) => push_map(out, map, indent, style)?,
    }
    Ok(())
}

fn push_map(out: &mut String, map: &SopsMap, indent: usize, style: JsonStyle) -> Result<(), UnrepresentableValue> {
    out.push('{');
    let mut first = true;
    for item in &map.items {
        // JSON has no comments
        let SopsItem::Value(key, value) = item else { continue };
        start_item(out, &mut first, (style.indent, indent + 1));
        push_json(out, &key.text);
        out.push_str(": ");
        push_tree(out, value, indent + 1, style)?;
    }
    close_bracket(out, first, (style.indent, indent), '}');
    Ok(())
}

fn push_list(out: &mut String, list: &SopsList, indent: usize, style: JsonStyle) -> Result<(), UnrepresentableValue> {
    out.push('[');
    let mut first = true;
    for value in list.values() {
        start_item(out, &mut first, (style.indent, indent + 1));
        push_tree(out, value, indent + 1, style)?;
    }
    close_bracket(out, first, (style.indent, indent), ']');
    Ok(())
}

fn start_item(out: &mut String, first: &mut bool, (step, levels): (Indent, usize)) {
    let comma = if std::mem::take(first) { "" } else { "," };
    out.extend([comma, "\n"]);
    step.push_levels(out, levels);
}

fn close_bracket(out: &mut String, empty: bool, (step, levels): (Indent, usize), bracket: char) {
    if !empty {
        out.push('\n');
        step.push_levels(out, levels);
    }
    out.push(bracket);
}
