//! What Septum writes comes back unchanged from the readers that others use: `PyYAML` (YAML 1.1),
//! ruamel.yaml (YAML 1.2) and kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::support::peers::{peer, python_with};
use septum::value::OutputValue;
use septum::yaml::write::write_document;
use serde_json::Value as Json;

/// Words that some reader has a meaning for; each is tried in all its cases.
const WORDS: &[&str] =
    &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", ".nan", ".inf", "-.inf", "none", "infinity"];

/// Numbers, dates, times, and what looks like one.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "+1",
    "007",
    "0644",
    "08",
    "0o17",
    "0b11",
    "0b1_0",
    "0x1F",
    "0X1f",
    "1_000",
    "1_",
    "_1",
    "0_",
    "1.",
    ".5",
    "1.10",
    "1e6",
    "1E6",
    "1e-3",
    "e6",
    "1e3.5",
    "685.230_15e+03",
    "12345678901234567890",
    "12345678901234567890123",
    "12:30:45",
    "1:20",
    "1:60",
    "-1:30",
    "190:20:30.15",
    "2001-01-01",
    "2024-13-01",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5",
    "1.2.3",
    "1,000",
    "+.5",
    "-",
    "+",
    ".",
];

/// What YAML has a meaning for, and texts as they stand in `ConfigMap`s.
const TEXTS: &[&str] = &[
    "",
    " ",
    "  ",
    "~",
    "=",
    "<<",
    "<<: a",
    "...",
    "---",
    "--- a",
    "-- a",
    "- a",
    "-a",
    "? a",
    "?a",
    ": a",
    ":a",
    ":",
    "a:",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "#a",
    "# a",
    "[a]",
    "[",
    "{a}",
    "{",
    "{}",
    "[]",
    "]",
    "}",
    ",",
    "a, b",
    "*a",
    "&a",
    "!a",
    "!!str a",
    "|",
    "|-",
    "|a",
    ">",
    ">-",
    "%a",
    "@a",
    "`a",
    "'",
    "''",
    "'a'",
    "a'b",
    "\"",
    "\"\"",
    "\"a\"",
    "a\"b",
    "\\",
    "a\\",
    "a\\nb",
    "\\x41",
    " a",
    "a ",
    "a  b",
    "\ta",
    "a\t",
    "a\tb",
    "\t",
    "a\rb",
    "a\r\nb",
    "\n",
    "\n\n",
    "\na",
    "a\n",
    "a\n\n",
    "a\n\n\n",
    "a\nb",
    "a\n\nb\n",
    "a\n b",
    "a \nb",
    "a\nb ",
    "a\n\tb",
    "a\n  \nb",
    "a\n ",
    " a\nb",
    "  a\n b\n",
    "---\na\nb",
    "a\n---\nb\n",
    "a\n...\n",
    "# a\nb\n",
    "- a\n- b\n",
    "a: |\n  b\n",
    "{\n  \"a\": 1\n}\n",
    "#!/bin/sh\necho hi\n",
    "%YAML 1.2\n",
    "\0",
    "\u{1}",
    "\u{7}",
    "\u{1b}[0m",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "a\u{85}b",
    "\u{9f}",
    "\u{a0}",
    "a\u{a0}",
    "\u{200b}",
    "\u{200d}",
    "\u{2028}",
    "a\u{2028}b",
    "\u{2029}",
    "\u{202e}abc",
    "\u{feff}",
    "\u{feff}a",
    "a\u{feff}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{1fffe}",
    "\u{10ffff}",
    "\u{e000}",
    "\u{d7ff}",
    "ß",
    "é☃",
    "日本語",
    "日本\nß\n",
    "🎉",
    "👩‍👩‍👧",
    "🎉\n🎉\n",
    "a\nb\u{85}c\n",
    "a\u{7}\nb",
    "/var/run",
    "//",
    "C:\\dir",
    "a/b:c@d",
    "postgres://u:p@h:5432/db?sslmode=disable",
    "a=b,c=d",
    "@every 5m",
    "*/5 * * * *",
    "${VAR}",
    "$(VAR)",
    "{{ x }}",
    "{% if x %}",
    "%s",
    "<a>&b",
    "a;b",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "[main]\nkey = \"value\"\n",
    "server {\n\tlisten 80;\n}\n",
    "end.  true\nword \t\n",
    "key: value\nother:\n  - 1\n",
    "word  \n\n\n      \\\n",
    "it's \"q\" \\%",
    "on: v",
    "y: 1",
    "null: ~",
    "1: 2",
];

/// Pieces of random texts.
const PIECES: &[&str] = &[
    "a", "word", "yes", "1", "0", ".", "_", "e", ":", ": ", " ", "  ", "\n", "\n\n", "\n ", "\t", "\r", "- ", "-", "#",
    " #", "'", "\"", "\\", "|", ">", "&", "*", "!", "%", "@", "`", "{", "}", "[", "]", ", ", "?", "=", "<<", "---",
    "...", "~", "\u{1}", "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}", "\u{feff}", "\u{fffe}", "ß", "日本", "🎉",
];

