//! Values that a recipient could ever decrypt, from the history of the encrypted files; no key is used.

mod timeline;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Diagnostics, shown_path};
use crate::disk::{BoundedRoot, Disk, FileReadError};
use crate::git::{CommitHistory, ParentFile, sparse_work_tree};
use crate::map::HashMap;
use crate::pipeline::{Pipeline, SurveyOptions};
use crate::project::{INCOMING, Project, SECRETS};
use crate::sops::{Identities, IdentitySources, Recipient, canonical_recipient};
use crate::sort::CollectSorted;
use crate::view::StackOrder;
use crate::visibility::KeyAccess;

use timeline::FileTimeline;
use version::{EncryptedVersion, read_plaintext_values};

/// Largest version of a file that is searched, in bytes.
const LONGEST: u64 = 4 << 20;

/// Everything that a recipient could decrypt. Serialised in `exposure --format json`.
#[derive(Debug, Default, Serialize)]
pub struct Exposure {
    /// The values, by file and key.
    pub values: Vec<ExposedKey>,
    /// Files of which a version could not be read.
    pub unread: Vec<String>,
    /// Whether earlier commits are missing: it is a shallow clone.
    pub shallow: bool,
    /// Whether versions of files may be missing: it is a partial clone.
    pub partial: bool,
}

/// A value that a recipient could decrypt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposedKey {
    /// The file, from the root of the repository.
    pub file: String,
    /// Path of the value in the file.
    pub key: String,
    /// Environments that use the file.
    pub environments: Vec<String>,
    /// First commit in which the recipient could decrypt it; absent if it is not committed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<CommitView>,
    /// Whether the recipient can decrypt it now, and else whether it was changed.
    pub state: ExposureState,
}

/// A commit, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitView {
    /// Its name.
    pub commit: String,
    /// The day on which it was committed.
    pub day: String,
}

/// State of a value that a recipient could decrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExposureState {
    /// The value is in plaintext: anyone who can read the repository can read it.
    Plaintext,
    /// The recipient can decrypt it now.
    Current,
    /// The recipient cannot decrypt the file any more, and the value is the one that it could.
    Unchanged,
    /// The ciphertext is new, with a new data key: the value was changed or only encrypted again.
    ChangedOrReencrypted,
    /// The value was changed after the recipient could last decrypt it.
    Changed,
    /// The file or the value does not exist any more.
    Removed,
}

/// Finds everything that a recipient could decrypt, in the commits of the checked-out branch and in the files as they
/// are. With a revision, what it could decrypt at that revision or later.
pub fn find_exposure(directory: &Path, recipient: &Recipient, since: Option<&str>) -> Result<Exposure, Diagnostics> {
    let history = CommitHistory::read(directory, since)?;
    let wanted = canonical_recipient(recipient.as_str());
    let mut reader = VersionReader { history: &history, known: HashMap::default(), unread: BTreeSet::new() };
    let environments = environments_by_file(directory)?;
    let timelines = reader.timelines(environments.keys())?;
    let mut values = Vec::new();
    for (path, timeline) in &timelines {
        let name = shown_path(path);
        for (key, first, state) in timeline.exposed_values(&wanted) {
            let commit = first.and_then(|commit| history.commits.get(commit));
            let since = commit.map(|commit| CommitView { commit: commit.id.clone(), day: commit.day.clone() });
            let environments = environments_of(&environments, &history.root, path);
            values.push(ExposedKey { file: name.clone(), key, environments, since, state });
        }
    }
    let unread = reader.unread.iter().map(|path| shown_path(path)).collect();
    Ok(Exposure { values, unread, shallow: history.is_shallow, partial: history.is_partial })
}

/// Reader of the versions of files; each content is read once.
struct VersionReader<'h> {
    history: &'h CommitHistory,
    known: HashMap<(String, PathBuf), Option<Rc<EncryptedVersion>>>,
    unread: BTreeSet<PathBuf>,
}

