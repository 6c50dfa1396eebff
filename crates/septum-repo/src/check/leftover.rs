//! Drafts that a killed program left: new bytes of a file that were never renamed.

use std::ffi::OsStr;
use std::path::Path;

use crate::atomic;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::disk::{Disk, find_named};
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::sops::SopsConfig;
use crate::span::{Source, Span};

/// Drafts below the root of a project that no process is writing, whether Git ignores them or not.
pub fn find_drafts(files: &ProjectFiles) -> Diagnostics {
    // a staged file need not be on disk
    let (disk, limit) = (Disk::default(), FileKind::IgnoreRules.limit());
    match find_named(&disk, files.root(), limit, &is_draft) {
        Ok(found) => {
            let left = found.into_iter().filter(|path| !atomic::is_in_use(path));
            left.map(|path| leftover_draft(&files.name(&path))).collect()
        }
        Err((path, refusal)) => refuse_file(&refusal, FileKind::IgnoreRules, &SopsConfig::display_path(&path)).into(),
    }
}

/// Whether a path is that of a draft.
pub(super) fn is_path_of_draft(path: &Path) -> bool {
    path.file_name().is_some_and(is_draft)
}

fn is_draft(name: &OsStr) -> bool {
    name.to_str().is_some_and(atomic::is_draft)
}

/// Finding for a draft that was left.
pub(super) fn leftover_draft(name: &str) -> Diagnostic {
    let message = format!("`{name}` was left behind by an interrupted run, and may contain secrets in plaintext");
    Diagnostic::error(Rule::LeftoverDraft, message)
        .at_masked(Source::new(name, "").place(Span::locate("", 0, 0)))
        .note("the target file is intact: it has either its old or its new content")
        .hint(format!("remove it: `rm {}`; if it was ever committed, rotate the secrets in it", shell_word(name)))
}
