//! Texts that match a regular expression.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Longest sample, in bytes.
const MAX_SAMPLE: usize = 4096;

/// Text that the whole of an expression matches, with each repetition `extra` times more often than it must be, as far
/// as it may be; the same for the same expression. None if the expression is not supported, or the text would be long.
///
/// Anchors are not checked: the text need not match an expression in which they contradict each other.
pub fn sample_regex(pattern: &str, extra: u32) -> Option<String> {
    let hir = ParserBuilder::new().build().parse(pattern).ok()?;
    let mut text = String::new();
    add_sample(&hir, extra, &mut text).then_some(text)
}

/// Adds a sample; false if it is too long.
fn add_sample(hir: &Hir, extra: u32, text: &mut String) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            text.push_str(&String::from_utf8_lossy(&literal.0));
            text.len() <= MAX_SAMPLE
        }
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = || class.iter().map(|range| (range.start(), range.end()));
            // a letter if possible, else anything that can be seen
            let wanted = ['p', 'P', 'a', 'A', '0', '-', '_', ' '];
            let found = wanted.into_iter().find(|char| ranges().any(|(start, end)| (start..=end).contains(char)));
            let Some(char) = found.or_else(|| ranges().next().map(|(start, _)| start)) else { return false };
            text.push(char);
            text.len() <= MAX_SAMPLE
        }
        HirKind::Class(Class::Bytes(_)) => false,
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let times = min.saturating_add(extra).min(max.unwrap_or(u32::MAX));
            (0..times).all(|_| add_sample(sub, extra.min(1), text))
        }
        HirKind::Capture(capture) => add_sample(&capture.sub, extra, text),
        HirKind::Concat(parts) => parts.iter().all(|part| add_sample(part, extra, text)),
        HirKind::Alternation(parts) => parts.first().is_some_and(|part| add_sample(part, extra, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_match_their_expression() {
        for pattern in [
            "^[a-z]+$",
            r"^sk_(live|test)_[0-9a-zA-Z]{24}$",
            r"\d{4}-\d{2}",
            "^(?:[A-Z]{2}[0-9]*)?x$",
            "^é+[^a-z]$",
            "",
        ] {
            let regex = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            for extra in [0, 1, 5] {
                let text = sample_regex(pattern, extra).unwrap();
                assert!(regex.is_match(&text), "{pattern}: {text}");
            }
        }
        assert_eq!(sample_regex("(?=a)b", 0), None, "lookahead is not supported");
        assert_eq!(sample_regex("(((a{900}){900}){900})", 0), None, "no long samples");
    }
}
