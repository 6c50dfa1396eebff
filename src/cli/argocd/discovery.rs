//! Project of a repository, for the discovery of Argo CD.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

use septum::check::is_of_tree;
use septum::disk::{BoundedRoot, Disk, walk_files};
use septum::files::FileKind;
use septum::project::{App, PROJECT_FILE, Project};

/// File that makes a directory an app.
const BASE_FILE: &str = "base.yaml";

/// The apps at or below a directory, or the one that it is in. Others of the project, and its output, are other
/// Applications.
pub(super) fn apps_at<'p>(project: &'p Project, start: &Path) -> Vec<&'p App> {
    let is_here = |app: &&App| {
        let real = project.files.real_directory(&app.directory).unwrap_or_else(|_| app.directory.clone());
        real.starts_with(start) || start.starts_with(&real)
    };
    project.apps.iter().filter(is_here).collect()
}

/// Directory of the project, from the root of the repository: of the Application, if its path is known, or any.
///
/// A project that cannot be read is one too: otherwise Argo CD would apply its layers as if they were objects.
pub(super) fn find_project_below(root: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let disk = Disk::default();
    let bounds = BoundedRoot::new(disk.clone(), root).ok()?;
    let source = variable("ARGOCD_APP_SOURCE_PATH").map(PathBuf::from).filter(|path| is_below(path));
    // some versions of Argo CD start the command there
    let source = source.map(|path| bounds.path().join(path)).filter(|path| bounds.is_directory(path));
    if let Some(source) = source {
        if is_of_tree(&bounds, &source.join(BASE_FILE)) {
            return None;
        }
        let located = Project::locate(&disk, &source)?;
        let is_ours = match Project::open(&disk, &located) {
            Ok(project) => {
                let apps = apps_at(&project, &source);
                let is_inside = |app: &&App| source != app.directory && source.starts_with(&app.directory);
                let is_claimed = apps.iter().all(is_inside) && is_of_others(&bounds, &source);
                !apps.is_empty() && !is_claimed
            }
            Err(_) => {
                let bases = [source.join(BASE_FILE), source.join("environments").join(BASE_FILE)];
                source == located.directory() || bases.iter().any(|base| disk.has(base))
            }
        };
        return is_ours.then(|| shown(bounds.path(), located.directory()));
    }
    if let Some(located) = Project::locate(&disk, bounds.path()) {
        return Some(shown(bounds.path(), located.directory()));
    }
    let mut found = None;
    let base = Path::new("environments").join(BASE_FILE);
    let walked = walk_files(&disk, bounds.path(), FileKind::IgnoreRules.limit(), &mut |path| {
        let directory = match path.file_name() {
            Some(name) if name == PROJECT_FILE => path.parent(),
            _ if path.ends_with(&base) => path.parent().and_then(Path::parent),
            _ => None,
        };
        found = directory.map(|directory| shown(bounds.path(), directory));
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    walked.ok().and(found)
}

/// Whether a directory is for another tool of Argo CD: a chart, or a kustomization.
fn is_of_others(bounds: &BoundedRoot, source: &Path) -> bool {
    const FILES: [&str; 4] = ["Chart.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization"];
    FILES.iter().any(|name| bounds.has(&source.join(name)))
}

/// Whether a path cannot lead out of the directory that it is relative to.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A directory from the root of the repository; `.` for that, or for one above.
fn shown(root: &Path, directory: &Path) -> String {
    let relative = directory.strip_prefix(root).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    if relative.is_empty() { ".".to_owned() } else { relative }
}
