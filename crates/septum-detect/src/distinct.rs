//! Likelihood that a text contains the value of a secret on purpose and not by chance.
//!
//! A password such as `checkout-db` is also the name of a host, so finding it in plain text means nothing. A randomly
//! generated one is never found by chance.

use super::literal::is_literal;
use super::random::{is_uuid, looks_random};
use super::vocabulary::HEADS;
use super::{TextKind, benign_values, classify, words};

/// Minimum length in bytes; anything shorter occurs by chance.
pub const SHORTEST: usize = 8;

/// Minimum length in bytes of a phrase; anything shorter is a word, unless it looks generated.
const SHORTEST_PHRASE: usize = 16;

/// Uniqueness of a value in other texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uniqueness {
    /// Occurs by chance: short, a word, a name, an address, a placeholder.
    Common,
    /// Too long to occur by chance, but could be a part of a longer word.
    Phrase,
    /// Only the value itself looks like this.
    Random,
}

/// Detection result of an entry by its name and its value, in some environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectionSummary {
    /// Whether the name marks it as a secret.
    pub by_name: bool,
    /// Whether a detector found a credential in the value.
    pub by_value: bool,
}

impl DetectionSummary {
    /// Classifies an entry by name and value.
    pub fn of(key: &str, text: &str) -> Self {
        let detection = classify(key, Some(text), TextKind::Literal);
        Self { by_name: detection.name_decides(), by_value: detection.by_value.is_some() }
    }
}

/// Rates the uniqueness of the value of a key. Calls `heard` only where the value alone does not decide, since that is
/// the larger part of the work.
pub fn rate_uniqueness(key: &str, text: &str, heard: impl Fn() -> DetectionSummary) -> Uniqueness {
    let text = text.trim();
    if text.len() < SHORTEST {
        return Uniqueness::Common;
    }
    if has_password(text) && heard().by_value {
        return Uniqueness::Random;
    }
    if !super::is_literal(key, text, TextKind::Literal) {
        return Uniqueness::Common;
    }
    let is_address = benign_values::is_public(text) || is_host(text);
    if !is_address && looks_generated(text) {
        return Uniqueness::Random;
    }
    let DetectionSummary { by_name, by_value } = heard();
    // a credential found in another environment need not be in this one
    if (by_value && DetectionSummary::of(key, text).by_value) || (by_name && is_uuid(text)) {
        return Uniqueness::Random;
    }
    let is_phrase = text.len() >= SHORTEST_PHRASE && !is_address && !is_uuid(text);
    if is_phrase && (text.contains(char::is_whitespace) || (by_name && !names_a_thing(text))) {
        return Uniqueness::Phrase;
    }
    Uniqueness::Common
}

/// Whether a text is a URL with a literal password; approximate.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    password.is_some_and(|(_, password)| is_literal("", password)) && !text.contains(char::is_whitespace)
}

/// Whether letters and digits are mixed as in no name: `hunter2hunter2`, `Tr0ub4dor&3`.
fn looks_generated(text: &str) -> bool {
    let kinds = CharacterKinds::of(text);
    if kinds.has_whitespace_in(text) || text.contains("://") || is_uuid(text) {
        return false;
    }
    let in_one = kinds.has(LOWER) && kinds.has(UPPER) && !text.contains(['-', '_', '.', '/']) && looks_random(text);
    in_one || kinds.turns_as_in_no_name() || kinds.has_all()
}

/// Kinds of characters in a text, found in one pass: it may be a long one.
#[derive(Default)]
struct CharacterKinds {
    /// Kinds that occur, of [`KINDS`].
    found: u8,
    /// Digits behind a letter.
    into_digits: usize,
    /// Letters behind a digit.
    out_of_digits: usize,
}

const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
/// A character that no name contains.
const SIGN: u8 = 8;
/// ASCII whitespace.
const BLANK: u8 = 16;
/// A part of a character that is not ASCII, some of which are whitespace.
const WIDE: u8 = 32;

/// Kind of each byte.
const KINDS: [u8; 256] = {
    let mut kinds = [WIDE; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'-' | b'_' | b'.' | b':' | b'/' | b',' | b';' | b'=' => 0,
            b' ' | b'\t'..=b'\r' => BLANK,
            _ => SIGN,
        };
        byte += 1;
    }
    kinds
};

