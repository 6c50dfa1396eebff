//! Two environments, or more.

use super::{rows, shop};
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

#[test]
fn two_environments_are_compared_key_by_key() {
    let run = shop().run(&["diff", "dev", "prod"]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
}

#[test]
fn equal_environments_have_no_differences() {
    let project = shop().file("qa.yaml", "vars: { domain: example.com }\n");
    let run = project.run(&["diff", "staging", "qa"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    run.record();
}

#[test]
fn only_the_keys_that_one_side_lacks() {
    let run = shop().run(&["diff", "dev", "prod", "--only", "missing"]);
    record(&run.stdout);
    assert!(run.stdout.contains("LIMIT") && !run.stdout.contains("LEVEL"));
}

#[test]
fn more_environments_are_a_table() {
    let run = shop().run(&["diff", "dev", "staging", "prod"]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
    let rows_of = shop().run(&["diff", "dev", "staging", "prod", "--format", "json"]);
    let rows = rows(&rows_of);
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap().clone();
    let secret = row("PASSWORD");
    assert_eq!(secret["environments"]["dev"]["group"], secret["environments"]["staging"]["group"]);
    assert_ne!(secret["environments"]["dev"]["group"], secret["environments"]["prod"]["group"]);
    assert!(secret["environments"]["dev"].get("value").is_none());
    assert_eq!(row("LIMIT")["change"], "missing");
}

#[test]
fn an_environment_that_cannot_be_rendered_is_compared_as_far_as_it_is_known() {
    let project = shop().append("base.yaml", "  NEEDED: { required: true }\n").append("dev.yaml", "");
    let run = project.run(&["diff", "dev", "prod"]);
    assert_eq!(run.code, 1);
    run.record();
}

#[test]
fn without_the_key_secrets_are_unknown_and_not_equal() {
    let demo = Sandbox::demo();
    let run = demo.run_without_key(&["diff", "staging", "prod", "--only", "unknown", "--format", "json"]);
    let rows = rows(&run);
    assert!(rows.len() > 2);
    for row in &rows {
        assert_eq!((&row["unknown"], &row["sensitive"]), (&true.into(), &true.into()), "{row}");
        assert!(row.get("from").is_none() && row.get("to").is_none(), "{row}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let project = shop();
    for arguments in [
        &["diff"][..],
        &["diff", "dev"],
        &["diff", "dev", "prd"],
        &["diff", "dev", "prod", "--format", "markdown", "--max-chars", "999"],
        &["diff", "dev", "prod", "--max-chars", "2000"],
        &["diff", "dev", "staging", "prod", "--format", "markdown"],
        &["diff", "--files", "dev"],
        &["diff", "dev", "prod", "--cluster"],
        &["diff", "dev", "prod", "--stat", "--format", "json"],
    ] {
        project.run(arguments).fails(2);
    }
}
