//! `septum explain`

use clap::Args;

use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::{GlobalArgs, ViewFormat, argument, find_apps, user_identities};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, StyledText};
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::Project;
use crate::view::explain::{Explanation, HistoryStep, explain_key};
use crate::view::lifecycle::LifecycleView;
use crate::visibility::KeyAccess;

/// Show where a value comes from, and why it is in a ConfigMap or a Secret
///
/// Prints the object that contains the key, the layers that set it, the reasons of the decision, and the workloads that
/// use it. Reads the layers of the project. Uses no key: secrets are neither decrypted nor shown.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ExplainArgs {
    /// Environment
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environment: String,
    /// Key, as `septum list` shows it
    #[arg(value_name = "KEY", add = super::completions::keys())]
    key: String,
    /// Show the key only of this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Show the key only of this bundle
    #[arg(long, value_name = "BUNDLE", add = super::completions::bundles())]
    bundle: Option<String>,
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: ViewFormat,
}

/// Help of `septum explain`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Show why a key is in a Secret", "septum explain prod DATABASE_URL"),
        ("Print the same for a program", "septum explain prod DATABASE_URL --format json"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project],
};

impl ExplainArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let environment = super::find_environment(&project, &self.environment)
            .map_err(|unknown| unknown.maybe_hint(argument::reversed_hint(&self.key, &project.environments())))?;
        let pipeline = Pipeline::new(&project, user_identities());
        let mut problems = Diagnostics::new();
        let mut explanations = Vec::new();
        let (mut known, mut beside, mut renamed) = (Vec::new(), Vec::new(), None);
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        for app in &apps {
            if !app.environments.contains(&environment) {
                continue;
            }
            let asked = std::slice::from_ref(&environment);
            let Some(survey) =
                pipeline.survey(app, SurveyOptions::showing(asked, KeyAccess::StructureOnly), &mut problems)
            else {
                continue;
            };
            explanations.extend(self.matching_explanations(&pipeline, &survey, &environment));
            let keys = survey.environments.iter().flat_map(|resolved| resolved.entries.keys());
            known.extend(keys.map(|id| id.key.as_str().to_owned()));
            let definitions = survey.environments.iter().map(|resolved| &resolved.definition);
            renamed = definitions.into_iter().find_map(|it| it.renamed_entry(&self.key)).or(renamed);
            beside.push(survey.beside);
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let asked = std::slice::from_ref(&environment);
        super::show_beside(&project, apps, asked, &beside.iter().collect::<Vec<_>>(), output)?;
        if explanations.is_empty() {
            let (message, near) = argument::unknown_name("key", &self.key, known.iter().map(String::as_str));
            let hint = renamed.map(|id| format!("it was renamed to `{}`", id.key)).or(near);
            return Err(Diagnostic::error(Rule::UnknownKey, format!("{message} in `{environment}`"))
                .maybe_hint(hint)
                .hint("`septum list` shows all keys")
                .into());
        }
        match self.format {
            ViewFormat::Json => match explanations.as_slice() {
                // one explanation by itself, several as a list
                [one] => output::print_json(one),
                several => output::print_json(&several),
            },
            ViewFormat::Text => {
                let mut all = StyledText::new();
                for found in &explanations {
                    if !all.is_empty() {
                        all.end_line();
                    }
                    all.append(explanation_text(found, &environment));
                }
                output.print_text(&all)
            }
        }
    }

    fn matching_explanations(
        &self,
        pipeline: &Pipeline<'_>,
        survey: &Survey,
        environment: &EnvironmentName,
    ) -> Vec<Explanation> {
        let Some(resolved) = survey.environment(environment) else { return Vec::new() };
        let wanted = |id: &&EntryId| {
            id.key.as_str() == self.key && self.bundle.as_ref().is_none_or(|bundle| id.bundle.as_str() == bundle)
        };
        let ids: Vec<_> = resolved.entries.keys().filter(wanted).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let consumers = pipeline.consumers(survey, resolved);
        let explained = |id| explain_key(survey, id, environment, consumers.consumers(id));
        ids.into_iter().filter_map(explained).collect()
    }
}

fn explanation_text(found: &Explanation, environment: &EnvironmentName) -> StyledText {
    let mut out = StyledText::new();
    let row = &found.row;
    let object = found
        .object
        .as_ref()
        .map_or_else(|| "no object".to_owned(), |object| format!("{} `{}`", object.kind, object.name));
    out.push_line(format!("{} in {environment} → {object}", row.key));
    if let Some(description) = &found.description {
        out.push_indented("  ", description.trim_end());
    }
    let value = found.absent.map_or_else(|| found.value.clone().unwrap_or_default(), str::to_owned);
    push_heading(&mut out, "value");
    match value.strip_suffix('\n').unwrap_or(&value) {
        "" => out.push_line("  \"\""),
        lines => out.push_indented("  ", lines),
    }
    let width = found.history.iter().map(|step| step.layer.chars().count()).max().unwrap_or_default();
    push_heading(&mut out, "history");
    for step in &found.history {
        out.push_line(format!("  {:width$}  {}  {}", step.layer, step.source, step_text(step)));
    }
    push_heading(&mut out, "reasons");
    for reason in &row.reasons {
        out.push_line(format!("  {:9}  {}  ({})", reason.layer, reason.detail, reason.source));
    }
    for reason in &found.row.overruled {
        out.push_line(format!("  {:9}  {}, overruled  ({})", reason.layer, reason.detail, reason.source));
    }
    for lifted in &found.declassified {
        out.push_line(format!("  {:9}  {} is declassified: {}", "derived", lifted.read, lifted.reason));
    }
    push_lifecycle(&mut out, &found.lifecycle);
    if !found.consumers.is_empty() {
        push_heading(&mut out, "consumers");
        found.consumers.iter().for_each(|consumer| out.push_line(format!("  {consumer}")));
    }
    if !found.uses.is_empty() {
        push_heading(&mut out, "uses");
        out.push_line(format!("  {}", found.uses.join(", ")));
    }
    out
}

/// The lifecycle rules, each with its location.
fn push_lifecycle(out: &mut StyledText, lifecycle: &LifecycleView) {
    if lifecycle.rules.is_empty() {
        return;
    }
    push_heading(out, "lifecycle");
    let width = lifecycle.rules.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    for (name, text, place) in &lifecycle.rules {
        out.push_line(format!("  {name:width$}  {}  ({place})", text.trim_end().replace('\n', " ")));
    }
}

fn step_text(step: &HistoryStep) -> String {
    match (step.change, &step.value) {
        ("value", Some(value)) if !value.contains('\n') => format!("value {value}"),
        ("value", Some(_)) => "value (several lines)".to_owned(),
        ("value", None) => "value [secret]".to_owned(),
        ("rules", _) => "rules only".to_owned(),
        ("merged", _) => "merged".to_owned(),
        ("removed", _) => "removed".to_owned(),
        (change, Some(value)) => format!("{change} {value}"),
        (change, None) => change.to_owned(),
    }
}

fn push_heading(out: &mut StyledText, heading: &str) {
    out.end_line();
    out.push_line(heading);
}
