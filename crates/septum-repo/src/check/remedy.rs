//! Fixes that need no human decision.

use crate::layer::{Definition, Entry, FormerKeyUse, LayerRole};
use crate::map::{HashMap, HashSet};
use crate::name::{EntryId, KeyName};
use crate::pipeline::Survey;
use crate::project::SECRETS;
use crate::route::Sensitivity;
use crate::span::Location;

/// Automatic fix of a finding.
#[derive(Debug, Clone)]
pub enum Fix {
    /// The key is declared sensitive where it is defined.
    Declare(EntryLocation),
    /// The value moves to the encrypted file of its layer.
    Move {
        /// Its location.
        location: EntryLocation,
        /// Whether the layer defines the key, which has to stay in it.
        keeps_key: bool,
        /// Whether the base declares it as a number or a boolean.
        is_scalar: bool,
        /// Words with which a command names it, if an environment has it.
        words: Option<String>,
    },
    /// The key is set under its current name.
    Rename {
        /// Location of its former name.
        location: EntryLocation,
        /// Its current name.
        new: KeyName,
    },
    /// The file of this name is encrypted.
    Encrypt(String),
}

/// Location of an entry in a file.
#[derive(Debug, Clone)]
pub struct EntryLocation {
    /// Location of its key, or of its value.
    pub place: Location,
    /// The entry.
    pub entry: EntryId,
    /// Whether it is in the app's own bundle, which has two spellings: `data` and `bundles.APP.data`.
    pub is_own: bool,
}

/// Uses of former names by their locations: the name of a file, and an offset in it. Those in encrypted layers are left
/// out.
pub(super) struct FormerUseIndex<'s>(HashMap<(&'s str, usize), (&'s Definition, &'s FormerKeyUse)>);

impl<'s> FormerUseIndex<'s> {
    pub(super) fn of(survey: &'s Survey) -> Self {
        let mut uses = HashMap::default();
        for resolved in &survey.environments {
            let definition = &resolved.definition;
            let encrypted: HashSet<_> = definition.wrappings.iter().map(|(source, _)| source.name()).collect();
            for former in &definition.former_uses {
                let file = former.place.source.name();
                if !encrypted.contains(file) {
                    uses.entry((file, former.place.span.start)).or_insert((&**definition, former));
                }
            }
        }
        Self(uses)
    }

    /// Fix for the use of a former name at a location.
    pub(super) fn fix_at(&self, place: &Location) -> Option<Fix> {
        let (definition, former) = self.0.get(&(place.source.name(), place.span.start))?;
        let old = EntryId { bundle: former.id.bundle.clone(), key: former.old.clone() };
        let location = EntryLocation::at_place(definition, &old, place);
        Some(Fix::Rename { location, new: former.id.key.clone() })
    }
}

impl Fix {
    pub(super) fn declare(definition: &Definition, id: &EntryId, entry: &Entry) -> Self {
        Self::Declare(EntryLocation::at_place(definition, id, &entry.defined))
    }

    /// Fix for a plaintext value of an entry, unless it can be fixed only together with its file: then the layer is
    /// encrypted in part, or should be as a whole.
    pub(super) fn move_away(survey: &Survey, definition: &Definition, id: &EntryId, place: &Location) -> Option<Self> {
        let file = place.source.name();
        let is_encrypted = definition.wrappings.iter().any(|(source, _)| source.name() == file);
        if is_encrypted || file.ends_with(SECRETS) {
            return None;
        }
        // encrypted, it would go to another object than now
        if survey.routing.sensitivity(id) == Sensitivity::Plain {
            return None;
        }
        let entries = || survey.readable().filter_map(|resolved| resolved.definition.entry(id));
        let keeps_key = entries().any(|entry| entry.defined.source.name() == file);
        let types = entries().filter_map(|entry| entry.rules.schema.get("type")?.value.as_str());
        let is_scalar = types.into_iter().any(|name| matches!(name, "integer" | "number" | "boolean"));
        let environment = Some(definition.environment.as_str()).filter(|_| definition.role() == LayerRole::Environment);
        let words = environment.map(|environment| definition.command_words(environment, id));
        Some(Self::Move { location: EntryLocation::at_place(definition, id, place), keeps_key, is_scalar, words })
    }

    /// The entry of the location, if there is one.
    pub fn entry_location(&self) -> Option<&EntryLocation> {
        match self {
            Self::Declare(spot) | Self::Move { location: spot, .. } | Self::Rename { location: spot, .. } => Some(spot),
            Self::Encrypt(_) => None,
        }
    }

    /// Merges the fixes of apps that share a layer: a part that one of them needs stays.
    pub(super) fn absorb(&mut self, other: &Self) {
        if let (Self::Move { keeps_key, .. }, Self::Move { keeps_key: other, .. }) = (self, other) {
            *keeps_key |= other;
        }
    }
}

impl EntryLocation {
    fn at_place(definition: &Definition, id: &EntryId, place: &Location) -> Self {
        Self { place: place.clone(), entry: id.clone(), is_own: id.bundle == definition.own_bundle() }
    }
}
