//! Secrets encrypted in the format that Flux, KSOPS and `sops --decrypt` read.

use std::path::Path;

use zeroize::Zeroizing;

use super::{
    Delivered, DeliveredForm, DeliveryContext, DeliverySources, ObjectName, Outline, SecretDelivery, outline,
    outline_text,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::files::{InputQuery, ProjectFiles};
use crate::object::{RenderedObject, Reveal};
use crate::sops::{
    self, CiphertextReuse, CreationRule, EncryptionPlan, GoRegex, Recipients, Selector, SopsConfig, StableFile,
};
use crate::yaml;

/// Selector for the values of a Secret only: `apiVersion`, `kind` and `metadata` must stay readable for the tool that
/// applies it (Flux, `docs/guides/mozilla-sops`).
const SELECTED: &str = "^(data|stringData)$";

/// Context string that separates this use of the layers' keys from others.
const PURPOSE: &[u8] = b"septum: the data key of a delivered Secret, version 1";

/// Secrets, each encrypted as a file of its own.
pub(super) struct SopsDelivery;

impl SecretDelivery for SopsDelivery {
    fn convert_secrets(
        &self,
        secrets: Vec<RenderedObject>,
        way: &DeliveryContext<'_>,
        problems: &mut Diagnostics,
    ) -> Vec<Delivered> {
        let mut unstable = Vec::new();
        let mut delivered = Vec::with_capacity(secrets.len());
        let mut without_recipients = None;
        for secret in secrets {
            let outlined = outline_text(&secret, outline::CIPHERTEXT);
            let plain = Delivered::plain(secret);
            let path = (way.path)(&plain.id);
            let plan = match encryption_plan(way, &path) {
                Ok(Some(plan)) => plan,
                Ok(None) => {
                    without_recipients.get_or_insert_with(|| no_recipients(way, &path));
                    continue;
                }
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            let committed = (way.committed)(&plain.id);
            let committed = committed.as_deref().map(Vec::as_slice);
            let outline = Outline::new(sops::with_metadata(&outlined, &plan, committed, outline::CIPHERTEXT));
            let DeliveredForm::Plain(object) = &plain.form else {
                delivered.push(Delivered { outline: Some(outline), ..plain });
                continue;
            };
            match encrypt_secret(object, &plain.id, &plan, committed, way) {
                Ok(StableFile { bytes, kept }) => {
                    if matches!(kept, CiphertextReuse::Unstable | CiphertextReuse::Unopened) {
                        unstable.push(plain.id.clone());
                    }
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let outline = (kept == CiphertextReuse::Unopened).then_some(outline);
                    delivered.push(Delivered {
                        form: DeliveredForm::Encrypted(Zeroizing::new(text)),
                        outline,
                        ..plain
                    });
                }
                Err(found) => problems.extend(found),
            }
        }
        problems.extend(without_recipients);
        problems.extend((!unstable.is_empty()).then(|| not_stable(&unstable, way)));
        delivered
    }

    fn input_queries(&self, sources: &DeliverySources<'_>) -> Vec<InputQuery> {
        if sources.definition.delivery.recipients.is_some() {
            return Vec::new();
        }
        let paths = [&sources.directory.join("secret.yaml"), sources.secrets];
        paths.into_iter().flat_map(|path| rule_queries(path, sources.files)).collect()
    }

    /// Recipients of the Secret; empty if none are configured.
    fn describe_terms(&self, way: &DeliveryContext<'_>, id: &ObjectName) -> Vec<String> {
        match encryption_plan(way, &(way.path)(id)) {
            Ok(Some(plan)) => plan.recipients.to_words(),
            Ok(None) | Err(_) => Vec::new(),
        }
    }
}

/// Encryption of a Secret that is written to a file at `path`, whatever the form of the environment is.
pub fn secret_encryption(way: &DeliveryContext<'_>, path: &Path) -> Result<EncryptionPlan, Diagnostics> {
    encryption_plan(way, path)?.ok_or_else(|| no_recipients(way, path).into())
}

fn encrypt_secret(
    object: &RenderedObject,
    id: &ObjectName,
    plan: &EncryptionPlan,
    committed: Option<&[u8]>,
    way: &DeliveryContext<'_>,
) -> Result<StableFile, Diagnostics> {
    let mut text = Zeroizing::new(String::new());
    yaml::write::append_document(&mut text, &object.to_value(Reveal::Values));
    let definition = way.definition;
    let key = definition.naming_key().map(|key| {
        let parts = [definition.environment.as_str(), definition.app.as_str(), &id.namespace, &id.base_name];
        key.derive_key(PURPOSE, &parts)
    });
    let name = format!("the Secret {}", id.name);
    sops::encrypt_stable(&name, text, plan, key.as_ref(), committed, way.identities, way.now)
        .map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))
}

