//! The versions of a file, opened and verified.

use std::path::Path;

use super::refusal::Refusal;
use crate::sops::{Error, Format, Identities, Sealed, Terms, Veiled};

/// The three versions that a merge is about, as bytes.
#[derive(Debug)]
pub struct Versions {
    /// What both sides come from; empty if there is none.
    pub base: Vec<u8>,
    /// Ours.
    pub ours: Vec<u8>,
    /// Theirs.
    pub theirs: Vec<u8>,
}

/// A version of the file.
pub(super) struct Side {
    pub(super) file: Sealed,
    pub(super) bytes: Vec<u8>,
}

/// The versions that are encrypted. A base that is not, or that there is not, is none.
pub(super) struct Sides {
    pub(super) base: Option<Side>,
    pub(super) ours: Side,
    pub(super) theirs: Side,
}

/// Which of the two sides are encrypted.
pub(super) enum Encrypted {
    Neither,
    Both(Box<Sides>),
}

impl Sides {
    /// All versions, ours first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Side> {
        [&self.ours, &self.theirs].into_iter().chain(&self.base)
    }

    /// Whether nothing was changed on a side, so that the other is what a merge gives.
    pub(super) fn is_unchanged(&self, side: &Side) -> bool {
        let Some(base) = &self.base else { return false };
        let (before, now) = (Terms::of(base.file.metadata()), Terms::of(side.file.metadata()));
        let text = |side: &Side| side.file.plaintext().ok();
        side.bytes == base.bytes
            || base.file.shares_key(&side.file)
                && before.same_recipients(&now)
                && before.same_rule(&now)
                && text(base).is_some_and(|before| text(side).is_some_and(|now| *now == *before))
    }
}

/// Opens all versions that are encrypted.
pub(super) fn open(path: &str, versions: Versions, identities: &Identities) -> Result<Encrypted, Refusal> {
    let Versions { base, ours, theirs } = versions;
    let guess = |bytes: &[u8]| Format::guess(Path::new(path), bytes);
    let format = match guess(&ours) {
        Format::Binary => guess(&theirs),
        format => format,
    };
    let is_encrypted = |bytes: &[u8]| is_encrypted(bytes, format);
    match (is_encrypted(&ours), is_encrypted(&theirs)) {
        (false, false) => return Ok(Encrypted::Neither),
        (true, false) => return Err(Refusal::OneSided { encrypted: "ours", plain: "theirs" }),
        (false, true) => return Err(Refusal::OneSided { encrypted: "theirs", plain: "ours" }),
        (true, true) => {}
    }
    let open = |bytes: Vec<u8>, version: &str| {
        let name = format!("{path} ({version})");
        let file = Sealed::open(&name, bytes.clone(), format, identities);
        Version { name, bytes, file }
    };
    let mut opened = vec![open(ours, "ours"), open(theirs, "theirs")];
    opened.extend(is_encrypted(&base).then(|| open(base, "base")));
    help(&mut opened);
    let mut sides = Vec::new();
    let mut errors = Vec::new();
    for Version { bytes, file, .. } in opened {
        match file {
            Ok(file) => sides.push(Side { file, bytes }),
            Err(error) => errors.push(error),
        }
    }
    let mut sides = sides.into_iter();
    match (errors.is_empty(), sides.next(), sides.next()) {
        (true, Some(ours), Some(theirs)) => Ok(Encrypted::Both(Box::new(Sides { base: sides.next(), ours, theirs }))),
        _ => Err(Refusal::Closed(errors)),
    }
}

struct Version {
    name: String,
    bytes: Vec<u8>,
    file: Result<Sealed, Error>,
}

/// Somebody who became a recipient on one side can read the others too: a new recipient gets the
/// data key that there was before him.
fn help(versions: &mut [Version]) {
    for index in 0..versions.len() {
        let Some(Version { name, bytes, file: Err(Error::NoIdentity(_)) }) = versions.get(index) else { continue };
        let known = versions.iter().filter_map(|version| version.file.as_ref().ok());
        let file = known.map(|known| known.open_other(name, bytes.clone())).find_map(Result::ok);
        if let (Some(file), Some(version)) = (file, versions.get_mut(index)) {
            version.file = Ok(file);
        }
    }
}

/// Also one whose text is damaged, so that nothing is ever merged line by line that holds
/// ciphertexts.
fn is_encrypted(bytes: &[u8], format: Format) -> bool {
    const TOKEN: &[u8] = b"ENC[AES256_GCM,data:";
    Veiled::read("", bytes, format).is_some() || bytes.windows(TOKEN.len()).any(|window| window == TOKEN)
}
