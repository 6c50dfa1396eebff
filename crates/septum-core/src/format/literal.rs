//! Interpretation of a plain scalar's source text by readers of other formats.

/// Whether this is a number of JSON (RFC 8259, section 6): `8080`, `1.10`, `1e6`, `-0`; neither
/// `0644` nor `.5` nor `0x1F`.
pub(super) fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let integer = unsigned.strip_prefix('0').or_else(|| skip_digits(unsigned));
    integer.and_then(skip_fraction).and_then(skip_exponent).is_some_and(str::is_empty)
}

/// Whether a reader of Kubernetes interprets this, unquoted, as a value other than a text: a null, a boolean or a
/// number of YAML 1.1 or 1.2 (yaml.org/type, and the additions of `sigs.k8s.io/yaml`: `0o17`, upper-case prefixes).
///
/// Dates and base-60 numbers are texts to it.
pub(super) fn is_yaml_other_than_text(text: &str) -> bool {
    is_yaml_word(text) || is_yaml_number(text)
}

/// `null`, `yes`, `On` …: in small letters, capitalised, or in capitals, but not `nULL`.
fn is_yaml_word(text: &str) -> bool {
    let lower = |text: &str| text.chars().all(char::is_lowercase);
    let capitals = text.chars().all(char::is_uppercase);
    let tail = text.strip_prefix(char::is_uppercase).unwrap_or(text);
    text == "~" || (is_reserved_word(text) && (capitals || lower(tail)))
}

/// Whether this is a word that some version of YAML does not read as a text, in any case.
pub(super) fn is_reserved_word(text: &str) -> bool {
    ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_yaml_number(text: &str) -> bool {
    // an underscore may be between digits, but not start the number
    if text.starts_with('_') {
        return false;
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    if matches!(plain.as_str(), ".nan" | ".NaN" | ".NAN") || matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let radix = |prefixes: [&str; 2], radix: u32| {
        prefixes
            .iter()
            .find_map(|prefix| unsigned.strip_prefix(prefix))
            .is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_digit(radix)))
    };
    radix(["0x", "0X"], 16) || radix(["0o", "0O"], 8) || radix(["0b", "0B"], 2) || is_yaml_float(unsigned)
}

/// `12`, `1.5`, `.5`, `5.`, each with an exponent or none.
fn is_yaml_float(unsigned: &str) -> bool {
    let mantissa = match (skip_digits(unsigned), unsigned.strip_prefix('.')) {
        (Some(rest), _) => Some(rest.strip_prefix('.').map_or(rest, |tail| skip_digits(tail).unwrap_or(tail))),
        (None, Some(tail)) => skip_digits(tail),
        (None, None) => None,
    };
    mantissa.and_then(skip_exponent).is_some_and(str::is_empty)
}

/// The rest after one or more digits.
fn skip_digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// The rest after a fraction, if there is one; `None` after a point without digits.
fn skip_fraction(text: &str) -> Option<&str> {
    match text.strip_prefix('.') {
        Some(tail) => skip_digits(tail),
        None => Some(text),
    }
}

/// The rest after an exponent, if there is one; `None` after an `e` without digits.
fn skip_exponent(text: &str) -> Option<&str> {
    match text.strip_prefix(['e', 'E']) {
        Some(tail) => skip_digits(tail.strip_prefix(['+', '-']).unwrap_or(tail)),
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_of_each_grammar() {
        for (text, json, yaml) in [
            ("8080", true, true),
            ("1.10", true, true),
            ("1e6", true, true),
            ("1E-06", true, true),
            ("-0", true, true),
            ("-0.0e+1", true, true),
            ("12345678901234567890123", true, true),
            ("0644", false, true),
            ("089", false, true),
            ("+1", false, true),
            (".5", false, true),
            ("5.", false, true),
            ("1_000", false, true),
            ("0x1F", false, true),
            ("0X1f", false, true),
            ("0o17", false, true),
            ("0b1_0", false, true),
            ("-.inf", false, true),
            (".NaN", false, true),
            ("~", false, true),
            ("null", false, true),
            ("Yes", false, true),
            ("OFF", false, true),
            ("n", false, true),
            ("", false, false),
            ("-", false, false),
            (".", false, false),
            ("_1", false, false),
            ("e6", false, false),
            ("1e", false, false),
            ("1e6x", false, false),
            ("0x", false, false),
            ("0xZ", false, false),
            ("inf", false, false),
            ("yEs", false, false),
            ("info", false, false),
            ("2024-01-01", false, false),
            ("12:30:45", false, false),
            ("1.2.3", false, false),
        ] {
            assert_eq!(is_json_number(text), json, "JSON: {text}");
            assert_eq!(is_yaml_other_than_text(text), yaml, "YAML: {text}");
        }
    }
}
