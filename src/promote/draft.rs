//! A layer in plaintext that is edited as text: entries are added, replaced and removed.
//!
//! After every edit the text is read again and compared with its expected content: whatever the YAML syntax, either
//! only the intended part changes, or nothing does.

use std::ops::Range;

use thiserror::Error;
use zeroize::Zeroizing;

use super::excerpt::{LayerExcerpt, comments_above, dedent, entry_range, is_same_content, line_end, line_start};
use super::tree_edit::{DraftStep, cut_node, is_empty, last_end, node_at, part_bounds, put_node};
use crate::diagnostic::Diagnostics;
use crate::span::{Source, Span};
use crate::yaml;
use crate::yaml::node::{Mapping, YamlKind, YamlNode};

/// Reason why a layer cannot be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum EditFailure {
    /// It is not valid YAML.
    #[error("it is not valid YAML")]
    Invalid,
    /// Its syntax allows no edit of the part alone: anchors, merge keys, tabs.
    #[error("its syntax does not allow the edit: check for anchors (`&`), aliases (`*`) and merge keys (`<<`)")]
    Entangled,
}

/// A layer in plaintext that is being edited.
#[derive(Clone)]
pub(super) struct PromotionDraft {
    name: String,
    text: Zeroizing<String>,
    root: YamlNode,
}

impl PromotionDraft {
    /// Reads a layer in plaintext.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, EditFailure> {
        let root = read_root(name, text).map_err(|_: Diagnostics| EditFailure::Invalid)?;
        Ok(Self { name: name.to_owned(), text: Zeroizing::new(text.to_owned()), root })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn root(&self) -> &YamlNode {
        &self.root
    }

    /// The text of a part, with its comments.
    pub(super) fn excerpt(&self, path: &[DraftStep]) -> Option<LayerExcerpt> {
        let (start, node) = self.part(path)?;
        let last = path.last()?;
        let key = match last {
            DraftStep::Key(key) => Some(key.as_str()),
            DraftStep::Item(_) => None,
        };
        if self.is_within_flow(path) {
            let text = Zeroizing::new(self.slice(start..node.span.end).to_owned());
            let is_one_line = !text.contains('\n');
            let excerpt = LayerExcerpt { comments: Vec::new(), text, is_flow: true, node: node.clone() };
            return Some(if is_one_line { excerpt } else { LayerExcerpt::in_one_line(key, node) });
        }
        let range = entry_range(&self.text, start, node.span.end);
        let column = start - line_start(&self.text, start);
        let (above, item) = match last {
            DraftStep::Key(_) => (start, false),
            DraftStep::Item(_) => (self.dash_before(start)?, true),
        };
        let (comments, _) = comments_above(&self.text, above);
        let text = match dedent(self.slice(range), column) {
            // what an item is written in ends where it does
            Some(text) if !item || !text.trim_start().is_empty() => text,
            _ => return Some(LayerExcerpt { comments, ..LayerExcerpt::in_one_line(key, node) }),
        };
        let is_flow = !text.contains(['\n', '#']);
        Some(LayerExcerpt { comments, text, is_flow, node: node.clone() })
    }

    /// Adds a part, or replaces it. Comments above it are replaced if the new part has some.
    pub(super) fn put(&mut self, path: &[DraftStep], excerpt: &LayerExcerpt) -> Result<(), EditFailure> {
        let key = match path.last() {
            Some(DraftStep::Key(key)) => Some(key.as_str()),
            _ => None,
        };
        // a form that depends on less each time
        let plain = LayerExcerpt::in_one_line(key, &excerpt.node);
        let with_comments = LayerExcerpt { comments: excerpt.comments.clone(), ..plain.clone() };
        for form in [excerpt, &excerpt.without_comments(), &with_comments, &plain] {
            let Some(edit) = self.edit_to_put(path, form) else { continue };
            let expected = |root: &mut YamlNode| put_node(root, path, form.node.clone());
            if self.apply_edit(edit, expected).is_ok() {
                return Ok(());
            }
        }
        Err(EditFailure::Entangled)
    }

