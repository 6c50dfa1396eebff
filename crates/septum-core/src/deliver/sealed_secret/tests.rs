use std::collections::BTreeMap;
use std::sync::LazyLock;

use hmac::{Hmac, Mac as _};
use rsa::oaep::DecryptingKey;
use rsa::traits::Decryptor as _;
use rsa::{BoxedUint, PrivateKey};

use super::*;
use crate::map::HashSet;
use crate::object::{ObjectKind, pem};
use crate::resolve::ResolvedBytes;
use crate::span::Source;
use crate::yaml;

const SCOPES: [SealScope; 3] = [SealScope::Strict, SealScope::NamespaceWide, SealScope::ClusterWide];

/// Secret `shop/db-abc` of the bundle `db`.
fn secret(values: &[(&str, &[u8])]) -> Object {
    Object {
        kind: ObjectKind::Secret,
        name: "db-abc".to_owned(),
        base_name: "db".to_owned(),
        namespace: Some("shop".to_owned()),
        labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        annotations: BTreeMap::from([("note".to_owned(), "b".to_owned())]),
        secret_type: Some("Opaque".to_owned()),
        immutable: false,
        data: values.iter().map(|(key, value)| ((*key).to_owned(), ResolvedBytes::File((*value).into()))).collect(),
        unknown: BTreeMap::new(),
        is_named: true,
        environment: "prod".into(),
    }
}

fn certificate(text: &str) -> SealingCertificate {
    SealingCertificate::read(&Source::new("cert.pem", text)).unwrap()
}

static CERTIFICATE: LazyLock<SealingCertificate> =
    LazyLock::new(|| certificate(include_str!("../../../../../tests/vectors/tls/rsa.crt")));

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    let blocks = pem::parse_blocks(include_str!("../../../../../tests/vectors/tls/rsa.pkcs1.key"));
    let der = blocks[0].bytes.as_ref().unwrap();
    let key = pkcs1::RsaPrivateKey::try_from(der.as_slice()).unwrap();
    let number = |number: pkcs1::UintRef<'_>| BoxedUint::from_be_slice_vartime(number.as_bytes());
    let primes = vec![number(key.prime1), number(key.prime2)];
    PrivateKey::from_components(number(key.modulus), number(key.public_exponent), number(key.private_exponent), primes)
        .unwrap()
});

