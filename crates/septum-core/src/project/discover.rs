//! Discovery of the project and its apps.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use super::beside::{LayerDirectory, MisnamedFile, left_out_layers, like_a_base, sort_files, words_of};
use super::settings::Settings;
use super::{App, BASE, PROJECT_FILE, Project, ProjectRoot, files_of};
use crate::budget::BUDGET_EXCEEDED;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule, shell_path};
use crate::disk::{BoundedRoot, DirEntryKind, Disk, FileReadError, normalize_path};
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::git::{SparseWorkTree, sparse_work_tree};
use crate::glob::{GlobError, find_matching};
use crate::map::HashSet;
use crate::parallel;
use crate::sort::{CollectSorted, sort};
use crate::span::Located;

/// Directory of an app's layers in a repository with a single app.
pub(super) const DEFAULT_FOLDER: &str = "environments";

/// Minimum number of apps for which threads are worth their cost.
const FEW: usize = 32;

pub(super) fn discover(start: &Path) -> Result<Project, Diagnostics> {
    let disk = Disk::default();
    let start = BoundedRoot::new(disk.clone(), start).map_err(|error| unopened(start, &error))?;
    let start = start.path();
    let root = locate(&disk, start);
    if let Some(file) = misnamed_project(&disk, start, root.as_ref()) {
        return Err(file.into());
    }
    match root {
        Some(root) => open(&disk, &root),
        None => Err(no_project(&disk, start).into()),
    }
}

/// Number of directories below the one of the run in which a project is searched for the message, and of those named.
const SEARCHED: usize = 1000;
const NAMED: usize = 3;

/// Error: no project, with those that are one directory below.
fn no_project(disk: &Disk, start: &Path) -> Diagnostic {
    let error = Diagnostic::error(Rule::NoProject, format!("no project was found in `{}` or above", start.display()));
    let below = projects_below(disk, start);
    let Some(first) = below.first() else {
        return error
            .note("a project is a directory that contains `environments/base.yaml`, `base.yaml` or `septum.yaml`")
            .hint("run `septum init` to create one");
    };
    let mut names: Vec<_> = below.iter().take(NAMED).map(|directory| format!("`{}`", directory.display())).collect();
    if below.len() > NAMED {
        names.push(format!("{} more", below.len() - NAMED));
    }
    let last = names.pop().unwrap_or_default();
    let names = if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) };
    let error = match below.len() {
        1 => error.note(format!("there is one directly below, in {names}")),
        count => error.note(format!("there are {count} directly below, in {names}")),
    };
    let word = shell_path(first);
    let error = error.hint(format!("change to its directory, or name it: `-C {word}`"));
    if below.len() == 1 {
        return error;
    }
    error.hint(format!(
        "to use all as apps of one project, create `{PROJECT_FILE}` here with their directories in `apps`"
    ))
}

/// Directories in a directory that are projects, in their order. Those whose name begins with a dot are no one's.
fn projects_below(disk: &Disk, start: &Path) -> Vec<PathBuf> {
    let listed = disk.list(start).unwrap_or_default();
    let is_shown = |name: &OsStr| !name.as_encoded_bytes().starts_with(b".");
    let names = listed.iter().map(|entry| entry.name.as_os_str()).filter(|name| is_shown(name));
    let mut below: Vec<_> = names.map(|name| start.join(name)).collect();
    sort(&mut below);
    let base = format!("{BASE}.yaml");
    let is_project = |directory: &PathBuf| {
        let files = [directory.join(PROJECT_FILE), directory.join(DEFAULT_FOLDER).join(&base), directory.join(&base)];
        files.iter().any(|file| disk.has(file))
    };
    below.into_iter().take(SEARCHED).filter(is_project).collect()
}

