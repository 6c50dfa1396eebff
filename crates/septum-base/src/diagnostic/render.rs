//! Diagnostics as text for users.
//!
//! A few lines here in place of a library: the excerpt is masked, and the libraries compute the displayed column from
//! the text they are given, which would be the masked one.

use std::ops::Range;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::escape::{StyledText, escape_line};
use super::mask::{TagCompleteness, mask_line};
use super::{Diagnostic, Label, Severity};
use crate::test_hook;

/// Renders a diagnostic with an excerpt of each place, values masked. `color` adds ANSI styles.
pub fn render_diagnostic(diagnostic: &Diagnostic, color: bool) -> String {
    style_diagnostic(diagnostic).render_text(color)
}

/// The diagnostic as a text in styles.
pub fn style_diagnostic(diagnostic: &Diagnostic) -> StyledText {
    style_titled(diagnostic, &diagnostic.severity.to_string())
}

/// The diagnostic with the name of the rule, by which it can be accepted: `error[plaintext-secret]: …`.
pub fn styled_with_rule(diagnostic: &Diagnostic) -> StyledText {
    style_titled(diagnostic, &format!("{}[{}]", diagnostic.severity, diagnostic.rule))
}

const ACCENT: Style = AnsiColor::BrightBlue.on_default().bold();

fn style_titled(diagnostic: &Diagnostic, title: &str) -> StyledText {
    let severity = match diagnostic.severity {
        Severity::Error => AnsiColor::BrightRed.on_default().bold(),
        Severity::Warning => AnsiColor::BrightYellow.on_default().bold(),
    };
    let margin = diagnostic.labels.iter().map(|label| label.place.span.line.to_string().len()).max().unwrap_or(1);
    let blank = " ".repeat(margin);
    let mut out = StyledText::new();
    out.push_in(severity, title);
    out.push_in(Style::new().bold(), format!(": {}", diagnostic.message));
    for label in &diagnostic.labels {
        push_excerpt(&mut out, label, margin, severity);
    }
    for (word, lines) in [("note", &diagnostic.notes), ("hint", &diagnostic.hints)] {
        for text in lines {
            out.end_line();
            out.push(blank.as_str());
            out.push(" ");
            out.push_in(ACCENT, "=");
            out.push(" ");
            out.push_in(Style::new().bold(), word);
            // a line break in it is one of a name
            out.push(format!(": {text}"));
        }
    }
    out
}

/// The place of a label, with its line.
fn push_excerpt(out: &mut StyledText, label: &Label, margin: usize, severity: Style) {
    let blank = " ".repeat(margin);
    out.end_line();
    out.push(blank.as_str());
    out.push_in(ACCENT, "-->");
    out.push(format!(" {}", label.place));
    let excerpt = Excerpt::of(label);
    if excerpt.line.trim().is_empty() || label.place.span.line == 0 {
        return;
    }
    let bar = |out: &mut StyledText, before: &str| {
        out.push(before);
        out.push(" ");
        out.push_in(ACCENT, "|");
    };
    out.end_line();
    bar(out, &blank);
    out.end_line();
    out.push_in(ACCENT, format!("{:>margin$}", label.place.span.line));
    bar(out, "");
    out.push(format!(" {}", excerpt.line));
    out.end_line();
    bar(out, &blank);
    let before = excerpt.line[..excerpt.range.start].width();
    let carets = "^".repeat(excerpt.line[excerpt.range.clone()].width().max(1));
    out.push(format!(" {}", " ".repeat(before)));
    out.push_in(severity, format!("{carets} {}", label.text).trim_end());
}

/// The longest line that is shown, in bytes. A longer one does not help a user, and thousands of findings in it would
/// fill the disk.
const LONGEST: usize = 1000;

/// The masked line of a label as it is written, with tabs as blanks.
struct Excerpt {
    line: String,
    range: Range<usize>,
}

