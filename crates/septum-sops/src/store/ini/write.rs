//! Writes INI as sops does.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::{DEFAULT, parse};
use crate::BLOCK;
use crate::document::scalar::TypedValue;
use crate::document::tree::{SopsDocument, SopsItem, SopsMap, SopsTree};
use crate::store::{UnrepresentableValue, flat};
use septum_base::span::Source;

/// The text of a value.
fn leaf_text(value: &TypedValue) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let bytes = value.bytes().unwrap_or_default();
    Ok(Zeroizing::new(match value {
        TypedValue::Bool(bool) => bool.to_string(),
        _ => std::str::from_utf8(&bytes).map_err(|_| UnrepresentableValue::NotUtf8)?.to_owned(),
    }))
}

/// A value on its line.
pub(in crate::store) fn write_leaf(value: &TypedValue) -> Result<Zeroizing<String>, UnrepresentableValue> {
    quote_text(&leaf_text(value)?).ok_or(UnrepresentableValue::Characters)
}

/// A text in the quotes that it needs; `None` if no quotes of INI preserve it.
fn quote_text(text: &str) -> Option<Zeroizing<String>> {
    let quotes = if text.contains(['\n', '`']) {
        "\"\"\""
    } else if text.contains(['#', ';']) || text.starts_with(['"', '\'']) || text.ends_with('\\') {
        "`"
    } else if text.trim().len() != text.len() {
        "\""
    } else {
        ""
    };
    let written = Zeroizing::new(format!("{quotes}{text}{quotes}"));
    reads_as(&written, text).then_some(written)
}

fn reads_as(written: &str, text: &str) -> bool {
    let line = Zeroizing::new(format!("k = {written}\n"));
    let Ok(parsed) = parse(&Source::new("", line.as_str())) else { return false };
    let Some(SopsTree::Map(section)) = parsed.document.branches.first().and_then(|root| root.get(DEFAULT)) else {
        return false;
    };
    let mut values = section.values();
    let read = matches!(values.next(), Some((_, SopsTree::Leaf(leaf))) if leaf.value.bytes().as_deref() == Some(text.as_bytes()));
    read && values.next().is_none()
}

/// The text of a comment's first line: without its `;`, unless it would then look like another kind of line. Further
/// lines keep their sign, as in go-ini.
pub(crate) fn comment_text(line: &str) -> &str {
    match line.strip_prefix(';').map(str::trim) {
        Some(body) if !body.is_empty() && !body.starts_with([';', '#']) => body,
        _ => line,
    }
}

/// A comment, on any number of lines.
pub(in crate::store) fn write_comment(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 16));
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        match line.trim() {
            "" => out.push(';'),
            line if line.starts_with([';', '#']) => out.push_str(line),
            line => out.extend(["; ", line]),
        }
    }
    out
}

/// All sections, if they are read as such: no quotes preserve every name.
pub(in crate::store) fn emit_document(document: &SopsDocument) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let [branch] = document.branches.as_slice() else { return Err(UnrepresentableValue::Documents) };
    let mut out: Zeroizing<String> = Zeroizing::default();
    for item in &branch.items {
        let SopsItem::Value(name, tree) = item else { continue };
        let SopsTree::Map(section) = tree else { return Err(UnrepresentableValue::Nested) };
        let is_first = out.is_empty();
        if is_first && name.text == DEFAULT && section.items.is_empty() {
            continue;
        }
        if !is_first {
            out.push('\n');
        }
        push_section(&mut out, &name.text, section, is_first)?;
    }
    let again = parse(&Source::new("", out.as_str())).map_err(|_| UnrepresentableValue::Characters)?;
    let read = again.document.branches.first().map(section_texts).transpose()?.unwrap_or_default();
    if read == section_texts(branch)? { Ok(out) } else { Err(UnrepresentableValue::Characters) }
}

/// The names of all sections with the keys and texts of their values.
fn section_texts(root: &SopsMap) -> Result<Vec<(&str, Vec<IniEntryText<'_>>)>, UnrepresentableValue> {
    let mut all = Vec::new();
    for (name, tree) in root.values() {
        let SopsTree::Map(section) = tree else { return Err(UnrepresentableValue::Nested) };
        let mut texts = Vec::new();
        for (key, value) in section.values() {
            let SopsTree::Leaf(leaf) = value else { return Err(UnrepresentableValue::Nested) };
            texts.push((key.text.as_str(), leaf_text(&leaf.value)?));
        }
        if !(all.is_empty() && name.text == DEFAULT && texts.is_empty()) {
            all.push((name.text.as_str(), texts));
        }
    }
    Ok(all)
}

/// A key with the text of its value.
type IniEntryText<'a> = (&'a str, Zeroizing<String>);

fn push_section(out: &mut String, name: &str, section: &SopsMap, is_first: bool) -> Result<(), UnrepresentableValue> {
    let mut items = section.items.iter().peekable();
    while let Some(SopsItem::Comment(comment)) = items.next_if(|item| matches!(item, SopsItem::Comment(_))) {
        let _ = writeln!(out, "{}", write_comment(&comment.text).as_str());
    }
    // its keys may be above all headers, and nowhere else
    if name != DEFAULT || !is_first {
        let _ = writeln!(out, "[{name}]");
    }
    let width = section.values().map(|(key, _)| key.text.len()).max().unwrap_or_default();
    while let Some(item) = items.next() {
        let SopsItem::Value(key, tree) = item else { continue };
        let SopsTree::Leaf(value) = tree else { return Err(UnrepresentableValue::Nested) };
        while let Some(SopsItem::Comment(comment)) = items.next_if(|item| matches!(item, SopsItem::Comment(_))) {
            let _ = writeln!(out, "{}", write_comment(&comment.text).as_str());
        }
        let _ = writeln!(out, "{:width$} = {}", key.text, write_leaf(&value.value)?.as_str());
    }
    Ok(())
}

/// The metadata as a section, to be appended to a text.
pub(in crate::store) fn write_block(fields: &SopsMap, before: &str) -> String {
    let lines = flat::flatten_fields(fields);
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut out = String::new();
    if !before.is_empty() {
        out.push_str(if before.ends_with('\n') { "\n" } else { "\n\n" });
    }
    let _ = writeln!(out, "[{BLOCK}]");
    for (name, text) in lines {
        let text = text.replace('\n', "\\n");
        // a selector or a recipient may have any characters
        let written = quote_text(&text);
        let _ = writeln!(out, "{name:width$} = {}", written.as_deref().map_or(text.as_str(), String::as_str));
    }
    out
}
