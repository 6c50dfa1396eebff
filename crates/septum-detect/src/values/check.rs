//! Offline checks of tokens.

use std::collections::BTreeSet;

use septum_base::sort::CollectSorted;

/// Whether a byte belongs to the standard Base64 alphabet or its padding.
pub(crate) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Whether the body of a token was typed by hand and not generated: few different characters, or a word that marks an
/// example.
pub(super) fn is_dummy(body: &str) -> bool {
    let lower = body.to_lowercase();
    let kinds: BTreeSet<u8> = lower.bytes().collect_set();
    kinds.len() < 6
        || ["example", "xxxx", "placeholder", "changeme", "your_", "your-"].iter().any(|word| lower.contains(word))
}

/// Computes a CRC-32 as in zip and PNG.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Number in base 62 with the digits `0-9A-Za-z`, padded to at least six.
pub(super) fn base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out: Vec<u8> = Vec::new();
    while number > 0 || out.len() < 6 {
        out.extend(DIGITS.get(number as usize % 62));
        number /= 62;
    }
    out.iter().rev().map(|digit| char::from(*digit)).collect()
}

/// Whether a token follows the scheme of GitHub and npm: the last six characters are the checksum of those before.
pub(super) fn ends_in_crc32(body: &str) -> bool {
    let Some((random, checksum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    base62(crc32(random.as_bytes())) == checksum
}

/// Whether a Bech32 text (BIP 173, without its limit of 90 characters) has a valid checksum.
pub(super) fn is_bech32(text: &str) -> bool {
    const CHARSET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let text = text.to_lowercase();
    let Some((prefix, data)) = text.rsplit_once('1') else { return false };
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    let Some(data) = data.chars().map(|char| CHARSET.find(char)).collect::<Option<Vec<usize>>>() else { return false };
    let data = data.into_iter().filter_map(|value| u32::try_from(value).ok());
    let polymod = high.chain([0]).chain(low).chain(data).fold(1_u32, |sum, value| {
        let top = sum >> 25;
        let generators = GENERATOR.iter().enumerate().filter(|(bit, _)| (top >> bit) & 1 == 1);
        generators.fold((sum & 0x01ff_ffff) << 5 ^ value, |sum, (_, generator)| sum ^ generator)
    });
    polymod == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(base62(0), "000000");
        // the example in GitHub's announcement of the format
        assert!(ends_in_crc32(concat!("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17")));
        assert!(!ends_in_crc32(concat!("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq18")));
        assert!(!ends_in_crc32("short"));
    }

    #[test]
    fn bech32_follows_bip_173() {
        for valid in ["A12UEL5L", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"] {
            assert!(is_bech32(valid), "{valid}");
        }
        for invalid in ["A12UEL5X", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxx", "no separator", "1b1o"] {
            assert!(!is_bech32(invalid), "{invalid}");
        }
    }

    #[test]
    fn typed_tokens_are_dummies() {
        assert!(is_dummy("xxxxxxxxxxxxxxxx"));
        assert!(is_dummy("IOSFODNN7EXAMPLE"));
        assert!(!is_dummy("hZ8fQ2mX7vKp4TnR"));
    }
}
