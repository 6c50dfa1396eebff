//! What Septum wrote, and from what: the record that makes a file its own.
//!
//! Each target keeps its own digests of what it was made of, although many share a layer: a run for
//! some targets leaves what is known of the others true, and so does Git when it merges two branches
//! line by line.
//!
//! There is no digest of a Secret in plaintext: whoever sees the inventory, but not the manifest,
//! could try passwords against it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::name::{FileName, TargetName};
use crate::diagnostic::Diagnostic;

/// The version of the format that is written, and the only one that is read.
const VERSION: u64 = 1;

/// Bytes of SHA-256 that are kept: 128 bits tell files apart, and thousands of targets repeat them.
const KEPT: usize = 16;

/// What bytes are recorded as: the first 128 bits of their SHA-256, in hex.
pub fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().take(KEPT).fold(String::with_capacity(2 * KEPT), |mut hex, byte| {
        // writing to a String cannot fail
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The targets that were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// By their names.
    // shared: thousands of them go from one inventory to the next as they are
    pub targets: BTreeMap<TargetName, Arc<TargetRecord>>,
    /// What a run was about to create or change when it was stopped: the digests of the new bytes.
    pub(super) pending: BTreeMap<TargetName, Pending>,
}

/// Files that a run said it would write, each with the digest of what; none for a Secret in plaintext.
pub(super) type Pending = BTreeMap<FileName, Option<String>>;

/// What is known of a target. One without inputs and outputs says, where several inventories are
/// merged, that the target is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// The files that it was made of, each with a digest of its bytes as they are committed.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// What else it was made of, in one digest of the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The files that were written.
    #[serde(default)]
    pub outputs: BTreeMap<FileName, OutputRecord>,
}

/// What is known of a file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
pub struct OutputRecord {
    /// The digest of its bytes; none for a Secret in plaintext.
    pub digest: Option<String>,
    /// It is rendered no more, and was kept because somebody may have changed it.
    pub stale: bool,
    /// What the caller knows it by, keyed so that it gives nothing away.
    pub fingerprint: Option<String>,
    /// The name of the object in it.
    pub object: Option<String>,
}

/// An [`OutputRecord`] as it is written.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stale: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl From<OutputRecord> for Line {
    fn from(OutputRecord { digest, stale, fingerprint, object }: OutputRecord) -> Self {
        Self { secret: digest.is_none(), sha256: digest, stale, fingerprint, name: object }
    }
}

impl TryFrom<Line> for OutputRecord {
    type Error = &'static str;

    fn try_from(Line { sha256: digest, secret, stale, fingerprint, name: object }: Line) -> Result<Self, Self::Error> {
        // both, or neither, and nobody knows whether the file may be removed
        if digest.is_some() == secret {
            return Err("an output has either `sha256` or `secret: true`");
        }
        Ok(Self { digest, stale, fingerprint, object })
    }
}

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    targets: &'a BTreeMap<TargetName, Arc<TargetRecord>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pending: &'a BTreeMap<TargetName, Pending>,
}

#[derive(Deserialize)]
struct Read {
    version: u64,
    targets: BTreeMap<TargetName, Arc<TargetRecord>>,
    #[serde(default)]
    pending: BTreeMap<TargetName, Pending>,
}

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl TargetRecord {
    /// Whether it says that the target is gone.
    pub fn is_gone(&self) -> bool {
        self.inputs.is_empty() && self.outputs.is_empty()
    }
}

impl Inventory {
    /// The inventory as text: sorted, and a line for each fact, so that Git merges it.
    pub(super) fn write(&self) -> Vec<u8> {
        let written = Written { version: VERSION, targets: &self.targets, pending: &self.pending };
        // texts under texts have nothing that could fail
        let mut bytes = serde_json::to_vec_pretty(&written).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads an inventory that messages call `name`.
    pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Self, Diagnostic> {
        if bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"<<<<<<< ")) {
            return Err(Diagnostic::error("inventory", format!("`{name}` holds a conflict of a merge in Git")).hint(
                "take either side of it, or delete it, and render again: files that are as rendered are adopted",
            ));
        }
        // another version may look the same and mean something else, or not be readable at all
        match serde_json::from_slice(bytes) {
            Ok(Read { version: VERSION, targets, pending }) => Ok(Self { targets, pending }),
            Ok(Read { version, .. }) => Err(unknown_version(name, version)),
            Err(error) => match serde_json::from_slice(bytes) {
                Ok(Versioned { version }) if version != VERSION => Err(unknown_version(name, version)),
                _ => Err(corrupt(name, &error)),
            },
        }
    }
}

