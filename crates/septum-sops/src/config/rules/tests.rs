use std::fs;

use super::*;
use crate::store::layout::Indent;

const ONE: &str = "age1pgs5clczcduc0mjyau2mme6pwyr62kjywl5ju29h6kgmjutwtsfqtkttjh";
const TWO: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";
const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTzeVZd7nVxqL7OqEIgUVvfUph2bnGMpChuycV1frX/ me";

fn parse(text: &str) -> Result<SopsConfig, Vec<Diagnostic>> {
    let text = text.replace("ONE", ONE).replace("TWO", TWO).replace("SSH", SSH);
    let rules = SopsConfig::parse(&Source::new(".sops.yaml", text), "/repo").map_err(Diagnostics::into_sorted)?;
    let warnings = rules.warnings();
    if warnings.is_empty() { Ok(rules) } else { Err(warnings.into_sorted()) }
}

fn only(text: &str) -> CreationRule {
    let rules = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    iter_rules(&rules).next().expect("a rule").clone()
}

fn iter_rules(rules: &SopsConfig) -> impl Iterator<Item = &CreationRule> {
    rules.list.entries.iter().filter_map(|entry| match entry {
        RuleEntry::Sound(rule) => Some(rule),
        RuleEntry::Broken { .. } => None,
    })
}

/// The rule for a file, of files that are read now.
fn find_rule(file: &Path) -> Result<Option<CreationRule>, Diagnostics> {
    SopsConfigCache::default().find_rule(file)
}

/// All groups of a rule: recipients with blanks between them.
fn recipients(rule: &CreationRule) -> Vec<String> {
    let group = |group: &RecipientGroup| {
        let age = group.age.iter().map(ToString::to_string);
        let all: Vec<_> = age.chain(group.foreign.iter().map(ToString::to_string)).collect();
        all.join(" ").replace(ONE, "ONE").replace(TWO, "TWO").replace(SSH, "SSH")
    };
    rule.groups.iter().map(group).collect()
}

#[test]
fn all_spellings_of_recipients_are_read() {
    for (rule, expected) in [
        ("age: ONE", &["ONE"][..]),
        ("age: 'ONE, TWO,'", &["ONE TWO"]),
        ("age: [ONE, TWO]", &["ONE TWO"]),
        ("age: ['ONE,TWO', SSH]", &["ONE TWO SSH"]),
        ("age: >-\n      ONE,\n      TWO", &["ONE TWO"]),
        ("age: [ONE, ONE]", &["ONE"]),
        ("pgp: 'AB CD, EF'\n    age: ONE", &["ONE pgp `ABCD` pgp `EF`"]),
        ("kms: [a+r]\n    gcp_kms: g\n    hckms: [h]", &["kms `a+r` gcp_kms `g` hckms `h`"]),
        (
            "azure_keyvault: https://v/keys/k/1\n    hc_vault_transit_uri: https://h/v1/t/keys/k",
            &["azure_kv `https://v/keys/k/1` hc_vault `https://h/v1/t/keys/k`"],
        ),
        ("key_groups: [{age: [ONE]}, {age: [TWO]}]", &["ONE", "TWO"]),
        (
            "key_groups: [{age: [ONE], merge: [{age: [TWO], merge: [{age: [SSH, ONE]}]}]}]\n    age: TWO",
            &["SSH ONE TWO"],
        ),
        (
            "key_groups: [{age: [ONE], kms: [{arn: a, role: r, context: {x: y}}], hc_vault: [u]}]",
            &["ONE kms `a+r` hc_vault `u`"],
        ),
        (
            "key_groups: [{azure_keyvault: [{vaultUrl: 'https://v', key: k, version: '1'}], pgp: [AB]}]",
            &["pgp `AB` azure_kv `https://v/keys/k/1`"],
        ),
        ("age:\n    pgp: null\n    key_groups:", &[]),
        ("path_regex: x", &[]),
    ] {
        let rule = only(&format!("creation_rules:\n  - {rule}\n"));
        assert_eq!(recipients(&rule), expected, "{rule:?}");
    }
}

