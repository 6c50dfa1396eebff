//! Content of a cache: targets as they were made, stat data and digests.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::stamp::FileStamp;
use crate::map::HashMap;
use crate::output_tree::inventory::OwnedFile;
use crate::output_tree::name::{FileName, TargetName};
use crate::sort::sort_by_key;

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
        let mut kept = std::mem::take(&mut self.targets);
        kept.retain(|target, _| !targets.contains_key(target));
        let mut table = InputTable::keeping(std::mem::take(&mut self.inputs), kept.values_mut());
        for (target, made) in targets {
            let Some(MadeTarget { state, inputs, files, directory }) = made else { continue };
            let inputs = inputs.into_iter().map(|input| table.number(input)).collect();
            kept.insert(target, MadeTarget { state, inputs, files, directory });
        }
        self.inputs = table.inputs;
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

/// Inputs by their numbers.
struct InputTable {
    inputs: Vec<(String, String)>,
    /// Numbers of the inputs of each name: the targets of a former run may have been made of other contents.
    numbers: HashMap<String, Vec<usize>>,
}

impl InputTable {
    /// Those of a former table that targets still use, which get their new numbers.
    fn keeping<'m>(old: Vec<(String, String)>, targets: impl Iterator<Item = &'m mut MadeTarget>) -> Self {
        let mut numbered: Vec<Option<usize>> = vec![None; old.len()];
        let mut count = 0;
        for made in targets {
            made.inputs.retain_mut(|index| {
                let Some(number) = numbered.get_mut(*index) else { return false };
                *index = *number.get_or_insert_with(|| {
                    count += 1;
                    count - 1
                });
                true
            });
        }
        let mut kept: Vec<_> =
            numbered.into_iter().zip(old).filter_map(|(number, input)| Some((number?, input))).collect();
        sort_by_key(&mut kept, |(number, _)| *number);
        let mut table = Self { inputs: Vec::with_capacity(count), numbers: HashMap::default() };
        for (_, input) in kept {
            table.push(input);
        }
        table
    }

    /// The number of an input.
    fn number(&mut self, input: (String, String)) -> usize {
        let known = self.numbers.get(&input.0).into_iter().flatten();
        let known = known.copied().find(|number| self.inputs.get(*number) == Some(&input));
        known.unwrap_or_else(|| self.push(input))
    }

    fn push(&mut self, input: (String, String)) -> usize {
        let number = self.inputs.len();
        self.numbers.entry(input.0.clone()).or_default().push(number);
        self.inputs.push(input);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and digests of inputs.
    type Inputs<'a> = &'a [(&'a str, &'a str)];

    fn made(inputs: Inputs<'_>) -> MadeTarget<BTreeMap<String, String>> {
        let inputs = inputs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect();
        MadeTarget { state: String::new(), inputs, files: BTreeMap::new(), directory: None }
    }

    fn update(targets: &[(&str, Option<Inputs<'_>>)]) -> CacheUpdate {
        let target = |name: &str| TargetName::try_from(name.to_owned()).expect("a name");
        let targets = targets.iter().map(|(name, inputs)| (target(name), inputs.map(made)));
        CacheUpdate { targets: targets.collect(), ..CacheUpdate::default() }
    }

    /// Targets with the names and digests of their inputs.
    fn shown(content: &CacheContent) -> Vec<(String, Vec<(String, String)>)> {
        let inputs = |made: &MadeTarget| made.inputs.iter().map(|index| content.inputs[*index].clone()).collect();
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
}
