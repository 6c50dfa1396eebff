//! Detectors for keys and credential files, recognised by their form.

use serde_json::Value;

use super::super::literal::is_literal;
use super::super::placeholder::{is_pem_body_stub, is_placeholder};
use super::pattern::CredentialPattern;
use super::{Certainty, Detector, DetectorFinding, DetectorInput, json_in_base64};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

// Of equally certain detectors the first one names the finding: documents before the keys in them.
pub(super) static DETECTORS: &[Detector] = &[
    Detector { name: "service-account", keywords: &["\"private_key\"", "\"refresh_token\""], find: google },
    Detector { name: "docker-config", keywords: &["\"auth\"", "\"password\"", "\"identitytoken\""], find: docker },
    Detector {
        name: "private-key",
        keywords: &["private key", "private_key", "putty-user-key-file-"],
        find: private_key,
    },
    Detector { name: "kubeconfig", keywords: &["client-key-data", "clusters"], find: kubeconfig },
    Detector { name: "jwk", keywords: &["\"kty\""], find: jwk },
    Detector { name: "jwt", keywords: &["eyj", "eya"], find: jwt },
    Detector { name: "wireguard-key", keywords: &["privatekey", "presharedkey"], find: wireguard },
    Detector {
        name: "tool-credentials",
        keywords: &["_authtoken", "_password", "_auth", "machine", "pgpass"],
        find: tools,
    },
    Detector { name: "auth-header", keywords: &["basic ", "bearer "], find: auth_header },
    Detector { name: "bootstrap-token", keywords: &["token", "bootstrap"], find: bootstrap_token },
];

/// Minimum number of Base64 characters in a PEM body; a shorter one is a stub in a manual or a test.
const SHORTEST_PEM_BODY: usize = 64;

/// Private key in PEM (RFC 7468), also on one line and with `\n` escapes, or in the form of `PuTTY`.
fn private_key(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PEM: CredentialPattern = CredentialPattern::having(
        0,
        &["PRIVATE KEY-----", "PRIVATE KEY BLOCK-----"],
        r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----",
    );
    // keys copied by hand: a missing dash, underscores, small letters
    static BROKEN: CredentialPattern = CredentialPattern::having(
        0,
        &["BEGIN"],
        r"(?i)(?:-+[ ]?|\A|\n[ \t]*)(BEGIN[ _]+(?:[A-Z0-9]+[ _]+){0,3}PRIVATE[ _]KEY(?:[ _]BLOCK)?[ ]?-*)",
    );
    static PUTTY: CredentialPattern =
        CredentialPattern::having(0, &["PuTTY-User-Key-File-"], r"PuTTY-User-Key-File-[23]");
    let pem = PEM.matches(scan.literal).filter_map(|(label, range)| {
        let rest = scan.literal.get(range.end + 5..)?;
        let body = rest.split("-----").next().unwrap_or(rest).replace("\\n", "\n").replace("\\r", "");
        if is_pem_body_stub(&body) {
            return None;
        }
        let keyed = body.lines().filter(|line| !line.contains(": ")).flat_map(str::bytes);
        let length = keyed.filter(|byte| super::check::is_base64(*byte)).count();
        let certain = length >= SHORTEST_PEM_BODY && !label.starts_with("ENCRYPTED");
        let certainty = if certain { Certainty::Certain } else { Certainty::Likely };
        let start = range.start.saturating_sub("-----BEGIN ".len());
        (length > 0).then(|| DetectorFinding {
            certainty,
            reason: "private key in PEM format",
            range: Some(start..range.end + 5),
        })
    });
    let broken = BROKEN.matches(scan.literal).filter_map(|(_, range)| {
        let rest = scan.literal.get(range.end..)?.trim_start_matches(['-', ' ']);
        let body = rest.split("--").next().unwrap_or(rest).replace("\\n", "\n").replace("\\r", "");
        let first = body.split_whitespace().next().unwrap_or_default();
        let length = body
            .split_whitespace()
            .take_while(|word| word.bytes().all(super::check::is_base64))
            .map(str::len)
            .sum::<usize>();
        let is_key = first.len() >= 16 && length >= SHORTEST_PEM_BODY && !is_pem_body_stub(&body);
        is_key.then(|| DetectorFinding::likely("private key in malformed PEM", range))
    });
    let putty = PUTTY.matches(scan.literal).map(|(_, range)| DetectorFinding::certain("PuTTY private key", range));
    pem.chain(broken).chain(putty).max_by_key(|found| found.certainty)
}

