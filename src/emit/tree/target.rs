//! What becomes of one target.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use super::inventory::{OutputRecord, TargetRecord, digest};
use super::local::Local;
use super::name::{FileName, KUSTOMIZATION, TargetName};
use super::page::{Claim, Claims, Standing};
use super::{Content, Found, OutputFile, Place, place};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::route::Sensitivity;
use crate::secret::Wiping;
use crate::value::Value;
use crate::yaml;

/// A file that gets new bytes.
pub(super) struct Write {
    pub(super) target: TargetName,
    pub(super) file: FileName,
    pub(super) bytes: Wiping<Vec<u8>>,
    /// Whether secrets are in the new bytes.
    pub(super) sensitivity: Sensitivity,
    /// Whether secrets were, or may have been, in the old ones.
    pub(super) before: Sensitivity,
    /// The digest of what is there; none if nothing is.
    pub(super) replaces: Option<String>,
}

/// A file that goes, as long as it has this digest.
pub(super) struct Removal {
    pub(super) target: TargetName,
    pub(super) file: FileName,
    pub(super) digest: String,
}

/// All that becomes of a target.
#[derive(Default)]
pub(super) struct Fate {
    pub(super) record: TargetRecord,
    pub(super) writes: Vec<Write>,
    pub(super) removals: Vec<Removal>,
    /// The digests of its Secrets in plaintext.
    pub(super) secrets: BTreeMap<FileName, String>,
    /// How many files are kept although they are rendered no more.
    pub(super) stale: usize,
    pub(super) warnings: Diagnostics,
    /// Files in the way.
    pub(super) foreign: Vec<String>,
    pub(super) problems: Diagnostics,
}

/// What is known of a target, and where it lies.
pub(super) struct Known<'a> {
    pub(super) place: &'a Place,
    pub(super) target: &'a TargetName,
    pub(super) record: Option<&'a Arc<TargetRecord>>,
    pub(super) claims: Option<&'a Claims>,
    pub(super) local: &'a Local,
}

