//! JSON (format, section 1.10), and the envelope of binary files (1.13).

mod read;

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::go::{json_float, push_json};
use super::{Unfit, yaml};
use crate::sops::BLOCK;
use crate::sops::document::{Document, Item, List, Map, Tree};
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
    push(&mut out, tree, indent, leaf)?;
    Ok(out)
}

/// The only document, with tabs.
pub(super) fn emit(document: &Document) -> Result<Zeroizing<String>, Unfit> {
    let [branch] = document.branches.as_slice() else { return Err(Unfit::Documents) };
    let mut out: Zeroizing<String> = Zeroizing::default();
    push_map(&mut out, branch, 0, single)?;
    out.push('\n');
    Ok(out)
}

/// Behind the last value of a text that [`emit`] wrote.
pub(super) fn end(text: &str) -> usize {
    let inner = text.trim_end().strip_suffix('}').unwrap_or_default();
    inner.trim_end().len()
}

/// The metadata, to be put at `end`, behind the last value or the opening bracket.
pub(super) fn block(fields: &Map, text: &str, end: usize) -> String {
    let before = text.get(..end).unwrap_or_default();
    let comma = if before.trim_end().ends_with('{') { "" } else { "," };
    let mut out = String::new();
    // a text of the metadata is always one: what is not UTF-8 has not been read
    let _ = push_map(&mut out, fields, 1, single);
    // keys follow where the metadata stood first
    let close = if text.get(end..).is_some_and(|rest| rest.starts_with('"')) { ",\n\t" } else { "" };
    format!("{comma}\n\t\"{BLOCK}\": {out}{close}")
}

type Single = fn(&Value) -> Result<Zeroizing<String>, Unfit>;

fn push(out: &mut String, tree: &Tree, indent: usize, single: Single) -> Result<(), Unfit> {
    match tree {
        Tree::Leaf(leaf) => out.push_str(&single(&leaf.value)?),
        Tree::List(list) => push_list(out, list, indent, single)?,
        Tree::Map(map) => push_map(out, map, indent, single)?,
    }
    Ok(())
}

fn push_map(out: &mut String, map: &Map, indent: usize, single: Single) -> Result<(), Unfit> {
    out.push('{');
    let mut first = true;
    for item in &map.items {
        // JSON has no comments
        let Item::Value(key, value) = item else { continue };
        start(out, &mut first, indent + 1);
        push_json(out, &key.text);
        out.push_str(": ");
        push(out, value, indent + 1, single)?;
    }
    close(out, first, indent, '}');
    Ok(())
}

fn push_list(out: &mut String, list: &List, indent: usize, single: Single) -> Result<(), Unfit> {
    out.push('[');
    let mut first = true;
    for value in list.values() {
        start(out, &mut first, indent + 1);
        push(out, value, indent + 1, single)?;
    }
    close(out, first, indent, ']');
    Ok(())
}

fn start(out: &mut String, first: &mut bool, indent: usize) {
    let comma = if std::mem::take(first) { "" } else { "," };
    let _ = write!(out, "{comma}\n{:\t<indent$}", "");
}

fn close(out: &mut String, empty: bool, indent: usize, bracket: char) {
    if !empty {
        let _ = write!(out, "\n{:\t<indent$}", "");
    }
    out.push(bracket);
}
