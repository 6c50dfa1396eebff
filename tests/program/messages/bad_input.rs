//! What the program says to bad input: the exact words, for people to review.
//!
//! Each row is a small project with a mistake, the command that meets it, and all that it prints.
//! The builder sees to it that no run changes a file. Values are masked in every excerpt but where
//! the value itself is the mistake and known to be plain; `canary.rs` proves that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines, reason = "tables")]

use crate::support::sandbox::{Project, assert_text};

/// A row: what is wrong, the project, and what is said to it.
struct Case {
    name: &'static str,
    project: Project,
    arguments: &'static [&'static str],
    code: i32,
    stderr: &'static str,
}

/// A row for `septum render dev`, which exits with 2.
fn case(name: &'static str, project: Project) -> Case {
    Case { name, project, arguments: &["render", "dev"], code: 2, stderr: "" }
}

impl Case {
    fn run(self, arguments: &'static [&'static str]) -> Self {
        Self { arguments, ..self }
    }

    fn exits(self, code: i32) -> Self {
        Self { code, ..self }
    }

    fn says(self, stderr: &'static str) -> Self {
        Self { stderr, ..self }
    }
}

/// An app with a base and an empty `dev`.
fn base(text: &str) -> Project {
    Project::new().file("environments/base.yaml", text).file("environments/dev.yaml", "")
}

#[track_caller]
fn refused<const N: usize>(cases: [Case; N]) {
    for Case { name, project, arguments, code, stderr } in cases {
        let run = project.run(arguments);
        assert_text(name, stderr.trim_start_matches('\n'), &run.stderr);
        assert_eq!(run.code, code, "{name}: the exit code");
        assert_eq!(run.stdout, "", "{name}: nothing is written");
    }
}