impl Excerpt {
    fn of(label: &Label) -> Self {
        let text = label.place.source.text();
        let span = label.place.span;
        let Some((start, end)) = line_around(text, span.start) else {
            return Self { line: String::new(), range: 0..0 };
        };
        let line = text[start..end].trim_end_matches('\r');
        let from = (span.start - start).min(line.len());
        let to = (span.end.min(end) - start).clamp(from, line.len());
        let tags = if label.place.source.has_whole_tags() { TagCompleteness::Whole } else { TagCompleteness::Open };
        let (line, range) = mask_line(line, from..to, label.shown, tags);
        // in its displayed form, so that the caret is below its range
        let written = |part: &str| escape_line(part).replace('\t', "    ");
        let range = written(&line[..range.start]).len()..written(&line[..range.end]).len();
        Self { line: written(&line), range }
    }
}

/// Range of the line of an offset; none if it is too long to be shown. No more of it is scanned: thousands of
/// findings can be in one line.
fn line_around(text: &str, offset: usize) -> Option<(usize, usize)> {
    let (before, after) = text.as_bytes().split_at_checked(offset)?;
    let before = before.get(offset.saturating_sub(LONGEST)..)?;
    let after = after.get(..=LONGEST).unwrap_or(after);
    test_hook::count_work(before.len() + after.len());
    let start = match memchr::memrchr(b'\n', before) {
        Some(newline) => offset - before.len() + newline + 1,
        None if before.len() == offset => 0,
        None => return None,
    };
    let end = match memchr::memchr(b'\n', after) {
        Some(newline) => offset + newline,
        None if offset + after.len() == text.len() => text.len(),
        None => return None,
    };
    (end - start <= LONGEST).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Rule;
    use crate::span::{Source, Span};

    #[test]
    fn a_message_says_what_where_and_what_to_do_and_hides_values() {
        let text = "data:\n  LOG_LEVL: debug\n";
        let source = Source::new("environments/prod.yaml", text);
        let diagnostic = Diagnostic::error(Rule::UnknownKey, "`LOG_LEVL` is not defined by the base")
            .at(source.place(Span::locate(text, 8, 16)))
            .hint("did you mean `LOG_LEVEL`?");
        assert_eq!(
            render_diagnostic(&diagnostic, false),
            "error: `LOG_LEVL` is not defined by the base
 --> environments/prod.yaml:2:3
  |
2 |   LOG_LEVL: …
  |   ^^^^^^^^
  = hint: did you mean `LOG_LEVEL`?"
        );
    }

    #[test]
    fn a_line_that_nobody_could_read_is_not_shown() {
        let text = format!("{{ {} }}\n", "PORT: 1, ".repeat(1000));
        let source = Source::new("x.yaml", text.as_str());
        let rendered = render_diagnostic(
            &Diagnostic::error(Rule::UnknownKey, "twice").at(source.place(Span::locate(&text, 11, 15))),
            false,
        );
        assert_eq!(rendered, "error: twice\n --> x.yaml:1:12");
    }

    #[test]
    fn a_line_break_of_a_name_ends_no_line() {
        let diagnostic = Diagnostic::error(Rule::NoProject, "`a\nb`").note("`c\nd`").hint("`e\r\nf\u{1b}`");
        let expected = "error: `a\\nb`\n  = note: `c\\nd`\n  = hint: `e\\r\\nf\\u{1b}`";
        assert_eq!(render_diagnostic(&diagnostic, false), expected);
    }

    #[test]
    fn a_tab_does_not_move_the_caret() {
        let text = "\tPORT: 1\n";
        let source = Source::new("x.yaml", text);
        let rendered = render_diagnostic(
            &Diagnostic::error(Rule::UnknownKey, "tab").at(source.place(Span::locate(text, 1, 5))),
            false,
        );
        assert!(rendered.ends_with("1 |     PORT: …\n  |     ^^^^"), "{rendered}");
    }
}
