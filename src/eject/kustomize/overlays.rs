//! Base and overlays of an app.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::KustomizeLayout;
use super::configuration::ReferenceFields;
use super::generator::{FixedReason, GeneratorDraft, InputForm, literal};
use super::kustomization::KustomizationText;
use super::patch::patch_between;
use crate::eject::plain::object_file;
use crate::eject::plan::{BuildSource, EjectBuild, EjectPlan, EjectedFile};
use crate::eject::target::{EjectTarget, EjectedObject, object_files};
use crate::layer::Tree;
use crate::manifest::is_namespaced;
use crate::manifest::references::{Reference, find_references, rewrite_references};
use crate::name::AppName;
use crate::object::{ObjectKind, RenderedObject, Reveal};
use crate::resolve::ResolvedBytes;
use crate::secret::Wiping;
use crate::sops::{EncryptionPlan, SopsFormat};
use crate::sort::CollectSorted;
use crate::value::OutputValue;
use crate::yaml::write::write_document;

/// File of the fields that kustomize does not know as references.
const CONFIGURATION: &str = "references.yaml";

/// Targets of an app, and how their objects are written.
pub(super) struct AppOverlays<'a> {
    app: &'a AppName,
    /// Directory with a slash; empty if the app has none of its own.
    directory: String,
    overlays: Vec<OverlayDraft<'a>>,
    /// Whether overlays set the namespace, which their objects then do not have.
    sets_namespace: bool,
}

/// Objects of an overlay.
struct OverlayDraft<'a> {
    /// Position of the target among all.
    index: usize,
    target: &'a EjectTarget,
    generators: Vec<GeneratorDraft<'a>>,
    resources: Vec<ResourceDraft<'a>>,
    /// Names of Secrets whose suffix kustomize cannot compute.
    keyed: Vec<&'a str>,
    /// Whether names of its bundles have a prefix or a suffix.
    has_affixes: bool,
    /// References to generators that kustomize does not know.
    references: ReferenceFields,
}

/// Object that is a file.
struct ResourceDraft<'a> {
    object: &'a EjectedObject,
    /// The object with the names of generators, if it refers to one with a suffix.
    renamed: Option<Tree>,
}

/// Identity of a resource in all overlays: API version, kind and name.
type SharedKey = (String, String, String);

/// Resource of the base: its version there, and the operations of each overlay, in their order.
struct SharedResource<'r> {
    object: &'r EjectedObject,
    value: OutputValue<'r>,
    patches: Vec<Vec<OutputValue<'r>>>,
}

impl ResourceDraft<'_> {
    fn value(&self, without_namespace: bool) -> OutputValue<'_> {
        let value = match &self.renamed {
            Some(tree) => tree.to_value(),
            None => self.object.object.to_value(Reveal::Values),
        };
        if without_namespace { drop_namespace(value) } else { value }
    }

    fn key(&self) -> SharedKey {
        let id = &self.object.id;
        let version = match &self.object.object {
            RenderedObject::Bundle(_) => "v1",
            RenderedObject::Manifest(manifest, _) => &manifest.api_version,
        };
        (version.to_owned(), id.kind.clone(), id.name.clone())
    }
}

