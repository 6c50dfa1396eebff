//! Fields of a `kustomization.yaml`, read strictly: those of kustomize 5.8.1.

use std::path::{Path, PathBuf};

use super::field_map::{FieldMap, Text, TextPairs, invalid};
use crate::diagnostic::Diagnostics;
use crate::layer::Tree;
use crate::span::{Located, Location, Source};
use crate::yaml::node::YamlNode;
use crate::yaml::read::read_document;

/// Names that a kustomization may have.
pub(super) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields of a kustomization.
const FIELDS: [&str; 38] = [
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
    // written by `kustomize edit` of old versions, and read by none
    "creationTimestamp",
    "inventory",
    "dependencies",
    "x-kubernetes",
];

/// Fields without an equivalent: the objects that they change are taken as built.
const AS_BUILT: [(&str, &str); 10] = [
    ("replacements", "copies values between objects"),
    ("vars", "copies values between objects"),
    ("helmCharts", "runs Helm"),
    ("helmGlobals", "runs Helm"),
    ("helmChartInflationGenerator", "runs Helm"),
    ("generators", "runs a plugin"),
    ("transformers", "has no equivalent"),
    ("buildMetadata", "annotates objects with their origin"),
    ("openapi", "defines how patches merge lists"),
    ("crds", "defines fields that name objects"),
];

/// Fields that change no object: what becomes of them.
const DROPPED: [(&str, &str); 2] = [
    ("validators", "only validates; `septum check` has its own rules"),
    ("sortOptions", "only orders the output; Septum orders by kind, namespace and name"),
];

/// Content of a kustomization.
#[derive(Debug)]
pub(super) struct Kustomization {
    /// Directory that contains it.
    pub(super) directory: PathBuf,
    /// Its text, for messages.
    pub(super) source: Source,
    pub(super) is_component: bool,
    /// Files and directories, in their order.
    pub(super) resources: Vec<Text>,
    pub(super) components: Vec<Text>,
    pub(super) configurations: Vec<Text>,
    /// Files of plugins and definitions of resources, or texts of plugins.
    other_paths: Vec<Text>,
    /// Files or texts of transformers.
    pub(super) transformers: Vec<Text>,
    pub(super) prefix: Option<Text>,
    pub(super) suffix: Option<Text>,
    pub(super) namespace: Option<Text>,
    pub(super) labels: Vec<LabelRule>,
    pub(super) annotations: TextPairs,
    pub(super) patches: Vec<PatchField>,
    pub(super) images: Vec<ImageField>,
    pub(super) replicas: Vec<ReplicaField>,
    pub(super) generators: Vec<GeneratorField>,
    pub(super) generator_options: GeneratorOptions,
    /// Fields whose effect is taken from the built objects, each with its reason.
    pub(super) as_built: Vec<Located<(&'static str, &'static str)>>,
    /// Fields that have no effect on objects.
    pub(super) dropped: Vec<Located<(&'static str, &'static str)>>,
}

/// Labels of a kustomization.
#[derive(Debug)]
pub(super) struct LabelRule {
    pub(super) pairs: TextPairs,
    /// Also in selectors and pod templates.
    pub(super) selectors: bool,
    /// Also in pod templates, or at other paths: not expressible.
    pub(super) elsewhere: bool,
}

/// Stage of a kustomization at which a patch applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatchForm {
    /// Text of a strategic merge patch, or the path of one.
    Strategic,
    /// Of either form.
    Any,
    /// JSON operations, which apply after prefixes and labels.
    Operations,
}

/// Patch of a kustomization.
#[derive(Debug)]
pub(super) struct PatchField {
    pub(super) form: PatchForm,
    pub(super) path: Option<Text>,
    pub(super) text: Option<Text>,
    pub(super) target: Option<Tree>,
    pub(super) options: Option<Tree>,
    pub(super) place: Location,
}

/// Change of an image.
#[derive(Debug)]
pub(super) struct ImageField {
    pub(super) name: String,
    pub(super) new_name: Option<String>,
    pub(super) new_tag: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) tag_suffix: Option<Text>,
}

/// Number of replicas.
#[derive(Debug)]
pub(super) struct ReplicaField {
    pub(super) name: String,
    pub(super) count: String,
}

/// Relation of a generator to an object of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GeneratorBehavior {
    Create,
    Merge,
    Replace,
}

/// Generator of a ConfigMap or a Secret.
#[derive(Debug)]
pub(super) struct GeneratorField {
    pub(super) is_secret: bool,
    pub(super) name: String,
    pub(super) namespace: Option<Text>,
    pub(super) behavior: GeneratorBehavior,
    pub(super) secret_type: Option<String>,
    pub(super) literals: Vec<Text>,
    pub(super) files: Vec<Text>,
    pub(super) envs: Vec<Text>,
    pub(super) options: GeneratorOptions,
    pub(super) place: Location,
}

/// Options of generators.
#[derive(Debug, Default, Clone)]
pub(super) struct GeneratorOptions {
    pub(super) labels: TextPairs,
    pub(super) annotations: TextPairs,
    pub(super) is_plain: bool,
    pub(super) immutable: bool,
}

