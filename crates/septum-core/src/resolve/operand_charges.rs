//! Inner functions that pay for operands, see [`super::operands`].

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

use super::bounded;
use super::fault::invalid_value;
use super::sizes::{self, NO_TEXT};
use super::steps::BYTES_A_STEP;

/// Steps for each template name that is searched.
const LOOKUP: usize = 64;

/// Steps for an index counted from the end, for which the engine may traverse the whole list.
const FROM_END: u64 = 400;

/// Checks and charges an operand of `~`.
pub(super) fn charge_concatenation(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
        return Err(invalid_value(NO_TEXT));
    }
    let length = value.as_bytes().map_or(0, <[u8]>::len);
    state.consume_fuel((length / BYTES_A_STEP) as u64)?;
    sizes::as_printed(value)
}

/// Charges an operand of a comparison. Parts of the scope are charged when they are compared: inspecting them here
/// would count as reading them.
pub(super) fn charge_comparison(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    sizes::charge_compared(state, &value)?;
    Ok(value)
}

/// Computes and charges the result of `+` and `*` on lists.
pub(super) fn charge_list_result(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    bounded::compute_list(state, value)
}

/// Charges the key of a mapping, or an index.
pub(super) fn charge_key(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.as_i64().is_some_and(|index| index < 0) {
        state.consume_fuel(FROM_END)?;
    }
    sizes::charge(state, &value, sizes::COMPARED)?;
    Ok(value)
}

/// Refuses a value that is undefined.
pub(super) fn require_defined(value: Value) -> Result<Value, Error> {
    if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(value) }
}

/// Charges the name of a template, or a list of names of which the first existing one is used.
pub(super) fn charge_name(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    sizes::charge(state, &value, LOOKUP)?;
    state.consume_fuel((LOOKUP * value.len().unwrap_or_default()) as u64)?;
    Ok(value)
}
