//! Location of a repository and its last commit, read from its files: Git itself would first read its configuration,
//! which may name programs.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::disk::path_of;
use crate::sort::CollectSorted;

/// Largest file of Git's own that is read here: a repository of a million branches has `packed-refs` of 80 MiB.
const LONGEST: u64 = 128 << 20;

/// Maximum number of symbolic references that lead to each other.
const MOST_REFERENCES: usize = 5;

/// Maximum number of directories in the name of a reference.
const DEEPEST_REFERENCE: usize = 20;

/// A work tree with its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRepository {
    /// The work tree, absolute and without links.
    pub root: PathBuf,
    /// Directory of this work tree alone: `HEAD`, the index.
    git_dir: PathBuf,
    /// Directory shared by all work trees: objects and references.
    common: PathBuf,
    index: PathBuf,
    /// Other directories of objects than those of the repository, while a push is checked.
    quarantine: Option<ObjectQuarantine>,
}

/// Directories of the objects of a push that no hook has accepted yet.
/// Source: `git-receive-pack`, quarantine environment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ObjectQuarantine {
    objects: PathBuf,
    alternates: OsString,
}

impl GitRepository {
    /// The repository whose work tree a directory is in: the nearest directory with a `.git`, which is a directory or
    /// names one. A directory that only looks like a repository is ignored, because it can be committed.
    pub fn find(directory: &Path) -> io::Result<Option<Self>> {
        let directory = std::path::absolute(directory)?;
        for root in directory.ancestors() {
            if let Some(git_dir) = git_dir_of(root)? {
                return Self::new(root, git_dir, None).map(Some);
            }
        }
        Ok(None)
    }

    /// The repository whose hook this process is, or the one that a directory is in.
    pub(super) fn of_process(directory: &Path) -> io::Result<Option<Self>> {
        let Some(found) = Self::of_hook(|name| env::var_os(name))? else { return Self::find(directory) };
        // without a name, the work tree of Git is the directory in which it runs; here, that is not the working directory
        if env::var_os("GIT_WORK_TREE").is_none()
            && let Ok(Some(near)) = Self::find(directory)
            && crate::disk::canonical_path(&near.git_dir).ok() == crate::disk::canonical_path(&found.git_dir).ok()
        {
            return Ok(Some(Self { root: near.root, ..found }));
        }
        // of another directory, everything would seem to be new
        if crate::disk::canonical_path(directory).is_ok_and(|directory| !directory.starts_with(&found.root)) {
            return Err(io::Error::other(
                "`GIT_DIR`, `GIT_WORK_TREE` or `GIT_INDEX_FILE` is set for another work tree: unset it, or name this one in `GIT_WORK_TREE`",
            ));
        }
        Ok(Some(found))
    }

    /// The repository whose hook this process is, by the variables with which Git names it. They come from the caller
    /// of the process, and not from a repository.
    pub fn of_hook(variable: impl Fn(&str) -> Option<OsString>) -> io::Result<Option<Self>> {
        let here = |name: &str| variable(name).map(std::path::absolute).transpose();
        let (git_dir, index, root) = (here("GIT_DIR")?, here("GIT_INDEX_FILE")?, here("GIT_WORK_TREE")?);
        if git_dir.is_none() && index.is_none() && root.is_none() {
            return Ok(None);
        }
        let Some(git_dir) = git_dir else {
            let found = Self::find(root.as_deref().unwrap_or(Path::new(".")))?;
            return found.map(|found| Self::new(&found.root, found.git_dir, index)).transpose();
        };
        if !is_git_dir(&git_dir) {
            return Err(io::Error::other("`GIT_DIR` is not a git repository"));
        }
        let found = Self::new(root.as_deref().unwrap_or(Path::new(".")), git_dir, index)?;
        let quarantine = match (here("GIT_OBJECT_DIRECTORY")?, variable("GIT_ALTERNATE_OBJECT_DIRECTORIES")) {
            (Some(objects), Some(alternates)) => Some(ObjectQuarantine { objects, alternates }),
            _ => None,
        };
        Ok(Some(Self { quarantine, ..found }))
    }

    fn new(root: &Path, git_dir: PathBuf, index: Option<PathBuf>) -> io::Result<Self> {
        let common = match read_text(&git_dir.join("commondir"))? {
            Some(text) => git_dir.join(text.trim_end()),
            None => git_dir.clone(),
        };
        let index = index.unwrap_or_else(|| git_dir.join("index"));
        Ok(Self { root: crate::disk::canonical_path(root)?, git_dir, common, index, quarantine: None })
    }

