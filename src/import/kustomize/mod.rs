//! Import of kustomizations: bases and overlays become layers, and kustomize itself builds what they must render to.
//!
//! The mapping follows the structure of the kustomizations. What it cannot express, and what renders to something else,
//! is corrected from the built objects, in each environment, so that the result is equal whatever a kustomization does.

mod assemble;
mod build;
mod builtin_transformers;
mod bundle_labels;
mod checkout;
mod configurations;
mod correct;
mod detect_roots;
mod draft;
mod field_effects;
mod field_map;
mod fields;
mod generate;
mod graph;
mod inner_files;
mod inner_names;
mod json;
mod key_values;
mod object_correction;
mod pair;
mod patches;
mod relax;
mod repair;
mod resources;
mod secret_patch;
mod transform;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use self::assemble::{BASE_LAYER, LayerAssembly};
pub use self::build::KustomizeProgram;
use self::checkout::copy_kustomizations;
use self::correct::normalize_all;
use self::field_effects::FieldEffects;
use self::graph::{EnvironmentRoot, KustomizationGraph, ResourceItem};
use self::inner_names::InnerNames;
use self::json::json_of_tree;
use self::object_correction::CorrectedEnvironment;
use self::pair::identity;
use self::resources::replace_ciphertext;
use self::transform::{CommonFields, KustomizeObjects};
use super::{ImportNote, ImportPlan, find_missing_objects, render_plan};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::files::ProjectFiles;
use crate::layer::Tree;
use crate::manifest::references::ReferenceRules;
use crate::map::HashSet;
use crate::sops::Timestamp;
use crate::sort::CollectSorted;

pub use self::detect_roots::find_roots;
pub(in crate::import) use self::json::json_of_value;

/// Number of trials of one mapping: each adds corrections to the one before.
const TRIALS: usize = 12;

/// Kustomizations to import.
pub struct KustomizeRequest<'a> {
    /// Name of the app.
    pub app: &'a str,
    /// Directories with the names of their environments.
    pub roots: Vec<(String, PathBuf)>,
    /// Directory that contains all files: the repository.
    pub bounds: PathBuf,
    /// Checkouts of remote resources, by their URLs.
    pub remotes: Vec<(String, PathBuf)>,
    /// Time of the encryption.
    pub now: Timestamp,
}

/// Extent to which fields of kustomizations are mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MappingLevel {
    /// Everything that has an equivalent.
    Full,
    /// Without the namespace, which changes more than the field of each object.
    WithoutNamespace,
    /// Without fields that change all objects.
    WithoutCommonFields,
    /// Nothing: the objects of each environment as built.
    AsBuilt,
}

impl MappingLevel {
    /// All levels, in the order in which they are tried.
    const ALL: [Self; 4] = [Self::Full, Self::WithoutNamespace, Self::WithoutCommonFields, Self::AsBuilt];

    /// Note about what the level leaves to patches.
    fn note(self) -> Option<&'static str> {
        match self {
            Self::Full | Self::AsBuilt => None,
            Self::WithoutNamespace => {
                Some("`namespace` is written by patches: as a field of the app, it would change more")
            }
            Self::WithoutCommonFields => Some(
                "`namespace`, prefixes, labels, images and replicas are written by patches: as fields of the app, they would change more",
            ),
        }
    }
}

/// Objects that kustomize built of the roots.
struct BuiltRoots {
    trees: BTreeMap<String, Vec<Tree>>,
    objects: KustomizeObjects,
    /// Identities of the objects that are encrypted, with their environments.
    encrypted: HashSet<(String, [String; 4])>,
}

