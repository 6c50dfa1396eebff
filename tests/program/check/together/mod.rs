//! A mistake is reported whatever other mistakes there are: the findings of a project with several mistakes are those
//! that it has with each alone.
//!
//! `SEPTUM_TOGETHER_SHARE` is the share of the combinations that are tried: 1 for all pairs, and more sets of eight.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod declared;
mod findings;
mod project;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rayon::prelude::*;
use septum::diagnostic::Rule;

use declared::{ADDED, HIDDEN, WITHOUT_MISTAKE};
use findings::{Findings, find};
use project::{Mistake, mistakes};

/// Number of mistakes in the larger combinations.
const MANY: usize = 8;

/// Mistakes with the findings of each alone, as far as they are needed.
struct Law {
    mistakes: Vec<Mistake>,
    alone: Vec<OnceLock<Findings>>,
}

impl Law {
    fn new() -> Self {
        let mistakes = mistakes();
        Self { alone: mistakes.iter().map(|_| OnceLock::new()).collect(), mistakes }
    }

    /// The findings of a mistake alone, of which one must be of its rule.
    fn alone(&self, index: usize) -> &Findings {
        let mistake = &self.mistakes[index];
        self.alone[index].get_or_init(|| {
            let found = find(&[mistake]).unwrap_or_else(|| panic!("{} cannot be made", mistake.name));
            let is_of_rule = |it: &String| it.starts_with(&format!("{} ", mistake.rule));
            assert!(found.iter().any(is_of_rule), "{}: {found:#?}", mistake.name);
            found
        })
    }

    /// What is wrong with the findings of some mistakes together; none if they cannot be made together.
    fn difference(&self, chosen: &[usize]) -> Option<Vec<String>> {
        let mistakes: Vec<_> = chosen.iter().map(|&index| &self.mistakes[index]).collect();
        let together = find(&mistakes)?;
        let alone: Findings = chosen.iter().flat_map(|&index| self.alone(index).iter().cloned()).collect();
        let has = |name: &str| mistakes.iter().any(|mistake| mistake.name.starts_with(name));
        let is_hidden = |finding: &str| {
            HIDDEN
                .iter()
                .any(|(mistake, findings, _)| has(mistake) && findings.iter().any(|it| finding.starts_with(it)))
        };
        let is_added = ADDED.iter().any(|(one, other, _)| has(one) && has(other));
        let hidden = alone.difference(&together).filter(|it| !is_hidden(it)).map(|it| format!("hidden: {it}"));
        let added = together.difference(&alone).filter(|_| !is_added).map(|it| format!("added: {it}"));
        let names = || mistakes.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join("\n  ");
        Some(hidden.chain(added).map(|it| format!("{it}\n  {}", names())).collect())
    }
}

/// Numbers that look random, and are the same on every machine.
fn random_below(seed: &mut u64, limit: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap() % limit
}

/// The combinations that are tried.
fn combinations(count: usize, share: usize) -> Vec<Vec<usize>> {
    let mut seed = 0x5eed_u64;
    let mut order: Vec<usize> = (0..count).collect();
    let mut chosen = Vec::new();
    let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| vec![one, other]));
    if share == 1 {
        chosen.extend(pairs);
    }
    for round in 0..if share == 1 { 20 } else { 1 } {
        for index in (1..count).rev() {
            order.swap(index, random_below(&mut seed, index + 1));
        }
        // each mistake is in one set of a round
        for set in order.chunks(MANY).skip(round % share).step_by(share) {
            chosen.extend([set.to_vec(), set[..3.min(set.len())].to_vec(), vec![set[0], set[set.len() - 1]]]);
        }
    }
    chosen
}

#[test]
fn the_project_is_sound() {
    assert_eq!(find(&[]).unwrap(), Findings::new());
}

#[test]
fn every_rule_has_a_mistake_or_a_reason() {
    let mistakes = mistakes();
    let broken: BTreeSet<&str> = mistakes.iter().map(|mistake| mistake.rule.as_str()).collect();
    let excused: Vec<&str> = WITHOUT_MISTAKE.iter().flat_map(|(_, rules)| rules.split_whitespace()).collect();
    for rule in Rule::ALL {
        let (id, times) = (rule.id(), excused.iter().filter(|id| **id == rule.id()).count());
        assert_eq!(usize::from(broken.contains(id)) + times, 1, "{id}");
    }
    assert_eq!(broken.len() + excused.len(), Rule::ALL.len());
}

#[test]
fn findings_of_several_mistakes_are_those_of_each() {
    let law = Law::new();
    let share = std::env::var("SEPTUM_TOGETHER_SHARE").map_or(8, |share| share.parse().expect("a number"));
    let chosen = combinations(law.mistakes.len(), share);
    let tried: Vec<_> = chosen.par_iter().filter_map(|chosen| law.difference(chosen)).collect();
    assert!(tried.len() * 2 > chosen.len(), "{} of {} combinations", tried.len(), chosen.len());
    let wrong: Vec<String> = tried.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} findings:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
