use super::*;

const YAML: &str = "# about\na: secret one   # why\n\nb:\n  # inner\n  - x\n  - 12\n  - {c: true, d: 'q'}\nplain_unencrypted: 1.10\ntext: |\n  line\n\n  more\nnothing:\nempty: \"\"\n";

#[test]
fn what_is_encrypted_decrypts_to_the_same_text() {
    for (format, text) in [
        (SopsFormat::Yaml, YAML),
        (SopsFormat::Yaml, "a: 1\n---\n# two\nb: 2\n"),
        (SopsFormat::Yaml, "---\na: 1\n...\n"),
        (SopsFormat::Yaml, "a: 1"),
        (SopsFormat::Yaml, "a: 1\r\nb:\r\n  - x # c\r\n"),
        (SopsFormat::Json, "{\n\t\"a\": \"x\\u00e9\",\n\t\"b\": [1, 2.5, {\"c\": null}],\n\t\"d\": {}\n}\n"),
        (SopsFormat::Json, "{\"a\":1}"),
        (SopsFormat::Dotenv, "# c\nA=1\nB=two words\n\nC_unencrypted=x\nD=l1\\nl2\n"),
        (SopsFormat::Ini, "; top\n[s]\na = 1\n; key\nb   = two words\n\n[t]\nc = `x;y`\n"),
        (SopsFormat::Ini, "[s]\na = 1\n; one\rline\n"),
    ] {
        let encrypted = sealed(text, format, Selector::default());
        let sealed = opened(&encrypted, format);
        let plain = plaintext(&sealed);
        let (expected, found) = (text.trim_end(), plain.trim_end());
        if !text.contains("\\u00e9") && !text.contains("'q'") {
            assert_eq!(found, expected, "{encrypted}");
        }
        assert_eq!(written(sealed), encrypted);
    }
}

#[test]
fn what_follows_on_the_line_is_no_part_of_a_value() {
    for (text, expected) in [
        ("a: \"x\\ny\"\nb: 1\n", "a: |-\n  x\n  y\nb: 1\n"),
        ("a: \"x\\ny\" \nb: 1\n", "a: \"x\\ny\" \nb: 1\n"),
        ("a: \"x\\ny\"\t\nb: 1\n", "a: \"x\\ny\"\t\nb: 1\n"),
        ("a: x\n\n  y # c\nb: 1\n", "a: \"x\\ny\" # c\nb: 1\n"),
    ] {
        let encrypted = sealed(text, SopsFormat::Yaml, Selector::default());
        assert_eq!(plaintext(&opened(&encrypted, SopsFormat::Yaml)), expected, "{text:?}");
    }
}

#[test]
fn nothing_that_is_selected_stays_readable() {
    let encrypted = sealed(YAML, SopsFormat::Yaml, Selector::default());
    for word in ["secret", "line", "more", "about", "why", "inner", "12", "true"] {
        let body = encrypted.split("\nsops:").next().unwrap_or_default();
        let left = body.replace("plain_unencrypted", "");
        let outside: String =
            left.split("ENC[").map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect();
        assert!(!outside.contains(word), "{word}\n{encrypted}");
    }
    assert!(encrypted.contains("plain_unencrypted: 1.10\n") && encrypted.contains("nothing:\nempty: \"\"\n"));
}

#[test]
fn every_selector_decides_as_in_sops() {
    let text = "data:\n    k: one\nmeta:\n    k_x: two\n# mark\nm: three\nn: four\n";
    for (selector, expected) in [
        (Selector::default(), 4),
        (Selector::EncryptedSuffix("_x".to_owned()), 1),
        (Selector::UnencryptedSuffix("_x".to_owned()), 3),
        (Selector::EncryptedRegex(pattern("^data$")), 1),
        (Selector::UnencryptedRegex(pattern("^data$")), 3),
        (Selector::EncryptedCommentRegex(pattern("mark")), 1),
        (Selector::UnencryptedCommentRegex(pattern("mark")), 3),
    ] {
        let encrypted = sealed(text, SopsFormat::Yaml, selector.clone());
        let sealed = opened(&encrypted, SopsFormat::Yaml);
        assert_eq!(sealed.encrypted_count(), expected, "{selector}\n{encrypted}");
        assert_eq!(plaintext(&sealed), text, "{selector}");
    }
}

