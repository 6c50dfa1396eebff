//! Help of the program: groups of commands, and the layout of every `--help`.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::Command;
use clap::builder::{StyledStr, Styles};

use super::help::{CommandHelp, EXIT_CODES, HelpTopic};
use HelpTopic::{ArgoCd, Editor, Findings, Forge, Git, Identities, Neighbour, Output, Project, Recipients, Terminal};

/// Help of `septum man`.
pub(super) const MAN: CommandHelp = CommandHelp {
    examples: &[
        ("Read the page of a command", "septum man render | man -l -"),
        ("Install a page", "septum man render > ~/.local/share/man/man1/septum-render.1"),
    ],
    exit_codes: &[],
    topics: &[],
};

/// Help of the program itself.
pub(super) const PROGRAM: CommandHelp = CommandHelp {
    examples: &[
        ("Create a project", "septum init shop"),
        ("Print the manifests of one environment", "septum render prod"),
        ("Show why a key is in a ConfigMap or a Secret", "septum explain prod DATABASE_URL"),
        ("Set a secret, from a hidden prompt or standard input", "septum set prod DATABASE_PASSWORD"),
        ("Find mistakes and plaintext credentials", "septum check"),
    ],
    exit_codes: EXIT_CODES,
    topics: &[Terminal, Project, Recipients, Identities, Editor, Output, Findings, Git, Forge, ArgoCd, Neighbour],
};

/// Files of the program, for its manual page.
pub(super) const DESCRIPTION: &str = "\
Septum reads layers: `base.yaml` defines the keys of an app, `ENV.yaml` and the encrypted `ENV.secrets.yaml` change \
them for one environment.

A key that has a secret value, or whose value is computed from one, goes to a Secret. The others go to a ConfigMap. \
`septum explain` shows the reason for each.

Values of secrets are never arguments, and no message contains one.";

/// Pointer to further documentation.
const MORE: &str = "\
See `septum COMMAND --help`, the manual pages (`septum man COMMAND | man -l -`), and docs/ in the source repository.";

/// Commands under their headings, in the order of the help.
pub(super) const GROUPS: [(&str, &[(&str, &CommandHelp)]); 6] = [
    (
        "Project",
        &[
            ("init", &super::init::HELP),
            ("import", &super::import::HELP),
            ("render", &super::render::HELP),
            ("check", &super::check::HELP),
            ("list", &super::list::HELP),
            ("explain", &super::explain::HELP),
            ("diff", &super::diff::HELP),
            ("promote", &super::promote::HELP),
            ("rename", &super::rename::HELP),
            ("exec", &super::exec::HELP),
            ("export", &super::export::HELP),
            ("docs", &super::docs::HELP),
            ("report", &super::report::HELP),
            ("schema", &super::schema::HELP),
            ("doctor", &super::doctor::HELP),
            ("gc", &super::gc::HELP),
            ("eject", &super::eject::HELP),
        ],
    ),
    (
        "Secrets",
        &[
            ("set", &super::set::SET_HELP),
            ("unset", &super::set::UNSET_HELP),
            ("get", &super::get::HELP),
            ("edit", &super::edit::HELP),
            ("encrypt", &super::encrypt::HELP),
            ("decrypt", &super::decrypt::HELP),
            ("rekey", &super::rekey::REKEY_HELP),
            ("rotate", &super::rekey::ROTATE_HELP),
            ("keygen", &super::keygen::HELP),
            ("exposure", &super::exposure::HELP),
        ],
    ),
    (
        "Git",
        &[
            ("git-setup", &super::git_setup::HELP),
            ("git-textconv", &super::git_textconv::HELP),
            ("git-merge", &super::git_merge::HELP),
        ],
    ),
    ("Editor", &[("lsp", &super::lsp::HELP)]),
    ("Neighbours", &[("argocd", &super::argocd::HELP), ("krm", &super::krm::HELP), ("helm", &super::helm::HELP)]),
    ("Shell", &[("completions", &super::completions::HELP), ("man", &MAN)]),
];

