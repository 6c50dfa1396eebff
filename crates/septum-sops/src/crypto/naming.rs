//! A key for names that are derived from secrets and must not reveal them.
//!
//! The name of an object may contain a fingerprint of its values. A plain hash of a password can be guessed by anyone
//! who sees the name; a keyed one only with the key. The data key of an encrypted file is such a key: its holder can
//! read the values anyway. It never leaves this module: only keys derived from it do, and these lead to neither the
//! data key nor a value.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::crypto::KEY_LENGTH;
use septum_base::secret::Secret;

/// Length in bytes of a key for names, and of a fingerprint made with it: the output of HMAC-SHA256.
const LENGTH: usize = 32;

/// The block of SHA-256.
const BLOCK: usize = 64;

/// Label that separates this use of a data key from every other one.
const OF_A_FILE: &[u8] = b"septum: the key for names of a file, version 1";

/// Label that separates the key of several files from that of one.
const OF_FILES: &[u8] = b"septum: the key for names of several files, version 1";

/// Key for fingerprints of secrets. Wiped when dropped, and never printed.
#[derive(Debug, Clone)]
pub struct NamingKey(Secret<[u8; LENGTH]>);

impl NamingKey {
    /// Derives the key from the data key of a file.
    pub(crate) fn of_file(data_key: &[u8; KEY_LENGTH]) -> Self {
        Self(authenticate_parts(data_key, &[OF_A_FILE]))
    }

    /// The key of several files, which changes if that of any of them does, or their order. None without files: such
    /// a key would be known to everyone.
    pub fn combine_keys<'a>(keys: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let keys: Vec<&[u8]> = keys.into_iter().map(|key| key.0.expose().as_slice()).collect();
        // as HKDF extracts a key from material (RFC 5869): all have the same length, so no separator is needed
        (!keys.is_empty()).then(|| Self(authenticate_parts(&[0; LENGTH], &[&[OF_FILES], keys.as_slice()].concat())))
    }

    /// The key itself.
    pub(crate) fn bytes(&self) -> &[u8; LENGTH] {
        self.0.expose()
    }

    /// The fingerprint of a text, which reveals nothing without the key.
    pub fn fingerprint(&self, text: &[u8]) -> [u8; LENGTH] {
        *authenticate_parts(self.0.expose(), &[text]).expose()
    }
}

/// HMAC-SHA256 of the parts, one after another.
pub(crate) fn authenticate_parts(key: &[u8; LENGTH], parts: &[&[u8]]) -> Secret<[u8; LENGTH]> {
    // HMAC fills a key up with zeros (RFC 2104); a whole block is one that it cannot refuse
    let mut block = Zeroizing::new([0; BLOCK]);
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    let mut mac = <Hmac<Sha256> as Mac>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    Secret::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        // its case 2 has a key of 4 bytes, which is the same as one filled up with zeros
        let mut key = [0; LENGTH];
        key[..4].copy_from_slice(b"Jefe");
        let mac = authenticate_parts(&key, &[b"what do ya want ", b"for nothing?"]);
        let expected = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
            0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(mac.expose(), &expected);
    }

    #[test]
    fn every_file_and_their_order_count() {
        let [a, b, c] = [1, 2, 3].map(|byte| NamingKey::of_file(&[byte; KEY_LENGTH]));
        let sets = [vec![&a], vec![&b], vec![&a, &b], vec![&b, &a], vec![&a, &a], vec![&a, &b, &c], vec![&a, &c, &b]];
        let mut seen: Vec<_> = sets
            .into_iter()
            .map(|keys| NamingKey::combine_keys(keys).expect("some files").fingerprint(b"the same text"))
            .collect();
        seen.push(a.fingerprint(b"the same text"));
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert!(NamingKey::combine_keys([]).is_none());
    }

    #[test]
    fn it_is_neither_the_data_key_nor_shown() {
        let key = NamingKey::of_file(&[7; KEY_LENGTH]);
        assert_ne!(key.0.expose(), &[7; KEY_LENGTH]);
        assert_eq!(format!("{key:?}"), "NamingKey([secret])");
        assert_ne!(key.fingerprint(b"a"), key.fingerprint(b"b"));
    }
}
