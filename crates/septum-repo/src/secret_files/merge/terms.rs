//! Data key of the merge result, and its recipients.

use super::refusal::MergeRefused;
use super::{FileMerge, MergeInputs};
use crate::diagnostic::{Diagnostic, Rule, shell_word};
use crate::sops::{DecryptedFile, DecryptionError, EncryptionPolicy, SopsMetadata, rewrap_data_key, unlock_data_key};
use crate::sort::sort;

impl<'a> FileMerge<'a> {
    fn merge_policies(&self) -> Result<EncryptionPolicy, MergeRefused> {
        let MergeInputs { base, ours, theirs } = self.sides;
        let of = |file: &DecryptedFile| EncryptionPolicy::of(file.metadata());
        let base = base.as_ref().map(|base| of(&base.file));
        EncryptionPolicy::merge_versions(base.as_ref(), &of(&ours.file), &of(&theirs.file)).map_err(MergeRefused::Terms)
    }

    /// The side whose data key and metadata the result has: the one with a new data key, of two the one that no removed
    /// recipient knows; else the one whose recipients and rule are already those of the result, else ours.
    pub(super) fn choose_keeper(&self) -> Result<&'a DecryptedFile, MergeRefused> {
        let MergeInputs { base, ours, theirs } = self.sides;
        let (ours, theirs) = (&ours.file, &theirs.file);
        if !ours.shares_key(theirs) {
            let is_old = |side: &DecryptedFile| base.as_ref().is_some_and(|base| base.file.shares_key(side));
            let terms = self.merge_policies()?;
            let is_safe =
                |side: &DecryptedFile| terms.lacking_recipients(&EncryptionPolicy::of(side.metadata())).is_empty();
            let is_theirs = is_old(ours) || !is_old(theirs) && is_safe(theirs) && !is_safe(ours);
            return Ok(if is_theirs { theirs } else { ours });
        }
        let terms = self.merge_policies()?;
        let fits = |file: &DecryptedFile| {
            let own = EncryptionPolicy::of(file.metadata());
            terms.same_recipients(&own) && terms.same_rule(&own)
        };
        Ok(if fits(theirs) && !fits(ours) { theirs } else { ours })
    }

    /// The keeper with the recipients and the rule of the result.
    pub(super) fn with_policy(&mut self, keeper: &DecryptedFile) -> Result<DecryptedFile, MergeRefused> {
        let terms = self.merge_policies()?;
        let own = EncryptionPolicy::of(keeper.metadata());
        let mut file = keeper.decrypt_again()?;
        if !terms.same_rule(&own) {
            file.put_rule(&terms.selector, terms.mac_scope)?;
        }
        if !terms.same_recipients(&own) {
            let unlocked = unlock_data_key(keeper.metadata(), self.identities).map_err(not_decrypted)?;
            let wanted =
                terms.recipient_groups().map_err(|error| MergeRefused::Recipients(format!("a recipient {error}")))?;
            let groups = rewrap_data_key(&unlocked, &self.merge_entries(keeper), &wanted, terms.threshold())
                .map_err(|error| MergeRefused::Recipients(error.to_string()))?;
            file.put_groups(&groups, terms.threshold())?;
        }
        self.warn_of_former_recipients(keeper, &terms);
        Ok(file)
    }

    /// The metadata of the keeper, with entries of the other side that hold the same data key. Shares of it are not
    /// exchanged: each side may have split it anew.
    fn merge_entries(&self, keeper: &DecryptedFile) -> SopsMetadata {
        let mut metadata = keeper.metadata().clone();
        if let [group] = metadata.groups.as_mut_slice() {
            for other in self.sides.iter_sides().map(|side| &side.file).filter(|other| keeper.shares_key(other)) {
                if let [theirs] = other.metadata().groups.as_slice() {
                    group.age.extend(theirs.age.iter().cloned());
                    group.foreign.extend(theirs.foreign.iter().cloned());
                }
            }
        }
        metadata
    }

    /// Warns that former recipients of this data key know it.
    fn warn_of_former_recipients(&mut self, keeper: &DecryptedFile, terms: &EncryptionPolicy) {
        let holders = self.sides.iter_sides().map(|side| &side.file).filter(|file| keeper.shares_key(file));
        let mut former: Vec<_> =
            holders.flat_map(|file| terms.lacking_recipients(&EncryptionPolicy::of(file.metadata()))).collect();
        sort(&mut former);
        former.dedup();
        if !former.is_empty() {
            let message =
                format!("the data key of `{}` is known to former recipients: {}", self.path, former.join(", "));
            let word = shell_word(self.path);
            let hint = format!("rotate it with `septum rotate {word}`, and change the secrets themselves");
            self.notes.push(Diagnostic::warning(Rule::MergeRotate, message).hint(hint));
        }
    }
}

fn not_decrypted(error: DecryptionError) -> MergeRefused {
    MergeRefused::Closed(vec![error])
}
