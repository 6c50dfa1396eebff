//! Content of a cache: targets as they were made, stat data and digests.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::stamp::FileStamp;
use crate::map::HashMap;
use crate::output_tree::inventory::OwnedFile;
use crate::output_tree::name::{FileName, TargetName};

/// A target as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::output_tree) struct MadeTarget<Inputs = Vec<usize>> {
    /// Digest of everything it was made of besides its inputs.
    pub(in crate::output_tree) state: String,
    /// Its inputs with their digests; in a file by their numbers in a table that all targets share.
    pub(in crate::output_tree) inputs: Inputs,
    /// Its files.
    pub(in crate::output_tree) files: BTreeMap<FileName, MadeFile>,
    /// Stat data of its directory when it held no other files.
    pub(in crate::output_tree) directory: Option<FileStamp>,
}

/// A file as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::output_tree) struct MadeFile {
    /// Its record in an inventory.
    #[serde(with = "owned_pair")]
    pub(in crate::output_tree) owned: OwnedFile,
    /// Digest of its bytes, keyed if it is a Secret in plaintext.
    pub(in crate::output_tree) digest: String,
}

/// A record in the form of the cache: a field that an inventory may omit cannot be omitted here.
mod owned_pair {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::OwnedFile;

    pub(super) fn serialize<S: Serializer>(owned: &OwnedFile, serializer: S) -> Result<S::Ok, S::Error> {
        (&owned.digest, &owned.inputs).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OwnedFile, D::Error> {
        let (digest, inputs) = <_>::deserialize(deserializer)?;
        Ok(OwnedFile { digest, inputs })
    }
}

/// Digests of the Secrets in plaintext that a target may have.
pub(in crate::output_tree) type SecretDigests = BTreeMap<FileName, BTreeSet<String>>;

/// Content of the cache, as it is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct CacheContent {
    pub(super) secrets: BTreeMap<TargetName, SecretDigests>,
    // by their text: paths are compared part by part, which takes longer than reading the stat data of a file
    pub(super) stamps: HashMap<String, (FileStamp, String)>,
    pub(super) inputs: Vec<(String, String)>,
    pub(super) targets: BTreeMap<TargetName, MadeTarget>,
}

/// Additions of a run to the cache.
#[derive(Debug, Default)]
pub(in crate::output_tree) struct CacheUpdate {
    /// Outcomes of targets; none for a target that has to be rendered again.
    pub(in crate::output_tree) targets: BTreeMap<TargetName, Option<MadeTarget<BTreeMap<String, String>>>>,
    /// Stat data of directories that contain no other files.
    pub(in crate::output_tree) directories: BTreeMap<TargetName, FileStamp>,
    /// The Secrets in plaintext of targets.
    pub(in crate::output_tree) secrets: BTreeMap<TargetName, SecretDigests>,
}

impl CacheContent {
    pub(super) fn add(&mut self, CacheUpdate { targets, directories, secrets }: CacheUpdate) {
        let table = std::mem::take(&mut self.inputs);
        let mut numbers: HashMap<(String, String), usize> = HashMap::default();
        let mut number = |input: (String, String), inputs: &mut Vec<(String, String)>| {
            *numbers.entry(input.clone()).or_insert_with(|| {
                inputs.push(input);
                inputs.len() - 1
            })
        };
        // numbered anew: inputs that no target uses are dropped
        let mut kept = std::mem::take(&mut self.targets);
        kept.retain(|target, _| !targets.contains_key(target));
        for made in kept.values_mut() {
            let old = std::mem::take(&mut made.inputs);
            let old = old.into_iter().filter_map(|index| table.get(index).cloned());
            made.inputs = old.map(|input| number(input, &mut self.inputs)).collect();
        }
        for (target, made) in targets {
            let Some(MadeTarget { state, inputs, files, directory }) = made else { continue };
            let inputs = inputs.into_iter().map(|input| number(input, &mut self.inputs)).collect();
            kept.insert(target, MadeTarget { state, inputs, files, directory });
        }
        for (target, stamp) in directories {
            if let Some(made) = kept.get_mut(&target) {
                made.directory = Some(stamp);
            }
        }
        self.targets = kept;
        for (target, digests) in secrets {
            if digests.is_empty() {
                self.secrets.remove(&target);
            } else {
                self.secrets.insert(target, digests);
            }
        }
    }
}
