//! A sound project, and mistakes that can be made in it, each a few edits of its files.
//!
//! `project.txt` has the files of the project. `mistakes.txt` has the mistakes:
//!
//! | line | meaning |
//! |---|---|
//! | `## RULE: what is wrong` | the next mistake, and the rule by which it is reported |
//! | `@+ FILE LINE` | the lines below come after this line of a file; without a line, at the end of the file |
//! | `@~ FILE LINE` | the lines below replace this line |
//! | `@= FILE` | the lines below are a new file |
//! | `@bytes FILE COUNT` | a new file of so many bytes that are not text |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::support::sandbox::{DEMO_KEY, Sandbox};

/// Files of the project that are encrypted.
const ENCRYPTED: &str = "apps/shop/prod.secrets.yaml";

/// Files by their path.
type Files = BTreeMap<String, Vec<u8>>;

/// A mistake.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The rule by which it is reported.
    pub(super) rule: String,
    /// The line that describes it, which no other has.
    pub(super) name: String,
    edits: Vec<Edit>,
}

#[derive(Debug)]
struct Edit {
    file: String,
    kind: EditKind,
    text: String,
}

#[derive(Debug)]
enum EditKind {
    Insert(String),
    Append,
    Replace(String),
    Create,
    Bytes(usize),
}

/// A file of this directory.
fn own_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/check/together").join(name);
    fs::read_to_string(path).unwrap()
}

fn vector(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)).unwrap()
}

/// A text with the recipient of the key of the tests, and with certificates and keys, in the place of their names.
fn filled(text: &str) -> String {
    let key = fs::read_to_string(DEMO_KEY).unwrap();
    let recipient = key.split("public key: ").nth(1).unwrap().lines().next().unwrap();
    let indented = |name: &str| vector(name).lines().map(|line| format!("          {line}\n")).collect::<Vec<_>>();
    let block = |name: &str| format!("|\n{}", indented(name).concat());
    text.replace("RECIPIENT", recipient)
        .replace("OTHER_KEY\n", &block("tls/p256.key"))
        .replace("TLS_KEY\n", &block("tls/ed25519.key"))
        .replace("TLS_CERTIFICATE\n", &vector("tls/ed25519.crt"))
        .replace("NBSP", "\u{a0}")
        .replace("CRLF", "\r")
        .replace("NOLF\n", "")
}

/// The files of the sound project as they are written here.
fn plain_files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let text = own_file("project.txt");
        let files = text.split("==> ").skip(1).map(|part| {
            let (path, text) = part.split_once('\n').unwrap();
            (path.to_owned(), text.as_bytes().to_vec())
        });
        files.collect()
    })
}

/// The file of secrets of the sound project, encrypted once.
fn sound_secrets() -> &'static [u8] {
    static SECRETS: OnceLock<Vec<u8>> = OnceLock::new();
    SECRETS.get_or_init(|| encrypted(plain_files()))
}

fn sandbox(files: &Files) -> Sandbox {
    let filled = |bytes: &[u8]| std::str::from_utf8(bytes).map_or(bytes.to_vec(), |text| filled(text).into_bytes());
    files.iter().fold(Sandbox::new([]), |sandbox, (path, bytes)| sandbox.file(path, filled(bytes)))
}

/// The file of secrets of a project, encrypted.
fn encrypted(files: &Files) -> Vec<u8> {
    let sandbox = sandbox(files);
    sandbox.run_with_key(&["encrypt", ENCRYPTED]).succeeds();
    sandbox.bytes(ENCRYPTED)
}

/// All mistakes.
pub(super) fn mistakes() -> Vec<Mistake> {
    let text = own_file("mistakes.txt");
    let mistakes: Vec<_> = text.split("\n## ").skip(1).map(parse_mistake).collect();
    let names: BTreeSet<_> = mistakes.iter().map(|mistake| &mistake.name).collect();
    assert_eq!(names.len(), mistakes.len(), "two mistakes of one name");
    mistakes
}

fn parse_mistake(text: &str) -> Mistake {
    let mut parts = text.split("\n@");
    let name = parts.next().unwrap().trim().to_owned();
    let rule = name.split(':').next().unwrap().to_owned();
    let edits = parts.map(|part| {
        let (head, text) = part.split_once('\n').unwrap_or((part, ""));
        let (kind, head) = head.split_once(' ').unwrap();
        let (file, line) = head.split_once(' ').map_or((head, None), |(file, line)| (file, Some(line.to_owned())));
        let kind = match (kind, line) {
            ("+", Some(line)) => EditKind::Insert(line),
            ("+", None) => EditKind::Append,
            ("~", Some(line)) => EditKind::Replace(line),
            ("=", None) => EditKind::Create,
            ("bytes", Some(count)) => EditKind::Bytes(count.parse().unwrap()),
            other => panic!("{name}: {other:?}"),
        };
        Edit { file: file.to_owned(), kind, text: format!("{}\n", text.trim_end()) }
    });
    let edits: Vec<_> = edits.collect();
    assert!(!edits.is_empty(), "{name}");
    Mistake { rule, name, edits }
}

/// The project with mistakes; none if two of them edit the same line or make the same file.
pub(super) fn project_with(mistakes: &[&Mistake]) -> Option<Sandbox> {
    let sound = plain_files();
    let mut files = sound.clone();
    let mut made = BTreeSet::new();
    for edit in mistakes.iter().flat_map(|mistake| &mistake.edits) {
        let text = edit.text.as_str();
        match &edit.kind {
            EditKind::Create | EditKind::Bytes(_) => {
                if !made.insert(&edit.file) || sound.contains_key(&edit.file) {
                    return None;
                }
                let bytes = if let EditKind::Bytes(count) = edit.kind { vec![0xff; count] } else { text.into() };
                files.insert(edit.file.clone(), bytes);
            }
            EditKind::Append => files.get_mut(&edit.file)?.extend(text.bytes()),
            EditKind::Insert(line) | EditKind::Replace(line) => {
                let bytes = files.get_mut(&edit.file)?;
                let before = String::from_utf8(bytes.clone()).ok()?;
                let line = format!("{line}\n");
                let at = if before.starts_with(&line) { 0 } else { before.find(&format!("\n{line}"))? + 1 };
                let end = at + line.len();
                let start = if matches!(edit.kind, EditKind::Insert(_)) { end } else { at };
                *bytes = format!("{}{text}{}", &before[..start], &before[end..]).into_bytes();
            }
        }
    }
    // by the rules of the sound project
    let secrets = if files.get(ENCRYPTED) == sound.get(ENCRYPTED) {
        sound_secrets().to_vec()
    } else {
        let mut other = sound.clone();
        other.insert(ENCRYPTED.to_owned(), files.get(ENCRYPTED)?.clone());
        encrypted(&other)
    };
    files.insert(ENCRYPTED.to_owned(), secrets);
    Some(sandbox(&files))
}
