//! Single values of encrypted files: setting and removing.

use std::path::PathBuf;

use super::file::{FileContent, SecretFile, StagedWrite, check_names};
use super::layer::ChangedLayer;
use super::merge::is_same_tree;
use super::rewrite::{ContentBefore, FileRewrite, RewriteOutcome, missing_file};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::disk::real_named;
use crate::sops::{
    DecryptedFile, Identities, PathNotFound, SopsConfigCache, SopsFormat, SopsTree, StoreLayout, Timestamp, TypedValue,
    ValuePath, ValuePathStep, WriteError, policy,
};
use crate::span::Source;

/// An encrypted file that may be changed: it was verified, and matches its rule.
pub struct EditableFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Name of the file in messages.
    pub name: String,
    /// Its format.
    pub format: SopsFormat,
    /// Its content.
    pub sealed: DecryptedFile,
    /// Its content as it was read.
    before: FileContent,
}

/// A value that is set in a file, or removed from it.
#[derive(Clone)]
pub struct ValueChange {
    /// Document of the file, if one was given.
    pub document: Option<usize>,
    /// Path of the value.
    pub path: ValuePath,
    /// Whether the path is that of an entry, whose value may be in a long form.
    pub is_entry: bool,
    /// The value; none if it is removed.
    pub value: Option<SopsTree>,
}

impl ValueChange {
    fn path_in(&self, sealed: &DecryptedFile) -> ValuePath {
        if self.is_entry { entry_value(sealed, &self.path) } else { self.path.clone() }
    }

    /// Value at its path.
    fn current_value(&self, sealed: &DecryptedFile) -> Option<SopsTree> {
        sealed.find_value(self.document, &self.path_in(sealed)).ok().map(|(_, tree)| tree.clone())
    }

    /// Applies the change; false if there was nothing to change.
    fn make_change(&self, file: EditableFile, now: Timestamp) -> Result<RewriteOutcome<bool>, Diagnostics> {
        let path = self.path_in(&file.sealed);
        let staged = match &self.value {
            Some(value) => file.set_value(self.document, &path, value, now)?,
            None => file.unset_value(self.document, &path, now)?,
        };
        Ok(RewriteOutcome { outcome: staged.is_some(), staged })
    }

    /// Applies the change to a file that another writer replaced since `base` was at its place.
    fn make_again(
        &self,
        base: Option<&SopsTree>,
        file: EditableFile,
        now: Timestamp,
    ) -> Result<RewriteOutcome<bool>, Diagnostics> {
        let theirs = self.current_value(&file.sealed);
        if is_same_tree(base, theirs.as_ref()) {
            return self.make_change(file, now);
        }
        if is_same_tree(self.value.as_ref(), theirs.as_ref()) {
            return Ok(RewriteOutcome { outcome: false, staged: None });
        }
        let (name, path) = (&file.name, &self.path);
        let message = format!("someone else changed `{path}` in `{name}` in the meantime; their value was kept");
        let words = [name.as_str(), &path.to_string()].map(shell_word).join(" ");
        let look = if theirs.is_some() { format!("`septum get {words}` shows it; ") } else { String::new() };
        Err(Diagnostic::error(Rule::ChangedMeanwhile, message)
            .hint(format!("{look}run the command again to overwrite it"))
            .into())
    }

    /// The change of a file that does not exist yet: `new` is its future content.
    pub fn rewrite_new(self, new: StagedWrite, identities: &Identities, now: Timestamp) -> FileRewrite<'_, bool> {
        let (path, name, format) = (new.path.clone(), new.name.clone(), SopsFormat::of_path(&new.path));
        let again = move |newer: Option<Vec<u8>>| {
            let bytes = newer.ok_or_else(|| missing_file(&name))?;
            let file = SecretFile { path: path.clone(), name: name.clone(), format, bytes };
            self.make_again(None, EditableFile::open(file, &SopsConfigCache::default(), identities)?, now)
        };
        FileRewrite {
            before: ContentBefore::Missing,
            made: RewriteOutcome { outcome: true, staged: Some(new) },
            again: Box::new(again),
        }
    }
}

impl EditableFile {
    /// Opens a file.
    pub fn open(file: SecretFile, book: &SopsConfigCache, identities: &Identities) -> Result<Self, Diagnostics> {
        check_names(&file.path, &file.name)?;
        let (format, before) = (file.format, FileContent::of(&file.bytes));
        let (path, name, closed) = file.into_encrypted()?;
        policy::check_changeable(&name, book.find_rule(&path)?.as_ref(), closed.metadata(), format)?;
        let sealed =
            closed.decrypt_file(identities).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        Ok(Self { path, name, format, sealed, before })
    }

