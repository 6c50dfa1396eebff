//! `septum decrypt`

use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::encrypt::redirect_output;
use super::files::{self, count_files, each_once};
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, user_identities};
use septum::atomic::Access;
use septum::diagnostic::{Diagnostic, Diagnostics};
use septum::parallel::try_par_map;
use septum::secret_files::{FileRewrite, RewriteOutcome, SecretFile, StagedWrite, change_files, not_found, write_all};
use septum::sops::{
    DecryptedFile, Identities, SopsConfigCache, SopsFormat, SopsTree, TypedValue, UnrepresentableValue, ValuePath,
    WriteError, policy,
};
use septum::span::Source;

/// Print files in plaintext
///
/// Comments and layout are kept. The checksum of every file is verified before anything is printed; this cannot be
/// skipped. Several files are printed one after the other, YAML files separated by `---`. Without FILE, decrypts
/// standard input.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct DecryptArgs {
    /// Files to decrypt
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Replace the files by their plaintext
    #[arg(short, long, conflicts_with_all = ["output", "extract", "output_type"])]
    in_place: bool,
    /// Write to PATH
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Print only the value at PATH, such as `data.hosts[0]` or `["data"]["hosts"][0]`
    #[arg(long, value_name = "PATH")]
    extract: Option<ValuePath>,
    /// Document of the file for `--extract`, counted from 1
    #[arg(long, value_name = "N", requires = "extract", value_parser = clap::value_parser!(u32).range(1..))]
    document: Option<u32>,
    /// Name for standard input, which selects its format
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    filename: Option<PathBuf>,
    /// Format of the input, instead of the one that its name implies
    #[arg(long, value_name = "FORMAT", value_parser = files::format())]
    input_type: Option<SopsFormat>,
    /// Convert to this format, without comments and layout
    #[arg(long, value_name = "FORMAT", value_parser = files::format())]
    output_type: Option<SopsFormat>,
}

/// Help of `septum decrypt`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Print a file", "septum decrypt environments/prod.secrets.yaml"),
        ("Print one value", "septum decrypt --extract data.DATABASE_PASSWORD environments/prod.secrets.yaml"),
        ("Print a file as JSON", "septum decrypt --output-type json environments/prod.secrets.yaml"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Recipients, HelpTopic::Identities],
};

/// A file that was decrypted.
struct DecryptedOutput {
    path: PathBuf,
    name: String,
    format: SopsFormat,
    text: Zeroizing<Vec<u8>>,
    findings: Diagnostics,
}

impl DecryptedOutput {
    /// Its plaintext in a staged file, which is readable by its owner alone.
    fn into_staged(mut self, global: &GlobalArgs, target: Option<&Path>) -> StagedWrite {
        let bytes = std::mem::take(&mut *self.text);
        redirect_output(StagedWrite { path: self.path, name: self.name, bytes, access: Access::Owner }, global, target)
    }
}

impl DecryptArgs {
    pub(super) fn run(self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let (book, identities) = (SopsConfigCache::default(), user_identities());
        if self.files.is_empty() {
            if self.in_place {
                return Err(invalid_usage("`--in-place` requires a file".to_owned()).into());
            }
            let file = files::standard_input(global, self.filename.as_deref(), self.input_type)?;
            let opened = self.open(file, None, &identities)?;
            let Some(path) = &self.output else { return self.print(output, &[opened]) };
            let staged = opened.into_staged(global, Some(path));
            write_all(vec![FileRewrite::replace_any(staged)], &|name| output.print_waiting(name))?;
            output.print_access("the plaintext");
            return Ok(());
        }
        if self.output.is_some() && self.files.len() > 1 {
            return Err(invalid_usage("`--output` requires exactly one file".to_owned()).into());
        }
        let read = |path: PathBuf| SecretFile::read(&global.directory, &path, self.input_type);
        let files = each_once(global, &self.files);
        if self.in_place || self.output.is_some() {
            let work = |file: SecretFile, book: &SopsConfigCache| {
                let mut opened = self.open(file, Some(book), &identities)?;
                let told: Diagnostics =
                    std::mem::take(&mut opened.findings).into_iter().chain(book.warnings()).collect();
                Ok(RewriteOutcome { outcome: told, staged: Some(opened.into_staged(global, self.output.as_deref())) })
            };
            let told = change_files(files, read, work, &|name| output.print_waiting(name))?;
            let count = told.len();
            output.print_findings(told.into_iter().flatten().collect());
            output.print_access("the plaintext");
            if self.in_place {
                output.print_note(&format!(
                    "septum: {} now in plaintext; run `septum encrypt` to encrypt again",
                    count_files(count)
                ));
            }
            return Ok(());
        }
        let opened = try_par_map(files, |path| self.open(read(path)?, Some(&book), &identities))?;
        output.print_findings(book.warnings());
        self.print(output, &opened)
    }

