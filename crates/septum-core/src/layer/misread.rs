//! Mistakes made by habit from other tools, or with YAML: the probable meaning of a part of a layer.

use super::foreign_field::is_meant_as_field;
use super::tree::{Tree, TreeKind};
use super::unexpected::unexpected_value;
use crate::diagnostic::{Diagnostic, Rule, did_you_mean};
use crate::project;
use crate::span::{Located, Location, Source, Span};
use crate::template_tokens::is_template;
use crate::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode, YamlStyle};

/// Fields of Kubernetes objects and of other tools whose content belongs under `data`.
const DATA: [&str; 14] = [
    "stringData",
    "binaryData",
    "env",
    "envFrom",
    "environment",
    "config",
    "configMap",
    "configmap",
    "secret",
    "secrets",
    "variables",
    "entries",
    "keys",
    "literals",
];

/// Fields of other tools, and their equivalents in layers.
const ELSEWHERE: [(&str, &str); 18] = [
    ("values", "put values for templates under `vars`, and values for pods under `data`"),
    ("global", "put values for templates under `vars`"),
    ("globals", "put values for templates under `vars`"),
    ("locals", "put values for templates under `vars`"),
    ("resources", "list other objects of the app under `manifests`"),
    ("configMapGenerator", "each bundle generates a ConfigMap: put its keys under `data` or `bundles`"),
    ("secretGenerator", "put the keys under `data` or `bundles`; those with `sensitive: true` are routed to a Secret"),
    ("commonLabels", "put labels of every object under `labels`"),
    ("commonAnnotations", "put annotations of every object under `annotations`"),
    ("namePrefix", "write `prefix: team-`"),
    ("nameSuffix", "write `suffix: -v2`"),
    ("patchesStrategicMerge", "list the files under `patches`: `patches: [patches/web.yaml]`"),
    (
        "patchesJson6902",
        "list them under `patches`: `patches: [{ target: { kind: Deployment, name: web }, path: patches/web.yaml }]`",
    ),
    ("components", "name the layers to mix in with `extends`"),
    ("bases", "every environment has `base.yaml` below it; name other layers with `extends`"),
    (
        "generatorOptions",
        "write `names: kustomize`, `immutable`, `labels` and `annotations` as fields of the layer or of a bundle",
    ),
    ("replacements", "write a template where the value is needed: `{{ data.KEY }}` or `{{ vars.NAME }}`"),
    ("configurations", "put rules for references under `references` in `septum.yaml`"),
];

/// Whether a mapping has fields, but neither fields of a layer nor fields that people mistake for them.
pub(super) fn is_of_another_program(map: &Mapping) -> bool {
    let is_known = |key: &YamlKey| {
        let name = key.text.as_str();
        DATA.contains(&name) || ELSEWHERE.iter().any(|(field, _)| *field == name) || unusual_blank_in(name).is_some()
    };
    project::is_of_another_program(map) && !map.keys().any(is_known)
}

/// Error: a file of another program in the place of a layer.
pub(super) fn foreign_file(map: &Mapping, place: Location, source: &Source) -> Diagnostic {
    const SHOWN: usize = 3;
    let mut names: Vec<_> = map.keys().take(SHOWN).map(|key| format!("`{}`", key.text)).collect();
    names.extend((map.len() > SHOWN).then(|| "…".to_owned()));
    let message = format!("`{}` looks like a file of another program, not like a layer", source.name());
    Diagnostic::error(Rule::UnknownFile, message)
        .at_masked(place)
        .note(format!("it contains {}, but no field of a layer", names.join(", ")))
        .hint("move it to another directory: every `NAME.yaml` beside `base.yaml` is an environment")
        .hint("if it is a layer, put the keys of the app under `data`, and values for templates under `vars`")
}

/// Hint at the probable meaning of a field that layers do not have.
pub(super) fn foreign_field(key: &YamlKey, node: &YamlNode, known: &[&str], source: &Source) -> Option<String> {
    let name = key.text.as_str();
    // `{password}` is not a field
    if !has_value(key, source) {
        return None;
    }
    if DATA.contains(&name) {
        let secret = if name.to_ascii_lowercase().contains("secret") || name == "stringData" {
            "; those with `sensitive: true` are routed to the Secret"
        } else {
            ""
        };
        return Some(format!("put its keys under `data`{secret}"));
    }
    if let Some((_, hint)) = ELSEWHERE.iter().find(|(field, _)| *field == name) {
        return Some((*hint).to_owned());
    }
    if did_you_mean(name, known.iter().copied()).is_some() {
        return None;
    }
    let is_entry = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || "_.-".contains(char);
    let is_variable = name.chars().all(is_entry) || node.as_scalar().is_some();
    let hint = || format!("if `{name}` is a key of the configuration, indent it under `data`");
    (is_variable && !name.is_empty()).then(hint)
}

