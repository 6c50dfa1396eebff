//! `septum list`

mod table;

use clap::{Args, ValueEnum};

use super::ages::{AgeArgs, AgeFormat};
use super::help::{CommandHelp, HelpTopic};
use super::key_filter::KeyFilter;
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, find_apps, find_environments, user_identities};
use septum::diagnostic::{Diagnostics, StyledText};
use septum::name::EnvironmentName;
use septum::pipeline::{Pipeline, Survey, SurveyOptions};
use septum::project::Project;
use septum::route::Contradiction;
use septum::sort::{sort_by, sort_by_key};
use septum::view::list::{KeyRow, ListedValues, list_rows};
use septum::view::secret_filter::SecretFilter;
use septum::view::variable::variable_rows;
use septum::view::{KeyState, stack_order};
use septum::visibility::KeyAccess;

/// Show which environment sets, inherits or lacks which key
///
/// A table of all keys and variables: the value where a layer of the environment sets it, `[secret]` for secrets, else
/// `inherited`, `missing` or `removed`. Environments are in the order of the stack: one that extends others comes after
/// them, and `dev` before `staging` before `prod`. Named ones are in the order of their names on the command line.
///
/// Reads the layers of the project. Uses no key: secrets are neither decrypted nor shown.
///
/// With `--age`, shows on which day each value changed, by the commits of its file, and when it has to be replaced, by
/// `expires`, `rotateEvery` and certificates. An identity, if there is one, distinguishes changes from re-encryptions.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ListArgs {
    /// Environments to show [default: all]
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environments: Vec<String>,
    /// Show only keys that match: `DATABASE_*`, `vars.*` (repeatable)
    #[arg(long = "key", value_name = "GLOB", add = super::completions::keys())]
    keys: Vec<String>,
    /// Show only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Show only keys that some environment lacks
    #[arg(long)]
    missing: bool,
    /// Show the values of plain keys, also where they are inherited
    #[arg(long)]
    values: bool,
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: ListFormat,
    #[command(flatten)]
    ages: AgeArgs,
}

/// Format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// A table
    Text,
    /// JSON with stable field names
    Json,
    /// A calendar with the days by which values have to be replaced; with `--age`
    Ical,
}

/// Help of `septum list`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Show the keys of all environments", "septum list"),
        ("Compare two environments", "septum list staging prod"),
        ("Show the values of some keys", "septum list --key 'DATABASE_*' --values"),
        ("Show only keys that some environment lacks", "septum list --missing"),
        ("Show values that expire within 60 days", "septum list --age --expiring 60d"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project],
};

impl ListArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let filter = KeyFilter::new(&self.keys)?;
        let project = Project::discover(&global.directory)?;
        let wanted = find_environments(&project, &self.environments)?;
        let pipeline = Pipeline::new(&project, user_identities());
        let mut problems = Diagnostics::new();
        let mut surveys = Vec::new();
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        // without arguments it shows all environments, as far as their values are available
        let asked = if self.environments.is_empty() { [].as_slice() } else { &wanted };
        let age_format = match self.format {
            ListFormat::Text => AgeFormat::Text,
            ListFormat::Json => AgeFormat::Json,
            ListFormat::Ical => AgeFormat::Calendar,
        };
        if self.ages.age {
            return self.ages.show(&project, &apps, &wanted, age_format, output);
        }
        if age_format == AgeFormat::Calendar {
            return Err(invalid_usage("`--format ical` requires `--age`".to_owned()).into());
        }
        for app in &apps {
            let options = SurveyOptions::showing(asked, KeyAccess::PublicView).of_single_entries();
            surveys.extend(pipeline.survey(app, options, &mut problems));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let order = self.environment_order(&wanted, &surveys);
        let apps_rows = self.rows(&filter, &surveys, &order)?;
        let is_listed = |contradiction: &Contradiction| wanted.contains(&contradiction.environment);
        if self.environments.is_empty() {
            let misnamed = project.name_errors(apps);
            if !misnamed.is_empty() {
                return Err(misnamed);
            }
            self.show(apps_rows, &order, output)?;
            let contradictions = super::show_contradictions(&surveys, is_listed, output).err().into_iter().flatten();
            let left: Diagnostics =
                surveys.into_iter().flat_map(|survey| survey.beside).chain(contradictions).collect();
            return if left.has_errors() { Err(left) } else { Ok(()) };
        }
        let beside: Vec<_> = surveys.iter().map(|survey| &survey.beside).collect();
        super::show_beside(&project, apps, asked, &beside, output)?;
        let contradictions = super::show_contradictions(&surveys, is_listed, output);
        self.show(apps_rows, &order, output)?;
        contradictions
    }

    /// Environments in the order of the arguments, or else of the stack.
    fn environment_order(&self, wanted: &[EnvironmentName], surveys: &[Survey]) -> Vec<EnvironmentName> {
        if self.environments.is_empty() {
            return stack_order(wanted, surveys);
        }
        let mut order = wanted.to_vec();
        sort_by_key(&mut order, |name| self.environments.iter().position(|typed| typed == name.as_str()));
        order
    }

    /// The rows of each app.
    fn rows(
        &self,
        filter: &KeyFilter,
        surveys: &[Survey],
        wanted: &[EnvironmentName],
    ) -> Result<Vec<Vec<KeyRow>>, Diagnostics> {
        let values = if self.values { ListedValues::Included } else { ListedValues::Omitted };
        let all_rows = |survey| {
            let entries = list_rows(survey, wanted, values).into_iter();
            let mut rows: Vec<_> = entries.chain(variable_rows(survey, wanted, values)).collect();
            let secrets = SecretFilter::of(survey);
            for row in &mut rows {
                secrets.hide_row(row);
            }
            rows
        };
        let mut apps_rows: Vec<_> = surveys.iter().map(all_rows).collect();
        filter.check(apps_rows.iter().flatten().map(|row| row.key.as_str()))?;
        for rows in &mut apps_rows {
            rows.retain(|row| filter.accepts(&row.key));
            if self.missing {
                rows.retain(|row| row.environments.values().any(|cell| cell.state == KeyState::Missing));
            }
        }
        Ok(apps_rows)
    }

    fn show(
        &self,
        apps_rows: Vec<Vec<KeyRow>>,
        wanted: &[EnvironmentName],
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        match self.format {
            ListFormat::Json => {
                let mut all: Vec<KeyRow> = apps_rows.into_iter().flatten().collect();
                sort_by(&mut all, |a, b| (&a.app, &a.bundle, &a.key).cmp(&(&b.app, &b.bundle, &b.key)));
                output::print_json(&all)
            }
            ListFormat::Text | ListFormat::Ical => {
                let mut text = StyledText::new();
                for rows in apps_rows.iter().filter(|rows| !rows.is_empty()) {
                    if !text.is_empty() {
                        text.end_line();
                    }
                    text.append(table::matrix(rows, wanted, output::terminal_width()));
                }
                output.print_text(&text)
            }
        }
    }
}
