//! `septum keygen`, and questions on the terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::messages::{note_command, record};
use crate::support::peers::peer;
use crate::support::terminal::{driver, session};

/// Runs the program in a directory, with something on its standard input.
fn septum(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
    note_command(command.args(arguments).current_dir(directory));
    run(&mut command, input)
}

fn run(command: &mut Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // one that does not read it may be gone
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The recipient in an identity file.
fn public_key(file: &str) -> String {
    file.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key").to_owned()
}

#[test]
fn a_new_identity_goes_to_standard_output_and_its_public_key_to_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    for (options, prefix) in [(&["keygen"][..], "AGE-SECRET-KEY-1"), (&["keygen", "--pq"], "AGE-SECRET-KEY-PQ-1")] {
        let output = septum(directory.path(), options, "");
        assert!(output.status.success());
        let file = text(&output.stdout);
        let lines: Vec<_> = file.lines().collect();
        assert!(lines[0].starts_with("# created: 2") && lines[0].ends_with('Z'), "{}", lines[0]);
        assert!(lines[2].starts_with(prefix));
        assert_eq!(lines.len(), 3);
        assert_eq!(text(&output.stderr), format!("Public key: {}\n", public_key(&file)));
        assert_eq!(text(&septum(directory.path(), &["keygen", "-y"], &file).stdout).trim_end(), public_key(&file));
    }
}

#[test]
fn a_key_file_is_for_its_owner_and_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let output = septum(directory.path(), &["keygen", "-o", "key.txt"], "");
    assert!(output.status.success() && output.stdout.is_empty());
    let path = directory.path().join("key.txt");
    let file = fs::read_to_string(&path).unwrap();
    assert_eq!(text(&output.stderr), format!("Public key: {}\n", public_key(&file)));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777, 0o600);
    let again = septum(directory.path(), &["keygen", "-o", "key.txt"], "");
    assert_eq!(again.status.code(), Some(2));
    record(text(&again.stderr));
    assert_eq!(fs::read_to_string(&path).unwrap(), file);
    // a file is in the place of a directory
    let nowhere = septum(directory.path(), &["keygen", "-o", "key.txt/such/key.txt"], "");
    assert_eq!(nowhere.status.code(), Some(4));
    assert!(!text(&nowhere.stderr).contains("SECRET"));
}

