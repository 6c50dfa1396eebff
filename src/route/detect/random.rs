//! Whether a text looks made by a machine.
//!
//! Entropy is a poor witness for configuration: most secrets have less of it than most addresses.
//! So it only decides where a word has spoken already, and softly.

/// Shannon entropy in bits per character.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total: f64 = counts.iter().copied().map(f64::from).sum();
    let share = |count: &u32| f64::from(*count) / total;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

/// Whether a value under a weak head word is likely a secret: long, of letters and digits, and
/// neither address nor path nor identifier.
pub(super) fn looks_random(text: &str) -> bool {
    (16..=1024).contains(&text.len()) && mixed(text) && entropy(text) >= 3.2 && !is_structured(text)
}

/// Whether a text holds letters and digits and no space.
pub(super) fn mixed(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a text is made of parts with a meaning: a host, a path, a list, a UUID.
fn is_structured(text: &str) -> bool {
    let base64 = |char: char| char.is_ascii_alphanumeric() || "+/=_-".contains(char);
    !text.chars().all(base64) || is_uuid(text) || is_wordy(text)
}

/// Whether a text is dashes (or slashes) between short words: `app-of-apps-2024`, `kube/config-v1`.
fn is_wordy(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '_', '/']).collect();
    let is_word = |part: &&str| {
        part.len() <= 12
            && (part.bytes().all(|byte| byte.is_ascii_alphabetic()) || part.bytes().all(|byte| byte.is_ascii_digit()))
            || part.len() <= 4
    };
    parts.len() > 1 && parts.iter().all(is_word)
}

/// Whether a text has the form of a UUID.
pub(super) fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machine_made_texts_look_random() {
        for text in ["hZ8fQ2mX7vKp4TnR", "9f86d081884c7d659a2feaa0c55ad015", "AQDCZLtXORt+JhAAAXhDV4rlgpl2ccp4zDVROA=="]
        {
            assert!(looks_random(text), "{text}");
        }
        for text in [
            "",
            "short1",
            "kubernetes.io/hostname",
            "app-of-apps-2024",
            "https://example.com/a1b2c3d4",
            "123e4567-e89b-12d3-a456-426614174000",
            "a sentence with 1 digit",
            "onlylettersonlyletters",
            "1111111111111111a",
            "registry.example.com:5000/x1",
        ] {
            assert!(!looks_random(text), "{text}");
        }
    }
}
