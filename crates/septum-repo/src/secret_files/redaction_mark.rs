//! Marks in the place of a hidden value, which programs and assistants write back as if they were the value.

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::HashSet;
use crate::span::Source;

/// Words of which a mark in brackets consists: `[secret]`, `<redacted>`, `(sensitive value)`, `[secret, changed]`.
const MARKS: [&str; 9] =
    ["secret", "redacted", "hidden", "masked", "filtered", "sensitive", "removed", "omitted", "scrubbed"];

/// Words that stand beside them.
const BESIDE: [&str; 6] = ["value", "values", "data", "changed", "unknown", "key"];

/// Marks without brackets, in any case.
const BARE: [&str; 2] = ["redacted", "__redacted__"];

/// Characters that cross out a value if nothing else is there.
const COVERS: &str = "*•●∙·█▇▒░";

/// Minimum number of such characters.
const LEAST: usize = 3;

/// Whether a whole text is a mark in the place of a hidden value.
pub fn is_redaction_mark(text: &str) -> bool {
    let text = text.trim();
    if text.chars().count() >= LEAST && text.chars().all(|char| COVERS.contains(char)) {
        return true;
    }
    if BARE.iter().any(|mark| text.eq_ignore_ascii_case(mark)) {
        return true;
    }
    let brackets = [('[', ']'), ('<', '>'), ('(', ')'), ('{', '}'), ('«', '»')];
    // also with a word behind it: `[secret] unknown`
    let inner = brackets.iter().find_map(|(open, close)| text.strip_prefix(*open)?.split_once(*close));
    let Some((inner, rest)) = inner.filter(|(inner, _)| inner.len() <= 40) else { return false };
    let is_word = |word: &str, known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
    let words = || inner.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let is_beside = |word: &str| is_word(word, &BESIDE) || is_number(word);
    let is_mark =
        words().any(|word| is_word(word, &MARKS)) && words().all(|word| is_word(word, &MARKS) || is_beside(word));
    let is_covered = inner.chars().count() >= LEAST && inner.chars().all(|char| COVERS.contains(char));
    (is_mark || is_covered) && rest.split_whitespace().all(is_beside)
}

/// Refuses a value that is a mark. `what` is its name in messages.
pub fn refuse_marked_value(what: &str, value: &[u8]) -> Result<(), Diagnostic> {
    match std::str::from_utf8(value) {
        Ok(text) if is_redaction_mark(text) => Err(mark_error(&format!("the value for {what} is"))),
        _ => Ok(()),
    }
}

/// Refuses a value of JSON with a text in it that is a mark. What is not JSON is refused elsewhere.
pub fn refuse_marked_json(what: &str, value: &[u8]) -> Result<(), Diagnostic> {
    let is_marked = serde_json::from_slice(value).is_ok_and(|value| has_mark(&value));
    if is_marked { Err(mark_error(&format!("a text in the value for {what} is"))) } else { Ok(()) }
}

/// The depth of a value is bounded by its reader, so recursion is safe here.
fn has_mark(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => is_redaction_mark(text),
        serde_json::Value::Array(items) => items.iter().any(has_mark),
        serde_json::Value::Object(fields) => fields.values().any(has_mark),
        _ => false,
    }
}

/// Refuses a text of YAML, JSON, dotenv or INI in which a value is a mark, except for lines of `before`.
pub(super) fn refuse_marked_text(name: &str, text: &[u8], before: &[u8]) -> Result<(), Diagnostics> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(()) };
    if is_redaction_mark(text) {
        return Err(mark_error(&format!("the content of `{name}` is")).into());
    }
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(value) = marked_value(line) {
            let start = at + line.rfind(value).unwrap_or_default();
            found.push((line.trim(), start..start + value.len()));
        }
        at += line.len();
    }
    if found.is_empty() {
        return Ok(());
    }
    let before = String::from_utf8_lossy(before);
    let known: HashSet<&str> = before.lines().map(str::trim).collect();
    let source = Source::new(name, text.to_owned());
    let new = found.into_iter().filter(|(line, _)| !known.contains(line));
    let problems: Diagnostics = new
        .map(|(_, range)| {
            let span = source.locate(range.start, range.end);
            mark_error(&format!("a value of `{name}` is")).at_masked(source.place(span))
        })
        .collect();
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}

