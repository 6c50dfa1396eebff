//! Characters that are line breaks in YAML 1.1 and letters in YAML 1.2.
//!
//! Programs in Go (kustomize, kubectl, Helm) write and read YAML 1.1: they put a value on a new line behind such a character,
//! with an indentation that belongs to the value in YAML 1.2. Where it stands in their output, nobody knows which was meant.

use crate::char_search::{PlainBytes, find_char};
use crate::diagnostic::{Diagnostic, Rule};
use crate::span::{Source, Span};

/// Characters that are no such breaks.
static PLAIN: PlainBytes = PlainBytes::PRINTABLE.with(b'\n');

/// Errors: objects of another program that have such a character as it is, without an escape. JSON may have them.
pub fn check_old_breaks(source: &Source) -> Result<(), Diagnostic> {
    let text = source.text();
    let is_old_break = |char: char| matches!(char, '\u{85}' | '\u{2028}' | '\u{2029}');
    let Some((at, char)) = find_char(text, &PLAIN, is_old_break).filter(|_| !text.trim_start().starts_with('{')) else {
        return Ok(());
    };
    let place = source.place(Span::locate(text, at, at + char.len_utf8()));
    let message = format!("the character U+{:04X} is a line break for some readers of YAML only", u32::from(char));
    Err(Diagnostic::error(Rule::Unsupported, message)
        .at_masked(place)
        .note("kustomize, kubectl and Helm read and write YAML 1.1, where it ends a line, and other programs YAML 1.2")
        .hint("remove it from the value, or pass the objects as JSON: `kubectl get … -o json`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_ones_in_yaml_are_refused() {
        for (text, is_refused) in [
            ("a: 'x\u{2028}  y'", true),
            ("a: |\n  x\u{2029}  y", true),
            ("a: x\u{85}y", true),
            ("# x\u{2028}a: 1", true),
            (r#"a: "x\u2028y\L\N""#, false),
            ("\n{\"a\": \"x\u{2028}y\"}", false),
            ("a: ä\u{a0}\u{200b}", false),
        ] {
            assert_eq!(check_old_breaks(&Source::new("a", text)).is_err(), is_refused, "{text:?}");
        }
    }
}
