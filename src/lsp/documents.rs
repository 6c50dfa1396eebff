//! Open documents: what the editor has, whatever the disk has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::{path_of_uri, uri_of_path};
use super::protocol::DocumentUri;
use crate::disk::Disk;
use crate::sort::CollectSorted;

/// Document that an editor has open.
#[derive(Debug)]
pub struct OpenDocument {
    /// Its address, as the editor writes it.
    pub uri: DocumentUri,
    /// Its version, if the editor counts them.
    pub version: Option<i32>,
    /// Its text, saved or not.
    pub text: Arc<str>,
}

/// All open documents of files.
#[derive(Debug, Default)]
pub struct DocumentStore {
    documents: BTreeMap<PathBuf, OpenDocument>,
}

impl DocumentStore {
    /// Sets the text of a document. Returns its file; none if it is not one.
    pub(super) fn put(&mut self, uri: DocumentUri, version: Option<i32>, text: &str) -> Option<PathBuf> {
        let path = path_of_uri(&uri)?;
        self.documents.insert(path.clone(), OpenDocument { uri, version, text: text.into() });
        Some(path)
    }

    /// Closes a document. Returns its file, if it was open.
    pub(super) fn close(&mut self, uri: &DocumentUri) -> Option<PathBuf> {
        let path = path_of_uri(uri)?;
        self.documents.remove(&path).map(|_| path)
    }

    /// The open document of a file.
    pub fn get(&self, path: &Path) -> Option<&OpenDocument> {
        self.documents.get(path)
    }

    /// Files that are open.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.documents.keys().map(PathBuf::as_path)
    }

    /// The address of a file: that of the editor, if it is open there.
    pub(super) fn uri(&self, path: &Path) -> DocumentUri {
        self.get(path).map_or_else(|| uri_of_path(path), |document| document.uri.clone())
    }

    /// The disk with the texts of all open documents.
    pub fn disk(&self) -> Disk {
        Self::disk_with(self.documents.iter().map(|(path, document)| (path.as_path(), &*document.text)))
    }

    /// The disk with the texts of all open documents, one of which has another text, or that of the disk.
    pub(super) fn disk_where(&self, path: &Path, text: Option<&str>) -> Disk {
        let others = self.documents.iter().filter(|(known, _)| known.as_path() != path);
        let others = others.map(|(path, document)| (path.as_path(), &*document.text));
        Self::disk_with(others.chain(text.map(|text| (path, text))))
    }

    fn disk_with<'d>(texts: impl Iterator<Item = (&'d Path, &'d str)>) -> Disk {
        let disk = Disk::default();
        // a directory that was removed has no files
        let is_possible = |path: &Path| path.parent().is_some_and(|directory| disk.has(directory));
        let texts = texts.filter(|(path, _)| is_possible(path));
        Disk::with_files(texts.map(|(path, text)| (path.to_path_buf(), text.as_bytes().to_vec())).collect_map())
    }
}
