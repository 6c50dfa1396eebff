//! Explanations as texts for people.

use super::explain::{Explanation, HistoryStep};
use super::lifecycle::LifecycleView;
use crate::diagnostic::StyledText;
use crate::map::IndexMap;
use crate::name::EnvironmentName;

/// Explanations of a key, by environment.
pub type KeyExplanations = Vec<(EnvironmentName, Explanation)>;

/// The text of each explanation, with all environments that share it; the object may have another name in each.
pub fn fold_explanations(explanations: &[(EnvironmentName, Explanation)]) -> Vec<StyledText> {
    type Objects<'e> = IndexMap<String, Vec<&'e str>>;
    let mut folded: IndexMap<String, (StyledText, Objects<'_>)> = IndexMap::default();
    for (environment, found) in explanations {
        let body = explanation_body(found);
        let (_, objects) = folded.entry(body.render_text(false)).or_insert((body, Objects::default()));
        objects.entry(object_label(found)).or_default().push(environment.as_str());
    }
    let texts = folded.into_values().map(|(body, objects)| {
        let key = explanations.first().map_or("", |(_, found)| found.row.key.as_str());
        let mut text = StyledText::new();
        for (object, names) in objects {
            text.push_line(format!("{key} in {} → {object}", names.join(", ")));
        }
        text.append(body);
        text
    });
    texts.collect()
}

/// Destination of a key.
fn object_label(found: &Explanation) -> String {
    match &found.object {
        Some(object) if found.row.undecided => {
            format!("{} `{}`, or a Secret if the value is a credential", object.kind, object.name)
        }
        Some(object) => format!("{} `{}`", object.kind, object.name),
        None if found.row.bundle.is_empty() => "variable of templates".to_owned(),
        None => "no object".to_owned(),
    }
}

/// The explanation below its heading.
fn explanation_body(found: &Explanation) -> StyledText {
    let mut out = StyledText::new();
    let row = &found.row;
    if let Some(description) = &found.description {
        out.push_indented("  ", description.trim_end());
    }
    let value = found.absent.map_or_else(|| found.value.clone().unwrap_or_default(), str::to_owned);
    push_heading(&mut out, "value");
    match value.strip_suffix('\n').unwrap_or(&value) {
        "" => out.push_line("  \"\""),
        lines => out.push_indented("  ", lines),
    }
    let width = found.history.iter().map(|step| step.layer.chars().count()).max().unwrap_or_default();
    push_heading(&mut out, "history");
    for step in &found.history {
        out.push_line(format!("  {:width$}  {}  {}", step.layer, step.source, step_text(step)));
    }
    if !row.reasons.is_empty() || !row.bundle.is_empty() {
        push_heading(&mut out, "reasons");
    }
    for reason in &row.reasons {
        out.push_line(format!("  {:9}  {}  ({})", reason.layer, reason.detail, reason.source));
    }
    for reason in &found.row.overruled {
        out.push_line(format!("  {:9}  {}, overruled  ({})", reason.layer, reason.detail, reason.source));
    }
    for lifted in &found.declassified {
        out.push_line(format!("  {:9}  {} is declassified: {}", "derived", lifted.read, lifted.reason));
    }
    push_lifecycle(&mut out, &found.lifecycle);
    if !found.consumers.is_empty() {
        push_heading(&mut out, if row.bundle.is_empty() { "read by" } else { "consumers" });
        found.consumers.iter().for_each(|consumer| out.push_line(format!("  {consumer}")));
    }
    if !found.uses.is_empty() {
        push_heading(&mut out, "uses");
        out.push_line(format!("  {}", found.uses.join(", ")));
    }
    out
}

/// The lifecycle rules, each with its location.
fn push_lifecycle(out: &mut StyledText, lifecycle: &LifecycleView) {
    if lifecycle.rules.is_empty() {
        return;
    }
    push_heading(out, "lifecycle");
    let width = lifecycle.rules.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    for (name, text, place) in &lifecycle.rules {
        out.push_line(format!("  {name:width$}  {}  ({place})", text.trim_end().replace('\n', " ")));
    }
}

fn step_text(step: &HistoryStep) -> String {
    match (step.change, &step.value) {
        ("value", Some(value)) if !value.contains('\n') => format!("value {value}"),
        ("value", Some(_)) => "value (several lines)".to_owned(),
        ("value", None) => "value [secret]".to_owned(),
        ("rules", _) => "rules only".to_owned(),
        ("merged", _) => "merged".to_owned(),
        ("removed", _) => "removed".to_owned(),
        (change, Some(value)) => format!("{change} {value}"),
        (change, None) => change.to_owned(),
    }
}

fn push_heading(out: &mut StyledText, heading: &str) {
    out.end_line();
    out.push_line(heading);
}
