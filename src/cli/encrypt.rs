//! `septum encrypt`

use std::path::{Path, PathBuf};

use clap::Args;

use super::files::{self, count_files, each_once};
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, argument, user_identities};
use septum::atomic::Access;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::secret_files::{
    FileRewrite, RecipientOptions, RewriteOutcome, SecretFile, StagedWrite, change_files, encrypt_content,
    encrypt_secret_file, encrypt_typed, plan_encryption, write_all,
};
use septum::sops::{Recipient, SopsConfigCache, SopsFormat};

/// Encrypt files in place
///
/// Each file is encrypted for the recipients of its rule in `.sops.yaml`. Comments, order and layout stay as they are.
/// Either all files are written or none. In a file that is already encrypted, plaintext that somebody typed into it is
/// encrypted; that requires its key. Without FILE, encrypts standard input and prints the result.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct EncryptArgs {
    /// Files to encrypt
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Encrypt for this recipient if no rule names any (repeatable, or separated by commas)
    ///
    /// The default is `SOPS_AGE_RECIPIENTS`.
    // a `String`: an error about a recipient must be reported without its text
    #[arg(long, value_name = "RECIPIENT", value_delimiter = ',')]
    age: Vec<String>,
    /// Name for standard input, which selects its format and its rule
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    filename: Option<PathBuf>,
    /// Format of the input, instead of the one that its name implies
    #[arg(long, value_name = "FORMAT", value_parser = files::format())]
    input_type: Option<SopsFormat>,
    /// Write to PATH, and leave the file unchanged
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Accepted for compatibility with sops: files are always encrypted in place
    #[arg(short, long, hide = true, conflicts_with = "output")]
    in_place: bool,
}

/// Help of `septum encrypt`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Encrypt a file by its rule in .sops.yaml", "septum encrypt environments/dev.secrets.yaml"),
        ("Encrypt several files, all or none", "septum encrypt environments/regions/*.secrets.yaml"),
        ("Encrypt standard input", "echo 'password: dummy' | septum encrypt --filename new.secrets.yaml"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Recipients, HelpTopic::Identities],
};

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
            return Err(invalid_usage("`--output` requires exactly one file".to_owned()).into());
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
                .hint("recipients look like `age1…` or `ssh-ed25519 …`; `septum keygen` generates an identity and prints its recipient")
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
