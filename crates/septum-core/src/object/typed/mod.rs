//! Secrets of a type: the keys that each type needs, and rules for their values.
//!
//! The API server requires keys, and JSON in image pull secrets. Beyond that, values that would be accepted and then
//! fail where they are used are rejected here: a certificate with the key of another, a bootstrap token that no node
//! can join with. Messages never contain any part of a value.

mod bootstrap;
mod docker;
mod expiry;
mod key;
pub mod pem;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::input::BuildInput;
use super::names;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule, Severity};
use crate::layer::Bundle;
use crate::manifest::Manifest;
use crate::name::{BundleName, EntryId, KeyName};
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget};
use crate::secret::Secret;
use crate::span::{Located, Location};

pub use crate::time::Day;
pub use expiry::certificate_end;
pub use tls::describe_certificates;

/// Annotation with the service account whose token a Secret holds.
const SERVICE_ACCOUNT: &str = "kubernetes.io/service-account.name";
/// Type of a Secret whose entries the cluster fills in.
pub(super) const SERVICE_ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";

/// Type of a Secret that nodes join a cluster with.
const BOOTSTRAP_TOKEN: &str = "bootstrap.kubernetes.io/token";
/// Keys that the cluster fills in.
pub(super) const FILLED_IN: [&str; 3] = ["ca.crt", "namespace", "token"];

/// Secret with a type.
pub(super) struct TypedSecret<'a> {
    /// Origin of the Secret.
    pub(super) source: SecretOrigin<'a>,
    pub(super) secret_type: &'a Located<String>,
    /// Values that go to the Secret.
    pub(super) data: &'a BTreeMap<String, ResolvedBytes>,
    pub(super) annotations: &'a BTreeMap<String, String>,
    pub(super) namespace: Option<&'a Located<String>>,
    /// Date at which certificates must be valid; `None` if not checked.
    pub(super) at: Option<Day>,
}

