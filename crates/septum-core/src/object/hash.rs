//! Hash of an object's values as computed by kustomize (`api/hasher/hasher.go`).

use std::collections::BTreeMap;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::ObjectKind;
use crate::char_search::{PlainBytes, find_char};
use crate::resolve::ResolvedBytes;
use crate::secret::Wiping;
use crate::sops::NamingKey;

/// Number of characters of a hash in a name.
const LENGTH: usize = 10;

/// ASCII characters that Go writes as they are in JSON.
pub(super) static UNESCAPED: PlainBytes = PlainBytes::PRINTABLE.without(b"\"\\<>&");

/// Length at which kustomize breaks base64 into lines.
const LINE: usize = 70;

/// Hashed content: the values of an object and their purpose, but not its name.
pub(super) struct HashedContent<'a> {
    pub(super) kind: ObjectKind,
    /// `type` of a Secret.
    pub(super) secret_type: Option<&'a str>,
    pub(super) data: &'a BTreeMap<String, ResolvedBytes>,
}

impl HashedContent<'_> {
    /// Suffix that kustomize gives such an object.
    pub(super) fn suffix(&self) -> String {
        encode(&Sha256::digest(&*self.bytes()))
    }

    /// Suffix of the same form that cannot be computed without the key.
    pub(super) fn keyed_suffix(&self, key: &NamingKey) -> String {
        encode(&key.fingerprint(&self.bytes()))
    }

    /// Object as JSON, with the fields and the order in which Go writes it for kustomize.
    fn bytes(&self) -> Wiping<Vec<u8>> {
        // capacity for a whole Secret, so that its values are not left behind when the buffer grows
        let size = |(key, value): (&String, &ResolvedBytes)| 2 * (key.len() + value.bytes().len()) + 16;
        let mut out = Wiping::new(Vec::with_capacity(self.data.iter().map(size).sum::<usize>() + 256));
        let (texts, binaries): (Vec<_>, Vec<_>) =
            self.data.iter().partition(|(_, value)| self.kind == ObjectKind::Secret || value.text().is_some());
        out.push(b'{');
        if !binaries.is_empty() {
            out.extend(b"\"binaryData\":");
            self.write_map(&mut out, &binaries);
            out.push(b',');
        }
        out.extend(b"\"data\":");
        match (self.kind, texts.is_empty()) {
            // a ConfigMap whose map was never created: the field is absent, which reads as an empty text
            (ObjectKind::ConfigMap, true) => out.extend(b"\"\""),
            (ObjectKind::ConfigMap | ObjectKind::Secret, _) => self.write_map(&mut out, &texts),
        }
        out.extend(b",\"kind\":");
        write_string(&mut out, self.kind.as_str());
        // kustomize reads the name from a field that does not exist, so that the same values have the same suffix under
        // any name
        out.extend(b",\"name\":\"\"");
        if let Some(secret_type) = self.secret_type {
            out.extend(b",\"type\":");
            write_string(&mut out, secret_type);
        }
        out.push(b'}');
        out
    }

    fn write_map(&self, out: &mut Vec<u8>, entries: &[(&String, &ResolvedBytes)]) {
        out.push(b'{');
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_string(out, key);
            out.push(b':');
            match (self.kind, value.text()) {
                (ObjectKind::ConfigMap, Some(text)) => write_string(out, text),
                (ObjectKind::ConfigMap | ObjectKind::Secret, _) => write_base64(out, value.bytes()),
            }
        }
        out.push(b'}');
    }
}

/// Writes base64 as a JSON string, broken after every 70 characters if it is that long.
fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let text = Wiping::new(STANDARD.encode(bytes));
    out.push(b'"');
    if text.len() < LINE {
        out.extend(text.as_bytes());
    } else {
        for line in text.as_bytes().chunks(LINE) {
            out.extend(line);
            out.extend(b"\\n");
        }
    }
    out.push(b'"');
}

/// Writes a JSON string as Go does, which escapes characters that are special in HTML and JavaScript.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    // most characters need no escape
    while let Some((at, char)) = find_char(rest, &UNESCAPED, is_escaped) {
        out.extend(rest.as_bytes().get(..at).unwrap_or_default());
        match char {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            '\u{8}' => out.extend(b"\\b"),
            '\u{c}' => out.extend(b"\\f"),
            _ => {
                // writing to memory does not fail
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
        }
        rest = rest.get(at + char.len_utf8()..).unwrap_or_default();
    }
    out.extend(rest.as_bytes());
    out.push(b'"');
}

fn is_escaped(char: char) -> bool {
    matches!(char, '\0'..='\u{1f}' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

/// Start of a hash in hexadecimal, with letters for some digits and for the vowels, so that it contains no words.
pub(super) fn encode(hash: &[u8]) -> String {
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let letter = |digit: u8| match digit {
        0x0 => 'g',
        0x1 => 'h',
        0x3 => 'k',
        0xa => 'm',
        0xe => 't',
        digit => char::from_digit(u32::from(digit), 16).unwrap_or_default(),
    };
    digits.map(letter).take(LENGTH).collect()
}

#[cfg(test)]
mod tests {

    use serde_json::Value as Json;

    use super::*;

    /// Suffix of a test vector, which contains the values and the suffix that kustomize computed.
    fn suffix(vector: &Json) -> String {
        let of = |field: &str| vector[field].as_object().expect("a mapping").clone().into_iter();
        let text = |value: Json| value.as_str().expect("a text").to_owned();
        let texts = of("text").map(|(key, value)| (key, text(value).into_bytes()));
        let binaries = of("binary_b64").map(|(key, value)| (key, STANDARD.decode(text(value)).expect("base64")));
        let data = texts.chain(binaries).map(|(key, bytes)| (key, ResolvedBytes::File(bytes.into()))).collect();
        let kind = if vector["kind"] == "Secret" { ObjectKind::Secret } else { ObjectKind::ConfigMap };
        HashedContent { kind, secret_type: vector["type"].as_str(), data: &data }.suffix()
    }

    #[test]
    fn suffixes_are_those_of_kustomize() {
        let lines = include_str!("../../../../tests/vectors/kustomize/hash.jsonl").lines();
        let vectors: Vec<Json> = lines.map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert!(vectors.len() >= 80, "only {} vectors", vectors.len());
        for vector in &vectors {
            assert_eq!(suffix(vector), vector["suffix"], "{vector}");
        }
    }

    #[test]
    fn base64_is_broken_where_kustomize_breaks_it() {
        for (length, expected) in [(51, "m2h96d65c7"), (52, "hbbkftbd44")] {
            let data = [(format!("K{length}"), ResolvedBytes::File("x".repeat(length).into_bytes().into()))].into();
            let content = HashedContent { kind: ObjectKind::Secret, secret_type: Some("Opaque"), data: &data };
            assert_eq!(content.suffix(), expected, "{length}");
        }
    }
}
