//! Templated parts, which other programs do not have, and errors.

use super::*;
use crate::diagnostic::Rule;
use crate::layer::{PatchSelector, Tree};
use crate::resolve::{Lineage, TemplatePart};
use crate::span::{Located, Location, Source};
use crate::visibility::Visibility;
use crate::yaml::read::read_document;

const WORKLOAD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  template:
    spec:
      containers:
        - name: web
          env: [{ name: A, value: a }, { name: B, value: b }]
";

pub(super) fn tree(text: &str) -> Tree {
    let source = Source::new("x.yaml", text);
    Tree::from_node(read_document(&source).expect("valid"), &source)
}

/// Name, object and patch with their parts, and the expected parts and consumed parts.
type PartRow<'r> = (&'r str, (&'r str, Vec<&'r str>), (String, Vec<&'r str>), Vec<String>, Vec<&'r str>);

/// Scalars of a tree with their paths.
fn show(tree: &Tree) -> String {
    let mut found = Vec::new();
    tree.leaves("", &mut |path, _, scalar| found.push(format!("{path}={}", scalar.text())));
    found.join("\n")
}

/// Parts at some paths; each has its path as the name of its file.
fn parts(paths: &[&str]) -> Vec<TemplatePart> {
    let part = |path: &&str| TemplatePart {
        path: (*path).to_owned(),
        place: Location { source: Source::new(*path, ""), ..Location::synthetic() },
        lineage: Lineage::default(),
        visibility: Visibility::Known,
        text: None,
    };
    paths.iter().map(part).collect()
}

fn named(value: &str) -> Located<String> {
    Located { value: value.to_owned(), place: Location::synthetic() }
}

fn target(kind: &str) -> PatchSelector {
    PatchSelector {
        group: None,
        version: None,
        kind: Some(named(kind)),
        name: None,
        namespace: None,
        label_selector: None,
        annotation_selector: None,
        place: Location::synthetic(),
    }
}

fn patch(text: &str, templated: &[&str]) -> ResolvedPatch {
    let is_list = text.starts_with('[');
    ResolvedPatch {
        target: is_list.then(|| target("Deployment|Secret")),
        documents: vec![PatchDocument { tree: tree(text), parts: parts(templated) }],
        options: PatchOptions::default(),
        place: Location::synthetic(),
    }
}

fn apply(objects: &mut Vec<PatchObject>, patch: &ResolvedPatch) -> PatchReport {
    apply_with(objects, patch, true)
}

fn apply_with(objects: &mut Vec<PatchObject>, patch: &ResolvedPatch, is_complete: bool) -> PatchReport {
    let mut patched = PatchedObjects::new(std::mem::take(objects));
    let report =
        patched.apply(patch, PatchSettings { unapplied: UnappliedDirectives::Refuse, is_complete: &|_| is_complete });
    *objects = patched.into_objects();
    report
}

/// Origins and paths of the parts of an object after a patch, and the consumed ones.
fn patched(object: (&str, &[&str]), change: (&str, &[&str])) -> (Vec<String>, Vec<String>) {
    let mut objects = vec![PatchObject::new(tree(object.0), parts(object.1))];
    let report = apply(&mut objects, &patch(change.0, change.1));
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let show = |part: &TemplatePart| format!("{} -> {}", part.place.source.name(), part.path);
    let consumed = |consumed: &ConsumedPart| format!("{} {:?}", consumed.part.place.source.name(), consumed.role);
    let parts = objects.iter().flat_map(|object| &object.parts).map(show).collect();
    (parts, report.consumed.iter().map(consumed).collect())
}

