//! Literal part of a text: templates and references stand for a value and are not literal.

use std::borrow::Cow;

use super::lookup::is_lookup;
use super::placeholder::is_placeholder;
use super::random::looks_random;
use super::structured_files;
use septum_base::map::HashSet;
use septum_base::template_tokens::{TemplateTag, is_template, lex_template, tag_ranges};

/// Replacement for a template; no text that people write contains it.
pub(super) const BLANK: char = '\u{1}';

/// Text with template tags and comments blanked out, byte for byte, so that ranges are valid in both. A raw block is
/// literal text.
pub(super) fn blank_templates(text: &str) -> Cow<'_, str> {
    let tags = tag_ranges(text);
    if tags.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for tag in tags {
        out.push_str(text.get(done..tag.start).unwrap_or_default());
        out.extend(tag.clone().map(|_| BLANK));
        done = tag.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Text of a value that is not a template, with a blank in each mark that would begin a tag, so that it is not read as
/// one. A tag that only names something is kept: another tool inserts a value there.
pub(super) fn without_tags(text: &str) -> Cow<'_, str> {
    if !is_template(text) {
        return Cow::Borrowed(text);
    }
    let lexed = lex_template(text);
    let names = |tag: &&TemplateTag<'_>| {
        tag.is_of_names() && text.get(tag.range.clone()).is_some_and(|tag| !tag.split(' ').any(looks_random))
    };
    let named: HashSet<usize> = lexed.tags.iter().filter(names).map(|tag| tag.range.start).collect();
    let mut out = String::with_capacity(text.len());
    let mut is_after_bracket = false;
    for (at, char) in text.char_indices() {
        let begins_tag = is_after_bracket && matches!(char, '{' | '%' | '#') && !named.contains(&(at - 1));
        out.push(if begins_tag { ' ' } else { char });
        is_after_bracket = char == '{' && !begins_tag;
    }
    Cow::Owned(out)
}

/// Prefixes with which other tools mark a value that is fetched or decrypted later.
const REFERENCE_PREFIXES: &[&str] = &[
    "!GetAtt ",
    "!Ref ",
    "!Sub ",
    "!vault",
    "$ANSIBLE_VAULT;",
    "%env(",
    "-----BEGIN AGE ENCRYPTED FILE-----",
    "-----BEGIN PGP MESSAGE-----",
    "<path:",
    ">>vault:",
    "?{",
    "@Microsoft.KeyVault(",
    "ENC(",
    "ENC[",
    "akeyless:",
    "akv:",
    "arn:aws:secretsmanager:",
    "arn:aws:ssm:",
    "awssm://",
    "awsssm://",
    "azurekeyvault://",
    "doppler://",
    "encrypted:",
    "env:",
    "gcp:secretmanager:",
    "gcpsm://",
    "infisical://",
    "keychain:",
    "keyvault:",
    "op://",
    "ref+",
    "secret://",
    "secretref:",
    "secretsmanager:",
    "sm://",
    "sops:",
    "ssm:",
    "vault:",
    "1password://",
    "aws-sm://",
    "aws-ssm://",
    "bitwarden:",
    "bws://",
    "conjur:",
    "credhub:",
    "env://",
    "gopass:",
    "hcvault:",
    "k8s://",
    "kubernetes://",
    "lastpass:",
    "pass://",
    "ssm://",
    "{cipher}",
];

/// Pairs of brackets that enclose a name in some template language.
const BRACKETS: &[(&str, &str)] = &[
    ("$${", "}"),
    ("${", "}"),
    ("$(", ")"),
    ("#{", "}"),
    ("%{", "}"),
    ("@{", "}"),
    ("[[", "]]"),
    ("((", "))"),
    ("%(", ")s"),
    ("<<", ">>"),
    ("<", ">"),
    ("{", "}"),
];

/// Minimum number of letters and digits around references that make a credential; fewer only join the references.
const SHORTEST_LITERAL: usize = 4;

/// Length of the longest text that can be a reference; anything longer is not inspected.
const LONGEST_REFERENCE: usize = 4096;

