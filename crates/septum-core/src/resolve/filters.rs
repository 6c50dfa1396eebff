//! Filters and functions in addition to minijinja's: all pure, so that output is reproducible.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Object, ObjectRepr, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use sha2::{Digest as _, Sha256};

use super::fault::{OwnError, TemplateWord, invalid_value};
use super::steps::BYTES_A_STEP;
use super::{bounded, defined, frame, inner_functions as inner, operand_charges, sizes, structure};
use crate::yaml;

/// Adds the filters and functions to an environment.
pub(super) fn install(environment: &mut Environment<'static>) {
    defined::install(environment);
    sizes::install(environment);
    defined::add_filter(environment, "b64encode", 0, b64encode);
    defined::add_filter(environment, "b64decode", 0, b64decode);
    defined::add_filter(environment, "urlencode", 0, urlencode);
    defined::add_filter(environment, "sha256", 0, sha256);
    defined::add_filter(environment, "quote", 0, quote);
    defined::add_filter(environment, "toyaml", 0, toyaml);
    defined::add_filter(environment, "required", 1, required);
    defined::add_filter(environment, "string", 0, string);
    defined::add_filter(environment, "join", 0, join);
    environment.add_function(inner::MARK, begin_declassify);
    environment.add_function(inner::DECLASSIFY, end_declassify);
    environment.add_function(inner::BEGIN, begin_masked);
    environment.add_function(inner::MASKED, end_masked);
    environment.add_function(inner::HIDDEN, hidden_value);
    environment.add_filter(inner::KEPT, hide_masked_names);
    environment.add_function(inner::VALUE, bounded::bound_value);
    environment.add_function(inner::OPERAND, operand_charges::charge_concatenation);
    environment.add_function(inner::COMPARED, operand_charges::charge_comparison);
    environment.add_function(inner::MADE, operand_charges::charge_list_result);
    environment.add_function(inner::HASHED, operand_charges::charge_key);
    environment.add_function(inner::DEFINED, operand_charges::require_defined);
    environment.add_function(inner::NAMED, operand_charges::charge_name);
    environment.add_function(inner::FIELD, bounded::bound_field);
    environment.add_filter(inner::VALUE, bounded::bound_value);
    environment.add_filter(inner::FIELD, bounded::bound_field);
    defined::add_function(environment, "namespace", namespace);
}

fn scalar_bytes(value: &Value) -> Result<Vec<u8>, Error> {
    match value.as_bytes() {
        Some(bytes) => Ok(bytes.to_vec()),
        None => scalar_text(value).map(String::into_bytes),
    }
}

/// Text of a scalar, with `true` where minijinja would print `True`.
fn scalar_text(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::String | ValueKind::Number => Ok(value.to_string()),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Err(invalid_value("expected a string")),
    }
}

fn b64encode(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    sizes::charge(state, value, 2)?;
    Ok(STANDARD.encode(scalar_bytes(value)?))
}

fn b64decode(value: &Value) -> Result<Value, Error> {
    let decoded = STANDARD
        .decode(scalar_text(value)?.trim())
        .map_err(|_| invalid_value("expected standard base64 with padding"))?;
    Ok(match String::from_utf8(decoded) {
        Ok(text) => Value::from(text),
        Err(binary) => Value::from_bytes(binary.into_bytes()),
    })
}

/// Encodes all but the unreserved characters of RFC 3986 (section 2.3) as `%XX`. minijinja's filter keeps `/`, which
/// ends the host of a URL: a password may contain one.
fn urlencode(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    sizes::charge(state, value, "%FF".len())?;
    let mut out = String::new();
    for byte in scalar_bytes(value)? {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    Ok(out)
}

fn sha256(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    sizes::charge(state, value, 4)?;
    let mut out = String::new();
    for byte in Sha256::digest(scalar_bytes(value)?) {
        let _ = write!(out, "{byte:02x}");
    }
    Ok(out)
}

/// Text in double quotes, with the escapes of JSON, which YAML accepts too.
fn quote(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    sizes::charge(state, value, r"\u0000".len())?;
    Ok(serde_json::Value::String(scalar_text(value)?).to_string())
}

fn toyaml(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    sizes::charge_lines(state, value)?;
    let structure = structure::from_template(value)?;
    Ok(yaml::write::write_document(&structure).trim_end_matches('\n').to_owned())
}

fn required(value: &Value, message: &str) -> Result<Value, Error> {
    let missing = match value.kind() {
        ValueKind::Undefined | ValueKind::None => true,
        ValueKind::String => value.as_str() == Some(""),
        _ => false,
    };
    if missing {
        let (message, word) = (message.to_owned(), TemplateWord::Message(message.to_owned()));
        Err(OwnError::Computed { message, hint: None, word }.into_error())
    } else {
        Ok(value.clone())
    }
}

fn string(value: &Value) -> Result<String, Error> {
    scalar_text(value)
}

fn join(state: &State<'_, '_>, values: &Value, separator: Option<&str>) -> Result<String, Error> {
    sizes::charge(state, values, 1)?;
    let gaps = values.len().unwrap_or_default() * separator.map_or(0, str::len);
    state.consume_fuel((gaps / BYTES_A_STEP) as u64)?;
    let parts = values.try_iter()?.map(|value| scalar_text(&value)).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.join(separator.unwrap_or_default()))
}