#[test]
fn what_must_not_be_encrypted_is_refused() {
    let many = |text: &str, format, selector| {
        let error = encrypt_file("f", text.as_bytes().to_vec(), format, &plan(selector), now()).expect_err(text);
        error.into_diagnostics().remove(0).rule
    };
    let all = Selector::default;
    let once = sealed("a: 1\n", SopsFormat::Yaml, all());
    for (text, format, selector, rule) in [
        (once.as_str(), SopsFormat::Yaml, all(), "already-encrypted"),
        ("a: 1\nsops: x\n", SopsFormat::Yaml, all(), "reserved-key"),
        ("a: 1\n---\nsops: x\n", SopsFormat::Yaml, all(), "reserved-key"),
        ("{\"sops\": 1, \"a\": 2}", SopsFormat::Json, all(), "reserved-key"),
        ("sops_x=1\nA=1\n", SopsFormat::Dotenv, all(), "reserved-key"),
        ("a: 1\n", SopsFormat::Yaml, Selector::EncryptedSuffix("_x".to_owned()), "nothing-selected"),
        ("a: ~\nb: ''\nc: 1\n", SopsFormat::Yaml, Selector::EncryptedSuffix("_x".to_owned()), "nothing-selected"),
        ("- a\n", SopsFormat::Yaml, all(), "not-a-mapping"),
        ("[1]", SopsFormat::Json, all(), "json-syntax"),
        ("", SopsFormat::Yaml, all(), "no-content"),
        ("# only\n", SopsFormat::Yaml, all(), "no-content"),
        ("a: 18446744073709551615\n", SopsFormat::Yaml, all(), "sops-value"),
        ("hunter2\n", SopsFormat::Dotenv, all(), "dotenv-syntax"),
        ("hunter2\n", SopsFormat::Ini, all(), "ini-syntax"),
        ("[s]\nx=1\nx=2\n", SopsFormat::Ini, all(), "ini-syntax"),
    ] {
        assert_eq!(many(text, format, selector).id(), rule, "{text}");
    }
    let nobody =
        encrypt_file("f", b"a: 1\n".to_vec(), SopsFormat::Yaml, &EncryptionPlan::new(Recipients::default()), now());
    assert_eq!(nobody.expect_err("nobody").into_diagnostics()[0].rule.id(), "recipient");
}

#[test]
fn aliases_are_written_out() {
    let encrypted = sealed("a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  z: 1\n", SopsFormat::Yaml, Selector::default());
    let sealed = opened(&encrypted, SopsFormat::Yaml);
    assert_eq!(plaintext(&sealed), "a:\n    k: v\nb:\n    k: v\nc:\n    !!merge <<:\n        k: v\n    z: 1\n");
}

#[test]
fn any_bytes_make_a_binary_file() {
    for bytes in [&b""[..], b"text", &[0, 255, 10, 13], b"{\"a\": 1}"] {
        let encrypted = encrypt_file("f", bytes.to_vec(), SopsFormat::Binary, &plan(Selector::default()), now())
            .expect("encrypts")
            .bytes;
        let sealed = DecryptedFile::decrypt_bytes("f", encrypted.clone(), SopsFormat::Binary, &identities())
            .unwrap_or_else(|error| panic!("{:?}", error.into_diagnostics()));
        assert_eq!(sealed.plaintext().expect("plain").as_slice(), bytes);
        assert_eq!(sealed.into_plaintext().expect("plain").as_slice(), bytes);
        // a writer may escape any character
        let escaped = String::from_utf8_lossy(&encrypted).replacen("\"ENC[", "\"\\u0045NC[", 1);
        assert_eq!(opened(&escaped, SopsFormat::Binary).plaintext().expect("plain").as_slice(), bytes);
        assert!(String::from_utf8_lossy(&encrypted).contains("\"mac\": \"ENC["), "what Flux looks for");
        let again = encrypt_file("f", encrypted, SopsFormat::Binary, &plan(Selector::default()), now());
        assert_eq!(again.expect_err("twice").into_diagnostics()[0].rule.id(), "already-encrypted");
    }
}

