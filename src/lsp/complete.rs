//! Completion: keys of the base, fields, words, environments, names in templates.

use std::collections::BTreeSet;
use std::path::Path;

use super::cursor::{ITEM, WrittenPart, WrittenPlace, find_written};
use super::focus::DocumentFocus;
use super::position::PositionMap;
use super::protocol::{CompletionItem, CompletionKind, DocumentTextEdit, MarkedText, Position};
use super::workspace::EditorWorkspace;
use super::written_names::{image_names, item_field, scaled_name};
use crate::diagnostic::{Rule, escape_lines};
use crate::files::FileKind;
use crate::layer::{LayerMapping, Tree, key_text};
use crate::project::BASE;
use crate::sort::CollectSorted;
use crate::view::key_docs::{DefaultValue, KeyDoc, document_keys};
use crate::view::variable::VARIABLES;
use crate::yaml::kubectl::{JsonScalar, json_scalar};
use crate::yaml::read::read_document;
use crate::yaml::write::push_quoted;

/// Name that may be written, and what is known about it.
struct NameCandidate {
    name: String,
    kind: CompletionKind,
    detail: Option<String>,
    documentation: Option<String>,
    /// Text behind the name.
    suffix: &'static str,
}

impl NameCandidate {
    fn new(name: impl Into<String>, kind: CompletionKind) -> Self {
        Self { name: name.into(), kind, detail: None, documentation: None, suffix: "" }
    }

    fn of_key(doc: &KeyDoc, name: &str, kind: CompletionKind) -> Self {
        let mut detail = doc.kind.clone();
        if doc.sensitivity == crate::route::Sensitivity::Sensitive {
            detail += ", secret";
        }
        if doc.is_undecided {
            detail += ", secret if a credential";
        }
        if doc.required {
            detail += ", required";
        }
        let default = match &doc.default {
            DefaultValue::Text(text) | DefaultValue::Template(text) if text.len() <= MOST_SHOWN => {
                Some(format!("default: {text}"))
            }
            _ => None,
        };
        let rules = (!doc.rules.is_empty()).then(|| doc.rules.join(", "));
        let notes = doc.notes.iter().map(|(name, note)| format!("{name}: {note}"));
        let lines: Vec<String> = doc.description.clone().into_iter().chain(default).chain(rules).chain(notes).collect();
        let documentation = (!lines.is_empty()).then(|| escape_lines(&lines.join("\n\n")).into_owned());
        Self { name: name.to_owned(), kind, detail: Some(detail), documentation, suffix: "" }
    }

    fn with_suffix(self, suffix: &'static str) -> Self {
        Self { suffix, ..self }
    }
}

/// Longest default that a completion shows, in bytes.
const MOST_SHOWN: usize = 120;

/// The names that may be written at a position.
pub(super) fn complete_at(workspace: &EditorWorkspace, path: &Path, position: Position) -> Option<Vec<CompletionItem>> {
    let document = workspace.documents.get(path)?;
    let map = PositionMap::new(&document.text, workspace.unit);
    let offset = map.offset(position);
    let place = find_written(&document.text, offset);
    let names =
        workspace.focus(path, Some(position.line), |focus| Some(find_names(focus, &document.text, &place, offset)))?;
    // the step of an expression that is written
    let start = match &place.part {
        WrittenPart::Expression(written) => offset - written.len() + written.rfind('.').map_or(0, |dot| dot + 1),
        WrittenPart::Key | WrittenPart::Value(_) => place.start,
    };
    let written = WrittenName::at(&document.text, &place, start, offset);
    let item = |(index, name): (usize, NameCandidate)| {
        let (new_text, end) = written.text_of(&name);
        CompletionItem {
            text_edit: DocumentTextEdit { range: map.range(start..end), new_text },
            filter_text: name.name.clone(),
            label: name.name,
            kind: name.kind,
            detail: name.detail,
            documentation: name.documentation.map(MarkedText::plain),
            // in the order of the base
            sort_text: format!("{index:05}"),
        }
    };
    Some(names.into_iter().enumerate().map(item).collect())
}

/// Form of a name at the place where it is completed.
struct WrittenName<'p> {
    part: &'p WrittenPart,
    /// The quotes that are open there.
    quote: Option<char>,
    /// Whether they are closed right behind the cursor.
    is_closed: bool,
    has_colon: bool,
    offset: usize,
}

impl<'p> WrittenName<'p> {
    fn at(text: &str, place: &'p WrittenPlace, start: usize, offset: usize) -> Self {
        let rest = text.get(offset..).unwrap_or_default();
        let behind = rest.trim_start_matches(|char: char| char.is_alphanumeric() || "-_.\"'".contains(char));
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let is_quoted = !matches!(place.part, WrittenPart::Expression(_));
        let quote = before.filter(|char| is_quoted && matches!(char, '"' | '\''));
        let is_closed = quote.is_some_and(|quote| rest.starts_with(quote));
        Self { part: &place.part, quote, is_closed, has_colon: behind.starts_with(':'), offset }
    }

