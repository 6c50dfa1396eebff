//! Names in commands that users paste, and paths in messages.

use std::borrow::Cow;
use std::path::{MAIN_SEPARATOR, Path};

use super::escape::escape_line;

/// A name as one word of a command in a hint: what a file is called neither ends the word nor runs anything, and is no
/// option. Characters that a message spells out are in a form in which bash, zsh and ksh read the spelling.
pub fn shell_word(name: &str) -> String {
    let name = if name.starts_with('-') { Cow::from(format!("./{name}")) } else { Cow::from(name) };
    if escape_line(&name) != name {
        return spelled_word(&name);
    }
    // only a NUL cannot be quoted, which no file has in its name
    shlex::try_quote(&name).map_or_else(|_| name.clone().into_owned(), Cow::into_owned)
}

/// A path as one word of a command in a hint.
pub fn shell_path(path: &Path) -> String {
    shell_word(&shown_path(path))
}

/// A path as messages show it: with `/` on every system, as layers and Git write it.
pub fn shown_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    if MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace(MAIN_SEPARATOR, "/") }
}

/// The word with its characters spelled out: `$'a\nb'`.
fn spelled_word(name: &str) -> String {
    let spelled = name.chars().map(|char| match char {
        '\'' | '\\' => format!("\\{char}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        _ if escape_line(char.encode_utf8(&mut [0; 4])).len() == char.len_utf8() => char.to_string(),
        _ if char.is_ascii() => format!("\\x{:02x}", u32::from(char)),
        _ => format!("\\U{:08x}", u32::from(char)),
    });
    format!("$'{}'", spelled.collect::<String>())
}

/// An option of a command and its value, after a blank.
pub fn shell_option(flag: &str, value: &str) -> String {
    format!(" {flag} {}", shell_word(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_each_name_as_one_word() {
        for name in ["environments/prod.secrets.yaml", "a b", "$(id).yaml", "a'b\"c", "`id`", "a;b", "~", "*", "é", ""]
        {
            assert_eq!(shlex::split(&shell_word(name)), Some(vec![name.to_owned()]), "{name}");
        }
        assert_eq!(shell_word("environments/prod.secrets.yaml"), "environments/prod.secrets.yaml");
        assert_eq!(shell_word("-rf"), "./-rf");
    }
    #[test]
    fn what_a_message_spells_out_is_read_by_a_shell() {
        for (name, expected) in
            [("a\nb's\u{1b}1\u{202e}\\", r"$'a\nb\'s\x1b1\U0000202e\\'"), ("-\r\u{9b}", r"$'./-\r\U0000009b'")]
        {
            let word = shell_word(name);
            assert_eq!(word, expected);
            assert_eq!(escape_line(&word), word);
            let mut bash = std::process::Command::new("bash");
            bash.env("LC_ALL", "C.UTF-8").args(["-c", &format!("printf %s {word}")]);
            if let Ok(echoed) = bash.output() {
                assert_eq!(String::from_utf8_lossy(&echoed.stdout).trim_start_matches("./"), name, "{word}");
            }
        }
    }
}
