//! Other objects of the app: manifest files with rendered templates.
//!
//! In a YAML file each text is a template of its own, so that the secrets that it read and its location are known. A
//! file `*.j2` is rendered as a text, document by document where it can be split, and parsed after that.

use std::path::Path;
use std::sync::Arc;

use super::Lineage;
use super::circle::blocked_render;
use super::content::{ContentBuilder, LeafMode};
use super::context::ErrorReported;
use super::engine::ParsedManifests;
use super::failure::TemplateOrigin;
use super::foreign::foreign_template_hint;
use super::frame::{self, RenderFrame, RenderSubject};
use super::manifest_document::{ManifestDocument, RenderedPatch, TemplatePart};
use super::masked::TextTemplate;
use super::outline;
use super::prepare::prepare;
use super::renderer::TemplateRenderer;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::files::FileKind;
use crate::layer::{LayerPatch, ManifestPattern, PatchSource, Tree, TreeKind};
use crate::map::{HashSet, IndexMap};
use crate::sops;
use crate::span::{Location, Source};
use crate::template_tokens::{is_of_go, is_template};
use crate::value::OutputValue;
use crate::visibility::Visibility;
use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::read::{MergeKeys, PartialStream, read_partial_stream, read_stream};

impl TemplateRenderer {
    /// All documents of all files, in the order in which they are listed. Problems are reported, and invalid documents
    /// left out.
    pub(super) fn read_manifests(&self) -> Vec<ManifestDocument> {
        let mut found = Vec::new();
        let mut seen = HashSet::default();
        for (overlay, layer) in self.context.definition.overlays.iter().enumerate() {
            for pattern in &layer.manifests {
                for path in self.list_manifests(pattern) {
                    if seen.insert(path.clone()) {
                        // no patch or image is to blame for what an invalid file would have had
                        let documents = self.read_file(&path, pattern).unwrap_or_else(|ErrorReported| {
                            self.context.mark_unknown_manifests();
                            self.context.mention_any();
                            Vec::new()
                        });
                        found.extend(documents.into_iter().map(|document| ManifestDocument { overlay, ..document }));
                    }
                }
            }
        }
        for manifest in &found {
            self.context.refuse_ciphertext(manifest);
        }
        found
    }

    /// All patches, in the order of the overlays. Problems are reported, and invalid patches left out.
    pub(super) fn read_patches(&self) -> Vec<RenderedPatch> {
        let mut found = Vec::new();
        for (overlay, layer) in self.context.definition.overlays.iter().enumerate() {
            for (index, patch) in layer.patches.iter().enumerate() {
                let Ok(documents) = self.read_patch(patch) else {
                    self.context.mark_unknown_patches();
                    self.context.mention_any();
                    continue;
                };
                for document in &documents {
                    self.context.refuse_ciphertext(document);
                }
                found.push(RenderedPatch { overlay, index, documents });
            }
        }
        found
    }

    fn read_patch(&self, patch: &LayerPatch) -> Result<Vec<ManifestDocument>, ErrorReported> {
        let file = match &patch.content {
            PatchSource::Structure(tree) => {
                let subject = format!("{}#patch", patch.place);
                if self.context.engine.keys.reads_partial && tree.has_broken() {
                    self.context.mark_unknown_manifests();
                }
                return Ok(vec![self.render_patch(tree, &subject, patch.template)?]);
            }
            PatchSource::Text(text) => text.clone(),
            PatchSource::File(path) => {
                let file = self.context.engine.files.read_text(FileKind::Manifest, &path.value);
                file.map_err(|problem| self.context.report(problem.at_public(path.place.clone(), PublicReason::Path)))?
            }
        };
        if patch.template && Path::new(file.name()).extension().is_some_and(|extension| extension == "j2") {
            let (documents, failed) = self.text_template(&file);
            return if failed.is_empty() { Ok(documents) } else { Err(ErrorReported) };
        }
        let parsed = self.parse_file(&file)?;
        self.note_parsed(&parsed);
        let documents = parsed.trees.into_iter().enumerate();
        let documents = documents
            .map(|(index, tree)| self.render_patch(&tree, &format!("{}#{index}", patch.place), patch.template));
        let documents: Vec<_> = documents.collect();
        documents.into_iter().collect()
    }

