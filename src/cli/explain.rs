//! `septum explain`

use clap::Args;

use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::{GlobalArgs, ViewFormat, argument, find_apps, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, StyledText};
use septum::manifest::manifest_as_bundle;
use septum::map::IndexSet;
use septum::name::{EntryId, EnvironmentName};
use septum::pipeline::{Pipeline, Survey, SurveyOptions};
use septum::project::Project;
use septum::resolve::ResolvedTarget;
use septum::route::Contradiction;
use septum::sort::CollectSorted;
use septum::view::explain::explain_key;
use septum::view::explain_text::{KeyExplanations, fold_explanations};
use septum::view::secret_filter::SecretFilter;
use septum::view::stack_order;
use septum::view::variable::{VARIABLES, explain_variable};
use septum::visibility::KeyAccess;

/// Show where a value comes from, and why it is in a ConfigMap or a Secret
///
/// Prints the object that contains the key, the layers that set it, the reasons of the decision, and the workloads that
/// use it; for a variable, the entries that read it. Without ENV, environments with the same explanation are together.
///
/// Reads the layers of the project. Uses no key: secrets are neither decrypted nor shown.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text(), allow_missing_positional = true)]
pub(super) struct ExplainArgs {
    /// Environment [default: all]
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environment: Option<String>,
    /// Key or variable, as `septum list` shows it
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
        ("Show a key in all environments", "septum explain LOG_LEVEL"),
        ("Show where a variable is set, and what reads it", "septum explain prod vars.domain"),
        ("Print the same for a program", "septum explain prod DATABASE_URL --format json"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project],
};

