//! SecretProviderClasses (`secrets-store.csi.x-k8s.io/v1`): a driver mounts values of a store as files.
//!
//! There are no `secretObjects`: with them the driver would create a Secret, and the values would be in etcd. The
//! mounted objects are a text within a text, where no schema of the cluster detects mistakes; so it is built from
//! structures here.
//!
//! The same reference serves an operator and a driver: settings that a SecretStore has for all its values are
//! parameters of Septum here (`mount`, `service`, `projectID`), which are not passed on.

mod aws;
mod azure;
mod gcp;
mod vault;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{CsiProvider, Delivery, LayerWord as _, StoreRef, Tree};
use crate::manifest::Manifest;
use crate::object::{ExternalBundle, ExternalValue};
use crate::span::Location;
use crate::value::OutputValue;
use crate::yaml;

/// Mounted file.
struct MountedFile<'a> {
    /// Name of the file: the key of the entry, which contains no slash and does not begin with `..`.
    file: &'a str,
    store_ref: &'a StoreRef,
    place: &'a Location,
}

/// Settings of the layers for a provider.
struct ProviderOptions<'a> {
    delivery: &'a Delivery,
    provider: CsiProvider,
    /// Location of the provider's name.
    place: &'a Location,
}

/// Builds the SecretProviderClass of a bundle. Errors: `delivery`.
pub fn secret_provider_class(
    part: &ExternalBundle,
    delivery: &Delivery,
    problems: &mut Diagnostics,
) -> Option<Manifest> {
    let Some(provider) = &delivery.provider else {
        let error = Diagnostic::error(Rule::Delivery, "`refs: csi` requires a provider").hint(
            "write `delivery: { provider: vault, parameters: { … } }`; the providers are vault, aws, azure and gcp",
        );
        problems.push(match &delivery.refs {
            Some(form) => error.at(form.place.clone()),
            None => error,
        });
        return None;
    };
    let given = ProviderOptions { delivery, provider: provider.value, place: &provider.place };
    let files = mounted_files(part, problems);
    let (field, own, objects) = match provider.value {
        CsiProvider::Vault => ("objects", Some(vault::OWN), vault::objects(&given, &files, problems)),
        CsiProvider::Aws => ("objects", Some(aws::OWN), aws::objects(&given, &files, problems)),
        CsiProvider::Azure => ("objects", None, azure::objects(&given, &files, problems)),
        CsiProvider::Gcp => ("secrets", Some(gcp::OWN), gcp::objects(&given, &files, problems)),
    };
    let parameters = given.parameters(own, field, objects?, problems);
    let place = Location::synthetic();
    let text = |text: &str| Tree::text(text, &place);
    let parameters = parameters.iter().map(|(name, value)| (name.as_str(), text(value)));
    let spec = [("parameters", Tree::map(parameters, &place)), ("provider", text(provider.value.word()))];
    let object = [
        ("apiVersion", text("secrets-store.csi.x-k8s.io/v1")),
        ("kind", text("SecretProviderClass")),
        ("metadata", super::object_metadata(part)),
        ("spec", Tree::map(spec, &place)),
    ];
    problems.take(Manifest::of(Tree::map(object, &place)))
}

/// Entries of a part as files, by key.
fn mounted_files<'p>(part: &'p ExternalBundle, problems: &mut Diagnostics) -> Vec<MountedFile<'p>> {
    let mut files = Vec::new();
    for (key, entry) in &part.entries {
        let ExternalValue::FromStore(pointed) = &entry.value else { continue };
        // a text composed of several values was rejected before
        let Some(pointer) = pointed.lone_ref() else { continue };
        if pointer.store.is_some() {
            problems.push(
                Diagnostic::error(
                    Rule::Delivery,
                    format!("`{key}` specifies a store, but `refs: csi` has a single provider"),
                )
                .at(entry.place.clone())
                .hint("remove `store`, or deliver with `refs: external-secret`"),
            );
        }
        files.push(MountedFile { file: key, store_ref: pointer, place: &entry.place });
    }
    files
}

impl MountedFile<'_> {
    fn error(&self, message: String) -> Diagnostic {
        Diagnostic::error(Rule::Delivery, message).at(self.place.clone())
    }
}

impl ProviderOptions<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.delivery.parameters.get(name).map(|parameter| parameter.value.as_str())
    }

    /// Whether a parameter that the provider requires is set; it may have several names.
    fn has_parameter(&self, names: &[&str], problems: &mut Diagnostics) -> bool {
        let is_there = names.iter().any(|name| self.parameter(name).is_some());
        if let (false, Some(name)) = (is_there, names.first()) {
            let message = format!("the provider `{}` requires the parameter `{name}`", self.provider.word());
            problems.push(
                Diagnostic::error(Rule::Delivery, message)
                    .at(self.place.clone())
                    .hint(format!("write `delivery: {{ parameters: {{ {name}: … }} }}`")),
            );
        }
        is_there
    }

    /// Parameters set by the user, except Septum's own parameter and the mounted objects.
    fn parameters(
        &self,
        own: Option<&str>,
        field: &str,
        objects: String,
        problems: &mut Diagnostics,
    ) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        for (name, value) in self.delivery.parameters.iter().filter(|(name, _)| Some(name.as_str()) != own) {
            if name == field {
                let message = format!("the parameter `{name}` is generated from the entries with a `ref`");
                problems.push(
                    Diagnostic::error(Rule::Delivery, message)
                        .at(value.place.clone())
                        .hint("remove it, and define an entry for each value: `KEY: { ref: … }`"),
                );
            }
            parameters.insert(name.clone(), value.value.clone());
        }
        parameters.insert(field.to_owned(), objects);
        parameters
    }
}

/// Formats a list as the text that a provider reads.
fn format_list(items: Vec<OutputValue<'_>>) -> String {
    yaml::write::write_document(&OutputValue::List(items))
}
