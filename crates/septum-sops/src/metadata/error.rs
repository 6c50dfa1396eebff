//! Errors of an encrypted file, and their diagnostics.

use thiserror::Error;

use crate::crypto::cipher::MalformedCiphertext;
use crate::identities::identity::SearchedSource;
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use septum_base::span::Location;
use septum_base::value_path::ValuePath;

/// Reason why a file could not be decrypted.
#[derive(Debug, Error)]
pub enum DecryptionError {
    /// The text cannot be read in its format.
    #[error("the file cannot be read")]
    Read(Diagnostics),
    /// The `sops` block is invalid.
    #[error("invalid sops metadata")]
    Metadata(Vec<MetadataProblem>),
    /// None of the available identities decrypts the file.
    #[error("no identity can decrypt the file")]
    NoIdentity(Box<NoIdentity>),
    /// The format cannot determine which keys lead to a value.
    #[error("a key of the file is ambiguous")]
    AmbiguousKey(Box<Diagnostic>),
    /// Values or their checksum were altered.
    #[error("the file was changed after encryption")]
    Content(Vec<IntegrityFinding>),
}

/// A fault in the `sops` block.
#[derive(Debug)]
pub struct MetadataProblem {
    /// The field, or the block.
    pub place: Location,
    /// Problem.
    pub problem: MetadataFault,
}

/// Fault in the `sops` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataFault {
    /// The block is missing: the file is not encrypted.
    NotEncrypted,
    /// The block is not a mapping.
    NotAMapping,
    /// A required field is missing.
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field that does not have its expected form.
    Invalid {
        /// Its name.
        field: &'static str,
        /// Expected form.
        expected: &'static str,
    },
    /// More than one rule selects encrypted values.
    SeveralSelectors {
        /// The fields with the rules.
        fields: Vec<&'static str>,
    },
    /// A regular expression that cannot be compiled.
    Pattern {
        /// The field that contains it.
        field: &'static str,
        /// Reason given by the engine.
        reason: String,
    },
    /// The file has no recipients.
    NoRecipients,
    /// The version is missing.
    NoVersion,
    /// The version is not three numbers.
    InvalidVersion,
    /// The format of the file is newer.
    NewVersion {
        /// The version of the file.
        version: String,
    },
}

/// None of the available identities can decrypt the file.
#[derive(Debug)]
pub struct NoIdentity {
    /// The `sops` block.
    pub place: Location,
    /// Recipients that could decrypt it, group by group.
    pub groups: Vec<GroupState>,
    /// Number of required groups.
    pub needed: usize,
    /// Places searched for identities, and their results.
    pub searched: Vec<SearchedSource>,
}

/// Recipients that could decrypt a key group, and whether one did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// Recipients that could decrypt the group.
    pub recipients: Vec<String>,
    /// Whether an available identity did.
    pub opened: bool,
}

/// A value that was altered.
#[derive(Debug)]
pub struct IntegrityFinding {
    /// The value.
    pub place: Location,
    /// Its path; that of a field of the metadata if it is not a value of the document.
    pub path: ValuePath,
    /// Problem.
    pub fault: IntegrityFault,
}

/// Fault in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrityFault {
    /// It is in plaintext, although the selector covers it.
    Plaintext {
        /// The selector in the metadata.
        selector: String,
    },
    /// It is not a ciphertext, although it begins like one.
    Malformed(MalformedCiphertext),
    /// It does not decrypt: changed, moved from another key, or of another file.
    Altered,
    /// Its plaintext is not a value of its type.
    NotOfItsType(String),
    /// Its plaintext is not UTF-8, so that YAML cannot hold it.
    NotUtf8,
    /// It is marked as a comment and is in the place of a value.
    Comment,
    /// It contains both sides of a merge that is not finished.
    Conflict,
    /// None of the values decrypts: the metadata belong to another file.
    Everything {
        /// Number of values.
        values: usize,
    },
    /// The data key of a recipient whose identity is available does not decrypt.
    DataKey {
        /// The recipient.
        recipient: String,
    },
    /// The shares of the data key do not fit the threshold.
    Threshold,
    /// The checksum is missing.
    NoMac,
    /// The checksum itself does not decrypt.
    MacAltered,
    /// The checksum is that of other values.
    MacMismatch,
}

