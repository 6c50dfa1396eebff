//! `septum.yaml`: the project file.

use std::borrow::Cow;

use serde::Deserialize;

use super::reference::UserRule;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean, without_quotes};
use crate::sops;
use crate::span::{Location, Source, Span};

/// Message for a text that the library cannot read to its end.
const NOT_YAML: &str = "the project file is not valid YAML";

const FIELDS: [&str; 4] = ["apps", "shared", "output", "references"];

/// Content of the project file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Globs of directories; each match that contains a `base.yaml` is an app.
    pub(super) apps: Vec<String>,
    /// Directory of shared layers, which are below those of every app.
    pub(super) shared: Option<String>,
    /// Output directory of rendered trees.
    #[serde(default)]
    pub(super) output: Option<String>,
    /// Rules for references to ConfigMaps and Secrets in objects that Septum does not know.
    #[serde(default)]
    pub(super) references: Vec<UserRule>,
}

impl Settings {
    /// Parses the project file; errors carry the location. The library stops at the first error, so that those of other
    /// fields are found without the field that has it.
    pub(super) fn parse(source: &Source) -> Result<Self, Diagnostics> {
        sops::refuse_private_key(source)?;
        refuse_function_config(source)?;
        let mut problems = Diagnostics::new();
        let mut text = Cow::from(source.text());
        loop {
            let error = match serde_yaml::from_str(&text) {
                Ok(settings) if problems.is_empty() => return Ok(settings),
                Ok(Self { .. }) => return Err(problems),
                Err(error) => error,
            };
            let is_missing = error.to_string().starts_with("missing field");
            if is_missing && !problems.is_empty() {
                return Err(problems);
            }
            let problem = invalid_settings(source, &error);
            let is_last = is_missing || problem.message.starts_with(NOT_YAML);
            let place = second_place(&text, &error.to_string())
                .or_else(|| Some(problem.labels.first()?.place.span.start))
                .filter(|_| !is_last);
            problems.push(problem);
            let Some(rest) = place.and_then(|place| without_field(&text, place)) else { return Err(problems) };
            text = rest.into();
        }
    }
}

/// Error for what the library reports.
fn invalid_settings(source: &Source, error: &serde_yaml::Error) -> Diagnostic {
    let text = error.to_string();
    // the library reports a byte offset; the location follows as a label
    let text = text.split(" at line ").next().unwrap_or(&text);
    let message = in_words(text);
    let quoted = |before: &str| text.split_once(before).and_then(|(_, rest)| rest.split('`').next());
    let unknown = quoted("unknown field `");
    // `{x}` is a text in the place of a mapping, and may be anything
    let is_key = |name: &str| {
        let behind = source.text().match_indices(name).filter_map(|(at, name)| source.text().get(at + name.len()..));
        behind.map(|rest| rest.trim_start_matches(['"', '\'', ' '])).any(|rest| rest.starts_with(':'))
    };
    let message = match unknown {
        Some(name) if !is_key(name) => {
            "expected fields of the project file with their values, found a string".to_owned()
        }
        _ => message,
    };
    let fields: &[&str] = if in_rule(text) { &UserRule::FIELDS } else { &FIELDS };
    let diagnostic = Diagnostic::error(Rule::ProjectFile, message)
        .maybe_hint(unknown.and_then(|field| did_you_mean(field, fields.iter().copied())));
    match error.location() {
        Some(location) if in_rule(text) => {
            let path = text.contains("` is not a valid ").then(|| quoted("`")).flatten();
            diagnostic.at(source.place(path_at(source.text(), location.index(), path)))
        }
        Some(location) => diagnostic.at(source.place(word_at(source.text(), location.index(), unknown))),
        None => diagnostic.note(format!("in `{}`", source.name())),
    }
}

/// Offset of the last line of a field that occurs twice: the library reports the start of the file.
fn second_place(text: &str, error: &str) -> Option<usize> {
    let name = error.strip_prefix("duplicate field `")?.split('`').next()?;
    text.rfind(&format!("\n{name}:")).map(|before| before + 1)
}

/// The text with blanks in the place of the field at an offset, so that locations stay; none if it cannot be found.
fn without_field(text: &str, offset: usize) -> Option<String> {
    let is_field = |line: &str| line.starts_with(|char: char| char.is_ascii_alphabetic()) && line.contains(':');
    let (mut at, mut range) = (0, None);
    for line in text.split_inclusive('\n') {
        match range {
            _ if !is_field(line) => {}
            Some((start, _)) if at > offset => {
                range = Some((start, at));
                break;
            }
            _ if at <= offset => range = Some((at, text.len())),
            _ => {}
        }
        at += line.len();
    }
    let (start, end) = range?;
    let blank: String = text.get(start..end)?.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    Some([text.get(..start)?, &blank, text.get(end..)?].concat())
}

