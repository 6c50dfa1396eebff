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
}

struct DatedVersion<'a> {
    version: &'a FileVersion,
    /// Whether Git does not have its content.
    is_unread: bool,
    root: Option<YamlNode>,
    ciphertexts: HashSet<String>,
    /// Whether the next older version has one of these ciphertexts, once that was asked.
    keeps_others: OnceCell<bool>,
    /// The version in plaintext, once that was needed; none without a key.
    decrypted: OnceCell<Option<DecryptedFile>>,
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
            let (keeps_others, decrypted) = (OnceCell::new(), OnceCell::new());
            DatedVersion { version, is_unread, root, ciphertexts, keeps_others, decrypted }
        };
        Self { name, history, identities, versions: history.versions(path).iter().map(read).collect() }
    }

    /// The age of a value that the file on disk has.
    pub(super) fn age_of(&self, leaf: &LeafPath, on_disk: &YamlNode) -> ValueAge {
        let unknown = ValueAge { day: None, basis: AgeBasis::Unknown };
        let Some(mut state) = leaf.find(on_disk).map(state_of) else { return unknown };
        let of = |version: &DatedVersion<'_>| version.root.as_ref().and_then(|root| leaf.find(root)).map(state_of);
        let newest = if state.is_encrypted { self.versions.len() } else { 1 };
        if !self.versions.iter().take(newest).any(|version| of(version).as_ref() == Some(&state)) {
            return ValueAge { day: None, basis: AgeBasis::NotCommitted };
        }
        let mut oldest = 0;
        loop {
            // a ciphertext is never made twice, so that branches that were merged do not matter
            let is_same = |version: &DatedVersion<'_>| of(version).as_ref() == Some(&state);
            let run = if state.is_encrypted {
                self.versions.iter().rposition(is_same)
            } else {
                let rest = self.versions.iter().skip(oldest).take_while(|version| is_same(version));
                rest.count().checked_sub(1).map(|more| oldest + more)
            };
            oldest = run.unwrap_or(oldest).max(oldest);
            let Some(newer) = self.versions.get(oldest) else { return unknown };
            let day = Some(newer.version.day);
            let Some(older) = self.versions.get(oldest + 1) else {
                let basis = if newer.version.is_boundary { AgeBasis::AtLeast } else { AgeBasis::Changed };
                return ValueAge { day, basis };
            };
            // a version that is not here, as in a partial clone, may have the same value
            if older.is_unread {
                return ValueAge { day, basis: AgeBasis::AtLeast };
            }
            let Some(before) = of(older) else { return ValueAge { day, basis: AgeBasis::Changed } };
            let keeps_others = *newer.keeps_others.get_or_init(|| !newer.ciphertexts.is_disjoint(&older.ciphertexts));
            if !(state.is_encrypted && before.is_encrypted) || keeps_others {
                return ValueAge { day, basis: AgeBasis::Changed };
            }
            match self.is_same_value(leaf, newer, older) {
                Some(true) => (state, oldest) = (before, oldest + 1),
                Some(false) => return ValueAge { day, basis: AgeBasis::Changed },
                None => return ValueAge { day, basis: AgeBasis::ChangedOrReEncrypted },
            }
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