impl DecryptionError {
    /// Converts the error to diagnostics: one for each finding.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        match self {
            Self::Read(found) => found.into_sorted(),
            Self::Metadata(problems) => problems.into_iter().map(MetadataProblem::into_diagnostic).collect(),
            Self::NoIdentity(error) => vec![error.into_diagnostic()],
            Self::AmbiguousKey(found) => vec![*found],
            Self::Content(findings) => findings.into_iter().map(IntegrityFinding::into_diagnostic).collect(),
        }
    }
}

impl MetadataProblem {
    fn into_diagnostic(self) -> Diagnostic {
        let error = |message: String| Diagnostic::error(Rule::SopsMetadata, message);
        let version = |message: String| Diagnostic::error(Rule::SopsVersion, message);
        let restore = "restore the `sops` block from Git";
        let diagnostic = match self.problem {
            MetadataFault::NotEncrypted => error("the file has no `sops` block, so it is not encrypted".to_owned()),
            MetadataFault::NotAMapping => error("`sops` must be a mapping".to_owned()),
            MetadataFault::Missing { field } => {
                error(format!("`sops.{field}` is missing, so the file cannot be verified")).hint(restore)
            }
            MetadataFault::Invalid { field, expected } => {
                error(format!("`sops.{field}` must be {expected}")).hint(restore)
            }
            MetadataFault::SeveralSelectors { fields } => {
                let fields: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
                error(format!(
                    "{} contradict each other: a file has one rule for what is encrypted",
                    fields.join(" and ")
                ))
                .hint(restore)
            }
            MetadataFault::Pattern { field, reason } => {
                error(format!("`sops.{field}` is not a regular expression: {reason}"))
            }
            MetadataFault::NoRecipients => {
                error("the file has no recipients, so it cannot be decrypted".to_owned()).hint(restore)
            }
            MetadataFault::NoVersion => version("`sops.version` is missing, and sops rejects such a file".to_owned())
                .hint("add the version of the program that wrote the file: `version: 3.13.1`"),
            MetadataFault::InvalidVersion => version("`sops.version` must be a version like `3.13.1`".to_owned()),
            MetadataFault::NewVersion { version: found } => {
                version(format!("the file has format version {found}, but this version supports at most 3"))
                    .hint("update Septum")
            }
        };
        diagnostic.at(self.place)
    }
}

impl NoIdentity {
    /// Whether an available identity decrypts one of several key groups.
    pub fn has_some_group(&self) -> bool {
        self.groups.iter().any(|group| group.opened)
    }

    /// Lists the recipients of the file, and the progress made with the available identities.
    fn list_recipients(&self) -> Vec<String> {
        if let [group] = self.groups.as_slice() {
            return vec![format!("it is encrypted for {}", group.recipients.join(", "))];
        }
        let opened = self.groups.iter().filter(|group| group.opened).count();
        let mut notes = vec![format!(
            "its data key is split among {} key groups, of which {} are required; {opened} could be decrypted",
            self.groups.len(),
            self.needed
        )];
        for (index, group) in self.groups.iter().enumerate() {
            let recipients = group.recipients.join(", ");
            let state = if group.opened { "decrypted" } else { "not decrypted" };
            notes.push(format!("key group {}, {state}: {recipients}", index + 1));
        }
        notes
    }

