//! `septum edit`

use std::path::{Path, PathBuf};

use clap::Args;

use super::files::now;
use super::output::{self, Output, invalid_usage};
use super::prompt::{is_attended, press_enter};
use super::target::Target;
use super::{Global, apps, identities};
use crate::at_rest::edit::{Answer, Author, Draft, Editor, PrivateFolder, Saved, Storage, Temporary, edit};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::files::FileKind;
use crate::name::EnvironmentName;
use crate::pipeline::Pipeline;
use crate::project::App;
use crate::sops::RuleBook;

/// Change an encrypted file in an editor, or create one.
///
/// The editor is `SOPS_EDITOR`, `VISUAL` or `EDITOR`, or else vim, nano or vi. Values that you leave
/// alone keep their ciphertext, so a diff shows what you changed. The plaintext lies in memory, in
/// a folder that only you can open, and is removed however the editor ends.
///
/// In a layer of an environment, values that you change are checked against the base, as `septum set` does.
/// A file that does not exist is created, and encrypted as `.sops.yaml` says.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// The file, or an environment, whose file is its `.secrets.yaml`
    #[arg(value_name = "FILE|ENV", add = super::completions::environments())]
    target: String,
    /// The app, if several have the environment
    #[arg(long, value_name = "APP", add = super::completions::apps())]
    app: Option<String>,
    /// Let the plaintext lie on a disk if there is no folder in memory
    #[arg(long)]
    allow_disk: bool,
}

impl Edit {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        let variable = |name: &str| std::env::var_os(name);
        let path = self.path(global)?;
        let name = output::shown(&path);
        let editor = Editor::of(variable)?;
        let identities = identities();
        let book = RuleBook::default();
        let mut draft = Draft::open(&path, &name, &book, &identities)?;
        output.show(book.warnings());
        output.show(draft.unknown_fields());
        let plaintext = draft.plaintext()?;
        let storage = if self.allow_disk { Storage::Disk } else { Storage::Memory };
        let temporary = Temporary::of(variable);
        let folder = PrivateFolder::new(&temporary, storage)?;
        output.show(folder.kept().iter().map(|folder| kept(folder)).collect());
        let mut author = AtTerminal { output };
        let waiting = |name: &str| output.say_waiting(name);
        let mut unchecked = Diagnostics::new();
        let saved = edit(&name, &plaintext, &editor, folder, &mut author, |text| {
            unchecked = draft.check_layer(&plaintext, text)?;
            draft.save(text, now(), &waiting)
        })?;
        output.show(unchecked);
        match saved {
            None => output.say(&format!("septum: `{name}` was not changed")),
            Some(Saved::AsTyped) => {}
            Some(Saved::Merged) => output
                .say(&format!("septum: `{name}` was changed by somebody else meanwhile, and holds their changes too")),
        }
        Ok(())
    }
}

impl Edit {
    fn path(&self, global: &Global) -> Result<PathBuf, Diagnostics> {
        match Target::of(global, &self.target)? {
            Target::File(file) => Ok(global.directory.join(file)),
            Target::Environment(project, environment) => {
                let pipeline = Pipeline::new(&project, identities());
                let named = self.app.as_slice();
                let mut apps = apps(&pipeline, &project, named)?;
                apps.retain(|app| app.environments.contains(&environment));
                match apps.as_slice() {
                    [app] => {
                        let path = app.folder.join(format!("{environment}.secrets.yaml"));
                        project.files.writable(FileKind::Layer, &path)?;
                        Ok(path)
                    }
                    apps => Err(which_app(&pipeline, apps, &environment)?),
                }
            }
        }
    }
}

fn which_app(
    pipeline: &Pipeline<'_>,
    apps: &[&App],
    environment: &EnvironmentName,
) -> Result<Diagnostics, Diagnostics> {
    let mut error = invalid_usage(format!("{} apps have `{environment}`", apps.len()));
    for app in apps {
        error = error.note(format!("`{}`", pipeline.library.app_name(app)?));
    }
    Ok(error.hint("say which: `--app APP`").into())
}

/// Reminder of a text that an earlier run could not save.
fn kept(folder: &Path) -> Diagnostic {
    let folder = folder.display();
    Diagnostic::warning("kept-text", format!("what was typed in an earlier `septum edit` is kept in `{folder}`"))
        .hint(format!("it holds secrets: take from it what you need, then `rm -r {folder}`"))
}

/// The interactive user.
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

fn answer(yes: Option<bool>) -> Answer {
    match yes {
        Some(true) => Answer::Yes,
        Some(false) => Answer::No,
        // who hung up has not given anything up
        None => Answer::Nobody,
    }
}
