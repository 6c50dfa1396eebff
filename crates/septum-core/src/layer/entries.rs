//! Reading of entries: `KEY: value`, or the long form with one source and any number of rules.

use std::path::PathBuf;
use std::sync::Arc;

use super::Layer;
use super::entry::{EntryPatch, EntrySchema, EntrySource};
use super::fields::{ENTRY, LayerFields};
use super::misread;
use super::pointer;
use super::schema::{self, SCHEMA_KEYWORDS};
use super::tree::{Tree, misused_list_operators};
use super::unexpected::{known_cause, unexpected_value};
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::span::{Located, Location, Source};
use crate::template_tokens::is_template;
use crate::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode};

/// Fields of an entry that give it a value.
pub const SOURCES: [&str; 5] = ["value", "file", "template", "content", "ref"];

/// All fields of an entry.
pub(super) fn known_fields() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().chain(EntrySchema::RULES).chain(&SCHEMA_KEYWORDS).copied()
}

/// Reads the entry that `node` gives to `key`. An invalid one is marked, so that references to it are not reported as
/// well.
pub(super) fn read_entry(key: &YamlKey, node: YamlNode, layer: &Layer, problems: &mut Diagnostics) -> EntryPatch {
    let (before, is_broken) = (problems.len(), node.is_broken());
    problems.extend(misread::unusual_blank(key, &layer.source));
    let mut warnings = Diagnostics::new();
    let mut entry = EntryPatch {
        key_place: layer.source.place(key.span),
        removed: false,
        broken: false,
        source: None,
        rules: EntrySchema::none(),
    };
    match node.kind {
        YamlKind::Scalar(scalar) if scalar.broken => {}
        YamlKind::Scalar(scalar) if scalar.blank => {
            let unspaced = misread::unspaced_flow_key(key, &layer.source);
            problems.push(unspaced.unwrap_or_else(|| {
                let later = format!("write `{}: {{ required: true }}`", key.text);
                blank_value_error(&key.text, entry.key_place.clone(), &later)
            }));
        }
        YamlKind::Scalar(scalar) if scalar.is_null() => entry.removed = true,
        YamlKind::Scalar(scalar) => {
            let place = layer.source.place(node.span);
            entry.source = Some(Located { value: EntrySource::Value(Arc::new(scalar)), place });
        }
        YamlKind::List(_) => problems.push(
            Diagnostic::error(
                Rule::InvalidField,
                format!("`{}` is a list, but the value of an entry is a string", key.text),
            )
            .at(entry.key_place.clone())
            .hint("for structured content, write `{ content: [...] }`; for a string that looks like a list, quote it"),
        ),
        YamlKind::Map(map) => long_form(&mut entry, key, map, layer, problems, &mut warnings),
    }
    entry.broken |= is_broken || problems.len() > before;
    problems.extend(warnings);
    entry
}

/// Error: a value is blank. `later` says how to leave it to the environments.
fn blank_value_error(key: &str, place: Location, later: &str) -> Diagnostic {
    Diagnostic::error(Rule::BlankValue, format!("`{key}` has a blank value, which is ambiguous"))
        .at(place)
        .hint(format!("write `{key}: \"\"` for an empty string"))
        .hint(format!("write `{key}: null` to remove what an earlier layer set"))
        .hint(format!("{later} for a value that each environment must set"))
}

