//! Rule for a reference: its target, and the fields that belong to it.

use crate::layer::tree::{Tree, TreeKind};
use crate::pattern::{PathPattern, PatternSegment};
use crate::project::{RefKind, ReferenceRole, UserRule};
use crate::span::Location;
use crate::yaml::node::Scalar;

/// Rule for the places that its pattern matches.
#[derive(Debug, Clone)]
pub(super) struct ReferenceRule {
    /// Kind of the target.
    pub(super) target_kind: ReferenceTargetKind,
    /// Format of the names.
    pub(super) format: NameFormat,
    /// Whether the object reads the target, or a controller creates it.
    pub(super) role: ReferenceRole,
    /// Field with the namespace.
    pub(super) namespace: Option<RelatedField>,
    /// Fields with required keys, each with its default key.
    pub(super) keys: Vec<(RelatedField, Option<String>)>,
    /// Whether the target may be missing.
    pub(super) optional: OptionalReference,
    /// Further conditions.
    pub(super) conditions: Vec<ReferenceCondition>,
    /// Whether all keys become environment variables.
    pub(super) env_from: bool,
    /// Location in the project file, for a rule of the project.
    pub(super) place: Option<Location>,
}

/// Kind of a reference's target.
#[derive(Debug, Clone)]
pub(super) enum ReferenceTargetKind {
    /// Fixed kind.
    One(RefKind),
    /// Kind given by a field (`kind: Secret`, `resources: [configmaps, secrets]`).
    ByField {
        /// Field with the kind.
        by: RelatedField,
        /// Kind if that field is missing.
        default: Option<RefKind>,
    },
    /// Neither a ConfigMap nor a Secret.
    Nothing,
}

/// Format of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameFormat {
    /// `name`
    Name,
    /// `namespace/name`
    Namespaced,
    /// `name` or `namespace/name`
    MaybeNamespaced,
    /// `name,name`
    Commas,
}

/// Whether the target of a reference may be missing.
#[derive(Debug, Clone)]
pub(super) enum OptionalReference {
    /// It must exist.
    Never,
    /// It may be missing.
    Always,
    /// It may be missing if this field is `true`.
    FromField(RelatedField),
}

/// Condition of a rule.
#[derive(Debug, Clone)]
pub(super) struct ReferenceCondition {
    /// Field that is checked.
    pub(super) field: RelatedField,
    /// Expected content of the field.
    pub(super) expected: ExpectedField,
}

/// Expected content of a field.
#[derive(Debug, Clone)]
pub(super) enum ExpectedField {
    /// Present.
    Present,
    /// Absent.
    Absent,
    /// One of these, or a list with one of these; an empty text counts as an absent field.
    OneOf(Vec<String>),
}

/// Field that belongs to a name.
#[derive(Debug, Clone)]
pub(super) struct RelatedField {
    /// Structure that contains it.
    base: FieldBase,
    /// Path in that structure: keys and items.
    pub(super) path: Vec<PatternSegment>,
}

#[derive(Debug, Clone, Copy)]
enum FieldBase {
    /// Number of steps above the name.
    Up(usize),
    /// Number of steps below the root.
    Down(usize),
}

impl RelatedField {
    /// Field beside the last key of `name`, or from the root if it starts with `/`.
    pub(super) fn beside(name: &PathPattern, text: &str) -> Result<Self, String> {
        let (base, text) = match text.strip_prefix('/') {
            Some(text) => (FieldBase::Down(0), text),
            None => {
                let items = name.segments().iter().rev().take_while(|step| **step == PatternSegment::Items).count();
                (FieldBase::Up(items + 1), text)
            }
        };
        Ok(Self { base, path: PathPattern::parse(text)?.segments().to_vec() })
    }

    /// Field at `field`, in the same items of lists as the name at `name`.
    fn in_same_items(name: &PathPattern, field: &PathPattern) -> Self {
        let (shared, rest, path) = name.fork(field);
        let base = if rest.is_countable() {
            FieldBase::Up(rest.segments().len())
        } else {
            FieldBase::Down(shared.segments().len())
        };
        Self { base, path: path.segments().to_vec() }
    }

    /// Depth of its structure below the root, for a name at `depth`.
    pub(super) fn start(&self, depth: usize) -> Option<usize> {
        match self.base {
            FieldBase::Up(steps) => depth.checked_sub(steps),
            FieldBase::Down(steps) => Some(steps),
        }
    }