    /// Renders the texts of a patch. One of which a template failed that says what the patch does cannot be applied.
    fn render_patch(&self, tree: &Tree, subject: &str, template: bool) -> Result<ManifestDocument, ErrorReported> {
        let mut rendered = RenderedTexts::default();
        let document = self.render_document(tree, subject, template, &mut rendered);
        if rendered.failed.iter().any(|path| decides_patch(path)) {
            return Err(ErrorReported);
        }
        Ok(document)
    }

    /// Renders the texts of a document, if they may be templates. A text whose template fails is unknown, and the rest
    /// of the object is checked all the same.
    fn render_document(
        &self,
        tree: &Tree,
        subject: &str,
        template: bool,
        rendered: &mut RenderedTexts,
    ) -> ManifestDocument {
        let tree = if template {
            self.render_tree(tree, subject, "", rendered)
        } else {
            tree.leaves("", &mut |path, leaf, scalar| rendered.parts.extend(encrypted_part(leaf, scalar, path)));
            tree.clone()
        };
        ManifestDocument { tree, parts: std::mem::take(&mut rendered.parts), is_absent: false, overlay: 0 }
    }

    fn read_file(&self, path: &Path, pattern: &ManifestPattern) -> Result<Vec<ManifestDocument>, ErrorReported> {
        let file = self.context.engine.files.read_text(FileKind::Manifest, path);
        let file = file.map_err(|problem| {
            self.context.report(problem.at_public(pattern.pattern.place.clone(), PublicReason::Path))
        })?;
        if pattern.template && path.extension().is_some_and(|extension| extension == "j2") {
            let (mut documents, failed) = self.text_template(&file);
            for part in failed {
                let outlined = match part {
                    FailedDocuments::OfTemplate(text) => outline::outline_documents(&text),
                    FailedDocuments::OfOutput => None,
                };
                match outlined {
                    Some(outlined) => documents.extend(outlined),
                    None => self.context.mark_unknown_manifests(),
                }
            }
            return Ok(documents);
        }
        let parsed =
            self.context.engine.documents.of(path, self.context.engine.keys.access, || self.parse_file(&file))?;
        self.note_parsed(&parsed);
        let documents = parsed.trees.iter().enumerate().map(|(index, tree)| {
            let subject = format!("{}#{index}", file.name());
            self.render_document(tree, &subject, pattern.template, &mut RenderedTexts::default())
        });
        Ok(documents.collect())
    }

    /// Reports what is not valid in a file. What its objects lack is no mistake in the layers.
    fn note_parsed(&self, parsed: &ParsedManifests) {
        self.context.add_seals(&parsed.seals);
        for problem in &parsed.problems {
            self.context.mark_unknown_manifests();
            self.context.report(problem.clone());
        }
    }

    /// Parses the documents of a YAML file, as far as they are valid. Nothing of a file with ciphertext is used if a part
    /// of it is not.
    pub(super) fn parse_documents(&self, file: &Source) -> Result<ParsedManifests, ErrorReported> {
        let with_hint = |problems: Diagnostics| -> Diagnostics {
            let helm = foreign_template_hint(file.text(), None, true);
            let ours = "quote templates inside YAML; to template the whole text, use a `*.j2` file";
            let ours = is_template(file.text()).then(|| ours.to_owned());
            // an unquoted template is no YAML, or a mapping as a key
            let is_unquoted = |rule| matches!(rule, Rule::YamlSyntax | Rule::ComplexKey);
            let hint = |rule| helm.clone().or_else(|| ours.clone().filter(|_| is_unquoted(rule)));
            let with_hint = |problem: Diagnostic| {
                let hint = hint(problem.rule);
                problem.maybe_hint(hint)
            };
            problems.into_iter().map(with_hint).collect()
        };
        let report = |problems: Diagnostics| self.context.report_all(with_hint(problems));
        let PartialStream { stream, mut problems } = read_partial_stream(file, MergeKeys::Apply).map_err(report)?;
        if !problems.is_empty() {
            if !self.context.engine.keys.reads_partial || sops::holds_ciphertext(file.text().as_bytes()) {
                return Err(report(problems));
            }
            problems = with_hint(problems);
        }
        if let Some(encrypted) = stream.documents.iter().find(|document| sops::is_encrypted(document)) {
            return Err(self.context.report(
                Diagnostic::error(
                    Rule::Unsupported,
                    format!("`{}` is encrypted, but templates of objects cannot be encrypted", file.name()),
                )
                .at_masked(file.place(encrypted.span))
                .hint("encrypt a manifest without the extension `.j2`, or move its values to a bundle"),
            ));
        }
        let trees = stream.documents.into_iter().map(|document| Tree::from_node(document, file));
        Ok(ParsedManifests { trees: trees.collect(), seals: Vec::new(), problems })
    }

