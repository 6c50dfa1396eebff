//! A plan as a unified diff that gives no secret away.

use std::time::Duration;

use similar::TextDiff;

use super::Found;
use super::hide::{Sides, hide};
use super::plan::Plan;
use super::target::{Removal, Write};
use crate::route::Sensitivity;
use crate::secret::Wiping;

/// Files that differ all over are not worth more; the diff is right then, though not the shortest.
const LONGEST: Duration = Duration::from_millis(500);

/// What stands for a side that is not there.
const NOTHING: &str = "/dev/null";

pub(super) fn diff(plan: &Plan) -> String {
    let root = &plan.root;
    let mut changes: Vec<_> = plan.writes.iter().map(|write| (&write.target, &write.file, Some(write))).collect();
    changes.extend(plan.removals.iter().map(|Removal { target, file, .. }| (target, file, None)));
    changes.sort_by_key(|(target, file, _)| (*target, *file));
    let mut out = String::new();
    for (target, file, write) in changes {
        let name = root.show(target, file);
        let old = match root.look(target, file) {
            Ok(Found::File(bytes)) => Some(bytes),
            _ => None,
        };
        out.push_str(&change(&name, file.as_str(), old.as_ref().map(|old| old.as_slice()), write));
    }
    out
}

/// A file that is written or removed.
fn change(name: &str, file: &str, old: Option<&[u8]>, write: Option<&Write>) -> String {
    // a Secret that somebody broke by hand may look like none
    let is_named_so = file.starts_with("secret-");
    let is_known = write.is_some_and(|it| [it.sensitivity, it.before].contains(&Sensitivity::Sensitive));
    let sensitivity = if is_named_so || is_known { Sensitivity::Sensitive } else { Sensitivity::Plain };
    let text = |bytes: &'_ [u8]| std::str::from_utf8(bytes).ok().map(|text| Wiping::new(text.to_owned()));
    let header = header(name, old.is_some(), write.is_some());
    let (old_text, new_text) = (old.map(text), write.map(|write| text(&write.bytes)));
    let sides = match (old_text, new_text) {
        (Some(None), _) | (_, Some(None)) => None,
        (old, new) => hide(
            old.flatten().as_deref().map(String::as_str),
            new.flatten().as_deref().map(String::as_str),
            sensitivity,
        ),
    };
    let Some(Sides { old, new }) = sides else {
        return format!("{header}differs, and is not shown: it cannot be read as YAML\n");
    };
    if old == new {
        return format!("{header}differs in layout or comments alone\n");
    }
    header + &lines(&old, &new)
}

fn header(name: &str, was: bool, is: bool) -> String {
    let side = |is_there| if is_there { name } else { NOTHING };
    format!("--- {}\n+++ {}\n", side(was), side(is))
}

/// The hunks of two texts.
fn lines(old: &str, new: &str) -> String {
    TextDiff::configure().timeout(LONGEST).diff_lines(old, new).unified_diff().to_string()
}
