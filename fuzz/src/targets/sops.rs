//! Files of sops in five formats: encrypted, decrypted, changed, written and read again.

use std::sync::LazyLock;

use septum::sops::{Identities, IdentitySources};
use septum_sops::{
    DecryptedFile, EncryptedFile, EncryptionPlan, GoRegex, MacScope, Recipient, Recipients, RedactedFile, Selector,
    SopsDocument, SopsFormat, SopsTree, Timestamp, TypedValue, ValuePath, ValuePathStep, encrypt_file,
};
use zeroize::Zeroizing;

use crate::project::{assert_placed, demo_identities};

/// Recipient of the demo.
const RECIPIENT: &str = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";

/// Identities of the recorded files.
const VECTOR_KEYS: &str = include_str!("../../../tests/vectors/sops/keys.txt");

const FORMATS: [SopsFormat; 5] =
    [SopsFormat::Yaml, SopsFormat::Json, SopsFormat::Dotenv, SopsFormat::Ini, SopsFormat::Binary];

static DEMO: LazyLock<Identities> = LazyLock::new(demo_identities);

static VECTORS: LazyLock<Identities> = LazyLock::new(|| {
    let keys = Zeroizing::new(VECTOR_KEYS.to_owned());
    Identities::new(IdentitySources { age_key: Some(keys), ..IdentitySources::default() })
});

/// Input: a byte that chooses what is encrypted, then a file in plaintext.
pub(crate) fn check_yaml(data: &[u8]) {
    check_plain(SopsFormat::Yaml, data);
}

/// The same in JSON.
pub(crate) fn check_json(data: &[u8]) {
    check_plain(SopsFormat::Json, data);
}

/// The same in dotenv.
pub(crate) fn check_dotenv(data: &[u8]) {
    check_plain(SopsFormat::Dotenv, data);
}

/// The same in INI.
pub(crate) fn check_ini(data: &[u8]) {
    check_plain(SopsFormat::Ini, data);
}

/// The same for any bytes.
pub(crate) fn check_binary(data: &[u8]) {
    check_plain(SopsFormat::Binary, data);
}

/// Input: a byte that chooses the format, then an encrypted file.
pub(crate) fn check_encrypted(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let _ = RedactedFile::read("file", bytes, format);
    match EncryptedFile::read("file", bytes.to_vec(), format) {
        Ok(Some(file)) => {
            let _ = file.metadata();
            match file.decrypt_file(&VECTORS) {
                Ok(file) => check_changes(bytes, &file, format, &VECTORS, *first),
                Err(error) => assert_placed(&error.into_diagnostics()),
            }
        }
        Ok(None) => {}
        Err(error) => assert_placed(&error.into_diagnostics()),
    }
    if let Ok(Some(file)) = EncryptedFile::read("file", bytes.to_vec(), format)
        && let Ok(file) = file.decrypt_incomplete(&VECTORS)
        && let Err(error) = file.write_bytes(now())
    {
        assert_placed(&error.into_diagnostics());
    }
}

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").expect("a time")
}

fn plan(choice: u8) -> EncryptionPlan {
    let recipients = Recipients::from_age(vec![Recipient::parse(RECIPIENT).expect("a recipient")]);
    let pattern = |text: &str| GoRegex::parse(text).expect("an expression");
    let selector = match choice % 7 {
        1 => Selector::EncryptedSuffix("_x".to_owned()),
        2 => Selector::UnencryptedRegex(pattern("^(a|plain)")),
        3 => Selector::EncryptedRegex(pattern("^(data|stringData|b)$")),
        4 => Selector::UnencryptedCommentRegex(pattern("plain")),
        5 => Selector::EncryptedCommentRegex(pattern("enc")),
        _ => Selector::default(),
    };
    let mac_scope = if choice & 8 == 8 { MacScope::Encrypted } else { MacScope::All };
    EncryptionPlan { selector, mac_scope, ..EncryptionPlan::new(recipients) }
}

fn check_plain(format: SopsFormat, data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let output = match encrypt_file("file", text.to_vec(), format, &plan(*choice), now()) {
        Ok(output) => output,
        Err(error) => return assert_placed(&error.into_diagnostics()),
    };
    let file = open(&output.bytes, format, &DEMO, "what was just encrypted");
    if format == SopsFormat::Binary {
        assert!(*file.plaintext().expect("bytes") == text, "other bytes");
    }
    check_changes(&output.bytes, &file, format, &DEMO, *choice);
}

fn open(bytes: &[u8], format: SopsFormat, identities: &Identities, what: &str) -> DecryptedFile {
    DecryptedFile::decrypt_bytes("file", bytes.to_vec(), format, identities).unwrap_or_else(|error| {
        panic!("{what} does not decrypt: {:?}\n{}", error.into_diagnostics(), String::from_utf8_lossy(bytes))
    })
}