/// Reports a file that would make another directory the project if it had the right name: a project file in or below
/// the root, or a base where there is no root.
fn misnamed_project(disk: &Disk, start: &Path, root: Option<&ProjectRoot>) -> Option<Diagnostic> {
    let last = root.map(ProjectRoot::directory);
    let wrong = |directory: &Path| {
        let settings = directory.join("septum.yml");
        let bases = [directory.join(DEFAULT_FOLDER).join("base.yml"), directory.join("base.yml")];
        let is_settings = disk.has(&settings) && !disk.has(&directory.join(PROJECT_FILE));
        let base = bases.into_iter().find(|base| root.is_none() && disk.has(base));
        is_settings.then_some((settings, PROJECT_FILE)).or(base.map(|base| (base, "base.yaml")))
    };
    let directories = start.ancestors().take_while(|directory| last.is_none_or(|last| directory.starts_with(last)));
    let (file, name) = directories.into_iter().find_map(wrong)?;
    let message = format!("`{}` is not read: its name is not `{name}`", file.display());
    Some(Diagnostic::error(Rule::UnknownFile, message).hint(format!("rename it to `{name}`")))
}

pub(super) fn locate(disk: &Disk, start: &Path) -> Option<ProjectRoot> {
    if let Some(root) = start.ancestors().find(|directory| disk.has(&directory.join(PROJECT_FILE))) {
        return Some(ProjectRoot::Settings(root.to_path_buf()));
    }
    let app = start.ancestors().find_map(|directory| {
        let apps = [directory.join(DEFAULT_FOLDER), directory.to_path_buf()];
        apps.into_iter().find(|app| has_base(disk, directory, app))
    });
    app.map(ProjectRoot::App)
}

/// Whether a directory is an app. The system follows a link to one, but not a link of a revision.
fn has_base(disk: &Disk, above: &Path, app: &Path) -> bool {
    let base = app.join(format!("{BASE}.yaml"));
    let is_link = || disk.snapshot().is_some() && matches!(disk.kind(app), Ok(Some(DirEntryKind::Link)));
    let is_linked = || BoundedRoot::new(disk.clone(), above).is_ok_and(|bounds| bounds.resolve(&base).is_ok());
    disk.has(&base) || is_link() && is_linked()
}

pub(super) fn open(disk: &Disk, root: &ProjectRoot) -> Result<Project, Diagnostics> {
    let sparse = if disk.is_real() { sparse_work_tree(root.directory()).ok().flatten() } else { None };
    let mut project = open_present(disk, root, sparse.as_ref())?;
    if let Some(SparseWorkTree { left_out, .. }) = &sparse {
        let Project { files, apps, shared, misnamed, .. } = &mut project;
        for app in apps {
            app.misnamed.extend(left_out_layers(files, &app.directory, left_out));
        }
        misnamed.extend(shared.iter().flat_map(|shared| left_out_layers(files, shared, left_out)));
    }
    Ok(project)
}

/// The project as far as it is in the work tree.
fn open_present(disk: &Disk, root: &ProjectRoot, sparse: Option<&SparseWorkTree>) -> Result<Project, Diagnostics> {
    let app = match root {
        ProjectRoot::Settings(root) => return with_settings(disk, root, sparse),
        ProjectRoot::App(app) => app,
    };
    let root = root.directory();
    let files = files_below(disk, root, sparse)?;
    let apps = vec![App::read(&files, app.clone())?];
    Ok(Project { files, apps, shared: None, output: None, references: Vec::new(), misnamed: Vec::new() })
}

/// Error: `apps` leads to no app, so that nothing would be checked or rendered.
fn no_app(settings: &Settings) -> Diagnostic {
    let message = match &settings.shared {
        Some(Located { value: shared, .. }) if !settings.apps.is_empty() => {
            format!("`apps` matches only `{shared}`, which is `shared`, and not an app")
        }
        _ => "`apps` is empty, so there is no app".to_owned(),
    };
    Diagnostic::error(Rule::NoApp, message)
        .at(settings.apps_place.clone())
        .hint("list the directories of the apps, such as `apps: [\"services/*\"]`")
}