    /// Removes a part, with its comments.
    pub(super) fn cut(&mut self, path: &[DraftStep]) -> Result<(), EditFailure> {
        let edit = self.edit_to_cut(path).ok_or(EditFailure::Entangled)?;
        self.apply_edit(edit, |root| cut_node(root, path))
    }

    /// Offset at which a part starts, and its value.
    fn part(&self, path: &[DraftStep]) -> Option<(usize, &YamlNode)> {
        let (last, before) = path.split_last()?;
        let parent = node_at(&self.root, before)?;
        match (&parent.kind, last) {
            (YamlKind::Map(map), DraftStep::Key(key)) => {
                let (key, node) = map.get_key_value(key.as_str())?;
                Some((key.span.start, node))
            }
            (YamlKind::List(items), DraftStep::Item(index)) => items.get(*index).map(|node| (node.span.start, node)),
            _ => None,
        }
    }

    /// Offset of the `-` of an item of a block.
    fn dash_before(&self, at: usize) -> Option<usize> {
        let line = line_start(&self.text, at);
        let before = self.slice(line..at).trim_end();
        before.ends_with('-').then(|| line + before.len() - 1)
    }

    fn edit_to_put(&self, path: &[DraftStep], excerpt: &LayerExcerpt) -> Option<DraftEdit> {
        if let Some((start, node)) = self.part(path) {
            return self.edit_to_replace(path, excerpt, start, node);
        }
        // the deepest part that is there
        let there = (0..path.len())
            .rev()
            .find(|length| path.get(..*length).and_then(|path| node_at(&self.root, path)).is_some())?;
        let (above, missing) = (path.get(..there)?, path.get(there..)?);
        let parent = node_at(&self.root, above)?;
        if !above.is_empty() && self.is_within_flow_or_is(above, parent) {
            return self.edit_in_braces(above, parent, missing, excerpt);
        }
        if above.is_empty() && self.is_flow(parent) {
            return if is_empty(parent) {
                let text = self.block_text(missing, excerpt, "")?;
                let text = Zeroizing::new(text.trim_start_matches(['\n', '\r']).to_owned());
                Some((parent.span.start..parent.span.end, text))
            } else {
                self.edit_in_braces(above, parent, missing, excerpt)
            };
        }
        self.edit_in_lines(parent, missing, excerpt)
    }

    fn edit_to_replace(
        &self,
        path: &[DraftStep],
        excerpt: &LayerExcerpt,
        start: usize,
        node: &YamlNode,
    ) -> Option<DraftEdit> {
        if self.is_within_flow(path) {
            return excerpt.is_flow.then(|| (start..node.span.end, excerpt.text.clone()));
        }
        let range = entry_range(&self.text, start, node.span.end);
        let line = line_start(&self.text, start);
        let indent = " ".repeat(start - line);
        let newline = self.newline();
        let text = excerpt.lines_at(&indent, newline);
        if excerpt.comments.is_empty() {
            return Some((range, text));
        }
        let (at, dash) = match path.last()? {
            DraftStep::Key(_) => (start, ""),
            DraftStep::Item(_) => (self.dash_before(start)?, "- "),
        };
        if !self.slice(line..at).trim().is_empty() {
            // on the line of a `-` or of `? `
            return Some((range, text));
        }
        let (_, first) = comments_above(&self.text, at);
        let mut out = Zeroizing::new(String::new());
        for comment in &excerpt.comments {
            out.push_str(comment);
            out.push_str(newline);
            out.push_str(self.slice(line..at));
        }
        if dash.is_empty() {
            out.push_str(&text);
        } else {
            out.push_str(self.slice(at..start));
            out.push_str(&text);
        }
        Some((first..range.end, out))
    }

