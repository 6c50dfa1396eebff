//! Streams of documents, as Helm passes them to a post-renderer.
//!
//! A document without a directive keeps its text, with its comments and the annotation by which Helm knows its file.

use std::ops::Range;

use super::item::{ItemIdentity, annotation, has_directive, list_members, wire_tree};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Tree;
use crate::object::GuestWiring;
use crate::secret::Wiping;
use crate::span::Source;
use crate::yaml::node::YamlNode;
use crate::yaml::read::{MergeKeys, read_stream};
use crate::yaml::write;

/// Annotation of Helm with the file of a chart that a document comes from.
const FILE: &str = "postrenderer.helm.sh/postrender-filename";

/// Documents of a stream.
#[derive(Debug)]
pub struct DocumentStream {
    source: Source,
    parts: Vec<StreamPart>,
}

/// A document, with the line that separates it from the one before it.
#[derive(Debug)]
struct StreamPart {
    text: Range<usize>,
    node: Option<YamlNode>,
    changed: Option<Tree>,
}

impl DocumentStream {
    /// Reads a stream.
    pub fn read(source: Source) -> Result<Self, Diagnostics> {
        let documents = read_stream(&source, MergeKeys::Apply)?.documents;
        let mut parts: Vec<_> = split_documents(source.text())
            .into_iter()
            .map(|text| StreamPart { text, node: None, changed: None })
            .collect();
        for node in documents {
            let part = parts.iter_mut().find(|part| part.text.contains(&node.span.start) && part.node.is_none());
            match part {
                Some(part) => part.node = Some(node),
                None => {
                    let error = Diagnostic::error(Rule::FunctionInput, "the documents cannot be told apart");
                    return Err(error.at_masked(source.place(node.span)).into());
                }
            }
        }
        Ok(Self { source, parts })
    }

    /// Whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.node.is_none())
    }

    /// Whether any document has a directive.
    pub fn has_directives(&self) -> bool {
        self.nodes().any(has_directive)
    }

    /// Applies the directives of all documents.
    pub fn wire(&mut self, wiring: &GuestWiring<'_>, problems: &mut Diagnostics) {
        for part in &mut self.parts {
            let Some(node) = part.node.as_ref().filter(|node| has_directive(node)) else { continue };
            let file = annotation(node, FILE).map(|file| format!("rendered from `{file}`"));
            let mut found = Diagnostics::new();
            part.changed = Some(wire_tree(Tree::from_node(node.clone(), &self.source), wiring, &mut found));
            let with_file = |problem: Diagnostic| match &file {
                Some(file) => problem.note(file.clone()),
                None => problem,
            };
            problems.extend(found.into_iter().map(with_file));
        }
    }

    /// Reports the objects that a document defines too.
    pub fn report_duplicates(&self, added: &[Tree], problems: &mut Diagnostics) {
        let mut own = Vec::new();
        self.nodes().for_each(|node| add_identities(node, &mut own));
        for identity in added.iter().map(ItemIdentity::of_tree) {
            if own.iter().any(|own| own.is_same(&identity)) {
                let message = format!("the chart and the apps both define {}", identity.label());
                let error = Diagnostic::error(Rule::InvalidName, message);
                problems.push(
                    error
                        .hint("remove it from the templates of the chart, or rename the bundle")
                        .hint("or add no objects: `--wire-only`"),
                );
            }
        }
    }

    /// The stream with more objects at its end. It may hold the values of Secrets, so it is wiped.
    pub fn to_text(&self, added: &[Tree]) -> Wiping<String> {
        let mut out = Wiping::new(String::with_capacity(self.source.text().len() + 4096));
        for part in &self.parts {
            match &part.changed {
                Some(tree) => push_document(&mut out, tree),
                None => out.push_str(self.source.text().get(part.text.clone()).unwrap_or_default()),
            }
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
        }
        for tree in added {
            push_document(&mut out, tree);
        }
        out
    }

    fn nodes(&self) -> impl Iterator<Item = &YamlNode> {
        self.parts.iter().filter_map(|part| part.node.as_ref())
    }
}

fn add_identities(node: &YamlNode, found: &mut Vec<ItemIdentity>) {
    match list_members(node) {
        Some(members) => members.iter().for_each(|member| add_identities(member, found)),
        None => found.push(ItemIdentity::of_node(node)),
    }
}

fn push_document(out: &mut String, tree: &Tree) {
    if !out.is_empty() {
        out.push_str("---\n");
    }
    write::append_document(out, &tree.to_value());
}

/// The documents of a stream, each from its `---` on. No scalar has such a line (YAML 1.2.2, section 9.1.2).
fn split_documents(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let is_separator =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if is_separator && offset > 0 {
            starts.push(offset);
        }
        offset += line.len();
    }
    starts.push(text.len());
    starts.windows(2).filter_map(|pair| Some(*pair.first()?..*pair.last()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_without_a_directive_keep_their_text() {
        for text in [
            "a: 1\n---\n# only a comment\n---\nb: |\n  ---x\n  y\n--- # c\nc: 3\n",
            "---\na: 1\n...\n---\nb: \"x\n  y\"\n",
            "a: 1\r\n---\r\nb: 2\r\n",
            "",
        ] {
            let stream = DocumentStream::read(Source::new("standard input", text)).unwrap();
            assert_eq!(*stream.to_text(&[]), text);
        }
    }

    #[test]
    fn added_documents_are_separate() {
        let stream = DocumentStream::read(Source::new("standard input", "a: 1")).unwrap();
        let place = crate::span::Location::synthetic();
        let tree = Tree::map([("b", Tree::text("2", &place))], &place);
        assert_eq!(*stream.to_text(&[tree]), "a: 1\n---\nb: \"2\"\n");
    }
}
