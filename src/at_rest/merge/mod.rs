//! Three versions of an encrypted file, merged value by value: what a merge driver of Git does.
//!
//! Values are merged in plaintext and in memory. What nobody changed keeps its ciphertext, and
//! what goes wrong leaves our version as it is.

mod change;
mod refusal;
mod sides;
mod terms;
mod tree;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::sops::{Document, Format, Identities, KeyPath, Sealed, Timestamp, Tree};

use change::{Change, both};
use refusal::Refusal;
use sides::{Encrypted, Sides};
use tree::{Comments, Difference, Verdict, differences, duplicate};

pub use sides::Versions;
pub(super) use tree::same;

/// What a merge came to.
#[derive(Debug)]
pub enum Outcome {
    /// A file to be written in place of ours.
    Merged {
        /// The file.
        bytes: Vec<u8>,
        /// The paths of values that both sides changed; each holds both of them now.
        conflicts: Vec<String>,
        /// What is good to know of it.
        notes: Diagnostics,
    },
    /// Neither side is encrypted: any merge of texts will do.
    NotEncrypted,
    /// Our version stays as it is, and why.
    Refused(Diagnostics),
}

/// Merges a file that is called `path` in the repository.
pub fn merge(path: &str, versions: Versions, identities: &Identities, now: Timestamp) -> Outcome {
    let merged = match sides::open(path, versions, identities) {
        Ok(Encrypted::Neither) => return Outcome::NotEncrypted,
        Ok(Encrypted::Both(sides)) => Merge { path, sides: &sides, identities, notes: Diagnostics::new() }.run(now),
        Err(refusal) => Err(refusal),
    };
    merged.unwrap_or_else(|refusal| Outcome::Refused(refusal.into_diagnostics(path)))
}

/// Merges what somebody made (`theirs`) of a file (`base`) that somebody else changed meanwhile: `ours` is what is
/// there now, and its data key, recipients and selector are those of the result. Nothing is left out of it: where
/// both changed the same thing, the result is an error.
pub fn merge_meanwhile(
    name: &str,
    versions: Versions,
    identities: &Identities,
    now: Timestamp,
) -> Result<Vec<u8>, Diagnostics> {
    let merged = match sides::open(name, versions, identities) {
        Ok(Encrypted::Neither) => Ok(Outcome::NotEncrypted),
        Ok(Encrypted::Both(sides)) => {
            Merge { path: name, sides: &sides, identities, notes: Diagnostics::new() }.run(now)
        }
        Err(refusal) => Err(refusal),
    };
    let stop = |cause: &str| {
        let message = format!("`{name}` was changed by somebody else meanwhile, and {cause}");
        Diagnostic::error("changed-meanwhile", message)
    };
    match merged {
        Ok(Outcome::Merged { conflicts, .. }) if !conflicts.is_empty() => {
            let stop = stop("so were values that you changed");
            let stop = conflicts.iter().fold(stop, |stop, path| stop.note(format!("`{path}`")));
            Err(stop
                .hint(format!("`septum get {name} PATH` shows theirs: take it over, or leave the value alone"))
                .into())
        }
        Ok(Outcome::Merged { notes, .. }) if notes.iter().any(|note| note.rule == "merge-comments") => {
            Err(stop("so were comments, as you did")
                .hint("put the old comments back, and change them again later")
                .into())
        }
        Ok(Outcome::Merged { bytes, .. }) => Ok(bytes),
        Ok(Outcome::NotEncrypted) => Err(stop("is not encrypted any more").into()),
        Ok(Outcome::Refused(found)) => Err(found),
        Err(refusal) => {
            let (mut found, cause) = refusal.into_cause();
            found.push(stop(&format!("the changes cannot be merged: {cause}")));
            Err(found)
        }
    }
}

struct Merge<'a> {
    path: &'a str,
    sides: &'a Sides,
    identities: &'a Identities,
    notes: Diagnostics,
}

