//! Programs that this one starts: found on the path of the user, and never in a repository.
//!
//! An entry of `PATH` that is empty or relative (`.`, `bin`) means the working directory, which may be a foreign
//! repository. Such entries are skipped. No other module creates a [`Command`].

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Search path used if `PATH` is not set, as in a shell.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A command that runs a program: one that is named by a path, or the first of its name in an absolute directory of
/// `PATH`.
pub fn program_command(name: &OsStr) -> io::Result<Command> {
    command_outside(name, None)
}

/// A command for a program that is not below `directory`.
pub fn command_outside(name: &OsStr, directory: Option<&Path>) -> io::Result<Command> {
    if Path::new(name).components().count() > 1 || Path::new(name).is_absolute() {
        return Ok(Command::new(name));
    }
    let found = find_program(name, &search_path(), directory).map(Command::new);
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the program was not found in any directory of `PATH`"))
}

/// The directories in which programs are searched.
pub fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| USUAL_PATH.into())
}

/// The first program of a name in the absolute directories of a path, except for those below `outside`.
pub fn find_program(name: impl AsRef<Path>, path: &OsStr, outside: Option<&Path>) -> Option<PathBuf> {
    let absolute = env::split_paths(path).filter(|directory| directory.is_absolute());
    let trusted = absolute.filter(|directory| outside.is_none_or(|outside| !is_below(directory, outside)));
    trusted.map(|directory| directory.join(&name)).find_map(|candidate| as_program(&candidate))
}

/// Whether a directory of a path has a file of that name that cannot be run.
pub fn has_other_file(name: impl AsRef<Path>, path: &OsStr) -> bool {
    let absolute = env::split_paths(path).filter(|directory| directory.is_absolute());
    absolute
        .map(|directory| directory.join(&name))
        .any(|candidate| candidate.is_file() && as_program(&candidate).is_none())
}

/// Whether a search that includes relative directories, as other programs do it, finds the same as [`find_program`].
pub fn is_unambiguous(name: impl AsRef<Path>, path: &OsStr) -> bool {
    let any =
        env::split_paths(path).map(|directory| directory.join(&name)).find_map(|candidate| as_program(&candidate));
    any.is_none_or(|found| found.is_absolute())
}

fn is_below(directory: &Path, outside: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    real(directory).starts_with(real(outside))
}

/// The program of a path.
#[cfg(unix)]
fn as_program(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_program = path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    is_program.then(|| path.to_path_buf())
}

/// The program of a path, whose name may lack its `.exe`. A script (`.cmd`) is one only by its whole name.
#[cfg(not(unix))]
fn as_program(path: &Path) -> Option<PathBuf> {
    const PROGRAMS: [&str; 4] = ["exe", "com", "bat", "cmd"];
    let has_extension =
        path.extension().is_some_and(|found| PROGRAMS.iter().any(|known| found.eq_ignore_ascii_case(known)));
    let mut name = path.as_os_str().to_owned();
    if !has_extension {
        name.push(".exe");
    }
    Some(PathBuf::from(name)).filter(|path| path.is_file())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn relative_directories_and_those_of_the_repository_are_skipped() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["repository/bin", "system"] {
            std::fs::create_dir_all(at(name)).unwrap();
            std::fs::write(at(name).join("git"), "").unwrap();
            std::fs::set_permissions(at(name).join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = env::join_paths(["".into(), ".".into(), "bin".into(), at("repository/bin"), at("system")]).unwrap();
        assert_eq!(find_program("git", &path, Some(&at("repository"))), Some(at("system/git")));
        assert_eq!(find_program("git", &path, None), Some(at("repository/bin/git")));
        assert_eq!(find_program("git", OsStr::new(".:bin:"), None), None);
        assert!(is_unambiguous("git", &path));
        assert_eq!(program_command(OsStr::new("./run.sh")).unwrap().get_program(), "./run.sh");
    }
}
