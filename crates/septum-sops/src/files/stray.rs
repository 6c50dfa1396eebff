//! Ciphertext where no key applies: in a file whose `sops` block was lost, under a key that the selector leaves in
//! plaintext, in a value that a user copied. It cannot be decrypted there, so that it would be deployed as the
//! password, and encrypting it again would hide that permanently.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem::Finder;

use crate::BLOCK;
use crate::document::selector::{Selection, Selector, SelectorScope};
use septum_base::diagnostic::{Diagnostic, Rule};
use septum_base::span::{Location, Source, Span};
use septum_base::yaml::node::{YamlKind, YamlNode};

/// The rule of all findings of this kind.
const RULE: Rule = Rule::CiphertextAsValue;

/// Prefix of every ciphertext.
const START: &str = "ENC[AES256_GCM,";

/// Prefix that only a ciphertext has, and no text about ciphertexts.
pub(crate) const START_OF_DATA: &str = "ENC[AES256_GCM,data:";

/// Text that follows the bracket of a ciphertext.
const NAME: &str = "AES256_GCM";

/// Brackets of a ciphertext's beginning in the encodings of other formats, which may encode the comma too.
const BRACKETS: [&str; 7] = ["\\u005b", "\\u005B", "\\x5b", "\\x5B", "\\[", "%5B", "%5b"];

/// Searches for the name, and for the beginning of a ciphertext in base64. An automaton over all forms takes longer to
/// build than to search a project.
static SEARCHES: LazyLock<(Finder<'static>, [Finder<'static>; 3])> = LazyLock::new(|| {
    let packed = [0, 1, 2].map(|before| Finder::new(&in_base64(before)).into_owned());
    (Finder::new(NAME), packed)
});

/// The constant part of the base64 of a ciphertext's beginning, with a number of bytes before it.
fn in_base64(before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend(START.as_bytes());
    let text = STANDARD_NO_PAD.encode(&bytes);
    // characters that share bits with the bytes before or after vary
    let known = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    text.get(known).unwrap_or_default().to_owned()
}

/// Whether bytes contain the beginning of a ciphertext, as it is, escaped or in base64.
pub fn holds_ciphertext(bytes: &[u8]) -> bool {
    find_ciphertext(bytes).is_some()
}

/// Position of the first ciphertext.
fn find_ciphertext(bytes: &[u8]) -> Option<usize> {
    let (name, packed) = &*SEARCHES;
    let written = name.find_iter(bytes).find_map(|at| start_of_form(bytes, at));
    packed.iter().filter_map(|form| form.find(bytes)).chain(written).min()
}

/// Position of the ciphertext whose name is at `at`.
fn start_of_form(bytes: &[u8], at: usize) -> Option<usize> {
    let (before, after) = (bytes.get(..at)?, bytes.get(at + NAME.len()..)?);
    let begins_with = |bracket: &str| Some(before.strip_suffix(bracket.as_bytes())?.strip_suffix(b"ENC")?.len());
    let plain = begins_with("[").filter(|_| after.starts_with(b","));
    plain.or_else(|| BRACKETS.iter().find_map(|bracket| begins_with(bracket)))
}

/// The finding that a ciphertext is in the place of a value. `what` begins the message.
pub fn ciphertext_as_value(what: &str) -> Diagnostic {
    Diagnostic::error(RULE, format!("{what} contains SOPS ciphertext, which cannot be decrypted there"))
        .note("the ciphertext itself would be used as the value")
        .hint("restore the file with its `sops` block: `git log -p -- FILE` shows where it was lost, `git checkout COMMIT -- FILE` restores it")
        .hint("do not encrypt it again: the ciphertext itself would become the value")
}

/// Refuses a text in plaintext that is to be encrypted and contains ciphertext.
pub fn refuse_ciphertext(name: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
    let Some(start) = find_ciphertext(bytes) else { return Ok(()) };
    let text = String::from_utf8_lossy(bytes);
    let finding = ciphertext_as_value(&format!("`{name}` is not encrypted, and"));
    // where replaced bytes moved the rest, a place would be a wrong one
    if text.len() != bytes.len() {
        return Err(finding);
    }
    let span = Span::locate(&text, start, start);
    Err(finding.at_masked(Source::new(name, text).place(span)))
}

/// The first ciphertext in a file that has no `sops` block: in a key, a value or a comment.
pub fn in_plain_file(root: &YamlNode, source: &Source) -> Option<Diagnostic> {
    let mut spans = Vec::new();
    collect_stray(root, &StrayScope::Nowhere, SelectorScope::Unmatched, &mut spans);
    // a comment is one only if it is a whole ciphertext: people write about them
    let comment = memchr::memmem::find(source.text().as_bytes(), START_OF_DATA.as_bytes());
    let comment = comment.map(|at| Span::locate(source.text(), at, at));
    let first = spans.into_iter().chain(comment).min_by_key(|span| span.start)?;
    Some(stray_diagnostic(&format!("`{}` has no `sops` block, and", source.name()), source.place(first)))
}

