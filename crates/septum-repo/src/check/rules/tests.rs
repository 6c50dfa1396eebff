//! Whole files of rules: their matches, and their errors.

use super::*;

fn rules(toml: &str) -> UserRules {
    UserRules::read(&Source::new("rules.toml", toml)).unwrap_or_else(|problems| panic!("{toml}: {problems:?}"))
}

/// Matches: the rule and the part of the value.
fn found(toml: &str, key: &str, text: &str, file: &str) -> Vec<(String, String)> {
    let rules = rules(toml);
    rules.find(key, text, file).iter().map(|hit| (hit.rule.to_owned(), text[hit.range.clone()].to_owned())).collect()
}

const TOKEN: &str = "[[rules]]\nid = 'acme'\nregex = 'acme_[a-z0-9]{8}'\n";

#[test]
fn a_rule_finds_the_secret_in_a_value() {
    for (name, toml, key, text, expected) in [
        ("the whole match", "regex = 'acme_[0-9]{4}'", "X", "a acme_1234 b", "acme_1234"),
        ("the first group", "regex = 'acme_(?:([a-z]{4})|([0-9]{4}))'", "X", "acme_1234", "1234"),
        ("the group that is named", "regex = '(acme)_([0-9]{4})'\nsecretGroup = 2", "X", "acme_1234", "1234"),
        ("name before secret", "regex = '''acme_key['\"]?[:=]\\s*([0-9]{4})'''", "acme_key", "1234", "1234"),
        ("the part in the value", "regex = 'acme_key: [0-9]{4}'", "acme_key", "12345", "1234"),
        ("only the key", "regex = 'acme_key'", "acme_key", "12345", ""),
        ("the end of the value", "regex = '[0-9]{4}$'", "X", "a 1234", "1234"),
        ("without line breaks", "regex = '\\n[0-9]{4}\\n'", "X", "a\n1234\nb", "1234"),
        ("keyword in the value", "regex = '[0-9]{4}'\nkeywords = ['ACME']", "X", "Acme 1234", "1234"),
        ("keyword in the key", "regex = '[0-9]{4}'\nkeywords = ['ACME']", "acmeKey", "1234", "1234"),
        ("no keyword", "regex = '[0-9]{4}'\nkeywords = ['acme', 'corp']", "X", "1234", ""),
        ("keyword in another", "regex = '[0-9]{4}'\nkeywords = ['acm', 'acme_']", "X", "acme_1234", "1234"),
        ("entropy above", "regex = '[a-z]{4}'\nentropy = 1.9", "X", "abcd", "abcd"),
        ("entropy equal", "regex = '[a-z]{4}'\nentropy = 2", "X", "abcd", ""),
        ("entropy of the secret", "regex = '[a-z]+=(a+)'\nentropy = 0.5", "X", "abcdef=aaaa", ""),
        ("entropy 0 says nothing", "regex = '[a-z]{4}'\nentropy = 0", "X", "aaaa", "aaaa"),
        ("path", "regex = '[0-9]{4}'\npath = '(?:^|/)dev\\.yaml$'", "X", "1234", "1234"),
        ("other path", "regex = '[0-9]{4}'\npath = 'prod'", "X", "1234", ""),
        ("path alone", "path = 'dev'", "X", "anything", "anything"),
        ("other path alone", "path = 'prod'", "X", "anything", ""),
        ("an empty value", "path = 'dev'", "X", "", ""),
        ("names of fields in any case", "Regex = '[0-9]{4}'\nSECRETGROUP = 0", "X", "1234", "1234"),
        ("characters, not bytes", "regex = 'ß(.)'", "ß", "ßä", "ä"),
    ] {
        let toml = format!("[[rules]]\nid = 'r'\n{toml}\n");
        let secrets = found(&toml, key, text, "apps/dev.yaml");
        let secrets: Vec<_> = secrets.iter().map(|(_, secret)| secret.as_str()).collect();
        assert_eq!(secrets, if expected.is_empty() { vec![] } else { vec![expected] }, "{name}");
    }
}

