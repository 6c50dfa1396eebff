//! SecretProviderClasses (`secrets-store.csi.x-k8s.io/v1`): a driver mounts values of a store as files.
//!
//! There are no `secretObjects`: with them the driver would make a Secret, and the values would be in etcd.
//! What is mounted stands as a text within a text, where no schema of the cluster finds a mistake; so it is
//! made of structures here.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::{Delivery, Pointer, Provider, Tree};
use crate::manifest::Manifest;
use crate::object::{External, ExternalValue};
use crate::span::Place;
use crate::value::Value;
use crate::yaml;

/// A file that is mounted.
struct Mounted<'a> {
    /// Its name: the key of the entry.
    file: &'a str,
    pointer: &'a Pointer,
    place: &'a Place,
}

/// The SecretProviderClass of a bundle. Errors: `delivery`.
pub fn secret_provider_class(part: &External, delivery: &Delivery, problems: &mut Diagnostics) -> Option<Manifest> {
    let Some(provider) = &delivery.provider else {
        let error = Diagnostic::error("delivery", "`refs: csi` needs a provider")
            .hint("write `delivery: { provider: vault, parameters: { … } }`; known are vault, aws, azure and gcp");
        problems.push(match &delivery.refs {
            Some(form) => error.at(form.place.clone()),
            None => error,
        });
        return None;
    };
    let mut class = Class { delivery, provider: provider.value, place: &provider.place, problems };
    let files = class.files(part);
    let (field, objects) = match provider.value {
        Provider::Vault => ("objects", class.vault(&files)),
        Provider::Aws => ("objects", class.aws(&files)),
        Provider::Azure => ("objects", class.azure(&files)),
        Provider::Gcp => ("secrets", class.gcp(&files)),
    };
    let parameters = class.parameters(field, objects?);
    let place = Place::nowhere();
    let text = |text: &str| Tree::text(text, &place);
    let parameters = parameters.iter().map(|(name, value)| (name.as_str(), text(value)));
    let spec = [("parameters", Tree::map(parameters, &place)), ("provider", text(provider.value.as_str()))];
    let object = [
        ("apiVersion", text("secrets-store.csi.x-k8s.io/v1")),
        ("kind", text("SecretProviderClass")),
        ("metadata", super::metadata(part)),
        ("spec", Tree::map(spec, &place)),
    ];
    problems.take(Manifest::of(Tree::map(object, &place)))
}

struct Class<'a> {
    delivery: &'a Delivery,
    provider: Provider,
    /// Where the provider is named.
    place: &'a Place,
    problems: &'a mut Diagnostics,
}

/// Parameters that are ours: they say what a pointer means, and are not passed on.
const OWN: [(Provider, &str); 3] =
    [(Provider::Vault, "mount"), (Provider::Aws, "service"), (Provider::Gcp, "projectID")];

