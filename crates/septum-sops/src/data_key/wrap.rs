//! A data key, wrapped for recipients and their groups (format, sections 1.1 and 1.8).

use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::rules::{CreationRule, RecipientGroup};
use crate::crypto::KEY_LENGTH;
use crate::crypto::shamir::{self, ShamirError};
use crate::data_key::unlock::UnlockedDataKey;
use crate::metadata::block::SopsMetadata;
use crate::recipients::foreign::ForeignKey;
use crate::recipients::group::SpannedText;
use crate::recipients::group::{AgeRecipient, ForeignRecipient, KeyGroup};
use crate::recipients::recipient;
use crate::recipients::recipient::{InvalidRecipient, Recipient, WrapError};
use septum_base::sort::sort;
use septum_base::span::Span;

/// Recipients that can decrypt a file: every one of a single group, or, of several groups, a required number
/// together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// The groups.
    pub groups: Vec<RecipientGroup>,
    /// Number of required groups, where there are several; none means all of them.
    pub threshold: Option<usize>,
}

impl Recipients {
    /// age recipients, in one group.
    pub fn from_age(age: Vec<Recipient>) -> Self {
        Self { groups: vec![RecipientGroup { age, foreign: Vec::new() }], threshold: None }
    }

    /// Recipients of a rule.
    pub fn of_rule(rule: &CreationRule) -> Self {
        Self { groups: rule.groups.clone(), threshold: rule.threshold }
    }

    /// Describes the recipients in words, whatever their order: the number of required groups, and the recipients of
    /// each.
    pub fn to_words(&self) -> Vec<String> {
        let parts = self.canonical_parts();
        parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }

    /// Recipients in a canonical order, and without comments: groups with their members, and the number of required
    /// ones.
    pub(crate) fn canonical_parts(&self) -> Vec<Vec<u8>> {
        let mut groups: Vec<Vec<String>> = Vec::new();
        for group in &self.groups {
            let age = group.age.iter().map(|recipient| recipient::canonical_recipient(recipient.as_str()));
            let mut members: Vec<_> = age.chain(group.foreign.iter().map(ToString::to_string)).collect();
            sort(&mut members);
            members.dedup();
            groups.push(members);
        }
        let needed = match self.groups.len() {
            0 | 1 => 1,
            count => self.threshold.unwrap_or(count),
        };
        let counts = [needed, groups.len()].map(|count| count.to_string().into_bytes());
        let members = groups.into_iter().map(|members| members.join("\n").into_bytes());
        counts.into_iter().chain(members).collect()
    }

    /// Recipients of a file. An error is a label that is not a recipient.
    pub fn of_file(metadata: &SopsMetadata) -> Result<Self, InvalidRecipient> {
        let group = |group: &KeyGroup| -> Result<RecipientGroup, InvalidRecipient> {
            let age = group.age.iter().map(|entry| Recipient::parse(&entry.recipient));
            let foreign = group.foreign.iter().map(|entry| entry.key.clone());
            Ok(RecipientGroup { age: age.collect::<Result<_, _>>()?, foreign: foreign.collect() })
        };
        let groups = metadata.groups.iter().map(group).collect::<Result<_, _>>()?;
        Ok(Self { groups, threshold: metadata.threshold })
    }
}

/// Reason why a data key could not be wrapped for recipients.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// There are no recipients.
    #[error("there are no recipients, so the file could not be decrypted")]
    NoRecipients,
    /// A group is empty.
    #[error("key group {} is empty, so its share could not be decrypted", .0 + 1)]
    EmptyGroup(usize),
    /// A new data key cannot be wrapped for a key of another service.
    #[error("the data key would have to be encrypted again for {0}, which only sops can do")]
    Foreign(ForeignKey),
    /// A recipient for which no data key can be wrapped.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// The number of groups or the threshold.
    #[error(transparent)]
    Shamir(#[from] ShamirError),
}

/// Wraps a new data key for recipients: for each the whole of it, or, with several groups, the share of its group.
pub fn wrap_data_key(
    data_key: &[u8; KEY_LENGTH],
    groups: &[RecipientGroup],
    threshold: Option<usize>,
) -> Result<Vec<KeyGroup>, SealError> {
    check_groups(groups)?;
    if let Some(key) = groups.iter().flat_map(|group| &group.foreign).next() {
        return Err(SealError::Foreign(key.clone()));
    }
    let shares = match groups {
        [_] => vec![Zeroizing::new(data_key.to_vec())],
        _ => shamir::split_secret(data_key, groups.len(), threshold.unwrap_or(groups.len()))?,
    };
    groups.iter().zip(&shares).map(|(group, share)| wrap_group(group, share, &KeyGroup::default())).collect()
}

/// Wraps the data key of a file for other recipients. Remaining ones keep their entries as they are, so that keys of
/// other services are preserved; a new one gets the share of its group.
///
/// A recipient who is left out here still knows the data key: use a new one, and [`wrap_data_key`].
pub fn rewrap_data_key(
    unlocked: &UnlockedDataKey,
    metadata: &SopsMetadata,
    groups: &[RecipientGroup],
    threshold: Option<usize>,
) -> Result<Vec<KeyGroup>, SealError> {
    check_groups(groups)?;
    let needed = threshold.unwrap_or(groups.len());
    let reshaped = groups.len() != metadata.groups.len() || (groups.len() > 1 && needed != metadata.needed_groups());
    if reshaped {
        return wrap_data_key(unlocked.data_key(), groups, threshold);
    }
    let old = metadata.groups.iter().enumerate();
    let wrap = |(group, (index, old)): (&RecipientGroup, (usize, &KeyGroup))| {
        let share = unlocked.share_of(index)?;
        wrap_group(group, &share, old)
    };
    groups.iter().zip(old).map(wrap).collect()
}

fn check_groups(groups: &[RecipientGroup]) -> Result<(), SealError> {
    if groups.is_empty() {
        return Err(SealError::NoRecipients);
    }
    match groups.iter().position(RecipientGroup::is_empty) {
        Some(_) if groups.len() == 1 => Err(SealError::NoRecipients),
        Some(index) => Err(SealError::EmptyGroup(index)),
        None => Ok(()),
    }
}

fn wrap_group(group: &RecipientGroup, share: &[u8], old: &KeyGroup) -> Result<KeyGroup, SealError> {
    let entry = |recipient: &Recipient| match old.entry_of(recipient.as_str()) {
        Some(entry) => Ok(entry.clone()),
        None => {
            let wrapped = SpannedText { text: recipient.wrap_secret(share)?, span: Span::default() };
            Ok(AgeRecipient { recipient: recipient.to_string(), wrapped })
        }
    };
    let kept = |key: &ForeignKey| -> Result<ForeignRecipient, SealError> {
        old.foreign_entry_of(key).cloned().ok_or_else(|| SealError::Foreign(key.clone()))
    };
    Ok(KeyGroup {
        age: group.age.iter().map(entry).collect::<Result<_, WrapError>>()?,
        foreign: group.foreign.iter().map(kept).collect::<Result<_, _>>()?,
    })
}
