//! Fields of a layer that change other objects: `patches`, `images` and `replicas`.

use std::path::{Path, PathBuf};

use super::entries::file_path;
use super::fields::{LayerFields, read_text};
use super::misread;
use super::tree::Tree;
use super::unexpected::unexpected_value;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::IndexMap;
use crate::span::{Located, Location, Source};
use crate::yaml::node::{Mapping, Scalar, YamlKind, YamlNode, YamlStyle};

/// Patch of other objects.
#[derive(Debug, Clone)]
pub struct LayerPatch {
    /// Content of the patch.
    pub content: PatchSource,
    /// Objects that it selects; without it, those that the patch names.
    pub target: Option<PatchSelector>,
    /// `options.allowNameChange`
    pub allow_name_change: bool,
    /// `options.allowKindChange`
    pub allow_kind_change: bool,
    /// Whether its texts may be templates.
    pub template: bool,
    /// Location of the patch.
    pub place: Location,
}

/// Content of a patch.
#[derive(Debug, Clone)]
pub enum PatchSource {
    /// A file.
    File(Located<PathBuf>),
    /// A text in the layer, with lines of the layer.
    Text(Source),
    /// A structure in the layer.
    Structure(Tree),
}

/// Objects that a patch selects: anchored regular expressions in the syntax of Go, and selectors.
#[derive(Debug, Clone)]
pub struct PatchSelector {
    /// API group; `None` for any, as for all fields.
    pub group: Option<Located<String>>,
    /// API version without its group.
    pub version: Option<Located<String>>,
    /// Kind.
    pub kind: Option<Located<String>>,
    /// Name.
    pub name: Option<Located<String>>,
    /// Namespace; `default` for an object without one.
    pub namespace: Option<Located<String>>,
    /// Selector of labels.
    pub label_selector: Option<Located<String>>,
    /// Selector of annotations.
    pub annotation_selector: Option<Located<String>>,
    /// Location of the target.
    pub place: Location,
}

/// Change of an image.
#[derive(Debug, Clone, Default)]
pub struct ImageChange {
    /// `newName`
    pub new_name: Option<String>,
    /// `newTag`
    pub new_tag: Option<String>,
    /// `digest`
    pub digest: Option<String>,
    /// Fields whose values of earlier layers are removed.
    removed: Vec<String>,
}

impl ImageChange {
    /// Change after that of a later layer. Its tag and digest replace both; null removes a field.
    pub(super) fn overlay(&mut self, change: &Self) {
        for (name, field) in IMAGE_FIELDS.into_iter().zip([&mut self.new_name, &mut self.new_tag, &mut self.digest]) {
            if change.removed.iter().any(|removed| removed == name) {
                *field = None;
            }
        }
        self.new_name = change.new_name.clone().or_else(|| self.new_name.take());
        if change.new_tag.is_some() || change.digest.is_some() {
            (self.new_tag, self.digest) = (change.new_tag.clone(), change.digest.clone());
        }
    }
}

pub(super) const PATCH_FIELDS: [&str; 5] = ["path", "patch", "target", "options", "template"];
pub(super) const TARGET_FIELDS: [&str; 7] =
    ["group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"];
pub(super) const OPTION_FIELDS: [&str; 2] = ["allowNameChange", "allowKindChange"];
pub(super) const IMAGE_FIELDS: [&str; 3] = ["newName", "newTag", "digest"];

/// Reads `patches`: paths of files, and mappings with a `path` or a `patch`.
pub(super) fn read_patches(
    items: Vec<YamlNode>,
    directory: &Path,
    source: &Source,
    problems: &mut Diagnostics,
) -> Vec<LayerPatch> {
    items.into_iter().filter_map(|item| read_patch(item, directory, source, problems)).collect()
}

fn read_patch(item: YamlNode, directory: &Path, source: &Source, problems: &mut Diagnostics) -> Option<LayerPatch> {
    let place = source.place(item.span);
    let map = match item.kind {
        YamlKind::Map(map) => map,
        YamlKind::Scalar(_) => {
            let path = problems.take(file_path("patches", &item, &place, source))?;
            let content = PatchSource::File(Located { value: directory.join(path), place: place.clone() });
            return Some(LayerPatch {
                content,
                target: None,
                allow_name_change: false,
                allow_kind_change: false,
                template: true,
                place,
            });
        }
        YamlKind::List(_) => {
            problems.push(unexpected_value("patches", "a path or a mapping", &item, &place, source));
            return None;
        }
    };
    let mut fields = LayerFields::new(map, &PATCH_FIELDS, "a patch", source, problems);
    let target = fields.map("target", problems).map(|(key, map)| read_target(map, key, source, problems));
    let options = fields.map("options", problems).map(|(_, map)| read_options(map, source, problems));
    let (allow_name_change, allow_kind_change) = options.unwrap_or_default();
    let template = fields.boolean("template", problems).is_none_or(|template| template.value);
    let content = match (fields.take("path"), fields.take("patch")) {
        (Some((key, node)), None) => {
            let place = source.place(node.span);
            let path = problems.take(file_path("path", &node, &key, source))?;
            PatchSource::File(Located { value: directory.join(path), place })
        }
        (None, Some((key, node))) => problems.take(inline_patch(node, &key, source))?,
        (both, _) => {
            let message = if both.is_some() {
                "a patch has both `path` and `patch`"
            } else {
                "a patch requires `path` or `patch`"
            };
            problems.push(
                fields.missing_field(
                    Diagnostic::error(Rule::InvalidField, message)
                        .at_masked(place)
                        .hint("write `{ path: patches/web.yaml }`, or the patch itself under `patch`"),
                ),
            );
            return None;
        }
    };
    Some(LayerPatch { content, target, allow_name_change, allow_kind_change, template, place })
}

