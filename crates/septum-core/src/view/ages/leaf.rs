//! The part of a file that gives an entry its value, and its age in the history of the file.

use std::cell::OnceCell;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::files::FileKind;
use crate::git::{FileHistory, FileVersion};
use crate::map::HashSet;
use crate::sops::{DecryptedFile, Identities, SopsFormat, SopsTree, ValuePath, ValuePathStep};
use crate::span::Source;
use crate::time::Day;
use crate::yaml::node::{YamlKind, YamlNode};
use crate::yaml::read::read_document;

/// Start of a ciphertext.
const CIPHERTEXT: &str = "ENC[AES256_GCM,";

/// Certainty of the day on which a value changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgeBasis {
    /// The value changed in a commit of that day.
    Changed,
    /// The value changed on that day, or its file was encrypted again.
    ChangedOrReEncrypted,
    /// The value is at least that old: earlier commits are missing in a shallow clone, or an earlier version cannot be
    /// read.
    AtLeast,
    /// The file changed last on that day, and the value not later. There is no history.
    LastModified,
    /// The value is not committed.
    NotCommitted,
    /// Nothing is known.
    Unknown,
}

/// Day on which a value changed, and its certainty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ValueAge {
    pub(super) day: Option<Day>,
    pub(super) basis: AgeBasis,
}

/// Location of an entry in a layer.
#[derive(Debug, Clone)]
pub(super) struct LeafPath {
    /// Paths of the entry: one below `data`, and one below `bundles`, if it has two.
    pub(super) paths: Vec<Vec<String>>,
}

/// A value in a version of a file, as far as it can be seen without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LeafState {
    digest: [u8; 32],
    is_encrypted: bool,
}

impl LeafPath {
    /// The value in a document.
    fn find<'n>(&self, root: &'n YamlNode) -> Option<&'n YamlNode> {
        let entry = |path: &Vec<String>| path.iter().try_fold(root, |node, key| node.as_map()?.get(key.as_str()));
        let node = self.paths.iter().find_map(entry)?;
        // rules are no part of a value
        let sources = ["value", "content", "ref", "file", "template"];
        match node.as_map() {
            Some(fields) => Some(sources.iter().find_map(|source| fields.get(*source)).unwrap_or(node)),
            None => Some(node),
        }
    }

    /// The decrypted value, if the file has it.
    fn find_plain<'t>(&self, file: &'t DecryptedFile) -> Option<&'t SopsTree> {
        self.paths.iter().find_map(|path| {
            let steps = |more: Option<&str>| -> ValuePath {
                let more = more.map(str::to_owned);
                path.iter().cloned().chain(more).map(ValuePathStep::Key).collect()
            };
            match file.get(0, &steps(None))? {
                SopsTree::Map(fields) if fields.get("value").is_some() => file.get(0, &steps(Some("value"))),
                tree => Some(tree),
            }
        })
    }
}

fn state_of(node: &YamlNode) -> LeafState {
    let (mut hash, mut is_encrypted) = (Sha256::new(), false);
    add_node(&mut hash, node, &mut is_encrypted);
    LeafState { digest: hash.finalize().into(), is_encrypted }
}

fn add_node(hash: &mut Sha256, node: &YamlNode, is_encrypted: &mut bool) {
    let mut add = |sign: u8, part: &[u8]| {
        hash.update([sign]);
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    match &node.kind {
        YamlKind::Scalar(scalar) => {
            *is_encrypted |= scalar.text().starts_with(CIPHERTEXT);
            add(b's', scalar.text().as_bytes());
        }
        YamlKind::List(items) => {
            add(b'l', &(items.len() as u64).to_le_bytes());
            for item in items {
                add_node(hash, item, is_encrypted);
            }
        }
        YamlKind::Map(map) => {
            add(b'm', &(map.len() as u64).to_le_bytes());
            for (key, value) in map {
                hash.update((key.text.len() as u64).to_le_bytes());
                hash.update(key.text.as_bytes());
                add_node(hash, value, is_encrypted);
            }
        }
    }
}

/// Versions of a layer, as far as they were read.
pub(super) struct LayerVersions<'a> {
    name: &'a str,
    history: &'a FileHistory,
    identities: &'a Identities,
    versions: Vec<DatedVersion<'a>>,
    /// Number of the version of the current commit.
    current: Option<usize>,
}

struct DatedVersion<'a> {
    version: &'a FileVersion,
    /// Whether Git does not have its content.
    is_unread: bool,
    root: Option<YamlNode>,
    ciphertexts: HashSet<String>,
    /// The version in plaintext, once that was needed; none without a key.
    decrypted: OnceCell<Option<DecryptedFile>>,
}

/// The value of a version, as the version before has it.
enum ValueBefore {
    /// It has the same value.
    Same,
    /// It has another value, or none.
    Different,
    /// It has another ciphertext under another data key, and no identity decrypts it.
    Unknown,
    /// Git does not have its content.
    Unread,
}