/// Refuses the configuration of a KRM function, which people call `septum.yaml` too.
fn refuse_function_config(source: &Source) -> Result<(), Diagnostic> {
    let text = source.text();
    let Some(line) = text.lines().find(|line| line.starts_with("apiVersion: septum.dev/")) else { return Ok(()) };
    let start = text.find(line).unwrap_or_default();
    let message = "expected a project file, found the functionConfig of `septum krm`";
    Err(Diagnostic::error(Rule::ProjectFile, message)
        .at(source.place(Span::locate(text, start, start + "apiVersion".len())))
        .hint("give that file another name, such as `septum-krm.yaml`, also in the kustomization"))
}

/// Whether a message is about a rule under `references`.
fn in_rule(message: &str) -> bool {
    message.starts_with("references[") || message.starts_with("references: `")
}

/// Rewords a message of the library.
fn in_words(message: &str) -> String {
    if let Some((field, rest)) = message.split_once(": invalid type") {
        let expected = match rest {
            _ if field == "references" => "a list of rules",
            _ if rest.ends_with("a sequence") => "a list of strings",
            _ if rest.contains("expected struct") => "a mapping",
            _ => "a string",
        };
        return format!("expected {expected} for `{field}`");
    }
    if let Some((field, rest)) = message.split_once(": unknown variant ") {
        let expected = rest.split_once(", expected ").map_or("another", |(_, expected)| expected);
        return format!("expected {expected} for `{field}`");
    }
    let (rule, bare) = if in_rule(message) { message.split_once(": ").unwrap_or(("", message)) } else { ("", message) };
    let of_fields = ["unknown field", "missing field", "duplicate field"];
    match (of_fields.iter().any(|known| bare.starts_with(known)), rule) {
        (true, "") => format!("{bare} in the project file"),
        (true, rule) => format!("{bare} in `{rule}`"),
        (false, rule) if !rule.is_empty() => bare.to_owned(),
        (false, _) if message.starts_with("invalid type") => "expected a mapping with the field `apps`".to_owned(),
        (false, _) => format!("{NOT_YAML}: {}", without_quotes(message)),
    }
}

/// Span of a path that occurs after an offset, or of the word at the offset.
fn path_at(text: &str, offset: usize, path: Option<&str>) -> Span {
    let found = path.and_then(|path| Some((offset + text.get(offset..)?.find(path)?, path.len())));
    found.map_or_else(|| word_at(text, offset, None), |(start, length)| Span::locate(text, start, start + length))
}

/// Location of the value of a root field: of its first occurrence after the field's name.
pub(super) fn value_place(source: &Source, field: &str, value: &str) -> Location {
    let text = source.text();
    let field = word_at(text, 0, Some(field));
    let Span { start, end, .. } = path_at(text, field.start, Some(value).filter(|value| !value.is_empty()));
    let is_quote = |at: usize| text.get(at..=at).is_some_and(|char| char == "\"" || char == "'");
    let quotes = usize::from(start > 0 && is_quote(start - 1) && is_quote(end));
    source.place(Span::locate(text, start - quotes, end + quotes))
}

/// Span of a field's name, or of the word at an offset.
fn word_at(text: &str, offset: usize, field: Option<&str>) -> Span {
    let start = field
        .and_then(|field| {
            let mut at = 0;
            text.split_inclusive('\n').find_map(|line| {
                let found = line.starts_with(&format!("{field}:")).then_some(at);
                at += line.len();
                found
            })
        })
        .unwrap_or(offset);
    let length = text.get(start..).map_or(0, |rest| rest.find([':', ' ', '\n']).unwrap_or(rest.len()));
    Span::locate(text, start, start + length)
}

#[cfg(test)]
mod tests {
    use super::super::{RefKind, ReferenceRole};
    use super::*;

    #[test]
    fn an_unknown_field_is_pointed_at_with_the_nearest_name() {
        let source = Source::new("septum.yaml", "apps: [\"services/*\"]\nshraed: environments\n");
        let error = Settings::parse(&source).unwrap_err().into_sorted().remove(0);
        assert_eq!((error.hints[0].as_str(), error.labels[0].place.span.line), ("did you mean `shared`?", 2));
    }

