//! Edits of a text that change one part of its content. Each is a try: the caller reads the result and compares it.

use zeroize::Zeroizing;

use super::super::excerpt::LayerExcerpt;
use super::super::extent::{blank_lines_end, comments_above, entry_ends, header_comment, line_end, line_start};
use super::super::tree_edit::{DraftStep, is_empty, last_end, node_at, part_bounds};
use super::PromotionDraft;
use crate::span::Span;
use crate::yaml::node::{Mapping, YamlKind, YamlNode};
use crate::yaml::splice::TextSplice;

/// Fate of the comment behind a part that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommentFate {
    /// It stays behind the new part.
    Kept,
    /// It becomes a line above it.
    Moved,
    /// It is removed.
    Dropped,
}

impl PromotionDraft {
    /// Edits that add a part or replace it, the best one first.
    pub(super) fn edits_to_put(
        &self,
        path: &[DraftStep],
        excerpt: &LayerExcerpt,
        fate: CommentFate,
    ) -> Vec<TextSplice> {
        if let Some((start, node)) = self.part(path) {
            return self.edits_to_replace(path, excerpt, fate, start, node).unwrap_or_default();
        }
        if fate != CommentFate::Kept {
            return Vec::new();
        }
        self.edits_to_add(path, excerpt).unwrap_or_default()
    }

    fn edits_to_add(&self, path: &[DraftStep], excerpt: &LayerExcerpt) -> Option<Vec<TextSplice>> {
        // the deepest part that is there
        let there = (0..path.len())
            .rev()
            .find(|length| path.get(..*length).and_then(|path| node_at(&self.root, path)).is_some())?;
        let (above, missing) = (path.get(..there)?, path.get(there..)?);
        let parent = node_at(&self.root, above)?;
        if !above.is_empty() && self.is_within_flow_or_is(above, parent) {
            return self.edit_in_braces(above, parent, missing, excerpt).map(|edit| vec![edit]);
        }
        if above.is_empty() && self.is_flow(parent) {
            let edit = if is_empty(parent) {
                let text = self.block_text(missing, excerpt, "")?;
                let text = Zeroizing::new(text.trim_start_matches(['\n', '\r']).to_owned());
                Some((parent.span.start..parent.span.end, text))
            } else {
                self.edit_in_braces(above, parent, missing, excerpt)
            };
            return edit.map(|edit| vec![edit]);
        }
        self.edits_in_lines(parent, missing, excerpt)
    }

    fn edits_to_replace(
        &self,
        path: &[DraftStep],
        excerpt: &LayerExcerpt,
        fate: CommentFate,
        start: usize,
        node: &YamlNode,
    ) -> Option<Vec<TextSplice>> {
        if self.is_within_flow(path) {
            let is_possible = excerpt.is_flow && fate == CommentFate::Kept;
            return is_possible.then(|| vec![(start..node.span.end, excerpt.text.clone())]);
        }
        let ends = entry_ends(&self.text, start, node);
        let line = line_start(&self.text, start);
        let (indent, newline) = (" ".repeat(start - line), self.newline);
        let beside = self.comment_beside(path, start, ends.value, ends.comment);
        let texts = match (fate, &beside) {
            (CommentFate::Kept, None) => vec![excerpt.lines_at(&indent, newline)],
            (CommentFate::Kept, Some(beside)) => excerpt.lines_with(beside, &indent, newline),
            (_, None) => return None,
            (_, Some(_)) => {
                vec![LayerExcerpt { behind: None, ..excerpt.clone() }.lines_at(&indent, newline)]
            }
        };
        let at = match path.last()? {
            DraftStep::Key(_) => start,
            DraftStep::Item(_) => self.dash_before(start)?,
        };
        let known = comments_above(&self.text, at).0;
        let mut above: Vec<&str> =
            if known.is_empty() { excerpt.comments.iter().map(String::as_str).collect() } else { Vec::new() };
        above.extend(beside.as_deref().map(str::trim).filter(|_| fate == CommentFate::Moved));
        // on the line of a `-` or of `? `
        let has_line = self.slice(line..at).trim().is_empty();
        if !has_line {
            if fate == CommentFate::Moved {
                return None;
            }
            above.clear();
        }
        let mut intro = Zeroizing::new(String::new());
        for comment in above {
            intro.push_str(comment);
            intro.push_str(newline);
            intro.push_str(self.slice(line..at));
        }
        intro.push_str(self.slice(at..start));
        let (end, last) = self.end_of_replaced(excerpt, ends.comment);
        let edit =
            |text: Zeroizing<String>| (at..end, Zeroizing::new(format!("{}{}{last}", intro.as_str(), text.as_str())));
        Some(texts.into_iter().map(edit).collect())
    }