/// Whether a text stands for a value that comes from elsewhere.
pub(super) fn is_reference(text: &str) -> bool {
    let text = text.trim();
    if has_reference_prefix(text) || is_sealed(text) {
        return true;
    }
    if text.len() <= LONGEST_REFERENCE && is_lookup(text) {
        return true;
    }
    if text.len() > LONGEST_REFERENCE || !may_refer(text) {
        return false;
    }
    let rest = without_references(text);
    rest.len() < text.len() && rest.chars().filter(|char| char.is_alphanumeric()).count() < SHORTEST_LITERAL
}

/// Whether another tool would fetch or decrypt the value.
pub(super) fn has_reference_prefix(text: &str) -> bool {
    let Some(first) = text.as_bytes().first() else { return false };
    REFERENCE_PREFIXES.iter().any(|prefix| prefix.as_bytes().first() == Some(first) && text.starts_with(prefix))
}

/// Whether a text contains any of the characters that references begin with. Most texts contain none.
fn may_refer(text: &str) -> bool {
    text.bytes().any(|byte| b"$%@{[<#\x01".contains(&byte))
}

/// Whether a text is a value encrypted by Sealed Secrets: the length of the wrapped key, then ciphertext.
fn is_sealed(text: &str) -> bool {
    text.len() > 700 && text.starts_with("Ag") && matches!(text.as_bytes().get(2), Some(b'A'..=b'D'))
}

/// Text without templates and references.
pub(super) fn without_references(text: &str) -> Cow<'_, str> {
    if !may_refer(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = reference_length(rest);
        if length == 0 {
            out.push(first);
        }
        rest = rest.get(length.max(first.len_utf8())..).unwrap_or_default();
    }
    Cow::Owned(out)
}

/// Length of the reference at the start of a text, or 0.
fn reference_length(text: &str) -> usize {
    if text.starts_with(BLANK) {
        return text.len() - text.trim_start_matches(BLANK).len();
    }
    let bracketed = BRACKETS.iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?;
        let length = inside.find(close)?;
        let name = inside.get(..length)?;
        (is_name(name) || matches!(*open, "${" | "$(" | "$${")).then_some(open.len() + length + close.len())
    });
    bracketed
        .or_else(|| delimited_length(text, '%'))
        .or_else(|| delimited_length(text, '@'))
        .or_else(|| variable_length(text))
        .unwrap_or(0)
}

/// Whether a text is a name in brackets. It may have words, dots and dashes, but does not look like a password.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || " _-.:/|".contains(char))
}

/// Length of `%NAME%` and `@NAME@`.
fn delimited_length(text: &str, mark: char) -> Option<usize> {
    let inside = text.strip_prefix(mark)?;
    let length = inside.find(mark)?;
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit();
    (length >= 2 && inside.bytes().take(length).all(upper)).then_some(length + 2)
}

/// Length of `$NAME`, and of `%s` as in a format. Shells accept `$name` too, but `$ecret` is a password.
fn variable_length(text: &str) -> Option<usize> {
    if ["%s", "%d", "%v", "%q"].iter().any(|format| text.starts_with(format)) {
        let next = text.chars().nth(2);
        return next.is_none_or(|next| !next.is_alphanumeric()).then_some(2);
    }
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('$').unwrap_or(name);
    let length = name.bytes().take_while(|byte| byte.is_ascii_uppercase() || *byte == b'_' || byte.is_ascii_digit());
    let (length, starts_well) = (length.count(), name.starts_with(|char: char| char.is_ascii_uppercase()));
    let ends = name.chars().nth(length).is_none_or(|next| !next.is_alphanumeric());
    (starts_well && ends && length >= 2).then(|| text.len() - name.len() + length)
}

