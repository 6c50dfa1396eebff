//! Wiring: a workload names the bundles it needs, and gets references to the objects built from them. A key that moves
//! across the classification boundary needs no edit of the workload.
//!
//! The directives are annotations of the pod template, and do not reach the cluster:
//!
//! | annotation | gives |
//! |---|---|
//! | `septum.dev/env-from: "a, b"` | the entries of bundles as variables, in every container |
//! | `septum.dev/mount: "a:/etc/a"` | the entries as files of one read-only volume, in every container |
//! | `septum.dev/image-pull-secrets: "registry"` | the credentials of registries for the pod's images |
//! | `septum.dev/checksum: "true"` | checksums of the objects that the workload uses: see `checksum.rs` |
//!
//! Restarts of a workload are requested on the workload itself: see `reload.rs`.

#[cfg(test)]
mod tests;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use super::checksum;
use super::identity::Manifest;
use super::label::BASE_NAME;
use super::schema;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::layer::tree::join_path;
use crate::layer::{Tree, TreeKind};
use crate::map::{HashMap, HashSet};
use crate::span::Location;

/// Prefix of the annotations.
const PREFIX: &str = "septum.dev/";
/// Directive on the workload itself: see `reload.rs`.
pub(super) const RELOAD: &str = "septum.dev/reload";
const MOUNT: &str = "septum.dev/mount";
const CHECKSUM: &str = "septum.dev/checksum";
const WISHES: [&str; 4] = ["septum.dev/env-from", MOUNT, "septum.dev/image-pull-secrets", CHECKSUM];

/// Objects of each bundle, by its name.
#[derive(Debug, Default)]
pub struct BundleObjectMap {
    with_objects: BTreeMap<String, BundleObjects>,
    /// Bundles that are defined, possibly without a value in the environment.
    defined: BTreeSet<String>,
}

/// Objects of a bundle.
#[derive(Debug, Default, Clone)]
struct BundleObjects {
    config_map: bool,
    /// Names of its Secrets: of known values, and of values that an operator brings from a store.
    secrets: Vec<String>,
    secret_type: Option<String>,
    /// Class with which a driver mounts values from a store.
    class: Option<String>,
}

impl BundleObjectMap {
    /// Adds the bundles of another app.
    pub fn absorb(&mut self, other: Self) {
        self.with_objects.extend(other.with_objects);
        self.defined.extend(other.defined);
    }

    /// Records that a bundle is defined.
    pub fn define(&mut self, name: &str) {
        self.defined.insert(name.to_owned());
    }

    /// Records that a bundle produced a ConfigMap.
    pub fn add_config_map(&mut self, name: &str) {
        self.with_objects.entry(name.to_owned()).or_default().config_map = true;
    }

    /// Records that a bundle produced a Secret of a type, which may have another name than the bundle.
    pub fn add_secret(&mut self, bundle: &str, name: &str, secret_type: &str) {
        let sides = self.with_objects.entry(bundle.to_owned()).or_default();
        sides.secrets.push(name.to_owned());
        sides.secret_type = Some(secret_type.to_owned());
    }

    /// Records that a driver mounts entries of a bundle with a class.
    pub fn add_class(&mut self, bundle: &str, name: &str) {
        self.with_objects.entry(bundle.to_owned()).or_default().class = Some(name.to_owned());
    }
}

/// Path of a workload's pod template, which consists of `metadata` and `spec`.
pub fn template_of(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "Pod" => &[],
        "PodTemplate" => &["template"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template"],
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ReplicationController" | "Job" | "Rollout" => {
            &["spec", "template"]
        }
        _ => return None,
    })
}

