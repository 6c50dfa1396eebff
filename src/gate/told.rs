//! What is told of a finding: where, which secret, in which form, and never the value.

use super::entry_id;
use super::forms::Form;
use super::search::Search;
use super::secrets::{Owner, Secret};
use super::walk::Spot;
use crate::deliver::Delivered;
use crate::diagnostic::Diagnostic;
use crate::layer::Definition;
use crate::resolve::Read;
use crate::span::Place;

/// The rule, by which `allow` names it too.
pub(super) const RULE: &str = "secret-in-plain-output";

/// What a finding is told by.
pub(super) struct Told<'a> {
    pub(super) definition: &'a Definition,
    pub(super) search: &'a Search,
    pub(super) object: &'a Delivered,
    pub(super) spot: &'a Spot<'a>,
}

impl Told<'_> {
    pub(super) fn diagnostic(&self, secret: &Secret, form: Form) -> Diagnostic {
        let Self { search, object, spot, .. } = self;
        let path = spot.path.to_string();
        let shown = search.veiled(&path);
        let object = format!("the {} `{}`", search.veiled(&object.id.kind), search.veiled(&object.id.name));
        let what = if spot.is_key { format!("the key `{shown}`") } else { format!("`{shown}`") };
        let message = format!("{what} of {object} holds the value of {}, {form}", name(secret, search));
        let error = Diagnostic::error(RULE, message);
        let error = match self.place() {
            // the line would show the key
            Some(place) if spot.is_key || shown != path => error.note(format!("it stands at {place}")),
            Some(place) => error.at_hidden(place),
            None => error,
        };
        with_owner(error, secret).hint(self.way_out(secret)).hint(self.acceptance(secret))
    }

    /// Where the text stands that holds it.
    fn place(&self) -> Option<Place> {
        if let Some((_, place)) = self.spot.manifest {
            return Some(place.clone());
        }
        let bundle = self.definition.bundles.get(self.object.id.base_name.as_str());
        if let Some(key) = self.spot.entry {
            return Some(self.definition.entry(&entry_id(self.object, key))?.place().clone());
        }
        let keys = self.spot.path.keys();
        let (own, common) = match keys.as_slice() {
            ["metadata", "annotations", _] => (bundle.map(|bundle| &bundle.annotations), &self.definition.annotations),
            ["metadata", "labels", _] => (bundle.map(|bundle| &bundle.labels), &self.definition.labels),
            ["metadata", "namespace"] => return self.definition.namespace.as_ref().map(|found| found.place.clone()),
            _ => return bundle.and_then(|bundle| bundle.place.clone()),
        };
        let key = keys.last()?;
        own.and_then(|own| own.get(*key)).or_else(|| common.get(*key)).map(|found| found.place.clone())
    }

    /// How the value gets to where it is needed.
    fn way_out(&self, secret: &Secret) -> String {
        let Some(owner) = secret.owners.first() else { return String::new() };
        let label = self.search.veiled(&owner.label);
        match (self.spot.entry, self.spot.manifest) {
            (Some(_), _) if self.spot.is_key => "give it another key".to_owned(),
            (Some(_), _) if owner.part.is_empty() && is_expression(&label, owner) => {
                format!("write `{{{{ {label} }}}}` in its place, so that the key goes to the Secret")
            }
            (Some(_), _) if owner.part.is_empty() => format!("remove it, or declare `sensitive: false` for `{label}`"),
            (Some(_), _) => "give the secret an entry of its own, and both a template that reads it".to_owned(),
            (None, Some(_)) => "refer to the Secret in its place: `secretKeyRef`, or `septum.dev/env-from`".to_owned(),
            (None, None) => "take it out: whoever may read the object could read the secret".to_owned(),
        }
    }

    /// How it is accepted.
    fn acceptance(&self, secret: &Secret) -> String {
        let owner = secret.owners.first().map(Owner::key).unwrap_or_default();
        let key = self.search.veiled(self.spot.entry.unwrap_or(owner));
        format!(
            "or, if everybody may know it: `declassify(value, \"why\")`, or `allow: [{{ rule: {RULE}, key: {key}, reason: … }}]`"
        )
    }
}

/// Whether a template reads something by its label as it is.
fn is_expression(label: &str, owner: &Owner) -> bool {
    let of_name = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '.';
    let is_dotted = matches!(&owner.read, Read::Entry(id) if id.key.as_str().contains('.'));
    label.chars().all(of_name) && !is_dotted
}

/// That the name of a folder holds a secret.
pub(super) fn in_folder(what: &str, secret: &Secret, form: Form, search: &Search) -> Diagnostic {
    let message = format!("the name of the {what} holds the value of {}, {form}", name(secret, search));
    let error = Diagnostic::error(RULE, message).note("files are written to a folder of that name");
    with_owner(error, secret).hint("rename it")
}

/// What a secret is called by.
fn name(secret: &Secret, search: &Search) -> String {
    let Some(owner) = secret.owners.first() else { return "a secret".to_owned() };
    let label = search.veiled(&owner.label);
    let what = if owner.part.is_empty() {
        format!("`{label}`")
    } else {
        format!("`{}` in `{label}`", search.veiled(&owner.part))
    };
    match secret.owners.len() {
        1 => what,
        count => format!("{what} (and of {} more)", count - 1),
    }
}

/// Where the secret stands.
fn with_owner(error: Diagnostic, secret: &Secret) -> Diagnostic {
    let Some(owner) = secret.owners.first() else { return error };
    let place = &owner.place;
    if place.source.name().is_empty() {
        return error;
    }
    if error.labels.is_empty() {
        return error.note(format!("the secret stands at {place}"));
    }
    error.at_hidden_with(place.clone(), "the secret")
}