fn long_form(
    entry: &mut EntryPatch,
    key: &YamlKey,
    map: Mapping,
    layer: &Layer,
    problems: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    let source = &layer.source;
    let known: Vec<&str> = known_fields().collect();
    if let Some(problem) = misread::nested_entry(key, &map, &known, source) {
        problems.push(problem);
        return;
    }
    let mut fields = LayerFields::new(map, &known, &format!("{ENTRY} `{}`", key.text), source, problems);
    entry.broken = fields.is_partial();
    // `template: false` is a rule, `template: files/x.j2` a source
    let (template_rule, template_source) = match fields.take("template") {
        Some((place, node)) => match node.as_scalar().map(Scalar::text) {
            Some(word @ ("true" | "false")) => {
                (Some(Located { value: word == "true", place: source.place(node.span) }), None)
            }
            _ => (None, Some((place, node))),
        },
        None => (None, None),
    };
    let sources = take_sources(&mut fields, template_source);
    if let [first, second, ..] = sources.as_slice() {
        problems.push(
            Diagnostic::error(
                Rule::TwoSources,
                format!("`{}` has two sources, `{}` and `{}`", key.text, first.0, second.0),
            )
            .at(second.1.clone())
            .at_with(first.1.clone(), "other source")
            .hint("remove one of them: an entry has one source"),
        );
        return;
    }
    entry.removed = sources.first().is_some_and(|(_, _, node)| node.as_scalar().is_some_and(Scalar::is_null));
    entry.source = match sources.into_iter().next() {
        Some((field, place, node)) if !entry.removed => read_source(field, place, node, layer, problems),
        _ => None,
    };
    if let Some(EntrySource::Content(tree)) = entry.source.as_ref().map(|source| &source.value) {
        warnings.extend(misread::reference_in_content(&key.text, tree));
    }
    let mut rules = EntrySchema::take_from(&mut fields, problems);
    rules.deprecated.take_if(|word| word.value == "false");
    if let Some(old) = rules.renamed_from.take_if(|old| old.value == key.text) {
        problems.push(
            Diagnostic::error(Rule::InvalidField, format!("`renamedFrom` of `{}` names the key itself", key.text))
                .at(old.place)
                .hint("write the former name of the key"),
        );
    }
    rules.template = template_rule;
    rules.schema = schema::read_schema(fields.into_rest(), source, problems);
    entry.rules = Arc::new(rules);
}

/// Takes the sources that are present, each with the location of its field.
fn take_sources(
    fields: &mut LayerFields<'_>,
    template: Option<(Location, YamlNode)>,
) -> Vec<(&'static str, Location, YamlNode)> {
    let mut template = template;
    let mut sources = Vec::new();
    for field in SOURCES {
        let found = if field == "template" { template.take() } else { fields.take(field) };
        sources.extend(found.map(|(place, node)| (field, place, node)));
    }
    sources
}

fn read_source(
    field: &'static str,
    key: Location,
    node: YamlNode,
    layer: &Layer,
    problems: &mut Diagnostics,
) -> Option<Located<EntrySource>> {
    let source = &layer.source;
    let place = source.place(node.span);
    let value = match field {
        "content" => match &node.kind {
            YamlKind::Map(_) | YamlKind::List(_) => {
                let content = Tree::from_node(node, source);
                misused_list_operators(&content, problems);
                EntrySource::Content(content)
            }
            YamlKind::Scalar(_) => {
                problems.push(
                    unexpected_value(field, "a mapping or a list", &node, &key, source)
                        .hint("for a string, use `value`"),
                );
                return None;
            }
        },
        "ref" => {
            return pointer::read_store_ref(&key, node, source, problems)
                .map(|pointer| Located { value: EntrySource::Ref(Arc::new(pointer)), place });
        }
        "value" => match node.kind {
            YamlKind::Scalar(scalar) if scalar.blank => {
                problems.push(
                    blank_value_error(field, key, "write `required: true` in its place")
                        .with_cause(known_cause(scalar.broken)),
                );
                return None;
            }
            YamlKind::Scalar(scalar) => EntrySource::Value(Arc::new(scalar)),
            _ => {
                let hint = "for a structure, use `content`";
                problems.push(unexpected_value(field, "a string", &node, &key, source).hint(hint));
                return None;
            }
        },
        _ => {
            let path = problems.take(file_path(field, &node, &key, source))?;
            let path = layer.directory.join(path);
            if field == "file" { EntrySource::File(path) } else { EntrySource::Template(path) }
        }
    };
    Some(Located { value, place })
}

/// Reads a path as layers write it: relative, with `/`.
pub(super) fn file_path(field: &str, node: &YamlNode, key: &Location, source: &Source) -> Result<PathBuf, Diagnostic> {
    let path = super::fields::read_text(node, field, key, source)?;
    if path.value.contains('\n') || is_template(&path.value) {
        let what = if is_template(&path.value) { "a template" } else { "multi-line text" };
        let message = format!("`{field}` requires a file path, but this is {what}");
        return Err(Diagnostic::error(Rule::InvalidField, message)
            .at_masked(path.place)
            .hint("to set the value itself, write `value: …`"));
    }
    if path.value.starts_with('/') || path.value.contains('\\') {
        return Err(Diagnostic::error(
            Rule::OutsideProject,
            format!("`{field}` must be a path relative to its layer, with `/` as separator"),
        )
        .at_public(path.place, PublicReason::Path)
        .hint("copy the file into the project, and specify its path relative to the layer"));
    }
    Ok(PathBuf::from(path.value))
}
