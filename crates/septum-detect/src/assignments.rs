//! Files inside a value: their assignments are classified like entries of their own.
//!
//! A text that [`StructuredFile`] does not parse is read line by line: every line that assigns one value to one name is
//! inspected, and anything that is not surely a value is skipped.

use std::ops::Range;

use super::benign_values;
use super::literal::{BLANK, is_literal};
use super::names::{NameVerdict, analyse};
use super::random::{entropy, is_mixed, is_mixed_password};
use super::reference_names::{is_key_name, maps_to_names};
use super::structured_files::StructuredFile;
use super::values::{Certainty, ValueHit};
use super::vocabulary::{HEADS, SecretFamily};
use super::words;

/// Name under which the first credential of a file is reported.
const DETECTOR: &str = "assignment";

/// Finds a credential that a line of a file assigns.
pub(super) fn find_assignment(key: &str, text: &str) -> Option<ValueHit> {
    let trimmed = text.trim();
    // Knative documents its settings in such an entry
    if key.starts_with("_example") {
        return None;
    }
    if let Some(document) = StructuredFile::parse(key, text) {
        let assigned = document.find_assignment(text).map(|(name, range)| assignment_hit(text, &name, range));
        if assigned.is_some() || !document.has_lines {
            return assigned;
        }
    }
    if !trimmed.contains('\n') && !is_config_file(key) {
        let alone = || only_setting(text);
        return find_option(text).or_else(alone).map(|(name, range)| assignment_hit(text, &name, Some(range)));
    }
    let quoted_only = is_program(key, trimmed);
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some((name, range)) = parse_assignment(line, quoted_only).or_else(|| find_option(line)) {
            let value = line.get(range.clone()).unwrap_or_default();
            if !(is_key_name(value) && maps_to_names(parent_of_line(text, offset))) {
                return Some(assignment_hit(text, &name, Some(offset + range.start..offset + range.end)));
            }
        }
        offset += line.len();
    }
    None
}

/// Name and value of a text that is a single setting: `password: hunter2`.
fn only_setting(text: &str) -> Option<(String, Range<usize>)> {
    let is_setting = text.trim().contains(": ") && text.split_whitespace().take(3).count() == 2;
    is_setting.then(|| parse_assignment(text, false)).flatten()
}

/// Parent of the settings on the line at an offset, found by its indentation.
fn parent_of_line(text: &str, offset: usize) -> &str {
    let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let own = indentation(text.get(offset..).unwrap_or_default());
    let mut before = text.get(..offset).unwrap_or_default().lines().rev();
    let parent = before.find(|line| !line.trim().is_empty() && indentation(line) < own).unwrap_or_default();
    parent.trim_start_matches([' ', '-']).split(':').next().unwrap_or_default()
}

/// Name and range of the credential in a file embedded in another file.
pub(super) fn scan_inner(key: &str, text: &str) -> Option<(String, Option<Range<usize>>)> {
    if let Ok(serde_json::Value::Object(_)) = serde_json::from_str(text) {
        return StructuredFile::parse(key, text)?.inner_assignment(text);
    }
    text.split_inclusive('\n')
        .scan(0, |offset, line| {
            let start = *offset;
            *offset += line.len();
            Some((start, line))
        })
        .find_map(|(start, line)| {
            let (name, range) = parse_assignment(line, false)?;
            Some((name, Some(start + range.start..start + range.end)))
        })
}

/// The hit of an assignment in a text, without its name if that repeats the credential.
fn assignment_hit(text: &str, name: &str, range: Option<Range<usize>>) -> ValueHit {
    let credential = range.clone().and_then(|range| text.get(range)).unwrap_or_default();
    let repeats_it = !credential.is_empty() && name.contains(credential);
    let reason = format!("text that sets `{name}`");
    let hit = ValueHit { detector: DETECTOR, certainty: Certainty::Likely, reason, range };
    if repeats_it { hit.without_names() } else { hit }
}

fn is_config_file(key: &str) -> bool {
    [".properties", ".ini", ".env", ".conf", ".cfg", ".cnf"].iter().any(|ending| key.ends_with(ending))
}

/// Whether a text is a program, in which a bare word after `=` is a variable.
fn is_program(key: &str, text: &str) -> bool {
    let by_name = [".js", ".ts", ".py", ".go", ".rb", ".php", ".lua", ".groovy", ".tf", ".hcl", ".md", ".html"];
    by_name.iter().any(|ending| key.ends_with(ending)) || (text.starts_with("#!") && !is_shell(text))
}

