//! Reasons why a variable is sensitive, also of one that no template reads.

use septum_detect::TextKind;

use super::facts::name_of;
use super::{Reason, ReasonKind, Routing, Sensitivity, detect};
use crate::layer::Tree;
use crate::resolve::{ResolvedBytes, ResolvedTarget, TemplateRead};
use crate::sort::sort_by_key;
use crate::template_tokens::is_template;
use crate::yaml::node::Scalar;

impl Routing {
    /// Reasons why a variable, or a part of it, is sensitive in an environment; none if it is plain.
    pub fn variable_reasons(&self, resolved: &ResolvedTarget, path: &str, tree: &Tree) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        tree.leaves(path, &mut |path, leaf, scalar| {
            for (kind, detail) in self.leaf_reasons(resolved, path, scalar) {
                let reason = Reason { kind, argues_for: Sensitivity::Sensitive, detail, place: leaf.place.clone() };
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        });
        sort_by_key(&mut reasons, |reason| reason.kind);
        reasons
    }

    fn leaf_reasons(&self, resolved: &ResolvedTarget, path: &str, scalar: &Scalar) -> Vec<(ReasonKind, String)> {
        let environment = &resolved.definition.environment;
        let value = resolved.variables.get(path);
        let mut reasons = Vec::new();
        if scalar.broken {
            return Vec::new();
        }
        if scalar.encrypted || scalar.locked || value.is_some_and(|value| value.lineage.encrypted) {
            reasons.push((ReasonKind::Encrypted, "encrypted with SOPS".to_owned()));
        }
        let is_sensitive = |read: &&TemplateRead| self.read_sensitivity(environment, read) == Sensitivity::Sensitive;
        if let Some(read) = value.and_then(|value| value.lineage.reads.iter().find(is_sensitive)) {
            let label = match read {
                TemplateRead::Entry(id) => resolved.definition.label(id),
                TemplateRead::Variable(path) => format!("vars.{path}"),
            };
            reasons.push((ReasonKind::Derived, format!("uses {label}")));
        }
        let known = value.and_then(|value| value.outcome.known()).and_then(ResolvedBytes::text);
        let (text, kind) = match known {
            Some(text) => (text, TextKind::Literal),
            None if is_template(scalar.text()) => (scalar.text(), TextKind::Template),
            None => (scalar.text(), TextKind::Literal),
        };
        if !scalar.locked && !detect::is_name_by_place(path, text) {
            let detection = detect::classify(name_of(path), Some(text), kind);
            if detection.name_decides() {
                let detail = detection.name_reason().unwrap_or("its name").to_owned();
                reasons.push((ReasonKind::Name, detail));
            }
            reasons.extend(detection.by_value.map(|hit| (ReasonKind::Value, hit.reason)));
        }
        let read = TemplateRead::Variable(path.to_owned());
        if reasons.is_empty() && self.read_sensitivity(environment, &read) == Sensitivity::Sensitive {
            reasons.push((ReasonKind::Derived, "computed from a secret".to_owned()));
        }
        reasons
    }
}
