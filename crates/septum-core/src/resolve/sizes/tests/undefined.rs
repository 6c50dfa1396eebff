//! Values that are not defined, as operands and as arguments: a filter that made `null` or nothing of one, or a test that
//! answered for it, would hide a misspelt name.

use minijinja::ErrorKind;

use super::{Bench, FILTERS, FUNCTIONS, TESTS, with_operand};

/// Filters for values that may be missing.
const FALLBACKS: [&str; 2] = ["d", "default"];

/// Tests that ask whether there is a value.
const OF_EXISTENCE: [&str; 2] = ["defined", "undefined"];

/// The filter that takes what is not defined only to refuse it with a message of its own.
const REQUIRED: &str = "required";

/// Functions that hand on what they are given.
const TRANSPARENT: [&str; 1] = ["declassify"];

/// Splits a list of arguments, of which none contains a comma outside of brackets.
fn split_arguments(list: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted) = (vec![String::new()], 0, 0);
    for char in list.chars() {
        quoted ^= i32::from(char == '\'');
        depth += i32::from("([{".contains(char)) - i32::from(")]}".contains(char));
        match parts.last_mut() {
            Some(part) if char != ',' || depth + quoted > 0 => part.push(char),
            _ => parts.push(String::new()),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// A list of arguments with what is not defined in the place of each one.
fn with_each_undefined(list: &str) -> Vec<String> {
    let arguments = split_arguments(&with_operand(list, "'a'"));
    let replaced = |index: usize| {
        let argument = |(at, text): (usize, &String)| match text.split_once('=') {
            _ if at != index => text.clone(),
            Some((name, _)) if name.chars().all(|char| char.is_alphabetic() || char == '_') => format!("{name}=nope"),
            _ => "nope".to_owned(),
        };
        arguments.iter().enumerate().map(argument).collect::<Vec<_>>().join(", ")
    };
    (0..arguments.len()).map(replaced).collect()
}

/// Templates that did not fail because of a value that is not defined.
fn accepted(templates: impl Iterator<Item = String>) -> Vec<String> {
    let bench = Bench::new();
    let is_refused = |template: &String| {
        let mut kinds = Vec::new();
        let failed = bench.render(template).err();
        let mut error = failed.as_ref().map(|error| error as &(dyn std::error::Error + 'static));
        while let Some(found) = error {
            kinds.extend(found.downcast_ref().map(minijinja::Error::kind));
            error = found.source();
        }
        kinds.contains(&ErrorKind::UndefinedError)
    };
    templates.filter(|template| !is_refused(template)).collect()
}

#[test]
fn no_filter_makes_a_value_of_what_has_none() {
    let operands = FILTERS.iter().filter(|(name, ..)| !FALLBACKS.contains(name) && *name != REQUIRED);
    let templates = operands.flat_map(|(name, _, arguments)| {
        let calls = std::iter::once(String::new()).chain(arguments.iter().map(|list| format!("({list})")));
        calls.map(move |call| format!("{{% set r = nope | {name}{} %}}", with_operand(&call, "'a'")))
    });
    assert_eq!(accepted(templates), [""; 0]);
}

#[test]
fn no_argument_of_a_filter_is_left_out_because_it_has_no_value() {
    let templates = FILTERS.iter().flat_map(|(name, _, arguments)| {
        // the fallback itself may be another value that is not there
        let is_fallback = |call: &String| FALLBACKS.contains(name) && call.starts_with("nope");
        let calls = arguments.iter().flat_map(|list| with_each_undefined(list)).filter(move |call| !is_fallback(call));
        calls.map(move |call| format!("{{% set r = 'a' | {name}({call}) %}}"))
    });
    let templates: Vec<_> = templates.collect();
    assert!(templates.len() > 80, "{}", templates.len());
    assert_eq!(accepted(templates.into_iter()), [""; 0]);
}

#[test]
fn no_test_answers_for_what_has_no_value() {
    let templates = TESTS.iter().filter(|(name, _)| !OF_EXISTENCE.contains(name)).flat_map(|(name, arguments)| {
        let is_word = name.chars().all(char::is_alphabetic);
        let lists: Vec<_> = arguments.iter().copied().chain(arguments.is_empty().then_some("")).collect();
        lists.into_iter().flat_map(move |list| {
            let good = with_operand(list, "'a'");
            let with = if good.is_empty() { String::new() } else { format!(", {good}") };
            let of_operand = [
                format!("{{% set r = nope is {name} {good} %}}"),
                format!("{{% if nope is not {name}({good}) %}}{{% endif %}}"),
                format!("{{% set r = [nope] | select('{name}'{with}) | list %}}"),
            ];
            let of_argument = with_each_undefined(list).into_iter().flat_map(move |call| {
                [
                    format!("{{% set r = 'a' is {name}({call}) %}}"),
                    format!("{{% set r = ['a'] | select('{name}', {call}) | list %}}"),
                ]
            });
            of_operand.into_iter().chain(of_argument).filter(move |template| is_word || template.contains("select"))
        })
    });
    assert_eq!(accepted(templates), [""; 0]);
}

#[test]
fn no_function_leaves_out_what_has_no_value() {
    let calls = FUNCTIONS.iter().filter(|(name, _)| !TRANSPARENT.contains(name));
    let templates = calls.flat_map(|(name, calls)| {
        let lists = calls.iter().flat_map(|list| with_each_undefined(list)).chain(["0, nope".to_owned()]);
        lists.map(move |list| format!("{{% set r = {name}({list}) %}}"))
    });
    assert_eq!(accepted(templates), [""; 0]);
}

#[test]
fn no_operator_makes_a_value_of_what_has_none() {
    let binary = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in"];
    let of_two = binary.iter().flat_map(|sign| [format!("nope {sign} 1"), format!("1 {sign} nope")]);
    let others = [
        "-nope",
        "not nope",
        "nope and 1",
        "nope or 1",
        "1 if nope else 2",
        "[1][nope]",
        "{1: 2}[nope]",
        "'abc'[nope]",
        "'abc'[nope:]",
        "'abc'[:nope]",
        "'abc'[::nope]",
        "nope[1:]",
        "{nope: 1}",
        "nope.a",
        "nope[0]",
        "nope()",
    ];
    let expressions = of_two.chain(others.into_iter().map(str::to_owned));
    let statements = [
        "{% for a in nope %}{% endfor %}",
        "{% for a in [1] if nope %}{% endfor %}",
        "{% if nope %}{% endif %}",
        "{% if false %}{% elif nope %}{% endif %}",
        "{% include nope %}",
        "{% include [nope, 'x'] ignore missing %}",
        "{% include nope ignore missing %}",
        "{% import nope as x %}",
        "{% set a, b = nope %}",
        "{% filter replace('a', nope) %}a{% endfilter %}",
        "{% macro m() %}{% endmacro %}{{ m(*nope) }}",
        "{% macro m() %}{% endmacro %}{{ m(**nope) }}",
        "{% for a in [1] %}{{ loop.cycle(nope) }}{% endfor %}",
    ];
    let assigned = expressions.map(|expression| format!("{{% set r = {expression} %}}"));
    let templates = assigned.chain(statements.into_iter().map(str::to_owned));
    // of an operator, the engine may say that it is not for such a type
    let bench = Bench::new();
    let accepted: Vec<_> = templates.filter(|template| bench.render(template).is_ok()).collect();
    assert_eq!(accepted, [""; 0]);
}
