//! What people and programs see of a project: its keys, variables, readers and history, and never a secret.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod contradictions;
mod docs;
mod explain;
mod exposure;
mod exposure_links;
mod list;
mod report;
mod variables;

/// A plain entry that repeats a secret which a layer has in plaintext: `check` reports it, and no view shows it.
#[test]
fn no_view_shows_a_plain_value_that_repeats_a_secret() {
    let base = "app: a\ndata:\n  P: { value: hunter2-canary-9XkQ, sensitive: true }\n  NOTE: \"uses hunter2-canary-9XkQ inside\"\n";
    let project = crate::support::sandbox::Sandbox::new([
        ("base.yaml", base),
        ("dev.yaml", "data: { NOTE: \"now hunter2-canary-9XkQ\" }\n"),
    ]);
    for arguments in [
        &["explain", "NOTE"][..],
        &["explain", "dev", "NOTE", "--format", "json"],
        &["list", "--values"],
        &["list", "--values", "--format", "json"],
        &["report", "--out", "page.html"],
    ] {
        let run = project.run(arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!(run.stdout.clone() + &run.stderr).contains("canary"), "{}", run.stdout);
    }
    assert!(!project.read("page.html").contains("canary"));
}
