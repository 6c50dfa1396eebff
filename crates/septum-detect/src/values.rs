//! Credentials recognised by the structure of a value, whatever its name.
//!
//! One pass searches for the keywords of all detectors; only detectors whose keyword occurs run, and a detector's regular
//! expression is compiled when it first runs. A project of usual size needs a handful of them, and compiling dominates
//! the cost.

pub(super) mod check;
mod connection;
pub(super) mod der;
mod document;
mod hash;
mod keywords;
mod pattern;
mod signed;
mod token;

use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::assignments;
use super::literal::{blank_templates, without_tags};
use keywords::KeywordIndex;
use septum_base::test_hook;

/// Certainty of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It looks like a credential, but a harmless value may look the same.
    Likely,
    /// The structure is that of a credential, and what can be checked offline holds.
    Certain,
}

/// Credential found in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueHit {
    /// Name of the detector, as used in `allow`.
    pub detector: &'static str,
    /// Certainty of the detector.
    pub certainty: Certainty,
    /// Description of the credential for people; never the value, a part of it or its length.
    pub reason: String,
    /// Byte range of the credential in the value, if known.
    pub range: Option<Range<usize>>,
}

impl ValueHit {
    /// Removes a name that was read in the value.
    #[must_use]
    pub fn without_names(self) -> Self {
        let reason = if self.reason.contains('`') { "text that sets a credential".to_owned() } else { self.reason };
        Self { reason, ..self }
    }

    fn new(detector: &'static str, found: DetectorFinding) -> Self {
        Self { detector, certainty: found.certainty, reason: found.reason.to_owned(), range: found.range }
    }
}

/// Input of a detector.
struct DetectorInput<'a> {
    key: &'a str,
    /// Value as it is written.
    text: &'a str,
    /// Value with templates blanked out, at the same offsets.
    literal: &'a str,
}

impl DetectorInput<'_> {
    /// Whether the name, or the text shortly before `at`, contains one of these words. Some tokens are mere hexadecimal
    /// digits and need such evidence.
    fn mentions(&self, words: &[&str], at: usize) -> bool {
        let mut from = at.saturating_sub(80);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        let near = self.text.get(from..at).unwrap_or_default().to_lowercase();
        let key = self.key.to_lowercase();
        words.iter().any(|word| near.contains(word) || key.contains(word))
    }
}

/// Finding of a detector.
struct DetectorFinding {
    certainty: Certainty,
    reason: &'static str,
    range: Option<Range<usize>>,
}

impl DetectorFinding {
    fn certain(reason: &'static str, range: Range<usize>) -> Self {
        Self { certainty: Certainty::Certain, reason, range: Some(range) }
    }

    fn likely(reason: &'static str, range: Range<usize>) -> Self {
        Self { certainty: Certainty::Likely, reason, range: Some(range) }
    }
}

/// Detector: it runs when the value or its name contains one of the keywords.
struct Detector {
    name: &'static str,
    keywords: &'static [&'static str],
    find: fn(&DetectorInput) -> Option<DetectorFinding>,
}

/// Detector that its keywords call.
#[derive(Clone, Copy)]
enum ValueDetector {
    Detector(&'static Detector),
    Token(&'static token::TokenForm),
}

impl ValueDetector {
    fn name(self) -> &'static str {
        match self {
            Self::Detector(detector) => detector.name,
            Self::Token(_) => "provider-token",
        }
    }

    fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::Detector(detector) => detector.keywords,
            Self::Token(form) => form.marks,
        }
    }

    fn find(self, scan: &DetectorInput) -> Option<DetectorFinding> {
        match self {
            Self::Detector(detector) => (detector.find)(scan),
            Self::Token(form) => form.find(scan),
        }
    }
}

