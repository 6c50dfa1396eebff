//! Recipients, identities and key groups: the vectors, and what is wrapped anew.

use septum::diagnostic::Diagnostic;
use septum::sops::{
    EncryptedFile, Identities, IdentitySources, KeyGroup, Recipient, RecipientGroup, SealError, SopsConfig, SopsFormat,
    SopsMetadata, compute_drift, decrypt_document, read_metadata, recipient_fields, rewrap_data_key, unlock_data_key,
    wrap_data_key,
};
use septum::span::Source;
use septum::yaml::node::{YamlKind, YamlNode};
use zeroize::Zeroizing;

use crate::sops_read::tree::{document, meaning};
use crate::sops_read::vectors::{directory, text};
use crate::sops_read::{identities, messages};

pub(crate) const ONE: &str = "age1pgs5clczcduc0mjyau2mme6pwyr62kjywl5ju29h6kgmjutwtsfqtkttjh";
pub(crate) const TWO: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";

/// The SSH recipient of the vectors.
fn ssh() -> String {
    text("ssh_ed25519.key.pub").trim().to_owned()
}

/// Places with this many of the X25519 identities, and perhaps the SSH key.
fn places(x25519: usize, ssh: bool) -> IdentitySources {
    let keys = text("keys.txt");
    let keys: Vec<_> = keys.lines().filter(|line| line.starts_with("AGE-")).take(x25519).collect();
    IdentitySources {
        age_key: Some(Zeroizing::new(keys.join("\n"))),
        user_ssh_keys: if ssh { vec![directory().join("ssh_ed25519.key")] } else { Vec::new() },
        ..IdentitySources::default()
    }
}

fn read(name: &str) -> (Source, YamlNode, SopsMetadata) {
    let source = Source::new(name, text(name));
    let root = document(source.text());
    let metadata = read_metadata(&root, &source).expect("reads");
    (source, root, metadata)
}

fn group(recipients: &[&str]) -> RecipientGroup {
    let age = recipients.iter().map(|text| Recipient::parse(text).expect("a recipient")).collect();
    RecipientGroup { age, foreign: Vec::new() }
}

/// The metadata with other recipients.
fn with_groups(metadata: &SopsMetadata, groups: Vec<KeyGroup>) -> SopsMetadata {
    SopsMetadata { groups, ..metadata.clone() }
}

fn key_of(metadata: &SopsMetadata, places: IdentitySources) -> Option<[u8; 32]> {
    unlock_data_key(metadata, &Identities::new(places)).ok().map(|unlocked| *unlocked.data_key())
}

#[test]
fn a_file_for_an_ssh_key_opens_with_it() {
    let (source, root, _) = read("ssh_recipient.enc.yaml");
    let found = decrypt_document(root, &source, &Identities::new(places(0, true))).expect("decrypts");
    assert_eq!(meaning(&found.tree), meaning(&document(&text("decrypted/ssh_recipient.enc.yaml"))));
}

#[test]
fn a_file_for_a_post_quantum_key_opens_with_it() {
    let (source, root, metadata) = read("hybrid_pq_recipient.enc.yaml");
    let places = IdentitySources { age_key_file: Some(directory().join("keys_pq.txt")), ..IdentitySources::default() };
    let identities = Identities::new(places.clone());
    let found = decrypt_document(root, &source, &identities).expect("decrypts");
    assert_eq!(meaning(&found.tree), meaning(&document("a: secret\nb: 2\n")));
    // and what is wrapped here
    let key = [7; 32];
    let sealed = wrap_data_key(&key, &[group(&[&metadata.groups[0].age[0].recipient])], None).expect("seals");
    assert_eq!(key_of(&with_groups(&metadata, sealed), places), Some(key));
}

#[test]
fn any_two_of_three_groups_open_a_file() {
    let (source, root, shamir) = read("shamir_2of3.enc.yaml");
    assert_eq!((shamir.groups.len(), shamir.threshold, shamir.needed_groups()), (3, Some(2), 2));
    let expected = meaning(&document(&text("decrypted/shamir_2of3.enc.yaml")));
    for places in [places(2, false), places(1, true), places(2, true)] {
        let found = decrypt_document(root.clone(), &source, &Identities::new(places)).expect("decrypts");
        assert_eq!(meaning(&found.tree), expected);
    }
    let error = decrypt_document(root, &source, &Identities::new(places(0, true))).expect_err("one of two");
    let diagnostic: Diagnostic = error.into_diagnostics().remove(0);
    assert_eq!(diagnostic.rule.id(), "no-identity");
    assert_eq!(
        diagnostic.notes[..4],
        [
            "its data key is split among 3 key groups, of which 2 are required; 1 could be decrypted".to_owned(),
            format!("key group 1, not decrypted: {ONE}"),
            format!("key group 2, not decrypted: {TWO}"),
            format!("key group 3, decrypted: {}", ssh()),
        ]
    );
}

