//! What the program says to bad input: the exact words, for people to review.
//!
//! Each row is a small project with a mistake and the command that meets it. All that it prints is in
//! `tests/messages/bad_input`, one file for each row.
//! The builder sees to it that no run changes a file. Values are masked in every excerpt but where
//! the value itself is the mistake and known to be plain; `canary.rs` proves that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines, reason = "tables")]

use crate::support::messages::assert_message;
use crate::support::sandbox::Sandbox;

/// A row: what is wrong, the project, and what is said to it.
struct Case {
    name: &'static str,
    project: Sandbox,
    arguments: &'static [&'static str],
    code: i32,
}

/// A row for `septum render dev`, which exits with 2.
fn case(name: &'static str, project: Sandbox) -> Case {
    Case { name, project, arguments: &["render", "dev"], code: 2 }
}

impl Case {
    fn run(self, arguments: &'static [&'static str]) -> Self {
        Self { arguments, ..self }
    }

    fn exits(self, code: i32) -> Self {
        Self { code, ..self }
    }
}

/// An app with a base and an empty `dev`.
fn base(text: &str) -> Sandbox {
    Sandbox::read_only().file("environments/base.yaml", text).file("environments/dev.yaml", "")
}

#[track_caller]
fn refused<const N: usize>(cases: [Case; N]) {
    for Case { name, project, arguments, code } in cases {
        let run = project.run(arguments);
        assert_message("bad_input", name, &format!("$ septum {}\n{}", arguments.join(" "), run.stderr));
        assert_eq!(run.code, code, "{name}: the exit code");
        assert_eq!(run.stdout, "", "{name}: nothing is written");
    }
}

#[test]
fn yaml_that_is_no_layer_is_refused_where_it_goes_wrong() {
    refused([
        case("tab indentation", base("data:\n\tPORT: 8080\n")),
        case("duplicate key", base("data:\n  PORT: 8080\n  LOG_LEVEL: info\n  PORT: 9090\n")),
        case("several documents", base("data:\n  PORT: 8080\n---\ndata:\n  PORT: 9090\n")),
        case("unknown tag", base("data:\n  TODAY: !env DATE\n")),
        case("open quote", base("data:\n  GREETING: \"hello\n  PORT: 8080\n")),
        case("colon in a value", base("data:\n  MOTTO: be bold: be brave\n")),
        case("bare template", base("data:\n  URL: {{ vars.url }}\n")),
        case("value that starts with @", base("data:\n  HANDLE: @septum\n")),
        case("unknown escape", base("data:\n  FOLDER: \"C:\\data\"\n")),
        case("undefined alias", base("data:\n  PATTERN: *.example.com\n")),
        case("alias within its anchor", base("vars: &all\n  again: *all\n")),
        case("merge of a scalar", base("vars:\n  one: &one 1\n  two: { <<: *one }\n")),
        case("collection as key", base("vars:\n  ? [a, b]\n  : c\n")),
        case("misaligned key", base("data:\n  PORT: 8080\n   LOG_LEVEL: info\n")),
    ]);
}

#[test]
fn what_would_fill_the_memory_is_refused() {
    refused([
        case("alias bomb", base(&bomb())),
        case("too deep", base(&format!("vars:\n  deep: {}{}\n", "[".repeat(80), "]".repeat(80)))),
    ]);
}