/// Derives bytes like the key of a layer does: every part with its length.
fn derived(context: &[&[u8]], out: &mut [u8]) {
    let mut mac = <Hmac<sha2::Sha256> as hmac::Mac>::new_from_slice(b"a key of a test").unwrap();
    for part in context {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    out.copy_from_slice(&mac.finalize().into_bytes());
}

const DERIVED: EntropySource<'static> = EntropySource::Derived(&derived);

/// Values of a SealedSecret, in base64.
fn encrypted(manifest: &Manifest) -> BTreeMap<String, String> {
    let data = manifest.tree.at(&["spec", "encryptedData"]).and_then(Tree::as_map).unwrap();
    data.iter().map(|(key, value)| (key.clone(), value.as_text().unwrap().to_owned())).collect()
}

/// Key of a value, and its ciphertext.
fn unwrap(blob: &str, label: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let blob = STANDARD.decode(blob).unwrap();
    let (length, rest) = blob.split_first_chunk().unwrap();
    let (wrapped, ciphertext) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
    let key = DecryptingKey::<Sha256>::new_with_label(KEY.clone(), label.as_bytes());
    Some((key.decrypt(wrapped).ok()?, ciphertext.to_vec()))
}

fn unseal(blob: &str, label: &str) -> Option<Vec<u8>> {
    let (session, mut data) = unwrap(blob, label)?;
    assert_eq!(session.len(), LENGTH);
    let tag = data.split_off(data.len() - 16);
    let cipher = Aes256Gcm::new(GenericArray::from_slice(&session));
    let (nonce, tag) = (GenericArray::default(), GenericArray::from_slice(&tag));
    cipher.decrypt_in_place_detached(&nonce, b"", &mut data, tag).ok()?;
    Some(data)
}

fn text(manifest: &Manifest) -> String {
    let mut out = String::new();
    yaml::write::append_document(&mut out, &manifest.tree.to_value());
    out
}

#[test]
fn a_value_opens_with_the_label_of_its_scope_and_with_no_other() {
    let values: [(&str, &[u8]); 4] = [("a", b"hunter2"), ("b", b""), ("c", &[0, 159, 146, 150]), ("d", &[7; 9_000])];
    let labels = ["shop/db-abc", "shop", ""];
    for (scope, label) in SCOPES.into_iter().zip(labels) {
        for entropy in [EntropySource::System, DERIVED] {
            let sealed = encrypted(&seal(&secret(&values), &CERTIFICATE, scope, &entropy).unwrap());
            assert_eq!(sealed.len(), values.len());
            for (key, value) in values {
                let blob = &sealed[key];
                // length of the ciphertext of a 2048-bit RSA key
                assert!(blob.starts_with("AQ"), "{blob}");
                assert_eq!(unseal(blob, label).as_deref(), Some(value), "{scope:?} {key}");
                for other in labels.into_iter().chain(["shopdb-abc", "shop/db"]).filter(|other| *other != label) {
                    assert_eq!(unseal(blob, other), None, "{scope:?} {key} {other}");
                }
            }
        }
    }
}

#[test]
fn the_manifest_says_what_the_secret_will_be() {
    let mut secret = secret(&[("z", b"1"), ("a", b"2")]);
    secret.immutable = true;
    for (scope, annotation) in SCOPES.into_iter().zip([None, Some("namespace-wide"), Some("cluster-wide")]) {
        let manifest = seal(&secret, &CERTIFICATE, scope, &DERIVED).unwrap();
        let masked: String = text(&manifest)
            .lines()
            .map(|line| line.split_once(": \"AQ").map_or_else(|| format!("{line}\n"), |(key, _)| format!("{key}: …\n")))
            .collect();
        let annotation = annotation.map(|word| format!("sealedsecrets.bitnami.com/{word}: \"true\"\n"));
        let metadata = |indent: &str| {
            let annotation = annotation.as_ref().map(|line| format!("{indent}    {line}")).unwrap_or_default();
            format!(
                "{indent}  annotations:\n{indent}    note: b\n{annotation}{indent}  labels:\n{indent}    team: a\n\
                 {indent}  name: db-abc\n{indent}  namespace: shop\n"
            )
        };
        let expected = format!(
            "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n{}spec:\n  encryptedData:\n    a: …\n    \
             z: …\n  template:\n    immutable: true\n    metadata:\n{}    type: Opaque\n",
            metadata(""),
            metadata("    "),
        );
        assert_eq!(masked, expected, "{scope:?}");
    }
}

#[test]
fn a_namespace_is_needed_but_for_the_whole_cluster() {
    let mut secret = secret(&[("a", b"1")]);
    secret.namespace = None;
    let manifest = seal(&secret, &CERTIFICATE, SealScope::ClusterWide, &DERIVED).unwrap();
    assert_eq!((manifest.namespace.as_deref(), text(&manifest).contains("namespace:")), (None, false));
    assert_eq!(unseal(&encrypted(&manifest)["a"], "").as_deref(), Some(&b"1"[..]));
    for scope in [SealScope::Strict, SealScope::NamespaceWide] {
        let error = seal(&secret, &CERTIFICATE, scope, &DERIVED).unwrap_err();
        let expected = "the Secret `db-abc` has no namespace, which sealing requires";
        assert_eq!((error.rule.id(), error.message.as_str()), ("delivery", expected));
    }
}

#[test]
fn nothing_to_seal_is_an_error() {
    let error = seal(&secret(&[]), &CERTIFICATE, SealScope::Strict, &DERIVED).unwrap_err();
    assert_eq!((error.rule.id(), error.message.as_str()), ("delivery", "the Secret `db-abc` has no values to seal"));
}

#[test]
fn no_annotation_may_ask_for_another_scope() {
    // expected behaviour of the controller: `labelFor` in `crypto.go`
    for (annotation, value, fine) in [
        (NAMESPACE_WIDE, "true", [false, true, false]),
        (NAMESPACE_WIDE, "false", [true, false, true]),
        (CLUSTER_WIDE, "true", [false, false, true]),
        (CLUSTER_WIDE, "", [true, true, false]),
    ] {
        let mut secret = secret(&[("a", b"1")]);
        secret.annotations.insert(annotation.to_owned(), value.to_owned());
        for (scope, fine) in SCOPES.into_iter().zip(fine) {
            let sealed = seal(&secret, &CERTIFICATE, scope, &DERIVED);
            assert_eq!(sealed.is_ok(), fine, "{annotation}: {value}, {scope:?}");
        }
    }
}

#[test]
fn what_is_the_same_is_sealed_to_the_same_bytes_and_a_change_to_one_line() {
    let values: [(&str, &[u8]); 3] = [("a", b"1"), ("b", b"2"), ("c", b"1")];
    let seal = |values: &[(&str, &[u8])], entropy: &EntropySource<'_>| {
        text(&seal(&secret(values), &CERTIFICATE, SealScope::Strict, entropy).unwrap())
    };
    let first = seal(&values, &DERIVED);
    for _ in 0..20 {
        assert_eq!(seal(&values, &DERIVED), first);
    }
    let second = seal(&[("a", b"1"), ("b", b"3"), ("c", b"1")], &DERIVED);
    let changed: Vec<_> = first.lines().zip(second.lines()).filter(|(old, new)| old != new).collect();
    assert!(changed.len() == 1 && changed[0].0.trim().starts_with("b: "), "{changed:?}");
    assert_ne!(seal(&values, &EntropySource::System), seal(&values, &EntropySource::System));
}

