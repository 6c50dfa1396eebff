//! Changes of entries: the edit of the text, and the content that it must have then.

use std::ops::Range;

use zeroize::Zeroizing;

use super::super::entry_path::{entry_at, map_mut};
use super::super::lines::{behind_header, key_separator, line_end, line_start, shift_lines};
use super::super::refusal::FixError;
use super::LayerDraft;
use crate::layer::key_text;
use crate::span::Span;
use crate::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode, YamlStyle};
use crate::yaml::splice::TextSplice;

/// Declaration of a sensitive key.
const DECLARED: &str = "sensitive: true";

/// A change of the entry at a path.
pub(in super::super) struct EntryChange<'c> {
    pub(in super::super) path: &'c [String],
    pub(in super::super) kind: EntryChangeKind<'c>,
}

/// Kind of a change.
#[derive(Clone, Copy)]
pub(in super::super) enum EntryChangeKind<'c> {
    /// The entry is declared sensitive.
    Declare,
    /// Its key gets another name.
    Rename(&'c str),
    /// Its value is removed. With `keeps_key` a declaration of the key stays; without, only its other fields do.
    Take { keeps_key: bool },
}

/// Change of the content of a layer; none if it has no such part.
pub(super) type TreeChange<'c> = Box<dyn FnOnce(&mut YamlNode) -> Option<()> + 'c>;

/// A change in the text of a layer.
pub(super) struct PlannedEdit<'c> {
    pub(super) edit: TextSplice,
    pub(super) expected: TreeChange<'c>,
    /// The value that is removed.
    pub(super) taken: Option<Zeroizing<String>>,
}

impl<'c> PlannedEdit<'c> {
    fn new(edit: TextSplice, expected: impl FnOnce(&mut YamlNode) -> Option<()> + 'c) -> Self {
        Self { edit, expected: Box::new(expected), taken: None }
    }
}

