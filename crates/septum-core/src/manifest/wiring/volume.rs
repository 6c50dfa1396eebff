//! Volumes: one with the files of a bundle, and one that a driver fills from a store.

use super::{BundleObjects, PodWiring, named_source};
use crate::layer::Tree;
use crate::manifest::classes::{CLASS, DRIVER};
use crate::span::Location;

/// Mode 0400, readable by the owner only, in decimal as in JSON.
const PRIVATE: &str = "256";

/// Suffix of the path of a driver's volume that is mounted beside another one.
const BESIDE: &str = "-refs";

impl PodWiring<'_> {
    pub(super) fn mount(&mut self, wish: &str) {
        let Some((name, path)) = wish.split_once(':').filter(|(_, path)| path.starts_with('/')) else {
            self.error(format!("`{wish}` has no valid mount path"), "write `BUNDLE:/absolute/path`");
            return;
        };
        let Some(path) = mount_path(path) else {
            self.error(
                format!("`{wish}` has no valid mount path"),
                "write `BUNDLE:/absolute/path`: a directory below `/`, without `:`, `.` or `..`; the volume is always read-only",
            );
            return;
        };
        let path = path.as_str();
        let Some(sides) = self.bundle(name) else { return };
        let is_projected = sides.config_map || !sides.secrets.is_empty();
        // a driver's volume cannot be part of another one, and no volume can be nested in a read-only one
        let end = if is_projected { BESIDE } else { "" };
        let path_of_class = format!("{path}{end}");
        let wanted = [is_projected.then_some(path), sides.class.as_ref().map(|_| path_of_class.as_str())];
        let taken = |path: &&str| self.containers().iter().any(|container| has_mount(container, path));
        if let Some(path) = wanted.into_iter().flatten().find(taken) {
            self.error(format!("`{path}` is already a mount path"), "use another path for the bundle");
            return;
        }
        if is_projected {
            let volume = self.volume_of(name, name, |place| sides.projected(name, place));
            self.mount_volume(&volume, path);
        }
        if let Some(class) = &sides.class {
            let label = format!("{name}{end}");
            let volume = self.volume_of(&format!("{name} by its class"), &label, |place| driver_source(class, place));
            self.mount_volume(&volume, &path_of_class);
        }
    }

    fn mount_volume(&mut self, volume: &str, path: &str) {
        let place = self.place.clone();
        for container in self.containers() {
            let Some(list) = container.list_under("volumeMounts") else { continue };
            list.push(Tree::map(
                [
                    ("name", Tree::text(volume, &place)),
                    ("mountPath", Tree::text(path, &place)),
                    ("readOnly", Tree::literal("true", &place)),
                ],
                &place,
            ));
        }
    }

    /// Name of a volume, which is added if missing: `of` is its content, `label` the base of its name.
    fn volume_of(&mut self, of: &str, label: &str, source: impl FnOnce(&Location) -> (&'static str, Tree)) -> String {
        if let Some(volume) = self.volumes.get(of) {
            return volume.clone();
        }
        let volume = self.free_volume_name(label);
        self.volumes.insert(of.to_owned(), volume.clone());
        let place = self.place.clone();
        let entry = Tree::map([("name", Tree::text(&volume, &place)), source(&place)], &place);
        if let Some(spec) = self.template.at_mut(&["spec"])
            && let Some(volumes) = spec.list_under("volumes")
        {
            volumes.push(entry);
        }
        volume
    }

    /// Name that no volume of the pod has: a DNS label of at most 63 characters (RFC 1123).
    fn free_volume_name(&self, bundle: &str) -> String {
        const LONGEST: usize = 63;
        let cut = |text: &str, length: usize| -> String {
            let cut: String = text.chars().take(length).collect();
            cut.trim_end_matches('-').to_owned()
        };
        let name = format!("septum-{bundle}").replace('.', "-");
        let mut free = cut(&name, LONGEST);
        let mut number = 2;
        while self.has_volume(&free) {
            let end = format!("-{number}");
            free = cut(&name, LONGEST - end.len()) + &end;
            number += 1;
        }
        free
    }

    fn has_volume(&self, name: &str) -> bool {
        let volumes = self.template.at(&["spec", "volumes"]).and_then(Tree::as_list).unwrap_or_default();
        volumes.iter().any(|volume| volume.get("name").and_then(Tree::as_text) == Some(name))
    }
}

impl BundleObjects {
    /// Source of one volume with the files of the ConfigMap and all Secrets.
    fn projected(&self, bundle: &str, place: &Location) -> (&'static str, Tree) {
        let mut projected = Vec::new();
        if !self.secrets.is_empty() {
            projected.push(("defaultMode", Tree::literal(PRIVATE, place)));
        }
        let config_map = self.config_map.then(|| named_source("configMap", bundle, place));
        let secrets = self.secrets.iter().map(|name| named_source("secret", name, place));
        projected.push(("sources", Tree::list(config_map.into_iter().chain(secrets).collect(), place)));
        ("projected", Tree::map(projected, place))
    }
}

/// Source of a volume that the Secrets Store CSI driver fills (its `docs/book`, "Usage").
fn driver_source(class: &str, place: &Location) -> (&'static str, Tree) {
    let text = |text: &str| Tree::text(text, place);
    let attributes = Tree::map([(CLASS, text(class))], place);
    let fields =
        [("driver", text(DRIVER)), ("readOnly", Tree::literal("true", place)), ("volumeAttributes", attributes)];
    ("csi", Tree::map(fields, place))
}

/// Normalised path in a container; `None` if nothing can be mounted there. The API server rejects a `:`
/// (`validateVolumeMounts`), and a volume at `/` would hide the image.
fn mount_path(path: &str) -> Option<String> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is_path = !parts.is_empty() && !path.contains(':') && !parts.iter().any(|part| matches!(*part, "." | ".."));
    is_path.then(|| format!("/{}", parts.join("/")))
}

fn has_mount(container: &Tree, path: &str) -> bool {
    let mounts = container.get("volumeMounts").and_then(Tree::as_list).unwrap_or_default();
    let is_same = |found: &str| mount_path(found).map_or(found == path, |found| found == path);
    mounts.iter().filter_map(|mount| mount.get("mountPath").and_then(Tree::as_text)).any(is_same)
}