impl VersionReader<'_> {
    /// The versions of each file that is or was encrypted. Layers count also where Git ignores them.
    fn timelines<'p>(
        &mut self,
        layers: impl Iterator<Item = &'p PathBuf>,
    ) -> Result<BTreeMap<PathBuf, FileTimeline>, Diagnostic> {
        let mut timelines: BTreeMap<PathBuf, FileTimeline> = BTreeMap::new();
        let history = self.history;
        for versions in history.versions.chunk_by(|one, other| one.commit == other.commit) {
            let mut moves = FileMoves::default();
            for version in versions {
                let content = version.blob.as_ref().and_then(|blob| self.read_blob(blob, &version.path));
                let known = timelines.get(&version.path);
                if content.is_none() && known.is_none() {
                    continue;
                }
                if let (None, Some(last)) = (&version.blob, known.and_then(FileTimeline::last)) {
                    moves.gone.push((version.path.clone(), Rc::clone(last)));
                }
                if let (ParentFile::Missing, Some(content)) = (&version.parent, &content) {
                    moves.new.push((version.path.clone(), Rc::clone(content)));
                }
                let former = match &version.parent {
                    ParentFile::Present(Some(blob)) => self.read_blob(blob, &version.path),
                    ParentFile::Present(None) | ParentFile::Missing => None,
                };
                let is_before = history.is_before(version.commit);
                let timeline = timelines.entry(version.path.clone()).or_default();
                timeline.push(version.commit, content, former, is_before);
            }
            moves.follow(&mut timelines);
        }
        // also where there is no version yet: what was never committed can be decrypted, too
        let layers = layers.filter_map(|path| path.strip_prefix(&history.root).ok());
        let bounds = BoundedRoot::new(Disk::default(), &history.root);
        let bounds = bounds.map_err(|error| Diagnostic::unreadable("the work tree", &error))?;
        for path in history.changed_files.iter().map(PathBuf::as_path).chain(layers) {
            // a link is the file that it leads to
            let real = bounds.resolve(&history.root.join(path)).ok();
            let real = real.as_ref().and_then(|real| real.as_path().strip_prefix(&history.root).ok());
            timelines.entry(real.unwrap_or(path).to_path_buf()).or_default();
        }
        let mut current = BTreeMap::new();
        let mut moves = FileMoves::default();
        for (path, timeline) in &timelines {
            let bytes = self.read_current(&bounds, path, timeline.is_empty());
            let content = bytes.clone().and_then(|bytes| self.parse(path, bytes));
            match (timeline.last(), &content) {
                (Some(last), _) if bytes.is_none() => moves.gone.push((path.clone(), Rc::clone(last))),
                (None, Some(content)) if timeline.is_empty() => moves.new.push((path.clone(), Rc::clone(content))),
                _ => {}
            }
            let plaintext = bytes.filter(|_| !timeline.is_empty());
            let plaintext = plaintext.map(|bytes| read_plaintext_values(path, &bytes)).unwrap_or_default();
            current.insert(path.clone(), (content, plaintext));
        }
        moves.follow(&mut timelines);
        for (path, timeline) in &mut timelines {
            let (content, plaintext) = current.remove(path).unwrap_or_default();
            timeline.finish(content, plaintext);
        }
        Ok(timelines)
    }

    /// The content of a file of the work tree; a link in its place leads to no file outside.
    fn read_current(&mut self, bounds: &BoundedRoot, path: &Path, is_new: bool) -> Option<Vec<u8>> {
        let read = bounds.resolve(&self.history.root.join(path)).and_then(|real| bounds.read(&real, LONGEST));
        match read {
            Ok(bytes) => Some(bytes),
            // what a sparse checkout leaves out is there all the same
            Err(FileReadError::Missing) => {
                let content = self.history.content(self.history.left_out(path)?, LONGEST);
                if content.is_err() {
                    self.unread.insert(path.to_path_buf());
                }
                content.ok()
            }
            // a file that is there and cannot be read may have values
            Err(FileReadError::TooBig(_) | FileReadError::Io(_)) => {
                self.unread.insert(path.to_path_buf());
                None
            }
            // a directory or a link was never an encrypted file, unless it is in the place of one
            Err(_) if is_new => None,
            Err(_) => {
                self.unread.insert(path.to_path_buf());
                None
            }
        }
    }

    fn read_blob(&mut self, blob: &str, path: &Path) -> Option<Rc<EncryptedVersion>> {
        let key = (blob.to_owned(), path.to_path_buf());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = match self.history.content(blob, LONGEST) {
            Ok(bytes) => self.parse(path, bytes),
            Err(_) => {
                self.unread.insert(path.to_path_buf());
                None
            }
        };
        self.known.insert(key, found.clone());
        found
    }

    fn parse(&mut self, path: &Path, bytes: Vec<u8>) -> Option<Rc<EncryptedVersion>> {
        let is_long = bytes.len() as u64 > LONGEST;
        match EncryptedVersion::read(path, bytes) {
            Ok(found) => found.filter(|_| !is_long).map(Rc::new),
            Err(_) => {
                self.unread.insert(path.to_path_buf());
                None
            }
        }
    }
}

