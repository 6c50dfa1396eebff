//! `septum argocd`

mod application;
mod discovery;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, quiet_identities};
use septum::deliver::{Delivered, DeliveredForm};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::disk::BoundedRoot;
use septum::emit::{self, ManifestFormat};
use septum::manifest;
use septum::name::EnvironmentName;
use septum::object::{KnownNames, Object, Reveal};
use septum::output_tree;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::{App, Project};
use septum::sops::{Identities, IdentitySources};
use septum::sort::{sort, sort_by};
use septum::visibility::OnMissingKey;

use application::{HOW, find_requested_environment};
use discovery::{apps_at, find_project_below};

/// Answer Argo CD: the commands of a config management plugin
///
/// Started by the sidecar of a plugin: see docs/argocd.md. The recommended way needs no plugin: commit the output of
/// `septum render --out`, and let Argo CD apply it.
///
/// Standard output has the answer alone, and messages go to standard error, which Argo CD shows. No key is used, and
/// no Secret is printed, unless the sidecar sets `SEPTUM_ALLOW_ARGOCD_SECRETS=1`: Argo CD keeps what plugins print in
/// plaintext in its cache. No history of Git is needed.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text(), disable_help_subcommand = true)]
pub(super) struct ArgocdArgs {
    #[command(subcommand)]
    request: ArgocdRequest,
}

/// Request of Argo CD.
#[derive(Debug, Subcommand)]
enum ArgocdRequest {
    /// Show whether an Application is of septum
    ///
    /// Prints the directory of the project, if there is one: of the Application, if `ARGOCD_APP_SOURCE_PATH` names its
    /// directory, else anywhere in the repository. Otherwise prints nothing, and the exit code is 1.
    Discover,
    /// Print the objects of an Application
    ///
    /// Renders the environment that the parameter `environment` of the Application names, of all apps at or below its
    /// path. An output without any object is an error: Argo CD would delete those of the Application.
    Generate(GenerateArgs),
    /// Print the parameters of an Application for the user interface, as JSON
    Parameters,
}

/// Options of `generate`.
#[derive(Debug, Args)]
struct GenerateArgs {
    /// Leave out Secrets, which something else applies; SealedSecrets too if a key would be needed to seal them
    #[arg(long)]
    keyless: bool,
}

/// Help of `septum argocd`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Show whether this repository has a project", "septum argocd discover"),
        ("Show the parameters of an Application", "septum argocd parameters"),
        ("Print what Argo CD would apply, without Secrets", "PARAM_ENVIRONMENT=prod septum argocd generate --keyless"),
    ],
    exit_codes: &[
        (0, "success"),
        (1, "`discover`: there is no project"),
        (2, "wrong usage or invalid input, a refused Secret, or nothing to print"),
        (3, "a key is missing"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::ArgoCd, HelpTopic::Identities],
};

/// Whether secrets may be decrypted and printed for Argo CD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecretAccess {
    Refused,
    Allowed,
}

impl SecretAccess {
    /// The setting of the sidecar. An Application cannot make it: its variables begin with `ARGOCD_ENV_`.
    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        match variable("SEPTUM_ALLOW_ARGOCD_SECRETS") {
            Some(value) if value == "1" => Self::Allowed,
            Some(_) | None => Self::Refused,
        }
    }
}

impl ArgocdArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        match &self.request {
            ArgocdRequest::Discover => match find_project_below(&global.directory, |name| env::var_os(name)) {
                Some(name) => output.finish(output::print_result(&(name + "\n"))),
                None => ExitCode::from(1),
            },
            ArgocdRequest::Generate(options) => output.finish(options.run(global, output)),
            ArgocdRequest::Parameters => output.finish(announce_parameters(global)),
        }
    }
}

