//! Builds the tree from events, with a stack of its own.

use std::cmp::Ordering;

use granit_parser::{Event, ScalarStyle, ScanError, Span as Mark, StructureStyle, Tag};

use super::anchor::{AliasError, Anchors};
use super::cursor::SourceCursor;
use super::key::OpenMap;
use super::tag::{self, InvalidTag, TagPlacement, TagShape};
use super::{MAX_DEPTH, MergeKeys, YamlComment, YamlStream, blank_node, first_line_span, syntax};
use crate::diagnostic::Diagnostics;
use crate::span::{Source, SourcePart, Span};
use crate::yaml::node::{Mapping, Scalar, ScalarTag, YamlKind, YamlNode, YamlStyle};

/// Length in bytes from which a text is not copied if the file has it as it is.
const LONG: usize = 64;

/// Next step of the parser: whether the builder needs more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuildStep {
    More,
    Stop,
}

/// Documents built from a text, with the findings.
pub(super) struct BuiltStream {
    pub(super) stream: YamlStream,
    pub(super) findings: Diagnostics,
    /// Whether the rest of the text was not read, or not with certainty.
    pub(super) is_unusable: bool,
}

/// A collection that is not complete.
struct OpenCollection {
    start: Span,
    /// The id of its anchor, 0 for none.
    anchor: usize,
    /// End offset of its last child.
    end: usize,
    layout: StructureStyle,
    /// Whether its tag is not valid.
    is_broken: bool,
    body: CollectionBody,
}

enum CollectionBody {
    List(Vec<YamlNode>),
    Map(OpenMap),
}

/// A document that is being built.
pub(super) struct YamlBuilder<'s> {
    source: &'s Source,
    cursor: SourceCursor<'s>,
    merge_keys: MergeKeys,
    findings: Diagnostics,
    open: Vec<OpenCollection>,
    anchors: Anchors,
    stream: YamlStream,
    /// Whether the rest of the text was not read, or not with certainty.
    is_unusable: bool,
    /// End offset of the previous event: content without an event of its own is searched from here.
    previous: usize,
    flow_depth: usize,
    tab_seen: bool,
    /// Start of the document, behind its `---` if it has one.
    document_start: usize,
}

impl<'s> YamlBuilder<'s> {
    pub(super) fn new(source: &'s Source, merge_keys: MergeKeys) -> Self {
        Self {
            source,
            cursor: SourceCursor::new(source.text()),
            merge_keys,
            findings: Diagnostics::new(),
            open: Vec::new(),
            anchors: Anchors::default(),
            stream: YamlStream {
                documents: Vec::new(),
                comments: Vec::new(),
                aliases: false,
                empty: Vec::new(),
                started: 0,
            },
            is_unusable: false,
            previous: 0,
            flow_depth: 0,
            tab_seen: false,
            document_start: 0,
        }
    }

