//! Former promotions, as commits record them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;

use super::own_file::{OwnFiles, read_own_files};
use super::request::PromotionRequest;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::files::{FileKind, ProjectFiles};
use crate::git::{GitHistory, GitRevision, PlannedCommit};
use crate::name::EnvironmentName;
use crate::project::{App, Project};
use crate::sort::CollectSorted;

/// Name of the line in the message of a commit that records a promotion.
pub const TRAILER: &str = "Septum-Promoted";

/// State of both environments at the last promotion.
pub(super) struct BaseStates {
    /// Commit from which values were copied.
    pub(super) commit: String,
    pub(super) from: OwnFiles,
    pub(super) to: OwnFiles,
}

/// Base of an item: the last promotion that decided about it.
pub(super) struct ItemBase {
    pub(super) states: Rc<BaseStates>,
    /// Commit in which `--ours` kept the value of `to`, if it did.
    pub(super) kept_in: Option<String>,
}

/// Former promotions from one environment to another.
pub struct PromotionHistory<'p> {
    project: &'p Project,
    git: Option<GitHistory>,
    /// Former promotions, the last one first.
    records: Vec<PromotionRecord>,
    /// Revision that is the base of everything.
    fixed: Option<String>,
    revisions: RefCell<BTreeMap<String, Rc<ProjectFiles>>>,
    states: RefCell<BTreeMap<(std::path::PathBuf, String, String), Rc<BaseStates>>>,
}

/// A promotion, as a commit records it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PromotionRecord {
    /// The commit that records it.
    commit: String,
    /// The commit from which values were copied.
    source: String,
    /// The app; any, if none is named.
    app: Option<String>,
    /// Names of what was promoted.
    keys: BTreeSet<String>,
    /// Names of those that kept the value of `to`.
    kept: BTreeSet<String>,
    /// Whether Git does not know the commit from which values were copied: it is the base of nothing.
    is_lost: bool,
}

impl<'p> PromotionHistory<'p> {
    /// Reads the promotions from the history of a repository, or uses a revision as the base of everything.
    pub fn read(project: &'p Project, (from, to): (&str, &str), base: Option<&str>) -> Result<Self, Diagnostic> {
        let git = GitHistory::find(project.files.root())?;
        let mut records = Vec::new();
        let mut fixed = None;
        match (&git, base) {
            (None, Some(_)) => {
                return Err(Diagnostic::error(Rule::Git, "`--base` requires a repository of Git with a commit")
                    .hint("without it, all values of both environments are compared"));
            }
            (Some(git), Some(base)) => fixed = Some(git.commit(base, "the revision of `--base`")?),
            (Some(git), None) => {
                let intro = format!("{TRAILER}: {from}@");
                for (commit, message) in git.messages_with(&intro)? {
                    records.extend(parse_records(&commit, &message, from, to));
                }
                // a shallow clone can get it; another one never had it, or no longer does
                if !git.is_shallow() {
                    let sources = records.iter().map(|record| record.source.clone()).collect_set();
                    let lost = sources.into_iter().filter(|source| !git.has_commit(source)).collect_set();
                    for record in &mut records {
                        record.is_lost = lost.contains(&record.source);
                    }
                }
            }
            (None, None) => {}
        }
        let (revisions, states) = (RefCell::default(), RefCell::default());
        Ok(Self { project, git, records, fixed, revisions, states })
    }

    /// The current commit, if there is one.
    pub fn head(&self) -> Option<&str> {
        self.git.as_ref().map(GitHistory::head)
    }

    /// Whether Git knows a commit.
    pub fn has_commit(&self, commit: &str) -> bool {
        self.git.as_ref().is_some_and(|git| git.has_commit(commit))
    }

    /// Commits that promotions of some item name as the source of its values since the last one whose commit Git knows,
    /// and that it does not know.
    pub fn lost_sources(&self) -> BTreeSet<&str> {
        let mut known = BTreeSet::new();
        let mut lost = BTreeSet::new();
        for record in &self.records {
            let keys = || record.keys.iter().map(|key| (record.app.as_deref(), key));
            if !record.is_lost {
                known.extend(keys());
            } else if keys().any(|key| !known.contains(&key)) {
                lost.insert(record.source.as_str());
            }
        }
        lost
    }

