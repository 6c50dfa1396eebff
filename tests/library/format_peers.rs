//! Reads what the writers of `format` write with the readers that applications use.
//!
//! A peer that is not installed is skipped with a line that says so; with
//! `SEPTUM_REQUIRE_PEERS=1` that is a failure.

// helpers outside `#[test]` functions are test code too
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::process::{Command, Output};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use septum::format::{self, ConfigFormat};
use septum::value::OutputValue;

#[test]
fn configparser_reads_ini() {
    let script = "
import configparser, json, sys
parser = configparser.RawConfigParser()
parser.optionxform = str
parser.read(sys.argv[1], encoding='utf-8')
print(json.dumps(dict(parser['section'])))";
    let texts = samples().into_iter().filter(|text| write(ConfigFormat::Ini, &single(text)).is_some());
    let expected = keyed(texts);
    let structure = OutputValue::map([("section", map(&expected))]);
    let Some(read) = python("configparser", script, &write(ConfigFormat::Ini, &structure).unwrap()) else { return };
    let read: BTreeMap<String, String> = serde_json::from_str(&read).unwrap();
    // configparser leaves quotes to the application
    let unquoted = read.into_iter().map(|(key, text)| match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(inner) => (key, inner.replace("\\\"", "\"").replace("\\\\", "\\")),
        None => (key, text),
    });
    assert_same(&unquoted.collect(), &expected);
}

#[test]
fn configparser_reads_keys_before_any_section() {
    let script = "
import configparser, json, sys
parser = configparser.RawConfigParser()
parser.read_string('[top]\\n' + open(sys.argv[1]).read())
print(json.dumps({name: dict(parser[name]) for name in parser.sections()}))";
    let structure =
        OutputValue::map([("s", OutputValue::map([("b", OutputValue::text("2"))])), ("a", OutputValue::text("1"))]);
    let Some(read) = python("configparser", script, &write(ConfigFormat::Ini, &structure).unwrap()) else { return };
    assert_eq!(read.trim(), r#"{"top": {"a": "1"}, "s": {"b": "2"}}"#);
}

#[test]
fn python_dotenv_reads_env() {
    let script = "
import json, sys
from dotenv import dotenv_values
print(json.dumps(dotenv_values(sys.argv[1], interpolate=False)))";
    // in double quotes python-dotenv keeps the backslash before these two
    let expected = keyed(env_samples().filter(|text| !text.contains(['$', '`'])));
    let Some(read) = python("python-dotenv", script, &write(ConfigFormat::Env, &map(&expected)).unwrap()) else {
        return;
    };
    assert_same(&serde_json::from_str(&read).unwrap(), &expected);
}

#[test]
fn a_shell_sources_env() {
    // a shell knows no escape for a carriage return
    let expected = keyed(env_samples().filter(|text| !text.contains('\r')));
    let names: Vec<_> = expected.keys().map(|key| format!("\"${key}\"")).collect();
    let script = format!(". \"$1\"; printf '%s\\0' {}", names.join(" "));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("app.env");
    std::fs::write(&file, write(ConfigFormat::Env, &map(&expected)).unwrap()).unwrap();
    let Some(output) = peer("sh", Command::new("sh").args(["-c", &script, "sh"]).arg(&file)) else { return };
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = String::from_utf8(output.stdout).unwrap();
    let read = expected.keys().cloned().zip(read.split_terminator('\0').map(str::to_owned)).collect();
    assert_same(&read, &expected);
}

#[test]
fn java_reads_properties() {
    let program = r#"
import java.io.*;
import java.util.*;
public class Props {
    static String hex(Object text) {
        var out = new StringBuilder();
        for (char unit : text.toString().toCharArray()) out.append(String.format("%04x", (int) unit));
        return out.toString();
    }
    public static void main(String[] args) throws IOException {
        var properties = new Properties();
        try (var in = new FileInputStream(args[0])) { properties.load(in); }
        properties.forEach((key, value) -> System.out.println(hex(key) + "=" + hex(value)));
    }
}"#;
    let texts = samples();
    let pairs: BTreeMap<String, String> = texts.iter().cloned().zip(texts.iter().rev().cloned()).collect();
    let directory = tempfile::tempdir().unwrap();
    let (source, file) = (directory.path().join("Props.java"), directory.path().join("app.properties"));
    std::fs::write(&source, program).unwrap();
    std::fs::write(&file, write(ConfigFormat::Properties, &map(&pairs)).unwrap()).unwrap();
    let Some(output) = peer("java", Command::new("java").arg(&source).arg(&file)) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hex =
        |text: &str| text.encode_utf16().flat_map(|unit| format!("{unit:04x}").into_bytes()).map(char::from).collect();
    let read = String::from_utf8(output.stdout).unwrap();
    let read = read.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_same(&read.collect(), &pairs.iter().map(|(key, text)| (hex(key), hex(text))).collect());
}

#[test]
fn tomllib_reads_toml() {
    let script = "
import json, sys, tomllib
print(json.dumps(tomllib.load(open(sys.argv[1], 'rb')), default=str))";
    let texts = samples();
    let (value, expected) =
        structure(&texts, &["1.10", "0x1F", "1_000", "2024-01-01", "07:32:00", "07:32", "0644", "nan"]);
    let Some(read) = python("tomllib", script, &write(ConfigFormat::Toml, &value).unwrap()) else { return };
    let read: serde_json::Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read["texts"], expected);
    let expected = serde_json::json!([1.1, 31, 1000, "2024-01-01", "07:32:00", "07:32", "0644", "nan"]);
    assert_eq!(read["literals"], expected);
}

