//! Single values of files: found in whichever document they stand, and printed by themselves.

use thiserror::Error;
use zeroize::Zeroizing;

use super::document::{Document, Tree};
use super::layout::Layout;
use super::path::{KeyPath, Step};
use super::sealed::Sealed;
use super::store::{Format, Unfit};
use crate::diagnostic::nearest;

/// Why a path names no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotFound {
    /// No document has it.
    #[error("there is nothing at {}", shown(.path.as_ref()))]
    Nowhere {
        /// The path, if it is nearly one of the document: else it may be anything, a value too.
        path: Option<KeyPath>,
        /// A key beside its end that looks like it.
        nearest: Option<String>,
    },
    /// Several documents have it.
    #[error("`{path}` stands in several documents")]
    Several {
        /// The path.
        path: KeyPath,
        /// Which, from 0.
        documents: Vec<usize>,
    },
    /// There is no document of this number.
    #[error("there is no document {}", .0 + 1)]
    NoDocument(usize),
}

fn shown(path: Option<&KeyPath>) -> String {
    path.map_or_else(|| "that path".to_owned(), |path| format!("`{path}`"))
}

impl Sealed {
    /// The value at a path and the document that it is in: the one that is named, or the only one that
    /// has it.
    pub fn find(&self, document: Option<usize>, path: &KeyPath) -> Result<(usize, &Tree), NotFound> {
        let count = self.document().branches.len();
        if let Some(wrong) = document.filter(|&document| document >= count) {
            return Err(NotFound::NoDocument(wrong));
        }
        let wanted = (0..count).filter(|index| document.is_none_or(|document| document == *index));
        let found: Vec<_> = wanted.filter_map(|index| Some((index, self.get(index, path)?))).collect();
        match found.as_slice() {
            [found] => Ok(*found),
            [] => {
                let nearest = self.nearest(path);
                let is_known = nearest.is_some() || self.has_keys_of(path);
                Err(NotFound::Nowhere { path: is_known.then(|| path.clone()), nearest })
            }
            several => {
                let documents = several.iter().map(|(index, _)| *index).collect();
                Err(NotFound::Several { path: path.clone(), documents })
            }
        }
    }

    /// The value by itself, in a format.
    pub fn print(&self, value: &Tree, format: Format) -> Result<Zeroizing<Vec<u8>>, Unfit> {
        format.print(value)
    }

    /// Whether all keys of a path are there, and a position alone is not.
    fn has_keys_of(&self, path: &KeyPath) -> bool {
        let keys = path.steps().iter().rposition(|step| matches!(step, Step::Key(_))).map_or(0, |last| last + 1);
        let known: KeyPath = path.steps().iter().take(keys).cloned().collect();
        keys > 0 && (0..self.document().branches.len()).any(|document| self.get(document, &known).is_some())
    }

    /// The key nearest to the one that a path goes wrong at.
    fn nearest(&self, path: &KeyPath) -> Option<String> {
        let mut near = None;
        for branch in &self.document().branches {
            let mut map = Some(branch);
            for step in path.steps() {
                let (Step::Key(key), Some(here)) = (step, map) else { break };
                match here.get(key) {
                    Some(Tree::Map(below)) => map = Some(below),
                    Some(Tree::Leaf(_) | Tree::List(_)) => break,
                    None => {
                        near = near.or_else(|| nearest(key, here.values().map(|(key, _)| key.text.as_str())));
                        break;
                    }
                }
            }
        }
        near.map(str::to_owned)
    }
}

impl Format {
    /// A plaintext with one value in it, below the maps that its path asks for.
    pub fn document_with(self, path: &KeyPath, value: Tree, layout: Layout) -> Result<Zeroizing<Vec<u8>>, Unfit> {
        let nested = path.steps().iter().rev().try_fold(value, |value, step| match step {
            Step::Key(key) => Ok(Tree::map(vec![(key.clone(), value)])),
            Step::Index(_) => Err(Unfit::Nested),
        })?;
        self.document(nested, layout)
    }

    /// A document of a map, laid out as a rule says.
    pub fn document(self, root: Tree, layout: Layout) -> Result<Zeroizing<Vec<u8>>, Unfit> {
        let Tree::Map(root) = root else { return Err(Unfit::Nested) };
        let document = Document { branches: vec![root] };
        let mut text = self.emit_as(&document, None, layout)?;
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }
}
