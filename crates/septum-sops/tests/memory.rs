//! Memory that encrypted files take while they are encrypted, decrypted and rotated: bytes that are allocated at one
//! time, counted in a process of their own.

#![allow(clippy::expect_used, reason = "tests")]

use std::fmt::Write as _;

use peak_alloc::PeakAlloc;
use septum_sops::{
    EncryptedFile, EncryptionPlan, Identities, IdentityKind, IdentitySources, NewIdentity, Recipient, Recipients,
    SopsFormat, Timestamp, encrypt_file,
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The length of a file in plaintext.
const LENGTH: usize = 400_000;

/// Maximum ratio: how many times the length of the larger of input and output may be allocated.
const MOST: f64 = 3.0;

/// A text of a length that no two values share.
fn word(state: &mut u64, length: usize) -> String {
    let mut next = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"abcdefghijklmnopqrstuvwxyz012345"[usize::from(state.to_be_bytes()[0] % 32)])
    };
    // never a number
    std::iter::once('x').chain(std::iter::repeat_with(&mut next).take(length)).collect()
}

/// Entries until the length is reached, the first of them after `open`, the others after `between`.
fn repeat(open: &str, between: &str, close: &str, entry: impl Fn(&mut String, usize, &mut u64)) -> String {
    let (mut text, mut state, mut number) = (open.to_owned(), 1, 0);
    while text.len() < LENGTH {
        if number > 0 {
            text.push_str(between);
        }
        entry(&mut text, number, &mut state);
        number += 1;
    }
    text + close
}

/// Files of each format, with many short values and with few long ones.
fn files() -> Vec<(&'static str, SopsFormat, String)> {
    vec![
        (
            "YAML in groups",
            SopsFormat::Yaml,
            repeat("", "", "", |text, number, state| {
                let _ = writeln!(text, "group_{number}: # of a hundred");
                for key in 0..100 {
                    let _ = writeln!(text, "    key_{key}: {}", word(state, 24));
                }
            }),
        ),
        (
            "flat YAML",
            SopsFormat::Yaml,
            repeat("", "", "", |text, number, state| {
                let _ = writeln!(text, "key_{number}: {}", word(state, 24));
            }),
        ),
        (
            "YAML of blocks",
            SopsFormat::Yaml,
            repeat("", "", "", |text, number, state| {
                let _ = writeln!(text, "key_{number}: |");
                for _ in 0..300 {
                    let _ = writeln!(text, "    {}", word(state, 60));
                }
            }),
        ),
        (
            "JSON in groups",
            SopsFormat::Json,
            repeat("{", ",", "\n}\n", |text, number, state| {
                let _ = write!(text, "\n  \"group_{number}\": {{");
                for key in 0..100 {
                    let comma = if key == 0 { "" } else { "," };
                    let _ = write!(text, "{comma}\n    \"key_{key}\": \"{}\"", word(state, 24));
                }
                text.push_str("\n  }");
            }),
        ),
        (
            "flat JSON",
            SopsFormat::Json,
            repeat("{", ",", "\n}\n", |text, number, state| {
                let _ = write!(text, "\n  \"key_{number}\": \"{}\"", word(state, 24));
            }),
        ),
        (
            "JSON of long texts",
            SopsFormat::Json,
            repeat("{", ",", "\n}\n", |text, number, state| {
                let _ = write!(text, "\n  \"key_{number}\": \"{}\\n\"", word(state, 20_000));
            }),
        ),
        (
            "dotenv",
            SopsFormat::Dotenv,
            repeat("", "", "", |text, number, state| {
                let _ = writeln!(text, "KEY_{number}={}", word(state, 24));
            }),
        ),
        (
            "INI",
            SopsFormat::Ini,
            repeat("", "", "", |text, number, state| {
                let _ = writeln!(text, "[group_{number}]\n; of a hundred");
                for key in 0..100 {
                    let _ = writeln!(text, "key_{key} = {}", word(state, 24));
                }
            }),
        ),
        ("binary", SopsFormat::Binary, word(&mut 1, LENGTH)),
    ]
}

/// Output for a copy of the input, and the peak allocation over the length of the larger of both.
fn measure(input: &[u8], work: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (Vec<u8>, f64) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let output = work(input.to_vec());
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    let larger = input.len().max(output.len());
    let ratio = |bytes: usize| f64::from(u32::try_from(bytes).expect("a small file"));
    (output, ratio(peak) / ratio(larger))
}

#[test]
fn a_file_takes_three_times_its_length_at_most() {
    let new = NewIdentity::generate(IdentityKind::X25519).expect("randomness");
    let recipient = Recipient::parse(new.recipient()).expect("a recipient");
    let plan = EncryptionPlan::new(Recipients::from_age(vec![recipient]));
    let key = Some(zeroize::Zeroizing::new(new.identity().expose().clone()));
    let identities = Identities::new(IdentitySources { age_key: key, ..IdentitySources::default() });
    let now = Timestamp::from_system_time(std::time::SystemTime::UNIX_EPOCH);
    // what is made once in a process, such as expressions, is not memory of a file
    drop(encrypt_file("file", b"a: 1\n".to_vec(), SopsFormat::Yaml, &plan, now));
    let mut rows = Vec::new();
    for (name, format, plaintext) in files() {
        let encrypt = |bytes| encrypt_file("file", bytes, format, &plan, now).expect("encrypted").bytes;
        let open = |bytes| {
            let closed = EncryptedFile::read("file", bytes, format).expect("read").expect("encrypted");
            closed.decrypt_to_text(&identities, false).expect("decrypted")
        };
        let decrypt = |bytes| std::mem::take(&mut *open(bytes).into_plaintext().expect("plaintext"));
        let rotate = |bytes| {
            let mut opened = open(bytes);
            opened.rotate_key().expect("a key");
            opened.write_bytes(now).expect("written")
        };
        let (encrypted, encryption) = measure(plaintext.as_bytes(), encrypt);
        let (_, decryption) = measure(&encrypted, decrypt);
        let (_, rotation) = measure(&encrypted, rotate);
        rows.push((name, [encryption, decryption, rotation]));
    }
    let table: String = rows.iter().fold(String::new(), |mut table, (name, [encrypt, decrypt, rotate])| {
        let _ = writeln!(table, "{name:<20} {encrypt:5.2} {decrypt:5.2} {rotate:5.2}");
        table
    });
    println!("{table}");
    assert!(rows.iter().all(|(_, ratios)| ratios.iter().all(|ratio| *ratio <= MOST)), "\n{table}");
}
