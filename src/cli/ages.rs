//! `septum list --age`

use clap::Args;
use unicode_width::UnicodeWidthStr as _;

use super::files::current_time;
use super::output::{self, OutputStreams};
use super::quiet_identities;
use septum::diagnostic::{Diagnostics, StyledText, escape_line};
use septum::name::EnvironmentName;
use septum::object::Day;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::{App, Project};
use septum::sort::sort_by;
use septum::time::DayCount;
use septum::view::ages::{AgeBasis, AgeReport, AgedValue, USUAL_NOTICE, to_calendar};
use septum::visibility::KeyAccess;

/// Heading of these options.
const HEADING: &str = "Age options";

/// Options of `septum list --age`.
#[derive(Debug, Args)]
pub(super) struct AgeArgs {
    /// Show the age of each value by the history of Git, and when it has to be replaced
    #[arg(long, conflicts_with = "missing", help_heading = HEADING)]
    pub(super) age: bool,
    /// Show only values that expire within DAYS, such as 30d, or are due
    #[arg(long, value_name = "DAYS", requires = "age", help_heading = HEADING)]
    expiring: Option<DayCount>,
    /// Day of the ages [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "age", help_heading = HEADING)]
    at: Option<Day>,
}

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgeFormat {
    Text,
    Json,
    Calendar,
}

impl AgeArgs {
    /// Prints the ages of the values of some apps.
    pub(super) fn show(
        &self,
        project: &Project,
        apps: &[&App],
        wanted: &[EnvironmentName],
        format: AgeFormat,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let day = self.at.unwrap_or_else(|| current_time().day());
        let notice = self.expiring.unwrap_or(USUAL_NOTICE);
        let pipeline = Pipeline::new(project, quiet_identities());
        let mut problems = Diagnostics::new();
        let mut values = Vec::new();
        for app in apps {
            let asked: Vec<_> = app.environments.iter().filter(|name| wanted.contains(name)).cloned().collect();
            let mut locked = std::collections::BTreeMap::new();
            let options = SurveyOptions::showing(&asked, KeyAccess::Decrypt).as_far_as_known(&mut locked);
            let Some(survey) = pipeline.survey(app, options, &mut problems) else { continue };
            let report = AgeReport::read(&survey, project.files.root(), &asked, pipeline.library.identities())?;
            values.extend(report.values(&asked, day, notice));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        if self.expiring.is_some() {
            values.retain(|value| !value.findings.is_empty());
        }
        sort_by(&mut values, |a, b| {
            (&a.app, &a.bundle, &a.key, &a.source).cmp(&(&b.app, &b.bundle, &b.key, &b.source))
        });
        match format {
            AgeFormat::Json => output::print_json(&serde_json::json!({ "at": day.to_string(), "values": values })),
            AgeFormat::Calendar => output::print_result(&to_calendar(&values, day)),
            AgeFormat::Text => output.print_text(&ages_table(&values, day)),
        }
    }
}

/// A line for each value.
fn ages_table(values: &[AgedValue], day: Day) -> StyledText {
    let headings = ["key", "environments", "changed", "age", "expires", "rotate by", "owner", ""].map(str::to_owned);
    let lines: Vec<[String; 8]> = std::iter::once(headings).chain(values.iter().map(age_line)).collect();
    let lines: Vec<_> = lines.into_iter().map(|line| line.map(|cell| escape_line(&cell).into_owned())).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..8).map(|column| width(column).unwrap_or_default()).collect();
    let mut out = StyledText::new();
    out.push_line(format!("ages on {day}"));
    for (index, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let cells = cells.map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width().min(*width))));
        let text = cells.collect::<Vec<_>>().join("  ");
        let style = if index == 0 { anstyle::Style::new().bold() } else { anstyle::Style::new() };
        out.push_in(style, text.trim_end());
        out.end_line();
    }
    out
}

fn age_line(value: &AgedValue) -> [String; 8] {
    let key = if value.app == value.bundle {
        format!("{} {}", value.app, value.key)
    } else {
        format!("{}/{} {}", value.app, value.bundle, value.key)
    };
    let day = value.changed.clone().unwrap_or_default();
    let changed = match value.basis {
        AgeBasis::Changed => day,
        AgeBasis::ChangedOrReEncrypted => format!("{day} (changed or re-encrypted)"),
        AgeBasis::AtLeast => format!("{day} or before (incomplete history)"),
        AgeBasis::LastModified => format!("{day} or before (no history)"),
        AgeBasis::NotCommitted => "not committed".to_owned(),
        AgeBasis::Unknown => "unknown".to_owned(),
    };
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    [
        key,
        value.environments.join(", "),
        changed,
        value.age.map(|days| format!("{days}d")).unwrap_or_default(),
        text(&value.expires),
        text(&value.rotate_by),
        text(&value.owner),
        value.findings.join(", "),
    ]
}