/// Plans the import of kustomizations.
pub fn plan_kustomize(request: &KustomizeRequest<'_>) -> Result<ImportPlan, Diagnostics> {
    let program = KustomizeProgram::find()?;
    let files = ProjectFiles::new(&request.bounds)
        .map_err(|error| Diagnostic::unreadable(&request.bounds.display().to_string(), &error))?;
    let mut graph = KustomizationGraph::new(&files, &request.remotes);
    let mut roots = Vec::new();
    for (name, directory) in &request.roots {
        roots.push(EnvironmentRoot { name: name.clone(), node: graph.load(directory)? });
    }
    let built = build_roots(program, &graph, &roots, &request.remotes)?;
    let mut refused: Option<Diagnostics> = None;
    for level in MappingLevel::ALL {
        let mut assembly = LayerAssembly::new(&graph, &roots);
        if level == MappingLevel::AsBuilt {
            let error = refused.iter().flatten().find(|problem| problem.is_error());
            // which object it is about, rather than that there is one
            let why = error.map(|error| match error.notes.first() {
                Some(note) if error.rule == Rule::Kustomization => note.clone(),
                _ => error.message.clone(),
            });
            let text = format!(
                "all objects are taken as built, because a mapping is not possible: {}",
                why.unwrap_or_default()
            );
            assembly.notes.push(ImportNote { place: String::new(), text });
        }
        match fit_layers(&mut assembly, level, request, &built) {
            Ok(plan) => return Ok(plan),
            // the reasons of the mapping itself, and of what was tried after it if it only came to no end
            Err(problems) => {
                if refused.as_ref().is_none_or(|known| !has_reason(known)) {
                    refused = Some(problems);
                }
            }
        }
    }
    let summary =
        Diagnostic::error(Rule::Kustomization, "the objects that kustomize builds cannot be rendered by Septum")
            .note("nothing was written; the other messages give the reasons");
    Err(std::iter::once(summary).chain(refused.unwrap_or_default().into_sorted()).collect())
}

fn build_roots(
    program: KustomizeProgram,
    graph: &KustomizationGraph<'_>,
    roots: &[EnvironmentRoot],
    remotes: &[(String, PathBuf)],
) -> Result<BuiltRoots, Diagnostics> {
    let unwritable = |error: io::Error| Diagnostic::unwritable("a temporary directory", &io::Error::from(error.kind()));
    let copy = if remotes.is_empty() {
        None
    } else {
        let copy = tempfile::Builder::new().prefix("septum-import-").tempdir().map_err(unwritable)?;
        copy_kustomizations(graph, remotes, copy.path())?;
        Some(copy)
    };
    let mut built = BuiltRoots { trees: BTreeMap::new(), objects: BTreeMap::new(), encrypted: HashSet::default() };
    let directories = roots.iter().filter_map(|root| Some((root, &graph.nodes.get(root.node)?.content.directory)));
    for (root, directory) in directories {
        let below = directory.strip_prefix(graph.files.root()).unwrap_or(directory);
        let built_in = copy.as_ref().map_or_else(|| directory.clone(), |copy| copy.path().join(below));
        let mut trees = program.build(&built_in, &graph.files.name(directory))?;
        for tree in trees.iter_mut().filter(|tree| tree.at(&["sops"]).is_some()) {
            replace_ciphertext(tree);
            built.encrypted.insert((root.name.clone(), identity(&json_of_tree(tree)).map(str::to_owned)));
        }
        built.objects.insert(root.name.clone(), normalize_all(trees.iter().map(json_of_tree)));
        built.trees.insert(root.name.clone(), trees);
    }
    Ok(built)
}

/// Writes layers of a level until they render to what was built. An error if they do not.
fn fit_layers(
    assembly: &mut LayerAssembly<'_, '_>,
    level: MappingLevel,
    request: &KustomizeRequest<'_>,
    built: &BuiltRoots,
) -> Result<ImportPlan, Diagnostics> {
    let fields = map_level(assembly, level, request, built);
    assembly.add_references(&built.objects, &built.trees);
    add_external(assembly, &built.trees);
    let effects = assembly.roots.iter().map(|root| (root.name.clone(), FieldEffects::of_root(assembly.graph, root)));
    let effects = effects.collect_map();
    let mut by_bundle = true;
    for _ in 0..TRIALS {
        let mut plan = assembly.to_plan(built);
        let rendered = match render_plan(&plan, request.now) {
            Ok(rendered) => rendered,
            Err(problems) if assembly.repair(&problems) => continue,
            Err(problems) => return Err(problems),
        };
        let (mut is_equal, mut has_new_rule) = (true, false);
        let mut wrong_bundles = BTreeSet::new();
        let mut corrected = HashSet::default();
        for (name, objects) in assembly.with_extended_first(&built.objects) {
            // what is added to an environment changes those that extend it: they are compared in the next trial
            if assembly.layers_of(name).iter().any(|(layer, _)| corrected.contains(*layer)) {
                continue;
            }
            let rendered = normalize_all(rendered.get(name).cloned().unwrap_or_default());
            let default = CommonFields::default();
            let fields = fields.get(name).unwrap_or(&default);
            let (encrypted, nothing) = (&built.encrypted, FieldEffects::default());
            let effects = effects.get(name).unwrap_or(&nothing);
            let environment = CorrectedEnvironment {
                name,
                rendered: &rendered,
                built: objects,
                fields,
                effects,
                encrypted,
                by_bundle,
            };
            let outcome = assembly.correct(&environment);
            if let Some(why) = outcome.stuck_at {
                return Err(stuck(name).note(why).into());
            }
            if outcome.count > 0 {
                is_equal = false;
                corrected.insert(name.clone());
            }
            has_new_rule |= outcome.has_new_rule;
            wrong_bundles.extend(outcome.wrong_bundles);
        }
        if is_equal && assembly.forget_temporary() {
            continue;
        }
        if is_equal {
            assembly.count_corrections().into_iter().for_each(|line| plan.note("", line));
            return Ok(plan);
        }
        assembly.drop_bundles(&wrong_bundles);
        by_bundle = has_new_rule;
        if has_new_rule {
            assembly.forget_corrections();
        }
    }
    Err(stuck("the last trial").into())
}

