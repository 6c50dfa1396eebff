//! The forms in which a value can stand in a text: those that are looked for as they are, and those
//! that a text is brought out of first.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::secret::Wiping;

/// The form in which a value was found.
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
            Self::Raw => "as it is",
            Self::Base64 => "in base64",
            Self::Hex => "in hexadecimal",
            Self::Json => "with the escapes of JSON",
            Self::Url => "as in a URL",
            Self::Wrapped => "with other line breaks",
        })
    }
}

/// Nobody writes more than this in hexadecimal.
const LONGEST_HEX: usize = 4096;

/// A value as it would stand in a text, in every form that does not depend on the encoder.
pub(super) fn encode_secret(secret: &[u8]) -> Vec<(ValueEncoding, Wiping<Vec<u8>>)> {
    let mut found = vec![(ValueEncoding::Raw, Wiping::new(secret.to_vec()))];
    found.extend(pem_body(secret).map(|body| (ValueEncoding::Wrapped, body)));
    for offset in 0..3 {
        let standard = encode_base64(secret, offset);
        let url_safe: Wiping<Vec<u8>> = Wiping::new(standard.iter().map(|byte| url_safe(*byte)).collect());
        if *url_safe != *standard {
            found.push((ValueEncoding::Base64, url_safe));
        }
        found.push((ValueEncoding::Base64, standard));
    }
    if secret.len() <= LONGEST_HEX {
        let hex = |digits: &[u8; 16]| {
            let digit = |half: u8| digits.get(usize::from(half)).copied().unwrap_or_default();
            let digits = secret.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
            // of known length, so that no buffer is left behind that was outgrown
            let mut text = Wiping::new(Vec::with_capacity(secret.len() * 2));
            text.extend(digits);
            text
        };
        found.push((ValueEncoding::Hex, hex(b"0123456789abcdef")));
        found.push((ValueEncoding::Hex, hex(b"0123456789ABCDEF")));
    }
    found
}

/// What a value gives in base64 behind `offset` other bytes, without the characters at both ends that hold
/// bits of what is beside it.
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

/// What a private key holds between its marks, in one line: it is often indented, or wrapped anew.
fn pem_body(secret: &[u8]) -> Option<Wiping<Vec<u8>>> {
    let text = std::str::from_utf8(secret).ok()?;
    let (_, rest) = text.split_once("PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let body = Wiping::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>());
    // what begins it, the same kinds of keys have in common
    (body.len() >= 64).then_some(body)
}

/// A text with the escapes of JSON (and, for what people write, of YAML) taken out; none if it has none.
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

/// The character of the digits after `\u`, and how many bytes it takes; beyond U+FFFF it is two of them.
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

/// A text with `%XX` taken out; none if it has none.
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

/// A text with `+` as forms have it: a blank. It is that before `%2B` becomes one.
pub(super) fn without_pluses(text: &[u8]) -> Option<Wiping<Vec<u8>>> {
    memchr::memchr(b'+', text)?;
    let blanks = Wiping::new(text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>());
    Some(without_percents(&blanks).unwrap_or(blanks))
}

/// Lines shorter than this are not those of a wrapped text.
const SHORTEST_LINE: usize = 40;

/// A text without blanks and line breaks, if a line of it is one of wrapped base64.
pub(super) fn without_wraps(text: &[u8]) -> Option<Wiping<Vec<u8>>> {
    memchr::memchr(b'\n', text)?;
    let of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
    let is_wrapped = |line: &[u8]| line.len() >= SHORTEST_LINE && line.trim_ascii().iter().all(of_base64);
    text.split(|byte| *byte == b'\n').any(is_wrapped).then(|| {
        let mut out = Wiping::new(Vec::with_capacity(text.len()));
        out.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        out
    })
}
