//! `septum promote`

mod merge;
mod report;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use self::report::{PlannedPromotion, blocked_errors, refusal_error};
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, argument, files, find_apps, find_environment, prompt, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::diff::{self, MarkdownOptions};
use septum::disk::Disk;
use septum::name::EnvironmentName;
use septum::pipeline::Pipeline;
use septum::project::{App, Project};
use septum::promote::{
    AppPromotion, PromotionEffect, PromotionHistory, PromotionOutcome, PromotionRequest, PromotionRow, plan_promotion,
    verify_promotion,
};
use septum::secret_files::{remove_unchanged, write_all};
use septum::sops::Identities;
use septum::sort::CollectSorted as _;

/// Copy the values of one environment to another
///
/// Copies what the own layer of FROM sets to the layer of TO, with comments and style: entries, images and patches;
/// `replicas.NAME` and `vars.NAME` only if they are named. Values in encrypted files are encrypted for the recipients of
/// TO. Values of secrets are copied only if `promote: always` is set for the key, other values unless `promote: never`
/// is.
///
/// The changes of TO are shown first, and are checked as `septum check TO` does: nothing is written if there is a new
/// error, or before you agree (`--yes`).
///
/// A commit with the line `Septum-Promoted:` in its message records a promotion. The next one copies only what changed
/// in FROM since then. `--commit` makes that commit, of the changed files alone; without it, the line is printed. No hook
/// and no other program of the repository is run. What changed in both is a conflict, and nothing is written before you decide with `--ours` or
/// `--theirs`. Without such a commit, everything that differs is copied.
///
/// Without a key for the encrypted file of TO, `--stage` leaves the values for it in `TO.incoming.secrets.yaml`, encrypted
/// for the recipients of TO. `septum promote TO --staged`, by somebody with a key, merges that file and removes it.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct PromoteArgs {
    /// Environment whose values are copied; with `--staged`, the one whose waiting values are merged
    #[arg(value_name = "FROM", add = super::completions::environments())]
    from: String,
    /// Environment that gets them
    #[arg(value_name = "TO", required_unless_present = "staged", add = super::completions::environments())]
    to: Option<String>,
    /// Keys, or globs such as `CACHE_*`; `BUNDLE/KEY`, `images.NAME`, `patches.NAME`, `replicas.NAME`, `vars.NAME`
    /// [default: all keys, images and patches]
    #[arg(value_name = "KEY", add = super::completions::keys())]
    keys: Vec<String>,
    /// Promote only in this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Revision since which changes are promoted [default: the commit of the last promotion]
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Keep the value of TO for this key (repeatable)
    #[arg(long, value_name = "KEY")]
    ours: Vec<String>,
    /// Copy the value of FROM for this key, even if TO changed it (repeatable)
    #[arg(long, value_name = "KEY")]
    theirs: Vec<String>,
    /// Also remove what FROM no longer sets, or removes
    #[arg(long)]
    deletions: bool,
    /// Without a key for the encrypted file of TO, leave the values for it in `TO.incoming.secrets.yaml`
    #[arg(long)]
    stage: bool,
    /// Merge the values that wait for an environment into it, and remove the incoming file
    #[arg(long, conflicts_with_all = ["to", "stage", "base", "deletions"])]
    staged: bool,
    /// Write nothing: show what would change, with exit code 1 if anything would
    #[arg(long)]
    dry_run: bool,
    /// Write without asking
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,
    /// Commit the changed files, and nothing else, with the line that records the promotion
    #[arg(long, conflicts_with = "dry_run")]
    commit: bool,
    /// Commit on a new branch, which is checked out
    #[arg(long, value_name = "NAME", requires = "commit")]
    branch: Option<String>,
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: PromoteFormat,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// Format of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PromoteFormat {
    /// Text for a terminal
    Text,
    /// A text for a pull request
    Markdown,
    /// JSON with stable field names
    Json,
}

/// Longest output in Markdown: a forge accepts 65,536 characters.
const LONGEST: usize = 65_000;

