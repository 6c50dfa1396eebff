//! `septum report`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::written_page::WrittenPage;
use super::{GlobalArgs, files, find_apps, find_environments};
use septum::budget;
use septum::check::{Baseline, CheckReport, CheckScope, check_apps};
use septum::diagnostic::Diagnostics;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::report::{MARK, ReportContent, find_readers, write_page};
use septum::sops::{Identities, IdentitySources};
use septum::view::stack_order;
use septum::visibility::KeyAccess;

/// Write a page of HTML with all keys, their history, findings and readers
///
/// One file without outside requests: the matrix of keys and environments, for each key its history and the reasons of
/// its routing, the findings of `septum check --keyless`, and who can decrypt which file. It contains no value of a
/// secret, and has the same bytes for the same layers.
///
/// Reads the layers of the project, and uses no key.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ReportArgs {
    /// Show only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Write the page to FILE instead of standard output
    #[arg(long = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    written_file: Option<PathBuf>,
}

/// Help of `septum report`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Write the page of all apps", "septum report --out report.html"),
        ("Write the page of one app", "septum report --app checkout --out checkout.html"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Recipients],
};

impl ReportArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let environments = find_environments(&project, &[])?;
        // the page is the same for everybody, whatever keys there are
        let mut pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        // there is no page if one cannot be read, but all that is wrong is reported
        pipeline.library.read_partial_layers();
        let mut problems = Diagnostics::new();
        let mut surveys = Vec::new();
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        for app in &apps {
            let options = SurveyOptions::showing(&environments, KeyAccess::PublicView);
            surveys.extend(pipeline.survey(app, options, &mut problems));
        }
        let left: Diagnostics = surveys.iter_mut().flat_map(|survey| std::mem::take(&mut survey.beside)).collect();
        problems.extend(left);
        if problems.has_errors() {
            return Err(problems);
        }
        let report = self.check_without_keys(global)?;
        let findings: Vec<_> = report.findings.iter().map(septum::check::Finding::view).collect();
        let order = stack_order(&environments, &surveys);
        let readers = find_readers(&pipeline, &surveys)?;
        let text = write_page(&ReportContent {
            surveys: &surveys,
            environments: &order,
            findings: &findings,
            unseen: &report.unseen,
            readers: &readers,
        });
        match &self.written_file {
            None => output::print_result(&text),
            Some(file) => WrittenPage { file, text: &text, mark: MARK, shows_old_lines: true }.write(global, output),
        }
    }

    /// The findings of a check, which is a run of its own: what the page shows takes nothing from its limits.
    fn check_without_keys(&self, global: &GlobalArgs) -> Result<CheckReport, Diagnostics> {
        budget::reset_budgets();
        let project = Project::discover(&global.directory)?;
        let environments = find_environments(&project, &[])?;
        let mut pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        pipeline.library.read_partial_layers();
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        let baseline = Baseline::of_project(&project)?;
        let scope = CheckScope {
            is_whole: self.apps.is_empty(),
            baseline: baseline.as_ref(),
            today: None,
            ..CheckScope::of_layers(&apps, &environments, files::current_time())
        };
        let mut report = check_apps(&pipeline, &scope);
        report.excuse_missing_keys();
        Ok(report)
    }
}
