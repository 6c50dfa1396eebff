//! What is printed, compared with what is recorded under `tests/messages`, so that a message is reworded in one place.
//!
//! `UPDATE_EXPECT=1 cargo test` records what is printed now; the difference is for people to review.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test uses a part of it")]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use expect_test::expect_file;
use regex::Regex;

thread_local! {
    static TRANSCRIPT: RefCell<Transcript> = RefCell::default();
}

/// The messages of the test that this thread runs. The tests of one binary run on a thread each.
#[derive(Default)]
struct Transcript {
    /// The last command that was run.
    command: String,
    /// What was recorded by this run so far.
    text: String,
}

/// Notes a line of the shell that later records are headed with.
pub(crate) fn note_line(line: &str) {
    TRANSCRIPT.with_borrow_mut(|transcript| line.clone_into(&mut transcript.command));
}

/// Notes the command that later records are headed with.
pub(crate) fn note_command(command: &Command) {
    let words = command.get_args().map(|word| word.to_string_lossy());
    let words: Vec<_> =
        words.map(|word| if word.contains([' ', '\n']) { format!("'{word}'").into() } else { word }).collect();
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    TRANSCRIPT.with_borrow_mut(|transcript| transcript.command = format!("{program} {}", words.join(" ")));
}

/// Notes the case of a table that the next record belongs to.
pub(crate) fn note_case(case: &str) {
    TRANSCRIPT.with_borrow_mut(|transcript| {
        transcript.command.extend([" # ".to_owned(), case.trim_end().escape_debug().to_string()]);
    });
}

/// Compares what the last command printed with the next part of `tests/messages/ROOM/FILE/TEST.txt`.
#[track_caller]
pub(crate) fn record(printed: impl AsRef<str>) {
    let test = std::thread::current().name().expect("the thread of a test").replace("::", "/");
    let path = directory().join(test + ".txt");
    let (before, part) = TRANSCRIPT.with_borrow_mut(|transcript| {
        let gap = if transcript.text.is_empty() { "" } else { "\n" };
        let part = stable(&format!("{gap}$ {}\n{}\n", transcript.command, printed.as_ref().trim_end()));
        let before = transcript.text.len();
        transcript.text += &part;
        if is_update() {
            write(&path, &transcript.text);
        }
        (before, part)
    });
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    let rest = recorded.get(before..).unwrap_or_default();
    let expected = rest.get(1..).and_then(|rest| rest.find("\n$ ")).map_or(rest, |end| &rest[..=end]);
    super::texts::assert_text(&format!("{} (UPDATE_EXPECT=1 records)", path.display()), expected, &part);
}

/// Compares what one case of a table printed; `room` is the directory of its file.
#[track_caller]
pub(crate) fn assert_message(room: &str, case: &str, text: &str) {
    let slug: String = case.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    let name = slug.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").to_lowercase();
    let (path, text) = (directory().join(room).join(name + ".txt"), stable(text).trim_end().to_owned() + "\n");
    if is_update() {
        write(&path, &text);
    }
    expect_file![path].assert_eq(&text);
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/messages"))
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A text without what differs from run to run: keys, fingerprints, temporary directories and times.
fn stable(text: &str) -> String {
    static METADATA: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(\S\.(?:enc|secrets)\.\w+:)(?:1[1-9]|[2-9]\d):").unwrap());
    static GUTTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^(?:1[1-9]|[2-9]\d) \|").unwrap());
    static DIFFERING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let rule = |pattern: &str, stands_for| (Regex::new(pattern).unwrap(), stands_for);
        vec![
            rule(r"\bage1[02-9ac-hj-np-z]{58}\b", "RECIPIENT"),
            rule(r"ENC\[AES256_GCM,[^\]]*\]", "ENC[…]"),
            rule(r"(?:/tmp|/var/folders|/dev/shm)/[^\s`:'\x22)]*?/?\.tmp[A-Za-z0-9]{6}", "TEMPORARY"),
            rule(r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b", "IDENTITY"),
            rule(r"\[encrypted [0-9a-f]{6}\]", "[encrypted HASH]"),
            rule(r"\b[0-9a-f]{40}\b", "COMMIT"),
            rule(r"\bin [0-9a-f]{12}\b", "in COMMIT"),
            rule(r"/run/user/\d+", "/run/user/ID"),
            rule(r"septum-kept-\d+-\w{6}", "septum-kept-NUMBER"),
            rule(r"\bin \d+(?:\.\d+)? m?s\b", "in DURATION"),
            rule(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        ]
    });
    let text = text.replace(env!("CARGO_MANIFEST_DIR"), "REPOSITORY");
    let text =
        DIFFERING.iter().fold(text, |text, (pattern, stands_for)| pattern.replace_all(&text, *stands_for).into());
    // the metadata of an encrypted file are longer or shorter by a line or two
    if METADATA.is_match(&text) {
        GUTTER.replace_all(&METADATA.replace_all(&text, "${1}NN:"), "NN |").into()
    } else {
        text
    }
}
