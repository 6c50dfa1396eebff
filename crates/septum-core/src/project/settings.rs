//! `septum.yaml`: the project file.

use super::reference::UserRule;
use super::settings_reader::SettingsReader;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::sops;
use crate::span::{Located, Location, Source, Span};
use crate::yaml::node::YamlNode;
use crate::yaml::read::{PartialDocument, read_partial_document};

const FIELDS: [&str; 4] = ["apps", "shared", "output", "references"];

/// Content of the project file.
#[derive(Debug)]
pub(super) struct Settings {
    /// Globs of directories; each match that contains a `base.yaml` is an app.
    pub(super) apps: Vec<Located<String>>,
    /// Location of the list of apps.
    pub(super) apps_place: Location,
    /// Directory of shared layers, which are below those of every app.
    pub(super) shared: Option<Located<String>>,
    /// Output directory of rendered trees.
    pub(super) output: Option<Located<String>>,
    /// Rules for references to ConfigMaps and Secrets in objects that Septum does not know.
    pub(super) references: Vec<UserRule>,
}

impl Settings {
    /// Reads the project file as far as it is valid, and adds all errors in it.
    pub(super) fn read(source: &Source, problems: &mut Diagnostics) -> Result<Self, Diagnostics> {
        sops::refuse_private_key(source)?;
        refuse_function_config(source)?;
        let PartialDocument { root, problems: invalid, .. } = read_partial_document(source)?;
        problems.extend(invalid);
        let mut reader = SettingsReader { source, problems };
        let Some(map) = root.as_map() else {
            let message = format!("expected a mapping with the field `apps`, found {}", root.noun());
            reader.report_value(root.span, message);
            return Err(std::mem::take(problems));
        };
        reader.check_fields(map, &FIELDS, &["apps"], "the project file");
        let apps = map.get_key_value("apps");
        let apps_place = source.place(apps.map_or(root.span, |(key, _)| key.span));
        let apps = apps.map(|(_, node)| reader.texts("apps", node)).unwrap_or_default();
        let mut directory = |name: &str| map.get(name).and_then(|node| reader.optional_text(name, node));
        let (shared, output) = (directory("shared"), directory("output"));
        let references = map.get("references").map(|node| read_rules(node, &mut reader)).unwrap_or_default();
        Ok(Self { apps, apps_place, shared, output, references })
    }
}

/// The rules under `references` that are valid.
fn read_rules(node: &YamlNode, reader: &mut SettingsReader<'_>) -> Vec<UserRule> {
    let items = reader.items("references", "a list of rules", node).unwrap_or_default();
    let read = |(index, item)| read_rule(&format!("references[{index}]"), item, reader);
    items.iter().enumerate().filter_map(read).collect()
}

fn read_rule(name: &str, node: &YamlNode, reader: &mut SettingsReader<'_>) -> Option<UserRule> {
    if node.is_broken() {
        return None;
    }
    let Some(map) = node.as_map() else {
        reader.report_value(node.span, format!("expected a mapping for `{name}`, found {}", node.noun()));
        return None;
    };
    reader.check_fields(map, &UserRule::FIELDS, &UserRule::REQUIRED, &format!("`{name}`"));
    UserRule::read(name, (node.span, map), reader)
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

#[cfg(test)]
mod tests {
    use super::super::{RefKind, ReferenceRole};
    use super::*;

    fn parse(text: &str) -> Result<Settings, Vec<Diagnostic>> {
        let mut problems = Diagnostics::new();
        match Settings::read(&Source::new("septum.yaml", text), &mut problems) {
            Ok(settings) if problems.is_empty() => Ok(settings),
            Ok(_) => Err(problems.into_sorted()),
            Err(found) => Err(found.into_sorted()),
        }
    }

    #[test]
    fn an_unknown_field_is_pointed_at_with_the_nearest_name() {
        let error = parse("apps: [\"services/*\"]\nshraed: environments\n").unwrap_err().remove(0);
        assert_eq!((error.hints[0].as_str(), error.labels[0].place.span.line), ("did you mean `shared`?", 2));
    }

    #[test]
    fn the_errors_of_all_fields_are_reported() {
        for (text, expected) in [
            ("apps: x\nshraed: y\noutput: [z]\n", vec!["apps 1", "shraed 2", "output 3"]),
            ("apps: [a]\napps: [b]\nnope: 1\n", vec!["apps 2", "nope 3"]),
            ("apps: [a]\nshared: b\nnope: 1\nshared: c\n", vec!["nope 3", "shared 4"]),
            ("aps: [a]\nnope: 1\n", vec!["aps 1", "nope 2"]),
            ("# x\nshared:\n  a: b\n\napps:\n- [x]\n", vec!["shared 3", "apps[0] 6"]),
            ("apps: [[a], b, ~]\nreferences: [x, y]\n", vec!["apps[0] 1", "apps[2] 1", "[0] 2", "[1] 2"]),
            ("shared: x\n", vec!["apps 1"]),
        ] {
            let found = parse(text).unwrap_err();
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
        let error = parse("shared: environments\n").unwrap_err().remove(0);
        assert!(error.message.contains("missing field `apps`"), "{}", error.message);
    }

    fn with_rules(rules: &str) -> Result<Settings, Vec<Diagnostic>> {
        parse(&format!("apps: [a]\nreferences:\n{rules}"))
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
                "unknown field `pth` in `references[0]`",
                (3, 13),
                "did you mean `path`?",
            ),
            ("{kind: W, target: Secret}", "missing field `path` in `references[0]`", (3, 4), ""),
            (
                "{kind: W, path: a, target: Sceret}",
                "expected `ConfigMap` or `Secret` for `references[0].target`",
                (3, 30),
                "did you mean `Secret`?",
            ),
            (
                "{kind: W, path: 'a[0].b', target: Secret}",
                "`a[0].b` is not a valid path: `[` is only allowed in",
                (3, 19),
                "",
            ),
            ("{kind: W, path: $.a, target: Secret}", "`$.a` is not a valid path: it begins with", (3, 19), ""),
            ("{kind: e.com/v1/W, path: a, target: Secret}", "`e.com/v1/W` is not a valid kind", (3, 10), ""),
            ("{kind: W, path: a.**, target: Secret}", "`a.**` is not a valid path", (3, 19), ""),
            ("{kind: W, path: a.b, key: a.*, target: Secret}", "`a.*` is not a valid key path", (3, 29), ""),
            ("{kind: W, path: [a], target: Secret}", "expected a string for `references[0].path`", (3, 19), ""),
            ("a", "expected a mapping for `references[0]`", (3, 3), ""),
        ] {
            let error = with_rules(&format!("- {rule}\n")).unwrap_err().remove(0);
            assert!(error.message.starts_with(message), "{rule}: {}", error.message);
            let span = error.labels[0].place.span;
            assert_eq!((span.line, span.column), place, "{rule}");
            assert_eq!(error.hints.first().map_or("", String::as_str), hint, "{rule}");
        }
        let error = with_rules("  a: b\n").unwrap_err().remove(0);
        assert_eq!(error.message, "expected a list of rules for `references`, found a mapping");
    }
}
