//! Text of a values file, edited in place so that its comments and its numbers stay as they are.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::tree::{Tree, join_path};
use crate::sort::{sort, sort_by_key};
use crate::span::Source;
use crate::template_tokens::is_template;
use crate::test_hook::count_work;
use crate::yaml::kubectl::{JsonScalar, is_integer, json_scalar};
use crate::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode};
use crate::yaml::read::read_document;
use crate::yaml::write::push_quoted;

use super::super::layer_text::{escape_template_tags, is_plain_scalar};
use super::descriptions::ValueDescriptions;

/// Template that gives a null.
const NULL: &str = "{{ none }}";

/// A values file, with the edits for its layer.
pub(super) struct ValuesText {
    pub(super) tree: Tree,
    source: Source,
    node: YamlNode,
    edits: Vec<(Range<usize>, String)>,
}

/// A value, and the range of its key.
struct KeyedValue<'n> {
    path: String,
    key: Option<Range<usize>>,
    node: &'n YamlNode,
}

impl ValuesText {
    /// Reads a values file.
    pub(super) fn read(source: &Source) -> Result<Self, Diagnostics> {
        let node = read_document(source)?;
        let node = match node.kind {
            YamlKind::Scalar(ref scalar) if scalar.blank || scalar.is_null() => {
                YamlNode { span: node.span, kind: YamlKind::Map(Mapping::default()) }
            }
            YamlKind::Map(_) => node,
            _ => {
                let message = format!("`{}` is not a mapping, so it has no values", source.name());
                return Err(Diagnostic::error(Rule::InvalidValue, message).at_masked(source.place(node.span)).into());
            }
        };
        check_keys(&node, source)?;
        Ok(Self { tree: Tree::from_node(node.clone(), source), source: source.clone(), node, edits: Vec::new() })
    }

    /// Removes the values at paths of keys, with their keys.
    pub(super) fn remove(&mut self, paths: &[String]) {
        for path in paths {
            self.remove_comments(path);
        }
        let sites = self.sites();
        let of_path = |path: &str| sites.iter().find(|site| site.path == path);
        let mut edits = Vec::new();
        for path in paths {
            let Some(KeyedValue { key: Some(key), node, .. }) = of_path(path) else { continue };
            let above = path.rsplit_once('.');
            let is_removed = |above: &str, key: &str| paths.contains(&join_path(above, key));
            // a mapping without keys would be null, which removes defaults of a chart
            let emptied = above.and_then(|(above, _)| of_path(above)).filter(
                |site| matches!(&site.node.kind, YamlKind::Map(map) if map.keys().all(|key| is_removed(&site.path, &key.text))),
            );
            edits.push(match emptied {
                Some(site) => (self.trimmed(site.node), "{}".to_owned()),
                None => (self.field_range(key, node), String::new()),
            });
        }
        self.edits.extend(edits);
    }

