//! Rules, and the values that they allow.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod examples;
mod oracle;
mod random;

use serde_json::{Map, json};

use super::*;
use crate::budget;
use crate::span::Location;

/// Rules as they are in a layer.
fn rules(schema: &Map<String, Value>) -> (IndexMap<String, Located<Value>>, Option<Located<String>>) {
    let mut format = None;
    let mut rules = IndexMap::default();
    for (keyword, value) in schema {
        let place = Location::synthetic();
        if keyword == "format" {
            format = Some(Located { value: value.as_str().unwrap_or_default().to_owned(), place });
        } else {
            rules.insert(keyword.clone(), Located { value: value.clone(), place });
        }
    }
    (rules, format)
}

fn violations(schema: &Map<String, Value>, text: &str) -> Vec<Violation> {
    budget::reset_budgets();
    let (rules, format) = rules(schema);
    Constraints::default().check(&rules, format.as_ref(), text)
}

fn check(schema: &str, text: &str) -> String {
    let schema = serde_json::from_str(schema).expect("JSON");
    violations(&schema, text).into_iter().map(|violation| violation.expected).collect::<Vec<_>>().join("; ")
}

#[test]
fn values_are_checked_as_the_type_that_is_declared() {
    for (schema, text, expected) in [
        (r#"{"type":"integer","minimum":1,"maximum":65535}"#, "8080", ""),
        (r#"{"type":"integer","minimum":1,"maximum":65535}"#, "70000", "at most 65535"),
        (r#"{"type":"integer"}"#, "eighty", "an integer"),
        (r#"{"type":"integer"}"#, "0644", ""),
        (r#"{"type":"integer"}"#, "1.0", "an integer"),
        (r#"{"type":"number"}"#, "1e6", ""),
        (r#"{"type":"number"}"#, "inf", "a number"),
        (r#"{"type":"boolean"}"#, "yes", "`true` or `false`"),
        (r#"{"minimum":10}"#, "9", "at least 10"),
        (r#"{"minLength":12}"#, "short", "at least 12 characters"),
        (r#"{"enum":["debug","info"]}"#, "inof", "one of `debug`, `info`"),
        (r#"{"enum":["1.10"]}"#, "1.1", "one of `1.10`"),
        (r#"{"type":"integer","enum":["1","2"]}"#, "2", ""),
        (r#"{"type":"integer","enum":["0644","x"]}"#, "600", "one of 644, `x`"),
        (r#"{"type":"boolean","const":"true"}"#, "false", "exactly true"),
        (r#"{"pattern":"^v"}"#, "v1", ""),
        (r#"{"format":"hostname"}"#, "a b", "a string in the format `hostname`"),
        (r#"{"format":"hostname"}"#, "example.com", ""),
        (r#"{"format":"duration","minLength":2}"#, "PT15M", ""),
        (r#"{"format":"duration"}"#, "15m", "a string in the format `duration`"),
        (r#"{"type":"integer","pattern":"^8","format":"email","minLength":9}"#, "90", ""),
        (
            r#"{"format":"uuid","pattern":"^b","minLength":2,"enum":["c"]}"#,
            "a",
            "one of `c`; at least 2 characters; a string that matches `^b`; a string in the format `uuid`",
        ),
    ] {
        assert_eq!(check(schema, text), expected, "{schema} {text}");
    }
}

#[test]
fn numbers_are_neither_rounded_nor_binary() {
    for (schema, text, expected) in [
        (r#"{"maximum":9007199254740992}"#, "9007199254740993", "at most 9007199254740992"),
        (r#"{"maximum":9007199254740992.0}"#, "9007199254740993", "at most 9007199254740992.0"),
        (r#"{"exclusiveMinimum":-0.5}"#, "0", ""),
        (r#"{"exclusiveMaximum":-0.5}"#, "-1", ""),
        (r#"{"minimum":1e300}"#, "9223372036854775807", "at least 1e+300"),
        (r#"{"type":"number","const":"1.0"}"#, "1", ""),
        (r#"{"multipleOf":0.1}"#, "0.3", ""),
        (r#"{"multipleOf":0.01}"#, "1070468.14", ""),
        (r#"{"multipleOf":0.1}"#, "0.35", "a multiple of 0.1"),
        (r#"{"multipleOf":2.5}"#, "-7.5", ""),
        (r#"{"multipleOf":0.3}"#, "1e30", "a multiple of 0.3"),
        (r#"{"multipleOf":1.5e-300}"#, "3", ""),
        (r#"{"multipleOf":3}"#, "9007199254740993", ""),
        (r#"{"multipleOf":3}"#, "4.5", "a multiple of 3"),
        (r#"{"multipleOf":7}"#, "0", ""),
        (r#"{"multipleOf":0.7}"#, "-0.0", ""),
    ] {
        assert_eq!(check(schema, text), expected, "{schema} {text}");
    }
}

#[test]
fn a_length_is_of_characters() {
    for (text, length) in [("", 0), ("abc", 3), ("straße", 6), ("e\u{301}", 2), ("🦀", 1), ("👨\u{200d}👩", 3)] {
        assert_eq!(check(&json!({ "minLength": length, "maxLength": length }).to_string(), text), "", "{text}");
        let shorter = json!({ "minLength": length + 1 }).to_string();
        assert_eq!(check(&shorter, text), format!("at least {} characters", length + 1), "{text}");
    }
}

#[test]
fn a_pattern_is_of_ecma_262() {
    for (pattern, matching, other) in [
        ("b", "abc", "ac"),
        ("^v\\d+$", "v12", "v١"),
        ("^.$", "é", "\u{2028}"),
        ("^\\s$", "\u{feff}", "\u{85}"),
        ("^\\S*$", "a-b", "a b"),
        ("^(?=.*\\d)(?=.*[a-z])[\\w]{4,}$", "ab12", "abcd"),
        ("^(?!admin$)", "admins", "admin"),
        ("(?<=x)y", "xy", "y"),
        ("^(a|b)\\1$", "bb", "ab"),
        ("^(?=(a))\\1b", "ab", "aab"),
        ("^[a&&b]+$", "&", "c"),
        ("^[[a]+$", "[", "]"),
        ("^.{0,262144}$", "", "\n"),
        ("[^\\p{C}]{1,2048}", "\u{1}a", "\u{1}"),
        ("^\\p{Lu}", "Éa", "éA"),
        ("^(?<year>\\d{4})$", "2028", "28"),
    ] {
        let schema = json!({ "pattern": pattern }).to_string();
        assert_eq!(check(&schema, matching), "", "{pattern} {matching}");
        assert_eq!(check(&schema, other), format!("a string that matches `{pattern}`"), "{pattern} {other}");
    }
}

#[test]
fn a_pattern_that_backtracks_without_end_is_given_up() {
    let text = "a".repeat(40);
    let pattern = r#""pattern":"^(a*)*\\1b$""#;
    assert_eq!(check(&format!("{{{pattern}}}"), &text), r"a string that matches `^(a*)*\1b$`");
    // which is not known to be so, and is therefore left out if anything else is wrong
    assert_eq!(check(&format!(r#"{{{pattern},"maxLength":9}}"#), &text), "at most 9 characters");
}

#[test]
fn a_rule_that_is_wrong_is_no_rule_that_passes() {
    for (schema, text, expected) in [
        (r#"{"pattern":"("}"#, "x", "`(` is not a valid regular expression"),
        (r#"{"pattern":"(?i)x"}"#, "x", "`(?i)x` is not a valid regular expression"),
        (r#"{"pattern":"\\p{L}{5000}x"}"#, "x", "`\\p{L}{5000}x` is too large: it requires more than 10 MiB"),
        (r#"{"format":"hostnmae"}"#, "x", "`hostnmae` is not a JSON Schema format"),
        (r#"{"format":"idn-hostname"}"#, "x", "`idn-hostname` is not a JSON Schema format"),
        (r#"{"type":"integer","pattern":"("}"#, "1", "`(` is not a valid regular expression"),
        (
            r#"{"format":"x","pattern":"("}"#,
            "1",
            "`(` is not a valid regular expression; `x` is not a JSON Schema format",
        ),
        (r#"{"enum":["y"],"pattern":"("}"#, "x", "`(` is not a valid regular expression; one of `y`"),
        (r#"{"multipleOf":-1}"#, "1", "the combination is not a valid JSON Schema"),
    ] {
        assert_eq!(check(schema, text), expected, "{schema} {text}");
    }
}