#[test]
fn parts_follow_their_values() {
    const ENV: &str = "spec.template.spec.containers[0].env";
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n";
    let env = |items: &str| {
        format!("{head}spec: {{ template: {{ spec: {{ containers: [{{ name: web, env: {items} }}] }} }} }}")
    };
    let b = format!("{ENV}[1].value");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata: { P: cHc= }\n";
    let new = format!("{ENV}[0].value");
    let rows: Vec<PartRow<'_>> = vec![
        (
            "a new item comes first",
            (WORKLOAD, vec![&b]),
            (env("[{ name: Z, value: z }]"), vec![&new]),
            vec![format!("{new} -> {ENV}[0].value"), format!("{b} -> {ENV}[2].value")],
            vec![],
        ),
        (
            "a replaced value loses its part",
            (WORKLOAD, vec![&b]),
            (env("[{ name: B, value: x }]"), vec![]),
            vec![],
            vec![],
        ),
        (
            "a removed item loses its part",
            (WORKLOAD, vec![&b]),
            (env("[{ name: B, $patch: delete }]"), vec![]),
            vec![],
            vec![],
        ),
        (
            "a part that removes is consumed",
            (WORKLOAD, vec![]),
            (
                "metadata: { name: web, labels: null }\nkind: Deployment\napiVersion: apps/v1".to_owned(),
                vec!["metadata.labels"],
            ),
            vec![],
            vec!["metadata.labels Removal"],
        ),
        (
            "a merge key is consumed",
            (WORKLOAD, vec![]),
            (env("[{ name: B, value: x }]"), vec!["spec.template.spec.containers[0].name"]),
            vec!["spec.template.spec.containers[0].name -> spec.template.spec.containers[0].name".to_owned()],
            vec!["spec.template.spec.containers[0].name MergeKey"],
        ),
        (
            "a moved value takes its part along",
            (WORKLOAD, vec!["metadata.labels.app"]),
            ("[{ op: move, from: /metadata/labels/app, path: /metadata/name }]".to_owned(), vec![]),
            vec!["metadata.labels.app -> metadata.name".to_owned()],
            vec![],
        ),
        (
            "a copy out of a templated mapping has its part",
            (secret, vec!["data"]),
            ("[{ op: copy, from: /data/P, path: /metadata/annotations }]".to_owned(), vec![]),
            vec!["data -> metadata.annotations".to_owned(), "data -> data".to_owned()],
            vec![],
        ),
        (
            "a tested value is consumed on both sides",
            (secret, vec!["data.P"]),
            ("[{ op: test, path: /data/P, value: cHc= }]".to_owned(), vec!["[0].value"]),
            vec!["data.P -> data.P".to_owned()],
            vec!["[0].value Test", "data.P Test"],
        ),
        (
            "a path is consumed, a value is not",
            (secret, vec![]),
            ("[{ op: add, path: /data/Q, value: x }]".to_owned(), vec!["[0].path", "[0].value"]),
            vec!["[0].value -> data.Q".to_owned()],
            vec!["[0].path Operation"],
        ),
    ];
    for (name, object, change, expected, consumed) in rows {
        let (mut found, mut deciding) = patched((object.0, &object.1), (&change.0, &change.1));
        let mut expected = expected;
        found.sort_unstable();
        expected.sort_unstable();
        deciding.sort_unstable();
        assert_eq!(found, expected, "{name}");
        assert_eq!(deciding, consumed, "{name}");
    }
}

#[test]
fn an_unknown_value_passes_a_test() {
    let mut object = tree("apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata: { P: cHc= }\n");
    if let Some(crate::layer::TreeKind::Leaf(scalar)) = object.at_mut(&["data", "P"]).map(|tree| &mut tree.kind) {
        *scalar = std::sync::Arc::new(scalar.to_locked());
    }
    let test = "[{ op: test, path: /data/P, value: other }, { op: test, path: /kind, value: X }]";
    let problems = apply(&mut vec![PatchObject::new(object, Vec::new())], &patch(test, &[])).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems.iter().all(|problem| problem.labels.iter().any(|label| label.place.span.column == 77)),
        "{problems:?}"
    );
}

#[test]
fn a_patch_that_cannot_be_applied_is_an_error_and_the_object_stays() {
    let named = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: ";
    for (text, rule, hint) in [
        (format!("{named}wbe }}"), Rule::UnmatchedPatch, true),
        ("apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: { name: web }".to_owned(), Rule::UnmatchedPatch, true),
        (format!("{named}web, namespace: other }}"), Rule::UnmatchedPatch, true),
        (format!("{named}web }}\nspec: [1]"), Rule::InvalidPatch, true),
        (format!("{named}web }}\nspec: {{ $patch: drop }}"), Rule::InvalidPatch, false),
        (format!("{named}web }}\n$patch: replace"), Rule::InvalidPatch, true),
        (
            format!("{named}web }}\nspec: {{ template: {{ spec: {{ containers: [{{ image: x }}] }} }} }}"),
            Rule::InvalidPatch,
            true,
        ),
        ("kind: Deployment".to_owned(), Rule::InvalidPatch, true),
        ("[{ op: remove, path: /metadata/labels/ap }]".to_owned(), Rule::InvalidPatch, true),
        ("[{ op: rename, path: /a }]".to_owned(), Rule::InvalidPatch, true),
        ("[{ op: add, path: /a }]".to_owned(), Rule::InvalidPatch, false),
        ("[{ op: add, path: a, value: 1 }]".to_owned(), Rule::InvalidPatch, true),
        ("[{ op: remove, path: '', }]".to_owned(), Rule::InvalidPatch, false),
        ("[{ op: remove, pth: /a }]".to_owned(), Rule::InvalidPatch, true),
        ("[1]".to_owned(), Rule::InvalidPatch, true),
        ("[]".to_owned(), Rule::InvalidPatch, true),
    ] {
        let mut objects = vec![PatchObject::new(tree(WORKLOAD), Vec::new())];
        let report = apply(&mut objects, &patch(&text, &[]));
        let found: Vec<_> = report.problems.iter().map(|problem| (problem.rule, !problem.hints.is_empty())).collect();
        assert_eq!(found, [(rule, hint)], "{text}");
        let kept = objects.first().map(|object| show(&object.tree));
        assert_eq!(kept, Some(show(&tree(WORKLOAD))), "{text}");
    }
}

