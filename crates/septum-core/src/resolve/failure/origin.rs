//! Source of the text of a template.

use std::ops::Range;

use crate::span::{Location, Source, Span};
use crate::yaml::node::Scalar;
use crate::yaml::scalar::locate_in_scalar;

/// Source of a template.
pub(in crate::resolve) enum TemplateOrigin<'a> {
    /// In a scalar of a layer; `shift` is the offset of the text given to the engine.
    Scalar { scalar: &'a Scalar, place: &'a Location, shift: usize },
    /// A whole file.
    File(&'a Source),
    /// A part of another template, rendered by itself.
    Part { whole: &'a Self, range: Range<usize> },
}

impl TemplateOrigin<'_> {
    /// Text given to the engine, or the template that it is a part of.
    pub(in crate::resolve) fn text(&self) -> &str {
        match self {
            Self::Scalar { scalar, .. } => scalar.text(),
            Self::File(source) => source.text(),
            Self::Part { whole, range } => whole.text().get(range.clone()).unwrap_or_default(),
        }
    }

    /// Name of the file that contains it.
    pub(in crate::resolve) fn name(&self) -> &str {
        match self {
            Self::Scalar { place, .. } => place.source.name(),
            Self::File(source) => source.name(),
            Self::Part { whole, .. } => whole.name(),
        }
    }

    /// Location of a part of the text given to the engine.
    pub(in crate::resolve) fn place_of(&self, range: &Range<usize>) -> Location {
        match self {
            Self::Scalar { scalar, place, .. } => {
                place.source.place(locate_in_scalar(place.source.text(), place.span, scalar, range.start, range.len()))
            }
            Self::File(source) => source.place(source.locate(range.start, range.end)),
            Self::Part { whole, range: part } => whole.place_of(&(part.start + range.start..part.start + range.end)),
        }
    }

    /// Location of the whole template.
    pub(in crate::resolve) fn place(&self) -> Location {
        match self {
            Self::Scalar { place, .. } => (*place).clone(),
            Self::File(source) => source.place(Span::locate(source.text(), 0, 0)),
            Self::Part { whole, range } => whole.place_of(range),
        }
    }
}
