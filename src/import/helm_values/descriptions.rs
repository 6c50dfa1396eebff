//! Descriptions of values in the comments of a values file.

use crate::map::HashMap;

/// Descriptions of the values of a file: `# -- text` above one, or `# @param PATH text`.
pub(super) struct ValueDescriptions<'f> {
    text: &'f str,
    /// Texts of `@param` by path.
    params: HashMap<&'f str, &'f str>,
    /// Starts of keys by path; none for an item of a list.
    keys: HashMap<String, Option<usize>>,
}

impl<'f> ValueDescriptions<'f> {
    /// Descriptions in a text, with the start of the key of each path. Of several, the first one counts.
    pub(super) fn new(text: &'f str, starts: impl Iterator<Item = (String, Option<usize>)>) -> Self {
        let mut params = HashMap::default();
        for line in text.lines() {
            let comment = line.trim_start().trim_start_matches('#').trim_start();
            let param = comment.strip_prefix("@param ").map(str::trim_start);
            if let Some((name, text)) = param.and_then(|param| param.split_once(char::is_whitespace)) {
                params.entry(name).or_insert_with(|| without_brackets(text.trim()));
            }
        }
        let mut keys = HashMap::default();
        for (path, start) in starts {
            keys.entry(path).or_insert(start);
        }
        Self { text, params, keys }
    }

    /// Description of the value at a path.
    pub(super) fn of(&self, path: &str) -> Option<String> {
        if let Some(text) = self.params.get(path) {
            return Some((*text).to_owned()).filter(|text| !text.is_empty());
        }
        let before = self.text.get(..(*self.keys.get(path)?)?)?;
        let above = before.get(..before.rfind('\n')?)?;
        let mut lines = Vec::new();
        for line in above.lines().rev() {
            let comment = line.trim().strip_prefix('#')?.trim();
            if let Some(first) = comment.strip_prefix("--") {
                lines.push(without_brackets(first.trim()).to_owned());
                lines.reverse();
                return Some(lines.join(" ")).filter(|text| !text.is_empty());
            }
            lines.push(comment.to_owned());
        }
        None
    }
}

/// The text without a leading `[default: …]` or `(type)`.
fn without_brackets(text: &str) -> &str {
    let close = match text.chars().next() {
        Some('[') => ']',
        Some('(') => ')',
        _ => return text,
    };
    text.split_once(close).map_or(text, |(_, rest)| rest.trim_start())
}