/// Character at the start of a name that looks like a blank and is not one.
fn unusual_blank_in(name: &str) -> Option<char> {
    name.chars().next().filter(|char| is_unusual_blank(*char))
}

/// Error: a character that looks like a blank and is not one, at the start of a key.
pub(super) fn unusual_blank(key: &YamlKey, source: &Source) -> Option<Diagnostic> {
    let first = unusual_blank_in(&key.text)?;
    Some(
        Diagnostic::error(
            Rule::YamlSyntax,
            format!(
                "this line is indented with the character U+{:04X}, which looks like a space but is not one",
                u32::from(first)
            ),
        )
        .at_masked(source.place(key.span))
        .hint("indent with ordinary spaces; text copied from a web page or a chat often contains such characters"),
    )
}

/// Whether a character looks like a space to people but is text to YAML: no-break spaces and the like.
fn is_unusual_blank(char: char) -> bool {
    char.is_whitespace() && !char.is_ascii() || matches!(char, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Error: `KEY:value`, which YAML reads as a text, in the place of a mapping.
pub(super) fn unspaced_colon(node: &YamlNode, source: &Source) -> Option<Diagnostic> {
    node.as_scalar().filter(|scalar| scalar.style == YamlStyle::Plain && !scalar.encrypted && !scalar.broken)?;
    let written = source.text().get(node.span.start..node.span.end)?;
    let mut start = node.span.start;
    for line in written.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if let Some((at, length)) = equals_sign(line) {
            let at = start + at;
            return Some(assignment(source.locate(at, at + length), source));
        }
        if let Some(length) = unspaced_key(line.trim()) {
            let at = start + indent + length;
            return Some(
                Diagnostic::error(Rule::YamlSyntax, "missing space after the `:`")
                    .at(source.place(source.locate(at, at + 1)))
                    .note("YAML parses the whole line as a string")
                    .hint("write `KEY: value`"),
            );
        }
        start += line.len();
    }
    None
}

fn assignment(at: Span, source: &Source) -> Diagnostic {
    Diagnostic::error(Rule::YamlSyntax, "expected `: ` instead of `=`")
        .at(source.place(at))
        .note("YAML parses the whole line as a string")
        .hint("write `KEY: value`")
}

/// Offset and length of the sign in `KEY=value`, `KEY = value` and `KEY => value`.
fn equals_sign(line: &str) -> Option<(usize, usize)> {
    let at = line.find('=')?;
    let key = line.get(..at)?.trim().trim_start_matches("export ").trim_start();
    let length = if line.get(at..)?.starts_with("=>") { 2 } else { 1 };
    is_key(key).then_some((at, length))
}

fn is_key(text: &str) -> bool {
    let is_part = |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char);
    text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_') && text.chars().all(is_part)
}

/// Length of the key in `KEY:value`.
fn unspaced_key(line: &str) -> Option<usize> {
    let (key, value) = line.split_once(':')?;
    (is_key(key) && !value.is_empty() && !value.starts_with("//")).then_some(key.len())
}

/// Error: `{ KEY:value }` or `{ KEY=value }`, which YAML reads as a key without a value.
pub(super) fn unspaced_flow_key(key: &YamlKey, source: &Source) -> Option<Diagnostic> {
    if let Some((at, length)) = equals_sign(&key.text).filter(|_| !has_value(key, source)) {
        let at = key.span.start + at;
        let is_bare = source.text().get(at..).is_some_and(|rest| rest.starts_with('='));
        return is_bare.then(|| assignment(source.locate(at, at + length), source));
    }
    let length = unspaced_key(&key.text)?;
    let at = key.span.start + length;
    let is_bare = source.text().get(at..).is_some_and(|rest| rest.starts_with(':'));
    is_bare.then(|| {
        Diagnostic::error(Rule::YamlSyntax, "missing space after this `:`")
            .at(source.place(source.locate(at, at + 1)))
            .hint("write `KEY: value`, or quote a key that contains `:`")
    })
}

/// Diagnostic for a template in a field that is not rendered. Annotations may contain templates of other programs.
pub(super) fn template_in_field(field: &str, found: &Located<String>) -> Option<Diagnostic> {
    let is_ours = |text: &str| {
        let names = text.split("{{").skip(1).map(|rest| rest.trim_start_matches('-').trim_start());
        names
            .into_iter()
            .any(|name| ["env.", "vars.", "data.", "app.", "bundles"].iter().any(|root| name.starts_with(root)))
    };
    let is_meant = if field.starts_with("annotations") { is_ours(&found.value) } else { is_template(&found.value) };
    is_meant.then(|| {
        Diagnostic::error(Rule::InvalidField, format!("`{field}` contains a template, but only values are rendered"))
            .at_masked(found.place.clone())
            .hint("write the text itself; if it differs by environment, set it in the layer of each environment")
    })
}

