//! Old objects of a cluster: versions of the objects of bundles that nothing uses any more.
//!
//! With a hash in its name, an object never changes: a changed value is a new object. The old ones stay until something
//! removes them. `gc` reads what a cluster has, keeps everything that anything refers to, and names the rest. It deletes
//! nothing.

mod cluster;
mod own;
mod read;
mod usage;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Rule};
use crate::manifest::BASE_NAME;
use crate::manifest::references::ReferenceRules;
use crate::map::HashSet;
use crate::sort::{sort, sort_by};

use cluster::{ClusterObject, check_evidence, read_cluster};
use usage::ObjectUsage;

pub use cluster::EVIDENCE;
pub use own::{OwnObject, OwnObjects};

/// Length of a hash in a name.
const HASH_LENGTH: usize = 10;
/// Characters of a hash in a name.
const HASH_CHARACTERS: &[u8] = b"2456789bcdfghkmt";

/// Label for the manager of an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Custom resource whose controller creates a Secret of the same name.
const SEALED_SECRET: (&str, &str) = ("SealedSecret", "bitnami.com");

/// Rules for unused objects that are kept all the same.
#[derive(Debug, Clone)]
pub struct RetentionPolicy {
    /// Number of unused versions of each object, the newest ones.
    pub keep: usize,
    /// Minimum age in seconds, counted from the creation of the next version.
    pub older: Option<i64>,
    /// Time from which ages are counted, in seconds since 1970; by default that of the newest object of the cluster.
    pub at: Option<i64>,
    /// Kinds that are not in the cluster, as kubectl names them.
    pub absent: Vec<String>,
}

/// Object that nothing in a cluster refers to. Serialised in `gc --format json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UnusedObject {
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
    /// `apiVersion`
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// App of its bundle.
    pub app: String,
    /// Its bundle.
    pub bundle: String,
    /// `metadata.creationTimestamp`
    pub created: String,
}

impl UnusedObject {
    /// Name for `kubectl delete`: `secret/NAME`.
    pub fn resource(&self) -> String {
        let resource = match self.kind.as_str() {
            "SealedSecret" => "sealedsecret.bitnami.com".to_owned(),
            kind => kind.to_lowercase(),
        };
        format!("{resource}/{}", self.name)
    }
}

/// Result of a search for old objects.
#[derive(Debug)]
pub struct OldObjects {
    /// Objects that nothing refers to, and that no policy keeps.
    pub unused: Vec<UnusedObject>,
    /// Number of versions that something refers to, or that are current.
    pub used: usize,
    /// Number of versions that nothing refers to, and that the policy keeps.
    pub kept: usize,
}

/// Version of an object in a cluster.
struct ObjectVersion<'a> {
    object: &'a ClusterObject,
    created: i64,
    is_used: bool,
}

/// Finds versions of own objects that nothing in the input refers to. Errors: `incomplete-evidence`.
pub fn find_old_objects(
    input: &[u8],
    own: &OwnObjects,
    rules: &ReferenceRules,
    policy: &RetentionPolicy,
) -> Result<OldObjects, Diagnostic> {
    let objects = read_cluster(input)?;
    if objects.is_empty() {
        return Err(read::invalid_input("the input has no objects"));
    }
    let mut names = HashSet::default();
    for own in &own.objects {
        names.extend(objects.iter().filter(|object| own.is_version(object)).map(|object| object.name.as_str()));
    }
    let mut usage = ObjectUsage::of(&objects, &names, rules);
    for (kind, namespace, name) in &own.used {
        usage.add(*kind, namespace.clone(), name.clone());
    }
    let newest = objects.iter().filter_map(|object| object.created).max().unwrap_or_default();
    let at = policy.at.unwrap_or(newest);
    let mut found = OldObjects { unused: Vec::new(), used: 0, kept: 0 };
    let mut namespaces = BTreeSet::new();
    for own in &own.objects {
        let mut versions = own_versions(&objects, own, &usage)?;
        if versions.iter().any(|version| Some(&version.object.name) != own.current.as_ref()) {
            namespaces.extend(versions.iter().map(|version| version.object.namespace.clone()));
        }
        select_unused(&mut versions, own, policy, at, &mut found);
    }
    if own.objects.iter().any(|own| own.namespace.is_none()) && namespaces.len() > 1 {
        return Err(several_namespaces());
    }
    for namespace in namespaces {
        check_evidence(&objects, namespace.as_deref(), &policy.absent)?;
    }
    sort(&mut found.unused);
    found.unused.dedup();
    Ok(found)
}

