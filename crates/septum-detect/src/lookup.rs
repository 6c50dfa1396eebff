//! Expressions with which other programs look a value up: `os.environ/NAME`, `op("op://…")`, `exec(…)`, `!secret name`.
//!
//! Such an expression contains the place of a value. An expression that includes a value, for example as its default,
//! contains a random-looking part and is not a mere lookup.

use super::literal::has_reference_prefix;
use super::random::has_random_part;
use super::vocabulary::HEADS;
use super::words;

/// Names of the environment variables of a process in programs and their settings.
const ENVIRONMENTS: &[&str] = &["os.environ", "process.env", "import.meta.env", "System.env", "ENV", "env", "$env"];

/// Names of the input in templates and programs.
const SCOPES: &[&str] = &[
    ".Values", "Values", "inputs", "local", "outputs", "params", "secrets", "self", "steps", "tasks", "this", "values",
    "var", "vars",
];

/// Whether a whole text is an expression that refers to a value elsewhere.
pub(super) fn is_lookup(text: &str) -> bool {
    is_call(text)
        || is_variable(text)
        || is_tagged(text)
        || is_member_of_scope(text)
        || is_path_of_fields(text)
        || is_quoted_code(text)
}

/// Whether a text is a call: `exec(cat /run/x)`, `op("op://vault/item/field")`, `os.getenv('NAME')`.
fn is_call(text: &str) -> bool {
    let Some((name, arguments)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) else { return false };
    let is_name = name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"._:".contains(&byte));
    let bare = arguments.trim().trim_matches(['"', '\'']);
    is_name && (has_reference_prefix(bare) || !has_random_part(arguments))
}

/// Whether a text is an environment variable: `os.environ/NAME`, `process.env.NAME`, `ENV["NAME"]`.
fn is_variable(text: &str) -> bool {
    ENVIRONMENTS.iter().filter_map(|root| text.strip_prefix(root)).any(|rest| {
        let name = rest.trim_start_matches(['/', '.', ':', '[', '"', '\'']).trim_end_matches([']', '"', '\'']);
        rest.len() > name.len()
            && name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !has_random_part(name)
    })
}

/// Whether a text is a YAML tag that a program replaces: `!secret db_password`, `!env DB_PASSWORD`.
fn is_tagged(text: &str) -> bool {
    let Some((tag, name)) = text.strip_prefix('!').and_then(|text| text.split_once(' ')) else { return false };
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte));
    !tag.is_empty()
        && tag.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-".contains(&byte))
        && is_word(name.trim())
}

/// Whether a text is a member of a known scope: `secrets.DB_PASSWORD`, `.Values.db.password`, `var.db_password`.
fn is_member_of_scope(text: &str) -> bool {
    let members = SCOPES.iter().find_map(|scope| text.strip_prefix(scope)?.strip_prefix('.'));
    members.is_some_and(|members| is_fields(members) && !has_random_part(members))
}

/// Whether a text is the path of a value in a structure: `spec.global.credentials.apiKey`.
fn is_path_of_fields(text: &str) -> bool {
    let is_deep = text.bytes().filter(|byte| *byte == b'.').count() >= 2;
    let last = text.rsplit('.').next().unwrap_or(text);
    let names_secret = |word: &String| word == "key" || HEADS.iter().any(|(head, _)| head == word);
    is_deep && is_fields(text) && words::split_name(last).last().is_some_and(names_secret)
}

fn is_fields(text: &str) -> bool {
    let is_field = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split('.').all(is_field)
}

/// Whether a text is quoted code: `` `cat /run/x` `` and `<%= ENV["X"] %>`.
fn is_quoted_code(text: &str) -> bool {
    let enclosed = |open: &str, close: &str| {
        text.strip_prefix(open).and_then(|text| text.strip_suffix(close)).is_some_and(|inside| !inside.is_empty())
    };
    enclosed("`", "`") || enclosed("<%", "%>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_other_tools_are_lookups() {
        for text in [
            "os.environ/OPENAI_API_KEY",
            "os.environ[\"DB_PASSWORD\"]",
            "os.getenv('DB_PASSWORD')",
            "process.env.DB_PASSWORD",
            "ENV['DB_PASSWORD']",
            "env:DB_PASSWORD",
            "System.getenv(\"TOKEN\")",
            "op(\"op://vault/item/field\")",
            "op(\"op://hz8fq2mx7vkp4tnrb6wc9ld3ys/item/password\")",
            "exec(cat /run/secrets/db)",
            "exec(\"pass show db\")",
            "file(\"/run/secrets/db\")",
            "lookup('env', 'TOKEN')",
            "secret(db-password)",
            "!secret db_password",
            "!ENV DB_PASSWORD",
            "!env_var TOKEN",
            "secrets.DB_PASSWORD",
            ".Values.db.password",
            "var.db_password",
            "spec.global.credentials.apiKey",
            "`cat /run/secrets/db`",
            "<%= ENV['TOKEN'] %>",
        ] {
            assert!(is_lookup(text), "{text}");
        }
    }

    #[test]
    fn passwords_are_none() {
        for text in [
            "hunter2",
            "Tr0ub4dor(3)",
            "os.getenv('TOKEN', 'hZ8fQ2mX7vKp4TnR')",
            "pass(hunter2",
            "environment",
            "correct.horse.battery",
            "env.hZ8fQ2mX7vKp4TnR",
            "!hunter2",
            "!important",
            "secrets",
            "a.b",
            "``",
            "()",
        ] {
            assert!(!is_lookup(text), "{text}");
        }
    }
}
