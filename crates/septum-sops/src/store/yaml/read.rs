//! Reads YAML with its comments where go-yaml finds them (format, section 1.9.4).

use std::iter::Peekable;
use std::slice::Iter;

use super::comments::{align_comments, is_comment};
use crate::BLOCK;
use crate::document::scalar::{TypedValue, is_unsigned};
use crate::document::tree::{Leaf, ListPosition, SopsDocument, SopsItem, SopsList, SopsMap, SopsTree, ValueSite};
use crate::store::{MetadataBlock, ParsedFile};
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum_base::span::{Source, Span};
use septum_base::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode};
use septum_base::yaml::read::{self, MergeKeys, read_stream};

/// Reads all documents of a file.
pub(in crate::store) fn parse(source: &Source) -> Result<ParsedFile, Diagnostics> {
    let mut stream = read_stream(source, MergeKeys::Keep)?;
    let text = source.text();
    if stream.started == 0 {
        return Err(empty_file(source));
    }
    let is_whole = stream.empty.is_empty();
    // each is one of its own to sops, with its copy of the metadata
    for (index, (before, span)) in std::mem::take(&mut stream.empty).into_iter().enumerate() {
        let at = (before + index).min(stream.documents.len());
        stream.documents.insert(at, YamlNode { span, kind: YamlKind::Map(Mapping::default()) });
    }
    let ends = document_ends(text, &stream.documents);
    let mut parsed =
        ParsedFile { document: SopsDocument::default(), blocks: Vec::new(), ends: Vec::new(), in_place: true };
    parsed.in_place = !stream.aliases && is_whole;
    let mut reader = SopsYamlReader { text, comments: stream.comments.iter().peekable(), in_place: true, foot: 0 };
    let last = stream.documents.len().saturating_sub(1);
    for (index, (node, end)) in stream.documents.into_iter().zip(ends).enumerate() {
        // text behind the end of the last one belongs to no other
        let foot = if index == last { text.len() } else { end };
        let span = node.span;
        let YamlKind::Map(mapping) = node.kind else { return Err(not_a_map(source, &node)) };
        parsed.in_place &= is_block(text, span) && span.column == 1;
        let (map, block) = reader.document(mapping, span, end, foot);
        parsed.document.branches.push(map);
        parsed.blocks.push(block);
        parsed.ends.push(end);
    }
    parsed.in_place &= reader.in_place;
    Ok(parsed)
}

/// End offset of each document: before the line that starts the next one, or ends this one.
fn document_ends(text: &str, documents: &[YamlNode]) -> Vec<usize> {
    let starts = documents.iter().skip(1).map(|next| next.span.start).chain([text.len()]);
    let end = |(document, next): (&YamlNode, usize)| {
        let mut at = document.span.end;
        let between = text.get(at..next).unwrap_or_default();
        for (index, line) in between.split_inclusive('\n').enumerate() {
            let marker = line.starts_with("---") || line.starts_with("...");
            if marker && (index > 0 || at == 0) {
                return at;
            }
            at += line.len();
        }
        at
    };
    documents.iter().zip(starts).map(end).collect()
}

fn is_block(text: &str, span: Span) -> bool {
    !text.get(span.start..).unwrap_or_default().starts_with(['{', '['])
}

pub(super) struct SopsYamlReader<'a> {
    pub(super) text: &'a str,
    pub(super) comments: Peekable<Iter<'a, read::YamlComment>>,
    /// Whether no comment is inside of a value, as behind the header of a block.
    pub(super) in_place: bool,
    /// End of the last comment that is at the end of a map or list.
    pub(super) foot: usize,
}

/// Surroundings of a value.
#[derive(Clone, Copy)]
pub(super) struct ValueSurroundings {
    pub(super) flow: bool,
    /// Indentation of the value's own lines.
    pub(super) indent: usize,
    /// Start of the content that follows.
    pub(super) limit: usize,
    /// The column of the map or list that the value is in.
    pub(super) outer: usize,
    /// Whether it is an item of a list at the column of its key.
    pub(super) flat: bool,
}

/// Whether a comment precedes the first key of a map.
fn starts_with_comment(value: &SopsTree) -> bool {
    matches!(value, SopsTree::Map(map) if matches!(map.items.first(), Some(SopsItem::Comment(_))))
}

