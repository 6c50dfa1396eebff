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

fn refusal_message(refusal: &FileReadError, kind: FileKind, name: &str) -> Diagnostic {
    match refusal {
        FileReadError::Missing => Diagnostic::error(Rule::MissingFile, format!("`{name}` does not exist")),
        FileReadError::Outside => outside_path(kind, name),
        FileReadError::LinkOut => outside_path(kind, name).note("the path goes through a symbolic link that leads out"),
        FileReadError::DanglingLink => {
            Diagnostic::error(Rule::MissingFile, format!("`{name}` is a symbolic link that leads to nothing"))
                .hint("create the file that it names, or remove the link")
        }
        FileReadError::LinkLoop => {
            Diagnostic::error(Rule::MissingFile, format!("`{name}` is a symbolic link that leads in a circle"))
                .hint("replace the link with the file itself")
        }
        FileReadError::Directory => {
            Diagnostic::error(Rule::MissingFile, format!("`{name}` is a directory, not a file"))
                .hint("name a file in it")
        }
        FileReadError::Special(what) => {
            Diagnostic::error(Rule::Unreadable, format!("`{name}` is a {what}, not a regular file"))
                .note(format!("a {} is read only from a regular file", kind.noun()))
                .hint("replace it with a file")
        }
        FileReadError::TooBig(limit) => too_big(*limit, kind, name),
        FileReadError::Io(error) => Diagnostic::error(Rule::Unreadable, format!("`{name}` could not be read: {error}"))
            .with_failure(FailureKind::Io),
    }
}

/// Diagnostic for a path that leaves its bounds. It does not name the destination, which is never queried.
fn outside_path(kind: FileKind, name: &str) -> Diagnostic {
    match kind {
        FileKind::SopsConfig | FileKind::SecretFile | FileKind::CustomRules | FileKind::IgnoreRules => {
            Diagnostic::error(Rule::OutsideProject, format!("`{name}` leads out of the repository"))
                .note("a repository is not trusted with the files beside it")
                .hint(match kind {
                    FileKind::SecretFile | FileKind::CustomRules => "name the file itself, not the link to it",
                    _ => "replace the link with a file",
                })
        }
        _ => Diagnostic::error(Rule::OutsideProject, format!("`{name}` lies outside of the project"))
            .note("what a project renders must not depend on the machine it is rendered on")
            .hint("copy the file into the project"),
    }
}

fn too_big(limit: u64, kind: FileKind, name: &str) -> Diagnostic {
    let error = Diagnostic::error(Rule::FileTooBig, format!("`{name}` is larger than {}", size_text(limit)));
    match kind {
        FileKind::Layer | FileKind::EntryFile | FileKind::Template | FileKind::Include => error
            .note("a ConfigMap or Secret holds at most 1 MiB, so no layer or file of one can be larger")
            .hint("keep large data out of configuration: in an image, a volume or an object store"),
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
        | FileKind::IgnoreRules => error.note(format!("a {} is never as large", kind.noun())),
    }
}

fn size_text(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes => format!("{} KiB", bytes >> 10),
    }
}
