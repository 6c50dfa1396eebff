//! Manifests in files and directories that the command line names.

use std::ffi::OsString;
use std::path::Path;

use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::diff;
use septum::files::{FileKind, read_named};
use septum::import::SourceObject;
use septum::sort::sort;
use septum::span::Source;

/// Arguments in the usual order. kubectl calls the program of `KUBECTL_EXTERNAL_DIFF` with its two directories before the
/// words that the user gave: `septum LIVE MERGED diff --files`.
pub(super) fn in_usual_order(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_directory = |index: usize| arguments.get(index).is_some_and(|path| Path::new(path).is_dir());
    let is_word = |index: usize, word: &str| arguments.get(index).is_some_and(|argument| argument == word);
    let has_files = arguments.iter().skip(4).any(|argument| argument == "--files");
    if is_word(3, "diff") && has_files && is_directory(1) && is_directory(2) {
        let paths: Vec<_> = arguments.drain(1..3).collect();
        arguments.extend(paths);
    }
    arguments
}

/// Largest number of files of a side.
const MOST_FILES: usize = 100_000;

/// Names of files and directories in a tree of manifests that contain no objects.
const BESIDE_OBJECTS: [&str; 5] =
    [".septum", "hydrator.metadata", "kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Objects of a file, or of all files of a directory.
pub(super) fn read_manifests(path: &Path, shown: &str) -> Result<Vec<SourceObject>, Diagnostics> {
    let failure = |error: std::io::Error, name: &str| Diagnostics::from(Diagnostic::unreadable(name, &error));
    let mut pending = vec![(path.to_path_buf(), shown.to_owned())];
    let mut files = Vec::new();
    while let Some((path, name)) = pending.pop() {
        let kind = std::fs::metadata(&path).map_err(|error| failure(error, &name))?;
        if kind.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(|error| failure(error, &name))? {
                let entry = entry.map_err(|error| failure(error, &name))?;
                if entry.file_name().to_str().is_some_and(|name| BESIDE_OBJECTS.contains(&name)) {
                    continue;
                }
                let below = format!("{}/{}", name.trim_end_matches('/'), entry.file_name().to_string_lossy());
                // a link could lead back
                if !entry.file_type().map_err(|error| failure(error, &below))?.is_symlink() {
                    pending.push((entry.path(), below));
                }
            }
        } else {
            files.push((path, name));
        }
        if pending.len() + files.len() > MOST_FILES {
            let message = format!("`{shown}` has more than {MOST_FILES} files");
            return Err(Diagnostic::error(Rule::Usage, message).into());
        }
    }
    sort(&mut files);
    let mut problems = Diagnostics::new();
    let read = files.iter().filter_map(|(path, name)| problems.take(read_manifest(path, name)));
    let sources: Vec<_> = read.collect();
    if problems.has_errors() { Err(problems) } else { diff::read_objects(&sources) }
}

fn read_manifest(path: &Path, name: &str) -> Result<Source, Diagnostic> {
    let bytes = read_named(FileKind::Manifest, path, name)?;
    let not_text = |_| Diagnostic::error(Rule::NotUtf8, format!("`{name}` is not UTF-8 text"));
    Ok(Source::new(name, String::from_utf8(bytes).map_err(not_text)?))
}