    fn into_diagnostic(self) -> Diagnostic {
        let name = self.place.source.name();
        let message = format!("none of the available age identities can decrypt `{name}`");
        let mut diagnostic = Diagnostic::error(Rule::NoIdentity, message);
        for note in self.list_recipients() {
            diagnostic = diagnostic.note(note);
        }
        for searched in &self.searched {
            diagnostic = diagnostic.note(format!("{}: {}", searched.place, searched.outcome));
        }
        if self.has_some_group() {
            // another recipient of the group that is decrypted would change nothing
            return diagnostic
                .hint("set `SOPS_AGE_KEY_FILE` to a file with an identity of each key group that is required")
                .at(self.place);
        }
        diagnostic
            .hint("set `SOPS_AGE_KEY_FILE` to the file with your identity")
            .hint("or ask one of the recipients to add yours to `.sops.yaml` and run `septum rekey`")
            .at(self.place)
    }
}

impl IntegrityFinding {
    fn into_diagnostic(self) -> Diagnostic {
        let path = &self.path;
        // the `sops` block as a whole is located by its key, which hides nothing
        let at_key = matches!(
            self.fault,
            IntegrityFault::NoMac
                | IntegrityFault::MacMismatch
                | IntegrityFault::Threshold
                | IntegrityFault::Everything { .. }
        );
        let again = format!(
            "if the change is yours, make it again with `septum edit {}`",
            shell_word(self.place.source.name())
        );
        let tampered = |message: String| {
            let note = "the file was changed without the key, or by a merge; none of its values is used";
            let error = Diagnostic::error(Rule::Tampered, message).note(note);
            error.hint("restore the file from Git").hint(again.clone())
        };
        let diagnostic = match self.fault {
            IntegrityFault::Plaintext { selector } => {
                let message = format!("`{path}` must be encrypted by `{selector}`, but is in plaintext");
                Diagnostic::error(Rule::SopsPlaintext, message)
                    .note("sops rejects such a file")
                    .hint(format!(
                        "`septum encrypt {}` encrypts it, if the change is yours",
                        shell_word(self.place.source.name())
                    ))
                    .hint("or restore the encrypted value from Git, and change it with `septum set`")
            }
            IntegrityFault::Malformed(reason) => tampered(format!("`{path}` is not a ciphertext: {reason}")),
            IntegrityFault::Altered => tampered(format!(
                "`{path}` does not decrypt: its ciphertext was changed, or belongs to another key or file"
            )),
            IntegrityFault::NotOfItsType(kind) => {
                tampered(format!("`{path}` has the type `{kind}`, but its plaintext is not of this type"))
            }
            IntegrityFault::NotUtf8 => {
                let message = format!("`{path}` is not UTF-8, so it cannot be used as a value in a layer");
                Diagnostic::error(Rule::SopsValue, message).hint("store the bytes in a separate file, or in base64")
            }
            IntegrityFault::Conflict => {
                let message = format!("`{path}` still contains both sides of a merge, so its value is ambiguous");
                let edit = format!("choose one of them with `septum edit {}`", shell_word(self.place.source.name()));
                Diagnostic::error(Rule::MergeConflict, message).hint(edit)
            }
            IntegrityFault::Comment => {
                tampered(format!("`{path}` has the type `comment`, but a value is required there"))
            }
            IntegrityFault::Everything { values } => tampered(format!(
                "none of the {values} values decrypts: the `sops` block belongs to another file, or all keys were renamed"
            )),
            IntegrityFault::DataKey { recipient } => {
                tampered(format!("the data key of `{recipient}` does not decrypt with the identity of that recipient"))
            }
            IntegrityFault::Threshold => tampered(
                "the shares of the data key do not fit `sops.shamir_threshold`: it was lowered, or a share was changed"
                    .to_owned(),
            ),
            IntegrityFault::NoMac => {
                tampered("`sops.mac` is missing, so changes of values cannot be detected".to_owned())
            }
            IntegrityFault::MacAltered => {
                tampered("`sops.mac` does not decrypt: `sops.mac` or `sops.lastmodified` was changed".to_owned())
            }
            IntegrityFault::MacMismatch => tampered(
                "`sops.mac` does not match the values: some were added, removed, reordered or changed".to_owned(),
            ),
        };
        if at_key { diagnostic.at(self.place) } else { diagnostic.at_masked(self.place) }
    }
}
