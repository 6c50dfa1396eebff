//! Detection of credentials by the names and values of configuration entries.
//!
//! The *name* is read word by word ([`classify_name`]): most secrets are called what they are, and most names that
//! contain a suspicious word are not those of a secret. The *value* is searched for structures that only credentials
//! have ([`detect_credential`]). A value can also overrule its name: a path under `DB_PASSWORD` is the location of the
//! password.
//!
//! [`classify`] combines both. Whether the value *leaks*, that is, whether it is a literal credential in plain text, is
//! another question ([`is_literal_credential`]): `PASSWORD: changeme` belongs in a Secret and is not a leak.
//!
//! Reasons are texts for people. They name words and structures, never a value, a part of one or its length.
//!
//! ```
//! use septum_detect::{TextKind, classify};
//!
//! assert!(classify("DB_PASSWORD", Some("hunter2"), TextKind::Literal).is_sensitive());
//! assert!(!classify("PASSWORD_MIN_LENGTH", Some("12"), TextKind::Literal).is_sensitive());
//! ```

mod assignments;
mod benign_values;
mod distinct;
mod literal;
mod lookup;
mod names;
mod placeholder;
mod random;
mod reference_names;
mod structured_files;
mod toml_texts;
mod values;
mod vocabulary;
mod words;
mod xml_texts;

pub use distinct::{DetectionSummary, SHORTEST, Uniqueness, rate_uniqueness};
pub use names::{NameVerdict, classify_name, public_prefix};
pub use values::{Certainty, ValueHit, detect_credential};

use std::borrow::Cow;

use septum_base::test_hook;

/// Detection result for the name and the value of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// Verdict of the name alone.
    pub by_name: NameVerdict,
    /// Reason why the value overrules a name that is sensitive or weak, if it does.
    pub name_vetoed: Option<String>,
    /// Credential in the value, if there is one.
    pub by_value: Option<ValueHit>,
}

impl Detection {
    /// Whether the entry is a secret, judged by name and value.
    pub fn is_sensitive(&self) -> bool {
        self.name_decides() || self.by_value.is_some()
    }

    /// Whether the name makes the entry a secret.
    pub fn name_decides(&self) -> bool {
        self.name_vetoed.is_none() && !matches!(self.by_name, NameVerdict::Plain { .. })
    }

    /// Reason why the name makes the entry a secret, if it does.
    pub fn name_reason(&self) -> Option<&str> {
        match &self.by_name {
            NameVerdict::Sensitive { reason } | NameVerdict::Weak { reason } if self.name_decides() => Some(reason),
            _ => None,
        }
    }

    /// Reasons why the entry is a secret; empty if it is not.
    pub fn reasons(&self) -> Vec<String> {
        let name = match &self.by_name {
            NameVerdict::Sensitive { reason } if self.name_decides() => Some(reason.clone()),
            NameVerdict::Weak { reason } if self.name_decides() => {
                Some(format!("{reason}, and the value looks random"))
            }
            _ => None,
        };
        name.into_iter().chain(self.by_value.iter().map(|hit| hit.reason.clone())).collect()
    }

    /// Reason why the name does not make the entry a secret although it seems to.
    pub fn near_miss(&self) -> Option<String> {
        match (&self.by_name, &self.name_vetoed) {
            (NameVerdict::Plain { near_miss }, _) => near_miss.clone(),
            (NameVerdict::Sensitive { reason } | NameVerdict::Weak { reason }, Some(veto)) => {
                Some(format!("{reason}, but {veto}"))
            }
            _ => None,
        }
    }
}

/// Whether a text is rendered by the template engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// It may be rendered: tags stand for something else.
    Template,
    /// It is not rendered, or was already: all of it is a value.
    Literal,
}

impl TextKind {
    /// Kind of an entry's text, given the rule that may exempt it from templating.
    pub fn of_rule(template: Option<bool>) -> Self {
        if template == Some(false) { Self::Literal } else { Self::Template }
    }

    /// Text as the detectors read it, byte for byte.
    fn read(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Template => Cow::Borrowed(text),
            Self::Literal => literal::without_tags(text),
        }
    }
}