/// Length of the log before a call of `declassify`. No template can create one.
#[derive(Debug)]
struct DeclassifyTicket(usize);

impl Object for DeclassifyTicket {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// First half of `declassify`, see [`super::declassify`].
fn begin_declassify() -> Result<Value, Error> {
    let frame = frame::current_frame().ok_or_else(outside_template)?;
    Ok(Value::from_object(DeclassifyTicket(frame.begin_declassify())))
}

/// Second half of `declassify`. Its reason is a text in quotes; other templates were rejected before.
fn end_declassify(ticket: &Value, value: &Value, reason: &str) -> Result<Value, Error> {
    let frame = frame::current_frame().ok_or_else(outside_template)?;
    let ticket = ticket.downcast_object_ref::<DeclassifyTicket>().ok_or_else(outside_template)?;
    if !frame.end_declassify(ticket.0, reason) {
        return Err(outside_template());
    }
    if frame.has_namespace() { Err(beside_namespace()) } else { Ok(value.clone()) }
}

/// First half of masking in a render without secrets, see [`super::masked`].
fn begin_masked() -> Result<Value, Error> {
    let frame = frame::current_frame().ok_or_else(outside_template)?;
    Ok(Value::from_object(DeclassifyTicket(frame.begin_masked())))
}

/// Second half of masking. `names` are the variables and macros that receive the value.
fn end_masked(ticket: &Value, names: &str, value: &Value) -> Result<Value, Error> {
    let frame = frame::current_frame().ok_or_else(outside_template)?;
    let ticket = ticket.downcast_object_ref::<DeclassifyTicket>().ok_or_else(outside_template)?;
    match frame.end_masked(ticket.0).map_err(|()| outside_template())? {
        Some(_) => hidden_value(names),
        None => Ok(value.clone()),
    }
}

/// Placeholder for a value that must not be used.
fn hidden_value(names: &str) -> Result<Value, Error> {
    let frame = frame::current_frame().ok_or_else(outside_template)?;
    // a namespace may have aliases, which are not tracked
    if names.ends_with('.') {
        return Err(outside_template());
    }
    Ok(Value::from(frame.hide(names).ok_or_else(outside_template)?))
}

/// Hides the names of a text that contains a placeholder.
fn hide_masked_names(value: &Value, names: &str) -> Result<Value, Error> {
    let frame = frame::current_frame().ok_or_else(outside_template)?;
    let is_masked = value.as_str().is_none_or(|text| frame.is_masked_in(text));
    if is_masked { hidden_value(names) } else { Ok(value.clone()) }
}

/// minijinja's `namespace`, whose fields can be set anywhere: also within a call of `declassify`, so that a read could
/// escape it by another way than its result.
fn namespace(state: &State<'_, '_>, defaults: Option<ValueOrKwargs>) -> Result<Value, Error> {
    let frame = frame::current_frame().ok_or_else(outside_template)?;
    frame.record_namespace();
    if frame.has_declassified() {
        return Err(beside_namespace());
    }
    // initial fields are bounded like assigned ones
    let defaults = defaults.map(|defaults| bounded::namespace_fields(state, &defaults)).transpose()?;
    minijinja::functions::namespace(defaults.map(ValueOrKwargs::from))
}

fn beside_namespace() -> Error {
    invalid_value(super::declassify::BESIDE_NAMESPACE)
}

fn outside_template() -> Error {
    invalid_value("`declassify` is only available as a function in templates: `declassify(value, \"reason\")`")
}