    /// Adds lines behind the last entry of a block.
    fn edit_in_lines(&self, parent: &YamlNode, missing: &[DraftStep], excerpt: &LayerExcerpt) -> Option<DraftEdit> {
        let newline = self.newline();
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
        let is_at_line = at == 0 || self.slice(at - 1..at) == "\n";
        let body = text.trim_start_matches(['\n', '\r']);
        let text = if is_at_line { format!("{body}{newline}") } else { format!("{newline}{body}{newline}") };
        Some((at..at, Zeroizing::new(text)))
    }

    /// Offset behind the lines of a value.
    fn end_of(&self, node: &YamlNode) -> usize {
        let range = entry_range(&self.text, node.span.start, node.span.end);
        line_end(&self.text, range.end)
    }

    /// Lines of a part and of the maps around it, the first after a line break.
    fn block_text(&self, missing: &[DraftStep], excerpt: &LayerExcerpt, indent: &str) -> Option<Zeroizing<String>> {
        let newline = self.newline();
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
    ) -> Option<DraftEdit> {
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

    fn edit_to_cut(&self, path: &[DraftStep]) -> Option<DraftEdit> {
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
            return Some((at, nothing()));
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
        let range = line_start(&self.text, first)..self.end_of(node);
        if count > 1 || before.is_empty() {
            return Some((range, nothing()));
        }
        // behind the `:` of its own key
        let (own, _) = self.part(before)?;
        let colon = self.slice(own..range.start).trim_end().len() + own;
        let empty = match parent.kind {
            YamlKind::List(_) => " []",
            _ => " {}",
        };
        let newline = if self.slice(0..range.end).ends_with('\n') { self.newline() } else { "" };
        Some((colon..range.end, Zeroizing::new(format!("{empty}{newline}"))))
    }

    /// Edits the text, if its new tree is the result of `expected` on its current one.
    fn apply_edit(
        &mut self,
        edit: DraftEdit,
        expected: impl FnOnce(&mut YamlNode) -> Option<()>,
    ) -> Result<(), EditFailure> {
        let (at, new) = edit;
        let mut wanted = self.root.clone();
        expected(&mut wanted).ok_or(EditFailure::Entangled)?;
        let (before, after) = (self.slice(0..at.start), self.slice(at.end..self.text.len()));
        let mut text = Zeroizing::new(String::with_capacity(before.len() + new.len() + after.len()));
        for part in [before, new.as_str(), after] {
            text.push_str(part);
        }
        let root = read_root(&self.name, &text).ok().filter(|root| is_same_content(root, &wanted));
        self.root = root.ok_or(EditFailure::Entangled)?;
        self.text = text;
        Ok(())
    }

    fn slice(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }

    fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    fn is_flow(&self, node: &YamlNode) -> bool {
        let is_collection = node.as_scalar().is_none();
        is_collection && self.slice(node.span.start..self.text.len()).starts_with(['{', '['])
    }

    fn is_within_flow_or_is(&self, path: &[DraftStep], node: &YamlNode) -> bool {
        self.is_flow(node) || self.is_within_flow(path)
    }

    /// Whether a part is within braces.
    fn is_within_flow(&self, path: &[DraftStep]) -> bool {
        (0..path.len()).filter_map(|length| node_at(&self.root, path.get(..length)?)).any(|node| self.is_flow(node))
    }
}

/// A range of the text, and its replacement.
type DraftEdit = (Range<usize>, Zeroizing<String>);

fn read_root(name: &str, text: &str) -> Result<YamlNode, Diagnostics> {
    yaml::read::read_document(&Source::new(name, text))
}

fn quoted_key(key: &str) -> String {
    let empty = YamlNode { span: Span::default(), kind: YamlKind::Map(Mapping::default()) };
    let text = LayerExcerpt::in_one_line(Some(key), &empty).text;
    text.trim_end_matches(" {}").to_owned()
}

#[cfg(test)]
mod tests;
