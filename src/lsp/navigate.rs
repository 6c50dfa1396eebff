//! Definitions and references of keys, variables, and files that layers name.

use std::path::Path;

use super::findings::file_of;
use super::focus::DocumentFocus;
use super::position::PositionMap;
use super::protocol::{DocumentPlace, Position, TextRange};
use super::subject::{NamedSubject, find_subject, find_variable_mentions, name_range};
use super::workspace::EditorWorkspace;
use crate::name::EntryId;
use crate::project::files_of;
use crate::rename::{NameKind, find_mentions};
use crate::sort::sort_by;
use crate::span::{Location, Source};
use crate::yaml::node::{YamlKind, YamlNode};
use crate::yaml::read::{MergeKeys, read_stream};

/// Finds the definition of what a position names: the key in the base, the variable, the file.
pub(super) fn find_definitions(
    workspace: &EditorWorkspace,
    path: &Path,
    position: Position,
) -> Option<Vec<DocumentPlace>> {
    let document = workspace.documents.get(path)?;
    let offset = PositionMap::new(&document.text, workspace.unit).offset(position);
    workspace.focus(path, None, |focus| {
        let places = match find_subject(focus, &document.text, offset) {
            Some((NamedSubject::Entry(id), _)) => defining_places(focus, &id),
            Some((NamedSubject::Variable(variable), _)) => {
                let mentions = find_variable_mentions(focus, &variable).into_iter();
                let mut lines: Vec<Location> = Vec::new();
                for resolved in &focus.survey.environments {
                    let history = resolved.definition.variable_history(&variable);
                    lines.extend(history.first().map(|step| step.place.clone()));
                }
                // the key, and not its value
                let is_first = |mention: &Location| {
                    lines.iter().any(|place| is_same_line(place, mention) && mention.span.start < place.span.start)
                };
                let keys: Vec<_> = mentions.filter(is_first).collect();
                if keys.is_empty() { lines } else { keys }
            }
            None => return file_at(workspace, focus, offset),
        };
        Some(locations(workspace, focus, &places))
    })
}

fn is_same_line(one: &Location, other: &Location) -> bool {
    (one.source.name(), one.span.line) == (other.source.name(), other.span.line)
}

/// The keys that define an entry, in the base or in a mixin.
pub(super) fn defining_places(focus: &DocumentFocus<'_>, id: &EntryId) -> Vec<Location> {
    let entries = focus.survey.environments.iter().filter_map(|resolved| resolved.definition.entry(id));
    entries.map(|entry| entry.defined.clone()).collect()
}

/// All places that name what a position names. Without the definition, if it is not wanted.
pub(super) fn find_references(
    workspace: &EditorWorkspace,
    path: &Path,
    position: Position,
    with_definition: bool,
) -> Option<Vec<DocumentPlace>> {
    let document = workspace.documents.get(path)?;
    let offset = PositionMap::new(&document.text, workspace.unit).offset(position);
    let found = workspace.focus_each(path, |focus| {
        let places = match find_subject(focus, &document.text, offset) {
            Some((NamedSubject::Entry(id), _)) => {
                let defined = defining_places(focus, &id);
                let mentions = find_mentions(&focus.project().files, focus.survey, &id, None).into_iter();
                let is_wanted = |kind: NameKind, place: &Location| {
                    with_definition || kind != NameKind::Key || !defined.iter().any(|known| is_same_line(known, place))
                };
                let wanted = mentions.filter(|mention| is_wanted(mention.kind, &mention.place));
                let narrow = |place: &Location| {
                    let range = name_range(place, id.key.as_str());
                    place.source.place(place.source.locate(range.start, range.end))
                };
                wanted.map(|mention| narrow(&mention.place)).collect()
            }
            Some((NamedSubject::Variable(variable), _)) => find_variable_mentions(focus, &variable),
            None => Vec::new(),
        };
        locations(workspace, focus, &places)
    });
    Some(sorted_once(found))
}

/// Locations in their files, sorted, each once.
fn locations(workspace: &EditorWorkspace, focus: &DocumentFocus<'_>, places: &[Location]) -> Vec<DocumentPlace> {
    let root = focus.project().files.root();
    let location = |place: &Location| {
        let map = PositionMap::new(place.source.text(), workspace.unit);
        let uri = workspace.documents.uri(&file_of(root, place));
        DocumentPlace { uri, range: map.range(place.span.start..place.span.end) }
    };
    sorted_once(places.iter().map(location).collect())
}

fn sorted_once(mut locations: Vec<DocumentPlace>) -> Vec<DocumentPlace> {
    sort_by(&mut locations, |one, other| (&one.uri, one.range.start).cmp(&(&other.uri, other.range.start)));
    locations.dedup();
    locations
}

/// The file that a text of a layer names: a file of an entry, a manifest, a layer that is extended.
fn file_at(workspace: &EditorWorkspace, focus: &DocumentFocus<'_>, offset: usize) -> Option<Vec<DocumentPlace>> {
    if !focus.is_layer() {
        return None;
    }
    let document = workspace.documents.get(focus.path)?;
    let source = Source::new(focus.name(), &*document.text);
    let stream = read_stream(&source, MergeKeys::Keep).ok()?;
    let text = stream.documents.iter().find_map(|document| text_at(document, offset))?;
    let own = focus.path.parent().map(|directory| directory.join(&text));
    let directories = focus.project().shared.iter().chain([&focus.app.directory]);
    let layers = directories.flat_map(|directory| files_of(&text).map(|file| directory.join(file)));
    let bounds = focus.project().files.bounds();
    let is_file = |path: &std::path::PathBuf| bounds.resolve(path).is_ok() && !bounds.is_directory(path);
    let files = own.into_iter().filter(is_file).chain(layers.filter(is_file));
    let found: Vec<_> = files
        .filter_map(|path| {
            let path = bounds.resolve(&path).ok()?;
            Some(DocumentPlace { uri: workspace.documents.uri(path.as_path()), range: TextRange::default() })
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

/// The scalar at an offset that is no key.
fn text_at(node: &YamlNode, offset: usize) -> Option<String> {
    if offset < node.span.start || node.span.end < offset {
        return None;
    }
    match &node.kind {
        YamlKind::Scalar(scalar) => Some(scalar.text().to_owned()).filter(|text| !text.is_empty() && text.len() < 256),
        YamlKind::List(items) => items.iter().find_map(|item| text_at(item, offset)),
        YamlKind::Map(map) => map.values().find_map(|node| text_at(node, offset)),
    }
}
