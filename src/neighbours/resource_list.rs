//! ResourceLists: what programs pass to KRM functions, and take back from them.
//! Source: kustomize, `cmd/config/docs/api-conventions/functions-spec.md`.
//!
//! An item that is not changed keeps the lines that it came in, with its comments, in whatever style they are. Where
//! items have no lines of their own, as in JSON, all are written anew.

use std::ops::Range;

use super::function_config::unknown_field;
use super::item::{ItemIdentity, annotation, any_object, is_generated, text_at};
use super::list_item::{ItemContent, ListItem, PATHS, unpack};
use super::results::FunctionResult;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::emit::as_kubectl_reads;
use crate::format::json;
use crate::secret::Wiping;
use crate::span::Source;
use crate::value::OutputValue;
use crate::yaml::node::{Mapping, YamlKind, YamlNode};
use crate::yaml::read::{MergeKeys, read_stream};
use crate::yaml::write;

/// Annotation of objects that are not for a cluster, such as the configuration of a function.
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// Annotation of every object that kustomize passes to a transformer.
const KUSTOMIZE_ID: &str = "kustomize.config.k8s.io/id";

/// Fields of a ResourceList. `results` are those of the functions before this one.
const FIELDS: [&str; 5] = ["apiVersion", "kind", "items", "functionConfig", "results"];

/// Newest version of the format, for an answer to input that has none.
const API_VERSION: &str = "config.kubernetes.io/v1";

/// Caller of a function, as far as the input shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionCaller {
    /// kustomize, under `generators`: it passes the configuration of the function as the only item.
    KustomizeGenerator,
    /// kustomize, under `transformers` or `validators`.
    KustomizeTransformer,
    /// kpt, or another program that keeps objects in files.
    Files,
}

/// Items and configuration that a function was called with.
#[derive(Debug)]
pub struct ResourceList {
    source: Source,
    api_version: String,
    layout: ListLayout,
    /// Objects, in their order.
    pub items: Vec<ListItem>,
    /// Configuration of the function.
    pub function_config: Option<YamlNode>,
    /// Program that called the function.
    pub caller: FunctionCaller,
}

/// Style in which a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListLayout {
    Json,
    /// Blocks of YAML, with so many blanks before each `-`.
    Yaml(usize),
}

impl ResourceList {
    /// Reads what a function was called with.
    pub fn read(source: Source) -> Result<Self, Diagnostics> {
        let mut stream = read_stream(&source, MergeKeys::Apply)?;
        if stream.documents.len() > 1 {
            return Err(not_a_list(&source, "several documents"));
        }
        let aliases = stream.aliases;
        let Some(document) = stream.documents.pop() else { return Err(not_a_list(&source, "nothing")) };
        if text_at(&document, &["kind"]) != Some("ResourceList") {
            let noun = if document.as_map().is_some() { "an object of another kind" } else { document.noun() };
            return Err(not_a_list(&source, noun));
        }
        let api_version = text_at(&document, &["apiVersion"]).unwrap_or(API_VERSION).to_owned();
        let YamlKind::Map(mut map) = document.kind else { return Err(not_a_list(&source, "a scalar")) };
        let unknown = map.keys().filter(|key| !FIELDS.contains(&key.text.as_str()));
        let problems: Diagnostics = unknown.map(|key| unknown_field(key, &FIELDS, "a ResourceList", &source)).collect();
        if problems.has_errors() {
            return Err(problems);
        }
        let nodes = take_items(&mut map, &source)?;
        let is_json = source.text().trim_start().starts_with('{');
        let lines = if is_json || aliases { None } else { item_lines(&source, &nodes, &map) };
        let layout = match &lines {
            _ if is_json => ListLayout::Json,
            Some((indent, _)) => ListLayout::Yaml(*indent),
            None => ListLayout::Yaml(0),
        };
        let function_config = map.shift_remove("functionConfig").filter(|node| node.as_map().is_some());
        let mut ranges = lines.map(|(_, ranges)| ranges).unwrap_or_default().into_iter();
        // kustomize passes the configuration to a generator, and to no other function
        let is_own = |node: &YamlNode| function_config.as_ref().is_some_and(|config| is_config(node, config));
        let is_generator = nodes.len() == 1 && nodes.iter().all(is_own);
        let items: Vec<_> =
            nodes.into_iter().filter(|_| !is_generator).map(|node| ListItem::read(node, ranges.next())).collect();
        let is_of_kustomize = |item: &ListItem| item.annotation(KUSTOMIZE_ID).is_some();
        let caller = if items.iter().any(is_of_kustomize) {
            FunctionCaller::KustomizeTransformer
        } else if is_generator {
            FunctionCaller::KustomizeGenerator
        } else {
            FunctionCaller::Files
        };
        Ok(Self { source, api_version, layout, items, function_config, caller })
    }

    /// An answer without items to input that could not be read.
    pub fn empty() -> Self {
        Self {
            source: Source::new("", ""),
            api_version: API_VERSION.to_owned(),
            layout: ListLayout::Yaml(0),
            items: Vec::new(),
            function_config: None,
            caller: FunctionCaller::Files,
        }
    }

