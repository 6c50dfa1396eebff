//! Extension of Zed that starts `septum lsp`. Install it with *zed: install dev extension* and this directory.

use zed_extension_api::{Command, Extension, LanguageServerId, Result, Worktree, register_extension};

struct SeptumExtension;

impl Extension for SeptumExtension {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, _server: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let command = worktree.which("septum").ok_or("`septum` was not found on the path")?;
        Ok(Command { command, args: vec!["lsp".to_owned()], env: worktree.shell_env() })
    }
}

register_extension!(SeptumExtension);
