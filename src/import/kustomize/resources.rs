//! Files of objects, copied with their comments.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::assemble::{LayerAssembly, LayerFile};
use super::draft::PlannedManifest;
use super::field_map::Text;
use super::graph::{CIPHERTEXT, NodeIndex};
use super::json::{json_of_tree, text_at};
use crate::files::FileKind;
use crate::import::{PlannedFile, texts_of_documents};
use crate::layer::{Tree, TreeKind};
use crate::manifest::list_items;
use crate::sops;
use crate::span::Source;
use crate::template_tokens::is_template;
use crate::yaml::node::YamlNode;
use crate::yaml::read::{MergeKeys, read_document, read_stream};
use crate::yaml::write::write_document;

/// Annotation of objects that kustomize reads and does not build.
const LOCAL: &str = "config.kubernetes.io/local-config";

/// Start of a text in the place of a ciphertext.
pub(super) const CIPHERTEXT_NAME: &str = "septum-ciphertext-";

/// Text of a file, document by document.
pub(super) struct DocumentText<'t> {
    pub(super) tree: Tree,
    node: YamlNode,
    text: &'t str,
}

impl DocumentText<'_> {
    /// Whether kustomize reads the object without building it.
    fn is_local(&self) -> bool {
        let object = json_of_tree(&self.tree);
        let mark = text_at(&object, &format!("/metadata/annotations/{}", LOCAL.replace('/', "~1")));
        !matches!(mark, "" | "false")
    }
}

impl LayerAssembly<'_, '_> {
    /// Copies a file of `resources`: encrypted ones as they are, Secrets in plaintext to an encrypted file.
    pub(super) fn copy_resource(&mut self, path: &Path, (node, named): (NodeIndex, &Text), layer: &str) {
        if let Some(reference) = self.copied.get(&(path.to_path_buf(), layer.to_owned())) {
            let draft = PlannedManifest { path: reference.clone(), is_template: false };
            if !self.layer(layer).manifests.iter().any(|known| known.path == draft.path) {
                self.layer(layer).manifests.push(draft);
            }
            return;
        }
        let source = match self.graph.files.read_text(FileKind::Manifest, path) {
            Ok(source) => source,
            Err(problem) => return self.note_as_built_file(named, &problem.message),
        };
        let documents = match read_documents(&source) {
            Ok(documents) => documents,
            Err(message) => return self.note_as_built_file(named, &message),
        };
        let directory = named_directory(path, named);
        let placed = self.place_file("manifests", path, &directory, layer);
        self.copied.insert((path.to_path_buf(), layer.to_owned()), placed.reference.clone());
        if documents.iter().any(|document| sops::is_encrypted(&document.node)) {
            let staged = documents.iter().map(|document| staged_text(&document.tree)).collect::<Vec<_>>().join("---\n");
            let bytes = source.text().as_bytes().to_vec();
            let file = PlannedFile::Encrypted { bytes, staged: Zeroizing::new(staged.into_bytes()) };
            return self.add_manifest(placed, file, is_template(source.text()), layer);
        }
        let count = documents.len();
        let (local, built): (Vec<_>, Vec<_>) = documents.into_iter().partition(DocumentText::is_local);
        let (secrets, kept): (Vec<_>, Vec<_>) =
            built.into_iter().partition(|document| has_secret_values(&document.tree));
        if !local.is_empty() {
            self.note(
                &named.place,
                format!("objects with the annotation `{LOCAL}` are not copied; kustomize does not build them"),
            );
        }
        if kept.len() == count {
            let trees: Vec<_> = kept.iter().map(|document| &document.tree).collect();
            let file = PlannedFile::Plain(self.names.rename_in(node, source.text(), &trees).into_bytes());
            return self.add_manifest(placed, file, is_template(source.text()), layer);
        }
        if !secrets.is_empty() {
            self.note(&named.place, "Secrets in plaintext are written to an encrypted file");
            self.add_secrets(&placed, &secrets, layer);
        }
        if !kept.is_empty() {
            let text = join_documents(&kept.iter().collect::<Vec<_>>());
            let is_template = is_template(&text);
            self.add_manifest(placed, PlannedFile::Plain(text.into_bytes()), is_template, layer);
        }
    }

    /// Notes that a file cannot be read, and why: what it does is in the built objects.
    pub(super) fn note_as_built_file(&mut self, named: &Text, why: &str) {
        self.note(&named.place, format!("`{}` is taken as built: {why}", named.value));
    }

    /// Adds a file of objects to a layer.
    fn add_manifest(&mut self, placed: LayerFile, file: PlannedFile, is_template: bool, layer: &str) {
        self.files.insert(placed.path, file);
        self.layer(layer).manifests.push(PlannedManifest { path: placed.reference, is_template });
    }

