//! Objects of a cluster, and whether they are all that decides what is in use.

use super::read::{invalid_input, read_objects};
use crate::diagnostic::Diagnostic;
use crate::layer::Tree;
use crate::map::HashSet;
use crate::time::Timestamp;

/// Kinds that start pods, keep their templates, or run: `KIND`, its API group, and its name for kubectl.
pub const EVIDENCE: [(&str, &str, &str); 8] = [
    ("Deployment", "apps", "deploy"),
    ("ReplicaSet", "apps", "rs"),
    ("StatefulSet", "apps", "sts"),
    ("DaemonSet", "apps", "ds"),
    ("ControllerRevision", "apps", "controllerrevision"),
    ("Job", "batch", "job"),
    ("CronJob", "batch", "cronjob"),
    ("Pod", "", "pod"),
];

/// Object of a cluster.
#[derive(Debug)]
pub(super) struct ClusterObject {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    /// Seconds since 1970 at which it was created.
    pub(super) created: Option<i64>,
    /// Objects with which it is deleted.
    pub(super) owners: Vec<ObjectOwner>,
    /// Whether it is being deleted.
    pub(super) is_terminating: bool,
    pub(super) tree: Tree,
}

/// Object that another belongs to.
#[derive(Debug)]
pub(super) struct ObjectOwner {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
}

