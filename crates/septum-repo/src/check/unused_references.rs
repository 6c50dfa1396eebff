//! Rules for references, and external objects, that match nothing.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::places::EntryIndex;
use super::unused::UsageTracker;
use crate::deliver::{Delivered, DeliveredForm};
use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::{ExternalObject, Tree};
use crate::manifest::references::{ReferenceRules, find_references, used_user_rules};
use crate::object::RenderedObject;
use crate::project::UserRule;
use crate::resolve::ResolvedTarget;
use crate::sort::CollectSorted as _;

/// Uses of rules and external objects in the manifests that were checked.
#[derive(Debug, Default, Clone)]
pub(super) struct ReferenceUsage {
    /// Whether there are manifests: without any, references are those of other programs.
    has_manifests: bool,
    /// Whether some of them could not be built.
    is_partial: bool,
    /// Start of each rule of the project file that matches.
    used_rules: BTreeSet<usize>,
}

impl ReferenceUsage {
    pub(super) fn extend(&mut self, other: Self) {
        self.has_manifests |= other.has_manifests;
        self.is_partial |= other.is_partial;
        self.used_rules.extend(other.used_rules);
    }

    /// Records that an environment could not be checked as a whole.
    pub(super) fn mark_partial(&mut self) {
        self.is_partial = true;
    }

    /// Records the objects of an environment.
    pub(super) fn record(&mut self, resolved: &ResolvedTarget, delivered: &[Delivered], rules: &ReferenceRules) {
        self.has_manifests |= !resolved.manifests.is_empty();
        let used = manifest_trees(resolved, delivered).flat_map(|tree| used_user_rules(tree, rules));
        self.used_rules.extend(used.map(|place| place.span.start));
    }

    /// Rules of the project file that match nothing.
    pub(super) fn unused_rules(&self, rules: &[UserRule]) -> Vec<Diagnostic> {
        if self.is_partial || !self.has_manifests {
            return Vec::new();
        }
        let unused = rules.iter().filter(|rule| !self.used_rules.contains(&rule.place.span.start));
        unused.map(unused_rule).collect()
    }
}

/// Marks the external objects of an environment as used, because it is not known as a whole.
pub(super) fn keep_external(resolved: &ResolvedTarget, usage: &mut UsageTracker) {
    resolved.definition.external.iter().for_each(|external| usage.mark_used(&external.place));
}

/// Records which external objects the manifests of an environment refer to.
pub(super) fn record_external(
    resolved: &ResolvedTarget,
    delivered: &[Delivered],
    rules: &ReferenceRules,
    places: &EntryIndex,
    usage: &mut UsageTracker,
) {
    let definition = &*resolved.definition;
    if definition.external.is_empty() || resolved.manifests.is_empty() {
        return;
    }
    let references: BTreeSet<(&str, String)> = manifest_trees(resolved, delivered)
        .flat_map(|tree| find_references(tree, rules))
        .map(|reference| (reference.target.as_str(), reference.name.value))
        .collect_set();
    for external in &definition.external {
        if references.contains(&(external.kind.as_str(), external.name.clone())) {
            usage.mark_used(&external.place);
        } else {
            usage.mark_unused(&external.place, || places.findings([unused_external(external)], None).pop());
        }
    }
}

/// Whether all manifests and patches of an environment could be read.
pub(super) fn has_all_manifests(resolved: &ResolvedTarget) -> bool {
    let is_unknown = resolved.has_unknown_manifests || resolved.has_unknown_patches;
    !is_unknown && !resolved.manifests.iter().any(|document| document.tree.has_broken())
}

/// Manifests as they are written, and as they are delivered with patches: an error may leave out either.
fn manifest_trees<'t>(resolved: &'t ResolvedTarget, delivered: &'t [Delivered]) -> impl Iterator<Item = &'t Tree> {
    let written = resolved.manifests.iter().flat_map(|document| {
        let items = document.tree.get("items").and_then(Tree::as_list).unwrap_or_default();
        std::iter::once(&document.tree).chain(items)
    });
    let delivered = delivered.iter().filter_map(|object| match &object.form {
        DeliveredForm::Plain(object) | DeliveredForm::Unknown(object) => match &**object {
            RenderedObject::Manifest(manifest, _) => Some(&manifest.tree),
            RenderedObject::Bundle(_) => None,
        },
        DeliveredForm::Encrypted(_) => None,
    });
    written.chain(delivered)
}

fn unused_rule(rule: &UserRule) -> Diagnostic {
    let message = format!("no manifest of the kind `{}` has a name at the path of this rule", rule.kind);
    Diagnostic::warning(Rule::UnmatchedReference, message)
        .at(rule.place.clone())
        .hint("fix `kind`, `group` or `path`, or remove the rule")
}

fn unused_external(external: &ExternalObject) -> Diagnostic {
    let message = format!("no manifest refers to the {} `{}`", external.kind, external.name);
    Diagnostic::warning(Rule::UnmatchedReference, message)
        .at(external.place.clone())
        .hint("fix the name, or remove it from `external`")
}

/// Findings of the project file.
pub(super) fn findings_of_project(usage: &ReferenceUsage, rules: &[UserRule]) -> Vec<Finding> {
    let unused = usage.unused_rules(rules).into_iter();
    unused.map(|problem| Finding::new_finding(problem, None, None, None)).collect()
}