/// Origin of a Secret.
#[derive(Clone, Copy)]
pub(super) enum SecretOrigin<'a> {
    /// A bundle with a type.
    Bundle { target: BuildInput<'a>, name: &'a BundleName, bundle: &'a Bundle },
    /// A manifest, and its keys with unknown values.
    Manifest { manifest: &'a Manifest, unknown: &'a BTreeSet<String> },
    /// A single value of a bundle, before it is written; those of the other keys are unknown.
    Value { bundle: &'a BundleName, key: &'a str, label: &'a str },
}

/// Errors in a value for a key of a Secret of a type, as far as they show without the other values.
pub fn find_value_problems(
    secret_type: &Located<String>,
    bundle: &BundleName,
    key: &str,
    label: &str,
    text: &str,
) -> Diagnostics {
    let value = ResolvedBytes::Rendered(Arc::new(Secret::new(text.to_owned())));
    let data = BTreeMap::from([(key.to_owned(), value)]);
    let source = SecretOrigin::Value { bundle, key, label };
    let (annotations, mut problems) = (BTreeMap::new(), Diagnostics::new());
    let secret = TypedSecret { source, secret_type, data: &data, annotations: &annotations, namespace: None, at: None };
    if secret_type.value != SERVICE_ACCOUNT_TOKEN {
        secret.check(&mut problems);
    }
    problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect()
}

/// Whether a bundle produces a Secret without entries of its own, since the cluster adds them.
pub(super) fn is_filled_by_cluster(bundle: &Bundle) -> bool {
    bundle.secret_type.as_ref().is_some_and(|kind| kind.value == SERVICE_ACCOUNT_TOKEN)
}

/// Whether Secrets of a type keep the name of their bundle, and may change: a bootstrap token is found by its name, and
/// the cluster writes into the token of a service account.
pub(super) fn keeps_name(secret_type: &str) -> bool {
    matches!(secret_type, SERVICE_ACCOUNT_TOKEN | BOOTSTRAP_TOKEN)
}

/// Whether Secrets of a type may be immutable.
pub fn may_be_immutable(secret_type: &str) -> bool {
    !keeps_name(secret_type)
}

impl TypedSecret<'_> {
    /// Checks the requirements of its type (`typed-secret`).
    pub(super) fn check(&self, problems: &mut Diagnostics) {
        if self.is_left_out() {
            return;
        }
        match self.secret_type.value.as_str() {
            "kubernetes.io/dockerconfigjson" => self.check_docker(".dockerconfigjson", problems),
            "kubernetes.io/dockercfg" => self.check_docker(".dockercfg", problems),
            "kubernetes.io/basic-auth" => self.check_basic_auth(problems),
            "kubernetes.io/ssh-auth" => self.check_ssh(problems),
            "kubernetes.io/tls" => self.check_tls(problems),
            BOOTSTRAP_TOKEN => self.check_bootstrap(problems),
            SERVICE_ACCOUNT_TOKEN => self.check_service_account(problems),
            // a type of another program, which knows its requirements
            _ => {}
        }
    }

    /// Whether the environment has none of its entries, and so does not write it: a certificate that only production
    /// has. A bundle without any entries is not meant to be left out.
    fn is_left_out(&self) -> bool {
        let SecretOrigin::Bundle { bundle, .. } = self.source else { return false };
        let missing =
            |key: &KeyName| self.outcome(key.as_str()).is_none_or(|found| matches!(found, EntryOutcome::Missing));
        !is_filled_by_cluster(bundle) && !bundle.entries.is_empty() && bundle.entries.keys().all(missing)
    }

    /// Outcome of an entry of its bundle.
    fn outcome(&self, key: &str) -> Option<&EntryOutcome> {
        let SecretOrigin::Bundle { target, name, .. } = self.source else { return None };
        let id = EntryId { bundle: name.clone(), key: key.into() };
        Some(&target.resolved.entries.get(&id)?.outcome)
    }

    /// Whether a key has a value that is unknown here.
    fn is_unknown(&self, key: &str) -> bool {
        match self.source {
            SecretOrigin::Bundle { .. } => {
                matches!(
                    self.outcome(key),
                    Some(EntryOutcome::Failed | EntryOutcome::Locked(_) | EntryOutcome::Pointed(_))
                )
            }
            SecretOrigin::Manifest { unknown, .. } => unknown.contains(key),
            SecretOrigin::Value { key: known, .. } => key != known,
        }
    }

    /// Value of a key in the Secret.
    fn value(&self, key: &str) -> Option<&ResolvedBytes> {
        self.data.get(key)
    }

    /// Location of a key's value, or of the declaration that requires it.
    fn place(&self, key: &str) -> Location {
        let place = match self.source {
            SecretOrigin::Bundle { bundle, .. } => bundle.entries.get(key).map(crate::layer::Entry::place),
            SecretOrigin::Manifest { manifest, .. } => {
                let values = ["stringData", "data"].iter().find_map(|field| manifest.tree.at(&[field, key]));
                values.map(|value| &value.place)
            }
            SecretOrigin::Value { .. } => None,
        };
        place.unwrap_or(&self.secret_type.place).clone()
    }

    /// Name of the object, as written.
    fn name(&self) -> &str {
        match self.source {
            SecretOrigin::Bundle { name, .. } => name.as_str(),
            SecretOrigin::Manifest { manifest, .. } => &manifest.name,
            SecretOrigin::Value { bundle, .. } => bundle.as_str(),
        }
    }

    /// Description for messages: ``the bundle `tls` ``.
    fn describe_owner(&self) -> String {
        match self.source {
            SecretOrigin::Bundle { name, .. } => format!("the bundle `{name}`"),
            SecretOrigin::Manifest { manifest, .. } => manifest.label(),
            SecretOrigin::Value { bundle, .. } => format!("the bundle `{bundle}`"),
        }
    }

    /// Value of a key that the type needs. A missing one is reported, unless that was already done at its value.
    fn needed_value(&self, key: &str, problems: &mut Diagnostics) -> Option<&ResolvedBytes> {
        let found = self.value(key);
        if found.is_none() {
            problems.extend(self.missing_value(key));
        }
        found
    }

    fn missing_value(&self, key: &str) -> Option<Diagnostic> {
        let label = self.label(key);
        let kind = &self.secret_type.value;
        if self.is_unknown(key) {
            return None;
        }
        let SecretOrigin::Bundle { bundle, .. } = self.source else {
            let message = format!("{label} is missing, but required by the Secret type `{kind}`");
            return Some(self.at_type(Diagnostic::error(Rule::TypedSecret, message)).hint(self.how_to_give(key)));
        };
        let entry = bundle.entries.get(key);
        match self.outcome(key) {
            Some(EntryOutcome::Missing) if entry.is_some_and(|entry| is_true(entry.rules.required.as_ref())) => {
                return None;
            }
            // the value is known, but not in the Secret
            Some(EntryOutcome::Known(_)) => {
                let declared = entry.and_then(|entry| entry.rules.sensitive.as_ref()).map(|rule| rule.place.clone());
                let message = format!("{label} is declared plain, but required by the Secret type `{kind}`");
                return Some(
                    Diagnostic::error(Rule::TypedSecret, message)
                        .at(declared.unwrap_or_else(|| self.place(key)))
                        .hint("remove `sensitive: false`: all keys of a typed Secret are sensitive"),
                );
            }
            _ => {}
        }
        let message =
            format!("{label} has no value in {}, but is required by the Secret type `{kind}`", self.lacking_in(key));
        Some(self.at_type(Diagnostic::error(Rule::TypedSecret, message)).hint(self.how_to_give(key)))
    }

    /// Environments that write the Secret and have no value for a key of it.
    fn lacking_in(&self, key: &str) -> String {
        let SecretOrigin::Bundle { target, name, bundle } = self.source else { return String::new() };
        let has = |sibling: &ResolvedTarget, key: &str| {
            let id = EntryId { bundle: name.clone(), key: key.into() };
            sibling.entries.get(&id).is_some_and(|value| !matches!(value.outcome, EntryOutcome::Missing))
        };
        let is_written = |sibling: &ResolvedTarget| {
            bundle.entries.is_empty() || bundle.entries.keys().any(|key| has(sibling, key.as_str()))
        };
        let lacking = target.siblings.iter().filter(|sibling| !has(sibling, key) && is_written(sibling));
        let mut names: Vec<_> = lacking.map(|sibling| format!("`{}`", sibling.definition.environment)).collect();
        if names.is_empty() {
            names.push(format!("`{}`", target.resolved.definition.environment));
        }
        names.join(", ")
    }

    fn how_to_give(&self, key: &str) -> String {
        let SecretOrigin::Bundle { target, name, .. } = self.source else {
            return "add it under `stringData`, or generate the Secret from a bundle".to_owned();
        };
        if matches!(key, ".dockerconfigjson" | ".dockercfg") {
            return "write `registries: { ghcr.io: { username: …, password: … } }`".to_owned();
        }
        let is_own = *name == target.resolved.definition.own_bundle();
        let section = if is_own { "data".to_owned() } else { format!("bundles.{name}.data") };
        format!("set it under `{section}`")
    }

    /// Name of a key's value in messages, in backticks.
    fn label(&self, key: &str) -> String {
        match self.source {
            SecretOrigin::Bundle { target, name, .. } => {
                let id = EntryId { bundle: name.clone(), key: key.into() };
                format!("`{}`", target.resolved.definition.label(&id))
            }
            SecretOrigin::Manifest { manifest, .. } => format!("`{key}` of {}", manifest.label()),
            SecretOrigin::Value { label, .. } => format!("`{label}`"),
        }
    }

    fn at_type(&self, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.at_public(self.secret_type.place.clone(), PublicReason::Name)
    }

    /// Error about the value of a key.
    fn wrong_value(&self, key: &str, what: &str) -> Diagnostic {
        Diagnostic::error(Rule::TypedSecret, format!("{} {what}", self.label(key))).at_masked(self.place(key))
    }

    /// Warning about the value of a key that is accepted, but probably not intended.
    fn doubtful_value(&self, key: &str, what: &str) -> Diagnostic {
        Diagnostic::warning(Rule::TypedSecret, format!("{} {what}", self.label(key))).at_masked(self.place(key))
    }

    fn check_basic_auth(&self, problems: &mut Diagnostics) {
        let keys = ["username", "password"];
        if keys.iter().any(|key| self.value(key).is_some() || self.is_unknown(key)) {
            return;
        }
        let message = format!(
            "{} has neither `username` nor `password`, but the Secret type `{}` requires one of them",
            self.describe_owner(),
            self.secret_type.value
        );
        problems.push(self.at_type(Diagnostic::error(Rule::TypedSecret, message)).hint(self.how_to_give("password")));
    }

    fn check_ssh(&self, problems: &mut Diagnostics) {
        let key = "ssh-privatekey";
        let Some(value) = self.needed_value(key, problems) else { return };
        if value.bytes().is_empty() {
            problems.push(
                self.wrong_value(key, "is empty, which the API server rejects").hint("set it to the private key"),
            );
        } else if !value.text().is_some_and(|text| pem::parse_blocks(text).iter().any(pem::PemBlock::is_private_key)) {
            problems.push(
                self.doubtful_value(key, "does not contain a private key")
                    .note("a private key begins with a line like `-----BEGIN OPENSSH PRIVATE KEY-----`")
                    .hint("set it to the private key, not the public key"),
            );
        }
    }

    fn check_service_account(&self, problems: &mut Diagnostics) {
        let Some(account) = self.annotations.get(SERVICE_ACCOUNT) else {
            let message = format!(
                "{} does not specify a service account, which the Secret type `{SERVICE_ACCOUNT_TOKEN}` requires",
                self.describe_owner()
            );
            problems.push(
                self.at_type(Diagnostic::error(Rule::TypedSecret, message))
                    .hint(format!("add `annotations: {{ {SERVICE_ACCOUNT}: NAME }}` to it")),
            );
            return;
        };
        if let Some(why) = names::wrong_object_name(account) {
            let place = self.account_place();
            let message = format!("`{account}` is not a valid service account name: {why}");
            problems.push(
                Diagnostic::error(Rule::TypedSecret, message)
                    .at_public(place.unwrap_or_else(|| self.secret_type.place.clone()), PublicReason::Name),
            );
        }
    }
}

impl TypedSecret<'_> {
    /// Location of the annotation that names the service account.
    fn account_place(&self) -> Option<Location> {
        match self.source {
            SecretOrigin::Bundle { target, bundle, .. } => {
                let annotations = [&bundle.annotations, &target.resolved.definition.annotations];
                annotations.iter().find_map(|texts| texts.get(SERVICE_ACCOUNT)).map(|text| text.place.clone())
            }
            SecretOrigin::Manifest { manifest, .. } => {
                manifest.tree.at(&["metadata", "annotations", SERVICE_ACCOUNT]).map(|text| text.place.clone())
            }
            SecretOrigin::Value { .. } => None,
        }
    }
}

fn is_true(rule: Option<&Located<bool>>) -> bool {
    rule.is_some_and(|rule| rule.value)
}
