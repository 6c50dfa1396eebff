//! Secrets of a type: what each needs, what is refused, and in which bytes logins are written.
//!
//! The keys in `tests/vectors/tls` are throwaway keys that nothing trusts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::objects::{Objects, pairs, text};
use crate::support::peers::peer;
use crate::support::samples::repository;
use crate::support::sandbox::{Run, Sandbox, run};

/// A bundle `b` of a type, with entries as its layer has them.
fn bundle(kind: &str, rest: &str) -> String {
    format!("bundles:\n  b:\n    type: {kind}\n{rest}")
}

fn render(base: &str, dev: &str) -> Run {
    Sandbox::of(base, dev).run(&["render", "dev"])
}

/// The number of warnings of a run, which are recorded.
#[track_caller]
fn warned(run: &Run) -> usize {
    assert_eq!(run.code, 0, "{}", run.stderr);
    count(run, "warning: ")
}

/// The number of errors of a run that is refused, which are recorded.
#[track_caller]
fn errors(run: &Run) -> usize {
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    count(run, "error: ")
}

#[track_caller]
fn count(run: &Run, severity: &str) -> usize {
    if !run.stderr.is_empty() {
        run.record();
    }
    run.stderr.lines().filter(|line| line.starts_with(severity)).count()
}

#[test]
fn each_type_has_keys_that_it_needs() {
    for base in [
        bundle("kubernetes.io/tls", "    data: { tls.crt: x }\n"),
        bundle("kubernetes.io/basic-auth", "    data: { user: x }\n"),
        bundle("kubernetes.io/ssh-auth", "    data: { ssh-publickey: x }\n"),
        bundle("kubernetes.io/ssh-auth", "    data: { ssh-privatekey: \"\" }\n"),
        bundle("kubernetes.io/dockercfg", ""),
        bundle("kubernetes.io/service-account-token", ""),
        bundle("kubernetes.io/service-account-token", "    annotations: { kubernetes.io/service-account.name: A_b }\n"),
        bundle("kubernetes.io/basic-auth", "    data: { password: { value: x, sensitive: false, reason: r } }\n"),
        bundle("kubernetes.io/tls", "    data: { tls.crt: { value: '', sensitive: false }, tls.key: '' }\n"),
    ] {
        let run = render(&base, "");
        assert!(errors(&run) > 0, "{base}");
        assert!(run.stderr.contains(" --> base.yaml:"), "{}", run.stderr);
    }
}

#[test]
fn a_required_key_without_a_value_is_told_of_once() {
    let base = bundle("kubernetes.io/tls", "    data: { tls.crt: x, tls.key: { required: true } }\n");
    let run = render(&base, "");
    assert_eq!(errors(&run), 2);
}

#[test]
fn an_environment_without_any_value_has_no_secret_of_the_type() {
    let base = bundle("kubernetes.io/tls", "    data: { tls.crt: {}, tls.key: {} }\n");
    assert_eq!(render(&base, "").ok(), "");
    let half = render(&base, "bundles: { b: { data: { tls.key: '' } } }\n");
    assert!(errors(&half) > 0);
}

#[test]
fn the_token_of_a_service_account_is_a_secret_without_entries() {
    let base = bundle(
        "kubernetes.io/service-account-token",
        "    annotations: { kubernetes.io/service-account.name: robot }\n    labels: { use: ci }\n",
    );
    let base = format!("labels: {{ use: app, team: shop }}\nannotations: {{ note: x }}\ndata: {{ A: a }}\n{base}");
    let objects = render(&base, "").objects();
    let [config, secret] = objects.0.as_slice() else { panic!("{objects:?}") };
    assert_eq!((config["metadata"]["labels"]["use"].as_str(), secret["data"].as_object()), (Some("app"), None));
    assert_eq!(secret["type"], "kubernetes.io/service-account-token");
    let metadata = serde_json::json!({
        "name": "b",
        "annotations": { "kubernetes.io/service-account.name": "robot", "note": "x" },
        "labels": {
            "app.kubernetes.io/managed-by": "septum", "app.kubernetes.io/name": "app", "team": "shop", "use": "ci"
        },
    });
    assert_eq!(secret["metadata"], metadata);
    // whose token it is may differ between environments
    let dev = "bundles: { b: { annotations: { kubernetes.io/service-account.name: dev, more: y }, labels: { use: null } } }\n";
    let objects = render(&base, dev).objects();
    let annotations = objects.0[1]["metadata"]["annotations"].as_object().unwrap().clone();
    assert_eq!(annotations["kubernetes.io/service-account.name"], "dev");
    assert_eq!((annotations.len(), objects.0[1]["metadata"]["labels"]["use"].as_str()), (3, Some("app")));
}

