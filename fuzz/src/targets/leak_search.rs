//! The search of the leak gate, against one that looks everywhere.

use septum::leak_scan::{SecretFinder, encoded_values};
use septum::secret::Wiping;

use crate::input::SEPARATOR;

/// Shortest form that is looked for.
const SHORTEST: usize = 8;

/// Input: a text, and secrets.
pub(crate) fn check(data: &[u8]) {
    let mut parts = split(data, SEPARATOR.as_bytes()).into_iter();
    let text = parts.next().unwrap_or_default();
    let secrets: Vec<_> = parts.map(|part| Wiping::new(part.to_vec())).take(8).collect();
    if text.len() > 4096 || secrets.iter().any(|secret| secret.len() > 1024) {
        return;
    }
    let is_found = SecretFinder::with_values([], &secrets).finds(text);
    let readings = readings(text, secrets.iter().any(|secret| secret.contains(&b' ')));
    let forms = secrets.iter().flat_map(|secret| encoded_values(secret)).filter(|form| form.len() >= SHORTEST);
    let expected: Vec<_> = forms.filter(|form| readings.iter().any(|text| contains(text, form))).collect();
    assert_eq!(is_found, !expected.is_empty(), "{} forms are there", expected.len());
    // what stands there as it is cannot be missed, whatever the forms are
    let is_there = secrets.iter().any(|secret| secret.len() >= SHORTEST && contains(text, secret));
    assert!(is_found || !is_there, "a secret stands in the text");
}

fn split<'d>(data: &'d [u8], separator: &[u8]) -> Vec<&'d [u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(separator.len()).position(|window| window == separator) {
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest);
    parts
}

fn contains(text: &[u8], form: &[u8]) -> bool {
    text.windows(form.len()).any(|window| window == form)
}

/// The text in every way in which it can be read.
fn readings(text: &[u8], with_blanks: bool) -> Vec<Vec<u8>> {
    let unescaped = unescape(text);
    let mut found = vec![text.to_vec()];
    found.extend(unwrap(text));
    found.extend(unwrap(&unescaped));
    found.extend([unescaped, unpercent(text)]);
    if with_blanks {
        let blanks: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        found.push(unpercent(&blanks));
    }
    found
}

/// Without the escapes of JSON.
fn unescape(text: &[u8]) -> Vec<u8> {
    let unit = |at: usize| -> Option<u32> {
        let digits = std::str::from_utf8(text.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' || at + 1 == text.len() {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let escape = text[at + 1];
        at += 2;
        match escape {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => {
                let pair = || {
                    let (high, low) = (unit(at)?, unit(at + 6)?);
                    let is_pair = (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
                    let is_pair = is_pair && text.get(at + 4..at + 6) == Some(b"\\u");
                    is_pair.then(|| char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)))?
                };
                let (found, length) = match unit(at).and_then(char::from_u32) {
                    Some(char) => (Some(char), 4),
                    None => (pair(), 10),
                };
                match found {
                    Some(char) => {
                        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                        at += length;
                    }
                    None => out.push(b'u'),
                }
            }
            other => out.push(other),
        }
    }
    out
}

/// Without `%XX`.
fn unpercent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        match digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Without blanks and line breaks, if a line may begin or end with wrapped base64.
fn unwrap(text: &[u8]) -> Option<Vec<u8>> {
    let is_part = |line: &[u8]| {
        let of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
        let (first, last) = (line.trim_ascii().get(..40), line.trim_ascii().last_chunk::<40>());
        first.is_some_and(|part| part.iter().all(of_base64)) || last.is_some_and(|part| part.iter().all(of_base64))
    };
    let is_wrapped = text.contains(&b'\n') && text.split(|byte| *byte == b'\n').any(is_part);
    is_wrapped.then(|| text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect())
}
