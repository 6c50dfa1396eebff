//! `septum get`

use std::path::Path;

use clap::Args;

use super::decrypt::extract;
use super::output::{self, Output};
use super::target::{Named, Spot, Target};
use super::{Global, identities};
use crate::at_rest::SecretFile;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::name::{EnvironmentName, KeyName};
use crate::pipeline::Pipeline;
use crate::project::Project;
use crate::resolve::{Outcome, Pointed};
use crate::sops::{RuleBook, policy};

/// Print one value, decrypted.
///
/// With an environment, KEY is a key as `septum list` shows it, and the value is the one that is
/// rendered, templates and all. With a file, KEY is a path: `data.hosts[0]`. The value is printed as it
/// is, without a line break behind it unless a terminal shows it.
#[derive(Debug, Args)]
pub(super) struct Get {
    #[command(flatten)]
    spot: Spot,
}

impl Get {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        match self.spot.target(global)? {
            Target::Environment(project, environment) => self.of_environment(&project, &environment, output),
            Target::File(file) => self.of_file(global, &file, output),
        }
    }

    fn of_environment(
        &self,
        project: &Project,
        environment: &EnvironmentName,
        output: &Output,
    ) -> Result<(), Diagnostics> {
        let pipeline = Pipeline::new(project, identities());
        let Named { app, id, .. } = self.spot.entry(&pipeline, project, environment, output)?;
        let mut problems = Diagnostics::new();
        let asked = std::slice::from_ref(environment);
        let survey = pipeline.survey_asked(app, asked, asked, &mut problems);
        let resolved = survey.as_ref().and_then(|survey| survey.environment(environment));
        match resolved.and_then(|resolved| resolved.entries.get(&id)).map(|value| &value.outcome) {
            // what is wrong with other values is no matter here
            Some(Outcome::Known(value)) => {
                output.show(problems.into_iter().filter(|found| found.severity == Severity::Warning).collect());
                print(value.bytes())
            }
            Some(Outcome::Missing) => {
                let message = format!("`{}` has no value in `{environment}`", id.key);
                let hint = format!("`septum set {environment} {}` gives it one", id.key);
                Err(Diagnostic::error("missing-value", message).hint(hint).into())
            }
            Some(Outcome::Pointed(pointed)) => Err(in_a_store(&id.key, environment, pointed).into()),
            Some(Outcome::Locked(_) | Outcome::Failed) | None => Err(problems),
        }
    }

    fn of_file(&self, global: &Global, file: &Path, output: &Output) -> Result<(), Diagnostics> {
        let path = self.spot.path()?;
        let file = SecretFile::read(&global.directory, file, None)?;
        let format = file.format;
        let (target, name, closed) = file.closed()?;
        let report = policy::report(&RuleBook::default(), &target, &name, closed.metadata(), format);
        let sealed =
            closed.open_to_read(&identities()).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let (_, value) = extract(&sealed, self.spot.document(), &path, format, &name)?;
        output.show(report);
        print(&value)
    }
}

/// A value as it is; people get the line break that programs must not.
fn print(value: &[u8]) -> Result<(), Diagnostics> {
    output::bytes(value)?;
    if output::is_terminal() && !value.ends_with(b"\n") { output::bytes(b"\n") } else { Ok(()) }
}

/// That there is no value to print: a store has it.
fn in_a_store(key: &KeyName, environment: &EnvironmentName, pointed: &Pointed) -> Diagnostic {
    let message = format!("the value of `{key}` stays in a store in `{environment}`");
    let error = Diagnostic::error("missing-value", message);
    match pointed.lone() {
        Some(pointer) => error.note(format!("it is a `ref` to `{}`", pointer.to_short())),
        None => error.note("parts of it are"),
    }
    .hint("ask the store for it")
}
