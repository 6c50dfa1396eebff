use super::*;

const YAML: &str = "# top\n\na:   one # why\n'b': \"two\"\n\nlist:\n- same\n- same\n# between\n- same\nmap:\n   # deep\n   k: v\n   l: |\n     x\n     y\nflow: {p: 1, q: [2, 3]}\nvis_unencrypted: 'v'\n";
const JSON: &str = "{\n  \"a\": \"one\",\n  \"n\": {\n    \"x\": 1\n  },\n  \"l\": [1, 1, 2],\n  \"e\": {}\n}\n";
const DOTENV: &str = "# top\nA=one\n\nB=two\nC=two\n";
const INI: &str = "; top\n[s]\na = one\nb   = two\n\n[t]\nc = x\n";

#[test]
fn a_set_changes_its_line_and_no_other() {
    for (format, text, steps, value, lines) in [
        (SopsFormat::Yaml, YAML, "a", TypedValue::from_text("new"), &["a", "lastmodified", "mac"][..]),
        (
            SopsFormat::Yaml,
            YAML,
            "list/1",
            TypedValue::from_text("new"),
            &["- ENC[AES256_GCM,data", "lastmodified", "mac"],
        ),
        (SopsFormat::Yaml, YAML, "map/l", TypedValue::Int(5), &["l", "lastmodified", "mac"]),
        (SopsFormat::Yaml, YAML, "flow/q/1", TypedValue::Bool(true), &["flow", "lastmodified", "mac"]),
        (
            SopsFormat::Yaml,
            YAML,
            "vis_unencrypted",
            TypedValue::from_text("w"),
            &["vis_unencrypted", "lastmodified", "mac"],
        ),
        (SopsFormat::Json, JSON, "a", TypedValue::from_text("new"), &["\"a\"", "\"lastmodified\"", "\"mac\""]),
        (SopsFormat::Json, JSON, "l/1", TypedValue::from_text("new"), &["\"l\"", "\"lastmodified\"", "\"mac\""]),
        (SopsFormat::Dotenv, DOTENV, "C", TypedValue::from_text("new"), &["C", "sops_lastmodified", "sops_mac"]),
        (SopsFormat::Ini, INI, "s/b", TypedValue::from_text("new"), &["b", "lastmodified", "mac"]),
    ] {
        let before = sealed(text, format, Selector::default());
        let mut file = opened(&before, format);
        file.set_value(0, &path(steps), &SopsTree::of(value))
            .unwrap_or_else(|error| panic!("{steps}: {:?}", error.into_diagnostics()));
        // another time, so that this is seen to change
        let after = file
            .write_bytes(Timestamp::from_system_time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000)))
            .expect("writes");
        let after = String::from_utf8(after).expect("UTF-8");
        let (gone, came) = changed_lines(&before, &after);
        assert_eq!(
            (gone, came),
            (lines.iter().map(ToString::to_string).collect(), lines.iter().map(ToString::to_string).collect()),
            "{steps}\n{before}\n{after}"
        );
        drop(opened(&after, format));
    }
}

#[test]
fn a_value_that_must_not_be_encrypted_is_found_in_the_new_text() {
    let before = sealed("A=x\na:b=\n", SopsFormat::Dotenv, Selector::default());
    let mut file = opened(&before, SopsFormat::Dotenv);
    file.set_value(0, &path("a:b"), &SopsTree::from_text("new")).expect("sets");
    let found = file.write_bytes(later()).expect_err("ambiguous").into_diagnostics().remove(0);
    let place = &found.labels[0].place;
    assert_eq!((found.rule.id(), place.to_string().as_str()), ("ambiguous-key", "file:2:5"));
    assert_eq!(place.source.text().get(place.span.start..place.span.end), Some("new"));
}

