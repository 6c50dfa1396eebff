//! Environments and apps that a tree would lose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::name::TargetName;
use super::plan::TreePlan;
use crate::diagnostic::{Diagnostic, Rule, shell_path};

/// Part of a project that a tree has, and that no longer exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LostPart {
    /// An environment that no app has any more.
    Environment(String),
    /// An app.
    App(String),
    /// An environment of an app, while both still exist elsewhere.
    EnvironmentOfApp { environment: String, app: String },
}

/// Files that the tree would lose with a part of the project.
#[derive(Default)]
struct LostFiles {
    /// Directories of their targets.
    directories: BTreeSet<String>,
    count: usize,
}

/// Reports the environments and apps of which the plan removes files, and that no longer exist. A target that only
/// loses an object is not included.
///
/// `known` are all existing targets.
pub(super) fn find_lost(
    plan: &TreePlan,
    known: &BTreeSet<TargetName>,
    has_environment: impl Fn(&str) -> bool,
    dir: &Path,
) -> Vec<Diagnostic> {
    let mut lost: BTreeMap<LostPart, LostFiles> = BTreeMap::new();
    for target in plan.removals.iter().map(|removal| &removal.target).filter(|target| !known.contains(target)) {
        let (environment, app) = (target.environment().to_owned(), target.app().to_owned());
        let below = |part: &str| format!("{}/{part}", plan.root.shown);
        let (part, directory) = if !has_environment(&environment) {
            (LostPart::Environment(environment.clone()), below(&environment))
        } else if !known.iter().any(|target| target.app() == app) {
            (LostPart::App(app), below(target.as_str()))
        } else {
            (LostPart::EnvironmentOfApp { environment, app }, below(target.as_str()))
        };
        let files = lost.entry(part).or_default();
        files.count += 1;
        files.directories.insert(directory);
    }
    lost.iter().map(|(part, files)| report_lost(part, files, dir)).collect()
}

/// Reports that a tree has an environment or an app that no longer exists: more often its file was renamed than that
/// it is meant to be removed from the cluster.
///
/// Errors: `lost-environment`, `lost-app`.
fn report_lost(part: &LostPart, files: &LostFiles, dir: &Path) -> Diagnostic {
    let count = if files.count == 1 { "1 file".to_owned() } else { format!("{} files", files.count) };
    let first = files.directories.first().map_or("", String::as_str);
    let others = files.directories.len().saturating_sub(1);
    let has = match others {
        0 => format!("`{first}` still contains {count} of it"),
        1 => format!("`{first}` and another directory still contain {count} of it"),
        _ => format!("`{first}` and {others} other directories still contain {count} of it"),
    };
    let lacks = |what: String| format!("{what}, but {has}");
    let restore = |environment: &str| format!("restore `{environment}.yaml` beside `base.yaml`");
    let error = match part {
        LostPart::Environment(name) => {
            Diagnostic::error(Rule::LostEnvironment, lacks(format!("the environment `{name}` no longer exists")))
                .hint(restore(name))
        }
        LostPart::EnvironmentOfApp { environment, app } => {
            let message = lacks(format!("`{app}` no longer has the environment `{environment}`"));
            Diagnostic::error(Rule::LostEnvironment, message).hint(restore(environment))
        }
        LostPart::App(name) => Diagnostic::error(Rule::LostApp, lacks(format!("the app `{name}` no longer exists")))
            .hint(
                "restore its directory, its name (`app` in its `base.yaml`), or the pattern in `apps` that matched it",
            ),
    };
    error
        .note("a controller that applies the directory would delete its objects from the cluster")
        .hint(format!("or, if this is intended, run `septum render --all --out {} --prune`", shell_path(dir)))
}
