//! A rule: what stands at a place, and where the fields stand that belong to it.

use crate::layer::tree::{Tree, TreeKind};
use crate::pattern::{PathPattern, PatternSegment};
use crate::project::{RefKind, ReferenceRole, UserRule};
use crate::yaml::node::Scalar;

/// What stands at the places of a rule.
#[derive(Debug, Clone)]
pub(super) struct ReferenceRule {
    /// What is named there.
    pub(super) target_kind: ReferenceTargetKind,
    /// How names are written.
    pub(super) format: NameFormat,
    /// Whether the object reads what is named, or a controller makes it.
    pub(super) role: ReferenceRole,
    /// Where a namespace stands.
    pub(super) namespace: Option<RelatedField>,
    /// Where keys that are needed stand, and the key if none stands there.
    pub(super) keys: Vec<(RelatedField, Option<String>)>,
    /// Whether what is named may be missing.
    pub(super) optional: OptionalReference,
    /// What else must hold.
    pub(super) conditions: Vec<ReferenceCondition>,
    /// Whether all keys become environment variables.
    pub(super) env_from: bool,
}

/// What a name is of.
#[derive(Debug, Clone)]
pub(super) enum ReferenceTargetKind {
    /// Always the same.
    One(RefKind),
    /// What a field tells (`kind: Secret`, `resources: [configmaps, secrets]`).
    ByField {
        /// Where it stands.
        by: RelatedField,
        /// What it is without that field.
        default: Option<RefKind>,
    },
    /// No ConfigMap and no Secret.
    Nothing,
}

/// How names are written.
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

/// Whether what is named may be missing.
#[derive(Debug, Clone)]
pub(super) enum OptionalReference {
    /// It must be there.
    Never,
    /// It may be missing.
    Always,
    /// It may be missing where this field is `true`.
    FromField(RelatedField),
}

/// What must hold for a rule.
#[derive(Debug, Clone)]
pub(super) struct ReferenceCondition {
    /// Where it is looked for.
    pub(super) field: RelatedField,
    /// What must be found.
    pub(super) expected: ExpectedField,
}

/// What a field must be.
#[derive(Debug, Clone)]
pub(super) enum ExpectedField {
    /// There.
    Present,
    /// Not there.
    Absent,
    /// One of these, or a list with one of these; an empty text is a field that is not there.
    OneOf(Vec<String>),
}

/// A field that belongs to a name.
#[derive(Debug, Clone)]
pub(super) struct RelatedField {
    /// The structure that it is in.
    base: FieldBase,
    /// Its path in there: keys and items.
    pub(super) path: Vec<PatternSegment>,
}

#[derive(Debug, Clone, Copy)]
enum FieldBase {
    /// So many steps above the name.
    Up(usize),
    /// So many steps below the root.
    Down(usize),
}

impl RelatedField {
    /// A field beside the last key of `name`, or from the root if it starts with `/`.
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

    /// The field at `field`, in the same items of lists as the name at `name`.
    fn in_same_items(name: &PathPattern, field: &PathPattern) -> Self {
        let (shared, rest, path) = name.fork(field);
        let base = if rest.is_countable() {
            FieldBase::Up(rest.segments().len())
        } else {
            FieldBase::Down(shared.segments().len())
        };
        Self { base, path: path.segments().to_vec() }
    }

    /// How many steps below the root its structure is, for a name that is `depth` steps below it.
    pub(super) fn start(&self, depth: usize) -> Option<usize> {
        match self.base {
            FieldBase::Up(steps) => depth.checked_sub(steps),
            FieldBase::Down(steps) => Some(steps),
        }
    }

    /// The scalars of the field, for a name below these `ancestors`.
    pub(super) fn scalars<'t>(&self, ancestors: &[&'t Tree]) -> Vec<(&'t Tree, &'t Scalar)> {
        let mut found = Vec::new();
        if let Some(base) = self.start(ancestors.len()).and_then(|index| ancestors.get(index)) {
            collect_scalars(base, &self.path, &mut found);
        }
        found
    }
}

/// Adds the scalars at `path`; of a list of scalars, each.
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
    /// A rule of the project.
    pub(super) fn of_user(user: &UserRule) -> Self {
        let key = user.key.as_ref().map(|key| (RelatedField::in_same_items(&user.path, key), None));
        Self { role: user.role, keys: key.into_iter().collect(), ..Self::new(ReferenceTargetKind::One(user.target)) }
    }

    /// A rule for a bare name.
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
        }
    }

    /// Whether its conditions hold for a name below these `ancestors`.
    pub(super) fn holds(&self, ancestors: &[&Tree]) -> bool {
        self.conditions.iter().all(|condition| condition.holds(ancestors))
    }

    /// Whether what is named below these `ancestors` may be missing.
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
    /// What a name below these `ancestors` is of, and whether it is of something else besides.
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

/// What a kind or a resource is.
fn parse_referent(text: &str) -> Option<RefKind> {
    match text {
        "ConfigMap" | "configmaps" => Some(RefKind::ConfigMap),
        "Secret" | "secrets" => Some(RefKind::Secret),
        _ => None,
    }
}
