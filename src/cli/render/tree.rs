//! `septum render --out`: a tree of files, and what is printed about it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::files::{count_files, current_time};
use super::super::hydration::HydratorMetadata;
use super::super::output::{self, OutputStreams};
use super::super::watch::with_progress;
use super::RenderArgs;
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, Severity, shell_word};
use septum::meter::Meter;
use septum::name::EnvironmentName;
use septum::output_tree::{
    self, CacheOptions, ChangeSummary, FileChange, OnLostEnvironment, Publication, PublishIntent, RenderRequest,
    TreePlan, UnverifiedFile, VerificationState,
};
use septum::pipeline::Pipeline;
use septum::project::App;
use septum::test_hook;

impl RenderArgs {
    /// Writes the tree, or shows what would change.
    pub(super) fn to_tree(
        &self,
        pipeline: &Pipeline<'_>,
        apps: &[&App],
        wanted: &[EnvironmentName],
        dir: &Path,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let start = Instant::now();
        let metadata = self.metadata(pipeline, dir, output)?;
        let mut problems = Diagnostics::new();
        for app in apps.iter().filter(|app| !app.environments.iter().any(|name| wanted.contains(name))) {
            problems.extend(self.lacks_environments(pipeline, app, (apps, wanted))?);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        // the cache is for the forms of the layers
        let cache = if self.delivery.is_none() { cache_options() } else { None };
        let wish = RenderRequest {
            dir,
            apps,
            all_apps: self.apps.is_empty(),
            environments: wanted,
            all_environments: self.all,
            shard: self.shard,
            lost: if self.prune { OnLostEnvironment::Prune } else { OnLostEnvironment::Refuse },
            allow_plaintext: self.allow_plaintext,
            intent: if self.check { PublishIntent::Check } else { PublishIntent::Apply },
            cache: cache.as_ref(),
            now: current_time(),
        };
        let meter = &pipeline.meter;
        let mut publication = with_progress(meter, output, start, || output_tree::plan_publication(pipeline, &wish))?;
        let warnings = std::mem::take(&mut publication.warnings).into_iter();
        output
            .print_findings(warnings.filter(|warning| !self.keyless || warning.failure != FailureKind::Key).collect());
        let unverified = std::mem::take(&mut publication.unverified);
        if self.check {
            return self.show_changes(&publication, &unverified, dir, output);
        }
        let (targets, rendered) = (publication.targets, publication.rendered);
        let summary = with_progress(meter, output, start, || publication.apply(meter))?;
        output.print_note(&summary_line(targets, rendered, &summary, start.elapsed()));
        output.print_detail(|| inputs_line(pipeline));
        output.print_detail(|| stages_line(meter));
        if let Some(problem) = unverified_error(&unverified) {
            return Err(problem.into());
        }
        metadata.map_or(Ok(()), |metadata| metadata.write(dir))
    }

    /// The commit that `--metadata` names.
    fn metadata(
        &self,
        pipeline: &Pipeline<'_>,
        dir: &Path,
        output: &OutputStreams,
    ) -> Result<Option<HydratorMetadata>, Diagnostics> {
        if !self.metadata {
            return Ok(None);
        }
        let (metadata, warnings) = HydratorMetadata::of_project(pipeline, dir)?;
        output.print_findings(warnings);
        Ok(Some(metadata))
    }

    /// Shows planned changes, and unverified files; any change is a finding.
    fn show_changes(
        &self,
        publication: &Publication,
        unverified: &[UnverifiedFile],
        dir: &Path,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let plan = &publication.plan;
        let mut problems = Diagnostics::new();
        if plan.is_current() {
            problems.extend(not_verified(unverified, if self.keyless { Severity::Warning } else { Severity::Error }));
        } else {
            output.print_text(&output::style_diff(&plan.diff()))?;
            // it is known to be out of date, whatever else is unknown
            problems.extend(not_verified(unverified, Severity::Warning));
            problems.extend(publication.lost.iter().cloned().map(|lost| lost.with_failure(FailureKind::Found)));
            let is_lost = !publication.lost.is_empty();
            problems.push(self.stale_tree_error(plan, is_lost, &output::shown_path(dir)));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(problems)
    }

    /// Error: the tree is out of date.
    fn stale_tree_error(&self, plan: &TreePlan, is_lost: bool, dir: &str) -> Diagnostic {
        let ChangeSummary { created, changed, removed, .. } = plan.summary();
        let changes = plan.changes();
        let strays: Vec<_> = changes.iter().filter(|(_, change)| *change == FileChange::Stray).collect();
        let (changed, removed) = (created + changed, removed + strays.len());
        let what = match (changed, removed) {
            (changed, 0) => format!("{} differ", count_files(changed)),
            (0, removed) => format!("{} not generated", count_files(removed)),
            (changed, removed) => format!("{} differ, {} not generated", count_files(changed), count_files(removed)),
        };
        let what = what.replace("1 file differ", "1 file differs");
        let mut error = Diagnostic::error(Rule::StaleOutput, format!("`{dir}` is out of date: {what}"))
            .with_failure(FailureKind::Found);
        for (shown, _) in &strays {
            error = error.note(format!("`{shown}` is not generated by any app"));
        }
        if changes.len() > strays.len() {
            error = error.hint(format!("run `{}` to update it", self.update_command(is_lost, dir)));
        }
        if strays.is_empty() {
            error
        } else {
            error.hint("remove files that are not generated, or move them out of the output directory")
        }
    }

    /// The command that updates the tree.
    fn update_command(&self, is_lost: bool, dir: &str) -> String {
        let mut words = vec!["septum render".to_owned()];
        words.extend(if self.all { vec!["--all".to_owned()] } else { self.environments.clone() });
        words.extend(self.app_options());
        words.push(if matches!(self.out, Some(Some(_))) {
            format!("--out {}", shell_word(dir))
        } else {
            "--out".to_owned()
        });
        words.extend(is_lost.then(|| "--prune".to_owned()));
        words.extend(self.shard.map(|shard| format!("--shard {shard}")));
        words.join(" ")
    }
}

fn summary_line(targets: usize, rendered: usize, summary: &ChangeSummary, time: Duration) -> String {
    let mut parts = vec![format!("{rendered} of {} rendered", counted_noun(targets, "target"))];
    parts.push(format!("{} changed", counted_noun(summary.created + summary.changed, "file")));
    parts.push(format!("{} removed", summary.removed));
    format!("septum: {} in {}", parts.join(", "), shown_time(time))
}

fn counted_noun(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Counts of files read, in a line.
fn inputs_line(pipeline: &Pipeline<'_>) -> String {
    let (read, decrypted) = (pipeline.library.project.files.disk().reads(), pipeline.library.decrypted());
    format!("septum: {} read, {} decrypted", counted_noun(read, "file"), counted_noun(decrypted, "layer"))
}

/// Time spent in each stage, in a line.
fn stages_line(meter: &Meter) -> String {
    let stages = meter.spent().map(|(stage, time)| format!("{} {}", stage.as_str(), shown_time(time)));
    format!("septum: time in all threads: {}", stages.join(", "))
}

fn shown_time(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Location of the machine-local cache, if there is one.
fn cache_options() -> Option<CacheOptions> {
    let dir = CacheOptions::directory(|name| std::env::var_os(name))?;
    Some(CacheOptions { dir, now: test_hook::current_time() })
}

/// Maximum number of files that are named.
const MOST: usize = 10;

/// Error: files that could not be generated without a key; none if there are no such files.
fn unverified_error(unverified: &[UnverifiedFile]) -> Option<Diagnostic> {
    let left: Vec<_> = unverified.iter().filter(|unverified| unverified.state != VerificationState::Covered).collect();
    let message = match left.as_slice() {
        [] => return None,
        [_] => "cannot verify 1 file without a key".to_owned(),
        left => format!("cannot verify {} files without a key", left.len()),
    };
    let error = Diagnostic::error(Rule::Unseen, message);
    let error = name_files(error, &left);
    Some(error.hint("everything else is done; render again with a key of the environment"))
}

/// Files that could not be verified without a key. Those that are likely to be out of date come first.
fn not_verified(unverified: &[UnverifiedFile], severity: Severity) -> Option<Diagnostic> {
    let message = match unverified {
        [] => return None,
        [_] => "cannot verify 1 Secret without a key".to_owned(),
        all => format!("cannot verify {} Secrets without a key", all.len()),
    };
    let error = Diagnostic { severity, ..Diagnostic::error(Rule::UnverifiedSecret, message) };
    let error = name_files(error, &unverified.iter().collect::<Vec<_>>());
    Some(error.hint("check again with a key of the environment"))
}

fn name_files(error: Diagnostic, unverified: &[&UnverifiedFile]) -> Diagnostic {
    let shown = unverified.iter().take(MOST).map(|UnverifiedFile { target, file, state: standing }| {
        let file = match file {
            Some(file) => format!("{target}/{file}"),
            None => format!("{target}: manifests whose names depend on secrets"),
        };
        match standing {
            VerificationState::Covered | VerificationState::Unknown => file,
            VerificationState::Missing => format!("{file}: missing"),
            VerificationState::Different => format!("{file}: out of date beyond its ciphertext"),
            VerificationState::Uncovered => format!("{file}: its inputs changed since it was rendered"),
        }
    });
    let error = shown.fold(error, Diagnostic::note);
    let count = unverified.len();
    if count > MOST { error.note(format!("and {} more", count - MOST)) } else { error }
}
