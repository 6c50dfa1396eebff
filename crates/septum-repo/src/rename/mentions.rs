//! Places that name a key, without renaming it.

use super::files::{collect_edits, files_of_app};
use super::text::{KeyChange, NameKind};
use crate::files::{FileKind, ProjectFiles};
use crate::name::EntryId;
use crate::pipeline::Survey;
use crate::span::{Location, Source};

/// Place that names a key.
#[derive(Debug, Clone)]
pub struct KeyMention {
    /// Kind of the name.
    pub kind: NameKind,
    /// The name; in a template, with its dot or brackets.
    pub place: Location,
}

/// Finds the places in the files of an app, or in one of them, that name a key. Nothing is decrypted: of encrypted
/// files, the keys are searched and not the values. Parts that compute names are left out, and files that cannot be
/// read.
pub fn find_mentions(files: &ProjectFiles, survey: &Survey, id: &EntryId, file: Option<&str>) -> Vec<KeyMention> {
    let (app, bundle, key) = (survey.app.as_str(), id.bundle.as_str(), id.key.as_str());
    let change = KeyChange { bundle, is_own: bundle == app, old: key, new: key };
    let mut found = Vec::new();
    for (name, usage) in files_of_app(survey, change) {
        if file.is_some_and(|file| file != name) {
            continue;
        }
        let Ok(source) = files.read_text(FileKind::Layer, &files.root().join(&name)) else { continue };
        if let Ok(edits) = collect_edits(change, app, true, &source, usage) {
            found.extend(edits.places().map(|(kind, place)| KeyMention { kind, place }));
        }
    }
    found
}

/// Files of an app that may name keys: layers, manifests, patches and templates.
pub fn find_naming_files(files: &ProjectFiles, survey: &Survey) -> Vec<Source> {
    let change = KeyChange { bundle: survey.app.as_str(), is_own: true, old: "", new: "" };
    let names = files_of_app(survey, change).into_keys();
    names.filter_map(|name| files.read_text(FileKind::Layer, &files.root().join(name)).ok()).collect()
}
