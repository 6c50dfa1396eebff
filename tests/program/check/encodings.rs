//! The last gate: the encodings in which it finds a secret, and what it does not take for one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::sandbox::{Run, Sandbox};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const RULE: &str = "contains the value of";

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Renders a password and an annotation that may repeat it; both are written as in YAML.
fn render(password: &str, note: &str) -> Run {
    let service =
        format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: web, annotations: {{ note: {note} }} }}\n");
    let base = format!("manifests: [m]\ndata: {{ PASSWORD: {{ value: {password}, sensitive: true }} }}\n");
    Sandbox::of(&base, "").file("m/web.yaml", service).run(&["render", "dev"])
}

#[track_caller]
fn finds(password: &str, note: &str, form: &str) {
    let run = render(password, note);
    let found = format!(
        "error: `metadata.annotations.note` of the Service `web` contains the value of `data.PASSWORD`, {form}\n"
    );
    assert!(run.code == 2 && run.stderr.starts_with(&found), "{password}: {note}\n{}{}", run.stdout, run.stderr);
    assert_eq!(run.stderr.matches(RULE).count(), 1, "{}", run.stderr);
}

#[track_caller]
fn passes(password: &str, note: &str) {
    let run = render(password, note);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{password}: {note}");
}

#[test]
fn each_escape_of_json_is_read() {
    for char in ["\n", "\t", "\r", "\u{8}", "\u{c}", "\"", "\\"] {
        let secret = format!("x9y8{char}z7w6v5u4t3s2r1");
        finds(&quoted(&secret), &quoted(&format!("is {} here", quoted(&secret))), "with JSON escapes");
    }
    for (secret, escaped) in [
        ("p\u{e4}ss-x9y8z7w6", "p\\u00e4ss-x9y8z7w6"),
        ("p\u{e4}ss-x9y8z7w6", "p\\u00E4ss-x9y8z7w6"),
        ("x9y8<z7w6v5", "x9y8\\u003cz7w6v5"),
        ("x9y8\u{1F511}z7w6v5", "x9y8\\ud83d\\udd11z7w6v5"),
        ("x9y8\u{10FFFF}z7w6v5", "x9y8\\uDBFF\\uDFFFz7w6v5"),
    ] {
        finds(&quoted(secret), &quoted(&format!("is {escaped}")), "with JSON escapes");
    }
}

#[test]
fn each_spelling_of_a_url_is_read() {
    for (secret, encoded) in [
        ("p/112233x9Yz", "p%2F112233x9Yz"),
        ("p/112233x9Yz", "p%2f112233x9Yz"),
        ("x9y8 z7w6 v5u4t3", "x9y8+z7w6+v5u4t3"),
        ("x9y8 z7w6/v5u4t3", "x9y8+z7w6%2Fv5u4t3"),
        ("x9y8 z7+w6v5u4t3", "x9y8+z7%2Bw6v5u4t3"),
        ("x9y8 z7w6 v5u4t3", "x9y8%20z7w6%20v5u4t3"),
    ] {
        finds(&quoted(secret), &quoted(&format!("https://db/?password={encoded}&x=y")), "URL-encoded");
    }
    // a plus is a plus where the secret has no blank
    passes("x9y8z7w6v5u4", "https://db/?a=x9y8z7+w6v5u4");
}

#[test]
fn base64_is_read_in_both_alphabets_and_wrapped_at_any_width() {
    let first = "abcdefghijklmnopqrstuvwxyz0123456789ABC";
    let last = "ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210abc";
    for char in ["+", "/"] {
        let (first, last) = (format!("{first}{char}"), format!("{char}{last}"));
        let secret = format!("!!binary {first}{last}");
        let other = |text: &str| text.replace('+', "-").replace('/', "_");
        for lines in [[first.clone(), last.clone()], [other(&first), other(&last)]] {
            finds(&secret, &lines.concat(), "in base64");
            // every line has the character
            finds(&secret, &quoted(&lines.join("\n")), "in base64");
            finds(&secret, &quoted(&format!("  {}", lines.join("\n  "))), "in base64");
            finds(&secret, &quoted(&quoted(&lines.join("\n"))), "in base64");
        }
    }
    // a line that begins or ends with it is enough
    let (first, last) = (&first[..32], "ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210aA==");
    let secret = format!("!!binary {first}{last}");
    for text in [format!("token: {first}\n{last}"), format!("{{ token: \"{first}\n{last}\" }}")] {
        finds(&secret, &quoted(&text), "in base64");
    }
    let (first, last) = ("ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210abcdefgh", "ijklmnopqrst");
    let secret = format!("!!binary {first}{last}");
    for text in [format!("{{ token: \"{first}\n{last}\" }}"), format!("  {first}  \r\n  {last}  ")] {
        finds(&secret, &quoted(&text), "in base64");
    }
}

#[test]
fn a_long_token_is_found_on_several_lines() {
    let lines = ["a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0", "u1v2w3x4y5z6a7b8c9d0e1f2g3h4i5j6k7l8m9n0"];
    finds(&lines.concat(), &quoted(&lines.join("\n")), "with different line breaks");
    finds(&lines.concat(), &quoted(&quoted(&lines.join("\n"))), "with different line breaks");
}