impl GeneratorOptions {
    /// Options of one generator, completed by those of all.
    pub(super) fn completed_by(&self, all: &Self) -> Self {
        let complete = |own: &TextPairs, all: &TextPairs| {
            let missing = all.iter().filter(|(key, _)| !own.iter().any(|(known, _)| known == key));
            own.iter().chain(missing).cloned().collect()
        };
        Self {
            labels: complete(&self.labels, &all.labels),
            annotations: complete(&self.annotations, &all.annotations),
            is_plain: self.is_plain || all.is_plain,
            immutable: self.immutable || all.immutable,
        }
    }
}

impl Kustomization {
    /// Reads the file of a directory.
    pub(super) fn parse(directory: &Path, source: &Source) -> Result<Self, Diagnostics> {
        let node = read_document(source)?;
        let mut problems = Diagnostics::new();
        let mut fields = FieldMap::new(node, &FIELDS, "a kustomization", source, &mut problems);
        let kind = fields.text("kind");
        let is_component = kind.as_ref().is_some_and(|kind| kind.value == "Component");
        let noted = |fields: &FieldMap<'_>, table: &[(&'static str, &'static str)]| {
            let found = table.iter().filter_map(|row| Some(Located { value: *row, place: fields.place_of(row.0)? }));
            found.collect::<Vec<_>>()
        };
        let (as_built, dropped) = (noted(&fields, &AS_BUILT), noted(&fields, &DROPPED));
        let mut resources = fields.texts("resources");
        resources.extend(fields.texts("bases"));
        let other_paths = ["crds", "generators", "validators"].map(|field| fields.texts(field)).concat();
        let common = fields.pairs("commonLabels");
        let common = (!common.is_empty()).then_some(LabelRule { pairs: common, selectors: true, elsewhere: false });
        let mut found = Self {
            directory: directory.to_path_buf(),
            source: source.clone(),
            is_component,
            resources,
            components: fields.texts("components"),
            configurations: fields.texts("configurations"),
            other_paths,
            transformers: fields.texts("transformers"),
            prefix: fields.text("namePrefix").filter(|text| !text.value.is_empty()),
            suffix: fields.text("nameSuffix").filter(|text| !text.value.is_empty()),
            namespace: fields.text("namespace").filter(|text| !text.value.is_empty()),
            labels: common.into_iter().collect(),
            annotations: fields.pairs("commonAnnotations"),
            patches: Vec::new(),
            images: Vec::new(),
            replicas: Vec::new(),
            generators: Vec::new(),
            generator_options: GeneratorOptions::default(),
            as_built,
            dropped,
        };
        let items = KustomizationItems::take(&mut fields);
        items.read(&mut found, source, &mut problems);
        match kind {
            Some(kind) if !matches!(kind.value.as_str(), "Kustomization" | "Component" | "") => {
                problems.push(invalid("expected `Kustomization` or `Component` for `kind`".to_owned(), kind.place));
            }
            _ => {}
        }
        if problems.has_errors() { Err(problems) } else { Ok(found) }
    }

    /// Files of plugins and definitions of resources.
    pub(super) fn other_files(&self) -> impl Iterator<Item = &Text> {
        // others are plugins in the text itself
        self.other_paths.iter().chain(&self.transformers).filter(|text| !text.value.contains('\n'))
    }
}

/// Fields of a kustomization whose items have fields of their own.
struct KustomizationItems {
    labels: Vec<YamlNode>,
    strategic: Vec<Text>,
    patches: Vec<YamlNode>,
    operations: Vec<YamlNode>,
    images: Vec<YamlNode>,
    replicas: Vec<YamlNode>,
    config_maps: Vec<YamlNode>,
    secrets: Vec<YamlNode>,
    options: Option<YamlNode>,
}

impl KustomizationItems {
    fn take(fields: &mut FieldMap<'_>) -> Self {
        Self {
            labels: fields.list("labels"),
            strategic: fields.texts("patchesStrategicMerge"),
            patches: fields.list("patches"),
            operations: fields.list("patchesJson6902"),
            images: ["images", "imageTags"].map(|field| fields.list(field)).into_iter().flatten().collect(),
            replicas: fields.list("replicas"),
            config_maps: fields.list("configMapGenerator"),
            secrets: fields.list("secretGenerator"),
            options: fields.take("generatorOptions"),
        }
    }

    fn read(self, found: &mut Kustomization, source: &Source, problems: &mut Diagnostics) {
        found.labels.extend(self.labels.into_iter().map(|node| read_labels(node, source, problems)));
        let of_text = |text: Text| PatchField {
            form: PatchForm::Strategic,
            place: text.place.clone(),
            path: None,
            text: Some(text),
            target: None,
            options: None,
        };
        found.patches.extend(self.strategic.into_iter().map(of_text));
        for (form, nodes) in [(PatchForm::Any, self.patches), (PatchForm::Operations, self.operations)] {
            found.patches.extend(nodes.into_iter().map(|node| read_patch(node, form, source, problems)));
        }
        found.images = self.images.into_iter().map(|node| read_image(node, source, problems)).collect();
        found.replicas = self.replicas.into_iter().map(|node| read_replica(node, source, problems)).collect();
        for (is_secret, nodes) in [(false, self.config_maps), (true, self.secrets)] {
            found.generators.extend(nodes.into_iter().map(|node| read_generator(node, is_secret, source, problems)));
        }
        found.generator_options = self.options.map(|node| read_options(node, source, problems)).unwrap_or_default();
    }
}

