//! Single values of encrypted files, put in and taken out.

use std::path::PathBuf;

use super::file::{FileContent, SecretFile, Staged, check_names};
use super::layer::ChangedLayer;
use super::merge::same;
use super::rewrite::{Before, Made, Rewrite, gone};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::disk::real_named;
use crate::sops::{
    Format, Identities, KeyPath, Layout, NotFound, RuleBook, Sealed, Step, Timestamp, Tree, Value, WriteError, policy,
};
use crate::span::Source;

/// An encrypted file that may be changed: it was verified, and is as its rule says.
pub struct Changing {
    /// Where it is.
    pub path: PathBuf,
    /// Name that messages have for it.
    pub name: String,
    /// Its format.
    pub format: Format,
    /// Its content.
    pub sealed: Sealed,
    /// Its content as it was read.
    before: FileContent,
}

/// A value that is to be put into a file, or taken out of it.
#[derive(Clone)]
pub struct ValueChange {
    /// Which document of the file, if that was said.
    pub document: Option<usize>,
    /// Path of the value.
    pub path: KeyPath,
    /// Whether the path is that of an entry, whose value may be in a long form.
    pub is_entry: bool,
    /// The value; none if it is taken out.
    pub value: Option<Tree>,
}

impl ValueChange {
    fn path_in(&self, sealed: &Sealed) -> KeyPath {
        if self.is_entry { entry_value(sealed, &self.path) } else { self.path.clone() }
    }

    /// Value at its path.
    fn found(&self, sealed: &Sealed) -> Option<Tree> {
        sealed.find(self.document, &self.path_in(sealed)).ok().map(|(_, tree)| tree.clone())
    }

    /// Makes the change: false if there was nothing to change.
    fn make(&self, file: Changing, now: Timestamp) -> Result<Made<bool>, Diagnostics> {
        let path = self.path_in(&file.sealed);
        let staged = match &self.value {
            Some(value) => file.set(self.document, &path, value, now)?,
            None => file.unset(self.document, &path, now)?,
        };
        Ok(Made { outcome: staged.is_some(), staged })
    }

    /// Makes the change on a file that somebody else wrote since `base` was at its place.
    fn make_again(&self, base: Option<&Tree>, file: Changing, now: Timestamp) -> Result<Made<bool>, Diagnostics> {
        let theirs = self.found(&file.sealed);
        if same(base, theirs.as_ref()) {
            return self.make(file, now);
        }
        if same(self.value.as_ref(), theirs.as_ref()) {
            return Ok(Made { outcome: false, staged: None });
        }
        let (name, path) = (&file.name, &self.path);
        let message = format!("somebody else changed `{path}` in `{name}` meanwhile, and it stays as they left it");
        let look = if theirs.is_some() { format!("`septum get {name} '{path}'` shows it; ") } else { String::new() };
        Err(Diagnostic::error("changed-meanwhile", message).hint(format!("{look}run the command again")).into())
    }

    /// The change of a file that is not there yet: `new` is what it would be.
    pub fn rewrite_new(self, new: Staged, identities: &Identities, now: Timestamp) -> Rewrite<'_, bool> {
        let (path, name, format) = (new.path.clone(), new.name.clone(), Format::of_path(&new.path));
        let again = move |newer: Option<Vec<u8>>| {
            let bytes = newer.ok_or_else(|| gone(&name))?;
            let file = SecretFile { path: path.clone(), name: name.clone(), format, bytes };
            self.make_again(None, Changing::open(file, &RuleBook::default(), identities)?, now)
        };
        Rewrite { before: Before::Missing, made: Made { outcome: true, staged: Some(new) }, again: Box::new(again) }
    }
}

impl Changing {
    /// Opens a file.
    pub fn open(file: SecretFile, book: &RuleBook, identities: &Identities) -> Result<Self, Diagnostics> {
        check_names(&file.path, &file.name)?;
        let (format, before) = (file.format, FileContent::of(&file.bytes));
        let (path, name, closed) = file.closed()?;
        policy::may_change(&name, book.rule(&path)?.as_ref(), closed.metadata(), format)?;
        let sealed = closed.open(identities).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        Ok(Self { path, name, format, sealed, before })
    }

