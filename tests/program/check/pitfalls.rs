//! What nobody would see before a pod starts. Each mistake stands beside what is right and looks alike.

use super::rules::assert_all;
use super::{check, findings};
use crate::support::messages::record;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;

const KEY_BODY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The findings of one rule in a project with these files.
#[track_caller]
fn told(rule: &str, files: &[(&str, &str)]) -> Vec<String> {
    let project = Sandbox::new([("dev.yaml", "")]);
    let project = files.iter().fold(project, |project, (path, text)| project.file(path, text));
    check(&project).into_iter().filter(|finding| finding.starts_with(&format!("{rule} "))).collect()
}

#[test]
fn a_required_key_that_is_empty_is_told() {
    for (value, is_told) in [
        ("{ value: '', required: true }", true),
        ("{ value: '', required: false }", false),
        ("''", false),
        ("{ value: x, required: true }", false),
        ("{ value: '   ', required: true }", true),
        ("{ value: \"\\t\\n\", required: true }", true),
        ("'   '", false),
    ] {
        let base = format!("data:\n  A: {value}\n");
        assert_eq!(!told("empty-value", &[("base.yaml", &base)]).is_empty(), is_told, "{value}");
    }
}

#[test]
fn an_ssh_key_ends_in_a_line_feed() {
    let key = |label: &str, end: &str| {
        format!("{dashes}BEGIN {label}{dashes}\n{KEY_BODY}\n{dashes}END {label}{dashes}{end}", dashes = "-----")
    };
    for (entry, text, is_told) in [
        ("identity", key("OPENSSH PRIVATE KEY", ""), true),
        ("ssh-privatekey", key("RSA PRIVATE KEY", ""), true),
        ("identity", key("OPENSSH PRIVATE KEY", "\n"), false),
        ("tls.key", key("PRIVATE KEY", ""), false),
        ("ssh-known-hosts", "host ssh-ed25519 AAAA".to_owned(), false),
    ] {
        let base = format!("data:\n  {entry}: {{ file: key, sensitive: true }}\n");
        let found = told("missing-line-feed", &[("base.yaml", &base), ("key", &text)]);
        assert_eq!(!found.is_empty(), is_told, "{entry}: {text}");
    }
}

#[test]
fn a_password_that_ends_in_a_line_feed_is_told() {
    let file = |entry: &str| format!("data:\n  {entry}: {{ file: secret, sensitive: true }}\n");
    let url = "data:\n  db.txt: { file: secret, sensitive: true }\n  URL: 'postgres://a:{{ data[\"db.txt\"] | urlencode }}@db'\n";
    for (name, base, text, is_told) in [
        ("a variable", file("PASSWORD"), "hunter2\n", true),
        ("of Windows", file("PASSWORD"), "hunter2\r\n", true),
        ("a part of a URL", url.to_owned(), "hunter2\n", true),
        ("without", file("PASSWORD"), "hunter2", false),
        ("a file that is mounted", file("password.txt"), "hunter2\n", false),
        ("several lines", file("HTPASSWD"), "a:b\nc:d\n", false),
        ("a block", "data:\n  PASSWORD:\n    sensitive: true\n    value: |\n      hunter2\n".to_owned(), "", true),
        (
            "a stripped block",
            "data:\n  PASSWORD:\n    sensitive: true\n    value: |-\n      hunter2\n".to_owned(),
            "",
            false,
        ),
        ("no secret", "data:\n  VERSION: { file: secret }\n".to_owned(), "1.2\n", false),
    ] {
        let found = told("trailing-line-feed", &[("base.yaml", &base), ("secret", text)]);
        assert_eq!(!found.is_empty(), is_told, "{name}: {found:?}");
    }
}

#[test]
fn line_ends_of_windows_are_told_in_files_for_others() {
    for (entry, text, is_told) in [
        ("run.sh", "#!/bin/sh\r\necho a\r\n", true),
        ("app.ini", "a=1\r\n", true),
        ("run.sh", "#!/bin/sh\necho a\n", false),
        ("run.ps1", "echo a\r\n", false),
        ("mail.eml", "To: a\r\n\r\n", false),
    ] {
        let base = format!("data:\n  {entry}: {{ file: f }}\n");
        let found = told("carriage-return", &[("base.yaml", &base), ("f", text)]);
        assert_eq!(!found.is_empty(), is_told, "{entry}: {text:?}");
    }
}

