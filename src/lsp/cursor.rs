//! Place that is being written, found by the lines alone: a document that is written rarely is valid.

/// Place at which something is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrittenPlace {
    /// Keys of the mappings around it; `[]` for an item of a list.
    pub(super) path: Vec<String>,
    /// Part of the document that is written.
    pub(super) part: WrittenPart,
    /// Offset in bytes at which the written text begins.
    pub(super) start: usize,
}

/// Part of a document that is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WrittenPart {
    /// A key, or a text in the place of one.
    Key,
    /// The value of a key, or an item of its list.
    Value(String),
    /// An expression of a template, up to the cursor: `data.PO`.
    Expression(String),
}

/// Finds what is written at an offset.
pub(super) fn find_written(text: &str, offset: usize) -> WrittenPlace {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let (above, line) = before.split_at(line_start);
    if let Some(expression) = open_expression(line) {
        let start = offset - expression.len();
        return WrittenPlace { path: Vec::new(), part: WrittenPart::Expression(expression.to_owned()), start };
    }
    let own = LineShape::of(line);
    let mut path = Vec::new();
    let mut indent = own.indent;
    if own.dashes {
        path.push(ITEM.to_owned());
    }
    // the key before the brace of a mapping in one line, or before the value
    let (flow, rest) = open_flow(own.content);
    let mut accepts_equal = own.dashes;
    for line in above.lines().rev() {
        let shape = LineShape::of(line);
        if shape.content.is_empty() || shape.content.starts_with('#') {
            continue;
        }
        let Some((key, _)) = split_key(shape.content) else { continue };
        if shape.dashes {
            if shape.content_indent() > indent || (accepts_equal && shape.indent >= indent) {
                continue;
            }
            if shape.content_indent() < indent {
                path.push(key);
            }
            path.push(ITEM.to_owned());
            (indent, accepts_equal) = (shape.indent, true);
        } else if shape.indent < indent || (accepts_equal && shape.indent == indent) {
            path.push(key);
            (indent, accepts_equal) = (shape.indent, false);
            if indent == 0 {
                break;
            }
        }
    }
    path.reverse();
    path.extend(flow);
    let written = rest.trim_start();
    match split_key(written) {
        Some((key, value)) => {
            let value = value.trim_start();
            let item = value.strip_prefix('[').map_or(value, |list| list.rsplit(',').next().unwrap_or_default());
            let item = item.trim_start().trim_start_matches(['"', '\'']);
            WrittenPlace { path, part: WrittenPart::Value(key), start: offset - item.len() }
        }
        None => {
            let name = written.trim_start_matches(['"', '\'']);
            let is_item = path.last().is_some_and(|last| last == ITEM);
            let list = path.len().checked_sub(2).and_then(|index| path.get(index)).filter(|_| is_item).cloned();
            let start = offset - name.len();
            match list {
                // an item may be a text or a mapping
                Some(list) if list == "extends" => WrittenPlace { path, part: WrittenPart::Value(list), start },
                _ => WrittenPlace { path, part: WrittenPart::Key, start },
            }
        }
    }
}

/// Step of a path for an item of a list.
pub(super) const ITEM: &str = "[]";

/// A line without its indentation and its dash.
struct LineShape<'l> {
    /// Columns before the dash, or before the content.
    indent: usize,
    dashes: bool,
    content: &'l str,
    length: usize,
}

impl<'l> LineShape<'l> {
    fn of(line: &'l str) -> Self {
        let trimmed = line.trim_start_matches(' ');
        let indent = line.len() - trimmed.len();
        let item = trimmed.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' '));
        let content = item.map_or(trimmed, |rest| rest.trim_start_matches(' '));
        Self { indent, dashes: item.is_some(), content, length: line.len() }
    }

    /// Columns before the content.
    fn content_indent(&self) -> usize {
        self.length - self.content.len()
    }
}

/// The key at the beginning of a text, and what follows its colon.
fn split_key(text: &str) -> Option<(String, &str)> {
    let (key, rest) = match text.chars().next()? {
        quote @ ('"' | '\'') => {
            let (key, rest) = text.get(1..)?.split_once(quote)?;
            (key, rest.trim_start().strip_prefix(':')?)
        }
        _ => {
            let end = text.match_indices(':').find(|(at, _)| {
                let after = text.get(at + 1..).unwrap_or_default();
                after.is_empty() || after.starts_with([' ', '\t', '\r'])
            })?;
            (text.get(..end.0)?, text.get(end.0 + 1..)?)
        }
    };
    let key = key.trim();
    let is_key = !key.is_empty() && !key.contains(['{', '}', '[', ']', ',', '#']);
    is_key.then(|| (key.to_owned(), rest))
}

