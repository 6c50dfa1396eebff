//! Detection of randomly generated texts.
//!
//! Entropy is weak evidence in configuration: most secrets have less of it than most addresses. It therefore only
//! confirms a suspicious name, with low thresholds.

use septum_base::sort::CollectSorted;

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

/// Whether a value under a weak head word is likely a secret: long, of letters and digits, and not an address, a path
/// or an identifier.
pub(super) fn looks_random(text: &str) -> bool {
    (16..=1024).contains(&text.len()) && is_mixed(text) && entropy(text) >= 3.2 && !is_structured(text)
}

/// Whether a text contains letters and digits and no space.
pub(super) fn is_mixed(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether some part of a text, split at separators, is randomly generated: `example-k3J9xq`.
pub(super) fn has_random_part(text: &str) -> bool {
    text.split(|char: char| !char.is_ascii_alphanumeric()).any(is_random_part)
}

/// Whether letters and digits alternate as in no word; `oauth2`, `v1beta1` and `sha256` are words.
fn is_random_part(part: &str) -> bool {
    let turns = count_turns(part);
    part.len() >= 6 && turns >= 4 || part.len() >= 16 && turns >= 2
}

/// Number of places where a letter and a digit are adjacent.
pub(super) fn count_turns(text: &str) -> usize {
    let pairs = text.bytes().zip(text.bytes().skip(1));
    let differ =
        |a: u8, b: u8| a.is_ascii_alphabetic() && b.is_ascii_digit() || a.is_ascii_digit() && b.is_ascii_alphabetic();
    pairs.filter(|(a, b)| differ(*a, *b)).count()
}

/// Whether a text is a password of mixed characters: short, of letters and digits, with a character that no name, path,
/// address or expression contains.
pub(super) fn is_mixed_password(text: &str) -> bool {
    if !(8..=64).contains(&text.len()) {
        return false;
    }
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    let kinds =
        [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit].into_iter().filter(|kind| has(*kind));
    let kinds = kinds.count();
    if kinds < 2 {
        return false;
    }
    let signs = text.bytes().filter(|byte| b"!#$^&*?~@".contains(byte)).collect_set();
    let of_code = |byte: u8| !byte.is_ascii_graphic() || b"()[]{}<>|\\\"'`/".contains(&byte);
    let enough = match kinds {
        3 if signs.iter().eq([&b'@']) => !text.contains('.'),
        3 => !signs.is_empty(),
        2 => signs.len() >= 2,
        _ => false,
    };
    !text.bytes().any(of_code) && enough
}

/// Whether a text consists of meaningful parts: a host, a path, a list, a UUID.
fn is_structured(text: &str) -> bool {
    let base64 = |char: char| char.is_ascii_alphanumeric() || "+/=_-".contains(char);
    !text.chars().all(base64) || is_uuid(text) || is_wordy(text)
}

/// Whether a text consists of short words joined by dashes, underscores or slashes: `app-of-apps-2024`,
/// `kube/config-v1`.
fn is_wordy(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '_', '/']).collect();
    let is_word = |part: &&str| {
        part.len() <= 12
            && (part.bytes().all(|byte| byte.is_ascii_alphabetic()) || part.bytes().all(|byte| byte.is_ascii_digit()))
            || part.len() <= 4
            || (part.len() <= 7 && count_turns(part) <= 1)
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
    fn passwords_of_mixed_signs_are_neither_addresses_nor_expressions() {
        for text in ["Tr0ub4dor&3", "p@ss!W0rd#x9", "s3cr3t!pass#", "Summer2024!", "aB3$efgh"] {
            assert!(is_mixed_password(text), "{text}");
        }
        for text in [
            "user1@example.com",
            "User1@example.com",
            "https://Example.com/x?a1",
            "^[A-Z]{3}[0-9]+$",
            "checkout-db-1",
            "kubernetes.io/hostname",
            "short!1",
            "${NAME}1!a",
            "Hello, world!",
        ] {
            assert!(!is_mixed_password(text), "{text}");
        }
    }

    #[test]
    fn a_made_part_turns_between_letters_and_digits() {
        for text in ["example-k3J9xq", "5up3r53cr37", "9f86d081884c7d65", "x_hZ8fQ2mX7vKp4TnR"] {
            assert!(has_random_part(text), "{text}");
        }
        for text in ["oauth2", "v1beta1", "sha256", "replace-me", "s3-bucket-2", "db2.example.com", "changeme123"] {
            assert!(!has_random_part(text), "{text}");
        }
    }

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
