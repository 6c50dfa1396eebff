//! `septum git-merge`

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use clap::Args;

use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::OutputStreams;
use super::{GlobalArgs, argument, quiet_identities};
use septum::atomic::Access;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use septum::files::{FileKind, read_named};
use septum::git::{GitConfiguration, SafeGit};
use septum::secret_files::merge::{MergeOutcome, MergeVersions, merge_versions};
use septum::secret_files::{ContentBefore, FileContent, FileRewrite, StagedWrite, write_all};

/// Exit code by which Git recognises a conflict.
const CONFLICT: u8 = 1;

/// Merge an encrypted file value by value, as a Git merge driver
///
/// Writes the result to OURS. A value that one side changed is taken from that side; all others keep their ciphertext.
/// A value that both sides changed becomes a text with both versions, encrypted as before, and the exit code is 1. If a
/// version cannot be decrypted and verified, OURS stays unchanged. Never requests a passphrase.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct GitMergeArgs {
    /// Common ancestor (%O)
    #[arg(value_name = "BASE", value_hint = clap::ValueHint::FilePath)]
    base: PathBuf,
    /// Our version, which is replaced by the result (%A)
    #[arg(value_name = "OURS", value_hint = clap::ValueHint::FilePath)]
    ours: PathBuf,
    /// Their version (%B)
    #[arg(value_name = "THEIRS", value_hint = clap::ValueHint::FilePath)]
    theirs: PathBuf,
    /// Path of the file in the repository, which selects its format (%P)
    #[arg(value_name = "PATH")]
    path: Option<String>,
}

/// Help of `septum git-merge`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        (
            "Configure the driver, for files with `merge=septum` in .gitattributes",
            "git config merge.septum.driver 'septum git-merge %O %A %B %P'",
        ),
        ("Merge three versions by hand", "septum git-merge base.yaml ours.yaml theirs.yaml prod.secrets.yaml"),
    ],
    exit_codes: &[
        (0, "merged"),
        (1, "conflicts, or a version could not be decrypted"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Identities, HelpTopic::Git],
};

impl GitMergeArgs {
    /// Runs the merge and returns the exit code, which is all that Git uses.
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        match self.merge(global, output) {
            Ok(code) => code,
            Err(problems) => output.finish(Err(problems)),
        }
    }

    fn merge(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<ExitCode, Diagnostics> {
        let read =
            |path: &Path| read_named(FileKind::SecretFile, &global.directory.join(path), &path.display().to_string());
        let versions = MergeVersions { base: read(&self.base)?, ours: read(&self.ours)?, theirs: read(&self.theirs)? };
        let before = ContentBefore::Content(FileContent::of(&versions.ours));
        let path = match &self.path {
            Some(path) => argument::shown_name(&global.directory, path),
            None => self.ours.display().to_string(),
        };
        match merge_versions(&path, versions, &quiet_identities(), current_time()) {
            MergeOutcome::NotEncrypted => self.merge_texts(&global.directory),
            MergeOutcome::Refused(problems) => {
                output.print_findings(problems);
                Ok(ExitCode::from(CONFLICT))
            }
            MergeOutcome::Merged { bytes, conflicts, notes } => {
                let (target, name) = (global.directory.join(&self.ours), self.ours.display().to_string());
                let staged = StagedWrite { path: target, name, bytes, access: Access::Usual };
                write_all(vec![FileRewrite::unless_changed(before, staged)], &|name| output.print_waiting(name))?;
                output.print_findings(notes);
                if conflicts.is_empty() {
                    return Ok(ExitCode::SUCCESS);
                }
                output.print_findings(conflict_report(&path, &conflicts).into());
                Ok(ExitCode::from(CONFLICT))
            }
        }
    }

    /// Files that are not encrypted are merged as Git merges them.
    fn merge_texts(&self, directory: &Path) -> Result<ExitCode, Diagnostics> {
        let files = [&self.ours, &self.base, &self.theirs].map(|path| directory.join(path));
        let status = SafeGit::without_repository(directory, GitConfiguration::UserSettings).and_then(|git| {
            let mut git = git.command("merge-file")?;
            git.args(["-q", "-L", "ours", "-L", "base", "-L", "theirs", "--"]).args(files);
            git.current_dir(directory).stdout(Stdio::inherit()).stderr(Stdio::inherit()).status()
        });
        let status =
            status.map_err(|error| Diagnostic::error(Rule::Unreadable, format!("`git` could not be run: {error}")))?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(CONFLICT) })
    }
}

fn conflict_report(path: &str, conflicts: &[String]) -> Diagnostic {
    let count = match conflicts {
        [_] => "a value".to_owned(),
        several => format!("{} values", several.len()),
    };
    let word = shell_word(path);
    let message = format!("merge conflict in `{path}`: both sides changed {count} differently");
    let found = Diagnostic::error(Rule::MergeConflict, message);
    conflicts
        .iter()
        .fold(found, |found, path| found.note(format!("`{path}`")))
        .hint(format!("resolve it with `septum edit {word}`, then run `git add {word}`"))
}
