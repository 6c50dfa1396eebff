//! `septum get`

use std::path::Path;

use clap::Args;

use super::decrypt::extract_value;
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::target::{NamedEntry, ValueArg, ValueTarget};
use super::{GlobalArgs, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, Severity};
use septum::name::{EntryId, EnvironmentName, KeyName};
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::resolve::{EntryOutcome, StoreText};
use septum::secret_files::SecretFile;
use septum::sops::{SopsConfigCache, policy};
use septum::visibility::KeyAccess;

/// Print one decrypted value
///
/// With an environment, KEY is a key or a variable as `septum list` shows it, and the rendered value is printed, with
/// its templates evaluated. With a file, KEY is a path such as `data.hosts[0]`. A newline is added only on a terminal.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct GetArgs {
    #[command(flatten)]
    spot: ValueArg,
}

/// Help of `septum get`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Print a rendered value", "septum get prod DATABASE_URL"),
        ("Print a value of any encrypted file", "septum get environments/prod.secrets.yaml data.DATABASE_PASSWORD"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities],
};

impl GetArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        match self.spot.find_target(global)? {
            ValueTarget::Environment(project, environment) => self.of_environment(&project, &environment, output),
            ValueTarget::File(file) => self.of_file(global, &file, output),
        }
    }

    fn of_environment(
        &self,
        project: &Project,
        environment: &EnvironmentName,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let pipeline = Pipeline::new(project, user_identities());
        if let Some(path) = self.spot.variable() {
            return self.of_variable(&pipeline, project, environment, path, output);
        }
        let NamedEntry { app, id, .. } = self.spot.entry(&pipeline, project, environment, output)?;
        let mut problems = Diagnostics::new();
        let asked = std::slice::from_ref(environment);
        let survey =
            pipeline.survey(app, SurveyOptions::showing(asked, KeyAccess::Decrypt).of_single_entries(), &mut problems);
        let resolved = survey.as_ref().and_then(|survey| survey.environment(environment));
        match resolved.and_then(|resolved| resolved.entries.get(&id)).map(|value| &value.outcome) {
            // problems of other values do not matter here
            Some(EntryOutcome::Known(value)) => {
                output
                    .print_findings(problems.into_iter().filter(|found| found.severity == Severity::Warning).collect());
                print_value(value.bytes())
            }
            Some(EntryOutcome::Missing) => {
                let message = format!("`{}` has no value in `{environment}`", id.key);
                let words = resolved.map(|resolved| resolved.definition.command_words(environment.as_str(), &id));
                let hint = format!("run `septum set {}` to set it", words.unwrap_or_default());
                Err(Diagnostic::error(Rule::MissingValue, message).hint(hint).into())
            }
            Some(EntryOutcome::Pointed(pointed)) => Err(in_a_store(&id.key, environment, pointed).into()),
            None if !problems.has_errors() => Err(part_of_a_login(&id).into()),
            Some(EntryOutcome::Locked(_) | EntryOutcome::Failed) | None => Err(problems),
        }
    }

    fn of_variable(
        &self,
        pipeline: &Pipeline<'_>,
        project: &Project,
        environment: &EnvironmentName,
        path: &str,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let (app, survey) = self.spot.app_of_variable(pipeline, project, environment, path, output)?;
        let mut problems = Diagnostics::new();
        match pipeline.variable(app, environment, path, &mut problems).map(|value| value.outcome) {
            Some(EntryOutcome::Known(value)) => {
                output
                    .print_findings(problems.into_iter().filter(|found| found.severity == Severity::Warning).collect());
                print_value(value.bytes())
            }
            Some(EntryOutcome::Pointed(_)) => {
                let message = format!("a part of `vars.{path}` in `{environment}` is in an external store");
                Err(Diagnostic::error(Rule::MissingValue, message).hint("read it from the store").into())
            }
            _ if problems.has_errors() => Err(problems),
            _ => {
                let message = format!("`vars.{path}` has no value in `{environment}`");
                let words = survey
                    .environment(environment)
                    .map(|resolved| resolved.definition.variable_words(environment.as_str(), path));
                let hint = format!("run `septum set {}` to set it, encrypted", words.unwrap_or_default());
                Err(Diagnostic::error(Rule::MissingValue, message).hint(hint).into())
            }
        }
    }

    fn of_file(&self, global: &GlobalArgs, file: &Path, output: &OutputStreams) -> Result<(), Diagnostics> {
        let path = self.spot.path()?;
        let file = SecretFile::read(&global.directory, file, None)?;
        let format = file.format;
        let (target, name, closed) = file.into_encrypted()?;
        let report = policy::report_drift(&SopsConfigCache::default(), &target, &name, closed.metadata(), format);
        let sealed = closed
            .decrypt_to_read(&user_identities())
            .map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let (_, value) = extract_value(&sealed, self.spot.document(), &path, format, &name)?;
        output.print_findings(report);
        print_value(&value)
    }
}

/// Prints the value; adds a newline only on a terminal.
fn print_value(value: &[u8]) -> Result<(), Diagnostics> {
    output::print_bytes(value)?;
    if output::is_terminal() && !value.ends_with(b"\n") { output::print_bytes(b"\n") } else { Ok(()) }
}

/// Error: a field of a login has no value of its own in an environment.
fn part_of_a_login(id: &EntryId) -> Diagnostic {
    let message = format!("`{}` is a part of a value, which is generated from all registries", id.key);
    Diagnostic::error(Rule::Usage, message)
        .hint(format!("`septum list` shows the key of the whole, in the bundle `{}`", id.bundle))
        .hint("with the file instead of the environment, `septum get FILE PATH` prints the part that it contains")
}

/// Error: there is no value to print, because it is in a store.
fn in_a_store(key: &KeyName, environment: &EnvironmentName, pointed: &StoreText) -> Diagnostic {
    let message = format!("the value of `{key}` in `{environment}` is in an external store");
    let error = Diagnostic::error(Rule::MissingValue, message);
    match pointed.lone_ref() {
        Some(pointer) => error.note(format!("it is a `ref` to `{}`", pointer.to_short())),
        None => error.note("parts of it are `ref`s"),
    }
    .hint("read it from the store")
}
