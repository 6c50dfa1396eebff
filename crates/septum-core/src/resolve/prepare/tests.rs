use minijinja::machinery::{Token, ast, parse, tokenize};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::template_tokens::lexer_syntax;

#[test]
fn calls_are_marked_in_place_and_nothing_else() {
    for (template, expected) in [
        ("{{ declassify(a, 'r') }}", "{{ declassify(_septum_mark(), a, 'r') }}"),
        ("{{ declassify\n (a, 'r',) }}", "{{ declassify\n (_septum_mark(), a, 'r',) }}"),
        ("{{ declassify(f(a, 'x'), \"r\") }}", "{{ declassify(_septum_mark(), f(a, 'x'), \"r\") }}"),
        ("{% if declassify(a, 'r') %}", "{% if declassify(_septum_mark(), a, 'r') %}"),
        ("{{ {'a':{'b':1}} and declassify(a, 'r') }}", "{{ {'a':{'b':1}} and declassify(_septum_mark(), a, 'r') }}"),
        (
            "{{ declassify(declassify(a, 'x'), 'y') }}",
            "{{ declassify(_septum_mark(), declassify(_septum_mark(), a, 'x'), 'y') }}",
        ),
        (
            "{{ '}}' ~ declassify(a, 'r') }}",
            "{{ _septum_operand('}}') ~ _septum_operand(declassify(_septum_mark(), a, 'r')) }}",
        ),
        ("{% set x = a %}", "{% set x = _septum_value(a) %}"),
        ("{% set x, y = a, [b, c], %}", "{% set x, y = _septum_value(a), _septum_value([b, c]), %}"),
        ("{% set n.x = a if b else c -%}", "{% set n.x = _septum_field(a if b else c) -%}"),
        ("{% set x | f(a=1) %}{% endset %}", "{% set x | f(a=1) | _septum_value %}{% endset %}"),
        ("{% set x = declassify(a, 'r') %}", "{% set x = _septum_value(declassify(_septum_mark(), a, 'r')) %}"),
        ("{% raw %}{{ declassify(a) }}{% set x = 1 %}{% endraw %}", ""),
        ("{%- raw -%}{% x %}{%- endraw -%}{{ 'declassify(a)' }}", ""),
        ("{# declassify(a) #}declassify(a)", ""),
        ("{{ x.declassify(a) }}{{ a | declassify }}{{ a is declassify }}{{ a is not declassify }}", ""),
        ("{{ redeclassify(a) }}", ""),
        ("{% set x %}{{ a }}{% endset %}", ""),
        ("{{ declassify(a, ", ""),
        ("{% set x = }}{% endif %}+%}{%+{%+{% set x %}", ""),
        ("{{ declassify(a, 'r')) }}", ""),
    ] {
        let prepared = prepare(template).unwrap_or_else(|fault| panic!("{template}: {fault:?}"));
        assert_eq!(prepared.text, if expected.is_empty() { template } else { expected });
    }
}

#[test]
fn what_is_no_call_with_a_reason_is_refused() {
    for (template, message) in [
        ("{{ declassify(a) }}", "requires a reason"),
        ("{{ declassify(a, '') }}", "requires a reason"),
        ("{{ declassify(a, ' ') }}", "requires a reason"),
        ("{{ declassify(a, b) }}", "requires a reason"),
        ("{{ declassify(a, 'r' ~ b) }}", "requires a reason"),
        ("{{ declassify(a, 'r' 's') }}", "requires a reason"),
        ("{{ declassify(a, ('r')) }}", "requires a reason"),
        ("{{ declassify(a, 'r', 's') }}", "requires a reason"),
        ("{{ declassify('r') }}", "requires a reason"),
        ("{{ declassify() }}", "requires a reason"),
        ("{{ declassify(*a, 'r') }}", "without `*`"),
        ("{{ declassify(**a, 'r') }}", "without `*`"),
        ("{{ declassify(value=a, 'r') }}", "without `*`"),
        ("{{ declassify }}", "is a function"),
        ("{{ (declassify)(a, 'r') }}", "is a function"),
        ("{% set declassify = 1 %}", "is a function"),
        ("{% set f = declassify %}", "is a function"),
        ("{% for declassify in a %}{% endfor %}", "is a function"),
        ("{% from 'x' import declassify %}", "is a function"),
        ("{{ [a] | map(declassify) }}", "is a function"),
        ("{{ _septum_mark() }}", "reserved"),
        ("{{ {'a':{'b':1}} and _septum_mark() }}", "reserved"),
        ("{% set _septum_mark = 1 %}", "reserved"),
        ("{{ a | _septum_value }}", "reserved"),
        ("{{ x._septum_x }}", "reserved"),
        ("{{ loop.changed(a) }}", "remembers values"),
        ("{{ loop['changed'](a) }}", "remembers values"),
        ("{% set l = loop %}", "remembers values"),
        ("{% if f(loop) %}{% endif %}", "remembers values"),
    ] {
        let fault = prepare(template).expect_err(template);
        assert!(fault.message.contains(message), "{template}: {fault:?}");
        assert!(template.get(fault.range.clone()).is_some_and(|part| !part.is_empty()), "{template}: {fault:?}");
    }
}

