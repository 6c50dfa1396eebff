//! Overlays of `content`: a key that was hardly meant as a new one is not written beside what it should change.

use crate::support::project::Project;

const BASE: &str = "app: app\ndata:\n  a.yaml:\n    content:\n      server: { port: 80, timeout: 5 }\n      hosts: [a]\n      tls: { cert: x }\n      mode: strict\n";

fn run(overlay: &str, command: &str) -> super::Run {
    let project = Project::of(BASE, &format!("data: {{ a.yaml: {{ content: {{ {overlay} }} }} }}\n"));
    project.run(if command == "render" { &["render", "dev"] } else { &["check"] })
}

#[test]
fn an_operator_that_is_none_is_an_error() {
    for (overlay, words) in [
        ("hosts++: [b]", "`hosts+: [ … ]` appends"),
        ("hosts-: [a]", "`hosts+: [ … ]` appends"),
        ("\"hosts[0]\": b", "single items of a list"),
        ("-hosts: [a]", "`hosts+: [ … ]` appends"),
        ("tls+: { key: y }", "merges by key"),
        ("+tls: { key: y }", "merges by key"),
        ("tls+: [y]", "`tls`: it is a mapping"),
        ("server: { port+: 1 }", "replaces it"),
        ("mode-: null", "removes it"),
        ("hosts+: b", "expected a list"),
    ] {
        let message = run(overlay, "render").refused();
        assert!(message.contains(words) && message.contains("dev.yaml:1:"), "{overlay}: {message}");
        let check = run(overlay, "check");
        assert!(check.code == 1 && (check.stdout + &check.stderr).contains(words), "{overlay}");
    }
}

#[test]
fn a_key_that_is_nearly_another_is_a_warning() {
    for (overlay, words) in [
        ("server: { prot: 81 }", "did you mean `port`?"),
        ("sevrer: { port: 81 }", "did you mean `server`?"),
        ("hsots+: [b]", "did you mean `hosts`?"),
        ("Mode: lax", "did you mean `mode`?"),
        ("\"server.port\": 81", "`server: { port: … }`"),
        ("server: { timeuot: null }", "did you mean `timeout`?"),
    ] {
        let rendered = run(overlay, "render");
        assert!(rendered.code == 0 && rendered.stderr.contains("warning"), "{overlay}: {}", rendered.stderr);
        assert!(rendered.stderr.contains(words), "{overlay}: {}", rendered.stderr);
        let check = run(overlay, "check");
        assert!(check.code == 1 && check.stdout.contains(words), "{overlay}: {}", check.stdout);
    }
}

#[test]
fn a_key_that_may_be_new_is_written_without_a_word() {
    for overlay in ["server: { host: x }", "cors: { mode: x }", "new+: [c]", "hosts+: [b]", "+hosts: [b]", "tls: null"]
    {
        let rendered = run(overlay, "render");
        assert!(rendered.code == 0 && rendered.stderr.is_empty(), "{overlay}: {}", rendered.stderr);
    }
}
