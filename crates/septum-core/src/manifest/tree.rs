//! Access to the trees of manifests.

use std::sync::Arc;

use crate::layer::{Tree, TreeKind};
use crate::map::IndexMap;
use crate::span::Location;
use crate::yaml::node::{Scalar, YamlStyle};

impl Tree {
    /// Value under a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// Value at the end of a path of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// Mutable value at the end of a path of keys.
    pub fn at_mut(&mut self, keys: &[&str]) -> Option<&mut Self> {
        keys.iter().try_fold(self, |tree, key| match &mut tree.kind {
            TreeKind::Map(map) => map.get_mut(*key),
            TreeKind::Leaf(_) | TreeKind::List(_) => None,
        })
    }

    /// Mapping, if it is one.
    pub fn as_map(&self) -> Option<&IndexMap<String, Self>> {
        match &self.kind {
            TreeKind::Map(map) => Some(map),
            TreeKind::Leaf(_) | TreeKind::List(_) => None,
        }
    }

    /// Items, if it is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            TreeKind::List(items) => Some(items),
            TreeKind::Leaf(_) | TreeKind::Map(_) => None,
        }
    }

    /// Text of a scalar that is known and not null.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            TreeKind::Leaf(scalar) if !(scalar.is_null() || scalar.blank || scalar.locked) => Some(scalar.text()),
            TreeKind::Leaf(_) | TreeKind::List(_) | TreeKind::Map(_) => None,
        }
    }

    /// Text that occurs in no file; `place` is its origin.
    pub fn text(text: &str, place: &Location) -> Self {
        Self { place: place.clone(), kind: TreeKind::Leaf(Arc::new(Scalar::new(text, YamlStyle::DoubleQuoted))) }
    }

    /// Number or truth value that occurs in no file.
    pub fn literal(text: &str, place: &Location) -> Self {
        Self { place: place.clone(), kind: TreeKind::Leaf(Arc::new(Scalar::new(text, YamlStyle::Plain))) }
    }

    /// Mapping that occurs in no file.
    pub fn map<'k>(pairs: impl IntoIterator<Item = (&'k str, Self)>, place: &Location) -> Self {
        let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { place: place.clone(), kind: TreeKind::Map(pairs) }
    }

    /// List that occurs in no file.
    pub fn list(items: Vec<Self>, place: &Location) -> Self {
        Self { place: place.clone(), kind: TreeKind::List(items) }
    }

    /// Mapping under a key, created if missing; `None` if there is another kind of value.
    pub fn map_under(&mut self, key: &str) -> Option<&mut IndexMap<String, Self>> {
        let place = self.place.clone();
        let TreeKind::Map(map) = &mut self.kind else { return None };
        let below = map.entry(key.to_owned()).or_insert_with(|| Self::map([], &place));
        if matches!(&below.kind, TreeKind::Leaf(scalar) if scalar.is_null() || scalar.blank) {
            below.kind = TreeKind::Map(IndexMap::default());
        }
        match &mut below.kind {
            TreeKind::Map(map) => Some(map),
            TreeKind::Leaf(_) | TreeKind::List(_) => None,
        }
    }

    /// List under a key, created if missing; `None` if there is another kind of value.
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
