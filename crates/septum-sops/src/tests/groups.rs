//! Data keys of several people, and of groups of them.

use age::secrecy::ExposeSecret as _;

use super::*;
use crate::crypto::KEY_LENGTH;
use crate::crypto::cipher::DataKey;
use crate::data_key::unlock::{is_intact, recipients_hold_key};
use crate::files::fingerprint::DocumentFingerprint;
use crate::files::verify::check_written;
use crate::files::write_error::UnfaithfulOutput;

const YAML: &str = "a: one\nb: two\n";

struct Person {
    keys: String,
    recipient: Recipient,
}

fn people<const N: usize>() -> [Person; N] {
    std::array::from_fn(|_| {
        let identity = age::x25519::Identity::generate();
        let recipient = Recipient::parse(&identity.to_public().to_string()).expect("valid");
        Person { keys: identity.to_string().expose_secret().to_owned(), recipient }
    })
}

fn keys_of(people: &[&Person]) -> Identities {
    let keys: String = people.iter().flat_map(|person| [person.keys.as_str(), "\n"]).collect();
    let age_key = (!keys.is_empty()).then(|| Zeroizing::new(keys));
    Identities::new(IdentitySources { age_key, ..IdentitySources::default() })
}

fn group(people: &[&Person]) -> RecipientGroup {
    RecipientGroup { age: people.iter().map(|person| person.recipient.clone()).collect(), foreign: Vec::new() }
}

fn encrypted(groups: &[&[&Person]], threshold: Option<usize>) -> String {
    let groups = groups.iter().map(|people| group(people)).collect();
    let plan = EncryptionPlan::new(Recipients { groups, threshold });
    let bytes = encrypt_file("file", YAML.as_bytes().to_vec(), SopsFormat::Yaml, &plan, now()).expect("encrypts").bytes;
    String::from_utf8(bytes).expect("UTF-8")
}

fn decrypted(text: &str, people: &[&Person]) -> Result<DecryptedFile, DecryptionError> {
    DecryptedFile::decrypt_bytes("file", text.as_bytes().to_vec(), SopsFormat::Yaml, &keys_of(people))
}

fn opens(text: &str, people: &[&Person]) -> bool {
    decrypted(text, people).is_ok_and(|file| **file.plaintext().expect("plain") == *YAML.as_bytes())
}

fn unlocked(text: &str, people: &[&Person]) -> UnlockedDataKey {
    let file =
        EncryptedFile::read("file", text.as_bytes().to_vec(), SopsFormat::Yaml).expect("reads").expect("encrypted");
    unlock_data_key(file.metadata(), &keys_of(people)).expect("unlocks")
}

#[test]
fn a_lowered_threshold_is_found_if_there_are_more_shares() {
    let [one, two, three] = &people();
    let text = encrypted(&[&[one], &[two], &[three]], Some(3));
    let lowered = text.replace("shamir_threshold: 3", "shamir_threshold: 2");
    assert!(opens(&text, &[one, two, three]) && lowered != text);
    let faults = |people: &[&Person]| match decrypted(&lowered, people) {
        Err(DecryptionError::Content(findings)) => findings.into_iter().map(|finding| finding.fault).collect(),
        _ => Vec::new(),
    };
    assert_eq!(faults(&[one, two, three]), [IntegrityFault::Threshold]);
    assert!(!opens(&lowered, &[one, two]));
    let [four] = &people();
    let more = encrypted(&[&[one], &[two], &[three], &[four]], Some(2));
    assert!(opens(&more, &[one, two, three, four]) && opens(&more, &[two, four]));
}

/// The file for other groups, by people who can decrypt it.
fn rewrapped(text: &str, by: &[&Person], groups: &[&[&Person]], threshold: Option<usize>) -> String {
    let mut file = decrypted(text, by).expect("decrypts");
    let groups: Vec<_> = groups.iter().map(|people| group(people)).collect();
    let wrapped = rewrap_data_key(&unlocked(text, by), file.metadata(), &groups, threshold).expect("wraps");
    file.put_groups(&wrapped, threshold).expect("fits");
    written(file)
}

/// The file in which the entry of a person contains other bytes than the key.
fn exchanged(text: &str, by: &Person, index: (usize, usize), person: &Person, bytes: &[u8]) -> String {
    let mut file = decrypted(text, &[by]).expect("decrypts");
    let mut groups = file.metadata().groups.clone();
    groups[index.0].age[index.1].wrapped.text = person.recipient.wrap_secret(bytes).expect("wraps");
    file.put_groups(&groups, None).expect("fits");
    written(file)
}

