//! Values as files in memory, for as long as a program runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Rule};
use crate::environ::SelectedEntry;
use crate::secret_files::edit::{PlaintextStorage, PrivateDirectory, TempDirs};
use crate::signals;

/// A file for each entry. They are in a private directory in memory, to which a link leads from the path that the user
/// chose; both are removed when this is dropped.
pub struct EntryFiles {
    link: PathBuf,
    directory: Option<PrivateDirectory>,
}

impl EntryFiles {
    /// Writes the entries. `link` must not exist; `shown` is its name in messages.
    pub fn create(
        entries: &[SelectedEntry],
        link: &Path,
        shown: &str,
        storage: PlaintextStorage,
    ) -> Result<Self, Diagnostic> {
        let link = std::path::absolute(link).unwrap_or_else(|_| link.to_path_buf());
        // removes the directories of killed runs, and leaves their links dangling
        let directory = PrivateDirectory::new(&TempDirs::of(|name| std::env::var_os(name)), storage)?;
        remove_dangling(&link);
        for entry in entries {
            let is_name = Path::new(&entry.key).file_name().is_some_and(|name| name == entry.key.as_str());
            if !is_name {
                return Err(Diagnostic::error(
                    Rule::UnusableVariable,
                    format!("`{}` cannot be the name of a file", entry.label),
                )
                .at_masked(entry.place.clone())
                .hint(format!("leave it out: `--except '{}'`", entry.key)));
            }
            directory
                .write_input(&entry.key, entry.value.bytes())
                .map_err(|error| Diagnostic::unwritable(&format!("{shown}/{}", entry.key), &error))?;
        }
        let made = signals::guarded(|| {
            symlink(directory.path(), &link)?;
            let removed = link.clone();
            let cleanup = move || {
                let _ = fs::remove_file(&removed);
                None
            };
            Ok((link.clone(), Box::new(cleanup) as signals::Cleanup, ()))
        });
        match made {
            Ok(()) => Ok(Self { link, directory: Some(directory) }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(Diagnostic::error(Rule::Usage, format!("`{shown}` exists, and `--files` overwrites nothing"))
                    .hint("choose a path that does not exist; it is removed when the program ends"))
            }
            Err(error) => Err(Diagnostic::unwritable(shown, &error)),
        }
    }

    /// The absolute path at which the program finds the files.
    pub fn path(&self) -> &Path {
        &self.link
    }
}

impl Drop for EntryFiles {
    fn drop(&mut self) {
        signals::settle(&self.link, || {
            let is_ours = fs::read_link(&self.link)
                .is_ok_and(|target| self.directory.as_ref().is_some_and(|directory| target == directory.path()));
            if is_ours {
                let _ = fs::remove_file(&self.link);
            }
        });
        if let Some(directory) = self.directory.take() {
            directory.discard();
        }
    }
}

/// Removes the link of a killed run, whose directory is gone.
fn remove_dangling(link: &Path) {
    let target = fs::read_link(link).ok();
    if target.is_some_and(|target| PrivateDirectory::is_name(&target) && fs::symlink_metadata(&target).is_err()) {
        let _ = fs::remove_file(link);
    }
}
