//! `septum init`

pub(super) mod app_name;
pub(super) mod key;
mod plan;
pub(super) mod rules;

use std::path::{Path, PathBuf};

use clap::Args;

use self::app_name::app_name;
use self::key::ProjectKey;
use self::plan::{InitFile, PlannedChange, ProjectPlace};
use self::rules::ExistingRules;
use super::help::{CommandHelp, HelpTopic};
use super::import::dotenv::{ChosenDialect, read_dotenv_files};
use super::output::OutputStreams;
use super::pasted::relative;
use super::{GlobalArgs, argument, import};
use septum::diagnostic::{Diagnostic, Diagnostics, StyledText, shell_word, shown_path};
use septum::disk::{BoundedRoot, Disk, real_named};
use septum::files::resolve_writable;
use septum::import::{ImportPlan, ImportTarget, ProvenImport, plan_dotenv, prove_import};
use septum::project::Project;
use septum::sops::{SopsConfig, SopsConfigCache};
use septum::span::Source;

/// Create a small project to start from
///
/// Writes a base and two environments to DIR, the schema by which editors complete them, and what the repository lacks to
/// its root: a rule in `.sops.yaml`, the Git drivers in `.gitattributes`, and a GitHub workflow. Existing files are kept,
/// or lines are appended to them.
///
/// Secrets will be encrypted for the recipients in `.sops.yaml`, or else for the first age identity that is found, or
/// else for a new one, which is added to the key file.
///
/// With `--from`, the base and the environments get the values of dotenv files, as with `septum import dotenv`, and what
/// was written is proven to render to the same.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct InitArgs {
    /// Directory of the project; created if it does not exist
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    project_directory: PathBuf,
    /// File of the private key; a new key is added if it has none [default: the user's `sops/age/keys.txt`]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Do not write a GitHub workflow
    #[arg(long)]
    no_ci: bool,
    /// Dotenv file with the values of the project; can be repeated
    #[arg(long, value_name = "[ENV=]FILE")]
    from: Vec<String>,
    /// Reader whose rules the dotenv files follow
    #[arg(long, value_name = "DIALECT", default_value = "auto", requires = "from")]
    dialect: ChosenDialect,
}

/// Help of `septum init`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Create a project in the directory shop", "septum init shop"),
        ("Create one without a GitHub workflow", "septum init billing --no-ci"),
        ("Create one from the values of a dotenv file", "septum init cart --from .env"),
        ("Use the private key in a file of its own", "septum init api --key-file api-key.txt"),
    ],
    exit_codes: &[
        (0, "the project was created"),
        (1, "with `--from`: the files were written, and something renders to something else"),
        (2, "wrong usage or invalid input; nothing was written"),
        (4, "something could not be read or written"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities, HelpTopic::Git],
};

/// Plan of a run: the files, and the key.
struct ProjectPlan {
    place: ProjectPlace,
    files: Vec<InitFile>,
    /// The key, unless the rules name recipients for the project.
    key: Option<ProjectKey>,
    /// The file of a new key as it is shown.
    key_name: String,
    /// Recipients that the rules of the repository name, if all of them name the same.
    named_recipients: Option<String>,
    /// The rule that could not be added to the rules of the repository.
    missing_rule: Option<String>,
    app: String,
    /// The import, and its proof.
    import: Option<(ImportPlan, ProvenImport)>,
}