impl Class<'_> {
    fn files<'p>(&mut self, part: &'p External) -> Vec<Mounted<'p>> {
        let mut files = Vec::new();
        for (key, entry) in &part.entries {
            let ExternalValue::Pointed(pointed) = &entry.value else { continue };
            // what is put together of several was refused before
            let Some(pointer) = pointed.lone() else { continue };
            if pointer.store.is_some() {
                self.problems.push(
                    Diagnostic::error("delivery", format!("`{key}` names a store, and `refs: csi` has one provider"))
                        .at(entry.place.clone())
                        .hint("leave `store` out, or deliver with `refs: external-secret`"),
                );
            }
            files.push(Mounted { file: key, pointer, place: &entry.place });
        }
        files
    }

    /// What the user gives, and what is mounted.
    fn parameters(&mut self, field: &str, objects: String) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        for (name, value) in &self.delivery.parameters {
            if name == field {
                self.problems.push(
                    Diagnostic::error(
                        "delivery",
                        format!("the parameter `{name}` is made of the entries with a `ref`"),
                    )
                    .at(value.place.clone())
                    .hint("remove it, and give each value an entry: `KEY: { ref: … }`"),
                );
            }
            if !OWN.contains(&(self.provider, name.as_str())) {
                parameters.insert(name.clone(), value.value.clone());
            }
        }
        parameters.insert(field.to_owned(), objects);
        parameters
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.delivery.parameters.get(name).map(|parameter| parameter.value.as_str())
    }

    /// Whether a parameter is there that the provider cannot do without.
    fn needs(&mut self, names: &[&str]) -> bool {
        let missing: Vec<_> = names.iter().filter(|name| self.parameter(name).is_none()).collect();
        for name in &missing {
            let message = format!("the provider `{}` needs the parameter `{name}`", self.provider.as_str());
            self.problems.push(
                Diagnostic::error("delivery", message)
                    .at(self.place.clone())
                    .hint(format!("write `delivery: {{ parameters: {{ {name}: … }} }}`")),
            );
        }
        missing.is_empty()
    }

    fn unsupported(&mut self, file: &Mounted<'_>, what: &str, hint: &str) {
        let message =
            format!("`{}` has {what}, which the provider `{}` does not know", file.file, self.provider.as_str());
        self.problems.push(Diagnostic::error("delivery", message).at(file.place.clone()).hint(hint));
    }

    /// `internal/config/config.go` of vault-csi-provider. A key is the path of the API, `secret/data/app`; with
    /// the parameter `mount` it is one below that mount of the second version of the KV engine, as an
    /// ExternalSecret has it.
    fn vault(&mut self, files: &[Mounted<'_>]) -> Option<String> {
        if !self.needs(&["roleName"]) {
            return None;
        }
        let mount = self.parameter("mount").map(|mount| mount.trim_matches('/').to_owned());
        let objects = files.iter().map(|Mounted { file, pointer, .. }| {
            let path = match &mount {
                Some(mount) => format!("{mount}/data/{}", pointer.key.trim_start_matches('/')),
                None => pointer.key.clone(),
            };
            let mut fields = vec![("objectName", Value::text(*file)), ("secretPath", Value::text(path))];
            // without one, all that is kept under the path is written as JSON
            fields.extend(pointer.property.as_deref().map(|property| ("secretKey", Value::text(property))));
            if let Some(version) = &pointer.version {
                fields.push(("secretArgs", Value::map([("version", Value::text(version.as_str()))])));
            }
            Value::map(fields)
        });
        Some(yaml::write::write(&Value::List(objects.collect())))
    }

    /// README of secrets-store-csi-driver-provider-aws. Names are those of Secrets Manager, with the parameter
    /// `service: ParameterStore` of that; an ARN tells by itself. Values of one secret are one object, from
    /// which parts are taken.
    fn aws(&mut self, files: &[Mounted<'_>]) -> Option<String> {
        let service = self.parameter("service").unwrap_or("SecretsManager").to_owned();
        let usual = match service.as_str() {
            "SecretsManager" => "secretsmanager",
            "ParameterStore" => "ssmparameter",
            _ => {
                let message = "expected `SecretsManager` or `ParameterStore` for the parameter `service`";
                self.problems.push(Diagnostic::error("delivery", message).at(self.place.clone()));
                return None;
            }
        };
        let mut objects = Vec::new();
        // by the object that they are parts of: its name and version
        let mut parts: BTreeMap<_, Vec<(&str, &str)>> = BTreeMap::new();
        for Mounted { file, pointer, .. } in files {
            let version = pointer.version.as_deref();
            match &pointer.property {
                Some(property) => parts.entry((pointer.key.as_str(), version)).or_default().push((*file, property)),
                None => {
                    objects.push(aws_object(&pointer.key, version, usual, vec![("objectAlias", Value::text(*file))]));
                }
            }
        }
        for ((key, version), parts) in parts {
            let part = |(file, property): (&'_ str, &'_ str)| {
                Value::map([("path", Value::text(jmes_path(property))), ("objectAlias", Value::text(file.to_owned()))])
            };
            let parts = Value::List(parts.into_iter().map(part).collect());
            objects.push(aws_object(key, version, usual, vec![("jmesPath", parts)]));
        }
        Some(yaml::write::write(&Value::List(objects)))
    }

    /// "Getting started" of secrets-store-csi-driver-provider-azure: each object is a text of its own, in a list
    /// in a text. A key may begin with `secret/`, `key/` or `cert/`.
    fn azure(&mut self, files: &[Mounted<'_>]) -> Option<String> {
        let is_complete = self.needs(&["keyvaultName", "tenantID"]);
        let mut objects = Vec::new();
        for file in files {
            let Mounted { pointer, .. } = file;
            if pointer.property.is_some() {
                self.unsupported(file, "a property", "keep each value under a name of its own in the vault");
            }
            let kinds = ["secret", "key", "cert"];
            let split = pointer.key.split_once('/').filter(|(kind, _)| kinds.contains(kind));
            let (kind, name) = split.unwrap_or(("secret", pointer.key.as_str()));
            let mut fields = vec![
                ("objectName", Value::text(name)),
                ("objectType", Value::text(kind)),
                ("objectAlias", Value::text(file.file)),
            ];
            fields.extend(pointer.version.as_deref().map(|version| ("objectVersion", Value::text(version))));
            objects.push(Value::text(yaml::write::write(&Value::map(fields))));
        }
        is_complete.then(|| yaml::write::write(&Value::map([("array", Value::List(objects))])))
    }

    /// `config/config.go` of secrets-store-csi-driver-provider-gcp. A key is the name of a resource,
    /// `projects/P/secrets/S`, or, with the parameter `projectID`, the name of a secret of that project.
    fn gcp(&mut self, files: &[Mounted<'_>]) -> Option<String> {
        let project = self.parameter("projectID").map(str::to_owned);
        if project.is_none() && files.iter().any(|file| !file.pointer.key.starts_with("projects/")) {
            self.needs(&["projectID"]);
            return None;
        }
        let objects = files.iter().map(|Mounted { file, pointer, .. }| {
            let secret = match &project {
                Some(project) if !pointer.key.starts_with("projects/") => {
                    format!("projects/{project}/secrets/{}", pointer.key)
                }
                _ => pointer.key.clone(),
            };
            let version = pointer.version.as_deref().unwrap_or("latest");
            let resource = if secret.contains("/versions/") { secret } else { format!("{secret}/versions/{version}") };
            let mut fields = vec![("resourceName", Value::text(resource)), ("path", Value::text(*file))];
            fields.extend(pointer.property.as_deref().map(|property| ("extractJSONKey", Value::text(property))));
            Value::map(fields)
        });
        Some(yaml::write::write(&Value::List(objects.collect())))
    }
}

fn aws_object<'v>(
    key: &'v str,
    version: Option<&'v str>,
    usual: &'static str,
    more: Vec<(&'static str, Value<'v>)>,
) -> Value<'v> {
    let kind = match key {
        _ if key.starts_with("arn:") && key.contains(":ssm:") => "ssmparameter",
        _ if key.starts_with("arn:") => "secretsmanager",
        _ => usual,
    };
    let mut fields = vec![("objectName", Value::text(key)), ("objectType", Value::text(kind))];
    // as in an ExternalSecret: a stage, or the id of a version after `uuid/`
    fields.extend(version.map(|version| match version.strip_prefix("uuid/") {
        Some(id) => ("objectVersion", Value::text(id)),
        None => ("objectVersionLabel", Value::text(version)),
    }));
    fields.extend(more);
    Value::map(fields)
}

/// A property as a path of `JMESPath`: names with other characters than letters, digits and `_` are quoted.
fn jmes_path(property: &str) -> String {
    let quote = |step: &str| {
        let plain = step.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !step.starts_with(|char: char| char.is_ascii_digit());
        if plain { step.to_owned() } else { format!("\"{}\"", step.replace('\\', "\\\\").replace('"', "\\\"")) }
    };
    property.split('.').map(quote).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::jmes_path;

    #[test]
    fn names_of_jmes_path_are_quoted_where_they_must() {
        for (property, expected) in [
            ("password", "password"),
            ("api-key", "\"api-key\""),
            ("db.pass-word", "db.\"pass-word\""),
            ("1st", "\"1st\""),
        ] {
            assert_eq!(jmes_path(property), expected);
        }
    }
}