#[test]
fn without_a_threshold_all_groups_are_needed() {
    let text = text("shamir_2of3.enc.yaml").replace("    shamir_threshold: 2\n", "");
    let source = Source::new("x.yaml", text);
    let metadata = read_metadata(&document(source.text()), &source).expect("reads");
    assert_eq!(metadata.needed_groups(), 3);
    assert!(key_of(&metadata, places(2, false)).is_none());
    assert!(key_of(&metadata, places(2, true)).is_some());
}

#[test]
fn groups_that_cannot_be_are_refused() {
    let shamir = text("shamir_2of3.enc.yaml");
    let threshold = |value: &str| shamir.replace("shamir_threshold: 2", &format!("shamir_threshold: {value}"));
    let number = "`sops.shamir_threshold` must be a number from 2 to the number of key groups";
    let list = "`sops.key_groups` must be a list of mappings";
    let start = shamir.find("    key_groups:").expect("groups");
    let end = shamir.find("    lastmodified:").expect("a field");
    let groups = |value: &str| format!("{}    key_groups: {value}\n{}", &shamir[..start], &shamir[end..]);
    for (text, expected) in [
        (threshold("1"), number),
        (threshold("4"), number),
        (threshold("many"), number),
        (groups("x"), list),
        (groups("[x]"), "`sops.key_groups` must be a list of mappings, each with recipients in it"),
        (groups("[{age: []}]"), "`sops.key_groups` must be a list of mappings, each with recipients in it"),
        (groups("[]"), "the file has no recipients, so it cannot be decrypted"),
    ] {
        let source = Source::new("x.yaml", text);
        let error = read_metadata(&document(source.text()), &source).expect_err(expected);
        assert_eq!(messages(error), [("sops-metadata", expected.to_owned())]);
    }
}

#[test]
fn a_part_of_flat_metadata_that_is_refused_is_at_the_metadata() {
    let text = "a=b\nsops_age__list_0__map_x=y\nsops_lastmodified=2026-01-01T00:00:00Z\nsops_version=3.13.1\n";
    let Err(error) = EncryptedFile::read("x.env", text.into(), SopsFormat::Dotenv) else { panic!("no recipient") };
    for found in error.into_diagnostics() {
        assert_eq!(found.labels[0].place.to_string(), "x.env:2:1", "{}", found.message);
    }
}

#[test]
fn a_new_data_key_is_given_to_groups_and_found_again() {
    let (.., simple) = read("simple.enc.yaml");
    let key: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).expect("small"));
    let ssh = ssh();
    let whole = wrap_data_key(&key, &[group(&[ONE, &ssh])], None).expect("seals");
    for entry in &whole[0].age {
        assert!(entry.wrapped.text.ends_with("-----END AGE ENCRYPTED FILE-----\n"));
        assert!(entry.wrapped.text.lines().all(|line| line.len() <= 64));
    }
    let sealed = with_groups(&simple, whole);
    for places in [places(1, false), places(0, true)] {
        assert_eq!(key_of(&sealed, places), Some(key));
    }
    let shared = wrap_data_key(&key, &[group(&[ONE]), group(&[TWO]), group(&[&ssh])], Some(2)).expect("seals");
    let sealed = SopsMetadata { threshold: Some(2), ..with_groups(&simple, shared) };
    for places in [places(2, false), places(1, true)] {
        assert_eq!(key_of(&sealed, places), Some(key));
    }
    assert!(key_of(&sealed, places(1, false)).is_none());
}

#[test]
fn who_stays_keeps_his_entry_and_who_comes_gets_the_share_of_his_group() {
    let (.., shamir) = read("shamir_2of3.enc.yaml");
    let key = key_of(&shamir, places(2, true));
    // the third group is not opened, and its share is found from the others
    let unlocked = unlock_data_key(&shamir, &Identities::new(places(2, false))).expect("opens");
    let ssh = ssh();
    let wanted = [group(&[ONE]), group(&[TWO]), group(&[&ssh, ONE])];
    let groups = rewrap_data_key(&unlocked, &shamir, &wanted, Some(2)).expect("rewraps");
    assert_eq!(groups[0].age[0].wrapped.text, shamir.groups[0].age[0].wrapped.text);
    assert_eq!(groups[2].age[0].wrapped.text, shamir.groups[2].age[0].wrapped.text);
    assert_eq!(groups[2].age.len(), 2);
    let rewrapped = with_groups(&shamir, groups);
    assert_eq!(key_of(&rewrapped, places(1, false)), key, "groups 1 and 3");
    // another number of groups is another polynomial, with the same key
    let groups = rewrap_data_key(&unlocked, &shamir, &[group(&[ONE]), group(&[TWO])], None).expect("rewraps");
    assert_eq!(key_of(&SopsMetadata { threshold: None, ..with_groups(&shamir, groups) }, places(2, false)), key);
    let groups = rewrap_data_key(&unlocked, &shamir, &[group(&[TWO])], None).expect("rewraps");
    assert_eq!(key_of(&with_groups(&shamir, groups), places(2, false)), key);
}

