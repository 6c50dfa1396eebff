//! Findings that are accepted, each for a reason, and perhaps until a day.

use super::finding::{Acceptance, Finding};
use super::places::EntryIndex;
use super::unused::UsageTracker;
use crate::diagnostic::{Diagnostic, Rule, did_you_mean};
use crate::layer::{AllowedFinding, Definition, Entry};
use crate::map::{HashMap, HashSet};
use crate::name::EnvironmentName;
use crate::object::Day;
use crate::pipeline::Survey;
use crate::span::Location;
use crate::test_hook;

/// Conditions under which an `allow` can be judged.
#[derive(Clone, Copy)]
pub(super) struct AcceptanceDays {
    /// The day by which it may have expired.
    pub(super) today: Option<Day>,
    /// Whether some values were not decrypted.
    pub(super) is_locked: bool,
}

/// Splits findings into accepted ones and all others; an `allow` that accepts nothing, or has expired, is a finding
/// itself.
pub(super) fn split_accepted(
    findings: Vec<Finding>,
    survey: &Survey,
    wanted: &[EnvironmentName],
    AcceptanceDays { today, is_locked }: AcceptanceDays,
    places: &EntryIndex,
    usage: &mut UsageTracker,
) -> (Vec<Finding>, Vec<Finding>) {
    let allows = collect_allows(survey, wanted);
    // the result for one environment alone shows nothing about the others
    let is_whole = survey.environments.len() == wanted.len();
    let environments = survey.readable_among(wanted);
    let environments: Vec<_> = environments.map(|it| EnvironmentAllows::of(&it.definition, today)).collect();
    let mut used = HashSet::default();
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for finding in findings {
        let (accepting, others) =
            if allows.is_empty() { Default::default() } else { accepted_in(&finding, &environments) };
        used.extend(accepting.iter().map(|(_, allow)| allow_position(&allow.rule.place)));
        match accepting.first() {
            Some((_, allow)) if others.is_empty() => {
                taken.push(finding.accept(Acceptance::Allowed(allow.reason.value.clone())));
            }
            Some((name, _)) => left.push(finding.accepted_elsewhere(name, &others)),
            None => left.push(finding),
        }
    }
    let declared = if allows.is_empty() { HashSet::default() } else { keys_declared_plain(survey) };
    let mut told = Vec::new();
    for allow in allows {
        if is_past(allow, today) {
            told.push(expired_allow(allow));
        } else if used.contains(&allow_position(&allow.rule.place))
            || !is_whole
            || is_locked && !is_of_plaintext(allow)
            || declared.contains(&*allow.key.value)
        {
            usage.mark_used(&allow.rule.place);
        } else {
            usage.mark_unused(&allow.rule.place, || places.findings([unused_allow(allow)], None).pop());
        }
    }
    left.extend(places.findings(told, None));
    (taken, left)
}

/// Each `allow` once, though environments share layers.
fn collect_allows<'s>(survey: &'s Survey, wanted: &[EnvironmentName]) -> Vec<&'s AllowedFinding> {
    let mut known = HashSet::default();
    let environments = survey.readable_among(wanted);
    let allows = environments.flat_map(|resolved| &resolved.definition.allow);
    allows.filter(|allow| known.insert(allow_position(&allow.rule.place))).collect()
}

/// Accepted findings of the layers of an environment.
struct EnvironmentAllows<'s> {
    name: &'s str,
    /// Names of its layers.
    layers: HashSet<&'s str>,
    index: AllowIndex<'s>,
}

impl<'s> EnvironmentAllows<'s> {
    fn of(definition: &'s Definition, today: Option<Day>) -> Self {
        Self {
            name: definition.environment.as_str(),
            layers: definition.layers.iter().map(|layer| layer.source.name()).collect(),
            index: AllowIndex::new(definition.allow.iter().filter(|allow| !is_past(allow, today))),
        }
    }
}

/// Environments whose layers accept a finding, each with the `allow`, and those that have it and do not: an `allow` in
/// the layer of an environment is about that environment alone.
type AcceptingEnvironments<'e> = (Vec<(&'e str, &'e AllowedFinding)>, Vec<&'e str>);