    #[test]
    fn the_errors_of_all_fields_are_reported() {
        for (text, expected) in [
            ("apps: x\nshraed: y\noutput: [z]\n", vec!["apps 1", "shraed 2", "output 3"]),
            ("apps: [a]\napps: [b]\nnope: 1\n", vec!["apps 1", "nope 3"]),
            ("apps: [a]\nshared: b\nnope: 1\nshared: c\n", vec!["shared 1", "nope 3"]),
            ("aps: [a]\nnope: 1\n", vec!["aps 1", "nope 2"]),
            ("# x\nshared:\n  a: b\n\napps:\n- [x]\n", vec!["shared 3", "apps 6"]),
            ("apps: [a\nnope: 1\n", vec!["YAML 2"]),
            ("shared: x\n", vec!["apps 1"]),
        ] {
            let found = Settings::parse(&Source::new("septum.yaml", text)).unwrap_err().into_sorted();
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                let (word, line) = expected.split_once(' ').expect("a line");
                let place = found.labels.first().map(|label| label.place.span.line.to_string());
                assert!(found.message.contains(word), "{text}: {}", found.message);
                assert_eq!(place.as_deref().unwrap_or("1"), line, "{text}: {}", found.message);
            }
        }
    }

    #[test]
    fn the_project_file_must_name_apps() {
        let error =
            Settings::parse(&Source::new("septum.yaml", "shared: environments\n")).unwrap_err().into_sorted().remove(0);
        assert!(error.message.contains("missing field `apps`"), "{}", error.message);
    }

    fn with_rules(rules: &str) -> Result<Settings, Diagnostics> {
        Settings::parse(&Source::new("septum.yaml", format!("apps: [a]\nreferences:\n{rules}")))
    }

    #[test]
    fn rules_for_references_are_read() {
        let settings = with_rules(
            "- {kind: Widget, group: example.com, path: 'spec.users[].name', target: Secret, key: 'spec.users[].key'}
- {kind: Gadget, path: '**.configName', target: ConfigMap, role: output}\n",
        )
        .expect("valid");
        let [widget, gadget] = settings.references.as_slice() else { panic!("two rules") };
        assert_eq!((widget.target, gadget.target), (RefKind::Secret, RefKind::ConfigMap));
        assert_eq!((widget.group.as_deref(), gadget.group.as_deref()), (Some("example.com"), None));
        assert_eq!((widget.role, gadget.role), (ReferenceRole::Reference, ReferenceRole::Output));
        assert!(widget.key.is_some());
    }

    #[test]
    fn a_wrong_rule_for_references_is_pointed_at() {
        for (rule, message, place, hint) in [
            (
                "{kind: W, pth: a, target: Secret}",
                "unknown field `pth`, expected one of",
                (3, 13),
                "did you mean `path`?",
            ),
            ("{kind: W, target: Secret}", "missing field `path` in `references[0]`", (3, 3), ""),
            (
                "{kind: W, path: a, target: Sceret}",
                "expected `ConfigMap` or `Secret` for `references[0].target`",
                (3, 30),
                "",
            ),
            (
                "{kind: W, path: 'a[0].b', target: Secret}",
                "`a[0].b` is not a valid path: `[` is only allowed in",
                (3, 20),
                "",
            ),
            ("{kind: W, path: $.a, target: Secret}", "`$.a` is not a valid path: it begins with", (3, 19), ""),
            ("{kind: e.com/v1/W, path: a, target: Secret}", "`e.com/v1/W` is not a valid kind", (3, 10), ""),
            ("{kind: W, path: a.**, target: Secret}", "`a.**` is not a valid path", (3, 19), ""),
            ("{kind: W, path: a.b, key: a.*, target: Secret}", "`a.*` is not a valid key path", (3, 29), ""),
            ("{kind: W, path: [a], target: Secret}", "expected a string for `references[0].path`", (3, 19), ""),
            ("a", "expected a mapping for `references[0]`", (3, 3), ""),
        ] {
            let error = with_rules(&format!("- {rule}\n")).unwrap_err().into_sorted().remove(0);
            assert!(error.message.starts_with(message), "{rule}: {}", error.message);
            let span = error.labels[0].place.span;
            assert_eq!((span.line, span.column), place, "{rule}");
            assert_eq!(error.hints.first().map_or("", String::as_str), hint, "{rule}");
        }
        let error = with_rules("  a: b\n").unwrap_err().into_sorted().remove(0);
        assert_eq!(error.message, "expected a list of rules for `references`");
    }
}
