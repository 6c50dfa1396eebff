//! `septum render`

mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::chart::{ChartOutput, ChartRequest};
use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, argument, find_apps, find_environments, user_identities};
use septum::deliver::Delivered;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use septum::disk::real_named;
use septum::emit::{self, ManifestFormat};
use septum::layer::SecretForm;
use septum::manifest;
use septum::name::EnvironmentName;
use septum::neighbours::map_option_label;
use septum::object::{Day, Reveal};
use septum::output_tree::{self, Shard};
use septum::pipeline::{Pipeline, Survey, SurveyOptions};
use septum::project::{App, Project};
use septum::sops::{Identities, IdentitySources};
use septum::sort::sort_by;
use septum::span::Source;
use septum::visibility::OnMissingKey;

/// Render the Kubernetes manifests of environments
///
/// Each bundle becomes a ConfigMap with its plain entries and a Secret with its sensitive ones, in the form that
/// `delivery` selects. If anything is invalid, nothing is written and all errors are reported together.
///
/// Without `--out`, prints the manifests; a terminal does not show the values of Secrets. With `--out DIR`, writes
/// a file `DIR/ENV/APP/KIND-NAME.yaml` for each object and a `kustomization.yaml` for each app and environment. Only
/// changed files are written, and only files that septum wrote are removed. If no identity decrypts an environment, its
/// plain objects are rendered, and the exit code is 3.
///
/// With `--out DIR --check`, writes nothing: renders everything, compares it with DIR, and prints the differences and
/// the files that nothing generates.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct RenderArgs {
    /// Environments to render
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environments: Vec<String>,
    /// Render every environment
    #[arg(long, conflicts_with = "environments")]
    all: bool,
    /// Render only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Format of standard output
    #[arg(long, value_name = "FORMAT", default_value = "yaml", hide_default_value = true, conflicts_with = "out", value_parser = render_format())]
    format: RenderFormat,
    /// Place of an entry or a bundle in the values of a chart: `data.DB_HOST=db.host` (repeatable)
    #[arg(long = "map", value_name = "FROM=TO", conflicts_with = "out")]
    mappings: Vec<String>,
    /// Show the values of Secrets on a terminal; pipes and files always receive them
    #[arg(long, conflicts_with = "out")]
    reveal: bool,
    /// Override `delivery`: `manifest` writes Secrets in plaintext
    #[arg(long, value_name = "FORM")]
    delivery: Option<ChosenForm>,
    /// Use no keys: write placeholders of the right shape in the place of all values of Secrets
    #[arg(long, conflicts_with_all = ["out", "reveal", "delivery"])]
    placeholders: bool,
    /// Warn of certificates that are not valid on this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    at: Option<Day>,
    /// Write to this directory [default: `output` of septum.yaml]
    #[arg(long, value_name = "DIR", num_args = 0..=1, help_heading = TREE)]
    #[expect(clippy::option_option, reason = "a flag with an optional value, as clap has it")]
    out: Option<Option<PathBuf>>,
    /// Write nothing: print what would change, with exit code 1 if anything would
    #[arg(long, requires = "out", help_heading = TREE)]
    check: bool,
    /// Use no keys: Secrets that cannot be verified without one are warnings
    #[arg(long, requires = "check", help_heading = TREE)]
    keyless: bool,
    /// Remove environments and apps that no longer exist; otherwise they are an error
    #[arg(long, requires = "out", help_heading = TREE)]
    prune: bool,
    /// Render the Ith of N parts of all apps and environments, for parallel jobs
    #[arg(long, value_name = "I/N", requires = "out", help_heading = TREE)]
    shard: Option<Shard>,
    /// Write `hydrator.metadata`, which names the current commit, for Argo CD and GitOps Promoter
    #[arg(long, requires = "out", conflicts_with_all = ["check", "apps"], help_heading = TREE)]
    metadata: bool,
    /// Write plaintext Secrets even where Git would commit them
    #[arg(long, requires = "out", help_heading = TREE)]
    allow_plaintext: bool,
}

