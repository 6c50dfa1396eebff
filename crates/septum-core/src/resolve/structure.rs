//! Conversion of template values to structures.

use std::borrow::Cow;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value as TemplateValue};

use super::fault::invalid_value;
use crate::value::OutputValue;

/// Converts a value of a template to a structure.
pub(super) fn from_template(value: &TemplateValue) -> Result<OutputValue<'static>, Error> {
    Ok(match value.kind() {
        ValueKind::None => OutputValue::Null,
        ValueKind::Bool => OutputValue::Bool(value.is_true()),
        ValueKind::Number => OutputValue::Literal(value.to_string().into()),
        ValueKind::String => OutputValue::text(value.to_string()),
        ValueKind::Seq | ValueKind::Iterable => {
            OutputValue::List(value.try_iter()?.map(|item| from_template(&item)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let keys = value.try_iter()?;
            let pairs = keys.map(|key| {
                let item = value.get_item(&key)?;
                Ok((Cow::from(key.to_string()), from_template(&item)?))
            });
            OutputValue::Map(pairs.collect::<Result<_, Error>>()?)
        }
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        _ => return Err(invalid_value("a binary value cannot be part of a structure")),
    })
}