    /// Parses the documents of a text that may contain secrets: no message shows a part of it.
    fn parse_redacted_documents(&self, text: &Source, template: &Location) -> Result<Vec<Tree>, ErrorReported> {
        let stream = read_stream(text, MergeKeys::Apply).map_err(|problems| {
            for problem in problems {
                let at = problem.labels.first().map(|label| label.place.span).unwrap_or_default();
                let message =
                    format!("the output of the template is not valid YAML: line {}, column {}", at.line, at.column);
                let problem = Diagnostic::error(problem.rule, message).at_masked(template.clone());
                self.context.report(problem.note("the output is not shown because it may contain secrets"));
            }
            ErrorReported
        })?;
        // same lines, so that locations are right
        let blank: String = text.text().bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        let blank = Source::new(text.name(), blank);
        Ok(stream.documents.into_iter().map(|document| Tree::from_node(document, &blank)).collect())
    }

    /// Renders the templates in the texts of a tree, each by itself.
    fn render_tree(&self, tree: &Tree, subject: &str, path: &str, rendered: &mut RenderedTexts) -> Tree {
        let kind = match &tree.kind {
            TreeKind::Leaf(scalar) if is_template(scalar.text()) => {
                return self.render_leaf(tree, scalar, subject, path, rendered);
            }
            TreeKind::Leaf(scalar) => {
                rendered.parts.extend(encrypted_part(tree, scalar, path));
                TreeKind::Leaf(Arc::clone(scalar))
            }
            TreeKind::List(items) => {
                let items = items.iter().enumerate();
                let items =
                    items.map(|(index, item)| self.render_tree(item, subject, &format!("{path}[{index}]"), rendered));
                TreeKind::List(items.collect())
            }
            TreeKind::Map(map) => {
                let pairs = map.iter().map(|(key, value)| {
                    let path = crate::layer::tree::join_path(path, key);
                    let value = match &value.kind {
                        TreeKind::Leaf(scalar) if is_of_go(key, scalar.text()) => {
                            rendered.parts.extend(encrypted_part(value, scalar, &path));
                            value.clone()
                        }
                        _ => self.render_tree(value, subject, &path, rendered),
                    };
                    (key.clone(), value)
                });
                TreeKind::Map(pairs.collect())
            }
        };
        Tree { place: tree.place.clone(), kind }
    }

    fn render_leaf(
        &self,
        tree: &Tree,
        scalar: &Arc<Scalar>,
        subject: &str,
        path: &str,
        rendered: &mut RenderedTexts,
    ) -> Tree {
        let frame = RenderFrame::new(
            RenderSubject::Manifest(format!("{subject}:{path}")),
            self.context.definition.own_bundle(),
        );
        let render = || {
            let mut builder = ContentBuilder {
                renderer: self,
                frame: &frame,
                may_render: true,
                leaves: LeafMode::Typed,
                locked: false,
            };
            builder.build_leaf(scalar, tree).map(|value| value_to_tree(value, &tree.place))
        };
        let result = frame::enter_frame(&frame, render)
            .unwrap_or_else(|refusal| Err(self.context.report(blocked_render(&self.context.definition, &refusal))));
        let is_failed = result.is_err() && !frame.is_locked();
        let unknown = |tree: Tree| with_unknown_texts(tree, "", &[]);
        let value = match result {
            Ok(value) if frame.is_locked() => unknown(value),
            Ok(value) => value,
            Err(ErrorReported) => unknown(value_to_tree(OutputValue::text(""), &tree.place)),
        };
        rendered.failed.extend(is_failed.then(|| path.to_owned()));
        rendered.parts.push(TemplatePart {
            path: path.to_owned(),
            place: tree.place.clone(),
            // why it failed is all that is reported of it
            lineage: if is_failed { Lineage::default() } else { frame.lineage() },
            visibility: if is_failed { Visibility::Unknown } else { frame.visibility() },
            text: None,
        });
        value
    }

