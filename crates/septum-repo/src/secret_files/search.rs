//! The files that rules match.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::file::SecretFile;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::disk::{Disk, walk_files};
use crate::files::{FileKind, refuse_file};
use crate::sops::{SopsConfig, SopsConfigCache, SopsFormat};
use crate::sort::sort;

/// All files for which a rule names recipients: those below the directory of the nearest `.sops.yaml`, from
/// `directory` upward, except those that Git ignores. Sorted; relative to `directory` where they are below it.
pub fn ruled_files(directory: &Path, book: &SopsConfigCache) -> Result<Vec<PathBuf>, Diagnostics> {
    let Some(config) = SopsConfig::find_nearest(&directory.join("any"))? else {
        return Err(Diagnostic::error(Rule::NoRule, "no `.sops.yaml` in this directory or its parents")
            .hint("create one with a rule for your files: `creation_rules: [{path_regex: '\\.secrets\\.yaml$', age: age1…}]`")
            .hint("or specify files; `septum rotate FILE` works without a rule")
            .into());
    };
    let root = config.parent().unwrap_or(directory);
    let mut problems = Diagnostics::new();
    let mut found = Vec::new();
    let limit = FileKind::IgnoreRules.limit();
    let walked = walk_files(&Disk::default(), root, limit, &mut |path| {
        match book.find_rule(path) {
            Ok(Some(rule)) if !rule.groups.is_empty() => found.push(display_path(directory, path.to_path_buf())),
            Ok(_) => {}
            Err(wrong) => problems.extend(wrong),
        }
        ControlFlow::Continue(())
    });
    problems.extend(
        walked
            .err()
            .map(|(path, refusal)| refuse_file(&refusal, FileKind::IgnoreRules, &SopsConfig::display_path(&path))),
    );
    sort(&mut found);
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

impl SecretFile {
    /// Whether the file contains a text that every encrypted one does. Most others are excluded here without parsing.
    pub fn looks_encrypted(&self) -> bool {
        let envelope = self.format != SopsFormat::Binary || self.bytes.trim_ascii_start().starts_with(b"{");
        envelope && memchr::memmem::find(&self.bytes, b"ENC[AES256_GCM,").is_some()
    }
}

fn display_path(directory: &Path, path: PathBuf) -> PathBuf {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
    let clean: PathBuf = absolute.components().collect();
    path.strip_prefix(&clean).map(Path::to_path_buf).unwrap_or(path)
}
