//! Markers that Git leaves in a file whose versions it could not merge.

use crate::diagnostic::{Diagnostic, Rule, shell_word};
use crate::span::{Source, Span};

/// The lines that begin, separate and end a conflict.
const MARKERS: [&str; 3] = ["<<<<<<<", "=======", ">>>>>>>"];

/// Start of every encrypted value.
const CIPHERTEXT: &str = "ENC[AES256_GCM,";

/// The first complete conflict in a text. In a text that can be parsed, such lines are a value.
pub fn find_conflict(source: &Source) -> Option<Diagnostic> {
    let text = source.text();
    let (mut wanted, mut at, mut first) = (0, 0, 0);
    for line in text.split_inclusive('\n') {
        let is_marker = MARKERS.get(wanted).is_some_and(|marker| is_marker(line, marker));
        if is_marker {
            first = if wanted == 0 { at } else { first };
            wanted += 1;
        }
        at += line.len();
    }
    if wanted < MARKERS.len() {
        return None;
    }
    let word = shell_word(source.name());
    let found = Diagnostic::error(Rule::MergeConflict, "unresolved Git merge conflict")
        .at_masked(source.place(Span::locate(text, first, first)));
    Some(if text.contains(CIPHERTEXT) {
        found
            .note("an encrypted file cannot be merged line by line: its MAC covers all values")
            .hint(format!(
                "choose one version as a whole with `git checkout --ours -- {word}` or `--theirs`, then repeat the other side's changes with `septum edit {word}`"
            ))
            .hint(format!(
                "or let Git merge by values: set up `septum git-merge` as described in docs/git.md, then run `git checkout --merge -- {word}`"
            ))
    } else {
        found.hint("keep the lines you want, and remove those with `<<<<<<<`, `=======` and `>>>>>>>`")
    })
}

fn is_marker(line: &str, marker: &str) -> bool {
    let line = line.trim_end_matches(['\n', '\r']);
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_three_markers_at_the_starts_of_lines_are_a_conflict() {
        for (text, expected) in [
            ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> topic\n", Some(2)),
            ("<<<<<<< HEAD\r\n=======\r\n>>>>>>> x\r\n", Some(1)),
            ("<<<<<<< a\n||||||| b\nx\n=======\n>>>>>>> c", Some(1)),
            ("<<<<<<< a\nb\n=======\n", None),
            ("=======\n>>>>>>> a\n<<<<<<< b\n", None),
            ("  <<<<<<< a\n  =======\n  >>>>>>> b\n", None),
            ("<<<<<<<<\n=======\n>>>>>>> b\n", None),
            ("", None),
        ] {
            let found = find_conflict(&Source::new("x", text)).map(|found| found.labels[0].place.span.line);
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