/// Versions of an own object, the newest first.
fn own_versions<'a>(
    objects: &'a [ClusterObject],
    own: &OwnObject,
    usage: &ObjectUsage,
) -> Result<Vec<ObjectVersion<'a>>, Diagnostic> {
    let mut versions = Vec::new();
    for object in objects.iter().filter(|object| own.is_version(object)) {
        let Some(created) = object.created else {
            let message = format!("the {} `{}` has no `metadata.creationTimestamp`", object.kind, object.name);
            return Err(read::invalid_input(&message));
        };
        let is_used = usage.contains(own.kind, object.namespace.as_deref(), &object.name);
        versions.push(ObjectVersion { object, created, is_used });
    }
    sort_by(&mut versions, |a, b| (b.created, &b.object.name).cmp(&(a.created, &a.object.name)));
    versions.dedup_by(|a, b| a.object.name == b.object.name && a.object.namespace == b.object.namespace);
    Ok(versions)
}

/// Adds the versions that nothing uses and no policy keeps.
fn select_unused(
    versions: &mut [ObjectVersion<'_>],
    own: &OwnObject,
    policy: &RetentionPolicy,
    at: i64,
    found: &mut OldObjects,
) {
    // without a key the current name of a Secret is unknown: it is most likely that of the newest one
    let newest = versions.first().map(|version| version.object.name.clone());
    let current = own.current.clone().or(newest);
    let mut kept = 0;
    let mut next_created = None;
    for version in versions {
        let ClusterObject { name, namespace, is_terminating, .. } = version.object;
        let replaced = next_created.replace(version.created);
        if version.is_used || Some(name) == current.as_ref() {
            found.used += 1;
            continue;
        }
        let is_old =
            policy.older.is_none_or(|older| replaced.is_some_and(|replaced| at.saturating_sub(replaced) >= older));
        let owner = owning_resource(version.object);
        if kept < policy.keep || !is_old || *is_terminating || owner.is_none() {
            kept += 1;
            continue;
        }
        let (kind, api_version) = owner.unwrap_or_default();
        found.unused.push(UnusedObject {
            namespace: namespace.clone(),
            kind,
            name: name.clone(),
            api_version,
            app: own.app.clone(),
            bundle: own.bundle.clone(),
            created: created_text(version.object),
        });
    }
    found.kept += kept;
}

/// Kind and API version of the object to delete: the version itself, or the SealedSecret that it is created from, which
/// would create it again. None if another controller created it.
fn owning_resource(object: &ClusterObject) -> Option<(String, String)> {
    match object.owners.as_slice() {
        [] => Some((object.kind.clone(), object.api_version.clone())),
        [owner] => {
            let is_sealed = owner.kind == SEALED_SECRET.0
                && owner.api_version.split_once('/').is_some_and(|(group, _)| group == SEALED_SECRET.1);
            (is_sealed && owner.name == object.name).then(|| (owner.kind.clone(), owner.api_version.clone()))
        }
        _ => None,
    }
}

fn created_text(object: &ClusterObject) -> String {
    let text = object.tree.at(&["metadata", "creationTimestamp"]).and_then(crate::layer::Tree::as_text);
    text.unwrap_or_default().to_owned()
}

impl OwnObject {
    /// Whether an object of a cluster is a version of this one.
    fn is_version(&self, object: &ClusterObject) -> bool {
        let is_kind = object.api_version == "v1" && object.kind == self.kind.as_str();
        let is_here = self.namespace.is_none() || object.namespace == self.namespace;
        if !is_kind || !is_here || !has_hash(&object.name, &self.base_name) {
            return false;
        }
        let manager = object.label(MANAGED_BY);
        match object.label(BASE_NAME) {
            Some(base_name) => base_name == self.base_name && manager == self.manager.as_deref(),
            // a name of this form alone is not enough where names have no hash
            None => self.has_hash && (manager.is_none() || manager == self.manager.as_deref()),
        }
    }
}

/// Whether a name is a base name with a hash.
fn has_hash(name: &str, base_name: &str) -> bool {
    let hash = name.strip_prefix(base_name).and_then(|rest| rest.strip_prefix('-'));
    hash.is_some_and(|hash| hash.len() == HASH_LENGTH && hash.bytes().all(|byte| HASH_CHARACTERS.contains(&byte)))
}

/// Error: objects without a namespace in the layers are in several namespaces of the cluster.
fn several_namespaces() -> Diagnostic {
    Diagnostic::error(Rule::IncompleteEvidence, "the input has objects of the same name in several namespaces")
        .note("the layers set no `namespace`, so it is unknown which of them belong to the environment")
        .hint("pass the objects of one namespace: `kubectl get -n NAMESPACE …`")
}
