//! Three-way merge of an encrypted file, value by value, as a merge driver of Git.
//!
//! Values are merged in plaintext and in memory. Unchanged values keep their ciphertext, and on any error our version
//! stays as it is.

mod change;
mod refusal;
mod sides;
mod terms;
mod tree;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::sops::{DecryptedFile, Identities, SopsDocument, SopsFormat, SopsTree, Timestamp, ValuePath};

use change::{TreePatch, combine_versions};
use refusal::MergeRefused;
use sides::{EncryptedSides, MergeInputs};
use tree::{DocumentComments, MergeChoice, ValueDifference, find_differences};

pub use sides::MergeVersions;
pub(super) use tree::is_same_tree;

/// Outcome of a merge.
#[derive(Debug)]
pub enum MergeOutcome {
    /// A file to be written in place of ours.
    Merged {
        /// The file.
        bytes: Vec<u8>,
        /// The paths of values that both sides changed; each holds both of them now.
        conflicts: Vec<String>,
        /// Remarks on the merge.
        notes: Diagnostics,
    },
    /// Neither side is encrypted: a merge of texts is enough.
    NotEncrypted,
    /// Our version stays as it is, with the reason.
    Refused(Diagnostics),
}

/// Merges a file; `path` is its path in the repository.
pub fn merge_versions(path: &str, versions: MergeVersions, identities: &Identities, now: Timestamp) -> MergeOutcome {
    let merged = match sides::decrypt_sides(path, versions, identities) {
        Ok(EncryptedSides::Neither) => return MergeOutcome::NotEncrypted,
        Ok(EncryptedSides::Both(sides)) => {
            FileMerge { path, sides: &sides, identities, notes: Diagnostics::new() }.run_merge(now)
        }
        Err(refusal) => Err(refusal),
    };
    merged.unwrap_or_else(|refusal| MergeOutcome::Refused(refusal.into_diagnostics(path)))
}

/// Merges a user's version (`theirs`) of a file (`base`) that another writer changed meanwhile: `ours` is the current
/// file, and its data key, recipients and selector are those of the result. No change is dropped: where both changed
/// the same value, the result is an error.
pub fn merge_meanwhile(
    name: &str,
    versions: MergeVersions,
    identities: &Identities,
    now: Timestamp,
) -> Result<Vec<u8>, Diagnostics> {
    let merged = match sides::decrypt_sides(name, versions, identities) {
        Ok(EncryptedSides::Neither) => Ok(MergeOutcome::NotEncrypted),
        Ok(EncryptedSides::Both(sides)) => {
            FileMerge { path: name, sides: &sides, identities, notes: Diagnostics::new() }.run_merge(now)
        }
        Err(refusal) => Err(refusal),
    };
    let stop = |cause: &str| {
        let message = format!("someone else changed `{name}` in the meantime: {cause}");
        Diagnostic::error(Rule::ChangedMeanwhile, message)
    };
    match merged {
        Ok(MergeOutcome::Merged { conflicts, .. }) if !conflicts.is_empty() => {
            let stop = stop("they changed the same values as you");
            let stop = conflicts.iter().fold(stop, |stop, path| stop.note(format!("`{path}`")));
            Err(stop
                .hint(format!(
                    "`septum get {} PATH` shows their value: adopt it, or keep the value unchanged",
                    shell_word(name)
                ))
                .into())
        }
        Ok(MergeOutcome::Merged { notes, .. }) if notes.iter().any(|note| note.rule == Rule::MergeComments) => {
            Err(stop("they changed comments, as you did")
                .hint("restore the old comments, and change them again later")
                .into())
        }
        Ok(MergeOutcome::Merged { bytes, .. }) => Ok(bytes),
        Ok(MergeOutcome::NotEncrypted) => Err(stop("it is no longer encrypted").into()),
        Ok(MergeOutcome::Refused(found)) => Err(found),
        Err(refusal) => {
            let (mut found, cause) = refusal.into_cause();
            found.push(stop(&format!("the changes cannot be merged: {cause}")));
            Err(found)
        }
    }
}

struct FileMerge<'a> {
    path: &'a str,
    sides: &'a MergeInputs,
    identities: &'a Identities,
    notes: Diagnostics,
}

