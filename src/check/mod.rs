//! Every mistake of a project at once: what rendering finds, and what nobody would see in its output.
//!
//! Nothing is written, and no key is needed for what is plain; what could not be seen without one is
//! named, and is never taken for clean.

mod allow;
mod environments;
mod finding;
mod leak;
mod sarif;
mod undeclared;
mod unencrypted;
mod unused;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics, Failure, Severity};
use crate::name::EnvironmentName;
use crate::object::{Day, Unknown};
use crate::pipeline::{Pipeline, Survey};
use crate::project::App;
use crate::publish;
use crate::sops::Timestamp;

pub use finding::{Finding, FindingView};
pub use sarif::sarif;

use finding::Places;
use unused::Usage;

/// What is to be checked.
#[derive(Debug)]
pub struct Scope<'a> {
    /// The apps.
    pub apps: &'a [&'a App],
    /// The environments.
    pub environments: &'a [EnvironmentName],
    /// Today: what was accepted until a day may be past.
    pub today: Option<Day>,
    /// Now, which no output follows from.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, in the order of files.
    pub findings: Vec<Finding>,
    /// What would be wrong, but is accepted.
    pub accepted: Vec<Finding>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

impl Report {
    /// The worst that there is to say; nothing if all is well and was seen.
    pub fn failure(&self) -> Option<Failure> {
        let of = |failure| self.findings.iter().any(|finding| finding.failure() == failure);
        let kinds = [Failure::Invalid, Failure::Io, Failure::Found];
        let unseen = (!self.unseen.is_empty()).then_some(Failure::Key);
        kinds.into_iter().find(|kind| of(*kind)).or(unseen)
    }
}

/// Checks apps in environments.
pub fn check(pipeline: &Pipeline<'_>, scope: &Scope<'_>) -> Report {
    let mut found = Found::default();
    for app in scope.apps {
        let wanted: Vec<_> =
            app.environments.iter().filter(|name| scope.environments.contains(name)).cloned().collect();
        if !wanted.is_empty() {
            found.app(pipeline, app, &wanted, scope);
        }
    }
    found.report()
}

/// What was found by now.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    accepted: Vec<Finding>,
    unseen: BTreeSet<String>,
    usage: Usage,
}

impl Found {
    fn app(&mut self, pipeline: &Pipeline<'_>, app: &App, wanted: &[EnvironmentName], scope: &Scope<'_>) {
        let (mut problems, mut unopened) = (Diagnostics::new(), BTreeMap::new());
        let survey = pipeline.survey_as_far(app, wanted, &mut problems, &mut unopened);
        self.unseen.extend(unopened.values().flat_map(Diagnostics::iter).filter_map(unseen));
        let Some(survey) = survey else {
            let name = pipeline.library.app_name(app).ok();
            let name = name.as_ref().map(crate::name::AppName::as_str);
            self.findings.extend(problems.into_iter().map(|problem| Finding::of(problem, name, None, None)));
            return;
        };
        let places = Places::of(&survey);
        let mut findings = places.findings(problems, None);
        for environment in wanted {
            let mut problems = Diagnostics::new();
            let unknown = Unknown::Left(&|_| None);
            let objects = pipeline.objects_with(&survey, environment, unknown, &mut problems);
            if !problems.has_errors() {
                publish::deliver(pipeline, app, &survey, environment, objects, scope.now, &mut problems);
            }
            // of what is not kept, ciphertext is always new
            let worth = problems.into_iter().filter(|problem| problem.rule != "unstable-ciphertext");
            findings.extend(places.findings(worth, Some(environment)));
        }
        if wanted.len() == app.environments.len() {
            self.usage.look(&survey, &places);
        }
        findings.extend(rules(pipeline, app, &survey, wanted, &places));
        let (accepted, findings) = allow::accepted(findings, &survey, wanted, scope.today, &places, &mut self.usage);
        self.findings.extend(findings);
        self.accepted.extend(accepted);
    }

    /// In the order of files, each mistake once, wherever it was met.
    fn report(mut self) -> Report {
        self.findings.extend(std::mem::take(&mut self.usage).findings());
        let sorted = |mut findings: Vec<Finding>| {
            findings.sort_by(|a, b| a.key().cmp(&b.key()));
            findings.dedup_by(|a, b| a.is_same(b));
            findings
        };
        Report {
            findings: sorted(self.findings),
            accepted: sorted(self.accepted),
            unseen: self.unseen.into_iter().collect(),
        }
    }
}

/// What rendering does not mind.
fn rules(
    pipeline: &Pipeline<'_>,
    app: &App,
    survey: &Survey,
    wanted: &[EnvironmentName],
    places: &Places,
) -> Vec<Finding> {
    let mut problems = Vec::new();
    for resolved in survey.environments.iter().filter(|resolved| wanted.contains(&resolved.definition.environment)) {
        let environment = &resolved.definition.environment;
        let found = leak::leaks(resolved).into_iter().chain(unencrypted::files(pipeline, resolved));
        problems.extend(places.findings(found, Some(environment)));
    }
    problems.extend(places.findings(undeclared::entries(survey), None));
    // of one environment alone nothing can be said of the others
    if app.environments.iter().all(|environment| wanted.contains(environment)) {
        problems.extend(places.findings(environments::lacking(survey), None));
    }
    problems
}

/// What an environment that could not be decrypted hides.
fn unseen(problem: &Diagnostic) -> Option<String> {
    let is_key = problem.severity == Severity::Error && problem.failure == Failure::Key;
    let file = problem.labels.first()?.place.source.name();
    let recipients = problem.notes.iter().find_map(|note| note.strip_prefix("it is encrypted for "));
    is_key.then(|| match recipients {
        Some(recipients) => format!("{file}: no identity for {recipients}"),
        None => format!("{file}: {}", problem.message),
    })
}
