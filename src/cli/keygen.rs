//! `septum keygen`

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::files::now;
use super::init::{no_randomness, unwritable};
use super::output::{self, Output, invalid_usage};
use super::prompt::Terminal;
use super::{Global, argument};
use crate::atomic::{self, Access};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::disk::{self, Refusal};
use crate::files::{FileKind, refuse, resolve_writable};
use crate::sops::{IdentityKind, NewIdentity, Outcome, recipients_of};

/// Make a new age identity, or print the recipients of one, as `age-keygen` does.
///
/// The identity goes to standard output or to a file that only you may read. What others encrypt
/// for is its recipient, the public key: that belongs in `.sops.yaml`.
#[derive(Debug, Args)]
pub(super) struct Keygen {
    /// Write to FILE, which must not exist yet
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make a post-quantum identity, which needs age 1.3 and sops 3.12 or newer
    #[arg(long, conflicts_with = "recipients")]
    pq: bool,
    /// Print the recipients of the identities in FILE or on standard input
    #[arg(short = 'y', long = "recipients")]
    recipients: bool,
    /// The identity file, with `-y`
    #[arg(value_name = "FILE", requires = "recipients")]
    input: Option<PathBuf>,
}

impl Keygen {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<(), Diagnostics> {
        if self.recipients {
            return self.print_recipients(global);
        }
        let kind = if self.pq { IdentityKind::PostQuantum } else { IdentityKind::X25519 };
        let new = NewIdentity::generate(kind).ok_or_else(no_randomness)?;
        if self.output.is_none() && is_world_readable() {
            let warning = Diagnostic::warning("exposed-key", "everybody may read the file that the new key goes to");
            output.show(warning.hint("name it with `--output`, so that only you may").into());
        }
        self.write(global, &new.file(now()))?;
        if self.output.is_some() || !output::is_terminal() {
            output.say(&format!("Public key: {}", new.recipient()));
        }
        Ok(())
    }

    fn print_recipients(&self, global: &Global) -> Result<(), Diagnostics> {
        let path = self.input.as_ref().filter(|path| path.as_os_str() != "-").map(|path| global.directory.join(path));
        let name =
            path.as_ref().map_or_else(|| "standard input".to_owned(), |path| format!("`{}`", output::shown(path)));
        let content = read(path.as_deref(), &name)?;
        let recipients = recipients_of(&name, &content, Terminal).map_err(|outcome| no_recipients(&name, &outcome))?;
        let lines: Vec<_> = recipients.iter().map(|recipient| format!("{recipient}\n")).collect();
        self.write(global, &lines.concat())
    }

    fn write(&self, global: &Global, text: &str) -> Result<(), Diagnostics> {
        let Some(path) = &self.output else { return output::result(text) };
        let shown = argument::shown(&global.directory, path, "FILE");
        let real = resolve_writable(&global.directory.join(path), &shown)?;
        match atomic::create_new(&real, text.as_bytes(), Access::Owner) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("`{shown}` exists, and `keygen` overwrites nothing");
                Err(invalid_usage(message).hint("name another file").into())
            }
            Err(error) => Err(unwritable(&shown, &error).into()),
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

fn read(path: Option<&Path>, name: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    // no identity file is longer; age has the same limit
    const LONGEST: u64 = 16 * 1024 * 1024;
    if let Some(path) = path {
        return match disk::read_named(path, LONGEST) {
            Ok(content) => Ok(Zeroizing::new(content)),
            Err(Refusal::Missing) => {
                Err(Diagnostic::error("missing-file", format!("{name} does not exist")).failing(Failure::Io))
            }
            Err(refusal) => Err(refuse(&refusal, FileKind::SecretFile, name.trim_matches('`'))),
        };
    }
    let mut content = Zeroizing::new(Vec::new());
    io::stdin().lock().take(LONGEST).read_to_end(&mut content).map_err(|error| {
        Diagnostic::error("unreadable", format!("{name} could not be read: {error}")).failing(Failure::Io)
    })?;
    Ok(content)
}

fn no_recipients(name: &str, outcome: &Outcome) -> Diagnostic {
    let error = Diagnostic::error("identity-file", format!("{name}: {outcome}"));
    match outcome {
        Outcome::Locked | Outcome::WrongPassphrase => error.failing(Failure::Key),
        Outcome::Found { recipients, unsupported } if !recipients.is_empty() || !unsupported.is_empty() => {
            error.note("only its plugin can tell the recipient of a plugin's identity")
        }
        _ => error.hint("an identity is a line like `AGE-SECRET-KEY-1…`; `septum keygen` makes one"),
    }
}
