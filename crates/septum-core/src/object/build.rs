//! From the routed entries of a target to its objects. Every rule of the API server is checked, and errors point to the
//! line in the layer that breaks it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::external::{self, ExternalArgs, ExternalBundle, build_external};
use super::input::{BuildInput, object_kind, secret_type};
use super::metadata::{self, ObjectMetadata};
use super::typed::{self, SecretOrigin, TypedSecret};
use super::{Object, ObjectKind, names, naming, size, text, variables, versions, written_rules};
use crate::budget::{BudgetExhausted, VALUE_BYTES};
use crate::diagnostic::{Cause, Diagnostic, Diagnostics, PublicReason, Rule};
use crate::layer::{Bundle, Definition, Entry, EntrySchema};
use crate::manifest::CommonMetadata;
use crate::map::IndexMap;
use crate::name::{BundleName, EntryId};
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedValue, StoreText};
use crate::route::Sensitivity;
use crate::sort::sort_by;
use crate::span::Location;
use crate::visibility::{OnMissingKey, Placeholder};

/// Builds the objects of a target, in the order in which they are written.
///
/// Errors: `missing-required`, `invalid-value`, `invalid-name`, `invalid-key`, `no-naming-key`,
/// `oversized-object`, `typed-secret`. Warnings: `deprecated-key`, `oversized-object`, `control-character`,
/// `typed-secret`.
pub(super) fn build_objects(
    target: BuildInput<'_>,
    common: &CommonMetadata,
    problems: &mut Diagnostics,
) -> (Vec<Object>, Vec<ExternalBundle>) {
    let definition = &*target.resolved.definition;
    written_rules::check_written_rules(target, &|_| true, problems);
    variables::check_variables(target, problems);
    let mut entries = SortedEntries::of(target, problems);
    let mut built = BuiltObjects::default();
    for (name, bundle) in &definition.bundles {
        if let Err(BudgetExhausted) = VALUE_BYTES.spend(metadata::metadata_size(common, bundle)) {
            problems.push(VALUE_BYTES.budget_diagnostic().hint("use fewer or shorter common labels and annotations"));
            break;
        }
        built.add_bundle(target, common, (name, bundle), &mut entries, problems);
    }
    problems.extend(built.lacks_key.map(|bundle| naming::no_key(definition, bundle.as_str())));
    sort_by(&mut built.objects, |a, b| a.identity().cmp(&b.identity()));
    (built.objects, built.externals)
}

/// Checks the variables and the selected entries of a target as `build_objects` does, for a use that needs no objects.
///
/// Errors: `missing-required`, `invalid-value`, `invalid-key`. Warning: `deprecated-key`.
pub fn check_values(target: BuildInput<'_>, is_selected: &dyn Fn(&EntryId) -> bool, problems: &mut Diagnostics) {
    written_rules::check_written_rules(target, is_selected, problems);
    variables::check_variables(target, problems);
    for (id, value) in target.resolved.entries.iter().filter(|(id, _)| is_selected(id)) {
        let Some(entry) = target.resolved.definition.entry(id) else { continue };
        match (&value.outcome, target.on_missing_key) {
            (EntryOutcome::Locked(_), OnMissingKey::Keep(_)) => {}
            _ => drop(checked_value(target, id, entry, value, problems)),
        }
    }
}

