//! Places of generated objects among the items of a caller: those of their earlier versions, or behind all others.
//!
//! A program that keeps objects in files passes what earlier runs generated. What is no longer generated is taken out.

use std::collections::{BTreeMap, BTreeSet};

use super::app_objects::{AddedObject, NeighbourTarget};
use super::item::{ItemIdentity, any_object, each_object, set_annotation, text_at};
use super::list_item::ListItem;
use super::resource_list::{FunctionCaller, ResourceList};
use super::results::FunctionResult;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Tree;
use crate::manifest::BASE_NAME;
use crate::name::EnvironmentName;
use crate::sort::CollectSorted;
use crate::yaml::node::YamlNode;

/// Prefixes of annotations with which callers recognise their items.
const OF_CALLERS: [&str; 4] =
    ["internal.config.kubernetes.io/", "config.kubernetes.io/", "config.k8s.io/", "kustomize.config.k8s.io/"];

/// File and place in it of an object, for programs that keep objects in files.
const PATH: &str = "internal.config.kubernetes.io/path";
const INDEX: &str = "internal.config.kubernetes.io/index";

/// The place before, of which some programs pass no other.
const FORMER_INDEX: &str = "config.kubernetes.io/index";

/// Label with the name of an app.
const APP: &str = "app.kubernetes.io/name";

/// Length of a hash in a name.
const HASH_LENGTH: usize = 10;

/// Names of a generated object, by which its earlier version is found.
struct ObjectPlace {
    identity: ItemIdentity,
    base_name: Option<String>,
}

