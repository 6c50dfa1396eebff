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
        ("data:\n  B: old # own\n  Z: 1\n", "data/B", "data:\n  # other\n  B: | # own\n    one\n\n    two\n  Z: 1\n"),
        ("data: { Z: 1 }\n", "data/B", "data: { Z: 1, B: \"one\\n\\ntwo\\n\" }\n"),
        ("data: { C: 1 }\n", "data/C", "data: { C: { value: 1, type: integer } }\n"),
        ("data:\n  # kept\n  E: 1\n", "data/E", "data:\n  # kept\n  E: \"q\"\n"),
        (
            "data:\n  D: |\n    x\n  Z: 1\n",
            "data/D",
            "data:\n  D:\n    # inner\n    value: >-\n      a\n      b\n  Z: 1\n",
        ),
        ("{ data: { Z: 1 } }\n", "data/A", "{ data: { Z: 1, A: 'x' } }\n"),
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

/// Replaces `data/K` of one layer by that of another, and checks that only its content changes.
fn replaced(from: &str, to: &str) -> String {
    let text = copied(from, to, "data/K");
    let source = PromotionDraft::read("from", from).unwrap();
    let target = PromotionDraft::read("to", &text).unwrap();
    let node = |draft: &PromotionDraft| node_at(draft.root(), &path("data/K")).cloned().unwrap();
    assert!(is_same_content(&node(&source), &node(&target)), "{text}");
    text
}

#[test]
fn comments_beside_a_replaced_value_stay() {
    for (from, to, expected) in [
        // each comment of the source is for a place where the target has none
        ("data:\n  # f\n  K: 1 # g\n", "data:\n  K: 2\n", "data:\n  # f\n  K: 1 # g\n"),
        ("data:\n  # f\n  K: 1 # g\n", "data:\n  # t\n  K: 2\n", "data:\n  # t\n  K: 1 # g\n"),
        ("data:\n  # f\n  K: 1 # g\n", "data:\n  K: 2  # u\n", "data:\n  # f\n  K: 1  # u\n"),
        ("data:\n  # f\n  K: 1 # g\n", "data:\n  # t\n  # t\n  K: 2 # u\n", "data:\n  # t\n  # t\n  K: 1 # u\n"),
        ("data:\n  K: 1\n", "data:\n  K: | # u\n    x\n  L: 1\n", "data:\n  K: 1 # u\n  L: 1\n"),
        ("data:\n  K: 1\n", "data:\n  K: # u\n    value: x\n  L: 1\n", "data:\n  K: 1 # u\n  L: 1\n"),
        ("data:\n  K: |\n    a # b\n", "data:\n  K: 1 # u\n  L: 1\n", "data:\n  K: | # u\n    a # b\n  L: 1\n"),
        ("data:\n  K: >- # f\n    a\n", "data:\n  K: 1 # u\n  L: 1\n", "data:\n  K: >- # u\n    a\n  L: 1\n"),
        ("data:\n  K:\n    # in\n    value: a\n", "data:\n  K: 1 # u\n", "data:\n  K: # u\n    # in\n    value: a\n"),
        ("data:\n  K: \"a\n    b\"\n", "data:\n  K: 1 # u\n  L: 1\n", "data:\n  K: \"a\n    b\" # u\n  L: 1\n"),
        ("data:\n  K: a\n    b\n", "data:\n  K: 1 # u\n  L: 1\n", "data:\n  K: a\n    b # u\n  L: 1\n"),
        ("data:\n  K: 'a # b'\n", "data:\n  K: \"# no\" # u\n", "data:\n  K: 'a # b' # u\n"),
        ("data: { K: 1 }\n", "data:\n  # t\n  K: [1] # u\n", "data:\n  # t\n  K: 1 # u\n"),
    ] {
        assert_eq!(replaced(from, to), expected, "{from:?} {to:?}");
    }
}

