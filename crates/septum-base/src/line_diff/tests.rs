use proptest::prelude::*;
use similar::TextDiff;

use super::*;

/// The hunks as a unified diff.
fn unified(old: &str, new: &str, context: usize) -> String {
    LineDiff::new(old, new).hunks(context).iter().map(ToString::to_string).collect()
}

#[test]
fn hunks_are_those_of_a_unified_diff() {
    let table = [
        ("equal texts", "a\nb\n", "a\nb\n", ""),
        ("no text", "", "", ""),
        ("a new text", "", "a\n", "@@ -0,0 +1 @@\n+a\n"),
        ("a removed text", "a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n"),
        ("the last line break", "a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"),
        ("no last line break", "a\nz", "b\nz", "@@ -1,2 +1,2 @@\n-a\n+b\n z\n\\ No newline at end of file\n"),
        ("empty lines", "\n\n", "\n\n\n", "@@ -1,2 +1,3 @@\n \n \n+\n"),
        ("a carriage return is no line break", "a\rb\n", "a\rc\n", "@@ -1 +1 @@\n-a\rb\n+a\rc\n"),
        (
            "two lines of context",
            "1\n2\n3\na\n4\n5\n6\n",
            "1\n2\n3\nb\n4\n5\n6\n",
            "@@ -2,5 +2,5 @@\n 2\n 3\n-a\n+b\n 4\n 5\n",
        ),
        (
            "contexts that meet are one hunk",
            "a\n1\n2\n3\n4\nb\n",
            "1\n2\n3\n4\n",
            "@@ -1,6 +1,4 @@\n-a\n 1\n 2\n 3\n 4\n-b\n",
        ),
        (
            "changes far apart are two",
            "a\n1\n2\n3\n4\n5\nb\n",
            "1\n2\n3\n4\n5\n",
            "@@ -1,3 +1,2 @@\n-a\n 1\n 2\n@@ -5,3 +4,2 @@\n 4\n 5\n-b\n",
        ),
    ];
    for (what, old, new, expected) in table {
        assert_eq!(unified(old, new, 2), expected, "{what}");
    }
}

#[test]
fn beyond_the_bound_everything_between_the_ends_is_one_change() {
    let (old, new) = ("a\n1\nb\n2\nc\n", "a\n3\nb\n4\nc\n");
    let count = |max_pairs| LineDiff::within(old, new, max_pairs).edits().count();
    assert_eq!(count(9), 2);
    assert_eq!(count(8), 1);
    let diff = LineDiff::within(old, new, 8);
    assert_eq!(diff.hunks(3)[0].to_string(), "@@ -1,5 +1,5 @@\n a\n-1\n-b\n-2\n+3\n+b\n+4\n c\n");
}

/// Texts of a few different lines, which have much in common; with and without a line break at the end.
fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![8 => "[a-d]", 2 => "[ {}]{0,2}", 1 => "[\r\tä]", 1 => Just(String::new())];
    (prop::collection::vec(line, 0..30), any::<bool>()).prop_map(|(lines, ends)| {
        let text = lines.join("\n");
        if ends && !lines.is_empty() { text + "\n" } else { text }
    })
}

/// A text, and it with some lines changed, or any other one.
fn pair() -> impl Strategy<Value = (String, String)> {
    let edit = (any::<prop::sample::Index>(), prop::option::of("[a-e]"));
    let changed = (text(), prop::collection::vec(edit, 0..6)).prop_map(|(old, edits)| {
        let mut lines: Vec<_> = old.split('\n').map(str::to_owned).collect();
        for (at, line) in edits {
            let at = at.index(lines.len());
            match line {
                Some(line) => lines.insert(at, line),
                None if lines.len() > 1 => drop(lines.remove(at)),
                None => {}
            }
        }
        (old, lines.join("\n"))
    });
    prop_oneof![changed, (text(), text())]
}

/// The new text, from the edits.
fn apply_edits(old: &str, diff: &LineDiff<'_>) -> String {
    let (mut text, mut end) = (String::new(), 0);
    for LineEdit { range, text: new } in diff.edits() {
        assert!(range.start >= end, "edits overlap");
        text += &old[end..range.start];
        text += new;
        end = range.end;
    }
    text + &old[end..]
}

/// The new text, from the hunks; those parts of the old one that they show must be there.
fn apply_hunks(old: &str, hunks: &[Hunk<'_>]) -> String {
    let old: Vec<_> = old.split_inclusive('\n').collect();
    let (mut text, mut end) = (String::new(), 0);
    for hunk in hunks {
        assert!(hunk.old.start >= end, "hunks overlap");
        text += &old[end..hunk.old.start].concat();
        let of = |side: fn(&HunkLine<'_>) -> bool| hunk.lines.iter().copied().filter(side).map(HunkLine::text);
        let shown: Vec<_> = of(|line| !matches!(line, HunkLine::Added(_))).collect();
        assert_eq!(shown, old[hunk.old.clone()]);
        assert_eq!(text.split_inclusive('\n').count(), hunk.new.start, "the header counts lines of the new text");
        text.extend(of(|line| !matches!(line, HunkLine::Removed(_))));
        end = hunk.old.end;
    }
    text + &old[end..].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_diff_turns_the_old_text_into_the_new_one((old, new) in pair(), context in 0usize..4, max_pairs in 0u64..400) {
        for diff in [LineDiff::new(&old, &new), LineDiff::within(&old, &new, max_pairs)] {
            let hunks = diff.hunks(context);
            prop_assert_eq!(apply_edits(&old, &diff), new.clone());
            prop_assert_eq!(apply_hunks(&old, &hunks), new.clone());
            prop_assert_eq!(hunks.is_empty(), old == new);
            let changed = |line: &&HunkLine<'_>| !matches!(line, HunkLine::Kept(_));
            let count = hunks.iter().flat_map(|hunk| &hunk.lines).filter(changed).count();
            prop_assert!(count <= old.split_inclusive('\n').count() + new.split_inclusive('\n').count());
        }
    }

    /// `similar` ends a line at `\r`, too.
    #[test]
    fn hunks_are_those_of_the_text_diff_of_similar((old, new) in pair(), context in 0usize..4) {
        let (old, new) = (old.replace('\r', "r"), new.replace('\r', "r"));
        let diff = TextDiff::from_lines(old.as_str(), new.as_str());
        let expected = diff.unified_diff().context_radius(context).to_string();
        prop_assert_eq!(unified(&old, &new, context), expected);
    }
}
