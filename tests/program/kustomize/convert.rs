//! A project that says what kustomizations say.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::kustomize::kustomization::{Entry, Generator, Layer};
use crate::support::sandbox::Sandbox;

/// An app: its base, its environment `dev` and the files beside them.
#[derive(Default)]
struct App {
    base: Bundles,
    dev: Bundles,
    files: Vec<(String, Vec<u8>)>,
    manifests: Vec<Json>,
}

/// Bundles of a layer, with their fields; entries lie below `data`.
type Bundles = BTreeMap<String, Map<String, Json>>;

/// A project whose environment `dev` gives what the last of the kustomizations gives.
pub(crate) fn project(layers: &[Layer]) -> Sandbox {
    let mut app = App::default();
    for (index, layer) in layers.iter().enumerate() {
        for (path, bytes) in &layer.manifests {
            let path = format!("manifests/{index}-{path}");
            app.manifests.push(json!({ "path": path, "template": false }));
            app.files.push((path, bytes.clone()));
        }
        for (number, generator) in layer.generators.iter().enumerate() {
            app.add(generator, index > 0, &format!("files/{index}-{number}"));
        }
    }
    // one generator without a suffix is enough, and those above it follow
    let plain = layers.iter().flat_map(|layer| &layer.generators).any(|generator| generator.plain);
    let names = if plain { "plain" } else { "kustomize" };
    let base = json!({ "app": "kustomized", "names": names, "bundles": app.base, "manifests": app.manifests });
    let dev = json!({ "bundles": app.dev });
    let project = Sandbox::of(&base.to_string(), &dev.to_string());
    app.files.into_iter().fold(project, |project, (path, bytes)| project.file(&path, bytes))
}

impl App {
    fn add(&mut self, generator: &Generator, is_overlay: bool, directory: &str) {
        let rules = if generator.is_secret {
            json!({ "sensitive": true })
        } else {
            json!({ "sensitive": false, "reason": "kustomize makes a ConfigMap of it" })
        };
        let layer = if is_overlay { &mut self.dev } else { &mut self.base };
        let fields = layer.entry(generator.name.clone()).or_default();
        fields.insert("labels".to_owned(), json!(generator.labels));
        fields.insert("annotations".to_owned(), json!(generator.annotations));
        if let Some(secret_type) = &generator.secret_type {
            fields.insert("type".to_owned(), json!(secret_type));
        }
        let defined = data(&mut self.base, &generator.name);
        if generator.replaces {
            data(&mut self.dev, &generator.name).extend(defined.keys().map(|key| (key.clone(), Json::Null)));
        }
        for (number, (key, entry)) in generator.entries.iter().enumerate() {
            let source = match entry {
                Entry::Text(value) => json!({ "value": value, "template": false }),
                Entry::File(bytes) => {
                    let path = format!("{directory}-{number}");
                    self.files.push((path.clone(), bytes.clone()));
                    json!({ "file": path })
                }
            };
            if is_overlay {
                // what an environment sets, the base defines
                defined.entry(key).or_insert_with(|| rules.clone());
                data(&mut self.dev, &generator.name).insert(key.clone(), source);
            } else {
                defined.insert(key.clone(), merged(source, &rules));
            }
        }
    }
}

/// The entries of a bundle.
fn data<'b>(bundles: &'b mut Bundles, name: &str) -> &'b mut Map<String, Json> {
    let fields = bundles.entry(name.to_owned()).or_default();
    fields.entry("data").or_insert_with(|| json!({})).as_object_mut().unwrap()
}

/// Two mappings as one.
fn merged(mut one: Json, other: &Json) -> Json {
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}