impl GenerateArgs {
    fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let requested = find_requested_environment(|name| env::var_os(name))?;
        let project = Project::discover(&global.directory)?;
        let apps = find_apps_at(&project, &global.directory)?;
        let Some(requested) = requested else { return Err(no_environment(&apps).into()) };
        let environment = project.environment(&requested)?;
        let apps: Vec<_> = apps.into_iter().filter(|app| app.environments.contains(&environment)).collect();
        if apps.is_empty() {
            let message = format!("no app of the Application has an environment `{environment}`");
            return Err(Diagnostic::error(Rule::UnknownEnvironment, message)
                .hint("fix the path of the Application, or its parameter `environment`")
                .into());
        }
        let access = if self.keyless { SecretAccess::Refused } else { SecretAccess::of(|name| env::var_os(name)) };
        let identities = match access {
            SecretAccess::Allowed => quiet_identities(),
            SecretAccess::Refused => Identities::new(IdentitySources::default()),
        };
        let pipeline = Pipeline::new(&project, identities);
        let mut objects = render_apps(&pipeline, &apps, &environment, access, output)?;
        if self.keyless {
            leave_out_secrets(&mut objects, output);
        }
        let refused = refused_objects(&objects, access);
        if !refused.is_empty() {
            return Err(refused);
        }
        if objects.is_empty() {
            return Err(nothing_rendered(&environment).into());
        }
        sort_by(&mut objects, |a, b| a.id.cmp(&b.id));
        let reveal = if output::is_terminal() { Reveal::Nothing } else { Reveal::Values };
        output::print_result(&emit::write_objects(&objects, ManifestFormat::Yaml, reveal))
    }
}

/// The objects of apps in an environment, or all errors. Without keys, what needs one is unknown.
fn render_apps(
    pipeline: &Pipeline<'_>,
    apps: &[&App],
    environment: &EnvironmentName,
    access: SecretAccess,
    output: &OutputStreams,
) -> Result<Vec<Delivered>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let (mut objects, mut sites) = (Vec::new(), Vec::new());
    let asked = std::slice::from_ref(environment);
    let nameless = |_: &Object| None;
    for app in apps {
        let mut locked = BTreeMap::new();
        let options = SurveyOptions::decrypting(asked);
        let options = match access {
            SecretAccess::Allowed => options,
            SecretAccess::Refused => options.as_far_as_known(&mut locked),
        };
        let Some(survey) = pipeline.survey(app, options, &mut problems) else { continue };
        let on_missing_key = match access {
            SecretAccess::Allowed => OnMissingKey::Fail,
            SecretAccess::Refused => OnMissingKey::Keep(&nameless as KnownNames<'_>),
        };
        if survey.environment(environment).is_some_and(manifest::has_nameless) {
            problems.push(nameless_object(environment));
        }
        let built = pipeline.objects(&survey, environment, on_missing_key, &mut problems);
        let now = current_time();
        let built = output_tree::deliver_objects(pipeline, app, &survey, environment, built, now, &mut problems);
        sites.extend(output_tree::object_sites(app, &survey, environment, &built));
        objects.extend(built);
    }
    problems.extend(output_tree::find_duplicates(&sites));
    let project = pipeline.library.project;
    problems.extend(project.name_errors(apps.iter().copied()));
    if problems.has_errors() {
        return Err(problems);
    }
    output.print_findings(problems);
    Ok(objects)
}

/// Removes Secrets, and SealedSecrets that need a key.
fn leave_out_secrets(objects: &mut Vec<Delivered>, output: &OutputStreams) {
    let is_secret = |object: &Delivered| match &object.form {
        DeliveredForm::Unknown(_) => matches!(object.id.kind.as_str(), "Secret" | "SealedSecret"),
        DeliveredForm::Encrypted(_) => true,
        DeliveredForm::Plain(_) => object.is_plain_secret(),
    };
    for object in objects.iter().filter(|object| is_secret(object)) {
        output.print_note(&format!("septum: {} is left out, because of `--keyless`", shown_object(object)));
    }
    objects.retain(|object| !is_secret(object));
}

/// Errors: objects that must not be printed.
fn refused_objects(objects: &[Delivered], access: SecretAccess) -> Diagnostics {
    let list = |is_wanted: &dyn Fn(&Delivered) -> bool| {
        objects.iter().filter(|object| is_wanted(object)).map(shown_object).collect::<Vec<_>>()
    };
    let mut problems = Diagnostics::new();
    let encrypted = list(&Delivered::is_encrypted);
    if !encrypted.is_empty() {
        let message = "Argo CD does not decrypt Secrets in the format of SOPS, and the API server rejects them";
        problems.push(
            with_objects(Diagnostic::error(Rule::ArgocdSecret, message), &encrypted)
                .hint("deliver with `sealed-secret` or `refs` in the layers; `delivery.secrets: sops` is for Flux"),
        );
    }
    if access == SecretAccess::Allowed {
        return problems;
    }
    let locked = list(&|object| matches!(object.form, DeliveredForm::Unknown(_)));
    if !locked.is_empty() {
        let error =
            Diagnostic::error(Rule::ArgocdSecret, "nothing is decrypted for Argo CD, and an object needs a key");
        problems.push(with_reason(with_objects(error, &locked)));
    }
    let plain = list(&Delivered::is_plain_secret);
    if !plain.is_empty() {
        let error = Diagnostic::error(Rule::ArgocdSecret, "a Secret in plaintext is not printed for Argo CD");
        problems.push(with_reason(with_objects(error, &plain)));
    }
    problems
}

