//! Values files: several of one environment, and those that are encrypted.

use super::edits::ValuesText;
use super::merge_values;
use crate::diagnostic::Diagnostics;
use crate::import::compare::find_differences;
use crate::layer::tree::Tree;
use crate::map::HashSet;
use crate::sops::{EncryptedFile, Identities, Recipient, SopsFormat};
use crate::span::{Location, Source};
use crate::yaml::read::read_document;
use crate::yaml::write::write_document;

/// A values file, in plaintext.
pub struct ValuesFile {
    source: Source,
    /// Recipients of the file; none if it is not encrypted.
    recipients: Option<Vec<Recipient>>,
    /// Number of comments that were encrypted, and are left out.
    lost_comments: usize,
}

impl ValuesFile {
    /// Decrypts a file if it is encrypted.
    pub fn read(source: Source, identities: &Identities) -> Result<Self, Diagnostics> {
        let invalid = |error: crate::sops::DecryptionError| Diagnostics::from_iter(error.into_diagnostics());
        let bytes = source.text().as_bytes().to_vec();
        // what is not YAML is reported with all other files
        if !read_document(&source).is_ok_and(|document| crate::sops::is_encrypted(&document)) {
            return Ok(Self { source, recipients: None, lost_comments: 0 });
        }
        let Some(closed) = EncryptedFile::read(source.name(), bytes, SopsFormat::Yaml).map_err(invalid)? else {
            return Ok(Self { source, recipients: None, lost_comments: 0 });
        };
        let of_age = closed.metadata().groups.iter().flat_map(|group| &group.age);
        let recipients = of_age.filter_map(|entry| Recipient::parse(&entry.recipient).ok()).collect();
        let opened = closed.decrypt_to_read(identities).map_err(invalid)?;
        let lost_comments = opened.document().count_comments();
        let text = opened.plaintext().map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let values = ValuesText::read(&Source::new(source.name(), String::from_utf8_lossy(&text)))?;
        // its comments were encrypted too, and would be in plaintext in a layer
        let source = Source::new(source.name(), write_document(&values.tree.to_value()));
        Ok(Self { source, recipients: Some(recipients), lost_comments })
    }

    /// Name of the file, and the number of its comments that are left out.
    pub(super) fn lost_comments(&self) -> (&str, usize) {
        (self.source.name(), self.lost_comments)
    }
}

/// Values of one environment, or of the base.
pub(super) struct CombinedValues {
    pub(super) source: Source,
    pub(super) text: ValuesText,
    /// Paths of the values that were encrypted.
    pub(super) encrypted: HashSet<String>,
    pub(super) recipients: Vec<Recipient>,
    /// Whether the comments of several files are lost.
    pub(super) is_rewritten: bool,
}

impl CombinedValues {
    /// Combines files in their order, as Helm does.
    pub(super) fn of(files: &[ValuesFile]) -> Result<Self, Diagnostics> {
        let mut merged = Tree::map([], &Location::synthetic());
        let (mut encrypted, mut recipients, mut problems) = (HashSet::default(), Vec::new(), Diagnostics::new());
        for file in files {
            let text = match ValuesText::read(&file.source) {
                Ok(text) => text,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            if let Some(of_file) = &file.recipients {
                text.tree.leaves("", &mut |path, _, _| encrypted.extend([path.to_owned()]));
                recipients.extend(of_file.iter().cloned());
            }
            merge_values(&mut merged, &text.tree);
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let joined = match files {
            [one] => Some(one.source.clone()),
            _ => join_texts(files, &merged),
        };
        let is_rewritten = joined.is_none();
        let name = files.first().map_or("values", |file| file.source.name());
        let source = joined.unwrap_or_else(|| Source::new(name, write_document(&merged.to_value())));
        let text = ValuesText::read(&source)?;
        Ok(Self { source, text, encrypted, recipients, is_rewritten })
    }
}

/// Texts of files one after the other, with their comments, if that has the values of all.
fn join_texts(files: &[ValuesFile], merged: &Tree) -> Option<Source> {
    // as large as it gets: what a longer copy leaves behind is not wiped
    let mut joined = String::with_capacity(files.iter().map(|file| file.source.text().len() + 1).sum());
    for file in files {
        let text = file.source.text();
        joined.push_str(text.strip_prefix("---\n").unwrap_or(text));
        if !joined.is_empty() && !joined.ends_with('\n') {
            joined.push('\n');
        }
    }
    let source = Source::new(files.first()?.source.name(), joined);
    let text = ValuesText::read(&source).ok()?;
    find_differences(merged.to_value(), text.tree.to_value()).is_empty().then_some(source)
}
