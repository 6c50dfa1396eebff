//! Planning of one target.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use super::cache::{FileStamp, MadeFile, MadeTarget, SecretDigests, TargetInputs, TreeCache};
use super::digest::digest_bytes;
use super::inventory::{OwnedFile, OwnedFiles};
use super::name::{FileName, KUSTOMIZATION, TargetName};
use super::output::{OutputContent, OutputFile, RenderedFiles};
use super::ownership::{Inventories, OwnershipClaim};
use super::place;
use super::root::{TreeEntry, TreeRoot};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::route::Sensitivity;
use crate::secret::Wiping;
use crate::sort::{CollectSorted, sort};
use crate::value::OutputValue;
use crate::yaml;

/// A file with new bytes.
pub(super) struct FileWrite {
    pub(super) target: TargetName,
    pub(super) file: FileName,
    pub(super) bytes: Wiping<Vec<u8>>,
    /// Sensitivity of the new bytes.
    pub(super) sensitivity: Sensitivity,
    /// Sensitivity of the old bytes: sensitive if they may have contained secrets.
    pub(super) before: Sensitivity,
    /// Whether it replaces an existing file.
    pub(super) replaces: bool,
}

/// A file that is to be removed, as long as it has this digest.
pub(super) struct FileRemoval {
    pub(super) target: TargetName,
    pub(super) file: FileName,
    pub(super) digest: String,
}

/// A file of Septum's that is no longer generated, and is kept because it may have been edited.
pub(super) struct EditedFile {
    pub(super) shown: String,
    /// Whether it is unknown whether it was edited: it may be a Secret in plaintext.
    pub(super) is_secret: bool,
}

/// Planned changes of a target.
#[derive(Default)]
pub(super) struct TargetPlan {
    /// Its record for the inventory.
    pub(super) record: OwnedFiles,
    pub(super) writes: Vec<FileWrite>,
    pub(super) removals: Vec<FileRemoval>,
    /// The digests of its Secrets in plaintext.
    pub(super) secrets: SecretDigests,
    pub(super) memory: TargetMemory,
    /// Stat data of its directory, if it contains only files of the target.
    pub(super) directory: Option<FileStamp>,
    pub(super) edited: Vec<EditedFile>,
    /// Entries of its directory that do not belong to it.
    pub(super) strays: Vec<String>,
    /// Files in the way.
    pub(super) foreign: Vec<String>,
    pub(super) problems: Diagnostics,
}

/// Cache entry of a target for the next run.
#[derive(Default)]
pub(super) enum TargetMemory {
    /// The previous one.
    #[default]
    AsBefore,
    /// None: the target no longer exists, or has to be rendered again in any case.
    Forgotten,
    /// The target as it was made.
    Made(MadeTarget<TargetInputs>),
}

/// A target in a tree.
pub(super) struct TargetDirectory<'a> {
    root: &'a TreeRoot,
    target: &'a TargetName,
    inventories: &'a Inventories,
    ownership: BTreeMap<FileName, OwnershipClaim>,
    cache: &'a TreeCache,
}

impl<'a> TargetDirectory<'a> {
    pub(super) fn new(
        root: &'a TreeRoot,
        target: &'a TargetName,
        inventories: &'a Inventories,
        cache: &'a TreeCache,
    ) -> Self {
        Self { root, target, inventories, ownership: BTreeMap::new(), cache }
    }

    fn with_ownership(mut self) -> Self {
        self.ownership = self.inventories.of_target(self.target);
        self
    }

    /// It was rendered.
    pub(super) fn plan_rendered(self, rendering: RenderedFiles) -> TargetPlan {
        let RenderedFiles { inputs, state, files, .. } = rendering;
        let this = self.with_ownership();
        let mut plan = TargetPlan::default();
        let Some(is_there) = this.has_directory(&mut plan) else { return plan };
        let kustomization = make_kustomization(&files);
        let mut digests = BTreeMap::new();
        for file in files.into_iter().chain(kustomization) {
            let name = file.name.clone();
            if let Some(digest) = this.place(file, is_there, &mut plan) {
                digests.insert(name, digest);
            }
        }
        let made_file = |(name, owned): (&FileName, &OwnedFile)| {
            let digest = owned.digest.clone().or_else(|| digests.get(name).cloned())?;
            Some((name.clone(), MadeFile { owned: owned.clone(), digest }))
        };
        let files = plan.record.iter().filter_map(made_file).collect_map();
        plan.memory = match state {
            Some(state) => TargetMemory::Made(MadeTarget { state, inputs, files, directory: None }),
            None => TargetMemory::Forgotten,
        };
        this.clear(is_there, &mut plan);
        plan
    }

