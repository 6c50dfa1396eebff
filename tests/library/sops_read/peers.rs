//! Random documents, encrypted by the real sops.
//!
//! Skipped, with a line that says so, where `sops` or `age-keygen` is missing: neither in the directory
//! `$SEPTUM_PEERS/bin` (by default `~/.cache/septum-peers/bin`) nor on the path. With
//! `SEPTUM_REQUIRE_PEERS=1` that is a failure.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use septum::sops::{Identities, IdentitySources, Recipient, Recipients, decrypt_document};
use septum::span::Source;

use crate::sops_read::messages;
use crate::sops_read::tree::{Meaning, document, meaning};
use crate::sops_read::vectors::ciphertexts;

/// How many documents of each kind; `SEPTUM_SOPS_DOCUMENTS` says otherwise.
const DOCUMENTS: u64 = 60;
const THREADS: u64 = 2;

/// The seeds of the random documents, dealt to this many threads.
pub(crate) fn seeds(thread: u64) -> impl Iterator<Item = u64> {
    let wanted = std::env::var("SEPTUM_SOPS_DOCUMENTS").ok().and_then(|count| count.parse().ok());
    (thread..wanted.unwrap_or(DOCUMENTS)).step_by(usize::try_from(THREADS).expect("few"))
}

/// Runs a check for all seeds, on all threads.
pub(crate) fn for_all_seeds(check: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let check = &check;
            scope.spawn(move || seeds(thread).for_each(check));
        }
    });
}

/// Real programs, with a directory and a key pair for a test.
pub(crate) struct Peers {
    pub(crate) sops: PathBuf,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) keys: PathBuf,
    pub(crate) recipient: String,
}

impl Peers {
    /// `None`, with a line that says so, where a program is missing.
    pub(crate) fn find() -> Option<Self> {
        let (Some(sops), Some(keygen)) = (peer("sops"), peer("age-keygen")) else {
            assert!(std::env::var_os("SEPTUM_REQUIRE_PEERS").is_none(), "sops or age-keygen is missing");
            println!("skipped: sops or age-keygen is missing");
            return None;
        };
        let directory = tempfile::tempdir().expect("a directory");
        let keys = directory.path().join("keys.txt");
        assert!(Command::new(keygen).arg("-o").arg(&keys).output().expect("runs").status.success());
        let text = fs::read_to_string(&keys).expect("keys");
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a recipient");
        Some(Self { sops, recipient: recipient.to_owned(), directory, keys })
    }

    pub(crate) fn identities(&self) -> Identities {
        Identities::new(IdentitySources { age_key_file: Some(self.keys.clone()), ..IdentitySources::default() })
    }

    pub(crate) fn recipients(&self) -> Recipients {
        Recipients::from_age(vec![Recipient::parse(&self.recipient).expect("valid")])
    }

    /// sops, with the key and nothing else of the machine.
    pub(crate) fn sops(&self) -> Command {
        let mut command = Command::new(&self.sops);
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("SOPS_AGE_KEY_FILE", &self.keys);
        command
    }
}

#[test]
fn what_sops_encrypts_is_read() {
    let Some(peers) = Peers::find() else { return };
    let identities = peers.identities();
    for_all_seeds(|seed| check(seed, &peers, &identities));
}

fn peer(name: &str) -> Option<PathBuf> {
    let peers = std::env::var_os("SEPTUM_PEERS").map(PathBuf::from);
    let peers = peers.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/septum-peers")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = peers.map(|peers| peers.join("bin")).into_iter().chain(std::env::split_paths(&path));
    directories.map(|directory| directory.join(name)).find(|file| file.is_file())
}