impl CharacterKinds {
    fn of(text: &str) -> Self {
        let mut kinds = Self::default();
        let mut before = 0;
        for byte in text.bytes() {
            let kind = KINDS.get(usize::from(byte)).copied().unwrap_or_default();
            kinds.found |= kind;
            kinds.into_digits += usize::from(before & (LOWER | UPPER) != 0 && kind == DIGIT);
            kinds.out_of_digits += usize::from(before == DIGIT && kind & (LOWER | UPPER) != 0);
            before = kind;
        }
        kinds
    }

    fn has(&self, kind: u8) -> bool {
        self.found & kind != 0
    }

    /// Whether there is whitespace in the text, whose kinds these are.
    fn has_whitespace_in(&self, text: &str) -> bool {
        self.has(BLANK) || (self.has(WIDE) && text.contains(char::is_whitespace))
    }

    /// Whether letters and digits are adjacent more than twice, and not every digit ends its word. `eu-west-1`,
    /// `web1-disk2-part3` and `k8s` are names.
    fn turns_as_in_no_name(&self) -> bool {
        self.out_of_digits > 0 && self.into_digits + self.out_of_digits > 2
    }

    /// Whether a text has at least two of lower case, upper case and digits, and a character that no name contains.
    fn has_all(&self) -> bool {
        self.has(SIGN) && [LOWER, UPPER, DIGIT].into_iter().filter(|kind| self.has(*kind)).count() >= 2
    }
}

/// Whether a text is a host or a mail address, with or without a port. Cloud providers give hosts names that look
/// random.
fn is_host(text: &str) -> bool {
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let text = match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => text,
    };
    let labels: Vec<&str> = text.split('.').collect();
    let is_label = |label: &&str| {
        let of_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(of_label)
    };
    let ends_so = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_lowercase()));
    labels.len() > 1 && ends_so && labels.iter().all(is_label)
}

/// Whether a text is the name of an object that holds a secret: `checkout-db-password`.
fn names_a_thing(text: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let is_head = |word: &String| word == "key" || HEADS.iter().any(|(head, _)| head == word);
    text.bytes().all(of_name) && text.contains(['-', '_', '.']) && words::split_name(text).iter().any(is_head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_made_stands_out_and_what_people_call_things_does_not() {
        use Uniqueness::{Common, Phrase, Random};
        for (key, text, expected) in [
            ("PASSWORD", "hunter2hunter2", Random),
            ("PASSWORD", "Tr0ub4dor&3", Random),
            ("PASSWORD", "s3cr3tpassw0rd", Random),
            ("TOKEN", "9f86d081884c7d659a2feaa0c55ad015", Random),
            ("X", "xQ7!vbPz", Random),
            ("DATABASE_URL", "postgres://app:invented-pass@db/app", Random),
            ("DATABASE_URL", "postgres://app:${PASSWORD}@db/app", Common),
            ("CLIENT_SECRET", "123e4567-e89b-12d3-a456-426614174000", Random),
            ("TENANT_ID", "123e4567-e89b-12d3-a456-426614174000", Common),
            ("PASSWORD", "correct-horse-battery-staple", Phrase),
            ("PASSWORD", "mysecretpassword", Phrase),
            ("NOTE", "not a word of this to anyone", Phrase),
            ("PASSWORD", "checkout-db", Common),
            ("PASSWORD", "checkout-db-password", Common),
            ("PASSWORD", "postgres", Common),
            ("PASSWORD", "hunter2", Common),
            ("PASSWORD", "changeme-please", Common),
            ("PASSWORD", "{{ vars.x }}", Common),
            ("HOST", "db.c9akciq32x1.eu-west-1.rds.amazonaws.com", Common),
            ("HOST", "db.c9akciq32x1.eu-west-1.rds.amazonaws.com:5432", Common),
            ("REGION", "eu-west-1", Common),
            ("DISK", "web1-disk2-part3", Common),
            ("X", "qXvBnLpTzKwR7mJh", Random),
            ("URL", "https://a1b2c3d4.example.com/x", Common),
            ("FILE", "/run/a1b2c3d4/x", Common),
            ("LIMIT", "10000000", Common),
            ("username", "checkout_app_user1", Common),
        ] {
            assert_eq!(rate_uniqueness(key, text, || DetectionSummary::of(key, text)), expected, "{key}: {text}");
        }
    }
}