/// Recipients of a file: those set in a layer, otherwise those of the rule for the file, otherwise those of the rule
/// for the environment's own secrets.
fn encryption_plan(way: &DeliveryContext<'_>, path: &Path) -> Result<Option<EncryptionPlan>, Diagnostics> {
    let selector = Selector::EncryptedRegex(GoRegex::parse(SELECTED).map_err(|reason| {
        Diagnostics::from(Diagnostic::error(
            Rule::InvalidField,
            format!("`{SELECTED}` is not a valid pattern: {reason}"),
        ))
    })?);
    if let Some(recipients) = &way.definition.delivery.recipients {
        // none that is valid, which was reported
        if recipients.value.is_empty() {
            return Err(Diagnostics::new());
        }
        let recipients = Recipients::from_age(recipients.value.clone());
        return Ok(Some(EncryptionPlan { selector, ..EncryptionPlan::new(recipients) }));
    }
    for path in [path, way.secrets] {
        if let Some(rule) = way.rules.find_rule(path)?.filter(|rule: &CreationRule| !rule.groups.is_empty()) {
            return Ok(Some(EncryptionPlan { selector, ..EncryptionPlan::of_rule(&rule) }));
        }
    }
    Ok(None)
}

/// Disk queries for the rule of a file: another `.sops.yaml` may give other recipients.
fn rule_queries(path: &Path, files: &ProjectFiles) -> Vec<InputQuery> {
    let directories = path.ancestors().skip(1).take_while(|directory| directory.starts_with(files.root()));
    let nearest = SopsConfig::find_nearest(path).ok().flatten();
    directories.map(|directory| directory.join(".sops.yaml")).chain(nearest).map(InputQuery::File).collect()
}

fn no_recipients(way: &DeliveryContext<'_>, path: &Path) -> Diagnostic {
    let environment = &way.definition.environment;
    let message = format!("no recipients are defined for the Secrets of `{environment}`");
    let error = Diagnostic::error(Rule::NoRule, message)
        .note(format!("no rule of `.sops.yaml` matches `{}`", SopsConfig::display_path(path)))
        .note(format!("no rule of `.sops.yaml` matches `{}`", way.files.name(way.secrets)))
        .hint("set `delivery: { recipients: [age1…] }` to the cluster's public key, or add a rule");
    match &way.definition.delivery.secrets {
        Some(form) => error.at(form.place.clone()),
        None => error,
    }
}

/// Warning: ciphertext changes on every run.
fn not_stable(secrets: &[ObjectName], way: &DeliveryContext<'_>) -> Diagnostic {
    let names: Vec<_> = secrets.iter().map(|id| format!("`{}`", id.name)).collect();
    let environment = &way.definition.environment;
    let message = format!("the ciphertext of {} in `{environment}` changes on every run", names.join(", "));
    let warning = Diagnostic::warning(Rule::UnstableCiphertext, message)
        .note(format!(
            "no layer of `{environment}` is encrypted, so no key is available to derive it deterministically"
        ))
        .hint(format!("encrypt the secrets: `septum set {environment} KEY` stores one in an encrypted layer"));
    match &way.definition.delivery.secrets {
        Some(form) => warning.at(form.place.clone()),
        None => warning,
    }
}