#[test]
fn what_is_allowed_is_not_told() {
    let key = "KEY";
    let text = "first\nacme_abcd1234 # sample\nlast";
    for (name, list, allowed) in [
        ("secret", "regexes = ['^abcd1234$']", true),
        ("secret by name", "regexTarget = 'secret'\nregexes = ['^abcd1234$']", true),
        ("secret is not the match", "regexes = ['acme']", false),
        ("match", "regexTarget = 'match'\nregexes = ['^acme_abcd1234$']", true),
        ("match is not the line", "regexTarget = 'match'\nregexes = ['sample']", false),
        ("line", "regexTarget = 'line'\nregexes = ['^acme_.* # sample$']", true),
        ("line is not the text", "regexTarget = 'line'\nregexes = ['first']", false),
        ("any regex", "regexes = ['no', 'abcd']", true),
        ("each regex by itself", "regexes = ['(?i)no', 'ABCD']", false),
        ("stopword", "stopwords = ['no', 'BCD1']", true),
        ("stopword beside the secret", "stopwords = ['acme']", false),
        ("path", "paths = ['^apps/']", true),
        ("other path", "paths = ['^lib/']", false),
        ("commit", "commits = ['abc']", false),
        ("or", "paths = ['^lib/']\nstopwords = ['abcd']", true),
        ("or, none", "paths = ['^lib/']\nstopwords = ['no']", false),
        ("and", "condition = 'AND'\npaths = ['^apps/']\nregexes = ['1234$']\nstopwords = ['abcd']", true),
        ("and, one not", "condition = 'and'\npaths = ['^apps/']\nstopwords = ['no']", false),
        ("and, path alone", "condition = '&&'\npaths = ['^apps/']", true),
        ("and, other path", "condition = 'AND'\npaths = ['^lib/']\nregexes = ['1234']", false),
        ("and, a commit", "condition = 'AND'\npaths = ['^apps/']\ncommits = ['abc']", false),
    ] {
        let rule = "[[rules]]\nid = 'r'\nregex = 'acme_([a-z0-9]{8})'\n";
        for (place, toml) in [
            ("of the rule", format!("{rule}[[rules.allowlists]]\n{list}\n")),
            ("of the rule, as before", format!("{rule}[rules.allowlist]\n{list}\n")),
            ("of all", format!("[[allowlists]]\n{list}\n{rule}")),
            ("of all, as before", format!("[allowlist]\n{list}\n{rule}")),
            ("of all for the rule", format!("{rule}[[allowlists]]\ntargetRules = ['r']\n{list}\n")),
        ] {
            assert_eq!(found(&toml, key, text, "apps/dev.yaml").is_empty(), allowed, "{name}, {place}");
        }
        let other = "[[rules]]\nid = 'o'\nregex = 'o'\n";
        let toml = format!("{rule}{other}[[allowlists]]\ntargetRules = ['o']\n{list}\n");
        let rules: Vec<_> = found(&toml, "k", "acme_abcd1234", "apps/dev.yaml");
        assert_eq!(rules.len(), 1, "{name}, for another rule");
    }
}

#[test]
fn any_of_several_allowlists_is_enough() {
    let toml = format!("{TOKEN}[[rules.allowlists]]\nstopwords = ['x']\n[[rules.allowlists]]\nstopwords = ['abcd']\n");
    assert!(found(&toml, "K", "acme_abcd1234", "f").is_empty());
    assert_eq!(found(&toml, "K", "acme_efgh1234 acme_xxxx0000", "f").len(), 1);
}

#[test]
fn a_rule_of_path_alone_is_allowed_by_path_alone() {
    let rule = "[[rules]]\nid = 'r'\npath = '\\.yaml$'\n[[rules.allowlists]]\n";
    assert_eq!(found(&format!("{rule}stopwords = ['a']"), "K", "a", "f.yaml").len(), 1);
    assert!(found(&format!("{rule}paths = ['^f']"), "K", "a", "f.yaml").is_empty());
}