#[test]
fn a_block_keeps_its_line_breaks() {
    let block = "  K: |+\n    one\n\n\n";
    for (from, to, expected) in [
        (format!("data:\n{block}"), "", format!("data:\n{block}")),
        (format!("data:\n{block}"), "data:\n  K: 1\n  L: 1\n", format!("data:\n{block}  L: 1\n")),
        (
            format!("data:\n{block}"),
            "data:\n  K: 1 # u\n\n  L: 1\n",
            "data:\n  K: |+ # u\n    one\n\n\n  L: 1\n".into(),
        ),
        (format!("data:\n{block}"), "data:\n  K: 1", format!("data:\n{block}")),
        (
            format!("data:\n{block}  L: 1\n"),
            "data:\n  L: 1\n\nvars: {}\n",
            format!("data:\n  L: 1\n\n{block}vars: {{}}\n"),
        ),
        (
            "data:\n  K: 1\n".into(),
            "data:\n  L: |+\n    x\n\nvars: {}\n",
            "data:\n  L: |+\n    x\n\n  K: 1\nvars: {}\n".into(),
        ),
        (
            "data:\n  K: >+\n    a\n    b\n\n".into(),
            "data:\n    K: |+\n        x\n\n    L: 1\n",
            "data:\n    K: >+\n      a\n      b\n\n    L: 1\n".into(),
        ),
        (
            "data:\n  K:\n    value: |+\n      a\n\n".into(),
            "data:\n  K: 1\n  L: 1\n",
            "data:\n  K:\n    value: |+\n      a\n\n  L: 1\n".into(),
        ),
    ] {
        assert_eq!(replaced(&from, to), expected, "{from:?} {to:?}");
    }
    // what is removed behind it, and the block itself
    for (text, at, expected) in [
        ("data:\n  K: |+\n    x\n\n  L: 1\n\n  M: 1\n", "data/L", "data:\n  K: |+\n    x\n\n  M: 1\n"),
        ("data:\n  K: |+\n    x\n\n\n  L: 1\n", "data/K", "data:\n  L: 1\n"),
        ("data:\n  K: |+\n    x\n\nvars: {}\n", "data/K", "data: {}\nvars: {}\n"),
    ] {
        let mut draft = PromotionDraft::read("x", text).unwrap();
        draft.cut(&path(at)).unwrap();
        assert_eq!(draft.text(), expected, "{text:?}");
    }
}

/// A draft to which the entries of `from` were copied: together, or one after the other.
fn copied_all(from: &str, to: &str, together: bool) -> Result<String, EditFailure> {
    let from = PromotionDraft::read("from", from).unwrap();
    let mut to = PromotionDraft::read("to", to).unwrap();
    if together {
        to.collect_edits();
    }
    let keys = from.root().as_map().and_then(|fields| fields.get("data")?.as_map()).unwrap();
    for key in keys.keys() {
        let at = path(&format!("data/{}", key.text));
        to.put(&at, &from.excerpt(&at).unwrap())?;
    }
    to.make_collected()?;
    Ok(to.text().to_owned())
}

#[test]
fn edits_that_are_made_together_give_the_text_of_single_ones() {
    let from = "data:\n  # first\n  A: 1\n  B: 'x' # behind\n  C: |\n    y\n  D: { value: z }\n";
    for (to, is_possible) in [
        ("data:\n  Z: 0\n", true),
        ("data:\n  B: old # own\n\n  Z: 0\n", true),
        ("data: { Z: 0 }\n", true),
        ("data:\r\n  D: 1\r\n  A: 2\r\n", true),
        // each of them would add the map, or the line break that is missing
        ("", false),
        ("data: {}\n", false),
        ("data:\n  Z: 0", false),
    ] {
        let single = copied_all(from, to, false).unwrap();
        let together = copied_all(from, to, true);
        assert_eq!(together, if is_possible { Ok(single) } else { Err(EditFailure::Entangled) }, "{to:?}");
    }
}

#[test]
fn collected_edits_are_made_or_forgotten() {
    let from = PromotionDraft::read("from", "data:\n  A: 1\n  B: 2\n").unwrap();
    let mut to = PromotionDraft::read("to", "data:\n  A: 1\n  C: 3\n").unwrap();
    to.collect_edits();
    to.put(&path("data/A"), &from.excerpt(&path("data/A")).unwrap()).unwrap();
    assert_eq!((to.collected_count(), to.is_changed_since(0)), (Some(1), false), "it is the same");
    to.put(&path("data/B"), &from.excerpt(&path("data/B")).unwrap()).unwrap();
    assert!(to.is_changed_since(1));
    to.forget_collected(1);
    assert!(!to.is_changed_since(0));
    to.cut(&path("data/C")).unwrap();
    assert_eq!(to.text(), "data:\n  A: 1\n  C: 3\n", "nothing is made yet");
    to.make_collected().unwrap();
    assert_eq!((to.text(), to.collected_count()), ("data:\n  A: 1\n", None));
}

#[test]
fn many_edits_need_one_reading_of_the_layer() {
    let entries = |value: &str| (0..500).map(|index| format!("  KEY_{index}: {value}\n")).collect::<Vec<_>>().concat();
    let (from, to) = (format!("data:\n{}", entries("new")), format!("data:\n{}", entries("old")));
    let before = crate::test_hook::counted_work();
    assert_eq!(copied_all(&from, &to, true).as_deref(), Ok(from.as_str()));
    let work = crate::test_hook::counted_work() - before;
    assert!(work <= 8 * from.len(), "{work} for {}", from.len());
}