fn with_objects(error: Diagnostic, objects: &[String]) -> Diagnostic {
    objects.iter().fold(error, Diagnostic::note)
}

/// The reason why secrets are refused, in the words of Argo CD's documentation (`secret-management`), and the ways out.
fn with_reason(error: Diagnostic) -> Diagnostic {
    error
        .note("Argo CD on secrets from plugins: “We strongly caution against this style of secret management”")
        .note("it stores generated manifests in plaintext in its Redis cache")
        .hint("commit the output of `septum render --all --out DIR`, and let Argo CD apply it")
        .hint("or deliver with `refs`; or use `septum argocd generate --keyless` if something else applies the Secrets")
        .hint("or set `SEPTUM_ALLOW_ARGOCD_SECRETS=1` in the sidecar to accept that")
}

fn shown_object(object: &Delivered) -> String {
    let id = &object.id;
    let name = if id.base_name.is_empty() { &id.name } else { &id.base_name };
    if id.namespace.is_empty() {
        format!("`{}/{name}`", id.kind)
    } else {
        format!("`{}/{name}` in `{}`", id.kind, id.namespace)
    }
}

fn nameless_object(environment: &EnvironmentName) -> Diagnostic {
    let message = format!("manifests of `{environment}` have names that depend on secrets");
    with_reason(Diagnostic::error(Rule::ArgocdSecret, message))
}

fn nothing_rendered(environment: &EnvironmentName) -> Diagnostic {
    let message = format!("`{environment}` gives no object");
    Diagnostic::error(Rule::NothingRendered, message)
        .note("with an empty output, Argo CD would delete all objects of the Application")
        .hint("fix the path of the Application, or delete the Application itself")
}

fn no_environment(apps: &[&App]) -> Diagnostic {
    invalid_usage("the Application names no environment".to_owned())
        .note(format!(
            "the environments are {}",
            environments_of(apps).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ))
        .hint(HOW)
}

/// The apps of the Application, whose path is a directory.
fn find_apps_at<'p>(project: &'p Project, directory: &Path) -> Result<Vec<&'p App>, Diagnostics> {
    let start = BoundedRoot::new(project.files.disk().clone(), directory)
        .map_err(|error| Diagnostic::unreadable(&output::shown_path(directory), &error))?;
    let found = apps_at(project, start.path());
    if found.is_empty() {
        return Err(Diagnostic::error(Rule::NoApp, "no app is at or below the path of the Application")
            .hint("set the path to the directory of an app, or to one above")
            .into());
    }
    Ok(found)
}

fn environments_of<'a>(apps: &[&'a App]) -> impl Iterator<Item = &'a str> + use<'a> {
    let mut names: Vec<_> = apps.iter().flat_map(|app| &app.environments).map(EnvironmentName::as_str).collect();
    sort(&mut names);
    names.dedup();
    names.into_iter()
}

/// Announcement of a parameter (`ParameterAnnouncement` of Argo CD).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ParameterAnnouncement {
    name: &'static str,
    title: &'static str,
    tooltip: String,
    required: bool,
    collection_type: &'static str,
    /// The default, which Argo CD shows and does not send: there is none.
    string: &'static str,
}

fn announce_parameters(global: &GlobalArgs) -> Result<(), Diagnostics> {
    let project = Project::discover(&global.directory)?;
    let apps = find_apps_at(&project, &global.directory)?;
    let misnamed = project.name_errors(apps.iter().copied());
    if misnamed.has_errors() {
        return Err(misnamed);
    }
    let names: Vec<_> = environments_of(&apps).collect();
    output::print_json(&[ParameterAnnouncement {
        name: "environment",
        title: "Environment",
        tooltip: format!("One of: {}", names.join(", ")),
        required: true,
        collection_type: "string",
        string: "",
    }])
}