#[test]
fn as_many_groups_as_are_required_open_a_file_and_no_fewer() {
    let [a, b, c, d] = &people();
    let text = encrypted(&[&[a, d], &[b], &[c]], Some(2));
    for (who, expected) in [
        (&[][..], false),
        (&[a], false),
        (&[b], false),
        (&[a, d], false),
        (&[a, b], true),
        (&[c, b], true),
        (&[d, c], true),
        (&[a, b, c, d], true),
    ] {
        assert_eq!(opens(&text, who), expected, "{} people", who.len());
    }
    let all = encrypted(&[&[a], &[b], &[c]], None);
    assert!(opens(&all, &[a, b, c]) && !opens(&all, &[a, b]));
}

#[test]
fn who_is_missing_is_said() {
    let [a, b, c] = &people();
    let text = encrypted(&[&[a], &[b], &[c]], Some(2));
    let found = decrypted(&text, &[b]).err().expect("refused").into_diagnostics();
    let notes = &found[0].notes;
    assert!(notes[0].ends_with("split among 3 key groups, of which 2 are required; 1 could be decrypted"), "{notes:?}");
    let states: Vec<_> = notes[1..4].iter().map(|note| note.split(':').next().unwrap_or_default()).collect();
    let expected = ["key group 1, not decrypted", "key group 2, decrypted", "key group 3, not decrypted"];
    assert_eq!(states, expected);
}

#[test]
fn whoever_is_added_to_a_group_gets_the_share_of_that_group() {
    let [a, b, c, new] = &people();
    let old = [a, b, c];
    let text = encrypted(&[&[a], &[b], &[c]], Some(2));
    // also of a group that those who add cannot decrypt
    for by in [[a, b], [b, c], [a, c]] {
        for own in 0..3 {
            let mut groups = [vec![a], vec![b], vec![c]];
            groups[own].push(new);
            let groups: Vec<&[&Person]> = groups.iter().map(Vec::as_slice).collect();
            let text = rewrapped(&text, &by, &groups, Some(2));
            for (index, other) in old.into_iter().enumerate() {
                assert_eq!(opens(&text, &[new, other]), index != own, "added to {own}, with {index}");
            }
            assert!(opens(&text, &[a, b]) && opens(&text, &[b, c]));
        }
    }
}

#[test]
fn whoever_is_added_to_the_only_group_gets_the_key() {
    let [a, b, new] = &people();
    let text = encrypted(&[&[a, b]], None);
    let added = rewrapped(&text, &[b], &[&[a, b, new]], None);
    assert!(opens(&added, &[new]) && opens(&added, &[a]) && !opens(&text, &[new]));
    let split = rewrapped(&text, &[b], &[&[a], &[new]], None);
    assert!(opens(&split, &[a, new]) && !opens(&split, &[a]) && !opens(&split, &[b]));
    let two = encrypted(&[&[a], &[b]], None);
    let three = rewrapped(&two, &[a, b], &[&[a], &[b], &[new]], Some(2));
    assert!(opens(&three, &[a, new]) && !opens(&three, &[new]));
    let fewer = rewrapped(&three, &[a, b], &[&[a], &[b], &[new]], Some(3));
    assert!(opens(&fewer, &[a, b, new]) && !opens(&fewer, &[a, b]));
}

#[test]
fn an_entry_with_another_key_is_named_and_another_one_is_tried() {
    let [a, b] = &people();
    let text = encrypted(&[&[a, b]], None);
    for length in [0, 1, KEY_LENGTH - 1, KEY_LENGTH + 1, 100] {
        let text = exchanged(&text, b, (0, 0), a, &vec![1; length]);
        let found = decrypted(&text, &[a]).err().expect("refused").into_diagnostics();
        let expected =
            format!("the data key of `{}` does not decrypt with the identity of that recipient", a.recipient);
        assert_eq!(found.iter().map(|found| found.message.as_str()).collect::<Vec<_>>(), [expected], "{length}");
        assert!(opens(&text, &[a, b]) && opens(&text, &[b]), "{length}");
    }
    // one that is for somebody else
    let mut file = decrypted(&text, &[b]).expect("decrypts");
    let mut groups = file.metadata().groups.clone();
    groups[0].age[0].wrapped = groups[0].age[1].wrapped.clone();
    file.put_groups(&groups, None).expect("fits");
    let swapped = written(file);
    let found = decrypted(&swapped, &[a]).err().expect("refused").into_diagnostics();
    assert!(found.len() == 1 && found[0].message.starts_with("the data key of"), "{found:?}");
    assert!(opens(&swapped, &[a, b]));
    let found = decrypted(&exchanged(&text, b, (0, 0), a, &[1; KEY_LENGTH]), &[a]).err().expect("refused");
    assert!(found.into_diagnostics()[0].message.contains("`a` does not decrypt"));
}

