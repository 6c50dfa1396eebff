//! Help of a command beyond its options: examples, exit codes, files and variables.
//!
//! `--help` and the manual pages are made of the same tables. The part of one command is beside its arguments.

use std::fmt::Write as _;

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
    /// Programs of `exec`, and jobs of a forge.
    Forge,
    /// Applications of Argo CD.
    ArgoCd,
    /// Programs that run Septum.
    Neighbour,
}

use HelpTopic::{ArgoCd, Editor, Findings, Forge, Git, Identities, Neighbour, Output, Project, Recipients, Terminal};

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
        "GIT_DIR, GIT_INDEX_FILE, GIT_WORK_TREE, GIT_OBJECT_DIRECTORY, GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "Repository, index and objects for whatever reads Git; Git sets them for its hooks.",
    ),
    (
        Findings,
        "GITHUB_STEP_SUMMARY",
        "File to which `check --format github` appends all findings; GitHub Actions sets it.",
    ),
    (
        Terminal,
        "HOME, XDG_CONFIG_HOME, XDG_CACHE_HOME",
        "Directories of the user's files (Windows: USERPROFILE, APPDATA, LOCALAPPDATA).",
    ),
    (
        Git,
        "GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL",
        "Author of `septum promote --commit`, in place of that of the configuration of Git.",
    ),
    (Terminal, "PATH", "Directories of git, the editor and other programs. Relative directories are ignored."),
    (
        Terminal,
        "NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM",
        "Colours with `--color auto`. NO_COLOR with any value, or TERM=dumb, turns them off.",
    ),
    (Forge, "GITHUB_ACTIONS", "If `true`, `exec --redact` and `export --format github` make the runner hide secrets."),
    (
        ArgoCd,
        "ARGOCD_APP_PARAMETERS, PARAM_ENVIRONMENT, ARGOCD_ENV_ENVIRONMENT",
        "Environment that `argocd generate` renders, as Argo CD passes it. Those that are set must agree.",
    ),
    (ArgoCd, "ARGOCD_APP_SOURCE_PATH", "Directory of the Application, for `argocd discover`; Argo CD sets it."),
    (
        ArgoCd,
        "SEPTUM_ALLOW_ARGOCD_SECRETS",
        "If `1`, `argocd generate` uses keys and prints Secrets, which Argo CD stores in plaintext.",
    ),
    (
        Neighbour,
        "SEPTUM_LOG, XDG_STATE_HOME",
        "File of the errors of `helm post-render`; the default is septum/last-error in XDG_STATE_HOME or ~/.local/state.",
    ),
    (Neighbour, "HELM_PLUGIN_NAME", "Set by Helm 4 for plugins: errors of `helm post-render` are then its output."),
    (Terminal, "CI", "If set and not empty, long runs show no progress."),
    (Terminal, "COMPLETE", "Shell that requests completions; set by the script of `septum completions`."),
];

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
