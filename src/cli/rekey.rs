//! `septum rekey` and `septum rotate`

use std::path::PathBuf;

use clap::Args;

use super::files;
use super::files::{count_files, each_once};
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::{GlobalArgs, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, StyledText};
use septum::parallel::par_map;
use septum::secret_files::{
    ComparedFile, RekeyOutcome, RewriteOutcome, Rotation, SecretFile, change_files, ruled_files,
};
use septum::sops::{SopsConfigCache, policy};

/// Update the recipients of encrypted files to .sops.yaml
///
/// Changes recipients, key groups and the selector of encrypted values to those of the rule, and shows added (+) and
/// removed (-) recipients. Removing one rotates the data key and re-encrypts every value; otherwise values keep their
/// ciphertext. Every file is verified before anything is encrypted for a new recipient.
#[derive(Debug, Args)]
#[command(after_help = REKEY_HELP.to_text())]
pub(super) struct RekeyArgs {
    /// Files to update [default: all encrypted files that the rules of the nearest .sops.yaml cover]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write nothing: report files that differ, with exit code 1 if any does. Uses no key
    #[arg(long)]
    check: bool,
}

/// Help of `septum rekey`.
pub(super) const REKEY_HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Apply a change of .sops.yaml to all encrypted files", "septum rekey"),
        ("Verify in CI, without a key, that files match their rules", "septum rekey --check"),
    ],
    exit_codes: &[
        (0, "all files match their rules"),
        (1, "with `--check`: a file differs from its rule"),
        (2, "wrong usage or invalid input"),
        (3, "missing key"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Recipients, HelpTopic::Identities],
};

/// Re-encrypt files with a new data key
///
/// Every value is encrypted again, and the recipients are updated to `.sops.yaml`. Anyone who could read a file before
/// can still read the versions in Git's history: change the secrets too.
#[derive(Debug, Args)]
#[command(after_help = ROTATE_HELP.to_text())]
pub(super) struct RotateArgs {
    /// Files to re-encrypt [default: all encrypted files that the rules of the nearest .sops.yaml cover]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Re-encrypt standard input and print the result; NAME selects its format and its rule
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    filename: Option<PathBuf>,
}

/// Help of `septum rotate`.
pub(super) const ROTATE_HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Re-encrypt all files", "septum rotate"),
        ("Re-encrypt one file", "septum rotate environments/prod.secrets.yaml"),
        (
            "Re-encrypt standard input",
            "cat environments/prod.secrets.yaml | septum rotate --filename environments/prod.secrets.yaml",
        ),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Recipients, HelpTopic::Identities],
};

impl RekeyArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let selected = SelectedFiles::of(global, &self.files, true, output)?;
        if self.check {
            let book = SopsConfigCache::default();
            let read = |path: PathBuf| selected.compare(SecretFile::read(&global.directory, &path, None)?, &book);
            return check_files(par_map(selected.paths.clone(), 1, read), output);
        }
        apply_rules(global, &selected, Rotation::WhereRemoved, output)
    }
}

impl RotateArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        if let Some(name) = &self.filename {
            return rotate_stream(files::standard_input(global, Some(name), None)?, output);
        }
        apply_rules(global, &SelectedFiles::of(global, &self.files, false, output)?, Rotation::Always, output)
    }
}

/// Prints a file from standard input with a new data key, for the recipients of its rule.
fn rotate_stream(file: SecretFile, output: &OutputStreams) -> Result<(), Diagnostics> {
    let book = SopsConfigCache::default();
    let compared = ComparedFile::read(file, &book)?;
    let mut rotated = compared.rekey_file(&user_identities(), Rotation::Always, files::current_time())?;
    rotated.warnings.extend(book.warnings());
    output.print_findings(std::mem::take(&mut rotated.warnings));
    match rotated.staged {
        Some(staged) => output::print_bytes(&staged.bytes),
        None => Ok(()),
    }
}

/// The named files, or all that match rules.
struct SelectedFiles {
    paths: Vec<PathBuf>,
    are_named: bool,
    /// Whether each named file must have a rule.
    by_rule: bool,
}