#[test]
fn secrets_that_are_found_by_name_or_filled_in_keep_their_names() {
    let base = "
namespace: kube-system
names: kustomize
data: { A: a }
manifests: [\"workloads/*.yaml\"]
bundles:
  robot:
    type: kubernetes.io/service-account-token
    annotations: { kubernetes.io/service-account.name: robot }
  bootstrap-token-07401b:
    type: bootstrap.kubernetes.io/token
    data: { token-id: 07401b, token-secret: { value: f395accd246ae52d } }
  pull:
    registries: { ghcr.io: { username: a, password: b } }
";
    // what the cluster fills in can be referred to
    let pod = "
apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  containers:
    - name: c
      image: c
      env: [{ name: TOKEN, valueFrom: { secretKeyRef: { name: robot, key: token } } }]
";
    let objects = Sandbox::of(base, "").file("workloads/pod.yaml", pod).dev();
    let secrets: Vec<_> = objects.0.iter().filter(|object| object["kind"] == "Secret").collect();
    let named: Vec<_> =
        secrets.iter().map(|object| (text(&object["metadata"]["name"]), object["immutable"] == true)).collect();
    let [("bootstrap-token-07401b", false), (pull, true), ("robot", false)] = named[..] else { panic!("{named:?}") };
    assert!(pull.starts_with("pull-"), "{pull}");
    let pod = objects.0.iter().find(|object| object["kind"] == "Pod").unwrap();
    assert_eq!(pod["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"], "robot");
}

#[test]
fn a_bootstrap_token_is_one_that_nodes_can_join_with() {
    let token = |namespace: &str, id: &str, rest: &str| {
        format!(
            "{namespace}\nbundles:\n  bootstrap-token-07401b:\n    type: bootstrap.kubernetes.io/token\n    data:\n      \
             token-id: {id}\n      token-secret: {{ value: f395accd246ae52d }}\n{rest}"
        )
    };
    let whole = "      expiration: 2030-03-10T03:22:11Z\n      usage-bootstrap-signing: \"true\"\n      \
                 auth-extra-groups: system:bootstrappers:worker,system:bootstrappers:a:b\n";
    let fine = render(&token("namespace: kube-system", "07401b", whole), "");
    assert_eq!(warned(&fine), 0);
    let nowhere = render(&token("", "07401b", ""), "");
    assert_eq!(warned(&nowhere), 1);
    for (namespace, id, rest) in [
        ("kube-system", "07401c", ""),
        ("kube-system", "07401", ""),
        ("kube-system", "07401b", "      expiration: tomorrow\n"),
        ("kube-system", "07401b", "      usage-bootstrap-signing: yes\n"),
        ("kube-system", "07401b", "      auth-extra-groups: system:masters\n"),
        ("shop", "07401b", ""),
    ] {
        let run = render(&token(&format!("namespace: {namespace}"), id, rest), "");
        assert_eq!(errors(&run), 1, "{rest}");
    }
}

#[test]
fn a_ready_made_docker_file_is_a_json_object_and_never_shown() {
    let hidden = "canary4711";
    for (kind, value) in [
        ("dockerconfigjson", "[\"canary4711\"]"),
        ("dockerconfigjson", "\"canary4711\""),
        ("dockerconfigjson", "{\"auths\": canary4711}"),
        ("dockercfg", "{canary4711}"),
        ("dockercfg", ""),
    ] {
        let entries = format!("    data: {{ .{kind}: '{value}' }}\n");
        let run = render(&bundle(&format!("kubernetes.io/{kind}"), &entries), "");
        assert_eq!(errors(&run), 1, "{value}");
        assert!(!run.stderr.contains(hidden), "{}", run.stderr);
    }
    for (kind, value) in [("dockerconfigjson", "{}"), ("dockercfg", "null")] {
        let entries = format!("    data: {{ .{kind}: '{value}' }}\n");
        assert_eq!(warned(&render(&bundle(&format!("kubernetes.io/{kind}"), &entries), "")), 1);
    }
}

#[test]
fn credentials_that_the_kubelet_cannot_read_are_warned_about_and_never_shown() {
    for (login, warnings) in [
        // `canary4711:x`
        ("{\"auth\": \"Y2FuYXJ5NDcxMTp4\"}", 0),
        ("{\"auth\": \"Y2FuYXJ5NDcxMTp4\", \"username\": null}", 0),
        ("{\"username\": \"canary4711\", \"password\": \"canary4711\"}", 0),
        ("{\"auth\": \"Y2FuYXJ5NDcxMTp4\", \"password\": \"canary4711\"}", 1),
        ("{\"auth\": \"canary4711!\"}", 1),
        ("{\"auth\": \"Y2FuYXJ5NDcxMQ==\"}", 1),
        ("{\"auth\": 4711}", 1),
        ("{\"auth\": -4711}", 1),
        ("{\"auth\": 47.11}", 1),
        ("{\"auth\": true}", 1),
        ("{\"auth\": [\"canary4711\"]}", 1),
        ("{\"auth\": {\"canary4711\": 1}}", 1),
        ("{\"username\": \"canary4711\", \"password\": 4711}", 1),
        ("{\"auth\": \"Y2FuYXJ5NDcxMTp4\", \"username\": 4711}", 1),
        ("{\"auth\": null}", 1),
        ("[]", 1),
        ("\"canary4711\"", 1),
    ] {
        let entries = format!("    data: {{ .dockerconfigjson: '{{\"auths\": {{\"r.example\": {login}}}}}' }}\n");
        let run = render(&bundle("kubernetes.io/dockerconfigjson", &entries), "");
        assert_eq!(warned(&run), warnings, "{login}: {}", run.stderr);
        assert!(!run.stderr.contains("4711") && !run.stderr.contains("47.11"), "{}", run.stderr);
    }
}

/// A base with logins to two registries, one of them computed from a secret.
const LOGINS: &str = "
data: { TOKEN: { value: t0ken, sensitive: true }, USER: robot }
bundles:
  pull:
    registries:
      quay.io: { username: \"{{ data.USER }}\", password: \"{{ data.TOKEN }}-x\" }
      docker.io: { username: 0123, password: 1.10, email: yes }
";

#[test]
fn registries_become_one_secret_to_pull_images_with() {
    let project = Sandbox::of(LOGINS, "");
    let objects = project.dev();
    let expected = r#"{"auths":{"https://index.docker.io/v1/":{"username":"0123","password":"1.10","email":"yes","auth":"MDEyMzoxLjEw"},"quay.io":{"username":"robot","password":"t0ken-x","auth":"cm9ib3Q6dDBrZW4teA=="}}}"#;
    assert_eq!(objects.texts("Secret/pull"), pairs([(".dockerconfigjson", expected)]));
    let secret = objects.0.iter().find(|object| object["metadata"]["name"] == "pull").unwrap();
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    // the older form has no `auths` around it
    let older = LOGINS.replace("    registries:", "    type: kubernetes.io/dockercfg\n    registries:");
    let inner = expected.strip_prefix("{\"auths\":").unwrap().strip_suffix('}').unwrap();
    assert_eq!(Sandbox::of(&older, "").dev().texts("Secret/pull"), pairs([(".dockercfg", inner)]));
}

#[test]
fn registries_merge_by_server_and_field_across_layers() {
    let dev = "
bundles:
  pull:
    registries:
      quay.io: { password: other }
      docker.io: { email: null }
      ghcr.io: { username: a, password: b }
";
    let text = |dev: &str| Sandbox::of(LOGINS, dev).dev().texts("Secret/pull")[".dockerconfigjson"].clone();
    let auths = |dev: &str| -> serde_json::Value { serde_json::from_str(&text(dev)).unwrap() };
    let expected = serde_json::json!({ "auths": {
        "ghcr.io": { "username": "a", "password": "b", "auth": "YTpi" },
        "https://index.docker.io/v1/": { "username": "0123", "password": "1.10", "auth": "MDEyMzoxLjEw" },
        "quay.io": { "username": "robot", "password": "other", "auth": "cm9ib3Q6b3RoZXI=" },
    }});
    assert_eq!(auths(dev), expected);
    let without = auths("bundles: { pull: { registries: { docker.io: ~ } } }\n");
    assert_eq!(without["auths"].as_object().unwrap().keys().collect::<Vec<_>>(), ["quay.io"]);
    // nothing left, nothing written
    let none = "bundles: { pull: { registries: { docker.io: null, quay.io: null } } }\n";
    let project = Sandbox::of(LOGINS, none).file("prod.yaml", "");
    assert_eq!(project.dev().texts("Secret/pull").len(), 0);
    // it was removed, and is not missing
    let found = project.run(&["explain", "dev", ".dockerconfigjson", "--format", "json"]).json();
    assert_eq!(found["environments"]["dev"]["state"], "removed");
    assert!(!project.run(&["check"]).stdout.contains("missing-environment"));
    // a type defines the key by itself
    let base = bundle("kubernetes.io/dockerconfigjson", "");
    let dev = "bundles: { b: { registries: { ghcr.io: { username: a, password: b } } } }\n";
    assert_eq!(Sandbox::of(&base, dev).dev().texts("Secret/b").len(), 1);
}

#[test]
fn logins_are_tracked_like_any_entry() {
    let project = Sandbox::of(LOGINS, "bundles: { pull: { registries: { quay.io: { password: other } } } }\n");
    let found = project.run(&["explain", "dev", ".dockerconfigjson", "--format", "json"]).json();
    let changes: Vec<_> = found["history"].as_array().unwrap().iter().map(|step| text(&step["change"])).collect();
    assert_eq!(changes, ["registries", "merged"]);
    assert_eq!((found["object"]["kind"].as_str(), found["sensitive"].as_bool()), (Some("Secret"), Some(true)));
    assert_eq!(found["uses"], serde_json::json!(["data.USER"]));
    let base = project.run(&["explain", "dev", ".dockerconfigjson"]).ok();
    assert!(!base.contains("other") && !base.contains("t0ken"), "{base}");
}

#[test]
fn logins_of_encrypted_values_need_no_key_to_be_explained() {
    let directory = repository().join("examples/typed-secrets");
    for (key, expected) in [(".dockerconfigjson", "\nvalue\n  [secret]\n"), ("tls.key", "\nvalue\n  [secret]\n")] {
        let text = run(&directory, &["explain", "prod", key], &[]).ok();
        assert!(text.contains(expected), "{text}");
    }
    // and a layer may give one whose leaf is itself encrypted
    let secrets = include_str!("../../vectors/registries.enc.yaml");
    let base = "bundles: { pull: { registries: { ghcr.io: { username: robot } } } }\n";
    let project = Sandbox::new([("base.yaml", base), ("prod.yaml", ""), ("prod.secrets.yaml", secrets)]);
    assert!(project.run(&["explain", "prod", ".dockerconfigjson"]).ok().contains("  [secret]\n"));
    let found = project.run_with_key(&["render", "prod"]).objects().texts("Secret/pull");
    let expected =
        r#"{"auths":{"ghcr.io":{"username":"robot","password":"dummy-4711","auth":"cm9ib3Q6ZHVtbXktNDcxMQ=="}}}"#;
    assert_eq!(found, pairs([(".dockerconfigjson", expected)]));
}

#[test]
fn registries_that_say_something_else_are_refused() {
    let base = |registries: &str| format!("bundles:\n  b:\n    registries: {registries}\n");
    let with = |rest: &str| format!("bundles:\n  b:\n    registries: {{ r: {{ username: u, password: p }} }}\n{rest}");
    for base in [
        base("{ ghcr.io: { username: u } }"),
        base("{ ghcr.io: { password: p } }"),
        base("{ ghcr.io: { username: u, password: '' } }"),
        base("{ ghcr.io: { user: u, password: p } }"),
        base("{ ghcr.io: { username: [u], password: p } }"),
        base("{ ghcr.io: { username: u, password: } }"),
        base("{ ghcr.io: token }"),
        base("[ghcr.io]"),
        base("{ a b: { username: u, password: p } }"),
        base(
            "{ docker.io: { username: u, password: p }, \"https://index.docker.io/v1/\": { username: u, password: p } }",
        ),
        with("    data: { .dockerconfigjson: '{}' }\n    type: kubernetes.io/dockerconfigjson\n"),
        with("    type: kubernetes.io/tls\n"),
        with("    type: Opaque\n"),
        with("    data: { A: x }\n"),
    ] {
        let run = render(&base, "");
        assert!(errors(&run) > 0, "{base}");
        assert!(run.stderr.contains(" --> base.yaml:"), "{}", run.stderr);
    }
    let dev = "bundles: { b: { registries: { r: { username: u, password: p } } } }\n";
    let run = render("bundles: { b: { data: { A: x } } }\n", dev);
    assert_eq!(errors(&run), 1);
}

#[test]
fn logins_have_the_bytes_of_kubectl() {
    let Some(kubectl) = peer("kubectl") else { return };
    for (server, username, password, email) in [
        ("ghcr.io", "robot", "dummy", ""),
        ("docker.io", "robot", "dummy", "ci@example.com"),
        ("https://r.example.com:5000/v2/", "a<b>&c", "é\"\\\u{2028}\u{1}\u{7f}😀", ""),
        ("r.example.com", "0123", "yes", "1.10"),
    ] {
        let server_given = if server == "docker.io" { "https://index.docker.io/v1/" } else { server };
        let output = Command::new(&kubectl)
            .args(["create", "secret", "docker-registry", "b", "--dry-run=client", "-o", "yaml"])
            .args([format!("--docker-server={server_given}"), format!("--docker-username={username}")])
            .args([format!("--docker-password={password}"), format!("--docker-email={email}")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let expected = Objects::read(&String::from_utf8(output.stdout).unwrap());
        let json = |text: &str| serde_json::Value::from(text).to_string().replace('\u{7f}', "\\x7f");
        let login = format!("username: {}, password: {}, email: {}", json(username), json(password), json(email));
        let base = format!("bundles: {{ b: {{ registries: {{ {}: {{ {login} }} }} }} }}\n", json(server));
        let found = Sandbox::of(&base, "").dev();
        assert_eq!(found.bytes("Secret/b"), expected.bytes("Secret/b"), "{server}");
        assert_eq!(found.0[0]["type"], expected.0[0]["type"]);
    }
}

fn vector(name: &str) -> String {
    fs::read_to_string(repository().join("tests/vectors/tls").join(name)).unwrap()
}

/// A project with a certificate and a key in files, and what `render` says to it.
fn tls(certificate: &str, key: &str, arguments: &[&str]) -> Run {
    let base =
        bundle("kubernetes.io/tls", "    data:\n      tls.crt: { file: tls.crt }\n      tls.key: { file: tls.key }\n");
    let project = Sandbox::of(&base, "").file("tls.crt", certificate).file("tls.key", key);
    project.run(&[&["render", "dev"], arguments].concat())
}

const CHAIN: [&str; 3] = ["leaf.crt", "intermediate.crt", "root.crt"];

fn chain(names: &[&str]) -> String {
    names.iter().map(|name| vector(name)).collect()
}

#[test]
fn a_key_is_that_of_the_first_certificate() {
    for (certificate, key, warnings) in [
        ("rsa.crt", "rsa.key", 0),
        ("rsa.crt", "rsa.pkcs1.key", 0),
        ("p256.crt", "p256.key", 0),
        ("p256.crt", "p256.sec1.key", 0),
        ("p256.crt", "p256.bare.key", 0),
        ("p384.crt", "p384.key", 0),
        ("p384.crt", "p384.bare.key", 0),
        ("p521.crt", "p521.key", 0),
        ("ed25519.crt", "ed25519.key", 0),
        ("p521.crt", "p521.bare.key", 1),
        ("ed448.crt", "ed448.key", 1),
    ] {
        let run = tls(&vector(certificate), &vector(key), &[]);
        assert_eq!(warned(&run), warnings, "{certificate} {key}");
    }
    for (certificate, key) in [
        ("rsa.crt", "p256.key"),
        ("p256.crt", "p384.key"),
        ("p256.crt", "rsa.key"),
        ("ed25519.crt", "ed448.key"),
        ("ed448.crt", "ed25519.key"),
        ("leaf.crt", "ed25519.key"),
    ] {
        let run = tls(&vector(certificate), &vector(key), &[]);
        assert_eq!(errors(&run), 1, "{certificate} {key}");
        assert!(run.stderr.contains(" --> base.yaml:6:24"), "{}", run.stderr);
    }
}

#[test]
fn what_is_no_certificate_or_no_key_is_refused() {
    let (certificate, key) = (vector("p256.crt"), vector("p256.key"));
    let damaged = certificate.replacen('M', "N", 1);
    for (crt, private) in [
        ("nothing", &*key),
        (&*key, &*certificate),
        (&damaged, &key),
        (&certificate, "nothing"),
        (&certificate, ""),
        (&certificate, &key.replace("MIG", "MIH")),
        (&certificate, &vector("encrypted.key")),
        (&certificate, &vector("encrypted.pkcs1.key")),
    ] {
        let run = tls(crt, private, &[]);
        assert!(errors(&run) > 0);
        let body: Vec<_> = key.lines().filter(|line| !line.starts_with('-')).collect();
        assert!(body.iter().all(|line| !run.stderr.contains(line)), "{}", run.stderr);
    }
    let empty = tls("", "", &[]);
    assert_eq!(warned(&empty), 1);
}

#[test]
fn a_chain_goes_from_each_certificate_to_its_issuer() {
    let key = vector("p256.key");
    for (names, expected) in [
        (&CHAIN[..], 0),
        (&CHAIN[..2], 0),
        (&["leaf.crt", "root.crt", "intermediate.crt"], 1),
        (&["leaf.crt", "intermediate.crt", "rsa.crt"], 1),
        (&["p256.crt", "leaf.crt"], 1),
    ] {
        let run = tls(&chain(names), &key, &[]);
        assert_eq!(warned(&run), expected, "{names:?}");
    }
}

#[test]
fn expiry_is_a_matter_of_the_day_that_is_named() {
    let (certificates, key) = (chain(&CHAIN[..2]), vector("p256.key"));
    assert_eq!(warned(&tls(&certificates, &key, &[])), 0);
    assert_eq!(warned(&tls(&certificates, &key, &["--at", "2030-01-31"])), 0);
    let late = tls(&certificates, &key, &["--at", "9000-01-01"]);
    assert_eq!(warned(&late), 2);
    let early = tls(&vector("p256.crt"), &key, &["--at", "2000-01-01"]);
    assert_eq!(warned(&early), 1);
    let refused = tls(&certificates, &key, &["--at", "2027-02-30"]);
    refused.record();
    assert!(refused.code == 2, "{}", refused.stderr);
}

fn openssl(program: &Path, directory: &Path, arguments: &str) {
    let output = Command::new(program).current_dir(directory).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What `kubectl create secret tls` says to a pair.
fn kubectl_tls(program: &Path, directory: &Path) -> Output {
    let arguments = "create secret tls b --cert=crt --key=key --dry-run=client -o name";
    Command::new(program).current_dir(directory).args(arguments.split(' ')).output().unwrap()
}

#[test]
fn certificates_that_openssl_makes_are_read_and_kubectl_agrees() {
    let Some(program) = peer("openssl") else { return };
    let kubectl = peer("kubectl");
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let kinds = ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384", "ed25519"];
    let mut other: Option<String> = None;
    for kind in kinds {
        let make = format!("req -x509 -newkey {kind} -nodes -keyout key -out crt -days 2 -subj /CN=x.test.invalid");
        openssl(&program, directory, &make);
        let (certificate, key) = (read("crt"), read("key"));
        assert_eq!(warned(&tls(&certificate, &key, &[])), 0, "{kind}");
        let Some(other) = other.replace(key) else { continue };
        assert_eq!(tls(&certificate, &other, &[]).code, 2, "{kind}");
        let Some(kubectl) = &kubectl else { continue };
        assert!(kubectl_tls(kubectl, directory).status.success(), "{kind}");
        fs::write(directory.join("key"), other).unwrap();
        assert!(!kubectl_tls(kubectl, directory).status.success(), "{kind}");
    }
}

#[test]
fn an_ssh_key_is_a_private_one() {
    let entry = |text: &str| {
        let key = serde_json::Value::from(text).to_string();
        render(&bundle("kubernetes.io/ssh-auth", &format!("    data: {{ ssh-privatekey: {key} }}\n")), "")
    };
    assert_eq!(warned(&entry(&vector("p256.key"))), 0);
    assert_eq!(warned(&entry("ssh-ed25519 AAAA dummy")), 1);
}
