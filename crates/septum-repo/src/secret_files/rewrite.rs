//! The one way to change files: read, change in memory, lock, compare, write.
//!
//! Work that takes long or waits for users precedes the lock. Under it a file is compared with the content that was
//! read; if another writer changed it meanwhile, the change is applied again, to the current content. All new bytes
//! of all files are on the disk before the first of them is renamed.

use std::io;
use std::path::{Path, PathBuf};

use super::file::{FileContent, SecretFile, StagedWrite, check_names};
use super::lock::{FileLocks, WaitCallback, lock_files, make_room};
use crate::atomic::{self, CommitOutcome, PreparedWrite};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::disk::{self, FileReadError};
use crate::files::{FileKind, refuse_file, resolve_writable};
use crate::parallel::{par_map, try_par_map};
use crate::signals;
use crate::sops::SopsConfigCache;
use crate::test_hook::{StopPoint, pass_point};

/// Content from which new bytes were made.
pub enum ContentBefore {
    /// The file had this content.
    Content(FileContent),
    /// The file did not exist.
    Missing,
    /// Any: the new bytes do not depend on it.
    Any,
}

/// Outcome of changing a file.
pub struct RewriteOutcome<T> {
    /// Outcome for the caller.
    pub outcome: T,
    /// The new bytes, if there are any to write.
    pub staged: Option<StagedWrite>,
}

/// Applies a change again, to a file that has other bytes now, or no longer exists.
pub(super) type RedoRewrite<'a, T> =
    Box<dyn Fn(Option<Vec<u8>>) -> Result<RewriteOutcome<T>, Diagnostics> + Send + Sync + 'a>;

/// A change of a file, made in memory.
pub struct FileRewrite<'a, T> {
    /// Content from which it was made.
    pub before: ContentBefore,
    /// The change as it was made in memory.
    pub made: RewriteOutcome<T>,
    /// Function that applies it again.
    pub again: RedoRewrite<'a, T>,
}

impl FileRewrite<'_, ()> {
    /// New bytes in the place of any previous content.
    pub fn replace_any(staged: StagedWrite) -> Self {
        let again = |_: Option<Vec<u8>>| Ok(RewriteOutcome { outcome: (), staged: None });
        Self {
            before: ContentBefore::Any,
            made: RewriteOutcome { outcome: (), staged: Some(staged) },
            again: Box::new(again),
        }
    }

    /// New bytes that are not written if another writer changes the file meanwhile.
    pub fn unless_changed(before: ContentBefore, staged: StagedWrite) -> Self {
        let name = staged.name.clone();
        let again = move |newer: Option<Vec<u8>>| {
            let message = format!("someone else changed `{name}` in the meantime; their version was kept");
            let changed = Diagnostic::error(Rule::ChangedMeanwhile, message).hint("run the command again");
            Err(if newer.is_some() { changed } else { missing_file(&name) }.into())
        };
        Self { before, made: RewriteOutcome { outcome: (), staged: Some(staged) }, again: Box::new(again) }
    }
}

