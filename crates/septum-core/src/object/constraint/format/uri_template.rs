//! Templates of URIs (RFC 6570).

use std::sync::LazyLock;

use regex::Regex;

/// Literals, and expressions in braces: an operator, and variables with their modifiers.
static TEMPLATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let escaped = "%[0-9A-Fa-f]{2}";
    let literal = r#"[^\x00-\x20"<>%\\^`{|}\x7F]"#;
    let word = format!("(?:[0-9A-Za-z_]|{escaped})+");
    let variable = format!(r"{word}(?:\.{word})*(?::[1-9][0-9]{{0,3}}|\*)?");
    let expression = format!(r"\{{[+#./;?&=,!@|]?{variable}(?:,{variable})*\}}");
    Regex::new(&format!("^(?:{literal}|{escaped}|{expression})*$")).ok()
});

/// `https://example.com/{user}{?page,size*}`
pub(super) fn is_uri_template(text: &str) -> bool {
    TEMPLATE.as_ref().is_some_and(|template| template.is_match(text))
}
