//! Sandboxes that refuse system calls.

#![cfg(target_os = "linux")]

use std::process::Command;

use crate::support::peers::skip_optional;
use crate::support::sandbox::{Run, Sandbox};

/// Runs the program where a call fails; none if that cannot be done here.
fn run_without(site: &Sandbox, call: &str, arguments: &[&str]) -> Option<Run> {
    let program = site.command(arguments);
    let log = site.outside().join("calls");
    std::fs::create_dir_all(site.outside()).unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "signal=none", "-e", &format!("inject={call}:error=EPERM"), "-o"]).arg(&log);
    command.arg(program.get_program()).args(program.get_args()).current_dir(site.root());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run: Option<Run> = command.output().ok().map(Run::from);
    let is_refused = std::fs::read_to_string(&log).is_ok_and(|calls| calls.contains("(INJECTED)"));
    if !is_refused {
        skip_optional("strace", "cannot refuse a call here");
    }
    run.filter(|_| is_refused)
}

#[test]
fn limits_that_the_system_does_not_tell_stop_nothing() {
    let site = Sandbox::with_identities();
    site.write("environments/base.yaml", "app: shop\ndata: { A: b }\n");
    site.write("environments/dev.yaml", "");
    site.write("vault.yaml", "a: b\n");
    site.rules("creation_rules: [{age: ALICE}]");
    for arguments in [&["encrypt", "vault.yaml"][..], &["exec", "dev", "--", "true"]] {
        if let Some(run) = run_without(&site, "prlimit64", arguments) {
            assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        }
    }
}
