//! Inventory of a tree: the record of Septum's files that is committed with them.
//!
//! An inventory is no evidence of the content of a file: anyone who can change a file can change its record. A digest
//! shows whether a file that is no longer generated was edited, and protects against nothing but overwriting such an
//! edit. The fingerprint of the inputs of a Secret explains which Secrets are likely to be out of date.
//!
//! There is no digest of a Secret in plaintext: a reader of the inventory without the manifest could try passwords
//! against it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::name::{FileName, TargetName};
use crate::diagnostic::{Diagnostic, Rule};

/// The written version of the format.
const VERSION: u64 = 2;

/// The previous version, of which only the names of files and their digests are read.
const BEFORE: u64 = 1;

/// The files of a tree that an inventory lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inventory {
    // shared: thousands of them go from one inventory to the next as they are
    pub(super) targets: BTreeMap<TargetName, Arc<OwnedFiles>>,
    /// Files that a run was about to write when it was stopped.
    pub(super) pending: BTreeMap<TargetName, PendingFiles>,
}

/// The files of a target.
pub(super) type OwnedFiles = BTreeMap<FileName, OwnedFile>;

/// Files that may have been written, each with the digests of its possible content; none of a Secret in plaintext.
pub(super) type PendingFiles = BTreeMap<FileName, BTreeSet<String>>;

/// A file that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FileRecord", into = "FileRecord")]
pub(super) struct OwnedFile {
    /// The digest of its bytes; none of a Secret in plaintext.
    pub(super) digest: Option<String>,
    /// The fingerprint of the inputs of a Secret in ciphertext.
    pub(super) inputs: Option<String>,
}

/// An [`OwnedFile`] in its serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<String>,
}

impl From<OwnedFile> for FileRecord {
    fn from(OwnedFile { digest, inputs }: OwnedFile) -> Self {
        Self { secret: digest.is_none(), sha256: digest, inputs }
    }
}

impl TryFrom<FileRecord> for OwnedFile {
    type Error = &'static str;

    fn try_from(FileRecord { sha256: digest, secret, inputs }: FileRecord) -> Result<Self, Self::Error> {
        // both, or neither, and it is unknown whether the file may be removed
        if digest.is_some() == secret {
            return Err("a file has either `sha256` or `secret: true`");
        }
        Ok(Self { digest, inputs })
    }
}

// no other fields: an inventory with the fields of an object would be one to a tool that applies the directory
#[derive(Serialize)]
struct WrittenInventory<'a> {
    version: u64,
    targets: &'a BTreeMap<TargetName, Arc<OwnedFiles>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pending: &'a BTreeMap<TargetName, PendingFiles>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryRecord {
    #[serde(rename = "version")]
    _version: u64,
    targets: BTreeMap<TargetName, Arc<OwnedFiles>>,
    #[serde(default)]
    pending: BTreeMap<TargetName, PendingFiles>,
}

/// The previous format.
mod before {
    use crate::sort::CollectSorted;

