//! What holds for all merges.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;
use septum::secret_files::merge::{MergeOutcome, MergeVersions, merge_versions};
use septum::sops::{DecryptedFile, SopsFormat, SopsTree, TypedValue};

use crate::git_drivers::repository::*;

/// Places of values; `m`, `m/n`, `n` and `f` are always maps.
const PLACES: [&str; 10] = ["a", "b", "m/a", "m/b", "m/n/a", "m/n/b", "n/a", "f/a", "l", "z"];

#[derive(Debug, Clone)]
enum Edit {
    Set(&'static str, u8),
    Unset(&'static str),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let place =
        prop::sample::select(&["a", "b", "m/a", "m/b", "m/n/a", "m/n/b", "n/a", "f/a", "l/0", "l/1", "l/2", "z"][..]);
    let removed = prop::sample::select(&["a", "b", "m", "m/n", "m/a", "m/n/a", "n", "f/a", "l", "l/0", "l/1", "z"][..]);
    let edit = prop_oneof![
        4 => (place, 0..8_u8).prop_map(|(place, value)| Edit::Set(place, value)),
        1 => removed.prop_map(Edit::Unset),
    ];
    prop::collection::vec(edit, 0..5)
}

/// Few values, some of which look alike and are of different types.
fn value(number: u8) -> SopsTree {
    match number {
        0 => SopsTree::of(TypedValue::Int(1)),
        1 => SopsTree::from_text("1"),
        2 => SopsTree::of(TypedValue::Null),
        3 => SopsTree::from_text(""),
        4 => SopsTree::from_text("two\nlines\n"),
        5 => SopsTree::of(TypedValue::Bool(true)),
        6 => SopsTree::from_text("<<<<<<< x"),
        _ => SopsTree::from_text("x: [y"),
    }
}

fn apply(file: &mut DecryptedFile, edits: &[Edit]) {
    for edit in edits {
        // what is not there need not be removed
        let _ = match edit {
            Edit::Set(place, number) => file.set_value(0, &path(place), &value(*number)),
            Edit::Unset(place) => file.unset_value(0, &path(place)),
        };
    }
}

const FORMATS: [(SopsFormat, &str, &str); 4] = [
    (
        SopsFormat::Yaml,
        "f.yaml",
        "# top\n\na: one # a\nm:\n  a: 1\n  # b\n  b: two\n\n  n:\n    a: x\n    b: |\n      y\n      z\nf: {a: 1, b: 2}\nl:\n- x\n# between\n- k: v\n  w: 1\nz: end\n# end\n",
    ),
    (
        SopsFormat::Json,
        "f.json",
        "{\"a\": \"one\", \"m\": {\"a\": 1, \"b\": \"two\", \"n\": {\"a\": \"x\", \"b\": \"y z\"}},\n\"l\": [1, 1], \"z\": \"end\"}",
    ),
    (SopsFormat::Dotenv, "f.env", "# top\na=1\n\nb=two\nz=end\n"),
    (SopsFormat::Ini, "f.ini", "; top\n[m]\na = one\n; b\nb = two\n\n[n]\na = 1\n[z]\n"),
];

fn formats() -> impl Strategy<Value = SopsFormat> {
    prop::sample::select(&FORMATS[..]).prop_map(|(format, _, _)| format)
}

fn base(format: SopsFormat) -> &'static [u8] {
    static BASES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let bases = BASES.get_or_init(|| FORMATS.iter().map(|(format, _, text)| encrypted(text, *format)).collect());
    &bases[FORMATS.iter().position(|(known, _, _)| *known == format).unwrap()]
}

fn merged(format: SopsFormat, base: &[u8], ours: &[u8], theirs: &[u8]) -> MergeOutcome {
    let name = FORMATS.iter().find(|(known, _, _)| *known == format).unwrap().1;
    let [base, ours, theirs] = [base, ours, theirs].map(<[u8]>::to_vec);
    merge_versions(name, MergeVersions { base, ours, theirs }, &identities(), now())
}

/// The bytes, and the paths in conflict in alphabetical order.
fn result(format: SopsFormat, base: &[u8], ours: &[u8], theirs: &[u8]) -> (Vec<u8>, Vec<String>) {
    match merged(format, base, ours, theirs) {
        MergeOutcome::Merged { bytes, mut conflicts, .. } => {
            conflicts.sort();
            (bytes, conflicts)
        }
        other => panic!("{other:?}"),
    }
}

/// What stands at each place.
fn values(bytes: &[u8], format: SopsFormat) -> BTreeMap<&'static str, String> {
    let file = open(bytes, format);
    let shown = |place: &&'static str| Some((*place, file.get(0, &path(place))?.to_flow().to_string()));
    PLACES.iter().filter_map(shown).collect()
}

