//! Report of a finding: its location, the secret and the encoding, never the value.

use super::entry_id;
use super::forms::ValueEncoding;
use super::search::KnownSecretSearch;
use super::secrets::{KnownSecret, SecretSource};
use super::walk::TextSite;
use crate::deliver::Delivered;
use crate::diagnostic::{Cause, Diagnostic, Rule};
use crate::layer::Definition;
use crate::name::EntryId;
use crate::resolve::{ResolvedTarget, TemplateRead};
use crate::span::Location;

/// Rule of the findings, as named in `allow`.
pub(super) const RULE: Rule = Rule::SecretInPlainOutput;

/// Builder of the diagnostic for a leak.
pub(super) struct LeakReport<'a> {
    pub(super) resolved: &'a ResolvedTarget,
    pub(super) definition: &'a Definition,
    pub(super) search: &'a KnownSecretSearch,
    pub(super) object: &'a Delivered,
    pub(super) site: &'a TextSite<'a>,
}

impl LeakReport<'_> {
    pub(super) fn diagnostic(&self, secret: &KnownSecret, form: ValueEncoding) -> Diagnostic {
        let Self { search, object, site: spot, .. } = self;
        let path = spot.path.to_string();
        let shown = search.redact(&path);
        let object = format!("the {} `{}`", search.redact(&object.id.kind), search.redact(&object.id.name));
        let what = if spot.is_key { format!("the key `{shown}`") } else { format!("`{shown}`") };
        let object = if self.common_place().is_some() { "every object".to_owned() } else { object };
        let message = format!("{what} of {object} contains the value of {}, {form}", secret_name(secret, search));
        let error = Diagnostic::error(RULE, message);
        let error = match self.place() {
            // the line would show the key
            Some(place) if spot.is_key || shown != path => error.note(format!("it is at {place}")),
            Some(place) => error.at_masked(place),
            None => error,
        };
        with_owner(error, secret, search)
            .hint(self.resolution_hint(secret))
            .hint(self.acceptance(secret))
            .with_cause(self.declared_plain())
    }

    /// Declarations without which the value would be in the Secret: of the entry with the text, and of what it reads.
    fn declared_plain(&self) -> Option<Cause> {
        let id = entry_id(self.object, self.site.entry?);
        let reads = self.resolved.entries.get(&id).map(|value| &value.lineage.reads);
        let read = reads.into_iter().flatten().filter_map(|read| match read {
            TemplateRead::Entry(id) => Some(id),
            TemplateRead::Variable(_) => None,
        });
        let declared = |id: &EntryId| {
            let rule = self.definition.entry(id)?.rules.sensitive.as_ref()?;
            (!rule.value).then(|| rule.place.clone())
        };
        let places: Vec<_> = read.chain([&id]).filter_map(declared).collect();
        (!places.is_empty()).then_some(Cause::FollowsFrom(places))
    }

    /// Location of the text that contains the value.
    fn place(&self) -> Option<Location> {
        if let Some(place) = self.common_place() {
            return Some(place.clone());
        }
        if let Some((_, place)) = self.site.manifest {
            return Some(place.clone());
        }
        let bundle = self.definition.bundles.get(self.object.id.base_name.as_str());
        if let Some(key) = self.site.entry {
            return Some(self.definition.entry(&entry_id(self.object, key))?.place().clone());
        }
        let keys = self.site.path.keys();
        let (own, common) = match keys.as_slice() {
            ["metadata", "annotations", _] => (bundle.map(|bundle| &bundle.annotations), &self.definition.annotations),
            ["metadata", "labels", _] => (bundle.map(|bundle| &bundle.labels), &self.definition.labels),
            ["metadata", "namespace"] => return self.definition.namespace.as_ref().map(|found| found.place.clone()),
            _ => return bundle.and_then(|bundle| bundle.place.clone()),
        };
        let key = keys.last()?;
        own.and_then(|own| own.get(*key)).or_else(|| common.get(*key)).map(|found| found.place.clone())
    }

    /// Location of the text in a layer that gives it to every object.
    fn common_place(&self) -> Option<&Location> {
        let keys = self.site.path.keys();
        let common = match keys.as_slice() {
            ["metadata", "annotations", key] => self.definition.annotations.get(*key),
            ["metadata", "labels", key] => self.definition.labels.get(*key),
            ["metadata", "namespace"] => self.definition.namespace.as_ref(),
            _ => None,
        };
        common
            .filter(|common| self.site.is_key || common.value.as_bytes() == self.site.text)
            .map(|common| &common.place)
    }

    /// Hint for passing the value correctly.
    fn resolution_hint(&self, secret: &KnownSecret) -> String {
        let Some(owner) = secret.owners.first() else { return String::new() };
        let label = self.search.redact(&owner.label);
        match (self.site.entry, self.site.manifest) {
            (Some(_), _) if self.site.is_key => "use another key".to_owned(),
            (Some(_), _) if owner.part.is_empty() && is_expression(&label, owner) => {
                format!("write `{{{{ {label} }}}}` instead, so that the key is routed to the Secret")
            }
            (Some(_), _) if owner.part.is_empty() => format!("remove it, or declare `sensitive: false` for `{label}`"),
            (Some(_), _) => {
                "define a separate entry for the secret, and read it with a template in both places".to_owned()
            }
            (None, Some(_)) => "refer to the Secret instead: `secretKeyRef`, or `septum.dev/env-from`".to_owned(),
            (None, None) => "remove it: anyone who can read the object could read the secret".to_owned(),
        }
    }

    /// Hint for accepting the finding.
    fn acceptance(&self, secret: &KnownSecret) -> String {
        let of_text = self.site.entry.map(|key| TemplateRead::Entry(entry_id(self.object, key)));
        let read = of_text.as_ref().or_else(|| secret.owners.first().map(|owner| &owner.read));
        let (key, bundle) = match read {
            Some(TemplateRead::Entry(id)) => (id.key.as_str(), Some(id.bundle.as_str())),
            Some(TemplateRead::Variable(path)) => (path.as_str(), None),
            None => ("", None),
        };
        let bundle = bundle.filter(|bundle| *bundle != self.definition.app.as_str());
        let bundle = bundle.map(|bundle| format!(", bundle: {}", self.search.redact(bundle))).unwrap_or_default();
        let key = self.search.redact(key);
        format!(
            "or, if it may be public, use `declassify(value, \"why\")` or `allow: [{{ rule: {RULE}{bundle}, key: {key}, reason: … }}]`"
        )
    }
}

