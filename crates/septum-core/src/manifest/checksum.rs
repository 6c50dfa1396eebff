//! Checksums of the objects that a workload uses, as annotations of its pod template: a change of an object with a plain
//! name then starts new pods.

use sha2::{Digest as _, Sha256};

use super::identity::Manifest;
use super::references::{RefKind, Reference, ReferenceRules, Role, find_references};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Tree, TreeKind};
use crate::map::HashMap;
use crate::name::EnvironmentName;
use crate::sort::sort;
use crate::span::Location;
use crate::test_hook::count_work;
use crate::visibility::Visibility;

/// Prefix of the annotations.
const PREFIX: &str = "checksum.septum.dev/";

/// Annotation of a pod template whose checksums are requested, until they are added. It is not a valid one.
pub(super) const REQUEST: &str = PREFIX;

/// Text of a checksum for which there is no placeholder either. The workload is not written with it.
const UNKNOWN: &str = "unknown";

/// Longest name of an annotation after its prefix.
const LONGEST_NAME: usize = 63;

/// Checksum of an object with a plain name.
#[derive(Debug)]
pub struct ObjectChecksum {
    /// Kind of the object.
    pub target: RefKind,
    /// Its namespace; `None` means any.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The checksum.
    pub state: ChecksumState,
}

/// Checksums by the names of their objects.
#[derive(Debug, Default)]
pub struct ChecksumIndex(HashMap<String, Vec<ObjectChecksum>>);

impl ChecksumIndex {
    /// Adds all checksums of another index.
    pub fn absorb(&mut self, other: Self) {
        self.extend(other.0.into_values().flatten());
    }

    /// Checksum of the object of a reference from a namespace.
    fn find(&self, reference: &Reference, namespace: Option<&String>) -> Option<&ObjectChecksum> {
        self.0.get(&reference.name.value)?.iter().find(|checksum| {
            count_work(1);
            let is_here = checksum.namespace.as_ref().zip(namespace).is_none_or(|(one, other)| one == other);
            checksum.target == reference.target && is_here
        })
    }
}

impl Extend<ObjectChecksum> for ChecksumIndex {
    fn extend<I: IntoIterator<Item = ObjectChecksum>>(&mut self, checksums: I) {
        for checksum in checksums {
            self.0.entry(checksum.name.clone()).or_default().push(checksum);
        }
    }
}

/// Checksum as far as it is known.
#[derive(Debug)]
pub enum ChecksumState {
    /// The checksum.
    Known(String),
    /// Checksum with ciphertext in the place of plaintext.
    Placeholder(String),
    /// Unknown without a key.
    Unknown,
    /// A Secret, and no layer of the environment is encrypted: there is no key to compute it with.
    NoKey(EnvironmentName),
}

/// Whether an annotation is a checksum: its value follows from the values of an object.
pub fn is_checksum(annotation: &str) -> bool {
    annotation.starts_with(PREFIX)
}

/// Whether checksums are requested for a pod template of a workload.
pub fn requests_checksums(manifest: &Manifest) -> bool {
    find_request(&manifest.tree).is_some()
}

fn find_request(tree: &Tree) -> Option<&Location> {
    match &tree.kind {
        TreeKind::Map(map) => {
            map.get(REQUEST).map(|request| &request.place).or_else(|| map.values().find_map(find_request))
        }
        TreeKind::List(items) => items.iter().find_map(find_request),
        TreeKind::Leaf(_) => None,
    }
}

/// Adds the checksums of the objects that a workload refers to, if they are requested. Errors: `no-naming-key`.
pub fn add_checksums(
    manifest: &mut Manifest,
    rules: &ReferenceRules,
    checksums: &ChecksumIndex,
    problems: &mut Diagnostics,
) {
    let Some(place) = find_request(&manifest.tree).cloned() else { return };
    let before = manifest.visibility;
    let (mut pairs, mut unknown) = (Vec::new(), Vec::new());
    let references = find_references(&manifest.tree, rules).into_iter();
    for reference in references.filter(|reference| reference.role == Role::Reference) {
        let namespace = reference.namespace.as_ref().or(manifest.namespace.as_ref());
        let Some(checksum) = checksums.find(&reference, namespace) else { continue };
        let visibility = match &checksum.state {
            ChecksumState::Known(text) => {
                pairs.push((annotation_name(checksum), text.clone()));
                Visibility::Known
            }
            ChecksumState::Placeholder(text) => {
                pairs.push((annotation_name(checksum), text.clone()));
                unknown.push(annotation_name(checksum));
                Visibility::Placeholder
            }
            ChecksumState::Unknown => {
                pairs.push((annotation_name(checksum), UNKNOWN.to_owned()));
                unknown.push(annotation_name(checksum));
                Visibility::Unknown
            }
            ChecksumState::NoKey(environment) => {
                problems.push(no_key(&checksum.name, environment, place.clone()));
                Visibility::Known
            }
        };
        manifest.visibility = manifest.visibility.max(visibility);
    }
    sort(&mut pairs);
    pairs.dedup();
    if before == Visibility::Known {
        manifest.unknown_checksums = unknown;
    }
    replace_requests(&mut manifest.tree, &pairs);
}

/// Name of the annotation for an object. A name that is too long is shortened, with a hash of the whole.
fn annotation_name(checksum: &ObjectChecksum) -> String {
    let name = format!("{}-{}", checksum.target.as_str().to_lowercase(), checksum.name);
    if name.len() <= LONGEST_NAME {
        return format!("{PREFIX}{name}");
    }
    let hash =
        Sha256::digest(name.as_bytes()).iter().take(5).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let kept = name.get(..LONGEST_NAME - hash.len() - 1).unwrap_or_default().trim_end_matches(['-', '.']);
    format!("{PREFIX}{kept}-{hash}")
}

/// Replaces each request by the annotations.
fn replace_requests(tree: &mut Tree, pairs: &[(String, String)]) {
    let parts: Box<dyn Iterator<Item = &mut Tree>> = match &mut tree.kind {
        TreeKind::Map(map) => {
            if let Some(annotations) = map.get_mut("annotations")
                && let TreeKind::Map(annotations) = &mut annotations.kind
                && let Some(request) = annotations.shift_remove(REQUEST)
            {
                let added = pairs.iter().map(|(key, text)| (key.clone(), Tree::text(text, &request.place)));
                annotations.extend(added);
                if annotations.is_empty() {
                    map.shift_remove("annotations");
                }
            }
            Box::new(map.values_mut())
        }
        TreeKind::List(items) => Box::new(items.iter_mut()),
        TreeKind::Leaf(_) => return,
    };
    parts.for_each(|part| replace_requests(part, pairs));
}

/// Error: there is no key to compute the checksum of a Secret with.
fn no_key(name: &str, environment: &EnvironmentName, place: Location) -> Diagnostic {
    let message =
        format!("the checksum of the Secret `{name}` requires a key, but no layer of `{environment}` is encrypted");
    Diagnostic::error(Rule::NoNamingKey, message)
        .at(place)
        .note("the key is derived from encrypted layers: without it, a password could be guessed from its checksum")
        .hint(format!("encrypt the secrets: `septum set {environment} KEY` stores one in `{environment}.secrets.yaml`"))
        .hint("or remove `septum.dev/checksum`")
}
