//! Globs where a regular expression is expected.

/// The regular expression that a glob represents; none if a text does not look like one. A text that can be a regular
/// expression is one.
pub(super) fn as_regex(text: &str) -> Option<String> {
    let starts = text.starts_with('*') || text.contains("/*") || text.contains(",*") || text.contains("{*");
    if !starts || text.contains(['\\', '^', '$', '(', '|', '+']) {
        return None;
    }
    let mut regex = String::from(if text.starts_with('/') { "^" } else { "(^|/)" });
    let mut rest = text;
    let mut depth = 0_usize;
    while let Some(char) = rest.chars().next() {
        let mut length = char.len_utf8();
        match char {
            '*' if rest.starts_with("**/") => {
                regex.push_str("(.*/)?");
                length = 3;
            }
            '*' if rest.starts_with("**") => {
                regex.push_str(".*");
                length = 2;
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '{' => {
                depth += 1;
                regex.push('(');
            }
            '}' if depth > 0 => {
                depth -= 1;
                regex.push(')');
            }
            ',' if depth > 0 => regex.push('|'),
            '[' | ']' | '-' => regex.push(char),
            char => regex.push_str(&regex::escape(char.encode_utf8(&mut [0; 4]))),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    regex.push('$');
    Some(regex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::pattern::GoRegex;

    #[test]
    fn globs_are_told_from_regular_expressions_and_translated() {
        for (glob, expected, matching) in [
            ("*.secrets.yaml", r"(^|/)[^/]*\.secrets\.yaml$", "a/prod.secrets.yaml"),
            ("secrets/*.yaml", r"(^|/)secrets/[^/]*\.yaml$", "secrets/a.yaml"),
            ("**/*.enc.{json,env}", r"(^|/)(.*/)?[^/]*\.enc\.(json|env)$", "a/b/c.enc.env"),
            ("prod/**", r"(^|/)prod/.*$", "prod/a/b"),
        ] {
            let regex = as_regex(glob).expect(glob);
            assert_eq!(regex, expected, "{glob}");
            assert!(GoRegex::parse(&regex).expect(glob).is_match(matching), "{glob}");
        }
        for regex in ["", r".*\.yaml$", r"\.secrets\.", "secrets/.*", "^a/*$", "prod", "[a-z]*x", "(a|b)/*"] {
            assert_eq!(as_regex(regex), None, "{regex}");
        }
    }
}
