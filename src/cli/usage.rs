//! Errors of usage, reported without the typed text: an argument in the wrong place may be a secret, and a log keeps
//! messages.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Error};

use super::Cli;
use super::output::invalid_usage;
use super::{elsewhere, help_groups};
use septum::diagnostic::Diagnostic;
use septum::sops::PathError;

/// Commands with arguments that are often misplaced, and where they belong.
const HOW: [(&str, &str); 8] = [
    ("exec", "write `--` before the program: `septum exec ENV -- CMD`"),
    (
        "set",
        "values are never arguments, which other users can see: pass the value on standard input, or type it at the prompt",
    ),
    ("unset", "`unset` removes a value from a file and takes no value argument"),
    ("get", "`get` prints one value"),
    (
        "encrypt",
        "to encrypt one value, use `septum set` with the value on standard input; specify recipients with `--age age1…`",
    ),
    ("decrypt", "private keys are found as in sops: in `SOPS_AGE_KEY_FILE`, or in the user's `keys.txt`"),
    (
        "keygen",
        "`septum keygen` requires no argument; `septum keygen -y FILE` prints the recipients of an identity file",
    ),
    ("edit", "type values in the editor, or use `septum set`"),
];

/// Number of the argument that begins like an option and only contains the `h` of help or the `V` of the version;
/// none if an argument requests one of them.
pub(super) fn glued_help(arguments: &[OsString]) -> Option<usize> {
    let texts = || arguments.iter().enumerate().skip(1).filter_map(|(index, it)| Some((index, it.to_str()?)));
    let flags = |text: &str| text.strip_prefix('-').filter(|rest| !rest.starts_with('-')).map(str::to_owned);
    let asks = |text: &str| {
        let is_cluster = |flags: String| !flags.is_empty() && flags.chars().all(|flag| "hqvV".contains(flag));
        matches!(text, "help" | "--help" | "--version") || flags(text).is_some_and(is_cluster)
    };
    if texts().any(|(_, text)| asks(text)) {
        return None;
    }
    texts().find(|(_, text)| flags(text).is_some_and(|flags| flags.contains(['h', 'V']))).map(|(index, _)| index)
}

/// Error: an argument is not an option.
pub(super) fn glued_error(arguments: &[OsString]) -> Diagnostic {
    let command = named_command(arguments);
    let name = command.map_or_else(|| "septum".to_owned(), |command| format!("septum {command}"));
    let number = number_in_command(arguments, glued_help(arguments).unwrap_or_default());
    let mut found = invalid_usage(format!("argument {number} is not an option of `{name}`"));
    if let Some((_, how)) = HOW.iter().find(|(of, _)| command == Some(of)) {
        found = found.hint(*how);
    }
    found.hint(format!("see `{name} --help`"))
}

/// The typed text that the error contains, if an argument is not declared.
fn typed_argument(error: &Error) -> String {
    context_texts(error, ContextKind::InvalidArg).into_iter().next().unwrap_or_default()
}

/// Message for the arguments of the command of this name, of which there may be kinds.
fn usage_message(error: &Error, arguments: &[OsString], name: &str, has_kinds: bool) -> String {
    let declared = |kind| context_texts(error, kind).join("`, `");
    let typed = typed_argument(error);
    match error.kind() {
        ErrorKind::UnknownArgument if typed.starts_with('-') && typed != "-" => {
            match argument_position(arguments, &typed) {
                Some(number) => format!("argument {number} is not an option of `{name}`"),
                None => format!("unknown option of `{name}`"),
            }
        }
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => match argument_position(arguments, &typed) {
            Some(number) => format!("unexpected argument {number} of `{name}`"),
            None => format!("too many arguments for `{name}`"),
        },
        ErrorKind::InvalidSubcommand if has_kinds => format!("unknown kind of `{name}`"),
        ErrorKind::MissingSubcommand if has_kinds => format!("no kind of `{name}` specified"),
        ErrorKind::InvalidSubcommand => "unknown command".to_owned(),
        ErrorKind::InvalidValue if context_texts(error, ContextKind::InvalidValue).iter().all(String::is_empty) => {
            format!("`{}` requires a value", declared(ContextKind::InvalidArg))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("invalid value for `{}`", declared(ContextKind::InvalidArg))
        }
        ErrorKind::MissingRequiredArgument => format!("`{}` is missing", declared(ContextKind::InvalidArg)),
        ErrorKind::ArgumentConflict => match (declared(ContextKind::InvalidArg), declared(ContextKind::PriorArg)) {
            (one, other) if other.is_empty() || one == other => format!("`{one}` is given more than once"),
            (one, other) => format!("`{one}` cannot be used with `{other}`"),
        },
        ErrorKind::MissingSubcommand => "no command specified".to_owned(),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8 text".to_owned(),
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("wrong number of values for `{}`", declared(ContextKind::InvalidArg))
        }
        _ => "invalid arguments".to_owned(),
    }
}

