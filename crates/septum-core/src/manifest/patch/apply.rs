//! Application of patches to the objects of an environment, in the order of the patches.

use super::consumed::{ConsumedPart, ConsumedParts};
use super::directive::{DirectivePlaces, PATCH};
use super::failure::PatchFailure;
use super::merge_schema::MergeSchema;
use super::node::{NodeKind, PartTable, PatchNode};
use super::object::{PatchIdentity, PatchObject};
use super::operation::OperationList;
use super::reading;
use super::strategic::{StrategicMerge, UnappliedDirectives};
use super::target::{TargetMatcher, unmatched_identity, unmatched_target};
use super::target_index::PatchTargetIndex;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{PatchSelector, Tree, TreeKind};
use crate::map::{HashSet, IndexMap};
use crate::resolve::TemplatePart;
use crate::span::Location;

/// Patch of a layer, with its templates rendered.
#[derive(Debug, Clone)]
pub struct ResolvedPatch {
    /// Objects that it selects; without a target, the object that the patch itself names.
    pub target: Option<PatchSelector>,
    /// Documents of the patch. One that is a list has JSON6902 operations, a mapping is a strategic merge patch.
    pub documents: Vec<PatchDocument>,
    /// Options.
    pub options: PatchOptions,
    /// Location of the patch in its layer.
    pub place: Location,
}

/// Document of a patch.
#[derive(Debug, Clone)]
pub struct PatchDocument {
    /// Content of the document.
    pub tree: Tree,
    /// Parts of it that come from templates.
    pub parts: Vec<TemplatePart>,
}

/// Options of a strategic merge patch.
#[derive(Debug, Clone, Copy, Default)]
pub struct PatchOptions {
    /// `allowNameChange`: a name in the patch replaces that of the object.
    pub allow_name_change: bool,
    /// `allowKindChange`: a kind in the patch replaces that of the object.
    pub allow_kind_change: bool,
}

/// Settings of a patch.
#[derive(Clone, Copy)]
pub struct PatchSettings<'a> {
    /// Treatment of directives that have no effect.
    pub unapplied: UnappliedDirectives,
    /// Whether all objects are known, asked of a patch that selects nothing: if some are missing without a key, that
    /// is no error.
    pub is_complete: &'a dyn Fn(&[PatchObject]) -> bool,
}

/// Problems of a patch, and the templated values that decided something.
#[derive(Debug, Default)]
pub struct PatchReport {
    /// Errors; the object that a patch cannot be applied to keeps its content.
    pub problems: Vec<Diagnostic>,
    /// Templated values that decided what a patch does, each once.
    pub consumed: Vec<ConsumedPart>,
}

/// Objects of an environment, to which patches are applied in their order.
#[derive(Debug, Default)]
pub struct PatchedObjects {
    objects: Vec<PatchObject>,
    /// Identities of the objects; none before a patch, and after objects were added.
    index: Option<PatchTargetIndex>,
}

impl PatchedObjects {
    /// Objects before any patch.
    pub fn new(objects: Vec<PatchObject>) -> Self {
        Self { objects, index: None }
    }

    /// Adds objects for the patches that follow.
    pub fn add(&mut self, objects: impl IntoIterator<Item = PatchObject>) {
        self.objects.extend(objects);
        self.index = None;
    }

    /// Applies a patch. Objects that it deletes are removed.
    pub fn apply(&mut self, patch: &ResolvedPatch, settings: PatchSettings<'_>) -> PatchReport {
        let index = self.index.take();
        let mut run = PatchRun { settings, report: PatchReport::default(), seen: HashSet::default(), index };
        let applied = run.apply(&mut self.objects, patch);
        run.report.problems.extend(applied.err().into_iter().flatten());
        self.index = run.index;
        run.report
    }

    /// The objects after the patches.
    pub fn into_objects(self) -> Vec<PatchObject> {
        self.objects
    }
}

