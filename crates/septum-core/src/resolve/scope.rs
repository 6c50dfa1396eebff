//! Scope of templates: `env`, `app`, `vars`, `data`, `bundles`. Every leaf that is handed out is recorded in the log of
//! the current render.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{DynObject, Enumerator, Object, ObjectExt, ObjectRepr, ValueKind};

use super::fault::{OwnError, TemplateWord};
use super::frame;
use super::lookup::{Lookup, ROOT, VariableStepRef, find_variable};
use super::steps::BYTES_A_STEP;
use super::store_text::unknown_value;
use super::suggest;
use super::{EntryOutcome, Lineage, ResolvedBytes, TemplateRead};
use crate::budget::TEMPLATE_STEPS;
use crate::layer::{Definition, Tree, TreeKind};
use crate::name::{BundleName, EntryId, KeyName};
use crate::sort::sort;
use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::scalar::{CoreType, core_type};

/// Part of the scope.
pub(super) struct ScopeNode {
    lookup: Arc<dyn Lookup>,
    part: ScopePart,
}

enum ScopePart {
    Root,
    Env,
    App,
    /// A part of `vars`, with the steps that lead to it.
    Vars(Vec<VariableStep>),
    /// The entries of a bundle.
    Bundle(BundleName),
    Bundles,
}

#[derive(Debug, Clone, PartialEq)]
enum VariableStep {
    Key(String),
    Index(usize),
}

/// Context of a render.
pub(super) fn root_scope(lookup: Arc<dyn Lookup>) -> Value {
    Value::from_object(ScopeNode { lookup, part: ScopePart::Root })
}

impl fmt::Debug for ScopeNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[scope]")
    }
}

impl ScopeNode {
    fn child(&self, part: ScopePart) -> Value {
        Value::from_object(Self { lookup: Arc::clone(&self.lookup), part })
    }

    fn root_value(&self, key: &str) -> Option<Value> {
        Some(match key {
            "env" => self.child(ScopePart::Env),
            "app" => self.child(ScopePart::App),
            "vars" => self.child(ScopePart::Vars(Vec::new())),
            "bundles" => self.child(ScopePart::Bundles),
            "data" => self.child(ScopePart::Bundle(frame::current_frame()?.bundle.clone())),
            _ => return None,
        })
    }

    fn env_value(&self, key: &str) -> Option<Value> {
        let definition = self.lookup.definition();
        match key {
            "name" => Some(Value::from(definition.environment.as_str())),
            "namespace" => definition.namespace.as_ref().map(|namespace| Value::from(namespace.value.as_str())),
            _ => None,
        }
    }

    fn bundle_value(&self, bundle: &BundleName, key: &str) -> Option<Value> {
        let id = EntryId { bundle: bundle.clone(), key: KeyName::from(key) };
        let definition = self.lookup.definition();
        if definition.entry(&id).is_none() {
            definition.bundles.get(bundle)?;
            let (message, hint) = suggest::undefined_key(definition, bundle, key);
            return Some(raise_computed(message, hint, key));
        }
        if let Some(frame) = frame::current_frame() {
            frame.record(TemplateRead::Entry(id.clone()));
        }
        let entry = Arc::clone(&self.lookup).entry(&id);
        if is_sensitive(definition, &id, &entry.lineage) {
            record_secret(&entry.outcome);
        }
        if matches!(entry.outcome, EntryOutcome::Pointed(_)) {
            let (message, hint) = unknown_value(&definition.label(&id));
            return Some(raise_computed(message, Some(hint), key));
        }
        hand_out(&entry.outcome, |value| typed_value(definition, &id, value))
    }

    fn vars_value(&self, steps: &[VariableStep], step: VariableStep) -> Option<Value> {
        let mut steps = steps.to_vec();
        steps.push(step);
        let tree = self.vars_node(&steps)?;
        match &tree.kind {
            TreeKind::Map(_) | TreeKind::List(_) => Some(self.child(ScopePart::Vars(steps))),
            TreeKind::Leaf(scalar) => {
                let path = format_steps(&steps);
                if let Some(frame) = frame::current_frame() {
                    frame.record(TemplateRead::Variable(path.clone()));
                }
                let variable = Arc::clone(&self.lookup).variable_value(&path, scalar, &tree.place);
                if variable.lineage.secret {
                    record_secret(&variable.outcome);
                }
                if matches!(variable.outcome, EntryOutcome::Pointed(_)) {
                    let (message, _) = unknown_value(&format!("vars.{path}"));
                    let hint = "insert the `ref` itself, not a variable derived from it";
                    let last = steps.iter().rev().find_map(|step| match step {
                        VariableStep::Key(key) => Some(key.as_str()),
                        VariableStep::Index(_) => None,
                    });
                    return Some(raise_computed(message, Some(hint.to_owned()), last.unwrap_or_default()));
                }
                hand_out(&variable.outcome, final_value)
            }
        }
    }