/// Warning: a reference to a store within a structure, where nothing resolves it.
pub(super) fn reference_in_content(key: &str, tree: &Tree) -> Option<Diagnostic> {
    let place = first_reference(tree)?;
    Some(
        Diagnostic::warning(
            Rule::RefInContent,
            format!("the `ref` in the content of `{key}` is not resolved, but written literally"),
        )
        .at_masked(place)
        .note("the value stays in its store, so it cannot be part of a structure")
        .hint("define a separate key, `KEY: { ref: … }`, and let the program read it in addition to the file"),
    )
}

fn first_reference(tree: &Tree) -> Option<Location> {
    match &tree.kind {
        TreeKind::Map(map) => {
            let is_pointer = |target: &Tree| match &target.kind {
                TreeKind::Leaf(scalar) => scalar.text().contains(['#', '@']),
                TreeKind::Map(fields) => fields.contains_key("key"),
                TreeKind::List(_) => false,
            };
            let target = map.get("ref").filter(|target| map.len() == 1 && is_pointer(target));
            target.map(|target| target.place.clone()).or_else(|| map.values().find_map(first_reference))
        }
        TreeKind::List(items) => items.iter().find_map(first_reference),
        TreeKind::Leaf(_) => None,
    }
}

/// Error: a list in the place of a mapping of entries.
pub(super) fn entries_as_list(field: &str, node: &YamlNode, key: &Location, source: &Source) -> Diagnostic {
    let problem = unexpected_value(field, "a mapping", node, key, source);
    let YamlKind::List(items) = &node.kind else { return problem };
    let is_named = |item: &YamlNode| matches!(&item.kind, YamlKind::Map(map) if map.contains_key("name"));
    if items.iter().any(is_named) {
        problem.hint("write each as `NAME: value`, not as an item with `name` and `value`")
    } else {
        problem.hint("write `KEY: value` lines without the `- ` before them")
    }
}

/// Whether a value follows a key.
fn has_value(key: &YamlKey, source: &Source) -> bool {
    let rest = source.text().get(key.span.end..);
    rest.is_some_and(|rest| rest.trim_start_matches([' ', '"', '\'']).starts_with(':'))
}

/// Error: a structure in the place of an entry, as in Helm values: none of its keys is a field of an entry.
pub(super) fn nested_entry(key: &YamlKey, map: &Mapping, known: &[&str], source: &Source) -> Option<Diagnostic> {
    let is_slip = |key: &YamlKey| did_you_mean(&key.text, known.iter().copied()).is_some();
    let is_foreign = |key: &YamlKey| !known.contains(&key.text.as_str()) && has_value(key, source) && !is_slip(key);
    if map.is_empty() || !map.keys().all(is_foreign) || map.iter().all(|(key, node)| is_meant_as_field(key, node)) {
        return None;
    }
    let name = &key.text;
    let file = if name.contains('.') { name.clone() } else { format!("{name}.yaml") };
    Some(
        Diagnostic::error(
            Rule::InvalidField,
            format!("`{name}` is a structure, but the value of an entry is a string"),
        )
        .at(source.place(key.span))
        .hint("for environment variables of a pod, write one key per value, such as `SERVER_PORT: 8080`")
        .hint(format!("for a file with this structure, write `{file}: {{ content: {{ … }} }}`"))
        .hint("for values that only templates read, use `vars`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_a_space_behind_the_colon_are_told_from_texts() {
        for (line, expected) in [
            ("LOG_LEVEL:warn", Some(9)),
            ("nginx.conf:|", Some(10)),
            ("a-b:1", Some(3)),
            ("http://host", None),
            ("10:30", None),
            ("a b:c", None),
            ("key:", None),
            ("text", None),
        ] {
            assert_eq!(unspaced_key(line), expected, "{line}");
        }
    }

    #[test]
    fn only_what_looks_like_a_space_is_an_unusual_blank() {
        for char in ['\u{a0}', '\u{2003}', '\u{3000}', '\u{200b}', '\u{feff}'] {
            assert!(is_unusual_blank(char), "U+{:04X}", u32::from(char));
        }
        for char in [' ', '\t', 'a', 'é', '\u{301}'] {
            assert!(!is_unusual_blank(char), "U+{:04X}", u32::from(char));
        }
    }
}