    /// Makes a change of one value. What the rules say counts as they are now: somebody may have waited.
    pub fn rewrite(
        self,
        change: ValueChange,
        identities: &Identities,
        now: Timestamp,
    ) -> Result<Rewrite<'_, bool>, Diagnostics> {
        let rule = RuleBook::default().rule(&self.path)?;
        policy::may_change(&self.name, rule.as_ref(), self.sealed.metadata(), self.format)?;
        let base = change.found(&self.sealed);
        let (path, name, format, before) = (self.path.clone(), self.name.clone(), self.format, self.before);
        let made = change.make(self, now)?;
        let again = move |newer: Option<Vec<u8>>| {
            let bytes = newer.ok_or_else(|| gone(&name))?;
            let file = SecretFile { path: path.clone(), name: name.clone(), format, bytes };
            change.make_again(base.as_ref(), Self::open(file, &RuleBook::default(), identities)?, now)
        };
        Ok(Rewrite { before: Before::Content(before), made, again: Box::new(again) })
    }

    /// Checks a value at a path as [`ChangedLayer`] does, if the file is a layer. What cannot be put there is refused
    /// when it is written.
    pub fn check_layer(
        &self,
        document: Option<usize>,
        path: &KeyPath,
        value: &Tree,
    ) -> Result<Diagnostics, Diagnostics> {
        if self.format != Format::Yaml {
            return Ok(Diagnostics::new());
        }
        let mut changed = self.sealed.reopened().map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let at = changed.find(document, path).map_or(document.unwrap_or(0), |(document, _)| document);
        if changed.set(at, path, value).is_err() {
            return Ok(Diagnostics::new());
        }
        let (Ok(before), Ok(after)) = (self.sealed.plaintext(), changed.plaintext()) else {
            return Ok(Diagnostics::new());
        };
        let (path, selector) = (real_named(&self.path), &self.sealed.metadata().selector);
        ChangedLayer { path: &path, name: &self.name, selector, before: &before, after: &after }.check()
    }

    /// The single value at a path, if there is one.
    pub fn value(&self, document: Option<usize>, path: &KeyPath) -> Option<&Value> {
        match self.sealed.find(document, path) {
            Ok((_, Tree::Leaf(leaf))) => Some(&leaf.value),
            _ => None,
        }
    }

    /// Puts a value at a path: where it stands already, or in the document that is named, or in the only
    /// one. None if it had that value.
    fn set(
        mut self,
        document: Option<usize>,
        path: &KeyPath,
        value: &Tree,
        now: Timestamp,
    ) -> Result<Option<Staged>, Diagnostics> {
        let document = match self.sealed.find(document, path) {
            Ok((document, _)) => document,
            Err(NotFound::Nowhere { .. }) => match (document, self.sealed.document().branches.len()) {
                (Some(document), _) => document,
                (None, 0 | 1) => 0,
                (None, count) => return Err(which_document(&self.name, path, count)),
            },
            Err(problem) => return Err(not_found(&self.name, &problem)),
        };
        self.sealed.set(document, path, value).map_err(failed)?;
        self.stage(now)
    }

    /// Takes a value out.
    fn unset(mut self, document: Option<usize>, path: &KeyPath, now: Timestamp) -> Result<Option<Staged>, Diagnostics> {
        let found = self.sealed.find(document, path).map(|(document, _)| document);
        let document = found.map_err(|problem| not_found(&self.name, &problem))?;
        self.sealed.unset(document, path).map_err(failed)?;
        self.stage(now)
    }

    /// The file with its changes, if there are any.
    pub fn stage(self, now: Timestamp) -> Result<Option<Staged>, Diagnostics> {
        let Self { path, name, sealed, .. } = self;
        if !sealed.is_changed() {
            return Ok(None);
        }
        let bytes = sealed.write(now).map_err(failed)?;
        Ok(Some(Staged { path, name, bytes, access: Access::Usual }))
    }
}

/// The path of an entry's value in a layer: that of its long form, if it is written in one.
pub fn entry_value(sealed: &Sealed, path: &KeyPath) -> KeyPath {
    match sealed.get(0, path) {
        Some(Tree::Map(_)) => path.steps().iter().cloned().chain([Step::Key("value".to_owned())]).collect(),
        _ => path.clone(),
    }
}

/// A file in plaintext that holds one value, laid out as a rule says.
pub fn file_with(
    name: &str,
    format: Format,
    path: &KeyPath,
    value: Tree,
    layout: Layout,
) -> Result<Vec<u8>, Diagnostics> {
    match format.document_with(path, value, layout) {
        Ok(mut bytes) => Ok(std::mem::take(&mut *bytes)),
        Err(unfit) => Err(failed(WriteError::Unfit { place: Source::new(name, "").place(<_>::default()), unfit })),
    }
}

/// That a path names no value of a file.
pub fn not_found(name: &str, problem: &NotFound) -> Diagnostics {
    let error = Diagnostic::error("sops-path", format!("{problem} in `{name}`"));
    let error = match problem {
        NotFound::Nowhere { nearest: Some(nearest), .. } => error.hint(format!("did you mean `{nearest}`?")),
        NotFound::Nowhere { nearest: None, .. } => {
            error.hint("paths look like `data.hosts[0]`, or `[\"data\"][\"hosts\"][0]`; keys with a dot go in quotes")
        }
        NotFound::Several { documents, .. } => {
            let numbers: Vec<_> = documents.iter().map(|index| (index + 1).to_string()).collect();
            error.note(format!("in the documents {}", numbers.join(", "))).hint("say which: `--document N`")
        }
        NotFound::NoDocument(_) => error,
    };
    error.into()
}

fn which_document(name: &str, path: &KeyPath, count: usize) -> Diagnostics {
    Diagnostic::error("sops-path", format!("`{name}` has {count} documents, and `{path}` is in none of them"))
        .hint("say in which it shall be: `--document N`")
        .into()
}

fn failed(error: WriteError) -> Diagnostics {
    Diagnostics::from_iter(error.into_diagnostics())
}