struct PatchRun<'a> {
    settings: PatchSettings<'a>,
    report: PatchReport,
    /// Consumed parts that are in the report.
    seen: HashSet<(String, usize, usize, String, u8)>,
    /// Identities of the objects; none before the first patch.
    index: Option<PatchTargetIndex>,
}

/// Content of an object after a patch; `None` if it was deleted.
type PatchedNode = Result<Option<PatchNode>, PatchFailure>;

impl PatchRun<'_> {
    fn apply(&mut self, objects: &mut Vec<PatchObject>, patch: &ResolvedPatch) -> Result<(), Diagnostics> {
        let matcher = patch.target.as_ref().map(TargetMatcher::compile).transpose()?;
        let documents: Vec<_> = patch.documents.iter().filter(|document| !is_empty(&document.tree)).collect();
        let invalid = |message: &str, place: &Location| {
            Diagnostic::error(Rule::InvalidPatch, message.to_owned()).at_masked(place.clone())
        };
        match documents.as_slice() {
            [] => Err(invalid("a patch is empty", &patch.place)
                .hint("write a strategic merge patch, or a list of JSON6902 operations")
                .into()),
            [operations] if matches!(operations.tree.kind, TreeKind::List(_)) => {
                let (Some(target), Some(matcher)) = (&patch.target, matcher) else {
                    let error = invalid("JSON6902 operations have no target", &operations.tree.place);
                    return Err(error.hint("add `target`, such as `{ kind: Deployment, name: web }`").into());
                };
                self.patch_selected(objects, patch, target, &matcher, operations)
            }
            documents => {
                let wrong: Diagnostics =
                    documents.iter().filter_map(|document| check_document(document).err()).collect();
                if !wrong.is_empty() {
                    return Err(wrong);
                }
                match (&patch.target, matcher, documents) {
                    (Some(target), Some(matcher), [document]) => {
                        self.patch_selected(objects, patch, target, &matcher, document)
                    }
                    (Some(target), _, _) => Err(invalid("a patch with a target has several documents", &target.place)
                        .hint("split it into several patches, or remove `target`")
                        .into()),
                    (None, _, documents) => {
                        let applied = documents.iter().map(|document| self.patch_named(objects, patch, document));
                        let problems: Diagnostics = applied.filter_map(Result::err).flatten().collect();
                        if problems.is_empty() { Ok(()) } else { Err(problems) }
                    }
                }
            }
        }
    }

    /// Applies a document to all objects that a target selects.
    fn patch_selected(
        &mut self,
        objects: &mut Vec<PatchObject>,
        patch: &ResolvedPatch,
        target: &PatchSelector,
        matcher: &TargetMatcher,
        document: &PatchDocument,
    ) -> Result<(), Diagnostics> {
        let index = self.index.get_or_insert_with(|| PatchTargetIndex::of(objects));
        let is_selected = |at: &usize| {
            let object = objects.get(*at).zip(index.identities_of(*at));
            object.is_some_and(|(object, (original, current))| matcher.matches(object, original, current))
        };
        let mut selected = index.candidates(matcher.names());
        selected.retain(is_selected);
        if selected.is_empty() && (self.settings.is_complete)(objects) {
            return Err(unmatched_target(target, &patch.place, &index.identities).into());
        }
        self.patch_indices(objects, &selected, patch, document)
    }

    /// Applies a strategic merge patch to the object that it names.
    fn patch_named(
        &mut self,
        objects: &mut Vec<PatchObject>,
        patch: &ResolvedPatch,
        document: &PatchDocument,
    ) -> Result<(), Diagnostics> {
        let wanted = PatchIdentity::of_tree(&document.tree);
        let index = self.index.get_or_insert_with(|| PatchTargetIndex::of(objects));
        let is_wanted = |index: &usize| {
            objects.get(*index).is_some_and(|object| object.identities().any(|identity| identity == wanted))
        };
        let selected: Vec<_> = index.named(&wanted.name).iter().copied().filter(is_wanted).collect();
        match selected.as_slice() {
            [_] => self.patch_indices(objects, &selected, patch, document),
            [] if !(self.settings.is_complete)(objects) => Ok(()),
            _ => {
                let matches: Vec<_> = selected.iter().filter_map(|index| objects.get(*index)).collect();
                // what a template gave may be a secret
                let is_name = |path: &str| path == "kind" || path == "apiVersion" || path.starts_with("metadata");
                let may_show = !document.parts.iter().any(|part| part.path.is_empty() || is_name(&part.path));
                let known = &index.identities;
                Err(unmatched_identity(&wanted, may_show, &document.tree.place, &matches, known).into())
            }
        }
    }

    /// Applies a document to some objects. The first failure ends it.
    fn patch_indices(
        &mut self,
        objects: &mut Vec<PatchObject>,
        selected: &[usize],
        patch: &ResolvedPatch,
        document: &PatchDocument,
    ) -> Result<(), Diagnostics> {
        let mut deleted = HashSet::default();
        for index in selected {
            let Some(object) = objects.get_mut(*index) else { continue };
            let before = object.identity();
            let applied = self.patch_object(object, patch, document);
            let applied = applied.map_err(|failures| {
                let place = || Some((&object.tree.place, format!("in {}", before.label())));
                failures.into_iter().map(|failure| failure.into_diagnostic(place())).collect::<Diagnostics>()
            })?;
            if !applied {
                deleted.insert(*index);
                continue;
            }
            let identity = object.identity();
            if let Some(known) = self.index.as_mut().filter(|_| identity != before) {
                known.change(*index, identity);
            }
        }
        if !deleted.is_empty() {
            if let Some(index) = &mut self.index {
                index.remove(&deleted);
            }
            let mut index = 0;
            objects.retain(|_| {
                index += 1;
                !deleted.contains(&(index - 1))
            });
        }
        Ok(())
    }

    /// Applies a document to an object; returns whether the object still exists.
    fn patch_object(
        &mut self,
        object: &mut PatchObject,
        patch: &ResolvedPatch,
        document: &PatchDocument,
    ) -> Result<bool, Vec<PatchFailure>> {
        let mut table = PartTable::default();
        let mut consumed = ConsumedParts::default();
        let node = PatchNode::from_tree(object.tree.clone(), object.parts.clone(), &mut table);
        let mut change = PatchNode::from_tree(document.tree.clone(), document.parts.clone(), &mut table);
        let is_operations = change.as_list().is_some();
        if is_operations {
            reading::read_json(&mut change);
        } else {
            reading::read_texts(&mut change);
        }
        let patched = if is_operations {
            let mut node = node;
            let mut operations = OperationList { table: &mut table, consumed: &mut consumed };
            operations.apply(&mut node, &change).map(|()| Some(node))
        } else {
            let mut merge = StrategicMerge { is_rewritten: object.is_rewritten, consumed: &mut consumed };
            let directives =
                (self.settings.unapplied == UnappliedDirectives::Refuse).then(|| DirectivePlaces::of(&change));
            let merged = merge_object(&mut merge, node, change, patch);
            let checked = match (directives, &merged) {
                (Some(directives), Ok(Some(node))) => directives.check_applied(node).and(merged),
                _ => merged,
            };
            checked.map_err(|failure| vec![failure])
        };
        self.report_consumed(consumed.into_parts(&table));
        if is_operations || patch.options.allow_name_change || patch.options.allow_kind_change {
            object.remember_identity();
        }
        let Some(mut node) = patched?.filter(|node| !node.is_empty_map()) else { return Ok(false) };
        object.is_rewritten |= is_operations;
        reading::write_texts(&mut node, "annotations");
        (object.tree, object.parts) = node.into_tree(&table);
        Ok(true)
    }

    fn report_consumed(&mut self, consumed: Vec<ConsumedPart>) {
        for part in consumed {
            let span = part.part.place.span;
            let source = part.part.place.source.name().to_owned();
            if self.seen.insert((source, span.line, span.column, part.part.path.clone(), part.role as u8)) {
                self.report.consumed.push(part);
            }
        }
    }
}

