//! Encrypted files that someone changed without any key.

use super::*;
use crate::crypto::mac::MacScope;

const YAML: &str = "a: one\nb: two\nn: 12\nl:\n    - x\n    - y\nplain_unencrypted: free\nempty: \"\"\n";

/// The line of a key, with its break.
fn line<'t>(text: &'t str, start: &str) -> &'t str {
    text.split_inclusive('\n').find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start} in {text}"))
}

/// Text after the key on its line.
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    line(text, key).strip_prefix(key).expect("its key")
}

/// A text in which two parts have each other's place.
fn swapped(text: &str, one: &str, other: &str) -> String {
    text.replacen(one, "\0", 1).replacen(other, one, 1).replacen('\0', other, 1)
}

fn messages(text: &str, format: SopsFormat) -> Vec<String> {
    match DecryptedFile::decrypt_bytes("file", text.as_bytes().to_vec(), format, &identities()) {
        Ok(_) => Vec::new(),
        Err(error) => error.into_diagnostics().into_iter().map(|found| found.message).collect(),
    }
}

#[test]
fn a_change_of_a_value_is_noticed_and_named() {
    let text = sealed(YAML, SopsFormat::Yaml, Selector::default());
    let items: Vec<&str> = text.lines().filter(|line| line.starts_with("    - ENC[")).collect();
    let other = sealed(YAML, SopsFormat::Yaml, Selector::default());
    let of_a = |from: &str, to: &str| text.replace(value(&text, "a: "), &value(&text, "a: ").replace(from, to));
    let cases = [
        ("nothing", text.clone(), ""),
        ("a value was removed", text.replace(line(&text, "b: "), ""), "`sops.mac` does not match the values"),
        ("a plain value was changed", text.replace("free", "busy"), "`sops.mac` does not match the values"),
        ("a plain value was added", format!("c_unencrypted: 1\n{text}"), "`sops.mac` does not match the values"),
        (
            "the items of a list were swapped",
            swapped(&text, items[0], items[1]),
            "`sops.mac` does not match the values",
        ),
        ("two values were swapped", swapped(&text, value(&text, "a: "), value(&text, "b: ")), "`a` does not decrypt"),
        (
            "one has the place of another",
            text.replace(value(&text, "b: "), value(&text, "a: ")),
            "`b` does not decrypt",
        ),
        (
            "one is that of another file",
            text.replace(value(&text, "a: "), value(&other, "a: ")),
            "`a` does not decrypt",
        ),
        ("one is in plaintext", text.replace(value(&text, "a: "), "one\n"), "`a` must be encrypted by"),
        ("a number is in plaintext", text.replace(value(&text, "n: "), "12\n"), "`n` must be encrypted by"),
        ("a text is said to be a number", of_a("type:str", "type:int"), "`a` has the type `int`"),
        ("a value is said to be a comment", of_a("type:str", "type:comment"), "`a` has the type `comment`"),
        ("one lost its type", of_a(",type:str", ""), "`a` is not a ciphertext"),
        ("the checksum was removed", text.replace(line(&text, "    mac: "), ""), "`sops.mac` is missing"),
        (
            "the checksum is that of another file",
            text.replace(line(&text, "    mac: "), line(&other, "    mac: ")),
            "`sops.mac` does not decrypt",
        ),
        (
            "the checksum is no ciphertext",
            text.replace(line(&text, "    mac: "), "    mac: none\n"),
            "`sops.mac` is not a ciphertext",
        ),
        (
            "the time of the last change was changed",
            text.replace("lastmodified: \"2027", "lastmodified: \"2026"),
            "`sops.mac` does not decrypt",
        ),
    ];
    for (what, changed, expected) in cases {
        assert!(changed != text || expected.is_empty(), "{what}: nothing was changed");
        let found = messages(&changed, SopsFormat::Yaml);
        let is_said = found.first().is_some_and(|first| first.starts_with(expected));
        assert!(is_said != expected.is_empty(), "{what}: {found:?}\n{changed}");
        // without the plaintext of a value, the checksum says nothing more
        assert!(found.len() <= 1 || found.iter().all(|found| !found.contains("sops.mac")), "{what}: {found:?}");
    }
}

