//! Filters, tests, functions, statements and tokens of the engine, taken from its own lists, with expensive operands.
//!
//! The operands count the values that they hand out. So the work of any filter is measurable, and one that would not
//! end does.

mod undefined;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use minijinja::machinery::{Token, tokenize};
use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Environment, Error};

use super::super::engine::Engine;
use super::super::operands::STATEMENTS;
use super::super::prepare::prepare;
use crate::files::ProjectFiles;
use crate::template_tokens::lexer_syntax;

/// Steps of a template.
const STEPS: u64 = 600;

/// Maximum number of values handed out for those steps: some for each step.
const LIMIT: u64 = 20 * STEPS;

/// Whether texts inside an operand are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// They are read, printed, compared or copied: a list of many long ones is rejected.
    Read,
    /// They are passed on, or are not operands at all.
    Passed,
}
use Use::{Passed, Read};

/// Filters, with arguments that make them do more work than without. `A` is any operand.
const FILTERS: &[(&str, Use, &[&str])] = &[
    ("abs", Passed, &[]),
    ("attr", Passed, &["A"]),
    ("b64decode", Read, &[]),
    ("b64encode", Read, &[]),
    ("batch", Passed, &["3", "3, A", "900000000000, A"]),
    ("bool", Passed, &[]),
    ("capitalize", Read, &[]),
    ("chain", Passed, &["A", "A, A"]),
    ("count", Passed, &[]),
    ("d", Passed, &["A", "A, true"]),
    ("default", Passed, &["A", "A, true"]),
    ("dictsort", Passed, &["by='value'", "reverse=true", "case_sensitive=true"]),
    ("e", Read, &[]),
    ("escape", Read, &[]),
    ("first", Passed, &[]),
    ("float", Passed, &["A"]),
    ("format", Read, &["A", "A, A", "a=A"]),
    ("groupby", Read, &["'a'", "'a', default=A", "attribute=A", "0"]),
    ("indent", Read, &["A", "3, true, true", "width=900000000000"]),
    ("int", Passed, &["A"]),
    ("items", Passed, &[]),
    ("join", Read, &["A", "', '", "attribute=A"]),
    ("last", Passed, &[]),
    ("length", Passed, &[]),
    ("lines", Read, &[]),
    ("list", Passed, &[]),
    ("lower", Read, &[]),
    ("map", Passed, &["'upper'", "'tojson'", "attribute='a'", "attribute=A", "attribute='a', default=A", "'attr', A"]),
    ("max", Read, &["attribute='a'", "attribute=A", "case_sensitive=true"]),
    ("min", Read, &["attribute='a'", "attribute=A", "case_sensitive=true"]),
    ("pprint", Read, &[]),
    ("quote", Read, &[]),
    ("reject", Passed, &["'eq', A", "'in', A", "'startingwith', A", "'=='"]),
    ("rejectattr", Passed, &["'a'", "A", "'a', 'eq', A"]),
    ("replace", Read, &["A, A", "'x', A", "A, 'x'", "'x', 'y', count=A"]),
    ("required", Passed, &["A"]),
    ("reverse", Passed, &[]),
    ("round", Passed, &["A", "2, A"]),
    ("safe", Read, &[]),
    ("select", Passed, &["'eq', A", "'in', A", "'lt', A", "'divisibleby', A", "'sameas', A", "A"]),
    ("selectattr", Passed, &["'a'", "A", "'a', 'eq', A", "'a', 'in', A"]),
    ("sha256", Read, &[]),
    ("slice", Passed, &["3", "3, A", "900000000000, A"]),
    ("sort", Read, &["attribute='a'", "attribute=A", "reverse=true", "case_sensitive=true"]),
    ("split", Read, &["A", "'x'", "'x', A"]),
    ("string", Read, &[]),
    ("sum", Read, &["attribute='a'", "start=A", "attribute=A"]),
    ("title", Read, &[]),
    ("tojson", Read, &["2", "indent=A", "true"]),
    ("toyaml", Read, &["A"]),
    ("trim", Read, &["A"]),
    ("unique", Read, &["attribute='a'", "attribute=A", "case_sensitive=true"]),
    ("upper", Read, &[]),
    ("urlencode", Read, &[]),
    ("zip", Passed, &["A", "A, A"]),
];

