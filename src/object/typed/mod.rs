//! Secrets of a type: the keys that each type needs, and what they must hold.
//!
//! The API server asks for keys, and for JSON in Secrets for pulling images. Beyond that, what
//! would be accepted and then fail where it is used is refused here: a certificate with another's
//! key, a bootstrap token that no node can join with. Nothing of a value is ever in a message.

mod bootstrap;
mod docker;
mod key;
pub mod pem;
mod tls;

use std::collections::{BTreeMap, BTreeSet};

use super::build::BuildInput;
use super::names;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::layer::Bundle;
use crate::manifest::Manifest;
use crate::name::{BundleName, EntryId, KeyName};
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget};
use crate::span::{Located, Location};

pub use crate::day::{Day, InvalidDay};

/// The annotation that says whose token a Secret holds.
const SERVICE_ACCOUNT: &str = "kubernetes.io/service-account.name";
/// The type of a Secret whose entries the cluster fills in.
pub(super) const SERVICE_ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";

/// The type of a Secret that nodes join a cluster with.
const BOOTSTRAP_TOKEN: &str = "bootstrap.kubernetes.io/token";
/// The keys that the cluster fills in.
pub(super) const FILLED_IN: [&str; 3] = ["ca.crt", "namespace", "token"];

/// A Secret that has a type.
pub(super) struct TypedSecret<'a> {
    /// Where it comes from.
    pub(super) source: SecretOrigin<'a>,
    pub(super) secret_type: &'a Located<String>,
    /// The values that go to the Secret.
    pub(super) data: &'a BTreeMap<String, ResolvedBytes>,
    pub(super) annotations: &'a BTreeMap<String, String>,
    pub(super) namespace: Option<&'a Located<String>>,
    /// The day at which certificates must be valid; none if nobody asks.
    pub(super) at: Option<Day>,
}

/// Where a Secret comes from.
#[derive(Clone, Copy)]
pub(super) enum SecretOrigin<'a> {
    /// A bundle that has a type.
    Bundle { target: BuildInput<'a>, name: &'a BundleName, bundle: &'a Bundle },
    /// A manifest, and the keys of it whose values are not known.
    Manifest { manifest: &'a Manifest, unknown: &'a BTreeSet<String> },
}

/// Whether a bundle gives a Secret without entries of its own, since the cluster adds them.
pub(super) fn is_filled_by_cluster(bundle: &Bundle) -> bool {
    bundle.secret_type.as_ref().is_some_and(|kind| kind.value == SERVICE_ACCOUNT_TOKEN)
}

/// Whether Secrets of a type keep the name of their bundle, and may change: a bootstrap token is found
/// by its name, and into the token of a service account the cluster writes.
pub(super) fn keeps_name(secret_type: &str) -> bool {
    matches!(secret_type, SERVICE_ACCOUNT_TOKEN | BOOTSTRAP_TOKEN)
}