    /// The comment behind a part, with the blanks before it: behind its last line, or behind its first one.
    fn comment_beside(&self, path: &[DraftStep], start: usize, value: usize, end: usize) -> Option<String> {
        if end > value {
            return Some(self.slice(value..end).to_owned());
        }
        let first = self.slice(start..value).lines().next()?;
        if !matches!(path.last(), Some(DraftStep::Key(_))) || first.len() == value - start {
            return None;
        }
        header_comment(first).and_then(|at| first.get(at..)).map(str::to_owned)
    }

    /// End of the range that a part is written to, and what follows its text. Blank lines after a block that keeps its
    /// line breaks would be part of it.
    fn end_of_replaced(&self, excerpt: &LayerExcerpt, end: usize) -> (usize, &'static str) {
        if !excerpt.keeps_newlines {
            return (end, "");
        }
        let end = blank_lines_end(&self.text, end);
        let has_line_break = line_end(&self.text, end) > end && self.slice(end..self.text.len()).contains('\n');
        (end, if has_line_break { "" } else { self.newline })
    }

    /// Adds lines behind the last entry of a block.
    fn edits_in_lines(
        &self,
        parent: &YamlNode,
        missing: &[DraftStep],
        excerpt: &LayerExcerpt,
    ) -> Option<Vec<TextSplice>> {
        let newline = self.newline;
        let (at, indent) = match &parent.kind {
            YamlKind::Map(map) if !map.is_empty() => {
                let (first, (_, last)) = (map.keys().next()?, map.iter().next_back()?);
                let start = line_start(&self.text, first.span.start);
                let indent = self.slice(start..first.span.start).replace('-', " ");
                (self.end_of(last), indent)
            }
            YamlKind::List(items) if !items.is_empty() => {
                let (first, last) = (items.first()?, items.last()?);
                let dash = self.dash_before(first.span.start)?;
                let indent = self.slice(line_start(&self.text, dash)..dash).to_owned();
                (self.end_of(last), indent)
            }
            // an empty file
            YamlKind::Scalar(scalar) if scalar.blank && parent.span.start == self.root.span.start => {
                (self.text.len(), String::new())
            }
            YamlKind::Map(_) if self.text.trim().is_empty() => (self.text.len(), String::new()),
            _ => return None,
        };
        if !indent.trim().is_empty() {
            return None;
        }
        let text = self.block_text(missing, excerpt, &indent)?;
        let body = text.trim_start_matches(['\n', '\r']);
        let edit = |at: usize| {
            let is_at_line = at == 0 || self.slice(at - 1..at) == "\n";
            let text = if is_at_line { format!("{body}{newline}") } else { format!("{newline}{body}{newline}") };
            (at..at, Zeroizing::new(text))
        };
        Some([at, self.after_blank_lines(at)].map(edit).into())
    }

    /// Offset behind the lines of a value.
    fn end_of(&self, node: &YamlNode) -> usize {
        line_end(&self.text, entry_ends(&self.text, node.span.start, node).comment)
    }

    /// Offset after the blank lines at the start of a line.
    fn after_blank_lines(&self, at: usize) -> usize {
        match at.checked_sub(1) {
            Some(before) if self.slice(before..at) == "\n" => line_end(&self.text, blank_lines_end(&self.text, before)),
            _ => at,
        }
    }

    /// Lines of a part and of the maps around it, the first after a line break.
    fn block_text(&self, missing: &[DraftStep], excerpt: &LayerExcerpt, indent: &str) -> Option<Zeroizing<String>> {
        let newline = self.newline;
        let (last, around) = missing.split_last()?;
        let mut out = Zeroizing::new(String::new());
        let mut indent = indent.to_owned();
        for step in around {
            let DraftStep::Key(key) = step else { return None };
            out.push_str(newline);
            out.push_str(&indent);
            out.push_str(&quoted_key(key));
            indent.push_str("  ");
        }
        for comment in &excerpt.comments {
            out.push_str(newline);
            out.push_str(&indent);
            out.push_str(comment);
        }
        out.push_str(newline);
        out.push_str(&indent);
        if let DraftStep::Item(_) = last {
            out.push_str("- ");
            indent.push_str("  ");
        }
        out.push_str(&excerpt.lines_at(&indent, newline));
        Some(out)
    }

