//! Texts that this program can read and sops cannot: such a file must not be written.

use crate::document::scalar::TypedValue;
use crate::document::tree::{Leaf, SopsDocument, SopsItem, SopsMap, SopsTree, ValueSite};
use crate::store::SopsFormat;
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum_base::span::{Source, Span};
use septum_base::yaml::node::{Scalar, YamlKey, YamlStyle};

/// Refuses a plaintext that sops could not read once it is encrypted. All such places are reported together.
///
/// Errors: keys that are not texts, directives, tabs before a comment (format, sections 1.2 and 1.9).
pub(crate) fn refuse_unreadable(
    source: &Source,
    document: &SopsDocument,
    format: SopsFormat,
) -> Result<(), Diagnostics> {
    if !matches!(format, SopsFormat::Yaml | SopsFormat::Ini) {
        return Ok(());
    }
    let mut check = ReadabilityCheck { source, found: Diagnostics::new() };
    if format == SopsFormat::Ini {
        document.branches.iter().for_each(|branch| check.sections(branch));
        return if check.found.is_empty() { Ok(()) } else { Err(check.found) };
    }
    check.found.extend(find_directives(source));
    check.found.extend(bare_documents(source));
    check.found.extend(bare_returns(source));
    for branch in &document.branches {
        check.items(&branch.items, ReadabilityCheck::key);
    }
    if check.found.is_empty() { Ok(()) } else { Err(check.found) }
}

struct ReadabilityCheck<'a> {
    source: &'a Source,
    found: Diagnostics,
}

impl ReadabilityCheck<'_> {
    fn items<K>(&mut self, items: &[SopsItem<K>], name: fn(&mut Self, &K)) {
        for item in items {
            match item {
                SopsItem::Comment(comment) => self.comment(comment.site.span),
                SopsItem::Value(known, tree) => {
                    name(self, known);
                    match tree {
                        SopsTree::Leaf(leaf) => self.blank_in_brackets(leaf),
                        SopsTree::List(list) => self.items(&list.items, |_, _| {}),
                        SopsTree::Map(map) => self.items(&map.items, Self::key),
                    }
                }
            }
        }
    }

    /// A key within brackets without a value: go-yaml treats `c:` before a bracket as a text.
    fn blank_in_brackets(&mut self, leaf: &Leaf) {
        let ValueSite { span, flow, .. } = leaf.site;
        let (before, after) = self.source.text().split_at_checked(span.start).unwrap_or_default();
        if flow && span.start == span.end && before.ends_with(':') && after.starts_with([',', '}', ']']) {
            self.found.push(
                Diagnostic::error(Rule::SopsValue, "sops reads the `:` as part of this key, which has no value")
                    .at_masked(self.source.place(span))
                    .hint("write a space after the `:`, or `null`"),
            );
        }
    }

    /// Names in INI that go-ini changes: it trims the names of sections, refuses empty ones, and counts keys named
    /// `-`.
    fn sections(&mut self, root: &SopsMap) {
        for (section, tree) in root.values() {
            let rest = self.source.text().get(section.span.start..).unwrap_or_default();
            let header = rest.lines().next().and_then(|line| line.trim_start_matches('[').split_once(']'));
            let is_trimmed = header.is_some_and(|(name, _)| name.trim() != name);
            if section.text.is_empty() || is_trimmed {
                self.refuse_at(
                    section.span,
                    "sops reads a different name for this section",
                    "remove whitespace around the name",
                );
            }
            let SopsTree::Map(map) = tree else { continue };
            for (key, _) in map.values().filter(|(key, _)| key.text == "-") {
                self.refuse_at(key.span, "sops reads a different name for this key", "rename it");
            }
        }
    }

    fn refuse_at(&mut self, span: Span, message: &str, hint: &str) {
        let place = self.source.place(span);
        self.found.push(Diagnostic::error(Rule::SopsValue, message).at_masked(place).hint(hint));
    }

    /// sops accepts texts as keys, and go-yaml decides which keys are texts.
    fn key(&mut self, key: &YamlKey) {
        let text = self.source.text();
        let is_quoted = text.get(key.span.start..).unwrap_or_default().starts_with(['"', '\'', '|', '>', '*', '!']);
        // a merge key is one of its own kind
        if is_quoted || key.text == "<<" {
            return;
        }
        let what = match TypedValue::of(&Scalar::new(key.text.as_str(), YamlStyle::Plain)) {
            TypedValue::Text(_) => return,
            TypedValue::Int(_) | TypedValue::Float(_) => "a number",
            TypedValue::Bool(_) => "a boolean",
            TypedValue::Time(_) => "a timestamp",
            TypedValue::Null | TypedValue::Comment => "null",
        };
        let message = format!("this key is {what} to sops, which only supports strings as keys");
        self.found.push(
            Diagnostic::error(Rule::SopsValue, message).at_masked(self.source.place(key.span)).hint("quote the key"),
        );
    }

    fn comment(&mut self, span: Span) {
        let before = self.source.text().get(..span.start).unwrap_or_default();
        let line = before.rfind('\n').map_or(before, |newline| before.get(newline + 1..).unwrap_or_default());
        if line.trim().is_empty() && line.contains('\t') {
            self.found.push(
                Diagnostic::error(
                    Rule::TabIndentation,
                    "this comment is indented with a tab, and sops rejects such a file",
                )
                .at_masked(self.source.place(span))
                .hint("replace tabs in the indentation with spaces"),
            );
        }
    }
}

/// Documents behind a `...` that begin without `---`.
fn bare_documents(source: &Source) -> Diagnostics {
    let mut found = Diagnostics::new();
    let (mut at, mut is_ended) = (0, false);
    for line in source.text().split_inclusive('\n') {
        let is_content = !line.trim().is_empty() && !line.starts_with(['#', '%']);
        if line.starts_with("...")
            && line.get(3..).is_some_and(|rest| rest.trim_start().is_empty() || rest.starts_with([' ', '\t']))
        {
            is_ended = true;
        } else if is_ended && is_content {
            if !line.starts_with("---") {
                let place = source.place(source.locate(at, at + 1));
                found.push(
                    Diagnostic::error(
                        Rule::SopsValue,
                        "sops rejects a document after `...` that does not begin with `---`",
                    )
                    .at_masked(place)
                    .hint("add a line `---` before it"),
                );
            }
            is_ended = false;
        }
        at += line.len();
    }
    found
}

/// Line breaks of a carriage return alone, which go-yaml interprets differently from Septum.
fn bare_returns(source: &Source) -> Diagnostics {
    let text = source.text();
    let bare = memchr::memchr_iter(b'\r', text.as_bytes()).find(|at| text.as_bytes().get(at + 1) != Some(&b'\n'));
    let found = bare.map(|at| {
        Diagnostic::error(Rule::SopsValue, "a line ends with a bare carriage return")
            .at_masked(source.place(Span::locate(text, at, at)))
            .hint("use line feeds as line endings")
    });
    found.into_iter().collect()
}

/// Lines like `%YAML 1.2` before a document.
fn find_directives(source: &Source) -> Diagnostics {
    let mut found = Diagnostics::new();
    let mut at = 0;
    for line in source.text().split_inclusive('\n') {
        // it is one at the start of the file and behind the end of a document alone
        if line.starts_with('%') {
            let place = source.place(source.locate(at, at + 1));
            found.push(
                Diagnostic::error(Rule::SopsValue, "sops rejects a file with a YAML directive")
                    .at_masked(place)
                    .hint("remove the line"),
            );
        } else if !line.starts_with('#') && !line.trim().is_empty() {
            break;
        }
        at += line.len();
    }
    found
}