    /// Changes one value. The current rules apply: the user may have taken long.
    pub fn rewrite_value(
        self,
        change: ValueChange,
        identities: &Identities,
        now: Timestamp,
    ) -> Result<FileRewrite<'_, bool>, Diagnostics> {
        let rule = SopsConfigCache::default().find_rule(&self.path)?;
        policy::check_changeable(&self.name, rule.as_ref(), self.sealed.metadata(), self.format)?;
        let base = change.current_value(&self.sealed);
        let (path, name, format, before) = (self.path.clone(), self.name.clone(), self.format, self.before);
        let made = change.make_change(self, now)?;
        let again = move |newer: Option<Vec<u8>>| {
            let bytes = newer.ok_or_else(|| missing_file(&name))?;
            let file = SecretFile { path: path.clone(), name: name.clone(), format, bytes };
            change.make_again(base.as_ref(), Self::open(file, &SopsConfigCache::default(), identities)?, now)
        };
        Ok(FileRewrite { before: ContentBefore::Content(before), made, again: Box::new(again) })
    }

    /// Checks a value at a path as [`ChangedLayer`] does, if the file is a layer. A value that cannot be at the path
    /// is refused when it is written.
    pub fn check_layer(
        &self,
        document: Option<usize>,
        path: &ValuePath,
        value: &SopsTree,
    ) -> Result<Diagnostics, Diagnostics> {
        if self.format != SopsFormat::Yaml {
            return Ok(Diagnostics::new());
        }
        let mut changed =
            self.sealed.decrypt_again().map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let at = changed.find_value(document, path).map_or(document.unwrap_or(0), |(document, _)| document);
        if changed.set_value(at, path, value).is_err() {
            return Ok(Diagnostics::new());
        }
        let (Ok(before), Ok(after)) = (self.sealed.plaintext(), changed.plaintext()) else {
            return Ok(Diagnostics::new());
        };
        let (path, selector) = (real_named(&self.path), &self.sealed.metadata().selector);
        ChangedLayer { path: &path, name: &self.name, selector, before: &before, after: &after }.check_layer()
    }

    /// The single value at a path, if there is one.
    pub fn value(&self, document: Option<usize>, path: &ValuePath) -> Option<&TypedValue> {
        match self.sealed.find_value(document, path) {
            Ok((_, SopsTree::Leaf(leaf))) => Some(&leaf.value),
            _ => None,
        }
    }

    /// Sets the value at a path: where it exists, or in the given document, or in the only one. None if it had that
    /// value.
    fn set_value(
        mut self,
        document: Option<usize>,
        path: &ValuePath,
        value: &SopsTree,
        now: Timestamp,
    ) -> Result<Option<StagedWrite>, Diagnostics> {
        let document = match self.sealed.find_value(document, path) {
            Ok((document, _)) => document,
            Err(PathNotFound::Nowhere { .. }) => match (document, self.sealed.document().branches.len()) {
                (Some(document), _) => document,
                (None, 0 | 1) => 0,
                (None, count) => return Err(which_document(&self.name, path, count)),
            },
            Err(problem) => return Err(not_found(&self.name, &problem)),
        };
        self.sealed.set_value(document, path, value).map_err(write_diagnostics)?;
        self.stage_file(now)
    }

    /// Removes a value.
    fn unset_value(
        mut self,
        document: Option<usize>,
        path: &ValuePath,
        now: Timestamp,
    ) -> Result<Option<StagedWrite>, Diagnostics> {
        let found = self.sealed.find_value(document, path).map(|(document, _)| document);
        let document = found.map_err(|problem| not_found(&self.name, &problem))?;
        self.sealed.unset_value(document, path).map_err(write_diagnostics)?;
        self.stage_file(now)
    }

    /// The file with its changes, if there are any.
    pub fn stage_file(self, now: Timestamp) -> Result<Option<StagedWrite>, Diagnostics> {
        let Self { path, name, sealed, .. } = self;
        if !sealed.is_changed() {
            return Ok(None);
        }
        let bytes = sealed.write_bytes(now).map_err(write_diagnostics)?;
        Ok(Some(StagedWrite { path, name, bytes, access: Access::Usual }))
    }
}

/// The path of an entry's value in a layer: that of its long form, if it has one.
pub fn entry_value(sealed: &DecryptedFile, path: &ValuePath) -> ValuePath {
    match sealed.get(0, path) {
        Some(SopsTree::Map(_)) => {
            path.steps().iter().cloned().chain([ValuePathStep::Key("value".to_owned())]).collect()
        }
        _ => path.clone(),
    }
}

/// A file in plaintext with one value, in the layout of a rule.
pub fn file_with(
    name: &str,
    format: SopsFormat,
    path: &ValuePath,
    value: SopsTree,
    layout: StoreLayout,
) -> Result<Vec<u8>, Diagnostics> {
    match format.document_with(path, value, layout) {
        Ok(mut bytes) => Ok(std::mem::take(&mut *bytes)),
        Err(unfit) => {
            Err(write_diagnostics(WriteError::Unfit { place: Source::new(name, "").place(<_>::default()), unfit }))
        }
    }
}

/// Diagnostics for a path that names no value of a file.
pub fn not_found(name: &str, problem: &PathNotFound) -> Diagnostics {
    let error = Diagnostic::error(Rule::SopsPath, format!("{problem} in `{name}`"));
    let error = match problem {
        PathNotFound::Nowhere { nearest: Some(nearest), .. } => error.hint(format!("did you mean `{nearest}`?")),
        PathNotFound::Nowhere { nearest: None, .. } => {
            error.hint("paths look like `data.hosts[0]`, or `[\"data\"][\"hosts\"][0]`; quote keys that contain a dot")
        }
        PathNotFound::Several { documents, .. } => {
            let numbers: Vec<_> = documents.iter().map(|index| (index + 1).to_string()).collect();
            error.note(format!("in the documents {}", numbers.join(", "))).hint("specify one: `--document N`")
        }
        PathNotFound::NoDocument(_) => error,
    };
    error.into()
}

fn which_document(name: &str, path: &ValuePath, count: usize) -> Diagnostics {
    Diagnostic::error(Rule::SopsPath, format!("`{name}` has {count} documents, but none contains `{path}`"))
        .hint("specify the document to add it to: `--document N`")
        .into()
}

fn write_diagnostics(error: WriteError) -> Diagnostics {
    Diagnostics::from_iter(error.into_diagnostics())
}