/// The value of a line, if it is a mark: of `key: value`, `"key": "value",`, `- value` or `KEY=value`, also in brackets of
/// YAML or JSON.
fn marked_value(line: &str) -> Option<&str> {
    let line = line.trim_end().trim_end_matches(',');
    let after = [": ", "\":", "=", "- "].into_iter().flat_map(|separator| {
        line.match_indices(separator).filter_map(move |(at, _)| line.get(at + separator.len()..))
    });
    after.flat_map(values_at).find(|value| is_redaction_mark(value))
}

/// Texts that may be the value at the start of another text: all of it, what is quoted, and what is before the next
/// separator of a collection.
fn values_at(text: &str) -> [&str; 3] {
    let text = text.trim();
    let quote = text.chars().next().filter(|char| matches!(char, '"' | '\''));
    let quoted = quote.and_then(|quote| text.get(1..)?.split(quote).next()).unwrap_or_default();
    let before = text.split([',', '}']).next().unwrap_or_default();
    [text.trim_matches(['"', '\'']).trim(), quoted, before.trim()]
}

fn mark_error(what: &str) -> Diagnostic {
    Diagnostic::error(Rule::RedactionMark, format!("{what} a mark that stands for a hidden value"))
        .note("programs show it instead of a secret; written back, it would replace the secret")
        .hint("leave the line out to keep the value, or have a person set it: `septum set ENV KEY` prompts for it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_programs_are_recognised_and_values_are_not() {
        for text in [
            "[secret]",
            "•••",
            "REDACTED",
            "<redacted>",
            "***",
            "*****",
            "••••••••",
            "[REDACTED]",
            "(sensitive value)",
            "<sensitive>",
            "[secret, changed]",
            "[secret 2]",
            "[secret] unknown",
            "[FILTERED]",
            "[MASKED]",
            " [secret]\n",
            "<hidden>",
            "(redacted)",
            "{redacted}",
            "__REDACTED__",
            "[***]",
            "████",
        ] {
            assert!(is_redaction_mark(text), "{text}");
        }
        for text in [
            "",
            "**",
            "secret",
            "[]",
            "[a]",
            "not redacted",
            "redacted-1",
            "[secret-sauce]",
            "hunter2",
            "* * * * *",
            "()",
            "[secret",
            "<secret-name>",
            "[\"secret\", \"b\"]",
            "masked",
            "[secret] k3J9xq",
        ] {
            assert!(!is_redaction_mark(text), "{text}");
        }
    }

    #[test]
    fn lines_of_every_format_are_read() {
        for text in [
            "a: '***'\n",
            "  a: [secret]\n",
            "\"a\": \"[secret]\",\n",
            "A=***\n",
            "{\"b\": \"REDACTED\"}\n",
            "data: { a: x, b: '[secret]' }\n",
            "{\"a\":\"[secret]\"}\n",
            "a: { b: REDACTED, c: d }\n",
            "a = <redacted>\n",
            "- REDACTED\n",
        ] {
            assert!(refuse_marked_text("x", text.as_bytes(), b"").is_err(), "{text}");
            assert!(refuse_marked_text("x", text.as_bytes(), text.as_bytes()).is_ok(), "{text}");
        }
        assert!(refuse_marked_text("x", b"[secret]\n", b"").is_err());
        for text in ["a: b\n", "# [secret] is a mark\n", "a: [b, secret]\n", "url: https://x?y=z\n"] {
            assert!(refuse_marked_text("x", text.as_bytes(), b"").is_ok(), "{text}");
        }
    }
}