fn is_shell(text: &str) -> bool {
    text.lines().next().is_some_and(|first| first.ends_with("sh"))
}

/// Credential in the options of a command: `--password=…`, `--password …`, `-Ddb.password=…`, or in an assignment alone.
fn find_option(line: &str) -> Option<(String, Range<usize>)> {
    let of_words = || find_separate_option(line);
    find_assigned_option(line).or_else(of_words)
}

/// Credential in the word after an option. Words of a sentence about the option have no digits.
fn find_separate_option(line: &str) -> Option<(String, Range<usize>)> {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").filter(|name| !name.contains('='));
        let value = name.and_then(|_| unquote(words.peek()?));
        let (Some(name), Some((value, quoting))) = (name, value) else { continue };
        if value.bytes().any(|byte| byte.is_ascii_digit()) && is_credential(name, value, quoting) {
            return Some((name.to_owned(), range_in(line, value)));
        }
    }
    None
}

fn find_assigned_option(line: &str) -> Option<(String, Range<usize>)> {
    if !line.contains('=') {
        return None;
    }
    let alone = !line.trim().contains(char::is_whitespace);
    line.split_whitespace().filter(|word| alone || word.starts_with('-')).find_map(|word| {
        let (name, value) = word.split_once('=')?;
        let name = name.strip_prefix("-D").unwrap_or(name).trim_start_matches('-');
        let (value, quoting) = unquote(value.split([';', '&']).next().unwrap_or(value))?;
        is_credential(name, value, quoting).then(|| (name.to_owned(), range_in(line, value)))
    })
}

/// Whether quotes delimit a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueQuoting {
    Quoted,
    Bare,
}

/// Name that a line assigns a credential to, and the range of the credential in the line.
fn parse_assignment(line: &str, quoted_only: bool) -> Option<(String, Range<usize>)> {
    let (name, value) = split_assignment(line)?;
    let (value, quoting) = unquote(value)?;
    if quoted_only && quoting == ValueQuoting::Bare {
        return None;
    }
    is_credential(&name, value, quoting).then(|| (name, range_in(line, value)))
}

fn range_in(line: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    start..start + part.len()
}

/// Splits `export KEY=value`, `- key: value`, `"key": "value",` into name and value.
fn split_assignment(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    if ["#", "//", ";", "--", "*", "/*", "<!--"].iter().any(|comment| line.starts_with(comment)) {
        return None;
    }
    let line = ["- ", "export ", "declare -x ", "set ", "ENV "]
        .iter()
        .fold(line, |line, start| line.strip_prefix(start).unwrap_or(line).trim_start());
    let at = line.find(['=', ':'])?;
    let (name, value) = (line.get(..at)?, line.get(at + 1..)?);
    let is_colon = line.get(at..)?.starts_with(':');
    if is_colon && !value.starts_with([' ', '\t', '=', '"', '\'']) {
        return None;
    }
    let name = name.trim().trim_matches(['"', '\'']);
    let named = |char: char| char.is_alphanumeric() || "_.-/".contains(char);
    (!name.is_empty() && name.len() <= 100 && name.chars().all(named)).then(|| (name.to_owned(), value))
}

/// Strips quotes, a trailing comma and a comment from a value; `None` if it is not a single word.
fn unquote(value: &str) -> Option<(&str, ValueQuoting)> {
    let value = value.trim_start_matches(['=', '>', ' ', '\t']).trim_end();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            let (inside, after) = rest.split_once(quote)?;
            let after = after.trim_start_matches([',', ';', ' ', ')', '}']);
            return (after.is_empty() || after.starts_with(['#', '/'])).then_some((inside, ValueQuoting::Quoted));
        }
    }
    let value = value.split(" #").next().unwrap_or(value).trim_end().trim_end_matches([',', ';']);
    let brackets = ['(', ')', '[', ']', '{', '}', '<', '>'];
    let code = value.starts_with(['&', '*', '!', '|', '>', '$', '@', '%', '`', '-', '(', '[', '{', '<'])
        || value.contains([' ', '\t', '"', '\''])
        || (value.contains(brackets) && !is_mixed_password(&value.replace(brackets, "")));
    (!code).then_some((value, ValueQuoting::Bare))
}