fn texts() -> Vec<String> {
    let mut texts = BTreeSet::new();
    for word in WORDS {
        let capital = word.replacen(|char: char| char.is_ascii_lowercase(), "", 1);
        let first: String = word.chars().take(word.len() - capital.len()).collect();
        texts.extend([(*word).to_owned(), word.to_uppercase(), first.to_uppercase() + &capital]);
        texts.extend([format!("{word} "), format!("{word}:"), format!("{word}: x"), format!("{word}\n")]);
    }
    texts.extend(NUMBERS.iter().chain(TEXTS).map(|text| (*text).to_owned()));
    texts.extend([200, 201, 1022, 1023, 1024, 1025, 5000].map(|length| "k".repeat(length)));
    texts.extend([30, 1000].map(|count| "long words ".repeat(count)));
    // a xorshift generator with a fixed seed: the same texts in every run
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    for _ in 0..3000 {
        let length = 1 + random(7);
        texts.insert((0..length).map(|_| PIECES[random(PIECES.len())]).collect());
    }
    texts.into_iter().collect()
}

/// The pairs of a `ConfigMap`: every text as a value, and as a key.
fn pairs() -> Vec<(String, String)> {
    let texts = texts();
    let values = texts.iter().enumerate().map(|(index, text)| (format!("value-{index:05}"), text.clone()));
    let keys = texts.iter().map(|text| (text.clone(), "x".to_owned()));
    values.chain(keys).collect()
}

fn manifest(pairs: &[(String, String)]) -> String {
    let data = OutputValue::map(pairs.iter().map(|(key, value)| (key.as_str(), OutputValue::text(value))));
    let items = pairs.iter().take(500).map(|(_, value)| OutputValue::text(value)).collect();
    write_document(&OutputValue::map([
        ("apiVersion", OutputValue::text("v1")),
        ("kind", OutputValue::text("ConfigMap")),
        ("metadata", OutputValue::map([("name", OutputValue::text("x"))])),
        ("data", data),
        ("list", OutputValue::List(items)),
    ]))
}

/// Runs the program with the manifest as its last argument and gives what it prints, as JSON.
fn run(name: &str, program: PathBuf, arguments: &[&str], pairs: &[(String, String)]) -> Json {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("manifest.yaml");
    std::fs::write(&file, manifest(pairs)).unwrap();
    let output = Command::new(program).args(arguments).arg(&file).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} refused the manifest: {message}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_same(name: &str, read: &Json, pairs: &[(String, String)]) {
    let data = read["data"].as_object().unwrap();
    let wrong: Vec<_> = pairs
        .iter()
        .filter_map(|(key, value)| match data.get(key) {
            Some(read) if read.as_str() == Some(value) => None,
            read => Some(format!("{key:?}: expected {value:?}, found {read:?}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{name} read {} texts wrongly:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(data.len(), pairs.len(), "{name} read another number of keys");
    let list: Vec<_> = read["list"].as_array().unwrap().iter().map(Json::as_str).collect();
    let items: Vec<_> = pairs.iter().take(500).map(|(_, value)| Some(value.as_str())).collect();
    assert_eq!(list, items, "{name} read the list wrongly");
}

/// A key or value that is no text is marked, so that `True` is not taken for `true`.
const MARK: &str = "
def mark(value):
    return value if isinstance(value, str) else repr((type(value).__name__, value))
read['data'] = {mark(key): mark(value) for key, value in read['data'].items()}
read['list'] = [mark(item) for item in read['list']]
print(json.dumps(read))
";

#[test]
fn pyyaml_reads_what_was_written() {
    let Some(python) = python_with("yaml") else { return };
    let pairs = pairs();
    let script = format!(
        "import json, sys, yaml\nread = yaml.load(open(sys.argv[1], encoding='utf-8', newline=''), yaml.SafeLoader){MARK}"
    );
    assert_same("PyYAML", &run("PyYAML", python, &["-c", &script], &pairs), &pairs);
}

#[test]
fn ruamel_reads_what_was_written() {
    let Some(python) = python_with("ruamel.yaml") else { return };
    let pairs = pairs();
    let load = "import json, sys, ruamel.yaml\nyaml = ruamel.yaml.YAML(typ='safe', pure=True)\nread = yaml.load(open(sys.argv[1], encoding='utf-8', newline=''))";
    assert_same("ruamel.yaml", &run("ruamel.yaml", python, &["-c", &format!("{load}{MARK}")], &pairs), &pairs);
}

#[test]
fn kubectl_reads_what_was_written() {
    let Some(kubectl) = peer("kubectl") else { return };
    let pairs = pairs();
    // needs no cluster, and reads as `apply` does
    let arguments = ["annotate", "--local", "-o", "json", "septum.dev/test=1", "-f"];
    assert_same("kubectl", &run("kubectl", kubectl, &arguments, &pairs), &pairs);
}
