//! Variables as text: for files of Docker and dotenv, for shells, for programs, and for jobs of GitHub.

use std::fmt::Write as _;

use super::{SecretPatterns, SelectedEntry};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::format::{ConfigFormat, write_config};
use crate::secret::Wiping;
use crate::value::OutputValue;

/// Format of exported variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Lines for dotenv libraries.
    Dotenv,
    /// `export` commands for a POSIX shell.
    Shell,
    /// An object with every key, for programs.
    Json,
    /// Lines for the file `$GITHUB_ENV` of a job.
    GitHub,
    /// Lines for `docker run --env-file`, which knows no quotes.
    Docker,
}

impl ExportFormat {
    /// Whether keys must be names of variables.
    pub fn needs_names(self) -> bool {
        self != Self::Json
    }
}

/// Longest line that Docker reads from a file of variables (`bufio.MaxScanTokenSize`).
const DOCKER_LINE: usize = 64 << 10;

/// Writes variables. Errors: every value that the format cannot represent.
pub fn export_variables(format: ExportFormat, variables: &[&SelectedEntry]) -> Result<Wiping<String>, Diagnostics> {
    let length = variables.iter().map(|entry| entry.key.len() + 2 * entry.value.bytes().len() + 80).sum();
    // of known length, so that no outgrown buffer is left behind
    let mut out = Wiping::new(String::with_capacity(length));
    let mut problems = Diagnostics::new();
    if format == ExportFormat::Json {
        let pairs = variables.iter().map(|entry| (entry.key.as_str(), OutputValue::text(text_of(entry))));
        out.push_str(&Wiping::new(crate::format::json::pretty_json(&OutputValue::map(pairs))));
        return Ok(out);
    }
    for entry in variables {
        let written = match format {
            ExportFormat::Dotenv => push_dotenv(&mut out, entry),
            ExportFormat::Docker => push_docker(&mut out, entry),
            ExportFormat::GitHub => push_github(&mut out, entry),
            ExportFormat::Shell | ExportFormat::Json => {
                push_shell(&mut out, entry);
                Ok(())
            }
        };
        problems.extend(written.err());
    }
    if problems.is_empty() { Ok(out) } else { Err(problems) }
}

fn text_of(entry: &SelectedEntry) -> &str {
    entry.value.text().unwrap_or_default()
}

/// The usual writer of dotenv files, which names what no reader reads back.
fn push_dotenv(out: &mut String, entry: &SelectedEntry) -> Result<(), Diagnostic> {
    let value = OutputValue::map([(entry.key.as_str(), OutputValue::text(text_of(entry)))]);
    match write_config(ConfigFormat::Env, &value) {
        Ok(line) => {
            out.push_str(&Wiping::new(line));
            Ok(())
        }
        Err(error) => Err(Diagnostic::error(Rule::UnusableVariable, error.to_string())
            .at_masked(entry.place.clone())
            .hint("use `--format shell` or `--format json`, which represent every text")),
    }
}

/// Single quotes, in which a shell changes nothing.
fn push_shell(out: &mut String, entry: &SelectedEntry) {
    out.push_str("export ");
    out.push_str(&entry.key);
    out.push_str("='");
    for (index, part) in text_of(entry).split('\'').enumerate() {
        if index > 0 {
            out.push_str(r"'\''");
        }
        out.push_str(part);
    }
    out.push_str("'\n");
}

fn push_docker(out: &mut String, entry: &SelectedEntry) -> Result<(), Diagnostic> {
    let text = text_of(entry);
    let why = if text.contains(['\n', '\r']) {
        "contains a line break, which a file for `docker run --env-file` cannot represent"
    } else if entry.key.len() + text.len() + 1 >= DOCKER_LINE {
        "is longer than a line that Docker reads"
    } else {
        out.extend([&entry.key, "=", text, "\n"]);
        return Ok(());
    };
    Err(entry.unusable(why).hint(format!("leave it out with `--except {}`, and mount it as a file", entry.key)))
}

/// A here-document with a random delimiter, as GitHub documents it for texts of several lines: with a fixed one, a
/// value could end it and set other variables.
fn push_github(out: &mut String, entry: &SelectedEntry) -> Result<(), Diagnostic> {
    let (key, text) = (entry.key.as_str(), text_of(entry));
    if ["GITHUB_", "RUNNER_"].iter().any(|prefix| key.starts_with(prefix)) {
        return Err(entry
            .unusable("cannot be set in a job of GitHub, which reserves its prefix")
            .hint(format!("leave it out: `--except {key}`")));
    }
    if text.ends_with('\r') {
        // it would be a part of the line break that ends the value
        return Err(entry
            .unusable("ends with a carriage return, which the runner of GitHub removes")
            .hint("store it without the carriage return"));
    }
    let delimiter = loop {
        let candidate = format!("septum-{}", random_hex()?);
        if !text.contains(&candidate) {
            break candidate;
        }
    };
    out.extend([key, "<<", &delimiter, "\n", text, "\n", &delimiter, "\n"]);
    Ok(())
}

fn random_hex() -> Result<String, Diagnostic> {
    let mut bytes = [0; 16];
    getrandom::getrandom(&mut bytes).map_err(|_| Diagnostic::no_randomness())?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Commands that make the runner of GitHub hide secrets in the log of a job: one for each line of a secret, since the
/// log is masked by lines.
pub fn mask_commands(patterns: &SecretPatterns) -> Wiping<String> {
    let mut out = Wiping::new(String::new());
    for line in patterns.masked_lines() {
        let Ok(text) = std::str::from_utf8(line) else { continue };
        // the escapes of workflow commands (actions/toolkit, `escapeData`)
        let escaped = Wiping::new(text.replace('%', "%25").replace('\r', "%0D"));
        out.extend(["::add-mask::", &escaped, "\n"]);
    }
    out
}