fn unknown_version(name: &str, version: u64) -> Diagnostic {
    Diagnostic::error("inventory", format!("`{name}` is of version {version}, and only {VERSION} is known"))
        .note("another version of septum wrote it")
        .hint("use that version, or delete the file and render again: files that are as rendered are adopted")
}

fn corrupt(name: &str, error: &serde_json::Error) -> Diagnostic {
    let (line, column) = (error.line(), error.column());
    Diagnostic::error("inventory", format!("`{name}` is no inventory: line {line}, column {column}"))
        .note("without it, nobody knows which files septum wrote, so nothing is written")
        .hint("restore it from Git, or delete it and render again: files that are as rendered are adopted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Inventory {
        let output = |digest: Option<&str>, stale| OutputRecord {
            digest: digest.map(str::to_owned),
            stale,
            fingerprint: digest.is_none().then(|| "f00d".to_owned()),
            object: None,
        };
        let file = |text: &str| FileName::of(text).unwrap();
        let target = TargetName::new(&"prod".into(), &"checkout".into()).unwrap();
        let record = TargetRecord {
            inputs: [("base.yaml", "ab"), ("prod.yaml", "absent")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            state: None,
            outputs: [
                (file("configmap-a.yaml"), output(Some("cd"), false)),
                (file("configmap-b.yaml"), output(Some("ef"), true)),
                (file("secret-a.yaml"), output(None, false)),
            ]
            .into(),
        };
        let pending = Pending::from([(file("configmap-c.yaml"), Some("12".to_owned())), (file("secret-c.yaml"), None)]);
        Inventory { targets: [(target.clone(), record.into())].into(), pending: [(target, pending)].into() }
    }

    #[test]
    fn what_is_written_is_read_and_looks_so() {
        let text = String::from_utf8(sample().write()).unwrap();
        assert_eq!(Inventory::read("x", text.as_bytes()).unwrap(), sample());
        assert_eq!(
            text,
            r#"{
  "version": 1,
  "targets": {
    "prod/checkout": {
      "inputs": {
        "base.yaml": "ab",
        "prod.yaml": "absent"
      },
      "outputs": {
        "configmap-a.yaml": {
          "sha256": "cd"
        },
        "configmap-b.yaml": {
          "sha256": "ef",
          "stale": true
        },
        "secret-a.yaml": {
          "secret": true,
          "fingerprint": "f00d"
        }
      }
    }
  },
  "pending": {
    "prod/checkout": {
      "configmap-c.yaml": "12",
      "secret-c.yaml": null
    }
  }
}
"#
        );
    }

    #[test]
    fn what_is_no_inventory_says_so_and_how_to_go_on() {
        let target = |body: &str| format!(r#"{{"version": 1, "targets": {{{body}}}}}"#);
        for (case, text, expected) in [
            ("empty", String::new(), "is no inventory"),
            ("cut off", r#"{"version": 1, "targets": {"#.to_owned(), "is no inventory"),
            ("a later version", r#"{"version": 2}"#.to_owned(), "is of version 2"),
            ("a conflict", "{\n<<<<<<< HEAD\n}".to_owned(), "holds a conflict"),
            ("a target elsewhere", target(r#""../x": {}"#), "is no inventory"),
            ("a target that is a path", target(r#""a/b/c": {}"#), "is no inventory"),
            ("a file elsewhere", target(r#""a/b": {"outputs": {"../x": {"sha256": "0"}}}"#), "is no inventory"),
            ("neither digest nor secret", target(r#""a/b": {"outputs": {"x": {}}}"#), "is no inventory"),
            ("both", target(r#""a/b": {"outputs": {"x": {"sha256": "0", "secret": true}}}"#), "is no inventory"),
        ] {
            let error = Inventory::read("x.json", text.as_bytes()).unwrap_err();
            assert!(error.message.contains(expected), "{case}: {}", error.message);
            assert!(error.hints[0].contains("adopted"), "{case}");
        }
    }
}
