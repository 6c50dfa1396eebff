//! `septum import manifests`

use clap::Args;

use super::super::GlobalArgs;
use super::super::help::CommandHelp;
use super::super::output::{OutputStreams, invalid_usage};
use super::ImportOptions;
use super::inputs::parse_inputs;
use septum::diagnostic::Diagnostics;
use septum::files::FileKind;
use septum::import::{ManifestInput, plan_manifests};

/// Environment of files that are named without one.
const USUAL: &str = "prod";

/// Convert manifests, or the output of `kubectl get -o yaml`
///
/// ConfigMaps and Secrets become bundles; the values of Secrets are encrypted. Other objects become files, with their
/// comments. Objects that all environments have are in the base, others in the layers of environments. Fields that a
/// server sets are dropped: `status`, `managedFields`, `resourceVersion`, `uid`, `creationTimestamp`, `generation`.
///
/// Without ENV, all of it becomes the base, with an environment `prod`.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ManifestsArgs {
    /// Files or directories with manifests, each for an environment; `-` for standard input
    #[arg(value_name = "[ENV=]FILE", required = true)]
    inputs: Vec<String>,
    #[command(flatten)]
    options: ImportOptions,
}

/// Help of `septum import manifests`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Convert the manifests of two environments", "septum import manifests dev=k8s/dev prod=k8s/prod"),
        (
            "Convert what runs in a cluster",
            "kubectl get -n shop deploy,svc,cm,secret -o yaml | septum import manifests -",
        ),
    ],
    exit_codes: super::HELP.exit_codes,
    topics: super::HELP.topics,
};

impl ManifestsArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let inputs = parse_inputs(global, &self.inputs)?;
        let is_named = inputs.iter().any(|input| input.environment.is_some());
        if is_named && inputs.iter().any(|input| input.environment.is_none()) {
            return Err(invalid_usage("some files have an environment and others have none".to_owned())
                .hint("write `ENV=FILE` for all of them, or for none")
                .into());
        }
        let mut found: Vec<ManifestInput> = Vec::new();
        let mut problems = Diagnostics::new();
        for input in &inputs {
            let environment = input.environment.as_deref().unwrap_or(USUAL);
            let sources = match input.read(global, FileKind::Manifest, &["yaml", "yml", "json"]) {
                Ok(sources) => sources,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            match found.iter_mut().find(|known| known.environment == environment) {
                Some(known) => known.sources.extend(sources),
                None => found.push(ManifestInput { environment: environment.to_owned(), sources }),
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        self.options.run(global, output, |app| plan_manifests(app, &found, !is_named && inputs.len() > 1))
    }
}
