//! The rules of many files, each `.sops.yaml` read once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{CreationRule, SopsConfig, discover_config, make_absolute};
use septum_base::diagnostic::Diagnostics;
use septum_base::disk::Disk;
use septum_base::map::HashMap;
use septum_base::sort::sort_by_key;

type SopsConfigCell = Arc<OnceLock<Result<SopsConfig, Diagnostics>>>;

/// Finds the rule of each file, and caches the files of rules that it read.
#[derive(Debug, Default)]
pub struct SopsConfigCache {
    disk: Disk,
    /// A file that is not written yet.
    planned: Option<(PathBuf, SopsConfig)>,
    read: Mutex<HashMap<PathBuf, SopsConfigCell>>,
}

impl SopsConfigCache {
    /// Cache of the files on a disk.
    pub fn with_disk(disk: Disk) -> Self {
        Self { disk, planned: None, read: Mutex::default() }
    }

    /// Cache in which a file of rules has a content that is not written yet.
    pub fn with_planned(path: PathBuf, config: SopsConfig) -> Self {
        Self { planned: Some((path, config)), ..Self::default() }
    }

    /// Path of the nearest `.sops.yaml` from a file's directory upward.
    pub fn find_nearest(&self, file: &Path) -> Option<PathBuf> {
        self.discover(file).ok().flatten()
    }

    fn discover(&self, file: &Path) -> Result<Option<PathBuf>, Diagnostics> {
        let file = make_absolute(file)?;
        let found = discover_config(&self.disk, &file)?;
        let planned = self.planned.iter().map(|(path, _)| path.clone());
        let above = planned.chain(found).filter(|path| path.parent().is_some_and(|above| file.starts_with(above)));
        Ok(above.max_by_key(|path| path.components().count()))
    }

    /// Warnings about the files of rules that were read.
    pub fn warnings(&self) -> Diagnostics {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files: Vec<_> = read.iter().collect();
        sort_by_key(&mut files, |(path, _)| path.as_path());
        let rules = files.into_iter().filter_map(|(_, slot)| slot.get()?.as_ref().ok());
        rules.flat_map(SopsConfig::warnings).collect()
    }

    /// The rule for a file, which need not exist; none if there is no `.sops.yaml` above it, or no
    /// rule in it that matches.
    pub fn find_rule(&self, file: &Path) -> Result<Option<CreationRule>, Diagnostics> {
        let Some(config) = self.discover(file)? else { return Ok(None) };
        if let Some((_, planned)) = self.planned.as_ref().filter(|(path, _)| *path == config) {
            return Ok(planned.first_match(file)?.cloned());
        }
        let slot = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(read.entry(config.clone()).or_default())
        };
        match slot.get_or_init(|| SopsConfig::read_on(&self.disk, &config)) {
            Ok(rules) => Ok(rules.first_match(file)?.cloned()),
            Err(found) => Err(found.clone()),
        }
    }
}
