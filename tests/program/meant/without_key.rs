//! What is wrong for everybody is found without a key too, and what is right is no finding.

use std::process::Command;

use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{DEMO_KEY, Sandbox};

/// The hook refuses nothing that is right: halves of the base that it cannot open, workflows that are called as a project
/// file is, and trees.
#[test]
fn a_commit_of_what_is_right_is_let_through() {
    let base =
        "app: app\ndata: { DATABASE_PASSWORD: { sensitive: true }, STRIPE_WEBHOOK_SECRET: { sensitive: true } }\n";
    let project = Sandbox::new([
        ("environments/base.yaml", base),
        ("environments/base.secrets.yaml", ENCRYPTED),
        ("environments/dev.yaml", ""),
        (".github/workflows/septum.yaml", "name: check\non: push\njobs: {}\n"),
    ]);
    for arguments in [&["init", "-q"][..], &["add", "-A"]] {
        assert!(Command::new("git").args(arguments).current_dir(project.root()).status().unwrap().success());
    }
    for arguments in [&["check", "--staged"][..], &["check", "--keyless"]] {
        let run = project.run(arguments);
        assert_eq!((run.code, run.stdout.contains("error")), (0, false), "{arguments:?}: {}{}", run.stdout, run.stderr);
    }
}

/// A name that nothing defines is one for everybody, but where a secret decides whether it is looked for.
#[test]
fn an_undefined_name_beside_a_secret_is_found_without_a_key() {
    for (template, expected) in [
        ("{{ data.DATABASE_PASSWORD }}{{ vars.nope }}", 1),
        ("{{ data.DATABASE_PASSWORD }}{{ data.NOPE }}", 1),
        ("{{ data.DATABASE_PASSWORD }}{{ vars.nope | default('x') }}", 0),
        ("{% if data.DATABASE_PASSWORD == 'x' %}{{ vars.nope }}{% endif %}", 0),
    ] {
        let base = format!(
            "app: app\nvars: {{ a: b }}\ndata:\n  DATABASE_PASSWORD: {{ sensitive: true }}\n  STRIPE_WEBHOOK_SECRET: {{ sensitive: true }}\n  A: \"{{{{ vars.a }}}}\"\n  URL: \"{template}\"\n"
        );
        let project = Sandbox::new([
            ("environments/base.yaml", base.as_str()),
            ("environments/prod.yaml", ""),
            ("environments/prod.secrets.yaml", ENCRYPTED),
        ]);
        let run = project.run(&["check", "--keyless"]);
        let found = run.stdout.matches("error[undefined]").count();
        assert_eq!(found, expected, "{template}: {}{}", run.stdout, run.stderr);
        let with_key = crate::support::sandbox::run(&project.root(), &["check"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]);
        assert_eq!(with_key.stdout.matches("error[").count(), expected, "{template}: {}", with_key.stdout);
    }
}