/// Files that a change removed and added, of which some were moved.
#[derive(Debug, Default)]
struct FileMoves {
    /// Removed files with their last versions.
    gone: Vec<(PathBuf, Rc<EncryptedVersion>)>,
    /// Added files.
    new: Vec<(PathBuf, Rc<EncryptedVersion>)>,
}

impl FileMoves {
    /// Continues the timeline of each file that was moved under its new name.
    fn follow(&self, timelines: &mut BTreeMap<PathBuf, FileTimeline>) {
        for (old, last) in &self.gone {
            let Some(new) = self.new_path(last) else { continue };
            if let Some(former) = timelines.remove(old) {
                timelines.entry(new.clone()).or_default().continue_from(former);
            }
        }
    }

    /// The new path of a removed file: a file with its data key, else the only one that has the same values under
    /// another key, as after `git mv` and `septum rotate`.
    fn new_path(&self, last: &EncryptedVersion) -> Option<&PathBuf> {
        let with_key = self.new.iter().find(|(_, content)| content.has_data_key_of(last));
        let mut alike = self.new.iter().filter(|(_, content)| content.has_paths_of(last));
        let only = || alike.next().filter(|_| alike.next().is_none());
        with_key.or_else(only).map(|(path, _)| path)
    }
}

/// Environments whose layers are in a file, by its absolute path without links; none without a project.
fn environments_by_file(directory: &Path) -> Result<BTreeMap<PathBuf, Vec<String>>, Diagnostics> {
    let start = BoundedRoot::new(Disk::default(), directory);
    let start = start.map_err(|error| Diagnostic::unreadable("the directory", &error))?;
    let disk = sparse_work_tree(directory)?.map(|sparse| sparse.disk).unwrap_or_default();
    let Some(root) = Project::locate(&disk, start.path()) else { return Ok(BTreeMap::new()) };
    let project = Project::open(&disk, &root)?;
    let mut found: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut order = StackOrder::default();
    let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
    for app in &project.apps {
        let options = SurveyOptions::showing(&[], KeyAccess::PublicView);
        let Some(survey) = pipeline.survey(app, options, &mut Diagnostics::new()) else { continue };
        order.add(&survey);
        for resolved in &survey.environments {
            let environment = resolved.definition.environment.as_str().to_owned();
            for file in &resolved.definition.files {
                let path = project.files.root().join(file.name());
                // Git knows the file behind a link
                let real = project.files.bounds().resolve(&path).map(|real| real.as_path().to_path_buf());
                found.entry(real.unwrap_or(path)).or_default().insert(environment.clone());
            }
        }
    }
    let sorted = |names: BTreeSet<String>| {
        let mut names: Vec<String> = names.into_iter().collect();
        order.sort(&mut names);
        names
    };
    Ok(found.into_iter().map(|(path, names)| (path, sorted(names))).collect_map())
}

/// Environments of a file; of one that is no layer, or no longer, the one in its name.
fn environments_of(known: &BTreeMap<PathBuf, Vec<String>>, root: &Path, path: &Path) -> Vec<String> {
    if let Some(found) = known.get(&root.join(path)) {
        return found.clone();
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.and_then(|name| name.strip_suffix(INCOMING).or_else(|| name.strip_suffix(SECRETS)));
    name.map(str::to_owned).into_iter().collect()
}

impl ExposureState {
    /// Its description for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "in plaintext now",
            Self::Current => "can be decrypted now",
            Self::Unchanged => "unchanged since access ended",
            Self::ChangedOrReencrypted => "changed or re-encrypted",
            Self::Changed => "changed since access ended",
            Self::Removed => "removed",
        }
    }
}
