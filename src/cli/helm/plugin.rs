//! `septum helm plugin`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::super::help::CommandHelp;
use super::super::output::OutputStreams;
use super::super::written_page::WrittenPage;
use super::super::{GlobalArgs, argument};
use septum::atomic::{Access, NewParents};
use septum::diagnostic::{Diagnostic, Diagnostics};
use septum::files::resolve_writable;

/// Write the plugin with which Helm 4 runs `septum helm post-render`
///
/// Helm runs the septum on PATH: install it where Helm runs, CI and controllers included. Install the plugin with
/// `helm plugin install DIR`. Helm links to DIR, so it must stay where it is.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct PluginArgs {
    /// Directory of the plugin
    #[arg(long = "out", value_name = "DIR", required = true, value_hint = ValueHint::DirPath)]
    plugin_directory: PathBuf,
}

/// Help of `septum helm plugin`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Write the plugin", "septum helm plugin --out ~/.local/share/septum-helm"),
        ("Install it", "helm plugin install ~/.local/share/septum-helm"),
    ],
    exit_codes: &[],
    topics: &[],
};

/// Words at the top of the file, by which it is known as one that may be replaced.
const MARK: &str = "Written by `septum helm plugin`";

/// The plugin. Source: Helm 4, `pkg/plugin`, plugins of the type `postrenderer/v1`.
fn plugin_text() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "# {MARK}: `helm … --post-renderer septum --post-renderer-args=ENV`\napiVersion: v1\ntype: postrenderer/v1\n\
         name: septum\nversion: {version}\nruntime: subprocess\nruntimeConfig:\n  platformCommand:\n  - command: septum\n    \
         args: [helm, post-render]\n"
    )
}

impl PluginArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let file = self.plugin_directory.join("plugin.yaml");
        let shown = argument::shown_path(&global.directory, &self.plugin_directory, "DIR");
        let real = resolve_writable(&global.directory.join(&file), &shown)?;
        let parents =
            NewParents::create_above(&real, Access::Usual).map_err(|error| Diagnostic::unwritable(&shown, &error))?;
        let text = plugin_text();
        let page = WrittenPage { file: &file, text: &text, mark: MARK, shows_old_lines: true };
        page.write(global, output)?;
        parents.keep();
        let shown = argument::shown_path(&global.directory, &self.plugin_directory, "DIR");
        output.print_note(&format!("septum: install it with `helm plugin install {shown}`"));
        Ok(())
    }
}
