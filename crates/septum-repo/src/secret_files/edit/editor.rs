//! Choice of the editor, and its execution.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::diagnostic::{Diagnostic, FailureKind, Rule};
use crate::program::{self, find_program};
use crate::signals;
use crate::test_hook;

/// The variables that name an editor; the first that is set counts.
const VARIABLES: [&str; 3] = ["SOPS_EDITOR", "VISUAL", "EDITOR"];

/// Editors that are looked for if none is set.
const FALLBACKS: [&str; 3] = ["vim", "nano", "vi"];

/// Programs that pass the file to a window and return at once, and the options that make them wait: the one that is
/// added, and the equivalent letter.
const WINDOWS: &[(&[&str], &str, char)] = &[
    (&["code", "code-insiders", "codium", "vscodium", "cursor", "windsurf", "positron"], "--wait", 'w'),
    (&["subl", "sublime_text", "zed", "zeditor", "atom", "mate", "bbedit", "gedit", "pluma", "xed"], "--wait", 'w'),
    (&["idea", "pycharm", "webstorm", "goland", "clion", "phpstorm", "rubymine", "rider", "rustrover"], "--wait", 'w'),
    (&["kate"], "--block", 'b'),
    (&["gvim", "mvim"], "--nofork", 'f'),
    (&["gnome-text-editor"], "--standalone", 's'),
    (&["mousepad"], "--disable-server", '\0'),
];

/// An editor that returns sooner, with the file unchanged, has hardly shown it to the user.
const AT_ONCE: Duration = Duration::from_millis(500);

/// An editor, as named by the variables of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalEditor {
    words: Vec<String>,
    /// Source that names the editor, for messages.
    named_by: &'static str,
    waits: bool,
}

/// Result of running an editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EditorExit {
    /// After the user worked with it, as it seems.
    Done,
    /// So soon that it may have passed the file to another process.
    AtOnce,
}

impl ExternalEditor {
    /// The editor that `SOPS_EDITOR`, `VISUAL` or `EDITOR` names, or the first of vim, nano and vi that exists.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Diagnostic> {
        let named = VARIABLES.iter().find_map(|name| {
            let value = variable(name).map(|value| value.to_string_lossy().into_owned());
            value.filter(|value| !value.trim().is_empty()).map(|value| (*name, value))
        });
        let path = variable("PATH").unwrap_or_default();
        let Some((name, value)) = named else {
            let found =
                FALLBACKS.iter().find_map(|program| find_program(program, &path, None).map(|path| (*program, path)));
            let (program, _) = found.ok_or_else(no_editor)?;
            return Ok(Self::new(vec![program.to_owned()], "PATH", &path));
        };
        match shlex::split(&value).filter(|words| !words.is_empty()) {
            Some(words) => Ok(Self::new(words, name, &path)),
            None => Err(Diagnostic::error(Rule::Editor, format!("`{name}` is not a valid command: unclosed quote"))
                .with_failure(FailureKind::Invalid)
                .hint("quote it as in a shell: `EDITOR='code --wait'`")),
        }
    }

    fn new(mut words: Vec<String>, named_by: &'static str, path: &OsString) -> Self {
        let program = words.first().cloned().unwrap_or_default();
        let name = name_of(Path::new(&program));
        let window = WINDOWS.iter().find(|(names, ..)| names.contains(&name.as_str()));
        if let Some((_, option, letter)) = window
            && !words.iter().skip(1).any(|word| is_option(word, option, *letter))
        {
            words.insert(1, (*option).to_owned());
        }
        let is_vim = is_vim(&name)
            || (name == "vi" && find_program(&program, path, None).is_some_and(|path| is_vim_below(&path)));
        if is_vim {
            let quiet = ["-n", "-i", "NONE", "-c", "set noundofile nobackup nowritebackup"];
            // first, since arguments after `--` would be files
            words.splice(1..1, quiet.map(str::to_owned));
        }
        let waits = window.is_some()
            || is_vim
            || ["vi", "nano", "emacs", "emacsclient", "hx", "helix"].contains(&name.as_str());
        Self { words, named_by, waits }
    }

    /// The path of its program, which must exist.
    pub fn find_program(&self) -> Result<PathBuf, Diagnostic> {
        let program = Path::new(self.program());
        let missing = || self.not_started(&std::io::Error::other("the program was not found"));
        if program.components().count() > 1 {
            return if program.is_file() { Ok(program.to_path_buf()) } else { Err(missing()) };
        }
        find_program(program, &program::search_path(), None).ok_or_else(missing)
    }

    /// The program, by its name in messages.
    pub(super) fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Opens a file in the editor.
    pub(super) fn run_on(&self, file: &Path) -> Result<EditorExit, Diagnostic> {
        let start = Instant::now();
        let command = program::program_command(OsStr::new(self.program()));
        let mut command = command.map_err(|error| self.not_started(&error))?;
        command.args(self.words.iter().skip(1)).arg(file);
        let status = signals::run_editor(&mut command).map_err(|error| self.not_started(&error))?;
        match (status.success(), status.code()) {
            (true, _) if !self.waits && test_hook::elapsed_since(start) < AT_ONCE => Ok(EditorExit::AtOnce),
            (true, _) => Ok(EditorExit::Done),
            (false, Some(code)) => Err(self.failed_diagnostic(&format!("failed with exit code {code}"))),
            (false, None) => Err(self.failed_diagnostic("was killed")),
        }
    }

    fn not_started(&self, error: &std::io::Error) -> Diagnostic {
        let message = format!("the editor `{}` could not be started: {error}", self.program());
        Diagnostic::error(Rule::Editor, message)
            .note(format!(
                "it is set by `{}`; the order of precedence is `SOPS_EDITOR`, `VISUAL`, `EDITOR`",
                self.named_by
            ))
            .hint(format!("set `{}` to an installed editor, or unset it", self.named_by))
    }

    fn failed_diagnostic(&self, how: &str) -> Diagnostic {
        let message = format!("the editor `{}` {how}, so nothing was changed", self.program());
        Diagnostic::error(Rule::Editor, message)
    }
}

