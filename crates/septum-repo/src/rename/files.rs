//! Files of an app that may name a key, and their edited forms.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use zeroize::Zeroizing;

use super::text::{DataScope, KeyChange, TextRenaming};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::files::{FileKind, InputQuery, ProjectFiles};
use crate::layer::{EntrySource, LayerChange};
use crate::pipeline::{Pipeline, Survey};
use crate::secret_files::{EditableFile, FileContent, SecretFile, StagedWrite};
use crate::sops::{SopsFormat, Timestamp};
use crate::span::{Location, Source};
use crate::yaml::read::{MergeKeys, read_stream};

use super::text::NameKind;

/// Use of a file by an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileUse {
    /// A layer.
    Layer,
    /// A manifest, or a patch of manifests.
    Manifest,
    /// A template file, with the bundle that `data` is in it.
    Template(TemplateUse),
}

/// Bundle that uses a template file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TemplateUse {
    /// The one whose key is renamed, or it is not known.
    Renamed,
    /// Another one.
    Other,
}

/// Files that an app uses, by their names.
pub(super) fn files_of_app(survey: &Survey, change: KeyChange<'_>) -> BTreeMap<String, FileUse> {
    let mut found = BTreeMap::new();
    let mut verbatim = BTreeSet::new();
    for resolved in &survey.environments {
        let (definition, files) = (&resolved.definition, &resolved.files);
        found.extend(definition.files.iter().map(|source| (source.name().to_owned(), FileUse::Layer)));
        let documents = resolved.manifests.iter().chain(resolved.patches.iter().flat_map(|patch| &patch.documents));
        for document in documents {
            let name = document.tree.place.source.name();
            if Path::new(name).extension().is_none_or(|extension| extension != "j2") {
                found.entry(name.to_owned()).or_insert(FileUse::Manifest);
            }
        }
        for (id, _, entry) in definition.entries() {
            for step in &entry.history {
                match &step.change {
                    LayerChange::Source(EntrySource::File(path)) => drop(verbatim.insert(files.name(path))),
                    LayerChange::Source(EntrySource::Template(path)) => {
                        let is_of = id.bundle.as_str() == change.bundle;
                        let by = if is_of { TemplateUse::Renamed } else { TemplateUse::Other };
                        let known = found.entry(files.name(path)).or_insert(FileUse::Template(by));
                        *known = (*known).min(FileUse::Template(by));
                    }
                    _ => {}
                }
            }
        }
    }
    for resolved in &survey.environments {
        for query in resolved.files.recorded_queries() {
            if let InputQuery::File(path) = query {
                let name = resolved.files.name(&path);
                if !verbatim.contains(&name) {
                    found.entry(name).or_insert(FileUse::Template(TemplateUse::Renamed));
                }
            }
        }
    }
    found
}

/// A file that names the key, with its new bytes.
pub(super) struct RenamedFile {
    pub(super) before: FileContent,
    pub(super) staged: StagedWrite,
    pub(super) places: Vec<(NameKind, Location)>,
}

/// Inputs that are the same for all files.
pub(super) struct FileEditor<'a> {
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) change: KeyChange<'a>,
    pub(super) app: &'a str,
    /// Whether an `allow` without `bundle` is about the key.
    pub(super) renames_allowed: bool,
    pub(super) now: Timestamp,
}

