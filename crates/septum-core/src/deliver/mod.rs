//! From objects to their delivered form: in plaintext, encrypted, sealed, or as references to a store.
//!
//! | `delivery.secrets` | effect on a Secret |
//! |---|---|
//! | `manifest` | unchanged |
//! | `sops` | its values are encrypted in the format that Flux and `sops --decrypt` read |
//! | `sealed-secret` | it is converted to a SealedSecret |
//!
//! Entries whose values are in a store are delivered as an ExternalSecret or a SecretProviderClass (`delivery.refs`).

mod certificate;
pub mod csi;
pub mod external_secret;
mod outline;
pub mod sealed_secret;
mod secret;
mod sops;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::diagnostic::Diagnostics;
use crate::files::{InputQuery, ProjectFiles};
use crate::layer::{Definition, RefForm, SecretForm, Tree};
use crate::manifest::Manifest;
use crate::name::EnvironmentName;
use crate::object::{Day, ExternalBundle, Fingerprint, Object, RenderedObject, TargetObjects};
use crate::secret::Wiping;
use crate::sops::{Identities, SopsConfigCache, Timestamp};
use crate::sort::sort_by;
use crate::span::Location;

pub use outline::Outline;
pub use sops::secret_encryption;

/// Object in its delivered form.
#[derive(Debug)]
pub struct Delivered {
    /// Identity of the object.
    pub id: ObjectName,
    /// Environment that it was built for.
    pub environment: EnvironmentName,
    /// Delivered form.
    pub form: DeliveredForm,
    /// Manifest that it comes from; synthetic for a bundle.
    pub place: Location,
    /// Fingerprint of an object with unknown values.
    pub fingerprint: Option<Fingerprint>,
    /// Required content besides its values, if the values in the existing file cannot be verified.
    pub outline: Option<Outline>,
}

/// Identity of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// `kind`
    pub kind: String,
    /// `metadata.namespace`; empty if there is none.
    pub namespace: String,
    /// `metadata.name`, without the suffix derived from its values.
    pub base_name: String,
    /// API group; empty for the core group.
    pub group: String,
    /// `metadata.name`
    pub name: String,
}

/// Delivered form of an object.
#[derive(Debug)]
pub enum DeliveredForm {
    /// Unchanged.
    Plain(Box<RenderedObject>),
    /// Encrypted: a YAML document.
    Encrypted(Zeroizing<String>),
    /// Not completely known, without a key or because of an error.
    Unknown(Box<RenderedObject>),
}

/// Identity of an object after applying the delivery form of Secrets, without the suffix of its name.
pub fn name_as(object: &RenderedObject, form: SecretForm) -> ObjectName {
    let id = ObjectName::of(object);
    delivered_name(ObjectName { name: id.base_name.clone(), ..id }, form)
}

/// Identity of a bundle's object after applying the delivery form, without the suffix of its name.
pub fn name_of(object: &Object, form: SecretForm) -> ObjectName {
    let (kind, namespace, _) = object.identity();
    let name = object.base_name.clone();
    let (kind, namespace, group) = (kind.as_str().to_owned(), namespace.to_owned(), String::new());
    delivered_name(ObjectName { kind, namespace, base_name: name.clone(), group, name }, form)
}

fn delivered_name(id: ObjectName, form: SecretForm) -> ObjectName {
    let is_secret = id.kind == "Secret" && id.group.is_empty();
    if is_secret { delivery_of(form).name_secret(id) } else { id }
}

/// A form of delivered Secrets. Each is implemented in its own file, and has a row in [`delivery_of`].
trait SecretDelivery {
    /// Converts the Secrets of a target.
    fn convert_secrets(
        &self,
        secrets: Vec<RenderedObject>,
        way: &DeliveryContext<'_>,
        problems: &mut Diagnostics,
    ) -> Vec<Delivered>;

    /// Whether a Secret is converted; all others are delivered as they are.
    fn applies_to(&self, secret: &RenderedObject) -> bool {
        secret::has_values(secret)
    }

    /// The name of the object that a Secret becomes.
    fn name_secret(&self, id: ObjectName) -> ObjectName {
        id
    }

