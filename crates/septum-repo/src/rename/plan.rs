//! Plan of a renaming: the entry, the files, and their new bytes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::{FileEditor, FileUse, RenamedFile, collect_edits, files_of_app};
use super::text::{KeyChange, NameKind};
use super::verify::{AppState, KeyBundle, compare_states, project_with};
use crate::check::find_unused_mixins;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule, Severity, did_you_mean};
use crate::name::{EntryId, KeyName};
use crate::pipeline::Pipeline;
use crate::project::App;
use crate::secret_files::{ContentBefore, FileRewrite, WaitCallback, write_all};
use crate::sops::{Identities, Timestamp};
use crate::sort::{CollectSorted, sort};
use crate::span::{Location, Source};

/// Request to rename a key.
pub struct RenameRequest<'a> {
    /// The project.
    pub pipeline: &'a Pipeline<'a>,
    /// Apps in which the key is searched.
    pub apps: &'a [&'a App],
    /// Its bundle, if one was given.
    pub bundle: Option<&'a str>,
    /// Present name of the key.
    pub old: &'a str,
    /// New name of the key.
    pub new: &'a str,
    /// Creates the identities by which the result is verified.
    pub identities: fn() -> Identities,
    /// The current time.
    pub now: Timestamp,
}

/// Outcome of planning.
pub enum RenameOutcome {
    /// There is nothing to rename, for this reason.
    Nothing(String),
    /// The plan.
    Planned(RenamePlan),
}

/// A place that will have the new name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RenamedPlace {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Its kind.
    pub kind: NameKind,
}

/// Verified changes of all files.
pub struct RenamePlan {
    /// The present name of the key.
    pub from: KeyName,
    /// Its new name.
    pub to: KeyName,
    /// All places, sorted.
    pub places: Vec<RenamedPlace>,
    /// Warnings about parts that were not checked.
    pub warnings: Diagnostics,
    /// Workloads that read all keys of the object, and so see the new name.
    pub readers: Vec<String>,
    files: Vec<RenamedFile>,
}

impl RenamePlan {
    /// Number of files that change.
    pub fn count_files(&self) -> usize {
        self.files.len()
    }

    /// Files that change, each with its path and its new bytes.
    pub fn edited_files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|file| (file.staged.path.as_path(), file.staged.bytes.as_slice()))
    }

    /// Writes all files, or none.
    pub fn write_files(self, waiting: WaitCallback<'_>) -> Result<(), Diagnostics> {
        let rewrite = |file: RenamedFile| FileRewrite::unless_changed(ContentBefore::Content(file.before), file.staged);
        write_all(self.files.into_iter().map(rewrite).collect(), waiting).map(drop)
    }
}

