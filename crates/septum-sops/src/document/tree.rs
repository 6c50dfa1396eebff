//! A document in the data model of sops (format, section 1.2): values with types, in their order, with the comments
//! between them, and with their locations in the text.

use std::fmt;

use zeroize::Zeroizing;

use crate::document::scalar::TypedValue;
use septum_base::span::Span;
use septum_base::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode, YamlStyle};

/// All content of a file, without its metadata: one branch, or one for each document of YAML.
#[derive(Debug, Default)]
pub struct SopsDocument {
    /// The roots.
    pub branches: Vec<SopsMap>,
}

impl SopsDocument {
    /// Number of its comments.
    pub fn count_comments(&self) -> usize {
        self.branches.iter().map(|root| count_comments(&root.items)).sum()
    }
}

fn count_comments<K>(items: &[SopsItem<K>]) -> usize {
    let of_item = |item: &SopsItem<K>| match item {
        SopsItem::Comment(_) => 1,
        SopsItem::Value(_, SopsTree::Leaf(_)) => 0,
        SopsItem::Value(_, SopsTree::List(list)) => count_comments(&list.items),
        SopsItem::Value(_, SopsTree::Map(map)) => count_comments(&map.items),
    };
    items.iter().map(of_item).sum()
}

/// Keys with their values. In a file that was read, no key occurs twice.
#[derive(Debug, Clone, Default)]
pub struct SopsMap {
    /// In the order of the file.
    pub items: Vec<SopsItem<YamlKey>>,
    /// From the first key to the end of the last value, brackets included.
    pub span: Span,
}

/// Values without keys.
#[derive(Debug, Clone, Default)]
pub struct SopsList {
    /// In the order of the file.
    pub items: Vec<SopsItem<ListPosition>>,
    /// From the first dash or bracket to the end of the last value.
    pub span: Span,
}

/// Counterpart of a key in a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListPosition {
    /// Offset of the item's dash, or, within brackets, of the item itself.
    pub start: usize,
}

/// Item of a map or a list.
#[derive(Debug, Clone)]
pub enum SopsItem<K> {
    /// A comment: on the next item, or at the end.
    Comment(SopsComment),
    /// A value, under its key.
    Value(K, SopsTree),
}

/// A value.
#[derive(Debug, Clone)]
pub enum SopsTree {
    /// A single value.
    Leaf(Leaf),
    /// A list.
    List(SopsList),
    /// A map.
    Map(SopsMap),
}

/// A single value.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The value.
    pub value: TypedValue,
    /// Location in the text.
    pub site: ValueSite,
}

/// A comment, one line of it.
#[derive(Clone)]
pub struct SopsComment {
    /// Text after the `#`.
    pub text: Zeroizing<String>,
    /// Location in the text, with its `#`.
    pub site: ValueSite,
    /// Whether it is on the line of the value that follows it here.
    pub inline: bool,
    /// Whether an item of a list may be in its place.
    pub as_item: bool,
    /// Whether the text begins with the sign of its line, which sops drops: in INI, where there are two.
    pub signed: bool,
}

impl SopsComment {
    /// Text that sops compares with a pattern.
    pub(crate) fn pattern_text(&self) -> &str {
        match self.text.chars().next() {
            Some(sign @ (';' | '#')) if self.signed => self.text.trim_start_matches([sign, ' ']),
            _ => &self.text,
        }
    }
}

/// Location of a value in the text, and the forms that may be written there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ValueSite {
    /// Span replaced together with the value: with quotes, tag or block header.
    pub span: Span,
    /// Within brackets, where YAML needs more quotes.
    pub flow: bool,
    /// Whether it is an encrypted comment at the end of a list whose dashes are at the column of its key.
    pub flat: bool,
    /// Indentation of the lines of a block, if there is room for one; of a comment, the one that it should have, if
    /// it is not.
    pub indent: Option<u32>,
    /// Whether an integer beyond the range of sops is written there: 64 bits with a sign.
    pub unsigned: bool,
}

impl fmt::Debug for SopsComment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[comment]")
    }
}

impl SopsMap {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&SopsTree> {
        self.values().find(|(known, _)| known.text == key).map(|(_, value)| value)
    }

    /// Whether there are no values.
    pub(crate) fn is_empty(&self) -> bool {
        self.values().next().is_none()
    }