impl<'a> OverlayDraft<'a> {
    fn of(index: usize, target: &'a EjectTarget, is_fixed: bool, layout: &KustomizeLayout<'_>) -> Self {
        let mut draft = Self {
            index,
            target,
            generators: Vec::new(),
            resources: Vec::new(),
            keyed: Vec::new(),
            has_affixes: false,
            references: ReferenceFields::default(),
        };
        for object in &target.objects {
            match GeneratorDraft::of(&object.object, object.encryption.as_ref()) {
                Ok(generator) if !is_fixed => draft.generators.push(generator),
                found => {
                    match found {
                        Err(FixedReason::KeyedName) => draft.keyed.push(&object.id.name),
                        Err(FixedReason::Affixes) => draft.has_affixes = true,
                        Ok(_) | Err(FixedReason::Manifest | FixedReason::Key) => {}
                    }
                    draft.resources.push(ResourceDraft { object, renamed: None });
                }
            }
        }
        let hashed = draft.generators.iter().filter(|generator| generator.has_hash).map(|generator| generator.object);
        let names = hashed
            .map(|object| ((object.kind.as_str(), object.name.as_str()), object.base_name.as_str()))
            .collect_map();
        for resource in draft.resources.iter_mut().filter(|_| !names.is_empty()) {
            let RenderedObject::Manifest(manifest, _) = &resource.object.object else { continue };
            let name_of = |reference: &Reference| {
                names.get(&(reference.target.as_str(), reference.name.value.as_str())).map(|name| (*name).to_owned())
            };
            for reference in find_references(&manifest.tree, layout.references) {
                if name_of(&reference).is_some() {
                    draft.references.add(reference.target.as_str(), &manifest.kind, &reference.path);
                }
            }
            let mut tree = manifest.tree.clone();
            let count = rewrite_references(&mut tree, layout.references, name_of);
            resource.renamed = (count > 0).then_some(tree);
        }
        draft
    }

    /// The namespace of all its objects, if they have the same.
    fn namespace(&self) -> Option<&'a str> {
        let ids = self.target.objects.iter().map(|object| &object.id);
        let (with, without): (Vec<_>, Vec<_>) = ids.partition(|id| !id.namespace.is_empty());
        let (first, rest) = with.split_first()?;
        let is_whole =
            rest.iter().all(|id| id.namespace == first.namespace) && without.iter().all(|id| !is_namespaced(&id.kind));
        is_whole.then_some(first.namespace.as_str())
    }
}

