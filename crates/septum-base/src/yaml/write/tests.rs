use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::span::Source;
use crate::yaml::node::{YamlKind, YamlNode, YamlStyle};
use crate::yaml::read::read_document;

fn text(text: &str) -> OutputValue<'_> {
    OutputValue::text(text)
}

fn literal(text: &str) -> OutputValue<'_> {
    OutputValue::Literal(Cow::Borrowed(text))
}

#[test]
fn structures_look_as_kubectl_writes_them() {
    let nested = OutputValue::map([
        ("kind", text("ConfigMap")),
        ("empty", OutputValue::map(Vec::<(&str, OutputValue<'_>)>::new())),
        ("none", OutputValue::List(Vec::new())),
        ("null", OutputValue::Null),
        ("flag", OutputValue::Bool(true)),
        ("port", literal("8080")),
        (
            "list",
            OutputValue::List(vec![
                text("a"),
                OutputValue::map([("b", text("1")), ("c", OutputValue::List(vec![text("d")]))]),
                OutputValue::List(vec![
                    text("e"),
                    OutputValue::List(vec![OutputValue::map([("f", text("g\nh"))]), text("i\nj")]),
                ]),
                OutputValue::List(Vec::new()),
            ]),
        ),
        ("data", OutputValue::map([("x.ini", text("[a]\nb = 1\n")), ("y", text("p\n\n  q")), ("z", text("r\n\n\n"))])),
        ("last", text("")),
    ]);
    assert_eq!(
        write_document(&nested),
        "\
kind: ConfigMap
empty: {}
none: []
\"null\": null
flag: true
port: 8080
list:
- a
- b: \"1\"
  c:
  - d
- - e
  - - f: |-
        g
        h
    - \"i\\nj\"
- []
data:
  x.ini: |
    [a]
    b = 1
  \"y\": |-
    p

      q
  z: |+
    r


last: \"\"
"
    );
}

#[test]
fn a_document_of_one_value_ends_with_one_line_feed() {
    for (value, expected) in [
        (text("a"), "a\n"),
        (text("a\nb"), "\"a\\nb\"\n"),
        (OutputValue::Null, "null\n"),
        (OutputValue::List(Vec::new()), "[]\n"),
        (OutputValue::List(vec![OutputValue::Null]), "- null\n"),
        (OutputValue::map([("a", text("b"))]), "a: b\n"),
    ] {
        assert_eq!(write_document(&value), expected);
    }
}

#[test]
fn texts_that_a_reader_could_misread_are_quoted() {
    let bare = [
        "a",
        "info",
        "/var/run",
        "a b",
        "postgres://db:5432/app",
        "user@host",
        "a-b_c.d+e",
        "yesterday",
        "nothing",
        "e6",
        "x1:30",
        "none",
    ];
    for text in bare {
        assert!(!needs_quotes(text), "{text}");
    }
    let quoted = [
        "",
        " a",
        "a ",
        "a  b",
        "a: b",
        "a:",
        "- a",
        "1",
        "1.10",
        "0x1F",
        "-1",
        "+1",
        ".5",
        ".inf",
        "1_000",
        "12:30:45",
        "2024-01-01",
        "=",
        "<<",
        "~",
        "null",
        "Null",
        "true",
        "TRUE",
        "yes",
        "Yes",
        "no",
        "on",
        "OFF",
        "y",
        "N",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "a, b",
        "a\tb",
        "a\nb",
        "ä",
        "a'b",
        "a\"b",
        "a\\b",
        "a=b",
        "_a",
    ];
    for text in quoted {
        assert!(needs_quotes(text), "{text}");
    }
    assert!(!needs_quotes(&"a".repeat(200)) && needs_quotes(&"a".repeat(201)));
}

#[test]
fn escapes_leave_nothing_to_guess() {
    let mut out = String::new();
    push_quoted(&mut out, "\"\\\t\r\n\0\u{7f}\u{85}\u{2028}\u{202e}\u{feff}\u{fffe}ß😀");
    assert_eq!(out, r#""\"\\\t\r\n\x00\x7F\x85\u2028\u202E\uFEFF\uFFFEß😀""#);
}

#[test]
fn a_literal_stays_bare_where_it_can() {
    for text in [
        "8080",
        "1.10",
        "0644",
        "1e6",
        "2024-01-01",
        "yes",
        "~",
        "<<",
        "=",
        "-1",
        ".5",
        "a'b",
        "a#b",
        "a:b",
        "x, y",
        "ß",
        "?x",
        "a]",
    ] {
        assert_eq!(write_document(&literal(text)), format!("{text}\n"));
    }
    for text in [
        "", " 1", "1 ", "- 1", "-", "? 1", "a: b", "a:", "a #b", "#a", "[a", "{", "'a", "\"a", "|", "&a", "*a", "!a",
        "%", "@", "`", "---", "... ",
    ] {
        let mut quoted = String::new();
        push_quoted(&mut quoted, text);
        assert_eq!(write_document(&literal(text)), format!("{quoted}\n"));
    }
}

/// Texts that cause problems for readers, and any other.
fn nasty() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a", "yes", "no", "y", "null", "~", "1", "0", ".", "e", "_", ":", ": ", " ", "  ", "\n", "\n\n", "\n ", "\t",
        "\r", "- ", "-", "#", " #", "'", "\"", "\\", "|", ">", "&", "*", "!", "%", "@", "`", "{", "}", "[", "]", ",",
        "?", "=", "<<", "---", "...", "\u{85}", "\u{a0}", "\u{2028}", "\u{feff}", "\0", "\u{7f}", "\u{fffe}", "ß",
        "😀",
    ]);
    prop_oneof![prop::collection::vec(token, 0..8).prop_map(|tokens| tokens.concat()), any::<String>()]
}

/// A structure that can be shown when a property fails: a `Value` cannot, since it may be a secret.
#[derive(Debug, Clone)]
enum Tree {
    Null,
    Bool(bool),
    Literal(String),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

impl Tree {
    fn value(&self) -> OutputValue<'_> {
        match self {
            Self::Null => OutputValue::Null,
            Self::Bool(bool) => OutputValue::Bool(*bool),
            Self::Literal(text) => literal(text),
            Self::Text(content) => text(content),
            Self::List(items) => OutputValue::List(items.iter().map(Self::value).collect()),
            Self::Map(pairs) => OutputValue::map(pairs.iter().map(|(key, value)| (key.as_str(), value.value()))),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        "[-+.0-9a-z:_/#,? ]{0,8}".prop_map(Tree::Literal),
        nasty().prop_map(Tree::Literal),
        nasty().prop_map(Tree::Text),
        nasty().prop_map(Tree::Text),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
            prop::collection::btree_map(nasty(), inner, 0..5).prop_map(Tree::Map),
        ]
    })
}

