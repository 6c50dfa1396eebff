//! Somebody edits a plaintext until it is right, or leaves it.

mod draft;
mod editor;
mod private_folder;
mod system;

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

pub use draft::{Draft, Saved};
pub use editor::Editor;
use editor::Return;
pub use private_folder::{PrivateFolder, Storage, Temporary};
use private_folder::{kept_note, read};

use crate::diagnostic::{Diagnostic, Diagnostics, Failure};

/// What somebody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes, go on.
    Yes,
    /// No, leave it.
    No,
    /// Nobody is there to answer.
    Nobody,
}

/// Whoever edits.
pub trait Author {
    /// Shows what is wrong with the text, and asks whether to open it again.
    fn again(&mut self, findings: &Diagnostics) -> Answer;

    /// Tells that an editor came back at once, and waits until the text is ready.
    fn ready(&mut self, editor: &str) -> Answer;
}

/// Lets an author edit a plaintext under the name of its file, until `check` takes the text. `None`:
/// it was not changed.
///
/// A text that is not taken stays in the editor's file, with all that was typed. If nobody is there
/// to fix it, or nobody wants to, the result is an error. Unless the author gave the text up, it stays in its
/// folder then, and the error says where.
pub fn edit<T>(
    name: &str,
    plaintext: &[u8],
    editor: &Editor,
    folder: PrivateFolder,
    author: &mut impl Author,
    check: impl FnMut(&[u8]) -> Result<T, Diagnostics>,
) -> Result<Option<T>, Diagnostics> {
    let stopped = match edit_until_taken(name, plaintext, editor, &folder, author, check) {
        Ok(taken) => {
            folder.discard();
            return Ok(taken);
        }
        Err(stopped) => stopped,
    };
    match stopped {
        Stopped::GivenUp => {
            folder.discard();
            Err(left(name).into())
        }
        Stopped::Failed(problems) => match folder.keep() {
            Some(text) => Err(with_kept(problems, name, &text)),
            None => Err(problems),
        },
    }
}

/// Reason why a text was not accepted.
enum Stopped {
    /// The author wants nothing of it.
    GivenUp,
    Failed(Diagnostics),
}

impl From<Diagnostic> for Stopped {
    fn from(problem: Diagnostic) -> Self {
        Self::Failed(problem.into())
    }
}

fn edit_until_taken<T>(
    name: &str,
    plaintext: &[u8],
    editor: &Editor,
    folder: &PrivateFolder,
    author: &mut impl Author,
    mut check: impl FnMut(&[u8]) -> Result<T, Diagnostics>,
) -> Result<Option<T>, Stopped> {
    let file_name = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or("plaintext");
    let path = folder.write(file_name, plaintext).map_err(|error| lost(name, &error))?;
    loop {
        let before = read(&path).map_err(|error| lost(name, &error))?;
        let text = edited(name, &path, &before, editor, author)?;
        if *text == plaintext {
            return Ok(None);
        }
        let findings = match check(&text) {
            Ok(taken) => return Ok(Some(taken)),
            Err(findings) => findings,
        };
        match author.again(&findings) {
            Answer::Yes => {}
            Answer::No => return Err(Stopped::GivenUp),
            Answer::Nobody => return Err(Stopped::Failed(unchanged(name, findings))),
        }
    }
}

/// The text after an editor came back.
fn edited(
    name: &str,
    path: &Path,
    before: &[u8],
    editor: &Editor,
    author: &mut impl Author,
) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    let returned = editor.run(path)?;
    let text = read(path).map_err(|error| lost(name, &error))?;
    if returned == Return::AtOnce && *text == before && author.ready(editor.program()) == Answer::Yes {
        return read(path).map_err(|error| lost(name, &error));
    }
    Ok(text)
}

fn lost(name: &str, error: &io::Error) -> Diagnostic {
    let message = format!("the text of the editor could not be kept or read, so `{name}` was not changed: {error}");
    Diagnostic::error("unreadable", message).failing(Failure::Io)
}

fn left(name: &str) -> Diagnostic {
    Diagnostic::error("not-edited", format!("the text was given up, so `{name}` was not changed"))
}

/// Says where a text is that was kept, and how to go on with it.
fn with_kept(problems: Diagnostics, name: &str, text: &Path) -> Diagnostics {
    let mut problems: Vec<_> = problems.into_iter().collect();
    if let Some(last) = problems.pop() {
        let folder = text.parent().unwrap_or(text).display();
        problems.push(last.note(kept_note(text)).hint(format!(
            "`septum edit {name}` again and take your text from there, then remove it: `rm -r {folder}`"
        )));
    }
    problems.into_iter().collect()
}

fn unchanged(name: &str, findings: Diagnostics) -> Diagnostics {
    let note = |finding: Diagnostic| finding.note(format!("`{name}` was not changed"));
    findings.into_iter().map(note).collect()
}
