//! Suggestions for names that templates do not know.

use super::frame;
use super::lookup::{ROOT, VariableStepRef, find_variable};
use super::usage;
use crate::diagnostic::did_you_mean;
use crate::layer::{Definition, Entry, Tree, TreeKind};
use crate::name::{BundleName, EntryId, KeyName};
use crate::span::Location;

/// Functions of other template languages that a reproducible one cannot offer.
const IMPURE: [&str; 11] =
    ["now", "random", "shuffle", "lookup", "env", "uuid", "uuidv4", "randAlphaNum", "genCA", "getenv", "timestamp"];

/// Message for an unknown filter, function or test, with a suggestion. Its name is shown only if it occurs in the
/// template.
pub(super) fn unknown_function(what: &str, name: &str, is_literal: bool) -> (String, Option<String>) {
    if name == "declassify" {
        let hint = "write `declassify(value, \"why it may be public\")`".to_owned();
        return (format!("`declassify` is a function, not a {what}"), Some(hint));
    }
    if !is_literal {
        return (format!("the template uses an unknown {what}"), None);
    }
    let hint = if IMPURE.contains(&name) {
        Some(
            "templates cannot use time, randomness, the environment or the network, so that output is reproducible"
                .to_owned(),
        )
    } else {
        usage::nearest_function(name).map(|here| format!("did you mean `{here}`?"))
    };
    (format!("unknown {what} `{name}`"), hint)
}

/// The message for an undefined expression of which nothing is shown.
pub(super) fn unspecific_undefined() -> String {
    "the template uses an undefined value".to_owned()
}

/// Words of expressions and statements, which are not names.
const KEYWORDS: [&str; 10] = ["if", "elif", "else", "for", "in", "is", "not", "and", "or", "set"];

/// Message for an undefined expression, with a suggestion.
pub(super) fn undefined_expression(definition: &Definition, text: Option<&str>) -> (String, Option<String>) {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return (unspecific_undefined(), None);
    };
    let expression = text.split(['|', '(', '~', ' ']).next().unwrap_or(text);
    // the engine may return the whole expression, of which this is not a name
    if KEYWORDS.contains(&expression) {
        return (unspecific_undefined(), Some("quote strings in a template: `env.name == \"prod\"`".to_owned()));
    }
    if expression.starts_with('{') {
        return (unspecific_undefined(), None);
    }
    let steps: Vec<&str> = expression.split('.').collect();
    let defined = |bundle: &BundleName, key: &str| {
        definition.bundles.get(bundle).is_some_and(|bundle| bundle.entries.contains_key(&KeyName::from(key)))
    };
    let own = data_bundle(definition);
    match steps[..] {
        ["data", key] if defined(&own, key) => {
            no_value(definition, &EntryId { bundle: own, key: key.into() }, expression)
        }
        ["bundles", bundle, key] if defined(&bundle.into(), key) => {
            no_value(definition, &EntryId { bundle: bundle.into(), key: key.into() }, expression)
        }
        ["data", key, ..] if defined(&own, key) => not_a_mapping(&format!("data.{key}"), expression),
        ["bundles", bundle, key, ..] if defined(&bundle.into(), key) => {
            not_a_mapping(&format!("bundles.{bundle}.{key}"), expression)
        }
        ["bundles", bundle, ..] if !definition.bundles.contains_key(&BundleName::from(bundle)) => {
            let known = definition.bundles.keys().map(BundleName::as_str);
            (format!("unknown bundle `{bundle}`"), did_you_mean(bundle, known))
        }
        ["vars", ..] => undefined_variable(definition.vars.as_ref(), expression, &steps),
        ["env", "namespace"] => {
            let message = format!("`env.namespace` is not set in `{}`", definition.environment);
            (message, Some("set `namespace` in a layer".to_owned()))
        }
        ["data", key] => undefined_key(definition, &own, key),
        ["bundles", bundle, key] if definition.bundles.contains_key(&BundleName::from(bundle)) => {
            undefined_key(definition, &bundle.into(), key)
        }
        ["env", name, ..] => {
            let hint = did_you_mean(name, ["name", "namespace"]).unwrap_or_else(|| {
                "`env` is the environment being rendered: `env.name` and `env.namespace`. Environment variables of the machine are not available, so that output is reproducible".to_owned()
            });
            (format!("`{expression}` is not defined"), Some(hint))
        }
        ["app", ..] => (format!("`{expression}` is not defined"), Some("the only field is `app.name`".to_owned())),
        [root, ..] => {
            let hint = OTHER_ROOTS
                .iter()
                .find(|(other, _)| *other == root)
                .map(|(_, hint)| (*hint).to_owned())
                .or_else(|| as_key(definition, root))
                .or_else(|| definition.vars.as_ref().and_then(|vars| at_top(vars, root)))
                .or_else(|| {
                    let bundle = definition.bundles.contains_key(&BundleName::from(root));
                    bundle.then(|| format!("for keys of the bundle `{root}`, write `bundles.{root}.KEY`"))
                })
                .or_else(|| did_you_mean(root, ROOT))
                .or_else(|| own_field(root, steps.len()))
                .unwrap_or_else(|| "templates can use `env`, `app`, `vars`, `data` and `bundles`".to_owned());
            (format!("`{expression}` is not defined"), Some(hint))
        }
        [] => (unspecific_undefined(), None),
    }
}

