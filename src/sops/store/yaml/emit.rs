//! Writes YAML as sops does: go-yaml's block style, four blanks a level (format, section 1.9.3).

use zeroize::Zeroizing;

use super::{base64, decimal};
use crate::sops::BLOCK;
use crate::sops::document::{Comment, Document, Item, List, Map, Tree};
use crate::sops::layout::Indent;
use crate::sops::scalar::Value;
use crate::sops::store::go::{self, Quoting};
use crate::yaml::node::Key;
use crate::yaml::write::push_quoted;

/// How far sops indents by itself.
const USUAL: Indent = Indent::Blanks(4);

/// All documents, parted by `---`.
pub(in crate::sops::store) fn emit(document: &Document, step: Indent) -> Zeroizing<String> {
    documents(document, None, step)
}

/// All documents, where metadata are to follow: one without content is left empty.
pub(in crate::sops::store) fn emit_open(document: &Document) -> Zeroizing<String> {
    documents(document, Some(""), USUAL)
}

/// All documents, each with a copy of the metadata.
pub(in crate::sops::store) fn emit_with(document: &Document, fields: &Map, step: Indent) -> Zeroizing<String> {
    documents(document, Some(&block(fields, step)), step)
}

/// The metadata under their key.
pub(super) fn block(fields: &Map, step: Indent) -> String {
    let mut writer = Writer { out: Zeroizing::new(format!("{BLOCK}:")), step, between_others: false };
    writer.map_below(fields, step.below(0));
    writer.out.to_string()
}

/// A list by itself.
pub(in crate::sops::store) fn list(list: &List) -> Zeroizing<String> {
    let mut writer = Writer { out: Zeroizing::default(), step: USUAL, between_others: false };
    writer.list(list, 0, false);
    if list.values().next().is_none() {
        writer.out.push_str("[]\n");
    }
    writer.out
}

/// Keys and values as lines that are indented so far; numbers with a fraction keep one.
pub(in crate::sops::store) fn lines(map: &Map, indent: usize) -> Zeroizing<String> {
    let mut writer = Writer { out: Zeroizing::default(), step: USUAL, between_others: true };
    writer.map(map, indent);
    writer.out
}

fn documents(document: &Document, block: Option<&str>, step: Indent) -> Zeroizing<String> {
    let mut writer = Writer { out: Zeroizing::default(), step, between_others: false };
    for (index, branch) in document.branches.iter().enumerate() {
        if index > 0 {
            writer.out.push_str("---\n");
        }
        writer.map(branch, 0);
        if branch.values().next().is_none() && block.is_none() {
            writer.out.push_str("{}\n");
        }
        if index == 0 && block == Some("") && branch.values().next().is_none() {
            // comments alone begin no document
            writer.out.push_str("---\n");
        }
        writer.out.push_str(block.unwrap_or_default());
    }
    writer.out
}

/// The comments before the first key of a map, unless there is none.
fn leading(value: &Tree) -> impl Iterator<Item = &Comment> {
    let items = match value {
        Tree::Map(map) if map.values().next().is_some() => map.items.as_slice(),
        _ => &[],
    };
    items.iter().map_while(|item| if let Item::Comment(comment) = item { Some(comment) } else { None })
}

struct Writer {
    out: Zeroizing<String>,
    step: Indent,
    /// Whether the lines go between others that somebody else wrote.
    between_others: bool,
}

impl Writer {
    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn map(&mut self, map: &Map, indent: usize) {
        self.entries(&map.items, indent, false);
    }

    /// The items of a map; `started` if the first one stands behind a dash.
    fn entries(&mut self, items: &[Item<Key>], indent: usize, mut started: bool) {
        for item in items {
            match item {
                Item::Comment(comment) => self.comment(comment, indent, &mut started),
                Item::Value(key, value) => {
                    self.start(indent, &mut started);
                    self.key(key);
                    self.under_key(value, indent);
                }
            }
        }
    }

    fn list(&mut self, list: &List, indent: usize, mut started: bool) {
        for item in &list.items {
            match item {
                Item::Comment(comment) => self.comment(comment, indent, &mut started),
                Item::Value(_, value) => {
                    for comment in leading(value) {
                        self.comment(comment, indent, &mut started);
                    }
                    self.start(indent, &mut started);
                    self.out.push('-');
                    self.behind_dash(value, indent);
                }
            }
        }
    }

    fn start(&mut self, indent: usize, started: &mut bool) {
        if !std::mem::take(started) {
            self.indent(indent);
        }
    }

