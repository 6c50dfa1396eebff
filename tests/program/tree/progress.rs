//! How far a run is, for somebody who waits before a terminal.

use crate::support::messages::record;
use crate::support::samples::repository;
use crate::support::sandbox::run;
use crate::support::terminal::{driver, session};

/// A key that takes a second to come: a run with it is long.
fn slow_key() -> String {
    format!("sh -c 'sleep 1; cat {}'", repository().join("examples/demo-age-key.txt").display())
}

/// A key that comes when somebody presses Enter.
fn key_on_enter() -> String {
    format!("sh -c 'read _ < /dev/tty; cat {}'", repository().join("examples/demo-age-key.txt").display())
}

#[test]
fn a_long_run_says_on_a_terminal_how_far_it_is() {
    let Some(driver) = driver() else { return };
    let directory = tempfile::tempdir().unwrap();
    let (slow, on_enter) = (slow_key(), key_on_enter());
    let shown = |key: &str, variables: &[(&str, &str)], options: &str, out: &str, turns: &[(&str, &str)]| {
        let variables = [&[("SOPS_AGE_KEY_CMD", key), ("TERM", "xterm")], variables].concat();
        let command = format!("\"$SEPTUM\" -C '{}' render prod --out \"$PWD/{out}\" {options}", repository().display());
        let session = session(&driver, directory.path(), &variables, &command, turns);
        assert_eq!(session.code, 0, "{}", session.shown);
        session.shown
    };
    let progress = "0 of 1 targets rendered";
    // the run goes on when its progress was seen
    let run = shown(&on_enter, &[], "", "a", &[(progress, "\n")]);
    assert!(run.contains(progress), "{run}");
    // the summary takes the place of the progress
    record(run.rsplit("\u{1b}[2K").next().unwrap_or_default());
    for (variables, options, out) in
        [(&[("CI", "true")][..], "", "b"), (&[], "-q", "c"), (&[("TERM", "dumb")], "", "d")]
    {
        let run = shown(&slow, variables, options, out, &[]);
        assert!(!run.contains(progress), "{variables:?} {options}: {run}");
    }
}

#[test]
fn a_pipe_gets_a_summary_and_with_v_where_the_time_went() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out").display().to_string();
    let key = slow_key();
    let run = |options: &[&str]| {
        let arguments = [&["render", "prod", "--out", &out], options].concat();
        run(repository(), &arguments, &[("SOPS_AGE_KEY_CMD", &key)])
    };
    let first = run(&[]);
    assert_eq!((first.code, first.stderr.lines().count()), (0, 1), "{}", first.stderr);
    let again = run(&["-v"]);
    let names = ["compare", "layers", "resolve", "route", "objects", "deliver", "emit"];
    let is_of_stages = |line: &str| names.iter().all(|name| line.contains(&format!("{name} ")));
    assert!(again.stderr.lines().any(is_of_stages), "{}", again.stderr);
}
