//! Images that layers override, matched as kustomize matches them.

use std::sync::Arc;

use super::object::PatchObject;
use crate::diagnostic::{Diagnostic, Rule, nearest_name};
use crate::go_regex;
use crate::layer::{Tree, TreeKind};
use crate::map::{HashMap, IndexMap};
use crate::span::Location;
use crate::yaml::node::{Scalar, YamlStyle};

/// New name, tag or digest of an image.
#[derive(Debug, Clone)]
pub struct ImageOverride {
    /// Name of the image in the manifests, without tag and digest.
    pub name: String,
    /// New name.
    pub new_name: Option<String>,
    /// New tag, which replaces tag and digest.
    pub new_tag: Option<String>,
    /// New digest, which replaces tag and digest.
    pub digest: Option<String>,
    /// Location of the entry.
    pub place: Location,
}

/// Fields that contain the image of a volume, as kustomize has them.
const VOLUME_PATHS: [&[&str]; 2] =
    [&["spec", "volumes", "image", "reference"], &["spec", "template", "spec", "volumes", "image", "reference"]];

/// Fields with images that are in no list of containers.
const CONTAINER_PATHS: [&[&str]; 4] = [
    &["spec", "containers", "image"],
    &["spec", "initContainers", "image"],
    &["spec", "template", "spec", "containers", "image"],
    &["spec", "template", "spec", "initContainers", "image"],
];

/// Overrides images in all objects. Returns a warning for each override that matches nothing; `is_complete` says
/// whether all objects are known.
pub fn override_images(objects: &mut [PatchObject], images: &[ImageOverride], is_complete: bool) -> Vec<Diagnostic> {
    if images.is_empty() {
        return Vec::new();
    }
    let mut found = FoundImages::default();
    visit_images(objects, &mut |tree| found.add(tree));
    let unmatched: Vec<_> = images.iter().filter(|image| !found.apply_override(image)).collect();
    let problems = if is_complete { found.report_unmatched(&unmatched) } else { Vec::new() };
    let mut changed = found.images.into_iter();
    visit_images(objects, &mut |tree| {
        if let Some(scalar) = changed.next().and_then(|image| image.changed) {
            *tree = Tree { place: tree.place.clone(), kind: TreeKind::Leaf(Arc::new(scalar)) };
        }
    });
    problems
}

/// Images of all objects, in the order in which they are visited.
#[derive(Default)]
struct FoundImages {
    images: Vec<FoundImage>,
    /// Indices of images by the last parts of their names: an override tries only those that it may match.
    by_last_part: HashMap<String, Vec<usize>>,
}

/// An image of an object.
struct FoundImage {
    /// The value; none where nothing is overridden.
    scalar: Option<Arc<Scalar>>,
    /// The value after the overrides so far, if one matched.
    changed: Option<Scalar>,
}

impl FoundImage {
    fn scalar(&self) -> Option<&Scalar> {
        self.changed.as_ref().or(self.scalar.as_deref())
    }
}

impl FoundImages {
    fn add(&mut self, tree: &Tree) {
        let scalar = match &tree.kind {
            TreeKind::Leaf(scalar) if !(scalar.locked || scalar.is_null()) => Some(Arc::clone(scalar)),
            _ => None,
        };
        let index = self.images.len();
        if let Some(scalar) = &scalar {
            self.by_last_part.entry(last_part(scalar.text()).to_owned()).or_default().push(index);
        }
        self.images.push(FoundImage { scalar, changed: None });
    }

    /// Overrides the images that an override matches. Returns whether there is one.
    fn apply_override(&mut self, image: &ImageOverride) -> bool {
        let candidates = match literal_last_part(&image.name) {
            Some(part) => self.by_last_part.get(part).cloned().unwrap_or_default(),
            None => (0..self.images.len()).collect(),
        };
        if candidates.is_empty() {
            return false;
        }
        // the name is a part of an expression in kustomize, so a `.` in it matches any character
        let expression = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
        let Ok(regex) = go_regex::compile_for_text(&expression) else { return false };
        let mut is_found = false;
        for index in candidates {
            let Some(found) = self.images.get_mut(index) else { continue };
            let Some(scalar) = found.scalar().filter(|scalar| regex.is_match(scalar.text())) else { continue };
            is_found = true;
            let style = if scalar.style == YamlStyle::Plain { YamlStyle::Plain } else { YamlStyle::DoubleQuoted };
            let mut changed = Scalar::new(image.apply(scalar.text()), style);
            changed.encrypted = scalar.encrypted;
            let (old, new) = (last_part(scalar.text()).to_owned(), last_part(changed.text()).to_owned());
            found.changed = Some(changed);
            if old != new {
                self.by_last_part.entry(old).or_default().retain(|known| *known != index);
                self.by_last_part.entry(new).or_default().push(index);
            }
        }
        is_found
    }

