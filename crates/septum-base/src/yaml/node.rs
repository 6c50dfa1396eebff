//! The tree of the reader: the text, the style and the location of every value.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use indexmap::map::Entry;
use zeroize::Zeroizing;

use crate::map::IndexMap;
use crate::secret::Wiping;
use crate::span::{SourcePart, Span};

/// Style in which a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YamlStyle {
    /// Plain: `info`, `1.10`, `yes`.
    Plain,
    /// `'it''s'`
    SingleQuoted,
    /// `"tab\t"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// A key of a mapping: its text and its location. Equal to another key of the same text.
#[derive(Debug, Clone)]
pub struct YamlKey {
    /// The text as written (a quoted key gives its content).
    pub text: String,
    /// Location of the key.
    pub span: Span,
}

impl PartialEq for YamlKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for YamlKey {}

// By text alone, and as `str` hashes, so that a map can be queried with a `&str`.
impl Hash for YamlKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.as_str().hash(state);
    }
}

impl Borrow<str> for YamlKey {
    fn borrow(&self) -> &str {
        &self.text
    }
}

/// A mapping in the order of the file; keys are unique.
pub type Mapping = IndexMap<YamlKey, YamlNode>;

/// Key of merged mappings.
pub const MERGE_KEY: &str = "<<";

/// Whether an entry of a mapping stands for what is missing in it: a key that is not valid, or mappings to merge.
pub fn is_gap(key: &YamlKey, node: &YamlNode) -> bool {
    node.is_broken() && (key.text.is_empty() || key.text == MERGE_KEY)
}

/// Removes what stands for missing parts of a mapping.
pub fn remove_gaps(map: &mut Mapping) {
    for key in ["", MERGE_KEY] {
        if map.get(key).is_some_and(YamlNode::is_broken) {
            map.shift_remove(key);
        }
    }
}

/// Whether any keys may be missing in a mapping: those of mappings to merge are not known.
pub fn lacks_merged(map: &Mapping) -> bool {
    map.get(MERGE_KEY).is_some_and(YamlNode::is_broken)
}

/// A value of a document and its location.
#[derive(Debug, Clone)]
pub struct YamlNode {
    /// The whole value, with quotes or block header where the parser reports them.
    pub span: Span,
    /// The value.
    pub kind: YamlKind,
}

/// Kind of a node.
#[derive(Debug, Clone)]
pub enum YamlKind {
    /// A single text.
    Scalar(Scalar),
    /// `- a` or `[a, b]`
    List(Vec<YamlNode>),
    /// `k: v` or `{k: v}`
    Map(Mapping),
}

/// A scalar: the text as written, never re-formatted, and its style.
///
/// `1.10`, `0644`, `yes` and a 20-digit number keep their text; quoted and block scalars have their content. Wiped
/// when dropped, since the text may have been decrypted.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Scalar {
    text: ScalarText,
    /// Style in which it was written.
    pub style: YamlStyle,
    /// The tag before it; few scalars have one.
    pub tag: Option<Box<ScalarTag>>,
    /// Whether nothing was written at all: `key:` with no value. Differs from `key: null` and `key: ""`.
    pub blank: bool,
    /// The text was decrypted from a SOPS leaf.
    pub encrypted: bool,
    /// Whether the value depends on values that were not decrypted: it exists, and is not known. The text is a
    /// placeholder, with ciphertext in the place of plaintext.
    pub locked: bool,
    /// Whether it stands for a part of the file that is not valid and was reported: nothing follows from it.
    pub broken: bool,
}

/// A tag of the core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalarTag {
    /// `str`, `int`, `float`, `bool`, `null`, `binary`, or `timestamp`.
    pub name: &'static str,
    /// Offset in the file at which it starts.
    pub start: Option<usize>,
}

/// The text of a scalar: its own, or that of the file where it is the same.
#[derive(Clone)]
enum ScalarText {
    Own(Wiping<String>),
    Part(SourcePart),
}

impl Scalar {
    /// A scalar as the reader creates it.
    pub fn new(text: impl Into<String>, style: YamlStyle) -> Self {
        Self::with_text(ScalarText::Own(Wiping::new(text.into())), style)
    }

    /// A scalar whose text is in its file as it is.
    pub fn in_place(text: SourcePart, style: YamlStyle) -> Self {
        Self::with_text(ScalarText::Part(text), style)
    }

    fn with_text(text: ScalarText, style: YamlStyle) -> Self {
        Self { text, style, tag: None, blank: false, encrypted: false, locked: false, broken: false }
    }

    /// The text of the scalar.
    pub fn text(&self) -> &str {
        match &self.text {
            ScalarText::Own(text) => text,
            ScalarText::Part(part) => part.text(),
        }
    }