    /// Prepares a commit on the current branch, or on a new one.
    pub fn prepare_commit(&self, branch: Option<&str>) -> Result<PlannedCommit, Diagnostic> {
        let git = self
            .git
            .as_ref()
            .ok_or_else(|| Diagnostic::error(Rule::Git, "`--commit` requires a repository of Git with a commit"))?;
        PlannedCommit::new(git, branch)
    }

    /// Names of the files of an environment's own layer that the current commit does not have, or has with other content.
    pub fn uncommitted(&self, app: &App, environment: &EnvironmentName) -> Result<Vec<String>, Diagnostics> {
        let Some(git) = &self.git else { return Ok(Vec::new()) };
        let head = git.head();
        let committed = read_own_files(&*self.files(head)?, app, environment)?;
        let current = read_own_files(&self.project.files, app, environment)?;
        let mut changed = Vec::new();
        for (current, committed) in current.iter().zip(&committed) {
            let is_committed = match (&current.bytes, &committed.bytes) {
                (Some(bytes), Some(committed)) => {
                    let path = self.project.files.writable_path(FileKind::Layer, &current.path)?;
                    git.is_committed(&path, bytes, committed)?
                }
                (None, None) => true,
                _ => false,
            };
            if !is_committed {
                changed.push(current.name.clone());
            }
        }
        Ok(changed)
    }

    /// State at the last promotion of an item of an app.
    pub(super) fn base_of(
        &self,
        app: &App,
        name: &str,
        item: &str,
        request: &PromotionRequest<'_>,
    ) -> Result<Option<ItemBase>, Diagnostics> {
        if let Some(fixed) = &self.fixed {
            let states = self.states(app, (fixed, fixed), request)?;
            return Ok(Some(ItemBase { states, kept_in: None }));
        }
        let record = self.records.iter().find(|record| !record.is_lost && record.has(name, item));
        let Some(record) = record else { return Ok(None) };
        let states = self.states(app, (&record.source, &record.commit), request)?;
        Ok(Some(ItemBase { states, kept_in: record.kept.contains(item).then(|| record.commit.clone()) }))
    }

    /// States at which removed items are searched.
    pub(super) fn all_bases(
        &self,
        app: &App,
        name: &str,
        request: &PromotionRequest<'_>,
    ) -> Result<Vec<Rc<BaseStates>>, Diagnostics> {
        if let Some(fixed) = &self.fixed {
            return Ok(vec![self.states(app, (fixed, fixed), request)?]);
        }
        let mut known = BTreeSet::new();
        let mut found = Vec::new();
        for record in self.records.iter().filter(|record| !record.is_lost && record.is_of(name)) {
            // an older one of the same keys says nothing
            let is_new = record.keys.iter().filter(|key| known.insert((*key).clone())).count() > 0;
            if is_new {
                found.push(self.states(app, (&record.source, &record.commit), request)?);
            }
        }
        Ok(found)
    }

    fn states(
        &self,
        app: &App,
        (source, commit): (&str, &str),
        request: &PromotionRequest<'_>,
    ) -> Result<Rc<BaseStates>, Diagnostics> {
        let key = (app.directory.clone(), source.to_owned(), commit.to_owned());
        if let Some(known) = self.states.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let read = |revision: &str, environment| {
            let files = self.files(revision)?;
            let mut own = read_own_files(&files, app, environment)?;
            for file in &mut own {
                // compared by its ciphertext then
                let _ = file.open(request.identities);
            }
            Ok::<_, Diagnostics>(own)
        };
        let (from, to) = (read(source, request.from)?, read(commit, request.to)?);
        let states = Rc::new(BaseStates { commit: source.to_owned(), from, to });
        self.states.borrow_mut().insert(key, Rc::clone(&states));
        Ok(states)
    }

