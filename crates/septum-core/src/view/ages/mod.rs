//! Age of each value by the history of its file, and the days on which it has to be replaced.

mod calendar;
mod leaf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use calendar::to_calendar;
pub use leaf::AgeBasis;
use leaf::{LayerVersions, LeafPath, ValueAge};

use crate::diagnostic::{Diagnostic, Rule};
use crate::files::FileKind;
use crate::git::FileHistory;
use crate::layer::{Entry, EntrySource};
use crate::name::{EntryId, EnvironmentName};
use crate::object::certificate_end;
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedTarget};
use crate::route::Sensitivity;
use crate::sops::{Identities, RedactedFile, SopsFormat};
use crate::span::{Location, Source};
use crate::time::{Day, DayCount};
use crate::view::StackOrder;
use crate::yaml::node::YamlNode;
use crate::yaml::read::read_document;

/// Usual period before the end of a value in which it is reported.
pub const USUAL_NOTICE: DayCount = DayCount::of_days(30);

/// A value that a layer sets, with its age. Serialised in `list --age --format json`.
#[derive(Debug, Clone, Serialize)]
pub struct AgedValue {
    /// Name of the app.
    pub app: String,
    /// Name of the bundle.
    pub bundle: String,
    /// Name of the key.
    pub key: String,
    /// Whether it goes to a Secret.
    pub sensitive: bool,
    /// Environments that have this value.
    pub environments: Vec<String>,
    /// Location of the value.
    pub source: String,
    /// Day on which it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// Certainty of that day.
    pub basis: AgeBasis,
    /// Number of days since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<i64>,
    /// Last day on which it is valid, by its rule or its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Day by which it must be replaced, by `rotateEvery`.
    #[serde(rename = "rotateBy", skip_serializing_if = "Option::is_none")]
    pub rotate_by: Option<String>,
    /// Person or team in charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Instructions for the replacement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<String>,
    /// Rules that it breaks.
    pub findings: Vec<&'static str>,
    /// Days by which it has to be replaced.
    #[serde(skip)]
    pub deadlines: ValueDeadlines,
    /// Whether its last day is that of a certificate.
    #[serde(skip)]
    pub is_of_certificate: bool,
}

/// Days by which a value has to be replaced.
#[derive(Debug, Clone, Default)]
pub struct ValueDeadlines {
    /// Last day on which it is valid, and where that is written.
    pub expires: Option<(Day, Location)>,
    /// Day by which it must be replaced, and where that is written.
    pub rotate_by: Option<(Day, Location)>,
}

/// Finding about the age of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleFinding {
    /// It is no longer valid.
    Expired,
    /// It will soon not be valid.
    Expiring,
    /// It should have been replaced.
    Overdue,
}

impl LifecycleFinding {
    /// Its rule.
    pub fn rule(self) -> Rule {
        match self {
            Self::Expired => Rule::ExpiredSecret,
            Self::Expiring => Rule::ExpiringSecret,
            Self::Overdue => Rule::OverdueRotation,
        }
    }
}

impl ValueDeadlines {
    /// Findings on a day.
    pub fn findings(&self, day: Day, notice: DayCount) -> Vec<LifecycleFinding> {
        let mut found = Vec::new();
        match &self.expires {
            Some((last, _)) if *last < day => found.push(LifecycleFinding::Expired),
            Some((last, _)) if *last <= day.plus(notice) => found.push(LifecycleFinding::Expiring),
            _ => {}
        }
        if self.rotate_by.as_ref().is_some_and(|(by, _)| *by < day) {
            found.push(LifecycleFinding::Overdue);
        }
        found
    }
}

/// Ages of the values of an app.
pub struct AgeReport<'a> {
    survey: &'a Survey,
    root: &'a Path,
    history: Option<FileHistory>,
    identities: &'a Identities,
}

/// A layer whose values have an age.
enum DatedLayer<'a> {
    WithHistory {
        versions: LayerVersions<'a>,
        /// The file on disk.
        root: Option<YamlNode>,
    },
    /// Without a history, all of its values have one age.
    Alone(ValueAge),
}

/// A value: the entry, and the location that sets it.
type ValueKey = (EntryId, String, usize);