    /// Adds an encrypted file for each Secret of a file.
    fn add_secrets(&mut self, placed: &LayerFile, secrets: &[DocumentText<'_>], layer: &str) {
        for (index, document) in secrets.iter().enumerate() {
            let numbered = |path: &str| match index {
                0 => path.to_owned(),
                _ => format!("{}-{}.yaml", path.trim_end_matches(".yaml").trim_end_matches(".yml"), index + 1),
            };
            let text = document.text.to_owned();
            self.add_secret_manifest(&numbered(&placed.path), &numbered(&placed.reference), text, layer);
        }
    }

    /// Copies a file of `resources` if it is encrypted: its objects cannot be taken as built.
    pub(super) fn copy_encrypted(&mut self, path: &Path, (node, named): (NodeIndex, &Text), layer: &str) {
        let source = self.graph.files.read_text(FileKind::Manifest, path);
        let is_encrypted = source.is_ok_and(|source| {
            read_documents(&source)
                .is_ok_and(|documents| documents.iter().any(|document| sops::is_encrypted(&document.node)))
        });
        if is_encrypted {
            self.copy_resource(path, (node, named), layer);
        }
    }

    /// Adds an encrypted file of objects beside the place of a plain one.
    pub(super) fn add_secret_manifest(&mut self, path: &str, reference: &str, text: String, layer: &str) {
        let encrypted = |path: &str| {
            let stem = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml")).unwrap_or(path);
            format!("{stem}.secrets.yaml")
        };
        let is_template = is_template(&text);
        self.files.insert(encrypted(path), PlannedFile::SecretManifest(Zeroizing::new(text.into_bytes())));
        self.layer(layer).manifests.push(PlannedManifest { path: encrypted(reference), is_template });
    }
}

/// Directory of the kustomization that names a file.
fn named_directory(path: &Path, named: &Text) -> std::path::PathBuf {
    let depth = named.value.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").count();
    path.ancestors().nth(depth).unwrap_or(path).to_path_buf()
}

/// Documents of a file with their texts, or the message of the first mistake.
pub(super) fn read_documents(source: &Source) -> Result<Vec<DocumentText<'_>>, String> {
    let stream = read_stream(source, MergeKeys::Apply).map_err(|problems| {
        problems.into_sorted().into_iter().next().map(|problem| problem.message).unwrap_or_default()
    })?;
    let starts: Vec<_> = stream.documents.iter().map(|node| node.span.start).collect();
    let texts = texts_of_documents(source.text(), &starts).into_iter().collect::<Option<Vec<_>>>();
    let texts = texts.ok_or("its documents cannot be told apart")?;
    let documents = stream.documents.into_iter().zip(texts).map(|(node, text)| DocumentText {
        tree: Tree::from_node(node.clone(), source),
        node,
        text,
    });
    Ok(documents.collect())
}

/// Whether the text of an object is a Secret with values. What cannot be read may be one.
pub(super) fn is_plaintext_secret(text: &str) -> bool {
    let source = Source::new("an object", text);
    read_document(&source).map_or(true, |document| has_secret_values(&Tree::from_node(document, &source)))
}

/// Text of some documents of a file.
pub(super) fn join_documents(documents: &[&DocumentText<'_>]) -> String {
    documents.iter().map(|document| document.text).collect::<Vec<_>>().join("---\n")
}

/// Whether a document has a Secret with values, other than placeholders that another tool fills in.
fn has_secret_values(tree: &Tree) -> bool {
    if let Some(items) = list_items(tree) {
        return items.iter().any(has_secret_values);
    }
    is_kind(tree, "Secret") && has_values(tree)
}

/// Whether a document is of a kind of version `v1`.
pub(super) fn is_kind(tree: &Tree, kind: &str) -> bool {
    tree.at(&["kind"]).and_then(Tree::as_text) == Some(kind)
        && tree.at(&["apiVersion"]).and_then(Tree::as_text) == Some("v1")
}

/// Whether `data` or `stringData` of a Secret has a value.
pub(super) fn has_values(tree: &Tree) -> bool {
    ["data", "stringData"].iter().any(|field| tree.get(field).is_some_and(has_value))
}

/// Whether a structure has a text that is not a placeholder of another tool.
pub(super) fn has_value(tree: &Tree) -> bool {
    match &tree.kind {
        TreeKind::Leaf(scalar) if scalar.is_null() || scalar.blank => false,
        TreeKind::Leaf(scalar) => {
            let text = scalar.text().trim();
            let placeholder = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            !text.is_empty() && placeholder.is_none_or(|inner| inner.contains(['$', '{', '}']))
        }
        TreeKind::List(items) => items.iter().any(has_value),
        TreeKind::Map(map) => map.values().any(has_value),
    }
}

/// Content of an encrypted document for the proof, which needs no key: every ciphertext is a text of its own.
fn staged_text(tree: &Tree) -> String {
    let mut tree = tree.clone();
    replace_ciphertext(&mut tree);
    write_document(&tree.to_value())
}

/// Replaces each ciphertext by a text that names it, and removes the metadata of SOPS.
pub(super) fn replace_ciphertext(tree: &mut Tree) {
    let is_base64 = tree.at(&["kind"]).and_then(Tree::as_text) == Some("Secret");
    if let TreeKind::Map(map) = &mut tree.kind {
        map.shift_remove("sops");
        for (key, value) in map.iter_mut() {
            replace_in(value, is_base64 && key == "data");
        }
    }
}

fn replace_in(tree: &mut Tree, is_base64: bool) {
    match &mut tree.kind {
        TreeKind::Leaf(scalar) if scalar.text().starts_with(CIPHERTEXT) => {
            let hash = Sha256::digest(scalar.text().as_bytes());
            let name = STANDARD.encode(hash.iter().take(12).copied().collect::<Vec<_>>());
            // valid base64, and valid as a text
            let text = if is_base64 { name } else { format!("{CIPHERTEXT_NAME}{name}") };
            *tree = Tree::text(&text, &tree.place.clone());
        }
        TreeKind::Leaf(_) => {}
        TreeKind::List(items) => items.iter_mut().for_each(|item| replace_in(item, is_base64)),
        TreeKind::Map(map) => map.values_mut().for_each(|value| replace_in(value, is_base64)),
    }
}