/// Holds that a file is the same if nothing changes, and that a change of one value is one of no other.
fn check_changes(bytes: &[u8], file: &DecryptedFile, format: SopsFormat, identities: &Identities, choice: u8) {
    assert_placed(&file.altered_comments());
    assert_placed(file.plain_comments().as_ref());
    let Ok(plaintext) = file.plaintext() else { return };
    let before = Leaves::of(file.document());
    let mut same = open(bytes, format, identities, "the same file");
    same.replace_plaintext(&plaintext).unwrap_or_else(|error| panic!("refused: {:?}", error.into_diagnostics()));
    let written = same.write_bytes(now()).unwrap_or_else(|error| panic!("unwritten: {:?}", error.into_diagnostics()));
    assert!(written == bytes, "nothing was changed, and the file is another");
    // the whole text, as an editor gives it back with one comment or blank line more
    let count = before.0.len();
    if count == 0 || format == SopsFormat::Binary {
        return;
    }
    let index = usize::from(choice) * 31 % count;
    let (document, path, old) = &before.0[index];
    let is_same = |leaf: &&(usize, ValuePath, String)| (&leaf.0, &leaf.1) == (document, path);
    assert!(before.0.iter().filter(is_same).count() == 1, "{path} is there twice");
    let value = if choice & 16 == 16 {
        TypedValue::Int(i64::from(choice) * 7919)
    } else {
        TypedValue::from_text("a: new, # value")
    };
    let value =
        if format == SopsFormat::Yaml || format == SopsFormat::Json { value } else { TypedValue::from_text("new") };
    let tree = SopsTree::of(value.clone());
    let mut changed = open(bytes, format, identities, "the same file");
    match changed.set_value(*document, path, &tree) {
        Ok(()) => check_changed(bytes, changed, &before, index, &value, format, identities),
        Err(error) => assert_placed(&error.into_diagnostics()),
    }
    let mut shorter = open(bytes, format, identities, "the same file");
    match shorter.unset_value(*document, path) {
        Ok(()) => {
            let Ok(written) = shorter.write_bytes(now()) else { return };
            let after = Leaves::of(open(&written, format, identities, "a file without a value").document());
            assert!(after.0.len() < before.0.len() || *old == "null", "nothing was removed at {path}");
        }
        Err(error) => assert_placed(&error.into_diagnostics()),
    }
}

fn check_changed(
    bytes: &[u8],
    changed: DecryptedFile,
    before: &Leaves,
    index: usize,
    value: &TypedValue,
    format: SopsFormat,
    identities: &Identities,
) {
    let (document, path, _) = &before.0[index];
    let written = match changed.write_bytes(now()) {
        Ok(written) => written,
        Err(error) => return assert_placed(&error.into_diagnostics()),
    };
    let again = open(&written, format, identities, "a changed file");
    let after = Leaves::of(again.document());
    let expected = shown(value);
    let shown_file = || format!("{}\n{}", String::from_utf8_lossy(bytes), String::from_utf8_lossy(&written));
    let is_same = |place: &(usize, ValuePath, String)| (&place.0, &place.1) == (document, path);
    assert_eq!(after.0.len(), before.0.len(), "values were added or lost at {path}\n{}", shown_file());
    assert!(after.0.iter().any(|leaf| is_same(leaf) && leaf.2 == expected), "{path} was not set\n{}", shown_file());
    for (one, other) in before.0.iter().zip(&after.0).filter(|(one, _)| !is_same(one)) {
        assert!(one == other, "{} changed with {path}\n{}", one.1, shown_file());
    }
}

/// The values of a document with their places, in their order.
#[derive(PartialEq)]
struct Leaves(Vec<(usize, ValuePath, String)>);

impl Leaves {
    fn of(document: &SopsDocument) -> Self {
        let mut found = Vec::new();
        for (index, root) in document.branches.iter().enumerate() {
            collect(&SopsTree::Map(root.clone()), index, &mut Vec::new(), &mut found);
        }
        Self(found)
    }
}

fn collect(
    tree: &SopsTree,
    document: usize,
    path: &mut Vec<ValuePathStep>,
    found: &mut Vec<(usize, ValuePath, String)>,
) {
    let mut below = |step: ValuePathStep, value: &SopsTree| {
        path.push(step);
        collect(value, document, path, found);
        path.pop();
    };
    match tree {
        SopsTree::Map(map) => {
            map.values().for_each(|(key, value)| below(ValuePathStep::Key(key.text.clone()), value));
        }
        SopsTree::List(list) => {
            list.values().enumerate().for_each(|(index, value)| below(ValuePathStep::Index(index), value));
        }
        SopsTree::Leaf(leaf) => found.push((document, path.iter().cloned().collect(), shown(&leaf.value))),
    }
}

/// A value as a text that is equal for equal values, not-a-numbers included.
fn shown(value: &TypedValue) -> String {
    match value {
        TypedValue::Null => "null".to_owned(),
        TypedValue::Text(bytes) => format!("text {:?}", &**bytes),
        TypedValue::Int(int) => format!("int {int}"),
        TypedValue::Float(float) => format!("float {float:?}"),
        TypedValue::Bool(truth) => format!("bool {truth}"),
        TypedValue::Time(time) => format!("time {time:?}"),
        TypedValue::Comment => "comment".to_owned(),
    }
}
