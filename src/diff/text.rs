//! Differences for a terminal.

use anstyle::{AnsiColor, Style};

use super::change::DiffReport;
use super::line::{ChangeLines, LineRole, count_words, group_changes};
use crate::diagnostic::StyledText;

/// All differences, grouped by app and environments.
pub fn to_text(report: &DiffReport) -> StyledText {
    let mut out = StyledText::new();
    for group in group_changes(report) {
        if !out.is_empty() {
            out.end_line();
        }
        out.push_in(Style::new().bold(), group.title());
        out.end_line();
        for change in &group.changes {
            let lines = ChangeLines::of(change);
            let style = style_of(lines.role);
            let colon = if lines.summary.is_empty() && lines.details.is_empty() { "" } else { ":" };
            let space = if lines.summary.is_empty() { "" } else { " " };
            out.push_in(style, format!("  {} {}{colon}", lines.role.sign(), lines.label));
            out.push(format!("{space}{}", lines.summary));
            out.end_line();
            for (role, line) in lines.details {
                out.push_in(style_of(role), format!("      {} {line}", role.sign()).trim_end().to_owned());
                out.end_line();
            }
        }
    }
    out
}

/// One line for each app and its environments, with the numbers of changes.
pub fn stat_text(report: &DiffReport) -> StyledText {
    let groups = group_changes(report);
    let width = groups.iter().map(|group| group.title().chars().count()).max().unwrap_or_default();
    let mut out = StyledText::new();
    for group in &groups {
        let title = group.title();
        let counts = count_words(group.changes.iter().copied());
        out.push_line(format!("{title}{}  {counts}", " ".repeat(width - title.chars().count())));
    }
    if groups.len() > 1 {
        out.push_line(format!("total{}  {}", " ".repeat(width.saturating_sub(5)), count_words(report.changes.iter())));
    }
    out
}

fn style_of(role: LineRole) -> Style {
    match role {
        LineRole::Added => AnsiColor::Green.on_default(),
        LineRole::Removed => AnsiColor::Red.on_default(),
        LineRole::Changed => AnsiColor::Yellow.on_default(),
        LineRole::Moved => AnsiColor::Magenta.on_default(),
        LineRole::Context => Style::new(),
    }
}
