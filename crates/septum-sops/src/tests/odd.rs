//! Files whose comments, blanks and documents occur where random documents have none.

use proptest::prelude::*;
use septum_base::diagnostic::{Diagnostic, Rule};

use super::*;
use crate::files::content::find_difference;

/// Lines of a YAML file, each with its depth: the next one must fit under it.
#[derive(Debug, Clone)]
enum Part {
    /// A key or a dash with a value.
    Value { head: usize, value: usize, tail: usize },
    /// A key or a dash with children.
    Open { dash: bool, tail: usize, parts: Vec<Self> },
    /// A comment, deeper or shallower than its neighbours by this much.
    Comment { shift: usize },
    /// A line of this many blanks.
    Blank { blanks: usize },
}

const VALUES: &[&str] = &[
    "x",
    "\"q\"",
    "'s'",
    "12",
    "true",
    "",
    "~",
    "\"\"",
    "[]",
    "{}",
    "[a, b]",
    "{c: d}",
    "[\n@  a,\n@  b\n@]",
    "[ # in\n@  a\n@]",
    "{c: d, # in\n@  e: f}",
    "|\n@BEGIN\n@END",
    "|-\n@a\n@b",
    ">\n@folded\n@text\n\n@more",
    "|+\n@a\n\n",
    "|2\n@ a\n@b",
    "| # head\n@x",
    ">- # head\n@x\n@y",
    "\"two\n@  lines\"",
    "plain\n@  lines",
    "&a |\n@x",
    "!!str # tag\n@x",
    "!!str 5",
    "&b x",
];
const HEADS: &[&str] = &[":", ": ", ":  ", ":\n@# between\n@"];
const TAILS: &[&str] = &["", "", "", " # tail", "   # tail", " "];

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let value = (0..HEADS.len(), 0..VALUES.len(), 0..TAILS.len()).prop_map(|(head, value, tail)| Part::Value {
        head,
        value,
        tail,
    });
    let comment = (0..7usize).prop_map(|shift| Part::Comment { shift });
    let blank = prop_oneof![Just(0), Just(0), 0..12usize].prop_map(|blanks| Part::Blank { blanks });
    let leaf = prop_oneof![4 => value, 2 => comment, 1 => blank];
    prop::collection::vec(
        leaf.prop_recursive(3, 24, 5, |inner| {
            (any::<bool>(), 0..TAILS.len(), prop::collection::vec(inner, 1..5))
                .prop_map(|(dash, tail, parts)| Part::Open { dash, tail, parts })
        }),
        1..7,
    )
}

/// Writes parts at a depth; `list` for the items of a list.
fn write(out: &mut String, parts: &[Part], depth: usize, list: bool, count: &mut usize) {
    let pad = " ".repeat(depth);
    for part in parts {
        *count += 1;
        let head = |head: usize| format!("{pad}k{count}{}", HEADS[head].replace('@', &" ".repeat(depth + 2)));
        let lead = |at: usize| if list { format!("{pad}- ") } else { head(at) };
        match part {
            Part::Value { head, value, tail } => {
                let value = VALUES[*value].replace('@', &" ".repeat(depth + 2));
                let tail = if value.contains('\n') && !value.ends_with([']', '}', '"']) { "" } else { TAILS[*tail] };
                let lead = lead(*head);
                let space = if lead.ends_with([' ', '\n']) || value.is_empty() { "" } else { " " };
                out.extend([&lead, space, &value, tail, "\n"]);
            }
            Part::Open { dash, tail, parts } => {
                let lead = if list { format!("{pad}-") } else { format!("{pad}k{count}:") };
                out.extend([&lead, TAILS[*tail], "\n"]);
                let below = if *dash && !list { depth } else { depth + 2 };
                write(out, parts, below, *dash, count);
            }
            Part::Comment { shift } => {
                out.extend([&" ".repeat((depth + shift).saturating_sub(3)), "# c", &count.to_string(), "\n"]);
            }
            Part::Blank { blanks } => out.extend([" ".repeat(*blanks).as_str(), "\n"]),
        }
    }
}