#[test]
fn anchors_may_have_a_field_of_their_own() {
    let text = "keys:\n  - &one ONE\n  - &two TWO\nx-team: &team {age: [*one]}\ncreation_rules:\n  - &first\n    \
                path_regex: a\n    key_groups: [{merge: [*team], age: [*two]}]\n  - <<: *first\n    path_regex: b\n";
    let rules = parse(text).expect("reads");
    let all: Vec<_> =
        iter_rules(&rules).map(|rule| (rule.path_regex.as_ref().map(GoRegex::as_str), recipients(rule))).collect();
    assert_eq!(all, [(Some("a"), vec!["ONE TWO".to_owned()]), (Some("b"), vec!["ONE TWO".to_owned()])]);
}

#[test]
fn everything_else_of_a_rule_is_read() {
    let rule = only(
        "creation_rules:\n- {age: ONE, encrypted_regex: ^data$, unencrypted_suffix: '', mac_only_encrypted: true, shamir_threshold: 1}\n\
                     stores: {yaml: {indent: 2}, json: {indent: -1}, json_binary: {indent: 3}, dotenv: {}, ini:}\n",
    );
    assert_eq!(rule.effective_selector().to_string(), "encrypted_regex: ^data$");
    assert_eq!((rule.mac_scope, rule.threshold), (MacScope::Encrypted, Some(1)));
    let layout = StoreLayout { yaml: Indent::Blanks(2), json: Indent::Tab, json_binary: Indent::Blanks(3) };
    assert_eq!(rule.layout, layout);
    assert_eq!(rule.place.to_string(), ".sops.yaml:2:4");
    let rule = only(
        "creation_rules:\n- {key_groups: [{age: [ONE]}, {age: [TWO]}, {age: [SSH]}], shamir_threshold: 2}\nstores: {yaml: {indent: 0}}",
    );
    assert_eq!((rule.threshold, rule.layout), (Some(2), StoreLayout::default()));
    assert_eq!(rule.effective_selector().to_string(), "unencrypted_suffix: _unencrypted");
    for empty in ["", "creation_rules:\n", "creation_rules: []\n", "destination_rules: [{anything: {at: all}}]\n"] {
        assert!(iter_rules(&parse(empty).expect("reads")).next().is_none(), "{empty:?}");
    }
}

#[cfg(unix)] // its paths have no drive
#[test]
fn the_first_match_on_the_path_from_the_directory_wins() {
    let rules = parse("creation_rules:\n- {path_regex: '^prod/.*\\.yaml$', age: ONE}\n- {path_regex: secrets, age: TWO}\n- {path_regex: '^/etc/', age: SSH}\n").expect("reads");
    for (file, expected) in [
        ("/repo/prod/a.yaml", Some("ONE")),
        ("/repo/prod/../prod/./a.yaml", Some("ONE")),
        ("/repo/prod/secrets.yaml", Some("ONE")),
        ("/repo/dev/secrets.yaml", Some("TWO")),
        ("/repo/dev/prod/a.yaml", None),
        ("/etc/x", Some("SSH")),
        ("/elsewhere/x", None),
    ] {
        let rule = rules.first_match(Path::new(file)).expect("a path");
        assert_eq!(rule.map(|rule| recipients(rule).join("|")).as_deref(), expected, "{file}");
    }
}

#[test]
fn an_invalid_rule_stops_the_files_that_it_may_be_for() {
    for (pattern, stops) in [("1", "1.yaml"), ("true", "true.yaml"), ("[a]", "all"), ("~", "all"), ("(", "all")] {
        let text = format!("creation_rules:\n- {{path_regex: {pattern}, shamir_threshold: x}}\n- age: {ONE}\n");
        let rules = SopsConfig::parse(&Source::new(".sops.yaml", text), "/repo").expect("YAML");
        for file in ["1.yaml", "true.yaml", "a.yaml"] {
            let found = rules.first_match(&Path::new("/repo").join(file));
            assert_eq!(found.is_err(), stops == "all" || stops == file, "{pattern}: {file}");
        }
    }
}

