//! A layer that is edited as text, at the locations of the changes.
//!
//! After every edit the text is read again and compared with its expected content: whatever the YAML syntax, either
//! only the intended part changes, or nothing does.

use std::ops::Range;

use zeroize::Zeroizing;

use super::entry_path::{self, entry_at, map_mut};
use super::lines::{behind_header, key_separator, line_end, line_start, shift_lines};
use super::refusal::FixError;
use crate::check::EntryLocation;
use crate::diagnostic::Diagnostics;
use crate::layer::key_text;
use crate::sops;
use crate::span::{Source, Span};
use crate::yaml;
use crate::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode, YamlStyle};

/// Declaration of a sensitive key.
const DECLARED: &str = "sensitive: true";

/// A layer that is being edited.
#[derive(Clone)]
pub(super) struct LayerDraft {
    name: String,
    text: Zeroizing<String>,
    root: YamlNode,
    /// The file as it is on disk.
    on_disk: Zeroizing<String>,
}

/// A range of the text, and its replacement.
type LayerEdit = (Range<usize>, Zeroizing<String>);

impl LayerDraft {
    /// Reads a layer, which must not be encrypted.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, FixError> {
        let root =
            yaml::read::read_document(&Source::new(name, text)).map_err(|_: Diagnostics| FixError::Unreadable)?;
        if sops::is_encrypted(&root) {
            return Err(FixError::InPart(name.to_owned()));
        }
        let text = Zeroizing::new(text.to_owned());
        Ok(Self { name: name.to_owned(), on_disk: text.clone(), text, root })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The file as it is on disk, if the draft differs.
    pub(super) fn changed_from(&self) -> Option<&str> {
        (self.on_disk != self.text).then_some(self.on_disk.as_str())
    }

    /// Notes that the draft was written to the file.
    pub(super) fn note_written(&mut self) {
        self.on_disk = self.text.clone();
    }

    /// The keys that lead to an entry.
    pub(super) fn find(&self, spot: &EntryLocation) -> Result<Vec<String>, FixError> {
        entry_path::find_entry_path(&self.root, spot)
    }

    /// Declares an entry sensitive.
    pub(super) fn declare(&mut self, path: &[String]) -> Result<(), FixError> {
        let (key, node) = entry_at(&self.root, path).ok_or(FixError::Lost)?;
        self.check_bare(key, node)?;
        let edit = match &node.kind {
            YamlKind::Map(fields) if fields.contains_key("sensitive") => return Err(FixError::DeclaredPlain),
            YamlKind::Map(fields) => self.with_field(fields, node),
            YamlKind::Scalar(scalar) => self.in_long_form(path, key, node, scalar),
            YamlKind::List(_) => return Err(FixError::Lost),
        };
        self.apply_edit(edit, |root| {
            let (last, before) = path.split_last()?;
            let node = map_mut(root, before)?.get_mut(last.as_str())?;
            if node.as_map().is_none() {
                let value = node.clone();
                node.kind = YamlKind::Map(Mapping::from_iter([(plain_key("value"), value)]));
            }
            map_mut(root, path)?.insert(plain_key("sensitive"), true_node());
            Some(())
        })
    }

    /// Gives a key another name.
    pub(super) fn rename(&mut self, path: &[String], new: &str) -> Result<(), FixError> {
        let (last, before) = path.split_last().ok_or(FixError::Lost)?;
        let (key, _) = entry_at(&self.root, path).ok_or(FixError::Lost)?;
        let written = key_text(self.slice(key.span.start..key.span.end), new);
        self.apply_edit((key.span.start..key.span.end, Zeroizing::new(written)), |root| {
            let map = map_mut(root, before)?;
            let index = map.get_index_of(last.as_str())?;
            let (_, node) = map.shift_remove_index(index)?;
            map.shift_insert(index, plain_key(new), node);
            Some(())
        })
    }

