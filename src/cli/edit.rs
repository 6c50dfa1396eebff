//! `septum edit`

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use super::output::{self, Output};
use super::prompt::{is_attended, press_enter};
use super::{Global, identities};
use crate::at_rest::{Answer, Author, Draft, Editor, PrivateFolder, Storage, Temporary, edit};
use crate::diagnostic::Diagnostics;
use crate::sops::Timestamp;

/// Change an encrypted file in an editor, or create one.
///
/// The editor is `SOPS_EDITOR`, `VISUAL` or `EDITOR`, or else vim, nano or vi. Values that you leave
/// alone keep their ciphertext, so a diff shows what you changed. The plaintext lies in memory, in
/// a folder that only you can open, and is removed however the editor ends.
///
/// A file that does not exist is created, and encrypted as `.sops.yaml` says.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Let the plaintext lie on a disk if there is no folder in memory
    #[arg(long)]
    allow_disk: bool,
}

impl Edit {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        let variable = |name: &str| std::env::var_os(name);
        let path = global.directory.join(&self.file);
        let name = output::shown(&path);
        let editor = Editor::of(variable)?;
        let identities = identities();
        let mut draft = Draft::open(&path, &name, &identities)?;
        let plaintext = draft.plaintext()?;
        let storage = if self.allow_disk { Storage::Disk } else { Storage::Memory };
        let folder = PrivateFolder::new(&Temporary::of(variable), storage)?;
        let mut author = AtTerminal { output };
        let saved = edit(&name, &plaintext, &editor, &folder, &mut author, |text| {
            draft.save(text, Timestamp::at(SystemTime::now()))
        })?;
        if saved.is_none() {
            output.say(&format!("septum: `{name}` was not changed"));
        }
        Ok(())
    }
}

/// Whoever sits before the terminal.
struct AtTerminal<'a> {
    output: &'a Output,
}

impl Author for AtTerminal<'_> {
    fn again(&mut self, findings: &Diagnostics) -> Answer {
        if !is_attended() {
            return Answer::Nobody;
        }
        self.output.show(findings.clone());
        answer(press_enter("Press Enter to open the editor again, or q and Enter to leave the file as it was:"))
    }

    fn ready(&mut self, editor: &str) -> Answer {
        if !is_attended() {
            return Answer::Nobody;
        }
        answer(press_enter(&format!(
            "`{editor}` came back at once. If it is still open, save the file, then press Enter:"
        )))
    }
}

fn answer(yes: bool) -> Answer {
    if yes { Answer::Yes } else { Answer::No }
}
