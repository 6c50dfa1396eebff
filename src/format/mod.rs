//! Configuration files from structures: a tree of values in, the text of a file out.
//!
//! What a format cannot say is an error, never an approximation: an application that reads
//! something else than what was declared fails later and elsewhere. And a number is written as
//! its source text; nothing here converts one, so `1.10` stays `1.10`.

pub mod json;
pub mod kyaml;
mod literal;

use std::borrow::Cow;

use crate::value::Value;

/// A key and its value.
type Entry<'a> = (Cow<'a, str>, Value<'a>);

fn bool_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}
