//! The last gate: which values it looks for, wherever a layer or a manifest has them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::sandbox::Sandbox;

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
    assert_eq!(message.matches("contains the value of").count(), 1, "{message}");
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
