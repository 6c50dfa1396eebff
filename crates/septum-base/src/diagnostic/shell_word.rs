//! Names in commands that users paste.

use std::borrow::Cow;

/// A name as one word of a command in a hint: what a file is called neither ends the word nor runs anything, and is no
/// option.
pub fn shell_word(name: &str) -> String {
    let name = if name.starts_with('-') { Cow::from(format!("./{name}")) } else { Cow::from(name) };
    // only a NUL cannot be quoted, which no file has in its name
    shlex::try_quote(&name).map_or_else(|_| name.clone().into_owned(), Cow::into_owned)
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
}
