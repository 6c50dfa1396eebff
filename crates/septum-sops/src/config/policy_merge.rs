//! Merge of the recipients and the selector of a file from two versions of it.

use crate::config::rules::RecipientGroup;
use crate::crypto::mac::MacScope;
use crate::document::selector::Selector;
use crate::metadata::block::SopsMetadata;
use crate::recipients::foreign::ForeignKey;
use crate::recipients::group::KeyGroup;
use crate::recipients::recipient::{self, InvalidRecipient, Recipient};
use septum_base::sort::sort;

/// Recipients that can decrypt a file, and its selector of encrypted values.
#[derive(Debug, Clone)]
pub struct EncryptionPolicy {
    /// The members of each key group.
    groups: Vec<Vec<PolicyMember>>,
    threshold: Option<usize>,
    /// Selector of encrypted values.
    pub selector: Selector,
    /// Values covered by the checksum.
    pub mac_scope: MacScope,
}

/// A recipient. Comments of SSH keys do not distinguish recipients.
#[derive(Debug, Clone)]
struct PolicyMember {
    key: String,
    who: MemberIdentity,
}

#[derive(Debug, Clone)]
enum MemberIdentity {
    Age(String),
    Foreign(ForeignKey),
}

/// Setting that two versions change in different ways, so that the intention is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyConflict {
    /// The number of key groups, or of required ones.
    Groups,
    /// The selector.
    Selector,
    /// No recipient is left.
    Nobody,
}

impl EncryptionPolicy {
    /// Policy in the metadata of a file.
    pub fn of(metadata: &SopsMetadata) -> Self {
        Self {
            groups: metadata.groups.iter().map(group_members).collect(),
            threshold: (metadata.groups.len() > 1).then(|| metadata.needed_groups()),
            selector: metadata.selector.clone(),
            mac_scope: metadata.mac_scope,
        }
    }

    /// Three-way merge of two versions, given their common ancestor. A recipient that either removed is absent; one
    /// that either added is present.
    pub fn merge_versions(base: Option<&Self>, ours: &Self, theirs: &Self) -> Result<Self, PolicyConflict> {
        let rule = |terms: &Self| (terms.selector.to_string(), terms.mac_scope);
        let (one, other, before) = (rule(ours), rule(theirs), base.map(rule));
        let by_rule = if one == other || before.as_ref() == Some(&other) {
            ours
        } else if before.as_ref() == Some(&one) {
            theirs
        } else {
            return Err(PolicyConflict::Selector);
        };
        let (groups, threshold) = merge_groups(base, ours, theirs)?;
        if groups.iter().any(Vec::is_empty) {
            return Err(PolicyConflict::Nobody);
        }
        Ok(Self { groups, threshold, selector: by_rule.selector.clone(), mac_scope: by_rule.mac_scope })
    }

    /// Whether the same recipients, in any order, can decrypt the file in the same way.
    pub fn same_recipients(&self, other: &Self) -> bool {
        self.threshold == other.threshold
            && self.groups.len() == other.groups.len()
            && self.groups.iter().zip(&other.groups).all(|(one, other)| member_keys(one) == member_keys(other))
    }

    /// Whether the same values are encrypted.
    pub fn same_rule(&self, other: &Self) -> bool {
        self.mac_scope == other.mac_scope && self.selector.to_string() == other.selector.to_string()
    }

    /// The recipients of another version that are missing here, in the form of messages.
    pub fn lacking_recipients(&self, other: &Self) -> Vec<String> {
        let known: Vec<_> = self.groups.iter().flat_map(|group| member_keys(group)).collect();
        let missing = other.groups.iter().flatten().filter(|member| !known.contains(&member.key.as_str()));
        missing.map(PolicyMember::shorten_member).collect()
    }

    /// The groups for which a data key is wrapped.
    pub fn recipient_groups(&self) -> Result<Vec<RecipientGroup>, InvalidRecipient> {
        self.groups.iter().map(|members| recipient_group(members)).collect()
    }

    /// Number of required groups, where there are several.
    pub fn threshold(&self) -> Option<usize> {
        self.threshold
    }
}

impl PolicyMember {
    fn shorten_member(&self) -> String {
        match &self.who {
            MemberIdentity::Age(text) => recipient::shorten_recipient(text),
            MemberIdentity::Foreign(key) => key.to_string(),
        }
    }
}

fn group_members(group: &KeyGroup) -> Vec<PolicyMember> {
    let age = group.age.iter().map(|entry| PolicyMember {
        key: recipient::canonical_recipient(&entry.recipient),
        who: MemberIdentity::Age(entry.recipient.clone()),
    });
    let foreign = group
        .foreign
        .iter()
        .map(|entry| PolicyMember { key: entry.key.to_string(), who: MemberIdentity::Foreign(entry.key.clone()) });
    age.chain(foreign).collect()
}

fn recipient_group(members: &[PolicyMember]) -> Result<RecipientGroup, InvalidRecipient> {
    let mut group = RecipientGroup::default();
    for member in members {
        match &member.who {
            MemberIdentity::Age(text) => group.age.push(Recipient::parse(text)?),
            MemberIdentity::Foreign(key) => group.foreign.push(key.clone()),
        }
    }
    Ok(group)
}

/// In a canonical order, so that sets can be compared.
fn member_keys(members: &[PolicyMember]) -> Vec<&str> {
    let mut keys: Vec<_> = members.iter().map(|member| member.key.as_str()).collect();
    sort(&mut keys);
    keys.dedup();
    keys
}

type MergedGroups = (Vec<Vec<PolicyMember>>, Option<usize>);

