//! JSON6902 operations: add, remove, replace, move, copy, test.

use std::sync::Arc;

use super::consumed::{ConsumedParts, DecidingRole};
use super::equality::are_equal;
use super::failure::PatchFailure;
use super::node::{NodeKind, PartTable, PatchNode};
use super::pointer::{NodePointer, existing_index, insertion_index};
use crate::diagnostic::did_you_mean;
use crate::map::IndexMap;
use crate::resolve::TemplatePart;
use crate::yaml::node::{Scalar, YamlStyle};

/// Names of the operations.
const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

/// Fields of an operation.
const FIELDS: [&str; 4] = ["op", "path", "from", "value"];

/// JSON6902 operations that are applied to an object.
pub(super) struct OperationList<'a> {
    pub(super) table: &'a mut PartTable,
    pub(super) consumed: &'a mut ConsumedParts,
}

/// Operation of a patch.
struct PatchOperation<'p> {
    node: &'p PatchNode,
    name: &'static str,
    path: ShownPointer,
    kind: OperationKind<'p>,
}

/// Change or check at a path, with the value or the source that it requires.
enum OperationKind<'p> {
    Add(&'p PatchNode),
    Remove,
    Replace(&'p PatchNode),
    Move(ShownPointer),
    Copy(ShownPointer),
    Test(&'p PatchNode),
}

/// Pointer with its text for messages.
struct ShownPointer {
    pointer: NodePointer,
    shown: String,
}

impl OperationList<'_> {
    /// Applies all operations in order, if each of them is valid.
    pub(super) fn apply(&mut self, object: &mut PatchNode, operations: &PatchNode) -> Result<(), Vec<PatchFailure>> {
        self.consumed.record_parts(&operations.parts, DecidingRole::Operation);
        let mut failures = Vec::new();
        let items = operations.as_list().unwrap_or_default().iter();
        let read: Vec<_> = items.filter_map(|operation| self.read(operation, &mut failures)).collect();
        if !failures.is_empty() {
            return Err(failures);
        }
        if read.iter().any(changes_annotations) {
            ensure_annotations(object);
        }
        let applied = read.iter().try_for_each(|operation| self.apply_one(object, operation, &operations.parts));
        applied.map_err(|failure| vec![failure])
    }

    fn read<'p>(&mut self, node: &'p PatchNode, failures: &mut Vec<PatchFailure>) -> Option<PatchOperation<'p>> {
        let Some(map) = node.as_map() else {
            let message = format!("expected a JSON6902 operation, found {}", node.noun());
            failures.push(PatchFailure::new(&node.place, message).hint("write `{ op: …, path: … }`"));
            return None;
        };
        self.consumed.record_parts(&node.parts, DecidingRole::Operation);
        let before = failures.len();
        for (key, value) in map {
            if !FIELDS.contains(&key.as_str()) {
                failures.push(unknown_field(key, value));
            } else if key != "value" {
                self.consumed.record(value, DecidingRole::Operation);
            }
        }
        // a field that is missing may be one of them
        if failures.len() > before {
            return None;
        }
        let mut take = |failure| failures.push(failure);
        let name = text_field(node, "op", "a JSON6902 operation").and_then(operation_name).map_err(&mut take);
        let path = text_field(node, "path", "a JSON6902 operation").and_then(|path| read_pointer(path, "the path"));
        let path = path.map_err(&mut take);
        let name = name.ok()?;
        let kind = read_kind(node, name).map_err(&mut take);
        Some(PatchOperation { node, name, path: path.ok()?, kind: kind.ok()? })
    }

    fn apply_one(
        &mut self,
        object: &mut PatchNode,
        operation: &PatchOperation<'_>,
        above: &[usize],
    ) -> Result<(), PatchFailure> {
        match &operation.kind {
            OperationKind::Add(value) => add(object, operation, self.value(operation, value, above)),
            OperationKind::Remove => remove(object, operation, &operation.path),
            OperationKind::Replace(value) => replace(object, operation, self.value(operation, value, above)),
            OperationKind::Test(expected) => self.test(object, operation, expected),
            OperationKind::Copy(from) => {
                let value = self.copy_of(object, from, operation)?;
                add(object, operation, value)
            }
            OperationKind::Move(from) => {
                let value = self.copy_of(object, from, operation)?;
                remove(object, operation, from)?;
                add(object, operation, value)
            }
        }
    }

    /// Value of the operation, with the parts of what contains it.
    fn value(&mut self, operation: &PatchOperation<'_>, value: &PatchNode, above: &[usize]) -> PatchNode {
        let parts: Vec<usize> = above.iter().chain(&operation.node.parts).copied().collect();
        let mut value = value.clone();
        value.add_parts(&self.without_texts(&parts));
        value
    }

    /// Copy of a value of the object, with the parts of what contained it.
    fn copy_of(
        &mut self,
        object: &PatchNode,
        from: &ShownPointer,
        operation: &PatchOperation<'_>,
    ) -> Result<PatchNode, PatchFailure> {
        let ShownPointer { pointer, .. } = from;
        if pointer.keys.is_empty() {
            return Err(whole(operation));
        }
        let above = pointer.parts_above(object);
        let Some(value) = pointer.find(object) else {
            return missing_source(object, from, operation);
        };
        let mut value = value.clone();
        let above: Vec<usize> = if pointer.reaches_data() {
            self.without_texts(&above)
        } else {
            above.into_iter().filter(|index| self.table.get(*index).is_some_and(|part| part.text.is_none())).collect()
        };
        value.add_parts(&above);
        Ok(value)
    }

    /// Parts for values that leave the text of a template: they are judged where they are, not with the text.
    fn without_texts(&mut self, parts: &[usize]) -> Vec<usize> {
        let alone = |index: &usize| match self.table.get(*index).filter(|part| part.text.is_some()).cloned() {
            Some(part) => self.table.add(TemplatePart { text: None, ..part }),
            None => *index,
        };
        parts.iter().map(alone).collect()
    }

    fn test(
        &mut self,
        object: &PatchNode,
        operation: &PatchOperation<'_>,
        expected: &PatchNode,
    ) -> Result<(), PatchFailure> {
        let ShownPointer { pointer: path, shown } = &operation.path;
        self.consumed.record(expected, DecidingRole::Test);
        let is_of_text = |index: &usize| self.table.get(*index).is_some_and(|part| part.text.is_some());
        let above = path.parts_above(object);
        let above: Vec<usize> = above.into_iter().filter(|index| path.reaches_data() || !is_of_text(index)).collect();
        self.consumed.record_parts(&above, DecidingRole::Test);
        let failed = || {
            let failure = PatchFailure::new(&expected.place, format!("the test of {shown} failed"));
            match path.find(object) {
                Some(actual) => failure.beside(&actual.place, "this value is tested"),
                None => failure,
            }
        };
        if let Some(actual) = path.find(object) {
            self.consumed.record(actual, DecidingRole::Test);
            return if are_equal(actual, expected) { Ok(()) } else { Err(failed()) };
        }
        // a missing key of a mapping equals null
        let is_missing_key = path.split_last().is_some_and(|(_, keys)| {
            let container = NodePointer { keys: keys.to_vec() };
            container.find(object).is_some_and(|node| node.as_map().is_some())
        });
        if is_missing_key && expected.is_null() { Ok(()) } else { Err(failed()) }
    }
}

