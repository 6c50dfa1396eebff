//! `septum helm post-render`

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::super::files::current_time;
use super::super::help::CommandHelp;
use super::super::krm::read_text;
use super::super::output::{self, OutputStreams, invalid_usage};
use super::super::{GlobalArgs, find_apps, find_environment, quiet_identities};
use super::failure::report_failure;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::layer::{SecretForm, Tree};
use septum::neighbours::{BuiltParts, DocumentStream, NeighbourTarget, check_target};
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::secret::Wiping;

/// Wire the objects of a chart, and add those of an environment
///
/// Reads the objects of a chart from standard input, applies `septum.dev/env-from`, `septum.dev/mount` and the other
/// directives in its workloads, adds the objects of the environment, and writes all to standard output. Objects
/// without a directive keep their text.
///
/// On failure the reasons go to standard error, and to `$SEPTUM_LOG`, or `$XDG_STATE_HOME/septum/last-error`, since
/// Helm 4 shows nothing of standard error. Standard output is then a text that is no object, with the first reason:
/// Helm fails, and prints it.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct PostRenderArgs {
    /// Environment
    #[arg(value_name = "ENV", add = super::super::completions::environments())]
    environment: String,
    /// Only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::super::completions::apps())]
    apps: Vec<String>,
    /// Add no objects: only apply the directives of the chart
    #[arg(long)]
    wire_only: bool,
    /// Change nothing: fail if `septum check` finds an error in the environment
    #[arg(long, conflicts_with = "wire_only")]
    check: bool,
    /// Override `delivery`: `manifest` adds Secrets in plaintext
    #[arg(long, value_name = "FORM")]
    delivery: Option<PlainForm>,
}

/// A form of Secrets that can be chosen for a run.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PlainForm {
    /// Plaintext Secrets
    Manifest,
}

/// Help of `septum helm post-render`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        (
            "Render a chart through the plugin of Helm 4",
            "helm template shop ./chart --post-renderer septum --post-renderer-args=prod",
        ),
        ("Try it without Helm", "septum helm post-render prod < manifests.yaml"),
    ],
    exit_codes: super::HELP.exit_codes,
    topics: super::HELP.topics,
};

impl PostRenderArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        let rendered = self.render(global, output).and_then(|text| output::print_result(&text));
        match rendered {
            Ok(()) => ExitCode::SUCCESS,
            Err(problems) => report_failure(problems, output),
        }
    }

    fn render(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<Wiping<String>, Diagnostics> {
        if std::io::stdin().is_terminal() {
            return Err(invalid_usage("standard input is a terminal; it must be the objects of a chart".to_owned())
                .hint("Helm passes them: `helm template … --post-renderer septum --post-renderer-args=ENV`")
                .into());
        }
        let mut stream = DocumentStream::read(read_text("the objects of a chart")?)?;
        let project = Project::discover(&global.directory)?;
        let environment = find_environment(&project, &self.environment)?;
        let form = self.delivery.map(|PlainForm::Manifest| SecretForm::Manifest);
        let pipeline = Pipeline::new(&project, quiet_identities()).with_delivery(form);
        let mut apps = find_apps(&pipeline, &project, &self.apps)?;
        apps.retain(|app| app.environments.contains(&environment));
        if apps.is_empty() {
            return Err(Diagnostic::error(Rule::UnknownEnvironment, "the apps of `--app` have no such environment")
                .hint("`septum list` shows the environments of each app")
                .into());
        }
        let target = NeighbourTarget { pipeline: &pipeline, apps, environment, now: current_time() };
        let mut warnings = Diagnostics::new();
        let added = if self.check {
            let found = check_target(&target)?;
            if found.has_errors() {
                return Err(found);
            }
            warnings.extend(found);
            Vec::new()
        } else {
            self.change(&mut stream, &target, &mut warnings)?
        };
        output.print_findings(warnings);
        let text = stream.to_text(&added);
        // Helm would take it for a chart without objects
        if stream.is_empty() && added.is_empty() {
            return Err(Diagnostic::error(
                Rule::FunctionInput,
                "there are no objects, neither of the chart nor of the apps",
            )
            .hint("check the templates of the chart: `helm template` without `--post-renderer`")
            .into());
        }
        Ok(text)
    }

    /// Applies the directives, and returns the objects to add.
    fn change(
        &self,
        stream: &mut DocumentStream,
        target: &NeighbourTarget<'_, '_>,
        warnings: &mut Diagnostics,
    ) -> Result<Vec<Tree>, Diagnostics> {
        let parts = if self.wire_only { BuiltParts::Names } else { BuiltParts::Objects };
        let objects = target.build(parts, warnings)?;
        let mut problems = Diagnostics::new();
        if stream.has_directives() {
            stream.wire(&objects.wiring(), &mut problems);
        }
        let mut added = Vec::new();
        if !self.wire_only {
            added.extend(objects.deliver(warnings)?.into_iter().map(|object| object.tree));
            stream.report_added(&added, &mut problems);
        }
        if problems.has_errors() {
            return Err(problems);
        }
        warnings.extend(problems);
        Ok(added)
    }
}