impl<'a> AppOverlays<'a> {
    pub(super) fn of(app: &'a AppName, targets: &[(usize, &'a EjectTarget)], layout: &KustomizeLayout<'_>) -> Self {
        let is_fixed = layout.fixed.contains(app);
        let overlays = targets.iter().map(|(index, target)| OverlayDraft::of(*index, target, is_fixed, layout));
        let overlays: Vec<_> = overlays.collect();
        let namespaces = overlays.iter().map(OverlayDraft::namespace).collect::<Option<Vec<_>>>();
        let has_many = |namespaces: Vec<_>| namespaces.into_iter().collect_set().len() > 1;
        let sets_namespace = !is_fixed && namespaces.is_some_and(has_many);
        let directory = if layout.has_apps { format!("{app}/") } else { String::new() };
        let mut found = Self { app, directory, overlays, sets_namespace };
        if is_fixed {
            for overlay in &mut found.overlays {
                overlay.keyed.clear();
                overlay.has_affixes = false;
            }
        }
        found
    }

    /// Adds the files of the app, and its builds.
    pub(super) fn add_to(&self, plan: &mut EjectPlan) {
        let shared = self.shared_resources();
        let common = self.common_entries();
        let mut base = KustomizationText::default();
        let objects: Vec<_> = shared.values().map(|shared| shared.object).collect();
        for (shared, name) in shared.values().zip(object_files(&objects)) {
            plan.add_text(format!("{}base/{name}", self.directory), write_document(&shared.value));
            base.resources.push(name.to_string());
        }
        for (name, keys) in &common {
            let drafts = self.overlays.iter().flat_map(|overlay| &overlay.generators);
            let Some(draft) = drafts.into_iter().find(|draft| draft.object.base_name == *name) else { continue };
            let place = format!("{}base", self.directory);
            base.configs.push(self.config_generator(draft, |key| keys.contains(key), false, &place, plan));
        }
        let has_base = !base.is_empty();
        if has_base {
            plan.add_text(format!("{}base/kustomization.yaml", self.directory), base.to_text());
        }
        for (position, overlay) in self.overlays.iter().enumerate() {
            let directory = format!("{}overlays/{}", self.directory, overlay.target.environment);
            let mut written = KustomizationText::default();
            if has_base {
                written.resources.push("../../base".to_owned());
            }
            self.add_resources(overlay, &shared, &directory, &mut written, plan);
            Self::add_patches(position, &shared, &directory, &mut written, plan);
            self.add_generators(overlay, &common, &directory, &mut written, plan);
            if written.is_empty() {
                continue;
            }
            if let Some(rules) = overlay.references.to_value() {
                plan.add_text(format!("{directory}/{CONFIGURATION}"), write_document(&rules));
                written.configurations.push(CONFIGURATION);
            }
            written.namespace = if self.sets_namespace { overlay.namespace() } else { None };
            plan.add_text(format!("{directory}/kustomization.yaml"), written.to_text());
            let environment = overlay.target.environment.as_str().to_owned();
            let (input, target) = (BuildSource::Kustomization(directory), overlay.index);
            plan.builds.push(EjectBuild { environment, input, target });
        }
        self.add_notes(plan);
    }

    /// Resources that every overlay has, with few differences.
    fn shared_resources(&self) -> BTreeMap<SharedKey, SharedResource<'_>> {
        let mut all: BTreeMap<SharedKey, Vec<(usize, &ResourceDraft<'_>)>> = BTreeMap::new();
        for (position, overlay) in self.overlays.iter().enumerate() {
            for resource in &overlay.resources {
                all.entry(resource.key()).or_default().push((position, resource));
            }
        }
        let mut shared = BTreeMap::new();
        for (key, found) in all {
            let is_everywhere = found.iter().map(|(position, _)| *position).eq(0..self.overlays.len());
            if !is_everywhere || found.iter().any(|(_, resource)| resource.object.encryption.is_some()) {
                continue;
            }
            let values: Vec<_> = found.iter().map(|(_, resource)| resource.value(self.sets_namespace)).collect();
            let count = |value: &OutputValue<'_>| values.iter().filter(|other| *other == value).count();
            let Some((position, value)) =
                values.iter().enumerate().max_by_key(|(position, value)| (count(value), usize::MAX - position))
            else {
                continue;
            };
            let patches: Option<Vec<_>> = values.iter().map(|other| patch_between(value, other)).collect();
            let object = found.get(position).map(|(_, resource)| resource.object);
            if let (Some(patches), Some(object)) = (patches, object) {
                shared.insert(key, SharedResource { object, value: value.clone(), patches });
            }
        }
        shared
    }

    /// Keys of each ConfigMap with the same value in every overlay, if all of them have the ConfigMap.
    fn common_entries(&self) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut all: BTreeMap<&str, Vec<&GeneratorDraft<'a>>> = BTreeMap::new();
        for generator in self.overlays.iter().flat_map(|overlay| &overlay.generators) {
            if generator.object.kind == ObjectKind::ConfigMap {
                all.entry(&generator.object.base_name).or_default().push(generator);
            }
        }
        let mut common = BTreeMap::new();
        for (name, drafts) in all {
            let Some((first, rest)) = drafts.split_first() else { continue };
            let is_like = |other: &&GeneratorDraft<'a>| {
                first.is_like(other) && (self.sets_namespace || first.object.namespace == other.object.namespace)
            };
            if drafts.len() != self.overlays.len() || !rest.iter().all(is_like) {
                continue;
            }
            let is_same = |(key, value): &(&String, &ResolvedBytes)| {
                let same = |bytes: &ResolvedBytes| bytes.bytes() == value.bytes();
                rest.iter().all(|other| other.object.data.get(*key).is_some_and(same))
            };
            let keys = first.object.data.iter().filter(is_same).map(|(key, _)| key.as_str()).collect_set();
            if !keys.is_empty() {
                common.insert(name, keys);
            }
        }
        common
    }

    fn add_resources(
        &self,
        overlay: &OverlayDraft<'_>,
        shared: &BTreeMap<SharedKey, SharedResource<'_>>,
        directory: &str,
        written: &mut KustomizationText<'_>,
        plan: &mut EjectPlan,
    ) {
        let own: Vec<_> = overlay.resources.iter().filter(|resource| !shared.contains_key(&resource.key())).collect();
        let objects: Vec<_> = own.iter().map(|resource| resource.object).collect();
        for (resource, name) in own.iter().zip(object_files(&objects)) {
            let path = format!("{directory}/{name}");
            if resource.object.encryption.is_some() {
                let encrypted = format!("{}.enc.yaml", path.trim_end_matches(".yaml"));
                plan.files.insert(encrypted, object_file(resource.object, Some(path)));
            } else {
                plan.add_text(path, write_document(&resource.value(self.sets_namespace)));
            }
            written.resources.push(name.to_string());
        }
    }

    fn add_patches(
        position: usize,
        shared: &BTreeMap<SharedKey, SharedResource<'_>>,
        directory: &str,
        written: &mut KustomizationText<'_>,
        plan: &mut EjectPlan,
    ) {
        let patched = shared.iter().filter_map(|(key, shared)| {
            let operations = shared.patches.get(position).filter(|operations| !operations.is_empty())?;
            Some((key, shared.object, operations))
        });
        let patched: Vec<_> = patched.collect();
        let objects: Vec<_> = patched.iter().map(|(_, object, _)| *object).collect();
        for (((api_version, kind, name), _, operations), file) in patched.into_iter().zip(object_files(&objects)) {
            let path = format!("patches/{file}");
            plan.add_text(format!("{directory}/{path}"), write_document(&OutputValue::List(operations.clone())));
            let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
            let mut target = Vec::new();
            if !group.is_empty() {
                target.push(("group", OutputValue::text(group.to_owned())));
            }
            // the name is a regular expression
            let name = name.replace('.', "\\.");
            target.extend([
                ("kind", OutputValue::text(kind.clone())),
                ("name", OutputValue::text(name)),
                ("version", OutputValue::text(version.to_owned())),
            ]);
            let fields = [("path", OutputValue::text(path)), ("target", OutputValue::map(target))];
            written.patches.push(OutputValue::map(fields));
        }
    }

    fn add_generators<'w>(
        &self,
        overlay: &OverlayDraft<'w>,
        common: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        directory: &str,
        written: &mut KustomizationText<'w>,
        plan: &mut EjectPlan,
    ) {
        let none = BTreeSet::new();
        for generator in &overlay.generators {
            if let Some(encryption) = generator.encryption {
                written.secrets.push(self.secret_generator(generator, encryption, directory, plan));
                continue;
            }
            let shared = common.get(generator.object.base_name.as_str());
            let keys = shared.unwrap_or(&none);
            if shared.is_none() || generator.object.data.keys().any(|key| !keys.contains(key.as_str())) {
                let is_own = |key: &str| !keys.contains(key);
                written.configs.push(self.config_generator(generator, is_own, shared.is_some(), directory, plan));
            }
        }
    }

    /// Namespace that a generator names itself.
    fn namespace_of<'w>(&self, generator: &GeneratorDraft<'w>) -> Option<&'w str> {
        generator.object.namespace.as_deref().filter(|_| !self.sets_namespace)
    }

    fn config_generator<'w>(
        &self,
        generator: &GeneratorDraft<'w>,
        is_wanted: impl Fn(&str) -> bool,
        merges: bool,
        directory: &str,
        plan: &mut EjectPlan,
    ) -> OutputValue<'w> {
        let (mut literals, mut files) = (Vec::new(), Vec::new());
        for (key, value) in generator.object.data.iter().filter(|(key, _)| is_wanted(key)) {
            match (generator.source_of(key, value), value.text()) {
                (InputForm::Line, Some(text)) => literals.push(OutputValue::text(literal(key, text))),
                _ => {
                    let path = format!("files/{}/{key}", generator.object.base_name);
                    plan.files.insert(format!("{directory}/{path}"), EjectedFile::Plain(value.bytes().to_vec()));
                    files.push(file_source(key, &path));
                }
            }
        }
        let mut fields = generator.fields(self.namespace_of(generator));
        fields.extend(merges.then(|| ("behavior", OutputValue::text("merge"))));
        fields.extend((!literals.is_empty()).then_some(("literals", OutputValue::List(literals))));
        fields.extend((!files.is_empty()).then_some(("files", OutputValue::List(files))));
        fields.extend(generator.options());
        OutputValue::map(fields)
    }

    fn secret_generator<'w>(
        &self,
        generator: &GeneratorDraft<'w>,
        encryption: &EncryptionPlan,
        directory: &str,
        plan: &mut EjectPlan,
    ) -> OutputValue<'w> {
        let whole = EncryptionPlan {
            layout: encryption.layout,
            mac_scope: encryption.mac_scope,
            ..EncryptionPlan::new(encryption.recipients.clone())
        };
        let mut add = |path: &str, extension: &str, text: &[u8], format: SopsFormat| {
            let decrypted = format!("{directory}/{path}.{extension}");
            let file = EjectedFile::Secret {
                text: Zeroizing::new(text.to_vec()),
                format,
                encryption: whole.clone(),
                decrypted: Some(decrypted),
            };
            plan.files.insert(format!("{directory}/{path}.enc.{extension}"), file);
            format!("{path}.{extension}")
        };
        let name = &generator.object.base_name;
        let (mut lines, mut files) = (Wiping::new(String::new()), Vec::new());
        for (key, value) in &generator.object.data {
            match (generator.source_of(key, value), value.text()) {
                (InputForm::Line, Some(text)) => {
                    for part in [key.as_str(), "=", text, "\n"] {
                        lines.push_str(part);
                    }
                }
                _ => {
                    let path = add(&format!("secrets/{name}/{key}"), "bin", value.bytes(), SopsFormat::Binary);
                    files.push(file_source(key, &path));
                }
            }
        }
        let mut fields = generator.fields(self.namespace_of(generator));
        if !lines.is_empty() {
            let path = add(&format!("secrets/{name}"), "env", lines.as_bytes(), SopsFormat::Dotenv);
            fields.push(("envs", OutputValue::List(vec![OutputValue::text(path)])));
        }
        fields.extend((!files.is_empty()).then_some(("files", OutputValue::List(files))));
        fields.extend(generator.options());
        OutputValue::map(fields)
    }

    fn add_notes(&self, plan: &mut EjectPlan) {
        for overlay in self.overlays.iter().filter(|overlay| overlay.has_affixes) {
            plan.notes.push(format!(
                "{} of {}: names of bundles have a prefix or a suffix, so their objects are resources with fixed names",
                self.app, overlay.target.environment
            ));
        }
        for overlay in self.overlays.iter().filter(|overlay| !overlay.keyed.is_empty()) {
            let names: Vec<_> = overlay.keyed.iter().map(|name| format!("`{name}`")).collect();
            plan.notes.push(format!(
                "{} of {}: the suffix of {} is derived with a key, so the name is fixed; change it with the values",
                self.app,
                overlay.target.environment,
                names.join(", ")
            ));
        }
    }
}

fn file_source(key: &str, path: &str) -> OutputValue<'static> {
    OutputValue::text(format!("{key}={path}"))
}

/// The object without its namespace, which the overlay sets.
fn drop_namespace(value: OutputValue<'_>) -> OutputValue<'_> {
    let OutputValue::Map(mut fields) = value else { return value };
    for (_, value) in fields.iter_mut().filter(|(key, _)| key == "metadata") {
        if let OutputValue::Map(metadata) = value {
            metadata.retain(|(field, _)| field != "namespace");
        }
    }
    OutputValue::Map(fields)
}
