//! Bounds on the results of filters, checked before they are computed.
//!
//! The engine charges the steps of a filter by its result. That is too late for `[x] * 9000 | tojson`, whose items are
//! one text, and whose result is nine thousand copies of it. So the operands are measured first.

use minijinja::tests as predicates;
use minijinja::value::{Kwargs, Rest, StringInput, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters, functions};

use super::fault::invalid_value;
use super::steps::BYTES_A_STEP;
use super::{bounded, defined, frame, scope};

/// Maximum indentation of a line, in blanks.
const MAX_INDENT: usize = 64;

/// Maximum depth of a structure that is written or joined; no layer is deeper.
const MAX_DEPTH: usize = 128;

/// Adds the filters of the engine that are bounded here.
pub(super) fn install(environment: &mut Environment<'static>) {
    defined::add_filter(environment, "tojson", 0, tojson);
    defined::add_filter(environment, "pprint", 0, pprint);
    defined::add_filter(environment, "indent", 0, indent);
    defined::add_filter(environment, "upper", 0, texts_only(Value::from_function(filters::upper)));
    defined::add_filter(environment, "lower", 0, texts_only(Value::from_function(filters::lower)));
    defined::add_filter(environment, "title", 0, texts_only(Value::from_function(filters::title)));
    defined::add_filter(environment, "capitalize", 0, texts_only(Value::from_function(filters::capitalize)));
    defined::add_filter(environment, "replace", 0, texts_only(Value::from_function(filters::replace)));
    defined::add_filter(environment, "trim", 0, texts_only(Value::from_function(filters::trim)));
    defined::add_filter(environment, "split", 0, texts_only(Value::from_function(filters::split)));
    defined::add_filter(environment, "lines", 0, texts_only(Value::from_function(filters::lines)));
    defined::add_filter(environment, "format", 0, texts_only(Value::from_function(filters::format)));
    defined::add_filter(environment, "escape", 0, texts_only(Value::from_function(filters::escape)));
    defined::add_filter(environment, "e", 0, texts_only(Value::from_function(filters::escape)));
    defined::add_filter(environment, "safe", 0, texts_only(Value::from_function(filters::safe)));
    defined::add_filter(environment, "min", 0, charge_comparisons(Value::from_function(filters::min)));
    defined::add_filter(environment, "max", 0, charge_comparisons(Value::from_function(filters::max)));
    defined::add_filter(environment, "sort", 0, charge_comparisons(Value::from_function(filters::sort)));
    defined::add_filter(environment, "unique", 0, charge_comparisons(Value::from_function(filters::unique)));
    defined::add_filter(environment, "groupby", 0, charge_comparisons(Value::from_function(filters::groupby)));
    defined::add_filter(environment, "sum", 0, charge_comparisons(Value::from_function(filters::sum)));
    defined::add_filter(environment, "dictsort", 0, dictsort);
    defined::add_filter(environment, "chain", 0, chain);
    defined::add_filter(environment, "zip", 0, zip);
    defined::add_function(environment, "range", range);
    defined::add_filter(environment, "select", 0, charge_items(Value::from_function(filters::select)));
    defined::add_filter(environment, "reject", 0, charge_items(Value::from_function(filters::reject)));
    defined::add_filter(environment, "selectattr", 0, charge_items(Value::from_function(filters::selectattr)));
    defined::add_filter(environment, "rejectattr", 0, charge_items(Value::from_function(filters::rejectattr)));
    defined::add_filter(environment, "map", 0, charge_items(Value::from_function(filters::map)));
    defined::add_filter(environment, "attr", 0, charge_lookups(Value::from_function(filters::attr)));
    install_test(environment, &["startingwith"], texts_only(Value::from_function(predicates::is_startingwith)));
    install_test(environment, &["endingwith"], texts_only(Value::from_function(predicates::is_endingwith)));
    let comparisons: [(&[&'static str], Value); 12] = [
        (&["lower"], Value::from_function(predicates::is_lower)),
        (&["upper"], Value::from_function(predicates::is_upper)),
        (&["sameas"], Value::from_function(predicates::is_sameas)),
        (&["odd"], Value::from_function(predicates::is_odd)),
        (&["even"], Value::from_function(predicates::is_even)),
        (&["divisibleby"], Value::from_function(predicates::is_divisibleby)),
        (&["eq", "equalto", "=="], Value::from_function(predicates::is_eq)),
        (&["ne", "!="], Value::from_function(predicates::is_ne)),
        (&["lt", "lessthan", "<"], Value::from_function(predicates::is_lt)),
        (&["le", "<="], Value::from_function(predicates::is_le)),
        (&["gt", "greaterthan", ">"], Value::from_function(predicates::is_gt)),
        (&["ge", ">="], Value::from_function(predicates::is_ge)),
    ];
    for (names, test) in comparisons {
        install_test(environment, names, charge_comparisons(test));
    }
    let is_in = charge_comparisons(Value::from_function(predicates::is_in));
    install_test(environment, &["in"], move |state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>| {
        let operands = operands.into_values();
        // only the keys of a mapping are looked up, and its values must not be read
        match operands.as_slice() {
            [value, other] if other.kind() == ValueKind::Map => {
                charge(state, value, COMPARED)?;
                Value::from_function(predicates::is_in).call(state, &operands)
            }
            _ => is_in(state, Rest(operands.into_iter().map(ValueOrKwargs::from).collect())),
        }
    });
}

/// Adds a test under all of its names.
fn install_test<F>(environment: &mut Environment<'static>, names: &[&'static str], test: F)
where
    F: Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static,
{
    let test = Value::from_function(test);
    for name in names {
        defined::add_test(environment, name, test.clone());
    }
}

/// Wraps a filter or a test that compares or adds up the content of its operands. The engine charges only the number of
/// items, and each of them may be a text of any length, options included.
fn charge_comparisons(
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

/// Wraps a filter that looks its arguments up in a mapping.
fn charge_lookups(
    filter: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static {
    move |state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>| {
        let operands = operands.into_values();
        for argument in operands.iter().skip(1) {
            charge(state, argument, COMPARED)?;
        }
        filter.call(state, &operands)
    }
}

/// Number of times that each byte of an item is read or copied.
pub(super) const COMPARED: usize = 4;

/// Length in bytes of a text, or of the texts in options.
fn option_length(operand: &Value) -> Result<usize, Error> {
    let length = |value: &Value| value.as_bytes().map_or(0, <[u8]>::len);
    if !operand.is_kwargs() {
        return Ok(length(operand));
    }
    let lengths = operand.try_iter()?.map(|key| operand.get_item(&key).map(|value| length(&value)));
    lengths.sum()
}

/// Wraps a filter that is only for texts. The engine would print a list to convert it to a text, whatever its length.
fn texts_only(
    filter: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static {
    move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
        let arguments = arguments.into_values();
        if arguments.iter().any(|argument| !argument.is_kwargs() && is_structure(argument)) {
            return Err(invalid_value(NO_TEXT));
        }
        let mut operands = arguments.into_iter();
        let first = operands.next().map(as_printed).transpose()?;
        // a null argument is an omitted one
        let others = operands.map(|value| if value.is_none() { Ok(value) } else { as_printed(value) });
        let arguments: Vec<_> = first.into_iter().map(Ok).chain(others).collect::<Result<_, Error>>()?;
        filter.call(state, &arguments)
    }
}

/// Converts a truth value to the text that `{{ … }}` prints. The engine would print `True` and `None`, as Python does.
pub(super) fn as_printed(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(Value::from(if value.is_true() { "true" } else { "false" })),
        ValueKind::None => Err(invalid_value(NULL_HAS_NO_TEXT)),
        ValueKind::Plain => Err(invalid_value(FUNCTION_HAS_NO_TEXT)),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Ok(value),
    }
}

/// Reason why a function is not printed.
pub(super) const FUNCTION_HAS_NO_TEXT: &str =
    "a function cannot be printed: call it with parentheses; the namespace is `env.namespace`, variables are `vars.x`";

/// Reason why null is not printed.
pub(super) const NULL_HAS_NO_TEXT: &str = "null cannot be printed; use `default(value, true)` to set a fallback";

/// Wraps a filter of a list whose first argument names the operation on each item.
fn charge_items(
    filter: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static {
    move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
        let arguments = arguments.into_values();
        if arguments.get(1).is_some_and(|name| !name.is_kwargs() && is_structure(name)) {
            return Err(invalid_value(NO_TEXT));
        }
        filter.call(state, &arguments)
    }
}

/// Reason why a structure is not printed.
pub(super) const NO_TEXT: &str = "a list or a mapping cannot be printed directly; use `tojson`, `toyaml` or `join`";

fn is_structure(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable)
}

/// Charges the YAML of a value. A text may have as many lines as characters, and each is indented by its depth.
pub(super) fn charge_lines(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    ValueCharge { state, widest: WIDEST_IN_JSON, is_indented: true, reads_scope: true }.pay_whole(value)
}

/// Charges the text of a value: all texts in it, and some bytes for each part. `widest` is the maximum output length of
/// a byte.
pub(super) fn charge(state: &State<'_, '_>, value: &Value, widest: usize) -> Result<(), Error> {
    ValueCharge { state, widest, is_indented: false, reads_scope: true }.pay_whole(value)
}

/// Charges a value that is compared, except for parts of the scope.
pub(super) fn charge_compared(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    ValueCharge { state, widest: COMPARED, is_indented: false, reads_scope: false }.pay_whole(value)
}

/// Cost of a value.
struct ValueCharge<'s, 't, 'e> {
    state: &'s State<'t, 'e>,
    /// Maximum output length of a byte of text.
    widest: usize,
    /// Whether each line is indented by its depth.
    is_indented: bool,
    /// Whether parts of the scope are inspected, which counts as reading them.
    reads_scope: bool,
}

