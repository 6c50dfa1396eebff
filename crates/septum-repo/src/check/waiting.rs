//! Values that `septum promote --stage` left for somebody with a key of the environment.

use super::finding::Finding;
use super::unencrypted;
use crate::diagnostic::{Diagnostic, Rule};
use crate::files::{FileKind, InputQuery};
use crate::map::HashSet;
use crate::pipeline::Pipeline;
use crate::project::App;
use crate::resolve::ResolvedTarget;
use crate::span::{Source, Span};
use crate::yaml::node::{Mapping, YamlNode};

/// Findings about the incoming file of an environment: that it waits, and what is wrong with it as an encrypted file.
pub(super) fn check_incoming(pipeline: &Pipeline<'_>, app: &App, resolved: &ResolvedTarget) -> Vec<Finding> {
    let files = &pipeline.library.project.files;
    let environment = &resolved.definition.environment;
    let path = app.incoming_file(environment);
    resolved.files.record_query(InputQuery::File(path.clone()));
    if !files.bounds().has(&path) {
        return Vec::new();
    }
    let (name, secrets) = (files.name(&path), files.name(&app.secrets_file(environment)));
    let message = format!("`{name}` waits to be merged into `{secrets}`");
    let mut warning = Diagnostic::warning(Rule::WaitingPromotion, message)
        .at_masked(Source::new(name.as_str(), "").place(Span::locate("", 0, 0)));
    let read = files.read_text(FileKind::Layer, &path).ok();
    let root = read.and_then(|source| crate::yaml::read::read_document(&source).ok());
    if let Some(note) = root.as_ref().and_then(describe_content) {
        warning = warning.note(note);
    }
    let warning = warning
        .hint(format!("run `septum promote {environment} --staged` with a key that decrypts it"))
        .hint("to decline the values, remove the file");
    let known = HashSet::default();
    let others = unencrypted::of_files(files.bounds(), pipeline.library.rules(), &[(path, name)], &known);
    let app = Some(resolved.definition.app.as_str());
    std::iter::once(Finding::new_finding(warning, app, None, None)).chain(others).collect()
}

/// Names of the keys that wait, which are readable without a key, and of the environment that they come from.
fn describe_content(root: &YamlNode) -> Option<String> {
    let fields = root.as_map()?;
    let map = |name: &str| fields.get(name).and_then(YamlNode::as_map);
    let names = |map: &Mapping, prefix: &str| -> Vec<String> {
        map.keys().map(|key| format!("`{prefix}{}`", key.text)).collect()
    };
    let mut keys = map("data").map(|data| names(data, "")).unwrap_or_default();
    for (bundle, node) in map("bundles").into_iter().flatten() {
        let data = node.as_map().and_then(|fields| fields.get("data")?.as_map());
        keys.extend(data.into_iter().flat_map(|data| names(data, &format!("{}/", bundle.text))));
    }
    let keys = if keys.is_empty() { "no keys".to_owned() } else { keys.join(", ") };
    let from = map("promotion").and_then(|promotion| promotion.keys().next());
    let from = from.map(|from| format!(" of `{}`", from.text)).unwrap_or_default();
    Some(format!("the values{from} are those of {keys}"))
}
