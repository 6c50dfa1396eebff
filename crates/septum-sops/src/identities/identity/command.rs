//! Identities that a command prints.

use std::ffi::OsStr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::content::{self, IdentityContent, IdentityForm};
use super::{LoadedIdentity, LookupOutcome, SharedPassphrases};
use crate::recipients::recipient::{self, Recipient};
use septum_base::program;

/// `SOPS_AGE_KEY_CMD`. sops runs it for every entry of every file; here it is run once for each recipient, and not
/// again if its output does not depend on the recipient.
pub(super) struct KeyCommand {
    command: Option<String>,
    runs: Mutex<Vec<KeyCommandRun>>,
}

struct KeyCommandRun {
    recipient: String,
    known: Vec<Arc<LoadedIdentity>>,
    outcome: LookupOutcome,
}

impl KeyCommand {
    pub(super) fn new(command: Option<String>) -> Self {
        Self { command, runs: Mutex::default() }
    }

    /// Runs the command and returns the identities that it prints for a recipient.
    ///
    /// The recipient comes from the file, which another person may have written: the command, which may be a line of
    /// shell, gets only text in the form of a recipient, in its shortest spelling.
    pub(super) fn run_command(
        &self,
        recipient: &str,
        passphrases: Option<&SharedPassphrases>,
    ) -> Vec<Arc<LoadedIdentity>> {
        let Some(command) = &self.command else { return Vec::new() };
        let Some(recipient) = validate_recipient(recipient) else { return Vec::new() };
        let recipient = recipient.as_str();
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = runs.iter().find(|run| run.recipient == recipient) {
            return run.known.clone();
        }
        if let [first, second, ..] = runs.as_slice()
            && !first.known.is_empty()
            && first.outcome == second.outcome
        {
            return first.known.clone();
        }
        let IdentityContent { known, outcome } = match read_output(command, Some(recipient)) {
            Ok(content) if content::is_encrypted(&content) => {
                match passphrases.and_then(|ask| ask.ask_passphrase(super::COMMAND)) {
                    Some(passphrase) => IdentityContent::unlock_content(&content, &passphrase, passphrases),
                    None => LookupOutcome::Locked.into(),
                }
            }
            Ok(content) => IdentityContent::read(IdentityForm::Lines, &content, passphrases),
            Err(outcome) => outcome.into(),
        };
        runs.push(KeyCommandRun { recipient: recipient.to_owned(), known: known.clone(), outcome });
        known
    }

    /// Outcome of the runs: the first failure, or all identities that were found.
    pub(super) fn outcome(&self) -> LookupOutcome {
        if self.command.is_none() {
            return LookupOutcome::NotSet;
        }
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = runs.iter().map(|run| &run.outcome);
        let Some(first) = all.next().cloned() else { return LookupOutcome::NotRun };
        all.fold(first, |sum, next| match (sum, next) {
            (
                LookupOutcome::Found { mut recipients, mut unsupported },
                LookupOutcome::Found { recipients: more, unsupported: more_unsupported },
            ) => {
                add_missing(&mut recipients, more);
                add_missing(&mut unsupported, more_unsupported);
                LookupOutcome::Found { recipients, unsupported }
            }
            (LookupOutcome::Found { .. }, failure) => failure.clone(),
            (failure, _) => failure,
        })
    }
}

/// A recipient without extra text: an SSH key has a comment, which is any text.
fn validate_recipient(recipient: &str) -> Option<String> {
    let known = Recipient::parse(recipient).ok().filter(|recipient| recipient.unusable().is_none())?;
    let text = recipient::canonical_recipient(known.as_str());
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._/= ".contains(&byte);
    text.bytes().all(legal).then_some(text)
}

fn add_missing(all: &mut Vec<String>, more: &[String]) {
    for text in more {
        if !all.contains(text) {
            all.push(text.clone());
        }
    }
}

/// Runs a command without a shell and returns its output. Its messages go to the terminal.
pub(super) fn read_output(command: &str, recipient: Option<&str>) -> Result<Zeroizing<Vec<u8>>, LookupOutcome> {
    let words = shlex::split(command).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else { return Err(LookupOutcome::NotACommand) };
    let not_started = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => LookupOutcome::NoProgram,
        kind => LookupOutcome::Unreadable(kind),
    };
    let mut command = program::program_command(OsStr::new(program)).map_err(not_started)?;
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    if let Some(recipient) = recipient {
        command.env("SOPS_AGE_RECIPIENT", recipient);
    }
    let output = command.output().map_err(not_started)?;
    let content = Zeroizing::new(output.stdout);
    if output.status.success() { Ok(content) } else { Err(LookupOutcome::Failed(output.status.code())) }
}
