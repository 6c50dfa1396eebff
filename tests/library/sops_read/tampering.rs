//! What somebody with write access and without the key can change, and what is noticed
//! (format, section 8).

use septum::sops::decrypt_document;
use septum::span::Source;

use crate::sops_read::tree::{Meaning, document, meaning};
use crate::sops_read::vectors::text;
use crate::sops_read::{identities, messages};

type Found = Vec<(&'static str, String)>;

fn read(text: &str) -> Result<Meaning, Found> {
    let source = Source::new("file.yaml", text);
    decrypt_document(document(text), &source, &identities()).map(|found| meaning(&found.tree)).map_err(messages)
}

/// A vector with one change.
fn replaced(name: &str, from: &str, to: &str) -> String {
    let text = text(name);
    assert!(text.contains(from), "{name} has {from}");
    text.replacen(from, to, 1)
}

/// A vector with its lines changed.
fn edited(name: &str, change: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines: Vec<String> = text(name).lines().map(str::to_owned).collect();
    change(&mut lines);
    lines.join("\n") + "\n"
}

/// A vector with the `sops` block of another.
fn with_block_of(name: &str, other: &str) -> String {
    let split = |name| {
        let text = text(name);
        let at = text.find("\nsops:\n").expect("a block") + 1;
        (text[..at].to_owned(), text[at..].to_owned())
    };
    split(name).0 + &split(other).1
}

#[track_caller]
fn assert_findings(case: &str, text: &str, expected: &[(&str, &str)]) {
    let found = read(text).err().unwrap_or_default();
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| found.0 == expected.0 && found.1.contains(expected.1));
    assert!(fits, "{case}: expected {expected:?}, got {found:?}");
}

#[test]
fn a_changed_ciphertext_is_noticed_at_its_key() {
    let simple = "simple.enc.yaml";
    for (case, text, part) in [
        ("data", replaced(simple, "data:U0UapRUF", "data:U0UapRUG"), "`a` does not decrypt"),
        ("iv", replaced(simple, "iv:xGcW", "iv:xGcX"), "`a` does not decrypt"),
        ("tag", replaced(simple, "tag:ILc4", "tag:ILc5"), "`b` does not decrypt"),
        ("cut", replaced(simple, "data:U0UapRUF", "data:"), "`a` is not a ciphertext: it does not match `ENC["),
        (
            "base64",
            replaced(simple, "data:U0UapRUF", "data:U0U"),
            "`a` is not a ciphertext: its `data` is not valid base64",
        ),
        ("type", replaced(simple, "type:int]", "type:number]"), "`b` is not a ciphertext: its `type` is not one of"),
        ("not of its type", replaced(simple, "type:str]", "type:int]"), "`a` has the type `int`"),
        ("comment in a map", replaced(simple, "type:int]", "type:comment]"), "`b` has the type `comment`"),
        ("renamed", replaced(simple, "a: ENC", "c: ENC"), "`c` does not decrypt"),
        ("moved", replaced(simple, "a: ENC", "x:\n  a: ENC"), "`x.a` does not decrypt"),
    ] {
        assert_findings(case, &text, &[("tampered", part)]);
    }
}

#[test]
fn all_changes_of_a_file_are_told_together() {
    let text = edited("types.enc.yaml", |lines| {
        for line in lines.iter_mut().filter(|line| line.starts_with("int:") || line.starts_with("hex:")) {
            *line = line.replace("data:", "data:AAAA");
        }
    });
    assert_findings("two leaves", &text, &[("tampered", "`int` does not"), ("tampered", "`hex` does not")]);
    let text = edited("simple.enc.yaml", |lines| {
        let value = |line: &str| line.split_once(": ").expect("a line").1.to_owned();
        (lines[0], lines[1]) = (format!("a: {}", value(&lines[1])), format!("b: {}", value(&lines[0])));
    });
    assert_findings("swapped", &text, &[("tampered", "`a` does not"), ("tampered", "`b` does not")]);
    let text = edited("simple.enc.yaml", |lines| lines[1] = "b: 2".to_owned()).replace("\n    mac:", "\n    nomac:");
    assert_findings("leaf and mac", &text, &[("sops-plaintext", "`b` must be"), ("tampered", "`sops.mac` is missing")]);
}

#[test]
fn a_block_of_another_file_is_told_once() {
    let text = with_block_of("types.enc.yaml", "simple.enc.yaml");
    assert_findings("foreign block", &text, &[("tampered", "none of the 38 values decrypts")]);
    let text = with_block_of("simple.enc.yaml", "rotated.enc.yaml");
    assert_findings("later block", &text, &[("tampered", "`a` does not"), ("tampered", "`b` does not")]);
    let text = with_block_of("set_b.enc.yaml", "simple.enc.yaml");
    assert_findings("older block, same data key", &text, &[("tampered", "`sops.mac` does not match the values")]);
}

