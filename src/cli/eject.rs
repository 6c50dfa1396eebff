//! `septum eject`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::OutputStreams;
use super::{GlobalArgs, argument, find_environments, import, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, StyledText};
use septum::eject::{
    EjectDestination, EjectOutcome, EjectRequest, KustomizeLayout, ProofTools, collect_targets, plan_kustomize,
    plan_plain, write_eject,
};
use septum::files::resolve_writable;
use septum::import::{ImportTarget, KustomizeProgram, check_destination};
use septum::name::{AppName, EnvironmentName};
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::secret_files::edit::TempDirs;

/// Convert layers to files that need no Septum, and prove that they give the same objects
///
/// Writes the objects of the environments that `render` prints. Secrets are encrypted in the format of SOPS for the
/// recipients of their environment; sealed and external ones are written as they are. What was written is read back
/// and compared with the rendered objects: the last line is the proof. Nothing that exists is overwritten, and the
/// layers are not changed.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text(), disable_help_subcommand = true)]
pub(super) struct EjectArgs {
    #[command(subcommand)]
    form: EjectForm,
}

/// Form of what is written.
#[derive(Debug, Subcommand)]
enum EjectForm {
    /// Write a file for each object
    ///
    /// The files are `DIR/ENV/KIND-NAME.yaml`, with a directory for each app if there are several. `README.md` says how
    /// to apply them.
    Plain(EjectOptions),
    /// Write a base and overlays of kustomize
    ///
    /// `DIR/base` has the objects that all environments share, and `DIR/overlays/ENV` what they do not, with patches for
    /// small differences; with several apps, each has a directory. ConfigMaps and Secrets of bundles are generators.
    /// Inputs of Secrets are encrypted; `README.md` says how to decrypt them for kustomize. Requires kustomize or
    /// kubectl, which builds what was written for the proof.
    Kustomize(EjectOptions),
}

/// Options of every form.
#[derive(Debug, Args)]
struct EjectOptions {
    /// Directory for the files, which must not exist or be empty
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    out: PathBuf,
    /// Only this environment (repeatable) [default: all]
    #[arg(long = "env", value_name = "ENV", add = super::completions::environments())]
    environments: Vec<String>,
}

/// Directory of the files by default.
const DEFAULT: &str = "ejected";

/// Help of `septum eject`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Write a base and overlays of kustomize", "septum eject kustomize --out kustomize"),
        ("Write the manifests of all environments", "septum eject plain --out manifests"),
        ("Write those of one environment", "septum eject plain --env prod --out prod-manifests"),
    ],
    exit_codes: &[
        (0, "what was written gives the rendered objects"),
        (1, "the files were written, and some object is not equal to the rendered one"),
        (2, "wrong usage or invalid input; nothing was written"),
        (3, "a key is missing; nothing was written"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities],
};

impl EjectArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        match &self.form {
            EjectForm::Plain(options) => options.run(global, output, None),
            EjectForm::Kustomize(options) => options.run(global, output, Some(find_program()?)),
        }
    }
}

impl EjectOptions {
    /// Renders, writes, and prints the proof.
    fn run(
        &self,
        global: &GlobalArgs,
        output: &OutputStreams,
        builder: Option<KustomizeProgram>,
    ) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let is_default = self.out == Path::new(DEFAULT);
        let shown =
            if is_default { DEFAULT.to_owned() } else { argument::shown_path(&global.directory, &self.out, "DIR") };
        let directory = resolve_writable(&global.directory.join(&self.out), &shown)?;
        check_destination(&ImportTarget { directory: &directory, shown: &shown }, "eject")?;
        let environments = find_environments(&project, &self.environments)?;
        let pipeline = Pipeline::new(&project, user_identities());
        let apps: Vec<_> = project.apps.iter().collect();
        let has_apps = apps.len() > 1;
        let place = |environment: &EnvironmentName, app: &AppName| match (builder, has_apps) {
            (None, false) => directory.join(environment.as_str()),
            (None, true) => directory.join(environment.as_str()).join(app.as_str()),
            (Some(_), false) => directory.join("overlays").join(environment.as_str()),
            (Some(_), true) => directory.join(app.as_str()).join("overlays").join(environment.as_str()),
        };
        let now = current_time();
        let request = EjectRequest { apps: &apps, environments: &environments, place: &place, now };
        let mut warnings = Diagnostics::new();
        let targets = collect_targets(&pipeline, &request, &mut warnings)?;
        let plan = |fixed: &BTreeSet<AppName>| match builder {
            None => plan_plain(&targets, has_apps),
            Some(_) => {
                plan_kustomize(&targets, &KustomizeLayout { has_apps, fixed, references: pipeline.references() })
            }
        };
        let destination = EjectDestination { directory: &directory, shown: &shown, now };
        let temporary = TempDirs::of(|name| std::env::var_os(name));
        let tools = ProofTools { builder, temporary: &temporary };
        let outcome = write_eject(plan, &targets, &destination, &tools)?;
        let shown = if argument::is_ordinary(&self.out) { self.out.display().to_string() } else { shown };
        report(outcome, &shown, warnings, output)
    }
}

/// The program that builds overlays.
fn find_program() -> Result<KustomizeProgram, Diagnostic> {
    KustomizeProgram::find().map_err(|missing| missing.hint("`septum eject plain` needs neither"))
}

/// Prints what was written, decisions and the proof.
fn report(
    outcome: EjectOutcome,
    shown: &str,
    mut warnings: Diagnostics,
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let EjectOutcome { plan, proof } = outcome;
    let mut text = StyledText::new();
    text.push_line(format!("created {}", if shown == "DIR" { "the new directory" } else { shown }));
    let count = plan.encrypted();
    let encrypted = if count == 1 { "1 is".to_owned() } else { format!("{count} are") };
    text.push_line(format!("  {}, of which {encrypted} encrypted", super::files::count_files(plan.files.len())));
    if !plan.notes.is_empty() {
        text.end_line();
    }
    for note in &plan.notes {
        text.push_line(note.clone());
    }
    text.end_line();
    text.push_line(import::proof_line(&proof));
    output.print_text(&text)?;
    warnings.extend(proof.differences.into_iter().map(|difference| {
        let message = format!("{} of {} is not equal to the rendered one", difference.subject, difference.environment);
        let error = Diagnostic::error(Rule::EjectDifference, message).with_failure(FailureKind::Found);
        difference.details.into_iter().fold(error, Diagnostic::note)
    }));
    if warnings.has_errors() {
        return Err(warnings);
    }
    output.print_findings(warnings);
    Ok(())
}
