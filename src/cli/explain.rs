//! `septum explain`

use std::fmt::Write as _;

use clap::Args;

use super::output;
use super::{Global, ViewFormat, apps, identities};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::{Pipeline, Survey};
use crate::project::Project;
use crate::view::explain::{Explanation, Step, explain};

/// Tell where a value comes from, which layers it passed, to which object it goes, and why.
///
/// Needs no key: values of secrets are neither decrypted nor shown.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The environment
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environment: String,
    /// The key
    #[arg(value_name = "KEY", add = super::completions::keys())]
    key: String,
    /// Only of this app
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Only of this bundle
    #[arg(long, value_name = "BUNDLE")]
    bundle: Option<String>,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: ViewFormat,
}

impl Explain {
    pub(super) fn run(&self, global: &Global) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let environment = project.environment(&self.environment)?;
        let pipeline = Pipeline::new(&project, identities());
        let mut problems = Diagnostics::new();
        let mut explanations = Vec::new();
        let mut known = Vec::new();
        for app in apps(&pipeline, &project, &self.apps)? {
            if !app.environments.contains(&environment) {
                continue;
            }
            let rendered = std::slice::from_ref(&environment);
            let Some(survey) = pipeline.survey_with(app, &[], rendered, &mut problems) else { continue };
            explanations.extend(self.matching(&pipeline, &survey, &environment));
            let keys = survey.environments.iter().flat_map(|resolved| resolved.entries.keys());
            known.extend(keys.map(|id| id.key.as_str().to_owned()));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        if explanations.is_empty() {
            return Err(Diagnostic::error("unknown-key", format!("`{}` is not defined in `{environment}`", self.key))
                .maybe_hint(did_you_mean(&self.key, known.iter().map(String::as_str)))
                .hint("`septum list` shows all keys")
                .into());
        }
        match self.format {
            ViewFormat::Json => output::result(&json(&explanations)),
            ViewFormat::Text => {
                let texts: Vec<_> = explanations.iter().map(|found| text(found, &environment)).collect();
                output::result(&texts.join("\n"))
            }
        }
    }

    fn matching(&self, pipeline: &Pipeline<'_>, survey: &Survey, environment: &EnvironmentName) -> Vec<Explanation> {
        let Some(resolved) = survey.environment(environment) else { return Vec::new() };
        let wanted = |id: &&EntryId| {
            id.key.as_str() == self.key && self.bundle.as_ref().is_none_or(|bundle| id.bundle.as_str() == bundle)
        };
        let explained = |id| explain(survey, id, environment, pipeline.consumers(survey, environment, id));
        resolved.entries.keys().filter(wanted).filter_map(explained).collect()
    }
}

/// One explanation by itself, several as a list.
fn json(explanations: &[Explanation]) -> String {
    let text = match explanations {
        [one] => serde_json::to_string_pretty(one),
        several => serde_json::to_string_pretty(several),
    };
    // only texts and lists of them: there is nothing that JSON could not hold
    text.unwrap_or_default() + "\n"
}

fn text(found: &Explanation, environment: &EnvironmentName) -> String {
    let mut out = String::new();
    let row = &found.row;
    let object = found
        .object
        .as_ref()
        .map_or_else(|| "no object".to_owned(), |object| format!("{} `{}`", object.kind, object.name));
    let _ = writeln!(out, "{} in {environment} → {object}", row.key);
    if let Some(description) = &found.description {
        let _ = writeln!(out, "  {description}");
    }
    let value = found.absent.map_or_else(|| found.value.clone().unwrap_or_default(), str::to_owned);
    let _ = writeln!(out, "\nvalue\n{}", indented(&value));
    let width = found.history.iter().map(|step| step.layer.chars().count()).max().unwrap_or_default();
    out.push_str("\nhistory\n");
    for step in &found.history {
        let _ = writeln!(out, "  {:width$}  {}  {}", step.layer, step.source, step_text(step));
    }
    out.push_str("\nreasons\n");
    for reason in &row.reasons {
        let _ = writeln!(out, "  {:9}  {}  ({})", reason.layer, reason.detail, reason.source);
    }
    for reason in &found.row.overruled {
        let _ = writeln!(out, "  {:9}  {}, which does not decide  ({})", reason.layer, reason.detail, reason.source);
    }
    for lifted in &found.declassified {
        let _ = writeln!(out, "  {:9}  `declassify` lifts {}: {}", "derived", lifted.read, lifted.reason);
    }
    if !found.consumers.is_empty() {
        let _ = writeln!(out, "\nconsumers\n  {}", found.consumers.join("\n  "));
    }
    if !found.uses.is_empty() {
        let _ = writeln!(out, "\nuses\n  {}", found.uses.join(", "));
    }
    out
}

fn step_text(step: &Step) -> String {
    match (step.change, &step.value) {
        ("value", Some(value)) if !value.contains('\n') => format!("value {value}"),
        ("value", Some(_)) => "value (several lines)".to_owned(),
        ("value", None) => "value [secret]".to_owned(),
        ("rules", _) => "rules only".to_owned(),
        ("merged", _) => "merged into it".to_owned(),
        ("removed", _) => "removed".to_owned(),
        (change, Some(value)) => format!("{change} {value}"),
        (change, None) => change.to_owned(),
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("  {line}")).collect();
    if lines.is_empty() { "  \"\"".to_owned() } else { lines.join("\n") }
}
