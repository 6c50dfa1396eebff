//! Patches, images and replica counts, on objects.

use septum::layer::{PatchSelector, Tree};
use septum::manifest::patch::{
    ImageOverride, PatchDocument, PatchObject, PatchOptions, PatchSettings, PatchedObjects, ReplicaOverride,
    ResolvedPatch, UnappliedDirectives, override_images, override_replicas,
};
use septum::span::{Located, Location, Source};
use septum::yaml::read::{MergeKeys, read_stream};
use septum::yaml::write::write_document;

use crate::input::first_parts;
use crate::project::assert_placed;

/// Input: objects, a patch, a target as lines `FIELD=VALUE`, images and counts as lines `NAME=VALUE`.
pub(crate) fn check(data: &[u8]) {
    let [objects, patch, target, overrides] = first_parts::<4>(data);
    let Some(first) = build(&objects, &patch, &target, &overrides) else { return };
    assert_eq!(Some(&first), build(&objects, &patch, &target, &overrides).as_ref(), "another result of the same");
    // an empty patch changes nothing
    if let (Some(untouched), Some(trees)) = (build(&objects, "", "", ""), parse("objects.yaml", &objects)) {
        let expected: Vec<_> = trees.iter().map(|tree| write_document(&tree.to_value())).collect();
        assert_eq!(untouched.objects, expected, "no patch changed an object");
    }
    for text in &first.objects {
        assert!(parse("built.yaml", text).is_some(), "unreadable: {text}");
    }
}

#[derive(Debug, PartialEq)]
struct Built {
    objects: Vec<String>,
    problems: Vec<String>,
}

fn parse(name: &str, text: &str) -> Option<Vec<Tree>> {
    let source = Source::new(name, text);
    let stream = read_stream(&source, MergeKeys::Apply).ok()?;
    Some(stream.documents.into_iter().map(|document| Tree::from_node(document, &source)).collect())
}

fn build(objects: &str, patch: &str, target: &str, overrides: &str) -> Option<Built> {
    let objects: Vec<_> =
        parse("objects.yaml", objects)?.into_iter().map(|tree| PatchObject::new(tree, Vec::new())).collect();
    let documents = parse("patch.yaml", patch)?;
    let field = |name: &str| {
        let line = target.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| Located { value: value.to_owned(), place: Location::synthetic() })
    };
    let selector = (!target.trim().is_empty()).then(|| PatchSelector {
        group: field("group"),
        version: field("version"),
        kind: field("kind"),
        name: field("name"),
        namespace: field("namespace"),
        label_selector: field("labelSelector"),
        annotation_selector: field("annotationSelector"),
        place: Location::synthetic(),
    });
    let patches: Vec<_> = (!documents.is_empty())
        .then(|| ResolvedPatch {
            target: selector,
            documents: documents.into_iter().map(|tree| PatchDocument { tree, parts: Vec::new() }).collect(),
            options: PatchOptions {
                allow_name_change: target.contains("allowNameChange"),
                allow_kind_change: target.contains("allowKindChange"),
            },
            place: Location::synthetic(),
        })
        .into_iter()
        .collect();
    let settings = PatchSettings { unapplied: UnappliedDirectives::Keep, is_complete: &|_| true };
    let mut patched = PatchedObjects::new(objects);
    let mut problems: Vec<_> = patches.iter().flat_map(|patch| patched.apply(patch, settings).problems).collect();
    let mut objects = patched.into_objects();
    let (mut replicas, mut images) = (Vec::new(), Vec::new());
    for (name, value) in overrides.lines().filter_map(|line| line.split_once('=')).take(8) {
        let (name, place) = (name.to_owned(), Location::synthetic());
        match value.parse() {
            Ok(count) => replicas.push(ReplicaOverride { name, count, place }),
            Err(_) => {
                let new_name = value.split([':', '@']).next().filter(|name| !name.is_empty()).map(str::to_owned);
                let digest = value.split_once('@').map(|(_, digest)| digest.to_owned());
                let new_tag = value.split_once(':').map(|(_, tag)| tag.to_owned()).filter(|_| digest.is_none());
                images.push(ImageOverride { name, new_name, new_tag, digest, place });
            }
        }
    }
    problems.extend(override_replicas(&mut objects, &replicas, true));
    problems.extend(override_images(&mut objects, &images, true));
    assert_placed(&problems);
    let objects = objects.iter().map(|object| write_document(&object.tree.to_value())).collect();
    let problems = problems.iter().map(|problem| format!("{}: {}", problem.rule, problem.message)).collect();
    Some(Built { objects, problems })
}
