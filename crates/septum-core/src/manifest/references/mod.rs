//! References of objects to ConfigMaps and Secrets: found, renamed, and guessed.
//!
//! The table `rules.txt` lists the references of Kubernetes and of well-known operators; a project adds its own. Names
//! of objects that a controller creates (`output`) are found too, since they satisfy references, and are never renamed.

mod hint;
mod matcher;
mod rename;
mod rule;
mod rules;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

use crate::layer::tree::{Tree, TreeKind};
use crate::map::HashSet;
use crate::span::{Located, Location};
use crate::yaml::node::Scalar;

use rule::{NameFormat, ReferenceRule, ReferenceTargetKind};
use walk::{ScalarSite, VisitScope};

pub use crate::project::{RefKind, ReferenceRole as Role, UserRule};
pub use rules::ReferenceRules;

/// Path of the own name of an object, where a controller makes another one of the same name.
pub const OWN_NAME: &str = "metadata.name";

/// Reference of an object to a ConfigMap or a Secret.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Kind of the target.
    pub target: RefKind,
    /// Name, without a namespace written before it, and its location.
    pub name: Located<String>,
    /// Namespace of the target; `None` means that of the object.
    pub namespace: Option<String>,
    /// Required keys, each with its location; for an output, keys that will exist. If empty, all keys are used.
    pub keys: Vec<Located<String>>,
    /// Whether the target, or its keys, may be missing.
    pub optional: bool,
    /// Whether the object reads the target, or a controller creates it.
    pub role: Role,
    /// Path of the name for messages: `spec.tls[0].secretName`.
    pub path: String,
    /// Whether all keys become environment variables (`envFrom`).
    pub env_from: bool,
}

/// Scalar with references.
struct ReferenceHit {
    /// Path from the root, as indexes of keys and items.
    address: Vec<usize>,
    format: NameFormat,
    references: Vec<Reference>,
    /// Whether the name also refers to something else, which keeps it.
    shared: bool,
}

/// References of an object, in the order of its text.
pub fn find_references(object: &Tree, rules: &ReferenceRules) -> Vec<Reference> {
    find_hits(object, rules).into_iter().flat_map(|hit| hit.references).collect()
}

/// Locations of the rules of the project that match a text of an object.
pub fn used_user_rules(object: &Tree, rules: &ReferenceRules) -> Vec<Location> {
    let mut used = Vec::new();
    walk::walk_scalars(object, rules, VisitScope::Known, |_, (_, scalar), rule| {
        let place = rule.filter(|_| !scalar.is_null()).and_then(|rule| rule.place.as_ref());
        used.extend(place.cloned());
    });
    used
}

/// Replaces old names by new ones, and returns the number of changes. The name of an object that a controller creates
/// is kept, and so is one without a new name.
///
/// A name for a ConfigMap and a Secret at once (`resourceNames` of a Role) becomes two.
pub fn rewrite_references(
    object: &mut Tree,
    rules: &ReferenceRules,
    rename: impl Fn(&Reference) -> Option<String>,
) -> usize {
    // from the last to the first, since an added item moves those after it
    find_hits(object, rules).iter().rev().map(|hit| rename::rename_hit(object, hit, &rename)).sum()
}

/// Locations of these names that no rule covers, where the name of the field suggests a reference (`hint`): they would
/// not change when the name does. Most objects of an app are named like its bundle, so the name alone proves nothing.
pub fn suspicious_names(object: &Tree, rules: &ReferenceRules, names: &HashSet<String>) -> Vec<(String, Location)> {
    let mut found = Vec::new();
    walk::walk_scalars(object, rules, VisitScope::All, |spot, (tree, scalar), rule| {
        let is_suspicious = match hint::annotation_key(spot) {
            // the promise that a kind has no unknown references covers its fields
            Some(annotation) => {
                let is_known = rule.is_some_and(|rule| !matches!(rule.target_kind, ReferenceTargetKind::Nothing));
                !is_known && hint::names_in_annotation(annotation, scalar.text()).any(|name| names.contains(name))
            }
            None => {
                let is_named = rule.is_none() && names.contains(scalar.text());
                is_named && hint::is_reference_by_name(spot) && !is_of_other_kind(spot)
            }
        };
        if is_suspicious {
            found.push((spot.path(), tree.place.clone()));
        }
    });
    found
}

/// Whether a field `kind` beside a scalar shows that it names neither a ConfigMap nor a Secret.
fn is_of_other_kind(spot: &ScalarSite<'_>) -> bool {
    let [_, .., parent] = spot.ancestors.as_slice() else { return false };
    match &parent.kind {
        TreeKind::Map(map) => match map.get("kind").map(|kind| &kind.kind) {
            Some(TreeKind::Leaf(kind)) => !matches!(kind.text(), "ConfigMap" | "Secret"),
            _ => false,
        },
        TreeKind::Leaf(_) | TreeKind::List(_) => false,
    }
}

fn find_hits(object: &Tree, rules: &ReferenceRules) -> Vec<ReferenceHit> {
    let mut hits = Vec::new();
    walk::walk_scalars(object, rules, VisitScope::Known, |spot, (tree, scalar), rule| {
        hits.extend(rule.and_then(|rule| hit_at(spot, tree, scalar, rule)));
    });
    hits
}

/// References in a scalar by the rule for it.
fn hit_at(spot: &ScalarSite<'_>, tree: &Tree, scalar: &Scalar, rule: &ReferenceRule) -> Option<ReferenceHit> {
    // a locked scalar has no text to go by
    if scalar.is_null() || scalar.locked {
        return None;
    }
    let (referents, shared) = rule.target_kind.referents(&spot.ancestors);
    let names = rule.format.names(scalar.text());
    if referents.is_empty() || names.is_empty() {
        return None;
    }
    let located =
        |(tree, scalar): (&Tree, &Scalar)| Located { value: scalar.text().to_owned(), place: tree.place.clone() };
    let beside = rule
        .namespace
        .as_ref()
        .and_then(|field| field.scalars(&spot.ancestors).first().map(|found| located(*found).value));
    let mut keys = Vec::new();
    for (field, default) in &rule.keys {
        let found = field.scalars(&spot.ancestors);
        if let (true, Some(default)) = (found.is_empty(), default) {
            keys.push(Located { value: default.clone(), place: tree.place.clone() });
        }
        keys.extend(found.into_iter().map(located));
    }
    let mut references = Vec::new();
    for (namespace, name) in names {
        references.extend(referents.iter().map(|target| Reference {
            target: *target,
            name: Located { value: name.to_owned(), place: tree.place.clone() },
            namespace: namespace.map(str::to_owned).or_else(|| beside.clone()),
            keys: keys.clone(),
            optional: rule.is_optional(&spot.ancestors),
            role: rule.role,
            path: spot.path(),
            env_from: rule.env_from,
        }));
    }
    Some(ReferenceHit { address: spot.address(), format: rule.format, references, shared })
}

impl NameFormat {
    /// Namespaces and names in a text; empty if it is not of this format.
    fn names(self, text: &str) -> Vec<(Option<&str>, &str)> {
        let split = |text| match str::split_once(text, '/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let mut names = match self {
            Self::Name => vec![(None, text)],
            Self::MaybeNamespaced => vec![split(text)],
            Self::Namespaced => text.contains('/').then(|| split(text)).into_iter().collect(),
            Self::Commas => text.split(',').map(|name| (None, name.trim())).collect(),
        };
        names.retain(|(namespace, name)| !name.is_empty() && *namespace != Some(""));
        names
    }
}