impl ValueCharge<'_, '_, '_> {
    /// Pays for a value with everything in it, of which the template may use a part.
    fn pay_whole(&self, value: &Value) -> Result<(), Error> {
        match frame::current_frame() {
            Some(frame) => frame.inspect(|| self.pay(value, 0)),
            None => self.pay(value, 0),
        }
    }

    fn pay(&self, value: &Value, depth: usize) -> Result<(), Error> {
        let text = match value.kind() {
            ValueKind::String | ValueKind::Bytes => value.as_bytes().unwrap_or_default(),
            _ => &[],
        };
        let lines = || 1 + text.iter().filter(|byte| **byte == b'\n').count();
        let blanks = if self.is_indented { 2 * depth * lines() } else { 0 };
        self.state.consume_fuel((1 + (text.len().saturating_mul(self.widest) + blanks) / BYTES_A_STEP) as u64)?;
        if depth >= MAX_DEPTH {
            return Err(invalid_value("a structure is nested deeper than 128 levels"));
        }
        if !self.reads_scope && value.downcast_object_ref::<scope::ScopeNode>().is_some() {
            return Ok(());
        }
        match value.kind() {
            // the engine would write `null`, or nothing
            ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
            ValueKind::Seq | ValueKind::Iterable => {
                for item in value.try_iter()? {
                    self.pay(&item, depth + 1)?;
                }
            }
            ValueKind::Map => {
                for key in value.try_iter()? {
                    self.pay(&key, depth + 1)?;
                    self.pay(&value.get_item(&key)?, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Maximum output length of a character in JSON: `\u0000`.
const WIDEST_IN_JSON: usize = 6;

fn tojson(state: &State<'_, '_>, value: &Value, indent: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => kwargs.get("indent")?,
    };
    if indent.as_ref().and_then(Value::as_usize).is_some_and(|blanks| blanks > MAX_INDENT) {
        return Err(invalid_value(TOO_WIDE));
    }
    charge(state, value, WIDEST_IN_JSON)?;
    filters::tojson(value, indent, kwargs)
}

/// Wraps `dictsort`: pairs may be sorted by their values. Parts of the scope are charged when they are compared.
fn dictsort(state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let operands = operands.into_values();
    if let Some(mapping) = operands.first() {
        charge_compared(state, mapping)?;
        state.consume_fuel((COMPARED * mapping.len().unwrap_or_default()) as u64)?;
    }
    Value::from_function(filters::dictsort).call(state, &operands)
}

/// Wraps `chain`: lists are chained at once, and so are mappings that are chained already, since they could be stacked
/// without end.
fn chain(state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let mut operands = operands.into_values();
    let is_chained =
        |value: &Value| value.as_object().is_some_and(|object| object.type_name().ends_with("::MergeDict"));
    for operand in &mut operands {
        state.consume_fuel((COMPARED * operand.len().unwrap_or_default()) as u64)?;
        if is_chained(operand) {
            let pairs: Result<Vec<_>, Error> =
                operand.try_iter()?.map(|key| operand.get_item(&key).map(|value| (key, value))).collect();
            *operand = Value::from_pairs(pairs?);
        }
    }
    let chained = Value::from_function(filters::chain).call(state, &operands)?;
    if chained.kind() == ValueKind::Map { Ok(chained) } else { bounded::bounded_items(state, &chained) }
}

fn zip(state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let operands = operands.into_values();
    let zipped = Value::from_function(filters::zip).call(state, &operands)?;
    bounded::compute_list(state, zipped)
}

/// Numbers of a range that one step pays for.
const NUMBERS_A_STEP: u64 = 16;

fn range(state: &State<'_, '_>, lower: isize, upper: Option<isize>, step: Option<isize>) -> Result<Value, Error> {
    let numbers = functions::range(lower, upper, step)?;
    state.consume_fuel(numbers.len().unwrap_or_default() as u64 / NUMBERS_A_STEP)?;
    Ok(numbers)
}

fn pprint(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    charge(state, value, WIDEST_IN_JSON)?;
    Ok(filters::pprint(value))
}

fn indent(state: &State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let (width, first, blank, kwargs): (Option<usize>, Option<bool>, Option<bool>, Kwargs) =
        from_args(&arguments.into_values())?;
    if is_structure(value) {
        return Err(invalid_value(NO_TEXT));
    }
    let width = match width {
        Some(width) => width,
        None => kwargs.get::<Option<usize>>("width")?.unwrap_or(4),
    };
    if width > MAX_INDENT {
        return Err(invalid_value(TOO_WIDE));
    }
    let value = &as_printed(value.clone())?;
    let text = StringInput::new(state, value)?;
    let lines = text.as_str().bytes().filter(|byte| *byte == b'\n').count() + 1;
    state.consume_fuel(((width * lines + text.as_str().len()) / BYTES_A_STEP) as u64)?;
    filters::indent(text, Some(width), first, blank, kwargs)
}

/// Reason why a text is not indented.
const TOO_WIDE: &str = "the indentation is limited to 64 spaces";

#[cfg(test)]
mod tests;
