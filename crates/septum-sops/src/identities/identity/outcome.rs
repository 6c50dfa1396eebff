//! Outcome of the search of a place.

use std::fmt;
use std::io;

/// A place that was searched, and the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchedSource {
    /// User-visible name of the place: a variable, a file.
    pub place: String,
    /// Outcome of the search.
    pub outcome: LookupOutcome,
}

/// Outcome of the search of a place. Contains no private data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupOutcome {
    /// The variable is not set.
    NotSet,
    /// The file does not exist.
    Missing,
    /// It could not be read.
    Unreadable(io::ErrorKind),
    /// Identities were found.
    Found {
        /// The recipients of those that can be used.
        recipients: Vec<String>,
        /// The kinds of those that cannot be used by this version.
        unsupported: Vec<String>,
    },
    /// A line is not an identity, so that no line of the place is used, as in sops.
    Invalid {
        /// The line, from 1.
        line: usize,
    },
    /// The content found there cannot be used by this version.
    Unsupported(&'static str),
    /// It is not a private key of SSH, or damaged.
    NotAnSshKey,
    /// It is encrypted with a passphrase, and none was given.
    Locked,
    /// It is encrypted with a passphrase of an SSH key for which the file is not encrypted.
    LockedFor {
        /// The recipient of the key.
        recipient: String,
    },
    /// It is encrypted with another passphrase than the given one.
    WrongPassphrase,
    /// It is an age file, but not one with a passphrase, or damaged.
    NotUnlockable,
    /// The command was not needed so far.
    NotRun,
    /// The command could not be split into words.
    NotACommand,
    /// The program does not exist.
    NoProgram,
    /// The command ended with a failure.
    Failed(Option<i32>),
}

/// Displays the outcome as a part of a message about a place: `no such file`.
impl fmt::Display for LookupOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet => f.write_str("not set"),
            Self::Missing => f.write_str("no such file"),
            Self::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
            Self::Invalid { line } => write!(f, "line {line} is not an age identity, so no line was used"),
            Self::Unsupported(what) => write!(f, "{what}, which is not supported by this version"),
            Self::NotAnSshKey => f.write_str("not an SSH private key, or a damaged one"),
            Self::Locked => f.write_str("encrypted with a passphrase, but no terminal is available to prompt for it"),
            Self::LockedFor { recipient } => write!(f, "the identity of {recipient}, encrypted with a passphrase"),
            Self::WrongPassphrase => f.write_str("encrypted with a passphrase, but the one entered is wrong"),
            Self::NotUnlockable => f.write_str("encrypted, but not with a passphrase, or damaged"),
            Self::NotRun => f.write_str("not run"),
            Self::NotACommand => f.write_str("not a valid command: it is empty or has an unclosed quote"),
            Self::NoProgram => f.write_str("its first word is not a program on `PATH` or the path of one"),
            Self::Failed(Some(code)) => write!(f, "the command failed with exit code {code}"),
            Self::Failed(None) => f.write_str("the command was killed"),
            Self::Found { recipients, unsupported } => write_found(f, recipients, unsupported),
        }
    }
}

fn write_found(f: &mut fmt::Formatter<'_>, recipients: &[String], unsupported: &[String]) -> fmt::Result {
    match recipients {
        [] if unsupported.is_empty() => f.write_str("it contains no identity")?,
        [] => {}
        recipients => write!(f, "the identity of {}", recipients.join(", "))?,
    }
    for (position, kind) in unsupported.iter().enumerate() {
        let separator = if position > 0 || !recipients.is_empty() { "; " } else { "" };
        write!(f, "{separator}`{kind}`, which is not supported by this version")?;
    }
    Ok(())
}
