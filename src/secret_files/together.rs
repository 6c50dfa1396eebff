//! Parallel work on many files.

use crate::diagnostic::Diagnostics;
use crate::parallel;

/// Applies a function to each item, on all cores. The results have the order of the items; where some fail, all
/// problems of all of them are reported, and there are no results.
pub fn par_map<T: Send, R: Send>(
    things: Vec<T>,
    work: impl Fn(T) -> Result<R, Diagnostics> + Sync + Send,
) -> Result<Vec<R>, Diagnostics> {
    let results = parallel::par_map(things, 1, work);
    let mut found = Diagnostics::new();
    let mut done = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(result) => done.push(result),
            Err(problems) => found.extend(problems),
        }
    }
    if found.is_empty() { Ok(done) } else { Err(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    #[test]
    fn results_are_in_order_and_failures_told_together() {
        let all: Vec<usize> = (0..100).collect();
        assert_eq!(par_map(all.clone(), Ok).expect("no failure"), all);
        assert_eq!(par_map(vec![7], Ok).expect("no failure"), [7]);
        let odd = |index: usize| match index % 2 {
            0 => Ok(()),
            _ => Err(Diagnostic::error(crate::diagnostic::Rule::Bug, index.to_string()).into()),
        };
        assert_eq!(par_map(all, odd).expect_err("odd ones").len(), 50);
    }
}