#[test]
fn each_changed_value_is_named_unless_it_is_all_of_many() {
    let text = sealed("a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n", SopsFormat::Yaml, Selector::default());
    let other = sealed("a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n", SopsFormat::Yaml, Selector::default());
    let take =
        |keys: &[&str]| keys.iter().fold(text.clone(), |text, key| text.replace(value(&text, key), value(&other, key)));
    let found = messages(&take(&["a: ", "c: "]), SopsFormat::Yaml);
    assert!(found.len() == 2 && found[0].starts_with("`a` does") && found[1].starts_with("`c` does"), "{found:?}");
    let found = messages(&take(&["a: ", "b: ", "c: ", "d: ", "e: "]), SopsFormat::Yaml);
    assert!(found.len() == 1 && found[0].starts_with("none of the 5 values decrypts"), "{found:?}");
    // and a file of few values names each
    let few = sealed("a: 1\nb: 2\nc: 3\n", SopsFormat::Yaml, Selector::default());
    let keys = ["a: ", "b: ", "c: "];
    let few = keys.iter().fold(few.clone(), |text, key| text.replace(value(&few, key), value(&other, key)));
    let found = messages(&few, SopsFormat::Yaml);
    assert!(found.len() == 3 && found[0].starts_with("`a` does not decrypt"), "{found:?}");
}

#[test]
fn with_a_checksum_of_encrypted_values_alone_plain_ones_may_change() {
    let plan = EncryptionPlan { mac_scope: MacScope::Encrypted, ..plan(Selector::default()) };
    let bytes = encrypt_file("file", YAML.as_bytes().to_vec(), SopsFormat::Yaml, &plan, now()).expect("encrypts").bytes;
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(messages(&text, SopsFormat::Yaml), [""; 0]);
    assert_eq!(messages(&text.replace("free", "busy"), SopsFormat::Yaml), [""; 0]);
    let found = messages(&text.replace(line(&text, "b: "), ""), SopsFormat::Yaml);
    assert!(found.len() == 1 && found[0].starts_with("`sops.mac` does not match"), "{found:?}");
    // the scope itself is a part of the checksum
    let found = messages(&text.replace(line(&text, "    mac_only_encrypted: "), ""), SopsFormat::Yaml);
    assert!(found.len() == 1 && found[0].starts_with("`sops.mac` does not match"), "{found:?}");
}

#[test]
fn a_change_is_noticed_in_every_format() {
    for (format, text) in [
        (SopsFormat::Json, "{\"a\": \"one\", \"l\": [\"x\", \"y\"]}"),
        (SopsFormat::Dotenv, "a=one\nb=two\n"),
        (SopsFormat::Ini, "[s]\na = one\nb = two\n"),
        (SopsFormat::Binary, "bytes"),
    ] {
        let text = sealed(text, format, Selector::default());
        let tag = text.find(",tag:").expect("a tag") + 6;
        let letter = if text[tag..].starts_with('A') { "B" } else { "A" };
        let changed = [&text[..tag], letter, &text[tag + 1..]].concat();
        let found = messages(&changed, format);
        assert!(
            messages(&text, format).is_empty() && found.len() == 1 && found[0].contains("does not decrypt"),
            "{found:?}"
        );
    }
}

#[test]
fn a_secret_that_was_typed_into_an_encrypted_file_is_named_to_be_encrypted() {
    let text = sealed(YAML, SopsFormat::Yaml, Selector::default());
    let typed = |text: &str| {
        let file = EncryptedFile::read("file", text.as_bytes().to_vec(), SopsFormat::Yaml).expect("reads");
        let file = file.expect("encrypted").decrypt_incomplete(&identities());
        file.map(|file| file.typed_paths().iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let one = text.replace(value(&text, "a: "), "typed\n");
    let two = one.replace(value(&text, "n: "), "13\n");
    assert_eq!(typed(&text).expect("sound"), [""; 0]);
    assert_eq!(typed(&one).expect("typed"), ["a"]);
    assert_eq!(typed(&two).expect("typed"), ["a", "n"]);
    // a file that was altered besides is refused
    let altered = one.replace(value(&text, "b: "), value(&sealed(YAML, SopsFormat::Yaml, Selector::default()), "b: "));
    assert!(typed(&altered).is_err());
}