#[test]
fn no_two_values_share_a_key() {
    let mut others = vec![secret(&[("a", b"1"), ("b", b"1"), ("a1", b""), ("ab", b"2")])];
    let mut change = |how: fn(&mut Object)| {
        let mut other = secret(&[("a", b"1")]);
        how(&mut other);
        others.push(other);
    };
    change(|other| other.name = "db-def".to_owned());
    change(|other| other.base_name = "cache".to_owned());
    change(|other| other.namespace = Some("shop2".to_owned()));
    change(|other| other.data = BTreeMap::from([("a".to_owned(), ResolvedBytes::File(b"2".as_slice().into()))]));
    let mut renewed = CERTIFICATE.clone();
    renewed.fingerprint = [1; 32];
    let mut seen = HashSet::default();
    let mut count = 0;
    let mut draw = |secret: &Object, certificate: &SealingCertificate, scope, entropy: &EntropySource<'_>| {
        let manifest = seal(secret, certificate, scope, entropy).unwrap();
        let label = encryption_label(scope, secret.namespace.as_deref().unwrap(), &secret.name);
        for blob in encrypted(&manifest).values() {
            seen.insert(unwrap(blob, &label).unwrap().0);
            count += 1;
        }
    };
    for other in &others {
        draw(other, &CERTIFICATE, SealScope::Strict, &DERIVED);
    }
    draw(&others[0], &CERTIFICATE, SealScope::NamespaceWide, &DERIVED);
    draw(&others[0], &CERTIFICATE, SealScope::ClusterWide, &DERIVED);
    draw(&others[0], &renewed, SealScope::Strict, &DERIVED);
    draw(&others[0], &CERTIFICATE, SealScope::Strict, &EntropySource::System);
    draw(&others[0], &CERTIFICATE, SealScope::Strict, &EntropySource::System);
    assert_eq!((seen.len(), count), (28, 28));
}

#[test]
fn a_seed_is_given_once_and_whole() {
    let mut seed = SeedRng(Some(SealKeyBytes::new([7; LENGTH])));
    assert!(seed.try_next_u32().is_err() && seed.try_next_u64().is_err());
    let mut out = [0; LENGTH];
    seed.try_fill_bytes(&mut out).unwrap();
    assert_eq!(out, [7; LENGTH]);
    assert!(seed.try_fill_bytes(&mut out).is_err());
    assert!(SeedRng(Some(SealKeyBytes::new([7; LENGTH]))).try_fill_bytes(&mut [0; 16]).is_err());
}