/// Puts objects among the items.
pub(super) fn place_objects(
    list: &mut ResourceList,
    added: Vec<AddedObject>,
    target: &NeighbourTarget<'_, '_>,
) -> Result<Vec<FunctionResult>, Diagnostics> {
    list.unpack_lists();
    let names = ItemNames::of(list);
    let (mut results, mut places, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for AddedObject { mut tree, file, base_name } in added {
        let mut place = ObjectPlace { identity: ItemIdentity::of_tree(&tree), base_name };
        let foreign = find_foreign(list, &names, &place.identity);
        if !foreign.is_empty() {
            results.extend(foreign);
            continue;
        }
        match place.find_earlier(list, &names) {
            Ok(None) => new.push((tree, file)),
            Ok(Some(item)) => {
                let moved = keep_namespace(&mut tree, &mut place.identity, &item.identity);
                results
                    .extend(moved.map(|diagnostic| FunctionResult { diagnostic, item: Some(item.identity.clone()) }));
                let tree = item.node().map(|old| with_annotations_of(tree.clone(), old)).unwrap_or(tree);
                item.replace(tree);
            }
            Err(diagnostic) => {
                results.push(FunctionResult { diagnostic, item: Some(place.identity.clone()) });
            }
        }
        places.push(place);
    }
    if list.caller == FunctionCaller::Files {
        let kept = remove_stale(list, &places, target)?;
        results.extend(kept.map(|diagnostic| FunctionResult { diagnostic, item: None }));
    }
    let mut free = free_indices(list);
    for (mut tree, file) in new {
        // kustomize would print them
        if list.caller == FunctionCaller::Files {
            let index = free.entry(file.clone()).or_default();
            set_annotation(&mut tree, PATH, &file);
            set_annotation(&mut tree, INDEX, &index.to_string());
            *index = index.saturating_add(1);
        }
        list.items.push(ListItem::added(tree));
    }
    Ok(results)
}

/// Items as they came, by each name under which a generated object may look for them: all pairs of generated objects
/// and items would be too many to compare.
struct ItemNames {
    generated: BTreeMap<String, Vec<usize>>,
    /// Those of others, or lists with one of them.
    foreign: BTreeMap<String, Vec<usize>>,
}

impl ItemNames {
    fn of(list: &ResourceList) -> Self {
        let mut names = Self { generated: BTreeMap::new(), foreign: BTreeMap::new() };
        for (index, item) in list.items.iter().enumerate() {
            if item.is_generated() {
                for name in version_names(item) {
                    names.generated.entry(name.to_owned()).or_default().push(index);
                }
            } else if let Some(node) = item.node() {
                each_object(node, &mut |object| {
                    let name = text_at(object, &["metadata", "name"]).unwrap_or_default();
                    names.foreign.entry(name.to_owned()).or_default().push(index);
                });
            }
        }
        names
    }

    /// Generated items that may be a version of an object.
    fn candidates(&self, place: &ObjectPlace) -> BTreeSet<usize> {
        let names = [Some(&place.identity.name), place.base_name.as_ref()];
        names.into_iter().flatten().filter_map(|name| self.generated.get(name)).flatten().copied().collect_set()
    }
}

/// Names of an item: its own, that without a hash, and the one that its label has.
fn version_names(item: &ListItem) -> impl Iterator<Item = &str> {
    let name = item.identity.name.as_str();
    let base = name.rsplit_once('-').map(|(base, _)| base).filter(|base| is_version_of(name, base));
    [Some(name), base, item.label(BASE_NAME)].into_iter().flatten()
}

/// Errors: others have objects of the same kind and name.
fn find_foreign(list: &ResourceList, names: &ItemNames, identity: &ItemIdentity) -> Vec<FunctionResult> {
    let is_same = |node: &YamlNode| ItemIdentity::of_node(node).is_same(identity);
    let indices: BTreeSet<usize> = names.foreign.get(&identity.name).into_iter().flatten().copied().collect_set();
    let foreign = indices.into_iter().filter_map(|index| list.items.get(index));
    foreign
        .filter(|item| item.node().is_some_and(|node| any_object(node, &is_same)))
        .map(|item| FunctionResult {
            diagnostic: duplicate_error(identity, list.caller),
            item: Some(item.identity.clone()),
        })
        .collect()
}

impl ObjectPlace {
    /// The item of an earlier run that the object replaces.
    fn find_earlier<'l>(
        &self,
        list: &'l mut ResourceList,
        names: &ItemNames,
    ) -> Result<Option<&'l mut ListItem>, Diagnostic> {
        let is_of_files = list.caller == FunctionCaller::Files;
        let candidates = names.candidates(self);
        let find = |is_earlier: &dyn Fn(&ListItem) -> bool| -> Vec<usize> {
            // one that was replaced is no longer generated by an earlier run
            let is_one = |item: &ListItem| item.is_generated() && is_earlier(item);
            candidates.iter().copied().filter(|index| list.items.get(*index).is_some_and(is_one)).collect()
        };
        let is_here = |item: &ListItem| item.identity.namespace == self.identity.namespace;
        let same = find(&|item| item.identity.is_same(&self.identity));
        let here = find(&|item| item.identity.is_same(&self.identity) && is_here(item));
        let found = if here.is_empty() { same } else { here };
        if found.len() > 1 {
            return Err(several_error(&self.identity));
        }
        let version = found.first().copied().or_else(|| {
            let versions = find(&|item| is_of_files && self.is_version(item));
            let is_here = |index: &&usize| list.items.get(**index).is_some_and(is_here);
            match versions.as_slice() {
                // without a namespace in the layers, another function may have set one
                [only] if self.identity.namespace.is_none() => Some(*only),
                versions => versions.iter().find(is_here).copied(),
            }
        });
        Ok(version.and_then(|index| list.items.get_mut(index)))
    }

    /// Name that all versions of the object have in common.
    fn version_name(&self) -> &str {
        self.base_name.as_ref().unwrap_or(&self.identity.name)
    }

    /// Whether an item of Septum is a version of the object with other values, or with the name of another scheme.
    fn is_version(&self, item: &ListItem) -> bool {
        let base_name = self.version_name();
        let is_named = match item.label(BASE_NAME) {
            Some(label) => label == base_name,
            None => self.base_name.is_some() && is_version_of(&item.identity.name, base_name),
        };
        is_named && ItemIdentity { name: self.identity.name.clone(), ..item.identity.clone() }.is_same(&self.identity)
    }
}

/// Whether a name is a base name, or that with a hash.
fn is_version_of(name: &str, base_name: &str) -> bool {
    let Some(rest) = name.strip_prefix(base_name) else { return false };
    let is_hash = |hash: &str| hash.len() == HASH_LENGTH && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
    rest.is_empty() || rest.strip_prefix('-').is_some_and(is_hash)
}