    /// Replaces each list that has an object of Septum by its objects, so that each of them can be replaced.
    pub fn unpack_lists(&mut self) {
        for item in std::mem::take(&mut self.items) {
            match item.content {
                ItemContent::Read(node, lines) if any_object(&node, &is_generated) => {
                    unpack(node, lines, &mut self.items);
                }
                content => self.items.push(ListItem { content, ..item }),
            }
        }
    }

    /// Name of the configuration of the function.
    pub fn function_name(&self) -> Option<&str> {
        text_at(self.function_config.as_ref()?, &["metadata", "name"])
    }

    /// The text that was read.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The list with its results as text. It may hold the values of Secrets, so it is wiped.
    pub fn to_text(&self, results: &[FunctionResult]) -> Wiping<String> {
        match self.layout {
            ListLayout::Json => self.to_json(results),
            ListLayout::Yaml(indent) => self.to_yaml(indent, results),
        }
    }

    fn to_yaml(&self, indent: usize, results: &[FunctionResult]) -> Wiping<String> {
        let mut out = Wiping::new(String::with_capacity(self.source.text().len() + 4096));
        let head = OutputValue::map([
            ("apiVersion", OutputValue::text(self.api_version.as_str())),
            ("kind", OutputValue::text("ResourceList")),
        ]);
        write::append_document(&mut out, &head);
        out.push_str(if self.items.is_empty() { "items: []\n" } else { "items:\n" });
        for item in &self.items {
            match &item.content {
                ItemContent::Read(_, Some(lines)) => {
                    out.push_str(self.source.text().get(lines.clone()).unwrap_or_default());
                    if !out.ends_with('\n') {
                        out.push('\n');
                    }
                }
                ItemContent::Read(_, None) | ItemContent::Written(_) => {
                    let tree = item.to_tree(&self.source);
                    push_item(&mut out, &tree.to_value(), indent);
                }
            }
        }
        if !results.is_empty() {
            let results = results.iter().map(FunctionResult::to_value).collect();
            write::append_document(&mut out, &OutputValue::map([("results", OutputValue::List(results))]));
        }
        out
    }

    fn to_json(&self, results: &[FunctionResult]) -> Wiping<String> {
        let trees: Vec<_> = self.items.iter().map(|item| item.to_tree(&self.source)).collect();
        let items = trees.iter().map(|tree| as_kubectl_reads(tree.to_value())).collect();
        let mut fields = vec![
            ("apiVersion", OutputValue::text(self.api_version.as_str())),
            ("kind", OutputValue::text("ResourceList")),
            ("items", OutputValue::List(items)),
        ];
        if !results.is_empty() {
            fields.push(("results", OutputValue::List(results.iter().map(FunctionResult::to_value).collect())));
        }
        Wiping::new(json::pretty_json(&OutputValue::map(fields)))
    }
}

/// Writes an item behind its `-`, with blanks before each of its lines. Text of several lines is in literal blocks, in
/// which blanks before all lines change nothing.
fn push_item(out: &mut String, value: &OutputValue<'_>, indent: usize) {
    let start = Wiping::new(write::write_document(&OutputValue::List(vec![value.clone()])));
    for line in start.split_inclusive('\n') {
        if line != "\n" {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push_str(line);
    }
}

/// Takes the items out of the fields of a list.
fn take_items(map: &mut Mapping, source: &Source) -> Result<Vec<YamlNode>, Diagnostics> {
    let Some(node) = map.shift_remove("items") else { return Ok(Vec::new()) };
    let nodes = match node.kind {
        YamlKind::List(nodes) => nodes,
        YamlKind::Scalar(scalar) if scalar.blank || scalar.is_null() => Vec::new(),
        YamlKind::Scalar(_) | YamlKind::Map(_) => {
            let message = format!("expected a list of objects for `items`, found {}", node_noun(&node.kind));
            return Err(Diagnostic::error(Rule::FunctionInput, message).at_masked(source.place(node.span)).into());
        }
    };
    let wrong = nodes.iter().filter(|node| text_at(node, &["kind"]).is_none()).map(|node| {
        Diagnostic::error(Rule::FunctionInput, "an item of the ResourceList is not an object: it has no `kind`")
            .at_masked(source.place(node.span))
    });
    let problems: Diagnostics = wrong.collect();
    if problems.has_errors() { Err(problems) } else { Ok(nodes) }
}

fn node_noun(kind: &YamlKind) -> &'static str {
    match kind {
        YamlKind::Scalar(_) => "a scalar",
        YamlKind::List(_) => "a list",
        YamlKind::Map(_) => "a mapping",
    }
}

/// Whether an item is the configuration of this call of the function, which kustomize passes from no file.
fn is_config(item: &YamlNode, config: &YamlNode) -> bool {
    let is_local = annotation(item, LOCAL_CONFIG) == Some("true");
    let is_of_file = PATHS.iter().any(|path| annotation(item, path).is_some());
    is_local && !is_of_file && ItemIdentity::of_node(item) == ItemIdentity::of_node(config)
}

