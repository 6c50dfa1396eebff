//! Detection of credentials.

use septum_detect::{DetectionSummary, TextKind, classify, is_literal, is_literal_credential, rate_uniqueness};

use crate::input::first_parts;

/// Input: a name, and a value.
pub(crate) fn check(data: &[u8]) {
    let [key, text] = first_parts::<2>(data);
    let key = key.trim_end_matches('\n');
    for kind in [TextKind::Template, TextKind::Literal] {
        let detection = classify(key, Some(&text), kind);
        assert_eq!(detection, classify(key, Some(&text), kind), "another answer to the same question");
        assert_eq!(detection.is_sensitive(), !detection.reasons().is_empty(), "{detection:?}");
        let Some(hit) = &detection.by_value else { continue };
        let Some(range) = hit.range.clone() else { continue };
        let credential = text.get(range).expect("the range is one of the text");
        let is_shown = credential.len() >= 8 && hit.reason.contains(credential) && !key.contains(credential);
        assert!(!is_shown, "a reason shows the value: {}", hit.detector);
    }
    let _ = (is_literal(key, &text, TextKind::Literal), is_literal_credential(key, &text));
    rate_uniqueness(key, &text, || DetectionSummary::of(key, &text));
}
