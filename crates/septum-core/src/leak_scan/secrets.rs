//! Search terms: the values of a target that are secret and known.

use super::encrypted::{DecryptedValue, decrypted_values};
use crate::layer::{Entry, EntrySource, LayerChange};
use crate::map::HashSet;
use crate::name::EntryId;
use crate::resolve::{ResolvedBytes, ResolvedTarget, TemplateRead};
use crate::route::detect::{DetectionSummary, SHORTEST, TextKind, Uniqueness, classify, rate_uniqueness};
use crate::route::{Reason, ReasonKind, Routing, Sensitivity};
use crate::secret::Wiping;
use crate::sort::sort_by;
use crate::span::Location;
use crate::template_tokens::is_template;
use crate::yaml::node::Scalar;

/// Value that must not occur in plain output.
pub(super) struct KnownSecret {
    pub(super) text: Wiping<Vec<u8>>,
    pub(super) uniqueness: Uniqueness,
    /// Sources of this value; several may have it.
    pub(super) owners: Vec<SecretSource>,
}

/// Source of a value.
pub(super) struct SecretSource {
    /// Label in templates and messages.
    pub(super) label: String,
    /// Part of it that has the value; empty for the whole.
    pub(super) part: String,
    /// Location of the value.
    pub(super) place: Location,
    /// Read with which templates use it.
    pub(super) read: TemplateRead,
}

/// Secrets of a target, including those that are too common to search for. Sorted by value, each once.
pub(super) fn collect_secrets(resolved: &ResolvedTarget, routing: &Routing) -> Vec<KnownSecret> {
    let definition = &*resolved.definition;
    let mut found = CollectedSecrets(Vec::new());
    for (id, _, entry) in definition.entries() {
        let owner = |part: &str, place: &Location| SecretSource {
            label: definition.label(&id),
            part: part.to_owned(),
            place: place.clone(),
            read: TemplateRead::Entry(id.clone()),
        };
        if routing.sensitivity(&id) == Sensitivity::Sensitive {
            if let Some(value) = resolved.entries.get(&id)
                && let Some(known) = value.outcome.known()
            {
                found.add(id.key.as_str(), known.bytes(), owner("", &value.place), &|text| {
                    summarize_detections(routing, &id, text)
                });
            }
            collect_parts(entry, &owner, &mut found);
        }
        // what a layer encrypts is a secret although a later one overrides it, unless the entry may be public
        if entry.rules.sensitive.as_ref().is_none_or(|declared| declared.value) {
            collect_decrypted(id.key.as_str(), entry, &owner, &mut found);
        }
    }
    for (path, value) in &resolved.variables {
        let read = TemplateRead::Variable(path.clone());
        let is_sensitive = || routing.read_sensitivity(&definition.environment, &read) == Sensitivity::Sensitive;
        if let Some(known) = value.outcome.known().filter(|_| is_sensitive()) {
            found.add_named(last_word(path), known.bytes(), variable_source(path, &value.place));
        }
    }
    // variables that no template reads were decrypted too, and those that a later layer overrode
    for vars in definition.layers.iter().filter_map(|layer| layer.vars.as_ref()) {
        vars.leaves("", &mut |path, tree, scalar| {
            if is_plaintext(scalar) {
                found.add_named(last_word(path), scalar.text().as_bytes(), variable_source(path, &tree.place));
            }
        });
    }
    for document in resolved.manifests.iter().chain(resolved.patches.iter().flat_map(|patch| &patch.documents)) {
        for DecryptedValue { label, key, bytes, place } in decrypted_values(document) {
            let read = TemplateRead::Variable(label.clone());
            found.add_named(&key, &bytes, SecretSource { label, part: String::new(), place, read });
        }
    }
    found.into_merged(resolved, routing)
}

/// Summarizes the detections of an entry: by its name in any environment. Routing does not inspect the values of
/// secrets.
fn summarize_detections(routing: &Routing, id: &EntryId, text: &str) -> DetectionSummary {
    let reasons = routing.verdict(id).map(|verdict| verdict.reasons.as_slice()).unwrap_or_default();
    let is_name = |reason: &Reason| reason.kind == ReasonKind::Name && reason.argues_for == Sensitivity::Sensitive;
    DetectionSummary { by_name: reasons.iter().any(is_name), ..DetectionSummary::of(id.key.as_str(), text) }
}

fn variable_source(path: &str, place: &Location) -> SecretSource {
    let (label, read) = (format!("vars.{path}"), TemplateRead::Variable(path.to_owned()));
    SecretSource { label, part: String::new(), place: place.clone(), read }
}

