use super::*;

// made by `ssh-keygen` for these tests; they protect nothing
const PUBLIC: &str = include_str!("../../../../../tests/vectors/ssh/plain.pub");
const PLAIN: &str = include_str!("../../../../../tests/vectors/ssh/plain");
const LOCKED: &str = include_str!("../../../../../tests/vectors/ssh/locked");
const LOCKED_PUBLIC: &str = include_str!("../../../../../tests/vectors/ssh/locked.pub");
const RSA: &str = include_str!("../../../../../tests/vectors/ssh/rsa");
const GCM: &str = include_str!("../../../../../tests/vectors/ssh/gcm");

fn recipient(line: &str) -> SshRecipient {
    SshRecipient::parse(line.split_whitespace().nth(1).expect("a key")).expect("valid")
}

#[test]
fn what_is_wrapped_for_a_key_is_unwrapped_with_it_and_no_other() {
    let Some(SshPrivateKey::Ed25519(identity)) = read_private(PLAIN.as_bytes()) else { panic!("a key") };
    let encrypted = age::encrypt(&recipient(PUBLIC), b"data key").expect("encrypts");
    assert_eq!(age::decrypt(&identity, &encrypted).expect("decrypts"), b"data key");
    let foreign = age::encrypt(&recipient(LOCKED_PUBLIC), b"data key").expect("encrypts");
    assert!(matches!(age::decrypt(&identity, &foreign), Err(DecryptError::NoMatchingKeys)));
}

#[test]
fn a_key_with_a_passphrase_opens_with_that_one() {
    let Some(SshPrivateKey::Locked(key)) = read_private(LOCKED.as_bytes()) else { panic!("a locked key") };
    assert_eq!(key.recipient().text(), recipient(LOCKED_PUBLIC).text());
    assert!(key.unlock("hunter3").is_none() && key.unlock("").is_none());
    let identity = key.unlock("hunter2").expect("opens");
    let encrypted = age::encrypt(&recipient(LOCKED_PUBLIC), b"data key").expect("encrypts");
    assert_eq!(age::decrypt(&identity, &encrypted).expect("decrypts"), b"data key");
}

#[test]
fn keys_of_other_types_are_named() {
    for (content, expected) in [
        (RSA, "an SSH RSA key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nx", "an SSH RSA key"),
        (GCM, "an SSH key with a cipher other than `aes256-ctr`"),
    ] {
        let Some(SshPrivateKey::Unsupported(what)) = read_private(content.as_bytes()) else { panic!("{expected}") };
        assert_eq!(what, expected);
    }
}

#[test]
fn damaged_keys_are_none() {
    let swapped = PLAIN.replacen('A', "B", 3);
    let short = PLAIN.replacen(PLAIN.lines().nth(2).expect("a line"), "", 1);
    for content in ["", "x", "-----BEGIN OPENSSH PRIVATE KEY-----", &swapped, &short] {
        assert!(read_private(content.as_bytes()).is_none(), "{}", content.len());
    }
    for encoded in ["", "AAAA", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "!"] {
        assert!(SshRecipient::parse(encoded).is_none(), "{encoded}");
    }
    let small = [b"\0\0\0\x0bssh-ed25519\0\0\0\x20\x01".as_slice(), &[0; 31]].concat();
    assert!(SshRecipient::of_blob(&small).is_none(), "the neutral point is nobody's key");
}

#[test]
fn a_stanza_that_is_not_as_it_should_be_is_refused() {
    let Some(SshPrivateKey::Ed25519(identity)) = read_private(PLAIN.as_bytes()) else { panic!("a key") };
    let tag = identity.recipient.tag();
    let zero = STANDARD_NO_PAD.encode([0; 32]);
    for (args, length) in
        [(vec![], 32), (vec![tag.clone()], 32), (vec![tag.clone(), "AAAA".to_owned()], 32), (vec![tag, zero], 32)]
    {
        let stanza = Stanza { tag: ED25519.to_owned(), args, body: vec![0; length] };
        let unwrapped = age::Identity::unwrap_stanza(&identity, &stanza);
        assert!(matches!(unwrapped, Some(Err(DecryptError::InvalidHeader))), "{:?}", stanza.args);
    }
}

proptest::proptest! {
    #[test]
    fn any_content_is_a_key_or_none(position in 0usize..390, byte in proptest::num::u8::ANY) {
        let mut content = PLAIN.as_bytes().to_vec();
        if let Some(place) = content.get_mut(position) {
            *place = byte;
        }
        read_private(&content);
    }
}
