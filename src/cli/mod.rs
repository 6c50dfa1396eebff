//! Command line: argument parsing and output; no other module depends on it.

mod ages;
mod argocd;
mod argument;
mod chart;
mod check;
mod command_line;
mod completions;
mod decrypt;
mod diff;
mod docs;
mod doctor;
mod edit;
mod eject;
mod elsewhere;
mod encrypt;
mod exec;
mod explain;
mod export;
mod exposure;
mod files;
mod gc;
mod get;
mod git_merge;
mod git_setup;
mod git_textconv;
mod helm;
mod help;
mod help_groups;
mod hydration;
mod import;
mod init;
mod key_filter;
mod keygen;
mod krm;
mod kubectl;
mod list;
mod lsp;
mod man;
mod manifest_paths;
mod output;
mod pasted;
mod promote;
mod prompt;
mod rekey;
mod rename;
mod render;
mod report;
mod schema;
mod selection;
mod set;
mod step_summary;
mod target;
mod usage;
mod watch;
mod written_page;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use septum::budget;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, Severity};
use septum::map::HashSet;
use septum::name::EnvironmentName;
use septum::pipeline::Survey;
use septum::project::{App, BASE, MisnamedFile, Project};
use septum::route::Contradiction;
use septum::sops::{HostSystem, Identities, IdentitySources};
use septum::sort::sort;

use command_line::ParsedArguments;
use output::OutputStreams;

/// Version; that of a release with the commit and its date, which `build.rs` adds.
const VERSION: &str = match option_env!("SEPTUM_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// Render ConfigMaps, Secrets and manifests for every environment from one definition, keeping secrets
/// out of plain objects
#[derive(Debug, Parser)]
#[command(name = "septum", version = VERSION, max_term_width = 100, arg_required_else_help = true, disable_help_flag = true)]
#[command(after_help = help_groups::program_text())]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: CliCommand,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct GlobalArgs {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, default_value = ".", hide_default_value = true)]
    directory: PathBuf,
    /// Colours of the output
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", hide_default_value = true)]
    color: ColorMode,
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print details, such as the layers that were used
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

impl Default for GlobalArgs {
    fn default() -> Self {
        Self { directory: ".".into(), color: ColorMode::Auto, quiet: false, verbose: false, help: None }
    }
}

/// Colours of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorMode {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Output format of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ViewFormat {
    /// A table or text
    Text,
    /// JSON with stable field names
    Json,
}

/// Declares the commands, each with its name and its arguments.
macro_rules! commands {
    ($($variant:ident $name:literal $arguments:ty,)+) => {
        #[derive(Debug, Subcommand)]
        enum CliCommand {
            // no texts here: each command has its own
            $(#[command(name = $name)] $variant($arguments),)+
        }

        impl CliCommand {
            /// The declaration of one command; none if there is no command of that name.
            fn declare(name: &str) -> Option<clap::Command> {
                match name {
                    $($name => Some(<$arguments as Args>::augment_args(clap::Command::default().name($name))),)+
                    _ => None,
                }
            }
        }
    };
}

commands! {
    Init "init" init::InitArgs,
    Import "import" import::ImportArgs,
    Eject "eject" eject::EjectArgs,
    Gc "gc" gc::GcArgs,
    Render "render" render::RenderArgs,
    Check "check" check::CheckArgs,
    Explain "explain" explain::ExplainArgs,
    List "list" list::ListArgs,
    Diff "diff" diff::DiffArgs,
    Docs "docs" docs::DocsArgs,
    Schema "schema" schema::SchemaArgs,
    Exposure "exposure" exposure::ExposureArgs,
    Report "report" report::ReportArgs,
    Promote "promote" promote::PromoteArgs,
    Exec "exec" exec::ExecArgs,
    Export "export" export::ExportArgs,
    Argocd "argocd" argocd::ArgocdArgs,
    Encrypt "encrypt" encrypt::EncryptArgs,
    Decrypt "decrypt" decrypt::DecryptArgs,
    Set "set" set::SetArgs,
    Unset "unset" set::UnsetArgs,
    Rename "rename" rename::RenameArgs,
    Get "get" get::GetArgs,
    Rekey "rekey" rekey::RekeyArgs,
    Rotate "rotate" rekey::RotateArgs,
    Edit "edit" edit::EditArgs,
    Keygen "keygen" keygen::KeygenArgs,
    Doctor "doctor" doctor::DoctorArgs,
    GitSetup "git-setup" git_setup::GitSetupArgs,
    GitTextconv "git-textconv" git_textconv::GitTextconvArgs,
    GitMerge "git-merge" git_merge::GitMergeArgs,
    Krm "krm" krm::KrmArgs,
    Helm "helm" helm::HelmArgs,
    Lsp "lsp" lsp::LspArgs,
    Completions "completions" completions::CompletionsArgs,
    Man "man" man::ManArgs,
}

/// Error of `septum` without a command, which prints the help.
const HELP: clap::error::ErrorKind = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

/// Runs the program: parses the arguments, runs the command, and returns the exit code.
pub(crate) fn main() -> ExitCode {
    septum::parallel::hide_panics(output::report_panic);
    let arguments: Vec<_> = std::env::args_os().collect();
    if command_line::asks_for_version(&arguments) {
        return run_arguments(arguments);
    }
    septum::parallel::on_known_stack(|| {
        clap_complete::CompleteEnv::with_factory(completions::completed_command).complete();
        run_arguments(arguments)
    })
}

fn run_arguments(arguments: Vec<OsString>) -> ExitCode {
    let arguments = help_groups::as_option(manifest_paths::in_usual_order(arguments));
    let ParsedArguments { program, matches } = command_line::parse_arguments(&arguments);
    if let Ok(matches) = &matches {
        argument::record_names(&program, matches);
    }
    let (cli, checked) = match matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches))) {
        Ok((cli, matches)) => (cli, argument::check_paths(&matches)),
        // a value such as `-hunter` is not a request for help
        Err(error) if !error.use_stderr() && usage::glued_help(&arguments).is_some() => {
            return report_usage(usage::glued_error(&arguments), &arguments, &GlobalArgs::default());
        }
        // help and version go to stdout, and a closed pipe is not an error
        Err(error) if !error.use_stderr() || error.kind() == HELP => {
            return match output::print_help(&error) {
                Err(problems) => OutputStreams::new(&GlobalArgs::default()).finish(Err(problems)),
                Ok(()) if error.use_stderr() => ExitCode::from(output::INVALID),
                Ok(()) => ExitCode::SUCCESS,
            };
        }
        Err(error) => {
            return report_usage(usage::usage_diagnostic(&error, &arguments), &arguments, &GlobalArgs::default());
        }
    };
    let output = OutputStreams::new(&cli.global);
    let code = match checked {
        Ok(()) => run_command(cli, &output),
        Err(problem) => report_usage(problem, &arguments, &cli.global),
    };
    for budget in budget::ALL.iter().filter(|budget| budget.done() > 0) {
        output.print_detail(|| format!("work: {} of {} {}", budget.done(), budget.limit(), budget.unit));
    }
    code
}

