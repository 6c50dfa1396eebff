//! Files that should be encrypted and are not.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::remedy::Fix;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::disk::{BoundedRoot, walk_files};
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::layer::Tree;
use crate::map::HashSet;
use crate::pipeline::Pipeline;
use crate::project::SECRETS;
use crate::resolve::ResolvedTarget;
use crate::secret_files::{SecretFile, conflict_in};
use crate::sops::{CreationRule, EncryptedFile, SopsConfig, SopsConfigCache, SopsFormat, policy};
use crate::span::{Location, Source, Span};
use crate::yaml;
use crate::yaml::node::YamlNode;
use crate::yaml::read::MergeKeys;

/// Layers named `*.secrets.yaml`, and layers for which a rule of `.sops.yaml` has recipients, that are in plaintext.
pub(super) fn find_unencrypted_layers(pipeline: &Pipeline<'_>, resolved: &ResolvedTarget) -> Vec<(Diagnostic, Fix)> {
    let definition = &*resolved.definition;
    let is_encrypted = |name: &str| definition.wrappings.iter().any(|(source, _)| source.name() == name);
    let mut found = Vec::new();
    for source in definition.files.iter().filter(|source| !is_encrypted(source.name())) {
        let name = source.name();
        let path = pipeline.library.project.files.root().join(name);
        let rule = pipeline.library.rules().find_rule(&path).ok().flatten().filter(|rule| !rule.groups.is_empty());
        if let Some(why) = encryption_reason(name, rule.as_ref()) {
            let error = plaintext_file(source, rule.as_ref(), why);
            let error = error
                .hint(format!("run `septum encrypt {}` or `septum check --fix` to encrypt it", shell_word(name)))
                .hint(ROTATE);
            found.push((error, Fix::Encrypt(name.to_owned())));
        }
    }
    found
}

/// Errors in the rules for the layers of an environment: without rules it is unknown which files should be encrypted,
/// and for which recipients.
pub(super) fn invalid_rules(pipeline: &Pipeline<'_>, resolved: &ResolvedTarget) -> Diagnostics {
    let root = pipeline.library.project.files.root();
    let paths = resolved.definition.files.iter().map(|source| root.join(source.name()));
    paths.filter_map(|path| pipeline.library.rules().find_rule(&path).err()).flatten().collect()
}

/// Problems of the encrypted layers and manifests of an environment that are visible without a key, and warnings about rules.
pub(super) fn without_keys(pipeline: &Pipeline<'_>, resolved: &ResolvedTarget) -> Diagnostics {
    let root = pipeline.library.project.files.root();
    let book = pipeline.library.rules();
    let mut found = Diagnostics::new();
    let encrypted = resolved.definition.all_wrappings().map(|(source, _)| source);
    for source in encrypted {
        found.extend(unruled_file(book, &root.join(source.name()), source));
        let closed = EncryptedFile::read(source.name(), source.text().as_bytes().to_vec(), SopsFormat::Yaml);
        if let Ok(Some(closed)) = closed {
            found.extend(without_key(source.name(), &closed));
        }
    }
    found.extend(book.warnings());
    found
}

/// Problems of an encrypted file that are visible without its key.
fn without_key(name: &str, closed: &EncryptedFile) -> Diagnostics {
    let conflict = closed.metadata().has_conflict().then(|| unfinished_merge(name, closed.metadata().place.clone()));
    let plaintext = closed.typed_plaintext().map(|place| typed_plaintext(name, place));
    conflict.into_iter().chain(plaintext).collect()
}

/// Finding for a value in plaintext that a user entered into an encrypted file.
fn typed_plaintext(name: &str, place: Location) -> Diagnostic {
    Diagnostic::error(
        Rule::SopsPlaintext,
        format!("`{name}` contains a plaintext value that its selector requires to be encrypted"),
    )
    .at_masked(place)
    .hint(format!("run `septum encrypt {}` to encrypt it, with a key of the file", shell_word(name)))
    .hint(ROTATE)
}

/// Finding for an encrypted file that no rule matches, though there are rules, or whose rule has no recipients.
fn unruled_file(book: &SopsConfigCache, path: &Path, source: &Source) -> Option<Diagnostic> {
    let config = book.find_nearest(path)?;
    let (name, config) = (source.name(), SopsConfig::display_path(&config));
    let message = match book.find_rule(path) {
        Ok(None) => format!("`{name}` is encrypted, but no rule of `{config}` matches it"),
        Ok(Some(rule)) if rule.groups.is_empty() => {
            format!("`{name}` is encrypted, but its rule in `{config}` names no recipients")
        }
        Ok(Some(_)) | Err(_) => return None,
    };
    let place = source.place(Span::locate(source.text(), 0, 0));
    Some(
        Diagnostic::warning(Rule::UnruledFile, message)
            .at_masked(place)
            .note("`septum rekey` skips it, so a recipient removed from the rules can still decrypt it")
            .hint("add a rule whose `path_regex` matches the file, or fix an existing rule"),
    )
}