/// All detectors; the position is their number in the index of keywords.
static RULES: LazyLock<Vec<ValueDetector>> = LazyLock::new(|| {
    let families = [connection::DETECTORS, document::DETECTORS, hash::DETECTORS, signed::DETECTORS, token::DETECTORS];
    families
        .into_iter()
        .flatten()
        .map(ValueDetector::Detector)
        .chain(token::FORMS.iter().map(ValueDetector::Token))
        .collect()
});

/// Keywords of all detectors.
static KEYWORDS: LazyLock<KeywordIndex> = LazyLock::new(|| {
    let rules = RULES.iter().enumerate();
    KeywordIndex::new(rules.flat_map(|(owner, rule)| rule.keywords().iter().map(move |word| (owner, *word))))
});

/// Searches for a credential in a value. The most certain hit wins, and among equals the first detector.
///
/// Templates in the value are skipped: only a literal text can be a credential in plain text.
pub fn detect_credential(key: &str, text: &str) -> Option<ValueHit> {
    let literal = blank_templates(text);
    let hit = detect_literal(&DetectorInput { key, text, literal: &literal });
    if hit.as_ref().is_some_and(|hit| hit.certainty == Certainty::Certain) {
        return hit;
    }
    detect_in_base64(key, text).or(hit).or_else(|| assignments::find_assignment(key, &literal))
}

fn detect_literal(scan: &DetectorInput) -> Option<ValueHit> {
    let mut best: Option<ValueHit> = None;
    for rule in candidate_detectors(scan) {
        test_hook::count_work(scan.text.len());
        let Some(found) = rule.find(scan) else { continue };
        if best.as_ref().is_none_or(|best| best.certainty < found.certainty) {
            best = Some(ValueHit::new(rule.name(), found));
        }
    }
    best
}

/// Detectors whose keyword is in the value or its name, each once and in their order.
fn candidate_detectors(scan: &DetectorInput) -> impl Iterator<Item = ValueDetector> {
    // most values call no detector, and then nothing is allocated; a long one calls few detectors many times
    let mut called: Vec<usize> = Vec::new();
    for text in [scan.key, scan.text] {
        KEYWORDS.each_owner(text, |owner| {
            if let Err(at) = called.binary_search(&owner) {
                called.insert(at, owner);
            }
        });
    }
    called.into_iter().filter_map(|owner| RULES.get(owner).copied())
}

/// Decodes a value that is Base64 as a whole and searches it, once.
fn detect_in_base64(key: &str, text: &str) -> Option<ValueHit> {
    let is_packed = |byte: u8| check::is_base64(byte) || matches!(byte, b'\n' | b'\r');
    if !text.trim().bytes().all(is_packed) {
        return None;
    }
    let packed: String = text.trim().split(['\n', '\r']).collect();
    let plausible = packed.len() >= 24 && packed.len().is_multiple_of(4);
    let bytes = plausible.then(|| STANDARD.decode(packed.as_bytes()).ok()).flatten()?;
    if der::is_private(&bytes) {
        return Some(whole_text_hit("private-key", "private key in DER format", text));
    }
    let inner = String::from_utf8(bytes).ok()?;
    let printable = inner.chars().all(|char| !char.is_control() || matches!(char, '\n' | '\r' | '\t'));
    // a packed text is never rendered
    let inner = without_tags(&inner);
    let literal = blank_templates(&inner);
    let scan = || {
        detect_literal(&DetectorInput { key, text: &inner, literal: &literal })
            .or_else(|| assignments::find_assignment(key, &literal))
    };
    let hit = printable.then(scan).flatten()?;
    Some(ValueHit { reason: format!("{}, encoded in base64", hit.reason), range: Some(0..text.len()), ..hit })
}

fn whole_text_hit(detector: &'static str, reason: &'static str, text: &str) -> ValueHit {
    ValueHit::new(detector, DetectorFinding::certain(reason, 0..text.len()))
}

