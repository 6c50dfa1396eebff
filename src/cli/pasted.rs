//! Commands in hints, adapted to the user's working directory.
//!
//! Below the command line, hints name files from the root of the project. A user in another directory pastes the
//! command there: it then needs `-C`.

use std::path::{Component, Path, PathBuf};

use septum::diagnostic::{Diagnostic, shell_path};
use septum::disk::{BoundedRoot, Disk};
use septum::project;

/// Beginning of a command in a text.
const COMMAND: &str = "`septum ";

/// Commands that need no project.
const WITHOUT_PROJECT: [&str; 6] = ["init", "keygen", "completions", "man", "help", "--version"];

/// Commands that need a project whatever paths they name.
const OF_PROJECT: [&str; 2] = ["check", "render"];

/// Directory in which commands are pasted, and the root of the project that they concern.
pub(super) struct CommandPlace {
    here: PathBuf,
    root: PathBuf,
}

impl CommandPlace {
    /// The place for a run with `-C`; none if every command works as it is written.
    pub(super) fn of(directory: &Path) -> Option<Self> {
        let canonical =
            |path: &Path| BoundedRoot::new(Disk::default(), path).ok().map(|root| root.path().to_path_buf());
        let (here, start) = (canonical(Path::new("."))?, canonical(directory)?);
        let root = project::root_above(&start).unwrap_or(start);
        (here != root).then_some(Self { here, root })
    }

    /// A diagnostic whose commands are adapted to that place.
    pub(super) fn place(&self, found: Diagnostic) -> Diagnostic {
        let hints = found.hints.iter().map(|hint| self.place_commands(hint)).collect();
        Diagnostic { hints, ..found }
    }

    /// A text whose commands are adapted to that place.
    pub(super) fn place_commands(&self, text: &str) -> String {
        let mut parts = text.split(COMMAND);
        let mut placed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let command = part.split('`').next().unwrap_or_default();
            placed.push_str(COMMAND);
            let moved = self.paths_from_root(command);
            if !moved.is_empty() || self.needs_directory(command) {
                placed.extend(["-C ", &shell_path(&relative(&self.here, &self.root)), " "]);
            }
            let part = moved.iter().fold(part.to_owned(), |part, (from, to)| part.replacen(from, to, 1));
            placed.push_str(&part);
        }
        placed
    }

    /// Paths from the working directory in a command that needs the project as well, each with the one from the root
    /// of the project, from which `-C` reads it.
    fn paths_from_root(&self, command: &str) -> Vec<(String, String)> {
        let words = shlex::split(command).unwrap_or_default();
        if self.here.starts_with(&self.root) || !words.first().is_some_and(|name| OF_PROJECT.contains(&name.as_str())) {
            return Vec::new();
        }
        let disk = Disk::default();
        let is_here = |path: &&String| !disk.has(&self.root.join(path)) && disk.has(&self.here.join(path));
        let paths = words.iter().skip(1).filter(|word| word.contains('/')).filter(is_here);
        let from_root = |path: &String| shell_path(&relative(&self.root, &self.here.join(path)));
        paths.map(|path| (shell_path(Path::new(path)), from_root(path))).collect()
    }

    fn needs_directory(&self, command: &str) -> bool {
        let words = shlex::split(command).unwrap_or_default();
        let mut words = words.iter().map(String::as_str);
        let name = words.next().unwrap_or_default();
        if WITHOUT_PROJECT.contains(&name) || name.starts_with('-') {
            return false;
        }
        let disk = Disk::default();
        let mut paths = words.filter(|word| word.contains('/') || has_extension(word)).peekable();
        if paths.peek().is_none() {
            return !self.here.starts_with(&self.root);
        }
        // a path from the working directory is right already
        !paths.any(|path| !disk.has(&self.root.join(path)) && disk.has(&self.here.join(path)))
    }
}

/// Whether a diagnostic contains a command.
pub(super) fn names_command(found: &Diagnostic) -> bool {
    found.hints.iter().any(|hint| hint.contains(COMMAND))
}

/// Whether a word of a command is the name of a file.
fn has_extension(word: &str) -> bool {
    [".yaml", ".yml", ".json", ".env", ".ini", ".txt", ".toml"].iter().any(|ending| word.ends_with(ending))
}

/// The relative path from one directory to another.
pub(super) fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gets_the_way_to_its_project() {
        let place = |here: &str, root: &str| CommandPlace { here: here.into(), root: root.into() };
        for (here, root, text, expected) in [
            ("/r", "/r/sub", "`septum set dev PW` sets it", "`septum -C sub set dev PW` sets it"),
            ("/r", "/r/my app", "`septum check --fix`", "`septum -C 'my app' check --fix`"),
            ("/r/sub/environments", "/r/sub", "`septum check --fix`", "`septum check --fix`"),
            ("/r/sub/environments", "/r/sub", "`septum encrypt a/b.yaml`", "`septum -C .. encrypt a/b.yaml`"),
            ("/r/other", "/r/sub", "`septum get prod X`", "`septum -C ../sub get prod X`"),
            (
                "/r",
                "/r/sub",
                "`septum keygen` or `septum edit x.yaml`",
                "`septum keygen` or `septum -C sub edit x.yaml`",
            ),
            ("/r", "/r/sub", "no command of `septum`", "no command of `septum`"),
        ] {
            assert_eq!(place(here, root).place_commands(text), expected, "{text} at {here}");
        }
    }
}