/// Whether a document has no content.
fn is_empty(tree: &Tree) -> bool {
    match &tree.kind {
        TreeKind::Leaf(scalar) => scalar.is_null() || scalar.blank,
        TreeKind::List(items) => items.is_empty(),
        TreeKind::Map(map) => map.is_empty(),
    }
}

/// Refuses a strategic merge patch that is not of an object.
fn check_document(document: &PatchDocument) -> Result<(), Diagnostic> {
    if document.tree.as_map().is_none() {
        let message = format!("expected a strategic merge patch, found {}", document.tree.noun());
        return Err(Diagnostic::error(Rule::InvalidPatch, message).at_masked(document.tree.place.clone()));
    }
    let is_missing = |keys: &[&str]| match document.tree.at(keys).map(|tree| &tree.kind) {
        Some(TreeKind::Leaf(scalar)) => !scalar.locked && (scalar.is_null() || scalar.text().is_empty()),
        _ => true,
    };
    let missing = [&["kind"] as &[&str], &["metadata", "name"]].into_iter().find(|keys| is_missing(keys));
    match missing {
        Some(keys) => {
            let message = format!("a strategic merge patch has no `{}`", keys.join("."));
            Err(Diagnostic::error(Rule::InvalidPatch, message)
                .at_masked(document.tree.place.clone())
                .hint("with a `target`, any name may be written; it is not applied"))
        }
        None => Ok(()),
    }
}