/// Tests, with their argument if they need one.
const TESTS: &[(&str, &[&str])] = &[
    ("!=", &["A"]),
    ("<", &["A"]),
    ("<=", &["A"]),
    ("==", &["A"]),
    (">", &["A"]),
    (">=", &["A"]),
    ("boolean", &[]),
    ("defined", &[]),
    ("divisibleby", &["A"]),
    ("endingwith", &["A", "'x'"]),
    ("eq", &["A"]),
    ("equalto", &["A"]),
    ("escaped", &[]),
    ("even", &[]),
    ("false", &[]),
    ("filter", &[]),
    ("float", &[]),
    ("ge", &["A"]),
    ("greaterthan", &["A"]),
    ("gt", &["A"]),
    ("in", &["A", "[A]", "{1: 1, 2: 2}"]),
    ("int", &[]),
    ("integer", &[]),
    ("iterable", &[]),
    ("le", &["A"]),
    ("lessthan", &["A"]),
    ("lower", &[]),
    ("lt", &["A"]),
    ("mapping", &[]),
    ("ne", &["A"]),
    ("none", &[]),
    ("number", &[]),
    ("odd", &[]),
    ("safe", &[]),
    ("sameas", &["A"]),
    ("sequence", &[]),
    ("startingwith", &["A", "'x'"]),
    ("string", &[]),
    ("test", &[]),
    ("true", &[]),
    ("undefined", &[]),
    ("upper", &[]),
];

/// Functions, with their arguments.
const FUNCTIONS: &[(&str, &[&str])] = &[
    ("range", &["A", "900000000000", "0, 900000000000, 1", "-900000000000, 0"]),
    ("dict", &["A", "a=A", "A, b=A"]),
    ("namespace", &["A", "a=A"]),
    ("declassify", &["A, 'r'"]),
];