#[test]
fn layers_have_known_fields_of_known_shapes() {
    refused([
        case("no mapping", base("- data\n- vars\n")),
        case("unknown field", base("data:\n  PORT: 8080\nlables: { team: payments }\n")),
        case("unknown field of an entry", base("data:\n  PORT: { value: 8080, minimun: 1 }\n")),
        case("unknown field of a bundle", base("bundles:\n  tls: { typ: kubernetes.io/tls }\n")),
        case("unknown field that is reset", base("delivery: { secerts: null }\n")),
        case("manifests that replace by nothing", base("manifests: {}\n")),
        case("password in brackets", base("data:\n  PASSWORD: {hunter2}\n")),
        case("list in place of a mapping", base("data: [PORT, LOG_LEVEL]\n")),
        case("entry that is a list", base("data:\n  HOSTS: [a.example.com, b.example.com]\n")),
        case("blank value", base("data:\n  PORT:\n  LOG_LEVEL: info\n")),
        case("entry with two sources", base("data:\n  nginx.conf: { value: \"listen 80\", file: files/nginx.conf }\n")),
        case("structure as value", base("data:\n  app.yaml: { value: { port: 8080 } }\n")),
        case("text as content", base("data:\n  app.yaml: { content: \"port: 8080\" }\n")),
        case("truth value that is none", base("data:\n  PORT: { value: 8080, required: yes }\n")),
        case("type that is none", base("data:\n  PORT: { value: 8080, type: int }\n")),
        case(
            "rule with a value of a wrong type",
            base("data:\n  PORT: { value: 8080, type: integer, minimum: low, enum: 8080 }\n"),
        ),
        case("environment that names the app", base("data: {}\n").file("environments/dev.yaml", "app: checkout\n")),
        case(
            "accepted finding without a reason",
            base("allow:\n  - { rule: plaintext-secret, key: SENTRY_DSN, until: soon }\n"),
        ),
    ]);
}

#[test]
fn what_cannot_leave_as_a_layer_says_is_refused() {
    refused([
        case(
            "a ref that nothing delivers",
            base("data:\n  STRIPE_KEY: { ref: { key: checkout/stripe, property: api_key } }\n"),
        ),
        case("a delivery for nobody", base("delivery: { secrets: sosp, recipients: [] }\n")),
    ]);
}

#[test]
fn an_overlay_sets_only_what_is_defined() {
    refused([
        case(
            "unknown key",
            base("data:\n  LOG_LEVEL: info\n").file("environments/dev.yaml", "data:\n  LOG_LEVL: debug\n"),
        ),
        case(
            "unknown key without a neighbour",
            base("data:\n  LOG_LEVEL: info\n").file("environments/dev.yaml", "data:\n  REDIS_HOST: localhost\n"),
        ),
        case(
            "removal of an unknown key",
            base("data:\n  LOG_LEVEL: info\n").file("environments/dev.yaml", "data:\n  LOGLEVEL: null\n"),
        ),
        case(
            "key of another bundle",
            base("bundles:\n  mail:\n    data: { SMTP_HOST: localhost }\n")
                .file("environments/dev.yaml", "data:\n  SMTP_HOST: mail.example.com\n"),
        ),
        case(
            "unknown bundle",
            base("bundles:\n  registry:\n    data: { HOST: ghcr.io }\n")
                .file("environments/dev.yaml", "bundles:\n  registri:\n    data: { HOST: quay.io }\n"),
        ),
        case(
            "type of a bundle",
            base("bundles:\n  tls:\n    data: { tls.crt: x }\n")
                .file("environments/dev.yaml", "bundles:\n  tls: { type: kubernetes.io/tls }\n"),
        ),
        case(
            "list+ on a mapping",
            base("data:\n  app.yaml:\n    content: { hosts: { a: 1 } }\n")
                .file("environments/dev.yaml", "data:\n  app.yaml:\n    content: { hosts+: [b] }\n"),
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
        ),
        case("cycle of one", base("data: {}\n").file("environments/dev.yaml", "extends: [dev]\n")),
        case(
            "unknown layer",
            base("data: {}\n")
                .file("environments/dev.yaml", "extends: [regions/ue]\n")
                .file("environments/regions/eu.yaml", "data: {}\n"),
        ),
        case(
            "unknown layer without a neighbour",
            base("data: {}\n").file("environments/dev.yaml", "extends: [common/mail]\n"),
        ),
        case("extends in the base", base("extends: [regions/eu]\n")),
        case(
            "a path instead of a name",
            base("data: {}\n").file("environments/dev.yaml", "extends: [../other.yaml]\n"),
        ),
    ]);
}