    /// The files of a revision.
    fn files(&self, revision: &str) -> Result<Rc<ProjectFiles>, Diagnostics> {
        if let Some(known) = self.revisions.borrow().get(revision) {
            return Ok(Rc::clone(known));
        }
        let lost = |why: Option<Diagnostic>| {
            let notes = why.into_iter().flat_map(|why| [why.message].into_iter().chain(why.notes));
            let error = Diagnostic::error(Rule::Git, "cannot read the commit of the last promotion");
            notes
                .fold(error, Diagnostic::note)
                .hint("a shallow clone lacks it: `git fetch --unshallow` gets it")
                .hint("name another one with `--base REV`")
        };
        let git = self.git.as_ref().ok_or_else(|| lost(None))?;
        let GitRevision { disk, .. } = git.open(revision).map_err(|why| lost(Some(why)))?;
        let files = ProjectFiles::on_disk(disk, self.project.files.root())
            .map_err(|error| lost(Some(Diagnostic::unreadable("the project", &error))))?;
        let files = Rc::new(files);
        self.revisions.borrow_mut().insert(revision.to_owned(), Rc::clone(&files));
        Ok(files)
    }
}

impl PromotionRecord {
    fn is_of(&self, app: &str) -> bool {
        self.app.as_deref().is_none_or(|name| name == app)
    }

    fn has(&self, app: &str, item: &str) -> bool {
        self.is_of(app) && self.keys.contains(item)
    }
}

/// The line that records a promotion in the message of a commit: all keys about which it decided, and those of them
/// that kept the value of `to`.
pub fn trailer_line((from, to): (&str, &str), commit: &str, app: Option<&str>, keys: &[&str], kept: &[&str]) -> String {
    let app = app.map(|app| format!(" APP={}", escape(app))).unwrap_or_default();
    let list = |names: &[&str]| names.iter().map(|name| escape(name)).collect::<Vec<_>>().join(",");
    let kept = if kept.is_empty() { String::new() } else { format!(" KEPT={}", list(kept)) };
    format!("{TRAILER}: {from}@{commit} {to}{app} KEYS={}{kept}", list(keys))
}

/// The promotions from one environment to another in the message of a commit. Lines that are anything else are
/// ignored.
fn parse_records(commit: &str, message: &str, from: &str, to: &str) -> Vec<PromotionRecord> {
    let parse = |line: &str| {
        let rest = line.trim_end().strip_prefix(TRAILER)?.strip_prefix(": ")?;
        let mut words = rest.split(' ');
        let (environment, source) = words.next()?.split_once('@')?;
        let is_commit = source.len() >= 40 && source.bytes().all(|byte| byte.is_ascii_hexdigit());
        if environment != from || words.next()? != to || !is_commit {
            return None;
        }
        let (mut app, mut keys, mut kept) = (None, BTreeSet::new(), BTreeSet::new());
        let list = |names: &str| {
            let names = names.split(',').filter(|name| !name.is_empty());
            Some(names.map(unescape).collect::<Option<Vec<_>>>()?.into_iter().collect_set())
        };
        for word in words {
            match word.split_once('=')? {
                ("APP", name) => app = Some(unescape(name)?),
                ("KEYS", names) => keys = list(names)?,
                ("KEPT", names) => kept = list(names)?,
                _ => return None,
            }
        }
        Some(PromotionRecord { commit: commit.to_owned(), source: source.to_owned(), app, keys, kept, is_lost: false })
    };
    message.lines().filter_map(parse).collect()
}

/// A name in a line, with other characters than the usual ones as `%XX`.
fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'#') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn unescape(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_records_a_promotion() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let keys = ["A", "tls/K", "a b,%é", "patches.x#2"];
        let line = trailer_line(("staging", "prod"), commit, Some("shop"), &keys, &["a b,%é"]);
        let found = parse_records("c", &format!("subject\n\n{line}\r\nOther: x\n"), "staging", "prod");
        let [record] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((record.source.as_str(), record.app.as_deref()), (commit, Some("shop")));
        for key in ["A", "tls/K", "a b,%é", "patches.x#2"] {
            assert!(record.has("shop", key) && !record.has("other", key), "{key}");
        }
        assert_eq!(record.kept, BTreeSet::from(["a b,%é".to_owned()]));
        for other in [
            line.replace("prod", "dev"),
            line.replace("staging@", "qa@"),
            line.replace(commit, "--all"),
            line.replace("KEYS", "KEY"),
            line.replace("KEPT", "KEP"),
            line.replace("%C3", "%ZZ"),
            format!(" {line}"),
        ] {
            assert_eq!(parse_records("c", &other, "staging", "prod"), [], "{other}");
        }
    }
}