    /// Warnings for the overrides that match nothing. They suggest names as the other overrides leave them, and
    /// none that was decrypted.
    fn report_unmatched(&self, unmatched: &[&ImageOverride]) -> Vec<Diagnostic> {
        if unmatched.is_empty() {
            return Vec::new();
        }
        let scalars = self.images.iter().filter_map(FoundImage::scalar).filter(|scalar| !scalar.encrypted);
        let names: Vec<&str> = scalars.map(|scalar| split_image(scalar.text()).0).collect();
        let mut by_last_part: IndexMap<&str, &str> = IndexMap::default();
        for name in &names {
            by_last_part.entry(last_part(name)).or_insert(name);
        }
        unmatched.iter().map(|image| unmatched_image(image, &names, &by_last_part)).collect()
    }
}

/// Last part of the name of an image, without tag and digest.
fn last_part(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split([':', '@']).next().unwrap_or(last)
}

/// Last part of a name, if it matches nothing but itself in an expression.
fn literal_last_part(name: &str) -> Option<&str> {
    let is_literal = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    // an alternative or a group before it could match without it
    let is_plain = name.chars().all(|char| is_literal(char) || matches!(char, '.' | '/' | ':'));
    let last = name.rsplit('/').next().unwrap_or(name);
    (is_plain && !last.is_empty() && last.chars().all(is_literal)).then_some(last)
}

/// Visits the images of all objects, in an order that does not depend on their values. Some are visited twice.
fn visit_images(objects: &mut [PatchObject], visit: &mut impl FnMut(&mut Tree)) {
    let is_definition =
        |object: &&mut PatchObject| object.tree.get("kind").and_then(Tree::as_text) != Some("CustomResourceDefinition");
    for object in objects.iter_mut().filter(is_definition) {
        visit_containers(&mut object.tree, visit);
        for path in CONTAINER_PATHS.iter().chain(&VOLUME_PATHS) {
            visit_path(&mut object.tree, path, visit);
        }
    }
}

fn unmatched_image(image: &ImageOverride, known: &[&str], by_last_part: &IndexMap<&str, &str>) -> Diagnostic {
    // `nginx` for `docker.io/library/nginx`: the same up to the registry
    let wanted = last_part(&image.name);
    let same = || by_last_part.get(wanted).copied();
    let similar = || by_last_part.get(nearest_name(wanted, by_last_part.keys().copied())?).copied();
    let near = nearest_name(&image.name, known.iter().copied()).or_else(same).or_else(similar);
    Diagnostic::warning(Rule::UnmatchedImage, format!("the image `{}` is not in any manifest", image.name))
        .at_masked(image.place.clone())
        .maybe_hint(near.map(|name| format!("did you mean `{name}`?")))
}

impl ImageOverride {
    /// Image with the new name, tag and digest.
    fn apply(&self, text: &str) -> String {
        let (name, tag, digest) = split_image(text);
        let given = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
        let name = given(&self.new_name).unwrap_or_else(|| name.to_owned());
        let (tag, digest) = match (given(&self.new_tag), given(&self.digest)) {
            (None, None) => (tag.to_owned(), digest.to_owned()),
            (tag, digest) => (tag.unwrap_or_default(), digest.unwrap_or_default()),
        };
        let part = |mark: char, text: String| if text.is_empty() { text } else { format!("{mark}{text}") };
        format!("{name}{}{}", part(':', tag), part('@', digest))
    }
}

/// Name, tag and digest of an image. A `:` before the first `/` is that of a port.
fn split_image(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').unwrap_or_default();
    let search = image.get(start..).unwrap_or_default();
    let (digest, tag) = (search.find('@'), search.find(':'));
    let split =
        |at: usize| (image.get(..start + at).unwrap_or_default(), image.get(start + at + 1..).unwrap_or_default());
    match (tag, digest) {
        (Some(tag), digest) if digest.is_none_or(|digest| tag < digest) => {
            let (name, rest) = split(tag);
            let (tag, digest) = rest.split_once('@').unwrap_or((rest, ""));
            (name, tag, digest)
        }
        (_, Some(digest)) => {
            let (name, digest) = split(digest);
            (name, "", digest)
        }
        (_, None) => (image, "", ""),
    }
}

/// Visits the images of all lists of containers, wherever they are.
fn visit_containers(tree: &mut Tree, change: &mut impl FnMut(&mut Tree)) {
    match &mut tree.kind {
        TreeKind::Leaf(_) => {}
        TreeKind::List(items) => items.iter_mut().for_each(|item| visit_containers(item, change)),
        TreeKind::Map(map) => {
            for (key, value) in map {
                visit_containers(value, change);
                if let ("containers" | "initContainers", TreeKind::List(items)) = (key.as_str(), &mut value.kind) {
                    items.iter_mut().filter_map(|item| item.at_mut(&["image"])).for_each(&mut *change);
                }
            }
        }
    }
}

/// Visits the values at a path, through lists.
fn visit_path(tree: &mut Tree, path: &[&str], change: &mut impl FnMut(&mut Tree)) {
    let Some((key, rest)) = path.split_first() else { return change(tree) };
    match &mut tree.kind {
        TreeKind::Leaf(_) => {}
        TreeKind::List(items) => items.iter_mut().for_each(|item| visit_path(item, path, change)),
        TreeKind::Map(map) => {
            if let Some(value) = map.get_mut(*key) {
                visit_path(value, rest, change);
            }
        }
    }
}