impl LayerDraft {
    /// The edit that makes a change.
    pub(super) fn plan_change<'c>(&self, change: &EntryChange<'c>) -> Result<PlannedEdit<'c>, FixError> {
        match change.kind {
            EntryChangeKind::Declare => self.plan_declaration(change.path),
            EntryChangeKind::Rename(new) => self.plan_name(change.path, new),
            EntryChangeKind::Take { keeps_key } => self.plan_removal(change.path, keeps_key),
        }
    }

    /// Declares an entry sensitive.
    fn plan_declaration<'c>(&self, path: &'c [String]) -> Result<PlannedEdit<'c>, FixError> {
        let (key, node) = entry_at(&self.root, path).ok_or(FixError::Lost)?;
        self.check_bare(key, node)?;
        let edit = match &node.kind {
            YamlKind::Map(fields) if fields.contains_key("sensitive") => return Err(FixError::DeclaredPlain),
            YamlKind::Map(fields) => self.with_field(fields, node),
            YamlKind::Scalar(scalar) => self.in_long_form(path, key, node, scalar),
            YamlKind::List(_) => return Err(FixError::Lost),
        };
        Ok(PlannedEdit::new(edit, |root| {
            let (last, before) = path.split_last()?;
            let node = map_mut(root, before)?.get_mut(last.as_str())?;
            if node.as_map().is_none() {
                let value = node.clone();
                node.kind = YamlKind::Map(Mapping::from_iter([(plain_key("value"), value)]));
            }
            map_mut(root, path)?.insert(plain_key("sensitive"), true_node());
            Some(())
        }))
    }

    /// Gives a key another name.
    fn plan_name<'c>(&self, path: &'c [String], new: &'c str) -> Result<PlannedEdit<'c>, FixError> {
        let (last, before) = path.split_last().ok_or(FixError::Lost)?;
        let (key, _) = entry_at(&self.root, path).ok_or(FixError::Lost)?;
        let written = key_text(self.slice(key.span.start..key.span.end), new);
        Ok(PlannedEdit::new((key.span.start..key.span.end, Zeroizing::new(written)), move |root| {
            let map = map_mut(root, before)?;
            // the order of keys is compared by nobody
            let node = map.swap_remove(last.as_str())?;
            map.insert(plain_key(new), node);
            Some(())
        }))
    }

    /// Removes the value of an entry. With `keeps_key` a declaration of the key stays; without, only its other fields
    /// do.
    fn plan_removal<'c>(&self, path: &'c [String], keeps_key: bool) -> Result<PlannedEdit<'c>, FixError> {
        let (key, node) = entry_at(&self.root, path).ok_or(FixError::Lost)?;
        self.check_bare(key, node)?;
        if let YamlKind::Map(fields) = &node.kind {
            return self.plan_field_removal(path, fields, keeps_key);
        }
        let text = Zeroizing::new(node.as_scalar().ok_or(FixError::Lost)?.text().to_owned());
        let plan = if keeps_key {
            let edit = (node.span.start..node.span.end, self.replacement_text(node, &format!("{{ {DECLARED} }}")));
            PlannedEdit::new(edit, |root| {
                let (last, before) = path.split_last()?;
                let fields = Mapping::from_iter([(plain_key("sensitive"), true_node())]);
                map_mut(root, before)?.get_mut(last.as_str())?.kind = YamlKind::Map(fields);
                Some(())
            })
        } else {
            self.plan_cut(path.to_vec())?
        };
        Ok(PlannedEdit { taken: Some(text), ..plan })
    }

    /// Removes the value of an entry in the long form.
    fn plan_field_removal<'c>(
        &self,
        path: &'c [String],
        fields: &Mapping,
        keeps_key: bool,
    ) -> Result<PlannedEdit<'c>, FixError> {
        let (value_key, value) = fields.get_key_value("value").ok_or(FixError::Lost)?;
        self.check_bare(value_key, value)?;
        let text = Zeroizing::new(value.as_scalar().ok_or(FixError::Lost)?.text().to_owned());
        let declared = fields.get("sensitive").map(|node| node.as_scalar().is_some_and(|it| it.text() == "true"));
        let field = || path.iter().cloned().chain(["value".to_owned()]).collect();
        let plan = match declared {
            Some(false) => return Err(FixError::DeclaredPlain),
            None if keeps_key => {
                let edit = (value_key.span.start..value.span.end, self.replacement_text(value, DECLARED));
                PlannedEdit::new(edit, |root| {
                    let fields = map_mut(root, path)?;
                    fields.shift_remove("value");
                    fields.insert(plain_key("sensitive"), true_node());
                    Some(())
                })
            }
            None if fields.len() == 1 => self.plan_cut(path.to_vec())?,
            None | Some(true) => self.plan_cut(field())?,
        };
        Ok(PlannedEdit { taken: Some(text), ..plan })
    }

    /// Checks that a value is directly behind its key.
    fn check_bare(&self, key: &YamlKey, node: &YamlNode) -> Result<(), FixError> {
        let gap = self.text.get(key.span.end..node.span.start).ok_or(FixError::Alias)?;
        // an alias to its content is impossible, but its anchor may be further up
        if key_separator(gap).is_empty() { Ok(()) } else { Err(FixError::Properties) }
    }

    /// Replacement text of a value; a comment of a block's header stays.
    fn replacement_text(&self, node: &YamlNode, new: &str) -> Zeroizing<String> {
        let raw = self.slice(node.span.start..node.span.end);
        let is_block =
            node.as_scalar().is_some_and(|scalar| matches!(scalar.style, YamlStyle::Literal | YamlStyle::Folded));
        Zeroizing::new(if is_block { format!("{new}{}", behind_header(raw)) } else { new.to_owned() })
    }

    /// Adds a field to a long form.
    fn with_field(&self, fields: &Mapping, node: &YamlNode) -> TextSplice {
        let newline = self.newline;
        let at = |at: usize, text: String| (at..at, Zeroizing::new(text));
        match fields.iter().next_back().zip(fields.keys().next()) {
            Some(((_, last), _)) if self.is_flow(node.span) => at(last.span.end, format!(", {DECLARED}")),
            Some((_, first)) => {
                let line = line_start(&self.text, first.span.start);
                let indent = self.slice(line..first.span.start);
                at(first.span.start, format!("{DECLARED}{newline}{indent}"))
            }
            None => at(node.span.start + 1, format!(" {DECLARED} ")),
        }
    }

    /// The long form of a short one: on the line of the key where possible, else on lines of its own.
    fn in_long_form(&self, path: &[String], key: &YamlKey, node: &YamlNode, scalar: &Scalar) -> TextSplice {
        let raw = self.slice(node.span.start..node.span.end);
        let gap = self.slice(key.span.end..node.span.start);
        let is_safe = match scalar.style {
            YamlStyle::Plain => !raw.contains(['{', '}', '[', ']', ',']),
            YamlStyle::SingleQuoted | YamlStyle::DoubleQuoted => true,
            YamlStyle::Literal | YamlStyle::Folded => false,
        };
        let is_one_line = !raw.contains('\n') && !gap.contains('\n');
        if self.is_within_flow(path) || is_safe && is_one_line {
            let new = Zeroizing::new(format!("{{ value: {raw}, {DECLARED} }}"));
            return (node.span.start..node.span.end, new);
        }
        let newline = self.newline;
        let (start, indent) = if gap.contains('\n') {
            (node.span.start, node.span.column.saturating_sub(1))
        } else {
            // with the blanks before it
            (key.span.end + gap.trim_end().len(), key.span.column + 1)
        };
        let indent = " ".repeat(indent);
        let lead = if start < node.span.start { format!("{newline}{indent}") } else { String::new() };
        let raw = Zeroizing::new(shift_lines(raw, "  "));
        let new = format!("{lead}{DECLARED}{newline}{indent}value: {}", raw.as_str());
        (start..node.span.end, Zeroizing::new(new))
    }

    /// Removes a key from its map, with its lines if it has them.
    fn plan_cut<'c>(&self, path: Vec<String>) -> Result<PlannedEdit<'c>, FixError> {
        let (last, before) = path.split_last().ok_or(FixError::Lost)?;
        let parent = entry_at(&self.root, before).ok_or(FixError::Lost)?;
        let map = parent.1.as_map().ok_or(FixError::Lost)?;
        let index = map.get_index_of(last.as_str()).ok_or(FixError::Lost)?;
        let at = if self.is_flow(parent.1.span) {
            self.within_braces(parent.1.span, map, index)?
        } else {
            self.on_lines(parent, map, index)?
        };
        let is_block = !self.is_flow(parent.1.span);
        let new = match map.len() {
            1 if is_block && self.slice(0..at.start).ends_with(':') => " {}",
            1 if is_block => "{}",
            _ => "",
        };
        Ok(PlannedEdit::new((at, Zeroizing::new(new.to_owned())), move |root| {
            let (last, before) = path.split_last()?;
            map_mut(root, before)?.swap_remove(last.as_str());
            Some(())
        }))
    }

    fn within_braces(&self, braces: Span, map: &Mapping, index: usize) -> Result<Range<usize>, FixError> {
        let part = |index: usize| map.get_index(index).map(|(key, node)| (key.span.start, node.span.end));
        let (start, end) = part(index).ok_or(FixError::Lost)?;
        let before = index.checked_sub(1).and_then(part).map(|(_, end)| end);
        let next = part(index + 1).map(|(start, _)| start);
        let at = match (before, next) {
            (Some(before), _) => before..end,
            (None, Some(next)) => start..next,
            (None, None) => braces.start + 1..braces.end.saturating_sub(1).max(end),
        };
        let around = [self.slice(at.start..start.max(at.start)), self.slice(end..at.end.max(end))];
        if around.iter().any(|text| text.contains('#')) { Err(FixError::Comment) } else { Ok(at) }
    }

    fn on_lines(&self, parent: (&YamlKey, &YamlNode), map: &Mapping, index: usize) -> Result<Range<usize>, FixError> {
        let (key, node) = map.get_index(index).ok_or(FixError::Lost)?;
        let (start, end) = (key.span.start, node.span.end);
        if map.len() == 1 {
            // up to the `:` of the map's own key, if only blanks are between them
            let gap = self.slice(parent.0.span.end..start);
            let is_blank = gap.trim_start().strip_prefix(':').is_some_and(|rest| rest.trim().is_empty());
            let colon = gap.find(':').filter(|_| is_blank).map(|colon| parent.0.span.end + colon + 1);
            return Ok(colon.unwrap_or(start)..end);
        }
        let line = line_start(&self.text, start);
        if !self.slice(line..start).trim().is_empty() {
            return Err(FixError::Entangled);
        }
        Ok(line..line_end(&self.text, end))
    }

    fn is_flow(&self, span: Span) -> bool {
        self.slice(span.start..self.text.len()).starts_with(['{', '['])
    }

    /// Whether an entry is within braces.
    fn is_within_flow(&self, path: &[String]) -> bool {
        let parents = (0..path.len()).filter_map(|length| match path.get(..length)? {
            [] => Some(&self.root),
            path => entry_at(&self.root, path).map(|(_, node)| node),
        });
        parents.into_iter().any(|node| self.is_flow(node.span))
    }
}

fn plain_key(text: &str) -> YamlKey {
    YamlKey { text: text.to_owned(), span: Span::default() }
}

fn true_node() -> YamlNode {
    YamlNode { span: Span::default(), kind: YamlKind::Scalar(Scalar::new("true", YamlStyle::Plain)) }
}