fn texts() -> impl Strategy<Value = String> {
    (prop::collection::vec(parts(), 1..3), any::<bool>(), any::<bool>(), 0..4usize).prop_map(
        |(documents, crlf, end, last)| {
            let mut out = String::new();
            let mut count = 0;
            for (index, parts) in documents.iter().enumerate() {
                if index > 0 {
                    out.push_str(["---\n", "--- # next\n", "...\n---\n", "---\n"][last]);
                }
                write(&mut out, parts, 0, false, &mut count);
            }
            if !end {
                out.pop();
            }
            if crlf { out.replace('\n', "\r\n") } else { out }
        },
    )
}

fn cases() -> u32 {
    let wanted = std::env::var("SEPTUM_ODD_CASES").ok().and_then(|count| count.parse().ok());
    wanted.unwrap_or(300)
}

fn content(text: &str) -> SopsDocument {
    let parsed = SopsFormat::Yaml.parse(&Source::new("x", text));
    parsed.unwrap_or_else(|found| panic!("{found:?}\n{text}")).document
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn odd_files_are_encrypted_and_decrypted_with_all_they_hold(text in texts()) {
        if SopsFormat::Yaml.parse(&Source::new("x", text.as_str())).is_err() { return Ok(()) }
        let encrypted = match encrypt_file("x", text.clone().into_bytes(), SopsFormat::Yaml, &plan(Selector::default()), now()) {
            Ok(EncryptedOutput { bytes, .. }) => String::from_utf8(bytes).expect("UTF-8"),
            Err(WriteError::NothingSelected { .. } | WriteError::Read(_)) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(format!("{:?}\n{text}", error.into_diagnostics()))),
        };
        // separately, so that the verification during encryption is not relied on
        let opened = DecryptedFile::decrypt_bytes("x", encrypted.clone().into_bytes(), SopsFormat::Yaml, &identities());
        let mut opened = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(TestCaseError::fail(format!("{:?}\n{text}\n{encrypted}", error.into_diagnostics()))),
        };
        let plain = match opened.plaintext() {
            Ok(plain) => String::from_utf8(plain.to_vec()).expect("UTF-8"),
            Err(error) => return Err(TestCaseError::fail(format!("{:?}\n{text}\n{encrypted}", error.into_diagnostics()))),
        };
        let differs = find_difference(&content(&text), &content(&plain));
        prop_assert!(differs.is_none(), "{:?}\n{}\n{}\n{}", differs, text, plain, encrypted);
        opened.rotate_key().expect("rotates");
        if let Err(error) = opened.write_bytes(now()) {
            return Err(TestCaseError::fail(format!("{:?}\n{text}\n{encrypted}", error.into_diagnostics())));
        }
    }
}

