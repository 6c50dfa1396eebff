//! `septum rekey` and `septum rotate`

use std::path::PathBuf;

use clap::Args;

use super::files;
use super::files::{counted, each_once};
use super::output::Output;
use super::{Global, identities};
use crate::at_rest::{Compared, Rekeyed, Rotation, SecretFile, each, ruled_files, write_all};
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
        let book = RuleBook::default();
        let files = compared(global, &self.files, &book, true);
        output.show(book.warnings());
        let files = files?;
        if self.check {
            return check(&files, output);
        }
        apply(files, Rotation::WhereRemoved, output)
    }
}

impl Rotate {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        let book = RuleBook::default();
        let files = compared(global, &self.files, &book, false);
        output.show(book.warnings());
        let files = files?;
        apply(files, Rotation::Always, output)
    }
}

/// The named files, or all that there are, beside their rules.
fn compared(global: &Global, named: &[PathBuf], book: &RuleBook, by_rule: bool) -> Result<Vec<Compared>, Diagnostics> {
    let read = |path: PathBuf| SecretFile::read(&global.directory, &path, None);
    if !named.is_empty() {
        return each(each_once(global, named), |path| {
            let compared = Compared::read(read(path)?, book)?;
            if by_rule { compared.ruled() } else { Ok(compared) }
        });
    }
    let all = each(ruled_files(&global.directory, book)?, |path| {
        let file = read(path)?;
        if file.looks_encrypted() { Compared::read_if_encrypted(file, book) } else { Ok(None) }
    })?;
    Ok(all.into_iter().flatten().collect())
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
    Err(Diagnostic::error("recipients-drift", message).failing(Failure::Found).hint("`septum rekey` mends that").into())
}

fn apply(files: Vec<Compared>, rotation: Rotation, output: &Output) -> Result<(), Diagnostics> {
    let (identities, now) = (identities(), files::now());
    let count = files.len();
    let mut done: Vec<Rekeyed> = each(files, |file| file.rekey(&identities, rotation, now))?;
    output.show(done.iter().flat_map(|file| file.warnings.clone()).collect());
    write_all(done.iter_mut().filter_map(|file| file.staged.take()).collect())?;
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