/// Error of usage, in words that contain nothing of the arguments but the names of existing options and commands.
pub(super) fn usage_diagnostic(error: &Error, arguments: &[OsString]) -> Diagnostic {
    let command = named_command(arguments);
    let (name, mut used) = used_command(command, arguments);
    let kinds: Vec<String> = match command {
        Some(_) => used.get_subcommands().map(|kind| format!("`{}`", kind.get_name())).collect(),
        None => Vec::new(),
    };
    let typed = typed_argument(error);
    let mut diagnostic = invalid_usage(usage_message(error, arguments, &name, !kinds.is_empty()));
    let values = context_texts(error, ContextKind::ValidValue);
    if !values.is_empty() {
        diagnostic = diagnostic.note(format!("possible values: `{}`", values.join("`, `")));
    }
    let is_of_kind = matches!(error.kind(), ErrorKind::InvalidSubcommand | ErrorKind::MissingSubcommand);
    if is_of_kind && !kinds.is_empty() {
        diagnostic = diagnostic.note(format!("the kinds are {}", kinds.join(", ")));
    }
    let foreign = match error.kind() {
        ErrorKind::InvalidSubcommand if kinds.is_empty() => {
            context_texts(error, ContextKind::InvalidSubcommand).iter().find_map(|typed| elsewhere::command_hint(typed))
        }
        ErrorKind::UnknownArgument => elsewhere::option_hint(command.unwrap_or_default(), &typed),
        _ => None,
    };
    let suggested = match foreign {
        Some(_) => vec![],
        None => vec![ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue],
    };
    diagnostic = diagnostic.maybe_hint(foreign.map(str::to_owned));
    // the parser has the nearest one last
    for near in suggested.into_iter().flat_map(|kind| context_texts(error, kind).into_iter().rev()) {
        diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
    }
    let lacks = |name| context_texts(error, ContextKind::InvalidArg).iter().any(|argument| argument.contains(name));
    if error.kind() == ErrorKind::MissingRequiredArgument && lacks("KEY") {
        diagnostic = diagnostic.hint("specify the environment first, then the key; `septum list` shows all keys");
    }
    let is_of_arguments = matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::TooManyValues)
        || command == Some("keygen") && error.kind() == ErrorKind::MissingRequiredArgument;
    if let Some((_, how)) = HOW.iter().find(|(of, _)| is_of_arguments && command == Some(of)) {
        diagnostic = diagnostic.hint(*how);
    }
    // of the program's own types: the expected form, without the found text
    let source = std::error::Error::source(error);
    let expected = source.filter(|source| source.is::<PathError>() || source.to_string().starts_with("expected "));
    let expected = expected.map(ToString::to_string);
    let diagnostic = expected.into_iter().fold(diagnostic, Diagnostic::note);
    diagnostic.note(usage_line(&mut used)).hint(format!("see `{name} --help`"))
}

/// The command among the arguments. Options with a value before it are those of all commands.
fn named_command(arguments: &[OsString]) -> Option<&'static str> {
    let mut rest = arguments.iter().skip(1).map(|argument| argument.to_str().unwrap_or_default());
    while let Some(argument) = rest.next() {
        match argument {
            "-C" | "--color" => drop(rest.next()),
            _ if argument.starts_with('-') => {}
            _ => return help_groups::commands().map(|(name, _)| name).find(|name| *name == argument),
        }
    }
    None
}

