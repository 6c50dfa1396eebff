use proptest::prelude::*;

use super::yamlish::yamlish;
use super::*;
use crate::files::content::find_difference;
use crate::files::fingerprint::DocumentFingerprint;
use crate::files::plain::without_returns;

/// Tokens of JSON, dotenv and INI, which random characters seldom produce.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\"b\": ",
    "\"\\u00e9\"",
    "\\",
    "1",
    "-2.5e3",
    "true",
    "null",
    " ",
    "\n",
    "\r\n",
    "\t",
    "=",
    "A=",
    "b = ",
    "#",
    "# c",
    ";",
    "; d",
    "[s]\n",
    "[t]\n",
    "[sops]",
    "sops_mac=",
    "`",
    "\"\"\"",
    "'",
    "\\n",
    "ß",
    "\"sops\": {",
    "ENC[AES256_GCM,",
    "\u{feff}",
    "\0",
];

fn texts() -> impl Strategy<Value = String> {
    let tokens = prop::collection::vec(prop::sample::select(TOKENS), 0..30).prop_map(|tokens| tokens.concat());
    prop_oneof![tokens, yamlish(), any::<String>()]
}

/// Meaning of a text in a format, if it can be read.
fn meaning(text: &str, format: SopsFormat) -> Option<String> {
    let parsed = format.parse(&Source::new("x", text)).ok()?;
    format.emit_document(&parsed.document, None).ok().map(|text| text.to_string())
}

/// A document with arbitrary texts.
fn documents() -> impl Strategy<Value = SopsTree> {
    let text = prop_oneof![any::<String>(), "[ -~\n\t]{0,40}", "(- |: |#|'|\"|\n| |a|1|\\||>|%|&|\\*|!){0,8}"];
    let leaf = prop_oneof![
        text.prop_map(SopsTree::from_text),
        any::<i64>().prop_map(|int| SopsTree::of(TypedValue::Int(int))),
        any::<f64>().prop_map(|float| SopsTree::of(TypedValue::Float(float))),
        any::<bool>().prop_map(|bool| SopsTree::of(TypedValue::Bool(bool))),
        Just(()).prop_map(|()| SopsTree::of(TypedValue::Null)),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| SopsTree::of(TypedValue::Text(bytes.into()))),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(SopsTree::from_list),
            // no `:`, below which nothing is encrypted
            prop::collection::btree_map("[ -9;-~ß\n]{0,9}", inner, 0..4).prop_map(|entries| {
                let mut map = SopsMap::default();
                for (key, value) in entries {
                    map.put_value(&key, value);
                }
                SopsTree::Map(map)
            }),
        ]
    })
}