#[cfg(unix)]
#[test]
fn missing_directories_are_created_for_their_owner() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let directory = tempfile::tempdir().unwrap();
    let mode = |path: &str| fs::metadata(directory.path().join(path)).unwrap().mode() & 0o777;
    let output = septum(directory.path(), &["keygen", "-o", "sops/age/keys.txt"], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!((mode("sops"), mode("sops/age"), mode("sops/age/keys.txt")), (0o700, 0o700, 0o600));
    // an existing directory keeps its mode
    fs::set_permissions(directory.path().join("sops"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(septum(directory.path(), &["keygen", "-o", "sops/other/keys.txt"], "").status.success());
    assert_eq!((mode("sops"), mode("sops/other")), (0o755, 0o700));
    // a name that no file can have: nothing stays behind
    let long = format!("new/below/{}", "k".repeat(300));
    assert_eq!(septum(directory.path(), &["keygen", "-o", &long], "").status.code(), Some(4));
    assert!(!directory.path().join("new").exists());
}

#[test]
fn recipients_are_those_of_all_identities_or_an_error_says_why_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two] = [(); 2].map(|()| text(&septum(directory.path(), &["keygen", "-q"], "").stdout));
    fs::write(directory.path().join("keys.txt"), format!("{one}\n{two}")).unwrap();
    let output = septum(directory.path(), &["keygen", "-y", "keys.txt"], "");
    assert_eq!(text(&output.stdout), format!("{}\n{}\n", public_key(&one), public_key(&two)));
    for (arguments, input, code) in [
        (&["keygen", "-y"][..], "", 2),
        (&["keygen", "-y"], "# c\nAGE-SECRET-KEY-1HUNTER2\n", 2),
        (&["keygen", "-y", "none.txt"], "", 4),
        (&["keygen", "keys.txt"], "", 2),
        (&["keygen", "-y", "--pq"], "", 2),
    ] {
        let output = septum(directory.path(), arguments, input);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        record(&stderr);
        assert!(!stderr.contains("HUNTER2"), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_goes_to_a_file_that_all_may_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        let file = fs::File::create(directory.path().join("key.txt")).unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
        note_command(command.arg("keygen").stdout(file));
        let command = command.output().unwrap();
        assert!(command.status.success());
        assert_eq!(text(&command.stderr).contains("warning: "), warned, "{mode:o}");
        record(text(&command.stderr));
    }
}

#[test]
fn age_and_sops_read_what_keygen_writes() {
    let directory = tempfile::tempdir().unwrap();
    let (Some(age_keygen), Some(sops)) = (peer("age-keygen"), peer("sops")) else { return };
    fs::write(directory.path().join("plain.yaml"), "password: hunter2\n").unwrap();
    for (name, options) in
        [("classic.txt", &["keygen", "-o", "classic.txt"][..]), ("pq.txt", &["keygen", "--pq", "-o", "pq.txt"])]
    {
        assert!(septum(directory.path(), options, "").status.success());
        let recipient = public_key(&fs::read_to_string(directory.path().join(name)).unwrap());
        let theirs = run(Command::new(&age_keygen).args(["-y", name]).current_dir(directory.path()), "");
        assert_eq!(text(&theirs.stdout).trim_end(), recipient, "{name}");
        let mut encrypt = Command::new(&sops);
        encrypt.args(["encrypt", "--age", &recipient, "--output", "secret.yaml", "plain.yaml"]);
        assert!(run(encrypt.current_dir(directory.path()), "").status.success(), "{name}");
        let mut decrypt = Command::new(&sops);
        decrypt.args(["decrypt", "secret.yaml"]).env("SOPS_AGE_KEY_FILE", name).env("HOME", directory.path());
        assert_eq!(text(&run(decrypt.current_dir(directory.path()), "").stdout), "password: hunter2\n", "{name}");
    }
    // and the other way round
    for options in [&[][..], &["-pq"]] {
        let theirs = text(&run(Command::new(&age_keygen).args(options), "").stdout);
        assert_eq!(text(&septum(directory.path(), &["keygen", "-y"], &theirs).stdout).trim_end(), public_key(&theirs));
    }
}

/// An identity file behind a passphrase, with its recipient.
fn locked(directory: &Path, passphrase: &str) -> String {
    let file = text(&septum(directory, &["keygen", "-q"], "").stdout);
    let mut recipient = age::scrypt::Recipient::new(passphrase.to_owned().into());
    recipient.set_work_factor(4);
    let locked = age::encrypt_and_armor(&recipient, file.as_bytes()).unwrap();
    fs::write(directory.join("locked.txt"), locked).unwrap();
    public_key(&file)
}

#[test]
fn a_passphrase_is_asked_for_on_the_terminal_and_not_shown() {
    let Some(driver) = driver() else { return };
    let directory = tempfile::tempdir().unwrap();
    let recipient = locked(directory.path(), "correct horse");
    let command = "\"$SEPTUM\" keygen -y locked.txt > out; code=$?; echo; stty -a | grep -o '.echo ' ; exit $code";
    let seen = session(&driver, directory.path(), &[], command, &[("Passphrase for `locked.txt`:", "correct horse\n")]);
    assert_eq!(seen.code, 0, "{seen:?}");
    assert_eq!(fs::read_to_string(directory.path().join("out")).unwrap().trim_end(), recipient);
    assert!(!seen.shown.contains("correct horse"), "{seen:?}");
    assert!(seen.shown.contains(" echo"), "the terminal shows again what is typed: {seen:?}");
    let wrong = session(&driver, directory.path(), &[], command, &[("Passphrase", "wrong\n")]);
    assert_eq!(wrong.code, 3, "{wrong:?}");
    record(&wrong.shown);
}

#[test]
fn an_interrupted_prompt_leaves_the_terminal_as_it_was() {
    let Some(driver) = driver() else { return };
    let directory = tempfile::tempdir().unwrap();
    locked(directory.path(), "x");
    let command = "trap : INT; \"$SEPTUM\" keygen -y locked.txt; echo code $?; stty -a | grep -o '.echo '";
    let seen = session(&driver, directory.path(), &[], command, &[("Passphrase", "\u{3}")]);
    assert!(seen.shown.contains(" echo"), "{seen:?}");
    assert!(!seen.shown.contains("code 0"), "{seen:?}");
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let directory = tempfile::tempdir().unwrap();
    locked(directory.path(), "x");
    let output = septum(directory.path(), &["keygen", "-y", "locked.txt"], "x\n");
    assert_eq!(output.status.code(), Some(3));
    record(text(&output.stderr));
}