    /// Disk queries, in addition to those of the objects.
    fn input_queries(&self, _: &DeliverySources<'_>) -> Vec<InputQuery> {
        Vec::new()
    }

    /// Terms that decide how a Secret is delivered, besides its values and the layers.
    fn describe_terms(&self, _: &DeliveryContext<'_>, _: &ObjectName) -> Vec<String> {
        Vec::new()
    }
}

/// The implementation of each form.
fn delivery_of(form: SecretForm) -> &'static dyn SecretDelivery {
    match form {
        SecretForm::Manifest => &PlaintextDelivery,
        SecretForm::Sops => &sops::SopsDelivery,
        SecretForm::SealedSecret => &secret::SealedDelivery,
    }
}

/// Secrets, delivered unchanged.
struct PlaintextDelivery;

impl SecretDelivery for PlaintextDelivery {
    fn convert_secrets(
        &self,
        secrets: Vec<RenderedObject>,
        _: &DeliveryContext<'_>,
        _: &mut Diagnostics,
    ) -> Vec<Delivered> {
        let deliver = |secret: RenderedObject| {
            let outline = (!secret.is_known()).then(|| Outline::new(outline_text(&secret, outline::VALUE)));
            Delivered { outline, ..Delivered::plain(secret) }
        };
        secrets.into_iter().map(deliver).collect()
    }
}

impl Delivered {
    /// The object, if it is delivered unchanged.
    pub fn as_plain(&self) -> Option<&RenderedObject> {
        match &self.form {
            DeliveredForm::Plain(object) => Some(object),
            DeliveredForm::Encrypted(_) | DeliveredForm::Unknown(_) => None,
        }
    }

    /// Delivers an object unchanged.
    pub fn plain(object: RenderedObject) -> Self {
        Self {
            id: ObjectName::of(&object),
            environment: object.environment().clone(),
            fingerprint: object.fingerprint(),
            outline: match &object {
                RenderedObject::Manifest(manifest, _) if !manifest.unknown_checksums.is_empty() => {
                    Some(Outline::new(outline_text(&object, outline::VALUE)))
                }
                RenderedObject::Manifest(..) | RenderedObject::Bundle(_) => None,
            },
            place: match &object {
                RenderedObject::Bundle(_) => Location::synthetic(),
                RenderedObject::Manifest(manifest, _) => manifest.place().clone(),
            },
            form: if object.is_known() {
                DeliveredForm::Plain(Box::new(object))
            } else {
                DeliveredForm::Unknown(Box::new(object))
            },
        }
    }

    /// Whether it is encrypted in the SOPS format.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.form, DeliveredForm::Encrypted(_))
    }

    /// Whether it contains values of a Secret that everybody can read.
    pub fn is_plain_secret(&self) -> bool {
        matches!(&self.form, DeliveredForm::Plain(object) if object.is_secret() && secret::has_values(object))
    }
}

impl ObjectName {
    /// Identity of an object.
    pub fn of(object: &RenderedObject) -> Self {
        let (kind, namespace, name) = object.identity();
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            base_name: object.base_name().to_owned(),
            group: object.group().to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Inputs of a delivery in addition to the objects.
pub struct DeliveryContext<'a> {
    /// Merged definition.
    pub definition: &'a Definition,
    /// File of the environment's secrets: its rule gives the recipients if no other does.
    pub secrets: &'a Path,
    /// Rules of `.sops.yaml`.
    pub rules: &'a SopsConfigCache,
    /// Identities that decrypt existing ciphertext.
    pub identities: &'a Identities,
    /// Files of the project.
    pub files: &'a ProjectFiles,
    /// Path of the file that an object is written to.
    pub path: &'a dyn Fn(&ObjectName) -> PathBuf,
    /// Current content of that file.
    pub committed: &'a dyn Fn(&ObjectName) -> Option<Wiping<Vec<u8>>>,
    /// Time of encryption.
    pub now: Timestamp,
    /// Date at which certificates must be valid.
    pub day: Option<Day>,
}

/// Sources of a delivery of Secrets to files in a directory.
pub struct DeliverySources<'a> {
    /// Definition from the layers.
    pub definition: &'a Definition,
    /// The directory of the files.
    pub directory: &'a Path,
    /// The file of the environment's secrets.
    pub secrets: &'a Path,
    /// The files of the project.
    pub files: &'a ProjectFiles,
}

