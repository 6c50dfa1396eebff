//! Parsing of the arguments.
//!
//! To declare all commands with their texts takes longer than most of them run, and Git starts some of them for every
//! file. So the arguments are parsed by the declaration of the command that they name. Only if that fails, or a text is
//! requested, all are declared: the error and the text are then those of the whole program.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args as _, Command, CommandFactory as _};

use super::{Cli, CliCommand, GlobalArgs, VERSION, help_groups, kubectl};

/// Arguments, with the declaration by which they were parsed.
pub(super) struct ParsedArguments {
    /// The program, with at least the command that was named.
    pub(super) program: Command,
    pub(super) matches: Result<ArgMatches, clap::Error>,
}

/// Whether nothing but the version is requested, for which no thread has to be started.
pub(super) fn asks_for_version(arguments: &[OsString]) -> bool {
    // a shell that requests completions passes the line that it completes
    let is_completing = std::env::var_os("COMPLETE").is_some();
    matches!(arguments, [_, flag] if flag == "--version" || flag == "-V") && !is_completing
}

/// Parses the arguments.
pub(super) fn parse_arguments(arguments: &[OsString]) -> ParsedArguments {
    // the texts of the plugin name all commands
    let is_plugin = kubectl::is_plugin(arguments.first().map(OsString::as_os_str));
    let called = if is_plugin { None } else { parse_called(arguments) };
    called.unwrap_or_else(|| parse_by_all(arguments))
}

/// Parses by the command alone that the arguments name. The result is that of the whole program: other commands could
/// only be a word of their own, which is an error here.
fn parse_called(arguments: &[OsString]) -> Option<ParsedArguments> {
    let program = Command::default().name("septum").version(VERSION).disable_help_flag(true).subcommand_required(true);
    let program = GlobalArgs::augment_args(program);
    // a directory that is named like a command fails, unless the command is that one
    let called = arguments.iter().skip(1).find_map(|argument| CliCommand::declare(argument.to_str()?));
    let is_command = called.is_some();
    let mut program = program.subcommands(called);
    let matches = program.try_get_matches_from_mut(arguments);
    let is_version = matches.as_ref().is_err_and(|error| error.kind() == ErrorKind::DisplayVersion);
    (matches.is_ok() || is_version && !is_command).then_some(ParsedArguments { program, matches })
}

/// Parses by the whole program.
fn parse_by_all(arguments: &[OsString]) -> ParsedArguments {
    let program = help_groups::with_layout(Cli::command());
    kubectl::record_call(arguments.first().map(OsString::as_os_str), &program);
    let mut program = kubectl::as_called_program(program);
    let matches = program.try_get_matches_from_mut(arguments);
    ParsedArguments { program, matches }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;
    use proptest::prelude::*;

    use super::*;

    /// Values of all options, or the error as it is printed.
    fn parsed(done: ParsedArguments) -> Result<String, String> {
        let matches = done.matches.map_err(|error| error.render().ansi().to_string())?;
        Ok(format!("{:?} {:?}", Cli::from_arg_matches(&matches).expect("a command"), matches.subcommand()))
    }

    /// Compares both ways; returns whether the command alone was enough.
    #[track_caller]
    fn assert_same(words: &[&str]) -> bool {
        let arguments: Vec<OsString> = std::iter::once("septum").chain(words.iter().copied()).map(Into::into).collect();
        let called = parse_called(&arguments).map(parsed);
        let all = parsed(parse_by_all(&arguments));
        assert!(called.as_ref().is_none_or(|called| *called == all), "{words:?}: {called:?} is not {all:?}");
        called.is_some()
    }

    #[test]
    fn each_command_is_declared_as_in_the_whole_program() {
        let all = Cli::command();
        for command in all.get_subcommands() {
            let alone = CliCommand::declare(command.get_name()).expect("a command");
            // its place in the list is not its own
            let text = |command: Command| format!("{:?}", command.display_order(0));
            assert_eq!(text(alone), text(command.clone()));
        }
        assert!(CliCommand::declare("help").is_none());
    }

    #[test]
    fn a_command_alone_parses_as_the_whole_program_does() {
        for (words, is_enough) in [
            (&["render", "prod"][..], true),
            (&["-C", "render", "render", "prod", "--out", "check", "--check"], true),
            (&["-Crender", "exec", "dev", "--", "septum", "check", "--help"], true),
            (&["exec", "-q", "dev", "--redact=always", "--", "true"], true),
            (&["check", "--format", "json", "-v"], true),
            (&["--version"], true),
            (&["-q", "-V"], true),
            (&["argocd", "generate"], true),
            (&["completions", "bash"], true),
            // errors and texts are those of the whole program
            (&[], false),
            (&["-C", "check", "list"], false),
            (&["-C", "check"], false),
            (&["render", "--help"], false),
            (&["--version", "render"], false),
            (&["render", "--version"], false),
            (&["rendr", "prod"], false),
            (&["render", "--all", "prod"], false),
            (&["-q", "-v", "check"], false),
            (&["--help"], false),
        ] {
            assert_eq!(assert_same(words), is_enough, "{words:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_arguments_are_parsed_alike(
            words in proptest::collection::vec(
                prop_oneof![
                    prop::sample::select(vec![
                        "render", "check", "exec", "set", "argocd", "generate", "git-merge", "help", "rendr", "dev", "prod",
                    ]),
                    prop::sample::select(vec![
                        "-C", "--color", "never", "-q", "-v", "-h", "--help", "-V", "--version", "--", "--out", "--all",
                        "--app", "--format", "json", "--only=A*", "--redact", "--unknown", "-x", "",
                    ]),
                ],
                0..6,
            ),
        ) {
            let words: Vec<&str> = words;
            assert_same(&words);
        }
    }
}