impl<'a> Merge<'a> {
    fn run(mut self, now: Timestamp) -> Result<Outcome, Refusal> {
        let sides = self.sides;
        for (side, other) in [(&sides.ours, &sides.theirs), (&sides.theirs, &sides.ours)] {
            if sides.is_unchanged(side) {
                let (bytes, conflicts) = (other.bytes.clone(), Vec::new());
                return Ok(Outcome::Merged { bytes, conflicts, notes: self.notes });
            }
        }
        let nothing = Document::default();
        let base = sides.base.as_ref().map_or(&nothing, |base| base.file.document());
        let (ours, theirs) = (sides.ours.file.document(), sides.theirs.file.document());
        if ours.branches.len() != theirs.branches.len() {
            return Err(Refusal::Documents);
        }
        if let Some(key) = [base, ours, theirs].into_iter().find_map(duplicate) {
            return Err(Refusal::Duplicate(key.to_owned()));
        }
        let found = differences(base, ours, theirs);
        let keeper = self.keeper()?;
        let mut file = self.with_terms(keeper)?;
        match file.format() {
            Format::Binary => self.bytes(&mut file, &found)?,
            _ => self.values(&mut file, &found)?,
        }
        let exposed = file.exposed([&sides.ours.file, &sides.theirs.file]);
        if !exposed.is_empty() {
            return Err(Refusal::Exposed(exposed));
        }
        for version in sides.all() {
            file.adopt(&version.file);
        }
        let bytes = file.write(now)?;
        // nothing is written that could not be read again
        keeper.open_other(self.path, bytes.clone())?;
        let conflicts = found.iter().filter(|difference| difference.verdict == Verdict::Conflict);
        let conflicts = conflicts.map(|difference| difference.path.to_string()).collect();
        Ok(Outcome::Merged { bytes, conflicts, notes: self.notes })
    }

    /// Puts the values into the text of one side.
    fn values(&mut self, file: &mut Sealed, found: &[Difference<'_>]) -> Result<(), Refusal> {
        let carrier = self.carrier();
        file.replace(&carrier.plaintext()?)?;
        let by_ours = std::ptr::eq(carrier, &raw const self.sides.ours.file);
        let mut change = Change::new(file);
        for difference in found {
            let from = if by_ours { difference.ours } else { difference.theirs };
            change.put(difference.document, &difference.path, from, wanted(difference).as_ref())?;
        }
        change.finish()?;
        let is_section = |tree: Option<&Tree>| matches!(tree, Some(Tree::Map(map)) if map.values().count() == 0);
        for difference in found {
            let (is, wanted) = (file.get(difference.document, &difference.path), wanted(difference));
            // a section of INI stays when it is empty
            let emptied = wanted.is_none() && file.format() == Format::Ini && is_section(is);
            if !same(is, wanted.as_ref()) && !emptied {
                return Err(Refusal::Value(difference.path.clone()));
            }
        }
        Ok(())
    }

    /// A binary file has one value.
    fn bytes(&self, file: &mut Sealed, found: &[Difference<'_>]) -> Result<(), Refusal> {
        let verdict = found.first().map_or(Verdict::Ours, |difference| difference.verdict);
        let (ours, theirs) = (self.sides.ours.file.plaintext()?, self.sides.theirs.file.plaintext()?);
        match verdict {
            Verdict::Ours => file.replace(&ours)?,
            Verdict::Theirs => file.replace(&theirs)?,
            Verdict::Conflict => match (std::str::from_utf8(&ours), std::str::from_utf8(&theirs)) {
                (Ok(ours), Ok(theirs)) => file.replace(crate::sops::conflict(ours, theirs).as_bytes())?,
                _ => return Err(Refusal::Bytes),
            },
        }
        Ok(())
    }

    /// The side whose text carries the result: the one that changed more than values, or ours.
    fn carrier(&mut self) -> &'a Sealed {
        let Sides { base, ours, theirs } = self.sides;
        let (ours, theirs) = (&ours.file, &theirs.file);
        if let Some(base) = base
            && is_plain_edit(&base.file, ours)
            && !is_plain_edit(&base.file, theirs)
        {
            return theirs;
        }
        let before = base.as_ref().map(|base| Comments::of(base.file.document())).unwrap_or_default();
        let lost = Comments::of(theirs.document()).changes(&before, &Comments::of(ours.document()));
        if lost > 0 {
            let what = if lost == 1 { "a comment".to_owned() } else { format!("{lost} comments") };
            let message = format!("what theirs changed in {what} of `{}` was not taken over", self.path);
            self.notes.push(Diagnostic::warning("merge-comments", message));
        }
        ours
    }
}

/// What shall stand at the place of a difference.
fn wanted(difference: &Difference<'_>) -> Option<Tree> {
    match difference.verdict {
        Verdict::Ours => difference.ours.cloned(),
        Verdict::Theirs => difference.theirs.cloned(),
        Verdict::Conflict => Some(both(difference.ours, difference.theirs)),
    }
}

/// Whether a file is the base with other values in it, and all else as it was.
fn is_plain_edit(base: &Sealed, side: &Sealed) -> bool {
    let edited = || {
        let mut file = base.reopened().ok()?;
        let mut change = Change::new(&mut file);
        for (document, (from, to)) in base.document().branches.iter().zip(&side.document().branches).enumerate() {
            let (from, to) = (Tree::Map(from.clone()), Tree::Map(to.clone()));
            change.put(document, &KeyPath::default(), Some(&from), Some(&to)).ok()?;
        }
        change.finish().ok()?;
        file.plaintext().ok()
    };
    edited().is_some_and(|edited| side.plaintext().is_ok_and(|plaintext| *plaintext == *edited))
}
