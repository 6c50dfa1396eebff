//! Updating of files to their rules: recipients, selector, and a new data key where one is due.

use std::path::PathBuf;

use super::encrypt::{no_recipients, no_rule};
use super::file::{SecretFile, StagedWrite};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostics, Rule};
use crate::sops::{
    CreationRule, Drift, EncryptedFile, Identities, Recipients, SopsConfigCache, Timestamp, WriteError, policy,
};

/// Condition for a new data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Rotates the data key where a recipient who can decrypt the file is removed.
    WhereRemoved,
    /// In any case.
    Always,
}

/// A file beside its rule, not yet decrypted.
pub struct ComparedFile {
    /// Name of the file in messages.
    pub name: String,
    /// Differences between the file and its rule.
    pub drift: Drift,
    path: PathBuf,
    closed: EncryptedFile,
    rule: Option<CreationRule>,
}

/// A file that was updated to its rule.
pub struct RekeyOutcome {
    /// Name of the file in messages.
    pub name: String,
    /// Changes, one per line.
    pub changes: Vec<String>,
    /// Whether somebody could decrypt it who no longer can.
    pub removed: bool,
    /// Warnings about comments that do not decrypt.
    pub warnings: Diagnostics,
    /// The file, if there is a change to write.
    pub staged: Option<StagedWrite>,
}

impl ComparedFile {
    /// Reads a file and compares it with its rule. Needs no key.
    pub fn read(file: SecretFile, book: &SopsConfigCache) -> Result<Self, Diagnostics> {
        let format = file.format;
        let (path, name, closed) = file.into_encrypted()?;
        let rule = book.find_rule(&path)?;
        let drift = rule
            .as_ref()
            .filter(|rule| !rule.groups.is_empty())
            .map(|rule| policy::compare_policy(rule, closed.metadata(), format))
            .unwrap_or_default();
        Ok(Self { name, drift, path, closed, rule })
    }

    /// Reads a file that may be encrypted; none if it is not.
    pub fn read_if_encrypted(file: SecretFile, book: &SopsConfigCache) -> Result<Option<Self>, Diagnostics> {
        match Self::read(file, book) {
            Ok(compared) => Ok(Some(compared)),
            Err(found) if found.iter().any(|problem| problem.rule == Rule::NotEncrypted) => Ok(None),
            Err(found) => Err(found),
        }
    }

    /// Checks that the file has a rule.
    pub fn require_rule(self, book: &SopsConfigCache) -> Result<Self, Diagnostics> {
        match &self.rule {
            Some(rule) if rule.groups.is_empty() => Err(no_recipients(rule, &self.name, false)),
            Some(_) => Ok(self),
            None => Err(no_rule(book, &self.path, &self.name, false)),
        }
    }

    /// Applies the changes. The file is verified before its data key is wrapped anew.
    pub fn rekey_file(
        self,
        identities: &Identities,
        rotation: Rotation,
        now: Timestamp,
    ) -> Result<RekeyOutcome, Diagnostics> {
        let Self { name, drift, path, closed, rule } = self;
        let removed = drift.removes_recipients;
        let rotated = drift.requires_new_key() || rotation == Rotation::Always;
        if drift.is_none() && !rotated {
            let warnings = Diagnostics::new();
            return Ok(RekeyOutcome { name, changes: Vec::new(), removed, warnings, staged: None });
        }
        // a new data key changes every ciphertext
        let opened = closed.decrypt_to_text(identities, !rotated);
        let mut sealed = opened.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        if let Some(rule) = rule.filter(|rule| !rule.groups.is_empty()) {
            if drift.changes_recipients() {
                sealed.set_recipients(Recipients::of_rule(&rule));
            }
            if drift.selector.is_some() || drift.mac_scope.is_some() {
                let own = sealed.metadata().selector.clone();
                let selector = if drift.selector.is_some() { rule.effective_selector() } else { own };
                sealed.set_selection(selector, rule.mac_scope);
            }
        }
        let mut warnings = sealed.altered_comments();
        warnings.extend(sealed.metadata().unknown_fields());
        let failed = |error: WriteError| Diagnostics::from_iter(error.into_diagnostics());
        if rotated {
            sealed.rotate_key().map_err(failed)?;
        }
        let bytes = sealed.write_bytes(now).map_err(failed)?;
        let mut changes = policy::describe_drift(&drift);
        if rotated {
            changes.push("new data key".to_owned());
        }
        let staged = Some(StagedWrite { path, name: name.clone(), bytes, access: Access::Usual });
        Ok(RekeyOutcome { name, changes, removed, warnings, staged })
    }
}
