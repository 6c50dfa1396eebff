//! Findings that are accepted, each for a reason, and perhaps until a day.

use super::finding::{Acceptance, Finding};
use super::places::EntryIndex;
use super::unused::UsageTracker;
use crate::diagnostic::{Diagnostic, Rule, did_you_mean};
use crate::layer::{AllowIndex, AllowScope, AllowedFinding, Definition, Entry, KeyBundles};
use crate::map::{HashMap, HashSet};
use crate::name::EnvironmentName;
use crate::object::Day;
use crate::pipeline::Survey;
use crate::resolve::TemplateRead;
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
    let scopes = if allows.is_empty() { Vec::new() } else { AllowSubjects::of_all(survey) };
    let mut told = Vec::new();
    for allow in allows {
        if is_past(allow, today) {
            told.push(expired_allow(allow));
        } else if used.contains(&allow_position(&allow.rule.place))
            || !is_whole
            || is_locked && !is_of_plaintext(allow)
            || scopes.iter().any(|it| it.declares_plain(allow))
        {
            usage.mark_used(&allow.rule.place);
        } else {
            usage.mark_unused(&allow.rule.place, || {
                let error = unused_allow(allow, &scopes);
                places.findings([error], None).pop()
            });
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
            index: AllowIndex::of(definition, |allow| !is_past(allow, today)),
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
        match find_accepting(&environment.index, finding) {
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

/// The first `allow` that accepts a finding, by its rule or by its detector.
fn find_accepting<'s>(index: &AllowIndex<'s>, finding: &Finding) -> Option<&'s AllowedFinding> {
    // a finding about an unreadable file is not accepted
    if !finding.is_acceptable() {
        return None;
    }
    let (key, bundle) = match (&finding.accepted_for, finding.entry()) {
        (Some(TemplateRead::Variable(path)), _) => (path.as_str(), None),
        (Some(TemplateRead::Entry(id)), _) | (None, Some(id)) => (id.key.as_str(), Some(id.bundle.as_str())),
        (None, None) => return None,
    };
    let rules = [Some(finding.diagnostic.rule.id()), finding.detector].into_iter().flatten();
    index.find(rules, key, bundle)
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

/// Entries that an `allow` can be about, in one environment.
struct AllowSubjects<'s> {
    bundles: KeyBundles<'s>,
    /// Keys that some layer declares plain, each with its bundles. An `allow` may be the reason for the declaration:
    /// then its finding does not occur.
    declared_plain: HashMap<&'s str, Vec<&'s str>>,
}

impl<'s> AllowSubjects<'s> {
    fn of_all(survey: &'s Survey) -> Vec<Self> {
        let of_environment = |definition: &'s Definition| {
            let is_plain = |entry: &Entry| entry.rules.sensitive.as_ref().is_some_and(|declared| !declared.value);
            let mut declared_plain: HashMap<_, Vec<_>> = HashMap::default();
            for (name, bundle) in &definition.bundles {
                test_hook::count_work(bundle.entries.len());
                for (key, _) in bundle.entries.iter().filter(|(_, entry)| is_plain(entry)) {
                    declared_plain.entry(key.as_str()).or_default().push(name.as_str());
                }
            }
            Self { bundles: KeyBundles::of(definition), declared_plain }
        };
        survey.environments.iter().map(|resolved| of_environment(&resolved.definition)).collect()
    }

    fn declares_plain(&self, allow: &'s AllowedFinding) -> bool {
        let Some(bundles) = self.declared_plain.get(allow.key.value.as_str()) else { return false };
        let scope = self.bundles.scope_of(allow);
        bundles.iter().any(|bundle| scope.has_bundle(bundle))
    }
}

fn expired_allow(allow: &AllowedFinding) -> Diagnostic {
    let until = allow.until.as_ref().map(|until| until.value.as_str()).unwrap_or_default();
    let message = format!("`{}` of `{}` was accepted until {until}", allow.rule.value, allow.key.value);
    Diagnostic::warning(Rule::ExpiredAllow, message)
        .at(allow.until.as_ref().map_or_else(|| allow.rule.place.clone(), |until| until.place.clone()))
        .hint("fix the finding, or set a later `until` with a reason")
}

fn unused_allow<'s>(allow: &'s AllowedFinding, subjects: &[AllowSubjects<'s>]) -> Diagnostic {
    let message = format!("unused `allow`: `{}` has no finding of the rule `{}`", allow.key.value, allow.rule.value);
    // a name that is no rule may be that of a detector
    let near = match Rule::from_id(&allow.rule.value) {
        Some(_) => None,
        None => did_you_mean(&allow.rule.value, Rule::ALL.iter().map(|rule| rule.id())),
    };
    let ambiguous = subjects.iter().find_map(|it| match it.bundles.scope_of(allow) {
        AllowScope::Ambiguous(bundles) => Some(name_bundle_hint(&bundles)),
        AllowScope::Bundle(_) | AllowScope::Undefined => None,
    });
    Diagnostic::warning(Rule::UnusedAllow, message)
        .at(allow.rule.place.clone())
        .hint(near.or(ambiguous).unwrap_or_else(|| "remove it: it would hide the next finding of this rule".to_owned()))
}

/// Hint for the key of several bundles.
fn name_bundle_hint(bundles: &[&str]) -> String {
    let names: Vec<_> = bundles.iter().map(|name| format!("`bundle: {name}`")).collect();
    format!("several bundles have this key: add {}", names.join(" or "))
}
