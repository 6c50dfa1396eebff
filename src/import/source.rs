//! Objects of manifest files and of `kubectl get -o yaml`, without what a server adds.

use super::compare::find_differences;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::tree::{Tree, TreeKind};
use crate::manifest::{Manifest, list_items};
use crate::sops;
use crate::span::{Location, Source};
use crate::yaml::check_old_breaks;
use crate::yaml::read::{MergeKeys, read_document, read_stream};

/// Fields of `metadata` that a server sets.
const SERVER_METADATA: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// Annotations that kubectl and controllers set.
const SERVER_ANNOTATIONS: [&str; 2] =
    ["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"];

/// An object that was read.
#[derive(Debug, Clone)]
pub struct SourceObject {
    /// The object without the fields of a server.
    pub tree: Tree,
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// Text of its document with comments, if nothing was dropped from it.
    pub text: Option<String>,
    /// Whether its values are ciphertext.
    pub is_encrypted: bool,
    /// Whether a controller or the cluster made it from something else.
    pub is_generated: bool,
    /// Whether it was read from a cluster, where defaults and fields of other programs are added.
    pub is_live: bool,
}

/// Objects of a stream, with those that were left out.
#[derive(Debug, Default)]
pub struct SourceObjects {
    /// The objects, in their order.
    pub objects: Vec<SourceObject>,
    /// Objects that a controller or the cluster makes, each with the reason.
    pub left_out: Vec<(Location, String)>,
    /// Number of objects from which fields of a server were dropped.
    pub trimmed: usize,
    /// Whether encrypted objects are read as they are; they are refused otherwise.
    pub keeps_encrypted: bool,
    /// Whether objects that a controller or the cluster makes are read too; they are left out otherwise.
    pub keeps_generated: bool,
}

impl SourceObject {
    /// Whether it is an object of the core group of this kind.
    pub fn is_core(&self, kind: &str) -> bool {
        self.api_version == "v1" && self.kind == kind
    }

    /// Location of the object.
    pub fn place(&self) -> &Location {
        &self.tree.place
    }

    /// Label for people: ``the Deployment `web` ``.
    pub fn label(&self) -> String {
        format!("the {} `{}`", self.kind, self.name)
    }

    /// The object without its namespace, if that is `namespace` and its text can be kept without it.
    pub fn without_namespace(&self, namespace: &str) -> Option<Self> {
        if self.namespace.as_deref() != Some(namespace) {
            return None;
        }
        let mut tree = self.tree.clone();
        let TreeKind::Map(metadata) = &mut tree.at_mut(&["metadata"])?.kind else { return None };
        metadata.shift_remove("namespace")?;
        let text = match &self.text {
            Some(text) => Some(remove_namespace(text, &tree)?),
            None => None,
        };
        Some(Self { tree, text, namespace: None, ..self.clone() })
    }

    /// Identity of the object.
    pub fn id(&self) -> (&str, &str, &str, &str) {
        (&self.api_version, &self.kind, self.namespace.as_deref().unwrap_or_default(), &self.name)
    }
}

impl SourceObjects {
    /// Reads the documents of a file. `List`s are split into their items.
    pub fn read(&mut self, source: &Source, problems: &mut Diagnostics) {
        if let Err(problem) = check_old_breaks(source) {
            return problems.push(problem);
        }
        let stream = match read_stream(source, MergeKeys::Apply) {
            Ok(stream) => stream,
            Err(found) => return problems.extend(found),
        };
        let starts: Vec<_> = stream.documents.iter().map(|document| document.span.start).collect();
        let texts = texts_of_documents(source.text(), &starts);
        for (document, text) in stream.documents.into_iter().zip(texts) {
            let is_encrypted = sops::is_encrypted(&document);
            if is_encrypted && !self.keeps_encrypted {
                problems.push(
                    Diagnostic::error(Rule::Unsupported, "an encrypted manifest cannot be imported")
                        .at_masked(source.place(document.span))
                        .hint("decrypt it into the command: `septum decrypt FILE | septum import manifests -`"),
                );
                continue;
            }
            let first = self.objects.len();
            let mut tree = Tree::from_node(document, source);
            if let TreeKind::Map(map) = &mut tree.kind
                && is_encrypted
            {
                map.shift_remove(sops::BLOCK);
            }
            self.add_tree(tree, text.filter(|_| !is_encrypted), problems);
            for object in self.objects.iter_mut().skip(first) {
                object.is_encrypted = is_encrypted;
            }
        }
    }

