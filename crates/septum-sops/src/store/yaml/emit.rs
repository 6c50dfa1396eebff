//! Writes YAML as sops does: go-yaml's block style, four blanks a level (format, section 1.9.3).

use zeroize::Zeroizing;

use super::{encode_base64, format_decimal};
use crate::BLOCK;
use crate::document::scalar::TypedValue;
use crate::document::tree::{SopsComment, SopsDocument, SopsItem, SopsList, SopsMap, SopsTree};
use crate::store::go::{self, TextQuoting};
use crate::store::layout::Indent;
use septum_base::yaml::node::YamlKey;
use septum_base::yaml::write::push_quoted;

/// Default indentation of sops.
const USUAL: Indent = Indent::Blanks(4);

/// All documents, separated by `---`.
pub(in crate::store) fn emit_document(document: &SopsDocument, step: Indent) -> Zeroizing<String> {
    emit_documents(document, None, step)
}

/// All documents, to which metadata will be added: one without content is left empty.
pub(in crate::store) fn emit_open(document: &SopsDocument) -> Zeroizing<String> {
    emit_documents(document, Some(""), USUAL)
}

/// All documents, each with a copy of the metadata.
pub(in crate::store) fn emit_with(document: &SopsDocument, fields: &SopsMap, step: Indent) -> Zeroizing<String> {
    emit_documents(document, Some(&emit_block(fields, step)), step)
}

/// The metadata under their key.
pub(super) fn emit_block(fields: &SopsMap, step: Indent) -> String {
    let out = Zeroizing::new(format!("{BLOCK}:"));
    let mut writer = SopsYamlWriter { out, step, between_others: false, keeps_floats: false };
    writer.map_below(fields, step.column_below(0));
    writer.out.to_string()
}

/// A list by itself.
pub(in crate::store) fn emit_list(list: &SopsList) -> Zeroizing<String> {
    let mut writer =
        SopsYamlWriter { out: Zeroizing::default(), step: USUAL, between_others: false, keeps_floats: false };
    writer.list(list, 0, false);
    if list.values().next().is_none() {
        writer.out.push_str("[]\n");
    }
    writer.out
}

/// Keys and values as lines of this indentation.
pub(in crate::store) fn emit_lines(map: &SopsMap, indent: usize) -> Zeroizing<String> {
    let mut writer =
        SopsYamlWriter { out: Zeroizing::default(), step: USUAL, between_others: true, keeps_floats: true };
    writer.map(map, indent);
    writer.out
}

