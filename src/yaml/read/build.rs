//! Builds the tree from events, with a stack of its own.

use granit_parser::{Event, ScalarStyle, ScanError, Span as Mark, StructureStyle, Tag};

use super::anchor::{Anchors, Refusal};
use super::cursor::Cursor;
use super::key::OpenMap;
use super::tag::{self, Shape, Standing, Unfit};
use super::{Comment, MAX_DEPTH, MergeKeys, Stream, blank, head, syntax};
use crate::diagnostic::Diagnostics;
use crate::span::{Source, SourcePart, Span};
use crate::yaml::node::{Kind, Mapping, Node, Scalar, Style};

/// A text of so many bytes is not copied if the file has it as it is.
const LONG: usize = 64;

/// Whether more events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Stop,
}

/// A collection that is not complete.
struct Frame {
    start: Span,
    /// The id of its anchor, 0 for none.
    anchor: usize,
    /// Where its last child ends.
    end: usize,
    layout: StructureStyle,
    body: Body,
}

enum Body {
    List(Vec<Node>),
    Map(OpenMap),
}

/// A document in the making.
pub(super) struct Builder<'s> {
    source: &'s Source,
    cursor: Cursor<'s>,
    merge_keys: MergeKeys,
    findings: Diagnostics,
    open: Vec<Frame>,
    anchors: Anchors,
    stream: Stream,
    /// Where the event before ended: what has no event of its own is searched from here.
    previous: usize,
    flow_depth: usize,
    tab_seen: bool,
    /// Start of the document, behind its `---` if it has one.
    document_start: usize,
}

impl<'s> Builder<'s> {
    pub(super) fn new(source: &'s Source, merge_keys: MergeKeys) -> Self {
        Self {
            source,
            cursor: Cursor::new(source.text()),
            merge_keys,
            findings: Diagnostics::new(),
            open: Vec::new(),
            anchors: Anchors::default(),
            stream: Stream {
                documents: Vec::new(),
                comments: Vec::new(),
                aliases: false,
                empty: Vec::new(),
                started: 0,
            },
            previous: 0,
            flow_depth: 0,
            tab_seen: false,
            document_start: 0,
        }
    }

