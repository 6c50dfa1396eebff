//! `septum krm`

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;

use super::files::{current_time, read_all};
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, quiet_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::layer::SecretForm;
use septum::neighbours::{FunctionConfig, FunctionResult, INPUT, ResourceList, project_directory, run_function};
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::secret::Wiping;
use septum::span::Source;

/// Run as a KRM function of kustomize or kpt
///
/// Reads a ResourceList from standard input and writes one to standard output. Its `functionConfig` says what to do:
/// `mode: generate` adds the objects of an environment, `mode: wire` applies `septum.dev/env-from` and
/// `septum.dev/mount` in the items, `mode: check` reports findings. All other items are returned as they came.
///
/// kustomize runs it with `--enable-alpha-plugins --enable-exec`. The project is searched from the directory of the
/// kustomization, or from `root` of the functionConfig.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct KrmArgs {}

/// Help of `septum krm`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Build a kustomization that lists it", "kustomize build --enable-alpha-plugins --enable-exec deploy/prod"),
        ("Try it without kustomize", "septum krm < resource-list.yaml"),
    ],
    exit_codes: &[
        (0, "the items are complete"),
        (1, "with `mode: check`: errors"),
        (2, "invalid input; the results are on standard output and the reasons on standard error"),
        (3, "a key is missing"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Identities],
};

/// Answers one call.
pub(super) fn call_function(global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
    if std::io::stdin().is_terminal() {
        let message = "standard input is a terminal; it must be a ResourceList";
        let problem = invalid_usage(message.to_owned());
        return output.finish(Err(problem.hint("kustomize and kpt pass one: see docs/kustomize.md").into()));
    }
    let mut list = match read_list() {
        Ok(list) => list,
        Err(problems) => return answer(&ResourceList::empty(), FunctionResult::about(problems, None), output),
    };
    let mut results = apply(&mut list, global).unwrap_or_else(|problems| {
        list.items.clear();
        FunctionResult::about(problems, None)
    });
    if let Some(name) = list.function_name() {
        for result in &mut results {
            result.name_function(name);
        }
    }
    answer(&list, results, output)
}

fn read_list() -> Result<ResourceList, Diagnostics> {
    ResourceList::read(read_text("a ResourceList")?)
}

/// Text from standard input.
pub(super) fn read_text(what: &str) -> Result<Source, Diagnostics> {
    let mut bytes = read_all()?;
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
        drop(Wiping::new(error.into_bytes()));
        Diagnostic::error(Rule::FunctionInput, format!("standard input is not text in UTF-8; it must be {what}"))
    })?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    Ok(Source::new(INPUT, text))
}

fn apply(list: &mut ResourceList, global: &GlobalArgs) -> Result<Vec<FunctionResult>, Diagnostics> {
    let config = FunctionConfig::read(list.function_config.as_ref(), list.source())?;
    let directory = project_directory(&config, &global.directory);
    let project = Project::discover(&directory).map_err(|problems| match &config.root {
        Some(root) => problems.into_iter().map(|problem| problem.at(root.place.clone())).collect(),
        None => problems,
    })?;
    let form = config.plain_secrets.then_some(SecretForm::Manifest);
    let pipeline = Pipeline::new(&project, quiet_identities()).with_delivery(form);
    Ok(run_function(list, &config, &pipeline, current_time()))
}

/// Prints the list with the results, and the results for people.
fn answer(list: &ResourceList, results: Vec<FunctionResult>, output: &OutputStreams) -> ExitCode {
    let text = list.to_text(&results);
    let findings: Diagnostics = results.into_iter().map(|result| result.diagnostic).collect();
    let printed = output::print_result(&text);
    output.finish(match printed {
        Ok(()) => Err(findings),
        Err(problems) => Err(findings.into_iter().chain(problems).collect()),
    })
}
