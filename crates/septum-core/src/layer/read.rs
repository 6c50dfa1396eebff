//! Parsing of a layer: from a tree of nodes to its fields.

use std::path::PathBuf;

use super::Tree;
use super::delivery;
use super::entries;
use super::fields::{LAYER, LayerFields, read_text};
use super::manifests;
use super::misread;
use super::overlays;
use super::registries;
use super::unexpected::unexpected_value;
use super::variable_rules;
use super::{AllowedFinding, BundlePatch, Delivery, EntryPatch, Layer, LayerRole, LifecycleDefaults};
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::map::IndexMap;
use crate::name::{KeyName, LayerName};
use crate::project::LAYER_FIELDS;
use crate::span::{Located, Location, Source};
use crate::time::Day;
use crate::yaml::node::{Mapping, Scalar, YamlKind, YamlNode, remove_gaps};

pub(super) const BUNDLE_FIELDS: [&str; 13] = [
    "type",
    "open",
    "labels",
    "annotations",
    "data",
    "registries",
    "names",
    "immutable",
    "rbac",
    "expires",
    "rotateEvery",
    "owner",
    "rotation",
];
pub(super) const ALLOW_FIELDS: [&str; 5] = ["rule", "key", "bundle", "reason", "until"];

impl Layer {
    /// Reads the layer called `name` from the tree of its file. Invalid parts are reported and left out, so that all
    /// mistakes of a file are found in one run.
    pub fn read(
        name: LayerName,
        role: LayerRole,
        source: Source,
        directory: PathBuf,
        root: YamlNode,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut layer = Self {
            name,
            role,
            source,
            is_partial: false,
            directory,
            app: None,
            extends: Vec::new(),
            namespace: None,
            labels: IndexMap::default(),
            annotations: IndexMap::default(),
            selector_labels: IndexMap::default(),
            prefix: None,
            suffix: None,
            vars: None,
            variable_rules: IndexMap::default(),
            data: IndexMap::default(),
            bundles: IndexMap::default(),
            manifests: None,
            patches: Vec::new(),
            images: IndexMap::default(),
            replicas: IndexMap::default(),
            external: Vec::new(),
            names: None,
            immutable: None,
            delivery: Delivery::default(),
            allow: Vec::new(),
            naming_key: None,
            wrapping: None,
        };
        let place = layer.source.place(root.span);
        match root.kind {
            YamlKind::Map(map) if map.contains_key("apiVersion") && map.contains_key("kind") => problems.push(
                Diagnostic::error(
                    Rule::InvalidField,
                    format!("`{}` contains a Kubernetes object, not a layer", layer.source.name()),
                )
                .at_masked(place)
                .note("every `NAME.yaml` beside `base.yaml` is the layer of an environment")
                .hint("move it to a subdirectory, and list it under `manifests: [\"workloads/*.yaml\"]`"),
            ),
            YamlKind::Map(map) if misread::is_of_another_program(&map) => {
                problems.push(misread::foreign_file(&map, place, &layer.source));
            }
            YamlKind::Map(map) => layer.read_fields(map, problems),
            YamlKind::Scalar(scalar) if scalar.blank || scalar.is_null() => {}
            YamlKind::Scalar(_) | YamlKind::List(_) => {
                let problem = misread::unspaced_colon(&root, &layer.source);
                problems.push(problem.unwrap_or_else(|| {
                    Diagnostic::error(Rule::InvalidField, "a layer is a mapping of fields such as `data` and `vars`")
                        .at_masked(place)
                }));
            }
        }
        layer
    }

