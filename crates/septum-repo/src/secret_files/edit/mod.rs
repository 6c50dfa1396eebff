//! Editing of a plaintext by a user until it is valid or given up.

mod draft;
mod editor;
mod private_directory;
mod system;

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

pub use draft::{EditDraft, SaveOutcome};
use editor::EditorExit;
pub use editor::ExternalEditor;
pub use private_directory::{LeftoverDirectories, PlaintextStorage, PrivateDirectory, TempDirs};
use private_directory::{kept_note, read_text};

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};

/// Reply of the interactive user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditReply {
    /// Yes, continue.
    Yes,
    /// No, give up.
    No,
    /// No user is present.
    Nobody,
}

/// The interactive user.
pub trait EditPrompt {
    /// Shows the problems of the text, and asks whether to edit it again.
    fn ask_again(&mut self, findings: &Diagnostics) -> EditReply;

    /// Reports that an editor returned at once, and waits until the text is ready.
    fn ask_ready(&mut self, editor: &str) -> EditReply;
}

/// Opens a plaintext in an editor under the name of its file, until `check` accepts the text. `None`: it was not
/// changed.
///
/// A text that is not accepted stays in the editor's file, with all edits. If no user is present to fix it, or the
/// user gives up, the result is an error. Unless the user discards the text, it stays in its directory then, and the
/// error names the path.
pub fn edit_text<T>(
    name: &str,
    plaintext: &[u8],
    editor: &ExternalEditor,
    directory: PrivateDirectory,
    author: &mut impl EditPrompt,
    check: impl FnMut(&[u8]) -> Result<T, Diagnostics>,
) -> Result<Option<T>, Diagnostics> {
    let stopped = match edit_until_taken(name, plaintext, editor, &directory, author, check) {
        Ok(taken) => {
            directory.discard();
            return Ok(taken);
        }
        Err(stopped) => stopped,
    };
    match stopped {
        EditStopped::GivenUp => {
            directory.discard();
            Err(given_up(name).into())
        }
        EditStopped::Failed(problems) => match directory.keep_text() {
            Some(text) => Err(with_kept(problems, name, &text)),
            None => Err(problems),
        },
    }
}

/// Reason why a text was not accepted.
enum EditStopped {
    /// The user discarded the text.
    GivenUp,
    Failed(Diagnostics),
}

impl From<Diagnostic> for EditStopped {
    fn from(problem: Diagnostic) -> Self {
        Self::Failed(problem.into())
    }
}

fn edit_until_taken<T>(
    name: &str,
    plaintext: &[u8],
    editor: &ExternalEditor,
    directory: &PrivateDirectory,
    author: &mut impl EditPrompt,
    mut check: impl FnMut(&[u8]) -> Result<T, Diagnostics>,
) -> Result<Option<T>, EditStopped> {
    let file_name = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or("plaintext");
    let path = directory.write_file(file_name, plaintext).map_err(|error| lost_text(name, &error))?;
    loop {
        let before = read_text(&path).map_err(|error| lost_text(name, &error))?;
        let text = run_editor(name, &path, &before, editor, author)?;
        if *text == plaintext {
            return Ok(None);
        }
        let findings = match check(&text) {
            Ok(taken) => return Ok(Some(taken)),
            Err(findings) => findings,
        };
        match author.ask_again(&findings) {
            EditReply::Yes => {}
            EditReply::No => return Err(EditStopped::GivenUp),
            EditReply::Nobody => return Err(EditStopped::Failed(note_unchanged(name, findings))),
        }
    }
}

/// The text after the editor returned.
fn run_editor(
    name: &str,
    path: &Path,
    before: &[u8],
    editor: &ExternalEditor,
    author: &mut impl EditPrompt,
) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    let returned = editor.run_on(path)?;
    let text = read_text(path).map_err(|error| lost_text(name, &error))?;
    if returned == EditorExit::AtOnce && *text == before && author.ask_ready(editor.program()) == EditReply::Yes {
        return read_text(path).map_err(|error| lost_text(name, &error));
    }
    Ok(text)
}

fn lost_text(name: &str, error: &io::Error) -> Diagnostic {
    let message = format!("the edited text could not be stored or read, so `{name}` was not changed: {error}");
    Diagnostic::error(Rule::Unreadable, message)
}

fn given_up(name: &str) -> Diagnostic {
    Diagnostic::error(Rule::NotEdited, format!("the edit was abandoned, so `{name}` was not changed"))
}

/// Adds the path of a kept text, and the way to continue with it.
fn with_kept(problems: Diagnostics, name: &str, text: &Path) -> Diagnostics {
    let mut problems: Vec<_> = problems.into_iter().collect();
    if let Some(last) = problems.pop() {
        let place = shell_word(&text.parent().unwrap_or(text).display().to_string());
        let word = shell_word(name);
        problems.push(last.note(kept_note(text)).hint(format!(
            "run `septum edit {word}` again and recover your text from there, then remove it: `rm -r {place}`"
        )));
    }
    problems.into_iter().collect()
}

fn note_unchanged(name: &str, findings: Diagnostics) -> Diagnostics {
    let note = |finding: Diagnostic| finding.note(format!("`{name}` was not changed"));
    findings.into_iter().map(note).collect()
}
