//! Git, run as a program: the content of the next commit, and of commits.

mod command;
mod commit;
mod commit_history;
mod file_history;
mod head;
mod history;
mod log;
mod object_output;
mod past_names;
mod repository;
mod revision;
mod setup;
mod sparse;
mod stored;
mod version_graph;
mod work_tree;

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Output, Stdio};
use std::sync::{Mutex, PoisonError};

pub use self::command::{GitConfiguration, SafeGit};
pub use self::commit::PlannedCommit;
pub use self::commit_history::{CommitFile, CommitHistory, HistoryCommit, ParentFile};
pub use self::file_history::FileHistory;
pub use self::head::{CommitDetails, UncommittedFile, without_credentials};
pub use self::history::GitHistory;
pub use self::repository::GitRepository;
use self::repository::is_reference_name;
pub use self::revision::{GitRevision, RevisionRange};
pub use self::setup::{CACHE, CloneSettings, ConfigScope, DRIVERS, HOOK_COMMAND, HookState};
pub use self::sparse::{SparseWorkTree, sparse_work_tree};
pub use self::version_graph::{FileVersion, FileVersions};
pub use self::work_tree::changed_files;
use crate::diagnostic::{Diagnostic, Rule, shell_word};
use crate::disk::{Disk, Snapshot, SnapshotEntry, SnapshotEntryKind, path_of};

/// Start of a file whose contents are stored elsewhere (git-lfs, its specification of pointers).
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// Contents of the next commit, and the part of it that is new.
#[derive(Debug)]
pub struct GitIndex {
    /// The work tree, absolute and without links.
    pub root: PathBuf,
    /// Files that it has and the last commit does not have, or has with other content. Absolute.
    pub changed: Vec<PathBuf>,
    /// Files that only the last commit has. Absolute.
    pub removed: Vec<PathBuf>,
    /// Contents of the work tree once it is committed and checked out.
    pub disk: Disk,
}

impl GitIndex {
    /// The index of the repository that a directory is in, or of the one whose hook this process is.
    pub fn of(directory: &Path) -> Result<Self, Diagnostic> {
        let repository = GitRepository::of_process(directory).map_err(|error| git_failure(&error.to_string()))?;
        let repository =
            repository.ok_or_else(|| git_failure("not a git repository (or any of the parent directories)"))?;
        let root = repository.root.clone();
        let git = SafeGit::new(repository, GitConfiguration::Isolated);
        let git = git.map_err(|error| git_failure(&error.to_string()))?;
        // in parallel: each takes as long to start as to answer
        let status = ["--cached", "--name-status", "--no-renames", "--no-ext-diff", "--no-textconv", "-z"];
        let status = spawn_git(&git, "diff", &status)?;
        let held = spawn_git(&git, "ls-files", &["--stage", "--full-name", "-z"])?;
        let (status, held) = (status.wait_with_output(), held.wait_with_output());
        let (changed, removed) = parse_status(&git_output(status)?, &root)?;
        let entries = parse_entries(&git_output(held)?)?;
        let read = GitBlobs::new(git);
        let snapshot = Snapshot::new(root.clone(), entries, move |blob, path, limit| read.read(blob, path, limit));
        Ok(Self { root, changed, removed, disk: Disk::with_snapshot(snapshot) })
    }
}

/// The files that are changed, and those that are removed.
fn parse_status(status: &[u8], root: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Diagnostic> {
    let (mut changed, mut removed) = (Vec::new(), Vec::new());
    let mut fields = status.split(|&byte| byte == 0);
    while let (Some(kind), Some(path)) = (fields.next(), fields.next()) {
        let path = path_of(path.to_vec()).map_err(|error| git_failure(&error.to_string()))?;
        match kind {
            b"U" => return Err(unmerged_file(&path)),
            b"D" => removed.push(root.join(path)),
            _ => changed.push(root.join(path)),
        }
    }
    Ok((changed, removed))
}

/// Parses the output of `ls-files --stage`: the mode, the blob, the stage, and after a tab the path.
fn parse_entries(held: &[u8]) -> Result<BTreeMap<PathBuf, SnapshotEntry>, Diagnostic> {
    let strange = || git_failure("cannot parse its list of files");
    let mut found = Vec::new();
    for line in held.split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
        let tab = memchr::memchr(b'\t', line).ok_or_else(strange)?;
        let (facts, path) = line.split_at(tab);
        let path =
            path_of(path.get(1..).unwrap_or_default().to_vec()).map_err(|error| git_failure(&error.to_string()))?;
        let facts = std::str::from_utf8(facts).map_err(|_| strange())?;
        let mut facts = facts.split(' ');
        let (Some(mode), Some(blob), Some(stage)) = (facts.next(), facts.next(), facts.next()) else {
            return Err(strange());
        };
        if stage != "0" {
            return Err(unmerged_file(&path));
        }
        found.push((path, SnapshotEntry { kind: kind_of_mode(mode), blob: blob.to_owned() }));
    }
    // all files of a repository, in order: to compare each with its neighbour is far less than to look up its place
    Ok(found.into_iter().collect())
}

/// Kind of an entry by its mode, as Git writes it.
fn kind_of_mode(mode: &str) -> SnapshotEntryKind {
    match mode {
        "160000" => SnapshotEntryKind::Repository,
        "120000" => SnapshotEntryKind::Link,
        _ => SnapshotEntryKind::File,
    }
}

/// Reads blobs with one process, which is started for the first of them.
struct GitBlobs {
    git: SafeGit,
    /// Commit whose `.gitattributes` apply; those of the index if there is none.
    commit: Option<String>,
    process: Mutex<Option<CatFileProcess>>,
}

