//! Host names (RFC 1123) in ASCII, with internationalized labels as `xn--…` (RFC 5891).

use super::international_label::is_encoded_label;

/// `example.com`
pub(super) fn is_hostname(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_sound = (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-');
    // `--` in this place is reserved for encodings, of which there is one
    let is_encoded = label.get(2..4) == Some("--");
    is_sound && (!is_encoded || label.strip_prefix("xn--").is_some_and(is_encoded_label))
}
