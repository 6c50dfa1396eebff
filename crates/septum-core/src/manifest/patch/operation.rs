//! JSON6902 operations: add, remove, replace, move, copy, test.

use super::consumed::{ConsumedParts, DecidingRole};
use super::equality::are_equal;
use super::failure::PatchFailure;
use super::node::{NodeKind, PartTable, PatchNode};
use super::pointer::{NodePointer, existing_index, insertion_index};
use crate::diagnostic::did_you_mean;
use crate::layer::{Tree, TreeKind};
use crate::resolve::TemplatePart;

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
    name: &'p str,
    path: NodePointer,
    /// Text of the path, if it may be shown.
    shown: String,
}

impl OperationList<'_> {
    /// Applies all operations in order.
    pub(super) fn apply(&mut self, object: &mut PatchNode, operations: &PatchNode) -> Result<(), PatchFailure> {
        self.consumed.record_parts(&operations.parts, DecidingRole::Operation);
        let items = operations.as_list().unwrap_or_default();
        items.iter().try_for_each(|operation| {
            let operation = self.read(operation, &operations.parts)?;
            self.apply_one(object, &operation, &operations.parts)
        })
    }

    fn read<'p>(&mut self, node: &'p PatchNode, _above: &[usize]) -> Result<PatchOperation<'p>, PatchFailure> {
        let Some(map) = node.as_map() else {
            let message = format!("expected a JSON6902 operation, found {}", node.noun());
            return Err(PatchFailure::new(&node.place, message).hint("write `{ op: …, path: … }`"));
        };
        self.consumed.record_parts(&node.parts, DecidingRole::Operation);
        for (key, value) in map {
            if !FIELDS.contains(&key.as_str()) {
                let failure = PatchFailure::new(&value.place, format!("unknown field `{key}` in a JSON6902 operation"));
                return Err(match did_you_mean(key, FIELDS) {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                });
            }
            if key != "value" {
                self.consumed.record(value, DecidingRole::Operation);
            }
        }
        let required = |field: &str| {
            map.get(field)
                .filter(|value| value.as_scalar().is_some() && !value.is_null())
                .ok_or_else(|| PatchFailure::new(&node.place, format!("a JSON6902 operation has no `{field}`")))
        };
        let op = required("op")?;
        let Some(name) = OPERATIONS.into_iter().find(|name| *name == op.text()) else {
            let failure = PatchFailure::new(&op.place, "unknown JSON6902 operation");
            let guess = op.public_text().and_then(|text| did_you_mean(text, OPERATIONS));
            return Err(failure.hint(guess.unwrap_or_else(|| format!("use one of `{}`", OPERATIONS.join("`, `")))));
        };
        let path = required("path")?;
        let pointer = read_pointer(path)?;
        if matches!(name, "add" | "replace" | "test") && !map.contains_key("value") {
            return Err(PatchFailure::new(&node.place, format!("the operation `{name}` has no `value`")));
        }
        let shown = path.public_text().map_or_else(|| "the path".to_owned(), |text| format!("`{text}`"));
        Ok(PatchOperation { node, name, path: pointer, shown })
    }

    fn apply_one(
        &mut self,
        object: &mut PatchNode,
        operation: &PatchOperation<'_>,
        above: &[usize],
    ) -> Result<(), PatchFailure> {
        let PatchOperation { node, name, path, shown } = operation;
        match *name {
            "add" => add(object, operation, self.value(operation, above), shown),
            "remove" => remove(object, operation, path, shown).map(|_| ()),
            "replace" => replace(object, operation, self.value(operation, above)),
            "test" => self.test(object, operation),
            name => {
                let field = node.get("from").filter(|value| !value.is_null());
                let field = field
                    .ok_or_else(|| PatchFailure::new(&node.place, format!("the operation `{name}` has no `from`")))?;
                let from = read_pointer(field)?;
                let from_shown = field.public_text().map_or_else(|| "`from`".to_owned(), |text| format!("`{text}`"));
                let value = self.copy_of(object, &from, operation, &from_shown)?;
                if name == "move" {
                    remove(object, operation, &from, &from_shown)?;
                }
                add(object, operation, value, shown)
            }
        }
    }

    /// Value of the operation, with the parts of what contains it.
    fn value(&mut self, operation: &PatchOperation<'_>, above: &[usize]) -> PatchNode {
        let node = operation.node;
        let Some(mut value) = node.get("value").cloned() else { return null_at(node) };
        let parts: Vec<usize> = above.iter().chain(&node.parts).copied().collect();
        let parts = self.without_texts(&parts);
        value.add_parts(&parts);
        value
    }

    /// Copy of a value of the object, with the parts of what contained it.
    fn copy_of(
        &mut self,
        object: &PatchNode,
        from: &NodePointer,
        operation: &PatchOperation<'_>,
        shown: &str,
    ) -> Result<PatchNode, PatchFailure> {
        if from.keys.is_empty() {
            let message = format!("the operation `{}` cannot be applied to the whole object", operation.name);
            return Err(PatchFailure::new(&operation.node.place, message));
        }
        let above = from.parts_above(object);
        let Some(value) = from.find(object) else {
            return missing_source(object, from, operation, shown);
        };
        let mut value = value.clone();
        let above: Vec<usize> = if from.reaches_data() {
            self.without_texts(&above)
        } else {
            above.into_iter().filter(|index| self.table.get(*index).is_some_and(|part| part.text.is_none())).collect()
        };
        value.add_parts(&above);
        Ok(value)
    }

    /// Parts for values that leave the text of a template: they are judged where they are, not with the text.
    fn without_texts(&mut self, parts: &[usize]) -> Vec<usize> {
        let mut found = Vec::with_capacity(parts.len());
        for index in parts {
            match self.table.get(*index) {
                Some(part) if part.text.is_some() => {
                    let part = TemplatePart { text: None, ..part.clone() };
                    found.push(self.table.add(part));
                }
                Some(_) => found.push(*index),
                None => {}
            }
        }
        found
    }

    fn test(&mut self, object: &PatchNode, operation: &PatchOperation<'_>) -> Result<(), PatchFailure> {
        let PatchOperation { node, path, shown, .. } = operation;
        let Some(expected) = node.get("value") else { return Ok(()) };
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

fn read_pointer(node: &PatchNode) -> Result<NodePointer, PatchFailure> {
    NodePointer::parse(node.text()).ok_or_else(|| {
        PatchFailure::new(&node.place, "invalid JSON pointer: expected `/` at its start")
            .hint("write `/spec/replicas`; `~1` is a `/` in a key, `~0` a `~`")
    })
}

fn null_at(node: &PatchNode) -> PatchNode {
    let kind = match Tree::literal("null", &node.place).kind {
        TreeKind::Leaf(scalar) => NodeKind::Leaf(scalar),
        TreeKind::List(_) | TreeKind::Map(_) => NodeKind::List(Vec::new()),
    };
    PatchNode { place: node.place.clone(), parts: Vec::new(), kind }
}

/// Null where a key of a mapping is missing, as in kustomize; else an error.
fn missing_source(
    object: &PatchNode,
    from: &NodePointer,
    operation: &PatchOperation<'_>,
    shown: &str,
) -> Result<PatchNode, PatchFailure> {
    let container = from.split_last().and_then(|(_, keys)| NodePointer { keys: keys.to_vec() }.find(object));
    if operation.name == "copy" && container.is_some_and(|node| node.as_map().is_some()) {
        return Ok(null_at(operation.node));
    }
    Err(not_found(object, from, operation, shown))
}

/// Failure: there is nothing at a path.
fn not_found(object: &PatchNode, path: &NodePointer, operation: &PatchOperation<'_>, shown: &str) -> PatchFailure {
    let failure =
        PatchFailure::new(&operation.node.place, format!("the operation `{}`: {shown} does not exist", operation.name));
    let mut node = object;
    for key in &path.keys {
        match super::pointer::child(node, key) {
            Some(next) => node = next,
            None => {
                let known = node.as_map().into_iter().flat_map(|map| map.keys()).map(String::as_str);
                let hint = did_you_mean(key, known);
                let failure = failure.beside(&node.place, "it does not have this key");
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

fn add(
    object: &mut PatchNode,
    operation: &PatchOperation<'_>,
    value: PatchNode,
    shown: &str,
) -> Result<(), PatchFailure> {
    let failure = not_found(object, &operation.path, operation, shown);
    let Some((key, keys)) = operation.path.split_last() else { return Err(whole(operation)) };
    let Some(container) = NodePointer::container_mut(object, keys) else { return Err(failure) };
    match &mut container.kind {
        NodeKind::Map(map) => {
            map.insert(key.to_owned(), value);
        }
        NodeKind::List(items) => match insertion_index(key, items.len()) {
            Some(index) => items.insert(index, value),
            None => return Err(failure),
        },
        NodeKind::Leaf(_) => return Err(failure),
    }
    Ok(())
}

fn remove(
    object: &mut PatchNode,
    operation: &PatchOperation<'_>,
    path: &NodePointer,
    shown: &str,
) -> Result<PatchNode, PatchFailure> {
    if path.find(object).is_none() {
        return Err(not_found(object, path, operation, shown));
    }
    let Some((key, keys)) = path.split_last() else { return Err(whole(operation)) };
    let removed = NodePointer::container_mut(object, keys).and_then(|container| match &mut container.kind {
        NodeKind::Map(map) => map.shift_remove(key),
        NodeKind::List(items) => existing_index(key, items.len()).map(|index| items.remove(index)),
        NodeKind::Leaf(_) => None,
    });
    removed.ok_or_else(|| not_found(object, path, operation, shown))
}

/// Replaces a value; a key of a mapping need not exist.
fn replace(object: &mut PatchNode, operation: &PatchOperation<'_>, value: PatchNode) -> Result<(), PatchFailure> {
    let Some((key, keys)) = operation.path.split_last() else {
        if value.as_map().is_none() {
            let message = format!("expected a mapping as the whole object, found {}", value.noun());
            return Err(PatchFailure::new(&value.place, message));
        }
        *object = value;
        return Ok(());
    };
    let failure = not_found(object, &operation.path, operation, &operation.shown);
    let Some(container) = NodePointer::container_mut(object, keys) else { return Err(failure) };
    match &mut container.kind {
        NodeKind::Map(map) => {
            map.insert(key.to_owned(), value);
            Ok(())
        }
        NodeKind::List(items) => match existing_index(key, items.len()).and_then(|index| items.get_mut(index)) {
            Some(item) => {
                *item = value;
                Ok(())
            }
            None => Err(failure),
        },
        NodeKind::Leaf(_) => Err(failure),
    }
}

fn whole(operation: &PatchOperation<'_>) -> PatchFailure {
    let message = format!("the operation `{}` cannot be applied to the whole object", operation.name);
    PatchFailure::new(&operation.node.place, message)
}