impl ExplainArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let environments = self.find_environments(&project)?;
        let pipeline = Pipeline::new(&project, user_identities());
        let mut problems = Diagnostics::new();
        let mut surveys = Vec::new();
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        for app in &apps {
            if environments.iter().any(|environment| app.environments.contains(environment)) {
                let options = SurveyOptions::showing(&environments, KeyAccess::PublicView).of_single_entries();
                surveys.extend(pipeline.survey(app, options, &mut problems));
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let beside: Vec<_> = surveys.iter().map(|survey| &survey.beside).collect();
        super::show_beside(&project, apps, &environments, &beside, output)?;
        let found: Vec<KeyExplanations> = surveys.iter().flat_map(|survey| self.explain(&pipeline, survey)).collect();
        if found.is_empty() {
            return Err(self.unknown_key(&project, &surveys).into());
        }
        let is_explained = |contradiction: &Contradiction| {
            self.is_wanted(&contradiction.id) && environments.contains(&contradiction.environment)
        };
        let of_key = super::show_contradictions(&surveys, is_explained, output);
        self.show(&found, output)?;
        of_key
    }

    fn show(&self, found: &[KeyExplanations], output: &OutputStreams) -> Result<(), Diagnostics> {
        match self.format {
            ViewFormat::Json => {
                let all: Vec<_> = found.iter().flatten().map(|(_, explanation)| explanation).collect();
                match all.as_slice() {
                    // one explanation by itself, several as a list
                    [one] if self.environment.is_some() => output::print_json(one),
                    several => output::print_json(&several),
                }
            }
            ViewFormat::Text => {
                let mut all = StyledText::new();
                for texts in found.iter().map(|explanations| fold_explanations(explanations)) {
                    for text in texts {
                        if !all.is_empty() {
                            all.end_line();
                        }
                        all.append(text);
                    }
                }
                output.print_text(&all)
            }
        }
    }

    /// The environment of the arguments, or all.
    fn find_environments(&self, project: &Project) -> Result<Vec<EnvironmentName>, Diagnostics> {
        match &self.environment {
            None => super::find_environments(project, &[]),
            Some(name) => match super::find_environment(project, name) {
                Ok(environment) => Ok(vec![environment]),
                Err(unknown) => {
                    let reversed = argument::reversed_hint(&self.key, &project.environments());
                    Err(unknown.maybe_hint(reversed).into())
                }
            },
        }
    }

    /// The explanations of each matching key of an app, in the order of the stack.
    fn explain(&self, pipeline: &Pipeline<'_>, survey: &Survey) -> Vec<KeyExplanations> {
        let of_survey = survey.environments.iter().map(|resolved| resolved.definition.environment.clone());
        let is_wanted = |name: &EnvironmentName| self.environment.as_ref().is_none_or(|wanted| wanted == name.as_str());
        let order = stack_order(&of_survey.filter(is_wanted).collect::<Vec<_>>(), [survey]);
        let mut ids: IndexSet<&EntryId> = IndexSet::default();
        for resolved in order.iter().filter_map(|environment| survey.environment(environment)) {
            ids.extend(resolved.entries.keys().filter(|id| self.is_wanted(id)));
        }
        let resolved = order.iter().filter_map(|name| survey.environment(name));
        // without a matching key there is nothing to look for
        let resolved = resolved.filter(|_| !ids.is_empty());
        let consumers: Vec<_> = resolved.map(|resolved| (resolved, pipeline.consumers(survey, resolved))).collect();
        let of_id = |id: &EntryId| {
            let explained = consumers.iter().filter_map(|(resolved, consumers)| {
                let name = &resolved.definition.environment;
                Some((name.clone(), explain_key(survey, id, name, consumers.consumers(id))?))
            });
            explained.collect::<KeyExplanations>()
        };
        let variable = self.key.strip_prefix(VARIABLES).filter(|_| self.bundle.is_none());
        let of_variable = |path: &str| {
            let explained = |name: &EnvironmentName| Some((name.clone(), explain_variable(survey, path, name)?));
            order.iter().filter_map(explained).collect::<KeyExplanations>()
        };
        let entries = ids.into_iter().map(of_id);
        let mut found: Vec<KeyExplanations> =
            entries.chain(variable.map(of_variable)).filter(|found| !found.is_empty()).collect();
        if !found.is_empty() {
            let secrets = SecretFilter::of(survey);
            found.iter_mut().flatten().for_each(|(_, explanation)| secrets.hide_explanation(explanation));
        }
        found
    }

    fn is_wanted(&self, id: &EntryId) -> bool {
        id.key.as_str() == self.key && self.bundle.as_ref().is_none_or(|bundle| id.bundle.as_str() == bundle)
    }

    fn unknown_key(&self, project: &Project, surveys: &[Survey]) -> Diagnostic {
        if self.environment.is_none() && project.has_environment(&self.key) {
            return Diagnostic::error(Rule::UnknownKey, format!("`{}` is an environment, not a key", self.key))
                .hint(format!("specify the key: `septum explain {} KEY`", self.key));
        }
        if let Some(bundle) = &self.bundle {
            let bundles = surveys
                .iter()
                .flat_map(|survey| &survey.environments)
                .flat_map(|resolved| resolved.entries.keys().map(|id| id.bundle.as_str()))
                .collect_set();
            let targets = || surveys.iter().flat_map(|survey| &survey.environments);
            if !bundles.contains(bundle.as_str()) {
                if let Some(manifest) = targets().find_map(|it| manifest_as_bundle(it, bundle, Some(&self.key))) {
                    return manifest;
                }
                let (message, near) = argument::unknown_name("bundle", bundle, bundles.iter().copied());
                let names: Vec<_> = bundles.iter().map(|name| format!("`{name}`")).collect();
                let error = Diagnostic::error(Rule::UnknownBundle, message).maybe_hint(near);
                return error.note(format!("the bundles are {}", names.join(", ")));
            }
        }
        let is_of_bundle = |id: &EntryId| self.bundle.as_ref().is_none_or(|bundle| id.bundle.as_str() == bundle);
        let resolved = surveys.iter().flat_map(|survey| &survey.environments);
        let known: Vec<String> = resolved
            .flat_map(|resolved| {
                let ids = resolved.entries.keys().filter(|id| is_of_bundle(id));
                let entries = ids.map(|id| id.key.as_str().to_owned());
                let variables = resolved.definition.variable_paths();
                entries.chain(variables.into_iter().map(|path| format!("{VARIABLES}{path}"))).collect::<Vec<_>>()
            })
            .collect();
        if let (Some(environment), true) = (&self.environment, known.contains(&self.key)) {
            return self.defined_elsewhere(environment, surveys);
        }
        let (message, near) = argument::unknown_name("key", &self.key, known.iter().map(String::as_str));
        let definitions = || surveys.iter().flat_map(|survey| &survey.environments).map(|it| &it.definition);
        let renamed = definitions().find_map(|definition| definition.renamed_entry(&self.key));
        let labelled = definitions().find_map(|definition| definition.labelled_entry(&self.key));
        let hint = renamed.map(|id| format!("it was renamed to `{}`", id.key)).or(labelled).or(near);
        let place = self.environment.as_ref().map(|name| format!(" in `{name}`")).unwrap_or_default();
        Diagnostic::error(Rule::UnknownKey, format!("{message}{place}"))
            .maybe_hint(hint)
            .hint("`septum list` shows all keys")
    }

    /// Error: an environment does not have a key that others have, by a mixin.
    fn defined_elsewhere(&self, environment: &str, surveys: &[Survey]) -> Diagnostic {
        let has = |resolved: &&ResolvedTarget| {
            let variables = resolved.definition.variable_paths();
            resolved.entries.keys().any(|id| self.is_wanted(id))
                || self.key.strip_prefix(VARIABLES).is_some_and(|path| variables.iter().any(|known| known == path))
        };
        let having = surveys.iter().flat_map(|survey| &survey.environments).filter(has);
        let names = having.map(|resolved| format!("`{}`", resolved.definition.environment)).collect_set();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        Diagnostic::error(Rule::UnknownKey, format!("`{}` is not defined in `{environment}`, but in {names}", self.key))
            .hint(format!("define it in `base.yaml`, or in a layer that `{environment}` extends"))
    }
}
