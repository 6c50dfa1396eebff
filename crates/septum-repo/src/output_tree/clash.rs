//! Two apps that generate the same object: only the one that is applied last would remain.

use serde::Deserialize;

use super::OutputTree;
use super::name::{FileName, KUSTOMIZATION, TargetName};
use super::output::{OutputContent, OutputFile, RenderedTarget, TargetOutcome};
use crate::diagnostic::{Diagnostic, Rule};
use crate::map::HashMap;
use crate::sort::sort_by_key;

/// Identity of an object.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClashIdentity {
    api_version: String,
    kind: String,
    metadata: ClashMetadata,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct ClashMetadata {
    name: String,
    #[serde(default)]
    namespace: String,
}

/// Objects that two targets of an environment both have, at least one of which was not rendered. Such objects are in
/// files of the same name, so only those are read.
pub(super) fn find_clashes(targets: &[RenderedTarget], tree: &OutputTree) -> Vec<Diagnostic> {
    // by environment and name, with the output of this run
    let mut by_name: HashMap<_, Vec<(&TargetName, Option<&OutputFile>)>> = HashMap::default();
    for target in targets {
        let environment = target.name.environment();
        let mut note = |file, made| by_name.entry((environment, file)).or_default().push((&target.name, made));
        match &target.outcome {
            TargetOutcome::Rendered(rendered) => {
                for file in &rendered.files {
                    note(file.name.as_str(), Some(file));
                }
            }
            TargetOutcome::Unchanged { .. } => tree.made_files(&target.name).for_each(|file| note(file.as_str(), None)),
        }
    }
    let mut alike: Vec<_> =
        by_name.into_iter().filter(|((_, file), targets)| targets.len() > 1 && *file != KUSTOMIZATION).collect();
    sort_by_key(&mut alike, |(key, _)| *key);
    alike.into_iter().filter_map(|((_, file), targets)| find_clash(file, &targets, tree)).collect()
}

/// The first two of some files of one name that contain the same object.
fn find_clash(file: &str, targets: &[(&TargetName, Option<&OutputFile>)], tree: &OutputTree) -> Option<Diagnostic> {
    let read: Vec<_> =
        targets.iter().map(|(target, made)| (*target, object_identity(target, file, *made, tree))).collect();
    read.iter().enumerate().find_map(|(index, (target, identity))| {
        let identity = identity.as_ref()?;
        let is_made = |target: &TargetName| targets.iter().any(|(it, made)| *it == target && made.is_some());
        let same = read.iter().take(index).filter(|(_, other)| other.as_ref() == Some(identity));
        let (other, _) = same.into_iter().find(|(other, _)| !(is_made(other) && is_made(target)))?;
        let ClashIdentity { kind, metadata: ClashMetadata { name, namespace }, .. } = identity;
        let wher = if namespace.is_empty() { String::new() } else { format!(" in the namespace `{namespace}`") };
        let (one, two, environment) = (other.app(), target.app(), target.environment());
        let message = format!("the apps `{one}` and `{two}` both generate a {kind} `{name}`{wher} in `{environment}`");
        Some(
            Diagnostic::error(Rule::InvalidName, message)
                .note("only the one applied last would remain in the cluster")
                .hint("rename the bundle or the app, or give them different namespaces"),
        )
    })
}

fn object_identity(
    target: &TargetName,
    file: &str,
    made: Option<&OutputFile>,
    tree: &OutputTree,
) -> Option<ClashIdentity> {
    match made.map(|file| &file.content) {
        Some(OutputContent::Bytes(bytes)) => serde_yaml::from_slice(bytes).ok(),
        Some(OutputContent::Outline(text)) => serde_yaml::from_str(text).ok(),
        Some(OutputContent::Kept) | None => {
            serde_yaml::from_slice(&tree.committed_bytes(target, &FileName::of(file)?)?).ok()
        }
    }
}