fn merge_groups(
    base: Option<&EncryptionPolicy>,
    ours: &EncryptionPolicy,
    theirs: &EncryptionPolicy,
) -> Result<MergedGroups, PolicyConflict> {
    let shape = |terms: &EncryptionPolicy| (terms.groups.len(), terms.threshold);
    let all = |terms: &EncryptionPolicy| (terms.groups.clone(), terms.threshold);
    let before = base.map(shape);
    let same_shape = shape(ours) == shape(theirs) && before.is_none_or(|before| before == shape(ours));
    if same_shape {
        let groups = ours.groups.iter().zip(&theirs.groups).enumerate().map(|(index, (ours, theirs))| {
            let before = base.and_then(|base| base.groups.get(index)).map_or(&[][..], Vec::as_slice);
            merge_members(before, ours, theirs)
        });
        return Ok((groups.collect(), ours.threshold));
    }
    match base {
        _ if ours.same_recipients(theirs) => Ok(all(ours)),
        Some(base) if base.same_recipients(ours) => Ok(all(theirs)),
        Some(base) if base.same_recipients(theirs) => Ok(all(ours)),
        _ => Err(PolicyConflict::Groups),
    }
}

fn merge_members(before: &[PolicyMember], ours: &[PolicyMember], theirs: &[PolicyMember]) -> Vec<PolicyMember> {
    let has = |members: &[PolicyMember], member: &PolicyMember| members.iter().any(|known| known.key == member.key);
    let kept = ours.iter().filter(|member| has(theirs, member) || !has(before, member));
    let added = theirs.iter().filter(|member| !has(ours, member) && !has(before, member));
    kept.chain(added).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(groups: &[&str], threshold: Option<usize>) -> EncryptionPolicy {
        let member = |name: char| PolicyMember { key: name.to_string(), who: MemberIdentity::Age(name.to_string()) };
        EncryptionPolicy {
            groups: groups.iter().map(|names| names.chars().map(member).collect()).collect(),
            threshold,
            selector: Selector::default(),
            mac_scope: MacScope::All,
        }
    }

    fn merged(
        base: Option<&EncryptionPolicy>,
        ours: &EncryptionPolicy,
        theirs: &EncryptionPolicy,
    ) -> Result<Vec<String>, PolicyConflict> {
        EncryptionPolicy::merge_versions(base, ours, theirs)
            .map(|terms| terms.groups.iter().map(|group| member_keys(group).concat()).collect())
    }

    #[test]
    fn who_was_added_is_in_and_who_was_removed_is_out() {
        for (base, ours, theirs, expected) in [
            ("ab", "ab", "ab", "ab"),
            ("ab", "abc", "ab", "abc"),
            ("ab", "abc", "abd", "abcd"),
            ("ab", "abc", "abc", "abc"),
            ("ab", "a", "ab", "a"),
            ("ab", "ab", "a", "a"),
            ("ab", "ac", "ab", "ac"),
            ("abc", "ab", "ac", "a"),
            ("", "a", "b", "ab"),
        ] {
            let [base, ours, theirs] = [base, ours, theirs].map(|names| terms(&[names], None));
            assert_eq!(merged(Some(&base), &ours, &theirs), Ok(vec![expected.to_owned()]));
            assert_eq!(merged(Some(&base), &theirs, &ours), Ok(vec![expected.to_owned()]), "the other way round");
        }
        let nobody = merged(Some(&terms(&["ab"], None)), &terms(&["a"], None), &terms(&["b"], None));
        assert_eq!(nobody, Err(PolicyConflict::Nobody));
        assert_eq!(merged(None, &terms(&["a"], None), &terms(&["b"], None)), Ok(vec!["ab".to_owned()]));
    }

    #[test]
    fn groups_are_taken_one_by_one_or_as_a_whole_from_the_side_that_reshaped_them() {
        let two = terms(&["ab", "c"], Some(2));
        let added = terms(&["ab", "cd"], Some(2));
        let removed = terms(&["a", "c"], Some(2));
        assert_eq!(merged(Some(&two), &added, &removed), Ok(vec!["a".to_owned(), "cd".to_owned()]));
        let three = terms(&["ab", "c", "d"], Some(2));
        assert_eq!(merged(Some(&two), &two, &three), Ok(["ab", "c", "d"].map(str::to_owned).to_vec()));
        assert_eq!(merged(Some(&two), &three, &two), Ok(["ab", "c", "d"].map(str::to_owned).to_vec()));
        assert_eq!(merged(Some(&two), &three, &added), Err(PolicyConflict::Groups));
        assert_eq!(merged(None, &three, &two), Err(PolicyConflict::Groups));
    }

    #[test]
    fn a_rule_that_one_side_changed_is_taken() {
        let with = |suffix: &str| EncryptionPolicy {
            selector: Selector::EncryptedSuffix(suffix.to_owned()),
            ..terms(&["a"], None)
        };
        let rule = |base: &EncryptionPolicy, ours: &EncryptionPolicy, theirs: &EncryptionPolicy| {
            EncryptionPolicy::merge_versions(Some(base), ours, theirs).map(|terms| terms.selector.argument().to_owned())
        };
        assert_eq!(rule(&with("x"), &with("y"), &with("x")).as_deref(), Ok("y"));
        assert_eq!(rule(&with("x"), &with("x"), &with("y")).as_deref(), Ok("y"));
        assert_eq!(rule(&with("x"), &with("y"), &with("y")).as_deref(), Ok("y"));
        assert_eq!(rule(&with("x"), &with("y"), &with("z")), Err(PolicyConflict::Selector));
    }
}