/// Collects secrets in the structure of an entry, by the names and the values of its leaves.
fn collect_parts(entry: &Entry, owner: &dyn Fn(&str, &Location) -> SecretSource, found: &mut CollectedSecrets) {
    let Some(EntrySource::Content(tree) | EntrySource::Registries(tree)) =
        entry.source.as_ref().map(|source| &source.value)
    else {
        return;
    };
    tree.leaves("", &mut |path, tree, scalar| {
        let (key, text) = (last_word(path), scalar.text());
        let is_secret = || classify(key, Some(text), TextKind::Literal).is_sensitive();
        if text.len() >= SHORTEST && is_written(scalar) && is_secret() {
            found.add_named(key, text.as_bytes(), owner(path, &tree.place));
        }
    });
}

/// Collects the values that layers gave an entry and that were decrypted, the leaves of structures each.
fn collect_decrypted(
    key: &str,
    entry: &Entry,
    owner: &dyn Fn(&str, &Location) -> SecretSource,
    found: &mut CollectedSecrets,
) {
    for step in &entry.history {
        match &step.change {
            LayerChange::Source(EntrySource::Value(scalar)) if is_plaintext(scalar) => {
                found.add_named(key, scalar.text().as_bytes(), owner("", &step.place));
            }
            LayerChange::Source(EntrySource::Content(tree) | EntrySource::Registries(tree))
            | LayerChange::Merged(tree) => tree.leaves("", &mut |path, tree, scalar| {
                if is_plaintext(scalar) {
                    found.add_named(last_word(path), scalar.text().as_bytes(), owner(path, &tree.place));
                }
            }),
            LayerChange::Source(_) | LayerChange::Rules | LayerChange::Removed => {}
        }
    }
}

/// Whether a scalar is known and was decrypted.
fn is_plaintext(scalar: &Scalar) -> bool {
    scalar.encrypted && is_written(scalar)
}

/// Whether a scalar is known, and no template.
fn is_written(scalar: &Scalar) -> bool {
    !scalar.locked && !is_template(scalar.text())
}

/// Last word of a path, which names a value.
fn last_word(path: &str) -> &str {
    path.rsplit(['.', '[']).find(|part| !part.ends_with(']')).unwrap_or(path)
}

struct CollectedSecrets(Vec<KnownSecret>);

impl CollectedSecrets {
    /// Adds a value, judged by its own key and text alone.
    fn add_named(&mut self, key: &str, value: &[u8], owner: SecretSource) {
        self.add(key, value, owner, &|text| DetectionSummary::of(key, text));
    }

    fn add(&mut self, key: &str, value: &[u8], owner: SecretSource, heard: &dyn Fn(&str) -> DetectionSummary) {
        let distinctness = match std::str::from_utf8(value) {
            Ok(text) => rate_uniqueness(key, text, || heard(text)),
            // people do not type bytes that are not a text
            Err(_) if value.len() >= SHORTEST => Uniqueness::Random,
            Err(_) => Uniqueness::Common,
        };
        // it is the same secret with or without a line break at its end
        let text = Wiping::new(value.trim_ascii().to_vec());
        self.0.push(KnownSecret { text, uniqueness: distinctness, owners: vec![owner] });
    }

    /// Merges equal values, with the sources of all of them.
    fn into_merged(self, resolved: &ResolvedTarget, routing: &Routing) -> Vec<KnownSecret> {
        let mut secrets = self.0;
        sort_by(&mut secrets, |a, b| a.text.cmp(&b.text));
        secrets.dedup_by(|later, first| {
            let is_same = *later.text == *first.text;
            if is_same {
                first.uniqueness = first.uniqueness.max(later.uniqueness);
                for owner in later.owners.drain(..) {
                    // an entry and its history have the same value, as has a list and the layer that adds to it
                    let is_same = |other: &SecretSource| {
                        other.read == owner.read && (other.part == owner.part || other.place == owner.place)
                    };
                    if !first.owners.iter().any(is_same) {
                        first.owners.push(owner);
                    }
                }
            }
            is_same
        });
        if secrets.iter().any(|secret| secret.uniqueness == Uniqueness::Phrase) {
            let plain = plain_values(resolved, routing);
            for secret in secrets.iter_mut().filter(|secret| secret.uniqueness == Uniqueness::Phrase) {
                if plain.contains(secret.text.as_slice()) {
                    secret.uniqueness = Uniqueness::Common;
                }
            }
        }
        secrets
    }
}

/// Values that are public.
fn plain_values<'r>(resolved: &'r ResolvedTarget, routing: &Routing) -> HashSet<&'r [u8]> {
    let environment = &resolved.definition.environment;
    let entries = resolved.entries.iter().filter(|(id, _)| routing.sensitivity(id) == Sensitivity::Plain);
    let is_plain = |path: &str| {
        routing.read_sensitivity(environment, &TemplateRead::Variable(path.to_owned())) == Sensitivity::Plain
    };
    let variables = resolved.variables.iter().filter(|(path, _)| is_plain(path));
    let values = entries.map(|(_, value)| value).chain(variables.map(|(_, value)| value));
    values.filter_map(|value| value.outcome.known().map(ResolvedBytes::bytes).map(<[u8]>::trim_ascii)).collect()
}
