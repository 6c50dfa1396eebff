//! Marks that stand for hidden values are not stored as values.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use super::project;
#[cfg(target_os = "linux")]
use crate::support::sandbox::CANARY;

#[test]
fn a_mark_is_not_set_and_not_encrypted() {
    let site = project();
    let before = site.bytes("dev.secrets.yaml");
    for mark in ["[secret]", "•••", "REDACTED", "<redacted>", "***", "[secret, changed]"] {
        let run = site.give(format!("{mark}\n"), &["set", "dev", "PASSWORD"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{mark}: {}", run.stderr);
        let run = site.give(mark, &["set", "dev.secrets.yaml", "data.PASSWORD"]);
        assert_eq!(run.code, 2, "{mark}: {}", run.stderr);
    }
    site.give("***", &["set", "dev", "PASSWORD"]).refused();
    site.give("***", &["set", "dev.secrets.yaml", "data.PASSWORD"]).refused();
    assert_eq!(site.bytes("dev.secrets.yaml"), before);
    for (name, text) in [
        ("a.enc.yaml", "a: x\nb: '[secret]'\nc:\n- '***'\n"),
        ("a.enc.json", "{\"a\": \"x\",\n \"b\": \"REDACTED\"}\n"),
        ("a.enc.env", "A=x\nB=***\n"),
        ("a.enc.ini", "[s]\na = <redacted>\n"),
    ] {
        site.write(name, text);
        site.run(&["encrypt", name]).refused();
        assert_eq!(site.read(name), text);
        site.give(text, &["encrypt", "--filename", name]).refused();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_mark_that_an_editor_writes_back_is_refused_and_a_kept_one_is_not() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let site = project().env("XDG_RUNTIME_DIR", memory.path());
    site.write("editor", "#!/bin/sh\nsed -i \"$EDIT\" \"$1\"\n");
    std::fs::set_permissions(site.path("editor"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let editor = site.path("editor");
    let site = site.env("SEPTUM_TEST_NOW", "4000000000").env("EDITOR", editor);
    let edit = |script: &str| {
        let mut command = site.command(&["edit", "dev.secrets.yaml"]);
        command.env("EDIT", script).output().unwrap()
    };
    let before = site.bytes("dev.secrets.yaml");
    let output = edit("s/PASSWORD: .*/PASSWORD: '[secret]'/");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(site.bytes("dev.secrets.yaml"), before);
    assert!(!String::from_utf8_lossy(&output.stderr).contains(CANARY));
    let output = edit("s/PASSWORD: .*/PASSWORD: other-value-77/");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