impl ClusterObject {
    fn of(tree: Tree, number: usize) -> Result<Self, Diagnostic> {
        let wrong = |what: &str| invalid_input(&format!("object {number} of the input {what}"));
        let text = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text).map(str::to_owned);
        let needed = |keys: &[&str]| text(keys).ok_or_else(|| wrong(&format!("has no `{}`", keys.join("."))));
        let created = match tree.at(&["metadata", "creationTimestamp"]) {
            Some(value) if value.as_text().is_some() => {
                let parsed = value.as_text().and_then(Timestamp::parse_rfc3339);
                Some(parsed.ok_or_else(|| wrong("has an invalid `metadata.creationTimestamp`"))?.unix_seconds())
            }
            _ => None,
        };
        let owners = tree.at(&["metadata", "ownerReferences"]).and_then(Tree::as_list).unwrap_or_default();
        let owner = |owner: &Tree| {
            let text = |key: &str| owner.get(key).and_then(Tree::as_text).map(str::to_owned);
            Some(ObjectOwner { api_version: text("apiVersion")?, kind: text("kind")?, name: text("name")? })
        };
        let owners: Option<Vec<_>> = owners.iter().map(owner).collect();
        Ok(Self {
            api_version: needed(&["apiVersion"])?,
            kind: needed(&["kind"])?,
            name: needed(&["metadata", "name"])?,
            namespace: text(&["metadata", "namespace"]),
            created,
            owners: owners.ok_or_else(|| wrong("has an invalid `metadata.ownerReferences`"))?,
            is_terminating: text(&["metadata", "deletionTimestamp"]).is_some(),
            tree,
        })
    }

    /// API group; empty for the core group.
    pub(super) fn group(&self) -> &str {
        group_of(&self.api_version)
    }

    /// Whether it is of a kind that is evidence.
    pub(super) fn is_evidence(&self) -> bool {
        EVIDENCE.iter().any(|(kind, group, _)| (self.kind.as_str(), self.group()) == (*kind, *group))
    }

    /// Label of the object.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.tree.at(&["metadata", "labels", key]).and_then(Tree::as_text)
    }

    /// Count in `status`; 0 if there is none.
    fn status_count(&self, field: &str) -> u64 {
        let count = self.tree.at(&["status", field]).and_then(Tree::as_text);
        count.and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    /// Whether it has pods now.
    fn has_pods(&self) -> bool {
        ["replicas", "currentNumberScheduled", "active"].iter().any(|field| self.status_count(field) > 0)
    }
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Reads the objects of the input.
pub(super) fn read_cluster(input: &[u8]) -> Result<Vec<ClusterObject>, Diagnostic> {
    let trees = read_objects(input)?;
    trees.into_iter().enumerate().map(|(index, tree)| ClusterObject::of(tree, index + 1)).collect()
}

/// Checks that the objects of a namespace are complete, as far as they show it: every kind that may use others is there
/// unless it is declared `absent`, and so are owners and pods of those that are there.
pub(super) fn check_evidence(
    objects: &[ClusterObject],
    namespace: Option<&str>,
    absent: &[String],
) -> Result<(), Diagnostic> {
    let here: Vec<_> = objects.iter().filter(|object| object.namespace.as_deref() == namespace).collect();
    let count = |kind: &str| here.iter().filter(|object| object.is_evidence() && object.kind == kind).count();
    let has_revisions = count("StatefulSet") + count("DaemonSet") > 0;
    let is_missing = |(kind, _, word): &&(&str, &str, &str)| {
        let is_needed = *kind != "ControllerRevision" || has_revisions;
        is_needed && count(kind) == 0 && !absent.iter().any(|other| other == word)
    };
    let missing: Vec<_> = EVIDENCE.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        return Err(lacks_kinds(&missing, namespace));
    }
    let names: HashSet<_> =
        here.iter().map(|object| (object.group(), object.kind.as_str(), object.name.as_str())).collect();
    for object in here.iter().filter(|object| object.is_evidence()) {
        for owner in &object.owners {
            let (group, kind) = (group_of(&owner.api_version), owner.kind.as_str());
            let is_known = EVIDENCE.iter().any(|(known, of, _)| (kind, group) == (*known, *of));
            if is_known && !names.contains(&(group, kind, owner.name.as_str())) {
                return Err(lacks_object(object, "belongs to", kind));
            }
        }
        let active = object.tree.at(&["status", "active"]).and_then(Tree::as_list).unwrap_or_default();
        let is_known = |name: &str| names.contains(&("batch", "Job", name));
        let mut active = active.iter().filter_map(|job| job.get("name")?.as_text());
        if object.kind == "CronJob" && active.any(|name| !is_known(name)) {
            return Err(lacks_object(object, "runs", "Job"));
        }
        let owns = |kind: &str| {
            let is_owner = |owner: &ObjectOwner| owner.kind == object.kind && owner.name == object.name;
            here.iter().any(|other| other.kind == kind && other.owners.iter().any(is_owner))
        };
        let template = match object.kind.as_str() {
            "Deployment" => Some("ReplicaSet"),
            "StatefulSet" | "DaemonSet" => Some("ControllerRevision"),
            _ => None,
        };
        let needed = match object.kind.as_str() {
            "Deployment" | "CronJob" | "Pod" | "ControllerRevision" => template,
            _ if owns("Pod") => template,
            _ => Some("Pod"),
        };
        if let Some(kind) = needed.filter(|kind| object.has_pods() && !owns(kind)) {
            return Err(lacks_object(object, "has pods now, and requires", kind));
        }
    }
    Ok(())
}

fn of_namespace(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" of the namespace `{namespace}`")).unwrap_or_default()
}

fn lacks_kinds(missing: &[&(&str, &str, &str)], namespace: Option<&str>) -> Diagnostic {
    let kinds: Vec<_> = missing.iter().map(|(kind, ..)| format!("`{kind}`")).collect();
    let words: Vec<_> = missing.iter().map(|(_, _, word)| *word).collect();
    let message = format!("the input has no {}{}", kinds.join(", "), of_namespace(namespace));
    invalid_input(&message)
        .note("without all that may use an object, nothing shows that it is unused")
        .hint(format!("add their objects to the input: `kubectl get {} -o json`", words.join(",")))
        .hint(format!("if there are none, say so: `--none {}`", words.join(",")))
}

fn lacks_object(object: &ClusterObject, relation: &str, kind: &str) -> Diagnostic {
    let ClusterObject { kind: of, name, namespace, .. } = object;
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    let message = format!(
        "the {of} `{}`{} {relation} {article} {kind} that is not in the input",
        name.escape_debug(),
        of_namespace(namespace.as_deref())
    );
    invalid_input(&message)
        .note("without all that may use an object, nothing shows that it is unused")
        .hint("pass all objects of the namespace, without a selector, from one call of kubectl")
}
