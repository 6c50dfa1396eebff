//! The versions of one file in their order, and what a recipient could decrypt of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::ExposureState;
use super::version::EncryptedVersion;
use crate::map::HashMap;
use crate::sort::{CollectSorted, sort_by_key};

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
    /// The contents in the parents of the commit that have others.
    former: Vec<Rc<EncryptedVersion>>,
}

impl FileTimeline {
    /// Adds a version, with that of a parent: a merge has one for each parent. Of those before the time that is asked
    /// about, only the last one is kept.
    pub(super) fn push(
        &mut self,
        commit: usize,
        content: Option<Rc<EncryptedVersion>>,
        former: Option<Rc<EncryptedVersion>>,
        is_before: bool,
    ) {
        if let Some(last) = self.versions.last_mut().filter(|last| last.commit == Some(commit)) {
            last.former.extend(former);
            return;
        }
        if is_before {
            self.versions.retain(|step| !step.is_before);
        }
        let former = former.into_iter().collect();
        self.versions.push(TimelineStep { commit: Some(commit), is_before, content, former });
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
        self.versions.push(TimelineStep { commit: None, is_before: false, content, former: Vec::new() });
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
    let contents = || versions.iter().filter_map(|step| step.content.as_deref());
    let readable = contents().filter(|content| content.is_for(recipient));
    let readable: BTreeSet<&String> = readable.filter_map(|content| content.values.get(path)).collect_set();
    if readable.contains(current) {
        return ExposureState::Unchanged;
    }
    let changes = ValueChanges { path, readable };
    if changes.of_versions(versions).get(current) == Some(&true) {
        ExposureState::Changed
    } else {
        ExposureState::ChangedOrReencrypted
    }
}

/// Changes of a value since a recipient could decrypt it.
struct ValueChanges<'v> {
    path: &'v str,
    /// Its ciphertexts that the recipient could decrypt.
    readable: BTreeSet<&'v String>,
}

impl<'v> ValueChanges<'v> {
    /// Whether each ciphertext is of a value that was changed since: a value with two ciphertexts under one data key
    /// was changed, since unchanged values keep theirs, and a new data key changes no value. Versions are followed by
    /// their parents: a merge may take the side on which the value was only encrypted again.
    fn of_versions(&self, versions: &'v [TimelineStep]) -> HashMap<&'v String, bool> {
        let mut known: HashMap<&String, bool> = self.readable.iter().map(|text| (*text, false)).collect();
        let mut before: Option<&TimelineStep> = None;
        for step in versions {
            let found = step.content.as_deref().and_then(|content| Some((content, content.values.get(self.path)?)));
            let Some((content, ciphertext)) = found else { continue };
            // a ciphertext is never made twice
            if !known.contains_key(ciphertext) {
                let former: Vec<&EncryptedVersion> = step.former.iter().map(Rc::as_ref).collect();
                let of_parents = self.is_changed_from(&former, content, &known);
                let of_last = || {
                    let last = before.and_then(|before| before.content.as_deref());
                    self.is_changed_from(last.as_slice(), content, &known)
                };
                let is_changed = of_parents.or_else(of_last).unwrap_or_default();
                known.insert(ciphertext, is_changed);
            }
            before = Some(step);
        }
        known
    }

    /// Whether the value of a version was changed, by those before it that have the value; none if none of them has.
    fn is_changed_from(
        &self,
        former: &[&EncryptedVersion],
        content: &EncryptedVersion,
        known: &HashMap<&String, bool>,
    ) -> Option<bool> {
        let values = former.iter().filter_map(|version| Some((version, version.values.get(self.path)?)));
        let changes = values.map(|(version, ciphertext)| {
            content.has_data_key_of(version) || known.get(ciphertext).copied().unwrap_or_default()
        });
        changes.reduce(|one, other| one && other)
    }
}
