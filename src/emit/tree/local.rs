//! Digests of Secrets in plaintext, for this machine alone.
//!
//! An inventory goes into Git, and a digest in it would let a password be guessed by who sees the inventory
//! and not the Secret. Whoever can read this file can read the Secrets beside it: it is its owner's alone, and
//! Git ignores it. Without it a target with such a Secret is rendered again each time, and nothing else
//! is lost.

use std::collections::BTreeMap;
use std::fs;

use super::name::{FileName, TargetName};
use super::{Found, Part, Place, look};

/// What keeps it out of Git.
pub(super) const IGNORED: &[u8] = b"/.gitignore\n/.septum-*\n/local*.json\n/stamps*\n/tmp/\n";

/// The digests by target and file.
pub(super) type Digests = BTreeMap<TargetName, BTreeMap<FileName, String>>;

/// What is known on this machine.
#[derive(Debug, Default)]
pub(super) struct Local {
    /// The name of the file of this run.
    pub(super) name: String,
    /// What all runs recorded.
    known: Digests,
    /// What the file of this run has.
    own: Digests,
}

impl Local {
    /// Reads what earlier runs recorded; what cannot be read is not known.
    pub(super) fn read(place: &Place, part: Part) -> Self {
        let name = match part {
            Part::Whole => "local.json".to_owned(),
            Part::Shard { index, count } => format!("local.{index}-of-{count}.json"),
        };
        let mut local = Self { name, ..Self::default() };
        let entries = fs::read_dir(place.own()).into_iter().flatten().filter_map(Result::ok);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with("local.") {
                continue;
            }
            let Ok(Found::File(bytes)) = look(&entry.path()) else { continue };
            let Ok(digests) = serde_json::from_slice::<Digests>(&bytes) else { continue };
            if name == local.name {
                local.own.clone_from(&digests);
            }
            local.known.extend(digests);
        }
        local
    }

    /// The digest of a file that was written.
    pub(super) fn get(&self, target: &TargetName, file: &FileName) -> Option<&String> {
        self.known.get(target)?.get(file)
    }

    /// What the file of this run is to hold, if that is something new: what it had, with these targets as
    /// they are now.
    pub(super) fn with(&self, targets: &Digests) -> Option<Vec<u8>> {
        let mut new = self.own.clone();
        for (target, files) in targets {
            if files.is_empty() {
                new.remove(target);
            } else {
                new.insert(target.clone(), files.clone());
            }
        }
        let mut bytes = serde_json::to_vec_pretty(&new).ok().filter(|_| new != self.own)?;
        bytes.push(b'\n');
        Some(bytes)
    }
}
