//! The answers are those of a validator of JSON Schema.

use jsonschema::Draft;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use super::examples::EXAMPLES;
use super::random::{encode, expression, nearly, number};
use super::{ValueType, Violation, format, regex_size, rules, too_large, violations};

/// Whether the library knows the formats that are known here, and no others.
#[test]
fn the_formats_are_those_of_the_library() {
    let options = jsonschema::options();
    for name in
        EXAMPLES.iter().map(|(name, ..)| *name).chain(["idn-email", "idn-hostname", "color", "Date", "int32", ""])
    {
        assert_eq!(format::find(name).is_some(), options.is_known_format(Draft::Draft202012, name), "{name}");
    }
}

/// Broken rules by the library: the keyword of each, or the invalid rule and the reason.
fn oracle(schema: &Map<String, Value>, text: &str) -> Vec<Violation> {
    let (rules, _) = rules(schema);
    let kind = ValueType::declared_by(&rules);
    let Some(value) = kind.parse(text) else {
        let expected = kind.description().to_owned();
        return vec![Violation { keyword: "type".to_owned(), expected, is_of_rule: false }];
    };
    let mut rest = schema.clone();
    rest.shift_remove("type");
    for (keyword, rule) in &mut rest {
        *rule = kind.typed_rule(keyword, rule).into_owned();
    }
    let rest = Value::Object(rest);
    let word = |keyword: &str| rest.get(keyword).and_then(Value::as_str).unwrap_or_default();
    // that of the library has no limit, although its engine may take gigabytes
    let patterns = jsonschema::PatternOptions::fancy_regex().size_limit(10 * 1024 * 1024);
    let options = jsonschema::options().should_validate_formats(true).should_ignore_unknown_formats(false);
    let options = options.with_pattern_options(patterns);
    let is_newer = !options.is_known_format(Draft::Draft7, word("format"));
    // newer drafts do not check that an expression is one of ECMA 262, and translate some that are not
    if is_newer && !jsonschema_regex::is_valid_ecma_regex(word("pattern")) {
        return vec![Violation::of_rule("pattern", format!("`{}` is not a valid regular expression", word("pattern")))];
    }
    let draft = if is_newer { Draft::Draft202012 } else { Draft::Draft7 };
    let validator = match options.with_draft(draft).build(&rest) {
        Ok(validator) => validator,
        Err(error) => {
            let reason = error.to_string();
            return vec![if reason.starts_with("Unknown format") {
                Violation::of_rule("format", format!("`{}` is not a JSON Schema format", word("format")))
            } else if reason.contains("regex") {
                Violation::of_rule("pattern", format!("`{}` is not a valid regular expression", word("pattern")))
            } else {
                Violation::of_schema()
            }];
        }
    };
    let keyword = |error: jsonschema::ValidationError<'_>| error.schema_path().to_string().replace('/', "");
    let of_value = |keyword: String| Violation::of_value(&keyword, rest.get(&keyword).unwrap_or(&Value::Null));
    validator.iter_errors(&value).map(keyword).map(of_value).collect()
}

fn prop_equal(schema: Value, text: &str) -> Result<(), TestCaseError> {
    let Value::Object(schema) = schema else { return Ok(()) };
    let mut violations = violations(&schema, text);
    // the library says of one that is too large what it says of any other that it cannot compile
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap_or_default();
    for violation in violations.iter_mut().filter(|violation| violation.expected == too_large(pattern)) {
        violation.expected = format!("`{pattern}` is not a valid regular expression");
    }
    // the library stops at the first invalid rule, and checks no value
    if violations.iter().any(|violation| violation.is_of_rule) {
        violations.truncate(1);
    }
    // the library builds any number of large parts
    if !violations.iter().any(|violation| violation.expected == regex_size::over_budget()) {
        prop_assert_eq!(violations, oracle(&schema, text), "{:?} of {}", text, json!(schema));
    }
    Ok(())
}

/// Runs a property as often as `SEPTUM_SCHEMA_CASES` says.
fn run<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases = std::env::var("SEPTUM_SCHEMA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() }).run(strategy, test).unwrap();
}

#[test]
fn the_examples_are_those_of_the_library() {
    for (format, valid, invalid) in EXAMPLES {
        for text in valid.iter().chain(invalid) {
            prop_equal(json!({ "format": format }), text).unwrap();
        }
    }
    let endless = json!({ "pattern": "^(a*)*\\1b$", "maxLength": 9 });
    prop_equal(endless, &"a".repeat(40)).unwrap();
}

/// Whether the library divides rounded numbers: it keeps 53 bits of a divisor, and of what is divided by a fraction;
/// and beyond 128 bits, 16 digits of both.
fn is_division_rounded(number: &str, divisor: &Value) -> bool {
    let (number, divisor) = (number.parse::<f64>().unwrap_or_default(), divisor.as_f64().unwrap_or_default());
    let is_wide = |number: f64| number.abs() >= 2_f64.powi(53);
    is_wide(divisor) || divisor.fract() != 0.0 && (is_wide(number) || number.abs() < 1e-15 || divisor < 1e-15)
}

