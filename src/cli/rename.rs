//! `septum rename`

use clap::Args;

use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::{OutputStreams, invalid_usage};
use super::{GlobalArgs, find_apps, user_identities};
use septum::diagnostic::{Diagnostics, StyledText};
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::rename::{RenameOutcome, RenamePlan, RenameRequest, is_key_text};
use septum::view::variable::VARIABLES;

/// Rename a key in all layers, encrypted files, templates and manifests
///
/// Changes all files or none. Encrypted files that set the key require an identity: the ciphertext of a value is bound
/// to its key; all other values keep theirs. Before anything is written, the project is resolved with the new name:
/// every value and every reference must be as before. A template that computes names of keys is an error.
///
/// Also completes a renaming that `renamedFrom` has begun. Prints each place with the kind of the name: `key`,
/// `template`, `reference`, `allow`. Variables are not renamed.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct RenameArgs {
    /// Key, or BUNDLE/KEY
    #[arg(value_name = "KEY", add = super::completions::keys())]
    key: String,
    /// New name
    #[arg(value_name = "NEW")]
    new: String,
    /// App, if several have the key
    #[arg(long, value_name = "APP", add = super::completions::apps())]
    app: Option<String>,
    /// Bundle, if several have the key
    #[arg(long, value_name = "BUNDLE", add = super::completions::bundles())]
    bundle: Option<String>,
    /// Print the places, and change no file
    #[arg(long)]
    dry_run: bool,
}

/// Help of `septum rename`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Show what would change", "septum rename LOG_LEVEL LOG_VERBOSITY --dry-run"),
        ("Rename a key", "septum rename LOG_LEVEL LOG_VERBOSITY"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities],
};

impl RenameArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        if !is_key_text(&self.new) {
            let error = invalid_usage("NEW is not a valid key".to_owned());
            return Err(error.hint("keys consist of letters, digits, `-`, `_` and `.`").into());
        }
        if self.bundle.is_none() && self.key.starts_with(VARIABLES) {
            return Err(invalid_usage("KEY is a variable, and `rename` renames keys of bundles".to_owned())
                .hint("change the name in `vars` of each layer and in each template that reads it")
                .hint("`septum explain vars.NAME` shows these layers and readers; `septum check` finds what was missed")
                .into());
        }
        if self.new == self.key {
            return Err(invalid_usage("KEY and NEW are the same".to_owned()).into());
        }
        let project = Project::discover(&global.directory)?;
        let pipeline = Pipeline::new(&project, user_identities());
        let apps = find_apps(&pipeline, &project, self.app.as_slice())?;
        let (bundle, key) = match self.key.split_once('/') {
            Some((bundle, key)) if self.bundle.is_none() => (Some(bundle), key),
            _ => (self.bundle.as_deref(), self.key.as_str()),
        };
        let request = RenameRequest {
            pipeline: &pipeline,
            apps: &apps,
            bundle,
            old: key,
            new: &self.new,
            identities: user_identities,
            now: current_time(),
        };
        match request.plan()? {
            RenameOutcome::Nothing(why) => {
                output.print_note(&format!("septum: nothing to rename: {why}"));
                Ok(())
            }
            RenameOutcome::Planned(plan) => self.finish(plan, output),
        }
    }

    fn finish(&self, mut plan: RenamePlan, output: &OutputStreams) -> Result<(), Diagnostics> {
        output.print_findings(std::mem::take(&mut plan.warnings));
        let mut text = StyledText::new();
        for place in &plan.places {
            text.push_line(format!("{}:{}:{}  {}", place.file, place.line, place.column, place.kind.as_str()));
        }
        let (key, count) = (plan.from.clone(), plan.count_files());
        let files = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let readers = std::mem::take(&mut plan.readers);
        let verb = if self.dry_run { "would rename" } else { "renamed" };
        if !self.dry_run {
            plan.write_files(&|name| output.print_waiting(name))?;
        }
        output.print_text(&text)?;
        output.print_note(&format!("septum: {verb} `{key}` in {files}"));
        for reader in readers {
            output.print_note(&format!("septum: {reader} reads all keys, and gets the new name of `{key}`"));
        }
        Ok(())
    }
}