impl InitArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let named = global.directory.join(&self.project_directory);
        let shown = argument::shown_path(&global.directory, &self.project_directory, "DIR");
        let mut plan = self.plan(global, resolve_writable(&named, &shown)?)?;
        for file in &mut plan.files {
            file.check_links(&plan.place.top)?;
        }
        // the key first: a project whose key was lost is worse than a key without a project
        if let Some(key) = &plan.key {
            key.save(&plan.app).map_err(|error| Diagnostic::unwritable(&plan.key_name, &error))?;
            if !key.new_file().is_empty() {
                output.print_access("the new private key");
            }
        }
        let mut names = FileNames::new(&plan.place, shown);
        for file in &plan.files {
            file.write(&names.name_of(&file.path))?;
        }
        if is_name(&named) {
            names.shown = super::output::shown_path(&named);
        }
        output.print_text(&plan.describe(&names))?;
        match plan.import {
            None => Ok(()),
            Some((plan, ProvenImport { proof, warnings, .. })) => {
                import::report_findings(plan.findings.into_iter().chain(warnings).collect(), proof, output)
            }
        }
    }

    fn plan(&self, global: &GlobalArgs, directory: PathBuf) -> Result<ProjectPlan, Diagnostics> {
        let place = ProjectPlace::of(directory)?;
        let app = app_name(&place.directory);
        let planned = if self.from.is_empty() {
            None
        } else {
            place.require_new()?;
            Some(plan_dotenv(&app, &read_dotenv_files(global, &self.from)?, self.dialect.0)?)
        };
        let mut files = if planned.is_some() { Vec::new() } else { place.plan_layers(&app)? };
        let secrets = place.secrets_file();
        let existing = ExistingRules::find(&place.top, &secrets)?;
        let is_covered = existing.as_ref().map_or(Ok(false), |rules| rules.names_recipients(&secrets))?;
        let key = if is_covered { None } else { Some(self.find_key(existing.as_ref())?) };
        let mut missing_rule = None;
        let rules = place.plan_rules(existing.as_ref(), key.as_ref().map(ProjectKey::recipients));
        if matches!((&rules.change, &key), (PlannedChange::Keep, Some(_))) {
            missing_rule = key.as_ref().map(|key| rules::rule_text("  ", key.recipients()));
        }
        let import = planned.map(|plan| Self::prove(plan, &place, &app, &rules)).transpose()?;
        files.extend(
            import
                .iter()
                .map(|(_, proven)| place.plan_imported(&proven.files))
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten(),
        );
        // layers that are there are kept, and name no schema
        if files.iter().any(|file| matches!(file.change, PlannedChange::Create(_))) {
            files.push(place.plan_schema());
        }
        files.push(rules);
        files.push(place.plan_attributes()?);
        if !self.no_ci {
            files.push(place.plan_workflow());
        }
        if let Some(file) = self.key_file.as_ref().filter(|_| key.is_some()) {
            files.extend(place.plan_ignored(&real_named(file))?);
        }
        // before it exists: a name that is not a path is not repeated
        let key_name = match (&key, &self.key_file) {
            (_, Some(named)) => argument::shown_path(Path::new(""), named, "FILE"),
            (Some(key), None) => key.new_file(),
            (None, None) => String::new(),
        };
        let named_recipients = existing.as_ref().and_then(ExistingRules::common_recipients);
        Ok(ProjectPlan { place, files, key, key_name, named_recipients, missing_rule, app, import })
    }

    /// Encrypts the layers of an import for the rules of the project, and proves them.
    fn prove(
        plan: ImportPlan,
        place: &ProjectPlace,
        app: &str,
        rules: &InitFile,
    ) -> Result<(ImportPlan, ProvenImport), Diagnostics> {
        let book = match rules.planned_text() {
            Some(text) => {
                let directory = rules.path.parent().unwrap_or(&place.top);
                let config = SopsConfig::parse(&Source::new(rules::FILE, text), directory)?;
                SopsConfigCache::with_planned(rules.path.clone(), config)
            }
            None => SopsConfigCache::default(),
        };
        let make_rule = || import::new_rule(app);
        let setup = import::encryption_setup(book, &make_rule)?;
        let target = ImportTarget { directory: &place.layers, shown: LAYERS };
        let proven = prove_import(&plan, &target, &setup)?;
        Ok((plan, proven))
    }

    fn find_key(&self, rules: Option<&ExistingRules>) -> Result<ProjectKey, Diagnostic> {
        if let Some(file) = &self.key_file {
            let shown = argument::shown_path(Path::new(""), file, "FILE");
            return ProjectKey::in_file(resolve_writable(file, &shown)?, &shown);
        }
        match rules.and_then(ExistingRules::common_recipients) {
            Some(recipients) => Ok(ProjectKey::Shared(recipients)),
            None => ProjectKey::of_user(),
        }
    }
}

