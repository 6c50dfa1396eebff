//! AWS Secrets Manager and Parameter Store (`provider/secret_descriptor.go` of secrets-store-csi-driver-provider-aws,
//! and the two `*_provider.go` beside it).
//!
//! Values of one secret are one object, from which parts are extracted. The provider also mounts the object as a whole,
//! so that gets a name that no entry has: the default is the secret's name, which may be that of an entry, and is the
//! same for each version.

use std::collections::{BTreeMap, BTreeSet};

use super::{MountedFile, ProviderOptions, format_list};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::sort::CollectSorted;
use crate::value::OutputValue;

/// Parameter with the service that keys refer to: `SecretsManager`, or `ParameterStore`. An ARN contains its service.
pub(super) const OWN: &str = "service";

/// Service that stores an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AwsService {
    SecretsManager,
    ParameterStore,
}

impl AwsService {
    fn of(key: &str, usual: Self) -> Self {
        // `arn:PARTITION:SERVICE:…`
        match key.strip_prefix("arn:").map(|arn| arn.split(':').nth(1)) {
            None => usual,
            Some(Some("ssm")) => Self::ParameterStore,
            Some(_) => Self::SecretsManager,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::ParameterStore => "ssmparameter",
        }
    }

    /// Field for a version, and its content. References use versions as in an ExternalSecret: the stage of a secret, or
    /// its id after `uuid/`; the number or label of a parameter.
    fn version(self, version: &str) -> (&'static str, &str) {
        match (self, version.strip_prefix("uuid/")) {
            (Self::SecretsManager, Some(id)) => ("objectVersion", id),
            (Self::ParameterStore, _) if version.bytes().all(|byte| byte.is_ascii_digit()) => {
                ("objectVersion", version)
            }
            _ => ("objectVersionLabel", version),
        }
    }
}

/// Version of an object, with the entries in it.
struct AwsObject<'f, 'p> {
    name: &'p str,
    version: Option<&'p str>,
    service: AwsService,
    /// Entries that are the whole object.
    whole: Vec<&'f MountedFile<'p>>,
    /// Entries that are parts, with their properties.
    parts: Vec<(&'f MountedFile<'p>, &'p str)>,
}

pub(super) fn objects(
    given: &ProviderOptions<'_>,
    files: &[MountedFile<'_>],
    problems: &mut Diagnostics,
) -> Option<String> {
    let usual = match given.parameter(OWN) {
        None | Some("SecretsManager") => AwsService::SecretsManager,
        Some("ParameterStore") => AwsService::ParameterStore,
        Some(_) => {
            let message = "expected `SecretsManager` or `ParameterStore` for the parameter `service`";
            problems.push(Diagnostic::error(Rule::Delivery, message).at(given.place.clone()));
            return None;
        }
    };
    let mut objects: BTreeMap<_, AwsObject<'_, '_>> = BTreeMap::new();
    for file in files {
        let (name, version) = (file.store_ref.key.as_str(), file.store_ref.version.as_deref());
        let service = AwsService::of(name, usual);
        let new = || AwsObject { name, version, service, whole: Vec::new(), parts: Vec::new() };
        let object = objects.entry((name, version)).or_insert_with(new);
        match file.store_ref.property.as_deref() {
            Some(property) => object.parts.push((file, property)),
            None => object.whole.push(file),
        }
    }
    problems.extend(duplicate_parameters(objects.values()));
    let mut taken = files.iter().map(|file| file.file.to_owned()).collect_set();
    Some(format_list(objects.values().flat_map(|object| object.to_values(&mut taken)).collect()))
}

/// Reports parameters of Parameter Store that would be requested twice: the provider caches the answers by name alone.
fn duplicate_parameters<'o, 'f: 'o, 'p: 'f + 'o>(
    objects: impl Iterator<Item = &'o AwsObject<'f, 'p>>,
) -> Vec<Diagnostic> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for object in objects.filter(|object| object.service == AwsService::ParameterStore) {
        let first = object.whole.first().or(object.parts.first().map(|(file, _)| file));
        let again = if seen.insert(object.name) { object.whole.get(1) } else { first };
        found.extend(again.map(|file| {
            file.error(format!(
                "`{}` mounts the parameter `{}`, which another key already mounts",
                file.file, object.name
            ))
            .note("the provider reads each parameter of Parameter Store once, in one version")
            .hint("mount it under one key, or deliver with `refs: external-secret`")
        }));
    }
    found
}

impl<'p> AwsObject<'_, 'p> {
    /// Items for each key that is the whole object; the first one includes the parts.
    fn to_values(&self, taken: &mut BTreeSet<String>) -> Vec<OutputValue<'p>> {
        let mut aliases: Vec<_> = self.whole.iter().map(|file| file.file.to_owned()).collect();
        if let (true, Some((first, _))) = (aliases.is_empty(), self.parts.first()) {
            aliases.push(free_name(first.file, taken));
        }
        let part = |(file, property): &(&MountedFile<'p>, &str)| {
            OutputValue::map([
                ("path", OutputValue::text(jmes_path(property))),
                ("objectAlias", OutputValue::text(file.file)),
            ])
        };
        let mut parts = (!self.parts.is_empty()).then(|| OutputValue::List(self.parts.iter().map(part).collect()));
        aliases.into_iter().map(|alias| self.to_value(alias, parts.take())).collect()
    }

    fn to_value(&self, alias: String, parts: Option<OutputValue<'p>>) -> OutputValue<'p> {
        let mut fields = vec![
            ("objectName", OutputValue::text(self.name)),
            ("objectType", OutputValue::text(self.service.as_str())),
        ];
        if let Some(version) = self.version {
            let (field, version) = self.service.version(version);
            fields.push((field, OutputValue::text(version)));
        }
        // older providers treat an alias equal to the name as a second use of it, and it is the default
        if alias != self.name {
            fields.push(("objectAlias", OutputValue::text(alias)));
        }
        fields.extend(parts.map(|parts| ("jmesPath", parts)));
        OutputValue::map(fields)
    }
}