/// Reports an error about the arguments. Helm does not show what its post-renderer prints to standard error.
fn report_usage(problem: Diagnostic, arguments: &[OsString], global: &GlobalArgs) -> ExitCode {
    let output = OutputStreams::new(global);
    if helm::is_post_render(arguments) {
        let problem = problem.hint("in a call of Helm, each argument is given by itself: `--post-renderer-args=ENV`");
        return helm::report_failure(problem.into(), &output);
    }
    output.finish(Err(problem.into()))
}

fn run_command(cli: Cli, output: &OutputStreams) -> ExitCode {
    let result = match cli.command {
        CliCommand::Init(command) => command.run(&cli.global, output),
        CliCommand::Import(command) => command.run(&cli.global, output),
        CliCommand::Eject(command) => command.run(&cli.global, output),
        CliCommand::Gc(command) => command.run(&cli.global, output),
        CliCommand::Render(command) => command.run(&cli.global, output),
        CliCommand::Check(command) => return command.run(&cli.global, output),
        CliCommand::Explain(command) => command.run(&cli.global, output),
        CliCommand::List(command) => command.run(&cli.global, output),
        CliCommand::Diff(command) => return command.run(&cli.global, output),
        CliCommand::Docs(command) => command.run(&cli.global, output),
        CliCommand::Schema(command) => command.run(&cli.global, output),
        CliCommand::Exposure(command) => command.run(&cli.global, output),
        CliCommand::Report(command) => command.run(&cli.global, output),
        CliCommand::Promote(command) => return command.run(&cli.global, output),
        CliCommand::Exec(command) => return command.run(&cli.global, output),
        CliCommand::Export(command) => command.run(&cli.global, output),
        CliCommand::Argocd(command) => return command.run(&cli.global, output),
        CliCommand::Encrypt(command) => command.run(&cli.global, output),
        CliCommand::Decrypt(command) => command.run(&cli.global, output),
        CliCommand::Set(command) => command.run(&cli.global, output),
        CliCommand::Unset(command) => command.run(&cli.global, output),
        CliCommand::Rename(command) => command.run(&cli.global, output),
        CliCommand::Get(command) => command.run(&cli.global, output),
        CliCommand::Rekey(command) => command.run(&cli.global, output),
        CliCommand::Rotate(command) => command.run(&cli.global, output),
        CliCommand::Edit(command) => command.run(&cli.global, output),
        CliCommand::Keygen(command) => command.run(&cli.global, output),
        CliCommand::Doctor(command) => return command.run(&cli.global, output),
        CliCommand::GitSetup(command) => command.run(&cli.global, output),
        CliCommand::GitTextconv(command) => command.run(&cli.global),
        CliCommand::GitMerge(command) => return command.run(&cli.global, output),
        CliCommand::Krm(_) => return krm::call_function(&cli.global, output),
        CliCommand::Helm(command) => return command.run(&cli.global, output),
        CliCommand::Lsp(command) => return command.run(),
        CliCommand::Completions(command) => command.run(),
        CliCommand::Man(command) => command.run(),
    };
    output.finish(result)
}

