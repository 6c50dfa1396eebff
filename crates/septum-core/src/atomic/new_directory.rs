//! A directory that appears as a whole: its files are written beside it, and it gets its name when all is in it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::sync_directory;

/// A directory that does not have its name yet. It vanishes if it never gets it, with the directories made for it.
pub struct NewDirectory {
    staging: Option<tempfile::TempDir>,
    name: OsString,
    target: PathBuf,
    /// Directories above that did not exist, the innermost first.
    new_above: Vec<PathBuf>,
}

impl NewDirectory {
    /// An empty directory beside `target`, which does not exist or is empty.
    pub fn create_beside(target: &Path) -> io::Result<Self> {
        let above = target.parent().unwrap_or(Path::new("/"));
        let is_missing = |directory: &&Path| fs::symlink_metadata(directory).is_err();
        let new_above = above.ancestors().take_while(is_missing).map(Path::to_path_buf).collect();
        fs::create_dir_all(above)?;
        let name = target.file_name().unwrap_or_default().to_owned();
        let mut new = Self { staging: None, name, target: target.to_path_buf(), new_above };
        let staging = tempfile::Builder::new().prefix(".septum-new-").tempdir_in(above)?;
        fs::create_dir(staging.path().join(&new.name))?;
        new.staging = Some(staging);
        Ok(new)
    }

    /// Its path until it gets its name.
    pub fn path(&self) -> PathBuf {
        self.staging.as_ref().map(|staging| staging.path().join(&self.name)).unwrap_or_default()
    }

    /// Writes a file below it, with the directories of its path. A path that leads out of it is an error.
    pub fn write_file(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if path.is_empty() || !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let path = self.path().join(path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(path, bytes)
    }

    /// Gives it its name.
    pub fn publish(mut self) -> io::Result<()> {
        // an empty directory gives its place
        match fs::remove_dir(&self.target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(self.path(), &self.target)?;
        self.new_above.clear();
        sync_directory(self.target.parent().unwrap_or(Path::new("/")));
        Ok(())
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        drop(self.staging.take());
        self.new_above.iter().for_each(|directory| drop(fs::remove_dir(directory)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_written_outside() {
        let above = tempfile::tempdir().unwrap();
        let new = NewDirectory::create_beside(&above.path().join("a/b")).unwrap();
        let outside = above.path().join("outside").display().to_string();
        for path in ["../x", "../../x", "a/../../x", "..", ".", "", outside.as_str()] {
            let result = new.write_file(path, b"x").map_err(|error| error.kind());
            assert_eq!(result, Err(io::ErrorKind::InvalidInput), "{path}");
        }
        new.write_file("..x/.y", b"x").unwrap();
        drop(new);
        assert_eq!(fs::read_dir(above.path()).unwrap().count(), 0);
    }
}