#[test]
fn templates_fail_where_they_are_written() {
    refused([
        case(
            "undefined variable",
            base("vars: { domain: example.com }\ndata:\n  URL: \"https://{{ vars.domian }}/\"\n"),
        ),
        case("undefined entry", base("data:\n  LOG_LEVEL: info\n  LEVEL: \"{{ data.LOG_LEVL }}\"\n")),
        case(
            "undefined bundle",
            base("bundles:\n  mail:\n    data: { HOST: localhost }\ndata:\n  MAIL: \"{{ bundles.mial.HOST }}\"\n"),
        ),
        case(
            "undefined below the top",
            base("vars: { mail: { host: localhost } }\ndata:\n  MAIL: \"{{ vars.mail.hots }}:{{ vars.mali.port }}\"\n"),
        ),
        case(
            "undefined at the root",
            base("vars: { domain: example.com }\ndata:\n  URL: \"https://{{ domain }}/{{ nonsense }}\"\n"),
        ),
        case(
            "entry without a value",
            base("data:\n  HOST: { description: Set by each environment. }\n  URL: \"https://{{ data.HOST }}/\"\n"),
        ),
        case("cycle, 2", base("data:\n  A: \"{{ data.B }}\"\n  B: \"{{ data.C }}\"\n  C: \"{{ data.A }}\"\n")),
        case(
            "cycle through variables",
            base("vars:\n  a: \"{{ vars.b }}\"\n  b: \"{{ data.KEY }}\"\ndata:\n  KEY: \"{{ vars.a }}\"\n"),
        ),
        case("cycle of one, 2", base("data:\n  PATH: \"{{ data.PATH }}:/usr/local/bin\"\n")),
        case("unknown filter", base("data:\n  KEY: \"{{ env.name | uppercase }}\"\n")),
        case(
            "undefined entry by a computed name",
            base("vars: { name: LOG_LEVL }\ndata:\n  LOG_LEVEL: info\n  KEY: \"{{ data[vars.name] }}\"\n"),
        ),
        case(
            "include of a computed name",
            base("vars: { name: missing.j2 }\ndata:\n  KEY: \"{% include vars.name %}\"\n"),
        ),
        case("clock", base("data:\n  BUILT: \"{{ now() }}\"\n")),
        case("list as text", base("vars: { hosts: [a, b] }\ndata:\n  HOSTS: \"{{ vars.hosts }}\"\n")),
        case(
            "required with a message",
            base(
                "vars: { region: \"\" }\ndata:\n  REGION: \"{{ vars.region | required('set vars.region in every environment') }}\"\n",
            ),
        ),
        case("division by zero", base("vars: { workers: 0 }\ndata:\n  SHARE: \"{{ 100 // vars.workers }}\"\n")),
        case("text and number", base("vars: { port: 8080 }\ndata:\n  NEXT: \"{{ vars.port + 'x' }}\"\n")),
        case(
            "runaway template",
            base("data:\n  KEY: \"{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}\"\n"),
        ),
        case(
            "declassify without a reason",
            base(
                "data:\n  PASSWORD: { sensitive: true, value: dummy }\n  LENGTH: \"{{ declassify(data.PASSWORD | length) }}\"\n",
            ),
        ),
        case("declassify without a call", base("data:\n  KEY: \"{{ env.name | declassify }}\"\n")),
        case("missing include", base("data:\n  KEY: \"{% include 'files/missing.j2' %}\"\n")),
    ]);
}