/// All commands with their help.
pub(super) fn commands() -> impl Iterator<Item = (&'static str, &'static CommandHelp)> {
    GROUPS.iter().flat_map(|(_, commands)| commands.iter().copied())
}

/// The program with its commands listed by group, and each command with its description above its usage.
pub(super) fn with_layout(command: Command) -> Command {
    let (header, literal) = (*Styles::styled().get_header(), *Styles::styled().get_literal());
    let width = commands().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::from("{about-with-newline}\n{usage-heading} {usage}\n");
    for (heading, group) in GROUPS {
        let _ = writeln!(text, "\n{header}{heading}:{header:#}");
        for (name, _) in group {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{name:width$}{literal:#}  {about}");
        }
    }
    let _ = write!(text, "  {literal}{:width$}{literal:#}  Print the help of a command\n\n", "help");
    let _ = write!(text, "{header}Global options:{header:#}\n{{options}}{{after-help}}");
    command.help_template(text).mut_subcommands(with_description)
}

/// A command with its description above its usage, and so its own commands.
fn with_description(command: Command) -> Command {
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let description = long.split_once("\n\n").map(|(_, description)| description.to_owned());
    command
        .before_help(description.unwrap_or_default())
        .help_template("{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}")
        .mut_subcommands(with_description)
}

/// Arguments with `help COMMAND` as `COMMAND --help`, which prints the same for every command.
pub(super) fn as_option(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_some_and(|command| command == "help") {
        arguments.retain(|argument| argument != "--help" && argument != "-h");
        let is_command = |name: &OsString| !name.as_encoded_bytes().starts_with(b"-");
        if arguments.len() == 2 || arguments.len() == 3 && arguments.last().is_some_and(is_command) {
            arguments.remove(1);
            arguments.push("--help".into());
        }
    }
    arguments
}

/// The text below the options of `septum --help`.
pub(super) fn program_text() -> StyledStr {
    format!("{}\n\n{MORE}", PROGRAM.to_text().ansi()).into()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::super::Cli;
    use super::*;

    /// The calls of the program in a command line for a shell.
    fn calls(example: &str) -> Vec<Vec<String>> {
        let without = |command, redirection| str::split(command, redirection).next().unwrap_or(command);
        let commands = example.split(" | ").map(|command| without(without(command, " > "), " < "));
        let split = |command: &str| shlex::split(command).expect("words of a shell");
        // Helm has it as a plugin of that name
        let commands = commands.filter(|command| !command.starts_with("helm "));
        let words = commands.map(|command| split(command.trim_end_matches(')')));
        // a driver is configured with its command line as one word, to which Git adds a file
        let words = words.map(|words| match words.last() {
            Some(driver) if driver.starts_with("septum git-textconv") => split(&format!("{driver} FILE")),
            Some(driver) if driver.starts_with("septum ") => split(driver),
            _ => words,
        });
        let calls =
            words.map(|words| words.into_iter().skip_while(|word| !word.ends_with("septum")).collect::<Vec<_>>());
        calls.filter(|call| !call.is_empty()).collect()
    }

    #[test]
    fn examples_parse_and_are_of_their_command() {
        for (name, help) in commands() {
            assert!((2..=6).contains(&help.examples.len()), "{name}: {} examples", help.examples.len());
            for (_, example) in help.examples {
                let calls = calls(example);
                // a first step may be of another program
                let is_own = |call: &Vec<String>| call.iter().any(|word| word == name);
                assert!(calls.is_empty() || calls.iter().any(is_own), "{name}: {example}");
                for call in calls {
                    Cli::try_parse_from(&call).unwrap_or_else(|error| panic!("{example}: {error}"));
                }
            }
        }
        for (_, example) in PROGRAM.examples {
            Cli::try_parse_from(example.split(' ')).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }

    #[test]
    fn every_command_is_in_a_group() {
        let grouped: Vec<_> = commands().map(|(name, _)| name).collect();
        let declared = Cli::command();
        let declared: Vec<_> = declared.get_subcommands().map(Command::get_name).collect();
        assert!(declared.iter().all(|name| grouped.contains(name)), "{declared:?}");
        assert_eq!(declared.len(), grouped.len());
    }
}
