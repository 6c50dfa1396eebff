use proptest::prelude::*;

use super::*;
use septum_base::map::HashMap;

/// The recipient of another identity.
const OTHER: &str = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ntype: Opaque\ndata:\n  A: b25l\n  B: dHdv\n";

fn layers(byte: u8) -> NamingKey {
    NamingKey::of_file(&[byte; 32])
}

fn key() -> DerivedKey {
    layers(7).derive_key(b"test", &["prod", "app"])
}

fn delivered_for(names: &[&str]) -> EncryptionPlan {
    EncryptionPlan {
        selector: Selector::EncryptedRegex(pattern("^(data|stringData)$")),
        ..EncryptionPlan::new(recipients(names))
    }
}

fn made(
    text: &str,
    plan: &EncryptionPlan,
    key: Option<&DerivedKey>,
    before: Option<&[u8]>,
    at: Timestamp,
) -> (String, CiphertextReuse) {
    let text = Zeroizing::new(text.to_owned());
    let stable = encrypt_stable("a Secret", text, plan, key, before, &identities(), at);
    let stable = stable.unwrap_or_else(|error| panic!("{:?}", error.into_diagnostics()));
    (String::from_utf8(stable.bytes).expect("UTF-8"), stable.kept)
}

/// The nonces of a file with their purposes.
fn nonces(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| line.contains("ENC["));
    let nonce = |line: &str| line.split(",iv:").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("").to_owned();
    lines.map(|line| (nonce(line), line.split(':').next().unwrap_or_default().trim().to_owned())).collect()
}

#[test]
fn what_did_not_change_keeps_its_bytes() {
    let plan = delivered_for(&[RECIPIENT]);
    let (first, kept) = made(SECRET, &plan, Some(&key()), None, now());
    assert_eq!(kept, CiphertextReuse::Nothing);
    for _ in 0..20 {
        let (again, kept) = made(SECRET, &plan, Some(&key()), Some(first.as_bytes()), later());
        assert_eq!((again.as_str(), kept), (first.as_str(), CiphertextReuse::Everything));
    }
    let plain = plaintext(&opened(&first, SopsFormat::Yaml));
    assert_eq!(plain, SECRET);
}

/// Computed by another implementation: another value would change every existing file.
#[test]
fn data_keys_and_nonces_stay_what_they_are() {
    let (made, _) = made(SECRET, &delivered_for(&[RECIPIENT, OTHER]), Some(&key()), None, now());
    let expected = [
        0x32, 0xad, 0x48, 0x45, 0x0b, 0x71, 0x48, 0x89, 0x79, 0x08, 0xde, 0xf5, 0x55, 0x94, 0x6a, 0xd8, 0x3a, 0xd5,
        0xa5, 0xff, 0x35, 0x23, 0xb7, 0x16, 0xf1, 0x17, 0x41, 0x68, 0xa4, 0xa4, 0x6a, 0x3c,
    ];
    assert_eq!(opened(&made, SopsFormat::Yaml).key.bytes(), &expected);
    assert_eq!(nonces(&made)[0].0, "uAf2GrM3z9WdBo8G6TVAaqMvXH1wHo2sTAX8fNed7/Q=");
}

#[test]
fn one_value_changes_its_line_the_checksum_and_the_time() {
    let plan = delivered_for(&[RECIPIENT]);
    let (first, _) = made(SECRET, &plan, Some(&key()), None, now());
    let (second, kept) = made(&SECRET.replace("b25l", "bmV3"), &plan, Some(&key()), Some(first.as_bytes()), later());
    assert_eq!(kept, CiphertextReuse::Values);
    let (removed, added) = changed_lines(&first, &second);
    assert_eq!(
        (removed.as_slice(), added.as_slice()),
        (&["A", "lastmodified", "mac"].map(String::from)[..], &["A", "lastmodified", "mac"].map(String::from)[..])
    );
    // and back: the same value at the same place has the same ciphertext
    let (third, _) = made(SECRET, &plan, Some(&key()), Some(second.as_bytes()), later());
    assert_eq!(nonces(&third)[..2], nonces(&first)[..2]);
}