#[test]
fn rules_are_looked_for_from_the_file_upward() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |path: &str| directory.path().join(path);
    fs::create_dir_all(at("a/b/c")).expect("creates");
    fs::write(at("a/.sops.yaml"), format!("creation_rules: [{{path_regex: ^b/, age: {ONE}}}]")).expect("writes");
    let found = find_rule(&at("a/b/c/new.yaml")).expect("reads").expect("a rule");
    assert_eq!(recipients(&found), ["ONE"]);
    assert!(find_rule(&at("a/x.yaml")).expect("reads").is_none());
    assert!(SopsConfig::find_nearest(&at("a/x.yaml")).expect("reads").is_some());
    assert!(SopsConfig::find_nearest(&at("x.yaml")).expect("none").is_none());
    fs::write(at(".sops.yml"), "").expect("writes");
    let error = find_rule(&at("x.yaml")).expect_err("another name").into_sorted().remove(0);
    assert!(error.message.ends_with(".sops.yml` is not read by septum or sops"), "{}", error.message);
    // as sops, which reads any entry of the name
    fs::create_dir(at("a/b/.sops.yaml")).expect("creates");
    let error = find_rule(&at("a/b/c/new.yaml")).expect_err("a directory").into_sorted().remove(0);
    assert!(error.message.ends_with("a/b/.sops.yaml` is a directory, not a file"), "{}", error.message);
    fs::write(at("a/.sops.yaml"), [0xff]).expect("writes");
    assert_eq!(find_rule(&at("a/x.yaml")).expect_err("bytes").into_sorted()[0].failure, FailureKind::Io);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_is_wrong_is_told_with_its_place() {
    for (text, place, message, hint) in [
        ("creation_rule: []\n", "1:1", "unknown field `creation_rule`", Some("did you mean `creation_rules`?")),
        (
            "creation_rules:\n- path-regex: x\n  age: ONE\n",
            "2:3",
            "unknown field `path-regex`",
            Some("did you mean `path_regex`?"),
        ),
        ("creation_rules:\n- age: ONE\n  nonsense:\n", "3:3", "unknown field `nonsense`", None),
        (
            "creation_rules:\n- key_groups:\n  - agee: [ONE]\n",
            "3:5",
            "unknown field `agee`",
            Some("did you mean `age`?"),
        ),
        ("stores: {yaml: {indnt: 2}}\n", "1:17", "unknown field `indnt`", Some("did you mean `indent`?")),
        ("creation_rules: {age: ONE}\n", "1:17", "`creation_rules` must be a list, but is a mapping", None),
        ("creation_rules: [x]\n", "1:18", "expected a mapping for a rule, found a scalar", None),
        ("[]", "1:1", "expected a mapping with `creation_rules`, found a list", None),
        (
            "creation_rules:\n- age: {a: hunter2}\n",
            "2:3",
            "`age` must be a list of strings, or one string with commas, but is a mapping with other fields",
            None,
        ),
        (
            "creation_rules:\n- age: ONE\n  shamir_threshold: hunter2\n",
            "3:3",
            "`shamir_threshold` must be a non-negative integer, but is a string",
            None,
        ),
        (
            "creation_rules:\n- age: ONE\n  mac_only_encrypted: 'true'\n",
            "3:3",
            "`mac_only_encrypted` must be `true` or `false`, but is a string",
            None,
        ),
        (
            "creation_rules:\n- key_groups: [{age: ONE}]\n",
            "2:22",
            "`key_groups` must be a list of mappings with lists of keys, but contains a string",
            None,
        ),
        (
            "creation_rules:\n- key_groups: [{kms: [{role: x}]}]\n",
            "2:23",
            "`key_groups` has an entry without `arn`",
            None,
        ),
        (
            "creation_rules:\n- path_regex: 'a(?=b)'\n",
            "2:15",
            "`path_regex` is not a valid regular expression: `(?=` (look-ahead) is not supported",
            None,
        ),
        (
            "creation_rules:\n- encrypted_regex: '('\n",
            "2:20",
            "`encrypted_regex` is not a valid regular expression: unclosed group",
            None,
        ),
        (
            "creation_rules:\n- encrypted_regex: a\n  encrypted_suffix: b\n",
            "2:3",
            "`encrypted_suffix` and `encrypted_regex` contradict each other: a rule can have only one of the six selectors",
            None,
        ),
        (
            "creation_rules:\n- key_groups: [{age: [ONE]}, {}]\n",
            "2:89",
            "key group 2 is empty, so its share could not be decrypted",
            None,
        ),
        (
            "creation_rules:\n- key_groups: [{age: [ONE]}, {age: [ONE]}]\n",
            "2:89",
            "key groups 1 and 2 are identical, so each of their recipients has two shares",
            None,
        ),
        (
            "creation_rules:\n- shamir_threshold: 3\n  key_groups: [{age: [ONE]}, {age: [TWO]}]\n",
            "2:3",
            "`shamir_threshold` is 3, but must be between 2 and 2, the number of key groups",
            None,
        ),
        (
            "creation_rules:\n- age: [age1pgs5clcz, TWO]\n",
            "2:9",
            "`age1pgs5clcz` is not a valid recipient: it is truncated or mistyped",
            None,
        ),
        (
            "creation_rules:\n- age: hunter2\n",
            "2:8",
            "an entry of `age` is not a recipient: expected `age1…` or `ssh-ed25519 …`",
            None,
        ),
        (
            "creation_rules:\n- age: AGE-SECRET-KEY-1HUNTER2\n",
            "2:8",
            "an entry of `age` is a private key: treat it as leaked, and specify its recipient (`septum keygen -y`) instead",
            None,
        ),
        ("stores: {yaml: {indent: -1}}\n", "1:10", "`stores.yaml.indent` must be at least 0", None),
        (
            "stores: {json: {indent: x}}\n",
            "1:25",
            "`json` must be a mapping with an integer `indent`, but contains a string",
            None,
        ),
    ] {
        let errors = parse(text).expect_err(text);
        let error = &errors[0];
        let place_found = error.labels[0].place.to_string();
        let place_found = place_found.trim_start_matches(".sops.yaml:").replace(ONE, "ONE");
        assert_eq!((error.message.as_str(), place_found.as_str()), (message, place), "{text}");
        let first = error.hints.first().map(String::as_str);
        let is_way_out = first.is_some_and(|hint| hint.starts_with("ask its owner"));
        assert_eq!(first.filter(|_| !is_way_out), hint, "{text}");
        let shown = septum_base::diagnostic::render_diagnostic(error, false).to_lowercase();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn all_mistakes_are_told_together() {
    let text = "creation_rules:\n- {path_regex: '(', agee: ONE}\n- {encrypted_regex: '(', age: x}\nstore: {}\n";
    let errors = parse(text).expect_err("five");
    let lines: Vec<_> = errors.iter().map(|error| error.labels[0].place.span.line).collect();
    assert_eq!(lines, [2, 2, 3, 3, 4], "{errors:?}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(creation_rules|stores|age|key_groups|merge|[-: \\[\\]{}&*a,\n'\"<~0-9]){0,40}") {
        let _ = parse(&text);
    }
}

#[test]
fn an_incoming_file_has_the_rule_of_the_file_that_it_is_for() {
    let rules = parse(
        "creation_rules: [{path_regex: '(^|/)prod\\.secrets\\.yaml$', age: TWO}, {path_regex: '\\.secrets\\.yaml$', age: ONE}]\n",
    );
    let rules = rules.unwrap_or_else(|error| panic!("{error:?}"));
    for (file, expected) in [
        ("/repo/prod.secrets.yaml", "TWO"),
        ("/repo/a/prod.incoming.secrets.yaml", "TWO"),
        ("/repo/dev.incoming.secrets.yaml", "ONE"),
        ("/repo/.incoming.secrets.yaml", "ONE"),
    ] {
        let rule = rules.first_match(Path::new(file)).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(recipients(rule.expect("a rule")), [expected], "{file}");
    }
}
