//! Keys in DER, the binary form under PEM: the outermost structure distinguishes private from public.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// Element of DER: tag, content, and the remaining bytes.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

fn parse_element(bytes: &[u8]) -> Option<Element<'_>> {
    let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(length & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(Element { tag, content, rest })
}

/// First two elements of the outermost sequence.
fn parse_head(bytes: &[u8]) -> Option<(Element<'_>, u8)> {
    let outer = parse_element(bytes).filter(|outer| outer.tag == SEQUENCE)?;
    let first = parse_element(outer.content)?;
    let second = parse_element(first.rest)?.tag;
    Some((first, second))
}

/// Whether the bytes are a private key: PKCS#8 (version, algorithm), PKCS#1 (version, modulus) or SEC 1 (version 1,
/// octets).
pub(super) fn is_private(bytes: &[u8]) -> bool {
    let Some((first, second)) = parse_head(bytes) else { return false };
    match (first.tag, first.content, second) {
        (INTEGER, [0 | 1], SEQUENCE) | (INTEGER, [0], INTEGER) | (INTEGER, [1], OCTET_STRING) => true,
        // an encrypted PKCS#8 key: algorithm, octets
        (SEQUENCE, _, tag) => tag == OCTET_STRING,
        _ => false,
    }
}

/// Whether a Base64 text is a public key (algorithm, bits) or a certificate (body, algorithm).
pub(crate) fn is_public(text: &str) -> bool {
    if !text.starts_with("MI") {
        return false;
    }
    let packed: String = text.split_whitespace().collect();
    let Ok(bytes) = STANDARD.decode(packed) else { return false };
    parse_head(&bytes).is_some_and(|(first, second)| first.tag == SEQUENCE && matches!(second, BIT_STRING | SEQUENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&[tag, 0x82], length.as_slice(), content].concat()
    }

    #[test]
    fn the_outermost_structure_tells_private_from_public() {
        let big = tagged(INTEGER, &[7; 200]);
        let sequence = tagged(SEQUENCE, &big);
        let octets = tagged(OCTET_STRING, &[7; 200]);
        let bits = tagged(BIT_STRING, &[0; 200]);
        let (zero, one) = (tagged(INTEGER, &[0]), tagged(INTEGER, &[1]));
        for (name, parts, private) in [
            ("PKCS#8", [&zero, &sequence], true),
            ("PKCS#1", [&zero, &big], true),
            ("SEC 1", [&one, &octets], true),
            ("encrypted PKCS#8", [&sequence, &octets], true),
            ("public key", [&sequence, &bits], false),
            ("certificate", [&sequence, &sequence], false),
        ] {
            let bytes = tagged(SEQUENCE, &parts.map(Vec::as_slice).concat());
            assert_eq!(is_private(&bytes), private, "{name}");
            assert_eq!(is_public(&STANDARD.encode(&bytes)), !private, "{name}");
        }
    }

    #[test]
    fn broken_structures_are_neither() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x03, 0x02, 0x01, 0x00]] {
            assert!(!is_private(bytes), "{bytes:?}");
            assert!(!is_public(&STANDARD.encode(bytes)), "{bytes:?}");
        }
    }
}