/// Classifies an entry by its name and its value, if it has one.
pub fn classify(key: &str, text: Option<&str>, kind: TextKind) -> Detection {
    let text = text.map(|text| kind.read(text));
    let text = text.as_deref();
    test_hook::count_work(key.len() + text.map_or(0, str::len));
    let analysis = names::analyse(key);
    let name_vetoed = match (analysis.family, text) {
        (Some(family), Some(text)) => benign_values::veto(family, key, text),
        (Some(vocabulary::SecretFamily::Weak), None) => Some("there is no value to check".to_owned()),
        _ => None,
    };
    Detection { by_name: analysis.verdict, name_vetoed, by_value: text.and_then(|text| detect_credential(key, text)) }
}

/// Whether the place of a value in a structure makes it the name of a key: `auth.secretKeys.password` names the key of
/// an object that holds the password.
pub fn is_name_by_place(path: &str, text: &str) -> bool {
    let mut fields = path.rsplit('.').skip(1);
    fields.next().is_some_and(reference_names::maps_to_names) && reference_names::is_key_name(text.trim())
}

/// Whether a text is a literal value: not empty, not a reference and not a placeholder. Such a text in an entry
/// declared sensitive is a leak.
pub fn is_literal(key: &str, text: &str, kind: TextKind) -> bool {
    literal::is_literal(key, &kind.read(text))
}

