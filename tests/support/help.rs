//! The commands of the program with their arguments, as its help has them.

#![allow(dead_code, clippy::expect_used, clippy::unwrap_used, reason = "each test uses a part of it")]

use std::process::Command;

/// An option of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    /// Its name, with its dashes.
    pub(crate) name: String,
    /// Whether it has a value.
    pub(crate) has_value: bool,
}

/// What a command can be called with.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) command: String,
    /// The number of arguments without a name, the last of which may be given several times.
    pub(crate) positions: usize,
    pub(crate) flags: Vec<Flag>,
}

/// What the program prints with these arguments, in 100 columns.
pub(crate) fn help(arguments: &[&str]) -> String {
    let mut run = Command::new(env!("CARGO_BIN_EXE_septum"));
    run.args(arguments).env("NO_COLOR", "1").env_remove("COLUMNS").env_remove("LINES");
    String::from_utf8(run.output().unwrap().stdout).unwrap()
}

/// The lines of a text before its examples, each with the heading that it is below.
fn lines_by_heading(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut heading = "";
    let lines = text.lines().take_while(|line| *line != "Examples:");
    lines.filter_map(move |line| match line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
        Some(found) => {
            heading = found;
            None
        }
        None => Some((heading, line)),
    })
}

/// The names of all commands.
pub(crate) fn commands() -> Vec<String> {
    let text = help(&["--help"]);
    let listed = lines_by_heading(&text).take_while(|(heading, _)| *heading != "Global options");
    let names = listed.filter(|(heading, line)| !heading.is_empty() && line.starts_with("  "));
    let names: Vec<_> = names.filter_map(|(_, line)| line.split_whitespace().next().map(str::to_owned)).collect();
    assert!(names.len() > 15 && names.iter().any(|name| name == "render"), "{text}");
    names
}

/// What a command can be called with.
pub(crate) fn shape(command: &str) -> Shape {
    let text = help(&[command, "--help"]);
    let positions = lines_by_heading(&text)
        .filter(|(heading, line)| *heading == "Arguments" && (line.starts_with("  [") || line.starts_with("  <")));
    // what is further in is the rest of a text
    let flags = lines_by_heading(&text).filter(|(_, line)| line.starts_with("  ") && !line.starts_with("        "));
    let flags = flags.filter_map(|(_, line)| {
        let line = line.trim_start().strip_prefix('-').map(|rest| format!("-{rest}"))?;
        let names = line.split("  ").next().unwrap_or(&line);
        // of `-o, --output <FILE>`, the long one
        let words = names.split_whitespace().map(|word| word.trim_end_matches(','));
        let name = words.take_while(|word| word.starts_with('-')).last()?.to_owned();
        Some(Flag { has_value: names.contains(['<', '[']), name })
    });
    Shape { command: command.to_owned(), positions: positions.count(), flags: flags.collect() }
}
