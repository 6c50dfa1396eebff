//! Findings that a team accepts, each for a reason, and perhaps until a day.

use super::finding::{Acceptance, Finding};
use super::places::Places;
use super::unused::Usage;
use crate::diagnostic::{Diagnostic, Failure};
use crate::layer::Allow;
use crate::name::EnvironmentName;
use crate::object::Day;
use crate::pipeline::Survey;

/// Parts findings into those that are accepted and all others; what is accepted in vain, or no longer, is a
/// finding itself.
pub(super) fn accepted(
    findings: Vec<Finding>,
    survey: &Survey,
    wanted: &[EnvironmentName],
    today: Option<Day>,
    places: &Places,
    usage: &mut Usage,
) -> (Vec<Finding>, Vec<Finding>) {
    let allows = allows(survey, wanted);
    // of one environment alone nothing can be said of the others
    let is_whole = survey.environments.len() == wanted.len();
    let mut used = vec![false; allows.len()];
    let is_past = |allow: &Allow| {
        let until = allow.until.as_ref().and_then(|until| until.value.parse::<Day>().ok());
        until.zip(today).is_some_and(|(until, today)| until < today)
    };
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for finding in findings {
        let matching = allows.iter().position(|allow| !is_past(allow) && matches(allow, &finding));
        match matching {
            Some(at) => {
                if let Some(used) = used.get_mut(at) {
                    *used = true;
                }
                let reason = allows.get(at).map(|allow| allow.reason.value.clone()).unwrap_or_default();
                taken.push(finding.accept(Acceptance::Allowed(reason)));
            }
            None => left.push(finding),
        }
    }
    let mut told = Vec::new();
    for (allow, used) in allows.iter().zip(used) {
        if is_past(allow) {
            told.push(expired(allow));
        } else if used || !is_whole || decides_routing(allow, survey) {
            usage.used(&allow.rule.place);
        } else {
            usage.unused(&allow.rule.place, || places.findings([unused(allow)], None).pop());
        }
    }
    left.extend(places.findings(told, None));
    (taken, left)
}

/// Each `allow` once, though environments share layers.
fn allows<'s>(survey: &'s Survey, wanted: &[EnvironmentName]) -> Vec<&'s Allow> {
    let mut found: Vec<&Allow> = Vec::new();
    let environments = survey.environments.iter().filter(|it| wanted.contains(&it.definition.environment));
    for allow in environments.flat_map(|resolved| &resolved.definition.allow) {
        let place = allow.rule.place.to_string();
        if found.iter().all(|known| known.rule.place.to_string() != place) {
            found.push(allow);
        }
    }
    found
}

fn matches(allow: &Allow, finding: &Finding) -> bool {
    let rule = allow.rule.value.as_str();
    // what cannot be read is not accepted
    finding.failure() == Failure::Found
        && (rule == finding.diagnostic.rule || finding.detector == Some(rule))
        && finding.entry().is_some_and(|id| id.key.as_str() == allow.key.value)
}

/// Whether a key may be plain because of it: then nothing is found.
fn decides_routing(allow: &Allow, survey: &Survey) -> bool {
    let mut entries = survey.environments.iter().flat_map(|resolved| resolved.definition.entries());
    entries.any(|(id, _, entry)| {
        id.key.as_str() == allow.key.value && entry.rules.sensitive.as_ref().is_some_and(|declared| !declared.value)
    })
}

fn expired(allow: &Allow) -> Diagnostic {
    let until = allow.until.as_ref().map(|until| until.value.as_str()).unwrap_or_default();
    let message = format!("`{}` of `{}` was accepted until {until}", allow.rule.value, allow.key.value);
    Diagnostic::warning("expired-allow", message)
        .at(allow.until.as_ref().map_or_else(|| allow.rule.place.clone(), |until| until.place.clone()))
        .hint("mend what it is about, or give it another day and a reason")
}

fn unused(allow: &Allow) -> Diagnostic {
    let message = format!("nothing is found of `{}` that `{}` would allow", allow.key.value, allow.rule.value);
    Diagnostic::warning("unused-allow", message)
        .at(allow.rule.place.clone())
        .hint("remove it: the next mistake of this kind would not be found")
}
