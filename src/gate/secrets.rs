//! What is looked for: the values of a target that are secrets and are known.

use std::collections::HashSet;

use crate::layer::{Change, Entry, EntrySource};
use crate::name::EntryId;
use crate::resolve::{Final, Read, Resolved};
use crate::route::detect::{Distinctness, Heard, SHORTEST, TextKind, classify, distinctness};
use crate::route::{Ground, Reason, Routing, Sensitivity};
use crate::secret::Wiping;
use crate::span::Place;
use crate::template_tokens::is_template;
use crate::yaml::node::Scalar;

/// A value that must not be found.
pub(super) struct Secret {
    pub(super) text: Wiping<Vec<u8>>,
    pub(super) distinctness: Distinctness,
    /// What has this value; several may.
    pub(super) owners: Vec<Owner>,
}

/// What has a value.
pub(super) struct Owner {
    /// What it is called by in templates and messages.
    pub(super) label: String,
    /// The part of it that has the value; empty if it is the whole.
    pub(super) part: String,
    /// Where the value stands.
    pub(super) place: Place,
    /// How templates read it.
    pub(super) read: Read,
}

impl Owner {
    /// The key by which a finding of it is accepted.
    pub(super) fn key(&self) -> &str {
        match &self.read {
            Read::Entry(id) => id.key.as_str(),
            Read::Variable(path) => path,
        }
    }
}

/// The secrets of a target, those that are below the floor included. Sorted by value, each once.
pub(super) fn secrets(resolved: &Resolved, routing: &Routing) -> Vec<Secret> {
    let definition = &*resolved.definition;
    let mut found = Found(Vec::new());
    for (id, value) in &resolved.entries {
        if routing.sensitivity(id) != Sensitivity::Sensitive {
            continue;
        }
        let owner = |part: &str, place: &Place| Owner {
            label: definition.label(id),
            part: part.to_owned(),
            place: place.clone(),
            read: Read::Entry(id.clone()),
        };
        if let Some(known) = value.outcome.known() {
            found.add(id.key.as_str(), known.bytes(), owner("", &value.place), &|text| heard(routing, id, text));
        }
        if let Some(entry) = definition.entry(id) {
            parts(id.key.as_str(), entry, &owner, &mut found);
        }
    }
    for (path, value) in &resolved.variables {
        let read = Read::Variable(path.clone());
        let is_sensitive = || routing.of_read(&definition.environment, &read) == Sensitivity::Sensitive;
        if let Some(known) = value.outcome.known().filter(|_| is_sensitive()) {
            found.add(last(path), known.bytes(), of_variable(path, &value.place), &|text| Heard::of(last(path), text));
        }
    }
    if let Some(vars) = &definition.vars {
        vars.leaves("", &mut |path, tree, scalar| {
            // what no template reads was decrypted all the same
            if is_plaintext(scalar) {
                found.add(last(path), scalar.text().as_bytes(), of_variable(path, &tree.place), &|text| {
                    Heard::of(last(path), text)
                });
            }
        });
    }
    found.merged(resolved, routing)
}

/// What routing heard of an entry, in any environment.
/// The values of secrets are not looked at there.
fn heard(routing: &Routing, id: &EntryId, text: &str) -> Heard {
    let reasons = routing.verdict(id).map(|verdict| verdict.reasons.as_slice()).unwrap_or_default();
    let speaks = |ground| {
        reasons.iter().any(|reason: &Reason| reason.ground == ground && reason.speaks_for == Sensitivity::Sensitive)
    };
    let by_value = speaks(Ground::Value) || Heard::of(id.key.as_str(), text).by_value;
    Heard { by_name: speaks(Ground::Name), by_value }
}

fn of_variable(path: &str, place: &Place) -> Owner {
    let (label, read) = (format!("vars.{path}"), Read::Variable(path.to_owned()));
    Owner { label, part: String::new(), place: place.clone(), read }
}