impl ProjectPlan {
    /// The changes, the key, and commands to continue with.
    fn describe(&self, names: &FileNames) -> StyledText {
        let mut text = StyledText::new();
        // the base was written last, and is read first
        let (base, others): (Vec<_>, Vec<_>) = self.files.iter().partition(|file| file.path.ends_with("base.yaml"));
        for file in base.into_iter().chain(others) {
            text.push_line(format!("{:8}  {}", file.change.word(), names.name_of(&file.path)));
        }
        text.end_line();
        for line in self.key_lines() {
            text.push_line(line);
        }
        if let Some((plan, proven)) = &self.import {
            import::push_proof(&mut text, plan, &proven.proof);
        }
        text.end_line();
        if let Some(line) = unlisted_app(&self.place) {
            text.push_line(line);
            text.end_line();
        }
        text.push_line(if names.is_shown() { "Next:" } else { "Next, in the new directory:" });
        let at = names.directory_option();
        let is_new = self.files.iter().any(|file| file.path.ends_with("base.yaml") && file.change.word() == "created");
        let of_import = self.import.iter().flat_map(|(plan, _)| &plan.expected);
        let renders = of_import.map(|expected| format!("render {}", expected.name));
        let own: &[&str] = match &self.import {
            None if is_new => &["render dev", "set prod DATABASE_PASSWORD", "render prod"],
            _ => &["check"],
        };
        let setup = self.place.is_in_git.then_some("git-setup --hook");
        for command in renders.chain(own.iter().copied().chain(setup).map(str::to_owned)) {
            text.push_line(format!("  septum {at}{command}"));
        }
        text
    }

    /// Lines on the key, and on a rule that is missing.
    fn key_lines(&self) -> Vec<String> {
        let named = || {
            let line = "Secrets are encrypted for the recipients that the rules already name.".to_owned();
            let missing = self.named_recipients.as_deref().and_then(key::missing_identity);
            [Some(line), missing].into_iter().flatten().collect()
        };
        let mut lines = self.key.as_ref().map_or_else(named, |key| key.describe(&self.key_name));
        if let Some(rule) = &self.missing_rule {
            lines.push("No rule could be added to the rules of the repository. Add this one by hand:".to_owned());
            lines.extend(rule.lines().map(str::to_owned));
        }
        lines
    }
}

/// Names of files in the output.
struct FileNames {
    here: Option<PathBuf>,
    directory: PathBuf,
    /// The directory of the project as it is shown.
    shown: String,
}

/// Name of the layers in messages about an import.
const LAYERS: &str = "environments";

/// Directory whose name is not shown.
const HIDDEN: &str = "DIR";

impl FileNames {
    fn new(place: &ProjectPlace, shown: String) -> Self {
        let here = BoundedRoot::new(Disk::default(), Path::new("."));
        Self { here: here.ok().map(|root| root.path().to_path_buf()), directory: place.directory.clone(), shown }
    }

    fn is_shown(&self) -> bool {
        self.shown != HIDDEN
    }

    /// A file of the project from its directory as it is shown, and another one from the working directory.
    fn name_of(&self, path: &Path) -> String {
        match (path.strip_prefix(&self.directory), &self.here) {
            (Ok(below), _) if self.shown == "." => shown_path(below),
            (Ok(below), _) => shown_path(&Path::new(&self.shown).join(below)),
            (Err(_), Some(here)) => shown_path(&relative(here, path)),
            (Err(_), None) => shown_path(path),
        }
    }

    /// The option with which a command works on the project.
    fn directory_option(&self) -> String {
        if self.shown == "." || !self.is_shown() {
            return String::new();
        }
        format!("-C {} ", shell_word(&self.shown))
    }
}

/// Whether a path may be shown once it was created: the names in it are those of the project.
fn is_name(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains(['=', ':', '@', '\n']))
}

/// A line on an app that the settings of the repository do not list.
fn unlisted_app(place: &ProjectPlace) -> Option<String> {
    let settings = place.settings.as_ref()?;
    let project = Project::discover(&place.directory).ok()?;
    let is_listed = project.apps.iter().any(|app| app.directory == place.layers);
    let below = place.layers.strip_prefix(settings.parent()?).ok()?;
    (!is_listed).then(|| format!("Add {} to `apps` in septum.yaml, which does not list it.", shown_path(below)))
}
