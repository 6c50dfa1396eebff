//! Files as Git stores them: with the line ends that its settings and attributes say, and without filters, which are
//! programs.

use std::path::Path;
use std::process::Command;

use super::command::{GitConfiguration, SafeGit};
use super::object_output::{commit_failure, output_of, raw_output_of, slash_path};
use super::repository::GitRepository;
use super::setup::CloneSettings;
use crate::diagnostic::Diagnostic;

/// Settings of line ends.
const LINE_ENDS: [&str; 2] = ["core.autocrlf", "core.eol"];

/// Names of blobs for the files of a work tree.
#[derive(Debug)]
pub(super) struct BlobNames {
    git: SafeGit,
    settings: Vec<(&'static str, String)>,
}

impl BlobNames {
    pub(super) fn new(repository: &GitRepository) -> Result<Self, Diagnostic> {
        let failed = |error: std::io::Error| commit_failure(&error.to_string());
        let known = CloneSettings::read(repository.clone()).map_err(failed)?;
        let settings = LINE_ENDS.into_iter().filter_map(|name| Some((name, known.value(name)?.1.to_owned()))).collect();
        let git = SafeGit::new(repository.clone(), GitConfiguration::Isolated).map_err(failed)?;
        Ok(Self { git: git.with_attributes().map_err(failed)?, settings })
    }

    /// Stores the content of a file, whose path is that from the root of the work tree. `committed` is its content in
    /// the last commit: Git leaves the line ends of a file alone that has CRLF there.
    pub(super) fn store_blob(
        &self,
        path: &Path,
        content: &[u8],
        committed: Option<&[u8]>,
    ) -> Result<String, Diagnostic> {
        output_of(self.hash_object(path, committed)?.arg("-w"), content)
    }

    /// Whether Git would store a content of a file as the one in the last commit.
    pub(super) fn is_stored_as(&self, path: &Path, content: &[u8], committed: &[u8]) -> Result<bool, Diagnostic> {
        let stored = output_of(&mut self.hash_object(path, Some(committed))?, content)?;
        let mut plain = self.command("hash-object")?;
        Ok(stored == output_of(plain.args(["--stdin", "--no-filters"]), committed)?)
    }

    /// Content of a blob.
    pub(super) fn read_blob(&self, name: &str) -> Result<Vec<u8>, Diagnostic> {
        raw_output_of(self.command("cat-file")?.args(["blob", name]), b"")
    }

    fn hash_object(&self, path: &Path, committed: Option<&[u8]>) -> Result<Command, Diagnostic> {
        let mut hash = self.command("hash-object")?;
        hash.arg("--stdin");
        if committed.is_some_and(has_returns) {
            hash.arg("--no-filters");
        } else {
            hash.arg(format!("--path={}", slash_path(path)?));
        }
        Ok(hash)
    }

    fn command(&self, subcommand: &str) -> Result<Command, Diagnostic> {
        let mut git = self.git.command(subcommand).map_err(|error| commit_failure(&error.to_string()))?;
        git.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (index, (name, value)) in self.settings.iter().enumerate() {
            git.env(format!("GIT_CONFIG_KEY_{index}"), name).env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        Ok(git)
    }
}

/// Whether a content has line ends of Windows.
pub(super) fn has_returns(content: &[u8]) -> bool {
    content.windows(2).any(|pair| pair == b"\r\n")
}