#[test]
fn new_keys_and_removed_ones_touch_nothing_else() {
    type Edit = fn(&mut DecryptedFile) -> Result<(), WriteError>;
    fn set(file: &mut DecryptedFile, steps: &str) -> Result<(), WriteError> {
        file.set_value(0, &path(steps), &SopsTree::from_text("new"))
    }
    fn unset(file: &mut DecryptedFile, steps: &str) -> Result<(), WriteError> {
        file.unset_value(0, &path(steps))
    }
    let cases: &[(SopsFormat, &str, Edit, &str)] = &[
        (SopsFormat::Yaml, "a: 1\nb: 2\n", |f| set(f, "c"), "a: 1\nb: 2\nc: new\n"),
        (SopsFormat::Yaml, "a: 1", |f| set(f, "c"), "a: 1\nc: new\n"),
        (SopsFormat::Yaml, "a:\n  b: 1 # x\nc: 2\n", |f| set(f, "a/d"), "a:\n  b: 1 # x\n  d: new\nc: 2\n"),
        (SopsFormat::Yaml, "a: 1\n", |f| set(f, "b/c/d"), "a: 1\nb:\n    c:\n        d: new\n"),
        (SopsFormat::Yaml, "a: {b: 1}\n", |f| set(f, "a/c"), "a: {b: 1, c: new}\n"),
        (SopsFormat::Yaml, "a: {}\nb: 1\n", |f| set(f, "a/c"), "a: {c: new}\nb: 1\n"),
        (SopsFormat::Yaml, "a:\nb: 1\n", |f| set(f, "a"), "a: new\nb: 1\n"),
        (SopsFormat::Yaml, "a:\n  - x\n  # c\nb: 1\n", |f| set(f, "a/1"), "a:\n  - x\n  - new\n  # c\nb: 1\n"),
        (SopsFormat::Yaml, "a: [x]\n", |f| set(f, "a/1"), "a: [x, new]\n"),
        (SopsFormat::Yaml, "a:\n  b: 1\n  c: 2\nd: 3\n", |f| set(f, "a"), "a: new\nd: 3\n"),
        (SopsFormat::Yaml, "a: 1 # x\n# y\nb: 2\n", |f| unset(f, "a"), "# y\nb: 2\n"),
        (SopsFormat::Yaml, "a:\n  b: 1\nc: 2\n", |f| unset(f, "a/b"), "a:\n  {}\nc: 2\n"),
        (SopsFormat::Yaml, "a:\n- b: 1\n  c: 2\n- d\n", |f| unset(f, "a/0/b"), "a:\n- c: 2\n- d\n"),
        (SopsFormat::Yaml, "a:\n- b: 1\n- d\n", |f| unset(f, "a/0"), "a:\n- d\n"),
        (SopsFormat::Yaml, "a: {b: 1, c: 2}\n", |f| unset(f, "a/b"), "a: {c: 2}\n"),
        (SopsFormat::Yaml, "a: {b: 1, c: 2}\n", |f| unset(f, "a/c"), "a: {b: 1}\n"),
        (SopsFormat::Json, "{\n\t\"a\": 1\n}\n", |f| set(f, "b"), "{\n\t\"a\": 1,\n\t\"b\": \"new\"\n}\n"),
        (SopsFormat::Json, "{\n\t\"a\": 1,\n\t\"b\": 2\n}\n", |f| unset(f, "a"), "{\n\t\"b\": 2\n}\n"),
        (SopsFormat::Json, "{\n\t\"a\": 1,\n\t\"b\": 2\n}\n", |f| unset(f, "b"), "{\n\t\"a\": 1\n}\n"),
        (SopsFormat::Dotenv, "A=1\n", |f| set(f, "B"), "A=1\nB=new\n"),
        (SopsFormat::Dotenv, "A=1\nB=2\n", |f| unset(f, "A"), "B=2\n"),
        (SopsFormat::Ini, "[s]\na = 1\n", |f| set(f, "s/b"), "[s]\na = 1\nb = new\n"),
        (SopsFormat::Ini, "[s]\na = 1\nb = 2\n", |f| unset(f, "s/a"), "[s]\nb = 2\n"),
    ];
    for (format, text, edit, expected) in cases {
        let before = sealed(text, *format, Selector::default());
        let mut file = opened(&before, *format);
        edit(&mut file).unwrap_or_else(|error| panic!("{text}: {:?}", error.into_diagnostics()));
        let after = written(file);
        assert_eq!(plaintext(&opened(&after, *format)).trim_end(), expected.trim_end(), "{text}\n{after}");
    }
}