/// Applies the directives of a workload. In an unknown kind, every structure with containers is a pod template.
pub fn wire_workload(manifest: &mut Manifest, bundles: &BundleObjectMap, problems: &mut Diagnostics) {
    if let Some(problem) = schema::report_kind(manifest) {
        let is_error = problem.is_error();
        problems.push(problem);
        if is_error {
            return;
        }
    }
    let known = template_of(&manifest.kind);
    if known.is_some_and(<[_]>::is_empty) {
        wire_template(&mut manifest.tree, &manifest.kind, bundles, problems);
    } else if let Some(template) = known.and_then(|path| manifest.tree.at_mut(path)) {
        wire_template(template, &manifest.kind, bundles, problems);
    } else {
        wire_templates_within(&mut manifest.tree, &manifest.kind, bundles, problems);
    }
    report_misplaced(&manifest.tree, problems);
}

/// Applies the directives of all pod templates below a part of an object.
fn wire_templates_within(tree: &mut Tree, kind: &str, bundles: &BundleObjectMap, problems: &mut Diagnostics) {
    let parts: Box<dyn Iterator<Item = &mut Tree>> = match &mut tree.kind {
        TreeKind::Map(map) => Box::new(map.values_mut()),
        TreeKind::List(items) => Box::new(items.iter_mut()),
        TreeKind::Leaf(_) => return,
    };
    for part in parts {
        if part.at(&["spec", "containers"]).and_then(Tree::as_list).is_some() {
            wire_template(part, kind, bundles, problems);
        } else {
            wire_templates_within(part, kind, bundles, problems);
        }
    }
}

fn wire_template(template: &mut Tree, kind: &str, bundles: &BundleObjectMap, problems: &mut Diagnostics) {
    let wishes = take_directives(template);
    let mounted = mounted_bundles(&wishes);
    let mut volumes = HashMap::default();
    for (key, value) in wishes {
        if matches!(&value.kind, TreeKind::Leaf(scalar) if scalar.locked) {
            // it is unknown, or a secret, which is reported elsewhere
            continue;
        }
        let Some(text) = value.as_text().map(str::to_owned) else {
            let message = format!("expected the name of a bundle for `{key}`, found {}", value.noun());
            problems.push(Diagnostic::error(Rule::Wiring, message).at_masked(value.place));
            continue;
        };
        let mut wiring =
            PodWiring { template, bundles, volumes: &mut volumes, mounted: &mounted, place: &value.place, problems };
        if key == RELOAD {
            wiring.error(format!("`{RELOAD}` has no effect here"), ON_WORKLOAD);
            continue;
        }
        if !WISHES.contains(&key.as_str()) {
            wiring.report_unknown(&key);
            continue;
        }
        if key == CHECKSUM {
            wiring.checksum(&text, kind);
            continue;
        }
        let wanted: Vec<_> = text.split(',').map(str::trim).filter(|wish| !wish.is_empty()).collect();
        if wanted.is_empty() {
            wiring.error(format!("`{key}` does not specify a bundle"), "specify one, or remove the annotation");
        }
        for wish in wanted {
            match key.as_str() {
                "septum.dev/env-from" => wiring.env_from(wish),
                MOUNT => wiring.mount(wish),
                _ => wiring.pull_secret(wish),
            }
        }
    }
}

/// Removes the directives from the annotations of a pod template.
fn take_directives(template: &mut Tree) -> Vec<(String, Tree)> {
    let Some(metadata) = template.at_mut(&["metadata"]) else { return Vec::new() };
    let mut wishes = Vec::new();
    let mut is_empty = false;
    if let Some(Tree { kind: TreeKind::Map(annotations), .. }) = metadata.at_mut(&["annotations"]) {
        let keys: Vec<_> = annotations.keys().filter(|key| key.starts_with(PREFIX)).cloned().collect();
        for key in keys {
            wishes.extend(annotations.shift_remove_entry(&key));
        }
        is_empty = annotations.is_empty();
    }
    if let TreeKind::Map(metadata) = &mut metadata.kind
        && is_empty
    {
        metadata.shift_remove("annotations");
    }
    wishes
}

/// Hint for a directive about the whole workload.
const ON_WORKLOAD: &str = "set it on the workload itself: `metadata.annotations`";

