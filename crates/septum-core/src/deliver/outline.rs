//! Part of a file that is known without the key of its values.

use crate::sops;

/// Mark in place of SOPS ciphertext.
pub(super) const CIPHERTEXT: &str = "septum-ciphertext";

/// Mark in place of a sealed value.
pub(super) const SEALED: &str = "septum-sealed-value";

/// Mark in place of a plaintext value.
pub(super) const VALUE: &str = "septum-unknown-value";

/// Text of a file with a mark for each value that cannot be computed or decrypted. Everything else in it is exact: a
/// file matches only if it is the same byte by byte, except for well-formed values at the marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline(String);

impl Outline {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// Text with the marks.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether a file matches this outline, whatever its values are.
    pub fn matches(&self, file: &[u8]) -> bool {
        let Ok(file) = std::str::from_utf8(file) else { return false };
        let mut rest = file;
        self.0.split_inclusive('\n').all(|line| match_line(line, &mut rest).is_some()) && rest.is_empty()
    }
}

/// Advances past a line of an outline, if the rest of a file begins with it.
fn match_line(line: &str, rest: &mut &str) -> Option<()> {
    let split = [CIPHERTEXT, SEALED, VALUE].into_iter().find_map(|mark| Some((mark, line.split_once(mark)?)));
    let Some((mark, (before, after))) = split else {
        *rest = rest.strip_prefix(line)?;
        return Some(());
    };
    let (first, mut behind) = rest.split_at(rest.find('\n')? + 1);
    let value = first.strip_prefix(before)?.strip_suffix(after)?;
    let is_sound = match mark {
        // an empty value has no ciphertext
        CIPHERTEXT => value == "\"\"" || sops::is_ciphertext(value),
        SEALED => is_base64(unquote_value(value).unwrap_or(value)),
        _ if value.starts_with('|') => {
            behind = past_block(behind, before);
            value.bytes().skip(1).all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+'))
        }
        _ => unquote_value(value).is_some() || is_bare(value),
    };
    *rest = behind;
    is_sound.then_some(())
}

/// Content of a text that is a single quoted text.
fn unquote_value(value: &str) -> Option<&str> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut is_escaped = false;
    for char in inner.chars() {
        match char {
            '"' if !is_escaped => return None,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    (!is_escaped).then_some(inner)
}

fn is_base64(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// Whether a text is one that Septum writes without quotes.
fn is_bare(value: &str) -> bool {
    !value.is_empty() && !crate::yaml::write::needs_quotes(value)
}

/// Text after the lines of a block: those indented deeper than its key, and blank ones.
fn past_block<'t>(mut rest: &'t str, before: &str) -> &'t str {
    let indent = before.len() - before.trim_start_matches(' ').len();
    loop {
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at(end);
        let text = line.trim_end_matches('\n');
        let depth = text.len() - text.trim_start_matches(' ').len();
        if line.is_empty() || !(text.is_empty() || depth > indent) {
            return rest;
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ENC[AES256_GCM,data:MN0E,iv:mUzqK4nBA43nQc8u1ULMuQ2zArKVCZ+lpe9iRrL3xp0=,tag:ahTK4ynyeoaDSoGqRDwKZg==,type:str]";

    #[test]
    fn only_well_formed_values_at_the_marks_may_differ() {
        let outline = |mark: &str| Outline::new(format!("kind: Secret\ndata:\n  A: {mark}\n  B: {mark}\nz: 1\n"));
        let file = |a: &str, b: &str| format!("kind: Secret\ndata:\n  A: {a}\n  B: {b}\nz: 1\n");
        let quoted = format!("\"{TOKEN}\"");
        let commented = format!("{TOKEN} # x");
        let number = TOKEN.replace("type:str", "type:int");
        for (mark, a, b, matches) in [
            (CIPHERTEXT, TOKEN, TOKEN, true),
            (CIPHERTEXT, TOKEN, "\"\"", true),
            (CIPHERTEXT, TOKEN, quoted.as_str(), false),
            (CIPHERTEXT, TOKEN, commented.as_str(), false),
            (CIPHERTEXT, TOKEN, number.as_str(), false),
            (CIPHERTEXT, TOKEN, "cGxhaW4=", false),
            (CIPHERTEXT, TOKEN, "ENC[AES256_GCM,data:x]\n  C: ENC[]", false),
            (SEALED, "\"AgBM\"", "AgBM", true),
            (SEALED, "\"AgBM\"", "\"AgBM\" \"x\"", false),
            (SEALED, "\"AgBM\"", "{ a: b }", false),
            (VALUE, "\"a\\\"b\"", "cGxhaW4", true),
            (VALUE, "|-\n    one\n\n    two", "|2+\n     one", true),
            (VALUE, "\"a\" \"b\"", "x", false),
            (VALUE, "|-\n    one\n  C: two", "x", false),
            (VALUE, "!!x a", "x", false),
        ] {
            assert_eq!(outline(mark).matches(file(a, b).as_bytes()), matches, "{a} {b}");
        }
        let sound = file(TOKEN, TOKEN);
        for broken in [
            sound.replace("kind: Secret", "kind: Secret # x"),
            sound.clone() + "---\n",
            sound.replace("z: 1\n", "z: 1"),
            sound.replace("z: 1\n", ""),
            String::new(),
            "\u{feff}".to_owned() + &sound,
        ] {
            assert!(!outline(CIPHERTEXT).matches(broken.as_bytes()), "{broken}");
        }
    }
}
