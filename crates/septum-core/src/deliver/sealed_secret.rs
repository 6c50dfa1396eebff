//! SealedSecrets (`bitnami.com/v1alpha1`): values that only a controller in the cluster can decrypt.
//!
//! Each value has a key of its own, which is encrypted for the controller with RSA-OAEP, and encrypts the value with
//! AES-256-GCM (`pkg/crypto/crypto.go` of sealed-secrets). The nonce is zero, so a key must never be used for two
//! values: it is random, or derived from all inputs of the ciphertext. With derived keys an unchanged value keeps its
//! ciphertext, and the history of a repository shows when it changed and whether it was restored, but nothing of its
//! content.

use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::{AeadInPlace as _, Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::oaep::EncryptingKey;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::sha2::Sha256;
use rsa::traits::RandomizedEncryptor as _;
use zeroize::Zeroizing;

pub use super::certificate::SealingCertificate;
use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::{SealScope, Tree};
use crate::manifest::Manifest;
use crate::object::Object;
use crate::sort::sort;
use crate::span::Location;

const API_VERSION: &str = "bitnami.com/v1alpha1";

/// Annotations that set the scope for the controller, if `true`; the second wins.
const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";
const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";

/// Length in bytes of the key of a value, and of the seed of OAEP with SHA-256.
const LENGTH: usize = 32;

/// Key of a value, or a seed. Wiped when dropped.
type SealKeyBytes = Zeroizing<[u8; LENGTH]>;

/// Fills bytes derived from a secret and a context, which is distinguished from all others by its parts.
pub type DeriveBytes<'a> = &'a dyn Fn(&[&[u8]], &mut [u8]);

/// Source of keys and seeds.
pub enum EntropySource<'a> {
    /// The random generator of the system.
    System,
    /// A secret: the same bytes for the same context, and different ones for any other.
    Derived(DeriveBytes<'a>),
}

impl EntropySource<'_> {
    /// Bytes for a context; `None` if the system has no randomness available.
    fn bytes(&self, context: &[&[u8]]) -> Option<SealKeyBytes> {
        let mut bytes = SealKeyBytes::new([0; LENGTH]);
        match self {
            Self::System => getrandom::getrandom(bytes.as_mut()).ok()?,
            Self::Derived(fill) => fill(context, bytes.as_mut()),
        }
        Some(bytes)
    }
}

/// Seals a Secret.
///
/// Errors: it has no values, or no namespace, which they are bound to; one of its annotations sets another scope
/// (`delivery`); the system has no randomness available (`no-randomness`).
pub fn seal(
    secret: &Object,
    certificate: &SealingCertificate,
    scope: SealScope,
    entropy: &EntropySource<'_>,
) -> Result<Manifest, Diagnostic> {
    check_secret(secret, scope)?;
    let label = encryption_label(scope, secret.namespace.as_deref().unwrap_or_default(), &secret.name);
    let sealing = SealContext {
        secret,
        fingerprint: &certificate.fingerprint,
        key: EncryptingKey::new_with_label(certificate.key.clone(), label.as_bytes()),
        label: &label,
        entropy,
    };
    let mut sealed = Vec::with_capacity(secret.data.len());
    for (key, value) in &secret.data {
        sealed.push((key.as_str(), sealing.seal(key, value.bytes())?));
    }
    Manifest::of(sealed_manifest(secret, scope, &sealed))
}

/// Rejects Secrets that kubeseal rejects, and those that no controller could decrypt.
fn check_secret(secret: &Object, scope: SealScope) -> Result<(), Diagnostic> {
    let name = &secret.name;
    if secret.data.is_empty() {
        let message = format!("the Secret `{name}` has no values to seal");
        return Err(Diagnostic::error(Rule::Delivery, message).hint("add values, or remove the Secret"));
    }
    if secret.namespace.is_none() && scope != SealScope::ClusterWide {
        let message = format!("the Secret `{name}` has no namespace, which sealing requires");
        return Err(Diagnostic::error(Rule::Delivery, message).hint("set `namespace: NAME` in a layer").hint(
            "or set `delivery: { scope: cluster-wide }`, which makes the sealed values usable in any namespace",
        ));
    }
    for key in [NAMESPACE_WIDE, CLUSTER_WIDE] {
        // the controller only checks this value, and would not derive the label that was used for sealing
        let is_asked = secret.annotations.get(key).is_some_and(|value| value == "true");
        let is_ours = scope_annotation(scope) == Some(key);
        if secret.annotations.contains_key(key) && is_asked != is_ours {
            let message = format!("the annotation `{key}` of the Secret `{name}` contradicts the scope of its values");
            return Err(Diagnostic::error(Rule::Delivery, message)
                .note("the controller would use its scope, and fail to decrypt the values")
                .hint("remove it, and set the scope with `delivery: { scope: … }`"));
        }
    }
    Ok(())
}