#[test]
fn one_expression_by_itself_is_found_by_the_tokens() {
    for (text, expected) in [
        ("{{ data.PORT }}", Some(" data.PORT")),
        ("{{- data.PORT -}}", Some(" data.PORT")),
        ("{{ {'a':{'b':1}} }}", Some(" {'a':{'b':1}}")),
        ("{{ '}} {{' }}", Some(" '}} {{'")),
        ("{{ a }}{{ b }}", None),
        (" {{ a }}", None),
        ("{{ a }}\n", None),
        ("{{ }}", None),
        ("{{ a", None),
        ("{% if a %}b{% endif %}", None),
    ] {
        assert_eq!(lone_expression(text).and_then(|range| text.get(range)), expected, "{text}");
    }
}

/// Fragments of templates, whole and broken.
fn templates() -> impl Strategy<Value = String> {
    let fragments = vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{{-",
        "-}}",
        "{%+",
        "+%}",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "'",
        "\"",
        "\\",
        ",",
        ":",
        "|",
        ".",
        "=",
        "==",
        "~",
        "*",
        "**",
        "-",
        " ",
        "\n",
        "\r\n",
        "\u{a0}",
        "é",
        "𝒟",
        "{% raw %}",
        "{%- raw -%}",
        "{% endraw %}",
        "{%- endraw +%}",
        "raw",
        "endraw",
        "declassify",
        "declassify(",
        "declassify(a, 'r')",
        "{{ declassify(a, 'r') }}",
        "{{ loop.index }}",
        "declassify(a, \"}}\")",
        ", 'r')",
        "_septum_mark()",
        "_septum_",
        "_d(_m(),",
        "set",
        "{% set x = ",
        "{% set n.x = ",
        "{% set x %}",
        "{% endset %}",
        "x",
        "a.b",
        "1",
        "1.5",
        "'}}'",
        "\"%}\"",
        "'\\'}}'",
        "{'a':{'b':1}}",
        "not",
        "is",
        "{{ {'a':{'b':1}} and ",
        "{% if ",
        "{% endif %}",
        "{{ declassify",
        "{% macro m(x) %}",
        "{% endmacro %}",
        "0x",
        "1_",
    ];
    prop::collection::vec(prop::sample::select(fragments), 0..24).prop_map(|parts| parts.concat())
}

/// Tokens of the engine with their ranges; `None` if it cannot read the text.
fn tokens(text: &str) -> Option<Vec<(String, Range<usize>)>> {
    let token = |found: Result<(Token<'_>, minijinja::machinery::Span), minijinja::Error>| {
        let (token, span) = found.ok()?;
        Some((format!("{token:?}"), span.start_offset as usize..span.end_offset as usize))
    };
    tokenize(text, false, lexer_syntax()).map(token).collect()
}

/// Number of calls of `declassify` in the engine's parse tree.
fn calls(text: &str) -> Option<usize> {
    let parsed = parse(text, "x", lexer_syntax()).ok()?;
    Some(format!("{parsed:?}").matches("expr: Var { id: \"declassify\" }").count())
}

fn cases() -> u32 {
    std::env::var("SEPTUM_LEXER_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

#[test]
fn whatever_the_text_is_positions_are_those_of_the_engine() {
    let mut runner = TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
    let (whole, marked) = (std::cell::Cell::new(0_u32), std::cell::Cell::new(0_u32));
    let done = runner.run(&templates(), |text| {
        let lexed = lex_template(&text);
        let engines = tokens(&text);
        prop_assert_eq!(lexed.is_complete, engines.is_some());
        let Ok(prepared) = prepare(&text) else { return Ok(()) };
        let Some(engines) = engines else {
            // nothing of it is run
            prop_assert_eq!(&*prepared.text, &*text);
            return Ok(());
        };
        whole.set(whole.get() + 1);
        // the engine reads the tokens of the source in the prepared text, with the calls in addition
        let inner = tokens(&prepared.text).ok_or_else(|| TestCaseError::fail("cannot be read any more"))?;
        let mut rest = inner.iter().peekable();
        for (token, range) in &engines {
            let found = rest.find(|(other, at)| other == token && prepared.to_source(at) == *range);
            prop_assert!(found.is_some(), "{token} at {range:?} is lost in {}", prepared.text);
        }
        let added = inner.len() - engines.len();
        prop_assert_eq!(added > 0, !prepared.insertions.is_empty());
        // every call that the engine sees is marked, and no template names an inner function
        if let Some(calls) = calls(&text) {
            let marks = prepared.insertions.iter().filter(|(_, text)| text.contains("_septum_mark")).count();
            prop_assert_eq!(marks, calls);
            marked.set(marked.get() + u32::from(marks > 0));
        }
        let named = engines.iter().filter(|(token, _)| token.starts_with("Ident(\"_septum_")).count();
        prop_assert_eq!(named, 0);
        Ok(())
    });
    done.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(whole.get() > cases() / 20 && marked.get() > 0, "{} {}", whole.get(), marked.get());
}

#[test]
fn the_engine_parses_what_is_marked_as_calls() {
    let parsed = parse("{{ declassify(a, 'r') }}", "x", lexer_syntax()).expect("a template");
    assert!(matches!(parsed, ast::Stmt::Template(_)));
    assert_eq!(calls("{{ declassify(a, 'r') ~ x.declassify(a) }}{{ 'declassify(' }}"), Some(1));
}
