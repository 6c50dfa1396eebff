//! Open documents with their projects, and what is published about them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::documents::DocumentStore;
use super::findings::FileDiagnostics;
use super::position::ColumnUnit;
use super::project::{ChangedFiles, OpenProject};
use super::protocol::{DocumentUri, PublishedDiagnostics};
use crate::parallel;
use crate::project::{Project, ProjectRoot};
use crate::sops::Timestamp;
use crate::sort::CollectSorted;

/// State of an editor's session.
pub struct EditorWorkspace {
    pub(super) unit: ColumnUnit,
    /// Open documents.
    pub documents: DocumentStore,
    pub(super) projects: BTreeMap<ProjectRoot, OpenProject>,
    changed: ChangedFiles,
    /// Open documents whose diagnostics are awaited, whether they change or not.
    awaited: BTreeSet<PathBuf>,
    published: FileDiagnostics,
    pub(super) now: fn() -> Timestamp,
}

impl EditorWorkspace {
    /// No documents. `now` is asked for the day when something is checked.
    pub(super) fn new(now: fn() -> Timestamp) -> Self {
        Self {
            unit: ColumnUnit::default(),
            documents: DocumentStore::default(),
            projects: BTreeMap::new(),
            changed: ChangedFiles::Some(BTreeSet::new()),
            awaited: BTreeSet::new(),
            published: FileDiagnostics::new(),
            now,
        }
    }

    /// Sets the text of a document.
    pub(super) fn put_document(&mut self, uri: DocumentUri, version: Option<i32>, text: &str) {
        let path = self.documents.put(uri, version, text);
        self.awaited.extend(path.clone());
        self.note_change(path);
    }

    /// Closes a document.
    pub(super) fn close_document(&mut self, uri: &DocumentUri) {
        let closed = self.documents.close(uri);
        self.note_change(closed);
    }

    /// Notes that a file may have changed on the disk, if it is one.
    pub(super) fn note_change(&mut self, path: Option<PathBuf>) {
        if let Some(path) = path {
            self.changed.add(path);
        }
    }

    /// Notes that any file may have changed.
    pub(super) fn note_any_change(&mut self) {
        self.changed = ChangedFiles::All;
    }

    /// Whether files changed since the last check.
    pub(super) fn has_changes(&self) -> bool {
        self.changed != ChangedFiles::Some(BTreeSet::new()) || !self.awaited.is_empty()
    }

    /// Checks what changed. Returns the diagnostics that differ from the published ones.
    pub(super) fn check_changes(&mut self) -> Vec<PublishedDiagnostics> {
        if !self.has_changes() {
            return Vec::new();
        }
        let changed = std::mem::replace(&mut self.changed, ChangedFiles::Some(BTreeSet::new()));
        let disk = self.documents.disk();
        let roots = self.documents.paths().filter_map(|path| Project::locate(&disk, path.parent()?));
        let roots: BTreeSet<ProjectRoot> = roots.collect_set();
        self.projects.retain(|root, _| roots.contains(root));
        let mut all = FileDiagnostics::new();
        for root in roots {
            let project = self.projects.entry(root.clone()).or_insert_with(|| OpenProject::new(root));
            let (documents, now) = (&self.documents, (self.now)());
            let checked = parallel::catch_panic(|| project.check(documents, &changed, now));
            if checked.is_err() {
                // the next check begins anew
                *project = OpenProject::new(project.root.clone());
            }
            for (path, found) in project.diagnostics(documents, self.unit) {
                all.entry(path).or_default().extend(found);
            }
        }
        self.publish(all)
    }

    fn publish(&mut self, all: FileDiagnostics) -> Vec<PublishedDiagnostics> {
        let awaited = std::mem::take(&mut self.awaited);
        let paths: BTreeSet<&Path> =
            all.keys().chain(self.published.keys()).chain(&awaited).map(PathBuf::as_path).collect_set();
        let is_new = |path: &&Path| all.get(*path) != self.published.get(*path) || awaited.contains(*path);
        let published = paths.into_iter().filter(is_new).map(|path| {
            let version = self.documents.get(path).and_then(|document| document.version);
            let diagnostics = all.get(path).cloned().unwrap_or_default();
            PublishedDiagnostics { uri: self.documents.uri(path), diagnostics, version }
        });
        let published = published.collect();
        self.published = all;
        published
    }
}
