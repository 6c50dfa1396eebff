//! Keys derived from those of encrypted layers, for output that is made from the layers.

use crate::crypto::naming::NamingKey;
use hkdf::Hkdf;
use septum_base::secret::Secret;
use sha2::Sha256;

/// The length of a key, and of a block of HKDF with SHA-256.
const LENGTH: usize = 32;

/// A key for one purpose and one object. Its holder learns neither the keys of the layers nor any other derived key.
/// Wiped when dropped, and never printed.
#[derive(Debug, Clone)]
pub struct DerivedKey(Secret<[u8; LENGTH]>);

impl NamingKey {
    /// Derives the key for a purpose and an object, whose identity is a list of parts.
    pub fn derive_key(&self, purpose: &[u8], identity: &[&str]) -> DerivedKey {
        let parts: Vec<&[u8]> = identity.iter().map(|part| part.as_bytes()).collect();
        DerivedKey::from_parts(self.bytes(), purpose, &parts)
    }
}

impl DerivedKey {
    fn from_parts(key: &[u8; LENGTH], purpose: &[u8], parts: &[&[u8]]) -> Self {
        let mut bytes = [0; LENGTH];
        expand_key(key, &encode_info(purpose, parts), &mut bytes);
        let derived = Self(Secret::new(bytes));
        zeroize::Zeroize::zeroize(&mut bytes);
        derived
    }

    /// Derives a key from a data key.
    pub(crate) fn from_data_key(key: &[u8; LENGTH], purpose: &[u8]) -> Self {
        Self::from_parts(key, purpose, &[])
    }

    /// Derives a key from this one.
    pub(crate) fn derive_next(&self, purpose: &[u8], parts: &[&[u8]]) -> Self {
        Self::from_parts(self.0.expose(), purpose, parts)
    }

    /// The key itself.
    pub(crate) fn expose(&self) -> &[u8; LENGTH] {
        self.0.expose()
    }

    /// Fills `out`, of at most 8,160 bytes, with bytes that look random without the key, and are the same for the
    /// same context.
    pub fn fill_bytes(&self, context: &[&[u8]], out: &mut [u8]) {
        expand_key(self.0.expose(), &encode_info(b"septum: bytes, version 1", context), out);
    }
}

/// Parts with their lengths, so that no two lists of them are confused.
fn encode_info(purpose: &[u8], parts: &[&[u8]]) -> zeroize::Zeroizing<Vec<u8>> {
    let mut info = zeroize::Zeroizing::new(Vec::with_capacity(
        purpose.len() + 8 + parts.iter().map(|part| part.len() + 8).sum::<usize>(),
    ));
    for part in std::iter::once(&purpose).chain(parts) {
        info.extend((part.len() as u64).to_le_bytes());
        info.extend_from_slice(part);
    }
    info
}

/// HKDF-Expand (RFC 5869, section 2.3). A longer output is a bug of the caller, since every length is a constant.
fn expand_key(key: &[u8; LENGTH], info: &[u8], out: &mut [u8]) {
    let is_expanded = Hkdf::<Sha256>::from_prk(key).is_ok_and(|hkdf| hkdf.expand(info, out).is_ok());
    assert!(is_expanded, "a key of {LENGTH} bytes expands to at most {} bytes", 255 * LENGTH);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn keys_are_those_of_rfc_5869() {
        // appendix A.1 and A.2, from the pseudorandom key on
        let a1 = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5";
        let a2 = "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244";
        let info: Vec<u8> = (0xb0..=0xff).collect();
        for (key, info, expected) in [
            (
                a1,
                unhex("f0f1f2f3f4f5f6f7f8f9"),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                a2,
                info,
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
        ] {
            let expected = unhex(expected);
            let mut out = vec![0; expected.len()];
            expand_key(&unhex(key).try_into().expect("a key"), &info, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn no_two_things_have_the_same_key() {
        let layers = NamingKey::of_file(&[7; LENGTH]);
        let mut keys: Vec<_> = [
            layers.derive_key(b"a", &["b", "c"]),
            layers.derive_key(b"a", &["bc"]),
            layers.derive_key(b"a", &["b", "c", ""]),
            layers.derive_key(b"ab", &["c"]),
            NamingKey::of_file(&[8; LENGTH]).derive_key(b"a", &["b", "c"]),
            layers.derive_key(b"a", &["b", "c"]).derive_next(b"a", &[]),
        ]
        .iter()
        .map(|key| *key.expose())
        .collect();
        keys.push(*layers.bytes());
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert_eq!(layers.derive_key(b"a", &["b"]).expose(), layers.derive_key(b"a", &["b"]).expose());
        assert_eq!(format!("{:?}", layers.derive_key(b"a", &[])), "DerivedKey([secret])");
    }

    #[test]
    fn bytes_follow_from_their_context_alone() {
        let key = NamingKey::of_file(&[7; LENGTH]).derive_key(b"a", &[]);
        let bytes = |context: &[&[u8]], length| {
            let mut out = vec![0; length];
            key.fill_bytes(context, &mut out);
            out
        };
        assert_eq!(bytes(&[b"a"], 100), bytes(&[b"a"], 100));
        assert_eq!(bytes(&[b"a"], 100)[..32], bytes(&[b"a"], 32));
        assert_ne!(bytes(&[b"a", b"b"], 32), bytes(&[b"ab"], 32));
    }
}