#[test]
fn quotes_that_yaml_does_not_know_are_told() {
    for (value, is_told) in [
        ("“info”", true),
        ("‘info’", true),
        ("„info“", true),
        ("«info»", true),
        ("\"info\"", false),
        ("say “hello” to them", false),
        ("“a” and b", false),
        ("it’s", false),
        ("“info", true),
        ("info”", true),
        ("the boys’", false),
    ] {
        let base = format!("data:\n  A: {value}\n");
        assert_eq!(!told("typographic-quotes", &[("base.yaml", &base)]).is_empty(), is_told, "{value}");
    }
}

#[test]
fn a_character_that_nobody_sees_is_told() {
    for (value, is_told) in [
        ("\"in\u{a0}fo\"", true),
        ("in\u{200b}fo", true),
        ("in\u{2060}fo", true),
        ("'in\u{feff}fo'", true),
        ("a\u{ad}b", true),
        ("a\u{3000}b", true),
        ("\"in\\u00A0fo\"", false),
        ("« déjà\u{a0}»", false),
        ("क्\u{200d}ष", false),
        ("é\u{200b}x", true),
        ("an ordinary space", false),
    ] {
        let base = format!("data:\n  A: {value}\n");
        assert_eq!(!told("invisible-character", &[("base.yaml", &base)]).is_empty(), is_told, "{value:?}");
    }
    for (entry, text, is_told) in
        [("app.ini", "\u{feff}a=1\n", true), ("a.csv", "\u{feff}a\n", false), ("app.txt", "a\u{a0}b\n", false)]
    {
        let base = format!("data:\n  {entry}: {{ file: f }}\n");
        let found = told("invisible-character", &[("base.yaml", &base), ("f", text)]);
        assert_eq!(!found.is_empty(), is_told, "{entry}: {text:?}");
    }
}

#[test]
fn the_name_of_a_key_in_single_braces_is_told() {
    for (value, is_told) in [
        ("'http://{HOST}/x'", true),
        ("'http://{ HOST }/x'", true),
        ("'http://{data.HOST}/x'", true),
        ("'http://{{ data.HOST }}/x'", false),
        ("'http://${HOST}/x'", false),
        ("'{$HOST}'", false),
        ("'/users/{id}'", false),
        ("'{A}'", false),
        ("'http://{vars.domain}/x'", true),
        ("'{vars.other}'", false),
        ("'{env.name}.example.com'", true),
        ("'{app.name}'", true),
        ("'{bundles.more.KEY}'", true),
        ("'{bundles.more.NONE}'", false),
        ("{ value: 'http://{HOST}/x', template: false }", false),
    ] {
        let base = format!(
            "vars: {{ domain: x }}\ndata:\n  HOST: db\n  A: {value}\nbundles: {{ more: {{ data: {{ KEY: x }} }} }}\n"
        );
        assert_eq!(!told("single-braces", &[("base.yaml", &base)]).is_empty(), is_told, "{value}");
    }
}

const WORKLOAD: &str = "kind: Deployment
apiVersion: apps/v1
metadata: { name: web }
spec:
  selector: { matchLabels: { a: b } }
  template:
    metadata: { labels: { a: b } ANNOTATIONS }
    spec:
      SECURITY
      containers:
      - name: web
        image: web
        CONTAINER
      VOLUMES
";

fn workload(annotations: &str, security: &str, container: &str, volumes: &str) -> String {
    let parts = [("ANNOTATIONS", annotations), ("SECURITY", security), ("CONTAINER", container), ("VOLUMES", volumes)];
    parts.iter().fold(WORKLOAD.to_owned(), |text, (name, part)| text.replace(name, part))
}

