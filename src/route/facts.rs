//! What is known of each entry and variable in each environment, before anything is decided.

use indexmap::IndexMap;

use super::detect::{self, Certainty, Detection};
use crate::layer::{Bundle, Definition, Entry};
use crate::name::EntryId;
use crate::resolve::{Lineage, Outcome, Read, Resolved, ResolvedValue};
use crate::span::{Located, Place};

/// The facts of one environment.
pub(super) struct Facts<'r> {
    pub(super) definition: &'r Definition,
    pub(super) entries: IndexMap<&'r EntryId, Fact<'r>>,
    pub(super) variables: IndexMap<&'r str, Fact<'r>>,
}

/// What is known of one value.
pub(super) struct Fact<'r> {
    pub(super) declared: Option<Declared<'r>>,
    pub(super) encrypted: bool,
    pub(super) reads: &'r [Read],
    pub(super) detection: Detection,
    pub(super) place: &'r Place,
    /// Where the key was defined.
    pub(super) defined: &'r Place,
}

/// What a layer declares.
#[derive(Clone, Copy)]
pub(super) enum Declared<'r> {
    /// `sensitive: true`
    Sensitive(&'r Place),
    /// The type of its bundle is that of a Secret.
    SecretType(&'r Located<String>),
    /// `sensitive: false`, with its reason.
    Plain { place: &'r Place, reason: Option<&'r str>, allowed: bool },
}

impl<'r> Facts<'r> {
    pub(super) fn of(resolved: &'r Resolved) -> Self {
        let definition = &*resolved.definition;
        let entries = definition.entries().filter_map(|(id, bundle, entry)| {
            let (id, value) = resolved.entries.get_key_value(&id)?;
            Some((id, entry_fact(definition, id, bundle, entry, value)))
        });
        let variables = resolved.variables.iter().map(|(path, value)| (path.as_str(), variable_fact(path, value)));
        Self { definition, entries: entries.collect(), variables: variables.collect() }
    }
}

fn entry_fact<'r>(
    definition: &'r Definition,
    id: &EntryId,
    bundle: &'r Bundle,
    entry: &'r Entry,
    value: &'r ResolvedValue,
) -> Fact<'r> {
    let detection = detection(id.key.as_str(), value);
    let detector = detection.by_value.as_ref().map(|hit| hit.detector);
    let declared = match (&bundle.secret_type, &entry.rules.sensitive) {
        (_, Some(declared)) if !declared.value => {
            let allowed = definition.allow.iter().any(|allow| {
                allow.key.value == id.key.as_str()
                    && (allow.rule.value == "plaintext-secret" || Some(allow.rule.value.as_str()) == detector)
            });
            let reason = entry.rules.reason.as_ref().map(|reason| reason.value.as_str());
            Some(Declared::Plain { place: &declared.place, reason, allowed })
        }
        (_, Some(declared)) => Some(Declared::Sensitive(&declared.place)),
        (Some(secret_type), None) => Some(Declared::SecretType(secret_type)),
        (None, None) => None,
    };
    Fact { declared, detection, defined: &entry.defined, ..fact(value) }
}

fn variable_fact<'r>(path: &str, value: &'r ResolvedValue) -> Fact<'r> {
    // the last word of a path names the value: `database.password`
    let name = path.rsplit(['.', '[']).find(|part| !part.ends_with(']')).unwrap_or(path);
    Fact { detection: detection(name, value), ..fact(value) }
}

fn fact(value: &ResolvedValue) -> Fact<'_> {
    let Lineage { encrypted, reads, .. } = &value.lineage;
    Fact {
        declared: None,
        encrypted: *encrypted,
        reads,
        detection: detect::classify("", None),
        place: &value.place,
        defined: &value.place,
    }
}

fn detection(key: &str, value: &ResolvedValue) -> Detection {
    let text = match &value.outcome {
        Outcome::Known(known) => known.text(),
        Outcome::Missing | Outcome::Locked | Outcome::Failed => None,
    };
    detect::classify(key, text)
}

impl Fact<'_> {
    /// Whether the value holds what can be nothing but a credential.
    pub(super) fn is_certain(&self) -> bool {
        self.detection.by_value.as_ref().is_some_and(|hit| hit.certainty == Certainty::Certain)
    }
}
