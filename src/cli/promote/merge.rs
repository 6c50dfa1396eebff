//! `septum promote ENV --staged`: what waits for an environment is merged into it.

use super::super::output::{OutputStreams, invalid_usage};
use super::super::{find_apps, find_environment, user_identities};
use super::PromoteArgs;
use super::report::{PlannedPromotion, refusal_error};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::name::EnvironmentName;
use septum::pipeline::Pipeline;
use septum::project::{App, Project};
use septum::promote::{PromotionHistory, find_source, plan_merge};

impl PromoteArgs {
    /// Plans the merge of all incoming files of an environment.
    pub(super) fn plan_merge<'p>(
        &self,
        project: &'p Project,
        output: &OutputStreams,
    ) -> Result<PlannedPromotion<'p>, Diagnostics> {
        let to = find_environment(project, &self.from)?;
        let identities = user_identities();
        let pipeline = Pipeline::new(project, user_identities());
        let apps = find_apps(&pipeline, project, &self.apps)?;
        super::super::diff::check_files(project, &apps)?;
        let waiting = waiting_apps(&pipeline, &apps, &to)?;
        let from = match waiting.split_first() {
            None => to.clone(),
            Some(((_, first), rest)) => {
                if let Some((_, other)) = rest.iter().find(|(_, other)| other != first) {
                    return Err(invalid_usage(format!("values of `{first}` and of `{other}` wait in different apps"))
                        .hint("merge those of one app at a time: `--app APP`")
                        .into());
                }
                first.clone()
            }
        };
        let history = PromotionHistory::read(project, (from.as_str(), to.as_str()), None)?;
        let request = self.request([&from, &to], &identities);
        let (mut planned, mut uncommitted, mut trailers) = (Vec::new(), Vec::new(), Vec::new());
        for (app, _) in &waiting {
            let Some(promotion) = plan_merge(&pipeline, app, &request, &history)? else { continue };
            uncommitted.extend(history.uncommitted(app, &to)?);
            planned.push(promotion);
        }
        let refused: Diagnostics = planned.iter().flat_map(|app| app.rows.iter().filter_map(refused_merge)).collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        if !waiting.is_empty() {
            self.check_names(&planned, &from, output)?;
        }
        let mut plan =
            PlannedPromotion { from, to, apps: planned, history, trailers: Vec::new(), uncommitted, is_merge: true };
        plan.note_skipped(true, output);
        let has_several_apps = project.apps.len() > 1;
        for app in &plan.apps {
            let commit = app.merged.as_ref().and_then(|file| file.source.commit.as_deref());
            trailers.extend(commit.and_then(|commit| plan.trailer(app, commit, has_several_apps)));
        }
        plan.trailers = trailers;
        Ok(plan)
    }
}

/// The apps in which values wait, each with the environment that they come from.
fn waiting_apps<'a>(
    pipeline: &Pipeline<'_>,
    apps: &[&'a App],
    to: &EnvironmentName,
) -> Result<Vec<(&'a App, EnvironmentName)>, Diagnostics> {
    let mut found = Vec::new();
    for app in apps.iter().filter(|app| app.environments.contains(to)) {
        found.extend(find_source(pipeline, app, to)?.map(|from| (*app, from)));
    }
    Ok(found)
}

/// Error for a value that waits and that a rule forbids to promote.
fn refused_merge(row: &septum::promote::PromotionRow) -> Option<Diagnostic> {
    let error = refusal_error(row)?;
    let hint = format!("`--ours '{}'` leaves it out", row.name);
    (error.rule == Rule::PromotionBlocked).then(|| error.hint(hint))
}