#[test]
fn another_key_or_other_recipients_share_nothing() {
    let both = [RECIPIENT, OTHER];
    let (first, _) = made(SECRET, &delivered_for(&[RECIPIENT]), Some(&key()), None, now());
    for (names, key) in [
        (&both[..1], layers(8).derive_key(b"test", &["prod", "app"])),
        (&both[..1], layers(7).derive_key(b"test", &["dev", "app"])),
        (&both[..1], layers(7).derive_key(b"other", &["prod", "app"])),
        (&both[..], key()),
        (&both[1..], key()),
    ] {
        let (other, kept) = made(SECRET, &delivered_for(names), Some(&key), Some(first.as_bytes()), later());
        assert_eq!(kept, CiphertextReuse::Nothing, "{names:?}");
        let used: Vec<_> = nonces(&first).into_iter().map(|(nonce, _)| nonce).collect();
        assert!(nonces(&other).iter().all(|(nonce, _)| !used.contains(nonce)), "{names:?}");
    }
}

#[test]
fn the_order_of_recipients_changes_nothing() {
    let (first, _) = made(SECRET, &delivered_for(&[RECIPIENT, OTHER]), Some(&key()), None, now());
    let (second, kept) =
        made(SECRET, &delivered_for(&[OTHER, RECIPIENT]), Some(&key()), Some(first.as_bytes()), later());
    assert_eq!((second, kept), (first, CiphertextReuse::Everything));
}

#[test]
fn a_comment_on_a_recipient_changes_nothing() {
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTzeVZd7nVxqL7OqEIgUVvfUph2bnGMpChuycV1frX/";
    let (first, _) = made(SECRET, &delivered_for(&[RECIPIENT, ssh]), Some(&key()), None, now());
    let commented = delivered_for(&[RECIPIENT, &format!("{ssh} me@example.org")]);
    let (second, kept) = made(SECRET, &commented, Some(&key()), Some(first.as_bytes()), later());
    assert_eq!((second, kept), (first, CiphertextReuse::Everything));
}

#[test]
fn key_groups_keep_their_shares() {
    let groups = [RECIPIENT, OTHER].iter().flat_map(|name| recipients(&[name]).groups).collect();
    let plan = EncryptionPlan { recipients: Recipients { groups, threshold: Some(2) }, ..delivered_for(&[]) };
    let (first, _) = made(SECRET, &plan, Some(&key()), None, now());
    let (second, kept) = made(SECRET, &plan, Some(&key()), Some(first.as_bytes()), later());
    assert_eq!((second, kept), (first, CiphertextReuse::Everything));
}

#[test]
fn a_file_that_is_no_basis_is_made_anew() {
    let plan = delivered_for(&[RECIPIENT]);
    let (first, _) = made(SECRET, &plan, Some(&key()), None, now());
    let cut = &first[..first.len() / 2];
    let relabelled = first.replace(RECIPIENT, OTHER);
    let narrowed = first.replace("^(data|stringData)$", "^data$");
    for before in ["", "no: sops\n", "{", cut, SECRET, &relabelled, &narrowed] {
        let (second, kept) = made(SECRET, &plan, Some(&key()), Some(before.as_bytes()), later());
        assert_eq!(kept, CiphertextReuse::Nothing, "{before}");
        assert_eq!(plaintext(&opened(&second, SopsFormat::Yaml)), SECRET);
    }
    // so is an entry that lost a part of its text
    let line = first.lines().take_while(|line| !line.contains("END AGE")).last().expect("a line");
    for damaged in [first.replace(&format!("{line}\n"), ""), first.replace(line, &line[..line.len() - 1])] {
        let (second, kept) = made(SECRET, &plan, Some(&key()), Some(damaged.as_bytes()), later());
        assert_eq!(kept, CiphertextReuse::Nothing, "{damaged}");
        assert_eq!(plaintext(&opened(&second, SopsFormat::Yaml)), SECRET);
    }
    // a damaged value is restored
    let damaged = first.replacen("data:", "data: {}\nother:", 1);
    let (second, _) = made(SECRET, &plan, Some(&key()), Some(damaged.as_bytes()), later());
    assert_eq!(plaintext(&opened(&second, SopsFormat::Yaml)), SECRET);
}