    fn add_tree(&mut self, mut tree: Tree, text: Option<&str>, problems: &mut Diagnostics) {
        if list_items(&tree).is_some() {
            if let TreeKind::Map(map) = &mut tree.kind
                && let Some(Tree { kind: TreeKind::List(items), .. }) = map.shift_remove("items")
            {
                for item in items {
                    self.add_tree(item, None, problems);
                }
            }
            return;
        }
        let reason = reason_to_leave_out(&tree);
        let is_generated = reason.is_some();
        if let Some(reason) = reason.filter(|_| !self.keeps_generated) {
            self.left_out.push((tree.place, reason));
            return;
        }
        let is_live = has_server_identity(&tree);
        let is_trimmed = drop_server_fields(&mut tree);
        self.trimmed += usize::from(is_trimmed);
        match Manifest::of(tree) {
            Ok(Manifest { api_version, kind, name, namespace, tree, .. }) => {
                let text = text.filter(|_| !is_trimmed).map(str::to_owned);
                let object = SourceObject {
                    tree,
                    api_version,
                    kind,
                    name,
                    namespace,
                    text,
                    is_encrypted: false,
                    is_generated,
                    is_live,
                };
                self.objects.push(object);
            }
            Err(problem) => problems.push(problem),
        }
    }
}

/// Texts of the documents of a stream that begin at some offsets. Documents that cannot be told apart have none.
pub fn texts_of_documents<'t>(text: &'t str, starts: &[usize]) -> Vec<Option<&'t str>> {
    let parts = split_documents(text);
    let part_of = |start: &usize| parts.iter().rposition(|(begin, _)| begin <= start);
    let found: Vec<_> = starts.iter().map(part_of).collect();
    let is_own = |part: &Option<usize>| found.iter().filter(|other| *other == part).count() == 1;
    found
        .iter()
        .map(|part| part.filter(|_| is_own(part)).and_then(|part| parts.get(part)).map(|(_, text)| *text))
        .collect()
}

/// Text of a document without the line that sets its namespace; `expected` is what is left.
fn remove_namespace(text: &str, expected: &Tree) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let candidates = lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("namespace:"));
    candidates.map(|(index, _)| index).find_map(|index| {
        let rest: String =
            lines.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, line)| *line).collect();
        let source = Source::new("", rest.as_str());
        let tree = Tree::from_node(read_document(&source).ok()?, &source);
        find_differences(expected.to_value(), tree.to_value()).is_empty().then_some(rest)
    })
}

/// Documents of a stream, each with its offset. A line that begins with `---` is always a mark.
pub fn split_documents(text: &str) -> Vec<(usize, &str)> {
    let mut marks = vec![(0, 0)];
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let is_mark =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(['\n', '\r', ' ', '\t']));
        if is_mark {
            let is_alone = line.get(3..).unwrap_or_default().trim_start().is_empty();
            // content on the line of the mark is part of the document
            marks.push((offset, if is_alone { offset + line.len() } else { offset }));
        }
        offset += line.len();
    }
    let ends = marks.iter().skip(1).map(|(mark, _)| *mark).chain([text.len()]);
    marks.iter().zip(ends).filter_map(|((_, start), end)| Some((*start, text.get(*start..end)?))).collect()
}

