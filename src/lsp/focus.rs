//! The app that a document belongs to, resolved with what is typed.

use std::path::Path;

use super::documents::OpenDocument;
use super::position::PositionMap;
use super::project::no_identities;
use super::workspace::EditorWorkspace;
use crate::budget;
use crate::diagnostic::Diagnostics;
use crate::name::EnvironmentName;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::{App, Project, SECRETS};
use crate::visibility::KeyAccess;

/// App of a document.
pub(super) struct DocumentFocus<'a> {
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) app: &'a App,
    pub(super) survey: &'a Survey,
    /// File of the document.
    pub(super) path: &'a Path,
}

impl DocumentFocus<'_> {
    /// The project.
    pub(super) fn project(&self) -> &Project {
        self.pipeline.library.project
    }

    /// Name of the file in the project.
    pub(super) fn name(&self) -> String {
        self.project().files.name(self.path)
    }

    /// Whether the file is a layer.
    pub(super) fn is_layer(&self) -> bool {
        let name = self.name();
        let mut definitions = self.survey.environments.iter().map(|resolved| &resolved.definition);
        self.is_beside_base()
            || definitions.any(|definition| definition.files.iter().any(|source| source.name() == name))
    }

    /// Whether the file is where the layers of environments are.
    fn is_beside_base(&self) -> bool {
        let is_yaml = self.path.extension().is_some_and(|extension| extension == "yaml");
        let directory = self.path.parent();
        is_yaml && (directory == Some(&self.app.directory) || directory == self.project().shared.as_deref())
    }

    /// The environments whose layer the file is; all, if it is of none.
    pub(super) fn environments(&self) -> Vec<EnvironmentName> {
        let file = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let layer = file.strip_suffix(SECRETS).or_else(|| file.strip_suffix(".yaml")).unwrap_or_default();
        let own = self.app.environments.iter().find(|name| name.as_str() == layer && self.is_beside_base());
        own.map_or_else(|| self.app.environments.clone(), |own| vec![own.clone()])
    }
}

impl EditorWorkspace {
    /// Answers with the first app of a document that can be resolved. With a line that is being written, the document
    /// may be invalid there: then its text without the line is used, or what was saved.
    pub(super) fn focus<R>(
        &self,
        path: &Path,
        written_line: Option<u32>,
        answer: impl FnOnce(&DocumentFocus<'_>) -> Option<R>,
    ) -> Option<R> {
        let document = self.documents.get(path)?;
        let without_line = written_line.map(|line| without_line(document, line, self));
        let texts = [Some(Some(&*document.text)), without_line.as_deref().map(Some), written_line.map(|_| None)];
        for text in texts.into_iter().flatten() {
            let disk = self.documents.disk_where(path, text);
            let Some(root) = Project::locate(&disk, path.parent()?) else { continue };
            let Ok(project) = Project::open(&disk, &root) else { continue };
            let pipeline = Pipeline::new(&project, no_identities());
            for app in self.apps_of(&project, path) {
                if let Some(survey) = survey_app(&pipeline, app) {
                    return answer(&DocumentFocus { pipeline: &pipeline, app, survey: &survey, path });
                }
            }
        }
        None
    }

    /// Answers for each app of a document.
    pub(super) fn focus_each<R>(&self, path: &Path, answer: impl Fn(&DocumentFocus<'_>) -> Vec<R>) -> Vec<R> {
        let disk = self.documents.disk();
        let root = path.parent().and_then(|directory| Project::locate(&disk, directory));
        let Some(Ok(project)) = root.map(|root| Project::open(&disk, &root)) else { return Vec::new() };
        let pipeline = Pipeline::new(&project, no_identities());
        let of_app = |app| {
            let survey = survey_app(&pipeline, app)?;
            Some(answer(&DocumentFocus { pipeline: &pipeline, app, survey: &survey, path }))
        };
        self.apps_of(&project, path).into_iter().filter_map(of_app).flatten().collect()
    }

    /// The apps that a file belongs to, as far as is known; those that share a layer, all of them.
    fn apps_of<'p>(&self, project: &'p Project, path: &Path) -> Vec<&'p App> {
        if project.shared.as_ref().is_some_and(|shared| path.starts_with(shared)) {
            return project.apps.iter().collect();
        }
        let root = project.files.root();
        let known = self.projects.values().filter(|known| known.root.directory() == root);
        let directories = known.flat_map(|known| known.apps_of(path));
        directories.filter_map(|directory| project.apps.iter().find(|app| app.directory == directory)).collect()
    }
}

fn survey_app(pipeline: &Pipeline<'_>, app: &App) -> Option<Survey> {
    budget::reset_budgets();
    let options = SurveyOptions::showing(&app.environments, KeyAccess::PublicView).of_single_entries();
    pipeline.survey(app, options, &mut Diagnostics::new())
}

/// The text of a document with an empty line in place of one.
fn without_line(document: &OpenDocument, line: u32, workspace: &EditorWorkspace) -> String {
    let map = PositionMap::new(&document.text, workspace.unit);
    let (start, line) = map.line(line as usize).unwrap_or_default();
    let (before, rest) = document.text.split_at(start.min(document.text.len()));
    format!("{before}{}", rest.get(line.len()..).unwrap_or_default())
}
