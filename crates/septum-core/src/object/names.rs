//! Kubernetes rules for names (kubernetes/apimachinery, pkg/util/validation).

use crate::name::{is_dns_label, wrong_dns_label};

/// Longest DNS-1123 subdomain: names of objects, prefixes of labels.
const MAX_SUBDOMAIN: usize = 253;
/// Longest name of an object before a dash and ten characters of a hash.
pub(super) const MAX_BASE: usize = MAX_SUBDOMAIN - 11;
/// Longest name and value of a label.
const MAX_LABEL: usize = 63;
/// Longest key of a ConfigMap or Secret.
const MAX_KEY: usize = 253;

/// Reason why a text is not a valid name of an object (`IsDNS1123Subdomain`).
pub fn wrong_object_name(name: &str) -> Option<&'static str> {
    if name.len() > MAX_SUBDOMAIN {
        return Some("it is longer than 253 characters");
    }
    (!name.split('.').all(is_dns_label)).then_some(
        "it must consist of lower-case letters, digits, `-` and `.`, and start and end with a letter or digit",
    )
}

/// Reason why a text is not a valid name of a namespace.
pub(super) fn wrong_namespace(name: &str) -> Option<&'static str> {
    wrong_dns_label(name)
}

/// Reason why a text is not a valid key of a ConfigMap or Secret (`IsConfigMapKey`).
pub(super) fn wrong_key(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("it is empty");
    }
    if key.len() > MAX_KEY {
        return Some("it is longer than 253 characters");
    }
    if key == "." || key.starts_with("..") {
        return Some("it must not be `.` or start with `..`");
    }
    (!key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)))
        .then_some("it must consist of letters, digits, `-`, `_` and `.`")
}

/// Valid key nearest to an invalid one. `:` becomes `__`, which .NET converts back.
pub(super) fn nearest_key(key: &str) -> Option<String> {
    let valid: String = key
        .replace(':', "__")
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || "-._".contains(char) { char } else { '_' })
        .take(MAX_KEY)
        .collect();
    let valid = if valid == "." || valid.starts_with("..") { valid.trim_start_matches('.').to_owned() } else { valid };
    (!valid.is_empty() && wrong_key(&valid).is_none() && valid.chars().any(|char| char != '_')).then_some(valid)
}

/// Valid object name nearest to an invalid one.
pub(super) fn nearest_object_name(name: &str) -> Option<String> {
    let valid: String = name
        .to_lowercase()
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || char == '.' { char } else { '-' })
        .take(MAX_SUBDOMAIN)
        .collect();
    let valid = valid.trim_matches(['-', '.']).to_owned();
    wrong_object_name(&valid).is_none().then_some(valid)
}

/// Reason why a text is not a valid key of a label or annotation (`IsQualifiedName`). The server compares annotations
/// in lower case, which allows the same letters.
pub(super) fn wrong_label_key(key: &str) -> Option<&'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|prefix| wrong_object_name(prefix).is_some()) {
        return Some("the part before `/` must be a lower-case DNS name");
    }
    if name.is_empty() {
        return Some("its name is empty");
    }
    wrong_label_value(name)
}

/// Reason why a text is not a valid value of a label (`IsValidLabelValue`).
pub(super) fn wrong_label_value(value: &str) -> Option<&'static str> {
    if value.len() > MAX_LABEL {
        return Some("it is longer than 63 characters");
    }
    let bytes = value.as_bytes();
    let ends_well = [bytes.first(), bytes.last()].into_iter().flatten().all(u8::is_ascii_alphanumeric);
    let all_valid = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    (!ends_well || !all_valid)
        .then_some("it must consist of letters, digits, `-`, `_` and `.`, and start and end with a letter or digit")
}

/// Whether a key is a variable name that every shell and every cluster accepts: the strict rule of Kubernetes allows
/// `-` and `.`, and kubelets before 1.30 skipped names that break even that rule.
pub(super) fn is_portable_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_are_dns_subdomains() {
        for (name, valid) in [
            ("checkout", true),
            ("a.b-c", true),
            ("A_b", false),
            ("a..b", false),
            ("-a", false),
            ("a-", false),
            ("", false),
            (&"a".repeat(253), true),
            (&"a".repeat(254), false),
        ] {
            assert_eq!(wrong_object_name(name).is_none(), valid, "{name}");
        }
    }

    #[test]
    fn keys_are_what_the_api_server_takes_and_the_nearest_one_is_offered() {
        for (key, valid, nearest) in [
            ("LOG_LEVEL", true, Some("LOG_LEVEL")),
            (".x", true, Some(".x")),
            ("a b", false, Some("a_b")),
            ("Logging:Level", false, Some("Logging__Level")),
            ("spring/x", false, Some("spring_x")),
            ("..x", false, Some("x")),
            ("...", false, None),
            ("größe", false, Some("gr__e")),
            ("", false, None),
        ] {
            assert_eq!(wrong_key(key).is_none(), valid, "{key}");
            assert_eq!(nearest_key(key).as_deref(), nearest, "{key}");
        }
    }

    #[test]
    fn a_portable_variable_is_one_of_posix() {
        for (name, portable) in [
            ("LOG_LEVEL", true),
            ("_x1", true),
            ("app.name", false),
            ("A-B", false),
            ("1A", false),
            ("é", false),
            ("", false),
        ] {
            assert_eq!(is_portable_variable(name), portable, "{name}");
        }
    }

    #[test]
    fn labels_have_a_prefix_and_a_short_name() {
        for (key, valid) in [
            ("team", true),
            ("app.kubernetes.io/name", true),
            ("App/x", false),
            ("a/b/c", false),
            ("a/", false),
            ("-a", false),
        ] {
            assert_eq!(wrong_label_key(key).is_none(), valid, "{key}");
        }
        assert!(wrong_label_value("").is_none());
        assert!(wrong_label_value(&"x".repeat(64)).is_some());
    }
}