/// Secrets within an entry: leaves of its structure, and what was decrypted for it and then overridden.
fn parts(key: &str, entry: &Entry, owner: &dyn Fn(&str, &Place) -> Owner, found: &mut Found) {
    if let Some(EntrySource::Content(tree) | EntrySource::Registries(tree)) =
        entry.source.as_ref().map(|source| &source.value)
    {
        let text_kind = TextKind::of_rule(entry.rules.template.as_ref().map(|rule| rule.value));
        tree.leaves("", &mut |path, tree, scalar| {
            let is_secret = || classify(last(path), Some(scalar.text()), text_kind).sensitive();
            if scalar.text().len() >= SHORTEST && (is_plaintext(scalar) || is_written(scalar) && is_secret()) {
                found.add(last(path), scalar.text().as_bytes(), owner(path, &tree.place), &|text| {
                    Heard::of(last(path), text)
                });
            }
        });
    }
    for step in &entry.history {
        if let Change::Source(EntrySource::Value(scalar)) = &step.change
            && is_plaintext(scalar)
        {
            found.add(key, scalar.text().as_bytes(), owner("", &step.place), &|text| Heard::of(key, text));
        }
    }
}

/// Whether a scalar is known and was decrypted.
fn is_plaintext(scalar: &Scalar) -> bool {
    scalar.encrypted && is_written(scalar)
}

fn is_written(scalar: &Scalar) -> bool {
    !scalar.locked && !is_template(scalar.text())
}

/// The last word of a path, which names a value.
fn last(path: &str) -> &str {
    path.rsplit(['.', '[']).find(|part| !part.ends_with(']')).unwrap_or(path)
}

struct Found(Vec<Secret>);

impl Found {
    fn add(&mut self, key: &str, value: &[u8], owner: Owner, heard: &dyn Fn(&str) -> Heard) {
        let distinctness = match std::str::from_utf8(value) {
            Ok(text) => distinctness(key, text, || heard(text)),
            // bytes that are no text are not written by people
            Err(_) if value.len() >= SHORTEST => Distinctness::Made,
            Err(_) => Distinctness::Common,
        };
        // with or without the line break at its end, it is the same secret
        let text = Wiping::new(value.trim_ascii().to_vec());
        self.0.push(Secret { text, distinctness, owners: vec![owner] });
    }

    /// Each value once, with all that have it.
    fn merged(self, resolved: &Resolved, routing: &Routing) -> Vec<Secret> {
        let mut secrets = self.0;
        secrets.sort_by(|a, b| a.text.cmp(&b.text));
        secrets.dedup_by(|later, first| {
            let is_same = *later.text == *first.text;
            if is_same {
                first.distinctness = first.distinctness.max(later.distinctness);
                for owner in later.owners.drain(..) {
                    // an entry and its history have the same value
                    if !first.owners.iter().any(|other| (&other.label, &other.part) == (&owner.label, &owner.part)) {
                        first.owners.push(owner);
                    }
                }
            }
            is_same
        });
        if secrets.iter().any(|secret| secret.distinctness == Distinctness::Phrase) {
            let plain = plain_values(resolved, routing);
            for secret in secrets.iter_mut().filter(|secret| secret.distinctness == Distinctness::Phrase) {
                if plain.contains(secret.text.as_slice()) {
                    secret.distinctness = Distinctness::Common;
                }
            }
        }
        secrets
    }
}

/// The values that anyone may know.
fn plain_values<'r>(resolved: &'r Resolved, routing: &Routing) -> HashSet<&'r [u8]> {
    let environment = &resolved.definition.environment;
    let entries = resolved.entries.iter().filter(|(id, _)| routing.sensitivity(id) == Sensitivity::Plain);
    let is_plain = |path: &str| routing.of_read(environment, &Read::Variable(path.to_owned())) == Sensitivity::Plain;
    let variables = resolved.variables.iter().filter(|(path, _)| is_plain(path));
    let values = entries.map(|(_, value)| value).chain(variables.map(|(_, value)| value));
    values.filter_map(|value| value.outcome.known().map(Final::bytes).map(<[u8]>::trim_ascii)).collect()
}