impl Known<'_> {
    /// It was rendered.
    pub(super) fn rendered(
        &self,
        inputs: BTreeMap<String, String>,
        state: Option<String>,
        files: Vec<OutputFile>,
    ) -> Fate {
        let record = TargetRecord { inputs, state, outputs: BTreeMap::new() };
        let mut fate = Fate { record, ..Fate::default() };
        let Some(is_there) = self.has_folder(&mut fate) else { return fate };
        let kustomization = kustomization(&files);
        for file in files.into_iter().chain(kustomization) {
            self.place(file, is_there, &mut fate);
        }
        for file in self.files() {
            self.retire(file, &mut fate);
        }
        fate
    }

    /// It stays as it is, but for what is rendered no more: nothing if there is no such file.
    pub(super) fn unchanged(&self) -> Option<Fate> {
        let record = self.record.filter(|record| record.outputs.values().any(|output| output.stale))?;
        let TargetRecord { inputs, state, outputs } = TargetRecord::clone(record);
        let (stale, outputs): (BTreeMap<_, _>, _) = outputs.into_iter().partition(|(_, output)| output.stale);
        let record = TargetRecord { inputs, state, outputs };
        let mut fate = Fate { record, ..Fate::default() };
        for file in stale.keys() {
            self.retire(file, &mut fate);
        }
        Some(fate)
    }

    /// It is no more.
    pub(super) fn removed(&self) -> Fate {
        let mut fate = Fate::default();
        if self.has_folder(&mut fate).is_some() {
            for file in self.files() {
                self.retire(file, &mut fate);
            }
        }
        fate
    }

    /// Whether its folder is there. A link in the place of one would have files written, or removed, somewhere
    /// else: that is told.
    fn has_folder(&self, fate: &mut Fate) -> Option<bool> {
        let environment = self.place.dir.join(self.target.environment());
        let shown = format!("{}/{}", self.place.shown, self.target.environment());
        if !fate.problems.take(place::folder(&environment, &shown))? {
            return Some(false);
        }
        fate.problems.take(place::folder(&self.place.folder(self.target), &self.show_folder()))
    }

    fn show_folder(&self) -> String {
        format!("{}/{}", self.place.shown, self.target)
    }

    /// All files that an inventory names.
    fn files(&self) -> BTreeSet<&FileName> {
        let recorded = self.record.into_iter().flat_map(|record| record.outputs.keys());
        recorded.chain(self.claims.into_iter().flat_map(BTreeMap::keys)).collect()
    }

    /// What they say of one, its record first.
    fn claims(&self, file: &FileName) -> Vec<Claim> {
        let recorded = self.recorded(file).map(Claim::recorded);
        let others = self.claims.and_then(|claims| claims.get(file));
        recorded.into_iter().chain(others.into_iter().flatten().cloned()).collect()
    }

    fn recorded(&self, file: &FileName) -> Option<&OutputRecord> {
        self.record.and_then(|record| record.outputs.get(file))
    }

    /// A file that is rendered: written, if it is not there already.
    fn place(&self, file: OutputFile, is_folder_there: bool, fate: &mut Fate) {
        let OutputFile { name, content, sensitivity, fingerprint, object } = file;
        let shown = self.place.show(self.target, &name);
        let look = || if is_folder_there { self.place.look(self.target, &name) } else { Ok(Found::Nothing) };
        let found = match look() {
            Ok(found) => found,
            Err(error) => return fate.problems.push(place::unreadable(&shown, &error)),
        };
        let (hash, fingerprint) = match (content, &found) {
            (Content::Kept, Found::File(bytes)) => {
                let before = self.recorded(&name).and_then(|output| output.fingerprint.clone());
                (digest(bytes), fingerprint.or(before))
            }
            (Content::Kept, _) => {
                let error = std::io::ErrorKind::NotFound.into();
                return fate.problems.push(place::unreadable(&shown, &error));
            }
            (Content::Bytes(bytes), _) => {
                let hash = digest(&bytes);
                if !self.write(&name, bytes, sensitivity, found, fate) {
                    return fate.foreign.push(shown);
                }
                (hash, fingerprint)
            }
        };
        if sensitivity == Sensitivity::Sensitive {
            fate.secrets.insert(name.clone(), hash.clone());
        }
        let digest = (sensitivity == Sensitivity::Plain).then_some(hash);
        fate.record.outputs.insert(name, OutputRecord { digest, stale: false, fingerprint, object });
    }

    /// Whether the file may be written.
    fn write(
        &self,
        file: &FileName,
        bytes: Wiping<Vec<u8>>,
        sensitivity: Sensitivity,
        found: Found,
        fate: &mut Fate,
    ) -> bool {
        let claims = self.claims(file);
        let replaces = match found {
            Found::Nothing => None,
            Found::File(old) if *old == *bytes => return true,
            Found::File(old) => {
                let old = digest(&old);
                if !claims.iter().any(|claim| claim.owns(&old)) {
                    return false;
                }
                Some(old)
            }
            Found::Other => return false,
        };
        let was_secret = claims.iter().any(|claim| claim.digest.is_none());
        let before = if was_secret { Sensitivity::Sensitive } else { Sensitivity::Plain };
        let (target, file) = (self.target.clone(), file.clone());
        fate.writes.push(Write { target, file, bytes, sensitivity, before, replaces });
        true
    }

    /// A file that an inventory names: removed if it is rendered no more and nobody changed it.
    fn retire(&self, file: &FileName, fate: &mut Fate) {
        if fate.record.outputs.contains_key(file) || self.is_only_renamed(file, fate) {
            return;
        }
        let shown = self.place.show(self.target, file);
        let hash = match self.place.look(self.target, file) {
            Ok(Found::Nothing) => return,
            Ok(Found::File(bytes)) => Some(digest(&bytes)),
            Ok(Found::Other) => None,
            Err(error) => return fate.problems.push(place::unreadable(&shown, &error)),
        };
        let claims = self.claims(file);
        let here = self.local.get(self.target, file);
        let is_written = |hash: &String| claims.iter().any(|claim| claim.digest.as_ref().or(here) == Some(hash));
        if let Some(digest) = hash.filter(is_written) {
            return fate.removals.push(Removal { target: self.target.clone(), file: file.clone(), digest });
        }
        // what was only announced and looks otherwise is somebody else's
        let keeps = |claim: &&Claim| claim.standing != Standing::Announced || claim.digest.is_none();
        let Some(claim) = claims.iter().find(keeps) else { return };
        fate.stale += 1;
        fate.warnings.push(stale(&shown, claim));
        let recorded = self.recorded(file).cloned();
        let (fingerprint, object) = recorded.map(|output| (output.fingerprint, output.object)).unwrap_or_default();
        let output = OutputRecord { digest: claim.digest.clone(), stale: true, fingerprint, object };
        fate.record.outputs.insert(file.clone(), output);
    }

    /// Whether the file has a new name that differs in case alone, where the system tells none apart.
    fn is_only_renamed(&self, file: &FileName, fate: &Fate) -> bool {
        let real = |file: &FileName| fs::canonicalize(self.place.file(self.target, file)).ok();
        let mut alike = fate.record.outputs.keys().filter(|new| new.as_str().eq_ignore_ascii_case(file.as_str()));
        alike.any(|new| real(new).is_some_and(|path| real(file) == Some(path)))
    }
}

fn stale(shown: &str, claim: &Claim) -> Diagnostic {
    let warning = Diagnostic::warning("stale-file", format!("`{shown}` is rendered no more, and was kept"));
    match claim.digest {
        Some(_) => warning.note("it was changed since septum wrote it"),
        None => {
            warning.note("it held a Secret in plaintext, of which no digest is kept: nobody can tell if it was changed")
        }
    }
    .hint("remove it, or move it out of the output folder")
}

/// The file that makes kustomize, and Flux with it, take the files of the folder.
fn kustomization(files: &[OutputFile]) -> Option<OutputFile> {
    let names: BTreeSet<_> = files.iter().map(|file| file.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let text = yaml::write::write(&Value::map([
        ("apiVersion", Value::text("kustomize.config.k8s.io/v1beta1")),
        ("kind", Value::text("Kustomization")),
        ("resources", Value::List(names.into_iter().map(Value::text).collect())),
    ]));
    Some(OutputFile {
        name: FileName::of(KUSTOMIZATION)?,
        content: Content::Bytes(Wiping::new(text.into_bytes())),
        sensitivity: Sensitivity::Plain,
        fingerprint: None,
        object: None,
    })
}