#[test]
fn a_generic_rule_is_silent_where_another_knows_better() {
    let toml = format!("[[rules]]\nid = 'Generic-Key'\nregex = '[a-z0-9_]{{8,}}'\n{TOKEN}");
    let ids = |text| found(&toml, "K", text, "f").into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids("acme_abcd1234"), ["acme"]);
    assert_eq!(ids("abcdefgh"), ["Generic-Key"]);
    assert_eq!(ids("acme_abcd1234\nabcdefgh"), ["acme", "Generic-Key"]);
    assert_eq!(ids("acme_abcd1234 abcdefgh"), ["acme", "Generic-Key"]);
}

#[test]
fn reasons_name_rule_file_and_description() {
    let with = rules("[[rules]]\nid = 'a'\ndescription = 'a token of Acme'\nregex = '[a-z]+'\n");
    let without = UserRules::read(&Source::new("ci/more.toml", TOKEN)).unwrap();
    assert_eq!(
        find_reasons(&[with, without], "K", "acme_abcd1234 acme_abcd1234", "f").unwrap().texts,
        ["matches the rule `a` of `rules.toml`: a token of Acme", "matches the rule `acme` of `ci/more.toml`"]
    );
}

#[test]
fn the_papers_of_a_file_say_nothing() {
    let toml = format!("title = 't'\ndescription = 'd'\nminVersion = 'v8.25.0'\nextend.useDefault = true\n{TOKEN}");
    assert_eq!(found(&toml, "K", "acme_abcd1234", "f").len(), 1);
    assert_eq!(
        rules(&format!("[extend]\nuseDefault = false\n{TOKEN}tags = ['a']\nskipReport = false\n")).rules.len(),
        1
    );
    assert_eq!(
        rules("rules = [{ id = 'a', regex = 'b' }, { id = 'c', regex = 'd', allowlists = [{ regexes = ['e'] }] }]")
            .rules
            .len(),
        2
    );
}

#[test]
fn mistakes_are_told_with_their_places() {
    for (toml, place, message) in [
        ("", "1:1", "`rules.toml` contains no rules, so it finds nothing"),
        ("rules = []", "1:1", "`rules.toml` contains no rules, so it finds nothing"),
        ("[extend]\nuseDefault = true", "1:1", "`rules.toml` contains no rules, so it finds nothing"),
        ("rules = 1", "1:9", "expected a list of tables for `rules`, found an integer"),
        ("[rules]\nid = 'a'", "1:1", "expected a list of tables for `rules`, found a table"),
        ("rules = ['a']", "1:10", "expected a table for a rule, found a string"),
        ("[[rule]]\nid = 'a'\n[[rules]]\nid = 'r'\nregex = 'a'", "1:3", "unknown field `rule` in a rules file"),
        ("[[rules]]\nregex = 'a'", "1:1", "a rule has no `id`"),
        ("[[rules]]\nid = ' '\nregex = 'a'", "1:1", "a rule has no `id`"),
        ("[[rules]]\nid = 1\nregex = 'a'", "2:6", "expected a string for `id`, found an integer"),
        ("[[rules]]\nid = 'r'", "1:1", "the rule `r` has neither `regex` nor `path`, so it finds nothing"),
        ("[[rules]]\nid = 'r'\nregex = ''", "1:1", "the rule `r` has neither `regex` nor `path`, so it finds nothing"),
        ("[[rules]]\nid = 'r'\nregexp = 'a'\nregex = 'b'", "3:1", "unknown field `regexp` in a rule"),
        ("[[rules]]\nid = 'r'\nregex = 'b'\nRegex = 'c'", "4:1", "duplicate field `Regex`"),
        (
            "[[rules]]\nid = 'r'\nregex = 'ä(?=b)'",
            "3:11",
            "invalid or unsupported regular expression: `(?=` (look-ahead) is not supported",
        ),
        (
            "[[rules]]\nid = 'r'\nregex = '''\n  a++'''",
            "4:5",
            "invalid or unsupported regular expression: `+` follows another repetition",
        ),
        (
            "[[rules]]\nid = 'r'\nregex = \"\\u0061(?=b)\"",
            "3:9",
            "invalid or unsupported regular expression: `(?=` (look-ahead) is not supported",
        ),
        ("[[rules]]\nid = 'r'\nregex = 'a('", "3:9", "invalid or unsupported regular expression: unclosed group"),
        ("[[rules]]\nid = 'r'\npath = '['", "3:9", "invalid or unsupported regular expression: unclosed `[`"),
    ] {
        assert_eq!(mistakes(toml), [(format!("rules.toml:{place}"), message.to_owned())], "{toml}");
    }
}

