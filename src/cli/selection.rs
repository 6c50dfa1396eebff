//! Values of an environment that a command takes as variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::key_filter::KeyFilter;
use super::output::OutputStreams;
use super::{GlobalArgs, find_apps, find_environment, show_beside, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::environ::{
    DangerousNames, EntrySelection, SelectedEntries, SelectedEntry, StoreValues, UnusableEntries, VariableEntries,
    check_names,
};
use septum::files::InputQuery;
use septum::leak_scan::secret_values;
use septum::manifest::manifest_as_bundle;
use septum::name::{BundleName, EntryId, EnvironmentName};
use septum::object::{KnownNames, Object};
use septum::pipeline::{Pipeline, Survey, SurveyOptions};
use septum::project::{App, Project};
use septum::resolve::ResolvedTarget;
use septum::route::Sensitivity;
use septum::secret::Wiping;
use septum::sops::{Identities, IdentitySources};
use septum::sort::sort;
use septum::visibility::OnMissingKey;

/// Heading of these options.
const HEADING: &str = "Selection";

/// An environment, and which of its values are wanted.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Environment
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environment: String,
    /// App, if several have the environment
    #[arg(long, value_name = "APP", help_heading = HEADING, add = super::completions::apps())]
    app: Option<String>,
    /// Only the entries of this bundle; otherwise of all
    #[arg(long, value_name = "BUNDLE", help_heading = HEADING, add = super::completions::bundles())]
    bundle: Option<String>,
    /// Only keys that match a pattern (repeatable, or separated by commas)
    #[arg(long, value_name = "GLOB", help_heading = HEADING)]
    only: Vec<String>,
    /// No keys that match a pattern (repeatable, or separated by commas)
    #[arg(long, value_name = "GLOB", help_heading = HEADING)]
    except: Vec<String>,
    /// Only plain entries, for which no key is needed
    #[arg(long, help_heading = HEADING)]
    no_secrets: bool,
    /// Refuse entries that cannot be variables, instead of leaving them out (`-v` counts them)
    #[arg(long, help_heading = HEADING)]
    strict: bool,
    /// Values that are in an external store: an error, or left out
    #[arg(long, value_name = "WHAT", default_value = "error", hide_default_value = true, help_heading = HEADING)]
    refs: StoreValueMode,
    /// Allow names with which layers decide which code runs, such as `PATH` or `LD_PRELOAD`
    #[arg(long, help_heading = HEADING)]
    allow_dangerous_names: bool,
}

/// Treatment of values in an external store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreValueMode {
    /// They are an error
    Error,
    /// They are left out
    Skip,
}

/// Whether the values of all secrets are needed, to recognise them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretRecognition {
    Needed,
    NotNeeded,
}

/// The selected values of an environment.
pub(super) struct SelectedValues {
    pub(super) environment: EnvironmentName,
    pub(super) selected: SelectedEntries,
    /// Values of all secrets of the environment, selected or not; empty if they are not needed.
    pub(super) secrets: Vec<Wiping<Vec<u8>>>,
    /// Files on which the values depend, present or not.
    #[cfg_attr(not(unix), expect(dead_code, reason = "restarts are not available on other systems"))]
    pub(super) sources: Vec<PathBuf>,
}