/// Whether a value contains a literal credential in plain text.
pub fn is_literal_credential(key: &str, text: &str) -> bool {
    let detection = classify(key, Some(text), TextKind::Template);
    detection.by_value.is_some() || (detection.name_decides() && literal::is_literal(key, text))
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct DetectReadme;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_like_a_template_is_one_only_where_it_is_rendered() {
        use TextKind::{Literal, Template};
        for (text, in_template, as_it_is) in [
            ("{{ \"ghp_16C7e42F292c6912E7710c838347Ae178B4a\" }}", true, true),
            ("{{ ghp_16C7e42F292c6912E7710c838347Ae178B4a }}", true, true),
            ("{% x %}postgres://u:hunter2canary@db/x{# y #}", true, true),
            ("{{ 1 }}{# postgres://u:hunter2canary@db/x #}", false, true),
            ("x{{ 'postgres://u:hunter2canary@db/x' }}", false, true),
            ("{{ .Values.password }}", false, false),
            ("postgres://u:{{ .Values.password }}@db/x", false, false),
            ("{{ with secret \"database/creds\" }}{{ .Data.password }}{{ end }}", false, false),
        ] {
            for (kind, expected) in [(Template, in_template), (Literal, as_it_is)] {
                assert_eq!(classify("X", Some(text), kind).by_value.is_some(), expected, "{text} {kind:?}");
            }
        }
        assert!(!is_literal("PASSWORD", "{{ .Values.password }}", Literal));
        assert!(is_literal("PASSWORD", "{{ 'hunter2canary' }}", Literal));
        assert!(!is_literal("PASSWORD", "{{ 'hunter2canary' }}", Template));
    }

    #[test]
    fn name_and_value_are_both_heard() {
        for (key, text, sensitive, leak) in [
            ("DB_PASSWORD", "hunter2", true, true),
            ("DB_PASSWORD", "changeme", true, false),
            ("DB_PASSWORD", "", true, false),
            ("DB_PASSWORD", "$(OTHER)", true, false),
            ("DB_PASSWORD", "{{ vars.password }}", true, false),
            ("DB_PASSWORD", "hunter2-{{ env.name }}", true, true),
            ("DB_PASSWORD", "/run/secrets/db", false, false),
            ("DB_PASSWORD_FILE", "/run/secrets/db", false, false),
            ("DATABASE_URL", "postgres://app:hunter2@db/app", true, true),
            ("DATABASE_URL", "postgres://app:{{ data.PASSWORD | urlencode }}@db/app", false, false),
            ("GREETING", "hello", false, false),
            ("secretKeys", "{\"adminPasswordKey\":\"admin-password\",\"userPasswordKey\":\"password\"}", false, false),
            ("secretKeys", "{\"admin\":\"hZ8fQ2mX7vKp4TnR\"}", true, true),
            ("APP_AUTH", "hZ8fQ2mX7vKp4TnR", true, true),
            ("APP_AUTH", "ldap", false, false),
        ] {
            assert_eq!(classify(key, Some(text), TextKind::Template).is_sensitive(), sensitive, "{key}: {text}");
            assert_eq!(is_literal_credential(key, text), leak, "{key}: {text}");
        }
    }

    #[test]
    fn reasons_and_near_misses_are_for_people() {
        let reasons = |key, text| classify(key, Some(text), TextKind::Template).reasons().join("; ");
        assert_eq!(reasons("DB_PASSWORD", "hunter2"), "word `password`");
        assert_eq!(reasons("APP_AUTH", "hZ8fQ2mX7vKp4TnR"), "last word `auth`, and the value looks random");
        assert_eq!(reasons("DATABASE_URL", "postgres://app:hunter2@db"), "URL with a password");
        let near_miss = |key, text| classify(key, text, TextKind::Template).near_miss().unwrap_or_default();
        assert_eq!(near_miss("DB_PASSWORD", Some("/run/db")), "word `password`, but the value is a path");
        assert_eq!(near_miss("TOKEN_TTL", None), "`token` is followed by `ttl`, a qualifier");
        assert_eq!(near_miss("APP_AUTH", None), "last word `auth`, but there is no value to check");
    }

    #[test]
    fn long_repetitive_values_take_no_longer_per_byte() {
        for piece in [
            "{{ x }}",
            "{%",
            "{",
            "<",
            "${",
            "://",
            "://a:b",
            "a://a:",
            "-----BEGIN PRIVATE KEY-----",
            "eyJ",
            "password=",
            "password='",
            "LoginModule required ",
            "A=b;",
            "%",
            "@",
            "A",
            "aA",
            "Basic ",
            "/",
            "\n",
            "k: {\n",
            "k: {}\n",
            "- {a: b}\n",
            "- value: x\n",
            "k: |\n",
            "a: &a [*a]\n",
            "[",
            "\\n",
        ] {
            let text = piece.repeat(200_000 / piece.len());
            let before = test_hook::counted_work();
            let _ = is_literal_credential("DB_PASSWORD", &text);
            let work = test_hook::counted_work() - before;
            // quadratic work would be thousands of times the text
            assert!(work <= 200 * text.len(), "{piece}: {work}");
        }
    }

    proptest! {
        #[test]
        fn any_input_is_judged(key in "\\PC{0,24}", text in any::<String>()) {
            let detection = classify(&key, Some(&text), TextKind::Template);
            let range = detection.by_value.and_then(|hit| hit.range);
            prop_assert!(range.is_none_or(|range| text.get(range).is_some()));
            let _ = is_literal_credential(&key, &text);
        }

        #[test]
        fn what_looks_like_a_credential_is_judged_too(
            text in "(\\{\\{|\\}\\}|://|@|:|%|=|;|password|eyJ|\\$|\"|\n|-----BEGIN |PRIVATE KEY-----|MII|ß|[a-z0-9]){0,40}",
        ) {
            let range = classify("auth.json", Some(&text), TextKind::Template).by_value.and_then(|hit| hit.range);
            prop_assert!(range.is_none_or(|range| text.get(range).is_some()));
        }

        #[test]
        fn reasons_never_hold_the_value(secret in "[a-z0-9]{12,20}[0-9]{4}") {
            for (key, text) in [
                ("DB_PASSWORD", secret.clone()),
                ("URL", format!("postgres://app:{secret}@db")),
                ("app.yaml", format!("x: 1\npassword: {secret}\n")),
            ] {
                let detection = classify(key, Some(&text), TextKind::Template);
                prop_assert!(detection.is_sensitive());
                let said = format!("{:?}{:?}", detection.reasons(), detection.near_miss());
                prop_assert!(!said.contains(&secret));
            }
        }
    }
}