impl SopsYamlReader<'_> {
    fn document(&mut self, mapping: Mapping, span: Span, end: usize, foot: usize) -> (SopsMap, Option<MetadataBlock>) {
        let around =
            ValueSurroundings { flow: !is_block(self.text, span), indent: 0, limit: end, outer: 0, flat: false };
        let mut map = self.map(mapping, span, around);
        self.take_comments(&mut map.items, |comment| comment.span.start < foot);
        if !around.flow {
            align_comments(&mut map.items, 1, false, |key| key.span.start);
        }
        let at = map
            .items
            .iter()
            .position(|item| matches!(item, SopsItem::Value(key, SopsTree::Map(_)) if key.text == BLOCK));
        let block = at.and_then(|at| match map.items.remove(at) {
            SopsItem::Value(key, SopsTree::Map(fields)) => Some(self.block(&key, fields)),
            _ => None,
        });
        (map, block)
    }

    fn block(&self, key: &YamlKey, mut fields: SopsMap) -> MetadataBlock {
        untime_fields(&mut fields, self.text);
        let line =
            self.text.get(..key.span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let end = self.end_of_line(fields.span.end);
        MetadataBlock { fields, key: key.span, whole: line..end }
    }

    /// Offset after the line break of the line of an offset.
    fn end_of_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.find('\n').map_or(rest.len(), |newline| newline + 1)
    }

    fn map(&mut self, mapping: Mapping, span: Span, around: ValueSurroundings) -> SopsMap {
        // of its size at once: what grows needs the memory twice
        let comments = self.comments.clone().take_while(|comment| comment.span.start < around.limit).count();
        let mut items = Vec::with_capacity(mapping.len() + comments.min(mapping.len()));
        // a key may have a tag before it
        let column = mapping.keys().next().map_or(span.column, |key| key.span.column.min(span.column));
        let mut entries = mapping.into_iter().peekable();
        while let Some((key, value)) = entries.next() {
            self.take_comments(&mut items, |comment| comment.span.start < key.span.start);
            let limit = entries.peek().map_or(around.limit, |(next, _)| next.span.start);
            let around = ValueSurroundings { flow: around.flow, indent: column + 1, limit, outer: column, flat: false };
            let is_blank = value.as_scalar().is_some_and(|scalar| scalar.blank);
            self.in_place &= !(is_blank && self.has_comments_behind(key.span.end));
            let on_line = self.line_of(key.span.start).min(start_of(&value));
            self.take_comments(&mut items, |comment| comment.inline && comment.span.start < on_line);
            let value = self.value(value, key.span.end, around, &mut items);
            items.push(SopsItem::Value(key, value));
        }
        self.take_foot_comments(&mut items, span, around);
        if !around.flow {
            align_comments(&mut items, column, false, |key| key.span.start);
        }
        SopsMap { items, span }
    }

    fn list(&mut self, nodes: Vec<YamlNode>, span: Span, around: ValueSurroundings) -> SopsList {
        let outer = around.outer;
        let mut items = Vec::with_capacity(nodes.len());
        let starts = self.item_starts(&nodes, span, around.flow);
        let last = nodes.len() - nodes.iter().rev().take_while(|node| is_comment(node)).count();
        for (index, (node, &start)) in nodes.into_iter().zip(&starts).enumerate() {
            self.take_comments(&mut items, |comment| comment.span.start < start);
            let limit = starts.get(index + 1).copied().unwrap_or(around.limit);
            let flat = !around.flow && span.column <= around.outer && index >= last;
            let around =
                ValueSurroundings { flow: around.flow, indent: span.column + 1, limit, outer: span.column, flat };
            // behind a dash sops reads some for those of others
            let head = node.span;
            let gap = |comment: &read::YamlComment| self.text.get(comment.span.end..head.start).unwrap_or_default();
            let is_odd = |comment: &&read::YamlComment| {
                let is_apart = comment.span.column != head.column || gap(comment).matches('\n').count() > 1;
                !comment.inline && comment.span.start < head.start && is_apart
            };
            let is_odd = self.comments.clone().next().is_some_and(|comment| is_odd(&comment));
            self.in_place &= !is_odd;
            let is_behind_others = matches!(items.last(), Some(SopsItem::Comment(_)));
            let value = self.value(node, start, around, &mut items);
            // of comments before a dash and those before the first key behind it, sops keeps only these
            self.in_place &= !(is_behind_others && starts_with_comment(&value));
            items.push(SopsItem::Value(ListPosition { start }, value));
        }
        self.take_foot_comments(&mut items, span, around);
        if !around.flow {
            align_comments(&mut items, span.column, true, |position| position.start);
            // right below a list at the column of its key, and with a blank line behind them, they are of the list to sops
            self.in_place &= span.column > outer || !self.has_foot(span);
        }
        SopsList { items, span }
    }

    /// Start offsets of the items of a list: at their dashes, or of the items themselves within brackets.
    fn item_starts(&self, nodes: &[YamlNode], span: Span, flow: bool) -> Vec<usize> {
        let mut from = span.start;
        let start = |node: &YamlNode| {
            let gap = self.text.get(from..node.span.start).filter(|_| !flow).unwrap_or_default();
            let dash = find_dash(gap).map_or(node.span.start, |at| from + at);
            from = node.span.end.max(dash + 1);
            dash
        };
        nodes.iter().map(start).collect()
    }

    /// A value. A comment behind it on its line counts as one before it; behind brackets, as one at the start of
    /// their content.
    fn value<K>(
        &mut self,
        node: YamlNode,
        start: usize,
        around: ValueSurroundings,
        items: &mut Vec<SopsItem<K>>,
    ) -> SopsTree {
        let flow = around.flow || !is_block(self.text, node.span);
        let span = node.span;
        let is_single = flow || matches!(node.kind, YamlKind::Scalar(_));
        if is_single && self.comments.peek().is_some_and(|comment| comment.span.start < start_of(&node)) {
            // between a key and its value, sops reads some for those of others
            self.in_place = false;
        }
        match node.kind {
            YamlKind::Scalar(scalar) => {
                let leaf = self.leaf(scalar, span, start, around);
                self.take_comments(items, |comment| comment.span.start < leaf.site.span.start);
                let outside = items.len();
                self.take_comments(items, |comment| comment.span.start < span.end);
                self.in_place &= items.len() == outside;
                items.extend(self.comment_behind(span.end));
                SopsTree::Leaf(leaf)
            }
            YamlKind::List(nodes) => {
                let mut list = self.list(nodes, span, ValueSurroundings { flow, ..around });
                if flow {
                    list.items.splice(0..0, self.behind_brackets(span.end));
                }
                SopsTree::List(list)
            }
            YamlKind::Map(mapping) => {
                let mut map = self.map(mapping, span, ValueSurroundings { flow, ..around });
                if flow {
                    map.items.splice(0..0, self.behind_brackets(span.end));
                }
                SopsTree::Map(map)
            }
        }
    }

    fn leaf(&self, scalar: Scalar, span: Span, key_end: usize, around: ValueSurroundings) -> Leaf {
        let span = if scalar.blank { self.empty_value_span(span, key_end) } else { span };
        // a tag is removed with its value
        let start = scalar.tag.as_ref().and_then(|tag| tag.start).filter(|at| *at < span.start).unwrap_or(span.start);
        let lead = self.text.get(key_end..start).unwrap_or_default();
        let after = self.text.get(span.end..self.line_of(span.end)).unwrap_or_default();
        // the rest of the line, spaces too, would become a part of a block
        let room = !around.flow
            && !lead.contains('\n')
            && after.trim_end_matches('\r').is_empty()
            && !self.joins_block(span.end, around.indent);
        let site = ValueSite {
            span: Span { start, ..span },
            flow: around.flow,
            flat: around.flat,
            indent: room.then(|| u32::try_from(around.indent).ok()).flatten(),
            unsigned: is_unsigned(&scalar),
        };
        Leaf::new(TypedValue::from_scalar(scalar), site)
    }

    /// Offset after the `:` of a key or the dash of an item without a value.
    fn empty_value_span(&self, span: Span, key_end: usize) -> Span {
        let rest = self.text.get(key_end..).unwrap_or_default();
        let lead = rest.len() - rest.trim_start().len();
        let sign = rest.get(lead..).is_some_and(|rest| rest.starts_with([':', '-']));
        let at = if sign { key_end + lead + 1 } else { span.start };
        Span { start: at, end: at, ..span }
    }

    /// The end of the line of an offset.
    pub(super) fn line_of(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.find('\n').unwrap_or(rest.len())
    }
}

