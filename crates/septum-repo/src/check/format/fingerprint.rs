//! Fingerprints by which findings are recognised in another run.

use sha2::{Digest as _, Sha256};

use super::super::Finding;
use crate::map::HashMap;

/// Fingerprint by which a finding is recognised when lines move: its rule and its subject.
pub(super) fn fingerprint(finding: &Finding) -> String {
    let (view, path) = (finding.view(), finding.path());
    let about = [view.app, view.environment, view.bundle, view.key];
    digest_parts([Some(view.rule), path.as_deref()].into_iter().chain(about).chain([Some(view.message)]))
}

fn digest_parts<'a>(parts: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.unwrap_or_default();
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize()).chars().take(32).collect()
}

/// Fingerprints of the findings of one report, each another one: equal findings are numbered in their order.
#[derive(Debug, Default)]
pub(super) struct DistinctFingerprints(HashMap<String, usize>);

impl DistinctFingerprints {
    /// The fingerprint of the next finding.
    pub(super) fn take(&mut self, finding: &Finding) -> String {
        self.number(fingerprint(finding))
    }

    /// The fingerprint of something else, by its parts.
    pub(super) fn take_parts(&mut self, parts: &[&str]) -> String {
        self.number(digest_parts(parts.iter().map(|part| Some(*part))))
    }

    fn number(&mut self, print: String) -> String {
        let count = self.0.entry(print.clone()).or_default();
        *count += 1;
        if *count == 1 { print } else { digest_parts([Some(print.as_str()), Some(&count.to_string())].into_iter()) }
    }
}
