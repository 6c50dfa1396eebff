//! What might have been meant by a name that templates do not know.

use super::failure::unspecific_undefined;
use super::scope::ROOT;
use super::session::Session;
use crate::diagnostic::did_you_mean;
use crate::layer::{Entry, Tree, TreeKind};
use crate::name::{BundleName, EntryId, KeyName};

/// Filters, functions and tests that people use most, for suggestions.
const KNOWN: [&str; 46] = [
    "abs",
    "b64decode",
    "b64encode",
    "batch",
    "bool",
    "capitalize",
    "declassify",
    "default",
    "defined",
    "dict",
    "dictsort",
    "first",
    "float",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "namespace",
    "quote",
    "range",
    "reject",
    "replace",
    "required",
    "reverse",
    "round",
    "select",
    "sha256",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "toyaml",
    "trim",
    "urlencode",
];

/// What other template languages have, and a reproducible one cannot.
const IMPURE: [&str; 11] =
    ["now", "random", "shuffle", "lookup", "env", "uuid", "uuidv4", "randAlphaNum", "genCA", "getenv", "timestamp"];

/// The message for a filter, function or test that does not exist, with what might have been meant.
/// Its name is shown only if it stands in the template.
pub(super) fn unknown(what: &str, name: &str, is_literal: bool) -> (String, Option<String>) {
    if name == "declassify" {
        let hint = "write `declassify(value, \"why it may be public\")`".to_owned();
        return (format!("`declassify` is a function, not a {what}"), Some(hint));
    }
    if !is_literal {
        return (format!("the template uses a {what} that there is not"), None);
    }
    let hint = if IMPURE.contains(&name) {
        Some(
            "templates have no clock, randomness, environment or network, so that the same input gives the same output"
                .to_owned(),
        )
    } else {
        did_you_mean(name, KNOWN)
    };
    (format!("there is no {what} `{name}`"), hint)
}

/// The message for an undefined expression, with what might have been meant.
pub(super) fn undefined(session: &Session, text: Option<&str>) -> (String, Option<String>) {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return (unspecific_undefined(), None);
    };
    let expression = text.split(['|', '(', '~', ' ']).next().unwrap_or(text);
    let definition = &session.definition;
    let steps: Vec<&str> = expression.split('.').collect();
    let defined = |bundle: &BundleName, key: &str| {
        definition.bundles.get(bundle).is_some_and(|bundle| bundle.entries.contains_key(&KeyName::from(key)))
    };
    let own = definition.own_bundle();
    match steps[..] {
        ["data", key] if defined(&own, key) => no_value(session, &EntryId { bundle: own, key: key.into() }, expression),
        ["bundles", bundle, key] if defined(&bundle.into(), key) => {
            no_value(session, &EntryId { bundle: bundle.into(), key: key.into() }, expression)
        }
        ["data", key, ..] if defined(&own, key) => not_a_mapping(&format!("data.{key}"), expression),
        ["bundles", bundle, key, ..] if defined(&bundle.into(), key) => {
            not_a_mapping(&format!("bundles.{bundle}.{key}"), expression)
        }
        ["bundles", bundle, ..] => {
            let known = definition.bundles.keys().map(BundleName::as_str);
            (format!("there is no bundle `{bundle}`"), did_you_mean(bundle, known))
        }
        ["vars", ..] => undefined_variable(definition.vars.as_ref(), expression, &steps),
        ["env", "namespace"] => {
            let message = format!("`env.namespace` is not set in `{}`", definition.environment);
            (message, Some("set `namespace` in a layer".to_owned()))
        }
        ["env", name, ..] => (format!("`{expression}` is not defined"), did_you_mean(name, ["name", "namespace"])),
        ["app", ..] => (format!("`{expression}` is not defined"), Some("there is `app.name`".to_owned())),
        [root, ..] => {
            let hint = did_you_mean(root, ROOT)
                .or_else(|| definition.vars.as_ref().and_then(|vars| at_top(vars, root)))
                .unwrap_or_else(|| "templates see `env`, `app`, `vars`, `data` and `bundles`".to_owned());
            (format!("`{expression}` is not defined"), Some(hint))
        }
        [] => (unspecific_undefined(), None),
    }
}

fn at_top(vars: &Tree, name: &str) -> Option<String> {
    match &vars.kind {
        TreeKind::Map(map) if map.contains_key(name) => Some(format!("did you mean `vars.{name}`?")),
        _ => None,
    }
}

fn no_value(session: &Session, id: &EntryId, expression: &str) -> (String, Option<String>) {
    let environment = &session.definition.environment;
    let is_sensitive = |entry: &Entry| entry.rules.sensitive.as_ref().is_some_and(|rule| rule.value);
    let half = if session.definition.entry(id).is_some_and(is_sensitive) { ".secrets" } else { "" };
    let hint = format!("set it in `{environment}{half}.yaml`, or use `{expression} | default(\"…\")`");
    (format!("`{expression}` has no value in `{environment}`"), Some(hint))
}

fn not_a_mapping(entry: &str, expression: &str) -> (String, Option<String>) {
    let message = format!("`{expression}` is not defined: `{entry}` is a text, which has no parts");
    (message, Some("keep structures in `vars`".to_owned()))
}

fn undefined_variable(vars: Option<&Tree>, expression: &str, steps: &[&str]) -> (String, Option<String>) {
    let message = format!("`{expression}` is not defined");
    let Some(mut tree) = vars else {
        return (message, Some("there are no `vars`; define them in `base.yaml`".to_owned()));
    };
    for step in steps.iter().skip(1) {
        let TreeKind::Map(map) = &tree.kind else { break };
        match map.get(*step) {
            Some(next) => tree = next,
            None => return (message, did_you_mean(step, map.keys().map(String::as_str))),
        }
    }
    (message, None)
}