const FOREIGN: &str = "        - age:
            - enc: x
              recipient: age1x
          hc_vault:
            - created_at: \"2026-01-01T00:00:00Z\"
              enc: vault:v1:AAAA
              engine_path: transit
              key_name: k
              vault_address: https://vault:8200
              unknown_field: kept
          pgp:
            - created_at: \"2026-01-01T00:00:00Z\"
              enc: |-
                -----BEGIN PGP MESSAGE-----

                x
                -----END PGP MESSAGE-----
              fp: AAAABBBB
";

#[test]
fn keys_of_other_services_are_kept_in_their_groups() {
    let source = Source::new(
        "x.yaml",
        text("shamir_2of3.enc.yaml").replacen("    lastmodified:", &format!("{FOREIGN}    lastmodified:"), 1),
    );
    let metadata = read_metadata(&document(source.text()), &source).expect("reads");
    let names: Vec<_> =
        metadata.groups.iter().flat_map(|group| &group.foreign).map(|entry| entry.key.to_string()).collect();
    assert_eq!(names, ["hc_vault `https://vault:8200/v1/transit/keys/k`", "pgp `AAAABBBB`"]);
    let unlocked = unlock_data_key(&metadata, &Identities::new(places(2, false))).expect("opens");
    let mut wanted: Vec<_> = metadata
        .groups
        .iter()
        .map(|found| RecipientGroup {
            age: Vec::new(),
            foreign: found.foreign.iter().map(|entry| entry.key.clone()).collect(),
        })
        .collect();
    for (group, recipient) in wanted.iter_mut().zip([ONE, TWO, &ssh(), ONE]) {
        group.age.push(Recipient::parse(recipient).expect("valid"));
    }
    let groups = rewrap_data_key(&unlocked, &metadata, &wanted, Some(2)).expect("keeps them");
    let written = recipient_fields(&groups, Some(2));
    let YamlKind::List(list) = &written["key_groups"].kind else { panic!("a list") };
    let keys: Vec<_> = list[3].as_map().expect("a map").keys().map(|key| key.text.as_str()).collect();
    assert_eq!(keys, ["age", "hc_vault", "pgp"]);
    let last = list[3].as_map().expect("a map");
    let YamlKind::List(found) = &metadata.block.as_map().expect("a map")["key_groups"].kind else { panic!("a list") };
    assert_eq!(meaning(&last["hc_vault"]), meaning(&found[3].as_map().expect("a map")["hc_vault"]));
    assert_eq!(written["shamir_threshold"].as_scalar().expect("a number").text(), "2");
    // a new data key, or another group, would have to be wrapped by somebody else
    let refused = wrap_data_key(unlocked.data_key(), &wanted, Some(2)).expect_err("foreign keys");
    assert!(matches!(&refused, SealError::Foreign(key) if key.service == "hc_vault"));
    wanted.swap(2, 3);
    assert!(matches!(rewrap_data_key(&unlocked, &metadata, &wanted, Some(2)), Err(SealError::Foreign(_))));
}

#[test]
fn recipients_are_written_as_sops_writes_them() {
    for name in ["shamir_2of3.enc.yaml", "two_recipients.enc.yaml", "ssh_recipient.enc.yaml"] {
        let (.., metadata) = read(name);
        let written = recipient_fields(&metadata.groups, metadata.threshold);
        let block = metadata.block.as_map().expect("a mapping");
        for (key, node) in &written {
            assert_eq!(meaning(node), meaning(&block[key.text.as_str()]), "{name}: {}", key.text);
        }
        assert!(!written.is_empty());
    }
}

