//! Lines of `.gitattributes` that the encrypted files of a clone need.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::git::{GitConfiguration, GitRepository, SafeGit};
use crate::sort::sort;

/// Line of `.gitattributes` that names the drivers for layers.
pub const ATTRIBUTES_LINE: &str = "*.secrets.yaml diff=septum merge=septum";

/// The files, relative to the work tree, for which no attribute names a driver of diffs; none of them if Git does not say.
pub(super) fn files_without_driver(repository: &GitRepository, files: &[PathBuf]) -> Vec<PathBuf> {
    read_drivers(repository, files).unwrap_or_default()
}

fn read_drivers(repository: &GitRepository, files: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let safe = SafeGit::new(repository.clone(), GitConfiguration::Isolated).ok()?.with_attributes().ok()?;
    let mut git = safe.command("check-attr").ok()?;
    let mut git = git.args(["--stdin", "-z", "diff"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let asked: Vec<u8> = files.iter().flat_map(|path| [path.as_os_str().as_encoded_bytes(), b"\0"].concat()).collect();
    let mut stdin = git.stdin.take()?;
    // written from the side, so that neither waits for the other
    let writer = std::thread::Builder::new().spawn(move || stdin.write_all(&asked));
    let output = git.wait_with_output().ok()?;
    writer.ok()?.join().ok()?.ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    // of each file its path, the name of the attribute, and its value
    let fields: Vec<_> = text.split('\0').collect();
    let unnamed = fields.chunks_exact(3).filter(|fields| fields[2] == "unspecified");
    Some(unnamed.map(|fields| PathBuf::from(fields[0])).collect())
}

/// The lines that name drivers for files: one for all layers, one for each directory of other files.
pub(super) fn lines_for(files: &[PathBuf]) -> Vec<String> {
    let mut lines: Vec<_> = files.iter().map(|file| line_for(file)).collect();
    sort(&mut lines);
    lines.dedup();
    lines
}

fn line_for(file: &Path) -> String {
    let text = file.to_string_lossy();
    if text.ends_with(".secrets.yaml") {
        return ATTRIBUTES_LINE.to_owned();
    }
    let pattern = match text.rsplit_once('/') {
        Some((directory, _)) => format!("{directory}/*"),
        None => text.into_owned(),
    };
    let is_quoted = pattern.contains(char::is_whitespace);
    let pattern = if is_quoted { format!("\"{pattern}\"") } else { pattern };
    format!("{pattern} diff=septum merge=septum")
}
