//! Names in messages for arguments. An argument in the wrong place may be a secret, and CI keeps messages: one that
//! is neither a known name, nor nearly one, nor a path is called by its name in the help: `ENV`, `FILE`, `--app`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::output;
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, nearest_name};
use septum::disk::{BoundedRoot, DirEntryKind, Disk};
use septum::name::EnvironmentName;
use septum::project::{Project, files_of};

/// Arguments that are paths which need not exist: `(command, argument)`. All others must exist.
const NEW: [(&str, &str); 12] = [
    ("exec", "files"),
    ("init", "project_directory"),
    ("init", "key_file"),
    ("render", "out"),
    ("check", "rendered"),
    ("docs", "written_file"),
    ("report", "written_file"),
    ("encrypt", "output"),
    ("encrypt", "filename"),
    ("decrypt", "output"),
    ("decrypt", "filename"),
    ("keygen", "output"),
];

/// Extensions of the files that this program handles.
const EXTENSIONS: [&str; 19] = [
    "yaml",
    "yml",
    "json",
    "env",
    "ini",
    "toml",
    "txt",
    "properties",
    "conf",
    "pem",
    "key",
    "crt",
    "bin",
    "enc",
    "age",
    "j2",
    "md",
    "html",
    "example",
];

/// Refuses an argument in the place of a path that is not one: it does not exist, and does not look like a path.
pub(super) fn check_paths(matches: &ArgMatches) -> Result<(), Diagnostic> {
    let directory = matches.get_one::<PathBuf>("directory").map_or(Path::new("."), PathBuf::as_path);
    if !is_directory(directory) {
        return Err(wrong_directory(directory));
    }
    let Some((command, matches)) = matches.subcommand() else { return Ok(()) };
    for id in matches.ids().map(clap::Id::as_str) {
        let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
        if !is_typed || id == "directory" || NEW.contains(&(command, id)) {
            continue;
        }
        let Ok(Some(paths)) = matches.try_get_many::<PathBuf>(id) else { continue };
        // standard input is `-`
        for path in paths.filter(|path| path.as_os_str() != "-") {
            check_file(directory, path)?;
        }
    }
    Ok(())
}

/// Error for a directory of the project that is none.
fn wrong_directory(directory: &Path) -> Diagnostic {
    if directory.is_relative() && std::env::current_dir().is_err() {
        let message = "the current directory does not exist any more, or cannot be read";
        return Diagnostic::error(Rule::Unreadable, message).hint("change to the directory of the project");
    }
    let shown =
        if is_shown(Path::new(""), directory) { format!(", `{}`,", directory.display()) } else { String::new() };
    if Disk::default().has(directory) {
        let message = format!("`-C` requires a directory, but its argument{shown} is a file");
        let hint = "specify the directory of the project, or the one that contains the file";
        return Diagnostic::error(Rule::Usage, message).hint(hint);
    }
    let message = format!("the directory of `-C`{shown} does not exist");
    Diagnostic::error(Rule::Unreadable, message)
}

/// Refuses an argument in the place of a file that is not one.
pub(super) fn check_file(directory: &Path, path: &Path) -> Result<(), Diagnostic> {
    if is_shown(directory, path) {
        return Ok(());
    }
    let error =
        Diagnostic::error(Rule::MissingFile, format!("{} is not an existing file", argument_name(path.as_os_str())));
    Err(error.with_failure(FailureKind::Io).maybe_hint(file_hint(directory, path)))
}

/// Hint at the files of the environment whose name was given in the place of a file.
fn file_hint(directory: &Path, path: &Path) -> Option<String> {
    let project = Project::discover(directory).ok()?;
    let name = path.to_str().filter(|name| project.has_environment(name))?;
    let root = project.files.root();
    let files = |file: String| {
        let found =
            project.apps.iter().map(move |app| app.directory.join(&file)).filter(|file| Disk::default().has(file));
        found
            .filter_map(|file| Some(format!("`{}`", output::shown_path(file.strip_prefix(root).ok()?))))
            .collect::<Vec<_>>()
    };
    let [plain, secret] = files_of(name).map(files);
    let (what, found) = if secret.is_empty() { ("its layer", plain) } else { ("its encrypted file", secret) };
    Some(format!("`{name}` is an environment, and this command requires a file: {what} is {}", found.join(", ")))
}

/// The path as messages show it, or its name in the help: `FILE`.
pub(super) fn shown_path(directory: &Path, path: &Path, called: &str) -> String {
    if is_shown(directory, path) { output::shown_path(&directory.join(path)) } else { called.to_owned() }
}

/// A name that shows the format of a file, or another name of the same format.
pub(super) fn shown_name(directory: &Path, name: &str) -> String {
    let path = Path::new(name);
    let extension = path.extension().and_then(OsStr::to_str);
    match EXTENSIONS.iter().find(|known| Some(**known) == extension) {
        _ if is_shown(directory, path) => name.to_owned(),
        Some(known) => format!("PATH.{known}"),
        None => "PATH".to_owned(),
    }
}

/// Whether a path may be shown.
pub(super) fn is_shown(directory: &Path, path: &Path) -> bool {
    Disk::default().has(&directory.join(path)) || is_like_path(directory, path)
}

/// Whether the path of a new directory consists of ordinary words, as no secret does: `config`, `deploy/shop-2`.
pub(super) fn is_ordinary(path: &Path) -> bool {
    let is_word = |word: &str| {
        let letters = word.trim_end_matches(|char: char| char.is_ascii_digit());
        let is_lower = letters.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_lower && word.len() - letters.len() <= 2
    };
    let is_part = |part: &OsStr| part.to_str().is_some_and(|part| part.split(['-', '.']).all(is_word));
    path.as_os_str().len() <= 40 && path.is_relative() && path.iter().all(is_part)
}