#[test]
fn recipients_are_classified() {
    let hybrid = read("hybrid_pq_recipient.enc.yaml").2.groups[0].age[0].recipient.clone();
    let rsa = "ssh-rsa AAAAB3NzaC1yc2E x";
    for (text, expected) in [
        (ONE, Ok(None)),
        (&ssh(), Ok(None)),
        (&hybrid, Ok(None)),
        (&hybrid.replacen("age1pq1", "age1pq1q", 1), Err("is not a valid recipient")),
        (rsa, Ok(Some("SSH RSA keys are not supported"))),
        ("ecdsa-sha2-nistp256 AAAA", Ok(Some("SSH keys of type `ecdsa-sha2-nistp256`"))),
        #[cfg(not(feature = "plugin"))]
        ("age1yubikey1qqq", Ok(Some("recipients of `age-plugin-yubikey`"))),
        #[cfg(feature = "plugin")]
        ("age1yubikey1qqq", Err("is not a valid recipient")),
        ("age1../x1qqq", Err("is not a valid recipient")),
        ("ssh-ed25519 AAAA", Err("is not a valid recipient")),
        ("age1hunter2", Err("is not a valid recipient")),
        ("hunter2", Err("is not a recipient: expected")),
        ("", Err("is empty")),
        ("AGE-SECRET-KEY-1HUNTER2", Err("is a private key")),
        ("age-secret-key-1hunter2", Err("is a private key")),
        ("-----BEGIN OPENSSH PRIVATE KEY----- hunter2", Err("is a private key")),
    ] {
        let found = Recipient::parse(text);
        let said = match &found {
            Ok(recipient) => recipient.unusable().map(ToString::to_string).unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found.is_err(), expected.is_err(), "{text}: {said}");
        let beginning = expected.unwrap_or_else(Some).unwrap_or_default();
        assert!(said.starts_with(beginning) && !said.to_lowercase().contains("hunter2"), "{text}: {said}");
        if let Ok(recipient) = found {
            assert_eq!(recipient.wrap_secret(b"key").is_err(), expected != Ok(None), "{text}");
        }
    }
}

#[test]
fn a_rule_is_compared_with_a_file() {
    let rule = |text: &str| {
        let text = text.replace("ONE", ONE).replace("TWO", TWO).replace("SSH", &ssh());
        let rules = SopsConfig::parse(&Source::new(".sops.yaml", text), "/").expect("reads");
        rules.first_match(std::path::Path::new("/x.yaml")).unwrap().unwrap().clone()
    };
    let (.., two) = read("two_recipients.enc.yaml");
    let (.., shamir) = read("shamir_2of3.enc.yaml");
    let same = compute_drift(&rule("creation_rules: [{age: 'TWO,ONE'}]"), &two);
    assert!(same.is_none() && !same.changes_recipients(), "{same:?}");
    assert!(compute_drift(&rule("creation_rules: [{unencrypted_suffix: _unencrypted}]"), &two).is_none());
    let ssh_for_two = compute_drift(
        &rule("creation_rules: [{age: [ONE, SSH], pgp: AB, encrypted_regex: x, mac_only_encrypted: true}]"),
        &two,
    );
    assert_eq!(ssh_for_two.groups[0].added, [ssh(), "pgp `AB`".to_owned()]);
    assert_eq!(ssh_for_two.groups[0].removed, [TWO]);
    assert!(ssh_for_two.removes_recipients && ssh_for_two.mac_scope.is_some());
    let selector = ("unencrypted_suffix: _unencrypted".to_owned(), "encrypted_regex: x".to_owned());
    assert_eq!(ssh_for_two.selector, Some(selector));
    let groups = "creation_rules: [{shamir_threshold: 2, key_groups: [{age: [ONE]}, {age: [TWO]}, {age: [SSH]}]}]";
    assert!(compute_drift(&rule(&groups.replace(" sops-vector", " other")), &shamir).is_none());
    let found =
        compute_drift(&rule(&groups.replace("shamir_threshold: 2, ", "").replace("[TWO]", "[ONE, SSH]")), &shamir);
    assert_eq!(found.threshold, Some((2, 3)));
    assert_eq!((found.groups.len(), found.groups[0].group), (1, 1));
    let flat = compute_drift(&rule("creation_rules: [{age: ONE}]"), &shamir);
    assert_eq!((flat.threshold, flat.groups.len()), (Some((2, 1)), 2));
}

#[test]
fn errors_never_hold_a_key() {
    let keys = text("keys.txt");
    let secrets: Vec<_> = keys.lines().filter(|line| line.starts_with("AGE-")).collect();
    let (source, root, _) = read("hybrid_pq_recipient.enc.yaml");
    let error = decrypt_document(root, &source, &identities()).expect_err("another identity");
    let shown = format!("{error:?}") + &format!("{:?}", error.into_diagnostics());
    assert!(secrets.iter().all(|secret| !shown.contains(secret)));
    let (.., two) = read("two_recipients.enc.yaml");
    let unlocked = unlock_data_key(&two, &identities()).expect("opens");
    assert_eq!(format!("{unlocked:?}"), "Unlocked([secret])");
}
