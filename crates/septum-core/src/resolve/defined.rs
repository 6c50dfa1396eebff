//! Refusal of values that are not defined, in every operand of a filter, a test or a function.
//!
//! The engine takes some of them for an omitted argument, and answers most tests about them: `vars.mispelt is string` is
//! false. So each call is checked first, whatever it does with its operands. Only what asks whether there is a value
//! takes one that has none.

use minijinja::value::{FunctionArgs, FunctionResult, Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters, tests};

use super::fault::{OperandPosition, OwnError};

/// Adds a filter; only its first `optional` operands may be undefined.
pub(super) fn add_filter<F, Rv, Args>(
    environment: &mut Environment<'static>,
    name: &'static str,
    optional: usize,
    filter: F,
) where
    F: minijinja::functions::Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    environment.add_filter(name, checked(name, optional, Value::from_function(filter)));
}

/// Adds a function whose operands are defined.
pub(super) fn add_function<F, Rv, Args>(environment: &mut Environment<'static>, name: &'static str, function: F)
where
    F: minijinja::functions::Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    environment.add_function(name, checked(name, 0, Value::from_function(function)));
}

/// Adds a test whose operands are defined.
pub(super) fn add_test(environment: &mut Environment<'static>, name: &'static str, test: Value) {
    let test = checked(name, 0, test);
    environment.add_test(name, move |state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>| {
        test(state, operands).map(|answer| answer.is_true())
    });
}

/// Adds the filters and tests of the engine that would take an undefined value, as far as nothing else replaces them.
pub(super) fn install(environment: &mut Environment<'static>) {
    for name in ["default", "d"] {
        // the fallback may be another value that is not there
        add_filter(environment, name, 2, filters::default);
    }
    add_filter(environment, "abs", 0, filters::abs);
    add_filter(environment, "batch", 0, filters::batch);
    add_filter(environment, "bool", 0, filters::bool);
    add_filter(environment, "float", 0, filters::float);
    add_filter(environment, "int", 0, filters::int);
    add_filter(environment, "round", 0, filters::round);
    add_filter(environment, "slice", 0, filters::slice);
    add_function(environment, "dict", minijinja::functions::dict);
    let of_types = [
        ("boolean", Value::from_function(tests::is_boolean)),
        ("escaped", Value::from_function(tests::is_safe)),
        ("false", Value::from_function(tests::is_false)),
        ("filter", Value::from_function(tests::is_filter)),
        ("float", Value::from_function(tests::is_float)),
        ("int", Value::from_function(tests::is_integer)),
        ("integer", Value::from_function(tests::is_integer)),
        ("iterable", Value::from_function(tests::is_iterable)),
        ("mapping", Value::from_function(tests::is_mapping)),
        ("none", Value::from_function(tests::is_none)),
        ("number", Value::from_function(tests::is_number)),
        ("safe", Value::from_function(tests::is_safe)),
        ("sequence", Value::from_function(tests::is_sequence)),
        ("string", Value::from_function(tests::is_string)),
        ("test", Value::from_function(tests::is_test)),
        ("true", Value::from_function(tests::is_true)),
    ];
    for (name, test) in of_types {
        add_test(environment, name, test);
    }
}

/// Wraps a call whose operands must be defined, but for the first `optional` ones.
fn checked(
    name: &'static str,
    optional: usize,
    callee: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Clone + Send + Sync + 'static {
    move |state: &mut State<'_, '_>, operands: Rest<ValueOrKwargs>| {
        let operands = operands.into_values();
        match undefined_operand(&operands, optional)? {
            Some(position) => Err(OwnError::UndefinedOperand { callee: name, position }.into_error()),
            None => callee.call(state, &operands),
        }
    }
}

fn undefined_operand(operands: &[Value], optional: usize) -> Result<Option<OperandPosition>, Error> {
    for (index, operand) in operands.iter().enumerate() {
        if operand.is_undefined() && index >= optional {
            return Ok(Some(OperandPosition::Index(index)));
        }
        if operand.is_kwargs() {
            for name in operand.try_iter()? {
                if operand.get_item(&name)?.is_undefined() {
                    return Ok(Some(OperandPosition::Keyword(name.to_string())));
                }
            }
        }
    }
    Ok(None)
}
