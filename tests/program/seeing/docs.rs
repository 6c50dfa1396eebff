//! `septum docs`: all keys with their types and defaults, in every format, and never a secret.

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

fn base() -> String {
    format!(
        "app: shop\nvars:\n  domain: shop.test\n  token: \"{CANARY}\"\nvarRules: {{ domain: {{ format: hostname, description: Public name. }} }}\n\
         data:\n  PORT: {{ value: 8080, type: integer, minimum: 1, description: Where it listens. }}\n  LEVEL: {{ value: info, enum: [debug, info], deprecated: use LOG }}\n\
         \x20 URL: \"https://{{{{ vars.domain }}}}\"\n  EMPTY: \"\"\n  QUOTED: \"it's $HOME\"\n  SPACED: a b # not a comment\n\
         \x20 API_PASSWORD: {{ value: {CANARY}, required: true, enum: [{CANARY}] }}\n  FROM: \"{{{{ data.API_PASSWORD }}}}\"\n\
         \x20 NEED: {{ required: true }}\n  app.yaml: {{ content: {{ a: 1 }} }}\n\
         bundles:\n  more: {{ data: {{ PORT: 9090, OTHER: x }} }}\n"
    )
}

fn site() -> Sandbox {
    Sandbox::new([
        ("base.yaml", base().as_str()),
        ("dev.yaml", "data: { NEED: x, PORT: 1 }\n"),
        ("prod.yaml", "data: { NEED: y }\n"),
    ])
}

#[test]
fn the_list_is_recorded_in_every_format() {
    for format in ["markdown", "html", "env-example"] {
        let text = site().run(&["docs", "--format", format]).ok();
        assert!(!text.contains(CANARY), "{text}");
        record(&text);
    }
}

#[test]
fn facts_that_differ_between_environments_name_them() {
    let base = "app: shop\ndata:\n  TOKEN: { sensitive: true, description: Of the shop., owner: payments, expires: 2027-01-01, deprecated: use KEY }\n  KEY: { sensitive: true, rotateEvery: 90d }\n";
    let site = Sandbox::new([
        ("base.yaml", base),
        ("dev.yaml", ""),
        ("prod.yaml", "data: { TOKEN: { expires: 2027-06-30 }, KEY: { expires: 2028-01-01, rotation: runbook } }\n"),
        ("staging.yaml", ""),
    ]);
    for format in ["markdown", "html", "env-example"] {
        record(site.run(&["docs", "--format", format]).ok());
    }
}

