//! The effect of a promotion, before a byte is written.

use super::outcome::AppPromotion;
use super::own_file::StagedFile;
use crate::budget;
use crate::check::{self, Baseline, CheckScope};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::diff::{self, DiffReport, DiffScope, DiffSide, ProjectPair};
use crate::disk::Disk;
use crate::name::EnvironmentName;
use crate::pipeline::Pipeline;
use crate::project::{Project, ProjectRoot, SECRETS};
use crate::sops::{self, Identities, Timestamp};
use crate::sort::CollectSorted;
use crate::span::Source;

/// The effect of new bytes of layers on an environment.
#[derive(Debug)]
pub struct PromotionEffect {
    /// Differences of what is rendered.
    pub report: DiffReport,
    /// Findings that the environment does not have without them.
    pub findings: Diagnostics,
}

/// Renders and checks an environment with new bytes of its layers. `identities` opens those of the user.
pub fn verify_promotion(
    project: &Project,
    root: &ProjectRoot,
    environment: &EnvironmentName,
    apps: &[AppPromotion],
    identities: &dyn Fn() -> Identities,
    now: Timestamp,
) -> Result<PromotionEffect, Diagnostics> {
    if apps.iter().all(|app| app.staged.is_empty()) {
        return Ok(PromotionEffect { report: DiffReport::default(), findings: Diagnostics::new() });
    }
    check_ciphertext(apps)?;
    let staged = apps.iter().flat_map(|app| &app.staged);
    let changed = staged.map(|file| (file.path.clone(), file.bytes.clone())).collect_map();
    let after = Project::open(&Disk::with_files(changed), root)?;
    let names: Vec<String> = apps.iter().filter(|app| !app.staged.is_empty()).map(|app| app.app.to_string()).collect();
    let findings: Diagnostics = {
        let known = findings_of(project, environment, &names, identities(), now)?;
        let found = findings_of(&after, environment, &names, identities(), now)?;
        // what waits is reported as the outcome
        let is_new = |finding: &Diagnostic| {
            finding.rule != Rule::WaitingPromotion
                && known.iter().all(|known| (known.rule, &known.message) != (finding.rule, &finding.message))
        };
        found.into_iter().filter(is_new).collect()
    };
    budget::reset_budgets();
    let pipelines = [project, &after].map(|project| Pipeline::new(project, identities()));
    let [left, right] = &pipelines;
    let (was, is) = (environment.to_string(), format!("{environment} (promoted)"));
    let pair = ProjectPair {
        left: DiffSide { label: &was, pipeline: Some(left), upward: None },
        right: DiffSide { label: &is, pipeline: Some(right), upward: None },
        changed: None,
    };
    let wanted = [environment.to_string()];
    // an error in the new state is a finding too
    let report = match diff::compare_projects(&pair, DiffScope { environments: &wanted, apps: &names }) {
        Ok(report) => report,
        Err(problems) if findings.has_errors() => DiffReport { warnings: problems, ..DiffReport::default() },
        Err(problems) => return Err(problems),
    };
    Ok(PromotionEffect { report, findings })
}

/// Refuses plaintext in a file of secrets, by the name of the file, whatever staged it.
fn check_ciphertext(apps: &[AppPromotion]) -> Result<(), Diagnostics> {
    let is_of_secrets = |file: &&StagedFile| file.is_secret || file.path.to_string_lossy().ends_with(SECRETS);
    let is_encrypted = |file: &StagedFile| {
        let source = Source::new(file.name.as_str(), String::from_utf8_lossy(&file.bytes));
        crate::yaml::read::read_document(&source).is_ok_and(|root| sops::is_encrypted(&root))
    };
    let files = apps.iter().flat_map(|app| &app.staged).filter(is_of_secrets).filter(|file| !is_encrypted(file));
    let problems: Diagnostics = files
        .map(|file| {
            let message = format!("`{}` would not be encrypted; nothing was written", file.name);
            Diagnostic::error(Rule::NotEncrypted, message).hint("this is a bug in Septum: please report it")
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Findings of `check` in an environment.
fn findings_of(
    project: &Project,
    environment: &EnvironmentName,
    names: &[String],
    identities: Identities,
    now: Timestamp,
) -> Result<Vec<Diagnostic>, Diagnostics> {
    budget::reset_budgets();
    let pipeline = Pipeline::new(project, identities);
    let baseline = Baseline::of_project(project)?;
    let mut apps = Vec::new();
    for app in &project.apps {
        let name = pipeline.library.app_name(app)?;
        if names.iter().any(|wanted| wanted == name.as_str()) {
            apps.push(app);
        }
    }
    let scope = CheckScope {
        baseline: baseline.as_ref(),
        ..CheckScope::of_layers(&apps, std::slice::from_ref(environment), now)
    };
    let report = check::check_apps(&pipeline, &scope);
    Ok(report.findings.into_iter().map(|finding| finding.diagnostic).collect())
}