    /// Renders a file that is a template as a whole. Returns its documents, and the parts of it that failed.
    fn text_template(&self, file: &Source) -> (Vec<ManifestDocument>, Vec<FailedDocuments>) {
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        for (index, chunk) in self.chunks(file).into_iter().enumerate() {
            // empty lines are prepended, so that locations are those in the file
            let before = file.text().get(..chunk.start).unwrap_or_default().matches('\n').count();
            let text = format!("{}{}", "\n".repeat(before), file.text().get(chunk.clone()).unwrap_or_default());
            let padded = Source::new(file.name(), text);
            let frame = RenderFrame::new(
                RenderSubject::Manifest(format!("{}#{index}", file.name())),
                self.context.definition.own_bundle(),
            );
            let render = || self.render(padded.name(), padded.text(), &TemplateOrigin::File(&padded));
            let rendered = frame::enter_frame(&frame, render)
                .unwrap_or_else(|refusal| Err(self.context.report(blocked_render(&self.context.definition, &refusal))));
            let rendered = match rendered {
                Ok(rendered) => rendered,
                Err(ErrorReported) if frame.is_locked() => {
                    self.context.mark_unknown_manifests();
                    continue;
                }
                Err(ErrorReported) => {
                    failed.push(FailedDocuments::OfTemplate(padded));
                    continue;
                }
            };
            let place = file.place(file.locate(chunk.start, chunk.start));
            let visibility = frame.visibility();
            let lineage = frame.lineage();
            let subject = format!("{}#{index}", file.name());
            let with_parts = |trees: Vec<Tree>, is_known: bool| {
                let text = (!lineage.reads.is_empty())
                    .then(|| TextTemplate::new(self, &padded, subject.clone(), is_known.then(|| trees.clone())));
                let part = TemplatePart {
                    path: String::new(),
                    place: place.clone(),
                    lineage: lineage.clone(),
                    visibility,
                    text,
                };
                if trees.is_empty() && part.text.is_some() {
                    let tree = Tree { place: place.clone(), kind: TreeKind::Map(IndexMap::default()) };
                    return vec![ManifestDocument { tree, parts: vec![part], is_absent: true, overlay: 0 }];
                }
                let of = |tree| ManifestDocument { tree, parts: vec![part.clone()], is_absent: false, overlay: 0 };
                trees.into_iter().map(of).collect::<Vec<_>>()
            };
            if visibility != Visibility::Known {
                found.extend(with_parts(self.unknown_documents(rendered.expose(), &place), false));
                continue;
            }
            let result = Source::new(format!("{} (rendered)", file.name()), rendered.expose().trim_start_matches('\n'));
            let trees = if lineage.reads.is_empty() {
                self.parse_documents(&result).map(|parsed| {
                    self.note_parsed(&parsed);
                    parsed.trees
                })
            } else {
                self.parse_redacted_documents(&result, &place)
            };
            match trees {
                Ok(trees) => found.extend(with_parts(trees, true)),
                Err(ErrorReported) => failed.push(FailedDocuments::OfOutput),
            }
        }
        (found, failed)
    }

    /// Documents of a text that contains ciphertext, as far as it can be parsed: only their identity is certain.
    fn unknown_documents(&self, text: &str, place: &Location) -> Vec<Tree> {
        let source = Source::new(place.source.name(), text);
        let Ok(stream) = read_stream(&source, MergeKeys::Apply) else {
            self.context.mark_unknown_manifests();
            return Vec::new();
        };
        let documents = stream.documents.into_iter();
        documents.map(|document| with_unknown_texts(Tree::from_node(document, &source), "", &IDENTITY)).collect()
    }