fn read_target(map: Mapping, place: Location, source: &Source, problems: &mut Diagnostics) -> PatchSelector {
    let mut fields = LayerFields::new(map, &TARGET_FIELDS, "the target of a patch", source, problems);
    PatchSelector {
        group: fields.text("group", problems),
        version: fields.text("version", problems),
        kind: fields.text("kind", problems),
        name: fields.text("name", problems),
        namespace: fields.text("namespace", problems),
        label_selector: fields.text("labelSelector", problems),
        annotation_selector: fields.text("annotationSelector", problems),
        place,
    }
}

/// Whether a patch may change the name and the kind of an object.
fn read_options(map: Mapping, source: &Source, problems: &mut Diagnostics) -> (bool, bool) {
    let mut fields = LayerFields::new(map, &OPTION_FIELDS, "the options of a patch", source, problems);
    let mut is_set = |name: &str| fields.boolean(name, problems).is_some_and(|option| option.value);
    (is_set("allowNameChange"), is_set("allowKindChange"))
}

fn inline_patch(node: YamlNode, key: &Location, source: &Source) -> Result<PatchSource, Diagnostic> {
    if node.as_scalar().is_none() {
        return Ok(PatchSource::Structure(Tree::from_node(node, source)));
    }
    let text = read_text(&node, "patch", key, source)?;
    let style = node.as_scalar().map(|scalar| scalar.style);
    let written = match style {
        Some(YamlStyle::Literal) => block_lines(&node, &text.value, source),
        _ => single_line(&node, &text.value, source),
    };
    // patches of several lines in quotes have the line where they begin
    let begun = || "\n".repeat(node.span.line.saturating_sub(1)) + &text.value;
    Ok(PatchSource::Text(written.unwrap_or_else(|| Source::new(format!("{} (patch)", source.name()), begun()))))
}

/// Text of one line at its place in the file, if it is there as it is meant.
fn single_line(node: &YamlNode, text: &str, source: &Source) -> Option<Source> {
    let written = source.text().get(node.span.start..node.span.end)?;
    let start = node.span.start + written.find(text).filter(|_| !written.contains('\n'))?;
    let before = source.text().get(..start)?;
    let column = before.chars().rev().take_while(|char| *char != '\n').count();
    let place = "\n".repeat(node.span.line.saturating_sub(1)) + &" ".repeat(column);
    Some(Source::new(source.name(), place + text))
}

/// Lines of a block scalar at their places in the file, so that locations are those of the layer.
fn block_lines(node: &YamlNode, text: &str, source: &Source) -> Option<Source> {
    let written = source.text().get(node.span.start..node.span.end)?;
    let block = if written.starts_with('|') { written.split_once('\n')?.1 } else { written };
    let start = node.span.end - block.len();
    // from the start of its first line
    let start = source.text().get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let block = source.text().get(start..node.span.end)?;
    let lines = |text: &str| text.lines().map(|line| line.trim_start().to_owned()).collect::<Vec<_>>();
    let (mut found, mut expected) = (lines(block), lines(text));
    for lines in [&mut found, &mut expected] {
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
    }
    let before = source.text().get(..start)?.matches('\n').count();
    (found == expected).then(|| Source::new(source.name(), format!("{}{block}", "\n".repeat(before))))
}

/// Reads `images`: changes by name, where null removes that of an earlier layer.
pub(super) fn read_images(
    map: Mapping,
    source: &Source,
    problems: &mut Diagnostics,
) -> IndexMap<String, Located<Option<ImageChange>>> {
    let mut images = IndexMap::default();
    for (key, node) in map {
        let place = source.place(key.span);
        let value = match node.kind {
            YamlKind::Scalar(ref scalar) if scalar.is_null() && !scalar.blank => None,
            YamlKind::Map(map) => {
                let of = format!("the image `{}`", key.text);
                let mut fields = LayerFields::new(map, &IMAGE_FIELDS, &of, source, problems);
                let mut removed = Vec::new();
                let mut text = |name: &str| {
                    let Located { value: Some(value), place } = fields.text_or_null(name, problems)? else {
                        removed.push(name.to_owned());
                        return None;
                    };
                    let found = Located { value, place };
                    match misread::template_in_field(&format!("images.{}.{name}", key.text), &found) {
                        Some(problem) => {
                            problems.push(problem);
                            None
                        }
                        None => Some(found.value),
                    }
                };
                let [new_name, new_tag, digest] = IMAGE_FIELDS.map(&mut text);
                Some(ImageChange { new_name, new_tag, digest, removed })
            }
            YamlKind::Scalar(_) | YamlKind::List(_) => {
                let expected = "a mapping with `newName`, `newTag` or `digest`";
                problems.push(unexpected_value(&key.text, expected, &node, &place, source));
                continue;
            }
        };
        images.insert(key.text, Located { value, place });
    }
    images
}

/// Reads `replicas`: numbers by name, where null removes that of an earlier layer.
pub(super) fn read_replicas(
    map: Mapping,
    source: &Source,
    problems: &mut Diagnostics,
) -> IndexMap<String, Located<Option<u32>>> {
    let mut replicas = IndexMap::default();
    for (key, node) in map {
        let place = source.place(key.span);
        let number = |scalar: &Scalar| {
            let text = scalar.text();
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten()
        };
        let value = match node.as_scalar() {
            Some(scalar) if scalar.is_null() && !scalar.blank => None,
            Some(scalar) if !scalar.encrypted && number(scalar).is_some() => number(scalar),
            _ => {
                problems.push(unexpected_value(&key.text, "a number of replicas", &node, &place, source));
                continue;
            }
        };
        replicas.insert(key.text, Located { value, place });
    }
    replicas
}
