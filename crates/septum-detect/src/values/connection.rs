//! Detectors for passwords in addresses and connection strings.

use std::ops::Range;

use super::super::literal::{is_reference, without_references};
use super::super::placeholder::is_placeholder;
use super::super::random::{entropy, is_mixed};
use super::pattern::CredentialPattern;
use super::{Detector, DetectorFinding, DetectorInput};

pub(super) static DETECTORS: &[Detector] = &[
    Detector { name: "url-password", keywords: &["://"], find: url_password },
    Detector { name: "jdbc-password", keywords: &["jdbc:"], find: jdbc },
    Detector { name: "jaas-password", keywords: &["loginmodule"], find: jaas },
    Detector { name: "connection-string", keywords: &["password", "pwd"], find: connection_string },
    Detector { name: "dsn-password", keywords: &["@tcp(", "@unix(", "@("], find: dsn },
    Detector { name: "redis-password", keywords: &["requirepass", "masterauth"], find: redis },
    Detector { name: "sql-password", keywords: &["identified", "password '"], find: sql },
    Detector { name: "url-token", keywords: &["token=", "key=", "secret=", "password="], find: url_token },
    Detector { name: "basic-auth-pair", keywords: &["auth", "user.info"], find: basic_auth_pair },
];

/// Whether a part of a connection string is a literal password. Even the weakest counts: entropy does not matter.
fn is_password(text: &str) -> bool {
    !text.is_empty() && !is_reference(text) && !is_placeholder("", &without_references(text))
}

/// Password in a URL. RFC 3986 §3.2.1: it is between the first `:` and the last `@` of the authority.
fn url_password(scan: &DetectorInput) -> Option<DetectorFinding> {
    let text = scan.literal;
    text.match_indices("://").find_map(|(at, mark)| {
        let scheme = scheme_before(text.get(..at)?)?;
        let start = at + mark.len();
        let end = authority_end(text, start);
        let host_at = start + text.get(start..end)?.rfind('@')?;
        let user = text.get(start..host_at)?;
        let colon = user.find(':')?;
        let password = start + colon + 1..host_at;
        let decoded = percent_decode(text.get(password.clone())?);
        let user = user.get(..colon)?;
        let host = text.get(host_at + 1..end)?;
        let skipped = !is_password(&decoded)
            || is_sample(user, &decoded)
            || is_grammar(user, &decoded, host)
            || is_expression(&decoded)
            || is_digest(scheme, host);
        (!skipped).then(|| DetectorFinding::certain("URL with a password", password))
    })
}

/// Scheme at the end of a text, with the driver: `postgresql+psycopg`.
fn scheme_before(text: &str) -> Option<&str> {
    let in_scheme = |char: char| char.is_ascii_alphanumeric() || "+.-".contains(char);
    let scheme = text.get(text.trim_end_matches(in_scheme).len()..)?;
    let scheme = scheme.trim_start_matches(|char: char| !char.is_ascii_alphabetic());
    (2..=31).contains(&scheme.len()).then_some(scheme)
}

fn authority_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let ends = |char: char| char.is_whitespace() || "/?#\"'`\\".contains(char);
    start + rest.find(ends).unwrap_or(rest.len())
}