/// Whether a text is a literal value: not empty, not a reference and not a placeholder.
pub(super) fn is_literal(key: &str, text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || is_reference(&blank_templates(text)) || is_placeholder(key, text) {
        return false;
    }
    structured_files::has_literals(key, text).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates_are_blanked_and_ranges_hold() {
        for (text, expected) in [
            ("a{{ x }}b", "a#######b"),
            ("{% if x %}y{% endif %}", "##########y###########"),
            ("{{ x }}{# ä #}z", "###############z"),
            ("{# ä #}z", "{# ä #}z"),
            ("a{{ never closed", "a{{ never closed"),
            ("{{ x }}{# never closed", "#######{# never closed"),
            ("{{ x }}{{ y §", "#######{{ y §"),
            ("{% raw %}{{ hunter2 }}{% endraw %}", "#########{{ hunter2 }}############"),
            ("{%- raw %} {{ a {%- endraw -%}\nb", "########## {{ a ##############\nb"),
            ("{{ '}}hunter2{{' }}", "###################"),
            ("{{ {'a': {'b': 1}} }}c", "#####################c"),
            ("a\n{{- x -}}\nb", "a\n#########\nb"),
            ("plain", "plain"),
        ] {
            assert_eq!(blank_templates(text).replace(BLANK, "#"), expected, "{text}");
            assert_eq!(blank_templates(text).len(), text.len(), "{text}");
        }
    }

    /// Parts of templates, whole and broken, and of texts that look like templates.
    const PIECES: &[&str] = &[
        "a",
        " ",
        "\n",
        "ß",
        "hunter2",
        "{{ '' }}",
        "{{- '}}'[2:] -}}",
        "{{ {'a': {'b': ''}}.a.b }}",
        "{# c #}",
        "{#- }} {{ -#}",
        "{% raw %}",
        "{%- raw -%}",
        "{% endraw %}",
        "{%- endraw -%}",
        "{% if true %}",
        "{% endif %}",
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{",
        "'",
        "\"",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_left_is_what_the_engine_prints(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14)) {
            let text = pieces.concat();
            let blanked = blank_templates(&text);
            prop_assert_eq!(blanked.len(), text.len());
            let mut engine = minijinja::Environment::new();
            engine.set_syntax(septum_base::template_tokens::lexer_syntax());
            engine.set_formatter(|_, _, _| Ok(()));
            if is_template(&text) && let Ok(printed) = engine.render_str(&text, ()) {
                let left: String = blanked.chars().filter(|char| *char != BLANK && !char.is_whitespace()).collect();
                let printed: String = printed.chars().filter(|char| !char.is_whitespace()).collect();
                prop_assert_eq!(left, printed, "{}", text);
            } else if !is_template(&text) {
                prop_assert_eq!(&*blanked, &text);
            }
        }
    }

    fn cases() -> u32 {
        std::env::var("SEPTUM_LEXER_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(500)
    }

    #[test]
    fn references_stand_for_something_else() {
        for text in [
            "$DB_PASSWORD",
            "${password}",
            "${DB_PASSWORD:-fallback}",
            "$(DB_PASSWORD)",
            "$${DB_PASSWORD}",
            "#{secrets.db}",
            "%DB_PASSWORD%",
            "@DB_PASSWORD@",
            "<password>",
            "[[ password ]]",
            "{PASSWORD}",
            "${USER}:${PASSWORD}",
            "ENC[AES256_GCM,data:x]",
            "op://vault/item/field",
            "ref+vault://x",
            "vault:secret/data/x#y",
            "!Ref DbPassword",
            "%env(DB_PASSWORD)%",
            "@Microsoft.KeyVault(SecretUri=https://x.example/secrets/y)",
            "ENC(b3BlbiBzZXNhbWU)",
            "encrypted:BGv0x1",
            "gcp:secretmanager:projects/x/secrets/y",
            "%s",
        ] {
            assert!(is_reference(text), "{text}");
            assert!(!is_literal("X", text), "{text}");
        }
        assert!(is_reference(&blank_templates("{{ data.X }}")));
    }

    #[test]
    fn passwords_with_odd_characters_are_no_references() {
        for text in
            ["$ecret", "p<ss", "pa%ss%", "hunter2{", "$1$salt$hash", "a@b@c", "hunter2-${ENV}", "hunter2{{ e }}"]
        {
            assert!(!is_reference(&blank_templates(text)), "{text}");
        }
    }
}
