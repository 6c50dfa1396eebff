//! Configuration of `septum krm`: of `kind: Septum`, or a ConfigMap, as kpt writes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::item::text_at;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::span::{Located, Location, Source};
use crate::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode};

/// Fields of `spec`, and keys of `data` of a ConfigMap.
const FIELDS: [&str; 8] = ["environment", "apps", "root", "mode", "delivery", "needsHash", "behavior", "returnItems"];

/// Purpose of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionMode {
    /// Adds the objects of apps.
    Generate,
    /// Applies the directives in the items.
    Wire,
    /// Reports findings, and changes nothing.
    Check,
}

const MODES: [(&str, FunctionMode); 3] =
    [("generate", FunctionMode::Generate), ("wire", FunctionMode::Wire), ("check", FunctionMode::Check)];

/// Treatment of a generated object by kustomize, where another generator has one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverlapBehavior {
    /// There must be no other one.
    Create,
    /// Its entries are added to the other one.
    Merge,
    /// It replaces the other one.
    Replace,
}

const BEHAVIORS: [(&str, OverlapBehavior); 3] =
    [("create", OverlapBehavior::Create), ("merge", OverlapBehavior::Merge), ("replace", OverlapBehavior::Replace)];

/// Request of a call of the function.
#[derive(Debug)]
pub struct FunctionConfig {
    /// Environment.
    pub environment: Located<String>,
    /// Apps by name; all that have the environment if none is named.
    pub apps: Vec<Located<String>>,
    /// Directory of the project, from the working directory; searched upward from that if none is given.
    pub root: Option<Located<PathBuf>>,
    /// Purpose.
    pub mode: FunctionMode,
    /// Whether Secrets are plain manifests, whatever the layers say.
    pub plain_secrets: bool,
    /// Whether kustomize adds a hash of the content to the names of ConfigMaps and Secrets.
    pub needs_hash: Option<Location>,
    /// Behavior of all generated ConfigMaps and Secrets.
    pub behavior: Option<Located<OverlapBehavior>>,
    /// Behavior of some of them, by `KIND/NAME`.
    pub behaviors: BTreeMap<String, Located<OverlapBehavior>>,
    /// Whether a check answers with the items that it was called with.
    pub returns_items: bool,
}

impl OverlapBehavior {
    /// The word of kustomize.
    pub fn as_str(self) -> &'static str {
        BEHAVIORS.iter().find(|(_, behavior)| *behavior == self).map_or("create", |(word, _)| word)
    }
}

impl FunctionConfig {
    /// Reads the configuration; every mistake is reported.
    pub fn read(config: Option<&YamlNode>, source: &Source) -> Result<Self, Diagnostics> {
        let Some(config) = config else {
            return Err(Diagnostic::error(Rule::FunctionInput, "the ResourceList has no `functionConfig`")
                .hint("pass one: `kind: Septum` with `spec: { environment: prod }`")
                .into());
        };
        let kind =
            (text_at(config, &["apiVersion"]).unwrap_or_default(), text_at(config, &["kind"]).unwrap_or_default());
        let field = match kind {
            ("septum.dev/v1", "Septum") => "spec",
            ("v1", "ConfigMap") => "data",
            _ => {
                let message = "the functionConfig is neither `septum.dev/v1` `Septum` nor `v1` `ConfigMap`";
                return Err(Diagnostic::error(Rule::FunctionInput, message)
                    .at(source.place(start(config)))
                    .hint("write `apiVersion: septum.dev/v1` and `kind: Septum`")
                    .into());
            }
        };
        let mut problems = Diagnostics::new();
        let mut fields = ConfigFields::of(config, field, source, &mut problems);
        let environment = fields.text("environment");
        let (behavior, behaviors) = fields.behavior(field == "data");
        let found = Self {
            environment: environment.unwrap_or_else(|| Located { value: String::new(), place: Location::synthetic() }),
            apps: fields.names("apps", field == "data"),
            root: fields.text("root").map(|root| Located { value: root.value.into(), place: root.place }),
            mode: fields.word("mode", &MODES).map_or(FunctionMode::Generate, |mode| mode.value),
            plain_secrets: fields.word("delivery", &[("manifest", true)]).is_some(),
            needs_hash: fields.truth("needsHash").filter(|found| found.value).map(|found| found.place),
            behavior,
            behaviors,
            returns_items: fields.truth("returnItems").is_none_or(|found| found.value),
        };
        fields.require_environment(&found, field, start(config));
        fields.refuse_combinations(&found);
        if problems.has_errors() { Err(problems) } else { Ok(found) }
    }
}

/// The start of a value: a message that pointed at all of it would show it.
fn start(node: &YamlNode) -> crate::span::Span {
    crate::span::Span { end: node.span.start, ..node.span }
}

