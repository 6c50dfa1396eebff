//! A layer in plaintext that is edited as text: entries are added, replaced and removed.
//!
//! After edits the text is read again and compared with its expected content: whatever the YAML syntax, either only the
//! intended parts change, or nothing does.

mod edits;

use std::ops::Range;

use thiserror::Error;
use zeroize::Zeroizing;

use self::edits::CommentFate;
use super::excerpt::{LayerExcerpt, dedent, is_same_content};
use super::extent::{comments_above, entry_ends, line_start};
use super::tree_edit::{DraftStep, cut_node, node_at, put_node};
use crate::diagnostic::Diagnostics;
use crate::span::Source;
use crate::yaml;
use crate::yaml::node::{YamlKind, YamlNode};
use crate::yaml::splice::{TextSplice, splice_text};

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
    /// Whether a byte order mark is before the text.
    has_order_mark: bool,
    newline: &'static str,
    root: YamlNode,
    /// Edits that are collected, if they are made together.
    collected: Option<Vec<CollectedEdit>>,
}

/// An edit that is made with others.
#[derive(Clone)]
struct CollectedEdit {
    splice: TextSplice,
    path: Vec<DraftStep>,
    /// The new part; none if it is removed.
    new: Option<YamlNode>,
}

const ORDER_MARK: char = '\u{feff}';