/// Whether a text is a path, as far as that is visible for one that does not exist.
fn is_like_path(directory: &Path, path: &Path) -> bool {
    let Some(text) = path.to_str().filter(|text| !text.contains(['=', ':', '@', ' ', '\n'])) else { return false };
    let extension = path.extension().and_then(OsStr::to_str);
    let is_dotenv = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(".env"));
    let has_directory = path.parent().is_some_and(|parent| is_directory(&directory.join(parent)));
    let is_known = extension.is_some_and(|extension| EXTENSIONS.contains(&extension));
    is_known || is_dotenv || text.contains('/') && has_directory
}

/// Whether a path is a directory, or a link to one.
pub(super) fn is_directory(path: &Path) -> bool {
    let root = BoundedRoot::new(Disk::default(), path);
    root.is_ok_and(|root| matches!(root.disk().kind(root.path()), Ok(Some(DirEntryKind::Directory))))
}

/// Error for an unknown name, which is shown if it is similar to a known one, with a suggestion.
pub(super) fn unknown_name<'a>(
    what: &str,
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> (String, Option<String>) {
    match nearest_name(typed, known) {
        Some(nearest) => (format!("unknown {what} `{typed}`"), Some(format!("did you mean `{nearest}`?"))),
        None => (format!("{} is not a known {what}", argument_name(OsStr::new(typed))), None),
    }
}

/// Hint at the environment, for the path of one of its layers, or for `all`.
pub(super) fn environment_hint(typed: &str, known: &BTreeSet<&EnvironmentName>) -> Option<String> {
    if matches!(typed, "all" | "ALL" | "*" | ".") {
        return Some(
            "`--all` renders every environment; `check` and `list` include all environments by default".to_owned(),
        );
    }
    let is_part = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_';
    if typed.contains('_') && typed.chars().all(is_part) {
        return Some("for a key, use `septum explain ENV KEY`".to_owned());
    }
    let file = Path::new(typed).file_name()?.to_str()?;
    let (stem, extension) = file.rsplit_once('.')?;
    let stem = stem.strip_suffix(".secrets").unwrap_or(stem);
    let meant = known.iter().find(|name| name.as_str() == stem && matches!(extension, "yaml" | "yml"))?;
    Some(format!("specify the environment by its name, not by its file: `{meant}`"))
}

/// Hint for KEY and ENV in the wrong order, if the key is the name of an environment.
pub(super) fn reversed_hint(key: &str, known: &BTreeSet<&EnvironmentName>) -> Option<String> {
    let environment = known.iter().find(|name| name.as_str() == key)?;
    Some(format!("specify the environment first: `{environment} KEY`"))
}

/// Arguments of this process, each with its name in the help.
static NAMES: OnceLock<Vec<(OsString, String)>> = OnceLock::new();

/// Records the names of the arguments of a command, for [`argument_name`].
pub(super) fn record_names(program: &clap::Command, matches: &ArgMatches) {
    let (mut command, mut matches) = (program, matches);
    while let Some((name, below)) = matches.subcommand() {
        let Some(used) = command.find_subcommand(name) else { break };
        (command, matches) = (used, below);
    }
    let mut names = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let is_typed =
            matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine);
        let Some(typed) = is_typed.then(|| matches.get_raw(id)).flatten() else { continue };
        let is_one = typed.len() == 1;
        for (index, text) in typed.enumerate() {
            names.push((text.to_owned(), help_name(argument, (!is_one).then_some(index))));
        }
    }
    let _ = NAMES.set(names);
}

/// Name of an argument in the help; of a repeated one, also the position among its values.
fn help_name(argument: &clap::Arg, index: Option<usize>) -> String {
    if let Some(long) = argument.get_long() {
        return format!("the value of `--{long}`");
    }
    let names = argument.get_value_names().unwrap_or_default();
    match (names, index) {
        ([name], None) => name.to_string(),
        ([name], Some(index)) => format!("{name} number {}", index + 1),
        (names, Some(index)) if index < names.len() => names.get(index).map(ToString::to_string).unwrap_or_default(),
        _ => "an argument".to_owned(),
    }
}

/// Name in the help of the argument that was typed: `ENV`.
pub(super) fn argument_name(typed: &OsStr) -> String {
    let names = NAMES.get().map(Vec::as_slice).unwrap_or_default();
    let found = names.iter().find(|(text, _)| text == typed);
    found.map_or_else(|| "an argument".to_owned(), |(_, name)| name.clone())
}

/// The error that a directory which must contain a tree does not exist, if its name must not be shown.
pub(super) fn check_tree(flag: &str, dir: &Path) -> Result<(), Diagnostic> {
    if is_shown_tree(dir) {
        return Ok(());
    }
    Err(Diagnostic::error(Rule::StaleOutput, format!("the directory of `{flag}` does not exist"))
        .with_failure(FailureKind::Found)
        .hint("run `septum render --all --out DIR` to write it"))
}

/// Whether the name of a directory for a tree may be shown: also the one used in the documentation.
pub(super) fn is_shown_tree(dir: &Path) -> bool {
    is_shown(Path::new(""), dir) || dir.file_name() == Some(OsStr::new("rendered"))
}

/// Removes a path that must not be shown from findings.
pub(super) fn without_path(found: Diagnostics, dir: &Path, called: &str) -> Diagnostics {
    let text = format!("`{}", dir.display());
    let hide = |line: String| line.replace(&text, &format!("`{called}"));
    let one = |finding: Diagnostic| Diagnostic {
        message: hide(finding.message.clone()),
        notes: finding.notes.iter().cloned().map(hide).collect(),
        hints: finding.hints.iter().cloned().map(hide).collect(),
        ..finding
    };
    found.into_iter().map(one).collect()
}
