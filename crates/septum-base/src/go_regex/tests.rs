//! Texts that expressions of Go match, and expressions that are refused.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use super::*;

#[test]
fn what_go_matches_is_matched() {
    for (pattern, text, expected) in [
        (r"\d+", "٣ 12", Some("12")),
        (r"\w+", "é_a9é", Some("_a9")),
        (r"\bkey\b", "ékeyé", Some("key")),
        (r"a\Bb", "ab", Some("ab")),
        (r"a\sb", "a\u{a0}b", None),
        (r"a\sb", "a\tb", Some("a\tb")),
        (r"[\w.-]+", "é.a-b!", Some(".a-b")),
        (r"[\w-.]+", "a-.", Some("a-.")),
        (r"[^\W]+", "-a_", Some("a_")),
        (r"[\S]+", " ab ", Some("ab")),
        (r"[]a]+", "[a]]", Some("a]]")),
        (r"[^]a]+", "]b]", Some("b")),
        (r"[[a]+", "x[a", Some("[a")),
        (r"[[:alpha:]_]+", "1a_b", Some("a_b")),
        (r"[[:^digit:]]+", "1ab2", Some("ab")),
        (r"[a&&b]+", "&a&", Some("&a&")),
        (r"[+--]+", "a,-+", Some(",-+")),
        (r"[a~~-]+", "~-", Some("~-")),
        (r"[\x41-\x43\x{1F600}]+", "xABC😀", Some("ABC😀")),
        (r"[\]\\]+", r"a]\", Some(r"]\")),
        (r"[a-]+", "b-a", Some("-a")),
        (r"{\d+}", "x{12}", Some("{12}")),
        (r"a{,2}", "a{,2}", Some("a{,2}")),
        (r"^\${(?:[A-Z_]+|[a-z_]+)}$", "${HOME}", Some("${HOME}")),
        (r"a{2}", "aaa", Some("aa")),
        (r"a{2,}?", "aaa", Some("aa")),
        (r"a{02}", "aa{02}", Some("a{02}")),
        (r"\<a\>", "<a>", Some("<a>")),
        (r"\_\-\/\#\ \@\'", "_-/# @'", Some("_-/# @'")),
        (r"\Qa.b*\E+", "a.b**", Some("a.b**")),
        (r"\Qa.b", "a.b", Some("a.b")),
        (r"\101\060\x42\x{43}", "A0BC", Some("A0BC")),
        (r"(?P<x>a)(?P<x>b)(?<1>c)", "abc", Some("abc")),
        (r"(?i)key(?-i:API|[Aa]pi)", "KEYapi", Some("KEYapi")),
        (r"(?i)key(?-i:API|[Aa]pi)", "KEYaPI", None),
        (r"^/Users/(?i)[a-z]+", "/Users/ABC", Some("/Users/ABC")),
        (r"\p{Greek}+\pL\p{^L}\P{L}", "aαβx12", Some("αβx12")),
        (r"a$", "a\n", None),
        (r"(?m)a$", "a\n", Some("a")),
        (r"a.b", "a\nb", None),
        (r"(?s)a.b", "a\nb", Some("a\nb")),
        (r"\Aab\z", "ab", Some("ab")),
        (r"a(?)b", "ab", Some("ab")),
        (r"((a{2,5}){10}|b{50}){20}|a{0}", "", Some("")),
        (r"é{2}", "éé", Some("éé")),
    ] {
        let regex = compile_for_text(pattern).unwrap_or_else(|mistake| panic!("{pattern}: {mistake:?}"));
        assert_eq!(regex.find(text).map(|found| found.as_str()), expected, "{pattern}: {text}");
    }
}

#[test]
fn what_cannot_be_taken_is_pointed_at() {
    for (pattern, at, reason) in [
        ("ab(?=c)", "(?=", "`(?=` (look-ahead) is not supported"),
        ("(?!c)", "(?!", "`(?!` (look-ahead) is not supported"),
        ("(?<=c)", "(?<=", "`(?<=` (look-behind) is not supported"),
        ("(?<!c)", "(?<!", "`(?<!` (look-behind) is not supported"),
        ("a(?>b)", "(?>", "`(?>` (atomic group) is not supported"),
        (r"(a)\1", r"\1", "backreferences are not supported"),
        ("a++", "+", "`+` follows another repetition"),
        ("a*{2}", "{2}", "`{2}` follows another repetition"),
        ("(?x)a", "(?x)", "unknown group syntax"),
        (r"a\Z", r"\Z", "unknown escape sequence"),
        (r"[a\b]", r"\b", "unknown escape sequence"),
        (r"a\x{110000}", r"\x{110000}", "unknown escape sequence"),
        (r"a\", r"\", r"trailing `\`"),
        ("a[b", "[b", "unclosed `[`"),
        ("[b-a]", "b-a", "invalid range: it ends before it begins"),
        ("[[:letter:]]", "[:letter:]", "unknown class `[:letter:]`"),
        ("(?P<a", "(", "unterminated group name"),
        ("(?P<a b>c)", "(?P<a b>", "invalid group name"),
        ("(?<é>c)", "(?<é>", "invalid group name"),
        ("a{1001}", "{1001}", "`{1001}` repeats too often"),
        ("a{2,1001}?", "{2,1001}", "`{2,1001}` repeats too often"),
        ("a{99999999999}", "{99999999999}", "`{99999999999}` repeats too often"),
        ("((?:a{50})*|b){21}", "{21}", "`{21}` repeats too often"),
        ("a(?)*", "*", "`*` follows flags"),
        ("a(?i){2}", "{2}", "`{2}` follows flags"),
        ("[[:a\nb:]]", "[:a\nb:]", "unknown class `[:a\\nb:]`"),
        ("((a{30}){40}){0}", "{40}", "`{40}` repeats too often"),
    ] {
        let mistake = compile_for_text(pattern).expect_err(pattern);
        let (start, end) = mistake.at.expect(pattern);
        assert_eq!((pattern.get(start..end), mistake.reason.as_str()), (Some(at), reason), "{pattern}");
    }
    for (pattern, reason) in [
        ("(a", "unclosed group"),
        ("a)", "unopened group"),
        ("*a", "repetition operator missing expression"),
        (r"\p{Klingon}", "Unicode property not found"),
        (r"(?:\pL{50}){20}", "it is too large when compiled"),
    ] {
        assert_eq!(compile_for_text(pattern).expect_err(pattern).reason, reason, "{pattern}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_an_expression_or_a_mistake(text in "\\PC{0,40}") {
        let _ = compile_for_text(&text);
    }

    #[test]
    fn what_looks_like_an_expression_is_one_or_a_mistake(
        text in "(\\[|\\]|\\^|-|\\\\|\\(\\?|\\(|\\)|P<|>|\\{|\\}|,|1|Q|E|x|p|d|:|&&|é|i|\\||\\*|\\+){0,12}",
    ) {
        if let Err(RegexError { at: Some((start, end)), .. }) = compile_for_text(&text) {
            proptest::prop_assert!(text.get(start..end).is_some() || start == text.len());
        }
    }
}
