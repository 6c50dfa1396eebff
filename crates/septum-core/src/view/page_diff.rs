//! Difference between a written page and the one that would be written now.

use std::fmt::Write as _;

use crate::line_diff::{HunkLine, LineDiff};

/// Lines of context around a change.
const CONTEXT: usize = 2;

/// Unified diff of two pages. Old lines may be left out, where they may contain what people filled in.
pub fn page_diff(name: &str, old: &str, new: &str, shows_old_lines: bool) -> String {
    let mut out = format!("--- {name}\n+++ {name}\n");
    for hunk in LineDiff::new(old, new).hunks(CONTEXT) {
        let _ = writeln!(out, "{}", hunk.header());
        for line in hunk.lines {
            let text = line.text().trim_end_matches('\n');
            let _ = match line {
                HunkLine::Removed(_) if !shows_old_lines => {
                    writeln!(out, "-{}", text.split_once('=').map_or("…".to_owned(), |(key, _)| format!("{key}=…")))
                }
                _ => writeln!(out, "{}{text}", line.sign()),
            };
        }
    }
    out
}
