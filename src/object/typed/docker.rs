//! Secrets for pulling images that are given ready-made.

use serde_json::Value;

use super::TypedSecret;
use crate::diagnostic::Diagnostics;

impl TypedSecret<'_> {
    /// The server wants a JSON object, and takes null for one; what is in it is the kubelet's concern.
    pub(super) fn check_docker(&self, key: &str, problems: &mut Diagnostics) {
        let Some(value) = self.needed(key, problems) else { return };
        let hint = "let septum write it: `registries: { ghcr.io: { username: …, password: … } }`";
        let parsed: Value = match serde_json::from_slice(value.bytes()) {
            Ok(parsed) => parsed,
            Err(error) => {
                // the words of the error could quote what it found
                let at = format!("is not JSON: line {}, column {} of the value", error.line(), error.column());
                problems.push(self.wrong(key, &at).hint(hint));
                return;
            }
        };
        let what = match &parsed {
            Value::Object(fields) if key == ".dockercfg" || fields.get("auths").is_some_and(Value::is_object) => return,
            Value::Object(_) => "has no mapping `auths`, so that nothing can be pulled with it",
            Value::Null => "is `null`, so that nothing can be pulled with it",
            Value::Array(_) => {
                return problems.push(self.wrong(key, "must be a JSON object, but is a list").hint(hint));
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                return problems.push(self.wrong(key, "must be a JSON object, but is a single value").hint(hint));
            }
        };
        problems.push(self.doubtful(key, what).hint(hint));
    }
}
