//! The matrix of keys and environments as a table, or as a list where the terminal is narrow.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use septum::diagnostic::{StyledText, escape_line};
use septum::map::IndexMap;
use septum::name::EnvironmentName;
use septum::view::KeyState;
use septum::view::list::{KeyCell, KeyRow};

/// Text of a cell, in its style.
type StyledCell = (Style, String);

/// The rows of an app: a table if it fits into the terminal, else a list.
pub(super) fn matrix(rows: &[KeyRow], environments: &[EnvironmentName], terminal: Option<usize>) -> StyledText {
    let wide = table(rows, environments);
    match terminal {
        Some(width) if wide.width() > width => stacked_rows(rows, environments, width),
        _ => wide,
    }
}

/// The rows of an app as a table, with a heading for each bundle.
fn table(rows: &[KeyRow], environments: &[EnvironmentName]) -> StyledText {
    let plain = Style::new();
    let mut lines: Vec<Vec<StyledCell>> = Vec::new();
    let mut bundle = None;
    for row in rows {
        if bundle != Some(&row.bundle) {
            bundle = Some(&row.bundle);
            let names = environments.iter().map(ToString::to_string);
            let heading = [bundle_heading(row), String::new()].into_iter().chain(names);
            lines.push(heading.map(|text| (plain.bold(), text)).collect());
        }
        let cells = environments.iter().map(|name| styled_cell(row.environments.get(name.as_str()), row.sensitive));
        let key = [(plain, format!("  {}", row.key)), (plain, object_kind(row).to_owned())];
        lines.push(key.into_iter().chain(cells).collect());
    }
    // in plain form, so that columns align
    lines.iter_mut().flatten().for_each(|(_, cell)| *cell = escape_line(cell).into_owned());
    let widths: Vec<usize> = (0..environments.len() + 2)
        .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|(_, text)| text.width()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let mut out = StyledText::new();
    for line in lines {
        // nothing is written after the last text of a line
        let used = line.iter().rposition(|(_, text)| !text.is_empty()).map_or(0, |last| last + 1);
        for (index, ((style, text), width)) in line.into_iter().zip(&widths).take(used).enumerate() {
            let gap = if index + 1 < used { width + 2 - text.width().min(*width) } else { 0 };
            out.push_in(style, text);
            out.push(" ".repeat(gap));
        }
        out.end_line();
    }
    out
}

/// The rows of an app as a list: for each key what its environments have, those with the same together.
fn stacked_rows(rows: &[KeyRow], environments: &[EnvironmentName], width: usize) -> StyledText {
    let mut out = StyledText::new();
    let mut bundle = None;
    for row in rows {
        if bundle != Some(&row.bundle) {
            bundle = Some(&row.bundle);
            out.push_in(Style::new().bold(), bundle_heading(row));
            out.end_line();
        }
        out.push_line(format!("  {}  {}", row.key, object_kind(row)));
        let mut folded: IndexMap<String, (Style, Vec<&str>)> = IndexMap::default();
        for name in environments {
            let Some(found) = row.environments.get(name.as_str()) else { continue };
            let (style, text) = styled_cell(Some(found), row.sensitive);
            folded.entry(text).or_insert((style, Vec::new())).1.push(name.as_str());
        }
        for (text, (style, names)) in folded {
            push_folded(&mut out, &names, style, &text, width);
        }
    }
    out
}

/// Names of environments, in lines that fit, with the text of their cells behind the last one.
fn push_folded(out: &mut StyledText, names: &[&str], style: Style, text: &str, width: usize) {
    const INDENT: &str = "    ";
    let mut line = INDENT.to_owned();
    for (index, name) in names.iter().enumerate() {
        let is_last = index + 1 == names.len();
        let end = if is_last { text.width() + 2 } else { 1 };
        if line != INDENT && line.width() + name.width() + end + 1 > width {
            out.push_line(line.trim_end());
            INDENT.clone_into(&mut line);
        }
        let _ = write!(line, "{name}{}", if is_last { "  " } else { ", " });
    }
    out.push(line);
    out.push_in(style, text);
    out.end_line();
}

fn bundle_heading(row: &KeyRow) -> String {
    match row.bundle.as_str() {
        "" => format!("{} vars", row.app),
        bundle if bundle == row.app => row.app.clone(),
        bundle => format!("{}/{bundle}", row.app),
    }
}

/// Object that a key goes to; a variable goes to none.
fn object_kind(row: &KeyRow) -> &'static str {
    match (row.bundle.is_empty(), row.sensitive) {
        (true, _) => "variable",
        (false, true) => "Secret",
        (false, false) if row.undecided => "ConfigMap?",
        (false, false) => "ConfigMap",
    }
}

fn styled_cell(cell: Option<&KeyCell>, sensitive: bool) -> StyledCell {
    let plain = Style::new();
    // an app without the environment
    let Some(cell) = cell else { return (plain, String::new()) };
    let is_shown = cell.state == KeyState::Set || cell.value.is_some();
    let style = match cell.state {
        KeyState::Missing => AnsiColor::Red.on_default().bold(),
        KeyState::Removed => AnsiColor::Yellow.on_default(),
        KeyState::Inherited => plain.dimmed(),
        KeyState::Set if sensitive => AnsiColor::Magenta.on_default(),
        KeyState::Set => plain,
    };
    match (cell.state, &cell.shown) {
        (KeyState::Set | KeyState::Inherited, Some(value)) if is_shown => (style, value.clone()),
        (KeyState::Set, None) if sensitive => (style, "[secret]".to_owned()),
        (state, _) => (style, state.as_str().to_owned()),
    }
}
