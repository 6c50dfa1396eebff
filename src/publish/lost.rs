//! Environments that a tree would lose, as a whole or of an app.

use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::emit::tree::LostEnvironment;

/// Reports that a tree has an environment that the project, or the app, has not: more often its file was renamed than that it is
/// meant to go from the cluster.
pub(super) fn environment(lost: &LostEnvironment, dir: &Path) -> Diagnostic {
    let LostEnvironment { name, app, folder, files } = lost;
    let count = if *files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    let message = match app {
        None => format!("the environment `{name}` no longer exists, and `{folder}` has {count} of it"),
        Some(app) => format!("`{app}` no longer has the environment `{name}`, and `{folder}` has {count} of it"),
    };
    Diagnostic::error("lost-environment", message)
        .note("what applies the tree would remove its objects from the cluster")
        .hint(format!("restore `{name}.yaml` beside `base.yaml`"))
        .hint(format!("or, if it is meant to go: `septum render --all --out {} --prune`", dir.display()))
}