/// The identities of the user, searched where sops searches; no file is read before it is needed.
fn user_identities() -> Identities {
    Identities::new(IdentitySources::of(HostSystem::current(), |name| std::env::var_os(name)))
        .with_passphrases(prompt::TerminalPrompt)
}

/// The identities of the user, for programs that Git runs: a passphrase is never requested.
fn quiet_identities() -> Identities {
    Identities::new(IdentitySources::of(HostSystem::current(), |name| std::env::var_os(name)))
}

/// An environment by its name.
fn find_environment(project: &Project, name: &str) -> Result<EnvironmentName, Diagnostic> {
    project.environment(name).map_err(|found| {
        if found.rule != Rule::UnknownEnvironment {
            return found;
        }
        let known = project.environments();
        let (message, _) = argument::unknown_name("environment", name, known.iter().map(|known| known.as_str()));
        Diagnostic { message, ..found }.maybe_hint(argument::environment_hint(name, &known))
    })
}

/// Environments by name; all if none is given.
fn find_environments(project: &Project, names: &[String]) -> Result<Vec<EnvironmentName>, Diagnostics> {
    if names.is_empty() {
        return Ok(project.environments().into_iter().cloned().collect());
    }
    let mut problems = Diagnostics::new();
    let mut found: Vec<_> = names.iter().filter_map(|name| problems.take(find_environment(project, name))).collect();
    sort(&mut found);
    found.dedup();
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Shows findings outside of the requested environments, which are not fatal: errors in other environments, and files
/// that look like something else. Those that look like a layer of a requested environment are errors.
fn show_beside<'a>(
    project: &'a Project,
    apps: impl IntoIterator<Item = &'a App>,
    asked: &[EnvironmentName],
    surveys: &[&Diagnostics],
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let is_asked = |file: &&MisnamedFile| {
        let layer = file.layer.as_deref();
        layer.is_some_and(|layer| layer == BASE || asked.iter().any(|asked| asked.as_str() == layer))
    };
    let (own, others): (Vec<_>, Vec<_>) = project.misnamed(apps).partition(is_asked);
    if !own.is_empty() {
        return Err(own.into_iter().map(|file| file.diagnostic.clone()).collect());
    }
    let found = surveys.iter().flat_map(|found| found.iter()).chain(others.iter().map(|file| &file.diagnostic));
    let as_warning = |found: &Diagnostic| Diagnostic { severity: Severity::Warning, ..found.clone() };
    output.print_findings(found.map(as_warning).collect());
    Ok(())
}

/// Warns of entries that are declared plain and cannot be; those that are shown are errors.
fn show_contradictions(
    surveys: &[Survey],
    is_shown: impl Fn(&Contradiction) -> bool,
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let all = surveys.iter().flat_map(|survey| &survey.contradictions);
    let (own, others): (Vec<_>, Vec<_>) = all.partition(|contradiction| is_shown(contradiction));
    let own: Diagnostics = own.into_iter().map(|contradiction| contradiction.diagnostic.clone()).collect();
    let place = |found: &Diagnostic| found.labels.first().map(|label| label.place.to_string());
    let places: HashSet<_> = own.iter().map(place).collect();
    let is_other = |found: &&Diagnostic| !places.contains(&place(found));
    let others = others.into_iter().map(|contradiction| &contradiction.diagnostic).filter(is_other);
    let as_warning = |found: &Diagnostic| Diagnostic { severity: Severity::Warning, ..found.clone() };
    output.print_findings(others.map(as_warning).collect());
    if own.is_empty() { Ok(()) } else { Err(own) }
}

/// The apps with the given names, or all.
fn find_apps<'p>(
    pipeline: &septum::pipeline::Pipeline<'p>,
    project: &'p Project,
    names: &[String],
) -> Result<Vec<&'p App>, Diagnostics> {
    if names.is_empty() {
        return Ok(project.apps.iter().collect());
    }
    let mut known = Vec::new();
    for app in &project.apps {
        known.push((pipeline.library.selected_app_name(app)?, app));
    }
    let mut problems = Diagnostics::new();
    let mut found = Vec::new();
    for name in names {
        // several apps may have one name, in different environments
        let named: Vec<_> = known.iter().filter(|(app, _)| app.as_str() == name).map(|(_, app)| *app).collect();
        for app in &named {
            if !found.iter().any(|known: &&App| std::ptr::eq(*known, *app)) {
                found.push(*app);
            }
        }
        if named.is_empty() {
            let known = known.iter().map(|(app, _)| app.as_str());
            let names: Vec<_> = known.clone().map(|name| format!("`{name}`")).collect();
            let (message, hint) = argument::unknown_name("app", name, known);
            let problem = Diagnostic::error(Rule::UnknownApp, message).maybe_hint(hint);
            problems.push(problem.note(format!("the apps are {}", names.join(", "))));
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}
