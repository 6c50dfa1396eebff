//! Replica counts that layers override, matched as kustomize matches them.

use super::object::{PatchIdentity, PatchObject};
use crate::diagnostic::{Diagnostic, Rule, did_you_mean};
use crate::layer::Tree;
use crate::map::IndexMap;
use crate::span::Location;

/// Replica count of the workloads of a name.
#[derive(Debug, Clone)]
pub struct ReplicaOverride {
    /// Name of the workloads.
    pub name: String,
    /// Number of replicas.
    pub count: u32,
    /// Location of the entry.
    pub place: Location,
}

/// Kinds with a replica count.
const REPLICATED: [&str; 4] = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"];

/// Sets replica counts. Returns a warning for each name that no workload has; `is_complete` says whether all objects
/// are known.
pub fn override_replicas(
    objects: &mut [PatchObject],
    replicas: &[ReplicaOverride],
    is_complete: bool,
) -> Vec<Diagnostic> {
    if replicas.is_empty() {
        return Vec::new();
    }
    let workloads = WorkloadNames::of(objects);
    let mut problems = Vec::new();
    for replica in replicas {
        match workloads.by_name.get(&replica.name) {
            Some(indices) => {
                for index in indices {
                    objects.get_mut(*index).into_iter().for_each(|object| set_count(object, replica));
                }
            }
            None if is_complete => problems.push(unmatched_name(replica, &workloads.current)),
            None => {}
        }
    }
    problems
}

/// Workloads with a replica count.
#[derive(Default)]
struct WorkloadNames {
    /// Indices of objects by each name that they have or had.
    by_name: IndexMap<String, Vec<usize>>,
    /// Current names.
    current: Vec<String>,
}

impl WorkloadNames {
    fn of(objects: &[PatchObject]) -> Self {
        let is_replicated = |identity: &PatchIdentity| REPLICATED.contains(&identity.kind.as_str());
        let mut names = Self::default();
        for (index, object) in objects.iter().enumerate() {
            for identity in object.identities().filter(is_replicated) {
                names.by_name.entry(identity.name).or_default().push(index);
            }
            names.current.extend(Some(object.identity()).filter(is_replicated).map(|identity| identity.name));
        }
        names
    }
}

fn set_count(object: &mut PatchObject, replica: &ReplicaOverride) {
    object.parts.retain(|part| part.path != "spec.replicas");
    if let Some(spec) = object.tree.map_under("spec") {
        spec.insert("replicas".to_owned(), Tree::literal(&replica.count.to_string(), &replica.place));
    }
}

fn unmatched_name(replica: &ReplicaOverride, known: &[String]) -> Diagnostic {
    let message =
        format!("no Deployment, StatefulSet, ReplicaSet or ReplicationController is named `{}`", replica.name);
    Diagnostic::warning(Rule::UnmatchedImage, message)
        .at_masked(replica.place.clone())
        .maybe_hint(did_you_mean(&replica.name, known.iter().map(String::as_str)))
}