/// Keys of the annotations of an object.
const ANNOTATIONS: [&str; 2] = ["metadata", "annotations"];

/// Whether an operation is about an annotation, or changes all of them.
fn changes_annotations(operation: &PatchOperation<'_>) -> bool {
    let below = operation.path.pointer.keys.strip_prefix(ANNOTATIONS.map(str::to_owned).as_slice());
    below.is_some_and(|below| !below.is_empty() || !matches!(operation.kind, OperationKind::Test(_)))
}

/// Gives an object annotations if it has none: in kustomize, which keeps notes of its own there, they always exist. If they
/// stay empty, they are removed with other empty ones.
fn ensure_annotations(object: &mut PatchNode) {
    let [metadata, annotations] = ANNOTATIONS;
    let Some(metadata) = object.as_map_mut().and_then(|map| map.get_mut(metadata)) else { return };
    let none = PatchNode { place: metadata.place.clone(), parts: Vec::new(), kind: NodeKind::Map(IndexMap::default()) };
    let Some(metadata) = metadata.as_map_mut() else { return };
    let known = metadata.entry(annotations.to_owned()).or_insert_with(|| none.clone());
    if known.is_null() && known.parts.is_empty() {
        *known = none;
    }
}

fn unknown_field(name: &str, value: &PatchNode) -> PatchFailure {
    let failure = PatchFailure::new(&value.place, format!("unknown field `{name}` in a JSON6902 operation"));
    match did_you_mean(name, FIELDS) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn operation_name(op: &PatchNode) -> Result<&'static str, PatchFailure> {
    OPERATIONS.into_iter().find(|name| *name == op.text()).ok_or_else(|| {
        let guess = op.public_text().and_then(|text| did_you_mean(text, OPERATIONS));
        PatchFailure::new(&op.place, "unknown JSON6902 operation")
            .hint(guess.unwrap_or_else(|| format!("use one of `{}`", OPERATIONS.join("`, `"))))
    })
}

