//! Templates: what they see, what they can do, and that they do the same every time
//! (contract, section 4).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fmt::Write as _;

use crate::support::objects::pairs;
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

/// What the tables below may refer to.
const CONTEXT: &str = r#"
namespace: shop
vars:
  domain: example.com
  hosts: [a, b, c]
  ports: { http: 80, admin: 81 }
  users: [{ name: ada, admin: true }, { name: bob, admin: false }]
  url: "https://{{ vars.domain }}/{{ env.name }}"
  version: 1.10
  mode: 0644
  nested: "{{ vars.url }}?app={{ app.name }}"
  list: ["{{ vars.domain }}", "{{ data.NAME }}"]
data:
  NAME: shop
  PORT: 8080
  DEBUG: true
  QUIET: { value: "false", type: boolean }
  EMPTY: ""
  QUOTES: "it's \"so\""
  UNSET: { description: nobody sets this }
  TEXT_TRUE: "true"
"#;

fn rendered(template: &str) -> String {
    let block = template.replace('\n', "\n    ");
    let base = format!(
        "{CONTEXT}  RESULT: |-\n    {block}\nbundles:\n  more: {{ data: {{ NAME: other, BACK: \"{{{{ bundles.app.NAME }}}}\" }} }}\n"
    );
    Sandbox::of(&base, "").dev().value("RESULT")
}

