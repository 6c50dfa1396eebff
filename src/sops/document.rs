//! A document as sops knows it (format, section 1.2): values with types, in their order, with the
//! comments between them, and with the places where they stand in the text.

use std::fmt;

use zeroize::Zeroizing;

use super::scalar::Value;
use crate::span::Span;
use crate::yaml::node::{Key, Kind, Mapping, Node, Scalar, Style};

/// All that a file holds, without its metadata: one branch, or one for each document of YAML.
#[derive(Debug, Default)]
pub struct Document {
    /// The roots.
    pub branches: Vec<Map>,
}

/// Keys with their values. A key may stand twice: JSON and dotenv let it.
#[derive(Debug, Clone, Default)]
pub struct Map {
    /// In the order of the file.
    pub items: Vec<Item<Key>>,
    /// From the first key to the end of the last value, brackets included.
    pub span: Span,
}

/// Values without keys.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// In the order of the file.
    pub items: Vec<Item<Position>>,
    /// From the first dash or bracket to the end of the last value.
    pub span: Span,
}

/// What stands for a key in a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Position {
    /// Where the dash of the item stands, or, within brackets, the item itself.
    pub start: usize,
}

/// A part of a map or a list.
#[derive(Debug, Clone)]
pub enum Item<K> {
    /// A comment: of what follows, or at the end.
    Comment(Comment),
    /// A value, under its key.
    Value(K, Tree),
}

/// A value.
#[derive(Debug, Clone)]
pub enum Tree {
    /// A single one.
    Leaf(Leaf),
    /// A list.
    List(List),
    /// A map.
    Map(Map),
}

/// A single value.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The value.
    pub value: Value,
    /// It is written as an integer beyond what sops knows: 64 bits with a sign.
    pub unsigned: bool,
    /// Where it stands.
    pub site: Site,
}

/// A comment, one line of it.
#[derive(Clone)]
pub struct Comment {
    /// What follows the `#`.
    pub text: Zeroizing<String>,
    /// Where it stands, with its `#`.
    pub site: Site,
    /// Whether it stands on the line of the value that follows it here.
    pub inline: bool,
    /// Whether an item of a list may stand in its place.
    pub as_item: bool,
}

/// Where a value stands in the text, and what may be written there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Site {
    /// What is replaced if the value is: with quotes, tag or block header.
    pub span: Span,
    /// Within brackets, where YAML needs more quotes.
    pub flow: bool,
    /// An encrypted comment at the end of a list whose dashes stand at the column of its key.
    pub flat: bool,
    /// Indentation of the lines of a block, if there is room for one; of a comment, the one that it should have, if
    /// it is not.
    pub indent: Option<usize>,
}

impl fmt::Debug for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[comment]")
    }
}

impl Map {
    /// The value under a key; of several, the first.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.values().find(|(known, _)| known.text == key).map(|(_, value)| value)
    }

    /// The keys and values, without the comments.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = (&Key, &Tree)> {
        self.items.iter().filter_map(|item| match item {
            Item::Value(key, value) => Some((key, value)),
            Item::Comment(_) => None,
        })
    }

    /// Puts a value under a key that is not of any file: in place of the one there, or where the
    /// order of the alphabet has it.
    pub(super) fn put(&mut self, key: &str, value: Tree) {
        let there = self.items.iter_mut().find_map(|item| match item {
            Item::Value(known, value) if known.text == key => Some(value),
            Item::Value(..) | Item::Comment(_) => None,
        });
        if let Some(there) = there {
            *there = value;
            return;
        }
        let after = |item: &Item<Key>| matches!(item, Item::Value(known, _) if known.text.as_str() > key);
        let at = self.items.iter().position(after).unwrap_or(self.items.len());
        self.items.insert(at, Item::Value(Key { text: key.to_owned(), span: Span::default() }, value));
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, key: &str) {
        self.items.retain(|item| !matches!(item, Item::Value(known, _) if known.text == key));
    }
}

impl Leaf {
    /// A value at a place.
    pub(super) fn new(value: Value, site: Site) -> Self {
        Self { value, unsigned: false, site }
    }
}

impl List {
    /// The values, without the comments.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Tree> {
        self.items.iter().filter_map(|item| match item {
            Item::Value(_, value) => Some(value),
            Item::Comment(_) => None,
        })
    }
}

impl Tree {
    /// A value that is not of any file.
    pub fn of(value: Value) -> Self {
        Self::Leaf(Leaf::new(value, Site::default()))
    }

    /// A text that is not of any file.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(Value::Text(text.into().into_bytes().into()))
    }

    /// A list that is not of any file.
    pub fn list(values: Vec<Self>) -> Self {
        let items = values.into_iter().map(|value| Item::Value(Position::default(), value));
        Self::List(List { items: items.collect(), span: Span::default() })
    }

    /// A map that is not of any file, in this order.
    pub fn map(pairs: Vec<(String, Self)>) -> Self {
        let items = pairs.into_iter().map(|(text, value)| Item::Value(Key { text, span: Span::default() }, value));
        Self::Map(Map { items: items.collect(), span: Span::default() })
    }

    /// Where the value stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Leaf(leaf) => leaf.site.span,
            Self::List(list) => list.span,
            Self::Map(map) => map.span,
        }
    }

    /// What a tree of YAML stands for.
    pub(super) fn of_node(node: &Node) -> Self {
        match &node.kind {
            Kind::Scalar(scalar) => Self::of(Value::of(scalar)),
            Kind::List(items) => Self::list(items.iter().map(Self::of_node).collect()),
            Kind::Map(map) => {
                Self::map(map.iter().map(|(key, value)| (key.text.clone(), Self::of_node(value))).collect())
            }
        }
    }

    /// The value as a tree of YAML, by which the metadata are read. Comments are left out.
    pub(super) fn to_node(&self) -> Node {
        let kind = match self {
            Self::Leaf(leaf) => Kind::Scalar(leaf.value.to_scalar()),
            Self::List(list) => Kind::List(list.values().map(Self::to_node).collect()),
            Self::Map(map) => Kind::Map(map.to_mapping()),
        };
        Node { span: self.span(), kind }
    }
}

impl Map {
    /// The map as a tree of YAML.
    pub(super) fn to_node(&self) -> Node {
        Node { span: self.span, kind: Kind::Map(self.to_mapping()) }
    }

    fn to_mapping(&self) -> Mapping {
        self.values().map(|(key, value)| (key.clone(), value.to_node())).collect()
    }
}

impl Value {
    fn to_scalar(&self) -> Scalar {
        let bytes = self.bytes().unwrap_or_default();
        let mut scalar = Scalar::new(String::from_utf8_lossy(&bytes), Style::DoubleQuoted);
        if matches!(self, Self::Null | Self::Comment) {
            scalar.style = Style::Plain;
            scalar.blank = true;
        }
        scalar
    }
}
