//! Automatic fixes of findings, which need no human decision.
//!
//! A moved value is in its encrypted file, on disk, before it leaves the plaintext one: a run that is killed in
//! between leaves it in both, and the next run completes the move. A finding is fixed as a whole or not at all, and
//! one that is not fixed has a reason. Everything else stays as it is, byte for byte, and no value changes: an
//! encrypted file is merged right after the layer that it belongs to.

mod bounds;
mod broken;
mod draft;
mod entry_path;
mod lines;
mod preview;
mod refusal;
mod secrets_file;

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use self::bounds::resolve_inside;
use self::broken::BrokenApps;
use self::draft::{EntryChange, EntryChangeKind, LayerDraft};
use self::refusal::FixError;
use self::secrets_file::{MovedValue, SecretsFileEdit};
use crate::atomic::Access;
use crate::check::{EntryLocation, Finding, Fix};
use crate::diagnostic::{Rule, shell_word};
use crate::files::ProjectFiles;
use crate::map::HashMap;
use crate::secret_files::{
    ContentBefore, FileContent, FileRewrite, RecipientOptions, SecretFile, StagedWrite, TextValueKind, WaitCallback,
    encrypt_secret_file, encrypt_typed, parse_typed, plan_encryption, write_all,
};
use crate::sops::{Identities, SopsConfigCache, SopsFormat, Timestamp};
use crate::span::Source;

pub use preview::{FixPreview, preview_fix};

/// Inputs of a fix.
#[derive(Clone, Copy)]
pub struct FixContext<'a> {
    /// The project.
    pub files: &'a ProjectFiles,
    /// The rules of `.sops.yaml`.
    pub rules: &'a SopsConfigCache,
    /// Identities for encrypted files.
    pub identities: &'a Identities,
    /// Recipients of files for which no rule names any.
    pub recipient_options: &'a RecipientOptions,
    /// The current time.
    pub now: Timestamp,
    /// Reports that a file is locked.
    pub waiting: WaitCallback<'a>,
}

/// A fixed finding.
#[derive(Debug, Clone)]
pub struct AppliedFix {
    /// The rule of the finding.
    pub rule: Rule,
    /// Description of the fix.
    pub message: String,
    /// The file that the finding was in.
    pub file: String,
    /// Whether its plaintext was readable.
    pub was_open: bool,
}

/// Applies all possible fixes, and returns them; other findings get a reason. Fixes may reveal other findings: the
/// caller has to check again.
pub fn apply_fixes(desk: FixContext<'_>, findings: &mut [Finding]) -> Vec<AppliedFix> {
    let broken = BrokenApps::of(findings);
    let mut fixed = Vec::new();
    let mut encrypted = BTreeSet::new();
    let mut layers: BTreeMap<String, Vec<&mut Finding>> = BTreeMap::new();
    for finding in findings {
        let Some(remedy) = finding.fix.clone() else { continue };
        // a file that cannot be decrypted for that very reason has no other problem
        if broken.affects_finding(finding) && finding.diagnostic.rule != Rule::SopsPlaintext {
            refuse_fix(finding, &FixError::Unreadable);
            continue;
        }
        match remedy {
            Fix::Encrypt(name) if encrypted.contains(&name) => {}
            Fix::Encrypt(name) => match desk.encrypt(&name) {
                Ok(message) => {
                    fixed.push(applied_fix(finding, message, &name, true));
                    encrypted.insert(name);
                }
                Err(refusal) => refuse_fix(finding, &refusal),
            },
            Fix::Declare(spot) | Fix::Move { location: spot, .. } | Fix::Rename { location: spot, .. } => {
                layers.entry(spot.place.source.name().to_owned()).or_default().push(finding);
            }
        }
    }
    for (name, findings) in layers {
        // its plaintext is gone
        if !encrypted.contains(&name) {
            fixed.extend(desk.fix_layer(&name, findings));
        }
    }
    fixed
}

fn refuse_fix(finding: &mut Finding, refusal: &FixError) {
    finding.skip_fix(refusal.to_string());
}

fn refuse_all<'f>(findings: impl IntoIterator<Item = &'f mut Finding>, refusal: &FixError) {
    for finding in findings {
        refuse_fix(finding, refusal);
    }
}

fn applied_fix(finding: &Finding, message: String, file: &str, was_open: bool) -> AppliedFix {
    AppliedFix { rule: finding.diagnostic.rule, message, file: file.to_owned(), was_open }
}

