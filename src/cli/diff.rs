//! `septum diff`

mod revisions;
mod shown_kind;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use self::shown_kind::ShownKind;
use super::files;
use super::help::{CommandHelp, HelpTopic};
use super::manifest_paths::read_manifests;
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, argument, find_apps, find_environment, find_environments, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::diff::{self, ChangeKind, Cluster, DiffReport, LiveObjects, MarkdownOptions};
use septum::git::RevisionRange;
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::span::Source;

/// Show what differs between environments, revisions, or an environment and a cluster
///
/// The unit is the entry: a value that changed, a key that only one side has, a key that moved between ConfigMap and
/// Secret and why, rules, and other objects by path. An object whose name depends on its values is one change. Values
/// of secrets are never shown: only whether they differ, or that it is unknown without the key.
///
/// `septum diff A B` compares two environments, `septum diff A B C` more than two as a table of the keys that differ.
/// With `--rev`, each environment is compared with itself in another revision: `--rev R` compares R with the work tree,
/// `--rev A..B` two revisions, `--rev A...B` B with the commit where it left A. The files of a revision are read from
/// Git, without a checkout.
///
/// With `--cluster`, the objects of a cluster are compared with those that the environment renders: kubectl reads these
/// by name, and with hashed names the list of pods; fields that other programs add are not compared. `septum diff ENV -`
/// does the same with objects from standard input, as `kubectl get -o yaml` prints them, and `--files` compares two files or directories of manifests, as `KUBECTL_EXTERNAL_DIFF` does.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct DiffArgs {
    /// Environments to compare; with `--rev`, those to show [default: all]; `-` for standard input; with `--files`, two
    /// paths
    #[arg(value_name = "ENV", allow_hyphen_values = false, add = super::completions::environments())]
    environments: Vec<String>,
    /// Compare with a revision, or two revisions: `R`, `A..B` or `A...B`
    #[arg(long, value_name = "RANGE")]
    rev: Option<String>,
    /// Compare the objects of a cluster with those of one environment
    #[arg(long, conflicts_with_all = ["rev", "files"])]
    cluster: bool,
    /// Context of kubectl
    #[arg(long, value_name = "NAME", requires = "cluster")]
    context: Option<String>,
    /// Compare two files or directories of manifests
    #[arg(long, conflicts_with_all = ["rev", "apps"])]
    files: bool,
    /// Every environment
    #[arg(long, requires = "rev", conflicts_with = "environments")]
    all: bool,
    /// Compare only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Show only these differences (repeatable)
    #[arg(long, value_name = "KIND")]
    only: Vec<ShownKind>,
    /// Print only numbers of differences
    #[arg(long)]
    stat: bool,
    /// Show the same change in several environments once for each
    #[arg(long)]
    no_fold: bool,
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: DiffFormat,
    /// Longest output of `--format markdown`, in characters [default: 65000]
    #[arg(long, value_name = "N")]
    max_chars: Option<usize>,
}

/// Format of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// Text for a terminal
    Text,
    /// A comment for a pull request
    Markdown,
    /// JSON with stable field names
    Json,
    /// Lines for a block of kind `diff`
    GithubDiff,
}

/// Result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DiffOutcome {
    /// There are differences.
    Different,
    /// There are none.
    Same,
    /// There are none in what is valid.
    Unknown,
}

impl DiffOutcome {
    fn of(has_changes: bool, is_broken: bool) -> Self {
        match (has_changes, is_broken) {
            (true, _) => Self::Different,
            (false, false) => Self::Same,
            (false, true) => Self::Unknown,
        }
    }
}

/// Longest comment by default: a forge accepts 65,536 characters.
const COMMENT: usize = 65_000;

/// Help of `septum diff`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Compare two environments", "septum diff staging prod"),
        ("Show keys that one of them lacks", "septum diff staging prod --only missing"),
        ("Compare three environments in a table", "septum diff dev staging prod"),
        ("Show what the uncommitted changes do", "septum diff --rev HEAD"),
        ("Compare a cluster with what an environment renders", "kubectl get cm,secret -o yaml | septum diff prod -"),
        ("Write a comment for a pull request", "septum diff --rev main...HEAD --format markdown"),
    ],
    exit_codes: &[
        (0, "there are no differences"),
        (1, "there are differences"),
        (2, "wrong usage or invalid input, or no differences in what is valid"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Identities],
};