    fn open(
        &self,
        file: SecretFile,
        book: Option<&SopsConfigCache>,
        identities: &Identities,
    ) -> Result<DecryptedOutput, Diagnostics> {
        let format = file.format;
        let (path, name, closed) = file.into_encrypted()?;
        let report = |book| policy::report_drift(book, &path, &name, closed.metadata(), format);
        let mut told = book.map(report).unwrap_or_default();
        let text = if self.extract.is_some() || self.output_type.is_some_and(|wanted| wanted != format) {
            let sealed =
                closed.decrypt_to_read(identities).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
            if self.extract.is_none() {
                told.extend(sealed.altered_comments());
                told.extend(sealed.plain_comments());
            }
            self.text(&sealed, &name, format)?
        } else {
            let sealed = closed.decrypt_to_text(identities, false);
            let sealed = sealed.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
            if self.in_place {
                sealed.check_comments().map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
            }
            told.extend(sealed.altered_comments());
            told.extend(sealed.plain_comments());
            sealed.into_plaintext().map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?
        };
        Ok(DecryptedOutput { path, name, format: self.output_type.unwrap_or(format), text, findings: told })
    }

    fn text(&self, sealed: &DecryptedFile, name: &str, format: SopsFormat) -> Result<Zeroizing<Vec<u8>>, Diagnostics> {
        let wanted = self.output_type.unwrap_or(format);
        if let Some(path) = &self.extract {
            let document = self.document.map(|number| number as usize - 1);
            let (value, mut text) = extract_value(sealed, document, path, wanted, name)?;
            // as sops does it
            if wanted == SopsFormat::Yaml
                && matches!(value, SopsTree::Leaf(leaf) if !matches!(leaf.value, TypedValue::Text(_)))
            {
                text.push(b'\n');
            }
            return Ok(text);
        }
        sealed.emit_format(wanted).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))
    }

    fn print(&self, output: &OutputStreams, opened: &[DecryptedOutput]) -> Result<(), Diagnostics> {
        output.print_findings(opened.iter().flat_map(|file| file.findings.clone()).collect());
        let mut first = true;
        for file in opened {
            if !std::mem::take(&mut first) && file.format == SopsFormat::Yaml && self.extract.is_none() {
                output::print_bytes(b"---\n")?;
            }
            output::print_bytes(&file.text)?;
            if output::is_terminal() && self.extract.is_some() && !file.text.ends_with(b"\n") {
                output::print_bytes(b"\n")?;
            }
        }
        Ok(())
    }
}

/// One value of a file, printed by itself.
pub(super) fn extract_value<'a>(
    sealed: &'a DecryptedFile,
    document: Option<usize>,
    path: &ValuePath,
    format: SopsFormat,
    name: &str,
) -> Result<(&'a SopsTree, Zeroizing<Vec<u8>>), Diagnostics> {
    let (_, value) = sealed.find_value(document, path).map_err(|problem| not_found(name, &problem))?;
    let text = sealed.print_value(value, format).map_err(|unfit| unprintable_value(name, unfit))?;
    Ok((value, text))
}

fn unprintable_value(name: &str, unfit: UnrepresentableValue) -> Diagnostic {
    let place = Source::new(name, "").place(<_>::default());
    let found = WriteError::Unfit { place, unfit }.into_diagnostics().into_iter().next();
    found.unwrap_or_else(|| invalid_usage(format!("`{name}` cannot be printed in that format")))
}