    /// Plans a target that stays as it was made, except for other entries in its directory. `inputs` are its new
    /// inputs, if they differ.
    pub(super) fn plan_unchanged(self, inputs: Option<TargetInputs>) -> Option<TargetPlan> {
        let made = self.cache.targets().get(self.target)?;
        let record: OwnedFiles = made.files.iter().map(|(name, file)| (name.clone(), file.owned.clone())).collect_map();
        let stamp = FileStamp::of(&self.root.target_directory(self.target));
        let is_said = self.inventories.match_exactly(self.target, &record);
        if inputs.is_none() && is_said && stamp.is_some() && stamp == made.directory {
            return None;
        }
        let memory = inputs.map_or(TargetMemory::AsBefore, |inputs| {
            let MadeTarget { state, files, directory, .. } = made.clone();
            TargetMemory::Made(MadeTarget { state, inputs, files, directory })
        });
        let this = self.with_ownership();
        let secrets = this.cache.secrets(this.target).cloned().unwrap_or_default();
        let mut plan = TargetPlan { record, secrets, memory, ..TargetPlan::default() };
        let is_there = this.has_directory(&mut plan).unwrap_or_default();
        this.clear(is_there, &mut plan);
        let is_clear = plan.strays.is_empty() && plan.edited.is_empty() && plan.removals.is_empty();
        plan.directory = stamp.filter(|stamp| is_clear && this.cache.is_settled(stamp));
        Some(plan)
    }

    /// Plans a target that no longer exists.
    pub(super) fn plan_removed(self) -> TargetPlan {
        let this = self.with_ownership();
        let mut plan = TargetPlan { memory: TargetMemory::Forgotten, ..TargetPlan::default() };
        if let Some(is_there) = this.has_directory(&mut plan) {
            this.clear(is_there, &mut plan);
        }
        plan
    }

