//! Entries as they are written in a layer: key, value, style and comments.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::extent::header_comment;
use crate::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode, YamlStyle};

/// The text of an entry of a map, or of an item of a list, without the indentation of its place.
#[derive(Clone)]
pub(super) struct LayerExcerpt {
    /// Comment lines directly above it.
    pub(super) comments: Vec<String>,
    /// Its text: the key of an entry, and the value.
    pub(super) text: Zeroizing<String>,
    /// The comment behind it, with the blanks before it.
    pub(super) behind: Option<String>,
    /// Whether its value ends with line breaks that blank lines stand for.
    pub(super) keeps_newlines: bool,
    /// Whether the text has the same meaning between lines of a block and in braces.
    pub(super) is_flow: bool,
    /// Its value.
    pub(super) node: YamlNode,
}

impl LayerExcerpt {
    /// The entry in a form that does not depend on its place: a single line, without comments.
    pub(super) fn in_one_line(key: Option<&str>, node: &YamlNode) -> Self {
        let mut text = Zeroizing::new(String::new());
        if let Some(key) = key {
            push_key(&mut text, key);
        }
        push_flow(&mut text, node);
        let node = node.clone();
        Self { comments: Vec::new(), text, behind: None, keeps_newlines: false, is_flow: true, node }
    }

    /// The entry without its comments above.
    pub(super) fn without_comments(&self) -> Self {
        Self { comments: Vec::new(), ..self.clone() }
    }

    /// The entry with another key, and the same style if its key is written without quotes.
    pub(super) fn renamed(&self, key: &str) -> Self {
        match self.text.split_once(':') {
            Some((old, rest)) if !old.contains(['"', '\'']) => {
                Self { text: Zeroizing::new(format!("{key}:{rest}")), ..self.clone() }
            }
            _ => Self::in_one_line(Some(key), &self.node),
        }
    }

    /// The lines of its text and of the comment behind it, those after the first indented.
    pub(super) fn lines_at(&self, indent: &str, newline: &str) -> Zeroizing<String> {
        let mut out = indent_lines(&self.text, indent, newline);
        if let Some(behind) = &self.behind {
            out.push_str(behind);
        }
        out
    }

    /// Its lines, with a comment of the place that they are written to in the place of its own ones.
    pub(super) fn lines_with(&self, kept: &str, indent: &str, newline: &str) -> Vec<Zeroizing<String>> {
        let lines = indent_lines(&self.text, indent, newline);
        let Some((first, rest)) = lines.split_once('\n') else {
            return vec![Zeroizing::new(format!("{}{kept}", lines.as_str()))];
        };
        let own = header_comment(first).unwrap_or(first.trim_end_matches('\r').len());
        let first = first.get(..own).unwrap_or(first);
        // behind the header of a block, else behind the last line: the other one is part of the value
        vec![
            Zeroizing::new(format!("{first}{kept}{newline}{rest}")),
            Zeroizing::new(format!("{}{kept}", lines.as_str())),
        ]
    }
}

/// The lines of a text, those after the first indented.
fn indent_lines(text: &str, indent: &str, newline: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 64));
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push_str(newline);
            if !line.is_empty() {
                out.push_str(indent);
            }
        }
        out.push_str(line);
    }
    out
}

/// A text with its lines after the first moved to the left; none if one of them is not indented as much.
pub(super) fn dedent(text: &str, by: usize) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    for (index, line) in text.split('\n').enumerate() {
        let line = line.trim_end_matches('\r');
        if index > 0 {
            out.push('\n');
            let blank = line.len() - line.trim_start_matches(' ').len();
            match line.get(by.min(blank)..) {
                Some(rest) if blank >= by || line.trim().is_empty() => out.push_str(rest),
                _ => return None,
            }
        } else {
            out.push_str(line);
        }
    }
    Some(out)
}

fn push_key(out: &mut String, key: &str) {
    let is_plain = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && key.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && !matches!(
            key.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if is_plain {
        out.push_str(key);
    } else {
        push_quoted(out, key);
    }
    out.push_str(": ");
}

/// A text in double quotes; JSON is YAML there.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\U{:08X}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

fn push_flow(out: &mut String, node: &YamlNode) {
    match &node.kind {
        YamlKind::Scalar(scalar) => {
            if let Some(tag) = scalar.tag_name() {
                let _ = write!(out, "!!{tag} ");
            }
            if scalar.style == YamlStyle::Plain { out.push_str(scalar.text()) } else { push_quoted(out, scalar.text()) }
        }
        YamlKind::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_flow(out, item);
            }
            out.push(']');
        }
        YamlKind::Map(map) if map.is_empty() => out.push_str("{}"),
        YamlKind::Map(map) => {
            out.push_str("{ ");
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_key(out, &key.text);
                push_flow(out, value);
            }
            out.push_str(" }");
        }
    }
}

/// Whether two trees have the same content, whatever their styles and locations: `"8080"` and `8080` differ, `a` and
/// `"a"` do not.
pub(super) fn is_same_content(one: &YamlNode, other: &YamlNode) -> bool {
    match (&one.kind, &other.kind) {
        (YamlKind::Scalar(one), YamlKind::Scalar(other)) => {
            one.text() == other.text()
                && one.tag_name() == other.tag_name()
                && is_string(one) == is_string(other)
                && one.blank == other.blank
        }
        (YamlKind::List(one), YamlKind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_content(one, other))
        }
        (YamlKind::Map(one), YamlKind::Map(other)) => is_same_map(one, other),
        _ => false,
    }
}

/// Whether a scalar is a string to every reader.
fn is_string(scalar: &Scalar) -> bool {
    let text = scalar.text();
    let is_word =
        || ["true", "false", "null", "~", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    let is_number = || text.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '+' | '-' | '.'));
    scalar.style != YamlStyle::Plain || !(is_word() || is_number())
}

fn is_same_map(one: &Mapping, other: &Mapping) -> bool {
    let has = |(key, one): (&YamlKey, &YamlNode)| other.get(key).is_some_and(|other| is_same_content(one, other));
    one.len() == other.len() && one.iter().all(has)
}
