//! Changes of single values, in the text of a file or, where that is not enough, in its tree.

use zeroize::Zeroizing;

use super::Sealed;
use crate::sops::content::{Skipped, difference, difference_beside, is_without, same_values};
use crate::sops::document::{Document, Leaf, Tree};
use crate::sops::path::{KeyPath, Step};
use crate::sops::readable::refuse_unreadable;
use crate::sops::rewrite::selects_alike;
use crate::sops::store::{Change, EditProblem, Format, Parsed, Target, amend, apply, fit_line_ends};
use crate::sops::verified::Unfaithful;
use crate::sops::write_error::WriteError;
use crate::span::Source;

impl Sealed {
    /// Puts a value at a path; maps on the way are made.
    pub fn set(&mut self, document: usize, path: &KeyPath, value: &Tree) -> Result<(), WriteError> {
        let target = Target { document, path };
        self.check_target(&target)?;
        let before = self.parsed()?;
        let changes = self.format.set(&self.text, &before, &target, value);
        let changes = changes.map_err(|problem| self.edit_problem(path, problem))?;
        let existing = amend::existing(&self.document, &target);
        let is_there = existing == path.steps().len();
        let skipped = Skipped {
            document,
            steps: path.steps().get(..=existing).unwrap_or(path.steps()),
            in_first: is_there,
            in_second: true,
        };
        let is_wanted = |before: &Document, after: &Document| {
            difference_beside(before, after, Some(skipped)).is_none()
                && amend::get(after, document, path).is_some_and(|found| self.is_same(found, value))
        };
        let text = self.applied(changes);
        let after = self.readable(&text);
        match after.filter(|after| is_wanted(&self.document, after)) {
            Some(after) => self.take(text, after),
            None => self.rewrite(&before, path, |document| amend::put(document, &target, value))?,
        }
        Ok(())
    }

    /// Takes a value out.
    pub fn unset(&mut self, document: usize, path: &KeyPath) -> Result<(), WriteError> {
        let target = Target { document, path };
        self.check_target(&target)?;
        let before = self.parsed()?;
        let changes = self.format.unset(&self.text, &before, &target);
        let changes = changes.map_err(|problem| self.edit_problem(path, problem))?;
        let skipped = Skipped { document, steps: path.steps(), in_first: true, in_second: false };
        let text = self.applied(changes);
        let after = self.readable(&text);
        // in INI, a comment is of what comes next
        let is_wanted = |after: &Document| match self.format {
            Format::Ini => is_without(&self.document, after, skipped),
            _ => difference_beside(&self.document, after, Some(skipped)).is_none(),
        };
        match after.filter(is_wanted) {
            Some(after) => self.take(text, after),
            None => self.rewrite(&before, path, |document| amend::take(document, &target))?,
        }
        Ok(())
    }

    /// Puts single values in place of others, each in its document and at its path: as one edit,
    /// because each costs a reading of the file.
    pub fn set_leaves(&mut self, leaves: &[(usize, KeyPath, Tree)]) -> Result<(), WriteError> {
        let Some((_, first, _)) = leaves.first() else { return Ok(()) };
        let before = self.parsed()?;
        let mut changes = Vec::new();
        let mut wanted = Document { branches: self.document.branches.clone() };
        for (document, path, value) in leaves {
            let target = Target { document: *document, path };
            self.check_target(&target)?;
            let change = self.format.set(&self.text, &before, &target, value);
            changes.extend(change.map_err(|problem| self.edit_problem(path, problem))?);
            let missing = || self.edit_problem(path, EditProblem::Missing);
            amend::put(&mut wanted, &target, value).ok_or_else(missing)?;
        }
        let text = self.applied(changes);
        let after = self.readable(&text);
        match after.filter(|after| difference(&wanted, after).is_none()) {
            Some(after) => self.take(text, after),
            None => self.rewrite(&before, first, |document| {
                document.branches = wanted.branches;
                Some(())
            })?,
        }
        Ok(())
    }

    /// The text with changes, whose lines end as its own.
    fn applied(&self, mut changes: Vec<Change>) -> Zeroizing<String> {
        fit_line_ends(self.format, &self.text, &mut changes);
        apply(&self.text, changes)
    }

    /// Checks that a path can be that of a value.
    fn check_target(&self, target: &Target<'_>) -> Result<(), WriteError> {
        if self.format == Format::Binary {
            return Err(self.edit_problem(target.path, EditProblem::NoKeys));
        }
        if matches!(target.path.steps().first(), Some(Step::Key(key)) if self.format.reserves(key)) {
            return Err(self.edit_problem(target.path, EditProblem::Reserved));
        }
        Ok(())
    }

    /// Content of a text, if sops can read it too.
    fn readable(&self, text: &str) -> Option<Document> {
        let source = Source::new(self.source.name(), text);
        let document = self.format.parse(&source).ok()?.document;
        refuse_unreadable(&source, &document, self.format).ok()?;
        Some(document)
    }

    /// Whether a value is the one that was to be put there; lines hold texts only.
    fn is_same(&self, found: &Tree, wanted: &Tree) -> bool {
        match (self.format, found, wanted) {
            (Format::Dotenv | Format::Ini, Tree::Leaf(found), Tree::Leaf(wanted)) => {
                let bytes = |leaf: &Leaf| leaf.value.bytes().unwrap_or_default().into_owned();
                bytes(found) == bytes(wanted)
            }
            _ => same_values(found, wanted),
        }
    }

    /// Writes the whole file anew with a change in its tree, as sops would: what the text alone cannot take.
    fn rewrite(
        &mut self,
        before: &Parsed,
        path: &KeyPath,
        amend: impl FnOnce(&mut Document) -> Option<()>,
    ) -> Result<(), WriteError> {
        let entangled = |sealed: &Self| sealed.edit_problem(path, EditProblem::Entangled);
        if !matches!(self.format, Format::Yaml | Format::Json) {
            return Err(entangled(self));
        }
        let mut document = Document { branches: self.document.branches.clone() };
        amend(&mut document).ok_or_else(|| entangled(self))?;
        let (text, parsed) = self.written_anew(&document, before)?;
        self.take(text, parsed.document);
        Ok(())
    }

    /// A document with the metadata of this file as sops would write it, which holds what it is to hold.
    pub(super) fn written_anew(
        &self,
        document: &Document,
        before: &Parsed,
    ) -> Result<(Zeroizing<String>, Parsed), WriteError> {
        let fields = before.blocks.iter().flatten().next().map(|block| &block.fields);
        let text = self.format.emit(document, fields).map_err(|unfit| self.unfit(unfit))?;
        let parsed = self.read(&text)?;
        match difference(document, &parsed.document) {
            None if !selects_alike(document, &parsed.document, &self.metadata.selector) => {
                Err(WriteError::Unfaithful { place: self.place(), problem: Unfaithful::Selection })
            }
            None => Ok((text, parsed)),
            Some(path) => Err(WriteError::Unfaithful { place: self.place(), problem: Unfaithful::Different(path) }),
        }
    }

    fn take(&mut self, text: Zeroizing<String>, document: Document) {
        self.remember();
        (self.document, self.text) = (document, text);
    }

    fn edit_problem(&self, path: &KeyPath, problem: EditProblem) -> WriteError {
        WriteError::Edit { place: self.place(), path: path.clone(), problem }
    }
}