    /// Adds an entry to a map or list in braces.
    fn edit_in_braces(
        &self,
        above: &[DraftStep],
        parent: &YamlNode,
        missing: &[DraftStep],
        excerpt: &LayerExcerpt,
    ) -> Option<TextSplice> {
        let (_, around) = missing.split_last()?;
        if is_empty(parent) {
            // braces without content become lines, unless there are other braces around them
            if !self.is_within_flow(above) {
                let (start, _) = self.part(above)?;
                let line = line_start(&self.text, start);
                let indent = self.slice(line..start);
                if indent.trim().is_empty() {
                    let before = self.slice(start..parent.span.start).trim_end().len();
                    let text = self.block_text(missing, excerpt, &format!("{indent}  "))?;
                    return Some((start + before..parent.span.end, text));
                }
            }
        }
        if !excerpt.is_flow {
            return None;
        }
        let mut text = Zeroizing::new(String::new());
        for step in around {
            let DraftStep::Key(key) = step else { return None };
            text.push_str(&quoted_key(key));
            text.push_str(" { ");
        }
        text.push_str(&excerpt.text);
        text.push_str(&" }".repeat(around.len()));
        match last_end(parent) {
            Some(end) => {
                text.insert_str(0, ", ");
                Some((end..end, text))
            }
            None => {
                Some((parent.span.start + 1..parent.span.start + 1, Zeroizing::new(format!(" {} ", text.as_str()))))
            }
        }
    }

    /// Edits that remove a part with its comments, the best one first.
    pub(super) fn edits_to_cut(&self, path: &[DraftStep]) -> Vec<TextSplice> {
        self.ranges_to_cut(path).unwrap_or_default()
    }

    fn ranges_to_cut(&self, path: &[DraftStep]) -> Option<Vec<TextSplice>> {
        let (last, before) = path.split_last()?;
        let parent = node_at(&self.root, before)?;
        let (start, node) = self.part(path)?;
        let (count, index) = match (&parent.kind, last) {
            (YamlKind::Map(map), DraftStep::Key(key)) => (map.len(), map.get_index_of(key.as_str())?),
            (YamlKind::List(items), DraftStep::Item(index)) => (items.len(), *index),
            _ => return None,
        };
        let nothing = || Zeroizing::new(String::new());
        if self.is_within_flow(path) {
            let ends = part_bounds(parent);
            let at = match (index.checked_sub(1).and_then(|index| ends.get(index)), ends.get(index + 1)) {
                (Some(before), _) => before.end..node.span.end,
                (None, Some(next)) => start..next.start,
                (None, None) => parent.span.start + 1..parent.span.end.saturating_sub(1).max(node.span.end),
            };
            return Some(vec![(at, nothing())]);
        }
        let start = match last {
            DraftStep::Key(_) => start,
            DraftStep::Item(_) => self.dash_before(start)?,
        };
        let line = line_start(&self.text, start);
        if !self.slice(line..start).trim().is_empty() {
            return None;
        }
        let (_, first) = comments_above(&self.text, start);
        let (first, end) = (line_start(&self.text, first), self.end_of(node));
        // blank lines after it would be part of a block before it that keeps its line breaks
        let ends = [end, self.after_blank_lines(end)];
        if count > 1 || before.is_empty() {
            return Some(ends.map(|end| (first..end, nothing())).into());
        }
        // behind the `:` of its own key
        let (own, _) = self.part(before)?;
        let colon = self.slice(own..first).trim_end().len() + own;
        let empty = match parent.kind {
            YamlKind::List(_) => " []",
            _ => " {}",
        };
        let edit = |end: usize| {
            let newline = if self.slice(0..end).ends_with('\n') { self.newline } else { "" };
            (colon..end, Zeroizing::new(format!("{empty}{newline}")))
        };
        Some(ends.map(edit).into())
    }
}

fn quoted_key(key: &str) -> String {
    let empty = YamlNode { span: Span::default(), kind: YamlKind::Map(Mapping::default()) };
    let text = LayerExcerpt::in_one_line(Some(key), &empty).text;
    text.trim_end_matches(" {}").to_owned()
}