/// Name for the whole object that `key` is a part of.
fn free_name(key: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = format!("{key}.json");
    while !taken.insert(name.clone()) {
        name.push_str(".json");
    }
    name
}

/// Converts a property to a `JMESPath` path: names with characters other than letters, digits and `_` are quoted, and a
/// number is the index in a list. The operator reads properties this way (gjson): `a.b`, `a.1.b`, and `\.` for a dot.
fn jmes_path(property: &str) -> String {
    let mut path = String::new();
    for step in path_steps(property) {
        if !path.is_empty() && !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            path.extend(["[", &step, "]"]);
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        let is_plain = step.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        path.push_str(&if is_plain { step } else { serde_json::Value::from(step).to_string() });
    }
    path
}

/// Names between the dots of a property.
fn path_steps(property: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut step = String::new();
    let mut chars = property.chars();
    while let Some(char) = chars.next() {
        match char {
            '.' => steps.push(std::mem::take(&mut step)),
            '\\' => step.extend(chars.next()),
            _ => step.push(char),
        }
    }
    steps.push(step);
    steps
}

#[cfg(test)]
mod tests {
    use super::{AwsService, jmes_path};

    #[test]
    fn properties_become_paths() {
        for (property, expected) in [
            ("password", "password"),
            ("api-key", "\"api-key\""),
            ("db.pass-word", "db.\"pass-word\""),
            ("1st", "\"1st\""),
            ("1", "\"1\""),
            ("friends.1.first", "friends[1].first"),
            ("tls\\.crt", "\"tls.crt\""),
            ("a\"b", "\"a\\\"b\""),
        ] {
            assert_eq!(jmes_path(property), expected, "{property}");
        }
    }

    #[test]
    fn an_arn_tells_its_service() {
        for (key, expected) in [
            ("app/db", "ssmparameter"),
            ("arn:aws:ssm:eu-central-1:1:parameter/app", "ssmparameter"),
            ("arn:aws-cn:secretsmanager:cn-north-1:1:secret:/x:ssm:y", "secretsmanager"),
        ] {
            assert_eq!(AwsService::of(key, AwsService::ParameterStore).as_str(), expected, "{key}");
        }
    }

    #[test]
    fn versions_go_where_the_provider_looks_for_them() {
        use AwsService::{ParameterStore, SecretsManager};
        for (service, version, expected) in [
            (SecretsManager, "AWSPREVIOUS", ("objectVersionLabel", "AWSPREVIOUS")),
            (SecretsManager, "uuid/1-2", ("objectVersion", "1-2")),
            (SecretsManager, "3", ("objectVersionLabel", "3")),
            (ParameterStore, "3", ("objectVersion", "3")),
            (ParameterStore, "stable", ("objectVersionLabel", "stable")),
        ] {
            assert_eq!(service.version(version), expected, "{version}");
        }
    }
}
