//! Expressions of the fields of a target.

use regex::Regex;

use crate::go_regex::{self, RegexError};

/// Expression that matches a whole text.
#[derive(Debug)]
pub(super) enum FieldPattern {
    /// Some texts, which is what nearly all targets name: to compare them costs less than to compile an expression.
    Texts(Vec<String>),
    /// Any other expression.
    Regex(Regex),
}

impl FieldPattern {
    /// Compiles an expression in the syntax of Go.
    pub(super) fn compile(expression: &str) -> Result<Self, RegexError> {
        if let Some(texts) = alternatives(expression) {
            return Ok(Self::Texts(texts));
        }
        // checked without the anchors, so that a reason is about what is written
        go_regex::compile_for_text(expression)?;
        go_regex::compile_for_text(&format!("^(?:{expression})$")).map(Self::Regex)
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Texts(texts) => texts.iter().any(|known| known == text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    /// All texts that match, if they are known.
    pub(super) fn texts(&self) -> Option<&[String]> {
        match self {
            Self::Texts(texts) => Some(texts),
            Self::Regex(_) => None,
        }
    }
}

/// Texts of an expression that consists of them, as `web`, `web|api` and `networking\.k8s\.io` do.
fn alternatives(expression: &str) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    let mut chars = expression.chars();
    while let Some(char) = chars.next() {
        let literal = match char {
            '|' => {
                texts.push(String::new());
                continue;
            }
            '\\' => chars.next().filter(|escaped| matches!(escaped, '.' | '-'))?,
            '-' | '_' | '/' => char,
            _ if char.is_ascii_alphanumeric() => char,
            _ => return None,
        };
        texts.last_mut()?.push(literal);
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_as_the_expression_does() {
        let expressions = [
            "web",
            "web|api",
            "web|",
            "|",
            r"apps\.x-k8s\.io",
            "apps.x",
            "we[b]",
            "(web)",
            "we.",
            "^web$",
            "wéb",
            r"\d",
        ];
        let texts = ["web", "api", "", "apps.x-k8s.io", "appsQx-k8s.io", "apps.x", "appsxx", "we", "webx", "wéb", "4"];
        for expression in expressions {
            let pattern = FieldPattern::compile(expression).unwrap();
            let regex = go_regex::compile_for_text(&format!("^(?:{expression})$")).unwrap();
            for text in texts {
                assert_eq!(pattern.matches(text), regex.is_match(text), "{expression} {text}");
            }
        }
        assert_eq!(FieldPattern::compile("web|api").unwrap().texts().unwrap(), ["web", "api"]);
        assert!(FieldPattern::compile("we.").unwrap().texts().is_none());
    }
}