#[test]
fn yaml_that_is_no_layer_is_refused_where_it_goes_wrong() {
    refused([
        case("tab indentation", base("data:\n\tPORT: 8080\n")).says(
            r"
error: a tab indents this line, and YAML indents with spaces only
 --> environments/base.yaml:2:1
  |
2 |     PORT: …
  | ^^^^
  = hint: replace the tabs at the start of lines by spaces
",
        ),
        case("duplicate key", base("data:\n  PORT: 8080\n  LOG_LEVEL: info\n  PORT: 9090\n")).says(
            r"
error: the key `PORT` stands twice in one mapping
 --> environments/base.yaml:4:3
  |
4 |   PORT: …
  |   ^^^^
 --> environments/base.yaml:2:3
  |
2 |   PORT: …
  |   ^^^^ first here
  = hint: remove one of the two; a later one would silently win
",
        ),
        case("several documents", base("data:\n  PORT: 8080\n---\ndata:\n  PORT: 9090\n")).says(
            r"
error: expected one document, found a second one after `---`
 --> environments/base.yaml:4:1
  |
4 | data:
  | ^
  = hint: move it to a file of its own, or remove the `---` before it
",
        ),
        case("unknown tag", base("data:\n  TODAY: !env DATE\n")).says(
            r"
error: this tag has no meaning here
 --> environments/base.yaml:2:10
  |
2 |   TODAY: …
  |          ^
  = note: known are `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!binary`, `!!timestamp`, `!!seq` and `!!map`
  = hint: remove the tag, or put a value that starts with `!` in quotes
",
        ),
        case("open quote", base("data:\n  GREETING: \"hello\n  PORT: 8080\n")).says(
            r#"
error: the quote that opens here is never closed
 --> environments/base.yaml:2:13
  |
2 |   GREETING: …
  |             ^
  = hint: close it; within double quotes write `\"` for a quote, within single quotes `''`
"#,
        ),
        case("colon in a value", base("data:\n  MOTTO: be bold: be brave\n")).says(
            r"
error: a `:` stands where no key can be
 --> environments/base.yaml:2:17
  |
2 |   MOTTO: …
  |          ^
  = hint: put a value that holds `: ` in quotes, write `key: value` with a space, and align keys with their siblings
",
        ),
        case("bare template", base("data:\n  URL: {{ vars.url }}\n")).says(
            r#"
error: expected a text as key, found a collection
 --> environments/base.yaml:2:9
  |
2 |   URL: {{ vars.url }}
  |         ^
  = hint: put a value that starts with `{{` in quotes: `"{{ … }}"`
"#,
        ),
        case("value that starts with @", base("data:\n  HANDLE: @septum\n")).says(
            r"
error: a bare value cannot start with `@`
 --> environments/base.yaml:2:11
  |
2 |   HANDLE: …
  |           ^
  = hint: put the value in quotes
",
        ),
        case("unknown escape", base("data:\n  FOLDER: \"C:\\data\"\n")).says(
            r"
error: the text in double quotes holds an unknown `\` escape
 --> environments/base.yaml:2:11
  |
2 |   FOLDER: …
  |           ^
  = hint: write `\\` for a backslash, or use single quotes, which know no escapes
",
        ),
        case("undefined alias", base("data:\n  PATTERN: *.example.com\n")).says(
            r"
error: no anchor of this name stands before this alias
 --> environments/base.yaml:2:12
  |
2 |   PATTERN: …
  |            ^
  = hint: put a value that starts with `*` in quotes, or define the anchor above with `&name`
",
        ),
        case("alias within its anchor", base("vars: &all\n  again: *all\n")).says(
            r"
error: this alias stands within its own anchor, which would never end
 --> environments/base.yaml:2:10
  |
2 |   again: …
  |          ^
  = hint: name another anchor, or write the value out
",
        ),
        case("merge of a scalar", base("vars:\n  one: &one 1\n  two: { <<: *one }\n")).says(
            r"
error: `<<` merges mappings, and this is none
 --> environments/base.yaml:3:14
  |
3 |   two: { <<: … }
  |              ^
  = hint: name a mapping or a list of them, as in `<<: *defaults`; put a key that is meant to be `<<` in quotes
",
        ),
        case("collection as key", base("vars:\n  ? [a, b]\n  : c\n")).says(
            r"
error: expected a text as key, found a collection
 --> environments/base.yaml:2:5
  |
2 |   ? […, …]
  |     ^
  = hint: write the key as a text, in quotes if it holds `{`, `[` or `: `
",
        ),
        case("misaligned key", base("data:\n  PORT: 8080\n   LOG_LEVEL: info\n")).says(
            r"
error: a `:` stands where no key can be
 --> environments/base.yaml:3:13
  |
3 |    LOG_LEVEL: …
  |             ^
  = hint: put a value that holds `: ` in quotes, write `key: value` with a space, and align keys with their siblings
",
        ),
    ]);
}

#[test]
fn what_would_fill_the_memory_is_refused() {
    refused([
        case("alias bomb", base(&bomb())).says(
            r"
error: anchors and aliases multiply this file beyond all measure
 --> environments/base.yaml:7:12
  |
7 |   l5: … […, …, …, …, …, …, …, …, …, …]
  |          ^
  = hint: use fewer aliases of aliases
",
        ),
        case("too deep", base(&format!("vars:\n  deep: {}{}\n", "[".repeat(80), "]".repeat(80)))).says(
            r"
error: more than 64 collections lie in each other
 --> environments/base.yaml:2:71
  |
2 |   deep: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
  |                                                                       ^
  = hint: flatten the structure, or keep it as text in a block (`key: |`)
",
        ),
    ]);
}

#[test]
fn layers_have_known_fields_of_known_shapes() {
    refused([
        case("no mapping", base("- data\n- vars\n")).says(
            r"
error: a layer is a mapping of fields such as `data` and `vars`
 --> environments/base.yaml:1:1
  |
1 | …
  | ^
",
        ),
        case("unknown field", base("data:\n  PORT: 8080\nlables: { team: payments }\n")).says(
            r"
error: `lables` is no field of a layer
 --> environments/base.yaml:3:1
  |
3 | lables: { team: … }
  | ^^^^^^
  = note: the fields are `app`, `extends`, `namespace`, `labels`, `annotations`, `vars`, `data`, `bundles`, `names`, `delivery`, `manifests`, `external`, `allow`
  = hint: did you mean `labels`?
",
        ),
        case("unknown field of an entry", base("data:\n  PORT: { value: 8080, minimun: 1 }\n")).says(
            r"
error: `minimun` is no field of the entry `PORT`
 --> environments/base.yaml:2:24
  |
2 |   PORT: { value: …, minimun: … }
  |                     ^^^^^^^
  = note: the fields are `value`, `file`, `template`, `content`, `ref`, `sensitive`, `reason`, `required`, `description`, `deprecated`, `format`, `type`, `enum`, `const`, `pattern`, `minLength`, `maxLength`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`, `examples`
  = hint: did you mean `minimum`?
",
        ),
        case("unknown field of a bundle", base("bundles:\n  tls: { typ: kubernetes.io/tls }\n")).says(
            r"
error: `typ` is no field of the bundle `tls`
 --> environments/base.yaml:2:10
  |
2 |   tls: { typ: … }
  |          ^^^
  = note: the fields are `type`, `open`, `labels`, `annotations`, `data`, `registries`, `rbac`
  = hint: did you mean `type`?
",
        ),
        case("password in brackets", base("data:\n  PASSWORD: {hunter2}\n")).says(
            r"
error: expected fields of the entry `PASSWORD` with their values, found a text
 --> environments/base.yaml:2:14
  |
2 |   PASSWORD: {…}
  |              ^
  = hint: put a value that starts with `{` in quotes
",
        ),
        case("list in place of a mapping", base("data: [PORT, LOG_LEVEL]\n")).says(
            r"
error: expected a mapping for `data`, found a list
 --> environments/base.yaml:1:7
  |
1 | data: …
  |       ^
  = hint: write `KEY: value` lines without the `- ` before them
",
        ),
        case("entry that is a list", base("data:\n  HOSTS: [a.example.com, b.example.com]\n")).says(
            r"
error: `HOSTS` is a list, but an entry is one text
 --> environments/base.yaml:2:3
  |
2 |   HOSTS: […, …]
  |   ^^^^^
  = hint: for a structure write `{ content: [...] }`; for a text that looks like a list, quote it
",
        ),
        case("blank value", base("data:\n  PORT:\n  LOG_LEVEL: info\n")).says(
            r#"
error: `PORT` has a blank value, which could mean three things
 --> environments/base.yaml:2:3
  |
2 |   PORT:
  |   ^^^^
  = hint: write `PORT: ""` for the empty text
  = hint: write `PORT: null` to remove what an earlier layer set
  = hint: write `PORT: { required: true }` for a value that each environment gives
"#,
        ),
        case("entry with two sources", base("data:\n  nginx.conf: { value: \"listen 80\", file: files/nginx.conf }\n")).says(
            r"
error: `nginx.conf` has two sources, `value` and `file`
 --> environments/base.yaml:2:37
  |
2 |   nginx.conf: { value: …, file: … }
  |                           ^^^^
 --> environments/base.yaml:2:17
  |
2 |   nginx.conf: { value: …, file: … }
  |                 ^^^^^ the other one
  = hint: an entry has one source: remove one of them
",
        ),
        case("structure as value", base("data:\n  app.yaml: { value: { port: 8080 } }\n")).says(
            r"
error: expected a text for `value`, found a mapping
 --> environments/base.yaml:2:22
  |
2 |   app.yaml: { value: … }
  |                      ^
  = hint: a structure goes to `content`
",
        ),
        case("text as content", base("data:\n  app.yaml: { content: \"port: 8080\" }\n")).says(
            r"
error: expected a mapping or a list for `content`, found a text
 --> environments/base.yaml:2:24
  |
2 |   app.yaml: { content: … }
  |                        ^
  = hint: a text goes to `value`
",
        ),
        case("truth value that is none", base("data:\n  PORT: { value: 8080, required: yes }\n")).says(
            r"
error: expected `true` or `false` for `required`, found another text
 --> environments/base.yaml:2:34
  |
2 |   PORT: { value: …, required: … }
  |                               ^
  = hint: write `true`: YAML 1.2 knows no other word for it
",
        ),
        case("type that is none", base("data:\n  PORT: { value: 8080, type: int }\n")).says(
            r"
error: expected `string`, `integer`, `number` or `boolean` for `type`
 --> environments/base.yaml:2:30
  |
2 |   PORT: { value: …, type: … }
  |                           ^
  = hint: did you mean `integer`?
",
        ),
        case("rule with a value of another type", base("data:\n  PORT: { value: 8080, type: integer, minimum: low, enum: 8080 }\n")).says(
            r"
error: expected a number for `minimum`
 --> environments/base.yaml:2:48
  |
2 |   PORT: { value: …, type: …, minimum: …, enum: … }
  |                                       ^

error: expected a list of at least one value for `enum`
 --> environments/base.yaml:2:59
  |
2 |   PORT: { value: …, type: …, minimum: …, enum: … }
  |                                                ^
",
        ),
        case("environment that names the app", base("data: {}\n").file("environments/dev.yaml", "app: checkout\n")).says(
            r"
error: only the base may name the app
 --> environments/dev.yaml:1:6
  |
1 | app: …
  |      ^
  = hint: move `app` to `base.yaml`
",
        ),
        case("accepted finding without a reason", base("allow:\n  - { rule: plaintext-secret, key: SENTRY_DSN, until: soon }\n")).says(
            r"
error: an accepted finding needs `reason`
 --> environments/base.yaml:2:5
  |
2 |   - { rule: …, key: …, until: … }
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = hint: write `{ rule: …, key: …, reason: … }`: an exception without a reason is one that nobody dares to remove

error: expected a date like `2027-01-31` for `until`
 --> environments/base.yaml:2:55
  |
2 |   - { rule: …, key: …, until: … }
  |                               ^
",
        ),
    ]);
}

#[test]
fn what_cannot_leave_as_a_layer_says_is_refused() {
    refused([
        case(
            "a ref that nothing delivers",
            base("data:\n  STRIPE_KEY: { ref: { key: checkout/stripe, property: api_key } }\n"),
        )
        .says(
            r"
error: `data.STRIPE_KEY` is a `ref`, and no layer of `dev` says how such leave
 --> environments/base.yaml:2:22
  |
2 |   STRIPE_KEY: { ref: { key: …, property: … } }
  |                      ^^^^^^^^^^^^^^^^^^^^^^^
  = hint: write `delivery: { refs: external-secret, store: { kind: ClusterSecretStore, name: NAME } }`
  = hint: or `delivery: { refs: csi, provider: vault, parameters: { … } }`
",
        ),
        case("a delivery for nobody", base("delivery: { secrets: sosp, recipients: [] }\n")).says(
            r"
error: expected `manifest`, `sops` or `sealed-secret` for `delivery.secrets`, found another text
 --> environments/base.yaml:1:22
  |
1 | delivery: { secrets: …, recipients: [] }
  |                      ^
  = hint: did you mean `sops`?

error: `delivery.recipients` is empty, so nobody could decrypt the Secrets
 --> environments/base.yaml:1:28
  |
1 | delivery: { secrets: …, recipients: [] }
  |                         ^^^^^^^^^^
  = hint: name the key of the cluster, or leave the field out for the rule of `.sops.yaml`
",
        ),
    ]);
}

#[test]
fn an_overlay_sets_only_what_is_defined() {
    refused([
        case(
            "unknown key",
            base("data:\n  LOG_LEVEL: info\n").file("environments/dev.yaml", "data:\n  LOG_LEVL: debug\n"),
        )
        .says(
            r"
error: `LOG_LEVL` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   LOG_LEVL: …
  |   ^^^^^^^^
  = hint: did you mean `LOG_LEVEL`?
  = hint: or define it in `base.yaml`; `bundles: { environments: { open: true } }` there lifts the rule
",
        ),
        case(
            "unknown key without a neighbour",
            base("data:\n  LOG_LEVEL: info\n").file("environments/dev.yaml", "data:\n  REDIS_HOST: localhost\n"),
        )
        .says(
            r"
error: `REDIS_HOST` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   REDIS_HOST: …
  |   ^^^^^^^^^^
  = hint: define it in `base.yaml`; `bundles: { environments: { open: true } }` there lifts the rule
",
        ),
        case(
            "removal of an unknown key",
            base("data:\n  LOG_LEVEL: info\n").file("environments/dev.yaml", "data:\n  LOGLEVEL: null\n"),
        )
        .says(
            r"
error: `LOGLEVEL` is removed in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   LOGLEVEL: null
  |   ^^^^^^^^
  = hint: did you mean `LOG_LEVEL`?
",
        ),
        case(
            "key of another bundle",
            base("bundles:\n  mail:\n    data: { SMTP_HOST: localhost }\n")
                .file("environments/dev.yaml", "data:\n  SMTP_HOST: mail.example.com\n"),
        )
        .says(
            r"
error: `SMTP_HOST` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   SMTP_HOST: …
  |   ^^^^^^^^^
  = hint: the bundle `mail` has a key of this name
",
        ),
        case(
            "unknown bundle",
            base("bundles:\n  registry:\n    data: { HOST: ghcr.io }\n")
                .file("environments/dev.yaml", "bundles:\n  registri:\n    data: { HOST: quay.io }\n"),
        )
        .says(
            r"
error: the bundle `registri` is changed in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   registri:
  |   ^^^^^^^^
  = hint: did you mean `registry`?
  = hint: define it in `base.yaml`
",
        ),
        case(
            "type of a bundle",
            base("bundles:\n  tls:\n    data: { tls.crt: x }\n")
                .file("environments/dev.yaml", "bundles:\n  tls: { type: kubernetes.io/tls }\n"),
        )
        .says(
            r"
error: the type of the bundle `tls` may not differ between environments
 --> environments/dev.yaml:2:16
  |
2 |   tls: { type: … }
  |                ^
  = hint: set `type` in `base.yaml`
",
        ),
        case(
            "list+ on a mapping",
            base("data:\n  app.yaml:\n    content: { hosts: { a: 1 } }\n")
                .file("environments/dev.yaml", "data:\n  app.yaml:\n    content: { hosts+: [b] }\n"),
        )
        .says(
            r"
error: this adds to the list `hosts`, but `hosts` is a mapping
 --> environments/dev.yaml:3:24
  |
3 |     content: { hosts+: … }
  |                        ^
 --> environments/base.yaml:3:23
  |
3 |     content: { hosts: … }
  |                       ^ a mapping here
  = hint: write `hosts:` to replace it
",
        ),
    ]);
}

#[test]
fn extends_names_layers_that_exist_and_ends() {
    refused([
        case(
            "cycle",
            base("data: {}\n")
                .file("environments/dev.yaml", "extends: [staging]\n")
                .file("environments/staging.yaml", "extends:\n  - regions/eu\n")
                .file("environments/regions/eu.yaml", "extends: dev\n"),
        )
        .says(
            r"
error: `extends` goes in a circle: dev → staging → regions/eu → dev
 --> environments/dev.yaml:1:11
  |
1 | extends: [staging]
  |           ^^^^^^^ `dev` extends `staging`
 --> environments/staging.yaml:2:5
  |
2 |   - regions/eu
  |     ^^^^^^^^^^ `staging` extends `regions/eu`
 --> environments/regions/eu.yaml:1:10
  |
1 | extends: dev
  |          ^^^ `regions/eu` extends `dev`
  = hint: remove one of these lines; what several layers need goes to a mixin, such as `common/NAME.yaml`
",
        ),
        case("cycle of one", base("data: {}\n").file("environments/dev.yaml", "extends: [dev]\n")).says(
            r"
error: `extends` goes in a circle: dev → dev
 --> environments/dev.yaml:1:11
  |
1 | extends: [dev]
  |           ^^^ `dev` extends `dev`
  = hint: remove one of these lines; what several layers need goes to a mixin, such as `common/NAME.yaml`
",
        ),
        case(
            "unknown layer",
            base("data: {}\n")
                .file("environments/dev.yaml", "extends: [regions/ue]\n")
                .file("environments/regions/eu.yaml", "data: {}\n"),
        )
        .says(
            r"
error: there is no layer `regions/ue`
 --> environments/dev.yaml:1:11
  |
1 | extends: [regions/ue]
  |           ^^^^^^^^^^
  = hint: did you mean `regions/eu`?
",
        ),
        case(
            "unknown layer without a neighbour",
            base("data: {}\n").file("environments/dev.yaml", "extends: [common/mail]\n"),
        )
        .says(
            r"
error: there is no layer `common/mail`
 --> environments/dev.yaml:1:11
  |
1 | extends: [common/mail]
  |           ^^^^^^^^^^^
  = hint: create `common/mail.yaml` beside `base.yaml`, or remove the name
",
        ),
        case("extends in the base", base("extends: [regions/eu]\n")).says(
            r"
error: `base` lies under every layer and extends none
 --> environments/base.yaml:1:1
  |
1 | extends: […]
  | ^^^^^^^
  = hint: name the mixin in the environments that want it, or move its content here
",
        ),
        case(
            "a path instead of a name",
            base("data: {}\n").file("environments/dev.yaml", "extends: [../other.yaml]\n"),
        )
        .says(
            r"
error: `../other.yaml` is no name of a layer
 --> environments/dev.yaml:1:11
  |
1 | extends: [../other.yaml]
  |           ^^^^^^^^^^^^^
  = hint: name a layer by its path beside `base.yaml`, without `.yaml`: `staging`, `regions/eu`
",
        ),
    ]);
}

#[test]
fn templates_fail_where_they_are_written() {
    refused([
        case("undefined variable", base("vars: { domain: example.com }\ndata:\n  URL: \"https://{{ vars.domian }}/\"\n")).says(
            r"
error: `vars.domian` is not defined
 --> environments/base.yaml:3:20
  |
3 |   URL: …{{ vars.domian }}…
  |            ^^^^^^^^^^^
  = hint: did you mean `domain`?
",
        ),
        case("undefined entry", base("data:\n  LOG_LEVEL: info\n  LEVEL: \"{{ data.LOG_LEVL }}\"\n")).says(
            r"
error: `data.LOG_LEVL` is not defined
 --> environments/base.yaml:3:14
  |
3 |   LEVEL: …{{ data.LOG_LEVL }}…
  |              ^^^^^^^^^^^^^
  = hint: did you mean `LOG_LEVEL`?
",
        ),
        case("undefined bundle", base("bundles:\n  mail:\n    data: { HOST: localhost }\ndata:\n  MAIL: \"{{ bundles.mial.HOST }}\"\n")).says(
            r"
error: there is no bundle `mial`
 --> environments/base.yaml:5:13
  |
5 |   MAIL: …{{ bundles.mial.HOST }}…
  |             ^^^^^^^^^^^^^^^^^
  = hint: did you mean `mail`?
",
        ),
        case("undefined below the top", base("vars: { mail: { host: localhost } }\ndata:\n  MAIL: \"{{ vars.mail.hots }}:{{ vars.mali.port }}\"\n")).says(
            r"
error: `vars.mail.hots` is not defined
 --> environments/base.yaml:3:13
  |
3 |   MAIL: …{{ vars.mail.hots }}…{{ vars.mali.port }}…
  |             ^^^^^^^^^^^^^^
  = hint: did you mean `host`?
",
        ),
        case("undefined at the root", base("vars: { domain: example.com }\ndata:\n  URL: \"https://{{ domain }}/{{ nonsense }}\"\n")).says(
            r"
error: `domain` is not defined
 --> environments/base.yaml:3:20
  |
3 |   URL: …{{ domain }}…{{ nonsense }}…
  |            ^^^^^^
  = hint: did you mean `vars.domain`?
",
        ),
        case("entry without a value", base("data:\n  HOST: { description: Set by each environment. }\n  URL: \"https://{{ data.HOST }}/\"\n")).says(
            r#"
error: `data.HOST` has no value in `dev`
 --> environments/base.yaml:3:20
  |
3 |   URL: …{{ data.HOST }}…
  |            ^^^^^^^^^
  = hint: set it in `dev.yaml`, or use `data.HOST | default("…")`
"#,
        ),
        case("cycle", base("data:\n  A: \"{{ data.B }}\"\n  B: \"{{ data.C }}\"\n  C: \"{{ data.A }}\"\n")).says(
            r"
error: templates refer to each other in a circle: data.A → data.B → data.C → data.A
 --> environments/base.yaml:2:6
  |
2 |   A: …
  |      ^ `data.A` uses `data.B`
 --> environments/base.yaml:3:6
  |
3 |   B: …
  |      ^ `data.B` uses `data.C`
 --> environments/base.yaml:4:6
  |
4 |   C: …
  |      ^ `data.C` uses `data.A`
  = hint: give one of them a value that does not refer to the others
",
        ),
        case("cycle through variables", base("vars:\n  a: \"{{ vars.b }}\"\n  b: \"{{ data.KEY }}\"\ndata:\n  KEY: \"{{ vars.a }}\"\n")).says(
            r"
error: templates refer to each other in a circle: data.KEY → vars.a → vars.b → data.KEY
 --> environments/base.yaml:5:8
  |
5 |   KEY: …
  |        ^ `data.KEY` uses `vars.a`
 --> environments/base.yaml:2:6
  |
2 |   a: …
  |      ^ `vars.a` uses `vars.b`
 --> environments/base.yaml:3:6
  |
3 |   b: …
  |      ^ `vars.b` uses `data.KEY`
  = hint: give one of them a value that does not refer to the others
",
        ),
        case("cycle of one", base("data:\n  PATH: \"{{ data.PATH }}:/usr/local/bin\"\n")).says(
            r"
error: templates refer to each other in a circle: data.PATH → data.PATH
 --> environments/base.yaml:2:9
  |
2 |   PATH: …
  |         ^ `data.PATH` uses `data.PATH`
  = hint: give one of them a value that does not refer to the others
",
        ),
        case("unknown filter", base("data:\n  KEY: \"{{ env.name | uppercase }}\"\n")).says(
            r"
error: there is no filter `uppercase`
 --> environments/base.yaml:2:23
  |
2 |   KEY: …{{ env.name | uppercase }}…
  |                       ^^^^^^^^^
  = hint: did you mean `upper`?
",
        ),
        case("undefined entry by a computed name", base("vars: { name: LOG_LEVL }\ndata:\n  LOG_LEVEL: info\n  KEY: \"{{ data[vars.name] }}\"\n")).says(
            r"
error: the template uses something that is not defined
 --> environments/base.yaml:4:12
  |
4 |   KEY: …{{ data[vars.name] }}…
  |            ^^^^^^^^^^^^^^^
",
        ),
        case("include of a computed name", base("vars: { name: missing.j2 }\ndata:\n  KEY: \"{% include vars.name %}\"\n")).says(
            r"
error: a template that is included or imported was not found
 --> environments/base.yaml:3:12
  |
3 |   KEY: …{% include vars.name %}…
  |            ^^^^^^^^^^^^^^^^^
  = hint: name a file relative to the file that includes it, within the project
",
        ),
        case("clock", base("data:\n  BUILT: \"{{ now() }}\"\n")).says(
            r"
error: there is no function `now`
 --> environments/base.yaml:2:14
  |
2 |   BUILT: …{{ now() }}…
  |              ^^^^^
  = hint: templates have no clock, randomness, environment or network, so that the same input gives the same output
",
        ),
        case("list as text", base("vars: { hosts: [a, b] }\ndata:\n  HOSTS: \"{{ vars.hosts }}\"\n")).says(
            r"
error: the template failed: a list or a mapping has no text of its own; use `tojson`, `toyaml` or `join`
 --> environments/base.yaml:3:14
  |
3 |   HOSTS: …{{ vars.hosts }}…
  |              ^^^^^^^^^^
",
        ),
        case("required with a message", base("vars: { region: \"\" }\ndata:\n  REGION: \"{{ vars.region | required('set vars.region in every environment') }}\"\n")).says(
            r"
error: set vars.region in every environment
 --> environments/base.yaml:3:29
  |
3 |   REGION: …
  |           ^
",
        ),
        case("division by zero", base("vars: { workers: 0 }\ndata:\n  SHARE: \"{{ 100 // vars.workers }}\"\n")).says(
            r"
error: the template failed: a calculation has no result, such as a division by zero
 --> environments/base.yaml:3:14
  |
3 |   SHARE: …100 // vars.workers…
  |           ^^^^^^^^^^^^^^^^^^^
",
        ),
        case("text and number", base("vars: { port: 8080 }\ndata:\n  NEXT: \"{{ vars.port + 'x' }}\"\n")).says(
            r"
error: the template failed: an operator is used on values of types that it is not for
 --> environments/base.yaml:3:13
  |
3 |   NEXT: …
  |         ^
",
        ),
        case("runaway template", base("data:\n  KEY: \"{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}\"\n")).says(
            r"
error: the template takes too many steps
 --> environments/base.yaml:2:48
  |
2 |   KEY: …range(10000)…{% endfor %}{% endfor %}…
  |         ^^^^^^^^^^^^
  = hint: a loop is longer than any configuration needs; compute less
",
        ),
        case("declassify without a reason", base("data:\n  PASSWORD: { sensitive: true, value: dummy }\n  LENGTH: \"{{ declassify(data.PASSWORD | length) }}\"\n")).says(
            r#"
error: `declassify` requires a reason, one text in quotes that stands in the call
 --> environments/base.yaml:3:15
  |
3 |   LENGTH: …{{ declassify(data.PASSWORD | length) }}…
  |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = hint: write `declassify(value, "why it may be public")`
"#,
        ),
        case("declassify without a call", base("data:\n  KEY: \"{{ env.name | declassify }}\"\n")).says(
            r#"
error: `declassify` is a function, not a filter
 --> environments/base.yaml:2:23
  |
2 |   KEY: …{{ env.name | declassify }}…
  |                       ^^^^^^^^^^
  = hint: write `declassify(value, "why it may be public")`
"#,
        ),
        case("missing include", base("data:\n  KEY: \"{% include 'files/missing.j2' %}\"\n")).says(
            r"
error: a template that is included or imported was not found
 --> environments/base.yaml:2:12
  |
2 |   KEY: …include 'files/missing.j2'…
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
  = hint: name a file relative to the file that includes it, within the project
",
        ),
    ]);
}

#[test]
fn a_syntax_error_of_a_template_is_placed_in_the_file() {
    refused([
        case("plain", base("data:\n  KEY: a {{ env.name\n")).says(
            r"
error: the template has a bracket or a text that is not closed, or does not belong there
 --> environments/base.yaml:2:13
  |
2 |   KEY: …
  |        ^
  = hint: write `{{ … }}` or `{% … %}`; if the text is meant as it stands, set `template: false` on its key
",
        ),
        case("single-quoted", base("data:\n  KEY: 'it''s {{ env..name }}'\n")).says(
            r"
error: the template has a syntax error: unexpected `.`, expected identifier or integer
 --> environments/base.yaml:2:18
  |
2 |   KEY: …{{ env..name }}…
  |            ^^^^^
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
        case("double-quoted with escapes", base("data:\n  KEY: \"tab\\t\\u00e9 \\\"{{ env..name }}\\\"\"\n")).says(
            r"
error: the template has a syntax error: unexpected `.`, expected identifier or integer
 --> environments/base.yaml:2:26
  |
2 |   KEY: …{{ env..name }}…
  |            ^^^^^
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
        case(
            "literal block",
            base("data:\n  KEY: |\n    first line\n    second {% if env.name = 'dev' %}x{% endif %}\n"),
        )
        .says(
            r"
error: `=` does not compare
 --> environments/base.yaml:4:27
  |
4 |     …{% endif %}
  |     ^
  = hint: write `==` to compare; `{% set name = value %}` keeps a value under a name
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
        case(
            "folded block",
            base("data:\n  KEY: >-\n    first line\n    still the first\n\n    second {{ env.name | }} line\n"),
        )
        .says(
            r"
error: the template has a syntax error: unexpected end of variable block, expected identifier
 --> environments/base.yaml:6:26
  |
6 |     …{{ env.name | }}…
  |                    ^^
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
        case("content", base("data:\n  app.yaml:\n    content:\n      server:\n        - name: \"{{ env.name }\"\n"))
            .says(
                r"
error: one brace closes what two have opened
 --> environments/base.yaml:5:30
  |
5 |         - name: …
  |                 ^
  = hint: close it with `}}`
  = hint: if the text is meant as it stands, set `template: false` on its key
",
            ),
        case("variable", base("vars:\n  url: \"{% endif %}\"\ndata:\n  URL: \"{{ vars.url }}\"\n")).says(
            r"
error: there is no open block that this closes
 --> environments/base.yaml:2:12
  |
2 |   url: …{% … %}…
  |            ^
  = hint: remove it, or open the block before: `{% if condition %}`, `{% for item in list %}`
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
        case(
            "template file",
            base("data:\n  app.ini: { template: files/app.ini.j2 }\n")
                .file("environments/files/app.ini.j2", "[server]\nname = {{ env.name }}\nport = {% if %}\n"),
        )
        .says(
            r"
error: the template has a syntax error: unexpected end of block
 --> environments/files/app.ini.j2:3:14
  |
3 | …{% if %}
  |        ^^
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
        case(
            "included file",
            base("data:\n  app.ini: { template: files/app.ini.j2 }\n")
                .file("environments/files/app.ini.j2", "{% include 'part.ini' %}\n")
                .file("environments/files/part.ini", "[part]\nname = {{ env.nmae }}\n"),
        )
        .says(
            r"
error: `env.nmae` is not defined
 --> environments/files/part.ini:2:11
  |
2 | …{{ env.nmae }}
  |     ^^^^^^^^
  = hint: did you mean `name`?
",
        ),
        case(
            "file included by a value",
            base("data:\n  KEY: \"{% include 'files/part.j2' %}\"\n")
                .file("environments/files/part.j2", "x\n{{ env.name }\n"),
        )
        .says(
            r"
error: the template has a bracket or a text that is not closed, or does not belong there
 --> environments/files/part.j2:2:13
  |
2 | …
  | ^
  = hint: write `{{ … }}` or `{% … %}`; if the text is meant as it stands, set `template: false` on its key
",
        ),
        case("password that opens a bracket", base("data:\n  PASSWORD: \"x{{hunter2\"\n")).says(
            r"
error: the template has a bracket or a text that is not closed, or does not belong there
 --> environments/base.yaml:2:17
  |
2 |   PASSWORD: …
  |             ^
  = hint: write `{{ … }}` or `{% … %}`; if the text is meant as it stands, set `template: false` on its key
",
        ),
        case("no end of a block", base("data:\n  KEY: |\n    {% if env.name %}\n    x\n")).says(
            r"
error: the block that `{% if … %}` opens here is not closed
 --> environments/base.yaml:3:5
  |
3 |     {% if env.name %}
  |     ^^^^^^^^^^^^^^^^^
  = hint: add `{% endif %}` behind what belongs to it
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
        case(
            "included file with a syntax error",
            base("data:\n  app.ini: { template: files/app.ini.j2 }\n")
                .file("environments/files/app.ini.j2", "{% include 'part.ini' %}\n")
                .file("environments/files/part.ini", "[part]\nname = {{ env name }}\n"),
        )
        .says(
            r"
error: the template has a syntax error: unexpected identifier, expected end of variable block
 --> environments/files/part.ini:2:15
  |
2 | …{{ env name }}
  |         ^^^^
  = hint: if the text is meant as it stands, set `template: false` on its key
",
        ),
    ]);
}

#[test]
fn a_project_reads_only_its_own_files() {
    refused([
        case(
            "missing file",
            base("data:\n  nginx.conf: { file: files/ngnix.conf }\n")
                .file("environments/files/nginx.conf", "listen 80;\n"),
        )
        .says(
            r"
error: `environments/files/ngnix.conf` does not exist
 --> environments/base.yaml:2:23
  |
2 |   nginx.conf: { file: files/ngnix.conf }
  |                       ^^^^^^^^^^^^^^^^
  = hint: did you mean `environments/files/nginx.conf`?
",
        ),
        case("missing file without a neighbour", base("data:\n  nginx.conf: { file: files/nginx.conf }\n")).says(
            r"
error: `environments/files/nginx.conf` does not exist
 --> environments/base.yaml:2:23
  |
2 |   nginx.conf: { file: files/nginx.conf }
  |                       ^^^^^^^^^^^^^^^^
  = hint: a path is relative to the file that names it
",
        ),
        case("folder", base("data:\n  files: { file: files }\n").file("environments/files/nginx.conf", "")).says(
            r"
error: `environments/files` is a folder, not a file
 --> environments/base.yaml:2:18
  |
2 |   files: { file: files }
  |                  ^^^^^
  = hint: name a file in it
",
        ),
        case("file outside", base("data:\n  passwd: { file: ../../outside/passwd }\n")).says(
            r"
error: `OUTSIDE/passwd` lies outside of the project
 --> environments/base.yaml:2:19
  |
2 |   passwd: { file: ../../outside/passwd }
  |                   ^^^^^^^^^^^^^^^^^^^^
  = note: what a project renders must not depend on the machine it is rendered on
  = hint: copy the file into the project
",
        ),
        case("absolute path", base("data:\n  passwd: { file: /etc/passwd }\n")).says(
            r"
error: `file` must be a path relative to its layer, with `/`
 --> environments/base.yaml:2:19
  |
2 |   passwd: { file: /etc/passwd }
  |                   ^^^^^^^^^^^
  = hint: copy the file into the project and name it relative to the layer
",
        ),
        case(
            "symbolic link",
            base("data:\n  passwd: { file: link }\n").link_outside("environments/link", "root:x:0:0\n"),
        )
        .says(
            r"
error: `environments/link` lies outside of the project
 --> environments/base.yaml:2:19
  |
2 |   passwd: { file: link }
  |                   ^^^^
  = note: what a project renders must not depend on the machine it is rendered on
  = note: the path goes through a symbolic link that leads out
  = hint: copy the file into the project
",
        ),
        case("layer behind a symbolic link", base("data: {}\n").link_outside("environments/prod.yaml", "data: {}\n"))
            .run(&["render", "prod"])
            .says(
                r"
error: `environments/prod.yaml` lies outside of the project
  = note: what a project renders must not depend on the machine it is rendered on
  = note: the path goes through a symbolic link that leads out
  = hint: copy the file into the project
",
            ),
        case("include outside", base("data:\n  KEY: \"{% include '../../outside/file' %}\"\n")).says(
            r"
error: a template that is included or imported was not found
 --> environments/base.yaml:2:12
  |
2 |   KEY: …include '../../outside/file'…
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = hint: name a file relative to the file that includes it, within the project
",
        ),
        case(
            "big file",
            base("data:\n  dump.sql: { file: dump.sql }\n")
                .bytes("environments/dump.sql", &vec![b'x'; 1024 * 1024 + 1]),
        )
        .says(
            r"
error: `environments/dump.sql` is larger than 1 MiB
 --> environments/base.yaml:2:21
  |
2 |   dump.sql: { file: dump.sql }
  |                     ^^^^^^^^
  = note: a ConfigMap or Secret holds at most 1 MiB, so no layer or file of one can be larger
  = hint: keep large data out of configuration: in an image, a volume or an object store
",
        ),
        case("big layer", base("data: {}\n").bytes("environments/dev.yaml", &vec![b'#'; 1024 * 1024 + 1])).says(
            r"
error: `environments/dev.yaml` is larger than 1 MiB
  = note: a ConfigMap or Secret holds at most 1 MiB, so no layer or file of one can be larger
  = hint: keep large data out of configuration: in an image, a volume or an object store
",
        ),
        case(
            "layer that is not UTF-8",
            base("data: {}\n").bytes("environments/dev.yaml", b"data:\n  NAME: M\xfcller\n"),
        )
        .says(
            r"
error: `environments/dev.yaml` is not UTF-8 text
 --> environments/dev.yaml:2:10
  |
2 |   NAME: …
  |         ^
  = hint: save it as UTF-8; a file that is not text can be an entry's `file`, not a layer or a template
",
        ),
        case(
            "template that is not UTF-8",
            base("data:\n  x.txt: { template: x.j2 }\n").bytes("environments/x.j2", b"\xff\xfe"),
        )
        .says(
            r"
error: `environments/x.j2` is not UTF-8 text
 --> environments/x.j2:1:1
  |
1 | …
  | ^
 --> environments/base.yaml:2:22
  |
2 |   x.txt: { template: x.j2 }
  |                      ^^^^
  = hint: save it as UTF-8; a file that is not text can be an entry's `file`, not a layer or a template
",
        ),
    ]);
}

#[test]
fn names_on_the_command_line_are_those_of_the_project() {
    refused([
        case(
            "unknown environment",
            base("data: {}\n").file("environments/prod.yaml", "").file("environments/staging.yaml", ""),
        )
        .run(&["render", "prd"])
        .says(
            r"
error: there is no environment `prd`
  = note: the environments are `dev`, `prod`, `staging`
  = hint: did you mean `prod`?
",
        ),
        case("no environment yet", Project::new().file("environments/base.yaml", "")).run(&["render", "dev"]).says(
            r"
error: argument 2 is not the name of any environment
  = note: no app has an environment yet
  = hint: create `NAME.yaml` beside `base.yaml`
",
        ),
        case("several unknown environments", base("data: {}\n")).run(&["render", "one", "two"]).says(
            r"
error: argument 2 is not the name of any environment
  = note: the environments are `dev`

error: argument 3 is not the name of any environment
  = note: the environments are `dev`
",
        ),
        case("unknown app", base("app: checkout\n")).run(&["render", "dev", "--app", "chekout"]).says(
            r"
error: there is no app `chekout`
  = note: the apps are `checkout`
  = hint: did you mean `checkout`?
",
        ),
        case("unknown key", base("data:\n  LOG_LEVEL: info\n")).run(&["explain", "dev", "LOG_LEVL"]).says(
            r"
error: there is no key `LOG_LEVL` in `dev`
  = hint: did you mean `LOG_LEVEL`?
  = hint: `septum list` shows all keys
",
        ),
        case("unknown environment of explain", base("data:\n  LOG_LEVEL: info\n"))
            .run(&["explain", "de", "LOG_LEVEL"])
            .says(
                r"
error: there is no environment `de`
  = note: the environments are `dev`
  = hint: did you mean `dev`?
",
            ),
        case("unknown environment of list", base("data:\n  LOG_LEVEL: info\n")).run(&["list", "prod"]).says(
            r"
error: argument 2 is not the name of any environment
  = note: the environments are `dev`
",
        ),
        case("unknown shell", Project::new()).run(&["completions", "tcsh"]).says(
            r"
error: there are no completions for that shell
  = hint: shells are bash, elvish, fish, powershell, zsh
",
        ),
        case("no environment named", base("data: {}\n")).run(&["render"]).says(
            r"
error: no environment was named
  = note: the environments are `dev`
  = hint: name one or more, or say `--all`
",
        ),
        case("unknown format", base("data: {}\n")).run(&["render", "dev", "--format", "xml"]).says(
            r"
error: the value of `--format <FORMAT>` is not valid
  = note: its values are `yaml`, `json`, `kyaml`
  = note: the usage is septum render [OPTIONS] [ENV]...
  = hint: did you mean `yaml`?
  = hint: `septum render --help` says more
",
        ),
        case("environment that an app lacks", monorepo()).run(&["render", "dev", "--app", "cart"]).says(
            r"
error: the app `cart` has no environment `dev`
  = note: it has `prod`
",
        ),
    ]);
}

#[test]
fn a_project_is_found_or_said_to_be_missing() {
    refused([
        case("no project", Project::new().file("README.md", "")).says(
            r"
error: no project was found in `PROJECT` or above
  = note: a project is a folder with `environments/base.yaml`, a `base.yaml`, or a `septum.yaml`
  = hint: run `septum init` to write a small working one
",
        ),
        case("no such folder", Project::new()).run(&["-C", "nowhere", "render", "dev"]).exits(4).says(
            r"
error: the directory that `-C` names does not exist
",
        ),
        case("unknown field", Project::new().file("septum.yaml", "apps: [services/*]\nshraed: environments\n")).says(
            r"
error: unknown field `shraed`, expected one of `apps`, `shared`, `output`, `references` in the project file
 --> septum.yaml:2:1
  |
2 | shraed: …
  | ^^^^^^
  = hint: did you mean `shared`?
",
        ),
        case(
            "no apps",
            Project::new().file("septum.yaml", "shared: environments\n").file("environments/base.yaml", ""),
        )
        .says(
            r"
error: missing field `apps` in the project file
 --> septum.yaml:1:1
  |
1 | shared: …
  | ^^^^^^
",
        ),
        case("apps that are no list", Project::new().file("septum.yaml", "apps: services/*\n")).says(
            r"
error: expected a list of texts for `apps`
 --> septum.yaml:1:7
  |
1 | apps: …
  |       ^
",
        ),
        case("no YAML", Project::new().file("septum.yaml", "apps: [services/*\n")).says(
            r"
error: the project file is no valid YAML: did not find expected ',' or ']'
 --> septum.yaml:2:1
",
        ),
        case(
            "pattern without a match",
            Project::new()
                .file("septum.yaml", "apps: [servcies/*, ../other/*, \"{a\"]\nshared: enviroments\n")
                .file("services/cart/base.yaml", ""),
        )
        .says(
            r#"
error: `apps: servcies/*` matches no folder with a `base.yaml`
 --> septum.yaml:1:8
  |
1 | apps: [servcies/*, …, …]
  |        ^^^^^^^^^^
  = hint: a pattern names folders relative to the project file, such as `services/*`

error: `apps: ../other/*` leads out of the project
 --> septum.yaml:1:20
  |
1 | apps: […, ../other/*, …]
  |           ^^^^^^^^^^
  = hint: move `septum.yaml` up to a folder that holds all apps

error: `{a` is no valid glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
 --> septum.yaml:1:32
  |
1 | apps: […, …, "{a"]
  |              ^^^^

error: `shared` names `enviroments`, which is no folder
 --> septum.yaml:2:9
  |
2 | shared: enviroments
  |         ^^^^^^^^^^^
  = hint: create it, or remove `shared` from `septum.yaml`
"#,
        ),
    ]);
}

#[test]
fn objects_are_what_the_api_server_takes() {
    refused([
        case("invalid key", base("data:\n  \"Logging:Level\": info\n  \"größe\": 3\n")).says(
            r#"
error: `Logging:Level` is no key of a ConfigMap or Secret: it must consist of letters, digits, `-`, `_` and `.`
 --> environments/base.yaml:2:3
  |
2 |   "Logging:Level": …
  |   ^^^^^^^^^^^^^^^
  = hint: the nearest valid key is `Logging__Level`

error: `größe` is no key of a ConfigMap or Secret: it must consist of letters, digits, `-`, `_` and `.`
 --> environments/base.yaml:3:3
  |
3 |   "größe": …
  |   ^^^^^^^
  = hint: the nearest valid key is `gr__e`
"#,
        ),
        case("keys that a type needs", base("bundles:\n  login:\n    type: kubernetes.io/basic-auth\n  web:\n    type: kubernetes.io/tls\n    data: { tls.crt: '' }\n  pull:\n    registries:\n      ghcr.io: { username: robot }\n")).says(
            r"
error: the bundle `login` has neither `username` nor `password`, but a Secret of type `kubernetes.io/basic-auth` needs one of them
 --> environments/base.yaml:3:11
  |
3 |     type: kubernetes.io/basic-auth
  |           ^^^^^^^^^^^^^^^^^^^^^^^^
  = hint: give it under `bundles.login.data`

error: `bundles.web.tls.key` has no value in `dev`, but a Secret of type `kubernetes.io/tls` needs it
 --> environments/base.yaml:5:11
  |
5 |     type: kubernetes.io/tls
  |           ^^^^^^^^^^^^^^^^^
  = hint: give it under `bundles.web.data`

error: `bundles.web.tls.crt` holds no certificate
 --> environments/base.yaml:6:22
  |
6 |     data: { tls.crt: … }
  |                      ^
  = note: a certificate begins with a line `-----BEGIN CERTIFICATE-----`
  = hint: `openssl x509 -inform der` turns another form into this one

error: the registry `ghcr.io` has no `password`
 --> environments/base.yaml:9:16
  |
9 |       ghcr.io: …
  |                ^
  = note: without both, a username and a password, nobody can pull from it
  = hint: give one, or take the registry out with `ghcr.io: null`
",
        ),
        case("invalid object name", base("app: Check_Out\ndata:\n  PORT: 8080\n")).says(
            r"
error: `Check_Out` is no name of an object: it must consist of lower-case letters, digits, `-` and `.`, and start and end with a letter or digit
 --> environments/base.yaml:1:6
  |
1 | app: Check_Out
  |      ^^^^^^^^^
  = hint: the nearest valid name is `check-out`
",
        ),
        case("invalid bundle name", base("bundles:\n  Mail_Server:\n    data: { HOST: localhost }\n")).says(
            r"
error: `Mail_Server` is no name of an object: it must consist of lower-case letters, digits, `-` and `.`, and start and end with a letter or digit
 --> environments/base.yaml:2:3
  |
2 |   Mail_Server:
  |   ^^^^^^^^^^^
  = hint: the nearest valid name is `mail-server`
",
        ),
        case("invalid name of the folder", Project::new().file("Check_Out/base.yaml", "data:\n  PORT: 8080\n").file("Check_Out/dev.yaml", "")).run(&["-C", "Check_Out", "render", "dev"]).says(
            r"
error: `Check_Out` is no name of an object: it must consist of lower-case letters, digits, `-` and `.`, and start and end with a letter or digit
  = note: it is the name of the app's folder
  = hint: the nearest valid name is `check-out`
  = hint: set `app: NAME` in `base.yaml`
",
        ),
        case("invalid namespace, label and annotation", base("namespace: Shop\nlabels: { team: \"pay ments\", -x: y }\nannotations: { \"a/b/c\": d }\ndata:\n  PORT: 8080\n")).says(
            r#"
error: `Shop` is no name of a namespace: it must consist of lower-case letters, digits and `-`, and start and end with a letter or digit
 --> environments/base.yaml:1:12
  |
1 | namespace: Shop
  |            ^^^^
  = hint: the nearest valid name is `shop`

error: the label `team` has an invalid value: it must consist of letters, digits, `-`, `_` and `.`, and start and end with a letter or digit
 --> environments/base.yaml:2:17
  |
2 | labels: { team: …, -x: … }
  |                 ^

error: `-x` is no key of a label: it must consist of letters, digits, `-`, `_` and `.`, and start and end with a letter or digit
 --> environments/base.yaml:2:34
  |
2 | labels: { team: …, -x: … }
  |                        ^

error: `a/b/c` is no key of an annotation: it must consist of letters, digits, `-`, `_` and `.`, and start and end with a letter or digit
 --> environments/base.yaml:3:25
  |
3 | annotations: { "a/b/c": … }
  |                         ^
"#,
        ),
        case("too big an object", base("data:\n  a.txt: { file: a.txt }\n  b.txt: { file: b.txt }\n").bytes("environments/a.txt", &vec![b'x'; 600 * 1024]).bytes("environments/b.txt", &vec![b'x'; 600 * 1024])).says(
            r"
error: the ConfigMap `environments` in `dev` has 1228800 bytes of values, but Kubernetes takes at most 1048576
 --> environments/base.yaml:3:18
  |
3 |   b.txt: { file: … }
  |                  ^
  = hint: keep large data out of configuration: in an image, a volume or an object store
",
        ),
        case("two apps with one object", Project::new().file("septum.yaml", "apps: [services/*]\n").file("services/a/base.yaml", "app: shop\ndata: { PORT: 8080 }\n").file("services/a/dev.yaml", "").file("services/b/base.yaml", "app: shop\ndata: { PORT: 8080 }\n").file("services/b/dev.yaml", "")).says(
            r"
error: two apps called `shop` make a ConfigMap `shop` in `dev`
 --> services/b/base.yaml:2:9
  |
2 | data: { PORT: … }
  |         ^^^^
 --> services/a/base.yaml:2:9
  |
2 | data: { PORT: … }
  |         ^^^^ made here too
  = note: only the one that is applied last would stay
  = hint: rename the bundle or the app, or give them different namespaces
",
        ),
    ]);
}

#[test]
fn values_keep_the_rules_of_their_keys() {
    refused([
        case("required key", base("data:\n  DATABASE_HOST: { required: true }\n").file("environments/prod.yaml", "").file("environments/staging.yaml", "data:\n  DATABASE_HOST: db\n")).says(
            r"
error: `data.DATABASE_HOST` is required, but has no value in `dev`, `prod`
 --> environments/base.yaml:2:3
  |
2 |   DATABASE_HOST: { required: true }
  |   ^^^^^^^^^^^^^
  = hint: set `DATABASE_HOST` under `data` in `dev.yaml`
",
        ),
        case("required key, removed", base("data:\n  DATABASE_HOST: { required: true, value: localhost }\n").file("environments/dev.yaml", "data:\n  DATABASE_HOST: null\n")).says(
            r"
error: `data.DATABASE_HOST` is required, but has no value in `dev`
 --> environments/base.yaml:2:3
  |
2 |   DATABASE_HOST: { required: true, value: … }
  |   ^^^^^^^^^^^^^
  = hint: set `DATABASE_HOST` under `data` in `dev.yaml`
",
        ),
        case("integer", base("data:\n  PORT: { value: eighty, type: integer }\n")).says(
            r"
error: `data.PORT` must be an integer
 --> environments/base.yaml:2:18
  |
2 |   PORT: { value: eighty, type: … }
  |                  ^^^^^^
  = hint: change the value, or the rule `type` of its key
",
        ),
        case("range, in another layer", base("data:\n  PORT: { value: 8080, type: integer, minimum: 1024, maximum: 65535 }\n").file("environments/dev.yaml", "data:\n  PORT: 70000\n")).says(
            r"
error: `data.PORT` must be at most 65535
 --> environments/dev.yaml:2:9
  |
2 |   PORT: 70000
  |         ^^^^^
 --> environments/base.yaml:2:63
  |
2 |   PORT: { value: …, type: …, minimum: …, maximum: 65535 }
  |                                                   ^^^^^ required here
  = hint: change the value, or the rule `maximum` of its key
",
        ),
        case("enumeration", base("data:\n  LOG_LEVEL: { value: info, enum: [debug, info, warn] }\n").file("environments/dev.yaml", "data:\n  LOG_LEVEL: verbose\n")).says(
            r"
error: `data.LOG_LEVEL` must be one of `debug`, `info`, `warn`
 --> environments/dev.yaml:2:14
  |
2 |   LOG_LEVEL: verbose
  |              ^^^^^^^
 --> environments/base.yaml:2:35
  |
2 |   LOG_LEVEL: { value: …, enum: [debug, info, warn] }
  |                                ^^^^^^^^^^^^^^^^^^^ required here
  = hint: change the value, or the rule `enum` of its key
",
        ),
        case("several rules", base("data:\n  SLUG: { value: \"A b\", pattern: \"^[a-z]+$\", minLength: 5 }\n")).says(
            r#"
error: `data.SLUG` must be a text that matches `^[a-z]+$`
 --> environments/base.yaml:2:18
  |
2 |   SLUG: { value: "A b", pattern: …, minLength: … }
  |                  ^^^^^
  = hint: change the value, or the rule `pattern` of its key

error: `data.SLUG` must be at least 5 characters
 --> environments/base.yaml:2:18
  |
2 |   SLUG: { value: "A b", pattern: …, minLength: … }
  |                  ^^^^^
  = hint: change the value, or the rule `minLength` of its key
"#,
        ),
        case("computed value", base("vars: { port: 80 }\ndata:\n  PORT: { value: \"{{ vars.port }}80x\", type: integer }\n")).says(
            r"
error: `data.PORT` must be an integer
 --> environments/base.yaml:3:18
  |
3 |   PORT: { value: …, type: … }
  |                  ^
  = hint: change the value, or the rule `type` of its key
",
        ),
        case("sensitive value", base("data:\n  PIN: { value: abcd, sensitive: true, type: integer }\n  KEY: { value: efgh, sensitive: true, enum: [one, two] }\n")).says(
            r"
error: `data.PIN` must be an integer
 --> environments/base.yaml:2:17
  |
2 |   PIN: { value: …, sensitive: true, type: … }
  |                 ^
  = hint: change the value, or the rule `type` of its key

error: `data.KEY` must be what `enum` says
 --> environments/base.yaml:3:17
  |
3 |   KEY: { value: …, sensitive: true, enum: […, …] }
  |                 ^
 --> environments/base.yaml:3:46
  |
3 |   KEY: { value: …, sensitive: true, enum: … }
  |                                           ^ required here
  = hint: change the value, or the rule `enum` of its key
",
        ),
        case("format", base("data:\n  PUBLIC_URL: { value: \"not a url\", format: uri }\n  MAIL: { value: x, format: emial }\n")).says(
            r#"
error: `data.PUBLIC_URL` must be a text of the format `uri`
 --> environments/base.yaml:2:24
  |
2 |   PUBLIC_URL: { value: "not a url", format: … }
  |                        ^^^^^^^^^^^
  = hint: change the value, or the rule `format` of its key

error: a rule of `data.MAIL` cannot be checked: `emial` is no format of JSON Schema
 --> environments/base.yaml:3:29
  |
3 |   MAIL: { value: …, format: emial }
  |                             ^^^^^
  = hint: correct the rule, or remove it
"#,
        ),
        case("rule that is wrong", base("data:\n  KEY: { value: x, pattern: \"(\" }\n")).says(
            r#"
error: a rule of `data.KEY` cannot be checked: `(` is no regular expression
 --> environments/base.yaml:2:29
  |
2 |   KEY: { value: …, pattern: "(" }
  |                             ^^^
  = hint: correct the rule, or remove it
"#,
        ),
        case("binary that is none", base("data:\n  KEY: !!binary \"not base64!\"\n")).says(
            r"
error: `!!binary` wants standard base64 with padding
 --> environments/base.yaml:2:17
  |
2 |   KEY: …
  |        ^
",
        ),
    ]);
}

#[test]
fn content_is_what_its_format_can_say() {
    refused([
        case("no format", base("data:\n  settings:\n    content: { port: 8080 }\n")).says(
            r"
error: `settings` does not say in which format its content is to be written
 --> environments/base.yaml:2:3
  |
2 |   settings:
  |   ^^^^^^^^
  = hint: add `format: yaml` (or json, toml, properties, env, ini), or an extension to the key
",
        ),
        case("unknown format", base("data:\n  settings: { content: { port: 8080 }, format: yml5 }\n")).says(
            r"
error: unknown format `yml5`, expected one of yaml, json, toml, properties, env, ini
 --> environments/base.yaml:2:48
  |
2 |   settings: { content: { port: … }, format: … }
  |                                             ^
  = hint: did you mean `yml`?
",
        ),
        case("nested in a flat file", base("data:\n  app.env:\n    content:\n      PORT: 8080\n      server:\n        port: 8080\n")).says(
            r"
error: the content of `app.env` cannot be written: `server` is a mapping, but a `.env` file is a flat list of keys
 --> environments/base.yaml:6:9
  |
6 |         …
  |         ^
  = hint: write it as one text, or choose a format that nests: `.yaml`, `.json`, `.toml`, `.properties`
",
        ),
        case("list in an INI file", base("data:\n  app.ini:\n    content: { server: { hosts: [a, b] } }\n")).says(
            r"
error: the content of `app.ini` cannot be written: `server.hosts` is a list, but a `.ini` file has one level of sections and no lists
 --> environments/base.yaml:3:33
  |
3 |     content: { server: { hosts: … } }
  |                                 ^
  = hint: write it as one text, or choose a format that nests: `.yaml`, `.json`, `.toml`, `.properties`
",
        ),
        case("list as TOML", base("data:\n  app.toml:\n    content: [a, b]\n")).says(
            r"
error: the content of `app.toml` cannot be written: a list cannot be written as `.toml`, which starts with a mapping
 --> environments/base.yaml:3:14
  |
3 |     content: …
  |              ^
  = hint: put it under a key, or choose `format: yaml` or `format: json`
",
        ),
        case("null in TOML", base("data:\n  app.toml:\n    content: { port: null }\n")).says(
            r#"
error: the content of `app.toml` cannot be written: `port` is null, which `.toml` cannot say
 --> environments/base.yaml:3:22
  |
3 |     content: { port: … }
  |                      ^
  = hint: remove the key, or give it the empty text `""`
"#,
        ),
    ]);
}

#[test]
fn the_wall_between_configuration_and_secret_holds() {
    refused([
        case("lowered by an environment", base("data:\n  GREETING: { sensitive: true, value: hello }\n").file("environments/dev.yaml", "data:\n  GREETING: { sensitive: false, reason: not so secret }\n")).says(
            r"
error: `GREETING` is declared sensitive by an earlier layer, which a later one cannot take back
 --> environments/dev.yaml:2:26
  |
2 |   GREETING: { sensitive: false, reason: … }
  |                          ^^^^^
 --> environments/base.yaml:2:26
  |
2 |   GREETING: { sensitive: true, value: … }
  |                          ^^^^ declared here
  = hint: remove this line, or the declaration in the earlier layer
",
        ),
        case("declared plain by an environment", base("data:\n  API_KEY: dummy\n").file("environments/dev.yaml", "data:\n  API_KEY: { sensitive: false, reason: public }\n")).says(
            r"
error: an environment cannot declare `API_KEY` plain, since a key is routed alike in all of them
 --> environments/dev.yaml:2:25
  |
2 |   API_KEY: { sensitive: false, reason: … }
  |                         ^^^^^
  = hint: declare it in `base.yaml`, with a `reason`
",
        ),
        case("declared plain, but derived", base("data:\n  PASSWORD: { sensitive: true, value: dummy }\n  URL: { value: \"https://x:{{ data.PASSWORD }}@h/\", sensitive: false, reason: oops }\n")).says(
            r#"
error: `data.URL` uses `data.PASSWORD`, so it goes to the Secret, but it is declared plain
 --> environments/base.yaml:3:64
  |
3 |   URL: { value: …{{ data.PASSWORD }}…, sensitive: false, reason: … }
  |                                                   ^^^^^ declared plain here
 --> environments/base.yaml:3:17
  |
3 |   URL: { value: …, sensitive: false, reason: … }
  |                 ^ uses `data.PASSWORD`
  = hint: remove `sensitive: false`
  = hint: or, if the result may be public, say so in the template: `declassify(data.PASSWORD, "why")`
"#,
        ),
        case("declared plain, but a mixin lowers", base("data:\n  GREETING: { sensitive: true, value: hello }\n").file("environments/dev.yaml", "extends: [open]\n").file("environments/open.yaml", "data: {}\n").file("environments/sub/open.yaml", "data:\n  GREETING: { sensitive: false }\n").file("environments/prod.yaml", "extends: [sub/open]\n")).run(&["render", "prod"]).says(
            r"
error: `GREETING` is declared sensitive by an earlier layer, which a later one cannot take back
 --> environments/sub/open.yaml:2:26
  |
2 |   GREETING: { sensitive: false }
  |                          ^^^^^
 --> environments/base.yaml:2:26
  |
2 |   GREETING: { sensitive: true, value: … }
  |                          ^^^^ declared here
  = hint: remove this line, or the declaration in the earlier layer
",
        ),
        case("declared plain without a reason", base("data:\n  API_TOKEN: { value: dummy, sensitive: false }\n")).says(
            r"
error: `data.API_TOKEN` is declared plain without a reason, but it looks like a secret (word `token`)
 --> environments/base.yaml:2:41
  |
2 |   API_TOKEN: { value: …, sensitive: false }
  |                                     ^^^^^
  = hint: add `reason: …`, so that the next reader knows why it may be public
",
        ),
    ]);
}

#[test]
fn an_encrypted_file_needs_its_key_and_must_be_whole() {
    refused([
        case("no identity", Project::demo().env("SOPS_AGE_KEY_FILE", "")).run(&["render", "prod"]).exits(3).says(
            r"
error: no identity at hand opens `environments/prod.secrets.yaml`, so its values cannot be read
 --> environments/prod.secrets.yaml:4:1
  |
4 | sops:
  | ^^^^
  = note: it is encrypted for age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms
  = note: SOPS_AGE_KEY: not set
  = note: SOPS_AGE_KEY_FILE: not set
  = note: SOPS_AGE_KEY_CMD: not set
  = note: HOME/.config/sops/age/keys.txt: no such file
  = hint: set `SOPS_AGE_KEY_FILE` to the file with your identity
  = hint: or ask one of the recipients to add yours: to `.sops.yaml`, then with `septum rekey`
",
        ),
        case("another identity", Project::demo().env("SOPS_AGE_KEY_FILE", OTHER_KEY)).run(&["render", "prod"]).exits(3).says(
            r"
error: no identity at hand opens `environments/prod.secrets.yaml`, so its values cannot be read
 --> environments/prod.secrets.yaml:4:1
  |
4 | sops:
  | ^^^^
  = note: it is encrypted for age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms
  = note: SOPS_AGE_KEY: not set
  = note: SOPS_AGE_KEY_FILE, TESTS/vectors/sops/keys.txt: the identity of age1pgs5clczcduc0mjyau2mme6pwyr62kjywl5ju29h6kgmjutwtsfqtkttjh, age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7
  = note: SOPS_AGE_KEY_CMD: not set
  = note: HOME/.config/sops/age/keys.txt: no such file
  = hint: set `SOPS_AGE_KEY_FILE` to the file with your identity
  = hint: or ask one of the recipients to add yours: to `.sops.yaml`, then with `septum rekey`
",
        ),
        case("identity that is none", Project::demo().env("SOPS_AGE_KEY_FILE", "").env("SOPS_AGE_KEY", "AGE-SECRET")).run(&["render", "prod"]).exits(3).says(
            r"
error: no identity at hand opens `environments/prod.secrets.yaml`, so its values cannot be read
 --> environments/prod.secrets.yaml:4:1
  |
4 | sops:
  | ^^^^
  = note: it is encrypted for age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms
  = note: SOPS_AGE_KEY: line 1 is not an age identity, so no line was used
  = note: SOPS_AGE_KEY_FILE: not set
  = note: SOPS_AGE_KEY_CMD: not set
  = note: HOME/.config/sops/age/keys.txt: no such file
  = hint: set `SOPS_AGE_KEY_FILE` to the file with your identity
  = hint: or ask one of the recipients to add yours: to `.sops.yaml`, then with `septum rekey`
",
        ),
        case("no identity and a mistake", Project::demo().env("SOPS_AGE_KEY_FILE", "").file("environments/dev.yaml", "data:\n  PROT: 1\n")).run(&["render", "prod"]).says(
            r"
error: `PROT` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   PROT: …
  |   ^^^^
  = hint: did you mean `PORT`?
  = hint: or define it in `base.yaml`; `bundles: { checkout: { open: true } }` there lifts the rule

error: no identity at hand opens `environments/prod.secrets.yaml`, so its values cannot be read
 --> environments/prod.secrets.yaml:4:1
  |
4 | sops:
  | ^^^^
  = note: it is encrypted for age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms
  = note: SOPS_AGE_KEY: not set
  = note: SOPS_AGE_KEY_FILE: not set
  = note: SOPS_AGE_KEY_CMD: not set
  = note: HOME/.config/sops/age/keys.txt: no such file
  = hint: set `SOPS_AGE_KEY_FILE` to the file with your identity
  = hint: or ask one of the recipients to add yours: to `.sops.yaml`, then with `septum rekey`
",
        ),
        case("changed ciphertext", Project::demo().replace(SECRETS, "PASSWORD: ENC[AES256_GCM,data:", "PASSWORD: ENC[AES256_GCM,data:AAAA")).run(&["render", "prod"]).says(
            r"
error: `data.DATABASE_PASSWORD` does not decrypt: its ciphertext was changed, or belongs to another key or file
 --> environments/prod.secrets.yaml:2:24
  |
2 |     DATABASE_PASSWORD: …
  |                        ^
  = note: somebody without the key, or a merge, changed the file; none of its values is used
  = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew
",
        ),
        case("ciphertext cut short", Project::demo().replace(SECRETS, "PASSWORD: ENC[AES256_GCM,data:", "PASSWORD: ENC[AES256_GCM,dat:")).run(&["render", "prod"]).says(
            r"
error: `data.DATABASE_PASSWORD` must be encrypted by `unencrypted_suffix: _unencrypted`, but stands in plaintext
 --> environments/prod.secrets.yaml:2:24
  |
2 |     DATABASE_PASSWORD: …
  |                        ^
  = note: sops refuses to decrypt such a file
  = hint: `septum encrypt environments/prod.secrets.yaml` encrypts it, if the change is yours
  = hint: or restore the encrypted value from Git, and change it with `septum set`
",
        ),
        case("ciphertext of another key", Project::demo().replace(SECRETS, "STRIPE_WEBHOOK_SECRET", "STRIPE_KEY")).run(&["render", "prod"]).says(
            r"
error: `data.STRIPE_KEY` does not decrypt: its ciphertext was changed, or belongs to another key or file
 --> environments/prod.secrets.yaml:3:17
  |
3 |     STRIPE_KEY: …
  |                 ^
  = note: somebody without the key, or a merge, changed the file; none of its values is used
  = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew
",
        ),
        case("plaintext added", Project::demo().replace(SECRETS, "sops:\n", "    LOG_LEVEL: debug\nsops:\n")).run(&["render", "prod"]).says(
            r"
error: `data.LOG_LEVEL` must be encrypted by `unencrypted_suffix: _unencrypted`, but stands in plaintext
 --> environments/prod.secrets.yaml:4:16
  |
4 |     LOG_LEVEL: …
  |                ^
  = note: sops refuses to decrypt such a file
  = hint: `septum encrypt environments/prod.secrets.yaml` encrypts it, if the change is yours
  = hint: or restore the encrypted value from Git, and change it with `septum set`
",
        ),
        case("value removed", Project::demo().replace(SECRETS, &secret_line(), "")).run(&["render", "prod"]).says(
            r"
error: `sops.mac` is that of other values: some were added, removed, reordered or changed
 --> environments/prod.secrets.yaml:3:1
  |
3 | sops:
  | ^^^^
  = note: somebody without the key, or a merge, changed the file; none of its values is used
  = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew
",
        ),
        case("changed checksum", Project::demo().replace(SECRETS, "mac: ENC[AES256_GCM,data:", "mac: ENC[AES256_GCM,data:AAAA")).run(&["render", "prod"]).says(
            r"
error: `sops.mac` does not decrypt: it or `sops.lastmodified` was changed
  --> environments/prod.secrets.yaml:16:10
   |
16 |     mac: …
   |          ^
   = note: somebody without the key, or a merge, changed the file; none of its values is used
   = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew
",
        ),
        case("changed time", Project::demo().replace(SECRETS, "lastmodified: \"20", "lastmodified: \"21")).run(&["render", "prod"]).says(
            r"
error: `sops.mac` does not decrypt: it or `sops.lastmodified` was changed
  --> environments/prod.secrets.yaml:16:10
   |
16 |     mac: …
   |          ^
   = note: somebody without the key, or a merge, changed the file; none of its values is used
   = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew
",
        ),
        case("no checksum", Project::demo().replace(SECRETS, "    mac:", "    mca:")).run(&["render", "prod"]).says(
            r"
error: `sops.mac` is missing, so nobody can tell whether values were changed
 --> environments/prod.secrets.yaml:4:1
  |
4 | sops:
  | ^^^^
  = note: somebody without the key, or a merge, changed the file; none of its values is used
  = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew
",
        ),
        case("no recipients", Project::demo().replace(SECRETS, "    age:", "    aged:")).run(&["render", "prod"]).says(
            r"
error: the file has no recipients, so nobody can decrypt it
 --> environments/prod.secrets.yaml:4:1
  |
4 | sops:
  | ^^^^
  = hint: restore the `sops` block from Git
",
        ),
        case("metadata of another file", Project::demo().file(SECRETS, &transplanted())).run(&["render", "prod"]).says(
            r"
error: `data.DATABASE_PASSWORD` does not decrypt: its ciphertext was changed, or belongs to another key or file
 --> environments/prod.secrets.yaml:2:24
  |
2 |     DATABASE_PASSWORD: …
  |                        ^
  = note: somebody without the key, or a merge, changed the file; none of its values is used
  = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew

error: `data.STRIPE_WEBHOOK_SECRET` does not decrypt: its ciphertext was changed, or belongs to another key or file
 --> environments/prod.secrets.yaml:3:28
  |
3 |     STRIPE_WEBHOOK_SECRET: …
  |                            ^
  = note: somebody without the key, or a merge, changed the file; none of its values is used
  = hint: restore the file from Git, or, if the change is yours and reviewed, encrypt it anew
",
        ),
    ]);
}

#[test]
fn all_findings_of_a_run_are_shown_together_sorted_and_once() {
    refused([
        case("several mistakes in several files", base("vars: { domain: example.com }\nlables: {}\ndata:\n  PORT: { value: eighty, type: integer }\n  HOST:\n").file("environments/dev.yaml", "data:\n  PROT: 1\n  HSOT: a\n").file("environments/prod.yaml", "\tx: 1\n")).run(&["render", "dev", "prod"]).says(
            r#"
error: `lables` is no field of a layer
 --> environments/base.yaml:2:1
  |
2 | lables: {}
  | ^^^^^^
  = note: the fields are `app`, `extends`, `namespace`, `labels`, `annotations`, `vars`, `data`, `bundles`, `names`, `delivery`, `manifests`, `external`, `allow`
  = hint: did you mean `labels`?

error: `HOST` has a blank value, which could mean three things
 --> environments/base.yaml:5:3
  |
5 |   HOST:
  |   ^^^^
  = hint: write `HOST: ""` for the empty text
  = hint: write `HOST: null` to remove what an earlier layer set
  = hint: write `HOST: { required: true }` for a value that each environment gives

error: `PROT` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   PROT: …
  |   ^^^^
  = hint: did you mean `PORT`?
  = hint: or define it in `base.yaml`; `bundles: { environments: { open: true } }` there lifts the rule

error: `HSOT` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:3:3
  |
3 |   HSOT: …
  |   ^^^^
  = hint: did you mean `HOST`?
  = hint: or define it in `base.yaml`; `bundles: { environments: { open: true } }` there lifts the rule

error: a tab indents this line, and YAML indents with spaces only
 --> environments/prod.yaml:1:1
  |
1 |     x: …
  | ^^^^
  = hint: replace the tabs at the start of lines by spaces
"#,
        ),
        case("mistakes of several stages", base("vars: { domain: example.com }\ndata:\n  \"A B\": \"{{ vars.domian }}\"\n  PORT: { value: eighty, type: integer }\n  NAME: { required: true }\n  FILE: { file: missing.txt }\n  URL: \"https://{{ vars.damain }}{{ data.PROT }}\"\n").file("environments/prod.yaml", "")).run(&["render", "--all"]).says(
            r#"
error: `A B` is no key of a ConfigMap or Secret: it must consist of letters, digits, `-`, `_` and `.`
 --> environments/base.yaml:3:3
  |
3 |   "A B": …{{ vars.domian }}…
  |   ^^^^^
  = hint: the nearest valid key is `A_B`

error: `vars.domian` is not defined
 --> environments/base.yaml:3:14
  |
3 |   …: …{{ vars.domian }}…
  |          ^^^^^^^^^^^
  = hint: did you mean `domain`?

error: `data.PORT` must be an integer
 --> environments/base.yaml:4:18
  |
4 |   PORT: { value: eighty, type: … }
  |                  ^^^^^^
  = hint: change the value, or the rule `type` of its key

error: `data.NAME` is required, but has no value in `dev`, `prod`
 --> environments/base.yaml:5:3
  |
5 |   NAME: { required: true }
  |   ^^^^
  = hint: set `NAME` under `data` in `dev.yaml`

error: `environments/missing.txt` does not exist
 --> environments/base.yaml:6:17
  |
6 |   FILE: { file: missing.txt }
  |                 ^^^^^^^^^^^
  = hint: a path is relative to the file that names it

error: `vars.damain` is not defined
 --> environments/base.yaml:7:20
  |
7 |   URL: …{{ vars.damain }}{{ data.PROT }}…
  |            ^^^^^^^^^^^
  = hint: did you mean `domain`?
"#,
        ),
        case("the same for list", base("lables: {}\n").file("environments/dev.yaml", "data:\n  PROT: 1\n")).run(&["list"]).says(
            r"
error: `lables` is no field of a layer
 --> environments/base.yaml:1:1
  |
1 | lables: {}
  | ^^^^^^
  = note: the fields are `app`, `extends`, `namespace`, `labels`, `annotations`, `vars`, `data`, `bundles`, `names`, `delivery`, `manifests`, `external`, `allow`
  = hint: did you mean `labels`?

error: `PROT` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   PROT: …
  |   ^^^^
  = hint: define it in `base.yaml`; `bundles: { environments: { open: true } }` there lifts the rule
",
        ),
        case("the same for explain", base("lables: {}\n").file("environments/dev.yaml", "data:\n  PROT: 1\n")).run(&["explain", "dev", "PROT"]).says(
            r"
error: `lables` is no field of a layer
 --> environments/base.yaml:1:1
  |
1 | lables: {}
  | ^^^^^^
  = note: the fields are `app`, `extends`, `namespace`, `labels`, `annotations`, `vars`, `data`, `bundles`, `names`, `delivery`, `manifests`, `external`, `allow`
  = hint: did you mean `labels`?

error: `PROT` is set in `dev`, but nothing defines it
 --> environments/dev.yaml:2:3
  |
2 |   PROT: …
  |   ^^^^
  = hint: define it in `base.yaml`; `bundles: { environments: { open: true } }` there lifts the rule
",
        ),
    ]);
}

/// The secrets of the demo's `prod`.
const SECRETS: &str = "environments/prod.secrets.yaml";

/// The identities of the SOPS vectors, none of which opens the demo.
const OTHER_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/sops/keys.txt");

/// The line of an encrypted value.
fn secret_line() -> String {
    let text = include_str!("../../../environments/prod.secrets.yaml");
    text.lines().find(|line| line.contains("STRIPE_WEBHOOK_SECRET")).expect("a line").to_owned() + "\n"
}

/// The values of `prod` with the `sops` block of `staging`.
fn transplanted() -> String {
    let split = |text: &'static str| text.split_at(text.find("sops:\n").expect("a block"));
    let values = split(include_str!("../../../environments/prod.secrets.yaml")).0;
    let block = split(include_str!("../../../environments/staging.secrets.yaml")).1;
    values.to_owned() + block
}

/// Aliases of aliases: ten times ten times …
fn bomb() -> String {
    let line = |level| {
        let aliases = vec![format!("*l{}", level - 1); 10].join(", ");
        format!("  l{level}: &l{level} [{aliases}]\n")
    };
    format!("vars:\n  l0: &l0 [a, b, c]\n{}", (1..10).map(line).collect::<String>())
}

/// Two apps, of which one has no `dev`.
fn monorepo() -> Project {
    Project::new()
        .file("septum.yaml", "apps: [services/*]\n")
        .file("services/cart/base.yaml", "")
        .file("services/cart/prod.yaml", "")
        .file("services/mail/base.yaml", "")
        .file("services/mail/dev.yaml", "")
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_an_error_of_reading() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    let project = base("data:\n  nginx.conf: { file: nginx.conf }\n").file("environments/nginx.conf", "");
    let path = project.root().join("environments/nginx.conf");
    std::fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        return; // root reads everything
    }
    refused([case("no permission", project).exits(4).says(
        r"
error: `environments/nginx.conf` could not be read: Permission denied (os error 13)
 --> environments/base.yaml:2:23
  |
2 |   nginx.conf: { file: nginx.conf }
  |                       ^^^^^^^^^^
",
    )]);
}

#[test]
fn names_that_cannot_be_are_refused() {
    refused([
        case("a misspelt way to name", base("names: hash\n")).says(
            r"
error: expected `plain`, `hashed` or `kustomize` for `names`, found another text
 --> environments/base.yaml:1:8
  |
1 | names: …
  |        ^
  = hint: did you mean `hashed`?
",
        ),
        case("an unknown way to name", base("names: sha256\n")).says(
            r"
error: expected `plain`, `hashed` or `kustomize` for `names`, found another text
 --> environments/base.yaml:1:8
  |
1 | names: …
  |        ^
",
        ),
        case("a list of ways", base("names: [hashed]\n")).says(
            r"
error: expected `plain`, `hashed` or `kustomize` for `names`, found a list
 --> environments/base.yaml:1:8
  |
1 | names: …
  |        ^
",
        ),
        case(
            "a Secret and no key",
            base("data:\n  DB_PASSWORD: dev\n").file("environments/dev.yaml", "names: hashed\n"),
        )
        .says(
            r"
error: `names: hashed` takes a key to name a Secret, and no layer of `dev` is encrypted
 --> environments/dev.yaml:1:8
  |
1 | names: …
  |        ^
  = note: the key comes from encrypted layers: without one, a password could be guessed from the name
  = hint: encrypt the secrets: `septum set dev KEY` puts one into `dev.secrets.yaml`
  = hint: or write `names: plain` in `dev.yaml`
  = hint: or `names: kustomize`, if nobody who sees the names could guess the values
",
        ),
    ]);
}