#[test]
fn a_target_that_selects_nothing_is_an_error_unless_objects_are_unknown() {
    let of = |is_complete: bool, wanted: PatchSelector| {
        let mut change = patch("[{ op: remove, path: /spec }]", &[]);
        change.target = Some(wanted);
        let mut objects = vec![PatchObject::new(tree(WORKLOAD), Vec::new())];
        let problems = apply_with(&mut objects, &change, is_complete).problems;
        problems.into_iter().map(|problem| (problem.rule, problem.hints)).next()
    };
    let guess = vec!["did you mean `Deployment`?".to_owned()];
    assert_eq!(of(true, target("Deploymnet")), Some((Rule::UnmatchedPatch, guess)));
    assert_eq!(of(false, target("Deploymnet")), None);
    assert_eq!(of(true, target("Deploy.*")), None);
    assert_eq!(of(true, target("Deploy(")).map(|found| found.0), Some(Rule::InvalidPatch));
    let selected = |selector: &str| PatchSelector { label_selector: Some(named(selector)), ..target("") };
    assert_eq!(of(true, selected("app in (web)")), None);
    assert_eq!(of(true, selected("app in")).map(|found| found.0), Some(Rule::InvalidPatch));
}

#[test]
fn images_and_counts_that_match_nothing_are_named() {
    let mut objects = vec![PatchObject::new(
        tree(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { template: { spec: { containers: [{ image: nginx:1 }] } } }",
        ),
        Vec::new(),
    )];
    let image = |name: &str| ImageOverride {
        name: name.to_owned(),
        new_name: None,
        new_tag: Some("2".to_owned()),
        digest: None,
        place: Location::synthetic(),
    };
    let replica = |name: &str| ReplicaOverride { name: name.to_owned(), count: 2, place: Location::synthetic() };
    let images = override_images(&mut objects, &[image("nginx"), image("ngnix")], true);
    let replicas = override_replicas(&mut objects, &[replica("web"), replica("wbe")], true);
    let found: Vec<_> =
        images.iter().chain(&replicas).map(|problem| (problem.rule, problem.hints.as_slice())).collect();
    let hint = |name: &str| vec![format!("did you mean `{name}`?")];
    assert_eq!(
        found,
        [(Rule::UnmatchedImage, hint("nginx").as_slice()), (Rule::UnmatchedImage, hint("web").as_slice())]
    );
    assert!(override_images(&mut objects, &[image("ngnix")], false).is_empty());
    let tree = objects.first().map(|object| show(&object.tree)).unwrap_or_default();
    assert!(tree.contains("nginx:2") && tree.contains("replicas"), "{tree}");
}

#[test]
fn an_override_sees_what_an_earlier_one_wrote() {
    let object = "kind: Deployment\nspec: { template: { spec: { containers: [{ image: 'reg.io/app:1' }, { image: regxio/app }, { image: web }] } } }\n";
    let image = |name: &str, new_name: &str, tag: &str| ImageOverride {
        name: name.to_owned(),
        new_name: Some(new_name.to_owned()),
        new_tag: Some(tag.to_owned()),
        digest: None,
        place: Location::synthetic(),
    };
    for (overrides, expected) in [
        // a `.` matches any character, as in kustomize
        (&[image("reg.io/app", "", "2")][..], ["reg.io/app:2", "regxio/app:2", "web"]),
        (&[image("web", "other", "2"), image("other", "", "3")], ["reg.io/app:1", "regxio/app", "other:3"]),
        (&[image("other", "", "3"), image("web", "other", "2")], ["reg.io/app:1", "regxio/app", "other:2"]),
        (&[image("w.b", "", "2"), image("(reg.io|x)/app", "y", "")], ["y:1", "y", "web:2"]),
    ] {
        let mut objects = vec![PatchObject::new(tree(object), Vec::new())];
        override_images(&mut objects, overrides, true);
        let tree = objects.first().map(|object| show(&object.tree)).unwrap_or_default();
        for image in expected {
            assert!(tree.contains(image), "{image}: {tree}");
        }
    }
}
