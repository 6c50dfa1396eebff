//! SealedSecrets (`bitnami.com/v1alpha1`): values that only a controller in the cluster opens.
//!
//! Each value has a key of its own, which is encrypted for the controller with RSA-OAEP, and encrypts the
//! value with AES-256-GCM (`pkg/crypto/crypto.go` of sealed-secrets). The nonce is zero, so a key must
//! never be used for two values: it is random, or follows from all that it is for.

use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::{AeadInPlace as _, Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::oaep::EncryptingKey;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::RandomizedEncryptor as _;
use zeroize::Zeroizing;

pub use super::certificate::Certificate;
use crate::diagnostic::Diagnostic;
use crate::layer::{SealScope, Tree};
use crate::manifest::Manifest;
use crate::object::Object;
use crate::span::Place;

const API_VERSION: &str = "bitnami.com/v1alpha1";

/// The length of the key of a value, and of the seed of OAEP with SHA-256.
const LENGTH: usize = 32;

/// Where keys and seeds come from.
pub enum Entropy<'a> {
    /// The system.
    System,
    /// A secret: the same bytes for the same context, and others for any other.
    Derived(&'a Fill<'a>),
}

/// Fills bytes that follow from a context.
pub type Fill<'a> = dyn Fn(&[&[u8]], &mut [u8]) + 'a;

impl Entropy<'_> {
    fn bytes(&self, context: &[&[u8]]) -> Option<Zeroizing<[u8; LENGTH]>> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        match self {
            Self::System => getrandom::getrandom(bytes.as_mut()).ok()?,
            Self::Derived(fill) => fill(context, bytes.as_mut()),
        }
        Some(bytes)
    }
}

/// Seals a Secret.
///
/// Errors: it has no namespace, which its values are bound to; the system has no randomness to give.
pub fn seal(
    secret: &Object,
    certificate: &Certificate,
    scope: SealScope,
    entropy: &Entropy<'_>,
) -> Result<Manifest, Diagnostic> {
    let namespace = secret.namespace.as_deref();
    if namespace.is_none() && scope != SealScope::ClusterWide {
        let message =
            format!("the Secret `{}` has no namespace, which its sealed values would be bound to", secret.name);
        return Err(Diagnostic::error("delivery", message)
            .hint("write `namespace: NAME` in a layer")
            .hint("or `delivery: { scope: cluster-wide }`, so that whoever has the values can use them anywhere"));
    }
    let label = label(scope, namespace.unwrap_or_default(), &secret.name);
    let mut sealed = Vec::with_capacity(secret.data.len());
    for (key, value) in &secret.data {
        let value = sealed_value(certificate, &label, key, value.bytes(), entropy);
        let value = value.ok_or_else(|| Diagnostic::error("delivery", "the system has no randomness to seal with"))?;
        sealed.push((key.as_str(), value));
    }
    Manifest::of(manifest(secret, scope, &sealed))
}

/// What the values are bound to (`EncryptionLabel` in `sealedsecret_expansion.go`).
fn label(scope: SealScope, namespace: &str, name: &str) -> String {
    match scope {
        SealScope::Strict => format!("{namespace}/{name}"),
        SealScope::NamespaceWide => namespace.to_owned(),
        SealScope::ClusterWide => String::new(),
    }
}

/// `length of the encrypted key (u16, big-endian) || encrypted key || ciphertext`, in base64.
fn sealed_value(
    certificate: &Certificate,
    label: &str,
    key: &str,
    value: &[u8],
    entropy: &Entropy<'_>,
) -> Option<String> {
    let context = |purpose: &'static [u8]| -> [&[u8]; 5] {
        // all that goes into the ciphertext: equal contexts give equal bytes, and no others the same key
        [purpose, &certificate.fingerprint, label.as_bytes(), key.as_bytes(), value]
    };
    let session = entropy.bytes(&context(b"key"))?;
    let seed = entropy.bytes(&context(b"seed"))?;
    let for_controller = EncryptingKey::<rsa::sha2::Sha256>::new_with_label(certificate.key.clone(), label.as_bytes());
    let wrapped = for_controller.encrypt_with_rng(&mut Seed(Some(seed)), session.as_slice()).ok()?;
    let cipher = Aes256Gcm::new(GenericArray::from_slice(session.as_slice()));
    let mut ciphertext = Zeroizing::new(value.to_vec());
    let nonce = GenericArray::default();
    let tag = cipher.encrypt_in_place_detached(&nonce, b"", &mut ciphertext).ok()?;
    let length = u16::try_from(wrapped.len()).ok()?.to_be_bytes();
    Some(STANDARD.encode([&length[..], &wrapped, &ciphertext, &tag].concat()))
}

/// Gives a seed once: OAEP draws nothing else.
struct Seed(Option<Zeroizing<[u8; LENGTH]>>);

impl TryRng for Seed {
    type Error = std::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Err(std::fmt::Error)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Err(std::fmt::Error)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        let seed = self.0.take().filter(|seed| seed.len() == out.len()).ok_or(std::fmt::Error)?;
        out.iter_mut().zip(seed.iter()).for_each(|(slot, byte)| *slot = *byte);
        Ok(())
    }
}

impl TryCryptoRng for Seed {}

/// The object, with the metadata of the Secret as its own and as that of the Secret that will be made. The
/// controller takes the scope from its own annotations; kubeseal writes it in both places.
fn manifest(secret: &Object, scope: SealScope, sealed: &[(&str, String)]) -> Tree {
    let place = Place::nowhere();
    let text = |text: &str| Tree::text(text, &place);
    let texts = |pairs: Vec<(&str, &str)>| Tree::map(pairs.into_iter().map(|(key, value)| (key, text(value))), &place);
    let mut annotations: Vec<_> =
        secret.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    annotations.extend(annotation(scope).map(|key| (key, "true")));
    annotations.sort_unstable();
    let labels: Vec<_> = secret.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let metadata = || {
        let mut fields = Vec::new();
        if !annotations.is_empty() {
            fields.push(("annotations", texts(annotations.clone())));
        }
        if !labels.is_empty() {
            fields.push(("labels", texts(labels.clone())));
        }
        fields.push(("name", text(&secret.name)));
        fields.extend(secret.namespace.as_deref().map(|namespace| ("namespace", text(namespace))));
        Tree::map(fields, &place)
    };
    let mut template = vec![("metadata", metadata())];
    if secret.immutable {
        template.push(("immutable", Tree::literal("true", &place)));
    }
    template.extend(secret.secret_type.as_deref().map(|secret_type| ("type", text(secret_type))));
    let encrypted = sealed.iter().map(|(key, value)| (*key, text(value)));
    let spec = [("encryptedData", Tree::map(encrypted, &place)), ("template", Tree::map(template, &place))];
    Tree::map(
        [
            ("apiVersion", text(API_VERSION)),
            ("kind", text("SealedSecret")),
            ("metadata", metadata()),
            ("spec", Tree::map(spec, &place)),
        ],
        &place,
    )
}

fn annotation(scope: SealScope) -> Option<&'static str> {
    match scope {
        SealScope::Strict => None,
        SealScope::NamespaceWide => Some("sealedsecrets.bitnami.com/namespace-wide"),
        SealScope::ClusterWide => Some("sealedsecrets.bitnami.com/cluster-wide"),
    }
}
