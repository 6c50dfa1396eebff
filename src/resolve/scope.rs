//! What templates see: `env`, `app`, `vars`, `data`, `bundles`. Every leaf that is handed out is
//! recorded in the log of the render under way.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectExt, ObjectRepr, ValueKind};
use minijinja::{ErrorKind, Value};

use super::frame;
use super::literal::Word;
use super::session::Session;
use super::sizes::BYTES_A_STEP;
use super::suggest;
use super::{Final, Outcome, Read, failure, pointed};
use crate::budget::TEMPLATE_STEPS;
use crate::layer::{Tree, TreeKind};
use crate::name::{BundleName, EntryId, KeyName};
use crate::yaml::node::{Scalar, Style};
use crate::yaml::scalar::{CoreType, core_type};

/// A part of the scope.
pub(super) struct Node {
    session: Arc<Session>,
    part: Part,
}

enum Part {
    Root,
    Env,
    App,
    /// A part of `vars`: the steps that lead to it.
    Vars(Vec<Step>),
    /// The entries of a bundle.
    Bundle(BundleName),
    Bundles,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The names at the root, for suggestions.
pub(super) const ROOT: [&str; 5] = ["app", "bundles", "data", "env", "vars"];

/// The context of a render.
pub(super) fn root(session: &Arc<Session>) -> Value {
    Value::from_object(Node { session: Arc::clone(session), part: Part::Root })
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[scope]")
    }
}

impl Node {
    fn child(&self, part: Part) -> Value {
        Value::from_object(Self { session: Arc::clone(&self.session), part })
    }

    fn root_value(&self, key: &str) -> Option<Value> {
        Some(match key {
            "env" => self.child(Part::Env),
            "app" => self.child(Part::App),
            "vars" => self.child(Part::Vars(Vec::new())),
            "bundles" => self.child(Part::Bundles),
            "data" => self.child(Part::Bundle(frame::current()?.bundle.clone())),
            _ => return None,
        })
    }

    fn env_value(&self, key: &str) -> Option<Value> {
        let definition = &self.session.definition;
        match key {
            "name" => Some(Value::from(definition.environment.as_str())),
            "namespace" => definition.namespace.as_ref().map(|namespace| Value::from(namespace.value.as_str())),
            _ => None,
        }
    }

    fn bundle_value(&self, bundle: &BundleName, key: &str) -> Option<Value> {
        let id = EntryId { bundle: bundle.clone(), key: KeyName::from(key) };
        if self.session.definition.entry(&id).is_none() {
            self.session.definition.bundles.get(bundle)?;
            let (message, hint) = suggest::undefined_key(&self.session, bundle, key);
            return Some(failure::raise(&message, hint.as_deref(), Word::Key(key)));
        }
        if let Some(frame) = frame::current() {
            frame.record(Read::Entry(id.clone()));
        }
        let entry = self.session.entry(&id);
        if self.session.is_sensitive(&id, &entry.lineage) {
            record_secret(&entry.outcome);
        }
        if matches!(entry.outcome, Outcome::Pointed(_)) {
            let (message, hint) = pointed::unknown_value(&self.session.definition.label(&id));
            return Some(failure::raise(&message, Some(&hint), Word::Key(key)));
        }
        handed_out(&entry.outcome, |value| self.session.typed(&id, value))
    }

    fn vars_value(&self, steps: &[Step], step: Step) -> Option<Value> {
        let mut steps = steps.to_vec();
        steps.push(step);
        let tree = self.vars_node(&steps)?;
        match &tree.kind {
            TreeKind::Map(_) | TreeKind::List(_) => Some(self.child(Part::Vars(steps))),
            TreeKind::Leaf(scalar) => {
                let path = path(&steps);
                if let Some(frame) = frame::current() {
                    frame.record(Read::Variable(path.clone()));
                }
                let variable = self.session.variable_value(&path, scalar, &tree.place);
                if variable.lineage.secret {
                    record_secret(&variable.outcome);
                }
                if matches!(variable.outcome, Outcome::Pointed(_)) {
                    let (message, _) = pointed::unknown_value(&format!("vars.{path}"));
                    let hint = "name the `ref` itself where its value goes, not a variable that is made of it";
                    let last = steps.iter().rev().find_map(|step| match step {
                        Step::Key(key) => Some(key.as_str()),
                        Step::Index(_) => None,
                    });
                    return Some(failure::raise(&message, Some(hint), Word::Key(last.unwrap_or_default())));
                }
                handed_out(&variable.outcome, final_value)
            }
        }
    }

    fn vars_node(&self, steps: &[Step]) -> Option<&Tree> {
        self.session.variable(&steps.iter().map(Step::as_ref).collect::<Vec<_>>())
    }
}

impl Step {
    fn as_ref(&self) -> StepRef<'_> {
        match self {
            Self::Key(key) => StepRef::Key(key),
            Self::Index(index) => StepRef::Index(*index),
        }
    }
}

/// A step into a structure.
#[derive(Clone, Copy)]
pub(super) enum StepRef<'a> {
    /// By key.
    Key(&'a str),
    /// By position.
    Index(usize),
}

