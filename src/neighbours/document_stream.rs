//! Streams of documents, as Helm passes them to a post-renderer.
//!
//! A document without a directive keeps its text, with its comments and the annotation by which Helm knows its file.

use std::ops::Range;

use super::item::{ItemIdentity, annotation, has_directive, list_members, wire_tree};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Tree;
use crate::manifest::BASE_NAME;
use crate::object::GuestWiring;
use crate::secret::Wiping;
use crate::span::Source;
use crate::yaml::node::YamlNode;
use crate::yaml::read::{MergeKeys, read_stream};
use crate::yaml::write;

/// Annotation of Helm with the file of a chart that a document comes from.
const FILE: &str = "postrenderer.helm.sh/postrender-filename";

/// Annotation of Helm that makes an object a hook.
const HOOK: &str = "helm.sh/hook";

/// Prefix of the directives of Septum.
const PREFIX: &str = "septum.dev/";

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
    content: PartContent,
    changed: Option<Tree>,
}

/// Content of a document.
#[derive(Debug)]
enum PartContent {
    /// Nothing but comments.
    Nothing,
    /// A structure, with the source of its locations.
    Node(YamlNode, Source),
    /// Something that other programs may understand, and why Septum does not.
    Foreign(String),
}

impl DocumentStream {
    /// Reads a stream. A document that Septum does not understand is an error only if it asks for wiring: Helm, the
    /// API server and their readers accept what Septum does not, such as keys that are there twice.
    pub fn read(source: Source) -> Result<Self, Diagnostics> {
        let ranges = split_documents(source.text());
        let parts = match read_whole(&source, &ranges) {
            Some(parts) => parts,
            None => read_each(&source, &ranges)?,
        };
        Ok(Self { source, parts })
    }

    /// Whether there are no documents that can be objects.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| match &part.content {
            PartContent::Nothing => true,
            PartContent::Node(node, _) => node.as_map().is_none(),
            PartContent::Foreign(_) => false,
        })
    }

    /// Whether any document has a directive.
    pub fn has_directives(&self) -> bool {
        self.nodes().any(has_directive)
    }

    /// Applies the directives of all documents.
    pub fn wire(&mut self, wiring: &GuestWiring<'_>, problems: &mut Diagnostics) {
        for part in &mut self.parts {
            let PartContent::Node(node, source) = &part.content else { continue };
            if !has_directive(node) {
                continue;
            }
            let file = annotation(node, FILE).map(from_file);
            let mut found = Diagnostics::new();
            part.changed = Some(wire_tree(Tree::from_node(node.clone(), source), wiring, &mut found));
            problems.extend(name_file(found, file.as_deref()));
        }
    }

    /// Reports what can be wrong with objects that are added: other documents define them too, or need them earlier.
    pub fn report_added(&self, added: &[Tree], problems: &mut Diagnostics) {
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
        if !added.is_empty() {
            problems.extend(self.unknown_identities());
        }
        if added.iter().any(|tree| tree.at(&["metadata", "annotations", HOOK]).is_none()) {
            self.nodes().for_each(|node| report_early_hooks(node, problems));
        }
    }

    /// Warnings: documents that are passed on without being understood, so that nobody knows what they define.
    fn unknown_identities(&self) -> impl Iterator<Item = Diagnostic> {
        self.parts.iter().filter_map(|part| {
            let PartContent::Foreign(reason) = &part.content else { return None };
            let text = self.source.text().get(part.text.clone()).unwrap_or_default();
            let message = "a document of the chart is passed on unread, so it may define an object of the apps too";
            let warning = Diagnostic::warning(Rule::FunctionInput, message).note(format!("unreadable: {reason}"));
            Some(match written_file(text) {
                Some(file) => warning.note(from_file(file)),
                None => warning,
            })
        })
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
        self.parts.iter().filter_map(|part| match &part.content {
            PartContent::Node(node, _) => Some(node),
            PartContent::Nothing | PartContent::Foreign(_) => None,
        })
    }
}

/// The documents of a stream that is understood as a whole; none if it is not.
fn read_whole(source: &Source, ranges: &[Range<usize>]) -> Option<Vec<StreamPart>> {
    let mut nodes = read_stream(source, MergeKeys::Apply).ok()?.documents.into_iter().peekable();
    let mut parts = Vec::new();
    for text in ranges {
        let node = nodes.next_if(|node| text.contains(&node.span.start));
        let content = node.map_or(PartContent::Nothing, |node| PartContent::Node(node, source.clone()));
        parts.push(StreamPart { text: text.clone(), content, changed: None });
    }
    // a part with two documents, one of them after `...`
    nodes.peek().is_none().then_some(parts)
}