fn files_below(disk: &Disk, root: &Path, sparse: Option<&SparseWorkTree>) -> Result<Arc<ProjectFiles>, Diagnostic> {
    let files = ProjectFiles::on_disk(disk.clone(), root).and_then(|files| match sparse {
        Some(sparse) => files.beside_left_out(sparse.disk.clone()),
        None => Ok(files),
    });
    files.map(Arc::new).map_err(|error| unopened(root, &error))
}

fn unopened(directory: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(Rule::Unreadable, format!("`{}` could not be opened: {error}", directory.display()))
}

fn with_settings(disk: &Disk, root: &Path, sparse: Option<&SparseWorkTree>) -> Result<Project, Diagnostics> {
    let files = files_below(disk, root, sparse)?;
    let root = files.root();
    let source = files.read_text(FileKind::ProjectFile, &root.join(PROJECT_FILE))?;
    let mut problems = Diagnostics::new();
    let settings = Settings::read(&source, &mut problems)?;
    let shared = settings.shared.as_ref().map(|directory| normalize_path(&root.join(&directory.value)));
    if let (Some(directory), Some(Located { place, .. })) = (&shared, &settings.shared) {
        let found = check_shared_directory(&files, directory);
        problems.extend(found.err().map(|problem| problem.at_public(place.clone(), PublicReason::Path)));
    }
    let output = settings.output.as_ref().map(|directory| normalize_path(&root.join(&directory.value)));
    if let (Some(directory), Some(Located { value, place })) = (&output, &settings.output) {
        let found = check_output_directory(&files, directory, value);
        problems.extend(found.err().map(|problem| problem.at_public(place.clone(), PublicReason::Path)));
    }
    let (mut apps, mut misnamed) = (Vec::new(), Vec::new());
    for Located { value: pattern, place } in &settings.apps {
        let place = || place.clone();
        match apps_at(&files, files.bounds(), pattern) {
            // apps that are left out as a whole are no part of the work tree
            Ok(found)
                if found.apps.is_empty() && found.misnamed.is_empty() && left_out_app(&files, pattern).is_some() => {}
            Ok(found) if found.apps.is_empty() && found.misnamed.is_empty() => problems.push(
                Diagnostic::error(Rule::NoApp, format!("`apps: {pattern}` matches no directory with a `base.yaml`"))
                    .at_public(place(), PublicReason::Path)
                    .hint(match deeper_pattern(&files, pattern) {
                        Some(deeper) => format!("`{deeper}` matches directories with one"),
                        None => "a pattern matches directories relative to the project file, such as `services/*`"
                            .to_owned(),
                    }),
            ),
            Ok(found) => {
                apps.extend(found.apps);
                misnamed.extend(found.misnamed);
            }
            Err(problem) => {
                let is_over = problem.rule == BUDGET_EXCEEDED;
                problems.push(problem.at_public(place(), PublicReason::Path));
                if is_over {
                    break;
                }
            }
        }
    }
    sort(&mut apps);
    apps.dedup();
    apps.retain(|directory| Some(directory) != shared.as_ref());
    if apps.is_empty() && misnamed.is_empty() && !problems.has_errors() {
        let mut left_out = settings.apps.iter().filter_map(|pattern| left_out_app(&files, &pattern.value));
        problems.push(left_out.next().unwrap_or_else(|| no_app(&settings)));
    }
    let read = |directory: PathBuf| App::read(&files, directory);
    let apps: Vec<App> = parallel::par_map(apps, FEW, read).into_iter().filter_map(|app| problems.take(app)).collect();
    if problems.has_errors() {
        return Err(problems);
    }
    if let Some(directory) = &shared {
        let listed = files.bounds().list(directory);
        let listed = listed.map_err(|refusal| refuse_file(&refusal, FileKind::Layer, &files.name(directory)))?;
        let environments = apps.iter().flat_map(|app| &app.environments).cloned().collect_set();
        let words = OnceCell::new();
        let is_extended = |name: &str| words.get_or_init(|| extended_words(&files, &apps, directory)).contains(name);
        let role = LayerDirectory::Shared { environments: &environments, is_extended: &is_extended };
        misnamed.extend(sort_files(&files, directory, &listed, role).misnamed);
    }
    Ok(Project { files, apps, shared, output, references: settings.references, misnamed })
}