#[test]
fn an_entry_is_sound_if_it_contains_a_key_or_a_share() {
    let [a, b] = &people();
    let file = |text: &str| {
        let file = EncryptedFile::read("file", text.as_bytes().to_vec(), SopsFormat::Yaml);
        file.expect("reads").expect("encrypted")
    };
    let text = encrypted(&[&[a, b]], None);
    let other = |bytes: &[u8]| file(&exchanged(&text, b, (0, 0), a, bytes));
    for (length, expected) in
        [(0, false), (KEY_LENGTH - 1, false), (KEY_LENGTH, true), (KEY_LENGTH + 1, true), (KEY_LENGTH + 2, false)]
    {
        let other = other(&vec![1; length]);
        let sound: Vec<_> = other.metadata().age_recipients().map(is_intact).collect();
        assert_eq!(sound, [expected, true], "{length}");
    }
    let key = unlocked(&text, &[a]);
    let holds =
        |file: &EncryptedFile, who: &[&Person]| recipients_hold_key(file.metadata(), key.data_key(), &keys_of(who));
    let sound = file(&text);
    for who in [&[][..], &[a], &[b], &[a, b]] {
        assert!(holds(&sound, who));
    }
    let second = file(&exchanged(&text, a, (0, 1), b, &[1; KEY_LENGTH]));
    assert!(!holds(&second, &[a, b]) && holds(&second, &[a]));
    assert_eq!(format!("{key:?}"), "Unlocked([secret])");
    for wrong in [other(&[1; KEY_LENGTH]), other(&[1; KEY_LENGTH - 1])] {
        // whoever cannot see it does not know
        assert!(!holds(&wrong, &[a]) && !holds(&wrong, &[b, a]) && holds(&wrong, &[b]) && holds(&wrong, &[]));
    }
}

#[test]
fn a_share_of_another_key_is_noticed() {
    let [a, b] = &people();
    let (text, other) = (encrypted(&[&[a], &[b]], None), encrypted(&[&[a], &[b]], None));
    let file = |text: &str| {
        let file = EncryptedFile::read("file", text.as_bytes().to_vec(), SopsFormat::Yaml);
        file.expect("reads").expect("encrypted")
    };
    let key = unlocked(&text, &[a, b]);
    let holds = |text: &str, who: &[&Person]| recipients_hold_key(file(text).metadata(), key.data_key(), &keys_of(who));
    assert!(holds(&text, &[a, b]) && holds(&text, &[a]) && holds(&text, &[]));
    assert!(!holds(&other, &[a, b]) && holds(&other, &[a]));
}

#[test]
fn whoever_stays_keeps_the_entry_as_it_is() {
    let [a, b, new] = &people();
    let entries = |text: &str| -> Vec<String> {
        text.split("-----BEGIN")
            .skip(1)
            .map(|part| part.split("-----END").next().unwrap_or_default().replace(' ', ""))
            .collect()
    };
    let one = encrypted(&[&[a]], None);
    let after = rewrapped(&one, &[a], &[&[a, new]], None);
    assert!(entries(&after).len() == 2 && entries(&after)[0] == entries(&one)[0]);
    let two = encrypted(&[&[a], &[b]], Some(2));
    let after = rewrapped(&two, &[a, b], &[&[a], &[b, new]], Some(2));
    assert!(entries(&after).len() == 3 && entries(&after)[..2] == entries(&two)[..]);
    assert!(opens(&after, &[new, a]) && !opens(&after, &[new, b]) && !opens(&after, &[new]));
    // a threshold has no meaning for one group
    let after = rewrapped(&one, &[a], &[&[a, new]], Some(3));
    assert!(entries(&after)[0] == entries(&one)[0]);
    // other groups have new shares
    let after = rewrapped(&two, &[a, b], &[&[a], &[b], &[new]], Some(2));
    assert!(entries(&after).iter().all(|entry| !entries(&two).contains(entry)));
    let three = rewrapped(&after, &[a, b], &[&[a], &[b], &[new]], Some(3));
    assert!(entries(&three).iter().all(|entry| !entries(&after).contains(entry)), "two old shares would be enough");
}