/// The path of steps as people write it: `a.b[0]`.
fn path(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Key(key) => crate::layer::tree::join(&path, key),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

impl Object for Node {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match &self.part {
            Part::Vars(steps) if matches!(self.vars_node(steps).map(|tree| &tree.kind), Some(TreeKind::List(_))) => {
                ObjectRepr::Seq
            }
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Some(text) = key.as_str() {
            return match &self.part {
                Part::Root => self.root_value(text),
                Part::Env => self.env_value(text),
                Part::App => (text == "name").then(|| Value::from(self.session.definition.app.as_str())),
                Part::Vars(steps) => self.vars_value(steps, Step::Key(text.to_owned())),
                Part::Bundle(bundle) => self.bundle_value(bundle, text),
                Part::Bundles => {
                    let bundle = BundleName::from(text);
                    let known = self.session.definition.bundles.contains_key(&bundle);
                    known.then(|| self.child(Part::Bundle(bundle)))
                }
            };
        }
        match &self.part {
            Part::Vars(steps) => self.vars_value(steps, Step::Index(key.as_usize()?)),
            _ => None,
        }
    }

    /// Compares two parts of the scope by what they hold. The engine would panic at two values that are errors.
    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast::<Self>()?;
        let (mine, theirs) = (Value::from_dyn_object(Arc::clone(self)), Value::from_dyn_object(other));
        if mine.kind() != theirs.kind() {
            return Some(mine.kind().cmp(&theirs.kind()));
        }
        let is_map = mine.kind() == ValueKind::Map;
        // the keys of a mapping, which have no order, or the items of a list
        let items = |of: &Value| -> Option<Vec<Value>> {
            let mut items: Vec<_> = of.try_iter().ok()?.collect();
            if is_map {
                items.sort();
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
        // names are made when they are asked for: whoever asks how many there are makes none
        if let Part::Vars(steps) = &self.part
            && let Some(TreeKind::List(items)) = self.vars_node(steps).map(|tree| &tree.kind)
        {
            return Enumerator::Seq(items.len());
        }
        self.mapped_enumerator(|this| {
            let definition = &this.session.definition;
            match &this.part {
                Part::Root => values(ROOT.into_iter()),
                Part::Env if definition.namespace.is_some() => values(["name", "namespace"].into_iter()),
                Part::Env | Part::App => values(["name"].into_iter()),
                Part::Bundles => values(definition.bundles.keys().map(BundleName::as_str)),
                Part::Bundle(bundle) => match definition.bundles.get(bundle) {
                    Some(bundle) => values(bundle.entries.keys().map(KeyName::as_str)),
                    None => values([].into_iter()),
                },
                Part::Vars(steps) => match this.vars_node(steps).map(|tree| &tree.kind) {
                    Some(TreeKind::Map(map)) => values(map.keys().map(String::as_str)),
                    Some(TreeKind::List(_) | TreeKind::Leaf(_)) | None => values([].into_iter()),
                },
            }
        })
    }
}

/// Names as values.
fn values<'n>(
    names: impl ExactSizeIterator<Item = &'n str> + Send + Sync + 'n,
) -> Box<dyn Iterator<Item = Value> + Send + Sync + 'n> {
    Box::new(names.map(Value::from))
}

/// Records that something sensitive was handed out, if there is any of it: that there is none is plain to see.
fn record_secret(outcome: &Outcome) {
    match outcome {
        Outcome::Known(_) | Outcome::Locked(_) | Outcome::Failed => {
            if let Some(frame) = frame::current() {
                frame.record_secret();
            }
        }
        // what stands in a store is never handed out
        Outcome::Missing | Outcome::Pointed(_) => {}
    }
}

/// Steps for a part of the scope that is read to be compared.
const STEPS_OF_READ: usize = 32;

/// Pays for things that are compared, for which the engine charges nothing. Where the run may do no more, what is
/// compared does not matter: the render fails when it is done.
fn pays_for(steps: usize) -> bool {
    let is_paid = TEMPLATE_STEPS.spend(steps as u64).is_ok();
    if let (false, Some(frame)) = (is_paid, frame::current()) {
        frame.record_raised(ErrorKind::OutOfFuel, "");
        frame.spoil();
    }
    is_paid
}

/// Compares what two parts of the scope hold. One that is an error fails the render when it is done.
fn compare(mine: &Value, theirs: &Value) -> Ordering {
    let length = |value: &Value| value.as_bytes().map_or(0, <[u8]>::len);
    if !pays_for(1 + length(mine).min(length(theirs)) / BYTES_A_STEP) {
        return Ordering::Equal;
    }
    if [mine, theirs].iter().any(|value| value.kind() == ValueKind::Invalid) {
        if let Some(frame) = frame::current() {
            frame.spoil();
        }
        return mine.kind().cmp(&theirs.kind());
    }
    mine.cmp(theirs)
}

/// The value of something that was read; undefined where there is none.
fn handed_out(outcome: &Outcome, value: impl FnOnce(&Final) -> Value) -> Option<Value> {
    match outcome {
        Outcome::Known(known) => Some(value(known)),
        Outcome::Missing => None,
        Outcome::Locked(shadow) => {
            if let Some(frame) = frame::current() {
                match shadow.text() {
                    Some(_) => frame.record_locked(),
                    None => frame.record_dark(),
                }
            }
            Some(Value::from(shadow.text().unwrap_or_default()))
        }
        Outcome::Pointed(_) | Outcome::Failed => Some(failure::raise_failed()),
    }
}

/// A scalar as a template sees it: typed where its canonical form is its text, so that conditions
/// and sums work and `1.10` or `0644` still print as written.
pub(super) fn typed_scalar(scalar: &Scalar) -> Value {
    if scalar.style != Style::Plain && scalar.tag.is_none() {
        return Value::from(scalar.text());
    }
    typed_text(scalar.text(), core_type(scalar))
}

/// A text as a value of the given type, if that prints as the same text.
pub(super) fn typed_text(text: &str, kind: CoreType) -> Value {
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

/// The value of a variable that is a template or a scalar.
pub(super) fn final_value(value: &Final) -> Value {
    match value {
        Final::Written(scalar) => typed_scalar(scalar),
        Final::Rendered(text) => Value::from(text.expose().as_str()),
        Final::File(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(_) => Value::from_bytes(bytes.to_vec()),
        },
    }
}
