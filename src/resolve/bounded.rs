//! What variables and namespaces may hold.
//!
//! The engine compares, hashes, prints and drops values by recursion, without a bound. Structures grow deeper
//! than their template is written by two ways: through variables that are set anew with themselves inside,
//! and through namespaces, which could even hold themselves. So what is set is looked at: it may not be
//! deeper than any configuration is, and a field of a namespace holds no namespace.

use std::collections::BTreeMap;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::failure::invalid;
use super::frame;
use super::scope;

/// Deepest structure that a variable may hold.
const MAX_DEPTH: usize = 64;

/// Most parts of structures that one render may set, and set again.
pub(super) const MAX_PARTS: usize = 2_000_000;

/// The value of a variable.
pub(super) fn value(value: Value) -> Result<Value, Error> {
    let value = listed(value)?;
    look(&value, MAX_DEPTH, false)?;
    Ok(value)
}

/// The value of a field of a namespace.
pub(super) fn field(value: Value) -> Result<Value, Error> {
    let value = listed(value)?;
    look(&value, MAX_DEPTH, true)?;
    Ok(value)
}

/// What is computed when it is asked for, computed now: such values could be stacked without end.
fn listed(value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable || is_namespace(&value) {
        return Ok(value);
    }
    let mut items = Vec::new();
    for item in value.try_iter()? {
        count()?;
        items.push(item);
    }
    Ok(Value::from(items))
}

fn look(value: &Value, depth: usize, within_namespace: bool) -> Result<(), Error> {
    // what templates are given is as deep as the layers are, and to look at it would be to read it
    if value.downcast_object_ref::<scope::Node>().is_some() {
        return Ok(());
    }
    if is_namespace(value) {
        let message = "a field of a namespace cannot hold a namespace";
        return if within_namespace { Err(invalid(message)) } else { Ok(()) };
    }
    let keys = match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => false,
        ValueKind::Map => true,
        _ => return Ok(()),
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Err(invalid("a variable holds a structure that is more than 64 deep"));
    };
    for item in value.try_iter()? {
        count()?;
        if keys {
            look(&value.get_item(&item)?, depth, within_namespace)?;
        }
        look(&item, depth, within_namespace)?;
    }
    Ok(())
}

fn count() -> Result<(), Error> {
    let is_fine = frame::current().is_none_or(|frame| frame.count_part() <= MAX_PARTS);
    if is_fine { Ok(()) } else { Err(Error::from(minijinja::ErrorKind::OutOfFuel)) }
}

/// Whether a value is what `namespace()` makes. Its type is the engine's own.
fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

/// What the fields of a namespace begin with.
pub(super) fn fields(defaults: &Value) -> Result<Value, Error> {
    if defaults.kind() != ValueKind::Map {
        return Ok(defaults.clone());
    }
    let pairs = defaults.try_iter()?.map(|key| {
        let item = field(defaults.get_item(&key)?)?;
        Ok((key, item))
    });
    pairs.collect::<Result<BTreeMap<_, _>, Error>>().map(Value::from)
}