    pub(super) fn text(&self) -> &'s str {
        self.cursor.text()
    }

    /// The documents that are complete, and all that was found.
    pub(super) fn finish(self) -> (Stream, Diagnostics) {
        (self.stream, self.findings)
    }

    /// Records why the parser stopped.
    pub(super) fn give_up(&mut self, error: &ScanError) {
        let finding = syntax::diagnostic(self.source, error);
        if !(finding.rule == syntax::TAB && self.tab_seen) {
            self.findings.push(finding);
        }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, event: Event<'_>, mark: &Mark) -> Step {
        let range = mark.byte_range().unwrap_or_default();
        let step = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.scalar_span(range.start, range.end, style);
                let node = self.scalar(&text, style, tag.as_deref(), mark, span);
                self.check_tab(span.start);
                self.complete(node, anchor, span)
            }
            Event::SequenceStart(layout, anchor, tag) => {
                self.check_tag(tag.as_deref(), mark, Shape::List);
                let start = self.list_start(range.start, layout);
                self.begin(Body::List(Vec::new()), layout, anchor, start, range.end)
            }
            Event::MappingStart(layout, anchor, tag) => {
                self.check_tag(tag.as_deref(), mark, Shape::Map);
                self.begin(Body::Map(OpenMap::new()), layout, anchor, range.start, range.end)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(range.start, range.end),
            Event::Alias(id) => self.alias(id, range.start, range.end),
            Event::UnresolvedAlias(_) => {
                let span = self.cursor.span(range.start, range.end);
                self.findings.push(syntax::undefined_alias(self.source, span));
                self.complete(blank(span), 0, span)
            }
            Event::DocumentStart(..) => {
                self.stream.started += 1;
                self.document_start = range.end;
                self.anchors.clear();
                Step::More
            }
            Event::Comment(text, _) => {
                let (text, span) = (text.into_owned(), self.cursor.span(range.start, range.end));
                let inline = !self.cursor.is_first_on_line(span.start);
                self.stream.comments.push(Comment { text, span, inline });
                return Step::More;
            }
            _ => Step::More,
        };
        self.previous = self.previous.max(range.end);
        step
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: &Mark, span: Span) -> Node {
        let tag_name = self.check_tag(tag, mark, Shape::Scalar);
        if span.start == span.end && style == ScalarStyle::Plain && tag.is_none() {
            return blank(span);
        }
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let start = span.start + usize::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
        let part = if text.len() < LONG { None } else { SourcePart::of(self.source, start, text) };
        let mut scalar = part.map_or_else(|| Scalar::new(text, style), |part| Scalar::in_place(part, style));
        scalar.tag = tag_name;
        scalar.tag_at = tag.and_then(|_| mark.tag_span()?.byte_range()).map(|range| range.start);
        Node { span, kind: Kind::Scalar(scalar) }
    }

    /// The place of a scalar. The parser's span of a block starts after its header and runs into
    /// the line after it.
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

    /// The place of a list's first dash. For a list that is not indented under its key the parser
    /// names what follows the dash.
    fn list_start(&self, start: usize, layout: StructureStyle) -> usize {
        let in_list = matches!(self.open.last(), Some(Frame { body: Body::List(_), .. }));
        if layout == StructureStyle::Flow || in_list {
            return start;
        }
        self.cursor.find_word(self.previous, start, |word| word == "-").map_or(start, |(dash, _)| dash)
    }

    /// The name of a tag; one that is unknown or does not fit is recorded as a finding.
    fn check_tag(&mut self, tag: Option<&Tag>, mark: &Mark, shape: Shape) -> Option<String> {
        tag::name(tag?, shape).unwrap_or_else(|Unfit| {
            let (start, end) = tag::range(mark);
            let place = self.source.place(self.cursor.span(start, end));
            let alone = shape == Shape::Scalar && mark.start == mark.end;
            let standing = if alone { Standing::Alone } else { Standing::BeforeValue };
            self.findings.push(tag::refusal(place, standing));
            None
        })
    }

    /// The parser lets some tabs pass that other readers refuse. Within brackets they are harmless,
    /// and JSON is often indented so.
    fn check_tab(&mut self, start: usize) {
        if self.flow_depth == 0 && !self.tab_seen && self.cursor.is_first_on_line(start) {
            self.refuse_tab_before(start);
        }
    }

    fn refuse_tab_before(&mut self, start: usize) {
        if let Some(tab) = self.cursor.tab_before(start) {
            self.tab_seen = true;
            self.findings.push(syntax::tab(self.source, tab));
        }
    }

    fn begin(&mut self, body: Body, layout: StructureStyle, anchor: usize, start: usize, end: usize) -> Step {
        match layout {
            // the column of a block is its indentation, so `-<tab>key: value` is one too
            StructureStyle::Block if !self.tab_seen => self.refuse_tab_before(start),
            StructureStyle::Block => {}
            StructureStyle::Flow => self.check_tab(start),
        }
        let start = self.cursor.span(start, end);
        if self.open.len() >= MAX_DEPTH {
            self.findings.push(syntax::too_deep(self.source, start));
            return Step::Stop;
        }
        self.flow_depth += usize::from(layout == StructureStyle::Flow);
        self.open.push(Frame { start, anchor, end, layout, body });
        Step::More
    }

    fn end(&mut self, start: usize, end: usize) -> Step {
        let Some(frame) = self.open.pop() else { return Step::More };
        if frame.layout == StructureStyle::Flow {
            self.flow_depth = self.flow_depth.saturating_sub(1);
        }
        // the end of a block is where the next thing starts, and has no length
        let end = if start < end { end } else { frame.end };
        let span = Span { end: end.max(frame.start.end), ..frame.start };
        let kind = match frame.body {
            Body::List(items) => Kind::List(items),
            Body::Map(map) => {
                let map = map.close();
                self.check_single_pair(&map, span, frame.layout);
                Kind::Map(map)
            }
        };
        self.complete(Node { span, kind }, frame.anchor, span)
    }

    /// `[fd00::, x]` is a list of a mapping and a text for YAML, which nobody means.
    fn check_single_pair(&mut self, map: &Mapping, span: Span, layout: StructureStyle) {
        let in_list = matches!(self.open.last(), Some(Frame { body: Body::List(_), .. }));
        let is_bare =
            layout == StructureStyle::Flow && !self.text().get(span.start..).unwrap_or_default().starts_with('{');
        if self.merge_keys != MergeKeys::Apply || !in_list || !is_bare {
            return;
        }
        let (Some((_, value)), 1) = (map.first(), map.len()) else { return };
        if value.as_scalar().is_some_and(|value| value.blank) {
            self.findings.push(syntax::bare_pair(self.source, span));
        }
    }

    fn alias(&mut self, id: usize, start: usize, end: usize) -> Step {
        self.stream.aliases = true;
        self.check_tab(start);
        let written = self.cursor.span(start, end);
        match self.anchors.expand(id, self.open.len()) {
            Ok(node) => self.complete(node, 0, written),
            Err(Refusal::Bomb) => self.bomb(written),
            Err(Refusal::TooDeep) => {
                self.findings.push(syntax::too_deep(self.source, written));
                self.complete(blank(written), 0, written)
            }
            Err(Refusal::Unfinished) => {
                self.findings.push(syntax::recursive_alias(self.source, written));
                self.complete(blank(written), 0, written)
            }
        }
    }

    /// Puts a complete node, which stands at `written`, where it belongs.
    fn complete(&mut self, node: Node, anchor: usize, written: Span) -> Step {
        if anchor != 0 && self.anchors.define(anchor, &node).is_err() {
            return self.bomb(written);
        }
        let Some(frame) = self.open.last_mut() else {
            if node.as_scalar().is_some_and(|scalar| scalar.blank) {
                let start = self.cursor.span(self.document_start, self.document_start);
                self.stream.empty.push((self.stream.documents.len(), start));
            } else {
                self.stream.documents.push(node);
            }
            return Step::More;
        };
        frame.end = frame.end.max(written.end);
        match &mut frame.body {
            Body::List(items) => items.push(node),
            Body::Map(map) => {
                if let Err(finding) = map.take(node, written, self.merge_keys, self.source) {
                    self.findings.push(finding);
                }
            }
        }
        Step::More
    }

    fn bomb(&mut self, at: Span) -> Step {
        self.findings.push(syntax::alias_bomb(self.source, head(at)));
        Step::Stop
    }
}