fn same(value: &OutputValue<'_>, node: &YamlNode) -> bool {
    match (value, &node.kind) {
        (OutputValue::Map(pairs), YamlKind::Map(map)) => {
            pairs.len() == map.len()
                && pairs.iter().zip(map).all(|((key, value), (read, node))| *key == read.text && same(value, node))
        }
        (OutputValue::List(items), YamlKind::List(nodes)) => {
            items.len() == nodes.len() && items.iter().zip(nodes).all(|(item, node)| same(item, node))
        }
        (OutputValue::Null, YamlKind::Scalar(scalar)) => scalar.is_null(),
        (OutputValue::Bool(bool), YamlKind::Scalar(scalar)) => {
            scalar.style == YamlStyle::Plain && scalar.text() == bool.to_string()
        }
        (OutputValue::Literal(text) | OutputValue::String(text), YamlKind::Scalar(scalar)) => {
            !scalar.blank && scalar.text() == text
        }
        _ => false,
    }
}

fn read_back(written: &str) -> YamlNode {
    read_document(&Source::new("x.yaml", written))
        .unwrap_or_else(|found| panic!("{written}\n{:?}", found.into_sorted()))
}

#[test]
fn a_long_key_is_read_back() {
    for length in [200, 201, 900, 1023, 1100, 5000] {
        let key = "k".repeat(length);
        for value in
            [text("v"), text("v\nw\n"), OutputValue::List(vec![text("v")]), OutputValue::map([("a", text("b"))])]
        {
            let value = OutputValue::List(vec![OutputValue::map([(key.as_str(), value), ("next", OutputValue::Null)])]);
            let written = write_document(&value);
            assert!(same(&value, &read_back(&written)), "{length}");
            serde_yaml::from_str::<serde_yaml::Value>(&written).expect("valid for others too");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_written_is_read_back(tree in trees()) {
        let value = tree.value();
        let written = write_document(&value);
        prop_assert!(written.ends_with('\n') && !written.contains('\r'));
        prop_assert!(same(&value, &read_back(&written)), "{}", written);
    }

    #[test]
    fn texts_come_back_unchanged_from_another_reader(texts in prop::collection::btree_map(nasty(), nasty(), 0..8)) {
        let written = write_document(&OutputValue::map(texts.iter().map(|(key, value)| (key.as_str(), text(value)))));
        let read: BTreeMap<String, String> = serde_yaml::from_str(&written).expect("valid");
        prop_assert_eq!(read, texts, "{}", written);
    }
}
