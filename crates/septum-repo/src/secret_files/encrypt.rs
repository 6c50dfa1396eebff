//! Encryption of plaintext files.

use std::path::Path;

use super::file::{SecretFile, StagedWrite, conflict_in};
use super::redaction_mark::refuse_marked_text;
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::disk::Disk;
use crate::route::detect::is_literal_credential;
use crate::sops::{
    self, CreationRule, EncryptedFile, EncryptedOutput, EncryptionPlan, ExposedValue, Identities, LossyValue,
    Recipient, Recipients, SopsConfig, SopsConfigCache, SopsFormat, Timestamp, ValuePath, policy,
};
use crate::sort::sort_by;

/// Recipients that a user chooses for files for which no rule names recipients.
#[derive(Debug, Default)]
pub struct RecipientOptions {
    /// Recipients named for this run.
    pub named: Vec<Recipient>,
    /// Recipients named for all runs, in the environment.
    pub usual: Vec<Recipient>,
    /// Whether recipients can be named for this run, with `--age`.
    pub has_option: bool,
}

/// Plans the encryption of a file, which need not exist. A rule that names recipients takes precedence:
/// a file that differs from its rule could not be changed any more.
pub fn plan_encryption(
    book: &SopsConfigCache,
    path: &Path,
    name: &str,
    wish: &RecipientOptions,
) -> Result<EncryptionPlan, Diagnostics> {
    let rule = book.find_rule(path)?;
    let wanted = if wish.named.is_empty() { &wish.usual } else { &wish.named };
    let wanted = (!wanted.is_empty()).then(|| Recipients::from_age(wanted.clone()));
    match (rule, wanted) {
        (Some(rule), wanted) if !rule.groups.is_empty() => {
            let plan = EncryptionPlan::of_rule(&rule);
            match wanted.filter(|wanted| !wish.named.is_empty() && !is_same_recipients(wanted, &plan.recipients)) {
                Some(_) => Err(conflicting_recipients(name, &rule)),
                None => Ok(plan),
            }
        }
        (Some(rule), Some(recipients)) => Ok(EncryptionPlan { recipients, ..EncryptionPlan::of_rule(&rule) }),
        (None, Some(recipients)) => Ok(EncryptionPlan::new(recipients)),
        (Some(rule), None) => Err(no_recipients(&rule, name, wish.has_option)),
        (None, None) => Err(no_rule(book, path, name, wish.has_option)),
    }
}

/// Whether two lists have the same recipients, in any order.
fn is_same_recipients(one: &Recipients, other: &Recipients) -> bool {
    let all = |recipients: &Recipients| {
        let mut all: Vec<_> =
            recipients.groups.iter().map(|group| (group.age.clone(), group.foreign.clone())).collect();
        for (age, _) in &mut all {
            sort_by(age, |a, b| a.as_str().cmp(b.as_str()));
        }
        all
    };
    all(one) == all(other)
}

fn conflicting_recipients(name: &str, rule: &CreationRule) -> Diagnostics {
    Diagnostic::error(Rule::RecipientsDrift, format!("the recipients of `--age` for `{name}` differ from its rule"))
        .at(rule.place.clone())
        .note("the file would differ from its rule, and later changes would be refused")
        .hint("change the rule, or remove `--age`")
        .into()
}

/// Hint about getting a recipient.
const RECIPIENT: &str = "`septum keygen` generates an identity and prints its recipient, `age1…`";

/// Error for a file whose rule names no recipients.
pub fn no_recipients(rule: &CreationRule, name: &str, has_option: bool) -> Diagnostics {
    let option = if has_option { ", or use `--age age1…`" } else { "" };
    Diagnostic::error(Rule::NoRule, format!("the rule for `{name}` has no recipients"))
        .at(rule.place.clone())
        .hint(format!("add `age: age1…` to the rule{option}"))
        .hint(RECIPIENT)
        .into()
}

/// Diagnostics for a file whose recipients are not specified anywhere.
pub fn no_rule(book: &SopsConfigCache, path: &Path, name: &str, has_option: bool) -> Diagnostics {
    let error = Diagnostic::error(Rule::NoRule, format!("no rule specifies the recipients of `{name}`"));
    let error = match SopsConfig::find_nearest(path) {
        Ok(Some(config)) => {
            error.note(format!("no `path_regex` in `{}` matches it", SopsConfig::display_path(&config)))
        }
        _ => error.note("no `.sops.yaml` was found in the file's directory or its parents"),
    };
    let option = if has_option { ", or use `--age age1…`" } else { "" };
    // a text that is not the name of a file may be anything, a value too
    let file = path.file_name().filter(|_| Disk::default().has(path));
    let pattern = file.map_or_else(|| r"\.secrets\.".to_owned(), |file| regex_escape(&file.to_string_lossy()) + "$");
    let rule = match SopsConfig::find_nearest(path) {
        Ok(Some(config)) => format!(
            "add an item to `creation_rules` in `{}`{option}: `- {{ path_regex: '{pattern}', age: age1… }}`",
            SopsConfig::display_path(&config)
        ),
        _ => format!("add a rule to `.sops.yaml`{option}: `creation_rules: [{{path_regex: '{pattern}', age: age1…}}]`"),
    };
    let error = error.hint(rule).hint(RECIPIENT);
    // a rule that is not valid may be the one that is missing
    [error].into_iter().chain(book.warnings()).collect()
}

/// Outcome of encrypting a file.
#[derive(Debug, Default)]
pub struct EncryptionOutcome {
    /// The number of encrypted values.
    pub values: usize,
    /// The number of encrypted comments.
    pub comments: usize,
    /// Warnings about settings that may not be intended.
    pub warnings: Diagnostics,
}

