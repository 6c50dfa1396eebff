//! Checks of an edited layer against the base.

use std::path::Path;

use crate::at_rest::Slot;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Pipeline;
use crate::project::App;
use crate::span::Source;
use crate::yaml::node::Node;
use crate::yaml::read::read;

/// The app and the environment that a file is a layer of: its `ENV.yaml`, or its `ENV.secrets.yaml`.
pub fn layer_of<'p>(apps: impl Iterator<Item = &'p App>, path: &Path) -> Option<(&'p App, EnvironmentName)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".yaml")?;
    let name = name.strip_suffix(".secrets").unwrap_or(name);
    let mut apps = apps.filter(|app| path.parent().is_some_and(|folder| folder == app.folder));
    let app = apps.next()?;
    let environment = app.environments.iter().find(|environment| environment.as_str() == name)?;
    Some((app, environment.clone()))
}

/// Checks the values that somebody changed in a layer, as `septum set` does: keys that the base does not define, and
/// values that it does not take. What is no YAML is found when it is encrypted.
pub fn check_layer(
    pipeline: &Pipeline<'_>,
    app: &App,
    environment: &EnvironmentName,
    before: &[u8],
    after: &[u8],
) -> Result<(), Diagnostics> {
    let Some(after) = entries(after) else { return Ok(()) };
    let before = entries(before).unwrap_or_default();
    let changed: Vec<_> = after.into_iter().filter(|entry| !before.contains(entry)).collect();
    let mut problems = Diagnostics::new();
    let survey = pipeline.survey(app, &[], &mut problems);
    // what is wrong elsewhere is no matter of this text, and may be what it corrects
    let Some(survey) = survey.filter(|_| !problems.has_errors()) else { return Ok(()) };
    let Some(resolved) = survey.environment(environment) else { return Ok(()) };
    let definition = &resolved.definition;
    let mut found = Diagnostics::new();
    for LayerEntry { bundle, key, text } in changed {
        let bundle = bundle.map_or_else(|| definition.own_bundle(), |name| name.as_str().into());
        let is_open = definition.bundles.get(&bundle).is_some_and(|bundle| bundle.open);
        let id = EntryId { bundle, key: key.as_str().into() };
        if !is_open && !resolved.entries.contains_key(&id) {
            let known = resolved.entries.keys().map(|id| id.key.as_str());
            found.push(
                Diagnostic::error("unknown-key", format!("`{key}` is not defined in the base of `{}`", survey.app))
                    .maybe_hint(did_you_mean(&key, known))
                    .hint("define it in `base.yaml` first, with its rules; `septum list` shows all keys"),
            );
            continue;
        }
        if let Some(text) = text {
            let slot = Slot::of(pipeline, app, &survey, environment, &id);
            found.extend(slot.check(text.as_bytes(), true).err().into_iter().flatten());
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// An entry as a layer has it.
#[derive(PartialEq, Eq)]
struct LayerEntry {
    bundle: Option<String>,
    key: String,
    /// Its value, if that is a text.
    text: Option<zeroize::Zeroizing<String>>,
}

/// The entries of a layer in plaintext.
fn entries(text: &[u8]) -> Option<Vec<LayerEntry>> {
    let root = read(&Source::new("", std::str::from_utf8(text).ok()?)).ok()?;
    let fields = root.as_map()?;
    let mut found = Vec::new();
    collect(fields.get("data"), None, &mut found);
    for (name, bundle) in fields.get("bundles").and_then(Node::as_map).into_iter().flatten() {
        collect(bundle.as_map().and_then(|bundle| bundle.get("data")), Some(&name.text), &mut found);
    }
    Some(found)
}

fn collect(data: Option<&Node>, bundle: Option<&str>, found: &mut Vec<LayerEntry>) {
    for (key, value) in data.and_then(Node::as_map).into_iter().flatten() {
        let value = value.as_map().map_or(Some(value), |long| long.get("value"));
        let scalar = value.and_then(Node::as_scalar).filter(|scalar| !scalar.blank && !scalar.is_null());
        let text = scalar.map(|scalar| zeroize::Zeroizing::new(scalar.text().to_owned()));
        found.push(LayerEntry { bundle: bundle.map(str::to_owned), key: key.text.clone(), text });
    }
}
