//! Objects as structures, without what Septum adds on purpose.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::support::objects::{Objects, text};

/// A place that is not the same: in which object, where, and what is there.
#[derive(Debug)]
pub(crate) struct Difference {
    object: String,
    path: String,
    kustomize: Option<String>,
    septum: Option<String>,
}

/// How a reference is treated in another way than by kustomize.
pub(crate) enum Sort {
    /// Septum knows it as a reference, so that it follows the name; kustomize leaves it.
    Follows,
    /// Septum leaves it, and kustomize puts in a name that it is not about.
    Stays,
}

/// What differs on purpose in the case `refs`.
const REFERENCES: &[(&str, Sort, &str)] = &[
    ("Deployment/d spec.template.spec.ephemeralContainers", Sort::Follows, "a container like the others"),
    ("Deployment/d spec.template.spec.volumes[3].csi.nodePublishSecretRef", Sort::Follows, VOLUME),
    ("Deployment/d spec.template.spec.volumes[4].flexVolume.secretRef", Sort::Follows, VOLUME),
    ("Deployment/d spec.template.spec.volumes[5].azureFile.secretName", Sort::Follows, VOLUME),
    ("Deployment/d spec.template.spec.volumes[6].cephfs.secretRef", Sort::Follows, VOLUME),
    ("Deployment/d spec.template.spec.volumes[7].iscsi.secretRef", Sort::Follows, VOLUME),
    ("Deployment/d spec.template.spec.volumes[8].rbd.secretRef", Sort::Follows, VOLUME),
    ("Deployment/d spec.template.spec.volumes[9].scaleIO.secretRef", Sort::Follows, VOLUME),
    ("Deployment/d spec.template.spec.volumes[10].storageos.secretRef", Sort::Follows, VOLUME),
    ("ReplicationController/rc spec.template.spec.containers", Sort::Follows, "a pod template like the others"),
    ("Rollout/ro spec.template.spec.containers", Sort::Follows, "a pod template like the others"),
    ("Service/kn spec.template.spec.containers[0].env", Sort::Follows, "all references of a container, not only one"),
    ("ServiceAccount/sa secrets", Sort::Follows, "its Secrets like its `imagePullSecrets`"),
    ("Gateway/gw spec.listeners[0].tls.certificateRefs", Sort::Follows, "an API that kustomize does not know"),
    ("Ingress/ing metadata.annotations", Sort::Follows, "a name after a namespace is one as well"),
    ("Role/r rules[0].resourceNames[1]", Sort::Stays, "a rule about ConfigMaps names no Secret"),
    ("Role/r rules[1].resourceNames[0]", Sort::Stays, "a rule about Secrets names no ConfigMap"),
];

const VOLUME: &str = "a Secret of a volume, which the kubelet looks up by its name";

/// What differs on purpose in a case.
pub(crate) fn known(case: &str) -> &'static [(&'static str, Sort, &'static str)] {
    if case == "refs" { REFERENCES } else { &[] }
}

impl Difference {
    /// Whether it is at this place, and of this sort.
    pub(crate) fn is(&self, place: &str, sort: &Sort) -> bool {
        let (Some(kustomize), Some(septum)) = (&self.kustomize, &self.septum) else { return false };
        let (before, after) = match sort {
            Sort::Follows => (kustomize, septum),
            Sort::Stays => (septum, kustomize),
        };
        let suffixed = [("app\"", "app-89g4tffbfk\""), ("s\"", "s-526mcbf5c2\"")]
            .iter()
            .any(|(name, new)| before.strip_suffix(name).is_some_and(|start| *after == format!("{start}{new}")));
        suffixed && format!("{} {}", self.object, self.path).starts_with(place)
    }
}

/// What differs between the objects of kustomize and those of Septum.
pub(crate) fn differences(kustomize: &Objects, septum: &Objects) -> Vec<Difference> {
    let (expected, mut found) = (by_identity(kustomize), by_identity(septum));
    without_additions(&expected, &mut found);
    let mut differences = Vec::new();
    for object in expected.keys().chain(found.keys().filter(|object| !expected.contains_key(*object))) {
        let (kustomize, septum) = (leaves(expected.get(object)), leaves(found.get(object)));
        for path in kustomize.keys().chain(septum.keys().filter(|path| !kustomize.contains_key(*path))) {
            let (kustomize, septum) = (kustomize.get(path).cloned(), septum.get(path).cloned());
            if kustomize != septum {
                differences.push(Difference { object: object.clone(), path: path.clone(), kustomize, septum });
            }
        }
    }
    differences
}

/// The values of an object, in order.
pub(crate) fn values(object: &Json) -> Vec<(String, String)> {
    let part = |part: &'static str| {
        let map = object[part].as_object().into_iter().flatten();
        map.map(move |(key, value)| (format!("{part}.{key}"), text(value).to_owned()))
    };
    part("binaryData").chain(part("data")).collect()
}

fn by_identity(objects: &Objects) -> BTreeMap<String, Json> {
    let identity = |object: &Json| format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
    let all: BTreeMap<_, _> = objects.0.iter().map(|object| (identity(object), unfolded(object))).collect();
    assert_eq!(all.len(), objects.0.len(), "two objects of one name");
    all
}

/// An object whose base64 is not broken into lines, as kustomize does with what is long.
fn unfolded(object: &Json) -> Json {
    let mut object = object.clone();
    for field in ["data", "binaryData"] {
        if field == "data" && object["kind"] != "Secret" {
            continue;
        }
        for value in object.get_mut(field).and_then(Json::as_object_mut).into_iter().flat_map(Map::values_mut) {
            *value = Json::from(text(value).replace('\n', ""));
        }
    }
    object
}

/// Takes away the labels that every object has, and `immutable` of those with a suffix, where kustomize
/// has nothing of that name.
fn without_additions(expected: &BTreeMap<String, Json>, found: &mut BTreeMap<String, Json>) {
    for (identity, object) in found {
        let Some(expected) = expected.get(identity) else { continue };
        let labels = object["metadata"]["labels"].as_object_mut().expect("labels");
        for label in ["app.kubernetes.io/managed-by", "app.kubernetes.io/name"] {
            assert!(labels.contains_key(label), "{identity}");
            if expected["metadata"]["labels"].get(label).is_none() {
                labels.shift_remove(label);
            }
        }
        if expected.get("immutable").is_none() {
            object.as_object_mut().expect("an object").shift_remove("immutable");
        }
    }
}

/// The scalars of a structure by their path, and its empty parts.
fn leaves(object: Option<&Json>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(object) = object {
        collect(object, "", &mut found);
    }
    // nothing that is mapped is nothing
    found.retain(|path, value| !(path == "metadata.labels" && value == "{}"));
    found
}

fn collect(json: &Json, path: &str, found: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match json {
        Json::Object(map) if !map.is_empty() => map.iter().for_each(|(key, value)| collect(value, &below(key), found)),
        Json::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, &format!("{path}[{index}]"), found));
        }
        _ => drop(found.insert(path.to_owned(), json.to_string())),
    }
}