/// Words of all layers beside a base that extend others: the names of the extended layers are among them.
fn extended_words(files: &ProjectFiles, apps: &[App], shared: &Path) -> HashSet<String> {
    let environments = apps.iter().flat_map(|app| &app.environments).collect_set();
    let names = environments.into_iter().flat_map(|name| files_of(name.as_str()));
    let paths = names.map(|name| shared.join(name)).chain(apps.iter().flat_map(App::files));
    let texts = paths.filter_map(|path| files.output_content(&path));
    words_of(texts.filter(|text| memmem::find(text, b"extends").is_some()))
}

/// Directories that a pattern of `apps` matches.
#[derive(Default)]
struct MatchedApps {
    apps: Vec<PathBuf>,
    /// Files that look like the base of an app, in directories that are not apps.
    misnamed: Vec<MisnamedFile>,
}

/// Rejects a directory of shared layers that is not in the project.
fn check_shared_directory(files: &ProjectFiles, directory: &Path) -> Result<(), Diagnostic> {
    match files.bounds().resolve(directory) {
        Ok(_) if files.bounds().is_directory(directory) => Ok(()),
        Ok(_) | Err(FileReadError::Missing | FileReadError::DanglingLink) => {
            Err(files.left_out(directory).unwrap_or_else(|| {
                let name = files.name(directory);
                let message = format!("`shared` is set to `{name}`, which is not a directory");
                Diagnostic::error(Rule::MissingFile, message)
                    .hint(format!("create it, or remove `shared` from `{PROJECT_FILE}`"))
            }))
        }
        Err(refusal) => Err(refuse_file(&refusal, FileKind::Layer, &files.name(directory))),
    }
}

/// Rejects an output directory outside of the project: the author of `septum.yaml` must not be able to write elsewhere
/// on the machine that renders.
fn check_output_directory(files: &ProjectFiles, directory: &Path, text: &str) -> Result<(), Diagnostic> {
    match files.bounds().resolve_new(directory) {
        Ok(_) => Ok(()),
        Err(FileReadError::Outside | FileReadError::LinkOut) => {
            Err(Diagnostic::error(Rule::OutsideProject, format!("`output: {text}` is outside the project"))
                .note("the project file can only specify an output directory inside the project")
                .hint("specify a directory inside the project, or use `render --out DIR`"))
        }
        Err(refusal) => Err(refuse_file(&refusal, FileKind::Output, &files.name(directory))),
    }
}

/// The pattern for apps in the directories that a pattern without apps matches, if there are any.
fn deeper_pattern(files: &ProjectFiles, pattern: &str) -> Option<String> {
    let below = format!("{}/*", pattern.trim_end_matches('/'));
    let apps = apps_at(files, files.bounds(), &below).ok()?.apps;
    let name = apps.first()?.file_name()?.to_str()?;
    let is_common = apps.iter().all(|app| app.file_name().is_some_and(|other| other == name));
    Some(if is_common { format!("{}/{name}", pattern.trim_end_matches('/')) } else { below })
}

/// Error for an app that a pattern would match, and that a sparse checkout leaves out; none without one.
fn left_out_app(files: &ProjectFiles, pattern: &str) -> Option<Diagnostic> {
    let found = apps_at(files, files.complete_bounds()?, pattern).ok()?;
    found.apps.iter().find_map(|app| files.left_out(&app.join(format!("{BASE}.yaml"))))
}

