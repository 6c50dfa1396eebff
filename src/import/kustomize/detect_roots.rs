//! Environments of the directories on the command line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::assemble::layer_word;
use super::fields::FILE_NAMES;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::disk::{DirEntryKind, Disk};
use crate::import::environment_names::check_environment_names;
use crate::name::wrong_dns_label;
use crate::project::BASE;

/// Directories whose subdirectories are environments.
const OVERLAYS: [&str; 4] = ["overlays", "environments", "envs", "overlay"];

/// Name of the environment of a single root.
const SINGLE: &str = "prod";

/// Hint for names that directories cannot give.
const NAMING: &str = "name the environments: `--env NAME=DIR`";

/// Whether a directory contains a kustomization.
fn is_kustomization(directory: &Path) -> bool {
    FILE_NAMES.iter().any(|name| Disk::default().has(&directory.join(name)))
}

/// Environments with their directories: named ones, those of `overlays` in or beside a single directory, those beside a
/// `base` in it, or one for each directory.
pub fn find_roots(named: &[(String, PathBuf)], directories: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, Diagnostics> {
    let invalid = |why: &str| Diagnostic::error(Rule::Usage, format!("the name of an `--env` is not valid: {why}"));
    for (name, _) in named {
        if let Some(why) = wrong_dns_label(name) {
            return Err(invalid(why).into());
        }
        if name == BASE {
            return Err(invalid("`base` is not an environment").into());
        }
    }
    let found = if named.is_empty() { roots_of(directories) } else { named.to_vec() };
    let mut seen = BTreeSet::new();
    if let Some((name, _)) = found.iter().find(|(name, _)| !seen.insert(name)) {
        let error = Diagnostic::error(Rule::Usage, format!("two directories are named `{name}`"));
        return Err(error.hint(NAMING).into());
    }
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    check_environment_names(&names, NAMING)?;
    Ok(found)
}

/// Environments of directories without names.
fn roots_of(directories: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let [single] = directories else {
        return directories.iter().map(|directory| (environment_name(directory), directory.clone())).collect();
    };
    let found = overlays_of(single);
    if !found.is_empty() {
        return found;
    }
    let is_overlay =
        single.parent().and_then(Path::file_name).is_some_and(|name| OVERLAYS.iter().any(|known| name == *known));
    let name = if is_overlay { environment_name(single) } else { SINGLE.to_owned() };
    vec![(name, single.clone())]
}

/// Kustomizations in the directory `overlays` of a directory, or beside it, or in the directory itself if it is such a one.
fn overlays_of(single: &Path) -> Vec<(String, PathBuf)> {
    let is_named = |name: &str| single.file_name().is_some_and(|known| known == name);
    let beside = single.parent().filter(|_| is_named(BASE));
    let below = [Some(single), beside].into_iter().flatten();
    let below = below.flat_map(|above| OVERLAYS.iter().map(|name| above.join(name)));
    let is_above = OVERLAYS.into_iter().any(is_named) || is_kustomization(&single.join(BASE));
    let itself = (is_above && !is_kustomization(single)).then(|| single.to_owned());
    below
        .chain(itself)
        .map(|directory| kustomizations_in(&directory))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Subdirectories with kustomizations, but for the base.
fn kustomizations_in(directory: &Path) -> Vec<(String, PathBuf)> {
    let entries = Disk::default().list(directory).unwrap_or_default();
    let found = entries.iter().filter(|entry| entry.kind == DirEntryKind::Directory && entry.name != BASE);
    let found = found.map(|entry| directory.join(&entry.name)).filter(|path| is_kustomization(path));
    found.map(|path| (environment_name(&path), path)).collect()
}

/// Name of the environment of a directory.
fn environment_name(directory: &Path) -> String {
    let name = directory.file_name().map(|name| layer_word(&name.to_string_lossy())).unwrap_or_default();
    if name.is_empty() || name == BASE { SINGLE.to_owned() } else { name }
}
