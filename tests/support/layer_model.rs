//! Random stacks of layers, and a model of what they give, written from docs/layers.md: order, merging, removal, lists,
//! labels, namespaces, shared layers and mixins.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value as Json, json};

const KEYS: [&str; 5] = ["K0", "K1", "K2", "K3", "K4"];
const LABELS: [&str; 2] = ["team", "tier"];
/// Mixins; each may extend those behind it.
pub(crate) const MIXINS: [&str; 3] = ["m/a", "m/b", "n/c"];
pub(crate) const ENVIRONMENTS: [&str; 2] = ["dev", "prod"];

/// Random numbers that are the same on every machine (xorshift64), behind those that are chosen.
pub(crate) struct Random {
    state: u64,
    chosen: VecDeque<u8>,
}

impl Random {
    /// The numbers of a seed, which is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, chosen: VecDeque::new() }
    }

    /// Numbers that are chosen by a byte each, then those of a seed.
    pub(crate) fn of_choices(bytes: &[u8]) -> Self {
        Self { state: 0x9E37_79B9_7F4A_7C15, chosen: bytes.iter().copied().collect() }
    }

    fn below(&mut self, bound: usize) -> usize {
        if let Some(byte) = self.chosen.pop_front() {
            return usize::from(byte) % bound;
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % bound as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn word(&mut self) -> String {
        ["info", "1.10", "0644", "yes", "null", "a b", "", "~", "2024-01-01", "1e6"][self.below(10)].to_owned()
    }
}

/// A layer: its fields as JSON, which is YAML too.
pub(crate) type Layer = Map<String, Json>;

/// The files of a project by their layers: those of `shared`, then those of each app.
pub(crate) type Directory = BTreeMap<String, Layer>;

fn content(random: &mut Random, is_base: bool) -> Json {
    let mut map = Map::new();
    for key in ["x", "y"] {
        match random.below(6) {
            0 if !is_base => drop(map.insert(key.into(), Json::Null)),
            1 => drop(map.insert(key.into(), json!(random.below(100)))),
            2 => drop(map.insert(key.into(), json!({ "z": random.word(), "w": [random.below(9)] }))),
            3 => drop(map.insert(key.into(), json!(random.word()))),
            _ => {}
        }
    }
    let items = json!([random.below(100), random.word()]);
    let name = if is_base { "l" } else { ["l", "l+", "+l", ""][random.below(4)] };
    if !name.is_empty() {
        map.insert(name.into(), items);
    }
    Json::Object(map)
}

fn layer(random: &mut Random, is_base: bool) -> Layer {
    let mut data = Map::new();
    for key in KEYS {
        let value = match random.below(if is_base { 4 } else { 8 }) {
            0 => json!({ "value": random.word() }),
            1 | 2 => json!(random.word()),
            3 if !is_base => Json::Null,
            3 => json!({ "description": "a key" }),
            4 => json!({ "value": null }),
            5 => json!({ "description": "another value" }),
            _ => continue,
        };
        data.insert(key.into(), value);
    }
    if is_base || random.chance(50) {
        data.insert("c.json".into(), json!({ "content": content(random, is_base) }));
    }
    let mut layer = Layer::new();
    if is_base {
        data.insert("T".into(), json!("{{ vars.v.a }}/{{ vars.w }}/{{ data.K0 | default('none') }}"));
        layer.insert("vars".into(), json!({ "v": { "a": random.word(), "b": 1 }, "w": random.word() }));
    } else if random.chance(40) {
        let vars =
            if random.chance(50) { json!({ "v": { "a": random.word() } }) } else { json!({ "w": random.word() }) };
        layer.insert("vars".into(), vars);
    }
    layer.insert("data".into(), Json::Object(data));
    for label in LABELS {
        if random.chance(30) {
            let value = if random.chance(30) { Json::Null } else { json!(format!("l{}", random.below(9))) };
            let labels = layer.entry("labels").or_insert_with(|| json!({}));
            labels.as_object_mut().unwrap().insert(label.into(), value);
        }
    }
    if random.chance(30) {
        let value = if random.chance(20) { Json::Null } else { json!(format!("n{}", random.below(9))) };
        layer.insert("namespace".into(), value);
    }
    layer
}

fn extends(random: &mut Random, layer: &mut Layer, known: &[&str]) {
    let names: Vec<_> = known.iter().filter(|_| random.chance(40)).map(|name| json!(name)).collect();
    if !names.is_empty() {
        layer.insert("extends".into(), Json::Array(names));
    }
}

/// A directory of layers. Names that `extends` may use are those of `mixins`.
pub(crate) fn directory(random: &mut Random, is_shared: bool, mixins: &[&'static str]) -> Directory {
    let mut directory = Directory::new();
    directory.insert("base".into(), layer(random, true));
    for (index, name) in MIXINS.iter().enumerate().filter(|(_, name)| mixins.contains(name)) {
        let mut found = layer(random, false);
        let behind: Vec<_> = MIXINS[index + 1..].iter().copied().filter(|name| mixins.contains(name)).collect();
        extends(random, &mut found, &behind);
        directory.insert((*name).to_owned(), found);
    }
    for name in ENVIRONMENTS {
        if is_shared && random.chance(50) {
            continue;
        }
        let mut found = layer(random, false);
        extends(random, &mut found, mixins);
        directory.insert(name.into(), found);
        if random.chance(20) {
            directory.insert(format!("{name}.secrets"), layer(random, false));
        }
    }
    directory
}

/// The names of the layers of an environment, lowest first: `base`, then parents before children, each once.
fn order(shared: &Directory, app: &Directory, environment: &str) -> Vec<String> {
    fn visit(name: &str, shared: &Directory, app: &Directory, found: &mut Vec<String>) {
        if found.iter().any(|known| known == name) {
            return;
        }
        for layer in files(shared, app, name) {
            for parent in layer.get("extends").and_then(Json::as_array).into_iter().flatten() {
                visit(parent.as_str().unwrap(), shared, app, found);
            }
        }
        found.push(name.to_owned());
    }
    let mut found = vec!["base".to_owned()];
    visit(environment, shared, app, &mut found);
    found
}

/// The files of a layer: the shared one, its secrets, the app's, its secrets.
fn files<'f>(shared: &'f Directory, app: &'f Directory, name: &str) -> Vec<&'f Layer> {
    let secrets = format!("{name}.secrets");
    [(shared, name), (shared, secrets.as_str()), (app, name), (app, secrets.as_str())]
        .into_iter()
        .filter_map(|(directory, name)| directory.get(name))
        .collect()
}

/// RFC 7386 with lists that grow.
fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let map = target.as_object_mut().unwrap();
    for (key, change) in changes {
        match (key.strip_suffix('+'), key.strip_prefix('+'), change) {
            (Some(name), _, Json::Array(items)) => {
                map.entry(name).or_insert_with(|| json!([])).as_array_mut().unwrap().extend(items.clone());
            }
            (_, Some(name), Json::Array(items)) => {
                let list = map.entry(name).or_insert_with(|| json!([])).as_array_mut().unwrap();
                list.splice(0..0, items.clone());
            }
            (.., Json::Null) => drop(map.remove(key)),
            _ => merge(map.entry(key.clone()).or_insert(json!({})), change),
        }
    }
}

/// What docs/layers.md says of an environment: its texts, its content, its labels and its namespace.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    texts: BTreeMap<String, String>,
    content: Json,
    labels: BTreeMap<String, String>,
    namespace: Option<String>,
}