#[test]
fn numbers_are_compared_as_by_the_library() {
    let keywords = ["const", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    let rules = subsequence(keywords.to_vec(), 1..4).prop_shuffle();
    let strategy = (rules, proptest::collection::vec(number(), 6), select(vec!["", "integer", "number"]));
    run(&(strategy, any::<Index>()), |((rules, numbers, kind), which)| {
        let (text, limits) = numbers.split_first().unwrap();
        // often a limit itself, or the integer beside it, which no floating-point number may be
        let limit = which.get(limits);
        let beside = limit.parse::<i128>().map_or_else(|_| limit.clone(), |limit| (limit + 1).to_string());
        let text = [text, limit, &beside][which.index(3)];
        let mut schema = Map::new();
        if !kind.is_empty() {
            schema.insert("type".to_owned(), json!(kind));
        }
        for (rule, limit) in rules.iter().zip(limits) {
            let value = match *rule {
                "const" => json!(limit),
                "enum" => json!(limits),
                _ => match serde_json::from_str::<Value>(limit) {
                    Ok(number) if number.is_number() => number,
                    _ => continue,
                },
            };
            let is_positive = value.as_f64().is_some_and(|divisor| divisor > 0.0);
            if *rule != "multipleOf" || is_positive && !is_division_rounded(text, &value) {
                schema.insert((*rule).to_owned(), value);
            }
        }
        prop_equal(Value::Object(schema), text)
    });
}

#[test]
fn multiples_are_those_of_the_library() {
    let divisors = ["0.1", "0.01", "0.5", "0.25", "1.5", "3", "7", "0.3", "1e-3", "2.5", "12.34", "1.0", "1e3", "9e15"];
    let scale = prop_oneof![-50_i64..50, -1_000_000_000_i64..1_000_000_000];
    run(&(select(divisors.to_vec()), scale, 0_i64..2), |(divisor, times, by)| {
        let value: Value = serde_json::from_str(divisor).unwrap();
        let divisor = divisor.parse::<f64>().unwrap();
        #[allow(clippy::cast_precision_loss, reason = "any number will do")]
        let number = (divisor * times as f64 + by as f64 * divisor / 3.0).to_string();
        if is_division_rounded(&number, &value) { Ok(()) } else { prop_equal(json!({ "multipleOf": value }), &number) }
    });
}

#[test]
fn patterns_match_as_by_the_library() {
    let texts = proptest::collection::vec("[abc1A_x. \\-éÉ&\\[\\]~/$\n\t\u{2028}\u{85}😀]{0,6}", 4);
    run(&(expression(), texts), |(pattern, texts)| {
        texts.iter().try_for_each(|text| prop_equal(json!({ "pattern": pattern }), text))
    });
}

#[test]
fn formats_are_those_of_the_library() {
    let format =
        (0..EXAMPLES.len()).prop_flat_map(|format| (Just(format), proptest::collection::vec(nearly(format), 17)));
    run(&format, |(format, texts)| {
        texts.iter().try_for_each(|text| prop_equal(json!({ "format": EXAMPLES[format].0 }), text))
    });
}

#[test]
fn international_labels_are_those_of_the_library() {
    let letters = "[a-dl\u{b7}é\u{375}α\u{5f3}א\u{640}ل\u{661}\u{6f1}\u{30fb}カ漢\u{3007}\u{301}\u{903}\u{20dd}\u{94d}\u{200d}क\u{2019}☃😀]{1,5}";
    let label = prop_oneof![3 => letters.prop_map(|label| encode(&label)), 1 => "[a-z0-9-]{1,9}"];
    run(&label, |label| prop_equal(json!({ "format": "hostname" }), &format!("xn--{label}")));
}

#[test]
fn rules_are_combined_as_by_the_library() {
    let all = ["const", "enum", "minLength", "maxLength", "minimum", "pattern", "format", "type"];
    let text = "[ab1é\u{301}😀]{0,5}|true|8080|1\\.5|2028-02-29";
    let strategy = (subsequence(all.to_vec(), 1..5).prop_shuffle(), text, text, 0_u64..6, expression());
    let words = (0..EXAMPLES.len() + 2, select(vec!["string", "integer", "number", "boolean"]));
    run(&(strategy, words), |((rules, text, other, length, pattern), (format, kind))| {
        let format = EXAMPLES.get(format).map_or("idn-email", |(name, ..)| name);
        let mut schema = Map::new();
        for rule in rules {
            let value = match rule {
                "type" => json!(kind),
                "const" => json!(other),
                "enum" => json!([other, "a", text, "1.50"]),
                "pattern" => json!(pattern),
                // the library compiles `format` after all that layers have
                "format" => continue,
                "minimum" => json!(length * 1000),
                _ => json!(length),
            };
            schema.insert(rule.to_owned(), value);
        }
        if length % 2 == 0 {
            schema.insert("format".to_owned(), json!(format));
        }
        prop_equal(Value::Object(schema), &text)
    });
}