fn wrapped(tree: SopsTree) -> SopsDocument {
    let mut root = SopsMap::default();
    root.put_value("root", tree);
    root.put_value("text", SopsTree::from_text("x"));
    SopsDocument { branches: vec![root] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_text_is_encrypted_and_decrypted_or_refused(text in texts(), format in prop::sample::select(
        &[SopsFormat::Yaml, SopsFormat::Json, SopsFormat::Dotenv, SopsFormat::Ini, SopsFormat::Binary][..]
    )) {
        let bytes = text.clone().into_bytes();
        // neither is an encrypted file, and neither may panic
        prop_assert!(DecryptedFile::decrypt_bytes("x", bytes.clone(), format, &identities()).is_err());
        let Ok(EncryptedOutput { bytes: encrypted, .. }) = encrypt_file("x", bytes, format, &plan(Selector::default()), now()) else { return Ok(()) };
        let encrypted = String::from_utf8(encrypted).expect("UTF-8");
        let sealed = opened(&encrypted, format);
        let plain = plaintext(&sealed);
        if format == SopsFormat::Binary {
            prop_assert_eq!(&plain, &text);
        } else {
            let text = if format == SopsFormat::Yaml { &text } else { text.strip_prefix('\u{feff}').unwrap_or(&text) };
            let (text, _) = without_returns(Source::new("x", text), format);
            prop_assert_eq!(meaning(&plain, format), meaning(text.text(), format), "{}\n{}", encrypted, plain);
        }
        prop_assert_eq!(&written(sealed), &encrypted);
        // a new data key changes no value, whether they are known or not
        let mut rotated = opened_text(&encrypted, format);
        rotated.rotate_key().expect("a new data key");
        let rotated = rotated.write_bytes(later()).expect("rotated");
        prop_assert_eq!(plaintext(&opened(str::from_utf8(&rotated).expect("UTF-8"), format)), plain);
    }

    #[test]
    fn fingerprints_are_equal_exactly_where_nothing_differs(
        one in "((#|# a|- |- - |a: |b: |  |\\[|\\]|\\{|\\}|, |1|x|''|null)?\n?){0,12}",
        change in "(# a|- |a: |  |1|x|\n)",
        at in any::<prop::sample::Index>(),
        format in prop::sample::select(&[SopsFormat::Yaml, SopsFormat::Ini, SopsFormat::Dotenv][..]),
    ) {
        let read = |text: &str| format.parse(&Source::new("x", text)).ok().map(|parsed| parsed.document);
        let at = at.index(one.len() + 1);
        let other = [&one[..at], &change, &one[at..]].concat();
        let (Some(mut first), Some(mut second)) = (read(&one), read(&other)) else { return Ok(()) };
        let (print, changed) = (DocumentFingerprint::of(&mut first), DocumentFingerprint::of(&mut second));
        prop_assert_eq!(print.content == changed.content, find_difference(&first, &second).is_none(), "{:?} {:?}", one, other);
    }

    #[test]
    fn any_document_survives_every_writer(tree in documents(), format in prop::sample::select(
        &[SopsFormat::Yaml, SopsFormat::Json][..]
    )) {
        let document = wrapped(tree);
        let Ok(text) = format.emit_document(&document, None) else { return Ok(()) };
        let parsed = format.parse(&Source::new("x", text.as_str()));
        let parsed = parsed.unwrap_or_else(|found| panic!("{:?}\n{}", found, text.as_str()));
        // numbers lose their fraction if it is zero, and zero its sign
        let text = format.emit_document(&parsed.document, None).expect("emits").to_string();
        prop_assert_eq!(meaning(&text, format), Some(text.clone()));
        // encrypted values decrypt to the same values, in the text and in the tree
        let encrypted = sealed(&text, format, Selector::default());
        let sealed = opened(&encrypted, format);
        let printed = String::from_utf8(sealed.emit_format(format).expect("emits").to_vec()).expect("UTF-8");
        prop_assert_eq!(&printed, &text, "{}", encrypted);
        let plain = plaintext(&sealed);
        prop_assert_eq!(meaning(&plain, format), Some(printed), "{}", plain);
        prop_assert_eq!(written(sealed), encrypted);
    }

    #[test]
    fn any_value_can_be_set_and_read_again(tree in documents(), steps in "(root|a|0|1|text)(/(a|0|b)){0,2}", format in
        prop::sample::select(&[SopsFormat::Yaml, SopsFormat::Json, SopsFormat::Dotenv, SopsFormat::Ini][..])
    ) {
        let before = match format {
            SopsFormat::Yaml => "root:\n- a: 1\n  b: {c: 2, d: [x]}\n- [y]\ntext: |\n  z\n\n# end\n",
            SopsFormat::Json => "{\"root\": [{\"a\": 1}, []],\n \"text\": \"z\"}",
            SopsFormat::Dotenv => "root=1\n# c\ntext=2",
            _ => "[root]\na = 1\n[text]\nb = 2\n",
        };
        let encrypted = sealed(before, format, Selector::default());
        let mut file = opened(&encrypted, format);
        let target = path(&steps);
        if file.set_value(0, &target, &tree).is_err() {
            // a file that could not be changed is as it was
            prop_assert_eq!(written(file), encrypted);
            return Ok(());
        }
        let shown = |tree: Option<&SopsTree>| {
            let document = wrapped(tree.cloned().unwrap_or_else(|| SopsTree::of(TypedValue::Null)));
            SopsFormat::Yaml.emit_document(&document, None).map(|text| text.to_string())
        };
        // lines hold texts only
        let texts = matches!(tree, SopsTree::Leaf(Leaf { value: TypedValue::Text(_), .. })) || format == SopsFormat::Yaml;
        if texts {
            prop_assert_eq!(shown(file.get(0, &target)), shown(Some(&tree)));
        }
        let after = opened(&written(file), format);
        if texts {
            prop_assert_eq!(shown(after.get(0, &target)), shown(Some(&tree)));
        }
        let mut file = after;
        if file.unset_value(0, &target).is_ok() {
            let steps = target.steps();
            if matches!(steps.last(), Some(ValuePathStep::Key(_))) {
                prop_assert!(file.get(0, &target).is_none());
            }
            drop(opened(&written(file), format));
        }
    }
}