/// A value that is moved out of a layer.
struct PendingMove<'f> {
    finding: &'f mut Finding,
    path: Vec<String>,
    location: EntryLocation,
    keeps_key: bool,
    kind: TextValueKind,
}

impl FixContext<'_> {
    /// Encrypts a file, or values that a user entered in plaintext into an encrypted one. Returns a description.
    fn encrypt(self, name: &str) -> Result<String, FixError> {
        let path = resolve_inside(self.files, name)?;
        let file = SecretFile::read_as(path, name.to_owned(), SopsFormat::Yaml)?;
        let before = ContentBefore::Content(FileContent::of(&file.bytes));
        let (staged, message) = match encrypt_typed(&file, self.rules, self.identities, self.now)? {
            Some((staged, typed)) => {
                let count = if typed.values == 1 { "1 value".to_owned() } else { format!("{} values", typed.values) };
                let message = format!(
                    "plaintext values in `{name}` are now encrypted ({count}); the MAC of the other values could not be verified: review `git diff -- {}`",
                    shell_word(name)
                );
                (staged, message)
            }
            None => {
                let plan = plan_encryption(self.rules, &file.path, name, self.recipient_options)?;
                (encrypt_secret_file(file, &plan, self.now)?.0, format!("`{name}` is now encrypted"))
            }
        };
        write_all(vec![FileRewrite::unless_changed(before, staged)], self.waiting)?;
        Ok(message)
    }

    /// Fixes the findings of one layer.
    fn fix_layer(self, name: &str, findings: Vec<&mut Finding>) -> Vec<AppliedFix> {
        let mut draft = match self.open_draft(name, &findings) {
            Ok(draft) => draft,
            Err(refusal) => {
                refuse_all(findings, &refusal);
                return Vec::new();
            }
        };
        let (mut editing, mut edited, mut moving) = (Vec::new(), Vec::new(), Vec::new());
        for finding in findings {
            let Some(remedy) = finding.fix.clone() else { continue };
            let Some(spot) = remedy.entry_location() else { continue };
            // all of them before the first change: their locations are those of the file
            match (draft.find(spot), remedy) {
                (Err(refusal), _) => refuse_fix(finding, &refusal),
                (Ok(path), Fix::Move { location: spot, keeps_key, is_scalar, .. }) => {
                    let kind = if is_scalar { TextValueKind::Scalar } else { TextValueKind::Text };
                    moving.push(PendingMove { finding, path, location: spot, keeps_key, kind });
                }
                (Ok(path), Fix::Rename { location, new }) => {
                    let message = format!("`{}` is now `{new}` in `{name}`", location.entry.key);
                    editing.push((finding, path, Some(new), message));
                }
                (Ok(path), _) => {
                    let label = finding.label().unwrap_or_default();
                    editing.push((finding, path, None, format!("`{label}` is now declared sensitive in `{name}`")));
                }
            }
        }
        let changes: Vec<_> = editing
            .iter()
            .map(|(_, path, new, _)| {
                let kind = new.as_ref().map_or(EntryChangeKind::Declare, |new| EntryChangeKind::Rename(new.as_str()));
                EntryChange { path, kind }
            })
            .collect();
        let made = draft.change_all(&changes);
        for ((finding, _, _, message), made) in editing.into_iter().zip(made) {
            match made {
                Ok(_) => edited.push((finding, message)),
                Err(refusal) => refuse_fix(finding, &refusal),
            }
        }
        let mut fixed = Vec::new();
        if !moving.is_empty() {
            fixed.extend(self.move_all(name, &mut draft, moving));
        }
        if let Err(refusal) = self.write(name, &mut draft) {
            refuse_all(edited.into_iter().map(|(finding, _)| finding), &refusal);
            return fixed;
        }
        fixed.extend(edited.into_iter().map(|(finding, message)| applied_fix(finding, message, name, false)));
        fixed
    }

    /// Reads the file, which must be the one that was checked.
    fn open_draft(self, name: &str, findings: &[&mut Finding]) -> Result<LayerDraft, FixError> {
        let path = resolve_inside(self.files, name)?;
        let bytes = Zeroizing::new(SecretFile::read_as(path, name.to_owned(), SopsFormat::Yaml)?.bytes);
        let spots = findings.iter().filter_map(|finding| finding.fix.as_ref()?.entry_location());
        // nearly all findings have one source
        let sources: HashMap<_, _> =
            spots.map(|spot| (spot.place.source.text().as_ptr(), &spot.place.source)).collect();
        let is_same = |source: &&Source| source.text().as_bytes() == bytes.as_slice();
        let text = std::str::from_utf8(&bytes).ok().filter(|_| sources.values().all(is_same));
        LayerDraft::read(name, text.ok_or(FixError::Changed)?)
    }

    /// Moves values to the encrypted file of a layer, and writes both. The draft is without them then, or unchanged
    /// if nothing was moved.
    fn move_all(self, name: &str, draft: &mut LayerDraft, moving: Vec<PendingMove<'_>>) -> Vec<AppliedFix> {
        let mut companion = match SecretsFileEdit::open(self, name) {
            Ok(companion) => companion,
            Err(refusal) => {
                refuse_all(moving.into_iter().map(|it| it.finding), &refusal);
                return Vec::new();
            }
        };
        let before = draft.clone();
        let leaving = take_all(draft, &mut companion, moving);
        if leaving.is_empty() {
            return Vec::new();
        }
        let (to, paths) = (companion.name.clone(), leaving.iter().map(|it| it.path.as_slice()).collect::<Vec<_>>());
        let written = companion.write(self, &paths);
        if let Err(refusal) = written.and_then(|()| self.write(name, draft)) {
            *draft = before;
            refuse_all(leaving.into_iter().map(|it| it.finding), &refusal);
            return Vec::new();
        }
        let moved = leaving.into_iter().map(|PendingMove { finding, .. }| {
            let label = finding.label().unwrap_or_default();
            applied_fix(finding, format!("`{label}` moved from `{name}` to `{to}`"), name, true)
        });
        moved.collect()
    }

    fn write(self, name: &str, draft: &mut LayerDraft) -> Result<(), FixError> {
        let Some(before) = draft.changed_from() else { return Ok(()) };
        let before = ContentBefore::Content(FileContent::of(before.as_bytes()));
        let path = resolve_inside(self.files, name)?;
        let bytes = draft.text().as_bytes().to_vec();
        let staged = StagedWrite { path, name: name.to_owned(), bytes, access: Access::Usual };
        write_all(vec![FileRewrite::unless_changed(before, staged)], self.waiting)?;
        draft.note_written();
        Ok(())
    }
}

