//! The same change in several environments.

use super::change::{Change, DiffReport, ranks};
use crate::map::IndexMap;
use crate::sort::sort_by_key;

/// Merges changes that differ in nothing but their environments.
pub fn fold_changes(report: &mut DiffReport) {
    let changes = std::mem::take(&mut report.changes);
    let mut folded: IndexMap<String, Vec<Change>> = IndexMap::default();
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
                sort_by_key(&mut known.environments, |name| ranks(std::slice::from_ref(name), &report.order));
                known.environments.dedup();
            }
            None => same.push(change),
        }
    }
    report.changes = folded.into_values().flatten().collect();
    report.sort();
}
