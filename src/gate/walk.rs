//! Every text of an object that everybody may read.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::deliver::{Delivered, Form};
use crate::layer::{Tree, TreeKind};
use crate::manifest::Manifest;
use crate::object::{Object, ObjectKind, Rendered};
use crate::span::{Place, Source};
use crate::yaml;

/// A way into an object, of which a path is made only where somebody asks.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    above: Option<&'a Self>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> Path<'a> {
    pub(super) fn of(key: &'a str) -> Self {
        Self { above: None, step: Step::Key(key) }
    }

    fn to(&'a self, step: Step<'a>) -> Self {
        Self { above: Some(self), step }
    }

    /// The key that it begins with.
    fn first(&self) -> Step<'a> {
        self.above.map_or(self.step, Path::first)
    }

    /// The keys of the way, from the top.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let mut keys = self.above.map(Path::keys).unwrap_or_default();
        match self.step {
            Step::Key(key) => keys.push(key),
            Step::Item(_) => {}
        }
        keys
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            Step::Key(key) if self.above.is_none() => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Item(index) => write!(f, "[{index}]"),
        }
    }
}

/// A text in an object.
pub(super) struct Spot<'a> {
    pub(super) path: Path<'a>,
    /// It is the key at the end of the path, and not the value.
    pub(super) is_key: bool,
    pub(super) text: &'a [u8],
    /// The entry of a bundle whose value it is.
    pub(super) entry: Option<&'a str>,
    /// The object that it was read for, and where it stands there.
    pub(super) manifest: Option<(&'a Manifest, &'a Place)>,
}

/// Calls `visit` with every text of an object that is neither encrypted nor the value of a Secret.
pub(super) fn texts(object: &Delivered, visit: &mut dyn FnMut(&Spot<'_>)) {
    match &object.form {
        Form::Plain(plain) => match &**plain {
            Rendered::Bundle(object) => of_bundle(object, visit),
            Rendered::Manifest(manifest, _) => {
                let is_secret = plain.is_secret();
                let exempt = |path: &Path<'_>, _: bool| is_secret && is_below(path, &["data", "stringData"]);
                Walk { manifest: Some(manifest), exempt: &exempt, visit }.tree(&manifest.tree, None);
            }
        },
        Form::Encrypted(text) => {
            let source = Source::new("an encrypted object", text.as_str());
            let Ok(node) = yaml::read::read(&source) else { return };
            let exempt = |path: &Path<'_>, is_key: bool| !is_key && is_below(path, &["data", "stringData", "sops"]);
            Walk { manifest: None, exempt: &exempt, visit }.tree(&Tree::from_node(node, &source), None);
        }
        Form::Unknown => {}
    }
}

fn is_below(path: &Path<'_>, fields: &[&str]) -> bool {
    path.above.is_some() && matches!(path.first(), Step::Key(key) if fields.contains(&key))
}

/// The texts of what a bundle became, without the values of a Secret.
fn of_bundle(object: &Object, visit: &mut dyn FnMut(&Spot<'_>)) {
    let metadata = Path::of("metadata");
    let mut at = |path: Path<'_>, is_key, text: &[u8], entry: Option<&str>| {
        visit(&Spot { path, is_key, text, entry, manifest: None });
    };
    let names = [("name", Some(&object.name)), ("namespace", object.namespace.as_ref())];
    for (field, name) in names.into_iter().filter_map(|(field, name)| Some((field, name?))) {
        at(metadata.to(Step::Key(field)), false, name.as_bytes(), None);
    }
    at(Path::of("type"), false, object.secret_type.as_deref().unwrap_or_default().as_bytes(), None);
    let texts: [(&str, &BTreeMap<String, String>); 2] =
        [("annotations", &object.annotations), ("labels", &object.labels)];
    for (field, texts) in texts {
        let field = metadata.to(Step::Key(field));
        for (key, text) in texts {
            let path = field.to(Step::Key(key));
            at(path, true, key.as_bytes(), None);
            at(path, false, text.as_bytes(), None);
        }
    }
    if object.kind == ObjectKind::ConfigMap {
        for (key, value) in &object.data {
            let field = Path::of(if value.text().is_some() { "data" } else { "binaryData" });
            let path = field.to(Step::Key(key));
            at(path, true, key.as_bytes(), Some(key));
            at(path, false, value.bytes(), Some(key));
        }
    }
}

/// A walk through a tree.
struct Walk<'w> {
    manifest: Option<&'w Manifest>,
    /// What is left out: a value, or the key before it.
    exempt: &'w dyn Fn(&Path<'_>, bool) -> bool,
    visit: &'w mut dyn FnMut(&Spot<'_>),
}

impl Walk<'_> {
    fn tree(&mut self, tree: &Tree, path: Option<&Path<'_>>) {
        let to = |step| match path {
            Some(path) => path.to(step),
            None => Path { above: None, step },
        };
        match &tree.kind {
            TreeKind::Leaf(scalar) => {
                let Some(path) = path else { return };
                self.at(path, false, scalar.text().as_bytes(), tree);
                self.decoded(path, scalar.text(), tree);
            }
            TreeKind::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.tree(item, Some(&to(Step::Item(index)))));
            }
            TreeKind::Map(map) => {
                for (key, value) in map {
                    let path = to(Step::Key(key));
                    self.at(&path, true, key.as_bytes(), value);
                    self.tree(value, Some(&path));
                }
            }
        }
    }

    /// The bytes of `binaryData`, which may hold a secret in a form that base64 hides.
    fn decoded(&mut self, path: &Path<'_>, text: &str, tree: &Tree) {
        if !is_below(path, &["binaryData"]) {
            return;
        }
        let packed: String = text.split_whitespace().collect();
        if let Ok(bytes) = STANDARD.decode(packed) {
            self.at(path, false, &bytes, tree);
        }
    }

    fn at(&mut self, path: &Path<'_>, is_key: bool, text: &[u8], tree: &Tree) {
        if (self.exempt)(path, is_key) {
            return;
        }
        // what nobody wrote has no place
        let place = Some(&tree.place).filter(|place| !place.source.name().is_empty());
        let manifest = self.manifest.zip(place);
        (self.visit)(&Spot { path: *path, is_key, text, entry: None, manifest });
    }
}
