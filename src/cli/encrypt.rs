//! `septum encrypt`

use std::path::{Path, PathBuf};

use clap::Args;

use super::files::{self, count_files, each_once};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, argument, user_identities};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::secret_files::{
    FileRewrite, RecipientOptions, RewriteOutcome, SecretFile, StagedWrite, change_files, encrypt_content,
    encrypt_secret_file, encrypt_typed, plan_encryption, write_all,
};
use crate::sops::{Recipient, SopsConfigCache, SopsFormat};

/// Encrypt files in place, each for the recipients of its rule in `.sops.yaml`.
///
/// Comments, order and layout stay as they are. Nothing is written unless all files are in order.
/// Of a file that is encrypted already, what somebody typed into it in plaintext is encrypted; that
/// needs its key.
/// Without FILE, standard input is encrypted and printed.
#[derive(Debug, Args)]
pub(super) struct EncryptArgs {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Encrypt for this recipient where no rule names any (several: with commas, or given several times)
    ///
    /// Without it, `SOPS_AGE_RECIPIENTS` counts.
    // a `String`: an error about a recipient must be reported without its text
    #[arg(long, value_name = "RECIPIENT", value_delimiter = ',')]
    age: Vec<String>,
    /// What standard input is to be taken for: decides its format and its rule
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    filename: Option<PathBuf>,
    /// The format, whatever the name says
    #[arg(long, value_name = "FORMAT", value_parser = files::format())]
    input_type: Option<SopsFormat>,
    /// Write to PATH and leave the file as it is
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// As sops has it; files are encrypted in place anyway
    #[arg(short, long, hide = true, conflicts_with = "output")]
    in_place: bool,
}

impl EncryptArgs {
    pub(super) fn run(self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let (book, identities, now) = (SopsConfigCache::default(), user_identities(), files::current_time());
        let wish = RecipientOptions {
            named: parse_recipients("--age", &self.age)?,
            usual: usual_recipients()?,
            has_option: true,
        };
        if self.files.is_empty() {
            let file = files::standard_input(global, self.filename.as_deref(), self.input_type)?;
            let plan = plan_encryption(&book, &file.path, &file.name, &wish)?;
            let (bytes, done) = encrypt_content(&file.name, file.bytes, file.format, &plan, now)?;
            output.print_findings(book.warnings());
            output.print_findings(done.warnings);
            let Some(path) = &self.output else { return output::print_bytes(&bytes) };
            let name = argument::shown_path(&global.directory, path, "PATH");
            let staged = StagedWrite { path: global.directory.join(path), name, bytes, access: Access::Usual };
            write_all(vec![FileRewrite::replace_any(staged)], &|name| output.print_waiting(name))?;
            return Ok(());
        }
        if self.output.is_some() && self.files.len() > 1 {
            return Err(invalid_usage("`--output` takes one file".to_owned()).into());
        }
        let read = |path: PathBuf| SecretFile::read(&global.directory, &path, self.input_type);
        let work = |file: SecretFile, book: &SopsConfigCache| {
            let typed = encrypt_typed(&file, book, &identities, now)?;
            let (staged, mut done) = match typed {
                Some(done) => done,
                None => {
                    let plan = plan_encryption(book, &file.path, &file.name, &wish)?;
                    encrypt_secret_file(file, &plan, now)?
                }
            };
            done.warnings.extend(book.warnings());
            Ok(RewriteOutcome { outcome: done, staged: Some(redirect_output(staged, global, self.output.as_deref())) })
        };
        let done = change_files(each_once(global, &self.files), read, work, &|name| output.print_waiting(name))?;
        let count = done.len();
        let values = done.iter().map(|done| done.values).sum();
        let comments = done.iter().map(|done| done.comments).sum();
        output.print_findings(done.into_iter().flat_map(|done| done.warnings).collect());
        output.print_note(&format!("septum: encrypted {}: {}", count_files(count), encrypted_counts(values, comments)));
        Ok(())
    }
}

/// Counts of encrypted items: `12 values`, `1 value and 3 comments`.
fn encrypted_counts(values: usize, comments: usize) -> String {
    let number = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    match comments {
        0 => number(values, "value"),
        _ => format!("{} and {}", number(values, "value"), number(comments, "comment")),
    }
}

/// Parses recipients from the command line. An invalid one is reported without its text: it may be a private key.
fn parse_recipients(of: &str, texts: &[String]) -> Result<Vec<Recipient>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let parsed = texts.iter().filter(|text| !text.trim().is_empty()).filter_map(|text| {
        problems.take(Recipient::parse(text).map_err(|reason| {
            Diagnostic::error(Rule::Recipient, format!("a recipient of `{of}` {reason}"))
                .hint("name recipients like `age1…` or `ssh-ed25519 …`; `septum keygen` makes an identity and prints its recipient")
        }))
    });
    let parsed = parsed.collect();
    if problems.is_empty() { Ok(parsed) } else { Err(problems) }
}

/// Recipients in the environment.
pub(super) fn usual_recipients() -> Result<Vec<Recipient>, Diagnostics> {
    const VARIABLE: &str = "SOPS_AGE_RECIPIENTS";
    let text = std::env::var(VARIABLE).unwrap_or_default();
    let texts: Vec<_> = text.split(',').map(str::to_owned).collect();
    parse_recipients(VARIABLE, &texts)
}

/// Replaces the path that a file is written to.
pub(super) fn redirect_output(staged: StagedWrite, global: &GlobalArgs, path: Option<&Path>) -> StagedWrite {
    let Some(path) = path else { return staged };
    let name = argument::shown_path(&global.directory, path, "PATH");
    StagedWrite { path: global.directory.join(path), name, ..staged }
}
