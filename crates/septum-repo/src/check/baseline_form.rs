//! Form of the lines of a baseline.

use super::tag::TagKey;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::span::{Source, Span};
use crate::yaml::node::{Mapping, YamlKind, YamlNode};
use crate::yaml::read::read_document;

/// Form of the key of a baseline.
pub(super) const KEY_FORM: &str = "`key` must be 32 hexadecimal digits";

const FIELDS: [&str; 7] = ["file", "rule", "app", "environment", "bundle", "key", "tag"];
const REQUIRED: [&str; 3] = ["file", "rule", "tag"];

/// Everything that is wrong with the lines of a baseline; none if it is not YAML.
pub(super) fn find_wrong_lines(source: &Source) -> Diagnostics {
    let mut wrong = Diagnostics::new();
    let Ok(YamlNode { kind: YamlKind::Map(fields), .. }) = read_document(source) else { return wrong };
    let is_key = |node: &YamlNode| node.as_scalar().is_some_and(|key| TagKey::parse(key.text()).is_some());
    if let Some(key) = fields.get("key").filter(|key| !is_key(key)) {
        wrong.push(invalid_baseline(source, KEY_FORM, key.span));
    }
    if let Some(YamlNode { kind: YamlKind::List(items), .. }) = fields.get("findings") {
        for item in items {
            let why = match &item.kind {
                YamlKind::Map(line) => wrong_fields(line),
                YamlKind::Scalar(_) | YamlKind::List(_) => {
                    Some(format!("expected a mapping with {}, found {}", quote_names(&REQUIRED), item.noun()))
                }
            };
            wrong.extend(why.map(|why| invalid_baseline(source, &why, item.span)));
        }
    }
    wrong
}

/// Reason why a line is not one of a finding.
fn wrong_fields(line: &Mapping) -> Option<String> {
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| !line.contains_key(*name)).collect();
    let unknown: Vec<&str> = line.keys().map(|key| &*key.text).filter(|key| !FIELDS.contains(key)).collect();
    let is_text = |node: &YamlNode| node.as_scalar().is_some();
    let no_text = line.iter().filter(|(key, node)| FIELDS.contains(&&*key.text) && !is_text(node));
    let no_text: Vec<&str> = no_text.map(|(key, _)| &*key.text).collect();
    let parts = [("missing", missing), ("unknown", unknown), ("expected a string for", no_text)];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts.map(|(what, names)| format!("{what} {}", quote_names(&names))).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn quote_names(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Error: a baseline does not have the form that `--write-baseline` writes.
pub(super) fn invalid_baseline(source: &Source, why: &str, place: Span) -> Diagnostic {
    Diagnostic::error(Rule::InvalidBaseline, format!("`{}` is not a valid baseline: {why}", source.name()))
        .at(source.place(place))
        .hint("run `septum check --write-baseline` to rewrite it")
}
