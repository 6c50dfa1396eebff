//! Secrets for pulling images that are given ready-made.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::TypedSecret;
use crate::diagnostic::Diagnostics;

/// What is looked at: the servers. Passwords are skipped, so that no copy of one is left behind.
#[derive(Deserialize)]
struct Config {
    auths: IndexMap<String, IgnoredAny>,
}

impl TypedSecret<'_> {
    /// The server wants a JSON object, and takes null for one; what is in it is the kubelet's concern.
    pub(super) fn check_docker(&self, key: &str, problems: &mut Diagnostics) {
        let Some(value) = self.needed(key, problems) else { return };
        let hint = "let septum write it: `registries: { ghcr.io: { username: …, password: … } }`";
        let bytes = value.bytes().trim_ascii_start();
        if serde_json::from_slice::<IgnoredAny>(value.bytes()).is_err() {
            // where and why would tell what it is
            problems.push(self.wrong(key, "is not JSON").hint(hint));
            return;
        }
        let problem = match bytes.first() {
            Some(b'{') if key == ".dockercfg" => return,
            Some(b'{') => match serde_json::from_slice::<Config>(bytes) {
                Ok(Config { auths }) if !auths.is_empty() => return,
                _ => self.doubtful(key, "names no registry under `auths`, so that nothing can be pulled with it"),
            },
            Some(b'n') => self.doubtful(key, "is `null`, so that nothing can be pulled with it"),
            Some(b'[') => self.wrong(key, "must be a JSON object, but is a list"),
            _ => self.wrong(key, "must be a JSON object, but is a single value"),
        };
        problems.push(problem.hint(hint));
    }
}
