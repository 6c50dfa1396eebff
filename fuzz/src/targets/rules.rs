//! Rules in the format of gitleaks.

use septum::check::UserRules;
use septum::span::Source;

use crate::input::first_parts;
use crate::project::assert_placed;

/// Input: rules, the name of a value, and the value.
pub(crate) fn check(data: &[u8]) {
    let [rules, key, text] = first_parts::<3>(data);
    let rules = match UserRules::read(&Source::new("rules.toml", rules)) {
        Ok(rules) => rules,
        Err(problems) => {
            assert!(problems.has_errors(), "refused without an error");
            return assert_placed(&problems);
        }
    };
    let key = key.trim();
    for file in ["base.yaml", "environments/dev.yaml"] {
        let found = rules.find(key, &text, file);
        for hit in &found {
            assert!(text.get(hit.range.clone()).is_some_and(|part| !part.is_empty()), "{hit:?}");
            assert!(!hit.reason().is_empty());
        }
        assert_eq!(found, rules.find(key, &text, file), "another answer to the same question");
    }
}