/// Hint for a field of a name that only the template itself can define, such as the variable of a loop.
fn own_field(root: &str, steps: usize) -> Option<String> {
    (steps > 1).then(|| {
        format!(
            "if the template defines `{root}`, its value has no such field; else use `env`, `app`, `vars`, `data` or `bundles`"
        )
    })
}

/// Root names in other tools, and their equivalents in Septum.
const OTHER_ROOTS: [(&str, &str); 16] = [
    ("Values", "instead of `.Values` of Helm, use `vars`"),
    ("values", "for variables, write `vars.x`; for keys of the bundle, `data.KEY`"),
    ("environment", "the name of the environment is `env.name`"),
    ("env_name", "the name of the environment is `env.name`"),
    ("stage", "the name of the environment is `env.name`"),
    ("namespace", "the namespace is `env.namespace`"),
    ("secrets", "for secret keys, write `data.KEY` too"),
    ("config", "for keys of the bundle, write `data.KEY`"),
    ("secret", "for secret keys, write `data.KEY` too"),
    ("ENV", "`env` is the environment being rendered: `env.name` and `env.namespace`"),
    ("var", "for variables, write `vars.x`"),
    ("local", "for variables, write `vars.x`"),
    ("locals", "for variables, write `vars.x`"),
    ("params", "for variables, write `vars.x`"),
    ("null", "for null, write `none`, or `\"\"` for the empty string"),
    ("nil", "for null, write `none`, or `\"\"` for the empty string"),
];

/// Suggests the key if only its name is written.
fn as_key(definition: &Definition, name: &str) -> Option<String> {
    let own = definition.own_bundle();
    let has = |bundle: &BundleName| {
        definition.bundles.get(bundle).is_some_and(|bundle| bundle.entries.contains_key(&KeyName::from(name)))
    };
    if has(&own) {
        return Some(format!("did you mean `data.{name}`?"));
    }
    let bundle = definition.bundles.keys().find(|bundle| has(bundle))?;
    Some(format!("did you mean `{}`?", key_expression(bundle, name)))
}

/// Expression for a key of a bundle in a template.
fn key_expression(bundle: &BundleName, key: &str) -> String {
    subscript_path(&format!("bundles.{bundle}.{key}"), "bundles", &[bundle.as_str(), key])
}

/// Path in dot notation, or with brackets if the engine does not accept a step as a name.
fn subscript_path(plain: &str, root: &str, steps: &[&str]) -> String {
    let is_name = |step: &str| {
        step.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
            && !step.starts_with(|char: char| char.is_ascii_digit())
    };
    if steps.iter().all(|step| is_name(step)) {
        return plain.to_owned();
    }
    steps.iter().fold(root.to_owned(), |path, step| {
        if is_name(step) { format!("{path}.{step}") } else { format!("{path}[\"{step}\"]") }
    })
}

/// Correct spelling of the path with dashes around an offset; the engine reads the dashes as subtractions.
pub(super) fn dashed_spelling(template: &str, at: usize) -> Option<(String, String)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let bytes = template.as_bytes();
    let start = at - bytes.get(..at)?.iter().rev().take_while(|byte| is_part(byte)).count();
    let end = at + bytes.get(at..)?.iter().take_while(|byte| is_part(byte)).count();
    let path = template.get(start..end)?.trim_start_matches('-');
    let (root, rest) = path.split_once('.')?;
    let steps: Vec<&str> = rest.split('.').collect();
    let is_step = |step: &&str| !step.is_empty() && !step.starts_with('-') && !step.ends_with('-');
    if !ROOT.contains(&root) || !path.contains('-') || !steps.iter().all(is_step) {
        return None;
    }
    Some((path.to_owned(), subscript_path(path, root, &steps)))
}