/// Blank lines behind a block with `+` are part of it.
#[test]
fn a_change_that_would_change_another_value_writes_the_file_anew() {
    let text = "k_unencrypted: |+\n  x\n\nb: 1\n\nc: 2\n";
    let mut file = opened(&sealed(text, SopsFormat::Yaml, Selector::default()), SopsFormat::Yaml);
    file.unset_value(0, &path("b")).expect("it can be");
    assert_eq!(plaintext(&file), "k_unencrypted: |+\n    x\n\nc: 2\n");
    let mut file = opened(&sealed(text, SopsFormat::Yaml, Selector::default()), SopsFormat::Yaml);
    file.set_value(0, &path("b"), &SopsTree::from_text("y")).expect("it does not");
    assert_eq!(plaintext(&file), text.replace('1', "\"y\""));
}

#[test]
fn documents_without_values_stay_documents() {
    for text in ["# c\n{}\n---\nb: 1\n", "a: 1\n---\n# c\n{}\n", "{}\n---\nb: 1\n---\n{}\n"] {
        let sealed = sealed(text, SopsFormat::Yaml, Selector::default());
        let file = opened(&sealed, SopsFormat::Yaml);
        assert_eq!(file.document().branches.len(), text.matches("---").count() + 1, "{sealed}");
        assert_eq!(plaintext(&file).replace("---\n{}\n---", "{}\n---").trim_start_matches("---\n"), text, "{sealed}");
    }
}

#[test]
fn an_edited_text_keeps_the_ciphertext_of_what_it_did_not_touch() {
    for (format, text, from, to, lines) in [
        (SopsFormat::Yaml, YAML, "one", "new", (3, 3)),
        (SopsFormat::Yaml, YAML, "# between\n- same\n", "- other\n- same\n", (3, 3)),
        (SopsFormat::Yaml, YAML, "\nlist:", "\n\nadded: 1\nlist:", (2, 3)),
        (SopsFormat::Json, JSON, "\"one\"", "\"new\"", (3, 3)),
        (SopsFormat::Dotenv, DOTENV, "A=one", "Z=1\nA=one", (2, 3)),
        (SopsFormat::Ini, INI, "a = one", "a = new", (3, 3)),
    ] {
        let before = sealed(text, format, Selector::default());
        let mut file = opened(&before, format);
        let plain = plaintext(&file);
        let edited = plain.replacen(from, to, 1);
        assert_ne!(plain, edited, "{plain}");
        file.replace_plaintext(edited.as_bytes()).unwrap_or_else(|error| panic!("{:?}", error.into_diagnostics()));
        let later = Timestamp::from_system_time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000));
        let after = String::from_utf8(file.write_bytes(later).expect("writes")).expect("UTF-8");
        let (gone, came) = changed_lines(&before, &after);
        let blank = |lines: &[String]| lines.iter().filter(|line| !line.is_empty()).count();
        assert_eq!((blank(&gone), blank(&came)), lines, "{gone:?} {came:?}\n{before}\n{after}");
        assert_eq!(plaintext(&opened(&after, format)), edited);
    }
}

#[test]
fn no_nonce_is_ever_used_for_two_plaintexts() {
    let nonces = |text: &str| -> Vec<(String, String)> {
        let field = |part: &str, from: &str| {
            part.split_once(from).map(|(_, rest)| rest.split(',').next().unwrap_or_default().to_owned())
        };
        text.split("ENC[").skip(1).filter_map(|part| Some((field(part, "iv:")?, field(part, "data:")?))).collect()
    };
    let first = sealed(YAML, SopsFormat::Yaml, Selector::default());
    let mut all = nonces(&first);
    let mut text = first;
    for round in 0..5 {
        let mut file = opened(&text, SopsFormat::Yaml);
        file.set_value(0, &path("list/0"), &SopsTree::from_text(format!("round {round}"))).expect("sets");
        file.set_value(0, &path("a"), &SopsTree::from_text(if round % 2 == 0 { "one" } else { "two" })).expect("sets");
        text = written(file);
        all.extend(nonces(&text));
    }
    all.sort_unstable();
    all.dedup();
    let pairs = all.len();
    all.dedup_by(|a, b| a.0 == b.0);
    assert_eq!(all.len(), pairs);
}