fn accepted_in<'e>(finding: &Finding, environments: &'e [EnvironmentAllows<'e>]) -> AcceptingEnvironments<'e> {
    let has_layer = |it: &EnvironmentAllows<'_>| finding.file().is_some_and(|file| it.layers.contains(file));
    let is_of_layer = environments.iter().any(has_layer);
    let has_it = |it: &&EnvironmentAllows<'_>| match finding.environment() {
        // a layer is searched once for all its environments
        Some(name) if !finding.is_leak() => it.name == name,
        _ => has_layer(it) || !is_of_layer,
    };
    let (mut accepting, mut others) = (Vec::new(), Vec::new());
    for environment in environments.iter().filter(has_it) {
        match environment.index.find(finding) {
            Some(allow) => accepting.push((environment.name, allow)),
            None => others.push(environment.name),
        }
    }
    // what differs between environments is one finding, which any of them may explain
    if !accepting.is_empty() && matches!(finding.diagnostic.rule, Rule::MissingEnvironment | Rule::SharedSecret) {
        others.clear();
    }
    (accepting, others)
}

/// The file and the offset of an `allow`, which identify it.
fn allow_position(place: &Location) -> (&str, usize) {
    test_hook::count_work(1);
    (place.source.name(), place.span.start)
}

/// The first `allow` for each rule and key.
struct AllowIndex<'s>(HashMap<(&'s str, &'s str), (usize, &'s AllowedFinding)>);

impl<'s> AllowIndex<'s> {
    fn new(allows: impl Iterator<Item = &'s AllowedFinding>) -> Self {
        let mut index = HashMap::default();
        for (at, allow) in allows.enumerate() {
            test_hook::count_work(1);
            index.entry((allow.rule.value.as_str(), allow.key.value.as_str())).or_insert((at, allow));
        }
        Self(index)
    }

    /// The first `allow` that accepts a finding, by its rule or by its detector.
    fn find(&self, finding: &Finding) -> Option<&'s AllowedFinding> {
        test_hook::count_work(1);
        // a finding about an unreadable file is not accepted
        if !finding.is_acceptable() {
            return None;
        }
        let of_entry = || finding.entry().map(|id| id.key.as_str());
        let key = finding.allow_key.as_deref().or_else(of_entry)?;
        let names = [Some(finding.diagnostic.rule.id()), finding.detector].into_iter().flatten();
        let found = names.filter_map(|rule| self.0.get(&(rule, key)));
        found.min_by_key(|(at, _)| at).map(|(_, allow)| *allow)
    }
}

/// Whether an `allow` is about credentials in plaintext, which are found without a key.
fn is_of_plaintext(allow: &AllowedFinding) -> bool {
    let rule = allow.rule.value.as_str();
    rule == Rule::PlaintextSecret.id() || Rule::from_id(rule).is_none()
}

/// Whether an `allow` is out of date.
pub(super) fn is_past(allow: &AllowedFinding, today: Option<Day>) -> bool {
    let until = allow.until.as_ref().and_then(|until| until.value.parse::<Day>().ok());
    until.zip(today).is_some_and(|(until, today)| until < today)
}

/// Keys that some layer declares plain. An `allow` may be the reason for the declaration: then its finding does not
/// occur.
fn keys_declared_plain(survey: &Survey) -> HashSet<String> {
    let entries = survey.environments.iter().flat_map(|resolved| resolved.definition.entries());
    let is_plain = |entry: &Entry| entry.rules.sensitive.as_ref().is_some_and(|declared| !declared.value);
    let declared = entries.filter(|(_, _, entry)| {
        test_hook::count_work(1);
        is_plain(entry)
    });
    declared.map(|(id, _, _)| id.key.as_str().to_owned()).collect()
}

fn expired_allow(allow: &AllowedFinding) -> Diagnostic {
    let until = allow.until.as_ref().map(|until| until.value.as_str()).unwrap_or_default();
    let message = format!("`{}` of `{}` was accepted until {until}", allow.rule.value, allow.key.value);
    Diagnostic::warning(Rule::ExpiredAllow, message)
        .at(allow.until.as_ref().map_or_else(|| allow.rule.place.clone(), |until| until.place.clone()))
        .hint("fix the finding, or set a later `until` with a reason")
}

fn unused_allow(allow: &AllowedFinding) -> Diagnostic {
    let message = format!("unused `allow`: `{}` has no finding of the rule `{}`", allow.key.value, allow.rule.value);
    // a name that is no rule may be that of a detector
    let near = match Rule::from_id(&allow.rule.value) {
        Some(_) => None,
        None => did_you_mean(&allow.rule.value, Rule::ALL.iter().map(|rule| rule.id())),
    };
    Diagnostic::warning(Rule::UnusedAllow, message)
        .at(allow.rule.place.clone())
        .hint(near.unwrap_or_else(|| "remove it: it would hide the next finding of this rule".to_owned()))
}