/// Whether a name and a value together are a literal credential.
pub(super) fn is_credential(name: &str, value: &str, quoting: ValueQuoting) -> bool {
    let segment = name.rsplit(['.', '/']).next().unwrap_or(name);
    // `api.key` needs the word before it
    let segment = if matches!(segment, "key" | "keys" | "id") { name } else { segment };
    let analysis = analyse(segment);
    let (NameVerdict::Sensitive { .. }, Some(family)) = (&analysis.verdict, analysis.family) else { return false };
    let bare_code = quoting == ValueQuoting::Bare && is_member(value);
    is_literal(name, value)
        && !value.contains(BLANK)
        && !value.contains(char::is_whitespace)
        && !bare_code
        && !names_itself(name, value)
        && !is_keyword(value)
        && benign_values::veto(family, segment, value).is_none()
        && (family == SecretFamily::Password || is_random(value))
}

/// Whether a value looks generated. Tokens and secrets are generated; people use these words for many other purposes,
/// such as names of objects.
fn is_random(value: &str) -> bool {
    let is_name = value.contains(['-', '_', '.', '/']) && is_key_name(value.trim_start_matches('/'));
    let is_long = value.len() >= 12 && entropy(value) >= 3.0;
    let is_short = value.len() >= 6
        && value.bytes().any(|byte| byte.is_ascii_lowercase())
        && !value.contains(['-', '_', '.', '/', ':'])
        && !is_algorithm(value);
    is_mixed_password(value)
        || (is_mixed(value) && !is_name && (is_long || is_short))
        || (is_exclaimed(value) && !value.contains(['-', '_', '.', '/']))
}