/// Directories that match a pattern and contain a `base.yaml`.
fn apps_at(files: &ProjectFiles, root: &BoundedRoot, pattern: &str) -> Result<MatchedApps, Diagnostic> {
    let found = find_matching(root, root.path(), pattern).map_err(|error| match error {
        GlobError::Outside => {
            Diagnostic::error(Rule::OutsideProject, format!("`apps: {pattern}` is outside the project"))
                .hint("move `septum.yaml` up to a directory that contains all apps")
        }
        GlobError::Invalid { part, reason } => {
            Diagnostic::error(Rule::ProjectFile, format!("`{part}` is not a valid glob: {reason}"))
        }
        GlobError::Unreadable(directory, refusal) => refuse_file(&refusal, FileKind::Layer, &files.name(&directory)),
        GlobError::TooMuch(budget) => {
            budget.budget_diagnostic().hint("use fewer and narrower patterns for the directories of the apps")
        }
    })?;
    let app = |directory: PathBuf| match root.list(&directory) {
        // its environments are determined from the same list
        Ok(_) if root.has(&directory.join(format!("{BASE}.yaml"))) => {
            Ok(MatchedApps { apps: vec![directory], misnamed: Vec::new() })
        }
        Ok(listed) => {
            let misnamed = like_a_base(files, &directory, &listed).into_iter().collect();
            Ok(MatchedApps { apps: Vec::new(), misnamed })
        }
        // a file or a missing path is not an app
        Err(FileReadError::Missing | FileReadError::DanglingLink) => Ok(MatchedApps::default()),
        // an unreadable directory is an error, whether it would be an app or not
        Err(refusal) => Err(refuse_file(&refusal, FileKind::Layer, &files.name(&directory))),
    };
    let mut all = MatchedApps::default();
    for found in parallel::par_map(found, FEW, app) {
        let MatchedApps { apps, misnamed } = found?;
        all.apps.extend(apps);
        all.misnamed.extend(misnamed);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn one_app_needs_no_project_file() {
        let dir = tree(&[("environments/base.yaml", ""), ("environments/dev.yaml", ""), ("src/main.rs", "")]);
        for start in ["", "src", "environments"] {
            let project = discover(&dir.path().join(start)).unwrap();
            assert_eq!(project.files.name(&project.apps[0].directory), "environments", "from `{start}`");
        }
    }

    #[test]
    fn globs_find_directories_with_a_base() {
        let dir = tree(&[
            ("septum.yaml", "apps: [\"services/*\", \"teams/**\"]\nshared: environments\n"),
            ("environments/base.yaml", ""),
            ("services/b/base.yaml", ""),
            ("services/a/base.yaml", ""),
            ("services/docs/README.md", ""),
            ("teams/x/y/base.yaml", ""),
        ]);
        let project = discover(&dir.path().join("services/a")).unwrap();
        let names: Vec<_> = project.apps.iter().map(|app| project.files.name(&app.directory)).collect();
        assert_eq!(names, ["services/a", "services/b", "teams/x/y"]);
    }

    #[test]
    fn a_pattern_without_a_match_is_an_error() {
        let dir = tree(&[("septum.yaml", "apps: [\"servcies/*\", \"../x\"]\n"), ("services/a/base.yaml", "")]);
        let rules: Vec<_> =
            discover(dir.path()).unwrap_err().into_sorted().iter().map(|problem| problem.rule).collect();
        assert_eq!(rules, [Rule::NoApp, Rule::OutsideProject]);
    }

    #[test]
    fn a_project_without_an_app_is_an_error() {
        for settings in ["apps: []\n", "apps: [environments]\nshared: environments\n"] {
            let dir = tree(&[("septum.yaml", settings), ("environments/base.yaml", "")]);
            let rules: Vec<_> =
                discover(dir.path()).unwrap_err().into_sorted().iter().map(|problem| problem.rule).collect();
            assert_eq!(rules, [Rule::NoApp], "{settings}");
        }
    }

    #[test]
    fn without_a_project_the_way_to_one_is_named() {
        let dir = tree(&[("README.md", "")]);
        let error = discover(dir.path()).unwrap_err().into_sorted().remove(0);
        assert_eq!(error.rule.id(), "no-project");
        assert!(error.hints[0].contains("septum init"));
    }
}
