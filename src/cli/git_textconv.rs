//! `septum git-textconv`

use std::path::PathBuf;

use clap::Args;

use super::output;
use super::{GlobalArgs, quiet_identities};
use crate::diagnostic::Diagnostics;
use crate::files::{FileKind, read_named};
use crate::secret_files::textconv::textconv;

/// Print an encrypted file as `git diff` shows it: decrypted, without its metadata.
///
/// Without a key the file is shown with `[encrypted 3f9a1c]` for each value, so that it can be seen
/// which ones changed. Never asks for a passphrase. See docs/git.md for how Git is told to use it.
#[derive(Debug, Args)]
pub(super) struct GitTextconvArgs {
    /// The file, or a copy of it that Git made
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

impl GitTextconvArgs {
    pub(super) fn run(&self, global: &GlobalArgs) -> Result<(), Diagnostics> {
        let path = global.directory.join(&self.file);
        let bytes = read_named(FileKind::SecretFile, &path, &self.file.display().to_string())?;
        output::print_bytes(&textconv(&path, bytes, &quiet_identities()))
    }
}