fn parse_json(scan: &DetectorInput) -> Option<Value> {
    serde_json::from_str(scan.literal).ok()
}

fn text_field<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| is_literal(name, text))
}

/// Credentials in files of Google Cloud: a service account's key, or a user's refresh token. The configuration of
/// workload identity looks similar and contains no secret.
fn google(scan: &DetectorInput) -> Option<DetectorFinding> {
    let document = parse_json(scan)?;
    let key = text_field(&document, "private_key").filter(|key| key.contains("PRIVATE KEY"));
    let service_account = text_field(&document, "type") == Some("service_account") && key.is_some();
    let person = text_field(&document, "client_secret").is_some() && text_field(&document, "refresh_token").is_some();
    let whole = 0..scan.text.len();
    match (service_account, person) {
        (true, _) => Some(DetectorFinding::certain("Google service account key file", whole)),
        (_, true) => Some(DetectorFinding::certain("Google user credentials", whole)),
        _ => None,
    }
}

/// Credentials in Docker's `config.json` and the older `.dockercfg`.
fn docker(scan: &DetectorInput) -> Option<DetectorFinding> {
    let document = parse_json(scan)?;
    let legacy = document.as_object().is_some_and(|map| map.keys().all(|key| key.contains(['.', ':', '/'])));
    let registries = document.get("auths").or(legacy.then_some(&document))?.as_object()?;
    let holds = |registry: &Value| {
        let pair = text_field(registry, "auth")
            .and_then(decode)
            .is_some_and(|pair| pair.split_once(':').is_some_and(|(_, password)| is_literal("password", password)));
        pair || text_field(registry, "password").is_some() || text_field(registry, "identitytoken").is_some()
    };
    registries.values().any(holds).then(|| DetectorFinding::certain("Docker registry credentials", 0..scan.text.len()))
}

fn decode(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text.trim_end_matches('='))).ok()?;
    String::from_utf8(bytes).ok()
}