#[test]
fn templates_render() {
    for (template, expected) in [
        // what they see
        ("{{ data.NAME }}", "shop"),
        ("{{ data['NAME'] }}", "shop"),
        ("{{ env.name }} {{ env.namespace }} {{ app.name }}", "dev shop app"),
        ("{{ bundles.more.NAME }} {{ bundles.app.NAME }} {{ bundles.more.BACK }}", "other shop shop"),
        ("{{ vars.domain }} {{ vars.hosts[1] }} {{ vars.ports.http }}", "example.com b 80"),
        ("{{ vars['hosts'][-1] }} {{ vars.hosts[3] is defined }}", "c false"),
        ("{{ vars.url }}", "https://example.com/dev"),
        ("{{ vars.nested }}", "https://example.com/dev?app=app"),
        ("{{ vars.list | join(' ') }}", "example.com shop"),
        // text is kept, and truth has small letters
        ("{{ vars.version }} {{ vars.mode }}", "1.10 0644"),
        ("{{ data.DEBUG }} {{ not data.DEBUG }} {{ 1 == 1 }} {{ data.QUIET }}", "true false true false"),
        ("{{ data.DEBUG | string }} {{ [true, data.QUIET] | join('-') }}", "true true-false"),
        ("{{ data.PORT + 1 }} {{ data.PORT * 2 }}", "8081 16160"),
        ("{{ 'yes' if data.QUIET else 'no' }} {{ 'yes' if data.DEBUG else 'no' }}", "no yes"),
        ("{{ 'yes' if data.TEXT_TRUE == 'true' else 'no' }}", "yes"),
        // filters
        ("{{ data.NAME | b64encode }} {{ 'aGVsbG8=' | b64decode }}", "c2hvcA== hello"),
        ("{{ 'gP8=' | b64decode | b64encode }}", "gP8="),
        ("{{ \"a b/c?d=e&f:@%ß~-._\" | urlencode }}", "a%20b%2Fc%3Fd%3De%26f%3A%40%25%C3%9F~-._"),
        ("{{ 'abc' | sha256 }}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("{{ vars.hosts | tojson }}", "[\"a\", \"b\", \"c\"]"),
        ("{{ data.QUOTES | tojson }}", "\"it\\u0027s \\\"so\\\"\""),
        ("{{ vars.ports | toyaml }}", "http: 80\nadmin: 81"),
        ("{{ vars.users | toyaml }}", "- name: ada\n  admin: true\n- name: bob\n  admin: false"),
        ("{{ 'yes' | toyaml }}", "\"yes\""),
        ("x:\n{{ vars.ports | toyaml | indent(2, true) }}", "x:\n  http: 80\n  admin: 81"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ data.QUOTES | quote }} {{ data.PORT | quote }}", "\"it's \\\"so\\\"\" \"8080\""),
        ("{{ data.NAME | required('a name') }}", "shop"),
        ("{{ vars.hosts | join(',') }} {{ vars.hosts | join }}", "a,b,c abc"),
        ("{{ vars.ports | join(',') }}", "http,admin"),
        ("{{ data.UNSET | default('none') }} {{ data.EMPTY | default('none', true) }}", "none none"),
        ("{{ data.UNSET is defined }} {{ data.NAME is defined }}", "false true"),
        ("{{ data.NAME | upper }} {{ data.NAME | replace('s', 'c') }} {{ ' x ' | trim }}", "SHOP chop x"),
        ("{{ vars.hosts | length }} {{ vars.hosts | first }} {{ vars.hosts | last }}", "3 a c"),
        ("{{ vars.hosts | reverse | list | tojson }}", "[\"c\", \"b\", \"a\"]"),
        ("{{ vars.users | selectattr('admin') | map(attribute='name') | join(',') }}", "ada"),
        ("{{ vars.ports | dictsort | map('first') | join(',') }}", "admin,http"),
        ("{{ vars.ports | items | map('last') | join(',') }}", "80,81"),
        // statements
        (
            "{% for host in vars.hosts %}{{ loop.index }}{{ host }}{% if not loop.last %},{% endif %}{% endfor %}",
            "1a,2b,3c",
        ),
        ("{% for key, port in vars.ports | items %}{{ key }}={{ port }};{% endfor %}", "http=80;admin=81;"),
        ("{% for user in vars.users if user.admin %}{{ user.name }}{% endfor %}", "ada"),
        ("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% set x = data.NAME %}{{ x }}{{ x }}", "shopshop"),
        ("{% set x %}<{{ data.NAME }}>{% endset %}{{ x }}", "<shop>"),
        (
            "{% macro row(a, b='y') %}{{ a }}:{{ b }}{% endmacro %}{{ row('x') }} {{ row(data.NAME, b=1) }}",
            "x:y shop:1",
        ),
        ("{% macro own() %}{{ data.NAME }}{% endmacro %}{{ own() }}", "shop"),
        ("{% filter upper %}a{{ data.NAME }}{% endfilter %}", "ASHOP"),
        ("{% with x = data.PORT %}{{ x }}{% endwith %}", "8080"),
        ("{% if env.name == 'prod' %}big{% elif env.name == 'dev' %}small{% endif %}", "small"),
        ("{% set ns = namespace(n=0) %}{% for h in vars.hosts %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "3"),
        ("a {#- a comment -#} {{ 'b' }}", "ab"),
        ("{# no expression, so no template #}", "{# no expression, so no template #}"),
        ("{% raw %}{{ kept }}{% endraw %} {{ '{{' }}", "{{ kept }} {{"),
        ("{% raw %}{{ declassify(data.NAME, 'x') }}{% endraw %}", "{{ declassify(data.NAME, 'x') }}"),
        ("<&>\"' {{ '<&>\"' }}", "<&>\"' <&>\""),
    ] {
        assert_eq!(rendered(template), expected, "{template}");
    }
}

#[test]
fn templates_fail_where_they_could_only_guess() {
    for template in [
        "{{ data.NAEM }}",
        "{{ data.UNSET }}",
        "{{ vars.domian }}",
        "{{ domain }}",
        "{{ bundles.moer.NAME }}",
        "{{ env.nmae }}",
        "{{ vars.hosts }}",
        "{{ vars }}",
        "{{ none }}",
        "{{ 'gP8=' | b64decode }}",
        "{{ 'not base64' | b64decode }}",
        "{{ data.UNSET | required('say the name') }}",
        "{{ data.EMPTY | required('say the name') }}",
        "{{ now() }}",
        "{{ env('HOME') }}",
        "{{ debug() }}",
        "{{ 1 / 0 }}",
        "{% for x in range(100000000) %}{% endfor %}",
        "{% for x in range(9999) %}{% for y in range(9999) %}{{ y }}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include 'files/none.j2' %}",
        "{% if %}",
        "{{ declassify(data.NAME) }}",
        "{{ declassify(data.NAME, ' ') }}",
    ] {
        let block = template.replace('\n', "\n    ");
        let base = format!("{CONTEXT}  RESULT: |-\n    {block}\nbundles: {{ more: {{ data: {{ NAME: other }} }} }}\n");
        let message = Sandbox::of(&base, "").run(&["render", "dev"]).refused();
        assert!(message.contains("base.yaml:23:"), "{template}: {message}");
    }
}

