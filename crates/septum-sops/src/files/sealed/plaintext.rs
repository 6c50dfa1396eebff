//! The plaintext of an encrypted file: as users see it, in another format, and replaced as a whole.

use zeroize::Zeroizing;

use super::DecryptedFile;
use super::exposed::ProtectionCensus;
use crate::document::scalar::TypedValue;
use crate::document::tree::{Leaf, SopsMap, SopsTree};
use crate::files::plain::{parse_plaintext, read_text, without_returns};
use crate::files::write_error::{WriteError, unselected_warning};
use crate::store::{EditProblem, MetadataBlock, ParsedFile, SopsFormat, TextEdit, UnrepresentableValue, apply_edits};
use septum_base::diagnostic::Diagnostic;
use septum_base::span::Source;
use septum_base::value_path::ValuePath;

impl DecryptedFile {
    /// The plaintext with the comments, blank lines and quotes of the file, without its metadata.
    pub fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        if self.format == SopsFormat::Binary {
            return Ok(Zeroizing::new(self.data().unwrap_or_default().to_vec()));
        }
        self.check_fit()?;
        let mut text = apply_edits(&self.text, self.without_blocks()?);
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// Changes that remove the metadata from the text.
    fn without_blocks(&self) -> Result<Vec<TextEdit>, WriteError> {
        let cuts: Vec<_> = match &self.blocks {
            Some(blocks) => blocks.iter().map(|block| block.whole.clone()).collect(),
            None => self.parse_text()?.blocks.into_iter().flatten().map(|block| block.whole).collect(),
        };
        // a document without values would be none at all without its metadata
        let is_empty: Vec<bool> = match &self.summary {
            Some(summary) => summary.empty.clone(),
            None => self.document.branches.iter().map(SopsMap::is_empty).collect(),
        };
        let mut is_empty = is_empty.into_iter();
        let mut rest = || if self.format == SopsFormat::Yaml && is_empty.next() == Some(true) { "{}\n" } else { "" };
        Ok(cuts.into_iter().map(|cut| TextEdit::new(cut, rest())).collect())
    }

    /// Returns the plaintext; the rest of the file is dropped before it is built.
    pub fn into_plaintext(mut self) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        if let Some(Leaf { value: TypedValue::Text(bytes), .. }) = self.leaf_mut() {
            return Ok(std::mem::take(bytes).into_bytes());
        }
        if self.format == SopsFormat::Binary {
            return self.plaintext();
        }
        self.check_fit()?;
        let changes = self.without_blocks()?;
        let text = std::mem::take(&mut self.text);
        drop(self);
        let mut text = apply_edits(&text, changes);
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// The plaintext in the form in which sops prints a format.
    pub fn emit_format(&self, format: SopsFormat) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        if format == SopsFormat::Binary {
            let data = self.data().map(|data| Zeroizing::new(data.to_vec()));
            return data.ok_or_else(|| self.unrepresentable_error(UnrepresentableValue::Nested));
        }
        let mut text = format.emit_document(&self.document, None).map_err(|unfit| self.unrepresentable_error(unfit))?;
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// Replaces the whole plaintext by one in which keys have other names. An error if the selector then leaves a value
    /// in plaintext that is encrypted now.
    pub fn rename_in_plaintext(&mut self, plaintext: &[u8]) -> Result<(), WriteError> {
        let paths = self.find_unselected(plaintext)?;
        if paths.is_empty() {
            return self.replace_plaintext(plaintext);
        }
        Err(WriteError::Unselected { place: self.root_place(), selector: self.metadata.selector.to_string(), paths })
    }

    /// Warning: the selector leaves values of a new plaintext as they are that are encrypted now.
    pub fn warn_of_unselected(&self, plaintext: &[u8]) -> Option<Diagnostic> {
        // one that cannot be read is refused when it is written
        let paths = self.find_unselected(plaintext).unwrap_or_default();
        let warning = || unselected_warning(self.root_place(), &self.metadata.selector.to_string(), &paths);
        (!paths.is_empty()).then(warning)
    }

    fn find_unselected(&self, plaintext: &[u8]) -> Result<Vec<ValuePath>, WriteError> {
        if self.format == SopsFormat::Binary {
            return Ok(Vec::new());
        }
        let (_, parsed) = self.parse_new_plaintext(plaintext)?;
        let before = ProtectionCensus::of(&self.document, &self.metadata.selector);
        Ok(ProtectionCensus::of(&parsed.document, &self.metadata.selector).find_moved(&before))
    }

    fn parse_new_plaintext(&self, plaintext: &[u8]) -> Result<(Source, ParsedFile), WriteError> {
        let source = read_text(self.source.name(), plaintext.to_vec()).map_err(WriteError::Read)?;
        let source = if self.has_returns() { source } else { without_returns(source, self.format).0 };
        parse_plaintext(source, self.format, &self.metadata.selector)
    }

    /// Replaces the whole plaintext by the one that a user edited.
    pub fn replace_plaintext(&mut self, plaintext: &[u8]) -> Result<(), WriteError> {
        if self.format == SopsFormat::Binary {
            self.remember_text();
            if let Some(leaf) = self.leaf_mut() {
                leaf.value = TypedValue::Text(plaintext.to_vec().into());
            }
            return Ok(());
        }
        if self.plaintext()?.as_slice() == plaintext {
            return Ok(());
        }
        let (source, parsed) = self.parse_new_plaintext(plaintext)?;
        let blocks = self.parse_text()?.blocks;
        let slice = |block: &MetadataBlock| self.text.get(block.whole.clone()).unwrap_or_default().to_owned();
        let first = blocks.iter().flatten().next().map(slice).unwrap_or_default();
        let changes = parsed.ends.iter().enumerate().map(|(index, &end)| {
            let block = blocks.get(index).and_then(Option::as_ref).map_or_else(|| first.clone(), slice);
            TextEdit::new(end..end, self.format.join_block(source.text(), end, &block))
        });
        let text = apply_edits(source.text(), changes.collect());
        self.remember_text();
        self.text = text;
        self.document = parsed.document;
        Ok(())
    }

    /// Whether values of a dotenv file end with a CR, as sops reads them from a file with CRLF.
    fn has_returns(&self) -> bool {
        let is_return = |tree: &SopsTree| matches!(tree, SopsTree::Leaf(leaf) if leaf.value.bytes().is_some_and(|bytes| bytes.ends_with(b"\r")));
        let mut values = self.document.branches.iter().flat_map(SopsMap::values);
        self.format == SopsFormat::Dotenv && values.any(|(_, value)| is_return(value))
    }

    pub(crate) fn parse_text(&self) -> Result<ParsedFile, WriteError> {
        self.check_fit()?;
        self.read_text(&self.text)
    }

    /// Checks that the file has a text in plaintext.
    pub(crate) fn check_fit(&self) -> Result<(), WriteError> {
        if let Some(problem) = &self.unsettled {
            return Err(WriteError::Unfaithful { place: self.root_place(), problem: problem.clone() });
        }
        let Some((path, unfit)) = &self.unfit else { return Ok(()) };
        let problem = EditProblem::Unfit(*unfit);
        Err(WriteError::Edit { place: self.root_place(), path: path.clone(), problem })
    }

    pub(super) fn read_text(&self, text: &str) -> Result<ParsedFile, WriteError> {
        self.format.parse(&Source::new(self.source.name(), text)).map_err(WriteError::Read)
    }
}
