//! Result of reading layers: the files to write, and how they become objects again.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::diagnostic::Diagnostics;
use crate::secret_files::encrypt_content;
use crate::sops::{EncryptionPlan, Recipients, SopsFormat, Timestamp};

/// Files in memory, and the builds that turn them into objects.
#[derive(Default)]
pub struct EjectPlan {
    /// Files by their paths below the destination.
    pub files: BTreeMap<String, EjectedFile>,
    /// Builds, in the order of apps and environments.
    pub builds: Vec<EjectBuild>,
    /// Decisions that a reader should know, each with its app or environment.
    pub notes: Vec<String>,
}

/// Content of a file.
pub enum EjectedFile {
    /// Written as it is.
    Plain(Vec<u8>),
    /// Plaintext that is encrypted before it is written.
    Secret {
        /// The plaintext.
        text: Zeroizing<Vec<u8>>,
        /// Format of the file.
        format: SopsFormat,
        /// Recipients and selector.
        encryption: EncryptionPlan,
        /// Path of the decrypted file, for a build by kustomize.
        decrypted: Option<String>,
    },
}

/// Input of the objects of a target.
pub struct EjectBuild {
    /// The environment.
    pub environment: String,
    /// Files of objects, or the directory that kustomize builds.
    pub input: BuildSource,
    /// Position of the target among all.
    pub target: usize,
}

/// Source of the objects of a build.
pub enum BuildSource {
    /// Files of one object each, by their paths below the destination.
    Files(Vec<String>),
    /// A directory below the destination that kustomize builds.
    Kustomization(String),
}

impl BuildSource {
    /// The directory that kustomize builds.
    pub(super) fn directory(&self) -> Option<&str> {
        match self {
            Self::Files(_) => None,
            Self::Kustomization(directory) => Some(directory),
        }
    }
}

impl EjectPlan {
    /// Adds a file that is written as it is.
    pub(super) fn add_text(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.insert(path.into(), EjectedFile::Plain(text.into().into_bytes()));
    }

    /// Number of files that are encrypted.
    pub fn encrypted(&self) -> usize {
        self.files.values().filter(|file| matches!(file, EjectedFile::Secret { .. })).count()
    }
}

impl EjectedFile {
    /// Content as it is written; encrypted for `recipients` instead of its own, if they are given.
    pub(super) fn to_bytes(
        &self,
        path: &str,
        recipients: Option<&Recipients>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Diagnostics> {
        match self {
            Self::Plain(bytes) => Ok(bytes.clone()),
            Self::Secret { text, format, encryption, .. } => {
                let mut encryption = encryption.clone();
                if let Some(recipients) = recipients {
                    encryption.recipients = recipients.clone();
                }
                Ok(encrypt_content(path, text.to_vec(), *format, &encryption, now)?.0)
            }
        }
    }
}