/// Fields of a configuration that are taken one by one.
struct ConfigFields<'a> {
    fields: Mapping,
    source: &'a Source,
    problems: &'a mut Diagnostics,
}

impl<'a> ConfigFields<'a> {
    /// The fields under `field`. Unknown ones are reported, beside it too.
    fn of(config: &YamlNode, field: &str, source: &'a Source, problems: &'a mut Diagnostics) -> Self {
        let around = ["apiVersion", "kind", "metadata", field];
        let mut fields = Mapping::default();
        for (key, node) in config.as_map().into_iter().flatten() {
            if !around.contains(&key.text.as_str()) {
                problems.push(unknown_field(key, &around, "the functionConfig", source));
            } else if key.text == field {
                match &node.kind {
                    YamlKind::Map(map) => fields.clone_from(map),
                    YamlKind::Scalar(_) | YamlKind::List(_) => {
                        let message = format!("expected a mapping for `{field}`, found {}", node.noun());
                        problems.push(error(message, key, source));
                    }
                }
            }
        }
        let of = format!("`{field}` of the functionConfig");
        problems.extend(
            fields
                .keys()
                .filter(|key| !FIELDS.contains(&key.text.as_str()))
                .map(|key| unknown_field(key, &FIELDS, &of, source)),
        );
        Self { fields, source, problems }
    }

    fn take(&mut self, name: &str) -> Option<(YamlKey, YamlNode)> {
        self.fields.shift_remove_entry(name)
    }

    fn text(&mut self, name: &str) -> Option<Located<String>> {
        let (key, node) = self.take(name)?;
        let found = self.text_of(&node);
        if found.is_none() {
            let message = format!("expected a string for `{name}`, found {}", node.noun());
            self.problems.push(error(message, &key, self.source));
        }
        found
    }

    fn text_of(&self, node: &YamlNode) -> Option<Located<String>> {
        let scalar =
            node.as_scalar().filter(|scalar| !scalar.blank && !scalar.is_null() && !scalar.text().is_empty())?;
        Some(Located { value: scalar.text().to_owned(), place: self.source.place(node.span) })
    }

    fn truth(&mut self, name: &str) -> Option<Located<bool>> {
        self.word(name, &[("true", true), ("false", false)])
    }

    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<Located<T>> {
        let (key, node) = self.take(name)?;
        self.word_of(&key, &node, words)
    }

    fn word_of<T: Copy>(&mut self, key: &YamlKey, node: &YamlNode, words: &[(&str, T)]) -> Option<Located<T>> {
        let found = self.text_of(node);
        let text = found.as_ref().map(|found| found.value.as_str()).unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(Located { value: *value, place: self.source.place(node.span) });
        }
        let names: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let message = format!("expected {} for `{}`", names.join(" or "), key.text);
        let problem = error(message, key, self.source);
        self.problems.push(problem.maybe_hint(did_you_mean(text, words.iter().map(|(word, _)| *word))));
        None
    }

    /// A list of names; in a ConfigMap, a text with commas.
    fn names(&mut self, name: &str, with_commas: bool) -> Vec<Located<String>> {
        let Some((key, node)) = self.take(name) else { return Vec::new() };
        let found: Option<Vec<_>> = match &node.kind {
            YamlKind::List(items) if !with_commas => items.iter().map(|item| self.text_of(item)).collect(),
            YamlKind::Scalar(_) if with_commas => self.text_of(&node).map(|text| {
                let names = text.value.split(',').map(str::trim).filter(|name| !name.is_empty());
                names.map(|name| Located { value: name.to_owned(), place: text.place.clone() }).collect()
            }),
            YamlKind::List(_) | YamlKind::Scalar(_) | YamlKind::Map(_) => None,
        };
        match found {
            Some(names) if !names.is_empty() => names,
            _ => {
                let form = if with_commas { "names separated by commas" } else { "a list of names" };
                self.problems.push(error(format!("expected {form} for `{name}`"), &key, self.source));
                Vec::new()
            }
        }
    }

    /// Behavior of all objects, or of those that a mapping names.
    fn behavior(
        &mut self,
        is_text: bool,
    ) -> (Option<Located<OverlapBehavior>>, BTreeMap<String, Located<OverlapBehavior>>) {
        let Some((key, node)) = self.take("behavior") else { return (None, BTreeMap::new()) };
        match &node.kind {
            YamlKind::Map(map) if !is_text => {
                let mut found = BTreeMap::new();
                for (name, node) in map {
                    let Some(mut behavior) = self.word_of(name, node, &BEHAVIORS) else { continue };
                    behavior.place = self.source.place(name.span);
                    found.insert(name.text.clone(), behavior);
                }
                (None, found)
            }
            YamlKind::Map(_) | YamlKind::Scalar(_) | YamlKind::List(_) => {
                (self.word_of(&key, &node, &BEHAVIORS), BTreeMap::new())
            }
        }
    }

    fn require_environment(&mut self, found: &FunctionConfig, field: &str, place: crate::span::Span) {
        if found.environment.value.is_empty() && !self.problems.has_errors() {
            let problem =
                Diagnostic::error(Rule::FunctionInput, format!("the functionConfig has no `{field}.environment`"));
            self.problems
                .push(problem.at(self.source.place(place)).hint(format!("add it: `{field}: {{ environment: prod }}`")));
        }
    }

    /// Reports fields that have no effect with the mode.
    fn refuse_combinations(&mut self, found: &FunctionConfig) {
        let mut refuse = |place: &Location, name: &str, mode: &str| {
            let message = format!("`{name}` has no effect without `mode: {mode}`");
            self.problems.push(Diagnostic::error(Rule::FunctionInput, message).at(place.clone()).hint("remove it"));
        };
        if found.mode != FunctionMode::Generate {
            let behaviors = found.behavior.iter().chain(found.behaviors.values()).map(|behavior| &behavior.place);
            behaviors.take(1).for_each(|place| refuse(place, "behavior", "generate"));
            found.needs_hash.iter().for_each(|place| refuse(place, "needsHash", "generate"));
        }
        if found.mode != FunctionMode::Check && !found.returns_items {
            refuse(&found.environment.place, "returnItems: false", "check");
        }
    }
}

