use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use super::*;

const ONE: &str = "AGE-SECRET-KEY-12D2VXL5UZU0Y2D8LKLJXKVF8DZQZTTQACCL330QMMZ8D6HLYE43QLM7JHS";
const ONE_PUBLIC: &str = "age1pgs5clczcduc0mjyau2mme6pwyr62kjywl5ju29h6kgmjutwtsfqtkttjh";
const TWO: &str = "AGE-SECRET-KEY-1KMUSZZJNDUL439VDFZQGDQFFDXWDMYHMFFPJ0775FAWTTVXJPFCQ7N0YM8";
const TWO_PUBLIC: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";

#[cfg(not(feature = "plugin"))]
const PLUGIN: &str = "AGE-PLUGIN-YUBIKEY-1QQPQ9QYZ";

/// The recipients of all identities that a file for these recipients is tried with.
fn tried(identities: &Identities, recipients: &[&str]) -> Vec<String> {
    let recipients: Vec<_> = recipients.iter().map(|&text| text.to_owned()).collect();
    let rings: Vec<_> = identities.identity_batches(&recipients).collect();
    rings.iter().flat_map(|ring| &ring.0).map(|known| known.recipient.clone()).collect()
}

/// Outcome and number of identities for a key file of this content.
fn in_file(content: &str) -> (LookupOutcome, usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keys.txt");
    fs::write(&path, content).expect("writes");
    let identities =
        Identities::new(IdentitySources { age_key_file: Some(path.clone()), ..IdentitySources::default() });
    let count = tried(&identities, &["age1x"]).len();
    let searched = identities.searched();
    let searched = searched.iter().find(|searched| searched.place.contains("keys.txt")).expect("was searched");
    assert_eq!(searched.place, format!("SOPS_AGE_KEY_FILE, {}", path.display()));
    (searched.outcome.clone(), count)
}

#[test]
fn a_file_says_what_is_in_it() {
    let locked = "encrypted with a passphrase, but no terminal is available to prompt for it";
    for (content, expected, usable) in [
        (format!("# a comment\n\n{ONE}\r\n  {TWO}\n"), format!("the identity of {ONE_PUBLIC}, {TWO_PUBLIC}"), 2),
        #[cfg(not(feature = "plugin"))]
        (format!("{ONE}\n{PLUGIN}"), format!("the identity of {ONE_PUBLIC}; `AGE-PLUGIN-YUBIKEY`, which is"), 1),
        #[cfg(not(feature = "plugin"))]
        (PLUGIN.to_owned(), "`AGE-PLUGIN-YUBIKEY`, which is not supported".to_owned(), 0),
        (format!("{ONE}\n\nhunter2\n"), "line 3 is not an age identity, so no line was used".to_owned(), 0),
        (format!("{ONE}x"), "line 1 is not an age identity".to_owned(), 0),
        (format!("{ONE} {TWO}"), "line 1 is not an age identity".to_owned(), 0),
        ("\n# nothing\n".to_owned(), "it contains no identity".to_owned(), 0),
        (String::new(), "it contains no identity".to_owned(), 0),
        ("age-encryption.org/v1\n-> scrypt".to_owned(), locked.to_owned(), 0),
        ("-----BEGIN AGE ENCRYPTED FILE-----".to_owned(), locked.to_owned(), 0),
        ("-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(), "an SSH key where age identities are".to_owned(), 0),
    ] {
        let (outcome, count) = in_file(&content);
        assert!(outcome.to_string().starts_with(&expected), "{content:?}: {outcome}");
        assert_eq!(count, usable, "{content:?}");
        assert!(!outcome.to_string().contains("SECRET-KEY-1"), "{outcome}");
    }
}

#[test]
fn all_places_are_searched_and_remembered() {
    let directory = tempfile::tempdir().expect("a directory");
    let user = directory.path().join("user.txt");
    let ssh = directory.path().join("id_ed25519");
    fs::write(&user, TWO).expect("writes");
    fs::write(&ssh, "hunter2").expect("writes");
    let missing = directory.path().join("missing.txt");
    let identities = Identities::new(IdentitySources {
        age_key: Some(Zeroizing::new(format!("# mine\n{ONE} {TWO}\n"))),
        age_key_file: Some(missing.clone()),
        user_key_files: vec![user.clone(), directory.path().to_owned()],
        ssh_key_cmd: Some("/nowhere/program".to_owned()),
        user_ssh_keys: vec![ssh.clone(), PathBuf::from("/nowhere/id_rsa")],
        ..IdentitySources::default()
    });
    let found: Vec<_> =
        identities.searched().iter().map(|searched| format!("{}: {}", searched.place, searched.outcome)).collect();
    assert_eq!(found[0], format!("SOPS_AGE_KEY: the identity of {ONE_PUBLIC}, {TWO_PUBLIC}"));
    assert_eq!(found[1], format!("SOPS_AGE_KEY_FILE, {}: no such file", missing.display()));
    assert_eq!(found[2], "SOPS_AGE_KEY_CMD: not set");
    assert_eq!(found[3], format!("{}: the identity of {TWO_PUBLIC}", user.display()));
    assert!(found[4].contains(": cannot be read: "), "{}", found[4]);
    assert_eq!(found[5], "SOPS_AGE_SSH_PRIVATE_KEY_CMD: its first word is not a program on `PATH` or the path of one");
    assert_eq!(found[6], format!("{}: not an SSH private key, or a damaged one", ssh.display()));
    assert_eq!(found.len(), 7);
    assert_eq!(tried(&identities, &[]), [ONE_PUBLIC, TWO_PUBLIC, TWO_PUBLIC]);
    assert!(!format!("{identities:?}{found:?}").contains("SECRET-KEY-1"));
}

#[cfg(unix)]
const OTHER: &str = "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";

#[cfg(unix)]
fn command(command: &str) -> Identities {
    Identities::new(IdentitySources { age_key_cmd: Some(command.to_owned()), ..IdentitySources::default() })
}

#[cfg(unix)]
#[test]
fn a_command_is_run_without_a_shell_and_only_when_needed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("my keys; touch x");
    fs::write(&path, ONE).expect("writes");
    let outcome = |text: String| {
        let identities = command(&text);
        assert_eq!(identities.searched()[2].outcome, LookupOutcome::NotRun);
        tried(&identities, &[ONE_PUBLIC]);
        identities.searched()[2].outcome.to_string()
    };
    assert_eq!(outcome(format!("cat '{}'", path.display())), format!("the identity of {ONE_PUBLIC}"));
    assert_eq!(outcome("false".to_owned()), "the command failed with exit code 1");
    assert_eq!(outcome("/nowhere/program".to_owned()), "its first word is not a program on `PATH` or the path of one");
    assert_eq!(outcome("cat 'x".to_owned()), "not a valid command: it is empty or has an unclosed quote");
    assert_eq!(outcome("echo hunter2".to_owned()), "line 1 is not an age identity, so no line was used");
}