/// Start of a value, with its tag.
fn start_of(node: &YamlNode) -> usize {
    match &node.kind {
        YamlKind::Scalar(scalar) => {
            scalar.tag.as_ref().and_then(|tag| tag.start).unwrap_or(node.span.start).min(node.span.start)
        }
        YamlKind::List(_) | YamlKind::Map(_) => node.span.start,
    }
}

/// The dash before an item, skipping comments.
fn find_dash(gap: &str) -> Option<usize> {
    let mut at = 0;
    for line in gap.split_inclusive('\n') {
        let lead = line.len() - line.trim_start().len();
        let rest = line.get(lead..).unwrap_or_default();
        // the text before a comment on a line is the end of the item before
        if rest.starts_with('-') {
            return Some(at + lead);
        }
        at += line.len();
    }
    None
}

/// Old files have bare times in their metadata, which new readers do not accept: they are texts.
fn untime_fields(fields: &mut SopsMap, text: &str) {
    for item in &mut fields.items {
        if let SopsItem::Value(_, value) = item {
            untime_tree(value, text);
        }
    }
}

fn untime_tree(tree: &mut SopsTree, text: &str) {
    match tree {
        SopsTree::Leaf(leaf) if matches!(leaf.value, TypedValue::Time(_)) => {
            let written = text.get(leaf.site.span.start..leaf.site.span.end).unwrap_or_default();
            leaf.value = TypedValue::from_text(written);
        }
        SopsTree::Leaf(_) => {}
        SopsTree::List(list) => {
            for item in &mut list.items {
                if let SopsItem::Value(_, value) = item {
                    untime_tree(value, text);
                }
            }
        }
        SopsTree::Map(map) => untime_fields(map, text),
    }
}

fn empty_file(source: &Source) -> Diagnostics {
    let mut found = Diagnostics::new();
    found.push(
        Diagnostic::error(Rule::NoContent, "the file contains nothing to encrypt")
            .at(source.place(Span::locate(source.text(), 0, 0)))
            .hint("write at least one key and its value"),
    );
    found
}

fn not_a_map(source: &Source, node: &YamlNode) -> Diagnostics {
    let mut found = Diagnostics::new();
    let message = format!("expected a mapping as the document, found {}", node.noun());
    found.push(
        Diagnostic::error(Rule::NotAMapping, message)
            .at_masked(source.place(Span { end: node.span.start, ..node.span }))
            .hint("put the value under a key; sops supports no other documents"),
    );
    found
}
