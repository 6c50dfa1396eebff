//! Single values of files: found in the document that has them, and printed by themselves.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::document::tree::{SopsDocument, SopsTree};
use crate::files::sealed::DecryptedFile;
use crate::store::layout::StoreLayout;
use crate::store::{SopsFormat, UnrepresentableValue};
use septum_base::diagnostic::nearest_name;
use septum_base::value_path::{ValuePath, ValuePathStep};

/// Reason why a path does not lead to a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathNotFound {
    /// No document has the path.
    #[error("{} does not exist", display_path(.path.as_ref()))]
    Nowhere {
        /// The path, if it is nearly one of the document: otherwise it may be any text, a value too.
        path: Option<ValuePath>,
        /// A key similar to its last one, in the same place.
        nearest: Option<String>,
    },
    /// Several documents have the path.
    #[error("`{path}` exists in several documents")]
    Several {
        /// The path.
        path: ValuePath,
        /// Document indexes, from 0.
        documents: Vec<usize>,
    },
    /// The document index does not exist.
    #[error("document {} does not exist", .0 + 1)]
    NoDocument(usize),
}

fn display_path(path: Option<&ValuePath>) -> String {
    path.map_or_else(|| "that path".to_owned(), |path| format!("`{path}`"))
}

impl DecryptedFile {
    /// The value at a path and the document that it is in: the given one, or the only one that has it.
    pub fn find_value(&self, document: Option<usize>, path: &ValuePath) -> Result<(usize, &SopsTree), PathNotFound> {
        let count = self.document().branches.len();
        if let Some(wrong) = document.filter(|&document| document >= count) {
            return Err(PathNotFound::NoDocument(wrong));
        }
        let wanted = (0..count).filter(|index| document.is_none_or(|document| document == *index));
        let found: Vec<_> = wanted.filter_map(|index| Some((index, self.get(index, path)?))).collect();
        match found.as_slice() {
            [found] => Ok(*found),
            [] => {
                let nearest = self.nearest_key(path);
                let is_known = nearest.is_some() || self.has_keys_of(path);
                Err(PathNotFound::Nowhere { path: is_known.then(|| path.clone()), nearest })
            }
            several => {
                let documents = several.iter().map(|(index, _)| *index).collect();
                Err(PathNotFound::Several { path: path.clone(), documents })
            }
        }
    }

    /// The value by itself, in a format.
    pub fn print_value(
        &self,
        value: &SopsTree,
        format: SopsFormat,
    ) -> Result<Zeroizing<Vec<u8>>, UnrepresentableValue> {
        format.print_tree(value)
    }

    /// Whether all keys of a path exist, and only a position does not.
    fn has_keys_of(&self, path: &ValuePath) -> bool {
        let keys =
            path.steps().iter().rposition(|step| matches!(step, ValuePathStep::Key(_))).map_or(0, |last| last + 1);
        let known: ValuePath = path.steps().iter().take(keys).cloned().collect();
        keys > 0 && (0..self.document().branches.len()).any(|document| self.get(document, &known).is_some())
    }

    /// The key nearest to the first key of a path that does not exist.
    fn nearest_key(&self, path: &ValuePath) -> Option<String> {
        let mut near = None;
        for branch in &self.document().branches {
            let mut map = Some(branch);
            for step in path.steps() {
                let (ValuePathStep::Key(key), Some(here)) = (step, map) else { break };
                match here.get(key) {
                    Some(SopsTree::Map(below)) => map = Some(below),
                    Some(SopsTree::Leaf(_) | SopsTree::List(_)) => break,
                    None => {
                        near = near.or_else(|| nearest_name(key, here.values().map(|(key, _)| key.text.as_str())));
                        break;
                    }
                }
            }
        }
        near.map(str::to_owned)
    }
}

impl SopsFormat {
    /// A plaintext with one value in it, below the maps of its path.
    pub fn document_with(
        self,
        path: &ValuePath,
        value: SopsTree,
        layout: StoreLayout,
    ) -> Result<Zeroizing<Vec<u8>>, UnrepresentableValue> {
        let nested = path.steps().iter().rev().try_fold(value, |value, step| match step {
            ValuePathStep::Key(key) => Ok(SopsTree::from_pairs(vec![(key.clone(), value)])),
            ValuePathStep::Index(_) => Err(UnrepresentableValue::Nested),
        })?;
        self.print_document(nested, layout)
    }

    /// A document of a map, in the given layout.
    pub fn print_document(
        self,
        root: SopsTree,
        layout: StoreLayout,
    ) -> Result<Zeroizing<Vec<u8>>, UnrepresentableValue> {
        let SopsTree::Map(root) = root else { return Err(UnrepresentableValue::Nested) };
        let document = SopsDocument { branches: vec![root] };
        let mut text = self.emit_as(&document, None, layout)?;
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }
}
