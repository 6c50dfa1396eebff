//! Files in formats that can be parsed: JSON, TOML, XML, and YAML where single lines are not enough.
//!
//! Most of YAML is a name and a value on a line, and is inspected without parsing, which is several times faster.
//! Assignments that span lines are parsed: maps in braces, texts in blocks, and the lists of `name` and `value` in
//! which Kubernetes keeps variables.

use std::ops::Range;

use serde_json::Value;

use super::assignments::{self, ValueQuoting, is_credential};
use super::benign_values;
use super::names::NameVerdict;
use super::random::{has_random_part, looks_random};
use super::reference_names::{is_key_name, maps_to_names};
use super::toml_texts::parse_toml_texts;
use super::xml_texts::parse_xml_texts;

/// Maximum size of a parsed file in bytes. A longer one is not configuration that people write, and is inspected line
/// by line.
const LONGEST: usize = 256 * 1024;

/// Maximum nesting depth of settings.
const DEEPEST: usize = 32;

/// Parsed file.
pub(super) struct StructuredFile {
    root: Value,
    quoting: ValueQuoting,
    /// Whether a line scan can find more than the parser: files embedded in a text of this one.
    pub(super) has_lines: bool,
}

impl StructuredFile {
    /// Parses a file; `None` if its format is unknown or it is invalid.
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
        if text.starts_with('<') {
            return Some(Self {
                root: parse_xml_texts(text, DEEPEST)?,
                quoting: ValueQuoting::Quoted,
                has_lines: true,
            });
        }
        let is_flow = text.starts_with('{') && text.ends_with('}') && text.contains(": ");
        let is_file = text.contains('\n') || is_flow || named(&[".yaml", ".yml"]);
        if !is_file || !(is_flow || spreads_over_lines(text)) || is_deep(text) {
            return None;
        }
        // a file of several documents is invalid as one, and so inspected line by line
        let root = serde_yaml::from_str(text).ok()?;
        Some(Self { root, quoting: ValueQuoting::Bare, has_lines: true })
    }

    /// First name that a literal credential is assigned to, and the range of the credential if it occurs only once.
    pub(super) fn find_assignment(&self, text: &str) -> Option<(String, Option<Range<usize>>)> {
        let (name, value) = in_value("", &self.root, self.quoting, 0)?;
        let range = unique_range(text, &value);
        Some((name, range))
    }

    /// First assignment in a file embedded in another one; texts in the embedded file are not searched.
    pub(super) fn inner_assignment(&self, text: &str) -> Option<(String, Option<Range<usize>>)> {
        let (name, value) = in_value("", &self.root, self.quoting, 1)?;
        let range = unique_range(text, &value);
        Some((name, range))
    }
}

/// Whether a JSON structure under the name of a secret contains a literal value; `None` if the text is not one. Names
/// of variables, keys and objects that hold secrets are not literal values.
pub(super) fn has_literals(key: &str, text: &str) -> Option<bool> {
    if !text.starts_with(['{', '[']) || text.len() > LONGEST {
        return None;
    }
    let root: Value = serde_json::from_str(text).ok()?;
    let mut leaves = Vec::new();
    collect_leaves(key, &root, &mut leaves);
    let speaks = |name: &str| matches!(super::classify_name(name), NameVerdict::Sensitive { .. });
    // if no name in it says which part is a secret, the name of the whole counts for each part
    let all = !leaves.iter().any(|(name, _)| *name != key && speaks(name));
    let is_value = |(name, text): &(&str, &str)| {
        let counts = all || speaks(name) || looks_random(text) || has_random_part(text);
        counts && super::literal::is_literal(name, text) && !benign_values::is_public(text)
    };
    Some(leaves.iter().any(is_value))
}

fn collect_leaves<'v>(name: &'v str, value: &'v Value, leaves: &mut Vec<(&'v str, &'v str)>) {
    match value {
        // a nested text is inspected where it is read
        Value::String(text) if !text.starts_with(['{', '[']) => leaves.push((name, text)),
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(name, item, leaves)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| collect_leaves(name, value, leaves)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether assignments of YAML span several lines.
fn spreads_over_lines(text: &str) -> bool {
    let opens = |line: &str| [": {", ": |", ": >", "- {", "- value:"].iter().any(|sign| line.contains(sign));
    text.lines().any(|line| opens(line) || line.trim_start().starts_with("value:"))
}

/// Whether brackets are nested so deep that parsing would be slow.
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
            // fields that map to the keys of an object are names, and are not inspected further
            let is_name = |value: &Value| maps_to_names(name) && value.as_str().is_some_and(is_key_name);
            let mut fields = fields.iter().filter(|(_, value)| !is_name(value));
            variable.or_else(|| fields.find_map(|(name, value)| in_value(name, value, quoting, depth)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Assignment in a file embedded in a text of a file, one level deep.
fn in_text(name: &str, text: &str, depth: usize) -> Option<(String, String)> {
    let is_file = text.contains('\n') || text.starts_with('{');
    let hit = (depth == 0 && is_file).then(|| assignments::scan_inner(name, text)).flatten()?;
    let value = text.get(hit.1?)?;
    Some((hit.0, value.to_owned()))
}

/// Range of a value, if it occurs only once.
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
            ("server.xml", "<Server><Resource username='a' password='hunter2'/></Server>"),
            ("settings.xml", "<?xml version='1.0'?>\n<servers><server><password>hunter2</password></server></servers>"),
            ("beans.xml", "<beans><bean><property name='password' value='hunter2'/></bean></beans>"),
            ("beans.xml", "<beans><property name='db.password'><value>hunter2</value></property></beans>"),
            ("web.config", "<configuration><add key='ApiPassword' value='hunter2'/></configuration>"),
            ("core-site.xml", "<c><property><name>db.password</name><value>hunter2</value></property></c>"),
            ("a.xml", "<properties><entry key='db.password'>hunter2</entry></properties>"),
            ("a.xml", "<a xmlns:b='urn:b'><b:password b:encrypted='no'>hunter2</b:password></a>"),
            ("a.xml", "<!DOCTYPE a [<!ENTITY e 'x'>]><a><password><![CDATA[hunter2]]></password></a>"),
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
            ("server.xml", "<Server><Resource password='${db.password}'/></Server>"),
            ("a.xml", "<a><password></password><password/><property name='password'/></a>"),
            ("a.xsd", "<schema><element name='password' type='xs:string'/></schema>"),
            ("strings.xml", "<resources><string name='password'>Password</string></resources>"),
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
            ("a.xml", "<a><password>hunter2</a>"),
            ("index.html", "<!DOCTYPE html>\n<html><body><input name='password' value='hunter2'/></body></html>"),
        ] {
            assert!(StructuredFile::parse(key, text).is_none(), "{key}: {text}");
        }
    }
}
