//! Committed output that is not what the sources give.

use std::path::Path;

use super::Scope;
use super::finding::Finding;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::emit::tree::FileChange;
use crate::pipeline::Pipeline;
use crate::publish::{self, Intent, Wish};
use crate::span::{Source, Span};

/// What is said of a tree.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) findings: Vec<Finding>,
    pub(super) unseen: Vec<String>,
}

/// Compares a tree with what would be rendered now.
pub(super) fn outputs(pipeline: &Pipeline<'_>, dir: &Path, scope: &Scope<'_>) -> Compared {
    let wish = Wish {
        dir,
        apps: scope.apps,
        all_apps: scope.is_whole,
        environments: scope.environments,
        all_environments: scope.is_whole,
        shard: None,
        // nothing is written
        allow_plaintext: true,
        intent: Intent::Check,
        now: scope.now,
    };
    let publication = match publish::prepare(pipeline, &wish) {
        Ok(publication) => publication,
        Err(problems) => return of_tree(problems),
    };
    let shown = dir.display();
    let unseen = publication.unseen.iter().map(|unseen| {
        let file = unseen.file.as_deref().map(|file| format!("/{file}")).unwrap_or_default();
        format!("{shown}/{}{file}: nobody can tell without a key whether it is current", unseen.target)
    });
    let unseen = unseen.collect();
    let findings = publication.plan.changes().into_iter().map(|(file, change)| {
        let what = match change {
            FileChange::Written => "is not what the sources give",
            FileChange::Created => "is missing",
            FileChange::Removed => "is there, and nothing gives it any more",
        };
        let source = Source::new(file.as_str(), "");
        let error = Diagnostic::error("stale-output", format!("`{file}` {what}"))
            .at(source.place(Span::locate("", 0, 0)))
            .hint(format!("`septum render --all --out {shown}` mends it; with `--check` it shows the difference"));
        Finding::of(error, None, None, None)
    });
    Compared { findings: findings.collect(), unseen }
}

/// What keeps the tree itself from being compared. What is wrong with the sources was told.
fn of_tree(problems: Diagnostics) -> Compared {
    let own = ["foreign-file", "inventory", "output-folder", "unreadable"];
    let problems = problems.into_iter().filter(|problem| own.contains(&problem.rule));
    Compared { findings: problems.map(|problem| Finding::of(problem, None, None, None)).collect(), unseen: Vec::new() }
}
