use minijinja::Environment;

use super::super::prepare::{OPERAND, prepare};
use crate::template_tokens::syntax;

#[test]
fn every_operand_is_enclosed() {
    for (template, expected) in [
        ("{{ a ~ b }}", "{{ <a> ~ <b> }}"),
        ("{{ a ~ b ~ c * 2 + d }}", "{{ <a> ~ <b> ~ <c * 2> + d }}"),
        ("{{ a - b ~ -c - d }}", "{{ a - <b> ~ <-c> - d }}"),
        ("{{ (a ~ [b ~ 1]) * 9 ~ '' }}", "{{ <(<a> ~ <[<b> ~ <1>]>) * 9> ~ <''> }}"),
        ("{{ a | upper ~ b.not[1:2] ~ c is not in d }}", "{{ <a | upper> ~ <b.not[1:2]> ~ <c is not in d> }}"),
        ("{{ not a ~ b if c ~ d else e ~ f }}", "{{ not <a> ~ <b> if <c> ~ <d> else <e> ~ <f> }}"),
        ("{{ f(x, k=a ~ b) ~ {'k': a ~ b} }}", "{{ <f(x, k=<a> ~ <b>)> ~ <{'k': <a> ~ <b>}> }}"),
        ("{{ a ~ b not in c ~ d }}", "{{ <a> ~ <b> not in <c> ~ <d> }}"),
        ("{% if -a ~ b %}{% endif %}", "{% if <-a> ~ <b> %}{% endif %}"),
        ("{% for x in a ~ b recursive %}{% endfor %}", "{% for x in <a> ~ <b> recursive %}{% endfor %}"),
        ("{% include a ~ b ignore missing %}", "{% include <a> ~ <b> ignore missing %}"),
        ("{% import a ~ b as c %}", "{% import <a> ~ <b> as c %}"),
        ("{% from a ~ b import c %}", "{% from <a> ~ <b> import c %}"),
        ("{{ 'a ~ b' }}{# a ~ b #}", "{{ 'a ~ b' }}{# a ~ b #}"),
        ("{% set x = a ~ b %}", "{% set x = _septum_value(<a> ~ <b>) %}"),
    ] {
        let prepared = prepare(template).unwrap();
        let expected = expected.replace('<', &format!("{OPERAND}(")).replace('>', ")");
        assert_eq!(prepared.text, expected, "{template}");
        let mut environment = Environment::new();
        environment.set_syntax(syntax());
        assert!(environment.template_from_str(&prepared.text).is_ok(), "{template}");
    }
}
