//! Comparison of a file with the rule of `.sops.yaml` that applies to it.
//!
//! A file's encryption metadata are not authenticated (format, section 8): anyone who can write the file can narrow
//! the selector, and the next value that a user sets is written in plaintext. So a file that differs from its rule is
//! reported when it is read, and refused when it is to be changed.

use std::path::Path;

use crate::config::drift::{Drift, compute_drift};
use crate::config::rules::{CreationRule, SopsConfigCache};
use crate::crypto::mac::MacScope;
use crate::metadata::block::SopsMetadata;
use crate::metadata::selector_origin::SelectorOrigin;
use crate::recipients::recipient::shorten_recipient as short_recipient;
use crate::store::SopsFormat;
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule, Severity, shell_word};

/// Compares a file with a rule. The selector of a binary file does not count: it is one value. A manifest keeps its own
/// selector where the rule has none: without it, nothing that deploys the file could read its kind and its name.
pub fn compare_policy(rule: &CreationRule, metadata: &SopsMetadata, format: SopsFormat) -> Drift {
    let mut found = compute_drift(rule, metadata);
    let is_own = rule.selector.is_none() && metadata.selector_origin == SelectorOrigin::Manifest;
    if format == SopsFormat::Binary || is_own {
        found.selector = None;
    }
    found
}

/// Warnings about a file that is only read, with a key or without: it differs from its rule, has unknown fields, or
/// its rule cannot be read.
pub fn report_drift(
    book: &SopsConfigCache,
    path: &Path,
    name: &str,
    metadata: &SopsMetadata,
    format: SopsFormat,
) -> Diagnostics {
    let of_rule = match book.find_rule(path) {
        Ok(rule) => drift_diagnostic(name, rule.as_ref(), metadata, format, Severity::Warning),
        Err(found) => found.into_iter().next().map(|problem| Diagnostic { severity: Severity::Warning, ..problem }),
    };
    of_rule.into_iter().chain(metadata.unknown_fields()).collect()
}

/// Checks that a file may be changed: it matches its rule, or no rule applies.
pub fn check_changeable(
    name: &str,
    rule: Option<&CreationRule>,
    metadata: &SopsMetadata,
    format: SopsFormat,
) -> Result<(), Diagnostics> {
    match drift_diagnostic(name, rule, metadata, format, Severity::Error) {
        Some(found) => Err(found.into()),
        None => Ok(()),
    }
}

fn drift_diagnostic(
    name: &str,
    rule: Option<&CreationRule>,
    metadata: &SopsMetadata,
    format: SopsFormat,
    severity: Severity,
) -> Option<Diagnostic> {
    let rule = rule?;
    let drift = compare_policy(rule, metadata, format);
    if drift.is_none() {
        return None;
    }
    let recipients = drift.changes_recipients();
    let kind = if recipients { Rule::RecipientsDrift } else { Rule::SelectorDrift };
    let what = if recipients {
        "is not encrypted for the recipients of its rule"
    } else {
        "does not encrypt the values that its rule selects"
    };
    let message = format!("`{name}` {what}");
    let found = match severity {
        Severity::Error => Diagnostic::error(kind, message),
        Severity::Warning => Diagnostic::warning(kind, message),
    };
    let found = describe_drift(&drift).into_iter().fold(found, Diagnostic::note);
    let found = found.at(metadata.place.clone()).at_with(rule.place.clone(), "the rule");
    Some(
        found.hint(format!(
            "review the change of the rule first; then run `septum rekey` to update all files, or `septum rekey {}` for this one",
            shell_word(name)
        )),
    )
}

/// A difference in lines: `+` for additions and `-` for removals.
pub fn describe_drift(drift: &Drift) -> Vec<String> {
    let mut lines = Vec::new();
    for group in &drift.groups {
        // one group alone needs no number
        let of = if drift.groups.len() > 1 || group.group > 0 {
            format!("group {}: ", group.group + 1)
        } else {
            String::new()
        };
        lines.extend(group.added.iter().map(|recipient| format!("+ {of}{}", short_recipient(recipient))));
        lines.extend(group.removed.iter().map(|recipient| format!("- {of}{}", short_recipient(recipient))));
    }
    if let Some((is, wanted)) = drift.threshold {
        lines.push(format!("groups required: {is} → {wanted}"));
    }
    if let Some((is, wanted)) = &drift.selector {
        lines.push(format!("selector: {is} → {wanted}"));
    }
    if let Some((is, wanted)) = drift.mac_scope {
        lines.push(format!("MAC scope: {} → {}", scope_name(is), scope_name(wanted)));
    }
    lines
}

fn scope_name(scope: MacScope) -> &'static str {
    match scope {
        MacScope::All => "all values",
        MacScope::Encrypted => "encrypted values",
    }
}