impl<'a> AgeReport<'a> {
    /// Reads the history of all files that set values of an app.
    pub fn read(
        survey: &'a Survey,
        root: &'a Path,
        wanted: &[EnvironmentName],
        identities: &'a Identities,
    ) -> Result<Self, Diagnostic> {
        let mut files = BTreeSet::new();
        for (resolved, _, entry) in entries_of(survey, wanted) {
            files.extend(entry.source.as_ref().map(|source| root.join(source.place.source.name())));
            if let Some(EntrySource::File(path) | EntrySource::Template(path)) =
                entry.source.as_ref().map(|source| &source.value)
            {
                files.insert(root.join(resolved.files.name(path)));
            }
        }
        let files: Vec<PathBuf> = files.into_iter().collect();
        let history = FileHistory::of_files(root, &files)?;
        Ok(Self { survey, root, history, identities })
    }

    /// The same without ages.
    pub fn without_ages(survey: &'a Survey, root: &'a Path, identities: &'a Identities) -> Self {
        Self { survey, root, history: None, identities }
    }

    /// All values of the environments, each once for each place that sets it.
    pub fn values(&self, wanted: &[EnvironmentName], day: Day, notice: DayCount) -> Vec<AgedValue> {
        let mut found: BTreeMap<ValueKey, AgedValue> = BTreeMap::new();
        let mut layers: BTreeMap<String, Vec<(ValueKey, &ResolvedTarget, &Entry)>> = BTreeMap::new();
        for (resolved, id, entry) in entries_of(self.survey, wanted) {
            let place = entry.place();
            let name = place.source.name().to_owned();
            let key = (id.clone(), name.clone(), place.span.start);
            match found.get_mut(&key) {
                Some(known) => known.environments.push(resolved.definition.environment.to_string()),
                None => {
                    found.insert(key.clone(), self.new_value(resolved, &id, entry));
                    layers.entry(name).or_default().push((key, resolved, entry));
                }
            }
        }
        for (name, entries) in layers {
            let Some((_, resolved, _)) = entries.first() else { continue };
            let layer = self.read_layer(&name, resolved);
            for (key, resolved, entry) in entries {
                let age = self.age_of(&layer, resolved, &key.0, entry);
                if let Some(value) = found.get_mut(&key) {
                    value.set_age(age, entry, day, notice);
                }
            }
        }
        let order = StackOrder::of([self.survey]);
        for value in found.values_mut() {
            order.sort(&mut value.environments);
        }
        found.into_values().collect()
    }

    fn new_value(&self, resolved: &ResolvedTarget, id: &EntryId, entry: &Entry) -> AgedValue {
        let text = resolved.entries.get(id).and_then(|value| value.outcome.known()).and_then(|known| known.text());
        let of_certificate = || Some((certificate_end(text?)?, entry.place().clone()));
        let of_rule = entry.rules.expires.as_ref().map(|rule| (rule.value, rule.place.clone()));
        let is_of_certificate = of_rule.is_none();
        let expires = of_rule.or_else(of_certificate);
        AgedValue {
            app: self.survey.app.to_string(),
            bundle: id.bundle.to_string(),
            key: id.key.to_string(),
            sensitive: self.survey.routing.sensitivity(id) == Sensitivity::Sensitive,
            environments: vec![resolved.definition.environment.to_string()],
            source: entry.place().to_string(),
            changed: None,
            basis: AgeBasis::Unknown,
            age: None,
            expires: expires.as_ref().map(|(day, _)| day.to_string()),
            rotate_by: None,
            owner: entry.rules.owner.as_ref().map(|rule| rule.value.clone()),
            rotation: entry.rules.rotation.as_ref().map(|rule| rule.value.clone()),
            findings: Vec::new(),
            deadlines: ValueDeadlines { expires, rotate_by: None },
            is_of_certificate,
        }
    }

    /// Reads a layer as it is on disk, and its history: once for all of its values.
    fn read_layer<'n>(&'n self, name: &'n str, resolved: &ResolvedTarget) -> DatedLayer<'n> {
        let path = self.root.join(name);
        let on_disk = resolved.files.read_text(FileKind::Layer, &path).ok();
        match &self.history {
            Some(history) => DatedLayer::WithHistory {
                versions: LayerVersions::read(name, &path, history, self.identities),
                root: on_disk.and_then(|source| read_document(&source).ok()),
            },
            None => DatedLayer::Alone(last_modified(name, on_disk.as_ref().map(Source::text))),
        }
    }

