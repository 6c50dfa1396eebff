//! `septum check`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value as Json;

use super::encrypt::usual_recipients;
use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::pasted::CommandPlace;
use super::step_summary::append_step_summary;
use super::{GlobalArgs, argument, find_apps, find_environments, quiet_identities, user_identities};
use septum::atomic;
use septum::budget;
use septum::check::{
    self, BASELINE, Baseline, CheckReport, CheckScope, Finding, FindingView, UserRules, code_quality_report,
    junit_report, rdjson_report, sarif_log, workflow_commands,
};
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, Severity, StyledText, styled_with_rule};
use septum::files::{FileKind, read_named};
use septum::fix::{self, AppliedFix, FixContext};
use septum::git::GitIndex;
use septum::object::Day;
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::secret_files::RecipientOptions;
use septum::sops::{Identities, IdentitySources, SopsConfigCache};
use septum::span::Source;

/// Find mistakes and plaintext credentials in all environments
///
/// Reports everything that `render` would refuse, and what its output does not show: credentials in plaintext, files
/// that should be encrypted, secrets recognised only by their names, keys that one environment lacks, definitions that
/// nothing uses. Reads the project, writes nothing, and works without keys as far as possible: what could not be
/// checked is listed.
///
/// With `--staged`, checks the next commit instead of the files on disk: the apps of any project in the repository
/// that a staged file concerns. Staged files that are named `*.secrets.yaml`, or that a `path_regex` of `.sops.yaml`
/// matches, must be encrypted. No key is used; encrypted values are skipped silently (`-v` lists them).
///
/// With `--fix`, fixes what needs no decision: moves plaintext credentials into the encrypted file of their layer,
/// declares keys sensitive, and encrypts files. The rendered output stays the same.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct CheckArgs {
    /// Environments to check [default: all]
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environments: Vec<String>,
    /// Check only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Check only what is staged in Git, as a hook does before each commit
    #[arg(long, conflicts_with_all = ["environments", "apps", "rendered", "write_baseline"])]
    staged: bool,
    /// Fix what needs no decision, and report the rest
    #[arg(long, conflicts_with_all = ["write_baseline", "staged"])]
    fix: bool,
    /// Use no keys: encrypted values are not checked, which is a warning at most
    #[arg(long)]
    keyless: bool,
    /// Also check this output directory of `septum render --out`: it must be up to date
    #[arg(long, value_name = "DIR")]
    rendered: Option<PathBuf>,
    /// Accept plaintext Secrets in that directory where Git would commit them
    #[arg(long, requires = "rendered")]
    allow_plaintext: bool,
    /// Also use the rules in this file, in the format of gitleaks (repeatable)
    ///
    /// Each value is matched as `KEY: value`. The built-in rules stay in force.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Day on which accepted findings and certificates must be valid [default: today]; also reports values that are
    /// expired or overdue by `expires` and `rotateEvery`
    #[arg(long, value_name = "YYYY-MM-DD")]
    at: Option<Day>,
    /// Record current findings as known, in .septum-baseline.yaml: only new findings count
    #[arg(long, conflicts_with_all = ["environments", "apps", "format", "rendered"], help_heading = REPORT)]
    write_baseline: bool,
    /// Format of the report
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true, help_heading = REPORT)]
    format: CheckFormat,
    /// Least severity of findings that fail the check
    #[arg(long, value_name = "SEVERITY", default_value = "warning", hide_default_value = true, help_heading = REPORT)]
    fail_on: FailOn,
}

/// Heading of the options for what is reported.
const REPORT: &str = "Report options";

/// Help of `septum check`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Check every app and environment", "septum check"),
        ("Check in a GitHub workflow, without a key", "septum check --keyless --format github"),
        ("Check what the next commit would contain", "septum check --staged"),
        ("Fix what can be fixed automatically", "septum check --fix"),
    ],
    exit_codes: &[
        (0, "no findings"),
        (1, "findings; with `--fail-on error`, only errors count"),
        (2, "an app could not be checked: one of its layers cannot be read"),
        (3, "no findings, but something could not be checked without a key"),
        (4, "something could not be read or written"),
    ],
    topics: &[
        HelpTopic::Project,
        HelpTopic::Recipients,
        HelpTopic::Identities,
        HelpTopic::Output,
        HelpTopic::Findings,
        HelpTopic::Git,
    ],
};

