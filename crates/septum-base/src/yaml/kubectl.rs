//! Values that kubectl and the API server read from plain scalars.
//!
//! They read YAML 1.1 as `sigs.k8s.io/yaml` does (its `goyaml.v2`, `resolve.go`), and continue with JSON: `0400` is
//! 256, `yes` is true, `1_000` is 1000, and a date is a text.

use std::borrow::Cow;

use super::node::{Scalar, YamlStyle};
use super::scalar::{CoreType, core_type};

/// A scalar of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonScalar<'t> {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as in JSON.
    Number(Cow<'t, str>),
    /// A text.
    Text(&'t str),
}

/// The value of a plain scalar in YAML.
pub fn json_scalar(text: &str) -> JsonScalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => JsonScalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => JsonScalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => JsonScalar::Bool(false),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => {
            canonical_number(text).map_or(JsonScalar::Text(text), JsonScalar::Number)
        }
        _ => JsonScalar::Text(text),
    }
}

/// The type of a scalar for kubectl.
pub fn json_type(scalar: &Scalar) -> CoreType {
    if scalar.tag.is_some() || scalar.blank || scalar.style != YamlStyle::Plain {
        return core_type(scalar);
    }
    match json_scalar(scalar.text()) {
        JsonScalar::Null => CoreType::Null,
        JsonScalar::Bool(_) => CoreType::Bool,
        JsonScalar::Number(_) => CoreType::Float,
        JsonScalar::Text(_) => CoreType::String,
    }
}

/// Whether a plain scalar is a whole number of 64 bits.
pub fn is_integer(text: &str) -> bool {
    integer_text(text).is_some()
}

/// Whether a plain scalar is a whole number of 64 bits with a sign.
pub fn is_signed_integer(text: &str) -> bool {
    integer_text(text).is_some_and(|found| found.parse::<i64>().is_ok())
}

fn integer_text(text: &str) -> Option<String> {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-".contains(first));
    canonical_integer(&text.replace('_', "")).filter(|_| is_number)
}

/// The number that a word represents, if it is one.
fn canonical_number(text: &str) -> Option<Cow<'_, str>> {
    // numbers that begin with a point are parsed by Go's `strconv.ParseFloat`, which allows underscores between
    // digits alone
    if text.starts_with('.') && !has_separators_only(text) {
        return None;
    }
    let plain: Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    if let Some(found) = canonical_integer(&plain) {
        return Some(found.into());
    }
    if !is_float(&plain) {
        return None;
    }
    let value = plain.parse::<f64>().ok().filter(|value| value.is_finite())?;
    // spellings that JSON has too are kept, so that `1.10` stays as it is
    if serde_json::from_str::<serde_json::Number>(text).is_ok() {
        return Some(text.into());
    }
    // as Go writes it: a whole number has no fraction
    let is_whole = value.fract() == 0.0 && value.abs() < 1e21;
    Some(if is_whole { format!("{value:.0}").into() } else { serde_json::Number::from_f64(value)?.to_string().into() })
}

/// Whether each underscore is between two digits.
fn has_separators_only(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut marks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    marks.all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(at.checked_add(1)))
}

/// A whole number of 64 bits, in decimal: `strconv.ParseInt(text, 0, 64)` of Go, then `ParseUint`.
fn canonical_integer(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let is_signed = digits.len() < text.len();
    let bytes = digits.as_bytes();
    let (base, digits) = match (bytes.first()?, bytes.get(1)) {
        (b'0', Some(b'x' | b'X')) => (16, digits.get(2..)?),
        (b'0', Some(b'b' | b'B')) => (2, digits.get(2..)?),
        (b'0', Some(b'o' | b'O')) => (8, digits.get(2..)?),
        (b'0', Some(_)) => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.starts_with(|first: char| first.is_digit(base)) {
        return None;
    }
    if let Ok(value) = i64::from_str_radix(&format!("{sign}{digits}"), base) {
        return Some(value.to_string());
    }
    u64::from_str_radix(digits, base).ok().filter(|_| !is_signed).map(|value| value.to_string())
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    is_mantissa && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are those that kubectl 1.32 printed.
    #[test]
    fn bare_words_are_what_kubectl_takes_them_for() {
        for (text, expected) in [
            ("0b11", "3"),
            ("1.e3", "1000"),
            ("0x1F", "31"),
            (".5", "0.5"),
            ("1e3", "1e3"),
            ("0o17", "15"),
            ("017", "15"),
            ("0400", "256"),
            ("1_0.5", "10.5"),
            ("+1", "1"),
            ("08", "8"),
            ("1e+3", "1e+3"),
            ("9007199254740993", "9007199254740993"),
            ("1.10", "1.10"),
            ("1_000", "1000"),
            ("-0x1f", "-31"),
            ("1__0", "10"),
            ("1.", "1"),
            ("-0", "0"),
            ("00", "0"),
            ("-017", "-15"),
            ("0_7", "7"),
            ("+0x1", "1"),
            ("1_", "1"),
            ("0B11", "3"),
            ("-0b11", "-3"),
            (".5_1", "0.51"),
            ("-_1", "-1"),
            ("0x_F", "15"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("0.1e22", "0.1e22"),
            ("2e-400", "2e-400"),
        ] {
            assert_eq!(json_scalar(text), JsonScalar::Number(expected.into()), "{text}");
        }
        for text in [
            "2024-01-01",
            "1:30",
            "_1",
            "0x",
            "0b12",
            "1e",
            "1e400",
            "190:20:30",
            "0b",
            "=",
            "0x1p4",
            "._5",
            "0o8",
            "+",
            "-",
            "0b2",
            "00x1",
            "0.1.2",
            "-0xFFFFFFFFFFFFFFFF",
            ".inf",
            ".nan",
            "-",
            "1 0",
            "é",
            "info",
        ] {
            assert_eq!(json_scalar(text), JsonScalar::Text(text), "{text}");
        }
        for (text, expected) in [("on", true), ("No", false), ("y", true), ("TRUE", true), ("Off", false), ("N", false)]
        {
            assert_eq!(json_scalar(text), JsonScalar::Bool(expected), "{text}");
        }
        for text in ["~", "Null", ""] {
            assert_eq!(json_scalar(text), JsonScalar::Null, "{text:?}");
        }
    }
}
