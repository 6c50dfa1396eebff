//! Resolution of a scalar in sops, and the bytes that represent it in the MAC.
//!
//! sops resolves plain scalars with go-yaml and hashes the *value*: `0644` counts as `420`, `1.0` as
//! `1`, `true` as `True`. To check its MAC, that resolution has to be repeated here to the letter,
//! oddities included (format, section 1.9.2). It decides nothing else: Septum keeps the text.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::crypto::cipher::PlaintextType;
use crate::document::text_bytes::TextBytes;
use septum_base::time::Timestamp;
use septum_base::yaml::node::{Scalar, YamlStyle};

/// A value in the data model of sops (format, section 1.2).
#[derive(Clone, PartialEq)]
pub enum TypedValue {
    /// No value: never encrypted, not part of the MAC.
    Null,
    /// A text; of any bytes, since `!!binary` and other writers produce such.
    Text(TextBytes),
    /// An integer of 64 bits.
    Int(i64),
    /// A number with a fraction, or beyond 64 bits.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A point in time; few values are one, and all would be as large.
    Time(Box<Timestamp>),
    /// A comment that was encrypted inside a list: not a value.
    Comment,
}

/// Prints no value, so that none is shown by accident.
impl fmt::Debug for TypedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Comment => "[comment]",
            _ => "[secret]",
        })
    }
}

impl TypedValue {
    /// The value of a scalar in a file.
    pub(crate) fn of(scalar: &Scalar) -> Self {
        let text = scalar.text();
        match (scalar.tag_name(), scalar.style) {
            (None, YamlStyle::Plain) if scalar.blank => Self::Null,
            (None, YamlStyle::Plain) => resolve_plain(text, true),
            (Some("str") | None, _) => Self::from_text(text),
            (Some("binary"), _) => decode_binary(text),
            (Some("float"), _) => match resolve_plain(text, false) {
                #[expect(clippy::cast_precision_loss, reason = "as go-yaml does")]
                Self::Int(int) => Self::Float(int as f64),
                other => other,
            },
            (Some("null"), _) => Self::Null,
            (Some(tag), _) => resolve_plain(text, tag == "timestamp"),
        }
    }

    /// The value of a scalar, whose text is not copied.
    pub(crate) fn from_scalar(scalar: Scalar) -> Self {
        let resolved = match (scalar.tag_name(), scalar.style) {
            (None, YamlStyle::Plain) if scalar.blank => Some(Self::Null),
            (None, YamlStyle::Plain) => resolve_word(scalar.text(), true),
            (None | Some("str"), _) => None,
            (Some(_), _) => Some(Self::of(&scalar)),
        };
        let text = || match scalar.into_text() {
            Ok(mut text) => TextBytes::from(std::mem::take(&mut *text).into_bytes()),
            Err(part) => TextBytes::in_place(part),
        };
        resolved.unwrap_or_else(|| Self::Text(text()))
    }

    /// The value that a plaintext of a type represents (format, section 1.4), or `None` if it is not valid for the
    /// type.
    pub(crate) fn from_plaintext(kind: PlaintextType, plaintext: Zeroizing<Vec<u8>>) -> Option<Self> {
        let text = || std::str::from_utf8(&plaintext).ok();
        match kind {
            PlaintextType::Str | PlaintextType::Bytes => Some(Self::Text(plaintext.into())),
            PlaintextType::Int => text()?.parse().ok().map(Self::Int),
            PlaintextType::Float => parse_float(text()?).map(Self::Float),
            PlaintextType::Bool => parse_bool(text()?).map(Self::Bool),
            PlaintextType::Time => Timestamp::parse_rfc3339(text()?).map(|time| Self::Time(Box::new(time))),
            PlaintextType::Comment => Some(Self::Comment),
        }
    }

