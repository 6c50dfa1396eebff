//! Placeholders of other programs, which are replaced later.

/// Brackets around text that another tool replaces: `${APP}-secret` of Flux, `$(params.name)` of Tekton, `{{name}}` of
/// Argo, `%NAME%`, `@NAME@`, `#{name}#`, `__NAME__` and `<name>` of scripts.
const BRACKETS: [(&str, &str); 10] = [
    ("${", "}"),
    ("$(", ")"),
    ("{{", "}}"),
    ("#{", "}"),
    ("[[", "]]"),
    ("((", "))"),
    ("<", ">"),
    ("%", "%"),
    ("@", "@"),
    ("__", "__"),
];

/// Whether a text contains a placeholder that another tool fills in. Names, numbers and truth values contain no such
/// signs, so the text is unambiguous.
pub fn is_filled_in_later(text: &str) -> bool {
    let encloses = |open: &str, close: &str| {
        let inside = text.split_once(open).and_then(|(_, rest)| rest.split_once(close));
        inside.is_some_and(|(name, _)| !name.is_empty())
    };
    // `$APP`, as in `envsubst`
    let begins_name = |char: char| char.is_ascii_alphabetic() || char == '_';
    let is_variable = text.split('$').skip(1).any(|rest| rest.starts_with(begins_name));
    is_variable || BRACKETS.iter().any(|(open, close)| encloses(open, close))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_other_tools_are_told_from_names() {
        for text in [
            "${APP}-secret",
            "$(params.X)",
            "{{name}}",
            "<name>",
            "%NAME%",
            "__NAME__-db",
            "#{name}#",
            "@NAME@",
            "$NAME-db",
            "[[name]]",
        ] {
            assert!(is_filled_in_later(text), "{text}");
        }
        for text in ["db-secret", "8080", "true", "app.example.com", "a_b", "x$", "<", "%", "50%", ""] {
            assert!(!is_filled_in_later(text), "{text}");
        }
    }
}
