//! Post-quantum keys of age: `age1pq1…` and `AGE-SECRET-KEY-PQ-1…`, stanza `mlkem768x25519` (C2SP `age.md`). The age
//! crate does not support them yet.
//!
//! None of the cryptography is implemented here: ML-KEM-768 is that of the `ml-kem` crate, the exchange that of
//! curve25519-dalek, the sealing that of the `hpke` crate, and this module combines them as specified by
//! MLKEM768-X25519 (X-Wing). All of them are linked by age anyway. Go, Flux and sops use the same.

use std::collections::HashSet;

use age::secrecy::ExposeSecret as _;
use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode, hpke_open, hpke_seal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::Hrp;
use curve25519_dalek::montgomery::MontgomeryPoint;
use hpke::generic_array::typenum::{Sum, U32, U96, U192, U1024};
use hpke::generic_array::{ArrayLength, GenericArray};
use hpke::kem::SharedSecret;
use hpke::rand_core::{CryptoRng, RngCore};
use hpke::{Deserializable, HpkeError, Kem, Serializable};
use ml_kem::kem::{Decapsulate as _, Encapsulate as _};
use ml_kem::{EncodedSizeUser as _, KemCore, MlKem768};
use rand::rngs::OsRng;
use sha3::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use sha3::{Digest as _, Sha3_256, Shake256};
use zeroize::{Zeroize as _, Zeroizing};

/// The type of the stanza.
const STANZA: &str = "mlkem768x25519";

/// The prefix of recipients.
const RECIPIENT: &str = "age1pq";

/// The prefix of identities.
const IDENTITY: &str = "AGE-SECRET-KEY-PQ-";

/// Context that a sealed file key is bound to.
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";

/// The label of X-Wing.
const LABEL: &[u8] = br"\.//^\";

/// The length of a point of Curve25519, which ends keys and encapsulations.
const POINT: usize = 32;

/// A sealed file key: the key and its tag.
const SEALED: usize = FILE_KEY_BYTES + 16;

type U1120 = Sum<U1024, U96>;
type U1216 = Sum<U1024, U192>;
type EncapsulationKey = <MlKem768 as KemCore>::EncapsulationKey;
type DecapsulationKey = <MlKem768 as KemCore>::DecapsulationKey;

/// A public key: that of ML-KEM, then the point.
#[derive(Clone)]
pub(crate) struct HybridRecipient(WipedBytes<U1216>);

/// A private key: the seed of both.
pub(crate) struct HybridIdentity(WipedBytes<U32>);

impl HybridRecipient {
    /// Reads `age1pq1…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = decode_key(text, RECIPIENT)?;
        let key = WipedBytes::from_bytes(&bytes).ok()?;
        // numbers out of their range and points of small order are not valid keys
        let (lattice, point) = split_key(&key).ok()?;
        let canonical = lattice.as_bytes().as_slice() == bytes.get(..bytes.len() - POINT)?;
        let sound = canonical && exchange_keys(point, &[1; 32]).is_ok();
        sound.then_some(Self(key))
    }
}

impl HybridIdentity {
    /// Creates a new one; `None` if the system has no randomness.
    pub(crate) fn generate() -> Option<Self> {
        let mut seed = WipedBytes(GenericArray::default());
        OsRng.try_fill_bytes(&mut seed.0).ok()?;
        Some(Self(seed))
    }

    /// `AGE-SECRET-KEY-PQ-1…`
    pub(crate) fn text(&self) -> String {
        // upper case is the form that age writes; the change is in place, so that no copy stays
        let mut text = bech32_encode(Hrp::parse_unchecked(IDENTITY), &self.0.0);
        text.make_ascii_uppercase();
        text
    }

    /// Reads `AGE-SECRET-KEY-PQ-1…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(decode_key(text, IDENTITY)?);
        WipedBytes::from_bytes(&bytes).ok().map(Self)
    }

    /// The recipient of the identity: `age1pq1…`.
    pub(crate) fn recipient(&self) -> String {
        let key = XWing::sk_to_pk(&self.0);
        bech32_encode(Hrp::parse_unchecked(RECIPIENT), &key.0)
    }
}

fn decode_key(text: &str, prefix: &str) -> Option<Vec<u8>> {
    let right = |found: &str| if found == prefix { Ok(()) } else { Err(()) };
    bech32_decode(text, |_| (), |hrp| right(hrp.as_str()), |_, bytes| Ok(bytes.collect())).ok()
}

impl age::Recipient for HybridRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (encapsulated, body) = hpke_seal::<XWing, _>(&self.0, INFO, file_key.expose_secret(), &mut OsRng);
        let args = vec![STANDARD_NO_PAD.encode(encapsulated.0)];
        let stanza = Stanza { tag: STANZA.to_owned(), args, body };
        // never beside a recipient that a quantum computer breaks
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

