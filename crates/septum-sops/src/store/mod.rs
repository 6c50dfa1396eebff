//! The formats of files: each reads its text into a document with locations, writes a value in the place of another
//! one, and writes whole documents as sops does.
//!
//! A file is changed in its text, at the locations of the changes, so that everything else stays as its author wrote
//! it.

pub(super) mod amend;
mod dotenv;
mod duplicates;
mod edit;
mod flat;
mod flow;
mod go;
mod ini;
mod json;
pub(crate) mod layout;
mod lines;
mod text_edits;
mod yaml;

use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use crate::document::scalar::TypedValue;
use crate::document::tree::{Leaf, SopsDocument, SopsMap, SopsTree, ValueSite};
use crate::store::layout::{Indent, StoreLayout};
use septum_base::diagnostic::Diagnostics;
use septum_base::span::{Source, Span};
use septum_base::yaml::read::find_conflict;

pub(super) use dotenv::has_returns as dotenv_has_returns;
pub(super) use edit::EditPath;
pub use edit::EditProblem;
pub(super) use ini::comment_text as ini_comment_text;
pub(super) use text_edits::TextEdits;

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SopsFormat {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
    /// `.env`
    Dotenv,
    /// `.ini`
    Ini,
    /// Any other file: the whole file is one value.
    Binary,
}

/// A file as parsed by its format.
pub(super) struct ParsedFile {
    /// The values, without the metadata.
    pub(super) document: SopsDocument,
    /// The metadata of each branch.
    pub(super) blocks: Vec<Option<MetadataBlock>>,
    /// Offsets at which metadata are written for a branch that has none.
    pub(super) ends: Vec<usize>,
    /// Whether each value has a location of its own: aliases and other shapes must be rewritten before the text can
    /// be edited.
    pub(super) in_place: bool,
}

/// The metadata of a branch.
pub(super) struct MetadataBlock {
    /// The fields.
    pub(super) fields: SopsMap,
    /// Span that represents the block in messages.
    pub(super) key: Span,
    /// The text that is removed with the block.
    pub(super) whole: Range<usize>,
}

/// A value that a format cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnrepresentableValue {
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A list or a map, where the format has single values only.
    Nested,
    /// A number that cannot be written: infinite, or NaN.
    NotFinite,
    /// A text with characters that end a line or a value of the format.
    Characters,
    /// More than one document.
    Documents,
}

/// A change of a text.
pub(super) struct TextEdit {
    pub(super) at: Range<usize>,
    pub(super) text: Zeroizing<String>,
}

impl TextEdit {
    pub(super) fn new(at: Range<usize>, text: impl Into<String>) -> Self {
        Self { at, text: Zeroizing::new(text.into()) }
    }
}

