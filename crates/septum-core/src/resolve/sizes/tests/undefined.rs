//! Values that are not defined, as operands: a filter that made `null` or nothing of one would hide a misspelt name.

use super::{Bench, FILTERS, TESTS, with_operand};

/// Filters for values that may be missing.
const FALLBACKS: [&str; 2] = ["d", "default"];

/// Tests that ask whether there is a value, or of what type.
const OF_TYPES: [&str; 18] = [
    "boolean",
    "defined",
    "escaped",
    "false",
    "filter",
    "float",
    "int",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "safe",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
];

#[test]
fn no_filter_makes_a_value_of_what_has_none() {
    let bench = Bench::new();
    for (name, _, arguments) in FILTERS.iter().filter(|(name, ..)| !FALLBACKS.contains(name)) {
        for call in std::iter::once(String::new()).chain(arguments.iter().map(|list| format!("({list})"))) {
            let template = format!("{{% set r = nope | {name}{} %}}", with_operand(&call, "'a'"));
            assert!(bench.render(&template).is_err(), "{template}");
        }
    }
}

#[test]
fn no_test_compares_what_has_no_value() {
    let bench = Bench::new();
    let is_word = |name: &str| name.chars().all(char::is_alphabetic);
    for (name, arguments) in TESTS.iter().filter(|(name, _)| is_word(name) && !OF_TYPES.contains(name)) {
        for argument in arguments.iter().copied().chain(arguments.is_empty().then_some("")) {
            let template = format!("{{% set r = nope is {name} {} %}}", with_operand(argument, "'a'"));
            assert!(bench.render(&template).is_err(), "{template}");
        }
    }
}
