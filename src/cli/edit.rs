//! `septum edit`

use std::path::{Path, PathBuf};

use clap::Args;

use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::prompt::{is_attended, press_enter};
use super::target::ValueTarget;
use super::{GlobalArgs, find_apps, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, shell_path};
use septum::files::FileKind;
use septum::name::EnvironmentName;
use septum::pipeline::Pipeline;
use septum::project::App;
use septum::secret_files::edit::{
    EditDraft, EditPrompt, EditReply, ExternalEditor, PlaintextStorage, PrivateDirectory, SaveOutcome, TempDirs,
    edit_text,
};
use septum::sops::SopsConfigCache;

/// Edit or create an encrypted file in an editor
///
/// Decrypts the file into an in-memory directory that only you can access, runs the editor, encrypts the result, and
/// removes the plaintext however the editor ends. The editor is `SOPS_EDITOR`, `VISUAL` or `EDITOR`, else vim, nano or
/// vi. Unchanged values keep their ciphertext, so a diff shows only your changes.
///
/// In a layer, changed values are checked against the base, as `septum set` does. A file that does not exist is
/// created, and encrypted by its rule in `.sops.yaml`.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct EditArgs {
    /// File, or environment whose `.secrets.yaml` is edited
    #[arg(value_name = "FILE|ENV", add = super::completions::environments())]
    target: String,
    /// App, if several have the environment
    #[arg(long, value_name = "APP", add = super::completions::apps())]
    app: Option<String>,
    /// Allow plaintext on disk if there is no in-memory directory
    #[arg(long)]
    allow_disk: bool,
}

/// Help of `septum edit`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Edit the secrets of an environment", "septum edit prod"),
        ("Edit or create any encrypted file", "septum edit environments/dev.secrets.yaml"),
        ("Use another editor once", "SOPS_EDITOR=nano septum edit prod"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities, HelpTopic::Editor],
};

impl EditArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let variable = |name: &str| std::env::var_os(name);
        let path = self.path(global)?;
        let name = output::shown_path(&path);
        let editor = ExternalEditor::of(variable)?;
        let identities = user_identities();
        let book = SopsConfigCache::default();
        let mut draft = EditDraft::open(&path, &name, &book, &identities)?;
        output.print_findings(book.warnings());
        output.print_findings(draft.unknown_fields());
        let plaintext = draft.plaintext()?;
        let storage = if self.allow_disk { PlaintextStorage::Disk } else { PlaintextStorage::Memory };
        let temporary = TempDirs::of(variable);
        let directory = PrivateDirectory::new(&temporary, storage)?;
        output.print_findings(directory.keep_path().iter().map(|directory| kept_draft_warning(directory)).collect());
        let mut author = TerminalEditPrompt { output };
        let waiting = |name: &str| output.print_waiting(name);
        let mut unchecked = Diagnostics::new();
        let saved = edit_text(&name, &plaintext, &editor, directory, &mut author, |text| {
            unchecked = draft.check_layer(&plaintext, text)?;
            draft.save_text(text, current_time(), &waiting)
        })?;
        output.print_findings(unchecked);
        match saved {
            None => output.print_note(&format!("septum: `{name}` was not changed")),
            Some(SaveOutcome::AsTyped) => {}
            Some(SaveOutcome::Merged) => output.print_note(&format!(
                "septum: someone else changed `{name}` during the edit; both changes were merged"
            )),
        }
        Ok(())
    }
}

impl EditArgs {
    fn path(&self, global: &GlobalArgs) -> Result<PathBuf, Diagnostics> {
        match ValueTarget::from_word(global, &self.target)? {
            ValueTarget::File(file) => Ok(global.directory.join(file)),
            ValueTarget::Environment(project, environment) => {
                let pipeline = Pipeline::new(&project, user_identities());
                let named = self.app.as_slice();
                let mut apps = find_apps(&pipeline, &project, named)?;
                apps.retain(|app| app.environments.contains(&environment));
                match apps.as_slice() {
                    [app] => {
                        let path = app.secrets_file(&environment);
                        project.files.writable_path(FileKind::Layer, &path)?;
                        Ok(path)
                    }
                    apps => Err(which_app(&pipeline, apps, &environment)),
                }
            }
        }
    }
}

pub(super) fn which_app(pipeline: &Pipeline<'_>, apps: &[&App], environment: &EnvironmentName) -> Diagnostics {
    let error = invalid_usage(format!("{} apps have the environment `{environment}`", apps.len()));
    let choice = pipeline.library.choose_app(apps.iter().copied());
    choice.labels.into_iter().fold(error, Diagnostic::note).hint(choice.hint).into()
}

/// Reminder of a text that an earlier run could not save.
fn kept_draft_warning(directory: &Path) -> Diagnostic {
    let (shown, word) = (directory.display(), shell_path(directory));
    Diagnostic::warning(Rule::KeptText, format!("text from an earlier `septum edit` is kept in `{shown}`"))
        .hint(format!("it contains secrets: recover what you need, then run `rm -r {word}`"))
}

/// The interactive user.
struct TerminalEditPrompt<'a> {
    output: &'a OutputStreams,
}

impl EditPrompt for TerminalEditPrompt<'_> {
    fn ask_again(&mut self, findings: &Diagnostics) -> EditReply {
        if !is_attended() {
            return EditReply::Nobody;
        }
        self.output.print_findings(findings.clone());
        to_answer(press_enter("Press Enter to open the editor again, or q and Enter to leave the file unchanged:"))
    }

    fn ask_ready(&mut self, editor: &str) -> EditReply {
        if !is_attended() {
            return EditReply::Nobody;
        }
        to_answer(press_enter(&format!(
            "`{editor}` returned immediately. If it is still open, save the file, then press Enter:"
        )))
    }
}

fn to_answer(yes: Option<bool>) -> EditReply {
    match yes {
        Some(true) => EditReply::Yes,
        Some(false) => EditReply::No,
        // a hangup does not discard the text
        None => EditReply::Nobody,
    }
}
