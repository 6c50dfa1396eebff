//! Common parts of the commands on encrypted files.

use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use zeroize::Zeroizing;

use super::output::invalid_usage;
use super::{GlobalArgs, argument, prompt};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::disk::real_named;
use septum::secret::read_to_end;
use septum::secret_files::SecretFile;
use septum::sops::{SopsFormat, Timestamp};
use septum::test_hook;

/// A format by its name.
pub(super) fn format() -> impl clap::builder::TypedValueParser<Value = SopsFormat> {
    PossibleValuesParser::new(["yaml", "json", "dotenv", "ini", "binary"])
        .map(|name| SopsFormat::of_name(&name).unwrap_or(SopsFormat::Binary))
}

/// The current time, to the second.
pub(super) fn current_time() -> Timestamp {
    Timestamp::from_system_time(test_hook::current_time())
}

/// Standard input as a file: `name` determines its format and its rule.
pub(super) fn standard_input(
    global: &GlobalArgs,
    name: Option<&Path>,
    format: Option<SopsFormat>,
) -> Result<SecretFile, Diagnostics> {
    let Some(format) = format.or_else(|| name.map(SopsFormat::of_path)) else {
        return Err(invalid_usage("the format of standard input is unknown".to_owned())
            .hint("specify `--filename NAME` to treat it as a file of that name, or `--input-type FORMAT`")
            .into());
    };
    let bytes = std::mem::take(&mut *read_all()?);
    let (path, name) = match name {
        Some(name) if argument::is_shown(&global.directory, name) => {
            (global.directory.join(name), name.display().to_string())
        }
        Some(name) => (global.directory.join(name), "standard input".to_owned()),
        None => (global.directory.join("-"), "standard input".to_owned()),
    };
    Ok(SecretFile { path, name, format, bytes })
}

/// A value from standard input, or from a hidden prompt.
///
/// The line break that ends a single line is not part of it: that is how `echo` and users pass one. A text of several
/// lines, such as a key in PEM, is used as it is.
pub(super) fn read_value(of: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostics> {
    use io::IsTerminal as _;
    if io::stdin().is_terminal() {
        let typed = prompt::prompt_hidden(&format!("Value of {of}: "))
            .ok_or_else(|| invalid_usage("cannot prompt for the value".to_owned()).hint("pass it on standard input"))?;
        return Ok(Zeroizing::new(typed.as_bytes().to_vec()));
    }
    let mut bytes = read_all()?;
    let line = bytes.strip_suffix(b"\n").filter(|line| !line.contains(&b'\n'));
    let length = line.map_or(bytes.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len());
    bytes.truncate(length);
    Ok(bytes)
}

pub(super) fn read_all() -> Result<Zeroizing<Vec<u8>>, Diagnostics> {
    read_to_end(io::stdin().lock()).map_err(|error| {
        let message = format!("standard input could not be read: {error}");
        Diagnostics::from(Diagnostic::error(Rule::Unreadable, message))
    })
}

/// Each file once, in the order in which they are named: two writes of one file would race.
pub(super) fn each_once(global: &GlobalArgs, files: &[PathBuf]) -> Vec<PathBuf> {
    let mut once: Vec<PathBuf> = Vec::with_capacity(files.len());
    let mut seen = septum::map::HashSet::default();
    for file in files {
        if seen.insert(real_named(&global.directory.join(file))) {
            once.push(file.clone());
        }
    }
    once
}

/// Files as they are counted: `1 file`, `3 files`.
pub(super) fn count_files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
