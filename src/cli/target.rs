//! What a command on secrets is about: an environment of the project, or a file.

use std::path::{Path, PathBuf};

use super::{Global, apps};
use crate::at_rest::Wanted;
use crate::diagnostic::Diagnostics;
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::{Pipeline, Survey};
use crate::project::{App, Project};

/// An environment or a file.
pub(super) enum Target {
    /// An environment of the project.
    Environment(Project, EnvironmentName),
    /// A file, relative to the folder that the program works in.
    File(PathBuf),
}

impl Target {
    /// What a word means: the environment of that name, else the file. A path with a `/` is always a
    /// file, so that `./prod` is one.
    pub(super) fn of(global: &Global, word: &str) -> Result<Self, Diagnostics> {
        let file = || Ok(Self::File(PathBuf::from(word)));
        if word.contains(std::path::is_separator) {
            return file();
        }
        let exists = global.directory.join(word).is_file();
        let project = match Project::discover(&global.directory) {
            Ok(project) => project,
            Err(_) if exists || Path::new(word).extension().is_some() => return file(),
            Err(found) => return Err(found),
        };
        match project.environment(word) {
            Ok(environment) => Ok(Self::Environment(project, environment)),
            Err(_) if exists || Path::new(word).extension().is_some() => file(),
            Err(unknown) => Err(unknown.hint("a file may stand there too: `./NAME`").into()),
        }
    }
}

/// An entry of an environment, with what is known of its app.
pub(super) struct Named<'p> {
    pub(super) app: &'p App,
    pub(super) survey: Survey,
    pub(super) id: EntryId,
}

/// Finds an entry; nothing is decrypted.
pub(super) fn entry<'p>(
    pipeline: &Pipeline<'p>,
    project: &'p Project,
    wanted: &Wanted<'_>,
    app: &[String],
) -> Result<Named<'p>, Diagnostics> {
    let apps = apps(pipeline, project, app)?;
    let (app, survey, id) = wanted.find(pipeline, &apps)?;
    Ok(Named { app, survey, id })
}