#[test]
fn entries_refer_to_each_other_in_any_order() {
    // every order of a chain of four
    let lines = ["A: \"a{{ data.B }}\"", "B: \"b{{ data.C }}{{ vars.v }}\"", "C: \"c{{ bundles.more.D }}\"", "Z: z"];
    for first in 0..4 {
        for second in (0..4).filter(|second| *second != first) {
            for third in (0..4).filter(|third| ![first, second].contains(third)) {
                let order = [first, second, third, 6 - first - second - third];
                let mut base = "data:\n".to_owned();
                for index in order {
                    writeln!(base, "  {}", lines[index]).unwrap();
                }
                base +=
                    "bundles: { more: { data: { D: \"d{{ bundles.app.Z }}\" } } }\nvars: { v: \"v{{ data.Z }}\" }\n";
                assert_eq!(Sandbox::of(&base, "").dev().value("A"), "abcdzvz", "{base}");
            }
        }
    }
}

#[test]
fn a_chain_is_as_long_as_any_configuration_needs_and_no_longer() {
    let chain = |length: usize| {
        let mut base = "data:\n  K0: end\n".to_owned();
        for index in 1..length {
            writeln!(base, "  K{index}: \"{{{{ data.K{} }}}}\"", index - 1).unwrap();
        }
        // the last one first, so that nothing is resolved beforehand
        Sandbox::of(&format!("data:\n  A: \"{{{{ data.K{} }}}}\"\n{}", length - 1, &base[6..]), "")
    };
    assert_eq!(chain(60).dev().value("A"), "end");
    chain(1000).run(&["render", "dev"]).refused();
}

#[test]
fn an_overlay_changes_what_templates_below_it_see() {
    let base =
        "vars: { domain: localhost }\ndata: { HOST: \"shop.{{ vars.domain }}\", URL: \"http://{{ data.HOST }}\" }\n";
    for (dev, expected) in [
        ("", "http://shop.localhost"),
        ("vars: { domain: example.com }", "http://shop.example.com"),
        ("data: { HOST: other }", "http://other"),
        ("data: { HOST: 'over-{{ env.name }}' }", "http://over-dev"),
    ] {
        assert_eq!(Sandbox::of(base, dev).dev().value("URL"), expected, "{dev}");
    }
}

#[test]
fn template_files_see_the_same_and_include_relative_to_themselves() {
    let project = Sandbox::of(
        "vars: { who: world }\ndata:\n  NAME: shop\n  a.txt: { template: files/a.txt.j2 }\n  inline: \"{% include 'files/part.j2' %}\"\n  \
         bundle.txt: x\nbundles: { more: { data: { NAME: other, b.txt: { template: files/a.txt.j2 } } } }\n",
        "data: { bundle.txt: { template: files/sub/c.j2 } }\n",
    )
    .file("files/a.txt.j2", "{% include 'part.j2' %}{% include \"sub/b.j2\" %}\n{{ data.NAME }}\n")
    .file("files/part.j2", "hello {{ vars.who }}\n")
    .file("files/sub/b.j2", "b:{% include '../part.j2' %}")
    .file("files/sub/c.j2", "{% from '../macros.j2' import row, WIDTH %}{% import \"../macros.j2\" as m %}{{ row('x') }}{{ m.row('y') }}{{ WIDTH }}")
    .file("files/macros.j2", "{% macro row(x) %}[{{ x }}]{% endmacro %}{% set WIDTH = 3 %}");
    let found = project.dev();
    assert_eq!(found.value("a.txt"), "hello world\nb:hello world\n\nshop\n");
    assert_eq!(found.value("inline"), "hello world\n");
    assert_eq!(found.value("bundle.txt"), "[x][y]3");
    assert_eq!(
        found.texts("ConfigMap/more"),
        pairs([("NAME", "other"), ("b.txt", "hello world\nb:hello world\n\nother\n")]),
        "`data` is the bundle of the entry"
    );
}

