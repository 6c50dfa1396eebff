//! The same change in several environments.

use indexmap::IndexMap;

use super::change::Change;

/// Merges changes that differ in nothing but their environments.
pub fn fold_changes(changes: Vec<Change>) -> Vec<Change> {
    let mut folded: IndexMap<String, Vec<Change>> = IndexMap::new();
    for change in changes {
        let key = format!("{}\u{0}{:?}\u{0}{:?}", change.app, change.subject, change.kind);
        let same = folded.entry(key).or_default();
        let is_same = |known: &&mut Change| {
            let as_known = Change { environments: known.environments.clone(), ..change.clone() };
            **known == as_known
        };
        match same.iter_mut().find(is_same) {
            // the same change of the same two environments is not there twice
            Some(known) => {
                known.environments.extend(change.environments);
                known.environments.sort();
                known.environments.dedup();
            }
            None => same.push(change),
        }
    }
    let mut changes: Vec<_> = folded.into_values().flatten().collect();
    changes.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    changes
}