#[test]
fn a_file_that_nobody_could_decrypt_is_not_written() {
    let [a, b] = &people();
    for (groups, expected) in [
        (vec![], SealError::NoRecipients),
        (vec![group(&[])], SealError::NoRecipients),
        (vec![group(&[a]), group(&[])], SealError::EmptyGroup(1)),
        (vec![group(&[]), group(&[b])], SealError::EmptyGroup(0)),
    ] {
        assert_eq!(wrap_data_key(&[7; KEY_LENGTH], &groups, None).err(), Some(expected));
    }
    assert_eq!(wrap_data_key(&[7; KEY_LENGTH], &[group(&[a, b])], None).expect("wraps")[0].age.len(), 2);
}

#[test]
fn recipients_are_described_whatever_their_order() {
    let [a, b] = &people();
    let words = |groups: Vec<RecipientGroup>, threshold| Recipients { groups, threshold }.to_words();
    let one = words(vec![group(&[a, b])], None);
    assert_eq!(one, words(vec![group(&[b, a, b])], Some(1)));
    assert_eq!(one[..2], ["1", "1"]);
    assert!(one[2].contains(a.recipient.as_str()) && one[2].contains(b.recipient.as_str()) && one.len() == 3);
    let two = words(vec![group(&[a]), group(&[b])], None);
    assert_eq!(two, ["2", "2", a.recipient.as_str(), b.recipient.as_str()]);
    assert_eq!(words(vec![group(&[a]), group(&[b])], Some(1))[0], "1");
}

#[cfg(unix)]
#[test]
fn a_command_is_asked_for_each_recipient_once_whatever_groups_it_is_in() {
    let [a, b] = &people();
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let command = format!("sh -c 'echo $SOPS_AGE_RECIPIENT >> {}; exit 1'", log.display());
    let identities = Identities::new(IdentitySources { age_key_cmd: Some(command), ..IdentitySources::default() });
    let text = encrypted(&[&[a], &[b, a]], None);
    assert!(DecryptedFile::decrypt_bytes("file", text.into_bytes(), SopsFormat::Yaml, &identities).is_err());
    let asked = fs::read_to_string(log).expect("was asked");
    assert_eq!(asked, format!("{}\n{}\n", a.recipient, b.recipient));
}

#[test]
fn what_differs_from_the_document_is_never_written() {
    let [a] = &people();
    let text = encrypted(&[&[a]], None);
    let key = DataKey::new(unlocked(&text, &[a]).data_key());
    let check = |values: &str| {
        let mut document = SopsFormat::Yaml.parse(&Source::new("file", values)).expect("reads").document;
        let expected = DocumentFingerprint::of(&mut document);
        check_written("file", text.clone().into_bytes(), SopsFormat::Yaml, &key, expected)
    };
    assert!(check(YAML).is_ok_and(|bytes| bytes == text.as_bytes()));
    for other in ["a: one\nb: three\n", "a: one\n", "b: two\na: one\n", "a: one\nb: two\nc: \"\"\n"] {
        assert!(matches!(check(other), Err(UnfaithfulOutput::Different(_))), "{other}");
    }
}

#[test]
fn a_file_is_encrypted_for_the_groups_of_its_rule() {
    let [a, b, c] = &people();
    let directory = tempfile::tempdir().expect("a directory");
    let [one, two, three] = [a, b, c].map(|person| format!("  - age: [{}]\n", person.recipient));
    let rules = format!("creation_rules:\n- shamir_threshold: 2\n  key_groups:\n{one}{two}{three}");
    fs::write(directory.path().join(".sops.yaml"), rules).expect("writes");
    let rule = SopsConfigCache::default().find_rule(&directory.path().join("a.yaml")).expect("reads").expect("a rule");
    let plan = EncryptionPlan::of_rule(&rule);
    let bytes = encrypt_file("file", YAML.as_bytes().to_vec(), SopsFormat::Yaml, &plan, now()).expect("encrypts").bytes;
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(opens(&text, &[a, c]) && opens(&text, &[b, c]) && !opens(&text, &[a]));
}