    fn comment(&mut self, comment: &Comment, indent: usize, started: &mut bool) {
        if std::mem::take(started) {
            // no comment fits behind a dash that a value follows
            self.out.push('\n');
        }
        for line in comment.text.split('\n') {
            self.indent(indent);
            self.out.push('#');
            self.out.push_str(line);
            self.out.push('\n');
        }
    }

    fn key(&mut self, key: &Key) {
        if key.text == "<<" {
            self.out.push_str("!!merge <<");
        } else {
            self.text(&key.text, 0, true);
        }
        self.out.push(':');
    }

    fn under_key(&mut self, value: &Tree, indent: usize) {
        match value {
            Tree::Map(map) if map.values().next().is_some() => self.map_below(map, self.step.below(indent)),
            Tree::List(list) if list.values().next().is_some() => {
                self.out.push('\n');
                self.list(list, self.step.below(indent), false);
            }
            Tree::Map(Map { items, .. }) if !items.is_empty() => self.emptied(items, "{}", self.step.below(indent)),
            Tree::List(List { items, .. }) if !items.is_empty() => self.emptied(items, "[]", self.step.below(indent)),
            _ => self.single(value, indent),
        }
    }

    /// A map or a list that holds nothing but comments: one stands behind its brackets, several above them.
    fn emptied<K>(&mut self, items: &[Item<K>], brackets: &str, indent: usize) {
        let comments =
            items.iter().filter_map(|item| if let Item::Comment(comment) = item { Some(comment) } else { None });
        let comments: Vec<_> = comments.collect();
        if let [comment] = comments.as_slice()
            && !comment.text.contains('\n')
        {
            self.out.extend([" ", brackets, " #", &comment.text, "\n"]);
            return;
        }
        self.out.push('\n');
        for comment in comments {
            self.comment(comment, indent, &mut false);
        }
        self.indent(indent);
        self.out.push_str(brackets);
        self.out.push('\n');
    }

    fn map_below(&mut self, map: &Map, indent: usize) {
        self.out.push('\n');
        self.map(map, indent);
    }

    fn behind_dash(&mut self, value: &Tree, indent: usize) {
        match value {
            Tree::Map(map) if map.values().next().is_some() => {
                self.out.push(' ');
                // those before its first key stand above the dash
                let rest = map.items.get(leading(value).count()..).unwrap_or_default();
                self.entries(rest, indent + 2, true);
            }
            Tree::List(list) if list.values().next().is_some() => {
                self.out.push(' ');
                self.list(list, indent + 2, true);
            }
            Tree::Map(Map { items, .. }) if !items.is_empty() => self.emptied(items, "{}", indent + 2),
            Tree::List(List { items, .. }) if !items.is_empty() => self.emptied(items, "[]", indent + 2),
            _ => self.single(value, indent),
        }
    }

    /// A value on the line of its key or dash.
    fn single(&mut self, value: &Tree, indent: usize) {
        self.out.push(' ');
        match value {
            Tree::Map(_) => self.out.push_str("{}"),
            Tree::List(_) => self.out.push_str("[]"),
            Tree::Leaf(leaf) => self.leaf(&leaf.value, indent),
        }
        self.out.push('\n');
    }

    fn leaf(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null | Value::Comment => self.out.push_str("null"),
            Value::Bool(bool) => self.out.push_str(&bool.to_string()),
            Value::Int(int) => self.out.push_str(&int.to_string()),
            Value::Float(float) if self.between_others => self.out.push_str(&decimal(*float)),
            Value::Float(float) => self.out.push_str(&go::yaml_float(*float)),
            Value::Time(time) => self.out.push_str(&time.to_string()),
            Value::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok("<<") => self.out.push_str("!!merge <<"),
                Ok(text) => self.text(text, indent, false),
                Err(_) => {
                    self.out.push_str("!!binary ");
                    self.out.push_str(&base64(bytes));
                }
            },
        }
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        match go::quoting(text, is_key) {
            Quoting::Plain => self.out.push_str(text),
            Quoting::Single => {
                self.out.push('\'');
                self.out.push_str(&text.replace('\'', "''"));
                self.out.push('\'');
            }
            Quoting::Double => push_quoted(&mut self.out, text),
            // a line that follows one day would be part of it
            Quoting::Literal if self.between_others && text.ends_with("\n\n") => push_quoted(&mut self.out, text),
            Quoting::Literal => self.block(text, indent),
        }
    }

    fn block(&mut self, text: &str, indent: usize) {
        let content = text.trim_end_matches('\n');
        self.out.push_str(match text.len() - content.len() {
            0 => "|-",
            1 => "|",
            _ => "|+",
        });
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.out.push('\n');
            if !line.is_empty() {
                self.indent(self.step.below(indent));
                self.out.push_str(line);
            }
        }
    }
}