impl TypedSecret<'_> {
    /// Checks what its type asks for (`typed-secret`).
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
            // a type of somebody else, who knows what it needs
            _ => {}
        }
    }

    /// Whether the environment has none of its entries, and so does not write it: a certificate
    /// that only production has. A bundle without entries at all was meant to be something.
    fn is_left_out(&self) -> bool {
        let SecretOrigin::Bundle { bundle, .. } = self.source else { return false };
        let missing =
            |key: &KeyName| self.outcome(key.as_str()).is_none_or(|found| matches!(found, EntryOutcome::Missing));
        !is_filled_by_cluster(bundle) && !bundle.entries.is_empty() && bundle.entries.keys().all(missing)
    }

    /// What became of an entry of its bundle.
    fn outcome(&self, key: &str) -> Option<&EntryOutcome> {
        let SecretOrigin::Bundle { target, name, .. } = self.source else { return None };
        let id = EntryId { bundle: name.clone(), key: key.into() };
        Some(&target.resolved.entries.get(&id)?.outcome)
    }

    /// Whether there is a value that is not known here.
    fn is_unknown(&self, key: &str) -> bool {
        match self.source {
            SecretOrigin::Bundle { .. } => {
                matches!(
                    self.outcome(key),
                    Some(EntryOutcome::Failed | EntryOutcome::Locked(_) | EntryOutcome::Pointed(_))
                )
            }
            SecretOrigin::Manifest { unknown, .. } => unknown.contains(key),
        }
    }

    /// The value of a key in the Secret.
    fn value(&self, key: &str) -> Option<&ResolvedBytes> {
        self.data.get(key)
    }

    /// Where the value of a key stands, or what asks for it.
    fn place(&self, key: &str) -> Location {
        let place = match self.source {
            SecretOrigin::Bundle { bundle, .. } => bundle.entries.get(key).map(crate::layer::Entry::place),
            SecretOrigin::Manifest { manifest, .. } => {
                let values = ["stringData", "data"].iter().find_map(|field| manifest.tree.at(&[field, key]));
                values.map(|value| &value.place)
            }
        };
        place.unwrap_or(&self.secret_type.place).clone()
    }

    /// The name of the object, as it is written.
    fn name(&self) -> &str {
        match self.source {
            SecretOrigin::Bundle { name, .. } => name.as_str(),
            SecretOrigin::Manifest { manifest, .. } => &manifest.name,
        }
    }

    /// What people call it: ``the bundle `tls` ``.
    fn describe_owner(&self) -> String {
        match self.source {
            SecretOrigin::Bundle { name, .. } => format!("the bundle `{name}`"),
            SecretOrigin::Manifest { manifest, .. } => manifest.label(),
        }
    }

    /// The value of a key that the type needs. That there is none is reported, unless that was
    /// done where its value is.
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
            let message = format!("{label} is not there, but a Secret of type `{kind}` needs it");
            return Some(self.at_type(Diagnostic::error(Rule::TypedSecret, message)).hint(self.how_to_give(key)));
        };
        let entry = bundle.entries.get(key);
        match self.outcome(key) {
            Some(EntryOutcome::Missing) if entry.is_some_and(|entry| is_true(entry.rules.required.as_ref())) => {
                return None;
            }
            // it is known, and not in the Secret
            Some(EntryOutcome::Known(_)) => {
                let declared = entry.and_then(|entry| entry.rules.sensitive.as_ref()).map(|rule| rule.place.clone());
                let message = format!("{label} is declared plain, but a Secret of type `{kind}` needs it");
                return Some(
                    Diagnostic::error(Rule::TypedSecret, message)
                        .at(declared.unwrap_or_else(|| self.place(key)))
                        .hint("remove `sensitive: false`: in a Secret of a type everything is sensitive"),
                );
            }
            _ => {}
        }
        let message =
            format!("{label} has no value in {}, but a Secret of type `{kind}` needs it", self.lacking_in(key));
        Some(self.at_type(Diagnostic::error(Rule::TypedSecret, message)).hint(self.how_to_give(key)))
    }

    /// The environments that write the Secret, and have no value for a key of it.
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
            return "give it under `stringData`, or make the Secret from a bundle".to_owned();
        };
        if matches!(key, ".dockerconfigjson" | ".dockercfg") {
            return "write `registries: { ghcr.io: { username: …, password: … } }`".to_owned();
        }
        let is_own = *name == target.resolved.definition.own_bundle();
        let section = if is_own { "data".to_owned() } else { format!("bundles.{name}.data") };
        format!("give it under `{section}`")
    }

    /// What messages call the value of a key, in backticks.
    fn label(&self, key: &str) -> String {
        match self.source {
            SecretOrigin::Bundle { target, name, .. } => {
                let id = EntryId { bundle: name.clone(), key: key.into() };
                format!("`{}`", target.resolved.definition.label(&id))
            }
            SecretOrigin::Manifest { manifest, .. } => format!("`{key}` of {}", manifest.label()),
        }
    }

    fn at_type(&self, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.at_public(self.secret_type.place.clone(), PublicReason::Name)
    }

    /// Anything that is wrong with the value of a key.
    fn wrong_value(&self, key: &str, what: &str) -> Diagnostic {
        Diagnostic::error(Rule::TypedSecret, format!("{} {what}", self.label(key))).at_masked(self.place(key))
    }

    /// Anything about the value of a key that is accepted, and perhaps not meant.
    fn doubtful_value(&self, key: &str, what: &str) -> Diagnostic {
        Diagnostic::warning(Rule::TypedSecret, format!("{} {what}", self.label(key))).at_masked(self.place(key))
    }

    fn check_basic_auth(&self, problems: &mut Diagnostics) {
        let keys = ["username", "password"];
        if keys.iter().any(|key| self.value(key).is_some() || self.is_unknown(key)) {
            return;
        }
        let message = format!(
            "{} has neither `username` nor `password`, but a Secret of type `{}` needs one of them",
            self.describe_owner(),
            self.secret_type.value
        );
        problems.push(self.at_type(Diagnostic::error(Rule::TypedSecret, message)).hint(self.how_to_give("password")));
    }

    fn check_ssh(&self, problems: &mut Diagnostics) {
        let key = "ssh-privatekey";
        let Some(value) = self.needed_value(key, problems) else { return };
        if value.bytes().is_empty() {
            problems
                .push(self.wrong_value(key, "is empty, which the API server refuses").hint("give it the private key"));
        } else if !value.text().is_some_and(|text| pem::parse_blocks(text).iter().any(pem::PemBlock::is_private_key)) {
            problems.push(
                self.doubtful_value(key, "holds no private key")
                    .note("a private key begins with a line like `-----BEGIN OPENSSH PRIVATE KEY-----`")
                    .hint("give it the private key, not the public one"),
            );
        }
    }

    fn check_service_account(&self, problems: &mut Diagnostics) {
        let Some(account) = self.annotations.get(SERVICE_ACCOUNT) else {
            let message = format!(
                "{} does not say whose token it is, but a Secret of type `{SERVICE_ACCOUNT_TOKEN}` must",
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
            let message = format!("`{account}` is no name of a service account: {why}");
            problems.push(
                Diagnostic::error(Rule::TypedSecret, message)
                    .at_public(place.unwrap_or_else(|| self.secret_type.place.clone()), PublicReason::Name),
            );
        }
    }
}

impl TypedSecret<'_> {
    /// Where it says whose token it is.
    fn account_place(&self) -> Option<Location> {
        match self.source {
            SecretOrigin::Bundle { target, bundle, .. } => {
                let annotations = [&bundle.annotations, &target.resolved.definition.annotations];
                annotations.iter().find_map(|texts| texts.get(SERVICE_ACCOUNT)).map(|text| text.place.clone())
            }
            SecretOrigin::Manifest { manifest, .. } => {
                manifest.tree.at(&["metadata", "annotations", SERVICE_ACCOUNT]).map(|text| text.place.clone())
            }
        }
    }
}

fn is_true(rule: Option<&Located<bool>>) -> bool {
    rule.is_some_and(|rule| rule.value)
}
