//! Layer whose text is given in memory instead of read from its file: it was just typed, and is not encrypted yet.

use std::path::PathBuf;

use crate::diagnostic::Diagnostics;
use crate::secret::Secret;
use crate::sops::{self, Selector};
use crate::span::{Location, Source};
use crate::yaml;
use crate::yaml::node::{YamlKey, YamlKind, YamlNode};

/// Text used in place of a file. Its values are never shown.
#[derive(Debug)]
pub struct PlaintextLayer {
    pub(super) path: PathBuf,
    text: Secret<String>,
    selector: Selector,
}

impl PlaintextLayer {
    /// Creates the text of the file at `path`, which will be encrypted by a selector.
    pub fn new(path: PathBuf, text: &str, selector: Selector) -> Self {
        Self { path, text: Secret::new(text.to_owned()), selector }
    }

    /// Parses the document, marks the values that will be encrypted, and returns it with a source that shows only its
    /// keys.
    pub(super) fn read(&self, name: &str) -> Result<(YamlNode, Source), Diagnostics> {
        let text = self.text.expose();
        let read = yaml::read::read_document(&Source::new(name, text.as_str()));
        let mut root = read.map_err(|found| without_text(found, &Source::new(name, blank_values(text, &[]))))?;
        sops::mark_selected(&mut root, &self.selector);
        let mut keys = Vec::new();
        collect_keys(&root, &mut keys);
        let source = Source::new(name, blank_values(text, &keys));
        Ok((root, source))
    }
}

/// Blanks everything but keys and line breaks, so that locations in the text stay valid.
fn blank_values(text: &str, keys: &[&YamlKey]) -> String {
    let mut out: Vec<u8> = text.bytes().map(|byte| if byte == b'\n' { byte } else { b' ' }).collect();
    for key in keys {
        let Some(rest) = text.get(key.span.end..) else { continue };
        let colon = rest.trim_start().starts_with(':').then(|| rest.len() - rest.trim_start().len() + 1);
        let range = key.span.start..key.span.end + colon.unwrap_or(0);
        if let (Some(to), Some(from)) = (out.get_mut(range.clone()), text.as_bytes().get(range)) {
            to.copy_from_slice(from);
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Recursion is safe: the reader bounds the depth.
fn collect_keys<'n>(node: &'n YamlNode, keys: &mut Vec<&'n YamlKey>) {
    match &node.kind {
        YamlKind::Scalar(_) => {}
        YamlKind::List(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        YamlKind::Map(map) => {
            for (key, value) in map {
                keys.push(key);
                collect_keys(value, keys);
            }
        }
    }
}

fn without_text(found: Diagnostics, source: &Source) -> Diagnostics {
    let mut found: Vec<_> = found.into_iter().collect();
    for label in found.iter_mut().flat_map(|problem| &mut problem.labels) {
        label.place = Location { source: source.clone(), span: label.place.span };
    }
    found.into_iter().collect()
}
