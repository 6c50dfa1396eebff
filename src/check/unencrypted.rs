//! Files that should be encrypted, and are not.

use std::path::Path;

use super::remedy::Remedy;
use crate::at_rest::SecretFile;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::disk::Root;
use crate::files::{FileKind, refuse};
use crate::pipeline::Pipeline;
use crate::project::SECRETS;
use crate::resolve::Resolved;
use crate::sops::{Format, Rule, RuleBook};
use crate::span::{Source, Span};

/// Layers called `*.secrets.yaml`, and layers that a rule of `.sops.yaml` names recipients for, that are in
/// plaintext.
pub(super) fn files(pipeline: &Pipeline<'_>, resolved: &Resolved) -> Vec<(Diagnostic, Remedy)> {
    let definition = &*resolved.definition;
    let is_encrypted = |name: &str| definition.wrappings.iter().any(|(source, _)| source.name() == name);
    let mut found = Vec::new();
    for source in definition.files.iter().filter(|source| !is_encrypted(source.name())) {
        let name = source.name();
        let path = pipeline.library.project.files.root().join(name);
        let rule = pipeline.library.rules().rule(&path).ok().flatten().filter(|rule| !rule.groups.is_empty());
        if let Some(why) = why(name, rule.as_ref()) {
            let error = plain(source, rule.as_ref(), why);
            let error = error.hint(format!("`septum encrypt {name}` or `septum check --fix` encrypts it")).hint(ROTATE);
            found.push((error, Remedy::Encrypt(name.to_owned())));
        }
    }
    found
}

/// Why the rules for the layers of an environment cannot be read: nobody knows then what should be encrypted.
pub(super) fn unreadable_rules(pipeline: &Pipeline<'_>, resolved: &Resolved) -> Diagnostics {
    let root = pipeline.library.project.files.root();
    let paths = resolved.definition.files.iter().map(|source| root.join(source.name()));
    paths.filter_map(|path| pipeline.library.rules().rule(&path).err()).flatten().collect()
}

/// The same of any file that is to be committed, in whatever format. What is wrong with its rules is told too.
pub(super) fn staged(root: &Root, book: &RuleBook, path: &Path, name: &str) -> Diagnostics {
    let rule = match book.rule(path) {
        Ok(rule) => rule.filter(|rule| !rule.groups.is_empty() && !path.ends_with(".sops.yaml")),
        Err(wrong) => return wrong,
    };
    let Some(why) = why(name, rule.as_ref()) else { return Diagnostics::new() };
    let bytes = match root.resolve(path).and_then(|path| root.read(&path, FileKind::SecretFile.limit())) {
        Ok(bytes) => bytes,
        Err(refusal) => return refuse(&refusal, FileKind::SecretFile, name).into(),
    };
    let source = Source::new(name, String::from_utf8_lossy(&bytes));
    let file = SecretFile { path: path.to_path_buf(), name: name.to_owned(), format: Format::of_path(path), bytes };
    match file.closed() {
        Ok(_) => Diagnostics::new(),
        Err(wrong) if wrong.iter().all(|problem| problem.rule == "not-encrypted") => {
            plain(&source, rule.as_ref(), why).hint(format!("`septum encrypt {name}` encrypts it")).hint(ROTATE).into()
        }
        Err(wrong) => wrong,
    }
}

/// Why a file is to be encrypted, if it is.
fn why(name: &str, rule: Option<&Rule>) -> Option<&'static str> {
    match rule {
        _ if name.ends_with(SECRETS) => Some("its name says that it is"),
        Some(rule) if tells(rule, name) => Some("a rule of `.sops.yaml` says that it is"),
        // a rule for all files is one for those that somebody encrypts
        Some(_) | None => None,
    }
}

/// Whether a rule is for some files, and not for those of any name, or of any name in a format.
fn tells(rule: &Rule, name: &str) -> bool {
    let format = Path::new(name).extension().map_or_else(String::new, |it| format!("\u{1}.{}", it.display()));
    rule.path_regex.as_ref().is_some_and(|pattern| !pattern.is_match("\u{1}") && !pattern.is_match(&format))
}

fn plain(source: &Source, rule: Option<&Rule>, why: &str) -> Diagnostic {
    let name = source.name();
    let place = source.place(Span::locate(source.text(), 0, 0));
    let error = Diagnostic::error("not-encrypted", format!("`{name}` is not encrypted, and {why}")).at_hidden(place);
    match rule {
        Some(rule) => error.at_with(rule.place.clone(), "the rule"),
        None => error,
    }
}

const ROTATE: &str = "and change what it holds where it is valid: Git's history keeps what was committed";
