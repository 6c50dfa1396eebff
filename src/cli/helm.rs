//! `septum helm`

mod failure;
mod plugin;
mod post_render;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::GlobalArgs;
use super::help::{CommandHelp, HelpTopic};
use super::output::OutputStreams;

pub(super) use failure::report_failure;

/// Run as a post-renderer of Helm, or write the plugin that does
///
/// `post-render ENV` applies the directives of Septum in the objects of a chart, and adds the objects of the
/// environment. Helm 4 runs it through the plugin that `plugin --out DIR` writes; Helm 3 runs any program.
///
/// Helm stores all objects of a release in a Secret of its own, and so the values of Secrets that are added: use
/// `delivery.refs` or sealed Secrets where that is not acceptable.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text(), disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
#[command(subcommand_help_heading = "Commands")]
pub(super) struct HelmArgs {
    #[command(subcommand)]
    kind: HelmCommand,
}

/// Command for Helm.
#[derive(Debug, Subcommand)]
enum HelmCommand {
    // no texts here: each has its own
    PostRender(post_render::PostRenderArgs),
    Plugin(plugin::PluginArgs),
}

/// Help of `septum helm`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Write the plugin, for `helm plugin install`", "septum helm plugin --out ~/.local/share/septum-helm"),
        (
            "Install a chart with the configuration of an environment",
            "helm upgrade --install shop ./chart --post-renderer septum --post-renderer-args=prod",
        ),
        ("Try it without Helm", "septum helm post-render prod < manifests.yaml"),
    ],
    exit_codes: &[
        (0, "everything was written; or, as a plugin of Helm 4, standard output is an error that Helm reports"),
        (1, "with `--check`: errors"),
        (2, "wrong usage or invalid input"),
        (3, "a key is missing"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Identities, HelpTopic::Neighbour],
};

/// Whether arguments are for the post-renderer, valid or not.
pub(super) fn is_post_render(arguments: &[OsString]) -> bool {
    arguments.windows(2).any(|pair| matches!(pair, [helm, command] if helm == "helm" && command == "post-render"))
}

impl HelmArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        match &self.kind {
            HelmCommand::PostRender(command) => command.run(global, output),
            HelmCommand::Plugin(command) => output.finish(command.run(global, output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn examples_of_the_commands_parse() {
        for help in [post_render::HELP, plugin::HELP] {
            for (_, example) in help.examples {
                if example.starts_with("helm ") {
                    continue;
                }
                let words = shlex::split(example.split(" < ").next().unwrap_or_default()).expect("words of a shell");
                let call: Vec<_> = words.into_iter().skip_while(|word| word != "septum").collect();
                if !call.is_empty() {
                    super::super::Cli::try_parse_from(call).unwrap_or_else(|error| panic!("{example}: {error}"));
                }
            }
        }
    }
}
