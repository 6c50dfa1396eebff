//! Kustomizations, read as kustomize reads them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::support::objects::text;

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// One kustomization, without those it is built on.
pub(crate) struct Layer {
    pub(crate) generators: Vec<Generator>,
    /// Other objects: the name of the file and what is in it.
    pub(crate) manifests: Vec<(String, Vec<u8>)>,
}

/// What makes a ConfigMap or a Secret.
pub(crate) struct Generator {
    pub(crate) is_secret: bool,
    pub(crate) name: String,
    pub(crate) replaces: bool,
    pub(crate) secret_type: Option<String>,
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// It has no suffix.
    pub(crate) plain: bool,
}

pub(crate) enum Entry {
    Text(String),
    File(Vec<u8>),
}

impl Layer {
    /// The kustomizations that a target is made of, from the lowest to its own.
    pub(crate) fn read(files: &Files, target: &str) -> Result<Vec<Self>, String> {
        let directory = if target.is_empty() { String::new() } else { format!("{target}/") };
        let source = files.get(&format!("{directory}kustomization.yaml")).ok_or("there is no kustomization")?;
        let json: Json = serde_yaml::from_slice(source).map_err(|why| why.to_string())?;
        let fields = json.as_object().ok_or("it is no mapping")?;
        // the order of objects is not compared
        let known = ["resources", "configMapGenerator", "secretGenerator", "generatorOptions", "sortOptions"];
        if let Some(field) = fields.keys().find(|field| !known.contains(&field.as_str())) {
            return Err(format!("`{field}` is not converted"));
        }
        let mut layers = Vec::new();
        let mut own = Self { generators: Vec::new(), manifests: Vec::new() };
        for resource in list(&json, "resources") {
            match text(resource).strip_prefix("../") {
                Some(base) => layers.extend(Self::read(files, base)?),
                None => own.manifests.push((text(resource).to_owned(), file(files, &directory, text(resource))?)),
            }
        }
        for (field, is_secret) in [("configMapGenerator", false), ("secretGenerator", true)] {
            for generator in list(&json, field) {
                let options = [&json["generatorOptions"], &generator["options"]];
                own.generators.push(Generator::read(generator, is_secret, options, files, &directory)?);
            }
        }
        layers.push(own);
        Ok(layers)
    }
}

impl Generator {
    fn read(json: &Json, is_secret: bool, options: [&Json; 2], files: &Files, directory: &str) -> Result<Self, String> {
        let texts = |field: &str| {
            let maps = options.iter().filter_map(|options| options[field].as_object());
            maps.flatten().map(|(key, value)| (key.clone(), text(value).to_owned())).collect()
        };
        // a switch that is on for all is on for each
        let is_on = |field: &str| options.iter().any(|options| options[field] == true);
        Ok(Self {
            is_secret,
            name: text(&json["name"]).to_owned(),
            replaces: json["behavior"] == "replace",
            secret_type: json["type"].as_str().map(str::to_owned),
            entries: entries(json, files, directory)?,
            labels: texts("labels"),
            annotations: texts("annotations"),
            plain: is_on("disableNameSuffixHash"),
        })
    }
}

fn list<'a>(json: &'a Json, field: &str) -> impl Iterator<Item = &'a Json> {
    json[field].as_array().into_iter().flatten()
}

fn file(files: &Files, directory: &str, path: &str) -> Result<Vec<u8>, String> {
    files.get(&format!("{directory}{path}")).cloned().ok_or_else(|| format!("there is no `{path}`"))
}

fn entries(json: &Json, files: &Files, directory: &str) -> Result<BTreeMap<String, Entry>, String> {
    let mut found = BTreeMap::new();
    for path in list(json, "envs").chain(json["env"].is_string().then_some(&json["env"])) {
        let source = String::from_utf8(file(files, directory, text(path))?).map_err(|why| why.to_string())?;
        found.extend(variables(&source));
    }
    for literal in list(json, "literals") {
        let (key, value) = text(literal).split_once('=').ok_or("a literal has no `=`")?;
        found.insert(key.to_owned(), Entry::Text(unquoted(value).to_owned()));
    }
    for source in list(json, "files") {
        let (key, path) = match text(source).split_once('=') {
            Some(both) => both,
            None => (text(source).rsplit('/').next().unwrap_or_default(), text(source)),
        };
        found.insert(key.to_owned(), Entry::File(file(files, directory, path)?));
    }
    Ok(found)
}

/// The lines of an env file. Values are taken as they stand, with quotes, blanks and what looks like a
/// comment.
fn variables(source: &str) -> impl Iterator<Item = (String, Entry)> {
    let lines = source.strip_prefix('\u{feff}').unwrap_or(source).lines().map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        (key.to_owned(), Entry::Text(value.to_owned()))
    })
}

/// A literal without the pair of quotes around it.
fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|value: &str| value.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