/// Checks any files, each with its name, of apps or not. Known findings of a file are not repeated.
pub(super) fn of_files(
    bounds: &BoundedRoot,
    book: &SopsConfigCache,
    files: &[(PathBuf, String)],
    known: &HashSet<(Rule, String)>,
) -> Vec<Finding> {
    let finding = |problem| Finding::new_finding(problem, None, None, None);
    let of_file = |(path, name): &(PathBuf, String)| {
        let found = match check_secret_file(bounds, book, path, name) {
            Ok(found) => found.into_iter().map(finding).collect::<Vec<_>>(),
            Err(wrong) => wrong.into_iter().map(|problem| finding(problem).mark_unjudged()).collect(),
        };
        found
            .into_iter()
            .filter(|finding| !known.contains(&(finding.diagnostic.rule, name.clone())))
            .collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
}

/// Checks files without warnings: for files that belong to no app, only errors for which a commit is refused count.
pub(super) fn errors_of_files(
    bounds: &BoundedRoot,
    book: &SopsConfigCache,
    files: &[(PathBuf, String)],
    known: &HashSet<(Rule, String)>,
) -> Vec<Finding> {
    of_files(bounds, book, files, known).into_iter().filter(|finding| finding.diagnostic.is_error()).collect()
}

/// The files that match rules, and those with ciphertext, below the nearest `.sops.yaml`, or else below the project,
/// except those that Git ignores. Each with its name in messages.
pub fn find_encrypted_files(
    files: &ProjectFiles,
    bounds: &BoundedRoot,
    book: &SopsConfigCache,
) -> Result<Vec<(PathBuf, String)>, Diagnostic> {
    let root = files.root();
    let disk = files.disk();
    let repository = disk.repository_of(root);
    let config = book.find_nearest(&root.join("any"));
    let above = config.as_deref().and_then(Path::parent).filter(|above| root.starts_with(above));
    let start =
        above.filter(|above| repository.is_some_and(|repository| above.starts_with(repository))).unwrap_or(root);
    let mut found = Vec::new();
    let walked = walk_files(disk, start, FileKind::IgnoreRules.limit(), &mut |path| {
        let name = files.name(path);
        let rule = book.find_rule(path);
        let is_ruled = rule.as_ref().map_or(true, |rule| encryption_reason(&name, rule.as_ref()).is_some());
        // of other files only those that `rekey` looks at, as not every file is to be read
        let is_readable = SopsFormat::of_path(path) != SopsFormat::Binary
            || rule.is_ok_and(|rule| rule.is_some_and(|rule| !rule.groups.is_empty()));
        if is_ruled || (is_readable && looks_encrypted(bounds, path)) {
            found.push((path.to_path_buf(), name));
        }
        ControlFlow::Continue(())
    });
    match walked {
        Ok(()) => Ok(found),
        Err((path, refusal)) => Err(refuse_file(&refusal, FileKind::IgnoreRules, &SopsConfig::display_path(&path))),
    }
}

/// Length of the start of a file that shows whether it is a text, as for Git.
const START: u64 = 8000;

/// Whether a file contains what every encrypted file of its format does. Each is a text, so that of other files, such as
/// images and programs, only the start is read.
fn looks_encrypted(bounds: &BoundedRoot, path: &Path) -> bool {
    let Ok(real) = bounds.resolve(path) else { return false };
    if bounds.read_start(&real, START).is_ok_and(|start| start.contains(&0)) {
        return false;
    }
    let read = bounds.read(&real, FileKind::SecretFile.limit());
    let (name, format) = (String::new(), SopsFormat::of_path(path));
    let file = |bytes| SecretFile { path: path.to_path_buf(), name, format, bytes };
    read.is_ok_and(|bytes| file(bytes).looks_encrypted())
}

/// The directory of a tree's records.
const RECORDS: &str = ".septum";

/// Whether a file is in a tree that `render --out` keeps: the recipients of its Secrets come from the layers.
pub fn is_of_tree(root: &BoundedRoot, path: &Path) -> bool {
    path.ancestors().skip(1).any(|directory| root.is_directory(&directory.join(RECORDS)))
}

/// Checks any file, in any format. Errors: its rules cannot be read, so that it cannot be checked.
pub fn check_secret_file(
    root: &BoundedRoot,
    book: &SopsConfigCache,
    path: &Path,
    name: &str,
) -> Result<Diagnostics, Diagnostics> {
    let read = || root.resolve(path).and_then(|path| root.read(&path, FileKind::SecretFile.limit()));
    if let Some(conflict) = read().ok().and_then(|bytes| conflict_in(name, &bytes)) {
        return Ok(conflict.into());
    }
    let file = |bytes| SecretFile {
        path: path.to_path_buf(),
        name: name.to_owned(),
        format: SopsFormat::of_path(path),
        bytes,
    };
    let mut found = Diagnostics::new();
    if let Some(file) = read().ok().map(file).filter(SecretFile::looks_encrypted)
        && let Ok((_, _, closed)) = file.into_encrypted()
    {
        let place = &closed.metadata().place;
        found.extend(without_key(name, &closed));
        if !is_of_tree(root, path) {
            found.extend(unruled_file(book, path, &Source::new(name, place.source.text())));
        }
        if book.find_rule(path).is_ok() {
            found.extend(policy::report_drift(book, path, name, closed.metadata(), SopsFormat::of_path(path)));
        }
    }
    let is_ours = path.ends_with(".sops.yaml") || path.parent().is_some_and(|directory| directory.ends_with(RECORDS));
    let rule = book.find_rule(path)?.filter(|rule| !rule.groups.is_empty() && !is_ours);
    let Some(why) = encryption_reason(name, rule.as_ref()) else { return Ok(found) };
    let bytes = match read() {
        Ok(bytes) => bytes,
        Err(refusal) => return Ok(refuse_file(&refusal, FileKind::SecretFile, name).into()),
    };
    let source = Source::new(name, String::from_utf8_lossy(&bytes));
    Ok(match file(bytes).into_encrypted() {
        Ok(_) => found,
        Err(_) if rule.as_ref().is_some_and(is_for_secrets) && is_plain_manifest(&source) => found,
        Err(wrong) if wrong.iter().all(|problem| matches!(problem.rule, Rule::NoContent | Rule::NotEncrypted)) => {
            plaintext_file(&source, rule.as_ref(), why)
                .hint(format!("run `septum encrypt {}` to encrypt it", shell_word(name)))
                .hint(ROTATE)
                .into()
        }
        Err(wrong) => wrong,
    })
}

/// Whether a rule encrypts the values of some keys alone, such as the `data` of Secrets.
fn is_for_secrets(rule: &CreationRule) -> bool {
    rule.selector.is_some()
}

/// Whether a file has objects of Kubernetes, none of which is a Secret: a rule for a directory of manifests applies
/// to its Secrets.
fn is_plain_manifest(source: &Source) -> bool {
    let Ok(stream) = yaml::read::read_stream(source, MergeKeys::Apply) else { return false };
    let kind = |root: YamlNode| {
        let tree = Tree::from_node(root, source);
        let text = |key: &str| tree.get(key).and_then(Tree::as_text).map(str::to_owned);
        text("apiVersion").and(text("kind"))
    };
    let kinds: Vec<_> = stream.documents.into_iter().map(kind).collect();
    let is_plain =
        |kind: &Option<String>| kind.as_ref().is_some_and(|kind| kind != "Secret" && !kind.ends_with("List"));
    !kinds.is_empty() && kinds.iter().all(is_plain)
}

/// Finding for both sides of a value that `septum git-merge` left in a file.
fn unfinished_merge(name: &str, place: Location) -> Diagnostic {
    let word = shell_word(name);
    Diagnostic::error(Rule::MergeConflict, format!("a value of `{name}` still contains both sides of a merge"))
        .at(place)
        .hint(format!("choose one with `septum edit {word}`, then run `git add {word}`"))
}

/// Reason why a file has to be encrypted, if it has.
fn encryption_reason(name: &str, rule: Option<&CreationRule>) -> Option<&'static str> {
    match rule {
        _ if name.ends_with(SECRETS) => Some("its name says that it should be"),
        Some(rule) if is_selective_rule(rule, name) => Some("a rule of `.sops.yaml` says that it should be"),
        // a rule for all files applies to those that a user encrypts
        Some(_) | None => None,
    }
}

/// Whether a rule is for some files, and not for those of any name, or of any name in a format.
fn is_selective_rule(rule: &CreationRule, name: &str) -> bool {
    let format = Path::new(name).extension().map_or_else(String::new, |it| format!("\u{1}.{}", it.display()));
    rule.path_regex.as_ref().is_some_and(|pattern| !pattern.is_match("\u{1}") && !pattern.is_match(&format))
}

fn plaintext_file(source: &Source, rule: Option<&CreationRule>, why: &str) -> Diagnostic {
    let name = source.name();
    let place = source.place(Span::locate(source.text(), 0, 0));
    let error = Diagnostic::error(Rule::NotEncrypted, format!("`{name}` is not encrypted, but {why}")).at_masked(place);
    match rule {
        Some(rule) => error.at_with(rule.place.clone(), "the rule"),
        None => error,
    }
}

const ROTATE: &str = "rotate the secrets in it: Git history keeps what was committed";
