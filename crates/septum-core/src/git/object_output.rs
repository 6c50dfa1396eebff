//! Git as it is run to read and write objects and indexes.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::first_line;
use crate::diagnostic::{Diagnostic, Rule};

/// The output of Git, without its line break.
pub(super) fn output_of(git: &mut Command, input: &[u8]) -> Result<String, Diagnostic> {
    Ok(String::from_utf8_lossy(&raw_output_of(git, input)?).trim_end().to_owned())
}

/// The output of Git.
pub(super) fn raw_output_of(git: &mut Command, input: &[u8]) -> Result<Vec<u8>, Diagnostic> {
    let failed = |error: io::Error| commit_failure(&error.to_string());
    let mut child = git.stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(commit_failure(&first_line(&output)));
    }
    Ok(output.stdout)
}

pub(super) fn slash_path(path: &Path) -> Result<String, Diagnostic> {
    let parts = path.components().map(|part| part.as_os_str().to_str());
    let parts = parts.collect::<Option<Vec<_>>>().ok_or_else(|| commit_failure("the path of a file is not UTF-8"))?;
    Ok(parts.join("/"))
}

pub(super) fn commit_failure(why: &str) -> Diagnostic {
    Diagnostic::error(Rule::Git, "cannot commit the changed files").note(format!("Git reported: {why}"))
}
