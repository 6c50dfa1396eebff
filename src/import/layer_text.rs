//! Text of a layer, field by field.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::template_tokens::is_template;
use crate::value::OutputValue;
use crate::yaml::write::write_document;

/// Longest text that is written as a plain number: longer ones are seldom numbers.
const LONGEST_NUMBER: usize = 18;

/// A name as a part of a path: one that is valid stays as it is, and none leads to another directory.
pub fn file_word(name: &str) -> String {
    let is_safe = |char: char| char.is_ascii_alphanumeric() || "-._".contains(char);
    let word: String = name.chars().map(|char| if is_safe(char) { char } else { '-' }).collect();
    if word == "." || word.is_empty() || word.starts_with("..") { format!("-{word}") } else { word }
}

/// Fields of a layer in their order.
#[derive(Default)]
pub struct LayerText<'a> {
    fields: Vec<(&'static str, OutputValue<'a>)>,
    comment: String,
}

impl<'a> LayerText<'a> {
    /// A layer that begins with a comment, of one line each.
    pub fn with_comment(lines: &[&str]) -> Self {
        let comment = lines.iter().flat_map(|line| ["# ", line, "\n"]).collect();
        Self { fields: Vec::new(), comment }
    }

    /// Adds a field. One without content is left out.
    pub fn add(&mut self, field: &'static str, value: OutputValue<'a>) {
        let is_empty = match &value {
            OutputValue::Null => true,
            OutputValue::List(items) => items.is_empty(),
            OutputValue::Map(pairs) => pairs.is_empty(),
            OutputValue::Bool(_) | OutputValue::Literal(_) | OutputValue::String(_) => false,
        };
        if !is_empty {
            self.fields.push((field, value));
        }
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The text of the file, which is empty without fields and comments.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut text = self.comment.clone();
        // each field by itself, with a blank line between those of several lines
        for (index, (field, value)) in self.fields.iter().enumerate() {
            let part = Zeroizing::new(write_document(&OutputValue::map([(*field, value.clone())])));
            if index > 0 && part.lines().count() > 1 {
                text.push('\n');
            }
            text.push_str(&part);
        }
        Zeroizing::new(text.into_bytes())
    }
}

/// Field `labels` that removes those that Septum sets on objects without them: `managed-by` and the name of the app.
pub fn without_default_labels() -> OutputValue<'static> {
    let labels = ["app.kubernetes.io/managed-by", "app.kubernetes.io/name"];
    OutputValue::map(labels.map(|label| (label, OutputValue::Null)))
}

/// Whether a text is written without quotes: a decimal number, `true` or `false`, whose text every layer keeps.
pub fn is_plain_scalar(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = text.len() <= LONGEST_NUMBER
        && all_digits(whole)
        && fraction.is_none_or(all_digits)
        && (whole == "0" || !whole.starts_with('0'));
    is_number || matches!(text, "true" | "false")
}

/// A text as a scalar, without quotes where its text is kept without them.
pub fn text_scalar(text: &str) -> OutputValue<'_> {
    if is_plain_scalar(text) { OutputValue::Literal(text.into()) } else { OutputValue::text(text) }
}

/// A text as a field of a map.
pub fn text_field<'a>(name: &'a str, text: &'a str) -> (&'a str, OutputValue<'a>) {
    (name, text_scalar(text))
}

/// A list of texts.
pub fn list_field(texts: impl IntoIterator<Item = String>) -> OutputValue<'static> {
    OutputValue::List(texts.into_iter().map(OutputValue::text).collect())
}

/// A value of an entry with its rules. One that looks like a template is kept as it is with `template: false`.
pub fn entry_field<'a>(text: &'a str, mut rules: Vec<(&'a str, OutputValue<'a>)>) -> OutputValue<'a> {
    if is_template(text) {
        rules.insert(0, ("template", OutputValue::Bool(false)));
    }
    if rules.is_empty() {
        return text_scalar(text);
    }
    rules.insert(0, ("value", text_scalar(text)));
    OutputValue::map(rules)
}

/// A text with its template tags as texts of a template.
pub fn escape_template_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
        let (before, after) = rest.split_at(at);
        let (tag, after) = after.split_at(2);
        // writing to a String cannot fail
        let _ = write!(out, "{before}{{{{ \"{tag}\" }}}}");
        rest = after;
    }
    out + rest
}

/// A template of texts, which come out as they are, and expressions.
#[derive(Default)]
pub(super) struct TemplateText {
    out: String,
    /// Texts after the last expression: together they may look like a tag.
    literal: String,
}

impl TemplateText {
    /// Adds a text.
    pub(super) fn push_literal(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    /// Adds an expression.
    pub(super) fn push_expression(&mut self, expression: &str) {
        self.end_literal();
        // a `{` before the tag would be read as a part of it
        if self.out.ends_with('{') {
            self.out.pop();
            self.out.push_str("{{ \"{\" }}");
        }
        self.out.extend(["{{ ", expression, " }}"]);
    }

    /// The template.
    pub(super) fn finish(mut self) -> String {
        self.end_literal();
        self.out
    }

    fn end_literal(&mut self) {
        self.out += &escape_template_tags(&std::mem::take(&mut self.literal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_have_no_quotes_and_all_else_that_could_be_misread_has() {
        for (text, expected) in [
            ("8080", true),
            ("-1.5", true),
            ("0", true),
            ("0.10", true),
            ("true", true),
            ("0644", false),
            ("1e6", false),
            ("yes", false),
            ("1.", false),
            ("", false),
            ("-", false),
            ("12345678901234567890", false),
        ] {
            assert_eq!(is_plain_scalar(text), expected, "{text}");
        }
    }

    #[test]
    fn a_layer_has_its_fields_in_order_and_no_empty_ones() {
        let mut layer = LayerText::with_comment(&["Imported."]);
        layer.add("app", OutputValue::text("web"));
        layer.add("labels", OutputValue::map::<&str>([]));
        layer.add("data", OutputValue::map([("A", entry_field("{{ x }}", Vec::new())), text_field("B", "1")]));
        let text = layer.to_bytes();
        let expected = "# Imported.\napp: web\n\ndata:\n  A:\n    value: \"{{ x }}\"\n    template: false\n  B: 1\n";
        assert_eq!(std::str::from_utf8(&text), Ok(expected));
        assert!(LayerText::default().is_empty());
    }
}