#[test]
fn a_secret_that_its_container_cannot_read_is_told() {
    let base =
        "bundles: { s: { data: { PASSWORD: { sensitive: true, value: '{{ env.name }}' } } } }\nmanifests: [w/w.yaml]\n";
    let mount = "volumeMounts: [{ name: v, mountPath: /x }]";
    let volume = |mode: &str| format!("volumes: [{{ name: v, secret: {{ secretName: s{mode} }} }}]");
    let projected = "volumes: [{ name: v, projected: { defaultMode: 0400, sources: [{ secret: { name: s } }] } }]";
    let item = "volumes: [{ name: v, secret: { secretName: s, items: [{ key: PASSWORD, path: p, mode: 256 }] } }]";
    let other = "securityContext: { runAsUser: 1000 }";
    let grouped = "securityContext: { runAsUser: 1000, fsGroup: 1000 }";
    for (name, annotations, security, container, volumes, is_told) in [
        ("one", "", other, mount, &volume(", defaultMode: 0400")[..], true),
        ("not root", "", "securityContext: { runAsNonRoot: true }", mount, &volume(", defaultMode: 256"), true),
        ("projected", "", other, mount, projected, true),
        ("an item", "", other, mount, item, true),
        ("wired", ", annotations: { septum.dev/mount: 's:/x' }", other, "", "", true),
        ("by the container", "", "", &format!("{mount}\n        {other}"), &volume(", defaultMode: 0400"), true),
        ("with a group", "", grouped, mount, &volume(", defaultMode: 0400"), false),
        ("wired with a group", ", annotations: { septum.dev/mount: 's:/x' }", grouped, "", "", false),
        ("for all", "", other, mount, &volume(", defaultMode: 0444"), false),
        ("by default", "", other, mount, &volume(""), false),
        ("root", "", "securityContext: { runAsUser: 0 }", mount, &volume(", defaultMode: 0400"), false),
        ("who knows", "", "", mount, &volume(", defaultMode: 0400"), false),
        ("nobody mounts it", "", other, "", &volume(", defaultMode: 0400"), false),
    ] {
        let text = workload(annotations, security, container, volumes);
        let found = told("unreadable-mount", &[("base.yaml", base), ("w/w.yaml", &text)]);
        assert_eq!(!found.is_empty(), is_told, "{name}: {text}");
    }
}

#[test]
fn a_variable_that_hides_another_is_told() {
    let base = "bundles: { a: { data: { HOST: x, PORT: y } }, b: { data: { HOST: z } }, c: { data: { OTHER: z } } }\nmanifests: [w/w.yaml]\n";
    for (annotations, container, is_told) in [
        (", annotations: { septum.dev/env-from: 'a, b' }", "", true),
        ("", "envFrom: [{ configMapRef: { name: a } }, { configMapRef: { name: b } }]", true),
        ("", "envFrom: [{ configMapRef: { name: a } }, { configMapRef: { name: b }, prefix: B_ }]", false),
        ("", "envFrom: [{ configMapRef: { name: a } }, { configMapRef: { name: a } }]", false),
        (", annotations: { septum.dev/env-from: 'a, c' }", "", false),
    ] {
        let text = workload(annotations, "", container, "");
        let found = told("shadowed-variable", &[("base.yaml", base), ("w/w.yaml", &text)]);
        assert_eq!(!found.is_empty(), is_told, "{annotations}{container}: {found:?}");
    }
}

#[test]
fn variables_of_one_half_of_a_bundle_are_told() {
    let base = "bundles: { a: { data: { HOST: x, PASSWORD: { sensitive: true, value: '{{ env.name }}' } } }, b: { data: { OTHER: z } } }\nmanifests: [w/w.yaml]\n";
    let one = "envFrom: [{ configMapRef: { name: a } }]";
    let both = "envFrom: [{ configMapRef: { name: a } }, { secretRef: { name: a } }]";
    let key = "env: [{ name: P, valueFrom: { secretKeyRef: { name: a, key: PASSWORD } } }]";
    let volume = "volumes: [{ name: v, secret: { secretName: a } }]";
    for (annotations, container, volumes, count) in [
        ("", one, "", 1),
        ("", "envFrom: [{ secretRef: { name: a } }]", "", 1),
        ("", "envFrom: [{ configMapRef: { name: a } }, { configMapRef: { name: a }, prefix: A_ }]", "", 1),
        ("", both, "", 0),
        ("", &format!("{one}\n        {key}")[..], "", 0),
        ("", one, volume, 0),
        ("", "envFrom: [{ configMapRef: { name: b } }]", "", 0),
        ("", key, "", 0),
        ("", "", volume, 0),
        (", annotations: { septum.dev/env-from: a }", "", "", 0),
        // each container has an environment of its own
        ("", &format!("{one}\n      - name: two\n        image: nginx\n        {one}"), "", 2),
        ("", &format!("{both}\n      - name: two\n        image: nginx\n        {one}"), "", 1),
        ("", &format!("{one}\n      - name: two\n        image: nginx\n        {key}"), "", 1),
        ("", &format!("{one}\n      - name: two\n        image: nginx\n        {one}"), volume, 0),
    ] {
        let text = workload(annotations, "", container, volumes);
        let found = told("half-bundle", &[("base.yaml", base), ("w/w.yaml", &text)]);
        assert_eq!(found.len(), count, "{annotations}{container}{volumes}: {found:?}");
    }
}

