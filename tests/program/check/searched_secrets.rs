//! The last gate: which values it looks for, wherever a layer or a manifest has them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::sandbox::Sandbox;

const RULE: &str = "contains the value of";

/// A password, which no name contains.
const SECRET: &str = "Xk29vQ7rZr8hunter2-canary";

/// A project of Alice's with layers, and the secret copied into an annotation of a Service.
fn project(base: &str, dev: &str) -> Sandbox {
    let service =
        format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: web, annotations: {{ a: \"{SECRET}\" }} }}\n");
    Sandbox::with_identities()
        .file("base.yaml", format!("app: shop\nmanifests: [\"w/*\"]\n{base}"))
        .file("dev.yaml", dev)
        .file("w/web.yaml", service)
}

/// Refuses to render `dev`, as the annotation repeats the secret of this name.
#[track_caller]
fn finds(project: &Sandbox, secret: &str) {
    let message = project.run(&["render", "dev"]).refused();
    let found = format!("`metadata.annotations.a` of the Service `web` contains the value of {secret}, literally");
    assert!(message.contains(&found), "{found}\n{message}");
    assert_eq!(message.matches(RULE).count(), 1, "{message}");
}

#[test]
fn each_encrypted_value_of_a_manifest_is_looked_for() {
    let secret = |more: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: own }}\n{more}\n");
    let encoded = "WGsyOXZRN3JacjhodW50ZXIyLWNhbmFyeQ==";
    for (manifest, label) in [
        (secret(&format!("stringData: {{ PASSWORD: {SECRET} }}")), "stringData.PASSWORD"),
        (secret(&format!("stringData: {{ db.password: {SECRET} }}")), "stringData.db.password"),
        (secret(&format!("data: {{ PASSWORD: {encoded} }}")), "data.PASSWORD"),
        (secret(&format!("data: {{ tls.key: {encoded} }}")), "data.tls.key"),
        (secret(&format!("data: {{ .token: \"{}\\n{}\\n\" }}", &encoded[..8], &encoded[8..])), "data..token"),
        (secret("stringData: { TOKEN: \"Xk29vQ7rZr8{{ vars.name }}-canary\" }"), "stringData.TOKEN"),
        (
            format!(
                "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: [{{ apiVersion: v1, kind: Secret, metadata: {{ name: own }}, stringData: {{ PASSWORD: {SECRET} }} }}]\n"
            ),
            "stringData.PASSWORD",
        ),
        (
            format!(
                "apiVersion: v1\nkind: List\nitems:\n- {}",
                secret(&format!("data: {{ tls.key: {encoded} }}")).trim_end().replace('\n', "\n  ")
            ),
            "data.tls.key",
        ),
    ] {
        let project = project("data: {}\nvars: { name: hunter2 }\n", "");
        project.encrypted("w/own.enc.yaml", manifest);
        finds(&project, &format!("`{label}`"));
    }
}

#[test]
fn each_encrypted_value_of_a_patch_is_looked_for() {
    let operations = "- { op: replace, path: /metadata/annotations, value: { b: c } }\n  - ";
    for (patch, label) in [
        (format!("{{ stringData: {{ db.password: {SECRET} }} }}"), "stringData.db.password"),
        (format!("\n  - {{ op: add, path: /stringData/PASSWORD, value: {SECRET} }}"), "stringData.PASSWORD"),
        (
            format!("\n  - {{ op: add, path: /stringData, value: {{ b: x, PASSWORD: {SECRET} }} }}"),
            "stringData.PASSWORD",
        ),
        (
            format!("\n  {operations}{{ op: add, path: /data/tls.key, value: WGsyOXZRN3JacjhodW50ZXIyLWNhbmFyeQ== }}"),
            "data.tls.key",
        ),
    ] {
        let own = "apiVersion: v1\nkind: Secret\nmetadata: { name: own, annotations: {} }\nstringData: {}\ndata: {}\n";
        let project = project("data: {}\n", "").file("w/own.yaml", own);
        project.rules("creation_rules: [{ age: ALICE, encrypted_regex: '^(value|data|stringData)$' }]");
        let target = "target: { kind: Secret, name: own }";
        project.encrypted("dev.secrets.yaml", format!("patches:\n- {target}\n  patch: {patch}\n"));
        finds(&project, &format!("`{label}`"));
    }
}

