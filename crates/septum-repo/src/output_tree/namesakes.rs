//! Apps with the same name, which would be written to the same directories.

use std::collections::{BTreeMap, BTreeSet};

use super::name::TargetName;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::IndexMap;
use crate::name::{AppName, EnvironmentName};
use crate::sort::CollectSorted;
use crate::span::{Located, Location};

/// Number of targets that are named.
const SHOWN: usize = 3;

/// The targets of apps, which are numbers, each with its first app, and those that another app has as well.
#[derive(Default)]
pub(super) struct TargetOwners {
    first: BTreeMap<TargetName, usize>,
    /// By the name of the apps.
    clashes: IndexMap<String, Namesakes>,
}

/// Apps with the same name.
struct Namesakes {
    targets: BTreeSet<TargetName>,
    apps: Vec<usize>,
}

impl TargetOwners {
    /// Adds a target of an app. Whether it is the first one.
    pub(super) fn add(&mut self, target: TargetName, app: usize) -> bool {
        let Some(first) = self.first.get(&target).copied() else {
            self.first.insert(target, app);
            return true;
        };
        let clash = self.clashes.entry(target.app().to_owned());
        let clash = clash.or_insert_with(|| Namesakes { targets: BTreeSet::new(), apps: Vec::new() });
        clash.targets.insert(target);
        for app in [first, app] {
            if !clash.apps.contains(&app) {
                clash.apps.push(app);
            }
        }
        false
    }

    /// The targets, and an error for each name of several apps.
    pub(super) fn finish(self, place_of: impl Fn(usize) -> Location) -> (BTreeSet<TargetName>, Diagnostics) {
        let report = |(name, clash): (&String, &Namesakes)| {
            let places = clash.apps.iter().map(|app| place_of(*app));
            report_namesakes(name, &clash.targets, places.collect())
        };
        let errors = self.clashes.iter().map(report).collect();
        (self.first.into_keys().collect_set(), errors)
    }
}

/// Reports environments of apps with the same name, which would be written to the same directory, and names that are
/// not valid for a directory.
pub fn find_namesakes<'a>(
    apps: impl IntoIterator<Item = (&'a Located<AppName>, &'a [EnvironmentName])>,
) -> Diagnostics {
    let (mut owners, mut problems, mut places) = (TargetOwners::default(), Diagnostics::new(), Vec::new());
    for (index, (app, environments)) in apps.into_iter().enumerate() {
        places.push(&app.place);
        for environment in environments {
            let Some(target) = problems.take(TargetName::new(environment, &app.value)) else { continue };
            owners.add(target, index);
        }
    }
    let (_, clashes) = owners.finish(|app| places.get(app).copied().cloned().unwrap_or_else(Location::synthetic));
    problems.extend(clashes);
    problems
}

fn report_namesakes(name: &str, targets: &BTreeSet<TargetName>, places: Vec<Location>) -> Diagnostic {
    let (count, all) = match places.len() {
        0..=2 => ("two".to_owned(), "both"),
        count => (count.to_string(), "all"),
    };
    let mut shown: Vec<_> = targets.iter().take(SHOWN).map(|target| format!("`{target}`")).collect();
    if targets.len() > SHOWN {
        shown.push(format!("{} more", targets.len() - SHOWN));
    }
    let last = shown.pop().unwrap_or_default();
    let shown = if shown.is_empty() { last } else { format!("{} and {last}", shown.join(", ")) };
    let message = format!("{count} apps are named `{name}`, so {all} would be written to {shown}");
    let mut places = places.into_iter();
    let error = Diagnostic::error(Rule::InvalidName, message);
    let error = places.next().into_iter().fold(error, Diagnostic::at);
    places
        .fold(error, |error, place| error.at_with(place, "also named so"))
        .hint("rename one of them: set `app: NAME` in its `base.yaml`")
}
