//! Files in formats that can be parsed: JSON, TOML, and YAML where lines do not tell all.
//!
//! Most of YAML is a name and a value on a line, and so is looked at without parsing it, which is
//! several times faster. What spreads over lines is parsed: maps in braces, texts in blocks, and the
//! lists of `name` and `value` in which Kubernetes keeps variables.

use std::ops::Range;

use serde_json::Value;

use super::assignments::{self, ValueQuoting, is_credential};
use super::benign_values;
use super::names::NameVerdict;
use super::random::{has_random_part, looks_random};
use super::reference_names::{is_key_name, maps_to_names};
use super::toml_texts::parse_toml_texts;

/// What is longer is no configuration that people write, and looked at line by line.
const LONGEST: usize = 256 * 1024;

/// Settings do not lie deeper in each other.
const DEEPEST: usize = 32;

/// A file that could be parsed.
pub(super) struct StructuredFile {
    root: Value,
    quoting: ValueQuoting,
    /// Whether lines can tell what the parser does not: files that lie in a text of this one.
    pub(super) has_lines: bool,
}

impl StructuredFile {
    /// Parses a file, or nothing where its format is not known or it is broken.
    pub(super) fn parse(key: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        let named = |endings: &[&str]| endings.iter().any(|ending| key.ends_with(ending));
        if text.len() > LONGEST {
            return None;
        }
        let json = text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten();
        if let Some(root) = json {
            return Some(Self { root, quoting: ValueQuoting::Quoted, has_lines: false });
        }
        if named(&[".toml"]) {
            return Some(Self { root: parse_toml_texts(text)?, quoting: ValueQuoting::Quoted, has_lines: true });
        }
        let is_flow = text.starts_with('{') && text.ends_with('}') && text.contains(": ");
        let is_file = text.contains('\n') || is_flow || named(&[".yaml", ".yml"]);
        if !is_file || !(is_flow || spreads_over_lines(text)) || is_deep(text) {
            return None;
        }
        // a file of several documents is broken as one, and so looked at line by line
        let root = serde_yaml::from_str(text).ok()?;
        Some(Self { root, quoting: ValueQuoting::Bare, has_lines: true })
    }

    /// The first name that a literal credential is assigned to, and where in the text that stands, if
    /// in one place only.
    pub(super) fn find_assignment(&self, text: &str) -> Option<(String, Option<Range<usize>>)> {
        let (name, value) = in_value("", &self.root, self.quoting, 0)?;
        let range = unique_range(text, &value);
        Some((name, range))
    }

    /// The same for a file within a file, whose own texts are not looked into.
    pub(super) fn inner_assignment(&self, text: &str) -> Option<(String, Option<Range<usize>>)> {
        let (name, value) = in_value("", &self.root, self.quoting, 1)?;
        let range = unique_range(text, &value);
        Some((name, range))
    }
}

/// Whether a structure in JSON under the name of a secret holds a value of its own; nothing where the text is none. What
/// names the variables, the keys and the objects that hold secrets holds none.
pub(super) fn has_literals(key: &str, text: &str) -> Option<bool> {
    if !text.starts_with(['{', '[']) || text.len() > LONGEST {
        return None;
    }
    let root: Value = serde_json::from_str(text).ok()?;
    let mut leaves = Vec::new();
    collect_leaves(key, &root, &mut leaves);
    let speaks = |name: &str| matches!(super::classify_name(name), NameVerdict::Sensitive { .. });
    // where no name in it says what is a secret, the name of the whole does for each
    let all = !leaves.iter().any(|(name, _)| *name != key && speaks(name));
    let is_value = |(name, text): &(&str, &str)| {
        let counts = all || speaks(name) || looks_random(text) || has_random_part(text);
        counts && super::literal::is_literal(name, text) && !benign_values::is_public(text)
    };
    Some(leaves.iter().any(is_value))
}