/// Wiring is for pods: a `ServiceAccount` can only name the other Secret, too.
#[test]
fn half_a_bundle_is_wired_only_where_that_is_possible() {
    let base = "app: web\ndata: { TOKEN: { ref: shop/key }, KNOWN: { sensitive: true, value: '{{ env.name }}' } }\nnamespace: shop\ndelivery: { refs: external-secret, store: vault }\nmanifests: [w/*.yaml]\n";
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web }\nsecrets: [{ name: web }]\n";
    let pod = workload(
        "",
        "",
        "envFrom: [{ secretRef: { name: web } }]",
        "volumes: [{ name: v, secret: { secretName: web } }]",
    );
    let project = Sandbox::of(base, "").file("w/account.yaml", account).file("w/pod.yaml", &pod);
    record(&project.run(&["check"]).stdout);
}

#[test]
fn a_key_that_moves_to_a_secret_that_nothing_reads_is_told() {
    let base = "app: web\ndata: { HOST: x, PORT: 80 }\nmanifests: [w/w.yaml]\n";
    let text = workload("", "", "envFrom: [{ configMapRef: { name: web } }]", "");
    let project = Sandbox::of(base, "").file("w/w.yaml", &text);
    project.run(&["check"]).succeeds();
    let project = project.file("base.yaml", base.replace("PORT: 80", "PORT: { value: '{{ 80 }}', sensitive: true }"));
    project.run(&["render", "dev"]).record();
    let container =
        |name: &str, from: &str| format!("{{ name: {name}, image: i, envFrom: [{{ {from}: {{ name: web }} }}] }}");
    let containers = [container("a", "configMapRef"), container("b", "secretRef")].join(", ");
    let pod = format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: web }}\nspec: {{ containers: [{containers}] }}\n");
    project.file("w/w.yaml", pod).run(&["render", "dev"]).record();
}