    /// Range of a field of a mapping with its line, or with the comma that separates it from others.
    fn field_range(&self, key: &Range<usize>, node: &YamlNode) -> Range<usize> {
        let text = self.source.text();
        let start = text.get(..key.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let value = self.trimmed(node);
        let end = text.get(value.end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| value.end + at + 1);
        let before = text.get(..key.start).unwrap_or_default();
        let after = text.get(value.end..).unwrap_or_default();
        let is_alone = text.get(start..key.start).is_some_and(|before| before.trim().is_empty())
            && text.get(value.end..end).is_some_and(|after| after.trim().is_empty() || after.trim().starts_with('#'));
        // in a flow mapping, other keys may be on the same line
        if let Some(rest) = after.trim_start().strip_prefix(',') {
            key.start..text.len() - rest.trim_start_matches(' ').len()
        } else if let Some(rest) = before.trim_end().strip_suffix(',') {
            rest.len()..value.end
        } else if is_alone {
            start..end
        } else {
            key.start..value.end
        }
    }

    /// Range of a value without the blanks behind it.
    fn trimmed(&self, node: &YamlNode) -> Range<usize> {
        let written = self.source.text().get(node.span.start..node.span.end).unwrap_or_default();
        node.span.start..node.span.start + written.trim_end().len()
    }

    /// Removes the `# @param` comments of the values below a path, which became descriptions of entries.
    fn remove_comments(&mut self, path: &str) {
        let is_below = |line: &str| {
            let comment = line.trim_start().strip_prefix('#').map(|text| text.trim_start_matches('#').trim_start());
            let name =
                comment.and_then(|text| text.strip_prefix("@param ")).and_then(|text| text.split_whitespace().next());
            let rest = name.and_then(|name| name.strip_prefix(path));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let mut start = 0;
        for line in self.source.text().split_inclusive('\n') {
            if is_below(line) {
                self.edits.push((start..start + line.len(), String::new()));
            }
            start += line.len();
        }
    }

    /// Replaces scalars by texts in quotes, by their paths: keys with a dot may give one path to several. A null, which
    /// removes a value, stays.
    pub(super) fn replace(&mut self, text_for: impl Fn(&str) -> Option<String>) {
        let is_null =
            |node: &YamlNode| matches!(&node.kind, YamlKind::Scalar(scalar) if scalar.is_null() || scalar.blank);
        let found = self.sites().into_iter().filter(|site| !is_null(site.node));
        let edit = |site: KeyedValue<'_>| Some((self.scalar_range(site.node)?, quoted(&text_for(&site.path)?)));
        let edits: Vec<_> = found.filter_map(edit).collect();
        self.edits.extend(edits);
    }

    /// Replaces the nulls in mappings, by which Helm removes defaults of a chart, by templates that give a null: in a
    /// layer, a null would remove the value of a lower one and be gone.
    pub(super) fn keep_nulls(&mut self) {
        let mut edits = Vec::new();
        self.add_nulls(&self.node, &mut edits);
        self.edits.extend(edits);
    }

    fn add_nulls(&self, node: &YamlNode, edits: &mut Vec<(Range<usize>, String)>) {
        let YamlKind::Map(map) = &node.kind else { return };
        let null = quoted(NULL);
        for (key, value) in map {
            match &value.kind {
                YamlKind::Scalar(scalar) if scalar.blank => {
                    // `key:`, or `key` alone in braces
                    let rest = self.source.text().get(key.span.end..).unwrap_or_default();
                    let rest_of_key = rest.trim_start_matches(['"', '\'', ' ']);
                    let at = key.span.end + rest.len() - rest_of_key.len();
                    edits.push(if rest_of_key.starts_with(':') {
                        (at + 1..at + 1, format!(" {null}"))
                    } else {
                        (key.span.end..key.span.end, format!(": {null}"))
                    });
                }
                YamlKind::Scalar(scalar) if scalar.is_null() => edits.push((self.trimmed(value), null.clone())),
                // a list replaces, with all that is in it
                YamlKind::Scalar(_) | YamlKind::List(_) => {}
                YamlKind::Map(_) => self.add_nulls(value, edits),
            }
        }
    }

    /// Replaces scalars that look like templates by templates that give their texts.
    pub(super) fn escape_templates(&mut self) {
        let mut edits = Vec::new();
        let edited = EditedRanges::of(&self.edits);
        for site in self.sites() {
            let YamlKind::Scalar(scalar) = &site.node.kind else { continue };
            let Some(range) = self.scalar_range(site.node).filter(|_| is_template(scalar.text())) else { continue };
            if !edited.cover(&range) {
                edits.push((range, quoted(&escape_template_tags(scalar.text()))));
            }
        }
        self.edits.extend(edits);
    }

    /// Range of a scalar that can be replaced by one on a single line.
    fn scalar_range(&self, node: &YamlNode) -> Option<Range<usize>> {
        let YamlKind::Scalar(_) = &node.kind else { return None };
        let text = self.source.text().get(node.span.start..node.span.end)?;
        // a block keeps the line break at its end
        Some(node.span.start..node.span.start + text.trim_end().len())
    }

    fn sites(&self) -> Vec<KeyedValue<'_>> {
        let mut found = Vec::new();
        add_sites(&self.node, "", None, &mut found);
        found
    }

    /// Descriptions of the values in comments.
    pub(super) fn descriptions(&self) -> ValueDescriptions<'_> {
        let keys = self.sites().into_iter().map(|site| (site.path, site.key.map(|key| key.start)));
        ValueDescriptions::new(self.source.text(), keys)
    }

    /// Fields of a layer with the values as the content of an entry; empty without values.
    pub(super) fn layer_text(&self, bundle: &str, key: &str) -> String {
        let text = self.edited();
        let lines = document_lines(&text);
        let has_values = lines.iter().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        if !has_values {
            return String::new();
        }
        let mut out = format!("\nbundles:\n  {bundle}:\n    data:\n      {key}:\n        content:\n");
        for line in lines {
            // a line of blanks may be one of a block
            if !line.is_empty() {
                out.push_str("          ");
                out.push_str(line);
            }
            out.push('\n');
        }
        out
    }