/// Entries of a target by bundle and destination.
#[derive(Default)]
struct SortedEntries<'a> {
    known: IndexMap<(&'a BundleName, ObjectKind), BTreeMap<String, ResolvedBytes>>,
    /// Entries whose value is in a store.
    store_texts: IndexMap<&'a BundleName, BTreeMap<String, &'a Arc<StoreText>>>,
    /// Entries that were not decrypted.
    unknown: IndexMap<(&'a BundleName, ObjectKind), BTreeMap<String, Placeholder>>,
}

impl<'a> SortedEntries<'a> {
    /// Sorts the entries, and reports problems of keys and values.
    fn of(target: BuildInput<'a>, problems: &mut Diagnostics) -> Self {
        let definition = &*target.resolved.definition;
        let mut sorted = Self::default();
        let mut first_pointer = None;
        for (id, value) in &target.resolved.entries {
            let Some(entry) = definition.entry(id) else { continue };
            if let EntryOutcome::Pointed(pointed) = &value.outcome {
                check_key(id, entry, problems);
                problems.extend(deprecation_warning(id, entry, value));
                first_pointer.get_or_insert(id);
                sorted.store_texts.entry(&id.bundle).or_default().insert(id.key.as_str().to_owned(), pointed);
                continue;
            }
            if let (EntryOutcome::Locked(placeholder), OnMissingKey::Keep(_)) = (&value.outcome, target.on_missing_key)
            {
                check_key(id, entry, problems);
                let locked = sorted.unknown.entry((&id.bundle, object_kind(target.routing, id))).or_default();
                locked.insert(id.key.as_str().to_owned(), placeholder.clone());
                continue;
            }
            let Some(known) = checked_value(target, id, entry, value, problems) else { continue };
            let kind = object_kind(target.routing, id);
            text::check_characters(
                &format!("`{}`", definition.label(id)),
                id.key.as_str(),
                kind,
                known,
                &value.place,
                problems,
            );
            sorted.known.entry((&id.bundle, kind)).or_default().insert(id.key.as_str().to_owned(), known.clone());
        }
        problems.extend(first_pointer.and_then(|id| external::undelivered_error(target.resolved, id)));
        sorted
    }
}

/// Objects built so far.
#[derive(Default)]
struct BuiltObjects {
    objects: Vec<Object>,
    externals: Vec<ExternalBundle>,
    /// First bundle with an object that is named by its values, if there is no key for that.
    lacks_key: Option<BundleName>,
}

impl BuiltObjects {
    /// Adds the objects of a bundle.
    fn add_bundle<'a>(
        &mut self,
        target: BuildInput<'a>,
        common: &CommonMetadata,
        (name, bundle): (&'a BundleName, &'a Bundle),
        entries: &mut SortedEntries<'a>,
        problems: &mut Diagnostics,
    ) {
        let definition = &*target.resolved.definition;
        let metadata = metadata::bundle_metadata(common, definition, bundle, problems);
        let config = entries.known.swap_remove(&(name, ObjectKind::ConfigMap));
        let mut secret = entries.known.swap_remove(&(name, ObjectKind::Secret));
        if let Some(secret_type) = &bundle.secret_type {
            if typed::is_filled_by_cluster(bundle) {
                secret = Some(secret.unwrap_or_default());
            }
            let none = BTreeMap::new();
            let data = secret.as_ref().unwrap_or(&none);
            let (annotations, namespace) = (&metadata.annotations, definition.namespace.as_ref());
            let source = SecretOrigin::Bundle { target, name, bundle };
            TypedSecret { source, secret_type, data, annotations, namespace, at: target.at }.check(problems);
        }
        let pointed = entries.store_texts.swap_remove(name).unwrap_or_default();
        let has_pointers = !pointed.is_empty();
        let parts = ExternalArgs { target, common, name, bundle, metadata: &metadata, store_texts: pointed };
        self.externals.extend(build_external(&parts, &mut secret, problems));
        let mut locked = |kind| entries.unknown.swap_remove(&(name, kind)).unwrap_or_default();
        let unknowns = [locked(ObjectKind::ConfigMap), locked(ObjectKind::Secret)];
        let is_written = |data: &Option<_>, unknown: &BTreeMap<_, _>| data.is_some() || !unknown.is_empty();
        let [of_config, of_secret] = &unknowns;
        if is_written(&config, of_config) || is_written(&secret, of_secret) || has_pointers {
            check_object_name(definition, name, problems);
        }
        let both = [(ObjectKind::ConfigMap, config), (ObjectKind::Secret, secret)].into_iter().zip(unknowns);
        for ((kind, data), unknown) in both.filter(|((_, data), unknown)| is_written(data, unknown)) {
            let values = (kind, data.unwrap_or_default(), unknown);
            self.add_object(target, common, (name, &metadata), values, problems);
        }
    }

    fn add_object(
        &mut self,
        target: BuildInput<'_>,
        common: &CommonMetadata,
        (name, metadata): (&BundleName, &ObjectMetadata),
        (kind, data, unknown): (ObjectKind, BTreeMap<String, ResolvedBytes>, BTreeMap<String, Placeholder>),
        problems: &mut Diagnostics,
    ) {
        let definition = &*target.resolved.definition;
        let scheme = naming::scheme_for(definition, name, kind);
        let mut object = Object {
            kind,
            name: name.as_str().to_owned(),
            base_name: name.as_str().to_owned(),
            namespace: common.namespace.clone(),
            labels: metadata.labels.clone(),
            annotations: metadata.annotations.clone(),
            secret_type: secret_type(definition, name, kind).map(str::to_owned),
            immutable: naming::is_immutable(definition, name, kind),
            data,
            unknown,
            is_named: true,
            environment: definition.environment.clone(),
        };
        versions::mark_version(&mut object, definition, scheme);
        match final_object_name(target, name, &object) {
            Some(final_name) => object.name = final_name,
            None if object.is_known() => drop(self.lacks_key.get_or_insert_with(|| name.clone())),
            None => object.is_named = false,
        }
        check_size(&object, definition, problems);
        self.objects.push(object);
    }
}

