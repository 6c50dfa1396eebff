//! Publicly readable texts of an object.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::deliver::{Delivered, DeliveredForm};
use crate::layer::{Tree, TreeKind};
use crate::manifest::Manifest;
use crate::object::{Object, ObjectKind, RenderedObject};
use crate::span::{Location, Source};
use crate::yaml;

/// Path into an object, which is only formatted on request.
#[derive(Clone, Copy)]
pub(super) struct ObjectPath<'a> {
    above: Option<&'a Self>,
    step: ObjectStep<'a>,
}

#[derive(Clone, Copy)]
enum ObjectStep<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> ObjectPath<'a> {
    pub(super) fn of(key: &'a str) -> Self {
        Self { above: None, step: ObjectStep::Key(key) }
    }

    fn to(&'a self, step: ObjectStep<'a>) -> Self {
        Self { above: Some(self), step }
    }

    /// First key of the path.
    fn first(&self) -> ObjectStep<'a> {
        self.above.map_or(self.step, ObjectPath::first)
    }

    /// Keys of the path, from the top.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let mut keys = self.above.map(ObjectPath::keys).unwrap_or_default();
        match self.step {
            ObjectStep::Key(key) => keys.push(key),
            ObjectStep::Item(_) => {}
        }
        keys
    }
}

impl fmt::Display for ObjectPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            ObjectStep::Key(key) if self.above.is_none() => f.write_str(key),
            ObjectStep::Key(key) => write!(f, ".{key}"),
            ObjectStep::Item(index) => write!(f, "[{index}]"),
        }
    }
}

/// Text in an object.
pub(super) struct TextSite<'a> {
    pub(super) path: ObjectPath<'a>,
    /// Whether it is the key at the end of the path instead of the value.
    pub(super) is_key: bool,
    pub(super) text: &'a [u8],
    /// Bytes that the text stands for, which may contain a secret in an encoding that base64 hides.
    pub(super) decoded: Option<&'a [u8]>,
    /// Entry of a bundle whose value it is.
    pub(super) entry: Option<&'a str>,
    /// Manifest that it was read for, and its location there.
    pub(super) manifest: Option<(&'a Manifest, &'a Location)>,
}

/// Calls `visit` with every text of an object that is neither encrypted nor the value of a Secret.
pub(super) fn visit_texts(object: &Delivered, visit: &mut dyn FnMut(&TextSite<'_>)) {
    match &object.form {
        DeliveredForm::Plain(plain) | DeliveredForm::Unknown(plain) => match &**plain {
            RenderedObject::Bundle(object) => visit_bundle_texts(object, visit),
            RenderedObject::Manifest(manifest, _) => {
                let is_secret = plain.is_secret();
                let exempt = |path: &ObjectPath<'_>| is_secret && is_under(path, &["data", "stringData"]);
                TextWalk { manifest: Some(manifest), exempt: &exempt, visit }.tree(&manifest.tree, None);
            }
        },
        DeliveredForm::Encrypted(text) => {
            let source = Source::new("an encrypted object", text.as_str());
            let Ok(node) = yaml::read::read_document(&source) else { return };
            // its ciphertext contains no value
            TextWalk { manifest: None, exempt: &|_| false, visit }.tree(&Tree::from_node(node, &source), None);
        }
    }
}

fn is_under(path: &ObjectPath<'_>, fields: &[&str]) -> bool {
    matches!(path.first(), ObjectStep::Key(key) if fields.contains(&key))
}

/// Visits the texts of a bundle's object, without the values of a Secret.
fn visit_bundle_texts(object: &Object, visit: &mut dyn FnMut(&TextSite<'_>)) {
    let metadata = ObjectPath::of("metadata");
    let mut at = |path: ObjectPath<'_>, is_key, text: &[u8], entry: Option<&str>| {
        visit(&TextSite { path, is_key, text, decoded: None, entry, manifest: None });
    };
    let names = [("name", Some(&object.name)), ("namespace", object.namespace.as_ref())];
    for (field, name) in names.into_iter().filter_map(|(field, name)| Some((field, name?))) {
        at(metadata.to(ObjectStep::Key(field)), false, name.as_bytes(), None);
    }
    at(ObjectPath::of("type"), false, object.secret_type.as_deref().unwrap_or_default().as_bytes(), None);
    let texts: [(&str, &BTreeMap<String, String>); 2] =
        [("annotations", &object.annotations), ("labels", &object.labels)];
    for (field, texts) in texts {
        let field = metadata.to(ObjectStep::Key(field));
        for (key, text) in texts {
            let path = field.to(ObjectStep::Key(key));
            at(path, true, key.as_bytes(), None);
            at(path, false, text.as_bytes(), None);
        }
    }
    if object.kind == ObjectKind::ConfigMap {
        for (key, value) in &object.data {
            let field = ObjectPath::of(if value.text().is_some() { "data" } else { "binaryData" });
            let path = field.to(ObjectStep::Key(key));
            at(path, true, key.as_bytes(), Some(key));
            at(path, false, value.bytes(), Some(key));
        }
    }
}

/// Traversal of a tree.
struct TextWalk<'w> {
    manifest: Option<&'w Manifest>,
    /// Texts to skip: values with their keys.
    exempt: &'w dyn Fn(&ObjectPath<'_>) -> bool,
    visit: &'w mut dyn FnMut(&TextSite<'_>),
}

impl TextWalk<'_> {
    fn tree(&mut self, tree: &Tree, path: Option<&ObjectPath<'_>>) {
        let to = |step| match path {
            Some(path) => path.to(step),
            None => ObjectPath { above: None, step },
        };
        match &tree.kind {
            TreeKind::Leaf(scalar) if scalar.locked => {}
            TreeKind::Leaf(scalar) => {
                let Some(path) = path else { return };
                let text = scalar.text();
                let bytes = if is_under(path, &["binaryData"]) { decode(text) } else { None };
                self.visit_text(path, false, (text.as_bytes(), bytes.as_deref()), tree);
            }
            TreeKind::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.tree(item, Some(&to(ObjectStep::Item(index)))));
            }
            TreeKind::Map(map) => {
                for (key, value) in map {
                    let path = to(ObjectStep::Key(key));
                    self.visit_text(&path, true, (key.as_bytes(), None), value);
                    self.tree(value, Some(&path));
                }
            }
        }
    }

    fn visit_text(
        &mut self,
        path: &ObjectPath<'_>,
        is_key: bool,
        (text, decoded): (&[u8], Option<&[u8]>),
        tree: &Tree,
    ) {
        if (self.exempt)(path) {
            return;
        }
        // a generated text has no location
        let place = Some(&tree.place).filter(|place| !place.source.name().is_empty());
        let manifest = self.manifest.zip(place);
        (self.visit)(&TextSite { path: *path, is_key, text, decoded, entry: None, manifest });
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.split_whitespace().collect::<String>()).ok()
}