impl age::Identity for HybridIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let encapsulated = match stanza.args.as_slice() {
            [arg] => STANDARD_NO_PAD.decode(arg).ok(),
            _ => None,
        };
        let encapsulated = encapsulated.and_then(|bytes| WipedBytes::from_bytes(&bytes).ok());
        let Some(encapsulated) = encapsulated.filter(|_| stanza.body.len() == SEALED) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        // with another key this fails, which is no error: a stanza does not contain its recipient
        let plaintext = Zeroizing::new(hpke_open::<XWing>(&encapsulated, &self.0, INFO, &stanza.body).ok()?);
        let file_key = plaintext.as_slice().try_into().map_err(|_| DecryptError::DecryptionFailed);
        Some(file_key.map(|file_key| FileKey::init_with_mut(|place| *place = file_key)))
    }
}

/// MLKEM768-X25519, known as X-Wing.
struct XWing;

impl Kem for XWing {
    type PublicKey = WipedBytes<U1216>;
    type PrivateKey = WipedBytes<U32>;
    type EncappedKey = WipedBytes<U1120>;
    type NSecret = U32;
    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(seed: &Self::PrivateKey) -> Self::PublicKey {
        let (lattice, scalar) = expand_seed(seed);
        let point = MontgomeryPoint::mul_base_clamped(*scalar);
        join_parts(&lattice.encapsulation_key().as_bytes(), point)
    }

    /// Required by the trait, and never called: identities of age are seeds.
    fn derive_keypair(seed: &[u8]) -> (Self::PrivateKey, Self::PublicKey) {
        let mut private = WipedBytes(GenericArray::default());
        Shake256::default().chain(seed).finalize_xof().read(&mut private.0);
        let public = Self::sk_to_pk(&private);
        (private, public)
    }

    fn encap<R: CryptoRng + RngCore>(
        recipient: &Self::PublicKey,
        sender: Option<(&Self::PrivateKey, &Self::PublicKey)>,
        random: &mut R,
    ) -> Result<(SharedSecret<Self>, Self::EncappedKey), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let (lattice, point) = split_key(recipient)?;
        let (ciphertext, mut secret) = lattice.encapsulate(random).map_err(|()| HpkeError::EncapError)?;
        let mut scalar = Zeroizing::new([0; 32]);
        random.fill_bytes(&mut *scalar);
        let ephemeral = MontgomeryPoint::mul_base_clamped(*scalar);
        let exchanged = exchange_keys(point, &scalar)?;
        let shared = combine_secrets(&secret, &exchanged, ephemeral, point);
        secret.zeroize();
        Ok((shared, join_parts(&ciphertext, ephemeral)))
    }

    fn decap(
        seed: &Self::PrivateKey,
        sender: Option<&Self::PublicKey>,
        encapsulated: &Self::EncappedKey,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let (ciphertext, ephemeral) = split_bytes(&encapsulated.0)?;
        let ciphertext = ciphertext.try_into().map_err(|_| HpkeError::DecapError)?;
        let (lattice, scalar) = expand_seed(seed);
        let mut secret = lattice.decapsulate(&ciphertext).map_err(|()| HpkeError::DecapError)?;
        let exchanged = exchange_keys(ephemeral, &scalar)?;
        let shared = combine_secrets(&secret, &exchanged, ephemeral, MontgomeryPoint::mul_base_clamped(*scalar));
        secret.zeroize();
        Ok(shared)
    }
}

/// Both private keys of a seed.
fn expand_seed(seed: &WipedBytes<U32>) -> (DecapsulationKey, Zeroizing<[u8; 32]>) {
    let mut stream = Shake256::default().chain(seed.0.as_slice()).finalize_xof();
    let mut part = || {
        let mut part = Zeroizing::new([0; 32]);
        stream.read(&mut *part);
        part
    };
    let (d, z, scalar) = (part(), part(), part());
    let (mut d, mut z) = ((*d).into(), (*z).into());
    let (lattice, _) = MlKem768::generate_deterministic(&d, &z);
    d.zeroize();
    z.zeroize();
    (lattice, scalar)
}

