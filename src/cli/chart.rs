//! `septum render --format helm-values` and `--format helm-values-schema`

use super::output::{self, OutputStreams, invalid_usage};
use septum::diagnostic::Diagnostics;
use septum::name::{EntryId, EnvironmentName};
use septum::neighbours::{ValueMapping, chart_schema, chart_values, files_in_values};
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::App;
use septum::route::Sensitivity;
use septum::visibility::{KeyAccess, OnMissingKey};

/// Output for a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChartOutput {
    /// `values.yaml`
    Values,
    /// `values.schema.json`
    Schema,
}

/// Request for the values of a chart, or their schema.
pub(super) struct ChartRequest<'a> {
    pub(super) output: ChartOutput,
    pub(super) apps: &'a [&'a App],
    pub(super) environments: &'a [EnvironmentName],
    pub(super) mappings: &'a [ValueMapping],
    /// Whether secrets may be shown on a terminal.
    pub(super) reveal: bool,
}

impl ChartRequest<'_> {
    /// Prints the values of the app, or their schema.
    pub(super) fn print(&self, pipeline: &Pipeline<'_>, output: &OutputStreams) -> Result<(), Diagnostics> {
        let [environment] = self.environments else {
            return Err(invalid_usage("the values of a chart are those of one environment".to_owned())
                .hint("specify one: `septum render ENV --format helm-values`")
                .into());
        };
        let apps: Vec<_> = self.apps.iter().filter(|app| app.environments.contains(environment)).collect();
        let [app] = apps.as_slice() else {
            let choice = pipeline.library.choose_app(apps.iter().map(|app| **app));
            return Err(invalid_usage("the values of a chart are those of one app".to_owned())
                .note(format!("the apps of `{environment}` are {}", choice.labels.join(", ")))
                .hint(choice.hint)
                .into());
        };
        let mut problems = Diagnostics::new();
        let asked = std::slice::from_ref(environment);
        // a schema has no values
        let options = match self.output {
            ChartOutput::Values => SurveyOptions::values(asked),
            ChartOutput::Schema => SurveyOptions::showing(asked, KeyAccess::PublicView),
        };
        let survey = pipeline.survey(app, options, &mut problems);
        let Some((survey, resolved)) =
            survey.as_ref().and_then(|survey| Some((survey, survey.environment(environment)?)))
        else {
            return Err(problems);
        };
        if self.output == ChartOutput::Schema {
            if problems.has_errors() {
                return Err(problems);
            }
            return output::print_result(&chart_schema(survey, resolved, self.mappings)?);
        }
        let all = |_: &EntryId| true;
        pipeline.check_values(survey, resolved, OnMissingKey::Fail, &all, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        let (text, sensitivity) = chart_values(resolved, &survey.routing, self.mappings)?;
        if output::is_terminal() && !self.reveal && sensitivity == Sensitivity::Sensitive {
            return Err(invalid_usage("the output contains secrets, and standard output is a terminal".to_owned())
                .hint("use `--reveal` to show them")
                .into());
        }
        problems.extend(files_in_values(resolved, self.mappings));
        output.print_findings(problems);
        output::print_result(&text)
    }
}
