//! `--keyless` never looks for a key.

use std::fs;

use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{DEMO_KEY, Sandbox, run};

#[test]
fn no_identity_is_read_or_asked_for() {
    let project = Sandbox::of(
        "app: app\ndata:\n  DATABASE_PASSWORD: { sensitive: true }\n  STRIPE_WEBHOOK_SECRET: { sensitive: true }\n",
        "",
    )
    .file("dev.secrets.yaml", ENCRYPTED);
    run(
        &project.root(),
        &["render", "--all", "--out", "out", "--allow-plaintext", "-q"],
        &[("SOPS_AGE_KEY_FILE", DEMO_KEY)],
    )
    .ok();
    let (ran, key) = (project.root().join("../ran"), fs::read_to_string(DEMO_KEY).unwrap());
    let command = format!("touch {}", ran.display());
    let wrong = project.root().join("../keys.txt");
    fs::write(&wrong, "no key\n").unwrap();
    for environment in [
        [("SOPS_AGE_KEY_CMD", command.as_str())],
        [("SOPS_AGE_SSH_PRIVATE_KEY_CMD", command.as_str())],
        [("SOPS_AGE_KEY", key.as_str())],
        [("SOPS_AGE_KEY_FILE", DEMO_KEY)],
        // what is read would be an error
        [("SOPS_AGE_KEY_FILE", wrong.to_str().unwrap())],
    ] {
        let of = |arguments: &[&str]| {
            let run = run(&project.root(), arguments, &environment);
            (run.code, run.stdout, run.stderr)
        };
        for arguments in [
            &["check", "--keyless"][..],
            &["check", "--keyless", "--fix"],
            &["check", "--keyless", "--rendered", "out"],
            &["check", "--staged", "--keyless"],
            &["render", "--all", "--out", "out", "--check", "--keyless"],
        ] {
            let without = run(&project.root(), arguments, &[]);
            assert_eq!(of(arguments), (without.code, without.stdout, without.stderr), "{arguments:?} {environment:?}");
            assert!(!ran.exists(), "{arguments:?} runs {environment:?}");
        }
    }
    // the canary would sing
    run(&project.root(), &["check"], &[("SOPS_AGE_KEY_CMD", &command)]);
    assert!(ran.exists());
}
