//! `septum edit`, with scripts as editors.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test, and a skipped one must say so"
)]

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::messages::{note_command, record};
use crate::support::peers::peer;
use crate::support::sandbox::files;
use crate::support::terminal::{Session, driver, session};
use tempfile::TempDir;

/// A value that no message may show.
const CANARY: &str = "hunter2-canary";

/// A directory with a key, rules and an encrypted file, and a place in memory of its own.
struct Desk {
    directory: TempDir,
    memory: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { directory: TempDir::new().unwrap(), memory: tempfile::tempdir_in("/dev/shm").unwrap() };
        fs::create_dir(desk.path("bin")).unwrap();
        let output = desk.septum("true", &["keygen", "-o", "key.txt"]);
        let recipient = text(&output.stderr).trim_end().rsplit(' ').next().unwrap().to_owned();
        desk.write(
            ".sops.yaml",
            &format!("creation_rules:\n  - path_regex: '\\.enc\\.|\\.bin$'\n    age: {recipient}\n"),
        );
        desk.create(
            "app.enc.yaml",
            &format!("# who\nuser: admin # always\npassword: {CANARY}\n\nlist:\n- one\n- two\n"),
        );
        desk
    }

    /// Encrypts a new file of this content.
    fn create(&self, name: &str, content: &str) {
        self.write("content", content);
        let output = self.edit(name, "cat content > \"$1\"");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// An editor that does what a script says with the file `$1`.
    fn editor(&self, script: &str) -> String {
        self.write("editor.sh", script);
        format!("sh '{}'", self.path("editor.sh").display())
    }

    fn command(&self, editor: &str, arguments: &[&str]) -> Command {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
        command.args(arguments).current_dir(self.directory.path()).env_clear().env("PATH", path);
        command.env("HOME", self.directory.path()).env("SOPS_AGE_KEY_FILE", "key.txt").env("EDITOR", editor);
        command.env("XDG_RUNTIME_DIR", self.memory.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        note_command(&command);
        command
    }

    fn septum(&self, editor: &str, arguments: &[&str]) -> Output {
        self.command(editor, arguments).output().unwrap()
    }

    /// Edits a file with a script.
    fn edit(&self, name: &str, script: &str) -> Output {
        self.septum(&self.editor(script), &["edit", name])
    }

    /// The plaintext, as an editor gets it.
    fn plaintext(&self, name: &str) -> String {
        self.edit(name, "cat \"$1\" > shown");
        self.read("shown")
    }

    /// Edits in a terminal.
    fn session(&self, script: &str, turns: &[(&str, &str)]) -> Option<Session> {
        let variables = [
            ("SOPS_AGE_KEY_FILE", "key.txt".to_owned()),
            ("EDITOR", self.editor(script)),
            ("XDG_RUNTIME_DIR", self.memory.path().display().to_string()),
            // a clock that stands still: an editor that changed nothing came back at once
            ("SEPTUM_TEST_NOW", "4000000000".to_owned()),
        ];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        Some(session(&driver()?, self.directory.path(), &variables, "\"$SEPTUM\" edit app.enc.yaml", turns))
    }

    /// Starts to edit, and waits until the editor says that it is at work: it has the standard output of the
    /// program, which ends if both are gone.
    fn at_work(&self, script: &str) -> Child {
        let script = script.replace("READY", "echo $$ > pid; echo ready");
        let mut command = self.command(&self.editor(&script), &["edit", "app.enc.yaml"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut said).expect("the editor starts");
        assert_eq!(&said, b"ready\n");
        assert_eq!(self.left(), 1);
        child
    }

    /// What was typed and kept, which is removed then as people are told to.
    fn kept(&self) -> Option<String> {
        let directories = fs::read_dir(self.memory.path()).unwrap().map(|entry| entry.unwrap().path());
        let directory = directories.into_iter().find(|path| path.to_string_lossy().contains("septum-kept-"))?;
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
        let file = fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
        let kept = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        fs::remove_dir_all(directory).unwrap();
        Some(kept)
    }

    /// How much lies in memory.
    fn left(&self) -> usize {
        fs::read_dir(self.memory.path()).unwrap().count()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn send(signal: &str, process: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -s {signal} {process}")]).status().unwrap().success());
}

fn is_alive(process: &str) -> bool {
    // a zombie of another parent is no process any more
    let status = fs::read_to_string(Path::new("/proc").join(process).join("status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// The lines that differ, by the key they start with.
fn changed(before: &str, after: &str) -> Vec<String> {
    assert_eq!(before.lines().count(), after.lines().count());
    let lines = before.lines().zip(after.lines()).filter(|(before, after)| before != after);
    lines.map(|(_, line)| line.trim().split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn only_what_was_edited_changes() {
    let desk = Desk::new();
    let before = desk.read("app.enc.yaml");
    assert!(!before.contains(CANARY) && before.contains("user: ENC["), "{before}");
    let mut later = desk.command(&desk.editor("sed -i 's/admin/root/' \"$1\""), &["edit", "app.enc.yaml"]);
    // another time than that of the first encryption
    let output = later.env("SEPTUM_TEST_NOW", "4000000000").output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
    let after = desk.read("app.enc.yaml");
    assert_eq!(changed(&before, &after), ["user", "lastmodified", "mac"]);
    let expected = format!("# who\nuser: root # always\npassword: {CANARY}\n\nlist:\n- one\n- two\n");
    assert_eq!(desk.plaintext("app.enc.yaml"), expected);
    assert_eq!(desk.left(), 0);
}

#[test]
fn sops_reads_what_was_edited() {
    let Some(sops) = peer("sops") else { return };
    let desk = Desk::new();
    desk.edit("app.enc.yaml", "sed -i 's/- two/- three\\n- four/' \"$1\"");
    desk.create("app.enc.json", "{\"a\": {\"b\": 1}}\n");
    desk.create("app.enc.env", "A=1\nB=two\n");
    desk.create("app.enc.ini", "[s]\nA = 1\n");
    desk.create("app.bin", "anything at all\n");
    for (name, expected) in [
        ("app.enc.yaml", "- four"),
        ("app.enc.json", "\"b\": 1"),
        ("app.enc.env", "B=two"),
        ("app.enc.ini", "A = 1"),
        ("app.bin", "anything at all\n"),
    ] {
        let mut decrypt = Command::new(&sops);
        decrypt.args(["decrypt", name]).env("SOPS_AGE_KEY_FILE", "key.txt");
        let output = decrypt.current_dir(desk.directory.path()).output().unwrap();
        assert!(text(&output.stdout).contains(expected), "{name}: {}", text(&output.stderr));
    }
}

#[test]
fn an_unchanged_file_is_not_touched() {
    let desk = Desk::new();
    let before = (desk.read("app.enc.yaml"), fs::metadata(desk.path("app.enc.yaml")).unwrap());
    for script in ["true", "touch \"$1\"", "cp \"$1\" x; rm \"$1\"; mv x \"$1\""] {
        let output = desk.edit("app.enc.yaml", script);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), ""));
        record(text(&output.stderr));
        let after = (desk.read("app.enc.yaml"), fs::metadata(desk.path("app.enc.yaml")).unwrap());
        assert_eq!(before.0, after.0);
        assert_eq!((before.1.ino(), before.1.mtime_nsec()), (after.1.ino(), after.1.mtime_nsec()));
    }
    assert!(desk.septum("true", &["edit", "-q", "app.enc.yaml"]).stderr.is_empty());
}

#[test]
fn the_plaintext_is_private_in_memory_and_has_the_files_name() {
    let desk = Desk::new();
    desk.edit("app.enc.yaml", "stat -c '%a %n' \"$(dirname \"$1\")\" \"$1\" > seen; stat -f -c %T \"$1\" >> seen");
    let seen = desk.read("seen");
    let lines: Vec<_> = seen.lines().collect();
    let directory = format!("700 {}/septum-private-", desk.memory.path().display());
    assert!(lines[0].starts_with(&directory), "{seen}");
    assert!(lines[1].starts_with("600 ") && lines[1].ends_with("/app.enc.yaml"), "{seen}");
    assert_eq!(lines[2], "tmpfs");
    assert_eq!(desk.left(), 0);
}

/// What nobody typed is removed, and what somebody typed is kept, and its place is said.
#[test]
fn what_goes_wrong_leaves_the_file_as_it_was_and_keeps_what_was_typed() {
    let desk = Desk::new();
    let before = desk.read("app.enc.yaml");
    for (script, code) in [
        ("exit 7", 4),
        ("echo 'more: x' >> \"$1\"; exit 1", 4),
        ("kill -9 $$", 4),
        ("rm \"$1\"", 4),
        ("echo 'password: [' >> \"$1\"", 2),
        ("echo \"password: \\\"$CANARY\" > \"$1\"", 2),
        ("printf 'a: {b: hunter2-canary, c\\nd: hunter2-canary\\n' > \"$1\"", 2),
        ("printf 'a: hunter2-canary: x\\n' > \"$1\"", 2),
        ("printf 'a: *hunter2-canary\\n' > \"$1\"", 2),
        ("printf '\\thunter2-canary\\n' > \"$1\"", 2),
        ("printf 'hunter2-canary\\n' > \"$1\"", 2),
        ("printf 'a: \\377hunter2-canary\\n' > \"$1\"", 2),
        ("printf 'sops: hunter2-canary\\n' > \"$1\"", 2),
        ("printf 'a: 18446744073709551615\\n' > \"$1\"", 2),
    ] {
        let output = desk.edit("app.enc.yaml", script);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{script}: {stderr}");
        record(&stderr);
        for hidden in [CANARY, "hunter2", "18446744073709551615", "septum-private"] {
            assert!(!stderr.contains(hidden), "{script}: {stderr}");
        }
        assert!(output.stdout.is_empty());
        assert_eq!(desk.read("app.enc.yaml"), before, "{script}");
        let typed = script.contains('>');
        assert_eq!(desk.kept().is_some(), typed, "{script}");
        assert_eq!(desk.left(), 0, "{script}");
    }
}

#[test]
fn an_editor_that_is_none_is_named() {
    let desk = Desk::new();
    for (editor, code) in [("no-such-editor --wait", 4), ("vi 'x", 2)] {
        let output = desk.septum(editor, &["edit", "app.enc.yaml"]);
        assert_eq!(output.status.code(), Some(code));
        record(text(&output.stderr));
    }
    let output = desk.command("", &["edit", "app.enc.yaml"]).env("PATH", "/nowhere").output().unwrap();
    record(text(&output.stderr));
    // the first variable that is set counts
    let mut command = desk.command("false", &["edit", "app.enc.yaml"]);
    assert!(command.env("VISUAL", "false").env("SOPS_EDITOR", "true").status().unwrap().success());
}

#[test]
fn an_editor_that_opens_a_window_is_told_to_wait() {
    let desk = Desk::new();
    let code = desk.path("bin/code");
    desk.write("code.sh", "#!/bin/sh\nprintf '%s ' \"$@\" > arguments\n");
    // a program that this process wrote may still be open in the child of another test, and nobody can run it then
    let install = "cat code.sh > \"$0\"; chmod 755 \"$0\"";
    assert!(
        Command::new("sh")
            .args(["-c", install])
            .arg(&code)
            .current_dir(desk.directory.path())
            .status()
            .unwrap()
            .success()
    );
    for (editor, expected) in [("code", "--wait /"), ("code -r --wait", "-r --wait /"), ("code -w", "-w /")] {
        assert!(desk.septum(editor, &["edit", "app.enc.yaml"]).status.success(), "{editor}");
        assert!(desk.read("arguments").starts_with(expected), "{editor}: {}", desk.read("arguments"));
    }
}

#[test]
fn a_new_file_is_encrypted_by_its_rule() {
    let desk = Desk::new();
    let output = desk.edit("new.enc.yaml", "cat \"$1\" > shown; echo 'more: 1' >> \"$1\"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    record(desk.read("shown"));
    let new = desk.read("new.enc.yaml");
    assert!(new.contains("EXAMPLE_PASSWORD: ENC[") && new.contains("more: ENC["), "{new}");
    let output = desk.edit("left.enc.json", "true");
    record(text(&output.stderr));
    assert!(!desk.path("left.enc.json").exists(), "an example that nobody changed is no file");
    for (name, code) in [("other.yaml", 2), ("no/directory/x.enc.yaml", 4), (".sops.yaml", 2), ("key.txt", 2), (".", 2)]
    {
        let output = desk.edit(name, "echo x > \"$1\"");
        assert_eq!(output.status.code(), Some(code), "{name}");
        let stderr = text(&output.stderr);
        record(&stderr);
        assert!(!stderr.contains("SECRET-KEY"), "{name}: {stderr}");
    }
}

#[test]
fn what_somebody_else_changed_meanwhile_is_kept_beside_what_was_typed() {
    let desk = Desk::new();
    // comments, values, and a file that somebody else made too
    let output = desk.edit("app.enc.yaml", "echo '# theirs' >> app.enc.yaml; echo 'more: 1' >> \"$1\"");
    record(text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    let plaintext = desk.plaintext("app.enc.yaml");
    assert!(plaintext.contains("# theirs\n") && plaintext.contains("more: 1\n"), "{plaintext}");
    let septum = env!("CARGO_BIN_EXE_septum");
    let theirs = format!("echo root | '{septum}' set -q app.enc.yaml user");
    let output = desk.edit("app.enc.yaml", &format!("{theirs}; sed -i 's/- two/- 2/; s/# always/# never/' \"$1\""));
    record(text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    let plaintext = desk.plaintext("app.enc.yaml");
    assert!(plaintext.contains("user: root # never\n") && plaintext.contains("- 2\n"), "{plaintext}");
    let new = format!("'{septum}' encrypt -q --filename x.enc.yaml -o new.enc.yaml < theirs");
    desk.write("theirs", "a: 1\n");
    let output = desk.edit("new.enc.yaml", &format!("{new}; echo 'b: 2' > \"$1\""));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let plaintext = desk.plaintext("new.enc.yaml");
    assert!(plaintext.contains("a: 1\n") && plaintext.contains("b: 2\n"), "{plaintext}");
    assert_eq!(desk.left(), 0);
}

#[test]
fn what_somebody_else_changed_too_is_not_overwritten_and_the_text_is_kept() {
    let desk = Desk::new();
    let septum = env!("CARGO_BIN_EXE_septum");
    for theirs in [
        format!("echo root | '{septum}' set -q app.enc.yaml user"),
        format!("EDITOR=\"sed -i 's/# who/# theirs/'\" '{septum}' edit -q app.enc.yaml"),
        "rm app.enc.yaml".to_owned(),
        "echo a: 1 > app.enc.yaml".to_owned(),
    ] {
        let script = format!("{theirs}; cp app.enc.yaml theirs; sed -i 's/user: .*/user: hunter2-mine # x/' \"$1\"");
        let before = desk.read("app.enc.yaml");
        let output = desk.edit("app.enc.yaml", &script);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{theirs}: {stderr}");
        record(&stderr);
        assert!(!stderr.contains("hunter2"), "{theirs}: {stderr}");
        assert!(desk.kept().unwrap().contains("user: hunter2-mine # x\n"));
        if !theirs.starts_with("rm") {
            assert_eq!(desk.read("app.enc.yaml"), desk.read("theirs"), "{theirs}");
        }
        desk.write("app.enc.yaml", &before);
    }
    desk.write("theirs", "a: 1\n");
    let output = desk.edit("new.enc.yaml", "cp theirs new.enc.yaml; echo 'more: 1' >> \"$1\"");
    record(text(&output.stderr));
    assert_eq!(desk.read("new.enc.yaml"), "a: 1\n");
}

/// Whoever was removed while somebody typed does not read what was typed.
#[test]
fn a_file_that_is_not_as_its_rule_says_any_more_is_not_written() {
    let desk = Desk::new();
    let before = desk.read("app.enc.yaml");
    let output = desk.edit(
        "app.enc.yaml",
        &format!(
            "'{}' keygen -q -o other.txt 2>/dev/null; \
             sed -i \"s/age1.*/$(grep -o 'age1.*' other.txt)/\" .sops.yaml; echo 'more: 1' >> \"$1\"",
            env!("CARGO_BIN_EXE_septum")
        ),
    );
    record(text(&output.stderr));
    assert_eq!(desk.read("app.enc.yaml"), before);
    assert!(desk.kept().unwrap().ends_with("more: 1\n"));
}

#[test]
fn without_a_key_nothing_is_edited() {
    let desk = Desk::new();
    let mut command = desk.command("touch edited", &["edit", "app.enc.yaml"]);
    let output = command.env_remove("SOPS_AGE_KEY_FILE").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!desk.path("edited").exists());
}

#[test]
fn a_disk_is_used_only_if_it_was_allowed() {
    let desk = Desk::new();
    let disk = desk.path("disk");
    fs::create_dir(&disk).unwrap();
    if peer("unshare").is_none() {
        return;
    }
    // where nothing lies in memory: /dev/shm and /run are hidden by directories of the disk
    let shell = format!("mount --bind '{0}' /dev/shm && mount --bind '{0}' /run && exec \"$0\" \"$@\"", disk.display());
    let on_disk = |options: &[&str]| {
        let septum = desk.command("", &[]);
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &shell]).arg(septum.get_program()).args(options).arg("app.enc.yaml");
        command.current_dir(desk.directory.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", desk.directory.path()).env("SOPS_AGE_KEY_FILE", "key.txt").env("TMPDIR", &disk);
        command.env("EDITOR", desk.editor("dirname \"$1\" > seen; stat -c %a \"$(dirname \"$1\")\" >> seen"));
        command.output().unwrap()
    };
    let output = on_disk(&["edit"]);
    let stderr = text(&output.stderr);
    if stderr.contains("unshare") || stderr.contains("mount") {
        eprintln!("SKIPPED: namespaces are not allowed here: {stderr}");
        return;
    }
    if fs::metadata(&disk).unwrap().dev() == fs::metadata("/dev/shm").unwrap().dev() {
        return;
    }
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    record(&stderr);
    assert!(stderr.contains("--allow-disk"), "{stderr}");
    let output = on_disk(&["edit", "--allow-disk"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(desk.read("seen").starts_with(&format!("{}/septum-private-", disk.display())), "{}", desk.read("seen"));
    assert!(desk.read("seen").ends_with("\n700\n"));
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
}

#[test]
fn signals_that_end_the_program_end_the_editor_and_keep_only_what_was_typed() {
    for (signal, number, typed) in [("TERM", 15, true), ("HUP", 1, true), ("TERM", 15, false), ("HUP", 1, false)] {
        let desk = Desk::new();
        let before = desk.read("app.enc.yaml");
        let typing = if typed { "echo more: 1 >> \"$1\"" } else { ":" };
        let child = desk.at_work(&format!("{typing}; READY; exec tail -f /dev/null"));
        send(signal, &child.id().to_string());
        let output = child.wait_with_output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.signal(), Some(number), "{signal}: {stderr}");
        record(&stderr);
        if typed {
            // whoever edits next is told, in case nobody could read that
            let next = text(&desk.edit("app.enc.yaml", "true").stderr);
            record(&next);
        }
        assert_eq!(desk.kept().is_some_and(|kept| kept.ends_with("more: 1\n")), typed, "{signal}");
        assert_eq!(desk.left(), 0, "{signal}");
        assert_eq!(desk.read("app.enc.yaml"), before, "{signal}");
        assert!(!is_alive(desk.read("pid").trim()), "{signal}");
    }
}

#[test]
fn an_editor_that_ignores_signals_is_killed() {
    let desk = Desk::new();
    let child = desk.at_work("trap '' TERM; READY; while :; do sleep 0.1; done");
    send("TERM", &child.id().to_string());
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(15));
    assert_eq!(desk.left(), 0);
    assert!(!is_alive(desk.read("pid").trim()));
}

#[test]
fn an_interrupt_is_the_editors_while_it_runs() {
    let desk = Desk::new();
    let child = desk.at_work("READY; until test -e go; do sleep 0.05; done; echo more: 1 >> \"$1\"");
    for signal in ["INT", "QUIT", "INT"] {
        send(signal, &child.id().to_string());
    }
    desk.write("go", "");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(desk.read("app.enc.yaml").contains("more: ENC["));
    assert_eq!(desk.left(), 0);
}

#[test]
fn what_a_killed_program_left_is_removed_by_the_next() {
    let desk = Desk::new();
    let mut child = desk.at_work("READY; exec tail -f /dev/null");
    child.kill().unwrap();
    child.wait().unwrap();
    send("KILL", desk.read("pid").trim());
    assert_eq!(desk.left(), 1, "nobody could remove it");
    // of a process that lives, and of somebody else's making, nothing is removed
    let living = desk.memory.path().join("septum-private-1-x");
    let other = desk.memory.path().join("septum-private-");
    fs::create_dir(&living).unwrap();
    fs::create_dir(&other).unwrap();
    let output = desk.edit("app.enc.yaml", "true");
    assert!(output.status.success());
    assert_eq!(desk.left(), 2);
    assert!(living.exists() && other.exists());
}

#[test]
fn what_was_typed_before_a_program_was_killed_is_kept_by_the_next() {
    let desk = Desk::new();
    let mut child = desk.at_work("echo more: 1 >> \"$1\"; READY; exec tail -f /dev/null");
    child.kill().unwrap();
    child.wait().unwrap();
    send("KILL", desk.read("pid").trim());
    let stderr = text(&desk.edit("app.enc.yaml", "true").stderr);
    record(&stderr);
    assert!(desk.kept().unwrap().ends_with("more: 1\n"));
    assert_eq!(desk.left(), 0);
}

#[test]
fn two_people_edit_at_the_same_time() {
    let desk = Desk::new();
    desk.create("other.enc.yaml", "a: 1\n");
    let child = desk.at_work("READY; until test -e go; do sleep 0.05; done; echo more: 1 >> \"$1\"");
    assert!(desk.septum("sh -c 'echo b: 2 >> \"$0\"'", &["edit", "other.enc.yaml"]).status.success());
    assert_eq!(desk.left(), 1, "the directory of the one who still edits stays");
    desk.write("go", "");
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(desk.read("app.enc.yaml").contains("more: ENC[") && desk.read("other.enc.yaml").contains("b: ENC["));
}

#[test]
fn a_mistake_is_shown_and_can_be_mended() {
    let desk = Desk::new();
    let script = "if test -e again; then sed -i 's/\\[ wrong/right/' \"$1\"; \
        else touch again; echo 'more: [ wrong' >> \"$1\"; fi";
    let Some(seen) = desk.session(script, &[("Press Enter", "\n")]) else { return };
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(seen.shown.contains("app.enc.yaml:8:") && !seen.shown.contains(CANARY), "{seen:?}");
    assert!(desk.plaintext("app.enc.yaml").contains("more: right\n"), "the text that was typed was still there");
    assert_eq!(desk.left(), 0);
}

#[test]
fn a_mistake_can_be_left() {
    let desk = Desk::new();
    let before = desk.read("app.enc.yaml");
    // q; the end of input and Ctrl-C, which may come from somewhere else
    for (typed, code, is_kept) in [("q\n", 2, false), ("\u{4}", 2, true), ("\u{3}", 130, true)] {
        let turns = [("Press Enter", typed)];
        let Some(seen) = desk.session("echo 'more: [' >> \"$1\"", &turns) else { return };
        assert_eq!(seen.code, code, "{seen:?}");
        if !is_kept {
            record(seen.shown.lines().last().unwrap_or_default().trim());
        }
        assert_eq!(desk.read("app.enc.yaml"), before);
        assert_eq!(desk.kept().is_some(), is_kept, "{typed:?}");
        assert_eq!(desk.left(), 0, "{typed:?}");
    }
}

#[test]
fn an_identity_behind_a_passphrase_is_unlocked_once() {
    let desk = Desk::new();
    let mut passphrase = age::scrypt::Recipient::new("correct horse".to_owned().into());
    passphrase.set_work_factor(4);
    desk.write("key.txt", &age::encrypt_and_armor(&passphrase, desk.read("key.txt").as_bytes()).unwrap());
    let turns = [("Passphrase for SOPS_AGE_KEY_FILE, key.txt:", "correct horse\n")];
    let Some(seen) = desk.session("echo more: 1 >> \"$1\"", &turns) else { return };
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(desk.read("app.enc.yaml").contains("more: ENC[") && !seen.shown.contains("horse"), "{seen:?}");
    let turns = [("Passphrase", "wrong\n")];
    let Some(seen) = desk.session("echo more: 2 >> \"$1\"", &turns) else { return };
    assert_eq!(seen.code, 3, "{seen:?}");
    record(&seen.shown);
}

#[test]
fn an_editor_that_comes_back_at_once_is_waited_for() {
    let desk = Desk::new();
    let script = "(until test -e words-seen; do sleep 0.05; done; echo more: 1 >> \"$1\"; echo written) & exit 0";
    let Some(seen) = desk.session(script, &[("returned immediately.", ""), ("written", "\n")]) else { return };
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(desk.read("app.enc.yaml").contains("more: ENC["), "{seen:?}");
    let Some(seen) = desk.session("exit 0", &[("returned immediately.", "\n")]) else { return };
    record(seen.shown.lines().last().unwrap_or_default().trim());
}

#[test]
fn vim_writes_nothing_but_the_file() {
    let (Some(vim), Some(driver)) = (peer("vim"), driver()) else { return };
    let desk = Desk::new();
    desk.write(".vimrc", "set nocompatible undofile undodir=. backup backupdir=. viminfo='100\n");
    let before: Vec<_> = files(desk.directory.path()).into_keys().collect();
    let memory = desk.memory.path().display().to_string();
    // the link has the name by which vim is known, whatever this system calls it
    std::os::unix::fs::symlink(vim, desk.path("bin/vim")).unwrap();
    let editor = format!("{}/vim -c '%s/admin/root/' -c 'wq'", desk.path("bin").display());
    let variables = [("SOPS_AGE_KEY_FILE", "key.txt"), ("EDITOR", &editor), ("XDG_RUNTIME_DIR", &memory)];
    let seen = session(&driver, desk.directory.path(), &variables, "\"$SEPTUM\" edit app.enc.yaml", &[]);
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(desk.plaintext("app.enc.yaml").contains("user: root"));
    fs::remove_file(desk.path("bin/vim")).unwrap();
    let after: Vec<_> = files(desk.directory.path()).into_keys().filter(|name| name != "shown").collect();
    assert_eq!(after, before);
    assert_eq!(desk.left(), 0);
}