/// The keys of the mappings in braces that are open at the end of a line, and what is written in the last one.
fn open_flow(content: &str) -> (Vec<String>, &str) {
    let (mut path, mut rest) = (Vec::new(), content);
    while let Some((key, value)) = split_key(rest) {
        let Some(inner) = value.trim_start().strip_prefix('{').filter(|inner| !inner.starts_with('{')) else { break };
        let Some(written) = last_field(inner) else { break };
        path.push(key);
        rest = written;
    }
    // an item of a list in braces
    if path.is_empty()
        && let Some(inner) = content.strip_prefix('{').filter(|inner| !inner.starts_with('{'))
        && let Some(written) = last_field(inner)
    {
        rest = written;
    }
    (path, rest)
}

/// The last field of a mapping whose brace is open; none if it is closed.
fn last_field(inner: &str) -> Option<&str> {
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    for (at, char) in inner.char_indices() {
        match (quote, char) {
            (Some(open), char) if open == char => quote = None,
            (None, '"' | '\'') => quote = Some(char),
            (None, '{' | '[') => depth += 1,
            (None, '}') if depth == 0 => return None,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => start = at + 1,
            _ => {}
        }
    }
    inner.get(start..).map(str::trim_start)
}

/// The path at the end of a line whose template is open there.
fn open_expression(line: &str) -> Option<&str> {
    let open = line.rfind("{{").max(line.rfind("{%"))?;
    let inside = line.get(open + 2..)?;
    if inside.contains("}}") || inside.contains("%}") {
        return None;
    }
    let is_path = |char: char| char.is_alphanumeric() || char == '_' || char == '.';
    let start = inside
        .rfind(|char| !is_path(char))
        .map_or(0, |at| at + inside.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    inside.get(start..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Finds what is written at the `|` of a text.
    fn written(text: &str) -> String {
        let offset = text.find('|').unwrap();
        let WrittenPlace { path, part, start } = find_written(&text.replacen('|', "", 1), offset);
        format!("{} {part:?} {:?}", path.join("/"), &text[start..offset])
    }

    #[test]
    fn the_lines_say_what_is_written() {
        for (text, expected) in [
            ("|", " Key \"\""),
            ("da|", " Key \"da\""),
            ("data:\n  A: 1\n  P|", "data Key \"P\""),
            ("data:\n  A: 1\n\n  # x\n  |\n", "data Key \"\""),
            ("data:\n  A:\n    value: 1\n    ty|", "data/A Key \"ty\""),
            ("data:\n  A:\n    type: |", "data/A Value(\"type\") \"\""),
            ("data:\n  A: { value: 1, type: in|", "data/A Value(\"type\") \"in\""),
            ("data:\n  A: { value: 1, ty|", "data/A Key \"ty\""),
            ("data:\n  A: { |", "data/A Key \"\""),
            ("data:\n  A: { value: \"a, b\" }|", "data Value(\"A\") \"{ value: \\\"a, b\\\" }\""),
            ("bundles:\n  tls:\n    data:\n      k|", "bundles/tls/data Key \"k\""),
            ("bundles:\n  tls:\n    data:\n      k: 1\n    |", "bundles/tls Key \"\""),
            ("extends: [st|", " Value(\"extends\") \"st\""),
            ("extends: [staging, re|", " Value(\"extends\") \"re\""),
            ("extends:\n  - st|", "extends/[] Value(\"extends\") \"st\""),
            ("extends:\n- st|", "extends/[] Value(\"extends\") \"st\""),
            ("allow:\n  - rule: un|", "allow/[] Value(\"rule\") \"un\""),
            ("allow:\n  - rule: x\n    k|", "allow/[] Key \"k\""),
            ("allow:\n- rule: x\n  key: A\n- { rule: a, ke|", "allow/[] Key \"ke\""),
            ("allow:\n  - { rule: |", "allow/[] Value(\"rule\") \"\""),
            ("data:\n  A: \"{{ data.P|", " Expression(\"data.P\") \"data.P\""),
            ("data:\n  A: \"{{ x }}{% if vars.|", " Expression(\"vars.\") \"vars.\""),
            ("data:\n  A: \"{{ x }} |", "data Value(\"A\") \"{{ x }} \""),
            ("\"data\":\n  'A': |", "data Value(\"A\") \"\""),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_written_part(text in "[-a:{}\\[\\],\"'\n #|.%é]{0,40}", offset: usize) {
            let offset = offset % (text.len() + 1);
            if text.is_char_boundary(offset) {
                let place = find_written(&text, offset);
                prop_assert!(place.start <= offset && text.is_char_boundary(place.start));
            }
        }
    }
}