fn no_editor() -> Diagnostic {
    let message = format!("no editor is set, and none of {} was found on `PATH`", FALLBACKS.join(", "));
    Diagnostic::error(Rule::Editor, message).hint("set `EDITOR`")
}

/// The name of an editor without its directory, and without `.exe` or `.cmd`.
fn name_of(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    [".exe", ".cmd", ".bat"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name).to_owned()
}

/// Whether a word of a command is an option: `--wait`, or `-w` alone or among other letters.
fn is_option(word: &str, option: &str, letter: char) -> bool {
    word == option || (word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
}

/// Whether a program accepts the options of vim. A `vi` that is not vim would reject them.
fn is_vim(name: &str) -> bool {
    let known = ["vim", "nvim", "gvim", "mvim", "rvim", "vimx", "lvim"];
    known.contains(&name) || name.starts_with("vim.") || name.starts_with("nvim.")
}

/// Whether a link leads to vim, as `vi` does where vim is installed as `vi`.
fn is_vim_below(path: &Path) -> bool {
    std::fs::canonicalize(path).is_ok_and(|path| is_vim(&name_of(&path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(variables: &[(&str, &str)]) -> String {
        let editor = ExternalEditor::of(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        });
        editor.map_or_else(|error| error.message, |editor| editor.words.join("|"))
    }

    #[test]
    fn the_first_variable_that_is_set_counts_and_is_split_as_by_a_shell() {
        for (variables, expected) in [
            (&[("EDITOR", "e"), ("VISUAL", "v"), ("SOPS_EDITOR", "s")][..], "s"),
            (&[("EDITOR", "e"), ("VISUAL", "v"), ("SOPS_EDITOR", " ")], "v"),
            (&[("EDITOR", "'/a b/e' -x \"y z\"")], "/a b/e|-x|y z"),
            (&[("EDITOR", "e 'x")], "`EDITOR` is not a valid command: unclosed quote"),
            (&[], "no editor is set, and none of vim, nano, vi was found on `PATH`"),
        ] {
            assert_eq!(words(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn editors_with_windows_wait() {
        for (command, expected) in [
            ("code", "code|--wait"),
            ("/usr/bin/code-insiders -n", "/usr/bin/code-insiders|--wait|-n"),
            ("code --wait", "code|--wait"),
            ("code -nw", "code|-nw"),
            ("code --new-window", "code|--wait|--new-window"),
            ("subl", "subl|--wait"),
            ("zed", "zed|--wait"),
            ("idea", "idea|--wait"),
            ("kate", "kate|--block"),
            ("Code.exe", "Code.exe|--wait"),
            ("nano", "nano"),
            ("emacs -nw", "emacs|-nw"),
        ] {
            assert_eq!(words(&[("EDITOR", command)]), expected, "{command}");
        }
    }

    #[test]
    fn vim_leaves_no_files_and_vi_is_asked_for_nothing_it_does_not_know() {
        let quiet = "-n|-i|NONE|-c|set noundofile nobackup nowritebackup";
        for (command, expected) in [
            ("vim", format!("vim|{quiet}")),
            ("nvim -R --", format!("nvim|{quiet}|-R|--")),
            ("/usr/bin/vim.basic", format!("/usr/bin/vim.basic|{quiet}")),
            ("gvim", format!("gvim|{quiet}|--nofork")),
            ("vi", "vi".to_owned()),
        ] {
            assert_eq!(words(&[("EDITOR", command)]), expected, "{command}");
        }
    }
}
