//! `septum git-textconv`

use std::path::PathBuf;

use clap::Args;

use super::help::{CommandHelp, HelpTopic};
use super::output;
use super::{GlobalArgs, quiet_identities};
use septum::diagnostic::Diagnostics;
use septum::files::{FileKind, read_named};
use septum::secret_files::textconv::textconv;

/// Print an encrypted file for git diff
///
/// Prints the plaintext without the metadata. Without a key, prints `[encrypted 3f9a1c]` for each value, so that a diff
/// shows which values changed. Never requests a passphrase. Git runs it as a textconv driver.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct GitTextconvArgs {
    /// File, or the copy of it that Git made
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

/// Help of `septum git-textconv`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        (
            "Configure the driver, for files with `diff=septum` in .gitattributes",
            "git config diff.septum.textconv 'septum git-textconv'",
        ),
        ("Print what Git compares", "septum git-textconv environments/prod.secrets.yaml"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Identities, HelpTopic::Git],
};

impl GitTextconvArgs {
    pub(super) fn run(&self, global: &GlobalArgs) -> Result<(), Diagnostics> {
        let path = global.directory.join(&self.file);
        let bytes = read_named(FileKind::SecretFile, &path, &self.file.display().to_string())?;
        output::print_bytes(&textconv(&path, bytes, &quiet_identities()))
    }
}
