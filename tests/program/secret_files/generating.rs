//! `septum set --generate`: random values that nobody sees.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::sandbox::Sandbox;

fn project() -> Sandbox {
    Sandbox::with_identities()
        .file(
            "base.yaml",
            "app: shop\ndata: { P: { sensitive: true, maxLength: 60 }, LOG: info, K: { sensitive: true } }\n",
        )
        .file("dev.yaml", "")
}

#[test]
fn a_generated_value_is_set_and_never_shown() {
    let project = project();
    for (kind, length) in [("32", 32), ("hex:16", 32), ("base64:16", 24), ("uuid", 36)] {
        let run = project.run(&["set", "dev", "P", "--generate", kind]);
        let value = project.run(&["get", "dev", "P"]).ok();
        assert_eq!((value.len(), run.code, run.stdout.as_str()), (length, 0, ""), "{kind}");
        assert!(!run.stderr.contains(&value), "{kind}");
        assert!(!project.read("dev.secrets.yaml").contains(&value), "{kind}");
    }
    project.encrypted("x.enc.yaml", "a: 1\n");
    project.run(&["set", "x.enc.yaml", "a", "--generate", "24"]).succeeds();
    assert_eq!(project.run(&["get", "x.enc.yaml", "a"]).ok().len(), 24);
}

#[test]
fn of_an_identity_the_recipient_is_shown() {
    let project = project();
    let recipient = project.run(&["set", "dev", "K", "--generate", "age"]).succeeds();
    project.write("new.txt", project.run(&["get", "dev", "K"]).ok());
    assert_eq!(project.run(&["keygen", "-y", "new.txt"]).ok(), recipient);
}

#[test]
fn what_is_plain_invalid_or_against_the_rules_is_refused() {
    let project = project();
    let before = project.all();
    for arguments in [
        vec!["set", "dev", "LOG", "--generate", "32"],
        vec!["set", "dev", "P", "--generate", "64"],
        vec!["set", "dev", "P", "--generate", "4"],
        vec!["set", "dev", "P", "--generate", "rsa"],
        vec!["set", "dev", "P", "--generate", "32", "--empty"],
    ] {
        project.run(&arguments).refused();
    }
    assert_eq!(project.all(), before);
}
