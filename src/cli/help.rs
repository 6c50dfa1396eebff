//! Help beyond options: groups of commands, examples, exit codes, files and variables.
//!
//! `--help` and the manual pages are made of the same tables. The part of one command is beside its arguments.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::Command;
use clap::builder::{StyledStr, Styles};

/// Help of a command that its arguments do not give.
pub(super) struct CommandHelp {
    /// Command lines, each with its purpose.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// Exit codes, where they differ from the [usual ones](EXIT_CODES).
    pub(super) exit_codes: &'static [(u8, &'static str)],
    /// Groups of the files and variables that it uses.
    pub(super) topics: &'static [HelpTopic],
}

/// A group of files and variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HelpTopic {
    /// Colours and shells: of every command.
    Terminal,
    /// Layers and settings of a project.
    Project,
    /// Rules of encryption.
    Recipients,
    /// Private keys.
    Identities,
    /// Editing of plaintext.
    Editor,
    /// Output directories and the cache.
    Output,
    /// Findings of `check`.
    Findings,
    /// Repositories of Git.
    Git,
}

use HelpTopic::{Editor, Findings, Git, Identities, Output, Project, Recipients, Terminal};

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
    topics: &[Terminal, Project, Recipients, Identities, Editor, Output, Findings, Git],
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

/// Exit codes of commands that have no others.
pub(super) const EXIT_CODES: &[(u8, &str)] = &[
    (0, "success"),
    (1, "findings or differences"),
    (2, "wrong usage or invalid input"),
    (3, "missing key"),
    (4, "something could not be read or written"),
    (101, "a bug in septum"),
];

/// Files, each with its topic and purpose.
pub(super) const FILES: &[(HelpTopic, &str, &str)] = &[
    (
        Project,
        "septum.yaml",
        "Settings of a repository with several apps: where they are, layers that they share, the output directory. Optional.",
    ),
    (
        Project,
        "base.yaml",
        "Layer that defines every key of an app, with its rules and default. Its directory is the app.",
    ),
    (Project, "ENV.yaml", "Layer of the environment ENV, beside base.yaml."),
    (Project, "DIR/NAME.yaml", "Mixin: a layer in a subdirectory, applied where another one names it under `extends`."),
    (Project, "ENV.secrets.yaml", "Encrypted layer of the environment ENV, in the format of SOPS."),
    (
        Recipients,
        ".sops.yaml",
        "Rules that name the recipients of encrypted files, as sops reads them. Searched from the file upward.",
    ),
    (Findings, ".septum-baseline.yaml", "Known findings, written by `septum check --write-baseline`."),
    (Output, "DIR/.septum/inventory.json", "Files of an output directory that septum owns."),
    (
        Output,
        "~/.cache/septum",
        "Cache of `septum render --out` (macOS: ~/Library/Caches/septum, Windows: %LOCALAPPDATA%\\septum). Can be deleted at any time.",
    ),
    (
        Identities,
        "~/.config/sops/age/keys.txt",
        "The user's age identities (macOS: also ~/Library/Application Support/sops/age/keys.txt, Windows: %APPDATA%\\sops\\age\\keys.txt).",
    ),
    (Identities, "~/.ssh/id_ed25519", "The user's SSH key, which is an identity too."),
    (Git, ".gitattributes", "Files for which Git runs `septum git-textconv` and `septum git-merge`."),
];

/// Environment variables, each with its topic and purpose. A test holds them to the sources.
pub(super) const VARIABLES: &[(HelpTopic, &str, &str)] = &[
    (Identities, "SOPS_AGE_KEY", "Age identities, one per line."),
    (Identities, "SOPS_AGE_KEY_FILE", "File of age identities."),
    (
        Identities,
        "SOPS_AGE_KEY_CMD",
        "Command that prints age identities. Run without a shell, with the recipient in SOPS_AGE_RECIPIENT.",
    ),
    (Identities, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "File of an SSH private key."),
    (Identities, "SOPS_AGE_SSH_PRIVATE_KEY_CMD", "Command that prints an SSH private key. Run without a shell."),
    (Recipients, "SOPS_AGE_RECIPIENTS", "Recipients, separated by commas, of files that no rule covers."),
    (
        Editor,
        "SOPS_EDITOR, VISUAL, EDITOR",
        "Editor of `septum edit`. The first one that is set is used; the default is vim, nano or vi.",
    ),
    (Editor, "XDG_RUNTIME_DIR, TMPDIR", "Directories for the plaintext of `septum edit`, used if they are in memory."),
    (Output, "SEPTUM_CACHE_DIR", "Directory of the cache."),
    (
        Findings,
        "GIT_DIR, GIT_INDEX_FILE, GIT_WORK_TREE",
        "Repository and index of `septum check --staged`; Git sets them for its hooks.",
    ),
    (
        Terminal,
        "HOME, XDG_CONFIG_HOME, XDG_CACHE_HOME",
        "Directories of the user's files (Windows: USERPROFILE, APPDATA, LOCALAPPDATA).",
    ),
    (Terminal, "PATH", "Directories of git, the editor and other programs. Relative directories are ignored."),
    (
        Terminal,
        "NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM",
        "Colours with `--color auto`. NO_COLOR with any value, or TERM=dumb, turns them off.",
    ),
    (Terminal, "CI", "If set and not empty, long runs show no progress."),
    (Terminal, "COMPLETE", "Shell that requests completions; set by the script of `septum completions`."),
];

/// Commands under their headings, in the order of the help.
pub(super) const GROUPS: [(&str, &[(&str, &CommandHelp)]); 4] = [
    (
        "Project",
        &[
            ("init", &super::init::HELP),
            ("render", &super::render::HELP),
            ("check", &super::check::HELP),
            ("list", &super::list::HELP),
            ("explain", &super::explain::HELP),
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
        ],
    ),
    ("Git plumbing", &[("git-textconv", &super::git_textconv::HELP), ("git-merge", &super::git_merge::HELP)]),
    ("Shell", &[("completions", &super::completions::HELP), ("man", &super::man::HELP)]),
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
    command.help_template(text).mut_subcommands(|command| {
        let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        let description = long.split_once("\n\n").map(|(_, description)| description.to_owned());
        command
            .before_help(description.unwrap_or_default())
            .help_template("{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}")
    })
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

impl CommandHelp {
    /// The text below the options of `--help`.
    pub(super) fn to_text(&self) -> StyledStr {
        let header = *Styles::styled().get_header();
        let mut text = String::new();
        if !self.exit_codes.is_empty() {
            let _ = writeln!(text, "{header}Exit codes:{header:#}");
            let width = if self.exit_codes.iter().any(|(code, _)| *code > 9) { 3 } else { 1 };
            for (code, meaning) in self.exit_codes {
                let _ = writeln!(text, "  {code:width$}  {meaning}");
            }
            text.push('\n');
        }
        let _ = write!(text, "{header}Examples:{header:#}");
        for (purpose, example) in self.examples {
            let _ = write!(text, "\n  # {purpose}\n  {example}");
        }
        text.into()
    }
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
        let commands = example.split(" | ").map(|command| command.split(" > ").next().unwrap_or(command));
        let split = |command: &str| shlex::split(command).expect("words of a shell");
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
            assert!((2..=4).contains(&help.examples.len()), "{name}: {} examples", help.examples.len());
            for (_, example) in help.examples {
                let calls = calls(example);
                assert!(calls.iter().any(|call| call.iter().any(|word| word == name)), "{name}: {example}");
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