/// The command that was used, or its kind, and its name: `septum import dotenv`.
fn used_command(command: Option<&str>, arguments: &[OsString]) -> (String, clap::Command) {
    let mut program = Cli::command();
    program.build();
    let Some(found) = command.and_then(|command| program.find_subcommand(command)) else {
        return ("septum".to_owned(), program);
    };
    let texts = arguments.iter().filter_map(|argument| argument.to_str());
    let mut after = texts.skip_while(|text| Some(*text) != command).skip(1).filter(|text| !text.starts_with('-'));
    let kind = after.next().and_then(|kind| found.find_subcommand(kind));
    let names = [Some("septum"), Some(found.get_name()), kind.map(clap::Command::get_name)];
    (names.into_iter().flatten().collect::<Vec<_>>().join(" "), kind.unwrap_or(found).clone())
}

/// Usage of a command, in a line.
fn usage_line(command: &mut clap::Command) -> String {
    command.render_usage().to_string().replacen("Usage: ", "usage: ", 1)
}

/// Number of an argument among those of its command, or of the program if it is before the command; from 1.
fn number_in_command(arguments: &[OsString], position: usize) -> usize {
    let command = named_command(arguments);
    let (name, _) = used_command(command, arguments);
    let words = name.split(' ').skip(1);
    let mut before = 0;
    for word in words {
        let rest = arguments.iter().enumerate().skip(before + 1);
        before = rest.filter(|(_, text)| text.to_str() == Some(word)).map(|(index, _)| index).next().unwrap_or(before);
    }
    if position > before { position - before } else { position }
}

/// Number of a text among the arguments of its command, from 1; none if it is there twice.
fn argument_position(arguments: &[OsString], typed: &str) -> Option<usize> {
    let is_it = |argument: &&OsString| {
        let text = argument.to_str().unwrap_or_default();
        text == typed || text.split_once('=').is_some_and(|(name, _)| name == typed)
    };
    let mut found = arguments.iter().enumerate().skip(1).filter(|(_, argument)| is_it(argument));
    let (index, _) = found.next()?;
    found.next().is_none().then(|| number_in_command(arguments, index))
}

/// The texts of a kind that an error contains.
fn context_texts(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_value_that_begins_like_help_is_none() {
        for (arguments, expected) in [
            (&["set", "prod", "KEY", "-hunter2"][..], Some(4)),
            (&["set", "prod", "KEY", "-qhunter2"], Some(4)),
            (&["set", "-h"], None),
            (&["set", "-qh"], None),
            (&["help", "set"], None),
            (&["render", "--help"], None),
            (&["-V"], None),
        ] {
            let arguments: Vec<_> = ["septum"].iter().chain(arguments).map(OsString::from).collect();
            assert_eq!(glued_help(&arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn nothing_that_was_typed_is_shown_wherever_it_stands() {
        let places: [&[&str]; 12] = [
            &["HUNTER"],
            &["--HUNTER"],
            &["-HUNTER"],
            &["--HUNTER=HUNTER"],
            &["--color=HUNTER"],
            &["a", "b", "c", "HUNTER"],
            &["a", "b", "c", "d", "e", "f", "HUNTER"],
            &["a", "--format=HUNTER"],
            &["a", "--format", "HUNTER"],
            &["a", "b", "--document=HUNTER"],
            &["--at", "HUNTER"],
            &["--shard", "HUNTER"],
        ];
        for command in help_groups::commands().map(|(name, _)| name).chain(["HUNTER"]) {
            for arguments in places {
                let arguments: Vec<OsString> =
                    ["septum", command].iter().chain(arguments).map(OsString::from).collect();
                let Err(error) = Cli::try_parse_from(&arguments) else { continue };
                if !error.use_stderr() {
                    continue;
                }
                let shown = format!("{:?}", usage_diagnostic(&error, &arguments));
                assert!(!shown.contains("HUNTER"), "{arguments:?}: {shown}");
            }
        }
    }
}
