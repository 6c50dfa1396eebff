//! Order of environments wherever people read them: the order of the stack.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use crate::name::EnvironmentName;
use crate::pipeline::Survey;
use crate::sort::sort_by;

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

/// The order of the stack: an environment that extends others comes after them. Otherwise those of earlier stages come
/// first (`dev` before `staging` before `prod`), and then the order is alphabetical.
#[derive(Debug, Default)]
pub struct StackOrder {
    /// Layers of other environments that each environment has.
    below: BTreeMap<String, BTreeSet<String>>,
}

impl StackOrder {
    /// The order of the environments of surveyed apps.
    pub fn of<'s>(surveys: impl IntoIterator<Item = &'s Survey>) -> Self {
        let mut order = Self::default();
        surveys.into_iter().for_each(|survey| order.add(survey));
        order
    }

    /// Adds the stacks of an app.
    pub fn add(&mut self, survey: &Survey) {
        for resolved in &survey.environments {
            let own = resolved.definition.environment.as_str();
            let layers = resolved.definition.layers.iter().map(|layer| layer.name.as_str());
            let others = layers.filter(|layer| *layer != own).map(str::to_owned);
            self.below.entry(own.to_owned()).or_default().extend(others);
        }
    }

    /// Adds the stacks of another order.
    pub fn extend(&mut self, other: Self) {
        for (name, layers) in other.below {
            self.below.entry(name).or_default().extend(layers);
        }
    }

    /// Sorts environments, of which each is there once.
    pub fn sort<N: Borrow<str>>(&self, names: &mut Vec<N>) {
        let mut left = std::mem::take(names);
        sort_by(&mut left, |a, b| {
            let (a, b): (&str, &str) = (a.borrow(), b.borrow());
            (stage_of(a), a).cmp(&(stage_of(b), b))
        });
        while !left.is_empty() {
            let is_ready = |name: &N| {
                let below = self.below.get(Borrow::<str>::borrow(name));
                below.is_none_or(|below| left.iter().all(|other| !below.contains(Borrow::<str>::borrow(other))))
            };
            // apps may disagree: then the first one comes first
            let next = left.iter().position(is_ready).unwrap_or_default();
            names.push(left.remove(next));
        }
    }
}

/// Environments in the order of the stacks of surveyed apps.
pub fn stack_order<'s>(
    environments: &[EnvironmentName],
    surveys: impl IntoIterator<Item = &'s Survey>,
) -> Vec<EnvironmentName> {
    let mut names = environments.to_vec();
    StackOrder::of(surveys).sort(&mut names);
    names
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
