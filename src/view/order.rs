//! Order of environments in views: the order of the stack.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::EnvironmentName;
use crate::pipeline::Survey;

/// Words for the stages of a delivery, in their order.
const STAGES: [&[&str]; 7] = [
    &["local", "sandbox", "dev", "develop", "development"],
    &["ci", "test", "testing", "int", "integration"],
    &["qa", "review", "preview", "demo", "uat"],
    // any other name
    &[],
    &["pre", "stage", "staging", "stg", "preprod", "preproduction"],
    &["canary"],
    &["live", "prd", "prod", "production"],
];

/// Environments in the order of the stack: one that extends others comes after them. Otherwise those of earlier stages
/// come first (`dev` before `staging` before `prod`), and then the order is alphabetical.
pub fn stack_order<'s>(
    environments: &[EnvironmentName],
    surveys: impl IntoIterator<Item = &'s Survey>,
) -> Vec<EnvironmentName> {
    let mut below: BTreeMap<&EnvironmentName, BTreeSet<&str>> = BTreeMap::new();
    for resolved in surveys.into_iter().flat_map(|survey| &survey.environments) {
        let own = &resolved.definition.environment;
        if let Some(own) = environments.iter().find(|name| *name == own) {
            let layers = resolved.definition.layers.iter().map(|layer| layer.name.as_str());
            let others = layers.filter(|layer| *layer != own.as_str());
            let known = others.filter_map(|layer| environments.iter().find(|name| name.as_str() == layer));
            below.entry(own).or_default().extend(known.map(EnvironmentName::as_str));
        }
    }
    let mut left: Vec<&EnvironmentName> = environments.iter().collect();
    left.sort_by_key(|name| (stage_of(name.as_str()), *name));
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_ready = |name: &&EnvironmentName| {
            below.get(*name).is_none_or(|below| left.iter().all(|other| !below.contains(other.as_str())))
        };
        // apps may disagree: then the first one comes first
        let next = left.iter().position(is_ready).unwrap_or_default();
        order.push(left.remove(next).clone());
    }
    order
}

/// Stage of an environment, by the first word of its name that is one of a stage.
fn stage_of(name: &str) -> usize {
    let stage = |word: &str| STAGES.iter().position(|words| words.contains(&word));
    let any = STAGES.iter().position(|words| words.is_empty()).unwrap_or_default();
    name.split('-').find_map(|word| stage(word.trim_end_matches(|char: char| char.is_ascii_digit()))).unwrap_or(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_come_in_the_order_of_a_delivery() {
        let names = ["prod-eu", "staging", "eu", "prod", "dev", "qa", "local", "test2", "canary"];
        let names: Vec<EnvironmentName> = names.map(EnvironmentName::from).into();
        let order = stack_order(&names, []);
        let order: Vec<_> = order.iter().map(EnvironmentName::as_str).collect();
        assert_eq!(order, ["dev", "local", "test2", "qa", "eu", "staging", "canary", "prod", "prod-eu"]);
    }
}