fn check(seed: u64, peers: &Peers, identities: &Identities) {
    let mut random = Random(seed);
    let selector = random.selector();
    let (plain, expected) = random.yaml(!selector.contains("comment"));
    let (directory, recipient) = (peers.directory.path(), &peers.recipient);
    let file = directory.join(format!("{seed}.yaml"));
    fs::write(&file, &plain).expect("writes");
    let config = directory.join(format!("{seed}.config.yaml"));
    let scope = random.below(3) == 0;
    let rule = format!("creation_rules:\n  - age: {recipient}\n    mac_only_encrypted: {scope}\n    {selector}\n");
    fs::write(&config, rule).expect("writes");
    let mut command = peers.sops();
    command.arg("--config").arg(&config);
    let output = command.arg("encrypt").arg(&file).output().expect("runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{seed} {selector}: {error}\n{plain}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let source = Source::new(format!("{seed}.yaml"), text);
    let found = decrypt_document(document(source.text()), &source, identities)
        .unwrap_or_else(|error| panic!("{seed} {selector}: {:?}\n{plain}\n{}", messages(error), source.text()));
    assert_eq!(meaning(&found.tree), expected, "{seed} {selector}\n{plain}\n{}", source.text());
    assert_eq!(found.encrypted, ciphertexts(source.text()), "{seed}");
}

/// `SplitMix64`: the same documents on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A document, and what it means.
    pub(crate) fn yaml(&mut self, list_comments: bool) -> (String, Meaning) {
        let writer = Writer { comments: self.below(2) == 0, list_comments };
        let mut plain = String::new();
        let meaning = writer.map(self, &mut plain, 0, 3);
        (plain, meaning)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }

    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    pub(crate) fn selector(&mut self) -> &'static str {
        self.pick(&[
            "",
            "unencrypted_suffix: _x",
            "encrypted_suffix: _x",
            "encrypted_regex: ^(data|stringData)$",
            r"encrypted_regex: ^\w+$",
            r"unencrypted_regex: (?i)^DATA|[[:upper:]]|\bx\b",
            "unencrypted_comment_regex: sops:mark",
            "encrypted_comment_regex: sops:mark",
        ])
    }

    /// A key without a `:`: what sops encrypts below such a one is refused (`tests/ambiguous_keys.rs`).
    pub(crate) fn key(&mut self) -> String {
        const KEYS: [&str; 13] =
            ["data", "stringData", "DATA_x", "a_x", "b", "a b", "x y", "ß", "80", "true", "tls.crt", "#", "ÄX"];
        let key = self.pick(&KEYS).to_owned();
        if self.below(2) == 0 { key + &self.below(99).to_string() } else { key }
    }

    pub(crate) fn text(&mut self) -> String {
        const PIECES: [&str; 16] =
            ["a", "Z", "0", " ", "\"", "'", ": ", " #", "\n", "\\", "ß", "日本", "🦀", ", ", "[x]", "ENC[AES256_GCM,"];
        let text: String = (0..self.below(9)).map(|_| self.pick(&PIECES)).collect();
        // the YAML writer of sops makes a block of it that sops itself cannot read
        let unreadable = text.contains('\n') && text.starts_with([' ', '\n']);
        if unreadable { format!("x{text}") } else { text }
    }

    /// A scalar as it is written, and what it means.
    fn scalar(&mut self) -> (String, Meaning) {
        let number = |text: &str| Meaning::Number(text.to_owned());
        let text = |text: &str| Meaning::Text(text.to_owned());
        match self.below(12) {
            0 => {
                let int = self.next().cast_signed() >> self.below(64);
                (int.to_string(), number(&int.to_string()))
            }
            1 => {
                let float = f64::from_bits(self.next());
                let float = if float.is_finite() { float } else { 0.5 };
                (format!("{float:e}"), number_of(float))
            }
            2 => {
                let (written, value) = self.pick(&[
                    ("0644", "420"),
                    ("08", "8"),
                    ("0x1F", "31"),
                    ("-0b11", "-3"),
                    ("0o17", "15"),
                    ("1_000", "1000"),
                    ("1.0", "1"),
                    ("1e10", "10000000000"),
                    (".5", "0.5"),
                    (".inf", ".inf"),
                    ("-.Inf", "-.inf"),
                    (".NaN", ".nan"),
                    ("!!float 3", "3"),
                    ("!!int \"7\"", "7"),
                ]);
                (written.to_owned(), number(value))
            }
            3 => {
                let (written, value) = self.pick(&[
                    ("2024-01-01", "2024-01-01T00:00:00Z"),
                    ("2024-1-1 1:2:3.50", "2024-01-01T01:02:03.5Z"),
                    ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
                    ("\"2024-01-01\"", "2024-01-01"),
                    ("yes", "yes"),
                    ("12:30:45", "12:30:45"),
                    ("!!str 0644", "0644"),
                    ("!!binary aGVsbG8=", "hello"),
                    ("'it''s'", "it's"),
                    ("1.2.3", "1.2.3"),
                    ("1e400", "1e400"),
                    ("\"\"", ""),
                ]);
                (written.to_owned(), text(value))
            }
            4 => {
                let (written, value) = self.pick(&[("true", true), ("True", true), ("FALSE", false)]);
                (written.to_owned(), Meaning::Bool(value))
            }
            5 => (self.pick(&["~", "null", ""]).to_owned(), Meaning::Null),
            _ => {
                let value = self.text();
                (quoted(&value), text(&value))
            }
        }
    }
}

fn number_of(float: f64) -> Meaning {
    // whole numbers are written without a point, and read as integers where they fit
    Meaning::Number(float.to_string())
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            _ => out.push(char),
        }
    }
    out + "\""
}

struct Writer {
    comments: bool,
    list_comments: bool,
}

impl Writer {
    fn map(&self, random: &mut Random, out: &mut String, indent: usize, depth: usize) -> Meaning {
        let mut entries: Vec<(String, Meaning)> = Vec::new();
        for _ in 0..=random.below(5) {
            let key = random.key();
            if entries.iter().any(|(known, _)| *known == key) {
                continue;
            }
            comment(random, out, indent, self.comments);
            let _ = write!(out, "{:indent$}{}:", "", quoted(&key));
            let value = self.value(random, out, indent + 2, depth);
            entries.push((key, value));
        }
        Meaning::Map(entries)
    }

    fn list(&self, random: &mut Random, out: &mut String, indent: usize, depth: usize) -> Meaning {
        let items = (0..=random.below(4)).map(|_| {
            comment(random, out, indent, self.comments && self.list_comments);
            let _ = write!(out, "{:indent$}-", "");
            self.value(random, out, indent + 2, depth)
        });
        Meaning::List(items.collect())
    }

    fn value(&self, random: &mut Random, out: &mut String, indent: usize, depth: usize) -> Meaning {
        match random.below(8) {
            0 | 1 if depth > 0 => {
                out.push('\n');
                self.map(random, out, indent, depth - 1)
            }
            2 | 3 if depth > 0 => {
                out.push('\n');
                self.list(random, out, indent, depth - 1)
            }
            4 => {
                let (written, value) = random.pick(&[(" {}\n", true), (" []\n", false)]);
                out.push_str(written);
                if value { Meaning::Map(Vec::new()) } else { Meaning::List(Vec::new()) }
            }
            _ => {
                let (written, meaning) = random.scalar();
                let _ = writeln!(out, " {written}");
                meaning
            }
        }
    }
}

fn comment(random: &mut Random, out: &mut String, indent: usize, wanted: bool) {
    if wanted && random.below(4) == 0 {
        let comment = random.pick(&["a comment", "sops:mark", "password: hunter2"]);
        let _ = writeln!(out, "{:indent$}# {comment}", "");
    }
}