/// Final name of an object. If it depends on undecrypted values, it is the name that the object had before.
fn final_object_name(target: BuildInput<'_>, bundle: &BundleName, object: &Object) -> Option<String> {
    let definition = &*target.resolved.definition;
    let follows = naming::scheme_for(definition, bundle, object.kind).has_suffix();
    match target.on_missing_key {
        OnMissingKey::Keep(names) if follows && !object.is_known() => names(object),
        OnMissingKey::Keep(_) | OnMissingKey::Fail => naming::final_name(definition, bundle, object.kind, &object.data),
    }
}

/// Value of an entry, if it has a valid one.
fn checked_value<'r>(
    target: BuildInput<'_>,
    id: &EntryId,
    entry: &Entry,
    value: &'r ResolvedValue,
    problems: &mut Diagnostics,
) -> Option<&'r ResolvedBytes> {
    check_key(id, entry, problems);
    let known = match &value.outcome {
        EntryOutcome::Known(known) => known,
        EntryOutcome::Missing => {
            check_required(target, id, entry, problems);
            return None;
        }
        EntryOutcome::Failed | EntryOutcome::Pointed(_) => return None,
        EntryOutcome::Locked(_) => {
            // a target is only built with decrypted layers
            let message = format!("the value of `{}` is encrypted, but was not decrypted", id.key);
            problems.push(Diagnostic::error(Rule::NoIdentity, message).at_masked(value.place.clone()));
            return None;
        }
    };
    problems.extend(deprecation_warning(id, entry, value));
    check_rules(target, id, entry, known, &value.place, problems);
    Some(known)
}

fn deprecation_warning(id: &EntryId, entry: &Entry, value: &ResolvedValue) -> Option<Diagnostic> {
    let message = match entry.rules.deprecated.as_ref()?.value.as_str() {
        "true" => format!("`{}` is deprecated", id.key),
        reason => format!("`{}` is deprecated: {reason}", id.key),
    };
    Some(Diagnostic::warning(Rule::DeprecatedKey, message).at_masked(value.place.clone()))
}

/// Checks the keywords about the final text; `format` of `content` names its encoding instead.
fn check_rules(
    target: BuildInput<'_>,
    id: &EntryId,
    entry: &Entry,
    value: &ResolvedBytes,
    place: &Location,
    problems: &mut Diagnostics,
) {
    let EntrySchema { schema, format, .. } = &*entry.rules;
    // including where a later layer replaced the structure by a text
    let is_content = written_rules::is_structure(entry);
    let Some(text) = value.text() else { return };
    for violation in target.constraints.check(schema, format.as_ref().filter(|_| !is_content), text) {
        let label = target.resolved.definition.label(id);
        let rule = schema.get(&violation.keyword).map(|rule| &rule.place);
        let rule = rule.or_else(|| format.as_ref().map(|format| &format.place));
        let is_plain = target.routing.sensitivity(id) == Sensitivity::Plain;
        let written = matches!(value, ResolvedBytes::Written(_)) && is_plain;
        let expected = &violation.expected;
        if violation.is_of_rule {
            // those of layers are reported, whatever the value
            if !target.constraints.invalid_rules(&entry.rules).contains(&violation) {
                problems.push(written_rules::invalid_rule_error(&label, &violation, &entry.rules));
            }
            continue;
        }
        // the allowed values of a secret reveal much about its value
        let tells = !is_plain && violation.lists_values();
        let expected = if tells { &violation.keyword_alone() } else { expected };
        let error = Diagnostic::error(Rule::InvalidValue, format!("`{label}` must be {expected}"))
            .hint(format!("change the value, or the rule `{}` of the key", violation.keyword))
            .with_cause(Some(Cause::Is(place.clone())));
        let error = if written {
            error.at_public(place.clone(), PublicReason::PlainValue)
        } else {
            error.at_masked(place.clone())
        };
        problems.push(match rule {
            Some(rule) if tells => error.at_masked_with(rule.clone(), "required here"),
            Some(rule) if rule.source != place.source || rule.span.line != place.span.line => {
                error.at_public_with(rule.clone(), PublicReason::Rule, "required here")
            }
            _ => error,
        });
    }
}

