//! JSON (format, section 1.10), and the envelope of binary files (1.13).

mod read;

use zeroize::Zeroizing;

use super::go::{json_float, push_json};
use super::{Unfit, yaml};
use crate::sops::BLOCK;
use crate::sops::document::{Document, Item, List, Map, Tree};
use crate::sops::layout::Indent;
use crate::sops::scalar::Value;

pub(super) use read::{parse, parse_envelope};

/// A value at the place of another one: a number with a fraction keeps one.
pub(super) fn leaf(value: &Value) -> Result<Zeroizing<String>, Unfit> {
    match value {
        Value::Float(float) if float.is_finite() => Ok(Zeroizing::new(yaml::decimal(*float))),
        _ => single(value),
    }
}

/// A single value as sops writes it.
fn single(value: &Value) -> Result<Zeroizing<String>, Unfit> {
    let mut out: Zeroizing<String> = Zeroizing::default();
    match value {
        Value::Null | Value::Comment => out.push_str("null"),
        Value::Bool(bool) => out.push_str(&bool.to_string()),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Float(float) if float.is_finite() => out.push_str(&json_float(*float)),
        Value::Float(_) => return Err(Unfit::NotFinite),
        Value::Time(time) => push_json(&mut out, &time.to_string()),
        Value::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| Unfit::NotUtf8)?;
            out.reserve(text.len() * 2 + 2);
            push_json(&mut out, text);
        }
    }
    Ok(out)
}

/// Any value, its lines behind the first one indented with so many tabs.
pub(super) fn value(tree: &Tree, indent: usize) -> Result<Zeroizing<String>, Unfit> {
    let mut out: Zeroizing<String> = Zeroizing::default();
    push(&mut out, tree, indent, Style { single: leaf, indent: Indent::Tab })?;
    Ok(out)
}

/// The only document.
pub(super) fn emit(document: &Document, indent: Indent) -> Result<Zeroizing<String>, Unfit> {
    let [branch] = document.branches.as_slice() else { return Err(Unfit::Documents) };
    let mut out: Zeroizing<String> = Zeroizing::default();
    push_map(&mut out, branch, 0, Style { single, indent })?;
    out.push('\n');
    Ok(out)
}

/// Behind the last value of a text that [`emit`] wrote.
pub(super) fn end(text: &str) -> usize {
    let inner = text.trim_end().strip_suffix('}').unwrap_or_default();
    inner.trim_end().len()
}

/// The metadata, to be put at `end`, behind the last value or the opening bracket.
pub(super) fn block(fields: &Map, text: &str, end: usize, indent: Indent) -> String {
    let before = text.get(..end).unwrap_or_default();
    let comma = if before.trim_end().ends_with('{') { "" } else { "," };
    let mut out = String::new();
    // a text of the metadata is always one: what is not UTF-8 has not been read
    let _ = push_map(&mut out, fields, 1, Style { single, indent });
    // keys follow where the metadata stood first
    let close = if text.get(end..).is_some_and(|rest| rest.starts_with('"')) { ",\n" } else { "" };
    let blanks = indent.first();
    let behind = if close.is_empty() { "" } else { &blanks };
    format!("{comma}\n{blanks}\"{BLOCK}\": {out}{close}{behind}")
}

/// How values are written.
#[derive(Clone, Copy)]
struct Style {
    single: fn(&Value) -> Result<Zeroizing<String>, Unfit>,
    indent: Indent,
}

fn push(out: &mut String, tree: &Tree, indent: usize, style: Style) -> Result<(), Unfit> {
    match tree {
        Tree::Leaf(leaf) => out.push_str(&(style.single)(&leaf.value)?),
        Tree::List(list) => push_list(out, list, indent, style)?,
        Tree::Map(map) => push_map(out, map, indent, style)?,
    }
    Ok(())
}

fn push_map(out: &mut String, map: &Map, indent: usize, style: Style) -> Result<(), Unfit> {
    out.push('{');
    let mut first = true;
    for item in &map.items {
        // JSON has no comments
        let Item::Value(key, value) = item else { continue };
        start(out, &mut first, (style.indent, indent + 1));
        push_json(out, &key.text);
        out.push_str(": ");
        push(out, value, indent + 1, style)?;
    }
    close(out, first, (style.indent, indent), '}');
    Ok(())
}

fn push_list(out: &mut String, list: &List, indent: usize, style: Style) -> Result<(), Unfit> {
    out.push('[');
    let mut first = true;
    for value in list.values() {
        start(out, &mut first, (style.indent, indent + 1));
        push(out, value, indent + 1, style)?;
    }
    close(out, first, (style.indent, indent), ']');
    Ok(())
}

fn start(out: &mut String, first: &mut bool, (step, levels): (Indent, usize)) {
    let comma = if std::mem::take(first) { "" } else { "," };
    out.extend([comma, "\n"]);
    step.push(out, levels);
}

fn close(out: &mut String, empty: bool, (step, levels): (Indent, usize), bracket: char) {
    if !empty {
        out.push('\n');
        step.push(out, levels);
    }
    out.push(bracket);
}
