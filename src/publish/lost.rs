//! Environments and apps that a tree would lose.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Rule};
use crate::emit::tree::{Lost, LostTargets};

/// Reports that a tree has an environment or an app that no longer exists: more often its file was renamed than that
/// it is meant to be removed from the cluster.
///
/// Errors: `lost-environment`, `lost-app`.
pub(super) fn report_lost(targets: &LostTargets, dir: &Path) -> Diagnostic {
    let LostTargets { lost, directories, files } = targets;
    let count = if *files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    let (first, others) = directories.split_first().map_or(("", 0), |(first, others)| (first.as_str(), others.len()));
    let has = match others {
        0 => format!("`{first}` still contains {count} of it"),
        1 => format!("`{first}` and another directory still contain {count} of it"),
        _ => format!("`{first}` and {others} other directories still contain {count} of it"),
    };
    let lacks = |what: String| format!("{what}, but {has}");
    let restore = |environment: &str| format!("restore `{environment}.yaml` beside `base.yaml`");
    let error = match lost {
        Lost::Environment(name) => {
            Diagnostic::error(Rule::LostEnvironment, lacks(format!("the environment `{name}` no longer exists")))
                .hint(restore(name))
        }
        Lost::EnvironmentOfApp { environment, app } => {
            let message = lacks(format!("`{app}` no longer has the environment `{environment}`"));
            Diagnostic::error(Rule::LostEnvironment, message).hint(restore(environment))
        }
        Lost::App(name) => Diagnostic::error(Rule::LostApp, lacks(format!("the app `{name}` no longer exists"))).hint(
            "restore its directory, its name (`app` in its `base.yaml`), or the pattern in `apps` that matched it",
        ),
    };
    error
        .note("a controller that applies the directory would delete its objects from the cluster")
        .hint(format!("or, if this is intended, run `septum render --all --out {} --prune`", dir.display()))
}
