//! Objects that a patch selects.

use super::field_pattern::FieldPattern;
use super::object::{PatchIdentity, PatchObject};
use super::selector::SetSelector;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::layer::{PatchSelector, Tree};
use crate::span::{Located, Location};

/// Target with its expressions compiled.
pub(super) struct TargetMatcher {
    group: Option<FieldPattern>,
    version: Option<FieldPattern>,
    kind: Option<FieldPattern>,
    name: Option<FieldPattern>,
    namespace: Option<FieldPattern>,
    labels: Option<SetSelector>,
    annotations: Option<SetSelector>,
}

impl TargetMatcher {
    /// Compiles the expressions of a target, or reports all that are not valid.
    pub(super) fn compile(target: &PatchSelector) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut pattern =
            |field: &str, text: &Option<Located<String>>| problems.take(compile_field(field, text.as_ref())).flatten();
        let (group, version) = (pattern("group", &target.group), pattern("version", &target.version));
        let (kind, name) = (pattern("kind", &target.kind), pattern("name", &target.name));
        let namespace = pattern("namespace", &target.namespace);
        let labels = problems.take(parse_selector("labelSelector", target.label_selector.as_ref())).flatten();
        let annotations = parse_selector("annotationSelector", target.annotation_selector.as_ref());
        let annotations = problems.take(annotations).flatten();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { group, version, kind, name, namespace, labels, annotations })
    }

    /// Whether the target selects an object, by its first or its current name.
    pub(super) fn matches(&self, object: &PatchObject, original: &PatchIdentity, current: &PatchIdentity) -> bool {
        let is = |pattern: &Option<FieldPattern>, texts: [&str; 2]| {
            pattern.as_ref().is_none_or(|pattern| texts.into_iter().any(|text| pattern.matches(text)))
        };
        let has = |selector: &Option<SetSelector>, field: &str| {
            let labels = || object.tree.at(&["metadata", field]).and_then(Tree::as_map);
            selector.as_ref().is_none_or(|selector| selector.matches(labels()))
        };
        is(&self.kind, [&current.kind; 2])
            && is(&self.name, [&original.name, &current.name])
            && is(&self.namespace, [&original.namespace, &current.namespace])
            && is(&self.group, [&current.group; 2])
            && is(&self.version, [&current.version; 2])
            && has(&self.labels, "labels")
            && has(&self.annotations, "annotations")
    }

    /// Names of the objects that it may select, if it tells them.
    pub(super) fn names(&self) -> Option<&[String]> {
        self.name.as_ref()?.texts()
    }
}

fn compile_field(field: &str, text: Option<&Located<String>>) -> Result<Option<FieldPattern>, Diagnostic> {
    let Some(Located { value, place }) = text.filter(|text| !text.value.is_empty()) else { return Ok(None) };
    FieldPattern::compile(value).map(Some).map_err(|error| {
        let message = format!("`{field}` of the target is not a valid regular expression: {}", error.reason);
        Diagnostic::error(Rule::InvalidPatch, message)
            .at_masked(place.clone())
            .maybe_hint(error.hint.map(str::to_owned))
    })
}

fn parse_selector(field: &str, text: Option<&Located<String>>) -> Result<Option<SetSelector>, Diagnostic> {
    let Some(Located { value, place }) = text.filter(|text| !text.value.is_empty()) else { return Ok(None) };
    SetSelector::parse(value).map(Some).map_err(|reason| {
        Diagnostic::error(Rule::InvalidPatch, format!("`{field}` of the target is not a valid selector: {reason}"))
            .at_masked(place.clone())
            .hint("write `app=web`, `tier in (front, back)` or `!canary`, separated by commas")
    })
}

/// Error: a target selects none of the known objects.
pub(super) fn unmatched_target(target: &PatchSelector, place: &Location, known: &[PatchIdentity]) -> Diagnostic {
    let guess = |field: Option<&Located<String>>, name: fn(&PatchIdentity) -> &str| {
        let text = &field?.value;
        let is_known = known.iter().any(|identity| name(identity) == text);
        if is_known { None } else { did_you_mean(text, known.iter().map(name)) }
    };
    let hint = guess(target.kind.as_ref(), |identity| &identity.kind)
        .or_else(|| guess(target.name.as_ref(), |identity| &identity.name))
        .or_else(|| guess(target.namespace.as_ref(), |identity| &identity.namespace))
        .or_else(|| guess(target.group.as_ref(), |identity| &identity.group));
    let shown = |field: Option<&Located<String>>, word: &str| Some(format!("{word} `{}`", field?.value));
    let wanted = [
        shown(target.kind.as_ref(), "kind"),
        shown(target.name.as_ref(), "name"),
        shown(target.namespace.as_ref(), "namespace"),
    ];
    let wanted: Vec<String> = wanted.into_iter().flatten().collect();
    let of = if wanted.is_empty() { String::new() } else { format!(" ({})", wanted.join(", ")) };
    let error = Diagnostic::error(Rule::UnmatchedPatch, format!("the target of a patch selects no object{of}"))
        .at_masked(target.place.clone());
    let is_one_line = target.place.source.name() == place.source.name() && target.place.span.line == place.span.line;
    let error = if is_one_line { error } else { error.at_masked_with(place.clone(), "the patch") };
    error.maybe_hint(hint)
}

/// Error: no object has the identity of a strategic merge patch, or several have it.
pub(super) fn unmatched_identity(
    wanted: &PatchIdentity,
    may_show: bool,
    place: &Location,
    matches: &[&PatchObject],
    known: &[PatchIdentity],
) -> Diagnostic {
    let label = if may_show { wanted.label() } else { "the object of a patch".to_owned() };
    if let [first, second, ..] = matches {
        let message = format!("a patch selects more than one object: {label}");
        return Diagnostic::error(Rule::UnmatchedPatch, message)
            .at_masked(place.clone())
            .at_masked_with(first.tree.place.clone(), "one of them")
            .at_masked_with(second.tree.place.clone(), "another")
            .hint("add a `target` to select all of them");
    }
    let error = Diagnostic::error(Rule::UnmatchedPatch, format!("a patch selects no object: {label} does not exist"))
        .at_masked(place.clone());
    if !may_show {
        return error;
    }
    let of_kind = || known.iter().filter(|known| known.kind == wanted.kind);
    let same = of_kind().find(|known| known.name == wanted.name);
    if let Some(same) = same {
        let api = |identity: &PatchIdentity| match identity.group.as_str() {
            "" => identity.version.clone(),
            group => format!("{group}/{}", identity.version),
        };
        let hint = if (&same.group, &same.version) == (&wanted.group, &wanted.version) {
            format!("it is in the namespace `{}`: add `namespace` to the metadata of the patch", same.namespace)
        } else {
            format!("its API version is `{}`", api(same))
        };
        return error.hint(hint);
    }
    let hint = did_you_mean(&wanted.name, of_kind().map(|known| known.name.as_str())).or_else(|| {
        let is_kind = of_kind().next().is_some();
        did_you_mean(&wanted.kind, known.iter().map(|known| known.kind.as_str()).filter(|_| !is_kind))
    });
    // patches come before prefixes
    let inner = of_kind().find(|known| !known.name.is_empty() && wanted.name.contains(known.name.as_str()));
    error.maybe_hint(hint.or_else(|| {
        let name = &inner?.name;
        Some(format!("it is `{name}` to patches, which apply before `prefix` and `suffix` are added"))
    }))
}