/// Number of blanks before the `-` of each item, and the lines of each, if all items are in blocks of their own. Comments
/// between two items belong to the first.
fn item_lines(source: &Source, nodes: &[YamlNode], others: &Mapping) -> Option<(usize, Vec<Range<usize>>)> {
    let text = source.text();
    // for YAML, a carriage return alone ends a line too
    if text.replace("\r\n", "").contains('\r') {
        return None;
    }
    let line_start = |offset: usize| text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let mut indent = None;
    let mut starts = Vec::with_capacity(nodes.len() + 1);
    for node in nodes {
        let start = line_start(node.span.start);
        let before = text.get(start..node.span.start)?;
        let blanks = before.len() - before.trim_start_matches(' ').len();
        let is_first_in_line = before
            .trim_start_matches(' ')
            .strip_prefix('-')
            .is_some_and(|gap| !gap.is_empty() && gap.bytes().all(|byte| byte == b' '));
        let is_even = *indent.get_or_insert(blanks) == blanks && starts.last().is_none_or(|last| *last < start);
        if !is_first_in_line || !is_even {
            return None;
        }
        starts.push(start);
    }
    let last = *starts.last()?;
    let behind = others.keys().map(|key| key.span.start).filter(|start| *start > last).min();
    let end = behind.map_or(text.len(), line_start);
    // the end of the document is not part of an item
    let tail = text.get(last..end)?;
    if tail.lines().any(|line| line.starts_with("...") || line.starts_with("---")) {
        return None;
    }
    starts.push(end);
    let ranges = starts.windows(2).filter_map(|pair| Some(*pair.first()?..*pair.last()?)).collect();
    Some((indent?, ranges))
}

/// Error: standard input is not what a function is called with.
fn not_a_list(source: &Source, found: &str) -> Diagnostics {
    Diagnostic::error(Rule::FunctionInput, format!("expected a ResourceList on {}, found {found}", source.name()))
        .hint("kustomize and kpt run `septum krm` and pass it one: see docs/kustomize.md")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ResourceList {
        ResourceList::read(Source::new("standard input", text)).unwrap()
    }

    const TWO: &str = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n  - apiVersion: v1 # why\n    kind: ConfigMap\n    \
                       metadata: { name: a }\n    data:\n      A: |+\n        x\n\n  # about b\n  - kind: ConfigMap\n    apiVersion: v1\n    \
                       metadata: {name: b}\nfunctionConfig: {kind: Septum}\n";

    #[test]
    fn items_that_are_not_changed_keep_their_text() {
        let list = read(TWO);
        let kept = TWO.split("functionConfig").next().unwrap();
        assert_eq!(*list.to_text(&[]), kept);
        let windows = read(&TWO.replace('\n', "\r\n"));
        assert_eq!(windows.to_text(&[]).replace('\r', ""), kept);
    }

    #[test]
    fn a_changed_item_stands_among_the_others() {
        let mut list = read(TWO);
        let tree = list.items[0].to_tree(&list.source.clone());
        list.items[0].replace(tree);
        let text = list.to_text(&[]);
        assert!(text.contains("  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: a\n"), "{}", *text);
        let again = read(&text);
        assert_eq!(again.items.len(), 2);
        assert_eq!(*again.to_text(&[]), *text);
        assert_eq!(text_at(again.items[0].node().unwrap(), &["data", "A"]), Some("x\n\n"));
    }

    #[test]
    fn json_is_answered_in_json_and_lists_stay() {
        let list = read(
            r#"{"apiVersion":"v1beta1","kind":"ResourceList","items":[{"apiVersion":"v1","kind":"List","items":[
            {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"A":"1.10"}},{"apiVersion":"v1","kind":"Service","metadata":{"name":"b"},"spec":{"n":1.10}}]}]}"#,
        );
        let text = list.to_text(&[]);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["apiVersion"], "v1beta1");
        assert_eq!(
            (&json["items"][0]["items"][0]["data"]["A"], json["items"][0]["items"][1]["kind"].as_str()),
            (&"1.10".into(), Some("Service"))
        );
        assert!(text.contains("1.10\n"), "the number keeps its text: {}", *text);
    }

    #[test]
    fn other_input_is_refused() {
        for text in [
            "",
            "a: 1\n",
            "- a\n",
            "kind: ConfigMap\n",
            "kind: ResourceList\nitmes: []\n",
            "kind: ResourceList\nitems: 1\n",
            "kind: ResourceList\nitems: [1]\n",
            "kind: ResourceList\n---\nkind: ResourceList\n",
        ] {
            assert!(ResourceList::read(Source::new("standard input", text)).is_err(), "{text}");
        }
    }

    #[test]
    fn aliases_between_items_are_resolved() {
        let list = read("kind: ResourceList\nitems:\n- {kind: A, x: &x {a: 1}}\n- {kind: B, x: *x}\n");
        assert_eq!(list.to_text(&[]).matches("a: 1").count(), 2);
    }
}
