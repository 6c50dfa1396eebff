//! `septum import`

pub(super) mod dotenv;
mod helm_values;
mod inputs;
mod kustomize;
mod manifests;
mod sops;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::encrypt::usual_recipients;
use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::init::app_name::app_name;
use super::init::key::ProjectKey;
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, argument, prompt};
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, StyledText};
use septum::disk::Disk;
use septum::files::resolve_writable;
use septum::import::{
    EncryptionSetup, ImportOutcome, ImportPlan, ImportProof, ImportTarget, NewRule, PlannedFile, check_destination,
    write_import,
};
use septum::project::{PROJECT_FILE, Project};
use septum::secret_files::RecipientOptions;
use septum::sops::{HostSystem, Identities, IdentitySources, Recipient, SopsConfigCache};

/// Convert existing configuration to layers, and prove that they render to the same
///
/// Writes a base, a layer for each environment, encrypted layers for secrets, and the files that they name. What was
/// written is rendered and compared with what was read: the last line is the proof. Nothing that exists is
/// overwritten, and invalid input writes nothing. Secrets are encrypted for the recipients of `.sops.yaml`, which is
/// created if there is none.
///
/// Every kind has `--out DIR` and `--app NAME`, `dotenv` has `--dialect`, `helm-values` has `--data`: see
/// `septum import KIND --help`.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text(), disable_help_subcommand = true, subcommand_value_name = "KIND")]
#[command(subcommand_help_heading = "Kinds")]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    kind: ImportKind,
}

/// Kind of existing configuration.
#[derive(Debug, Subcommand)]
enum ImportKind {
    // no texts here: each kind has its own
    Dotenv(dotenv::DotenvArgs),
    HelmValues(helm_values::HelmValuesArgs),
    Kustomize(kustomize::KustomizeArgs),
    Manifests(manifests::ManifestsArgs),
    Sops(sops::SopsArgs),
}

/// Directory of the layers by default.
const DEFAULT: &str = "environments";

/// Options of every kind.
#[derive(Debug, Args)]
struct ImportOptions {
    /// Directory for the layers, which must not exist or be empty
    #[arg(long, value_name = "DIR", default_value = DEFAULT)]
    out: PathBuf,
    /// Name of the app [default: that of the directory of the layers, or of the one above `environments`]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
}

/// Help of `septum import`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Convert dotenv files", "septum import dotenv .env .env.production"),
        (
            "Convert the manifests of two environments",
            "septum import manifests dev=k8s/dev prod=k8s/prod --out shop/environments",
        ),
        (
            "Convert values of a Helm chart",
            "septum import helm-values values.yaml values-prod.yaml --out chart/environments",
        ),
    ],
    exit_codes: &[
        (0, "everything that was read renders to the same"),
        (1, "the files were written, and something renders to something else"),
        (2, "wrong usage or invalid input; nothing was written"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities],
};

impl ImportArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        match &self.kind {
            ImportKind::Dotenv(command) => command.run(global, output),
            ImportKind::HelmValues(command) => command.run(global, output),
            ImportKind::Kustomize(command) => command.run(global, output),
            ImportKind::Manifests(command) => command.run(global, output),
            ImportKind::Sops(command) => command.run(global, output),
        }
    }
}

impl ImportOptions {
    /// Plans with the name of the app, writes, and prints the proof.
    fn run(
        &self,
        global: &GlobalArgs,
        output: &OutputStreams,
        plan: impl FnOnce(&str) -> Result<ImportPlan, Diagnostics>,
    ) -> Result<(), Diagnostics> {
        let is_default = self.out == Path::new(DEFAULT);
        let shown =
            if is_default { DEFAULT.to_owned() } else { argument::shown_path(&global.directory, &self.out, "DIR") };
        let directory = resolve_writable(&global.directory.join(&self.out), &shown)?;
        let target = ImportTarget { directory: &directory, shown: &shown };
        check_destination(&target, "import")?;
        let app = self.app_name(&directory)?;
        let plan = plan(&app)?;
        let make_rule = || new_rule(&app);
        let setup = encryption_setup(SopsConfigCache::default(), &make_rule)?;
        let outcome = write_import(&plan, &target, &setup)?;
        let shown = if argument::is_ordinary(&self.out) { self.out.display().to_string() } else { shown };
        let next = next_command(global, &directory, &shown);
        report(plan, outcome, (&shown, next), output)
    }

    fn app_name(&self, directory: &Path) -> Result<String, Diagnostic> {
        match &self.app {
            Some(name) => match septum::name::wrong_dns_label(name) {
                None => Ok(name.clone()),
                Some(why) => Err(invalid_usage(format!("the name of `--app` is not valid: {why}"))),
            },
            // as of a base without `app`
            None if directory.file_name().is_some_and(|name| name != DEFAULT) => Ok(app_name(directory)),
            None => Ok(app_name(directory.parent().unwrap_or(directory))),
        }
    }
}

/// Means of the user to encrypt what is imported.
pub(super) fn encryption_setup(
    rules: SopsConfigCache,
    new_rule: &dyn Fn() -> Result<NewRule, Diagnostics>,
) -> Result<EncryptionSetup<'_>, Diagnostics> {
    let recipients = RecipientOptions { named: Vec::new(), usual: usual_recipients()?, has_option: false };
    Ok(EncryptionSetup { recipients, rules, identities: &identities_with, new_rule, now: current_time() })
}