/// Encrypts values that a user entered in plaintext into an encrypted file. None for a file without such values.
///
/// Every other value must decrypt. The checksum cannot be compared, since it covers the values that were overwritten.
pub fn encrypt_typed(
    file: &SecretFile,
    book: &SopsConfigCache,
    identities: &Identities,
    now: Timestamp,
) -> Result<Option<(StagedWrite, EncryptionOutcome)>, Diagnostics> {
    let SecretFile { path, name, format, bytes } = file;
    if !file.looks_encrypted() {
        return Ok(None);
    }
    // a file that cannot be read is refused when the whole file is encrypted
    let Ok(Some(closed)) = EncryptedFile::read(name, bytes.clone(), *format) else { return Ok(None) };
    if !closed.is_incomplete() {
        return Ok(None);
    }
    policy::check_changeable(name, book.find_rule(path)?.as_ref(), closed.metadata(), *format)?;
    refuse_marked_text(name, bytes, b"")?;
    let sealed = closed.decrypt_incomplete(identities);
    let sealed = sealed.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
    let typed = sealed.typed_paths().to_vec();
    if sealed.has_broken_ciphertext() {
        return Err(sops::ciphertext_as_value(&format!("`{name}` has a fragment of ciphertext as a value, and")).into());
    }
    let mut warnings = sealed.altered_comments();
    warnings.push(unverified_warning(name, &typed));
    let bytes = sealed.write_bytes(now).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
    let staged = StagedWrite { path: path.clone(), name: name.clone(), bytes, access: Access::Usual };
    Ok(Some((staged, EncryptionOutcome { values: typed.len(), comments: 0, warnings })))
}

/// Warning that the rest of a file was not verified.
fn unverified_warning(name: &str, typed: &[ValuePath]) -> Diagnostic {
    let message = format!("the MAC of `{name}` could not be verified, because values were replaced with plaintext");
    let found = Diagnostic::warning(Rule::UnverifiedFile, message);
    let found =
        typed.iter().fold(found, |found, path| found.note(format!("`{path}` was in plaintext, and is now encrypted")));
    found
        .note("all other encrypted values decrypt, but values may have been removed, or unencrypted ones changed")
        .hint(format!(
            "review `git diff -- {}` before you commit; rotate the values if they were already committed",
            shell_word(name)
        ))
}

/// A text as a regular expression that matches it alone.
fn regex_escape(text: &str) -> String {
    regex::escape(text).replace("\\-", "-")
}

/// Encrypts a file by a plan; returns warnings too.
pub fn encrypt_secret_file(
    file: SecretFile,
    plan: &EncryptionPlan,
    now: Timestamp,
) -> Result<(StagedWrite, EncryptionOutcome), Diagnostics> {
    let SecretFile { path, name, format, bytes } = file;
    let (bytes, told) = encrypt_content(&name, bytes, format, plan, now)?;
    Ok((StagedWrite { path, name, bytes, access: Access::Usual }, told))
}

/// Encrypts the content of a file; returns warnings too.
pub fn encrypt_content(
    name: &str,
    bytes: Vec<u8>,
    format: SopsFormat,
    plan: &EncryptionPlan,
    now: Timestamp,
) -> Result<(Vec<u8>, EncryptionOutcome), Diagnostics> {
    if let Some(conflict) = conflict_in(name, &bytes) {
        return Err(conflict.into());
    }
    refuse_marked_text(name, &bytes, b"")?;
    let ciphertext = sops::refuse_ciphertext(name, &bytes);
    // an encrypted file contains ciphertext too, and its error is more specific
    let written = sops::encrypt_judged(name, bytes, format, plan, &is_literal_credential, now);
    let written = written.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
    ciphertext?;
    let EncryptedOutput { bytes, values, comments, reworded, exposed, new_line_ends } = written;
    let mut warnings: Diagnostics = reworded.into_iter().map(LossyValue::into_diagnostic).collect();
    warnings.extend(exposed.into_iter().map(|exposed| left_in_plaintext(exposed, plan)));
    warnings.extend((values == 0).then(|| nothing_encrypted(name)));
    warnings.extend(new_line_ends.then(|| line_ends(name)));
    Ok((bytes, EncryptionOutcome { values, comments, warnings }))
}

/// Warning about a value that stays readable and looks like a secret.
fn left_in_plaintext(exposed: ExposedValue, plan: &EncryptionPlan) -> Diagnostic {
    let ExposedValue { path, place } = exposed;
    let message = format!("`{path}` looks like a secret, but `{}` leaves it in plaintext", plan.selector);
    Diagnostic::warning(Rule::PlainSecret, message)
        .at_masked(place)
        .hint("change the selector in `.sops.yaml`, then run `septum rekey`; if it is not a secret, ignore this")
}

/// Warning about a file whose values are all empty.
fn nothing_encrypted(name: &str) -> Diagnostic {
    let word = shell_word(name);
    Diagnostic::warning(Rule::NothingEncrypted, format!("all values of `{name}` are empty, so nothing was encrypted"))
        .note("the format does not encrypt empty values and nulls")
        .hint(format!("values added with `septum set {word} KEY` or `septum edit {word}` are encrypted"))
}

/// Warning about a file with CRLF that has LF now.
fn line_ends(name: &str) -> Diagnostic {
    Diagnostic::warning(Rule::LineEnds, format!("the line endings of `{name}` were changed from CRLF to LF"))
        .note("to sops, the CR would be part of every value")
}
