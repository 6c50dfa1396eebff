//! Layers that are edited as text.

use super::*;

fn path(text: &str) -> Vec<DraftStep> {
    let step = |part: &str| part.parse().map_or_else(|_| DraftStep::Key(part.to_owned()), DraftStep::Item);
    text.split('/').map(step).collect()
}

fn copied(from: &str, to: &str, at: &str) -> String {
    let from = PromotionDraft::read("from", from).unwrap();
    let mut to = PromotionDraft::read("to", to).unwrap();
    let excerpt = from.excerpt(&path(at)).unwrap();
    to.put(&path(at), &excerpt).unwrap();
    to.text().to_owned()
}

#[test]
fn an_entry_is_copied_with_its_style_and_comments() {
    let from = "data:\n  # first\n  # second\n  A: 'x'  # behind\n\n  # other\n  B: |\n    one\n\n    two\n  C: { value: 1, type: integer }\n  D:\n    # inner\n    value: >-\n      a\n      b\n  E: \"q\"\n";
    for (to, at, expected) in [
        ("", "data/A", "data:\n  # first\n  # second\n  A: 'x'  # behind\n"),
        ("data: {}\n", "data/A", "data:\n  # first\n  # second\n  A: 'x'  # behind\n"),
        ("# head\n", "data/E", "# head\ndata:\n  E: \"q\"\n"),
        ("data:\n    Z: 1", "data/B", "data:\n    Z: 1\n    # other\n    B: |\n      one\n\n      two\n"),
        ("data:\n  B: old # gone\n  Z: 1\n", "data/B", "data:\n  # other\n  B: |\n    one\n\n    two\n  Z: 1\n"),
        ("data: { Z: 1 }\n", "data/B", "data: { Z: 1, B: \"one\\n\\ntwo\\n\" }\n"),
        ("data: { C: 1 }\n", "data/C", "data: { C: { value: 1, type: integer } }\n"),
        ("data:\n  # kept\n  E: 1\n", "data/E", "data:\n  # kept\n  E: \"q\"\n"),
        (
            "data:\n  D: |\n    x\n  Z: 1\n",
            "data/D",
            "data:\n  D:\n    # inner\n    value: >-\n      a\n      b\n  Z: 1\n",
        ),
        ("{ data: { Z: 1 } }\n", "data/A", "{ data: { Z: 1, A: \"x\" } }\n"),
        (
            "data:\r\n  Z: 1\r\n",
            "data/D",
            "data:\r\n  Z: 1\r\n  D:\r\n    # inner\r\n    value: >-\r\n      a\r\n      b\r\n",
        ),
        (
            "data:\n  A: |\n    x\n\nvars:\n  y: 1\n",
            "data/C",
            "data:\n  A: |\n    x\n  C: { value: 1, type: integer }\n\nvars:\n  y: 1\n",
        ),
    ] {
        assert_eq!(copied(from, to, at), expected, "{to:?} {at}");
    }
}

#[test]
fn anchors_and_braces_of_the_source_do_not_travel() {
    let from = "vars:\n  x: &x [1, 2]\ndata: { A: \"a,b\", B: [p,\n  q] }\nbundles:\n  b:\n    data:\n      K: *x\n";
    assert_eq!(copied(from, "data:\n  Z: 1\n", "data/A"), "data:\n  Z: 1\n  A: \"a,b\"\n");
    assert_eq!(copied(from, "data:\n  Z: 1\n", "data/B"), "data:\n  Z: 1\n  B: [p, q]\n");
    assert_eq!(copied(from, "", "bundles/b/data/K"), "bundles:\n  b:\n    data:\n      K: [1, 2]\n");
}

#[test]
fn items_of_lists_are_copied_and_removed() {
    let from = "patches:\n  - a.yaml\n  # why\n  - target: { kind: Deployment }\n    patch: |\n      - op: add\n  - b.yaml # behind\n";
    let mut to = PromotionDraft::read("to", "patches:\n- z.yaml\n").unwrap();
    let source = PromotionDraft::read("from", from).unwrap();
    to.put(&path("patches/1"), &source.excerpt(&path("patches/1")).unwrap()).unwrap();
    let second = "patches:\n- z.yaml\n# why\n- target: { kind: Deployment }\n  patch: |\n    - op: add\n";
    assert_eq!(to.text(), second);
    to.put(&path("patches/0"), &source.excerpt(&path("patches/2")).unwrap()).unwrap();
    assert_eq!(to.text(), second.replace("- z.yaml", "- b.yaml # behind"));
    to.cut(&path("patches/1")).unwrap();
    assert_eq!(to.text(), "patches:\n- b.yaml # behind\n");
    to.cut(&path("patches/0")).unwrap();
    assert_eq!(to.text(), "patches: []\n");
    to.put(&path("patches/0"), &source.excerpt(&path("patches/0")).unwrap()).unwrap();
    assert_eq!(to.text(), "patches:\n  - a.yaml\n");
}

#[test]
fn an_entry_is_removed_with_its_comments() {
    for (text, at, expected) in [
        ("data:\n  # a\n  A: 1 # b\n  B: |\n    x\n", "data/A", "data:\n  B: |\n    x\n"),
        ("data:\n  A: 1\n  B: |\n    x\n\nvars: {}\n", "data/B", "data:\n  A: 1\n\nvars: {}\n"),
        ("data:\n  # a\n  A: 1\nvars: {}\n", "data/A", "data: {}\nvars: {}\n"),
        ("data: { A: 1, B: 2 }\n", "data/A", "data: { B: 2 }\n"),
        ("data: { A: 1, B: 2 }\n", "data/B", "data: { A: 1 }\n"),
        ("data: { A: 1 }\n", "data/A", "data: {}\n"),
    ] {
        let mut draft = PromotionDraft::read("x", text).unwrap();
        draft.cut(&path(at)).unwrap();
        assert_eq!(draft.text(), expected, "{text:?}");
    }
}

#[test]
fn a_part_that_others_share_is_not_edited() {
    let mut draft = PromotionDraft::read("x", "data: &d\n  A: 1\nbundles:\n  b:\n    data: *d\n").unwrap();
    let new = LayerExcerpt::in_one_line(Some("A"), &PromotionDraft::read("y", "2").unwrap().root);
    assert_eq!(draft.put(&path("data/A"), &new), Err(EditFailure::Entangled));
    assert_eq!(draft.cut(&path("bundles/b/data/A")), Err(EditFailure::Entangled));
    assert_eq!(draft.text(), "data: &d\n  A: 1\nbundles:\n  b:\n    data: *d\n");
}
