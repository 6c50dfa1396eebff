//! Changes of single values, in the text of a file or, where that is not enough, in its tree.

use zeroize::Zeroizing;

use super::DecryptedFile;
use crate::document::tree::{Leaf, SopsDocument, SopsTree};
use crate::files::content::{SkippedValue, difference_beside, find_difference, is_without, same_values};
use crate::files::readable::refuse_unreadable;
use crate::files::selection::selects_alike;
use crate::files::write_error::{UnfaithfulOutput, WriteError};
use crate::store::{EditPath, EditProblem, ParsedFile, SopsFormat, TextEdit, TextEdits, amend};
use septum_base::span::Source;
use septum_base::value_path::{ValuePath, ValuePathStep};

/// A value to be set, or removed if there is none.
#[derive(Debug)]
pub struct ValueEdit {
    /// Document of the file, from 0.
    pub document: usize,
    /// Place in it.
    pub path: ValuePath,
    /// The new value.
    pub value: Option<SopsTree>,
}

impl DecryptedFile {
    /// Sets a value at a path; missing maps on the path are created.
    pub fn set_value(&mut self, document: usize, path: &ValuePath, value: &SopsTree) -> Result<(), WriteError> {
        let target = EditPath { document, path };
        self.check_target(&target)?;
        let before = self.parse_text()?;
        let changes = self.format.set_value(&self.text, &before, &target, value);
        let changes = changes.map_err(|problem| self.edit_problem(path, problem))?;
        let existing = amend::count_existing(&self.document, &target);
        let is_there = existing == path.steps().len();
        let skipped = SkippedValue {
            document,
            steps: path.steps().get(..=existing).unwrap_or(path.steps()),
            in_first: is_there,
            in_second: true,
        };
        let is_wanted = |before: &SopsDocument, after: &SopsDocument| {
            difference_beside(before, after, Some(skipped)).is_none()
                && amend::get(after, document, path).is_some_and(|found| self.is_same(found, value))
        };
        let text = self.apply_edits(changes);
        let after = self.parse_readable(&text);
        match after.filter(|after| is_wanted(&self.document, after)) {
            Some(after) => self.take_text(text, after),
            None => self.rewrite_text(&before, path, |document| amend::put_value(document, &target, value))?,
        }
        Ok(())
    }

    /// Removes a value.
    pub fn unset_value(&mut self, document: usize, path: &ValuePath) -> Result<(), WriteError> {
        let target = EditPath { document, path };
        self.check_target(&target)?;
        let before = self.parse_text()?;
        let changes = self.format.unset_value(&self.text, &before, &target);
        let changes = changes.map_err(|problem| self.edit_problem(path, problem))?;
        let skipped = SkippedValue { document, steps: path.steps(), in_first: true, in_second: false };
        let text = self.apply_edits(changes);
        let after = self.parse_readable(&text);
        // in INI, a comment belongs to the item after it
        let is_wanted = |after: &SopsDocument| match self.format {
            SopsFormat::Ini => is_without(&self.document, after, skipped),
            _ => difference_beside(&self.document, after, Some(skipped)).is_none(),
        };
        match after.filter(is_wanted) {
            Some(after) => self.take_text(text, after),
            None => self.rewrite_text(&before, path, |document| amend::take_value(document, &target))?,
        }
        Ok(())
    }

    /// Replaces single values, each in its document and at its path: as one edit, because each requires parsing the
    /// file.
    pub fn set_leaves(&mut self, leaves: &[ValueEdit]) -> Result<(), WriteError> {
        let Some(ValueEdit { path: first, .. }) = leaves.first() else { return Ok(()) };
        let before = self.parse_text()?;
        let mut changes = Vec::new();
        let mut wanted = SopsDocument { branches: self.document.branches.clone() };
        for ValueEdit { document, path, value } in leaves {
            let Some(value) = value else { continue };
            let target = EditPath { document: *document, path };
            self.check_target(&target)?;
            let change = self.format.set_value(&self.text, &before, &target, value);
            changes.extend(change.map_err(|problem| self.edit_problem(path, problem))?);
            let missing = || self.edit_problem(path, EditProblem::Missing);
            amend::put_value(&mut wanted, &target, value).ok_or_else(missing)?;
        }
        let text = self.apply_edits(changes);
        let after = self.parse_readable(&text);
        match after.filter(|after| find_difference(&wanted, after).is_none()) {
            Some(after) => self.take_text(text, after),
            None => self.rewrite_text(&before, first, |document| {
                document.branches = wanted.branches;
                Some(())
            })?,
        }
        Ok(())
    }

