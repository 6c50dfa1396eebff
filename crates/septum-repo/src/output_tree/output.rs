//! Targets of a run as they were rendered.

use super::cache::TargetInputs;
use super::duplicates::ObjectSite;
use super::name::{FileName, TargetName};
use crate::route::Sensitivity;
use crate::secret::Wiping;

/// A target of this run.
pub(super) struct RenderedTarget {
    /// Its name.
    pub(super) name: TargetName,
    /// Its outcome.
    pub(super) outcome: TargetOutcome,
}

impl RenderedTarget {
    /// Its files and their sources, if it was rendered.
    pub(super) fn rendered(&self) -> Option<&RenderedFiles> {
        match &self.outcome {
            TargetOutcome::Rendered(rendered) => Some(rendered),
            TargetOutcome::Unchanged { .. } => None,
        }
    }
}

/// Outcome of a target.
pub(super) enum TargetOutcome {
    /// None of its inputs has changed since this machine made it, and it is intact: all stays as it is.
    Unchanged {
        /// Its new inputs, if they differ and produce the same output.
        inputs: Option<TargetInputs>,
    },
    /// It was rendered.
    Rendered(RenderedFiles),
}

/// Generated files of a target.
pub(super) struct RenderedFiles {
    /// The files that it was made of, each with a digest of its bytes as they are committed, or `absent` for a
    /// file that was looked for and does not exist.
    pub(super) inputs: TargetInputs,
    /// Digest of everything else it was made of; none if it has to be rendered again in any case.
    pub(super) state: Option<String>,
    /// Its files. Without any, it has no directory.
    pub(super) files: Vec<OutputFile>,
    /// Sources of its objects.
    pub(super) sites: Vec<ObjectSite>,
}

/// A file of a target.
pub(super) struct OutputFile {
    /// Its name.
    pub(super) name: FileName,
    /// Its content.
    pub(super) content: OutputContent,
    /// Sensitivity of its content. Of a file with secrets in plaintext no digest is recorded.
    pub(super) sensitivity: Sensitivity,
    /// The fingerprint of the inputs of a Secret in ciphertext.
    pub(super) fingerprint: Option<String>,
}

/// Content of a file.
pub(super) enum OutputContent {
    /// These bytes.
    Bytes(Wiping<Vec<u8>>),
    /// The existing content, which cannot be generated with the available keys.
    Kept,
    /// Known part of a content that differs from the existing one. Such a plan can be shown, but not applied.
    Outline(String),
}

/// A file that requires a key to be verified, or generated. Those that are likely to be out of date come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnverifiedFile {
    /// Known state of it.
    pub state: VerificationState,
    /// Its target.
    pub target: TargetName,
    /// Its name, if it is known.
    pub file: Option<String>,
}

/// Known state of a file that cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerificationState {
    /// It does not exist.
    Missing,
    /// More than its ciphertext is out of date.
    Different,
    /// The inventory does not record that it was made of these inputs.
    Uncovered,
    /// Without a key, it is unknown which inputs it is made of.
    Unknown,
    /// The inventory records that it was made of these inputs, without proof.
    Covered,
}
