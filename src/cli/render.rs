//! `septum render`

use clap::Args;

use super::output::{self, Output, invalid_usage};
use super::{Global, apps, environments, identities};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::emit::{self, ManifestFormat};
use crate::name::EnvironmentName;
use crate::object::{Day, Rendered, Reveal};
use crate::pipeline::Pipeline;
use crate::project::{App, Project};
use crate::span::Source;

/// Write the manifests of environments to standard output.
///
/// Each bundle gives a ConfigMap with its plain entries and a Secret with its sensitive ones.
/// Nothing is written unless everything is in order; all mistakes are shown together.
#[derive(Debug, Args)]
pub(super) struct Render {
    /// The environments
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environments: Vec<String>,
    /// Render every environment
    #[arg(long, conflicts_with = "environments")]
    all: bool,
    /// Only this app (may be given several times)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// yaml, json or kyaml
    #[arg(long, value_name = "FORMAT", default_value = "yaml", hide_default_value = true)]
    format: ManifestFormat,
    /// Warn of certificates that are not valid on this day (the clock is never asked)
    #[arg(long, value_name = "YYYY-MM-DD")]
    at: Option<Day>,
    /// Show the values of Secrets on a terminal (a pipe always gets them)
    #[arg(long)]
    reveal: bool,
}

impl Render {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        if self.environments.is_empty() && !self.all {
            return Err(none_named(&project).into());
        }
        let wanted = environments(&project, &self.environments)?;
        let pipeline = Pipeline::new(&project, identities()).at(self.at);
        let apps = apps(&pipeline, &project, &self.apps)?;
        let objects = self.objects(&pipeline, &apps, &wanted, output)?;
        let reveal = if output::is_terminal() && !self.reveal { Reveal::Nothing } else { Reveal::Values };
        output::result(&emit::write(&objects, self.format, reveal))?;
        if reveal == Reveal::Nothing && objects.iter().any(Rendered::is_secret) {
            output.say("septum: the values of Secrets are hidden on a terminal; `--reveal` shows them");
        }
        Ok(())
    }

    /// The objects of all targets in the order in which they are written, or all that is wrong.
    fn objects(
        &self,
        pipeline: &Pipeline<'_>,
        apps: &[&App],
        wanted: &[EnvironmentName],
        output: &Output,
    ) -> Result<Vec<Rendered>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut objects: Vec<(String, Rendered)> = Vec::new();
        for app in apps {
            let of_app: Vec<_> = wanted.iter().filter(|name| app.environments.contains(name)).cloned().collect();
            if of_app.is_empty() {
                problems.extend(self.lacks_environments(pipeline, app, wanted)?);
                continue;
            }
            let Some(survey) = pipeline.survey(app, &of_app, &mut problems) else { continue };
            for environment in &of_app {
                let built = pipeline.objects(&survey, environment, &mut problems).whole;
                output.detail(|| {
                    let files = survey.environment(environment).map(|found| found.definition.files.as_slice());
                    let names: Vec<_> = files.unwrap_or_default().iter().map(Source::name).collect();
                    format!(
                        "septum: {} in {environment}: {} objects from {}",
                        survey.app,
                        built.len(),
                        names.join(", ")
                    )
                });
                objects.extend(built.into_iter().map(|object| (survey.app.as_str().to_owned(), object)));
            }
        }
        problems.extend(emit::clashes(&objects));
        if problems.has_errors() {
            return Err(problems);
        }
        output.show(problems);
        let mut objects: Vec<_> = objects.into_iter().map(|(_, object)| object).collect();
        objects.sort_by(|a, b| (a.environment(), a.identity()).cmp(&(b.environment(), b.identity())));
        Ok(objects)
    }

    /// An app that was asked for by name, and has none of the environments.
    fn lacks_environments(
        &self,
        pipeline: &Pipeline<'_>,
        app: &App,
        wanted: &[EnvironmentName],
    ) -> Result<Option<Diagnostic>, Diagnostics> {
        if self.apps.is_empty() {
            return Ok(None);
        }
        let name = pipeline.library.app_name(app)?;
        let wanted: Vec<_> = wanted.iter().map(|name| format!("`{name}`")).collect();
        let has: Vec<_> = app.environments.iter().map(|name| format!("`{name}`")).collect();
        Ok(Some(
            Diagnostic::error(
                "unknown-environment",
                format!("the app `{name}` has no environment {}", wanted.join(", ")),
            )
            .note(format!("it has {}", has.join(", "))),
        ))
    }
}

/// That it was not said what to render. All of them is not what `render` alone should mean.
fn none_named(project: &Project) -> Diagnostic {
    let names: Vec<_> = project.environments().into_iter().map(|name| format!("`{name}`")).collect();
    invalid_usage("no environment was named".to_owned())
        .note(format!("the environments are {}", names.join(", ")))
        .hint("name one or more, or say `--all`")
}
