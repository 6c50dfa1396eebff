//! Random documents of all formats that are encrypted and changed here and decrypted by the real
//! sops, and the other way round.

use std::fmt::Write as _;
use std::fs;

use septum::sops::{
    DecryptedFile, EncryptionPlan, GoRegex, Identities, MacScope, Selector, SopsFormat, SopsTree, Timestamp,
    TypedValue, ValuePath, ValuePathStep, encrypt_file,
};

use crate::sops_read::peers::{Peers, Random, for_all_seeds};
use crate::sops_read::tree::{document, meaning};

fn selector(text: &str) -> Selector {
    let Some((name, argument)) = text.split_once(": ") else { return Selector::default() };
    let pattern = || GoRegex::parse(argument).expect("compiles");
    match name {
        "unencrypted_suffix" => Selector::UnencryptedSuffix(argument.to_owned()),
        "encrypted_suffix" => Selector::EncryptedSuffix(argument.to_owned()),
        "unencrypted_regex" => Selector::UnencryptedRegex(pattern()),
        "encrypted_regex" => Selector::EncryptedRegex(pattern()),
        "unencrypted_comment_regex" => Selector::UnencryptedCommentRegex(pattern()),
        _ => Selector::EncryptedCommentRegex(pattern()),
    }
}

impl Random {
    /// A document of a format.
    fn plain(&mut self, format: SopsFormat) -> Vec<u8> {
        match format {
            SopsFormat::Yaml => self.yaml(true).0.into_bytes(),
            SopsFormat::Json => self.json(3).into_bytes(),
            SopsFormat::Dotenv => self.dotenv().into_bytes(),
            SopsFormat::Ini => self.ini().into_bytes(),
            SopsFormat::Binary => {
                (0..self.below(200)).map(|_| u8::try_from(self.below(256)).expect("a byte")).collect()
            }
        }
    }

    fn json(&mut self, depth: usize) -> String {
        let quoted = |text: &str| serde_json::to_string(text).expect("a string");
        let blank = self.pick(&["", " ", "\n", "\n\t", "\r\n  "]);
        let mut out = format!("{{{blank}");
        for index in 0..=self.below(4) {
            let comma = if index > 0 { "," } else { "" };
            let key = format!("{}{index}", self.key());
            let _ = write!(out, "{comma}{blank}{}:{}", quoted(&key), self.pick(&["", " ", "  "]));
            match self.below(9) {
                0 | 1 if depth > 0 => out.push_str(&self.json(depth - 1)),
                2 => out.push_str(self.pick(&["[]", "{}", "[1, [2, {\"x\": \"y\"}], null]", "[\"s\",\"s\" , \"s\"]"])),
                3 => out.push_str(self.pick(&["true", "false", "null", "\"\"", "\"\\u00e9\\ud83d\\ude00<&>\\/\""])),
                4 => {
                    out.push_str(self.pick(&["1", "-7", "1.5", "1e3", "1.0", "9223372036854775807", "1e22", "2.5e-9"]));
                }
                5 => {
                    let int = self.next().cast_signed() >> self.below(64);
                    out.push_str(&int.to_string());
                }
                _ => out.push_str(&quoted(&self.text())),
            }
        }
        out + blank + "}"
    }

    fn dotenv(&mut self) -> String {
        let mut out = String::new();
        for index in 0..=self.below(6) {
            if self.below(4) == 0 {
                out.push_str(self.pick(&["# a comment\n", "#\n", "\n", "#x=y\n"]));
            }
            let value = self.text().replace('\n', "\\n");
            let suffix = self.pick(&["", "_x", " ", "_unencrypted"]);
            let _ = writeln!(out, "KEY_{index}{suffix}={value}");
        }
        out
    }

    fn ini(&mut self) -> String {
        let mut out = String::new();
        for section in 0..=self.below(3) {
            out.push_str(self.pick(&["", "; about\n", "# about\n\n"]));
            let _ = writeln!(out, "[s{section}]");
            for index in 0..=self.below(4) {
                out.push_str(self.pick(&["", "", "; a key\n"]));
                let value = self.pick(&["a", "two words", "x=y", "1", "\"q\"", "", "`a;b`", "ß", "a:b", "\"  lead\""]);
                let _ = writeln!(out, "key{index}{}= {value}", self.pick(&["", " ", "_x "]));
            }
            out.push('\n');
        }
        out
    }
}

const EXTENSIONS: [(SopsFormat, &str); 5] = [
    (SopsFormat::Yaml, "yaml"),
    (SopsFormat::Json, "json"),
    (SopsFormat::Dotenv, "env"),
    (SopsFormat::Ini, "ini"),
    (SopsFormat::Binary, "bin"),
];