/// JSON object in a Base64 text without padding.
fn json_in_base64(text: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_rule_has_keywords_and_every_detector_its_own_name() {
        let mut names: Vec<&str> = RULES
            .iter()
            .copied()
            .filter(|rule| matches!(rule, ValueDetector::Detector(_)))
            .map(ValueDetector::name)
            .collect();
        assert!(RULES.iter().all(|rule| !rule.keywords().is_empty()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    proptest! {
        /// Builds with assertions compile every expression and check what is said of its matches.
        #[test]
        fn a_match_has_the_parts_of_its_pattern(
            key in prop::sample::select(vec!["X", "AZURE_STORAGE", "AWS_SECRET", "API_AUTH", "MY_PRIVATE_KEY", "clusters"]),
            parts in proptest::collection::vec(
                prop_oneof![
                    prop::sample::select(vec![
                        "-----BEGIN ", "-BEGIN ", "RSA ", "PRIVATE KEY", "PRIVATE_KEY", " BLOCK", "-----", "PuTTY-User-Key-File-2",
                        "client-key-data", "clusters users contexts", "\n  token: ", "\n password: ", "eyJhbGciOiJIUzI1NiJ9.", "eyJhbGciOiJI.",
                        "PrivateKey", "PresharedKey", "\n//registry/:", "_authToken", "_password", "_auth", "machine db login app password ",
                        "Basic ", "bearer ", "jdbc:oracle:thin:", "jdbc:db?", "&password", "&PWD", "LoginModule required ", "password",
                        "app:", "@tcp(", "@(", "db)/", "--", "requirepass ", "masterauth ", "IDENTIFIED BY ", "user ", "://db?", "&api_key",
                    ]).prop_map(str::to_owned),
                    prop::sample::select(vec![
                        "hooks.slack.com/services/", "webhook.office.com/IncomingWebhook/", "discord.com/api/webhooks/123456789012345678/",
                        "?X-Amz-Signature", "&sig", "sig", "&sv=2024-01-01", "sv=2024-01-01", "AccountKey", "SharedAccessKey",
                        "azconfig.io;Id=a;Secret", "1Q~", "AKIAQ3EGRT7ZXCVBNM52", "aws secret ", "token ", "bootstrap ", "twilio ", "SK",
                        "plex claim-", "vault s.", "nuget oy2", "cargo cio", "mailgun key-", "discord M", "ghp_", "glpat-", "sk-ant-", "$2a$10$",
                        "{SSHA}", "userPassword: ", "\"d\": \"",
                    ]).prop_map(str::to_owned),
                    prop::sample::select(vec!["=", "==", " = ", ": ", "'", "\"", ".", "&", "/", "\n", " ", ";", "-"]).prop_map(str::to_owned),
                    "[a-z0-9]{6}\\.",
                    prop_oneof!["[0-9a-f]{32,36}", "[A-Za-z0-9]{16,43}", "[A-Za-z0-9]{86}", "[A-Za-z0-9]{24}\\.[A-Za-z0-9]{6}\\."],
                ],
                0..8,
            ),
        ) {
            let text = parts.concat();
            for text in [text.to_ascii_lowercase(), text.to_ascii_uppercase(), text] {
                let _ = detect_credential(key, &text);
            }
        }
    }

    #[test]
    fn base64_is_unpacked_once() {
        let packed = STANDARD.encode("postgres://app:hunter2@db/app");
        let hit = detect_credential("CONFIG", &packed).expect("found");
        assert_eq!((hit.detector, hit.reason.as_str()), ("url-password", "URL with a password, encoded in base64"));
        assert_eq!(detect_credential("CONFIG", &STANDARD.encode(&packed)), None);
        let packed = STANDARD.encode("db:\n  host: db\n  password: hunter2\n");
        assert_eq!(detect_credential("CONFIG", &packed).map(|hit| hit.detector), Some("assignment"));
        assert_eq!(detect_credential("CONFIG", &STANDARD.encode("nothing of interest in here")), None);
    }
}