#[test]
fn a_syntax_error_of_a_template_is_placed_in_the_file() {
    refused([
        case("plain", base("data:\n  KEY: a {{ env.name\n")),
        case("single-quoted", base("data:\n  KEY: 'it''s {{ env..name }}'\n")),
        case("double-quoted with escapes", base("data:\n  KEY: \"tab\\t\\u00e9 \\\"{{ env..name }}\\\"\"\n")),
        case(
            "literal block",
            base("data:\n  KEY: |\n    first line\n    second {% if env.name = 'dev' %}x{% endif %}\n"),
        ),
        case(
            "folded block",
            base("data:\n  KEY: >-\n    first line\n    still the first\n\n    second {{ env.name | }} line\n"),
        ),
        case("content", base("data:\n  app.yaml:\n    content:\n      server:\n        - name: \"{{ env.name }\"\n")),
        case("variable", base("vars:\n  url: \"{% endif %}\"\ndata:\n  URL: \"{{ vars.url }}\"\n")),
        case(
            "template file",
            base("data:\n  app.ini: { template: files/app.ini.j2 }\n")
                .file("environments/files/app.ini.j2", "[server]\nname = {{ env.name }}\nport = {% if %}\n"),
        ),
        case(
            "included file",
            base("data:\n  app.ini: { template: files/app.ini.j2 }\n")
                .file("environments/files/app.ini.j2", "{% include 'part.ini' %}\n")
                .file("environments/files/part.ini", "[part]\nname = {{ env.nmae }}\n"),
        ),
        case(
            "file included by a value",
            base("data:\n  KEY: \"{% include 'files/part.j2' %}\"\n")
                .file("environments/files/part.j2", "x\n{{ env.name }\n"),
        ),
        case("password that opens a bracket", base("data:\n  PASSWORD: \"x{{hunter2\"\n")),
        case("no end of a block", base("data:\n  KEY: |\n    {% if env.name %}\n    x\n")),
        case(
            "included file with a syntax error",
            base("data:\n  app.ini: { template: files/app.ini.j2 }\n")
                .file("environments/files/app.ini.j2", "{% include 'part.ini' %}\n")
                .file("environments/files/part.ini", "[part]\nname = {{ env name }}\n"),
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
        ),
        case("missing file without a neighbour", base("data:\n  nginx.conf: { file: files/nginx.conf }\n")),
        case("directory", base("data:\n  files: { file: files }\n").file("environments/files/nginx.conf", "")),
        case("file outside", base("data:\n  passwd: { file: ../../outside/passwd }\n")),
        case("absolute path", base("data:\n  passwd: { file: /etc/passwd }\n")),
        #[cfg(unix)]
        case(
            "symbolic link",
            base("data:\n  passwd: { file: link }\n").link_outside("environments/link", "root:x:0:0\n"),
        ),
        #[cfg(unix)]
        case("layer behind a symbolic link", base("data: {}\n").link_outside("environments/prod.yaml", "data: {}\n"))
            .run(&["render", "prod"]),
        case(
            "include that is a directory",
            base("data:\n  KEY: \"{% include 'files' %}\"\n").file("environments/files/part.j2", "x\n"),
        ),
        case(
            "include that is no text",
            base("data:\n  KEY: \"{% include 'part.j2' %}\"\n").file("environments/part.j2", b"\xff\xfex\n"),
        ),
        case("include outside", base("data:\n  KEY: \"{% include '../../outside/file' %}\"\n")),
        case(
            "big file",
            base("data:\n  dump.sql: { file: dump.sql }\n").file("environments/dump.sql", vec![b'x'; 1024 * 1024 + 1]),
        ),
        case("big layer", base("data: {}\n").file("environments/dev.yaml", vec![b'#'; 1024 * 1024 + 1])),
        case(
            "layer that is not UTF-8",
            base("data: {}\n").file("environments/dev.yaml", b"data:\n  NAME: M\xfcller\n"),
        ),
        case(
            "template that is not UTF-8",
            base("data:\n  x.txt: { template: x.j2 }\n").file("environments/x.j2", b"\xff\xfe"),
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
        .run(&["render", "prd"]),
        case("no environment yet", Sandbox::read_only().file("environments/base.yaml", "")).run(&["render", "dev"]),
        case("several unknown environments", base("data: {}\n")).run(&["render", "one", "two"]),
        case("unknown app", base("app: checkout\n")).run(&["render", "dev", "--app", "chekout"]),
        case("unknown key, 2", base("data:\n  LOG_LEVEL: info\n")).run(&["explain", "dev", "LOG_LEVL"]),
        case("unknown environment of explain", base("data:\n  LOG_LEVEL: info\n")).run(&["explain", "de", "LOG_LEVEL"]),
        case("unknown environment of list", base("data:\n  LOG_LEVEL: info\n")).run(&["list", "prod"]),
        case("unknown shell", Sandbox::read_only()).run(&["completions", "tcsh"]),
        case("no environment named", base("data: {}\n")).run(&["render"]),
        case("unknown format", base("data: {}\n")).run(&["render", "dev", "--format", "xml"]),
        case("environment that an app lacks", monorepo()).run(&["render", "dev", "--app", "cart"]),
    ]);
}

#[test]
fn a_project_is_found_or_said_to_be_missing() {
    refused([
        case("no project", Sandbox::read_only().file("README.md", "")),
        case("no project but one below", {
            Sandbox::read_only().file("shop/environments/base.yaml", "").file("docs/README.md", "").file("base.txt", "")
        }),
        case("no project but one with a blank below", {
            Sandbox::read_only().file("my shop/base.yaml", "").file(".cache/base.yaml", "")
        }),
        case("no project but several below", {
            let names = ["shop/base.yaml", "mail/base.yaml", "blog/septum.yaml", "wiki/environments/base.yaml"];
            names.iter().fold(Sandbox::read_only(), |project, name| project.file(name, ""))
        }),
        case("no such directory", Sandbox::read_only()).run(&["-C", "nowhere", "render", "dev"]).exits(4),
        case(
            "unknown field, 2",
            Sandbox::read_only().file("septum.yaml", "apps: [services/*]\nshraed: environments\n"),
        ),
        case(
            "no apps",
            Sandbox::read_only().file("septum.yaml", "shared: environments\n").file("environments/base.yaml", ""),
        ),
        case("apps that are no list", Sandbox::read_only().file("septum.yaml", "apps: services/*\n")),
        case("no YAML", Sandbox::read_only().file("septum.yaml", "apps: [services/*\n")),
        case(
            "pattern without a match",
            Sandbox::read_only()
                .file("septum.yaml", "apps: [servcies/*, ../other/*, \"{a\"]\nshared: enviroments\n")
                .file("services/cart/base.yaml", ""),
        ),
        case(
            "pattern above the apps",
            Sandbox::read_only()
                .file("septum.yaml", "apps: [services/*, tools/*]\n")
                .file("services/cart/config/base.yaml", "")
                .file("services/shop/config/base.yaml", "")
                .file("tools/cart/config/base.yaml", "")
                .file("tools/cart/chart/base.yaml", ""),
        ),
    ]);
}

#[test]
fn objects_are_what_the_api_server_takes() {
    refused([
        case("invalid key", base("data:\n  \"Logging:Level\": info\n  \"größe\": 3\n")),
        case(
            "keys that a type needs",
            base(
                "bundles:\n  login:\n    type: kubernetes.io/basic-auth\n  web:\n    type: kubernetes.io/tls\n    data: { tls.crt: '' }\n  pull:\n    registries:\n      ghcr.io: { username: robot }\n",
            ),
        ),
        case("invalid object name", base("app: Check_Out\ndata:\n  PORT: 8080\n")),
        case("invalid bundle name", base("bundles:\n  Mail_Server:\n    data: { HOST: localhost }\n")),
        case(
            "invalid name of the directory",
            Sandbox::read_only().file("Check_Out/base.yaml", "data:\n  PORT: 8080\n").file("Check_Out/dev.yaml", ""),
        )
        .run(&["-C", "Check_Out", "render", "dev"]),
        case(
            "invalid namespace, label and annotation",
            base(
                "namespace: Shop\nlabels: { team: \"pay ments\", -x: y }\nannotations: { \"a/b/c\": d }\ndata:\n  PORT: 8080\n",
            ),
        ),
        case(
            "too big an object",
            base("data:\n  a.txt: { file: a.txt }\n  b.txt: { file: b.txt }\n")
                .file("environments/a.txt", vec![b'x'; 600 * 1024])
                .file("environments/b.txt", vec![b'x'; 600 * 1024]),
        ),
        case(
            "two apps with one object",
            Sandbox::read_only()
                .file("septum.yaml", "apps: [services/*]\n")
                .file("services/a/base.yaml", "app: shop\ndata: { PORT: 8080 }\n")
                .file("services/a/dev.yaml", "")
                .file("services/b/base.yaml", "app: shop\ndata: { PORT: 8080 }\n")
                .file("services/b/dev.yaml", ""),
        ),
    ]);
}

#[test]
fn values_keep_the_rules_of_their_keys() {
    refused([
        case(
            "required key",
            base("data:\n  DATABASE_HOST: { required: true }\n")
                .file("environments/prod.yaml", "")
                .file("environments/staging.yaml", "data:\n  DATABASE_HOST: db\n"),
        ),
        case(
            "required key, removed",
            base("data:\n  DATABASE_HOST: { required: true, value: localhost }\n")
                .file("environments/dev.yaml", "data:\n  DATABASE_HOST: null\n"),
        ),
        case("integer", base("data:\n  PORT: { value: eighty, type: integer }\n")),
        case(
            "range, in another layer",
            base("data:\n  PORT: { value: 8080, type: integer, minimum: 1024, maximum: 65535 }\n")
                .file("environments/dev.yaml", "data:\n  PORT: 70000\n"),
        ),
        case(
            "enumeration",
            base("data:\n  LOG_LEVEL: { value: info, enum: [debug, info, warn] }\n")
                .file("environments/dev.yaml", "data:\n  LOG_LEVEL: verbose\n"),
        ),
        case("several rules", base("data:\n  SLUG: { value: \"A b\", pattern: \"^[a-z]+$\", minLength: 5 }\n")),
        case(
            "computed value",
            base("vars: { port: 80 }\ndata:\n  PORT: { value: \"{{ vars.port }}80x\", type: integer }\n"),
        ),
        case(
            "sensitive value",
            base(
                "data:\n  PIN: { value: abcd, sensitive: true, type: integer }\n  KEY: { value: efgh, sensitive: true, enum: [one, two] }\n",
            ),
        ),
        case(
            "format",
            base("data:\n  PUBLIC_URL: { value: \"not a url\", format: uri }\n  MAIL: { value: x, format: emial }\n"),
        ),
        case("rule that is wrong", base("data:\n  KEY: { value: x, pattern: \"(\" }\n")),
        case("binary that is none", base("data:\n  KEY: !!binary \"not base64!\"\n")),
    ]);
}

#[test]
fn content_is_what_its_format_can_say() {
    refused([
        case("no format", base("data:\n  settings:\n    content: { port: 8080 }\n")),
        case("unknown format, 2", base("data:\n  settings: { content: { port: 8080 }, format: yml5 }\n")),
        case(
            "nested in a flat file",
            base("data:\n  app.env:\n    content:\n      PORT: 8080\n      server:\n        port: 8080\n"),
        ),
        case("list in an INI file", base("data:\n  app.ini:\n    content: { server: { hosts: [a, b] } }\n")),
        case("list as TOML", base("data:\n  app.toml:\n    content: [a, b]\n")),
        case("null in TOML", base("data:\n  app.toml:\n    content: { port: null }\n")),
    ]);
}

#[test]
fn the_wall_between_configuration_and_secret_holds() {
    refused([
        case(
            "lowered by an environment",
            base("data:\n  GREETING: { sensitive: true, value: hello }\n")
                .file("environments/dev.yaml", "data:\n  GREETING: { sensitive: false, reason: not so secret }\n"),
        ),
        case(
            "declared plain by an environment",
            base("data:\n  API_KEY: dummy\n")
                .file("environments/dev.yaml", "data:\n  API_KEY: { sensitive: false, reason: public }\n"),
        ),
        case(
            "declared plain, but derived",
            base(
                "data:\n  PASSWORD: { sensitive: true, value: dummy }\n  URL: { value: \"https://x:{{ data.PASSWORD }}@h/\", sensitive: false, reason: oops }\n",
            ),
        ),
        case(
            "declared plain, but a mixin lowers",
            base("data:\n  GREETING: { sensitive: true, value: hello }\n")
                .file("environments/dev.yaml", "extends: [open]\n")
                .file("environments/open.yaml", "data: {}\n")
                .file("environments/sub/open.yaml", "data:\n  GREETING: { sensitive: false }\n")
                .file("environments/prod.yaml", "extends: [sub/open]\n"),
        )
        .run(&["render", "prod"]),
        case("plain without a reason", base("data:\n  API_TOKEN: { value: dummy, sensitive: false }\n")),
        case(
            "plain for a blank reason",
            base(
                "data:\n  API_TOKEN: { value: dummy, sensitive: false, reason: ' ' }\nallow: [{ rule: jwt, key: API_TOKEN, reason: '' }]\n",
            ),
        ),
    ]);
}

#[test]
fn an_encrypted_file_needs_its_key_and_must_be_whole() {
    refused([
        case("no identity", Sandbox::demo().env("SOPS_AGE_KEY_FILE", "")).run(&["render", "prod"]).exits(3),
        case("another identity", Sandbox::demo().env("SOPS_AGE_KEY_FILE", OTHER_KEY)).run(&["render", "prod"]).exits(3),
        case("identity that is none", Sandbox::demo().env("SOPS_AGE_KEY_FILE", "").env("SOPS_AGE_KEY", "AGE-SECRET"))
            .run(&["render", "prod"])
            .exits(3),
        case(
            "no identity and a mistake",
            Sandbox::demo().env("SOPS_AGE_KEY_FILE", "").file("environments/dev.yaml", "data:\n  PROT: 1\n"),
        )
        .run(&["render", "prod"]),
        case(
            "changed ciphertext",
            Sandbox::demo().edited(SECRETS, "PASSWORD: ENC[AES256_GCM,data:", "PASSWORD: ENC[AES256_GCM,data:AAAA"),
        )
        .run(&["render", "prod"]),
        case(
            "ciphertext cut short",
            Sandbox::demo().edited(SECRETS, "PASSWORD: ENC[AES256_GCM,data:", "PASSWORD: ENC[AES256_GCM,dat:"),
        )
        .run(&["render", "prod"]),
        case("ciphertext of another key", Sandbox::demo().edited(SECRETS, "STRIPE_WEBHOOK_SECRET", "STRIPE_KEY"))
            .run(&["render", "prod"]),
        case("plaintext added", Sandbox::demo().edited(SECRETS, "sops:\n", "    LOG_LEVEL: debug\nsops:\n"))
            .run(&["render", "prod"]),
        case("value removed", Sandbox::demo().edited(SECRETS, &secret_line(), "")).run(&["render", "prod"]),
        case(
            "changed checksum",
            Sandbox::demo().edited(SECRETS, "mac: ENC[AES256_GCM,data:", "mac: ENC[AES256_GCM,data:AAAA"),
        )
        .run(&["render", "prod"]),
        case("changed time", Sandbox::demo().edited(SECRETS, "lastmodified: \"20", "lastmodified: \"21"))
            .run(&["render", "prod"]),
        case("no checksum", Sandbox::demo().edited(SECRETS, "    mac:", "    mca:")).run(&["render", "prod"]),
        case("no recipients", Sandbox::demo().edited(SECRETS, "    age:", "    aged:")).run(&["render", "prod"]),
        case("metadata of another file", Sandbox::demo().file(SECRETS, transplanted())).run(&["render", "prod"]),
    ]);
}

#[test]
fn all_findings_of_a_run_are_shown_together_sorted_and_once() {
    refused([
        case("several mistakes in several files", base("vars: { domain: example.com }\nlables: {}\ndata:\n  PORT: { value: eighty, type: integer }\n  HOST:\n").file("environments/dev.yaml", "data:\n  PROT: 1\n  HSOT: a\n").file("environments/prod.yaml", "\tx: 1\n")).run(&["render", "dev", "prod"]),
        case("mistakes of several stages", base("vars: { domain: example.com }\ndata:\n  \"A B\": \"{{ vars.domian }}\"\n  PORT: { value: eighty, type: integer }\n  NAME: { required: true }\n  FILE: { file: missing.txt }\n  URL: \"https://{{ vars.damain }}{{ data.PROT }}\"\n").file("environments/prod.yaml", "")).run(&["render", "--all"]),
        case("the same for list", base("lables: {}\n").file("environments/dev.yaml", "data:\n  PROT: 1\n")).run(&["list"]),
        case("the same for explain", base("lables: {}\n").file("environments/dev.yaml", "data:\n  PROT: 1\n")).run(&["explain", "dev", "PROT"]),
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
fn monorepo() -> Sandbox {
    Sandbox::read_only()
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
    refused([case("no permission", project).exits(4)]);
}

#[test]
fn names_that_cannot_be_are_refused() {
    refused([
        case("a misspelt way to name", base("names: hash\n")),
        case("an unknown way to name", base("names: sha256\n")),
        case("a list of ways", base("names: [hashed]\n")),
        case(
            "a Secret and no key",
            base("data:\n  DB_PASSWORD: dev\n").file("environments/dev.yaml", "names: hashed\n"),
        ),
    ]);
}