#[test]
fn without_a_key_the_file_that_is_there_gives_one_to_who_can_decrypt_it() {
    let plan = delivered_for(&[RECIPIENT]);
    let (first, kept) = made(SECRET, &plan, None, None, now());
    assert_eq!(kept, CiphertextReuse::Unstable);
    let (second, kept) = made(SECRET, &plan, None, Some(first.as_bytes()), later());
    assert_eq!((second, kept), (first.clone(), CiphertextReuse::Everything));
    // a comment changes under the same data key
    let renamed = SECRET.replace("name: app", "name: web");
    let (third, kept) = made(&renamed, &plan, None, Some(first.as_bytes()), later());
    assert_eq!((kept, nonces(&third)[..2].to_vec()), (CiphertextReuse::Values, nonces(&first)[..2].to_vec()));
    // no available identity can decrypt this one
    let elsewhere = delivered_for(&["age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"]);
    let (first, _) = made(SECRET, &elsewhere, None, None, now());
    assert_eq!(made(SECRET, &elsewhere, None, Some(first.as_bytes()), later()).1, CiphertextReuse::Unopened);
}

#[test]
fn a_file_that_sops_wrote_keeps_the_ciphertext_of_its_values() {
    let plan = delivered_for(&[RECIPIENT]);
    let by_sops =
        encrypt_file("a Secret", SECRET.as_bytes().to_vec(), SopsFormat::Yaml, &plan, now()).expect("encrypts");
    let text = String::from_utf8(by_sops.bytes.clone()).expect("UTF-8");
    let (second, _) = made(SECRET, &plan, None, Some(&by_sops.bytes), later());
    assert_eq!(nonces(&second)[..2], nonces(&text)[..2]);
    assert_eq!(made(SECRET, &plan, None, Some(second.as_bytes()), later()).1, CiphertextReuse::Everything);
}

/// Anyone who knows the recipients can commit a file whose data key they know.
#[test]
fn without_a_key_another_value_is_never_encrypted_under_the_old_data_key() {
    let plan = delivered_for(&[RECIPIENT]);
    let known = sealed(SECRET, SopsFormat::Yaml, plan.selector.clone());
    let data_key = *opened(&known, SopsFormat::Yaml).key.bytes();
    let other = |from: &str, to: &str| SECRET.replace(from, to);
    let swapped = other("A: b25l\n  B: dHdv", "A: dHdv\n  B: b25l");
    for text in [other("b25l", "bmV3"), swapped, format!("{SECRET}  C: bmV3\n"), other("  B: dHdv\n", "")] {
        let (made, kept) = made(&text, &plan, None, Some(known.as_bytes()), later());
        assert_eq!(kept, CiphertextReuse::Unstable, "{text}");
        assert_ne!(*opened(&made, SopsFormat::Yaml).key.bytes(), data_key, "{text}");
        assert!(nonces(&made).iter().all(|nonce| !nonces(&known).contains(nonce)), "{text}");
    }
    // nor is a list of guesses a file that has the value
    let guesses = sealed("data:\n  A: [emVybw==, b25l, dHdv]\n", SopsFormat::Yaml, plan.selector.clone());
    let (_, kept) = made(&other("  B: dHdv\n", ""), &plan, None, Some(guesses.as_bytes()), later());
    assert_eq!(kept, CiphertextReuse::Unstable);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_nonce_is_for_one_value_at_one_place(
        runs in prop::collection::vec(prop::collection::btree_map("[a-d]", "[xy]{1,2}", 1..4), 1..6)
    ) {
        let plan = delivered_for(&[RECIPIENT]);
        let mut used: HashMap<String, (String, String)> = HashMap::default();
        let mut before: Option<String> = None;
        for data in runs {
            let lines: Vec<_> = data.iter().map(|(key, value)| format!("  {key}: {value}\n")).collect();
            let text = format!("kind: Secret\ndata:\n{}", lines.concat());
            let (file, _) = made(&text, &plan, Some(&key()), before.as_ref().map(String::as_bytes), later());
            for (nonce, place) in nonces(&file).into_iter().filter(|(_, place)| place != "mac") {
                let value = data[&place].clone();
                let known = used.entry(nonce).or_insert_with(|| (place.clone(), value.clone()));
                prop_assert_eq!(&*known, &(place, value));
            }
            before = Some(file);
        }
    }
}
