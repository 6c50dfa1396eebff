//! Encodings of a value in a text: those that are searched directly, and those that the text is decoded from first.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::secret::Wiping;

/// Encoding in which a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueEncoding {
    Raw,
    Base64,
    Hex,
    Json,
    Url,
    Wrapped,
}

impl fmt::Display for ValueEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "literally",
            Self::Base64 => "in base64",
            Self::Hex => "in hexadecimal",
            Self::Json => "with JSON escapes",
            Self::Url => "URL-encoded",
            Self::Wrapped => "with different line breaks",
        })
    }
}

/// Maximum length of a value that is searched in hexadecimal.
const LONGEST_HEX: usize = 4096;

/// Encodes a value as it would appear in a text, in every encoding that does not depend on the encoder.
pub(super) fn encode_secret(secret: &[u8]) -> Vec<(ValueEncoding, Wiping<Vec<u8>>)> {
    let mut found = vec![(ValueEncoding::Raw, Wiping::new(secret.to_vec()))];
    found.extend(pem_body(secret).map(|body| (ValueEncoding::Wrapped, body)));
    for offset in 0..3 {
        let standard = encode_base64(secret, offset);
        if memchr::memchr2(b'+', b'/', &standard).is_some() {
            let url_safe = Wiping::new(standard.iter().map(|byte| url_safe(*byte)).collect());
            found.push((ValueEncoding::Base64, url_safe));
        }
        found.push((ValueEncoding::Base64, standard));
    }
    if secret.len() <= LONGEST_HEX {
        let hex = |digits: &[u8; 16]| {
            let digit = |half: u8| digits.get(usize::from(half)).copied().unwrap_or_default();
            let digits = secret.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
            // of known length, so that no outgrown buffer is left behind
            let mut text = Wiping::new(Vec::with_capacity(secret.len() * 2));
            text.extend(digits);
            text
        };
        found.push((ValueEncoding::Hex, hex(b"0123456789abcdef")));
        found.push((ValueEncoding::Hex, hex(b"0123456789ABCDEF")));
    }
    found
}

/// Encodes a value in base64 after `offset` other bytes, without the characters at both ends that contain bits of
/// neighbouring bytes.
fn encode_base64(secret: &[u8], offset: usize) -> Wiping<Vec<u8>> {
    let mut shifted = Wiping::new(Vec::with_capacity(secret.len() + offset));
    shifted.extend(std::iter::repeat_n(0, offset));
    shifted.extend_from_slice(secret);
    let text = Wiping::new(STANDARD_NO_PAD.encode(&*shifted));
    let start = offset + usize::from(offset > 0);
    let end = text.len() - usize::from(shifted.len() % 3 != 0);
    Wiping::new(text.as_bytes().get(start..end).unwrap_or_default().to_vec())
}

fn url_safe(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }
}

/// Body of a private key on one line: it is often indented or rewrapped.
fn pem_body(secret: &[u8]) -> Option<Wiping<Vec<u8>>> {
    let text = std::str::from_utf8(secret).ok()?;
    let (_, rest) = text.split_once("PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let body = Wiping::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>());
    // keys of the same kind share a common beginning
    (body.len() >= 64).then_some(body)
}

/// Text with the escapes of JSON (and the common ones of YAML) decoded; `None` if it contains none.
pub(super) fn without_escapes(text: &[u8]) -> Option<Wiping<Vec<u8>>> {
    memchr::memchr(b'\\', text)?;
    let mut out = Wiping::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let Some((&escape, after)) = after.split_first().filter(|_| first == b'\\') else {
            out.push(first);
            continue;
        };
        rest = after;
        match escape {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => match decode_unicode(after) {
                Some((char, length)) => {
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = after.get(length..).unwrap_or_default();
                }
                None => out.push(escape),
            },
            other => out.push(other),
        }
    }
    Some(out)
}

/// Character of the digits after `\u`, and the number of bytes it takes; beyond U+FFFF it is two of them.
fn decode_unicode(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| u32::from_str_radix(std::str::from_utf8(text.get(at..at + 4)?).ok()?, 16).ok();
    let first = unit(0)?;
    if let Some(char) = char::from_u32(first) {
        return Some((char, 4));
    }
    let second = unit(6).filter(|_| text.get(4..6) == Some(b"\\u"))?;
    let high = first.checked_sub(0xD800)? << 10;
    Some((char::from_u32(0x10000 + high + second.checked_sub(0xDC00)?)?, 10))
}

/// Text with `%XX` decoded; `None` if it contains none.
pub(super) fn without_percents(text: &[u8]) -> Option<Wiping<Vec<u8>>> {
    memchr::memchr(b'%', text)?;
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Wiping::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (digit(at + 1), digit(at + 2)) {
            (Some(high), Some(low)) if byte == b'%' => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Some(out)
}

/// Text with `+` as a blank, as forms encode it. This happens before `%2B` is decoded.
pub(super) fn without_pluses(text: &[u8]) -> Option<Wiping<Vec<u8>>> {
    memchr::memchr(b'+', text)?;
    let blanks = Wiping::new(text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>());
    Some(without_percents(&blanks).unwrap_or(blanks))
}

/// Minimum length of a line of wrapped base64.
const SHORTEST_LINE: usize = 40;

/// Text without blanks and line breaks, if one of its lines begins or ends with wrapped base64.
pub(super) fn without_wraps(text: &[u8]) -> Option<Wiping<Vec<u8>>> {
    memchr::memchr(b'\n', text)?;
    let of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
    let is_wrapped = |line: &[u8]| {
        let line = line.trim_ascii();
        let (before, after) =
            (line.iter().take_while(|byte| of_base64(byte)), line.iter().rev().take_while(|byte| of_base64(byte)));
        before.count().max(after.count()) >= SHORTEST_LINE
    };
    text.split(|byte| *byte == b'\n').any(is_wrapped).then(|| {
        let mut out = Wiping::new(Vec::with_capacity(text.len()));
        out.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        out
    })
}