/// Whether user and password are samples: `user:password@` as in manuals, or `DB_USER:DB_PASS@` as in templates that
/// are filled in by hand.
fn is_sample(user: &str, password: &str) -> bool {
    let word = |text: &str, words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let users = ["user", "username", "<user>", "login", "name"];
    let passwords = ["password", "pass", "passwd", "pwd", "pw", "secret"];
    let is_shouted = |text: &str| {
        text.bytes().any(|byte| byte.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    };
    let ends_in = |text: &str, words: &[&str]| text.rsplit(['_', '-']).next().is_some_and(|last| word(last, words));
    let is_template =
        is_shouted(user) && is_shouted(password) && ends_in(user, &users) && ends_in(password, &passwords);
    is_template || word(user, &users) && word(password, &passwords)
}

/// Whether an address only describes the syntax: `scheme://[user:password@]host[:port]`.
fn is_grammar(user: &str, password: &str, host: &str) -> bool {
    user.starts_with('[') && host.starts_with(']') || user.starts_with(['<', '{']) && password.ends_with(['>', '}'])
}

/// Whether a password is part of a pattern that matches URLs, or of a list of hosts with an address at its end.
fn is_expression(password: &str) -> bool {
    let port = password.split(',').next().filter(|port| port.len() < password.len());
    port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
        || [".*", ".+", "[^", "]+", "\\"].iter().any(|part| password.contains(part))
}

/// Whether an address is an image with tag and digest: `docker://image:tag@sha256:…`.
fn is_digest(scheme: &str, host: &str) -> bool {
    host.starts_with("sha256:") || matches!(scheme, "oci" | "docker" | "docker-image")
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = hex_pair(bytes.clone());
        match hex.filter(|_| byte == b'%') {
            Some(decoded) => {
                out.push(decoded);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_pair(mut bytes: impl Iterator<Item = u8>) -> Option<u8> {
    let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
    let (high, low) = (digit()?, digit()?);
    u8::try_from(high << 4 | low).ok()
}

fn jdbc(scan: &DetectorInput) -> Option<DetectorFinding> {
    static QUERY: CredentialPattern = CredentialPattern::having(
        0,
        &["password=", "pwd="],
        r#"(?i)jdbc:[^\s"'<>]+?[?&;][a-z]*(?:password|pwd)=([^&;\s"'<>]+)"#,
    );
    static ORACLE: CredentialPattern =
        CredentialPattern::having(0, &["jdbc:oracle:thin:"], r#"(?i)jdbc:oracle:thin:[^/@\s"']+/([^@\s"']+)@"#);
    [&QUERY, &ORACLE].into_iter().flat_map(|pattern| pattern.matches(scan.literal)).find_map(|(password, range)| {
        is_password(&percent_decode(password)).then(|| DetectorFinding::certain("JDBC address with a password", range))
    })
}

/// Settings that make a list a connection string, without spaces and dashes.
const COMPANIONS: &[&str] = &[
    "server",
    "host",
    "hostaddr",
    "hostname",
    "datasource",
    "endpoint",
    "dsn",
    "driver",
    "uid",
    "user",
    "userid",
    "username",
    "database",
    "dbname",
    "initialcatalog",
    "address",
    "addr",
    "networkaddress",
    "port",
];

/// Password in a connection string of ADO, ODBC and .NET (`Server=…;Password=…`) or libpq (`host=… password=…`).
fn connection_string(scan: &DetectorInput) -> Option<DetectorFinding> {
    let lines = scan.literal.split_inclusive('\n').scan(0, |offset, line| {
        let start = *offset;
        *offset += line.len();
        Some((start, line))
    });
    lines.into_iter().find_map(|(start, line)| {
        let shift = |range: Range<usize>| start + range.start..start + range.end;
        let semicolons = line.contains(';').then(|| password_in_list(line, ';')).flatten();
        semicolons
            .or_else(|| password_in_list(line, ' '))
            .map(|range| DetectorFinding::certain("connection string with a password", shift(range)))
    })
}

/// Password in a list of settings that also names a server, a user or a database.
fn password_in_list(line: &str, separator: char) -> Option<Range<usize>> {
    let mut password = None;
    let mut is_connection = false;
    for (start, setting) in split_settings(line, separator) {
        let Some((name, value)) = setting.split_once('=') else { continue };
        let word = last_word(name, separator);
        if matches!(word.as_str(), "password" | "pwd") {
            let at = start + name.len() + 1;
            password = password_range(value).map(|range| at + range.start..at + range.end).or(password);
        } else if COMPANIONS.contains(&word.as_str()) && !value.trim().is_empty() {
            is_connection = true;
        }
    }
    password.filter(|_| is_connection)
}

/// Range of the password in a setting, without quotes. ODBC quotes with braces, but Spring writes references in braces:
/// a text in braces must contain a character that no name has.
fn password_range(value: &str) -> Option<Range<usize>> {
    let bare = value.trim().trim_matches(['"', '\'', '\\', ',', ';']);
    let inside = bare.strip_prefix('{').and_then(|bare| bare.strip_suffix('}'));
    let named = inside.is_some_and(|inside| inside.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_'));
    let bare = inside.unwrap_or(bare);
    let at = value.find(bare)?;
    (!named && is_password(bare)).then_some(at..at + bare.len())
}

/// Parts of a list with their offsets; separators in quotes and braces do not split.
fn split_settings(line: &str, separator: char) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut closing: Option<char> = None;
    let mut before = ' ';
    for (index, char) in line.char_indices() {
        match closing {
            Some(close) => closing = (char != close).then_some(close),
            None if before == '=' && matches!(char, '"' | '\'' | '{') => {
                closing = Some(if char == '{' { '}' } else { char });
            }
            None if char == separator || (separator == ' ' && char.is_whitespace()) => {
                parts.extend(line.get(start..index).map(|part| (start, part)));
                start = index + char.len_utf8();
            }
            None => {}
        }
        before = char;
    }
    parts.extend(line.get(start..).map(|part| (start, part)));
    parts
}

/// Name of a setting in lower case, without a prefix and punctuation: `datasource` for `conn="Data Source`, `password`
/// for `--password`.
fn last_word(name: &str, separator: char) -> String {
    let name = name.rsplit(['"', '\'', '=', ':', '?', '&']).next().unwrap_or(name);
    let name = if separator == ' ' { name.rsplit(char::is_whitespace).next().unwrap_or(name) } else { name };
    name.chars().filter(|char| char.is_alphanumeric()).collect::<String>().to_lowercase()
}

/// Password in the options of a Java login module with its control flag.
fn jaas(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::having(
        0,
        &["LoginModule"],
        r#"(?i)LoginModule\s+(?:required|requisite|sufficient|optional)\b[^;]*?password\s*=\s*\\?["']?([^"'\\;\s]+)"#,
    );
    PATTERN.matches(scan.literal).find_map(|(password, range)| {
        is_password(password).then(|| DetectorFinding::certain("JAAS login with a password", range))
    })
}

/// Password in a DSN of Go's `MySQL` driver: `user:password@tcp(host:port)/database`.
fn dsn(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern =
        CredentialPattern::new(r#"(?:\A|[\s"'=])[^\s:@/"'=]+:([^\s"']+)@(?:tcp|unix)?\([^\s)]+\)/"#);
    PATTERN.matches(scan.literal).find_map(|(password, range)| {
        is_password(password).then(|| DetectorFinding::certain("data source name with a password", range))
    })
}

fn redis(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::having(
        0,
        &["requirepass", "masterauth"],
        r#"(?m)(?:^[ \t]*|--)(?:requirepass|masterauth)[ \t=]+"?([^\s"]+)"#,
    );
    PATTERN.matches(scan.literal).find_map(|(password, range)| {
        is_password(password).then(|| DetectorFinding::certain("Redis setting with a password", range))
    })
}

/// Password in an SQL script: `CREATE USER … IDENTIFIED BY '…'` and `ALTER ROLE … PASSWORD '…'`.
fn sql(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::having(
        0,
        &["identified", "password"],
        r"(?i)\b(?:identified\s+(?:with\s+\S+\s+)?by|(?:user|role)\b[^;']*\bpassword)\s+'([^'\n]+)'",
    );
    PATTERN.matches(scan.literal).find_map(|(password, range)| {
        is_password(password).then(|| DetectorFinding::likely("SQL statement with a password", range))
    })
}

/// Token in the query of a URL.
fn url_token(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::having(
        0,
        &["://"],
        r#"(?i)://[^\s"'<>?]*\?(?:[^\s"'<>]*?&)?(?:[a-z_-]*token|[a-z_-]*api_?key|key|[a-z_-]*secret|password)=([^&#\s"'<>]{8,})"#,
    );
    PATTERN.matches(scan.literal).find_map(|(token, range)| {
        let made = is_mixed(token) && entropy(token) >= 3.0;
        (made && is_password(&percent_decode(token)))
            .then(|| DetectorFinding::likely("URL with a token in its query", range))
    })
}

/// User and password under one name: `NEO4J_AUTH: neo4j/…` and `basic.auth.user.info: user:…`.
fn basic_auth_pair(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern = CredentialPattern::new(r"\A\s*[A-Za-z][A-Za-z0-9_@-]*[:/]([^\s:/@]{4,})\s*\z");
    let name: String = scan.key.to_lowercase().replace(['.', '-'], "_");
    let named = name.ends_with("_auth") && !name.contains("url") || name.ends_with("auth_user_info");
    if !named {
        return None;
    }
    PATTERN.matches(scan.literal).find_map(|(password, range)| {
        let is_port = password.bytes().all(|byte| byte.is_ascii_digit());
        (!is_port && is_password(password)).then(|| DetectorFinding::likely("user and password in one", range))
    })
}

#[cfg(test)]
mod tests {
    use super::super::detect_credential;

    /// Detector and matched text of a finding.
    fn found<'t>(key: &str, text: &'t str) -> Option<(&'static str, &'t str)> {
        let hit = detect_credential(key, text)?;
        Some((hit.detector, &text[hit.range.expect("placed")]))
    }

    #[test]
    fn passwords_in_connections_are_found() {
        for (detector, password, text) in [
            ("url-password", "hunter2", "postgres://app:hunter2@db:5432/app"),
            ("url-password", "hunter2", "postgresql+psycopg://app:hunter2@db/app"),
            ("url-password", "hunter2", "redis://:hunter2@cache:6379"),
            ("url-password", "hun@ter2", "mysql://app:hun@ter2@db/app?x=a@b"),
            ("url-password", "hunt%40er2", "amqp://app:hunt%40er2@mq"),
            ("url-password", "postgres", "jdbc:postgresql://postgres:postgres@db/app"),
            ("url-password", "hunter2", "mongodb+srv://app:hunter2@a.example,b.example/app"),
            ("url-password", "hunter2", "first\nurl: https://app:hunter2@host/x\n"),
            ("url-password", "hunter2{{ env }}", "postgres://app:hunter2{{ env }}@db"),
            ("jdbc-password", "hunter2", "jdbc:mysql://db/app?user=app&password=hunter2&x=y"),
            ("jdbc-password", "hunter2", "jdbc:sqlserver://db:1433;databaseName=app;password=hunter2;"),
            ("jdbc-password", "hunter2", "jdbc:oracle:thin:app/hunter2@db:1521:orcl"),
            ("connection-string", "hunter2", "Server=db;Database=app;User Id=app;Password=hunter2;"),
            ("connection-string", "hun;ter2", "Data Source=db;Pwd='hun;ter2';Encrypt=true"),
            ("connection-string", "hun;ter2", "DRIVER={ODBC Driver 18};SERVER=db;UID=app;PWD={hun;ter2}"),
            ("connection-string", "hunter2", "host=db port=5432 user=app password=hunter2"),
            ("jaas-password", "hunter2", "org.x.PlainLoginModule required username=\"a\" password=\"hunter2\";"),
            ("redis-password", "hunter2", "port 6379\nrequirepass hunter2\n"),
            ("redis-password", "hunter2", "redis-server --requirepass hunter2"),
            ("dsn-password", "hunter2", "app:hunter2@tcp(db:3306)/app?parseTime=true"),
            ("dsn-password", "hun@ter2", "dsn=app:hun@ter2@(db:3306)/"),
            ("url-password", "HUNTER2", "postgres://ADMIN:HUNTER2@db/app"),
            ("sql-password", "hunter2", "CREATE USER app IDENTIFIED BY 'hunter2';"),
            ("sql-password", "hunter2", "CREATE ROLE app WITH LOGIN PASSWORD 'hunter2';"),
            ("url-token", "hZ8fQ2mX7vKp4TnR", "https://example.com/hook?a=b&token=hZ8fQ2mX7vKp4TnR"),
        ] {
            assert_eq!(found("SETTING", text), Some((detector, password)), "{text}");
        }
        assert_eq!(found("NEO4J_AUTH", "neo4j/hunter2"), Some(("basic-auth-pair", "hunter2")));
        assert_eq!(found("basic.auth.user.info", "app:hunter2"), Some(("basic-auth-pair", "hunter2")));
    }

    #[test]
    fn connections_without_a_literal_password_are_not() {
        for text in [
            "postgres://app@db/app",
            "postgres://USER:PASS@db/app",
            "postgres://DB_USER:DB_PASSWORD@db/app",
            "mongodb://[username:password@]host1[:port1][,...hostN[:portN]]/db",
            "# redis://[user:pass@]host[:port][/database]",
            "https://user:xxxxxxxx@git.example.com",
            "amqp://<user:password>@mq",
            "postgres://app:@db/app",
            "postgres://app:$(PASSWORD)@db/app",
            "postgres://${USER}:${PASSWORD}@db/app",
            "postgres://app:{{ data.PASSWORD | urlencode }}@db/app",
            "postgres://app:<password>@db/app",
            "postgres://app:%s@db/app",
            "postgres://app:****@db/app",
            "postgres://app:changeme@db/app",
            "postgres://user:password@host/db",
            "git@github.com:org/repo.git",
            "ssh://git@github.com:22/org/repo.git",
            "http://host:8080/a@b:c",
            "http://a:80,b@c",
            "docker://alpine:3@sha256:0123",
            "oci://registry.example/chart:1.0",
            "^https?://(.*):(.*)@host$",
            "jdbc:mysql://db/app?user=app&password=${PASSWORD}",
            "Server=db;Database=app;Integrated Security=true;",
            "password=;host=db",
            "host=db user=app password=$PASSWORD",
            "PlainLoginModule required username=\"a\" password=\"${PASSWORD}\";",
            "IDENTIFIED BY '${PASSWORD}'",
            "app:${PASSWORD}@tcp(db:3306)/app",
            "app@tcp(db:3306)/app",
            "redis-server --requirepass $(PASSWORD)",
            "why requirepass is set",
            "https://example.com/?token=${TOKEN}",
            "https://example.com/?key=documentation",
        ] {
            assert_eq!(found("SETTING", text), None, "{text}");
        }
        for text in ["db/app-main:5432", "localhost:5432", "none", "user:<password>"] {
            assert_eq!(found("SERVICE_AUTH", text), None, "{text}");
        }
        assert_eq!(found("SETTING", "neo4j/hunter2"), None);
    }
}
