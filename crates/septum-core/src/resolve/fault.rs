//! Errors of Septum. The engine carries them as the sources of its errors, where they are found after a render.

use std::error::Error as _;
use std::ops::Range;

use minijinja::{Error, ErrorKind};

/// Error of Septum in a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum OwnError {
    /// Error that was reported where it arose.
    #[error("reported before")]
    Reported,
    /// Detail of fixed words alone, which is safe to show.
    #[error("{0}")]
    Fixed(&'static str),
    /// Message that is shown only if `word`, a part of it, occurs in the template: otherwise it was computed.
    #[error("a message that may hold what was computed")]
    Computed { message: String, hint: Option<String>, word: TemplateWord },
    /// An included file is there and cannot be read.
    #[error("an included file cannot be read")]
    Unreadable { message: String, hint: Option<String> },
    /// An operand of a call is undefined.
    #[error("an operand is undefined")]
    UndefinedOperand { callee: &'static str, position: OperandPosition },
    /// The run's budget of steps is exhausted.
    #[error("out of steps")]
    OutOfSteps,
}

/// Position of an operand in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OperandPosition {
    /// The value before `|` or `is` is the first operand of a filter or a test.
    Index(usize),
    /// `name=value`
    Keyword(String),
}

/// Part of a message that is shown only if it occurs in the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TemplateWord {
    /// Key of a read: `.KEY` or `["KEY"]`.
    Key(String),
    /// Message of `required`.
    Message(String),
}

impl OwnError {
    /// Converts it to an error of the engine.
    pub(super) fn into_error(self) -> Error {
        let kind = match self {
            Self::OutOfSteps => ErrorKind::OutOfFuel,
            Self::UndefinedOperand { .. } => ErrorKind::UndefinedError,
            Self::Reported | Self::Fixed(_) | Self::Computed { .. } | Self::Unreadable { .. } => {
                ErrorKind::InvalidOperation
            }
        };
        Error::new(kind, "error of septum").with_source(self)
    }

    /// Error of Septum inside an error of the engine.
    pub(super) fn of(error: &Error) -> Option<&Self> {
        source_of(error)
    }

    /// Whether an error of the engine carries a [`Self::Computed`] one.
    pub(super) fn is_computed(error: &Error) -> bool {
        matches!(Self::of(error), Some(Self::Computed { .. }))
    }
}

/// Error with a detail that is safe to show.
pub(super) fn invalid_value(detail: &'static str) -> Error {
    OwnError::Fixed(detail).into_error()
}

/// Reason why a template is rejected before it reaches the engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct TemplateFault {
    /// Invalid range of the source.
    pub(super) range: Range<usize>,
    pub(super) message: &'static str,
    pub(super) hint: Option<&'static str>,
    /// File, if it is not the template being rendered.
    pub(super) file: Option<String>,
}

impl TemplateFault {
    pub(super) fn new(range: Range<usize>, message: &'static str, hint: Option<&'static str>) -> Self {
        Self { range, message, hint, file: None }
    }

    /// Converts the fault to an error of the engine.
    pub(super) fn into_error(self) -> Error {
        Error::new(ErrorKind::SyntaxError, self.message).with_source(self)
    }

    /// Fault inside an error of the engine.
    pub(super) fn of(error: &Error) -> Option<&Self> {
        source_of(error)
    }
}

/// First error of a type among the sources of an error.
fn source_of<E: std::error::Error + 'static>(error: &Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(own) = found.downcast_ref() {
            return Some(own);
        }
        cause = found.source();
    }
    None
}
