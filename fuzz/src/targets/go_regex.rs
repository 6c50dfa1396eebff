//! Regular expressions of Go. `tables/go_regex.jsonl` holds what Go itself makes of some.

use septum::budget::reset_budgets;
use septum::go_regex::{RegexError, compile_for_bytes, compile_for_text};

use crate::input::first_parts;

/// Input: an expression, and a text.
pub(crate) fn check(data: &[u8]) {
    let [pattern, text] = first_parts::<2>(data);
    let pattern = pattern.trim_end_matches('\n');
    match (compile_for_text(pattern), compile_for_bytes(pattern)) {
        (Ok(of_text), Ok(of_bytes)) => {
            // `\B` may hold within a character of bytes
            if !pattern.contains("\\B") {
                assert_eq!(of_text.is_match(&text), of_bytes.is_match(text.as_bytes()), "of texts and of bytes");
            }
        }
        (Err(of_text), Err(of_bytes)) => [of_text, of_bytes].iter().for_each(|error| check_error(error, pattern)),
        (one, other) => panic!("taken for one of texts and bytes: {:?} {:?}", one.err(), other.err()),
    }
    // the expression may have been a large one
    reset_budgets();
    if !text.contains("\\E") && text.len() < 1000 {
        let quoted = compile_for_text(&format!("\\Q{text}\\E")).expect("quoted text is an expression");
        assert_eq!(quoted.find(&text).map(|found| found.range()), Some(0..text.len()));
    }
}

fn check_error(error: &RegexError, pattern: &str) {
    assert!(!error.reason.is_empty() && !error.reason.contains('\n'), "{error:?}");
    if let Some((start, end)) = error.at {
        assert!(pattern.get(start..end).is_some(), "{error:?}");
    }
}