/// Merges a strategic merge patch into an object, which keeps its identity.
fn merge_object(
    merge: &mut StrategicMerge<'_>,
    object: PatchNode,
    mut change: PatchNode,
    patch: &ResolvedPatch,
) -> PatchedNode {
    let metadata = |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key)).cloned();
    let (kind, name, namespace) = (object.get("kind").cloned(), metadata("name"), metadata("namespace"));
    let api_version = object.get("apiVersion").cloned();
    if let (Some(_), Some(map), Some(api_version)) = (&patch.target, change.as_map_mut(), &api_version) {
        map.insert("apiVersion".to_owned(), api_version.clone());
        reading::write_texts(&mut change, "labels");
        reading::write_texts(&mut change, "annotations");
    }
    if let Some(directive) = change.get(PATCH).filter(|directive| directive.text() == "replace") {
        return Err(PatchFailure::new(&directive.place, "`$patch: replace` cannot replace a whole object")
            .hint("write it below a field, or replace the object in `manifests`"));
    }
    let text = |node: &Option<PatchNode>| node.as_ref().map(|node| node.text().to_owned()).unwrap_or_default();
    let schema = MergeSchema::of_kind(&text(&api_version), &text(&kind));
    let place = object.place.clone();
    let Some(mut node) = merge.merge(Some(object), Some(change), schema)? else { return Ok(None) };
    if node.is_empty_map() {
        return Ok(None);
    }
    let Some(map) = node.as_map_mut() else { return Ok(Some(node)) };
    if let Some(kind) = kind.filter(|_| !patch.options.allow_kind_change) {
        map.insert("kind".to_owned(), kind);
    }
    let empty = PatchNode { place, parts: Vec::new(), kind: NodeKind::Map(IndexMap::default()) };
    let metadata = map.entry("metadata".to_owned()).or_insert(empty);
    if let Some(metadata) = metadata.as_map_mut() {
        if let Some(name) = name.filter(|_| !patch.options.allow_name_change) {
            metadata.insert("name".to_owned(), name);
        }
        match namespace {
            Some(namespace) => {
                metadata.insert("namespace".to_owned(), namespace);
            }
            None => {
                metadata.shift_remove("namespace");
            }
        }
    }
    Ok(Some(node))
}