#[test]
fn no_message_shows_a_value() {
    for (format, text) in [
        (SopsFormat::Yaml, "a: hunter2\nb: [hunter2\n"),
        (SopsFormat::Yaml, "- hunter2\n"),
        (SopsFormat::Json, "{\"a\": \"hunter2\", }"),
        (SopsFormat::Json, "{\"a\": hunter2}"),
        (SopsFormat::Json, "\"hunter2\""),
        (SopsFormat::Dotenv, "A=1\nhunter2\n"),
        (SopsFormat::Ini, "[s]\na = hunter2;x\n"),
        (SopsFormat::Ini, "hunter2\n"),
    ] {
        let error = encrypt_file("f", text.as_bytes().to_vec(), format, &plan(Selector::default()), now());
        for diagnostic in error.expect_err(text).into_diagnostics() {
            let shown = septum_base::diagnostic::render_diagnostic(&diagnostic, false);
            assert!(!shown.contains("hunter2") && !diagnostic.hints.is_empty(), "{shown}");
        }
    }
}

/// Checks the numbers that sops 3.13.3 encrypts after `# m`, found by running it.
#[test]
fn a_comment_is_of_what_go_yaml_says() {
    for (text, expected) in [
        ("m:\n  a: 1\n  # m\nn: 2\n# m\n\no: 3\n", "3"),
        ("l:\n- 1\n# m\np: 4\nq: # m\n  r: 5\ns: 6 # m\nt: 2\n", "456"),
        ("u: [1, 2] # m\nx: 3\n", "1"),
        ("u: {a: 1, b: 2} # m\nx: 3\n", "1"),
        ("w: [1, # m\n  2, 3]\n", "1"),
        ("x: {a: 1, # m\n  b: 2, c: 3}\n", "1"),
        ("v:\n  - w: 1\n    # m\n  - 2\n", ""),
        ("l:\n# m\n- a: 1\n  b: 2\n- 3\n", "12"),
        ("l:\n- # m\n  a: 1\n  b: 2\n", "1"),
        ("l:\n-\n  # m\n  a: 1\n  b: 2\n# m\n- 3\n", "13"),
        ("l:\n- # m\n  - 1\n  - 2\n- 3\n", "1"),
        ("l:\n-\n  # m\n  - a: 1\n    b: 2\n  - 3\n", "12"),
        ("l:\n- - 1\n  # m\n  - 2\n  # m\n- 3\n", "2"),
        ("z: | # m\n  1\ny: 2\n", "1"),
        ("a:\n    # m\n\n    # n\n    b: 1\nc: 2\n", "1"),
    ] {
        let text = format!("{text}{}", if expected.is_empty() { "# m\nlast: 9\n" } else { "" });
        let encrypted = sealed(&text, SopsFormat::Yaml, Selector::EncryptedCommentRegex(pattern("m$")));
        let body = encrypted.split("sops:").next().unwrap_or_default();
        let left = |digit: &char| {
            let bare = body.split("ENC[").map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
            !bare.collect::<String>().contains(*digit)
        };
        let found: String = text.chars().filter(char::is_ascii_digit).filter(left).filter(|d| *d != '9').collect();
        assert_eq!(found, expected, "{text}\n{body}");
    }
}