/// Reads what the operation `name` requires.
fn read_kind<'p>(node: &'p PatchNode, name: &str) -> Result<OperationKind<'p>, PatchFailure> {
    let owner = format!("the operation `{name}`");
    let value = || node.get("value").ok_or_else(|| PatchFailure::new(&node.place, format!("{owner} has no `value`")));
    let from = || read_pointer(text_field(node, "from", &owner)?, "`from`");
    Ok(match name {
        "add" => OperationKind::Add(value()?),
        "replace" => OperationKind::Replace(value()?),
        "move" => OperationKind::Move(from()?),
        "copy" => OperationKind::Copy(from()?),
        "test" => OperationKind::Test(value()?),
        _ => OperationKind::Remove,
    })
}

/// Field of an operation that is a text; `of` names what requires it.
fn text_field<'p>(node: &'p PatchNode, field: &str, of: &str) -> Result<&'p PatchNode, PatchFailure> {
    match node.get(field).filter(|value| !value.is_null()) {
        Some(value) if value.as_scalar().is_some() => Ok(value),
        Some(value) => {
            Err(PatchFailure::new(&value.place, format!("expected a text for `{field}`, found {}", value.noun())))
        }
        None => Err(PatchFailure::new(&node.place, format!("{of} has no `{field}`"))),
    }
}

/// Pointer of a field; `unnamed` is shown if its text may not be.
fn read_pointer(node: &PatchNode, unnamed: &str) -> Result<ShownPointer, PatchFailure> {
    let pointer = NodePointer::parse(node.text()).ok_or_else(|| {
        PatchFailure::new(&node.place, "invalid JSON pointer: expected `/` at its start")
            .hint("write `/spec/replicas`; `~1` is a `/` in a key, `~0` a `~`")
    })?;
    let shown = match node.public_text() {
        Some("") => "the whole object".to_owned(),
        Some(text) => format!("`{text}`"),
        None => unnamed.to_owned(),
    };
    Ok(ShownPointer { pointer, shown })
}

fn null_at(node: &PatchNode) -> PatchNode {
    let kind = NodeKind::Leaf(Arc::new(Scalar::new("null", YamlStyle::Plain)));
    PatchNode { place: node.place.clone(), parts: Vec::new(), kind }
}

/// Null where a key of a mapping is missing, as in kustomize; else an error.
fn missing_source(
    object: &PatchNode,
    from: &ShownPointer,
    operation: &PatchOperation<'_>,
) -> Result<PatchNode, PatchFailure> {
    let container = from.pointer.split_last().and_then(|(_, keys)| NodePointer { keys: keys.to_vec() }.find(object));
    let is_copy = matches!(operation.kind, OperationKind::Copy(_));
    if is_copy && container.is_some_and(|node| node.as_map().is_some()) {
        return Ok(null_at(operation.node));
    }
    Err(not_found(object, from, operation))
}