#[test]
fn a_docker_config_without_credentials_is_told() {
    let base = |json: &str| {
        format!(
            "bundles:\n  r:\n    type: kubernetes.io/dockerconfigjson\n    data:\n      .dockerconfigjson: {{ required: true, value: '{json}' }}\n"
        )
    };
    for (json, is_told) in [
        (r#"{"auths":{"ghcr.io":{}}}"#, true),
        (r#"{"auths":{"ghcr.io":{"auth":""}}}"#, true),
        (r#"{"auths":{"ghcr.io":{"username":"a"}}}"#, true),
        (r#"{"auths":{"ghcr.io":null}}"#, true),
        (r#"{"auths":{"ghcr.io":{"auth":"YTpiY2Q="}}}"#, false),
        (r#"{"auths":{"a":{},"ghcr.io":{"username":"a","password":"bcd"}}}"#, false),
        (r#"{"auths":{"ghcr.io":{"username":"a","password":"bcd","auth":"YTpiY2Q="}}}"#, false),
        (r#"{"auths":{"ghcr.io":{"username":"a","auth":"YTpiY2Q="}}}"#, false),
        (r#"{"auths":{"ghcr.io":{"username":"b","password":"bcd","auth":"YTpiY2Q="}}}"#, true),
        (r#"{"auths":{"ghcr.io":{"username":"a","password":"xyz","auth":"YTpiY2Q="}}}"#, true),
        (r#"{"auths":{"ghcr.io":{"auth":"a:bcd"}}}"#, true),
        (r#"{"auths":{"ghcr.io":{"auth":"YWJjZA=="}}}"#, true),
    ] {
        assert_eq!(!told("typed-secret", &[("base.yaml", &base(json))]).is_empty(), is_told, "{json}");
    }
}

#[test]
fn a_secret_that_production_shares_is_told_and_its_value_is_not() {
    let base = "data:\n  DATABASE_PASSWORD: { sensitive: true }\n  STRIPE_WEBHOOK_SECRET: { sensitive: true }\n";
    let project = |other: &str| {
        let project = Sandbox::new([("base.yaml", base), (&format!("{other}.yaml"), ""), ("prod.yaml", "")]);
        project.file(&format!("{other}.secrets.yaml"), ENCRYPTED).file("prod.secrets.yaml", ENCRYPTED)
    };
    let shared = |project: &Sandbox| -> Vec<String> {
        let all = findings(&project.run_with_key(&["check", "--format", "json"]));
        all.into_iter().filter(|finding| finding.starts_with("shared-secret")).collect()
    };
    assert_eq!(shared(&project("dev")).len(), 2);
    assert_eq!(shared(&project("prod-eu")), [""; 0], "both are production");
    // one that a promotion copies is shared on purpose, unless another rule forbids it
    let rule = "data:\n  DATABASE_PASSWORD: { sensitive: true, promote: always }\n  STRIPE_WEBHOOK_SECRET: { sensitive: true, promote: never }\n";
    assert_eq!(shared(&project("dev").file("base.yaml", rule)).len(), 1);
    let never = "data: { DATABASE_PASSWORD: { promote: never } }\n";
    assert_eq!(shared(&project("dev").file("base.yaml", rule).file("dev.yaml", never)).len(), 2);
    // one that both take from one layer is shared on purpose
    let both =
        Sandbox::new([("base.yaml", base), ("dev.yaml", ""), ("prod.yaml", "")]).file("base.secrets.yaml", ENCRYPTED);
    assert_eq!(shared(&both), [""; 0]);
    // without a key, nobody knows
    let closed = findings(&project("dev").run(&["check", "--keyless", "--format", "json"]));
    assert!(!closed.iter().any(|finding| finding.starts_with("shared-secret")), "{closed:?}");
    let values = project("dev").run_with_key(&["get", "prod", "DATABASE_PASSWORD"]).ok();
    let run = project("dev").run_with_key(&["check"]);
    record(&run.stdout);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains(values.trim()));
}

#[test]
fn a_project_without_mistakes_has_none_of_these() {
    assert_all(&[(
        "nothing",
        &[("base.yaml", "data: { A: \"it’s {fine}\", B: '' , run.sh: { file: r } }"), ("r", "#!/bin/sh\n")],
        &[],
    )]);
}

#[test]
fn an_immutable_object_that_keeps_its_name_is_told_once() {
    for (base, count) in [
        ("immutable: true\ndata: { A: b }\n", 1),
        ("names: hashed\nimmutable: true\ndata: { A: b }\n", 0),
        ("immutable: true\ndata: { A: b }\nbundles: { x: { immutable: false, data: { C: d } } }\n", 1),
        ("data: { A: b }\nbundles: { x: { immutable: true, data: { C: d } } }\n", 1),
        ("immutable: false\ndata: { A: b }\n", 0),
    ] {
        let found = told("immutable-name", &[("base.yaml", base), ("prod.yaml", "")]);
        assert_eq!(found.len(), count, "{base}: {found:?}");
    }
    record(&Sandbox::of("immutable: true\ndata: { A: b }\n", "").run(&["check"]).stdout);
}

#[test]
fn a_secret_among_the_manifests_is_not_in_plaintext() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\n";
    let base = "manifests: [m/*.yaml]\nvars: { a: b }\n";
    for (rest, count) in [
        ("stringData: { A: encrypted-value-77 }\n", 1),
        ("stringData: { FOO: barbaz12, BAR: other }\n", 1),
        ("data: { FOO: YmFyYmF6MTI= }\n", 1),
        ("stringData: { A: '' }\n", 0),
        ("stringData: { A: '{{ vars.a }}' }\n", 0),
        // reported as a credential
        ("stringData: { FOO: barbaz12, PASSWORD: correct-horse-7 }\n", 0),
    ] {
        let found = told("plaintext-manifest", &[("base.yaml", base), ("m/s.yaml", &format!("{secret}{rest}"))]);
        assert_eq!(found.len(), count, "{rest}: {found:?}");
    }
    for rest in ["stringData: { FOO: barbaz12 }\n", "stringData: { PASSWORD: correct-horse-7 }\n"] {
        record(&Sandbox::of(base, "").file("m/s.yaml", format!("{secret}{rest}")).run(&["check"]).stdout);
    }
}

#[test]
fn the_argument_after_an_option_is_judged_by_its_name() {
    for (arguments, count) in [
        ("[--db-password, correct-horse-7]", 1),
        ("[run, --token-ttl, 15m, --password-file, /run/x, --password, --verbose]", 0),
        ("[--password, $(DB_PASSWORD)]", 0),
    ] {
        for field in ["args", "command"] {
            let pod = format!("spec: {{ containers: [{{ name: a, image: b, {field}: {arguments} }}] }}\n");
            let manifest = format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: a }}\n{pod}");
            let found = told("plaintext-secret", &[("base.yaml", "manifests: [m/*.yaml]\n"), ("m/a.yaml", &manifest)]);
            assert_eq!(found.len(), count, "{field}: {arguments}: {found:?}");
        }
    }
}

#[test]
fn what_a_patch_adds_to_a_secret_is_not_in_plaintext() {
    let secret = ("m/s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: {}\n");
    for (target, operation, rule) in [
        ("kind: Secret", "path: /stringData/PASSWORD, value: correct-horse-7", "plaintext-secret"),
        ("kind: Secret", "path: /stringData, value: { PASSWORD: correct-horse-7 }", "plaintext-secret"),
        ("kind: Secret", "path: /data, value: { PASSWORD: Y29ycmVjdC1ob3JzZS03 }", "plaintext-secret"),
        ("kind: 'Secret|ConfigMap'", "path: /stringData/PASSWORD, value: correct-horse-7", "plaintext-secret"),
        ("name: s", "path: /stringData/PASSWORD, value: correct-horse-7", "plaintext-secret"),
        (
            "name: s",
            "path: '', value: { apiVersion: v1, kind: Secret, metadata: { name: s }, stringData: { PASSWORD: correct-horse-7 } }",
            "plaintext-secret",
        ),
        ("kind: Secret", "path: /stringData/FOO, value: barbaz12", "plaintext-manifest"),
        ("kind: Secret", "path: /data, value: { FOO: YmFyYmF6MTI= }", "plaintext-manifest"),
        ("kind: Secret", "path: /stringData/PASSWORD, value: '{{ vars.a }}'", ""),
        ("kind: Secret", "path: /metadata/labels, value: { a: b }", ""),
    ] {
        let patch = format!("- target: {{ {target} }}\n  patch:\n  - {{ op: add, {operation} }}\n");
        let base = format!("manifests: [m/*.yaml]\nvars: {{ a: b }}\npatches:\n{patch}");
        for known in ["plaintext-secret", "plaintext-manifest"] {
            let found = told(known, &[("base.yaml", base.as_str()), secret]);
            assert_eq!(found.len(), usize::from(known == rule), "{target} {operation}: {found:?}");
        }
        record(&Sandbox::of(&base, "").file(secret.0, secret.1).run(&["check"]).stdout);
    }
}

/// A command in a message works as it is pasted, and runs nothing that a name says.
#[test]
fn a_file_in_a_command_is_one_word() {
    let project = Sandbox::with_identities();
    project.rules("creation_rules: [{path_regex: '^vault/', age: ALICE}]");
    project.write("base.yaml", "app: shop\n");
    project.write("dev.yaml", "");
    project.write("vault/a b.yaml", "A: x\n");
    project.write("vault/$(touch ran).yaml", "A: x\n");
    project.write("vault/it's.yaml", "A: x\n");
    let run = project.run(&["check", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let helps = found["findings"].as_array().unwrap().iter().filter_map(|finding| finding["help"].as_str());
    let commands: Vec<_> = helps.filter_map(|help| help.split('`').nth(1)).map(str::to_owned).collect();
    assert_eq!(commands.len(), 3, "{found}");
    for command in commands {
        let words = command.strip_prefix("septum ").unwrap();
        let program = project.command(&[]).get_program().to_owned();
        let mut shell = project.command(&[]);
        shell = {
            let mut sh = std::process::Command::new("sh");
            sh.current_dir(project.root()).args(["-c", &format!("\"$SEPTUM\" {words}")]).env("SEPTUM", program);
            sh.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
            sh
        };
        assert!(shell.output().unwrap().status.success(), "{command}");
    }
    assert!(!project.path("ran").exists());
    assert_eq!(project.run(&["check"]).code, 0);
}