/// What sops prints; what it warns of is a failure too.
fn sops(peers: &Peers, arguments: &[&str], about: &str) -> Vec<u8> {
    let output = peers.sops().args(arguments).output().expect("runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !error.contains("unencrypted comment"), "{arguments:?}: {error}\n{about}");
    output.stdout
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn open(bytes: &[u8], format: SopsFormat, identities: &Identities) -> DecryptedFile {
    DecryptedFile::decrypt_bytes("file", bytes.to_vec(), format, identities)
        .unwrap_or_else(|error| panic!("{:?}\n{}", error.into_diagnostics(), shown(bytes)))
}

/// Two texts of one format mean the same.
fn same(format: SopsFormat, one: &[u8], other: &[u8], about: &str) {
    match format {
        // sops and we differ in where a comment stands; values are what counts
        SopsFormat::Yaml => assert_eq!(meaning(&document(&shown(one))), meaning(&document(&shown(other))), "{about}"),
        _ => assert_eq!(shown(one), shown(other), "{about}"),
    }
}

#[test]
fn what_is_written_here_is_read_by_sops() {
    let Some(peers) = Peers::find() else { return };
    let identities = peers.identities();
    for (format, extension) in EXTENSIONS {
        for_all_seeds(|seed| {
            let mut random = Random(seed);
            let chosen = if format == SopsFormat::Yaml { random.selector() } else { "" };
            let plain = match format {
                // go-yaml gives some comments of lists to other items, and sops cannot read all of its own
                SopsFormat::Yaml => random.yaml(!chosen.contains("comment")).0.into_bytes(),
                _ => random.plain(format),
            };
            let scope = if random.below(3) == 0 { MacScope::Encrypted } else { MacScope::All };
            let plan = EncryptionPlan {
                recipients: peers.recipients(),
                selector: selector(chosen),
                mac_scope: scope,
                ..EncryptionPlan::new(peers.recipients())
            };
            let now = Timestamp::from_system_time(std::time::SystemTime::now());
            let Ok(written) = encrypt_file("file", plain.clone(), format, &plan, now) else { return };
            let bytes = written.bytes;
            let about = format!("{seed} {chosen}\n{}\n{}", shown(&plain), shown(&bytes));
            let name = format!("{seed}.{extension}");
            fs::write(peers.directory.path().join(&name), &bytes).expect("writes");
            let sealed = open(&bytes, format, &identities);
            let printed = sops(&peers, &["decrypt", &name], &about);
            same(format, &sealed.emit_format(format).expect("emits"), &printed, &about);
            if format == SopsFormat::Binary {
                assert_eq!(printed, plain);
            }
            // and after a change
            let mut sealed = sealed;
            let path: Vec<ValuePathStep> = match format {
                SopsFormat::Binary => return,
                SopsFormat::Ini => vec![ValuePathStep::Key("s0".to_owned()), ValuePathStep::Key("added".to_owned())],
                _ => vec![ValuePathStep::Key("added".to_owned())],
            };
            let path: ValuePath = path.into_iter().collect();
            // the INI that sops prints loses quotes around a value
            let value = random.text().replace(['\\', '\n', '"', '\''], "");
            sealed.set_value(0, &path, &SopsTree::of(TypedValue::from_text(&value))).expect("sets");
            let bytes = sealed.write_bytes(now).expect("writes");
            fs::write(peers.directory.path().join(&name), &bytes).expect("writes");
            let about = format!("{about}\n{}", shown(&bytes));
            let printed = sops(&peers, &["decrypt", &name], &about);
            same(format, &open(&bytes, format, &identities).emit_format(format).expect("emits"), &printed, &about);
        });
    }
}

#[test]
fn what_sops_writes_is_read_changed_and_read_again() {
    let Some(peers) = Peers::find() else { return };
    let identities = peers.identities();
    for (format, extension) in EXTENSIONS {
        for_all_seeds(|seed| {
            let mut random = Random(seed ^ 0x5E9);
            let plain = random.plain(format);
            let name = format!("{seed}.there.{extension}");
            fs::write(peers.directory.path().join(&name), &plain).expect("writes");
            let output = peers.sops().args(["encrypt", "--age", &peers.recipient, &name]).output().expect("runs");
            if !output.status.success() {
                return;
            }
            let about = format!("{seed}\n{}\n{}", shown(&plain), shown(&output.stdout));
            fs::write(peers.directory.path().join(&name), &output.stdout).expect("writes");
            let sealed = open(&output.stdout, format, &identities);
            let printed = sops(&peers, &["decrypt", &name], &about);
            same(format, &sealed.emit_format(format).expect("emits"), &printed, &about);
            // the plaintext as it is edited, put back, is no change at all
            let mut again = open(&output.stdout, format, &identities);
            let edited = again.plaintext().expect("plain");
            again.replace_plaintext(&edited).expect("replaces");
            let now = Timestamp::from_system_time(std::time::SystemTime::now());
            assert_eq!(again.write_bytes(now).expect("writes"), output.stdout, "{about}");
        });
    }
}
