//! One key of a bundle: its source, its rules, its history.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;

use super::pointer::StoreRef;
use super::tree::Tree;
use crate::name::LayerName;
use crate::span::{Located, Location};
use crate::yaml::node::Scalar;

/// Where an entry's value comes from: exactly one of these.
#[derive(Debug, Clone)]
pub enum EntrySource {
    /// A text; a template if it contains `{{` or `{%`.
    Value(Arc<Scalar>),
    /// The bytes of a file, verbatim.
    File(PathBuf),
    /// The rendered text of a template file.
    Template(PathBuf),
    /// A structure, merged across layers and written as the key's extension says.
    Content(Tree),
    /// Logins to image registries by server, merged across layers and written as Docker reads them.
    Registries(Tree),
    /// A pointer: the value stays in a store.
    Ref(Arc<StoreRef>),
}

impl EntrySource {
    /// The field that gives this source.
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

/// What holds for a key in every environment. Each rule carries the place that set it.
#[derive(Debug, Clone, Default)]
pub struct EntrySchema {
    /// Explicit routing.
    pub sensitive: Option<Located<bool>>,
    /// Why it is declared plain.
    pub reason: Option<Located<String>>,
    /// Every environment must end up with a value.
    pub required: Option<Located<bool>>,
    /// What the key is for.
    pub description: Option<Located<String>>,
    /// That, or why, the key should no longer be set.
    pub deprecated: Option<Located<String>>,
    /// Whether `value` may be a template; true unless said.
    pub template: Option<Located<bool>>,
    /// `format`: of `content` the file format, otherwise the JSON Schema keyword.
    pub format: Option<Located<String>>,
    /// JSON Schema keywords in the order written.
    pub schema: IndexMap<String, Located<serde_json::Value>>,
}

impl EntrySchema {
    /// No rules: what most entries of most layers have, so there is one of it.
    pub(super) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<EntrySchema>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }

    /// Rules of a later layer replace those of an earlier one, each by itself. Those of only one
    /// layer stay shared.
    pub(super) fn overlay(rules: &mut Arc<Self>, later: &Arc<Self>) {
        let none = Self::none();
        if Arc::ptr_eq(rules, &none) {
            *rules = Arc::clone(later);
        } else if !Arc::ptr_eq(later, &none) {
            Arc::make_mut(rules).replace(later);
        }
    }

    fn replace(&mut self, later: &Self) {
        fn replace<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
            if let Some(new) = new {
                *old = Some(new.clone());
            }
        }
        replace(&mut self.sensitive, later.sensitive.as_ref());
        replace(&mut self.reason, later.reason.as_ref());
        replace(&mut self.required, later.required.as_ref());
        replace(&mut self.description, later.description.as_ref());
        replace(&mut self.deprecated, later.deprecated.as_ref());
        replace(&mut self.template, later.template.as_ref());
        replace(&mut self.format, later.format.as_ref());
        for (keyword, value) in &later.schema {
            self.schema.insert(keyword.clone(), value.clone());
        }
    }
}

/// What one layer says about a key.
#[derive(Debug, Clone)]
pub struct EntryPatch {
    /// Where the key stands.
    pub key_place: Location,
    /// `KEY: null`: the key is removed.
    pub removed: bool,
    /// Something is wrong with it, and was reported.
    pub broken: bool,
    /// The source, and where its value stands.
    pub source: Option<Located<EntrySource>>,
    /// The rules that this layer sets.
    pub rules: Arc<EntrySchema>,
}

/// One step in the history of an entry.
#[derive(Debug, Clone)]
pub struct EntryHistoryStep {
    /// The layer that said it.
    pub layer: LayerName,
    /// Where: of the value, or of the key where there is no value.
    pub place: Location,
    /// What it did.
    pub change: LayerChange,
}

/// What a layer did to an entry.
#[derive(Debug, Clone)]
pub enum LayerChange {
    /// Defined the key without a value, or changed rules only.
    Rules,
    /// Gave it this source.
    Source(EntrySource),
    /// Merged more into its content.
    Merged,
    /// Removed it.
    Removed,
}

/// An entry as all layers of an environment together make it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The source; none where no layer gives a value, or one removed it.
    pub source: Option<Located<EntrySource>>,
    /// The rules in force. Shared, because most entries have those of one layer in every environment.
    pub rules: Arc<EntrySchema>,
    /// What every layer did, oldest first; never empty.
    pub history: Vec<EntryHistoryStep>,
    /// Where the key was first named.
    pub defined: Location,
    /// A layer says something wrong of it, which was reported: there is no use in its value.
    pub broken: bool,
}

impl Entry {
    /// An entry that no layer has said anything of yet, but that its key stands there.
    pub(super) fn defined_at(key: &Location) -> Self {
        Self {
            source: None,
            rules: EntrySchema::none(),
            // most keys are set once, and a vector that grows makes room for four
            history: Vec::with_capacity(1),
            defined: key.clone(),
            broken: false,
        }
    }

    /// Whether the last word on this entry was `null`.
    pub fn is_removed(&self) -> bool {
        self.history
            .iter()
            .rev()
            .find(|step| !matches!(step.change, LayerChange::Rules))
            .is_some_and(|step| matches!(step.change, LayerChange::Removed))
    }

    /// Where its value stands, or what was said of it last, if it has none.
    pub fn place(&self) -> &Location {
        match &self.source {
            Some(source) => &source.place,
            None => self.history.last().map_or(&self.defined, |step| &step.place),
        }
    }

    /// The step that gave the value in force.
    pub fn last_source(&self) -> Option<&EntryHistoryStep> {
        self.source.as_ref()?;
        self.history.iter().rev().find(|step| matches!(step.change, LayerChange::Source(_) | LayerChange::Merged))
    }
}