impl DiffArgs {
    /// Prints the differences. The exit code is that of `diff`: 1 if there are any.
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        match self.compare(global, output) {
            Ok(DiffOutcome::Different) => ExitCode::from(1),
            Ok(DiffOutcome::Same) => {
                let words = if self.only.is_empty() { "no differences" } else { "no differences of this kind" };
                output.print_note(&format!("septum: {words}"));
                ExitCode::SUCCESS
            }
            // what is invalid may differ
            Ok(DiffOutcome::Unknown) => {
                output.print_note("septum: no differences in what is valid");
                ExitCode::from(output::INVALID)
            }
            Err(problems) => output.finish(Err(problems)),
        }
    }

    /// Compares, and prints the differences.
    fn compare(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<DiffOutcome, Diagnostics> {
        self.check_usage()?;
        let mut report = match &self.rev {
            Some(range) => self.compare_revisions(global, &RevisionRange::parse(range))?,
            None if self.files => self.compare_paths(global)?,
            None => {
                let project = Project::discover(&global.directory)?;
                if self.cluster || self.environments.get(1).is_some_and(|name| name == "-") {
                    return self.compare_objects(&project, output);
                }
                if self.environments.len() > 2 {
                    return self.show_matrix(&project, output);
                }
                self.compare_two(&project)?
            }
        };
        self.print_report(&mut report, output)
    }

    /// Prints a report, and returns whether it has differences.
    fn print_report(&self, report: &mut DiffReport, output: &OutputStreams) -> Result<DiffOutcome, Diagnostics> {
        if !self.only.is_empty() {
            report.changes.retain(|change| self.only.iter().any(|kind| kind.shows(change)));
        }
        if !self.no_fold {
            diff::fold_changes(report);
        }
        output.print_findings(std::mem::take(&mut report.warnings));
        if !report.locked.is_empty() {
            let names = report.locked.join(", ");
            output.print_note(&format!(
                "septum: no key for {names}: secrets are compared by their ciphertext, or are unknown"
            ));
        }
        for line in &report.former_users {
            output.print_note(&format!("septum: {line}"));
        }
        report.broken.iter().for_each(|label| print_broken(label, output));
        self.show(report, output)?;
        // a line for what is invalid is no difference
        let differs = report.changes.iter().any(|change| change.kind != ChangeKind::Invalid);
        Ok(DiffOutcome::of(differs, !report.broken.is_empty()))
    }

    fn check_usage(&self) -> Result<(), Diagnostics> {
        if self.max_chars.is_some() && self.format != DiffFormat::Markdown {
            return Err(invalid_usage("`--max-chars` requires `--format markdown`".to_owned()).into());
        }
        if self.max_chars.is_some_and(|limit| limit < diff::SMALLEST) {
            let message = format!("`--max-chars` must be at least {}", diff::SMALLEST);
            return Err(invalid_usage(message).hint("a forge accepts 65,536 characters").into());
        }
        if self.stat && self.format != DiffFormat::Text {
            return Err(invalid_usage("`--stat` is a text: it has no other format".to_owned()).into());
        }
        if self.files && self.environments.len() != 2 {
            return Err(invalid_usage("`--files` requires two paths".to_owned())
                .hint("the old objects first: `septum diff --files OLD NEW`")
                .into());
        }
        if self.cluster && self.environments.len() != 1 {
            return Err(invalid_usage("`--cluster` requires one environment".to_owned())
                .hint("`septum diff prod --cluster`")
                .into());
        }
        if self.rev.is_none() && !self.cluster && self.environments.len() < 2 {
            return Err(invalid_usage("there is nothing to compare with".to_owned())
                .hint("name two environments: `septum diff staging prod`")
                .hint("or a revision: `septum diff --rev HEAD` shows the uncommitted changes")
                .into());
        }
        Ok(())
    }

    /// Compares an environment with the objects of a cluster, or those on standard input.
    fn compare_objects(&self, project: &Project, output: &OutputStreams) -> Result<DiffOutcome, Diagnostics> {
        let ([environment] | [environment, _]) = self.environments.as_slice() else {
            return Err(invalid_usage("objects are compared with one environment".to_owned())
                .hint("`septum diff ENV -`")
                .into());
        };
        let environment = find_environment(project, environment)?;
        let pipeline = Pipeline::new(project, user_identities());
        let apps = find_apps(&pipeline, project, &self.apps)?;
        check_files(project, &apps)?;
        let (live, label) = if self.cluster {
            (LiveObjects::Cluster(Cluster { context: self.context.clone() }), "the cluster")
        } else {
            let text = files::read_all()?;
            let text = std::str::from_utf8(&text).map_err(|_| {
                Diagnostic::error(Rule::NotUtf8, "standard input is not UTF-8 text")
                    .hint("pass manifests as YAML or JSON: `kubectl get … -o yaml`")
            })?;
            let objects = diff::read_objects(&[Source::new("standard input", text)])?;
            (LiveObjects::Read(objects), "standard input")
        };
        let mut report = diff::compare_with_objects(&pipeline, &apps, &environment, live, label)?;
        self.print_report(&mut report, output)
    }

    /// Compares two files or directories.
    fn compare_paths(&self, global: &GlobalArgs) -> Result<DiffReport, Diagnostics> {
        let [left, right] = self.environments.as_slice() else { return Ok(DiffReport::default()) };
        let mut problems = Diagnostics::new();
        let shown = |path: &str| argument::shown_path(&global.directory, Path::new(path), "PATH");
        let mut read = |path: &String| match read_manifests(&global.directory.join(path), &shown(path)) {
            Ok(objects) => Some(objects),
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        let (old, new) = (read(left), read(right));
        let (Some(old), Some(new)) = (old, new) else { return Err(problems) };
        Ok(diff::compare_files(&old, &new, (left, right)))
    }

    fn compare_two(&self, project: &Project) -> Result<DiffReport, Diagnostics> {
        let [left, right] = self.environments.as_slice() else { return Ok(DiffReport::default()) };
        let mut problems = Diagnostics::new();
        let found = [left, right].map(|name| problems.take(find_environment(project, name)));
        let [Some(left), Some(right)] = found else { return Err(problems) };
        let pipeline = Pipeline::new(project, user_identities());
        let apps = find_apps(&pipeline, project, &self.apps)?;
        check_files(project, &apps)?;
        diff::compare_environments(&pipeline, &apps, (&left, &right))
    }

    fn show(&self, report: &DiffReport, output: &OutputStreams) -> Result<(), Diagnostics> {
        match self.format {
            DiffFormat::Text if self.stat => output.print_text(&diff::stat_text(report)),
            DiffFormat::Text => output.print_text(&diff::to_text(report)),
            DiffFormat::Json => output::print_json(&diff::to_json_rows(&report.changes)),
            DiffFormat::GithubDiff => output::print_result(&diff::to_github_diff(report)),
            DiffFormat::Markdown => {
                let command = self.command_line();
                let options = MarkdownOptions { max_chars: self.max_chars.unwrap_or(COMMENT), command: &command };
                output::print_result(&diff::to_markdown(report, options))
            }
        }
    }

    /// The command that prints the same differences as text.
    fn command_line(&self) -> String {
        let rev = self.rev.iter().flat_map(|rev| ["--rev", rev]);
        let names = self.environments.iter().map(String::as_str);
        ["septum", "diff"].into_iter().chain(names).chain(rev).collect::<Vec<_>>().join(" ")
    }

    fn show_matrix(&self, project: &Project, output: &OutputStreams) -> Result<DiffOutcome, Diagnostics> {
        if !matches!(self.format, DiffFormat::Text | DiffFormat::Json) {
            return Err(invalid_usage("more than two environments are a table: as text or JSON only".to_owned())
                .hint("compare them in pairs for other formats")
                .into());
        }
        if self.stat {
            return Err(invalid_usage("`--stat` counts differences of two sides".to_owned())
                .hint("compare them in pairs")
                .into());
        }
        if !self.only.iter().all(|kind| kind.is_of_table()) {
            let message = "a table of several environments has no left and right side";
            let words = "it can show `missing`, `changed`, `rules`, `source`, `invalid`, `unknown` and `objects`";
            return Err(invalid_usage(message.to_owned()).hint(words).into());
        }
        let wanted = {
            find_environments(project, &self.environments)?;
            let mut named: Vec<_> =
                self.environments.iter().filter_map(|name| find_environment(project, name).ok()).collect();
            let mut seen = BTreeSet::new();
            named.retain(|name| seen.insert(name.clone()));
            named
        };
        let pipeline = Pipeline::new(project, user_identities());
        let apps = find_apps(&pipeline, project, &self.apps)?;
        check_files(project, &apps)?;
        let mut found = diff::compare_many(&pipeline, &apps, &wanted)?;
        output.print_findings(std::mem::take(&mut found.warnings));
        if found.is_broken {
            print_broken("the layers", output);
        }
        found.rows.retain(|row| self.only.is_empty() || self.only.iter().any(|kind| kind.shows_row(row)));
        match self.format {
            DiffFormat::Json => output::print_json(&found.rows)?,
            _ => output.print_text(&diff::to_matrix_text(&found.rows, output::terminal_width()))?,
        }
        // a row of what is invalid is no difference
        let differs = found.rows.iter().any(|row| row.change != "invalid");
        Ok(DiffOutcome::of(differs, found.is_broken))
    }
}

/// Says that some values of a side are invalid.
fn print_broken(label: &str, output: &OutputStreams) {
    output.print_note(&format!(
        "septum: {label}: some values are invalid (`septum check` shows them), and are compared as far as they are known"
    ));
}

/// Misnamed files may hide a layer.
pub(super) fn check_files(project: &Project, apps: &[&septum::project::App]) -> Result<(), Diagnostics> {
    let misnamed = project.name_errors(apps.iter().copied());
    if misnamed.is_empty() { Ok(()) } else { Err(misnamed) }
}