/// Failure: there is nothing at a path.
fn not_found(object: &PatchNode, path: &ShownPointer, operation: &PatchOperation<'_>) -> PatchFailure {
    let ShownPointer { pointer, shown } = path;
    let failure =
        PatchFailure::new(&operation.node.place, format!("the operation `{}`: {shown} does not exist", operation.name));
    let mut node = object;
    for key in &pointer.keys {
        match super::pointer::child(node, key) {
            Some(next) => node = next,
            None => {
                let known = node.as_map().into_iter().flat_map(|map| map.keys()).map(String::as_str);
                let hint = did_you_mean(key, known);
                let failure = failure.beside(&node.place, lacks(node));
                // the path may be of a template, and so its parts
                return match hint.filter(|_| shown.starts_with('`')) {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                };
            }
        }
    }
    failure
}

/// Reason why a value has no value below it.
fn lacks(node: &PatchNode) -> String {
    match &node.kind {
        NodeKind::Map(_) => "it does not have this key".to_owned(),
        NodeKind::List(items) if items.len() == 1 => "this list has 1 item".to_owned(),
        NodeKind::List(items) => format!("this list has {} items", items.len()),
        NodeKind::Leaf(_) => format!("{} here", node.noun()),
    }
}

fn add(object: &mut PatchNode, operation: &PatchOperation<'_>, value: PatchNode) -> Result<(), PatchFailure> {
    let ShownPointer { pointer, .. } = &operation.path;
    let Some((key, keys)) = pointer.split_last() else { return Err(whole(operation)) };
    let failure = not_found(object, &operation.path, operation);
    match NodePointer::container_mut(object, keys).map(|container| &mut container.kind) {
        Some(NodeKind::Map(map)) => drop(map.insert(key.to_owned(), value)),
        Some(NodeKind::List(items)) => {
            let index = insertion_index(key, items.len()).ok_or(failure)?;
            items.insert(index, value);
        }
        Some(NodeKind::Leaf(_)) | None => return Err(failure),
    }
    Ok(())
}

fn remove(object: &mut PatchNode, operation: &PatchOperation<'_>, path: &ShownPointer) -> Result<(), PatchFailure> {
    let Some((key, keys)) = path.pointer.split_last() else { return Err(whole(operation)) };
    let removed = NodePointer::container_mut(object, keys).and_then(|container| match &mut container.kind {
        NodeKind::Map(map) => map.shift_remove(key),
        NodeKind::List(items) => existing_index(key, items.len()).map(|index| items.remove(index)),
        NodeKind::Leaf(_) => None,
    });
    removed.map(drop).ok_or_else(|| not_found(object, path, operation))
}

/// Replaces a value; a key of a mapping need not exist.
fn replace(object: &mut PatchNode, operation: &PatchOperation<'_>, value: PatchNode) -> Result<(), PatchFailure> {
    let Some((key, keys)) = operation.path.pointer.split_last() else {
        if value.as_map().is_none() {
            let message = format!("expected a mapping as the whole object, found {}", value.noun());
            return Err(PatchFailure::new(&value.place, message));
        }
        *object = value;
        return Ok(());
    };
    let failure = not_found(object, &operation.path, operation);
    match NodePointer::container_mut(object, keys).map(|container| &mut container.kind) {
        Some(NodeKind::Map(map)) => drop(map.insert(key.to_owned(), value)),
        Some(NodeKind::List(items)) => {
            let item = existing_index(key, items.len()).and_then(|index| items.get_mut(index)).ok_or(failure)?;
            *item = value;
        }
        Some(NodeKind::Leaf(_)) | None => return Err(failure),
    }
    Ok(())
}

fn whole(operation: &PatchOperation<'_>) -> PatchFailure {
    let message = format!("the operation `{}` cannot be applied to the whole object", operation.name);
    PatchFailure::new(&operation.node.place, message)
}