    fn read_fields(&mut self, map: Mapping, problems: &mut Diagnostics) {
        let source = self.source.clone();
        let mut fields = LayerFields::new(map, &LAYER_FIELDS, LAYER, &source, problems);
        self.app = fields.text("app", problems);
        if let Some(app) = self.app.take_if(|_| self.role != LayerRole::Base) {
            problems.push(
                Diagnostic::error(Rule::InvalidField, "only the base may set `app`")
                    .at(app.place)
                    .hint("move `app` to `base.yaml`"),
            );
        }
        self.namespace = fields.text_or_null("namespace", problems);
        let namespace = self
            .namespace
            .as_ref()
            .and_then(|found| Some(Located { value: found.value.clone()?, place: found.place.clone() }));
        if let Some(problem) = namespace.and_then(|namespace| misread::template_in_field("namespace", &namespace)) {
            problems.push(problem);
            self.namespace = None;
        }
        self.read_extends(fields.take("extends"), problems);
        if let Some((_, map)) = fields.map("labels", problems) {
            self.labels = read_texts(map, "labels", &source, problems);
        }
        if let Some((_, map)) = fields.map("annotations", problems) {
            self.annotations = read_texts(map, "annotations", &source, problems);
        }
        if let Some((_, map)) = fields.map("selectorLabels", problems) {
            self.selector_labels = read_texts(map, "selectorLabels", &source, problems);
        }
        self.prefix = affix("prefix", &mut fields, problems);
        self.suffix = affix("suffix", &mut fields, problems);
        self.read_vars(fields.take("vars"), problems);
        if let Some((_, map)) = fields.map("varRules", problems) {
            self.variable_rules = variable_rules::read_variable_rules(map, &source, problems);
        }
        if let Some((_, map)) = fields.map("data", problems) {
            self.data = self.read_entries(map, problems);
        }
        if let Some((_, map)) = fields.map("bundles", problems) {
            self.read_bundles(map, problems);
        }
        self.names = fields.word("names", "", problems);
        self.immutable = fields.boolean("immutable", problems);
        if let Some((_, map)) = fields.map("delivery", problems) {
            self.delivery = delivery::read_delivery(map, &self.directory, &source, problems);
        }
        self.manifests = manifests::read_manifests(&mut fields, &self.directory, &source, problems);
        if let Some((_, items)) = fields.list("patches", problems) {
            self.patches = overlays::read_patches(items, &self.directory, &source, problems);
        }
        if let Some((_, map)) = fields.map("images", problems) {
            self.images = overlays::read_images(map, &source, problems);
        }
        if let Some((_, map)) = fields.map("replicas", problems) {
            self.replicas = overlays::read_replicas(map, &source, problems);
        }
        if let Some((_, items)) = fields.list("external", problems) {
            self.external = manifests::read_external(items, &source, problems);
        }
        if let Some((_, items)) = fields.list("allow", problems) {
            self.allow = items.into_iter().filter_map(|item| read_allow(item, &source, problems)).collect();
        }
    }

    fn read_extends(&mut self, field: Option<(Location, YamlNode)>, problems: &mut Diagnostics) {
        let Some((key, node)) = field else { return };
        let source = &self.source;
        if self.role == LayerRole::Base {
            let hint = "list the mixin in `extends` of the environments that need it, or move its content here";
            problems.push(
                Diagnostic::error(Rule::InvalidField, "`base` applies to every layer and cannot extend others")
                    .at(key)
                    .hint(hint),
            );
            return;
        }
        let items = match node.kind {
            YamlKind::List(items) => items,
            // a single name needs no list
            YamlKind::Scalar(ref scalar) if !scalar.blank => vec![node],
            _ => {
                problems.push(unexpected_value("extends", "a list of layers", &node, &key, source));
                return;
            }
        };
        for item in items {
            let Some(name) = problems.take(read_text(&item, "extends", &key, source)) else { continue };
            self.extends.extend(problems.take(layer_name(name)));
        }
    }

    fn read_vars(&mut self, field: Option<(Location, YamlNode)>, problems: &mut Diagnostics) {
        let Some((key, node)) = field else { return };
        match node.kind {
            YamlKind::Map(_) => {
                let vars = Tree::from_node(node, &self.source);
                super::tree::misused_list_operators(&vars, problems);
                self.vars = Some(vars);
            }
            _ => {
                let problem = misread::unspaced_colon(&node, &self.source);
                problems
                    .push(problem.unwrap_or_else(|| unexpected_value("vars", "a mapping", &node, &key, &self.source)));
            }
        }
    }

    fn read_entries(&self, mut map: Mapping, problems: &mut Diagnostics) -> IndexMap<KeyName, EntryPatch> {
        remove_gaps(&mut map);
        map.into_iter()
            .map(|(key, node)| (KeyName::from(key.text.as_str()), entries::read_entry(&key, node, self, problems)))
            .collect()
    }

    fn read_bundles(&mut self, map: Mapping, problems: &mut Diagnostics) {
        let source = self.source.clone();
        for (key, node) in map {
            let place = source.place(key.span);
            let YamlKind::Map(fields) = node.kind else {
                problems.push(unexpected_value(&key.text, "a mapping", &node, &place, &source));
                continue;
            };
            let of = format!("the bundle `{}`", key.text);
            let mut fields = LayerFields::new(fields, &BUNDLE_FIELDS, &of, &source, problems);
            let registries = registries::read_registries(fields.take("registries"), &source, problems);
            let mut texts_of = |field: &str, problems: &mut Diagnostics| {
                let found = fields.map(field, problems);
                found.map(|(_, map)| read_texts(map, field, &source, problems)).unwrap_or_default()
            };
            let bundle = BundlePatch {
                labels: texts_of("labels", problems),
                annotations: texts_of("annotations", problems),
                registries,
                place,
                secret_type: fields.text("type", problems),
                open: fields.boolean("open", problems),
                names: fields.word("names", &format!("{}.", key.text), problems),
                immutable: fields.boolean("immutable", problems),
                rbac: manifests::read_rbac(&mut fields, &source, problems),
                lifecycle: LifecycleDefaults::take_from(&mut fields, problems),
                data: fields.map("data", problems).map(|(_, map)| self.read_entries(map, problems)).unwrap_or_default(),
            };
            self.bundles.insert(key.text.as_str().into(), bundle);
        }
    }
}