    /// The index, if there is one.
    pub(super) fn index(&self) -> io::Result<Option<&Path>> {
        match fs::metadata(&self.index) {
            Ok(file) if file.is_file() => Ok(Some(&self.index)),
            Ok(_) => Err(io::Error::other("its index is not a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The parts of a split index.
    pub(super) fn shared_indexes(&self) -> io::Result<Vec<(OsString, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.git_dir)? {
            let entry = entry?;
            let is_shared = entry.file_name().to_str().is_some_and(|name| name.starts_with("sharedindex."));
            if is_shared && entry.file_type()?.is_file() {
                found.push((entry.file_name(), entry.path()));
            }
        }
        Ok(found)
    }

    /// Directory of this work tree alone.
    pub(super) fn own_directory(&self) -> &Path {
        &self.git_dir
    }

    /// Directory shared by all work trees.
    pub fn shared_directory(&self) -> &Path {
        &self.common
    }

    /// Directory of the repository's objects.
    pub(super) fn objects(&self) -> PathBuf {
        self.quarantine.as_ref().map_or_else(|| self.common.join("objects"), |known| known.objects.clone())
    }

    /// More directories of objects, as Git separates them.
    pub(super) fn more_objects(&self) -> Option<&OsStr> {
        self.quarantine.as_ref().map(|known| known.alternates.as_os_str())
    }

    /// Whether the work tree is a sparse checkout.
    pub(super) fn is_sparse(&self) -> bool {
        self.git_dir.join("info/sparse-checkout").is_file()
    }

    /// The operation that has to be finished before a commit of some files, such as `merge`.
    pub(super) fn operation(&self) -> Option<&'static str> {
        const OPERATIONS: [(&str, &str); 5] = [
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase"),
        ];
        OPERATIONS.into_iter().find(|(file, _)| self.git_dir.join(file).exists()).map(|(_, name)| name)
    }

    /// Whether Git gets objects of the repository when it needs them: it is a partial clone.
    pub(super) fn is_partial(&self) -> bool {
        let entries = fs::read_dir(self.objects().join("pack")).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| Path::new(&entry.file_name()).extension().is_some_and(|end| end == "promisor"))
    }

    /// Commits that Git names outside of `refs`, such as `ORIG_HEAD`.
    pub(super) fn other_references(&self) -> Vec<(&'static str, String)> {
        let names = ["ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"];
        let object = |name: &str| {
            let text = read_text(&self.git_dir.join(name)).ok()??;
            text.split_whitespace().next().filter(|text| is_object(text)).map(str::to_owned)
        };
        names.into_iter().filter_map(|name| Some((name, object(name)?))).collect()
    }

    /// The patterns of ignored files that are not committed.
    pub(super) fn exclude_patterns(&self) -> io::Result<Option<String>> {
        read_text(&self.common.join("info/exclude"))
    }

    /// Attributes of files of this clone.
    pub(super) fn attributes(&self) -> io::Result<Option<String>> {
        read_text(&self.common.join("info/attributes"))
    }

    /// Whether its own configuration may set another file with patterns of ignored files than the user's
    /// (`core.excludesFile`). Nothing that it includes is read, so that an inclusion counts too.
    pub fn may_replace_excludes(&self) -> io::Result<bool> {
        let files = [self.common.join("config"), self.git_dir.join("config.worktree")];
        let texts = files.iter().map(|file| read_text(file)).collect::<io::Result<Vec<_>>>()?;
        let texts = texts.into_iter().flatten().map(|text| text.to_lowercase());
        Ok(texts.into_iter().any(|text| text.contains("excludesfile") || text.contains("[include")))
    }

    /// Commits of a shallow clone whose parents are missing.
    pub(super) fn shallow_commits(&self) -> io::Result<Vec<String>> {
        let text = read_text(&self.common.join("shallow"))?.unwrap_or_default();
        Ok(text.lines().filter(|line| is_object(line)).map(str::to_owned).collect())
    }

    /// Whether objects are named by SHA-256. Nothing else of its configuration is used.
    pub(super) fn has_sha256(&self) -> io::Result<bool> {
        let config = read_text(&self.common.join("config"))?.unwrap_or_default().to_lowercase();
        let setting = |line: &str| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == "objectformat").then(|| value.trim().trim_matches('"') == "sha256")
        };
        Ok(config.lines().filter_map(setting).next_back().unwrap_or_default())
    }

    /// The last commit of the checked-out branch; none before the first.
    pub(super) fn head(&self) -> io::Result<Option<String>> {
        if self.common.join("reftable").is_dir() {
            return Err(io::Error::other("its reference format `reftable` is not supported"));
        }
        let mut name = "HEAD".to_owned();
        for _ in 0..MOST_REFERENCES {
            let Some(text) = self.read_reference(&name)? else { return self.packed_reference(&name) };
            let text = text.trim_end();
            match text.strip_prefix("ref:").map(str::trim) {
                Some(next) if is_reference(next) => next.clone_into(&mut name),
                None if is_object(text) => return Ok(Some(text.to_owned())),
                _ => return Err(io::Error::other(format!("`{name}` is not a valid reference"))),
            }
        }
        Err(io::Error::other("too many symbolic references from `HEAD`"))
    }

    /// Full name of the checked-out branch; none if a commit is checked out without one.
    pub(super) fn branch(&self) -> io::Result<Option<String>> {
        let head = self.read_reference("HEAD")?.unwrap_or_default();
        let name = head.trim_end().strip_prefix("ref:").map(str::trim);
        Ok(name.filter(|name| name.starts_with("refs/heads/") && is_reference(name)).map(str::to_owned))
    }

    fn read_reference(&self, name: &str) -> io::Result<Option<String>> {
        match read_text(&self.git_dir.join(name))? {
            Some(text) => Ok(Some(text)),
            None => read_text(&self.common.join(name)),
        }
    }

    /// Branches, tags and other references with their objects, those that are symbolic with that of their target.
    pub(super) fn references(&self) -> io::Result<BTreeMap<String, String>> {
        if self.common.join("reftable").is_dir() {
            return Err(io::Error::other("its reference format `reftable` is not supported"));
        }
        let packed = read_text(&self.common.join("packed-refs"))?.unwrap_or_default();
        let lines = packed.lines().filter_map(|line| line.split_once(' '));
        let packed = lines.filter(|(object, name)| is_object(object) && is_reference(name));
        let mut found: BTreeMap<String, String> =
            packed.map(|(object, name)| (name.to_owned(), object.to_owned())).collect_map();
        let mut symbolic = Vec::new();
        // those of this work tree alone, such as `refs/bisect`, come last
        let directories = [&self.git_dir, &self.common];
        let mut pending = directories.map(|directory| (directory, "refs".to_owned(), 0)).to_vec();
        while let Some((directory, name, depth)) = pending.pop() {
            let Ok(entries) = fs::read_dir(directory.join(&name)) else { continue };
            for entry in entries {
                let entry = entry?;
                let Some(part) = entry.file_name().to_str().map(str::to_owned) else { continue };
                let below = format!("{name}/{part}");
                if entry.file_type()?.is_dir() {
                    if depth < DEEPEST_REFERENCE {
                        pending.push((directory, below, depth + 1));
                    }
                    continue;
                }
                let Ok(Some(text)) = read_text(&directory.join(&below)) else { continue };
                match text.trim_end().strip_prefix("ref:").map(str::trim) {
                    Some(target) => symbolic.push((below, target.to_owned())),
                    None if is_object(text.trim_end()) => {
                        found.insert(below, text.trim_end().to_owned());
                    }
                    // a lock, or a file of another program
                    None => {}
                }
            }
        }
        for (name, target) in symbolic {
            if let Some(object) = found.get(&target).cloned() {
                found.insert(name, object);
            }
        }
        Ok(found)
    }

    /// Former states of `HEAD`, or of a reference; none without a record.
    pub(super) fn reference_log(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        if name != "HEAD" && !is_reference(name) {
            return Ok(None);
        }
        for directory in [&self.git_dir, &self.common] {
            if let Some(bytes) = read_bytes(&directory.join("logs").join(name))? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    fn packed_reference(&self, name: &str) -> io::Result<Option<String>> {
        let packed = read_text(&self.common.join("packed-refs"))?.unwrap_or_default();
        let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.find(|(object, known)| *known == name && is_object(object)).map(|(object, _)| object.to_owned()))
    }
}

