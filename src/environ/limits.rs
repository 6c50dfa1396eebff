//! Limits of the system on the variables and arguments of a program.

use std::ffi::OsStr;

use super::SelectedEntry;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
#[cfg(target_os = "linux")]
use crate::process_limits::{LimitedResource, ProcessLimit};

/// Limits in bytes; none where they are not known, and the system reports its own error.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentLimits {
    /// Maximum of one variable: its name, `=`, its value, and the null character.
    pub one: Option<usize>,
    /// Maximum of all variables and arguments together, each with its null character and its address.
    pub all: Option<usize>,
}

/// Bytes of an address.
const ADDRESS: usize = size_of::<usize>();

impl ArgumentLimits {
    /// The limits of this system.
    ///
    /// Linux has 128 KiB for a string (`MAX_ARG_STRLEN`), and for all a quarter of the stack, at most 6 MiB (`fs/exec.c`).
    #[cfg(target_os = "linux")]
    pub fn of_system() -> Self {
        const MOST: usize = 6 << 20;
        const LEAST: usize = 128 << 10;
        let stack = ProcessLimit::of(LimitedResource::Stack).and_then(|limit| limit.current);
        let stack = stack.and_then(|bytes| usize::try_from(bytes).ok());
        Self { one: Some(128 << 10), all: Some(stack.map_or(MOST, |bytes| (bytes / 4).clamp(LEAST, MOST))) }
    }

    /// The limits of this system.
    ///
    /// macOS has 1 MiB for all (`NCARGS`).
    #[cfg(not(target_os = "linux"))]
    pub fn of_system() -> Self {
        if cfg!(target_os = "macos") {
            Self { one: None, all: Some(1 << 20) }
        } else if cfg!(windows) {
            Self { one: Some(32_767), all: None }
        } else {
            Self { one: None, all: None }
        }
    }

    /// Refuses variables that are too long, each by its key, and too many of them. `others` are the remaining strings:
    /// arguments, and inherited variables.
    pub fn check<'s>(
        self,
        variables: &[&SelectedEntry],
        others: impl Iterator<Item = &'s OsStr>,
    ) -> Result<(), Diagnostics> {
        let length = |entry: &SelectedEntry| entry.key.len() + entry.value.bytes().len() + 2;
        let mut problems = Diagnostics::new();
        if let Some(limit) = self.one {
            let long = variables.iter().filter(|entry| length(entry) > limit);
            problems.extend(long.map(|entry| too_long(entry, limit)));
        }
        if problems.is_empty()
            && let Some(limit) = self.all
        {
            let own: usize = variables.iter().map(|entry| length(entry) + ADDRESS).sum();
            let rest: usize = others.map(|text| text.len() + 1 + ADDRESS).sum();
            if own + rest > limit {
                let largest = variables.iter().max_by_key(|entry| length(entry));
                problems.push(too_many(limit, largest.copied()));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

fn too_long(entry: &SelectedEntry, limit: usize) -> Diagnostic {
    entry
        .unusable(&format!("is too long for a variable: the system allows {} KiB", limit >> 10))
        .hint("give it to the program as a file: `--files DIR`")
        .hint(format!("and leave the variable out: `--except {}`", entry.key))
}

fn too_many(limit: usize, largest: Option<&SelectedEntry>) -> Diagnostic {
    let message = format!(
        "the variables and arguments of the program are too long together: the system allows {} KiB",
        limit >> 10
    );
    let error = Diagnostic::error(Rule::UnusableVariable, message);
    match largest {
        Some(entry) => error.note(format!("the longest variable is `{}`", entry.label)),
        None => error,
    }
    .hint("leave some out with `--except`, or inherit less with `--clear-env`")
}