fn read_labels(node: YamlNode, source: &Source, problems: &mut Diagnostics) -> LabelRule {
    let known = ["pairs", "includeSelectors", "includeTemplates", "fields"];
    let mut fields = FieldMap::new(node, &known, "`labels`", source, problems);
    let pairs = fields.pairs("pairs");
    let selectors = fields.boolean("includeSelectors");
    let templates = fields.boolean("includeTemplates");
    let others = fields.take("fields").is_some();
    LabelRule { pairs, selectors, elsewhere: others || (templates && !selectors) }
}

fn read_patch(node: YamlNode, form: PatchForm, source: &Source, problems: &mut Diagnostics) -> PatchField {
    let (place, is_map) = (source.place(node.span), node.as_map().is_some());
    let known = ["path", "patch", "target", "options"];
    let mut fields = FieldMap::new(node, &known, "a patch", source, problems);
    let (path, text) = (fields.text("path"), fields.text("patch"));
    let (target, options) = (fields.tree("target"), fields.tree("options"));
    let found = PatchField { form, path, text, target, options, place: place.clone() };
    if is_map && found.path.is_some() == found.text.is_some() {
        problems.push(invalid("a patch requires either `path` or `patch`".to_owned(), place));
    }
    found
}

fn read_image(node: YamlNode, source: &Source, problems: &mut Diagnostics) -> ImageField {
    let known = ["name", "newName", "newTag", "digest", "tagSuffix"];
    let mut fields = FieldMap::new(node, &known, "an image", source, problems);
    let mut text = |name| fields.text(name).map(|text| text.value).filter(|text| !text.is_empty());
    let (name, new_name, new_tag, digest) = (text("name"), text("newName"), text("newTag"), text("digest"));
    let tag_suffix = fields.text("tagSuffix").filter(|text| !text.value.is_empty());
    ImageField { name: name.unwrap_or_default(), new_name, new_tag, digest, tag_suffix }
}

fn read_replica(node: YamlNode, source: &Source, problems: &mut Diagnostics) -> ReplicaField {
    let mut fields = FieldMap::new(node, &["name", "count"], "`replicas`", source, problems);
    let text = |text: Option<Text>| text.map(|text| text.value);
    let (name, count) = (text(fields.text("name")), text(fields.text("count")));
    ReplicaField { name: name.unwrap_or_default(), count: count.unwrap_or_else(|| "0".to_owned()) }
}

fn read_generator(node: YamlNode, is_secret: bool, source: &Source, problems: &mut Diagnostics) -> GeneratorField {
    let place = source.place(node.span);
    let known = ["name", "namespace", "behavior", "literals", "files", "envs", "env", "options", "type"];
    let known = if is_secret { &known[..] } else { known.split_last().map_or(&known[..], |(_, rest)| rest) };
    let mut fields = FieldMap::new(node, known, "a generator", source, problems);
    let text = |text: Option<Text>| text.map(|text| text.value);
    let behavior = match text(fields.text("behavior")).as_deref() {
        Some("merge") => GeneratorBehavior::Merge,
        Some("replace") => GeneratorBehavior::Replace,
        // kustomize takes any other word for `create`
        Some(_) | None => GeneratorBehavior::Create,
    };
    let (name, namespace) = (text(fields.text("name")), fields.text("namespace"));
    let secret_type = text(fields.text("type")).filter(|text| !text.is_empty());
    let (literals, files) = (fields.texts("literals"), fields.texts("files"));
    let mut envs = fields.texts("envs");
    envs.extend(fields.text("env"));
    let options = fields.take("options");
    let options = options.map(|node| read_options(node, source, problems)).unwrap_or_default();
    let name = name.unwrap_or_default();
    if name.is_empty() {
        problems.push(invalid("a generator requires `name`".to_owned(), place.clone()));
    }
    let namespace = namespace.filter(|text| !text.value.is_empty());
    GeneratorField { is_secret, name, namespace, behavior, secret_type, literals, files, envs, options, place }
}

fn read_options(node: YamlNode, source: &Source, problems: &mut Diagnostics) -> GeneratorOptions {
    let known = ["labels", "annotations", "disableNameSuffixHash", "immutable"];
    let mut fields = FieldMap::new(node, &known, "generator options", source, problems);
    GeneratorOptions {
        labels: fields.pairs("labels"),
        annotations: fields.pairs("annotations"),
        is_plain: fields.boolean("disableNameSuffixHash"),
        immutable: fields.boolean("immutable"),
    }
}

/// Note about a field of a kustomization.
pub(super) fn place_text(place: &Location) -> String {
    format!("{}:{}", place.source.name(), place.span.line)
}
