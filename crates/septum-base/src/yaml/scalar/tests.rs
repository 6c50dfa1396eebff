use proptest::prelude::*;

use super::*;
use crate::span::Source;
use crate::yaml::node::ScalarTag;
use crate::yaml::node::{YamlKind, YamlNode};
use crate::yaml::read::{MergeKeys, read_document, read_stream};

fn typed(text: &str, style: YamlStyle, tag: Option<&'static str>) -> CoreType {
    let mut scalar = Scalar::new(text, style);
    scalar.tag = tag.map(|name| Box::new(ScalarTag { name, start: None }));
    core_type(&scalar)
}

#[test]
fn a_bare_text_has_the_type_of_the_core_schema() {
    for (texts, expected) in [
        ("~ null Null NULL", CoreType::Null),
        ("true True TRUE false False FALSE", CoreType::Bool),
        ("0 12 -1 +1 0644 0x1F 0o17 12345678901234567890123", CoreType::Int),
        ("1.5 .5 5. 1e6 1E-3 -1.5e+3 .inf -.Inf +.INF .nan .NaN", CoreType::Float),
        (
            "yes No on y nUll tRue 1_000 12:30:45 2024-01-01 0b1 0x 0o8 1.2.3 . e6 1e + - -.nan .e1 = << a",
            CoreType::String,
        ),
    ] {
        for text in texts.split(' ') {
            assert_eq!(typed(text, YamlStyle::Plain, None), expected, "{text}");
        }
    }
}

#[test]
fn quotes_and_tags_decide_before_the_text() {
    assert_eq!(typed("1", YamlStyle::SingleQuoted, None), CoreType::String);
    assert_eq!(typed("", YamlStyle::DoubleQuoted, None), CoreType::String);
    assert_eq!(typed("1\n", YamlStyle::Literal, None), CoreType::String);
    assert_eq!(typed("1", YamlStyle::Plain, Some("str")), CoreType::String);
    assert_eq!(typed("1", YamlStyle::DoubleQuoted, Some("int")), CoreType::Int);
    assert_eq!(typed("", YamlStyle::Plain, Some("null")), CoreType::Null);
    assert_eq!(typed("2024-01-01", YamlStyle::Plain, Some("timestamp")), CoreType::String);
}

#[test]
fn nothing_is_no_number_whatever_its_tag() {
    for tag in ["int", "float"] {
        let mut scalar = Scalar::new("", YamlStyle::Plain);
        scalar.blank = true;
        scalar.tag = Some(Box::new(ScalarTag { name: tag, start: None }));
        assert!(scalar.to_value() == OutputValue::text(""), "{tag}");
    }
}

/// The value of `a`, as a part of the file and a scalar.
fn value_of_a(text: &str) -> (Span, Scalar) {
    let root = read_document(&Source::new("x.yaml", text)).expect("valid");
    let node = &root.as_map().expect("map")["a"];
    (node.span, node.as_scalar().expect("scalar").clone())
}

#[test]
fn a_part_of_a_text_is_found_in_the_file() {
    for (text, part, expected) in [
        ("a: x {{ y }} z", "{{ y }}", "{{ y }}"),
        ("a: one\n  two {{ y }}\n\n  three", "{{ y }}", "{{ y }}"),
        ("a: one\n  two\n\n  three", "two\nthree", "two\n\n  three"),
        ("a: 'it''s {{ y }}'", "{{ y }}", "{{ y }}"),
        ("a: 'it''s {{ y }}'", "it's", "it''s"),
        ("a: \"\\x41\\u00df\\U0001F600\\uD83D\\uDE00 {{ \\\"y\\\" }}\"", "{{ \"y\" }}", "{{ \\\"y\\\" }}"),
        ("a: \"one\\\n   two \\\n\n   {{ y }}\"", "{{ y }}", "{{ y }}"),
        ("a: \"one\\n\n\n   {{ y }}\"", "{{ y }}", "{{ y }}"),
        ("a: \"one\\\n  \\ {{ y }}\"", "{{ y }}", "{{ y }}"),
        ("a: |\n  one\n\n    two {{ y }}\n  three\n", "{{ y }}\nthree", "{{ y }}\n  three"),
        ("a: |2-\n   one\n\n  {{ y }}\n", "{{ y }}", "{{ y }}"),
        ("a: | # {{ y }}\n\n  {{ y }}\n", "{{ y }}", "{{ y }}"),
        ("a: |\r\n  one\r\n  {{ y }}\r\n", "{{ y }}", "{{ y }}"),
        ("a: >\n  one\n  two\n\n  three\n   more\n   {{ y }}\n\n  end {{\n  z }}\n", "{{ y }}", "{{ y }}"),
        ("a: >\n  one\n  two\n\n  three\n   more\n   {{ y }}\n\n  end {{\n  z }}\n", "{{ z }}", "{{\n  z }}"),
        ("a: ä😀{{ y }}", "{{ y }}", "{{ y }}"),
    ] {
        let (span, scalar) = value_of_a(text);
        let offset = scalar.text().find(part).unwrap_or_else(|| panic!("{part:?} in {scalar:?}"));
        let found = locate_in_scalar(text, span, &scalar, offset, part.len());
        assert_eq!(&text[found.start..found.end], expected, "{text:?}");
        let empty = locate_in_scalar(text, span, &scalar, offset, 0);
        assert_eq!((empty.start, empty.end), (found.start, found.start), "{text:?}");
    }
}