#[test]
fn the_checksum_notices_what_the_values_do_not() {
    let mismatch = "`sops.mac` does not match the values";
    let swapped = edited("listcomments.enc.yaml", |lines| lines.swap(3, 5));
    let shortened = edited("listcomments.enc.yaml", |lines| drop(lines.remove(3)));
    let doubled = edited("listcomments.enc.yaml", |lines| lines.insert(3, lines[3].clone()));
    let suffix = "encrypted_suffix.enc.yaml";
    for (case, text) in [
        ("swapped in a list", swapped),
        ("removed from a list", shortened),
        ("doubled in a list", doubled),
        ("value to comment", replaced("listcomments.enc.yaml", "type:str]", "type:comment]")),
        ("key removed", edited("simple.enc.yaml", |lines| drop(lines.remove(1)))),
        ("plain value changed", replaced(suffix, "b: \"y\"", "b: \"z\"")),
        ("plain value added", replaced(suffix, "b: \"y\"", "b: \"y\"\nc: 1")),
        ("plain value removed", replaced(suffix, "b: \"y\"\n", "")),
        ("scope narrowed", replaced(suffix, "    version:", "    mac_only_encrypted: true\n    version:")),
        ("selector narrowed", replaced(suffix, "encrypted_suffix: _secret", "encrypted_suffix: a_secret")),
        ("emptied", edited("simple.enc.yaml", |lines| lines[0] = "a: \"\"".to_owned())),
    ] {
        assert_findings(case, &text, &[("tampered", mismatch)]);
    }
}

#[test]
fn the_checksum_itself_is_guarded() {
    let simple = "simple.enc.yaml";
    for (case, text, part) in [
        ("missing", replaced(simple, "    mac: ", "    x: "), "`sops.mac` is missing"),
        ("empty", edited(simple, |lines| empty_mac(lines)), "`sops.mac` is missing"),
        (
            "changed",
            replaced(simple, "mac: ENC[AES256_GCM,data:w", "mac: ENC[AES256_GCM,data:x"),
            "`sops.mac` does not",
        ),
        ("malformed", replaced(simple, "mac: ENC[", "mac: ENV["), "`sops.mac` is not a ciphertext"),
        ("later", replaced(simple, "17:32:20Z", "17:32:21Z"), "`sops.mac` does not decrypt"),
        ("elsewhere", replaced(simple, "17:32:20Z", "17:32:20+01:00"), "`sops.mac` does not decrypt"),
    ] {
        assert_findings(case, &text, &[("tampered", part)]);
    }
    let same_time = replaced(simple, "17:32:20Z", "17:32:20.5+00:00");
    assert!(read(&same_time).is_ok(), "the same second in other words");
}

fn empty_mac(lines: &mut [String]) {
    for line in lines.iter_mut().filter(|line| line.starts_with("    mac:")) {
        line.replace_range(.., "    mac: \"\"");
    }
}

#[test]
fn no_byte_of_a_ciphertext_can_be_changed() {
    let text = text("types.enc.yaml");
    let end = text.find("\nsops:").expect("a block");
    let mut changed = 0;
    for (start, _) in text[..end].match_indices("ENC[AES256_GCM") {
        let line = &text[start..start + text[start..].find(",type:").expect("a type")];
        let is_comment = text[..start].ends_with('#');
        for at in (start..start + line.len()).step_by(7).filter(|_| !is_comment) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let found = read(&String::from_utf8(bytes).expect("ASCII"));
            assert!(found.is_err(), "byte {at} of {line}");
            changed += 1;
        }
    }
    assert!(changed > 500, "{changed}");
}

#[test]
fn plaintext_where_the_selector_wants_ciphertext_is_refused() {
    let simple = "simple.enc.yaml";
    let plain = |value: &str| edited(simple, |lines| lines[1] = format!("b: {value}"));
    for value in ["2", "\"2\"", "hunter2", "true", "2024-01-01", "\"ENC[AES128,data:x]\""] {
        let part = "`b` must be encrypted by `unencrypted_suffix: _unencrypted`, but is in plaintext";
        assert_findings(value, &plain(value), &[("sops-plaintext", part)]);
    }
    let widened = replaced("encrypted_suffix.enc.yaml", "encrypted_suffix: _secret", "unencrypted_suffix: _x");
    assert_findings("selector widened", &widened, &[("sops-plaintext", "`b` must be encrypted")]);
}

#[test]
fn the_wrapped_data_key_of_ours_must_open() {
    let text = replaced("simple.enc.yaml", "u+GVT6b5", "u+GVT6b6");
    assert_findings("payload", &text, &[("tampered", "the data key of `age1pgs5")]);
    let text = replaced("simple.enc.yaml", "BEGIN AGE", "BEGIN EGA");
    assert_findings("armor", &text, &[("tampered", "the data key of `age1pgs5")]);
    let text = replaced("two_recipients.enc.yaml", "Jg1UHWVMyD98cOeY", "xxxxxxxxxxxxxxxx");
    assert!(read(&text).is_ok(), "the other recipient's copy opens");
}