/// Whether a template can read something by its unchanged label.
fn is_expression(label: &str, owner: &SecretSource) -> bool {
    let of_name = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '.';
    let is_dotted = matches!(&owner.read, TemplateRead::Entry(id) if id.key.as_str().contains('.'));
    label.chars().all(of_name) && !is_dotted
}

/// Error: the name of a directory contains a secret.
pub(super) fn leak_in_directory(
    what: &str,
    secret: &KnownSecret,
    form: ValueEncoding,
    search: &KnownSecretSearch,
) -> Diagnostic {
    let message = format!("the name of the {what} contains the value of {}, {form}", secret_name(secret, search));
    let error = Diagnostic::error(RULE, message).note("files are written to a directory of that name");
    with_owner(error, secret, search).hint("rename it")
}

/// Name of a secret in messages.
fn secret_name(secret: &KnownSecret, search: &KnownSecretSearch) -> String {
    let Some(owner) = secret.owners.first() else { return "a secret".to_owned() };
    let label = search.redact(&owner.label);
    let what = if owner.part.is_empty() {
        format!("`{label}`")
    } else {
        format!("`{}` in `{label}`", search.redact(&owner.part))
    };
    match secret.owners.len() {
        1 => what,
        count => format!("{what} (and of {} more)", count - 1),
    }
}

/// Adds the location of the secret.
fn with_owner(error: Diagnostic, secret: &KnownSecret, search: &KnownSecretSearch) -> Diagnostic {
    let Some(owner) = secret.owners.first() else { return error };
    let place = &owner.place;
    // the line would show the name
    let is_redacted = |name: &String| search.redact(name) != *name;
    if error.labels.is_empty() || is_redacted(&owner.label) || is_redacted(&owner.part) {
        return error.note(format!("the secret is at {place}"));
    }
    error.at_masked_with(place.clone(), "the secret")
}