/// Reason why an object is made by the cluster or a controller, and so is not imported.
fn reason_to_leave_out(tree: &Tree) -> Option<String> {
    let text = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text);
    let (kind, name) = (text(&["kind"])?, text(&["metadata", "name"])?);
    let owners = tree.at(&["metadata", "ownerReferences"]).and_then(Tree::as_list).unwrap_or_default();
    let controller = owners.iter().find(|owner| owner.get("controller").and_then(Tree::as_text) == Some("true"));
    if let Some(owner) = controller {
        let field = |field| owner.get(field).and_then(Tree::as_text).unwrap_or_default();
        return Some(format!("the {kind} `{name}` is made by the {} `{}`", field("kind"), field("name")));
    }
    if (kind, name) == ("ConfigMap", "kube-root-ca.crt") {
        return Some("the ConfigMap `kube-root-ca.crt` is made by the cluster".to_owned());
    }
    match text(&["type"]) {
        Some("helm.sh/release.v1") if kind == "Secret" => {
            Some(format!("the Secret `{name}` is the record of a release of Helm"))
        }
        _ => None,
    }
}

/// Whether a cluster has stored the object.
fn has_server_identity(tree: &Tree) -> bool {
    ["uid", "resourceVersion"].iter().any(|field| tree.at(&["metadata", field]).is_some())
}

/// Drops what a cluster assigned to an object that is read from it: addresses of a Service, the volume of a claim.
/// Another cluster refuses them. In a manifest of a person, they were chosen.
fn drop_assigned_fields(tree: &mut Tree) -> bool {
    let is_read = has_server_identity(tree);
    let is_headless = tree.at(&["spec", "clusterIP"]).and_then(Tree::as_text) == Some("None");
    let is_bound = tree.at(&["metadata", "annotations", "pv.kubernetes.io/bound-by-controller"]).is_some();
    let fields: &[&str] = match tree.get("kind").and_then(Tree::as_text) {
        Some("Service") if is_read && !is_headless => &["clusterIP", "clusterIPs", "healthCheckNodePort"],
        Some("PersistentVolumeClaim") if is_read && is_bound => &["volumeName"],
        _ => return false,
    };
    let Some(Tree { kind: TreeKind::Map(map), .. }) = tree.at_mut(&["spec"]) else { return false };
    let before = map.len();
    map.retain(|field, _| !fields.contains(&field.as_str()));
    map.len() < before
}

/// Drops what a server adds, and returns whether anything was dropped.
fn drop_server_fields(tree: &mut Tree) -> bool {
    let mut dropped = drop_assigned_fields(tree);
    let mut is_null_map = |map: &mut crate::map::IndexMap<String, Tree>, fields: &[&str]| {
        for field in fields {
            dropped |= map.shift_remove(*field).is_some();
        }
        map.is_empty()
    };
    if let TreeKind::Map(map) = &mut tree.kind {
        is_null_map(map, &["status"]);
    }
    for metadata in [&["metadata"][..], &["spec", "template", "metadata"]] {
        let Some(metadata) = tree.at_mut(metadata) else { continue };
        let mut empty = false;
        if let Some(Tree { kind: TreeKind::Map(annotations), .. }) = metadata.at_mut(&["annotations"]) {
            empty = is_null_map(annotations, &SERVER_ANNOTATIONS);
        }
        if let TreeKind::Map(map) = &mut metadata.kind {
            is_null_map(map, &SERVER_METADATA);
            if empty {
                is_null_map(map, &["annotations"]);
            }
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_a_line_break_of_another_kind_separates_have_no_text() {
        let text = "a: 1\r---\rb: 2\n---\nc: 3\n";
        let starts = [0, text.find("b:").unwrap(), text.find("c:").unwrap()];
        assert_eq!(texts_of_documents(text, &starts), [None, None, Some("c: 3\n")]);
    }

    #[test]
    fn documents_keep_their_comments_and_marks_in_texts_are_none() {
        let text = "# one\na: 1\n---\n# two\nb: |\n  ---\n  x\n--- # three\nc: 3\n";
        let parts: Vec<_> = split_documents(text).into_iter().map(|(_, text)| text).collect();
        assert_eq!(parts, ["# one\na: 1\n", "# two\nb: |\n  ---\n  x\n", "--- # three\nc: 3\n"]);
    }
}