impl RenameRequest<'_> {
    /// Plans the renaming and verifies its result. Nothing is written.
    pub fn plan(&self) -> Result<RenameOutcome, Diagnostics> {
        let misnamed = self.pipeline.library.project.name_errors(self.apps.iter().copied());
        if misnamed.has_errors() {
            return Err(misnamed);
        }
        let states = survey_apps(self.pipeline, self.apps)?;
        let (bundle, states) = match self.find_key(states)? {
            FoundKey::Nothing(why) => return Ok(RenameOutcome::Nothing(why)),
            FoundKey::Key(bundle, states) => (bundle, states),
        };
        let (mut files, mut warnings) = (BTreeMap::new(), Diagnostics::new());
        let mut problems = Diagnostics::new();
        for state in &states {
            // what is wrong may be why a name is not found
            warnings
                .extend(state.errors.iter().map(|error| Diagnostic { severity: Severity::Warning, ..error.clone() }));
            let app = state.survey.app.as_str();
            // the own bundle of every app that shares the layer
            let bundle = bundle.name_in(state);
            let change = KeyChange { bundle, is_own: bundle == app, old: self.old, new: self.new };
            // without `bundle`, it is about the key of `data`
            let renames_allowed = change.is_own || !state.has_in_other_bundle(self.old, bundle);
            let editor = FileEditor { pipeline: self.pipeline, change, app, renames_allowed, now: self.now };
            let incoming = self.incoming_files(state.app).map(|name| (name, FileUse::Layer));
            for (name, usage) in files_of_app(&state.survey, change).into_iter().chain(incoming) {
                // apps share layers
                if let Entry::Vacant(entry) = files.entry(name) {
                    match editor.edit_file(entry.key(), usage, &mut warnings) {
                        Ok(edited) => drop(entry.insert(edited)),
                        Err(found) => problems.extend(found),
                    }
                }
            }
            warnings.extend(self.find_unused_mentions(state, change));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let files: Vec<RenamedFile> = files.into_values().flatten().collect();
        if files.is_empty() {
            return Ok(RenameOutcome::Nothing(format!("no file names `{}`", self.old)));
        }
        self.verify_files(&files, &bundle, &states)?;
        Ok(RenameOutcome::Planned(self.create_plan(&states, &bundle, files, warnings)))
    }

    /// Names of files with values that wait to be merged into those of environments; not all of them exist.
    fn incoming_files(&self, app: &App) -> impl Iterator<Item = String> {
        let files = &self.pipeline.library.project.files;
        app.environments.iter().map(|environment| files.name(&app.incoming_file(environment)))
    }

    /// Warnings about mixins that name the key, and that no layer extends: they may be files of another program.
    fn find_unused_mentions(&self, state: &AppState<'_>, change: KeyChange<'_>) -> Diagnostics {
        let mixins = match find_unused_mixins(self.pipeline.library.project, state.app, &state.survey) {
            Ok(mixins) => mixins,
            Err(problem) => return Diagnostic { severity: Severity::Warning, ..problem }.into(),
        };
        let app = state.survey.app.as_str();
        let mention = |source: &Source| {
            let edits = collect_edits(change, app, true, source, FileUse::Layer).ok()?;
            let (_, place) = edits.places().next()?;
            let message = format!("`{}` still names `{}`: no layer extends it", source.name(), self.old);
            let warning = Diagnostic::warning(Rule::UnusedLayer, message).at_public(place, PublicReason::Name);
            Some(warning.hint(format!("write `{}` there before a layer extends it", self.new)))
        };
        mixins.iter().filter_map(mention).collect()
    }

    fn create_plan(
        &self,
        states: &[AppState<'_>],
        bundle: &KeyBundle,
        files: Vec<RenamedFile>,
        warnings: Diagnostics,
    ) -> RenamePlan {
        let place = |(kind, place): &(NameKind, Location)| RenamedPlace {
            file: place.source.name().to_owned(),
            line: place.span.line,
            column: place.span.column,
            kind: *kind,
        };
        let mut places: Vec<_> = files.iter().flat_map(|file| &file.places).map(place).collect();
        sort(&mut places);
        let readers = states.iter().flat_map(|state| {
            let bundle = bundle.name_in(state);
            state.find_readers(self.pipeline, &EntryId { bundle: bundle.into(), key: self.old.into() })
        });
        let readers = readers.collect_set();
        RenamePlan {
            from: self.old.into(),
            to: self.new.into(),
            places,
            warnings,
            readers: readers.into_iter().collect(),
            files,
        }
    }

    /// The bundle of the key, and the apps that have it.
    fn find_key<'s>(&self, states: Vec<AppState<'s>>) -> Result<FoundKey<'s>, Diagnostics> {
        let (mut with_old, mut with_new, mut bundles) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut known = BTreeSet::new();
        let mut errors = Diagnostics::new();
        for state in states {
            let found = state.find_entries(self.bundle, self.old);
            with_new.extend(state.find_entries(self.bundle, self.new));
            known.extend(state.keys());
            if found.is_empty() {
                errors.extend(state.errors);
                continue;
            }
            bundles.extend(found.iter().map(|(bundle, ..)| bundle.clone().shared()));
            with_old.push((state, found));
        }
        let Some((_, first)) = with_old.first() else {
            return match with_new.first() {
                Some(_) => Ok(FoundKey::Nothing(format!("`{}` is the name already", self.new))),
                // a layer that cannot be read may have it
                None if errors.has_errors() => Err(errors),
                None => Err(self.unknown_key(&known).into()),
            };
        };
        if bundles.len() > 1 {
            let own = first.iter().find(|(bundle, ..)| bundle.is_own).map(|(bundle, ..)| bundle.name.as_str());
            let name = |bundle: &KeyBundle| if bundle.is_own { own.unwrap_or("data") } else { &bundle.name }.to_owned();
            let names: Vec<_> = bundles.iter().map(|bundle| format!("`{}`", name(bundle))).collect();
            let message = format!("`{}` is a key of several bundles", self.old);
            let note = format!("in {}", names.join(", "));
            return Err(Diagnostic::error(Rule::Usage, message).note(note).hint("specify one: `BUNDLE/KEY`").into());
        }
        // a key of several apps is one key only if they share the layer that defines it
        let place = first.first().map(|(_, place, _)| place.source.name().to_owned());
        let is_shared = |(_, found): &(AppState<'_>, Vec<_>)| {
            found
                .iter()
                .any(|(_, defined, _): &(KeyBundle, Location, _)| Some(defined.source.name()) == place.as_deref())
        };
        if with_old.len() > 1 && !with_old.iter().all(is_shared) {
            let choice = self.pipeline.library.choose_app(with_old.iter().map(|(state, _)| state.app));
            let error = Diagnostic::error(Rule::Usage, format!("`{}` is defined more than once", self.old));
            let error = choice.labels.iter().fold(error, |error, app| error.note(format!("in the app {app}")));
            return Err(error.hint(choice.hint).into());
        }
        let is_begun = first.iter().any(|(_, _, is_former)| *is_former);
        if let Some((_, place, _)) = with_new.first().filter(|_| !is_begun) {
            let message = format!("`{}` cannot be renamed to `{}`, which exists", self.old, self.new);
            let error = Diagnostic::error(Rule::ConflictingNames, message).at(place.clone());
            return Err(error.hint("choose another name, or remove this key first").into());
        }
        match bundles.pop_first() {
            Some(bundle) => Ok(FoundKey::Key(bundle, with_old.into_iter().map(|(state, _)| state).collect())),
            None => Ok(FoundKey::Nothing(format!("no file names `{}`", self.old))),
        }
    }

    /// Error: an app that is not renamed shares a layer.
    fn shared_key(&self, app: &str, first: &Diagnostic) -> Diagnostic {
        let message = format!("the app `{app}` uses `{}` of a layer that it shares", self.old);
        let error = Diagnostic::error(Rule::NotRenamed, message);
        let error = match first.labels.first() {
            Some(label) => error.at_masked(label.place.clone()),
            None => error,
        };
        error.hint("run the command without `--app`, which renames the key in all of them")
    }

    fn unknown_key(&self, known: &BTreeSet<String>) -> Diagnostic {
        // the text in the place of a key may be a value
        Diagnostic::error(Rule::UnknownKey, "no app has a key of that name")
            .maybe_hint(did_you_mean(self.old, known.iter().map(String::as_str)))
            .hint("`septum list` shows all keys")
    }

    /// Resolves the project with the new files, all apps of it, and compares it with the one on disk.
    fn verify_files(
        &self,
        files: &[RenamedFile],
        bundle: &KeyBundle,
        states: &[AppState<'_>],
    ) -> Result<(), Diagnostics> {
        let project = self.pipeline.library.project;
        let contents: BTreeMap<PathBuf, Vec<u8>> =
            files.iter().map(|file| (file.staged.path.clone(), file.staged.bytes.clone())).collect_map();
        let renamed = project_with(project, contents)?;
        let pipeline = Pipeline::new(&renamed, (self.identities)());
        let mut problems = Diagnostics::new();
        for app in &project.apps {
            let Some(before) = AppState::of_app(self.pipeline, app, &mut Diagnostics::new()) else { continue };
            let Some(twin) = renamed.apps.iter().find(|twin| twin.directory == app.directory) else { continue };
            let is_renamed = states.iter().any(|state| state.app.directory == app.directory);
            let from = EntryId { bundle: bundle.name_in(&before).into(), key: self.old.into() };
            let new = if is_renamed { self.new } else { self.old };
            let mut found = Diagnostics::new();
            if let Some(after) = AppState::of_app(&pipeline, twin, &mut found) {
                found.extend(compare_states(&before, &after, &from, &new.into()));
            }
            match found.iter().next() {
                Some(first) if !is_renamed => problems.push(self.shared_key(before.survey.app.as_str(), first)),
                _ => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.into_iter().map(unwritten).collect()) }
    }
}

/// Result of the search for the key.
enum FoundKey<'s> {
    /// Nothing is to be done, for this reason.
    Nothing(String),
    /// The bundle, and the apps.
    Key(KeyBundle, Vec<AppState<'s>>),
}

fn unwritten(problem: Diagnostic) -> Diagnostic {
    // what is rendered has no text of its own that could be edited, and a text that is a template may not be searched
    let is_rendered = problem.labels.first().is_some_and(|label| label.place.source.name().ends_with("(rendered)"));
    let hint = match problem.rule {
        _ if is_rendered => Some("write the new name in the template of this manifest, then run the command again"),
        Rule::DanglingReference => Some("write the new name in this place, then run the command again"),
        _ => None,
    };
    let hint = hint.map(str::to_owned);
    problem.note("with the new name; nothing was written").maybe_hint(hint)
}

/// All apps, resolved.
fn survey_apps<'p>(pipeline: &Pipeline<'p>, apps: &[&'p App]) -> Result<Vec<AppState<'p>>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let states = apps.iter().filter_map(|app| AppState::of_app(pipeline, app, &mut problems)).collect();
    if problems.is_empty() { Ok(states) } else { Err(problems) }
}
