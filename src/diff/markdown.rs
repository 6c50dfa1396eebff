//! Differences for a comment on a pull request.

use std::fmt::Write as _;

use super::change::{Change, ChangeKind, DiffReport};
use super::github::push_change;
use super::line::{ChangeGroup, ChangeLines, count_words, group_changes};
use crate::diagnostic::escape_line;

/// Smallest limit: what is always printed fits into it.
pub const SMALLEST: usize = 1_000;

/// Characters of a label in the heading.
const LONGEST_LABEL: usize = 80;

/// Characters kept free for the line that says what was cut.
const RESERVE: usize = 240;

/// Settings of the output.
#[derive(Debug, Clone, Copy)]
pub struct MarkdownOptions<'a> {
    /// Maximum number of characters, at least [`SMALLEST`].
    pub max_chars: usize,
    /// Command that prints everything, for the line that says what was cut.
    pub command: &'a str,
}

/// A comment with the numbers of changes, then the keys, then the details. Begins with a hidden marker, by which a bot
/// finds its own comment. Never longer than the limit: blocks that do not fit are left out as a whole, and a line says
/// so.
pub fn to_markdown(report: &DiffReport, options: MarkdownOptions<'_>) -> String {
    let groups = group_changes(report);
    let mut out = heading(report);
    let mut left_out = 0;
    let limit = options.max_chars.saturating_sub(RESERVE);
    let mut used = out.chars().count();
    let blocks = count_table(&groups)
        .into_iter()
        .chain(groups.iter().map(key_block))
        .chain(groups.iter().filter_map(detail_block));
    for block in blocks {
        let length = block.chars().count();
        if used + length <= limit {
            used += length;
            out.push_str(&block);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let (noun, verb) = if left_out == 1 { ("block", "does") } else { ("blocks", "do") };
        let command: String = options.command.chars().filter(|char| *char != '`').take(LONGEST_LABEL).collect();
        let _ = write!(out, "\n> {left_out} {noun} {verb} not fit into {} characters", options.max_chars);
        let _ = writeln!(out, "; `{command}` prints everything.");
    }
    out
}

fn heading(report: &DiffReport) -> String {
    let mut out = "<!-- septum:diff -->\n".to_owned();
    let label = |text: &str| inline_code(&shorten(text));
    let _ = writeln!(out, "### Configuration: {} → {}\n", label(&report.left), label(&report.right));
    if report.changes.is_empty() {
        out.push_str("No differences.\n");
        return out;
    }
    let _ = writeln!(out, "{}.", count_words(report.changes.iter()));
    if report.changes.iter().any(|change| change.is_unknown) {
        out.push_str("Secrets marked *unknown* cannot be compared without the key.\n");
    }
    out
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST_LABEL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Numbers of changes by app and environments.
fn count_table(groups: &[ChangeGroup<'_>]) -> Option<String> {
    if groups.is_empty() {
        return None;
    }
    let kinds: Vec<_> = ChangeKind::ALL
        .into_iter()
        .filter(|kind| groups.iter().flat_map(|group| &group.changes).any(|change| change.kind == *kind))
        .collect();
    let mut out = "\n| app | environments |".to_owned();
    for kind in &kinds {
        let _ = write!(out, " {} |", kind.as_str());
    }
    out.push_str("\n|---|---|");
    out.push_str(&"---:|".repeat(kinds.len()));
    out.push('\n');
    for group in groups {
        let _ = write!(out, "| {} | {} |", cell(group.app), cell(&group.environments()));
        for kind in &kinds {
            let count = group.changes.iter().filter(|change| change.kind == *kind).count();
            let _ = if count == 0 { write!(out, " |") } else { write!(out, " {count} |") };
        }
        out.push('\n');
    }
    Some(out)
}

/// Keys and objects that differ.
fn key_block(group: &ChangeGroup<'_>) -> String {
    let mut out = format!("\n#### {}\n\n", heading_text(&group.title()));
    for change in &group.changes {
        let lines = ChangeLines::of(change);
        let _ = writeln!(out, "- {} {}", inline_code(&lines.label), key_words(change));
    }
    out
}

/// Kind of a change in words, without values.
fn key_words(change: &Change) -> String {
    let mut words = change.kind.as_str().to_owned();
    if let Some(routing) = &change.routing {
        let _ = write!(words, ": {} → {}", routing.from, routing.to);
    }
    if change.is_unknown {
        words.push_str(" (*unknown*)");
    }
    words
}

/// Values and fields that differ, in a block that a forge colours.
fn detail_block(group: &ChangeGroup<'_>) -> Option<String> {
    let mut diff = String::new();
    for change in &group.changes {
        let lines = ChangeLines::of(change);
        if !lines.summary.is_empty() || !lines.details.is_empty() {
            push_change(&mut diff, &lines);
        }
    }
    if diff.is_empty() {
        return None;
    }
    let fence = "`".repeat(longest_run(&diff).max(2) + 1);
    let title = html(&group.title());
    Some(format!("\n<details><summary>{title}</summary>\n\n{fence}diff\n{diff}{fence}\n\n</details>\n"))
}

/// Longest run of backticks in a text.
fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or_default()
}

/// A text as code in a line.
fn inline_code(text: &str) -> String {
    let line = escape_line(text);
    let fence = "`".repeat(longest_run(&line) + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') || line.is_empty() { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    if text.is_empty() { String::new() } else { inline_code(text).replace('|', "\\|") }
}

fn heading_text(text: &str) -> String {
    inline_code(text)
}

fn html(text: &str) -> String {
    escape_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