    /// The keys and values, without the comments.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = (&YamlKey, &SopsTree)> {
        self.items.iter().filter_map(|item| match item {
            SopsItem::Value(key, value) => Some((key, value)),
            SopsItem::Comment(_) => None,
        })
    }

    /// Sets a value under a key that no file has a location for: in place of the existing one, or in alphabetical
    /// order.
    pub(crate) fn put_value(&mut self, key: &str, value: SopsTree) {
        let there = self.items.iter_mut().find_map(|item| match item {
            SopsItem::Value(known, value) if known.text == key => Some(value),
            SopsItem::Value(..) | SopsItem::Comment(_) => None,
        });
        if let Some(there) = there {
            *there = value;
            return;
        }
        let after = |item: &SopsItem<YamlKey>| matches!(item, SopsItem::Value(known, _) if known.text.as_str() > key);
        let at = self.items.iter().position(after).unwrap_or(self.items.len());
        self.items.insert(at, SopsItem::Value(YamlKey { text: key.to_owned(), span: Span::default() }, value));
    }

    /// Removes a key.
    pub(crate) fn remove_key(&mut self, key: &str) {
        self.items.retain(|item| !matches!(item, SopsItem::Value(known, _) if known.text == key));
    }
}

impl Leaf {
    /// A value at a place.
    pub(crate) fn new(value: TypedValue, site: ValueSite) -> Self {
        Self { value, site }
    }
}

impl SopsList {
    /// The values, without the comments.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &SopsTree> {
        self.items.iter().filter_map(|item| match item {
            SopsItem::Value(_, value) => Some(value),
            SopsItem::Comment(_) => None,
        })
    }
}

impl SopsTree {
    /// A value that is not from a file.
    pub fn of(value: TypedValue) -> Self {
        Self::Leaf(Leaf::new(value, ValueSite::default()))
    }

    /// A text that is not from a file.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::of(TypedValue::Text(text.into().into_bytes().into()))
    }

    /// A list that is not from a file.
    pub fn from_list(values: Vec<Self>) -> Self {
        let items = values.into_iter().map(|value| SopsItem::Value(ListPosition::default(), value));
        Self::List(SopsList { items: items.collect(), span: Span::default() })
    }

    /// A map that is not from a file, in this order.
    pub fn from_pairs(pairs: Vec<(String, Self)>) -> Self {
        let items =
            pairs.into_iter().map(|(text, value)| SopsItem::Value(YamlKey { text, span: Span::default() }, value));
        Self::Map(SopsMap { items: items.collect(), span: Span::default() })
    }

    /// Span of the value.
    pub fn span(&self) -> Span {
        match self {
            Self::Leaf(leaf) => leaf.site.span,
            Self::List(list) => list.span,
            Self::Map(map) => map.span,
        }
    }

    /// Converts a YAML tree.
    pub(crate) fn of_node(node: &YamlNode) -> Self {
        match &node.kind {
            YamlKind::Scalar(scalar) => Self::of(TypedValue::of(scalar)),
            YamlKind::List(items) => Self::from_list(items.iter().map(Self::of_node).collect()),
            YamlKind::Map(map) => {
                Self::from_pairs(map.iter().map(|(key, value)| (key.text.clone(), Self::of_node(value))).collect())
            }
        }
    }

    /// The value as a tree of YAML, from which the metadata are read. Comments are left out.
    pub(crate) fn to_node(&self) -> YamlNode {
        let kind = match self {
            Self::Leaf(leaf) => YamlKind::Scalar(leaf.value.to_scalar()),
            Self::List(list) => YamlKind::List(list.values().map(Self::to_node).collect()),
            Self::Map(map) => YamlKind::Map(map.to_mapping()),
        };
        YamlNode { span: self.span(), kind }
    }
}

impl SopsMap {
    /// The map as a tree of YAML.
    pub(crate) fn to_node(&self) -> YamlNode {
        YamlNode { span: self.span, kind: YamlKind::Map(self.to_mapping()) }
    }

    fn to_mapping(&self) -> Mapping {
        self.values().map(|(key, value)| (key.clone(), value.to_node())).collect()
    }
}

impl TypedValue {
    fn to_scalar(&self) -> Scalar {
        let bytes = self.bytes().unwrap_or_default();
        let mut scalar = Scalar::new(String::from_utf8_lossy(&bytes), YamlStyle::DoubleQuoted);
        if matches!(self, Self::Null | Self::Comment) {
            scalar.style = YamlStyle::Plain;
            scalar.blank = true;
        }
        scalar
    }
}
