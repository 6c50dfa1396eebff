//! The encryption of single values: `ENC[AES256_GCM,…]` (format, section 1.4).

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::crypto::KEY_LENGTH;
use crate::crypto::derived::DerivedKey;
use aes::Aes256;
use aes_gcm::aead::consts::{U8, U12, U16, U24, U32};
use aes_gcm::aead::generic_array::{ArrayLength, GenericArray};
use aes_gcm::{AeadInPlace, AesGcm, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

/// The length of written nonces, which is that of sops.
const NONCE_LENGTH: usize = 32;

const TAG_LENGTH: usize = 16;

/// Prefix of the text of a ciphertext.
const START: &str = "ENC[AES256_GCM,data:";

/// Type of the value of a plaintext.
///
/// The ciphertext does not authenticate it (format, section 8): anyone who can write the file can turn an `int` into
/// a `str`. The value's text stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaintextType {
    Str,
    Int,
    Float,
    Bool,
    Time,
    Comment,
    /// Written by old versions of sops only.
    Bytes,
}

impl PlaintextType {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "time" => Self::Time,
            "comment" => Self::Comment,
            "bytes" => Self::Bytes,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
            Self::Bytes => "bytes",
        }
    }
}

impl fmt::Display for PlaintextType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reason why a text is not the ciphertext of a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MalformedCiphertext {
    /// The text is not `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
    #[error("it does not match `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`")]
    Shape,
    /// A field that is not base64.
    #[error("its `{0}` is not valid base64")]
    Base64(&'static str),
    /// A nonce of a length that no writer uses.
    #[error("its `iv` has {0} bytes instead of 32")]
    Nonce(usize),
    /// An authentication tag of another length than that of AES-GCM.
    #[error("its `tag` has {0} bytes instead of 16")]
    Tag(usize),
    /// A type that sops does not have.
    #[error("its `type` is not one of `str`, `int`, `float`, `bool`, `time`, `comment`, `bytes`")]
    Type,
}

/// The fields of an `ENC[…]` text.
#[derive(Debug)]
pub(crate) struct Ciphertext {
    data: Vec<u8>,
    nonce: Nonce,
    tag: [u8; TAG_LENGTH],
    pub(crate) kind: PlaintextType,
}

/// A nonce of one of the lengths that writers use; sops itself uses 32 bytes.
#[derive(Debug)]
enum Nonce {
    N8([u8; 8]),
    N12([u8; 12]),
    N16([u8; 16]),
    N24([u8; 24]),
    N32([u8; 32]),
}

impl Nonce {
    fn new(bytes: &[u8]) -> Result<Self, MalformedCiphertext> {
        fn sized<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            bytes.try_into().ok()
        }
        let nonce = match bytes.len() {
            8 => sized(bytes).map(Self::N8),
            12 => sized(bytes).map(Self::N12),
            16 => sized(bytes).map(Self::N16),
            24 => sized(bytes).map(Self::N24),
            32 => sized(bytes).map(Self::N32),
            _ => None,
        };
        nonce.ok_or(MalformedCiphertext::Nonce(bytes.len()))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::N8(bytes) => bytes,
            Self::N12(bytes) => bytes,
            Self::N16(bytes) => bytes,
            Self::N24(bytes) => bytes,
            Self::N32(bytes) => bytes,
        }
    }
}

impl Ciphertext {
    /// Whether a text looks like a ciphertext at all.
    pub(crate) fn is_ciphertext(text: &[u8]) -> bool {
        text.starts_with(START.as_bytes())
    }

    /// Parses an `ENC[…]` text. Blanks after it are accepted (a block scalar ends with a line break), other text is
    /// not, though sops accepts it.
    pub(crate) fn parse(text: &str) -> Result<Self, MalformedCiphertext> {
        let fields = || {
            let rest = text.trim_end().strip_prefix(START)?.strip_suffix(']')?;
            let (data, rest) = split_at_field(rest, "iv:")?;
            let (nonce, rest) = split_at_field(rest, "tag:")?;
            let (tag, kind) = split_at_field(rest, "type:")?;
            (!data.is_empty()).then_some((data, nonce, tag, kind))
        };
        let (data, nonce, tag, kind) = fields().ok_or(MalformedCiphertext::Shape)?;
        let decode = |name, text: &str| STANDARD.decode(text).map_err(|_| MalformedCiphertext::Base64(name));
        let data = decode("data", data)?;
        let nonce = decode("iv", nonce)?;
        let tag = decode("tag", tag)?;
        Ok(Self {
            data,
            nonce: Nonce::new(&nonce)?,
            tag: tag.as_slice().try_into().map_err(|_| MalformedCiphertext::Tag(tag.len()))?,
            kind: PlaintextType::parse(kind).ok_or(MalformedCiphertext::Type)?,
        })
    }

