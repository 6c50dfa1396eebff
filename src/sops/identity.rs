//! The age identities of a run (format, section 2.3).
//!
//! All places are searched, once, when the first file needs it, and what was found in each is kept:
//! somebody who cannot decrypt a file wants to know where the program looked.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use age::x25519::Identity;
use zeroize::Zeroizing;

use super::places::Places;

/// No file with identities is longer; age has the same limit.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The identities of a run. Cheap to make: places are searched when the first file asks.
pub struct Identities {
    places: Places,
    found: OnceLock<Found>,
}

#[derive(Default)]
struct Found {
    identities: Vec<Known>,
    searched: Vec<Searched>,
}

struct Known {
    identity: Identity,
    recipient: String,
}

/// A place that was searched, and how that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// What people call it: a variable, a file.
    pub place: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How the search of a place went. Holds nothing that is private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The variable is not set.
    NotSet,
    /// There is no such file.
    Missing,
    /// It could not be read.
    Unreadable(io::ErrorKind),
    /// There are identities.
    Found {
        /// The recipients of those that can be used.
        recipients: Vec<String>,
        /// The kinds of those that cannot be used by this version.
        unsupported: Vec<String>,
    },
    /// A line is not an identity, so that no line of the place is used, as sops has it.
    Invalid {
        /// The line, from 1.
        line: usize,
    },
    /// What stands there cannot be used by this version.
    Unsupported(&'static str),
    /// The command could not be split into words.
    NotACommand,
    /// The command ended with a failure.
    Failed(Option<i32>),
}

impl Identities {
    /// The identities in these places.
    pub fn new(places: Places) -> Self {
        Self { places, found: OnceLock::new() }
    }

    /// The places that were searched, with what was found.
    pub fn searched(&self) -> &[Searched] {
        &self.found().searched
    }

    /// Whether the identity of a recipient is among them.
    pub(super) fn has(&self, recipient: &str) -> bool {
        self.found().identities.iter().any(|known| known.recipient == recipient)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.found().identities.iter().map(|known| &known.identity as &dyn age::Identity)
    }

    fn found(&self) -> &Found {
        self.found.get_or_init(|| Found::search(&self.places))
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").field("places", &self.places).finish_non_exhaustive()
    }
}

impl Found {
    fn search(places: &Places) -> Self {
        let mut found = Self::default();
        let outcome = match &places.age_key {
            Some(keys) => found.take(Form::Words, keys.as_bytes()),
            None => Outcome::NotSet,
        };
        found.note("SOPS_AGE_KEY", outcome);
        match &places.age_key_file {
            Some(file) => found.file("SOPS_AGE_KEY_FILE, ", file),
            None => found.note("SOPS_AGE_KEY_FILE", Outcome::NotSet),
        }
        let outcome = match &places.age_key_cmd {
            Some(command) => run(command).map_or_else(|outcome| outcome, |output| found.take(Form::Lines, &output)),
            None => Outcome::NotSet,
        };
        found.note("SOPS_AGE_KEY_CMD", outcome);
        for file in &places.user_key_files {
            found.file("", file);
        }
        found.ssh(places);
        found
    }

    fn note(&mut self, place: impl Into<String>, outcome: Outcome) {
        self.searched.push(Searched { place: place.into(), outcome });
    }

