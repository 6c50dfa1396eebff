//! Secrets from bundles and manifests.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::sealed_secret::{EntropySource, SealingCertificate, seal};
use super::{
    Delivered, DeliveredForm, DeliveryContext, DeliverySources, ObjectName, Outline, SecretDelivery, outline,
    sealed_secret,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::files::{FileKind, InputQuery};
use crate::layer::Tree;
use crate::manifest::Manifest;
use crate::name::EnvironmentName;
use crate::object::{Object, ObjectKind, RenderedObject};
use crate::resolve::ResolvedBytes;
use crate::sort::CollectSorted;

/// Context string that separates this use of the layers' keys from others.
const PURPOSE: &[u8] = b"septum: the keys of a SealedSecret, version 1";

/// Whether a Secret has values to protect; a Secret that the cluster fills in has none, and empty values have no
/// ciphertext.
pub(super) fn has_values(object: &RenderedObject) -> bool {
    match object {
        RenderedObject::Bundle(object) => {
            object.data.values().any(|value| !value.bytes().is_empty()) || !object.is_known()
        }
        RenderedObject::Manifest(manifest, _) => {
            let fields = ["data", "stringData"].into_iter().filter_map(|field| manifest.tree.get(field)?.as_map());
            let is_empty = |value: &Tree| value.as_text().is_some_and(str::is_empty);
            fields.flat_map(|map| map.values()).any(|value| !is_empty(value))
        }
    }
}

/// Whether a Secret has keys, whatever their values.
fn has_keys(object: &RenderedObject) -> bool {
    match object {
        RenderedObject::Bundle(object) => !object.data.is_empty() || !object.is_known(),
        RenderedObject::Manifest(manifest, _) => {
            let mut fields = ["data", "stringData"].into_iter().filter_map(|field| manifest.tree.get(field)?.as_map());
            fields.any(|map| !map.is_empty())
        }
    }
}

/// Secrets, each sealed for a controller.
pub(super) struct SealedDelivery;

impl SecretDelivery for SealedDelivery {
    fn convert_secrets(
        &self,
        secrets: Vec<RenderedObject>,
        way: &DeliveryContext<'_>,
        problems: &mut Diagnostics,
    ) -> Vec<Delivered> {
        if secrets.is_empty() {
            return Vec::new();
        }
        let Some((told, certificate)) = problems_of(sealing_certificate(way), problems) else { return Vec::new() };
        problems.extend(told);
        let mut unstable = false;
        let mut delivered = Vec::with_capacity(secrets.len());
        for secret in secrets {
            let environment = secret.environment().clone();
            let has_key = way.definition.naming_key().is_some();
            let outline = (!has_key || !secret.is_known()).then(|| sealed_outline(&secret, way));
            let mut plain = Delivered::plain(secret);
            plain.id = sealed_name(plain.id);
            let form = match plain.form {
                DeliveredForm::Plain(secret) => {
                    let object = match object_of(*secret) {
                        Ok(object) => object,
                        Err(problem) => {
                            problems.push(problem);
                            continue;
                        }
                    };
                    let Some(manifest) = problems.take(seal_one(&object, &certificate, way)) else { continue };
                    unstable |= !has_key;
                    DeliveredForm::Plain(Box::new(RenderedObject::Manifest(manifest, environment)))
                }
                other => other,
            };
            delivered.push(Delivered { form, outline, ..plain });
        }
        problems.extend(unstable.then(|| not_stable(way)));
        delivered
    }

    /// As kubeseal does, which also seals empty values: the controller then owns the Secret from the start.
    fn applies_to(&self, secret: &RenderedObject) -> bool {
        has_keys(secret)
    }

    fn name_secret(&self, id: ObjectName) -> ObjectName {
        sealed_name(id)
    }

    fn input_queries(&self, sources: &DeliverySources<'_>) -> Vec<InputQuery> {
        let certificate = &sources.definition.delivery.certificate;
        certificate.iter().map(|path| InputQuery::File(path.value.clone())).collect()
    }

    /// The certificate.
    fn describe_terms(&self, way: &DeliveryContext<'_>, _: &ObjectName) -> Vec<String> {
        let path = way.definition.delivery.certificate.as_ref();
        let certificate = path.and_then(|path| way.files.output_content(&path.value));
        vec![format!("{:x}", Sha256::digest(certificate.as_deref().unwrap_or_default()))]
    }
}

/// Outline of the SealedSecret of a Secret, without its values.
fn sealed_outline(secret: &RenderedObject, way: &DeliveryContext<'_>) -> Outline {
    match secret {
        RenderedObject::Bundle(object) => outline_of(object, object.data.keys().chain(object.unknown.keys()), way),
        RenderedObject::Manifest(manifest, environment) => {
            let object = of_manifest(manifest, environment.clone(), BTreeMap::new());
            outline_of(&object, keys_of(manifest), way)
        }
    }
}

fn outline_of<'a>(object: &Object, keys: impl Iterator<Item = &'a String>, way: &DeliveryContext<'_>) -> Outline {
    let keys = keys.collect_set();
    let values: Vec<_> = keys.into_iter().map(|key| (key.as_str(), outline::SEALED.to_owned())).collect();
    let tree = sealed_secret::sealed_manifest(object, way.definition.delivery.scope(), &values);
    Outline::new(crate::yaml::write::write_document(&tree.to_value()))
}

/// Identity of the SealedSecret of a Secret.
fn sealed_name(id: ObjectName) -> ObjectName {
    ObjectName { kind: "SealedSecret".to_owned(), group: "bitnami.com".to_owned(), ..id }
}