/// Statements by keyword.
const BY_STATEMENT: &[(&str, &[&str])] = &[
    (
        "autoescape",
        &["{% autoescape A %}{{ A }}{% endautoescape %}", "{% autoescape 'html' %}{{ A }}{% endautoescape %}"],
    ),
    ("block", &["{% block b %}{{ A == A }}{{ A }}{% endblock %}"]),
    ("call", &["{% macro m(a) %}{{ caller(a) }}{% endmacro %}{% call(x) m(A) %}{{ x == A }}{{ x }}{% endcall %}"]),
    ("do", &["{% do A == A %}", "{% do range(A) %}"]),
    ("elif", &["{% if false %}{% elif A == A %}{% endif %}", "{% if false %}{% elif A %}{% endif %}"]),
    ("extends", &["{% extends A %}"]),
    ("filter", &["{% filter replace(A, A) %}x{% endfilter %}", "{% filter upper %}{{ A }}{% endfilter %}"]),
    (
        "for",
        &[
            "{% for a in A %}{% for b in a %}{% for c in b %}{% for d in c %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
            "{% for a in A recursive %}{{ loop(a) }}{% endfor %}",
            "{% for a in [A] recursive %}{{ loop(a) if a == A else loop(A) }}{% endfor %}",
            "{% for a, b in [A] %}{% endfor %}",
            "{% for a, (b, c) in [(1, A * 900)] %}{% endfor %}",
            "{% for a, b in [[1, 2]] recursive %}{{ loop([A]) }}{% endfor %}",
            "{% for a in A if a in A %}{% endfor %}",
            "{% for a in [1, 2] %}{{ loop.cycle(A, A) }}{% endfor %}",
            "{% for a in [1, 2] %}{{ loop.cycle() }}{% endfor %}",
            "{% for a in [1, 2] %}{{ loop.cycle(*[]) }}{% endfor %}",
            "{% for a in [1, 2] %}{{ loop.cycle(**{}) }}{% endfor %}",
            "{% for a in [1, 2] %}{{ loop.cycle }}{% endfor %}",
        ],
    ),
    ("from", &["{% from A import x %}"]),
    ("if", &["{% if A %}{% endif %}", "{% if A and not A %}{% endif %}", "{{ A if A else A }}"]),
    ("import", &["{% import A as x %}"]),
    (
        "include",
        &[
            "{% include A %}",
            "{% include A ignore missing %}",
            "{% include [A, A] ignore missing %}",
            "{% include A ignore missing without context %}",
        ],
    ),
    (
        "macro",
        &[
            "{% macro m(a, n) %}{{ m([a, a], n - 1) if n else a == [[A]] }}{% endmacro %}{{ m(A, 99) }}",
            "{% macro m(a, n) %}{{ m([a, a], n - 1) if n else {a: 1} }}{% endmacro %}{{ m(A, 99) }}",
            "{% macro m(a, n) %}{{ m(a + a, n - 1) if n else 'x' }}{% endmacro %}{{ m([A], 60) }}",
            "{% macro m(a, n) %}{{ m(a + a, n - 1) if n else 'x' }}{% endmacro %}{{ m([] | chain({}), 60) }}",
            "{% macro m(a, n) %}{{ m(a | chain(a), n - 1) if n else 'x' }}{% endmacro %}{{ m([A], 60) }}",
            "{% macro m(a, n) %}{{ m(a | chain(a), n - 1) if n else a | length }}{% endmacro %}{{ m({'a': A}, 60) }}",
            "{% macro m(a, n) %}{{ m(a | zip(a), n - 1) if n else a == [A] }}{% endmacro %}{{ m([A, A], 60) }}",
            "{% macro m(a, n) %}{{ m(a | batch(1, a), n - 1) if n else a == [A] }}{% endmacro %}{{ m([A, A], 60) }}",
            "{% macro m(a=A) %}{{ a == A }}{% endmacro %}{{ m() }}{{ m(*A) }}{{ m(**A) }}",
        ],
    ),
    (
        "set",
        &[
            "{% set a = A %}{% set b = [a, a] %}",
            "{% set a, b = A %}",
            "{% set a | replace(A, A) %}x{% endset %}",
            "{% set n = namespace() %}{% set n.x = A %}",
        ],
    ),
    (
        "with",
        &[
            "{% with a=A %}{% with b=[a, a], c=[a, a] %}{% with d=[b, b], e=[c, c] %}{{ d == e }}{{ d in e }}{% endwith %}{% endwith %}{% endwith %}",
        ],
    ),
];

