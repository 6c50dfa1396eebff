//! `septum rekey` and `septum rotate`

use std::path::PathBuf;

use clap::Args;

use super::files;
use super::files::{counted, each_once};
use super::output::Output;
use super::{Global, identities};
use crate::at_rest::{Compared, Made, Rekeyed, Rotation, SecretFile, change_files, each, ruled_files};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure, StyledText};
use crate::sops::{RuleBook, policy};

/// Bring files to what their rules in `.sops.yaml` say: recipients, key groups, selector.
///
/// Shows who comes (+) and goes (-). Where somebody goes, the file gets a new data key as well, since
/// they know the old one. Values keep their ciphertext unless it does. Every file is verified before
/// anything of it is encrypted for somebody new.
#[derive(Debug, Args)]
pub(super) struct Rekey {
    /// The files; without any, all encrypted files that rules of the nearest `.sops.yaml` are about
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only tell what differs, with exit code 1 if anything does. Needs no key
    #[arg(long)]
    check: bool,
}

/// Give files a new data key, and bring them to what their rules say.
///
/// Everything is encrypted anew. Whoever could read a file before can still read what is in Git's
/// history: change the secrets themselves too.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The files; without any, all encrypted files that rules of the nearest `.sops.yaml` are about
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Rekey {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        let selected = SelectedFiles::of(global, &self.files, true, output)?;
        if self.check {
            let book = RuleBook::default();
            let read = |path: PathBuf| selected.compare(SecretFile::read(&global.directory, &path, None)?, &book);
            let compared = each(selected.paths.clone(), read)?;
            return check(&compared.into_iter().flatten().collect::<Vec<_>>(), output);
        }
        apply(global, &selected, Rotation::WhereRemoved, output)
    }
}

impl Rotate {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        apply(global, &SelectedFiles::of(global, &self.files, false, output)?, Rotation::Always, output)
    }
}

/// The named files, or all that there are.
struct SelectedFiles {
    paths: Vec<PathBuf>,
    are_named: bool,
    /// Whether each that is named must have a rule.
    by_rule: bool,
}

impl SelectedFiles {
    fn of(global: &Global, named: &[PathBuf], by_rule: bool, output: &Output) -> Result<Self, Diagnostics> {
        let are_named = !named.is_empty();
        let book = RuleBook::default();
        let paths = if are_named { each_once(global, named) } else { ruled_files(&global.directory, &book)? };
        if paths.is_empty() {
            output.show(no_files(&book));
        }
        Ok(Self { paths, are_named, by_rule })
    }

    /// A file beside its rule; none if it is not encrypted and was not named.
    fn compare(&self, file: SecretFile, book: &RuleBook) -> Result<Option<Compared>, Diagnostics> {
        if self.are_named {
            let compared = Compared::read(file, book)?;
            return if self.by_rule { compared.ruled(book).map(Some) } else { Ok(Some(compared)) };
        }
        if file.looks_encrypted() { Compared::read_if_encrypted(file, book) } else { Ok(None) }
    }
}

/// Warnings that no file has a rule with recipients, which may be a mistake in the rules.
fn no_files(book: &RuleBook) -> Diagnostics {
    let found =
        Diagnostic::warning("no-rule", "no file has a rule that names recipients, so there is nothing to compare")
            .hint("look at the `path_regex` of each rule, or name the files");
    [found].into_iter().chain(book.warnings()).collect()
}

fn check(files: &[Compared], output: &Output) -> Result<(), Diagnostics> {
    let differing: Vec<_> = files.iter().filter(|file| !file.drift.is_none()).collect();
    let mut text = StyledText::new();
    for file in &differing {
        show(&mut text, &file.name, &policy::lines(&file.drift));
    }
    output.text(&text)?;
    if differing.is_empty() {
        return Ok(());
    }
    let is = if differing.len() == 1 { "is" } else { "are" };
    let message = format!("{} {is} not as the rules say", counted(differing.len()));
    Err(Diagnostic::error("recipients-drift", message).failing(Failure::Found).hint("`septum rekey` fixes that").into())
}

fn apply(global: &Global, selected: &SelectedFiles, rotation: Rotation, output: &Output) -> Result<(), Diagnostics> {
    let (identities, now) = (identities(), files::now());
    let read = |path: PathBuf| SecretFile::read(&global.directory, &path, None);
    let work = |file: SecretFile, book: &RuleBook| {
        let Some(compared) = selected.compare(file, book)? else { return Ok(Made { outcome: None, staged: None }) };
        let mut rekeyed = compared.rekey(&identities, rotation, now)?;
        rekeyed.warnings.extend(book.warnings());
        let staged = rekeyed.staged.take();
        Ok(Made { outcome: Some(rekeyed), staged })
    };
    let done = change_files(selected.paths.clone(), read, work, &|name| output.say_waiting(name))?;
    let mut done: Vec<Rekeyed> = done.into_iter().flatten().collect();
    let count = done.len();
    output.show(done.iter().flat_map(|file| file.warnings.clone()).collect());
    done.retain(|file| !file.changes.is_empty());
    let mut text = StyledText::new();
    for file in &done {
        show(&mut text, &file.name, &file.changes);
    }
    output.text(&text)?;
    if done.is_empty() {
        let what = if count == 0 { "there is no encrypted file" } else { "all files are as the rules say" };
        output.say(&format!("septum: {what}"));
    }
    let left: Vec<_> = done.iter().filter(|file| file.removed).collect();
    if !left.is_empty() {
        let message = format!("somebody who was removed has been able to read {}", counted(left.len()));
        let warning = Diagnostic::warning("known-secrets", message)
            .note("what they read, and what is in Git's history, a new data key does not take back")
            .hint("change the secrets in these files themselves: `septum set`, or `septum edit`");
        output.show(warning.into());
    }
    Ok(())
}

fn show(text: &mut StyledText, name: &str, lines: &[String]) {
    text.line(name);
    for line in lines {
        text.line(format!("  {line}"));
    }
}