#[test]
fn a_text_from_elsewhere_is_found_as_a_whole() {
    let text = "a: ENC[abc]\n";
    let (span, scalar) = value_of_a(text);
    let decrypted = scalar.with_plaintext("other {{ y }}".to_owned().into(), YamlStyle::Plain);
    assert_eq!(locate_in_scalar(text, span, &decrypted, 6, 7), span);
}

/// Each character that is written as itself in the file is found at itself.
fn check(source: &str, node: &YamlNode) -> Result<(), TestCaseError> {
    match &node.kind {
        YamlKind::List(items) => items.iter().try_for_each(|item| check(source, item)),
        YamlKind::Map(map) => map.values().try_for_each(|value| check(source, value)),
        YamlKind::Scalar(scalar) => {
            for (offset, char) in scalar.text().char_indices() {
                let found = locate_in_scalar(source, node.span, scalar, offset, char.len_utf8());
                prop_assert!(node.span.start <= found.start && found.end <= node.span.end);
                if char.is_alphanumeric() {
                    let raw = &source[found.start..found.end];
                    prop_assert!(raw.contains(char) || raw.starts_with('\\'), "{source:?} {raw:?} for {char:?}");
                    prop_assert!(raw.chars().count() == 1 || raw.starts_with('\\'), "{source:?} {raw:?} for {char:?}");
                }
            }
            Ok(())
        }
    }
}

/// Scalars of all styles with every difference between text and file.
fn scalars() -> impl Strategy<Value = String> {
    let opening = prop::sample::select(vec!["", "'", "\"", "|\n  ", "|-\n\n  ", ">\n  ", ">+\n  ", "|2\n   "]);
    let token = prop::sample::select(vec![
        "a",
        "b",
        "ß",
        "😀",
        " ",
        "  ",
        "\n  ",
        "\n\n  ",
        "\n    ",
        "\n   \n  ",
        "\r\n  ",
        "''",
        "\\n",
        "\\t",
        "\\\"",
        "\\x41",
        "\\uD83D\\uDE00",
        "\\\n  ",
        "\\ ",
        "\t",
        "x y",
        "\n  \t",
    ]);
    (opening, prop::collection::vec(token, 0..12)).prop_map(|(opening, tokens)| {
        let closing = opening.trim_matches(['|', '>', '-', '+', '2', '\n', ' ']);
        format!("a: {opening}{}{closing}\nb: 1\n", tokens.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_character_is_found_where_it_stands(text in scalars()) {
        if let Ok(root) = read_document(&Source::new("x.yaml", text.as_str())) {
            check(&text, &root)?;
        }
    }

    #[test]
    fn any_range_of_any_scalar_is_within_its_node(text in crate::yaml::read::yamlish::yamlish(), offset in 0_usize..50, len in 0_usize..50) {
        let stream = read_stream(&Source::new("x.yaml", text.as_str()), MergeKeys::Apply);
        for node in stream.map(|stream| stream.documents).unwrap_or_default() {
            let mut open = vec![&node];
            while let Some(node) = open.pop() {
                match &node.kind {
                    YamlKind::List(items) => open.extend(items),
                    YamlKind::Map(map) => open.extend(map.values()),
                    YamlKind::Scalar(scalar) => {
                        let found = locate_in_scalar(&text, node.span, scalar, offset, len);
                        prop_assert!(node.span.start <= found.start && found.start <= found.end && found.end <= node.span.end);
                    }
                }
            }
        }
    }
}

#[test]
fn a_word_with_a_tag_is_not_written_as_what_it_is_without_the_tag() {
    let plain = |text: &str| OutputValue::Literal(text.to_owned().into());
    let quoted = |text: &str| OutputValue::text(text.to_owned());
    for (written, expected) in [
        ("!!binary null", quoted("null")),
        ("!!binary 1234", quoted("1234")),
        ("!!binary aGk=", quoted("aGk=")),
        ("!!timestamp 2024-01-01", plain("2024-01-01")),
        ("!!str yes", quoted("yes")),
        ("!!int 0644", plain("0644")),
        ("!!float 1", plain("1")),
        ("~", OutputValue::Null),
        ("1.10", plain("1.10")),
        ("yes", plain("yes")),
    ] {
        let node = read_document(&Source::new("x", written)).expect(written);
        assert!(node.as_scalar().expect(written).to_value() == expected, "{written}");
    }
}