impl<'a> LayerVersions<'a> {
    /// Reads all versions of a layer.
    pub(super) fn read(name: &'a str, path: &Path, history: &'a FileHistory, identities: &'a Identities) -> Self {
        let read = |version: &'a FileVersion| {
            let bytes = version.blob.as_ref().map(|blob| history.read_blob(blob, FileKind::Layer.limit()));
            let is_unread = matches!(bytes, Some(Err(_)));
            let root =
                bytes.and_then(|bytes| read_document(&Source::new(name, String::from_utf8(bytes.ok()?).ok()?)).ok());
            let mut ciphertexts = HashSet::default();
            if let Some(root) = &root {
                collect_ciphertexts(root, &mut ciphertexts);
            }
            DatedVersion { version, is_unread, root, ciphertexts, decrypted: OnceCell::new() }
        };
        let found = history.versions(path);
        let versions = found.into_iter().flat_map(|found| &found.versions).map(read).collect();
        Self { name, history, identities, versions, current: found.and_then(|found| found.current) }
    }

    /// The age of a value that the file on disk has.
    pub(super) fn age_of(&self, leaf: &LeafPath, on_disk: &YamlNode) -> ValueAge {
        let unknown = ValueAge { day: None, basis: AgeBasis::Unknown };
        let Some(state) = leaf.find(on_disk).map(state_of) else { return unknown };
        let current = self.current.and_then(|current| self.versions.get(current));
        let Some(mut version) = current.filter(|version| version.state_of(leaf).as_ref() == Some(&state)) else {
            return ValueAge { day: None, basis: AgeBasis::NotCommitted };
        };
        loop {
            let is_cut_off = version.version.is_boundary;
            let mut basis = if is_cut_off { AgeBasis::AtLeast } else { AgeBasis::Changed };
            let mut same = None;
            for before in version.version.parents.iter().filter_map(|&number| self.versions.get(number)) {
                match self.compare(leaf, version, before) {
                    ValueBefore::Same => {
                        same = Some(before);
                        break;
                    }
                    ValueBefore::Unknown if basis == AgeBasis::Changed => basis = AgeBasis::ChangedOrReEncrypted,
                    ValueBefore::Unknown | ValueBefore::Different => {}
                    // a version that is not here, as in a partial clone, may have the same value
                    ValueBefore::Unread => basis = AgeBasis::AtLeast,
                }
            }
            match same {
                Some(before) => version = before,
                None => return ValueAge { day: Some(version.version.day), basis },
            }
        }
    }

    /// Compares the value of a version with that of one before it.
    fn compare(&self, leaf: &LeafPath, version: &DatedVersion<'_>, before: &DatedVersion<'_>) -> ValueBefore {
        if before.is_unread {
            return ValueBefore::Unread;
        }
        let (Some(now), Some(then)) = (version.state_of(leaf), before.state_of(leaf)) else {
            return ValueBefore::Different;
        };
        if now == then {
            return ValueBefore::Same;
        }
        // with the same data key, unchanged values keep their ciphertext
        let is_encrypted = now.is_encrypted && then.is_encrypted;
        if !(is_encrypted && version.ciphertexts.is_disjoint(&before.ciphertexts)) {
            return ValueBefore::Different;
        }
        match self.is_same_value(leaf, version, before) {
            Some(true) => ValueBefore::Same,
            Some(false) => ValueBefore::Different,
            None => ValueBefore::Unknown,
        }
    }

    /// Whether a value is the same in two versions; none without a key.
    fn is_same_value(&self, leaf: &LeafPath, one: &DatedVersion<'_>, other: &DatedVersion<'_>) -> Option<bool> {
        is_same_tree(leaf.find_plain(self.decrypt(one)?)?, leaf.find_plain(self.decrypt(other)?)?)
    }

    fn decrypt<'v>(&self, version: &'v DatedVersion<'_>) -> Option<&'v DecryptedFile> {
        let decrypt = || {
            let blob = version.version.blob.as_ref()?;
            let bytes = self.history.read_blob(blob, FileKind::Layer.limit()).ok()?;
            DecryptedFile::decrypt_bytes(self.name, bytes, SopsFormat::Yaml, self.identities).ok()
        };
        version.decrypted.get_or_init(decrypt).as_ref()
    }
}

impl DatedVersion<'_> {
    /// The value, if the version has it.
    fn state_of(&self, leaf: &LeafPath) -> Option<LeafState> {
        self.root.as_ref().and_then(|root| leaf.find(root)).map(state_of)
    }
}

/// Whether two decrypted values are the same; none for what cannot be compared.
fn is_same_tree(one: &SopsTree, other: &SopsTree) -> Option<bool> {
    match (one, other) {
        (SopsTree::Leaf(one), SopsTree::Leaf(other)) => Some(one.value.bytes() == other.value.bytes()),
        (SopsTree::Map(one), SopsTree::Map(other)) => {
            let pairs: Vec<_> = one.values().zip(other.values()).collect();
            let same = pairs
                .iter()
                .map(|((key, one), (twin, other))| is_same_tree(one, other).map(|same| same && key.text == twin.text));
            let all = same.collect::<Option<Vec<bool>>>()?.into_iter().all(|same| same);
            Some(all && one.values().count() == other.values().count())
        }
        (SopsTree::List(one), SopsTree::List(other)) => {
            let same = one.values().zip(other.values()).map(|(one, other)| is_same_tree(one, other));
            let all = same.collect::<Option<Vec<bool>>>()?.into_iter().all(|same| same);
            Some(all && one.values().count() == other.values().count())
        }
        _ => Some(false),
    }
}

fn collect_ciphertexts(node: &YamlNode, found: &mut HashSet<String>) {
    match &node.kind {
        YamlKind::Scalar(scalar) if scalar.text().starts_with(CIPHERTEXT) => {
            found.insert(scalar.text().to_owned());
        }
        YamlKind::Scalar(_) => {}
        YamlKind::List(items) => items.iter().for_each(|item| collect_ciphertexts(item, found)),
        YamlKind::Map(map) => {
            map.iter().filter(|(key, _)| key.text != "sops").for_each(|(_, item)| collect_ciphertexts(item, found));
        }
    }
}