    /// The text of a name, and the offset up to which it replaces what is written.
    fn text_of(&self, name: &NameCandidate) -> (String, usize) {
        let is_key = matches!(self.part, WrittenPart::Key);
        let suffix = if self.has_colon { "" } else { name.suffix };
        let Some(quote) = self.quote else {
            let text = match self.part {
                WrittenPart::Expression(_) => name.name.clone(),
                WrittenPart::Key => key_text("", &name.name),
                WrittenPart::Value(_) => value_text(&name.name),
            };
            return (text + suffix, self.offset);
        };
        let text = within_quotes(&name.name, quote);
        match (self.is_closed, is_key && self.has_colon) {
            // the end of the quotes is somewhere before the colon
            (_, true) => (text, self.offset),
            (true, false) => (format!("{text}{quote}{suffix}"), self.offset + quote.len_utf8()),
            (false, false) => (format!("{text}{quote}{suffix}"), self.offset),
        }
    }
}

/// A text as a value: without quotes where every reader of layers takes it for that text.
fn value_text(text: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "-_./".contains(char);
    let is_null = matches!(json_scalar(text), JsonScalar::Null);
    if !is_null && !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut quoted = String::new();
    push_quoted(&mut quoted, text);
    quoted
}

/// A text within quotes that are open.
fn within_quotes(text: &str, quote: char) -> String {
    if quote == '\'' {
        return text.replace('\'', "''");
    }
    let mut quoted = String::new();
    push_quoted(&mut quoted, text);
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

fn find_names(focus: &DocumentFocus<'_>, text: &str, place: &WrittenPlace, offset: usize) -> Vec<NameCandidate> {
    if let WrittenPart::Expression(written) = &place.part {
        return names_in_template(focus, written);
    }
    if !focus.is_layer() {
        return Vec::new();
    }
    let path: Vec<&str> = place.path.iter().map(String::as_str).collect();
    let names = match &place.part {
        WrittenPart::Value(field) if path == ["allow", ITEM] && field == "bundle" => {
            let key = item_field(text, offset, "key");
            return bundles_with(focus, key);
        }
        WrittenPart::Value(field) => return words_of_field(focus, &path, field),
        _ => names_of_keys(focus, &path),
    };
    let written = sibling_keys(text, offset);
    names.into_iter().filter(|name| !written.contains(name.name.as_str())).collect()
}

/// Keys beside the written one, with the same indentation.
fn sibling_keys(text: &str, offset: usize) -> BTreeSet<&str> {
    let indent_of = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let (above, rest) = text.split_at(start);
    let (own, below) = rest.split_once('\n').unwrap_or((rest, ""));
    let indent = indent_of(own);
    let is_blank = |line: &&str| line.trim().is_empty();
    let is_inside = |line: &&str| is_blank(line) || indent_of(line) >= indent;
    let above = above.lines().rev().take_while(is_inside);
    let all = above.chain(below.lines().take_while(is_inside));
    let beside = all.filter(|line| !is_blank(line) && indent_of(line) == indent);
    beside.filter_map(|line| Some(line.trim_start().split_once(':')?.0.trim_matches(['"', '\'']))).collect_set()
}

fn names_of_keys(focus: &DocumentFocus<'_>, path: &[&str]) -> Vec<NameCandidate> {
    let own = focus.survey.app.as_str();
    match path {
        [] => fields_of(LayerMapping::Layer),
        ["delivery"] => fields_of(LayerMapping::Delivery),
        ["delivery", "flux"] => fields_of(LayerMapping::FluxDelivery),
        ["allow", ITEM] => fields_of(LayerMapping::Allow),
        ["data"] => keys_of_bundle(focus, own),
        ["bundles"] => {
            let definitions = focus.survey.environments.iter().map(|resolved| &resolved.definition);
            let names =
                definitions.flat_map(|definition| definition.bundles.keys().map(|name| name.as_str().to_owned()));
            let names: BTreeSet<String> = names.filter(|name| name != own).collect_set();
            names.into_iter().map(|name| NameCandidate::new(name, CompletionKind::MODULE).with_suffix(":")).collect()
        }
        ["bundles", _] => fields_of(LayerMapping::Bundle),
        ["bundles", bundle, "data"] => keys_of_bundle(focus, bundle),
        ["data", _] | ["bundles", _, "data", _] => fields_of(LayerMapping::Entry),
        ["vars", above @ ..] => variables_below(focus, &above.join("."), ": "),
        ["varRules"] => {
            let docs = document_keys(focus.survey);
            let variables = docs.groups.get("").into_iter().flatten();
            let variables = variables.filter_map(|doc| Some((doc, doc.key.strip_prefix(VARIABLES)?)));
            let candidate = |(doc, name)| NameCandidate::of_key(doc, name, CompletionKind::VARIABLE).with_suffix(":");
            variables.map(candidate).collect()
        }
        ["images"] => names_of_objects(focus, image_names),
        ["replicas"] => names_of_objects(focus, scaled_name),
        _ => Vec::new(),
    }
}

fn fields_of(mapping: LayerMapping) -> Vec<NameCandidate> {
    let field = |name: &str| NameCandidate::new(name, CompletionKind::FIELD).with_suffix(": ");
    mapping.fields().into_iter().map(field).collect()
}

fn keys_of_bundle(focus: &DocumentFocus<'_>, bundle: &str) -> Vec<NameCandidate> {
    let docs = document_keys(focus.survey);
    let keys = docs.groups.get(bundle).into_iter().flatten();
    keys.map(|doc| NameCandidate::of_key(doc, &doc.key, CompletionKind::PROPERTY).with_suffix(": ")).collect()
}

/// Variables below a path, by the next step of their own.
fn variables_below(focus: &DocumentFocus<'_>, above: &str, suffix: &'static str) -> Vec<NameCandidate> {
    let prefix = if above.is_empty() { String::new() } else { format!("{above}.") };
    let docs = document_keys(focus.survey);
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for doc in docs.groups.get("").into_iter().flatten() {
        let Some(rest) = doc.key.strip_prefix(VARIABLES).and_then(|path| path.strip_prefix(&prefix)) else { continue };
        let step = rest.split(['.', '[']).next().unwrap_or_default();
        if step.is_empty() || !known.insert(step.to_owned()) {
            continue;
        }
        found.push(if step.len() == rest.len() {
            NameCandidate::of_key(doc, step, CompletionKind::VARIABLE).with_suffix(suffix)
        } else {
            let suffix = if suffix.is_empty() { "" } else { ":" };
            NameCandidate::new(step, CompletionKind::STRUCT).with_suffix(suffix)
        });
    }
    found
}

/// Names behind the dots of an expression.
fn names_in_template(focus: &DocumentFocus<'_>, written: &str) -> Vec<NameCandidate> {
    let steps: Vec<&str> = written.split('.').collect();
    let fields =
        |names: &[&str]| names.iter().map(|name| NameCandidate::new(*name, CompletionKind::FIELD)).collect::<Vec<_>>();
    let own = focus.survey.app.as_str();
    let names = match steps.as_slice() {
        [_] => fields(&["data", "vars", "env", "app", "bundles"]),
        ["env", _] => fields(&["name", "namespace"]),
        ["app", _] => fields(&["name"]),
        ["data", _] => keys_of_bundle(focus, own),
        ["bundles", _] => {
            let own = NameCandidate::new(own, CompletionKind::MODULE);
            names_of_keys(focus, &["bundles"]).into_iter().chain([own]).collect()
        }
        ["bundles", bundle, _] => keys_of_bundle(focus, bundle),
        ["vars", above @ .., _] => variables_below(focus, &above.join("."), ""),
        _ => Vec::new(),
    };
    // other names are written in brackets
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    names.into_iter().filter(|name| is_name(&name.name)).map(|name| name.with_suffix("")).collect()
}

/// Bundles that have a key, or all of them without one, for an accepted finding.
fn bundles_with(focus: &DocumentFocus<'_>, key: Option<&str>) -> Vec<NameCandidate> {
    let docs = document_keys(focus.survey);
    let groups = docs.groups.iter().filter(|(bundle, _)| !bundle.is_empty());
    let has_key = |keys: &[KeyDoc]| key.is_none_or(|key| keys.iter().any(|doc| doc.key == key));
    let groups = groups.filter(|(_, keys)| has_key(keys));
    groups.map(|(bundle, _)| NameCandidate::new(bundle.as_str(), CompletionKind::MODULE)).collect()
}

/// Names in the manifests of the app, as keys.
fn names_of_objects(focus: &DocumentFocus<'_>, names_in: fn(&Tree, &mut BTreeSet<String>)) -> Vec<NameCandidate> {
    let mut names = BTreeSet::new();
    let manifests = focus.survey.environments.iter().flat_map(|resolved| &resolved.manifests);
    manifests.for_each(|manifest| names_in(&manifest.tree, &mut names));
    names.into_iter().map(|name| NameCandidate::new(name, CompletionKind::MODULE).with_suffix(": ")).collect()
}

/// Words that a field takes.
fn words_of_field(focus: &DocumentFocus<'_>, path: &[&str], field: &str) -> Vec<NameCandidate> {
    let words = |mapping: LayerMapping| {
        let words = mapping.words(field).into_iter();
        words.map(|word| NameCandidate::new(word, CompletionKind::ENUM_MEMBER)).collect::<Vec<_>>()
    };
    match (path, field) {
        ([] | ["extends", ITEM], "extends") => layer_names(focus),
        ([], _) => words(LayerMapping::Layer),
        (["delivery"], _) => words(LayerMapping::Delivery),
        (["delivery", "flux"], _) => words(LayerMapping::FluxDelivery),
        (["allow", ITEM], "rule") => {
            let rules = Rule::ALL.iter().filter(|rule| rule.info().is_acceptable);
            let candidate = |rule: &Rule| NameCandidate {
                documentation: Some(rule.summary()),
                ..NameCandidate::new(rule.id(), CompletionKind::ENUM_MEMBER)
            };
            rules.map(candidate).collect()
        }
        (["allow", ITEM], "key") => {
            let docs = document_keys(focus.survey);
            let keys = docs.groups.iter().filter(|(bundle, _)| !bundle.is_empty()).flat_map(|(_, keys)| keys);
            keys.map(|doc| NameCandidate::of_key(doc, &doc.key, CompletionKind::PROPERTY)).collect()
        }
        (["bundles", _], _) => words(LayerMapping::Bundle),
        (["data", _] | ["bundles", _, "data", _], _) => words(LayerMapping::Entry),
        (["data"], key) => words_of_key(focus, focus.survey.app.as_str(), key),
        (["bundles", bundle, "data"], key) => words_of_key(focus, bundle, key),
        _ => Vec::new(),
    }
}

/// The values that the rules of a key list, unless it is a secret.
fn words_of_key(focus: &DocumentFocus<'_>, bundle: &str, key: &str) -> Vec<NameCandidate> {
    let entries = focus.survey.environments.iter().flat_map(|resolved| resolved.definition.entries());
    let mut entries = entries.filter(|(id, ..)| id.bundle.as_str() == bundle && id.key.as_str() == key);
    let Some((id, _, entry)) = entries.next() else { return Vec::new() };
    if focus.survey.routing.sensitivity(&id) == crate::route::Sensitivity::Sensitive {
        return Vec::new();
    }
    let listed = entry.rules.schema.get("enum").and_then(|words| words.value.as_array());
    let is_boolean = entry.rules.schema.get("type").is_some_and(|kind| kind.value == "boolean");
    let texts = listed.into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned));
    let booleans = ["true", "false"].into_iter().filter(|_| is_boolean).map(str::to_owned);
    texts.chain(booleans).map(|word| NameCandidate::new(word, CompletionKind::ENUM_MEMBER)).collect()
}