/// Changes many files, each by the same function, which gets the current rules. Nothing is written unless all changes
/// can be made.
pub fn change_files<T: Send>(
    files: Vec<PathBuf>,
    read: impl Fn(PathBuf) -> Result<SecretFile, Diagnostic> + Send + Sync,
    work: impl Fn(SecretFile, &SopsConfigCache) -> Result<RewriteOutcome<T>, Diagnostics> + Send + Sync,
    waiting: WaitCallback<'_>,
) -> Result<Vec<T>, Diagnostics> {
    let (work, book) = (&work, SopsConfigCache::default());
    let rewrites = try_par_map(files, |path| {
        let file = read(path)?;
        let (path, name, format) = (file.path.clone(), file.name.clone(), file.format);
        let content = FileContent::of(&file.bytes);
        let made = work(file, &book)?;
        let is_in_place = made.staged.as_ref().is_some_and(|staged| staged.path == path);
        let before = if is_in_place { ContentBefore::Content(content) } else { ContentBefore::Any };
        let again = move |newer: Option<Vec<u8>>| {
            let bytes = newer.ok_or_else(|| missing_file(&name))?;
            // the rules may be others too
            work(SecretFile { path: path.clone(), name: name.clone(), format, bytes }, &SopsConfigCache::default())
        };
        Ok(FileRewrite { before, made, again: Box::new(again) as RedoRewrite<'_, T> })
    })?;
    write_all(rewrites, waiting)
}

/// Writes changes: all of them, or none as far as possible. Returns their outcomes.
pub fn write_all<T: Send>(rewrites: Vec<FileRewrite<'_, T>>, waiting: WaitCallback<'_>) -> Result<Vec<T>, Diagnostics> {
    let rewrites = try_par_map(rewrites, FileRewrite::resolve_path)?;
    let staged = rewrites.iter().filter_map(|rewrite| rewrite.made.staged.as_ref());
    let files = staged.filter(|staged| !atomic::is_device(&staged.path));
    let paths: Vec<_> = files.map(|staged| (staged.path.as_path(), staged.name.as_str())).collect();
    pass_point(StopPoint::FilesRead);
    // one for the lock of each, and one for its new bytes
    make_room(paths.len().saturating_mul(2)).map_err(|limit| too_many(paths.len(), limit))?;
    let locks = lock_files(&paths, waiting).map_err(|error| match paths.as_slice() {
        [(_, name), ..] => unwritable_file(name, &error),
        [] => unwritable_file("", &error),
    })?;
    pass_point(StopPoint::FilesLocked);
    signals::report_if_ended(Some("septum: interrupted, and no file was changed".to_owned()));
    let (outcomes, staged): (Vec<_>, Vec<_>) = try_par_map(rewrites, |rewrite| rewrite.redo_if_changed(&locks))?
        .into_iter()
        .map(|made| (made.outcome, made.staged))
        .unzip();
    let staged: Vec<_> = staged.into_iter().flatten().collect();
    let (names, prepared) = prepare_files(staged)?;
    let CommitOutcome { directories, failed } =
        atomic::commit_writes(prepared, |done| Some(interrupted_message(&names, done)));
    for directory in &directories {
        atomic::sync_directory(directory);
    }
    drop(locks);
    match failed {
        None => Ok(outcomes),
        Some((index, error)) => Err(half_done(&names, index, &error).into()),
    }
}

/// Removes a file that has some content. It stays if another writer changed it meanwhile; one that was removed is gone.
pub fn remove_unchanged(
    path: &Path,
    name: &str,
    before: &FileContent,
    waiting: WaitCallback<'_>,
) -> Result<(), Diagnostic> {
    let locks = lock_files(&[(path, name)], waiting).map_err(|error| unwritable_file(name, &error))?;
    match disk::read_named(path, FileKind::SecretFile.limit()) {
        Ok(now) if FileContent::of(&now) == *before => {}
        Ok(_) => {
            let message = format!("someone else changed `{name}` in the meantime, so it was not removed");
            return Err(Diagnostic::error(Rule::ChangedMeanwhile, message).hint("run the command again"));
        }
        Err(FileReadError::Missing) => return Ok(()),
        Err(refusal) => return Err(refuse_file(&refusal, FileKind::SecretFile, name)),
    }
    let removed = atomic::remove_file(path).map_err(|error| unwritable_file(name, &error));
    drop(locks);
    removed
}

impl<T> FileRewrite<'_, T> {
    /// Resolves the path to one without links, which may be written to.
    fn resolve_path(mut self) -> Result<Self, Diagnostics> {
        if let Some(staged) = &mut self.made.staged {
            staged.path = resolve_writable(&staged.path, &staged.name)?;
            check_names(&staged.path, &staged.name)?;
        }
        Ok(self)
    }

    /// Applies the change to the current file.
    fn redo_if_changed(self, locks: &FileLocks) -> Result<RewriteOutcome<T>, Diagnostics> {
        let Some(staged) = &self.made.staged else { return Ok(self.made) };
        let path = staged.path.clone();
        let now = || match disk::read_named(&staged.path, FileKind::SecretFile.limit()) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FileReadError::Missing) => Ok(None),
            Err(refusal) => Err(refuse_file(&refusal, FileKind::SecretFile, &staged.name)),
        };
        match &self.before {
            ContentBefore::Any => Ok(self.made),
            ContentBefore::Content(before) if locks.has_content(&staged.path, before) => Ok(self.made),
            ContentBefore::Content(before) => match now()? {
                Some(now) if FileContent::of(&now) == *before => Ok(self.made),
                newer => Ok(with_path((self.again)(newer)?, path)),
            },
            ContentBefore::Missing => match now()? {
                None => Ok(self.made),
                newer => Ok(with_path((self.again)(newer)?, path)),
            },
        }
    }
}

