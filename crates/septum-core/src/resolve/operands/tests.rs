use minijinja::Environment;

use super::super::inner_functions::{COMPARED, DEFINED, HASHED, MADE, NAMED, OPERAND};
use super::super::prepare::prepare;
use crate::template_tokens::lexer_syntax;

#[test]
fn every_operand_is_enclosed() {
    for (template, expected) in [
        ("{{ a ~ b }}", "{{ <a> ~ <b> }}"),
        ("{{ a ~ b ~ c * 2 + d }}", "{{ $<a> ~ <b> ~ <$c * 2!> + d! }}"),
        ("{{ a - b ~ -c - d }}", "{{ a - <b> ~ <-c> - d }}"),
        ("{{ (a ~ [b ~ 1]) * 9 ~ '' }}", "{{ <$(<a> ~ <[<b> ~ <1>]>) * 9!> ~ <''> }}"),
        ("{{ a | upper ~ b.not[1:2] ~ c is not in d }}", "{{ <a | upper> ~ <b.not[1:2]> ~ <c is not in d> }}"),
        ("{{ not a ~ b if c ~ d else e ~ f }}", "{{ not <a> ~ <b> if <c> ~ <d> else <e> ~ <f> }}"),
        ("{{ f(x, k=a ~ b) ~ {'k': a ~ b} }}", "{{ <f(x, k=<a> ~ <b>)> ~ <{'k': <a> ~ <b>}> }}"),
        ("{{ a ~ b not in c ~ d }}", "{{ ?<a> ~ <b>! not in ?<c> ~ <d>! }}"),
        ("{{ a == b + 1 < c ~ d | f }}", "{{ ?a! == ?$b + 1!! < ?<c> ~ <d | f>! }}"),
        ("{{ not a in b and -c >= d or e }}", "{{ not ?a! in ?b! and ?-c! >= ?d! or e }}"),
        (
            "{{ f(x=a != b, *c) if a is not in b else d is in(e) == g }}",
            "{{ f(x=?a! != ?b!, *&c!) if a is not in b else ?d is in(e)! == ?g! }}",
        ),
        (
            "{{ {'a': 1, b: {c == d: 2}, e ~ f: g, 1: 2} }}",
            "{{ {'a': 1, #b!: {#?c! == ?d!!: 2}, #<e> ~ <f>!: g, 1: 2} }}",
        ),
        ("{{ a[b][1]['c'][[d]][e:f][(g, h)] }}", "{{ a[#b!][1]['c'][#[d]!][e:f][#(g, h)!] }}"),
        ("{{ [a][b] ~ a.in[c] in d }}", "{{ ?<[a][#b!]> ~ <a.in[#c!]>! in ?d! }}"),
        (
            "{% for a in b == c if d in e recursive %}{% endfor %}",
            "{% for a in ?b! == ?c! if ?d! in ?e! recursive %}{% endfor %}",
        ),
        ("{% for a, b in (c in d) %}{% endfor %}", "{% for a, b in (?c! in ?d!) %}{% endfor %}"),
        ("{% if a == b %}{% elif c in d %}{% endif %}", "{% if ?a! == ?b! %}{% elif ?c! in ?d! %}{% endif %}"),
        ("{% with a = b == c, d = e %}{% endwith %}", "{% with a = ?b! == ?c!, d = e %}{% endwith %}"),
        (
            "{% include a ignore missing with context %}{% include 'b' %}",
            "{% include @a! ignore missing with context %}{% include 'b' %}",
        ),
        (
            "{% include a without context %}{% extends a or b %}",
            "{% include @a! without context %}{% extends @a or b! %}",
        ),
        ("{% include ['a', b] if c == d else e %}", "{% include @['a', b] if ?c! == ?d! else e! %}"),
        ("{% if -a ~ b %}{% endif %}", "{% if <-a> ~ <b> %}{% endif %}"),
        ("{% for x in a ~ b recursive %}{% endfor %}", "{% for x in <a> ~ <b> recursive %}{% endfor %}"),
        ("{% include a ~ b ignore missing %}", "{% include @<a> ~ <b>! ignore missing %}"),
        ("{% import a ~ b as c %}", "{% import @<a> ~ <b>! as c %}"),
        ("{% from a ~ b import c %}", "{% from @<a> ~ <b>! import c %}"),
        ("{{ a + b - c * d / e + f * 2 ** g }}", "{{ $a + b - $c * d / e! + $f * 2 ** g!! }}"),
        ("{{ f(*a * 2, **b) + -c * 3 }}", "{{ $f(*&$a * 2!!, **&b!) + $-c * 3!! }}"),
        ("{{ a + b in c * d }}", "{{ ?$a + b!! in ?$c * d!! }}"),
        ("{{ f(a, *[b, c][0], d) }}{{ a | f(**g(x, y)) }}", "{{ f(a, *&[b, c][0]!, d) }}{{ a | f(**&g(x, y)!) }}"),
        ("{{ 'a ~ b == c' }}", "{{ 'a ~ b == c' }}"),
        ("{% set x = a ~ b %}", "{% set x = _septum_value(<a> ~ <b>) %}"),
    ] {
        let prepared = prepare(template).unwrap();
        // comparison signs are not brackets
        let expected = expected.replace(" < ", " \u{1} ").replace(" >= ", " \u{2} ");
        let expected = expected.replace("!=", "\u{3}").replace(['>', '!'], ")");
        let names = [("<", OPERAND), ("?", COMPARED), ("#", HASHED), ("@", NAMED), ("$", MADE), ("&", DEFINED)];
        let expected = names.iter().fold(expected, |text, (sign, name)| text.replace(sign, &format!("{name}(")));
        let expected = expected.replace('\u{1}', "<").replace('\u{2}', ">=").replace('\u{3}', "!=");
        assert_eq!(prepared.text, expected, "{template}");
        let mut environment = Environment::new();
        environment.set_syntax(lexer_syntax());
        assert!(environment.template_from_str(&prepared.text).is_ok(), "{template}");
    }
}