    /// Decides about all entries that are not in its record: Septum's files are retired, and others are not touched.
    fn clear(&self, is_there: bool, plan: &mut TargetPlan) {
        if !is_there {
            return;
        }
        let mut known: BTreeSet<String> = plan.record.keys().map(|name| name.as_str().to_owned()).collect_set();
        for (file, ownership) in &self.ownership {
            if known.insert(file.as_str().to_owned()) && !self.is_only_renamed(file, plan) {
                let is_ours = self.retire(file, ownership, plan);
                if !is_ours {
                    known.remove(file.as_str());
                }
            }
        }
        let shown = self.show_directory();
        let entries = match fs::read_dir(self.root.target_directory(self.target)) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>(),
            Err(error) => Err(error),
        };
        match entries {
            Err(error) => plan.problems.push(Diagnostic::unreadable(&shown, &error)),
            Ok(entries) => {
                // where the system ignores case, a file may still have its previous name
                let is_renamed = |name: &str| FileName::of(name).is_some_and(|name| self.is_only_renamed(&name, plan));
                // a name that is not text belongs to no file of a target, though it may look like one
                let is_known =
                    |name: &OsStr| name.to_str().is_some_and(|name| known.contains(name) || is_renamed(name));
                let names = entries.into_iter().map(|entry| entry.file_name()).filter(|name| !is_known(name));
                let mut strays: Vec<_> = names.map(|name| format!("{shown}/{}", name.to_string_lossy())).collect();
                sort(&mut strays);
                plan.strays = strays;
            }
        }
    }

    /// Whether its directory exists. A link in its place would have files written, or removed, elsewhere: that is an
    /// error.
    fn has_directory(&self, plan: &mut TargetPlan) -> Option<bool> {
        let environment = self.root.dir.join(self.target.environment());
        let shown = format!("{}/{}", self.root.shown, self.target.environment());
        if !plan.problems.take(place::is_real_directory(&environment, &shown))? {
            return Some(false);
        }
        plan.problems.take(place::is_real_directory(&self.root.target_directory(self.target), &self.show_directory()))
    }

    fn show_directory(&self) -> String {
        format!("{}/{}", self.root.shown, self.target)
    }

    /// Adds a rendered file: written, if it does not have these bytes already. Returns the digest of a Secret in
    /// plaintext.
    fn place(&self, file: OutputFile, is_directory_there: bool, plan: &mut TargetPlan) -> Option<String> {
        let OutputFile { name, content, sensitivity, fingerprint } = file;
        let shown = self.root.show(self.target, &name);
        let look =
            || if is_directory_there { self.root.find_entry(self.target, &name) } else { Ok(TreeEntry::Nothing) };
        let found = match look() {
            Ok(found) => found,
            Err(error) => {
                plan.problems.push(Diagnostic::unreadable(&shown, &error));
                return None;
            }
        };
        let ownership = self.ownership.get(&name);
        let listed = || ownership.and_then(|it| it.inputs.iter().next().cloned());
        let (bytes, inputs) = match (content, found) {
            (OutputContent::Kept, TreeEntry::File(bytes)) => (bytes, fingerprint.or_else(listed)),
            (OutputContent::Kept, _) => {
                plan.problems.push(Diagnostic::unreadable(&shown, &io::ErrorKind::NotFound.into()));
                return None;
            }
            (OutputContent::Outline(text), found) => {
                let bytes = Wiping::new(text.into_bytes());
                self.write(&name, bytes, sensitivity, &found, plan);
                plan.record.insert(name, OwnedFile::default());
                return None;
            }
            (OutputContent::Bytes(bytes), TreeEntry::File(old)) if *old == *bytes => (old, fingerprint),
            (OutputContent::Bytes(bytes), found) => {
                if !self.may_write(&name, &found) {
                    plan.foreign.push(shown);
                }
                let digest = self.digest_for_record(&bytes, sensitivity);
                self.write(&name, bytes, sensitivity, &found, plan);
                return enter_file(name, digest, sensitivity, fingerprint, plan);
            }
        };
        let digest = self.digest_for_record(&bytes, sensitivity);
        enter_file(name, digest, sensitivity, inputs, plan)
    }

    /// The digest by which a file is recorded: keyed where it is a secret.
    fn digest_for_record(&self, bytes: &[u8], sensitivity: Sensitivity) -> String {
        match sensitivity {
            Sensitivity::Sensitive => self.cache.digest(bytes),
            Sensitivity::Plain => digest_bytes(bytes),
        }
    }

    /// Whether a file may be written over the entry in its place.
    fn may_write(&self, file: &FileName, found: &TreeEntry) -> bool {
        match found {
            TreeEntry::Nothing => true,
            TreeEntry::Other => false,
            TreeEntry::File(old) => {
                let is_owned = |ownership: &OwnershipClaim| ownership.may_replace(&digest_bytes(old));
                self.ownership.get(file).is_some_and(is_owned) || self.cache.has_written(self.target, file, old)
            }
        }
    }

    fn write(
        &self,
        file: &FileName,
        bytes: Wiping<Vec<u8>>,
        sensitivity: Sensitivity,
        found: &TreeEntry,
        plan: &mut TargetPlan,
    ) {
        let was_secret = self.ownership.get(file).is_some_and(|ownership| ownership.is_secret);
        let before = if was_secret { Sensitivity::Sensitive } else { Sensitivity::Plain };
        let replaces = !matches!(found, TreeEntry::Nothing);
        let (target, file) = (self.target.clone(), file.clone());
        plan.writes.push(FileWrite { target, file, bytes, sensitivity, before, replaces });
    }

    /// Retires a file that an inventory lists and that is not generated: removed if it was not edited. Returns
    /// whether it is Septum's.
    fn retire(&self, file: &FileName, ownership: &OwnershipClaim, plan: &mut TargetPlan) -> bool {
        let shown = self.root.show(self.target, file);
        let bytes = match self.root.find_entry(self.target, file) {
            Ok(TreeEntry::Nothing) => return true,
            Ok(TreeEntry::File(bytes)) => Some(bytes),
            Ok(TreeEntry::Other) => None,
            Err(error) => {
                plan.problems.push(Diagnostic::unreadable(&shown, &error));
                return true;
            }
        };
        if let Some(bytes) = &bytes {
            let digest = digest_bytes(bytes);
            if ownership.digests.contains(&digest) || self.cache.has_written(self.target, file, bytes) {
                plan.removals.push(FileRemoval { target: self.target.clone(), file: file.clone(), digest });
                return true;
            }
        }
        // a file that was only about to be written and has other bytes is not Septum's
        if !ownership.is_listed && !ownership.is_secret {
            return false;
        }
        let is_secret = ownership.is_secret && bytes.is_some();
        plan.edited.push(EditedFile { shown, is_secret });
        let digest = if ownership.is_secret { None } else { ownership.digests.iter().next().cloned() };
        plan.record.insert(file.clone(), OwnedFile { digest, inputs: ownership.inputs.iter().next().cloned() });
        if let Some(digests) = self.cache.secrets(self.target).and_then(|secrets| secrets.get(file)) {
            plan.secrets.insert(file.clone(), digests.clone());
        }
        true
    }

    /// Whether the new name of the file differs in case alone, where the system ignores case. A link to it is another
    /// file.
    fn is_only_renamed(&self, file: &FileName, plan: &TargetPlan) -> bool {
        let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        let path = |file: &FileName| Some(self.root.target_file(self.target, file)).filter(|path| !is_link(path));
        let real = |file: &FileName| crate::disk::canonical_path(path(file)?).ok();
        let is_alike = |new: &&FileName| *new != file && new.as_str().eq_ignore_ascii_case(file.as_str());
        let mut alike = plan.record.keys().filter(is_alike);
        alike.any(|new| real(new).is_some_and(|path| real(file) == Some(path)))
    }
}