    /// Removes the value of an entry, and returns it. With `keeps_key` a declaration of the key stays; without, only
    /// its other fields do.
    pub(super) fn take(&mut self, path: &[String], keeps_key: bool) -> Result<Zeroizing<String>, FixError> {
        let (key, node) = entry_at(&self.root, path).ok_or(FixError::Lost)?;
        self.check_bare(key, node)?;
        if let YamlKind::Map(fields) = &node.kind {
            let (value_key, value) = fields.get_key_value("value").ok_or(FixError::Lost)?;
            self.check_bare(value_key, value)?;
            let text = Zeroizing::new(value.as_scalar().ok_or(FixError::Lost)?.text().to_owned());
            let declared = fields.get("sensitive").map(|node| node.as_scalar().is_some_and(|it| it.text() == "true"));
            let field: Vec<_> = path.iter().cloned().chain(["value".to_owned()]).collect();
            match declared {
                Some(false) => return Err(FixError::DeclaredPlain),
                None if keeps_key => {
                    let edit = (value_key.span.start..value.span.end, self.replacement_text(value, DECLARED));
                    self.apply_edit(edit, |root| {
                        let fields = map_mut(root, path)?;
                        fields.shift_remove("value");
                        fields.insert(plain_key("sensitive"), true_node());
                        Some(())
                    })?;
                }
                None if fields.len() == 1 => self.cut(path)?,
                None | Some(true) => self.cut(&field)?,
            }
            return Ok(text);
        }
        let text = Zeroizing::new(node.as_scalar().ok_or(FixError::Lost)?.text().to_owned());
        if keeps_key {
            let edit = (node.span.start..node.span.end, self.replacement_text(node, &format!("{{ {DECLARED} }}")));
            self.apply_edit(edit, |root| {
                let (last, before) = path.split_last()?;
                let fields = Mapping::from_iter([(plain_key("sensitive"), true_node())]);
                map_mut(root, before)?.get_mut(last.as_str())?.kind = YamlKind::Map(fields);
                Some(())
            })?;
        } else {
            self.cut(path)?;
        }
        Ok(text)
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
    fn with_field(&self, fields: &Mapping, node: &YamlNode) -> LayerEdit {
        let newline = self.newline();
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
    fn in_long_form(&self, path: &[String], key: &YamlKey, node: &YamlNode, scalar: &Scalar) -> LayerEdit {
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
        let newline = self.newline();
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
    fn cut(&mut self, path: &[String]) -> Result<(), FixError> {
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
        self.apply_edit((at, Zeroizing::new(new.to_owned())), |root| {
            map_mut(root, before)?.shift_remove(last.as_str());
            Some(())
        })
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

    /// Edits the text, if its new tree is the result of `expected` on its current one.
    fn apply_edit(
        &mut self,
        edit: LayerEdit,
        expected: impl FnOnce(&mut YamlNode) -> Option<()>,
    ) -> Result<(), FixError> {
        let (at, new) = edit;
        let mut wanted = self.root.clone();
        expected(&mut wanted).ok_or(FixError::Lost)?;
        let (before, after) = (self.slice(0..at.start), self.slice(at.end..self.text.len()));
        let mut text = Zeroizing::new(String::with_capacity(before.len() + new.len() + after.len()));
        for part in [before, new.as_str(), after] {
            text.push_str(part);
        }
        let root = yaml::read::read_document(&Source::new(self.name.as_str(), text.as_str()));
        let root = root.ok().filter(|root| is_same(root, &wanted)).ok_or(FixError::Entangled)?;
        self.text = text;
        self.root = root;
        Ok(())
    }

    fn slice(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }

    fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
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

/// Whether two trees have the same content, whatever the locations.
fn is_same(one: &YamlNode, other: &YamlNode) -> bool {
    match (&one.kind, &other.kind) {
        (YamlKind::Scalar(one), YamlKind::Scalar(other)) => {
            let what = |scalar: &Scalar| (scalar.style, scalar.blank, scalar.tag.clone());
            one.text() == other.text() && what(one) == what(other)
        }
        (YamlKind::List(one), YamlKind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (YamlKind::Map(one), YamlKind::Map(other)) => {
            let has = |(key, one): (&YamlKey, &YamlNode)| other.get(key).is_some_and(|other| is_same(one, other));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => false,
    }
}
