//! Dotenv files.
//!
//! There is no standard, so this writes the forms that most readers agree on. Tested were python-dotenv 1.2, dotenv
//! (npm) 18, Node's own `parseEnv`, godotenv 1.5, Docker Compose, dash and bash:
//!
//! 1. *Bare* if every character is one that a shell leaves alone. This is also all that `docker run --env-file`,
//!    kustomize and sops read, for which quotes are part of the value. At the start and after a colon, zsh takes `=ls` for
//!    the path of a command, and stops if there is none.
//! 2. *Single quotes* otherwise, with line breaks as they are. All seven read everything between them as it is
//!    (python-dotenv still expands `${X}` unless told not to). They are better than double quotes: a shell does not
//!    know `\n`, python-dotenv and both of Node's readers do not know `\$`.
//! 3. *Double quotes* where single ones cannot contain the text (it has a single quote, a carriage return or two
//!    backslashes in a row), with `\" \\ \$ \r` and an escaped backtick, and line breaks as they are. A shell reads
//!    all of it but `\r`, Compose all but the backtick, godotenv all but some quotes; python-dotenv keeps the
//!    backslash before `$` and backtick, Node's readers keep nearly all. The two are escaped nevertheless: bare ones
//!    would make a shell that sources the file run what the text says.
//!
//! A backslash at the end of a text is an error: before a closing quote of either kind it makes python-dotenv read on
//! through the lines below, and a shell does not read it unquoted.
//!
//! A shell sources only keys of letters, digits and `_`; dotenv libraries also accept `.` and `-`.

use super::error::{FormatProblem, WriterPosition};
use super::{ConfigFormat, FormatError, flat_text, mapping_entries};
use crate::value::OutputValue;

pub(super) fn write_env(value: &OutputValue<'_>) -> Result<String, FormatError> {
    let mut out = String::new();
    for (key, value) in mapping_entries(ConfigFormat::Env, value)? {
        let at = WriterPosition::Key(&WriterPosition::Top, key);
        check_key(key, at)?;
        out.push_str(key);
        out.push('=');
        push_text(&mut out, scalar_text(value, at)?);
        out.push('\n');
    }
    Ok(out)
}

fn check_key(key: &str, at: WriterPosition<'_>) -> Result<(), FormatError> {
    let problem = if !key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        "does not start with a letter or `_`"
    } else if !key.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        "contains characters other than letters, digits, `_`, `.` and `-`"
    } else {
        return Ok(());
    };
    Err(at.error(ConfigFormat::Env, FormatProblem::Key(problem)))
}

fn scalar_text<'v>(value: &'v OutputValue<'_>, at: WriterPosition<'_>) -> Result<&'v str, FormatError> {
    let text = flat_text(ConfigFormat::Env, value, at)?;
    let problem = if text.contains('\0') {
        // no variable of a process can hold one either
        "a null character"
    } else if text.ends_with('\\') {
        "a trailing backslash"
    } else {
        return Ok(text);
    };
    Err(at.error(ConfigFormat::Env, FormatProblem::Text(problem)))
}

fn push_text(out: &mut String, text: &str) {
    let is_command = text.split(':').any(|part| part.starts_with('='));
    if !is_command && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c)) {
        out.push_str(text);
    } else if text.contains(['\'', '\r']) || text.contains(r"\\") {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' | '$' | '`' => out.extend(['\\', c]),
                '\r' => out.push_str("\\r"),
                _ => out.push(c),
            }
        }
        out.push('"');
    } else {
        out.extend(["'", text, "'"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_only_where_readers_need_it() {
        for (text, expected) in [
            ("", ""),
            ("info", "info"),
            ("https://a.b/c?d", "'https://a.b/c?d'"),
            ("postgres://u@h:5432/db,x=1", "postgres://u@h:5432/db,x=1"),
            ("YQ==", "YQ=="),
            ("=ls", "'=ls'"),
            ("a:=ls", "'a:=ls'"),
            ("a b # c", "'a b # c'"),
            ("$HOME `id`", "'$HOME `id`'"),
            (r#"{"a": "b"}"#, r#"'{"a": "b"}'"#),
            (r"C:\new", r"'C:\new'"),
            ("a\nb", "'a\nb'"),
            ("~", "'~'"),
            ("ä", "'ä'"),
            ("it's", r#""it's""#),
            ("it's $5 \"now\" `id`", r#""it's \$5 \"now\" \`id\`""#),
            (r"\\host", r#""\\\\host""#),
            ("a\r\nb", "\"a\\r\nb\""),
        ] {
            assert_eq!(
                write_env(&OutputValue::map([("A", OutputValue::text(text))])).unwrap(),
                format!("A={expected}\n")
            );
        }
    }

    #[test]
    fn scalars_keep_their_text_and_order() {
        let value = OutputValue::map([
            ("B", OutputValue::Bool(false)),
            ("A", OutputValue::Literal("1.10".into())),
            ("x.y-z", OutputValue::text("1")),
        ]);
        assert_eq!(write_env(&value).unwrap(), "B=false\nA=1.10\nx.y-z=1\n");
    }

    #[test]
    fn what_a_line_cannot_hold_is_an_error() {
        for (key, value, expected) in [
            ("A", OutputValue::Null, "`A` is null, which a `.env` file cannot represent"),
            ("A", OutputValue::List(vec![]), "`A` is a list, but a `.env` file is a flat list of keys"),
            ("A", OutputValue::map::<&str>([]), "`A` is a mapping, but a `.env` file is a flat list of keys"),
            (
                "A",
                OutputValue::text(r"C:\dir\"),
                "`A` contains a trailing backslash, which a `.env` file cannot represent",
            ),
            ("A", OutputValue::text("\0"), "`A` contains a null character, which a `.env` file cannot represent"),
            (
                "1A",
                OutputValue::text(""),
                "the key `1A` cannot be written in a `.env` file: it does not start with a letter or `_`",
            ),
            (
                "",
                OutputValue::text(""),
                "the key `\"\"` cannot be written in a `.env` file: it does not start with a letter or `_`",
            ),
            (
                "A B",
                OutputValue::text(""),
                "the key `\"A B\"` cannot be written in a `.env` file: it contains characters other than letters, digits, `_`, `.` and `-`",
            ),
        ] {
            assert_eq!(write_env(&OutputValue::map([(key, value)])).unwrap_err().to_string(), expected);
        }
    }
}
