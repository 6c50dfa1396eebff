//! Layers that no environment has: mixins that no layer extends, and the base of an app without environments. What is in
//! them is in Git like everything else, and in a rendered object as soon as somebody uses them.

use std::collections::BTreeSet;
use std::mem;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::allow::{self, AcceptanceDays};
use super::checker::{self, AppChecker};
use super::finding::Finding;
use super::places::EntryIndex;
use super::results::CheckResults;
use super::staged::StagedEntryRefs;
use super::unencrypted::is_of_tree;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::disk::{DirEntryKind, RealPath, walk_files};
use crate::files::{FileKind, InputQuery, refuse_file};
use crate::map::HashSet;
use crate::name::EnvironmentName;
use crate::pipeline::Survey;
use crate::project::{App, BASE, LAYER_FIELDS, Project};
use crate::sort::CollectSorted;
use crate::span::{Source, Span};
use crate::yaml::node::YamlKind;
use crate::yaml::read;

/// Fields of which a mixin has one: the others are also those of files of other programs.
const FIELDS_OF_MIXINS: [&str; 4] = ["data", "bundles", "vars", "extends"];

impl AppChecker<'_> {
    /// Checks the base of an app without environments, and its mixins.
    pub(super) fn check_without_environments(self, app: &App, found: &mut CheckResults) {
        let survey = self.check_unused(app, &[BASE.into()], None, found);
        let used = used_files(&survey);
        self.check_unused_mixins(app, &app.directory, (&used, false), found);
        found.shared_layers.extend(shared_among(self.pipeline.library.project, used));
    }

    /// Checks the mixins in a directory that are not among some used files. That no layer extends them is known only if
    /// all layers could be read.
    pub(super) fn check_unused_mixins(
        self,
        app: &App,
        directory: &Path,
        (used, is_known): (&BTreeSet<String>, bool),
        found: &mut CheckResults,
    ) {
        let project = self.pipeline.library.project;
        let files = &project.files;
        let mixins = match find_mixins(project, directory, used) {
            Ok(mixins) => mixins,
            Err(problem) => {
                found.findings.push(Finding::new_finding(problem, None, None, None));
                return;
            }
        };
        if mixins.is_empty() {
            return;
        }
        let names: Vec<EnvironmentName> = mixins.iter().map(|(name, _)| name.as_str().into()).collect();
        let of_mixins = names.iter().flat_map(|name| self.pipeline.library.files(app, name.as_str()));
        let of_mixins: BTreeSet<String> = of_mixins.map(|path| files.name(&path)).collect_set();
        let of_mixins = of_mixins.difference(used).cloned().collect_set();
        let survey = self.check_unused(app, &names, Some(&of_mixins), found);
        if !is_known {
            return;
        }
        let layers = survey.readable().flat_map(|resolved| &resolved.definition.layers);
        let extended: HashSet<&str> =
            layers.flat_map(|layer| &layer.extends).map(|extended| extended.value.as_str()).collect();
        let told = mixins.iter().filter(|(name, _)| !extended.contains(name.as_str()));
        let told = told.map(|(name, source)| unused_layer(name, source));
        let told = told.map(|problem| Finding::new_finding(problem, None, None, None));
        found.findings.extend(told.filter(|it| self.is_staged(it)));
    }

    /// Checks the shared mixins that no app uses.
    pub(super) fn check_unused_shared(self, found: &mut CheckResults) {
        let project = self.pipeline.library.project;
        let (Some(directory), Some(app)) = (&project.shared, project.apps.first()) else { return };
        let used = mem::take(&mut found.shared_layers);
        self.check_unused_mixins(app, directory, (&used, !found.is_partial), found);
    }

    fn is_staged(self, finding: &Finding) -> bool {
        self.scope.only.is_none_or(|only| only.has_finding(finding, &StagedEntryRefs::default()))
    }

    /// Checks layers by themselves. Only findings in some of the files are wanted, if these are given.
    fn check_unused(
        self,
        app: &App,
        layers: &[EnvironmentName],
        wanted: Option<&BTreeSet<String>>,
        found: &mut CheckResults,
    ) -> Survey {
        let mut problems = Diagnostics::new();
        let survey = self.pipeline.survey_unused_layers(app, layers, &mut problems);
        let places = EntryIndex::of(&survey);
        let of_layers = places.findings(problems, None).into_iter().map(Finding::of_layers);
        let mark =
            |finding: Finding| if finding.diagnostic.rule.is_of_yaml() { finding.mark_unjudged() } else { finding };
        let mut findings: Vec<_> = of_layers.map(mark).collect();
        let of_files = checker::without_covered(self.check_layers(&survey, layers, &places));
        findings.extend(of_files.into_iter().map(Finding::without_environment));
        findings.retain(|finding| {
            let file = finding.file();
            let is_wanted = |wanted: &BTreeSet<String>| file.is_some_and(|file| wanted.contains(file));
            wanted.is_none_or(is_wanted) && self.is_staged(finding)
        });
        let days = AcceptanceDays { today: self.scope.today, is_locked: false };
        let (accepted, findings) = allow::split_accepted(findings, &survey, layers, days, &places, &mut found.usage);
        found.findings.extend(findings);
        found.accepted.extend(accepted);
        survey
    }
}