#[test]
fn what_a_layer_decrypted_is_looked_for_though_a_later_one_overrides_it() {
    for (secrets, base, dev, label) in [
        ("vars: { db: { password: SECRET } }", "", "vars: { db: { password: none } }", "`vars.db.password`"),
        ("vars: { tokens: [SECRET] }", "", "vars: { tokens: [] }", "`vars.tokens[0]`"),
        ("data: { PASSWORD: SECRET }", "data: { PASSWORD: {} }", "data: { PASSWORD: none }", "`data.PASSWORD`"),
        (
            "data: { a.json: { content: { db: { password: SECRET } } } }",
            "data: { a.json: {} }",
            "data: { a.json: { content: { db: { password: none } } } }",
            "`db.password` in `data.a.json`",
        ),
        (
            "data: { a.json: { content: { db: { password: SECRET } } } }",
            "data: { a.json: { content: { db: {} } } }",
            "data: { a.json: { content: { db: { password: none } } } }",
            "`db.password` in `data.a.json`",
        ),
        (
            "data: { a.json: { content: { db: { password: SECRET } } } }",
            "data: { a.json: {} }",
            "data: { a.json: { value: '{}' } }",
            "`db.password` in `data.a.json`",
        ),
        (
            "data: { a.json: { content: { tokens+: [SECRET] } } }",
            "data: { a.json: { content: { tokens: [none] } } }",
            "",
            "`tokens[1]` in `data.a.json`",
        ),
        (
            "bundles: { pull: { registries: { ghcr.io: { username: me, password: SECRET } } } }",
            "bundles: { pull: {} }",
            "bundles: { pull: { registries: { ghcr.io: { username: me, password: none } } } }",
            "`ghcr.io.password` in `bundles.pull..dockerconfigjson`",
        ),
        ("data: { PASSWORD: SECRET }", "data: { PASSWORD: {} }", "data: { PASSWORD: null }", "`data.PASSWORD`"),
    ] {
        let project = project(&format!("{base}\n"), &format!("{dev}\n"));
        project.encrypted("base.secrets.yaml", secrets.replace("SECRET", SECRET) + "\n");
        finds(&project, label);
    }
}

#[test]
fn an_encrypted_name_of_an_object_is_no_secret() {
    let own = |name: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, labels: {{ a: b }} }}\nstringData: {{}}\n")
    };
    let project = project("data: {}\n", "").file("w/web.yaml", own("web"));
    project.encrypted("w/own.enc.yaml", own("own-x9y8z7w6v5"));
    project.rules("creation_rules: [{ age: ALICE, encrypted_regex: '^value$' }]");
    let operation = format!("{{ op: add, path: /metadata/labels/tier, value: {SECRET} }}");
    project.encrypted(
        "dev.secrets.yaml",
        format!("patches:\n- target: {{ kind: Secret, name: web }}\n  patch: [{operation}]\n"),
    );
    let made = project.run(&["render", "dev"]).succeeds();
    assert!(made.contains("own-x9y8z7w6v5") && made.contains(SECRET), "{made}");
}

#[test]
fn what_a_layer_declares_public_may_be_encrypted() {
    let base = "data: { LEVEL: { sensitive: false, reason: shown to all }, PASSWORD: { sensitive: true } }\n";
    let project = project(base, "data: { PASSWORD: none }\n");
    project.encrypted("base.secrets.yaml", "data: { LEVEL: a1b2c3d4e5f6, PASSWORD: z9y8x7w6v5 }\n");
    project.write(
        "w/web.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web, annotations: { a: a1b2c3d4e5f6 } }\n",
    );
    assert!(project.run(&["render", "dev"]).succeeds().contains("LEVEL: a1b2c3d4e5f6"));
    project.write(
        "w/web.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web, annotations: { a: z9y8x7w6v5 } }\n",
    );
    finds(&project, "`data.PASSWORD`");
}