    /// The bytes that represent the value in the MAC and that are encrypted; `None` for a value that is not part of
    /// the MAC.
    pub fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        let owned = |text: String| Some(Cow::Owned(text.into_bytes()));
        match self {
            Self::Null | Self::Comment => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Int(int) => owned(int.to_string()),
            Self::Float(float) => owned(print_float(*float)),
            Self::Bool(true) => Some(Cow::Borrowed(b"True")),
            Self::Bool(false) => Some(Cow::Borrowed(b"False")),
            Self::Time(time) => owned(time.to_string()),
        }
    }

    /// The value as a scalar of YAML: its text and its style. `None` for a text that is not UTF-8, and for a value
    /// that is not a scalar.
    pub(crate) fn into_yaml(self) -> Option<(Zeroizing<String>, YamlStyle)> {
        let plain = |text: String| Some((Zeroizing::new(text), YamlStyle::Plain));
        match self {
            Self::Null | Self::Comment => None,
            Self::Text(bytes) => match String::from_utf8(std::mem::take(&mut *bytes.into_bytes())) {
                Ok(text) => Some((Zeroizing::new(text), YamlStyle::DoubleQuoted)),
                Err(error) => {
                    drop(Zeroizing::new(error.into_bytes()));
                    None
                }
            },
            Self::Int(int) => plain(int.to_string()),
            Self::Float(float) if float.is_nan() => plain(".nan".to_owned()),
            Self::Float(f64::INFINITY) => plain(".inf".to_owned()),
            Self::Float(f64::NEG_INFINITY) => plain("-.inf".to_owned()),
            Self::Float(float) => plain(print_float(float)),
            Self::Bool(bool) => plain(bool.to_string()),
            Self::Time(time) => plain(time.to_string()),
        }
    }

    /// The type that the value is encrypted as; `None` for one that is never encrypted.
    pub(crate) fn kind(&self) -> Option<PlaintextType> {
        Some(match self {
            Self::Null | Self::Comment => return None,
            Self::Text(_) => PlaintextType::Str,
            Self::Int(_) => PlaintextType::Int,
            Self::Float(_) => PlaintextType::Float,
            Self::Bool(_) => PlaintextType::Bool,
            Self::Time(_) => PlaintextType::Time,
        })
    }

    /// A text.
    pub fn from_text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec().into())
    }
}

/// Whether a scalar is an integer that needs 64 bits without a sign: sops does not support such values, and refuses a
/// file that has one.
pub(crate) fn is_unsigned(scalar: &Scalar) -> bool {
    let resolved = scalar.style == YamlStyle::Plain && scalar.tag.is_none();
    if !resolved || !scalar.text().starts_with(|char: char| char.is_ascii_digit() || "+_".contains(char)) {
        return false;
    }
    let plain = scalar.text().replace('_', "");
    let number = parse_integer(plain.strip_prefix('+').unwrap_or(&plain));
    number.is_some_and(|number| i64::try_from(number).is_err() && u64::try_from(number).is_ok())
}

/// Digits without an exponent, as few as needed: Go's `FormatFloat(f, 'f', -1, 64)`.
pub(crate) fn print_float(float: f64) -> String {
    match float {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => print_even(float).unwrap_or_else(|| float.to_string()),
    }
}

