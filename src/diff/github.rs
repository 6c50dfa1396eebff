//! Differences in the form that a `diff` block of a forge colours.

use std::fmt::Write as _;

use super::change::DiffReport;
use super::line::{ChangeLines, LineRole, group_changes};
use crate::diagnostic::escape_line;

/// All differences: a line `@@ app in environments @@` for each group; lines begin with `+`, `-` or `!`.
pub fn to_github_diff(report: &DiffReport) -> String {
    let mut out = String::new();
    for group in group_changes(report) {
        let _ = writeln!(out, "@@ {} @@", escape_line(&group.title()));
        for change in &group.changes {
            push_change(&mut out, &ChangeLines::of(change));
        }
    }
    out
}

/// The lines of a change.
pub(super) fn push_change(out: &mut String, lines: &ChangeLines) {
    let sign = |role: LineRole| match role {
        LineRole::Added => '+',
        LineRole::Removed => '-',
        // what is coloured as a change
        LineRole::Changed | LineRole::Moved => '!',
        LineRole::Context => ' ',
    };
    let colon = if lines.summary.is_empty() && lines.details.is_empty() { "" } else { ":" };
    let space = if lines.summary.is_empty() { "" } else { " " };
    let head = format!("{}{colon}{space}{}", lines.label, lines.summary);
    let _ = writeln!(out, "{} {}", sign(lines.role), escape_line(&head));
    for (role, line) in &lines.details {
        let line = format!("{}   {}", sign(*role), escape_line(line));
        let _ = writeln!(out, "{}", line.trim_end());
    }
}
