//! Which data key the result has, and for whom.

use super::refusal::Refusal;
use super::{Merge, Sides};
use crate::diagnostic::Diagnostic;
use crate::sops::{Error, Metadata, Sealed, Terms, rewrap, unlock};

impl<'a> Merge<'a> {
    fn terms(&self) -> Result<Terms, Refusal> {
        let Sides { base, ours, theirs } = self.sides;
        let of = |file: &Sealed| Terms::of(file.metadata());
        let base = base.as_ref().map(|base| of(&base.file));
        Terms::merge(base.as_ref(), &of(&ours.file), &of(&theirs.file)).map_err(Refusal::Terms)
    }

    /// The side whose data key and metadata the result has: the one that has a new data key, else
    /// the one whose recipients and rule are those of the result already, else ours.
    pub(super) fn keeper(&self) -> Result<&'a Sealed, Refusal> {
        let Sides { base, ours, theirs } = self.sides;
        let (ours, theirs) = (&ours.file, &theirs.file);
        if !ours.shares_key(theirs) {
            let is_old = base.as_ref().is_some_and(|base| base.file.shares_key(ours));
            return Ok(if is_old { theirs } else { ours });
        }
        let terms = self.terms()?;
        let fits = |file: &Sealed| {
            let own = Terms::of(file.metadata());
            terms.same_recipients(&own) && terms.same_rule(&own)
        };
        Ok(if fits(theirs) && !fits(ours) { theirs } else { ours })
    }

    /// The keeper with the recipients and the rule of the result.
    pub(super) fn with_terms(&mut self, keeper: &Sealed) -> Result<Sealed, Refusal> {
        let terms = self.terms()?;
        let own = Terms::of(keeper.metadata());
        let mut file = keeper.reopened()?;
        if !terms.same_rule(&own) {
            file.put_rule(&terms.selector, terms.mac_scope)?;
        }
        if !terms.same_recipients(&own) {
            let unlocked = unlock(keeper.metadata(), self.identities).map_err(closed)?;
            let wanted =
                terms.recipient_groups().map_err(|error| Refusal::Recipients(format!("a recipient {error}")))?;
            let groups = rewrap(&unlocked, &self.entries(keeper), &wanted, terms.threshold())
                .map_err(|error| Refusal::Recipients(error.to_string()))?;
            file.put_groups(&groups, terms.threshold())?;
        }
        self.warn_of_former(keeper, &terms);
        Ok(file)
    }

    /// The metadata of the keeper, with entries of the other side that hold the same data key. Shares
    /// of it are not exchanged: each side may have split it anew.
    fn entries(&self, keeper: &Sealed) -> Metadata {
        let mut metadata = keeper.metadata().clone();
        if let [group] = metadata.groups.as_mut_slice() {
            for other in self.sides.all().map(|side| &side.file).filter(|other| keeper.shares_key(other)) {
                if let [theirs] = other.metadata().groups.as_slice() {
                    group.age.extend(theirs.age.iter().cloned());
                    group.foreign.extend(theirs.foreign.iter().cloned());
                }
            }
        }
        metadata
    }

    /// Whoever was a recipient of this data key knows it.
    fn warn_of_former(&mut self, keeper: &Sealed, terms: &Terms) {
        let holders = self.sides.all().map(|side| &side.file).filter(|file| keeper.shares_key(file));
        let mut former: Vec<_> = holders.flat_map(|file| terms.lacks(&Terms::of(file.metadata()))).collect();
        former.sort();
        former.dedup();
        if !former.is_empty() {
            let message =
                format!("the data key of `{}` is known to former recipients: {}", self.path, former.join(", "));
            let hint = format!("take a new one with `septum rotate {}`, and change the secrets themselves", self.path);
            self.notes.push(Diagnostic::warning("merge-rotate", message).hint(hint));
        }
    }
}

fn closed(error: Error) -> Refusal {
    Refusal::Closed(vec![error])
}
