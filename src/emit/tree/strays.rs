//! What is in a tree beside the directories of targets: whatever a controller would apply, and nothing generates.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;

use super::name::TargetName;
use super::ownership::is_inventory;
use super::{OWN, TreeRoot, place};
use crate::diagnostic::Diagnostic;

/// What a run answers for.
#[derive(Clone, Copy)]
pub struct Coverage<'a> {
    /// Whether a target that is not rendered is no more, and not only somebody else's.
    pub is_gone: &'a (dyn Fn(&TargetName) -> bool + Sync),
    /// Whether the run answers for what lies beside the targets of an environment; none: of all environments.
    pub is_beside: &'a (dyn Fn(Option<&str>) -> bool + Sync),
}

/// Files that nobody applies. All others are taken for what somebody does.
const HARMLESS: [&str; 6] = [".gitattributes", ".gitignore", ".gitkeep", "CODEOWNERS", "LICENSE", "OWNERS"];

/// The files that an earlier version kept in its own directory, and drafts of a run that was stopped.
pub(super) fn is_leftover(name: &str) -> bool {
    let is_digests = name.strip_prefix("local.").is_some_and(|rest| rest.strip_suffix("json").is_some());
    name == "tmp" || is_digests || name == "stamps" || name.starts_with("stamps.") || name.starts_with(".septum-")
}

/// What is beside the directories of targets.
#[derive(Default)]
pub(super) struct StrayFiles {
    /// What nothing generates.
    pub(super) found: Vec<String>,
    /// What Septum left in its own directory.
    pub(super) leftovers: Vec<String>,
}

/// Looks for what is beside the directories of these targets. What is in them is theirs to say.
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
    strays.found.sort();
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

/// What is in Septum's own directory and no inventory.
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

/// A name on the disk. One that is no text is nobody's, though it may look like one.
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

/// What is in a directory of the tree.
fn list_entries(root: &TreeRoot, directory: &str) -> Result<Vec<StrayEntry>, Diagnostic> {
    let shown = if directory.is_empty() { root.shown.clone() } else { format!("{}/{directory}", root.shown) };
    let unreadable = |error: &io::Error| place::read_error(&shown, error);
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