/// The documents of a stream, each read by itself.
fn read_each(source: &Source, ranges: &[Range<usize>]) -> Result<Vec<StreamPart>, Diagnostics> {
    let (mut parts, mut problems, mut lines) = (Vec::new(), Diagnostics::new(), 0);
    for range in ranges {
        let text = source.text().get(range.clone()).unwrap_or_default();
        // lines have the numbers that they have in the stream
        let own = Source::new(source.name(), "\n".repeat(lines) + text);
        lines += text.matches('\n').count();
        let content = match read_stream(&own, MergeKeys::Apply).map(|stream| stream.documents) {
            Ok(documents) => match <[YamlNode; 1]>::try_from(documents) {
                Ok([node]) => PartContent::Node(node, own),
                Err(documents) if documents.is_empty() => PartContent::Nothing,
                Err(documents) => {
                    let places = documents.get(1).map(|second| own.place(second.span));
                    let error = Diagnostic::error(Rule::FunctionInput, "the documents cannot be told apart");
                    let error = places.into_iter().fold(error, Diagnostic::at_masked);
                    unread(text, error.hint("start each with a line `---`").into(), &mut problems)
                }
            },
            Err(found) => unread(text, found, &mut problems),
        };
        parts.push(StreamPart { text: range.clone(), content, changed: None });
    }
    if problems.has_errors() { Err(problems) } else { Ok(parts) }
}

/// A document that cannot be read, for these reasons, which are errors if it has a directive.
fn unread(text: &str, found: Diagnostics, problems: &mut Diagnostics) -> PartContent {
    let reason = found.iter().find(|problem| problem.is_error()).map(|problem| problem.message.clone());
    if mentions_directive(text) {
        problems.extend(name_file(found, written_file(text).map(from_file).as_deref()));
    }
    PartContent::Foreign(reason.unwrap_or_default())
}

/// Whether a text has a directive outside of comments.
fn mentions_directive(text: &str) -> bool {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines
        .flat_map(|line| line.match_indices(PREFIX).filter_map(|(start, _)| line.get(start..)))
        .any(|found| !found.starts_with(BASE_NAME))
}

/// The file of a document, as its text gives it, for one that cannot be read.
fn written_file(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(FILE)?;
    let value = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?.trim_start_matches([' ', '\t']);
    let file = match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split(quote).next()?,
        _ => value.split(|end: char| end.is_whitespace() || matches!(end, ',' | '}')).next()?,
    };
    (!file.is_empty()).then_some(file)
}

fn from_file(file: &str) -> String {
    format!("rendered from `{file}`")
}

/// Problems with the file of a chart that they are in.
fn name_file(found: Diagnostics, file: Option<&str>) -> impl Iterator<Item = Diagnostic> {
    found.into_iter().map(move |problem| match file {
        Some(file) => problem.note(file),
        None => problem,
    })
}

/// Reports a hook that Helm runs before it creates the objects of the release.
fn report_early_hooks(node: &YamlNode, problems: &mut Diagnostics) {
    if let Some(members) = list_members(node) {
        return members.iter().for_each(|member| report_early_hooks(member, problems));
    }
    let hooks = annotation(node, HOOK).unwrap_or_default().split(',').map(str::trim);
    let early: Vec<_> = hooks.filter(|hook| matches!(*hook, "pre-install" | "pre-upgrade")).collect();
    if early.is_empty() || !has_directive(node) {
        return;
    }
    let label = ItemIdentity::of_node(node).label();
    let message =
        format!("{label} is a hook that runs before the objects that it is wired to exist, or are up to date");
    let warning = Diagnostic::warning(Rule::DanglingReference, message)
        .note(format!("Helm creates and updates them after the hooks: {}", early.join(", ")))
        .hint("apply them before the chart, and add none: `--wire-only`")
        .hint("or make the bundle a hook too: `annotations` with `helm.sh/hook` and a lower `helm.sh/hook-weight`");
    problems.extend(name_file(warning.into(), annotation(node, FILE).map(from_file).as_deref()));
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
    fn the_file_of_a_document_is_found_in_its_text() {
        for (text, expected) in [
            ("  postrenderer.helm.sh/postrender-filename: 'web/templates/a.yaml'\n", Some("web/templates/a.yaml")),
            ("{postrenderer.helm.sh/postrender-filename: web/a.yaml}", Some("web/a.yaml")),
            ("{\"postrenderer.helm.sh/postrender-filename\": \"web/a.yaml\"}", Some("web/a.yaml")),
            ("postrenderer.helm.sh/postrender-filename:\n", None),
            ("a: 1\n", None),
        ] {
            assert_eq!(written_file(text), expected, "{text}");
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