    fn edited(&self) -> String {
        let mut edits: Vec<_> = self.edits.iter().collect();
        sort_by_key(&mut edits, |(range, _)| range.start);
        let text = self.source.text();
        let (mut out, mut at) = (String::new(), 0);
        for (range, replacement) in edits {
            if range.start >= at {
                out.push_str(text.get(at..range.start).unwrap_or_default());
                out.push_str(replacement);
            }
            // neighbours that are removed may share the comma between them
            at = at.max(range.end);
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

/// Ranges that are edited, in order, each with the furthest end of those up to it.
struct EditedRanges(Vec<(usize, usize)>);

impl EditedRanges {
    fn of(edits: &[(Range<usize>, String)]) -> Self {
        let mut ranges: Vec<_> = edits.iter().map(|(range, _)| (range.start, range.end)).collect();
        sort(&mut ranges);
        let mut furthest = 0;
        for (_, end) in &mut ranges {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self(ranges)
    }

    /// Whether one of them contains a range.
    fn cover(&self, range: &Range<usize>) -> bool {
        let count = self.0.partition_point(|(start, _)| *start <= range.start);
        count.checked_sub(1).and_then(|last| self.0.get(last)).is_some_and(|(_, end)| range.end <= *end)
    }
}

/// The lines of a document without its marks: directives, `---` and `...`.
fn document_lines(text: &str) -> Vec<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_mark = |line: &str, mark: &str| {
        line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    };
    let has_start = text.lines().any(|line| is_mark(line, "---"));
    let (mut lines, mut is_inside) = (Vec::new(), !has_start);
    for line in text.lines() {
        if is_inside && is_mark(line, "...") {
            break;
        }
        match line.strip_prefix("---").filter(|_| is_mark(line, "---")) {
            Some(rest) => {
                is_inside = true;
                lines.extend(Some(rest.trim_start()).filter(|rest| !rest.is_empty()));
            }
            None if is_inside || !line.starts_with('%') => lines.push(line),
            None => {}
        }
    }
    lines
}

/// Errors: keys that Helm reads as another text, or not at all.
fn check_keys(node: &YamlNode, source: &Source) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    add_key_errors(node, source, &mut problems);
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}

fn add_key_errors(node: &YamlNode, source: &Source, problems: &mut Diagnostics) {
    match &node.kind {
        YamlKind::Scalar(_) => {}
        YamlKind::List(items) => items.iter().for_each(|item| add_key_errors(item, source, problems)),
        YamlKind::Map(map) => {
            for (key, value) in map {
                problems.extend(misread_key(key, source));
                add_key_errors(value, source, problems);
            }
        }
    }
}

/// Error: Helm reads a key by YAML 1.1, and then not as the text that it is in a layer.
fn misread_key(key: &YamlKey, source: &Source) -> Option<Diagnostic> {
    let written = source.text().get(key.span.start..key.span.end)?;
    if written.starts_with(['"', '\'', '!']) {
        return None;
    }
    let read = match json_scalar(&key.text) {
        JsonScalar::Text(_) => return None,
        JsonScalar::Number(_) if is_integer(&key.text) && is_plain_scalar(&key.text) => return None,
        JsonScalar::Number(_) => "a number",
        JsonScalar::Bool(true) => "`true`",
        JsonScalar::Bool(false) => "`false`",
        JsonScalar::Null => "a null, which it refuses",
    };
    if key.text == "true" || key.text == "false" {
        return None;
    }
    let error = Diagnostic::error(Rule::InvalidValue, format!("Helm reads the key `{}` as {read}", key.text));
    let place = source.place(key.span);
    Some(error.at(place).hint(format!("write it in quotes if it is that text: `\"{}\"`", key.text)))
}

fn add_sites<'n>(node: &'n YamlNode, path: &str, key: Option<Range<usize>>, found: &mut Vec<KeyedValue<'n>>) {
    count_work(1);
    found.push(KeyedValue { path: path.to_owned(), key, node });
    match &node.kind {
        YamlKind::Scalar(_) => {}
        YamlKind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                add_sites(item, &format!("{path}[{index}]"), None, found);
            }
        }
        YamlKind::Map(map) => {
            for (key, value) in map {
                add_sites(value, &join_path(path, &key.text), Some(key.span.start..key.span.end), found);
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_quoted(&mut out, text);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::format_collect, reason = "a test")]
mod tests {
    use super::*;
    use crate::test_hook::counted_work;

    #[test]
    fn edits_and_descriptions_take_one_pass() {
        let work = |count: usize| {
            let values: String = (0..count).map(|number| format!("# -- x\nk{number}: '{{{{ x }}}}'\n")).collect();
            let before = counted_work();
            let mut text = ValuesText::read(&Source::new("values.yaml", values)).ok().unwrap();
            text.replace(|path| path.ends_with('1').then(|| "{{ vars.secrets.x }}".to_owned()));
            text.escape_templates();
            let descriptions = text.descriptions();
            assert!((0..count).all(|number| descriptions.of(&format!("k{number}")).as_deref() == Some("x")));
            counted_work() - before
        };
        let (some, many) = (work(30), work(240));
        assert!(many <= 10 * some, "{some} for 30, {many} for 240");
    }
}