/// Heading of the options for `--out`.
const TREE: &str = "Output directory options";

/// Help of `septum render`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Print the manifests of one environment", "septum render prod"),
        ("Apply an environment", "septum render prod | kubectl apply -f -"),
        (
            "Test the objects against the API server, without a key",
            "septum render prod --placeholders | kubectl apply --dry-run=server -f -",
        ),
        ("Write all environments to the directory that Flux or Argo CD deploys", "septum render --all --out rendered"),
        (
            "Verify in CI, without a key, that this directory is up to date",
            "septum render --all --out rendered --check --keyless",
        ),
    ],
    exit_codes: &[
        (0, "everything was rendered; with `--check`, the directory is up to date"),
        (1, "with `--check`: the directory is out of date"),
        (2, "wrong usage or invalid input; nothing was written"),
        (3, "a key is missing; with `--out`, everything that needs none was written"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities, HelpTopic::Output],
};

/// Format of standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RenderFormat {
    Manifests(ManifestFormat),
    Chart(ChartOutput),
}

/// The parser of a format, which knows the words for messages and completions.
fn render_format() -> impl TypedValueParser<Value = RenderFormat> {
    let words = ["yaml", "json", "kyaml", "helm-values", "helm-values-schema"];
    PossibleValuesParser::new(words).try_map(|word| match word.as_str() {
        "helm-values" => Ok(RenderFormat::Chart(ChartOutput::Values)),
        "helm-values-schema" => Ok(RenderFormat::Chart(ChartOutput::Schema)),
        word => word.parse().map(RenderFormat::Manifests),
    })
}

/// A form of Secrets that can be chosen for a run.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChosenForm {
    /// Plaintext Secrets
    Manifest,
}

impl ChosenForm {
    fn form(self) -> SecretForm {
        match self {
            Self::Manifest => SecretForm::Manifest,
        }
    }
}