    /// Moves the text out of the scalar, or returns the part of the file that contains it.
    pub fn into_text(self) -> Result<Zeroizing<String>, SourcePart> {
        match self.text {
            ScalarText::Own(mut text) => Ok(Zeroizing::new(std::mem::take(&mut *text))),
            ScalarText::Part(part) => Err(part),
        }
    }

    /// The scalar in the place of a part that is not valid.
    pub fn broken() -> Self {
        Self { blank: true, broken: true, ..Self::new("", YamlStyle::Plain) }
    }

    /// The scalar with the plaintext of its ciphertext, marked as decrypted.
    #[must_use]
    pub fn with_plaintext(&self, mut text: Zeroizing<String>, style: YamlStyle) -> Self {
        Self { encrypted: true, ..Self::new(std::mem::take(&mut *text), style) }
    }

    /// The scalar as seen without a key: encrypted, its value unknown.
    #[must_use]
    pub fn to_locked(&self) -> Self {
        Self { encrypted: true, locked: true, ..Self::new(self.text(), YamlStyle::DoubleQuoted) }
    }

    /// The name of the tag.
    pub fn tag_name(&self) -> Option<&'static str> {
        self.tag.as_ref().map(|tag| tag.name)
    }

    /// Whether this is an explicit null: `~`, `null`, `Null`, `NULL`, or `!!null`.
    pub fn is_null(&self) -> bool {
        match self.tag_name() {
            Some("null") => true,
            Some(_) => false,
            None => {
                self.style == YamlStyle::Plain && !self.blank && matches!(self.text(), "~" | "null" | "Null" | "NULL")
            }
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.encrypted { f.write_str("[secret]") } else { write!(f, "{:?}", self.text()) }
    }
}

impl YamlNode {
    /// The scalar, if it is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            YamlKind::Scalar(scalar) => Some(scalar),
            YamlKind::List(_) | YamlKind::Map(_) => None,
        }
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Mapping> {
        match &self.kind {
            YamlKind::Map(map) => Some(map),
            YamlKind::Scalar(_) | YamlKind::List(_) => None,
        }
    }

    /// The node in the place of a part that is not valid.
    pub fn broken(span: Span) -> Self {
        Self { span, kind: YamlKind::Scalar(Scalar::broken()) }
    }

    /// Whether it is in the place of a part that is not valid, which was reported.
    pub fn is_broken(&self) -> bool {
        matches!(&self.kind, YamlKind::Scalar(scalar) if scalar.broken)
    }

    /// Whether it has a part that is not valid.
    pub fn has_broken(&self) -> bool {
        match &self.kind {
            YamlKind::Scalar(scalar) => scalar.broken,
            YamlKind::List(items) => items.iter().any(Self::has_broken),
            YamlKind::Map(map) => map.values().any(Self::has_broken),
        }
    }

    /// Adds what was written for the same key again. Mappings have the keys of both; of anything else, it is unknown
    /// which one is meant.
    pub fn join(&mut self, again: Self) {
        if let (YamlKind::Map(map), YamlKind::Map(again)) = (&mut self.kind, again.kind) {
            for (key, node) in again {
                match map.entry(key) {
                    Entry::Occupied(mut first) => first.get_mut().join(node),
                    Entry::Vacant(new) => drop(new.insert(node)),
                }
            }
            return;
        }
        *self = Self::broken(self.span);
    }

    /// Applies merge keys that were read as ordinary keys (`MergeKeys::Keep`): the keys of the mapping, or of each
    /// mapping of the list, under `<<` are added where the mapping lacks them. A `<<` with any other value stays a
    /// key.
    pub fn apply_merge_keys(&mut self) {
        match &mut self.kind {
            YamlKind::Scalar(_) => {}
            YamlKind::List(items) => items.iter_mut().for_each(Self::apply_merge_keys),
            YamlKind::Map(map) => {
                map.values_mut().for_each(Self::apply_merge_keys);
                let is_merge = |node: &Self| match &node.kind {
                    YamlKind::Map(_) => true,
                    YamlKind::List(items) => items.iter().all(|item| item.as_map().is_some()),
                    YamlKind::Scalar(_) => false,
                };
                if !map.get("<<").is_some_and(is_merge) {
                    return;
                }
                let sources = match map.shift_remove("<<").map(|node| node.kind) {
                    Some(YamlKind::List(items)) => items,
                    Some(kind) => vec![Self { span: self.span, kind }],
                    None => Vec::new(),
                };
                for source in sources {
                    if let YamlKind::Map(merged) = source.kind {
                        for (key, value) in merged {
                            map.entry(key).or_insert(value);
                        }
                    }
                }
            }
        }
    }

    /// Kind of the value, with its article, for messages: `a mapping`.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            YamlKind::Scalar(scalar) if scalar.blank => "a blank value",
            YamlKind::Scalar(scalar) if scalar.is_null() => "null",
            YamlKind::Scalar(_) => "a scalar",
            YamlKind::List(_) => "a list",
            YamlKind::Map(_) => "a mapping",
        }
    }
}