#[cfg(unix)]
#[test]
fn a_command_is_run_once_for_each_recipient_and_told_which() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let script = |body: &str| command(&format!("sh -c 'echo $SOPS_AGE_RECIPIENT >> {}; {body}'", log.display()));
    let identities = script(&format!("test $SOPS_AGE_RECIPIENT = {ONE_PUBLIC} && echo {ONE} || echo {TWO}"));
    for _ in 0..2 {
        assert_eq!(tried(&identities, &[OTHER, ONE_PUBLIC]), [TWO_PUBLIC, ONE_PUBLIC]);
    }
    assert_eq!(fs::read_to_string(&log).expect("ran"), format!("{OTHER}\n{ONE_PUBLIC}\n"));
    let LookupOutcome::Found { recipients, .. } = &identities.searched()[2].outcome else { panic!("found") };
    assert_eq!(recipients, &[TWO_PUBLIC, ONE_PUBLIC]);
    // a command with the same output for two recipients is not run for the third
    fs::remove_file(&log).expect("removes");
    let identities = script(&format!("echo {ONE}"));
    assert_eq!(tried(&identities, &[OTHER, ONE_PUBLIC, TWO_PUBLIC, OTHER]).len(), 4);
    assert_eq!(fs::read_to_string(&log).expect("ran"), format!("{OTHER}\n{ONE_PUBLIC}\n"));
}

/// Always the same answer, counted.
struct Answers(&'static str, Arc<Mutex<Vec<String>>>);

impl PassphraseProvider for Answers {
    fn ask_passphrase(&self, of: &str) -> Option<Zeroizing<String>> {
        self.1.lock().expect("not poisoned").push(of.to_owned());
        Some(Zeroizing::new(self.0.to_owned()))
    }
}

/// An identity file that the passphrase `correct` decrypts.
fn encrypted_file() -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(age::secrecy::SecretString::from("correct".to_owned()));
    recipient.set_work_factor(4);
    age::encrypt(&recipient, format!("# mine\n{ONE}\n").as_bytes()).expect("encrypts")
}

#[test]
fn a_passphrase_is_asked_for_last_and_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keys.txt");
    fs::write(&path, encrypted_file()).expect("writes");
    for (answer, expected) in [
        ("correct", format!("the identity of {ONE_PUBLIC}")),
        ("hunter2", "encrypted with a passphrase, but the one entered is wrong".to_owned()),
    ] {
        let asked = Arc::default();
        let places = IdentitySources {
            age_key: Some(Zeroizing::new(TWO.to_owned())),
            age_key_file: Some(path.clone()),
            ..IdentitySources::default()
        };
        let identities = Identities::new(places).with_passphrases(Answers(answer, Arc::clone(&asked)));
        let recipients = ["age1x".to_owned()];
        assert!(identities.identity_batches(&recipients).next().is_some_and(|ring| ring.has_recipient(TWO_PUBLIC)));
        assert_eq!(asked.lock().expect("not poisoned").len(), 0, "what lies open is tried first");
        for _ in 0..2 {
            assert_eq!(tried(&identities, &["age1x"]).contains(&ONE_PUBLIC.to_owned()), answer == "correct");
        }
        assert_eq!(*asked.lock().expect("not poisoned"), [format!("SOPS_AGE_KEY_FILE, {}", path.display())]);
        assert_eq!(identities.searched()[1].outcome.to_string(), expected);
    }
}
