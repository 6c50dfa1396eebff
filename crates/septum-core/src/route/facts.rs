//! Facts about each entry and variable in each environment, collected before anything is decided.

use std::rc::Rc;

use super::detect::{self, Certainty, Detection, TextKind, ValueHit};
use crate::layer::{AllowIndex, Bundle, Definition, Entry, EntrySource};
use crate::map::{HashMap, IndexMap};
use crate::name::EntryId;
use crate::resolve::{EntryOutcome, Lineage, ResolvedBytes, ResolvedTarget, ResolvedValue, TemplateRead};
use crate::span::{Located, Location};

/// Facts of one environment.
pub(super) struct EnvironmentFacts<'r> {
    pub(super) definition: &'r Definition,
    pub(super) entries: IndexMap<&'r EntryId, EntryFacts<'r>>,
    pub(super) variables: IndexMap<&'r str, EntryFacts<'r>>,
}

/// Classification inputs of one value.
pub(super) struct EntryFacts<'r> {
    pub(super) declared: Option<EntryDeclaration<'r>>,
    pub(super) encrypted: bool,
    /// Whether the entry is a `ref`: its value stays in a store.
    pub(super) kept: bool,
    /// Whether its value is unknown without a key, so that no detector read it.
    pub(super) locked: bool,
    pub(super) reads: &'r [TemplateRead],
    pub(super) detection: Rc<Detection>,
    pub(super) place: &'r Location,
    /// Location of the definition of the key.
    pub(super) defined: &'r Location,
}

/// Cache of detections by name and value. Most values are the same in all environments, and classifying values is the
/// larger part of routing.
#[derive(Default)]
pub(super) struct DetectionCache<'r>(HashMap<(&'r str, Option<&'r str>, bool), Rc<Detection>>);

impl<'r> DetectionCache<'r> {
    /// Detection for a name and a value. A value that is sensitive anyway, because it is encrypted or derived from a
    /// secret, is not inspected unless a layer declares it plain: a report about it would reveal what it is.
    fn detection(&mut self, key: &'r str, value: &'r ResolvedValue, is_plain: bool) -> Rc<Detection> {
        let lifts = !value.lineage.declassified.is_empty();
        let is_looked_at = is_plain || lifts || !value.lineage.secret;
        let text = value.outcome.known().filter(|_| is_looked_at).and_then(ResolvedBytes::text);
        let is_made = matches!(value.outcome.known(), Some(ResolvedBytes::Rendered(_)));
        let judge = || {
            let mut detection = detect::classify(key, text, TextKind::Literal);
            if is_made {
                // names in the output of a template may occur in no source
                detection.by_value = detection.by_value.map(ValueHit::without_names);
            }
            Rc::new(detection)
        };
        Rc::clone(self.0.entry((key, text, is_made)).or_insert_with(judge))
    }
}

/// Declaration of a layer about an entry.
#[derive(Clone, Copy)]
pub(super) enum EntryDeclaration<'r> {
    /// `sensitive: true`
    Sensitive(&'r Location),
    /// The bundle's type is that of a Secret.
    SecretType(&'r Located<String>),
    /// `sensitive: false`, with its reason.
    Plain { place: &'r Location, reason: Option<&'r str>, allowed: bool },
}

impl<'r> EnvironmentFacts<'r> {
    pub(super) fn of(resolved: &'r ResolvedTarget, judged: &mut DetectionCache<'r>) -> Self {
        let definition = &*resolved.definition;
        let allowed = AllowIndex::of(definition, |_| true);
        let entries = definition.entries().filter_map(|(id, bundle, entry)| {
            let (id, value) = resolved.entries.get_key_value(&id)?;
            let is_plain = entry.rules.sensitive.as_ref().is_some_and(|declared| !declared.value);
            let detection = judged.detection(id.key.as_str(), value, is_plain);
            Some((id, entry_fact(&allowed, id, bundle, entry, new_entry_facts(value, detection))))
        });
        let entries = entries.collect();
        let variables = resolved.variables.iter().map(|(path, value)| {
            let text = value.outcome.known().and_then(ResolvedBytes::text).unwrap_or_default();
            let name = if detect::is_name_by_place(path, text) { "" } else { name_of(path) };
            let detection = judged.detection(name, value, false);
            (path.as_str(), new_entry_facts(value, detection))
        });
        Self { definition, entries, variables: variables.collect() }
    }
}

fn entry_fact<'r>(
    allowed: &AllowIndex<'_>,
    id: &EntryId,
    bundle: &'r Bundle,
    entry: &'r Entry,
    fact: EntryFacts<'r>,
) -> EntryFacts<'r> {
    let detector = fact.detection.by_value.as_ref().map(|hit| hit.detector);
    let declared = match (&bundle.secret_type, &entry.rules.sensitive) {
        (_, Some(declared)) if !declared.value => {
            let rules = std::iter::once("plaintext-secret").chain(detector);
            let allowed = allowed.find(rules, id.key.as_str(), Some(id.bundle.as_str())).is_some();
            let reason = entry.rules.reason.as_ref().map(|reason| reason.value.as_str());
            Some(EntryDeclaration::Plain { place: &declared.place, reason, allowed })
        }
        (_, Some(declared)) => Some(EntryDeclaration::Sensitive(&declared.place)),
        (Some(secret_type), None) => Some(EntryDeclaration::SecretType(secret_type)),
        (None, None) => None,
    };
    let kept = matches!(entry.source.as_ref().map(|source| &source.value), Some(EntrySource::Ref(_)));
    EntryFacts { declared, kept, defined: &entry.defined, ..fact }
}

/// Last word of a variable's path, which names the value: `password` in `database.password`.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit(['.', '[']).find(|part| !part.ends_with(']')).unwrap_or(path)
}

fn new_entry_facts(value: &ResolvedValue, detection: Rc<Detection>) -> EntryFacts<'_> {
    let Lineage { encrypted, reads, .. } = &value.lineage;
    EntryFacts {
        declared: None,
        encrypted: *encrypted,
        kept: false,
        locked: matches!(value.outcome, EntryOutcome::Locked(_)),
        reads,
        detection,
        place: &value.place,
        defined: &value.place,
    }
}

impl EntryFacts<'_> {
    /// Whether a detector could find a credential in the value with a key, and nothing accepts that.
    pub(super) fn is_undecided(&self) -> bool {
        self.locked && !matches!(self.declared, Some(EntryDeclaration::Plain { allowed: true, .. }))
    }

    /// Whether the value contains something that can only be a credential.
    pub(super) fn is_certain(&self) -> bool {
        self.detection.by_value.as_ref().is_some_and(|hit| hit.certainty == Certainty::Certain)
    }
}
