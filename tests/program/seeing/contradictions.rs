//! An entry that is declared plain and cannot be: the views of other entries work, and its value is shown nowhere.

use crate::support::sandbox::{CANARY, Sandbox};

/// Two contradictions in `dev`: a value that is computed from a secret, and one that is encrypted.
fn project() -> Sandbox {
    let project = Sandbox::with_identities();
    let base = "app: shop
data:
  A: plain
  TOKEN: { sensitive: true, required: true }
  URL: { value: \"x-{{ data.TOKEN }}\", sensitive: false }
  KNOWN: { required: true, sensitive: false }
";
    project.write("base.yaml", base);
    project.write("dev.yaml", "");
    project.write("prod.yaml", "data: { TOKEN: '{{ env.name }}', KNOWN: x, URL: y }\n");
    project.encrypted("dev.secrets.yaml", format!("data: {{ TOKEN: {CANARY}, KNOWN: {CANARY}-2 }}\n"));
    project
}

#[test]
fn views_of_other_entries_work_and_say_what_is_wrong() {
    let project = project();
    for (arguments, code, shown) in [
        (&["explain", "A"][..], 0, "ConfigMap"),
        (&["explain", "dev", "A", "--format", "json"], 0, "ConfigMap"),
        (&["explain", "prod", "URL"], 0, "Secret"),
        (&["explain", "URL"], 2, "Secret"),
        (&["explain", "dev", "KNOWN", "--format", "json"], 2, "Secret"),
        (&["list", "prod"], 0, "KNOWN"),
        (&["list"], 2, "KNOWN"),
        (&["list", "dev", "--values"], 2, "KNOWN"),
    ] {
        let run = project.run(arguments);
        assert_eq!((run.code, run.stdout.contains(shown)), (code, true), "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains("base.yaml:5:50") && run.stderr.contains("base.yaml:6:39"), "{}", run.stderr);
    }
    project.run(&["explain", "dev", "URL"]).record();
    assert_eq!(project.run(&["get", "dev", "A"]).succeeds().trim_end(), "plain");
    project.give("new", &["set", "dev", "TOKEN"]).succeeds();
    for arguments in [&["render", "dev"][..], &["render", "prod"], &["export", "dev"]] {
        let run = project.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
    }
}

#[test]
fn its_value_is_shown_nowhere() {
    let project = project();
    for arguments in [
        &["diff", "dev", "prod"][..],
        &["diff", "dev", "prod", "--format", "json"],
        &["list", "--values"],
        &["list", "dev", "--values", "--format", "json"],
        &["explain", "URL"],
        &["explain", "KNOWN"],
        &["check"],
        &["render", "dev"],
        &["promote", "dev", "prod", "--dry-run"],
    ] {
        let run = project.run(arguments);
        assert!(!(run.stdout.clone() + &run.stderr).contains(CANARY), "{arguments:?}: {}{}", run.stdout, run.stderr);
    }
}