fn kubeconfig(scan: &DetectorInput) -> Option<DetectorFinding> {
    static KEY: CredentialPattern =
        CredentialPattern::having(0, &["client-key-data"], r#"client-key-data["']?\s*:\s*["']?([A-Za-z0-9+/=]{64,})"#);
    static USER: CredentialPattern = CredentialPattern::having(
        0,
        &["token", "password"],
        r#"(?m)^\s+-?\s*["']?(?:token|password)["']?\s*:\s*["']?([^\s"',]{8,})"#,
    );
    let found = |reason| move |(_, range)| DetectorFinding::certain(reason, range);
    if let Some(key) = KEY.matches(scan.literal).map(found("kubeconfig with a client key")).next() {
        return Some(key);
    }
    let is_config = ["clusters", "users", "contexts"].iter().all(|word| scan.literal.contains(word));
    if !is_config {
        return None;
    }
    let literal = |(text, _): &(&str, _)| is_literal("", text);
    USER.matches(scan.literal).find(literal).map(found("kubeconfig with a user's credentials"))
}

/// Private JSON Web Key (RFC 7517): `d`, `k` and `p` are the private members.
fn jwk(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PRIVATE: CredentialPattern = CredentialPattern::new(r#""(?:d|k|p)"\s*:\s*"([A-Za-z0-9_-]{20,})""#);
    PRIVATE.matches(scan.literal).next().map(|(_, range)| DetectorFinding::certain("private JSON Web Key", range))
}

/// JSON Web Token (RFC 7519). Supabase's `anon` role is public, and an unsigned token grants no access.
fn jwt(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern =
        CredentialPattern::having(0, &[".ey"], r"ey[A-Za-z0-9_-]{6,}\.ey[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{16,}");
    PATTERN.matches(scan.text).find_map(|(token, range)| {
        let mut parts = token.split('.');
        let header = json_in_base64(parts.next()?)?;
        let claims = parts.next().and_then(json_in_base64).unwrap_or_default();
        let algorithm = header.get("alg")?.as_str()?;
        let public = claims.get("role").and_then(Value::as_str) == Some("anon");
        let certainty = if algorithm == "none" { Certainty::Likely } else { Certainty::Certain };
        (!public).then_some(DetectorFinding { certainty, reason: "JSON Web Token", range: Some(range) })
    })
}

/// `WireGuard` key. The same 44 characters could be the public key: the word decides.
fn wireguard(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::having(
        0,
        &["PrivateKey", "PresharedKey"],
        r"(?i)(?:PrivateKey|PresharedKey)\s*[=:]\s*([A-Za-z0-9+/]{43}=)",
    );
    PATTERN.matches(scan.literal).next().map(|(_, range)| DetectorFinding::certain("WireGuard key", range))
}

/// Credentials in `.npmrc`, `.netrc`, `.pgpass`.
fn tools(scan: &DetectorInput) -> Option<DetectorFinding> {
    static NPM: CredentialPattern = CredentialPattern::having(
        0,
        &["_authToken", "_password", "_auth"],
        r#"(?m)^\s*(?://[^\s=]+:)?_(?:authToken|password|auth)\s*=\s*"?([^\s"]+)"#,
    );
    static NETRC: CredentialPattern =
        CredentialPattern::having(0, &["machine"], r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)");
    static PGPASS: CredentialPattern = CredentialPattern::new(r"(?m)^[^\s:#]+:(?:\d+|\*):[^\s:]+:[^\s:]+:(\S+)$");
    let is_pgpass = scan.key.to_lowercase().contains("pgpass");
    let files = [
        (&NPM, "npm registry credentials", true),
        (&NETRC, "credentials in netrc form", true),
        (&PGPASS, "PostgreSQL password file", is_pgpass),
    ];
    let literal = |(text, _): &(&str, _)| is_literal("", text);
    files.into_iter().filter(|(_, _, applies)| *applies).find_map(|(pattern, reason, _)| {
        pattern.matches(scan.literal).find(literal).map(|(_, range)| DetectorFinding::certain(reason, range))
    })
}

/// Authorization header (RFC 7617 and 6750). *Basic* is also an adjective, so the rest must decode to user and
/// password.
fn auth_header(scan: &DetectorInput) -> Option<DetectorFinding> {
    static BASIC: CredentialPattern =
        CredentialPattern::having(0, &["basic"], r"(?i)\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})");
    static BEARER: CredentialPattern =
        CredentialPattern::having(0, &["bearer"], r"(?i)\bbearer\s+([A-Za-z0-9._~+/-]{16,}=*)");
    let basic = BASIC.matches(scan.literal).find(|(text, _)| decode(text).is_some_and(|pair| is_pair(&pair)));
    if let Some((_, range)) = basic {
        return Some(DetectorFinding::certain("HTTP basic authentication header", range));
    }
    let mut bearers = BEARER.matches(scan.literal);
    let bearer = bearers.find(|(text, _)| super::super::random::is_mixed(text) && !is_placeholder("", text));
    bearer.map(|(_, range)| DetectorFinding::likely("HTTP header with a bearer token", range))
}

fn is_pair(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, password)| !user.is_empty() && !password.is_empty())
        && text.chars().all(|char| !char.is_control())
}