impl PromotionDraft {
    /// Reads a layer in plaintext.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, EditFailure> {
        // a mark would count as indentation of the first line
        let rest = text.strip_prefix(ORDER_MARK);
        let (has_order_mark, text) = (rest.is_some(), rest.unwrap_or(text));
        let root = read_root(name, text).map_err(|_: Diagnostics| EditFailure::Invalid)?;
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let text = Zeroizing::new(text.to_owned());
        Ok(Self { name: name.to_owned(), text, has_order_mark, newline, root, collected: None })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mark = if self.has_order_mark { "\u{feff}" } else { "" };
        [mark.as_bytes(), self.text.as_bytes()].concat()
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
            if text.contains('\n') {
                return Some(LayerExcerpt::in_one_line(key, node));
            }
            return Some(LayerExcerpt { text, ..LayerExcerpt::in_one_line(key, node) });
        }
        let ends = entry_ends(&self.text, start, node);
        let column = start - line_start(&self.text, start);
        let (above, item) = match last {
            DraftStep::Key(_) => (start, false),
            DraftStep::Item(_) => (self.dash_before(start)?, true),
        };
        let (comments, _) = comments_above(&self.text, above);
        let text = match dedent(self.slice(start..ends.value), column) {
            // what an item is written in ends where it does
            Some(text) if !item || !text.trim_start().is_empty() => text,
            _ => return Some(LayerExcerpt { comments, ..LayerExcerpt::in_one_line(key, node) }),
        };
        let behind = Some(self.slice(ends.value..ends.comment).to_owned()).filter(|behind| !behind.is_empty());
        let is_flow = !text.contains(['\n', '#']);
        let keeps_newlines = ends.keeps_newlines;
        Some(LayerExcerpt { comments, text, behind, keeps_newlines, is_flow, node: node.clone() })
    }

    /// Whether there are comments between the lines of a part.
    pub(super) fn has_inner_comments(&self, path: &[DraftStep]) -> bool {
        let Some((start, node)) = self.part(path) else { return false };
        let is_map = matches!(node.kind, YamlKind::Map(_)) && !self.is_flow(node) && !self.is_within_flow(path);
        let ends = entry_ends(&self.text, start, node);
        is_map && self.slice(start..ends.value).lines().skip(1).any(|line| line.trim_start().starts_with('#'))
    }

    /// Adds a part, or replaces it. Comments of a part that is replaced stay: those of the new one are for where it has
    /// none.
    pub(super) fn put(&mut self, path: &[DraftStep], excerpt: &LayerExcerpt) -> Result<(), EditFailure> {
        let key = match path.last() {
            Some(DraftStep::Key(key)) => Some(key.as_str()),
            _ => None,
        };
        // a form that depends on less each time
        let plain = LayerExcerpt::in_one_line(key, &excerpt.node);
        let with_comments =
            LayerExcerpt { comments: excerpt.comments.clone(), behind: excerpt.behind.clone(), ..plain.clone() };
        let forms = [excerpt, &excerpt.without_comments(), &with_comments, &plain];
        for fate in [CommentFate::Kept, CommentFate::Moved, CommentFate::Dropped] {
            for form in forms {
                for edit in self.edits_to_put(path, form, fate) {
                    if let Some(collected) = &mut self.collected {
                        let new = Some(form.node.clone());
                        collected.push(CollectedEdit { splice: edit, path: path.to_vec(), new });
                        return Ok(());
                    }
                    let expected = |root: &mut YamlNode| put_node(root, path, form.node.clone());
                    if self.apply_edit(edit, expected).is_ok() {
                        return Ok(());
                    }
                }
            }
        }
        Err(EditFailure::Entangled)
    }

    /// Removes a part, with its comments.
    pub(super) fn cut(&mut self, path: &[DraftStep]) -> Result<(), EditFailure> {
        let edits = self.edits_to_cut(path);
        if let Some(collected) = &mut self.collected {
            let splice = edits.into_iter().next().ok_or(EditFailure::Entangled)?;
            collected.push(CollectedEdit { splice, path: path.to_vec(), new: None });
            return Ok(());
        }
        let mut done = edits.into_iter().map(|edit| self.apply_edit(edit, |root| cut_node(root, path)));
        done.find(Result::is_ok).unwrap_or(Err(EditFailure::Entangled))
    }

    /// Collects the edits that follow, each by its best form. The content is that of before until they are made.
    pub(super) fn collect_edits(&mut self) {
        self.collected = Some(Vec::new());
    }

    /// Number of edits that were collected, if they are.
    pub(super) fn collected_count(&self) -> Option<usize> {
        self.collected.as_ref().map(Vec::len)
    }

    /// Forgets the edits that were collected after the first ones.
    pub(super) fn forget_collected(&mut self, count: usize) {
        self.collected.iter_mut().for_each(|collected| collected.truncate(count));
    }

    /// Whether an edit after the first ones changes the text.
    pub(super) fn is_changed_since(&self, count: usize) -> bool {
        let new = self.collected.as_ref().and_then(|collected| collected.get(count..)).unwrap_or_default();
        new.iter().any(|CollectedEdit { splice: (at, new), .. }| self.slice(at.clone()) != new.as_str())
    }

    /// Makes the edits that were collected: all, or none if they would change other parts.
    pub(super) fn make_collected(&mut self) -> Result<(), EditFailure> {
        let Some(collected) = self.collected.take().filter(|collected| !collected.is_empty()) else { return Ok(()) };
        if !are_apart(&collected) {
            return Err(EditFailure::Entangled);
        }
        let mut wanted = self.root.clone();
        let mut splices = Vec::with_capacity(collected.len());
        for CollectedEdit { splice, path, new } in collected {
            match new {
                Some(new) => put_node(&mut wanted, &path, new),
                None => cut_node(&mut wanted, &path),
            }
            .ok_or(EditFailure::Entangled)?;
            splices.push(splice);
        }
        self.take_text(splice_text(&self.text, &splices).ok_or(EditFailure::Entangled)?, &wanted)
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

    /// Edits the text, if its new tree is the result of `expected` on its current one.
    fn apply_edit(
        &mut self,
        edit: TextSplice,
        expected: impl FnOnce(&mut YamlNode) -> Option<()>,
    ) -> Result<(), EditFailure> {
        let mut wanted = self.root.clone();
        expected(&mut wanted).ok_or(EditFailure::Entangled)?;
        self.take_text(splice_text(&self.text, &[edit]).ok_or(EditFailure::Entangled)?, &wanted)
    }

    /// Takes a new text, if it has the intended content.
    fn take_text(&mut self, text: Zeroizing<String>, wanted: &YamlNode) -> Result<(), EditFailure> {
        let root = read_root(&self.name, &text).ok().filter(|root| is_same_content(root, wanted));
        self.root = root.ok_or(EditFailure::Entangled)?;
        self.text = text;
        Ok(())
    }

    fn slice(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
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

/// Whether no edit needs to know of another: a line that is added to a text that ends without a line break begins with
/// one, which the next line must not.
fn are_apart(edits: &[CollectedEdit]) -> bool {
    let begins = |edit: &&CollectedEdit| edit.splice.0.is_empty() && edit.splice.1.starts_with(['\n', '\r']);
    edits.iter().filter(begins).count() < 2
}

fn read_root(name: &str, text: &str) -> Result<YamlNode, Diagnostics> {
    yaml::read::read_document(&Source::new(name, text))
}

#[cfg(test)]
mod tests;
