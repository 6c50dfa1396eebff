//! Files named as `[ENV=]FILE` on the command line.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::super::GlobalArgs;
use super::super::argument;
use super::super::output::invalid_usage;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::disk::{BoundedRoot, Disk};
use septum::files::{FileKind, read_named};
use septum::name::wrong_dns_label;
use septum::span::Source;

/// A file, and the environment that it is for.
pub(super) struct NamedInput {
    /// Environment before the `=`.
    pub(super) environment: Option<String>,
    /// Path of the file or directory; `-` for standard input.
    pub(super) path: PathBuf,
    /// Name in messages.
    pub(super) shown: String,
}

/// Splits `[ENV=]FILE`. A file that has the whole as its name is meant as such.
pub(super) fn parse_inputs(global: &GlobalArgs, texts: &[String]) -> Result<Vec<NamedInput>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let inputs = texts.iter().filter_map(|text| {
        problems.take(parse_input(global, text).map_err(|(path, why)| {
            // a text that does not look like a path may be a value
            let name = match path {
                Some(path) if argument::is_shown(&global.directory, Path::new(path)) => format!("`{path}`"),
                _ => argument::argument_name(OsStr::new(text)),
            };
            Diagnostic::error(Rule::Usage, format!("{name} {why}"))
                .hint("write `FILE` or `ENV=FILE`, such as `prod=k8s/prod`")
        }))
    });
    let inputs = inputs.collect();
    if problems.is_empty() { Ok(inputs) } else { Err(problems) }
}

/// The error is the path that is wrong, if any, and the reason.
fn parse_input<'t>(global: &GlobalArgs, text: &'t str) -> Result<NamedInput, (Option<&'t str>, String)> {
    let exists = |path: &str| path == "-" || Disk::default().has(&global.directory.join(path));
    let (environment, path) = match text.split_once('=') {
        Some((environment, path)) if !exists(text) => (Some(environment), path),
        _ => (None, text),
    };
    if let Some(why) = environment.and_then(wrong_dns_label) {
        return Err((None, format!("does not begin with the name of an environment: {why}")));
    }
    if environment == Some(septum::project::BASE) {
        return Err((None, "names `base`, which is not an environment".to_owned()));
    }
    if path.is_empty() {
        return Err((None, "names no file".to_owned()));
    }
    if !exists(path) {
        return Err((Some(path), "is not an existing file or directory".to_owned()));
    }
    let shown = if path == "-" {
        "standard input".to_owned()
    } else {
        argument::shown_path(&global.directory, Path::new(path), "FILE")
    };
    Ok(NamedInput { environment: environment.map(str::to_owned), path: PathBuf::from(path), shown })
}

impl NamedInput {
    /// Texts of the file, or of all files below the directory whose names end in one of `extensions`.
    pub(super) fn read(
        &self,
        global: &GlobalArgs,
        kind: FileKind,
        extensions: &[&str],
    ) -> Result<Vec<Source>, Diagnostics> {
        if self.path.as_os_str() == "-" {
            let bytes = super::super::files::read_all()?;
            let text = String::from_utf8(bytes.to_vec()).map_err(|_| not_text(&self.shown))?;
            return Ok(vec![Source::new(self.shown.as_str(), text)]);
        }
        let path = global.directory.join(&self.path);
        let mut files = Vec::new();
        if argument::is_directory(&path) {
            list_files(&path, Path::new(&self.shown), extensions, &mut files)?;
            if files.is_empty() {
                return Err(invalid_usage(format!("`{}` has no files to import", self.shown)).into());
            }
        } else {
            files.push((path, self.shown.clone()));
        }
        let mut problems = Diagnostics::new();
        let read = |(path, shown): (PathBuf, String)| {
            let bytes = read_named(kind, &path, &shown)?;
            String::from_utf8(bytes).map(|text| Source::new(shown.as_str(), text)).map_err(|_| not_text(&shown))
        };
        let sources = files.into_iter().filter_map(|file| problems.take(read(file))).collect();
        if problems.is_empty() { Ok(sources) } else { Err(problems) }
    }
}

fn not_text(name: &str) -> Diagnostic {
    Diagnostic::error(Rule::NotUtf8, format!("`{name}` is not valid UTF-8"))
}

/// Adds the files below a directory, sorted. Hidden ones and links are skipped.
fn list_files(
    directory: &Path,
    shown: &Path,
    extensions: &[&str],
    files: &mut Vec<(PathBuf, String)>,
) -> Result<(), Diagnostic> {
    let unreadable = |error: &std::io::Error| Diagnostic::unreadable(&shown.display().to_string(), error);
    let root = BoundedRoot::new(Disk::default(), directory).map_err(|error| unreadable(&error))?;
    let listed = root.disk().list(root.path()).map_err(|error| unreadable(&error))?;
    for entry in listed.iter() {
        let (path, shown) = (root.path().join(&entry.name), shown.join(&entry.name));
        let name = entry.name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        match entry.kind {
            septum::disk::DirEntryKind::Directory => list_files(&path, &shown, extensions, files)?,
            septum::disk::DirEntryKind::File
                if extensions.iter().any(|extension| name.ends_with(&format!(".{extension}"))) =>
            {
                files.push((path, shown.display().to_string()));
            }
            _ => {}
        }
    }
    Ok(())
}