    use super::{BTreeMap, Deserialize, FileName, Inventory, OwnedFile, TargetName};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct FormerInventory {
        #[serde(rename = "version")]
        _version: u64,
        targets: BTreeMap<TargetName, FormerTarget>,
        #[serde(default)]
        pending: BTreeMap<TargetName, BTreeMap<FileName, Option<String>>>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct FormerTarget {
        #[serde(default, rename = "inputs")]
        _inputs: BTreeMap<String, String>,
        #[serde(default, rename = "state")]
        _state: Option<String>,
        #[serde(default)]
        outputs: BTreeMap<FileName, FormerFile>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct FormerFile {
        #[serde(default)]
        sha256: Option<String>,
        #[serde(default, rename = "secret")]
        _secret: bool,
        #[serde(default, rename = "stale")]
        _stale: bool,
        #[serde(default)]
        fingerprint: Option<String>,
        #[serde(default, rename = "name")]
        _name: Option<String>,
    }

    impl From<FormerInventory> for Inventory {
        fn from(read: FormerInventory) -> Self {
            let file = |output: FormerFile| OwnedFile { digest: output.sha256, inputs: output.fingerprint };
            let targets = read.targets.into_iter().map(|(target, record)| {
                let files = record.outputs.into_iter().map(|(name, output)| (name, file(output)));
                (target, std::sync::Arc::new(files.collect_map()))
            });
            let pending = read.pending.into_iter().map(|(target, files)| {
                let files = files.into_iter().map(|(name, digest)| (name, digest.into_iter().collect_set()));
                (target, files.collect_map())
            });
            Self { targets: targets.collect_map(), pending: pending.collect_map() }
        }
    }
}

/// Fields of every version.
#[derive(Deserialize)]
struct InventoryVersion {
    version: u64,
}

impl Inventory {
    /// The inventory as text: sorted, and a line for each record, so that Git merges it.
    pub(super) fn write(&self) -> Vec<u8> {
        let written = WrittenInventory { version: VERSION, targets: &self.targets, pending: &self.pending };
        // maps of text have no value that could fail to serialize
        let mut bytes = serde_json::to_vec_pretty(&written).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Whether a text is in the written version of the format.
    pub(super) fn is_of_this_version(bytes: &[u8]) -> bool {
        serde_json::from_slice(bytes).is_ok_and(|InventoryVersion { version }| version == VERSION)
    }

    /// Reads an inventory; `name` is its name in messages.
    pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Self, Diagnostic> {
        if bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"<<<<<<< ")) {
            return Err(Diagnostic::error(Rule::Inventory, format!("`{name}` contains Git conflict markers")).hint(
                "choose either side, or delete it, and render again: files with the expected content are adopted",
            ));
        }
        // another version may look the same and mean something else, or not be readable at all
        let version = serde_json::from_slice(bytes).map(|InventoryVersion { version }| version);
        let read = match version.map_err(|error| corrupt_inventory(name, &error))? {
            VERSION => {
                serde_json::from_slice(bytes).map(|InventoryRecord { targets, pending, .. }| Self { targets, pending })
            }
            BEFORE => serde_json::from_slice::<before::FormerInventory>(bytes).map(Self::from),
            version => {
                let message = format!("`{name}` has version {version}, but this septum supports version {VERSION}");
                return Err(Diagnostic::error(Rule::Inventory, message).hint(
                    "use the septum version that wrote it, or delete it and render again: files with the expected content are adopted",
                ));
            }
        };
        read.map_err(|error| corrupt_inventory(name, &error))
    }
}

fn corrupt_inventory(name: &str, error: &serde_json::Error) -> Diagnostic {
    let (line, column) = (error.line(), error.column());
    Diagnostic::error(Rule::Inventory, format!("`{name}` is not a valid inventory: line {line}, column {column}"))
        .note("without it, septum cannot tell which files it wrote, so nothing is written")
        .hint("restore it from Git, or delete it and render again: files with the expected content are adopted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Inventory {
        let file = |text: &str| FileName::of(text).unwrap();
        let owned = |digest: Option<&str>, inputs: Option<&str>| OwnedFile {
            digest: digest.map(str::to_owned),
            inputs: inputs.map(str::to_owned),
        };
        let target = TargetName::new(&"prod".into(), &"checkout".into()).unwrap();
        let files = OwnedFiles::from([
            (file("configmap-a.yaml"), owned(Some("cd"), None)),
            (file("secret-a.yaml"), owned(Some("ef"), Some("f00d"))),
            (file("secret-b.yaml"), owned(None, None)),
        ]);
        let pending = PendingFiles::from([
            (file("configmap-c.yaml"), ["12".to_owned(), "34".to_owned()].into()),
            (file("secret-c.yaml"), BTreeSet::new()),
        ]);
        Inventory { targets: [(target.clone(), files.into())].into(), pending: [(target, pending)].into() }
    }

    #[test]
    fn what_is_written_is_read_and_looks_so() {
        let text = String::from_utf8(sample().write()).unwrap();
        assert_eq!(Inventory::read("x", text.as_bytes()).unwrap(), sample());
        assert_eq!(
            text,
            r#"{
  "version": 2,
  "targets": {
    "prod/checkout": {
      "configmap-a.yaml": {
        "sha256": "cd"
      },
      "secret-a.yaml": {
        "sha256": "ef",
        "inputs": "f00d"
      },
      "secret-b.yaml": {
        "secret": true
      }
    }
  },
  "pending": {
    "prod/checkout": {
      "configmap-c.yaml": [
        "12",
        "34"
      ],
      "secret-c.yaml": []
    }
  }
}
"#
        );
    }

    #[test]
    fn of_the_format_before_files_and_digests_are_read() {
        let text = r#"{ "version": 1,
            "targets": { "prod/checkout": { "inputs": { "base.yaml": "ab" }, "state": "01", "outputs": {
                "configmap-a.yaml": { "sha256": "cd", "stale": true },
                "secret-a.yaml": { "sha256": "ef", "fingerprint": "f00d", "name": "a-1" },
                "secret-b.yaml": { "secret": true } } } },
            "pending": { "prod/checkout": { "configmap-c.yaml": "12", "secret-c.yaml": null } } }"#;
        let mut expected = sample();
        let pending = expected.pending.values_mut().next().unwrap();
        pending.get_mut("configmap-c.yaml").unwrap().remove("34");
        assert_eq!(Inventory::read("x", text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_inventory_says_so_and_how_to_go_on() {
        let target = |body: &str| format!(r#"{{"version": 2, "targets": {{{body}}}}}"#);
        let invalid = "is not a valid inventory";
        for (case, text, expected) in [
            ("empty", String::new(), invalid),
            ("cut off", r#"{"version": 2, "targets": {"#.to_owned(), invalid),
            ("a later version", r#"{"version": 3}"#.to_owned(), "has version 3"),
            ("a conflict", "{\n<<<<<<< HEAD\n}".to_owned(), "contains Git conflict"),
            ("a target elsewhere", target(r#""../x": {}"#), invalid),
            ("its own directory", target(r#"".septum/x": {}"#), invalid),
            ("a target that is a path", target(r#""a/b/c": {}"#), invalid),
            ("a file elsewhere", target(r#""a/b": {"../x": {"sha256": "0"}}"#), invalid),
            ("neither digest nor secret", target(r#""a/b": {"x": {}}"#), invalid),
            ("both", target(r#""a/b": {"x": {"sha256": "0", "secret": true}}"#), invalid),
            ("an object", r#"{"version": 2, "targets": {}, "kind": "Pod"}"#.to_owned(), invalid),
            ("an object before", r#"{"version": 1, "targets": {}, "kind": "Pod"}"#.to_owned(), invalid),
        ] {
            let error = Inventory::read("x.json", text.as_bytes()).unwrap_err();
            assert!(error.message.contains(expected), "{case}: {}", error.message);
            assert!(error.hints[0].contains("adopted"), "{case}");
        }
    }
}