impl SelectedFiles {
    fn of(global: &GlobalArgs, named: &[PathBuf], by_rule: bool, output: &OutputStreams) -> Result<Self, Diagnostics> {
        let are_named = !named.is_empty();
        let book = SopsConfigCache::default();
        let paths = if are_named { each_once(global, named) } else { ruled_files(&global.directory, &book)? };
        if paths.is_empty() {
            output.print_findings(no_files(&book));
        }
        Ok(Self { paths, are_named, by_rule })
    }

    /// A file beside its rule; none if it is not encrypted and was not named.
    fn compare(&self, file: SecretFile, book: &SopsConfigCache) -> Result<Option<ComparedFile>, Diagnostics> {
        if self.are_named {
            let compared = ComparedFile::read(file, book)?;
            return if self.by_rule { compared.require_rule(book).map(Some) } else { Ok(Some(compared)) };
        }
        if file.looks_encrypted() { ComparedFile::read_if_encrypted(file, book) } else { Ok(None) }
    }
}

/// Warnings that no file has a rule with recipients, which may be a mistake in the rules.
fn no_files(book: &SopsConfigCache) -> Diagnostics {
    let found =
        Diagnostic::warning(Rule::NoRule, "no file matches a rule with recipients, so there is nothing to compare")
            .hint("check the `path_regex` of each rule, or specify the files");
    [found].into_iter().chain(book.warnings()).collect()
}

/// Prints how files differ from their rules. One that cannot be read hides none of the others.
fn check_files(
    files: Vec<Result<Option<ComparedFile>, Diagnostics>>,
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let (mut text, mut differing, mut problems) = (StyledText::new(), 0, Diagnostics::new());
    for file in files {
        match file {
            Ok(Some(file)) if !file.drift.is_none() => {
                push_changes(&mut text, &file.name, &policy::describe_drift(&file.drift));
                differing += 1;
            }
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
    }
    output.print_text(&text)?;
    if differing > 0 {
        let is = if differing == 1 { "is" } else { "are" };
        let message = format!("{} {is} out of date with the rules", count_files(differing));
        let error = Diagnostic::error(Rule::RecipientsDrift, message).with_failure(FailureKind::Found);
        problems.push(error.hint("run `septum rekey` to update them"));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn apply_rules(
    global: &GlobalArgs,
    selected: &SelectedFiles,
    rotation: Rotation,
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let (identities, now) = (user_identities(), files::current_time());
    let read = |path: PathBuf| SecretFile::read(&global.directory, &path, None);
    let work = |file: SecretFile, book: &SopsConfigCache| {
        let Some(compared) = selected.compare(file, book)? else {
            return Ok(RewriteOutcome { outcome: None, staged: None });
        };
        let mut rekeyed = compared.rekey_file(&identities, rotation, now)?;
        rekeyed.warnings.extend(book.warnings());
        let staged = rekeyed.staged.take();
        Ok(RewriteOutcome { outcome: Some(rekeyed), staged })
    };
    let done = change_files(selected.paths.clone(), read, work, &|name| output.print_waiting(name))?;
    let mut done: Vec<RekeyOutcome> = done.into_iter().flatten().collect();
    let count = done.len();
    output.print_findings(done.iter().flat_map(|file| file.warnings.clone()).collect());
    done.retain(|file| !file.changes.is_empty());
    let mut text = StyledText::new();
    for file in &done {
        push_changes(&mut text, &file.name, &file.changes);
    }
    output.print_text(&text)?;
    if done.is_empty() {
        let what = if count == 0 { "no encrypted files found" } else { "all files match the rules" };
        output.print_note(&format!("septum: {what}"));
    }
    let left: Vec<_> = done.iter().filter(|file| file.removed).collect();
    if !left.is_empty() {
        let message = format!("a removed recipient was able to read {}", count_files(left.len()));
        let warning = Diagnostic::warning(Rule::KnownSecrets, message)
            .note("a new data key does not protect values that were already read, nor those in Git history")
            .hint("change the secret values in these files with `septum set` or `septum edit`");
        output.print_findings(warning.into());
    }
    Ok(())
}

fn push_changes(text: &mut StyledText, name: &str, lines: &[String]) {
    text.push_line(name);
    for line in lines {
        text.push_line(format!("  {line}"));
    }
}
