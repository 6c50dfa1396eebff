//! Request for a promotion.

use crate::name::EnvironmentName;
use crate::sops::{Identities, Timestamp};

/// Selection of what is promoted, and the rules of the promotion.
pub struct PromotionRequest<'a> {
    /// Environment whose own values are copied.
    pub from: &'a EnvironmentName,
    /// Environment that gets them.
    pub to: &'a EnvironmentName,
    /// Names and globs of what is promoted; everything usual if there are none.
    pub keys: &'a [String],
    /// Names and globs of conflicts in which the value of `to` stays.
    pub ours: &'a [String],
    /// Names and globs of what is copied whatever changed.
    pub theirs: &'a [String],
    /// Whether what was removed is removed.
    pub deletions: bool,
    /// Whether values for an encrypted file of `to` that cannot be decrypted are left for somebody who can.
    pub stage: bool,
    /// Identities that decrypt values.
    pub identities: &'a Identities,
    /// The current time.
    pub now: Timestamp,
}