struct CatFileProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl GitBlobs {
    fn new(git: SafeGit) -> Self {
        Self { git, commit: None, process: Mutex::default() }
    }

    fn of_commit(git: SafeGit, commit: String) -> Self {
        Self { commit: Some(commit), ..Self::new(git) }
    }

    /// The content of a blob, as it is committed; of one that is longer than a limit the first bytes, and one more.
    ///
    /// A checkout may write other bytes: a filter that the configuration of Git names can keep files elsewhere, or
    /// encrypt them. It is a program, so it is never run, and content that only it could restore is not read.
    fn read(&self, blob: &str, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.raw(blob, limit)?;
        if bytes.len() as u64 > limit {
            return Ok(bytes);
        }
        let is_text = !bytes.starts_with(LFS_POINTER) && std::str::from_utf8(&bytes).is_ok();
        match if is_text { None } else { self.attribute_filter(path)? } {
            None => Ok(bytes),
            Some(filter) => Err(io::Error::other(format!(
                "its content requires the filter `{filter}` of `.gitattributes`, and filters are never run"
            ))),
        }
    }

    /// The filter that `.gitattributes` name for a path.
    fn attribute_filter(&self, path: &Path) -> io::Result<Option<String>> {
        if let Some(commit) = &self.commit
            && !self.git.has_own_index()
        {
            // attributes are read from an index
            let output = self.git.command("read-tree")?.arg(commit).output()?;
            if !output.status.success() {
                return Err(io::Error::other(first_line(&output)));
            }
        }
        let mut git = self.git.command("check-attr")?;
        let output = git.args(["--cached", "-z", "filter", "--"]).arg(path).output()?;
        if !output.status.success() {
            return Err(io::Error::other(first_line(&output)));
        }
        // path, attribute, value
        let value = output.stdout.split(|&byte| byte == 0).nth(2).unwrap_or_default();
        let value = String::from_utf8_lossy(value);
        let is_name = !["unspecified", "unset", "set", ""].contains(&&*value);
        Ok(is_name.then(|| value.chars().filter(char::is_ascii_graphic).take(60).collect()))
    }

    fn raw(&self, blob: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if process.is_none() {
            *process = Some(CatFileProcess::start(&self.git)?);
        }
        let batch = process.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let read = batch.read(blob, limit);
        if read.is_err() {
            // a process that stopped in the middle of an answer is not used again
            *process = None;
        }
        read.map_err(|error| if self.git.is_partial() { io::Error::other(PARTIAL_CLONE) } else { error })
    }
}

impl CatFileProcess {
    fn start(git: &SafeGit) -> io::Result<Self> {
        let mut git = git.command("cat-file")?;
        git.arg("--batch").stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = git.spawn()?;
        let asked = child.stdin.take();
        let told = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, stdin: asked, stdout: BufReader::new(told) })
    }

    fn read(&mut self, blob: &str, limit: u64) -> io::Result<Vec<u8>> {
        let asked = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(asked, "{blob}")?;
        asked.flush()?;
        // `BLOB blob LENGTH`, or `BLOB missing`
        let mut head = String::new();
        self.stdout.read_line(&mut head)?;
        let length = head.trim_end().strip_prefix(blob).and_then(|rest| rest.strip_prefix(" blob "));
        let length = length.and_then(|length| length.parse::<u64>().ok());
        let length = length.ok_or_else(|| io::Error::other("Git has no content for it"))?;
        let mut bytes = Vec::new();
        let kept = length.min(limit.saturating_add(1));
        self.stdout.by_ref().take(kept).read_to_end(&mut bytes)?;
        // the rest and a line break: the next answer follows it
        let rest = length - kept + 1;
        if io::copy(&mut self.stdout.by_ref().take(rest), &mut io::sink())? != rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

impl Drop for CatFileProcess {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

fn spawn_git(git: &SafeGit, subcommand: &str, arguments: &[&str]) -> Result<Child, Diagnostic> {
    let child = git.command(subcommand).and_then(|mut git| git.args(arguments).spawn());
    child.map_err(|error| {
        let error = match error.kind() {
            io::ErrorKind::NotFound => "it is not installed".to_owned(),
            _ => error.to_string(),
        };
        Diagnostic::error(Rule::Git, format!("`git` could not be run: {error}"))
    })
}

fn git_output(output: io::Result<Output>) -> Result<Vec<u8>, Diagnostic> {
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(git_failure(&first_line(&output))),
        Err(error) => Err(git_failure(&error.to_string())),
    }
}

/// Hint where a partial clone lacks something.
const PARTIAL_CLONE: &str = "this clone is partial, and lacks it: `git fetch --refetch --no-filter` gets the rest";

/// An error of reading from Git, with what helps if the clone is partial.
fn in_clone(found: Diagnostic, git: &SafeGit) -> Diagnostic {
    if git.is_partial() { Diagnostic { hints: vec![PARTIAL_CLONE.to_owned()], ..found } } else { found }
}

/// The first line of Git's error output.
fn first_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no error message").trim();
    line.strip_prefix("fatal: ").unwrap_or(line).to_owned()
}

fn git_failure(why: &str) -> Diagnostic {
    Diagnostic::error(Rule::Git, "cannot read the staged files from Git, so nothing was checked")
        .note(format!("Git reported: {why}"))
        .hint("run it inside the work tree of a repository")
}

fn unmerged_file(path: &Path) -> Diagnostic {
    let path = path.display().to_string();
    Diagnostic::error(Rule::Unmerged, format!("`{path}` has merge conflicts, so nothing was checked"))
        .note("the index contains several versions of it, so the version to be committed is not known")
        .hint(format!("resolve the conflict, then run `git add {}`", shell_word(&path)))
}