/// The repository of the work tree at this very directory.
fn git_dir_of(root: &Path) -> io::Result<Option<PathBuf>> {
    let dot_git = root.join(".git");
    let Ok(metadata) = fs::metadata(&dot_git) else { return Ok(None) };
    if metadata.is_dir() {
        return Ok(is_git_dir(&dot_git).then_some(dot_git));
    }
    if !metadata.is_file() {
        return Err(io::Error::other(format!("`{}` is neither a file nor a directory", dot_git.display())));
    }
    let wrong = || io::Error::other(format!("`{}` does not point to a git repository", dot_git.display()));
    let mut bytes = Vec::new();
    File::open(&dot_git)?.take(LONGEST).read_to_end(&mut bytes)?;
    let path = bytes.strip_prefix(b"gitdir: ").ok_or_else(wrong)?;
    let path = path_of(path.strip_suffix(b"\n").unwrap_or(path).to_vec())?;
    let git_dir = root.join(path);
    if is_git_dir(&git_dir) { Ok(Some(git_dir)) } else { Err(wrong()) }
}

fn is_git_dir(directory: &Path) -> bool {
    directory.join("HEAD").is_file() && (directory.join("objects").is_dir() || directory.join("commondir").is_file())
}

/// A name below `refs`, which cannot lead elsewhere.
fn is_reference(name: &str) -> bool {
    name.starts_with("refs/") && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Whether a new reference may have a name, by a selection of the rules of Git.
pub(super) fn is_reference_name(name: &str) -> bool {
    let is_usual =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | '+' | '#' | '@' | '=');
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.contains("..")
            && Path::new(part).extension().is_none_or(|end| end != "lock")
    };
    is_reference(name) && name.chars().all(is_usual) && !name.contains("@{") && name.split('/').all(is_part)
}

fn is_object(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The text of a regular file; none if it does not exist.
fn read_text(path: &Path) -> io::Result<Option<String>> {
    let bytes = read_bytes(path)?;
    bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())).transpose()
}

/// The content of a regular file; none if it does not exist.
fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(bytes))
}