/// Takes out what earlier runs generated for the same apps, and this one does not. What another environment of them
/// has stays: a call for that may have added it.
fn remove_stale(
    list: &mut ResourceList,
    places: &[ObjectPlace],
    target: &NeighbourTarget<'_, '_>,
) -> Result<Option<Diagnostic>, Diagnostics> {
    let is_here = |place: &ObjectPlace, item: &ListItem| {
        item.is_generated() && place.identity.namespace == item.identity.namespace
    };
    let mut by_name: BTreeMap<&str, Vec<&ObjectPlace>> = BTreeMap::new();
    for place in places {
        by_name.entry(place.version_name()).or_default().push(place);
    }
    list.items.retain(|item| {
        let mut versions = version_names(item).filter_map(|name| by_name.get(name)).flatten();
        !versions.any(|place| is_here(place, item) && place.is_version(item))
    });
    let apps = target.app_names()?;
    let is_stale = |item: &ListItem| {
        let is_of_app = item.label(APP).is_some_and(|label| apps.iter().any(|app| app == label));
        is_of_app && places.iter().any(|place| is_here(place, item))
    };
    // most runs need no other environment
    if !list.items.iter().any(is_stale) {
        return Ok(None);
    }
    let elsewhere = match target.names_elsewhere() {
        Ok(elsewhere) => elsewhere,
        Err(environment) => return Ok(Some(unknown_owner(&environment))),
    };
    let is_elsewhere = |item: &ListItem| {
        let may_meet = |namespace: &Option<String>| {
            namespace.as_ref().zip(item.identity.namespace.as_ref()).is_none_or(|(one, two)| one == two)
        };
        elsewhere.iter().any(|(namespace, name)| may_meet(namespace) && is_version_of(&item.identity.name, name))
    };
    list.items.retain(|item| !is_stale(item) || is_elsewhere(item));
    Ok(None)
}

/// Warning: objects that this run does not generate may be those of another environment.
fn unknown_owner(environment: &EnvironmentName) -> Diagnostic {
    let message = "objects of earlier runs that are no longer generated are kept";
    Diagnostic::warning(Rule::FunctionInput, message)
        .note(format!("`{environment}` cannot be built, so they may be its objects"))
        .hint(format!("run `septum check {environment}`, or remove their files"))
}

/// The first place behind all objects in each file.
fn free_indices(list: &ResourceList) -> BTreeMap<String, u64> {
    let mut free = BTreeMap::new();
    for item in &list.items {
        let Some(path) = item.path() else { continue };
        let text = [INDEX, FORMER_INDEX].iter().find_map(|name| item.annotation(name));
        let index = text.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let behind = free.entry(path.to_owned()).or_default();
        *behind = index.saturating_add(1).max(*behind);
    }
    free
}

/// Keeps the namespace that another function gave an object whose layers give it none, and says so.
fn keep_namespace(tree: &mut Tree, new: &mut ItemIdentity, old: &ItemIdentity) -> Option<Diagnostic> {
    let (None, Some(namespace)) = (&new.namespace, &old.namespace) else { return None };
    let place = tree.place.clone();
    tree.map_under("metadata")?.insert("namespace".to_owned(), Tree::text(namespace, &place));
    new.namespace = Some(namespace.clone());
    let message = format!("{} stays in the namespace `{namespace}`, though its layers set none", new.label());
    Some(
        Diagnostic::warning(Rule::FunctionInput, message)
            .hint(format!("set it in the layers of the environment: `namespace: {namespace}`"))
            .hint("or remove the object, if it is one of another environment"),
    )
}

/// The new version of an object in the place of the old one.
fn with_annotations_of(mut tree: Tree, old: &YamlNode) -> Tree {
    let annotations = old.as_map().and_then(|map| map.get("metadata")?.as_map()?.get("annotations")?.as_map());
    for (key, value) in annotations.into_iter().flatten() {
        if OF_CALLERS.iter().any(|prefix| key.text.starts_with(prefix))
            && let Some(scalar) = value.as_scalar()
        {
            set_annotation(&mut tree, &key.text, scalar.text());
        }
    }
    tree
}

/// Error: earlier runs left several objects that may be the earlier version.
fn several_error(identity: &ItemIdentity) -> Diagnostic {
    Diagnostic::error(Rule::InvalidName, format!("{} is among the items several times", identity.label()))
        .note("septum generated all of them, so it is unknown which to replace")
        .hint("remove all but one of them, or set `namespace` in the layers")
}

/// Error: the caller has an object of the same kind and name.
fn duplicate_error(identity: &ItemIdentity, caller: FunctionCaller) -> Diagnostic {
    let error = Diagnostic::error(Rule::InvalidName, format!("{} is among the items already", identity.label()))
        .note("septum did not generate that one, so it is not replaced");
    match caller {
        FunctionCaller::Files => error.hint("rename the bundle, or remove the other object"),
        FunctionCaller::KustomizeGenerator | FunctionCaller::KustomizeTransformer => {
            let name = format!("{}/{}", identity.kind, identity.name);
            error.hint("rename the bundle, or remove the other object").hint(format!(
                "to merge them, list the function under `generators:`, with `behavior: {{ {name}: merge }}`"
            ))
        }
    }
}
