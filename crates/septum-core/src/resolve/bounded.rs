//! Bounds on the values of variables and namespaces.
//!
//! The engine compares, hashes, prints and drops values by recursion, without a bound. Structures can grow deeper than
//! their template is written in two ways: through variables that are reassigned with themselves inside, and through
//! namespaces, which could even contain themselves. So each assigned value is checked: it may not be deeper than any
//! configuration is, and a field of a namespace contains no namespace. Each part checked costs a step.

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::fault::invalid_value;
use super::scope;
use crate::sort::CollectSorted;

/// Maximum depth of a structure in a variable.
const MAX_DEPTH: usize = 64;

/// Bounds the value of a variable.
pub(super) fn bound_value(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    let value = compute_list(state, value)?;
    check_depth(state, &value, MAX_DEPTH, false)?;
    Ok(value)
}

/// Bounds the value of a field of a namespace.
pub(super) fn bound_field(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    let value = compute_list(state, value)?;
    check_depth(state, &value, MAX_DEPTH, true)?;
    Ok(value)
}

/// Computes a lazy value now: such values could be stacked without end.
pub(super) fn compute_list(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable || is_namespace(&value) { Ok(value) } else { bounded_items(state, &value) }
}

/// Collects the items of a list, charging a step for each.
pub(super) fn bounded_items(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let mut items = Vec::new();
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        items.push(item);
    }
    Ok(Value::from(items))
}

fn check_depth(state: &State<'_, '_>, value: &Value, depth: usize, within_namespace: bool) -> Result<(), Error> {
    // the scope is only as deep as the layers are, and inspecting it would count as reading it
    if value.downcast_object_ref::<scope::ScopeNode>().is_some() {
        return Ok(());
    }
    if is_namespace(value) {
        let message = "a field of a namespace cannot contain a namespace";
        return if within_namespace { Err(invalid_value(message)) } else { Ok(()) };
    }
    let keys = match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => false,
        ValueKind::Map => true,
        _ => return Ok(()),
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Err(invalid_value("a variable contains a structure nested more than 64 levels deep"));
    };
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        if keys {
            check_depth(state, &value.get_item(&item)?, depth, within_namespace)?;
        }
        check_depth(state, &item, depth, within_namespace)?;
    }
    Ok(())
}

/// Whether a value was created by `namespace()`. Its type is private to the engine.
fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

/// Bounds the initial fields of a namespace.
pub(super) fn namespace_fields(state: &State<'_, '_>, defaults: &Value) -> Result<Value, Error> {
    if defaults.kind() != ValueKind::Map {
        return Ok(defaults.clone());
    }
    let pairs = defaults.try_iter()?.map(|key| {
        let item = bound_field(state, defaults.get_item(&key)?)?;
        Ok((key, item))
    });
    let pairs = pairs.collect::<Result<Vec<_>, Error>>()?;
    Ok(Value::from(pairs.into_iter().collect_map()))
}
