//! Encryption settings of a file, compared with the rule that applies to it.

use crate::config::rules::{CreationRule, RecipientGroup};
use crate::crypto::mac::MacScope;
use crate::document::selector::Selector;
use crate::metadata::block::SopsMetadata;
use crate::recipients::group::KeyGroup;
use crate::recipients::recipient;

/// Differences between a file and its rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// The groups in which recipients differ.
    pub groups: Vec<GroupDrift>,
    /// Number of required groups: in the file and by the rule.
    pub threshold: Option<(usize, usize)>,
    /// Selector of encrypted values: in the file and by the rule.
    pub selector: Option<(String, String)>,
    /// Values covered by the checksum: in the file and by the rule.
    pub mac_scope: Option<(MacScope, MacScope)>,
    /// Whether the rule omits a recipient of the file from all groups.
    pub removes_recipients: bool,
}

/// Recipients that a group of the rule has and that of the file does not, or vice versa.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupDrift {
    /// Group index, from 0.
    pub group: usize,
    /// Recipients that the rule names and the file omits.
    pub added: Vec<String>,
    /// Recipients that the rule omits and that can decrypt the file.
    pub removed: Vec<String>,
}

impl Drift {
    /// Whether the file matches its rule.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the file can be decrypted by a recipient whom the rule omits, or with fewer groups than the rule
    /// requires.
    pub fn requires_new_key(&self) -> bool {
        let fewer = self.threshold.is_some_and(|(is, wanted)| is < wanted);
        fewer || self.groups.iter().any(|group| !group.removed.is_empty())
    }

    /// Whether recipients, groups or their threshold differ.
    pub fn changes_recipients(&self) -> bool {
        !self.groups.is_empty() || self.threshold.is_some()
    }
}

/// Compares a rule with the metadata of a file. The order of recipients does not count, nor does the comment of an
/// SSH key; that of groups does. A rule without recipients leaves them open.
pub fn compute_drift(rule: &CreationRule, metadata: &SopsMetadata) -> Drift {
    let mut drift = Drift::default();
    if !rule.groups.is_empty() {
        let count = rule.groups.len().max(metadata.groups.len());
        let groups = (0..count).map(|group| group_drift(group, rule.groups.get(group), metadata.groups.get(group)));
        drift.groups = groups.filter(|group| !group.added.is_empty() || !group.removed.is_empty()).collect();
        let needed = |threshold: Option<usize>, groups: usize| if groups < 2 { 1 } else { threshold.unwrap_or(groups) };
        let (is, wanted) =
            (needed(metadata.threshold, metadata.groups.len()), needed(rule.threshold, rule.groups.len()));
        drift.threshold = (is != wanted).then_some((is, wanted));
        // one that moves to another group is not removed
        let by_rule = all_recipients(rule);
        let of_file = metadata.groups.iter().map(|group| group_drift(0, Some(&by_rule), Some(group)));
        drift.removes_recipients = of_file.flat_map(|group| group.removed).next().is_some();
    }
    let same =
        |one: &Selector, other: &Selector| one.field_name() == other.field_name() && one.argument() == other.argument();
    let wanted = rule.effective_selector();
    drift.selector = (!same(&metadata.selector, &wanted)).then(|| (metadata.selector.to_string(), wanted.to_string()));
    drift.mac_scope = (metadata.mac_scope != rule.mac_scope).then_some((metadata.mac_scope, rule.mac_scope));
    drift
}

/// The recipients of all groups of a rule.
fn all_recipients(rule: &CreationRule) -> RecipientGroup {
    let mut all = RecipientGroup::default();
    for group in &rule.groups {
        all.age.extend(group.age.iter().cloned());
        all.foreign.extend(group.foreign.iter().cloned());
    }
    all
}

fn group_drift(group: usize, rule: Option<&RecipientGroup>, file: Option<&KeyGroup>) -> GroupDrift {
    let (none, nobody) = (RecipientGroup::default(), KeyGroup::default());
    let (rule, file) = (rule.unwrap_or(&none), file.unwrap_or(&nobody));
    let mut added: Vec<String> =
        rule.age.iter().filter(|key| file.entry_of(key.as_str()).is_none()).map(ToString::to_string).collect();
    let foreign = rule.foreign.iter().filter(|key| file.foreign_entry_of(key).is_none());
    added.extend(foreign.map(ToString::to_string));
    let wanted = |text: &str| {
        rule.age.iter().any(|key| recipient::canonical_recipient(key.as_str()) == recipient::canonical_recipient(text))
    };
    let mut removed: Vec<String> =
        file.age.iter().map(|entry| entry.recipient.clone()).filter(|text| !wanted(text)).collect();
    let foreign = file.foreign.iter().map(|entry| &entry.key).filter(|key| !rule.foreign.contains(key));
    removed.extend(foreign.map(ToString::to_string));
    GroupDrift { group, added, removed }
}