#[test]
fn a_template_inherits_blocks_from_a_file_of_the_project() {
    let project = Sandbox::of("data: { NAME: shop, page: { template: child.j2 } }\n", "")
        .file("child.j2", "{% extends 'parent.j2' %}{% block body %}{{ super() }}{{ data.NAME }}{% endblock %}")
        .file("parent.j2", "<{% block body %}base {% endblock %}>\n");
    assert_eq!(project.dev().value("page"), "<base shop>\n");
}

#[test]
fn file_names_do_not_change_how_a_template_prints() {
    // engines escape by extension
    for name in ["files/t.html", "files/t.json", "files/t.yaml", "files/t.j2", "files/t"] {
        let project = Sandbox::of(&format!("data: {{ A: {{ template: {name} }}, B: 'a <b> & \"c\"' }}\n"), "")
            .file(name, "{{ data.B }} {{ '<' }}");
        assert_eq!(project.dev().value("A"), "a <b> & \"c\" <", "{name}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let mut base =
        format!("{CONTEXT}  WHOLE: \"{{{{ vars | tojson }}}}\"\n  KEYS: \"{{{{ data | list | length }}}}\"\n");
    for index in 0..50 {
        writeln!(base, "  K{index}: \"{{{{ vars.ports | tojson }}}}{{{{ vars.nested | sha256 }}}}\"").unwrap();
    }
    base += "labels: { z: a, b: c, a: d }\nbundles: { m: { data: { A: 1 } }, b: { data: { A: 1 } }, z: { type: x/y, data: { A: 1 } } }\n";
    let (one, other) = (Sandbox::of(&base, ""), Sandbox::of(&base, ""));
    for format in ["yaml", "json", "kyaml"] {
        let first = one.run(&["render", "dev", "--format", format]).ok();
        for _ in 0..5 {
            assert!(one.run(&["render", "dev", "--format", format]).ok() == first, "{format} differs");
        }
        assert!(other.run(&["render", "dev", "--format", format]).ok() == first, "{format} depends on the directory");
        let elsewhere = [("TZ", "Asia/Tokyo"), ("LANG", "tr_TR.UTF-8"), ("USER", "x"), ("PORT", "1")];
        let run = crate::support::sandbox::run(&one.root(), &["render", "dev", "--format", format], &elsewhere);
        assert!(run.ok() == first, "{format} depends on the environment");
    }
}

#[test]
fn the_order_of_lines_changes_no_value() {
    let lines = ["A: \"{{ data.C }}\"", "B: b", "C: \"{{ data.B }}{{ vars.x }}\""];
    let text = |order: [usize; 3]| {
        let data = order.map(|index| lines[index]).join("\n  ");
        Sandbox::of(&format!("vars: {{ x: y }}\ndata:\n  {data}\n"), "").run(&["render", "dev"]).ok()
    };
    let first = text([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(text(order), first, "{order:?}");
    }
}

#[test]
fn the_whole_scope_can_be_looked_through() {
    let base = "vars: { a: 1, b: [x, { c: d }] }\ndata: { A: x, all.json: \"{{ {'vars': vars, 'keys': data | list, 'env': env, 'app': app, 'bundles': bundles | list} | tojson }}\" }\nbundles: { more: { data: { X: 1 } } }\n";
    let read: Json = serde_json::from_str(&Sandbox::of(base, "").dev().value("all.json")).unwrap();
    let expected = json!({
        "vars": { "a": 1, "b": ["x", { "c": "d" }] }, "keys": ["A", "all.json"], "env": { "name": "dev" },
        "app": { "name": "app" }, "bundles": ["app", "more"],
    });
    assert_eq!(read, expected);
}

/// Whatever an expression makes of a value: `null`, nothing, or an answer would say that there is one.
#[test]
fn what_has_no_value_is_named_by_filters_and_tests() {
    let filters = ["escape", "join(',')", "length", "pprint", "tojson", "upper", "zip([1])"];
    let of_it = filters.iter().map(|filter| format!("vars.nope | {filter}"));
    let within = ["chain(vars.nope)", "zip(vars.nope)"].map(|filter| format!("[1] | {filter} | tojson"));
    let inside = [
        "[vars.nope]",
        "[1, [vars.nope]]",
        "{'a': vars.nope}",
        "dict(a=vars.nope)",
        "[{}, {'a': 1}] | map(attribute='a')",
    ];
    let inside =
        inside.iter().flat_map(|list| ["tojson", "pprint", "toyaml"].map(|filter| format!("{list} | {filter}")));
    let tests = ["eq 1", "not ne 1", "lt 1", "in ['a']", "odd", "not even", "divisibleby 2", "startingwith 'a'"]
        .map(|test| format!("vars.nope is {test}"));
    for expression in of_it.chain(within).chain(inside).chain(tests) {
        let base = format!("data:\n  A: \"{{{{ {expression} }}}}\"\n");
        let run = Sandbox::of(&base, "").run(&["render", "dev"]);
        assert_ne!(run.code, 0, "{expression}: {}", run.stdout);
        let is_named = ["`vars.nope` is not defined", "an undefined value", "`[vars.nope]`"]
            .iter()
            .any(|text| run.stderr.contains(text));
        assert!(is_named, "{expression}: {}", run.stderr);
    }
}

#[test]
fn an_undefined_operand_is_named_at_its_place() {
    let tests = [
        "boolean", "escaped", "false", "float", "int", "integer", "iterable", "mapping", "none", "number", "safe",
        "sequence", "string", "true", "lower",
    ];
    let of_types = tests.iter().flat_map(|test| {
        [format!("{{{{ vars.nope is {test} }}}}"), format!("{{{{ 'a' if vars.nope is not {test} else 'b' }}}}")]
    });
    let others = [
        "{% if data.NAME and vars.nope is string %}a{% endif %}",
        "{% if vars.nope is mapping %}{% elif vars.other is string %}{% endif %}",
        "{{ vars.hosts | join(vars.nope) }}",
        "{{ data.NAME | replace('s', vars.nope) if data.NAME else 1 }}",
        "{{ data.NAME | replace('s', 't', count=vars.nope) if data.NAME else 1 }}",
        "{{ data.PORT is divisibleby vars.nope or true }}",
        "{{ data.PORT is divisibleby(vars.nope) or true }}",
        "{{ [range(1, vars.nope)] | length if true else 1 }}",
        "{{ vars.hosts | batch(2, fill_with=vars.nope) | list | length if true else 1 }}",
        "{{ data.NAME | default('x', vars.nope) if true else 1 }}",
        "{{ data.PORT | round(vars.nope) }}",
        "{{ vars.hosts | tojson(indent=vars.nope) }}",
        "{{ data.NAME | indent(2, vars.nope, true) }}",
        "{% filter replace('s', vars.nope) %}a{% endfilter %}",
        "{% set n = namespace(a=vars.nope) %}",
    ];
    for template in of_types.chain(others.map(str::to_owned)) {
        let column = 5 + template.find("vars.nope").unwrap();
        let base = format!("{CONTEXT}  RESULT: |-\n    {template}\nbundles:\n  more: {{ data: {{ NAME: other }} }}\n");
        let printed = Sandbox::of(&base, "").run(&["render", "dev"]).refused();
        assert!(printed.contains("`vars.nope`"), "{template}: {printed}");
        assert!(printed.contains(&format!("base.yaml:23:{column}\n")), "{template}: {printed}");
    }
}

#[test]
fn every_undefined_name_of_included_files_is_reported_at_its_place() {
    let base = "app: shop\nvars: { domain: a }\ndata:\n  PORT: 1\n  A: { template: files/a.j2 }\n  B: \"{% include 'files/b.j2' %}{{ vars.own }}\"\n  C: \"{{ vars.before }}{% include 'files/b.j2' %}\"\n";
    let sandbox = |overlay: &str| {
        Sandbox::of(base, overlay)
        .file("files/a.j2", "{{ vars.first }}\n{% set known = 1 %}{% include 'b.j2' %}\n{{ vars.last }}\n")
        .file(
            "files/b.j2",
            "{{ vars.one }}{{ known | default(2) }}\n{{ vars.two }} {% if data.PORT == 2 %}{{ vars.branch }}{% endif %}\n{% include 'c/d.j2' %}\n",
        )
        .file("files/c/d.j2", "{{ data.PROT }} {{ vars.own }}\n{% extends '../e.j2' %}")
        .file("files/e.j2", "{{ vars.parent }}{% block b %}{{ vars.block }}{% endblock %}{% include 'without.j2' without context %}")
        .file("files/without.j2", "{{ vars.without is defined }}")
    };
    let of_b = ["`vars.one` files/b.j2:1:4", "`vars.two` files/b.j2:2:4"];
    let of_d = ["`data.PROT` files/c/d.j2:1:4", "`vars.own` files/c/d.j2:1:20"];
    let of_e = ["`vars.parent` files/e.j2:1:4"];
    let tables: [(&str, Vec<&str>); 3] = [
        (
            "A",
            ["`vars.first` files/a.j2:1:4", "`vars.last` files/a.j2:3:4"]
                .into_iter()
                .chain(of_b)
                .chain(of_d)
                .chain(of_e)
                .collect(),
        ),
        ("B", ["`vars.own` base.yaml:6:36"].into_iter().chain(of_b).chain(of_d).chain(of_e).collect()),
        ("C", ["`vars.before` base.yaml:7:10"].into_iter().chain(of_b).chain(of_d).chain(of_e).collect()),
    ];
    for (key, expected) in &tables {
        let overlay = ["A", "B", "C"]
            .iter()
            .filter(|other| *other != key)
            .fold(String::new(), |text, other| format!("{text}  {other}: null\n"));
        let printed = sandbox(&format!("data:\n{overlay}")).run(&["render", "dev"]).refused();
        let places = printed.lines().filter_map(|line| line.trim_start().strip_prefix("--> "));
        let names = printed.lines().filter_map(|line| line.strip_prefix("error: ")?.split(' ').next());
        let mut found: Vec<_> = names.zip(places).map(|(name, place)| format!("{name} {place}")).collect();
        found.sort();
        let mut expected = expected.clone();
        expected.sort_unstable();
        assert_eq!(found, expected, "{key}: {printed}");
    }
}

#[test]
fn every_undefined_name_of_imported_files_is_reported_at_its_place() {
    let imports = [
        "{% import 'files/m.j2' as m %}{{ m.known }}{{ vars.own }}",
        "{% from 'files/m.j2' import known %}{{ known }}{{ vars.own }}",
        "{% include 'files/outer.j2' %}{{ vars.own }}",
    ];
    for template in imports {
        let base = format!("app: shop\nvars: {{ domain: a }}\ndata:\n  A: \"{template}\"\n");
        let printed = Sandbox::of(&base, "")
            .file(
                "files/m.j2",
                "{% set known = 1 %}{{ vars.one }}{{ known }}\n{% macro f(x) %}{{ x }}{% endmacro %}{{ vars.two | upper }}\n{% include 'n.j2' %}",
            )
            .file("files/n.j2", "{{ vars.three }}")
            .file("files/outer.j2", "{% import 'm.j2' as m %}{{ m.f(1) }}")
            .run(&["render", "dev"])
            .refused();
        let places = printed.lines().filter_map(|line| line.trim_start().strip_prefix("--> "));
        let names = printed.lines().filter_map(|line| line.strip_prefix("error: ")?.split(' ').next());
        let mut found: Vec<_> = names.zip(places).map(|(name, place)| format!("{name} {place}")).collect();
        found.sort();
        let own = format!("`vars.own` base.yaml:4:{}", 7 + template.find("vars.own").unwrap());
        let expected =
            ["`vars.one` files/m.j2:1:23", own.as_str(), "`vars.three` files/n.j2:1:4", "`vars.two` files/m.j2:2:41"];
        assert_eq!(found, expected, "{printed}");
    }
}

#[test]
fn names_of_included_files_are_reported_beside_secrets_with_the_key_and_without() {
    let site = Sandbox::with_identities();
    site.write(
        "environments/base.yaml",
        "app: shop\ndata:\n  PW: { sensitive: true }\n  A: \"{{ data.PW }}{% include 'files/x.j2' %}\"\n",
    );
    site.write("environments/files/x.j2", "{{ vars.nope }} {{ data.PQ }}\n");
    site.write("environments/dev.yaml", "");
    site.encrypted("environments/dev.secrets.yaml", "data: { PW: canary-hunter2 }\n");
    for run in [site.run(&["check"]), site.run_without_key(&["check"])] {
        let places: Vec<_> = run.stdout.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect();
        assert_eq!(places, ["environments/files/x.j2:1:4", "environments/files/x.j2:1:20"], "{}", run.stdout);
    }
}

/// The template inside may be given what is not there, to ask whether it is.
#[test]
fn what_asks_whether_there_is_a_value_takes_none() {
    for (template, expected) in [
        ("{{ vars.nope is defined }} {{ vars.nope is not undefined }} {{ vars.nope | default('a') }}", "false false a"),
        ("{{ vars.nope | d(vars.other) | d('a') }} {{ data.NAME | default(data.UNSET) }}", "a shop"),
        ("{% macro m(a) %}{{ a | default('none') }}{% endmacro %}{{ m() }}{{ m(vars.nope) }}", "nonenone"),
        ("{{ vars.hosts | map('default', 'x') | join(',') }}", "a,b,c"),
    ] {
        assert_eq!(rendered(template), expected, "{template}");
    }
}

/// The engine takes an error for a value where it only asks for an item, and would print it.
#[test]
fn an_error_never_becomes_a_part_of_a_value() {
    let base =
        "delivery: { refs: external-secret, store: vault }\ndata:\n  STORED: { ref: shop/db }\n  A: \"TEMPLATE\"\n";
    for (template, expected) in [
        ("{{ data | attr('NOPE') }}", "`data.NOPE`"),
        ("{{ data | attr('NOPE') | upper }}", "`data.NOPE`"),
        ("{{ data | attr('NOPE') | default('x') }}", "`data.NOPE`"),
        ("{{ (data | attr('NOPE')) ~ 'x' }}", "`data.NOPE`"),
        ("{{ (data | attr('NOPE')) is defined }}", "`data.NOPE`"),
        ("{{ 'NOPE' in data }}", "`data.NOPE`"),
        ("{% if 'NOPE' not in bundles.app %}x{% endif %}", "`data.NOPE`"),
        ("{{ [data] | selectattr('NOPE') | list | length }}", "`data.NOPE`"),
        ("{{ data | attr('STORED') }}", "`data.STORED`"),
        ("{{ 'STORED' in data }}", "`data.STORED`"),
    ] {
        let base = base.replace("TEMPLATE", template);
        let stderr = Sandbox::of(&base, "").run(&["render", "dev"]).refused();
        assert!(stderr.contains(expected), "{template}: {stderr}");
    }
}

/// What a filter of a list may need of its items is measured before it runs.
#[test]
fn values_that_a_template_does_not_use_may_be_errors() {
    let base = "delivery: { refs: external-secret, store: vault }\ndata: { A: \"TEMPLATE\" }\n\
        bundles: { more: { data: { STORED: { ref: shop/db }, P: x } } }\n";
    for (template, expected) in [
        ("{{ [bundles.more] | sort(attribute='P') | map(attribute='P') | join }}", "x"),
        ("{{ [bundles.more] | groupby('P') | list | length }}", "1"),
        ("{{ [bundles.more] | unique(attribute='P') | list | length }}", "1"),
        ("{{ [bundles.more] | map(attribute='P') | join }}", "x"),
        ("{{ bundles.more | length == 2 }}", "true"),
        ("{{ bundles.more is mapping }}", "true"),
        ("{{ 'P' in bundles.more }}", "true"),
    ] {
        let value = Sandbox::of(&base.replace("TEMPLATE", template), "").dev().value("A");
        assert_eq!(value, expected, "{template}");
    }
}

#[test]
fn a_filter_of_what_has_no_value_is_not_what_is_missing() {
    for template in ["{{ data.P | urlencode }}", "x{{ data.P|urlencode }}", "{{ vars.nope | trim | upper }}"] {
        let base = format!("data: {{ P: {{ sensitive: true }}, A: \"{template}\" }}\n");
        let stderr = Sandbox::of(&base, "").run(&["render", "dev"]).refused();

        assert!(!stderr.contains("`urlencode`") && !stderr.contains("`dev.yaml`"), "{template}: {stderr}");
    }
}

#[test]
fn every_undefined_name_of_a_template_is_reported_at_once() {
    for (name, template, expected) in [
        (
            "later ones",
            "{{ data.NMAE }} {{ data.PROT }} {{ vars.domian }}",
            &["data.NMAE", "data.PROT", "vars.domian"][..],
        ),
        ("each once", "{{ data.NMAE }}{{ data.NMAE }} {{ data.NMAE | upper }}", &["data.NMAE"]),
        ("of all roots", "{{ env.nme }} {{ app.nme }} {{ bundles.more.X }}", &["env.nme", "app.nme", "bundles.more.X"]),
        ("a key without its root", "{{ data.NMAE }} {{ PORT }} {{ dta.PORT }}", &["data.NMAE", "PORT", "dta.PORT"]),
        ("without a value", "{{ data.NMAE }} {{ data.UNSET }}", &["data.NMAE", "`data.UNSET`"]),
        ("behind another failure", "{{ data.NAME | to_yaml }} {{ data.PROT }}", &["to_yaml", "data.PROT"]),
        ("in an expression", "{{ (data.NMAE ~ 'x') | trim }} {{ data.PROT }}", &["data.NMAE", "data.PROT"]),
        // what may not be evaluated may be meant
        ("in a branch", "{{ data.NMAE }} {% if data.DEBUG %}{{ data.PROT }}{% endif %}", &["data.NMAE"]),
        (
            "after a branch",
            "{{ data.NMAE }} {% if data.DEBUG %}a{% endif %}{{ data.PROT }}",
            &["data.NMAE", "data.PROT"],
        ),
        ("with a fallback", "{{ data.NMAE }} {{ data.PROT | default('x') }} {{ data.X is defined }}", &["data.NMAE"]),
        (
            "names of the template",
            "{% set a = 1 %}{{ a }}{{ data.NMAE }}{% for b in [1] %}{{ b }}{% endfor %}",
            &["data.NMAE"],
        ),
        ("of other programs", "{{ data.NMAE }} {{ user.name }}", &["data.NMAE"]),
        (
            "set in a branch",
            "{{ data.NMAE }}{% if data.DEBUG %}{% set PORT = 1 %}{% endif %}{{ PORT }}",
            &["data.NMAE"],
        ),
        ("set elsewhere", "{{ data.NMAE }}{% if 0 %}{{ PORT }}{% endif %}{% set PORT = 1 %}{{ PORT }}", &["data.NMAE"]),
        (
            "set instead of a root",
            "{{ data.NMAE }}{% if 0 %}{{ vars.a }}{% endif %}{% set vars = {'a': 1} %}{{ vars.a }}",
            &["data.NMAE"],
        ),
        ("set from a name", "{{ data.NMAE }}{% set a = vars.b %}{{ vars.domian }}", &["data.NMAE", "vars.domian"]),
        // what is undefined may be put into a list, and only fails if it is used
        (
            "in a list",
            "{{ data.NMAE }}{{ [vars.a, 1] | last }}{{ (PORT, 1) | last }}{{ {'a': vars.b} | length }}",
            &["data.NMAE"],
        ),
        (
            "in calls",
            "{{ vars.a is string }}{{ vars.b is not none }}{{ [1] | join(vars.c) }}{{ dict(a=vars.d) | length }}{{ 'x' | replace('x', vars.e) }}{{ 3 is divisibleby vars.f }}",
            &["vars.a", "vars.b", "vars.c", "vars.d", "vars.e", "vars.f"],
        ),
        (
            "for a filter of anything",
            "{{ data.NMAE }}{{ vars.a | tojson }}{{ vars.b | join }}",
            &["data.NMAE", "vars.a", "vars.b"],
        ),
        ("in a list, where it is the only one", "{{ [vars.hosts, vars.nope] | join(',') }}", &["vars.nope"]),
        ("in brackets", "{{ data.NMAE }}{{ (vars.domian ~ 'x') | trim }}", &["data.NMAE", "vars.domian"]),
        ("a key in a list", "{{ data.NMAE }}{{ [data.PROT] | length }}", &["data.NMAE", "data.PROT"]),
        ("compared", "{{ vars.domian == 'x' }}{{ data.NMAE }}", &["vars.domian", "data.NMAE"]),
    ] {
        let block = template.replace('\n', "\n    ");
        let base = format!("{CONTEXT}  RESULT: |-\n    {block}\nbundles:\n  more: {{ data: {{ NAME: other }} }}\n");
        let printed = Sandbox::of(&base, "").run(&["render", "dev"]).refused();
        let found: Vec<_> = printed.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(found.len(), expected.len(), "{name}: {printed}");
        for (message, word) in found.iter().zip(expected) {
            assert!(message.contains(word), "{name}: {printed}");
        }
    }
}