/// Records a file by its digests, the second of which is keyed.
fn enter_file(
    name: FileName,
    digest: String,
    sensitivity: Sensitivity,
    inputs: Option<String>,
    plan: &mut TargetPlan,
) -> Option<String> {
    let (open, keyed) = match sensitivity {
        Sensitivity::Sensitive => (None, Some(digest)),
        Sensitivity::Plain => (Some(digest), None),
    };
    if let Some(keyed) = &keyed {
        plan.secrets.insert(name.clone(), [keyed.clone()].into());
    }
    plan.record.insert(name, OwnedFile { digest: open, inputs });
    keyed
}

/// Warning: a file is kept although it is not generated.
pub(super) fn edited_file(EditedFile { shown, is_secret }: &EditedFile) -> Diagnostic {
    let warning = Diagnostic::warning(Rule::StaleFile, format!("`{shown}` is no longer generated, but was kept"));
    let warning = if *is_secret {
        warning.note("it is a plaintext Secret, and this machine has no record to tell whether it was edited")
    } else {
        warning.note("it was edited since septum wrote it")
    };
    warning.hint("remove it, or move it out of the output directory")
}

/// Warning: a file is not generated, and is not Septum's.
pub(super) fn stray_file(shown: &str) -> Diagnostic {
    Diagnostic::warning(Rule::StrayFile, format!("`{shown}` is not generated by any app"))
        .note("septum did not write it and keeps it; a controller that applies the directory may apply it too")
        .hint("remove it, or move it out of the output directory; if it belongs to an app, add it to `manifests`")
}

/// The file that makes kustomize, and Flux with it, use the files of the directory.
fn make_kustomization(files: &[OutputFile]) -> Option<OutputFile> {
    let names = files.iter().map(|file| file.name.as_str()).collect_set();
    if names.is_empty() {
        return None;
    }
    let text = yaml::write::write_document(&OutputValue::map([
        ("apiVersion", OutputValue::text("kustomize.config.k8s.io/v1beta1")),
        ("kind", OutputValue::text("Kustomization")),
        ("resources", OutputValue::List(names.into_iter().map(OutputValue::text).collect())),
    ]));
    Some(OutputFile {
        name: FileName::of(KUSTOMIZATION)?,
        content: OutputContent::Bytes(Wiping::new(text.into_bytes())),
        sensitivity: Sensitivity::Plain,
        fingerprint: None,
    })
}