/// Templates for a token. A new token of the engine is a compile error here.
fn by_token(token: &Token<'_>) -> &'static [&'static str] {
    match token {
        Token::Plus => &["{{ A + A }}", "{{ (A + A) == (A + A) }}"],
        Token::Minus => &["{{ A - A }}", "{{ -A }}"],
        Token::Mul => {
            &["{{ A * 900000000000 }}", "{{ A * A }}", "{{ ([A] * 9000) == ([A] * 9000) }}", "{{ range(*A) }}"]
        }
        Token::Div => &["{{ A / A }}"],
        Token::FloorDiv => &["{{ A // A }}", "{{ A // 3 }}"],
        Token::Pow => &["{{ A ** A }}", "{{ 9 ** 900000000000 }}", "{{ dict(**A) }}"],
        Token::Mod => &["{{ A % A }}", "{{ '%s' % A }}"],
        Token::Dot => &["{{ A.a }}", "{{ A.a(A) }}", "{{ A.0 }}", "{{ A.items() }}"],
        Token::Tilde => &["{{ A ~ A }}", "{{ (A ~ A) == A }}"],
        Token::Eq => &["{{ A == A }}", "{{ [A] == [A] }}", "{{ {'a': A} == {'a': A} }}", "{{ A == A == A }}"],
        Token::Ne => &["{{ A != A }}", "{{ [[A]] != [[A]] }}"],
        Token::Gt => &["{{ A > A }}"],
        Token::Gte => &["{{ A >= A }}"],
        Token::Lt => &["{{ A < A }}", "{{ [A] < [A] }}", "{{ {'a': A} < {'a': A} }}", "{{ 1 < A < A }}"],
        Token::Lte => &["{{ A <= A }}"],
        Token::Ident(_) => &[
            "{{ A in A }}",
            "{{ A not in A }}",
            "{{ A in [A] }}",
            "{{ A in {1: 1, 2: 2, 3: 3} }}",
            "{{ A in 'text' }}",
            "{{ 'x' in A }}",
            "{{ not A in [A] or A }}",
        ],
        Token::ParenOpen | Token::ParenClose => &["{{ A() }}", "{{ (A, A) == (A, A) }}", "{{ A(A) }}"],
        Token::BracketOpen | Token::BracketClose => &[
            "{{ A[A] }}",
            "{{ {1: 1, 2: 2, 3: 3}[A] }}",
            "{{ dict(a=1, b=2)[A] }}",
            "{{ A['a'] }}",
            "{{ A[0] }}",
            "{{ A[-1] }}",
            "{{ A[900000000000] }}",
            "{{ A[0][0][A] }}",
        ],
        Token::BraceOpen | Token::BraceClose => &["{{ {A: 1} }}", "{{ {A: 1, A: 2, 'a': A, 'b': [A]} }}"],
        Token::Colon => &["{{ A[::2] }}", "{{ A[::-1] }}", "{{ A[1:900000000000] }}", "{{ A[A:A] }}"],
        Token::VariableStart | Token::VariableEnd => &["{{ A }}", "{{ [A] }}"],
        // filters and statements have lists of their own, and these do nothing alone
        Token::Pipe
        | Token::BlockStart
        | Token::BlockEnd
        | Token::TemplateData(_)
        | Token::Str(_)
        | Token::String(_)
        | Token::Int(_)
        | Token::Int128(_)
        | Token::Float(_)
        | Token::Comma
        | Token::Assign => &[],
    }
}

/// Each token once, in the engine's syntax.
const TOKENS: &str = "{{ + - * / // ** % . ~ | == != > >= < <= a ( ) [ ] { } : }}";

/// Operands with unlimited or large content.
const OPERANDS: [&str; 10] = [
    "deep()",
    "deep_map()",
    "[deep()]",
    "{'a': deep(), 'b': 1}",
    "(['x' * 9000] * 9000000)",
    "{'a': ['x' * 9000] * 9000000}",
    "('x' * 20000)",
    "range(90000)",
    "mapping",
    "1",
];

/// Operands that are also used as arguments of any operand.
const ARGUMENTS: [&str; 5] = ["deep()", "{'a': deep(), 'b': 1}", "(['x' * 9000] * 9000000)", "('x' * 20000)", "1"];

/// Structure that hands out more values than can be processed.
#[derive(Debug)]
struct Deep {
    levels: usize,
    repr: ObjectRepr,
    handed_out: Arc<AtomicU64>,
}

impl Object for Deep {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        self.repr
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if self.repr == ObjectRepr::Map && !key.as_str().is_some_and(|key| ["a", "b", "c"].contains(&key)) {
            return None;
        }
        // beyond the limit it ends, so that the test does
        let is_leaf = self.handed_out.fetch_add(1, Relaxed) > LIMIT || self.levels == 0;
        let below = || Self { levels: self.levels - 1, repr: self.repr, handed_out: Arc::clone(&self.handed_out) };
        Some(if is_leaf { Value::from("x") } else { Value::from_object(below()) })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.repr == ObjectRepr::Map { Enumerator::Str(&["a", "b", "c"]) } else { Enumerator::Seq(9) }
    }
}

