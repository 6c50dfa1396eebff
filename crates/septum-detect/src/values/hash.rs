//! Detectors for password hashes: not the password, but enough to guess it from.

use super::pattern::CredentialPattern;
use super::{Detector, DetectorFinding, DetectorInput};

pub(super) static DETECTORS: &[Detector] = &[
    Detector {
        name: "password-hash",
        keywords: &[
            "$2", "$1$", "$5$", "$6$", "$y$", "$7$", "$apr1$", "$argon2", "$pbkdf2", "$scrypt$", "{sha}", "{ssha",
        ],
        find: password_hash,
    },
    Detector { name: "ldif-password", keywords: &["userpassword"], find: ldif },
];

/// Forms of crypt(5), of PHC strings and of LDAP schemes.
static FORMS: [CredentialPattern; 9] = [
    CredentialPattern::new(r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}"),
    CredentialPattern::new(r"\$(?:1|apr1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"),
    CredentialPattern::new(r"\$5\$(?:rounds=[0-9]+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}"),
    CredentialPattern::new(r"\$6\$(?:rounds=[0-9]+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}"),
    CredentialPattern::new(r"\$(?:y|7)\$[./A-Za-z0-9$]{20,}"),
    CredentialPattern::new(r"\$argon2(?:id|i|d)\$v=[0-9]+\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"),
    CredentialPattern::new(r"\$(?:pbkdf2(?:-sha[0-9]+)?|scrypt)\$[^\s$]+\$[A-Za-z0-9./+]+\$[A-Za-z0-9./+=]{16,}"),
    CredentialPattern::new(r"\{SHA\}[A-Za-z0-9+/]{27}="),
    CredentialPattern::new(r"\{SSHA(?:256|512)?\}[A-Za-z0-9+/]{28,}={0,2}"),
];

fn password_hash(scan: &DetectorInput) -> Option<DetectorFinding> {
    let mut matches = FORMS.iter().flat_map(|form| form.matches(scan.literal));
    matches.next().map(|(_, range)| DetectorFinding::certain("password hash", range))
}

fn ldif(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::new(r"(?im)^userPassword::?[ \t]*(\S+)");
    let mut matches = PATTERN.matches(scan.literal);
    let found = matches.find(|(text, _)| super::super::literal::is_literal("userPassword", text));
    found.map(|(_, range)| DetectorFinding::certain("LDIF entry with a password", range))
}

#[cfg(test)]
mod tests {
    use super::super::detect_credential;

    fn found(text: &str) -> Option<&'static str> {
        detect_credential("X", text).map(|hit| hit.detector)
    }

    #[test]
    fn hashes_of_passwords_are_found() {
        let body = "hZ8fQ2mX7vKp4TnR".repeat(6);
        for text in [
            format!("admin:$2y$10${}", &body[..53]),
            format!("$1$salt${}", &body[..22]),
            format!("user:$apr1$salt${}", &body[..22]),
            format!("$5$rounds=5000$salt${}", &body[..43]),
            format!("$6$salt${}", &body[..86]),
            format!("$y$j9T$salt${}", &body[..43]),
            format!("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA${}", &body[..43]),
            format!("$pbkdf2-sha256$29000$salt${}", &body[..43]),
            format!("user:{{SHA}}{}=", &body[..27]),
            format!("{{SSHA}}{}", &body[..32]),
        ] {
            assert_eq!(found(&text), Some("password-hash"), "{text}");
        }
        assert_eq!(found("dn: cn=x\nuserPassword: hunter2\n"), Some("ldif-password"));
    }

    #[test]
    fn other_dollars_are_no_hashes() {
        for text in
            ["$1 and $2 and $1$2", "costs $5$ or $6$", "rewrite ^/(.*)$ /$1$is_args", "userPassword: {{ data.X }}"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