impl FileEditor<'_> {
    /// The edited file; none if it does not name the key. Files that cannot be decrypted, and do not set the key, are
    /// reported in `warnings`.
    pub(super) fn edit_file(
        &self,
        name: &str,
        usage: FileUse,
        warnings: &mut Diagnostics,
    ) -> Result<Option<RenamedFile>, Diagnostics> {
        let files = &self.pipeline.library.project.files;
        let path = files.root().join(name);
        let Some(bytes) = read_existing(files, &path)? else { return Ok(None) };
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(None) };
        let file = SecretFile { path, name: name.to_owned(), format: SopsFormat::Yaml, bytes: bytes.clone() };
        let before = FileContent::of(&bytes);
        if usage == FileUse::Template(TemplateUse::Renamed) || usage == FileUse::Template(TemplateUse::Other) {
            return self.edit_plain(file, before, text, usage);
        }
        if !file.looks_encrypted() {
            return self.edit_plain(file, before, text, usage);
        }
        let source = Source::new(name, text);
        let sets_key = self.renaming_of(&source, usage)?.names_key();
        let identities = self.pipeline.library.identities();
        match EditableFile::open(file, self.pipeline.library.rules(), identities) {
            Ok(file) => self.edit_encrypted(file, before, usage),
            Err(problems) if !sets_key && lacks_key(&problems) => {
                let message = format!("`{name}` cannot be decrypted, so templates in it were not checked");
                warnings.push(Diagnostic::warning(Rule::NotRenamed, message).hint("run the command with a key for it"));
                Ok(None)
            }
            Err(problems) => Err(problems),
        }
    }

    fn edit_plain(
        &self,
        file: SecretFile,
        before: FileContent,
        text: &str,
        usage: FileUse,
    ) -> Result<Option<RenamedFile>, Diagnostics> {
        let source = Source::new(file.name.as_str(), text);
        let renaming = self.renaming_of(&source, usage)?;
        let Some(edited) = renaming.edited_text() else { return Ok(None) };
        let SecretFile { path, name, .. } = file;
        let staged = StagedWrite { path, name, bytes: edited.into_bytes(), access: Access::Usual };
        Ok(Some(RenamedFile { before, staged, places: renaming.places().collect() }))
    }

    /// Edits the plaintext, and encrypts what is bound to the name. All else keeps its ciphertext.
    fn edit_encrypted(
        &self,
        mut file: EditableFile,
        before: FileContent,
        usage: FileUse,
    ) -> Result<Option<RenamedFile>, Diagnostics> {
        let write = |error: crate::sops::WriteError| Diagnostics::from_iter(error.into_diagnostics());
        let plaintext = file.sealed.plaintext().map_err(write)?;
        let Ok(text) = std::str::from_utf8(&plaintext) else { return Ok(None) };
        let source = Source::new(file.name.as_str(), text);
        let renaming = self.renaming_of(&source, usage)?;
        let Some(edited) = renaming.edited_text().map(Zeroizing::new) else { return Ok(None) };
        let places = renaming.places().collect();
        file.sealed.rename_in_plaintext(edited.as_bytes()).map_err(write)?;
        let staged = file.stage_file(self.now)?;
        Ok(staged.map(|staged| RenamedFile { before, staged, places }))
    }

    /// The edits of a text, all of which can be made.
    fn renaming_of<'s>(&'s self, source: &'s Source, usage: FileUse) -> Result<TextRenaming<'s>, Diagnostics> {
        let mut renaming = collect_edits(self.change, self.app, self.renames_allowed, source, usage)?;
        let problems = std::mem::take(&mut renaming.problems);
        if problems.is_empty() { Ok(renaming) } else { Err(problems) }
    }
}

/// The edits of a text, and the problems of those that cannot be made. An error if the text cannot be read.
pub(super) fn collect_edits<'s>(
    change: KeyChange<'s>,
    app: &str,
    renames_allowed: bool,
    source: &'s Source,
    usage: FileUse,
) -> Result<TextRenaming<'s>, Diagnostics> {
    let mut renaming = TextRenaming::new(change, source);
    match usage {
        FileUse::Template(TemplateUse::Renamed) => renaming.rename_in_text(DataScope::Renamed),
        FileUse::Template(TemplateUse::Other) => renaming.rename_in_text(DataScope::Other),
        FileUse::Layer | FileUse::Manifest => {
            for document in read_stream(source, MergeKeys::Keep)?.documents {
                match usage {
                    FileUse::Layer => renaming.rename_in_layer(&document, app, renames_allowed),
                    _ => renaming.rename_in_manifest(&document),
                }
            }
        }
    }
    Ok(renaming)
}

fn lacks_key(problems: &Diagnostics) -> bool {
    problems.iter().all(|problem| problem.failure == FailureKind::Key)
}

fn read_existing(files: &ProjectFiles, path: &Path) -> Result<Option<Vec<u8>>, Diagnostics> {
    match files.read_bytes(FileKind::Layer, path) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(missing) if missing.rule == Rule::MissingFile => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}
