//! Stray files outside the directories of targets: files that a controller would apply, and that are not generated.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;

use super::name::TargetName;
use super::ownership::is_inventory;
use super::root::{OWN, TreeRoot};
use crate::diagnostic::Diagnostic;
use crate::sort::sort;

/// Scope of a run.
#[derive(Clone, Copy)]
pub(super) struct Coverage<'a> {
    /// Whether a target that is not rendered no longer exists, instead of being outside the scope of this run.
    pub(super) is_gone: &'a (dyn Fn(&TargetName) -> bool + Sync),
    /// Whether the run is responsible for files beside the targets of an environment; none: of all environments.
    pub(super) is_beside: &'a (dyn Fn(Option<&str>) -> bool + Sync),
}

/// Files that no controller applies. All others are assumed to be applied.
const HARMLESS: [&str; 7] =
    [".gitattributes", ".gitignore", ".gitkeep", "CODEOWNERS", "LICENSE", "OWNERS", "hydrator.metadata"];

/// Whether a file is one that an earlier version kept in its own directory, or a draft of a run that was stopped.
pub(super) fn is_leftover(name: &str) -> bool {
    let is_digests = name.strip_prefix("local.").is_some_and(|rest| rest.strip_suffix("json").is_some());
    name == "tmp" || is_digests || name == "stamps" || name.starts_with("stamps.") || name.starts_with(".septum-")
}

/// Entries beside the directories of targets.
#[derive(Default)]
pub(super) struct StrayFiles {
    /// Entries that are not generated.
    pub(super) found: Vec<String>,
    /// Leftovers of Septum in its own directory.
    pub(super) leftovers: Vec<String>,
}

/// Finds entries beside the directories of these targets. The entries in them are checked with each target.
pub(super) fn find_strays(
    root: &TreeRoot,
    targets: &BTreeSet<TargetName>,
    coverage: Coverage<'_>,
) -> Result<StrayFiles, Diagnostic> {
    let mut strays = StrayFiles::default();
    let is_whole = (coverage.is_beside)(None);
    for StrayEntry { name, kind } in list_entries(root, "")? {
        match (name.text(), kind) {
            (Some(OWN), StrayKind::Directory) => find_own_strays(root, is_whole, &mut strays)?,
            (Some(environment), StrayKind::Directory) if !environment.starts_with('.') => {
                in_environment(root, environment, targets, coverage, &mut strays.found)?;
            }
            _ if is_whole && !is_harmless(&name, kind) => strays.found.push(format!("{}/{name}", root.shown)),
            _ => {}
        }
    }
    sort(&mut strays.found);
    Ok(strays)
}

fn in_environment(
    root: &TreeRoot,
    environment: &str,
    targets: &BTreeSet<TargetName>,
    coverage: Coverage<'_>,
    found: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    let is_beside = (coverage.is_beside)(Some(environment));
    for StrayEntry { name, kind } in list_entries(root, environment)? {
        let target = name.text().and_then(|name| TargetName::try_from(format!("{environment}/{name}")).ok());
        let is_stray = match target.filter(|_| kind != StrayKind::File) {
            Some(target) => !targets.contains(&target) && (coverage.is_gone)(&target),
            None => is_beside && !is_harmless(&name, kind),
        };
        if is_stray {
            found.push(format!("{}/{environment}/{name}", root.shown));
        }
    }
    Ok(())
}

/// Finds entries of Septum's own directory that are not inventories.
fn find_own_strays(root: &TreeRoot, is_whole: bool, strays: &mut StrayFiles) -> Result<(), Diagnostic> {
    for StrayEntry { name, kind } in list_entries(root, OWN)? {
        let is_text = |is_named: fn(&str) -> bool| name.text().is_some_and(is_named);
        if is_text(is_leftover) {
            strays.leftovers.push(name.to_string());
        } else if is_whole && !is_text(is_inventory) && !is_harmless(&name, kind) {
            strays.found.push(format!("{}/{OWN}/{name}", root.shown));
        }
    }
    Ok(())
}

fn is_harmless(name: &EntryName, kind: StrayKind) -> bool {
    let is_prose = |name: &str| name.rsplit_once('.').is_some_and(|(_, ending)| matches!(ending, "md" | "txt"));
    kind == StrayKind::File && name.text().is_some_and(|name| HARMLESS.contains(&name) || is_prose(name))
}

struct StrayEntry {
    name: EntryName,
    kind: StrayKind,
}

/// A name on the disk. One that is not text belongs to no target, though it may look like one.
struct EntryName(OsString);

impl EntryName {
    fn text(&self) -> Option<&str> {
        self.0.to_str()
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string_lossy())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StrayKind {
    File,
    Directory,
    /// A link, a pipe, a device.
    Other,
}

/// Entries of a directory of the tree.
fn list_entries(root: &TreeRoot, directory: &str) -> Result<Vec<StrayEntry>, Diagnostic> {
    let shown = if directory.is_empty() { root.shown.clone() } else { format!("{}/{directory}", root.shown) };
    let unreadable = |error: &io::Error| Diagnostic::unreadable(&shown, error);
    let found = match fs::read_dir(root.dir.join(directory)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(|error| unreadable(&error))?,
    };
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        let kind = entry.file_type()?;
        let kind = match (kind.is_file(), kind.is_dir()) {
            (true, _) => StrayKind::File,
            (_, true) => StrayKind::Directory,
            _ => StrayKind::Other,
        };
        Ok(StrayEntry { name: EntryName(entry.file_name()), kind })
    };
    found.map(entry).collect::<io::Result<_>>().map_err(|error| unreadable(&error))
}
