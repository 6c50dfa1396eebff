//! Commands and options of other programs of the field, and their equivalents here.
//!
//! Only words of these tables are shown: other typed text may be a secret.

/// Commands of other programs, and their equivalents.
const COMMANDS: [(&[&str], &str); 18] = [
    (
        &["lint", "validate", "verify", "test", "vet", "audit", "scan", "conftest"],
        "`septum check` reports every problem",
    ),
    (
        &["template", "build", "generate", "manifests", "compile", "hydrate", "kustomize", "convert", "output"],
        "`septum render ENV` writes the manifests of an environment",
    ),
    (
        &["apply", "deploy", "install", "sync", "upgrade", "up"],
        "`septum render ENV | kubectl apply -f -` applies an environment; Flux and Argo CD apply the tree of `septum render --all --out DIR`",
    ),
    (
        &["plan", "compare", "preview", "drift"],
        "`septum diff A B` compares environments, `septum diff --rev HEAD` shows what a change does to each, and `septum diff ENV --cluster` what a cluster has instead",
    ),
    (
        &["updatekeys", "update-keys", "reencrypt", "re-encrypt", "recipients"],
        "`septum rekey` updates encrypted files to match the rules of `.sops.yaml`",
    ),
    (&["seal", "enc", "lock", "encode"], "`septum encrypt FILE` encrypts a file in place"),
    (&["unseal", "dec", "decode", "unlock", "reveal"], "`septum decrypt FILE` prints a file in plaintext"),
    (&["view", "cat", "print"], "`septum get ENV KEY` prints one value, `septum decrypt FILE` a whole file"),
    (&["ls", "keys", "matrix", "status", "env", "envs", "environments"], "`septum list` shows all keys by environment"),
    (
        &["show", "describe", "why", "blame", "trace", "inspect", "history"],
        "`septum explain ENV KEY` shows where a value comes from",
    ),
    (&["new", "create", "scaffold", "start", "quickstart"], "`septum init DIR` writes a small working project"),
    (&["add", "put", "write", "update"], "`septum set ENV KEY` sets a value, from standard input or a hidden prompt"),
    (&["rm", "remove", "delete", "del"], "`septum unset ENV KEY` removes a value"),
    (
        &["key", "publickey", "public-key", "age-keygen", "gen-key", "genkey"],
        "`septum keygen` generates an identity; `septum keygen -y` prints its recipients",
    ),
    (&["completion", "complete"], "`septum completions SHELL` prints the completion script"),
    (&["version"], "`septum --version` prints the version"),
    (&["fix", "fmt", "format", "tidy"], "`septum check --fix` applies automatic fixes"),
    (&["merge", "textconv", "mergetool"], "`septum git-merge` and `septum git-textconv` are the Git drivers"),
];

/// An option of other programs, and its equivalent.
struct ForeignOption {
    /// Its spellings.
    names: &'static [&'static str],
    /// The commands for which the hint holds; empty for all.
    commands: &'static [&'static str],
    /// Remedy.
    hint: &'static str,
}

const fn foreign_option(
    names: &'static [&'static str],
    commands: &'static [&'static str],
    hint: &'static str,
) -> ForeignOption {
    ForeignOption { names, commands, hint }
}

const OPTIONS: [ForeignOption; 16] = [
    foreign_option(
        &["-o", "--output", "--output-format", "--output-dir", "-d", "--output-directory"],
        &["render"],
        "`--format yaml|json|kyaml` selects the format, `--out DIR` writes a tree",
    ),
    foreign_option(
        &["-o", "--output", "--output-format"],
        &["list", "explain", "check"],
        "`--format` selects the format",
    ),
    foreign_option(
        &["--json", "--yaml", "--sarif"],
        &["render", "list", "explain", "check"],
        "`--format` selects the format",
    ),
    foreign_option(
        &["-e", "--env", "--environment", "--envs", "--environments", "--stage", "--profile", "--context"],
        &["render", "check", "list", "explain", "set", "get", "unset"],
        "pass the environment as an argument, as in `septum render prod`",
    ),
    foreign_option(
        &["-f", "--file", "--filename", "-k", "--kustomize", "-R", "--recursive"],
        &["render", "check", "list", "explain"],
        "files are discovered automatically; `-C DIR` sets the project directory",
    ),
    foreign_option(
        &["-a", "-A", "--all-environments", "--everything"],
        &["render"],
        "`--all` renders every environment",
    ),
    foreign_option(
        &["--all", "-a", "-A"],
        &["check", "list"],
        "without an environment argument, all environments are included",
    ),
    foreign_option(&["-n", "--namespace"], &["render"], "set the namespace in the field `namespace` of a layer"),
    foreign_option(
        &["--set", "--set-string", "--values"],
        &["render", "check"],
        "set values in layers, where Git tracks them",
    ),
    foreign_option(
        &["--dry-run", "--diff"],
        &["render"],
        "without `--out`, nothing is written; `--out DIR --check` shows what would change in a tree",
    ),
    foreign_option(&["--strict", "--fail-on-warnings", "--werror"], &["check"], "warnings already set exit code 1"),
    foreign_option(
        &["-i", "--in-place", "--inplace"],
        &["rotate", "rekey", "set", "unset"],
        "files are always changed in place",
    ),
    foreign_option(
        &["-r", "--recipient", "-a", "--pgp", "--kms"],
        &["encrypt"],
        "specify recipients with `--age age1…` or in `.sops.yaml`",
    ),
    foreign_option(&["-r", "--rotate"], &["encrypt", "decrypt"], "`septum rotate FILE` gives a file a new data key"),
    foreign_option(&["-y", "--yes", "--force"], &["rekey"], "`septum rekey` never prompts for confirmation"),
    foreign_option(
        &["-d", "--decrypt"],
        &["encrypt", "edit", "get"],
        "`septum decrypt FILE` prints a file in plaintext",
    ),
];

/// Hint at the command that is equivalent to `typed` in other programs.
pub(super) fn command_hint(typed: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(names, _)| names.contains(&typed)).map(|(_, hint)| *hint)
}

/// Hint at the equivalent of the option `typed` in `command`, which may be written with its value.
pub(super) fn option_hint(command: &str, typed: &str) -> Option<&'static str> {
    let name = typed.split_once('=').map_or(typed, |(name, _)| name);
    let is_meant = |option: &&ForeignOption| {
        option.names.contains(&name) && (option.commands.is_empty() || option.commands.contains(&command))
    };
    OPTIONS.iter().find(is_meant).map(|option| option.hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn no_command_or_option_of_ours_is_called_foreign() {
        let program = Cli::command();
        for (names, _) in COMMANDS {
            for name in names {
                assert!(program.find_subcommand(name).is_none(), "{name} is a command of Septum");
            }
        }
        for option in OPTIONS {
            for command in option.commands {
                let command = program.find_subcommand(command).unwrap();
                let is_name = |argument: &clap::Arg, name: &str| {
                    argument.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long))
                        || argument.get_short().is_some_and(|short| name.strip_prefix('-') == Some(&short.to_string()))
                };
                for name in option.names {
                    let known = command.get_arguments().find(|argument| is_name(argument, name));
                    assert!(known.is_none(), "{name} is an option of {}", command.get_name());
                }
            }
        }
    }
}
