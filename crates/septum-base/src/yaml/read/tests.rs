use std::fmt::Write as _;

use proptest::prelude::*;

use super::yamlish::yamlish;
use super::*;
use crate::diagnostic::render_diagnostic;
use crate::yaml::node::YamlKey;

/// The tree on one line: texts in quotes, a blank as `_`, what is not valid as `!`, a tag before its text.
fn shape(node: &YamlNode) -> String {
    match &node.kind {
        YamlKind::Scalar(scalar) if scalar.broken => "!".to_owned(),
        YamlKind::Scalar(scalar) if scalar.blank => "_".to_owned(),
        YamlKind::Scalar(scalar) => {
            let tag = scalar.tag_name().map_or_else(String::new, |tag| format!("!!{tag} "));
            format!("{tag}{:?}", scalar.text())
        }
        YamlKind::List(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(", ")),
        YamlKind::Map(map) => {
            let pair = |(key, value): (&YamlKey, &YamlNode)| format!("{}: {}", key.text, shape(value));
            format!("{{{}}}", map.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

fn source(text: &str) -> Source {
    Source::new("x.yaml", text)
}

/// `rule line:column` of each finding.
fn findings(text: &str) -> Vec<String> {
    let Err(findings) = read_document(&source(text)) else { return Vec::new() };
    findings
        .into_sorted()
        .iter()
        .map(|finding| {
            let span = finding.labels[0].place.span;
            format!("{} {}:{}", finding.rule, span.line, span.column)
        })
        .collect()
}

#[test]
fn text_is_kept_as_written() {
    for (text, expected) in [
        ("a: 1.10\nb: 0644\nc: 12345678901234567890123", r#"{a: "1.10", b: "0644", c: "12345678901234567890123"}"#),
        ("1.10: x\n0x1F: y\nyes: z\n~: n", r#"{1.10: "x", 0x1F: "y", yes: "z", ~: "n"}"#),
        ("a:\nb: ~\nc: null\nd: ''", r#"{a: _, b: "~", c: "null", d: ""}"#),
        ("- 2024-01-01\n- 12:30:45\n-\n- 1_000", r#"["2024-01-01", "12:30:45", _, "1_000"]"#),
        ("a: 'it''s'\nb: \"t\\tab\"", r#"{a: "it's", b: "t\tab"}"#),
        ("a: |\n  x\n   y\n\nb: >-\n  p\n  q\n", r#"{a: "x\n y\n", b: "p q"}"#),
        ("a: {b: [1, {c: d}], e}", r#"{a: {b: ["1", {c: "d"}], e: _}}"#),
        ("[a: b, c]", r#"[{a: "b"}, "c"]"#),
        (
            "a: !!str 1\nb: !!null\nc: !!binary aGk=\nd: ! 1",
            r#"{a: !!str "1", b: !!null "", c: !!binary "aGk=", d: !!str "1"}"#,
        ),
        ("!!map\na: !!seq [x]\nb: !!str\n", r#"{a: ["x"], b: !!str ""}"#),
        ("\u{feff}a: 1", r#"{a: "1"}"#),
        ("\u{feff}---\r\na: 1\r\nb: |\r\n  x\r\n", r#"{a: "1", b: "x\n"}"#),
        ("%YAML 1.1\n---\na: 1\n---\n...\n", r#"{a: "1"}"#),
        ("---\n---\na: 1\n---\n# no more\n", r#"{a: "1"}"#),
        ("", "_"),
        ("# only a comment\n", "_"),
        ("a: |\n  no line feed at the end", r#"{a: "no line feed at the end"}"#),
        ("{\n\t\"a\": [\n\t\t1\n\t]\n}", r#"{a: ["1"]}"#),
        ("? long\n: value\n", r#"{long: "value"}"#),
    ] {
        let read = read_document(&source(text)).unwrap_or_else(|found| panic!("{text:?}: {:?}", found.into_sorted()));
        assert_eq!(shape(&read), expected, "{text:?}");
    }
}

#[test]
fn anchors_and_merge_keys_give_what_they_name() {
    for (text, expected) in [
        ("a: &x 1\nb: *x\n", r#"{a: "1", b: "1"}"#),
        ("&k a: 1\nb: *k\n*k : 2\n", "duplicate"),
        ("a: &k b\n*k : 2\n", r#"{a: "b", b: "2"}"#),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", r#"{a: {p: "1", q: "2"}, b: {p: "1", q: "3"}}"#),
        ("a: &x {p: 1}\nb:\n  z: 0\n  <<: *x\n  y: 9\n", r#"{a: {p: "1"}, b: {z: "0", p: "1", y: "9"}}"#),
        (
            "a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n",
            r#"{a: {p: "1"}, b: {p: "2", q: "2"}, c: {p: "1", q: "2"}}"#,
        ),
        ("a: {<<: {p: 1}}\n", r#"{a: {p: "1"}}"#),
        ("a: {\"<<\": {p: 1}}\n", r#"{a: {<<: {p: "1"}}}"#),
        (
            "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}",
            r#"{a: {p: "1"}, b: {p: "1", q: "2"}, c: {p: "1", q: "2"}}"#,
        ),
        ("a: &x 1\nb: &x 2\nc: *x\n", r#"{a: "1", b: "2", c: "2"}"#),
    ] {
        match read_document(&source(text)) {
            Ok(node) => assert_eq!(shape(&node), expected, "{text:?}"),
            Err(found) => assert!(found.into_sorted()[0].rule.id().starts_with(expected), "{text:?}"),
        }
    }
    let kept = read_stream(&source("a: &x {p: 1}\nb: {<<: *x}\n"), MergeKeys::Keep).expect("valid");
    assert_eq!(shape(&kept.documents[0]), r#"{a: {p: "1"}, b: {<<: {p: "1"}}}"#);
}

/// Values that sops 3.13 and kubectl 1.32 accept after each tag, and others, as recorded from them. Alone kubectl takes `yes` for a
/// boolean, and has no infinities; alone sops refuses whole numbers that need all 64 bits, whatever their tag.
#[test]
fn a_tag_is_before_what_sops_and_kubectl_accept_after_it() {
    for (tag, accepted, refused) in [
        (
            "null",
            "''   ~   null",
            "abc   1   \"1\"   08   09.5   0644   0o17   0b11   1_000   0x1F   -1   +1   18446744073709551615   99999999999999999999   1.5   .5   5.   1e3   .inf   -.inf   .nan   true   True   \"true\"   yes   on   y   2024-01-01   \"2024-01-01\"   2024-01-01T00:00:00Z   2024-01-01 10:00:00   2024-13-45   12:30:45   aGk=   a!b   <<",
        ),
        (
            "bool",
            "true   True   \"true\"",
            "abc   ''   ~   null   1   \"1\"   08   09.5   0644   0o17   0b11   1_000   0x1F   -1   +1   18446744073709551615   99999999999999999999   1.5   .5   5.   1e3   .inf   -.inf   .nan   yes   on   y   2024-01-01   \"2024-01-01\"   2024-01-01T00:00:00Z   2024-01-01 10:00:00   2024-13-45   12:30:45   aGk=   a!b   <<",
        ),
        (
            "int",
            "1   \"1\"   0644   0o17   0b11   1_000   0x1F   -1   +1   18446744073709551615",
            "abc   ''   ~   null   08   09.5   99999999999999999999   1.5   .5   5.   1e3   .inf   -.inf   .nan   true   True   \"true\"   yes   on   y   2024-01-01   \"2024-01-01\"   2024-01-01T00:00:00Z   2024-01-01 10:00:00   2024-13-45   12:30:45   aGk=   a!b   <<",
        ),
        (
            "float",
            "1   \"1\"   08   09.5   0644   0o17   0b11   1_000   0x1F   -1   +1   99999999999999999999   1.5   .5   5.   1e3   .inf   -.inf   .nan",
            "abc   ''   ~   null   18446744073709551615   true   True   \"true\"   yes   on   y   2024-01-01   \"2024-01-01\"   2024-01-01T00:00:00Z   2024-01-01 10:00:00   2024-13-45   12:30:45   aGk=   a!b   <<",
        ),
        (
            "binary",
            "''   null   0644   0o17   0b11   0x1F   18446744073709551615   99999999999999999999   true   True   \"true\"   aGk=",
            "abc   ~   1   \"1\"   08   09.5   1_000   -1   +1   1.5   .5   5.   1e3   .inf   -.inf   .nan   yes   on   y   2024-01-01   \"2024-01-01\"   2024-01-01T00:00:00Z   2024-01-01 10:00:00   2024-13-45   12:30:45   a!b   <<",
        ),
        (
            "timestamp",
            "2024-01-01   \"2024-01-01\"   2024-01-01T00:00:00Z   2024-01-01 10:00:00",
            "abc   ''   ~   null   1   \"1\"   08   09.5   0644   0o17   0b11   1_000   0x1F   -1   +1   18446744073709551615   99999999999999999999   1.5   .5   5.   1e3   .inf   -.inf   .nan   true   True   \"true\"   yes   on   y   2024-13-45   12:30:45   aGk=   a!b   <<",
        ),
    ] {
        for (values, expected) in [(accepted, vec![]), (refused, vec!["unknown-tag 1:4"])] {
            for value in values.split("   ") {
                assert_eq!(findings(&format!("a: !!{tag} {value}\n")), expected, "!!{tag} {value}");
            }
            for value in values.split("   ").filter(|value| !value.contains(['"', '\'']) && *value != "<<") {
                assert_eq!(findings(&format!("a: !!{tag} \"{value}\"\n")), expected, "!!{tag} \"{value}\"");
                assert_eq!(findings(&format!("a: !!str {value}\n")), [""; 0], "{value}");
            }
        }
    }
}

#[test]
fn mistakes_are_found_where_they_are() {
    for (text, expected) in [
        ("a: 1\nb: 2\na: 3\n", vec!["duplicate-key 3:1"]),
        ("a: {b: 1, 'b': 2}\nc:\n- x: 1\n  x: 2\n", vec!["duplicate-key 1:11", "duplicate-key 4:3"]),
        ("a:\n  <<: {p: 1}\n  <<: {q: 1}\n", vec!["duplicate-key 3:3"]),
        ("a: {<<: 1}\n", vec!["merge-key 1:9"]),
        ("a: {<<: [1]}\n", vec!["merge-key 1:9"]),
        ("a: !secret x\nb: !!set {x}\nc: !!map x\n", vec!["unknown-tag 1:4", "unknown-tag 2:4", "unknown-tag 3:4"]),
        ("a: !e!x y\n", vec!["unknown-tag 1:4"]),
        ("a: !!int x\nb: !!null x\nc: !!bool yes\n", vec!["unknown-tag 1:4", "unknown-tag 2:4", "unknown-tag 3:4"]),
        (
            "a: !!int false\nb: !!int 1.5\nc: !!float ''\n",
            vec!["unknown-tag 1:4", "unknown-tag 2:4", "unknown-tag 3:4"],
        ),
        ("a: [!!int 0b11, !!int 1_000, !!int \"7\", !!int -0x1F, !!float 3, !!float .inf, !!float 1_0.5]\n", vec![]),
        ("a: [!!int '{{ x }}', !!bool '{% if x %}true{% endif %}']\nb: !!null '{{ x }}'\n", vec!["unknown-tag 2:4"]),
        ("a: [!!bool 'True', !!null '', !!null ~, !!str x, !!binary eA==, !!timestamp 2024-01-01]\n", vec![]),
        ("a: 1\n---\nb: 2\n", vec!["several-documents 3:1"]),
        ("? [a]\n: b\n", vec!["complex-key 1:3"]),
        ("a: {{ x }}\n", vec!["complex-key 1:5"]),
        (": x\n", vec!["complex-key 1:1"]),
        ("a: *x\n", vec!["undefined-alias 1:4"]),
        ("a: &x [*x]\n", vec!["recursive-alias 1:8"]),
        ("a:\n\tb: 1\n", vec!["tab-indentation 2:1"]),
        ("a:\n  b: 1\n\tc: 1\n", vec!["tab-indentation 3:1"]),
        ("a: 1\n \tb: 1\n", vec!["tab-indentation 2:2"]),
        ("a:\n  - x\n\t- y\n", vec!["tab-indentation 3:1"]),
        ("\ta: 1\n\tb: 2\n", vec!["tab-indentation 1:1"]),
        ("-\ta: 1\n", vec!["tab-indentation 1:2"]),
        ("a: |\n\tx\n", vec!["tab-indentation 2:1"]),
        ("a: x\n b: y\n", vec!["yaml-syntax 2:3"]),
        ("a: 'x\n", vec!["yaml-syntax 1:4"]),
        ("a: 1\na: 2\nb: [\n", vec!["duplicate-key 2:1", "yaml-syntax 3:4"]),
        ("ß: 1\nüß: @x\n", vec!["yaml-syntax 2:5"]),
        ("a: x\u{0}\n", vec!["yaml-syntax 1:5"]),
    ] {
        assert_eq!(findings(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_valid_of_a_file_is_kept() {
    for (text, expected) in [
        ("a: !!int x\nb: 1\n", r#"{a: !, b: "1"}"#),
        ("a: !foo {b: c}\nd: [!foo [e], f]\n", r#"{a: !, d: [!, "f"]}"#),
        ("!!int a: b\n!foo c: d\n", r#"{a: "b", c: "d"}"#),
        ("a: 1\na: 2\nb: {c: 1}\nb: {c: 2, d: 3}\n", r#"{a: !, b: {c: !, d: "3"}}"#),
        ("? [a]\n: b\nc: d\n", r#"{c: "d", : !}"#),
        ("a: {{ x }}\nb: {: x}\n", "{a: !, b: !}"),
        ("a: *x\nb: &y [*y, 1]\n*z : c\n", r#"{a: !, b: [!, "1"], : !}"#),
        ("a: &x !!int y\nb: *x\n", "{a: !, b: !}"),
        ("a: {<<: 1, b: c}\nd: {<<: *x, b: c}\n", r#"{a: {b: "c", : !}, d: {b: "c", <<: !}}"#),
        ("a: &x {<<: *y, b: c}\nd: {<<: *x, e: f}\n", r#"{a: {b: "c", <<: !}, d: {b: "c", <<: !, e: "f"}}"#),
        ("<<: {a: 1}\n<<: {b: 2}\n", r#"{a: "1", b: "2"}"#),
        ("a: [b:, c]\n", r#"{a: [!, "c"]}"#),
        ("a: 1\n---\nb: 2\n", r#"{a: "1"}"#),
    ] {
        let partial = read_partial_document(&source(text)).expect(text);
        assert_eq!(shape(&partial.root), expected, "{text:?}");
        assert!(!partial.problems.is_empty() && read_document(&source(text)).is_err(), "{text:?}");
    }
    for text in [
        "a: 1\na: 2\nb: [\n",
        "!foo {a: b}\n",
        "a: !e!x y\n",
        "-\ta: 1\n",
        "<<<<<<< a\n: x\n=======\nb: *x\n>>>>>>> b\n",
    ] {
        assert!(read_partial_document(&source(text)).is_err(), "{text:?}");
    }
    let stream = read_partial_stream(&source("a: *x\n---\nb: 1\n"), MergeKeys::Apply).expect("partial");
    assert_eq!(stream.stream.documents.iter().map(shape).collect::<Vec<_>>(), ["{a: !}", r#"{b: "1"}"#]);
}

#[test]
fn what_follows_from_a_part_that_is_not_valid_is_not_reported() {
    for (text, expected) in [
        ("a: {<<: *x}\n", vec!["undefined-alias 1:9"]),
        ("a: {<<: [*x]}\n", vec!["undefined-alias 1:10"]),
        ("*x : 1\n", vec!["undefined-alias 1:1"]),
        ("a: [*x : 1, !foo : 2]\n", vec!["undefined-alias 1:5", "unknown-tag 1:13"]),
    ] {
        assert_eq!(findings(text), expected, "{text:?}");
    }
}

#[test]
fn what_could_be_a_password_is_not_shown() {
    for text in [
        "PASSWORD: *hunter2\n",
        "PASSWORD: !hunter2\n",
        "PASSWORD: !hunter2!x\n",
        "PASSWORD: %hunter2\n",
        "PASSWORD: @hunter2\n",
        "PASSWORD: 'x' hunter2\n",
        "PASSWORD: \"hunter2\n",
        "PASSWORD: \"\\hunter2\"\n",
        "PASSWORD: [hunter2\n",
        "PASSWORD: x hunter2: y\n",
        "PASSWORD: hunter2\n\tX: 1\n",
        "A: 1\n---\nPASSWORD: hunter2\n",
        "A: 1\n--- hunter2\n",
        "? {PASSWORD: hunter2}\n: x\n",
        "? [hunter2]\n: x\n",
        "? - hunter2\n: x\n",
        "A: {<<: hunter2}\n",
        "A: {<<: [hunter2]}\n",
        "PASSWORD: hunter2\nA: &x [*x]\n",
    ] {
        let found = read_document(&source(text)).expect_err(text).into_sorted();
        for finding in &found {
            let shown = render_diagnostic(finding, false);
            assert!(!shown.contains("hunter") && !finding.hints.is_empty(), "{text:?}\n{shown}");
        }
    }
}

#[test]
fn a_second_key_shows_both_places() {
    let found = read_document(&source("A: 1\nB: 2\nA: 3\n")).expect_err("twice").into_sorted();
    assert_eq!(
        render_diagnostic(&found[0], false),
        "error: duplicate key `A` in a mapping
 --> x.yaml:3:1
  |
3 | A: …
  | ^
 --> x.yaml:1:1
  |
1 | A: …
  | ^ first occurrence
  = hint: remove one of the two; the later one would silently win"
    );
}

#[test]
fn templates_without_quotes_get_the_hint_for_it() {
    for text in ["a: {{ x }}\n", "a: {{ x }}/b\n", "a: {% if x %}y{% endif %}\n", "- {{ x }}-{{ y }}\n"] {
        let found = read_document(&source(text)).expect_err(text).into_sorted();
        assert!(found.iter().any(|finding| finding.hints.iter().any(|hint| hint.contains("{{ … }}"))), "{text:?}");
    }
}

#[test]
fn nothing_grows_beyond_its_limit() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(bomb, "a{level}: &a{level} [{aliases}]");
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 1000].join(", "));
    let nested =
        (0..MAX_DEPTH).fold(String::new(), |text, level| text + &format!("&a{level} [")) + &"x, ".repeat(100_000);
    let chain = (1..=MAX_DEPTH)
        .fold("a0: &a0 []\n".to_owned(), |text, level| text + &format!("a{level}: &a{level} [*a{}]\n", level - 1));
    for (name, text, rule) in [
        ("aliases of aliases", bomb, "alias-bomb"),
        ("a long text", long, "alias-bomb"),
        ("an anchor of a secret", format!("a: &a {}\n", "hunter2".repeat(5_000_000)), "alias-bomb"),
        ("anchors in anchors", nested + &"]".repeat(MAX_DEPTH), "alias-bomb"),
        ("brackets", "[".repeat(100_000), "too-deep"),
        ("dashes", "- ".repeat(100_000), "too-deep"),
        ("depth through aliases", chain, "too-deep"),
    ] {
        let found = read_document(&source(&text)).expect_err(name).into_sorted();
        assert_eq!(found[0].rule.id(), rule, "{name}");
        assert!(!render_diagnostic(&found[0], false).contains("hunter2"), "{name}");
    }
    let deepest = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    assert!(read_document(&source(&deepest)).is_ok());
}

#[test]
fn a_node_covers_its_text_from_its_first_character() {
    let text =
        "a: &x !!str 'q'\nl:\n- 1\n- - p\n  - {f: 2}\nb: &y |+  # header\n\n  text\n  more\n\nm:\n  # why\n  n: |-\n\n";
    let root = read_document(&source(text)).expect("valid");
    let map = root.as_map().expect("map");
    let covered = |node: &YamlNode| text[node.span.start..node.span.end].to_owned();
    assert_eq!(covered(&map["a"]), "'q'");
    assert_eq!(covered(&map["l"]), "- 1\n- - p\n  - {f: 2}");
    assert_eq!(covered(&map["b"]), "|+  # header\n\n  text\n  more");
    assert_eq!(covered(&map["m"]), "n: |-");
    let YamlKind::List(items) = &map["l"].kind else { panic!("list") };
    assert_eq!(covered(&items[1]), "- p\n  - {f: 2}");
    assert_eq!(map["b"].span, Span::locate(text, map["b"].span.start, map["b"].span.end));
    assert_eq!((root.span.start, root.span.end), (0, text.trim_end().len()));
}

#[test]
fn comments_come_with_their_places() {
    let text = "# top\na: 1 # side\nb: | # header\n  # text\n# last";
    let stream = read_stream(&source(text), MergeKeys::Keep).expect("valid");
    let comments: Vec<_> = stream.comments.iter().map(|c| (c.text.as_str(), c.span.line, c.inline)).collect();
    assert_eq!(comments, [(" top", 1, false), (" side", 2, true), (" header", 3, true), (" last", 5, false)]);
    let many = "# x\n".repeat(5000);
    let stream = read_stream(&source(&format!("a:\n{many}  - b\n{many}")), MergeKeys::Keep).expect("valid");
    assert_eq!(stream.comments.len(), 10_000);
}

#[test]
fn a_stream_has_all_documents_with_content() {
    let stream = read_stream(&source("a: 1\n---\n---\n# x\n---\nb: &x 2\n--- [c]\n"), MergeKeys::Keep).expect("valid");
    let shapes: Vec<_> = stream.documents.iter().map(shape).collect();
    assert_eq!(shapes, [r#"{a: "1"}"#, r#"{b: "2"}"#, r#"["c"]"#]);
}

fn check_spans(text: &str, node: &YamlNode) -> Result<(), TestCaseError> {
    let check = |span: Span| {
        prop_assert_eq!(span, Span::locate(text, span.start, span.end));
        Ok(())
    };
    check(node.span)?;
    match &node.kind {
        YamlKind::Scalar(_) => {}
        YamlKind::List(items) => items.iter().try_for_each(|item| check_spans(text, item))?,
        YamlKind::Map(map) => {
            for (key, value) in map {
                check(key.span)?;
                check_spans(text, value)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in prop_oneof![yamlish(), any::<String>()]) {
        let source = source(&text);
        for result in [read_document(&source).map(|node| vec![node]), read_stream(&source, MergeKeys::Keep).map(|s| s.documents)] {
            match result {
                Ok(nodes) => nodes.iter().try_for_each(|node| check_spans(&text, node))?,
                Err(findings) => for finding in findings.into_sorted() {
                    prop_assert!(!finding.hints.is_empty());
                    for label in &finding.labels {
                        let span = label.place.span;
                        prop_assert_eq!(span, Span::locate(&text, span.start, span.end));
                    }
                    render_diagnostic(&finding, false);
                },
            }
        }
    }
}

/// The entries of a mapping are counted before it is read, so that its memory is needed once; those of the documents
/// after it are not its own.
#[test]
fn a_document_of_many_has_room_for_its_own_entries() {
    for separator in ["---\n", "...\n---\n", "--- # next\n"] {
        let text = format!("{separator}apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n").repeat(500);
        let stream = read_stream(&Source::new("x.yaml", text), MergeKeys::Apply).unwrap();
        assert_eq!(stream.documents.len(), 500);
        for document in &stream.documents {
            assert!(document.as_map().unwrap().capacity() <= 16, "{separator:?}");
        }
    }
}
