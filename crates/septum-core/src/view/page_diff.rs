//! Difference between a written page and the one that would be written now.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

/// Unified diff of two pages. Old lines may be left out, where they may contain what people filled in.
pub fn page_diff(name: &str, old: &str, new: &str, shows_old_lines: bool) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut out = format!("--- {name}\n+++ {name}\n");
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        let _ = writeln!(out, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            let _ = match change.tag() {
                ChangeTag::Equal => writeln!(out, " {line}"),
                ChangeTag::Insert => writeln!(out, "+{line}"),
                ChangeTag::Delete if shows_old_lines => writeln!(out, "-{line}"),
                ChangeTag::Delete => {
                    writeln!(out, "-{}", line.split_once('=').map_or("…".to_owned(), |(key, _)| format!("{key}=…")))
                }
            };
        }
    }
    out
}
