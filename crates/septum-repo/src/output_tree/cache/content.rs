//! Content of a cache: targets as they were made, stat data and digests.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::inputs::{InputNumbers, InputTable, TargetInputs};
use super::stamp::FileStamp;
use crate::map::HashMap;
use crate::output_tree::inventory::OwnedFile;
use crate::output_tree::name::{FileName, TargetName};

/// A target as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::output_tree) struct MadeTarget<Inputs = InputNumbers> {
    /// Digest of everything it was made of besides its inputs.
    pub(in crate::output_tree) state: String,
    /// Its inputs with their digests; in a file by their numbers in tables that all targets share.
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
    /// Inputs that targets have in common, by their numbers.
    pub(super) shared_inputs: Vec<Vec<usize>>,
    pub(super) targets: BTreeMap<TargetName, MadeTarget>,
}

/// Additions of a run to the cache.
#[derive(Debug, Default)]
pub(in crate::output_tree) struct CacheUpdate {
    /// Outcomes of targets; none for a target that has to be rendered again.
    pub(in crate::output_tree) targets: BTreeMap<TargetName, Option<MadeTarget<TargetInputs>>>,
    /// Stat data of directories that contain no other files.
    pub(in crate::output_tree) directories: BTreeMap<TargetName, FileStamp>,
    /// The Secrets in plaintext of targets.
    pub(in crate::output_tree) secrets: BTreeMap<TargetName, SecretDigests>,
}

impl CacheContent {
    pub(super) fn add(&mut self, CacheUpdate { targets, directories, secrets }: CacheUpdate) {
        let mut kept = std::mem::take(&mut self.targets);
        kept.retain(|target, _| !targets.contains_key(target));
        kept.retain(|_, made| made.inputs.shared < self.shared_inputs.len());
        let former = (std::mem::take(&mut self.inputs), std::mem::take(&mut self.shared_inputs));
        let mut table = InputTable::keeping(former, kept.values_mut().map(|made| &mut made.inputs));
        for (target, made) in targets {
            let Some(MadeTarget { state, inputs, files, directory }) = made else { continue };
            let inputs = table.numbers(inputs);
            kept.insert(target, MadeTarget { state, inputs, files, directory });
        }
        (self.inputs, self.shared_inputs) = table.into_parts();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and digests of inputs.
    type Inputs<'a> = &'a [(&'a str, &'a str)];

    fn made(inputs: Inputs<'_>) -> MadeTarget<TargetInputs> {
        let own = inputs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect();
        let inputs = TargetInputs { own, ..TargetInputs::default() };
        MadeTarget { state: String::new(), inputs, files: BTreeMap::new(), directory: None }
    }

    fn update(targets: &[(&str, Option<Inputs<'_>>)]) -> CacheUpdate {
        let target = |name: &str| TargetName::try_from(name.to_owned()).expect("a name");
        let targets = targets.iter().map(|(name, inputs)| (target(name), inputs.map(made)));
        CacheUpdate { targets: targets.collect(), ..CacheUpdate::default() }
    }

    /// Targets with the names and digests of their inputs.
    fn shown(content: &CacheContent) -> Vec<(String, Vec<(String, String)>)> {
        let inputs = |made: &MadeTarget| made.inputs.own.iter().map(|index| content.inputs[*index].clone()).collect();
        content.targets.iter().map(|(name, made)| (name.as_str().to_owned(), inputs(made))).collect()
    }

    #[test]
    fn inputs_are_kept_once_and_dropped_with_their_last_target() {
        let mut content = CacheContent::default();
        content.add(update(&[
            ("dev/a", Some(&[("a.yaml", "1"), ("rules", "1")])),
            ("dev/b", Some(&[("b.yaml", "1"), ("rules", "1")])),
            ("prod/a", Some(&[("a.yaml", "1"), ("c.yaml", "1")])),
        ]));
        assert_eq!(content.inputs.len(), 4);
        let text = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect()
        };
        content.add(update(&[("dev/a", Some(&[("a.yaml", "2"), ("rules", "1")])), ("dev/b", None)]));
        assert_eq!(
            shown(&content),
            [
                ("dev/a".to_owned(), text(&[("a.yaml", "2"), ("rules", "1")])),
                ("prod/a".to_owned(), text(&[("a.yaml", "1"), ("c.yaml", "1")])),
            ]
        );
        assert_eq!(content.inputs.len(), 4, "{:?}", content.inputs);
        content.add(update(&[("prod/a", None)]));
        assert_eq!(content.inputs, text(&[("a.yaml", "2"), ("rules", "1")]));
    }

    #[test]
    fn inputs_that_targets_share_are_kept_once() {
        let count = 50;
        let update = |digest: &str, targets: std::ops::Range<usize>| {
            let shared = (0..count).map(|layer| (format!("{layer}.yaml"), digest.to_owned())).collect();
            let inputs = TargetInputs { shared: std::sync::Arc::new(shared), ..TargetInputs::default() };
            let target = |index: usize| TargetName::try_from(format!("e{index}/a")).expect("a name");
            let made = || MadeTarget { inputs: inputs.clone(), ..made(&[]) };
            let targets = targets.map(|index| (target(index), Some(made()))).collect();
            CacheUpdate { targets, ..CacheUpdate::default() }
        };
        let numbers = |content: &CacheContent| content.shared_inputs.iter().map(Vec::len).sum::<usize>();
        let mut content = CacheContent::default();
        content.add(update("1", 0..count));
        assert_eq!(numbers(&content), count);
        content.add(update("1", 0..1));
        assert_eq!(numbers(&content), count, "the same of another run");
        content.add(update("2", 0..2));
        assert_eq!((numbers(&content), content.inputs.len()), (2 * count, 2 * count));
        content.add(update("2", 2..count));
        assert_eq!((numbers(&content), content.inputs.len()), (count, count));
    }
}
