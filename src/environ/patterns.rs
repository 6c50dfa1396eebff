//! Texts by which secrets are recognised in the output of a program: their values, encoded as programs print them.

use std::collections::BTreeSet;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::noncontiguous::NFA;

use crate::leak_scan::encoded_values;
use crate::secret::Wiping;
use crate::sort::CollectSorted;

/// Minimum length in bytes of a text that is recognised; anything shorter occurs by chance.
pub(super) const SHORTEST: usize = 6;

/// Maximum length in letters of a word; a longer sequence of letters is hardly one.
const LONGEST_WORD: usize = 12;

/// The texts of a set of secrets, and an automaton that finds all of them in one pass.
///
/// The automaton contains copies of the texts, which are not wiped: the process exists only as long as the program that
/// has the secrets itself.
pub struct SecretPatterns {
    automaton: NFA,
    start: StateID,
    /// For each state, the length of the longest beginning of a text that the input ends with.
    depths: Vec<u32>,
    /// Lines of the values.
    lines: Vec<Wiping<Vec<u8>>>,
}

impl SecretPatterns {
    /// The patterns of some values; none if there is nothing to recognise: values of fewer than six bytes and plain
    /// words are not.
    pub fn new<'s>(values: impl IntoIterator<Item = &'s [u8]>) -> Option<Self> {
        let mut lines = BTreeSet::new();
        let mut texts = BTreeSet::new();
        for value in values {
            let parts = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).chain(password_in_url(value));
            lines.extend(parts.filter(|part| is_distinct(part) && !part.starts_with(b"-----")));
            texts.extend(Some(value.trim_ascii()).filter(|text| is_distinct(text)));
        }
        texts.extend(lines.iter().copied());
        let forms: BTreeSet<Vec<u8>> = texts.iter().flat_map(|text| encode_text(text)).collect_set();
        let forms = Wiped(forms.into_iter().map(Wiping::new).collect());
        if forms.0.is_empty() {
            return None;
        }
        // the only error is that there are too many patterns: 2^31 bytes of them
        let automaton = NFA::builder().prefilter(false).build(forms.0.iter().map(|form| form.as_slice())).ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        let mut depths = Vec::new();
        for form in &forms.0 {
            let mut state = start;
            for (depth, byte) in (1_u32..).zip(form.iter()) {
                state = automaton.next_state(Anchored::No, state, *byte);
                if depths.len() <= state.as_usize() {
                    depths.resize(state.as_usize() + 1, 0);
                }
                if let Some(known) = depths.get_mut(state.as_usize()) {
                    *known = depth;
                }
            }
        }
        let lines = lines.into_iter().map(|line| Wiping::new(line.to_vec())).collect();
        Some(Self { automaton, start, depths, lines })
    }

    /// Lines of the values, sorted, each once.
    pub fn masked_lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(|line| line.as_slice())
    }

    pub(super) fn start(&self) -> StateID {
        self.start
    }

    pub(super) fn next_state(&self, state: StateID, byte: u8) -> StateID {
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// Length of the longest text that ends here.
    pub(super) fn longest_match(&self, state: StateID) -> Option<usize> {
        if !self.automaton.is_match(state) {
            return None;
        }
        let lengths = (0..self.automaton.match_len(state))
            .map(|index| self.automaton.pattern_len(self.automaton.match_pattern(state, index)));
        lengths.max()
    }

    /// Length of the end of the input that may be the beginning of a text.
    pub(super) fn depth(&self, state: StateID) -> usize {
        self.depths.get(state.as_usize()).map_or(0, |depth| usize::try_from(*depth).unwrap_or(usize::MAX))
    }
}

/// Texts that are wiped.
struct Wiped(Vec<Wiping<Vec<u8>>>);

/// Whether a text is long enough, and not a plain word.
fn is_distinct(text: &[u8]) -> bool {
    let is_word = || {
        let rest = text.get(1..).unwrap_or_default();
        text.len() <= LONGEST_WORD
            && text.iter().all(u8::is_ascii_alphabetic)
            && (rest.iter().all(u8::is_ascii_lowercase) || text.iter().all(u8::is_ascii_uppercase))
    };
    text.len() >= SHORTEST && !is_word()
}

/// The password in a URL, which programs log alone.
fn password_in_url(value: &[u8]) -> Option<&[u8]> {
    let authority = value.get(memchr::memmem::find(value, b"://")? + 3..)?;
    let end = authority.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(authority.len());
    let authority = authority.get(..end)?;
    let user = authority.get(..memchr::memrchr(b'@', authority)?)?;
    user.get(memchr::memchr(b':', user)? + 1..)
}

/// A text in all its encodings that are long enough.
fn encode_text(text: &[u8]) -> Vec<Vec<u8>> {
    let mut forms: Vec<Vec<u8>> = encoded_values(text).map(|form| form.to_vec()).collect();
    if let Ok(text) = std::str::from_utf8(text) {
        let json = json_escape(text);
        forms.push(json_escape(&json).into_bytes());
        // as Go writes it, and as programs write it that keep to ASCII
        forms.push(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").into_bytes());
        forms.push(to_ascii_json(&json).into_bytes());
        forms.push(json.replace('/', "\\/").into_bytes());
        forms.push(json.into_bytes());
        forms.push(text.replace('\'', r"'\''").into_bytes());
        forms.push(text.replace('\'', r#"'"'"'"#).into_bytes());
        forms.push(text.replace('\'', "''").into_bytes());
        forms.push(backslash(text, |char| r#"\"$`"#.contains(char)).into_bytes());
        // as `printf %q`
        forms.push(backslash(text, |char| char.is_ascii() && !is_unquoted(char)).into_bytes());
    }
    // what encoders leave as it is: RFC 3986, JavaScript, Python and paths, forms
    for kept in [&b""[..], b"!*'()", b"/", b"!*'();:@&=+$,/?#"] {
        let upper = percent_encode(text, kept, b"0123456789ABCDEF");
        if kept.is_empty() {
            forms.push(percent_encode(text, kept, b"0123456789abcdef"));
            let plus = String::from_utf8_lossy(&upper).replace("%20", "+");
            forms.push(plus.into_bytes());
        }
        forms.push(upper);
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn json_escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

fn to_ascii_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_ascii() {
            out.push(char);
        } else {
            out.extend(char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

fn is_unquoted(char: char) -> bool {
    char.is_ascii_alphanumeric() || "_@%+=:,./-".contains(char)
}

fn backslash(text: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for char in text.chars() {
        if is_special(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

fn percent_encode(text: &[u8], kept: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let digit = |half: u8| digits.get(usize::from(half)).copied().unwrap_or_default();
    let mut out = Vec::with_capacity(text.len() * 3);
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            out.push(*byte);
        } else {
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    /// The forms of a text that are recognised; the text itself if it is too short.
    pub(in super::super) fn forms_of(text: &[u8]) -> Vec<Vec<u8>> {
        if super::is_distinct(text) { super::encode_text(text) } else { vec![b"\0none\0".to_vec()] }
    }
}
