//! Diagnostics as text for people.
//!
//! Our own few lines in place of a library: the excerpt is masked, and the libraries take the
//! column they print from the text they are given, which would be the masked one.

use std::fmt::Write as _;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::mask::mask;
use super::{Diagnostic, Label, Severity};
use crate::test_hook;

/// Renders a diagnostic with an excerpt of each place, values masked. `color` adds ANSI styles.
pub fn render(diagnostic: &Diagnostic, color: bool) -> String {
    titled(diagnostic, &diagnostic.severity.to_string(), color)
}

/// The same with the name of the rule, by which it can be accepted: `error[plaintext-secret]: …`.
pub fn render_with_rule(diagnostic: &Diagnostic, color: bool) -> String {
    titled(diagnostic, &format!("{}[{}]", diagnostic.severity, diagnostic.rule), color)
}

fn titled(diagnostic: &Diagnostic, title: &str, color: bool) -> String {
    let paint = Paint { color };
    let accent = AnsiColor::BrightBlue.on_default().bold();
    let severity = match diagnostic.severity {
        Severity::Error => AnsiColor::BrightRed.on_default().bold(),
        Severity::Warning => AnsiColor::BrightYellow.on_default().bold(),
    };
    let margin = diagnostic.labels.iter().map(|label| label.place.span.line.to_string().len()).max().unwrap_or(1);
    let blank = " ".repeat(margin);
    let bar = paint.paint(accent, "|");
    let mut out = format!(
        "{}{}",
        paint.paint(severity, title),
        paint.paint(Style::new().bold(), &format!(": {}", diagnostic.message))
    );
    for label in &diagnostic.labels {
        let _ = write!(out, "\n{blank}{} {}", paint.paint(accent, "-->"), label.place);
        let excerpt = Excerpt::of(label);
        if excerpt.line.trim().is_empty() {
            continue;
        }
        let number = paint.paint(accent, &format!("{:>margin$}", label.place.span.line));
        let before = excerpt.line[..excerpt.range.start].width();
        let carets = "^".repeat(excerpt.line[excerpt.range.clone()].width().max(1));
        let carets = paint.paint(severity, format!("{carets} {}", label.text).trim_end());
        let _ = write!(
            out,
            "\n{blank} {bar}\n{number} {bar} {}\n{blank} {bar} {}{carets}",
            excerpt.line,
            " ".repeat(before)
        );
    }
    for (word, lines) in [("note", &diagnostic.notes), ("hint", &diagnostic.hints)] {
        for line in lines {
            let indented = line.replace('\n', &format!("\n{blank}         "));
            let word = paint.paint(Style::new().bold(), word);
            let _ = write!(out, "\n{blank} {} {word}: {indented}", paint.paint(accent, "="));
        }
    }
    out
}

struct Paint {
    color: bool,
}

impl Paint {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The longest line that is shown, in bytes. A longer one says nothing to people, and thousands of
/// findings in it would fill the disk.
const LONGEST: usize = 1000;

/// The masked line of a label, with tabs as blanks so that the caret stands below its range.
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
        let (line, range) = mask(line, from..to, label.hidden);
        let tabs = |part: &str| part.bytes().filter(|&byte| byte == b'\t').count() * 3;
        let range = range.start + tabs(&line[..range.start])..range.end + tabs(&line[..range.end]);
        Self { line: line.replace('\t', "    "), range }
    }
}

/// Where the line begins and ends that an offset is in; none if it is too long to be shown. No more of it is
/// looked at: thousands of findings can be in one line.
fn line_around(text: &str, offset: usize) -> Option<(usize, usize)> {
    let (before, after) = text.as_bytes().split_at_checked(offset)?;
    let before = before.get(offset.saturating_sub(LONGEST)..)?;
    let after = after.get(..=LONGEST).unwrap_or(after);
    test_hook::work(before.len() + after.len());
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
    use crate::span::{Source, Span};

    #[test]
    fn a_message_says_what_where_and_what_to_do_and_hides_values() {
        let text = "data:\n  LOG_LEVL: debug\n";
        let source = Source::new("environments/prod.yaml", text);
        let diagnostic = Diagnostic::error("unknown-key", "`LOG_LEVL` is not defined by the base")
            .at(source.place(Span::locate(text, 8, 16)))
            .hint("did you mean `LOG_LEVEL`?");
        assert_eq!(
            render(&diagnostic, false),
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
        let rendered = render(&Diagnostic::error("x", "twice").at(source.place(Span::locate(&text, 11, 15))), false);
        assert_eq!(rendered, "error: twice\n --> x.yaml:1:12");
    }

    #[test]
    fn a_tab_does_not_move_the_caret() {
        let text = "\tPORT: 1\n";
        let source = Source::new("x.yaml", text);
        let rendered = render(&Diagnostic::error("x", "tab").at(source.place(Span::locate(text, 1, 5))), false);
        assert!(rendered.ends_with("1 |     PORT: …\n  |     ^^^^"), "{rendered}");
    }
}