/// Bootstrap token of Kubernetes; the form is short, so a word must be nearby.
fn bootstrap_token(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::having(23, &["."], r"\b([a-z0-9]{6}\.[a-z0-9]{16})\b");
    PATTERN.matches(scan.literal).find_map(|(token, range)| {
        let documented = token == "abcdef.0123456789abcdef";
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        let alone = super::pattern::stands_alone(scan.literal, &range);
        let fits = alone && !documented && digits >= 3 && scan.mentions(&["bootstrap", "token"], range.start);
        fits.then(|| DetectorFinding::likely("Kubernetes bootstrap token", range))
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::super::{Certainty, detect_credential};

    const BODY: &str = "hZ8fQ2mX7vKp4TnRhZ8fQ2mX7vKp4TnRhZ8fQ2mX7vKp4TnRhZ8fQ2mX7vKp4TnR";

    fn pem(label: &str, body: &str) -> String {
        format!("{dashes}BEGIN {label}{dashes}\n{body}\n{dashes}END {label}{dashes}\n", dashes = "-----")
    }

    fn found(key: &str, text: &str) -> Option<(&'static str, Certainty)> {
        detect_credential(key, text).map(|hit| (hit.detector, hit.certainty))
    }

    #[test]
    fn private_keys_are_found_however_they_are_written() {
        let plain = pem("RSA PRIVATE KEY", BODY);
        let certain = Some(("private-key", Certainty::Certain));
        for text in [
            plain.clone(),
            pem("PRIVATE KEY", BODY),
            pem("PGP PRIVATE KEY BLOCK", BODY),
            plain.replace('\n', "\\n"),
            plain.replace('\n', " "),
            format!("# a comment\n{}{plain}", pem("CERTIFICATE", BODY)),
            STANDARD.encode(&plain),
        ] {
            assert_eq!(found("X", &text), certain, "{text}");
        }
        let likely = Some(("private-key", Certainty::Likely));
        assert_eq!(found("X", &pem("PRIVATE KEY", "hZ8fQ2mX7vKp4TnR")), likely);
        for (dashes, header) in [
            ("----", "BEGIN RSA PRIVATE KEY-----"),
            ("-----", "BEGIN RSA PRIVATE KEY----"),
            ("", "BEGIN PRIVATE KEY"),
            ("-----", "BEGIN_RSA_PRIVATE_KEY-----"),
            ("-----", "Begin Private Key-----"),
            ("----- ", "BEGIN OPENSSH PRIVATE KEY -----"),
        ] {
            assert_eq!(found("X", &format!("{dashes}{header}\n{BODY}\n{BODY}\n")), likely, "{dashes}{header}");
        }
        assert_eq!(found("X", &pem("ENCRYPTED PRIVATE KEY", BODY)), likely);
    }

    #[test]
    fn what_is_public_or_encrypted_is_no_private_key() {
        for label in ["CERTIFICATE", "PUBLIC KEY", "CERTIFICATE REQUEST", "DH PARAMETERS", "PGP MESSAGE"] {
            assert_eq!(found("X", &pem(label, BODY)), None, "{label}");
        }
        assert_eq!(found("X", &pem("PRIVATE KEY", "{{ data.KEY }}")), None);
        for body in ["xxxxx", "...", "MIIEvQIBADANBg...", "<your key>", "your private key here", "…"] {
            assert_eq!(found("X", &pem("PRIVATE KEY", body)), None, "{body}");
        }
        for text in ["# begin private key rotation of the old key", "-----BEGIN PRIVATE KEY of what-----"] {
            assert_eq!(found("X", text), None, "{text}");
        }
        assert_eq!(found("X", &format!("{}BEGIN PRIVATE KEY{}", "-----", "-----")), None);
    }

    #[test]
    fn credential_files_are_told_from_their_harmless_kin() {
        let pair = STANDARD.encode("robot:hunter2");
        let key = pem("PRIVATE KEY", BODY).replace('\n', "\\n");
        let rows = [
            ("docker-config", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{pair}"}}}}}}"#), true),
            ("docker-config", format!(r#"{{"https://ghcr.io":{{"auth":"{pair}"}}}}"#), true),
            ("docker-config", r#"{"auths":{}}"#.to_owned(), false),
            ("docker-config", r#"{"auths":{"ghcr.io":{"auth":"bm90aGluZw=="}}}"#.to_owned(), false),
            ("service-account", format!(r#"{{"type":"service_account","private_key":"{key}"}}"#), true),
            ("service-account", r#"{"type":"external_account","audience":"x"}"#.to_owned(), false),
            ("kubeconfig", format!("clusters:\nusers:\n- user:\n    client-key-data: {BODY}\n"), true),
            ("kubeconfig", "clusters:\nusers:\n- user:\n    client-certificate-data: AAAA\n".to_owned(), false),
            ("kubeconfig", "clusters:\ncontexts:\nusers:\n- user:\n    token: hunter2hunter2\n".to_owned(), true),
            ("kubeconfig", "clusters:\ncontexts:\nusers:\n- user:\n    token: ${TOKEN}\n".to_owned(), false),
            ("service-account", r#"{"client_secret":"hunter2","refresh_token":"1//hunter2"}"#.to_owned(), true),
            ("private-key", format!("PuTTY-User-Key-{}-3: ssh-ed25519\n", "File"), true),
            ("jwk", r#"{"kty":"EC","x":"a","d":"hZ8fQ2mX7vKp4TnRhZ8fQ2"}"#.to_owned(), true),
            ("jwk", r#"{"kty":"EC","x":"hZ8fQ2mX7vKp4TnRhZ8fQ2"}"#.to_owned(), false),
            ("wireguard-key", format!("[Interface]\nPrivateKey = {}=\n", &BODY[..43]), true),
            ("wireguard-key", format!("[Peer]\nPublicKey = {}=\n", &BODY[..43]), false),
            ("tool-credentials", "//registry.example/:_authToken=hunter2".to_owned(), true),
            ("tool-credentials", "//registry.example/:_authToken=${NPM_TOKEN}".to_owned(), false),
            ("tool-credentials", "machine example.com login me password hunter2".to_owned(), true),
            ("tool-credentials", "the machine and its login".to_owned(), false),
            ("auth-header", format!("Authorization: Basic {pair}"), true),
            ("auth-header", "Basic Calculator for everyone".to_owned(), false),
            ("auth-header", "Authorization: Bearer hZ8fQ2mX7vKp4TnR".to_owned(), true),
            ("auth-header", "Authorization: Bearer ${TOKEN}".to_owned(), false),
            ("bootstrap-token", "token 07401b.f395accd246ae52d".to_owned(), true),
            ("bootstrap-token", "token abcdef.0123456789abcdef".to_owned(), false),
        ];
        for (detector, text, expected) in rows {
            let name = found("X", &text).map(|(name, _)| name);
            assert_eq!(name, expected.then_some(detector), "{text}");
        }
        assert_eq!(found(".pgpass", "db:5432:app:app:hunter2"), Some(("tool-credentials", Certainty::Certain)));
        assert_eq!(found("ROUTE", "db:5432:app:app:hunter2"), None);
    }

    #[test]
    fn a_web_token_has_a_header_with_an_algorithm() {
        let token = |header: &str, claims: &str| {
            let parts = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
            format!("{}.{}.{}", parts[0], parts[1], &BODY[..43])
        };
        for (header, claims, expected) in [
            (r#"{"alg":"HS256"}"#, r#"{"sub":"1"}"#, Some(("jwt", Certainty::Certain))),
            (r#"{"alg":"HS256"}"#, r#"{ "sub":"1"}"#, Some(("jwt", Certainty::Certain))),
            (r#"{"alg":"none"}"#, r#"{"sub":"1"}"#, Some(("jwt", Certainty::Likely))),
            (r#"{"alg":"HS256"}"#, r#"{"role":"anon"}"#, None),
            (r#"{"typ":"JWT"}"#, r#"{"sub":"1"}"#, None),
        ] {
            assert_eq!(found("X", &token(header, claims)), expected, "{header} {claims}");
        }
    }

    #[test]
    fn bare_keys_in_der_are_found() {
        let version = [2, 1, 0];
        let body = [&[0x30, 0x82, 0, 3 + 4 + 100][..], &version, &[0x30, 0x82, 0, 100], &[7; 100]].concat();
        assert_eq!(found("X", &STANDARD.encode(body)), Some(("private-key", Certainty::Certain)));
    }
}
