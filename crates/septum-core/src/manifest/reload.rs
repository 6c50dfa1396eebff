//! Workloads that are restarted when their configuration changes, by Reloader, a common controller
//! (`stakater/Reloader`). Names with a hash change with the content, and need no restart.

use super::identity::Manifest;
use super::references::{RefKind, ReferenceRules, Role, find_references};
use super::wiring::{RELOAD, template_of};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Tree, TreeKind};
use crate::sort::sort;

/// Applies the directive of a workload: adds the names that it refers to, in the annotations of Reloader.
pub fn reload(manifest: &mut Manifest, rules: &ReferenceRules, problems: &mut Diagnostics) {
    let Some(Tree { kind: TreeKind::Map(annotations), .. }) = manifest.tree.at_mut(&["metadata", "annotations"]) else {
        return;
    };
    let Some(wish) = annotations.shift_remove(RELOAD) else { return };
    match wish.as_text() {
        Some("true") if template_of(&manifest.kind).is_some_and(|path| !path.is_empty()) => {}
        Some("false") => return,
        _ => {
            let message = format!("`{RELOAD}` must be `true`, and is only valid on a workload with a pod template");
            problems.push(Diagnostic::error(Rule::Wiring, message).at_masked(wish.place));
            return;
        }
    }
    let found = find_references(&manifest.tree, rules);
    let names = |target: RefKind| {
        let wanted = found.iter().filter(|reference| reference.role == Role::Reference && reference.target == target);
        let mut names: Vec<_> = wanted.map(|reference| reference.name.value.clone()).collect();
        sort(&mut names);
        names.dedup();
        names.join(",")
    };
    for (kind, target) in [("configmap", RefKind::ConfigMap), ("secret", RefKind::Secret)] {
        let names = names(target);
        if let Some(metadata) = manifest.tree.at_mut(&["metadata"])
            && let Some(annotations) = metadata.map_under("annotations")
            && !names.is_empty()
        {
            annotations.insert(format!("{kind}.reloader.stakater.com/reload"), Tree::text(&names, &wish.place));
        }
    }
}