/// Files of shared layers among some, by their names in messages.
pub(super) fn shared_among(project: &Project, files: BTreeSet<String>) -> BTreeSet<String> {
    let Some(shared) = &project.shared else { return BTreeSet::new() };
    let below = format!("{}/", project.files.name(shared));
    files.into_iter().filter(|file| file.starts_with(&below)).collect_set()
}

/// Files that the environments of an app consist of, or refer to, by their names in messages.
pub(super) fn used_files(survey: &Survey) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for resolved in survey.readable() {
        used.extend(resolved.definition.files.iter().map(|source| source.name().to_owned()));
        used.extend(resolved.files.recorded_queries().iter().filter_map(|query| match query {
            InputQuery::File(path) => Some(resolved.files.name(path)),
            InputQuery::Matching(..) => None,
        }));
    }
    used
}

/// Files of an app that have the content of a mixin, and that no layer of its environments extends.
pub fn find_unused_mixins(project: &Project, app: &App, survey: &Survey) -> Result<Vec<Source>, Diagnostic> {
    let mixins = find_mixins(project, &app.directory, &used_files(survey))?;
    Ok(mixins.into_iter().map(|(_, source)| source).collect())
}

/// Files below a directory that have the content of a mixin and are not used, each with the name of the layer.
fn find_mixins(
    project: &Project,
    directory: &Path,
    used: &BTreeSet<String>,
) -> Result<Vec<(String, Source)>, Diagnostic> {
    let files = &project.files;
    let listed = files.bounds().list(directory).unwrap_or_default();
    if !listed.iter().any(|entry| entry.kind == DirEntryKind::Directory) {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    let walked = walk_files(files.disk(), directory, FileKind::IgnoreRules.limit(), &mut |path| {
        if may_be_mixin(directory, path) {
            paths.push(path.to_path_buf());
        }
        ControlFlow::Continue(())
    });
    walked.map_err(|(path, refusal)| refuse_file(&refusal, FileKind::IgnoreRules, &files.name(&path)))?;
    paths.retain(|path| !used.contains(&files.name(path)) && !is_in_another(project, directory, path));
    if !paths.is_empty() {
        // a layer may be a link to it
        let resolve = |name: &String| files.bounds().resolve(&files.root().join(name)).ok();
        let used: Vec<_> = used.iter().filter_map(resolve).collect();
        let used: BTreeSet<&Path> = used.iter().map(RealPath::as_path).collect_set();
        paths.retain(|path| !used.contains(path.as_path()));
    }
    let read = |path: PathBuf| {
        let source = files.read_text(FileKind::Layer, &path).ok()?;
        let name = files.name(path.strip_prefix(directory).ok()?);
        let name = name.strip_suffix(".yaml")?.replace('\\', "/");
        has_fields_of_mixin(&source).then_some((name, source))
    };
    Ok(paths.into_iter().filter_map(read).collect())
}

/// Whether the path of a file could be that of a mixin.
fn may_be_mixin(directory: &Path, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_layer = name.strip_suffix(".yaml").is_some_and(|name| !name.contains('.'));
    is_layer && path.parent().is_some_and(|parent| parent != directory)
}

/// Whether a file belongs to an app in a directory below, to the shared layers there, or to a tree of output.
fn is_in_another(project: &Project, directory: &Path, path: &Path) -> bool {
    let bounds = project.files.bounds();
    let is_other = |below: &Path| bounds.has(&below.join("base.yaml")) || project.shared.as_deref() == Some(below);
    let mut between = path.ancestors().skip(1).take_while(|below| *below != directory);
    between.any(is_other) || is_of_tree(bounds, path)
}

/// Whether a file has fields of a layer only, one of which tells it from files of other programs.
fn has_fields_of_mixin(source: &Source) -> bool {
    let Ok(root) = read::read_document(source) else { return false };
    let YamlKind::Map(map) = root.kind else { return false };
    map.keys().all(|key| LAYER_FIELDS.contains(&&*key.text))
        && map.keys().any(|key| FIELDS_OF_MIXINS.contains(&&*key.text))
}

fn unused_layer(name: &str, source: &Source) -> Diagnostic {
    Diagnostic::warning(Rule::UnusedLayer, format!("no layer extends `{name}`"))
        .at_masked(source.place(Span::locate(source.text(), 0, 0)))
        .hint(format!("name it under `extends` of an environment: `extends: [{name}]`, or remove it"))
}