/// A phrase, which may be the name of something.
const PHRASE: &str = "correct-horse-battery";

#[test]
fn a_phrase_is_a_secret_by_its_name() {
    for (base, label) in [
        ("data: { PASSWORD: { value: PHRASE, sensitive: true } }", Some("`data.PASSWORD`")),
        ("data: { GREETING: { value: PHRASE, sensitive: true } }", None),
        // whose name says that it is no password
        ("data: { PASSWORD_FILE: { value: PHRASE, sensitive: true } }", None),
        ("data: { a.json: { content: { db: { password: PHRASE } } } }", Some("`db.password` in `data.a.json`")),
        ("data: { a.json: { content: { greeting: PHRASE, token: z9y8x7w6v5 } } }", None),
        ("data: { a.json: { content: { passwords: { greeting: PHRASE } }, sensitive: true } }", None),
        ("data: { a.json: { content: { passwords: [PHRASE] } } }", Some("`passwords[0]` in `data.a.json`")),
        ("data: { A: \"x{{ vars.db.password }}\" }\nvars: { db: { password: PHRASE } }", Some("`vars.db.password`")),
        ("data: { A: \"x{{ vars.db.greeting }}\" }\nvars: { db: { greeting: PHRASE } }", None),
        // of all that have the value, one is enough
        (
            "data: { GREETING: { value: PHRASE, sensitive: true }, PASSWORD: { value: PHRASE, sensitive: true } }",
            Some("`data.GREETING` (and of 1 more)"),
        ),
        (
            "data: { PASSWORD: { value: PHRASE, sensitive: true }, GREETING: { value: PHRASE, sensitive: true } }",
            Some("`data.PASSWORD` (and of 1 more)"),
        ),
        // and none if it is public
        ("data: { PASSWORD: { value: PHRASE, sensitive: true }, GREETING: PHRASE }", None),
        (
            "data: { PASSWORD: { value: PHRASE, sensitive: true }, A: \"x{{ vars.name }}\" }\nvars: { name: PHRASE }",
            None,
        ),
        (
            "data: { PASSWORD: { value: PHRASE, sensitive: true }, A: \"x{{ vars.password }}\" }\nvars: { password: PHRASE }",
            Some("`data.PASSWORD` (and of 1 more)"),
        ),
    ] {
        let project = project(&(base.replace("PHRASE", PHRASE) + "\n"), "").edited("w/web.yaml", SECRET, PHRASE);
        match label {
            Some(label) => finds(&project, label),
            None => drop(project.run(&["render", "dev"]).succeeds()),
        }
    }
    for (secrets, base, dev, label) in [
        ("data: { PASSWORD: PHRASE }", "data: { PASSWORD: {} }", "data: { PASSWORD: none }", "`data.PASSWORD`"),
        ("vars: { db: { password: PHRASE } }", "", "", "`vars.db.password`"),
        ("vars: { passwords: [PHRASE] }", "", "", "`vars.passwords[0]`"),
        ("vars: { db: { passwords: [PHRASE] } }", "", "", "`vars.db.passwords[0]`"),
        (
            "data: { a.json: { content: { db: { password: PHRASE } } } }",
            "data: { a.json: {} }",
            "data: { a.json: { content: { db: { password: none } } } }",
            "`db.password` in `data.a.json`",
        ),
    ] {
        let project = project(&format!("{base}\n"), &format!("{dev}\n")).edited("w/web.yaml", SECRET, PHRASE);
        project.encrypted("base.secrets.yaml", secrets.replace("PHRASE", PHRASE) + "\n");
        finds(&project, label);
    }
    for (secrets, base) in [
        ("vars: { passwords: { greeting: PHRASE } }", ""),
        ("data: { a.json: { content: { passwords: { greeting: PHRASE } } } }", "data: { a.json: {} }"),
        (
            "data: { GREETING: PHRASE }",
            "data: { GREETING: {}, A: \"{{ vars.passwords.greeting }}\" }\nvars: { passwords: { greeting: \"{{ data.GREETING }}\" } }",
        ),
    ] {
        let project = project(&format!("{base}\n"), "").edited("w/web.yaml", SECRET, PHRASE);
        project.encrypted("base.secrets.yaml", secrets.replace("PHRASE", PHRASE) + "\n");
        project.run(&["render", "dev"]).succeeds();
    }
    let project = project("data: {}\n", "").edited("w/web.yaml", SECRET, PHRASE);
    let own =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: own }}\nstringData: {{ db.password: {PHRASE} }}\n");
    project.encrypted("w/own.enc.yaml", own);
    finds(&project, "`stringData.db.password`");
}

