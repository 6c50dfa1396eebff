//! Ways into the trees of manifests.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::layer::{Tree, TreeKind};
use crate::span::Location;
use crate::yaml::node::{Scalar, YamlStyle};

impl Tree {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value at the end of a way of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, keys: &[&str]) -> Option<&mut Self> {
        keys.iter().try_fold(self, |tree, key| match &mut tree.kind {
            TreeKind::Map(map) => map.get_mut(*key),
            TreeKind::Leaf(_) | TreeKind::List(_) => None,
        })
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&IndexMap<String, Self>> {
        match &self.kind {
            TreeKind::Map(map) => Some(map),
            TreeKind::Leaf(_) | TreeKind::List(_) => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            TreeKind::List(items) => Some(items),
            TreeKind::Leaf(_) | TreeKind::Map(_) => None,
        }
    }

    /// The text of a scalar that is known and not null.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            TreeKind::Leaf(scalar) if !(scalar.is_null() || scalar.blank || scalar.locked) => Some(scalar.text()),
            TreeKind::Leaf(_) | TreeKind::List(_) | TreeKind::Map(_) => None,
        }
    }

    /// A text that stands in no file; `place` is where it comes from.
    pub fn text(text: &str, place: &Location) -> Self {
        Self { place: place.clone(), kind: TreeKind::Leaf(Arc::new(Scalar::new(text, YamlStyle::DoubleQuoted))) }
    }

    /// A number or truth value that stands in no file.
    pub fn literal(text: &str, place: &Location) -> Self {
        Self { place: place.clone(), kind: TreeKind::Leaf(Arc::new(Scalar::new(text, YamlStyle::Plain))) }
    }

    /// A mapping that stands in no file.
    pub fn map<'k>(pairs: impl IntoIterator<Item = (&'k str, Self)>, place: &Location) -> Self {
        let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { place: place.clone(), kind: TreeKind::Map(pairs) }
    }

    /// A list that stands in no file.
    pub fn list(items: Vec<Self>, place: &Location) -> Self {
        Self { place: place.clone(), kind: TreeKind::List(items) }
    }

    /// The mapping under a key, made if it is not there; none if something else is.
    pub fn map_under(&mut self, key: &str) -> Option<&mut IndexMap<String, Self>> {
        let place = self.place.clone();
        let TreeKind::Map(map) = &mut self.kind else { return None };
        let below = map.entry(key.to_owned()).or_insert_with(|| Self::map([], &place));
        if matches!(&below.kind, TreeKind::Leaf(scalar) if scalar.is_null() || scalar.blank) {
            below.kind = TreeKind::Map(IndexMap::new());
        }
        match &mut below.kind {
            TreeKind::Map(map) => Some(map),
            TreeKind::Leaf(_) | TreeKind::List(_) => None,
        }
    }

    /// The list under a key, made if it is not there; none if something else is.
    pub fn list_under(&mut self, key: &str) -> Option<&mut Vec<Self>> {
        let place = self.place.clone();
        let TreeKind::Map(map) = &mut self.kind else { return None };
        let below = map.entry(key.to_owned()).or_insert_with(|| Self::list(Vec::new(), &place));
        if matches!(&below.kind, TreeKind::Leaf(scalar) if scalar.is_null() || scalar.blank) {
            below.kind = TreeKind::List(Vec::new());
        }
        match &mut below.kind {
            TreeKind::List(items) => Some(items),
            TreeKind::Leaf(_) | TreeKind::Map(_) => None,
        }
    }
}