/// Help of `septum promote`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Show what would be copied from staging to prod", "septum promote staging prod --dry-run"),
        ("Copy everything that may be copied", "septum promote staging prod --yes"),
        ("Copy some keys", "septum promote staging prod 'TOKEN_*' DATABASE_HOST --yes"),
        ("Write the text of a pull request", "septum promote dev staging --dry-run --format markdown"),
        ("Leave secrets for somebody with a key of prod", "septum promote staging prod --stage --yes"),
        ("Merge what was left for prod, with its key", "septum promote prod --staged --yes"),
    ],
    exit_codes: &[
        (0, "done, or there is nothing to promote"),
        (1, "with `--dry-run`: there is something to promote; a value changed in both environments"),
        (2, "wrong usage or invalid input, or a new error in TO; nothing was written"),
        (3, "missing key"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities, HelpTopic::Git],
};

impl PromoteArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        match self.promote(global, output) {
            Ok(code) => code,
            Err(problems) => output.finish(Err(problems)),
        }
    }

    fn format(&self) -> PromoteFormat {
        if self.json { PromoteFormat::Json } else { self.format }
    }

    fn promote(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<ExitCode, Diagnostics> {
        let is_asked = !self.dry_run && !self.yes;
        if is_asked && self.format() != PromoteFormat::Text {
            return Err(invalid_usage("this format requires `--dry-run` or `--yes`".to_owned()).into());
        }
        let project = Project::discover(&global.directory)?;
        let mut plan = if self.staged { self.plan_merge(&project, output)? } else { self.plan(&project, output)? };
        let rows = || plan.apps.iter().flat_map(|app| app.rows.iter().map(move |row| (app, row)));
        let conflicts: Vec<_> = rows().filter(|(_, row)| row.outcome == PromotionOutcome::Conflict).collect();
        if !conflicts.is_empty() {
            if self.format() == PromoteFormat::Json {
                output::print_json(&plan.view(None, false))?;
            }
            return Err(conflicts.iter().map(|(_, row)| plan.conflict_error(row)).collect());
        }
        if plan.apps.iter().all(|app| app.staged.is_empty() && app.merged.is_none()) {
            match self.format() {
                PromoteFormat::Json => output::print_json(&plan.view(None, false))?,
                PromoteFormat::Markdown => output::print_result("Nothing to promote.\n")?,
                PromoteFormat::Text => {}
            }
            output.print_note(&plan.nothing_note());
            if plan.has_decision() && !self.dry_run {
                let commit = self.write(&mut plan, output)?;
                plan.report_record(commit.as_ref(), output);
            }
            return Ok(ExitCode::SUCCESS);
        }
        if is_asked && !prompt::is_attended() {
            return Err(invalid_usage("nobody can be asked here".to_owned())
                .hint("use `--yes` to write without asking, or `--dry-run` to see what would change")
                .into());
        }
        let effect = verify_result(&project, &plan)?;
        let is_blocked = effect.findings.has_errors();
        if self.format() != PromoteFormat::Json {
            self.show(&plan, &effect, output)?;
        } else if is_blocked || self.dry_run {
            output::print_json(&plan.view(Some(&effect), false))?;
        }
        if is_blocked {
            return Err(blocked_errors(effect.findings, &plan.to));
        }
        output.print_findings(effect.findings.clone());
        if self.dry_run {
            return Ok(ExitCode::from(1));
        }
        if is_asked
            && prompt::press_enter("Press Enter to write, or q and Enter to leave everything as it is:") != Some(true)
        {
            output.print_note("septum: nothing was written");
            return Ok(ExitCode::from(1));
        }
        let commit = self.write(&mut plan, output)?;
        if self.format() == PromoteFormat::Json {
            output::print_json(&plan.view(Some(&effect), true))?;
        }
        plan.report_done(commit.as_ref(), output);
        Ok(ExitCode::SUCCESS)
    }

    /// Writes the files of all apps, and commits them if asked. Returns the commit and its branch.
    fn write(
        &self,
        plan: &mut PlannedPromotion<'_>,
        output: &OutputStreams,
    ) -> Result<Option<(String, String)>, Diagnostics> {
        let commit = self.commit.then(|| self.prepare_commit(plan)).transpose()?;
        let staged: Vec<_> = plan.apps.iter_mut().flat_map(|app| std::mem::take(&mut app.staged)).collect();
        let files: Vec<_> = staged.iter().map(|file| (file.path.clone(), file.bytes.clone())).collect();
        let rewrites = staged.into_iter().map(septum::promote::StagedFile::into_rewrite).collect();
        write_all(rewrites, &|name| output.print_waiting(name))?;
        // a merge that is interrupted here finds nothing to change when it is repeated
        let merged: Vec<_> = plan.apps.iter().filter_map(|app| app.merged.as_ref()).collect();
        for file in &merged {
            remove_unchanged(&file.path, &file.name, &file.content, &|name| output.print_waiting(name))
                .map_err(|found| found.note("the values that waited before were merged and written already"))?;
        }
        let removed: Vec<_> = merged.iter().map(|file| file.path.clone()).collect();
        let Some(commit) = commit else { return Ok(None) };
        let message = format!("promote {} to {}\n\n{}\n", plan.from, plan.to, plan.trailers.join("\n"));
        let made = commit.commit(&files, &removed, &message);
        let name = made.map_err(|found| found.note("the files were written, and are not committed"))?;
        Ok(Some((name, commit.branch().to_owned())))
    }

    /// Prepares the commit, before anything is written.
    fn prepare_commit(&self, plan: &PlannedPromotion<'_>) -> Result<septum::git::PlannedCommit, Diagnostics> {
        let commit = plan.history.prepare_commit(self.branch.as_deref())?;
        if let Some(file) = plan.uncommitted.first() {
            return Err(Diagnostic::error(
                Rule::PromotionBlocked,
                format!("`{file}` has changes that are not committed"),
            )
            .hint("commit or undo them first, so that the commit is the promotion alone")
            .into());
        }
        Ok(commit)
    }

    fn plan<'p>(&self, project: &'p Project, output: &OutputStreams) -> Result<PlannedPromotion<'p>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let to = self.to.as_deref().unwrap_or_default();
        let found = [self.from.as_str(), to].map(|name| problems.take(find_environment(project, name)));
        let [Some(from), Some(to)] = found else { return Err(problems) };
        if from == to {
            return Err(invalid_usage(format!("`{from}` cannot be promoted to itself")).into());
        }
        let identities = user_identities();
        let pipeline = Pipeline::new(project, user_identities());
        let apps = find_apps(&pipeline, project, &self.apps)?;
        super::diff::check_files(project, &apps)?;
        let base = self.base.as_deref();
        let history = PromotionHistory::read(project, (from.as_str(), to.as_str()), base)?;
        let request = self.request([&from, &to], &identities);
        let (mut planned, mut uncommitted, mut target) = (Vec::new(), Vec::new(), Vec::new());
        for app in &apps {
            let Some(promotion) = plan_promotion(&pipeline, app, &request, &history)? else {
                let name = pipeline.library.app_name(app)?;
                let has_both = |other: &&App| [&from, &to].iter().all(|name| other.environments.contains(name));
                let is_namesake = |other: &App| pipeline.library.app_name(other).is_ok_and(|other| other == name);
                let is_elsewhere = apps.iter().copied().filter(has_both).any(is_namesake);
                if !self.apps.is_empty() && !is_elsewhere {
                    let lacking = [&from, &to].into_iter().filter(|name| !app.environments.contains(name));
                    return Err(app.lacks_environments(&name, lacking).into());
                }
                continue;
            };
            if promotion.rows.iter().any(PromotionRow::is_change) {
                uncommitted.extend(history.uncommitted(app, &from)?);
                target.extend(history.uncommitted(app, &to)?);
            }
            planned.push(promotion);
        }
        if planned.is_empty() {
            return Err(
                Diagnostic::error(Rule::UnknownEnvironment, format!("no app has both `{from}` and `{to}`")).into()
            );
        }
        self.check_names(&planned, &from, output)?;
        let (trailers, is_merge) = (Vec::new(), false);
        let mut plan = PlannedPromotion { from, to, apps: planned, history, trailers, uncommitted: target, is_merge };
        plan.note_skipped(self.keys.is_empty(), output);
        plan.add_trailers(&uncommitted, project.apps.len() > 1, output);
        plan.uncommitted.extend(uncommitted);
        Ok(plan)
    }

    fn request<'r>(&'r self, [from, to]: [&'r EnvironmentName; 2], identities: &'r Identities) -> PromotionRequest<'r> {
        PromotionRequest {
            from,
            to,
            keys: &self.keys,
            ours: &self.ours,
            theirs: &self.theirs,
            deletions: self.deletions,
            stage: self.stage,
            identities,
            now: files::current_time(),
        }
    }

    /// Refuses names that nothing has, and keys that are named and never promoted.
    fn check_names(
        &self,
        apps: &[AppPromotion],
        from: &EnvironmentName,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::new();
        for pattern in self.keys.iter().chain(&self.ours).chain(&self.theirs) {
            let is_glob = pattern.contains(['*', '?']);
            let rows: Vec<_> = apps
                .iter()
                .flat_map(|app| app.rows.iter().filter(|row| row.item.is_meant_by(pattern, app.app.as_str())))
                .collect();
            let is_known =
                apps.iter().any(|app| app.known.iter().any(|item| item.is_meant_by(pattern, app.app.as_str())));
            if rows.is_empty() && !is_known {
                let known: Vec<_> =
                    apps.iter().flat_map(|app| app.known.iter().map(|item| item.name(app.app.as_str()))).collect();
                let (message, hint) = argument::unknown_name("key", pattern, known.iter().map(String::as_str));
                problems.push(
                    Diagnostic::error(Rule::UnknownKey, message).maybe_hint(hint).hint("`septum list` shows all keys"),
                );
            } else if rows.is_empty() {
                let inherited = apps.iter().flat_map(|app| app.inherited.iter().map(move |value| (app, value)));
                let meant = inherited.filter(|(app, value)| value.item.is_meant_by(pattern, app.app.as_str()));
                let files: Vec<_> =
                    meant.map(|(_, value)| format!("`{}`", value.file)).collect_set().into_iter().collect();
                let place = if files.is_empty() { String::new() } else { format!(", but in {}", files.join(", ")) };
                output.print_note(&format!("septum: `{pattern}` is not set in the layer of `{from}` itself{place}"));
            } else if !is_glob {
                problems.extend(rows.into_iter().filter_map(refusal_error));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn show(
        &self,
        plan: &PlannedPromotion<'_>,
        effect: &PromotionEffect,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        if self.format() == PromoteFormat::Markdown {
            let (command, waiting) = (plan.command(), plan.waiting_markdown());
            let max_chars = LONGEST.saturating_sub(waiting.chars().count());
            let text = diff::to_markdown(&effect.report, MarkdownOptions { max_chars, command: &command });
            return output::print_result(&(text + &waiting));
        }
        let mut text = diff::to_text(&effect.report);
        if effect.report.changes.is_empty() {
            text.push_line("nothing that is rendered changes");
        }
        text.end_line();
        for (file, names) in plan.files() {
            text.push_line(format!("{file}: {}", names.join(", ")));
        }
        for file in plan.apps.iter().filter_map(|app| app.merged.as_ref()) {
            text.push_line(format!("{} (merged, and removed)", file.name));
        }
        output.print_text(&text)
    }
}

/// Renders and checks the result in memory.
fn verify_result(project: &Project, plan: &PlannedPromotion<'_>) -> Result<PromotionEffect, Diagnostics> {
    let root = Project::locate(&Disk::default(), project.files.root())
        .ok_or_else(|| Diagnostic::error(Rule::NoProject, "the project was removed in the meantime"))?;
    let mut effect = verify_promotion(project, &root, &plan.to, &plan.apps, &user_identities, files::current_time())?;
    diff::fold_changes(&mut effect.report);
    Ok(effect)
}
