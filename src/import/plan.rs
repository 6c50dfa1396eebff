//! Result of reading existing configuration: the files to write, and what they must render to.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::diagnostic::Diagnostics;
use crate::layer::Tree;
use crate::name::{EntryId, EnvironmentName};
use crate::secret::Wiping;
use crate::sops::Recipient;

/// Files of an app, in memory, with what was decided and what every environment must render to.
#[derive(Default)]
pub struct ImportPlan {
    /// Files by their paths below the destination: `base.yaml`, `prod.secrets.yaml`, `manifests/web.yaml`.
    pub files: BTreeMap<String, PlannedFile>,
    /// Directories of the apps below the destination, if it is not itself the only app.
    pub apps: Vec<String>,
    /// Rules for `references` of `septum.yaml`, as text of a YAML list; none if the built-in ones suffice.
    pub references: Option<String>,
    /// Decisions that a reader should know.
    pub notes: Vec<ImportNote>,
    /// Warnings about values and lines that somebody should look at.
    pub findings: Diagnostics,
    /// Recipients of the files that were read, for layers of secrets without a rule.
    pub recipients: Vec<Recipient>,
    /// Expected output of the environments.
    pub expected: Vec<ExpectedEnvironment>,
}

/// Content of a planned file.
#[derive(Clone)]
pub enum PlannedFile {
    /// Written as it is: a layer without secrets, a manifest, a file that is already encrypted.
    Plain(Vec<u8>),
    /// A layer in plaintext, encrypted before it is written.
    Secret(Zeroizing<Vec<u8>>),
    /// Manifests in plaintext, of which `data` and `stringData` are encrypted before they are written.
    SecretManifest(Zeroizing<Vec<u8>>),
    /// A file that is already encrypted and is written as it is. The proof needs no key: it reads other values in its
    /// place.
    Encrypted {
        /// Content of the file.
        bytes: Vec<u8>,
        /// Content for the proof, in plaintext, with a text of its own in the place of each ciphertext.
        staged: Zeroizing<Vec<u8>>,
    },
}

/// Decision of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportNote {
    /// Source that it is about: `app.yaml:12`; empty for the whole.
    pub place: String,
    /// Text for people. Contains no value.
    pub text: String,
}

/// Expected output of an environment.
#[derive(Default)]
pub struct ExpectedEnvironment {
    /// Name of the environment.
    pub name: String,
    /// All of its objects, as they were read.
    pub objects: Vec<Tree>,
    /// Values of entries, where values and not objects are imported.
    pub values: Vec<ExpectedValue>,
    /// Structures of entries that are files of YAML.
    pub structures: Vec<ExpectedStructure>,
}

/// Structure that the text of an entry must have.
pub struct ExpectedStructure {
    /// The entry.
    pub id: EntryId,
    /// Its structure.
    pub tree: Tree,
}

/// Entry or variable that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpectedKey {
    /// An entry.
    Entry(EntryId),
    /// A variable, by its path below `vars`.
    Variable(String),
}

/// Value that was read.
pub struct ExpectedValue {
    /// The entry or variable.
    pub key: ExpectedKey,
    /// Its bytes.
    pub bytes: Wiping<Vec<u8>>,
}

impl ImportPlan {
    /// Adds a note about a place, once.
    #[expect(clippy::needless_pass_by_value, reason = "a place is a text or a location, borrowed or not")]
    pub fn note(&mut self, place: impl ToString, text: impl Into<String>) {
        let note = ImportNote { place: place.to_string(), text: text.into() };
        if self.notes.last() != Some(&note) {
            self.notes.push(note);
        }
    }

    /// Notes that a file loses its comments, if it has some.
    pub fn note_lost_comments(&mut self, file: &str, count: usize) {
        match count {
            0 => {}
            1 => self.note(file, "its comment is not kept"),
            count => self.note(file, format!("its {count} comments are not kept")),
        }
    }

    /// Adds a file that is written as it is.
    pub fn add_file(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), PlannedFile::Plain(bytes.into()));
    }

    /// Adds a layer of secrets in plaintext, which is encrypted before it is written.
    pub fn add_secret_layer(&mut self, path: impl Into<String>, text: Zeroizing<Vec<u8>>) {
        self.files.insert(path.into(), PlannedFile::Secret(text));
    }

    /// Whether values are proven, and not objects.
    pub fn proves_values(&self) -> bool {
        self.expected.iter().any(|environment| !environment.values.is_empty() || !environment.structures.is_empty())
    }
}

impl ExpectedEnvironment {
    /// An environment of which nothing is expected yet.
    pub fn new(name: &EnvironmentName) -> Self {
        Self { name: name.as_str().to_owned(), ..Self::default() }
    }
}