#[test]
fn mistakes_beside_a_rule_are_told_with_their_places() {
    let rule = "[[rules]]\nid = 'r'\nregex = 'a(b)'\n";
    for (field, place, message) in [
        ("secretGroup = 2", "4:15", "`secretGroup` expects one of the groups of the `regex`, 1 to 1, found 2"),
        ("secretGroup = -1", "4:15", "`secretGroup` expects one of the groups of the `regex`, 1 to 1, found -1"),
        ("secretGroup = 1.0", "4:15", "expected an integer for `secretGroup`, found a float"),
        ("entropy = '3'", "4:11", "expected a number for `entropy`, found a string"),
        ("entropy = 35", "4:11", "`entropy` must be a number from 0 to 8 (bits per character)"),
        ("entropy = nan", "4:11", "`entropy` must be a number from 0 to 8 (bits per character)"),
        ("keywords = 'a'", "4:12", "expected a list of strings for `keywords`, found a string"),
        ("keywords = ['a', 1]", "4:18", "expected strings in `keywords`, found an integer"),
        ("keywords = ['a', '']", "4:18", "`keywords` contains an empty string, which matches everything"),
        ("tags = 'a'", "4:8", "expected a list of strings for `tags`, found a string"),
        ("skipReport = true", "4:1", "a rule with `skipReport` reports none of its findings"),
        ("skipReport = 'no'", "4:14", "expected `true` or `false` for `skipReport`, found a string"),
        (
            "[[rules.required]]\nid = 'x'",
            "4:9",
            "`required` is not supported: it depends on matches of other rules nearby, but each value is checked alone",
        ),
        ("[[rules]]\nid = 'r'\nregex = 'c'", "5:6", "two rules have the `id` `r`"),
        ("[[rules.allowlists]]", "4:1", "an allowlist of a rule allows nothing"),
        ("[[rules.allowlists]]\nregexes = []", "4:1", "an allowlist of a rule allows nothing"),
        (
            "[[rules.allowlists]]\nregex = ['a']\nstopwords = ['a']",
            "5:1",
            "unknown field `regex` in an allowlist of a rule",
        ),
        (
            "[[rules.allowlists]]\ntargetRules = ['r']\nstopwords = ['a']",
            "5:1",
            "unknown field `targetRules` in an allowlist of a rule",
        ),
        ("[[rules.allowlists]]\ncondition = 'XOR'\nstopwords = ['a']", "5:13", "`condition` must be `AND` or `OR`"),
        (
            "[[rules.allowlists]]\nregexTarget = 'mtach'\nregexes = ['a']",
            "5:15",
            "`regexTarget` must be `secret`, `match` or `line`",
        ),
        (
            "[[rules.allowlists]]\nregexes = ['a', 'b\\1']",
            "5:19",
            "invalid or unsupported regular expression: backreferences are not supported",
        ),
        (
            "[[rules.allowlists]]\nstopwords = ['']",
            "5:14",
            "`stopwords` contains an empty string, which matches everything",
        ),
        (
            "[rules.allowlist]\nstopwords = ['a']\n[[rules.allowlists]]\nstopwords = ['b']",
            "4:8",
            "`allowlist` is the old name of `allowlists`; both are given here",
        ),
        ("[[allowlists]]", "4:1", "an allowlist allows nothing"),
        ("[[allowlists]]\ntargetRules = ['r', 's']\nstopwords = ['a']", "5:21", "unknown rule `s` in `rules.toml`"),
        (
            "[extend]\npath = 'base.toml'",
            "5:1",
            "`path` refers to another file, but a rules file cannot include others",
        ),
        (
            "[extend]\nurl = 'https://example.com'",
            "5:1",
            "`url` refers to another file, but a rules file cannot include others",
        ),
        (
            "[extend]\nuseDefault = true\ndisabledRules = ['jwt']",
            "6:1",
            "`disabledRules` is not supported: built-in detectors cannot be disabled",
        ),
        ("[extend]\nuseDefaults = true", "5:1", "unknown field `useDefaults` in `extend`"),
    ] {
        let toml = format!("{rule}{field}\n");
        assert_eq!(mistakes(&toml), [(format!("rules.toml:{place}"), message.to_owned())], "{field}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let toml = "titel = ''\n[[rules]]\nid = 'a'\nregex = '(?!a)'\nentropy = 'x'\n[[rules]]\nregex = 'b'\n";
    let places: Vec<_> = mistakes(toml).into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["rules.toml:1:1", "rules.toml:4:10", "rules.toml:5:11", "rules.toml:6:1"]);
    let (place, message) = &mistakes("[[rules]]\nid = \n")[0];
    assert_eq!(place, "rules.toml:2:6");
    assert!(message.starts_with("`rules.toml` is not valid TOML: "), "{message}");
}

fn mistakes(toml: &str) -> Vec<(String, String)> {
    let problems = UserRules::read(&Source::new("rules.toml", toml)).err().unwrap_or_default();
    let told = problems.into_sorted().into_iter();
    told.map(|problem| (problem.labels[0].place.to_string(), problem.message)).collect()
}

proptest::proptest! {
    #[test]
    fn a_secret_is_a_part_of_its_value(key in "\\PC{0,8}", text in "(a|ß|key|: |\n|=|\"|1234|😀){0,20}") {
        let toml = r"
            [[rules]]
            id = 'groups'
            regex = '(?s)(?:(a*)|key(.?))[:= \n]*(ß|[0-9]*)'
            [[rules]]
            id = 'generic'
            regex = '\s*\w{2,}\s*'
            keywords = ['key', '12', '😀']
            [[allowlists]]
            regexTarget = 'line'
            regexes = ['^a.*a$']
        ";
        for hit in rules(toml).find(&key, &text, "f") {
            proptest::prop_assert!(text.get(hit.range.clone()).is_some_and(|secret| !secret.is_empty()), "{:?}", hit);
        }
    }
}

/// Run with `SEPTUM_GITLEAKS_TOML=…/config/gitleaks.toml`: the file is not part of this repository.
#[test]
fn the_rules_of_gitleaks_itself_are_read() {
    let Ok(path) = std::env::var("SEPTUM_GITLEAKS_TOML") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let expected = text.lines().filter(|line| *line == "[[rules]]").count();
    let rules = rules(&text);
    assert!(rules.rules.len() == expected && expected > 100, "{} of {expected}", rules.rules.len());
    for (key, text, expected) in [
        // invented values
        ("TOKEN", "glpat-A1b2C3d4E5f6G7h8I9j0", Some("gitlab-pat")),
        ("api_key", "Zx8Qw2Er5Ty1Ui9Op3As", Some("generic-api-key")),
        ("DATADOG_API_KEY", "3f2a9c81d07be645af10c2d3e4b5a69788f0e1d2", Some("datadog-access-token")),
        ("GREETING", "hello", None),
    ] {
        let found: Vec<_> = rules.find(key, text, "apps/base.yaml").into_iter().map(|hit| hit.rule).collect();
        assert_eq!(found.first().copied(), expected, "{key}: {found:?}");
    }
}