impl RenderArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        if self.environments.is_empty() && !self.all {
            return Err(none_named(&project).into());
        }
        if self.prune && (!self.all || !self.apps.is_empty()) {
            let dir = self.out.as_ref().and_then(Option::as_ref);
            let dir = dir.map(|dir| shell_word(&argument::shown_path(&global.directory, dir, "DIR")));
            let out = dir.map_or_else(|| "--out".to_owned(), |word| format!("--out {word}"));
            let message = "`--prune` requires `--all` without `--app`: apps that no longer exist cannot be selected";
            return Err(invalid_usage(message.to_owned())
                .hint(format!("run `septum render --all {out} --prune`"))
                .into());
        }
        let wanted = find_environments(&project, &self.environments)?;
        let identities = if self.keyless || self.placeholders {
            Identities::new(IdentitySources::default())
        } else {
            user_identities()
        };
        let form = if self.placeholders { Some(SecretForm::Manifest) } else { self.delivery.map(ChosenForm::form) };
        let mut pipeline = Pipeline::new(&project, identities).on_day(self.at).with_delivery(form);
        pipeline.library.read_partial_layers();
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        let format = match self.format {
            RenderFormat::Manifests(format) if self.mappings.is_empty() => format,
            RenderFormat::Manifests(_) => {
                return Err(invalid_usage("`--map` is for the values of a chart".to_owned())
                    .hint("use it with `--format helm-values` or `--format helm-values-schema`")
                    .into());
            }
            RenderFormat::Chart(chart) => return self.print_chart(chart, &pipeline, &apps, &wanted, output),
        };
        match self.output_directory(global, &project)? {
            Some(dir) if self.out == Some(None) || argument::is_shown_tree(&dir) => {
                self.to_tree(&pipeline, &apps, &wanted, &dir, output)
            }
            Some(dir) => {
                if self.check {
                    argument::check_tree("--out", &dir)?;
                }
                let done = self.to_tree(&pipeline, &apps, &wanted, &dir, output);
                done.map_err(|found| argument::without_path(found, &dir, "DIR"))
            }
            None => self.to_stdout(&pipeline, &apps, &wanted, format, output),
        }
    }

    fn to_stdout(
        &self,
        pipeline: &Pipeline<'_>,
        apps: &[&App],
        wanted: &[EnvironmentName],
        format: ManifestFormat,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let objects = self.render_objects(pipeline, apps, wanted, output)?;
        let reveal =
            if output::is_terminal() && !self.reveal && !self.placeholders { Reveal::Nothing } else { Reveal::Values };
        output::print_result(&emit::write_objects(&objects, format, reveal))?;
        if reveal == Reveal::Nothing && objects.iter().any(Delivered::is_plain_secret) {
            output.print_note("septum: the values of Secrets are hidden on a terminal; `--reveal` shows them");
        }
        if !output::is_terminal() && objects.iter().any(Delivered::is_encrypted) {
            output.print_findings(self.ciphertext_on_stdout(wanted).into());
        }
        Ok(())
    }

    fn print_chart(
        &self,
        chart: ChartOutput,
        pipeline: &Pipeline<'_>,
        apps: &[&App],
        wanted: &[EnvironmentName],
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        if self.placeholders {
            return Err(invalid_usage("`--placeholders` has no effect on the values of a chart".to_owned())
                .hint("`--format helm-values-schema` needs no key")
                .into());
        }
        let mut problems = Diagnostics::new();
        let mut mappings = Vec::new();
        for (at, text) in self.mappings.iter().enumerate() {
            match text.parse() {
                Ok(mapping) => mappings.push(mapping),
                Err(why) => {
                    let option = map_option_label(at, self.mappings.len());
                    problems.push(invalid_usage(format!("the value of {option} is not valid: {why}")));
                }
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let request =
            ChartRequest { output: chart, apps, environments: wanted, mappings: &mappings, reveal: self.reveal };
        request.print(pipeline, output)
    }

    /// The objects of all targets in the order in which they are written, or all errors.
    fn render_objects(
        &self,
        pipeline: &Pipeline<'_>,
        apps: &[&App],
        wanted: &[EnvironmentName],
        output: &OutputStreams,
    ) -> Result<Vec<Delivered>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let (mut objects, mut sites) = (Vec::new(), Vec::new());
        for app in apps {
            let of_app: Vec<_> =
                wanted.iter().filter(|name| app.environments.binary_search(name).is_ok()).cloned().collect();
            if of_app.is_empty() {
                problems.extend(self.lacks_environments(pipeline, app, (apps, wanted))?);
                continue;
            }
            let mut locked = BTreeMap::new();
            let options = SurveyOptions::decrypting(&of_app);
            let options = if self.placeholders { options.as_far_as_known(&mut locked) } else { options };
            let Some(survey) = pipeline.survey(app, options, &mut problems) else {
                continue;
            };
            for environment in &of_app {
                let built = if self.placeholders {
                    problems.extend(nameless_error(&survey, environment));
                    pipeline.placeholder_objects(&survey, environment, &mut problems)
                } else {
                    pipeline.objects(&survey, environment, OnMissingKey::Fail, &mut problems)
                };
                let built = output_tree::deliver_objects(
                    pipeline,
                    app,
                    &survey,
                    environment,
                    built,
                    current_time(),
                    &mut problems,
                );
                output.print_detail(|| {
                    let files = survey.environment(environment).map(|found| found.definition.files.as_slice());
                    let names: Vec<_> = files.unwrap_or_default().iter().map(Source::name).collect();
                    format!(
                        "septum: {} in {environment}: {} objects from {}",
                        survey.app,
                        built.len(),
                        names.join(", ")
                    )
                });
                sites.extend(output_tree::object_sites(app, &survey, environment, &built));
                objects.extend(built);
            }
        }
        problems.extend(output_tree::find_duplicates(&sites));
        let project = pipeline.library.project;
        problems.extend(project.name_errors(apps.iter().copied()));
        if problems.has_errors() {
            return Err(problems);
        }
        output.print_findings(problems);
        sort_by(&mut objects, |a, b| (&a.environment, &a.id).cmp(&(&b.environment, &b.id)));
        Ok(objects)
    }

    /// The directory of the tree, if one is requested.
    fn output_directory(&self, global: &GlobalArgs, project: &Project) -> Result<Option<PathBuf>, Diagnostics> {
        match (&self.out, &project.output) {
            (None, _) => Ok(None),
            (Some(Some(dir)), _) => Ok(Some(output::path_below(global, dir))),
            (Some(None), Some(dir)) => Ok(Some(from_here(dir))),
            (Some(None), None) => Err(invalid_usage("`--out` requires a directory".to_owned())
                .hint("use `--out DIR`, or set `output: rendered` in `septum.yaml`")
                .into()),
        }
    }

    /// Warning of ciphertext on standard output, which may be on its way into a cluster.
    fn ciphertext_on_stdout(&self, wanted: &[EnvironmentName]) -> Diagnostic {
        let names = wanted.iter().map(|name| name.as_str().to_owned());
        let words = names.chain(self.app_options()).collect::<Vec<_>>().join(" ");
        Diagnostic::warning(Rule::EncryptedOutput, "the Secrets on standard output are encrypted in SOPS format")
            .note(
                "Flux and `sops -d` can decrypt them, but the API server rejects them: ciphertext is not valid base64",
            )
            .hint(format!(
                "to apply them directly, run `septum render {words} --delivery manifest | kubectl apply -f -`"
            ))
    }

    /// The options that select the same apps in another command.
    fn app_options(&self) -> impl Iterator<Item = String> {
        self.apps.iter().map(|app| format!("--app {}", shell_word(app)))
    }

    /// Error: an app that was named has none of the environments, and no other one of its name has.
    fn lacks_environments(
        &self,
        pipeline: &Pipeline<'_>,
        app: &App,
        (apps, wanted): (&[&App], &[EnvironmentName]),
    ) -> Result<Option<Diagnostic>, Diagnostics> {
        if self.apps.is_empty() {
            return Ok(None);
        }
        let name = pipeline.library.selected_app_name(app)?;
        for other in apps.iter().filter(|other| other.environments.iter().any(|name| wanted.contains(name))) {
            if pipeline.library.selected_app_name(other)? == name {
                return Ok(None);
            }
        }
        Ok(Some(app.lacks_environments(&name, wanted)))
    }
}

/// Error: no environment given (`render` alone must not mean all).
fn none_named(project: &Project) -> Diagnostic {
    let names: Vec<_> = project.environments().into_iter().map(|name| format!("`{name}`")).collect();
    invalid_usage("no environment specified".to_owned())
        .note(format!("the environments are {}", names.join(", ")))
        .hint("specify one or more, or use `--all`")
}

/// Error: a manifest cannot be rendered at all without a key.
fn nameless_error(survey: &Survey, environment: &EnvironmentName) -> Option<Diagnostic> {
    let resolved = survey.environment(environment)?;
    let error = || {
        let message = format!("manifests of `{environment}` have names that depend on secrets");
        Diagnostic::error(Rule::Unseen, message)
            .note("without a key it is unknown which objects there are")
            .hint("use names that depend on no secret, or render with a key")
    };
    manifest::has_nameless(resolved).then(error)
}

/// A path from the working directory, if it is below it.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().map(|here| real_named(&here));
    let relative = here.ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    match relative {
        // no name is an empty path
        Some(relative) if relative.as_os_str().is_empty() => PathBuf::from("."),
        Some(relative) => relative,
        None => path.to_path_buf(),
    }
}