struct Bench {
    environment: Environment<'static>,
    handed_out: Arc<AtomicU64>,
    /// Templates for which more values were handed out than their steps paid for.
    unbounded: RefCell<Vec<String>>,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::new(Arc::new(ProjectFiles::new(directory.path()).unwrap()));
        let mut environment = engine.environment().clone();
        environment.set_fuel(Some(STEPS));
        let handed_out = Arc::new(AtomicU64::new(0));
        for (name, repr) in [("deep", ObjectRepr::Seq), ("deep_map", ObjectRepr::Map)] {
            let handed_out = Arc::clone(&handed_out);
            let make = move || Value::from_object(Deep { levels: 60, repr, handed_out: Arc::clone(&handed_out) });
            environment.add_function(name, make);
        }
        let mapping = (0..10_000).map(|index| (format!("k{index}"), "v"));
        environment.add_global("mapping", Value::from_pairs(mapping));
        Self { environment, handed_out, unbounded: RefCell::default(), _directory: directory }
    }

    /// Fails if some work was not bounded.
    fn finish(self) {
        let unbounded = self.unbounded.into_inner();
        assert!(
            unbounded.is_empty(),
            "{} templates do more than they pay for:\n{}",
            unbounded.len(),
            unbounded.join("\n")
        );
    }

    /// Renders a template, and records it if its work is not bounded.
    fn render(&self, template: &str) -> Result<String, Error> {
        self.handed_out.store(0, Relaxed);
        let prepared = prepare(template).map_err(super::super::fault::TemplateFault::into_error)?;
        let result = self.environment.render_str(&prepared.text, ());
        let handed_out = self.handed_out.load(Relaxed);
        if handed_out > LIMIT {
            self.unbounded.borrow_mut().push(template.to_owned());
        }
        result
    }

    /// Renders a template with each operand in place of `A`.
    fn render_all(&self, template: &str) {
        for operand in OPERANDS {
            let _ = self.render(&with_operand(template, operand));
        }
    }
}

/// Replaces the word `A` in a template by an operand.
fn with_operand(template: &str, operand: &str) -> String {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    template
        .split_inclusive(|char| !is_word(char))
        .map(|part| match part.strip_prefix('A') {
            Some(rest) if !rest.starts_with(is_word) => format!("{operand}{rest}"),
            _ => part.to_owned(),
        })
        .collect()
}

/// Names in a list of the engine's debug output.
fn names(environment: &Environment<'_>, list: &str) -> BTreeSet<String> {
    let printed = format!("{environment:?}");
    let (_, rest) = printed.split_once(&format!("{list}: [")).unwrap();
    let (names, _) = rest.split_once(']').unwrap();
    names.split(", ").map(|name| name.trim_matches('"').to_owned()).filter(|name| !name.starts_with('_')).collect()
}