/// Label that the values are bound to (`EncryptionLabel` in `sealedsecret_expansion.go`).
fn encryption_label(scope: SealScope, namespace: &str, name: &str) -> String {
    match scope {
        SealScope::Strict => format!("{namespace}/{name}"),
        SealScope::NamespaceWide => namespace.to_owned(),
        SealScope::ClusterWide => String::new(),
    }
}

/// Inputs shared by all values of a Secret.
struct SealContext<'a> {
    secret: &'a Object,
    fingerprint: &'a [u8],
    /// Key of the controller, with the label.
    key: EncryptingKey<Sha256>,
    label: &'a str,
    entropy: &'a EntropySource<'a>,
}

impl SealContext<'_> {
    /// Seals a value: `length of the encrypted key (u16, big-endian) || encrypted key || ciphertext`, in base64.
    fn seal(&self, key: &str, value: &[u8]) -> Result<String, Diagnostic> {
        let drawn = self.bytes(b"key", key, value).zip(self.bytes(b"seed", key, value));
        let (session, seed) = drawn.ok_or_else(Diagnostic::no_randomness)?;
        self.seal_with(&session, seed, value).ok_or_else(|| {
            let name = &self.secret.name;
            Diagnostic::error(Rule::Delivery, format!("the value of `{key}` in the Secret `{name}` cannot be sealed"))
        })
    }

    /// Bytes for a value. The context contains all inputs of the ciphertext, so that equal inputs give equal bytes and
    /// no others the same key; and the bundle, so that equal values of two bundles are not recognisable.
    fn bytes(&self, purpose: &[u8], key: &str, value: &[u8]) -> Option<SealKeyBytes> {
        let bundle = self.secret.base_name.as_bytes();
        self.entropy.bytes(&[purpose, self.fingerprint, self.label.as_bytes(), bundle, key.as_bytes(), value])
    }

    /// Seals with a key; `None` for values beyond the limit of AES-GCM, which exceeds the size of any object.
    fn seal_with(&self, session: &SealKeyBytes, seed: SealKeyBytes, value: &[u8]) -> Option<String> {
        let wrapped = self.key.encrypt_with_rng(&mut SeedRng(Some(seed)), session.as_slice()).ok()?;
        let length = u16::try_from(wrapped.len()).ok()?.to_be_bytes();
        let cipher = Aes256Gcm::new(GenericArray::from_slice(session.as_slice()));
        let mut ciphertext = Zeroizing::new(value.to_vec());
        let tag = cipher.encrypt_in_place_detached(&GenericArray::default(), b"", &mut ciphertext).ok()?;
        Some(STANDARD.encode([&length[..], &wrapped, &ciphertext, &tag].concat()))
    }
}

/// Random generator that returns a seed once: OAEP draws nothing else.
struct SeedRng(Option<SealKeyBytes>);

impl TryRng for SeedRng {
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

impl TryCryptoRng for SeedRng {}

/// Builds the object, with the metadata of the Secret both as its own and as that of the generated Secret. The
/// controller reads the scope from its own annotations; kubeseal writes it in both places.
pub(super) fn sealed_manifest(secret: &Object, scope: SealScope, sealed: &[(&str, String)]) -> Tree {
    let place = Location::synthetic();
    let text = |text: &str| Tree::text(text, &place);
    let texts = |pairs: Vec<(&str, &str)>| Tree::map(pairs.into_iter().map(|(key, value)| (key, text(value))), &place);
    let mut annotations: Vec<_> =
        secret.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    annotations.extend(scope_annotation(scope).map(|key| (key, "true")));
    sort(&mut annotations);
    annotations.dedup();
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
    let mut template = Vec::new();
    if secret.immutable {
        template.push(("immutable", Tree::literal("true", &place)));
    }
    template.push(("metadata", metadata()));
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

fn scope_annotation(scope: SealScope) -> Option<&'static str> {
    match scope {
        SealScope::Strict => None,
        SealScope::NamespaceWide => Some(NAMESPACE_WIDE),
        SealScope::ClusterWide => Some(CLUSTER_WIDE),
    }
}

#[cfg(test)]
mod tests;
