//! Single key of a bundle: its source, its rules, its history.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use super::fields::LayerFields;
use super::pointer::StoreRef;
use super::tree::Tree;
use super::words::Promotion;
use crate::diagnostic::Diagnostics;
use crate::map::IndexMap;
use crate::name::LayerName;
use crate::span::{Located, Location};
use crate::time::{Day, DayCount};
use crate::yaml::node::Scalar;

/// Source of an entry's value: exactly one of these.
#[derive(Debug, Clone)]
pub enum EntrySource {
    /// A text; a template if it contains `{{` or `{%`.
    Value(Arc<Scalar>),
    /// The bytes of a file, verbatim.
    File(PathBuf),
    /// The rendered text of a template file.
    Template(PathBuf),
    /// A structure, merged across layers and written in the format of the key's extension.
    Content(Tree),
    /// Logins to image registries by server, merged across layers and written in Docker's format.
    Registries(Tree),
    /// A reference: the value stays in a store.
    Ref(Arc<StoreRef>),
}

impl EntrySource {
    /// Field that gives this source.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::File(_) => "file",
            Self::Template(_) => "template",
            Self::Content(_) => "content",
            Self::Registries(_) => "registries",
            Self::Ref(_) => "ref",
        }
    }
}

/// Declares [`EntrySchema`]: the name, the type and the reader of each rule. A later layer replaces each by itself.
macro_rules! entry_rules {
    ($($(#[$doc:meta])+ $rule:ident $name:literal: $kind:ty = $read:ident,)+) => {
        /// Rules for a key in every environment. Each rule carries the location that set it.
        #[derive(Debug, Clone, Default)]
        pub struct EntrySchema {
            $($(#[$doc])+ pub $rule: Option<Located<$kind>>,)+
            /// Whether `value` may be a template; true by default.
            pub template: Option<Located<bool>>,
            /// JSON Schema keywords in the order written.
            pub schema: IndexMap<String, Located<serde_json::Value>>,
        }

        impl EntrySchema {
            /// The names of the rules.
            pub(super) const RULES: &[&str] = &[$($name),+];

            /// Takes the rules from the fields of an entry.
            pub(super) fn take_from(fields: &mut LayerFields<'_>, problems: &mut Diagnostics) -> Self {
                Self { $($rule: fields.$read($name, problems),)+ ..Self::default() }
            }

            /// The rules as texts, by name: for comparisons, and for people.
            pub fn to_texts(&self) -> std::collections::BTreeMap<String, String> {
                let mut texts = std::collections::BTreeMap::new();
                $(if let Some(rule) = &self.$rule {
                    texts.insert($name.to_owned(), rule.value.to_string());
                })+
                if let Some(rule) = &self.template {
                    texts.insert("template".to_owned(), rule.value.to_string());
                }
                let keyword = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                texts.extend(self.schema.iter().map(|(name, value)| (name.clone(), keyword(&value.value))));
                texts
            }

            fn replace(&mut self, later: &Self) {
                $(replace(&mut self.$rule, later.$rule.as_ref());)+
                replace(&mut self.template, later.template.as_ref());
                self.schema.extend(later.schema.iter().map(|(keyword, value)| (keyword.clone(), value.clone())));
            }
        }
    };
}

entry_rules! {
    /// Explicit routing.
    sensitive "sensitive": bool = boolean,
    /// Reason for declaring it plain.
    reason "reason": String = reason,
    /// Whether every environment must provide a value.
    required "required": bool = boolean,
    /// Purpose of the key.
    description "description": String = text,
    /// Deprecation message: the key should no longer be set.
    deprecated "deprecated": String = text,
    /// `format`: the file format for `content`, otherwise the JSON Schema keyword.
    format "format": String = text,
    /// Last day on which the value is valid.
    expires "expires": Day = day,
    /// Period after which the value must be replaced.
    rotate_every "rotateEvery": DayCount = day_count,
    /// Person or team in charge of the value.
    owner "owner": String = text,
    /// Instructions for the replacement of the value, or their address.
    rotation "rotation": String = text,
    /// Former name of the key, which layers may still use.
    renamed_from "renamedFrom": String = text,
    /// Whether a promotion to another environment copies the value.
    promote "promote": Promotion = promotion,
}

fn replace<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
    if let Some(new) = new {
        *old = Some(new.clone());
    }
}

impl EntrySchema {
    /// Shared empty set of rules, which most entries of most layers have.
    pub(super) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<EntrySchema>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }

    /// Rules of a later layer replace those of an earlier one, rule by rule. Rules of only one layer stay shared.
    pub fn overlay(rules: &mut Arc<Self>, later: &Arc<Self>) {
        let none = Self::none();
        if Arc::ptr_eq(rules, &none) {
            *rules = Arc::clone(later);
        } else if !Arc::ptr_eq(later, &none) {
            Arc::make_mut(rules).replace(later);
        }
    }
}

/// Change of one layer to a key.
#[derive(Debug, Clone)]
pub struct EntryPatch {
    /// Location of the key.
    pub key_place: Location,
    /// `KEY: null`: the key is removed.
    pub removed: bool,
    /// Whether it is invalid, which was reported.
    pub broken: bool,
    /// Source, with the location of its value.
    pub source: Option<Located<EntrySource>>,
    /// Rules that this layer sets.
    pub rules: Arc<EntrySchema>,
}

/// Step in the history of an entry.
#[derive(Debug, Clone)]
pub struct EntryHistoryStep {
    /// Layer that made the change.
    pub layer: LayerName,
    /// Location of the value, or of the key if there is no value.
    pub place: Location,
    /// Kind of the change.
    pub change: LayerChange,
}

/// Change of a layer to an entry.
#[derive(Debug, Clone)]
pub enum LayerChange {
    /// Defined the key without a value, or changed rules only.
    Rules,
    /// Gave it this source.
    Source(EntrySource),
    /// Merged this into its content.
    Merged(Tree),
    /// Removed it.
    Removed,
}

/// Entry merged from all layers of an environment.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Source; `None` if no layer gives a value, or one removed it.
    pub source: Option<Located<EntrySource>>,
    /// Rules in force. Shared, because most entries have those of one layer in every environment.
    pub rules: Arc<EntrySchema>,
    /// Changes of all layers, oldest first; never empty.
    pub history: Vec<EntryHistoryStep>,
    /// Location of the first layer's key.
    pub defined: Location,
    /// Whether a layer defines it wrongly, which was reported: its value is unusable.
    pub broken: bool,
}

impl Entry {
    /// Creates an entry with a key but no layer contribution yet.
    pub(super) fn defined_at(key: &Location) -> Self {
        Self {
            source: None,
            rules: EntrySchema::none(),
            // most keys are set once, and a growing vector reserves room for four
            history: Vec::with_capacity(1),
            defined: key.clone(),
            broken: false,
        }
    }

    /// Whether the last change to this entry was `null`.
    pub fn is_removed(&self) -> bool {
        self.history
            .iter()
            .rev()
            .find(|step| !matches!(step.change, LayerChange::Rules))
            .is_some_and(|step| matches!(step.change, LayerChange::Removed))
    }

    /// Location of its value, or of its last change if it has no value.
    pub fn place(&self) -> &Location {
        match &self.source {
            Some(source) => &source.place,
            None => self.history.last().map_or(&self.defined, |step| &step.place),
        }
    }

    /// History step that gave the value in force.
    pub fn last_source(&self) -> Option<&EntryHistoryStep> {
        self.source.as_ref()?;
        self.history.iter().rev().find(|step| matches!(step.change, LayerChange::Source(_) | LayerChange::Merged(_)))
    }
}
