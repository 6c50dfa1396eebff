//! View of an encrypted file without its key.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::metadata::block::SopsMetadata;
use crate::metadata::error::DecryptionError;
use crate::store::{ParsedFile, SopsFormat, TextEdit, apply_edits};
use septum_base::span::Source;

/// Prefix of a ciphertext.
const START: &str = "ENC[AES256_GCM,";

/// An encrypted file, still encrypted.
#[derive(Debug)]
pub struct RedactedFile {
    /// The file without its metadata, with a short placeholder for each ciphertext: it changes if, and only if, the
    /// ciphertext does.
    pub text: String,
    /// Encryption metadata of the file.
    pub metadata: Result<SopsMetadata, DecryptionError>,
}

impl RedactedFile {
    /// Reads a file; `None` for one that is not encrypted, or not of the format.
    pub fn read(name: &str, bytes: &[u8], format: SopsFormat) -> Option<Self> {
        let source = Source::new(name, std::str::from_utf8(bytes).ok()?);
        let ParsedFile { blocks, .. } = format.parse(&source).ok()?;
        let first = blocks.first()?.as_ref()?;
        let metadata = SopsMetadata::read_block(first.fields.to_node(), source.place(first.key));
        let cuts = blocks.iter().flatten().map(|block| TextEdit::new(block.whole.clone(), "")).collect();
        Some(Self { text: redact_ciphertexts(&apply_edits(source.text(), cuts)), metadata })
    }
}

/// The text with `[encrypted 3f9a1c]` for each ciphertext.
fn redact_ciphertexts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, found)) = rest.find(START).and_then(|at| rest.split_at_checked(at)) {
        let length = found.find(']').map_or(found.len(), |end| end + 1);
        let (token, after) = found.split_at_checked(length).unwrap_or((found, ""));
        out.push_str(before);
        out.push_str("[encrypted ");
        for byte in Sha256::digest(token).iter().take(3) {
            let _ = write!(out, "{byte:02x}");
        }
        out.push(']');
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ciphertext_has_a_stand_in_of_its_own() {
        let veiled =
            redact_ciphertexts("a: ENC[AES256_GCM,data:x]\nb: \"ENC[AES256_GCM,data:y]\" # ENC[AES256_GCM,data:x]\n");
        let parts: Vec<_> = veiled.split("[encrypted ").map(|part| part.split_once(']')).collect();
        let [None, Some((one, _)), Some((two, _)), Some((three, "\n"))] = parts.as_slice() else { panic!("{veiled}") };
        assert_eq!((one, one.len(), one == two), (three, 6, false), "{veiled}");
        assert_eq!(redact_ciphertexts("ENC[AES256_GCM,ß").len(), 18, "one that is cut off");
    }
}