/// The exchange of X25519. A result to which the other side did not contribute is an error.
fn exchange_keys(point: MontgomeryPoint, scalar: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, HpkeError> {
    let shared = Zeroizing::new(point.mul_clamped(*scalar).to_bytes());
    let nothing = shared.iter().fold(0, |all, byte| all | byte) == 0;
    if nothing { Err(HpkeError::ValidationError) } else { Ok(shared) }
}

fn combine_secrets(
    secret: &[u8],
    exchanged: &[u8; 32],
    ephemeral: MontgomeryPoint,
    point: MontgomeryPoint,
) -> SharedSecret<XWing> {
    let hash = Sha3_256::new_with_prefix(secret);
    let hash = hash.chain_update(exchanged).chain_update(ephemeral.as_bytes()).chain_update(point.as_bytes());
    SharedSecret(hash.chain_update(LABEL).finalize())
}

fn split_key(key: &WipedBytes<U1216>) -> Result<(EncapsulationKey, MontgomeryPoint), HpkeError> {
    let (lattice, point) = split_bytes(&key.0)?;
    let lattice = lattice.try_into().map_err(|_| HpkeError::ValidationError)?;
    Ok((EncapsulationKey::from_bytes(&lattice), point))
}

/// Splits a key into the part of ML-KEM and the point.
fn split_bytes(bytes: &[u8]) -> Result<(&[u8], MontgomeryPoint), HpkeError> {
    let (lattice, point) = bytes.split_last_chunk::<POINT>().ok_or(HpkeError::ValidationError)?;
    Ok((lattice, MontgomeryPoint(*point)))
}

fn join_parts<N: ArrayLength<u8>>(lattice: &[u8], point: MontgomeryPoint) -> WipedBytes<N> {
    let both = lattice.iter().chain(point.as_bytes()).copied();
    let mut bytes = WipedBytes(GenericArray::default());
    bytes.0.iter_mut().zip(both).for_each(|(place, byte)| *place = byte);
    bytes
}

/// Bytes of a length defined by the type. Wiped when dropped: some are private.
#[derive(Clone, PartialEq, Eq)]
struct WipedBytes<N: ArrayLength<u8>>(GenericArray<u8, N>);

impl<N: ArrayLength<u8>> Drop for WipedBytes<N> {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl<N: ArrayLength<u8>> std::fmt::Debug for WipedBytes<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl<N: ArrayLength<u8>> Serializable for WipedBytes<N> {
    type OutputSize = N;

    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.iter_mut().zip(&self.0).for_each(|(place, byte)| *place = *byte);
    }
}

impl<N: ArrayLength<u8>> Deserializable for WipedBytes<N> {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        let bytes = GenericArray::from_exact_iter(encoded.iter().copied());
        bytes.map(Self).ok_or_else(|| HpkeError::IncorrectInputLength(N::to_usize(), encoded.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_nobodys_are_refused() {
        let seed = WipedBytes(GenericArray::from([7; 32]));
        let sound = XWing::sk_to_pk(&seed);
        let text = |change: fn(&mut [u8])| {
            let mut key = sound.clone();
            change(&mut key.0);
            bech32_encode(Hrp::parse_unchecked(RECIPIENT), &key.0)
        };
        assert!(HybridRecipient::parse(&text(|_| ())).is_some());
        let point_of_small_order = text(|key| key.iter_mut().rev().take(POINT).for_each(|byte| *byte = 0));
        let number_out_of_range = text(|key| key.iter_mut().take(2).for_each(|byte| *byte = 0xff));
        for text in [&point_of_small_order, &number_out_of_range, "age1pq1", "age1pq1qqqq"] {
            assert!(HybridRecipient::parse(text).is_none(), "{}", text.len());
        }
    }

    #[test]
    fn a_stanza_of_another_form_is_refused_and_one_for_another_is_passed_over() {
        let identity = |seed| HybridIdentity(WipedBytes(GenericArray::from([seed; 32])));
        let recipient = HybridRecipient::parse(&identity(1).recipient()).expect("sound");
        let file_key = FileKey::init_with_mut(|key| key.fill(9));
        let (stanzas, labels) = age::Recipient::wrap_file_key(&recipient, &file_key).expect("wraps");
        assert!(labels.contains("postquantum"));
        let unwrap = |seed, change: fn(&mut Stanza)| {
            let mut stanza =
                Stanza { tag: stanzas[0].tag.clone(), args: stanzas[0].args.clone(), body: stanzas[0].body.clone() };
            change(&mut stanza);
            age::Identity::unwrap_stanza(&identity(seed), &stanza)
        };
        assert!(matches!(unwrap(1, |_| ()), Some(Ok(key)) if key.expose_secret() == &[9; FILE_KEY_BYTES]));
        assert!(unwrap(2, |_| ()).is_none());
        assert!(unwrap(1, |stanza| stanza.tag.push('x')).is_none());
        for change in [
            |stanza: &mut Stanza| stanza.args.clear(),
            |stanza: &mut Stanza| stanza.args.push(String::new()),
            |stanza: &mut Stanza| stanza.args[0].truncate(100),
            |stanza: &mut Stanza| stanza.body.push(0),
        ] {
            assert!(matches!(unwrap(1, change), Some(Err(DecryptError::InvalidHeader))));
        }
    }
}