/// The text before and after an offset.
pub(super) fn split_text(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The text with all changes, which must not overlap.
pub(super) fn apply_edits(text: &str, changes: Vec<TextEdit>) -> Zeroizing<String> {
    changes.into_iter().collect::<TextEdits>().apply(text)
}

/// Ends of names, with the formats of such files.
const ENDINGS: [(&str, SopsFormat); 5] = [
    (".yaml", SopsFormat::Yaml),
    (".yml", SopsFormat::Yaml),
    (".json", SopsFormat::Json),
    (".env", SopsFormat::Dotenv),
    (".ini", SopsFormat::Ini),
];

impl SopsFormat {
    /// The format that sops assumes for a file of this name: by its end, so that a file `.env` is a dotenv file.
    pub fn of_path(path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let by_end = ENDINGS.iter().find(|(end, _)| name.ends_with(end));
        by_end.map_or(Self::Binary, |(_, format)| *format)
    }

    /// The format of this name, as in `--input-type`.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            "dotenv" | "env" => Self::Dotenv,
            "ini" => Self::Ini,
            "binary" => Self::Binary,
            _ => return None,
        })
    }

    /// The name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }

    /// Reads a text, in which no map has a key twice. A binary file is read as the JSON that it is once it is encrypted, and its value is not copied.
    pub(super) fn parse(self, source: &Source) -> Result<ParsedFile, Diagnostics> {
        let parsed = match self {
            Self::Yaml => yaml::parse(source),
            Self::Json => json::parse(source),
            Self::Binary => json::parse_envelope(source),
            Self::Dotenv => dotenv::parse(source),
            Self::Ini => ini::parse(source),
        };
        // the reader of YAML refuses them itself
        let parsed = parsed.and_then(|parsed| {
            let found =
                if self == Self::Yaml { Diagnostics::new() } else { duplicates::find_duplicates(source, &parsed) };
            if found.is_empty() { Ok(parsed) } else { Err(found) }
        });
        parsed.map_err(|found| find_conflict(source).map_or(found, Diagnostics::from))
    }

    /// A plain value as it is written at a place.
    pub(super) fn write_leaf(
        self,
        value: &TypedValue,
        site: ValueSite,
    ) -> Result<Zeroizing<String>, UnrepresentableValue> {
        match self {
            Self::Yaml => Ok(yaml::write_leaf(value, site)),
            Self::Json | Self::Binary => json::write_leaf(value),
            Self::Dotenv => dotenv::write_leaf(value),
            Self::Ini => ini::write_leaf(value),
        }
    }

    /// A ciphertext as it is written at a place.
    pub(super) fn write_token(self, token: &str, site: ValueSite) -> String {
        let quotes = self.token_quotes(site);
        [quotes, token, quotes].concat()
    }

    /// The quotes around a ciphertext at a place.
    pub(super) fn token_quotes(self, site: ValueSite) -> &'static str {
        match self {
            Self::Yaml if site.flow => "\"",
            Self::Json | Self::Binary => "\"",
            Self::Yaml | Self::Dotenv | Self::Ini => "",
        }
    }

    /// A comment, if the format has comments.
    pub(super) fn write_comment(self, text: &str) -> Option<Zeroizing<String>> {
        let breaks: &[char] = match self {
            Self::Yaml => &['\n', '\r'],
            // a line of sops ends at `\n` alone
            Self::Dotenv => &['\n'],
            Self::Ini => return Some(ini::write_comment(text)),
            Self::Json | Self::Binary => return None,
        };
        (!text.contains(breaks)).then(|| Zeroizing::new(format!("#{text}")))
    }

    /// The metadata as they are put between the text before and after them.
    pub(super) fn write_block(self, fields: &SopsMap, around: (&str, &str), indent: Indent) -> String {
        match self {
            Self::Yaml => yaml::write_block(fields, around, indent),
            Self::Json | Self::Binary => json::write_block(fields, around, indent),
            Self::Dotenv => dotenv::write_block(fields, around.0),
            Self::Ini => ini::write_block(fields, around.0),
        }
    }

    /// The whole document as sops writes it, with the metadata at the end of each branch.
    pub(super) fn emit_document(
        self,
        document: &SopsDocument,
        fields: Option<&SopsMap>,
    ) -> Result<Zeroizing<String>, UnrepresentableValue> {
        self.emit_as(document, fields, StoreLayout::default())
    }

    /// Writes a document to which metadata will be added.
    pub(super) fn emit_open(self, document: &SopsDocument) -> Result<Zeroizing<String>, UnrepresentableValue> {
        if self == Self::Yaml { Ok(yaml::emit_open(document)) } else { self.emit_document(document, None) }
    }

    /// Writes a document in another layout.
    pub(super) fn emit_as(
        self,
        document: &SopsDocument,
        fields: Option<&SopsMap>,
        layout: StoreLayout,
    ) -> Result<Zeroizing<String>, UnrepresentableValue> {
        let indent = layout.indent(self);
        let text = match self {
            Self::Yaml => Ok(yaml::emit_document(document, indent)),
            Self::Json | Self::Binary => json::emit_document(document, indent),
            Self::Dotenv => dotenv::emit_document(document),
            Self::Ini => ini::emit_document(document),
        }?;
        let Some(fields) = fields else { return Ok(text) };
        if self == Self::Yaml {
            return Ok(yaml::emit_with(document, fields, indent));
        }
        let end = self.end_of_content(&text);
        let block = self.write_block(fields, split_text(&text, end), indent);
        Ok(apply_edits(&text, vec![TextEdit::new(end..end, block)]))
    }

    /// A value by itself, as sops prints it for `--extract`: a text as it is, any other value as it would be in a
    /// file.
    pub(super) fn print_tree(self, tree: &SopsTree) -> Result<Zeroizing<Vec<u8>>, UnrepresentableValue> {
        let mut text = match tree {
            SopsTree::Leaf(Leaf { value: TypedValue::Text(bytes), .. }) => return Ok(bytes.clone().into_bytes()),
            SopsTree::Leaf(leaf) => self.write_leaf(&leaf.value, ValueSite::default())?,
            SopsTree::Map(map) => self.emit_document(&SopsDocument { branches: vec![map.clone()] }, None)?,
            SopsTree::List(list) if self == Self::Yaml => yaml::emit_list(list),
            SopsTree::List(_) if self == Self::Json => {
                let mut text = json::write_value(tree, 0)?;
                text.push('\n');
                text
            }
            SopsTree::List(_) => return Err(UnrepresentableValue::Nested),
        };
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// Offset for metadata in a text that [`emit`](Self::emit) wrote.
    fn end_of_content(self, text: &str) -> usize {
        match self {
            Self::Json | Self::Binary => json::end_of_content(text),
            Self::Yaml | Self::Dotenv | Self::Ini => text.len(),
        }
    }

    /// The edits that set a value at a path of a document.
    pub(super) fn set_value(
        self,
        text: &str,
        parsed: &ParsedFile,
        target: &EditPath<'_>,
        value: &SopsTree,
    ) -> Result<Vec<TextEdit>, EditProblem> {
        match self {
            Self::Yaml | Self::Json => edit::set_value(self, text, parsed, target, value),
            Self::Dotenv | Self::Ini => lines::set_value(self, text, parsed, target, value),
            Self::Binary => Err(EditProblem::NoKeys),
        }
    }

    /// The edits that remove a value from a document.
    pub(super) fn unset_value(
        self,
        text: &str,
        parsed: &ParsedFile,
        target: &EditPath<'_>,
    ) -> Result<Vec<TextEdit>, EditProblem> {
        match self {
            Self::Yaml | Self::Json => edit::unset_value(text, parsed, target),
            Self::Dotenv | Self::Ini => lines::unset_value(self, text, parsed, target),
            Self::Binary => Err(EditProblem::NoKeys),
        }
    }

    /// A value, single or not, as it is written within brackets.
    fn write_inline(self, tree: &SopsTree, indent: usize) -> Result<Zeroizing<String>, UnrepresentableValue> {
        match self {
            Self::Yaml => Ok(flow::write_flow(tree)),
            _ => json::write_value(tree, indent),
        }
    }
}
