//! `septum list`

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use unicode_width::UnicodeWidthStr as _;

use super::ages::{AgeArgs, AgeFormat};
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, find_apps, find_environments, user_identities};
use crate::diagnostic::{Diagnostics, StyledText, escape_line};
use crate::name::EnvironmentName;
use crate::pipeline::{Pipeline, SurveyOptions};
use crate::project::Project;
use crate::view::KeyState;
use crate::view::list::{KeyCell, KeyRow, list_rows};
use crate::visibility::KeyAccess;

/// Show which environment sets, inherits or lacks which key
///
/// A table of all keys: the value where a layer of the environment sets it, `[secret]` for secrets, else `inherited`,
/// `missing` or `removed`. Reads the layers of the project. Uses no key: secrets are neither decrypted nor shown.
///
/// With `--age`, shows on which day each value changed, by the commits of its file, and when it has to be replaced, by
/// `expires`, `rotateEvery` and certificates. An identity, if there is one, distinguishes changes from re-encryptions.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ListArgs {
    /// Environments to show [default: all]
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environments: Vec<String>,
    /// Show only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Show only keys that some environment lacks
    #[arg(long)]
    missing: bool,
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
        ("Show only keys that some environment lacks", "septum list --missing"),
        ("Show values that expire within 60 days", "septum list --age --expiring 60d"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project],
};

impl ListArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let wanted = find_environments(&project, &self.environments)?;
        let pipeline = Pipeline::new(&project, user_identities());
        let mut problems = Diagnostics::new();
        let mut apps_rows: Vec<Vec<KeyRow>> = Vec::new();
        let mut beside = Vec::new();
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
            if let Some(survey) =
                pipeline.survey(app, SurveyOptions::showing(asked, KeyAccess::StructureOnly), &mut problems)
            {
                let mut found = list_rows(&survey, &wanted);
                if self.missing {
                    found.retain(|row| row.environments.values().any(|cell| cell.state == KeyState::Missing));
                }
                apps_rows.push(found);
                beside.push(survey.beside);
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        if self.environments.is_empty() {
            let misnamed: Diagnostics = project.misnamed(apps).map(|file| file.diagnostic.clone()).collect();
            if !misnamed.is_empty() {
                return Err(misnamed);
            }
            self.show(apps_rows, &wanted, output)?;
            let left: Diagnostics = beside.into_iter().flatten().collect();
            return if left.has_errors() { Err(left) } else { Ok(()) };
        }
        super::show_beside(&project, apps, asked, &beside.iter().collect::<Vec<_>>(), output)?;
        self.show(apps_rows, &wanted, output)
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
                all.sort_by(|a, b| (&a.app, &a.bundle, &a.key).cmp(&(&b.app, &b.bundle, &b.key)));
                output::print_json(&all)
            }
            ListFormat::Text | ListFormat::Ical => {
                let mut text = StyledText::new();
                for rows in apps_rows.iter().filter(|rows| !rows.is_empty()) {
                    if !text.is_empty() {
                        text.end_line();
                    }
                    let wide = rows_table(rows, wanted);
                    let fits = output::terminal_width().is_none_or(|width| wide.width() <= width);
                    text.append(if fits { wide } else { stacked_rows(rows, wanted) });
                }
                output.print_text(&text)
            }
        }
    }
}

/// The rows of an app, a heading for each bundle.
fn rows_table(rows: &[KeyRow], environments: &[EnvironmentName]) -> StyledText {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut bundle = None;
    for row in rows {
        if bundle != Some(&row.bundle) {
            bundle = Some(&row.bundle);
            lines.push(
                [bundle_heading(row), String::new()]
                    .into_iter()
                    .chain(environments.iter().map(ToString::to_string))
                    .collect(),
            );
        }
        let cells =
            environments.iter().map(|environment| cell_text(row.environments.get(environment.as_str()), row.sensitive));
        lines.push([format!("  {}", row.key), object_kind(row).to_owned()].into_iter().chain(cells).collect());
    }
    // in plain form, so that columns align
    lines.iter_mut().flatten().for_each(|cell| *cell = escape_line(cell).into_owned());
    let columns = environments.len() + 2;
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines.iter().filter_map(|line| line.get(column)).map(|text| text.width()).max().unwrap_or_default()
        })
        .collect();
    let mut out = StyledText::new();
    for line in lines {
        let is_heading = !line.first().is_some_and(|first| first.starts_with(' '));
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "{cell}{}  ", " ".repeat(width - cell.width().min(*width)));
        }
        let style = if is_heading { anstyle::Style::new().bold() } else { anstyle::Style::new() };
        out.push_in(style, text.trim_end());
        out.end_line();
    }
    out
}

/// The table with a line for each environment, for terminals that are narrower than the table.
fn stacked_rows(rows: &[KeyRow], environments: &[EnvironmentName]) -> StyledText {
    let widest = environments.iter().map(|name| name.as_str().width()).max().unwrap_or_default();
    let bold = anstyle::Style::new().bold();
    let mut out = StyledText::new();
    let mut bundle = None;
    for row in rows {
        if bundle != Some(&row.bundle) {
            bundle = Some(&row.bundle);
            out.push_in(bold, bundle_heading(row));
            out.end_line();
        }
        out.push_line(format!("  {}  {}", row.key, object_kind(row)));
        for name in environments {
            let Some(found) = row.environments.get(name.as_str()) else { continue };
            out.push_line(format!("    {:widest$}  {}", name.as_str(), cell_text(Some(found), row.sensitive)));
        }
    }
    out
}

fn bundle_heading(row: &KeyRow) -> String {
    if row.bundle == row.app { row.app.clone() } else { format!("{}/{}", row.app, row.bundle) }
}

fn object_kind(row: &KeyRow) -> &'static str {
    if row.sensitive { "Secret" } else { "ConfigMap" }
}

fn cell_text(cell: Option<&KeyCell>, sensitive: bool) -> String {
    // an app without the environment
    let Some(cell) = cell else { return String::new() };
    match (cell.state, &cell.shown) {
        (KeyState::Set, Some(value)) => value.clone(),
        (KeyState::Set, None) if sensitive => "[secret]".to_owned(),
        (state, _) => state.as_str().to_owned(),
    }
}
