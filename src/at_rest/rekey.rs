//! Files brought to what their rules say: recipients, selector, and a new data key where one is due.

use std::path::PathBuf;

use super::encrypt::{no_recipients, no_rule};
use super::file::{SecretFile, Staged};
use crate::atomic::Access;
use crate::diagnostic::Diagnostics;
use crate::sops::{Closed, Drift, Identities, Recipients, Rule, RuleBook, Timestamp, WriteError, policy};

/// When a file gets a new data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Where somebody who can decrypt it no longer shall.
    WhereRemoved,
    /// In any case.
    Always,
}

/// A file beside its rule, not yet decrypted.
pub struct Compared {
    /// How messages call the file.
    pub name: String,
    /// What differs.
    pub drift: Drift,
    path: PathBuf,
    closed: Closed,
    rule: Option<Rule>,
}

/// A file that was brought to what its rule says.
pub struct Rekeyed {
    /// How messages call the file.
    pub name: String,
    /// What changed, a line each.
    pub changes: Vec<String>,
    /// Whether it has a new data key.
    pub rotated: bool,
    /// Whether somebody could decrypt it who no longer can.
    pub removed: bool,
    /// Warnings about comments that do not decrypt.
    pub warnings: Diagnostics,
    /// The file, if there is anything to write.
    pub staged: Option<Staged>,
}

impl Compared {
    /// Reads a file and compares it with its rule. Needs no key.
    pub fn read(file: SecretFile, book: &RuleBook) -> Result<Self, Diagnostics> {
        let format = file.format;
        let (path, name, closed) = file.closed()?;
        let rule = book.rule(&path)?;
        let drift = rule
            .as_ref()
            .filter(|rule| !rule.groups.is_empty())
            .map(|rule| policy::difference(rule, closed.metadata(), format))
            .unwrap_or_default();
        Ok(Self { name, drift, path, closed, rule })
    }

    /// The same of a file that only looks encrypted; none if it is not.
    pub fn read_if_encrypted(file: SecretFile, book: &RuleBook) -> Result<Option<Self>, Diagnostics> {
        match Self::read(file, book) {
            Ok(compared) => Ok(Some(compared)),
            Err(found) if found.iter().any(|problem| problem.rule == "not-encrypted") => Ok(None),
            Err(found) => Err(found),
        }
    }

    /// That there is a rule to be followed.
    pub fn ruled(self, book: &RuleBook) -> Result<Self, Diagnostics> {
        match &self.rule {
            Some(rule) if rule.groups.is_empty() => Err(no_recipients(rule, &self.name, false)),
            Some(_) => Ok(self),
            None => Err(no_rule(book, &self.path, &self.name, false)),
        }
    }

    /// Does what is due. The file is verified before anything of it is wrapped anew.
    pub fn rekey(self, identities: &Identities, rotation: Rotation, now: Timestamp) -> Result<Rekeyed, Diagnostics> {
        let Self { name, drift, path, closed, rule } = self;
        let removed = drift.removes();
        let rotated = removed || rotation == Rotation::Always;
        if drift.is_none() && !rotated {
            return Ok(Rekeyed {
                name,
                changes: Vec::new(),
                rotated,
                removed,
                warnings: Diagnostics::new(),
                staged: None,
            });
        }
        // a new data key leaves no ciphertext as it was
        let opened = if rotated { closed.open_to_read(identities) } else { closed.open(identities) };
        let mut sealed = opened.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        if let Some(rule) = rule.filter(|rule| !rule.groups.is_empty()) {
            if drift.changes_recipients() {
                sealed.set_recipients(Recipients::of_rule(&rule));
            }
            if drift.selector.is_some() || drift.mac_scope.is_some() {
                sealed.set_selection(rule.effective_selector(), rule.mac_scope);
            }
        }
        let mut warnings = sealed.altered_comments();
        warnings.extend(sealed.metadata().unknown_fields());
        let failed = |error: WriteError| Diagnostics::from_iter(error.into_diagnostics());
        if rotated {
            sealed.rotate().map_err(failed)?;
        }
        let bytes = sealed.write(now).map_err(failed)?;
        let mut changes = policy::lines(&drift);
        if rotated {
            changes.push("new data key".to_owned());
        }
        let staged = Some(Staged { path, name: name.clone(), bytes, access: Access::Usual });
        Ok(Rekeyed { name, changes, rotated, removed, warnings, staged })
    }
}
