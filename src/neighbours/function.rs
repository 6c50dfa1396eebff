//! The KRM function: what it does with the items that it is called with.

use std::path::Path;

use super::app_objects::{BuiltParts, NeighbourTarget};
use super::function_config::{FunctionConfig, FunctionMode};
use super::generation::generate;
use super::item::{has_directive, wire_tree};
use super::list_item::ListItem;
use super::resource_list::ResourceList;
use super::results::FunctionResult;
use crate::check::{self, Baseline, CheckScope};
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::layer::Tree;
use crate::pipeline::Pipeline;
use crate::sops::Timestamp;

/// API version of the configuration of this function, which is no object to wire.
const OWN_GROUP: &str = "septum.dev/";

/// Applies the function to the items of a list, and returns its findings. With an error among them, there are no items,
/// except for a check.
pub fn run_function(
    list: &mut ResourceList,
    config: &FunctionConfig,
    pipeline: &Pipeline<'_>,
    now: Timestamp,
) -> Vec<FunctionResult> {
    let found =
        NeighbourTarget::find(pipeline, &config.environment, &config.apps, now).and_then(|target| match config.mode {
            FunctionMode::Generate => generate(list, config, &target),
            FunctionMode::Wire => wire(list, &target),
            FunctionMode::Check => check(list, &target),
        });
    let results = found.unwrap_or_else(|problems| FunctionResult::about(problems, None));
    let has_errors = results.iter().any(|result| result.diagnostic.is_error());
    // nobody is to take what is half done for the result
    let is_dropped = if config.mode == FunctionMode::Check { !config.returns_items } else { has_errors };
    if is_dropped {
        list.items.clear();
    }
    results
}

fn wire(list: &mut ResourceList, target: &NeighbourTarget<'_, '_>) -> Result<Vec<FunctionResult>, Diagnostics> {
    // without a directive there is nothing to look up
    if !list.items.iter().any(is_wired) {
        return Ok(Vec::new());
    }
    let mut warnings = Diagnostics::new();
    let objects = target.build(BuiltParts::Names, &mut warnings)?;
    let wiring = objects.wiring();
    let mut results = FunctionResult::about(warnings, None);
    let source = list.source().clone();
    for item in list.items.iter_mut().filter(|item| is_wired(item)) {
        let Some(tree) = item.node().map(|node| Tree::from_node(node.clone(), &source)) else { continue };
        let mut problems = Diagnostics::new();
        let identity = item.identity.clone();
        let wired = wire_tree(tree, &wiring, &mut problems);
        item.replace(wired);
        results.extend(FunctionResult::about(problems, Some(&identity)));
    }
    Ok(results)
}

/// Whether an item has directives, and is not itself the configuration of a function.
fn is_wired(item: &ListItem) -> bool {
    !item.identity.api_version.starts_with(OWN_GROUP) && item.node().is_some_and(has_directive)
}

fn check(list: &mut ResourceList, target: &NeighbourTarget<'_, '_>) -> Result<Vec<FunctionResult>, Diagnostics> {
    let mut results = FunctionResult::about(check_target(target)?, None);
    if results.iter().any(|result| result.diagnostic.is_error()) {
        return Ok(results);
    }
    // the items are compared with the bundles, and stay as they are
    let mut warnings = Diagnostics::new();
    if list.items.iter().any(is_wired) {
        let objects = target.build(BuiltParts::Names, &mut warnings)?;
        let wiring = objects.wiring();
        for item in list.items.iter().filter(|item| is_wired(item)) {
            let Some(node) = item.node() else { continue };
            let mut problems = Diagnostics::new();
            wire_tree(Tree::from_node(node.clone(), list.source()), &wiring, &mut problems);
            let found = problems.into_iter().map(|problem| problem.with_failure(FailureKind::Found)).collect();
            results.extend(FunctionResult::about(found, Some(&item.identity)));
        }
    }
    Ok(results)
}

/// Findings of `septum check` in the apps of a target, and what could not be checked without a key as warnings.
pub fn check_target(target: &NeighbourTarget<'_, '_>) -> Result<Diagnostics, Diagnostics> {
    let NeighbourTarget { pipeline, apps, environment, now } = target;
    let baseline = Baseline::of_project(pipeline.library.project)?;
    let environments = std::slice::from_ref(environment);
    let scope = CheckScope { baseline: baseline.as_ref(), ..CheckScope::of_layers(apps, environments, *now) };
    let mut report = check::check_apps(pipeline, &scope);
    report.excuse_missing_keys();
    let findings = report.findings.iter().map(|finding| finding.diagnostic.clone().with_failure(finding.failure()));
    let unseen = report.unseen.iter().map(|unchecked| {
        Diagnostic::warning(Rule::Unseen, format!("not checked: {}", unchecked.why))
            .note(format!("in `{}`", unchecked.file))
    });
    Ok(findings.chain(unseen).collect())
}

/// Directory of the project that a configuration names, from the working directory.
pub fn project_directory(config: &FunctionConfig, working_directory: &Path) -> std::path::PathBuf {
    config.root.as_ref().map_or_else(|| working_directory.to_path_buf(), |root| working_directory.join(&root.value))
}