/// Whether a value names an algorithm or format: `oauth2`, `base64`.
fn is_algorithm(value: &str) -> bool {
    let word = value.trim_end_matches(|char: char| char.is_ascii_digit());
    let words = ["aes", "base", "ed", "hs", "http", "oauth", "rs", "sha", "utf", "v", "x"];
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether a value can only be a weak secret: `mysupersecret`, `topsecretkey`.
fn is_exclaimed(value: &str) -> bool {
    let starts = ["my", "super", "top", "very", "test", "some", "our"];
    let lower = value.to_lowercase();
    starts.iter().any(|start| lower.starts_with(start))
        && ["secret", "password", "token"].iter().any(|word| lower.contains(word))
}

/// Whether a value is member access in a program: `config.db.password`.
fn is_member(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    let word = |part: &&str| !part.is_empty() && part.chars().all(|char| char.is_alphabetic() || char == '_');
    parts.len() > 1 && parts.iter().all(word)
}

/// Whether a value repeats its name, as `password: Password` does in a catalogue of texts. In lower case it would be a
/// weak password.
fn names_itself(name: &str, value: &str) -> bool {
    let named = words::split_name(name);
    value.starts_with(char::is_uppercase)
        && value.chars().all(|char| char.is_alphabetic() || "_-.".contains(char))
        && words::split_name(value)
            .iter()
            .all(|word| named.contains(word) || HEADS.iter().any(|(head, _)| head == word))
}

/// Whether a value is a keyword of schemas, of prompts or of `nsswitch.conf`, which has a line `passwd: compat`.
fn is_keyword(value: &str) -> bool {
    [
        "compat", "files", "db", "sss", "ldap", "nis", "systemd", "string", "str", "text", "prompt", "required",
        "optional", "any", "plain", "md5", "sha1", "sha256",
    ]
    .iter()
    .any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, text: &str) -> Option<String> {
        find_assignment(key, text).map(|hit| text[hit.range.expect("placed")].to_owned())
    }

    #[test]
    fn a_name_that_repeats_the_credential_is_not_told() {
        let reason = |text| find_assignment("CONFIG", text).map(|hit| hit.reason);
        assert_eq!(reason("lnbmF0dXAccountKey=lnbmF0dX").as_deref(), Some("text that sets a credential"));
        assert_eq!(reason("password: hunter2").as_deref(), Some("text that sets `password`"));
    }

    #[test]
    fn assignments_of_passwords_are_found() {
        for (key, text) in [
            ("application.properties", "a=1\nspring.datasource.password=hunter2\n"),
            ("application.yaml", "db:\n  password: hunter2 # old\n"),
            ("config.env", "export X=1\nexport MINIO_ROOT_PASSWORD=\"hunter2\"\n"),
            ("settings.json", "{\"db\": {\"password\": \"hunter2\"}}"),
            ("deployment.yaml", "env:\n- name: DB_PASSWORD\n  value: hunter2\n"),
            ("files.yaml", "app.properties: |\n  a=1\n  db.password=hunter2\n"),
            ("my.cnf", "[client]\npassword = hunter2\n"),
            ("list.yaml", "users:\n- password: 'hunter2'\n"),
            ("JAVA_OPTS", "-Xmx1g -Ddb.password=hunter2"),
            ("ARGS", "--db-password hunter2 --verbose"),
            ("args.txt", "password=hunter2"),
            ("backup.sh", "#!/bin/sh\nmysqldump --user root --password 'hunter2' shop\n"),
            ("context.xml", "<Context><Resource username='app' password='hunter2'/></Context>"),
            ("run.sh", "#!/bin/sh\nmysql --user=root --password=hunter2 shop\n"),
            ("settings.py", "DEBUG = False\nPASSWORD = 'hunter2'\n"),
            ("CONFIG", "password: hunter2"),
            ("CONFIG", "{host: db, password: hunter2}"),
            ("CONFIG", "{\"db\": \"host: db\\npassword: hunter2\\n\"}"),
            ("secrets.yaml", "auth:\n  secretKeys:\n    password: DB_KEY\n  password: hunter2\n"),
        ] {
            assert_eq!(found(key, text).as_deref(), Some("hunter2"), "{key}: {text}");
        }
    }

    #[test]
    fn lines_about_passwords_are_left_alone() {
        for (key, text) in [
            ("nsswitch.conf", "passwd: compat\ngroup: compat\n"),
            ("app.yaml", "secretName: app-secret-1\ntokenTTL: 30\n"),
            ("app.yaml", "password:\nother: 1\n"),
            ("app.yaml", "password: ${DB_PASSWORD}\nx: 1\n"),
            ("app.yaml", "password: {{ data.X }}\nx: 1\n"),
            ("app.yaml", "password: changeme\nx: 1\n"),
            ("app.yaml", "passwordFile: /run/secrets/x\npassword: /run/secrets/x\n"),
            ("app.yaml", "secret: argocd-secret\ntoken: something\n"),
            ("app.yaml", "# password: hunter2\nx: 1\n"),
            ("run.sh", "#!/bin/sh\nPASSWORD=$(cat /x)\nTOKEN=`cat /y`\n"),
            ("app.js", "const x = 1;\npassword: options.password,\ntoken = readToken;\n"),
            ("messages.properties", "login.password=Password\nlogin.title=Log in\n"),
            ("_example", "password: hunter2\nx: 1\n"),
            ("app.yaml", "auth:\n  secretKeys:\n    adminPassword: admin-password\n    password: password\n"),
            ("app.yaml", "passwordSecretKeyRef:\n  name: x\n  password: postgres\n"),
            ("app.yaml", "api_key: os.environ/OPENAI_API_KEY\nx: 1\n"),
            ("app.yaml", "password: op(\"op://vault/item\")\nother: exec(cat)\n"),
            ("params.env", "a=1\nDB_TOKEN_SECRET=shop-db-2-credentials\n"),
            ("config.toml", "[tools]\n1password-cli = '2.35.0'\n"),
            ("app.yaml", "x: 1\ntoken: oauth2\nsecret: sha256\n"),
            ("MESSAGE", "password: required"),
            ("NOTE", "the password: hunter2"),
            ("ARGS", "--password-file=/x --password=$PASSWORD --token=abc"),
            ("ARGS", "--password-file /x2 --password $PASSWORD2 --token-ttl 15m --secret my-secret-2 --password --x2"),
            ("ARGS", "with --password the user is asked for it"),
            ("URL_TEMPLATE", "user=app password is hunter2"),
        ] {
            assert_eq!(find_assignment(key, &super::super::literal::blank_templates(text)), None, "{key}: {text}");
        }
    }

    #[test]
    fn tokens_in_files_must_look_made() {
        assert_eq!(found("a.yaml", "x: 1\nclient_secret: hZ8fQ2mX7vKp4TnR\n").as_deref(), Some("hZ8fQ2mX7vKp4TnR"));
        assert_eq!(found("a.yaml", "x: 1\nclient_secret: dex-client\n"), None);
        for value in ["minio123", "hunter2", "5up3r53cr37", "Tr0ub4dor&3", "mysupersecret", "p@ss(W0rd)#1"] {
            assert_eq!(found("a.yaml", &format!("x: 1\nsecret_key: {value}\n")).as_deref(), Some(value));
        }
        for value in ["wildcard-tls", "regcred-1", "my-secret-2", "my-cluster-agent-token-32chars", "kms-key-1"] {
            assert_eq!(found("a.yaml", &format!("x: 1\nsecret: {value}\n")), None, "{value}");
        }
    }
}