fn is_there(bytes: &[u8], format: SopsFormat, place: &str) -> bool {
    open(bytes, format).get(0, &path(place)).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn each_place_is_merged_by_itself_and_in_the_same_way_from_both_sides(
        ours in edits(), theirs in edits(), format in formats()
    ) {
        let base = base(format);
        let [ours, theirs] = [&ours, &theirs].map(|edits| changed(base, format, |file| apply(file, edits)));
        let (bytes, conflicts) = result(format, base, &ours, &theirs);
        let (mirrored, same_conflicts) = result(format, base, &theirs, &ours);
        prop_assert_eq!(&conflicts, &same_conflicts);
        let (b, o, t) = (values(base, format), values(&ours, format), values(&theirs, format));
        let (got, mirrored) = (values(&bytes, format), values(&mirrored, format));
        let gone = |side: &[u8], place: &str| {
            ["m", "m/n", "n", "f"].iter().any(|map| {
                place.starts_with(&format!("{map}/")) && is_there(base, format, map) && !is_there(side, format, map)
            })
        };
        for place in PLACES {
            let (b, o, t) = (b.get(place), o.get(place), t.get(place));
            // what was added to a map that the other side removed
            let orphan = b != o && gone(&theirs, place) || b != t && gone(&ours, place);
            if o == t || !orphan && (b == o || b == t) {
                let expected = if b == o { t } else { o };
                prop_assert_eq!(got.get(place), expected, "{}", place);
                prop_assert_eq!(mirrored.get(place), expected, "{}", place);
            } else {
                prop_assert!(conflicts.contains(&place.replace('/', ".")), "{} {:?}", place, conflicts);
            }
        }
    }

    #[test]
    fn a_side_that_changed_nothing_changes_nothing(
        edits in edits(), format in formats()
    ) {
        let base = base(format);
        let side = changed(base, format, |file| apply(file, &edits));
        prop_assert_eq!(result(format, base, &side, base), (side.clone(), Vec::new()));
        prop_assert_eq!(result(format, base, base, &side), (side.clone(), Vec::new()));
        prop_assert_eq!(result(format, base, &side, &side), (side.clone(), Vec::new()));
        prop_assert_eq!(values(&result(format, b"", &side, &side).0, format), values(&side, format));
    }

    #[test]
    fn a_damaged_version_is_refused(format in formats(), which in 0..3_usize, at in 0..1_000_usize, byte: u8, cut: bool) {
        let base = base(format);
        let other = changed(base, format, |file| apply(file, &[Edit::Set("a", 5), Edit::Set("m/a", 5)]));
        let mut damaged = base.to_vec();
        let at = at * damaged.len() / 1_000;
        if cut { damaged.truncate(at) } else { damaged[at] = byte }
        let mut versions = [base, &other[..], &other[..]];
        versions[which] = &damaged;
        let [base, ours, theirs] = versions;
        // blanks, comments and labels may change, and nothing else
        if let MergeOutcome::Merged { bytes, .. } = merged(format, base, ours, theirs) {
            let values = values(&bytes, format);
            prop_assert!(values.keys().all(|place| PLACES.contains(place)));
        }
    }
}

/// Readings of the file that grow with the changes would take minutes.
#[test]
fn many_changes_on_both_sides_are_merged_at_once() {
    let text = |changed: std::ops::Range<usize>| -> String {
        let value = |number| if changed.contains(&number) { "new" } else { "old" };
        let lines: Vec<_> = (0..1_000).map(|number| format!("key{number}: {}\n", value(number))).collect();
        lines.concat()
    };
    let base = encrypted(&text(0..0), SopsFormat::Yaml);
    let side = |range| changed(&base, SopsFormat::Yaml, |file| file.replace_plaintext(text(range).as_bytes()).unwrap());
    let (ours, theirs) = (side(0..500), side(500..1_000));
    let before = septum::test_hook::counted_work();
    let (bytes, conflicts) = result(SopsFormat::Yaml, &base, &ours, &theirs);
    assert!(conflicts.is_empty() && plaintext(&bytes, SopsFormat::Yaml) == text(0..1_000));
    let work = septum::test_hook::counted_work() - before;
    assert!(work <= 50 * bytes.len(), "{work}");
}

/// So would readings that grow with what both sides added and removed.
#[test]
fn many_additions_and_removals_on_both_sides_are_merged_at_once() {
    let line = |name: &str, number: usize| format!("  {name}{number}: text\n");
    let text = |kept: &dyn Fn(usize) -> bool, added: &str| -> String {
        let old = (0..500).filter(|number| kept(*number)).map(|number| line("key", number));
        let new = added.split_whitespace().flat_map(|name| (0..200).map(move |number| line(name, number)));
        format!("first: text\nmap:\n{}", old.chain(new).collect::<String>())
    };
    for format in [SopsFormat::Yaml, SopsFormat::Json, SopsFormat::Dotenv, SopsFormat::Ini] {
        let shaped = |yaml: String| -> String {
            let (before, pair, after) = match format {
                SopsFormat::Json => ("{\n", "\t\"KEY\": \"VALUE\"", "\n}\n"),
                SopsFormat::Dotenv => ("", "KEY=VALUE", "\n"),
                SopsFormat::Ini => ("[s]\n", "KEY = VALUE", "\n"),
                _ => return yaml,
            };
            let pairs = yaml.lines().filter_map(|line| line.trim().split_once(": "));
            let pairs: Vec<_> = pairs.map(|(key, value)| pair.replace("KEY", key).replace("VALUE", value)).collect();
            format!("{before}{}{after}", pairs.join(if format == SopsFormat::Json { ",\n" } else { "\n" }))
        };
        let base = encrypted(&shaped(text(&|_| true, "")), format);
        let side = |text: String| changed(&base, format, |file| file.replace_plaintext(text.as_bytes()).unwrap());
        let ours = side(shaped(text(&|number| number % 5 != 0, "ours")));
        let theirs = side(shaped(text(&|number| number % 5 != 1, "theirs")));
        let before = septum::test_hook::counted_work();
        let (bytes, conflicts) = result(format, &base, &ours, &theirs);
        let work = septum::test_hook::counted_work() - before;
        assert_eq!(conflicts, Vec::<String>::new(), "{format:?}");
        let wanted = shaped(text(&|number| number % 5 > 1, "ours theirs"));
        assert_eq!(plaintext(&bytes, format), wanted, "{format:?}");
        assert!(work <= 50 * bytes.len(), "{format:?}: {work} for {}", bytes.len());
    }
}