fn sorted(names: impl Iterator<Item = &'static str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}

#[test]
fn every_filter_of_the_engine_is_bounded() {
    let bench = Bench::new();
    assert_eq!(names(&bench.environment, "filters"), sorted(FILTERS.iter().map(|(name, ..)| *name)));
    for (name, texts, arguments) in FILTERS {
        for call in std::iter::once(String::new()).chain(arguments.iter().map(|list| format!("({list})"))) {
            for operand in OPERANDS {
                for argument in ARGUMENTS.iter().filter(|_| call.contains('A')).chain(ARGUMENTS.last()) {
                    let call = with_operand(&call, argument);
                    let _ = bench.render(&format!("{{% set r = {operand} | {name}{call} %}}"));
                }
            }
        }
        if *texts == Read {
            // a list of texts, each worth many times the cost of a step
            let template = format!("{{{{ (['x' * 9000] * 9000000) | {name} | length }}}}");
            assert!(bench.render(&template).is_err(), "{name} reads more than it pays for");
        }
    }
    bench.finish();
}

#[test]
fn every_test_of_the_engine_is_bounded() {
    let bench = Bench::new();
    assert_eq!(names(&bench.environment, "tests"), sorted(TESTS.iter().map(|(name, _)| *name)));
    for (name, arguments) in TESTS {
        // a test named by a sign is only reachable through a filter
        let is_word = name.chars().all(char::is_alphabetic);
        for call in std::iter::once("").chain(arguments.iter().copied()) {
            for operand in ARGUMENTS {
                let call = with_operand(call, operand);
                if is_word {
                    bench.render_all(&format!("{{{{ A is {name}({call}) }}}}"));
                }
                let with = if call.is_empty() { String::new() } else { format!(", {call}") };
                bench.render_all(&format!("{{% set r = [A] | select('{name}'{with}) | list %}}"));
            }
        }
    }
    bench.finish();
}

#[test]
fn every_function_of_the_engine_is_bounded() {
    let bench = Bench::new();
    let own = ["deep", "deep_map", "mapping"];
    let globals = bench.environment.globals().map(|(name, _)| name.to_owned());
    let globals: BTreeSet<_> = globals.filter(|name| !name.starts_with('_') && !own.contains(&name.as_str())).collect();
    assert_eq!(globals, sorted(FUNCTIONS.iter().map(|(name, _)| *name)));
    for (name, calls) in FUNCTIONS {
        for call in *calls {
            bench.render_all(&format!("{{{{ {name}({call}) }}}}"));
            bench.render_all(&format!("{{% set r = {name}({call}) %}}"));
            bench.render_all(&format!("{{{{ {name}({call}) == {name}({call}) }}}}"));
        }
    }
    bench.finish();
}

#[test]
fn every_operator_of_the_engine_is_bounded() {
    let bench = Bench::new();
    let mut seen = 0;
    for token in tokenize(TOKENS, false, lexer_syntax()) {
        let (token, _) = token.unwrap();
        for template in by_token(&token) {
            seen += 1;
            bench.render_all(template);
        }
    }
    assert!(seen > 50, "{seen}");
    bench.finish();
}

#[test]
fn every_statement_of_the_engine_is_bounded() {
    let bench = Bench::new();
    assert_eq!(sorted(BY_STATEMENT.iter().map(|(word, _)| *word)), sorted(STATEMENTS.into_iter()));
    for template in BY_STATEMENT.iter().flat_map(|(_, templates)| *templates) {
        bench.render_all(template);
    }
    bench.finish();
}

#[test]
fn operands_that_pay_are_what_they_were() {
    let bench = Bench::new();
    for (template, expected) in [
        ("{{ 1 == 1.0 }}{{ [1, [2]] == [1, [2]] }}{{ 'a' < 'b' <= 'b' }}", "truetruetrue"),
        (
            "{{ 2 in [1, 2] and not 3 in [1] }}{{ 3 not in [1] }}{{ 'b' in 'abc' }}{{ 'a' in {'a': 1} }}",
            "truetruetruetrue",
        ),
        ("{{ {'a': 1, 'b' ~ 'c': 2}['b' ~ 'c'] }}{{ {(1, 2): 3}[(1, 2)] }}{{ [1, 2, 3][1:][0] }}", "232"),
        ("{{ 'x' if 1 + 1 == 2 else 'y' }}{{ -1 == 1 - 2 }}{{ 1 ~ 2 == '12' }}", "xtruetrue"),
        (
            "{% for a in [1, 2] if a in [2] %}{{ a }}{% endfor %}{% for a, b in [[1, 2]] %}{{ a < b }}{% endfor %}",
            "2true",
        ),
        ("{% set x = 1 == 1 %}{{ x }}{% if 1 != 2 %}a{% elif 1 in [1] %}b{% endif %}", "truea"),
        (
            "{% macro m(a, b=1 == 1) %}{{ a }}{{ b }}{% endmacro %}{{ m(1 > 2) }}{{ m(a=[1][0], b='x' in 'xy') }}",
            "falsetrue1true",
        ),
        (
            "{{ [1, 2] | select('>', 1) | list | length == 1 }}{{ 1 is not in [2] }}{{ 1 is in [1] == true }}",
            "truetruetrue",
        ),
        ("{{ ([1] * 2 + [3])[-1] }}{{ ([1, 2] + [3]) | join }}{{ 1 + 2 * 3 }}{{ 'a' + 'b' ~ 2 * 2 }}", "31237ab4"),
        (
            "{{ 2 * 3 == 6 and 7 - 1 == 2 * 3 }}{{ [1] | chain([2])| join }}{{ ({'a': 1} | chain({'b': 2}) | chain({'c': 3})).b }}",
            "true122",
        ),
        ("{% include ['none', 'no' ~ 'ne'] ignore missing without context %}x", "x"),
        ("{% for a in [1, 2, 3] %}{{ loop.cycle('a', 'b') }}{% endfor %}", "aba"),
    ] {
        assert_eq!(bench.render(template).map_err(|error| format!("{error:#}")).as_deref(), Ok(expected), "{template}");
    }
    bench.finish();
}