    fn age_of(&self, layer: &DatedLayer<'_>, resolved: &ResolvedTarget, id: &EntryId, entry: &Entry) -> ValueAge {
        if let Some(EntrySource::File(path) | EntrySource::Template(path)) =
            entry.source.as_ref().map(|source| &source.value)
        {
            return self.age_of_file(resolved, path);
        }
        let (versions, root) = match layer {
            DatedLayer::WithHistory { versions, root: Some(root) } => (versions, root),
            DatedLayer::WithHistory { root: None, .. } => {
                return ValueAge { day: None, basis: AgeBasis::Unknown };
            }
            DatedLayer::Alone(age) => return *age,
        };
        let former = resolved.definition.former_uses.iter().find(|former| former.id == *id);
        let names = [Some(id.key.as_str()), former.map(|former| former.old.as_str())];
        let own = id.bundle == resolved.definition.own_bundle();
        let paths = names.into_iter().flatten().flat_map(|key| {
            let in_bundle = ["bundles", id.bundle.as_str(), "data", key].map(str::to_owned).to_vec();
            own.then(|| ["data", key].map(str::to_owned).to_vec()).into_iter().chain([in_bundle])
        });
        let leaf = LeafPath { paths: paths.collect() };
        versions.age_of(&leaf, root)
    }

    /// The age of a whole file: every version of it is a change.
    fn age_of_file(&self, resolved: &ResolvedTarget, path: &Path) -> ValueAge {
        let unknown = ValueAge { day: None, basis: AgeBasis::Unknown };
        let Some(history) = &self.history else { return unknown };
        let name = resolved.files.name(path);
        let newest = history.versions(&self.root.join(&name));
        let newest = newest.and_then(|found| found.versions.get(found.current?));
        let on_disk = resolved.files.read_bytes(FileKind::EntryFile, path).ok();
        let committed = newest.and_then(|version| {
            let bytes = history.read_blob(version.blob.as_deref()?, FileKind::EntryFile.limit()).ok()?;
            Some((version, bytes))
        });
        match (committed, on_disk) {
            (Some((version, bytes)), Some(on_disk)) if is_committed_as(&on_disk, &bytes) => ValueAge {
                day: Some(version.day),
                basis: if version.is_boundary { AgeBasis::AtLeast } else { AgeBasis::Changed },
            },
            _ => ValueAge { day: None, basis: AgeBasis::NotCommitted },
        }
    }
}

/// Whether a file is committed with a content; Git may have converted its line ends on checkout.
fn is_committed_as(on_disk: &[u8], committed: &[u8]) -> bool {
    let mut converted = on_disk.to_vec();
    let is_text = !committed.contains(&b'\r');
    if is_text {
        converted.retain(|byte| *byte != b'\r');
    }
    *committed == *converted
}

impl AgedValue {
    fn set_age(&mut self, age: ValueAge, entry: &Entry, day: Day, notice: DayCount) {
        self.basis = age.basis;
        self.changed = age.day.map(|day| day.to_string());
        self.age = age.day.map(|changed| day.days_since(changed));
        if let (Some(changed), Some(rule)) = (age.day, &entry.rules.rotate_every) {
            let by = changed.plus(rule.value);
            self.rotate_by = Some(by.to_string());
            self.deadlines.rotate_by = Some((by, rule.place.clone()));
        }
        self.findings = self.deadlines.findings(day, notice).into_iter().map(|found| found.rule().id()).collect();
    }
}

/// The day of the last change of an encrypted file, for a value without a history.
fn last_modified(name: &str, text: Option<&str>) -> ValueAge {
    let metadata = text.and_then(|text| RedactedFile::read(name, text.as_bytes(), SopsFormat::Yaml)?.metadata.ok());
    match metadata {
        Some(metadata) => ValueAge { day: Some(metadata.last_modified.day()), basis: AgeBasis::LastModified },
        None => ValueAge { day: None, basis: AgeBasis::Unknown },
    }
}

/// Entries with a value, of the given environments.
fn entries_of<'s>(
    survey: &'s Survey,
    wanted: &'s [EnvironmentName],
) -> impl Iterator<Item = (&'s ResolvedTarget, EntryId, &'s Entry)> {
    let of_wanted = survey.environments.iter().filter(|resolved| wanted.contains(&resolved.definition.environment));
    of_wanted.flat_map(|resolved| {
        let has_value = |id: &EntryId| {
            !matches!(resolved.entries.get(id).map(|value| &value.outcome), None | Some(EntryOutcome::Missing))
        };
        let entries = resolved.definition.entries().filter(move |(id, _, _)| has_value(id));
        entries.map(move |(id, _, entry)| (resolved, id, entry))
    })
}
