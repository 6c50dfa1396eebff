//! The message for a file that is not read.

use super::FileKind;
use crate::diagnostic::{Diagnostic, FailureKind, Rule};
use crate::disk::FileReadError;

/// The error for a file; `name` is its name in messages. It has no location: the caller knows the line that names it.
pub fn refuse_file(refusal: &FileReadError, kind: FileKind, name: &str) -> Diagnostic {
    let error = refusal_message(refusal, kind, name);
    match (refusal, kind) {
        // the repository does not name it: a file of the command line is missing
        (FileReadError::Missing | FileReadError::TooBig(_), FileKind::SecretFile) => {
            error.with_failure(FailureKind::Io)
        }
        _ => error,
    }
}

/// The error for a file that a sparse checkout leaves out of the work tree; `name` is its name in messages.
pub fn left_out_file(name: &str) -> Diagnostic {
    Diagnostic::error(Rule::Unreadable, format!("`{name}` is not here: the sparse checkout leaves it out"))
        .hint("`git sparse-checkout add DIRECTORY` gets the files of a directory, `git sparse-checkout disable` all")
}

fn refusal_message(refusal: &FileReadError, kind: FileKind, name: &str) -> Diagnostic {
    match refusal {
        FileReadError::Missing => Diagnostic::error(Rule::MissingFile, format!("`{name}` does not exist")),
        FileReadError::Outside => outside_path(kind, name),
        FileReadError::LinkOut => {
            outside_path(kind, name).note("the path goes through a symbolic link that leads outside")
        }
        FileReadError::DanglingLink => {
            Diagnostic::error(Rule::MissingFile, format!("`{name}` is a broken symbolic link"))
                .hint("create its target, or remove the link")
        }
        FileReadError::LinkLoop => {
            Diagnostic::error(Rule::MissingFile, format!("`{name}` is a symbolic link that refers to itself"))
                .hint("replace the link with the file itself")
        }
        FileReadError::Directory => {
            Diagnostic::error(Rule::MissingFile, format!("`{name}` is a directory, not a file"))
                .hint("specify a file in it")
        }
        FileReadError::Special(what) => {
            Diagnostic::error(Rule::Unreadable, format!("`{name}` is a {what}, not a regular file"))
                .with_failure(FailureKind::Invalid)
                .note(format!("expected a regular file for the {}", kind.noun()))
                .hint("replace it with a regular file")
        }
        FileReadError::TooBig(limit) => too_big(*limit, kind, name),
        FileReadError::Io(error) => Diagnostic::unreadable(name, error),
    }
}

/// Diagnostic for a path that leaves its bounds. It does not name the destination, which is never queried.
fn outside_path(kind: FileKind, name: &str) -> Diagnostic {
    match kind {
        FileKind::SopsConfig | FileKind::SecretFile | FileKind::CustomRules | FileKind::IgnoreRules => {
            Diagnostic::error(Rule::OutsideProject, format!("`{name}` is outside the repository"))
                .note("files outside the repository are not read on its behalf")
                .hint(match kind {
                    FileKind::SecretFile | FileKind::CustomRules => "specify the file itself, not the link to it",
                    _ => "replace the link with a file",
                })
        }
        _ => Diagnostic::error(Rule::OutsideProject, format!("`{name}` is outside the project"))
            .note("the output of a project must not depend on the machine")
            .hint("copy the file into the project"),
    }
}

fn too_big(limit: u64, kind: FileKind, name: &str) -> Diagnostic {
    let error = Diagnostic::error(Rule::FileTooBig, format!("`{name}` is larger than {}", size_text(limit)));
    match kind {
        FileKind::Layer | FileKind::EntryFile | FileKind::Template | FileKind::Include => error
            .note("a ConfigMap or Secret is limited to 1 MiB, so a layer or file cannot be larger")
            .hint("keep large data in an image, a volume or an object store"),
        FileKind::Manifest => error.hint("split it into several files"),
        FileKind::ProjectFile
        | FileKind::Certificate
        | FileKind::SopsConfig
        | FileKind::Baseline
        | FileKind::CustomRules
        | FileKind::SecretFile
        | FileKind::Inventory
        | FileKind::Output
        | FileKind::Kustomization
        | FileKind::IgnoreRules => error.note(format!("no valid {} is that large", kind.noun())),
    }
}

fn size_text(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes => format!("{} KiB", bytes >> 10),
    }
}
