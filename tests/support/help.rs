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

fn help(arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_septum")).args(arguments).env("NO_COLOR", "1").output().unwrap();
    String::from_utf8(run.stdout).unwrap()
}

/// The lines below a heading.
fn section<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let mut lines = text.lines().skip_while(|line| *line != heading);
    lines.next();
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).filter(|line| !line.is_empty()).collect()
}

/// The names of all commands.
pub(crate) fn commands() -> Vec<String> {
    let text = help(&["--help"]);
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = section(&text, "Commands:").into_iter().filter(is_name);
    let names: Vec<_> = names.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect();
    assert!(names.len() > 15 && names.iter().any(|name| name == "render"), "{text}");
    names
}

/// What a command can be called with.
pub(crate) fn shape(command: &str) -> Shape {
    let text = help(&[command, "--help"]);
    let positions =
        section(&text, "Arguments:").into_iter().filter(|line| line.starts_with("  [") || line.starts_with("  <"));
    // what is further in is about the values
    let flags = section(&text, "Options:").into_iter().filter(|line| !line.starts_with("        "));
    let flags = flags.filter_map(|line| {
        let line = line.trim_start().strip_prefix('-').map(|rest| format!("-{rest}"))?;
        // of `-o, --output <FILE>`, the long one
        let names = line.split_whitespace().map(|word| word.trim_end_matches(','));
        let name = names.take_while(|word| word.starts_with('-')).last()?.to_owned();
        Some(Flag { has_value: line.contains(['<', '[']), name })
    });
    Shape { command: command.to_owned(), positions: positions.count(), flags: flags.collect() }
}
