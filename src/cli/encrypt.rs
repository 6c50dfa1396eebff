//! `septum encrypt`

use std::path::{Path, PathBuf};

use clap::Args;

use super::files::{self, counted, each_once};
use super::output::{self, Output, invalid_usage};
use super::{Global, argument, identities};
use crate::at_rest::{
    Made, Rewrite, SecretFile, Staged, Wish, change_files, encrypt, encrypt_typed, encrypted, plan, write_all,
};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::sops::{Format, Recipient, RuleBook};

/// Encrypt files in place, each for the recipients of its rule in `.sops.yaml`.
///
/// Comments, order and layout stay as they are. Nothing is written unless all files are in order.
/// Of a file that is encrypted already, what somebody typed into it in plaintext is encrypted; that
/// needs its key.
/// Without FILE, standard input is encrypted and printed.
#[derive(Debug, Args)]
pub(super) struct Encrypt {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Encrypt for this recipient where no rule names any (several: with commas, or given several times)
    ///
    /// Without it, `SOPS_AGE_RECIPIENTS` counts.
    // no type of its own: what is wrong with a recipient must be told without its text
    #[arg(long, value_name = "RECIPIENT", value_delimiter = ',')]
    age: Vec<String>,
    /// What standard input is to be taken for: decides its format and its rule
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    filename: Option<PathBuf>,
    /// The format, whatever the name says
    #[arg(long, value_name = "FORMAT", value_parser = files::format())]
    input_type: Option<Format>,
    /// Write to PATH and leave the file as it is
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// As sops has it; files are encrypted in place anyway
    #[arg(short, long, hide = true, conflicts_with = "output")]
    in_place: bool,
}

impl Encrypt {
    pub(super) fn run(self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        let (book, identities, now) = (RuleBook::default(), identities(), files::now());
        let wish = Wish { named: recipients("--age", &self.age)?, usual: usual_recipients()?, has_option: true };
        if self.files.is_empty() {
            let file = files::standard_input(global, self.filename.as_deref(), self.input_type)?;
            let plan = plan(&book, &file.path, &file.name, &wish)?;
            let (bytes, done) = encrypted(&file.name, file.bytes, file.format, &plan, now)?;
            output.show(book.warnings());
            output.show(done.warnings);
            let Some(path) = &self.output else { return output::bytes(&bytes) };
            let name = argument::shown(&global.directory, path, "PATH");
            let staged = Staged { path: global.directory.join(path), name, bytes, access: Access::Usual };
            write_all(vec![Rewrite::replacing(staged)], &|name| output.say_waiting(name))?;
            return Ok(());
        }
        if self.output.is_some() && self.files.len() > 1 {
            return Err(invalid_usage("`--output` takes one file".to_owned()).into());
        }
        let read = |path: PathBuf| SecretFile::read(&global.directory, &path, self.input_type);
        let work = |file: SecretFile, book: &RuleBook| {
            let typed = encrypt_typed(&file, book, &identities, now)?;
            let (staged, mut done) = match typed {
                Some(done) => done,
                None => {
                    let plan = plan(book, &file.path, &file.name, &wish)?;
                    encrypt(file, &plan, now)?
                }
            };
            done.warnings.extend(book.warnings());
            Ok(Made { outcome: done, staged: Some(redirected(staged, global, self.output.as_deref())) })
        };
        let done = change_files(each_once(global, &self.files), read, work, &|name| output.say_waiting(name))?;
        let count = done.len();
        let values = done.iter().map(|done| done.values).sum();
        let comments = done.iter().map(|done| done.comments).sum();
        output.show(done.into_iter().flat_map(|done| done.warnings).collect());
        output.say(&format!("septum: encrypted {}: {}", counted(count), what(values, comments)));
        Ok(())
    }
}

/// Counts of what was encrypted: `12 values`, `1 value and 3 comments`.
fn what(values: usize, comments: usize) -> String {
    let number = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    match comments {
        0 => number(values, "value"),
        _ => format!("{} and {}", number(values, "value"), number(comments, "comment")),
    }
}

/// Recipients that were named. One that is none is told without its text: it may be a private key.
fn recipients(of: &str, texts: &[String]) -> Result<Vec<Recipient>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let parsed = texts.iter().filter(|text| !text.trim().is_empty()).filter_map(|text| {
        problems.take(Recipient::parse(text).map_err(|reason| {
            Diagnostic::error("recipient", format!("a recipient of `{of}` {reason}"))
                .hint("name recipients like `age1…` or `ssh-ed25519 …`; `septum keygen` makes an identity and prints its recipient")
        }))
    });
    let parsed = parsed.collect();
    if problems.is_empty() { Ok(parsed) } else { Err(problems) }
}

/// Those whom the environment names.
pub(super) fn usual_recipients() -> Result<Vec<Recipient>, Diagnostics> {
    const VARIABLE: &str = "SOPS_AGE_RECIPIENTS";
    let text = std::env::var(VARIABLE).unwrap_or_default();
    let texts: Vec<_> = text.split(',').map(str::to_owned).collect();
    recipients(VARIABLE, &texts)
}

/// A file that may go somewhere else.
pub(super) fn redirected(staged: Staged, global: &Global, path: Option<&Path>) -> Staged {
    let Some(path) = path else { return staged };
    let name = argument::shown(&global.directory, path, "PATH");
    Staged { path: global.directory.join(path), name, ..staged }
}
