//! Changes of several entries of a layer.

use super::*;

fn path(key: &str) -> Vec<String> {
    vec!["data".to_owned(), key.to_owned()]
}

/// The text after changes, and for each whether it was made.
fn changed(text: &str, changes: &[(&str, EntryChangeKind<'_>)]) -> (String, Vec<bool>) {
    let mut draft = LayerDraft::read("prod.yaml", text).unwrap();
    let paths: Vec<_> = changes.iter().map(|(key, _)| path(key)).collect();
    let changes: Vec<_> =
        paths.iter().zip(changes).map(|(path, (_, kind))| EntryChange { path, kind: *kind }).collect();
    let made = draft.change_all(&changes);
    (draft.text().to_owned(), made.iter().map(Result::is_ok).collect())
}

#[test]
fn a_change_that_is_refused_leaves_the_others() {
    let text = "data:\n  A: 1\n  B: 2\n  C: &x 3\n  D: 4\n  E: 5\n";
    let changes = [
        // there is another one of that name
        ("A", EntryChangeKind::Rename("B")),
        ("B", EntryChangeKind::Declare),
        ("C", EntryChangeKind::Declare),
        ("D", EntryChangeKind::Rename("F")),
        ("E", EntryChangeKind::Take { keeps_key: false }),
    ];
    let (after, made) = changed(text, &changes);
    assert_eq!(made, [false, true, false, true, true]);
    assert_eq!(after, "data:\n  A: 1\n  B: { value: 2, sensitive: true }\n  C: &x 3\n  F: 4\n");
}

#[test]
fn all_values_of_a_map_can_be_taken() {
    let take = EntryChangeKind::Take { keeps_key: false };
    for text in ["data:\n  A: 1\n  B: 2\n  C: 3\n", "data: { A: 1, B: 2, C: 3 }\n"] {
        let (after, made) = changed(text, &[("A", take), ("B", take), ("C", take)]);
        assert_eq!(made, [true; 3]);
        assert!(after.starts_with("data: {") && after.trim_end().ends_with('}'), "{after}");
    }
}

#[test]
fn many_changes_need_one_reading_of_the_layer() {
    let entries = |name: &str| (0..500).map(|index| format!("  {name}_{index}: value\n")).collect::<Vec<_>>().concat();
    let (old, new) = (format!("data:\n{}", entries("OLD")), format!("data:\n{}", entries("NEW")));
    let keys: Vec<_> = (0..500).map(|index| (format!("OLD_{index}"), format!("NEW_{index}"))).collect();
    let changes: Vec<_> = keys.iter().map(|(old, new)| (old.as_str(), EntryChangeKind::Rename(new))).collect();
    let before = crate::test_hook::counted_work();
    let (after, made) = changed(&old, &changes);
    let work = crate::test_hook::counted_work() - before;
    assert!(made.iter().all(|made| *made));
    assert_eq!(after, new);
    assert!(work <= 8 * new.len(), "{work} for {}", new.len());
}
