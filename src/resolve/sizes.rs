//! What filters make of values, bounded before it is made.
//!
//! The engine charges the steps of a filter by what it returns. That is too late for `[x] * 9000 | tojson`,
//! whose items are one text, and whose result is nine thousand of it. So the values are looked at first.

use minijinja::value::{Kwargs, Rest, StringInput, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, State, Value, filters, tests};

use super::failure::invalid;

/// Most blanks that a line may be indented by.
const MAX_INDENT: usize = 64;

/// Deepest structure that is written or joined; no layer is deeper.
const MAX_DEPTH: usize = 128;

/// Bytes of a result that a step pays for.
pub(super) const BYTES_A_STEP: usize = 64;

/// Adds the filters of the engine that are bounded here.
pub(super) fn install(environment: &mut Environment<'static>) {
    environment.add_filter("tojson", tojson);
    environment.add_filter("pprint", pprint);
    environment.add_filter("indent", indent);
    environment.add_filter("upper", of_texts(Value::from_function(filters::upper)));
    environment.add_filter("lower", of_texts(Value::from_function(filters::lower)));
    environment.add_filter("title", of_texts(Value::from_function(filters::title)));
    environment.add_filter("capitalize", of_texts(Value::from_function(filters::capitalize)));
    environment.add_filter("replace", of_texts(Value::from_function(filters::replace)));
    environment.add_filter("trim", of_texts(Value::from_function(filters::trim)));
    environment.add_filter("split", of_texts(Value::from_function(filters::split)));
    environment.add_filter("lines", of_texts(Value::from_function(filters::lines)));
    environment.add_filter("format", of_texts(Value::from_function(filters::format)));
    environment.add_filter("escape", of_texts(Value::from_function(filters::escape)));
    environment.add_filter("e", of_texts(Value::from_function(filters::escape)));
    environment.add_filter("safe", of_texts(Value::from_function(filters::safe)));
    environment.add_filter("min", comparing(Value::from_function(filters::min)));
    environment.add_filter("max", comparing(Value::from_function(filters::max)));
    environment.add_filter("sort", comparing(Value::from_function(filters::sort)));
    environment.add_filter("unique", comparing(Value::from_function(filters::unique)));
    environment.add_filter("groupby", comparing(Value::from_function(filters::groupby)));
    environment.add_filter("sum", comparing(Value::from_function(filters::sum)));
    install_test(environment, &["startingwith"], of_texts(Value::from_function(tests::is_startingwith)));
    install_test(environment, &["endingwith"], of_texts(Value::from_function(tests::is_endingwith)));
    let comparisons: [(&[&'static str], Value); 6] = [
        (&["eq", "equalto", "=="], Value::from_function(tests::is_eq)),
        (&["ne", "!="], Value::from_function(tests::is_ne)),
        (&["lt", "lessthan", "<"], Value::from_function(tests::is_lt)),
        (&["le", "<="], Value::from_function(tests::is_le)),
        (&["gt", "greaterthan", ">"], Value::from_function(tests::is_gt)),
        (&["ge", ">="], Value::from_function(tests::is_ge)),
    ];
    for (names, test) in comparisons {
        install_test(environment, names, comparing(test));
    }
    let is_in = comparing(Value::from_function(tests::is_in));
    install_test(environment, &["in"], move |state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>| {
        // of a mapping only its keys are looked up, and its values are not to be read
        match operands.get(1).map(|other| other.kind()) {
            Some(ValueKind::Map) => Value::from_function(tests::is_in).call(state, &operands.into_values()),
            _ => is_in(state, operands),
        }
    });
}

/// Adds a test that may refuse its operands.
fn install_test<F>(environment: &mut Environment<'static>, names: &[&'static str], test: F)
where
    F: Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static,
{
    for name in names {
        let test = test.clone();
        let decide = move |state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>| {
            test(state, operands).map(|answer| answer.is_true())
        };
        environment.add_test(*name, decide);
    }
}

/// A filter or a test that compares or adds up what is in its operands. The engine charges the number of items alone,
/// and each of them may be a text of any length, that of an option too.
fn comparing(
    filter: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static {
    move |state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>| {
        let operands = operands.into_values();
        let items = operands.first().and_then(Value::len).unwrap_or_default();
        for (index, operand) in operands.iter().enumerate() {
            charge(state, operand, COMPARED)?;
            if index > 0 {
                let length = option_length(operand)?;
                state.consume_fuel((items.saturating_mul(length) / BYTES_A_STEP) as u64)?;
            }
        }
        filter.call(state, &operands)
    }
}

/// Number of times that each byte of an item is looked at or copied.
const COMPARED: usize = 4;

/// The bytes of a text, or of the texts in options.
fn option_length(operand: &Value) -> Result<usize, Error> {
    let length = |value: &Value| value.as_bytes().map_or(0, <[u8]>::len);
    if !operand.is_kwargs() {
        return Ok(length(operand));
    }
    let lengths = operand.try_iter()?.map(|key| operand.get_item(&key).map(|value| length(&value)));
    lengths.sum()
}

/// A filter that is for texts alone. The engine would print a list to make a text of it, however long.
fn of_texts(
    filter: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static {
    move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
        let arguments = arguments.into_values();
        if arguments.iter().any(|argument| !argument.is_kwargs() && is_structure(argument)) {
            return Err(invalid(NO_TEXT));
        }
        filter.call(state, &arguments)
    }
}

/// Why a structure is not printed.
pub(super) const NO_TEXT: &str = "a list or a mapping has no text of its own; use `tojson`, `toyaml` or `join`";

fn is_structure(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable)
}

/// Pays for YAML that is made of a value. A text may have as many lines as characters, and each is indented by as
/// much as it is deep.
pub(super) fn charge_lines(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    charge_below(state, value, WIDEST_IN_JSON, MAX_DEPTH, Some(0))
}

/// Pays for a text that is made of a value: all texts in it, and some bytes for each part. `widest` is what a
/// byte of a text becomes at most.
pub(super) fn charge(state: &State<'_, '_>, value: &Value, widest: usize) -> Result<(), Error> {
    charge_below(state, value, widest, MAX_DEPTH, None)
}

/// `level` is how deep the value is, where that is written before each of its lines.
fn charge_below(
    state: &State<'_, '_>,
    value: &Value,
    widest: usize,
    left: usize,
    level: Option<usize>,
) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::String | ValueKind::Bytes => value.as_bytes().unwrap_or_default(),
        _ => &[],
    };
    let blanks = level.map_or(0, |level| 2 * level * (1 + text.iter().filter(|byte| **byte == b'\n').count()));
    state.consume_fuel((1 + (text.len().saturating_mul(widest) + blanks) / BYTES_A_STEP) as u64)?;
    let Some(left) = left.checked_sub(1) else {
        return Err(invalid("a structure is nested deeper than 128 levels"));
    };
    let level = level.map(|level| level + 1);
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()? {
                charge_below(state, &item, widest, left, level)?;
            }
        }
        ValueKind::Map => {
            for key in value.try_iter()? {
                charge_below(state, &key, widest, left, level)?;
                charge_below(state, &value.get_item(&key)?, widest, left, level)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A character of JSON is written as `\u0000` at most.
const WIDEST_IN_JSON: usize = 6;

fn tojson(state: &State<'_, '_>, value: &Value, indent: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => kwargs.get("indent")?,
    };
    if indent.as_ref().and_then(Value::as_usize).is_some_and(|blanks| blanks > MAX_INDENT) {
        return Err(invalid(TOO_WIDE));
    }
    charge(state, value, WIDEST_IN_JSON)?;
    filters::tojson(value, indent, kwargs)
}

fn pprint(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    charge(state, value, WIDEST_IN_JSON)?;
    Ok(filters::pprint(value))
}

fn indent(state: &State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let (width, first, blank, kwargs): (Option<usize>, Option<bool>, Option<bool>, Kwargs) =
        from_args(&arguments.into_values())?;
    if is_structure(value) {
        return Err(invalid(NO_TEXT));
    }
    let width = match width {
        Some(width) => width,
        None => kwargs.get::<Option<usize>>("width")?.unwrap_or(4),
    };
    if width > MAX_INDENT {
        return Err(invalid(TOO_WIDE));
    }
    let text = StringInput::new(state, value)?;
    let lines = text.as_str().bytes().filter(|byte| *byte == b'\n').count() + 1;
    state.consume_fuel(((width * lines + text.as_str().len()) / BYTES_A_STEP) as u64)?;
    filters::indent(text, Some(width), first, blank, kwargs)
}

/// Why a text is not indented.
const TOO_WIDE: &str = "a text is indented by 64 blanks at most";