/// The identities of the user, and one more.
fn identities_with(own: &str) -> Identities {
    let sources = IdentitySources::of(HostSystem::current(), |name| {
        let found = std::env::var_os(name);
        if name != "SOPS_AGE_KEY" {
            return found;
        }
        let mut text = found.unwrap_or_default();
        text.push("\n");
        text.push(own);
        Some(text)
    });
    Identities::new(sources).with_passphrases(prompt::TerminalPrompt)
}

/// New file of rules.
const RULES: &str = "\
# Recipients of encrypted files; sops reads this file too.
creation_rules:
  - path_regex: \\.secrets\\.yaml$
    age: RECIPIENT
";

/// Rules for an identity of the user, or for a new one, which is added to the user's key file.
pub(super) fn new_rule(app: &str) -> Result<NewRule, Diagnostics> {
    let (key, app) = (ProjectKey::of_user()?, app.to_owned());
    let recipient = Recipient::parse(key.recipients()).map_err(|_| Diagnostic::no_randomness())?;
    let text = RULES.replace("RECIPIENT", key.recipients());
    let description = key.describe(&key.new_file());
    let store_key =
        move || key.save(&app).map_err(|error| Diagnostic::unwritable("the key file of the user", &error).into());
    Ok(NewRule { recipient, text, description, store_key: Box::new(store_key) })
}

/// Line about the commands for the project, where they do not find it from here by themselves.
fn next_command(global: &GlobalArgs, directory: &Path, shown: &str) -> Option<String> {
    let here = septum::disk::normalize_path(&directory_of(global)?);
    let found = Project::locate(&Disk::default(), &here).is_some();
    let from = directory.parent().filter(|above| Disk::default().has(&above.join(PROJECT_FILE)));
    let above = Path::new(shown).parent().map(|path| path.display().to_string()).filter(|path| !path.is_empty());
    let place = if from.is_some() { above? } else { shown.to_owned() };
    (!found).then(|| format!("`septum -C {place} check` checks it: commands without `-C` do not find it from here"))
}

/// The working directory of the program, absolute.
fn directory_of(global: &GlobalArgs) -> Option<PathBuf> {
    std::path::absolute(&global.directory).ok()
}

/// Prints what was written, decisions and the proof.
fn report(
    plan: ImportPlan,
    outcome: ImportOutcome,
    (shown, next): (&str, Option<String>),
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let ImportOutcome { proof, created, key, warnings } = outcome;
    let mut text = StyledText::new();
    let is_hidden = shown == "DIR";
    text.push_line(format!("created {}", if is_hidden { "the new directory" } else { shown }));
    for (path, file) in
        plan.files.iter().filter(|(path, _)| path.matches('/').count() < 1 + usize::from(!plan.apps.is_empty()))
    {
        let note = if matches!(file, PlannedFile::Plain(_)) { "" } else { " (encrypted)" };
        text.push_line(format!("  {path}{note}"));
    }
    let below = plan.files.keys().filter(|path| path.contains('/')).count();
    if below > 0 && plan.apps.is_empty() {
        text.push_line(format!("  {} in subdirectories", super::files::count_files(below)));
    }
    for path in created {
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        text.push_line(format!("created {}", output::shown_path(if is_hidden { &name } else { &path })));
    }
    if let Some(next) = next {
        text.push_line(next);
    }
    if !key.is_empty() {
        text.end_line();
    }
    for line in key {
        text.push_line(line);
    }
    push_proof(&mut text, &plan, &proof);
    output.print_text(&text)?;
    report_findings(plan.findings.into_iter().chain(warnings).collect(), proof, output)
}

/// Adds the decisions of an import, and its proof.
pub(super) fn push_proof(text: &mut StyledText, plan: &ImportPlan, proof: &ImportProof) {
    if !plan.notes.is_empty() {
        text.end_line();
    }
    for note in &plan.notes {
        let place = if note.place.is_empty() { String::new() } else { format!("{}: ", note.place) };
        text.push_line(format!("{place}{}", note.text));
    }
    text.end_line();
    text.push_line(proof_line(proof));
}

/// Reports the findings of an import, and what differs as errors.
pub(super) fn report_findings(
    mut findings: Diagnostics,
    proof: ImportProof,
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    findings.extend(proof.differences.into_iter().map(|difference| {
        let message = format!("{} of {} is not equal to what was read", difference.subject, difference.environment);
        let error = Diagnostic::error(Rule::ImportDifference, message).with_failure(FailureKind::Found);
        difference.details.into_iter().fold(error, Diagnostic::note)
    }));
    if findings.has_errors() {
        return Err(findings);
    }
    output.print_findings(findings);
    Ok(())
}

/// `42 of 42 objects equal in dev, staging, prod`.
pub(super) fn proof_line(proof: &ImportProof) -> String {
    let noun = if proof.of_objects { "objects" } else { "values" };
    format!("{} of {} {noun} equal in {}", proof.equal, proof.total, proof.environments.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn examples_of_the_kinds_parse() {
        for help in [dotenv::HELP, helm_values::HELP, manifests::HELP, sops::HELP] {
            for (_, example) in help.examples {
                let words = shlex::split(example).expect("words of a shell");
                let call = words.into_iter().skip_while(|word| word != "septum");
                super::super::Cli::try_parse_from(call).unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    #[test]
    fn the_proof_names_what_was_compared() {
        let proof = ImportProof {
            total: 3,
            equal: 2,
            of_objects: true,
            environments: vec!["dev".to_owned(), "prod".to_owned()],
            differences: Vec::new(),
        };
        assert_eq!(proof_line(&proof), "2 of 3 objects equal in dev, prod");
    }
}