fn check_required(target: BuildInput<'_>, id: &EntryId, entry: &Entry, problems: &mut Diagnostics) {
    if !entry.rules.required.as_ref().is_some_and(|required| required.value) {
        return;
    }
    let lacking: Vec<_> = target
        .siblings
        .iter()
        .filter(|sibling| sibling.entries.get(id).is_none_or(|value| matches!(value.outcome, EntryOutcome::Missing)))
        .map(|sibling| sibling.definition.environment.as_str())
        .collect();
    let names = lacking.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let first = lacking.first().copied().unwrap_or_default();
    let sensitive = target.routing.sensitivity(id) == Sensitivity::Sensitive;
    let definition = &target.resolved.definition;
    let label = definition.label(id);
    let own = id.bundle == definition.own_bundle();
    let hint = if sensitive {
        let others = if lacking.len() > 1 { "; repeat it for each environment" } else { "" };
        format!("run `septum set {}` to set it, encrypted{others}", definition.command_words(first, id))
    } else {
        let section = if own { "data".to_owned() } else { format!("bundles.{}.data", id.bundle) };
        format!("set `{}` under `{section}` in `{first}.yaml`", id.key)
    };
    problems.push(
        Diagnostic::error(Rule::MissingRequired, format!("`{label}` is required, but has no value in {names}"))
            .at(entry.defined.clone())
            .with_cause(Some(Cause::Is(entry.defined.clone())))
            .hint(hint),
    );
}

fn check_key(id: &EntryId, entry: &Entry, problems: &mut Diagnostics) {
    if let Some(why) = names::wrong_key(id.key.as_str()) {
        let hint = names::nearest_key(id.key.as_str()).map(|key| format!("the nearest valid key is `{key}`"));
        problems.push(
            Diagnostic::error(Rule::InvalidKey, format!("`{}` is not a valid ConfigMap or Secret key: {why}", id.key))
                .at_public(entry.defined.clone(), PublicReason::Key)
                .maybe_hint(hint),
        );
    }
}

fn check_object_name(definition: &Definition, bundle: &BundleName, problems: &mut Diagnostics) {
    let name = definition.affixes.apply(bundle.as_str());
    let is_valid_alone = names::wrong_object_name(bundle.as_str()).is_none();
    if is_valid_alone && naming::wrong_affixes(&definition.affixes).is_some() {
        return;
    }
    let invalid = names::wrong_object_name(&name).map(|why| {
        let hint = names::nearest_object_name(bundle.as_str());
        Diagnostic::error(Rule::InvalidName, format!("`{bundle}` is not a valid object name: {why}"))
            .maybe_hint(hint.map(|name| format!("the nearest valid name is `{name}`")))
    });
    let Some(error) = invalid.or_else(|| naming::too_long(definition, bundle)) else { return };
    let own = *bundle == definition.own_bundle();
    let place = match (&definition.app_place, definition.bundles.get(bundle).and_then(|bundle| bundle.place.as_ref())) {
        (Some(place), _) if own => Some(place),
        (_, place) => place,
    };
    problems.push(match place {
        Some(place) => error.at_public(place.clone(), PublicReason::Name),
        None => error.note("it is the name of the app's directory").hint("set `app: NAME` in `base.yaml`"),
    });
}

fn check_size(object: &Object, definition: &Definition, problems: &mut Diagnostics) {
    let what = format!("the {} `{}` in `{}`", object.kind.as_str(), object.name, object.environment);
    let place = |key: &str| {
        let entries = &definition.bundles.get(object.base_name.as_str())?.entries;
        Some(entries.get(key)?.place().clone())
    };
    problems.extend(size::check_size(object, &what, place));
}