/// Message for a key that a bundle does not have, with the bundle that has it, or the nearest name.
pub(super) fn undefined_key(definition: &Definition, bundle: &BundleName, key: &str) -> (String, Option<String>) {
    let id = EntryId { bundle: bundle.clone(), key: key.into() };
    let has =
        |other: &BundleName| definition.bundles.get(other).is_some_and(|bundle| bundle.entries.contains_key(&id.key));
    let elsewhere = definition.bundles.keys().find(|other| has(other));
    // `data` is the bundle of the entry that is rendered
    let is_elsewhere = frame::current_frame().is_some_and(|frame| frame.bundle != definition.own_bundle());
    let renamed = definition.bundles.get(bundle).and_then(|bundle| bundle.renamed_key(key));
    let hint = match elsewhere {
        _ if let Some(new) = renamed => {
            let label = definition.label(&EntryId { bundle: bundle.clone(), key: new.clone() });
            Some(format!("it was renamed: write `{label}`"))
        }
        Some(other) if *other == definition.own_bundle() && !is_elsewhere => {
            Some(format!("it is a key of the app's own bundle: write `data.{key}`"))
        }
        Some(other) => Some(format!("it is a key of the bundle `{other}`: write `{}`", key_expression(other, key))),
        None => {
            let known = definition.bundles.get(bundle).map(|bundle| bundle.entries.keys().map(KeyName::as_str));
            known.and_then(|known| did_you_mean(key, known))
        }
    };
    (format!("`{}` is not defined", definition.label(&id)), hint)
}

/// Whether nothing defines the path of a template or gives it a value, as far as layers show.
pub(super) fn is_missing(definition: &Definition, path: &str) -> bool {
    let steps: Vec<&str> = path.split('.').collect();
    let entry =
        |bundle: &BundleName, key: &str| definition.bundles.get(bundle).and_then(|bundle| bundle.entries.get(key));
    // of an invalid one, the value is not known
    let has_none = |entry: &Entry| entry.source.is_none() && !entry.broken;
    let lacks = |bundle: &BundleName, key: &str| entry(bundle, key).is_none_or(has_none);
    match steps.as_slice() {
        ["data", key] => lacks(&data_bundle(definition), key),
        ["bundles", bundle, key] => lacks(&BundleName::from(*bundle), key),
        ["vars", rest @ ..] if !rest.is_empty() => {
            let steps: Vec<_> = rest.iter().map(|key| VariableStepRef::Key(key)).collect();
            find_variable(definition, &steps).is_none()
        }
        ["env", "namespace"] => definition.namespace.is_none(),
        ["env" | "app", name] => *name != "name",
        _ => false,
    }
}

/// Whether the first name of a path is none that templates have, and a misspelt one or that of a key without `data.`.
pub(super) fn is_slip(definition: &Definition, path: &str) -> bool {
    let root = path.split('.').next().unwrap_or_default();
    let is_near = || {
        as_key(definition, root).is_some()
            || definition.vars.as_ref().is_some_and(|vars| at_top(vars, root).is_some())
            || did_you_mean(root, ROOT).is_some()
    };
    !ROOT.contains(&root) && usage::usage_of(root).is_none() && is_near()
}

/// The bundle that `data` is in the template being rendered.
fn data_bundle(definition: &Definition) -> BundleName {
    frame::current_frame().map_or_else(|| definition.own_bundle(), |frame| frame.bundle.clone())
}

/// Location of the entry that has no value where it is used, if every environment must provide one.
pub(super) fn required_place(definition: &Definition, text: &str) -> Option<Location> {
    let expression = text.trim().split(['|', '(', '~', ' ']).next().unwrap_or_default();
    let steps: Vec<&str> = expression.split('.').collect();
    let id = match steps[..] {
        ["data", key] => EntryId { bundle: data_bundle(definition), key: key.into() },
        ["bundles", bundle, key] => EntryId { bundle: bundle.into(), key: key.into() },
        _ => return None,
    };
    let entry = definition.entry(&id)?;
    entry.rules.required.as_ref().filter(|required| required.value)?;
    Some(entry.defined.clone())
}

fn at_top(vars: &Tree, name: &str) -> Option<String> {
    match &vars.kind {
        TreeKind::Map(map) if map.contains_key(name) => Some(format!("did you mean `vars.{name}`?")),
        _ => None,
    }
}

fn no_value(definition: &Definition, id: &EntryId, expression: &str) -> (String, Option<String>) {
    let environment = &definition.environment;
    let is_sensitive = |entry: &Entry| entry.rules.sensitive.as_ref().is_some_and(|rule| rule.value);
    let half = if definition.entry(id).is_some_and(is_sensitive) { ".secrets" } else { "" };
    let hint = format!("set it in `{environment}{half}.yaml`, or use `{expression} | default(\"…\")`");
    (format!("`{expression}` has no value in `{environment}`"), Some(hint))
}

fn not_a_mapping(entry: &str, expression: &str) -> (String, Option<String>) {
    let message = format!("`{expression}` is not defined: `{entry}` is a string and has no fields");
    (message, Some("define structures in `vars`".to_owned()))
}

fn undefined_variable(vars: Option<&Tree>, expression: &str, steps: &[&str]) -> (String, Option<String>) {
    let message = format!("`{expression}` is not defined");
    let Some(mut tree) = vars else {
        return (message, Some("no `vars` are defined; define them in `base.yaml`".to_owned()));
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
