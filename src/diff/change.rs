//! Findings of a comparison.

use crate::diagnostic::Diagnostics;
use crate::sort::sort_by;

/// All differences of a comparison, and what it could not see.
#[derive(Debug, Default)]
pub struct DiffReport {
    /// Label of the left side: an environment, a revision, a directory.
    pub left: String,
    /// Label of the right side.
    pub right: String,
    /// Whether the sides are two environments, which every change names in this order.
    pub is_pair: bool,
    /// Differences, sorted.
    pub changes: Vec<Change>,
    /// Environments of the differences, in the order of the stack.
    pub order: Vec<String>,
    /// Environments that no key decrypts, in the order of the stack.
    pub locked: Vec<String>,
    /// Sides with invalid values, which are compared as far as they are known.
    pub broken: Vec<String>,
    /// Pods that use objects with former values, in words.
    pub former_users: Vec<String>,
    /// Warnings.
    pub warnings: Diagnostics,
}

impl DiffReport {
    /// Sorts the differences: by app and subject, then in the order of the environments.
    pub(super) fn sort(&mut self) {
        let Self { changes, order, .. } = self;
        sort_by(changes, |a, b| {
            let key = |change: &Change| ranks(&change.environments, order);
            (&a.app, &a.subject, a.kind).cmp(&(&b.app, &b.subject, b.kind)).then_with(|| key(a).cmp(&key(b)))
        });
    }
}

/// Places of environments in an order.
pub(super) fn ranks(environments: &[String], order: &[String]) -> Vec<usize> {
    environments.iter().map(|name| order.iter().position(|other| other == name).unwrap_or(order.len())).collect()
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// App that it is in; empty for objects that belong to none.
    pub app: String,
    /// Environments that it is in, in the order of the stack; of a pair, the left one first.
    pub environments: Vec<String>,
    /// Subject of the difference.
    pub subject: ChangeSubject,
    /// Kind of the difference.
    pub kind: ChangeKind,
    /// Value on the left side, if there is one.
    pub from: Option<ShownValue>,
    /// Value on the right side, if there is one.
    pub to: Option<ShownValue>,
    /// Whether the values cannot be compared without a key.
    pub is_unknown: bool,
    /// The classification, if it differs.
    pub routing: Option<RoutingChange>,
    /// Fields that differ: rules of an entry, paths of an object.
    pub fields: Vec<FieldChange>,
}

/// Subject of a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeSubject {
    /// The whole target.
    Environment,
    /// An entry.
    Entry {
        /// Bundle of the entry.
        bundle: String,
        /// Its key.
        key: String,
    },
    /// An object.
    Object {
        /// `kind`
        kind: String,
        /// API group; empty for the core group.
        group: String,
        /// `metadata.namespace`; empty if there is none.
        namespace: String,
        /// `metadata.name`, without a suffix that depends on values.
        name: String,
    },
}

/// Kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Only the right side has it.
    Added,
    /// Only the left side has it.
    Removed,
    /// Its value or its fields differ.
    Changed,
    /// It is a secret on one side only.
    Moved,
    /// Its name differs: it depends on its values.
    Renamed,
    /// Its rules differ, and its value does not.
    Rules,
    /// Its source differs, and its value does not.
    Source,
    /// Its value is invalid on both sides, so that nobody knows whether it differs.
    Invalid,
}

impl ChangeKind {
    /// All kinds, in the order in which they are counted.
    pub const ALL: [Self; 8] = [
        Self::Added,
        Self::Removed,
        Self::Changed,
        Self::Moved,
        Self::Renamed,
        Self::Rules,
        Self::Source,
        Self::Invalid,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Renamed => "renamed",
            Self::Rules => "rules",
            Self::Source => "source",
            Self::Invalid => "invalid",
        }
    }
}

/// Value as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownValue {
    /// A text that anyone may read.
    Text(String),
    /// Bytes that anyone may read and that are not a text.
    Binary,
    /// A value that must not be shown.
    Secret,
    /// A reference to a store.
    Store(String),
    /// A value that could not be resolved.
    Failed,
}

impl ShownValue {
    /// The text, if anyone may read it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary | Self::Secret | Self::Store(_) | Self::Failed => None,
        }
    }
}

/// Entry that is a secret on one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingChange {
    /// Object on the left side: `ConfigMap` or `Secret`.
    pub from: &'static str,
    /// Object on the right side.
    pub to: &'static str,
    /// Whether its value is the same; none if that is unknown.
    pub is_same_value: Option<bool>,
    /// Reasons for the verdict of the right side that the left side does not have, each with its location.
    pub reasons: Vec<String>,
}

/// Field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Path of the field, or name of the rule.
    pub path: String,
    /// Value on the left side, if there is one.
    pub from: Option<ShownValue>,
    /// Value on the right side, if there is one.
    pub to: Option<ShownValue>,
    /// Whether the values cannot be compared without a key.
    pub is_unknown: bool,
}

impl Change {
    /// All values that are shown, to be masked where they contain a secret.
    pub(super) fn shown_values(&mut self) -> impl Iterator<Item = &mut ShownValue> {
        let fields = self.fields.iter_mut().flat_map(|field| [&mut field.from, &mut field.to]);
        [&mut self.from, &mut self.to].into_iter().chain(fields).flatten()
    }
}