#[test]
fn a_default_that_every_environment_replaces_is_not_shown_if_it_looks_like_a_secret() {
    let base = format!("app: a\ndata: {{ URL: \"postgres://u:{CANARY}@h/x\", NAME_TOKEN: {{ value: {CANARY} }} }}\n");
    let project = Sandbox::of(&base, "data: { URL: \"postgres://h/x\", NAME_TOKEN: \"{{ 1 }}\" }\n");
    for format in ["markdown", "html", "env-example"] {
        let text = project.run(&["docs", "--format", format]).ok();
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn a_page_is_written_checked_and_never_put_over_a_file_of_others() {
    let site = site();
    for (format, name) in [("markdown", "CONFIG.md"), ("html", "config.html"), ("env-example", "example.env")] {
        let write = ["docs", "--format", format, "--out", name];
        let check = [&write[..], &["--check"]].concat();
        assert_eq!(site.run(&check).code, 1);
        site.run(&write).succeeds();
        assert_eq!(site.read(name), site.run(&["docs", "--format", format]).ok());
        site.run(&check).ok();
        site.run(&write).record();
        site.replace(name, "8080", &format!("80{CANARY}"));
        let stale = site.run(&check);
        record(format!("{}{}", stale.stdout, stale.stderr));
        assert_eq!(stale.code, 1);
        assert!(format != "env-example" || !stale.stdout.contains(CANARY), "an example may be filled in");
    }
    site.write("own.md", "# mine\n");
    site.run(&["docs", "--out", "own.md"]).refused();
    site.run(&["docs", "--out", "own.md", "--check"]).refused();
    assert_eq!(site.read("own.md"), "# mine\n");
    site.run(&["docs", "--check"]).refused();
}

#[test]
fn hostile_texts_are_not_syntax() {
    let hostile = "x | <script>alert(1)</script> `y` --> \\u202e [a](javascript:b) \\n# z";
    let base = format!(
        "app: a\ndata:\n  K: {{ value: \"{hostile}\", description: \"{hostile}\", deprecated: \"{hostile}\" }}\n  \"a|b<i>\": 1\n"
    );
    let project = Sandbox::of(&base, "");
    for format in ["markdown", "html", "env-example"] {
        let text = project.run(&["docs", "--format", format]).ok();
        let is_page = format != "env-example";
        assert!(
            !text.contains('\u{202e}') && !(is_page && (text.contains("<script") || text.contains("<i>"))),
            "{text}"
        );
        if format == "markdown" {
            let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| key")).count();
            assert_eq!(rows, 2, "{text}");
            assert!(
                text.lines().filter(|line| line.starts_with('|')).all(|line| line.matches('|').count() == 7),
                "{text}"
            );
        }
        if format == "env-example" {
            let is_line = |line: &str| line.is_empty() || line.starts_with("# ") || line == "K=";
            assert!(text.lines().all(is_line), "{text}");
        }
    }
}

#[test]
fn an_example_is_read_alike_by_every_dialect() {
    let site = site();
    let text = site.run(&["docs", "--format", "env-example"]).ok();
    let shell = std::process::Command::new("sh")
        .args([
            "-c",
            &format!(
                "set -a\n{text}\nprintf '%s|' \"$PORT\" \"$LEVEL\" \"$SPACED\" \"$API_PASSWORD\" \"$QUOTED\" \"$OTHER\""
            ),
        ])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&shell.stdout),
        "8080|info|a b|||x|",
        "{}",
        String::from_utf8_lossy(&shell.stderr)
    );
    for dialect in ["node", "python", "compose", "shell"] {
        let target = Sandbox::new([]).file(".env", &text);
        target.run(&["import", "dotenv", ".env", "--dialect", dialect]).succeeds();
        let base = target.all().into_iter().find(|(name, _)| name.ends_with("base.yaml")).unwrap().1;
        let base: serde_yaml::Value = serde_yaml::from_slice(&base).unwrap();
        assert_eq!((base["data"]["SPACED"].as_str(), &base["data"]["PORT"]), (Some("a b"), &8080.into()), "{dialect}");
    }
}

/// What `list` hides because it repeats a secret is hidden in every page.
#[test]
fn what_repeats_a_secret_is_not_shown() {
    let base = format!(
        "app: shop\nvars: {{ copy: {CANARY} }}\ndata:\n  TOKEN: {{ sensitive: true, value: {CANARY}, description: 'it is {CANARY}' }}\n\
         \x20 COPY: {CANARY}\n  LEVEL: {{ value: info, enum: [info, {CANARY}], description: 'not {CANARY}' }}\n\
         \x20 CONST: {{ examples: [{CANARY}], pattern: '^{CANARY}$', owner: {CANARY}, deprecated: 'not {CANARY}' }}\n"
    );
    let site = Sandbox::of(&base, "");
    for arguments in [
        &["list", "--values"][..],
        &["explain", "dev", "COPY"],
        &["explain", "dev", "LEVEL"],
        &["docs"],
        &["docs", "--format", "html"],
        &["docs", "--format", "env-example"],
        &["report"],
        &["schema", "--app", "shop"],
    ] {
        let text = site.run(arguments).ok();
        assert!(!text.contains(CANARY), "{arguments:?}: {text}");
    }
    record(site.run(&["docs"]).ok());
}