#[test]
fn new_recipients_and_a_new_key_leave_the_values_as_they_are() {
    const OTHER: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";
    for (format, text) in
        [(SopsFormat::Yaml, YAML), (SopsFormat::Json, JSON), (SopsFormat::Dotenv, DOTENV), (SopsFormat::Ini, INI)]
    {
        let before = sealed(text, format, Selector::default());
        let plain = plaintext(&opened(&before, format));
        let mut file = opened(&before, format);
        file.set_recipients(recipients(&[RECIPIENT, OTHER]));
        let shared = String::from_utf8(file.write_bytes(later()).expect("writes")).expect("UTF-8");
        let file = opened(&shared, format);
        assert_eq!(file.metadata().age_recipients().count(), 2);
        let mac = |file: &DecryptedFile| {
            (file.metadata().mac.as_ref().map(|mac| mac.text.clone()), file.metadata().last_modified)
        };
        assert_eq!(mac(&file), mac(&opened(&before, format)), "nothing else is new");
        assert_eq!(plaintext(&file), plain);
        let mut file = opened(&shared, format);
        file.set_recipients(recipients(&[OTHER]));
        file.rotate_key().expect("rotates");
        let rotated = written(file);
        assert_eq!(plaintext(&opened(&rotated, format)), plain);
        for part in before.split("ENC[").skip(1) {
            assert!(!rotated.contains(part.split(']').next().expect("a part")), "all is encrypted anew");
        }
    }
}

#[test]
fn entries_of_other_services_stay_and_refuse_a_new_key() {
    let foreign = "    pgp:\n        - created_at: \"2020-01-01T00:00:00Z\"\n          enc: |-\n            x y\n             z\n          fp: ABC\n    unknown_field: {a: [1, 2.50]}\n";
    let before = sealed("a: 1\nb: 2\n", SopsFormat::Yaml, Selector::default()).replacen(
        "    unencrypted",
        &format!("{foreign}    unencrypted"),
        1,
    );
    let mut file = opened(&before, SopsFormat::Yaml);
    file.rotate_key().expect("rotates");
    assert_eq!(file.write_bytes(now()).expect_err("foreign").into_diagnostics()[0].rule.id(), "foreign-recipient");
    let mut file = opened(&before, SopsFormat::Yaml);
    file.set_value(0, &path("a"), &SopsTree::of(TypedValue::Int(5))).expect("sets");
    assert!(written(file).contains(foreign));
}

/// Two versions of sops wrote the line breaks of INI metadata as they are.
#[test]
fn both_forms_of_ini_metadata_are_read_and_kept() {
    let good = sealed(INI, SopsFormat::Ini, Selector::default());
    let lines = good.lines().map(|line| match line.split_once(" = -----BEGIN") {
        Some((name, value)) => format!("{name} = \"\"\"-----BEGIN{}\"\"\"\n", value.replace("\\n", "\n")),
        None => format!("{line}\n"),
    });
    let long: String = lines.collect();
    assert_ne!(long, good);
    let mut file = opened(&long, SopsFormat::Ini);
    assert_eq!(plaintext(&file), plaintext(&opened(&good, SopsFormat::Ini)));
    file.set_value(0, &path("s/a"), &SopsTree::from_text("new")).expect("sets");
    let (gone, came) = changed_lines(&long, &written(file));
    assert_eq!((gone.len(), came.len()), (2, 2), "the value and the checksum: {gone:?} {came:?}");
}

#[test]
fn tampering_is_found_in_every_format() {
    for (format, text) in
        [(SopsFormat::Yaml, YAML), (SopsFormat::Json, JSON), (SopsFormat::Dotenv, DOTENV), (SopsFormat::Ini, INI)]
    {
        let good = sealed(text, format, Selector::default());
        let refused = |case: &str, text: String| {
            assert_ne!(text, good, "{case}");
            let error = DecryptedFile::decrypt_bytes("f", text.into_bytes(), format, &identities());
            assert!(error.is_err(), "{case} {format:?}");
        };
        // not the comment before it: anyone who can write the file can write other ones
        let at = good.find(",type:str]").and_then(|end| good[..end].rfind("data:")).expect("a ciphertext") + 5;
        let flipped = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        refused("data", format!("{}{flipped}{}", &good[..at], &good[at + 1..]));
        // base64 of the time of the last change is not there; its digits are
        refused("lastmodified", good.replacen("2027-01-15", "2027-01-16", 1));
        let mac = if format == SopsFormat::Json { "\"mac\"" } else { "mac" };
        let is_mac = |line: &&str| line.trim_start().trim_start_matches("sops_").starts_with(mac);
        let without: Vec<&str> = good.lines().filter(|line| !is_mac(line)).collect();
        refused("no mac", without.join("\n"));
        let key = match format {
            SopsFormat::Json => ("\"a\": ", "\"z\": "),
            SopsFormat::Yaml => ("\na:   ", "\nz:   "),
            SopsFormat::Dotenv => ("\nA=", "\nZ="),
            _ => ("\na = ", "\nz = "),
        };
        refused("renamed", good.replacen(key.0, key.1, 1));
    }
}