    /// Ranges of a template's documents, if each is a template by itself; otherwise the whole.
    fn chunks(&self, file: &Source) -> Vec<std::ops::Range<usize>> {
        let text = file.text();
        let mut chunks = Vec::new();
        let mut start = 0;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            at += line.len();
            if line.trim_end() == "---" {
                chunks.push(start..at - line.len());
                start = at;
            }
        }
        chunks.push(start..text.len());
        let compiles = |chunk: &std::ops::Range<usize>| {
            let text = text.get(chunk.clone()).unwrap_or_default();
            let source = prepare(text);
            source.is_ok_and(|source| {
                self.context.engine.environment().template_from_named_str("part", &source.text).is_ok()
            })
        };
        // each document is rendered below as many line feeds as there are lines before it
        let is_affordable = chunks.len().saturating_mul(text.len()) <= MOST_PADDING;
        if !is_affordable || !chunks.iter().all(compiles) {
            chunks.clear();
            chunks.push(0..text.len());
        }
        chunks
    }
}

/// Maximum total size in bytes of the documents of a template, each with the lines before it. A longer one is rendered
/// as a whole, which is always possible.
const MOST_PADDING: usize = 16 * 1024 * 1024;

/// Part of a template that gave no documents.
enum FailedDocuments {
    /// Its template, which failed.
    OfTemplate(Source),
    /// Its output is not valid.
    OfOutput,
}

/// Texts of a document that were rendered so far.
#[derive(Default)]
struct RenderedTexts {
    parts: Vec<TemplatePart>,
    /// Paths of those whose templates failed.
    failed: Vec<String>,
}

/// Whether a part of a patch says what it does: its operations, or the object that it names.
fn decides_patch(path: &str) -> bool {
    let fields = ["].op", "].path", "].from"];
    let is_of_operation = path.starts_with('[') && fields.iter().any(|field| path.ends_with(field));
    is_of_operation || IDENTITY.contains(&path) || path.contains('$')
}

/// Fields that identify an object.
const IDENTITY: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// Tree with unknown texts, except those at some paths.
fn with_unknown_texts(mut tree: Tree, path: &str, known: &[&str]) -> Tree {
    let below = |key: &str| crate::layer::tree::join_path(path, key);
    tree.kind = match tree.kind {
        TreeKind::Leaf(scalar) if known.contains(&path) => TreeKind::Leaf(scalar),
        TreeKind::Leaf(scalar) => TreeKind::Leaf(Arc::new(scalar.to_locked())),
        TreeKind::List(items) => {
            TreeKind::List(items.into_iter().map(|item| with_unknown_texts(item, "[]", known)).collect())
        }
        TreeKind::Map(map) => {
            let pairs =
                map.into_iter().map(|(key, value)| (key.clone(), with_unknown_texts(value, &below(&key), known)));
            TreeKind::Map(pairs.collect())
        }
    };
    tree
}

/// Part of an object that is encrypted in its file.
fn encrypted_part(tree: &Tree, scalar: &Scalar, path: &str) -> Option<TemplatePart> {
    // a placeholder is ciphertext that was not decrypted
    (scalar.encrypted || scalar.locked && !scalar.broken).then(|| TemplatePart {
        path: path.to_owned(),
        place: tree.place.clone(),
        lineage: Lineage { encrypted: true, secret: true, ..Lineage::default() },
        visibility: if scalar.locked { Visibility::Placeholder } else { Visibility::Known },
        text: None,
    })
}

/// Converts a value of a template to a part of a tree, at the location of the template.
fn value_to_tree(value: OutputValue<'_>, place: &Location) -> Tree {
    let leaf = |text: &str, style| TreeKind::Leaf(Arc::new(Scalar::new(text, style)));
    let kind = match value {
        OutputValue::Null => leaf("null", YamlStyle::Plain),
        OutputValue::Bool(bool) => leaf(&bool.to_string(), YamlStyle::Plain),
        OutputValue::Literal(text) => leaf(&text, YamlStyle::Plain),
        OutputValue::String(text) => leaf(&text, YamlStyle::DoubleQuoted),
        OutputValue::List(items) => TreeKind::List(items.into_iter().map(|item| value_to_tree(item, place)).collect()),
        OutputValue::Map(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| (key.into_owned(), value_to_tree(value, place)));
            TreeKind::Map(pairs.collect::<IndexMap<_, _>>())
        }
    };
    Tree { place: place.clone(), kind }
}