impl PendingMove<'_> {
    fn change(&self) -> EntryChange<'_> {
        EntryChange { path: &self.path, kind: EntryChangeKind::Take { keeps_key: self.keeps_key } }
    }
}

/// Moves values from a draft to the encrypted file, each from one to the other or not at all. Returns those that were
/// moved.
fn take_all<'f>(
    draft: &mut LayerDraft,
    companion: &mut SecretsFileEdit,
    moving: Vec<PendingMove<'f>>,
) -> Vec<PendingMove<'f>> {
    let taken = draft.clone().change_all(&moving.iter().map(PendingMove::change).collect::<Vec<_>>());
    let (mut parsed, mut values) = (Vec::new(), Vec::new());
    for (it, taken) in moving.into_iter().zip(taken) {
        let value = taken.and_then(|text| {
            let text = text.ok_or(FixError::Lost)?;
            parse_typed(text.as_bytes(), it.kind).map_err(|problem| FixError::Diagnosed(problem.to_string()))
        });
        match value {
            Ok(value) => {
                parsed.push(it);
                values.push(value);
            }
            Err(refusal) => refuse_fix(it.finding, &refusal),
        }
    }
    let put = parsed.iter().zip(values).map(|(it, value)| MovedValue { path: &it.path, location: &it.location, value });
    let put = companion.put_all(put.collect());
    let mut accepted = Vec::new();
    for (it, put) in parsed.into_iter().zip(put) {
        match put {
            Ok(()) => accepted.push(it),
            Err(refusal) => refuse_fix(it.finding, &refusal),
        }
    }
    // those that were refused stay in the draft
    let taken = draft.change_all(&accepted.iter().map(PendingMove::change).collect::<Vec<_>>());
    let mut leaving = Vec::new();
    for (it, taken) in accepted.into_iter().zip(taken) {
        match taken {
            Ok(_) => leaving.push(it),
            Err(refusal) => refuse_fix(it.finding, &refusal),
        }
    }
    leaving
}