    /// The length of its text.
    pub(crate) fn length(&self) -> usize {
        let fields = START.len() + ",iv:".len() + ",tag:".len() + ",type:".len() + self.kind.name().len() + "]".len();
        let encoded = |bytes: &[u8]| bytes.len().div_ceil(3) * 4;
        fields + encoded(&self.data) + encoded(self.nonce.bytes()) + encoded(&self.tag)
    }

    /// Appends its text. A value may be a file of a hundred megabytes, so it is encoded into the output directly.
    pub(crate) fn write_token(self, out: &mut String) {
        out.push_str(START);
        STANDARD.encode_string(&self.data, out);
        for (name, bytes) in [(",iv:", self.nonce.bytes()), (",tag:", &self.tag[..])] {
            out.push_str(name);
            STANDARD.encode_string(bytes, out);
        }
        out.extend([",type:", self.kind.name(), "]"]);
    }
}

/// Splits a text at a comma and the name of a field: the part before and the part after them. Only the
/// comma is searched for, which is much quicker.
fn split_at_field<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    text.match_indices(',').find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        Some((before, rest.get(1..)?.strip_prefix(name)?))
    })
}

/// The random key of a file. Wiped when dropped.
pub(crate) struct DataKey {
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
    cipher: Aes256,
    /// The cipher with its key schedule done, for the nonce length that nearly every value has.
    usual: AesGcm<Aes256, U32>,
    nonces: NonceSource,
}

/// Source of nonces.
enum NonceSource {
    /// Random ones, of which many are drawn at once: a system call for each takes longer than encrypting a value.
    Drawn(Mutex<Vec<[u8; NONCE_LENGTH]>>),
    /// Derived from their purpose under this key: the same value at the same place has the same nonce, and so the
    /// same ciphertext, and no other value has it (a synthetic nonce, as in RFC 5297).
    Derived(DerivedKey),
}

/// Label that separates the key for nonces from the data key from which it is derived.
const OF_NONCES: &[u8] = b"septum: the key for nonces of a file, version 1";

impl NonceSource {
    /// A nonce that was not used for any other value; none if the system has no randomness.
    fn next(&self, plaintext: &[u8], kind: PlaintextType, associated: &str) -> Option<[u8; NONCE_LENGTH]> {
        match self {
            Self::Drawn(drawn) => Self::draw_nonce(drawn),
            Self::Derived(key) => {
                let mut nonce = [0; NONCE_LENGTH];
                key.fill_bytes(&[associated.as_bytes(), kind.name().as_bytes(), plaintext], &mut nonce);
                Some(nonce)
            }
        }
    }

    fn draw_nonce(drawn: &Mutex<Vec<[u8; NONCE_LENGTH]>>) -> Option<[u8; NONCE_LENGTH]> {
        const MANY: usize = 32;
        let mut drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_empty() {
            let mut bytes = [0; NONCE_LENGTH * MANY];
            getrandom::getrandom(&mut bytes).ok()?;
            drawn.extend(bytes.as_chunks().0);
        }
        drawn.pop()
    }
}

impl DataKey {
    /// Creates a key of these bytes.
    pub(crate) fn new(key: &[u8; KEY_LENGTH]) -> Self {
        let cipher = Aes256::new(key.into());
        let usual = AesGcm::from(cipher.clone());
        Self { bytes: Zeroizing::new(*key), cipher, usual, nonces: NonceSource::Drawn(Mutex::default()) }
    }

    /// A cipher whose nonces are derived from the values, so that equal values have equal ciphertexts.
    pub(crate) fn deterministic(key: &[u8; KEY_LENGTH]) -> Self {
        let nonces = NonceSource::Derived(DerivedKey::from_data_key(key, OF_NONCES));
        Self { nonces, ..Self::new(key) }
    }