#[test]
fn what_looks_random_is_a_secret_though_a_plain_value_repeats_it() {
    let base = format!(
        "data: {{ PASSWORD: {{ value: {PHRASE}, sensitive: true }}, TOKEN: {{ value: {SECRET}, sensitive: true }}, NOTE: {{ value: {SECRET}, sensitive: false, reason: none }} }}\n"
    );
    let message = project(&base, "").run(&["render", "dev"]).refused();
    assert_eq!(message.matches("`data.TOKEN`").count(), 2, "{message}");
}

#[test]
fn what_is_no_secret_may_be_anywhere() {
    for base in [
        // plain variables, and plain parts of a structure
        "data: { BUILD: \"{{ vars.build }}\" }\nvars: { build: Xk29vQ7rZr8hunter2-canary }",
        "data: { a.json: { content: { build: Xk29vQ7rZr8hunter2-canary }, sensitive: true } }",
        // a plain value in the template of a Secret
        "vars: { build: Xk29vQ7rZr8hunter2-canary }",
        // less than eight bytes
        "data: { a.json: { content: { password: Xk29vQ7 } } }",
    ] {
        let own = "apiVersion: v1\nkind: Secret\nmetadata: { name: own }\nstringData: { A: \"{{ vars.build | default('x') }}\" }\n";
        project(&format!("{base}\n"), "").file("w/own.yaml", own).run(&["render", "dev"]).succeeds();
    }
}

#[test]
fn a_value_that_two_layers_give_is_one_secret() {
    let project = project("data: { PASSWORD: { sensitive: true } }\n", "");
    for file in ["base.secrets.yaml", "dev.secrets.yaml"] {
        project.encrypted(file, format!("data: {{ PASSWORD: {SECRET} }}\n"));
    }
    finds(&project, "`data.PASSWORD`");
}

#[test]
fn an_encrypted_text_that_reads_as_base64_is_looked_for_as_it_is() {
    let project = project("data: {}\n", "").edited("w/web.yaml", SECRET, "a1b2c3d4e5f6");
    let own = "apiVersion: v1\nkind: Secret\nmetadata: { name: own }\nstringData: { PASSWORD: a1b2c3d4e5f6 }\n";
    project.encrypted("w/own.enc.yaml", own);
    finds(&project, "`stringData.PASSWORD`");
}

#[test]
fn each_part_of_a_structure_that_is_a_secret_is_looked_for() {
    for (content, value) in [
        ("{ password: a1b2c3d4 }", "a1b2c3d4"),
        ("{ url: \"https://me:x9y8z7w6@db/x\" }", "https://me:x9y8z7w6@db/x"),
        ("{ list: [{ password: x9y8z7w6v5 }] }", "x9y8z7w6v5"),
    ] {
        let base = format!("data: {{ a.json: {{ content: {content} }} }}\n");
        let project = project(&base, "").edited("w/web.yaml", SECRET, value);
        let message = project.run(&["render", "dev"]).refused();
        assert!(message.contains("in `data.a.json`, literally"), "{message}");
    }
}
