//! The program as a plugin of kubectl: started as `kubectl-septum`, its texts name the commands as the user types
//! them, `kubectl septum`.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::OnceLock;

use clap::Command;
use clap::builder::StyledStr;

use septum::diagnostic::Diagnostic;

/// Name of the file by which kubectl finds the plugin.
const PLUGIN: &str = "kubectl-septum";

/// The program, as a user of kubectl types it.
const CALLED: &str = "kubectl septum";

/// The program's own name.
const OWN: &str = "septum";

/// Names of the program's commands, if this process is the plugin.
static COMMANDS: OnceLock<Option<Vec<String>>> = OnceLock::new();

/// Whether the program was started by the name of the plugin.
pub(super) fn is_plugin(name: Option<&OsStr>) -> bool {
    let file = name.map(Path::new).and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
    file.strip_suffix(".exe").unwrap_or(file) == PLUGIN
}

/// Records the name by which the program was started.
pub(super) fn record_call(name: Option<&OsStr>, program: &Command) {
    let names = || program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let _ = COMMANDS.set(is_plugin(name).then(names));
}

/// The names of the commands in the plugin; none in the program itself.
fn plugin_commands() -> Option<&'static [String]> {
    COMMANDS.get()?.as_deref()
}

/// A text with its commands as the user types them.
pub(super) fn as_called(text: &str) -> Cow<'_, str> {
    plugin_commands().map_or(Cow::Borrowed(text), |commands| name_commands(text, commands))
}

/// A diagnostic with its commands as the user types them.
pub(super) fn as_called_diagnostic(found: Diagnostic) -> Diagnostic {
    if plugin_commands().is_none() {
        return found;
    }
    let all = |texts: &[String]| texts.iter().map(|text| as_called(text).into_owned()).collect();
    let (message, notes, hints) = (as_called(&found.message).into_owned(), all(&found.notes), all(&found.hints));
    Diagnostic { message, notes, hints, ..found }
}

/// The program with its help as the user types its commands.
pub(super) fn as_called_program(program: Command) -> Command {
    if plugin_commands().is_some() { name_in_help(program.bin_name(CALLED)) } else { program }
}

fn name_in_help(command: Command) -> Command {
    let named = |text: Option<&StyledStr>| text.map(|text| as_called(&text.ansi().to_string()).into_owned());
    let (about, long_about) = (named(command.get_about()), named(command.get_long_about()));
    let (before, after) = (named(command.get_before_help()), named(command.get_after_help()));
    let command = about.into_iter().fold(command, Command::about);
    let command = long_about.into_iter().fold(command, Command::long_about);
    let command = before.into_iter().fold(command, Command::before_help);
    let command = after.into_iter().fold(command, Command::after_help);
    let command = command.mut_args(|arg| {
        let help = named(arg.get_help());
        help.into_iter().fold(arg, clap::Arg::help)
    });
    command.mut_subcommands(name_in_help)
}

/// Replaces the program's name where a command follows it, and where it stands alone between backticks.
fn name_commands<'t>(text: &'t str, commands: &[String]) -> Cow<'t, str> {
    let mut named = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices(OWN) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + OWN.len()..).unwrap_or_default());
        if is_start(before) && is_call(before, after, commands) {
            named.push_str(text.get(done..at).unwrap_or_default());
            named.push_str(CALLED);
            done = at + OWN.len();
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    named.push_str(text.get(done..).unwrap_or_default());
    named.into()
}

/// Whether a word begins after a text that is not already a command of kubectl.
fn is_start(before: &str) -> bool {
    let is_word = before.ends_with(|char: char| char.is_alphanumeric() || "-_./".contains(char));
    !is_word && !before.ends_with("kubectl ")
}

/// Whether the name is that of a program that is called.
fn is_call(before: &str, after: &str, commands: &[String]) -> bool {
    if after.starts_with('`') {
        return before.ends_with('`');
    }
    let Some(rest) = after.strip_prefix(' ') else { return false };
    let word = rest.split(|char: char| char.is_whitespace() || "`\u{1b})\"'".contains(char)).next().unwrap_or_default();
    let is_placeholder = word == "COMMAND" || word == "help" || word.starts_with(['-', '[', '<']);
    is_placeholder || commands.iter().any(|name| name == word)
}

#[cfg(test)]
mod tests {
    use super::name_commands;

    #[test]
    fn commands_are_named_as_they_are_typed() {
        for (text, expected) in [
            ("run `septum render prod --out`", "run `kubectl septum render prod --out`"),
            ("usage: septum [OPTIONS] <COMMAND>", "usage: kubectl septum [OPTIONS] <COMMAND>"),
            ("$(septum export dev)", "$(kubectl septum export dev)"),
            ("see `septum --help`", "see `kubectl septum --help`"),
            ("too many arguments for `septum`", "too many arguments for `kubectl septum`"),
            ("septum removes files that septum owns", "septum removes files that septum owns"),
            ("`kubectl septum render`", "`kubectl septum render`"),
            ("man/septum-render.1, diff.septum.textconv", "man/septum-render.1, diff.septum.textconv"),
            ("septum render | septum gc prod", "kubectl septum render | kubectl septum gc prod"),
        ] {
            let commands = ["render", "export", "gc"].map(str::to_owned);
            assert_eq!(name_commands(text, &commands), expected);
        }
    }
}
