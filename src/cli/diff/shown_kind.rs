//! Kinds of differences, of which `--only` shows some.

use clap::ValueEnum;

use septum::diff::{Change, ChangeKind, ChangeSubject, MatrixRow};

/// Kind of differences to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ShownKind {
    /// Keys and objects that only one side has
    Missing,
    /// Keys and objects that only the right side has
    Added,
    /// Keys and objects that only the left side has
    Removed,
    /// Other values or fields
    Changed,
    /// Keys that are secrets on one side only
    Moved,
    /// Objects with other names
    Renamed,
    /// Rules of keys
    Rules,
    /// Sources of values
    Source,
    /// Keys whose values are invalid everywhere
    Invalid,
    /// Secrets that cannot be compared without a key
    Unknown,
    /// Objects other than entries
    Objects,
}

impl ShownKind {
    pub(super) fn shows(self, change: &Change) -> bool {
        match self {
            Self::Missing => matches!(change.kind, ChangeKind::Added | ChangeKind::Removed),
            Self::Added => change.kind == ChangeKind::Added,
            Self::Removed => change.kind == ChangeKind::Removed,
            Self::Changed => change.kind == ChangeKind::Changed,
            Self::Moved => change.kind == ChangeKind::Moved,
            Self::Renamed => change.kind == ChangeKind::Renamed,
            Self::Rules => change.kind == ChangeKind::Rules,
            Self::Source => change.kind == ChangeKind::Source,
            Self::Invalid => change.kind == ChangeKind::Invalid,
            Self::Unknown => change.is_unknown,
            Self::Objects => matches!(change.subject, ChangeSubject::Object { .. }),
        }
    }

    /// Whether it shows a row of the table of several environments, which knows no left and right side.
    pub(super) fn shows_row(self, row: &MatrixRow) -> bool {
        match self {
            Self::Missing => row.change == "missing",
            Self::Changed => row.change == "changed",
            Self::Rules => row.change == "rules",
            Self::Source => row.change == "source",
            Self::Invalid => row.change == "invalid",
            Self::Unknown => row.environments.values().any(|cell| cell.state == "unknown"),
            Self::Objects => row.object.is_some(),
            Self::Added | Self::Removed | Self::Moved | Self::Renamed => false,
        }
    }

    /// Whether the table of several environments can have it.
    pub(super) fn is_of_table(self) -> bool {
        !matches!(self, Self::Added | Self::Removed | Self::Moved | Self::Renamed)
    }
}
