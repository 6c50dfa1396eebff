//! A plan as a unified diff that reveals no secret.

use std::collections::{BTreeMap, BTreeSet};

use super::hide::{DiffPair, find_secret_keys, redact_versions};
use super::name::TargetName;
use super::plan::TreePlan;
use super::root::TreeEntry;
use super::target_plan::{FileRemoval, FileWrite};
use crate::line_diff::LineDiff;
use crate::route::Sensitivity;
use crate::secret::Wiping;
use crate::sort::sort_by_key;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// Name of a missing side in a diff.
const NOTHING: &str = "/dev/null";

impl TreePlan {
    /// All changes as a unified diff from the existing files to the new ones. Values of Secrets, former ones in other objects
    /// and ciphertext are hidden; of a file that is not valid YAML, the diff shows only that it differs.
    pub fn diff(&self) -> String {
        unified_diff(self)
    }
}

fn unified_diff(plan: &TreePlan) -> String {
    let root = &plan.root;
    let mut changes: Vec<_> = plan.writes.iter().map(|write| (&write.target, &write.file, Some(write))).collect();
    changes.extend(plan.removals.iter().map(|FileRemoval { target, file, .. }| (target, file, None)));
    sort_by_key(&mut changes, |(target, file, _)| (*target, *file));
    let secret_keys = find_keys_of_secrets(plan);
    let mut out = String::new();
    for (target, file, write) in changes {
        let name = root.show(target, file);
        let old = match root.find_entry(target, file) {
            Ok(TreeEntry::File(bytes)) => Some(bytes),
            _ => None,
        };
        let sides = (old.as_ref().map(|old| old.as_slice()), write);
        out.push_str(&diff_file((&name, file.as_str()), sides, secret_keys.get(target).unwrap_or(&BTreeSet::new())));
    }
    out
}

/// Beginnings of the names of files with Secrets, or with what they are made of.
const SECRETS: [&str; 3] = ["secret-", "sealedsecret-", "externalsecret-"];

/// Keys of the Secrets that are written for each target.
fn find_keys_of_secrets(plan: &TreePlan) -> BTreeMap<TargetName, BTreeSet<String>> {
    let mut found: BTreeMap<TargetName, BTreeSet<String>> = BTreeMap::new();
    for write in &plan.writes {
        let file = write.file.as_str();
        if let Some(text) =
            std::str::from_utf8(&write.bytes).ok().filter(|_| SECRETS.iter().any(|it| file.starts_with(it)))
        {
            find_secret_keys(text, found.entry(write.target.clone()).or_default());
        }
    }
    found
}

/// A file that is written or removed.
fn diff_file(
    (name, file): (&str, &str),
    (old, write): (Option<&[u8]>, Option<&FileWrite>),
    secret_keys: &BTreeSet<String>,
) -> String {
    // a Secret that was broken by hand may not look like one
    let is_named_so = file.starts_with("secret-");
    let is_known = write.is_some_and(|it| [it.sensitivity, it.before].contains(&Sensitivity::Sensitive));
    let sensitivity = if is_named_so || is_known { Sensitivity::Sensitive } else { Sensitivity::Plain };
    let text = |bytes: &'_ [u8]| std::str::from_utf8(bytes).ok().map(|text| Wiping::new(text.to_owned()));
    let header = diff_header(name, old.is_some(), write.is_some());
    let (old_text, new_text) = (old.map(text), write.map(|write| text(&write.bytes)));
    let sides = match (old_text, new_text) {
        (Some(None), _) | (_, Some(None)) => None,
        (old, new) => redact_versions(
            old.flatten().as_deref().map(String::as_str),
            new.flatten().as_deref().map(String::as_str),
            sensitivity,
            secret_keys,
        ),
    };
    let Some(DiffPair { old, new }) = sides else {
        return format!("{header}differs; not shown because it is not valid YAML\n");
    };
    if old == new {
        return format!("{header}differs only in formatting or comments\n");
    }
    header + &diff_lines(&old, &new)
}

fn diff_header(name: &str, was: bool, is: bool) -> String {
    let side = |is_there| if is_there { name } else { NOTHING };
    format!("--- {}\n+++ {}\n", side(was), side(is))
}

/// The hunks of two texts.
fn diff_lines(old: &str, new: &str) -> String {
    LineDiff::new(old, new).hunks(CONTEXT).iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::diff_lines;

    #[test]
    fn two_texts_that_differ_all_over_are_one_hunk() {
        let text = |word: &str| {
            let lines: Vec<_> = (0..6000).map(|at| format!("{word}{at}\n")).collect();
            format!("a\nb\nc\nd\n{}y\nz", lines.concat())
        };
        let diff = diff_lines(&text("old"), &text("new"));
        assert!(diff.starts_with("@@ -2,6005 +2,6005 @@\n b\n c\n d\n-old0\n"), "{diff:.100}");
        assert!(diff.ends_with("+new5999\n y\n z\n\\ No newline at end of file\n"));
        assert_eq!(diff.lines().filter(|line| line.starts_with("-old")).count(), 6000);
    }
}