    fn vars_node(&self, steps: &[VariableStep]) -> Option<&Tree> {
        find_variable(self.lookup.definition(), &steps.iter().map(VariableStep::as_ref).collect::<Vec<_>>())
    }
}

impl VariableStep {
    fn as_ref(&self) -> VariableStepRef<'_> {
        match self {
            Self::Key(key) => VariableStepRef::Key(key),
            Self::Index(index) => VariableStepRef::Index(*index),
        }
    }
}

/// Path of steps as people write it: `a.b[0]`.
fn format_steps(steps: &[VariableStep]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        VariableStep::Key(key) => crate::layer::tree::join_path(&path, key),
        VariableStep::Index(index) => format!("{path}[{index}]"),
    })
}

impl Object for ScopeNode {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match &self.part {
            ScopePart::Vars(steps)
                if matches!(self.vars_node(steps).map(|tree| &tree.kind), Some(TreeKind::List(_))) =>
            {
                ObjectRepr::Seq
            }
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Some(text) = key.as_str() {
            return match &self.part {
                ScopePart::Root => self.root_value(text),
                ScopePart::Env => self.env_value(text),
                ScopePart::App => (text == "name").then(|| Value::from(self.lookup.definition().app.as_str())),
                ScopePart::Vars(steps) => self.vars_value(steps, VariableStep::Key(text.to_owned())),
                ScopePart::Bundle(bundle) => self.bundle_value(bundle, text),
                ScopePart::Bundles => {
                    let bundle = BundleName::from(text);
                    let known = self.lookup.definition().bundles.contains_key(&bundle);
                    known.then(|| self.child(ScopePart::Bundle(bundle)))
                }
            };
        }
        match &self.part {
            ScopePart::Vars(steps) => self.vars_value(steps, VariableStep::Index(key.as_usize()?)),
            _ => None,
        }
    }

    /// Compares two parts of the scope by content. The engine would panic at two values that are errors.
    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast::<Self>()?;
        let (mine, theirs) = (Value::from_dyn_object(Arc::clone(self)), Value::from_dyn_object(other));
        if mine.kind() != theirs.kind() {
            return Some(mine.kind().cmp(&theirs.kind()));
        }
        let is_map = mine.kind() == ValueKind::Map;
        // keys of a mapping, which are unordered, or items of a list
        let items = |of: &Value| -> Option<Vec<Value>> {
            let mut items: Vec<_> = of.try_iter().ok()?.collect();
            if is_map {
                sort(&mut items);
            }
            Some(items)
        };
        let (items, other_items) = (items(&mine)?, items(&theirs)?);
        if !pays_for(STEPS_OF_READ * (items.len() + other_items.len())) {
            return Some(items.len().cmp(&other_items.len()));
        }
        let item = |of: &Value, key: &Value| of.get_item(key).unwrap_or_default();
        let orders = items.iter().zip(&other_items).map(|(a, b)| {
            let order = compare(a, b);
            if is_map { order.then_with(|| compare(&item(&mine, a), &item(&theirs, b))) } else { order }
        });
        let differing = orders.into_iter().find(|order| order.is_ne());
        Some(differing.unwrap_or_else(|| items.len().cmp(&other_items.len())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        // names are created on request; counting them creates none
        if let ScopePart::Vars(steps) = &self.part
            && let Some(TreeKind::List(items)) = self.vars_node(steps).map(|tree| &tree.kind)
        {
            return Enumerator::Seq(items.len());
        }
        self.mapped_enumerator(|this| {
            let definition = this.lookup.definition();
            match &this.part {
                ScopePart::Root => names_to_values(ROOT.into_iter()),
                ScopePart::Env if definition.namespace.is_some() => names_to_values(["name", "namespace"].into_iter()),
                ScopePart::Env | ScopePart::App => names_to_values(["name"].into_iter()),
                ScopePart::Bundles => names_to_values(definition.bundles.keys().map(BundleName::as_str)),
                ScopePart::Bundle(bundle) => match definition.bundles.get(bundle) {
                    Some(bundle) => names_to_values(bundle.entries.keys().map(KeyName::as_str)),
                    None => names_to_values([].into_iter()),
                },
                ScopePart::Vars(steps) => match this.vars_node(steps).map(|tree| &tree.kind) {
                    Some(TreeKind::Map(map)) => names_to_values(map.keys().map(String::as_str)),
                    Some(TreeKind::List(_) | TreeKind::Leaf(_)) | None => names_to_values([].into_iter()),
                },
            }
        })
    }
}

/// Converts names to values.
fn names_to_values<'n>(
    names: impl ExactSizeIterator<Item = &'n str> + Send + Sync + 'n,
) -> Box<dyn Iterator<Item = Value> + Send + Sync + 'n> {
    Box::new(names.map(Value::from))
}

/// Records that a sensitive value was handed out, if there is one: its absence is public.
fn record_secret(outcome: &EntryOutcome) {
    match outcome {
        EntryOutcome::Known(_) | EntryOutcome::Locked(_) | EntryOutcome::Failed => {
            if let Some(frame) = frame::current_frame() {
                frame.record_secret();
            }
        }
        // a value in a store is never handed out
        EntryOutcome::Missing | EntryOutcome::Pointed(_) => {}
    }
}

