//! Pages that a command writes to a file, and compares with it.

use std::path::Path;

use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, argument};
use septum::atomic::Access;
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use septum::disk::{FileReadError, read_named};
use septum::files::{FileKind, refuse_file};
use septum::secret_files::{FileRewrite, StagedWrite, write_all};
use septum::view::page_diff;

/// Number of lines at the top of a file in which a page has its mark.
const TOP: usize = 3;

/// A page, and the file that it is for.
pub(super) struct WrittenPage<'a> {
    /// The file, as given on the command line.
    pub(super) file: &'a Path,
    /// The page.
    pub(super) text: &'a str,
    /// Words at the top of every page of the command. A file without them is somebody else's.
    pub(super) mark: &'a str,
    /// Whether differences are shown: of a file that people copy and fill in, they may be secrets.
    pub(super) shows_old_lines: bool,
}

impl WrittenPage<'_> {
    /// Writes the page, unless the file has it already, or is not one of the command.
    pub(super) fn write(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let name = self.name(global);
        match self.read(global)? {
            Some(old) if old == self.text.as_bytes() => {
                output.print_note(&format!("septum: `{name}` is up to date"));
                return Ok(());
            }
            Some(old) if !self.is_own(&old) => return Err(foreign_file(&name).into()),
            Some(_) | None => {}
        }
        let path = global.directory.join(self.file);
        let bytes = self.text.as_bytes().to_vec();
        let staged = StagedWrite { path, name: name.clone(), bytes, access: Access::Usual };
        write_all(vec![FileRewrite::replace_any(staged)], &|name| output.print_waiting(name))?;
        output.print_note(&format!("septum: wrote {name}"));
        Ok(())
    }

    /// Compares the file with the page; prints a diff and fails if they differ.
    pub(super) fn check(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let name = self.name(global);
        let old = self.read(global)?;
        if old.as_deref() == Some(self.text.as_bytes()) {
            return Ok(());
        }
        if old.as_deref().is_some_and(|old| !self.is_own(old)) {
            return Err(foreign_file(&name).into());
        }
        let message = match &old {
            Some(_) => format!("`{name}` is out of date"),
            None => format!("`{name}` does not exist"),
        };
        let old = old.map(|old| String::from_utf8_lossy(&old).into_owned()).unwrap_or_default();
        output.print_text(&output::style_diff(&page_diff(&name, &old, self.text, self.shows_old_lines)))?;
        Err(Diagnostic::error(Rule::StaleOutput, message)
            .with_failure(FailureKind::Found)
            .hint("run the same command without `--check` to update it")
            .into())
    }

    fn name(&self, global: &GlobalArgs) -> String {
        argument::shown_path(&global.directory, self.file, "FILE")
    }

    fn read(&self, global: &GlobalArgs) -> Result<Option<Vec<u8>>, Diagnostic> {
        match read_named(&global.directory.join(self.file), FileKind::SecretFile.limit()) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FileReadError::Missing) => Ok(None),
            Err(refusal) => Err(refuse_file(&refusal, FileKind::SecretFile, &self.name(global))),
        }
    }

    fn is_own(&self, old: &[u8]) -> bool {
        let text = String::from_utf8_lossy(old);
        old.is_empty() || text.lines().take(TOP).any(|line| line.contains(self.mark))
    }
}

/// Error: the file is not one that the command wrote.
fn foreign_file(name: &str) -> Diagnostic {
    invalid_usage(format!("`{name}` exists, and was not written by this command"))
        .hint("specify another file, or remove it first")
}
