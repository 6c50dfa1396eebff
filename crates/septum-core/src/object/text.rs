//! Characters that the API server accepts and later consumers cannot handle.

use super::{ObjectKind, names};
use crate::char_search::{PlainBytes, find_char};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::resolve::ResolvedBytes;
use crate::span::Location;

/// Warns about control characters in the text of a key (`control-character`). `label` names it in messages.
pub(super) fn check_characters(
    label: &str,
    key: &str,
    kind: ObjectKind,
    value: &ResolvedBytes,
    place: &Location,
    problems: &mut Diagnostics,
) {
    let Some(text) = value.text() else { return };
    // base64 hides everything from tools, but not from the container that gets a variable; values given as bytes are
    // not meant for variables
    let is_text = !matches!(value, ResolvedBytes::File(_));
    if is_text && text.contains('\0') && names::is_portable_variable(key) {
        problems.push(
            Diagnostic::warning(Rule::ControlCharacter, format!("{label} contains the character U+0000"))
                .at_masked(place.clone())
                .note("an environment variable cannot contain it: a container that uses it as one does not start")
                .hint("remove it, or encode the value with `b64encode`"),
        );
        return;
    }
    if kind == ObjectKind::ConfigMap
        && let Some((_, char)) = find_char(text, &ACCEPTED, is_refused)
    {
        let message = format!("{label} contains the control character U+{:04X}", u32::from(char));
        let note = if char == '\u{85}' {
            "the API server accepts it, but kustomize turns it into a space, and Flux builds everything with kustomize"
        } else {
            "the API server accepts it, but kustomize rejects some of them: `control characters are not allowed`"
        };
        problems.push(
            Diagnostic::warning(Rule::ControlCharacter, message)
                .at_masked(place.clone())
                .note(note)
                .hint("remove it, or encode the value with `b64encode`"),
        );
    }
}

/// Characters that are not refused.
static ACCEPTED: PlainBytes = PlainBytes::PRINTABLE.with(b'\n');

/// Whether a YAML file may not contain the character unescaped (YAML 1.2, section 5.1), or kustomize changes it even if it
/// is escaped.
fn is_refused(char: char) -> bool {
    match char {
        '\t' | '\n' | '\r' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_refused;

    #[test]
    fn what_people_write_is_no_control_character() {
        for char in ['a', ' ', '\t', '\n', '\r', '\u{2028}', '\u{a0}', 'é', '\u{feff}', '😀'] {
            assert!(!is_refused(char), "{char:?}");
        }
        for char in ['\0', '\u{1}', '\u{b}', '\u{1b}', '\u{7f}', '\u{80}', '\u{85}', '\u{9f}', '\u{fffe}'] {
            assert!(is_refused(char), "{char:?}");
        }
    }
}
