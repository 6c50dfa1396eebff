//! Comments between values, and the map or list that each belongs to: go-yaml decides that by the lines around it,
//! and a ciphertext is bound to it (format, section 1.9).

use zeroize::Zeroizing;

use super::read::{SopsYamlReader, ValueSurroundings};
use crate::document::tree::{SopsComment, SopsItem, ValueSite};
use septum_base::span::Span;
use septum_base::yaml::node::YamlNode;
use septum_base::yaml::read;

impl SopsYamlReader<'_> {
    /// The comment on the line of a value that ends here, also behind a comma.
    pub(super) fn comment_behind<K>(&mut self, end: usize) -> Option<SopsItem<K>> {
        let text = self.text;
        let follows = |comment: &&read::YamlComment| {
            let gap = text.get(end..comment.span.start);
            comment.inline && gap.is_none_or(|gap| !gap.contains('\n') && gap.trim_matches([' ', '\t', ',']).is_empty())
        };
        self.comments.next_if(follows).map(to_comment_item)
    }

    /// Takes the comment behind brackets: it belongs to all of their content, and not to a single value.
    pub(super) fn behind_brackets<K>(&mut self, end: usize) -> Option<SopsItem<K>> {
        let found = self.comment_behind(end);
        found.map(|item| match item {
            SopsItem::Comment(comment) => SopsItem::Comment(SopsComment { inline: false, ..comment }),
            value @ SopsItem::Value(..) => value,
        })
    }

    /// Whether the following lines, of blanks or with a comment, would be read as a part of a block of this
    /// indentation.
    pub(super) fn joins_block(&self, end: usize, indent: usize) -> bool {
        let rest = self.text.get(self.line_of(end)..).unwrap_or_default();
        for line in rest.strip_prefix('\n').unwrap_or_default().split('\n') {
            let line = line.trim_end_matches('\r');
            let content = line.trim_start_matches(' ');
            if line.len() - content.len() >= indent && (line.len() > indent || !content.is_empty()) {
                return true;
            }
            if !content.is_empty() {
                return content.starts_with('\t');
            }
        }
        false
    }

    /// The comments behind the last item: those within the brackets, or indented deeper than the next item. For
    /// go-yaml these belong to the innermost map or list, however deep they are, up to the first blank line between
    /// them; later ones belong to the next item.
    pub(super) fn take_foot_comments<K>(
        &mut self,
        items: &mut Vec<SopsItem<K>>,
        span: Span,
        around: ValueSurroundings,
    ) {
        if around.flow {
            self.take_comments(items, |comment| comment.span.start < span.end);
        } else {
            let next = self.column_of(around.limit);
            while let Some(comment) = self.comments.peek().copied() {
                let is_foot = !comment.inline
                    && comment.span.start < around.limit
                    && comment.span.column > next
                    && (self.foot < span.end || self.comment_follows(comment.span.start));
                if !is_foot {
                    break;
                }
                self.take_comments(items, |next| next == comment);
                self.foot = comment.span.end;
            }
        }
    }

    /// Whether the item at an offset is on the line below the last comment at the end of a map or list. A line end of
    /// Windows counts as two in go-yaml here, so that it treats the next line as one behind a blank line.
    pub(super) fn comment_follows(&self, start: usize) -> bool {
        self.text.get(self.foot..start).is_some_and(|gap| gap.bytes().filter(|byte| b"\r\n".contains(byte)).count() < 2)
    }

    /// Whether a comment is on the line of a key without a value, and another one below it.
    pub(super) fn has_comments_behind(&self, key_end: usize) -> bool {
        let mut comments = self.comments.clone();
        let (Some(first), Some(second)) = (comments.next(), comments.next()) else { return false };
        let gap = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default().matches('\n').count();
        first.inline && gap(key_end, first.span.start) == 0 && gap(first.span.end, second.span.start) == 1
    }

    /// Whether comments follow right below a list, no deeper than it, with a blank line behind them.
    pub(super) fn has_foot(&self, list: Span) -> bool {
        let start = list.end.max(self.foot);
        let mut end = start;
        for comment in self.comments.clone() {
            let gap = self.text.get(end..comment.span.start).unwrap_or_default();
            let is_deeper = end == start && comment.span.column > list.column;
            if comment.inline || is_deeper || gap.matches('\n').count() > 1 {
                break;
            }
            end = comment.span.end;
        }
        let behind = self.text.get(end..).unwrap_or_default();
        end > start && behind.split('\n').nth(1).is_some_and(|line| line.trim().is_empty())
    }

    /// The column of the item at an offset, or of the margin after the last item.
    pub(super) fn column_of(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rfind('\n').map_or(before, |newline| before.get(newline + 1..).unwrap_or_default());
        if line.trim().is_empty() || line.trim_start().starts_with('-') { line.chars().count() + 1 } else { 1 }
    }

    pub(super) fn take_comments<K>(
        &mut self,
        items: &mut Vec<SopsItem<K>>,
        wanted: impl Fn(&read::YamlComment) -> bool,
    ) {
        while let Some(comment) = self.comments.next_if(|comment| wanted(comment)) {
            items.push(to_comment_item(comment));
        }
    }
}

/// Whether an item of a list looks like an encrypted comment.
pub(super) fn is_comment(node: &YamlNode) -> bool {
    node.as_scalar().is_some_and(|scalar| scalar.text().trim_end().ends_with(",type:comment]"))
}

/// Sets the columns of comments on a line of their own: elsewhere go-yaml might assign them to another map or list,
/// to which their ciphertext is not bound.
pub(super) fn align_comments<K>(items: &mut [SopsItem<K>], column: usize, is_list: bool, start: impl Fn(&K) -> usize) {
    let mut next = usize::MAX;
    for item in items.iter_mut().rev() {
        match item {
            SopsItem::Value(key, _) => next = start(key),
            SopsItem::Comment(comment) => {
                let Span { start, column: found, .. } = comment.site.span;
                // one between a key and its value is of neither another map nor another list
                let is_between_values = !comment.inline && start < next;
                let indent = u32::try_from(column.saturating_sub(1)).ok();
                comment.site.indent = indent.filter(|_| is_between_values && found != column);
                comment.as_item = is_between_values && is_list;
            }
        }
    }
}

pub(super) fn to_comment_item<K>(comment: &read::YamlComment) -> SopsItem<K> {
    let site = ValueSite { span: comment.span, ..ValueSite::default() };
    SopsItem::Comment(SopsComment {
        text: Zeroizing::new(comment.text.clone()),
        site,
        inline: comment.inline,
        as_item: false,
        signed: false,
    })
}
