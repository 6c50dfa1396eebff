//! Overlays of `content`: a key that was hardly meant as a new one is not written beside what it should change.

use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

const BASE: &str = "app: app\ndata:\n  a.yaml:\n    content:\n      server: { port: 80, timeout: 5 }\n      hosts: [a]\n      tls: { cert: x }\n      mode: strict\n";

fn run(overlay: &str, command: &str) -> super::Run {
    let project = Sandbox::of(BASE, &format!("data: {{ a.yaml: {{ content: {{ {overlay} }} }} }}\n"));
    project.run(if command == "render" { &["render", "dev"] } else { &["check"] })
}

#[test]
fn an_operator_that_is_none_is_an_error() {
    for overlay in [
        "hosts++: [b]",
        "hosts-: [a]",
        "\"hosts[0]\": b",
        "-hosts: [a]",
        "tls+: { key: y }",
        "+tls: { key: y }",
        "tls+: [y]",
        "server: { port+: 1 }",
        "mode-: null",
        "hosts+: b",
    ] {
        let message = run(overlay, "render").refused();
        assert!(message.contains("dev.yaml:1:"), "{overlay}: {message}");
        let check = run(overlay, "check");
        record(&check.stdout);
        assert_eq!(check.code, 1, "{overlay}");
    }
}

#[test]
fn a_key_that_is_nearly_another_is_a_warning() {
    for overlay in [
        "server: { prot: 81 }",
        "sevrer: { port: 81 }",
        "hsots+: [b]",
        "Mode: lax",
        "\"server.port\": 81",
        "server: { timeuot: null }",
    ] {
        let rendered = run(overlay, "render");
        assert!(rendered.code == 0 && rendered.stderr.contains("warning"), "{overlay}: {}", rendered.stderr);
        rendered.record();
        let check = run(overlay, "check");
        record(&check.stdout);
        assert_eq!(check.code, 1, "{overlay}");
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
