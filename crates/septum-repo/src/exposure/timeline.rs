//! The versions of one file in their order, and what a recipient could decrypt of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::ExposureState;
use super::version::EncryptedVersion;
use crate::sort::sort_by_key;

/// Versions of a file, oldest first; the last one is the file as it is.
#[derive(Debug, Default)]
pub(super) struct FileTimeline {
    versions: Vec<TimelineStep>,
    /// Values that are in plaintext in the file as it is.
    plaintext: BTreeSet<String>,
}

#[derive(Debug)]
struct TimelineStep {
    /// Index of the commit; none for the file as it is.
    commit: Option<usize>,
    /// Whether it is of the time before the one that is asked about.
    is_before: bool,
    /// The content; none if the file does not exist, or is not encrypted.
    content: Option<Rc<EncryptedVersion>>,
}

impl FileTimeline {
    /// Adds a version. Of those before the time that is asked about, only the last one is kept.
    pub(super) fn push(&mut self, commit: usize, content: Option<Rc<EncryptedVersion>>, is_before: bool) {
        if is_before {
            self.versions.retain(|step| !step.is_before);
        }
        self.versions.push(TimelineStep { commit: Some(commit), is_before, content });
    }

    /// The last version; none if the file does not exist any more, or is not encrypted.
    pub(super) fn last(&self) -> Option<&Rc<EncryptedVersion>> {
        self.versions.last().and_then(|step| step.content.as_ref())
    }

    /// Whether it has no version yet.
    pub(super) fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// Adds the versions of the file under its former name.
    pub(super) fn continue_from(&mut self, former: Self) {
        self.versions.extend(former.versions.into_iter().filter(|step| step.content.is_some()));
        // none is the file as it is yet
        sort_by_key(&mut self.versions, |step| step.commit);
    }

    /// Adds the file as it is, with its values in plaintext.
    pub(super) fn finish(&mut self, content: Option<Rc<EncryptedVersion>>, plaintext: BTreeSet<String>) {
        self.plaintext = plaintext;
        self.versions.push(TimelineStep { commit: None, is_before: false, content });
    }

    /// The values that a recipient could decrypt, each with the first commit and its state now.
    pub(super) fn exposed_values(&self, recipient: &str) -> Vec<(String, Option<usize>, ExposureState)> {
        let mut exposed: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, step) in self.versions.iter().enumerate() {
            let content = step.content.as_ref().filter(|content| content.is_for(recipient));
            for path in content.iter().flat_map(|content| content.values.keys()) {
                exposed.entry(path).or_insert(index);
            }
        }
        let first = |index: usize| self.versions.get(index).and_then(|step| step.commit);
        exposed
            .into_iter()
            .map(|(path, index)| (path.to_owned(), first(index), self.state_of(path, recipient)))
            .collect()
    }
}

impl FileTimeline {
    /// State of a value that a recipient could decrypt in some version.
    fn state_of(&self, path: &str, recipient: &str) -> ExposureState {
        match state_of(&self.versions, path, recipient) {
            ExposureState::Removed if self.plaintext.contains(path) => ExposureState::Plaintext,
            state => state,
        }
    }
}

/// State of a value by the encrypted versions.
fn state_of(versions: &[TimelineStep], path: &str, recipient: &str) -> ExposureState {
    let now = versions.last().and_then(|step| step.content.as_ref());
    let Some((now, current)) = now.and_then(|now| Some((now, now.values.get(path)?))) else {
        return ExposureState::Removed;
    };
    if now.is_for(recipient) {
        return ExposureState::Current;
    }
    let could = |step: &TimelineStep| {
        let content = step.content.as_ref().filter(|content| content.is_for(recipient));
        content.is_some_and(|content| content.values.contains_key(path))
    };
    let had = |step: &TimelineStep| {
        could(step) && step.content.as_ref().is_some_and(|it| it.values.get(path) == Some(current))
    };
    if versions.iter().any(had) {
        return ExposureState::Unchanged;
    }
    let last = versions.iter().rposition(could).unwrap_or_default();
    let after = versions.get(last..).unwrap_or_default().iter().filter_map(|step| step.content.as_deref());
    if is_changed_in(after, path) { ExposureState::Changed } else { ExposureState::ChangedOrReencrypted }
}

/// Whether a value has two ciphertexts under one data key: then it was changed, since unchanged values keep theirs.
fn is_changed_in<'v>(versions: impl Iterator<Item = &'v EncryptedVersion>, path: &str) -> bool {
    let mut before: Option<&EncryptedVersion> = None;
    let mut known: Option<&String> = None;
    for version in versions {
        if before.is_some_and(|before| !version.has_data_key_of(before)) {
            known = None;
        }
        let found = version.values.get(path);
        match (known, found) {
            (Some(known), Some(found)) if known != found => return true,
            (_, Some(found)) => known = Some(found),
            (_, None) => {}
        }
        before = Some(version);
    }
    false
}