impl<'a> FileMerge<'a> {
    fn run_merge(mut self, now: Timestamp) -> Result<MergeOutcome, MergeRefused> {
        let sides = self.sides;
        for (side, other) in [(&sides.ours, &sides.theirs), (&sides.theirs, &sides.ours)] {
            if sides.is_unchanged(side) {
                let (bytes, conflicts) = (other.bytes.clone(), Vec::new());
                return Ok(MergeOutcome::Merged { bytes, conflicts, notes: self.notes });
            }
        }
        let nothing = SopsDocument::default();
        let base = sides.base.as_ref().map_or(&nothing, |base| base.file.document());
        let (ours, theirs) = (sides.ours.file.document(), sides.theirs.file.document());
        if ours.branches.len() != theirs.branches.len() {
            return Err(MergeRefused::Documents);
        }
        let found = find_differences(base, ours, theirs);
        let keeper = self.choose_keeper()?;
        let mut file = self.with_policy(keeper)?;
        match file.format() {
            SopsFormat::Binary => self.merge_bytes(&mut file, &found)?,
            _ => self.merge_values(&mut file, &found)?,
        }
        let exposed = file.find_exposed([&sides.ours.file, &sides.theirs.file]);
        if !exposed.is_empty() {
            return Err(MergeRefused::Exposed(exposed));
        }
        for version in sides.iter_sides() {
            file.adopt_ciphertexts(&version.file);
        }
        let bytes = file.write_bytes(now)?;
        // the result must be readable before it is written
        keeper.decrypt_other(self.path, bytes.clone())?;
        let conflicts = found.iter().filter(|difference| difference.verdict == MergeChoice::Conflict);
        let conflicts = conflicts.map(|difference| difference.path.to_string()).collect();
        Ok(MergeOutcome::Merged { bytes, conflicts, notes: self.notes })
    }

    /// Writes the values into the text of one side.
    fn merge_values(&mut self, file: &mut DecryptedFile, found: &[ValueDifference<'_>]) -> Result<(), MergeRefused> {
        let carrier = self.choose_carrier();
        file.replace_plaintext(&carrier.plaintext()?)?;
        let by_ours = std::ptr::eq(carrier, &raw const self.sides.ours.file);
        let mut change = TreePatch::new(file);
        for difference in found {
            let from = if by_ours { difference.ours } else { difference.theirs };
            change.put_value(difference.document, &difference.path, from, merged_value(difference).as_ref());
        }
        change.finish()?;
        let is_section =
            |tree: Option<&SopsTree>| matches!(tree, Some(SopsTree::Map(map)) if map.values().count() == 0);
        for difference in found {
            let (is, wanted) = (file.get(difference.document, &difference.path), merged_value(difference));
            // a section of INI stays when it is empty
            let emptied = wanted.is_none() && file.format() == SopsFormat::Ini && is_section(is);
            if !is_same_tree(is, wanted.as_ref()) && !emptied {
                return Err(MergeRefused::Value(difference.path.clone()));
            }
        }
        Ok(())
    }

    /// A binary file has one value.
    fn merge_bytes(&self, file: &mut DecryptedFile, found: &[ValueDifference<'_>]) -> Result<(), MergeRefused> {
        let verdict = found.first().map_or(MergeChoice::Ours, |difference| difference.verdict);
        let (ours, theirs) = (self.sides.ours.file.plaintext()?, self.sides.theirs.file.plaintext()?);
        match verdict {
            MergeChoice::Ours => file.replace_plaintext(&ours)?,
            MergeChoice::Theirs => file.replace_plaintext(&theirs)?,
            MergeChoice::Conflict => match (std::str::from_utf8(&ours), std::str::from_utf8(&theirs)) {
                (Ok(ours), Ok(theirs)) => {
                    file.replace_plaintext(crate::sops::format_conflict(ours, theirs).as_bytes())?;
                }
                _ => return Err(MergeRefused::Bytes),
            },
        }
        Ok(())
    }

    /// The side whose text is the basis of the result: the one that changed more than values, or ours.
    fn choose_carrier(&mut self) -> &'a DecryptedFile {
        let MergeInputs { base, ours, theirs } = self.sides;
        let (ours, theirs) = (&ours.file, &theirs.file);
        if let Some(base) = base
            && is_plain_edit(&base.file, ours)
            && !is_plain_edit(&base.file, theirs)
        {
            return theirs;
        }
        let before = base.as_ref().map(|base| DocumentComments::of(base.file.document())).unwrap_or_default();
        let lost =
            DocumentComments::of(theirs.document()).count_changes(&before, &DocumentComments::of(ours.document()));
        if lost > 0 {
            let what = if lost == 1 { "a comment".to_owned() } else { format!("{lost} comments") };
            let message = format!("changes of theirs in {what} of `{}` were not merged", self.path);
            self.notes.push(Diagnostic::warning(Rule::MergeComments, message));
        }
        ours
    }
}

/// Merged value at the place of a difference.
fn merged_value(difference: &ValueDifference<'_>) -> Option<SopsTree> {
    match difference.verdict {
        MergeChoice::Ours => difference.ours.cloned(),
        MergeChoice::Theirs => difference.theirs.cloned(),
        MergeChoice::Conflict => Some(combine_versions(difference.ours, difference.theirs)),
    }
}

/// Whether a file differs from the base only in values.
fn is_plain_edit(base: &DecryptedFile, side: &DecryptedFile) -> bool {
    let edited = || {
        let mut file = base.decrypt_again().ok()?;
        let mut change = TreePatch::new(&mut file);
        for (document, (from, to)) in base.document().branches.iter().zip(&side.document().branches).enumerate() {
            let (from, to) = (SopsTree::Map(from.clone()), SopsTree::Map(to.clone()));
            change.put_value(document, &ValuePath::default(), Some(&from), Some(&to));
        }
        change.finish().ok()?;
        file.plaintext().ok()
    };
    edited().is_some_and(|edited| side.plaintext().is_ok_and(|plaintext| *plaintext == *edited))
}
