//! `septum keygen`

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::files::current_time;
use super::help::CommandHelp;
use super::output::{self, OutputStreams, invalid_usage};
use super::prompt::TerminalPrompt;
use super::{GlobalArgs, argument};
use septum::atomic::{self, Access, NewParents};
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use septum::disk::{self, FileReadError};
use septum::files::{FileKind, refuse_file, resolve_writable};
use septum::sops::{IdentityKind, LookupOutcome, NewIdentity, recipients_of};

/// Generate an age identity, or print the recipients of one
///
/// Works as `age-keygen` does. The identity is the private key: it is printed, or written to a file that only you can
/// read. The recipient is the public key, for which others encrypt: add it to `.sops.yaml`.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct KeygenArgs {
    /// Write to FILE, which must not exist; missing directories are created
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Generate a post-quantum identity, which requires age 1.3 or sops 3.12
    #[arg(long, conflicts_with = "recipients")]
    pq: bool,
    /// Print the recipients of the identities in FILE or on standard input
    #[arg(short = 'y', long = "recipients")]
    recipients: bool,
    /// File of identities, for `-y`
    #[arg(value_name = "FILE", requires = "recipients")]
    input: Option<PathBuf>,
}

/// Help of `septum keygen`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Generate an identity in a new file", "septum keygen -o key.txt"),
        ("Print the recipient of an identity", "septum keygen -y examples/demo-age-key.txt"),
    ],
    exit_codes: &[],
    topics: &[],
};

impl KeygenArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        if self.recipients {
            return self.print_recipients(global);
        }
        let kind = if self.pq { IdentityKind::PostQuantum } else { IdentityKind::X25519 };
        let new = NewIdentity::generate(kind).ok_or_else(Diagnostic::no_randomness)?;
        if self.output.is_none() && is_world_readable() {
            let warning = Diagnostic::warning(Rule::ExposedKey, "the output file for the new key is world-readable");
            output.print_findings(
                warning.hint("use `--output FILE`, which creates the file readable only by you").into(),
            );
        }
        self.write(global, &new.file_text(current_time()))?;
        if self.output.is_some() {
            output.print_access("the key");
        }
        if self.output.is_some() || !output::is_terminal() {
            output.print_note(&format!("Public key: {}", new.recipient()));
        }
        Ok(())
    }

    fn print_recipients(&self, global: &GlobalArgs) -> Result<(), Diagnostics> {
        let path = self.input.as_ref().filter(|path| path.as_os_str() != "-").map(|path| global.directory.join(path));
        let name =
            path.as_ref().map_or_else(|| "standard input".to_owned(), |path| format!("`{}`", output::shown_path(path)));
        let content = read_identities(path.as_deref(), &name)?;
        let recipients =
            recipients_of(&name, &content, TerminalPrompt).map_err(|outcome| no_recipients(&name, &outcome))?;
        let lines: Vec<_> = recipients.iter().map(|recipient| format!("{recipient}\n")).collect();
        self.write(global, &lines.concat())
    }

    fn write(&self, global: &GlobalArgs, text: &str) -> Result<(), Diagnostics> {
        let Some(path) = &self.output else { return output::print_result(text) };
        let shown = argument::shown_path(&global.directory, path, "FILE");
        let real = resolve_writable(&global.directory.join(path), &shown)?;
        let created = NewParents::create_above(&real, Access::Owner).and_then(|parents| {
            atomic::create_new(&real, text.as_bytes(), Access::Owner)?;
            parents.keep();
            Ok(())
        });
        match created {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("`{shown}` already exists, and `keygen` never overwrites files");
                Err(invalid_usage(message).hint("use another file name").into())
            }
            Err(error) => Err(Diagnostic::unwritable(&shown, &error).into()),
        }
    }
}

/// Whether standard output is a file that others may read.
#[cfg(unix)]
fn is_world_readable() -> bool {
    use rustix::fs::{FileType, Mode};
    rustix::fs::fstat(io::stdout()).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && Mode::from_raw_mode(stat.st_mode).contains(Mode::ROTH)
    })
}

#[cfg(not(unix))]
fn is_world_readable() -> bool {
    false
}

fn read_identities(path: Option<&Path>, name: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    // no identity file is longer; age has the same limit
    const LONGEST: u64 = 16 * 1024 * 1024;
    if let Some(path) = path {
        return match disk::read_named(path, LONGEST) {
            Ok(content) => Ok(Zeroizing::new(content)),
            Err(FileReadError::Missing) => {
                Err(Diagnostic::error(Rule::MissingFile, format!("{name} does not exist"))
                    .with_failure(FailureKind::Io))
            }
            Err(refusal) => Err(refuse_file(&refusal, FileKind::SecretFile, name.trim_matches('`'))),
        };
    }
    let mut content = Zeroizing::new(Vec::new());
    io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_end(&mut content)
        .map_err(|error| Diagnostic::error(Rule::Unreadable, format!("{name} could not be read: {error}")))?;
    Ok(content)
}

fn no_recipients(name: &str, outcome: &LookupOutcome) -> Diagnostic {
    let error = Diagnostic::error(Rule::IdentityFile, format!("{name}: {outcome}"));
    match outcome {
        LookupOutcome::Locked | LookupOutcome::WrongPassphrase => error.with_failure(FailureKind::Key),
        LookupOutcome::Found { recipients, unsupported } if !recipients.is_empty() || !unsupported.is_empty() => {
            error.note("the recipient of a plugin identity can only be determined by its plugin")
        }
        _ => error.hint("an identity is a line like `AGE-SECRET-KEY-1…`; `septum keygen` generates one"),
    }
}
