//! Keys as tables of Markdown, in which no text of a layer is syntax.

use std::fmt::Write as _;

use super::{AppDocs, DefaultValue, KeyDoc};
use crate::diagnostic::escape_line;

/// First line of a written page.
pub(super) const MARK: &str = "<!-- Written by `septum docs`: change the layers, not this file. -->";

/// Writes the keys as Markdown.
pub fn write_markdown(apps: &[AppDocs]) -> String {
    let mut out = format!("{MARK}\n\n# Configuration\n");
    for app in apps {
        let _ = write!(out, "\n## {}\n", text(&app.app));
        for (bundle, keys) in &app.groups {
            match bundle.as_str() {
                "" => out.push_str("\n### Variables of templates\n"),
                name if name == app.app => {}
                name => {
                    let _ = write!(out, "\n### {}\n", text(name));
                }
            }
            out.push_str("\n| key | type | default | required | secret | description |\n|---|---|---|---|---|---|\n");
            for key in keys {
                push_row(&mut out, key);
            }
        }
    }
    out
}

fn push_row(out: &mut String, key: &KeyDoc) {
    let yes = |is: bool| if is { "yes" } else { "" };
    let default = match &key.default {
        DefaultValue::Nothing => String::new(),
        DefaultValue::Text(value) if value.is_empty() => "empty".to_owned(),
        DefaultValue::Text(value) | DefaultValue::Template(value) => code(value),
        DefaultValue::Other(words) => (*words).to_owned(),
        DefaultValue::Hidden => "hidden".to_owned(),
    };
    let rules = key.rules.iter().map(|rule| code(rule));
    let kind = [text(&key.kind)].into_iter().chain(rules).collect::<Vec<_>>().join(", ");
    let description = key.description.iter().map(|description| text(description));
    let notes = key.notes.iter().map(|(name, note)| format!("{name}: {}", text(note)));
    let description = description.chain(notes).collect::<Vec<_>>().join("<br>");
    let secret = key.secret_word().to_owned();
    let cells = [code(&key.key), kind, default, yes(key.required).to_owned(), secret, description];
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

/// A text as code. Characters with a meaning in tables or HTML make it an element, in which entities are read.
pub fn code(value: &str) -> String {
    let value = escape_line(value);
    let is_simple = |char: char| !"`|\\&<>".contains(char);
    if !value.is_empty() && value.chars().all(is_simple) && value.trim() == value {
        return format!("`{value}`");
    }
    format!("<code>{}</code>", entities(&value))
}

/// A text in which nothing is syntax.
pub fn text(value: &str) -> String {
    entities(&escape_line(&value.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// Replaces characters that Markdown or HTML may read as syntax by their entities.
fn entities(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    let mut before = ' ';
    while let Some(char) = chars.next() {
        // an underscore within a word is one
        let is_inside =
            char == '_' && before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        if "&<>|`*_[]\\~#!$\"{}".contains(char) && !is_inside {
            let _ = write!(out, "&#{};", u32::from(char));
        } else {
            out.push(char);
        }
        before = char;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_syntax() {
        for (value, as_text, as_code) in [
            ("Where the server listens.", "Where the server listens.", "`Where the server listens.`"),
            ("LOG_LEVEL", "LOG_LEVEL", "`LOG_LEVEL`"),
            ("a|b", "a&#124;b", "<code>a&#124;b</code>"),
            (
                "x` <script>alert(1)</script>",
                "x&#96; &#60;script&#62;alert(1)&#60;/script&#62;",
                "<code>x&#96; &#60;script&#62;alert(1)&#60;/script&#62;</code>",
            ),
            ("[a](javascript:x)", "&#91;a&#93;(javascript:x)", "`[a](javascript:x)`"),
            ("two\nlines", "two lines", "<code>two&#92;nlines</code>"),
            (" x", "x", "<code> x</code>"),
            ("\u{202e}", "&#92;u&#123;202e&#125;", "<code>&#92;u&#123;202e&#125;</code>"),
        ] {
            assert_eq!((text(value).as_str(), code(value).as_str()), (as_text, as_code), "{value}");
        }
    }
}