    fn file(&mut self, variable: &str, path: &Path) {
        let outcome = match read(path) {
            Ok(content) => self.take(Form::Lines, &content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::Missing,
            Err(error) => Outcome::Unreadable(error.kind()),
        };
        self.note(format!("{variable}{}", path.display()), outcome);
    }

    /// SSH keys are named where there are some: files may well be encrypted for them.
    fn ssh(&mut self, places: &Places) {
        let unsupported = || Outcome::Unsupported("an SSH key");
        if places.ssh_key_cmd.is_some() {
            self.note("SOPS_AGE_SSH_PRIVATE_KEY_CMD", unsupported());
        }
        if let Some(path) = &places.ssh_key_file {
            let outcome = if path.exists() { unsupported() } else { Outcome::Missing };
            self.note(format!("SOPS_AGE_SSH_PRIVATE_KEY_FILE, {}", path.display()), outcome);
        }
        for path in places.user_ssh_keys.iter().filter(|path| path.exists()) {
            self.note(path.display().to_string(), unsupported());
        }
    }

    /// Takes the identities in a content. One line that is none spoils the place, as with sops.
    fn take(&mut self, form: Form, content: &[u8]) -> Outcome {
        if content.starts_with(b"age-encryption") || content.starts_with(b"-----BEGIN AGE") {
            return Outcome::Unsupported("an identity file that is encrypted itself");
        }
        if content.starts_with(b"-----BEGIN") {
            return Outcome::Unsupported("an SSH key");
        }
        let (mut identities, mut unsupported) = (Vec::new(), Vec::new());
        for (line, text) in form.split(content) {
            let Ok(text) = std::str::from_utf8(text) else { return Outcome::Invalid { line } };
            if let Some(kind) = unsupported_kind(text) {
                unsupported.push(kind);
                continue;
            }
            let Ok(identity) = text.parse::<Identity>() else { return Outcome::Invalid { line } };
            let recipient = identity.to_public().to_string();
            identities.push(Known { identity, recipient });
        }
        let recipients = identities.iter().map(|known| known.recipient.clone()).collect();
        self.identities.extend(identities);
        Outcome::Found { recipients, unsupported }
    }
}

/// How identities stand in a place.
#[derive(Clone, Copy)]
enum Form {
    /// One to a line, as in a file.
    Lines,
    /// Many to a line, as in a variable.
    Words,
}

impl Form {
    /// The identities with their lines, without comments and blank lines.
    fn split(self, content: &[u8]) -> Vec<(usize, &[u8])> {
        let lines = content.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"));
        let lines = lines.map(|(index, line)| (index + 1, line));
        match self {
            Self::Lines => lines.collect(),
            Self::Words => lines
                .flat_map(|(number, line)| line.split(u8::is_ascii_whitespace).map(move |word| (number, word)))
                .filter(|(_, word)| !word.is_empty())
                .collect(),
        }
    }
}

/// The kind of an identity that is one, but not for this version.
fn unsupported_kind(text: &str) -> Option<String> {
    if text.starts_with("AGE-SECRET-KEY-PQ-1") {
        return Some("AGE-SECRET-KEY-PQ".to_owned());
    }
    let plugin = text.strip_prefix("AGE-PLUGIN-")?;
    // what follows the last `1` is the plugin's own, and may be private
    let (name, _) = plugin.rsplit_once('1')?;
    Some(format!("AGE-PLUGIN-{}", name.trim_end_matches('-')))
}

/// Reads a file into one buffer that is wiped, and never moved while it grows.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len().min(LONGEST)).unwrap_or(0);
    let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(LONGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}

/// Runs a command without a shell and gives what it prints. Its messages go to the terminal.
fn run(command: &str) -> Result<Zeroizing<Vec<u8>>, Outcome> {
    let words = shlex::split(command).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else { return Err(Outcome::NotACommand) };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| Outcome::Unreadable(error.kind()))?;
    let content = Zeroizing::new(output.stdout);
    if output.status.success() { Ok(content) } else { Err(Outcome::Failed(output.status.code())) }
}