#[test]
fn key_groups_are_rewritten_and_rotated() {
    const OTHER: &str = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";
    let group = |text: &str| recipients(&[text]).groups.remove(0);
    let wanted = Recipients { groups: vec![group(RECIPIENT), group(OTHER)], threshold: Some(2) };
    for (format, text) in
        [(SopsFormat::Yaml, YAML), (SopsFormat::Json, JSON), (SopsFormat::Dotenv, DOTENV), (SopsFormat::Ini, INI)]
    {
        let plan = EncryptionPlan::new(wanted.clone());
        let bytes = encrypt_file("file", text.as_bytes().to_vec(), format, &plan, now()).expect("encrypts").bytes;
        let before = String::from_utf8(bytes).expect("UTF-8");
        let mut file = opened(&before, format);
        assert_eq!((file.metadata().groups.len(), file.metadata().needed_groups()), (2, 2));
        file.rotate_key().expect("rotates");
        let rotated = written(file);
        let mut file = opened(&rotated, format);
        assert_eq!(Recipients::of_file(file.metadata()).expect("recipients"), wanted);
        file.set_recipients(recipients(&[RECIPIENT]));
        let flat = written(file);
        assert!(!flat.contains("key_groups") && !flat.contains("shamir_threshold"), "{flat}");
        assert_eq!(plaintext(&opened(&flat, format)), plaintext(&opened(&before, format)));
    }
}

#[test]
fn another_selector_encrypts_more_and_never_less() {
    let before = sealed("a: 1\nb_x: 2\nc: 3\n", SopsFormat::Yaml, Selector::EncryptedSuffix("_x".to_owned()));
    let mut file = opened(&before, SopsFormat::Yaml);
    file.set_selection(Selector::UnencryptedRegex(pattern("^c$")), MacScope::Encrypted);
    let wider = written(file);
    assert!(wider.contains("a: ENC[") && wider.contains("\nc: 3\n"), "{wider}");
    assert!(wider.contains("unencrypted_regex: ^c$\n") && !wider.contains("encrypted_suffix"), "{wider}");
    let kept = |text: &str| text.lines().find(|line| line.starts_with("b_x")).map(str::to_owned);
    assert_eq!(kept(&wider), kept(&before), "what was encrypted keeps its ciphertext");
    let mut file = opened(&wider, SopsFormat::Yaml);
    file.set_selection(Selector::EncryptedSuffix("_x".to_owned()), MacScope::All);
    let refused = file.write_bytes(now()).expect_err("it would lie open").into_diagnostics();
    assert_eq!((refused[0].rule.id(), refused[0].notes.as_slice()), ("would-expose", &["`a`".to_owned()][..]));
}

#[test]
fn a_binary_file_is_rotated_wherever_its_metadata_are() {
    let text = sealed("a file", SopsFormat::Binary, Selector::default());
    let (data, block) = text.trim_end().strip_suffix("\n}").and_then(|rest| rest.split_once(",\n")).expect("both");
    let moved = format!("{{\n{block},\n{}\n}}\n", data.strip_prefix("{\n").expect("an object"));
    for text in [text.as_str(), moved.as_str()] {
        assert_eq!(plaintext(&opened(text, SopsFormat::Binary)), "a file");
        let mut rotated = opened_text(text, SopsFormat::Binary);
        rotated.rotate_key().expect("a new data key");
        let rotated = String::from_utf8(rotated.write_bytes(later()).expect("rotated")).expect("UTF-8");
        assert_eq!(plaintext(&opened(&rotated, SopsFormat::Binary)), "a file", "{text}");
        assert_ne!(rotated, text);
    }
}
