//! Comparison of texts.

#![allow(dead_code, reason = "each test uses a part of it")]

/// Panics if two texts differ, and shows both, with the first line that differs.
#[track_caller]
pub(crate) fn assert_text(case: &str, expected: &str, actual: &str) {
    let (expected, actual) = (expected.trim_end(), actual.trim_end());
    if expected == actual {
        return;
    }
    let same = expected.lines().zip(actual.lines()).take_while(|(expected, actual)| expected == actual).count();
    panic!(
        "{case}: differs in line {}\n=== expected\n{expected}\n=== actual\n{actual}\n=== first difference\n- {}\n+ {}",
        same + 1,
        expected.lines().nth(same).unwrap_or("(nothing)"),
        actual.lines().nth(same).unwrap_or("(nothing)"),
    );
}

/// Lines of one text that are not in the other, and the other way round, by what stands before `:` or `=`.
pub(crate) fn changed_lines(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let only = |one: &str, other: &str| {
        let mut rest: Vec<&str> = other.lines().collect();
        let mut only = Vec::new();
        for line in one.lines() {
            match rest.iter().position(|known| *known == line) {
                Some(at) => drop(rest.remove(at)),
                None => {
                    only.push(
                        line.trim_start()
                            .split([':', '='])
                            .next()
                            .unwrap_or_default()
                            .trim_matches(['"', ' '])
                            .to_owned(),
                    );
                }
            }
        }
        only
    };
    (only(before, after), only(after, before))
}