impl SelectionArgs {
    /// Finds and checks the values.
    pub(super) fn find_values(
        &self,
        global: &GlobalArgs,
        recognition: SecretRecognition,
        output: &OutputStreams,
    ) -> Result<SelectedValues, Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let environment = find_environment(&project, &self.environment)?;
        let identities = if self.no_secrets { Identities::new(IdentitySources::default()) } else { user_identities() };
        let pipeline = Pipeline::new(&project, identities);
        let app = self.find_app(&pipeline, &project, &environment)?;
        let (mut problems, mut locked) = (Diagnostics::new(), BTreeMap::new());
        let options = SurveyOptions::values(std::slice::from_ref(&environment));
        let options = if self.no_secrets { options.as_far_as_known(&mut locked) } else { options };
        let survey = pipeline.survey(app, options, &mut problems);
        let Some((survey, resolved)) =
            survey.as_ref().and_then(|survey| Some((survey, survey.environment(&environment)?)))
        else {
            return Err(problems);
        };
        let (only, except) =
            (KeyFilter::new(&split_patterns(&self.only))?, KeyFilter::new(&split_patterns(&self.except))?);
        let bundle = self.find_bundle(&pipeline, app, resolved)?;
        let keys = || {
            let in_bundle =
                resolved.entries.keys().filter(|id| bundle.as_ref().is_none_or(|bundle| *bundle == id.bundle));
            in_bundle.map(|id| id.key.as_str())
        };
        only.check(keys())?;
        except.check(keys())?;
        let accepts = |key: &str| only.accepts(key) && (self.except.is_empty() || !except.accepts(key));
        let selection = EntrySelection {
            bundle: bundle.as_ref(),
            accepts: &accepts,
            secrets: if self.no_secrets { Sensitivity::Plain } else { Sensitivity::Sensitive },
            store_values: match self.refs {
                StoreValueMode::Error => StoreValues::Refuse,
                StoreValueMode::Skip => StoreValues::Skip,
            },
        };
        let nameless = |_: &Object| None;
        let on_missing_key =
            if self.no_secrets { OnMissingKey::Keep(&nameless as KnownNames<'_>) } else { OnMissingKey::Fail };
        let is_selected = |id: &EntryId| selection.selects(&survey.routing, id);
        pipeline.check_values(survey, resolved, on_missing_key, &is_selected, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        let selected = selection.select(resolved, &survey.routing)?;
        output.print_findings(problems);
        show_beside(&project, [app], std::slice::from_ref(&environment), &[&survey.beside], output)?;
        let secrets = match recognition {
            SecretRecognition::Needed => secret_values(resolved, &survey.routing),
            SecretRecognition::NotNeeded => Vec::new(),
        };
        let sources = source_files(&project, app, survey, resolved);
        Ok(SelectedValues { environment, selected, secrets, sources })
    }

    /// The variables among the selected entries.
    pub(super) fn find_variables<'s>(
        &self,
        values: &'s SelectedValues,
        output: &OutputStreams,
    ) -> Result<Vec<&'s SelectedEntry>, Diagnostics> {
        let sorted = values.selected.to_variables(self.unusable())?;
        check_names(&sorted.variables, self.dangerous())?;
        output.print_detail(|| describe_selection(values, &sorted));
        Ok(sorted.variables)
    }

    /// The selected entries that are text, whatever their keys.
    pub(super) fn find_texts<'s>(&self, values: &'s SelectedValues) -> Result<Vec<&'s SelectedEntry>, Diagnostics> {
        values.selected.to_texts(self.unusable())
    }

    fn unusable(&self) -> UnusableEntries {
        if self.strict { UnusableEntries::Refuse } else { UnusableEntries::Skip }
    }

    fn dangerous(&self) -> DangerousNames {
        if self.allow_dangerous_names { DangerousNames::Allow } else { DangerousNames::Refuse }
    }

    /// The app, which must be the only one with the environment.
    fn find_app<'p>(
        &self,
        pipeline: &Pipeline<'p>,
        project: &'p Project,
        environment: &EnvironmentName,
    ) -> Result<&'p App, Diagnostics> {
        let named = find_apps(pipeline, project, self.app.as_slice())?;
        let apps: Vec<_> = named.iter().copied().filter(|app| app.environments.contains(environment)).collect();
        match (apps.as_slice(), named.as_slice()) {
            ([app], _) => return Ok(app),
            ([], [app, ..]) => {
                let name = pipeline.library.app_name(app)?;
                return Err(app.lacks_environments(&name, [environment]).into());
            }
            _ => {}
        }
        Err(super::edit::which_app(pipeline, &apps, environment))
    }

    fn find_bundle(
        &self,
        pipeline: &Pipeline<'_>,
        app: &App,
        resolved: &ResolvedTarget,
    ) -> Result<Option<BundleName>, Diagnostic> {
        let Some(name) = &self.bundle else { return Ok(None) };
        let known = &resolved.definition.bundles;
        let bundle = BundleName::from(name.as_str());
        if known.contains_key(&bundle) {
            return Ok(Some(bundle));
        }
        let environment = &resolved.definition.environment;
        // values need no manifests, so that they are not read yet; what is wrong with them is of no interest here
        let (mut ignored, mut locked) = (Diagnostics::new(), BTreeMap::new());
        let options = SurveyOptions::decrypting(std::slice::from_ref(environment)).as_far_as_known(&mut locked);
        let survey = pipeline.survey(app, options, &mut ignored);
        let with_manifests = survey.as_ref().and_then(|survey| survey.environment(environment));
        if let Some(manifest) = with_manifests.and_then(|resolved| manifest_as_bundle(resolved, name, None)) {
            return Err(manifest);
        }
        let names: Vec<_> = known.keys().map(|name| format!("`{name}`")).collect();
        Err(Diagnostic::error(Rule::UnknownBundle, format!("unknown bundle in `{environment}`"))
            .note(format!("the bundles are {}", names.join(", "))))
    }
}