    /// Scalars of the field, for a name below these `ancestors`.
    pub(super) fn scalars<'t>(&self, ancestors: &[&'t Tree]) -> Vec<(&'t Tree, &'t Scalar)> {
        let mut found = Vec::new();
        if let Some(base) = self.start(ancestors.len()).and_then(|index| ancestors.get(index)) {
            collect_scalars(base, &self.path, &mut found);
        }
        found
    }
}

/// Adds the scalars at `path`; for a list of scalars, each of them.
fn collect_scalars<'t>(tree: &'t Tree, path: &[PatternSegment], found: &mut Vec<(&'t Tree, &'t Scalar)>) {
    match (path.split_first(), &tree.kind) {
        (None, TreeKind::Leaf(scalar)) => {
            if !scalar.is_null() && !scalar.text().is_empty() {
                found.push((tree, scalar));
            }
        }
        (None, TreeKind::List(items)) => {
            items
                .iter()
                .filter(|item| matches!(item.kind, TreeKind::Leaf(_)))
                .for_each(|item| collect_scalars(item, &[], found));
        }
        (Some((PatternSegment::Items, rest)), TreeKind::List(items)) => {
            for item in items {
                collect_scalars(item, rest, found);
            }
        }
        (Some((PatternSegment::Key(key), rest)), TreeKind::Map(map)) => {
            map.get(key).into_iter().for_each(|value| collect_scalars(value, rest, found));
        }
        (None, TreeKind::Map(_)) | (Some(_), _) => {}
    }
}

impl ReferenceCondition {
    fn holds(&self, ancestors: &[&Tree]) -> bool {
        let found = self.field.scalars(ancestors);
        match &self.expected {
            ExpectedField::Present => !found.is_empty(),
            ExpectedField::Absent => found.is_empty(),
            ExpectedField::OneOf(texts) if found.is_empty() => texts.iter().any(String::is_empty),
            ExpectedField::OneOf(texts) => {
                found.iter().any(|(_, scalar)| texts.iter().any(|text| text == scalar.text()))
            }
        }
    }
}

impl ReferenceRule {
    /// Rule of the project.
    pub(super) fn of_user(user: &UserRule) -> Self {
        let key = user.key.as_ref().map(|key| (RelatedField::in_same_items(&user.path, key), None));
        let rule = Self::new(ReferenceTargetKind::One(user.target));
        Self { role: user.role, keys: key.into_iter().collect(), place: Some(user.place.clone()), ..rule }
    }

    /// Rule for a bare name.
    pub(super) fn new(aim: ReferenceTargetKind) -> Self {
        Self {
            target_kind: aim,
            format: NameFormat::Name,
            role: ReferenceRole::Reference,
            namespace: None,
            keys: Vec::new(),
            optional: OptionalReference::Never,
            conditions: Vec::new(),
            env_from: false,
            place: None,
        }
    }

    /// Whether its conditions hold for a name below these `ancestors`.
    pub(super) fn holds(&self, ancestors: &[&Tree]) -> bool {
        self.conditions.iter().all(|condition| condition.holds(ancestors))
    }

    /// Whether the target of a name below these `ancestors` may be missing.
    pub(super) fn is_optional(&self, ancestors: &[&Tree]) -> bool {
        match &self.optional {
            OptionalReference::Never => false,
            OptionalReference::Always => true,
            OptionalReference::FromField(field) => {
                field.scalars(ancestors).iter().any(|(_, scalar)| scalar.text() == "true")
            }
        }
    }
}

impl ReferenceTargetKind {
    /// Kinds that a name below these `ancestors` refers to, and whether it also refers to something else.
    pub(super) fn referents(&self, ancestors: &[&Tree]) -> (Vec<RefKind>, bool) {
        match self {
            Self::One(referent) => (vec![*referent], false),
            Self::Nothing => (Vec::new(), false),
            Self::ByField { by, default } => {
                let told = by.scalars(ancestors);
                if told.is_empty() {
                    return (default.iter().copied().collect(), false);
                }
                let all: Vec<_> = told.iter().map(|(_, scalar)| parse_referent(scalar.text())).collect();
                let other = all.contains(&None);
                (all.into_iter().flatten().collect(), other)
            }
        }
    }
}

/// Parses a kind or a resource.
fn parse_referent(text: &str) -> Option<RefKind> {
    match text {
        "ConfigMap" | "configmaps" => Some(RefKind::ConfigMap),
        "Secret" | "secrets" => Some(RefKind::Secret),
        _ => None,
    }
}