    /// Sets and removes values, each in its document and at its path, as one edit, because each requires parsing the
    /// file. Returns whether that gives exactly these changes: where one needs the result of another, nothing is
    /// changed, and they have to be made one after the other.
    pub fn change_together(&mut self, changes: &[ValueEdit]) -> Result<bool, WriteError> {
        let before = self.parse_text()?;
        let mut edits = Vec::new();
        let mut wanted = SopsDocument { branches: self.document.branches.clone() };
        for ValueEdit { document, path, value } in changes {
            let target = EditPath { document: *document, path };
            self.check_target(&target)?;
            let (edit, amended) = match value {
                Some(value) => {
                    let amended = amend::put_value(&mut wanted, &target, value);
                    (self.format.set_value(&self.text, &before, &target, value), amended)
                }
                None => {
                    let amended = amend::take_value(&mut wanted, &target);
                    (self.format.unset_value(&self.text, &before, &target), amended)
                }
            };
            let (Ok(edit), Some(())) = (edit, amended) else { return Ok(false) };
            edits.extend(edit);
        }
        let text = self.apply_edits(edits);
        match self.parse_readable(&text).filter(|after| find_difference(&wanted, after).is_none()) {
            Some(after) => self.take_text(text, after),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Sets and removes values, each in its document and at its path, as if one after the other: as few edits as
    /// possible, because each requires parsing the file. A change that is refused changes nothing.
    pub fn change_each(&mut self, changes: &[ValueEdit]) -> Vec<Result<(), WriteError>> {
        let mut results = Vec::with_capacity(changes.len());
        self.change_part(changes, &mut results);
        results
    }

    fn change_part(&mut self, changes: &[ValueEdit], results: &mut Vec<Result<(), WriteError>>) {
        match changes {
            [] => {}
            [ValueEdit { document, path, value: Some(value) }] => results.push(self.set_value(*document, path, value)),
            [ValueEdit { document, path, value: None }] => results.push(self.unset_value(*document, path)),
            _ if matches!(self.change_together(changes), Ok(true)) => results.extend(changes.iter().map(|_| Ok(()))),
            _ => {
                let (first, second) = changes.split_at(changes.len() / 2);
                self.change_part(first, results);
                self.change_part(second, results);
            }
        }
    }

    /// The text with changes, whose line ends become those of the text.
    fn apply_edits(&self, changes: Vec<TextEdit>) -> Zeroizing<String> {
        let mut edits = TextEdits::of_text(self.format, &self.text);
        edits.extend(changes);
        edits.apply(&self.text)
    }

    /// Checks that a path can be that of a value.
    fn check_target(&self, target: &EditPath<'_>) -> Result<(), WriteError> {
        if self.format == SopsFormat::Binary {
            return Err(self.edit_problem(target.path, EditProblem::NoKeys));
        }
        if matches!(target.path.steps().first(), Some(ValuePathStep::Key(key)) if self.format.reserves_key(key)) {
            return Err(self.edit_problem(target.path, EditProblem::Reserved));
        }
        Ok(())
    }

    /// Content of a text, if sops can read it too.
    fn parse_readable(&self, text: &str) -> Option<SopsDocument> {
        let source = Source::new(self.source.name(), text);
        let document = self.format.parse(&source).ok()?.document;
        refuse_unreadable(&source, &document, self.format).ok()?;
        Some(document)
    }

    /// Whether a value is the intended one; lines hold texts only.
    fn is_same(&self, found: &SopsTree, wanted: &SopsTree) -> bool {
        match (self.format, found, wanted) {
            (SopsFormat::Dotenv | SopsFormat::Ini, SopsTree::Leaf(found), SopsTree::Leaf(wanted)) => {
                let bytes = |leaf: &Leaf| leaf.value.bytes().unwrap_or_default().into_owned();
                bytes(found) == bytes(wanted)
            }
            _ => same_values(found, wanted),
        }
    }

    /// Rewrites the whole file as sops would, with a change in its tree: for a change that the text alone cannot
    /// hold.
    fn rewrite_text(
        &mut self,
        before: &ParsedFile,
        path: &ValuePath,
        amend: impl FnOnce(&mut SopsDocument) -> Option<()>,
    ) -> Result<(), WriteError> {
        let entangled = |sealed: &Self| sealed.edit_problem(path, EditProblem::Entangled);
        if !matches!(self.format, SopsFormat::Yaml | SopsFormat::Json) {
            return Err(entangled(self));
        }
        let mut document = SopsDocument { branches: self.document.branches.clone() };
        amend(&mut document).ok_or_else(|| entangled(self))?;
        let (text, parsed) = self.written_anew(&document, before)?;
        self.take_text(text, parsed.document);
        Ok(())
    }

    /// A document with the metadata of this file as sops would write it, checked against its intended content.
    pub(super) fn written_anew(
        &self,
        document: &SopsDocument,
        before: &ParsedFile,
    ) -> Result<(Zeroizing<String>, ParsedFile), WriteError> {
        let fields = before.blocks.iter().flatten().next().map(|block| &block.fields);
        let text = self.format.emit_document(document, fields).map_err(|unfit| self.unrepresentable_error(unfit))?;
        let parsed = self.read_text(&text)?;
        match find_difference(document, &parsed.document) {
            None if !selects_alike(document, &parsed.document, &self.metadata.selector) => {
                Err(WriteError::Unfaithful { place: self.root_place(), problem: UnfaithfulOutput::Selection })
            }
            None => Ok((text, parsed)),
            Some(path) => {
                Err(WriteError::Unfaithful { place: self.root_place(), problem: UnfaithfulOutput::Different(path) })
            }
        }
    }

    fn take_text(&mut self, text: Zeroizing<String>, document: SopsDocument) {
        self.remember_text();
        (self.document, self.text) = (document, text);
    }

    fn edit_problem(&self, path: &ValuePath, problem: EditProblem) -> WriteError {
        WriteError::Edit { place: self.root_place(), path: path.clone(), problem }
    }
}