/// Reports directives that were not applied, wherever they are: on the workload itself, or in an object without
/// containers.
fn report_misplaced(tree: &Tree, problems: &mut Diagnostics) {
    misplaced_within(tree, "", problems);
}

fn misplaced_within(tree: &Tree, path: &str, problems: &mut Diagnostics) {
    match &tree.kind {
        TreeKind::Map(map) => {
            for (key, value) in map {
                let is_reload = key == RELOAD && path == "metadata.annotations";
                // a label, which selectors have too
                let is_label = key == BASE_NAME && !path.ends_with("annotations");
                let is_in_place = is_reload || is_label;
                if key.starts_with(PREFIX) && !is_in_place {
                    problems.push(misplaced_wish(key, value, path));
                }
                misplaced_within(value, &join_path(path, key), problems);
            }
        }
        TreeKind::List(items) => items.iter().for_each(|item| misplaced_within(item, &join_path(path, "[]"), problems)),
        TreeKind::Leaf(_) => {}
    }
}

fn misplaced_wish(key: &str, value: &Tree, path: &str) -> Diagnostic {
    let field = path.rsplit('.').next().unwrap_or_default();
    let message = match field {
        "annotations" => format!("`{key}` has no effect here"),
        "" => format!("`{key}` is an annotation, and has no effect at the top level of an object"),
        field => format!("`{key}` is an annotation, and has no effect in `{field}`"),
    };
    let hint =
        if key == RELOAD { ON_WORKLOAD } else { "set it on the pod template: `spec.template.metadata.annotations`" };
    Diagnostic::error(Rule::Wiring, message).at_masked(value.place.clone()).hint(hint)
}

/// Bundles with a mount directive in a pod template.
fn mounted_bundles(wishes: &[(String, Tree)]) -> HashSet<String> {
    let mounts = wishes.iter().filter(|(key, _)| key == MOUNT).filter_map(|(_, value)| value.as_text());
    let names = mounts.flat_map(|text| text.split(',')).filter_map(|wish| wish.trim().split_once(':'));
    names.map(|(name, _)| name.to_owned()).collect()
}

struct PodWiring<'a> {
    template: &'a mut Tree,
    bundles: &'a BundleObjectMap,
    /// Bundles that are also mounted.
    mounted: &'a HashSet<String>,
    /// Volumes of bundles that were added to the pod so far.
    volumes: &'a mut HashMap<String, String>,
    place: &'a Location,
    problems: &'a mut Diagnostics,
}