fn emit_documents(document: &SopsDocument, block: Option<&str>, step: Indent) -> Zeroizing<String> {
    // what gets metadata is read again for its values, and sops itself would read `1` as an integer
    let keeps_floats = block.is_some();
    let mut writer = SopsYamlWriter { out: Zeroizing::default(), step, between_others: false, keeps_floats };
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

/// The comments before the first key of a map, unless there is no key.
fn leading_comments(value: &SopsTree) -> impl Iterator<Item = &SopsComment> {
    let items = match value {
        SopsTree::Map(map) if map.values().next().is_some() => map.items.as_slice(),
        _ => &[],
    };
    items.iter().map_while(|item| if let SopsItem::Comment(comment) = item { Some(comment) } else { None })
}

struct SopsYamlWriter {
    out: Zeroizing<String>,
    step: Indent,
    /// Whether the lines are inserted between lines of another writer.
    between_others: bool,
    /// Whether a float without a fraction is written with one: `1.0`, where sops writes `1`.
    keeps_floats: bool,
}

impl SopsYamlWriter {
    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn map(&mut self, map: &SopsMap, indent: usize) {
        self.entries(&map.items, indent, false);
    }

    /// The items of a map; `started` if the first one is behind a dash.
    fn entries(&mut self, items: &[SopsItem<YamlKey>], indent: usize, mut started: bool) {
        for item in items {
            match item {
                SopsItem::Comment(comment) => self.comment(comment, indent, &mut started),
                SopsItem::Value(key, value) => {
                    self.start(indent, &mut started);
                    self.key(key);
                    self.under_key(value, indent);
                }
            }
        }
    }

    fn list(&mut self, list: &SopsList, indent: usize, mut started: bool) {
        for item in &list.items {
            match item {
                SopsItem::Comment(comment) => self.comment(comment, indent, &mut started),
                SopsItem::Value(_, value) => {
                    for comment in leading_comments(value) {
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

    fn comment(&mut self, comment: &SopsComment, indent: usize, started: &mut bool) {
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

    fn key(&mut self, key: &YamlKey) {
        if key.text == "<<" {
            self.out.push_str("!!merge <<");
        } else {
            self.text(&key.text, 0, true);
        }
        self.out.push(':');
    }

    fn under_key(&mut self, value: &SopsTree, indent: usize) {
        match value {
            SopsTree::Map(map) if map.values().next().is_some() => self.map_below(map, self.step.column_below(indent)),
            SopsTree::List(list) if list.values().next().is_some() => {
                self.out.push('\n');
                self.list(list, self.step.column_below(indent), false);
            }
            SopsTree::Map(SopsMap { items, .. }) if !items.is_empty() => {
                self.write_emptied(items, "{}", self.step.column_below(indent));
            }
            SopsTree::List(SopsList { items, .. }) if !items.is_empty() => {
                self.write_emptied(items, "[]", self.step.column_below(indent));
            }
            _ => self.single(value, indent),
        }
    }

    /// A map or a list that contains only comments: a single one is behind its brackets, several are above them.
    fn write_emptied<K>(&mut self, items: &[SopsItem<K>], brackets: &str, indent: usize) {
        let comments =
            items.iter().filter_map(|item| if let SopsItem::Comment(comment) = item { Some(comment) } else { None });
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

    fn map_below(&mut self, map: &SopsMap, indent: usize) {
        self.out.push('\n');
        self.map(map, indent);
    }

    fn behind_dash(&mut self, value: &SopsTree, indent: usize) {
        match value {
            SopsTree::Map(map) if map.values().next().is_some() => {
                self.out.push(' ');
                // those before its first key are above the dash
                let rest = map.items.get(leading_comments(value).count()..).unwrap_or_default();
                self.entries(rest, indent + 2, true);
            }
            SopsTree::List(list) if list.values().next().is_some() => {
                self.out.push(' ');
                self.list(list, indent + 2, true);
            }
            SopsTree::Map(SopsMap { items, .. }) if !items.is_empty() => self.write_emptied(items, "{}", indent + 2),
            SopsTree::List(SopsList { items, .. }) if !items.is_empty() => self.write_emptied(items, "[]", indent + 2),
            _ => self.single(value, indent),
        }
    }

    /// A value on the line of its key or dash.
    fn single(&mut self, value: &SopsTree, indent: usize) {
        self.out.push(' ');
        match value {
            SopsTree::Map(_) => self.out.push_str("{}"),
            SopsTree::List(_) => self.out.push_str("[]"),
            SopsTree::Leaf(leaf) => self.leaf(&leaf.value, indent),
        }
        self.out.push('\n');
    }

    fn leaf(&mut self, value: &TypedValue, indent: usize) {
        match value {
            TypedValue::Null | TypedValue::Comment => self.out.push_str("null"),
            TypedValue::Bool(bool) => self.out.push_str(&bool.to_string()),
            TypedValue::Int(int) => self.out.push_str(&int.to_string()),
            TypedValue::Float(float) if self.keeps_floats => self.out.push_str(&format_decimal(*float)),
            TypedValue::Float(float) => self.out.push_str(&go::yaml_float(*float)),
            TypedValue::Time(time) => self.out.push_str(&time.to_string()),
            TypedValue::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok("<<") => self.out.push_str("!!merge <<"),
                Ok(text) => self.text(text, indent, false),
                Err(_) => {
                    self.out.push_str("!!binary ");
                    self.out.push_str(&encode_base64(bytes));
                }
            },
        }
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        match go::choose_quoting(text, is_key) {
            TextQuoting::Plain => self.out.push_str(text),
            TextQuoting::Single => {
                self.out.push('\'');
                self.out.push_str(&text.replace('\'', "''"));
                self.out.push('\'');
            }
            TextQuoting::Double => push_quoted(&mut self.out, text),
            // a line that is added later would be part of it
            TextQuoting::Literal if self.between_others && text.ends_with("\n\n") => push_quoted(&mut self.out, text),
            TextQuoting::Literal => self.block(text, indent),
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
                self.indent(self.step.column_below(indent));
                self.out.push_str(line);
            }
        }
    }
}