/// Reads a prefix or suffix of names.
fn affix(name: &str, fields: &mut LayerFields<'_>, problems: &mut Diagnostics) -> Option<Located<Option<String>>> {
    let found = fields.text_or_null(name, problems)?;
    let text = found.value.clone().map(|value| Located { value, place: found.place.clone() });
    if let Some(problem) = text.and_then(|text| misread::template_in_field(name, &text)) {
        problems.push(problem);
        return None;
    }
    Some(found)
}

fn layer_name(name: Located<String>) -> Result<Located<LayerName>, Diagnostic> {
    let text = name.value.as_str();
    let clean = text.strip_suffix(".yaml").unwrap_or(text);
    let is_path = |path: &str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if text.contains(',') || text.trim().contains(' ') {
        let names: Vec<_> = text.split([',', ' ']).filter(|name| !name.is_empty()).collect();
        let list = names.join(", ");
        return Err(Diagnostic::error(Rule::InvalidField, format!("`{text}` is not a valid layer name"))
            .at_public(name.place, PublicReason::Name)
            .hint(format!("write a list: `extends: [{list}]`")));
    }
    if !is_path(clean) || clean != text || text.contains('\\') {
        let meant = text.trim_start_matches("./").trim_end_matches(".yaml").trim_end_matches(".yml").replace('\\', "/");
        let example = if is_path(&meant) { format!("`{meant}`") } else { "`staging`, `regions/eu`".to_owned() };
        return Err(Diagnostic::error(Rule::InvalidField, format!("`{text}` is not a valid layer name"))
            .at_public(name.place, PublicReason::Name)
            .hint(format!("write the path of the layer relative to `base.yaml`, without `.yaml`: {example}")));
    }
    Ok(Located { value: clean.into(), place: name.place })
}

/// Reads a mapping of texts in which null removes.
fn read_texts(
    map: Mapping,
    of: &str,
    source: &Source,
    problems: &mut Diagnostics,
) -> IndexMap<String, Located<Option<String>>> {
    let mut texts = IndexMap::default();
    for (key, node) in map {
        let value = if node.as_scalar().is_some_and(Scalar::is_null) {
            Located { value: None, place: source.place(node.span) }
        } else {
            let name = format!("{of}.{}", key.text);
            if node.as_scalar().is_some_and(|scalar| scalar.encrypted) {
                problems.push(super::fields::encrypted_field_error(&name, source.place(key.span)));
                continue;
            }
            let Some(found) = problems.take(read_text(&node, &name, &source.place(key.span), source)) else { continue };
            problems.extend(misread::template_in_field(&name, &found));
            Located { value: Some(found.value), place: found.place }
        };
        texts.insert(key.text, value);
    }
    texts
}

fn read_allow(node: YamlNode, source: &Source, problems: &mut Diagnostics) -> Option<AllowedFinding> {
    let place = source.place(node.span);
    let YamlKind::Map(map) = node.kind else {
        problems.push(unexpected_value("allow", "a mapping with `rule`, `key` and `reason`", &node, &place, source));
        return None;
    };
    let mut fields = LayerFields::new(map, &ALLOW_FIELDS, "an accepted finding", source, problems);
    let mut take = |name: &str, problems: &mut Diagnostics| {
        let before = problems.len();
        let found = if name == "reason" { fields.reason(name, problems) } else { fields.text(name, problems) };
        if found.is_none() && problems.len() == before {
            let message = format!("an accepted finding requires `{name}`");
            let error = Diagnostic::error(Rule::InvalidField, message).at(place.clone()).hint(
                "write `{ rule: …, key: …, reason: … }`: the reason tells later readers whether the exception is still needed",
            );
            problems.push(fields.missing_field(error));
        }
        found
    };
    let (rule, key, reason) = (take("rule", problems), take("key", problems), take("reason", problems));
    let bundle = fields.text("bundle", problems);
    let until = fields.text("until", problems);
    if let Some(date) = until.as_ref().filter(|date| date.value.parse::<Day>().is_err()) {
        problems.push(
            Diagnostic::error(Rule::InvalidField, "expected a date like `2027-01-31` for `until`")
                .at(date.place.clone()),
        );
    }
    Some(AllowedFinding { rule: rule?, key: key?, bundle, reason: reason?, until })
}