fn collect_leaves<'v>(name: &'v str, value: &'v Value, leaves: &mut Vec<(&'v str, &'v str)>) {
    match value {
        // what lies in a text is looked at where it is read
        Value::String(text) if !text.starts_with(['{', '[']) => leaves.push((name, text)),
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(name, item, leaves)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| collect_leaves(name, value, leaves)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether lines of YAML hold only a part of an assignment.
fn spreads_over_lines(text: &str) -> bool {
    let opens = |line: &str| [": {", ": |", ": >", "- {", "- value:"].iter().any(|sign| line.contains(sign));
    text.lines().any(|line| opens(line) || line.trim_start().starts_with("value:"))
}

/// Whether brackets lie in each other so deep that parsing would take long.
fn is_deep(text: &str) -> bool {
    let mut depth: usize = 0;
    text.bytes().any(|byte| {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

fn in_value(name: &str, value: &Value, quoting: ValueQuoting, depth: usize) -> Option<(String, String)> {
    match value {
        Value::String(text) => {
            let text = text.trim_end();
            let here = is_credential(name, text, quoting).then(|| (name.to_owned(), text.to_owned()));
            here.or_else(|| in_text(name, text, depth))
        }
        Value::Array(items) => items.iter().find_map(|item| in_value(name, item, quoting, depth)),
        Value::Object(fields) => {
            let text = |field: &str| fields.get(field).and_then(Value::as_str);
            let variable = text("name").zip(text("value")).filter(|(name, value)| is_credential(name, value, quoting));
            let variable = variable.map(|(name, value)| (name.to_owned(), value.to_owned()));
            // what a field maps to the keys of an object are names, and so looked at no further
            let is_name = |value: &Value| maps_to_names(name) && value.as_str().is_some_and(is_key_name);
            let mut fields = fields.iter().filter(|(_, value)| !is_name(value));
            variable.or_else(|| fields.find_map(|(name, value)| in_value(name, value, quoting, depth)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A file in a text of a file, once.
fn in_text(name: &str, text: &str, depth: usize) -> Option<(String, String)> {
    let is_file = text.contains('\n') || text.starts_with('{');
    let hit = (depth == 0 && is_file).then(|| assignments::scan_inner(name, text)).flatten()?;
    let value = text.get(hit.1?)?;
    Some((hit.0, value.to_owned()))
}

/// Where a value stands, if in one place only.
fn unique_range(text: &str, value: &str) -> Option<Range<usize>> {
    let mut places = text.match_indices(value);
    let (start, _) = places.next()?;
    places.next().is_none().then_some(start..start + value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, text: &str) -> Option<String> {
        let (_, range) = StructuredFile::parse(key, text).expect("parsed").find_assignment(text)?;
        Some(text[range.expect("in one place")].to_owned())
    }

    #[test]
    fn known_formats_are_parsed() {
        for (key, text) in [
            ("settings.json", "{\"db\": {\"password\": \"hunter2\"}}"),
            ("task.json", "[{\"name\": \"DB_PASSWORD\", \"value\": \"hunter2\"}]"),
            ("app.toml", "title = 'x'\n[db]\npool = { size = 3, password = 'hunter2' }\n"),
            ("app.toml", "[[users]]\nname = 'a'\npassword = \"hunter2\"\n"),
            ("app.yaml", "db: {host: db, password: hunter2}\n"),
            ("app.yaml", "db:\n  password: |\n    hunter2\n"),
            ("deployment.yaml", "env:\n- name: DB_PASSWORD\n  value: hunter2\n"),
            ("CONFIG", "{host: db, password: hunter2}"),
            ("a.json", "{\"app.yaml\": \"db:\\n  password: hunter2\\n\"}"),
            ("a.json", "{\"app.json\": \"{\\\"password\\\": \\\"hunter2\\\"}\"}"),
        ] {
            assert_eq!(found(key, text).as_deref(), Some("hunter2"), "{key}: {text}");
        }
    }

    #[test]
    fn what_a_file_only_names_is_left_alone() {
        for (key, text) in [
            ("deployment.yaml", "env:\n- name: DB_PASSWORD\n  value: $(OTHER)\n"),
            ("deployment.yaml", "env:\n- name: PASSWORD_FILE\n  value: /run/x\n"),
            ("app.yaml", "passwordPolicy: {min: 3, password: optional}\n"),
            ("app.toml", "password_file = '/run/x'\npassword = '${PASSWORD}'\n"),
            ("values.json", "{\"auth\": {\"secretKeys\": {\"password\": \"pg-password\", \"token\": \"DB_TOKEN2\"}}}"),
            ("values.json", "{\"existingSecretKeys\": {\"password\": \"password\"}}"),
            ("settings.json", "{\"token\": \"something\", \"password\": \"\"}"),
        ] {
            assert_eq!(found(key, text), None, "{key}: {text}");
        }
    }

    #[test]
    fn a_structure_of_names_and_references_holds_no_value() {
        for (key, text, expected) in [
            ("SECRETS", r#"{"A_PASSWORD": "${{ secrets.A }}", "A_USER": "app"}"#, Some(false)),
            ("TOKENS", r#"["$TOKEN_A", "$TOKEN_B"]"#, Some(false)),
            ("SECRETS", r#"{"username": "app", "passwordKey": "x"}"#, Some(true)),
            ("PASSWORDS", r#"{"alice": "hunter2"}"#, Some(true)),
            ("PASSWORDS", r#"["hunter2"]"#, Some(true)),
            ("CREDENTIALS", r#"{"user": "app", "password": "hunter2"}"#, Some(true)),
            ("CREDENTIALS", r#"{"user": "app", "password": "changeme"}"#, Some(false)),
            ("PASSWORDS", "{}", Some(false)),
            ("PASSWORD", "{hunter2}", None),
            ("PASSWORD", "hunter2", None),
        ] {
            assert_eq!(has_literals(key, text), expected, "{key}: {text}");
        }
    }

    #[test]
    fn what_is_broken_or_told_by_lines_is_not_parsed() {
        for (key, text) in [
            ("app.toml", "[db\npassword = 'hunter2'\n"),
            ("app.yaml", "db: {password: hunter2\n"),
            ("app.yaml", "db:\n  password: hunter2\n"),
            ("a.json", "{\"password\": \"hunter2\""),
        ] {
            assert!(StructuredFile::parse(key, text).is_none(), "{key}: {text}");
        }
    }
}