#[test]
fn what_the_format_does_not_notice() {
    let (suffix, mac_only) = ("encrypted_suffix.enc.yaml", "k8s_mac_only.enc.yaml");
    for (case, text) in [
        // the checksum has no separators, no keys and no types
        ("plain key renamed", replaced(suffix, "b: \"y\"", "c: \"y\"")),
        ("plain text split", replaced(suffix, "b: \"y\"", "b: \"\"\nc: \"y\"")),
        ("plain text unquoted", replaced(suffix, "b: \"y\"", "b: y")),
        ("nothing added", replaced(suffix, "b: \"y\"", "b: \"y\"\nc: null\nd: {}\ne: []\nf: \"\"")),
        // the metadata are not authenticated
        ("selector reworded", replaced(suffix, "encrypted_suffix: _secret", "encrypted_suffix: cret")),
        ("recipient relabelled", replaced("simple.enc.yaml", "recipient: age1pgs5", "recipient: age1xxxx")),
        ("recipient renamed away", replaced("simple.enc.yaml", "recipient: age1", "recipient: ssh-ed25519 ")),
        ("version", replaced("simple.enc.yaml", "version: 3.13.2", "version: 3.9.0")),
        // types of ciphertexts are not bound
        ("int to str", replaced("simple.enc.yaml", "type:int]", "type:str]")),
    ] {
        assert!(read(&text).is_ok(), "{case}: {:?}", read(&text));
    }
    // by design of `mac_only_encrypted`; the first document alone has another checksum
    let source = Source::new("x", replaced(mac_only, "name: app\n", "name: other\n"));
    let documents = crate::sops_read::tree::documents(source.text());
    assert!(septum::sops::decrypt_documents(documents, &source, &identities()).is_ok());
}

#[test]
fn a_document_cut_from_its_file_is_noticed() {
    let text = text("k8s_mac_only.enc.yaml");
    let first = text.split("\n---\n").next().expect("a document");
    assert_findings("first document", first, &[("tampered", "`sops.mac` does not match the values")]);
}

#[test]
fn invalid_metadata_are_told_together_and_where() {
    let simple = "simple.enc.yaml";
    let several = "unencrypted_suffix: _unencrypted\n    encrypted_regex: \"(\"\n    encrypted_suffix: x";
    let text = replaced(simple, "unencrypted_suffix: _unencrypted", several)
        .replace("lastmodified: \"2026-11-23T17:32:20Z\"", "lastmodified: yesterday")
        .replace("version: 3.13.2", "version: 3");
    assert_findings(
        "many",
        &text,
        &[
            ("sops-metadata", "`sops.lastmodified` must be a time"),
            ("sops-metadata", "`sops.encrypted_regex` is not a regular expression: unclosed group"),
            ("sops-metadata", "`unencrypted_suffix` and `encrypted_suffix` contradict each other"),
            ("sops-version", "`sops.version` must be a version"),
        ],
    );
    for (case, text, rule, part) in [
        ("no version", replaced(simple, "    version: 3.13.2\n", ""), "sops-version", "`sops.version` is missing"),
        (
            "new",
            replaced(simple, "version: 3.13.2", "version: 4.0.0"),
            "sops-version",
            "the file has format version 4.0.0",
        ),
        ("no time", replaced(simple, "lastmodified", "x"), "sops-metadata", "`sops.lastmodified` is missing"),
        ("nobody", replaced(simple, "    age:\n", "    egal:\n"), "sops-metadata", "the file has no recipients"),
        ("no enc", replaced(simple, "- enc: |", "- env: |"), "sops-metadata", "`sops.age` must be a mapping with"),
        (
            "scope",
            replaced(simple, "version:", "mac_only_encrypted: 7\n    version:"),
            "sops-metadata",
            "must be `true`",
        ),
    ] {
        assert_findings(case, &text, &[(rule, part)]);
    }
}

#[test]
fn metadata_of_old_versions_are_taken() {
    let old = "    kms: []\n    gcp_kms: null\n    pgp:\n        - fp: ABCD\n          created_at: 2020-01-01T00:00:00Z\n\
               \x20         enc: x\n    unknown: {a: 1}\n    encrypted_regex: \"\"\n    mac_only_encrypted: \"false\"\n";
    let text = replaced(
        "simple.enc.yaml",
        "    lastmodified: \"2026-11-23T17:32:20Z\"",
        "    lastmodified: 2026-11-23T17:32:20Z",
    );
    let text = text.replace("    version:", &format!("{old}    version:")).replace("enc: |", "enc: |-");
    assert!(read(&text).is_ok(), "{:?}", read(&text));
}