/// A change that was applied again is written to the locked path.
fn with_path<T>(made: RewriteOutcome<T>, path: PathBuf) -> RewriteOutcome<T> {
    let staged = made.staged.map(|staged| StagedWrite { path, ..staged });
    RewriteOutcome { staged, ..made }
}

/// Writes the new bytes of all files to the disk, without names; they are removed if one fails.
fn prepare_files(staged: Vec<StagedWrite>) -> Result<(Vec<String>, Vec<PreparedWrite>), Diagnostics> {
    let prepare = |StagedWrite { path, name, bytes, access }: StagedWrite| {
        let prepared = atomic::prepare_write(&path, &bytes, access);
        (name, prepared)
    };
    let several = staged.len() > 1;
    // the waits for the disk are concurrent; a pool of threads costs more than a single file does
    let all: Vec<(String, io::Result<PreparedWrite>)> = par_map(staged, 1, prepare);
    let (mut found, mut full) = (Diagnostics::new(), None);
    let (mut names, mut done) = (Vec::new(), Vec::new());
    for (name, prepared) in all {
        match prepared {
            Ok(prepared) => done.push(prepared),
            // which file met the end of the space depends on the threads
            Err(error) if several && disk::is_full(&error) => full = Some(error),
            Err(error) if several => found.push(unwritable_file(&name, &error).note("no file was changed")),
            Err(error) => found.push(unwritable_file(&name, &error)),
        }
        names.push(name);
    }
    found.extend(full.map(|error| no_space(&names, &error)));
    if found.is_empty() { Ok((names, done)) } else { Err(found) }
}

/// Error for files that do not fit on the disk together.
fn no_space(names: &[String], error: &io::Error) -> Diagnostic {
    let first = names.first().map_or("", String::as_str);
    let more = names.len().saturating_sub(1);
    let files = if more == 1 { "file" } else { "files" };
    let message = format!("the new versions of `{first}` and {more} more {files} could not be written: {error}");
    Diagnostic::error(Rule::Unwritable, message).note("no file was changed").hint("free disk space")
}

/// Text for the user whose signal was delayed until the files were renamed.
fn interrupted_message(names: &[String], done: usize) -> String {
    match names {
        [name] if done == 1 => format!("septum: interrupted after `{name}` was written"),
        names if names.len() == done => format!("septum: interrupted after all {done} files were written"),
        names => format!("septum: interrupted; written: {}", list_names(names.get(..done).unwrap_or_default())),
    }
}

fn list_names(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Error for a file that was removed during a wait.
pub(super) fn missing_file(name: &str) -> Diagnostic {
    Diagnostic::error(Rule::ChangedMeanwhile, format!("someone else removed `{name}` in the meantime"))
        .hint("find out where it went with `git log --stat -1 -- FILE` or `git status`")
}

/// Error for files that could not be renamed, with those that were.
fn half_done(names: &[String], failed: usize, error: &io::Error) -> Diagnostic {
    let (done, left) = names.split_at(failed.min(names.len()));
    let found = unwritable_file(left.first().map_or("", String::as_str), error);
    if names.len() < 2 {
        return found;
    }
    let found = match done {
        [] => found.note("no file was changed"),
        done => found.note(format!("written: {}", list_names(done))),
    };
    let found = found.note(format!("unchanged: {}", list_names(left)));
    if done.is_empty() {
        found
    } else {
        found.hint("fix the problem, then run the command again for the remaining files")
    }
}

fn too_many(files: usize, limit: u64) -> Diagnostic {
    let message = format!("cannot change {files} files at once: the limit of open files is {limit}");
    Diagnostic::error(Rule::Unwritable, message)
        .hint("raise the limit with `ulimit -n`, or specify fewer files at a time")
}

fn unwritable_file(name: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::unwritable(name, error).hint("free disk space, or fix the permissions")
}
