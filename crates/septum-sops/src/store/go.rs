//! Go's output formats: floating-point numbers, strings of JSON and scalars of go-yaml.

use std::fmt::Write as _;

use crate::document::scalar::{TypedValue, print_float, resolve_plain};

/// Go's `FormatFloat(f, 'e', -1, 64)`: `1e+21`, `1.5e-07`.
fn format_exponential(float: f64) -> String {
    let text = format!("{float:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// Go's `FormatFloat(f, 'g', -1, 64)`, as go-yaml prints it.
pub(super) fn yaml_float(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    if (-4..6).contains(&exponent(float)) { print_float(float) } else { format_exponential(float) }
}

/// As `encoding/json` prints a number.
pub(super) fn json_float(float: f64) -> String {
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format_exponential(float);
        // e-09 to e-9
        return text.replacen("e-0", "e-", 1);
    }
    print_float(float)
}

fn exponent(float: f64) -> i32 {
    format!("{float:e}").split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or_default()
}

/// A text in the quotes of JSON, escaped as Go does.
pub(super) fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

/// Quoting of a YAML text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextQuoting {
    Plain,
    Single,
    Double,
    Literal,
}

/// Quoting that go-yaml chooses for a text outside of brackets.
pub(super) fn choose_quoting(text: &str, is_key: bool) -> TextQuoting {
    let form = AllowedStyles::of(text);
    let wanted = if text.contains('\n') {
        TextQuoting::Literal
    } else if is_text(text) {
        TextQuoting::Plain
    } else {
        TextQuoting::Double
    };
    match wanted {
        TextQuoting::Literal if is_key || !form.literal => TextQuoting::Double,
        TextQuoting::Plain if form.plain && !(text.is_empty() && is_key) => TextQuoting::Plain,
        TextQuoting::Plain if form.single => TextQuoting::Single,
        TextQuoting::Plain => TextQuoting::Double,
        other => other,
    }
}

/// Whether a plain text is a text for go-yaml, and was one for earlier readers.
fn is_text(text: &str) -> bool {
    matches!(resolve_plain(text, true), TypedValue::Text(_)) && text != "<<" && !is_old_bool(text) && !is_base_60(text)
        // an integer beyond 64 bits with a sign is another exception that is not a text
        && !is_unsigned(text)
}

fn is_unsigned(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') && !digits.starts_with('_')
}

fn is_old_bool(text: &str) -> bool {
    const WORDS: [&str; 16] =
        ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
    WORDS.contains(&text)
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (parts, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = parts.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let sixty = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    let rest: Vec<&str> = parts.collect();
    first.starts_with(|char: char| char.is_ascii_digit())
        && digits(first)
        && !rest.is_empty()
        && rest.into_iter().all(sixty)
        && digits(fraction)
}

/// Styles in which a text can be written, as libyaml decides it.
struct AllowedStyles {
    plain: bool,
    single: bool,
    literal: bool,
}

impl AllowedStyles {
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let blank = |at: usize| chars.get(at).is_none_or(|char| is_space(*char) || is_break(*char));
        let (first, last) = (chars.first().copied(), chars.last().copied());
        let pair = |one: fn(char) -> bool, other: fn(char) -> bool| {
            chars.windows(2).any(|pair| matches!(pair, [a, b] if one(*a) && other(*b)))
        };
        let indicator = |(at, char): (usize, &char)| match char {
            '#' => at == 0 || blank(at - 1),
            ':' => blank(at + 1),
            '?' | '-' if at == 0 => blank(1),
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => at == 0,
            _ => false,
        };
        let tab = chars.contains(&'\t');
        // a carriage return is not a printable character there, though it breaks lines
        let special = |char: char| char == '\r' || char != '\t' && !is_break(char) && !is_printable(char);
        let special = chars.iter().any(|char| special(*char));
        let (break_space, space_break) = (pair(is_break, is_space), pair(is_space, is_break));
        let edge = |char: Option<char>| char.is_some_and(|char| is_space(char) || is_break(char));
        let odd = space_break || tab || special;
        Self {
            plain: !text.is_empty()
                && !odd
                && !edge(first)
                && !edge(last)
                && !chars.iter().any(|char| is_break(*char))
                && !text.starts_with("---")
                && !text.starts_with("...")
                && !chars.iter().enumerate().any(indicator),
            single: !break_space && !odd,
            // a block that starts with a blank or a line break is written so that sops itself cannot read it
            literal: !(space_break || special || edge(first) || last.is_some_and(is_space)),
        }
    }
}

fn is_space(char: char) -> bool {
    char == ' '
}

fn is_break(char: char) -> bool {
    matches!(char, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(char: char) -> bool {
    matches!(char, '\n' | '\u{20}'..='\u{7E}' | '\u{85}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
        && char != '\u{FEFF}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_go_prints_them() {
        for (float, yaml, json) in [
            (1.0, "1", "1"),
            (1e10, "1e+10", "10000000000"),
            (1_000_000.0, "1e+06", "1000000"),
            (1234.5678, "1234.5678", "1234.5678"),
            (1e-7, "1e-07", "1e-7"),
            (1e21, "1e+21", "1e+21"),
            (0.0001, "0.0001", "0.0001"),
            (-0.5, "-0.5", "-0.5"),
            (123_456_789.0, "1.23456789e+08", "123456789"),
        ] {
            assert_eq!((yaml_float(float).as_str(), json_float(float).as_str()), (yaml, json));
        }
    }

    #[test]
    fn texts_are_quoted_as_go_yaml_does() {
        for (text, expected) in [
            ("hello", TextQuoting::Plain),
            ("single \"q\"", TextQuoting::Plain),
            ("yes", TextQuoting::Double),
            ("123", TextQuoting::Double),
            ("2024-01-01", TextQuoting::Double),
            ("12:30:45", TextQuoting::Double),
            ("", TextQuoting::Double),
            ("a: b", TextQuoting::Single),
            ("- a", TextQuoting::Single),
            (" a", TextQuoting::Single),
            ("a\tb", TextQuoting::Double),
            ("a\nb", TextQuoting::Literal),
            ("a\u{7}", TextQuoting::Double),
            ("a\rb", TextQuoting::Double),
            ("\u{a0}\r", TextQuoting::Double),
            ("\u{2028}", TextQuoting::Single),
            ("a #b", TextQuoting::Single),
            ("a#b:c", TextQuoting::Plain),
        ] {
            assert_eq!(choose_quoting(text, false), expected, "{text:?}");
        }
    }
}
