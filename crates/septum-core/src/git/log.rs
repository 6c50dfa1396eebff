//! The output of `git log --raw -z`: commits, and the versions of files that each of them has.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::disk::path_of;

/// Options of a log that [`parse_log`] reads.
pub(super) const LOG_OPTIONS: [&str; 7] = [
    "-z",
    "--raw",
    "--no-abbrev",
    "--no-renames",
    "--no-ext-diff",
    "--no-show-signature",
    "--format=%x01%H %ct %cs %P",
];

/// A commit, or a version of a file in the commit before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LogRecord<'l> {
    Commit(LogCommit<'l>),
    File(LogFile<'l>),
}

/// A commit of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogCommit<'l> {
    /// Its name.
    pub(super) id: &'l str,
    /// Time since 1970 at which it was committed; 0 if a clock was before that.
    pub(super) moment: Duration,
    /// The same as a day, where it was committed.
    pub(super) day: &'l str,
    /// Its parents; in a log of some paths, the commits before it that changed them.
    pub(super) parents: Vec<&'l str>,
}

/// A version of a file of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogFile<'l> {
    /// Path from the root of the work tree.
    pub(super) path: PathBuf,
    /// Name of its content; none if the commit removed it, or has a link or another repository in its place.
    pub(super) blob: Option<&'l str>,
    /// Name of its content in a parent of the commit; none if that does not have it, or has something else there.
    pub(super) former: Option<&'l str>,
    /// Whether that parent does not have it.
    pub(super) is_added: bool,
}

/// Parses a log: `^A` and the commit, then for each file the modes, the blobs and the status, and its path.
pub(super) fn parse_log(log: &[u8]) -> impl Iterator<Item = io::Result<LogRecord<'_>>> {
    let mut fields = log.split(|&byte| byte == 0);
    std::iter::from_fn(move || {
        let field = fields.by_ref().map(<[u8]>::trim_ascii_start).find(|field| !field.is_empty())?;
        Some(match field.strip_prefix(b"\x01") {
            Some(head) => parse_commit(head).map(LogRecord::Commit),
            None => parse_file(field, fields.next().unwrap_or_default()).map(LogRecord::File),
        })
    })
}

fn parse_commit(head: &[u8]) -> io::Result<LogCommit<'_>> {
    let head = std::str::from_utf8(head).map_err(|_| strange_log())?;
    let words: Vec<_> = head.split_ascii_whitespace().collect();
    let [id, seconds, day, parents @ ..] = words.as_slice() else { return Err(strange_log()) };
    let seconds = match seconds.strip_prefix('-') {
        Some(_) => 0,
        None => seconds.parse().map_err(|_| strange_log())?,
    };
    Ok(LogCommit { id, moment: Duration::from_secs(seconds), day, parents: parents.to_vec() })
}

fn parse_file<'l>(facts: &'l [u8], path: &[u8]) -> io::Result<LogFile<'l>> {
    let facts = std::str::from_utf8(facts).ok().and_then(|facts| facts.strip_prefix(':')).ok_or_else(strange_log)?;
    let facts: Vec<_> = facts.split(' ').collect();
    let ([former_mode, mode, former, blob, status], false) = (facts.as_slice(), path.is_empty()) else {
        return Err(strange_log());
    };
    let path = path_of(path.to_vec()).map_err(|_| strange_log())?;
    // a link or another repository is no version of a file
    let blob = mode.starts_with("100").then_some(*blob);
    let former = former_mode.starts_with("100").then_some(*former);
    Ok(LogFile { path, blob, former, is_added: status.starts_with('A') })
}

/// Parses a log of moves alone (`--find-renames --diff-filter=R`): the former names by the commit and the new name.
pub(super) fn parse_moves(log: &[u8]) -> io::Result<BTreeMap<String, BTreeMap<PathBuf, PathBuf>>> {
    let mut found: BTreeMap<String, BTreeMap<PathBuf, PathBuf>> = BTreeMap::new();
    let mut commit = None;
    let mut fields = log.split(|&byte| byte == 0);
    while let Some(field) = fields.by_ref().map(<[u8]>::trim_ascii_start).find(|field| !field.is_empty()) {
        if let Some(head) = field.strip_prefix(b"\x01") {
            commit = Some(parse_commit(head)?.id.to_owned());
            continue;
        }
        let mut path = || {
            let path = fields.next().filter(|path| !path.is_empty()).ok_or_else(strange_log)?;
            path_of(path.to_vec()).map_err(|_| strange_log())
        };
        let (former, new) = (path()?, path()?);
        let commit = commit.clone().filter(|_| field.starts_with(b":")).ok_or_else(strange_log)?;
        found.entry(commit).or_default().insert(new, former);
    }
    Ok(found)
}

/// Error: Git printed something else.
pub(super) fn strange_log() -> io::Error {
    io::Error::other("cannot parse its log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_git_prints_it() {
        let (one, two, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let log = format!(
            "\x01{one} 1795947733 2026-11-29 {two} {zero}\0\n:100644 000000 {one} {zero} D\0a b\0:000000 100644 {zero} {two} A\0c/d\0\
             \x01{two} -1 1969-12-31\0\n:000000 120000 {zero} {one} A\0link\0:100644 100755 {one} {two} M\0x\0"
        );
        let found: Vec<_> = parse_log(log.as_bytes()).collect::<Result<_, _>>().expect("a log");
        let commit = |id, seconds, day, parents| {
            LogRecord::Commit(LogCommit { id, moment: Duration::from_secs(seconds), day, parents })
        };
        let file = |path: &str, blob, former: Option<&'static str>, is_added| {
            let former = former.map(|name| if name == "one" { one.as_str() } else { two.as_str() });
            LogRecord::File(LogFile { path: path.into(), blob, former, is_added })
        };
        assert_eq!(
            found,
            [
                commit(&one, 1_795_947_733, "2026-11-29", vec![&two, &zero]),
                file("a b", None, Some("one"), false),
                file("c/d", Some(&two), None, true),
                commit(&two, 0, "1969-12-31", Vec::new()),
                file("link", None, None, true),
                file("x", Some(&two), Some("one"), false),
            ]
        );
        assert_eq!(parse_log(b"").count(), 0);
    }

    #[test]
    fn moves_are_read_by_commit_and_new_name() {
        let log = b"\x01one 1 2026-11-29\0\n:100644 100644 a b R100\0old\0new\0\x01two 1 2026-11-29\0";
        let found = parse_moves(log).expect("a log");
        assert_eq!(found["one"][&PathBuf::from("new")], PathBuf::from("old"));
        assert_eq!(found.len(), 1);
        for log in [
            &b":100644 100644 a b R100\0old\0new\0"[..],
            b"\x01one 1 x\0:1 1 a b R100\0old\0",
            b"\x01one 1 x\0words\0a\0b\0",
        ] {
            assert!(parse_moves(log).is_err(), "{}", log.escape_ascii());
        }
    }

    #[test]
    fn what_git_does_not_print_is_an_error() {
        for log in [&b"\x01x 1\0"[..], b"\x01x y z\0", b"words\0", b":000000 100644 0 1 A\0", b":100644 0 1 A\0a\0"] {
            assert!(parse_log(log).any(|record| record.is_err()), "{}", log.escape_ascii());
        }
    }
}
