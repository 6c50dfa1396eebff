//! The files that rules are about.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::file::SecretFile;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::sops::{Format, RuleBook, Rules};

/// All files for which a rule names recipients: those below the folder of the nearest `.sops.yaml`, from
/// `folder` upward, less what Git ignores. Sorted; relative to `folder` where they lie below it.
pub fn ruled_files(folder: &Path, book: &RuleBook) -> Result<Vec<PathBuf>, Diagnostics> {
    let Some(config) = Rules::nearest(&folder.join("any"))? else {
        return Err(Diagnostic::error("no-rule", "there is no `.sops.yaml` here or above")
            .hint("name files, or write a `.sops.yaml` with a rule for them")
            .into());
    };
    let root = config.parent().unwrap_or(folder);
    let mut problems = Diagnostics::new();
    let mut found = Vec::new();
    let walk = WalkBuilder::new(root).hidden(false).filter_entry(|entry| entry.file_name() != ".git").build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => match book.rule(entry.path()) {
                Ok(Some(rule)) if !rule.groups.is_empty() => found.push(shown(folder, entry.into_path())),
                Ok(_) => {}
                Err(wrong) => problems.extend(wrong),
            },
            Ok(_) => {}
            Err(error) => problems.push(
                Diagnostic::error("unreadable", format!("a folder could not be read: {error}")).failing(Failure::Io),
            ),
        }
    }
    found.sort();
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

impl SecretFile {
    /// Whether the file holds what every encrypted one does. Most others are done with here, unread.
    pub fn looks_encrypted(&self) -> bool {
        let envelope = self.format != Format::Binary || self.bytes.trim_ascii_start().starts_with(b"{");
        envelope && memchr::memmem::find(&self.bytes, b"ENC[AES256_GCM,").is_some()
    }
}

fn shown(folder: &Path, path: PathBuf) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let clean: PathBuf = absolute.components().collect();
    path.strip_prefix(&clean).map(Path::to_path_buf).unwrap_or(path)
}