/// Patterns that are separated by commas, except within `{A,B}`.
fn split_patterns(typed: &[String]) -> Vec<String> {
    let mut patterns = Vec::new();
    for text in typed {
        let (mut depth, mut pattern) = (0_usize, String::new());
        for char in text.chars() {
            match char {
                ',' if depth == 0 => patterns.push(std::mem::take(&mut pattern)),
                _ => {
                    depth = match char {
                        '{' => depth + 1,
                        '}' => depth.saturating_sub(1),
                        _ => depth,
                    };
                    pattern.push(char);
                }
            }
        }
        patterns.push(pattern);
    }
    patterns
}

/// Files on which the values of an environment depend.
fn source_files(project: &Project, app: &App, survey: &Survey, resolved: &ResolvedTarget) -> Vec<PathBuf> {
    let of_files = |resolved: &ResolvedTarget| {
        let read = resolved.files.recorded_queries().into_iter().map(|query| match query {
            InputQuery::File(path) => path,
            InputQuery::Matching(directory, _) => directory,
        });
        resolved.definition.candidates.iter().cloned().chain(read).collect::<Vec<_>>()
    };
    // a key is routed by its values in all environments, but only those of this one are variables
    let mut files = of_files(resolved);
    files.extend(survey.environments.iter().flat_map(|other| other.definition.candidates.iter().cloned()));
    files.push(app.directory.clone());
    files.push(project.files.root().join(septum::project::PROJECT_FILE));
    sort(&mut files);
    files.dedup();
    files
}

/// Number of entries of each kind, for `-v`.
fn describe_selection(values: &SelectedValues, sorted: &VariableEntries<'_>) -> String {
    let secrets = sorted.variables.iter().filter(|entry| entry.sensitivity == Sensitivity::Sensitive).count();
    let count = sorted.variables.len();
    let noun = if count == 1 { "variable" } else { "variables" };
    let mut line = format!("septum: {count} {noun} of `{}`, {secrets} of them secret", values.environment);
    let left_out = [
        (sorted.unnamed.len(), "not names of variables"),
        (sorted.binary.len(), "not text"),
        (values.selected.without_secrets, "secret"),
        (values.selected.in_store, "in an external store"),
    ];
    for (count, why) in left_out.iter().filter(|(count, _)| *count > 0) {
        line.extend(["; left out: ", &count.to_string(), " ", why]);
    }
    line
}

impl SelectedValues {
    /// Whether any selected value is secret.
    pub(super) fn has_secrets(&self) -> bool {
        self.selected.entries.iter().any(|entry| entry.sensitivity == Sensitivity::Sensitive)
    }
}

#[cfg(test)]
mod tests {
    use super::split_patterns;

    #[test]
    fn patterns_are_separated_by_commas_outside_of_braces() {
        let split = |text: &str| split_patterns(&[text.to_owned()]);
        assert_eq!(split("A,B_*"), ["A", "B_*"]);
        assert_eq!(split("{A,B}_X,C"), ["{A,B}_X", "C"]);
    }
}
