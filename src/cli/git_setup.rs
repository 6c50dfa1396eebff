//! `septum git-setup`

use std::path::Path;

use clap::Args;

use super::GlobalArgs;
use super::help::{CommandHelp, HelpTopic};
use super::output::{OutputStreams, shown_path};
use super::pasted::relative;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, StyledText};
use septum::disk::{BoundedRoot, Disk};
use septum::doctor::{ATTRIBUTES_LINE, AttributesState};
use septum::git::{CloneSettings, DRIVERS, GitRepository, HOOK_COMMAND, HookState};

/// Configure Git to show and merge encrypted files in this clone
///
/// Sets the diff driver and the merge driver in the configuration of the repository, which is not committed and applies
/// to all of its work trees. `.gitattributes`, which is committed, names the files. With `--hook`, also installs a
/// pre-commit hook that runs `septum check --staged`. Existing hooks are never overwritten.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct GitSetupArgs {
    /// Also install the pre-commit hook
    #[arg(long)]
    hook: bool,
    /// Remove the drivers, and the hook if it is the one that `--hook` installs
    #[arg(long, conflicts_with = "hook")]
    undo: bool,
}

/// Help of `septum git-setup`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Configure the drivers", "septum git-setup"),
        ("Also check each commit", "septum git-setup --hook"),
        ("Remove what it configured", "septum git-setup --undo"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Git],
};

impl GitSetupArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let directory = real_directory(&global.directory)?;
        let repository = GitRepository::find(&directory).map_err(|error| git_failure(&error.to_string()))?;
        let repository = repository.ok_or_else(|| {
            git_failure("not a git repository (or any of the parent directories)")
                .hint("run it in a clone, or create a repository: `git init`")
        })?;
        let settings = CloneSettings::read(repository.clone()).map_err(|error| git_failure(&error.to_string()))?;
        let mut setup = SetupRun { settings, here: real_directory(Path::new("."))?, lines: StyledText::new() };
        let done = if self.undo { setup.undo() } else { setup.configure(self.hook) };
        output.print_text(&setup.lines)?;
        done?;
        if !self.undo && AttributesState::of(&repository) != AttributesState::Named {
            output.print_findings(unused_drivers().into());
        }
        Ok(())
    }
}

/// State of a run.
struct SetupRun {
    settings: CloneSettings,
    here: std::path::PathBuf,
    /// Changes, one per line.
    lines: StyledText,
}

impl SetupRun {
    fn configure(&mut self, with_hook: bool) -> Result<(), Diagnostic> {
        for (name, value) in DRIVERS {
            let known = self.settings.value(name).filter(|(_, known)| self.settings.is_driver(name, known));
            if let Some((_, known)) = known {
                let line = format!("kept      {name} = {known}");
                self.lines.push_line(line);
                continue;
            }
            let is_new = self.settings.local_value(name).is_none();
            self.settings.set(name, value).map_err(|error| git_failure(&error.to_string()))?;
            self.lines.push_line(format!("{}  {name} = {value}", if is_new { "set     " } else { "replaced" }));
        }
        if with_hook { self.install_hook() } else { Ok(()) }
    }

    fn install_hook(&mut self) -> Result<(), Diagnostic> {
        let Some(path) = self.settings.hook_path() else {
            let message = "the directory of hooks is outside of the repository, and may be that of other repositories";
            return Err(foreign_hook(message.to_owned()).note("`core.hooksPath` of Git sets it"));
        };
        let name = self.name_of(&path);
        let failed = |error| Diagnostic::unwritable(&name, &error);
        match self.settings.hook_state(&path).map_err(failed)? {
            HookState::Installed | HookState::Included => self.lines.push_line(format!("kept      {name}")),
            HookState::Foreign => {
                return Err(foreign_hook(format!("`{name}` exists, and `git-setup` never overwrites a hook")));
            }
            state @ (HookState::Missing | HookState::NotExecutable) => {
                self.settings.install_hook(&path).map_err(failed)?;
                let word = if state == HookState::Missing { "created" } else { "enabled" };
                self.lines.push_line(format!("{word:8}  {name}"));
            }
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), Diagnostic> {
        for (name, _) in DRIVERS {
            let Some(value) = self.settings.local_value(name).map(str::to_owned) else { continue };
            if self.settings.is_driver(name, &value) {
                self.settings.unset(name).map_err(|error| git_failure(&error.to_string()))?;
                self.lines.push_line(format!("removed   {name}"));
            } else {
                self.lines.push_line(format!("kept      {name}, which has another value"));
            }
        }
        let Some(path) = self.settings.hook_path() else { return Ok(()) };
        let name = self.name_of(&path);
        let failed = |error| Diagnostic::unwritable(&name, &error);
        match self.settings.hook_state(&path).map_err(failed)? {
            HookState::Installed => {
                self.settings.remove_hook(&path).map_err(failed)?;
                self.lines.push_line(format!("removed   {name}"));
            }
            HookState::Included => {
                self.lines.push_line(format!("kept      {name}, which also runs other commands"));
            }
            HookState::Missing | HookState::NotExecutable | HookState::Foreign => {}
        }
        if self.lines.is_empty() {
            self.lines.push_line("nothing to remove");
        }
        Ok(())
    }

    fn name_of(&self, path: &Path) -> String {
        shown_path(&relative(&self.here, path))
    }
}

/// A directory without links.
fn real_directory(directory: &Path) -> Result<std::path::PathBuf, Diagnostic> {
    let root = BoundedRoot::new(Disk::default(), directory);
    let root = root.map_err(|error| Diagnostic::unreadable(&shown_path(directory), &error))?;
    Ok(root.path().to_path_buf())
}

fn git_failure(why: &str) -> Diagnostic {
    Diagnostic::error(Rule::Git, "the clone could not be configured").note(why)
}

fn foreign_hook(message: String) -> Diagnostic {
    Diagnostic::error(Rule::ForeignHook, message)
        .hint(format!("add this line to the pre-commit hook: `{HOOK_COMMAND} || exit 1`"))
}

fn unused_drivers() -> Diagnostic {
    Diagnostic::warning(
        Rule::UnusedDrivers,
        "`.gitattributes` names no file for these drivers, so Git does not use them",
    )
    .hint(format!(
        "name the encrypted files in `.gitattributes` at the root of the repository, such as by the line `{ATTRIBUTES_LINE}`"
    ))
}