/// The first ciphertext in an encrypted file under a key that its selector leaves in plaintext.
pub fn in_encrypted_file(root: &YamlNode, source: &Source, selector: &Selector) -> Option<Diagnostic> {
    let mut spans = Vec::new();
    collect_stray(root, &StrayScope::Of(selector), selector.root_scope(), &mut spans);
    let first = spans.into_iter().min_by_key(|span| span.start)?;
    let what = format!("`{}`, under a key that is not encrypted by its `{selector}`,", source.name());
    Some(stray_diagnostic(&what, source.place(first)))
}

fn stray_diagnostic(what: &str, place: Location) -> Diagnostic {
    ciphertext_as_value(what).at_masked(place)
}

/// Places where ciphertext is allowed.
enum StrayScope<'s> {
    Nowhere,
    Of(&'s Selector),
}

impl StrayScope<'_> {
    fn enter(&self, scope: SelectorScope, key: &str) -> SelectorScope {
        match self {
            Self::Nowhere => scope,
            Self::Of(selector) => selector.enter_key(scope, key),
        }
    }

    fn is_allowed(&self, scope: SelectorScope) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Of(selector) => selector.selection(scope) != Selection::Plain,
        }
    }
}

/// The locations of ciphertexts that are not allowed. Depth is bounded by the reader, so recursion is safe.
fn collect_stray(node: &YamlNode, scoping: &StrayScope<'_>, scope: SelectorScope, found: &mut Vec<Span>) {
    match &node.kind {
        YamlKind::Scalar(scalar) => {
            if !scoping.is_allowed(scope) && holds_ciphertext(scalar.text().as_bytes()) {
                found.push(first_line_span(node.span));
            }
        }
        YamlKind::List(items) => items.iter().for_each(|item| collect_stray(item, scoping, scope, found)),
        YamlKind::Map(map) => {
            for (key, value) in map {
                let is_block = matches!(scoping, StrayScope::Of(_)) && key.text == BLOCK;
                if is_block && value.as_map().is_some() {
                    continue;
                }
                if holds_ciphertext(key.text.as_bytes()) {
                    found.push(first_line_span(key.span));
                }
                collect_stray(value, scoping, scoping.enter(scope, &key.text), found);
            }
        }
    }
}

fn first_line_span(span: Span) -> Span {
    Span { end: span.start, ..span }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_form_is_found_as_by_a_search_for_each(
            parts in proptest::collection::vec(
                prop_oneof![
                    prop::sample::select(BRACKETS.to_vec()),
                    prop::sample::select(vec!["ENC", "[", NAME, "AES256_", ",", START]),
                    (0..3_usize, any::<bool>()).prop_map(|(before, is_whole)| {
                        let form = in_base64(before).leak();
                        if is_whole { &*form } else { &form[1..] }
                    }),
                    Just("x\u{e9}"),
                ],
                0..10,
            ),
        ) {
            let text = parts.concat();
            let mut forms = vec![START.to_owned()];
            forms.extend(BRACKETS.map(|bracket| format!("ENC{bracket}{NAME}")));
            forms.extend((0..3).map(in_base64));
            let expected = forms.iter().filter_map(|form| text.find(form.as_str())).min();
            prop_assert_eq!(find_ciphertext(text.as_bytes()), expected);
        }
    }

    #[test]
    fn every_form_of_a_ciphertext_is_found_and_nothing_else() {
        let ciphertext = "ENC[AES256_GCM,data:oYyi,iv:MyID,tag:AAAA,type:str]";
        for before in ["", "a", "ab", "abc", "{\"a\": \"", "password="] {
            let text = format!("{before}{ciphertext}");
            assert!(holds_ciphertext(text.as_bytes()), "{before}");
            assert!(holds_ciphertext(STANDARD.encode(&text).as_bytes()), "{before} in base64");
            assert!(holds_ciphertext(text.replace('[', "\\u005b").as_bytes()), "{before} as JSON may have it");
            assert!(holds_ciphertext(text.replace('[', "%5B").replace(',', "%2C").as_bytes()), "{before} in a URL");
        }
        for text in ["", "ENC[", "ENC[AES256", "ENC(abc)", "vault:v1:abc", "AES256_GCM", "ENC[PKCS7,abc]"] {
            assert!(!holds_ciphertext(text.as_bytes()), "{text}");
        }
    }
}