pub(crate) fn expected(shared: &Directory, app: &Directory, environment: &str) -> Expected {
    let mut texts = BTreeMap::new();
    let (mut content, mut vars) = (Json::Null, json!({}));
    let (mut labels, mut namespace) = (BTreeMap::new(), None);
    let mut is_first = true;
    for name in order(shared, app, environment) {
        for layer in files(shared, app, &name) {
            for (key, value) in layer["data"].as_object().unwrap() {
                let source = match value {
                    Json::Object(form) => form.get("value").or_else(|| form.get("content")),
                    scalar => Some(scalar),
                };
                match source {
                    Some(Json::String(text)) => drop(texts.insert(key.clone(), text.clone())),
                    Some(Json::Null) => drop(texts.remove(key)),
                    Some(structure) if is_first => {
                        content = structure.clone();
                        is_first = false;
                    }
                    Some(structure) => merge(&mut content, structure),
                    None => {}
                }
            }
            if let Some(patch) = layer.get("vars") {
                merge(&mut vars, patch);
            }
            for (label, value) in layer.get("labels").and_then(Json::as_object).into_iter().flatten() {
                match value.as_str() {
                    Some(text) => drop(labels.insert(label.clone(), text.to_owned())),
                    None => drop(labels.remove(label)),
                }
            }
            if let Some(value) = layer.get("namespace") {
                namespace = value.as_str().map(str::to_owned);
            }
        }
    }
    let k0 = texts.get("K0").map_or("none", String::as_str);
    let made = format!("{}/{}/{k0}", vars["v"]["a"].as_str().unwrap(), vars["w"].as_str().unwrap());
    texts.insert("T".into(), made);
    Expected { texts, content, labels, namespace }
}

pub(crate) fn found(object: &Json) -> Expected {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let mut texts: BTreeMap<_, _> =
        object["data"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect();
    let content = serde_json::from_str(&texts.remove("c.json").unwrap()).unwrap();
    let labels = object["metadata"]["labels"].as_object().unwrap();
    let labels = labels.iter().filter(|(label, _)| LABELS.contains(&label.as_str()));
    let labels = labels.map(|(label, value)| (label.clone(), text(value))).collect();
    Expected { texts, content, labels, namespace: object["metadata"]["namespace"].as_str().map(str::to_owned) }
}