fn stuck(environment: &str) -> Diagnostic {
    Diagnostic::error(
        Rule::Kustomization,
        format!("the layers of {environment} do not render to what kustomize builds"),
    )
}

/// Whether problems are about the content of files, rather than that no trial was the last one.
fn has_reason(problems: &Diagnostics) -> bool {
    problems.iter().any(|problem| problem.is_error() && problem.rule != Rule::Kustomization)
}

/// Fills the layers of a level.
fn map_level(
    assembly: &mut LayerAssembly<'_, '_>,
    level: MappingLevel,
    request: &KustomizeRequest<'_>,
    built: &BuiltRoots,
) -> BTreeMap<String, CommonFields> {
    let mut fields = BTreeMap::new();
    if level == MappingLevel::AsBuilt {
        assembly.is_as_built = true;
        for root in assembly.roots {
            assembly.layer(&root.name);
            let reached = assembly.graph.reached(root.node);
            for (index, node) in reached.into_iter().filter_map(|index| Some((index, assembly.graph.nodes.get(index)?)))
            {
                for item in &node.resources {
                    if let ResourceItem::File(path, text) = item {
                        assembly.copy_encrypted(path, (index, text), &root.name);
                    }
                }
            }
        }
    } else {
        if matches!(level, MappingLevel::Full | MappingLevel::WithoutNamespace) {
            for root in assembly.roots {
                let objects = built.objects.get(&root.name).map(Vec::as_slice).unwrap_or_default();
                let mut found = CommonFields::of_root(assembly.graph, root, objects);
                if level == MappingLevel::WithoutNamespace {
                    found.namespace = None;
                }
                fields.insert(root.name.clone(), found);
            }
        }
        let mut namespaces = fields.values().map(|fields| fields.namespace.clone());
        let first = namespaces.next().flatten();
        assembly.namespace = first.filter(|first| namespaces.all(|other| other.as_ref() == Some(first)));
        let affixes = fields.iter().map(|(name, fields)| (name.clone(), fields.affixes())).collect();
        assembly.names = InnerNames::of_roots(assembly.graph, assembly.roots, &affixes, &built.objects);
        assembly.add_roots();
        assembly.declare_bundles();
        assembly.add_common_fields(&fields);
        assembly.add_bundle_metadata(&fields, &built.objects);
    }
    let note = level.note().map(|text| ImportNote { place: String::new(), text: text.to_owned() });
    assembly.notes.extend(note);
    assembly.note_fields();
    let base = assembly.layer(BASE_LAYER);
    base.app = Some(request.app.to_owned());
    for label in ["app.kubernetes.io/managed-by", "app.kubernetes.io/name"] {
        base.labels.entry(label.to_owned()).or_insert(None);
    }
    fields
}

/// Declares objects that are referred to and that nothing defines.
fn add_external(assembly: &mut LayerAssembly<'_, '_>, trees: &BTreeMap<String, Vec<Tree>>) {
    let rules = ReferenceRules::with_user(&[]);
    let all = trees.iter().map(|(name, trees)| (name, find_missing_objects(trees, &rules))).collect_map();
    for (name, missing) in &all {
        for object in missing {
            let is_shared = all.values().all(|other| other.contains(object));
            let external = (object.kind.clone(), object.name.clone(), object.namespace.clone());
            let layer = assembly.layer(if is_shared { BASE_LAYER } else { name });
            if !layer.external.contains(&external) {
                layer.external.push(external);
            }
        }
    }
}
