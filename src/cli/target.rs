//! Target of a command on secrets: an environment of the project, or a file.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{OutputStreams, invalid_usage};
use super::{GlobalArgs, argument, find_apps};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::disk::{DirEntryKind, Disk};
use septum::name::{EntryId, EnvironmentName};
use septum::pipeline::{Pipeline, Survey};
use septum::project::{App, Project};
use septum::secret_files::{EntryQuery, SecretEntry, VariableQuery};
use septum::sops::ValuePath;
use septum::view::variable::VARIABLES;

/// One value: of an environment, or in a file.
#[derive(Debug, Args)]
pub(super) struct ValueArg {
    /// Environment, or encrypted file
    #[arg(value_name = "ENV|FILE", add = super::completions::environments())]
    pub(super) target: String,
    /// Key, variable such as `vars.NAME`, or path in the file
    #[arg(value_name = "KEY", add = super::completions::keys())]
    pub(super) key: String,
    /// App, if several have the key
    #[arg(long, value_name = "APP", add = super::completions::apps())]
    pub(super) app: Option<String>,
    /// Bundle, if several have the key
    #[arg(long, value_name = "BUNDLE", add = super::completions::bundles())]
    pub(super) bundle: Option<String>,
    /// Document of the file, counted from 1, if it has several
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    document: Option<u32>,
}

impl ValueArg {
    /// The environment or file of the argument.
    pub(super) fn find_target(&self, global: &GlobalArgs) -> Result<ValueTarget, Diagnostics> {
        ValueTarget::from_word(global, &self.target).map_err(|found| {
            let project = Project::discover(&global.directory).ok();
            let hint = project.and_then(|project| argument::reversed_hint(&self.key, &project.environments()));
            found.into_iter().map(|problem| problem.maybe_hint(hint.clone())).collect()
        })
    }

    /// The entry of an environment; nothing is decrypted. Errors in other environments are shown.
    pub(super) fn entry<'p>(
        &self,
        pipeline: &Pipeline<'p>,
        project: &'p Project,
        environment: &EnvironmentName,
        output: &OutputStreams,
    ) -> Result<NamedEntry<'p>, Diagnostics> {
        let wanted = EntryQuery { environment, key: &self.key, bundle: self.bundle.as_deref() };
        let apps = find_apps(pipeline, project, self.app.as_slice())?;
        let (app, survey, id) = wanted.find_entry(pipeline, &apps)?;
        super::show_beside(project, [app], std::slice::from_ref(environment), &[&survey.beside], output)?;
        Ok(NamedEntry { app, survey, id })
    }

    /// The path of a variable, if KEY is one: `vars.NAME`. With `--bundle`, it is an entry.
    pub(super) fn variable(&self) -> Option<&str> {
        self.key.strip_prefix(VARIABLES).filter(|path| !path.is_empty() && self.bundle.is_none())
    }

    /// The app that a variable of an environment belongs to; nothing is decrypted. Errors in other environments are
    /// shown.
    pub(super) fn app_of_variable<'p>(
        &self,
        pipeline: &Pipeline<'p>,
        project: &'p Project,
        environment: &EnvironmentName,
        path: &str,
        output: &OutputStreams,
    ) -> Result<(&'p App, Survey), Diagnostics> {
        let apps = find_apps(pipeline, project, self.app.as_slice())?;
        let (app, survey) = VariableQuery { environment, path }.find_app(pipeline, &apps)?;
        super::show_beside(project, [app], std::slice::from_ref(environment), &[&survey.beside], output)?;
        Ok((app, survey))
    }

    /// The place of the value in the encrypted file of an environment.
    pub(super) fn locate(
        &self,
        pipeline: &Pipeline<'_>,
        project: &Project,
        environment: &EnvironmentName,
        output: &OutputStreams,
    ) -> Result<SecretEntry, Diagnostics> {
        if let Some(path) = self.variable() {
            let (app, survey) = self.app_of_variable(pipeline, project, environment, path, output)?;
            return Ok(SecretEntry::locate_variable(pipeline, app, &survey, environment, path));
        }
        let NamedEntry { app, survey, id } = self.entry(pipeline, project, environment, output)?;
        Ok(SecretEntry::locate_entry(pipeline, app, &survey, environment, &id))
    }

    /// The path in a file.
    pub(super) fn path(&self) -> Result<ValuePath, Diagnostics> {
        self.key.parse().map_err(|problem| {
            invalid_usage(format!("KEY is not a valid path: {problem}"))
                .hint("paths look like `data.hosts[0]`, or `[\"data\"][\"hosts\"][0]`; quote keys that contain a dot")
                .into()
        })
    }

    /// The document of the file, counted from 0.
    pub(super) fn document(&self) -> Option<usize> {
        self.document.map(|number| number as usize - 1)
    }
}

/// An environment or a file.
pub(super) enum ValueTarget {
    /// An environment of the project.
    Environment(Project, EnvironmentName),
    /// A file, relative to the working directory of the program.
    File(PathBuf),
}

impl ValueTarget {
    /// Meaning of a word: the environment of that name, else the file. A path with a `/` is always a file, so that
    /// `./prod` is one.
    pub(super) fn from_word(global: &GlobalArgs, word: &str) -> Result<Self, Diagnostics> {
        let file = || {
            argument::check_file(&global.directory, Path::new(word))?;
            Ok(Self::File(PathBuf::from(word)))
        };
        if word.contains(std::path::is_separator) {
            return file();
        }
        let exists = matches!(Disk::default().kind(&global.directory.join(word)), Ok(Some(kind)) if kind != DirEntryKind::Directory);
        let project = match Project::discover(&global.directory) {
            Ok(project) => project,
            Err(_) if exists || Path::new(word).extension().is_some() => return file(),
            Err(found) => return Err(found),
        };
        let known = project.environments();
        match project.environment(word) {
            Ok(environment) => Ok(Self::Environment(project, environment)),
            Err(_) if exists => file(),
            Err(unknown) if Path::new(word).extension().is_some() => match argument::environment_hint(word, &known) {
                Some(meant) => Err(unknown.hint(meant).into()),
                None => file(),
            },
            Err(misnamed) if misnamed.rule != Rule::UnknownEnvironment => Err(misnamed.into()),
            // the text in that place may be anything, a value too
            Err(unknown) => Err(Diagnostic { message: "no environment or file has that name".into(), ..unknown }
                .hint("to specify a file, write `./NAME`")
                .into()),
        }
    }
}

/// An entry of an environment, with the survey of its app.
pub(super) struct NamedEntry<'p> {
    pub(super) app: &'p App,
    pub(super) survey: Survey,
    pub(super) id: EntryId,
}