/// Format of a report of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// Findings with their lines and hints
    Text,
    /// JSON with stable field names
    Json,
    /// SARIF 2.1.0, for code scanning tools
    Sarif,
    /// Annotations of GitHub workflows, and all findings in the summary of the job
    Github,
    /// Code Quality report of GitLab
    Gitlab,
    /// Report of tests (JUnit), for Jenkins, Azure DevOps and others
    Junit,
    /// Reviewdog Diagnostic Format
    Rdjson,
}

/// Least severity of findings that fail a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Only errors; warnings are reported
    Error,
    /// Errors and warnings
    Warning,
}

impl From<FailOn> for Severity {
    fn from(least: FailOn) -> Self {
        match least {
            FailOn::Error => Self::Error,
            FailOn::Warning => Self::Warning,
        }
    }
}

impl CheckArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        let mut fixed = Vec::new();
        match self.fix_findings(global, output, &mut fixed) {
            Ok(Some(report)) => match self.print_report(&report, &fixed, output) {
                Ok(()) => self.exit_code(&report),
                told @ Err(_) => output.finish(told),
            },
            Ok(None) => ExitCode::SUCCESS,
            Err(problems) => {
                // the fixes are reported, whatever fails later
                print_fixed(&fixed, output);
                output.finish(Err(problems))
            }
        }
    }

    /// Findings; with `--fix`, those left after all automatic fixes, which may reveal others.
    fn fix_findings(
        &self,
        global: &GlobalArgs,
        output: &OutputStreams,
        fixed: &mut Vec<AppliedFix>,
    ) -> Result<Option<CheckReport>, Diagnostics> {
        if !self.fix {
            return self.create_report(global, output);
        }
        let identities = if self.keyless { Identities::new(IdentitySources::default()) } else { user_identities() };
        let wish = RecipientOptions { named: Vec::new(), usual: usual_recipients()?, has_option: false };
        for _ in 0..MOST_ROUNDS {
            budget::reset_budgets();
            let Some(mut report) = self.create_report(global, output)? else { return Ok(None) };
            let project = Project::discover(&global.directory)?;
            let (files, rules) = (&project.files, &SopsConfigCache::default());
            let waiting = &|name: &str| output.print_waiting(name);
            let desk = FixContext {
                files,
                rules,
                identities: &identities,
                recipient_options: &wish,
                now: current_time(),
                waiting,
            };
            let new = fix::apply_fixes(desk, &mut report.findings);
            if new.is_empty() {
                return Ok(Some(report));
            }
            fixed.extend(new);
        }
        self.create_report(global, output)
    }

    /// Findings; none if they were written to the baseline.
    fn create_report(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<Option<CheckReport>, Diagnostics> {
        let today = self.at.or_else(|| Some(current_time().day()));
        if self.staged {
            let mut report = check::check_staged(
                &GitIndex::of(&global.directory)?,
                &self.read_rules(global)?,
                today,
                current_time(),
            )?;
            for unseen in report.unseen.extract_if(.., |unseen| unseen.lacks_key()) {
                output.print_detail(|| format!("not checked: {unseen}"));
            }
            return Ok(Some(report));
        }
        let project = Project::discover(&global.directory)?;
        let wanted = find_environments(&project, &self.environments)?;
        let identities = if self.keyless { Identities::new(IdentitySources::default()) } else { quiet_identities() };
        let mut pipeline = Pipeline::new(&project, identities).on_day(self.at);
        pipeline.library.read_partial_layers();
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        let baseline = Baseline::of_project(&project)?;
        let rules = self.read_rules(global)?;
        let rendered = self.rendered.as_deref().map(|dir| output::path_below(global, dir));
        if let Some(dir) = &rendered {
            argument::check_tree("--rendered", dir)?;
        }
        let scope = CheckScope {
            apps: &apps,
            environments: &wanted,
            is_whole: self.environments.is_empty() && self.apps.is_empty(),
            rendered: rendered.as_deref(),
            rules: &rules,
            baseline: baseline.as_ref(),
            today,
            now: current_time(),
            only: None,
        };
        if self.write_baseline {
            return write_baseline(&pipeline, &scope, output);
        }
        let mut report = check::check_apps(&pipeline, &scope);
        let root = project.files.root();
        if let Some(repository) = project.files.disk().repository_of(root) {
            report.in_repository(root, repository);
        }
        if self.keyless {
            report.excuse_missing_keys();
        }
        if self.allow_plaintext {
            report.findings.retain(|finding| finding.diagnostic.rule != Rule::PlaintextOutput);
        }
        Ok(Some(report))
    }

    /// Reads the rules of all files, or reports the errors of all.
    fn read_rules(&self, global: &GlobalArgs) -> Result<Vec<UserRules>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut rules = Vec::new();
        for path in &self.rules {
            let source =
                read_source(&global.directory.join(path), &output::shown_path(path)).map_err(Diagnostics::from);
            match source.and_then(|source| UserRules::read(&source)) {
                Ok(read) => rules.push(read),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    fn exit_code(&self, report: &CheckReport) -> ExitCode {
        match report.failure(self.fail_on.into()) {
            None => ExitCode::SUCCESS,
            Some(FailureKind::Key) if self.keyless => ExitCode::SUCCESS,
            Some(FailureKind::Found) => ExitCode::from(1),
            Some(FailureKind::Bug) => ExitCode::from(output::BUG),
            Some(FailureKind::Invalid) => ExitCode::from(output::INVALID),
            Some(FailureKind::Key) => ExitCode::from(3),
            Some(FailureKind::Io) => ExitCode::from(4),
        }
    }

    fn print_report(
        &self,
        report: &CheckReport,
        fixed: &[AppliedFix],
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        if self.format != CheckFormat::Text {
            print_fixed(fixed, output);
        }
        match self.format {
            CheckFormat::Text => {
                output.print_text(&report_text(report, fixed, self.staged, output))?;
                // a committer must not be told that all is well
                if !self.staged || !report.findings.is_empty() {
                    output.print_note(&summary_line(report, fixed));
                }
                Ok(())
            }
            CheckFormat::Json => output::print_json(&report_json(report, self.fix.then_some(fixed))),
            CheckFormat::Sarif => output::print_json(&sarif_log(report)),
            CheckFormat::Github => {
                output::print_result(&workflow_commands(report))?;
                append_step_summary(report, output);
                Ok(())
            }
            CheckFormat::Gitlab => print_for_file(&code_quality_report(report), &summary_line(report, fixed), output),
            CheckFormat::Rdjson => print_for_file(&rdjson_report(report), &summary_line(report, fixed), output),
            CheckFormat::Junit => {
                output::print_result(&junit_report(report, self.fail_on.into()))?;
                output.print_note(&summary_line(report, fixed));
                Ok(())
            }
        }
    }
}

/// Prints a report that CI reads from a file, and the numbers for people, who see only the log.
fn print_for_file(report: &Json, summary: &str, output: &OutputStreams) -> Result<(), Diagnostics> {
    output::print_json(report)?;
    output.print_note(summary);
    Ok(())
}

/// The text of a file that the command line names.
fn read_source(path: &Path, name: &str) -> Result<Source, Diagnostic> {
    let bytes = read_named(FileKind::CustomRules, path, name).map_err(|error| match error.rule {
        Rule::MissingFile => error.with_failure(FailureKind::Io),
        _ => error,
    })?;
    let not_text = |_| Diagnostic::error(Rule::NotUtf8, format!("`{name}` is not UTF-8 text"));
    Ok(Source::new(name, String::from_utf8(bytes).map_err(not_text)?))
}

/// Maximum number of rounds of fixes that reveal other findings: a file that is encrypted, a key that then is not
/// declared.
const MOST_ROUNDS: usize = 8;

fn print_fixed(fixed: &[AppliedFix], output: &OutputStreams) {
    for fixed in fixed {
        output.print_note(&fixed_line(fixed));
    }
}

fn fixed_line(fixed: &AppliedFix) -> String {
    let advice = if fixed.was_open { "; rotate the credential at its issuer: Git history keeps it" } else { "" };
    format!("fixed[{}]: {}{advice}", fixed.rule, fixed.message)
}

fn report_text(report: &CheckReport, fixed: &[AppliedFix], is_staged: bool, output: &OutputStreams) -> StyledText {
    let mut out = StyledText::new();
    for fixed in fixed {
        out.push_line(fixed_line(fixed));
    }
    if !fixed.is_empty() {
        out.end_line();
    }
    for finding in &report.findings {
        // hooks run at the root of the repository
        let diagnostic = if is_staged { in_repository(finding) } else { output.placed(finding.diagnostic.clone()) };
        let diagnostic = match &finding.skip_reason {
            Some(why) => diagnostic.note(format!("not fixed: {why}")),
            None => diagnostic,
        };
        out.append(styled_with_rule(&diagnostic));
        out.end_line();
        out.end_line();
    }
    for unseen in &report.unseen {
        out.push_line(format!("not checked: {unseen}"));
    }
    out
}

/// A finding with its paths from the root of the repository, and commands that work there.
fn in_repository(finding: &Finding) -> Diagnostic {
    let shown = finding.in_repository();
    match finding.project().and_then(CommandPlace::of) {
        Some(place) => place.place(shown),
        None => shown,
    }
}

fn counted_noun(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Writes the current findings to the baseline, and returns those that cannot be in it: layers that cannot be read.
fn write_baseline(
    pipeline: &Pipeline<'_>,
    scope: &CheckScope<'_>,
    output: &OutputStreams,
) -> Result<Option<CheckReport>, Diagnostics> {
    // with the same key, known findings are written as before
    let none = scope.baseline.map_or_else(Baseline::new, |known| known.with_findings(&[]));
    let mut report = check::check_apps(pipeline, &CheckScope { baseline: Some(&none), ..*scope });
    let new = none.with_findings(&report.findings);
    // known findings of an app that was not checked would be new when it can be read again
    if report.failure(Severity::Error) == Some(FailureKind::Invalid) {
        return Ok(Some(report));
    }
    report.findings.retain(|finding| !finding.is_acceptable());
    let files = &pipeline.library.project.files;
    let path = files.writable_path(FileKind::Baseline, &files.root().join(BASELINE))?;
    atomic::replace_file(&path, new.to_string().as_bytes())
        .map_err(|error| Diagnostic::unwritable(BASELINE, &error))?;
    output.print_note(&format!("septum: {} recorded in {BASELINE}", counted_noun(new.count_findings(), "finding")));
    Ok((!report.findings.is_empty()).then_some(report))
}

/// Counts of findings, in a line.
fn summary_line(report: &CheckReport, fixed: &[AppliedFix]) -> String {
    let count = |severity| report.findings.iter().filter(|finding| finding.diagnostic.severity == severity).count();
    let mut parts =
        vec![counted_noun(count(Severity::Error), "error"), counted_noun(count(Severity::Warning), "warning")];
    if !fixed.is_empty() {
        parts.push(format!("{} fixed", fixed.len()));
    }
    if !report.accepted.is_empty() {
        parts.push(format!("{} accepted", report.accepted.len()));
    }
    if !report.unseen.is_empty() {
        parts.push(format!("{} not checked", counted_noun(report.unseen.len(), "file")));
    }
    format!("septum: {}", parts.join(", "))
}

fn report_json(report: &CheckReport, fixed: Option<&[AppliedFix]>) -> Json {
    let findings: Vec<FindingView<'_>> = report.findings.iter().map(Finding::view).collect();
    let mut all = serde_json::json!({ "findings": findings, "unseen": report.unseen });
    if let Some(fixed) = fixed {
        let one = |it: &AppliedFix| serde_json::json!({ "rule": it.rule, "message": it.message, "file": it.file });
        all["fixed"] = fixed.iter().map(one).collect();
    }
    all
}