/// The shortest digits that represent the number, where two are equally near: those with the even end.
///
/// Rust and Go differ there: of 1390243951101535.25 one makes `…535.3`, the other `…535.2`. With as many digits as
/// the shortest has, Rust rounds to even too.
fn print_even(float: f64) -> Option<String> {
    let shortest = format!("{float:e}");
    let digits = shortest.split_once('e')?.0.bytes().filter(u8::is_ascii_digit).count();
    let even = format!("{float:.*e}", digits.checked_sub(1)?);
    if even == shortest || even.parse() != Ok(float) {
        return None;
    }
    let (mantissa, exponent) = even.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let sign = if float < 0.0 { "-" } else { "" };
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    let zeros = "0".repeat(usize::try_from(-1 - exponent).unwrap_or(0));
    Some(match digits.split_at_checked(whole) {
        Some(("", fraction)) => format!("{sign}0.{zeros}{fraction}"),
        Some((all, "")) => format!("{sign}{all}"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{digits:0<whole$}"),
    })
}

/// Parses the syntax of Go's `ParseFloat`, except for hexadecimal, which no writer uses. A value out of range is not
/// a float.
fn parse_float(text: &str) -> Option<f64> {
    let float: f64 = text.parse().ok()?;
    let infinite = || text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    (!float.is_infinite() || infinite()).then_some(float)
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// `!!binary` gives the bytes as text; line breaks in it do not count.
fn decode_binary(text: &str) -> TypedValue {
    let joined: String = text.chars().filter(|char| !matches!(char, '\r' | '\n')).collect();
    STANDARD.decode(joined).map_or_else(|_| TypedValue::from_text(text), |bytes| TypedValue::Text(bytes.into()))
}

/// go-yaml's `resolve` for a scalar without a tag.
pub(crate) fn resolve_plain(text: &str, timestamps: bool) -> TypedValue {
    resolve_word(text, timestamps).unwrap_or_else(|| TypedValue::from_text(text))
}

/// Resolves a plain scalar; none for a text.
fn resolve_word(text: &str, timestamps: bool) -> Option<TypedValue> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => TypedValue::Null,
        "true" | "True" | "TRUE" => TypedValue::Bool(true),
        "false" | "False" | "FALSE" => TypedValue::Bool(false),
        ".nan" | ".NaN" | ".NAN" => TypedValue::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => TypedValue::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => TypedValue::Float(f64::NEG_INFINITY),
        _ => return resolve_digits(text, timestamps),
    })
}

fn resolve_digits(text: &str, timestamps: bool) -> Option<TypedValue> {
    match text.as_bytes().first() {
        Some(b'.') => resolve_fraction(text),
        Some(b'0'..=b'9' | b'+' | b'-') => resolve_number(text, timestamps),
        _ => None,
    }
}

/// `.5`; for go-yaml, underscores count only between digits here.
fn resolve_fraction(text: &str) -> Option<TypedValue> {
    let separates = |(at, _): (usize, &str)| {
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        digit(text.as_bytes().get(at.wrapping_sub(1))) && digit(text.as_bytes().get(at + 1))
    };
    let plain = text.replace('_', "");
    let number = text.match_indices('_').all(separates) && is_float(&plain);
    number.then(|| parse_float(&plain)).flatten().map(TypedValue::Float)
}

fn resolve_number(text: &str, timestamps: bool) -> Option<TypedValue> {
    if let Some(time) = timestamps.then(|| Timestamp::parse_yaml(text)).flatten() {
        return Some(TypedValue::Time(Box::new(time)));
    }
    let plain = text.replace('_', "");
    let (sign, magnitude) = split_sign(&plain);
    let integer = parse_integer(magnitude);
    if let Some(int) = integer.and_then(|integer| i64::try_from(sign * integer).ok()) {
        return Some(TypedValue::Int(int));
    }
    // an unsigned 64-bit integer: sops refuses to walk it, so no MAC can hold one
    if integer.is_some_and(|integer| u64::try_from(integer).is_ok()) && magnitude.len() == plain.len() {
        return None;
    }
    if is_float(&plain)
        && let Some(float) = parse_float(&plain)
    {
        return Some(TypedValue::Float(float));
    }
    // `0b-11` is -3 to go-yaml: it cuts the prefix off and reads a number with a sign
    let (radix, rest) = plain.strip_prefix("0b").map(|rest| (2, rest)).or(plain.strip_prefix("0o").map(|r| (8, r)))?;
    let (sign, magnitude) = split_sign(rest);
    let integer = sign * parse_digits(magnitude, radix)?;
    i64::try_from(integer).ok().map(TypedValue::Int)
}