fn problems_of<T>(result: Result<T, Diagnostics>, problems: &mut Diagnostics) -> Option<T> {
    result.map_err(|found| problems.extend(found)).ok()
}

/// Certificate that Secrets are sealed for.
fn sealing_certificate(way: &DeliveryContext<'_>) -> Result<(Option<Diagnostic>, SealingCertificate), Diagnostics> {
    let delivery = &way.definition.delivery;
    let Some(path) = &delivery.certificate else {
        let error = Diagnostic::error(Rule::Delivery, "`secrets: sealed-secret` requires a certificate")
            .note("Secrets are sealed with the certificate of the controller")
            .hint("fetch it with `kubeseal --fetch-cert > cert.pem`, and set `delivery: { certificate: cert.pem }`");
        return Err(at_form(error, way).into());
    };
    let at = |problem: Diagnostic| if problem.labels.is_empty() { problem.at(path.place.clone()) } else { problem };
    let source = way.files.read_text(FileKind::Certificate, &path.value).map_err(at)?;
    let certificate = SealingCertificate::read(&source).map_err(at)?;
    Ok((way.day.and_then(|day| certificate.check(&path.place, day)), certificate))
}

fn seal_one(
    object: &Object,
    certificate: &SealingCertificate,
    way: &DeliveryContext<'_>,
) -> Result<Manifest, Diagnostic> {
    let definition = way.definition;
    let parts = [definition.environment.as_str(), definition.app.as_str()];
    let key = definition.naming_key().map(|key| key.derive_key(PURPOSE, &parts));
    let fill = key.as_ref().map(|key| |context: &[&[u8]], out: &mut [u8]| key.fill_bytes(context, out));
    let entropy = match &fill {
        Some(fill) => EntropySource::Derived(fill),
        None => EntropySource::System,
    };
    seal(object, certificate, definition.delivery.scope(), &entropy).map_err(|problem| at_form(problem, way))
}

/// Adds the location of the setting that requests sealing.
fn at_form(problem: Diagnostic, way: &DeliveryContext<'_>) -> Diagnostic {
    match &way.definition.delivery.secrets {
        Some(form) => problem.at(form.place.clone()),
        None => problem,
    }
}

/// Warning: sealed values change on every run.
fn not_stable(way: &DeliveryContext<'_>) -> Diagnostic {
    let environment = &way.definition.environment;
    let warning =
        Diagnostic::warning(Rule::UnstableCiphertext, format!("sealed values of `{environment}` change on every run"))
            .note(format!(
                "no layer of `{environment}` is encrypted, so no key is available to derive them deterministically"
            ))
            .hint(format!("encrypt the secrets: `septum set {environment} KEY` stores one in an encrypted layer"));
    at_form(warning, way)
}

/// Converts a Secret to an object of a bundle.
fn object_of(secret: RenderedObject) -> Result<Object, Diagnostic> {
    match secret {
        RenderedObject::Bundle(object) => Ok(object),
        RenderedObject::Manifest(manifest, environment) => {
            let data = data_of(&manifest)?;
            Ok(of_manifest(&manifest, environment, data))
        }
    }
}

/// Keys of a Secret.
fn keys_of(manifest: &Manifest) -> impl Iterator<Item = &String> {
    let fields = ["data", "stringData"].into_iter().filter_map(|field| manifest.tree.get(field)?.as_map());
    fields.flat_map(|map| map.keys())
}

fn of_manifest(manifest: &Manifest, environment: EnvironmentName, data: BTreeMap<String, ResolvedBytes>) -> Object {
    let texts = |field: &str| -> BTreeMap<String, String> {
        let map = manifest.tree.at(&["metadata", field]).and_then(Tree::as_map);
        let pairs = map.into_iter().flatten();
        pairs.filter_map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned()))).collect_map()
    };
    let text = |field: &str| manifest.tree.get(field).and_then(Tree::as_text);
    Object {
        kind: ObjectKind::Secret,
        name: manifest.name.clone(),
        base_name: manifest.name.clone(),
        namespace: manifest.namespace.clone(),
        labels: texts("labels"),
        annotations: texts("annotations"),
        secret_type: Some(text("type").unwrap_or("Opaque").to_owned()),
        immutable: text("immutable") == Some("true"),
        data,
        unknown: BTreeMap::new(),
        is_named: true,
        environment,
    }
}

/// Values of a Secret; `stringData` takes precedence, as in the cluster.
fn data_of(manifest: &Manifest) -> Result<BTreeMap<String, ResolvedBytes>, Diagnostic> {
    let mut data = BTreeMap::new();
    for (key, value) in manifest.tree.get("data").and_then(Tree::as_map).into_iter().flatten() {
        let packed: String = value.as_text().unwrap_or_default().split_whitespace().collect();
        let bytes = STANDARD.decode(packed).map_err(|_| {
            let message = format!("`data.{key}` of {} is not valid base64", manifest.label());
            Diagnostic::error(Rule::InvalidManifest, message)
                .at_masked(value.place.clone())
                .hint("encode the value, or move it to `stringData`")
        })?;
        data.insert(key.clone(), ResolvedBytes::File(bytes.into()));
    }
    for (key, value) in manifest.tree.get("stringData").and_then(Tree::as_map).into_iter().flatten() {
        data.insert(key.clone(), ResolvedBytes::File(value.as_text().unwrap_or_default().as_bytes().into()));
    }
    Ok(data)
}