#[test]
fn what_sops_would_read_otherwise_is_refused() {
    for (format, text) in [
        (SopsFormat::Yaml, "k: {a: 1, c:}\n"),
        (SopsFormat::Yaml, "8080: x\n"),
        (SopsFormat::Yaml, "true: x\n"),
        (SopsFormat::Yaml, "%YAML 1.2\n---\na: b\n"),
        (SopsFormat::Yaml, "a: b\n\t# c\n"),
        (SopsFormat::Yaml, "a: b # c\rd: e\r"),
        (SopsFormat::Ini, "[]\na = b\n"),
        (SopsFormat::Ini, "[ s ]\na = b\n"),
        (SopsFormat::Ini, "[s]\n- = b\n"),
    ] {
        let found = encrypt_file("x", text.as_bytes().to_vec(), format, &plan(Selector::default()), now());
        assert!(matches!(found, Err(WriteError::Read(_))), "{text}: {found:?}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused_with_both_places() {
    for (format, text, lines) in [
        (SopsFormat::Yaml, "a: x\nb: y\na: z\n", &[[3, 1]][..]),
        (SopsFormat::Json, "{\"a\": \"x\",\n\"b\": 1,\n\"a\": \"z\"}", &[[3, 1]]),
        (SopsFormat::Json, "{\"a\": {\"b\": \"x\"},\n\"a\": \"\"}", &[[2, 1]]),
        (
            SopsFormat::Json,
            "{\"l\": [{\n\"\": 1,\n\"\": 2, \"c\": 1,\n\"c\": 1}],\n\"\\u006c\": 2}",
            &[[3, 2], [4, 3], [5, 1]],
        ),
        (SopsFormat::Dotenv, "A=1\n# c\nB=2\nA=\nA=3\n", &[[4, 1], [5, 4]]),
        (SopsFormat::Ini, "[s]\na = 1\n[t]\n[s]\nb = 2\n", &[[4, 1]]),
        (SopsFormat::Ini, "a = 1\n[s]\n[DEFAULT]\na = 2\n", &[[3, 1]]),
    ] {
        let found = encrypt_file("x", text.as_bytes().to_vec(), format, &plan(Selector::default()), now());
        let Err(WriteError::Read(found)) = found else { panic!("{text}: {found:?}") };
        let places = |found: &Diagnostic| [0, 1].map(|index| found.labels[index].place.span.line);
        assert!(found.iter().all(|found| found.rule == Rule::DuplicateKey), "{text}: {found:?}");
        assert_eq!(found.iter().map(places).collect::<Vec<_>>(), lines, "{text}: {found:?}");
    }
    for (format, text) in [
        (SopsFormat::Json, "{\"a\": {\"a\": [{\"a\": 1}, {\"a\": 2}]}, \"A\": 1}"),
        (SopsFormat::Ini, "[DEFAULT]\na = 1\n[s]\na = 2\n"),
        (SopsFormat::Dotenv, "A=1\na=2\n"),
    ] {
        assert!(opened(&sealed(text, format, Selector::default()), format).plaintext().is_ok());
    }
}

#[test]
fn metadata_that_are_there_twice_are_refused() {
    let json = sealed("{\"a\": \"x\"}", SopsFormat::Json, Selector::default());
    let ini = sealed("[s]\na = x\n", SopsFormat::Ini, Selector::default());
    let binary = sealed("x", SopsFormat::Binary, Selector::default());
    for (format, text) in [
        (SopsFormat::Json, json.replace("\"mac\":", "\"mac\": \"\", \"mac\":")),
        (SopsFormat::Json, json.replace("\"sops\":", "\"sops\": {}, \"sops\":")),
        (SopsFormat::Json, json.replace("\"sops\":", "\"sops\": 1, \"sops\":")),
        (SopsFormat::Json, json.replace("\"recipient\":", "\"recipient\": \"\", \"recipient\":")),
        (SopsFormat::Ini, format!("{ini}\n[sops]\n")),
        (SopsFormat::Binary, binary.replace("\"data\":", "\"data\": \"\", \"data\":")),
    ] {
        let found = DecryptedFile::decrypt_bytes("x", text.clone().into_bytes(), format, &identities());
        let found = found.err().expect("refused").into_diagnostics();
        assert!(found.iter().all(|found| found.rule == Rule::DuplicateKey), "{text}: {found:?}");
    }
}

#[test]
fn a_line_break_after_a_backslash_is_refused_at_its_line() {
    for text in ["{\"a\": [1,\n\"\\\n\"]}", "{\"a\": [1,\n\"x\\\n"] {
        let found = SopsFormat::Json.parse(&Source::new("x", text)).err().expect("refused");
        let span = found.iter().next().expect("one").labels[0].place.span;
        assert_eq!((span.line, &text[span.start..]), (2, &text[text.rfind('\n').expect("one")..]));
    }
}

#[test]
fn a_neighbour_in_brackets_keeps_its_name() {
    let sealed = sealed("k: {a: x, \"b\": [y], c: , d}\n", SopsFormat::Yaml, Selector::default());
    let mut file = opened(&sealed, SopsFormat::Yaml);
    file.unset_value(0, &path("k/d")).expect("it can be");
    assert!(!plaintext(&file).contains("c:}"), "{}", plaintext(&file));
}

#[test]
fn a_comment_behind_an_alias_is_kept() {
    let text = "a: &x {k: v}\nb:\n  <<: *x # c\n  c: w\n";
    let file = opened(&sealed(text, SopsFormat::Yaml, Selector::default()), SopsFormat::Yaml);
    assert!(plaintext(&file).contains("# c"), "{}", plaintext(&file));
}