impl PodWiring<'_> {
    fn bundle(&mut self, name: &str) -> Option<BundleObjects> {
        let known = self.bundles.with_objects.get(name).cloned();
        if known.is_none() {
            let error = |message: String| Diagnostic::error(Rule::DanglingReference, message).at(self.place.clone());
            self.problems.push(if self.bundles.defined.contains(name) {
                error(format!("no key of the bundle `{name}` has a value here, so it has no objects"))
                    .hint("set a value for one of its keys in this environment")
                    .hint("or use `manifests` without this annotation in this environment")
            } else {
                let names = self.bundles.with_objects.keys().chain(&self.bundles.defined).map(String::as_str);
                error(format!("unknown bundle `{name}`")).maybe_hint(did_you_mean(name, names))
            });
        }
        known
    }

    fn error(&mut self, message: String, hint: &str) {
        self.problems.push(Diagnostic::error(Rule::Wiring, message).at(self.place.clone()).hint(hint));
    }

    fn report_unknown(&mut self, key: &str) {
        let nearest = did_you_mean(key, WISHES);
        let error = Diagnostic::error(Rule::Wiring, format!("unknown annotation `{key}`"));
        self.problems.push(
            error
                .at(self.place.clone())
                .maybe_hint(nearest)
                .hint(format!("the known annotations are {}", WISHES.join(", "))),
        );
    }

    /// All containers of the pod, including init containers: a migration needs the same configuration as the
    /// application.
    fn containers(&mut self) -> Vec<&mut Tree> {
        let Some(Tree { kind: TreeKind::Map(spec), .. }) = self.template.at_mut(&["spec"]) else { return Vec::new() };
        let lists = spec.iter_mut().filter(|(key, _)| matches!(key.as_str(), "initContainers" | "containers"));
        let items = lists.filter_map(|(_, list)| match &mut list.kind {
            TreeKind::List(items) => Some(items),
            TreeKind::Leaf(_) | TreeKind::Map(_) => None,
        });
        items.flatten().collect()
    }

    fn env_from(&mut self, name: &str) {
        let Some(sides) = self.bundle(name) else { return };
        let place = self.place.clone();
        if sides.class.is_some() && !self.mounted.contains(name) {
            let error =
                Diagnostic::error(Rule::Wiring, format!("parts of `{name}` cannot be used as environment variables"))
                    .at(place.clone())
                    .note(
                        "they are in an external store, and `refs: csi` mounts them as files: no Secret contains them",
                    )
                    .hint(format!("mount the bundle too: `{MOUNT}: \"{name}:/etc/{name}\"`"));
            self.problems.push(error.hint("or deliver with `refs: external-secret`"));
        }
        let config_map = sides.config_map.then_some(("configMapRef", name));
        let secrets = sides.secrets.iter().map(|name| ("secretRef", name.as_str()));
        let wanted: Vec<_> = config_map.into_iter().chain(secrets).collect();
        for container in self.containers() {
            let Some(list) = container.list_under("envFrom") else { continue };
            for (field, name) in &wanted {
                let is_there = |item: &Tree| item.at(&[field, "name"]).and_then(Tree::as_text) == Some(name);
                if !list.iter().any(is_there) {
                    list.push(named_source(field, name, &place));
                }
            }
        }
    }

    /// Requests checksums, which are added once the names of all objects are final.
    fn checksum(&mut self, text: &str, kind: &str) {
        match (text, kind) {
            ("false", _) => {}
            ("true", "Pod" | "Job") => {
                let message = format!("`{CHECKSUM}` has no effect on a {kind}: its pods are not replaced");
                self.error(message, "remove the annotation");
            }
            ("true", _) => {
                let request = Tree::text("", self.place);
                let annotations = self.template.map_under("metadata").map(|metadata| {
                    let none = Tree::map([], self.place);
                    metadata.entry("annotations".to_owned()).or_insert(none)
                });
                if let Some(Tree { kind: TreeKind::Map(annotations), .. }) = annotations {
                    annotations.insert(checksum::REQUEST.to_owned(), request);
                }
            }
            _ => self.error(format!("`{CHECKSUM}` must be `true` or `false`"), "write `\"true\"`"),
        }
    }

    fn pull_secret(&mut self, name: &str) {
        let Some(sides) = self.bundle(name) else { return };
        let fits = sides.secret_type.as_deref().is_some_and(|kind| kind.starts_with("kubernetes.io/dockerc"));
        if sides.secrets.is_empty() && sides.class.is_some() {
            let message = format!("the bundle `{name}` has no Secret here: `refs: csi` mounts its values");
            self.error(message, "deliver it with `refs: external-secret`, or set its `registries`");
            return;
        }
        if !fits {
            let message = format!("the bundle `{name}` contains no registry credentials");
            self.error(message, "set its `registries`, or `type: kubernetes.io/dockerconfigjson`");
            return;
        }
        let place = self.place.clone();
        let Some(spec) = self.template.at_mut(&["spec"]) else { return };
        let Some(list) = spec.list_under("imagePullSecrets") else { return };
        for name in &sides.secrets {
            let is_there = |item: &Tree| item.get("name").and_then(Tree::as_text) == Some(name);
            if !list.iter().any(is_there) {
                list.push(Tree::map([("name", Tree::text(name, &place))], &place));
            }
        }
    }
}

/// `{FIELD: {name: NAME}}`
fn named_source(field: &'static str, name: &str, place: &Location) -> Tree {
    Tree::map([(field, Tree::map([("name", Tree::text(name, place))], place))], place)
}