impl DeliverySources<'_> {
    /// Disk queries of the delivery.
    pub fn input_queries(&self) -> Vec<InputQuery> {
        delivery_of(self.definition.delivery.secrets()).input_queries(self)
    }
}

/// Inputs other than its values that decide how a Secret is delivered, available without a key: its recipients, and its
/// layers.
pub fn delivery_context(way: &DeliveryContext<'_>, id: &ObjectName) -> Vec<u8> {
    let definition = way.definition;
    let delivery = &definition.delivery;
    let mut parts = vec![definition.environment.as_str().to_owned(), definition.app.as_str().to_owned()];
    let naming = definition.naming(&id.base_name);
    parts.push(format!("{:?} {:?} {naming:?}", delivery.secrets(), delivery.scope()));
    if !definition.affixes.is_empty() {
        parts.push(definition.affixes.apply(&id.base_name));
    }
    parts.extend(delivery_of(delivery.secrets()).describe_terms(way, id));
    for (source, wrapping) in definition.all_wrappings() {
        parts.push(source.name().to_owned());
        parts.extend(wrapping.iter().map(|byte| format!("{byte:02x}")));
    }
    parts.join("\n").into_bytes()
}

/// Delivers the objects of a target, in the order in which they are written.
pub fn deliver(objects: TargetObjects, way: &DeliveryContext<'_>, problems: &mut Diagnostics) -> Vec<Delivered> {
    let refs = objects.external.into_iter().filter_map(|part| deliver_refs(&part, way.definition, problems));
    let refs: Vec<_> =
        refs.map(|manifest| RenderedObject::Manifest(manifest, way.definition.environment.clone())).collect();
    let delivery = delivery_of(way.definition.delivery.secrets());
    let (secrets, others): (Vec<_>, Vec<_>) =
        objects.whole.into_iter().partition(|object| object.is_secret() && delivery.applies_to(object));
    let mut delivered: Vec<_> = others.into_iter().chain(refs).map(Delivered::plain).collect();
    delivered.extend(delivery.convert_secrets(secrets, way, problems));
    sort_by(&mut delivered, |a, b| sort_key(a).cmp(&sort_key(b)));
    delivered
}

/// Text of an object with a mark in place of each value that is unknown.
fn outline_text(secret: &RenderedObject, mark: &str) -> String {
    crate::yaml::write::write_document(&secret.to_outline(mark))
}

fn sort_key(delivered: &Delivered) -> (&str, &str, &str) {
    let ObjectName { kind, namespace, name, .. } = &delivered.id;
    (kind, namespace, name)
}

/// Object that brings values of a store to the cluster.
pub fn deliver_refs(part: &ExternalBundle, definition: &Definition, problems: &mut Diagnostics) -> Option<Manifest> {
    // a missing delivery was already reported
    definition.delivery.refs()?;
    match part.form {
        RefForm::ExternalSecret => external_secret::external_secret(part, &definition.delivery, problems),
        RefForm::Csi => csi::secret_provider_class(part, &definition.delivery, problems),
    }
}

/// `metadata` of an object that brings values of a store.
fn object_metadata(part: &ExternalBundle) -> Tree {
    let place = Location::synthetic();
    let texts = |texts: &BTreeMap<String, String>| {
        Tree::map(texts.iter().map(|(key, value)| (key.as_str(), Tree::text(value, &place))), &place)
    };
    let mut fields = Vec::new();
    if !part.annotations.is_empty() {
        fields.push(("annotations", texts(&part.annotations)));
    }
    fields.push(("labels", texts(&part.labels)));
    fields.push(("name", Tree::text(&part.name, &place)));
    fields.extend(part.namespace.as_deref().map(|namespace| ("namespace", Tree::text(namespace, &place))));
    Tree::map(fields, &place)
}