#[test]
fn pyyaml_reads_kyaml() {
    let script = "
import json, sys, yaml
print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))";
    let texts = samples();
    let (value, expected) = structure(&texts, &["1.10", "0644", "yes", "~", "2024-01-01", "12:30:45", "inf"]);
    let Some(read) = python("yaml", script, &format::kyaml::write_document(&value)) else { return };
    let read: serde_json::Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read["texts"], expected);
    let expected = serde_json::json!([1.1, 420, true, null, "2024-01-01", "12:30:45", "inf"]);
    assert_eq!(read["literals"], expected);
}

/// Texts as keys and as items of lists in a nested structure, the same as JSON under `texts`, and
/// source texts under `literals`.
fn structure<'a>(texts: &'a [String], literals: &[&'a str]) -> (OutputValue<'a>, serde_json::Value) {
    let item = |text: &'a String| {
        OutputValue::map([(text.as_str(), OutputValue::List(vec![OutputValue::text(text.as_str())]))])
    };
    let structure = OutputValue::map([
        ("literals", OutputValue::List(literals.iter().map(|&text| OutputValue::Literal(text.into())).collect())),
        ("texts", OutputValue::List(texts.iter().map(item).collect())),
    ]);
    let expected = texts.iter().map(|text| serde_json::json!({ text.as_str(): [text] })).collect();
    (structure, expected)
}

/// A few hundred texts that are hard to write, the same in every run.
fn samples() -> Vec<String> {
    let token = prop::sample::select(vec![
        "a", "B1", "0", " ", "  ", "\t", "\n", "\r", "\\", "\"", "'", "`", "$", "${x}", "$(x)", "#", " #", ";", "=",
        ":", "!", "%", "~", "-", "{", "]", ",", "\\n", "\\u0041", "ä", "é", "😀", "\u{a0}", "\u{85}", "\u{2028}",
        "\u{feff}", "\u{7f}", "\u{1b}", "\u{3000}", "\0", "<<", "*", "&", "?", "|", ">", "@", "rem ", "export ",
    ]);
    let tokens = prop::collection::vec(token, 0..7).prop_map(|tokens| tokens.concat());
    let strategy = prop_oneof![4 => tokens, 1 => any::<String>()];
    let mut runner = TestRunner::deterministic();
    let mut texts: Vec<_> = (0..600).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Those of them that a dotenv file can hold.
fn env_samples() -> impl Iterator<Item = String> {
    samples().into_iter().filter(|text| write(ConfigFormat::Env, &single(text)).is_some())
}

fn keyed(texts: impl Iterator<Item = String>) -> BTreeMap<String, String> {
    texts.enumerate().map(|(place, text)| (format!("K{place}"), text)).collect()
}

fn map(pairs: &BTreeMap<String, String>) -> OutputValue<'_> {
    OutputValue::map(pairs.iter().map(|(key, text)| (key.as_str(), OutputValue::text(text.as_str()))))
}

fn single(text: &str) -> OutputValue<'_> {
    OutputValue::map([("key", OutputValue::text(text))])
}

fn write(format: ConfigFormat, value: &OutputValue<'_>) -> Option<String> {
    format::write_config(format, value).ok()
}

fn assert_same(read: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    assert!(expected.len() > 100, "only {} texts", expected.len());
    for (key, text) in expected {
        assert_eq!(read.get(key), Some(text), "{key}");
    }
    assert_eq!(read.len(), expected.len());
}

/// What a script prints about a file with this text.
fn python(module: &str, script: &str, text: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("python3");
    let output = peer("python3", command.args(["-X", "utf8", "-c", script]).arg(&file))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("ModuleNotFoundError") {
        return missing(module);
    }
    assert!(output.status.success(), "{errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn peer(name: &str, command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(_) => missing(name),
    }
}

fn missing<T>(name: &str) -> Option<T> {
    assert!(std::env::var_os("SEPTUM_REQUIRE_PEERS").is_none_or(|value| value != "1"), "the peer {name} is missing");
    println!("skipped: the peer {name} is missing");
    None
}