    pub(super) fn text(&self) -> &'s str {
        self.cursor.text()
    }

    /// The complete documents, with all findings; a part that is not valid is a broken node.
    pub(super) fn finish(self) -> BuiltStream {
        let Self { stream, findings, is_unusable, .. } = self;
        BuiltStream { stream, findings, is_unusable }
    }

    /// Records the reason why the parser stopped.
    pub(super) fn give_up(&mut self, error: &ScanError) {
        self.is_unusable = true;
        let finding = syntax::syntax_diagnostic(self.source, error);
        if !(finding.rule == syntax::TAB && self.tab_seen) {
            self.findings.push(finding);
        }
    }

    /// Processes the next event.
    pub(super) fn take_event(&mut self, event: Event<'_>, mark: &Mark) -> BuildStep {
        let range = mark.byte_range().unwrap_or_default();
        let step = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.scalar_span(range.start, range.end, style);
                let node = self.build_scalar(&text, style, tag.as_deref(), mark, span);
                self.check_tab(span.start);
                self.complete_node(node, anchor, span)
            }
            Event::SequenceStart(layout, anchor, tag) => {
                let is_broken = self.check_tag(tag.as_deref(), mark, TagShape::List).is_err();
                let start = self.list_start(range.start, layout);
                let body = CollectionBody::List(Vec::new());
                self.begin_collection(body, is_broken, layout, anchor, start, range.end)
            }
            Event::MappingStart(layout, anchor, tag) => {
                let is_broken = self.check_tag(tag.as_deref(), mark, TagShape::Map).is_err();
                let body = CollectionBody::Map(OpenMap::with_capacity(self.count_entries(range.start, layout)));
                self.begin_collection(body, is_broken, layout, anchor, range.start, range.end)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end_collection(range.start, range.end),
            Event::Alias(id) => self.expand_alias(id, range.start, range.end),
            Event::UnresolvedAlias(_) => {
                let span = self.cursor.span(range.start, range.end);
                self.findings.push(syntax::undefined_alias(self.source, span));
                self.complete_node(YamlNode::broken(span), 0, span)
            }
            Event::DocumentStart(..) => {
                self.stream.started += 1;
                self.document_start = range.end;
                self.anchors.clear();
                BuildStep::More
            }
            Event::Comment(text, _) => {
                let (text, span) = (text.into_owned(), self.cursor.span(range.start, range.end));
                let inline = !self.cursor.is_first_on_line(span.start);
                self.stream.comments.push(YamlComment { text, span, inline });
                return BuildStep::More;
            }
            _ => BuildStep::More,
        };
        self.previous = self.previous.max(range.end);
        step
    }

    fn build_scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: &Mark, span: Span) -> YamlNode {
        let found = self.check_tag(tag, mark, TagShape::Scalar);
        let tag_name = found.unwrap_or_default();
        let contradicted = tag_name.filter(|name| !tag::fits_source(name, text));
        if let Some(name) = contradicted {
            let (start, end) = tag::tag_range(mark);
            self.findings.push(tag::contradiction(name, self.source.place(self.cursor.span(start, end))));
        }
        // a key is its text, whatever its tag
        if (found.is_err() || contradicted.is_some()) && (text.is_empty() || !self.expects_key()) {
            return YamlNode::broken(span);
        }
        if span.start == span.end && style == ScalarStyle::Plain && tag.is_none() {
            return blank_node(span);
        }
        let style = match style {
            ScalarStyle::Plain => YamlStyle::Plain,
            ScalarStyle::SingleQuoted => YamlStyle::SingleQuoted,
            ScalarStyle::DoubleQuoted => YamlStyle::DoubleQuoted,
            ScalarStyle::Literal => YamlStyle::Literal,
            ScalarStyle::Folded => YamlStyle::Folded,
        };
        let start = span.start + usize::from(matches!(style, YamlStyle::SingleQuoted | YamlStyle::DoubleQuoted));
        let part = if text.len() < LONG { None } else { SourcePart::of(self.source, start, text) };
        let mut scalar = part.map_or_else(|| Scalar::new(text, style), |part| Scalar::in_place(part, style));
        scalar.tag = tag_name.map(|name| {
            let start = tag.and_then(|_| mark.tag_span()?.byte_range()).map(|range| range.start);
            Box::new(ScalarTag { name, start })
        });
        YamlNode { span, kind: YamlKind::Scalar(scalar) }
    }

    /// The location of a scalar. The parser's span of a block starts after its header and extends into the line after
    /// it.
    fn scalar_span(&mut self, start: usize, end: usize, style: ScalarStyle) -> Span {
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return self.cursor.span(start, end);
        }
        let header = self.cursor.find_word(self.previous, start, |word| word.starts_with(['|', '>']));
        let (start, header_end) = header.unwrap_or((start, start));
        let text = self.text().get(start..end).unwrap_or_default();
        let end = start + text.trim_end_matches([' ', '\t', '\r', '\n']).len();
        self.cursor.span(start, end.max(header_end))
    }

    /// The location of a list's first dash. For a list that is not indented under its key the parser reports the
    /// token after the dash.
    fn list_start(&self, start: usize, layout: StructureStyle) -> usize {
        let in_list = matches!(self.open.last(), Some(OpenCollection { body: CollectionBody::List(_), .. }));
        if layout == StructureStyle::Flow || in_list {
            return start;
        }
        self.cursor.find_word(self.previous, start, |word| word == "-").map_or(start, |(dash, _)| dash)
    }

    /// The number of entries of a mapping, as far as its lines tell: what grows needs the memory twice.
    fn count_entries(&self, start: usize, layout: StructureStyle) -> usize {
        if layout == StructureStyle::Flow {
            return 0;
        }
        let (before, rest) = self.text().split_at_checked(start).unwrap_or_default();
        let indent = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        let mut count = 0;
        // the next document is not counted: of a stream of many, each would have room for all
        let lines = rest.split('\n').skip(1).take_while(|line| !line.starts_with("---") && !line.starts_with("..."));
        for line in lines {
            let content = line.trim_start_matches(' ');
            match (line.len() - content.len()).cmp(&indent) {
                Ordering::Less if !content.starts_with(['#', '\r']) && !content.is_empty() => break,
                Ordering::Equal => count += 1,
                Ordering::Less | Ordering::Greater => {}
            }
        }
        // few entries of a file with many of them are shorter
        (count + 1).min(self.text().len() / 32 + 1)
    }

    /// Whether the next node is the key of a mapping.
    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(OpenCollection { body: CollectionBody::Map(map), .. }) if map.expects_key())
    }

    /// The name of a tag; one that is unknown or does not fit is recorded as a finding.
    fn check_tag(
        &mut self,
        tag: Option<&Tag>,
        mark: &Mark,
        shape: TagShape,
    ) -> Result<Option<&'static str>, InvalidTag> {
        let Some(tag) = tag else { return Ok(None) };
        tag::core_tag_name(tag, shape).inspect_err(|invalid| {
            let (start, end) = tag::tag_range(mark);
            let place = self.source.place(self.cursor.span(start, end));
            let alone = shape == TagShape::Scalar && mark.start == mark.end;
            let standing = if alone { TagPlacement::Alone } else { TagPlacement::BeforeValue };
            self.findings.push(match invalid {
                InvalidTag::Misplaced(name, shape) => tag::misplaced_tag(name, *shape, place),
                InvalidTag::Unknown => tag::tag_diagnostic(place, standing),
            });
        })
    }

    /// Refuses tabs that the parser accepts, unlike other readers. Within brackets they are harmless, and JSON is
    /// often indented with them.
    fn check_tab(&mut self, start: usize) {
        if self.flow_depth == 0 && !self.tab_seen && self.cursor.is_first_on_line(start) {
            self.refuse_tab_before(start);
        }
    }

    fn refuse_tab_before(&mut self, start: usize) {
        if let Some(tab) = self.cursor.tab_before(start) {
            // other readers see another structure, or none
            (self.tab_seen, self.is_unusable) = (true, true);
            self.findings.push(syntax::tab_diagnostic(self.source, tab));
        }
    }

    fn begin_collection(
        &mut self,
        body: CollectionBody,
        is_broken: bool,
        layout: StructureStyle,
        anchor: usize,
        start: usize,
        end: usize,
    ) -> BuildStep {
        match layout {
            // the column of a block is its indentation, so `-<tab>key: value` is one too
            StructureStyle::Block if !self.tab_seen => self.refuse_tab_before(start),
            StructureStyle::Block => {}
            StructureStyle::Flow => self.check_tab(start),
        }
        let start = self.cursor.span(start, end);
        if self.open.len() >= MAX_DEPTH {
            self.findings.push(syntax::too_deep(self.source, start));
            self.is_unusable = true;
            return BuildStep::Stop;
        }
        self.flow_depth += usize::from(layout == StructureStyle::Flow);
        self.open.push(OpenCollection { start, anchor, end, layout, is_broken, body });
        BuildStep::More
    }

    fn end_collection(&mut self, start: usize, end: usize) -> BuildStep {
        let Some(frame) = self.open.pop() else { return BuildStep::More };
        if frame.layout == StructureStyle::Flow {
            self.flow_depth = self.flow_depth.saturating_sub(1);
        }
        // the end of a block is the start of the next item, and has no length
        let end = if start < end { end } else { frame.end };
        let span = Span { end: end.max(frame.start.end), ..frame.start };
        let kind = match frame.body {
            CollectionBody::List(items) => Some(YamlKind::List(items)),
            CollectionBody::Map(map) => {
                map.close().filter(|map| self.check_single_pair(map, span, frame.layout)).map(YamlKind::Map)
            }
        };
        let node = match kind.filter(|_| !frame.is_broken) {
            Some(kind) => YamlNode { span, kind },
            None => YamlNode::broken(span),
        };
        self.complete_node(node, frame.anchor, span)
    }

    /// `[fd00::, x]` is a list of a mapping and a text for YAML, which is hardly intended.
    fn check_single_pair(&mut self, map: &Mapping, span: Span, layout: StructureStyle) -> bool {
        let in_list = matches!(self.open.last(), Some(OpenCollection { body: CollectionBody::List(_), .. }));
        let is_bare =
            layout == StructureStyle::Flow && !self.text().get(span.start..).unwrap_or_default().starts_with('{');
        if self.merge_keys != MergeKeys::Apply || !in_list || !is_bare {
            return true;
        }
        let (Some((_, value)), 1) = (map.first(), map.len()) else { return true };
        let is_text = value.as_scalar().is_some_and(|value| value.blank && !value.broken);
        if is_text {
            self.findings.push(syntax::bare_pair(self.source, span));
        }
        !is_text
    }

    fn expand_alias(&mut self, id: usize, start: usize, end: usize) -> BuildStep {
        self.stream.aliases = true;
        self.check_tab(start);
        let written = self.cursor.span(start, end);
        match self.anchors.expand(id, self.open.len()) {
            Ok(node) => self.complete_node(node, 0, written),
            Err(AliasError::Bomb) => self.refuse_bomb(written),
            Err(AliasError::TooDeep) => {
                self.findings.push(syntax::too_deep(self.source, written));
                self.complete_node(YamlNode::broken(written), 0, written)
            }
            Err(AliasError::Unfinished) => {
                self.findings.push(syntax::recursive_alias(self.source, written));
                self.complete_node(YamlNode::broken(written), 0, written)
            }
        }
    }

    /// Adds a complete node, which is at `written`, to its parent.
    fn complete_node(&mut self, node: YamlNode, anchor: usize, written: Span) -> BuildStep {
        if anchor != 0 && self.anchors.define(anchor, &node).is_err() {
            return self.refuse_bomb(written);
        }
        let Some(frame) = self.open.last_mut() else {
            if node.as_scalar().is_some_and(|scalar| scalar.blank && !scalar.broken) {
                let start = self.cursor.span(self.document_start, self.document_start);
                self.stream.empty.push((self.stream.documents.len(), start));
            } else {
                self.stream.documents.push(node);
            }
            return BuildStep::More;
        };
        frame.end = frame.end.max(written.end);
        match &mut frame.body {
            CollectionBody::List(items) => items.push(node),
            CollectionBody::Map(map) => {
                if let Err(finding) = map.take_node(node, written, self.merge_keys, self.source) {
                    self.findings.push(finding);
                }
            }
        }
        BuildStep::More
    }

    fn refuse_bomb(&mut self, at: Span) -> BuildStep {
        self.findings.push(syntax::alias_bomb(self.source, first_line_span(at)));
        self.is_unusable = true;
        BuildStep::Stop
    }
}
