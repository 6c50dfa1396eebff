//! The ciphertexts of a file, by their plaintexts: an unchanged value keeps its own.

use std::collections::VecDeque;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::crypto::cipher::PlaintextType;
use septum_base::map::HashMap;
use septum_base::span::Source;

/// Ciphertexts in the order of the file. Each is used once, so that equal values of a list keep one each (sops gives
/// all of them the last one: format, section 1.14).
///
/// A ciphertext is only ever reused unchanged, for the same plaintext at the same path and under the same key: that
/// is how no nonce is used for two plaintexts.
#[derive(Default)]
pub(crate) struct CiphertextCache {
    /// By a hash, so that no plaintext is kept here.
    known: HashMap<[u8; 32], VecDeque<CachedToken>>,
}

/// A ciphertext as it is in its file.
#[derive(Clone)]
pub(crate) struct CachedToken {
    source: Source,
    /// Range of the ciphertext, with the quotes, or the sign of a comment, around it.
    at: Range<usize>,
    /// The ciphertext itself, where it is not the text without the quotes.
    token: Option<String>,
}

impl CachedToken {
    pub(crate) fn new(source: &Source, at: Range<usize>, token: &str) -> Self {
        let mut kept = Self { source: source.clone(), at, token: None };
        if kept.token() != token {
            kept.token = Some(token.to_owned());
        }
        kept
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_else(|| self.written().trim_matches(['"', '\'']))
    }

    /// The text with its quotes or comment sign.
    pub(crate) fn written(&self) -> &str {
        self.source.text().get(self.at.clone()).unwrap_or_default()
    }
}

impl CiphertextCache {
    pub(crate) fn put_token(&mut self, kind: PlaintextType, associated: &str, plaintext: &[u8], kept: CachedToken) {
        let known = self.known.entry(hash_value(kind, associated, plaintext));
        known.or_insert_with(|| VecDeque::with_capacity(1)).push_back(kept);
    }

    pub(crate) fn take_token(
        &mut self,
        kind: PlaintextType,
        associated: &str,
        plaintext: &[u8],
    ) -> Option<CachedToken> {
        if self.known.is_empty() {
            return None;
        }
        self.known.get_mut(&hash_value(kind, associated, plaintext))?.pop_front()
    }

    /// Whether there is a ciphertext whose plaintext has this hash.
    pub(crate) fn knows_hash(&self, hash: &[u8; 32]) -> bool {
        self.known.contains_key(hash)
    }

    /// Adopts the ciphertexts of another version of the file, after its own.
    pub(crate) fn adopt_tokens(&mut self, other: &Self) {
        for (hash, theirs) in &other.known {
            let own = self.known.entry(*hash).or_default();
            for kept in theirs {
                if own.iter().all(|known| known.token() != kept.token()) {
                    own.push_back(kept.clone());
                }
            }
        }
    }
}

/// Hash by which a ciphertext is found.
pub(crate) fn hash_value(kind: PlaintextType, associated: &str, plaintext: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [kind.name().as_bytes(), associated.as_bytes(), plaintext] {
        // with their lengths, so that no two triples run into one
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphertexts_come_back_first_in_first_out_and_once() {
        let mut stash = CiphertextCache::default();
        for token in ["one", "two"] {
            let source = Source::new("", format!("a: '{token}'\n"));
            stash.put_token(PlaintextType::Str, "a:", b"same", CachedToken::new(&source, 3..5 + token.len(), token));
        }
        let mut take = |kind, path, text: &[u8]| stash.take_token(kind, path, text).map(|kept| kept.token().to_owned());
        assert_eq!(take(PlaintextType::Int, "a:", b"same"), None, "of another type");
        assert_eq!(take(PlaintextType::Str, "a:s", b"ame"), None, "of another path");
        assert_eq!(take(PlaintextType::Str, "a:", b"same").as_deref(), Some("one"));
        assert_eq!(take(PlaintextType::Str, "a:", b"same").as_deref(), Some("two"));
        assert_eq!(take(PlaintextType::Str, "a:", b"same"), None);
    }

    #[test]
    fn after_those_of_the_file_come_those_of_the_other_version_and_none_comes_twice() {
        let of = |tokens: &[&str]| {
            let mut stash = CiphertextCache::default();
            for token in tokens {
                let kept = CachedToken::new(&Source::new("", *token), 0..token.len(), token);
                stash.put_token(PlaintextType::Str, "a:", b"same", kept);
            }
            stash
        };
        let mut own = of(&["one", "two"]);
        own.adopt_tokens(&of(&["two", "three"]));
        own.put_token(PlaintextType::Int, "b:", b"1", CachedToken::new(&Source::new("", "four"), 0..4, "four"));
        for (kind, path, text, is_known) in [
            (PlaintextType::Str, "a:", &b"same"[..], true),
            (PlaintextType::Int, "b:", b"1", true),
            (PlaintextType::Str, "b:", b"1", false),
            (PlaintextType::Str, "a:", b"other", false),
        ] {
            assert_eq!(own.knows_hash(&hash_value(kind, path, text)), is_known, "{path}");
        }
        let next = || own.take_token(PlaintextType::Str, "a:", b"same").map(|kept| kept.token().to_owned());
        let taken: Vec<_> = std::iter::from_fn(next).collect();
        assert_eq!(taken, ["one", "two", "three"]);
    }

    #[test]
    fn a_ciphertext_is_known_with_and_without_what_is_around_it() {
        let source = Source::new("", "a: \"ENC[x]\" # ENC[y]\nb: >\n  ENC[z]\n");
        for (at, token, written) in
            [(3..11, "ENC[x]", "\"ENC[x]\""), (12..20, "ENC[y]", "# ENC[y]"), (24..34, "ENC[z]", ">\n  ENC[z]")]
        {
            let kept = CachedToken::new(&source, at, token);
            assert_eq!((kept.token(), kept.written()), (token, written));
        }
    }
}