/// Layers that a layer can extend: environments and mixins.
fn layer_names(focus: &DocumentFocus<'_>) -> Vec<NameCandidate> {
    let own = focus.environments();
    let is_own = |name: &str| own.len() == 1 && own.iter().any(|own| own.as_str() == name);
    let environments = focus.app.environments.iter().map(|name| name.as_str().to_owned());
    let mut found: Vec<String> = environments.filter(|name| !is_own(name) && name != BASE).collect();
    found.extend(mixins(focus));
    found.into_iter().map(|name| NameCandidate::new(name, CompletionKind::FILE)).collect()
}

/// Layers in the subdirectories of the app and of the shared layers, one level deep.
fn mixins(focus: &DocumentFocus<'_>) -> BTreeSet<String> {
    let bounds = focus.project().files.bounds();
    let mut found = BTreeSet::new();
    for directory in focus.project().shared.iter().chain([&focus.app.directory]) {
        let listed = bounds.list(directory).map(|listed| listed.to_vec()).unwrap_or_default();
        for folder in listed.iter().filter_map(|entry| entry.name.to_str()) {
            let folder_path = directory.join(folder);
            let inside = bounds.list(&folder_path).map(|listed| listed.to_vec()).unwrap_or_default();
            let names = inside.iter().filter_map(|entry| entry.name.to_str()?.strip_suffix(".yaml"));
            let names = names.filter(|name| is_layer_file(focus, &folder_path.join(format!("{name}.yaml"))));
            found.extend(names.map(|name| format!("{folder}/{name}")));
        }
    }
    found
}

/// Whether a file has fields of a layer and no others: manifests and other files are in subdirectories too.
fn is_layer_file(focus: &DocumentFocus<'_>, path: &Path) -> bool {
    let is_field = |name: &str| LayerMapping::Layer.fields().contains(&name);
    let source = focus.project().files.read_text(FileKind::Layer, path);
    let root = source.ok().and_then(|source| read_document(&source).ok());
    root.is_some_and(|root| root.as_map().is_some_and(|fields| fields.keys().all(|key| is_field(&key.text))))
}