/// Steps for a part of the scope that is read for a comparison.
const STEPS_OF_READ: usize = 32;

/// Pays for compared values, for which the engine charges nothing. If the run's budget is exhausted, the result of the
/// comparison does not matter: the render fails at its end.
fn pays_for(steps: usize) -> bool {
    let is_paid = TEMPLATE_STEPS.spend(steps as u64).is_ok();
    if let (false, Some(frame)) = (is_paid, frame::current_frame()) {
        frame.record_raised(OwnError::OutOfSteps);
    }
    is_paid
}

/// Compares the content of two parts of the scope. One that is an error fails the render at its end.
fn compare(mine: &Value, theirs: &Value) -> Ordering {
    let length = |value: &Value| value.as_bytes().map_or(0, <[u8]>::len);
    if !pays_for(1 + length(mine).min(length(theirs)) / BYTES_A_STEP) {
        return Ordering::Equal;
    }
    if [mine, theirs].iter().any(|value| value.kind() == ValueKind::Invalid) {
        return mine.kind().cmp(&theirs.kind());
    }
    mine.cmp(theirs)
}

/// Value of a read; undefined if there is none.
fn hand_out(outcome: &EntryOutcome, value: impl FnOnce(&ResolvedBytes) -> Value) -> Option<Value> {
    match outcome {
        EntryOutcome::Known(known) => Some(value(known)),
        EntryOutcome::Missing => None,
        EntryOutcome::Locked(placeholder) => {
            if let Some(frame) = frame::current_frame() {
                frame.limit_visibility(placeholder.visibility());
            }
            Some(Value::from(placeholder.text().unwrap_or_default()))
        }
        EntryOutcome::Pointed(_) | EntryOutcome::Failed => Some(raise_error(OwnError::Reported)),
    }
}

/// Error of Septum that the engine raises where the value is used; at the latest, the render fails at its end.
fn raise_error(error: OwnError) -> Value {
    if let Some(frame) = frame::current_frame() {
        frame.record_raised(error.clone());
    }
    Value::from(error.into_error())
}

/// The same, with a message that is shown only if `key` stands in the template.
fn raise_computed(message: String, hint: Option<String>, key: &str) -> Value {
    raise_error(OwnError::Computed { message, hint, word: TemplateWord::Key(key.to_owned()) })
}

/// Scalar as a template sees it: typed where its canonical form equals its text, so that conditions and sums work and
/// `1.10` or `0644` still print as written.
fn typed_scalar(scalar: &Scalar) -> Value {
    if scalar.style != YamlStyle::Plain && scalar.tag.is_none() {
        return Value::from(scalar.text());
    }
    typed_text(scalar.text(), core_type(scalar))
}

/// Text as a value of the given type, if that prints as the same text.
fn typed_text(text: &str, kind: CoreType) -> Value {
    let typed = match kind {
        CoreType::Null => return Value::from(()),
        CoreType::Bool => match text {
            "true" => return Value::from(true),
            "false" => return Value::from(false),
            _ => None,
        },
        CoreType::Int => text.parse::<i64>().ok().map(Value::from),
        CoreType::Float => text.parse::<f64>().ok().map(Value::from),
        CoreType::String => None,
    };
    typed.filter(|value| value.to_string() == text).unwrap_or_else(|| Value::from(text))
}

/// Value of a variable that is a template or a scalar.
fn final_value(value: &ResolvedBytes) -> Value {
    match value {
        ResolvedBytes::Written(scalar) => typed_scalar(scalar),
        ResolvedBytes::Rendered(text) => Value::from(text.expose().as_str()),
        ResolvedBytes::File(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(_) => Value::from_bytes(bytes.to_vec()),
        },
    }
}

/// Whether an entry is sensitive by the declarations of layers, or by its lineage.
fn is_sensitive(definition: &Definition, id: &EntryId, lineage: &Lineage) -> bool {
    let Some(entry) = definition.entry(id) else { return false };
    match &entry.rules.sensitive {
        Some(declared) => declared.value,
        None => {
            let bundle = definition.bundles.get(&id.bundle);
            lineage.secret || bundle.is_some_and(|bundle| bundle.secret_type.is_some())
        }
    }
}

/// Entry's value as a template sees it: of the type that its rules declare, otherwise of the type that it was
/// written with.
fn typed_value(definition: &Definition, id: &EntryId, value: &ResolvedBytes) -> Value {
    let declared = definition.entry(id).and_then(|entry| entry.rules.schema.get("type"));
    let kind = match declared.and_then(|declared| declared.value.as_str()) {
        Some("integer") => CoreType::Int,
        Some("number") => CoreType::Float,
        Some("boolean") => CoreType::Bool,
        Some(_) => CoreType::String,
        None => return final_value(value),
    };
    match value.text() {
        Some(text) => typed_text(text, kind),
        None => final_value(value),
    }
}