fn error(message: String, key: &YamlKey, source: &Source) -> Diagnostic {
    Diagnostic::error(Rule::FunctionInput, message).at(source.place(key.span))
}

pub(super) fn unknown_field(key: &YamlKey, known: &[&str], of: &str, source: &Source) -> Diagnostic {
    // `{x1}` is more likely a text without quotes than a field
    if !source
        .text()
        .get(key.span.end..)
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    {
        let message = format!("expected fields of {of} with their values, found a string");
        return Diagnostic::error(Rule::FunctionInput, message).at_masked(source.place(key.span));
    }
    let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    error(format!("unknown field `{}` in {of}", key.text), key, source)
        .note(format!("the fields are {}", names.join(", ")))
        .maybe_hint(did_you_mean(&key.text, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read::read_document;

    fn read(text: &str) -> Result<FunctionConfig, Vec<String>> {
        let source = Source::new("standard input", text);
        FunctionConfig::read(Some(&read_document(&source).unwrap()), &source)
            .map_err(|found| found.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn both_kinds_say_the_same() {
        let spec = read("apiVersion: septum.dev/v1\nkind: Septum\nmetadata: {name: x}\nspec: {environment: prod, apps: [a, b], root: .., mode: generate, needsHash: true, behavior: merge}\n").unwrap();
        let data = read("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {environment: prod, apps: 'a, b', root: .., mode: generate, needsHash: 'true', behavior: merge}\n").unwrap();
        for config in [spec, data] {
            assert_eq!(config.environment.value, "prod");
            assert_eq!(config.apps.iter().map(|app| app.value.as_str()).collect::<Vec<_>>(), ["a", "b"]);
            assert_eq!(config.root.unwrap().value, PathBuf::from(".."));
            assert!(config.needs_hash.is_some() && config.behavior.unwrap().value == OverlapBehavior::Merge);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (config, expected) in [
            ("spec: {enviroment: prod}", "unknown field `enviroment` in `spec` of the functionConfig"),
            ("spec: {}", "the functionConfig has no `spec.environment`"),
            ("sepc: {environment: prod}", "unknown field `sepc` in the functionConfig"),
            ("spec: {environment: [prod]}", "expected a string for `environment`, found a list"),
            ("spec: {environment: prod, mode: wrie}", "expected `generate` or `wire` or `check` for `mode`"),
            ("spec: {environment: prod, apps: a}", "expected a list of names for `apps`"),
            ("spec: {environment: prod, needsHash: yes}", "expected `true` or `false` for `needsHash`"),
            (
                "spec: {environment: prod, mode: wire, needsHash: true}",
                "`needsHash` has no effect without `mode: generate`",
            ),
            (
                "spec: {environment: prod, behavior: {ConfigMap/a: mrege}}",
                "expected `create` or `merge` or `replace` for `ConfigMap/a`",
            ),
            ("spec: 1", "expected a mapping for `spec`, found a scalar"),
        ] {
            let text = format!("apiVersion: septum.dev/v1\nkind: Septum\n{config}\n");
            assert_eq!(read(&text).unwrap_err()[0], expected, "{config}");
        }
        assert!(read("apiVersion: v1\nkind: Pod\n").is_err());
    }
}
