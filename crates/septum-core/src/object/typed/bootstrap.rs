//! Tokens that nodes join a cluster with. The API server accepts anything; the rules are those of their readers
//! (kubernetes/cluster-bootstrap, token/util; the token authenticator).

use super::TypedSecret;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};

const NAMESPACE: &str = "kube-system";
const GROUP: &str = "system:bootstrappers:";

impl TypedSecret<'_> {
    pub(super) fn check_bootstrap(&self, problems: &mut Diagnostics) {
        let id = self.needed_value("token-id", problems).and_then(|value| value.text());
        if let Some(id) = id {
            if !is_lower_alphanumeric(id, 6) {
                problems.push(self.wrong_value("token-id", "must be 6 lower-case letters and digits"));
            } else if self.name() != format!("bootstrap-token-{id}") {
                problems.push(
                    self.wrong_value("token-id", &format!("does not match the name of {}", self.describe_owner()))
                        .note("Kubernetes finds a bootstrap token by the name of its Secret")
                        .hint("name the Secret `bootstrap-token-` followed by the id"),
                );
            }
        }
        let secret = self.needed_value("token-secret", problems).and_then(|value| value.text());
        if secret.is_some_and(|secret| !is_lower_alphanumeric(secret, 16)) {
            problems.push(self.wrong_value("token-secret", "must be 16 lower-case letters and digits"));
        }
        self.check_namespace(problems);
        if self.value("expiration").is_some_and(|value| !value.text().is_some_and(is_timestamp)) {
            problems.push(self.wrong_value("expiration", "must be a time like `2030-01-31T12:00:00Z`"));
        }
        for (key, value) in self.data {
            if key.starts_with("usage-bootstrap-") && !matches!(value.text(), Some("true" | "false")) {
                problems.push(self.wrong_value(key, "must be `true` or `false`"));
            }
        }
        let groups = self.value("auth-extra-groups").and_then(|value| value.text());
        if groups.is_some_and(|groups| !groups.split(',').all(is_group)) {
            let what = format!("must be a list of groups such as `{GROUP}workers`, separated by commas");
            problems.push(self.wrong_value("auth-extra-groups", &what));
        }
    }

    fn check_namespace(&self, problems: &mut Diagnostics) {
        let note = format!("Kubernetes only looks for bootstrap tokens in `{NAMESPACE}`");
        problems.extend(match self.namespace {
            Some(namespace) if namespace.value == NAMESPACE => None,
            Some(namespace) => {
                let message = format!("the bootstrap token `{}` is in another namespace", self.name());
                Some(
                    Diagnostic::error(Rule::TypedSecret, message)
                        .at_public(namespace.place.clone(), PublicReason::Name)
                        .note(note)
                        .hint(format!("move it to an app with `namespace: {NAMESPACE}`")),
                )
            }
            None => {
                let message = format!("the bootstrap token `{}` has no namespace", self.name());
                Some(
                    self.at_type(Diagnostic::warning(Rule::TypedSecret, message))
                        .note(note)
                        .hint(format!("set `namespace: {NAMESPACE}`, or apply it there")),
                )
            }
        });
    }
}

fn is_lower_alphanumeric(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// `\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z`
fn is_group(text: &str) -> bool {
    let Some(name) = text.strip_prefix(GROUP) else { return false };
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=256).contains(&name.len())
        && name.bytes().all(|byte| alphanumeric(byte) || b":-".contains(&byte))
        && name.bytes().last().is_some_and(alphanumeric)
}

/// Whether a text has the form of an RFC 3339 time; the day of the month is not checked against the month.
fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some(end) = time.find(['Z', '+', '-']) else { return false };
    let (clock, zone) = time.split_at(end);
    let whole = clock.split_once('.').map_or(clock, |(whole, fraction)| {
        if !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) { whole } else { "" }
    });
    let zone_is_right =
        zone == "Z" || zone.get(1..).is_some_and(|offset| are_numbers(offset, ':', &[(2, 23), (2, 59)]));
    date.parse::<super::Day>().is_ok() && are_numbers(whole, ':', &[(2, 23), (2, 59), (2, 59)]) && zone_is_right
}

/// Whether a text consists of numbers of the given lengths and maximum values.
fn are_numbers(text: &str, separator: char, parts: &[(usize, u32)]) -> bool {
    let found: Vec<_> = text.split(separator).collect();
    found.len() == parts.len()
        && found.iter().zip(parts).all(|(part, (length, most))| {
            let is_number = part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number && part.parse::<u32>().is_ok_and(|number| number <= *most)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiration_is_a_time_of_rfc_3339() {
        for (text, expected) in [
            ("2030-01-31T12:00:00Z", true),
            ("2030-01-31T12:00:00.5+02:00", true),
            ("2030-01-31T12:00:00-11:30", true),
            ("2030-02-30T12:00:00Z", false),
            ("2030-01-31T24:00:00Z", false),
            ("2030-01-31T12:00:00", false),
            ("2030-01-31T12:00:00.Z", false),
            ("2030-01-31 12:00:00Z", false),
            ("2030-01-31", false),
            ("", false),
        ] {
            assert_eq!(is_timestamp(text), expected, "{text}");
        }
    }

    #[test]
    fn extra_groups_are_those_of_bootstrappers() {
        for (text, expected) in [
            ("system:bootstrappers:workers", true),
            ("system:bootstrappers:a:b-c", true),
            ("system:bootstrappers:", false),
            ("system:bootstrappers:a-", false),
            ("system:masters", false),
        ] {
            assert_eq!(is_group(text), expected, "{text}");
        }
    }
}