/// Says it as a message about a place does: `no such file`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet => f.write_str("not set"),
            Self::Missing => f.write_str("no such file"),
            Self::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
            Self::Invalid { line } => write!(f, "line {line} is not an age identity, so no line was used"),
            Self::Unsupported(what) => write!(f, "{what}, which is not supported by this version"),
            Self::NotACommand => f.write_str("not a command: it is empty or has an open quote"),
            Self::Failed(Some(code)) => write!(f, "the command failed with exit code {code}"),
            Self::Failed(None) => f.write_str("the command was killed"),
            Self::Found { recipients, unsupported } => {
                match recipients.as_slice() {
                    [] if unsupported.is_empty() => f.write_str("no identity in it")?,
                    [] => {}
                    recipients => write!(f, "the identity of {}", recipients.join(", "))?,
                }
                for (position, kind) in unsupported.iter().enumerate() {
                    let separator = if position > 0 || !recipients.is_empty() { "; " } else { "" };
                    write!(f, "{separator}`{kind}`, which is not supported by this version")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const ONE: &str = "AGE-SECRET-KEY-12D2VXL5UZU0Y2D8LKLJXKVF8DZQZTTQACCL330QMMZ8D6HLYE43QLM7JHS";
    const ONE_PUBLIC: &str = "age1pgs5clczcduc0mjyau2mme6pwyr62kjywl5ju29h6kgmjutwtsfqtkttjh";
    const TWO: &str = "AGE-SECRET-KEY-1KMUSZZJNDUL439VDFZQGDQFFDXWDMYHMFFPJ0775FAWTTVXJPFCQ7N0YM8";
    const TWO_PUBLIC: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";

    /// What is found in a key file of this content.
    fn in_file(content: &str) -> (Outcome, usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.txt");
        fs::write(&path, content).expect("writes");
        let identities = Identities::new(Places { age_key_file: Some(path.clone()), ..Places::default() });
        let searched = identities.searched().iter().find(|searched| searched.place.contains("keys.txt"));
        let searched = searched.expect("was searched");
        assert_eq!(searched.place, format!("SOPS_AGE_KEY_FILE, {}", path.display()));
        (searched.outcome.clone(), identities.iter().count())
    }

    #[test]
    fn a_file_says_what_is_in_it() {
        let plugin = "AGE-PLUGIN-YUBIKEY-1QQPQ9QYZ";
        for (content, expected, usable) in [
            (format!("# a comment\n\n{ONE}\r\n  {TWO}\n"), format!("the identity of {ONE_PUBLIC}, {TWO_PUBLIC}"), 2),
            (format!("{ONE}\n{plugin}"), format!("the identity of {ONE_PUBLIC}; `AGE-PLUGIN-YUBIKEY`, which is"), 1),
            (plugin.to_owned(), "`AGE-PLUGIN-YUBIKEY`, which is not supported".to_owned(), 0),
            ("AGE-SECRET-KEY-PQ-1QQ".to_owned(), "`AGE-SECRET-KEY-PQ`, which is not supported".to_owned(), 0),
            (format!("{ONE}\n\nhunter2\n"), "line 3 is not an age identity, so no line was used".to_owned(), 0),
            (format!("{ONE}x"), "line 1 is not an age identity".to_owned(), 0),
            (format!("{ONE} {TWO}"), "line 1 is not an age identity".to_owned(), 0),
            ("\n# nothing\n".to_owned(), "no identity in it".to_owned(), 0),
            (String::new(), "no identity in it".to_owned(), 0),
            ("age-encryption.org/v1\n-> scrypt".to_owned(), "an identity file that is encrypted itself".to_owned(), 0),
            ("-----BEGIN AGE ENCRYPTED FILE-----".to_owned(), "an identity file that is encrypted".to_owned(), 0),
            ("-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(), "an SSH key, which is not supported".to_owned(), 0),
        ] {
            let (outcome, count) = in_file(&content);
            assert!(outcome.to_string().starts_with(&expected), "{content:?}: {outcome}");
            assert_eq!(count, usable, "{content:?}");
            assert!(!outcome.to_string().contains("SECRET-KEY-1"), "{outcome}");
        }
    }

    #[test]
    fn all_places_are_searched_and_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let user = folder.path().join("user.txt");
        let ssh = folder.path().join("id_ed25519");
        fs::write(&user, TWO).expect("writes");
        fs::write(&ssh, "x").expect("writes");
        let missing = folder.path().join("missing.txt");
        let identities = Identities::new(Places {
            age_key: Some(Zeroizing::new(format!("# mine\n{ONE} {TWO}\n"))),
            age_key_file: Some(missing.clone()),
            user_key_files: vec![user.clone(), folder.path().to_owned()],
            ssh_key_cmd: Some("x".to_owned()),
            user_ssh_keys: vec![ssh.clone(), PathBuf::from("/nowhere/id_rsa")],
            ..Places::default()
        });
        let found: Vec<_> =
            identities.searched().iter().map(|searched| format!("{}: {}", searched.place, searched.outcome)).collect();
        let ssh_is = "an SSH key, which is not supported by this version";
        assert_eq!(found[0], format!("SOPS_AGE_KEY: the identity of {ONE_PUBLIC}, {TWO_PUBLIC}"));
        assert_eq!(found[1], format!("SOPS_AGE_KEY_FILE, {}: no such file", missing.display()));
        assert_eq!(found[2], "SOPS_AGE_KEY_CMD: not set");
        assert_eq!(found[3], format!("{}: the identity of {TWO_PUBLIC}", user.display()));
        assert!(found[4].contains(": cannot be read: "), "{}", found[4]);
        assert_eq!(found[5], format!("SOPS_AGE_SSH_PRIVATE_KEY_CMD: {ssh_is}"));
        assert_eq!(found[6], format!("{}: {ssh_is}", ssh.display()));
        assert_eq!(found.len(), 7);
        assert!(identities.has(ONE_PUBLIC) && identities.has(TWO_PUBLIC) && !identities.has("age1"));
        assert!(!format!("{identities:?}").contains("SECRET-KEY-1"));
    }

    #[cfg(unix)]
    #[test]
    fn a_command_is_run_once_and_without_a_shell() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("my keys; touch x");
        fs::write(&path, ONE).expect("writes");
        let outcome = |command: String| {
            let identities = Identities::new(Places { age_key_cmd: Some(command), ..Places::default() });
            identities.searched()[2].outcome.to_string()
        };
        assert_eq!(outcome(format!("cat '{}'", path.display())), format!("the identity of {ONE_PUBLIC}"));
        assert_eq!(outcome("false".to_owned()), "the command failed with exit code 1");
        assert_eq!(outcome("/nowhere/program".to_owned()), "cannot be read: entity not found");
        assert_eq!(outcome("cat 'x".to_owned()), "not a command: it is empty or has an open quote");
        let counter = folder.path().join("count");
        let command = format!("sh -c 'echo x >> {}; echo {ONE}'", counter.display());
        let identities = Identities::new(Places { age_key_cmd: Some(command), ..Places::default() });
        for _ in 0..3 {
            assert!(identities.has(ONE_PUBLIC));
        }
        assert_eq!(fs::read_to_string(counter).expect("ran"), "x\n");
    }
}