fn split_sign(text: &str) -> (i128, &str) {
    match text.strip_prefix('-') {
        Some(magnitude) => (-1, magnitude),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Go's `ParseInt` with base 0: a prefix decides, and a leading zero means octal.
fn parse_integer(text: &str) -> Option<i128> {
    let Some(rest) = text.strip_prefix('0') else { return parse_digits(text, 10) };
    let radix = match rest.as_bytes() {
        [] => return Some(0),
        [b'x' | b'X', _, ..] => 16,
        [b'o' | b'O', _, ..] => 8,
        [b'b' | b'B', _, ..] => 2,
        _ => return parse_digits(rest, 8),
    };
    parse_digits(rest.get(1..)?, radix)
}

/// Digits alone; `None` beyond the range of 64-bit integers.
fn parse_digits(text: &str, radix: u32) -> Option<i128> {
    let digits = !text.is_empty() && text.bytes().all(|byte| char::from(byte).is_digit(radix));
    let number = digits.then(|| u64::from_str_radix(text, radix).ok()).flatten()?;
    Some(i128::from(number))
}

/// `[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?`
fn is_float(text: &str) -> bool {
    let unsigned = split_sign(text).1;
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = split_sign(exponent).1;
        !exponent.is_empty() && digits(exponent)
    });
    let mantissa_fits = match mantissa.split_once('.') {
        None => !mantissa.is_empty() && digits(mantissa),
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
    };
    mantissa_fits && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use septum_base::yaml::node::ScalarTag;

    fn bytes(scalar: &Scalar) -> Option<String> {
        TypedValue::of(scalar).bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn tagged(name: &'static str, text: &str, style: YamlStyle) -> Scalar {
        let mut scalar = Scalar::new(text, style);
        scalar.tag = Some(Box::new(ScalarTag { name, start: None }));
        scalar
    }

    #[test]
    fn plain_scalars_count_as_go_yaml_reads_them() {
        for (text, expected) in [
            ("010", "8"),
            ("0777", "511"),
            ("08", "8"),
            ("0o10", "8"),
            ("0O10", "8"),
            ("0b11", "3"),
            ("0b-11", "-3"),
            ("0o-7", "-7"),
            ("-0b11", "-3"),
            ("0x", "0x"),
            ("0xFF", "255"),
            ("-0x1F", "-31"),
            ("0", "0"),
            ("-0", "0"),
            ("00", "0"),
            ("+5", "5"),
            ("+-5", "+-5"),
            ("1__0", "10"),
            ("_10", "_10"),
            ("1_000.5", "1000.5"),
            (".5", "0.5"),
            (".5_0", "0.5"),
            (".5_", ".5_"),
            ("._5", "._5"),
            (".5__0", ".5__0"),
            ("5.", "5"),
            ("1.0", "1"),
            ("-0.0", "-0"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("1e22", "10000000000000000000000"),
            ("1e-7", "0.0000001"),
            ("1390243951101535.25", "1390243951101535.2"),
            ("-184467440737055.625", "-184467440737055.62"),
            ("1e400", "1e400"),
            ("-1e400", "-1e400"),
            ("1e-400", "0"),
            ("e3", "e3"),
            ("1e", "1e"),
            ("0x1p-2", "0x1p-2"),
            ("12:30:45", "12:30:45"),
            ("1.2.3", "1.2.3"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("-9223372036854775809", "-9223372036854776000"),
            ("123456789012345678901234567890", "123456789012345680000000000000"),
            ("true", "True"),
            ("TRUE", "True"),
            ("tRUE", "tRUE"),
            ("False", "False"),
            ("yes", "yes"),
            ("off", "off"),
            ("y", "y"),
            (".inf", "+Inf"),
            ("+.INF", "+Inf"),
            ("-.Inf", "-Inf"),
            (".nan", "NaN"),
            ("inf", "inf"),
            ("<<", "<<"),
            ("=", "="),
            ("-", "-"),
            (".", "."),
            ("2024-01-01", "2024-01-01T00:00:00Z"),
            ("2024-01-01T10:11:12", "2024-01-01T10:11:12"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("ENC[x]", "ENC[x]"),
        ] {
            assert_eq!(bytes(&Scalar::new(text, YamlStyle::Plain)).as_deref(), Some(expected), "{text}");
        }
        for text in ["~", "null", "Null", "NULL"] {
            assert_eq!(bytes(&Scalar::new(text, YamlStyle::Plain)), None, "{text}");
        }
        let mut blank = Scalar::new("", YamlStyle::Plain);
        blank.blank = true;
        assert_eq!(bytes(&blank), None);
    }

    #[test]
    fn quotes_and_tags_decide_before_the_text() {
        use YamlStyle::{DoubleQuoted, Folded, Literal, Plain, SingleQuoted};
        for (scalar, expected) in [
            (Scalar::new("010", SingleQuoted), Some("010")),
            (Scalar::new("null", DoubleQuoted), Some("null")),
            (Scalar::new("1.0\n", Literal), Some("1.0\n")),
            (Scalar::new("true", Folded), Some("true")),
            (tagged("str", "0644", Plain), Some("0644")),
            (tagged("int", "7", DoubleQuoted), Some("7")),
            (tagged("float", "3", Plain), Some("3")),
            (tagged("bool", "true", DoubleQuoted), Some("True")),
            (tagged("null", "", DoubleQuoted), None),
            (tagged("binary", "aGVs\nbG8=", Literal), Some("hello")),
            (tagged("timestamp", "2024-01-01", DoubleQuoted), Some("2024-01-01T00:00:00Z")),
        ] {
            assert_eq!(bytes(&scalar).as_deref(), expected, "{:?} {scalar:?}", scalar.tag);
        }
    }

    #[test]
    fn plaintexts_are_read_by_their_type_and_written_as_yaml() {
        use YamlStyle::{DoubleQuoted, Plain};
        for (kind, plaintext, expected) in [
            (PlaintextType::Str, "007", Some(("007", DoubleQuoted))),
            (PlaintextType::Str, "", Some(("", DoubleQuoted))),
            (PlaintextType::Int, "-7", Some(("-7", Plain))),
            (PlaintextType::Int, "007", Some(("7", Plain))),
            (PlaintextType::Int, "9223372036854775808", None),
            (PlaintextType::Int, "x", None),
            (PlaintextType::Float, "1", Some(("1", Plain))),
            (PlaintextType::Float, "1e10", Some(("10000000000", Plain))),
            (PlaintextType::Float, "+Inf", Some((".inf", Plain))),
            (PlaintextType::Float, "-Inf", Some(("-.inf", Plain))),
            (PlaintextType::Float, "NaN", Some((".nan", Plain))),
            (PlaintextType::Float, "1e999", None),
            (PlaintextType::Bool, "True", Some(("true", Plain))),
            (PlaintextType::Bool, "0", Some(("false", Plain))),
            (PlaintextType::Bool, "yes", None),
            (PlaintextType::Time, "2006-01-02T15:04:05+07:06", Some(("2006-01-02T15:04:05+07:06", Plain))),
            (PlaintextType::Time, "2024-01-01", None),
        ] {
            let value = TypedValue::from_plaintext(kind, Zeroizing::new(plaintext.as_bytes().to_vec()));
            let scalar = value.and_then(TypedValue::into_yaml);
            let found = scalar.as_ref().map(|(text, style)| (text.as_str(), *style));
            assert_eq!(found, expected, "{kind:?} {plaintext}");
        }
        let not_utf8 = TypedValue::from_plaintext(PlaintextType::Str, Zeroizing::new(vec![0x80, 0x81]));
        assert!(not_utf8.and_then(TypedValue::into_yaml).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_scalar_has_a_value(text in ".*", digits in "[-+.0-9_eExob]{1,12}", time in "[0-9]{4}-[-0-9:tTZ. ]{1,20}") {
            for text in [text, digits, time] {
                for tag in [None, Some("int"), Some("float"), Some("binary"), Some("timestamp"), Some("x")] {
                    let mut scalar = Scalar::new(text.as_str(), YamlStyle::Plain);
                    scalar.tag = tag.map(|name| Box::new(ScalarTag { name, start: None }));
                    let copied = TypedValue::of(&scalar);
                    assert_eq!((copied.kind(), copied.bytes()), {
                        let moved = TypedValue::from_scalar(scalar.clone());
                        (moved.kind(), moved.bytes().map(|bytes| bytes.into_owned().into()))
                    });
                }
            }
        }

        #[test]
        fn printed_floats_read_back(float in proptest::num::f64::ANY) {
            let printed = print_float(float);
            assert!(!printed.contains('e'), "{printed}");
            let read: f64 = printed.parse().expect("a float");
            assert!(read.to_bits() == float.to_bits() || float.is_nan(), "{float:e} {printed}");
        }
    }
}