    /// A new key, or `None` if the system has no randomness.
    pub(crate) fn generate() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        getrandom::getrandom(bytes.as_mut()).ok()?;
        Some(Self::new(&bytes))
    }

    /// The bytes of the key, to be wrapped for recipients.
    pub(crate) fn bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.bytes
    }

    /// Encrypts a value and binds it to `associated`, under a nonce of its own. `None` if the system has no
    /// randomness, or if there is nothing to encrypt: the format has no empty ciphertext.
    pub(crate) fn encrypt_to_text(&self, plaintext: &[u8], kind: PlaintextType, associated: &str) -> Option<String> {
        let ciphertext = self.encrypt_bytes(plaintext.to_vec(), kind, associated)?;
        let mut out = String::with_capacity(ciphertext.length());
        ciphertext.write_token(&mut out);
        Some(out)
    }

    /// Encrypts in place and returns the fields, not yet as text.
    pub(crate) fn encrypt_bytes(&self, mut data: Vec<u8>, kind: PlaintextType, associated: &str) -> Option<Ciphertext> {
        let nonce = self.nonces.next(&data, kind, associated)?;
        let tag = self.usual.encrypt_in_place_detached(&nonce.into(), associated.as_bytes(), &mut data).ok()?;
        (!data.is_empty()).then(|| Ciphertext { data, nonce: Nonce::N32(nonce), tag: tag.into(), kind })
    }

    /// Decrypts a value that is bound to `associated`; `None` if value, place or key differ from its encryption.
    pub(crate) fn decrypt_bytes(&self, ciphertext: Ciphertext, associated: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(ciphertext.data);
        let tag = GenericArray::from(ciphertext.tag);
        let aad = associated.as_bytes();
        let opened = match ciphertext.nonce {
            Nonce::N32(nonce) => self.usual.decrypt_in_place_detached(&nonce.into(), aad, &mut buffer, &tag),
            Nonce::N8(nonce) => {
                self.sized_cipher::<U8>().decrypt_in_place_detached(&nonce.into(), aad, &mut buffer, &tag)
            }
            Nonce::N12(nonce) => {
                self.sized_cipher::<U12>().decrypt_in_place_detached(&nonce.into(), aad, &mut buffer, &tag)
            }
            Nonce::N16(nonce) => {
                self.sized_cipher::<U16>().decrypt_in_place_detached(&nonce.into(), aad, &mut buffer, &tag)
            }
            Nonce::N24(nonce) => {
                self.sized_cipher::<U24>().decrypt_in_place_detached(&nonce.into(), aad, &mut buffer, &tag)
            }
        };
        opened.ok().map(|()| buffer)
    }

    fn sized_cipher<N: ArrayLength<u8>>(&self) -> AesGcm<Aes256, N> {
        AesGcm::from(self.cipher.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "ENC[AES256_GCM,data:oYyi,iv:MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=,\
                         tag:t5z2Z023Up0kxwCgw1gNxg==,type:str]";

    fn key() -> DataKey {
        DataKey::new(&[b'f'; KEY_LENGTH])
    }

    fn open(text: &str, associated: &str) -> Option<Vec<u8>> {
        key().decrypt_bytes(Ciphertext::parse(text).expect("well formed"), associated).map(|plain| plain.to_vec())
    }

    #[test]
    fn the_known_answer_of_sops() {
        assert_eq!(open(KNOWN, "bar:").as_deref(), Some(&b"foo"[..]));
        assert_eq!(open(KNOWN, ""), None, "bound to its path");
        assert_eq!(open(&KNOWN.replace("oYyi", "oYyj"), "bar:"), None, "bound to its bytes");
        assert_eq!(open(&KNOWN.replace("tag:t5", "tag:t6"), "bar:"), None, "bound to its tag");
        assert_eq!(open(&format!("{KNOWN}\n"), "bar:").as_deref(), Some(&b"foo"[..]), "a block scalar");
    }

    #[test]
    fn what_is_sealed_opens_at_its_path_alone_and_never_looks_the_same() {
        let key = DataKey::generate().expect("randomness");
        let one = key.encrypt_to_text("wert ß".as_bytes(), PlaintextType::Str, "a:").expect("seals");
        assert_ne!(one, key.encrypt_to_text("wert ß".as_bytes(), PlaintextType::Str, "a:").expect("seals"));
        let open = |associated| key.decrypt_bytes(Ciphertext::parse(&one).expect("well formed"), associated);
        assert_eq!(open("a:").expect("opens").as_slice(), "wert ß".as_bytes());
        assert_eq!(open("b:"), None);
        assert_eq!(key.encrypt_to_text(b"", PlaintextType::Str, "a:"), None, "there is no empty ciphertext");
    }

    #[test]
    fn each_type_has_the_name_that_sops_gives_it() {
        for (kind, name) in [
            (PlaintextType::Str, "str"),
            (PlaintextType::Int, "int"),
            (PlaintextType::Float, "float"),
            (PlaintextType::Bool, "bool"),
            (PlaintextType::Time, "time"),
            (PlaintextType::Comment, "comment"),
            (PlaintextType::Bytes, "bytes"),
        ] {
            let read = Ciphertext::parse(&KNOWN.replace("type:str", &format!("type:{name}"))).expect(name);
            assert_eq!((read.kind, kind.to_string().as_str()), (kind, name));
        }
    }

    #[test]
    fn the_length_of_a_ciphertext_is_known_before_it_is_written() {
        for length in 1..20 {
            let ciphertext = key().encrypt_bytes(vec![b'x'; length], PlaintextType::Float, "a:").expect("encrypts");
            let expected = ciphertext.length();
            let mut out = String::new();
            ciphertext.write_token(&mut out);
            assert_eq!(out.len(), expected, "of {length} bytes");
        }
    }

    #[test]
    fn other_lengths_of_nonces_are_opened() {
        fn seals<N: ArrayLength<u8>>(length: usize) {
            let nonce = vec![7; length];
            let mut data = b"value".to_vec();
            let cipher: AesGcm<Aes256, N> = key().sized_cipher();
            let tag =
                cipher.encrypt_in_place_detached(GenericArray::from_slice(&nonce), b"a:", &mut data).expect("seals");
            let (data, nonce, tag) = (STANDARD.encode(data), STANDARD.encode(nonce), STANDARD.encode(tag));
            let text = format!("ENC[AES256_GCM,data:{data},iv:{nonce},tag:{tag},type:str]");
            assert_eq!(open(&text, "a:").as_deref(), Some(&b"value"[..]), "{length}");
        }
        seals::<U8>(8);
        seals::<U12>(12);
        seals::<U16>(16);
        seals::<U24>(24);
        seals::<U32>(32);
    }

    #[test]
    fn what_is_no_ciphertext_says_why() {
        let with = |from: &str, to: &str| KNOWN.replace(from, to);
        for (text, expected) in [
            (String::new(), MalformedCiphertext::Shape),
            ("hunter2".to_owned(), MalformedCiphertext::Shape),
            (format!(" {KNOWN}"), MalformedCiphertext::Shape),
            (format!("{KNOWN}x"), MalformedCiphertext::Shape),
            (with("AES256_GCM", "AES128_GCM"), MalformedCiphertext::Shape),
            (with("data:oYyi", "data:"), MalformedCiphertext::Shape),
            (with(",tag:", ",tg:"), MalformedCiphertext::Shape),
            (with(",type:str", ""), MalformedCiphertext::Shape),
            (with("oYyi", "oYy"), MalformedCiphertext::Base64("data")),
            (with("oYyi", "oY-i"), MalformedCiphertext::Base64("data")),
            (with("V8o=", "V8o"), MalformedCiphertext::Base64("iv")),
            (with("Nxg==", "N_g=="), MalformedCiphertext::Base64("tag")),
            (with("MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=", ""), MalformedCiphertext::Nonce(0)),
            (with("MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=", "MyI="), MalformedCiphertext::Nonce(2)),
            (with("t5z2Z023Up0kxwCgw1gNxg==", "t5z2"), MalformedCiphertext::Tag(3)),
            (with("type:str", "type:"), MalformedCiphertext::Type),
            (with("type:str", "type:Str"), MalformedCiphertext::Type),
            (with("type:str", "type:str]"), MalformedCiphertext::Type),
        ] {
            assert_eq!(Ciphertext::parse(&text).expect_err(&text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart(text in ".*", data in ".{0,9}", iv in ".{0,50}", tag in ".{0,30}") {
            for text in [text, format!("ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:str]")] {
                if let Ok(ciphertext) = Ciphertext::parse(&text) {
                    assert_eq!(key().decrypt_bytes(ciphertext, "a:"), None);
                }
            }
        }
    }
}