#[test]
fn the_end_of_one_line_and_the_beginning_of_the_next_are_no_secret() {
    for note in [
        "a1b2c3d4\ne5f6g7h8",
        "what one needs for the database of shop is a1b2c3d4\ne5f6g7h8 and more, which is elsewhere",
    ] {
        passes("a1b2c3d4e5f6g7h8", &quoted(note));
    }
}

#[test]
fn the_body_of_a_private_key_is_found_without_its_frame() {
    let key = |body: &str| quoted(&format!("-----BEGIN {0} KEY-----\n{body}\n-----END {0} KEY-----\n", "PRIVATE"));
    // as long as that of ed25519
    let body = "MC4CAQAwBQYDK2VwBCIEIAbcdEfghIjklMnopQrstUvwxYz01234567890abcdef";
    assert_eq!(body.len(), 64);
    finds(&key(body), body, "with different line breaks");
    // which all keys begin with
    passes(&key("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"), "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC");
}

#[test]
fn eight_bytes_are_enough() {
    finds("a1b2c3d4", "is a1b2c3d4.", "literally");
    passes("a1b2c3d", "is a1b2c3d.");
    let binary = |bytes: &[u8]| format!("!!binary {}", STANDARD.encode(bytes));
    let bytes = [0, 159, 146, 150, 13, 7, 200, 255];
    finds(&binary(&bytes), &quoted(&hex(&bytes)), "in hexadecimal");
    let base = format!(
        "data: {{ PASSWORD: {{ value: {}, sensitive: true }}, NOTE: {} }}\n",
        binary(&bytes),
        binary(&[b"x", bytes.as_slice(), b"y"].concat())
    );
    let message = Sandbox::of(&base, "").run(&["render", "dev"]).refused();
    assert!(message.contains("`binaryData.NOTE`"), "{message}");
    passes(&binary(&bytes[..7]), &quoted(&hex(&bytes[..7])));
    let long: Vec<u8> = (0..4096_u32).flat_map(|at| (at * at / 7 % 251).to_le_bytes().into_iter().take(1)).collect();
    finds(&binary(&long), &quoted(&hex(&long)), "in hexadecimal");
}

#[test]
fn blanks_around_a_secret_are_no_part_of_it() {
    for secret in ["x9y8z7w6v5", " x9y8z7w6v5", "x9y8z7w6v5\n", "\n x9y8z7w6v5 \n"] {
        finds(&quoted(secret), "is x9y8z7w6v5.", "literally");
    }
}

#[test]
fn a_phrase_is_found_only_by_itself() {
    const PHRASE: &str = "correct-horse-battery";
    for around in ["PHRASE,", "is PHRASE", "\"PHRASE\"", "x:PHRASE@db", "/PHRASE/"] {
        finds(PHRASE, &quoted(&around.replace("PHRASE", PHRASE)), "literally");
    }
    for around in [
        "PHRASE7",
        "PHRASEs",
        "PHRASE-s",
        "PHRASE_s",
        "PHRASE.s",
        "PHRASE\u{e9}",
        "7PHRASE",
        "inPHRASE",
        "in-PHRASE",
        "in_PHRASE",
        "in.PHRASE",
        "\u{e9}PHRASE",
    ] {
        passes(PHRASE, &quoted(&around.replace("PHRASE", PHRASE)));
    }
    // an encoding of an encoding is not read
    passes(PHRASE, &STANDARD.encode(hex(PHRASE.as_bytes())));
    // an encoding of it is no name of anything
    for around in ["u:PHRASE:x", "me:PHRASE:x", "app:PHRASE:x"] {
        let encoded = STANDARD.encode(around.replace("PHRASE", PHRASE));
        finds(PHRASE, &format!("x{encoded}"), "in base64");
    }
    finds(PHRASE, &format!("7{}7", hex(PHRASE.as_bytes())), "in hexadecimal");
}

#[test]
fn secrets_that_are_alike_are_told_apart() {
    let base = "data:\n  ONE_PASSWORD: { value: aa1K7x9y8z7bb2, sensitive: true }\n  TWO_PASSWORD: { value: cc3K7x9y8z7dd4, sensitive: true }\n";
    for (note, name) in [("aa1K7x9y8z7bb2", "ONE"), ("cc3K7x9y8z7dd4", "TWO")] {
        let run = Sandbox::of(&format!("{base}annotations: {{ note: is {note} }}\n"), "").run(&["render", "dev"]);
        assert!(run.stderr.contains(&format!("{RULE} `data.{name}_PASSWORD`")), "{}", run.stderr);
    }
    let run = Sandbox::of(&format!("{base}annotations: {{ note: is aa1K7x9y8z7dd4 }}\n"), "").run(&["render", "dev"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn the_alphabet_of_urls_is_read_at_each_offset() {
    let secret: Vec<u8> = (0..24).flat_map(|at: u8| [251, 255 - at, 191]).collect();
    for before in ["", "u", "me"] {
        let encoded = URL_SAFE_NO_PAD.encode([before.as_bytes(), &secret].concat());
        assert!(encoded.contains('-') && encoded.contains('_'), "{encoded}");
        finds(&format!("!!binary {}", STANDARD.encode(&secret)), &encoded, "in base64");
    }
}
