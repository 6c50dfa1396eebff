//! The versions of a file, decrypted and verified.

use std::path::Path;

use super::refusal::MergeRefused;
use crate::sops::{DecryptedFile, DecryptionError, EncryptionPolicy, Identities, RedactedFile, SopsFormat};

/// The three versions of a merge, as bytes.
#[derive(Debug)]
pub struct MergeVersions {
    /// Common ancestor of both sides; empty if there is none.
    pub base: Vec<u8>,
    /// Ours.
    pub ours: Vec<u8>,
    /// Theirs.
    pub theirs: Vec<u8>,
}

/// A version of the file.
pub(super) struct MergeSide {
    pub(super) file: DecryptedFile,
    pub(super) bytes: Vec<u8>,
}

/// The encrypted versions. A base that is not encrypted, or does not exist, is none.
pub(super) struct MergeInputs {
    pub(super) base: Option<MergeSide>,
    pub(super) ours: MergeSide,
    pub(super) theirs: MergeSide,
}

/// Sides that are encrypted.
pub(super) enum EncryptedSides {
    Neither,
    Both(Box<MergeInputs>),
}

impl MergeInputs {
    /// All versions, ours first.
    pub(super) fn iter_sides(&self) -> impl Iterator<Item = &MergeSide> {
        [&self.ours, &self.theirs].into_iter().chain(&self.base)
    }

    /// Whether a side is unchanged, so that the other is the result of a merge.
    pub(super) fn is_unchanged(&self, side: &MergeSide) -> bool {
        let Some(base) = &self.base else { return false };
        let (before, now) = (EncryptionPolicy::of(base.file.metadata()), EncryptionPolicy::of(side.file.metadata()));
        let text = |side: &MergeSide| side.file.plaintext().ok();
        side.bytes == base.bytes
            || base.file.shares_key(&side.file)
                && before.same_recipients(&now)
                && before.same_rule(&now)
                && text(base).is_some_and(|before| text(side).is_some_and(|now| *now == *before))
    }
}

/// Decrypts all versions that are encrypted.
pub(super) fn decrypt_sides(
    path: &str,
    versions: MergeVersions,
    identities: &Identities,
) -> Result<EncryptedSides, MergeRefused> {
    let MergeVersions { base, ours, theirs } = versions;
    let guess = |bytes: &[u8]| SopsFormat::guess(Path::new(path), bytes);
    let format = match guess(&ours) {
        SopsFormat::Binary => guess(&theirs),
        format => format,
    };
    let is_encrypted = |bytes: &[u8]| is_encrypted(bytes, format);
    match (is_encrypted(&ours), is_encrypted(&theirs)) {
        (false, false) => return Ok(EncryptedSides::Neither),
        (true, false) => return Err(MergeRefused::OneSided { encrypted: "ours", plain: "theirs" }),
        (false, true) => return Err(MergeRefused::OneSided { encrypted: "theirs", plain: "ours" }),
        (true, true) => {}
    }
    let open = |bytes: Vec<u8>, version: &str| {
        let name = format!("{path} ({version})");
        let file = DecryptedFile::decrypt_bytes(&name, bytes.clone(), format, identities);
        DecryptedVersion { name, bytes, file }
    };
    let mut opened = vec![open(ours, "ours"), open(theirs, "theirs")];
    opened.extend(is_encrypted(&base).then(|| open(base, "base")));
    share_data_keys(&mut opened);
    let mut sides = Vec::new();
    let mut errors = Vec::new();
    for DecryptedVersion { bytes, file, .. } in opened {
        match file {
            Ok(file) => sides.push(MergeSide { file, bytes }),
            Err(error) => errors.push(error),
        }
    }
    let mut sides = sides.into_iter();
    match (errors.is_empty(), sides.next(), sides.next()) {
        (true, Some(ours), Some(theirs)) => {
            Ok(EncryptedSides::Both(Box::new(MergeInputs { base: sides.next(), ours, theirs })))
        }
        _ => Err(MergeRefused::Closed(errors)),
    }
}

struct DecryptedVersion {
    name: String,
    bytes: Vec<u8>,
    file: Result<DecryptedFile, DecryptionError>,
}

/// Gives a recipient who was added on one side access to the others too: a new recipient gets the data key that
/// existed before.
fn share_data_keys(versions: &mut [DecryptedVersion]) {
    for index in 0..versions.len() {
        let Some(DecryptedVersion { name, bytes, file: Err(DecryptionError::NoIdentity(_)) }) = versions.get(index)
        else {
            continue;
        };
        let known = versions.iter().filter_map(|version| version.file.as_ref().ok());
        let file = known.map(|known| known.decrypt_other(name, bytes.clone())).find_map(Result::ok);
        if let (Some(file), Some(version)) = (file, versions.get_mut(index)) {
            version.file = Ok(file);
        }
    }
}

/// Whether bytes are encrypted, even if their text is damaged, so that a file with ciphertexts is never merged line
/// by line.
fn is_encrypted(bytes: &[u8], format: SopsFormat) -> bool {
    const TOKEN: &[u8] = b"ENC[AES256_GCM,data:";
    RedactedFile::read("", bytes, format).is_some() || bytes.windows(TOKEN.len()).any(|window| window == TOKEN)
}
